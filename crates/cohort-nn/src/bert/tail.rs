//! The last layers of a BERT with a head, for fine-tuning.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::layer::{Layer, LayerDropout, padding_bias};
use super::names::{for_module, named};
use crate::checks::at_least;
use crate::output::{Output, unit_length};
use crate::{Activation, BertConfig, Mlp, MlpConfig, NnError, Pooling};
use cohort_weights::Weights;

/// Texts of a batch that are computed together.
const TOGETHER: usize = 8;

/// Settings of a [`BertTail`].
///
/// A sample is what the layers before it make of a text: `[tokens, H + 1]`, a row a token of its vector and a 1, padded
/// with rows of zeros.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BertTailConfig {
    /// Size of the whole BERT.
    pub bert: BertConfig,
    /// How many of its layers are here, the last ones; at least 1.
    pub layers: usize,
    /// Longest text in tokens.
    pub tokens: usize,
    /// How token vectors become one.
    pub pooling: Pooling,
    /// Whether that one is scaled to length 1.
    pub normalise: bool,
    /// What follows: a perceptron on a vector of length H.
    pub head: MlpConfig,
}

impl BertTailConfig {
    /// Shape of a sample.
    pub fn input_shape(&self) -> Vec<usize> {
        vec![self.tokens, self.bert.hidden_size + 1]
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`NnError::Config`] naming the first setting that does not fit.
    pub fn validate(&self) -> Result<(), NnError> {
        self.bert.validate()?;
        self.head.validate()?;
        at_least("tokens", self.tokens, 1)?;
        let upto = |field, expected: usize, found: usize| match (1..=expected).contains(&found) {
            true => Ok(()),
            false => Err(NnError::Config {
                field,
                expected: format!("1 to {expected}"),
                found: found.to_string(),
            }),
        };
        upto("layers", self.bert.num_hidden_layers, self.layers)?;
        match self.head.inputs == self.bert.hidden_size {
            true => Ok(()),
            false => Err(NnError::Config {
                field: "head.inputs",
                expected: format!("{}, the BERT's width", self.bert.hidden_size),
                found: self.head.inputs.to_string(),
            }),
        }
    }

    /// Builds the network with initial weights from `seed`.
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn init(&self, seed: u64, device: &Device) -> Result<BertTail, NnError> {
        self.validate()?;
        let layers = (0..self.layers).map(|_| Layer::new(&self.bert, device));
        let tail = BertTail {
            layers: layers.collect(),
            head: self.head.init(seed, device)?,
            activation: self.bert.hidden_act,
            pooling: self.pooling,
            normalise: self.normalise,
            dropout: self.bert.hidden_dropout_prob,
            tokens: self.tokens,
        };
        Ok(crate::init::seeded(tail, seed))
    }

    /// The last layers of a checkpoint, named as this network names them; the head is not among them.
    ///
    /// # Errors
    /// [`NnError::Weights`] for a tensor that the BERT lacks or has in another shape.
    pub(crate) fn layers_of(&self, weights: Weights) -> Result<Weights, NnError> {
        let first = self.bert.num_hidden_layers.saturating_sub(self.layers);
        let all = for_module(named(&self.bert, weights)?);
        let own = all.0.into_iter().filter_map(|(name, array)| {
            let (number, rest) = name.strip_prefix("layers.")?.split_once('.')?;
            let number = number.parse::<usize>().ok()?.checked_sub(first)?;
            Some((format!("layers.{number}.{rest}"), array))
        });
        Ok(Weights(own.collect()))
    }
}

/// The last layers of a BERT, its pooling and a head; made by [`BertTailConfig::init`].
#[derive(Module, Debug)]
pub struct BertTail {
    layers: Vec<Layer>,
    head: Mlp,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    pooling: Pooling,
    normalise: bool,
    dropout: f64,
    tokens: usize,
}

impl BertTail {
    /// Samples `[batch, tokens (H + 1)]` to logits `[batch, K]` and the head's last hidden layer.
    ///
    /// `dropout_seed` switches dropout on (training); none leaves it out (evaluation).
    pub fn forward(&self, input: Tensor<2>, dropout_seed: Option<u64>) -> Output {
        let [batch, width] = input.dims();
        let h = width / self.tokens - 1;
        let device = input.device();
        let input = input.reshape([batch, self.tokens, h + 1]);
        let mask = input.clone().narrow(2, h, 1);
        let lengths = lengths(mask.reshape([batch, self.tokens]));
        // texts of like length together, so that little padding is computed
        let mut order: Vec<usize> = (0..batch).collect();
        order.sort_by_key(|&row| lengths[row]);
        let rows = |rows: &[usize]| -> Tensor<1, Int> {
            let rows: Vec<i32> = rows.iter().map(|&row| row as i32).collect();
            let count = rows.len();
            Tensor::from_data(TensorData::new(rows, [count]), &device)
        };
        let mut pooled = Vec::new();
        for (part, texts) in (0..).zip(order.chunks(TOGETHER)) {
            let longest = texts.iter().map(|&row| lengths[row]).max().unwrap_or(1);
            let own = input.clone().select(0, rows(texts)).narrow(1, 0, longest);
            let mask = own.clone().narrow(2, h, 1).reshape([texts.len(), longest]);
            let x = own.narrow(2, 0, h);
            let seed = dropout_seed.map(|seed| crate::derive_seed(seed, "layers", &[part]));
            let x = self.layers(x, padding_bias(mask.clone()), seed);
            pooled.push(self.pool(x, mask));
        }
        let mut back = vec![0; batch];
        for (place, &row) in order.iter().enumerate() {
            back[row] = place;
        }
        let mut pooled = Tensor::cat(pooled, 0).select(0, rows(&back));
        if self.normalise {
            pooled = unit_length(pooled);
        }
        let seed = dropout_seed.map(|seed| crate::derive_seed(seed, "head", &[]));
        self.head.forward(pooled, seed)
    }

    fn layers(&self, mut x: Tensor<3>, bias: Tensor<4>, dropout_seed: Option<u64>) -> Tensor<3> {
        for (layer, network) in (0..).zip(&self.layers) {
            let dropped = dropout_seed
                .filter(|_| self.dropout > 0.0)
                .map(|seed| LayerDropout {
                    probability: self.dropout,
                    seed,
                    layer,
                });
            x = network.forward(x, bias.clone(), self.activation, dropped);
        }
        x
    }

    /// Token vectors `[batch, tokens, H]` and their mask to one vector a text.
    fn pool(&self, x: Tensor<3>, mask: Tensor<2>) -> Tensor<2> {
        let [batch, tokens, h] = x.dims();
        let column = mask.clone().reshape([batch, tokens, 1]);
        match self.pooling {
            Pooling::Mean => {
                let sum = (x * column).sum_dim(1).reshape([batch, h]);
                sum / mask.sum_dim(1).clamp_min(1.0)
            }
            Pooling::MeanSqrtLen => {
                let sum = (x * column).sum_dim(1).reshape([batch, h]);
                sum / mask.sum_dim(1).clamp_min(1.0).sqrt()
            }
            Pooling::Cls => x.narrow(1, 0, 1).reshape([batch, h]),
            Pooling::Max => (x + (column - 1.0) * 1e9).max_dim(1).reshape([batch, h]),
        }
    }
}

/// Length of each text of a mask `[batch, tokens]`, at least 1.
fn lengths(mask: Tensor<2>) -> Vec<usize> {
    let sums = mask.sum_dim(1).into_data().convert::<f32>();
    sums.iter::<f32>()
        .map(|sum| (sum as usize).max(1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bert::packed::tests::{small, weights};
    use crate::{Model, ModelConfig, PackedBert};

    const TOKENS: usize = 9;

    fn config(layers: usize, pooling: Pooling) -> BertTailConfig {
        let bert = small(Activation::Gelu);
        BertTailConfig {
            head: MlpConfig {
                standardise: false,
                ..MlpConfig::new(bert.hidden_size, vec![], 3)
            },
            bert,
            layers,
            tokens: TOKENS,
            pooling,
            normalise: true,
        }
    }

    /// Texts as samples of the tail.
    fn samples(config: &BertTailConfig, texts: &[&[u32]], device: &Device) -> Tensor<2> {
        let h = config.bert.hidden_size;
        let first = config.bert.num_hidden_layers - config.layers;
        let bert = PackedBert::load(&config.bert, weights(&config.bert)).unwrap();
        let bert = bert.first_layers(first);
        let mut values = Vec::new();
        for text in texts {
            let vectors = bert.forward(&[text]).unwrap();
            for row in vectors.chunks_exact(h) {
                values.extend_from_slice(row);
                values.push(1.0);
            }
            values.resize(values.len() + (TOKENS - text.len()) * (h + 1), 0.0);
        }
        Tensor::from_data(
            TensorData::new(values, [texts.len(), TOKENS * (h + 1)]),
            device,
        )
    }

    /// A split network with the checkpoint's layers says what the whole one says, whatever the place of the split.
    #[test]
    fn the_split_network_is_the_whole_one() {
        let device = Device::flex();
        // more than are computed together, in no order of length
        let texts: Vec<Vec<u32>> = (0..2 * TOGETHER as u32 + 3)
            .map(|text| (0..2 + text * 5 % 8).map(|i| (text + 7 * i) % 20).collect())
            .collect();
        let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        for pooling in [Pooling::Mean, Pooling::Cls, Pooling::Max] {
            for layers in [1, 2] {
                let config = config(layers, pooling);
                let model = ModelConfig::BertTail(config.clone());
                let start = model.start_of_bert(7, weights(&config.bert)).unwrap();
                let Model::BertTail(tail) = model.load(start, &device).unwrap() else {
                    unreachable!()
                };
                let found = tail.forward(samples(&config, &texts, &device), None);
                let found: Vec<f32> = found.embedding.into_data().try_to_vec().unwrap();
                let whole = PackedBert::load(&config.bert, weights(&config.bert)).unwrap();
                let expected = texts.iter().flat_map(|text| {
                    let vectors = whole.forward(&[text]).unwrap();
                    let mut vector = pooling.pool(&vectors, config.bert.hidden_size);
                    crate::bert::pooling::normalise(&mut vector);
                    vector
                });
                for (a, b) in found.iter().zip(expected) {
                    assert!((a - b).abs() < 1e-5, "{pooling:?} {layers}: {a} {b}");
                }
            }
        }
    }

    /// The gradient of a weight of the first layer here is the slope of the output along it.
    #[test]
    fn gradients_reach_the_first_layer() {
        let device = Device::flex().autodiff();
        let config = config(2, Pooling::Mean);
        let name = "layers.0.attention.query.weight";
        let model = ModelConfig::BertTail(config.clone());
        let start = model.start_of_bert(7, weights(&config.bert)).unwrap();
        let value = |start: &Weights| {
            let Model::BertTail(tail) = model.load(start.clone(), &device).unwrap() else {
                unreachable!()
            };
            let input = samples(&config, &[&[1, 5, 19, 2], &[1, 2]], &device);
            let logits = tail.forward(input, None).logits;
            // uneven, so that a constant shift of all logits does not hide
            let sum = (logits.narrow(1, 0, 1) * 3.0).tanh().sum();
            (tail, sum)
        };
        let (tail, sum) = value(&start);
        let gradients = sum.backward();
        let query = tail.layers[0].query_weight();
        let found: Vec<f32> = query
            .grad(&gradients)
            .unwrap()
            .into_data()
            .try_to_vec()
            .unwrap();
        let full = start.0.keys().find(|key| key.ends_with(name)).unwrap();
        let at = |place: usize, step: f32| -> f64 {
            let mut moved = start.clone();
            moved.0.get_mut(full).unwrap().values[place] += step;
            let (_, sum) = value(&moved);
            f64::from(sum.into_data().try_to_vec::<f32>().unwrap()[0])
        };
        let largest = found.iter().fold(0.0f32, |m, g| m.max(g.abs()));
        assert!(largest > 1e-4, "{largest}");
        for place in [0, 17, 140] {
            let slope = (at(place, 2e-2) - at(place, -2e-2)) / 4e-2;
            let gradient = f64::from(found[place]);
            assert!(
                (slope - gradient).abs() < 2e-2 * f64::from(largest) + 2e-5,
                "{place}: {slope} {gradient}"
            );
        }
    }

    #[test]
    fn settings_are_checked() {
        let good = config(1, Pooling::Mean);
        good.validate().unwrap();
        for (bad, part) in [
            (config(3, Pooling::Mean), "1 to 2"),
            (config(0, Pooling::Mean), "1 to 2"),
            (
                BertTailConfig {
                    head: MlpConfig::new(5, vec![], 3),
                    ..good.clone()
                },
                "12, the BERT's width",
            ),
            (BertTailConfig { tokens: 0, ..good }, "tokens"),
        ] {
            let error = bad.validate().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn dropout_is_drawn_from_its_seed_and_rests_in_evaluation() {
        let device = Device::flex();
        let config = config(2, Pooling::Mean);
        let tail = config.init(3, &device).unwrap();
        let input = samples(&config, &[&[1, 5, 2], &[1, 9, 9, 2]], &device);
        let logits = |seed| tail.forward(input.clone(), seed).logits.into_data();
        assert_eq!(logits(Some(1)), logits(Some(1)));
        assert_ne!(logits(Some(1)), logits(Some(2)));
        assert_ne!(logits(Some(1)), logits(None));
    }
}
