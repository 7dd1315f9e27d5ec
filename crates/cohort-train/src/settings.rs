//! Settings of the loop, whatever it trains.

use cohort_nn::DeviceChoice;
use serde::{Deserialize, Serialize};

use crate::{Schedule, TrainError};

/// How weights follow from gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimiserKind {
    /// AdamW with PyTorch's defaults (default).
    #[default]
    AdamW,
    /// Stochastic gradient descent with momentum.
    Sgd,
}

/// What the loop needs to know: how long, how large a step, and from which seed. A task's settings hold these among their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FitSettings {
    /// Most epochs; the schedule spans them. Default 40.
    pub epochs: usize,
    /// Batches whose gradients make one step of the optimiser, as if they were one large batch (but for batch norms,
    /// which see one batch at a time). The last step of an epoch may have fewer. Default 1.
    pub accumulate: usize,
    /// How weights follow from gradients. Default AdamW.
    pub optimiser: OptimiserKind,
    /// Momentum of stochastic gradient descent, in [0, 1). Default 0.9.
    pub momentum: f64,
    /// Peak learning rate. Default 2e-3.
    pub learning_rate: f64,
    /// How the learning rate falls from its peak. Default a cosine.
    pub schedule: Schedule,
    /// Share of the peak at which the cosine ends, in [0, 1]. Default 0.01.
    pub final_learning_rate: f64,
    /// Epochs after the warm-up between two falls of the step schedule. Default 10.
    pub step_epochs: usize,
    /// What the learning rate is multiplied by at each fall of the step schedule, above 0 and at most 1. Default 0.1.
    pub step_factor: f64,
    /// Epochs of linear warm-up. Default 1.
    pub warmup_epochs: usize,
    /// Weight decay, not applied to norms and biases: decoupled for AdamW, added to the gradient for SGD. Default 1e-2.
    pub weight_decay: f64,
    /// Decay of the running average of the weights by which is validated and predicted, in [0, 1); it rises to this
    /// value over the first steps. Default 0, the weights themselves.
    pub average_decay: f64,
    /// Largest L2 norm of all gradients together; longer ones are scaled down. Default 5; 0
    /// switches it off.
    pub clip_norm: f64,
    /// Epochs without a better selection metric after which training stops. Default 12.
    pub patience: usize,
    /// Ask for augmented training samples. Default true.
    pub augment: bool,
    /// Seed of everything random; at most 2^63 - 1, the largest integer of TOML. Default 1.
    pub seed: u64,
    /// Where to compute. Default the CPU.
    pub device: DeviceChoice,
}

impl Default for FitSettings {
    fn default() -> Self {
        Self {
            epochs: 40,
            accumulate: 1,
            optimiser: OptimiserKind::default(),
            momentum: 0.9,
            learning_rate: 2e-3,
            schedule: Schedule::default(),
            final_learning_rate: 0.01,
            step_epochs: 10,
            step_factor: 0.1,
            warmup_epochs: 1,
            weight_decay: 1e-2,
            average_decay: 0.0,
            clip_norm: 5.0,
            patience: 12,
            augment: true,
            seed: 1,
            device: DeviceChoice::default(),
        }
    }
}

/// Most epochs, samples a batch and batches a step: beyond it a number is a slip of the pen.
pub(crate) const MOST: usize = 1_000_000;

/// A setting's name, whether its value is in range, the range, and the value.
pub(crate) type Range = (&'static str, bool, &'static str, String);

/// The first setting that is out of its range.
pub(crate) fn first_out_of_range(
    ranges: impl IntoIterator<Item = Range>,
) -> Result<(), TrainError> {
    match ranges.into_iter().find(|(_, holds, ..)| !holds) {
        None => Ok(()),
        Some((field, _, expected, found)) => Err(TrainError::Settings {
            field,
            expected,
            found,
        }),
    }
}

pub(crate) fn is_positive(x: f64) -> bool {
    x.is_finite() && x > 0.0
}

pub(crate) fn is_not_negative(x: f64) -> bool {
    x.is_finite() && x >= 0.0
}

impl FitSettings {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`TrainError::Settings`] naming the first setting that is out of its range.
    pub fn validate(&self) -> Result<(), TrainError> {
        const COUNT: &str = "at least 1 and at most 1000000";
        const FINITE: &str = "finite and at least 0";
        const BELOW_1: &str = "at least 0 and below 1";
        first_out_of_range([
            (
                "epochs",
                (1..=MOST).contains(&self.epochs),
                COUNT,
                self.epochs.to_string(),
            ),
            (
                "learning_rate",
                is_positive(self.learning_rate),
                "finite and above 0",
                self.learning_rate.to_string(),
            ),
            (
                "accumulate",
                (1..=MOST).contains(&self.accumulate),
                COUNT,
                self.accumulate.to_string(),
            ),
            (
                "momentum",
                (0.0..1.0).contains(&self.momentum),
                BELOW_1,
                self.momentum.to_string(),
            ),
            (
                "step_epochs",
                self.step_epochs >= 1,
                "at least 1",
                self.step_epochs.to_string(),
            ),
            (
                "step_factor",
                is_positive(self.step_factor) && self.step_factor <= 1.0,
                "above 0 and at most 1",
                self.step_factor.to_string(),
            ),
            (
                "average_decay",
                (0.0..1.0).contains(&self.average_decay),
                BELOW_1,
                self.average_decay.to_string(),
            ),
            (
                "final_learning_rate",
                (0.0..=1.0).contains(&self.final_learning_rate),
                "between 0 and 1",
                self.final_learning_rate.to_string(),
            ),
            (
                "warmup_epochs",
                self.warmup_epochs <= self.epochs,
                "at most epochs",
                self.warmup_epochs.to_string(),
            ),
            (
                "weight_decay",
                is_not_negative(self.weight_decay),
                FINITE,
                self.weight_decay.to_string(),
            ),
            (
                "clip_norm",
                is_not_negative(self.clip_norm),
                FINITE,
                self.clip_norm.to_string(),
            ),
            (
                "patience",
                self.patience >= 1,
                "at least 1",
                self.patience.to_string(),
            ),
            (
                "seed",
                i64::try_from(self.seed).is_ok(),
                "at most 9223372036854775807",
                self.seed.to_string(),
            ),
        ])
    }
}
