//! Tests against reference values, closed forms and the structure of real files.
#![allow(clippy::unwrap_used)]

mod checkpoints;
mod common;
mod mixtures;
mod noise;
mod refusals;
mod schedulers;
mod topics;
