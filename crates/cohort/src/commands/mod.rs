//! One file a command: arguments in, library calls, exit code out.

pub(crate) mod ablate;
pub(crate) mod audio;
pub(crate) mod audit;
pub(crate) mod completions;
pub(crate) mod data;
#[cfg(feature = "networks")]
pub(crate) mod degrade;
mod deliver;
#[cfg(feature = "networks")]
pub(crate) mod demo;
pub(crate) mod detect;
#[cfg(feature = "networks")]
mod embedding;
#[cfg(feature = "networks")]
pub(crate) mod features;
#[cfg(feature = "networks")]
mod frames;
pub(crate) mod fuse;
#[cfg(feature = "networks")]
mod given;
pub(crate) mod init;
mod known;
pub(crate) mod man;
pub(crate) mod map;
mod meaning;
mod named;
#[cfg(feature = "networks")]
mod pairs;
mod pictures;
#[cfg(feature = "networks")]
pub(crate) mod predict;
mod reading;
#[cfg(feature = "networks")]
pub(crate) mod report;
#[cfg(feature = "networks")]
pub(crate) mod run;
pub(crate) mod search;
mod stages;
#[cfg(feature = "networks")]
pub(crate) mod sweep;
pub(crate) mod tables;
#[cfg(feature = "networks")]
pub(crate) mod train;
mod triplets;

/// The seed of a run whose configuration names none.
const SEED: u64 = cohort_audit::SEED;
