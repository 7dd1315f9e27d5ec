//! A trained network and what it says about samples.

use std::ops::ControlFlow;
use std::path::Path;

use cohort_nn::burn::tensor::{Device, Tensor};
use cohort_nn::{DeviceChoice, ModelConfig};

use crate::checkpoint;
use crate::classify::batch::for_each_in_order;
use crate::classify::network::ClassifierNetwork;
use crate::record::Record;
use crate::{EpochMetrics, Source, TrainError, TrainSettings};

/// Samples a batch when predicting. Fixed, so that predictions do not depend on a setting.
const BATCH_SIZE: usize = 64;

/// The best network of a run, ready to predict.
#[derive(Debug)]
pub struct Trained {
    network: ModelConfig,
    settings: TrainSettings,
    history: Vec<EpochMetrics>,
    hash: String,
    model: ClassifierNetwork,
    device: Device,
}

/// What a network says about the samples of a source, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// Number of classes K.
    pub classes: usize,
    /// Row-major `[n, K]`, before softmax.
    pub logits: Vec<f32>,
    /// Width of an embedding.
    pub width: usize,
    /// Row-major `[n, width]`: what the output layer sees.
    pub embeddings: Vec<f32>,
}

impl Scores {
    /// Class probabilities, row-major `[n, K]`: the softmax of the logits, computed in `f64`.
    pub fn probabilities(&self) -> Vec<f64> {
        let mut all = Vec::with_capacity(self.logits.len());
        for row in self.logits.chunks_exact(self.classes.max(1)) {
            let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let exps: Vec<f64> = row.iter().map(|x| f64::from(x - top).exp()).collect();
            let sum: f64 = exps.iter().sum();
            all.extend(exps.iter().map(|e| e / sum));
        }
        all
    }
}

impl Trained {
    /// Loads the best network of a run folder.
    ///
    /// # Errors
    /// [`TrainError::NoModel`] when the folder holds none, [`TrainError::Format`] or
    /// [`TrainError::Network`] when it is damaged or of another version.
    pub fn load(run: impl AsRef<Path>, device: DeviceChoice) -> Result<Self, TrainError> {
        let (weights, document, hash) =
            checkpoint::read_best::<Record<TrainSettings>>(run.as_ref())?;
        let Record {
            network, settings, ..
        } = document.record;
        let device = device.device()?;
        Ok(Self {
            model: ClassifierNetwork::load(&network, settings.head, weights, &device)?,
            network,
            settings,
            history: document.history,
            hash,
            device,
        })
    }

    /// The network's description.
    pub fn network(&self) -> &ModelConfig {
        &self.network
    }

    /// The settings of the run.
    pub fn settings(&self) -> &TrainSettings {
        &self.settings
    }

    /// The epochs up to the best one, which is the last of them.
    pub fn history(&self) -> &[EpochMetrics] {
        &self.history
    }

    /// BLAKE3 hash of the checkpoint, in hexadecimal; identifies the weights in tables.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Logits and embeddings of every sample, in order and without augmentation. Holds
    /// (K + width) numbers a sample and a few batches of inputs.
    ///
    /// # Errors
    /// [`TrainError::Data`] when the samples have another shape than the network's input,
    /// [`TrainError::Sample`] or [`TrainError::NotFinite`] for a bad sample.
    pub fn predict(&self, source: &dyn Source) -> Result<Scores, TrainError> {
        check_shape("prediction", source, &self.network)?;
        let mut scores = Scores {
            classes: self.network.classes(),
            logits: Vec::with_capacity(source.len() * self.network.classes()),
            width: 0,
            embeddings: Vec::new(),
        };
        for_each_in_order(source, BATCH_SIZE, |batch| {
            let (input, _) = batch.into_tensor(&self.device);
            let output = self.model.forward(input, None);
            scores.width = output.embedding.dims()[1];
            scores.logits.extend(to_host(output.logits));
            scores.embeddings.extend(to_host(output.embedding));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(scores)
    }
}

/// Values of a tensor, row-major.
pub(crate) fn to_host(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().iter().collect()
}

/// The samples' shape must be the network's input shape.
pub(crate) fn check_shape(
    part: &'static str,
    source: &dyn Source,
    network: &ModelConfig,
) -> Result<(), TrainError> {
    if source.shape() == network.input_shape() {
        return Ok(());
    }
    Err(TrainError::Data {
        part,
        expected: format!("shape {:?}, the network's input", network.input_shape()),
        found: format!("shape {:?}", source.shape()),
    })
}
