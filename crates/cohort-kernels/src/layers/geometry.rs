//! The shape of a convolution, and what is done to its sums.

use super::lower::Lowering;

/// Shape of a convolution over a batch, ungrouped or depthwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Pictures.
    pub batch: usize,
    /// Input channels, height and width.
    pub input: [usize; 3],
    /// Output channels, height and width.
    pub output: [usize; 3],
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Stride down and across.
    pub stride: [usize; 2],
    /// Zeros above and to the left.
    pub before: [usize; 2],
    /// Distance of the taps down and across.
    pub dilation: [usize; 2],
    /// Whether each channel has a kernel of its own and none sees another; see [`super::depthwise`].
    pub depthwise: bool,
}

impl Geometry {
    /// Every tap of the kernel.
    pub(super) fn kernel_taps(&self) -> impl Iterator<Item = [usize; 2]> {
        let [height, width] = self.kernel;
        (0..height).flat_map(move |y| (0..width).map(move |x| [y, x]))
    }

    /// How its source is lowered, a tap after the other.
    pub(super) fn lowering(&self) -> Lowering {
        let [_, height, width] = self.output;
        let taps: Vec<_> = self
            .kernel_taps()
            .map(|[y, x]| [y * self.dilation[0], x * self.dilation[1]])
            .collect();
        Lowering::new(self.input, [height, width], self.stride, self.before, &taps)
    }
}

/// What is done to a sum before it is stored.
#[derive(Debug, Clone, Copy, Default)]
pub struct Finish<'a> {
    /// Added, one value an output channel.
    pub bias: Option<&'a [f32]>,
    /// Whether negative results become zero.
    pub relu: bool,
}
