//! Times the work that `scripts/speed_torch.py` gives to PyTorch and prints one line of JSON.
//!
//! `speed resnet18-training|inception-inference [plain] [rounds]`: a training step of ResNet-18 (batch
//! 16, 224 px, cross-entropy, SGD with momentum) or the embedding of 16 pictures of 160 px by
//! Inception-ResNet-V1 with folded batch norms. `plain` uses Burn's own layers.

use std::time::Instant;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::optim::{GradientsParams, SgdConfig, momentum::MomentumConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Int, Tensor};
use cohort_nn::burn;
use cohort_nn::fast;

/// Convolution, batch norm in training or bias in inference, ReLU where wanted.
#[derive(Module, Debug)]
struct Unit {
    conv: Conv2d,
    norm: Option<BatchNorm>,
    positive: bool,
    plain: bool,
}

impl Unit {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let after = |x| if self.positive { relu(x) } else { x };
        match (&self.norm, self.plain, self.positive) {
            (Some(norm), true, _) => after(norm.forward(self.conv.forward(x))),
            (Some(norm), false, true) => fast::batch_norm_relu(norm, fast::conv2d(&self.conv, x)),
            (Some(norm), false, false) => fast::batch_norm(norm, fast::conv2d(&self.conv, x)),
            (None, true, _) => after(self.conv.forward(x)),
            (None, false, true) => fast::conv2d_relu(&self.conv, x),
            (None, false, false) => fast::conv2d(&self.conv, x),
        }
    }
}

/// Makes units that share a device and a way of computing.
struct Maker<'a> {
    device: &'a Device,
    plain: bool,
    norm: bool,
}

impl Maker<'_> {
    fn unit(
        &self,
        channels: [usize; 2],
        kernel: [usize; 2],
        stride: usize,
        padding: [usize; 2],
        positive: bool,
    ) -> Unit {
        let [y, x] = padding;
        let conv = Conv2dConfig::new(channels, kernel)
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Explicit(y, x, y, x))
            .with_bias(!self.norm)
            .init(self.device);
        let norm = self
            .norm
            .then(|| BatchNormConfig::new(channels[1]).init(self.device));
        Unit {
            conv,
            norm,
            positive,
            plain: self.plain,
        }
    }

    /// A chain of units with ReLU: channels in, then (channels, kernel, stride, padding) of each.
    fn chain(&self, mut inputs: usize, units: &[(usize, [usize; 2], usize, [usize; 2])]) -> Chain {
        let mut chain = Vec::new();
        for &(outputs, kernel, stride, padding) in units {
            chain.push(self.unit([inputs, outputs], kernel, stride, padding, true));
            inputs = outputs;
        }
        Chain { units: chain }
    }
}

#[derive(Module, Debug)]
struct Chain {
    units: Vec<Unit>,
}

impl Chain {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.units.iter().fold(x, |x, unit| unit.forward(x))
    }
}

#[derive(Module, Debug)]
struct Residual {
    first: Unit,
    second: Unit,
    down: Option<Unit>,
}

#[derive(Module, Debug)]
struct ResNet18 {
    stem: Unit,
    pool: MaxPool2d,
    blocks: Vec<Residual>,
    output: Linear,
}

impl ResNet18 {
    fn new(make: &Maker<'_>) -> Self {
        let mut blocks = Vec::new();
        let mut inputs = 64;
        for (outputs, stride) in [
            (64, 1),
            (64, 1),
            (128, 2),
            (128, 1),
            (256, 2),
            (256, 1),
            (512, 2),
            (512, 1),
        ] {
            let down = stride == 2;
            blocks.push(Residual {
                first: make.unit([inputs, outputs], [3, 3], stride, [1, 1], true),
                second: make.unit([outputs, outputs], [3, 3], 1, [1, 1], false),
                down: down.then(|| make.unit([inputs, outputs], [1, 1], 2, [0, 0], false)),
            });
            inputs = outputs;
        }
        Self {
            stem: make.unit([3, 64], [7, 7], 2, [3, 3], true),
            pool: MaxPool2dConfig::new([3, 3])
                .with_strides([2, 2])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(),
            blocks,
            output: LinearConfig::new(512, 1000).init(make.device),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let mut x = self.pool.forward(self.stem.forward(x));
        for block in &self.blocks {
            let y = block.second.forward(block.first.forward(x.clone()));
            let shortcut = match &block.down {
                Some(down) => down.forward(x),
                None => x,
            };
            x = relu(y + shortcut);
        }
        let [batch, channels, height, width] = x.dims();
        let pooled = x.reshape([batch, channels, height * width]).mean_dim(2);
        self.output.forward(pooled.reshape([batch, channels]))
    }
}

/// Branches side by side; with `up`, projected, scaled and added to the input.
#[derive(Module, Debug)]
struct Mixed {
    branches: Vec<Chain>,
    pool: Option<MaxPool2d>,
    up: Option<Unit>,
    scale: f64,
    positive: bool,
}

impl Mixed {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let branches = self.branches.iter().map(|b| b.forward(x.clone()));
        let pooled = self.pool.iter().map(|p| p.forward(x.clone()));
        let joined = Tensor::cat(branches.chain(pooled).collect(), 1);
        let Some(up) = &self.up else {
            return joined;
        };
        let sum = up.forward(joined) * self.scale + x;
        if self.positive { relu(sum) } else { sum }
    }
}

#[derive(Module, Debug)]
struct Inception {
    stem: Chain,
    pool: MaxPool2d,
    rest: Chain,
    mixed: Vec<Mixed>,
    output: Linear,
}

impl Inception {
    fn new(make: &Maker<'_>) -> Self {
        let one = |channels| (channels, [1, 1], 1, [0, 0]);
        let three = |channels| (channels, [3, 3], 1, [1, 1]);
        let halve = |channels| (channels, [3, 3], 2, [0, 0]);
        let pool = || MaxPool2dConfig::new([3, 3]).with_strides([2, 2]).init();
        let mut mixed = Vec::new();
        let mut repeat = |times: usize, branches: Vec<Vec<_>>, width: usize, joined, scale: f64| {
            for i in 0..times {
                let branches = branches.iter().map(|b| make.chain(width, b)).collect();
                mixed.push(Mixed {
                    branches,
                    pool: (joined == 0).then(pool),
                    up: (joined > 0).then(|| make.unit([joined, width], [1, 1], 1, [0, 0], false)),
                    scale,
                    positive: times != 6 || i < 5,
                });
            }
        };
        let block35 = vec![
            vec![one(32)],
            vec![one(32), three(32)],
            vec![one(32), three(32), three(32)],
        ];
        repeat(5, block35, 256, 96, 0.17);
        let mixed6 = vec![vec![halve(384)], vec![one(192), three(192), halve(256)]];
        repeat(1, mixed6, 256, 0, 1.0);
        let lines = |c: usize, k: usize| {
            vec![
                one(c),
                (c, [1, k], 1, [0, k / 2]),
                (c, [k, 1], 1, [k / 2, 0]),
            ]
        };
        repeat(10, vec![vec![one(128)], lines(128, 7)], 896, 256, 0.10);
        let mixed7 = vec![
            vec![one(256), halve(384)],
            vec![one(256), halve(256)],
            vec![one(256), three(256), halve(256)],
        ];
        repeat(1, mixed7, 896, 0, 1.0);
        repeat(6, vec![vec![one(192)], lines(192, 3)], 1792, 384, 0.20);
        Self {
            stem: make.chain(3, &[halve(32), (32, [3, 3], 1, [0, 0]), three(64)]),
            pool: pool(),
            rest: make.chain(64, &[one(80), (192, [3, 3], 1, [0, 0]), halve(256)]),
            mixed,
            output: LinearConfig::new(1792, 512).init(make.device),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.rest.forward(self.pool.forward(self.stem.forward(x)));
        let x = self.mixed.iter().fold(x, |x, block| block.forward(x));
        let [batch, channels, height, width] = x.dims();
        let pooled = x.reshape([batch, channels, height * width]).mean_dim(2);
        self.output.forward(pooled.reshape([batch, channels]))
    }
}

/// The process's memory in MiB by a field of `/proc/self/status` (0 where there is none).
fn memory(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(field));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| arguments.iter().any(|a| a == word);
    let rounds = arguments.iter().find_map(|a| a.parse().ok()).unwrap_or(5);
    let plain = has("plain");
    let device = Device::flex();
    device.seed(1);
    let mut seconds = Vec::new();
    let mut resident = Vec::new();
    let mut last = 0.0;
    if has("inception-inference") {
        let make = Maker {
            device: &device,
            plain,
            norm: false,
        };
        let net = Inception::new(&make);
        let x = Tensor::<4>::random([16, 3, 160, 160], Distribution::Normal(0.0, 1.0), &device);
        for _ in 0..=rounds {
            let start = Instant::now();
            let out: f32 = net.forward(x.clone()).abs().mean().into_scalar();
            seconds.push(start.elapsed().as_secs_f64());
            resident.push(memory("VmRSS:"));
            last = out;
        }
    } else if has("resnet18-training") {
        let device = device.autodiff();
        let make = Maker {
            device: &device,
            plain,
            norm: true,
        };
        let mut net = ResNet18::new(&make);
        let mut sgd = SgdConfig::new()
            .with_momentum(Some(MomentumConfig::new().with_momentum(0.9)))
            .init();
        let x = Tensor::<4>::random([16, 3, 224, 224], Distribution::Normal(0.0, 1.0), &device);
        let classes = Tensor::<1, Int>::arange(0..16, &device);
        let loss = CrossEntropyLossConfig::new().init(&device);
        for _ in 0..=rounds {
            let start = Instant::now();
            let value = loss.forward(net.forward(x.clone()), classes.clone());
            let grads = GradientsParams::from_grads(value.backward(), &net);
            net = sgd.step(1e-3, net, grads);
            last = value.into_scalar();
            seconds.push(start.elapsed().as_secs_f64());
            resident.push(memory("VmRSS:"));
        }
    } else {
        eprintln!("usage: speed resnet18-training|inception-inference [plain] [rounds]");
        std::process::exit(2);
    }
    seconds.remove(0); // the first round makes the weights
    seconds.sort_by(f64::total_cmp);
    println!(
        "{{\"seconds\": {:.4}, \"fastest\": {:.4}, \"peak_mib\": {:.0}, \"resident_mib\": {resident:.0?}, \"result\": {last}}}",
        seconds[seconds.len() / 2],
        seconds[0],
        memory("VmHWM:"),
    );
}
