//! Boxes and masks of objects in pictures, and how good a detector's are.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod boxes;
mod control;
mod error;
mod errors;
pub mod evaluate;
pub mod groups;
mod id;
mod intervals;
mod json;
mod kitti;
mod results;
pub mod rle;
mod shape;
mod truth;

pub use boxes::box_iou;
pub use control::{Control, control};
pub use error::DetectionError;
pub use errors::{ErrorCost, ErrorKind, Errors, WrongDetection};
pub use id::Id;
pub use intervals::{Units, figure_intervals, paired_intervals};
pub use kitti::{KittiRow, read_kitti};
pub use results::{Detection, Results};
pub use rle::Rle;
pub use truth::{Category, Object, Picture, Shape, Truth};
