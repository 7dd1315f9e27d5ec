//! What the loop does not know: samples, network, loss and measures.

use std::fmt::Debug;
use std::sync::atomic::AtomicBool;

use cohort_eval::{Change, EpochMetrics};
use cohort_nn::ModuleWeights;
use cohort_nn::burn::module::Module;
use cohort_nn::burn::tensor::{Device, Gradients, Tensor};
use cohort_weights::Weights;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::TrainError;
use crate::gradients::NamedGradients;
use crate::history::{Criterion, Metrics};
use crate::optimiser::Optimiser;
use crate::plan::{Augment, Draw, Plan};
use crate::settings::FitSettings;

/// A kind of training: what a sample is and how a batch is made, which network learns, what is minimised, what is measured
/// and which measure selects the epoch that is kept. [`crate::fit`] does the rest: epochs, steps, schedule, averaging,
/// checkpoints and going on after a kill.
///
/// Everything random must be a function of the arguments (the loop hands out seeds), so that a run gives the same bytes
/// whatever the number of threads and however often it was resumed.
pub trait Task: Sync {
    /// A batch as threads make it ahead of time: plain data, of any number and length of parts.
    type Batch: Send;
    /// What learns.
    type Network: Network;
    /// What decides a run besides the loop's own doing: the network's description, the settings and what identifies the
    /// samples. It stands in every checkpoint, and a run goes on only with an equal one.
    type Record: Serialize + DeserializeOwned + PartialEq;
    /// What is known when a run starts, for [`Observer`] and `run.json`.
    type Facts: Serialize;

    /// The loop's settings, checked.
    fn settings(&self) -> &FitSettings;

    /// What decides the run.
    fn record(&self) -> &Self::Record;

    /// The first part in which an earlier run's record differs from this one's.
    fn difference(&self, earlier: &Self::Record) -> Option<Difference>;

    /// `config.toml`: the record as people read it.
    ///
    /// # Errors
    /// The reason why it cannot be written.
    fn config(&self) -> Result<String, String>;

    /// The measure that selects the epoch which is kept.
    fn criterion(&self) -> Criterion;

    /// Epochs before patience counts, such as those with another loss than the rest. Default none.
    fn patience_begins(&self) -> usize {
        0
    }

    /// Changes of the task in the course of the epochs, which show in its curves. Default none.
    fn changes(&self) -> Vec<Change> {
        Vec::new()
    }

    /// The network as the run begins, ready to learn (see [`Self::prepare`]), with weights from `seed`.
    ///
    /// # Errors
    /// A setting or a sample that does not fit the network.
    fn init(
        &self,
        seed: u64,
        device: &Device,
        stop: &AtomicBool,
    ) -> Result<Self::Network, TrainError>;

    /// The network with given weights, as [`Network::weights`] gave them.
    ///
    /// # Errors
    /// Weights of another network.
    fn load(&self, weights: Weights, device: &Device) -> Result<Self::Network, TrainError>;

    /// Makes a network that was initialised or loaded ready to learn: layers that stay as they are, for instance. Default:
    /// nothing to do.
    ///
    /// # Errors
    /// A setting that does not fit the network.
    fn prepare(&self, network: Self::Network) -> Result<Self::Network, TrainError> {
        Ok(network)
    }

    /// The optimiser of a fresh run: layers that learn at another rate, for instance.
    fn optimiser(&self) -> Optimiser {
        Optimiser::new(self.settings())
    }

    /// What the task itself keeps from step to step besides the network, such as a memory of earlier batches; it stands in the
    /// checkpoint that a run goes on from. Default nothing.
    fn carried(&self) -> Weights {
        Weights::default()
    }

    /// Takes up what [`Self::carried`] gave, before the first step; nothing where a run begins. Default: nothing to do.
    ///
    /// # Errors
    /// What another task kept.
    fn carry(&self, _state: Weights) -> Result<(), TrainError> {
        Ok(())
    }

    /// What is known when the run starts, `resumed_after` epochs of an earlier call.
    ///
    /// # Errors
    /// A bad sample, or [`TrainError::Interrupted`] when `stop` was raised.
    fn facts(
        &self,
        network: &Self::Network,
        resumed_after: usize,
        stop: &AtomicBool,
    ) -> Result<Self::Facts, TrainError>;

    /// The batches of an epoch (from 0).
    fn plan(&self, epoch: usize) -> Plan;

    /// Makes a training batch; called ahead of time, from another thread.
    ///
    /// # Errors
    /// [`TrainError::Sample`] or [`TrainError::NotFinite`] for a bad sample.
    fn batch(&self, draws: &[Draw], augment: Augment) -> Result<Self::Batch, TrainError>;

    /// The loss of a batch, with gradients, and what is measured on the way.
    ///
    /// # Errors
    /// A batch that does not fit the loss.
    fn loss(
        &self,
        network: &Self::Network,
        batch: Self::Batch,
        at: Moment<'_>,
    ) -> Result<Loss, TrainError>;

    /// Measures a network in evaluation form after an epoch; named values, of which `valid_loss` must be one.
    ///
    /// # Errors
    /// A bad sample, or [`TrainError::Interrupted`] when `stop` was raised.
    fn validate(
        &self,
        network: &Self::Network,
        at: Moment<'_>,
        stop: &AtomicBool,
    ) -> Result<Metrics, TrainError>;
}

/// What learns: a module, or several under names of their own.
pub trait Network: Clone {
    /// In evaluation form: no gradients, no dropout, norms by their running statistics.
    fn valid(&self) -> Self;

    /// Everything that is kept of a network in evaluation form, by name.
    fn weights(&self) -> Weights;

    /// The gradients of all parameters that have one, by the same names.
    fn gradients(&self, gradients: &Gradients) -> NamedGradients;

    /// After a step of the optimiser.
    fn step(&self, optimiser: &mut Optimiser, gradients: &NamedGradients, rate: f64) -> Self;
}

/// A network that is one module.
#[derive(Debug, Clone)]
pub struct Single<M>(
    /// The module.
    pub M,
);

impl<M: Module> Network for Single<M> {
    fn valid(&self) -> Self {
        Self(self.0.valid())
    }

    fn weights(&self) -> Weights {
        Weights::collect(&self.0)
    }

    fn gradients(&self, gradients: &Gradients) -> NamedGradients {
        let mut named = NamedGradients::default();
        named.collect(&self.0, "", gradients);
        named
    }

    fn step(&self, optimiser: &mut Optimiser, gradients: &NamedGradients, rate: f64) -> Self {
        let scale = optimiser.begin(gradients);
        Self(optimiser.update(self.0.clone(), "", gradients, scale, rate))
    }
}

/// Where the loop stands when it asks for a loss or for measures.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// Epochs that are done.
    pub epochs: usize,
    /// Seed of everything random in this step: dropout, noise, negatives.
    pub seed: u64,
    /// Where to compute.
    pub device: &'a Device,
}

/// The loss of a batch.
#[derive(Debug, Clone)]
pub struct Loss {
    /// What is minimised: one value with gradients.
    pub value: Tensor<1>,
    /// The same as a sum and what it is divided by, so that an epoch's mean is over samples and not over batches.
    pub sum: f64,
    /// What the sum is divided by; the batch's weight among those of one step.
    pub weight: f64,
    /// Further measures of the batch: name, sum and count. Recorded as `train_NAME`, the epoch's mean.
    pub measures: Vec<(&'static str, f64, f64)>,
}

/// A part in which two records differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `network`, `settings` or `data`.
    pub what: &'static str,
    /// What the earlier run has.
    pub expected: String,
    /// What this one has.
    pub found: String,
}

impl Difference {
    /// Compares one part; `None` when equal.
    pub fn of<T: PartialEq + Debug>(what: &'static str, expected: &T, found: &T) -> Option<Self> {
        (expected != found).then(|| Self {
            what,
            expected: format!("{expected:?}"),
            found: format!("{found:?}"),
        })
    }
}

/// Watches a run. Every method does nothing unless it is implemented. `F` is the task's facts.
pub trait Observer<F> {
    /// The run starts or goes on.
    fn start(&mut self, _facts: &F) {}
    /// A training batch is done: epoch from 1, batches done and in all.
    fn batch(&mut self, _epoch: usize, _done: usize, _all: usize) {}
    /// An epoch is done; `best` says whether it is the best so far.
    fn epoch(&mut self, _metrics: &EpochMetrics, _best: bool) {}
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl<F> Observer<F> for Unobserved {}
