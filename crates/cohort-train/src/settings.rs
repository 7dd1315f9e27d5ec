//! Settings of the loop, whatever it trains.

use cohort_nn::DeviceChoice;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;

/// How the learning rate falls from its peak, after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Half a cosine down to `final_learning_rate` times the peak at the last step (Loshchilov and
    /// Hutter 2017, without restarts). Default.
    #[default]
    Cosine,
    /// Times `step_factor` every `step_epochs` epochs.
    Step,
    /// Not at all.
    Constant,
}

/// How weights follow from gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimiserKind {
    /// AdamW (Loshchilov and Hutter 2019) with PyTorch's moments (default).
    #[default]
    #[serde(alias = "adamw")]
    AdamW,
    /// Stochastic gradient descent with momentum (Sutskever et al. 2013).
    Sgd,
    /// Adam (Kingma and Ba 2015).
    Adam,
    /// RMSProp (Tieleman and Hinton 2012; centred: Graves 2013).
    #[serde(rename = "rmsprop", alias = "rms_prop")]
    RmsProp,
    /// Adagrad (Duchi et al. 2011).
    Adagrad,
}

impl OptimiserKind {
    /// Its name in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::AdamW => "adam_w",
            Self::Sgd => "sgd",
            Self::Adam => "adam",
            Self::RmsProp => "rmsprop",
            Self::Adagrad => "adagrad",
        }
    }

    /// Momentum where none is said; none for an optimiser that has no such setting.
    ///
    /// AdamW has none either, but a value for it was always written into its configurations.
    pub(crate) fn momentum(self) -> Option<f64> {
        match self {
            Self::AdamW | Self::Sgd => Some(0.9),
            Self::RmsProp => Some(0.0),
            Self::Adam | Self::Adagrad => None,
        }
    }

    /// Weight decay where none is said: PyTorch's, but for [`Self::Sgd`], which is given that of AdamW.
    pub(crate) fn weight_decay(self) -> f64 {
        match self {
            Self::AdamW | Self::Sgd => 1e-2,
            Self::Adam | Self::RmsProp | Self::Adagrad => 0.0,
        }
    }

    /// Decay of the mean of squares where none is said; none for an optimiser that has no such setting.
    pub(crate) fn alpha(self) -> Option<f64> {
        (self == Self::RmsProp).then_some(0.99)
    }
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
    /// Momentum of SGD (default 0.9) and RMSProp (default 0), in [0, 1). Default none: the optimiser's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f64>,
    /// Whether SGD looks ahead by its momentum (Nesterov). Default no.
    #[serde(skip_serializing_if = "is_false")]
    pub nesterov: bool,
    /// How much of the mean of squares RMSProp keeps, in [0, 1). Default none: 0.99.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// Whether RMSProp divides by the standard deviation of the gradient instead of its root mean square. Default no.
    #[serde(skip_serializing_if = "is_false")]
    pub centred: bool,
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
    /// Weight decay, not applied to norms and biases: decoupled for AdamW, added to the gradient for the others. Default none:
    /// 1e-2 for AdamW and SGD, 0 for the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
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
            momentum: None,
            nesterov: false,
            alpha: None,
            centred: false,
            learning_rate: 2e-3,
            schedule: Schedule::default(),
            final_learning_rate: 0.01,
            step_epochs: 10,
            step_factor: 0.1,
            warmup_epochs: 1,
            weight_decay: None,
            average_decay: 0.0,
            clip_norm: 5.0,
            patience: 12,
            augment: true,
            seed: 1,
            device: DeviceChoice::default(),
        }
    }
}

/// For settings that are written only when they are on.
pub(crate) fn is_false(value: &bool) -> bool {
    !value
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
    /// The settings with what is the optimiser's own filled in: momentum, weight decay and the mean of squares of the
    /// optimiser that is named.
    pub fn resolved(self) -> Self {
        Self {
            momentum: self.momentum.or(self.optimiser.momentum()),
            weight_decay: self.weight_decay.or(Some(self.optimiser.weight_decay())),
            alpha: self.alpha.or(self.optimiser.alpha()),
            ..self
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`TrainError::Settings`] naming the first setting that is out of its range.
    pub fn validate(&self) -> Result<(), TrainError> {
        const COUNT: &str = "at least 1 and at most 1000000";
        const FINITE: &str = "finite and at least 0";
        const BELOW_1: &str = "at least 0 and below 1";
        let told = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
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
                self.momentum.is_none_or(|m| (0.0..1.0).contains(&m)),
                BELOW_1,
                told(self.momentum),
            ),
            (
                "momentum",
                self.momentum.is_none() || self.optimiser.momentum().is_some(),
                "left out with adam and adagrad, which have none",
                told(self.momentum),
            ),
            (
                "nesterov",
                !self.nesterov
                    || (self.optimiser == OptimiserKind::Sgd && self.momentum != Some(0.0)),
                "false, but for sgd with a momentum above 0",
                format!("true with {}", self.optimiser.name()),
            ),
            (
                "alpha",
                self.alpha.is_none_or(|a| (0.0..1.0).contains(&a)),
                BELOW_1,
                told(self.alpha),
            ),
            (
                "alpha",
                self.alpha.is_none() || self.optimiser == OptimiserKind::RmsProp,
                "left out but with rmsprop",
                told(self.alpha),
            ),
            (
                "centred",
                !self.centred || self.optimiser == OptimiserKind::RmsProp,
                "false, but for rmsprop",
                format!("true with {}", self.optimiser.name()),
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
                self.weight_decay.is_none_or(is_not_negative),
                FINITE,
                told(self.weight_decay),
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
