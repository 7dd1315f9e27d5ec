//! A made-up study: subjects with one to six clips, seven imbalanced ordered classes, three models of planted strength.

#![allow(dead_code)]

use cohort_fusion::ModelPredictions;
use cohort_tables::{LabelColumn, LabelTable, Predictions};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

pub const CLASSES: usize = 7;
/// The class shares of First Impressions.
const SHARES: [f64; CLASSES] = [0.002, 0.025, 0.207, 0.495, 0.226, 0.036, 0.009];
/// How far each modality's noisy reading of the class is from the class, in classes: face, voice, words.
pub const NOISE: [(&str, f64); 3] = [("image", 1.0), ("audio", 1.6), ("text", 3.5)];

pub struct Draws(ChaCha8Rng);

impl Draws {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    fn class(&mut self, shares: &[f64; CLASSES]) -> usize {
        let u = self.uniform();
        let mut sum = 0.0;
        shares
            .iter()
            .position(|share| {
                sum += share;
                u < sum
            })
            .unwrap_or(3)
    }
}

pub struct Study {
    pub modalities: Vec<ModelPredictions>,
    pub labels: LabelTable,
}

/// A study with so many subjects a split. Each model answers as if all classes were equally frequent (as models trained with
/// inverse-frequency weights do) and is over-confident by the factor 2; half of a reading's noise is the subject's own.
pub fn study(valid_subjects: usize, test_subjects: usize, seed: u64) -> Study {
    study_of(&SHARES, valid_subjects, test_subjects, seed)
}

/// The same with equally frequent classes: among the subjects of [`study`] the rarest class has one or none, and macro metrics
/// hang on them.
pub fn balanced_study(valid_subjects: usize, test_subjects: usize, seed: u64) -> Study {
    study_of(
        &[1.0 / CLASSES as f64; CLASSES],
        valid_subjects,
        test_subjects,
        seed,
    )
}

fn study_of(
    shares: &[f64; CLASSES],
    valid_subjects: usize,
    test_subjects: usize,
    seed: u64,
) -> Study {
    let mut draws = Draws::new(seed);
    let mut labels = LabelTable {
        names: Vec::new(),
        columns: ["UserID", "Gender"]
            .map(|name| LabelColumn {
                name: name.into(),
                values: Vec::new(),
            })
            .into(),
    };
    let mut modalities: Vec<ModelPredictions> = NOISE
        .iter()
        .map(|(name, _)| ModelPredictions {
            name: name.to_string(),
            ..ModelPredictions::default()
        })
        .collect();
    for (split, subjects) in [("v", valid_subjects), ("t", test_subjects)] {
        let mut tables = vec![empty(); NOISE.len()];
        for s in 0..subjects {
            let class = draws.class(shares);
            let own: Vec<f64> = NOISE.iter().map(|_| draws.normal()).collect();
            let clips = 1 + (draws.uniform() * 6.0) as usize;
            for clip in 0..clips {
                let name = format!("{split}{s:04}.{clip:03}.mp4");
                labels.names.push(name.clone());
                labels.columns[0].values.push(format!("{split}{s:04}"));
                labels.columns[1].values.push((1 + s % 2).to_string());
                for ((table, (_, noise)), own) in tables.iter_mut().zip(NOISE).zip(&own) {
                    let reading = class as f64 + noise * 0.5f64.sqrt() * (own + draws.normal());
                    push(table, &name, class, reading, noise);
                }
            }
        }
        for (modality, table) in modalities.iter_mut().zip(tables) {
            if split == "v" {
                modality.valid = table
            } else {
                modality.test = table
            }
        }
    }
    Study { modalities, labels }
}

pub fn empty() -> Predictions {
    Predictions {
        classes: (1..=CLASSES).map(|k| k.to_string()).collect(),
        truth: Some(Vec::new()),
        probabilities: Some(Vec::new()),
        ..Predictions::default()
    }
}

fn push(table: &mut Predictions, name: &str, class: usize, reading: f64, noise: f64) {
    let mut p: Vec<f64> = (0..CLASSES)
        .map(|k| (-((reading - k as f64) / noise).powi(2)).exp() + 1e-12)
        .collect();
    let total: f64 = p.iter().sum();
    p.iter_mut().for_each(|p| *p /= total);
    let best = (0..CLASSES).fold(0, |best, k| if p[k] > p[best] { k } else { best });
    table.names.push(name.to_string());
    table.truth.as_mut().unwrap().push(class);
    table.predicted.push(best);
    table.probabilities.as_mut().unwrap().extend(p);
}

/// The rows of a table in the given order.
pub fn rows(table: &Predictions, order: &[usize]) -> Predictions {
    let k = table.classes.len();
    let pick = |values: &[usize]| order.iter().map(|&i| values[i]).collect::<Vec<_>>();
    let p = table.probabilities.as_ref().unwrap();
    Predictions {
        names: order.iter().map(|&i| table.names[i].clone()).collect(),
        classes: table.classes.clone(),
        truth: table.truth.as_deref().map(pick),
        predicted: pick(&table.predicted),
        probabilities: Some(
            order
                .iter()
                .flat_map(|&i| p[i * k..(i + 1) * k].to_vec())
                .collect(),
        ),
    }
}
