//! Multi-layer perceptron over a feature vector: the audio and the text heads are settings of it.

use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, activation::relu};
use serde::{Deserialize, Serialize};

use crate::checks::{at_least, share};
use crate::dropout::dropout;
use crate::output::Output;
use crate::standardise::Standardise;
use crate::{Moments, NnError};

/// Settings of an [`Mlp`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MlpConfig {
    /// Length D of a sample.
    pub inputs: usize,
    /// Number of classes K.
    pub classes: usize,
    /// Width of each hidden layer, first to last; may be empty (multinomial logistic regression).
    pub hidden: Vec<usize>,
    /// Standardise the inputs by the training set's mean and standard deviation. Default true.
    #[serde(default = "yes")]
    pub standardise: bool,
    /// Batch norm after each hidden linear layer. Default false.
    #[serde(default)]
    pub batch_norm: bool,
    /// The first hidden layer is linear only, as FastText's embedding is. Default false.
    #[serde(default)]
    pub linear_first: bool,
    /// Dropout after each hidden layer, in [0, 1). Default 0.
    #[serde(default)]
    pub dropout: f64,
    /// Batch norm after the output layer. Default false.
    #[serde(default)]
    pub output_batch_norm: bool,
}

fn yes() -> bool {
    true
}

impl MlpConfig {
    /// A plain perceptron with ReLU, standardised inputs, no norms and no dropout.
    pub fn new(inputs: usize, hidden: Vec<usize>, classes: usize) -> Self {
        Self {
            inputs,
            classes,
            hidden,
            standardise: true,
            batch_norm: false,
            linear_first: false,
            dropout: 0.0,
            output_batch_norm: false,
        }
    }

    /// The head on the acoustic values: 16, 32, 16, each with batch norm, ReLU and dropout 0.4, and
    /// a batch norm on the output.
    pub fn audio(inputs: usize, classes: usize) -> Self {
        Self {
            batch_norm: true,
            dropout: 0.4,
            output_batch_norm: true,
            ..Self::new(inputs, vec![16, 32, 16], classes)
        }
    }

    /// The head on a sentence embedding: 512 with ReLU.
    pub fn text(inputs: usize, classes: usize) -> Self {
        Self::new(inputs, vec![512], classes)
    }

    /// FastText's classifier (Joulin et al. 2017) on a bag of hashed n-grams: a linear embedding of
    /// `width`, dropout, and a linear output.
    pub fn fast_text(inputs: usize, width: usize, classes: usize) -> Self {
        Self {
            standardise: false,
            linear_first: true,
            dropout: 0.3,
            ..Self::new(inputs, vec![width], classes)
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`NnError::Config`] naming the first setting that does not fit.
    pub fn validate(&self) -> Result<(), NnError> {
        at_least("inputs", self.inputs, 1)?;
        at_least("classes", self.classes, 2)?;
        for &width in &self.hidden {
            at_least("hidden", width, 1)?;
        }
        share("dropout", self.dropout)
    }

    /// Builds the network with initial weights from `seed`.
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn init(&self, seed: u64, device: &Device) -> Result<Mlp, NnError> {
        self.validate()?;
        let mut inputs = self.inputs;
        let mut hidden = Vec::with_capacity(self.hidden.len());
        for (i, &width) in self.hidden.iter().enumerate() {
            hidden.push(Layer {
                linear: LinearConfig::new(inputs, width).init(device),
                norm: self
                    .batch_norm
                    .then(|| BatchNormConfig::new(width).init(device)),
                activated: i > 0 || !self.linear_first,
            });
            inputs = width;
        }
        let mlp = Mlp {
            standardise: self
                .standardise
                .then(|| Standardise::identity(self.inputs, device)),
            hidden,
            output: LinearConfig::new(inputs, self.classes).init(device),
            output_norm: self
                .output_batch_norm
                .then(|| BatchNormConfig::new(self.classes).init(device)),
            dropout: self.dropout,
        };
        Ok(crate::init::seeded(mlp, seed))
    }
}

/// A multi-layer perceptron; made by [`MlpConfig::init`].
#[derive(Module, Debug)]
pub struct Mlp {
    standardise: Option<Standardise>,
    hidden: Vec<Layer>,
    output: Linear,
    output_norm: Option<BatchNorm>,
    dropout: f64,
}

#[derive(Module, Debug)]
struct Layer {
    linear: Linear,
    norm: Option<BatchNorm>,
    activated: bool,
}

impl Mlp {
    /// `[batch, D]` to logits `[batch, K]` and the last hidden layer `[batch, width]` (the inputs,
    /// standardised, if there is none).
    ///
    /// `dropout_seed` switches dropout on (training); none leaves it out (evaluation).
    pub fn forward(&self, input: Tensor<2>, dropout_seed: Option<u64>) -> Output {
        let mut x = match &self.standardise {
            Some(standardise) => standardise.forward(input),
            None => input,
        };
        let mut embedding = x.clone();
        for (i, layer) in self.hidden.iter().enumerate() {
            x = layer.linear.forward(x);
            if let Some(norm) = &layer.norm {
                x = norm.forward(x);
            }
            if layer.activated {
                x = relu(x);
            }
            embedding = x.clone();
            x = dropout(x, self.dropout, dropout_seed, i as u64);
        }
        let mut logits = self.output.forward(x);
        if let Some(norm) = &self.output_norm {
            logits = norm.forward(logits);
        }
        Output { logits, embedding }
    }

    /// Fixes the input standardisation to the training set's moments, if the settings ask for it.
    pub(crate) fn with_moments(mut self, moments: &Moments, device: &Device) -> Self {
        if self.standardise.is_some() {
            self.standardise = Some(Standardise::from_moments(moments, device));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ModuleWeights;
    use burn::tensor::TensorData;
    use cohort_weights::Weights;

    #[test]
    fn parameter_counts_equal_the_formula() {
        let device = Device::flex();
        let linear = |i: usize, o: usize| i * o + o;
        let audio = linear(7, 16) + linear(16, 32) + linear(32, 16) + linear(16, 7);
        // Four numbers a batch-norm channel (gamma, beta, two running), two a standardised input.
        let norms = 4 * (16 + 32 + 16 + 7) + 2 * 7;
        let cases = [
            (MlpConfig::audio(7, 7), audio + norms),
            (
                MlpConfig::text(768, 7),
                linear(768, 512) + linear(512, 7) + 2 * 768,
            ),
            (
                MlpConfig::fast_text(1000, 32, 5),
                linear(1000, 32) + linear(32, 5),
            ),
            (MlpConfig::new(3, vec![], 2), linear(3, 2) + 2 * 3),
        ];
        for (config, expected) in cases {
            let mlp = config.init(0, &device).unwrap();
            assert_eq!(Weights::collect(&mlp).len(), expected, "{config:?}");
        }
    }

    #[test]
    fn forward_equals_the_matrix_products() {
        let device = Device::flex();
        let config = MlpConfig {
            standardise: false,
            ..MlpConfig::new(3, vec![4], 2)
        };
        let mlp = config.init(5, &device).unwrap();
        let weights = Weights::collect(&mlp).0;
        let x = [0.5, -1.0, 2.0];
        let product = |x: &[f32], name: &str, outputs: usize| -> Vec<f32> {
            let w = &weights[name].values;
            (0..outputs)
                .map(|o| {
                    x.iter()
                        .enumerate()
                        .map(|(i, x)| x * w[i * outputs + o])
                        .sum()
                })
                .collect()
        };
        let hidden: Vec<f32> = product(&x, "hidden.0.linear.weight", 4)
            .iter()
            .map(|x| x.max(0.0))
            .collect();
        let expected = product(&hidden, "output.weight", 2);
        let input = Tensor::from_data(TensorData::new(x.to_vec(), [1, 3]), &device);
        let out = mlp.forward(input, None);
        let logits: Vec<f32> = out.logits.into_data().try_to_vec().unwrap();
        let embedding: Vec<f32> = out.embedding.into_data().try_to_vec().unwrap();
        for (a, b) in logits
            .iter()
            .zip(&expected)
            .chain(embedding.iter().zip(&hidden))
        {
            assert!((a - b).abs() < 1e-6, "{logits:?} {expected:?}");
        }
    }

    #[test]
    fn linear_first_is_linear_and_settings_are_checked() {
        let device = Device::flex();
        let config = MlpConfig {
            dropout: 0.0,
            ..MlpConfig::fast_text(2, 3, 2)
        };
        let mlp = config.init(1, &device).unwrap();
        let at = |a: f32| -> Vec<f32> {
            let input = Tensor::from_data(TensorData::new(vec![a, 2.0 * a], [1, 2]), &device);
            mlp.forward(input, None)
                .logits
                .into_data()
                .try_to_vec()
                .unwrap()
        };
        for (plus, minus) in at(1.0).iter().zip(at(-1.0)) {
            assert!((plus + minus).abs() < 1e-6);
        }
        for (config, field) in [
            (MlpConfig::new(0, vec![], 2), "inputs"),
            (MlpConfig::new(1, vec![0], 2), "hidden"),
            (MlpConfig::new(1, vec![], 1), "classes"),
            (
                MlpConfig {
                    dropout: 1.0,
                    ..MlpConfig::new(1, vec![], 2)
                },
                "dropout",
            ),
        ] {
            let error = config.validate().unwrap_err().to_string();
            assert!(error.contains(field), "{error}");
        }
    }
}
