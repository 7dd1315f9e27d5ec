//! The rows that a check looks at.

use std::borrow::Cow;

use cohort_tables::{code, id_key, is_missing};

use crate::finding::{Finding, Kind};
use crate::label_file::LabelFile;
use crate::media::MediaKind;
use crate::schema::Schema;

/// The kinds that are missed where they are not there. No model reads videos, which count by their sound.
pub(super) const KINDS: [MediaKind; 3] = [MediaKind::Picture, MediaKind::Sound, MediaKind::Text];

/// A readable row of a label table.
pub(super) struct Row<'a> {
    pub(super) file: &'a LabelFile,
    /// Position of the split among those that have a table.
    pub(super) split: usize,
    /// Position in the file's table.
    pub(super) index: usize,
    /// Its line, unless rows are files.
    pub(super) line: Option<u64>,
    pub(super) id: String,
    /// As it is compared; empty when the column is missing or the field has no value.
    pub(super) subject: Cow<'a, str>,
    /// As the table has it.
    pub(super) subject_as_written: &'a str,
    /// Level of each attribute; `None` when the column is missing or the code unknown.
    pub(super) levels: Vec<Option<usize>>,
}

impl Row<'_> {
    /// A finding about it.
    pub(super) fn finding(&self, kind: Kind, message: impl Into<String>) -> Finding {
        Finding {
            split: Some(self.file.split.clone()),
            clip: Some(self.id.clone()),
            row: self.line,
            ..Finding::new(kind, message)
        }
    }

    /// `split/clip`.
    pub(super) fn place(&self) -> String {
        place(&self.file.split, &self.id)
    }
}

/// `split/clip`, where the clip's path does not begin with its split's folder anyway.
pub(super) fn place(split: &str, clip: &str) -> String {
    match clip.strip_prefix(split) {
        Some(rest) if rest.starts_with('/') => clip.to_string(),
        _ => format!("{split}/{clip}"),
    }
}

/// The rows of all tables, in the order of splits.
pub(super) fn rows<'a>(schema: &Schema, files: &'a [LabelFile]) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for (split, file) in files.iter().enumerate() {
        let subjects = file
            .table
            .column(&schema.subject_column)
            .unwrap_or_default();
        let codes: Vec<&[String]> = schema
            .attributes
            .iter()
            .map(|attribute| file.table.column(&attribute.column).unwrap_or_default())
            .collect();
        for (i, name) in file.table.names.iter().enumerate() {
            let levels = schema.attributes.iter().zip(&codes);
            rows.push(Row {
                file,
                split,
                index: i,
                line: file.line(i),
                id: id_key(name),
                subject: match subjects.get(i) {
                    Some(subject) if !is_missing(subject) => code(subject),
                    _ => "".into(),
                },
                subject_as_written: subjects.get(i).map_or("", String::as_str),
                levels: levels
                    .map(|(attribute, codes)| codes.get(i).and_then(|code| attribute.level(code)))
                    .collect(),
            });
        }
    }
    rows
}
