//! What is said.
mod grammar;
mod topics;

pub(crate) use grammar::transcript;
