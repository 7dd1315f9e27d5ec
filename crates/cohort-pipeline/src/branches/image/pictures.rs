//! Pictures as training samples.

use std::path::Path;
use std::sync::OnceLock;

use cohort_data::Clip;
use cohort_nn::Face;
use cohort_train::{Source, TrainError};
use cohort_vision::{Picture, Transform};
use rayon::prelude::*;

use super::super::branch::Part;
use super::super::table::Skipped;
use super::view::View;
use crate::error::PipelineError;
use crate::modality::Modality;
use crate::watch::{Watch, say_warnings};

/// Most bytes of decoded pictures kept in memory by one source; the rest is decoded anew each time.
const CACHE_BYTES: usize = 384 << 20;

/// The pictures of some clips, cut out and resized once and kept as far as memory allows.
#[derive(Debug)]
pub(crate) struct PictureSource<'a> {
    clips: Vec<&'a Clip>,
    files: Vec<&'a Path>,
    labels: Vec<usize>,
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
    pub(crate) fn part(
        clips: &'a [Clip],
        target: usize,
        view: &'a View,
        transform: Transform,
        skip_bad: bool,
        watch: &dyn Watch,
    ) -> Result<(Part<'a>, Vec<Skipped>), PipelineError> {
        let size = transform.size;
        let mut source = Self {
            clips: Vec::new(),
            files: Vec::new(),
            labels: Vec::new(),
            faces: Vec::new(),
            cache: Vec::new(),
            view,
            transform,
            shape: [3, size, size],
        };
        let candidates: Vec<(&Clip, &Path, usize)> = clips
            .iter()
            .filter_map(|clip| Some((clip, clip.picture()?, clip.levels[target])))
            .collect();
        let most = CACHE_BYTES / (size * size * 3).max(1);
        let (mut skipped, mut hashes) = (Vec::new(), Vec::new());
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
                        hashes.push(hash);
                        source.faces.push(face);
                        source.cache.push(kept);
                    }
                    Err(error) if skip_bad && error.is_bad_clip() => {
                        skipped.push(Skipped::new(&clip.id, Modality::Image, &error));
                    }
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
        let part = Part {
            clips: source.clips.clone(),
            labels: source.labels.clone(),
            hashes,
            source: Box::new(source),
        };
        Ok((part, skipped))
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

/// Decoded pictures as samples without labels.
#[derive(Debug)]
pub(crate) struct SeenPictures<'a> {
    clips: &'a [String],
    pictures: &'a [Picture],
    /// None where the pictures are what is seen.
    view: Option<&'a View>,
    transform: Transform,
    shape: [usize; 3],
}

impl<'a> SeenPictures<'a> {
    /// `pictures` with the names of their clips, as the network takes them; without a view they are what it sees of some.
    pub(crate) fn new(
        clips: &'a [String],
        pictures: &'a [Picture],
        view: Option<&'a View>,
        transform: Transform,
    ) -> Self {
        let shape = [3, transform.size, transform.size];
        Self {
            clips,
            pictures,
            view,
            transform,
            shape,
        }
    }
}

impl Source for SeenPictures<'_> {
    fn len(&self) -> usize {
        self.pictures.len()
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn label(&self, _i: usize) -> usize {
        0
    }

    fn name(&self, i: usize) -> String {
        self.clips[i].clone()
    }

    fn fill(&self, i: usize, augment: Option<u64>, out: &mut [f32]) -> Result<(), TrainError> {
        let bad = |reason: String| TrainError::Sample {
            name: self.clips[i].clone(),
            reason,
        };
        let size = self.transform.size;
        let cut;
        let seen = match self.view {
            Some(view) => {
                cut = view
                    .of(&self.pictures[i], size)
                    .map_err(|error| bad(error.to_string()))?;
                &cut
            }
            None => &self.pictures[i],
        };
        let done = self.transform.apply(seen, augment, out);
        done.map_err(|error| bad(error.to_string()))
    }
}
