//! A convolution of each channel by itself over channels-last buffers, with bias, slopes, bound and SiLU in this order.

use super::conv::Shape;
use super::view::{View, each};
use crate::Out;
use crate::dense::silu;
use crate::wide::widest;

/// Channels that are summed together.
const LANES: usize = 16;

/// A depthwise convolution with its weights as the kernel reads them.
#[derive(Debug)]
pub struct Depthwise {
    pub(super) channels: usize,
    pub(super) shape: Shape,
    /// For each tap, the channels' weights.
    weights: Vec<f32>,
    bias: Vec<f32>,
    /// What values below zero are multiplied by.
    slopes: Vec<f32>,
    /// What larger values are cut to.
    most: f32,
    /// Whether a SiLU follows.
    silu: bool,
}

impl Depthwise {
    /// A convolution that gives a channel for each channel by `weight` of `[channel, row, column]`, each result below zero
    /// multiplied by its channel's slope; without a bias it is zero.
    ///
    /// # Panics
    /// When a slice has another length than the slopes and the shape say.
    pub fn new(shape: Shape, weight: &[f32], bias: Option<&[f32]>, slopes: Vec<f32>) -> Self {
        let channels = slopes.len();
        let taps = shape.kernel[0] * shape.kernel[1];
        assert_eq!(weight.len(), channels * taps, "weights of a layer");
        let by_tap = (0..taps).flat_map(|tap| (0..channels).map(move |c| c * taps + tap));
        let weights = by_tap.map(|place| weight[place]).collect();
        let bias = bias.map_or_else(|| vec![0.0; channels], <[f32]>::to_vec);
        assert_eq!(bias.len(), channels, "biases of a layer");
        Self {
            channels,
            shape,
            weights,
            bias,
            slopes,
            most: f32::INFINITY,
            silu: false,
        }
    }

    /// The layer with values above `most` cut to it, after the slopes; with slopes of 0 and 6 that is ReLU6.
    pub fn capped(self, most: f32) -> Self {
        Self { most, ..self }
    }

    /// The layer with a SiLU after all of that, `x / (1 + exp(-x))`.
    pub fn silu(self) -> Self {
        Self { silu: true, ..self }
    }

    /// Writes `images` pictures of `to` from those of `from`.
    ///
    /// # Safety
    /// The views lie within the buffer of `all` and hold `images` pictures, `from` with a border as wide as the padding; they
    /// share no place.
    pub(super) unsafe fn run(&self, all: Out, images: usize, [from, to]: [&View; 2]) {
        let [rows, columns] = self.shape.kernel;
        let taps: Vec<usize> = (0..rows)
            .flat_map(|y| (0..columns).map(move |x| y * from.row + x * from.pixel))
            .collect();
        let [height, width] = to.size;
        let [sy, sx] = self.shape.stride;
        let corner = self.shape.padding[0] * from.row + self.shape.padding[1] * from.pixel;
        let products = images * height * width * self.channels * taps.len();
        each(images * height, products, |line| {
            let [image, y] = [line / height, line % height];
            let row = from.at(image, y * sy, 0) - corner;
            let target = to.at(image, y, 0);
            for first in (0..self.channels).step_by(LANES) {
                // SAFETY: as promised by the caller: taps of the input, and a row of the output that no other task touches.
                unsafe {
                    let source = all.at(row + first).cast_const();
                    let target = all.at(target + first);
                    let steps = [sx * from.pixel, to.pixel];
                    line_of_pixels(self, first, &taps, source, target, steps, width);
                }
            }
        });
    }

    /// # Safety
    /// As for [`line_of_pixels`].
    #[inline(always)]
    unsafe fn plain(
        &self,
        first: usize,
        taps: &[usize],
        source: *const f32,
        target: *mut f32,
        [from, to]: [usize; 2],
        width: usize,
    ) {
        let rows = self.weights.chunks_exact(self.channels);
        let own = |values: &[f32]| -> Option<[f32; LANES]> {
            values.get(first..first + LANES)?.try_into().ok()
        };
        if let (Some(bias), Some(slopes)) = (own(&self.bias), own(&self.slopes)) {
            let weights = rows.clone().filter_map(own);
            // SAFETY: as promised by the caller.
            unsafe {
                match (taps.first_chunk::<9>(), taps.len()) {
                    // of the usual kernel the sums stay in registers
                    (Some(taps), 9) => {
                        let mut all = [[0.0; LANES]; 9];
                        all.iter_mut().zip(weights).for_each(|(own, w)| *own = w);
                        let taps = |x: usize, sums: &mut [f32; LANES]| {
                            for (weights, tap) in all.iter().zip(taps) {
                                add_products(sums, weights, source.add(x * from + tap));
                            }
                        };
                        self.pixels(bias, slopes, taps, target, to, width);
                    }
                    _ => {
                        let taps = |x: usize, sums: &mut [f32; LANES]| {
                            for (weights, tap) in weights.clone().zip(taps) {
                                add_products(sums, &weights, source.add(x * from + tap));
                            }
                        };
                        self.pixels(bias, slopes, taps, target, to, width);
                    }
                }
            }
            return;
        }
        for channel in first..self.channels {
            let at = channel - first;
            for x in 0..width {
                let mut sum = self.bias[channel];
                for (row, tap) in rows.clone().zip(taps) {
                    // SAFETY: as promised by the caller.
                    sum += row[channel] * unsafe { *source.add(x * from + tap + at) };
                }
                let slope = if sum < 0.0 { self.slopes[channel] } else { 1.0 };
                let value = sum * slope;
                let most = self.most;
                let value = if value > most { most } else { value };
                let value = if self.silu { silu(value) } else { value };
                // SAFETY: as promised by the caller.
                unsafe { target.add(x * to + at).write(value) };
            }
        }
    }

    /// A row of pixels of [`LANES`] channels, whose products `add` adds to the biases.
    ///
    /// # Safety
    /// `target` points at those channels of the first pixel, the others lie `to` apart.
    #[inline(always)]
    unsafe fn pixels(
        &self,
        bias: [f32; LANES],
        slopes: [f32; LANES],
        add: impl Fn(usize, &mut [f32; LANES]),
        target: *mut f32,
        to: usize,
        width: usize,
    ) {
        let most = self.most;
        for x in 0..width {
            let mut sums = bias;
            add(x, &mut sums);
            for i in 0..LANES {
                let slope = if sums[i] < 0.0 { slopes[i] } else { 1.0 };
                let value = sums[i] * slope;
                sums[i] = if value > most { most } else { value };
            }
            if self.silu {
                for sum in &mut sums {
                    *sum = silu(*sum);
                }
            }
            // SAFETY: as promised by the caller.
            unsafe { target.add(x * to).cast::<[f32; LANES]>().write(sums) };
        }
    }
}

widest! {
    /// A row of pixels of the channels from `first` on.
    ///
    /// # Safety
    /// `source` and `target` point at those channels of the first pixels, which lie `steps` apart.
    unsafe fn line_of_pixels(
        layer: &Depthwise,
        first: usize,
        taps: &[usize],
        source: *const f32,
        target: *mut f32,
        steps: [usize; 2],
        width: usize,
    ) = Depthwise::plain;
}

/// # Safety
/// `values` points at as many values.
#[inline(always)]
unsafe fn add_products(sums: &mut [f32; LANES], weights: &[f32; LANES], values: *const f32) {
    // SAFETY: as promised by the caller.
    let values = unsafe { &*values.cast::<[f32; LANES]>() };
    for i in 0..LANES {
        sums[i] += weights[i] * values[i];
    }
}
