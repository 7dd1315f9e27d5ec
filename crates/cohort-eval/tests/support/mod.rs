//! Synthetic subjects with a known truth, for studies of coverage, false alarms and power.
#![allow(dead_code)]

pub mod group_regimes;
pub mod regimes;

use std::path::PathBuf;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Random numbers of the study.
pub struct Draw(ChaCha8Rng);

impl Draw {
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(stream);
        Self(generator)
    }

    /// Uniform on (0, 1).
    pub fn uniform(&mut self) -> f64 {
        ((self.0.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Standard normal (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Gamma with unit scale (Marsaglia and Tsang 2000).
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            // In logs, since the power underflows for small shapes.
            return (self.gamma(shape + 1.0).ln() + self.uniform().ln() / shape).exp();
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.uniform().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    /// Beta; one of the two ends where both gammas underflow.
    pub fn beta(&mut self, a: f64, b: f64) -> f64 {
        let (x, y) = (self.gamma(a), self.gamma(b));
        if x + y > 0.0 {
            x / (x + y)
        } else {
            f64::from(self.uniform() < a / (a + b))
        }
    }

    pub fn index(&mut self, weights: &[f64]) -> usize {
        let mut at = self.uniform() * weights.iter().sum::<f64>();
        for (i, w) in weights.iter().enumerate() {
            at -= w;
            if at < 0.0 {
                return i;
            }
        }
        weights.len() - 1
    }
}

/// How many clips a subject has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sizes {
    /// Three each.
    Equal,
    /// One to six, about as in First Impressions (mean 3.3).
    OneToSix,
    /// Log-normal with coefficient of variation about 1, mean about 8.
    Heavy,
}

impl Sizes {
    pub fn draw(self, draw: &mut Draw) -> usize {
        match self {
            Sizes::Equal => 3,
            Sizes::OneToSix => 1 + draw.index(&[0.16, 0.21, 0.22, 0.17, 0.14, 0.10]),
            Sizes::Heavy => ((1.7 + 0.83 * draw.normal()).exp().round() as usize).clamp(1, 60),
        }
    }
}

/// How the subjects' own rates are distributed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Family {
    /// Beta, so that counts are beta-binomial.
    Beta,
    /// Normal on the logit scale.
    LogitNormal,
}

/// Subjects with rates of mean `mean` and intraclass correlation `icc`.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    pub family: Family,
    pub mean: f64,
    pub icc: f64,
    /// Centre and spread on the logit scale, for the logit-normal family.
    logit: (f64, f64),
}

impl Rates {
    pub fn new(family: Family, mean: f64, icc: f64) -> Self {
        let logit = if family == Family::LogitNormal && icc > 0.0 {
            solve_logit_normal(mean, icc)
        } else {
            (0.0, 0.0)
        };
        Self {
            family,
            mean,
            icc,
            logit,
        }
    }

    pub fn draw(&self, draw: &mut Draw) -> f64 {
        if self.icc <= 0.0 {
            return self.mean;
        }
        match self.family {
            Family::Beta => {
                let total = (1.0 - self.icc) / self.icc;
                draw.beta(self.mean * total, (1.0 - self.mean) * total)
            }
            Family::LogitNormal => {
                1.0 / (1.0 + (-(self.logit.0 + self.logit.1 * draw.normal())).exp())
            }
        }
    }
}

/// Mean and variance of `1 / (1 + exp(-(a + s z)))`, by a fine grid over z.
fn logit_normal_moments(a: f64, s: f64) -> (f64, f64) {
    let (mut mass, mut mean, mut square) = (0.0, 0.0, 0.0);
    for i in -400..=400 {
        let z = f64::from(i) / 50.0;
        let w = (-0.5 * z * z).exp();
        let p = 1.0 / (1.0 + (-(a + s * z)).exp());
        mass += w;
        mean += w * p;
        square += w * p * p;
    }
    (mean / mass, square / mass - (mean / mass).powi(2))
}

fn solve_logit_normal(mean: f64, icc: f64) -> (f64, f64) {
    let centre = |s: f64| {
        let (mut low, mut high) = (-400.0, 400.0);
        for _ in 0..80 {
            let middle = 0.5 * (low + high);
            if logit_normal_moments(middle, s).0 < mean {
                low = middle
            } else {
                high = middle
            }
        }
        0.5 * (low + high)
    };
    let (mut low, mut high) = (0.0, 60.0);
    for _ in 0..50 {
        let s = 0.5 * (low + high);
        let variance = logit_normal_moments(centre(s), s).1;
        if variance < icc * mean * (1.0 - mean) {
            low = s
        } else {
            high = s
        }
    }
    let s = 0.5 * (low + high);
    (centre(s), s)
}

/// Columns of a synthetic sample.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    pub truth: Vec<usize>,
    pub predicted: Vec<usize>,
    pub subject: Vec<usize>,
    pub probabilities: Vec<f64>,
}

/// Right and wrong decisions (two classes, the truth always 1).
pub fn right_or_wrong(draw: &mut Draw, subjects: usize, sizes: Sizes, rates: &Rates) -> Columns {
    let mut columns = Columns::default();
    for subject in 0..subjects {
        let rate = rates.draw(draw);
        for _ in 0..sizes.draw(draw) {
            columns.truth.push(1);
            columns.predicted.push(usize::from(draw.uniform() < rate));
            columns.subject.push(subject);
        }
    }
    columns
}

/// A model of ordered classes: a latent score, `gain * class + subject + clip`, cut at the class borders, with
/// probabilities from the same score.
#[derive(Debug, Clone)]
pub struct OrderedModel {
    pub prevalence: Vec<f64>,
    pub gain: f64,
    /// Standard deviations of the subject's and the clip's error, in classes.
    pub subject_error: f64,
    pub clip_error: f64,
}

impl OrderedModel {
    pub fn sample(&self, draw: &mut Draw, subjects: usize, sizes: Sizes) -> Columns {
        self.sample_about(draw, self.centre(), subjects, sizes, 1)
    }

    /// The class that scores are drawn towards.
    pub fn centre(&self) -> f64 {
        let classes = self.prevalence.iter().enumerate();
        classes.map(|(class, p)| class as f64 * p).sum::<f64>()
            / self.prevalence.iter().sum::<f64>()
    }

    /// `repeats` times as many clips as `sizes` gives.
    fn sample_about(
        &self,
        draw: &mut Draw,
        centre: f64,
        subjects: usize,
        sizes: Sizes,
        repeats: usize,
    ) -> Columns {
        let mut columns = Columns::default();
        for subject in 0..subjects {
            self.add(draw, centre, &mut columns, subject, |draw| {
                repeats * sizes.draw(draw)
            });
        }
        columns
    }

    /// Subjects with these numbers of clips.
    pub fn sample_of(&self, draw: &mut Draw, clips: &[usize]) -> Columns {
        let mut columns = Columns::default();
        for (subject, &clips) in clips.iter().enumerate() {
            self.add(draw, self.centre(), &mut columns, subject, |_| clips);
        }
        columns
    }

    fn add(
        &self,
        draw: &mut Draw,
        centre: f64,
        columns: &mut Columns,
        subject: usize,
        clips: impl FnOnce(&mut Draw) -> usize,
    ) {
        let k = self.prevalence.len();
        let class = draw.index(&self.prevalence);
        let offset = self.subject_error * draw.normal();
        for _ in 0..clips(draw) {
            let score = centre
                + self.gain * (class as f64 - centre)
                + offset
                + self.clip_error * draw.normal();
            columns.truth.push(class);
            columns
                .predicted
                .push(score.round().clamp(0.0, k as f64 - 1.0) as usize);
            columns.subject.push(subject);
            let p: Vec<f64> = (0..k)
                .map(|c| (-(c as f64 - score).powi(2)).exp() + 0.01)
                .collect();
            let sum: f64 = p.iter().sum();
            columns.probabilities.extend(p.iter().map(|p| p / sum));
        }
    }
}

/// What differs between the groups of the first attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Groups {
    /// Nothing.
    Alike,
    /// The second group has far more of the first classes, which are harder to guess.
    OtherClasses,
    /// The second group has three times as many clips a subject.
    MoreClips,
    /// The second group's subjects differ more from each other, with the same error on average.
    OtherSpread,
    /// Every decision of the second group is replaced by a guess with this chance.
    Worse(f64),
}

/// Predictions and labels with the attributes `A` (two groups, 1 to 2), `B` (three, 4 to 85 to 11) and `C` (four even).
pub fn audited(
    draw: &mut Draw,
    model: &OrderedModel,
    subjects: usize,
    groups: Groups,
) -> (cohort_tables::Predictions, cohort_tables::LabelTable) {
    let classes = model.prevalence.len();
    let mut table: Vec<[String; 6]> = Vec::new();
    let (mut truth, mut predicted, mut probabilities) = (Vec::new(), Vec::new(), Vec::new());
    for s in 0..subjects {
        let a = draw.index(&[1.0, 0.5]);
        let (b, c) = (draw.index(&[0.04, 0.85, 0.11]), draw.index(&[1.0; 4]));
        let mut own = model.clone();
        if a == 1 && groups == Groups::OtherClasses {
            let weights = (1..=classes).rev().map(|k| (k * k) as f64);
            own.prevalence
                .iter_mut()
                .zip(weights)
                .for_each(|(p, w)| *p *= w);
        }
        if a == 1 && groups == Groups::OtherSpread {
            // The same total variance, all of it between subjects.
            own.subject_error = own.subject_error.hypot(own.clip_error);
            own.clip_error = 0.0;
        }
        let repeats = if a == 1 && groups == Groups::MoreClips {
            3
        } else {
            1
        };
        // One subject of a centre that all share: `sample` draws class, offset and clips.
        let mut one = own.sample_about(draw, model.centre(), 1, Sizes::OneToSix, repeats);
        if let (1, Groups::Worse(chance)) = (a, groups) {
            for (row, p) in one.probabilities.chunks_exact_mut(classes).enumerate() {
                if draw.uniform() < chance {
                    p.fill(1.0 / classes as f64);
                    one.predicted[row] = draw.index(&model.prevalence);
                }
            }
        }
        for row in 0..one.truth.len() {
            table.push([
                format!("s{s}.{row}.mp4"),
                format!("s{s}"),
                one.truth[row].to_string(),
                a.to_string(),
                b.to_string(),
                c.to_string(),
            ]);
        }
        truth.extend(one.truth);
        predicted.extend(one.predicted);
        probabilities.extend(one.probabilities);
    }
    let column = |i: usize| {
        table
            .iter()
            .map(|row| row[i].clone())
            .collect::<Vec<String>>()
    };
    let predictions = cohort_tables::Predictions {
        names: column(0),
        classes: (0..classes).map(|k| k.to_string()).collect(),
        truth: Some(truth),
        predicted,
        probabilities: Some(probabilities),
    };
    let columns = ["UserID", "AgeGroup", "A", "B", "C"];
    let columns = columns
        .iter()
        .enumerate()
        .map(|(i, name)| cohort_tables::LabelColumn {
            name: name.to_string(),
            values: column(i + 1),
        });
    (
        predictions,
        cohort_tables::LabelTable {
            names: column(0),
            columns: columns.collect(),
        },
    )
}

/// The folder of the real tables: `COHORT_SHARED`, or `shared` beside the repository.
pub fn first_impressions() -> Option<PathBuf> {
    let shared = std::env::var_os("COHORT_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = shared.join("data/first-impressions");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: {} is not there", folder.display());
    None
}
