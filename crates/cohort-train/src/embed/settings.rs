//! Settings of metric learning.

use cohort_nn::metric::{MetricLoss, Miner, Space, TripletMargin};
use serde::{Deserialize, Serialize};

use crate::history::Criterion;
use crate::settings::{MOST, first_out_of_range, is_positive};
use crate::{FineTuning, FitSettings, TrainError, Trainable};

/// Precision at 1 within the validation samples.
pub(crate) const VALID_PRECISION_AT_1: &str = "valid_precision_at_1";
/// MAP@R within the validation samples.
pub(crate) const VALID_MAP_AT_R: &str = "valid_map_at_r";

/// The measure by which the epoch that is kept is chosen. Every validation sample asks for those of its class among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmbeddingSelection {
    /// Whether the nearest is of the same class.
    PrecisionAt1,
    /// Average precision over as many places as there are others of the class (Musgrave et al. 2020; default).
    #[default]
    MapAtR,
    /// The loss on validation batches.
    Loss,
}

impl EmbeddingSelection {
    /// The recorded value, and which way it is better.
    pub fn criterion(self) -> Criterion {
        let metric = match self {
            Self::PrecisionAt1 => VALID_PRECISION_AT_1,
            Self::MapAtR => VALID_MAP_AT_R,
            Self::Loss => return Criterion::LOSS,
        };
        Criterion {
            metric,
            lower_is_better: false,
        }
    }
}

/// Everything that decides the training of an embedding besides network and data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmbeddingSettings {
    /// Length of the embedding, made by a linear layer on what the network sees; 0: what it sees itself. Default 128.
    pub dimension: usize,
    /// What is minimised. Default the triplet margin loss.
    pub loss: MetricLoss,
    /// Which pairs or triplets of a batch the loss looks at. Default none: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub miner: Option<Miner>,
    /// Embeddings of earlier batches that a batch is compared with (cross-batch memory), at least as many as a batch; 0: none. Default 0.
    pub memory: usize,
    /// Samples of a batch. Default 64.
    pub batch_size: usize,
    /// Samples of each class in a batch, at least 2. A class that has fewer comes with all it has. Default none: 4, or as many as
    /// fill the batch where there are few classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_class: Option<usize>,
    /// Learning rate of proxies as a multiple of the others', above 0. Default 10.
    pub proxy_rate: f64,
    /// The measure by which the best epoch is chosen. Default MAP@R.
    pub selection: EmbeddingSelection,
    /// Which layers are trained. Default all.
    pub trainable: Trainable,
    /// How all layers but the last are trained where they begin from given weights. Default none: as the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fine_tuning: Option<FineTuning>,
    /// The loop.
    pub train: FitSettings,
}

impl Default for EmbeddingSettings {
    fn default() -> Self {
        Self {
            dimension: 128,
            loss: MetricLoss::Triplet(TripletMargin::default()),
            miner: None,
            memory: 0,
            batch_size: 64,
            per_class: None,
            proxy_rate: 10.0,
            selection: EmbeddingSelection::default(),
            trainable: Trainable::default(),
            fine_tuning: None,
            train: FitSettings::default(),
        }
    }
}

/// Samples of a class in a batch where nothing is said and there are enough classes.
const PER_CLASS: usize = 4;

impl EmbeddingSettings {
    /// Checks every setting, the loop's first.
    ///
    /// # Errors
    /// [`TrainError::Settings`] or [`TrainError::Network`] naming the first setting that does not fit.
    pub fn validate(&self) -> Result<(), TrainError> {
        self.train.validate()?;
        self.loss.validate()?;
        if let Some(miner) = &self.miner {
            miner.validate()?;
        }
        let tuning = self.fine_tuning.map(|tuning| tuning.rate);
        let told = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        first_out_of_range([
            (
                "dimension",
                self.dimension != 1 && self.dimension <= 16_384,
                "0 or 2 to 16384",
                self.dimension.to_string(),
            ),
            (
                "dimension",
                self.dimension > 0 || self.trainable != Trainable::Head,
                "above 0 where the head alone is trained",
                "0".to_owned(),
            ),
            (
                "batch_size",
                (2..=MOST).contains(&self.batch_size),
                "at least 2 and at most 1000000",
                self.batch_size.to_string(),
            ),
            (
                "per_class",
                self.per_class.is_none_or(|m| {
                    m >= 2 && m <= self.batch_size && self.batch_size.is_multiple_of(m)
                }),
                "at least 2, and a divisor of batch_size",
                self.per_class.map_or_else(String::new, |m| m.to_string()),
            ),
            (
                "miner",
                self.miner.is_none() || !self.loss.has_proxies(),
                "none with a loss of proxies, which compares every sample with every class",
                format!("one with {}", self.loss.name()),
            ),
            (
                "memory",
                self.memory == 0 || !self.loss.has_proxies(),
                "0 with a loss of proxies, which compares every sample with every class",
                self.memory.to_string(),
            ),
            (
                "memory",
                self.memory == 0 || (self.batch_size..=MOST).contains(&self.memory),
                "0, or at least batch_size and at most 1000000",
                self.memory.to_string(),
            ),
            (
                "proxy_rate",
                is_positive(self.proxy_rate),
                "finite and above 0",
                self.proxy_rate.to_string(),
            ),
            (
                "fine_tuning.rate",
                tuning.is_none_or(|rate| is_positive(rate) && rate <= 1.0),
                "above 0 and at most 1",
                told(tuning),
            ),
        ])
    }

    /// Samples of each class in a batch, of so many classes that have samples.
    ///
    /// # Errors
    /// [`TrainError::Settings`] where the classes cannot fill a batch.
    pub(crate) fn samples_per_class(&self, classes: usize) -> Result<usize, TrainError> {
        let per_class = match self.per_class {
            Some(given) => given,
            // the least divisor of the batch that fills it
            None => (PER_CLASS.min(self.batch_size)..=self.batch_size)
                .find(|m| self.batch_size.is_multiple_of(*m) && m * classes >= self.batch_size)
                .unwrap_or(self.batch_size),
        };
        first_out_of_range([(
            "per_class",
            per_class * classes >= self.batch_size,
            "so many that all classes together fill a batch",
            format!(
                "{per_class} of {classes} classes, batches of {}",
                self.batch_size
            ),
        )])?;
        Ok(per_class)
    }

    /// What embeddings are to be compared by: the cosine where the loss looks at directions alone, else the Euclidean distance.
    pub fn distance(&self) -> &'static str {
        match self.loss.space() {
            Space::Distance | Space::SquaredDistance => "euclidean",
            Space::UnitDistance | Space::UnitSquaredDistance | Space::Cosine => "cosine",
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
    fn settings_survive_toml_and_unknown_ones_are_refused() {
        let text = "dimension = 64\nmemory = 512\n[loss]\nkind = \"triplet\"\nmargin = 0.1\n\
                    [miner]\nkind = \"semi-hard\"\n[train]\nepochs = 3\n";
        let read: EmbeddingSettings = toml::from_str(text).unwrap();
        read.validate().unwrap();
        assert_eq!((read.dimension, read.train.epochs), (64, 3));
        let written = toml::to_string(&read).unwrap();
        assert_eq!(toml::from_str::<EmbeddingSettings>(&written).unwrap(), read);
        for (text, told) in [
            ("dimensions = 3", "dimensions"),
            ("[loss]\nkind = \"triplets\"", "triplets"),
            ("[loss]\nkind = \"triplet\"\nmargins = 1", "margins"),
            ("[train]\nbatch_size = 3", "batch_size"),
        ] {
            let error = toml::from_str::<EmbeddingSettings>(text).unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
        }
    }

    #[test]
    fn each_setting_is_checked() {
        let proxies = "[loss]\nkind = \"arc-face\"\n";
        let proxies = |more: &str| format!("{more}\n{proxies}");
        for (text, field) in [
            ("dimension = 1".to_owned(), "dimension"),
            (
                "dimension = 0\ntrainable = \"head\"".to_owned(),
                "dimension",
            ),
            ("batch_size = 1".to_owned(), "batch_size"),
            ("per_class = 3".to_owned(), "per_class"),
            ("per_class = 1".to_owned(), "per_class"),
            (proxies("miner = { kind = \"batch-hard\" }"), "miner"),
            (proxies("memory = 100"), "memory"),
            ("memory = 10".to_owned(), "memory"),
            ("proxy_rate = 0.0".to_owned(), "proxy_rate"),
            ("[fine_tuning]\nrate = 2.0".to_owned(), "fine_tuning.rate"),
            ("[train]\nepochs = 0".to_owned(), "epochs"),
            (
                "[loss]\nkind = \"sup-con\"\ntemperature = -1.0".to_owned(),
                "loss.temperature",
            ),
        ] {
            let settings: EmbeddingSettings = toml::from_str(&text).unwrap();
            let error = settings.validate().unwrap_err().to_string();
            assert!(
                error.contains(&format!("settings: {field} must")),
                "{error}"
            );
        }
    }

    #[test]
    fn few_classes_come_with_more_samples_each() {
        let settings = EmbeddingSettings::default();
        for (classes, expected) in [(100, 4), (16, 4), (15, 8), (8, 8), (2, 32), (1, 64)] {
            assert_eq!(settings.samples_per_class(classes).unwrap(), expected);
        }
        let settings = EmbeddingSettings {
            per_class: Some(2),
            ..settings
        };
        assert_eq!(settings.samples_per_class(32).unwrap(), 2);
        let error = settings.samples_per_class(31).unwrap_err().to_string();
        assert!(error.contains("per_class must be so many that"), "{error}");
    }
}
