//! Tests against reference values, closed forms and the structure of real files.
#![allow(clippy::unwrap_used)]

mod common;
mod refusals;
mod schedulers;
