//! The split guard: everything in a data set that would make results wrong or better than they are.

mod content;
mod duplicates;
mod finding;
mod labels;
mod media;
mod text;

use std::path::Path;

use std::borrow::Cow;

use cohort_tables::{code, id_key, is_missing};
use serde::{Deserialize, Serialize};

use crate::error::DataError;
use crate::label_file::{LabelFile, SplitTable};
use crate::media::MediaKind;
use crate::readers::{self, Layout, OpenOptions};
use crate::schema::Schema;
use crate::transcript::TranscriptTable;

pub use finding::{CheckReport, CheckedSplit, Finding, Kind, Severity};

/// Limits of a check.
///
/// Two pictures are nearly the same when their 64-bit perceptual hashes (DCT of the grey picture at
/// 32 x 32, as ImageHash's `phash`) differ in at most [`CheckSettings::image_distance`] bits **and** their
/// grey pictures at 32 x 32 correlate by at least [`CheckSettings::image_correlation`]. The hash alone is
/// too coarse for faces, which all have the same layout: of 4.5 million pairs of different FairFace crops
/// 205 are within 10 bits, where random hashes would give none. With the correlation none of them remains
/// (at 95 % confidence less than 0.7 false alarms in a million pairs), while copies encoded again down to
/// JPEG quality 20, resized to 96 pixels, made 20 % brighter or turned grey are all found. Copies cropped
/// by more than one per cent of each side mostly are not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckSettings {
    /// Whether media are decoded and compared. Default yes; without it only files and tables are looked at.
    pub decode: bool,
    /// Most differing bits of two similar pictures, 0 to 64. Default 10.
    pub image_distance: u32,
    /// Least correlation of two similar pictures, -1 to 1. Default 0.98.
    pub image_correlation: f64,
}

impl Default for CheckSettings {
    fn default() -> Self {
        Self {
            decode: true,
            image_distance: 10,
            image_correlation: 0.98,
        }
    }
}

/// The kinds that are missed where they are not there. No model reads videos, which count by their sound.
const KINDS: [MediaKind; 3] = [MediaKind::Picture, MediaKind::Sound, MediaKind::Text];

/// A readable row of a label table.
struct Row<'a> {
    file: &'a LabelFile,
    /// Position of the split among those that have a table.
    split: usize,
    /// Position in the file's table.
    index: usize,
    /// Its line, unless rows are files.
    line: Option<u64>,
    id: String,
    /// As it is compared; empty when the column is missing or the field has no value.
    subject: Cow<'a, str>,
    /// As the table has it.
    subject_as_written: &'a str,
    /// Level of each attribute; `None` when the column is missing or the code unknown.
    levels: Vec<Option<usize>>,
}

impl Row<'_> {
    fn finding(&self, kind: Kind, message: impl Into<String>) -> Finding {
        Finding {
            split: Some(self.file.split.clone()),
            clip: Some(self.id.clone()),
            row: self.line,
            ..Finding::new(kind, message)
        }
    }

    /// `split/clip`.
    fn place(&self) -> String {
        place(&self.file.split, &self.id)
    }
}

/// As [`check_with`] with nothing said but the schema.
///
/// # Errors
/// Those of [`check_with`].
pub fn check(
    path: &Path,
    schema: Option<Schema>,
    settings: &CheckSettings,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<CheckReport, DataError> {
    let options = OpenOptions {
        schema,
        ..OpenOptions::default()
    };
    check_with(path, &options, settings, progress)
}

/// Looks at a whole data set and lists what is wrong with it, where [`crate::Dataset::open`] would stop at the first
/// fault. The order of the findings does not depend on the number of threads.
///
/// Layout and schema are found as by [`crate::Dataset::open_with`]. `progress` is told how many clips
/// are decoded, and of how many; it is called from several threads.
///
/// # Errors
/// [`DataError`] when the call is wrong rather than the data: no such folder, no label table in it, a schema that
/// cannot be read.
pub fn check_with(
    path: &Path,
    options: &OpenOptions,
    settings: &CheckSettings,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<CheckReport, DataError> {
    let contents = readers::read(path, options)?;
    let (root, schema, layout) = (&contents.root, &contents.schema, contents.layout);
    let mut findings = contents.findings;
    let mut files = Vec::new();
    for split in &schema.splits {
        if !contents.tables.iter().any(|table| table.split == *split) {
            let message = format!("expected {}, found no such file", schema.label_file(split));
            let split = Some(split.clone());
            findings.push(Finding {
                split,
                ..Finding::new(Kind::MissingTable, message)
            });
        }
    }
    for SplitTable { split, file } in contents.tables {
        match file {
            Ok(file) => {
                findings.extend(formats(root, Some(&split), &file.shown, &file.notes));
                files.push(file);
            }
            Err(error) => {
                let file = schema.label_file(&split);
                let message = without_file(root, &file, &error);
                findings.push(Finding {
                    file: Some(file),
                    split: Some(split),
                    ..Finding::new(Kind::UnreadableTable, message)
                });
            }
        }
    }
    for note in &contents.notes {
        findings.push(Finding::new(Kind::Reading, without_root(root, note)));
    }
    for (folder, unused) in &contents.unused {
        findings.push(Finding::unused(folder, unused));
    }
    let transcripts = TranscriptTable::read(root, schema).unwrap_or_else(|error| {
        let file = Some(schema.transcripts.clone());
        let message = without_file(root, &schema.transcripts, &error);
        findings.push(Finding {
            file,
            ..Finding::new(Kind::UnreadableTable, message)
        });
        None
    });
    if let Some(table) = &transcripts {
        findings.extend(formats(root, None, &schema.transcripts, &table.notes));
    }
    let rows = rows(schema, &files);
    labels::check(schema, &files, &rows, &mut findings);
    let transcripts = transcripts.unwrap_or_default();
    let found = match layout {
        Layout::LabelTables => media::find(root, schema, &rows, transcripts, &mut findings),
        _ => {
            labels::untrained_classes(schema, &files, &rows, &mut findings);
            media::known(schema, &rows, transcripts, &mut findings)
        }
    };
    if settings.decode {
        let contents = content::decode_all(root, &rows, &found, progress, &mut findings);
        duplicates::check(&rows, &contents, settings, &mut findings);
    }
    // Within a kind the order is the one in which they were found, which is that of splits and rows.
    findings.sort_by_key(|finding| finding.kind);
    let count = |severity| {
        findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    };
    let splits = files.iter().enumerate().map(|(i, file)| {
        let with = |kind: MediaKind| {
            let rows = rows.iter().zip(&found).filter(|(row, _)| row.split == i);
            rows.filter(|(_, found)| found.has(kind)).count()
        };
        CheckedSplit {
            name: file.split.clone(),
            clips: file.table.len(),
            images: with(MediaKind::Picture),
            sounds: with(MediaKind::Sound),
            transcripts: with(MediaKind::Text),
        }
    });
    Ok(CheckReport {
        schema: "cohort.check/1".into(),
        dataset: schema.name.clone(),
        item: schema.item.clone(),
        unit: schema.nouns().unit,
        splits: splits.collect(),
        settings: settings.clone(),
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        notes: count(Severity::Note),
        findings,
    })
}

/// `split/clip`, where the clip's path does not begin with its split's folder anyway.
fn place(split: &str, clip: &str) -> String {
    match clip.strip_prefix(split) {
        Some(rest) if rest.starts_with('/') => clip.to_string(),
        _ => format!("{split}/{clip}"),
    }
}

/// What is to be said of the way a table is written.
fn formats(root: &Path, split: Option<&str>, file: &str, notes: &[String]) -> Vec<Finding> {
    let at = format!("{}: ", root.join(file).display());
    let one = |note: &String| Finding {
        file: Some(file.to_string()),
        split: split.map(String::from),
        ..Finding::new(Kind::TableFormat, note.strip_prefix(&at).unwrap_or(note))
    };
    notes.iter().map(one).collect()
}

fn rows<'a>(schema: &Schema, files: &'a [LabelFile]) -> Vec<Row<'a>> {
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

/// An error's message with files named from the root, so that a report does not depend on where the data lie.
fn without_root(root: &Path, error: &(impl ToString + ?Sized)) -> String {
    let message = error.to_string();
    let message = message.replace(&format!("{}/", root.display()), "");
    // a note on the root itself
    match message.strip_prefix(&format!("{}: ", root.display())) {
        Some(rest) => rest.to_string(),
        None => message,
    }
}

/// As [`without_root`], without the file that the finding names anyway.
fn without_file(root: &Path, file: &str, error: &(impl ToString + ?Sized)) -> String {
    let message = without_root(root, error);
    match message.strip_prefix(&format!("{file}: ")) {
        Some(rest) => rest.to_string(),
        None => message,
    }
}
