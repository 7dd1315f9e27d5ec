//! The true class of each row, which predictions and labels may both state.

use std::borrow::Cow;
use std::collections::BTreeMap;

use cohort_tables::{LabelTable, Predictions, code, fold};

use crate::error::{EvalError, LISTED};
use crate::settings::AuditSettings;

/// True class of each joined row, from the predictions or the labels' target column, which must agree.
pub(crate) fn truth(
    predictions: &Predictions,
    labels: &LabelTable,
    settings: &AuditSettings,
    joined: &[(usize, usize)],
) -> Result<Vec<usize>, EvalError> {
    let target = labels.column(&settings.target);
    let code_of = |class: usize| predictions.classes.get(class).map_or("", String::as_str);
    match (&predictions.truth, target) {
        (Some(truth), None) => Ok(gather(truth, joined)),
        (Some(truth), Some(target)) => {
            for &(row, label) in joined {
                let (Some(&class), Some(of_label)) = (truth.get(row), target.get(label)) else {
                    continue;
                };
                if code(code_of(class)) != code(of_label) {
                    return Err(EvalError::Row {
                        what: format!(
                            "predictions, clip {}",
                            predictions.names.get(row).map_or("", String::as_str)
                        ),
                        row: row + 1,
                        expected: format!(
                            "ground truth {of_label}, as the labels' {}",
                            settings.target
                        ),
                        found: format!(
                            "{}{}",
                            code_of(class),
                            strangers(&predictions.classes, target, joined)
                        ),
                    });
                }
            }
            Ok(gather(truth, joined))
        }
        (None, Some(target)) => joined
            .iter()
            .map(|&(_, label)| {
                let of_label = target.get(label).map_or("", String::as_str);
                predictions
                    .classes
                    .iter()
                    .position(|class| code(class) == code(of_label))
                    .ok_or_else(|| EvalError::Row {
                        what: format!("labels, column {}", settings.target),
                        row: label + 1,
                        expected: format!("one of the classes {}", predictions.classes.join(", ")),
                        found: format!(
                            "{of_label}{}",
                            strangers(&predictions.classes, target, joined)
                        ),
                    })
            })
            .collect(),
        (None, None) => Err(EvalError::Input {
            what: "truth",
            expected: "a column ground_truth in the predictions or the target column in the labels",
            found: format!("no ground_truth and no column {}", settings.target),
        }),
    }
}

/// What the labels' target has and the classes have not, in words: ` (only the labels have ...)`; empty without such.
fn strangers(classes: &[String], target: &[String], joined: &[(usize, usize)]) -> String {
    let mut counts: BTreeMap<Cow<'_, str>, usize> = BTreeMap::new();
    for of_label in joined.iter().map(|&(_, label)| &target[label]) {
        *counts.entry(code(of_label)).or_default() += 1;
    }
    let alone: Vec<String> = counts
        .iter()
        .filter(|(of_label, _)| !classes.iter().any(|class| code(class) == **of_label))
        .map(|(of_label, count)| {
            let date = cohort_tables::before_the_spreadsheet(of_label);
            let date = date.map_or(String::new(), |range| {
                format!(", a spreadsheet's date for {range}?")
            });
            let alike = classes.iter().find(|class| fold(class) == fold(of_label));
            let alike = alike.map_or(String::new(), |class| {
                format!(", which is not {class}: case and leading zeros count")
            });
            format!("{of_label} in {count} clips{date}{alike}")
        })
        .take(LISTED)
        .collect();
    match alone.is_empty() {
        true => String::new(),
        false => format!(" (only the labels have {})", alone.join("; ")),
    }
}

/// The value of each joined row.
pub(crate) fn gather(values: &[usize], joined: &[(usize, usize)]) -> Vec<usize> {
    joined.iter().map(|&(row, _)| values[row]).collect()
}
