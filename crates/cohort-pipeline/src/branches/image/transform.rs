//! The random changes of training pictures, by name, to what a network takes.

use cohort_nn::PictureInput;
use cohort_vision::{ColourJitter, Transform};

use crate::config::Augmentation;

impl Augmentation {
    /// The training transform to what the network takes.
    pub(crate) fn transform(self, input: PictureInput) -> Transform {
        let size = input.size;
        let transform = match self {
            Self::None => Transform::plain(size),
            Self::Light => Transform::light(size),
            Self::Colour => Transform {
                jitter: ColourJitter {
                    brightness: 0.3,
                    contrast: 0.3,
                    saturation: 0.3,
                    hue: 0.02,
                },
                ..Transform::light(size)
            },
            Self::Trivial => Transform::minority_mild(size),
            Self::ResizedCrop => Transform::resized_crop(size),
        };
        let PictureInput { mean, std, .. } = input;
        Transform {
            mean,
            std,
            ..transform
        }
    }
}
