//! Pictures one after another, kept as they are finished.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use cohort_detectors::drawing::draw;
use cohort_detectors::{Detected, Detector};
use cohort_tables::{Journal, JournalRow, content_hash, counted, file_hash, write_atomic};
use cohort_vision::{Picture, decode_bytes_warned, encode_png, read_file};
use rayon::prelude::*;

use super::categories::Categories;
use super::kept;
use super::sources::Source;
use crate::shell::{Shell, message};

/// Pictures that are in memory at a time, and between looks at Ctrl-C; what is finished is kept.
const CHUNK: usize = 8;

/// How pictures are looked at.
pub(super) struct Work<'a> {
    pub(super) detector: &'a Detector,
    pub(super) categories: &'a Categories,
    pub(super) annotated: Option<&'a Path>,
    /// Least score that is drawn.
    pub(super) draw: f64,
    pub(super) skip_bad: bool,
}

/// A picture and what was found in it.
pub(super) struct LookedAt<'a> {
    pub(super) source: &'a Source,
    pub(super) detections: Vec<Detected>,
}

/// All pictures.
pub(super) struct Done<'a> {
    pub(super) looked_at: Vec<LookedAt<'a>>,
    /// File and reason.
    pub(super) skipped: Vec<(String, String)>,
    /// Pictures that an earlier call had finished.
    pub(super) known: usize,
    /// To be removed when the results are written.
    pub(super) journal: Journal,
}

/// A picture that was read.
enum Opened {
    /// What an earlier call found.
    Known(Vec<Detected>),
    /// One to be looked at, and the hash of its file.
    New(Picture, String),
}

/// What was found, and in which picture where that is new.
type Found = (Vec<Detected>, Option<(Picture, String)>);

impl Work<'_> {
    /// Looks at every picture; finished ones are kept in the journal at `journal`, and those that it holds are not looked at again.
    pub(super) fn all<'s>(
        &self,
        sources: &'s [Source],
        journal: PathBuf,
        shell: &Shell,
    ) -> anyhow::Result<Done<'s>> {
        let (journal, finished) = Journal::open(&journal, &self.key()?)?;
        let finished: HashMap<(String, String), Vec<f32>> = finished
            .into_iter()
            .map(|row| ((row.clip, row.source), row.vector))
            .collect();
        let mut done = Done {
            looked_at: Vec::with_capacity(sources.len()),
            skipped: Vec::new(),
            known: 0,
            journal,
        };
        let bar = shell.bar("detections", sources.len());
        for chunk in sources.chunks(CHUNK) {
            if shell.stopped() {
                bar.finish_and_clear();
                anyhow::bail!(
                    "stopped after {}; the same command goes on there",
                    counted(done.looked_at.len(), "picture")
                );
            }
            let opened: Vec<_> = chunk
                .par_iter()
                .map(|source| self.open(source, &finished, shell))
                .collect();
            // one after another, on all threads: what a network works in is large
            let found: Vec<_> = opened
                .into_iter()
                .map(|opened| self.look(opened?))
                .collect();
            let results: Vec<_> = chunk
                .par_iter()
                .zip(found)
                .map(|(source, found)| self.finish(source, found?))
                .collect();
            let mut new = Vec::new();
            let mut bad = None;
            for (source, result) in chunk.iter().zip(results) {
                match result {
                    Ok((detections, row)) => {
                        done.known += usize::from(row.is_none());
                        new.extend(row);
                        done.looked_at.push(LookedAt { source, detections });
                    }
                    Err(error) if self.skip_bad => {
                        let file = source.path.display().to_string();
                        done.skipped.push((file, message(&error)));
                    }
                    Err(error) => bad = bad.or(Some(error)),
                }
            }
            done.journal.append(&new)?;
            if let Some(error) = bad {
                bar.finish_and_clear();
                return Err(error);
            }
            bar.inc(chunk.len() as u64);
        }
        bar.finish_and_clear();
        ensure!(
            !done.looked_at.is_empty(),
            "expected pictures that can be used, found none among {}, the first: {}",
            sources.len(),
            done.skipped.first().map_or("", |(_, why)| why)
        );
        Ok(done)
    }

    /// Everything but the picture that a result depends on.
    fn key(&self) -> anyhow::Result<String> {
        let path = self.detector.path();
        let hash = file_hash(path).with_context(|| format!("cannot read {}", path.display()))?;
        let annotated = self.annotated.map(|folder| (folder, self.draw));
        let settings = self.detector.settings();
        let drawn = annotated.map(|_| self.categories.key());
        Ok(format!(
            "detect 2\n{hash}\n{settings}\n{annotated:?}\n{drawn:?}"
        ))
    }

    /// Reads a picture, or takes what was found in it before.
    fn open(
        &self,
        source: &Source,
        finished: &HashMap<(String, String), Vec<f32>>,
        shell: &Shell,
    ) -> anyhow::Result<Opened> {
        let path = &source.path;
        let bytes = read_file(path)?;
        let hash = content_hash(&bytes);
        let row = finished.get(&(path.display().to_string(), hash.clone()));
        let is_drawn = self.drawing(source).is_none_or(|file| file.is_file());
        if let Some(detections) = row.and_then(|row| kept::unpack(row, self.detector.classes()))
            && is_drawn
        {
            return Ok(Opened::Known(detections));
        }
        let decoded = decode_bytes_warned(&bytes, path)?;
        decoded.warnings.iter().for_each(|line| shell.say(line));
        let picture = decoded.picture;
        if let Some([width, height]) = source.stated {
            ensure!(
                [picture.width(), picture.height()] == [width, height],
                "{}: expected {width} x {height} pixels, as the annotations say, found {} x {}",
                path.display(),
                picture.width(),
                picture.height()
            );
        }
        Ok(Opened::New(picture, hash))
    }

    fn look(&self, opened: Opened) -> anyhow::Result<Found> {
        Ok(match opened {
            Opened::Known(detections) => (detections, None),
            Opened::New(picture, hash) => {
                let detections = self.detector.detect(&picture)?;
                (detections, Some((picture, hash)))
            }
        })
    }

    /// Draws what is to be drawn, and gives what is to be kept of a picture that was not known.
    fn finish(
        &self,
        source: &Source,
        (detections, new): Found,
    ) -> anyhow::Result<(Vec<Detected>, Option<JournalRow>)> {
        let Some((mut picture, hash)) = new else {
            return Ok((detections, None));
        };
        if let Some(file) = self.drawing(source) {
            let shown = detections
                .iter()
                .filter(|d| f64::from(d.score) >= self.draw);
            let shown: Vec<Detected> = shown.cloned().collect();
            draw(&mut picture, &shown, |found| {
                format!("{} {:.2}", self.categories.name(found.class), found.score)
            });
            if let Some(folder) = file.parent() {
                std::fs::create_dir_all(folder)
                    .with_context(|| format!("cannot write {}", folder.display()))?;
            }
            write_atomic(&file, &encode_png(&picture)?)?;
        }
        let row = JournalRow {
            clip: source.path.display().to_string(),
            source: hash,
            vector: kept::pack(&detections),
        };
        Ok((detections, Some(row)))
    }

    /// Where a picture goes with its boxes: its own name with `.png` behind it, so that `a.jpg` and `a.png` do not meet.
    fn drawing(&self, source: &Source) -> Option<PathBuf> {
        let folder = self.annotated?;
        Some(folder.join(format!("{}.png", source.below)))
    }
}
