//! Communities against sentence-transformers 6.2 on real captions (`topics.json` of the shared reference data), against brute
//! force, and under what must change nothing.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use cohort_search::{
    Community, CommunitySettings, Metric, Points, SearchError, communities, quiet, topics,
};
use serde_json::Value;

/// Vectors of 300 captions, and the runs of sentence-transformers on them.
fn reference() -> Option<(Vec<f32>, usize, Value)> {
    let root = std::env::var_os("COHORT_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = root.join("data/model-reference/generation");
    let Ok(bytes) = std::fs::read(folder.join("topics.safetensors")) else {
        println!(
            "skipped: {} is absent (set COHORT_SHARED)",
            folder.display()
        );
        return None;
    };
    let (length, rest) = bytes.split_first_chunk::<8>().unwrap();
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let header: Value = serde_json::from_slice(header).unwrap();
    let dim = header["embeddings"]["shape"][1].as_u64().unwrap() as usize;
    let values = data
        .as_chunks::<4>()
        .0
        .iter()
        .map(|b| f32::from_le_bytes(*b));
    let golden = std::fs::read(folder.join("topics.json")).unwrap();
    Some((
        values.collect(),
        dim,
        serde_json::from_slice(&golden).unwrap(),
    ))
}

fn settings(threshold: f64, least: usize) -> CommunitySettings {
    CommunitySettings { threshold, least }
}

fn found(values: &[f32], dim: usize, ids: Option<&[u64]>, s: CommunitySettings) -> Vec<Vec<u32>> {
    let points = Points::new(values, dim, Metric::Cosine).unwrap();
    let all = communities(&points, ids, s, &quiet).unwrap();
    all.into_iter().map(|community| community.members).collect()
}

/// Numbers from a generator of its own, -1 to 1.
fn draw(count: usize, mut state: u64) -> Vec<f32> {
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Some clusters of different width, some of their rows twice.
fn clusters(n: usize, dim: usize) -> Vec<f32> {
    let centres = draw(5 * dim, 1);
    let noise = draw(n * dim, 2);
    let mut values = Vec::with_capacity(n * dim);
    for i in 0..n {
        let row = if i % 7 == 3 { i - 2 } else { i };
        for k in 0..dim {
            let width = 0.3 + 0.25 * (row % 5) as f32;
            values.push(centres[row * row % 5 * dim + k] + width * noise[row * dim + k]);
        }
    }
    values
}

/// The order of 0 to n drawn from a seed.
fn shuffled(n: usize, seed: u64) -> Vec<usize> {
    let keys = draw(n, seed);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| keys[a].total_cmp(&keys[b]));
    order
}

#[test]
fn runs_are_those_of_sentence_transformers() {
    let Some((values, dim, golden)) = reference() else {
        return;
    };
    let runs = golden["communities"].as_object().unwrap();
    assert!(runs.len() >= 12);
    for (name, run) in runs {
        let (threshold, least) = name.split_once('/').unwrap();
        let settings = settings(threshold.parse().unwrap(), least.parse().unwrap());
        let expected: Vec<Vec<u32>> = serde_json::from_value(run.clone()).unwrap();
        assert_eq!(found(&values, dim, None, settings), expected, "{name}");
    }
}

#[test]
fn any_order_of_rows_gives_the_same_topics() {
    let real = reference().map(|(values, dim, _)| (values, dim));
    for (values, dim) in [(clusters(900, 24), 24)].into_iter().chain(real) {
        let n = values.len() / dim;
        for settings in [settings(0.65, 3), settings(0.75, 10)] {
            let plain = found(&values, dim, None, settings);
            assert!(plain.len() > 1);
            for seed in 3..7 {
                let order = shuffled(n, seed);
                let rows = order.iter().map(|&i| &values[i * dim..(i + 1) * dim]);
                let values: Vec<f32> = rows.flatten().copied().collect();
                let ids: Vec<u64> = order.iter().map(|&i| i as u64).collect();
                let moved = found(&values, dim, Some(&ids), settings);
                let back = |row: &u32| order[*row as usize] as u32;
                let moved: Vec<Vec<u32>> =
                    moved.iter().map(|c| c.iter().map(back).collect()).collect();
                assert_eq!(moved, plain, "seed {seed}");
            }
        }
    }
}

/// The rule written out over the whole matrix in 64 bits.
fn brute(values: &[f32], dim: usize, settings: CommunitySettings) -> Vec<Vec<u32>> {
    let rows: Vec<&[f32]> = values.chunks_exact(dim).collect();
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum()
    };
    let cosine = |i: usize, j: usize| match (dot(rows[i], rows[i]) * dot(rows[j], rows[j])).sqrt() {
        0.0 => 0.0,
        size => dot(rows[i], rows[j]) / size,
    };
    let near = |i: usize| -> Vec<u32> {
        let all = 0..rows.len() as u32;
        all.filter(|&j| cosine(i, j as usize) >= settings.threshold)
            .collect()
    };
    let mut proposed: Vec<(u32, Vec<u32>)> = (0..rows.len())
        .map(|i| (i as u32, near(i)))
        .filter(|(_, near)| near.len() >= settings.least)
        .collect();
    proposed.sort_by_key(|(_, near)| std::cmp::Reverse(near.len()));
    let mut taken = vec![false; rows.len()];
    let mut all = Vec::new();
    for (centre, mut near) in proposed {
        near.retain(|&j| !taken[j as usize]);
        if taken[centre as usize] || near.len() < settings.least {
            continue;
        }
        near.iter().for_each(|&j| taken[j as usize] = true);
        near.sort_unstable();
        all.push(near);
    }
    all.sort_by_key(|near| std::cmp::Reverse(near.len()));
    all
}

#[test]
fn communities_are_those_of_brute_force_whatever_the_number_of_threads() {
    for (n, dim) in [(40, 3), (700, 24), (257, 9)] {
        let mut values = clusters(n, dim);
        // one row of zeros, which is near nothing
        values[5 * dim..6 * dim].fill(0.0);
        for settings in [
            settings(0.9, 1),
            settings(0.7, 4),
            settings(0.5, 30),
            settings(-0.1, 2),
        ] {
            let runs = [1, 3].map(|threads| {
                let pool = rayon::ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .build()
                    .unwrap();
                pool.install(|| found(&values, dim, None, settings))
            });
            assert_eq!(runs[0], runs[1]);
            let mut sets = runs[0].clone();
            sets.iter_mut().for_each(|set| set.sort_unstable());
            assert_eq!(
                sets,
                brute(&values, dim, settings),
                "{n} x {dim} {settings:?}"
            );
        }
    }
}

#[test]
fn a_cosine_at_the_threshold_is_near() {
    // cosines of 0.6 and 0.8, exactly
    let values = [1.0, 0.0, 3.0, 4.0, 4.0, 3.0, 0.0, -2.0];
    assert_eq!(found(&values, 2, None, settings(0.6, 3)), [[0, 2, 1]]);
    assert_eq!(found(&values, 2, None, settings(0.800_001, 2)), [[1, 2]]);
    // duplicates have a cosine of 1, of any length
    let values: Vec<f32> = (0..60)
        .flat_map(|i| {
            draw(7, 9 + i % 2)
                .into_iter()
                .map(move |v| v * (i + 1) as f32)
        })
        .collect();
    let twins = found(&values, 7, None, settings(1.0, 2));
    assert!(
        twins
            .iter()
            .all(|c| c.windows(2).all(|pair| (pair[0] + pair[1]) % 2 == 0))
    );
    let all = found(&[1.0; 9000], 3, None, settings(0.75, 1000));
    assert_eq!(all, [(0..3000).collect::<Vec<u32>>()]);
}

#[test]
fn rows_know_their_topic() {
    let all = [vec![4, 0], vec![2]].map(|members| Community { members });
    assert_eq!(topics(&all, 5), [Some(0), None, Some(1), None, Some(0)]);
}

#[test]
fn what_cannot_be_is_refused() {
    let points = Points::new(&draw(20, 1), 2, Metric::Cosine).unwrap();
    let run = |ids: Option<&[u64]>, settings| communities(&points, ids, settings, &quiet);
    assert_eq!(run(None, settings(0.5, 11)).unwrap(), []);
    for (ids, settings, part) in [
        (
            None,
            settings(1.5, 2),
            "setting threshold: expected -1 to 1, found 1.5",
        ),
        (None, settings(f64::NAN, 2), "setting threshold"),
        (
            None,
            settings(0.5, 0),
            "setting least: expected at least 1, found 0",
        ),
        (
            Some(&[1, 2][..]),
            settings(0.5, 2),
            "ids: expected one a row, 10, found 2",
        ),
        (
            Some(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 3][..]),
            settings(0.5, 2),
            "a different one a row, found 3 in rows 3 and 10",
        ),
    ] {
        let error = run(ids, settings).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    let other = Points::new(&draw(20, 1), 2, Metric::Euclidean).unwrap();
    let error = communities(&other, None, settings(0.5, 2), &quiet)
        .unwrap_err()
        .to_string();
    assert_eq!(error, "setting metric: expected cosine, found euclidean");
    let stop = |_: &str, _: usize, _: usize| false;
    let stopped = communities(&points, None, settings(0.5, 2), &stop).unwrap_err();
    assert!(matches!(stopped, SearchError::Stopped));
}
