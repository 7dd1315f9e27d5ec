//! Intervals against closed forms, invariants and the truth of simulated samples.

mod support;

use cohort_eval::{
    EvalError, Interval, IntervalSettings, Method, Metric, Sample, interval, intervals,
    paired_difference, paired_differences, score,
};
use rayon::prelude::*;
use support::{Draw, Family, OrderedModel, Rates, Sizes, right_or_wrong};

fn quick() -> IntervalSettings {
    IntervalSettings {
        resamples: 999,
        ..Default::default()
    }
}

#[test]
fn one_row_a_subject_gives_the_textbook_t_interval() {
    // 12 subjects, signed error on the identity scale: mean +- t(11) s / sqrt(12).
    let truth = vec![2; 12];
    let predicted = vec![0, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 2];
    let subject: Vec<usize> = (0..12).collect();
    let sample = Sample::new(5, &truth, &predicted, &subject).unwrap();
    let found = interval(Metric::SignedError, &sample, &quick()).unwrap();
    let found = found.estimate().unwrap();
    let x: Vec<f64> = predicted.iter().map(|&p| p as f64 - 2.0).collect();
    let mean = x.iter().sum::<f64>() / 12.0;
    let sd = (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 11.0).sqrt();
    // t quantile .975 with 11 degrees of freedom (scipy): 2.200985.
    let half = 2.200_985_160_082_949 * sd / 12.0_f64.sqrt();
    assert_eq!(found.method, Method::ClusterRobustT);
    assert!((found.value - mean).abs() < 1e-12);
    assert!((found.low - (mean - half)).abs() < 1e-9 && (found.high - (mean + half)).abs() < 1e-9);
}

#[test]
fn hand_made_edges() {
    let subject: Vec<usize> = (0..30).map(|i| i / 3).collect();
    let one_class = Sample::new(1, &[0; 30], &[0; 30], &subject).unwrap();
    // One class: accuracy 1 with an interval that reaches 1, kappa not defined.
    let accuracy = interval(Metric::Accuracy, &one_class, &quick()).unwrap();
    let accuracy = accuracy.estimate().unwrap();
    assert_eq!(
        (accuracy.value, accuracy.high, accuracy.method),
        (1.0, 1.0, Method::EffectiveBinomial)
    );
    assert!(accuracy.low > 0.6 && accuracy.low < 0.75, "{accuracy:?}");
    let kappa = interval(Metric::QuadraticKappa, &one_class, &quick()).unwrap();
    assert!(
        matches!(&kappa, Interval::NotEstimable(none) if none.reason == "not defined on these rows" && none.value.is_none())
    );
    // Four subjects: the value is kept, the interval is not given.
    let few = Sample::new(2, &[0, 1, 1, 0, 1], &[0, 1, 0, 0, 1], &[0, 0, 1, 2, 3]).unwrap();
    let few = interval(Metric::Accuracy, &few, &quick()).unwrap();
    assert!(
        matches!(&few, Interval::NotEstimable(none) if none.reason == "4 subjects, fewer than 5" && none.value == Some(0.8))
    );
    // No rows.
    let empty = Sample::new(2, &[], &[], &[]).unwrap();
    assert_eq!(score(Metric::Accuracy, &empty), None);
    assert!(
        interval(Metric::Accuracy, &empty, &quick())
            .unwrap()
            .estimate()
            .is_none()
    );
    // Constant predictions: kappa 0 whatever is resampled.
    let truth: Vec<usize> = (0..30).map(|i| i % 2).collect();
    let constant = Sample::new(2, &truth, &[1; 30], &subject).unwrap();
    assert!(score(Metric::QuadraticKappa, &constant).unwrap().abs() < 1e-12);
    assert!(
        interval(Metric::QuadraticKappa, &constant, &quick())
            .unwrap()
            .estimate()
            .is_none()
    );
    // Unordered classes have no kappa.
    assert_eq!(score(Metric::QuadraticKappa, &few_unordered()), None);
    let refused = IntervalSettings {
        level: 1.0,
        ..quick()
    }
    .check();
    assert!(matches!(
        refused,
        Err(EvalError::Setting { name: "level", .. })
    ));
}

fn few_unordered() -> Sample<'static> {
    Sample::new(3, &[0, 1, 2], &[0, 2, 2], &[0, 1, 2])
        .unwrap()
        .unordered()
}

#[test]
fn a_model_against_itself_differs_by_nothing_and_order_only_changes_the_sign() {
    let mut draw = Draw::new(5, 0);
    let model = OrderedModel {
        prevalence: vec![0.2, 0.5, 0.3],
        gain: 0.8,
        subject_error: 0.6,
        clip_error: 0.5,
    };
    let a = model.sample(&mut draw, 60, Sizes::OneToSix);
    let mut predicted = a.predicted.clone();
    predicted.iter_mut().step_by(3).for_each(|p| *p = 1);
    let sample_a = Sample::new(3, &a.truth, &a.predicted, &a.subject).unwrap();
    let sample_b = Sample::new(3, &a.truth, &predicted, &a.subject).unwrap();
    let none = paired_difference(Metric::Accuracy, &sample_a, &sample_a, &quick()).unwrap();
    let none = none.estimate().unwrap();
    // What has not been seen to differ may differ elsewhere, as much one way as the other.
    assert_eq!((none.value, none.low), (0.0, -none.high));
    assert!(none.high > 0.0);
    let metrics = [Metric::Accuracy, Metric::QuadraticKappa, Metric::MacroF1];
    let ab = paired_differences(&metrics, &sample_a, &sample_b, &quick()).unwrap();
    let ba = paired_differences(&metrics, &sample_b, &sample_a, &quick()).unwrap();
    for (ab, ba) in ab.iter().zip(&ba) {
        let (ab, ba) = (ab.estimate().unwrap(), ba.estimate().unwrap());
        assert!((ab.value + ba.value).abs() < 1e-12);
        assert!((ab.low + ba.high).abs() < 1e-9 && (ab.high + ba.low).abs() < 1e-9);
        // Two dependent models: narrower than the sum of the two single errors.
        assert!(ab.standard_error > 0.0);
    }
    let other = Sample::new(3, &predicted, &predicted, &a.subject).unwrap();
    assert!(paired_difference(Metric::Accuracy, &sample_a, &other, &quick()).is_err());
}

#[test]
fn the_number_of_threads_does_not_show() {
    let mut draw = Draw::new(6, 0);
    let rates = Rates::new(Family::Beta, 0.6, 0.5);
    let c = right_or_wrong(&mut draw, 80, Sizes::Heavy, &rates);
    let sample = Sample::new(2, &c.truth, &c.predicted, &c.subject).unwrap();
    let with = |threads: usize| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(|| intervals(&[Metric::Accuracy, Metric::MacroF1], &sample, &quick()).unwrap())
    };
    let one = with(1);
    assert_eq!(one, with(3));
    let other = intervals(
        &[Metric::Accuracy, Metric::MacroF1],
        &sample,
        &IntervalSettings { seed: 1, ..quick() },
    );
    assert_ne!(one, other.unwrap());
}

/// Share of intervals that hold the truth, and the same when every row is taken for a subject of its own.
fn coverage(subjects: usize, sizes: Sizes, mean: f64, icc: f64, repetitions: u64) -> (f64, f64) {
    let rates = Rates::new(Family::Beta, mean, icc);
    let settings = IntervalSettings {
        resamples: 399,
        ..Default::default()
    };
    let held: Vec<(f64, f64)> = (0..repetitions)
        .into_par_iter()
        .map(|repetition| {
            let c = right_or_wrong(&mut Draw::new(11, repetition), subjects, sizes, &rates);
            let holds = |subject: &[usize]| {
                let sample = Sample::new(2, &c.truth, &c.predicted, subject).unwrap();
                let found = interval(Metric::Accuracy, &sample, &settings).unwrap();
                let found = found.estimate().unwrap();
                f64::from(found.low <= mean && mean <= found.high)
            };
            let rows: Vec<usize> = (0..c.truth.len()).collect();
            (holds(&c.subject), holds(&rows))
        })
        .collect();
    let n = repetitions as f64;
    (
        held.iter().map(|h| h.0).sum::<f64>() / n,
        held.iter().map(|h| h.1).sum::<f64>() / n,
    )
}

#[test]
fn intervals_keep_their_level_by_subject_and_lose_it_by_row() {
    // A short version of examples/coverage.rs; with 1,000 repetitions the Monte Carlo error is 0.7 points.
    for (subjects, sizes, mean, icc) in [
        (40, Sizes::OneToSix, 0.5, 0.6),
        (60, Sizes::OneToSix, 0.42, 0.5),
        (100, Sizes::Heavy, 0.8, 0.3),
    ] {
        let (by_subject, by_row) = coverage(subjects, sizes, mean, icc, 1000);
        assert!(
            (0.93..=0.975).contains(&by_subject),
            "{subjects} {sizes:?}: {by_subject}"
        );
        assert!(by_row < 0.85, "{subjects} {sizes:?}: rows {by_row}");
    }
}
