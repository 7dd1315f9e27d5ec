//! One query's ranking, measured.

use super::Question;
use super::measures::{Measure, Sums};
use crate::Ranking;

/// Levels of recall that precision is given at: 0, 0.05, .. 1.
pub const LEVELS: usize = 21;

/// What came of one query.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Number of the query.
    pub query: usize,
    /// Relevant items, at least 1.
    pub relevant: usize,
    /// Items that were ranked.
    pub gallery: usize,
    /// Each measure.
    pub values: Vec<f64>,
    /// Each measure where equals stand in the best and in the worst order, where that matters.
    pub tied: Option<(Vec<f64>, Vec<f64>)>,
    /// Each measure under each shuffle of the gallery's labels.
    pub shuffled: Vec<Vec<f64>>,
    /// Precision at each of [`LEVELS`] levels of recall: the largest at that recall or a higher one.
    pub precision: Vec<f64>,
    /// Whether the nearest is relevant.
    pub first_right: bool,
    /// Whether the nearest has the very same vector.
    pub copy: bool,
}

/// A ranking without what does not count for the query.
struct Counted {
    places: Vec<u32>,
    ties: Vec<std::ops::Range<usize>>,
}

impl Counted {
    fn new(ranking: &Ranking, counts: impl Fn(usize) -> bool) -> Self {
        // how many count before each place of the whole ranking
        let mut before = Vec::with_capacity(ranking.order.len() + 1);
        let mut places = Vec::with_capacity(ranking.order.len());
        for &place in &ranking.order {
            before.push(places.len());
            if counts(place as usize) {
                places.push(place);
            }
        }
        before.push(places.len());
        let ties = ranking
            .ties
            .iter()
            .map(|tie| before[tie.start]..before[tie.end]);
        let ties = ties.filter(|tie| tie.len() > 1).collect();
        Self { places, ties }
    }

    fn ranks(&self, relevant: impl Fn(usize) -> bool) -> Vec<usize> {
        let places = self.places.iter().zip(1..);
        let found = places.filter(|(place, _)| relevant(**place as usize));
        found.map(|(_, rank)| rank).collect()
    }

    /// Ranks where of equals the relevant ones come first, or last; `None` where no equals differ in relevance.
    fn other_ranks(&self, ranks: &[usize], first: bool) -> Option<Vec<usize>> {
        let mut other = ranks.to_vec();
        let mut mixed = false;
        for tie in &self.ties {
            // ranks tie.start + 1 ..= tie.end
            let from = other.partition_point(|&rank| rank <= tie.start);
            let to = other.partition_point(|&rank| rank <= tie.end);
            let inside = to - from;
            mixed |= inside > 0 && inside < tie.len();
            for (i, rank) in other[from..to].iter_mut().enumerate() {
                *rank = match first {
                    true => tie.start + 1 + i,
                    false => tie.end - inside + 1 + i,
                };
            }
        }
        mixed.then_some(other)
    }
}

/// Measures the ranking of a query, and tells the place of the nearest; `None` where nothing in the gallery is relevant.
pub(super) fn ask(
    question: &Question,
    query: usize,
    ranking: &Ranking,
    measures: &[Measure],
    sums: &Sums,
    shuffles: &[Vec<u32>],
) -> Option<(Asked, usize)> {
    let own = &question.query_labels[query];
    let labels = &question.gallery_labels;
    let itself = question.itself.get(query).copied().flatten();
    let apart = question
        .apart
        .as_ref()
        .map(|units| (units, question.query_units[query]));
    let counts = |place: usize| {
        !labels[place].is_empty()
            && Some(place) != itself
            && apart.is_none_or(|(units, own)| units[place] != own)
    };
    let counted = Counted::new(ranking, counts);
    let ranks = counted.ranks(|place| share(own, &labels[place]));
    if ranks.is_empty() {
        return None;
    }
    let of = |ranks: &[usize]| -> Vec<f64> { measures.iter().map(|m| m.of(ranks, sums)).collect() };
    let tied = counted.other_ranks(&ranks, true).map(|best| {
        let worst = counted
            .other_ranks(&ranks, false)
            .expect("mixed either way");
        (of(&best), of(&worst))
    });
    let shuffled = shuffles.iter().map(|shuffle| {
        let source = |place: usize| {
            // the label that comes to an item from one that does not count goes on along the permutation
            let mut from = shuffle[place] as usize;
            while !counts(from) {
                from = shuffle[from] as usize;
            }
            from
        };
        let ranks = counted.ranks(|place| share(own, &labels[source(place)]));
        of(&ranks)
    });
    let shuffled = shuffled.collect();
    let nearest = *counted.places.first()? as usize;
    let asked = Asked {
        query,
        relevant: ranks.len(),
        gallery: counted.places.len(),
        values: of(&ranks),
        tied,
        shuffled,
        precision: interpolated(&ranks),
        first_right: ranks.first() == Some(&1),
        copy: false,
    };
    Some((asked, nearest))
}

/// Whether two ascending lists have a label in common.
pub(super) fn share(a: &[u32], b: &[u32]) -> bool {
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => return true,
        }
    }
    false
}

/// The largest precision at each level of recall or a higher one.
fn interpolated(ranks: &[usize]) -> Vec<f64> {
    let mut precision: Vec<f64> = ranks
        .iter()
        .zip(1..)
        .map(|(&rank, hits)| f64::from(hits) / rank as f64)
        .collect();
    for i in (1..precision.len()).rev() {
        precision[i - 1] = precision[i - 1].max(precision[i]);
    }
    let at = |level: usize| {
        // recall (i + 1) / R is at least level / (LEVELS - 1)
        let needed = (level * ranks.len()).div_ceil(LEVELS - 1);
        precision[needed.max(1) - 1]
    };
    (0..LEVELS).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_are_counted_in_the_best_and_in_the_worst_order() {
        let ranking = Ranking {
            order: vec![4, 0, 1, 2, 3, 5],
            ties: vec![1..4, 4..6],
        };
        // item 1 does not count: ranks are 4:1 0:2 2:3 3:4 5:5, ties 2-3 and 4-5
        let counted = Counted::new(&ranking, |place| place != 1);
        assert_eq!(counted.places, [4, 0, 2, 3, 5]);
        assert_eq!(counted.ties, [1..3, 3..5]);
        let ranks = counted.ranks(|place| place == 0 || place == 5);
        assert_eq!(ranks, [2, 5]);
        assert_eq!(counted.other_ranks(&ranks, true), Some(vec![2, 4]));
        assert_eq!(counted.other_ranks(&ranks, false), Some(vec![3, 5]));
        let ranks = counted.ranks(|place| place == 3 || place == 5);
        assert_eq!(counted.other_ranks(&ranks, true), None);
    }

    #[test]
    fn precision_at_levels_of_recall_by_hand() {
        // precisions 1, 1/2, 3/5 at recalls 1/3, 2/3, 1
        let found = interpolated(&[1, 4, 5]);
        assert_eq!(found[0], 1.0);
        assert_eq!(found[6], 1.0); // recall 0.30
        assert_eq!(found[7], 0.6); // recall 0.35
        assert_eq!(found[20], 0.6);
        assert!(share(&[1, 4, 9], &[2, 9]) && !share(&[1, 4], &[2, 3]) && !share(&[], &[1]));
    }
}
