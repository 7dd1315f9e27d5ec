//! Seeded initial weights, and the derivation of one seed from another.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Derives an independent 64-bit seed from a seed, a purpose and any indices.
///
/// FNV-1a over the bytes, then the SplitMix64 finaliser (Steele, Lea and Flood 2014): equal
/// arguments give equal seeds on every machine, and neighbouring indices unrelated ones.
pub fn derive_seed(seed: u64, purpose: &str, indices: &[u64]) -> u64 {
    let bytes = seed
        .to_le_bytes()
        .into_iter()
        .chain(purpose.bytes())
        .chain(indices.iter().flat_map(|i| i.to_le_bytes()));
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = hash.wrapping_add(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// A generator for one purpose.
pub(crate) fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// A uniform number in [0, 1) with 24 random bits, the resolution of `f32`.
pub(crate) fn uniform(rng: &mut ChaCha8Rng) -> f32 {
    (rng.next_u32() >> 8) as f32 / (1_u32 << 24) as f32
}

/// Fills a module's weights from a seed.
///
/// Tensors named `weight` get Kaiming-uniform values for ReLU, U(-b, b) with b = sqrt(6 / fan_in)
/// (He et al. 2015), those of an output layer (`output`, `fc`, `logits`) b = 1 / sqrt(fan_in), PyTorch's
/// default, so that the first logits are small; tensors named `bias` get zeros; everything else (norms, running
/// statistics) stays. Each tensor's generator is derived from its path, so adding a layer leaves the
/// others' values alone.
pub(crate) fn seeded<M: Module>(module: M, seed: u64) -> M {
    module.map(&mut Seeder {
        seed,
        path: Vec::new(),
        torch: None,
    })
}

/// Fills a module's weights from a seed as PyTorch's layers do: weights and biases are U(-b, b) with b = 1 / sqrt(fan_in) of
/// their layer. Otherwise as [`seeded`].
pub(crate) fn seeded_as_torch<M: Module>(module: M, seed: u64) -> M {
    module.map(&mut Seeder {
        seed,
        path: Vec::new(),
        torch: Some(1),
    })
}

struct Seeder {
    seed: u64,
    path: Vec<String>,
    /// The fan-in of the last weight, where biases follow it.
    torch: Option<usize>,
}

impl ModuleMapper for Seeder {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let kind = self.path.last().map(String::as_str);
        if !matches!(kind, Some("weight" | "bias")) {
            return param;
        }
        let dims: [usize; D] = param.lazy_shape().dims();
        let mut values = vec![0.0; dims.iter().product()];
        // Burn keeps a linear weight as [inputs, outputs], a convolution's as
        // [outputs, inputs, height, width].
        let fan_in: usize = match D {
            2 => dims[0],
            _ => dims.iter().skip(1).product(),
        };
        let heads = ["output", "fc", "logits"];
        let is_output = self.path.iter().any(|name| heads.contains(&name.as_str()));
        let square = match (kind, &mut self.torch) {
            (Some("weight"), None) if is_output => Some(1.0 / fan_in.max(1) as f32),
            (Some("weight"), None) => Some(6.0 / fan_in.max(1) as f32),
            (Some("weight"), Some(last)) => {
                *last = fan_in.max(1);
                Some(1.0 / *last as f32)
            }
            (_, Some(last)) => Some(1.0 / *last as f32),
            (_, None) => None,
        };
        if let Some(bound) = square.map(f32::sqrt) {
            let mut rng = rng(derive_seed(self.seed, &self.path.join("."), &[]));
            for value in &mut values {
                *value = bound * (2.0 * uniform(&mut rng) - 1.0);
            }
        }
        let device = param.lazy_device();
        let tensor = Tensor::from_data(TensorData::new(values, dims), &device);
        let id = param.id;
        param.transform_for_load(tensor, id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CompactCnnConfig, MlpConfig, ModelConfig, ModuleWeights};
    use burn::tensor::Device;
    use cohort_weights::Weights;

    #[test]
    fn derived_seeds_differ_by_every_argument() {
        let seeds = [
            derive_seed(1, "order", &[0]),
            derive_seed(2, "order", &[0]),
            derive_seed(1, "dropout", &[0]),
            derive_seed(1, "order", &[1]),
            derive_seed(1, "order", &[0, 0]),
        ];
        for (i, a) in seeds.iter().enumerate() {
            assert!(seeds.iter().skip(i + 1).all(|b| a != b), "{seeds:?}");
        }
        assert_eq!(seeds[0], derive_seed(1, "order", &[0]));
    }

    #[test]
    fn uniform_numbers_fill_the_unit_interval() {
        let mut rng = rng(7);
        let draws: Vec<f32> = (0..20_000).map(|_| uniform(&mut rng)).collect();
        let mean = draws.iter().sum::<f32>() / draws.len() as f32;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
        assert!(draws.iter().all(|x| (0.0..1.0).contains(x)));
    }

    #[test]
    fn weights_fill_their_bounds_and_biases_are_zero() {
        let device = Device::flex();
        let mlp = ModelConfig::Mlp(MlpConfig::new(50, vec![40], 30));
        let cnn = ModelConfig::CompactCnn(CompactCnnConfig::new(30));
        for (config, name, bound) in [
            (&mlp, "hidden.0.linear.weight", (6.0_f32 / 50.0).sqrt()),
            (&mlp, "output.weight", (1.0_f32 / 40.0).sqrt()),
            (&mlp, "output.bias", 0.0),
            (
                &cnn,
                "blocks.1.conv.weight",
                (6.0_f32 / (16.0 * 9.0)).sqrt(),
            ),
            (&cnn, "output.weight", (1.0_f32 / 128.0).sqrt()),
        ] {
            let weights = Weights::collect(&config.init(1, &device).unwrap()).0;
            let found = weights
                .iter()
                .find(|(path, _)| path.ends_with(name))
                .unwrap();
            let largest = found.1.values.iter().fold(0.0, |m: f32, v| m.max(v.abs()));
            assert!(
                largest <= bound && largest >= 0.95 * bound,
                "{name}: {largest}"
            );
            let mean = found.1.values.iter().sum::<f32>() / found.1.values.len() as f32;
            assert!(mean.abs() <= 0.1 * bound, "{name}: {mean}");
        }
    }
}
