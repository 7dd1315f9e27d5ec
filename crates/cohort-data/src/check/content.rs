//! Findings inside the files: what cannot be decoded, and what holds nothing.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use cohort_vision::Picture;
use rayon::prelude::*;

use super::row::Row;
use crate::files::without_root;
use crate::finding::{Finding, Kind};
use crate::media::{Media, MediaKind, MediaSource};

/// Side of the grey picture that is compared, in pixels.
const SIDE: usize = 32;
/// Least standard deviation, in grey levels, of a picture that is not blank.
const BLANK: f64 = 1.0;

/// What is kept of the media of one row.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub image: Option<ImagePrint>,
    /// BLAKE3 of the decoded samples and their rate.
    pub audio: Option<[u8; 32]>,
    problems: Vec<(MediaKind, Kind, String)>,
}

/// What is kept of a picture, so that all pictures of a data set can be compared.
#[derive(Debug)]
pub(super) struct ImagePrint {
    /// BLAKE3 of size and pixels.
    pub digest: [u8; 32],
    pub hash: u64,
    /// Grey levels at 32 x 32 from their mean, in units of 1/31 standard deviation, at most +-127: one byte a
    /// pixel is exact enough for a correlation to three digits.
    pub grey: Vec<i8>,
}

/// Decodes the media of all rows, on all threads; the result and the findings are in the order of the rows.
pub(super) fn decode_all(
    root: &Path,
    rows: &[Row<'_>],
    found: &[Media],
    progress: &(dyn Fn(usize, usize) + Sync),
    findings: &mut Vec<Finding>,
) -> Vec<Content> {
    let done = AtomicUsize::new(0);
    let contents: Vec<Content> = found
        .par_iter()
        .map(|found| {
            let content = decode(root, found);
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, rows.len());
            content
        })
        .collect();
    for ((row, found), content) in rows.iter().zip(found).zip(&contents) {
        for (medium, kind, message) in &content.problems {
            let path = found.file(*medium);
            let file = path.map(|path| {
                path.strip_prefix(root)
                    .unwrap_or(path)
                    .to_string_lossy()
                    .into_owned()
            });
            findings.push(Finding {
                file,
                ..row.finding(*kind, message)
            });
        }
    }
    contents
}

fn decode(root: &Path, found: &Media) -> Content {
    let mut content = Content::default();
    if let Some(path) = found.file(MediaKind::Picture) {
        let mut warnings = Vec::new();
        let print = image_print(path, &mut warnings);
        for warning in warnings {
            let message = warning.replace(&format!("{}/", root.display()), "");
            content.problem(MediaKind::Picture, Kind::OddMedia, &message);
        }
        match print {
            Ok(Some(print)) => content.image = Some(print),
            Ok(None) => content.problem(
                MediaKind::Picture,
                Kind::BlankImage,
                "a picture of one colour",
            ),
            Err(error) => {
                content.undecodable(MediaKind::Picture, without_root(root, &error.to_string()))
            }
        }
    }
    if let Some(path) = found.file(MediaKind::Sound) {
        match audio_digest(path) {
            Ok((digest, warnings)) => {
                content.audio = digest;
                if digest.is_none() {
                    content.problem(
                        MediaKind::Sound,
                        Kind::SilentAudio,
                        "all samples are the same",
                    );
                }
                for warning in warnings {
                    let file = format!("{}: ", path.display());
                    let warning = warning.strip_prefix(&file).unwrap_or(&warning);
                    content.problem(MediaKind::Sound, Kind::RepairedAudio, warning);
                }
            }
            Err(error) => {
                content.undecodable(MediaKind::Sound, without_root(root, &error.to_string()))
            }
        }
    }
    match found.get(MediaKind::Text).map(MediaSource::read_words) {
        Some(Ok(text)) if text.is_empty() => {
            content.problem(
                MediaKind::Text,
                Kind::EmptyTranscript,
                "a transcript without a word",
            );
        }
        Some(Err(error)) => {
            content.undecodable(MediaKind::Text, without_root(root, &error.to_string()))
        }
        _ => {}
    }
    content
}

impl Content {
    fn problem(&mut self, medium: MediaKind, kind: Kind, message: &str) {
        self.problems.push((medium, kind, message.to_string()));
    }

    fn undecodable(&mut self, medium: MediaKind, message: String) {
        self.problems
            .push((medium, Kind::UndecodableMedia, message));
    }
}

type AnyError = Box<dyn std::error::Error>;

/// `None` for a blank picture, which would be similar to every other blank one.
fn image_print(path: &Path, warnings: &mut Vec<String>) -> Result<Option<ImagePrint>, AnyError> {
    let decoded = cohort_vision::decode_warned(path)?;
    warnings.extend(decoded.warnings);
    let picture = decoded.picture;
    let Some(grey) = normalised_grey(&picture)? else {
        return Ok(None);
    };
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(picture.width() as u64).to_le_bytes());
    hasher.update(picture.rgb());
    let hash = cohort_vision::perceptual_hash(&picture);
    Ok(Some(ImagePrint {
        digest: hasher.finalize().into(),
        hash,
        grey,
    }))
}

fn normalised_grey(picture: &Picture) -> Result<Option<Vec<i8>>, AnyError> {
    let grey = cohort_vision::resize(picture, SIDE, SIDE)?.luma();
    let count = grey.len() as f64;
    let mean = grey.iter().map(|&level| f64::from(level)).sum::<f64>() / count;
    let squares = grey
        .iter()
        .map(|&level| (f64::from(level) - mean).powi(2))
        .sum::<f64>();
    let deviation = (squares / count).sqrt();
    // The cast saturates, at four standard deviations, which few pixels reach.
    let unit = |&level: &u8| (31.0 * (f64::from(level) - mean) / deviation).round() as i8;
    Ok((deviation >= BLANK).then(|| grey.iter().map(unit).collect()))
}

/// Correlation of two pictures from their normalised grey levels, -1 to 1.
pub(super) fn correlation(a: &[i8], b: &[i8]) -> f64 {
    let dot = |a: &[i8], b: &[i8]| -> i64 {
        a.iter()
            .zip(b)
            .map(|(&a, &b)| i64::from(i32::from(a) * i32::from(b)))
            .sum()
    };
    let norm = (dot(a, a) as f64 * dot(b, b) as f64).sqrt();
    if norm > 0.0 {
        dot(a, b) as f64 / norm
    } else {
        0.0
    }
}

/// `None` for a sound in which all samples are the same.
/// With what was read otherwise than the file has it.
fn audio_digest(path: &Path) -> Result<(Option<[u8; 32]>, Vec<String>), AnyError> {
    let cohort_audio::Decoded { sound, warnings } = cohort_audio::decode_warned(path)?;
    let rates = cohort_audio::MIN_SAMPLE_RATE..=cohort_audio::MAX_SAMPLE_RATE;
    if !rates.contains(&sound.sample_rate) {
        return Err(format!(
            "cannot use {}: expected a sample rate from {} to {} Hz, found {} Hz",
            path.display(),
            rates.start(),
            rates.end(),
            sound.sample_rate
        )
        .into());
    }
    if sound.peak() == 0.0 {
        return Ok((None, warnings));
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(&sound.sample_rate.to_le_bytes());
    let mut block = Vec::with_capacity(4 * 4096);
    for samples in sound.samples.chunks(4096) {
        block.clear();
        block.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        hasher.update(&block);
    }
    Ok((Some(hasher.finalize().into()), warnings))
}
