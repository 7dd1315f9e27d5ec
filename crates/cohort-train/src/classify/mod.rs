//! Classification: a network with K outputs, cross-entropy, and measures from a confusion table.

pub(crate) mod batch;
mod checks;
pub(crate) mod data;
pub(crate) mod network;
pub(crate) mod sampling;
pub(crate) mod score;
pub(crate) mod settings;
pub(crate) mod source;
pub(crate) mod trained;

use std::ops::ControlFlow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use cohort_eval::{Change, ConfusionMatrix, VALID_LOSS};
use cohort_nn::burn::tensor::Device;
use cohort_nn::{ClassWeights, CrossEntropy, ModelConfig, Moments, class_weights};
use cohort_weights::Weights;
use serde::Serialize;

use crate::classify::batch::{Batch, for_each_in_order};
use crate::classify::data::DataFacts;
use crate::classify::network::ClassifierNetwork;
use crate::classify::sampling::Sampler;
use crate::classify::score::{VALID_METRICS, count};
use crate::classify::trained::{check_shape, to_host};
use crate::history::Metrics;
use crate::plan::{Augment, Draw, Plan};
use crate::record::Record;
use crate::task::{Difference, Loss, Moment, Observer, Task};
use crate::{
    Criterion, FitSettings, Optimiser, RunFolder, Source, TrainError, TrainSettings, Trained, fit,
};

/// What is to be trained, on what, and where the run is kept.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The network.
    pub network: &'a ModelConfig,
    /// Training samples; augmented if the settings say so.
    pub train: &'a dyn Source,
    /// Validation samples, by which the best epoch is chosen; never augmented.
    pub valid: &'a dyn Source,
    /// The settings.
    pub settings: &'a TrainSettings,
    /// Weights to begin from, by name, such as those of a network that was trained on other data; what they lack
    /// begins as the seed says. None: all of it.
    pub start: Option<&'a Weights>,
    /// Where the run is kept.
    pub run: &'a RunFolder,
    /// Go on where an earlier call with the same network, settings and samples ended. A run that
    /// has not begun begins; one that is finished is loaded.
    pub resume: bool,
}

/// What is known of a run when it starts; with times added it becomes `run.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunFacts {
    /// Version of this crate.
    pub version: &'static str,
    /// Seed of everything random.
    pub seed: u64,
    /// The device by name.
    pub device: String,
    /// Threads of the Rayon pool.
    pub threads: usize,
    /// Values that training can change.
    pub parameters: usize,
    /// Training samples of each class.
    pub train_counts: Vec<usize>,
    /// Samples of each class that an epoch draws.
    pub drawn_counts: Vec<usize>,
    /// Validation samples of each class.
    pub valid_counts: Vec<usize>,
    /// Class indices without a training sample: their loss weight is 0 and they cannot be learnt.
    pub classes_without_samples: Vec<usize>,
    /// Input columns that are constant over the training samples; they carry nothing. Known only
    /// when the network standardises its inputs.
    pub constant_columns: Vec<String>,
    /// BLAKE3 of names and labels of both parts.
    pub data_digest: String,
    /// Epochs that an earlier call had done; not written, so that a resumed run's document is that of one never stopped.
    #[serde(skip)]
    pub resumed_after: usize,
}

/// Trains a network and returns the one of the best validation epoch.
///
/// A checkpoint is written after every epoch; `stop` is looked at before every batch.
///
/// # Errors
/// [`TrainError::Settings`], [`TrainError::Network`] and [`TrainError::Data`] when the job
/// contradicts itself; [`TrainError::RunExists`] and [`TrainError::ResumeMismatch`] when the run
/// folder holds another run; [`TrainError::Sample`] and [`TrainError::NotFinite`] for a bad
/// sample; [`TrainError::Diverged`]; [`TrainError::Interrupted`] after `stop` was raised;
/// [`TrainError::Io`].
pub fn train(
    job: &Job<'_>,
    progress: &mut dyn Observer<RunFacts>,
    stop: &AtomicBool,
) -> Result<Trained, TrainError> {
    let task = Classify::new(job)?;
    fit(&task, job.run, job.resume, progress, stop)?;
    Trained::load(job.run.path(), job.settings.device)
}

/// Classification as a [`Task`].
struct Classify<'a> {
    job: &'a Job<'a>,
    settings: FitSettings,
    record: Record<TrainSettings>,
    sampler: Sampler,
    /// Before and after the class weights set in.
    losses: [CrossEntropy; 2],
    /// Of the training samples, once they were asked for.
    moments: OnceLock<Moments>,
}

impl<'a> Classify<'a> {
    /// Checks the job.
    fn new(job: &'a Job<'a>) -> Result<Self, TrainError> {
        let settings = job.settings;
        settings.validate()?;
        job.network.validate()?;
        for (part, source, least) in [("training", job.train, 2), ("validation", job.valid, 1)] {
            if source.len() < least {
                return Err(TrainError::Data {
                    part,
                    expected: format!("at least {least}"),
                    found: source.len().to_string(),
                });
            }
            check_shape(part, source, job.network)?;
        }
        let data = DataFacts::new(job.train, job.valid, job.network.classes())?;
        let sampler = Sampler::new(job.train, &data.train_counts, settings);
        let loss = |kind: ClassWeights| {
            let weights = class_weights(kind, &sampler.counts())?;
            CrossEntropy::new(weights, settings.label_smoothing as f32)?
                .with_ordinal_width(settings.ordinal_width)?
                .with_focus(settings.focal_gamma)?
                .with_mean_variance(settings.mean_loss, settings.variance_loss)
        };
        let losses = [loss(ClassWeights::None)?, loss(settings.class_weights)?];
        if !(data.valid_counts.iter().zip(&data.train_counts)).any(|(v, t)| *v > 0 && *t > 0) {
            return Err(TrainError::Data {
                part: "validation",
                expected: "a sample of a class that has training samples".to_owned(),
                found: format!("samples by class {:?}", data.valid_counts),
            });
        }
        let record = Record {
            network: job.network.clone(),
            settings: settings.clone().resolved(),
            data,
            start: start_hash(job.start)?,
        };
        Ok(Self {
            job,
            settings: settings.fit(),
            record,
            sampler,
            losses,
            moments: OnceLock::new(),
        })
    }

    /// Mean and standard deviation of the training samples as they are, without augmentation, where the network
    /// standardises its inputs by them.
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
}

impl Task for Classify<'_> {
    type Batch = Batch;
    type Network = ClassifierNetwork;
    type Record = Record<TrainSettings>;
    type Facts = RunFacts;

    fn settings(&self) -> &FitSettings {
        &self.settings
    }

    fn record(&self) -> &Record<TrainSettings> {
        &self.record
    }

    fn difference(&self, earlier: &Record<TrainSettings>) -> Option<Difference> {
        self.record.difference(earlier)
    }

    fn config(&self) -> Result<String, String> {
        #[derive(Serialize)]
        struct Config<'a> {
            network: &'a ModelConfig,
            training: &'a TrainSettings,
        }
        let config = Config {
            network: self.job.network,
            training: &self.record.settings,
        };
        toml::to_string_pretty(&config).map_err(|error| error.to_string())
    }

    fn criterion(&self) -> Criterion {
        self.job.settings.selection.criterion()
    }

    fn patience_begins(&self) -> usize {
        self.job.settings.unweighted_epochs()
    }

    fn changes(&self) -> Vec<Change> {
        let before = self.job.settings.unweighted_epochs();
        let weighted = self.job.settings.class_weights != ClassWeights::None;
        let change = Change {
            epoch: before + 1,
            what: "rare classes begin to weigh more".to_owned(),
        };
        (weighted && before > 0)
            .then_some(change)
            .into_iter()
            .collect()
    }

    fn init(
        &self,
        seed: u64,
        device: &Device,
        stop: &AtomicBool,
    ) -> Result<ClassifierNetwork, TrainError> {
        let job = self.job;
        let (config, head) = (job.network, job.settings.head);
        let mut network = ClassifierNetwork::init(config, head, seed, job.start, device)?;
        if let Some(moments) = self.moments(stop)? {
            network.model = network.model.with_moments(moments, device);
        }
        Ok(network)
    }

    fn load(&self, weights: Weights, device: &Device) -> Result<ClassifierNetwork, TrainError> {
        let (config, head) = (self.job.network, self.job.settings.head);
        Ok(ClassifierNetwork::load(config, head, weights, device)?)
    }

    fn prepare(&self, network: ClassifierNetwork) -> Result<ClassifierNetwork, TrainError> {
        let job = self.job;
        let network = network.freeze(&job.settings.trainable, job.network)?;
        let fixed = |tuning: crate::FineTuning| tuning.fixed_norms && job.start.is_some();
        Ok(match job.settings.fine_tuning {
            Some(tuning) if fixed(tuning) => network.fix_norms(job.network),
            _ => network,
        })
    }

    fn optimiser(&self) -> Optimiser {
        let optimiser = Optimiser::new(&self.settings);
        match (self.job.settings.fine_tuning, self.job.start) {
            (Some(tuning), Some(_)) => optimiser.with_share(self.job.network.head(), tuning.rate),
            _ => optimiser,
        }
    }

    fn facts(
        &self,
        network: &ClassifierNetwork,
        resumed_after: usize,
        stop: &AtomicBool,
    ) -> Result<RunFacts, TrainError> {
        let (settings, data) = (&self.settings, &self.record.data);
        let without = |(class, count): (usize, &usize)| (*count == 0).then_some(class);
        let constant = self.moments(stop)?.map(Moments::constant_columns);
        let constant = constant.unwrap_or_default();
        Ok(RunFacts {
            version: env!("CARGO_PKG_VERSION"),
            seed: settings.seed,
            device: settings.device.to_string(),
            threads: rayon::current_num_threads(),
            parameters: network.model.trainable_parameters(),
            train_counts: data.train_counts.clone(),
            drawn_counts: self.sampler.counts(),
            valid_counts: data.valid_counts.clone(),
            classes_without_samples: (data.train_counts.iter().enumerate())
                .filter_map(without)
                .collect(),
            constant_columns: constant.iter().map(|&c| self.job.train.column(c)).collect(),
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
        network: &ClassifierNetwork,
        batch: Batch,
        at: Moment<'_>,
    ) -> Result<Loss, TrainError> {
        let weighted = at.epochs >= self.job.settings.unweighted_epochs();
        let criterion = &self.losses[usize::from(weighted)];
        let (input, labels) = batch.into_tensor(at.device);
        let logits = network.forward(input, Some(at.seed)).logits;
        let value = criterion.loss(logits.clone(), &labels)?;
        let logits = to_host(logits.inner());
        let (sum, weight) = criterion.sums(&logits, &labels)?;
        let classes = self.job.network.classes();
        let mut confusion = ConfusionMatrix::new(classes);
        count(&mut confusion, classes, &logits, &labels);
        Ok(Loss {
            value,
            sum,
            weight,
            measures: vec![("accuracy", confusion.right(), labels.len() as f64)],
        })
    }

    fn validate(
        &self,
        network: &ClassifierNetwork,
        at: Moment<'_>,
        stop: &AtomicBool,
    ) -> Result<Metrics, TrainError> {
        // One yardstick for all epochs: the weighted loss.
        let criterion = &self.losses[1];
        let classes = self.job.network.classes();
        let mut confusion = ConfusionMatrix::new(classes);
        let (mut sum, mut weight) = (0.0, 0.0);
        for_each_in_order(self.job.valid, self.job.settings.batch_size, |batch| {
            if stop.load(Ordering::Relaxed) {
                return Err(TrainError::Interrupted { epochs: at.epochs });
            }
            let (input, labels) = batch.into_tensor(at.device);
            let logits = to_host(network.forward(input, None).logits);
            let (batch_sum, batch_weight) = criterion.sums(&logits, &labels)?;
            sum += batch_sum;
            weight += batch_weight;
            count(&mut confusion, classes, &logits, &labels);
            Ok(ControlFlow::Continue(()))
        })?;
        let mut values = vec![(VALID_LOSS.to_owned(), Some(sum / weight))];
        values
            .extend(VALID_METRICS.map(|(name, metric)| (name.to_owned(), confusion.value(metric))));
        Ok(values)
    }
}

/// Mean and standard deviation of every column over samples as they are.
pub(crate) fn moments_of(
    source: &dyn Source,
    batch_size: usize,
    stop: &AtomicBool,
) -> Result<Moments, TrainError> {
    let width: usize = source.shape().iter().product();
    let mut moments = Moments::new(width);
    for_each_in_order(source, batch_size, |batch| {
        if stop.load(Ordering::Relaxed) {
            return Err(TrainError::Interrupted { epochs: 0 });
        }
        for sample in batch.values.chunks_exact(width.max(1)) {
            moments.add(sample);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(moments)
}

/// BLAKE3 of the weights that a job begins from, if it is given any.
pub(crate) fn start_hash(start: Option<&Weights>) -> Result<Option<String>, TrainError> {
    let Some(start) = start else {
        return Ok(None);
    };
    let bytes = start.to_safetensors("")?;
    Ok(Some(blake3::hash(&bytes).to_hex().to_string()))
}

#[cfg(test)]
mod tests {
    use super::VALID_METRICS;

    #[test]
    fn measures_are_named_after_their_metrics() {
        for (name, metric) in VALID_METRICS {
            assert_eq!(name, cohort_eval::valid_name(metric));
        }
    }
}
