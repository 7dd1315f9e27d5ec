//! Time and memory of communities on made vectors with clusters of different width.
//! `cargo run --release -p cohort-search --example communities -- 39289 384 0.9 0.75 1000` (rows, values a row, width, threshold,
//! least members)

use std::time::Instant;

use cohort_search::{CommunitySettings, Metric, Points, communities, quiet};

fn main() {
    let given: Vec<f64> = std::env::args()
        .skip(1)
        .map(|word| word.parse().expect("a number"))
        .collect();
    let [n, dim, width, threshold, least] = given[..] else {
        panic!("expected rows, values a row, width, threshold and least members");
    };
    let (n, dim) = (n as usize, dim as usize);
    let mut state = 7u64;
    // nearly normal, as the sum of four even ones
    let mut draw = || {
        (0..4).fold(0.0, |sum, _| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            sum + (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        })
    };
    let centres: Vec<f32> = (0..24 * dim).map(|_| draw()).collect();
    let mut values = Vec::with_capacity(n * dim);
    for i in 0..n {
        let centre = &centres[i * i % 24 * dim..][..dim];
        let own = width as f32 * (0.6 + 0.8 * (i % 97) as f32 / 97.0);
        values.extend(centre.iter().map(|v| v + own * draw()));
    }
    let begun = Instant::now();
    let points = Points::new(&values, dim, Metric::Cosine).expect("vectors");
    let settings = CommunitySettings {
        threshold,
        least: least as usize,
    };
    let found = communities(&points, None, settings, &quiet).expect("communities");
    let sizes: Vec<usize> = found.iter().map(|c| c.members.len()).collect();
    println!("{:.1} s, sizes {sizes:?}", begun.elapsed().as_secs_f64());
    // Linux: the most memory held
    for line in std::fs::read_to_string("/proc/self/status")
        .unwrap_or_default()
        .lines()
        .filter(|line| line.starts_with("VmHWM"))
    {
        println!("{line}");
    }
}
