//! Maps as a whole: clusters keep apart, the same seed gives the same bytes, and odd tables are met.

use cohort_search::{Map, MapSettings, Method, Metric, Points, SearchError, agreement, map, quiet};

const METHODS: [Method; 3] = [Method::Pca, Method::Tsne, Method::Umap];

/// Uniform numbers in [-1, 1) by a linear congruential generator.
fn numbers(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed;
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / 8_388_608.0 - 1.0
    }
}

/// `groups` clouds in turn, each a sum of uniform numbers around a centre of its own.
fn clouds(n: usize, dim: usize, groups: usize, apart: f32) -> Vec<f32> {
    let mut next = numbers(11);
    let centres: Vec<f32> = (0..groups * dim).map(|_| next() * apart).collect();
    let mut values = Vec::with_capacity(n * dim);
    for i in 0..n {
        for d in 0..dim {
            values.push(centres[(i % groups) * dim + d] + next() + next() + next());
        }
    }
    values
}

fn make(values: &[f32], dim: usize, settings: &MapSettings) -> Result<Map, SearchError> {
    map(
        &Points::new(values, dim, settings.metric)?,
        settings,
        &quiet,
    )
}

fn with(method: Method) -> MapSettings {
    MapSettings {
        method,
        ..MapSettings::default()
    }
}

#[test]
fn clusters_keep_apart_and_labels_agree_with_them() {
    let (n, dim, groups) = (500, 30, 5);
    let values = clouds(n, dim, groups, 6.0);
    for metric in [Metric::Euclidean, Metric::Cosine] {
        let points = Points::new(&values, dim, metric).unwrap();
        for method in [Method::Tsne, Method::Umap] {
            let settings = MapSettings {
                method,
                metric,
                ..MapSettings::default()
            };
            let found = map(&points, &settings, &quiet).unwrap();
            let labels: Vec<Option<usize>> = (0..n).map(|i| Some(i % groups)).collect();
            let plane = found.plane().unwrap();
            let agreed = agreement(&points, &plane, &labels, None, 15, 1, &quiet)
                .unwrap()
                .unwrap();
            assert!(agreed.map > 0.99, "{method:?} {metric:?}: {agreed:?}");
            assert!((agreed.chance - 0.2).abs() < 0.01 && agreed.p_value < 0.01);
            assert!(
                found.trustworthiness.value > 0.9,
                "{:?}",
                found.trustworthiness
            );
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_whatever_the_number_of_threads() {
    let values = clouds(400, 20, 3, 2.0);
    for method in METHODS {
        let run = |threads: usize, seed: u64| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let settings = MapSettings {
                seed,
                iterations: Some(60),
                ..with(method)
            };
            pool.install(|| make(&values, 20, &settings).unwrap())
        };
        let first = run(1, 5);
        assert_eq!(first, run(4, 5), "{method:?}");
        assert_eq!(first, run(3, 5), "{method:?}");
        if method != Method::Pca {
            assert_ne!(first.points, run(1, 6).points, "{method:?}");
        }
    }
}

#[test]
fn odd_tables_give_finite_maps() {
    let duplicates: Vec<f32> = (0..200).map(|i| (i / 50) as f32).collect();
    let mut outlier = clouds(60, 4, 1, 0.0);
    outlier[0] = 1e30;
    let mut zeros = clouds(60, 4, 2, 3.0);
    zeros[..40].fill(0.0);
    let tables: [(&str, Vec<f32>, usize); 6] = [
        ("duplicates", duplicates, 2),
        ("one column", (0..40).map(|i| i as f32).collect(), 1),
        (
            "four vectors",
            vec![0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 5.0, 5.0],
            2,
        ),
        ("an outlier", outlier, 4),
        ("zeros", zeros, 4),
        ("wide", clouds(10, 500, 2, 1.0), 500),
    ];
    for (name, values, dim) in tables {
        for method in METHODS {
            for metric in [Metric::Euclidean, Metric::Cosine] {
                let settings = MapSettings {
                    metric,
                    ..with(method)
                };
                match make(&values, dim, &settings) {
                    Ok(found) => {
                        let finite = found.points.iter().flatten().all(|v| v.is_finite());
                        assert!(finite, "{name} {method:?} {metric:?}");
                        let trust = found.trustworthiness.value;
                        assert!(
                            (0.0..=1.0).contains(&trust),
                            "{name} {method:?} {metric:?}: {trust}"
                        );
                    }
                    // a column alone has only two directions, which may be one
                    Err(error) => assert!(
                        metric == Metric::Cosine
                            && error.to_string().contains("expected vectors that differ"),
                        "{name} {method:?}: {error}"
                    ),
                }
            }
        }
    }
}

#[test]
fn what_no_map_can_be_made_of_is_an_error() {
    let values = clouds(20, 3, 2, 1.0);
    let error =
        |values: &[f32], settings: &MapSettings| make(values, 3, settings).unwrap_err().to_string();
    let tsne = with(Method::Tsne);
    let umap = with(Method::Umap);
    let cases = [
        (
            error(&[1.0; 60], &tsne),
            "map: expected vectors that differ, found 20 equal ones",
        ),
        (
            error(&values[..9], &tsne),
            "map: expected at least 4 vectors, found 3",
        ),
        (
            error(
                &values,
                &MapSettings {
                    perplexity: Some(30.0),
                    ..tsne
                },
            ),
            "setting perplexity: expected 1 to 6.3, a third of the other 19 vectors, found 30",
        ),
        (
            error(
                &values,
                &MapSettings {
                    perplexity: Some(f64::NAN),
                    ..tsne
                },
            ),
            "setting perplexity: expected 1 to 6.3, a third of the other 19 vectors, found NaN",
        ),
        (
            error(
                &values,
                &MapSettings {
                    neighbours: Some(21),
                    ..umap
                },
            ),
            "setting neighbours: expected 2 to 20, the number of vectors, found 21",
        ),
        (
            error(
                &values,
                &MapSettings {
                    min_dist: -0.1,
                    ..umap
                },
            ),
            "setting min-dist: expected 0 to below 3, found -0.1",
        ),
        (
            error(
                &values,
                &MapSettings {
                    iterations: Some(0),
                    ..umap
                },
            ),
            "setting iterations: expected 1 to 1000000, found 0",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

#[test]
fn a_map_can_be_stopped() {
    let values = clouds(100, 5, 2, 1.0);
    let points = Points::new(&values, 5, Metric::Euclidean).unwrap();
    for method in METHODS {
        let stop = |stage: &str, done: usize, _: usize| !(stage == method.title() && done >= 30);
        let found = map(&points, &with(method), &stop);
        assert_eq!(found.is_err(), method != Method::Pca);
        assert_eq!(
            map(&points, &with(method), &|_, _, _| false),
            Err(SearchError::Stopped)
        );
    }
}
