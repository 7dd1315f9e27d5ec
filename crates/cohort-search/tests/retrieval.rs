//! Retrieval measures against pytorch-metric-learning, torchmetrics and scikit-learn, and what must hold whatever the vectors.
//!
//! `scripts/make_retrieval_goldens.py` made the values.
#![allow(clippy::unwrap_used)]

use cohort_search::{
    Distance, Index, LEVELS, Measure, Measured, Question, RetrievalDocument, RetrievalSettings,
    compare, evaluate, quiet, summarise,
};
use serde_json::Value;

/// An index with labels, and what it is asked.
struct Set {
    _folder: tempfile::TempDir,
    index: Index,
    gallery_labels: Vec<Vec<u32>>,
    queries: Vec<f32>,
    query_labels: Vec<Vec<u32>>,
    units: Vec<usize>,
    within: bool,
}

impl Set {
    fn new(dim: usize, gallery: &[f32], gallery_labels: &[u32]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ids: Vec<String> = (0..gallery_labels.len()).map(|i| format!("g{i}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let mut index = Index::create(folder.path(), Distance::Euclidean, dim, "test").unwrap();
        index.add(&ids, gallery).unwrap();
        let labels: Vec<Vec<u32>> = gallery_labels.iter().map(|&label| vec![label]).collect();
        Self {
            _folder: folder,
            index,
            queries: gallery.to_vec(),
            query_labels: labels.clone(),
            units: (0..labels.len()).collect(),
            gallery_labels: labels,
            within: true,
        }
    }

    fn asked(mut self, queries: &[f32], labels: &[u32]) -> Self {
        self.queries = queries.to_vec();
        self.query_labels = labels.iter().map(|&label| vec![label]).collect();
        self.units = (0..labels.len()).collect();
        self.within = false;
        self
    }

    fn question(&self) -> Question<'_> {
        let labels = self
            .query_labels
            .iter()
            .chain(&self.gallery_labels)
            .flatten();
        let classes = labels.max().map_or(0, |most| most + 1);
        Question {
            index: &self.index,
            queries: &self.queries,
            query_labels: self.query_labels.clone(),
            gallery_labels: self.gallery_labels.clone(),
            classes: (0..classes).map(|class| format!("class {class}")).collect(),
            query_units: self.units.clone(),
            itself: match self.within {
                true => (0..self.query_labels.len()).map(Some).collect(),
                false => Vec::new(),
            },
            apart: None,
        }
    }

    fn measured(&self) -> Measured {
        evaluate(&self.question(), &settings(), &quiet).unwrap()
    }

    fn document(&self) -> RetrievalDocument {
        summarise(&self.question(), &self.measured(), &settings()).unwrap()
    }
}

fn settings() -> RetrievalSettings {
    RetrievalSettings {
        resamples: 500,
        ..RetrievalSettings::default()
    }
}

fn value(document: &RetrievalDocument, name: &str) -> f64 {
    let figure = document.measures.iter().find(|f| f.measure.name() == name);
    figure.unwrap().interval.value().unwrap()
}

fn floats(value: &Value) -> Vec<f32> {
    let all = value.as_array().unwrap().iter();
    all.map(|v| v.as_f64().unwrap() as f32).collect()
}

fn numbers(value: &Value) -> Vec<u32> {
    let all = value.as_array().unwrap().iter();
    all.map(|v| v.as_u64().unwrap() as u32).collect()
}

fn goldens() -> Vec<(Set, Value)> {
    let text = include_str!("goldens/retrieval.json");
    let document: Value = serde_json::from_str(text).unwrap();
    let set = |case: &Value| {
        let dim = case["dim"].as_u64().unwrap() as usize;
        let set = Set::new(
            dim,
            &floats(&case["gallery"]),
            &numbers(&case["gallery_labels"]),
        );
        match case["within"].as_bool().unwrap() {
            true => set,
            false => set.asked(&floats(&case["queries"]), &numbers(&case["query_labels"])),
        }
    };
    let cases = document["cases"].as_array().unwrap().iter();
    cases.map(|case| (set(case), case.clone())).collect()
}

#[test]
fn measures_are_those_of_the_libraries_where_they_mean_the_same() {
    for (number, (set, case)) in goldens().iter().enumerate() {
        let document = set.document();
        let same = |name: &str, expected: &Value, tolerance: f64| {
            let (found, expected) = (value(&document, name), expected.as_f64().unwrap());
            assert!(
                (found - expected).abs() < tolerance,
                "case {number} {name}: {found} {expected}"
            );
        };
        let theirs = &case["pytorch_metric_learning"];
        same("precision_at_1", &theirs["precision_at_1"], 1e-12);
        same("r_precision", &theirs["r_precision"], 1e-12);
        same("map_at_r", &theirs["mean_average_precision_at_r"], 1e-12);
        same("map", &theirs["mean_average_precision"], 1e-12);
        // in 32 bits there
        same("reciprocal_rank", &theirs["mean_reciprocal_rank"], 1e-6);
        for (name, theirs) in case["torchmetrics"].as_object().unwrap() {
            same(name, theirs, 1e-6);
        }
        same("map", &case["sklearn_map"], 1e-12);
        same("ndcg", &case["sklearn_ndcg"], 1e-12);
        let legacy = document.legacy.unwrap();
        assert!(
            (legacy.legacy_ap - case["legacy_ap"].as_f64().unwrap()).abs() < 1e-12,
            "{number}"
        );
        assert_eq!(legacy.map, value(&document, "map"));
        let measured = set.measured();
        let map = measured
            .measures
            .iter()
            .position(|m| *m == Measure::AveragePrecision)
            .unwrap();
        let per_query = case["sklearn_per_query"].as_array().unwrap();
        assert_eq!(measured.asked.len(), per_query.len());
        for (asked, theirs) in measured.asked.iter().zip(per_query) {
            assert!((asked.values[map] - theirs.as_f64().unwrap()).abs() < 1e-12);
        }
    }
}

/// What `docs/retrieval.md` says of the libraries.
#[test]
fn libraries_differ_where_the_documentation_says_so() {
    let cases = goldens();
    let far = |a: f64, b: &Value| (a - b.as_f64().unwrap()).abs() > 1e-3;
    let (set, case) = &cases[0];
    let document = set.document();
    // only as many neighbours as the largest class has are looked at
    assert!(far(
        value(&document, "map"),
        &case["pytorch_metric_learning_max_bin_count"]["mean_average_precision"]
    ));
    assert_eq!(case["torchmetrics_of_negative_scores"]["map"], 0.0);
    assert_eq!(
        case["torchmetrics_of_negative_scores"]["precision_at_5"],
        0.0
    );
    // a query that nothing is relevant to counts as 0
    let (set, case) = &cases[1];
    let document = set.document();
    assert_eq!(
        (
            document.asked,
            document.alone.len(),
            document.alone[0].queries
        ),
        (24, 1, 1)
    );
    assert_eq!(document.alone[0].class, "class 4");
    assert!(far(
        value(&document, "map"),
        &case["torchmetrics_default"]["map"]
    ));
    let share = 24.0 / 25.0 * value(&document, "map");
    assert!(!far(share, &case["torchmetrics_default"]["map"]));
}

/// A reproducible stream of numbers in [0, 1).
fn stream(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Clusters around a centre a class; spread 1e6 leaves nothing of the classes.
fn clusters(n: usize, classes: u32, dim: usize, spread: f64, seed: u64) -> (Vec<f32>, Vec<u32>) {
    let mut next = stream(seed);
    let labels: Vec<u32> = (0..n)
        .map(|_| (next() * f64::from(classes)) as u32)
        .collect();
    let mut values = Vec::new();
    for &label in &labels {
        for d in 0..dim {
            let centre = if d == label as usize { 4.0 } else { 0.0 };
            values.push((centre + spread * (next() - 0.5)) as f32);
        }
    }
    (values, labels)
}

#[test]
fn vectors_without_information_are_at_chance_and_shuffled_labels_always() {
    for spread in [2.0, 1e6] {
        let (values, labels) = clusters(400, 4, 8, spread, 3);
        let document = Set::new(8, &values, &labels).document();
        for figure in &document.measures {
            let e = figure.interval.estimate().unwrap();
            let near = (e.value / figure.chance - 1.0).abs() < 0.15;
            assert_eq!(
                near,
                spread > 10.0 || figure.chance > 0.9,
                "{:?} {e:?}",
                figure.measure
            );
            assert!(figure.control.at_chance, "{figure:?}");
            assert!(
                figure.control.low <= figure.control.mean
                    && figure.control.mean <= figure.control.high
            );
        }
        for class in &document.classes {
            assert!(
                class.measures.iter().all(|figure| figure.control.at_chance),
                "{class:?}"
            );
            let curve = class.curve.as_ref().unwrap();
            assert_eq!(curve.precision.len(), LEVELS);
            assert!(curve.precision.windows(2).all(|two| two[0] >= two[1]));
        }
    }
}

#[test]
fn a_measurement_that_sees_the_labels_is_caught_by_its_control() {
    // the label is a number of the vector, so shuffled labels still leave chance; what moves is a wrong chance level
    let (values, labels) = clusters(200, 3, 4, 2.0, 5);
    let set = Set::new(4, &values, &labels);
    let mut measured = set.measured();
    for asked in &mut measured.asked {
        asked.gallery *= 2;
    }
    let document = summarise(&set.question(), &measured, &settings()).unwrap();
    let rated = document
        .measures
        .iter()
        .find(|f| f.measure == Measure::RPrecision)
        .unwrap();
    assert!(!rated.control.at_chance, "{rated:?}");
    assert!(document.to_text().contains("NOT AT CHANCE"));
}

#[test]
fn no_query_is_its_own_neighbour_and_copies_are_told() {
    let (mut values, labels) = clusters(60, 3, 4, 1e6, 7);
    let document = Set::new(4, &values, &labels).document();
    // with itself first every precision at 1 would be 1
    assert!(
        value(&document, "precision_at_1") < 0.6,
        "{}",
        value(&document, "precision_at_1")
    );
    assert_eq!((document.copies, document.protocol.within), (0, true));
    let first = values[..4].to_vec();
    values[80..84].copy_from_slice(&first);
    let document = Set::new(4, &values, &labels).document();
    assert_eq!(document.copies, 2);
    assert!(
        document
            .to_text()
            .contains("2 queries have their very vector in the gallery")
    );
}

#[test]
fn equals_that_differ_in_relevance_are_told_with_their_range() {
    // two rows at distance 1 on either side, one of each class, and a far one
    let set = Set::new(1, &[-1.0, 1.0, 9.0], &[1, 0, 0]).asked(&[0.0], &[0]);
    let document = {
        let mut settings = settings();
        settings.ks = vec![1, 2];
        let measured = evaluate(&set.question(), &settings, &quiet).unwrap();
        summarise(&set.question(), &measured, &settings).unwrap()
    };
    assert_eq!(value(&document, "precision_at_1"), 0.0);
    let ties = document.ties.clone().unwrap();
    let at = |name: &str| {
        document
            .measures
            .iter()
            .position(|f| f.measure.name() == name)
            .unwrap()
    };
    assert_eq!(ties.queries, 1);
    let p = at("precision_at_1");
    assert_eq!((ties.worst[p], ties.best[p]), (0.0, 1.0));
    let map = at("map");
    assert!((ties.worst[map] - (0.5 + 2.0 / 3.0) / 2.0).abs() < 1e-12);
    assert!((ties.best[map] - (1.0 + 2.0 / 3.0) / 2.0).abs() < 1e-12);
    assert!(document.to_text().contains("Warning: for 1 queries"));
    let (values, labels) = clusters(50, 2, 3, 2.0, 1);
    assert!(Set::new(3, &values, &labels).document().ties.is_none());
}

#[test]
fn several_labels_make_relevant_what_shares_one() {
    let mut set = Set::new(1, &[1.0, 2.0, 3.0, 4.0], &[0, 0, 0, 0]).asked(&[0.0], &[0]);
    set.gallery_labels = vec![vec![2], vec![0, 2], vec![1], vec![1, 2]];
    set.query_labels = vec![vec![0, 1]];
    let mut settings = settings();
    settings.ks = vec![1, 3];
    let measured = evaluate(&set.question(), &settings, &quiet).unwrap();
    let document = summarise(&set.question(), &measured, &settings).unwrap();
    // relevant at 2, 3, 4
    assert!((value(&document, "map") - (0.5 + 2.0 / 3.0 + 0.75) / 3.0).abs() < 1e-12);
    assert!(document.legacy.is_none() && document.protocol.several_labels);
    let queries: Vec<usize> = document.classes.iter().map(|class| class.queries).collect();
    assert_eq!(queries, [1, 1, 0]);
}

#[test]
fn rows_of_a_querys_own_unit_can_be_left_out() {
    // units of two rows that lie close together: only a unit's own rows are near
    let mut next = stream(9);
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..60 {
        let place = next() * 1e4;
        let label = (next() * 2.0) as u32;
        for _ in 0..2 {
            values.push((place + next()) as f32);
            labels.push(label);
        }
    }
    let mut set = Set::new(1, &values, &labels);
    set.units = (0..120).map(|i| i / 2).collect();
    assert!(value(&set.document(), "precision_at_1") > 0.95);
    let mut question = set.question();
    question.apart = Some(set.units.clone());
    let measured = evaluate(&question, &settings(), &quiet).unwrap();
    let document = summarise(&question, &measured, &settings()).unwrap();
    let p = value(&document, "precision_at_1");
    assert!((0.3..0.7).contains(&p), "{p}");
    assert_eq!((document.units, document.protocol.apart), (60, true));
    assert!(measured.asked.iter().all(|asked| asked.gallery == 118));
    assert!(
        document
            .measures
            .iter()
            .all(|figure| figure.control.at_chance)
    );
}

/// Rows of one unit that score alike widen the interval.
#[test]
fn intervals_are_by_unit() {
    let (values, labels) = clusters(300, 3, 6, 6.0, 11);
    let repeat = |values: &[f32]| -> Vec<f32> {
        values
            .chunks(6)
            .flat_map(|row| [row, row, row])
            .flatten()
            .copied()
            .collect()
    };
    let (gallery, gallery_labels) = clusters(200, 3, 6, 6.0, 12);
    let thrice: Vec<u32> = labels.iter().flat_map(|&l| [l, l, l]).collect();
    let once = Set::new(6, &gallery, &gallery_labels)
        .asked(&values, &labels)
        .document();
    let mut set = Set::new(6, &gallery, &gallery_labels).asked(&repeat(&values), &thrice);
    let naive = set.document();
    set.units = (0..900).map(|i| i / 3).collect();
    let by_unit = set.document();
    let width = |document: &RetrievalDocument| {
        let e = document
            .measures
            .iter()
            .find(|f| f.measure == Measure::AveragePrecision)
            .unwrap();
        let e = e.interval.estimate().unwrap();
        e.high - e.low
    };
    assert!((width(&by_unit) / width(&once) - 1.0).abs() < 0.15);
    assert!(width(&naive) < 0.7 * width(&by_unit));
}

/// What an interval is for: other queries, asked of the same gallery.
#[test]
fn intervals_hold_what_many_more_queries_give() {
    let (gallery, labels) = clusters(150, 3, 3, 9.0, 51);
    let (queries, query_labels) = clusters(12_000, 3, 3, 9.0, 52);
    let measures = Measure::all(&settings().ks);
    let of = |from: usize, to: usize| {
        Set::new(3, &gallery, &labels).asked(&queries[from * 3..to * 3], &query_labels[from..to])
    };
    let all = of(0, 12_000).measured();
    let mut missed = vec![0; measures.len()];
    let tries = 100;
    for attempt in 0..tries {
        let document = of(attempt * 120, (attempt + 1) * 120).document();
        for ((figure, missed), m) in document.measures.iter().zip(&mut missed).zip(0..) {
            let truth = all.asked.iter().map(|asked| asked.values[m]).sum::<f64>() / 12_000.0;
            let e = figure.interval.estimate().unwrap();
            *missed += u32::from(truth < e.low || truth > e.high);
        }
    }
    // 5 expected, standard deviation 2.2
    assert!(
        missed.iter().all(|missed| *missed <= 12),
        "{measures:?} {missed:?}"
    );
}

#[test]
fn two_models_are_compared_query_by_query() {
    let (values, labels) = clusters(240, 3, 6, 5.0, 21);
    let mut next = stream(4);
    let noisy: Vec<f32> = values
        .iter()
        .map(|v| v + 4.0 * (next() as f32 - 0.5))
        .collect();
    let (a, b) = (Set::new(6, &values, &labels), Set::new(6, &noisy, &labels));
    let same: Vec<Option<usize>> = (0..240).map(Some).collect();
    let (of_a, of_b) = (a.measured(), b.measured());
    let found = compare(&a.question(), &of_a, &of_b, &same, &settings()).unwrap();
    assert_eq!((found.queries, found.left_out), (240, 0));
    for (paired, m) in found.measures.iter().zip(0..) {
        let mean = |measured: &Measured| {
            measured
                .asked
                .iter()
                .map(|asked| asked.values[m])
                .sum::<f64>()
                / 240.0
        };
        let e = paired.interval.estimate().unwrap();
        assert!((e.value - (mean(&of_a) - mean(&of_b))).abs() < 1e-12);
    }
    let map = found
        .measures
        .iter()
        .find(|p| p.measure == Measure::AveragePrecision)
        .unwrap();
    assert!(map.shown && map.interval.value().unwrap() > 0.0, "{map:?}");
    // a model against itself
    let none = compare(&a.question(), &of_a, &of_a, &same, &settings()).unwrap();
    assert!(
        none.measures
            .iter()
            .all(|paired| !paired.shown && paired.interval.value() == Some(0.0))
    );
    let half: Vec<Option<usize>> = (0..240).map(|i| (i < 100).then_some(i)).collect();
    let half = compare(&a.question(), &of_a, &of_b, &half, &settings()).unwrap();
    assert_eq!((half.queries, half.left_out), (100, 280));
}

#[test]
fn documents_survive_json_and_do_not_depend_on_threads() {
    let (values, labels) = clusters(120, 3, 4, 4.0, 31);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            serde_json::to_string_pretty(&Set::new(4, &values, &labels).document()).unwrap()
        })
    };
    let one = run(1);
    assert_eq!(one, run(3));
    let read: RetrievalDocument = serde_json::from_str(&one).unwrap();
    assert_eq!(read.measures.len(), Measure::all(&[1, 5, 10]).len());
    assert!(
        read.to_text()
            .lines()
            .all(|line| line.chars().count() <= 80),
        "{}",
        read.to_text()
    );
}

#[test]
fn settings_out_of_range_are_refused() {
    let (values, labels) = clusters(20, 2, 2, 4.0, 41);
    let set = Set::new(2, &values, &labels);
    let told = |ks: &[usize], shuffles: usize| {
        let settings = RetrievalSettings {
            ks: ks.to_vec(),
            shuffles,
            ..settings()
        };
        evaluate(&set.question(), &settings, &quiet)
            .unwrap_err()
            .to_string()
    };
    let expected = "setting k: expected ascending numbers from 1 to 20, the labelled vectors of the index, found ";
    for ks in [&[][..], &[0], &[5, 1], &[3, 3], &[21]] {
        let found: Vec<String> = ks.iter().map(usize::to_string).collect();
        assert_eq!(told(ks, 20), format!("{expected}{}", found.join(",")));
    }
    assert_eq!(
        told(&[1], 0),
        "setting shuffles: expected 1 to 1000, found 0"
    );
}
