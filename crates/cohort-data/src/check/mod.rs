//! The split guard: everything in a data set that would make results wrong or better than they are.

mod content;
mod duplicates;
mod labels;
mod media;
mod report;
mod row;
mod settings;
mod text;

use std::path::Path;

use crate::error::DataError;
use crate::files::without_root;
use crate::finding::{Finding, Kind, Severity};
use crate::label_file::SplitTable;
use crate::layout::Layout;
use crate::media::MediaKind;
use crate::readers::{self, OpenOptions};
use crate::schema::Schema;
use crate::transcript::TranscriptTable;
use crate::video_frames::VideoFrames;

pub use report::{CheckReport, CheckedSplit};
pub use settings::CheckSettings;

use row::rows;

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
    let frames = VideoFrames::of(root)?;
    let mut found = match layout {
        Layout::LabelTables => media::find(root, schema, &rows, transcripts, &mut findings),
        _ => {
            labels::untrained_classes(schema, &files, &rows, &mut findings);
            media::known(schema, &rows, transcripts, &mut findings)
        }
    };
    for (row, media) in rows.iter().zip(&mut found) {
        frames.give(&row.id, media);
    }
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

/// As [`without_root`], without the file that the finding names anyway.
fn without_file(root: &Path, file: &str, error: &(impl ToString + ?Sized)) -> String {
    let message = without_root(root, &error.to_string());
    match message.strip_prefix(&format!("{file}: ")) {
        Some(rest) => rest.to_string(),
        None => message,
    }
}
