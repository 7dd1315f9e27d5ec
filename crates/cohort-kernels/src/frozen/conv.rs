//! A convolution over channels-last buffers with everything that follows it: bias, SiLU, an addition, ReLU, bound or slopes.

use super::finish::{After, Tile, finish};
use super::kernel::{LANES, PIXELS, Reach, Sums, VECTORS, WIDTH, tile};
use super::view::{View, each};
use crate::Out;

/// Tiles of a task: their pixels stay in the second cache beside a panel of weights.
const TILES: usize = 12;

/// Height and width of a kernel, and how it is moved.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Height and width.
    pub kernel: [usize; 2],
    /// Distance of neighbouring results, down and along.
    pub stride: [usize; 2],
    /// Zeros before the input: rows above, columns left.
    pub padding: [usize; 2],
    /// Zeros after it: rows below, columns right. Most often as many as before.
    pub after: [usize; 2],
}

impl Shape {
    /// Rows above or below and columns left or right that are read as zeros, whichever are more.
    pub(super) fn border(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.padding[axis].max(self.after[axis]))
    }

    /// Height and width of what a picture of `size` gives; none where it is too small, or a side or stride of the kernel is 0.
    pub(super) fn output(&self, size: [usize; 2]) -> Option<[usize; 2]> {
        let along = |axis: usize| {
            let padded = size[axis] + self.padding[axis] + self.after[axis];
            let steps = padded
                .checked_sub(self.kernel[axis])?
                .checked_div(self.stride[axis])?;
            (self.kernel[axis] > 0).then_some(steps + 1)
        };
        Some([along(0)?, along(1)?])
    }
}

/// A convolution with its weights as the kernel reads them.
#[derive(Debug)]
pub struct Layer {
    /// Input and output channels.
    pub(super) channels: [usize; 2],
    pub(super) shape: Shape,
    /// For each panel, for each tap, for each input channel, the panel's output channels.
    pub(super) weights: Vec<f32>,
    after: After,
    pub(super) panels: Vec<Panel>,
}

/// Some neighbouring output channels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Panel {
    pub(super) first: usize,
    pub(super) vectors: usize,
    /// Place of its weights.
    pub(super) weights: usize,
}

impl Layer {
    /// A convolution of `channels` (input and output) by `weight` of `[output, input, row, column]`, its result multiplied by
    /// `scale`; without a bias it is zero.
    ///
    /// # Panics
    /// When a slice has another length than the shape says.
    pub fn new(
        channels: [usize; 2],
        shape: Shape,
        weight: &[f32],
        bias: Option<&[f32]>,
        scale: f32,
    ) -> Self {
        let [inputs, outputs] = channels;
        let taps = shape.kernel[0] * shape.kernel[1];
        assert_eq!(weight.len(), outputs * inputs * taps, "weights of a layer");
        Self::packed(channels, shape, bias, scale, |output, tap, input| {
            weight[(output * inputs + input) * taps + tap] * scale
        })
    }

    /// A linear layer of `weight` of `[input, output]` over all places of a picture of `size` whose columns follow one another,
    /// each from top to bottom with the channels innermost; none where the inputs are no whole number of channels.
    ///
    /// # Panics
    /// When a slice has another length than `inputs` and `outputs` say.
    pub fn linear_over(
        [inputs, outputs]: [usize; 2],
        size: [usize; 2],
        weight: &[f32],
        bias: Option<&[f32]>,
    ) -> Option<Self> {
        assert_eq!(weight.len(), inputs * outputs, "weights of a layer");
        let [height, width] = size;
        let channels = inputs / (height * width);
        if channels * height * width != inputs {
            return None;
        }
        let shape = Shape {
            kernel: size,
            stride: [1, 1],
            padding: [0, 0],
            after: [0, 0],
        };
        let place = |tap: usize| (tap % width) * height + tap / width;
        let weight =
            |output, tap, input| weight[(place(tap) * channels + input) * outputs + output];
        Some(Self::packed([channels, outputs], shape, bias, 1.0, weight))
    }

    fn packed(
        channels: [usize; 2],
        shape: Shape,
        bias: Option<&[f32]>,
        scale: f32,
        weight: impl Fn(usize, usize, usize) -> f32,
    ) -> Self {
        let bias = match bias {
            Some(bias) => bias.iter().map(|b| b * scale).collect(),
            None => vec![0.0; channels[1]],
        };
        assert_eq!(bias.len(), channels[1], "biases of a layer");
        let mut layer = Self {
            channels,
            shape,
            weights: Vec::new(),
            after: After {
                bias,
                slopes: None,
                most: f32::INFINITY,
                silu: false,
            },
            panels: Vec::new(),
        };
        layer.pack(weight);
        layer
    }

    /// The layer with a rectifier after it that multiplies values below zero by a slope for each output channel. A plan takes it only
    /// where nothing else follows, see [`Plan::convolve_into`](super::Plan::convolve_into).
    ///
    /// # Panics
    /// When there are not as many slopes as output channels.
    pub fn sloped(mut self, slopes: Vec<f32>) -> Self {
        assert_eq!(slopes.len(), self.channels[1], "slopes of a layer");
        self.after.slopes = Some(slopes);
        self
    }

    /// The layer with values above `most` cut to it, after what is added to them; with a ReLU and 6 that is ReLU6.
    pub fn capped(mut self, most: f32) -> Self {
        self.after.most = most;
        self
    }

    /// The layer with a SiLU after it, `x / (1 + exp(-x))`, before anything is added. A plan takes it only where nothing is cut: with
    /// no ReLU, bound or slopes.
    pub fn silu(mut self) -> Self {
        self.after.silu = true;
        self
    }

    /// Whether what follows it can be done together with an addition and a ReLU, where there are such.
    pub(super) fn fits(&self, add: bool, relu: bool) -> bool {
        self.after.fits(add, relu)
    }

    /// Output channels.
    pub fn outputs(&self) -> usize {
        self.channels[1]
    }

    /// Cuts the output channels into panels as even as can be and packs their weights.
    fn pack(&mut self, weight: impl Fn(usize, usize, usize) -> f32) {
        let [inputs, outputs] = self.channels;
        let vectors = outputs.div_ceil(LANES);
        let count = vectors.div_ceil(VECTORS);
        let mut first = 0;
        for i in 0..count {
            let vectors = (i + 1) * vectors / count - i * vectors / count;
            self.panels.push(Panel {
                first,
                vectors,
                weights: self.weights.len(),
            });
            for tap in 0..self.shape.kernel[0] * self.shape.kernel[1] {
                for input in 0..inputs {
                    let channels = first..first + vectors * LANES;
                    self.weights.extend(channels.map(|output| {
                        if output < outputs {
                            weight(output, tap, input)
                        } else {
                            0.0
                        }
                    }));
                }
            }
            first += vectors * LANES;
        }
    }

    /// What a pixel of `from` sums over: whole rows of the kernel where its taps are neighbours.
    fn reach(&self, from: &View) -> Reach {
        let [height, width] = self.shape.kernel;
        let row = |y: usize| y * from.row;
        if from.pixel == self.channels[0] {
            return Reach {
                starts: (0..height).map(row).collect(),
                len: width * from.pixel,
            };
        }
        let taps = (0..height).flat_map(|y| (0..width).map(move |x| row(y) + x * from.pixel));
        Reach {
            starts: taps.collect(),
            len: self.channels[0],
        }
    }

    /// Writes `images` pictures of `to` from those of `from`, with those of `add` added.
    ///
    /// # Safety
    /// The views lie within the buffer of `all` and hold `images` pictures, `from` with a border as wide
    /// as the padding; `to` shares no place with `from`, and with `add` none or each with its own.
    pub(super) unsafe fn run(
        &self,
        all: Out,
        images: usize,
        [from, to]: [&View; 2],
        add: Option<&View>,
        relu: bool,
    ) {
        let reach = self.reach(from);
        let pixels = images * to.size[0] * to.size[1];
        let blocks = pixels.div_ceil(TILES * PIXELS);
        let wanted = 4 * rayon::current_num_threads();
        let splits = wanted.div_ceil(blocks.max(1)).min(self.panels.len()).max(1);
        let products = pixels * reach.starts.len() * reach.len * self.channels[1];
        each(blocks * splits, products, |task| {
            let [block, split] = [task / splits, task % splits];
            let first = block * TILES * PIXELS;
            let last = pixels.min(first + TILES * PIXELS);
            let panels =
                split * self.panels.len() / splits..(split + 1) * self.panels.len() / splits;
            let mut tiles = [Tile::default(); TILES];
            let tiles = &mut tiles[..(last - first).div_ceil(PIXELS)];
            self.places(first, last, [from, to], add, tiles);
            let mut sums: Sums = [0.0; PIXELS * WIDTH];
            for panel in &self.panels[panels] {
                let weights = &self.weights[panel.weights..];
                for own in tiles.iter() {
                    // SAFETY: the caller promises that the views lie in the buffer. No task writes
                    // what is convolved, and each its own pixels and panels of the output.
                    unsafe {
                        tile(
                            panel.vectors,
                            &reach,
                            all.at(0),
                            &own.from,
                            weights,
                            &mut sums,
                        );
                        let part = [panel.first, panel.vectors];
                        let add = add.is_some();
                        finish(&self.after, &mut sums, part, own, all, add, relu);
                    }
                }
            }
        });
    }

    /// The places of the pixels `[first, last)`.
    fn places(
        &self,
        first: usize,
        last: usize,
        [from, to]: [&View; 2],
        add: Option<&View>,
        tiles: &mut [Tile],
    ) {
        let [height, width] = to.size;
        let corner = self.shape.padding[0] * from.row + self.shape.padding[1] * from.pixel;
        let [sy, sx] = self.shape.stride;
        // divisions take longer than a narrow layer's sums: one place is divided, the others counted on from it
        let [mut image, mut y, mut x] = [
            first / (height * width),
            first / width % height,
            first % width,
        ];
        for (i, own) in tiles.iter_mut().enumerate() {
            own.used = PIXELS.min(last - first - i * PIXELS);
            for p in 0..own.used {
                own.from[p] = from.at(image, y * sy, x * sx) - corner;
                own.to[p] = to.at(image, y, x);
                own.add[p] = add.map_or(0, |add| add.at(image, y, x));
                x += 1;
                if x == width {
                    (x, y) = (0, y + 1);
                }
                if y == height {
                    (y, image) = (0, image + 1);
                }
            }
            // what is left of the last tile repeats its last pixel and is not stored
            let end = own.used - 1;
            for p in own.used..PIXELS {
                own.from[p] = own.from[end];
                own.to[p] = own.to[end];
                own.add[p] = own.add[end];
            }
        }
    }
}
