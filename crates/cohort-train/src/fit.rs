//! The training loop.

use std::fs;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use cohort_nn::burn::tensor::Device;
use cohort_nn::{
    ClassWeights, CrossEntropy, ModelConfig, Moments, Weights, class_weights, derive_seed,
};
use serde::Serialize;

use crate::average::Average;
use crate::batches::{Plan, for_each_batch};
use crate::checkpoint::{self, DataFacts, Document, NO_CHECKSUM, SCHEMA, State};
use crate::gradients::Pending;
use crate::history::is_over;
use crate::network::Network;
use crate::optimiser::Optimiser;
use crate::sampling::Sampler;
use crate::score::Confusion;
use crate::trained::{check_shape, evaluate, to_device, to_host};
use crate::{EpochMetrics, RunFolder, Source, TrainError, TrainSettings, Trained, best_epoch};

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

/// Watches a run. Every method does nothing unless it is implemented.
pub trait Progress {
    /// The run starts or goes on.
    fn start(&mut self, _facts: &RunFacts) {}
    /// A training batch is done: epoch from 1, batches done and in all.
    fn batch(&mut self, _epoch: usize, _done: usize, _all: usize) {}
    /// An epoch is done; `best` says whether it is the best so far.
    fn epoch(&mut self, _metrics: &EpochMetrics, _best: bool) {}
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}

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
    progress: &mut dyn Progress,
    stop: &AtomicBool,
) -> Result<Trained, TrainError> {
    let data = check(job)?;
    let settings = job.settings;
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
    let mut fit = Fit::begin(job, data, sampler, losses, stop)?;
    let facts = fit.facts.clone();
    fit.write_settings()?;
    fit.write_metrics()?;
    progress.start(&facts);
    while !is_over(&fit.history, job.settings) {
        fit.epoch(progress, stop)?;
    }
    fit.write_facts(true)?;
    Trained::load(job.run.path(), job.settings.device)
}

fn check(job: &Job<'_>) -> Result<DataFacts, TrainError> {
    job.settings.validate()?;
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
    DataFacts::new(job.train, job.valid, job.network.classes())
}

/// A run in progress.
struct Fit<'a> {
    job: &'a Job<'a>,
    data: DataFacts,
    /// Before and after the class weights set in.
    losses: [CrossEntropy; 2],
    sampler: Sampler,
    device: Device,
    network: Network,
    optimiser: Optimiser,
    average: Option<Average>,
    history: Vec<EpochMetrics>,
    facts: RunFacts,
    clock: Instant,
    started: SystemTime,
}

impl<'a> Fit<'a> {
    /// Starts afresh or takes up the last checkpoint.
    fn begin(
        job: &'a Job<'a>,
        data: DataFacts,
        sampler: Sampler,
        losses: [CrossEntropy; 2],
        stop: &AtomicBool,
    ) -> Result<Self, TrainError> {
        let settings = job.settings;
        let device = settings.device.device()?;
        let training = device.clone().autodiff();
        let mut optimiser = Optimiser::new(settings);
        let standardises = job.start.is_none() && job.network.standardises();
        // a resumed network has them already; what they say of the columns stands in `run.json` again
        let moments = match standardises {
            true => Some(moments(job, stop)?),
            false => None,
        };
        let constant = moments.as_ref().map(Moments::constant_columns);
        let constant_columns = constant.unwrap_or_default().into_iter();
        let constant_columns = constant_columns.map(|c| job.train.column(c)).collect();
        let (mut earlier_average, mut history) = (None, Vec::new());
        let network = match earlier(job, &data)? {
            None => {
                let seed = derive_seed(settings.seed, "weights", &[]);
                let (config, head) = (job.network, settings.head);
                let mut network = Network::init(config, head, seed, job.start, &training)?;
                if let Some(moments) = &moments {
                    network.model = network.model.with_moments(moments, &training);
                }
                network
            }
            Some((state, done)) => {
                let steps = done.len() * steps(&sampler, settings);
                optimiser = optimiser.restore(state.moments, steps, &device)?;
                (earlier_average, history) = (state.average, done);
                Network::load(job.network, settings.head, state.network, &training)?
            }
        };
        let mut network = network.freeze(&settings.trainable, job.network)?;
        if let (Some(tuning), Some(_)) = (settings.fine_tuning, job.start) {
            optimiser = optimiser.with_share(job.network.head(), tuning.rate);
            if tuning.fixed_norms {
                network = network.fix_norms(job.network);
            }
        }
        let average = (settings.average_decay > 0.0).then(|| {
            let weights = earlier_average.unwrap_or_else(|| network.valid().weights());
            Average::new(settings.average_decay, weights)
        });
        let without = |(class, count): (usize, &usize)| (*count == 0).then_some(class);
        let facts = RunFacts {
            version: env!("CARGO_PKG_VERSION"),
            seed: settings.seed,
            device: settings.device.to_string(),
            threads: rayon::current_num_threads(),
            parameters: network.model.trainable_parameters(),
            train_counts: data.train_counts.clone(),
            drawn_counts: sampler.counts(),
            valid_counts: data.valid_counts.clone(),
            classes_without_samples: (data.train_counts.iter().enumerate())
                .filter_map(without)
                .collect(),
            constant_columns,
            data_digest: data.digest.clone(),
            resumed_after: history.len(),
        };
        Ok(Self {
            job,
            data,
            losses,
            sampler,
            device,
            network,
            optimiser,
            average,
            history,
            facts,
            clock: Instant::now(),
            started: SystemTime::now(),
        })
    }

    /// Trains and validates one epoch and writes its checkpoint.
    fn epoch(&mut self, progress: &mut dyn Progress, stop: &AtomicBool) -> Result<(), TrainError> {
        let (learning_rate, train_loss, train_accuracy) = self.train_epoch(progress, stop)?;
        let network = self.network.valid();
        let tried = match &self.average {
            None => network.clone(),
            Some(average) => {
                let (config, head) = (self.job.network, self.job.settings.head);
                Network::load(config, head, average.weights.clone(), &self.device)?
            }
        };
        let (valid_loss, confusion) = self.validate(&tried, stop)?;
        let metrics = EpochMetrics {
            epoch: self.history.len() + 1,
            learning_rate,
            train_loss,
            train_accuracy,
            valid_loss,
            valid_accuracy: confusion.accuracy(),
            valid_balanced_accuracy: confusion.balanced_accuracy(),
            valid_quadratic_kappa: confusion.quadratic_kappa(),
            valid_macro_mae: confusion.macro_mae(),
        };
        self.history.push(metrics.clone());
        let best = best_epoch(&self.history, self.job.settings.selection)
            .is_some_and(|b| b.epoch == metrics.epoch);

        let document = self.document()?;
        // The best network goes first: killed in between, the run takes up the epoch before and
        // writes the same bytes again.
        if best {
            checkpoint::write_best(self.job.run, &tried.weights(), &document)?;
        }
        let state = State {
            network: network.weights(),
            moments: self.optimiser.state(),
            average: self.average.as_ref().map(|average| average.weights.clone()),
        };
        checkpoint::write_last(self.job.run, state, &document)?;
        self.write_metrics()?;
        self.write_facts(false)?;
        progress.epoch(&metrics, best);
        Ok(())
    }

    /// One pass over the training samples: last learning rate, mean loss, accuracy.
    fn train_epoch(
        &mut self,
        progress: &mut dyn Progress,
        stop: &AtomicBool,
    ) -> Result<(f64, f64, f64), TrainError> {
        let job = self.job;
        let settings = job.settings;
        let done = self.history.len();
        let plan = self.sampler.plan(done);
        let steps = plan.steps().div_ceil(settings.accumulate);
        let mut pending = Pending::default();
        let augment = settings.augment.then_some((settings.seed, done));
        let training = self.device.clone().autodiff();
        let criterion = &self.losses[usize::from(done >= settings.unweighted_epochs())];
        let mut confusion = Confusion::new(job.network.classes());
        let (mut sum, mut weight, mut rate) = (0.0, 0.0, 0.0);
        for_each_batch(job.train, &plan, augment, |batch| {
            if stop.load(Ordering::Relaxed) {
                return Err(TrainError::Interrupted { epochs: done });
            }
            let step = done * steps + batch.step / settings.accumulate;
            rate = settings.learning_rate_at(step, steps);
            let input = to_device(batch.values, batch.labels.len(), &training);
            let place = done * plan.steps() + batch.step;
            let dropout = derive_seed(settings.seed, "dropout", &[place as u64]);
            let output = self.network.forward(input, Some(dropout));
            let loss = criterion.loss(output.logits.clone(), &batch.labels)?;
            let logits = to_host(output.logits.inner());
            let (batch_sum, batch_weight) = criterion.sums(&logits, &batch.labels)?;
            sum += batch_sum;
            weight += batch_weight;
            if !sum.is_finite() {
                return Err(TrainError::Diverged {
                    epoch: done + 1,
                    part: "training",
                    loss: sum,
                    learning_rate: rate,
                });
            }
            confusion.add(&logits, &batch.labels);
            let mut gradients = self.network.gradients(&loss.backward());
            if settings.accumulate > 1 {
                pending.add(gradients, batch_weight);
                let is_last = batch.step + 1 == plan.steps();
                if pending.batches() < settings.accumulate && !is_last {
                    progress.batch(done + 1, batch.step + 1, plan.steps());
                    return Ok(ControlFlow::Continue(()));
                }
                gradients = pending.take();
            }
            self.network = self.network.step(&mut self.optimiser, &gradients, rate);
            if let Some(average) = &mut self.average {
                average.update(&self.network.valid().weights(), self.optimiser.steps());
            }
            progress.batch(done + 1, batch.step + 1, plan.steps());
            Ok(ControlFlow::Continue(()))
        })?;
        Ok((rate, sum / weight, confusion.accuracy()))
    }

    /// Mean loss and confusion table of the validation samples.
    fn validate(
        &self,
        network: &Network,
        stop: &AtomicBool,
    ) -> Result<(f64, Confusion), TrainError> {
        let (job, done) = (self.job, self.history.len());
        let plan = Plan::in_order(job.valid.len(), job.settings.batch_size);
        // One yardstick for all epochs: the weighted loss.
        let criterion = &self.losses[1];
        let mut confusion = Confusion::new(job.network.classes());
        let (mut sum, mut weight) = (0.0, 0.0);
        evaluate(network, &self.device, job.valid, &plan, |labels, output| {
            if stop.load(Ordering::Relaxed) {
                return Err(TrainError::Interrupted { epochs: done });
            }
            let logits = to_host(output.logits);
            let (batch_sum, batch_weight) = criterion.sums(&logits, labels)?;
            sum += batch_sum;
            weight += batch_weight;
            confusion.add(&logits, labels);
            Ok(ControlFlow::Continue(()))
        })?;
        let loss = sum / weight;
        if loss.is_finite() {
            return Ok((loss, confusion));
        }
        Err(TrainError::Diverged {
            epoch: done + 1,
            part: "validation",
            loss,
            learning_rate: job.settings.learning_rate,
        })
    }

    fn document(&self) -> Result<String, TrainError> {
        let document = Document {
            schema: SCHEMA.to_owned(),
            checksum: NO_CHECKSUM.to_owned(),
            network: self.job.network.clone(),
            settings: self.job.settings.clone(),
            data: self.data.clone(),
            start: start_hash(self.job)?,
            history: self.history.clone(),
        };
        to_json(self.job.run, &document)
    }

    fn write_metrics(&self) -> Result<(), TrainError> {
        let mut lines = String::new();
        for metrics in &self.history {
            lines.push_str(&to_json(self.job.run, metrics)?);
            lines.push('\n');
        }
        self.job.run.write("metrics.jsonl", lines.as_bytes())
    }

    fn write_settings(&self) -> Result<(), TrainError> {
        #[derive(Serialize)]
        struct Config<'a> {
            network: &'a ModelConfig,
            training: &'a TrainSettings,
        }
        let config = Config {
            network: self.job.network,
            training: self.job.settings,
        };
        let text = toml::to_string_pretty(&config)
            .map_err(|e| unwritable(self.job.run, "config.toml", &e))?;
        self.job.run.write("config.toml", text.as_bytes())
    }

    /// `run.json`: the only file of a run that says how long something took.
    fn write_facts(&self, finished: bool) -> Result<(), TrainError> {
        #[derive(Serialize)]
        struct Facts<'a> {
            schema: &'static str,
            #[serde(flatten)]
            facts: &'a RunFacts,
            finished: bool,
            epochs: usize,
            best_epoch: Option<usize>,
            started_unix: u64,
            seconds: f64,
        }
        let selection = self.job.settings.selection;
        let since = self.started.duration_since(UNIX_EPOCH);
        let facts = Facts {
            schema: "cohort.run/1",
            facts: &self.facts,
            finished,
            epochs: self.history.len(),
            best_epoch: best_epoch(&self.history, selection).map(|m| m.epoch),
            started_unix: since.map_or(0, |d| d.as_secs()),
            seconds: self.clock.elapsed().as_secs_f64(),
        };
        let mut text = serde_json::to_string_pretty(&facts)
            .map_err(|e| unwritable(self.job.run, "run.json", &e))?;
        text.push('\n');
        self.job.run.write("run.json", text.as_bytes())
    }
}

/// The last checkpoint of the run folder, if there is one and it belongs to this job.
fn earlier(
    job: &Job<'_>,
    data: &DataFacts,
) -> Result<Option<(State, Vec<EpochMetrics>)>, TrainError> {
    let path = job.run.last_checkpoint();
    if !fs::exists(&path).map_err(TrainError::io("reading", &path))? {
        return Ok(None);
    }
    let (all, document, _) = checkpoint::read(&path)?;
    if !job.resume {
        return Err(TrainError::RunExists {
            path: job.run.path().to_owned(),
            epochs: document.history.len(),
        });
    }
    same(job, "network", &document.network, job.network)?;
    same(job, "settings", &document.settings, job.settings)?;
    same(job, "data", &document.data, data)?;
    same(job, "starting weights", &document.start, &start_hash(job)?)?;
    Ok(Some((checkpoint::split(all, &path)?, document.history)))
}

/// BLAKE3 of the weights that a job begins from, if it is given any.
fn start_hash(job: &Job<'_>) -> Result<Option<String>, TrainError> {
    let Some(start) = job.start else {
        return Ok(None);
    };
    let bytes = start.to_safetensors("")?;
    Ok(Some(blake3::hash(&bytes).to_hex().to_string()))
}

fn same<T: PartialEq + std::fmt::Debug>(
    job: &Job<'_>,
    what: &'static str,
    expected: &T,
    found: &T,
) -> Result<(), TrainError> {
    if expected == found {
        return Ok(());
    }
    Err(TrainError::ResumeMismatch {
        path: job.run.path().to_owned(),
        what,
        expected: format!("{expected:?}"),
        found: format!("{found:?}"),
    })
}

/// Mean and standard deviation of the training samples as they are, without augmentation.
fn moments(job: &Job<'_>, stop: &AtomicBool) -> Result<Moments, TrainError> {
    let width: usize = job.train.shape().iter().product();
    let mut moments = Moments::new(width);
    let plan = Plan::in_order(job.train.len(), job.settings.batch_size);
    for_each_batch(job.train, &plan, None, |batch| {
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

/// Steps of the optimiser in an epoch.
fn steps(sampler: &Sampler, settings: &TrainSettings) -> usize {
    sampler.plan(0).steps().div_ceil(settings.accumulate)
}

fn to_json<T: Serialize>(run: &RunFolder, value: &T) -> Result<String, TrainError> {
    serde_json::to_string(value).map_err(|e| unwritable(run, "checkpoint", &e))
}

fn unwritable(run: &RunFolder, name: &str, reason: &dyn std::fmt::Display) -> TrainError {
    TrainError::Format {
        path: run.path().join(name),
        expected: "values that can be written",
        found: reason.to_string(),
    }
}
