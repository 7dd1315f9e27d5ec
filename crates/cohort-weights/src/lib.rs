//! Files of weights: PyTorch's in all their containers, safetensors, the index of several, and what ONNX's hold. No Burn.
//!
//! [`Checkpoint`] opens what others wrote and decodes tensors one at a time; [`Weights`] are plain named arrays and this
//! program's own safetensors, whose bytes depend on the values only. [`Onnx`] has the initial values and the nodes of a graph. Names of files that are weights, and which files an index
//! stands for, are here too ([`weight_files`], [`weights_of`], [`Index`]).

mod arrays;
mod checkpoint;
mod error;
mod index;
mod kind;
mod onnx;
mod torch;

pub use arrays::{Array, Weights};
pub use checkpoint::Checkpoint;
pub use error::WeightsError;
pub use index::{Index, WEIGHTS, check_size, is_index, is_plain, weight_files, weights_of};
pub use onnx::{Node, Onnx};
