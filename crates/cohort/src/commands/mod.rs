//! One file a command: arguments in, library calls, exit code out.

pub(crate) mod ablate;
pub(crate) mod audio;
pub(crate) mod audit;
pub(crate) mod data;
pub(crate) mod demo;
pub(crate) mod features;
pub(crate) mod fuse;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod train;
