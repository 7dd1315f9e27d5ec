//! Networks with fixed weights on the CPU: a list of steps over plain buffers instead of a chain of
//! tensors.
//!
//! A [`Plan`] is made once, when the norms of a network are folded into its convolutions. Buffers are
//! channels-last (`[picture, row, column, channel]`) with a border of zeros as wide as the kernels that
//! read them ask for. So every tap of every convolution is a row of neighbouring values that the kernel
//! reads where it lies: nothing is lowered, packed or padded while the plan runs; branches write side by
//! side into one buffer, and a residual block's sum is written over its input. Weights are packed once.
//!
//! Tasks differ in pixels or output channels, never in parts of a sum: results do not depend on the
//! number of threads.

mod conv;
mod depthwise;
mod finish;
mod kernel;
mod nearest;
mod plan;
mod pool;
mod rows;
mod run;
mod sizes;
mod view;

pub use conv::{Layer, Shape};
pub use depthwise::Depthwise;
pub use plan::{Plan, Slot};
pub use pool::Windows;
pub use rows::Rows;
pub use sizes::Sizes;
