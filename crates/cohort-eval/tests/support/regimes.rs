//! Samples in which intervals are hard to make: few subjects with most clips, two models that hardly differ, calibrated
//! models, models that are nearly always right.
#![allow(dead_code)]

use super::{Columns, Draw, OrderedModel, Sizes};

/// Who holds the clips.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Holders {
    /// So many subjects hold this share of all clips together, in equal parts.
    Few(usize, f64),
    /// Pareto sizes with this exponent, at most 500 clips.
    Pareto(f64),
}

impl Holders {
    /// Clips of each subject; those that are not large have one to six.
    pub fn clips(self, draw: &mut Draw, subjects: usize) -> Vec<usize> {
        match self {
            Holders::Few(few, share) => {
                let small: Vec<usize> = (few..subjects)
                    .map(|_| Sizes::OneToSix.draw(draw))
                    .collect();
                let all = small.iter().sum::<usize>() as f64 / (1.0 - share);
                let large = (all * share / few as f64).round() as usize;
                let mut clips = vec![large; few];
                clips.extend(small);
                clips
            }
            Holders::Pareto(exponent) => (0..subjects)
                .map(|_| draw.uniform().powf(-1.0 / exponent).min(500.0) as usize)
                .collect(),
        }
    }
}

/// Four classes alike, as in the study of every metric.
pub fn even_classes() -> OrderedModel {
    OrderedModel {
        prevalence: vec![0.25; 4],
        gain: 0.7,
        subject_error: 0.6,
        clip_error: 0.5,
    }
}

/// A second model that answers otherwise than `first` on a share `differ` of the subjects: on each of their clips with a
/// chance of 0.7, then right with a chance of `better`, else off by one class.
pub fn differing(
    draw: &mut Draw,
    first: &Columns,
    classes: usize,
    differ: f64,
    better: f64,
) -> Columns {
    let mut second = first.clone();
    let mut last = None;
    let mut other = false;
    for row in 0..first.truth.len() {
        if last != Some(first.subject[row]) {
            last = Some(first.subject[row]);
            other = draw.uniform() < differ;
        }
        if other && draw.uniform() < 0.7 {
            let truth = first.truth[row];
            second.predicted[row] = if draw.uniform() < better {
                truth
            } else if truth + 1 < classes {
                truth + 1
            } else {
                truth - 1
            };
            let p = &mut second.probabilities[row * classes..(row + 1) * classes];
            p.fill(0.3 / (classes as f64 - 1.0));
            p[second.predicted[row]] = 0.7;
        }
    }
    second
}

/// A model of four classes whose probabilities are what comes true (`sharper` 1), or are raised to that power and divided by
/// their sum: too sure of itself above 1. Subjects have a tendency of their own.
pub fn calibrated(draw: &mut Draw, subjects: usize, sharper: f64) -> Columns {
    let mut columns = Columns::default();
    for subject in 0..subjects {
        let own: Vec<f64> = (0..4).map(|_| draw.normal()).collect();
        for _ in 0..Sizes::OneToSix.draw(draw) {
            let weights: Vec<f64> = own
                .iter()
                .map(|own| (own + 0.6 * draw.normal()).exp())
                .collect();
            columns.truth.push(draw.index(&weights));
            let stated: Vec<f64> = weights.iter().map(|w| w.powf(sharper)).collect();
            let total: f64 = stated.iter().sum();
            let largest = stated.iter().copied().fold(0.0, f64::max);
            columns
                .predicted
                .push(stated.iter().position(|&p| p == largest).unwrap());
            columns.subject.push(subject);
            columns
                .probabilities
                .extend(stated.iter().map(|p| p / total));
        }
    }
    columns
}

/// Three classes, right on all but a share `wrong` of the clips: with a probability of .9 to .99 where right, and .5 to .9
/// on another class where wrong.
pub fn nearly_right(draw: &mut Draw, subjects: usize, wrong: f64) -> Columns {
    let mut columns = Columns::default();
    for subject in 0..subjects {
        // Wrong answers come in some subjects rather than others.
        let own = draw.beta(wrong * 4.0, (1.0 - wrong) * 4.0);
        for _ in 0..Sizes::OneToSix.draw(draw) {
            let truth = draw.index(&[1.0; 3]);
            let errs = draw.uniform() < own;
            let predicted = if errs { (truth + 1) % 3 } else { truth };
            let sure = if errs {
                0.5 + 0.4 * draw.uniform()
            } else {
                0.9 + 0.09 * draw.uniform()
            };
            let mut p = [(1.0 - sure) / 2.0; 3];
            p[predicted] = sure;
            columns.truth.push(truth);
            columns.predicted.push(predicted);
            columns.subject.push(subject);
            columns.probabilities.extend(p);
        }
    }
    columns
}

/// Predictions and labels of subjects of whom a third has four times as many clips, with three times the error.
pub fn more_clips_harder(
    draw: &mut Draw,
    subjects: usize,
) -> (cohort_tables::Predictions, cohort_tables::LabelTable) {
    let easy = even_classes();
    let hard = OrderedModel {
        subject_error: 3.0 * easy.subject_error,
        clip_error: 3.0 * easy.clip_error,
        ..easy.clone()
    };
    let mut all = Columns::default();
    for subject in 0..subjects {
        let model = if subject % 3 == 0 { &hard } else { &easy };
        let clips = Sizes::OneToSix.draw(draw) * if subject % 3 == 0 { 4 } else { 1 };
        let one = model.sample_of(draw, &[clips]);
        all.subject.extend(vec![subject; clips]);
        all.truth.extend(one.truth);
        all.predicted.extend(one.predicted);
        all.probabilities.extend(one.probabilities);
    }
    let names: Vec<String> = (0..all.truth.len())
        .map(|row| format!("c{row}.mp4"))
        .collect();
    let labels = cohort_tables::LabelTable {
        names: names.clone(),
        columns: vec![
            cohort_tables::LabelColumn {
                name: "UserID".into(),
                values: all.subject.iter().map(ToString::to_string).collect(),
            },
            cohort_tables::LabelColumn {
                name: "AgeGroup".into(),
                values: all.truth.iter().map(ToString::to_string).collect(),
            },
        ],
    };
    let predictions = cohort_tables::Predictions {
        names,
        classes: (0..4).map(|k| k.to_string()).collect(),
        truth: Some(all.truth),
        predicted: all.predicted,
        probabilities: Some(all.probabilities),
    };
    (predictions, labels)
}
