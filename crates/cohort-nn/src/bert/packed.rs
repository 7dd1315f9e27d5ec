//! BERT with frozen weights on the CPU, without padding.

use cohort_kernels::dense::{Norm, add_bias};

use super::names::named;
use crate::packed::{Attention, Linear, Named, attend};
use crate::{BertConfig, NnError};
use cohort_weights::Weights;

/// A BERT encoder whose weights stay as they are. One call uses one thread; batches are the caller's to spread.
#[derive(Debug, Clone)]
pub struct PackedBert {
    config: BertConfig,
    words: Vec<f32>,
    /// Position vectors with the first segment's vector added.
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
}

#[derive(Debug, Clone)]
struct Layer {
    /// Query, key and value one below another.
    mixed: Linear,
    output: Linear,
    attention_norm: Norm,
    up: Linear,
    down: Linear,
    norm: Norm,
}

impl PackedBert {
    /// A BERT with the weights of a checkpoint, named and laid out as Hugging Face does.
    ///
    /// # Errors
    /// As [`crate::Bert::load`].
    pub fn load(config: &BertConfig, weights: Weights) -> Result<Self, NnError> {
        config.validate()?;
        let mut named = named(config, weights)?;
        let h = config.hidden_size;
        let norm = |named: &mut Named, name: &str| Norm {
            weight: named.take(&format!("{name}.weight")),
            bias: named.take(&format!("{name}.bias")),
            epsilon: config.layer_norm_eps as f32,
        };
        let mut positions = named.take("embeddings.position_embeddings.weight");
        let kinds = named.take("embeddings.token_type_embeddings.weight");
        add_bias(&mut positions, &kinds[..h]);
        let layers = (0..config.num_hidden_layers).map(|i| {
            let part = |part: &str| format!("encoder.layer.{i}.{part}");
            let mixed =
                ["query", "key", "value"].map(|kind| part(&format!("attention.self.{kind}")));
            let mixed = Linear::stack(mixed.map(|name| Linear::take(&mut named, &name)));
            Layer {
                mixed,
                output: Linear::take(&mut named, &part("attention.output.dense")),
                attention_norm: norm(&mut named, &part("attention.output.LayerNorm")),
                up: Linear::take(&mut named, &part("intermediate.dense")),
                down: Linear::take(&mut named, &part("output.dense")),
                norm: norm(&mut named, &part("output.LayerNorm")),
            }
        });
        let layers = layers.collect();
        Ok(Self {
            words: named.take("embeddings.word_embeddings.weight"),
            positions,
            norm: norm(&mut named, "embeddings.LayerNorm"),
            layers,
            config: config.clone(),
        })
    }

    /// The embedding and the first `layers` layers alone; all of them when it has no more.
    pub fn first_layers(mut self, layers: usize) -> Self {
        self.layers.truncate(layers);
        self
    }

    /// Token vectors of several texts, one text after another: `[tokens of all texts, H]`.
    ///
    /// # Errors
    /// [`NnError::Config`] for a token beyond the vocabulary or a text beyond the longest length.
    pub fn forward(&self, texts: &[&[u32]]) -> Result<Vec<f32>, NnError> {
        let h = self.config.hidden_size;
        let lengths: Vec<usize> = texts.iter().map(|ids| ids.len()).collect();
        let mut x = self.embed(texts)?;
        self.norm.apply(&mut x);
        let (mut mixed, mut context, mut wide, mut narrow) =
            (Vec::new(), vec![0.0; x.len()], Vec::new(), Vec::new());
        let mut scores = Vec::new();
        let attention = Attention {
            width: h,
            heads: self.config.num_attention_heads,
            causal: false,
        };
        for layer in &self.layers {
            layer.mixed.product(&x, &mut mixed);
            add_bias(&mut mixed, &layer.mixed.bias);
            let mut first = 0;
            for &length in &lengths {
                let own = &mixed[first * 3 * h..(first + length) * 3 * h];
                let out = &mut context[first * h..(first + length) * h];
                attend(attention, own, length, &mut scores, out);
                first += length;
            }
            layer.output.product(&context, &mut narrow);
            layer
                .attention_norm
                .after_sum(&mut x, &narrow, &layer.output.bias);
            layer.up.product(&x, &mut wide);
            self.config.hidden_act.of_rows(&mut wide, &layer.up.bias);
            layer.down.product(&wide, &mut narrow);
            layer.norm.after_sum(&mut x, &narrow, &layer.down.bias);
        }
        Ok(x)
    }

    /// Width of a token's vector.
    pub fn width(&self) -> usize {
        self.config.hidden_size
    }

    fn embed(&self, texts: &[&[u32]]) -> Result<Vec<f32>, NnError> {
        let h = self.config.hidden_size;
        let mut x = Vec::with_capacity(texts.iter().map(|ids| ids.len()).sum::<usize>() * h);
        for ids in texts {
            check_ids(&self.config, ids)?;
            for (&id, position) in ids.iter().zip(self.positions.chunks_exact(h)) {
                let word = &self.words[id as usize * h..][..h];
                x.extend(word.iter().zip(position).map(|(a, b)| a + b));
            }
        }
        Ok(x)
    }
}

/// Refuses a token that has no vector and a text that has no positions.
pub(crate) fn check_ids(config: &BertConfig, ids: &[u32]) -> Result<(), NnError> {
    if ids.len() > config.max_position_embeddings {
        return Err(NnError::Config {
            field: "max_position_embeddings",
            expected: format!("texts of at most {} tokens", config.max_position_embeddings),
            found: format!("{} tokens", ids.len()),
        });
    }
    match ids.iter().find(|&&id| id as usize >= config.vocab_size) {
        Some(id) => Err(NnError::Config {
            field: "vocab_size",
            expected: format!("tokens below {}", config.vocab_size),
            found: format!("token {id}; the tokeniser is another model's"),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{Activation, Bert};
    use burn::tensor::{Device, Int, Tensor, TensorData};

    pub(crate) fn small(hidden_act: Activation) -> BertConfig {
        BertConfig {
            vocab_size: 20,
            hidden_size: 12,
            num_hidden_layers: 2,
            num_attention_heads: 3,
            intermediate_size: 20,
            max_position_embeddings: 9,
            type_vocab_size: 2,
            layer_norm_eps: 1e-12,
            hidden_act,
            hidden_dropout_prob: 0.1,
        }
    }

    /// Weights by formula, with a prefix and with heads that are of no use here.
    pub(crate) fn weights(config: &BertConfig) -> Weights {
        let mut all = Weights::default();
        for (i, (name, shape)) in crate::bert::names::expected(config).into_iter().enumerate() {
            let count: usize = shape.iter().product();
            let values = (0..count).map(|k| ((k * 37 + i * 11) as f32).sin() * 0.4 + 0.1);
            let values = values.collect();
            all.0.insert(
                format!("bert.{name}"),
                cohort_weights::Array { shape, values },
            );
        }
        all.0.insert(
            "bert.pooler.dense.bias".into(),
            cohort_weights::Array::default(),
        );
        all.0.insert(
            "cls.predictions.bias".into(),
            cohort_weights::Array::default(),
        );
        all
    }

    #[test]
    fn the_module_on_padded_batches_says_the_same() {
        let device = Device::flex();
        for activation in [Activation::Gelu, Activation::GeluNew, Activation::Relu] {
            let config = small(activation);
            let packed = PackedBert::load(&config, weights(&config)).unwrap();
            let module = Bert::load(&config, weights(&config), &device).unwrap();
            let texts: [&[u32]; 3] = [&[1, 5, 19, 2], &[1, 2], &[1, 7, 7, 3, 0, 4, 9, 11, 2]];
            let found = packed.forward(&texts).unwrap();
            let (mut ids, mut mask) = (Vec::new(), Vec::new());
            for text in texts {
                ids.extend((0..9).map(|i| text.get(i).copied().unwrap_or(0) as i32));
                mask.extend((0..9).map(|i| if i < text.len() { 1.0f32 } else { 0.0 }));
            }
            let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [3, 9]), &device);
            let mask = Tensor::<2>::from_data(TensorData::new(mask, [3, 9]), &device);
            let expected: Vec<f32> = module.forward(ids, mask).into_data().try_to_vec().unwrap();
            let mut first = 0;
            for (i, text) in texts.iter().enumerate() {
                for (a, b) in found[first * 12..(first + text.len()) * 12]
                    .iter()
                    .zip(&expected[i * 9 * 12..])
                {
                    assert!((a - b).abs() < 2e-5, "{activation:?} {a} {b}");
                }
                first += text.len();
            }
        }
    }

    #[test]
    fn misfits_are_told() {
        let config = small(Activation::Gelu);
        let mut short = weights(&config);
        short.0.remove("bert.encoder.layer.1.output.dense.bias");
        let error = PackedBert::load(&config, short).unwrap_err().to_string();
        assert!(
            error.contains("encoder.layer.1.output.dense.bias"),
            "{error}"
        );
        let larger = BertConfig {
            num_hidden_layers: 1,
            ..config.clone()
        };
        let error = PackedBert::load(&larger, weights(&config))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("encoder.layer.1") && error.contains("no such tensor"),
            "{error}"
        );
        let bert = PackedBert::load(&config, weights(&config)).unwrap();
        for (ids, part) in [
            (vec![20], "tokens below 20"),
            (vec![0; 10], "at most 9 tokens"),
        ] {
            let error = bert.forward(&[&ids]).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
