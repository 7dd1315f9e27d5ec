//! Random changes that leave the label true.

use crate::colour;
use crate::crop::crop;
use crate::error::VisionError;
use crate::geometry::{Affine, Interpolation, affine, rotate};
use crate::picture::Picture;
use crate::random::Dice;
use crate::resize::resize;

/// How many strengths TrivialAugmentWide knows for an operation.
pub const MAGNITUDE_BINS: usize = 31;

/// An operation of TrivialAugmentWide with its strength, as torchvision's `_apply_op` takes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// Nothing.
    Identity,
    /// Shear along x about the top left corner by this tangent, -0.99 to 0.99.
    ShearX(f64),
    /// Shear along y about the top left corner by this tangent, -0.99 to 0.99.
    ShearY(f64),
    /// Shift to the right by so many whole pixels (truncated), -32 to 32.
    TranslateX(f64),
    /// Shift down by so many whole pixels (truncated), -32 to 32.
    TranslateY(f64),
    /// Turn counter-clockwise by so many degrees, -135 to 135.
    Rotate(f64),
    /// [`colour::brightness`] with factor 1 + this, -0.99 to 0.99.
    Brightness(f64),
    /// [`colour::saturation`] with factor 1 + this, -0.99 to 0.99.
    Color(f64),
    /// [`colour::contrast`] with factor 1 + this, -0.99 to 0.99.
    Contrast(f64),
    /// [`colour::sharpness`] with factor 1 + this, -0.99 to 0.99.
    Sharpness(f64),
    /// [`colour::posterize`] to so many bits, 2 to 8.
    Posterize(u8),
    /// [`colour::solarize`] at this threshold, 0 to 255.
    Solarize(f64),
    /// [`colour::autocontrast`].
    AutoContrast,
    /// [`colour::equalize`].
    Equalize,
}

impl Op {
    /// How many operations there are.
    pub const COUNT: usize = 14;

    /// The operation number `index` (`0..14`, in torchvision's order; beyond that, the
    /// last) at strength `bin` (`0..31`, clamped); `negative` turns the sign where one exists.
    #[must_use]
    pub fn from_bin(index: usize, bin: usize, negative: bool) -> Self {
        let bin = bin.min(MAGNITUDE_BINS - 1);
        let signed = |end: f32| {
            let m = linspace(0.0, end, bin);
            if negative { -m } else { m }
        };
        match index {
            0 => Self::Identity,
            1 => Self::ShearX(signed(0.99)),
            2 => Self::ShearY(signed(0.99)),
            3 => Self::TranslateX(signed(32.0)),
            4 => Self::TranslateY(signed(32.0)),
            5 => Self::Rotate(signed(135.0)),
            6 => Self::Brightness(signed(0.99)),
            7 => Self::Color(signed(0.99)),
            8 => Self::Contrast(signed(0.99)),
            9 => Self::Sharpness(signed(0.99)),
            // 8 - round(bin / 5)
            10 => Self::Posterize(8 - ((bin as u8 * 2 + 5) / 10)),
            11 => Self::Solarize(linspace(255.0, 0.0, bin)),
            12 => Self::AutoContrast,
            _ => Self::Equalize,
        }
    }

    /// The picture after this operation: nearest pixel, black where nothing comes from.
    #[must_use]
    pub fn apply(self, picture: Picture) -> Picture {
        let shear = |shear: [f64; 2]| {
            let map = Affine {
                shear,
                centre: Some([0.0; 2]),
                ..Affine::default()
            };
            affine(&picture, &map, Interpolation::Nearest)
        };
        let translate = |translate: [f64; 2]| {
            let map = Affine {
                translate,
                ..Affine::default()
            };
            affine(&picture, &map, Interpolation::Nearest)
        };
        match self {
            Self::Identity => picture,
            Self::ShearX(m) => shear([m.atan().to_degrees(), 0.0]),
            Self::ShearY(m) => shear([0.0, m.atan().to_degrees()]),
            Self::TranslateX(m) => translate([m.trunc(), 0.0]),
            Self::TranslateY(m) => translate([0.0, m.trunc()]),
            Self::Rotate(m) => rotate(&picture, m, Interpolation::Nearest),
            Self::Brightness(m) => colour::brightness(picture, 1.0 + m),
            Self::Color(m) => colour::saturation(picture, 1.0 + m),
            Self::Contrast(m) => colour::contrast(picture, 1.0 + m),
            Self::Sharpness(m) => colour::sharpness(picture, 1.0 + m),
            Self::Posterize(bits) => colour::posterize(picture, bits),
            Self::Solarize(threshold) => colour::solarize(picture, threshold),
            Self::AutoContrast => colour::autocontrast(picture),
            Self::Equalize => colour::equalize(picture),
        }
    }

    /// Draws an operation as TrivialAugmentWide does: each of the 14 equally likely, then a
    /// strength, then a sign.
    fn draw(dice: &mut Dice) -> Self {
        let (index, bin) = (dice.below(Self::COUNT), dice.below(MAGNITUDE_BINS));
        Self::from_bin(index, bin, dice.chance(0.5))
    }
}

/// `torch.linspace(start, end, 31)[bin]` in single precision: from both ends, and fused, since
/// a rounding more or less decides whether a shift of 16 pixels is cut to 15.
fn linspace(start: f32, end: f32, bin: usize) -> f64 {
    let step = (end - start) / (MAGNITUDE_BINS - 1) as f32;
    let value = if bin < MAGNITUDE_BINS / 2 {
        step.mul_add(bin as f32, start)
    } else {
        (-step).mul_add((MAGNITUDE_BINS - 1 - bin) as f32, end)
    };
    f64::from(value)
}

/// TrivialAugment with wide ranges (Müller and Hutter 2021, torchvision's
/// `TrivialAugmentWide()`): one operation at one strength, drawn from the seed.
#[must_use]
pub fn trivial_augment_wide(picture: Picture, seed: u64) -> Picture {
    Op::draw(&mut Dice::new(seed)).apply(picture)
}

/// How far colours may change, as torchvision's `ColorJitter`. 0 leaves the property alone.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct ColourJitter {
    /// Brightness factor from `max(0, 1 - this)` to `1 + this`.
    pub brightness: f64,
    /// Contrast factor, likewise.
    pub contrast: f64,
    /// Saturation factor, likewise.
    pub saturation: f64,
    /// Hue shift from `-this` to `this` of a full circle, at most 0.5.
    pub hue: f64,
}

impl ColourJitter {
    /// The jitter of the reference's improved strategy: brightness 0.1, hue 0.005.
    pub const REFERENCE: Self = Self {
        brightness: 0.1,
        contrast: 0.0,
        saturation: 0.0,
        hue: 0.005,
    };

    /// Draws the four changes and makes them in a drawn order.
    #[must_use]
    pub fn apply(&self, picture: Picture, seed: u64) -> Picture {
        self.apply_with(picture, &mut Dice::new(seed))
    }

    pub(crate) fn apply_with(&self, mut picture: Picture, dice: &mut Dice) -> Picture {
        let mut order = [0, 1, 2, 3];
        for i in (1..order.len()).rev() {
            order.swap(i, dice.below(i + 1));
        }
        let mut factor = |range: f64| dice.uniform((1.0 - range).max(0.0), 1.0 + range);
        let (b, c, s) = (
            factor(self.brightness),
            factor(self.contrast),
            factor(self.saturation),
        );
        let h = dice.uniform(-self.hue, self.hue);
        for change in order {
            picture = match change {
                0 if self.brightness > 0.0 => colour::brightness(picture, b),
                1 if self.contrast > 0.0 => colour::contrast(picture, c),
                2 if self.saturation > 0.0 => colour::saturation(picture, s),
                3 if self.hue > 0.0 => colour::hue(picture, h),
                _ => picture,
            };
        }
        picture
    }
}

/// Gentle changes for small data and small pictures: mirrored half the time; turned by up to 10
/// degrees, shifted by up to 6 % of each side, scaled by 0.9 to 1.1, between pixels;
/// brightness 0.8 to 1.2. Our own mix, drawn from the seed.
#[must_use]
pub fn light_augment(picture: &Picture, seed: u64) -> Picture {
    light_with(picture, &mut Dice::new(seed))
}

pub(crate) fn light_with(picture: &Picture, dice: &mut Dice) -> Picture {
    let mirrored = dice.chance(0.5);
    let mut shift = |side: usize| dice.uniform(-0.06, 0.06) * side as f64;
    let translate = [shift(picture.width()), shift(picture.height())];
    let map = Affine {
        angle: dice.uniform(-10.0, 10.0),
        translate,
        scale: dice.uniform(0.9, 1.1),
        ..Affine::default()
    };
    let moved = affine(picture, &map, Interpolation::Bilinear);
    let lit = colour::brightness(moved, dice.uniform(0.8, 1.2));
    if mirrored {
        crate::geometry::flip_horizontal(&lit)
    } else {
        lit
    }
}

/// A part of the picture, at the picture's size: 40 % to all of its area, 3 : 4 to 4 : 3 times its shape, anywhere in it;
/// torchvision's `RandomResizedCrop(scale=(0.4, 1))` in its way of drawing. Drawn from the seed.
///
/// # Errors
/// [`VisionError::Argument`] when the picture is too large to be resized.
pub fn resized_crop(picture: &Picture, seed: u64) -> Result<Picture, VisionError> {
    resized_crop_with(picture, &mut Dice::new(seed))
}

pub(crate) fn resized_crop_with(
    picture: &Picture,
    dice: &mut Dice,
) -> Result<Picture, VisionError> {
    let (width, height) = (picture.width(), picture.height());
    let edges = crop_edges([width, height], dice);
    resize(&crop(picture, edges)?, width, height)
}

/// Left, top, right, bottom. A draw that does not fit is drawn again, ten times at most; then it is the whole picture.
fn crop_edges([width, height]: [usize; 2], dice: &mut Dice) -> [usize; 4] {
    let area = (width * height) as f64;
    let shape: f64 = 4.0 / 3.0;
    for _ in 0..10 {
        let part = area * dice.uniform(0.4, 1.0);
        let ratio = dice.uniform(-shape.ln(), shape.ln()).exp();
        let w = (part * ratio).sqrt().round() as usize;
        let h = (part / ratio).sqrt().round() as usize;
        if (1..=width).contains(&w) && (1..=height).contains(&h) {
            let (left, top) = (dice.below(width - w + 1), dice.below(height - h + 1));
            return [left, top, left + w, top + h];
        }
    }
    [0, 0, width, height]
}

pub(crate) fn trivial_with(picture: Picture, dice: &mut Dice) -> Picture {
    Op::draw(dice).apply(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_strengths_and_signs_are_drawn_evenly() {
        let mut dice = Dice::new(11);
        let (mut identity, mut negative, mut signed) = (0, 0, 0);
        for _ in 0..14_000 {
            match Op::draw(&mut dice) {
                Op::Identity => identity += 1,
                Op::ShearX(m) | Op::Rotate(m) | Op::Color(m) if m != 0.0 => {
                    signed += 1;
                    negative += i32::from(m < 0.0);
                }
                _ => {}
            }
        }
        assert!((1000i32 - identity).abs() < 5 * 31, "{identity} of 14,000");
        // Three operations, 30 of 31 strengths are not zero.
        assert!((2903i32 - signed).abs() < 5 * 48, "{signed}");
        assert!(
            (signed / 2 - negative).abs() < 5 * 27,
            "{negative} of {signed}"
        );
    }

    #[test]
    fn jitter_keeps_within_its_range_and_zero_changes_nothing() {
        let grey = Picture::solid(2, 2, [100; 3]);
        assert_eq!(ColourJitter::default().apply(grey.clone(), 3), grey);
        let jitter = ColourJitter {
            brightness: 0.1,
            ..ColourJitter::default()
        };
        let levels: Vec<u8> = (0..300)
            .map(|seed| jitter.apply(grey.clone(), seed).rgb()[0])
            .collect();
        let (low, high) = (levels.iter().min().copied(), levels.iter().max().copied());
        assert!(low >= Some(90) && low < Some(93), "{low:?}");
        assert!(high <= Some(110) && high > Some(107), "{high:?}");
    }

    #[test]
    fn parts_are_drawn_over_the_whole_range_and_lie_inside() {
        let (mut areas, mut ratios, mut wholes) = (Vec::new(), Vec::new(), 0);
        for seed in 0..4_000 {
            let [left, top, right, bottom] = crop_edges([200, 200], &mut Dice::new(seed));
            assert!(left < right && right <= 200 && top < bottom && bottom <= 200);
            let (w, h) = ((right - left) as f64, (bottom - top) as f64);
            areas.push(w * h / 40_000.0);
            ratios.push(w / h);
            wholes += usize::from(w * h == 40_000.0);
        }
        let ends = |all: &[f64]| {
            let low = all.iter().copied().fold(f64::INFINITY, f64::min);
            (low, all.iter().copied().fold(0.0, f64::max))
        };
        let ((low, high), (narrow, wide)) = (ends(&areas), ends(&ratios));
        // sides are rounded to pixels
        assert!((0.39..0.42).contains(&low) && high <= 1.0, "{low} {high}");
        assert!((0.74..0.76).contains(&narrow) && (1.32..1.35).contains(&wide));
        // what does not fit is drawn again: torchvision's mean over 20,000 draws of a square picture is 0.6430
        let mean = areas.iter().sum::<f64>() / areas.len() as f64;
        assert!((mean - 0.6430).abs() < 0.008, "{mean}");
        assert!(wholes < 40, "{wholes}");
    }

    #[test]
    fn the_whole_picture_comes_back_as_it_is_and_a_part_enlarged() {
        // a ramp stays a ramp, less steep, wherever the part lies
        let ramp = Picture::from_fn(64, 64, |x, _| [(x * 4) as u8; 3]);
        for seed in 0..40 {
            let part = resized_crop(&ramp, seed).expect("small");
            assert_eq!((part.width(), part.height()), (64, 64));
            let at = |x: usize| i32::from(part.pixel(x, 30).expect("inside")[0]);
            let rise = at(60) - at(4);
            let [left, _, right, _] = crop_edges([64, 64], &mut Dice::new(seed));
            let expected = 56 * 4 * (right - left) as i32 / 64;
            assert!(
                (rise - expected).abs() <= 5,
                "seed {seed}: {rise} {expected}"
            );
        }
    }

    #[test]
    fn light_changes_keep_the_middle_and_the_mean() {
        let flat = Picture::solid(40, 40, [100; 3]);
        for seed in 0..50 {
            let [v, ..] = light_augment(&flat, seed).pixel(20, 20).expect("inside");
            assert!((79..=120).contains(&v), "seed {seed}: {v}");
        }
    }
}
