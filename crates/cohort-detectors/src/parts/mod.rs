//! What detectors are made of, apart from any network.
//!
//! Where torchvision and detectron2 differ there is a function, or a setting, for each. Values are in single precision, computed in
//! the order of those libraries; nothing depends on the number of threads.

mod anchors;
mod boxes;
mod coder;
mod levels;
mod losses;
mod masks;
mod matcher;
mod nms;
mod paste;
mod resize;
mod roi_align;
mod sampler;

pub use anchors::{Anchors, Cell, cell_by_ratio, cell_by_size};
pub use boxes::{Corners, area, clip, has_sides, iou};
pub use coder::{BoxCoder, MOST_LOG_SCALE};
pub use levels::LevelMap;
pub use losses::{smooth_l1, smooth_l1_gradient};
pub use masks::{binary_mask_targets, resize_mask, soft_mask_targets};
pub use matcher::{Match, Matcher};
pub use nms::{falling, nms, nms_batched, nms_by_class};
pub use paste::{Pasted, paste_by_centres, paste_whole_pixels};
pub(crate) use resize::neighbours;
pub use resize::{padded, resize_planes, resized_by_flooring, resized_by_rounding};
pub use roi_align::{MOST_SAMPLES, RegionError, RoiAlign};
pub use sampler::BalancedSampler;
