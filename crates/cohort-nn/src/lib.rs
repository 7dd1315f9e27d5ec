//! Networks, losses and weights as Burn modules.
//!
//! This crate knows no data set and no training loop. A [`ModelConfig`] describes a network as
//! plain data, [`ModelConfig::init`] builds it with seeded weights, [`Model::forward`] maps a
//! batch of flat samples to logits and embeddings, [`CrossEntropy`] scores them, and
//! [`Weights`] moves parameters in and out as safetensors whose bytes depend on the values only.
//!
//! All randomness (initial weights, dropout) comes from explicit seeds and the ChaCha8
//! generator, never from a back end's global generator, so that a run can be repeated or
//! resumed bit for bit and several trainings may share a process.

#![warn(missing_docs)]

mod bert;
mod block;
mod cnn;
mod device;
mod dropout;
mod error;
pub mod fast;
mod init;
mod joint;
mod loss;
mod loss_weights;
mod mlp;
mod model;
mod ordinal;

mod standardise;
mod weights;

pub use bert::{
    Activation, Bert, BertConfig, BertFolder, EncoderChanges, PackedBert, Pooling, SentenceEncoder,
    bucket,
};
pub use burn;
pub use cnn::{CompactCnn, CompactCnnConfig};
pub use device::DeviceChoice;
pub use error::NnError;
pub use init::derive_seed;
pub use joint::{Joint, JointConfig, JointInput, JointKind};
pub use loss::CrossEntropy;
pub use loss_weights::{ClassWeights, class_weights};
pub use mlp::{Mlp, MlpConfig};
pub use model::{Model, ModelConfig, Output};
pub use ordinal::CumulativeLink;
pub use standardise::Moments;
pub use weights::{Array, Weights};
