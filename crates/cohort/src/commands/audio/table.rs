//! The embedding table of `cohort audio features --out`, resumable.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use cohort_audio::{AcousticSettings, Decoded, acoustic_features, decode_bytes_warned};
use cohort_data::folder::{self, Entry};
use cohort_tables::{JournalRow, Provenance, TableMaker, content_hash};
use rayon::prelude::*;

use super::{CHUNK, Lengthened, Skipped, at, skip};
use crate::shell::Shell;

/// Writes one row a file. Rows of the table that is there already, and of the journal of a stopped
/// run, are kept when the bytes of their file and the settings are the same.
pub(super) fn write(
    out: &Path,
    entries: &[Entry],
    settings: &AcousticSettings,
    columns: &[&'static str],
    skip_bad: bool,
    frames: &Lengthened,
    shell: &Shell,
) -> anyhow::Result<Vec<Skipped>> {
    anyhow::ensure!(
        out.extension()
            .is_some_and(|extension| extension == "parquet"),
        "{}: expected a name that ends in .parquet",
        out.display()
    );
    let files: Vec<PathBuf> = entries.iter().map(|entry| entry.path.clone()).collect();
    let clips = clips(entries)?;
    let provenance = Provenance {
        producer: concat!("cohort-audio ", env!("CARGO_PKG_VERSION")).to_owned(),
        settings: content_hash(&serde_json::to_vec(settings)?),
        columns: columns.iter().map(ToString::to_string).collect(),
        ..Provenance::default()
    };
    let (mut maker, damaged) = TableMaker::open(out, provenance, columns.len())?;
    if let Some(line) = damaged {
        shell.say(&line);
    }

    // The clip, the hash of its file and, where it is not known, its vector.
    type Row = (String, String, Option<Vec<f32>>);
    let row = |maker: &TableMaker, file: &PathBuf, clip: &String| -> anyhow::Result<Row> {
        let mut bytes = Vec::new();
        cohort_audio::open(file)?
            .read_to_end(&mut bytes)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let (clip, source) = (clip.clone(), content_hash(&bytes));
        if maker.row(&clip, &source).is_some() {
            return Ok((clip, source, None));
        }
        let Decoded { sound, warnings } = decode_bytes_warned(file, bytes)?;
        warnings.iter().for_each(|line| shell.say(line));
        frames.used(settings, sound.sample_rate)?;
        let features = acoustic_features(&sound, settings).with_context(|| at(file))?;
        Ok((clip, source, Some(features.vector())))
    };
    let (mut done, mut skipped) = (Vec::new(), Vec::new());
    let mut reused = 0;
    let bar = shell.bar("acoustic features", files.len());
    for (files, clips) in files.chunks(CHUNK).zip(clips.chunks(CHUNK)) {
        if shell.stopped() {
            bar.finish_and_clear();
            anyhow::bail!(
                "stopped after {} files; the same command goes on there",
                done.len()
            );
        }
        let known = &maker;
        let pairs = files.par_iter().zip(clips);
        let rows: Vec<_> = pairs.map(|(file, clip)| row(known, file, clip)).collect();
        let mut new = Vec::new();
        for (file, row) in files.iter().zip(rows) {
            match row {
                Ok((clip, source, vector)) => {
                    reused += usize::from(vector.is_none());
                    done.push((clip.clone(), source.clone()));
                    new.extend(vector.map(|vector| JournalRow {
                        clip,
                        source,
                        vector,
                    }));
                }
                Err(error) => match skip(file, error, skip_bad) {
                    Ok(bad) => skipped.push(bad),
                    Err(error) => {
                        maker.keep(new)?;
                        return Err(error);
                    }
                },
            }
        }
        maker.keep(new)?;
        bar.inc(files.len() as u64);
    }
    bar.finish_and_clear();
    let table = maker.finish(done)?;
    shell.say(&format!(
        "{}: {} clips, {} values each, {reused} of them unchanged",
        out.display(),
        table.len(),
        table.dim
    ));
    Ok(skipped)
}

/// The clip of each file, by [`folder::clip_ids`]; two files of one clip would be one row too many.
fn clips(entries: &[Entry]) -> anyhow::Result<Vec<String>> {
    let ids = folder::clip_ids(&[entries]).remove(0);
    let mut owners: BTreeMap<&str, &Path> = BTreeMap::new();
    for (clip, entry) in ids.iter().zip(entries) {
        if let Some(other) = owners.insert(clip, &entry.path) {
            anyhow::bail!(
                "expected one file a clip, found {} and {} for clip {clip}",
                other.display(),
                entry.path.display()
            );
        }
    }
    Ok(ids)
}
