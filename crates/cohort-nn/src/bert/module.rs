//! BERT as a Burn module.

use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::{gelu, gelu_approximate, relu, softmax};
use burn::tensor::{Device, Int, Tensor};

use super::names::Named;
use crate::{Activation, BertConfig, NnError, Weights};

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

#[derive(Module, Debug)]
struct Layer {
    attention: Attention,
    attention_norm: LayerNorm,
    up: Linear,
    down: Linear,
    norm: LayerNorm,
}

#[derive(Module, Debug)]
struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    heads: usize,
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
        let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(device);
        let embedding = |count| EmbeddingConfig::new(count, h).init(device);
        let norm = || {
            LayerNormConfig::new(h)
                .with_epsilon(config.layer_norm_eps)
                .init(device)
        };
        let layers = (0..config.num_hidden_layers).map(|_| Layer {
            attention: Attention {
                query: linear(h, h),
                key: linear(h, h),
                value: linear(h, h),
                output: linear(h, h),
                heads: config.num_attention_heads,
            },
            attention_norm: norm(),
            up: linear(h, config.intermediate_size),
            down: linear(config.intermediate_size, h),
            norm: norm(),
        });
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
        Named::new(config, weights)?.into_module().apply(module)
    }

    /// Token ids `[batch, tokens]` and their mask (1 a token, 0 padding) to token vectors `[batch, tokens, H]`.
    ///
    /// All tokens are of the first segment. Vectors of padding hold nothing of use.
    pub fn forward(&self, ids: Tensor<2, Int>, mask: Tensor<2>) -> Tensor<3> {
        let mut x = self.embeddings.forward(ids);
        let [batch, tokens] = mask.dims();
        // a large negative score: softmax gives padding no weight
        let bias = ((mask - 1.0) * 1e9).reshape([batch, 1, 1, tokens]);
        for layer in &self.layers {
            let attended = layer.attention.forward(x.clone(), bias.clone());
            x = layer.attention_norm.forward(x + attended);
            let wide = layer.up.forward(x.clone());
            let wide = match self.activation {
                Activation::Gelu => gelu(wide),
                Activation::GeluNew => gelu_approximate(wide),
                Activation::Relu => relu(wide),
            };
            x = layer.norm.forward(x + layer.down.forward(wide));
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

impl Attention {
    /// `x` is `[batch, tokens, H]`, `bias` `[batch, 1, 1, tokens]`.
    fn forward(&self, x: Tensor<3>, bias: Tensor<4>) -> Tensor<3> {
        let [batch, tokens, h] = x.dims();
        let width = h / self.heads;
        let split = |x: Tensor<3>| {
            x.reshape([batch, tokens, self.heads, width])
                .swap_dims(1, 2)
        };
        let query = split(self.query.forward(x.clone()));
        let key = split(self.key.forward(x.clone()));
        let value = split(self.value.forward(x));
        let scores = query.matmul(key.swap_dims(2, 3)) / (width as f64).sqrt() + bias;
        let mixed = softmax(scores, 3).matmul(value);
        self.output
            .forward(mixed.swap_dims(1, 2).reshape([batch, tokens, h]))
    }
}
