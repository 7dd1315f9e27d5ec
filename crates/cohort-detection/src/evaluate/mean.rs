//! Means, added up in the order in which NumPy adds them, so that the last digit is the same.

/// Up to so many values are added in eight columns; more are halved first.
const BLOCK: usize = 128;

/// The sum of values by pairwise summation (Higham 1993) in NumPy's blocks.
fn pairwise(values: &[f64]) -> f64 {
    let n = values.len();
    if n < 8 {
        return values.iter().fold(-0.0, |sum, value| sum + value);
    }
    if n > BLOCK {
        let half = n / 2;
        let (a, b) = values.split_at(half - half % 8);
        return pairwise(a) + pairwise(b);
    }
    let mut columns = [0.0; 8];
    let mut blocks = values.chunks_exact(8);
    if let Some(first) = blocks.next() {
        columns.copy_from_slice(first);
    }
    for block in blocks.by_ref() {
        columns
            .iter_mut()
            .zip(block)
            .for_each(|(sum, value)| *sum += value);
    }
    let [a, b, c, d, e, f, g, h] = columns;
    let sum = ((a + b) + (c + d)) + ((e + f) + (g + h));
    blocks
        .remainder()
        .iter()
        .fold(sum, |sum, value| sum + value)
}

/// The mean; `None` without values.
pub(super) fn mean(values: &[f64]) -> Option<f64> {
    match values.is_empty() {
        true => None,
        false => Some((0.0 + pairwise(values)) / values.len() as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_numpy() {
        // numpy 2.4.6: np.mean(np.sqrt(np.arange(1, n + 1) / 7.0)) as repr
        for (n, expected) in GOLDEN {
            let values: Vec<f64> = (1..=n).map(|i| (f64::from(i) / 7.0).sqrt()).collect();
            assert_eq!(mean(&values), Some(expected), "{n}");
        }
        assert_eq!(mean(&[]), None);
    }

    const GOLDEN: [(u32, f64); 8] = [
        (1, 0.3779644730092272),
        (7, 0.7277205611516536),
        (8, 0.770386111963909),
        (100, 2.5378913894706385),
        (129, 2.8779414093323714),
        (1010, 8.013801754645828),
        (80801, 71.62623347317779),
        (1234567, 279.9737515405672),
    ];
}
