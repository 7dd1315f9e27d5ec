//! The whole way from a decoded picture to a network's input.

use std::borrow::Cow;

use crate::augment::{ColourJitter, light_with, resized_crop_with, trivial_with};
use crate::error::VisionError;
use crate::geometry::{Interpolation, flip_horizontal, rotate};
use crate::picture::Picture;
use crate::random::Dice;
use crate::resize::resize;
use crate::tensor::{IMAGENET_MEAN, IMAGENET_STD, normalise};

/// Which family of random changes comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Augment {
    /// None.
    #[default]
    None,
    /// [`trivial_augment_wide`](crate::trivial_augment_wide).
    TrivialAugmentWide,
    /// [`light_augment`](crate::light_augment).
    Light,
    /// [`resized_crop`](crate::resized_crop).
    ResizedCrop,
}

/// What happens to a picture on its way into a network, in this order: resize, augment, flip,
/// turn, colour jitter, normalise. Plain data, so that a run can write it down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transform {
    /// Side of the square that the picture is resized to, in pixels.
    pub size: usize,
    /// The family of random changes.
    pub augment: Augment,
    /// The probability of a mirror image, 0 to 1 (on top of what `augment` does).
    pub flip: f64,
    /// Turned by a number of degrees drawn from `-rotation` to `rotation`.
    pub rotation: f64,
    /// Colour jitter.
    pub jitter: ColourJitter,
    /// Subtracted from each channel on `[0, 1]`.
    pub mean: [f32; 3],
    /// What each channel is then divided by.
    pub std: [f32; 3],
}

impl Transform {
    /// Resize and ImageNet normalisation only: for validation, test and prediction.
    #[must_use]
    pub const fn plain(size: usize) -> Self {
        Self {
            size,
            augment: Augment::None,
            flip: 0.0,
            rotation: 0.0,
            jitter: ColourJitter {
                brightness: 0.0,
                contrast: 0.0,
                saturation: 0.0,
                hue: 0.0,
            },
            mean: IMAGENET_MEAN,
            std: IMAGENET_STD,
        }
    }

    /// The reference's training transform: TrivialAugmentWide.
    #[must_use]
    pub const fn trivial(size: usize) -> Self {
        Self {
            augment: Augment::TrivialAugmentWide,
            ..Self::plain(size)
        }
    }

    /// The reference's first extra copy of a minority class: TrivialAugmentWide, flip,
    /// a turn of up to 12 degrees, brightness 0.1 and hue 0.005.
    #[must_use]
    pub const fn minority_strong(size: usize) -> Self {
        Self {
            flip: 0.5,
            rotation: 12.0,
            jitter: ColourJitter::REFERENCE,
            ..Self::trivial(size)
        }
    }

    /// The reference's second extra copy: TrivialAugmentWide and flip.
    #[must_use]
    pub const fn minority_mild(size: usize) -> Self {
        Self {
            flip: 0.5,
            ..Self::trivial(size)
        }
    }

    /// [`light_augment`](crate::light_augment), for small networks on small pictures.
    #[must_use]
    pub const fn light(size: usize) -> Self {
        Self {
            augment: Augment::Light,
            ..Self::plain(size)
        }
    }

    /// For things that are the same near and far, such as scenes, and few pictures of them: a part of the picture as if it
    /// were all of it ([`resized_crop`](crate::resized_crop)), mirrored half the time, brightness, contrast and saturation
    /// 0.7 to 1.3.
    #[must_use]
    pub const fn resized_crop(size: usize) -> Self {
        Self {
            augment: Augment::ResizedCrop,
            flip: 0.5,
            jitter: ColourJitter {
                brightness: 0.3,
                contrast: 0.3,
                saturation: 0.3,
                hue: 0.0,
            },
            ..Self::plain(size)
        }
    }

    /// How many numbers [`apply`](Self::apply) writes: `3 * size * size`.
    #[must_use]
    pub const fn output_len(&self) -> usize {
        self.size.saturating_mul(self.size).saturating_mul(3)
    }

    /// Writes the tensor of a picture, channel by channel. With a seed the random changes are
    /// drawn from it (the same seed, the same bytes); without one there is none. A picture that is given away is
    /// changed where it lies; one that is lent is copied where it has to be.
    ///
    /// # Errors
    /// [`VisionError::Argument`] when `out` is not [`output_len`](Self::output_len) long, `size`
    /// is 0 or too large, or a standard deviation is not positive.
    pub fn apply<'a>(
        &self,
        picture: impl Into<Cow<'a, Picture>>,
        augment_seed: Option<u64>,
        out: &mut [f32],
    ) -> Result<(), VisionError> {
        let picture = self.changed(picture.into(), augment_seed)?;
        normalise(&picture, self.mean, self.std, out)
    }

    /// The picture just before normalisation: what the network sees, for a person to look at.
    ///
    /// # Errors
    /// [`VisionError::Argument`] when `size` is 0 or too large.
    pub fn picture(
        &self,
        picture: &Picture,
        augment_seed: Option<u64>,
    ) -> Result<Picture, VisionError> {
        Ok(self.changed(picture.into(), augment_seed)?.into_owned())
    }

    fn changed<'a>(
        &self,
        mut picture: Cow<'a, Picture>,
        augment_seed: Option<u64>,
    ) -> Result<Cow<'a, Picture>, VisionError> {
        if (picture.width(), picture.height()) != (self.size, self.size) {
            picture = resize(&picture, self.size, self.size)?.into();
        }
        let Some(seed) = augment_seed else {
            return Ok(picture);
        };
        let dice = &mut Dice::new(seed);
        picture = match self.augment {
            Augment::None => picture,
            Augment::TrivialAugmentWide => trivial_with(picture.into_owned(), dice).into(),
            Augment::Light => light_with(&picture, dice).into(),
            Augment::ResizedCrop => resized_crop_with(&picture, dice)?.into(),
        };
        if self.flip > 0.0 && dice.chance(self.flip) {
            picture = flip_horizontal(&picture).into();
        }
        if self.rotation != 0.0 {
            let degrees = dice.uniform(-self.rotation, self.rotation);
            picture = rotate(&picture, degrees, Interpolation::Nearest).into();
        }
        if self.jitter != ColourJitter::default() {
            picture = self.jitter.apply_with(picture.into_owned(), dice).into();
        }
        Ok(picture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::trivial_augment_wide;

    fn photo() -> Picture {
        Picture::from_fn(50, 40, |x, y| [(x * 5) as u8, (y * 6) as u8, (x * y) as u8])
    }

    fn tensor(transform: &Transform, seed: Option<u64>) -> Vec<f32> {
        let mut out = vec![f32::NAN; transform.output_len()];
        transform
            .apply(photo(), seed, &mut out)
            .expect("valid settings");
        out
    }

    #[test]
    fn a_seed_decides_everything_and_none_means_no_change() {
        for t in [
            Transform::trivial(24),
            Transform::minority_strong(24),
            Transform::minority_mild(24),
            Transform::light(24),
            Transform::resized_crop(24),
        ] {
            assert_eq!(
                tensor(&t, None),
                tensor(&Transform::plain(24), None),
                "{t:?}"
            );
            assert_eq!(tensor(&t, Some(5)), tensor(&t, Some(5)), "{t:?}");
            let others = (0..20)
                .filter(|&s| tensor(&t, Some(s)) != tensor(&t, Some(5)))
                .count();
            assert!(others > 10, "{t:?}: only {others} of 20 seeds differ");
        }
        assert_eq!(
            tensor(&Transform::plain(24), Some(5)),
            tensor(&Transform::plain(24), None)
        );
    }

    #[test]
    fn steps_come_in_the_stated_order() {
        let small = resize(&photo(), 24, 24).expect("a valid size");
        for seed in 0..30 {
            let t = Transform {
                flip: 1.0,
                ..Transform::trivial(24)
            };
            let expected = flip_horizontal(&trivial_augment_wide(small.clone(), seed));
            assert_eq!(
                t.picture(&photo(), Some(seed)).expect("valid settings"),
                expected,
                "{seed}"
            );
        }
    }

    #[test]
    fn a_lent_picture_gives_what_one_given_away_gives_and_stays_as_it_was() {
        let lent = resize(&photo(), 24, 24).expect("a valid size");
        let kept = lent.clone();
        for seed in (0..40).map(Some).chain([None]) {
            for t in [
                Transform::minority_strong(24),
                Transform::trivial(24),
                Transform::light(24),
            ] {
                let [mut first, mut second] =
                    [vec![0.0; t.output_len()], vec![1.0; t.output_len()]];
                t.apply(&lent, seed, &mut first).expect("valid settings");
                t.apply(lent.clone(), seed, &mut second)
                    .expect("valid settings");
                assert_eq!(first, second, "{t:?} {seed:?}");
                assert_eq!(lent, kept, "{t:?} {seed:?}");
            }
        }
    }

    #[test]
    fn a_flip_of_one_half_happens_half_the_time() {
        let t = Transform {
            flip: 0.5,
            ..Transform::plain(24)
        };
        let plain = t.picture(&photo(), None).expect("valid settings");
        let kept = (0..400)
            .filter(|&s| t.picture(&photo(), Some(s)).expect("valid settings") == plain)
            .count();
        assert!(kept.abs_diff(200) < 50, "{kept} of 400 kept");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(
            Transform::plain(4)
                .apply(photo(), None, &mut [0.0; 47])
                .is_err()
        );
        assert!(Transform::plain(0).apply(photo(), None, &mut []).is_err());
        assert!(
            Transform::plain(usize::MAX)
                .picture(&photo(), None)
                .is_err()
        );
    }
}
