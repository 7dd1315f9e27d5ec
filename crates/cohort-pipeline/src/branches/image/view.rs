//! What of a picture a network sees: the middle, or the face that a detector finds.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use cohort_nn::burn::tensor::Device;
use cohort_nn::{Backbone, Face, Mtcnn, MtcnnSettings};
use cohort_video::Frame;
use cohort_vision::{Picture, VisionError, align_face, crop_centre, crop_face, resize, sharpness};
use rayon::prelude::*;

use super::super::video::{Looked, VideoSeen};
use super::follow::follow;
use crate::error::PipelineError;
use crate::hashes::hash_of_files;
use crate::watch::Watch;

/// Files of a detector's folder.
const FILES: [&str; 3] = ["pnet.pt", "rnet.pt", "onet.pt"];
/// The face of a clip's person fills more than these shares of the picture's shorter and longer side; smaller ones are not
/// searched for, so that the time and memory of a search hardly depend on the picture's size.
const SMALLEST_FACE: [f64; 2] = [1.0 / 16.0, 1.0 / 64.0];
/// Share of a network's picture that lies around the detector's rectangle: 14 of 160 pixels, which facenet-pytorch's author
/// recommends for the weights of Inception-ResNet-V1 that he publishes (its issue 62).
const MARGIN: f64 = 14.0 / 160.0;

/// What of every picture a network sees.
#[derive(Debug)]
pub(crate) struct View {
    crop: f64,
    detector: Option<Detector>,
    aligned: bool,
    searched: AtomicUsize,
    missed: AtomicUsize,
}

#[derive(Debug)]
struct Detector {
    mtcnn: Mtcnn,
    hash: String,
}

impl View {
    /// The middle `crop` of every picture or, with the folder of a detector (empty: none), its largest face as `network`
    /// takes faces: MobileFaceNet upright by the landmarks, the others by the rectangle with a margin. Where there is no
    /// face, the middle after all.
    ///
    /// # Errors
    /// A folder that is not a detector's.
    pub(crate) fn open(
        crop: f64,
        detector: &str,
        network: Backbone,
    ) -> Result<Self, PipelineError> {
        let detector = match detector {
            "" => None,
            folder => Some(Detector::open(Path::new(folder))?),
        };
        Ok(Self {
            crop,
            detector,
            aligned: network == Backbone::MobileFaceNet,
            searched: AtomicUsize::new(0),
            missed: AtomicUsize::new(0),
        })
    }

    /// What tells this view from others, none where it is the whole picture.
    pub(crate) fn settings(&self) -> Option<serde_json::Value> {
        match &self.detector {
            Some(detector) => Some(serde_json::json!({
                "crop": self.crop,
                "detector": detector.hash,
                "aligned": self.aligned,
            })),
            None => (self.crop < 1.0).then(|| self.crop.into()),
        }
    }

    /// The largest face of a picture, where there is a detector and it finds one.
    ///
    /// # Errors
    /// None for a picture that was decoded.
    pub(crate) fn face(&self, picture: &Picture) -> Result<Option<Face>, PipelineError> {
        Ok(self.faces(picture)?.into_iter().next())
    }

    /// The faces of a picture, the largest first; none without a detector.
    fn faces(&self, picture: &Picture) -> Result<Vec<Face>, PipelineError> {
        let Some(detector) = &self.detector else {
            return Ok(Vec::new());
        };
        let [width, height] = [picture.width(), picture.height()];
        let [of_shorter, of_longer] = SMALLEST_FACE;
        let least = MtcnnSettings::default()
            .min_face_size
            .max(width.min(height) as f64 * of_shorter)
            .max(width.max(height) as f64 * of_longer);
        let faces = detector
            .mtcnn
            .detect_from(least, width, height, picture.rgb())?;
        self.searched.fetch_add(1, Ordering::Relaxed);
        if faces.is_empty() {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(faces)
    }

    /// What a network of `size` pixels sees of a video's frames: the main face ([`follow`]) where there is a detector and it finds one,
    /// in the frames that it is in; else all frames. A frame counts by its sharpness and, with a face, by the detector's probability
    /// and the size of the face, each as a share of the video's largest.
    ///
    /// # Errors
    /// As [`Self::part`].
    pub(crate) fn look(&self, frames: &[Frame], size: usize) -> Result<Looked, PipelineError> {
        let faces: Vec<Vec<Face>> = match &self.detector {
            None => vec![Vec::new(); frames.len()],
            Some(_) => frames
                .par_iter()
                .map(|frame| self.faces(&frame.picture))
                .collect::<Result<_, _>>()?,
        };
        let tracks = follow(&faces);
        let seen: Vec<(usize, Option<&Face>)> = match tracks.first() {
            Some(main) => {
                let places = main.faces.iter();
                places
                    .map(|&(frame, face)| (frame, Some(&faces[frame][face])))
                    .collect()
            }
            None => (0..frames.len()).map(|frame| (frame, None)).collect(),
        };
        let parts = seen
            .par_iter()
            .map(|&(frame, face)| self.part(&frames[frame].picture, face, size))
            .collect::<Result<Vec<_>, _>>()?;
        let sharp = shares(parts.iter().map(sharpness));
        let sides = seen.iter().map(|(_, face)| {
            face.map_or(1.0, |face| f64::from(face.rectangle[2] - face.rectangle[0]))
        });
        let sides = shares(sides);
        let sure = seen
            .iter()
            .map(|(_, face)| face.map_or(1.0, |face| f64::from(face.probability)));
        let weights = sure
            .zip(sharp.iter().zip(&sides))
            .map(|(sure, (sharp, side))| sure * sharp * side);
        let second = |place: Option<&(usize, Option<&Face>)>| {
            place.map_or(0.0, |(frame, _)| frames[*frame].seconds)
        };
        let searched = self.detector.is_some();
        Ok(Looked {
            what: VideoSeen {
                frames: frames.len(),
                with_main_face: searched
                    .then_some(tracks.first().map_or(0, |main| main.faces.len())),
                other_faces: searched.then(|| {
                    tracks
                        .iter()
                        .skip(1)
                        .filter(|track| track.faces.len() > 1)
                        .count()
                }),
                seconds: [second(seen.first()), second(seen.last())],
            },
            weights: weights.collect(),
            frames: seen.iter().map(|(frame, _)| *frame).collect(),
            parts,
        })
    }

    /// What a network of `size` pixels sees of a picture whose [`Self::face`] is known.
    ///
    /// # Errors
    /// [`VisionError::Argument`] when `size` is 0 or too large.
    pub(crate) fn part(
        &self,
        picture: &Picture,
        face: Option<&Face>,
        size: usize,
    ) -> Result<Picture, VisionError> {
        // A rectangle or square may lie beside the picture: then the middle is as good.
        let seen = face.and_then(|face| match self.aligned {
            true => align_face(picture, &face.landmarks, size).ok(),
            false => {
                let margin = (size as f64 * MARGIN).round() as usize;
                crop_face(picture, face.rectangle, size, margin).ok()
            }
        });
        match seen {
            Some(seen) => Ok(seen),
            None => resize(&crop_centre(picture, self.crop)?, size, size),
        }
    }

    /// [`Self::part`] of a picture of which nothing is known.
    ///
    /// # Errors
    /// As [`Self::part`].
    pub(crate) fn of(&self, picture: &Picture, size: usize) -> Result<Picture, PipelineError> {
        let face = self.face(picture)?;
        Ok(self.part(picture, face.as_ref(), size)?)
    }

    /// Says in how many of the pictures since the last time no face was found.
    pub(crate) fn say(&self, watch: &dyn Watch) {
        let searched = self.searched.swap(0, Ordering::Relaxed);
        let missed = self.missed.swap(0, Ordering::Relaxed);
        if missed > 0 {
            watch.say(&format!(
                "{missed} of {searched} pictures show no face that the detector finds: the middle is seen instead"
            ));
        }
    }
}

/// Values as shares of the largest; all alike where that is 0.
fn shares(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let values: Vec<f64> = values.collect();
    let largest = values.iter().copied().fold(0.0, f64::max);
    let share = |value: f64| {
        if largest > 0.0 {
            value.max(0.0) / largest
        } else {
            1.0
        }
    };
    values.into_iter().map(share).collect()
}

impl Detector {
    fn open(folder: &Path) -> Result<Self, PipelineError> {
        let files: Vec<PathBuf> = FILES.iter().map(|name| folder.join(name)).collect();
        let mtcnn = Mtcnn::open(folder, MtcnnSettings::default(), &Device::flex())?;
        let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        Ok(Self {
            mtcnn,
            hash: hash_of_files(&files)?,
        })
    }
}
