//! The median rank of the first right item, with an interval, its chance level and the control.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{PairRecord, PairsSettings};
use crate::random::Random;

/// Most resamples of a median: its interval ends on whole ranks, which more draws do not move.
const RESAMPLES: usize = 2_000;
/// Fewest pictures that are resampled.
const FEWEST: usize = 5;

/// The median rank of the first right item; the lower, the better.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MedianRank {
    /// The median; of an even number of queries the mean of the middle two.
    pub value: f64,
    /// Lower end of its interval: percentiles of resamples of pictures; absent with fewer than 5 pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// The median where every order of the gallery is equally likely.
    pub chance: f64,
    /// Mean over the shuffles of the pairs.
    pub shuffled: f64,
}

/// The median of some ranks; reorders them.
pub(super) fn median(ranks: &mut [u32]) -> f64 {
    if ranks.is_empty() {
        return f64::NAN;
    }
    let middle = ranks.len() / 2;
    let odd = ranks.len() % 2 == 1;
    let (below, upper, _) = ranks.select_nth_unstable(middle);
    let upper = f64::from(*upper);
    match below.iter().max() {
        Some(&lower) if !odd => (f64::from(lower) + upper) / 2.0,
        _ => upper,
    }
}

pub(super) fn median_rank(
    asked: &[PairRecord],
    gallery: usize,
    shuffled: &[f64],
    name: &str,
    settings: &PairsSettings,
) -> MedianRank {
    let mut ranks: Vec<u32> = asked.iter().map(|record| record.rank as u32).collect();
    let interval = interval(asked, name, settings);
    MedianRank {
        value: median(&mut ranks),
        low: interval.map(|ends| ends.0),
        high: interval.map(|ends| ends.1),
        chance: chance(asked, gallery),
        shuffled: shuffled.iter().sum::<f64>() / shuffled.len() as f64,
    }
}

/// Percentiles of the medians of resamples of pictures with all their queries.
fn interval(asked: &[PairRecord], name: &str, settings: &PairsSettings) -> Option<(f64, f64)> {
    let mut distinct: Vec<usize> = asked.iter().map(|record| record.rank).collect();
    distinct.sort_unstable();
    distinct.dedup();
    let mut of_picture: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for record in asked {
        let place = distinct.partition_point(|&rank| rank < record.rank);
        of_picture.entry(record.picture).or_default().push(place);
    }
    let pictures: Vec<Vec<usize>> = of_picture.into_values().collect();
    if pictures.len() < FEWEST {
        return None;
    }
    let purpose = format!("median {name}");
    let resample = |number: usize| {
        let mut random = Random::new(settings.seed, &purpose, number);
        let mut counts = vec![0_usize; distinct.len()];
        for _ in 0..pictures.len() {
            for &place in &pictures[random.below(pictures.len())] {
                counts[place] += 1;
            }
        }
        let all: usize = counts.iter().sum();
        let at = |rank: usize| {
            let mut seen = 0;
            let place = counts.iter().position(|&count| {
                seen += count;
                seen > rank
            });
            distinct[place.unwrap_or(distinct.len() - 1)] as f64
        };
        (at((all - 1) / 2) + at(all / 2)) / 2.0
    };
    let count = settings.resamples.min(RESAMPLES);
    let mut medians: Vec<f64> = (0..count).into_par_iter().map(resample).collect();
    medians.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - settings.level) / 2.0 * count as f64;
    let low = medians.get(tail.floor() as usize)?;
    let high = medians.get(count - 1 - tail.floor() as usize)?;
    Some((*low, *high))
}

/// The median of the first rank of `relevant` items placed at random, over queries with different numbers of them: the chance that
/// none is among the first m of N is C(N - R, m) / C(N, m).
fn chance(asked: &[PairRecord], gallery: usize) -> f64 {
    let mut kinds: BTreeMap<usize, usize> = BTreeMap::new();
    for record in asked {
        *kinds.entry(record.relevant).or_default() += 1;
    }
    let n = asked.len() as f64;
    // share of the queries of a kind times the chance that none of their items was met so far
    let mut missed: Vec<(usize, f64)> = kinds.into_iter().map(|(r, q)| (r, q as f64 / n)).collect();
    let mut lower = None;
    for m in 1..=gallery {
        let left = (gallery - m + 1) as f64;
        for (relevant, share) in &mut missed {
            *share *= (left - *relevant as f64).max(0.0) / left;
        }
        let all: f64 = missed.iter().map(|kind| kind.1).sum();
        // rounding of the sum is no half
        if all <= 0.5 + 1e-12 {
            lower.get_or_insert(m);
        }
        if all < 0.5 - 1e-12 {
            return (lower.unwrap_or(m) + m) as f64 / 2.0;
        }
    }
    gallery as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(picture: usize, relevant: usize, rank: usize) -> PairRecord {
        PairRecord {
            query: 0,
            picture,
            relevant,
            rank,
            values: Vec::new(),
            tied: None,
            answer: 0,
            score: 0.0,
            unrelated: None,
            percentile: None,
        }
    }

    #[test]
    fn medians_by_hand() {
        for (mut ranks, expected) in [
            (vec![3], 3.0),
            (vec![5, 1], 3.0),
            (vec![9, 1, 2], 2.0),
            (vec![4, 4, 1, 7], 4.0),
        ] {
            assert_eq!(median(&mut ranks), expected);
        }
    }

    /// All places of the relevant items, counted out.
    #[test]
    fn chance_is_the_median_over_all_orders() {
        let gallery = 9;
        for kinds in [
            vec![1],
            vec![2],
            vec![5],
            vec![1, 3],
            vec![9],
            vec![2, 2, 6],
        ] {
            let asked: Vec<PairRecord> = kinds.iter().map(|&r| record(0, r, 1)).collect();
            // first ranks of each kind, as often as makes the kinds weigh the same
            let mut firsts: Vec<(usize, f64)> = Vec::new();
            for &relevant in &kinds {
                let sets =
                    (0_u32..1 << gallery).filter(|set| set.count_ones() as usize == relevant);
                let ranks: Vec<usize> = sets.map(|set| set.trailing_zeros() as usize + 1).collect();
                let weight = 1.0 / ranks.len() as f64 / kinds.len() as f64;
                firsts.extend(ranks.into_iter().map(|rank| (rank, weight)));
            }
            let at_most = |m: usize| -> f64 {
                let below = firsts.iter().filter(|(rank, _)| *rank <= m);
                below.map(|first| first.1).sum()
            };
            let lower = (1..=gallery).find(|&m| at_most(m) >= 0.5 - 1e-9).unwrap();
            let upper = (1..=gallery).find(|&m| at_most(m) > 0.5 + 1e-9).unwrap();
            let expected = (lower + upper) as f64 / 2.0;
            assert_eq!(chance(&asked, gallery), expected, "{kinds:?}");
        }
    }

    /// Ranks of a picture's captions hang together; the interval must know.
    #[test]
    fn intervals_of_medians_keep_their_level() {
        let settings = PairsSettings {
            resamples: 400,
            ..PairsSettings::default()
        };
        let (mut held, tries) = (0, 300);
        for attempt in 0..tries {
            let mut random = Random::new(attempt, "ranks", 0);
            let mut asked = Vec::new();
            for picture in 0..60 {
                let own = random.below(500);
                for _ in 0..5 {
                    // symmetric around 600
                    asked.push(record(picture, 1, 1 + own + random.below(700)));
                }
            }
            let (low, high) = interval(&asked, "x", &settings).unwrap();
            held += usize::from(low <= 600.0 && 600.0 <= high);
        }
        let share = held as f64 / tries as f64;
        // standard deviation .013
        assert!((0.91..=0.985).contains(&share), "{share}");
    }

    #[test]
    fn few_pictures_have_no_interval() {
        let settings = PairsSettings::default();
        let asked: Vec<PairRecord> = (0..4).map(|i| record(i, 1, i + 1)).collect();
        assert_eq!(interval(&asked, "x", &settings), None);
    }
}
