//! Networks that find objects in pictures, on the CPU, with anyone's published weights. No Burn.
//!
//! [`parts`] is the arithmetic that detectors share: boxes, anchors, what is suppressed, what a region sees. [`rcnn`] runs Faster and Mask
//! R-CNN of torchvision and detectron2, in two stages; [`yolox`] is a detector in one stage. [`drawing`] shows what was found.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod coco;
mod detected;
mod detector;
pub mod drawing;
mod error;
mod licence;
mod map;
pub mod parts;
pub mod rcnn;
pub mod yolox;

pub use coco::COCO;
pub use detected::Detected;
pub use detector::{Asked, Detector};
pub use error::DetectorError;
pub use licence::Origin;
pub use map::Map;
