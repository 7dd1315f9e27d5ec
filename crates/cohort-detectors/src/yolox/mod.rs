//! YOLOX (Ge et al. 2021): one stage, no anchors, nano to x, with anyone's weights of it.
//!
//! Read are the project's ONNX files and its `.pth` (and the same names as safetensors): width, depth, classes and whether kernels are
//! depthwise are told from the shapes. Norms are folded in, eps .001.

mod convolutions;
mod decode;
mod network;
mod prepare;
pub(crate) mod weights;

use std::path::Path;
use std::sync::Arc;

use cohort_kernels::dense::sigmoid;
use cohort_kernels::frozen::{Plan, Sizes};
use cohort_vision::Picture;
use cohort_weights::Checkpoint;

pub use convolutions::Architecture;
pub use prepare::{Letterbox, letterbox};

use crate::{Detected, DetectorError, Map};
use decode::{Level, STRIDES};
use network::Network;

/// Plans that are kept.
const KEPT: usize = 2;
/// Sides of the square: a multiple of the coarsest stride.
const SIDES: std::ops::RangeInclusive<usize> = 32..=4096;

/// How pictures are looked at and what is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Side of the square in pixels, a multiple of 32 from 32 to 4096; published networks want [`Architecture::side`].
    pub side: usize,
    /// A detection's score is above this, from 0 to 1.
    pub score: f64,
    /// Detections of one class overlap by no more than this, as intersection over union from 0 to 1.
    pub nms: f64,
    /// Most detections of a picture, the best; 1 or more.
    pub most: usize,
}

impl Settings {
    /// What YOLOX evaluates with: scores above .001, overlaps to .65, and at most 300 detections.
    pub fn of(architecture: Architecture) -> Self {
        Self {
            side: architecture.side(),
            score: 0.001,
            nms: 0.65,
            most: 300,
        }
    }

    /// Says what is out of range.
    ///
    /// # Errors
    /// [`DetectorError::Setting`].
    pub fn check(&self) -> Result<(), DetectorError> {
        let refused = |name, expected: String, found: String| {
            Err(DetectorError::Setting {
                name,
                expected,
                found,
            })
        };
        let share = 0.0..=1.0;
        if !SIDES.contains(&self.side) || self.side % 32 != 0 {
            let (least, most) = (SIDES.start(), SIDES.end());
            let range = format!("a multiple of 32 from {least} to {most}");
            return refused("size", range, self.side.to_string());
        }
        for (name, value) in [("score", self.score), ("nms", self.nms)] {
            if !share.contains(&value) {
                return refused(name, "a number from 0 to 1".into(), value.to_string());
            }
        }
        match self.most {
            0 => refused("most detections", "1 or more".into(), "0".into()),
            _ => Ok(()),
        }
    }
}

/// A YOLOX with weights.
#[derive(Debug)]
pub struct Yolox {
    architecture: Architecture,
    network: Network,
    plans: Sizes,
}

impl Yolox {
    /// Reads a file: by its ending an ONNX graph, else a PyTorch checkpoint or safetensors.
    ///
    /// # Errors
    /// [`DetectorError`] naming the file when it cannot be read or is of another network.
    pub fn open(path: &Path) -> Result<Self, DetectorError> {
        Ok(Self::with(weights::read(path)?))
    }

    /// Makes the network of a checkpoint's tensors.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn load(checkpoint: &Checkpoint) -> Result<Self, DetectorError> {
        Ok(Self::with(weights::from_checkpoint(checkpoint)?))
    }

    fn with((architecture, weights): weights::Read) -> Self {
        Self {
            architecture,
            network: Network::new(architecture, weights),
            plans: Sizes::new(KEPT),
        }
    }

    /// What it is.
    pub fn architecture(&self) -> Architecture {
        self.architecture
    }

    /// The objects in a picture, by falling score.
    ///
    /// # Errors
    /// [`DetectorError::Setting`], and [`DetectorError::Vision`] for a picture that cannot be resized.
    pub fn detect(
        &self,
        picture: &Picture,
        settings: &Settings,
    ) -> Result<Vec<Detected>, DetectorError> {
        settings.check()?;
        let letterbox = letterbox(picture, settings.side)?;
        let levels = self.levels(&letterbox);
        let classes = self.architecture.classes;
        Ok(decode::decode(&levels, classes, letterbox.ratio, settings))
    }

    /// What the network predicts: for each cell of the levels, finest first and row by row, centre and size in the square's pixels,
    /// and then the shares of an object and of each class, from 0 to 1: `[cells, 5 + classes]`, as the project's ONNX file gives it
    /// after its decoding.
    ///
    /// # Panics
    /// When the square's side is no multiple of 32, or its planes are of another size.
    pub fn predictions(&self, letterbox: &Letterbox) -> Vec<f32> {
        let mut all = Vec::new();
        for (level, stride) in self.levels(letterbox).iter().zip(STRIDES) {
            let each = level.classes.chunks_exact(self.architecture.classes);
            for (cell, (classes, own)) in each.zip(level.boxes.chunks_exact(5)).enumerate() {
                let [_, width] = level.size;
                all.extend(decode::placed(own, cell % width, cell / width, stride));
                let shares = all.len();
                all.push(own[4]);
                all.extend_from_slice(classes);
                sigmoid(&mut all[shares..]);
            }
        }
        all
    }

    /// What modules give, by the dotted names of YOLOX's `state_dict` (`backbone.backbone.dark2.1`, `backbone.C3_p3`; `NAME.joined` is
    /// what a cross stage partial block's last layer reads); none where one is not known.
    ///
    /// # Panics
    /// As [`Self::predictions`].
    pub fn maps(&self, letterbox: &Letterbox, names: &[&str]) -> Option<Vec<Map>> {
        if names.is_empty() {
            return Some(Vec::new());
        }
        let plan = self.network.plan([letterbox.side; 2], names)?;
        let sizes = plan.sizes().into_iter();
        let values = plan.run_all(&letterbox.planes).into_iter();
        let maps = sizes.zip(values).map(|(size, values)| Map { size, values });
        Some(maps.collect())
    }

    fn levels(&self, letterbox: &Letterbox) -> Vec<Level> {
        let side = letterbox.side;
        assert_eq!(
            letterbox.planes.len(),
            3 * side * side,
            "planes of a square"
        );
        let plan: Option<Arc<Plan>> = self
            .plans
            .get([side; 2], || self.network.plan([side; 2], &[]));
        let plan = plan.expect("a plan for a side that is a multiple of 32");
        let mut maps = plan.run_all(&letterbox.planes).into_iter();
        let sizes = plan.sizes();
        let pairs = sizes.chunks_exact(2).map(|size| Level {
            size: size[0],
            classes: maps.next().unwrap_or_default(),
            boxes: maps.next().unwrap_or_default(),
        });
        pairs.collect()
    }
}

#[cfg(test)]
mod tests;
