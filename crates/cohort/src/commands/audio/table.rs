//! The embedding table of `cohort audio features --out`, resumable.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::Context;
use cohort_audio::{AcousticSettings, acoustic_features, decode_bytes};
use cohort_tables::{EmbeddingTable, Journal, JournalRow, Provenance, content_hash, ids_of_files};
use rayon::prelude::*;

use super::{CHUNK, Skipped, at, skip};
use crate::shell::Shell;

/// Writes one row a file. Rows of the table that is there already, and of the journal of a stopped
/// run, are kept when the bytes of their file and the settings are the same.
pub(super) fn write(
    out: &Path,
    files: &[PathBuf],
    settings: &AcousticSettings,
    columns: &[&'static str],
    skip_bad: bool,
    shell: &Shell,
) -> anyhow::Result<Vec<Skipped>> {
    anyhow::ensure!(
        out.extension()
            .is_some_and(|extension| extension == "parquet"),
        "{}: expected a name that ends in .parquet",
        out.display()
    );
    let clips = clips(files)?;
    let provenance = Provenance {
        producer: concat!("cohort-audio ", env!("CARGO_PKG_VERSION")).to_owned(),
        settings: content_hash(&serde_json::to_vec(settings)?),
        columns: columns.iter().map(ToString::to_string).collect(),
        ..Provenance::default()
    };
    let key = format!("{}\n{}", provenance.producer, provenance.settings);
    let (mut journal, finished) = Journal::open(&out.with_extension("partial"), &key)?;
    let mut known = kept(out, &provenance);
    known.extend(
        finished
            .into_iter()
            .map(|row| (row.clip, (row.source, row.vector))),
    );

    // A row and whether it was computed anew.
    let row = |(file, clip): (&PathBuf, &String)| -> anyhow::Result<(JournalRow, bool)> {
        let bytes =
            std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let (clip, source) = (clip.clone(), content_hash(&bytes));
        if let Some((same, vector)) = known.get(&clip)
            && *same == source
            && vector.len() == columns.len()
        {
            return Ok((
                JournalRow {
                    clip,
                    source,
                    vector: vector.clone(),
                },
                false,
            ));
        }
        let sound = decode_bytes(file, bytes)?;
        let vector = acoustic_features(&sound, settings)
            .with_context(|| at(file))?
            .vector();
        Ok((
            JournalRow {
                clip,
                source,
                vector,
            },
            true,
        ))
    };
    let mut table = EmbeddingTable {
        dim: columns.len(),
        ..EmbeddingTable::default()
    };
    let mut skipped = Vec::new();
    let mut reused = 0;
    let bar = shell.bar("acoustic features", files.len());
    for (files, clips) in files.chunks(CHUNK).zip(clips.chunks(CHUNK)) {
        if shell.stopped() {
            bar.finish_and_clear();
            anyhow::bail!(
                "stopped after {} files; the same command goes on there",
                table.len()
            );
        }
        let rows: Vec<_> = files.par_iter().zip(clips).map(row).collect();
        let new: Vec<JournalRow> = rows
            .iter()
            .flatten()
            .filter(|(_, new)| *new)
            .map(|(row, _)| row.clone())
            .collect();
        journal.append(&new)?;
        for (file, row) in files.iter().zip(rows) {
            match row {
                Ok((row, new)) => {
                    reused += usize::from(!new);
                    table.clips.push(row.clip);
                    table.sources.push(row.source);
                    table.values.extend(row.vector);
                }
                Err(error) => skipped.push(skip(file, error, skip_bad)?),
            }
        }
        bar.inc(files.len() as u64);
    }
    bar.finish_and_clear();
    let sources: String = table
        .clips
        .iter()
        .zip(&table.sources)
        .map(|(c, s)| format!("{c} {s}\n"))
        .collect();
    table.provenance = Provenance {
        source: content_hash(sources.as_bytes()),
        ..provenance
    };
    table.write(out)?;
    journal.remove()?;
    shell.say(&format!(
        "{}: {} clips, {} values each, {reused} of them unchanged",
        out.display(),
        table.len(),
        table.dim
    ));
    Ok(skipped)
}

/// The clip of each file; two files of one clip would be one row too many.
fn clips(files: &[PathBuf]) -> anyhow::Result<Vec<String>> {
    let mut owners: BTreeMap<String, &Path> = BTreeMap::new();
    files
        .iter()
        .zip(ids_of_files(files))
        .map(|(file, clip)| match owners.insert(clip.clone(), file) {
            None => Ok(clip),
            Some(other) => anyhow::bail!(
                "expected one file a clip, found {} and {} for clip {clip}",
                other.display(),
                file.display()
            ),
        })
        .collect()
}

/// Rows of the table that is there already, when they were made in the same way.
fn kept(out: &Path, provenance: &Provenance) -> HashMap<String, (String, Vec<f32>)> {
    let Ok(old) = EmbeddingTable::read(out) else {
        return HashMap::new();
    };
    let made = Provenance {
        source: String::new(),
        ..old.provenance.clone()
    };
    if made != *provenance {
        return HashMap::new();
    }
    let row = |(i, (clip, source)): (usize, (&String, &String))| {
        (
            clip.clone(),
            (source.clone(), old.row(i).unwrap_or_default().to_vec()),
        )
    };
    old.clips
        .iter()
        .zip(&old.sources)
        .enumerate()
        .map(row)
        .collect()
}
