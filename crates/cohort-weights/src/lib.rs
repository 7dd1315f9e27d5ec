//! Files of weights: PyTorch's in all their containers, safetensors, and the index of several. No Burn.
//!
//! [`Checkpoint`] opens what others wrote and decodes tensors one at a time; [`Weights`] are plain named arrays and this
//! program's own safetensors, whose bytes depend on the values only. Names of files that are weights, and which files an index
//! stands for, are here too ([`weight_files`], [`weights_of`], [`Index`]).

mod arrays;
mod checkpoint;
mod error;
mod index;
mod kind;
mod torch;

pub use arrays::{Array, Weights};
pub use checkpoint::Checkpoint;
pub use error::WeightsError;
pub use index::{Index, WEIGHTS, check_size, is_index, is_plain, weight_files, weights_of};
