//! Small numerical helpers on rows of class scores.

/// Smallest probability that a logarithm is taken of; `ln` of it is about -20.7.
///
/// A model that writes an exact zero (a softmax in `f32` underflows below about 1e-38, printed tables much
/// earlier) must not be able to veto a class whatever the other modalities say.
pub const PROBABILITY_FLOOR: f64 = 1e-9;

/// `ln(sum(exp(row)))` without overflow; negative infinity for an empty row.
pub(crate) fn log_sum_exp(row: &[f64]) -> f64 {
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !largest.is_finite() {
        return largest;
    }
    largest + row.iter().map(|&z| (z - largest).exp()).sum::<f64>().ln()
}

/// Softmax in place; returns the row's `ln(sum(exp))`.
pub(crate) fn softmax(row: &mut [f64]) -> f64 {
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for z in row.iter_mut() {
        *z = (*z - largest).exp();
        sum += *z;
    }
    for z in row.iter_mut() {
        *z /= sum;
    }
    largest + sum.ln()
}

/// Index of the largest value, the first of equals.
pub(crate) fn argmax(row: &[f64]) -> usize {
    let mut best = 0;
    for (k, &value) in row.iter().enumerate() {
        if value > row[best] {
            best = k;
        }
    }
    best
}

/// Normalised log probabilities of a row of probabilities, floored at [`PROBABILITY_FLOOR`], written to `out`.
pub(crate) fn log_probabilities(row: &[f64], out: &mut [f64]) {
    for (z, &p) in out.iter_mut().zip(row) {
        *z = p.max(PROBABILITY_FLOOR).ln();
    }
    let total = log_sum_exp(out);
    for z in out.iter_mut() {
        *z -= total;
    }
}

/// A 64-bit hash of `text` under `seed` (FNV-1a, then the SplitMix64 finaliser): the same on every machine.
pub(crate) fn stable_hash(seed: u64, text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for &byte in text.as_bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_is_stable_and_returns_the_normaliser() {
        let cases = [
            ("plain", vec![0.0, 3f64.ln()], vec![0.25, 0.75], 4f64.ln()),
            ("huge", vec![1e300, 0.0], vec![1.0, 0.0], 1e300),
            (
                "very negative",
                vec![-1000.0, -1000.0],
                vec![0.5, 0.5],
                -1000.0 + 2f64.ln(),
            ),
        ];
        for (name, mut row, expected, normaliser) in cases {
            assert_eq!(log_sum_exp(&row), normaliser, "{name}");
            let found = softmax(&mut row);
            assert!(
                (found - normaliser).abs() <= 1e-12 * normaliser.abs().max(1.0),
                "{name}"
            );
            for (p, e) in row.iter().zip(&expected) {
                assert!((p - e).abs() < 1e-12, "{name}: {row:?}");
            }
        }
    }

    #[test]
    fn zeros_are_floored_and_unnormalised_rows_are_normalised() {
        let mut out = [0.0; 3];
        log_probabilities(&[0.0, 2.0, 2.0], &mut out);
        assert!((out[1] - 0.5f64.ln()).abs() < 1e-8);
        assert!((out[0] - (PROBABILITY_FLOOR / 4.0).ln()).abs() < 1e-8);
        assert_eq!(argmax(&out), 1, "the first of equals");
    }

    #[test]
    fn hash_depends_on_seed_and_text() {
        assert_ne!(stable_hash(0, "a"), stable_hash(1, "a"));
        assert_ne!(stable_hash(0, "a"), stable_hash(0, "b"));
        assert_eq!(stable_hash(7, "user"), stable_hash(7, "user"));
    }
}
