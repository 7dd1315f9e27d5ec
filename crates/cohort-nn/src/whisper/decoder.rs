//! Whisper's decoder: tokens so far and what the encoder heard to the logits of the next token.

use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::attention::{Attention, Seen};
use crate::{Activation, WhisperConfig};

/// The decoder. Fields are named as in the published files.
#[derive(Module, Debug)]
pub(super) struct Decoder {
    embed_tokens: Embedding,
    embed_positions: Embedding,
    layers: Vec<Layer>,
    layer_norm: LayerNorm,
    #[module(skip)]
    activation: Activation,
    scaled: bool,
}

#[derive(Module, Debug)]
struct Layer {
    self_attn: Attention,
    self_attn_layer_norm: LayerNorm,
    encoder_attn: Attention,
    encoder_attn_layer_norm: LayerNorm,
    fc1: Linear,
    fc2: Linear,
    final_layer_norm: LayerNorm,
}

/// What a layer remembers: the tokens so far, if any, and what was heard.
#[derive(Debug, Clone)]
pub(super) struct LayerMemory {
    own: Option<Seen>,
    heard: Seen,
}

impl Decoder {
    pub(super) fn new(config: &WhisperConfig, device: &Device) -> Self {
        let width = config.d_model;
        let norm = || LayerNormConfig::new(width).init(device);
        let attention = || Attention::new(width, config.decoder_attention_heads, device);
        let layers = (0..config.decoder_layers).map(|_| Layer {
            self_attn: attention(),
            self_attn_layer_norm: norm(),
            encoder_attn: attention(),
            encoder_attn_layer_norm: norm(),
            fc1: LinearConfig::new(width, config.decoder_ffn_dim).init(device),
            fc2: LinearConfig::new(config.decoder_ffn_dim, width).init(device),
            final_layer_norm: norm(),
        });
        Self {
            embed_tokens: EmbeddingConfig::new(config.vocab_size, width).init(device),
            embed_positions: EmbeddingConfig::new(config.max_target_positions, width).init(device),
            layers: layers.collect(),
            layer_norm: norm(),
            activation: config.activation_function,
            scaled: config.scale_embedding,
        }
    }

    /// A memory without tokens of what was heard, `[batch, vectors, width]`.
    pub(super) fn remember(&self, heard: &Tensor<3>) -> Vec<LayerMemory> {
        let layers = self.layers.iter().map(|layer| LayerMemory {
            own: None,
            heard: layer.encoder_attn.see(heard.clone()),
        });
        layers.collect()
    }

    /// Logits `[batch, n, vocabulary]` after each of the tokens `ids`, `[batch, n]`, which follow `past` others.
    pub(super) fn forward(
        &self,
        ids: Tensor<2, Int>,
        past: usize,
        memory: &mut [LayerMemory],
    ) -> Tensor<3> {
        let [_, n] = ids.dims();
        let device = ids.device();
        let mut x = self.embed_tokens.forward(ids);
        let width = x.dims()[2];
        if self.scaled {
            x = x * (width as f64).sqrt();
        }
        let positions = self.embed_positions.weight.val().narrow(0, past, n);
        let mut x = x + positions.unsqueeze();
        let mask = (n > 1).then(|| causal(n, past, &device));
        for (layer, memory) in self.layers.iter().zip(memory) {
            let normed = layer.self_attn_layer_norm.forward(x.clone());
            let fresh = layer.self_attn.see(normed.clone());
            let own = match memory.own.take() {
                Some(own) => own.and(fresh),
                None => fresh,
            };
            x = x + layer.self_attn.forward(normed, &own, mask.as_ref());
            memory.own = Some(own);
            let normed = layer.encoder_attn_layer_norm.forward(x.clone());
            x = x + layer.encoder_attn.forward(normed, &memory.heard, None);
            let normed = layer.final_layer_norm.forward(x.clone());
            let wide = self.activation.of(layer.fc1.forward(normed));
            x = x + layer.fc2.forward(wide);
        }
        let x = self.layer_norm.forward(x);
        // the output layer is the token table
        x.matmul(self.embed_tokens.weight.val().transpose().unsqueeze())
    }
}

/// Keeps token `past + i` from seeing those after it: `[1, 1, n, past + n]`.
fn causal(n: usize, past: usize, device: &Device) -> Tensor<4> {
    let mask =
        (0..n).flat_map(|i| (0..past + n).map(move |j| if j > past + i { -1e9f32 } else { 0.0 }));
    let mask: Vec<f32> = mask.collect();
    Tensor::from_data(TensorData::new(mask, [1, 1, n, past + n]), device)
}
