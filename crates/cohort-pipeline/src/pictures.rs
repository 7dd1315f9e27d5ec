//! Pictures as training samples.

use std::path::Path;
use std::sync::OnceLock;

use cohort_data::Clip;
use cohort_nn::Face;
use cohort_train::{Source, TrainError};
use cohort_vision::{Picture, Transform};
use rayon::prelude::*;

use crate::features::Skipped;
use crate::view::View;
use crate::watch::say_warnings;
use crate::{PipelineError, Watch};

/// Most bytes of decoded pictures kept in memory by one source; the rest is decoded anew each time.
const CACHE_BYTES: usize = 384 << 20;

/// The pictures of some clips, cut out and resized once and kept as far as memory allows.
#[derive(Debug)]
pub(crate) struct PictureSource<'a> {
    pub(crate) clips: Vec<&'a Clip>,
    files: Vec<&'a Path>,
    pub(crate) labels: Vec<usize>,
    hashes: Vec<String>,
    /// The faces that were found, one for each clip, so that they are searched for once.
    faces: Vec<Option<Face>>,
    cache: Vec<OnceLock<Picture>>,
    view: &'a View,
    transform: Transform,
    shape: [usize; 3],
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
        view: &'a View,
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
            faces: Vec::new(),
            cache: Vec::new(),
            view,
            transform,
            shape: [3, size, size],
        };
        let candidates: Vec<(&Clip, &Path, usize)> = clips
            .into_iter()
            .filter_map(|clip| Some((clip, clip.picture()?, *clip.levels.get(target)?)))
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
                .map(|(_, file, _)| load_hashed(file, view, size, watch))
                .collect();
            for (&(clip, file, label), decoded) in chunk.iter().zip(decoded) {
                match decoded {
                    Ok((hash, face, picture)) => {
                        let kept = OnceLock::new();
                        if source.clips.len() < most {
                            let _ = kept.set(picture);
                        }
                        source.clips.push(clip);
                        source.files.push(file);
                        source.labels.push(label);
                        source.hashes.push(hash);
                        source.faces.push(face);
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
        view.say(watch);
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
                fresh = cohort_vision::decode(self.files[i])
                    .and_then(|whole| {
                        let face = self.faces[i].as_ref();
                        self.view.part(&whole, face, transform.size)
                    })
                    .map_err(|error| self.bad_sample(i, &error))?;
                &fresh
            }
        };
        transform
            .apply(picture, augment, out)
            .map_err(|error| self.bad_sample(i, &error))
    }

    fn bad_sample(&self, i: usize, error: &cohort_vision::VisionError) -> TrainError {
        TrainError::Sample {
            name: self.clips[i].id.clone(),
            reason: error.to_string(),
        }
    }
}

fn load_hashed(
    file: &Path,
    view: &View,
    size: usize,
    watch: &dyn Watch,
) -> Result<(String, Option<Face>, Picture), PipelineError> {
    let bytes = cohort_vision::read_file(file)?;
    let decoded = cohort_vision::decode_bytes_warned(&bytes, file)?;
    say_warnings(&decoded.warnings, watch);
    let picture = decoded.picture;
    let face = view.face(&picture)?;
    let seen = view.part(&picture, face.as_ref(), size)?;
    Ok((cohort_tables::content_hash(&bytes), face, seen))
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
