//! Triplets of items with several labels each: a positive that shares as many labels as any, a negative that shares none.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use crate::SearchError;
use crate::random::Random;

/// Draws of a negative before all are counted out.
const TRIES: usize = 64;

/// An anchor with its positive and negative, as places among the items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OverlapTriplet {
    /// The anchor.
    pub anchor: usize,
    /// One of those that share the most of the anchor's labels, at least one.
    pub positive: usize,
    /// One of those that share none of the anchor's and the positive's labels; where there is none, one of those that share the fewest.
    pub negative: usize,
    /// Labels that anchor and positive share.
    pub shared: usize,
    /// Labels that the negative shares with the two; mostly 0.
    pub clash: usize,
}

/// A triplet an anchor, in the anchors' order; items that share a label with no other are anchors of none. Positive and negative are
/// drawn evenly among all that fit, as functions of the seed and the anchor.
///
/// Items with the same labels are looked at together, and others found by an index from labels to such sets, so that 82,000 items take
/// seconds and not the hours of comparing all with all.
///
/// # Errors
/// [`SearchError::Input`] for labels of an item that are not ascending, or fewer than three items.
pub fn overlap_triplets(
    labels: &[Vec<u32>],
    seed: u64,
) -> Result<Vec<OverlapTriplet>, SearchError> {
    if labels.len() < 3 {
        let found = labels.len().to_string();
        return Err(SearchError::input("items", "at least 3", found));
    }
    let ascending = |own: &Vec<u32>| own.windows(2).all(|pair| pair[0] < pair[1]);
    if let Some(at) = labels.iter().position(|own| !ascending(own)) {
        let expected = format!("each once and ascending in item {}", at + 1);
        return Err(SearchError::input(
            "labels",
            expected,
            format!("{:?}", labels[at]),
        ));
    }
    let sets = Sets::new(labels);
    let found: Vec<Vec<OverlapTriplet>> = (0..sets.labels.len())
        .into_par_iter()
        .map_init(
            || vec![0_u32; sets.labels.len()],
            |counts, set| sets.triplets(set, labels, seed, counts),
        )
        .collect();
    let mut triplets = found.concat();
    triplets.sort_unstable_by_key(|triplet| triplet.anchor);
    Ok(triplets)
}

/// The distinct sets of labels.
struct Sets {
    labels: Vec<Vec<u32>>,
    /// Items of each set.
    members: Vec<Vec<usize>>,
    /// Sets that hold each label.
    holding: BTreeMap<u32, Vec<usize>>,
}

impl Sets {
    fn new(labels: &[Vec<u32>]) -> Self {
        let mut by_labels: BTreeMap<&[u32], Vec<usize>> = BTreeMap::new();
        for (item, own) in labels.iter().enumerate() {
            by_labels.entry(own).or_default().push(item);
        }
        let mut holding: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (set, own) in by_labels.keys().enumerate() {
            for &label in *own {
                holding.entry(label).or_default().push(set);
            }
        }
        Self {
            labels: by_labels.keys().map(|own| own.to_vec()).collect(),
            members: by_labels.into_values().collect(),
            holding,
        }
    }

    /// Into `counts` how many of `wanted` each set holds.
    fn count(&self, wanted: &[u32], counts: &mut [u32]) {
        counts.fill(0);
        for label in wanted {
            for &set in self.holding.get(label).into_iter().flatten() {
                counts[set] += 1;
            }
        }
    }

    fn triplets(
        &self,
        set: usize,
        labels: &[Vec<u32>],
        seed: u64,
        counts: &mut [u32],
    ) -> Vec<OverlapTriplet> {
        let own = &self.labels[set];
        self.count(own, counts);
        let alone = self.members[set].len() == 1;
        let other = |s: &usize| *s != set || !alone;
        let candidates = || (0..counts.len()).filter(other);
        let most = candidates().map(|s| counts[s]).max().unwrap_or(0);
        if most == 0 {
            return Vec::new();
        }
        let nearest: Vec<usize> = candidates().filter(|&s| counts[s] == most).collect();
        let all: usize = nearest.iter().map(|&s| self.members[s].len()).sum();
        let holds_own = usize::from(nearest.contains(&set));
        let mut triplets = Vec::with_capacity(self.members[set].len());
        for &anchor in &self.members[set] {
            let mut random = Random::new(seed, "overlap", anchor);
            let pick = random.below(all - holds_own);
            let items = nearest.iter().flat_map(|&s| &self.members[s]);
            let mut items = items.copied().filter(|&item| item != anchor);
            let Some(positive) = items.nth(pick) else {
                continue;
            };
            let mut both = own.clone();
            both.extend(&labels[positive]);
            both.sort_unstable();
            both.dedup();
            let (negative, clash) = self.negative(&both, labels, &mut random, counts);
            triplets.push(OverlapTriplet {
                anchor,
                positive,
                negative,
                shared: most as usize,
                clash,
            });
        }
        triplets
    }

    /// One that shares none of `both`, or the fewest, and how many.
    fn negative(
        &self,
        both: &[u32],
        labels: &[Vec<u32>],
        random: &mut Random,
        counts: &mut [u32],
    ) -> (usize, usize) {
        for _ in 0..TRIES {
            let item = random.below(labels.len());
            // what has no label is nobody's negative
            if !labels[item].is_empty() && shared(&labels[item], both) == 0 {
                return (item, 0);
            }
        }
        self.count(both, counts);
        let labelled = || (0..counts.len()).filter(|&s| !self.labels[s].is_empty());
        // the anchor's and the positive's own sets share all of theirs; they are negatives of the last resort
        let least = labelled().map(|s| counts[s]).min().unwrap_or(0);
        let furthest: Vec<usize> = labelled().filter(|&s| counts[s] == least).collect();
        let all: usize = furthest.iter().map(|&s| self.members[s].len()).sum();
        let mut items = furthest.iter().flat_map(|&s| &self.members[s]);
        let item = items.nth(random.below(all)).copied().unwrap_or(0);
        (item, least as usize)
    }
}

/// How many labels two ascending lists share.
fn shared(a: &[u32], b: &[u32]) -> usize {
    a.iter()
        .filter(|label| b.binary_search(label).is_ok())
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Items with one label or more, common ones far more often than rare ones.
    fn items(count: usize, kinds: usize, seed: u64) -> Vec<Vec<u32>> {
        (0..count)
            .map(|item| {
                let mut random = Random::new(seed, "items", item);
                let mut own: Vec<u32> = Vec::new();
                while own.is_empty() || random.uniform() < 0.6 {
                    own.push((random.uniform().powi(3) * kinds as f64) as u32);
                }
                own.sort_unstable();
                own.dedup();
                own
            })
            .collect()
    }

    #[test]
    fn every_triplet_is_one_that_brute_force_allows() {
        for (count, kinds) in [(300, 20), (60, 4), (40, 60)] {
            let labels = items(count, kinds, 7);
            let found = overlap_triplets(&labels, 3).unwrap();
            let mut anchors = 0;
            for anchor in 0..count {
                let others = (0..count).filter(|&o| o != anchor);
                let most = others
                    .clone()
                    .map(|o| shared(&labels[anchor], &labels[o]))
                    .max();
                let most = most.unwrap();
                let triplet = found.iter().find(|t| t.anchor == anchor);
                assert_eq!(triplet.is_some(), most > 0, "{anchor}");
                let Some(triplet) = triplet else { continue };
                anchors += 1;
                assert_ne!(triplet.positive, anchor);
                assert_eq!(shared(&labels[anchor], &labels[triplet.positive]), most);
                assert_eq!(triplet.shared, most);
                let both = [&labels[anchor][..], &labels[triplet.positive]].concat();
                let clash = |o: usize| labels[o].iter().filter(|l| both.contains(l)).count();
                let least = (0..count).map(clash).min().unwrap();
                assert_eq!((clash(triplet.negative), triplet.clash), (least, least));
            }
            assert_eq!(found.len(), anchors);
            assert_eq!(found, overlap_triplets(&labels, 3).unwrap());
            assert_ne!(found, overlap_triplets(&labels, 4).unwrap());
        }
    }

    #[test]
    fn positives_and_negatives_are_drawn_evenly() {
        // 0 to 3 are alike; 4 to 8 share nothing with them
        let labels: Vec<Vec<u32>> = (0..9).map(|i| vec![u32::from(i > 3)]).collect();
        let (mut positive, mut negative) = ([0; 9], [0; 9]);
        for seed in 0..6000 {
            let triplet = overlap_triplets(&labels, seed).unwrap()[0];
            positive[triplet.positive] += 1;
            negative[triplet.negative] += 1;
        }
        // 2,000 and 1,200 each, standard deviations 37 and 31
        assert!(
            positive[1..4].iter().all(|n: &i32| n.abs_diff(2000) < 160),
            "{positive:?}"
        );
        assert!(
            negative[4..].iter().all(|n: &i32| n.abs_diff(1200) < 140),
            "{negative:?}"
        );
        assert_eq!(positive[0] + positive[4..].iter().sum::<i32>(), 0);
    }

    #[test]
    fn labels_that_are_not_in_order_are_refused() {
        let told = |labels: &[Vec<u32>]| overlap_triplets(labels, 0).unwrap_err().to_string();
        assert!(told(&[vec![1], vec![2, 2], vec![3]]).contains("item 2, found [2, 2]"));
        assert!(told(&[vec![1], vec![1]]).contains("at least 3, found 2"));
        // nothing is shared, so there is no anchor
        assert!(
            overlap_triplets(&[vec![1], vec![2], vec![3], vec![]], 0)
                .unwrap()
                .is_empty()
        );
    }
}
