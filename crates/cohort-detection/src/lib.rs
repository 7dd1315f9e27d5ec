//! Boxes and masks of objects in pictures, and how good a detector's are.
//!
//! [`Truth`] and [`Results`] read COCO's files (and KITTI-MOTS's) and check every box and mask; [`rle`] is the arithmetic of masks.
//! [`evaluate`] matches detections with objects and computes COCO's figures, equal to pycocotools' to the last digit;
//! [`figure_intervals`] and [`paired_intervals`] say how sure they are, [`groups`] where a detector is weak, [`Errors`] what is wrong with
//! its detections and what that costs, [`control()`] what is left when pictures are exchanged. [`evaluate_detections`] does all of it.
//! No network is known here, so it serves anybody's detections. `docs/detection.md` in this crate has the rules, their sources, and what was measured.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod boxes;
mod control;
mod document;
mod error;
mod errors;
pub mod evaluate;
pub mod groups;
mod id;
mod intervals;
mod json;
mod kitti;
mod picture;
pub mod planted;
mod results;
pub mod rle;
mod shape;
mod text;
mod truth;

pub use boxes::box_iou;
pub use control::{Control, control};
pub use document::{
    CategoryFigures, DETECTION_SCHEMA, DetectionDifference, DetectionDocument, DetectionQuestion,
    DetectionSettings, NamedFigure, PrecisionByRecall, evaluate_detections,
};
pub use error::DetectionError;
pub use errors::{ErrorCost, ErrorKind, Errors, WrongDetection};
pub use id::Id;
pub use intervals::{Units, figure_intervals, paired_intervals};
pub use kitti::{KittiRow, read_kitti};
pub use picture::Picture;
pub use results::{Detection, Results};
pub use rle::Rle;
pub use truth::{Category, Object, Shape, Truth};
