//! MobileFaceNet (Chen et al. 2018): a face network of one million parameters, in the layout of the
//! widespread PyTorch files (`net_state_dict` with `conv1`, `dw_conv1`, `blocks`, `linear7`,
//! `linear1`).

use std::sync::Arc;

use burn::module::Module;
use burn::nn::{Linear, LinearConfig, PRelu, PReluConfig};
use burn::tensor::{Device, Tensor};
use cohort_kernels::frozen::{Layer, Plan, Slot};
use serde::{Deserialize, Serialize};

use crate::checks::{at_least, share};
use crate::conv_norm::{ConvNorm, Spec};
use crate::dropout::dropout;
use crate::fast;
use crate::frozen::{self, After};
use crate::output::{Output, unit_length};
use crate::{Naming, NnError};

/// Width of the embedding.
const EMBEDDING: usize = 128;
/// Side of a picture in pixels. The network looks at the middle [`WIDTH`] columns: faces aligned to
/// 112 x 112 are those aligned to 96 x 112 with 8 more columns at either side.
const SIZE: usize = 112;
const WIDTH: usize = 96;

/// Expansion, output channels, number and first stride of each group of bottlenecks.
const GROUPS: [[usize; 4]; 5] = [
    [2, 64, 5, 2],
    [4, 128, 1, 2],
    [2, 128, 6, 1],
    [4, 128, 1, 2],
    [2, 128, 2, 1],
];

/// Pictures that a plan takes through the first layers, whose planes are large, at a time, and through all others.
const LARGE_PICTURES: usize = 2;
const PICTURES: usize = 16;

/// Settings of a [`MobileFaceNet`]; its pictures are 112 pixels high and wide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MobileFaceNetConfig {
    /// Number of classes K.
    pub classes: usize,
    /// Dropout before the output layer, in [0, 1). Default 0.
    #[serde(default)]
    pub dropout: f64,
}

impl MobileFaceNetConfig {
    /// Side of a picture in pixels.
    pub const SIZE: usize = SIZE;

    /// Names of the PyTorch files; they have no layer of logits.
    pub const NAMING: Naming = Naming {
        rename: torch_name,
        head: Some("output"),
    };

    /// Defaults for K classes.
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            dropout: 0.0,
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`NnError::Config`] naming the first setting that does not fit.
    pub fn validate(&self) -> Result<(), NnError> {
        at_least("classes", self.classes, 2)?;
        share("dropout", self.dropout)
    }

    /// Builds the network with initial weights from `seed`.
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn init(&self, seed: u64, device: &Device) -> Result<MobileFaceNet, NnError> {
        self.validate()?;
        let mut inputs = 64;
        let mut blocks = Vec::new();
        for [expansion, outputs, count, stride] in GROUPS {
            for i in 0..count {
                let stride = if i == 0 { stride } else { 1 };
                let inner = expansion * inputs;
                blocks.push(Bottleneck {
                    expand: Active::new(Spec::new(inputs, inner), device),
                    depthwise: Active::new(depthwise(inner).stride(stride), device),
                    project: Spec::new(inner, outputs).init(device),
                    connected: stride == 1 && inputs == outputs,
                });
                inputs = outputs;
            }
        }
        let stem = Spec::new(3, 64).kernel(3, 3).padding(1, 1).stride(2);
        let places = Spec::new(512, 512).kernel(7, 6).depthwise();
        let network = MobileFaceNet {
            conv1: Active::new(stem, device),
            dw_conv1: Active::new(depthwise(64), device),
            blocks,
            conv2: Active::new(Spec::new(inputs, 512), device),
            linear7: places.init(device),
            linear1: Spec::new(512, EMBEDDING).init(device),
            output: LinearConfig::new(EMBEDDING, self.classes).init(device),
            dropout: self.dropout,
            frozen: None,
        };
        Ok(crate::init::seeded(network, seed))
    }
}

fn depthwise(channels: usize) -> Spec {
    Spec::new(channels, channels)
        .kernel(3, 3)
        .padding(1, 1)
        .depthwise()
}

/// `conv1.conv.conv` is `conv1.conv` there, `blocks.0.depthwise.conv.bn` is `blocks.0.conv.4`: each
/// block is one sequence of eight layers.
fn torch_name(own: &str) -> String {
    let name = own
        .replace(".conv.conv.", ".conv.")
        .replace(".conv.bn.", ".bn.");
    let parts: Vec<&str> = name.split('.').collect();
    let ["blocks", block, part, kind, last] = parts[..] else {
        return name;
    };
    let first = match part {
        "expand" => 0,
        "depthwise" => 3,
        _ => 6,
    };
    let offset = match kind {
        "conv" => 0,
        "bn" => 1,
        _ => 2,
    };
    format!("blocks.{block}.conv.{}.{last}", first + offset)
}

/// Made by [`MobileFaceNetConfig::init`].
#[derive(Module, Debug)]
pub struct MobileFaceNet {
    conv1: Active,
    dw_conv1: Active,
    blocks: Vec<Bottleneck>,
    conv2: Active,
    linear7: ConvNorm,
    linear1: ConvNorm,
    output: Linear,
    dropout: f64,
    /// How the CPU computes the embedding of a folded network.
    #[module(skip)]
    frozen: Option<Arc<Plan>>,
}

/// Convolution, batch norm, and a rectifier whose slope below zero is learnt by channel.
#[derive(Module, Debug)]
struct Active {
    conv: ConvNorm,
    prelu: PRelu,
}

/// Expansion, a depthwise convolution, and a linear projection; the input added where shapes allow.
#[derive(Module, Debug)]
struct Bottleneck {
    expand: Active,
    depthwise: Active,
    project: ConvNorm,
    connected: bool,
}

impl MobileFaceNet {
    /// Pictures `[batch, 3 * 112 * 112]`, channel by channel and row by row, to logits `[batch, K]`
    /// and the embedding scaled to length 1, `[batch, 128]`, by which faces are compared. The
    /// logits are taken from the embedding as it is.
    ///
    /// `dropout_seed` switches dropout on (training); none leaves it out (evaluation).
    pub fn forward(&self, input: Tensor<2>, dropout_seed: Option<u64>) -> Output {
        let [batch, _] = input.dims();
        let margin = (SIZE - WIDTH) / 2;
        let seen = input.reshape([batch, 3, SIZE, SIZE]).slice([
            0..batch,
            0..3,
            0..SIZE,
            margin..margin + WIDTH,
        ]);
        let embedding = match &self.frozen {
            Some(plan) if dropout_seed.is_none() && fast::inference(&seen) => {
                frozen::rows(plan, seen.reshape([batch, 3 * SIZE * WIDTH]), EMBEDDING)
            }
            _ => self.embedding(seen),
        };
        let dropped = dropout(embedding.clone(), self.dropout, dropout_seed, 0);
        Output {
            logits: self.output.forward(dropped),
            embedding: unit_length(embedding),
        }
    }

    /// The embedding of the middle columns of pictures, as it is.
    fn embedding(&self, seen: Tensor<4>) -> Tensor<2> {
        let [batch, ..] = seen.dims();
        let mut x = self.dw_conv1.forward(self.conv1.forward(seen));
        for block in &self.blocks {
            x = block.forward(x);
        }
        x = self.linear7.forward(self.conv2.forward(x));
        self.linear1.forward(x).reshape([batch, EMBEDDING])
    }

    /// The same network for evaluation, with the norms folded into the convolutions.
    pub fn folded(self) -> Self {
        let mut folded = Self {
            conv1: self.conv1.folded(),
            dw_conv1: self.dw_conv1.folded(),
            blocks: self.blocks.into_iter().map(Bottleneck::folded).collect(),
            conv2: self.conv2.folded(),
            linear7: self.linear7.folded(),
            linear1: self.linear1.folded(),
            ..self
        };
        folded.frozen = folded.plan().map(Arc::new);
        folded
    }

    /// The folded network up to the embedding; none where its weights do not lie on the CPU.
    fn plan(&self) -> Option<Plan> {
        let (mut plan, input) = Plan::new(3, [SIZE, WIDTH]);
        plan.stage(LARGE_PICTURES);
        let mut x = plan.convolve(self.conv1.frozen()?, input, false)?;
        x = self.dw_conv1.plan_depthwise(&mut plan, x)?;
        for (i, block) in self.blocks.iter().enumerate() {
            if i == GROUPS[0][2] {
                plan.stage(PICTURES);
            }
            x = block.plan(&mut plan, x)?;
        }
        x = plan.convolve(self.conv2.frozen()?, x, false)?;
        x = plan.depthwise(self.linear7.frozen_depthwise(After::Nothing)?, x)?;
        x = plan.convolve(self.linear1.frozen()?, x, false)?;
        Some(plan.finish(x))
    }
}

impl Active {
    fn new(spec: Spec, device: &Device) -> Self {
        let conv = spec.init(device);
        let prelu = PReluConfig::new().with_num_parameters(conv.outputs());
        Self {
            conv,
            prelu: prelu.init(device),
        }
    }

    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        fast::prelu(&self.prelu, self.conv.forward(input))
    }

    fn folded(self) -> Self {
        Self {
            conv: self.conv.folded(),
            ..self
        }
    }

    fn frozen(&self) -> Option<Layer> {
        frozen::sloped(self.conv.frozen()?, &self.prelu)
    }

    /// Releases what `x` holds.
    fn plan_depthwise(&self, plan: &mut Plan, x: Slot) -> Option<Slot> {
        let layer = self.conv.frozen_depthwise(After::PRelu(&self.prelu))?;
        let to = plan.depthwise(layer, x)?;
        plan.release(x);
        Some(to)
    }
}

impl Bottleneck {
    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let x = self.depthwise.forward(self.expand.forward(input.clone()));
        let x = self.project.forward(x);
        if self.connected { x + input } else { x }
    }

    /// The output is written over the input where that is added.
    fn plan(&self, plan: &mut Plan, x: Slot) -> Option<Slot> {
        let inner = plan.convolve(self.expand.frozen()?, x, false)?;
        let inner = self.depthwise.plan_depthwise(plan, inner)?;
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
            expand: self.expand.folded(),
            depthwise: self.depthwise.folded(),
            project: self.project.folded(),
            ..self
        }
    }
}
