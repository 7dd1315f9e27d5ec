//! Cross-modal retrieval against torchmetrics and numpy, against brute force, and what must hold whatever the vectors.
//!
//! `scripts/make_pairs_goldens.py` made the values.
#![allow(clippy::unwrap_used)]

use cohort_search::{
    Direction, DirectionMeasured, Distance, PairsDocument, PairsQuestion, PairsSettings,
    compare_pairs, measure_pairs, quiet, summarise_pairs,
};
use serde_json::Value;

/// Vectors and pairs of a test.
#[derive(Clone)]
struct Set {
    dim: usize,
    pictures: Vec<f32>,
    captions: Vec<f32>,
    picture_of: Vec<Option<u32>>,
}

impl Set {
    fn question(&self) -> PairsQuestion<'_> {
        PairsQuestion {
            dim: self.dim,
            pictures: &self.pictures,
            captions: &self.captions,
            picture_of: &self.picture_of,
        }
    }

    fn measured(&self, settings: &PairsSettings) -> [DirectionMeasured; 2] {
        measure_pairs(&self.question(), settings, &quiet).unwrap()
    }

    fn document(&self, settings: &PairsSettings) -> PairsDocument {
        let measured = self.measured(settings);
        summarise_pairs(&self.question(), &measured, settings).unwrap()
    }

    fn refused(&self, settings: &PairsSettings) -> String {
        let error = measure_pairs(&self.question(), settings, &quiet);
        error.unwrap_err().to_string()
    }

    fn row(&self, pictures: bool, row: usize) -> &[f32] {
        let rows = if pictures {
            &self.pictures
        } else {
            &self.captions
        };
        &rows[row * self.dim..(row + 1) * self.dim]
    }
}

/// Numbers from 0 to 1 that look random.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / (1_u64 << 24) as f64
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() * bound as f64) as usize
    }
}

fn settings() -> PairsSettings {
    PairsSettings {
        resamples: 300,
        ..PairsSettings::default()
    }
}

/// Small whole numbers: products are exact in any order, and there are many ties.
fn whole(seed: u64, pictures: usize, captions: usize, dim: usize, alone: usize) -> Set {
    let mut draw = Draw(seed);
    let mut values = |count: usize| -> Vec<f32> {
        (0..count * dim)
            .map(|_| draw.below(4) as f32 - 1.0)
            .collect()
    };
    let (p, c) = (values(pictures), values(captions));
    let picture_of = (0..captions).map(|caption| {
        let partner = draw.below(pictures - alone) as u32;
        (caption % 11 != 5).then_some(partner)
    });
    Set {
        dim,
        pictures: p,
        captions: c,
        picture_of: picture_of.collect(),
    }
}

/// The score by the definition.
fn score(
    set: &Set,
    distance: Distance,
    csls: Option<usize>,
    picture: usize,
    caption: usize,
) -> f64 {
    let cosine = |picture: usize, caption: usize| {
        let (p, c) = (set.row(true, picture), set.row(false, caption));
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            a.iter()
                .zip(b)
                .map(|(a, b)| f64::from(*a) * f64::from(*b))
                .sum()
        };
        let lengths = dot(p, p).sqrt() * dot(c, c).sqrt();
        if lengths > 0.0 {
            // a sum may begin at minus zero
            dot(p, c) / lengths + 0.0
        } else {
            0.0
        }
    };
    match (distance, csls) {
        (Distance::Cosine, None) => cosine(picture, caption),
        (Distance::Cosine, Some(k)) => {
            let mean = |mut all: Vec<f64>| {
                all.sort_by(|a, b| b.total_cmp(a));
                all[..k].iter().sum::<f64>() / k as f64
            };
            let (pictures, captions) = (set.pictures.len() / set.dim, set.picture_of.len());
            let of_picture = mean((0..captions).map(|c| cosine(picture, c)).collect());
            let of_caption = mean((0..pictures).map(|p| cosine(p, caption)).collect());
            2.0 * cosine(picture, caption) - (of_picture + of_caption)
        }
        _ => -distance.key(set.row(true, picture), set.row(false, caption)),
    }
}

/// One query by a stable sort: first rank, average precision, the answer, its score and the best that is not right.
fn brute(scores: &[f64], right: &dyn Fn(usize) -> bool) -> (usize, f64, usize, f64, Option<f64>) {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let ranks: Vec<usize> = (1..)
        .zip(&order)
        .filter(|(_, item)| right(**item))
        .map(|(rank, _)| rank)
        .collect();
    let precision: f64 = (1..)
        .zip(&ranks)
        .map(|(i, &rank)| f64::from(i) / rank as f64)
        .sum();
    let wrong = order.iter().find(|&&item| !right(item));
    (
        ranks[0],
        precision / ranks.len() as f64,
        order[0],
        scores[order[0]],
        wrong.map(|&item| scores[item]),
    )
}

#[test]
fn every_query_is_what_brute_force_gives() {
    for (seed, pictures, captions, dim) in [
        (1, 30, 77, 3),
        (2, 7, 200, 2),
        (3, 90, 91, 5),
        (4, 12, 12, 1),
    ] {
        let set = whole(seed, pictures, captions, dim, 3);
        let kinds = [
            (Distance::Cosine, None),
            (Distance::Cosine, Some(1)),
            (Distance::Cosine, Some(5)),
            (Distance::Euclidean, None),
            (Distance::InnerProduct, None),
        ];
        for (distance, csls) in kinds {
            let settings = PairsSettings {
                distance,
                csls,
                ..settings()
            };
            let all: Vec<Vec<f64>> = (0..pictures)
                .map(|p| {
                    (0..captions)
                        .map(|c| score(&set, distance, csls, p, c))
                        .collect()
                })
                .collect();
            let [to_image, to_text] = set.measured(&settings);
            let mut expected = [Vec::new(), Vec::new()];
            for caption in 0..captions {
                if let Some(picture) = set.picture_of[caption] {
                    let line: Vec<f64> = all.iter().map(|scores| scores[caption]).collect();
                    expected[0].push((caption, brute(&line, &|item| item == picture as usize)));
                }
            }
            for (picture, line) in all.iter().enumerate() {
                let right = |caption: usize| set.picture_of[caption] == Some(picture as u32);
                if (0..captions).any(right) {
                    expected[1].push((picture, brute(line, &right)));
                }
            }
            for (found, expected) in [to_image, to_text].iter().zip(&expected) {
                assert_eq!(found.asked.len(), expected.len());
                for (found, (query, expected)) in found.asked.iter().zip(expected) {
                    let what = format!("{seed} {distance:?} {csls:?} {query}");
                    let (rank, precision, answer, best, wrong) = *expected;
                    assert_eq!((found.query, found.rank), (*query, rank), "{what}");
                    let hits: Vec<f64> =
                        [1, 5, 10].map(|k| f64::from(u8::from(rank <= k))).to_vec();
                    assert_eq!(found.values[..3], hits, "{what}");
                    assert!((found.values[3] - precision).abs() < 1e-12, "{what}");
                    assert_eq!(found.answer, answer, "{what}");
                    let shown = |score: f64| match distance {
                        Distance::Euclidean => -(-score).sqrt(),
                        _ => score,
                    };
                    assert_eq!(found.score, shown(best), "{what}");
                    assert_eq!(found.unrelated, wrong.map(shown), "{what}");
                }
            }
        }
    }
}

/// Vectors that 32 bits cannot tell apart.
#[test]
fn near_equals_are_ordered_as_in_64_bits() {
    let mut draw = Draw(9);
    let dim = 17;
    let base: Vec<f64> = (0..dim).map(|_| 100.0 + draw.next()).collect();
    let mut near = |count: usize| -> Vec<f32> {
        (0..count * dim)
            .map(|i| (base[i % dim] * (1.0 + 3e-7 * draw.next())) as f32)
            .collect()
    };
    let set = Set {
        dim,
        pictures: near(60),
        captions: near(120),
        picture_of: (0..120).map(|c| Some(c / 2)).collect(),
    };
    for distance in [Distance::Euclidean, Distance::InnerProduct] {
        let settings = PairsSettings {
            distance,
            ..settings()
        };
        let [to_image, _] = set.measured(&settings);
        for found in &to_image.asked {
            let line: Vec<f64> = (0..60)
                .map(|p| score(&set, distance, None, p, found.query))
                .collect();
            let expected = brute(&line, &|item| item == found.query / 2);
            assert_eq!((found.rank, found.answer), (expected.0, expected.2));
        }
    }
}

fn floats(value: &Value) -> Vec<f32> {
    let all = value.as_array().unwrap().iter();
    all.map(|v| v.as_f64().unwrap() as f32).collect()
}

#[test]
fn figures_are_those_of_the_libraries() {
    let document: Value = serde_json::from_str(include_str!("goldens/pairs.json")).unwrap();
    let cases = document["cases"].as_array().unwrap();
    assert!(cases.len() >= 6);
    for (number, case) in cases.iter().enumerate() {
        let partner = |v: &Value| v.as_u64().map(|v| v as u32);
        let set = Set {
            dim: case["dim"].as_u64().unwrap() as usize,
            pictures: floats(&case["pictures"]),
            captions: floats(&case["captions"]),
            picture_of: case["picture_of"]
                .as_array()
                .unwrap()
                .iter()
                .map(partner)
                .collect(),
        };
        let settings = PairsSettings {
            csls: case["csls"].as_u64().map(|k| k as usize),
            ..settings()
        };
        let document = set.document(&settings);
        for figures in &document.directions {
            let theirs = match figures.direction {
                Direction::TextToImage => &case["text_to_image"],
                Direction::ImageToText => &case["image_to_text"],
            };
            let same = |name: &str, found: f64, tolerance: f64| {
                let expected = theirs[name].as_f64().unwrap();
                assert!(
                    (found - expected).abs() < tolerance,
                    "case {number} {name}: {found} {expected}"
                );
            };
            assert_eq!(figures.queries as u64, theirs["queries"].as_u64().unwrap());
            for figure in &figures.measures {
                let value = figure.interval.value().unwrap();
                same(&figure.measure.name(), value, 1e-12);
                // torchmetrics computes in 32 bits, and orders equals otherwise
                if theirs["torchmetrics"].is_object() {
                    let theirs = theirs["torchmetrics"][figure.measure.name()]
                        .as_f64()
                        .unwrap();
                    assert!(
                        (value - theirs).abs() < 1e-6,
                        "case {number} {value} {theirs}"
                    );
                }
            }
            same("median_rank", figures.median_rank.value, 1e-12);
            let standing = figures.standing.as_ref();
            match theirs["told_apart"].as_f64() {
                Some(_) => same(
                    "told_apart",
                    standing.unwrap().told_apart.value().unwrap(),
                    1e-12,
                ),
                None => assert!(standing.is_none()),
            }
            let ties = figures.ties.as_ref().map_or(0, |ties| ties.queries);
            assert_eq!(
                ties as u64,
                theirs["tied_queries"].as_u64().unwrap(),
                "{number}"
            );
            if let Some(ties) = &figures.ties {
                for (order, name) in [(&ties.best, "best"), (&ties.worst, "worst")] {
                    for (found, expected) in order.iter().zip(theirs[name].as_array().unwrap()) {
                        let expected = expected.as_f64().unwrap();
                        assert!(
                            (found - expected).abs() < 1e-12,
                            "{number} {name} {found} {expected}"
                        );
                    }
                }
            }
        }
    }
}

/// Captions at their picture with noise.
fn planted(seed: u64, pictures: usize, each: usize, dim: usize, noise: f64) -> Set {
    let mut draw = Draw(seed);
    let mut normal = || (0..12).map(|_| draw.next()).sum::<f64>() - 6.0;
    let p: Vec<f32> = (0..pictures * dim).map(|_| normal() as f32).collect();
    let captions = (0..pictures * each).flat_map(|c| (0..dim).map(move |d| (c / each) * dim + d));
    let captions: Vec<f32> = captions
        .map(|at| p[at] + (noise * normal()) as f32)
        .collect();
    Set {
        dim,
        pictures: p,
        captions,
        picture_of: (0..pictures * each)
            .map(|c| Some((c / each) as u32))
            .collect(),
    }
}

#[test]
fn figures_stand_beside_chance_and_the_control_lies_at_it() {
    let set = planted(5, 120, 5, 16, 2.0);
    let document = set.document(&settings());
    for figures in &document.directions {
        assert_eq!((figures.pictures, figures.alone), (120, 0));
        for figure in &figures.measures {
            assert!(figure.control.at_chance, "{figure:?}");
            let e = figure.interval.estimate().unwrap();
            assert!(
                e.low > figure.chance && e.low < e.value && e.value < e.high,
                "{figure:?}"
            );
            assert_eq!(e.subjects, 120);
        }
        let median = &figures.median_rank;
        assert!(
            (median.shuffled - median.chance).abs() < 0.1 * median.chance,
            "{median:?}"
        );
        assert!(median.low.unwrap() <= median.value && median.value <= median.high.unwrap());
        let standing = figures.standing.as_ref().unwrap();
        assert!(standing.told_apart.estimate().unwrap().low > standing.chance);
        assert_eq!(standing.unrelated.len(), 101);
        assert!(standing.unrelated.is_sorted());
    }
    let [to_image, to_text] = [&document.directions[0], &document.directions[1]];
    assert!((to_image.measures[0].chance - 1.0 / 120.0).abs() < 1e-12);
    // one of 5 among 600 is first
    assert!((to_text.measures[0].chance - 5.0 / 600.0).abs() < 1e-12);
    assert_eq!(to_image.median_rank.chance, 60.5);
    // pairs at random are at chance, with scores that tell nothing
    let mut random = planted(6, 120, 5, 16, 2.0);
    let mut draw = Draw(1);
    random.captions = (0..random.captions.len())
        .map(|_| draw.next() as f32 - 0.5)
        .collect();
    for figures in &random.document(&settings()).directions {
        for figure in &figures.measures {
            let e = figure.interval.estimate().unwrap();
            assert!(
                e.low <= figure.chance && figure.chance <= e.high,
                "{figure:?}"
            );
        }
        let standing = figures.standing.as_ref().unwrap();
        let told = standing.told_apart.estimate().unwrap();
        assert!(
            told.low < standing.chance && standing.chance < told.high,
            "{told:?}"
        );
    }
}

/// Scores at random in a small gallery, where what stands for chance is well above a half.
#[test]
fn what_tells_nothing_tells_apart_by_chance() {
    let (mut found, mut expected, tries) = (0.0, 0.0, 60);
    for seed in 0..tries {
        let mut set = planted(seed, 6, 3, 5, 1.0);
        let mut draw = Draw(seed + 1000);
        set.captions = (0..18 * 5).map(|_| draw.next() as f32 - 0.5).collect();
        set.picture_of[0] = Some(1);
        let document = set.document(&settings());
        let standing = document.directions[1].standing.as_ref().unwrap();
        found += standing.told_apart.value().unwrap() / tries as f64;
        expected += standing.chance / tries as f64;
    }
    assert!(expected > 0.54, "{expected}");
    // standard error .008
    assert!((found - expected).abs() < 0.025, "{found} {expected}");
}

#[test]
fn the_same_bytes_whatever_the_threads() {
    let set = whole(8, 150, 400, 4, 3);
    let settings = PairsSettings {
        csls: Some(3),
        ..settings()
    };
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let document = pool.install(|| set.document(&settings));
        serde_json::to_string(&document).unwrap()
    };
    let one = with(1);
    for threads in [2, 3, 8] {
        assert_eq!(with(threads), one);
    }
}

#[test]
fn equals_are_told_with_what_their_order_is_worth() {
    // all vectors the same: the lower row is first
    let set = Set {
        dim: 2,
        pictures: [1.0, 2.0].repeat(6),
        captions: [1.0, 2.0].repeat(12),
        picture_of: (0..12).map(|c| Some(c / 2)).collect(),
    };
    let document = set.document(&settings());
    let to_image = &document.directions[0];
    let ties = to_image.ties.as_ref().unwrap();
    assert_eq!(ties.queries, 12);
    assert_eq!((ties.worst[0], ties.best[0]), (0.0, 1.0));
    assert_eq!(to_image.measures[0].interval.value(), Some(1.0 / 6.0));
    let text = document.to_text().replace('\n', " ");
    assert!(
        text.contains(
            "text to image: for 12 queries right and wrong items have exactly the same score"
        ),
        "{text}"
    );
    assert!(
        document
            .to_text()
            .lines()
            .all(|line| line.chars().count() <= 80),
        "{text}"
    );
    // equals that are all right do not matter
    let set = Set {
        dim: 1,
        pictures: vec![1.0, -1.0],
        captions: vec![1.0, 1.0, -1.0, -1.0],
        picture_of: vec![Some(0), Some(0), Some(1), Some(1)],
    };
    assert!(
        set.document(&settings())
            .directions
            .iter()
            .all(|d| d.ties.is_none())
    );
}

#[test]
fn a_single_picture_and_one_with_many_captions() {
    let one = Set {
        dim: 2,
        pictures: vec![1.0, 0.0],
        captions: vec![0.5, 0.1],
        picture_of: vec![Some(0)],
    };
    let document = one.document(&settings());
    for figures in &document.directions {
        assert!(figures.standing.is_none());
        assert_eq!(figures.median_rank.chance, 1.0);
        for figure in &figures.measures {
            assert_eq!((figure.interval.value(), figure.chance), (Some(1.0), 1.0));
            assert!(figure.interval.estimate().is_none() && figure.control.at_chance);
        }
    }
    let mut many = planted(3, 40, 1, 8, 1.0);
    for extra in 0..200 {
        many.captions.extend_from_within(0..8);
        many.captions[40 * 8 + extra * 8] += extra as f32 / 100.0;
        many.picture_of.push(Some(0));
    }
    let document = many.document(&settings());
    assert_eq!(document.directions[0].queries, 240);
    // units are pictures, so many captions of one are no evidence by the hundred
    let e = document.directions[0].measures[0]
        .interval
        .estimate()
        .unwrap();
    assert_eq!((e.clips, e.subjects), (240, 40));
}

#[test]
fn two_models_are_compared_query_by_query() {
    let (good, bad) = (planted(5, 100, 3, 16, 1.0), planted(5, 100, 3, 16, 4.0));
    let settings = settings();
    let (a, b) = (good.measured(&settings), bad.measured(&settings));
    for one in compare_pairs(&a, &b, &settings).unwrap() {
        for paired in &one.measures {
            assert!(
                paired.shown && paired.interval.value().unwrap() > 0.1,
                "{paired:?}"
            );
        }
    }
    for one in compare_pairs(&a, &a, &settings).unwrap() {
        assert!(
            one.measures
                .iter()
                .all(|p| !p.shown && p.interval.value() == Some(0.0))
        );
    }
    let fewer = planted(5, 99, 3, 16, 1.0).measured(&settings);
    assert!(compare_pairs(&a, &fewer, &settings).is_err());
}

#[test]
fn what_cannot_be_measured_is_refused_by_name() {
    let set = planted(1, 10, 2, 4, 1.0);
    let with = |change: &dyn Fn(&mut Set, &mut PairsSettings)| {
        let (mut set, mut settings) = (set.clone(), settings());
        change(&mut set, &mut settings);
        set.refused(&settings)
    };
    let cases: [(&dyn Fn(&mut Set, &mut PairsSettings), &str); 10] = [
        (
            &|s, _| s.captions.truncate(7),
            "vectors: expected rows of 4 values, found 7 values",
        ),
        (
            &|s, _| s.captions[9] = f32::NAN,
            "vectors: row 3: expected finite numbers, found NaN",
        ),
        (
            &|s, _| s.picture_of[3] = Some(10),
            "pictures of the captions: expected rows below 10, found 10",
        ),
        (
            &|s, _| s.picture_of.truncate(3),
            "pictures of the captions: expected 20, found 3",
        ),
        (
            &|s, _| s.picture_of.fill(None),
            "pairs: expected at least one, found none",
        ),
        (
            &|_, s| s.ks = vec![5, 1],
            "setting k: expected ascending numbers from 1 on, found 5,1",
        ),
        (
            &|_, s| s.shuffles = 0,
            "setting shuffles: expected 1 to 1000, found 0",
        ),
        (
            &|_, s| s.csls = Some(11),
            "setting csls: expected 1 to 10, the rows of the smaller table, found 11",
        ),
        (
            &|_, s| s.distance = Distance::Manhattan,
            "setting metric: expected cosine, euclidean or inner-product, found manhattan",
        ),
        (
            &|_, s| (s.distance, s.csls) = (Distance::Euclidean, Some(1)),
            "setting metric: expected cosine with csls, found euclidean",
        ),
    ];
    for (change, expected) in cases {
        assert_eq!(with(change), expected);
    }
    let stopped = measure_pairs(&set.question(), &settings(), &|_, _, _| false);
    assert_eq!(stopped.unwrap_err().to_string(), "stopped");
}
