//! Metric learning: a network whose outputs are embeddings, in which samples of one class lie near each other.

mod network;
mod sampler;
pub(crate) mod settings;
pub(crate) mod trained;
mod within;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use cohort_eval::VALID_LOSS;
use cohort_nn::burn::tensor::{Device, Tensor};
use cohort_nn::metric::{CrossBatchMemory, Graded, attach};
use cohort_nn::{ModelConfig, Moments};
use cohort_weights::Weights;
use serde::Serialize;

use crate::classify::batch::{Batch, for_each_in_order};
use crate::classify::data::DataFacts;
use crate::classify::trained::{check_shape, to_host};
use crate::classify::{moments_of, start_hash};
use crate::embed::network::EmbeddingNetwork;
use crate::embed::sampler::PerClass;
use crate::embed::settings::{VALID_MAP_AT_R, VALID_PRECISION_AT_1};
use crate::embed::within::{chance, within};
use crate::history::Metrics;
use crate::plan::{Augment, Draw, Plan};
use crate::record::Record;
use crate::task::{Difference, Loss, Moment, Observer, Task};
use crate::{
    Criterion, Embedder, EmbeddingSettings, FineTuning, FitSettings, Optimiser, RunFolder, Source,
    TrainError, fit,
};

/// What is to be trained, on what, and where the run is kept.
#[derive(Clone, Copy)]
pub struct EmbeddingJob<'a> {
    /// The network; its "classes" are the embedding's length ([`EmbeddingSettings::dimension`]).
    pub network: &'a ModelConfig,
    /// Number of classes of the samples.
    pub classes: usize,
    /// Training samples; augmented if the settings say so.
    pub train: &'a dyn Source,
    /// Validation samples, by which the best epoch is chosen; never augmented. Their classes need not be among those of
    /// the training samples.
    pub valid: &'a dyn Source,
    /// The settings.
    pub settings: &'a EmbeddingSettings,
    /// Weights to begin from, by name; what they lack begins as the seed says. None: all of it.
    pub start: Option<&'a Weights>,
    /// Where the run is kept.
    pub run: &'a RunFolder,
    /// Go on where an earlier call with the same network, settings and samples ended.
    pub resume: bool,
}

/// What is known of a run when it starts; with times added it becomes `run.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EmbeddingFacts {
    /// Version of this crate.
    pub version: &'static str,
    /// Seed of everything random.
    pub seed: u64,
    /// The device by name.
    pub device: String,
    /// Threads of the Rayon pool.
    pub threads: usize,
    /// Values that training can change, without proxies.
    pub parameters: usize,
    /// What embeddings are compared by: `cosine` or `euclidean`.
    pub distance: &'static str,
    /// Training samples of each class.
    pub train_counts: Vec<usize>,
    /// Validation samples of each class.
    pub valid_counts: Vec<usize>,
    /// Samples of each class in a batch.
    pub per_class: usize,
    /// Class indices with fewer training samples than that: they come with all they have.
    pub short_classes: Vec<usize>,
    /// Class indices with one training sample, which is never anyone's positive.
    pub lone_classes: Vec<usize>,
    /// Precision at 1 within the validation samples if their order were by chance.
    pub chance_precision_at_1: f64,
    /// MAP@R likewise.
    pub chance_map_at_r: f64,
    /// BLAKE3 of names and classes of both parts.
    pub data_digest: String,
    /// Epochs that an earlier call had done; not written.
    #[serde(skip)]
    pub resumed_after: usize,
}

/// Trains an embedding and returns the network of the best validation epoch.
///
/// A checkpoint is written after every epoch, with the memory of earlier batches in it; `stop` is looked at before every batch.
///
/// # Errors
/// [`TrainError::Settings`], [`TrainError::Network`] and [`TrainError::Data`] when the job contradicts itself;
/// [`TrainError::RunExists`] and [`TrainError::ResumeMismatch`] when the run folder holds another run;
/// [`TrainError::Sample`] and [`TrainError::NotFinite`] for a bad sample; [`TrainError::Diverged`];
/// [`TrainError::Interrupted`] after `stop` was raised; [`TrainError::Io`].
pub fn train_embedding(
    job: &EmbeddingJob<'_>,
    progress: &mut dyn Observer<EmbeddingFacts>,
    stop: &AtomicBool,
) -> Result<Embedder, TrainError> {
    let task = Embed::new(job)?;
    fit(&task, job.run, job.resume, progress, stop)?;
    Embedder::load(job.run.path(), job.settings.train.device)
}

/// Metric learning as a [`Task`].
pub(crate) struct Embed<'a> {
    job: &'a EmbeddingJob<'a>,
    record: Record<EmbeddingSettings>,
    per_class: usize,
    sampler: PerClass,
    /// Batches of validation samples, the same after every epoch.
    valid_plan: Plan,
    valid_labels: Vec<usize>,
    memory: Mutex<Option<CrossBatchMemory>>,
    moments: OnceLock<Moments>,
}

impl<'a> Embed<'a> {
    /// Checks the job.
    pub(crate) fn new(job: &'a EmbeddingJob<'a>) -> Result<Self, TrainError> {
        let settings = job.settings;
        settings.validate()?;
        job.network.validate()?;
        check_width(job)?;
        for (part, source) in [("training", job.train), ("validation", job.valid)] {
            if source.len() < 2 {
                return Err(TrainError::Data {
                    part,
                    expected: "at least 2".to_owned(),
                    found: source.len().to_string(),
                });
            }
            check_shape(part, source, job.network)?;
        }
        let data = DataFacts::new(job.train, job.valid, job.classes)?;
        let filled = |counts: &[usize]| counts.iter().filter(|count| **count > 0).count();
        let classes = filled(&data.train_counts);
        let pairs = |counts: &[usize]| counts.iter().any(|&count| count > 1);
        for (part, counts, fits) in [
            (
                "training",
                &data.train_counts,
                classes > 1 && pairs(&data.train_counts),
            ),
            (
                "validation",
                &data.valid_counts,
                filled(&data.valid_counts) > 1 && pairs(&data.valid_counts),
            ),
        ] {
            if !fits {
                return Err(TrainError::Data {
                    part,
                    expected: "two of one class, and one of another".to_owned(),
                    found: format!("samples by class {counts:?}"),
                });
            }
        }
        let per_class = settings.samples_per_class(classes)?;
        let seed = settings.train.seed;
        let sampler =
            |source, seed| PerClass::new(source, job.classes, per_class, settings.batch_size, seed);
        Ok(Self {
            job,
            per_class,
            sampler: sampler(job.train, seed),
            valid_plan: sampler(job.valid, 0).plan(0),
            valid_labels: (0..job.valid.len()).map(|i| job.valid.label(i)).collect(),
            record: Record {
                network: job.network.clone(),
                settings: settings.clone().resolved(),
                data,
                start: start_hash(job.start)?,
            },
            memory: Mutex::new(None),
            moments: OnceLock::new(),
        })
    }

    pub(crate) fn into_record(self) -> Record<EmbeddingSettings> {
        self.record
    }

    fn moments(&self, stop: &AtomicBool) -> Result<Option<&Moments>, TrainError> {
        if self.job.start.is_some() || !self.job.network.standardises() {
            return Ok(None);
        }
        if let Some(known) = self.moments.get() {
            return Ok(Some(known));
        }
        let moments = moments_of(self.job.train, self.job.settings.batch_size, stop)?;
        Ok(Some(self.moments.get_or_init(|| moments)))
    }

    /// The loss of embeddings without the memory; proxies are those of the network.
    fn graded(
        &self,
        network: &EmbeddingNetwork,
        rows: &[f32],
        labels: &[usize],
    ) -> Result<Graded, TrainError> {
        let settings = self.job.settings;
        let width = rows.len() / labels.len().max(1);
        Ok(match network.proxies() {
            Some(proxies) => {
                let proxies = to_host(proxies.without_autodiff());
                settings
                    .loss
                    .grade_with_proxies(rows, width, labels, &proxies)?
            }
            None => settings
                .loss
                .grade(rows, width, labels, settings.miner.as_ref())?,
        })
    }

    /// The same against the memory, which takes in the batch first.
    fn graded_with_memory(&self, rows: &[f32], labels: &[usize]) -> Result<Graded, TrainError> {
        let settings = self.job.settings;
        let width = rows.len() / labels.len().max(1);
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = match &mut *memory {
            Some(memory) => memory,
            none => none.insert(CrossBatchMemory::new(settings.memory, width)?),
        };
        memory.add(rows, labels)?;
        let miner = settings.miner.as_ref();
        Ok((settings.loss).grade_with_memory(rows, width, labels, miner, memory)?)
    }
}

/// The network's outputs are the embedding.
fn check_width(job: &EmbeddingJob) -> Result<(), TrainError> {
    let (dimension, outputs) = (job.settings.dimension, job.network.classes());
    if dimension > 0 && dimension != outputs {
        return Err(TrainError::Data {
            part: "embedding",
            expected: format!("a network with {dimension} outputs, the dimension"),
            found: outputs.to_string(),
        });
    }
    let is_linear = matches!(job.network, ModelConfig::Mlp(mlp) if mlp.hidden.is_empty());
    if dimension == 0 && is_linear {
        return Err(TrainError::Settings {
            field: "dimension",
            expected: "above 0 where there is no layer but the last",
            found: "0".to_owned(),
        });
    }
    Ok(())
}

impl Task for Embed<'_> {
    type Batch = Batch;
    type Network = EmbeddingNetwork;
    type Record = Record<EmbeddingSettings>;
    type Facts = EmbeddingFacts;

    fn settings(&self) -> &FitSettings {
        &self.record.settings.train
    }

    fn record(&self) -> &Record<EmbeddingSettings> {
        &self.record
    }

    fn difference(&self, earlier: &Record<EmbeddingSettings>) -> Option<Difference> {
        self.record.difference(earlier)
    }

    fn config(&self) -> Result<String, String> {
        #[derive(Serialize)]
        struct Config<'a> {
            network: &'a ModelConfig,
            embedding: &'a EmbeddingSettings,
        }
        let config = Config {
            network: self.job.network,
            embedding: &self.record.settings,
        };
        toml::to_string_pretty(&config).map_err(|error| error.to_string())
    }

    fn criterion(&self) -> Criterion {
        self.job.settings.selection.criterion()
    }

    fn init(
        &self,
        seed: u64,
        device: &Device,
        stop: &AtomicBool,
    ) -> Result<EmbeddingNetwork, TrainError> {
        let mut network = EmbeddingNetwork::init(&self.record, seed, self.job.start, device)?;
        if let Some(moments) = self.moments(stop)? {
            network.model = network.model.with_moments(moments, device);
        }
        Ok(network)
    }

    fn load(&self, weights: Weights, device: &Device) -> Result<EmbeddingNetwork, TrainError> {
        Ok(EmbeddingNetwork::load(&self.record, weights, device)?)
    }

    fn prepare(&self, network: EmbeddingNetwork) -> Result<EmbeddingNetwork, TrainError> {
        let job = self.job;
        let network = network.freeze(&job.settings.trainable, job.network)?;
        let fixed = |tuning: FineTuning| tuning.fixed_norms && job.start.is_some();
        Ok(match job.settings.fine_tuning {
            Some(tuning) if fixed(tuning) => network.fix_norms(job.network),
            _ => network,
        })
    }

    fn optimiser(&self) -> Optimiser {
        let optimiser = Optimiser::new(&self.record.settings.train);
        match (self.job.settings.fine_tuning, self.job.start) {
            (Some(tuning), Some(_)) => optimiser.with_share(self.job.network.head(), tuning.rate),
            _ => optimiser,
        }
    }

    fn carried(&self) -> Weights {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory
            .as_ref()
            .map_or_else(Weights::default, CrossBatchMemory::state)
    }

    fn carry(&self, state: Weights) -> Result<(), TrainError> {
        let width = |array: &cohort_weights::Array| array.shape.get(1).copied();
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        *memory = match state.0.get("rows").and_then(width) {
            Some(width) if self.job.settings.memory > 0 => {
                let mut memory = CrossBatchMemory::new(self.job.settings.memory, width)?;
                memory.restore(&state)?;
                Some(memory)
            }
            _ => None,
        };
        Ok(())
    }

    fn facts(
        &self,
        network: &EmbeddingNetwork,
        resumed_after: usize,
        _stop: &AtomicBool,
    ) -> Result<EmbeddingFacts, TrainError> {
        let (settings, data) = (&self.record.settings, &self.record.data);
        let classes = |fits: &dyn Fn(usize) -> bool| {
            let counts = data.train_counts.iter().enumerate();
            counts
                .filter(|(_, count)| fits(**count))
                .map(|(class, _)| class)
                .collect()
        };
        let chance = chance(&self.valid_labels).expect("a class with two validation samples");
        Ok(EmbeddingFacts {
            version: env!("CARGO_PKG_VERSION"),
            seed: settings.train.seed,
            device: settings.train.device.to_string(),
            threads: rayon::current_num_threads(),
            parameters: network.model.trainable_parameters(),
            distance: settings.distance(),
            train_counts: data.train_counts.clone(),
            valid_counts: data.valid_counts.clone(),
            per_class: self.per_class,
            short_classes: classes(&|count| (1..self.per_class).contains(&count)),
            lone_classes: classes(&|count| count == 1),
            chance_precision_at_1: chance.precision_at_1,
            chance_map_at_r: chance.map_at_r,
            data_digest: data.digest.clone(),
            resumed_after,
        })
    }

    fn plan(&self, epoch: usize) -> Plan {
        self.sampler.plan(epoch)
    }

    fn batch(&self, draws: &[Draw], augment: Augment) -> Result<Batch, TrainError> {
        Batch::load(self.job.train, draws, augment)
    }

    fn loss(
        &self,
        network: &EmbeddingNetwork,
        batch: Batch,
        at: Moment<'_>,
    ) -> Result<Loss, TrainError> {
        let (input, labels) = batch.into_tensor(at.device);
        let embedding = network.forward(input, Some(at.seed));
        let rows = to_host(embedding.clone().inner());
        let count = labels.len() as f64;
        let is_finite = rows.iter().all(|value| value.is_finite());
        let graded = match self.job.settings.memory {
            _ if !is_finite => None,
            0 => Some(self.graded(network, &rows, &labels)?),
            _ => Some(self.graded_with_memory(&rows, &labels)?),
        };
        let Some(graded) = graded else {
            // the loop ends with what this is
            return Ok(Loss {
                value: embedding.sum(),
                sum: f64::NAN,
                weight: count,
                measures: Vec::new(),
            });
        };
        let mut value = attach(embedding, &graded.gradient);
        if let (Some(proxies), Some(gradient)) = (network.proxies(), &graded.proxies) {
            value = value + attach(proxies, gradient);
        }
        Ok(Loss {
            value,
            sum: graded.value * count,
            weight: count,
            measures: vec![("active", graded.active as f64, graded.tuples as f64)],
        })
    }

    fn validate(
        &self,
        network: &EmbeddingNetwork,
        at: Moment<'_>,
        stop: &AtomicBool,
    ) -> Result<Metrics, TrainError> {
        let job = self.job;
        let mut rows = Vec::new();
        for_each_in_order(job.valid, job.settings.batch_size, |batch| {
            if stop.load(Ordering::Relaxed) {
                return Err(TrainError::Interrupted { epochs: at.epochs });
            }
            let (input, _): (Tensor<2>, _) = batch.into_tensor(at.device);
            rows.extend(to_host(network.forward(input, None)));
            Ok(ControlFlow::Continue(()))
        })?;
        let width = rows.len() / self.valid_labels.len();
        let (mut sum, mut weight) = (0.0, 0.0);
        for batch in &self.valid_plan.0 {
            let places = batch.iter().map(|draw| draw.index);
            let some: Vec<f32> = places
                .clone()
                .flat_map(|i| rows[i * width..(i + 1) * width].iter().copied())
                .collect();
            let labels: Vec<usize> = places.map(|i| self.valid_labels[i]).collect();
            let is_finite = some.iter().all(|value| value.is_finite());
            let value = match is_finite {
                true => self.graded(network, &some, &labels)?.value,
                false => f64::NAN,
            };
            sum += value * labels.len() as f64;
            weight += labels.len() as f64;
        }
        let found = within(&rows, width, &self.valid_labels, &job.settings.loss);
        Ok([
            (VALID_LOSS, Some(sum / weight)),
            (VALID_PRECISION_AT_1, found.map(|w| w.precision_at_1)),
            (VALID_MAP_AT_R, found.map(|w| w.map_at_r)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec())
    }
}
