//! The networks behind one type, so that a loop need not know which one it trains.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::{
    BertTail, BertTailConfig, CompactCnn, CompactCnnConfig, EfficientNetLite,
    EfficientNetLiteConfig, InceptionResnetV1, InceptionResnetV1Config, Joint, JointConfig,
    LoadReport, Mlp, MlpConfig, MobileFaceNet, MobileFaceNetConfig, ModuleWeights, Moments, Naming,
    NnError, Output, Resnet, ResnetConfig, ThreePaths, ThreePathsConfig,
};
use cohort_weights::{Checkpoint, Weights};

/// A network as data; in TOML a table with `kind = "compact_cnn"`, `kind = "mlp"` or `kind = "joint"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ModelConfig {
    /// A compact convolutional network over pictures.
    CompactCnn(CompactCnnConfig),
    /// A multi-layer perceptron over a feature vector.
    Mlp(MlpConfig),
    /// Fusion of several models' embeddings and logits.
    Joint(JointConfig),
    /// Inception-ResNet-V1 over faces.
    InceptionResnetV1(InceptionResnetV1Config),
    /// A residual network over pictures.
    Resnet(ResnetConfig),
    /// MobileFaceNet over faces.
    #[serde(rename = "mobilefacenet")]
    MobileFaceNet(MobileFaceNetConfig),
    /// The last layers of a BERT, with a head.
    BertTail(BertTailConfig),
    /// A very small network of three paths over pictures.
    ThreePaths(ThreePathsConfig),
    /// EfficientNet-Lite0 over pictures.
    #[serde(rename = "efficientnet_lite0")]
    EfficientNetLite(EfficientNetLiteConfig),
}

impl ModelConfig {
    /// Shape of one sample: `[channels, S, S]` or `[D]`.
    pub fn input_shape(&self) -> Vec<usize> {
        match self {
            Self::CompactCnn(c) => vec![c.channels, c.size, c.size],
            Self::Mlp(c) => vec![c.inputs],
            Self::Joint(c) => vec![c.width()],
            Self::InceptionResnetV1(c) => vec![3, c.size, c.size],
            Self::Resnet(c) => vec![3, c.size, c.size],
            Self::MobileFaceNet(_) => vec![3, MobileFaceNetConfig::SIZE, MobileFaceNetConfig::SIZE],
            Self::BertTail(c) => c.input_shape(),
            Self::ThreePaths(c) => vec![3, c.size, c.size],
            Self::EfficientNetLite(c) => vec![3, c.size, c.size],
        }
    }

    /// Number of classes K.
    pub fn classes(&self) -> usize {
        match self {
            Self::CompactCnn(c) => c.classes,
            Self::Mlp(c) => c.classes,
            Self::Joint(c) => c.classes,
            Self::InceptionResnetV1(c) => c.classes,
            Self::Resnet(c) => c.classes,
            Self::MobileFaceNet(c) => c.classes,
            Self::BertTail(c) => c.head.classes,
            Self::ThreePaths(c) => c.classes,
            Self::EfficientNetLite(c) => c.classes,
        }
    }

    /// Whether [`Model::with_moments`] has an effect, so that moments are worth a pass.
    pub fn standardises(&self) -> bool {
        match self {
            Self::CompactCnn(_) => false,
            Self::Mlp(c) => c.standardise,
            Self::Joint(_) => true,
            Self::InceptionResnetV1(_)
            | Self::Resnet(_)
            | Self::MobileFaceNet(_)
            | Self::BertTail(_)
            | Self::ThreePaths(_)
            | Self::EfficientNetLite(_) => false,
        }
    }

    /// Names of the output layers, for training them alone.
    pub fn head(&self) -> Vec<String> {
        let names: &[&str] = match self {
            Self::Mlp(c) if c.output_batch_norm => &["output", "output_norm"],
            Self::CompactCnn(_)
            | Self::Mlp(_)
            | Self::Joint(_)
            | Self::MobileFaceNet(_)
            | Self::ThreePaths(_)
            | Self::EfficientNetLite(_) => &["output"],
            Self::InceptionResnetV1(_) => &["logits"],
            Self::Resnet(_) => &["fc"],
            Self::BertTail(_) => &["head"],
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// Names of the last block of layers and of all that follows it.
    pub fn last_block(&self) -> Vec<String> {
        let mut names = self.head();
        match self {
            Self::CompactCnn(c) => {
                names.push(format!("blocks.{}", c.blocks.len().saturating_sub(1)));
                names.push("places".to_owned());
            }
            Self::Joint(_) => names.push("hidden".to_owned()),
            Self::InceptionResnetV1(_) => {
                names.extend(["block8", "last_linear", "last_bn"].map(str::to_owned));
            }
            Self::Resnet(_) => names.push("layer.3".to_owned()),
            Self::MobileFaceNet(_) => {
                names.extend(["conv2", "linear7", "linear1"].map(str::to_owned));
            }
            Self::BertTail(c) => names.push(format!("layers.{}", c.layers.saturating_sub(1))),
            Self::ThreePaths(_) => {
                names.extend(["fine.second", "middle.second", "coarse.second"].map(str::to_owned));
            }
            Self::EfficientNetLite(_) => {
                names.extend(["blocks.15", "last"].map(str::to_owned));
            }
            Self::Mlp(c) if c.hidden.is_empty() => {}
            Self::Mlp(c) => names.push(format!("hidden.{}", c.hidden.len() - 1)),
        }
        names
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`NnError::Config`] naming the first setting that does not fit.
    pub fn validate(&self) -> Result<(), NnError> {
        match self {
            Self::CompactCnn(c) => c.validate(),
            Self::Mlp(c) => c.validate(),
            Self::Joint(c) => c.validate(),
            Self::InceptionResnetV1(c) => c.validate(),
            Self::Resnet(c) => c.validate(),
            Self::MobileFaceNet(c) => c.validate(),
            Self::BertTail(c) => c.validate(),
            Self::ThreePaths(c) => c.validate(),
            Self::EfficientNetLite(c) => c.validate(),
        }
    }

    /// Builds the network with initial weights from `seed`. On a device with gradients
    /// ([`Device::autodiff`]) batch norm uses batch statistics, without it the running ones.
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn init(&self, seed: u64, device: &Device) -> Result<Model, NnError> {
        Ok(match self {
            Self::CompactCnn(c) => Model::CompactCnn(c.init(seed, device)?),
            Self::Mlp(c) => Model::Mlp(c.init(seed, device)?),
            Self::Joint(c) => Model::Joint(c.init(seed, device)?),
            Self::InceptionResnetV1(c) => Model::InceptionResnetV1(c.init(seed, device)?),
            Self::Resnet(c) => Model::Resnet(c.init(seed, device)?),
            Self::MobileFaceNet(c) => Model::MobileFaceNet(c.init(seed, device)?),
            Self::BertTail(c) => Model::BertTail(c.init(seed, device)?),
            Self::ThreePaths(c) => Model::ThreePaths(c.init(seed, device)?),
            Self::EfficientNetLite(c) => Model::EfficientNetLite(c.init(seed, device)?),
        })
    }

    /// Builds the network with given weights.
    ///
    /// # Errors
    /// As [`Self::validate`] and [`Weights::apply`].
    pub fn load(&self, weights: Weights, device: &Device) -> Result<Model, NnError> {
        weights.apply(self.init(0, device)?)
    }

    /// How the tensors are called in the files in which others keep such networks.
    pub fn naming(&self) -> Naming {
        match self {
            Self::CompactCnn(_) | Self::Mlp(_) | Self::Joint(_) | Self::ThreePaths(_) => Naming {
                head: Some("output"),
                ..Naming::SAME
            },
            Self::InceptionResnetV1(_) => InceptionResnetV1Config::NAMING,
            Self::Resnet(_) => ResnetConfig::NAMING,
            Self::MobileFaceNet(_) => MobileFaceNetConfig::NAMING,
            Self::EfficientNetLite(_) => EfficientNetLiteConfig::NAMING,
            Self::BertTail(_) => Naming {
                head: Some("head"),
                ..Naming::SAME
            },
        }
    }

    /// Builds the network with the weights of a file, whoever wrote it. What the file lacks, and an
    /// output layer of another width, begins from `seed`; the report says so.
    ///
    /// # Errors
    /// As [`Self::validate`] and [`load`](fn@crate::load).
    pub fn load_foreign(
        &self,
        seed: u64,
        checkpoint: &Checkpoint,
        device: &Device,
    ) -> Result<(Model, LoadReport), NnError> {
        crate::load(self.init(seed, device)?, checkpoint, self.naming())
    }

    /// Weights to begin a fine-tuning from: the last layers of a BERT's checkpoint, named and laid out as Hugging Face
    /// does, and a head from `seed`.
    ///
    /// # Errors
    /// As [`Self::validate`]; [`NnError::Weights`] for a tensor that is missing or of another shape;
    /// [`NnError::Config`] for a network that is no [`BertTail`].
    pub fn start_of_bert(&self, seed: u64, weights: Weights) -> Result<Weights, NnError> {
        let Self::BertTail(config) = self else {
            return Err(NnError::Config {
                field: "kind",
                expected: "bert_tail".to_owned(),
                found: "another network".to_owned(),
            });
        };
        let tail = config.init(seed, &Device::flex())?;
        let mut all = Weights::collect(&tail);
        all.0.extend(config.layers_of(weights)?.0);
        Ok(Weights::collect(&Model::BertTail(all.apply(tail)?)))
    }
}

/// A network; made by [`ModelConfig::init`].
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // one value a run; a box would only add a hop
pub enum Model {
    /// See [`CompactCnn`].
    CompactCnn(CompactCnn),
    /// See [`Mlp`].
    Mlp(Mlp),
    /// See [`Joint`].
    Joint(Joint),
    /// See [`InceptionResnetV1`].
    InceptionResnetV1(InceptionResnetV1),
    /// See [`Resnet`].
    Resnet(Resnet),
    /// See [`MobileFaceNet`].
    MobileFaceNet(MobileFaceNet),
    /// See [`BertTail`].
    BertTail(BertTail),
    /// See [`ThreePaths`].
    ThreePaths(ThreePaths),
    /// See [`EfficientNetLite`].
    EfficientNetLite(EfficientNetLite),
}

impl Model {
    /// Flat samples `[batch, product of the input shape]` to logits and embedding.
    ///
    /// `dropout_seed` switches dropout on (training); none leaves it out (evaluation).
    pub fn forward(&self, input: Tensor<2>, dropout_seed: Option<u64>) -> Output {
        match self {
            Self::CompactCnn(m) => m.forward(input, dropout_seed),
            Self::Mlp(m) => m.forward(input, dropout_seed),
            Self::Joint(m) => m.forward(input, dropout_seed),
            Self::InceptionResnetV1(m) => m.forward(input, dropout_seed),
            Self::Resnet(m) => m.forward(input, dropout_seed),
            Self::MobileFaceNet(m) => m.forward(input, dropout_seed),
            Self::BertTail(m) => m.forward(input, dropout_seed),
            Self::ThreePaths(m) => m.forward(input, dropout_seed),
            Self::EfficientNetLite(m) => m.forward(input, dropout_seed),
        }
    }

    /// The same network for evaluation alone, with batch norms folded into the layers before them
    /// where there are any to gain by: equal outputs up to rounding, one pass less over the
    /// activations. It can no longer be trained or saved as what it was.
    pub fn folded(self) -> Self {
        match self {
            Self::CompactCnn(m) => Self::CompactCnn(m.folded()),
            Self::InceptionResnetV1(m) => Self::InceptionResnetV1(m.folded()),
            Self::Resnet(m) => Self::Resnet(m.folded()),
            Self::MobileFaceNet(m) => Self::MobileFaceNet(m.folded()),
            Self::ThreePaths(m) => Self::ThreePaths(m.folded()),
            Self::EfficientNetLite(m) => Self::EfficientNetLite(m.folded()),
            other @ (Self::Mlp(_) | Self::Joint(_) | Self::BertTail(_)) => other,
        }
    }

    /// Fixes the input standardisation, where the network has one, to the training set's moments.
    pub fn with_moments(self, moments: &Moments, device: &Device) -> Self {
        match self {
            Self::Mlp(m) => Self::Mlp(m.with_moments(moments, device)),
            Self::Joint(m) => Self::Joint(m.with_moments(moments, device)),
            other => other,
        }
    }

    /// Number of values that training can change; the network must be on a device with gradients
    /// (without them it is 0).
    pub fn trainable_parameters(&self) -> usize {
        struct Counter(usize);
        impl burn::module::ModuleVisitor for Counter {
            fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<Tensor<D>>) {
                if param.is_require_grad() {
                    self.0 += param.lazy_shape().num_elements();
                }
            }
        }
        let mut counter = Counter(0);
        self.visit(&mut counter);
        counter.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JointInput;
    use std::path::Path;

    fn configs() -> [ModelConfig; 3] {
        let joint = vec![JointInput {
            name: "image".into(),
            embedding: 3,
        }];
        let cnn = CompactCnnConfig {
            size: 16,
            ..CompactCnnConfig::new(5)
        };
        [
            ModelConfig::CompactCnn(cnn),
            ModelConfig::Mlp(MlpConfig::audio(7, 5)),
            ModelConfig::Joint(JointConfig::new(joint, 5)),
        ]
    }

    #[test]
    fn saved_and_loaded_networks_give_equal_logits() {
        let device = Device::flex();
        for config in configs() {
            let model = config.init(11, &device).unwrap();
            let bytes = Weights::collect(&model).to_safetensors("{}").unwrap();
            let (weights, _) = Weights::from_safetensors(&bytes, Path::new("m")).unwrap();
            let loaded = config.load(weights, &device).unwrap();
            let n: usize = config.input_shape().iter().product();
            let x = Tensor::<1, burn::tensor::Int>::arange(0..2 * n as i64, &device)
                .float()
                .sin()
                .reshape([2, n]);
            let logits = |m: &Model| m.forward(x.clone(), None).logits.into_data();
            assert_eq!(logits(&model), logits(&loaded));
        }
    }

    #[test]
    fn seeds_decide_the_weights() {
        let device = Device::flex();
        for config in configs() {
            let at = |seed| Weights::collect(&config.init(seed, &device).unwrap());
            assert_eq!(at(1), at(1));
            assert_ne!(at(1), at(2));
        }
    }

    #[test]
    fn trainable_parameters_leave_out_statistics_and_standardisation() {
        let model = configs()[1].init(0, &Device::flex().autodiff()).unwrap();
        let linear = |i: usize, o: usize| i * o + o;
        let expected = linear(7, 16)
            + linear(16, 32)
            + linear(32, 16)
            + linear(16, 5)
            + 2 * (16 + 32 + 16 + 5);
        assert_eq!(model.trainable_parameters(), expected);
        assert_eq!(model.valid().trainable_parameters(), 0);
    }
}
