//! BERT (Devlin et al. 2019) as a sentence encoder: any size, weights in the Hugging Face layout.
//!
//! Two computations of the same network. [`Bert`] is a Burn module on any device and works on padded batches.
//! [`PackedBert`] is for frozen weights on the CPU: the tokens of a batch stand one after another without padding, and
//! what follows a product (bias, GELU, norm) is done while the product is in the cache. Each holds the other's test.
//! [`BertTail`] is the last layers as a module with a head, to be trained on what [`PackedBert`]'s first ones give.

mod config;
mod encoder;
mod folder;
mod layer;
mod module;
mod names;
mod packed;
mod pooling;
mod tail;

pub use config::BertConfig;
pub use encoder::{SentenceEncoder, bucket};
pub use folder::{BertFolder, EncoderChanges};
pub use module::Bert;
pub use packed::PackedBert;
pub use pooling::Pooling;
pub use tail::{BertTail, BertTailConfig};
