//! Which convolutions a YOLOX has, in the order in which a picture passes them.
//!
//! Source: the layers of `yolox/models` (darknet.py, network_blocks.py, yolo_pafpn.py, yolo_head.py): names are those of its
//! `state_dict`, and exporters write nodes in this order.

/// What makes one YOLOX another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Architecture {
    /// Channels of the first layer: 16 (nano), 24 (tiny), 32 (s), 48 (m), 64 (l), 80 (x).
    pub base: usize,
    /// Blocks of the first stage, of which the others are multiples: 1 (nano, tiny, s) to 4 (x).
    pub depth: usize,
    /// Whether wide kernels look at each channel by itself (nano).
    pub depthwise: bool,
    /// Classes.
    pub classes: usize,
}

impl Architecture {
    /// The published name, `yolox_nano` to `yolox_x`; none of another width or depth.
    pub fn name(&self) -> Option<&'static str> {
        Some(match (self.base, self.depth, self.depthwise) {
            (16, 1, true) => "yolox_nano",
            (24, 1, false) => "yolox_tiny",
            (32, 1, false) => "yolox_s",
            (48, 2, false) => "yolox_m",
            (64, 3, false) => "yolox_l",
            (80, 4, false) => "yolox_x",
            _ => return None,
        })
    }

    /// Names and shapes of the tensors of a `state_dict`, norms apart, without what precedes all names (`model.`).
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let mut all = Vec::new();
        for convolution in convolutions(*self) {
            let (name, shape) = (&convolution.name, convolution.shape().to_vec());
            let outputs = || vec![convolution.channels[1]];
            match convolution.after {
                After::Nothing => {
                    all.push((format!("{name}.weight"), shape));
                    all.push((format!("{name}.bias"), outputs()));
                }
                After::Silu => {
                    all.push((format!("{name}.conv.weight"), shape));
                    let norm = ["weight", "bias", "running_mean", "running_var"];
                    all.extend(norm.map(|part| (format!("{name}.bn.{part}"), outputs())));
                }
            }
        }
        all
    }

    /// Side of the square that pictures are fitted into: 416 for nano and tiny, 640 for the others, as they were trained.
    pub fn side(&self) -> usize {
        match self.base {
            ..=24 => 416,
            _ => 640,
        }
    }
}

/// What follows a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// A norm and a SiLU.
    Silu,
    /// Nothing: it predicts.
    Nothing,
}

/// One convolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Convolution {
    /// Dotted name of its module.
    pub(super) name: String,
    /// Input and output channels.
    pub(super) channels: [usize; 2],
    /// Height and width of its kernel, which is padded by half of it.
    pub(super) kernel: usize,
    pub(super) stride: usize,
    /// Whether each channel is convolved by itself.
    pub(super) depthwise: bool,
    pub(super) after: After,
}

impl Convolution {
    /// Shape of its weights.
    pub(super) fn shape(&self) -> [usize; 4] {
        let [inputs, outputs] = self.channels;
        let own = if self.depthwise { 1 } else { inputs };
        [outputs, own, self.kernel, self.kernel]
    }
}

/// The name of the merged layer of a level that gives four numbers of a box and one of whether there is an object.
pub(super) fn boxes_name(level: &str) -> String {
    format!("head.boxes.{level}")
}

/// Every convolution, in order.
pub(super) fn convolutions(of: Architecture) -> Vec<Convolution> {
    let mut all = List {
        of,
        list: Vec::new(),
    };
    let b = of.base;
    all.plain("backbone.backbone.stem.conv", [12, b], 3);
    for (stage, outputs, depth) in [(2, 2 * b, 1), (3, 4 * b, 3), (4, 8 * b, 3)] {
        let name = format!("backbone.backbone.dark{stage}");
        all.unit(&format!("{name}.0"), [outputs / 2, outputs], 2);
        all.csp(&format!("{name}.1"), [outputs, outputs], depth * of.depth);
    }
    let last = "backbone.backbone.dark5";
    all.unit(&format!("{last}.0"), [8 * b, 16 * b], 2);
    all.plain(&format!("{last}.1.conv1"), [16 * b, 8 * b], 1);
    all.plain(&format!("{last}.1.conv2"), [32 * b, 16 * b], 1);
    all.csp(&format!("{last}.2"), [16 * b, 16 * b], of.depth);
    all.plain("backbone.lateral_conv0", [16 * b, 8 * b], 1);
    all.csp("backbone.C3_p4", [16 * b, 8 * b], of.depth);
    all.plain("backbone.reduce_conv1", [8 * b, 4 * b], 1);
    all.csp("backbone.C3_p3", [8 * b, 4 * b], of.depth);
    all.unit("backbone.bu_conv2", [4 * b, 4 * b], 2);
    all.csp("backbone.C3_n3", [8 * b, 8 * b], of.depth);
    all.unit("backbone.bu_conv1", [8 * b, 8 * b], 2);
    all.csp("backbone.C3_n4", [16 * b, 16 * b], of.depth);
    for (level, inputs) in [4 * b, 8 * b, 16 * b].into_iter().enumerate() {
        all.plain(&format!("head.stems.{level}"), [inputs, 4 * b], 1);
        for (branch, predicted) in [("cls", of.classes), ("reg", 4)] {
            for i in 0..2 {
                let name = format!("head.{branch}_convs.{level}.{i}");
                all.unit(&name, [4 * b, 4 * b], 1);
            }
            all.prediction(&format!("head.{branch}_preds.{level}"), predicted);
        }
        all.prediction(&format!("head.obj_preds.{level}"), 1);
    }
    all.list
}

struct List {
    of: Architecture,
    list: Vec<Convolution>,
}

impl List {
    fn push(&mut self, name: String, channels: [usize; 2], kernel: usize, stride: usize) {
        self.list.push(Convolution {
            name,
            channels,
            kernel,
            stride,
            depthwise: false,
            after: After::Silu,
        });
    }

    fn plain(&mut self, name: &str, channels: [usize; 2], kernel: usize) {
        self.push(name.to_owned(), channels, kernel, 1);
    }

    fn prediction(&mut self, name: &str, outputs: usize) {
        self.plain(name, [4 * self.of.base, outputs], 1);
        if let Some(last) = self.list.last_mut() {
            last.after = After::Nothing;
        }
    }

    /// A kernel of 3, or one of each channel by itself and one of 1.
    fn unit(&mut self, name: &str, channels: [usize; 2], stride: usize) {
        if !self.of.depthwise {
            self.push(name.to_owned(), channels, 3, stride);
            return;
        }
        self.push(format!("{name}.dconv"), [channels[0]; 2], 3, stride);
        if let Some(last) = self.list.last_mut() {
            last.depthwise = true;
        }
        self.plain(&format!("{name}.pconv"), channels, 1);
    }

    /// A cross stage partial block.
    fn csp(&mut self, name: &str, [inputs, outputs]: [usize; 2], depth: usize) {
        let half = outputs / 2;
        self.plain(&format!("{name}.conv1"), [inputs, half], 1);
        self.plain(&format!("{name}.conv2"), [inputs, half], 1);
        for i in 0..depth {
            self.plain(&format!("{name}.m.{i}.conv1"), [half; 2], 1);
            self.unit(&format!("{name}.m.{i}.conv2"), [half; 2], 1);
        }
        self.plain(&format!("{name}.conv3"), [outputs, outputs], 1);
    }
}
