//! `cohort train`: one model, of one modality or of all together, an embedding, or heads on pairs.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::bail;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use cohort_pipeline::{
    EmbeddingPlan, JointKind, JointPlan, Modality, RunConfig, fusion_settings, train_embedding,
    train_joint,
};

use super::embedding::EmbeddingOptions;
use super::given::Given;
use super::named::named;
use super::pairs::PairsOptions;
use crate::shell::{Outcome, Shell};

/// Arguments of `cohort train`.
#[derive(Debug, Args)]
pub(crate) struct Train {
    /// A modality; joint: one network over what the models of --models see; embedding: vectors in which items of a class lie near
    /// each other; pairs: heads that bring the vectors of pictures and of their captions into one space
    #[arg(value_parser = named::<What>(["image", "audio", "text", "joint", "embedding", "pairs"]))]
    what: What,
    /// Folder of a data set (pairs: captions_*.json, a table of pictures and captions, or a folder of them), or a configuration
    /// file (.toml)
    data: PathBuf,
    /// Run folder of the model
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Folder of the feature tables (audio, text); made when it is not there [default: OUT/features]
    #[arg(long, value_name = "DIR")]
    features: Option<PathBuf>,
    /// Folder that holds the run folders image, audio and text of trained models, such as that of `cohort run` (joint)
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// How the modalities come together (joint) [default: attention]
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(KINDS.map(|kind| kind.0)).map(|name| kind(&name)))]
    fusion: Option<JointKind>,
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
    /// Widths of the head's hidden layers (image: on a frozen network), separated by commas [default: 512 on sentence vectors]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    hidden: Option<Vec<usize>>,
    #[command(flatten)]
    embedding: EmbeddingOptions,
    #[command(flatten)]
    pairs: PairsOptions,
    #[command(flatten)]
    changes: super::run::Changes,
}

/// What is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    One(Modality),
    Joint,
    Embedding,
    Pairs,
}

impl FromStr for What {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "joint" => Ok(Self::Joint),
            "embedding" => Ok(Self::Embedding),
            "pairs" => Ok(Self::Pairs),
            _ => Modality::from_str(name).map(Self::One).map_err(|_| {
                format!("expected image, audio, text, joint, embedding or pairs, found {name}")
            }),
        }
    }
}

/// `--fusion`.
const KINDS: [(&str, JointKind); 3] = [
    ("concat", JointKind::Concat),
    ("gated", JointKind::Gated),
    ("attention", JointKind::Attention),
];

/// A kind by one of the names in [`KINDS`].
fn kind(name: &str) -> JointKind {
    let known = KINDS.iter().find(|(known, _)| *known == name);
    known.map_or(JointKind::default(), |(_, kind)| *kind)
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
        if self.what == What::Pairs {
            let other = [
                ("--features", self.features.is_some()),
                ("--models", self.models.is_some()),
                ("--fusion", self.fusion.is_some()),
            ];
            let other = other
                .into_iter()
                .find_map(|(option, given)| given.then_some(option));
            if let Some(option) = other.or_else(|| self.changes.first_of_media()) {
                bail!("{option}: expected with another kind of training, found train pairs");
            }
        }
        let mut config = self.changes.apply(config);
        let given = Given {
            out: self.out.clone(),
            features: self.features.clone(),
            resume: self.resume,
            batch_size: self.batch_size,
            learning_rate: self.learning_rate,
            patience: self.patience,
            hidden: self.hidden.clone(),
        };
        if self.what == What::Embedding {
            self.pairs.refuse()?;
            return embed(config, &self.embedding, given, shell);
        }
        if self.what == What::Pairs {
            // those that both have are of both
            if let Some(option) = self.embedding.first_given_alone() {
                bail!("{option}: expected with train embedding alone, found another kind");
            }
            return self.pairs.train(config, &self.embedding, given, shell);
        }
        self.pairs.refuse()?;
        if let Some(option) = self.embedding.first_given() {
            bail!("{option}: expected with train embedding alone, found another kind");
        }
        let settings = match self.what {
            What::One(modality) => config.train_settings_mut(modality),
            What::Joint | What::Embedding | What::Pairs => &mut config.joint.train,
        };
        settings.batch_size = self.batch_size.unwrap_or(settings.batch_size);
        settings.learning_rate = self.learning_rate.unwrap_or(settings.learning_rate);
        settings.patience = self.patience.unwrap_or(settings.patience);
        config.joint.fusion = self.fusion.unwrap_or(config.joint.fusion);
        if let (What::One(modality), Some(hidden)) = (self.what, self.hidden) {
            *config.hidden_mut(modality) = hidden;
        }
        let config = config.resolve()?;
        let dataset = config.open_dataset()?;
        shell.say_notes(&dataset.notes);
        let What::One(modality) = self.what else {
            let Some(models) = self.models else {
                bail!(
                    "--models: expected the folder that holds the run folders of the single models, found none"
                );
            };
            let features = self.features.unwrap_or_else(|| models.join("features"));
            let plan = JointPlan {
                config: &config,
                dataset: &dataset,
                modalities: &config.modalities,
                models: &models,
                features: &features,
                fusion: &fusion_settings(&dataset, config.seed)?,
            };
            let joint = train_joint(&plan, &self.out, self.resume, shell)?;
            shell.print(&joint.to_text())?;
            return Ok(Outcome::Done);
        };
        let features = self.features.unwrap_or_else(|| self.out.join("features"));
        let model = cohort_pipeline::train_modality(
            &config,
            &dataset,
            modality,
            &features,
            &self.out,
            self.resume,
            shell,
        )?;
        shell.print(&model.to_text())?;
        Ok(Outcome::Done)
    }
}

fn embed(
    mut config: RunConfig,
    options: &EmbeddingOptions,
    given: Given,
    shell: &Shell,
) -> anyhow::Result<Outcome> {
    options.apply(&mut config);
    let modality = options.modality.unwrap_or(Modality::Image);
    let settings = &mut config.embedding;
    settings.batch_size = given.batch_size.unwrap_or(settings.batch_size);
    let train = &mut settings.train;
    train.learning_rate = given.learning_rate.unwrap_or(train.learning_rate);
    train.patience = given.patience.unwrap_or(train.patience);
    if let Some(hidden) = given.hidden {
        *config.hidden_mut(modality) = hidden;
    }
    let config = config.resolve()?;
    let dataset = config.open_dataset()?;
    shell.say_notes(&dataset.notes);
    let vectors = options.table(shell)?;
    let features = given.features.unwrap_or_else(|| given.out.join("features"));
    let plan = EmbeddingPlan {
        config: &config,
        dataset: &dataset,
        modality,
        vectors: vectors.as_ref(),
        features: &features,
        before: options.before,
    };
    let trained = train_embedding(&plan, &given.out, given.resume, shell)?;
    shell.print(&trained.to_text())?;
    Ok(Outcome::Done)
}
