//! Random streams: one seed, a stream for each purpose, a generator for each item, so that the number of threads never shows.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of generators for one purpose, one generator an item.
#[derive(Debug, Clone, Copy)]
pub struct Stream(u64);

impl Stream {
    /// The stream of `seed` for the purpose that `names` spell.
    pub fn new(seed: u64, names: &[&str]) -> Self {
        // FNV-1a over the names, each ended by a byte that UTF-8 never holds.
        let bytes = names.iter().flat_map(|name| name.bytes().chain([0xff]));
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ hash)
    }

    /// Generator of item `index`.
    pub fn item(self, index: usize) -> ChaCha8Rng {
        let mut generator = ChaCha8Rng::seed_from_u64(self.0);
        generator.set_stream(index as u64);
        generator
    }
}

/// A number in `0..bound` (0 when `bound` is 0), by multiplication of 32 random bits: bias below `bound / 2^32`.
pub fn below(generator: &mut ChaCha8Rng, bound: usize) -> usize {
    ((u64::from(generator.next_u32()) * bound as u64) >> 32) as usize
}

/// A number between 0 and 1, both excluded.
pub fn unit(generator: &mut ChaCha8Rng) -> f64 {
    ((generator.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

/// Shuffles in place (Fisher and Yates).
pub fn shuffle<T>(generator: &mut ChaCha8Rng, items: &mut [T]) {
    for i in (1..items.len()).rev() {
        items.swap(i, below(generator, i + 1));
    }
}

/// Fills `weights` with how often each of them was drawn in as many draws with replacement.
pub(crate) fn draw_weights(generator: &mut ChaCha8Rng, weights: &mut [f64]) {
    weights.fill(0.0);
    for _ in 0..weights.len() {
        let drawn = below(generator, weights.len());
        weights[drawn] += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_and_items_differ_and_repeat() {
        let first = |seed, names: &[&str], item| Stream::new(seed, names).item(item).next_u64();
        assert_eq!(first(1, &["a"], 0), first(1, &["a"], 0));
        let all = [
            first(1, &["a"], 0),
            first(1, &["a"], 1),
            first(1, &["b"], 0),
            first(2, &["a"], 0),
            first(1, &["a", "b"], 0),
            first(1, &["ab"], 0),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all.iter().skip(i + 1).all(|b| a != b));
        }
    }

    #[test]
    fn draws_are_uniform_and_shuffles_keep_the_items() {
        let mut g = Stream::new(3, &["uniform"]).item(0);
        let mut count = [0_u32; 7];
        for _ in 0..70_000 {
            count[below(&mut g, 7)] += 1;
        }
        // Standard deviation 93.
        assert!(count.iter().all(|c| c.abs_diff(10_000) < 450), "{count:?}");
        let mut items: Vec<usize> = (0..50).collect();
        shuffle(&mut g, &mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
        let mut weights = vec![0.0; 20];
        draw_weights(&mut g, &mut weights);
        assert_eq!(weights.iter().sum::<f64>(), 20.0);
    }
}
