//! Trained towers at work.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use cohort_nn::burn::tensor::Device;
use cohort_nn::{DeviceChoice, Model, ModelConfig};

use super::Record;
use super::batch::Rectified;
use super::network::Towers;
use crate::checkpoint;
use crate::classify::batch::for_each_in_order;
use crate::classify::trained::{check_shape, to_host};
use crate::{AlignSettings, EpochMetrics, Source, TrainError};

/// Samples a batch. Fixed; a vector does not depend on it, since the networks are in evaluation form.
const BATCH_SIZE: usize = 64;

/// Two towers that were trained on pairs.
#[derive(Debug)]
pub struct Aligned {
    record: Record,
    history: Vec<EpochMetrics>,
    hash: String,
    towers: Towers,
    device: Device,
}

impl Aligned {
    /// The best networks of a run folder.
    ///
    /// # Errors
    /// [`TrainError::NoModel`] when the folder holds none, [`TrainError::Format`] or [`TrainError::Network`] when it is
    /// damaged or of another kind.
    pub fn load(run: impl AsRef<Path>, device: DeviceChoice) -> Result<Self, TrainError> {
        let (weights, document, hash) = checkpoint::read_best::<Record>(run.as_ref())?;
        let device = device.device()?;
        Ok(Self {
            towers: Towers::load(&document.record, &weights, &device)?,
            record: document.record,
            history: document.history,
            hash,
            device,
        })
    }

    /// The settings of the run.
    pub fn settings(&self) -> &AlignSettings {
        &self.record.settings
    }

    /// The epochs up to the best one, which is the last of them.
    pub fn history(&self) -> &[EpochMetrics] {
        &self.history
    }

    /// BLAKE3 hash of the checkpoint, in hexadecimal.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Length of a vector.
    pub fn width(&self) -> usize {
        self.record.picture.classes()
    }

    /// The vectors of every picture, in order, row by row.
    ///
    /// # Errors
    /// [`TrainError::Data`] when the samples have another shape than the network's input, [`TrainError::Sample`] or
    /// [`TrainError::NotFinite`] for a bad sample, [`TrainError::Interrupted`] when `stop` was raised.
    pub fn pictures(&self, source: &dyn Source, stop: &AtomicBool) -> Result<Vec<f32>, TrainError> {
        self.embed(&self.towers.picture, &self.record.picture, source, stop)
    }

    /// The vectors of every caption, likewise.
    ///
    /// # Errors
    /// As [`Self::pictures`].
    pub fn captions(&self, source: &dyn Source, stop: &AtomicBool) -> Result<Vec<f32>, TrainError> {
        self.embed(&self.towers.caption, &self.record.caption, source, stop)
    }

    fn embed(
        &self,
        model: &Model,
        network: &ModelConfig,
        source: &dyn Source,
        stop: &AtomicBool,
    ) -> Result<Vec<f32>, TrainError> {
        check_shape("pairs", source, network)?;
        let rectified = Rectified(source);
        let source = match self.record.settings.rectify {
            true => &rectified,
            false => source,
        };
        let mut rows = Vec::new();
        for_each_in_order(source, BATCH_SIZE, |batch| {
            if stop.load(Ordering::Relaxed) {
                return Err(TrainError::Interrupted {
                    epochs: self.history.len(),
                });
            }
            let (input, _) = batch.into_tensor(&self.device);
            rows.extend(to_host(model.forward(input, None).logits));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(rows)
    }
}
