//! Sampling of diffusion models, without a network: any function of a noisy picture and a time will do.
//!
//! [`SchedulerConfig`] is what a `scheduler_config.json` says, [`Plan`] lays a run out as data, [`Run`] takes its steps. The values
//! are those of diffusers 0.42.1, the noise that of torch's generator on a CPU. [`sample()`] makes several pictures at once, each from a
//! seed of its own. [`Mixture`] is an exact denoiser to check all of it with.
//!
//! [`checkpoint`] tells what a file of weights is and what its tensors are called elsewhere. [`shortfalls`] and [`prompts()`] plan
//! which pictures a data set lacks.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod balance;
mod bound;
pub mod checkpoint;
mod config;
mod consistency;
mod ddim;
mod ddpm;
mod dpm_solver;
mod error;
mod euler;
mod fields;
mod generator;
mod guidance;
mod mixture;
mod multistep;
mod noise_schedule;
mod plan;
mod prompts;
mod reading;
mod run;
mod sample;
mod spacing;
mod step;
mod unipc;

pub use balance::{Balance, Shortfall, Topic, shortfalls};
pub use bound::Bound;
pub use config::{Class, Multistep, Prediction, SchedulerConfig, Solver, Spacing, Variance};
pub use error::DiffusionError;
pub use generator::TorchGenerator;
pub use guidance::Guidance;
pub use mixture::{Component, Mixture};
pub use noise_schedule::{BetaSchedule, Betas, NoiseSchedule};
pub use plan::Plan;
pub use prompts::{Prompt, prompts};
pub use run::Run;
pub use sample::sample;
pub use step::{Coefficients, Step};
