//! Bounds of the predicted picture, for networks that work on pixels.

/// What is done to the predicted picture before the step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// Nothing: latents have no range.
    None,
    /// Cut to `[-range, range]` (`clip_sample`).
    Clip {
        /// Above 0; 1 by default.
        range: f64,
    },
    /// Dynamic thresholding (Saharia and others 2022): cut to a quantile of the picture's own magnitudes, then divide by it.
    Quantile {
        /// Which quantile, 0 to 1; 0.995 by default.
        ratio: f64,
        /// The quantile counts from 1 to this; 1 by default.
        largest: f64,
    },
}

impl Bound {
    /// Bounds one picture's values in place.
    pub(crate) fn apply(self, picture: &mut [f32]) {
        match self {
            Self::None => {}
            Self::Clip { range } => {
                let range = range as f32;
                picture.iter_mut().for_each(|x| *x = x.clamp(-range, range));
            }
            Self::Quantile { ratio, largest } => {
                let s = quantile(picture, ratio as f32).clamp(1.0, largest as f32);
                picture.iter_mut().for_each(|x| *x = x.clamp(-s, s) / s);
            }
        }
    }
}

/// Quantile of magnitudes with linear interpolation, ranks in single precision as torch's.
fn quantile(picture: &[f32], ratio: f32) -> f32 {
    let mut sizes: Vec<f32> = picture.iter().map(|x| x.abs()).collect();
    sizes.sort_by(f32::total_cmp);
    let Some(last) = sizes.len().checked_sub(1) else {
        return 1.0;
    };
    let rank = ratio * last as f32;
    let below = (rank.floor() as usize).min(last);
    let above = (rank.ceil() as usize).min(last);
    sizes[below] + (rank - rank.floor()) * (sizes[above] - sizes[below])
}
