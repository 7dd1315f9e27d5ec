//! Findings about files: missing ones, those in the wrong folder, those that belong to nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::row::{KINDS, Row};
use crate::error::shorten;
use crate::files::{leaves, without_root};
use crate::finding::{Finding, Kind};
use crate::media::{self, Media, MediaKind, MediaSource};
use crate::schema::Schema;
use crate::transcript::TranscriptTable;

/// Media files by folder, named from the root, and clip.
type Folders = BTreeMap<String, BTreeMap<String, Media>>;

/// Finds the media of every row, in the order of the rows.
pub(super) fn find(
    root: &Path,
    schema: &Schema,
    rows: &[Row<'_>],
    mut transcripts: TranscriptTable,
    findings: &mut Vec<Finding>,
) -> Vec<Media> {
    let ids: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    repeated_transcripts(schema, &transcripts, findings);
    let folders = list_folders(root, schema, findings);
    let mut elsewhere: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (folder, listing) in &folders {
        for id in listing.keys() {
            elsewhere.entry(id).or_default().push(folder);
        }
    }
    let target = schema.target_index();
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        let level = target.and_then(|target| row.levels.get(target).copied().flatten());
        let level = level.and_then(|level| schema.target_attribute()?.levels.get(level));
        let own = level.map(|level| schema.media_folder(&row.file.split, &level.code));
        let places = elsewhere
            .get(row.id.as_str())
            .map(Vec::as_slice)
            .unwrap_or_default();
        // A row whose label is unknown has no folder of its own: take what there is.
        let here = places
            .iter()
            .find(|place| own.as_deref().is_none_or(|own| own == **place));
        let others: Vec<&str> = places
            .iter()
            .copied()
            .filter(|place| own.as_deref().is_some_and(|own| own != *place))
            .collect();
        if let Some(own) = own.as_deref().filter(|_| !others.is_empty()) {
            let message = match here {
                Some(_) => format!(
                    "expected media in {own} only, found more in {}",
                    others.join(", ")
                ),
                None => format!(
                    "expected media in {own}, found them in {}",
                    others.join(", ")
                ),
            };
            let file = others.first().map(|folder| (*folder).to_string());
            findings.push(Finding {
                file,
                ..row.finding(Kind::WrongFolder, message)
            });
        }
        let place = here.or(places.first());
        let files = place.and_then(|folder| folders.get(*folder)?.get(&row.id));
        let mut media = files.cloned().unwrap_or_default();
        let text = transcripts.texts.remove(&row.id);
        if let Some(text) = text.filter(|_| !media.has(MediaKind::Text)) {
            media.insert(MediaKind::Text, MediaSource::Text(text));
        }
        all.push(media);
    }
    let strangers = folders.values().flat_map(BTreeMap::keys);
    let strangers = strangers.filter(|id| !ids.contains(id.as_str()));
    let by_fold = strangers
        .map(|id| (cohort_tables::fold(id), id.as_str()))
        .collect();
    missing(schema, rows, &all, &by_fold, findings);
    unlabelled(schema, &folders, &ids, &transcripts, findings);
    all
}

/// The media of every row where the reader knows them, with the texts of the transcript table.
pub(super) fn known(
    schema: &Schema,
    rows: &[Row<'_>],
    mut transcripts: TranscriptTable,
    findings: &mut Vec<Finding>,
) -> Vec<Media> {
    repeated_transcripts(schema, &transcripts, findings);
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        let known = row
            .file
            .media
            .as_ref()
            .and_then(|media| media.get(row.index));
        let mut media = known.cloned().unwrap_or_default();
        let text = transcripts.texts.remove(&row.id);
        if let Some(text) = text.filter(|_| !media.has(MediaKind::Text)) {
            media.insert(MediaKind::Text, MediaSource::Text(text));
        }
        if media.is_empty() {
            let message = format!("expected a media file of the {}, found none", schema.item);
            findings.push(row.finding(Kind::MissingMedia, message));
        }
        all.push(media);
    }
    all
}

fn repeated_transcripts(
    schema: &Schema,
    transcripts: &TranscriptTable,
    findings: &mut Vec<Finding>,
) {
    for (line, name) in &transcripts.repeated {
        findings.push(Finding {
            clip: Some(cohort_tables::id_key(name)),
            row: Some(*line),
            file: Some(schema.transcripts.clone()),
            ..Finding::new(
                Kind::DuplicateClip,
                "expected every clip once, found it again",
            )
        });
    }
}

/// Every media folder of the schema, and the neighbours of those that are named by a code.
fn list_folders(root: &Path, schema: &Schema, findings: &mut Vec<Finding>) -> Folders {
    let codes = schema
        .target_attribute()
        .map(|target| target.codes())
        .unwrap_or_default();
    // what lies outside is none of the data set's
    let codes: Vec<&String> = codes.iter().filter(|code| !leaves(code)).collect();
    let mut names: BTreeSet<String> = BTreeSet::new();
    for split in &schema.splits {
        names.extend(codes.iter().map(|code| schema.media_folder(split, code)));
        // `train/8` beside `train/7` holds clips of a level that the schema does not know.
        if let Some(parent) = schema.folder.strip_suffix("/{target}") {
            let parent = parent.replace("{split}", split);
            let inside = media::folders(&root.join(&parent)).unwrap_or_default();
            names.extend(inside.into_iter().map(|name| format!("{parent}/{name}")));
        }
    }
    let mut folders = Folders::new();
    for name in names {
        match media::list_all(&root.join(&name)) {
            Ok((listing, unused)) => {
                if !unused.is_empty() {
                    findings.push(Finding::unused(&name, &unused));
                }
                folders.insert(name, listing);
            }
            Err(error) => findings.push(Finding {
                file: Some(name),
                ..Finding::new(
                    Kind::UnreadableFolder,
                    without_root(root, &error.to_string()),
                )
            }),
        }
    }
    folders
}

/// `by_fold` has the files that belong to no row, by their ids without letter case.
fn missing(
    schema: &Schema,
    rows: &[Row<'_>],
    found: &[Media],
    by_fold: &BTreeMap<String, &str>,
    findings: &mut Vec<Finding>,
) {
    for kind in KINDS {
        let name = kind.name();
        if found.iter().all(|found| !found.has(kind)) {
            let message = format!("no {} has a {name}", schema.item);
            findings.push(Finding::new(Kind::NoMedia, message));
            continue;
        }
        for (row, _) in rows.iter().zip(found).filter(|(_, found)| !found.has(kind)) {
            // The usual ones; docs list them all.
            let endings: Vec<&str> = kind.extensions().iter().copied().take(6).collect();
            let endings = endings.join(", ");
            let more = if kind.extensions().len() > 6 {
                ", ..."
            } else {
                ""
            };
            let mut message = format!("expected a {name} ({endings}{more}), found none");
            if let Some(other) = by_fold.get(&cohort_tables::fold(&row.id)) {
                message += &format!(
                    ", but files of {}, which differs by case only",
                    cohort_tables::spelled_out(other)
                );
            }
            findings.push(row.finding(Kind::MissingMedia, message));
        }
    }
}

fn unlabelled(
    schema: &Schema,
    folders: &Folders,
    ids: &BTreeSet<&str>,
    transcripts: &TranscriptTable,
    findings: &mut Vec<Finding>,
) {
    let mut note = |place: &str, strangers: &[&str]| {
        if !strangers.is_empty() {
            let count = strangers.len();
            let message = format!("{count} in no label table: {}", shorten(strangers, 3));
            let file = Some(place.to_string());
            findings.push(Finding {
                file,
                ..Finding::new(Kind::UnlabelledMedia, message)
            });
        }
    };
    for (folder, listing) in folders {
        let strangers: Vec<&str> = listing
            .keys()
            .map(String::as_str)
            .filter(|id| !ids.contains(id))
            .collect();
        note(folder, &strangers);
    }
    // The texts of all rows have been taken out.
    let strangers: Vec<&str> = transcripts
        .texts
        .keys()
        .map(String::as_str)
        .filter(|id| !ids.contains(id))
        .collect();
    note(&schema.transcripts, &strangers);
}
