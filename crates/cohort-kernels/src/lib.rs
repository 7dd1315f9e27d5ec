//! The arithmetic of networks on the CPU: plain slices in and out, no tensors, no graph, no Burn.
//!
//! [`layers`] are convolution, depthwise convolution, batch norm, maximum pooling and PReLU of training, forward and backward, over planes
//! (`[batch, channel, row, column]`). [`frozen`] runs a whole network with fixed weights as a list of steps over channels-last
//! buffers. [`dense`] has what transformers need beside a matrix product, [`distances`] what a search does.
//!
//! Which instructions are used the processor alone decides, and every sum has one order: on one machine results do not
//! depend on the number of threads. What has to be unsafe for speed in networks is here.

pub mod dense;
pub mod distances;
pub mod frozen;
pub mod layers;
mod out;
mod wide;

use out::Out;
use wide::wide;
