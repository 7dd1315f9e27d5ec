//! Splits that are made where they are missing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// Share of the items that a missing validation or test split gets.
pub(crate) const SHARE: f64 = 0.15;

/// Splits that were not there and were made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MadeSplits {
    /// Seed of the draw.
    pub seed: u64,
    /// Names of the splits that were made.
    pub splits: Vec<String>,
    /// Name of the split that they were taken from.
    pub from: String,
    /// Share of the items of each made split, as asked for.
    pub share: f64,
}

/// An item as splits are made of it.
pub(crate) struct Drawn<'a> {
    /// Code of its class.
    pub class: &'a str,
    /// Names that tie items together: those that share one are never torn apart.
    pub ties: Vec<String>,
}

/// Gives each item a made split (its number, below `shares.len()`) or none, by class.
///
/// Items that are tied, directly or through others, form a group; a group belongs to its most frequent class (the first by name
/// of equals). In each class groups stand in the order of a hash of the seed and their first tie, so that neither the order of
/// files nor a new item moves the others; each made split takes groups from there until it has its share, at least one where
/// the class has more groups than splits, and the rest stays.
pub(crate) fn draw(items: &[Drawn<'_>], shares: &[f64], seed: u64) -> Vec<Option<usize>> {
    let groups = groups(items);
    let mut by_class: BTreeMap<&str, Vec<(blake3::Hash, &Vec<usize>)>> = BTreeMap::new();
    for (tie, members) in &groups {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for &member in members {
            *counts.entry(items[member].class).or_default() += 1;
        }
        let class = counts
            .into_iter()
            .max_by_key(|&(class, count)| (count, std::cmp::Reverse(class)))
            .map_or("", |(class, _)| class);
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes());
        hasher.update(tie.as_bytes());
        let place = (hasher.finalize(), members);
        by_class.entry(class).or_default().push(place);
    }
    let mut drawn = vec![None; items.len()];
    for groups in by_class.values_mut() {
        groups.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        let count: usize = groups.iter().map(|(_, members)| members.len()).sum();
        let enough = groups.len() > shares.len();
        let mut rest = groups.iter();
        for (split, share) in shares.iter().enumerate() {
            let wanted = (share * count as f64).round() as usize;
            let wanted = if enough { wanted.max(1) } else { wanted };
            let mut taken = 0;
            // one group is left for each split behind this one and for what they are taken from
            while taken < wanted && rest.len() > shares.len() - split {
                let Some((_, members)) = rest.next() else {
                    break;
                };
                // a group that would overshoot by more than it fills stays where it is
                if taken > 0 && taken + members.len() > wanted + members.len() / 2 {
                    break;
                }
                taken += members.len();
                for &member in *members {
                    drawn[member] = Some(split);
                }
            }
        }
    }
    drawn
}

/// Items by the first of the names that tie them.
fn groups(items: &[Drawn<'_>]) -> BTreeMap<String, Vec<usize>> {
    let mut parent: Vec<usize> = (0..items.len()).collect();
    fn top(parent: &mut [usize], mut at: usize) -> usize {
        while parent[at] != at {
            parent[at] = parent[parent[at]];
            at = parent[at];
        }
        at
    }
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, item) in items.iter().enumerate() {
        for tie in &item.ties {
            let other = *first.entry(tie).or_insert(i);
            let (a, b) = (top(&mut parent, i), top(&mut parent, other));
            parent[a.max(b)] = a.min(b);
        }
    }
    let mut named: BTreeMap<usize, (BTreeSet<&str>, Vec<usize>)> = BTreeMap::new();
    for (i, item) in items.iter().enumerate() {
        let (ties, members) = named.entry(top(&mut parent, i)).or_default();
        ties.extend(item.ties.iter().map(String::as_str));
        members.push(i);
    }
    named
        .into_values()
        .map(|(ties, members)| {
            let name = ties.first().map_or(String::new(), |tie| (*tie).to_string());
            (name, members)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(classes: &[(&'static str, usize)], per_unit: usize) -> Vec<Drawn<'static>> {
        let mut all = Vec::new();
        for (class, count) in classes {
            for i in 0..*count {
                all.push(Drawn {
                    class,
                    ties: vec![format!("{class}/{}", i / per_unit)],
                });
            }
        }
        all
    }

    #[test]
    fn shares_are_kept_in_every_class_and_units_stay_whole() {
        let all = items(&[("a", 100), ("b", 40), ("c", 4), ("d", 1)], 1);
        let drawn = draw(&all, &[0.15, 0.15], 0);
        let count = |class: &str, split| {
            let of = all
                .iter()
                .zip(&drawn)
                .filter(|(item, _)| item.class == class);
            of.filter(|(_, drawn)| **drawn == split).count()
        };
        for (class, expected) in [("a", 15), ("b", 6), ("c", 1), ("d", 0)] {
            assert_eq!(count(class, Some(0)), expected, "{class}");
            assert_eq!(count(class, Some(1)), expected, "{class}");
        }
        let tied = items(&[("a", 100), ("b", 60)], 5);
        let drawn = draw(&tied, &[0.15], 3);
        let mut of_unit: BTreeMap<&str, BTreeSet<Option<usize>>> = BTreeMap::new();
        for (item, drawn) in tied.iter().zip(&drawn) {
            of_unit.entry(&item.ties[0]).or_default().insert(*drawn);
        }
        assert!(of_unit.values().all(|splits| splits.len() == 1));
        assert_eq!(drawn.iter().flatten().count(), 15 + 10);
    }

    #[test]
    fn a_draw_depends_on_seed_and_names_and_not_on_the_order_or_on_others() {
        let all = items(&[("a", 200)], 1);
        let drawn = draw(&all, &[0.15], 7);
        assert_ne!(drawn, draw(&all, &[0.15], 8));
        let reversed: Vec<Drawn<'_>> = items(&[("a", 200)], 1).into_iter().rev().collect();
        let mut back = draw(&reversed, &[0.15], 7);
        back.reverse();
        assert_eq!(drawn, back);
        // a class more leaves the others as they were
        let more = items(&[("a", 200), ("b", 50)], 1);
        assert_eq!(draw(&more, &[0.15], 7)[..200], drawn);
    }

    #[test]
    fn what_is_tied_by_chains_of_names_is_one_group() {
        let tie = |ties: &[&str]| Drawn {
            class: "a",
            ties: ties.iter().map(|tie| (*tie).to_string()).collect(),
        };
        let mut all = items(&[("a", 20)], 1);
        all.push(tie(&["x", "y"]));
        all.push(tie(&["z"]));
        all.push(tie(&["y", "z"]));
        for seed in 0..30 {
            let drawn = draw(&all, &[0.3, 0.3], seed);
            assert!(drawn[20] == drawn[21] && drawn[21] == drawn[22], "{seed}");
        }
    }
}
