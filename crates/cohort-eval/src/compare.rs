//! Two models on the same clips.

use std::collections::{BTreeMap, HashSet};

use cohort_tables::{LabelTable, Predictions, clip_id, unify_ids};
use serde::{Deserialize, Serialize};

use crate::frame::Frame;
use crate::interval::tally_differences;
use crate::random::Stream;
use crate::tally::Tally;
use crate::{AuditSettings, EvalError, Interval, Metric, Sample};

/// Differences of every metric, the audited model minus the other, over the clips that both predict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Name of the other model.
    pub against: String,
    /// Clips that both predict.
    pub clips: usize,
    /// Clips that only the audited model predicts.
    pub only_here: usize,
    /// Clips that only the other predicts.
    pub only_there: usize,
    /// Over all clips.
    pub metrics: BTreeMap<Metric, Interval>,
    /// By group.
    pub groups: Vec<ComparisonRow>,
}

/// Differences in one group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComparisonRow {
    /// The label column.
    pub attribute: String,
    /// Code of the group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Differences by metric.
    #[serde(flatten)]
    pub metrics: BTreeMap<Metric, Interval>,
}

/// Compares two models by paired differences, clustered by subject.
///
/// # Errors
/// [`EvalError`] as in [`crate::audit`]; also when classes differ or no clip is in both.
pub fn compare(
    predictions: &Predictions,
    other: &Predictions,
    against: &str,
    labels: &LabelTable,
    settings: &AuditSettings,
) -> Result<Comparison, EvalError> {
    settings.check()?;
    if predictions.classes != other.classes {
        return Err(EvalError::Input {
            what: "two models",
            expected: "the same classes",
            found: format!(
                "{} and {}",
                predictions.classes.join(", "),
                other.classes.join(", ")
            ),
        });
    }
    let mut unified = (predictions.clone(), other.clone());
    unify_ids(&mut [&mut unified.0.names, &mut unified.1.names]);
    let (predictions, other) = (&unified.0, &unified.1);
    let ids = |p: &Predictions| -> HashSet<String> {
        p.names
            .iter()
            .map(|name| clip_id(name).to_string())
            .collect()
    };
    let (here, there) = (ids(predictions), ids(other));
    let a = Frame::new(&common(predictions, &there), labels, settings)?;
    let b = Frame::new(&common(other, &here), labels, settings)?;
    let (sample_a, sample_b) = (a.sample(settings)?, b.sample(settings)?);
    if a.truth != b.truth {
        return Err(EvalError::Input {
            what: "two models",
            expected: "the same ground truth for every clip",
            found: "different truths".into(),
        });
    }
    let metrics: Vec<Metric> = Metric::applicable(&sample_a)
        .into_iter()
        .filter(|metric| metric.applies_to(&sample_b))
        .collect();
    let intervals = settings.intervals();
    let differences = |metrics: &[Metric], rows: Option<&[usize]>, names: &[&str]| {
        let tally = |sample: &Sample| Tally::new(sample, rows);
        let stream = Stream::new(settings.seed, names);
        let found = tally_differences(
            metrics,
            &tally(&sample_a),
            &tally(&sample_b),
            &intervals,
            stream,
        );
        metrics
            .iter()
            .copied()
            .zip(found)
            .collect::<BTreeMap<_, _>>()
    };
    let mut groups = Vec::new();
    for attribute in &a.attributes {
        let metrics: Vec<Metric> = metrics
            .iter()
            .copied()
            .filter(|m| !attribute.is_target || m.is_mean())
            .collect();
        for ((code, name), rows) in attribute
            .codes
            .iter()
            .zip(&attribute.names)
            .zip(attribute.rows())
        {
            groups.push(ComparisonRow {
                attribute: attribute.name.clone(),
                group: code.clone(),
                name: name.clone(),
                metrics: differences(&metrics, Some(&rows), &["compare", &attribute.name, code]),
            });
        }
    }
    Ok(Comparison {
        against: against.to_string(),
        clips: a.truth.len(),
        only_here: here.difference(&there).count(),
        only_there: there.difference(&here).count(),
        metrics: differences(&metrics, None, &["compare"]),
        groups,
    })
}

/// The rows whose clip is among `ids`.
fn common(predictions: &Predictions, ids: &HashSet<String>) -> Predictions {
    let rows: Vec<usize> = (0..predictions.len())
        .filter(|&row| {
            predictions
                .names
                .get(row)
                .is_some_and(|name| ids.contains(clip_id(name)))
        })
        .collect();
    let pick = |values: &[usize]| -> Vec<usize> { rows.iter().map(|&row| values[row]).collect() };
    Predictions {
        names: rows
            .iter()
            .map(|&row| predictions.names[row].clone())
            .collect(),
        classes: predictions.classes.clone(),
        truth: predictions.truth.as_deref().map(pick),
        predicted: pick(&predictions.predicted),
        probabilities: predictions.probabilities.as_ref().map(|_| {
            rows.iter()
                .flat_map(|&row| {
                    let p = predictions.row(row);
                    p.expect("a table with probabilities has them for every row")
                        .iter()
                        .copied()
                })
                .collect()
        }),
    }
}
