//! Who is in a clip: the unit that folds, intervals and aggregation go by.

use std::collections::BTreeMap;

use cohort_tables::{LabelTable, clip_id, code, did_you_mean, is_missing};

use crate::FusionError;

/// How the subject of a clip is found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Subjects {
    /// The clip id before its last dot (`-9Uee9Y2UZo.002` belongs to `-9Uee9Y2UZo`); a clip id without dot is its
    /// own subject. The default, since clips taken for independent when they are not give intervals that are too narrow.
    #[default]
    ClipPrefix,
    /// Every clip is its own subject.
    EachClip,
    /// From a column of a label table, by clip id.
    Column {
        /// Name of the column, e.g. `UserID`.
        name: String,
        /// Subject of each clip id.
        by_clip: BTreeMap<String, String>,
    },
}

impl Subjects {
    /// Subjects from a column of a label table, which may hold the clips of several splits.
    ///
    /// # Errors
    /// [`FusionError::Setting`] when there is no such column; [`FusionError::Clips`] when a clip occurs twice with two
    /// subjects.
    pub fn from_labels(labels: &LabelTable, column: &str) -> Result<Self, FusionError> {
        let Some(values) = labels.subjects(column) else {
            let names: Vec<&str> = labels.column_names().collect();
            return Err(FusionError::setting(
                "subject column",
                format!("one of {}", names.join(", ")),
                format!("{column}{}", did_you_mean(column, names.iter().copied())),
            ));
        };
        let mut by_clip = BTreeMap::new();
        let mut twice = Vec::new();
        for (name, subject) in labels.names.iter().zip(values) {
            let clip = clip_id(name);
            // one rule for what is the same subject as in the audit
            let subject = if is_missing(subject) {
                "".into()
            } else {
                code(subject)
            };
            if let Some(before) = by_clip.insert(clip.to_string(), subject.to_string())
                && before != subject
            {
                twice.push(clip);
            }
        }
        if !twice.is_empty() {
            return Err(FusionError::clips(
                "labelled",
                format!("one {column} a clip, and two for none"),
                &twice,
            ));
        }
        Ok(Self::Column {
            name: column.to_string(),
            by_clip,
        })
    }

    /// How the subjects are found, in words.
    pub fn describe(&self) -> String {
        match self {
            Self::ClipPrefix => "clip id before its last dot".to_string(),
            Self::EachClip => "each clip its own subject".to_string(),
            Self::Column { name, .. } => format!("label column {name}"),
        }
    }

    /// Subject names in order and the index of each clip's subject (dense, in name order).
    ///
    /// # Errors
    /// [`FusionError::Clips`] listing clips that the label table lacks.
    pub(crate) fn index(
        &self,
        split: &'static str,
        clips: &[String],
    ) -> Result<(Vec<String>, Vec<usize>), FusionError> {
        let mut of_clip: Vec<&str> = Vec::with_capacity(clips.len());
        let mut unknown: Vec<&str> = Vec::new();
        let mut nobody: Vec<&str> = Vec::new();
        for clip in clips {
            let clip = clip_id(clip);
            of_clip.push(match self {
                Self::ClipPrefix => clip.rsplit_once('.').map_or(clip, |(subject, _)| subject),
                Self::EachClip => clip,
                Self::Column { by_clip, .. } => match by_clip.get(clip) {
                    Some(subject) => {
                        if subject.is_empty() {
                            nobody.push(clip);
                        }
                        subject
                    }
                    None => {
                        unknown.push(clip);
                        ""
                    }
                },
            });
        }
        if !unknown.is_empty() {
            return Err(FusionError::clips(
                split,
                "every clip in the label tables, and missing there none",
                &unknown,
            ));
        }
        if !nobody.is_empty() {
            return Err(FusionError::clips(
                split,
                "a subject for every clip, and no value (an empty field or a word such as nan) for none",
                &nobody,
            ));
        }
        let mut positions: BTreeMap<&str, usize> = of_clip.iter().map(|&s| (s, 0)).collect();
        for (index, position) in positions.values_mut().enumerate() {
            *position = index;
        }
        let rows = of_clip.iter().map(|subject| positions[subject]).collect();
        Ok((positions.into_keys().map(str::to_string).collect(), rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort_tables::LabelColumn;

    fn labels(rows: &[(&str, &str)]) -> LabelTable {
        LabelTable {
            names: rows.iter().map(|(name, _)| name.to_string()).collect(),
            columns: vec![LabelColumn {
                name: "UserID".into(),
                values: rows.iter().map(|(_, user)| user.to_string()).collect(),
            }],
        }
    }

    #[test]
    fn each_way_of_finding_subjects() {
        let clips: Vec<String> = ["b.000", "a.1.x", "b.001", "solo"].map(String::from).into();
        let table = labels(&[
            ("b.000.mp4", "z"),
            ("b.001", "z"),
            ("a.1.x", "y"),
            ("solo", "z"),
        ]);
        let cases = [
            (
                "prefix",
                Subjects::ClipPrefix,
                vec!["a.1", "b", "solo"],
                vec![1, 0, 1, 2],
            ),
            (
                "each clip",
                Subjects::EachClip,
                vec!["a.1.x", "b.000", "b.001", "solo"],
                vec![1, 0, 2, 3],
            ),
            (
                "column",
                Subjects::from_labels(&table, "UserID").unwrap(),
                vec!["y", "z"],
                vec![1, 0, 1, 1],
            ),
        ];
        for (name, subjects, names, rows) in cases {
            let (found_names, found_rows) = subjects.index("test", &clips).unwrap();
            assert_eq!(
                (found_names, found_rows),
                (names.iter().map(|s| s.to_string()).collect(), rows),
                "{name}"
            );
        }
    }

    #[test]
    fn subjects_are_compared_by_the_rule_of_the_audit_and_no_value_is_nobody() {
        let table = labels(&[
            ("a", "u1"),
            ("b", "u1\u{200b}"),
            ("c", "7.0"),
            ("d", " 7"),
            ("e", "nan"),
            ("f", "U1"),
        ]);
        let subjects = Subjects::from_labels(&table, "UserID").unwrap();
        let index = |clips: &[&str]| {
            let clips: Vec<String> = clips.iter().map(|clip| (*clip).to_string()).collect();
            subjects.index("test", &clips)
        };
        assert_eq!(
            index(&["a", "b", "c", "d", "f"]).unwrap().1,
            [2, 2, 0, 0, 1]
        );
        let error = index(&["a", "e"]).unwrap_err().to_string();
        assert!(
            error.contains("a subject for every clip") && error.ends_with(": e"),
            "{error}"
        );
    }

    #[test]
    fn unknown_clips_columns_and_contradictions_are_errors_that_list_them() {
        let table = labels(&[("a.mp4", "u"), ("b.mp4", "u")]);
        let error = Subjects::from_labels(&table, "Speaker")
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "setting subject column: expected one of UserID, found Speaker"
        );
        let subjects = Subjects::from_labels(&table, "UserID").unwrap();
        let clips: Vec<String> = (0..7).map(|i| format!("c{i}")).collect();
        let error = subjects.index("test", &clips).unwrap_err().to_string();
        assert_eq!(
            error,
            "test predictions: expected every clip in the label tables, and missing there none, \
             found 7: c0, c1, c2, c3, c4, ..."
        );
        let error = Subjects::from_labels(&labels(&[("a.mp4", "u"), ("a", "v")]), "UserID");
        assert!(error.unwrap_err().to_string().contains("found 1: a"));
    }
}
