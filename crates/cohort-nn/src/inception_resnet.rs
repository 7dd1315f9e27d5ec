//! Inception-ResNet-V1 as a face network (Szegedy et al. 2016; Schroff et al. 2015), in the layout of
//! facenet-pytorch, whose weights on VGGFace2 and CASIA-WebFace it takes.

use std::sync::Arc;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::MaxPool2dConfig;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, activation::relu};
use cohort_kernels::frozen::{Plan, Slot, Windows};
use serde::{Deserialize, Serialize};

use crate::checks::{at_least, share};
use crate::conv_norm::{ConvNorm, Spec, fold_linear};
use crate::dropout::dropout;
use crate::output::{Output, unit_length};
use crate::{Naming, NnError};
use crate::{fast, frozen};

/// Width of the bottleneck, and of the embedding.
const BOTTLENECK: usize = 512;
/// Channels of the last block.
const LAST: usize = 1792;
/// What the norms add to the variance.
const EPSILON: f64 = 1e-3;

/// Pictures that a plan takes through the first six layers at a time, where they are large, and
/// through all others.
const STEM_PICTURES: usize = 2;
const PICTURES: usize = 16;

/// Its maximum pools.
const POOL: Windows = Windows {
    side: 3,
    padding: 0,
    over: false,
};

/// Settings of an [`InceptionResnetV1`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InceptionResnetV1Config {
    /// Height and width S of a picture in pixels, at least 75. Default 160.
    #[serde(default = "default_size")]
    pub size: usize,
    /// Number of classes K.
    pub classes: usize,
    /// Dropout before the bottleneck, in [0, 1). Default 0.6.
    #[serde(default = "default_dropout")]
    pub dropout: f64,
}

fn default_size() -> usize {
    160
}

fn default_dropout() -> f64 {
    0.6
}

impl InceptionResnetV1Config {
    /// Names of facenet-pytorch's files.
    pub const NAMING: Naming = Naming {
        rename: facenet_name,
        head: Some("logits"),
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
        at_least("size", self.size, 75)?;
        at_least("classes", self.classes, 2)?;
        share("dropout", self.dropout)
    }

    /// Builds the network with initial weights from `seed`.
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn init(&self, seed: u64, device: &Device) -> Result<InceptionResnetV1, NnError> {
        self.validate()?;
        let one = |inputs, outputs| conv(inputs, outputs).init(device);
        let three = |inputs, outputs| {
            conv(inputs, outputs)
                .kernel(3, 3)
                .padding(1, 1)
                .init(device)
        };
        let edge = |inputs, outputs| conv(inputs, outputs).kernel(3, 3);
        let halve = |inputs, outputs| edge(inputs, outputs).stride(2).init(device);
        let wide = |n, k| conv(n, n).kernel(1, k).padding(0, k / 2).init(device);
        let tall = |n, k| conv(n, n).kernel(k, 1).padding(k / 2, 0).init(device);
        let block35 = || {
            let branches = vec![
                vec![one(256, 32)],
                vec![one(256, 32), three(32, 32)],
                vec![one(256, 32), three(32, 32), three(32, 32)],
            ];
            Block::new(branches, 96, 256, 0.17, true, device)
        };
        let block17 = || {
            let branches = vec![
                vec![one(896, 128)],
                vec![one(896, 128), wide(128, 7), tall(128, 7)],
            ];
            Block::new(branches, 256, 896, 0.10, true, device)
        };
        let block8 = |scale, activated| {
            let branches = vec![
                vec![one(LAST, 192)],
                vec![one(LAST, 192), wide(192, 3), tall(192, 3)],
            ];
            Block::new(branches, 384, LAST, scale, activated, device)
        };
        let network = InceptionResnetV1 {
            conv2d_1a: halve(3, 32),
            conv2d_2a: edge(32, 32).init(device),
            conv2d_2b: three(32, 64),
            conv2d_3b: one(64, 80),
            conv2d_4a: edge(80, 192).init(device),
            conv2d_4b: halve(192, 256),
            repeat_1: (0..5).map(|_| block35()).collect(),
            mixed_6a: Mixed {
                branches: vec![
                    vec![halve(256, 384)],
                    vec![one(256, 192), three(192, 192), halve(192, 256)],
                ],
            },
            repeat_2: (0..10).map(|_| block17()).collect(),
            mixed_7a: Mixed {
                branches: vec![
                    vec![one(896, 256), halve(256, 384)],
                    vec![one(896, 256), halve(256, 256)],
                    vec![one(896, 256), three(256, 256), halve(256, 256)],
                ],
            },
            repeat_3: (0..5).map(|_| block8(0.20, true)).collect(),
            block8: block8(1.0, false),
            last_linear: LinearConfig::new(LAST, BOTTLENECK)
                .with_bias(false)
                .init(device),
            last_bn: Some(
                BatchNormConfig::new(BOTTLENECK)
                    .with_epsilon(EPSILON)
                    .init(device),
            ),
            logits: LinearConfig::new(BOTTLENECK, self.classes).init(device),
            size: self.size,
            dropout: self.dropout,
            frozen: None,
        };
        Ok(crate::init::seeded(network, seed))
    }
}

fn conv(inputs: usize, outputs: usize) -> Spec {
    Spec::new(inputs, outputs).epsilon(EPSILON)
}

/// `repeat_1.0.branches.1.0.conv` is `repeat_1.0.branch1.0.conv` there, and a branch of one
/// convolution has no number for it.
fn facenet_name(own: &str) -> String {
    let name = own.replace(".branches.", ".branch");
    if name.starts_with("mixed_7a") {
        return name;
    }
    name.replace(".branch0.0.", ".branch0.")
}

/// 23.5 million parameters; made by [`InceptionResnetV1Config::init`].
#[derive(Module, Debug)]
pub struct InceptionResnetV1 {
    conv2d_1a: ConvNorm,
    conv2d_2a: ConvNorm,
    conv2d_2b: ConvNorm,
    conv2d_3b: ConvNorm,
    conv2d_4a: ConvNorm,
    conv2d_4b: ConvNorm,
    repeat_1: Vec<Block>,
    mixed_6a: Mixed,
    repeat_2: Vec<Block>,
    mixed_7a: Mixed,
    repeat_3: Vec<Block>,
    block8: Block,
    last_linear: Linear,
    last_bn: Option<BatchNorm>,
    logits: Linear,
    size: usize,
    dropout: f64,
    /// How the CPU computes the bottleneck of a folded network.
    #[module(skip)]
    frozen: Option<Arc<Plan>>,
}

/// Branches side by side, a 1 x 1 convolution over them, and the input added.
#[derive(Module, Debug)]
struct Block {
    branches: Vec<Vec<ConvNorm>>,
    conv2d: Conv2d,
    scale: f64,
    activated: bool,
}

/// Branches side by side that halve height and width, and a maximum pool beside them.
#[derive(Module, Debug)]
struct Mixed {
    branches: Vec<Vec<ConvNorm>>,
}

impl InceptionResnetV1 {
    /// Pictures `[batch, 3 * S * S]`, channel by channel and row by row, to logits `[batch, K]` and
    /// the bottleneck scaled to length 1, `[batch, 512]`, by which faces are compared. The logits
    /// are taken from the bottleneck as it is.
    ///
    /// `dropout_seed` switches dropout on (training); none leaves it out (evaluation).
    pub fn forward(&self, input: Tensor<2>, dropout_seed: Option<u64>) -> Output {
        let bottleneck = match &self.frozen {
            Some(plan) if dropout_seed.is_none() && fast::inference(&input) => {
                frozen::rows(plan, input, BOTTLENECK)
            }
            _ => self.bottleneck(input, dropout_seed),
        };
        Output {
            logits: self.logits.forward(bottleneck.clone()),
            embedding: unit_length(bottleneck),
        }
    }

    fn bottleneck(&self, input: Tensor<2>, dropout_seed: Option<u64>) -> Tensor<2> {
        let [batch, _] = input.dims();
        let mut x = input.reshape([batch, 3, self.size, self.size]);
        for conv in [&self.conv2d_1a, &self.conv2d_2a, &self.conv2d_2b] {
            x = conv.forward_relu(x);
        }
        x = halve_by_maximum(x);
        for conv in [&self.conv2d_3b, &self.conv2d_4a, &self.conv2d_4b] {
            x = conv.forward_relu(x);
        }
        let through = |x, blocks: &[Block]| blocks.iter().fold(x, |x, block| block.forward(x));
        x = through(x, &self.repeat_1);
        x = self.mixed_6a.forward(x);
        x = through(x, &self.repeat_2);
        x = self.mixed_7a.forward(x);
        x = through(x, &self.repeat_3);
        x = self.block8.forward(x);
        let pooled = x.mean_dims(&[2, 3]).reshape([batch, LAST]);
        let dropped = dropout(pooled, self.dropout, dropout_seed, 0);
        let bottleneck = self.last_linear.forward(dropped);
        match &self.last_bn {
            Some(bn) => bn.forward(bottleneck),
            None => bottleneck,
        }
    }

    /// The same network for evaluation, with the norms folded into the layers before them.
    pub fn folded(self) -> Self {
        let blocks = |blocks: Vec<Block>| blocks.into_iter().map(Block::folded).collect();
        let last_linear = match &self.last_bn {
            Some(bn) => fold_linear(self.last_linear, bn),
            None => self.last_linear,
        };
        let mut folded = Self {
            conv2d_1a: self.conv2d_1a.folded(),
            conv2d_2a: self.conv2d_2a.folded(),
            conv2d_2b: self.conv2d_2b.folded(),
            conv2d_3b: self.conv2d_3b.folded(),
            conv2d_4a: self.conv2d_4a.folded(),
            conv2d_4b: self.conv2d_4b.folded(),
            repeat_1: blocks(self.repeat_1),
            mixed_6a: self.mixed_6a.folded(),
            repeat_2: blocks(self.repeat_2),
            mixed_7a: self.mixed_7a.folded(),
            repeat_3: blocks(self.repeat_3),
            block8: self.block8.folded(),
            last_linear,
            last_bn: None,
            ..self
        };
        folded.frozen = folded.plan().map(Arc::new);
        folded
    }

    /// The folded network up to the bottleneck; none where its weights do not lie on the CPU.
    fn plan(&self) -> Option<Plan> {
        let (mut plan, mut x) = Plan::new(3, [self.size; 2]);
        let through = |plan: &mut Plan, mut x: Slot, convs: [&ConvNorm; 3]| {
            for conv in convs {
                let next = plan.convolve(conv.frozen()?, x, true)?;
                plan.release(x);
                x = next;
            }
            Some(x)
        };
        plan.stage(STEM_PICTURES);
        x = through(
            &mut plan,
            x,
            [&self.conv2d_1a, &self.conv2d_2a, &self.conv2d_2b],
        )?;
        x = plan.halve_by_maximum(x, None, POOL)?;
        x = through(
            &mut plan,
            x,
            [&self.conv2d_3b, &self.conv2d_4a, &self.conv2d_4b],
        )?;
        plan.stage(PICTURES);
        for block in &self.repeat_1 {
            block.plan(&mut plan, x)?;
        }
        x = self.mixed_6a.plan(&mut plan, x)?;
        for block in &self.repeat_2 {
            block.plan(&mut plan, x)?;
        }
        x = self.mixed_7a.plan(&mut plan, x)?;
        for block in self.repeat_3.iter().chain([&self.block8]) {
            block.plan(&mut plan, x)?;
        }
        x = plan.mean(x);
        x = plan.convolve(frozen::linear(&self.last_linear)?, x, false)?;
        Some(plan.finish(x))
    }
}

impl Block {
    fn new(
        branches: Vec<Vec<ConvNorm>>,
        inner: usize,
        outer: usize,
        scale: f64,
        activated: bool,
        device: &Device,
    ) -> Self {
        Self {
            branches,
            conv2d: Conv2dConfig::new([inner, outer], [1, 1]).init(device),
            scale,
            activated,
        }
    }

    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let branches = along(&self.branches, &input);
        let out = fast::conv2d(&self.conv2d, Tensor::cat(branches, 1)) * self.scale + input;
        if self.activated { relu(out) } else { out }
    }

    fn folded(self) -> Self {
        Self {
            branches: fold_branches(self.branches),
            ..self
        }
    }

    /// The output is written over the input.
    fn plan(&self, plan: &mut Plan, x: Slot) -> Option<()> {
        let joined = plan.beside(x, self.conv2d.weight.dims()[1]);
        plan_along(plan, &self.branches, x, joined)?;
        let project = frozen::convolution(&self.conv2d, self.scale as f32)?;
        plan.convolve_into(project, joined, x, Some(x), self.activated)?;
        plan.release(joined);
        Some(())
    }
}

impl Mixed {
    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let mut branches = along(&self.branches, &input);
        branches.push(halve_by_maximum(input));
        Tensor::cat(branches, 1)
    }

    fn folded(self) -> Self {
        Self {
            branches: fold_branches(self.branches),
        }
    }

    fn plan(&self, plan: &mut Plan, x: Slot) -> Option<Slot> {
        let convolved: usize = self
            .branches
            .iter()
            .flat_map(|b| b.last())
            .map(ConvNorm::outputs)
            .sum();
        let joined = plan.halved(x, convolved + x.channels(), POOL)?;
        plan_along(plan, &self.branches, x, joined)?;
        plan.halve_by_maximum(x, Some(joined.part(convolved, x.channels())), POOL)?;
        plan.release(x);
        Some(joined)
    }
}

/// Branches into neighbouring channels of `joined`.
fn plan_along(plan: &mut Plan, branches: &[Vec<ConvNorm>], x: Slot, joined: Slot) -> Option<()> {
    let mut first = 0;
    for branch in branches {
        let (last, before) = branch.split_last()?;
        let mut own = x;
        for conv in before {
            let next = plan.convolve(conv.frozen()?, own, true)?;
            if own.is_apart(x) {
                plan.release(own);
            }
            own = next;
        }
        let to = joined.part(first, last.outputs());
        plan.convolve_into(last.frozen()?, own, to, None, true)?;
        if own.is_apart(x) {
            plan.release(own);
        }
        first += last.outputs();
    }
    Some(())
}

fn along(branches: &[Vec<ConvNorm>], input: &Tensor<4>) -> Vec<Tensor<4>> {
    let branch = |convs: &Vec<ConvNorm>| {
        let step = |x, conv: &ConvNorm| conv.forward_relu(x);
        convs.iter().fold(input.clone(), step)
    };
    branches.iter().map(branch).collect()
}

fn fold_branches(branches: Vec<Vec<ConvNorm>>) -> Vec<Vec<ConvNorm>> {
    let branch = |convs: Vec<ConvNorm>| convs.into_iter().map(ConvNorm::folded).collect();
    branches.into_iter().map(branch).collect()
}

/// Largest value of 3 x 3 places, every second place, without padding.
fn halve_by_maximum(input: Tensor<4>) -> Tensor<4> {
    let pool = MaxPool2dConfig::new([3, 3]).with_strides([2, 2]).init();
    pool.forward(input)
}
