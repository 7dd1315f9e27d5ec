//! "Reference bias": the evaluation of the reference system, under its own name and to its printed digit.
//!
//! Accuracy over clips for each group; the bias of an attribute is the mean absolute difference over all pairs of its
//! groups; the average bias is the mean over attributes. Most of such a number is sampling noise: see `docs/statistics.md`.

use std::collections::BTreeMap;

use cohort_tables::{LabelTable, Predictions};
use serde::{Deserialize, Serialize};

use crate::attribute::Attribute;
use crate::frame::Frame;
use crate::measure::Measure;
use crate::{AuditSettings, EvalError, Metric};

/// The reference's bias figures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ReferenceBias {
    /// Mean over the attributes.
    pub average: f64,
    /// Mean absolute difference of the accuracies over all pairs of groups, by attribute.
    #[serde(flatten)]
    pub attributes: BTreeMap<String, f64>,
}

/// Clips and accuracy of each group, in the order of codes.
fn accuracies(frame: &Frame, attribute: &Attribute) -> Vec<(usize, f64)> {
    let right = |row: &usize| frame.truth.get(*row) == frame.predicted.get(*row);
    attribute
        .rows()
        .iter()
        .map(|rows| {
            (
                rows.len(),
                rows.iter().filter(|row| right(row)).count() as f64 / rows.len() as f64,
            )
        })
        .collect()
}

fn bias(accuracies: &[(usize, f64)]) -> f64 {
    let values: Vec<f64> = accuracies.iter().map(|group| group.1).collect();
    Measure::MeanPairwise.of(Metric::Accuracy, &values, f64::NAN)
}

/// The figures for every attribute with at least two groups (intersections left out).
pub(crate) fn reference_bias(frame: &Frame) -> ReferenceBias {
    let attributes: BTreeMap<String, f64> = frame
        .attributes
        .iter()
        .filter(|attribute| !attribute.is_cross)
        .map(|attribute| (attribute.name.clone(), bias(&accuracies(frame, attribute))))
        .filter(|(_, bias)| bias.is_finite())
        .collect();
    let n = attributes.len();
    let average = if n == 0 {
        0.0
    } else {
        attributes.values().sum::<f64>() / n as f64
    };
    ReferenceBias {
        average,
        attributes,
    }
}

/// The output of the reference's evaluation script, for these predictions: target first, then the other attributes.
///
/// Categories of the target are printed by code, those of other attributes by name, as the reference does.
///
/// # Errors
/// [`EvalError`] as in [`crate::audit`].
pub fn reference_evaluation(
    predictions: &Predictions,
    labels: &LabelTable,
    settings: &AuditSettings,
) -> Result<String, EvalError> {
    let frame = Frame::new(
        predictions,
        labels,
        &AuditSettings {
            intersections: false,
            ..settings.clone()
        },
    )?;
    let right = frame
        .truth
        .iter()
        .zip(&frame.predicted)
        .filter(|(a, b)| a == b)
        .count();
    let mut text = String::new();
    text.push_str("----\n");
    text.push_str(&format!(
        "Global Average accuracy = {:.4}\n----\n",
        right as f64 / frame.truth.len() as f64
    ));
    let title = |a: &Attribute| {
        if a.is_target {
            "Age".to_string()
        } else {
            a.name.clone()
        }
    };
    let mut biases = Vec::new();
    let mut comparisons = String::new();
    for attribute in &frame.attributes {
        let groups = accuracies(&frame, attribute);
        let counts: Vec<String> = groups.iter().map(|group| group.0.to_string()).collect();
        let of = if attribute.is_target {
            String::new()
        } else {
            format!(" ({})", attribute.names.join(" | "))
        };
        text.push_str(&format!(
            "{} distribution{of} =  [{}]\n",
            title(attribute),
            counts.join(", ")
        ));
        for ((group, code), name) in groups.iter().zip(&attribute.codes).zip(&attribute.names) {
            let category = if attribute.is_target {
                format!("age category {code}")
            } else {
                format!("{name} category")
            };
            text.push_str(&format!(
                "Average accuracy of {category} = {:.4}\n",
                group.1
            ));
        }
        text.push_str("----\n");
        let list: Vec<String> = groups
            .iter()
            .map(|group| format!("{:?}", group.1))
            .collect();
        comparisons.push_str(&format!(
            "--- {} bias ---\n[{}]\n",
            title(attribute),
            list.join(", ")
        ));
        for (i, a) in groups.iter().enumerate() {
            for b in groups.iter().skip(i + 1) {
                comparisons.push_str(&format!(
                    "acc[{:.4}]-acc[{:.4}] = {:.4}\n",
                    a.1,
                    b.1,
                    (a.1 - b.1).abs()
                ));
            }
        }
        let bias = bias(&groups);
        if bias.is_finite() {
            biases.push(bias);
        }
        comparisons.push_str(&format!("{} bias = {bias:.4}\n", title(attribute)));
    }
    text.push_str(&comparisons);
    let average = biases.iter().sum::<f64>() / biases.len().max(1) as f64;
    text.push_str(&format!("=======\nAverage bias = {average:.4}\n=======\n"));
    Ok(text)
}
