//! Pictures as training samples.

use std::path::Path;
use std::sync::OnceLock;

use cohort_data::Clip;
use cohort_train::{Source, TrainError};
use cohort_vision::{Picture, Transform, VisionError, crop_centre, resize};
use rayon::prelude::*;

use crate::features::Skipped;
use crate::{PipelineError, Watch};

/// Most bytes of decoded pictures kept in memory by one source; the rest is decoded anew each time.
const CACHE_BYTES: usize = 384 << 20;

/// The pictures of some clips, cropped and resized once and kept as far as memory allows.
#[derive(Debug)]
pub(crate) struct PictureSource<'a> {
    pub(crate) clips: Vec<&'a Clip>,
    files: Vec<&'a Path>,
    pub(crate) labels: Vec<usize>,
    hashes: Vec<String>,
    cache: Vec<OnceLock<Picture>>,
    crop: f64,
    transform: Transform,
    shape: [usize; 3],
}

/// What a network of `size` pixels sees of a picture: the middle `crop` of its width and height, resized.
///
/// # Errors
/// [`VisionError::Argument`] when `crop` is not in (0, 1] or `size` is 0 or too large.
pub(crate) fn seen_part(picture: &Picture, crop: f64, size: usize) -> Result<Picture, VisionError> {
    resize(&crop_centre(picture, crop)?, size, size)
}

impl<'a> PictureSource<'a> {
    /// Those of `clips` that have a picture, in their order. Every picture is decoded once here, so that a bad
    /// one is found before the training and not in the middle of it.
    ///
    /// # Errors
    /// The first picture that cannot be decoded, unless `skip_bad`; [`PipelineError::Stopped`].
    pub(crate) fn new(
        clips: impl IntoIterator<Item = &'a Clip>,
        target: usize,
        crop: f64,
        transform: Transform,
        skip_bad: bool,
        watch: &dyn Watch,
    ) -> Result<(Self, Vec<Skipped>), PipelineError> {
        let size = transform.size;
        let mut source = Self {
            clips: Vec::new(),
            files: Vec::new(),
            labels: Vec::new(),
            hashes: Vec::new(),
            cache: Vec::new(),
            crop,
            transform,
            shape: [3, size, size],
        };
        let candidates: Vec<(&Clip, &Path, usize)> = clips
            .into_iter()
            .filter_map(|clip| Some((clip, clip.image.as_deref()?, *clip.levels.get(target)?)))
            .collect();
        let most = CACHE_BYTES / (size * size * 3).max(1);
        let mut skipped = Vec::new();
        watch.begin("pictures", candidates.len());
        for (number, chunk) in candidates.chunks(64).enumerate() {
            if watch.stopped() {
                watch.end();
                return Err(PipelineError::Stopped);
            }
            let decoded: Vec<_> = chunk
                .par_iter()
                .map(|(_, file, _)| load_hashed(file, crop, size))
                .collect();
            for (&(clip, file, label), decoded) in chunk.iter().zip(decoded) {
                match decoded {
                    Ok((hash, picture)) => {
                        let kept = OnceLock::new();
                        if source.clips.len() < most {
                            let _ = kept.set(picture);
                        }
                        source.clips.push(clip);
                        source.files.push(file);
                        source.labels.push(label);
                        source.hashes.push(hash);
                        source.cache.push(kept);
                    }
                    Err(error) if skip_bad && error.is_bad_clip() => skipped.push(Skipped {
                        clip: clip.id.clone(),
                        modality: "image".to_string(),
                        reason: error.to_string(),
                    }),
                    Err(error) => {
                        watch.end();
                        return Err(error.of_clip(&clip.id));
                    }
                }
            }
            watch.at(number * 64 + chunk.len());
        }
        watch.end();
        Ok((source, skipped))
    }

    /// Hash of each picture file.
    pub(crate) fn hashes(&self) -> &[String] {
        &self.hashes
    }

    /// Hash over clip ids and picture files, in order.
    pub(crate) fn hash(&self) -> String {
        crate::training::hash_of_rows(
            self.clips
                .iter()
                .map(|clip| clip.id.as_str())
                .zip(self.hashes.iter().map(String::as_str)),
            &self.labels,
        )
    }
}

impl PictureSource<'_> {
    fn transformed(
        &self,
        i: usize,
        transform: &Transform,
        augment: Option<u64>,
        out: &mut [f32],
    ) -> Result<(), TrainError> {
        let fresh;
        let picture = match self.cache[i].get() {
            Some(picture) => picture,
            None => {
                fresh = load(self.files[i], self.crop, transform.size)
                    .map_err(|error| self.bad_sample(i, &error))?;
                &fresh
            }
        };
        transform
            .apply(picture, augment, out)
            .map_err(|error| self.bad_sample(i, &error))
    }

    fn bad_sample(&self, i: usize, error: &VisionError) -> TrainError {
        TrainError::Sample {
            name: self.clips[i].id.clone(),
            reason: error.to_string(),
        }
    }
}

fn load_hashed(file: &Path, crop: f64, size: usize) -> Result<(String, Picture), PipelineError> {
    let bytes = std::fs::read(file).map_err(|source| PipelineError::Media {
        path: file.to_path_buf(),
        source,
    })?;
    let picture = cohort_vision::decode_bytes(&bytes, file)?;
    Ok((
        cohort_tables::content_hash(&bytes),
        seen_part(&picture, crop, size)?,
    ))
}

fn load(file: &Path, crop: f64, size: usize) -> Result<Picture, VisionError> {
    seen_part(&cohort_vision::decode(file)?, crop, size)
}

impl Source for PictureSource<'_> {
    fn len(&self) -> usize {
        self.clips.len()
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn label(&self, i: usize) -> usize {
        self.labels[i]
    }

    fn name(&self, i: usize) -> String {
        self.clips[i].id.clone()
    }

    fn fill(&self, i: usize, augment: Option<u64>, out: &mut [f32]) -> Result<(), TrainError> {
        self.transformed(i, &self.transform, augment, out)
    }

    fn fill_variant(
        &self,
        i: usize,
        variant: usize,
        augment: u64,
        out: &mut [f32],
    ) -> Result<(), TrainError> {
        let Transform {
            size, mean, std, ..
        } = self.transform;
        let changes = match variant {
            0 => self.transform,
            1 => Transform::minority_strong(size),
            _ => Transform::minority_mild(size),
        };
        let transform = Transform {
            mean,
            std,
            ..changes
        };
        self.transformed(i, &transform, Some(augment), out)
    }
}
