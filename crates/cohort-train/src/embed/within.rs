//! How well embeddings find their class: every sample asks the others.

use std::collections::BTreeMap;

use cohort_nn::metric::{MetricLoss, Space};
use cohort_search::{Measure, Sums};

/// Queries compared with all others at a time.
const CHUNK: usize = 256;

/// Means over the samples that have another of their class: precision at 1 and MAP@R, with the mean over all orders (chance).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Within {
    pub(crate) precision_at_1: f64,
    pub(crate) map_at_r: f64,
}

/// What samples of these classes find of each other by chance; none where no class has two.
pub(crate) fn chance(labels: &[usize]) -> Option<Within> {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for label in labels {
        *counts.entry(*label).or_default() += 1;
    }
    let others = labels.len().saturating_sub(1);
    let sums = Sums::new(others);
    let (mut precision, mut map, mut queries) = (0.0, 0.0, 0.0);
    for &count in counts.values().filter(|count| **count > 1) {
        let chance = |measure: Measure| count as f64 * measure.chance(count - 1, others, &sums);
        precision += chance(Measure::PrecisionAt(1));
        map += chance(Measure::MapAtR);
        queries += count as f64;
    }
    (queries > 0.0).then(|| Within {
        precision_at_1: precision / queries,
        map_at_r: map / queries,
    })
}

/// What embeddings of `width` values a row find of each other, by the distance that the loss goes by; of equals the
/// first. None where no class has two.
pub(crate) fn within(
    rows: &[f32],
    width: usize,
    labels: &[usize],
    loss: &MetricLoss,
) -> Option<Within> {
    let space = match loss.space() {
        Space::Distance | Space::SquaredDistance => Space::Distance,
        Space::UnitDistance | Space::UnitSquaredDistance | Space::Cosine => Space::UnitDistance,
    };
    let sums = Sums::new(labels.len());
    let (mut precision, mut map, mut queries) = (0.0, 0.0, 0_usize);
    for (chunk, some) in rows.chunks(CHUNK * width.max(1)).enumerate() {
        let distances = space.compare(some, rows, width);
        for row in 0..distances.rows() {
            let query = chunk * CHUNK + row;
            let distances = distances.row(row);
            let mut order: Vec<usize> = (0..labels.len()).filter(|&other| other != query).collect();
            order.sort_by(|a, b| distances[*a].total_cmp(&distances[*b]));
            let found = order.iter().zip(1..);
            let ranks: Vec<usize> = found
                .filter(|(other, _)| labels[**other] == labels[query])
                .map(|(_, rank)| rank)
                .collect();
            if ranks.is_empty() {
                continue;
            }
            precision += Measure::PrecisionAt(1).of(&ranks, &sums);
            map += Measure::MapAtR.of(&ranks, &sums);
            queries += 1;
        }
    }
    (queries > 0).then(|| Within {
        precision_at_1: precision / queries as f64,
        map_at_r: map / queries as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_ranking_is_that_of_hand() {
        let euclidean = r#"{"kind":"triplet","normalise":false}"#;
        let loss: MetricLoss = serde_json::from_str(euclidean).unwrap();
        // on a line: a a b a b, and c alone
        let rows = [0.0, 1.0, 1.5, 3.0, 7.0, 20.0];
        let labels = [0, 0, 1, 0, 1, 2];
        let found = within(&rows, 1, &labels, &loss).unwrap();
        // first neighbours: a a, a b, b a, a b, b a
        assert!((found.precision_at_1 - 1.0 / 5.0).abs() < 1e-12);
        // R = 2 for a: (1, 0) of the first two, (0, 1), (0, 1); R = 1 for b
        let map = (0.5 + 0.25 + 0.25) / 5.0;
        assert!((found.map_at_r - map).abs() < 1e-12, "{found:?}");
        let chance = chance(&labels).unwrap();
        // R / N with N = 5
        assert!((chance.precision_at_1 - (3.0 * 2.0 + 2.0) / 25.0).abs() < 1e-12);
        assert!(super::chance(&[0, 1, 2]).is_none());
        assert!(within(&rows, 1, &[0, 1, 2, 3, 4, 5], &loss).is_none());
    }
}
