//! Dropout whose mask comes from an explicit seed.
//!
//! Burn draws masks from one generator a process, so two trainings in one process, or a resumed
//! one, would see other masks. Here the mask is made from a seed derived from (run, epoch, step).

use burn::tensor::{Tensor, TensorData};

use crate::init::{derive_seed, rng, uniform};

/// Inverted dropout (Srivastava et al. 2014): each entry is zeroed with `probability`, the rest
/// scaled by 1 / (1 - probability). Identity when `seed` is none (evaluation).
///
/// `layer` keeps the masks of several layers in one forward pass apart.
pub(crate) fn dropout(
    input: Tensor<2>,
    probability: f64,
    seed: Option<u64>,
    layer: u64,
) -> Tensor<2> {
    let Some(seed) = seed.filter(|_| probability > 0.0) else {
        return input;
    };
    let dims = input.dims();
    let mut rng = rng(derive_seed(seed, "dropout", &[layer]));
    let keep = 1.0 - probability as f32;
    let mask: Vec<f32> = (0..dims[0] * dims[1])
        .map(|_| {
            if uniform(&mut rng) < keep {
                1.0 / keep
            } else {
                0.0
            }
        })
        .collect();
    let mask = Tensor::from_data(TensorData::new(mask, dims), &input.device());
    input * mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn values(seed: Option<u64>, layer: u64) -> Vec<f32> {
        let ones = Tensor::<2>::ones([100, 100], &Device::flex());
        dropout(ones, 0.4, seed, layer)
            .into_data()
            .try_to_vec()
            .unwrap()
    }

    #[test]
    fn keeps_the_share_and_the_expectation() {
        let out = values(Some(3), 0);
        let kept = out.iter().filter(|&&x| x != 0.0).count() as f32 / 1e4;
        assert!((kept - 0.6).abs() < 0.02, "{kept}");
        assert!(
            out.iter()
                .all(|&x| x == 0.0 || (x - 1.0 / 0.6).abs() < 1e-6)
        );
    }

    #[test]
    fn depends_on_seed_and_layer_only_and_rests_in_evaluation() {
        assert_eq!(values(Some(3), 0), values(Some(3), 0));
        assert_ne!(values(Some(3), 0), values(Some(4), 0));
        assert_ne!(values(Some(3), 0), values(Some(3), 1));
        assert!(values(None, 0).iter().all(|&x| x == 1.0));
    }
}
