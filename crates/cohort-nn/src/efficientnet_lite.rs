//! EfficientNet-Lite0 (Tan and Le 2019; the Lite forms are Google's of 2020, without squeeze-and-excitation and with ReLU6): a
//! picture network of 4.7 million parameters, in the layout of the widespread PyTorch port (`_conv_stem`, `_blocks.0._bn1`,
//! `_fc`).

use std::sync::Arc;

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use cohort_kernels::frozen::{Layer, Plan, Slot};
use serde::{Deserialize, Serialize};

use crate::checks::{at_least, share};
use crate::conv_norm::{ConvNorm, Spec};
use crate::dropout::dropout;
use crate::fast;
use crate::frozen::{self, After};
use crate::output::Output;
use crate::{Naming, NnError};

/// Width of the embedding.
const EMBEDDING: usize = 1_280;
/// What the norms add to the variance.
const EPSILON: f64 = 1e-3;

/// Kernel, first stride, expansion, output channels and number of each group of blocks.
const GROUPS: [[usize; 5]; 7] = [
    [3, 1, 1, 16, 1],
    [3, 2, 6, 24, 2],
    [5, 2, 6, 40, 2],
    [3, 2, 6, 80, 3],
    [5, 1, 6, 112, 3],
    [5, 2, 6, 192, 4],
    [3, 1, 6, 320, 1],
];

/// Pictures that a plan takes through the first blocks, whose planes are large, at a time, and through all others.
const LARGE_PICTURES: usize = 1;
const PICTURES: usize = 8;
/// Blocks before the planes are small.
const LARGE_BLOCKS: usize = 5;

/// Settings of an [`EfficientNetLite`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EfficientNetLiteConfig {
    /// Height and width S of a picture in pixels, at least 32. Default 224.
    #[serde(default = "default_size")]
    pub size: usize,
    /// Number of classes K.
    pub classes: usize,
    /// Dropout before the output layer, in [0, 1). Default 0.2.
    #[serde(default = "default_dropout")]
    pub dropout: f64,
}

fn default_size() -> usize {
    224
}

fn default_dropout() -> f64 {
    0.2
}

impl EfficientNetLiteConfig {
    /// Names of the PyTorch files.
    pub const NAMING: Naming = Naming {
        rename: torch_name,
        head: Some("_fc"),
    };

    /// Defaults for K classes.
    pub fn new(classes: usize) -> Self {
        Self {
            size: default_size(),
            classes,
            dropout: default_dropout(),
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`NnError::Config`] naming the first setting that does not fit.
    pub fn validate(&self) -> Result<(), NnError> {
        at_least("size", self.size, 32)?;
        at_least("classes", self.classes, 2)?;
        share("dropout", self.dropout)
    }

    /// Builds the network with initial weights from `seed`.
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn init(&self, seed: u64, device: &Device) -> Result<EfficientNetLite, NnError> {
        self.validate()?;
        let mut side = self.size;
        // a layer on planes of the present side, which it leaves smaller by its stride
        let layer = |side: &mut usize, spec: Spec| {
            let spec = spec.epsilon(EPSILON).padded_as_tensorflow(*side);
            *side = spec.strides_over(*side);
            spec.init(device)
        };
        let stem = layer(&mut side, Spec::new(3, 32).kernel(3, 3).stride(2));
        let (mut inputs, mut blocks) = (32, Vec::new());
        for [kernel, stride, expansion, outputs, count] in GROUPS {
            for i in 0..count {
                let stride = if i == 0 { stride } else { 1 };
                let inner = expansion * inputs;
                let expand = (expansion > 1).then(|| layer(&mut side, Spec::new(inputs, inner)));
                let depthwise = Spec::new(inner, inner)
                    .kernel(kernel, kernel)
                    .stride(stride);
                blocks.push(Block {
                    expand,
                    depthwise: layer(&mut side, depthwise.depthwise()),
                    project: layer(&mut side, Spec::new(inner, outputs)),
                    connected: stride == 1 && inputs == outputs,
                });
                inputs = outputs;
            }
        }
        let network = EfficientNetLite {
            stem,
            blocks,
            last: layer(&mut side, Spec::new(inputs, EMBEDDING)),
            output: LinearConfig::new(EMBEDDING, self.classes).init(device),
            size: self.size,
            dropout: self.dropout,
            frozen: None,
        };
        Ok(crate::init::seeded(network, seed))
    }
}

/// `blocks.3.depthwise.bn.weight` is `_blocks.3._bn1.weight` there.
fn torch_name(own: &str) -> String {
    let parts: Vec<&str> = own.split('.').collect();
    match parts[..] {
        ["stem", "conv", last] => format!("_conv_stem.{last}"),
        ["stem", "bn", last] => format!("_bn0.{last}"),
        ["last", "conv", last] => format!("_conv_head.{last}"),
        ["last", "bn", last] => format!("_bn1.{last}"),
        ["output", last] => format!("_fc.{last}"),
        ["blocks", block, part, "conv", last] => format!("_blocks.{block}._{part}_conv.{last}"),
        ["blocks", block, part, "bn", last] => {
            let number = match part {
                "expand" => 0,
                "depthwise" => 1,
                _ => 2,
            };
            format!("_blocks.{block}._bn{number}.{last}")
        }
        _ => own.to_owned(),
    }
}

/// Made by [`EfficientNetLiteConfig::init`].
#[derive(Module, Debug)]
pub struct EfficientNetLite {
    stem: ConvNorm,
    blocks: Vec<Block>,
    last: ConvNorm,
    output: Linear,
    size: usize,
    dropout: f64,
    /// How the CPU computes the embedding of a folded network.
    #[module(skip)]
    frozen: Option<Arc<Plan>>,
}

/// Expansion, a depthwise convolution, and a linear projection; the input added where shapes allow.
#[derive(Module, Debug)]
struct Block {
    expand: Option<ConvNorm>,
    depthwise: ConvNorm,
    project: ConvNorm,
    connected: bool,
}

/// A rectifier that is cut at 6.
fn relu6(layer: &ConvNorm, input: Tensor<4>) -> Tensor<4> {
    layer.forward_relu(input).clamp_max(6.0)
}

impl EfficientNetLite {
    /// Pictures `[batch, 3 * S * S]`, channel by channel and row by row, to logits `[batch, K]` and the mean over places of the
    /// last layer, `[batch, 1280]`. In training no block is left out at random, as the authors did.
    ///
    /// `dropout_seed` switches dropout on (training); none leaves it out (evaluation).
    pub fn forward(&self, input: Tensor<2>, dropout_seed: Option<u64>) -> Output {
        let [batch, _] = input.dims();
        let embedding = match &self.frozen {
            Some(plan) if dropout_seed.is_none() && fast::inference(&input) => {
                frozen::rows(plan, input, EMBEDDING)
            }
            _ => self.embedding(input.reshape([batch, 3, self.size, self.size])),
        };
        let dropped = dropout(embedding.clone(), self.dropout, dropout_seed, 0);
        Output {
            logits: self.output.forward(dropped),
            embedding,
        }
    }

    fn embedding(&self, pictures: Tensor<4>) -> Tensor<2> {
        let mut x = relu6(&self.stem, pictures);
        for block in &self.blocks {
            x = block.forward(x);
        }
        let x = relu6(&self.last, x);
        let [batch, channels, height, width] = x.dims();
        let places = x.reshape([batch, channels, height * width]);
        places.mean_dim(2).reshape([batch, channels])
    }

    /// The same network for evaluation, with the norms folded into the convolutions.
    pub fn folded(self) -> Self {
        let mut folded = Self {
            stem: self.stem.folded(),
            blocks: self.blocks.into_iter().map(Block::folded).collect(),
            last: self.last.folded(),
            ..self
        };
        folded.frozen = folded.plan().map(Arc::new);
        folded
    }

    /// The folded network up to the embedding; none where its weights do not lie on the CPU.
    fn plan(&self) -> Option<Plan> {
        let (mut plan, input) = Plan::new(3, [self.size, self.size]);
        plan.stage(LARGE_PICTURES);
        let mut x = plan.convolve(capped(&self.stem)?, input, true)?;
        for (i, block) in self.blocks.iter().enumerate() {
            if i == LARGE_BLOCKS {
                plan.stage(PICTURES);
            }
            x = block.plan(&mut plan, x)?;
        }
        x = plan.convolve(capped(&self.last)?, x, true)?;
        let mean = plan.mean(x);
        Some(plan.finish(mean))
    }
}

/// A convolution whose ReLU is cut at 6.
fn capped(layer: &ConvNorm) -> Option<Layer> {
    Some(layer.frozen()?.capped(6.0))
}

impl Block {
    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let x = match &self.expand {
            Some(expand) => relu6(expand, input.clone()),
            None => input.clone(),
        };
        let x = self.project.forward(relu6(&self.depthwise, x));
        if self.connected { x + input } else { x }
    }

    /// The output is written over the input where that is added.
    fn plan(&self, plan: &mut Plan, x: Slot) -> Option<Slot> {
        let depthwise = self.depthwise.frozen_depthwise(After::Relu6)?;
        let inner = match &self.expand {
            Some(expand) => {
                let wide = plan.convolve(capped(expand)?, x, true)?;
                let inner = plan.depthwise(depthwise, wide)?;
                plan.release(wide);
                inner
            }
            None => plan.depthwise(depthwise, x)?,
        };
        let project = self.project.frozen()?;
        let out = match self.connected {
            true => {
                plan.convolve_into(project, inner, x, Some(x), false)?;
                x
            }
            false => {
                plan.release(x);
                plan.convolve(project, inner, false)?
            }
        };
        plan.release(inner);
        Some(out)
    }

    fn folded(self) -> Self {
        Self {
            expand: self.expand.map(ConvNorm::folded),
            depthwise: self.depthwise.folded(),
            project: self.project.folded(),
            ..self
        }
    }
}
