//! One model of one modality: samples from a data set, a run folder with predictions of validation and test.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use cohort_data::{Clip, Dataset, Split};
use cohort_tables::{EmbeddingTable, FolderLock, Predictions, content_hash};
use cohort_train::{
    EpochMetrics, Job, ModelConfig, Progress, RunFacts, RunFolder, Source, TrainError, Trained,
    train,
};
use cohort_vision::Transform;
use cohort_weights::Weights;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::ImageMode;
use crate::faces::{FaceNetwork, face_table, weights_to_tune};
use crate::features::{Features, Skipped, acoustic_table, text_table};
use crate::pictures::PictureSource;
use crate::stages::{PREDICTIONS, PREDICTIONS_VALID, check_inputs, splits};
use crate::tuned_text::{TokenPart, TunedBert};
use crate::vectors::VectorSource;
use crate::view::View;
use crate::{PipelineError, RunConfig, Watch};

/// What a model looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Modality {
    /// The face.
    Image,
    /// The voice.
    Audio,
    /// The words.
    Text,
}

impl Modality {
    /// All modalities, in their usual order.
    pub const ALL: [Self; 3] = [Self::Image, Self::Audio, Self::Text];

    /// `image`, `audio` or `text`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Text => "text",
        }
    }

    /// Whether a clip has it.
    pub(crate) fn is_in(self, clip: &Clip) -> bool {
        match self {
            Self::Image => clip.image.is_some(),
            Self::Audio => clip.audio.is_some(),
            Self::Text => clip.transcript.is_some(),
        }
    }
}

impl fmt::Display for Modality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Modality {
    type Err = PipelineError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|modality| modality.name() == name)
            .ok_or_else(|| PipelineError::Setting {
                name: "modality",
                expected: "image, audio or text",
                found: name.to_string(),
            })
    }
}

/// A trained model's predictions, as they stand in its run folder.
#[derive(Debug)]
pub struct TrainedModality {
    /// What the model looks at.
    pub modality: Modality,
    /// Predictions of the validation split.
    pub valid: Predictions,
    /// Predictions of the test split.
    pub test: Predictions,
    /// Clips left out because their media could not be used.
    pub skipped: Vec<Skipped>,
    /// The epochs up to the best one.
    pub history: Vec<EpochMetrics>,
}

impl TrainedModality {
    /// One line for a terminal.
    pub fn to_text(&self) -> String {
        let best = self.history.last();
        let score = best.map_or_else(String::new, |epoch| {
            format!(
                ": best epoch {}, validation balanced accuracy {:.3}",
                epoch.epoch,
                epoch.value("valid_balanced_accuracy")
            )
        });
        format!(
            "{}{score}; {} validation and {} test clips predicted",
            self.modality,
            self.valid.len(),
            self.test.len()
        )
    }
}

/// Trains the model of one modality in the run folder `out`, and writes its predictions of the validation
/// and the test split there. `features` is the folder of the feature tables, brought up to date first.
///
/// # Errors
/// As for the features, the pictures and the training: see [`PipelineError`].
pub fn train_modality(
    config: &RunConfig,
    dataset: &Dataset,
    modality: Modality,
    features: &Path,
    out: &Path,
    resume: bool,
    watch: &dyn Watch,
) -> Result<TrainedModality, PipelineError> {
    let _lock = FolderLock::take(out)?;
    prepare(
        config,
        dataset,
        modality,
        features,
        watch,
        |stage, prepared| stage.fit(prepared, out, resume),
    )
}

/// What a model of one modality would be trained on: the hashes that its `inputs.json` holds. Nothing is trained; the
/// feature tables are brought up to date.
///
/// # Errors
/// As [`train_modality`], but for the training.
pub(crate) fn model_inputs(
    config: &RunConfig,
    dataset: &Dataset,
    modality: Modality,
    features: &Path,
    watch: &dyn Watch,
) -> Result<Value, PipelineError> {
    prepare(
        config,
        dataset,
        modality,
        features,
        watch,
        |stage, prepared| Ok(stage.inputs(&prepared.parts)),
    )
}

/// Gives `then` the samples of a model, its network and where it begins.
fn prepare<T>(
    config: &RunConfig,
    dataset: &Dataset,
    modality: Modality,
    features: &Path,
    watch: &dyn Watch,
    then: impl FnOnce(&Stage, Prepared) -> Result<T, PipelineError>,
) -> Result<T, PipelineError> {
    let target = target_index(dataset)?;
    let view = match modality {
        Modality::Image => Some(View::of_run(config)?),
        _ => None,
    };
    let mut stage = Stage {
        cut: None,
        weights: None,
        features: None,
        view: view.as_ref().and_then(View::settings),
        config,
        dataset,
        target,
        modality,
        watch,
    };
    if let Some(view) = view.filter(|_| config.image.mode == ImageMode::Pixels) {
        return stage.pictures(&view, then);
    }
    if modality == Modality::Text
        && let Some(bert) = TunedBert::open(&config.features.text, watch)?
    {
        return stage.tokens(&bert, then);
    }
    let made = feature_table(config, dataset, modality, features, watch)?;
    stage.cut = made.cut;
    let provenance = &made.table.provenance;
    stage.weights = (!provenance.weights.is_empty()).then(|| provenance.weights.clone());
    let how = [
        provenance.producer.as_str(),
        provenance.settings.as_str(),
        &provenance.columns.join(" "),
    ];
    stage.features = Some(content_hash(how.join("\n").as_bytes()));
    stage.vectors(&made.table, made.skipped, then)
}

/// The feature table of the voices, the words, or the faces as a frozen network sees them, brought up to date.
pub(crate) fn feature_table(
    config: &RunConfig,
    dataset: &Dataset,
    modality: Modality,
    features: &Path,
    watch: &dyn Watch,
) -> Result<Features, PipelineError> {
    let _lock = FolderLock::take(features)?;
    match modality {
        Modality::Image => face_table(
            dataset,
            &FaceNetwork::open(&config.image.frozen(), config.device, watch)?,
            &features.join("faces.parquet"),
            config.skip_bad,
            watch,
        ),
        Modality::Audio => acoustic_table(
            dataset,
            &config.features.audio,
            &features.join("acoustic.parquet"),
            config.skip_bad,
            watch,
        ),
        Modality::Text => text_table(
            dataset,
            &config.features.text,
            config.device,
            &features.join("text.parquet"),
            config.skip_bad,
            watch,
        ),
    }
}

/// Position of the target among the schema's attributes.
pub(crate) fn target_index(dataset: &Dataset) -> Result<usize, PipelineError> {
    dataset
        .schema
        .target_index()
        .ok_or_else(|| PipelineError::Unusable {
            path: dataset.root.clone(),
            expected: format!("a schema with the target {}", dataset.schema.target),
            found: "none".to_string(),
        })
}

/// Class codes of the target, in order.
pub(crate) fn classes(dataset: &Dataset) -> Vec<String> {
    dataset
        .schema
        .target_attribute()
        .map_or_else(Vec::new, |target| {
            target
                .levels
                .iter()
                .map(|level| level.code.clone())
                .collect()
        })
}

/// Hash over clips, what each was made from, and their classes, in order.
pub(crate) fn hash_of_rows<'a>(
    rows: impl Iterator<Item = (&'a str, &'a str)>,
    labels: &[usize],
) -> String {
    let mut text = String::new();
    for ((clip, hash), label) in rows.zip(labels) {
        text += &format!("{clip} {hash} {label}\n");
    }
    content_hash(text.as_bytes())
}

fn hash_of_clips(clips: &[&Clip], hashes: &[String], labels: &[usize]) -> String {
    let ids = clips.iter().map(|clip| clip.id.as_str());
    hash_of_rows(ids.zip(hashes.iter().map(String::as_str)), labels)
}

struct Stage<'a> {
    /// Transcripts cut at the model's limit.
    cut: Option<usize>,
    /// Hash of the weights that the training begins from, or that its features were made with.
    weights: Option<String>,
    /// Hash of how its features were made.
    features: Option<String>,
    /// What of the pictures is seen, if not all.
    view: Option<Value>,
    config: &'a RunConfig,
    dataset: &'a Dataset,
    target: usize,
    modality: Modality,
    watch: &'a dyn Watch,
}

/// What a model is trained on, and from where.
struct Prepared<'a> {
    /// Training, validation, test.
    parts: [Part<'a>; 3],
    network: &'a ModelConfig,
    start: Option<&'a Weights>,
    skipped: Vec<Skipped>,
}

/// Samples of one split, with their clips.
struct Part<'a> {
    source: &'a dyn Source,
    clips: &'a [&'a Clip],
    labels: &'a [usize],
    hash: String,
}

impl Stage<'_> {
    fn pictures<T>(
        &mut self,
        view: &View,
        then: impl FnOnce(&Stage, Prepared) -> Result<T, PipelineError>,
    ) -> Result<T, PipelineError> {
        let input = self.config.picture_input();
        let mut skipped = Vec::new();
        let [train, valid, test] = splits(self.dataset)?;
        let augmented = self.config.image.augmentation.transform(input);
        let plain = self.config.plain_transform();
        let train = self.load(train, view, augmented, &mut skipped)?;
        let valid = self.load(valid, view, plain, &mut skipped)?;
        let test = self.load(test, view, plain, &mut skipped)?;
        let part = |source| {
            let source: &PictureSource = source;
            Part {
                source,
                clips: &source.clips,
                labels: &source.labels,
                hash: source.hash(),
            }
        };
        let inputs = 3 * input.size * input.size;
        let network = self.network(inputs);
        let image = &self.config.image;
        let start = match image.fine_tunes() {
            true => {
                let (weights, hash) = weights_to_tune(&network, &image.frozen(), self.watch)?;
                self.weights = Some(hash);
                Some(weights)
            }
            false => None,
        };
        let parts = [part(&train), part(&valid), part(&test)];
        let prepared = Prepared {
            parts,
            network: &network,
            start: start.as_ref(),
            skipped,
        };
        then(self, prepared)
    }

    /// The last layers of a BERT with a head.
    fn tokens<T>(
        &mut self,
        bert: &TunedBert,
        then: impl FnOnce(&Stage, Prepared) -> Result<T, PipelineError>,
    ) -> Result<T, PipelineError> {
        let (target, skip_bad) = (self.target, self.config.skip_bad);
        let parts = splits(self.dataset)?
            .map(|split| TokenPart::new(bert, &split.clips, target, skip_bad, self.watch));
        let [train, valid, test] = parts;
        let (mut train, mut valid, mut test) = (train?, valid?, test?);
        let mut skipped = Vec::new();
        for part in [&mut train, &mut valid, &mut test] {
            skipped.append(&mut part.skipped);
        }
        self.cut = Some(train.cut + valid.cut + test.cut);
        self.weights = Some(bert.hash()?);
        let network = bert.network(&self.config.text, classes(self.dataset).len());
        let start = bert.start(&network, self.config.text.train.seed)?;
        let part = |part| {
            let part: &TokenPart = part;
            Part {
                source: &part.source,
                clips: &part.clips,
                labels: &part.labels,
                hash: hash_of_clips(&part.clips, &part.hashes, &part.labels),
            }
        };
        let parts = [part(&train), part(&valid), part(&test)];
        let prepared = Prepared {
            parts,
            network: &network,
            start: Some(&start),
            skipped,
        };
        then(self, prepared)
    }

    /// The network of tables and pictures, from scratch.
    fn network(&self, inputs: usize) -> ModelConfig {
        let classes = classes(self.dataset).len();
        self.config.network(self.modality, inputs, classes)
    }

    fn load<'s>(
        &self,
        split: &'s Split,
        view: &'s View,
        transform: Transform,
        skipped: &mut Vec<Skipped>,
    ) -> Result<PictureSource<'s>, PipelineError> {
        let skip_bad = self.config.skip_bad;
        let (source, bad) = PictureSource::new(
            &split.clips,
            self.target,
            view,
            transform,
            skip_bad,
            self.watch,
        )?;
        skipped.extend(bad);
        Ok(source)
    }

    fn vectors<T>(
        &self,
        table: &EmbeddingTable,
        skipped: Vec<Skipped>,
        then: impl FnOnce(&Stage, Prepared) -> Result<T, PipelineError>,
    ) -> Result<T, PipelineError> {
        let [train, valid, test] =
            splits(self.dataset)?.map(|split| VectorSource::new(table, &split.clips, self.target));
        let (train, valid, test) = (train?, valid?, test?);
        let part = |source| {
            let source: &VectorSource = source;
            Part {
                source: &source.samples,
                clips: &source.clips,
                labels: &source.labels,
                hash: hash_of_clips(&source.clips, &source.hashes, &source.labels),
            }
        };
        let network = self.network(table.dim);
        let parts = [part(&train), part(&valid), part(&test)];
        let prepared = Prepared {
            parts,
            network: &network,
            start: None,
            skipped,
        };
        then(self, prepared)
    }

    /// Hashes of everything that the model learns from.
    fn inputs(&self, [train, valid, test]: &[Part; 3]) -> Value {
        let mut hashes = json!({ "train": train.hash, "valid": valid.hash, "test": test.hash });
        if let Some(cut) = self.cut {
            hashes["transcripts_cut"] = cut.into();
        }
        if let Some(weights) = &self.weights {
            hashes["weights"] = weights.as_str().into();
        }
        if let Some(features) = &self.features {
            hashes["features"] = features.as_str().into();
        }
        if let Some(view) = &self.view {
            hashes["crop"] = view.clone();
        }
        hashes
    }

    fn fit(
        &self,
        prepared: Prepared,
        out: &Path,
        resume: bool,
    ) -> Result<TrainedModality, PipelineError> {
        let hashes = self.inputs(&prepared.parts);
        let Prepared {
            parts: [train_part, valid, test],
            network,
            start,
            skipped,
        } = prepared;
        let classes = classes(self.dataset);
        let mut settings = self.config.train_settings(self.modality).clone();
        let target = &self.dataset.schema.attributes[self.target];
        if !target.ordered {
            settings = settings.without_order();
        }
        let run = RunFolder::open(out)?;
        check_inputs(out, resume, &hashes)?;
        let job = Job {
            network,
            train: train_part.source,
            valid: valid.source,
            settings: &settings,
            start,
            run: &run,
            resume,
        };
        let mut progress = EpochBar {
            modality: self.modality,
            watch: self.watch,
            epochs: job.settings.epochs,
            batches: 0,
        };
        let trained = train(&job, &mut progress, self.watch.stop());
        self.watch.end();
        let trained = trained.map_err(|error| match error {
            TrainError::Interrupted { .. } => PipelineError::Stopped,
            other => other.into(),
        })?;
        let valid = self.predict(&trained, &valid, &classes, &out.join(PREDICTIONS_VALID))?;
        let test = self.predict(&trained, &test, &classes, &out.join(PREDICTIONS))?;
        let history = trained.history().to_vec();
        Ok(TrainedModality {
            modality: self.modality,
            valid,
            test,
            skipped,
            history,
        })
    }

    fn predict(
        &self,
        trained: &Trained,
        part: &Part,
        classes: &[String],
        file: &Path,
    ) -> Result<Predictions, PipelineError> {
        if part.clips.is_empty() {
            return Err(PipelineError::Unusable {
                path: self.dataset.root.clone(),
                expected: format!("{} of clips in every split", self.modality),
                found: "a split without any".to_string(),
            });
        }
        let scores = trained.predict(part.source)?;
        let names = part.clips.iter().map(|clip| clip.name.clone()).collect();
        let predictions = Predictions::from_logits(
            names,
            classes.to_vec(),
            Some(part.labels.to_vec()),
            &scores.logits,
        );
        predictions.write(file)?;
        Ok(predictions)
    }
}

/// Shows the batches of all epochs as one bar, and each epoch that is the best so far as a line.
struct EpochBar<'a> {
    modality: Modality,
    watch: &'a dyn Watch,
    epochs: usize,
    batches: usize,
}

impl Progress<RunFacts> for EpochBar<'_> {
    fn start(&mut self, facts: &RunFacts) {
        for class in &facts.classes_without_samples {
            self.watch.say(&format!(
                "{}: class number {} has no training clip; it cannot be learnt",
                self.modality,
                class + 1
            ));
        }
        for column in &facts.constant_columns {
            self.watch.say(&format!(
                "{}: feature {column} is the same for every training clip; it carries nothing",
                self.modality
            ));
        }
    }

    fn batch(&mut self, epoch: usize, done: usize, all: usize) {
        if self.batches != all {
            self.batches = all;
            self.watch
                .begin(&format!("{} batches", self.modality), self.epochs * all);
        }
        self.watch.at((epoch - 1) * all + done);
    }

    fn epoch(&mut self, metrics: &EpochMetrics, best: bool) {
        if best {
            self.watch.say(&format!(
                "{} epoch {}: validation balanced accuracy {:.3}, accuracy {:.3}, loss {:.3}",
                self.modality,
                metrics.epoch,
                metrics.value("valid_balanced_accuracy"),
                metrics.value("valid_accuracy"),
                metrics.valid_loss()
            ));
        }
    }
}
