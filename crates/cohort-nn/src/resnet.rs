//! Residual networks (He et al. 2016) of 18, 34 and 50 layers in torchvision's layout (50 is its
//! v1.5: the stride sits in the 3 x 3 convolution).

use std::sync::Arc;

use burn::module::Module;
use burn::nn::pool::MaxPool2dConfig;
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor, activation::relu};
use cohort_kernels::frozen::{Plan, Slot, Windows};
use serde::{Deserialize, Serialize};

use crate::checks::{at_least, share};
use crate::conv_norm::{ConvNorm, Spec};
use crate::dropout::dropout;
use crate::output::Output;
use crate::{Naming, NnError};
use crate::{fast, frozen};

/// The maximum pool after the stem.
const POOL: Windows = Windows {
    side: 3,
    padding: 1,
    over: false,
};

/// Settings of a [`Resnet`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResnetConfig {
    /// Number of layers: 18, 34 or 50.
    pub depth: usize,
    /// Height and width S of a picture in pixels, at least 32. Default 224.
    #[serde(default = "default_size")]
    pub size: usize,
    /// Number of classes K.
    pub classes: usize,
    /// Dropout before the output layer, in [0, 1). Default 0.
    #[serde(default)]
    pub dropout: f64,
}

fn default_size() -> usize {
    224
}

impl ResnetConfig {
    /// Names of torchvision's files.
    pub const NAMING: Naming = Naming {
        rename: torchvision_name,
        head: Some("fc"),
    };

    /// Defaults for K classes.
    pub fn new(depth: usize, classes: usize) -> Self {
        Self {
            depth,
            size: default_size(),
            classes,
            dropout: 0.0,
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`NnError::Config`] naming the first setting that does not fit.
    pub fn validate(&self) -> Result<(), NnError> {
        self.layout()?;
        at_least("size", self.size, 32)?;
        at_least("classes", self.classes, 2)?;
        share("dropout", self.dropout)
    }

    /// Blocks of each stage, and whether they are bottlenecks.
    fn layout(&self) -> Result<([usize; 4], bool), NnError> {
        match self.depth {
            18 => Ok(([2, 2, 2, 2], false)),
            34 => Ok(([3, 4, 6, 3], false)),
            50 => Ok(([3, 4, 6, 3], true)),
            other => Err(NnError::Config {
                field: "depth",
                expected: "18, 34 or 50".to_owned(),
                found: other.to_string(),
            }),
        }
    }

    /// Builds the network with initial weights from `seed`.
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn init(&self, seed: u64, device: &Device) -> Result<Resnet, NnError> {
        self.validate()?;
        let (counts, bottleneck) = self.layout()?;
        let mut inputs = 64;
        let mut stages = Vec::with_capacity(4);
        for (i, count) in counts.into_iter().enumerate() {
            let width = 64 << i;
            let mut blocks = Vec::with_capacity(count);
            for j in 0..count {
                let stride = if i > 0 && j == 0 { 2 } else { 1 };
                let block = Residual::new(inputs, width, stride, bottleneck, device);
                blocks.push(block);
                inputs = if bottleneck { 4 * width } else { width };
            }
            stages.push(blocks);
        }
        let network = Resnet {
            stem: Spec::new(3, 64)
                .kernel(7, 7)
                .stride(2)
                .padding(3, 3)
                .init(device),
            layer: stages,
            fc: LinearConfig::new(inputs, self.classes).init(device),
            size: self.size,
            dropout: self.dropout,
            frozen: None,
        };
        Ok(crate::init::seeded(network, seed))
    }
}

/// `layer.0.1.convs.0.conv` is `layer1.1.conv1` there, its norm `layer1.1.bn1`.
fn torchvision_name(own: &str) -> String {
    let parts: Vec<&str> = own.split('.').collect();
    let next = |i: &str| {
        i.parse::<usize>()
            .map_or_else(|_| i.to_owned(), |i| (i + 1).to_string())
    };
    match parts[..] {
        ["stem", kind, last] => format!("{kind}1.{last}"),
        ["layer", i, j, "convs", k, kind, last] => {
            format!("layer{}.{j}.{kind}{}.{last}", next(i), next(k))
        }
        ["layer", i, j, "downsample", kind, last] => {
            let place = usize::from(kind == "bn");
            format!("layer{}.{j}.downsample.{place}.{last}", next(i))
        }
        _ => own.to_owned(),
    }
}

/// Made by [`ResnetConfig::init`].
#[derive(Module, Debug)]
pub struct Resnet {
    stem: ConvNorm,
    layer: Vec<Vec<Residual>>,
    fc: Linear,
    size: usize,
    dropout: f64,
    /// How the CPU computes the embedding of a folded network.
    #[module(skip)]
    frozen: Option<Arc<Plan>>,
}

/// Two 3 x 3 convolutions (or 1 x 1, 3 x 3, 1 x 1), and the input added.
#[derive(Module, Debug)]
struct Residual {
    convs: Vec<ConvNorm>,
    downsample: Option<ConvNorm>,
}

impl Resnet {
    /// Pictures `[batch, 3 * S * S]`, channel by channel and row by row, to logits `[batch, K]` and
    /// the pooled embedding `[batch, 512]` (2,048 at depth 50).
    ///
    /// `dropout_seed` switches dropout on (training); none leaves it out (evaluation).
    pub fn forward(&self, input: Tensor<2>, dropout_seed: Option<u64>) -> Output {
        let embedding = match &self.frozen {
            Some(plan) if dropout_seed.is_none() && fast::inference(&input) => {
                frozen::rows(plan, input, self.fc.weight.dims()[0])
            }
            _ => self.pooled(input),
        };
        let dropped = dropout(embedding.clone(), self.dropout, dropout_seed, 0);
        Output {
            logits: self.fc.forward(dropped),
            embedding,
        }
    }

    fn pooled(&self, input: Tensor<2>) -> Tensor<2> {
        let [batch, _] = input.dims();
        let x = input.reshape([batch, 3, self.size, self.size]);
        let pool = MaxPool2dConfig::new([3, 3])
            .with_strides([2, 2])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .init();
        let mut x = pool.forward(self.stem.forward_relu(x));
        for block in self.layer.iter().flatten() {
            x = block.forward(x);
        }
        let width = x.dims()[1];
        x.mean_dims(&[2, 3]).reshape([batch, width])
    }

    /// The same network for evaluation, with the norms folded into the convolutions.
    pub fn folded(self) -> Self {
        let stage = |blocks: Vec<Residual>| blocks.into_iter().map(Residual::folded).collect();
        let mut folded = Self {
            stem: self.stem.folded(),
            layer: self.layer.into_iter().map(stage).collect(),
            ..self
        };
        folded.frozen = folded.plan().map(Arc::new);
        folded
    }

    /// The folded network up to the embedding; none where its weights do not lie on the CPU.
    fn plan(&self) -> Option<Plan> {
        let (mut plan, input) = Plan::new(3, [self.size; 2]);
        plan.stage(2);
        let stem = plan.convolve(self.stem.frozen()?, input, true)?;
        let mut x = plan.halve_by_maximum(stem, None, POOL)?;
        for (i, blocks) in self.layer.iter().enumerate() {
            // planes become smaller and weights larger
            plan.stage(2 << i);
            for block in blocks {
                x = block.plan(&mut plan, x)?;
            }
        }
        let pooled = plan.mean(x);
        Some(plan.finish(pooled))
    }
}

impl Residual {
    fn new(inputs: usize, width: usize, stride: usize, bottleneck: bool, device: &Device) -> Self {
        let three = |inputs, stride| {
            let spec = Spec::new(inputs, width).kernel(3, 3).padding(1, 1);
            spec.stride(stride).init(device)
        };
        let (convs, outputs) = if bottleneck {
            let reduce = Spec::new(inputs, width).init(device);
            let expand = Spec::new(width, 4 * width).init(device);
            (vec![reduce, three(width, stride), expand], 4 * width)
        } else {
            (vec![three(inputs, stride), three(width, 1)], width)
        };
        let changed = stride > 1 || inputs != outputs;
        Self {
            convs,
            downsample: changed.then(|| Spec::new(inputs, outputs).stride(stride).init(device)),
        }
    }

    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let mut x = input.clone();
        for (i, conv) in self.convs.iter().enumerate() {
            x = match i + 1 < self.convs.len() {
                true => conv.forward_relu(x),
                false => conv.forward(x),
            };
        }
        let skipped = match &self.downsample {
            Some(conv) => conv.forward(input),
            None => input,
        };
        relu(x + skipped)
    }

    /// The output is written over the shortcut.
    fn plan(&self, plan: &mut Plan, x: Slot) -> Option<Slot> {
        let (last, before) = self.convs.split_last()?;
        let mut own = x;
        for conv in before {
            let next = plan.convolve(conv.frozen()?, own, true)?;
            if own.is_apart(x) {
                plan.release(own);
            }
            own = next;
        }
        let sum = match &self.downsample {
            Some(conv) => plan.convolve(conv.frozen()?, x, false)?,
            None => x,
        };
        plan.convolve_into(last.frozen()?, own, sum, Some(sum), true)?;
        plan.release(own);
        if sum.is_apart(x) {
            plan.release(x);
        }
        Some(sum)
    }

    fn folded(self) -> Self {
        Self {
            convs: self.convs.into_iter().map(ConvNorm::folded).collect(),
            downsample: self.downsample.map(ConvNorm::folded),
        }
    }
}
