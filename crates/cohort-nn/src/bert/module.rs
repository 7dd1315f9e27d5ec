//! BERT as a Burn module.

use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig};
use burn::tensor::{Device, Int, Tensor};

use super::layer::{Layer, padding_bias};
use super::names::{for_module, named};
use crate::{Activation, BertConfig, ModuleWeights, NnError};
use cohort_weights::Weights;

/// A BERT encoder without its pooler, in evaluation form (no dropout).
#[derive(Module, Debug)]
pub struct Bert {
    embeddings: Embeddings,
    layers: Vec<Layer>,
    #[module(skip)]
    activation: Activation,
}

#[derive(Module, Debug)]
struct Embeddings {
    words: Embedding,
    positions: Embedding,
    kinds: Embedding,
    norm: LayerNorm,
}

impl Bert {
    /// A BERT with the weights of a checkpoint, named and laid out as Hugging Face does.
    ///
    /// # Errors
    /// [`NnError::Config`] for sizes that contradict each other, [`NnError::Weights`] for a tensor that is missing,
    /// left over or of another shape.
    pub fn load(config: &BertConfig, weights: Weights, device: &Device) -> Result<Self, NnError> {
        config.validate()?;
        let h = config.hidden_size;
        let embedding = |count| EmbeddingConfig::new(count, h).init(device);
        let norm = || {
            LayerNormConfig::new(h)
                .with_epsilon(config.layer_norm_eps)
                .init(device)
        };
        let layers = (0..config.num_hidden_layers).map(|_| Layer::new(config, device));
        let module = Self {
            embeddings: Embeddings {
                words: embedding(config.vocab_size),
                positions: embedding(config.max_position_embeddings),
                kinds: embedding(config.type_vocab_size),
                norm: norm(),
            },
            layers: layers.collect(),
            activation: config.hidden_act,
        };
        for_module(named(config, weights)?).apply(module)
    }

    /// Token ids `[batch, tokens]` and their mask (1 a token, 0 padding) to token vectors `[batch, tokens, H]`.
    ///
    /// All tokens are of the first segment. Vectors of padding hold nothing of use.
    pub fn forward(&self, ids: Tensor<2, Int>, mask: Tensor<2>) -> Tensor<3> {
        let mut x = self.embeddings.forward(ids);
        let bias = padding_bias(mask);
        for layer in &self.layers {
            x = layer.forward(x, bias.clone(), self.activation, None);
        }
        x
    }
}

impl Embeddings {
    fn forward(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        let [_, tokens] = ids.dims();
        let device = ids.device();
        let positions = Tensor::<1, Int>::arange(0..tokens as i64, &device).reshape([1, tokens]);
        let kind = Tensor::<2, Int>::zeros([1, 1], &device);
        let x = self.words.forward(ids) + self.positions.forward(positions);
        self.norm.forward(x + self.kinds.forward(kind))
    }
}
