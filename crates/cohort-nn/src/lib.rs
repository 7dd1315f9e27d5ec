//! Networks, losses and weights as Burn modules.
//!
//! This crate knows no data set and no training loop. A [`ModelConfig`] describes a network as
//! plain data, [`ModelConfig::init`] builds it with seeded weights, [`Model::forward`] maps a
//! batch of flat samples to logits and embeddings, [`CrossEntropy`] scores them, and
//! [`ModuleWeights`] moves parameters in and out as plain arrays ([`cohort_weights::Weights`]).
//! Weights that others trained come in through [`cohort_weights::Checkpoint`] and
//! [`load`](fn@load), which reports every tensor that did not fit. What can be computed without
//! Burn is in crates of its own: kernels in `cohort-kernels`, files of weights in
//! `cohort-weights`, downloads in `cohort-hub`.
//!
//! All randomness (initial weights, dropout) comes from explicit seeds and the ChaCha8
//! generator, never from a back end's global generator, so that a run can be repeated or
//! resumed bit for bit and several trainings may share a process.

#![warn(missing_docs)]

mod activation;
mod backbone;
mod bert;
mod block;
mod checks;
pub mod clip;
mod cnn;
mod conv_norm;
mod device;
mod dropout;
mod efficientnet_lite;
mod error;
pub mod fast;
mod frozen;
mod inception_resnet;
mod init;
mod joint;
mod json;
mod load;
mod loss;
mod loss_weights;
pub mod metric;
mod mlp;
mod mobilefacenet;
mod model;
mod mtcnn;
mod ordinal;
mod output;
mod packed;
mod resnet;
mod standardise;
mod state;
mod three_paths;
#[cfg(feature = "whisper")]
mod whisper;

pub use activation::Activation;
pub use backbone::{Backbone, PictureInput};
pub use bert::{
    Bert, BertConfig, BertFolder, BertTail, BertTailConfig, EncoderChanges, PackedBert, Pooling,
    SentenceEncoder, bucket,
};
pub use burn;
pub use cnn::{CompactCnn, CompactCnnConfig};
pub use device::DeviceChoice;
pub use efficientnet_lite::{EfficientNetLite, EfficientNetLiteConfig};
pub use error::NnError;
pub use inception_resnet::{InceptionResnetV1, InceptionResnetV1Config};
pub use init::derive_seed;
pub use joint::{Joint, JointConfig, JointInput, JointKind};
pub use load::{LoadReport, Misfit, Naming, load};
pub use loss::CrossEntropy;
pub use loss_weights::{ClassWeights, class_weights};
pub use mlp::{Mlp, MlpConfig};
pub use mobilefacenet::{MobileFaceNet, MobileFaceNetConfig};
pub use model::{Model, ModelConfig};
pub use mtcnn::{Face, Mtcnn, MtcnnSettings};
pub use ordinal::CumulativeLink;
pub use output::Output;
pub use resnet::{Resnet, ResnetConfig};
pub use standardise::Moments;
pub use state::ModuleWeights;
pub use three_paths::{ThreePaths, ThreePathsConfig};
#[cfg(feature = "whisper")]
pub use whisper::{
    Greedy, Memory, Spoken, Transcriber, Transcript, Vocabulary, Whisper, WhisperConfig,
    WhisperFolder,
};
