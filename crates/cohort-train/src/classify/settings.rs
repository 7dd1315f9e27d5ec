//! Settings of the training of a classifier.

use cohort_eval::Metric;
use cohort_nn::{ClassWeights, DeviceChoice};
use serde::{Deserialize, Serialize};

use crate::classify::score::VALID_METRICS;
use crate::history::Criterion;
use crate::settings::{FitSettings, OptimiserKind, Schedule, is_false};
use crate::trainable::Trainable;

/// The validation metric by which the best epoch is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// Mean recall over the classes present in the validation set (default).
    #[default]
    BalancedAccuracy,
    /// Cohen's kappa with quadratic weights; for ordered classes.
    QuadraticKappa,
    /// Mean over present classes of the mean absolute error in class indices; lower is better.
    MacroMae,
    /// Mean weighted cross-entropy; lower is better.
    Loss,
}

/// How an epoch draws its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    /// Each once, in a new order every epoch (default).
    #[default]
    Shuffled,
    /// As many of every class that has samples, as many in all as there are: those of rare classes
    /// come again, those of common ones take turns over the epochs.
    Balanced,
}

/// What the network's outputs mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// Logits of the classes (default).
    #[default]
    Softmax,
    /// One score against ordered thresholds, see [`cohort_nn::CumulativeLink`]; for ordered classes.
    CumulativeLink,
}

/// How the layers that a run begins with from given weights, all but the output layer, are trained on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FineTuning {
    /// Their learning rate as a share of the output layer's, in (0, 1]. Default 0.1.
    pub rate: f64,
    /// Whether their norms keep the statistics that they came with, in training as in evaluation. Default yes.
    pub fixed_norms: bool,
}

impl Default for FineTuning {
    fn default() -> Self {
        Self {
            rate: 0.1,
            fixed_norms: true,
        }
    }
}

impl Selection {
    /// The recorded value, and which way it is better.
    pub fn criterion(self) -> Criterion {
        let metric = match self {
            Self::BalancedAccuracy => Metric::BalancedAccuracy,
            Self::QuadraticKappa => Metric::QuadraticKappa,
            Self::MacroMae => Metric::MacroMae,
            Self::Loss => return Criterion::LOSS,
        };
        let measured = VALID_METRICS.iter().find(|(_, of)| *of == metric);
        let (name, _) = measured.expect("what selects is measured every epoch");
        Criterion {
            metric: name,
            lower_is_better: metric.higher_is_better() == Some(false),
        }
    }
}

/// Everything that decides a classifier's training besides network and data: the loop's settings (see [`FitSettings`]) and
/// the task's own. They stand side by side, not in a table of their own, so that a mistake in a configuration file is told
/// with its line and the keys that there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainSettings {
    /// Most epochs; the schedule spans them. Default 40.
    pub epochs: usize,
    /// Samples a step. A last batch of one sample joins the one before it. Default 32.
    pub batch_size: usize,
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
    /// Which layers are trained. Default all.
    pub trainable: Trainable,
    /// How all layers but the output layer are trained where they begin from given weights. Default none: as the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fine_tuning: Option<FineTuning>,
    /// Largest L2 norm of all gradients together; longer ones are scaled down. Default 5; 0
    /// switches it off.
    pub clip_norm: f64,
    /// Epochs without a better validation metric after which training stops. Default 12.
    pub patience: usize,
    /// The validation metric by which the best epoch is chosen.
    pub selection: Selection,
    /// How an epoch draws its samples. Default all of them, shuffled.
    pub sampling: Sampling,
    /// Classes with fewer training samples than this are given three times an epoch, the second time with stronger
    /// random changes and the third with milder ones, where the source has such. Default 0, none.
    pub minority_below: usize,
    /// Class weights of the loss, from the samples as an epoch draws them. Default inverse frequency.
    pub class_weights: ClassWeights,
    /// Share of the epochs, in [0, 1], that every sample counts alike before the class weights set in (deferred
    /// re-weighting, Cao et al. 2019): a network learns to see from all samples first and then moves its borders.
    /// Default 0, weights from the beginning.
    pub deferred_weights: f64,
    /// Label smoothing in [0, 1). Default 0.
    pub label_smoothing: f64,
    /// For ordered classes: standard deviation, in classes, of the distribution over neighbours that
    /// a label stands for in the loss. Default 0, the label alone.
    pub ordinal_width: f64,
    /// What the network's outputs mean. Default logits of the classes.
    pub head: Head,
    /// Exponent of the focal loss; samples that are right already count less. Default 0, none.
    pub focal_gamma: f64,
    /// For ordered classes: weight of the squared error of the predicted mean class. Default 0.
    pub mean_loss: f64,
    /// For ordered classes: weight of the variance of the predicted distribution over classes. Default 0.
    pub variance_loss: f64,
    /// Ask the training source for augmented samples. Default true.
    pub augment: bool,
    /// Seed of everything random; at most 2^63 - 1, the largest integer of TOML. Default 1.
    pub seed: u64,
    /// Where to compute. Default the CPU.
    pub device: DeviceChoice,
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            epochs: 40,
            batch_size: 32,
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
            trainable: Trainable::default(),
            fine_tuning: None,
            clip_norm: 5.0,
            patience: 12,
            selection: Selection::default(),
            sampling: Sampling::default(),
            minority_below: 0,
            class_weights: ClassWeights::default(),
            deferred_weights: 0.0,
            label_smoothing: 0.0,
            ordinal_width: 0.0,
            head: Head::default(),
            focal_gamma: 0.0,
            mean_loss: 0.0,
            variance_loss: 0.0,
            augment: true,
            seed: 1,
            device: DeviceChoice::default(),
        }
    }
}

impl TrainSettings {
    /// The loop's part.
    pub fn fit(&self) -> FitSettings {
        FitSettings {
            epochs: self.epochs,
            accumulate: self.accumulate,
            optimiser: self.optimiser,
            momentum: self.momentum,
            nesterov: self.nesterov,
            alpha: self.alpha,
            centred: self.centred,
            learning_rate: self.learning_rate,
            schedule: self.schedule,
            final_learning_rate: self.final_learning_rate,
            step_epochs: self.step_epochs,
            step_factor: self.step_factor,
            warmup_epochs: self.warmup_epochs,
            weight_decay: self.weight_decay,
            average_decay: self.average_decay,
            clip_norm: self.clip_norm,
            patience: self.patience,
            augment: self.augment,
            seed: self.seed,
            device: self.device,
        }
    }

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

    /// Epochs that are done before the class weights set in.
    pub fn unweighted_epochs(&self) -> usize {
        (self.deferred_weights * self.epochs as f64).round() as usize
    }

    /// The settings for classes without order: nothing that takes one class for a neighbour of another.
    pub fn without_order(self) -> Self {
        Self {
            ordinal_width: 0.0,
            head: Head::Softmax,
            mean_loss: 0.0,
            variance_loss: 0.0,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_toml_and_unknown_ones_are_refused() {
        let settings = TrainSettings {
            class_weights: ClassWeights::EffectiveNumber(0.99),
            selection: Selection::MacroMae,
            clip_norm: 0.0,
            optimiser: OptimiserKind::Sgd,
            schedule: Schedule::Step,
            trainable: Trainable::Only(vec!["blocks.5".to_owned(), "output".to_owned()]),
            sampling: Sampling::Balanced,
            head: Head::CumulativeLink,
            ..TrainSettings::default()
        };
        let text = toml::to_string(&settings).unwrap();
        assert_eq!(toml::from_str::<TrainSettings>(&text).unwrap(), settings);
        assert!(toml::from_str::<TrainSettings>("epoch = 3").is_err());
        let text = "optimiser = \"sgd\"\nschedule = \"step\"\ntrainable = \"last_block\"\n\
                    sampling = \"balanced\"\nhead = \"cumulative_link\"";
        let read: TrainSettings = toml::from_str(text).unwrap();
        assert_eq!(read.trainable, Trainable::LastBlock);
        assert_eq!(read.clone().without_order().head, Head::Softmax);
    }
}
