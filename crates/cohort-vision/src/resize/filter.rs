//! The filters that a picture is resized with.

use std::f64::consts::PI;

/// What a resized pixel is made of, under Pillow's names. When a side shrinks the filter is stretched over as many pixels of the source,
/// so that none is passed over (antialiasing). Pillow's `NEAREST` is none of these, as it takes one pixel only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Filter {
    /// The mean of the pixels beneath.
    Box,
    /// A triangle.
    #[default]
    Bilinear,
    /// A raised cosine times a sinc, one pixel to either side.
    Hamming,
    /// Keys's cubic with a = -0.5, two pixels to either side.
    Bicubic,
    /// A sinc times a sinc, three pixels to either side.
    Lanczos,
}

impl Filter {
    /// How far it reaches, in pixels.
    pub(super) fn support(self) -> f64 {
        match self {
            Self::Box => 0.5,
            Self::Bilinear | Self::Hamming => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    /// Its value at a distance in pixels.
    pub(super) fn at(self, x: f64) -> f64 {
        let distance = x.abs();
        match self {
            // half open, so that a pixel on the edge of two counts once
            Self::Box => f64::from(u8::from(x > -0.5 && x <= 0.5)),
            Self::Bilinear => (1.0 - distance).max(0.0),
            Self::Hamming if distance == 0.0 => 1.0,
            Self::Hamming if distance >= 1.0 => 0.0,
            Self::Hamming => {
                let x = distance * PI;
                x.sin() / x * (0.54 + 0.46 * x.cos())
            }
            Self::Bicubic => {
                const A: f64 = -0.5;
                match distance {
                    x if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
                    x if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
                    _ => 0.0,
                }
            }
            Self::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            Self::Lanczos => 0.0,
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * PI;
    x.sin() / x
}
