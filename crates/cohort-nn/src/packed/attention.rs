//! Attention within one sequence.

use cohort_kernels::dense::{Matrix, product, softmax};

/// How a sequence's rows look at each other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attention {
    /// Width of a row; a multiple of the heads.
    pub(crate) width: usize,
    pub(crate) heads: usize,
    /// Whether a row sees none after it.
    pub(crate) causal: bool,
}

/// One sequence's attention: `mixed` is `[length, 3 width]` (query, key, value), `out` `[length, width]`; `scores` is scratch.
pub(crate) fn attend(
    attention: Attention,
    mixed: &[f32],
    length: usize,
    scores: &mut Vec<f32>,
    out: &mut [f32],
) {
    let Attention {
        width,
        heads,
        causal,
    } = attention;
    if length == 0 {
        return;
    }
    let own = width / heads;
    let scale = 1.0 / (own as f32).sqrt();
    scores.resize(length * length, 0.0);
    for head in 0..heads {
        let part = |kind: usize| &mixed[kind * width + head * own..];
        product(
            [length, own, length],
            scale,
            Matrix::rows(part(0), 3 * width),
            Matrix::columns(part(1), 3 * width),
            scores,
            length,
            false,
        );
        if causal {
            for (row, scores) in scores.chunks_exact_mut(length).enumerate() {
                scores[row + 1..].fill(f32::NEG_INFINITY);
            }
        }
        softmax(scores, length);
        if causal {
            // the exponential's smallest value is not zero
            for (row, scores) in scores.chunks_exact_mut(length).enumerate() {
                scores[row + 1..].fill(0.0);
            }
        }
        product(
            [length, length, own],
            1.0,
            Matrix::rows(scores, length),
            Matrix::rows(part(2), 3 * width),
            &mut out[head * own..],
            width,
            false,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attention_meets_its_definition() {
        let (width, heads, length) = (6, 2, 5);
        let mixed: Vec<f32> = (0..length * 3 * width)
            .map(|i| ((i * 7) as f32).sin())
            .collect();
        for causal in [false, true] {
            let attention = Attention {
                width,
                heads,
                causal,
            };
            let mut out = vec![0.0; length * width];
            attend(attention, &mixed, length, &mut Vec::new(), &mut out);
            let at = |row: usize, kind: usize, head: usize, i: usize| {
                f64::from(mixed[row * 3 * width + kind * width + head * 3 + i])
            };
            for head in 0..heads {
                for row in 0..length {
                    let seen = if causal { row + 1 } else { length };
                    let weights: Vec<f64> = (0..seen)
                        .map(|other| {
                            let dot: f64 = (0..3)
                                .map(|i| at(row, 0, head, i) * at(other, 1, head, i))
                                .sum();
                            (dot / 3f64.sqrt()).exp()
                        })
                        .collect();
                    let all: f64 = weights.iter().sum();
                    for i in 0..3 {
                        let values = weights.iter().enumerate();
                        let expected: f64 = values.map(|(o, w)| w / all * at(o, 2, head, i)).sum();
                        let found = f64::from(out[row * width + head * 3 + i]);
                        assert!((found - expected).abs() < 1e-6, "{causal} {head} {row} {i}");
                    }
                }
            }
        }
    }
}
