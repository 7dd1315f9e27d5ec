//! A trained embedding network at work.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use cohort_nn::DeviceChoice;
use cohort_nn::burn::tensor::Device;
use cohort_weights::Weights;

use crate::checkpoint;
use crate::classify::batch::for_each_in_order;
use crate::classify::trained::{check_shape, to_host};
use crate::embed::network::EmbeddingNetwork;
use crate::record::Record;
use crate::task::Network;
use crate::{EmbeddingJob, EmbeddingSettings, EpochMetrics, Source, TrainError, derive_seed};

/// Samples a batch. Fixed; a vector does not depend on it, since the network is in evaluation form.
const BATCH_SIZE: usize = 64;

/// A network that embeds samples.
#[derive(Debug)]
pub struct Embedder {
    record: Record<EmbeddingSettings>,
    history: Vec<EpochMetrics>,
    hash: String,
    network: EmbeddingNetwork,
    device: Device,
}

impl Embedder {
    /// The best network of a run folder.
    ///
    /// # Errors
    /// [`TrainError::NoModel`] when the folder holds none, [`TrainError::Format`] or [`TrainError::Network`] when it is
    /// damaged or of another kind.
    pub fn load(run: impl AsRef<Path>, device: DeviceChoice) -> Result<Self, TrainError> {
        let (weights, document, hash) =
            checkpoint::read_best::<Record<EmbeddingSettings>>(run.as_ref())?;
        let device = device.device()?;
        Ok(Self {
            network: EmbeddingNetwork::load(&document.record, weights, &device)?,
            record: document.record,
            history: document.history,
            hash,
            device,
        })
    }

    /// The network of a job as its training would begin.
    ///
    /// # Errors
    /// As [`crate::train_embedding`].
    pub fn begun(job: &EmbeddingJob<'_>, stop: &AtomicBool) -> Result<Self, TrainError> {
        let task = super::Embed::new(job)?;
        let settings = &job.settings.train;
        let device = settings.device.device()?;
        let seed = derive_seed(settings.seed, "weights", &[]);
        let training = device.clone().autodiff();
        let network = crate::Task::init(&task, seed, &training, stop)?.valid();
        let bytes = network.weights().to_safetensors("")?;
        Ok(Self {
            network,
            record: task.into_record(),
            history: Vec::new(),
            hash: blake3::hash(&bytes).to_hex().to_string(),
            device,
        })
    }

    /// The settings of the run.
    pub fn settings(&self) -> &EmbeddingSettings {
        &self.record.settings
    }

    /// The epochs up to the best one, which is the last of them; none of a network that was not trained.
    pub fn history(&self) -> &[EpochMetrics] {
        &self.history
    }

    /// Everything that is kept of the network, by name.
    pub fn weights(&self) -> Weights {
        self.network.weights()
    }

    /// BLAKE3 hash of the checkpoint (of the weights alone, where it was not trained), in hexadecimal.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The embeddings of every sample, in order and without augmentation, row by row, and their length (0 of no sample).
    ///
    /// # Errors
    /// [`TrainError::Data`] when the samples have another shape than the network's input, [`TrainError::Sample`] or
    /// [`TrainError::NotFinite`] for a bad sample, [`TrainError::Interrupted`] when `stop` was raised.
    pub fn embed(
        &self,
        source: &dyn Source,
        stop: &AtomicBool,
    ) -> Result<(Vec<f32>, usize), TrainError> {
        check_shape("embedding", source, &self.record.network)?;
        let (mut rows, mut width) = (Vec::new(), 0);
        for_each_in_order(source, BATCH_SIZE, |batch| {
            if stop.load(Ordering::Relaxed) {
                return Err(TrainError::Interrupted {
                    epochs: self.history.len(),
                });
            }
            let (input, _) = batch.into_tensor(&self.device);
            let embedding = self.network.forward(input, None);
            width = embedding.dims()[1];
            rows.extend(to_host(embedding));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok((rows, width))
    }
}
