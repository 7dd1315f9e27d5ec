//! Whether neighbours carry the same label more often than chance would have it.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::neighbours::{Best, each_row};
use crate::points::Points;
use crate::random::Random;
use crate::{Progress, SearchError};

/// Shuffles of the labels that chance is estimated from.
const SHUFFLES: usize = 199;

/// How often neighbours share a label.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Mean share of a vector's nearest neighbours in the map that carry its label.
    pub map: f64,
    /// The same among its neighbours in the table.
    pub table: f64,
    /// Mean of the map's share when labels are shuffled.
    pub chance: f64,
    /// What 95 in 100 shuffles stay below.
    pub chance_p95: f64,
    /// Share of shuffles, the true labels among them, that reach the map's value.
    pub p_value: f64,
    /// Neighbours looked at.
    pub neighbours: usize,
    /// Vectors with a label and with neighbours to compare with.
    pub vectors: usize,
    /// Subjects, when neighbours of the vector's own subject were left out and labels shuffled among subjects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subjects: Option<usize>,
}

/// Agreement of labels among the `k` nearest labelled neighbours, in the map and in the table.
///
/// With `subjects` (one number a vector), neighbours of the same subject do not count, and chance deals whole subjects'
/// labels out anew: otherwise two clips of one person, near each other and labelled alike, would pass for structure.
/// `None` when no two labelled vectors can be compared.
///
/// # Errors
/// [`SearchError::Input`] when the lengths differ; [`SearchError::Stopped`].
pub fn agreement(
    points: &Points,
    map: &Points,
    labels: &[Option<usize>],
    subjects: Option<&[usize]>,
    k: usize,
    seed: u64,
    progress: &Progress,
) -> Result<Option<Agreement>, SearchError> {
    let n = points.len();
    if map.len() != n || labels.len() != n || subjects.is_some_and(|s| s.len() != n) {
        let found = format!("a map of {} and {} labels", map.len(), labels.len());
        let expected = format!("a map point, a label and a subject for each of {n} vectors");
        return Err(SearchError::input("agreement", expected, found));
    }
    let k = k.max(1);
    let subject = |i: usize| subjects.map_or(i, |s| s[i]);
    let near_map = comparable(map, labels, &subject, k, progress)?;
    let near_table = comparable(points, labels, &subject, k, progress)?;
    let Some(value) = share(&near_map, labels) else {
        return Ok(None);
    };
    let decks = decks(labels, &subject);
    let mut chances: Vec<f64> = (0..SHUFFLES)
        .into_par_iter()
        .filter_map(|shuffle| {
            let mut random = Random::new(seed, "agreement", shuffle);
            share(&near_map, &deal(labels.len(), &decks, &mut random))
        })
        .collect();
    chances.sort_by(f64::total_cmp);
    let reached = chances.iter().filter(|c| **c >= value).count();
    Ok(Some(Agreement {
        map: value,
        table: share(&near_table, labels).unwrap_or(f64::NAN),
        chance: chances.iter().sum::<f64>() / chances.len().max(1) as f64,
        chance_p95: chances
            .get(chances.len() * 95 / 100)
            .copied()
            .unwrap_or(f64::NAN),
        p_value: (1 + reached) as f64 / (1 + chances.len()) as f64,
        neighbours: k,
        vectors: near_map.iter().filter(|(_, near)| !near.is_empty()).count(),
        subjects: subjects.map(|_| decks.len()),
    }))
}

/// Each labelled vector with its nearest labelled vectors of other subjects.
fn comparable(
    points: &Points,
    labels: &[Option<usize>],
    subject: &(impl Fn(usize) -> usize + Sync),
    k: usize,
    progress: &Progress,
) -> Result<Vec<(usize, Vec<u32>)>, SearchError> {
    let rows: Vec<usize> = (0..labels.len()).filter(|&i| labels[i].is_some()).collect();
    let near = each_row(points, &rows, "agreement", progress, |i, keys| {
        let own = subject(i);
        let mut best = Best::new(k);
        for &j in &rows {
            if keys[j] < best.limit() && j != i && subject(j) != own {
                best.offer(keys[j], j as u32);
            }
        }
        best.exact(points, i)
            .into_iter()
            .map(|(_, j)| j)
            .collect::<Vec<u32>>()
    })?;
    Ok(rows.into_iter().zip(near).collect())
}

fn share(near: &[(usize, Vec<u32>)], labels: &[Option<usize>]) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0usize);
    for (i, near) in near.iter().filter(|(_, near)| !near.is_empty()) {
        let same = near
            .iter()
            .filter(|j| labels[**j as usize] == labels[*i])
            .count();
        sum += same as f64 / near.len() as f64;
        count += 1;
    }
    (count > 0).then(|| sum / count as f64)
}

/// Labelled vectors by subject, with their labels.
fn decks(labels: &[Option<usize>], subject: &impl Fn(usize) -> usize) -> Vec<Vec<(usize, usize)>> {
    let mut decks: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
    for (i, label) in labels.iter().enumerate() {
        if let Some(label) = label {
            decks.entry(subject(i)).or_default().push((i, *label));
        }
    }
    decks.into_values().collect()
}

/// Labels dealt out anew: each subject gets those of another, in order and as often as it has vectors.
fn deal(n: usize, decks: &[Vec<(usize, usize)>], random: &mut Random) -> Vec<Option<usize>> {
    let mut from: Vec<usize> = (0..decks.len()).collect();
    random.shuffle(&mut from);
    let mut labels = vec![None; n];
    for (deck, &other) in decks.iter().zip(&from) {
        let given = decks[other].iter().map(|card| card.1).cycle();
        for ((i, _), label) in deck.iter().zip(given) {
            labels[*i] = Some(label);
        }
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Metric, quiet};

    fn noise(n: usize, seed: u64) -> Points {
        let mut random = Random::new(seed, "noise", 0);
        let values: Vec<f32> = (0..n * 2).map(|_| random.normal() as f32).collect();
        Points::new(&values, 2, Metric::Euclidean).unwrap()
    }

    #[test]
    fn noise_agrees_as_often_as_the_closed_form_says() {
        let n = 600;
        let points = noise(n, 1);
        let mut random = Random::new(2, "labels", 0);
        let labels: Vec<Option<usize>> = (0..n)
            .map(|_| Some(usize::from(random.uniform() < 0.2)))
            .collect();
        let ones = labels.iter().filter(|l| **l == Some(1)).count() as f64;
        let zeros = n as f64 - ones;
        let expected = (ones * (ones - 1.0) + zeros * (zeros - 1.0)) / (600.0 * 599.0);
        let found = agreement(&points, &points, &labels, None, 10, 1, &quiet)
            .unwrap()
            .unwrap();
        assert!(
            (found.chance - expected).abs() < 0.003,
            "{found:?} {expected}"
        );
        assert_eq!((found.map, found.vectors), (found.table, n));
    }

    #[test]
    fn p_values_of_noise_are_uniform() {
        let n = 150;
        let p = |seed| {
            let mut random = Random::new(seed, "labels", 0);
            let labels: Vec<Option<usize>> = (0..n).map(|_| Some(random.below(3))).collect();
            let points = noise(n, seed);
            let found = agreement(&points, &points, &labels, None, 8, seed, &quiet);
            found.unwrap().unwrap().p_value
        };
        let all: Vec<f64> = (0..200).map(p).collect();
        let below = |level: f64| all.iter().filter(|p| **p <= level).count();
        // binomial: 10 with standard deviation 3.1, and 100 with 7.1
        assert!((1..=20).contains(&below(0.05)), "{}", below(0.05));
        assert!(below(0.5).abs_diff(100) < 22, "{}", below(0.5));
    }

    #[test]
    fn labels_that_follow_the_map_are_found_and_unlabelled_vectors_do_not_count() {
        let points = noise(400, 3);
        let side = |i: usize| usize::from(points.row(i)[0] > 0.0);
        let labels: Vec<Option<usize>> = (0..400).map(|i| (i % 4 > 0).then(|| side(i))).collect();
        let found = agreement(&points, &points, &labels, None, 5, 1, &quiet)
            .unwrap()
            .unwrap();
        assert!(found.map > 0.9 && found.p_value < 0.01, "{found:?}");
        assert_eq!(found.vectors, 300);
        let none = agreement(&points, &points, &[None; 400], None, 5, 1, &quiet).unwrap();
        assert_eq!(none, None);
    }

    #[test]
    fn clips_of_one_subject_are_no_structure() {
        // 100 subjects at random places, each with six clips at one spot and one random label
        let mut random = Random::new(9, "subjects", 0);
        let (mut values, mut labels, mut subjects) = (vec![], vec![], vec![]);
        for subject in 0..100 {
            let (x, y, label) = (random.normal(), random.normal(), random.below(3));
            for _ in 0..6 {
                values.extend([x, y].map(|v| (v + random.normal() * 1e-3) as f32));
                labels.push(Some(label));
                subjects.push(subject);
            }
        }
        let points = Points::new(&values, 2, Metric::Euclidean).unwrap();
        let look = |subjects| agreement(&points, &points, &labels, subjects, 5, 1, &quiet);
        let fooled = look(None).unwrap().unwrap();
        assert!(fooled.map > 0.95 && fooled.p_value < 0.01);
        let found = look(Some(subjects.as_slice())).unwrap().unwrap();
        assert!(found.map < 0.5 && found.p_value > 0.05, "{found:?}");
        assert_eq!(found.subjects, Some(100));
    }
}
