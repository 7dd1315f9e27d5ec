//! Predictions and labels joined by clip: plain indices, in an order that does not depend on the order of the files.

use std::collections::{BTreeMap, HashMap};

use cohort_tables::{
    IdMatches, LabelTable, Predictions, Spellings, code, did_you_mean, id_key, is_missing,
    match_ids,
};
use serde::{Deserialize, Serialize};

use crate::attribute::{Attribute, encode, intersections};
use crate::error::{EvalError, LISTED};
use crate::truth::{gather, truth};
use crate::{AuditSettings, Sample};

/// A column with more values than this is no attribute unless it is asked for.
const MOST_GROUPS: usize = 50;
/// Name of the group of clips whose label is empty: it stays in the table like any other.
const NO_VALUE: &str = "(no value)";

/// What was read as one although it is written in several ways, and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Joins {
    /// Clips of predictions and labels.
    #[serde(default, skip_serializing_if = "IdMatches::is_empty")]
    pub ids: IdMatches,
    /// Subjects and values of attributes, by column; columns with nothing to tell are not there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, Spellings>,
}

impl Joins {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Joined rows, sorted by clip id.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) classes: Vec<String>,
    pub(crate) class_names: Vec<String>,
    pub(crate) truth: Vec<usize>,
    pub(crate) predicted: Vec<usize>,
    pub(crate) probabilities: Option<Vec<f64>>,
    /// Dense subject index a row, in the order of subject ids.
    pub(crate) subject: Vec<usize>,
    pub(crate) subjects: usize,
    pub(crate) attributes: Vec<Attribute>,
    /// Label rows without a prediction.
    pub(crate) labels_without_prediction: usize,
    /// Columns left out, and why; ids and codes read otherwise than they are written.
    pub(crate) notes: Vec<String>,
    pub(crate) joins: Joins,
}

impl Frame {
    /// Joins by clip id.
    pub(crate) fn new(
        predictions: &Predictions,
        labels: &LabelTable,
        settings: &AuditSettings,
    ) -> Result<Self, EvalError> {
        if predictions.is_empty() {
            return Err(EvalError::Input {
                what: "predictions",
                expected: "at least one row",
                found: "none".into(),
            });
        }
        let keys =
            |names: &[String]| -> Vec<String> { names.iter().map(|name| id_key(name)).collect() };
        let prediction_ids = keys(&predictions.names);
        refuse_repeated("labels", &keys(&labels.names))?;
        refuse_repeated("predictions", &prediction_ids)?;
        let (rows, ids) = match_ids(&texts(&predictions.names), &texts(&labels.names));
        let mut joined: Vec<(usize, usize)> = Vec::with_capacity(prediction_ids.len());
        let mut missing = Vec::new();
        for (row, id) in prediction_ids.iter().enumerate() {
            match rows.get(row).copied().flatten() {
                Some(label) => joined.push((row, label)),
                None => missing.push(id.to_string()),
            }
        }
        if missing.is_empty() {
            refuse_shared(&joined, &prediction_ids)?;
        }
        if !missing.is_empty() {
            let count = missing.len();
            missing.truncate(LISTED);
            return Err(EvalError::Ids {
                what: "predictions".into(),
                expected: match ids.warnings().as_slice() {
                    [] => "every clip in the label table".into(),
                    hints => format!("every clip in the label table ({})", hints.join("; ")),
                },
                count,
                ids: missing,
            });
        }
        joined.sort_by(|a, b| prediction_ids.get(a.0).cmp(&prediction_ids.get(b.0)));

        let no_column = |name: &str| EvalError::Column {
            name: name.to_string(),
            found: labels.column_names().collect::<Vec<_>>().join(", ")
                + &did_you_mean(name, labels.column_names()),
        };
        let column = |name: &str| labels.column(name).ok_or_else(|| no_column(name));
        let subjects = labels.subjects(&settings.subject);
        let subjects = subjects.ok_or_else(|| no_column(&settings.subject))?;
        if let Some(row) = joined
            .iter()
            .map(|&(_, label)| label)
            .filter(|&label| {
                subjects
                    .get(label)
                    .is_none_or(|subject| is_missing(subject))
            })
            .min()
        {
            return Err(EvalError::Row {
                what: format!("labels, column {}", settings.subject),
                row: row + 1,
                expected: "a subject for every clip that has a prediction".into(),
                found: match subjects.get(row).map_or("", String::as_str) {
                    "" => "an empty field".into(),
                    word => format!("{word:?}, a word for no value"),
                },
            });
        }
        let subject = encode(&settings.subject, subjects, &joined, settings);
        let mut joins = Joins {
            ids,
            columns: BTreeMap::new(),
        };
        let mut notes = joins.ids.notes();
        let spellings = |column: &[String]| {
            let values = joined.iter().map(|&(_, label)| &column[label]);
            Spellings::of(values.map(String::as_str), code)
        };
        let told = spellings(subjects);
        if !told.is_empty() {
            notes.extend(told.subject_notes(&settings.subject));
            joins.columns.insert(settings.subject.clone(), told);
        }
        let truth = truth(predictions, labels, settings, &joined)?;
        let mut attributes = Vec::new();
        if labels.column(&settings.target).is_some() {
            attributes.push((settings.target.clone(), true));
        }
        if settings.groups.is_empty() {
            let others = labels
                .column_names()
                .filter(|name| *name != settings.subject && *name != settings.target);
            attributes.extend(others.map(|name| (name.to_string(), false)));
        } else {
            for name in &settings.groups {
                column(name)?;
                if !attributes.iter().any(|(have, _)| have == name) && *name != settings.subject {
                    attributes.push((name.clone(), false));
                }
            }
        }
        let mut frame = Self {
            class_names: predictions
                .classes
                .iter()
                .map(|code| settings.name(&settings.target, code).to_string())
                .collect(),
            classes: predictions.classes.clone(),
            truth,
            predicted: gather(&predictions.predicted, &joined),
            probabilities: predictions.probabilities.as_ref().map(|_| {
                joined
                    .iter()
                    .flat_map(|&(row, _)| {
                        let p = predictions.row(row);
                        p.expect("a table with probabilities has them for every row")
                            .iter()
                            .copied()
                    })
                    .collect()
            }),
            subjects: subject.codes.len(),
            subject: subject.of_row,
            attributes: Vec::new(),
            labels_without_prediction: labels.len() - joined.len(),
            notes,
            joins,
        };
        for (name, is_target) in attributes {
            let mut attribute = encode(&name, column(&name)?, &joined, settings);
            if is_target {
                attribute.is_target = true;
                attribute.order_as(&frame.classes);
            }
            if settings.groups.is_empty() && !is_target && attribute.codes.len() > MOST_GROUPS {
                frame.notes.push(format!(
                    "{name}: {} different values, taken for no attribute; name it as a group to have it audited",
                    attribute.codes.len()
                ));
                continue;
            }
            let told = spellings(column(&name)?);
            if !told.is_empty() {
                frame.notes.extend(told.attribute_notes(&name));
                frame.joins.columns.insert(name.clone(), told);
            }
            attribute.names = attribute
                .codes
                .iter()
                .map(|code| match settings.name(&name, code) {
                    "" => NO_VALUE.to_string(),
                    name => name.to_string(),
                })
                .collect();
            frame.attributes.push(attribute);
        }
        if settings.intersections {
            let crossed = intersections(&frame.attributes);
            frame.attributes.extend(crossed);
        }
        Ok(frame)
    }

    /// The rows as a sample.
    pub(crate) fn sample<'a>(
        &'a self,
        settings: &'a AuditSettings,
    ) -> Result<Sample<'a>, EvalError> {
        let mut sample = Sample::new(
            self.classes.len(),
            &self.truth,
            &self.predicted,
            &self.subject,
        )?;
        if !settings.ordered {
            sample = sample.unordered();
        }
        if let Some(probabilities) = &self.probabilities {
            sample = sample.with_probabilities(probabilities)?;
        }
        if let Some(midpoints) = &settings.midpoints {
            sample = sample.with_midpoints(midpoints)?;
        }
        Ok(sample)
    }

    /// Most frequent value of each subject (the first of equals).
    pub(crate) fn by_subject(&self, of_row: &[usize], values: usize) -> Vec<usize> {
        let mut counts = vec![0_usize; self.subjects * values];
        for (&subject, &value) in self.subject.iter().zip(of_row) {
            counts[subject * values + value] += 1;
        }
        counts
            .chunks_exact(values.max(1))
            .map(|counts| {
                let most = counts.iter().max().expect("a chunk has a value");
                let first = counts.iter().position(|count| count == most);
                first.expect("the largest is one of them")
            })
            .collect()
    }
}

fn texts(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// The error that two predictions are of one label row.
fn refuse_shared(joined: &[(usize, usize)], ids: &[String]) -> Result<(), EvalError> {
    let mut of_label = HashMap::with_capacity(joined.len());
    let shared = joined
        .iter()
        .find(|&&(row, label)| of_label.insert(label, row).is_some());
    match shared.and_then(|&(row, _)| ids.get(row)) {
        None => Ok(()),
        Some(id) => Err(EvalError::Ids {
            what: "predictions".into(),
            expected: "every clip once".into(),
            count: 1,
            ids: vec![id.clone()],
        }),
    }
}

/// An error that lists repeated ids.
fn refuse_repeated(what: &str, ids: &[String]) -> Result<(), EvalError> {
    let mut row_of = HashMap::with_capacity(ids.len());
    let mut repeated = Vec::new();
    for (row, id) in ids.iter().enumerate() {
        if row_of.insert(id, row).is_some() {
            repeated.push(id.to_string());
        }
    }
    if repeated.is_empty() {
        return Ok(());
    }
    let count = repeated.len();
    repeated.truncate(LISTED);
    Err(EvalError::Ids {
        what: what.to_string(),
        expected: "every clip once".into(),
        count,
        ids: repeated,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort_tables::LabelColumn;

    fn labels(rows: &[[&str; 4]]) -> LabelTable {
        let column = |i: usize| {
            rows.iter()
                .map(|row| row[i].to_string())
                .collect::<Vec<_>>()
        };
        LabelTable {
            names: column(0),
            columns: ["UserID", "AgeGroup", "Gender"]
                .iter()
                .enumerate()
                .map(|(i, name)| LabelColumn {
                    name: name.to_string(),
                    values: column(i + 1),
                })
                .collect(),
        }
    }

    fn predictions(rows: &[(&str, usize, usize)]) -> Predictions {
        Predictions {
            names: rows.iter().map(|row| row.0.to_string()).collect(),
            classes: vec!["9".into(), "10".into()],
            truth: Some(rows.iter().map(|row| row.1).collect()),
            predicted: rows.iter().map(|row| row.2).collect(),
            probabilities: None,
        }
    }

    #[test]
    fn joins_by_clip_in_an_order_of_its_own() {
        let labels = labels(&[
            ["c.mp4", "u2", "10", "f"],
            ["a.mp4", "u1", "9", "m"],
            ["b.mp4", "u1", "9", "m"],
            ["d.mp4", "u3", "9", "f"],
        ]);
        let settings = AuditSettings::default();
        let rows = [("c.mp4", 1, 0), ("b", 0, 1), ("a.wav", 0, 0)];
        let frame = Frame::new(&predictions(&rows), &labels, &settings).unwrap();
        assert_eq!(
            (frame.truth, frame.predicted),
            (vec![0, 0, 1], vec![0, 1, 0])
        );
        assert_eq!(frame.subject, [0, 0, 1]);
        assert_eq!(frame.labels_without_prediction, 1);
        let age = &frame.attributes[0];
        // As numbers: 9 before 10.
        assert!(age.is_target && age.codes == ["9", "10"] && age.of_row == [0, 0, 1]);
        assert_eq!(frame.attributes[1].codes, ["f", "m"]);
    }

    #[test]
    fn tables_that_do_not_fit_give_errors_that_say_where() {
        let good = labels(&[["a", "u1", "9", "m"], ["b", "u1", "10", "m"]]);
        let twice = labels(&[["a", "u1", "9", "m"], ["a.mp4", "u1", "9", "m"]]);
        let settings = AuditSettings::default();
        let groups = AuditSettings {
            groups: vec!["Hair".into()],
            ..settings.clone()
        };
        let cases = [
            (
                &[("a", 0, 0), ("x", 0, 0), ("y.mp4", 1, 1)][..],
                &good,
                &settings,
                "predictions: expected every clip in the label table, found 2 that break this: x, y",
            ),
            (
                &[("a", 0, 0), ("a.mp4", 0, 0)][..],
                &good,
                &settings,
                "predictions: expected every clip once, found 1 that break this: a",
            ),
            (
                &[("a", 0, 0)][..],
                &twice,
                &settings,
                "labels: expected every clip once, found 1 that break this: a",
            ),
            (
                &[("a", 0, 0), ("b.mp4", 0, 0)][..],
                &good,
                &settings,
                "predictions, clip b.mp4: row 2: expected ground truth 10, as the labels' AgeGroup, found 9",
            ),
            (
                &[("a", 0, 0)][..],
                &good,
                &groups,
                "labels: expected a column Hair, found columns UserID, AgeGroup, Gender",
            ),
            (
                &[][..],
                &good,
                &settings,
                "predictions: expected at least one row, found none",
            ),
        ];
        for (rows, labels, settings, expected) in cases {
            let error = Frame::new(&predictions(rows), labels, settings).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn truth_is_taken_from_the_labels_when_the_predictions_have_none() {
        let labels = labels(&[["a", "u1", "9", "m"], ["b", "u1", "10", "m"]]);
        let mut predictions = predictions(&[("a", 0, 0), ("b", 0, 0)]);
        predictions.truth = None;
        let frame = Frame::new(&predictions, &labels, &AuditSettings::default()).unwrap();
        assert_eq!(frame.truth, [0, 1]);
        let other = AuditSettings {
            target: "Age".into(),
            ..AuditSettings::default()
        };
        let error = Frame::new(&predictions, &labels, &other)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("no ground_truth and no column Age"),
            "{error}"
        );
    }

    #[test]
    fn codes_and_ids_are_compared_by_one_rule_on_both_sides() {
        let labels = labels(&[
            ["a.mp4", "u1", "9.0", "1"],
            ["b.mp4", "u1\u{200b}", "10.0", "1.0"],
            ["Jos\u{e9}.000.mp4", "U1", " 9 ", "nan"],
            ["d.mp4", "7.0", "9", "<NA>"],
            ["e.mp4", "7", "9", "01"],
        ]);
        let rows = [
            ("C:\\x\\a.wav", 0, 0),
            ("/x/b.jpg", 1, 0),
            ("/x/Jose\u{301}.000", 0, 0),
            ("d.mp4\u{a0}", 0, 0),
            ("e", 0, 0),
        ];
        let frame = Frame::new(&predictions(&rows), &labels, &AuditSettings::default()).unwrap();
        assert_eq!(frame.truth.iter().filter(|&&class| class == 1).count(), 1);
        // u1, U1 and 7: zero-width marks and .0 are none, case is
        assert_eq!(frame.subjects, 3);
        let gender = frame.attributes.last().unwrap();
        assert_eq!(gender.codes, ["", "01", "1"]);
        assert_eq!(gender.names, ["(no value)", "01", "1"]);
        assert_eq!(
            gender.rows().iter().map(Vec::len).collect::<Vec<_>>(),
            [2, 1, 2]
        );
        assert_eq!(
            (frame.joins.ids.by_path, frame.joins.ids.by_spelling),
            (3, 1)
        );
        let subjects = &frame.joins.columns["UserID"];
        assert_eq!((subjects.joined, subjects.by_case), (2, 1));
        assert!(
            frame
                .notes
                .iter()
                .any(|note| note.starts_with("warning: UserID: ids differ by case only"))
        );
        assert_eq!(frame.joins.columns["Gender"].joined, 1);
    }

    #[test]
    fn ids_that_differ_by_case_are_named_and_not_joined() {
        let labels = labels(&[["a.mp4", "u1", "9", "m"], ["b.mp4", "u1", "10", "m"]]);
        let rows = [("A.mp4", 0, 0), ("b", 1, 1)];
        let error =
            Frame::new(&predictions(&rows), &labels, &AuditSettings::default()).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("ids differ by case only"), "{error}");
        assert!(error.contains("(\"A.mp4\" and \"a.mp4\")"), "{error}");
    }

    #[test]
    fn labels_that_no_class_knows_are_counted_and_a_spreadsheets_date_is_recognised() {
        let labels = labels(&[["a", "u1", "09-Sep", "m"], ["b", "u1", "10", "m"]]);
        let error = Frame::new(
            &predictions(&[("a", 0, 0), ("b", 1, 1)]),
            &labels,
            &AuditSettings::default(),
        );
        assert_eq!(
            error.unwrap_err().to_string(),
            "predictions, clip a: row 1: expected ground truth 09-Sep, as the labels' AgeGroup, found 9 (only the labels have 09-Sep in 1 clips, a spreadsheet's date for 9-9?)"
        );
    }
}
