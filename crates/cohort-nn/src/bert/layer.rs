//! One layer of a BERT as a Burn module.

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};

use crate::dropout::dropout;
use crate::{Activation, BertConfig};

/// Self-attention and feed-forward, each added to what came in and normalised.
#[derive(Module, Debug)]
pub(super) struct Layer {
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

/// Dropout in training: probability, seed of the forward pass, number of the layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct LayerDropout {
    pub(super) probability: f64,
    pub(super) seed: u64,
    pub(super) layer: u64,
}

impl LayerDropout {
    /// `half` is 0 for the attention and 1 for the feed-forward.
    fn apply(self, x: Tensor<3>, half: u64) -> Tensor<3> {
        let [batch, tokens, h] = x.dims();
        let rows = x.reshape([batch * tokens, h]);
        let place = 2 * self.layer + half;
        dropout(rows, self.probability, Some(self.seed), place).reshape([batch, tokens, h])
    }
}

impl Layer {
    pub(super) fn new(config: &BertConfig, device: &Device) -> Self {
        let h = config.hidden_size;
        let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(device);
        let norm = || {
            LayerNormConfig::new(h)
                .with_epsilon(config.layer_norm_eps)
                .init(device)
        };
        Self {
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
        }
    }

    #[cfg(test)]
    pub(super) fn query_weight(&self) -> Tensor<2> {
        self.attention.query.weight.val()
    }

    /// Token vectors `[batch, tokens, H]` to those of the next layer; `bias` as [`padding_bias`] gives it.
    pub(super) fn forward(
        &self,
        x: Tensor<3>,
        bias: Tensor<4>,
        activation: Activation,
        dropped: Option<LayerDropout>,
    ) -> Tensor<3> {
        let thin = |x: Tensor<3>, half| match dropped {
            Some(dropped) => dropped.apply(x, half),
            None => x,
        };
        let attended = thin(self.attention.forward(x.clone(), bias), 0);
        let x = self.attention_norm.forward(x + attended);
        let wide = self.up.forward(x.clone());
        let fed = thin(self.down.forward(activation.of(wide)), 1);
        self.norm.forward(x + fed)
    }
}

/// A mask `[batch, tokens]` (1 a token, 0 padding) as what is added to attention scores, `[batch, 1, 1, tokens]`: a large
/// negative score, to which softmax gives no weight.
pub(super) fn padding_bias(mask: Tensor<2>) -> Tensor<4> {
    let [batch, tokens] = mask.dims();
    ((mask - 1.0) * 1e9).reshape([batch, 1, 1, tokens])
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
