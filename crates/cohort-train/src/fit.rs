//! The training loop, which knows no task.

use std::fs;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use cohort_eval::{TRAIN_LOSS, TRAINING_SCHEMA, TrainingRecord};
use cohort_nn::burn::tensor::Device;
use cohort_nn::derive_seed;
use cohort_weights::Weights;
use serde::Serialize;

use crate::average::Average;
use crate::batches::for_each_batch;
use crate::checkpoint::{self, Document, NO_CHECKSUM, SCHEMA, State};
use crate::gradients::Pending;
use crate::history::{Metrics, is_over};
use crate::optimiser::Optimiser;
use crate::task::{Loss, Moment, Network, Observer, Task};
use crate::{EpochMetrics, RunFolder, TrainError, best_epoch};

/// Trains a task's network in a run folder, which then holds the network of the best epoch.
///
/// A checkpoint is written after every epoch; `stop` is looked at before every batch. With `resume` a run that was begun
/// goes on, one that has not begun begins, and one that is finished is left as it is.
///
/// # Errors
/// [`TrainError::Settings`] when a setting is out of its range; [`TrainError::RunExists`] and
/// [`TrainError::ResumeMismatch`] when the run folder holds another run; [`TrainError::Diverged`];
/// [`TrainError::Interrupted`] after `stop` was raised; [`TrainError::Io`]; and what the task's own methods give.
pub fn fit<T: Task>(
    task: &T,
    run: &RunFolder,
    resume: bool,
    progress: &mut dyn Observer<T::Facts>,
    stop: &AtomicBool,
) -> Result<(), TrainError> {
    task.settings().validate()?;
    let mut fit = Fit::begin(task, run, resume, stop)?;
    fit.write_config()?;
    fit.write_metrics()?;
    progress.start(&fit.facts);
    while !fit.is_over() {
        fit.epoch(progress, stop)?;
    }
    fit.write_facts(true)
}

/// A run in progress.
struct Fit<'a, T: Task> {
    task: &'a T,
    run: &'a RunFolder,
    device: Device,
    network: T::Network,
    optimiser: Optimiser,
    average: Option<Average>,
    history: Vec<EpochMetrics>,
    facts: T::Facts,
    clock: Instant,
    started: SystemTime,
}

impl<'a, T: Task> Fit<'a, T> {
    /// Starts afresh or takes up the last checkpoint.
    fn begin(
        task: &'a T,
        run: &'a RunFolder,
        resume: bool,
        stop: &AtomicBool,
    ) -> Result<Self, TrainError> {
        let settings = task.settings();
        let device = settings.device.device()?;
        let training = device.clone().autodiff();
        let mut optimiser = task.optimiser();
        let (mut earlier_average, mut history) = (None, Vec::new());
        let mut carried = Weights::default();
        let network = match earlier(task, run, resume)? {
            None => task.init(derive_seed(settings.seed, "weights", &[]), &training, stop)?,
            Some((state, done)) => {
                let steps = task.plan(0).steps().div_ceil(settings.accumulate);
                optimiser = optimiser.restore(state.moments, done.len() * steps, &device)?;
                (earlier_average, history) = (state.average, done);
                carried = state.carried;
                task.load(state.network, &training)?
            }
        };
        task.carry(carried)?;
        let network = task.prepare(network)?;
        let average = (settings.average_decay > 0.0).then(|| {
            let weights = earlier_average.unwrap_or_else(|| network.valid().weights());
            Average::new(settings.average_decay, weights)
        });
        Ok(Self {
            task,
            run,
            device,
            facts: task.facts(&network, history.len(), stop)?,
            network,
            optimiser,
            average,
            history,
            clock: Instant::now(),
            started: SystemTime::now(),
        })
    }

    fn is_over(&self) -> bool {
        let settings = self.task.settings();
        let most = (settings.epochs, settings.patience);
        is_over(
            &self.history,
            self.task.criterion(),
            most,
            self.task.patience_begins(),
        )
    }

    /// Trains and validates one epoch and writes its checkpoint.
    fn epoch(
        &mut self,
        progress: &mut dyn Observer<T::Facts>,
        stop: &AtomicBool,
    ) -> Result<(), TrainError> {
        let (learning_rate, mut values) = self.train_epoch(progress, stop)?;
        let network = self.network.valid();
        let tried = match &self.average {
            None => network.clone(),
            Some(average) => self.task.load(average.weights.clone(), &self.device)?,
        };
        values.extend(self.validate(&tried, stop)?);
        let metrics = EpochMetrics {
            epoch: self.history.len() + 1,
            learning_rate,
            values,
        };
        self.history.push(metrics.clone());
        let best = best_epoch(&self.history, self.task.criterion())
            .is_some_and(|b| b.epoch == metrics.epoch);

        let document = self.document()?;
        // The best network goes first: killed in between, the run takes up the epoch before and
        // writes the same bytes again.
        if best {
            checkpoint::write_best(self.run, &tried.weights(), &document)?;
        }
        let state = State {
            network: network.weights(),
            moments: self.optimiser.state(),
            average: self.average.as_ref().map(|average| average.weights.clone()),
            carried: self.task.carried(),
        };
        checkpoint::write_last(self.run, state, &document)?;
        self.write_metrics()?;
        self.write_facts(false)?;
        progress.epoch(&metrics, best);
        Ok(())
    }

    /// One pass over the training samples: last learning rate, mean loss and further means.
    fn train_epoch(
        &mut self,
        progress: &mut dyn Observer<T::Facts>,
        stop: &AtomicBool,
    ) -> Result<(f64, Metrics), TrainError> {
        let task = self.task;
        let settings = task.settings();
        let done = self.history.len();
        let plan = task.plan(done);
        let steps = plan.steps().div_ceil(settings.accumulate);
        let mut pending = Pending::default();
        let augment = settings.augment.then_some((settings.seed, done));
        let training = self.device.clone().autodiff();
        let mut means = Means::default();
        let mut rate = 0.0;
        for_each_batch(
            &plan,
            |draws| task.batch(draws, augment),
            |at, batch| {
                if stop.load(Ordering::Relaxed) {
                    return Err(TrainError::Interrupted { epochs: done });
                }
                rate = settings.learning_rate_at(done * steps + at / settings.accumulate, steps);
                let place = done * plan.steps() + at;
                let moment = Moment {
                    epochs: done,
                    seed: derive_seed(settings.seed, "dropout", &[place as u64]),
                    device: &training,
                };
                let loss = task.loss(&self.network, batch, moment)?;
                means.add(&loss);
                if !means.loss.0.is_finite() {
                    return Err(TrainError::Diverged {
                        epoch: done + 1,
                        part: "training",
                        loss: means.loss.0,
                        learning_rate: rate,
                    });
                }
                let mut gradients = self.network.gradients(&loss.value.backward());
                if settings.accumulate > 1 {
                    pending.add(gradients, loss.weight);
                    let is_last = at + 1 == plan.steps();
                    if pending.batches() < settings.accumulate && !is_last {
                        progress.batch(done + 1, at + 1, plan.steps());
                        return Ok(ControlFlow::Continue(()));
                    }
                    gradients = pending.take();
                }
                self.network = self.network.step(&mut self.optimiser, &gradients, rate);
                if let Some(average) = &mut self.average {
                    average.update(&self.network.valid().weights(), self.optimiser.steps());
                }
                progress.batch(done + 1, at + 1, plan.steps());
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok((rate, means.into_metrics()))
    }

    /// The task's measures, among which there must be a finite loss.
    fn validate(&self, network: &T::Network, stop: &AtomicBool) -> Result<Metrics, TrainError> {
        let (settings, done) = (self.task.settings(), self.history.len());
        let moment = Moment {
            epochs: done,
            seed: derive_seed(settings.seed, "validation", &[]),
            device: &self.device,
        };
        let values = self.task.validate(network, moment, stop)?;
        let metrics = EpochMetrics {
            epoch: done + 1,
            learning_rate: settings.learning_rate,
            values,
        };
        if metrics.valid_loss().is_finite() {
            return Ok(metrics.values);
        }
        Err(TrainError::Diverged {
            epoch: done + 1,
            part: "validation",
            loss: metrics.valid_loss(),
            learning_rate: settings.learning_rate,
        })
    }

    fn document(&self) -> Result<String, TrainError> {
        let document = Document {
            schema: SCHEMA.to_owned(),
            checksum: NO_CHECKSUM.to_owned(),
            record: self.task.record(),
            history: self.history.clone(),
        };
        to_json(self.run, &document)
    }

    fn write_metrics(&self) -> Result<(), TrainError> {
        let mut lines = String::new();
        for metrics in &self.history {
            lines.push_str(&to_json(self.run, metrics)?);
            lines.push('\n');
        }
        self.run.write("metrics.jsonl", lines.as_bytes())
    }

    fn write_config(&self) -> Result<(), TrainError> {
        let text = self.task.config();
        let text = text.map_err(|reason| unwritable(self.run, "config.toml", &reason))?;
        self.run.write("config.toml", text.as_bytes())
    }

    /// `run.json`: the only file of a run that says how long something took.
    fn write_facts(&self, finished: bool) -> Result<(), TrainError> {
        let since = self.started.duration_since(UNIX_EPOCH);
        let criterion = self.task.criterion();
        let facts = TrainingRecord {
            schema: TRAINING_SCHEMA.to_owned(),
            facts: &self.facts,
            finished,
            epochs: self.history.len(),
            best_epoch: best_epoch(&self.history, criterion).map(|m| m.epoch),
            selected_by: Some(criterion.metric.to_owned()),
            changes: self.task.changes(),
            started_unix: since.map_or(0, |d| d.as_secs()),
            seconds: self.clock.elapsed().as_secs_f64(),
        };
        let mut text = serde_json::to_string_pretty(&facts)
            .map_err(|e| unwritable(self.run, "run.json", &e))?;
        text.push('\n');
        self.run.write("run.json", text.as_bytes())
    }
}

/// Means over an epoch's samples.
#[derive(Default)]
struct Means {
    /// Sum and weight.
    loss: (f64, f64),
    /// By name, in the order in which the first batch gave them.
    measures: Vec<(&'static str, f64, f64)>,
}

impl Means {
    fn add(&mut self, loss: &Loss) {
        self.loss.0 += loss.sum;
        self.loss.1 += loss.weight;
        for &(name, sum, count) in &loss.measures {
            match self.measures.iter_mut().find(|(own, ..)| *own == name) {
                None => self.measures.push((name, sum, count)),
                Some((_, all, number)) => {
                    *all += sum;
                    *number += count;
                }
            }
        }
    }

    fn into_metrics(self) -> Metrics {
        let loss = (TRAIN_LOSS.to_owned(), Some(self.loss.0 / self.loss.1));
        let mean = |(name, sum, count): (&str, f64, f64)| {
            (format!("train_{name}"), (count > 0.0).then(|| sum / count))
        };
        std::iter::once(loss)
            .chain(self.measures.into_iter().map(mean))
            .collect()
    }
}

/// The last checkpoint of the run folder, if there is one and it belongs to this task.
fn earlier<T: Task>(
    task: &T,
    run: &RunFolder,
    resume: bool,
) -> Result<Option<(State, Vec<EpochMetrics>)>, TrainError> {
    let path = run.last_checkpoint();
    if !fs::exists(&path).map_err(TrainError::io("reading", &path))? {
        return Ok(None);
    }
    let (all, document, _) = checkpoint::read::<T::Record>(&path)?;
    if !resume {
        return Err(TrainError::RunExists {
            path: run.path().to_owned(),
            epochs: document.history.len(),
        });
    }
    if let Some(difference) = task.difference(&document.record) {
        return Err(TrainError::ResumeMismatch {
            path: run.path().to_owned(),
            what: difference.what,
            expected: difference.expected,
            found: difference.found,
        });
    }
    Ok(Some((checkpoint::split(all, &path)?, document.history)))
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
