//! `cohort train`: one model of one modality.

use std::path::PathBuf;

use clap::Args;
use cohort_data::Dataset;
use cohort_pipeline::{Modality, RunConfig};

use crate::shell::{Outcome, Shell};

/// Arguments of `cohort train`.
#[derive(Debug, Args)]
pub(crate) struct Train {
    /// image, audio or text
    modality: Modality,
    /// Folder of a data set, or a configuration file (.toml)
    data: PathBuf,
    /// Run folder of the model
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Folder of the feature tables (audio, text); made when it is not there [default: OUT/features]
    #[arg(long, value_name = "DIR")]
    features: Option<PathBuf>,
    /// Go on with the run that is in the run folder
    #[arg(long)]
    resume: bool,
    /// Samples a step
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Peak learning rate
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f64>,
    /// Epochs without a better validation metric after which training stops
    #[arg(long, value_name = "N")]
    patience: Option<usize>,
    #[command(flatten)]
    changes: super::run::Changes,
}

impl Train {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let is_file = self
            .data
            .extension()
            .is_some_and(|extension| extension == "toml");
        let config = if is_file {
            RunConfig::read(&self.data)?
        } else {
            RunConfig {
                data: self.data,
                ..RunConfig::default()
            }
        };
        let mut config = self.changes.apply(config);
        let settings = match self.modality {
            Modality::Image => &mut config.image.train,
            Modality::Audio => &mut config.audio.train,
            Modality::Text => &mut config.text.train,
        };
        settings.batch_size = self.batch_size.unwrap_or(settings.batch_size);
        settings.learning_rate = self.learning_rate.unwrap_or(settings.learning_rate);
        settings.patience = self.patience.unwrap_or(settings.patience);
        let config = config.resolve()?;
        let dataset = Dataset::open(&config.data, None)?;
        let features = self.features.unwrap_or_else(|| self.out.join("features"));
        let model = cohort_pipeline::train_modality(
            &config,
            &dataset,
            self.modality,
            &features,
            &self.out,
            self.resume,
            shell,
        )?;
        shell.print(&model.to_text())?;
        Ok(Outcome::Done)
    }
}
