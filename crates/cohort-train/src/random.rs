//! Orders drawn by chance.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// Fisher and Yates.
pub(crate) fn shuffle<T>(items: &mut [T], rng: &mut ChaCha8Rng) {
    for i in (1..items.len()).rev() {
        // Multiply-shift maps 64 random bits to 0..=i with a bias below 2^-40 at any real size.
        let j = (u128::from(rng.next_u64()) * (i as u128 + 1)) >> 64;
        items.swap(i, j as usize);
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn each_place_of_a_shuffle_is_equally_likely() {
        let mut first = [0_u32; 5];
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for _ in 0..5000 {
            let mut items = [0, 1, 2, 3, 4];
            shuffle(&mut items, &mut rng);
            first[items[0]] += 1;
        }
        // 1000 each, standard deviation 28.
        assert!(first.iter().all(|n| n.abs_diff(1000) < 120), "{first:?}");
    }
}
