//! Parts of transformers with frozen weights on the CPU: the rows of several sequences stand one after another without padding.

mod attention;
mod linear;
mod named;

pub(crate) use attention::{Attention, attend};
pub(crate) use linear::{Frozen, Linear};
pub(crate) use named::{Named, transposed};
