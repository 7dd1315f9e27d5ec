//! Layers in training, forward and backward, over planes: values are `[batch, channel, row, column]`, row-major.
//!
//! Lengths that contradict a [`geometry::Geometry`] are a mistake of the caller and panic.

pub mod conv;
pub mod depthwise;
pub mod geometry;
mod kernel;
mod lower;
mod narrow;
mod narrow_kernel;
pub mod norm;
pub mod pool;
pub mod prelu;
