//! Token vectors to one vector a text.

use serde::{Deserialize, Serialize};

/// How a text's token vectors become one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// Mean over the tokens, padding left out.
    #[default]
    Mean,
    /// The first token's vector.
    Cls,
    /// Largest value over the tokens, padding left out.
    Max,
    /// Sum over the tokens, padding left out, by the root of their number (`mean_sqrt_len_tokens` of
    /// sentence-transformers).
    #[serde(rename = "mean_sqrt_len")]
    MeanSqrtLen,
}

impl Pooling {
    /// Pools the vectors `[tokens, width]` of one text, without padding. No token gives zeros.
    pub(crate) fn pool(self, vectors: &[f32], width: usize) -> Vec<f32> {
        let mut rows = vectors.chunks_exact(width);
        let Some(first) = rows.next() else {
            return vec![0.0; width];
        };
        let mut pooled = first.to_vec();
        let join: fn(f32, f32) -> f32 = match self {
            Self::Mean | Self::MeanSqrtLen => |a, b| a + b,
            Self::Cls => |a, _| a,
            Self::Max => f32::max,
        };
        for row in rows {
            for (a, b) in pooled.iter_mut().zip(row) {
                *a = join(*a, *b);
            }
        }
        let count = (vectors.len() / width) as f32;
        let by = match self {
            Self::Mean => count,
            Self::MeanSqrtLen => count.sqrt(),
            Self::Cls | Self::Max => return pooled,
        };
        pooled.iter_mut().for_each(|v| *v /= by);
        pooled
    }
}

/// Scales a vector to Euclidean length 1; the zero vector stays.
pub(crate) fn normalise(vector: &mut [f32]) {
    let norm = vector
        .iter()
        .map(|v| f64::from(*v).powi(2))
        .sum::<f64>()
        .sqrt();
    if norm > 0.0 {
        vector
            .iter_mut()
            .for_each(|v| *v = (f64::from(*v) / norm) as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_by_hand() {
        let vectors = [1.0, -4.0, 3.0, 2.0];
        let root = 2.0f32.sqrt();
        for (pooling, expected) in [
            (Pooling::MeanSqrtLen, [4.0 / root, -2.0 / root]),
            (Pooling::Mean, [2.0, -1.0]),
            (Pooling::Cls, [1.0, -4.0]),
            (Pooling::Max, [3.0, 2.0]),
        ] {
            assert_eq!(pooling.pool(&vectors, 2), expected);
            assert_eq!(pooling.pool(&[], 2), [0.0, 0.0]);
        }
        let mut vector = [3.0, 4.0];
        normalise(&mut vector);
        assert_eq!(vector, [0.6, 0.8]);
    }
}
