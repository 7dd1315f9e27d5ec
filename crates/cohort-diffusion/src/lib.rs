//! Sampling of diffusion models, without a network: any function of a noisy picture and a time will do.
//!
//! [`SchedulerConfig`] is what a `scheduler_config.json` says, [`Plan`] lays a run out as data, [`Run`] takes its steps. The values
//! are those of diffusers 0.42.1, the noise that of torch's generator on a CPU.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod bound;
mod config;
mod consistency;
mod ddim;
mod ddpm;
mod dpm_solver;
mod error;
mod euler;
mod fields;
mod multistep;
mod plan;
mod run;
mod signal;
mod spacing;
mod unipc;

pub use bound::Bound;
pub use config::{Class, Multistep, Prediction, SchedulerConfig, Solver, Spacing, Variance};
pub use error::DiffusionError;
pub use plan::{Plan, Step, Weights};
pub use run::Run;
pub use signal::{BetaSchedule, Betas, Signal};
