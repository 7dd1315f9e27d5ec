//! Settings of training on pairs.

use cohort_nn::metric::PairLoss;
use serde::{Deserialize, Serialize};

use crate::history::Criterion;
use crate::settings::{MOST, first_out_of_range};
use crate::{FitSettings, MlpConfig, ModelConfig, TrainError};

/// Mean of both directions' recall at 1 within the validation pairs.
pub(crate) const VALID_RECALL_AT_1: &str = "valid_recall_at_1";

/// The measure by which the epoch that is kept is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlignSelection {
    /// Recall at 1 from captions to pictures and from pictures to captions, their mean.
    RecallAt1,
    /// The loss on validation batches (default): few pictures tell it already.
    #[default]
    Loss,
}

impl AlignSelection {
    /// The recorded value, and which way it is better.
    pub fn criterion(self) -> Criterion {
        match self {
            Self::Loss => Criterion::LOSS,
            Self::RecallAt1 => Criterion {
                metric: VALID_RECALL_AT_1,
                lower_is_better: false,
            },
        }
    }
}

/// Everything that decides the training of two towers besides networks and data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlignSettings {
    /// Length of the vectors. Default 256.
    pub dimension: usize,
    /// Widths of the hidden layers of either head, with a ReLU after each. Default none: one linear layer.
    pub hidden: Vec<usize>,
    /// Whether a head first standardises its inputs by the training pairs. Default false.
    pub standardise: bool,
    /// What is minimised. Default InfoNCE with all captions of a picture positive.
    pub loss: PairLoss,
    /// Pictures of a batch, at least 2. Default 64.
    pub batch_size: usize,
    /// Most captions of a picture in a batch, drawn anew in every epoch; at least 1. Default 5.
    pub captions: usize,
    /// Negative inputs become zero before the heads (the ReLU of the one-step heads). Default false.
    pub rectify: bool,
    /// The measure by which the best epoch is chosen. Default the loss.
    pub selection: AlignSelection,
    /// The loop.
    pub train: FitSettings,
}

impl Default for AlignSettings {
    fn default() -> Self {
        Self {
            dimension: 256,
            hidden: Vec::new(),
            standardise: false,
            loss: PairLoss::default(),
            batch_size: 64,
            captions: 5,
            rectify: false,
            selection: AlignSelection::default(),
            train: FitSettings::default(),
        }
    }
}

impl AlignSettings {
    /// Checks every setting, the loop's first.
    ///
    /// # Errors
    /// [`TrainError::Settings`] or [`TrainError::Network`] naming the first setting that does not fit.
    pub fn validate(&self) -> Result<(), TrainError> {
        self.train.validate()?;
        self.loss.validate()?;
        first_out_of_range([
            (
                "dimension",
                (2..=16_384).contains(&self.dimension),
                "2 to 16384",
                self.dimension.to_string(),
            ),
            (
                "hidden",
                self.hidden.iter().all(|width| (1..=MOST).contains(width)),
                "widths of at least 1 and at most 1000000",
                format!("{:?}", self.hidden),
            ),
            (
                "batch_size",
                (2..=MOST).contains(&self.batch_size),
                "at least 2 and at most 1000000",
                self.batch_size.to_string(),
            ),
            (
                "captions",
                (1..=MOST).contains(&self.captions),
                "at least 1 and at most 1000000",
                self.captions.to_string(),
            ),
        ])
    }

    /// A head on vectors of so many values.
    pub fn head(&self, inputs: usize) -> ModelConfig {
        ModelConfig::Mlp(MlpConfig {
            standardise: self.standardise,
            ..MlpConfig::new(inputs, self.hidden.clone(), self.dimension)
        })
    }

    /// What vectors are to be compared by: `cosine` or `euclidean`.
    pub fn distance(&self) -> &'static str {
        match self.loss.is_cosine() {
            true => "cosine",
            false => "euclidean",
        }
    }

    /// The settings with what is the optimiser's own filled in.
    pub fn resolved(self) -> Self {
        Self {
            train: self.train.resolved(),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_toml_and_each_is_checked() {
        let text = "captions = 2\n[loss]\nkind = \"hardest-negative\"\nmargin = 0.3\n[train]\nepochs = 3\n";
        let read: AlignSettings = toml::from_str(text).unwrap();
        read.validate().unwrap();
        assert_eq!((read.captions, read.train.epochs), (2, 3));
        let written = toml::to_string(&read).unwrap();
        assert_eq!(toml::from_str::<AlignSettings>(&written).unwrap(), read);
        assert!(toml::from_str::<AlignSettings>("caption = 2").is_err());
        for (text, field) in [
            ("dimension = 1", "dimension"),
            ("hidden = [0]", "hidden"),
            ("batch_size = 1", "batch_size"),
            ("captions = 0", "captions"),
            (
                "[loss]\nkind = \"info-nce\"\ntemperature = 0.0",
                "loss.temperature",
            ),
            (
                "[loss]\nkind = \"hardest-negative\"\nmargin = -1.0",
                "loss.margin",
            ),
            ("[train]\nepochs = 0", "epochs"),
        ] {
            let settings: AlignSettings = toml::from_str(text).unwrap();
            let error = settings.validate().unwrap_err().to_string();
            assert!(
                error.contains(&format!("settings: {field} must")),
                "{error}"
            );
        }
    }
}
