//! Whisper's encoder: a log-mel spectrogram to one vector for every second frame.

use burn::module::Module;
use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{
    Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig, PaddingConfig1d,
};
use burn::tensor::activation::gelu;
use burn::tensor::{Device, Tensor};

use super::attention::Attention;
use crate::{Activation, WhisperConfig};

/// The encoder. Fields are named as in the published files.
#[derive(Module, Debug)]
pub(super) struct Encoder {
    conv1: Conv1d,
    conv2: Conv1d,
    embed_positions: Embedding,
    layers: Vec<Layer>,
    layer_norm: LayerNorm,
    #[module(skip)]
    activation: Activation,
}

#[derive(Module, Debug)]
struct Layer {
    self_attn: Attention,
    self_attn_layer_norm: LayerNorm,
    fc1: Linear,
    fc2: Linear,
    final_layer_norm: LayerNorm,
}

impl Encoder {
    pub(super) fn new(config: &WhisperConfig, device: &Device) -> Self {
        let width = config.d_model;
        let norm = || LayerNormConfig::new(width).init(device);
        let convolution = |inputs, stride| {
            Conv1dConfig::new(inputs, width, 3)
                .with_stride(stride)
                .with_padding(PaddingConfig1d::Explicit(1, 1))
                .init(device)
        };
        let layers = (0..config.encoder_layers).map(|_| Layer {
            self_attn: Attention::new(width, config.encoder_attention_heads, device),
            self_attn_layer_norm: norm(),
            fc1: LinearConfig::new(width, config.encoder_ffn_dim).init(device),
            fc2: LinearConfig::new(config.encoder_ffn_dim, width).init(device),
            final_layer_norm: norm(),
        });
        Self {
            conv1: convolution(config.num_mel_bins, 1),
            conv2: convolution(width, 2),
            embed_positions: EmbeddingConfig::new(config.max_source_positions, width).init(device),
            layers: layers.collect(),
            layer_norm: norm(),
            activation: config.activation_function,
        }
    }

    /// `[batch, mels, frames]` to `[batch, frames / 2, width]`.
    pub(super) fn forward(&self, mel: Tensor<3>) -> Tensor<3> {
        let x = gelu(self.conv1.forward(mel));
        let x = gelu(self.conv2.forward(x)).swap_dims(1, 2);
        let mut x = x + self.embed_positions.weight.val().unsqueeze();
        for layer in &self.layers {
            let normed = layer.self_attn_layer_norm.forward(x.clone());
            let seen = layer.self_attn.see(normed.clone());
            x = x + layer.self_attn.forward(normed, &seen, None);
            let normed = layer.final_layer_norm.forward(x.clone());
            let wide = self.activation.of(layer.fc1.forward(normed));
            x = x + layer.fc2.forward(wide);
        }
        self.layer_norm.forward(x)
    }
}
