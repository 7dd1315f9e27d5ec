//! A picture as a pretrained model takes it: resized, cut, normalised as the model's own files state.

mod files;

use std::borrow::Cow;

use crate::crop::crop;
use crate::error::VisionError;
use crate::picture::Picture;
use crate::resize::{Filter, resize_with};
use crate::tensor::normalise;

/// What a picture is resized to. Sides are in pixels, height before width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizing {
    /// Its shorter side to this, the other one in proportion with what is after the point cut off, as torchvision's `Resize`
    /// and transformers do.
    Shortest(usize),
    /// Both sides, whatever its proportions.
    Squash([usize; 2]),
    /// In proportion, so that it covers this rectangle; sides rounded, halves to even (timm's `ResizeKeepRatio`).
    Cover([usize; 2]),
    /// In proportion, so that this rectangle holds it; rounded likewise.
    Contain([usize; 2]),
}

/// The middle of a resized picture, and what lies around it where the picture is smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Height and width in pixels.
    pub sides: [usize; 2],
    /// Where half a pixel is left over: rounded to even, as torchvision's `CenterCrop`, else cut off, as transformers.
    pub half_to_even: bool,
    /// Value of all channels where there is no picture.
    pub fill: u8,
}

/// How pictures are prepared for a network: resize, cut, `(value * rescale - mean) / std`. Plain data, so that an index can
/// write it down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preparation {
    /// The first step.
    pub sizing: Sizing,
    /// How it is resized.
    pub filter: Filter,
    /// The second step; none after [`Sizing::Squash`].
    pub cut: Option<Cut>,
    /// Factor of the values 0 to 255, in most models 1 / 255.
    pub rescale: f64,
    /// Subtracted from each channel after that.
    pub mean: [f64; 3],
    /// What each channel is then divided by.
    pub std: [f64; 3],
}

impl Preparation {
    /// Height and width of every prepared picture in pixels.
    #[must_use]
    pub fn sides(&self) -> [usize; 2] {
        match (self.cut, self.sizing) {
            (Some(cut), _) => cut.sides,
            (None, Sizing::Shortest(side)) => [side; 2],
            (None, Sizing::Squash(sides) | Sizing::Cover(sides) | Sizing::Contain(sides)) => sides,
        }
    }

    /// How many numbers [`apply`](Self::apply) writes: `3 * height * width`.
    #[must_use]
    pub fn output_len(&self) -> usize {
        self.sides().into_iter().fold(3, usize::saturating_mul)
    }

    /// Writes the tensor of a picture: channel, row, column.
    ///
    /// # Errors
    /// [`VisionError::Argument`] when `out` is not [`output_len`](Self::output_len) long, a side cannot be, or a standard
    /// deviation is not positive.
    pub fn apply(&self, picture: &Picture, out: &mut [f32]) -> Result<(), VisionError> {
        let picture = self.picture(picture)?;
        // the same line over values on [0, 1]
        let unit = 255.0 * self.rescale;
        let [mean, std] = [self.mean, self.std].map(|all| all.map(|v| (v / unit) as f32));
        normalise(&picture, mean, std, out)
    }

    /// The picture just before normalisation: what the network sees, for a person to look at.
    ///
    /// # Errors
    /// [`VisionError::Argument`] when a side is 0 or too large, or the picture is not of the [`sides`](Self::sides) after
    /// the last step.
    pub fn picture<'a>(&self, picture: &'a Picture) -> Result<Cow<'a, Picture>, VisionError> {
        let [height, width] = self.resized_sides(picture);
        let mut made = Cow::Borrowed(picture);
        if [picture.height(), picture.width()] != [height, width] {
            made = Cow::Owned(resize_with(picture, width, height, self.filter)?);
        }
        if let Some(cut) = self.cut {
            made = cut.apply(made)?;
        }
        let found = [made.height(), made.width()];
        if found != self.sides() {
            let [height, width] = self.sides();
            return Err(VisionError::Argument {
                operation: "prepare a picture",
                expected: format!("a picture of {width} x {height} pixels after the last step"),
                found: format!("{} x {}", found[1], found[0]),
            });
        }
        Ok(made)
    }

    /// Height and width after the first step.
    fn resized_sides(&self, picture: &Picture) -> [usize; 2] {
        let own = [picture.height(), picture.width()];
        let ratio = |sides: [usize; 2], pick: fn(f64, f64) -> f64| {
            let [height, width] = [0, 1].map(|i| own[i] as f64 / sides[i] as f64);
            let ratio = pick(height, width);
            own.map(|side| (side as f64 / ratio).round_ties_even() as usize)
        };
        match self.sizing {
            Sizing::Shortest(side) => {
                let short = own[0].min(own[1]).max(1) as u128;
                own.map(|own| (side as u128 * own as u128 / short) as usize)
            }
            Sizing::Squash(sides) => sides,
            Sizing::Cover(sides) => ratio(sides, f64::min),
            Sizing::Contain(sides) => ratio(sides, f64::max),
        }
    }
}

impl Cut {
    fn apply(self, picture: Cow<'_, Picture>) -> Result<Cow<'_, Picture>, VisionError> {
        let [height, width] = self.sides;
        let mut picture = picture;
        if height > picture.height() || width > picture.width() {
            picture = Cow::Owned(self.padded(&picture));
        }
        let own = [picture.height(), picture.width()];
        if own == self.sides {
            return Ok(picture);
        }
        let [top, left] = [0, 1].map(|i| {
            let over = own[i] - self.sides[i];
            // a half up to the even number
            over / 2 + usize::from(self.half_to_even && over % 4 == 3)
        });
        Ok(Cow::Owned(crop(
            &picture,
            [left, top, left + width, top + height],
        )?))
    }

    /// The picture in the middle of the fill, one pixel nearer to the top left where that is not whole.
    fn padded(self, picture: &Picture) -> Picture {
        let own = [picture.height(), picture.width()];
        let sides = [0, 1].map(|i| self.sides[i].max(own[i]));
        let [top, left] = [0, 1].map(|i| (sides[i] - own[i]) / 2);
        Picture::from_fn(sides[1], sides[0], |x, y| {
            let place = x.checked_sub(left).zip(y.checked_sub(top));
            let pixel = place.and_then(|(x, y)| picture.pixel(x, y));
            pixel.unwrap_or([self.fill; 3])
        })
    }
}
