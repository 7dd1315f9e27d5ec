//! Intervals: weights are repetitions, influences are derivatives, and the stated level is kept.

mod support;

use cohort_detection::evaluate::{FIGURES, Matched, figures, match_all};
use cohort_detection::planted::{Weakness, planted};
use cohort_detection::{
    ErrorKind, Errors, Results, Shape, Truth, Units, control, figure_intervals, paired_intervals,
};
use cohort_eval::IntervalSettings;

fn settings(resamples: usize) -> IntervalSettings {
    IntervalSettings {
        resamples,
        ..IntervalSettings::default()
    }
}

fn matched(pictures: usize, seed: u64) -> (Truth, Results, Matched) {
    let world = planted(pictures, Weakness::None, seed);
    let matched = match_all(&world.truth, &world.results, Shape::Box);
    (world.truth, world.results, matched)
}

#[test]
fn values_are_the_figures_and_errors_those_of_the_jackknife() {
    let (_, _, matched) = matched(150, 1);
    let units = Units::pictures(150);
    let found = figure_intervals(&matched.classes, &units, "all", &settings(200)).unwrap();
    assert_eq!(found.len(), FIGURES.len());
    for ((interval, figure), name) in found.iter().zip(figures(&matched).0).zip(FIGURES) {
        let estimate = interval.estimate().unwrap();
        assert!((estimate.value - figure.unwrap()).abs() < 1e-12, "{name}");
        assert!(
            estimate.low < estimate.value && estimate.value < estimate.high,
            "{name}"
        );
        assert!(
            estimate.standard_error > 0.005 && estimate.standard_error < 0.1,
            "{name}"
        );
    }
    assert_eq!(
        found,
        figure_intervals(&matched.classes, &units, "all", &settings(200)).unwrap()
    );
}

#[test]
fn intervals_keep_their_level_and_errors_are_the_spread_of_figures() {
    // the truth, from a world of many pictures
    let (_, _, large) = matched(40_000, 77);
    let truth = figures(&large).0.map(Option::unwrap);
    let (worlds, pictures) = (400, 120);
    let mut held = [0; 12];
    let (mut sums, mut squares, mut errors) = ([0.0; 12], [0.0; 12], [0.0; 12]);
    for seed in 0..worlds {
        let (_, _, matched) = matched(pictures, 5000 + seed);
        let units = Units::pictures(pictures);
        let found = figure_intervals(&matched.classes, &units, "c", &settings(100)).unwrap();
        for (i, interval) in found.iter().enumerate() {
            let e = interval.estimate().unwrap();
            held[i] += usize::from(e.low <= truth[i] && truth[i] <= e.high);
            sums[i] += e.value;
            squares[i] += e.value * e.value;
            errors[i] += e.standard_error;
        }
    }
    let n = worlds as f64;
    let mut said = String::new();
    let mut all_hold = true;
    for (i, name) in FIGURES.iter().enumerate() {
        let (share, mean) = (held[i] as f64 / n, sums[i] / n);
        let spread = (squares[i] / n - mean * mean).sqrt();
        let ratio = errors[i] / n / spread;
        said.push_str(&format!(
            "{name} truth {:.4} mean {mean:.4} held {share} error/spread {ratio:.3}\n",
            truth[i]
        ));
        // standard deviations .011 and .035
        all_hold &= (0.9..=0.99).contains(&share) && (0.85..1.15).contains(&ratio);
    }
    println!("{said}");
    assert!(all_hold, "{said}");
}

#[test]
fn a_detector_does_not_differ_from_itself_and_a_weaker_one_is_below() {
    let strong = planted(200, Weakness::None, 9);
    let weak = planted(200, Weakness::DarkPictures, 9);
    assert_eq!(strong.truth, weak.truth);
    let of = |results: &Results| match_all(&strong.truth, results, Shape::Box);
    let (a, b) = (of(&strong.results), of(&weak.results));
    let units = Units::pictures(200);
    let same = paired_intervals(&a, &a, &units, "same", &settings(200)).unwrap();
    assert!(
        same.iter()
            .all(|i| i.value() == Some(0.0) && i.estimate().is_none())
    );
    let found = paired_intervals(&a, &b, &units, "weak", &settings(200)).unwrap();
    let ap = found[0].estimate().unwrap();
    assert!(ap.low > 0.0 && ap.value > 0.05, "{ap:?}");
    // paired, the same pictures' ups and downs fall out
    let alone = figure_intervals(&a.classes, &units, "alone", &settings(200)).unwrap();
    assert!(ap.standard_error < 1.3 * alone[0].estimate().unwrap().standard_error);
}

#[test]
fn no_number_of_threads_changes_an_interval() {
    let (truth, results, matched) = matched(60, 4);
    let of = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let units = Units::pictures(60);
            (
                figure_intervals(&matched.classes, &units, "t", &settings(100)).unwrap(),
                control(&truth, &results, Shape::Box, 3, 1),
            )
        })
    };
    let one = of(1);
    assert!([2, 3, 8].into_iter().all(|threads| of(threads) == one));
}

#[test]
fn other_pictures_detections_are_worth_next_to_nothing() {
    let (truth, results, matched) = matched(200, 6);
    let found = control(&truth, &results, Shape::Box, 5, 0);
    assert_eq!((found.shuffles, found.pictures), (5, 200));
    assert!(found.largest_ap.unwrap() < 0.02 && figures(&matched).0[0].unwrap() > 0.3);
}

#[test]
fn errors_are_counted_and_cost_what_putting_them_right_gains() {
    let (truth, mut results, _) = matched(150, 8);
    // a duplicate of every tenth detection, and another class for every seventh
    let mut extra = Vec::new();
    for (i, detection) in results.detections.iter_mut().enumerate() {
        if i % 10 == 0 {
            let mut copy = detection.clone();
            copy.score *= 0.5;
            extra.push(copy);
        }
        if i % 7 == 3 {
            detection.category = (detection.category + 1) % 3;
        }
    }
    results.detections.extend(extra);
    results.detections.sort_by(|a, b| {
        (a.picture, a.category)
            .cmp(&(b.picture, b.category))
            .then(b.score.total_cmp(&a.score))
    });
    let matched = match_all(&truth, &results, Shape::Box);
    let errors = Errors::new(&truth, &results, Shape::Box, &matched);
    let right: usize = matched
        .classes
        .iter()
        .flat_map(|c| &c.hits)
        .filter(|h| h.found[0] & 1 == 1)
        .count();
    assert_eq!(right + errors.wrong.len(), results.detections.len());
    assert!(errors.count(ErrorKind::Duplicate) >= 20 && errors.count(ErrorKind::Class) >= 30);
    assert!(errors.count(ErrorKind::Background) >= 60);
    let costs = errors
        .costs(&truth, &matched, &Units::pictures(150), &settings(100))
        .unwrap();
    let base = figures(&matched).0[1].unwrap();
    for cost in &costs {
        let fixed = figures(&errors.without(cost.kind, &truth, &matched)).0[1].unwrap();
        let value = cost.cost.value().unwrap();
        assert!((value - (fixed - base)).abs() < 1e-12, "{cost:?}");
        assert!(value >= -1e-12, "{cost:?}");
    }

    assert!(
        costs
            .iter()
            .find(|c| c.kind == ErrorKind::Class)
            .unwrap()
            .cost
            .value()
            .unwrap()
            > 0.03
    );
}
