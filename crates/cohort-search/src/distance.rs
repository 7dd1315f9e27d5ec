//! What "near" means to a search.

use serde::{Deserialize, Serialize};

/// A distance between two vectors; the smaller, the nearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distance {
    /// Length of the difference.
    #[default]
    Euclidean,
    /// Minus the inner product.
    InnerProduct,
    /// One minus the cosine of the angle; 1 to and from a vector of zeros.
    Cosine,
    /// Sum of the absolute differences.
    Manhattan,
    /// Largest absolute difference.
    Chebyshev,
}

impl Distance {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Euclidean,
        Self::InnerProduct,
        Self::Cosine,
        Self::Manhattan,
        Self::Chebyshev,
    ];

    /// Name as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Euclidean => "euclidean",
            Self::InnerProduct => "inner-product",
            Self::Cosine => "cosine",
            Self::Manhattan => "manhattan",
            Self::Chebyshev => "chebyshev",
        }
    }

    /// What neighbours are ordered by, in 64 bits: the distance, squared if Euclidean. One order of the sums, so that equal vectors
    /// are at equal keys.
    pub fn key(self, a: &[f32], b: &[f32]) -> f64 {
        match self {
            Self::Euclidean => sum(a, b, |a, b| (a - b) * (a - b)),
            Self::InnerProduct => -sum(a, b, |a, b| a * b),
            Self::Cosine => {
                let squares = sum(a, a, |a, b| a * b) * sum(b, b, |a, b| a * b);
                match squares > 0.0 {
                    true => 1.0 - sum(a, b, |a, b| a * b) / squares.sqrt(),
                    false => 1.0,
                }
            }
            Self::Manhattan => sum(a, b, |a, b| (a - b).abs()),
            Self::Chebyshev => {
                let terms = a.iter().zip(b).map(|(a, b)| f64::from(*a) - f64::from(*b));
                terms.map(f64::abs).fold(0.0, f64::max)
            }
        }
    }

    /// The distance that belongs to a key.
    pub fn of_key(self, key: f64) -> f64 {
        match self {
            Self::Euclidean => key.sqrt(),
            _ => key,
        }
    }
}

impl std::str::FromStr for Distance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|d| d.name() == text);
        found.ok_or_else(|| {
            "expected euclidean, inner-product, cosine, manhattan or chebyshev".into()
        })
    }
}

/// Sum over two vectors in 64 bits, eight sums side by side.
pub(crate) fn sum(a: &[f32], b: &[f32], term: impl Fn(f64, f64) -> f64) -> f64 {
    let mut lanes = [0.0_f64; 8];
    let ((a8, a), (b8, b)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a8.iter().zip(b8) {
        for i in 0..8 {
            lanes[i] += term(f64::from(a[i]), f64::from(b[i]));
        }
    }
    for ((a, b), lane) in a.iter().zip(b).zip(&mut lanes) {
        *lane += term(f64::from(*a), f64::from(*b));
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_of_two_vectors_by_hand() {
        let (a, b) = ([1.0, 2.0, 2.0], [3.0, 0.0, 3.0]);
        let cosine = 1.0 - 9.0 / (3.0 * 18.0_f64.sqrt());
        let expected = [3.0, -9.0, cosine, 5.0, 2.0];
        for (distance, expected) in Distance::ALL.into_iter().zip(expected) {
            let found = distance.of_key(distance.key(&a, &b));
            assert!((found - expected).abs() < 1e-12, "{distance:?} {found}");
            assert_eq!(distance.name().parse(), Ok(distance));
        }
        assert_eq!(Distance::Cosine.key(&a, &[0.0; 3]), 1.0);
        assert!("l2".parse::<Distance>().is_err());
    }
}
