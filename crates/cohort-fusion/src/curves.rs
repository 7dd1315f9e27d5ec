//! Degradation curves: each metric against the severity of a disturbance, for late and joint models.

use std::collections::BTreeSet;

use cohort_eval::{IntervalSettings, Metric, Sample, intervals};
use cohort_tables::{Nouns, Predictions, clip_id};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::aggregate::Figure;
use crate::fuse::FUSION_METRICS;
use crate::{FusionError, Subjects};

/// Version of the record.
pub const DEGRADATION_SCHEMA: &str = "cohort.degradation/1";

/// Predictions of one model for clips that were degraded in one way to one degree.
#[derive(Debug, Clone, PartialEq)]
pub struct DegradedPredictions {
    /// The model, e.g. `late` or `joint gated`.
    pub model: String,
    /// The disturbance, e.g. `noise`, `blur`, `words dropped`.
    pub degradation: String,
    /// Its degree, in `unit`; finite.
    pub severity: f64,
    /// Unit of the severity, e.g. `dB`, `share of words`.
    pub unit: String,
    /// What the model says of the degraded clips.
    pub predictions: Predictions,
}

/// Metrics against severity; JSON `cohort.degradation/1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    /// `cohort.degradation/1`.
    pub schema: String,
    /// How subjects were found.
    pub subjects_by: String,
    /// What an item and a unit are called; absent for clips of subjects.
    #[serde(default, skip_serializing_if = "Nouns::are_usual")]
    pub nouns: Nouns,
    /// Clips, the same at every point.
    pub clips: usize,
    /// Sorted by degradation, model and severity.
    pub points: Vec<CurvePoint>,
    /// What of the data set's tables was read otherwise than it was written, a line each; absent where nothing was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One point of the curves of one model under one degradation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// The disturbance.
    pub degradation: String,
    /// The model.
    pub model: String,
    /// Degree of the disturbance.
    pub severity: f64,
    /// Its unit.
    pub unit: String,
    /// Each metric with its interval by subject.
    pub figures: Vec<Figure>,
}

/// Scores every table; all must hold the same clips, so that points can be compared.
///
/// # Errors
/// [`FusionError`]: a table without ground truth, with other clips than the first, or at a severity that is not finite;
/// the same point twice; clips without subject; interval settings out of range.
pub fn curves(
    inputs: &[DegradedPredictions],
    subjects: &Subjects,
    ordered: bool,
    settings: &IntervalSettings,
) -> Result<Curves, FusionError> {
    let clips_of = |table: &Predictions| -> BTreeSet<String> {
        table
            .names
            .iter()
            .map(|name| clip_id(name).to_string())
            .collect()
    };
    let Some(first) = inputs.first() else {
        return Err(FusionError::Modalities {
            expected: "predictions of at least one degradation".into(),
            found: "none".into(),
        });
    };
    let clips = clips_of(&first.predictions);
    for input in inputs {
        if !input.severity.is_finite() {
            return Err(FusionError::setting(
                "severity",
                "a finite number",
                input.severity,
            ));
        }
        let own = clips_of(&input.predictions);
        let different: Vec<&str> = own
            .symmetric_difference(&clips)
            .map(String::as_str)
            .collect();
        if !different.is_empty() {
            let expected = format!(
                "the same clips for {} under {} at {} as at the first point, and others",
                input.model, input.degradation, input.severity
            );
            return Err(FusionError::clips("degraded", expected, &different));
        }
    }
    let mut order: Vec<&DegradedPredictions> = inputs.iter().collect();
    order.sort_by(|a, b| {
        let key = |i: &DegradedPredictions| (i.degradation.clone(), i.model.clone());
        key(a).cmp(&key(b)).then(a.severity.total_cmp(&b.severity))
    });
    for pair in order.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        if a.degradation == b.degradation && a.model == b.model && a.severity == b.severity {
            return Err(FusionError::Modalities {
                expected: "every point once".into(),
                found: format!(
                    "{} under {} at {} twice",
                    a.model, a.degradation, a.severity
                ),
            });
        }
    }
    let points: Result<Vec<CurvePoint>, FusionError> = order
        .par_iter()
        .map(|input| point(input, subjects, ordered, settings))
        .collect();
    Ok(Curves {
        schema: DEGRADATION_SCHEMA.to_string(),
        subjects_by: subjects.describe(),
        nouns: Nouns::default(),
        clips: clips.len(),
        points: points?,
        notes: Vec::new(),
    })
}

fn point(
    input: &DegradedPredictions,
    subjects: &Subjects,
    ordered: bool,
    settings: &IntervalSettings,
) -> Result<CurvePoint, FusionError> {
    let table = &input.predictions;
    let Some(truth) = &table.truth else {
        return Err(FusionError::table(
            &input.model,
            "degraded",
            "ground truth",
            "none",
        ));
    };
    let (_, subject) = subjects.index("degraded", &table.names)?;
    let mut sample = Sample::new(table.classes.len(), truth, &table.predicted, &subject)?;
    if let Some(probabilities) = &table.probabilities {
        sample = sample.with_probabilities(probabilities)?;
    }
    if !ordered {
        sample = sample.unordered();
    }
    let metrics: Vec<Metric> = FUSION_METRICS
        .into_iter()
        .filter(|metric| metric.applies_to(&sample))
        .collect();
    let values = intervals(&metrics, &sample, settings)?;
    Ok(CurvePoint {
        degradation: input.degradation.clone(),
        model: input.model.clone(),
        severity: input.severity,
        unit: input.unit.clone(),
        figures: metrics
            .iter()
            .zip(values)
            .map(|(metric, interval)| Figure {
                metric: metric.name().to_string(),
                interval,
            })
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(model: &str, severity: f64, predicted: &[usize]) -> DegradedPredictions {
        DegradedPredictions {
            model: model.into(),
            degradation: "noise".into(),
            severity,
            unit: "dB".into(),
            predictions: Predictions {
                names: (0..predicted.len())
                    .map(|i| format!("s{i}.0.wav"))
                    .collect(),
                classes: vec!["1".into(), "2".into()],
                truth: Some((0..predicted.len()).map(|i| i % 2).collect()),
                predicted: predicted.to_vec(),
                probabilities: None,
            },
        }
    }

    fn run(inputs: &[DegradedPredictions]) -> Result<Curves, String> {
        let settings = IntervalSettings {
            resamples: 100,
            ..IntervalSettings::default()
        };
        curves(inputs, &Subjects::default(), true, &settings).map_err(|e| e.to_string())
    }

    #[test]
    fn points_are_sorted_and_scored() {
        let clean = [0, 1, 0, 1, 0, 1];
        let noisy = [0, 0, 0, 1, 0, 0];
        let found = run(&[
            input("late", 20.0, &noisy),
            input("joint", 5.0, &clean),
            input("late", 0.0, &clean),
        ])
        .unwrap();
        let seen: Vec<(&str, f64, f64)> = found
            .points
            .iter()
            .map(|p| {
                (
                    p.model.as_str(),
                    p.severity,
                    p.figures[0].interval.value().unwrap(),
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("joint", 5.0, 1.0),
                ("late", 0.0, 1.0),
                ("late", 20.0, 4.0 / 6.0)
            ]
        );
        assert_eq!(
            found.points[0].figures.len(),
            4,
            "no probabilities, no likelihood"
        );
    }

    #[test]
    fn points_that_cannot_be_compared_are_errors() {
        let cases = [
            (vec![], "expected predictions of at least one degradation"),
            (
                vec![input("late", f64::NAN, &[0, 1])],
                "setting severity: expected a finite number",
            ),
            (
                vec![input("late", 0.0, &[0, 1]), input("late", 1.0, &[0, 1, 0])],
                "found 1: s2.0",
            ),
            (
                vec![input("late", 1.0, &[0, 1]), input("late", 1.0, &[0, 1])],
                "late under noise at 1 twice",
            ),
        ];
        for (inputs, expected) in cases {
            let error = run(&inputs).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
