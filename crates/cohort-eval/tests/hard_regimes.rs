//! Intervals where they are hard to make: few subjects with most clips, models that hardly differ, calibrated models,
//! degenerate tables. `examples/coverage.rs` has the same regimes at length.

mod support;

use cohort_eval::{
    Interval, IntervalSettings, Method, Metric, Sample, interval, intervals, paired_difference,
    paired_differences, scores,
};
use rayon::prelude::*;
use support::regimes::{Holders, calibrated, differing, even_classes};
use support::{Columns, Draw, Sizes};

fn quick() -> IntervalSettings {
    IntervalSettings {
        resamples: 199,
        ..Default::default()
    }
}

fn sample_of(c: &Columns, classes: usize) -> Sample<'_> {
    Sample::new(classes, &c.truth, &c.predicted, &c.subject)
        .unwrap()
        .with_probabilities(&c.probabilities)
        .unwrap()
}

/// Share of the intervals that hold the truth, of those that could be made.
fn share_held(found: &[Interval], truth: f64) -> f64 {
    let made: Vec<bool> = found
        .iter()
        .filter_map(|f| f.estimate())
        .map(|e| e.low <= truth && truth <= e.high)
        .collect();
    made.iter().filter(|held| **held).count() as f64 / made.len() as f64
}

#[test]
fn an_error_does_not_jump_with_the_number_of_subjects() {
    // The same subjects, and a few small ones more: 498 to 502, and 4,998 to 5,002.
    for around in [500, 5_000] {
        let draw = &mut Draw::new(41, around as u64);
        let clips = Holders::Few(3, 0.1).clips(draw, around + 2);
        let c = even_classes().sample_of(draw, &clips);
        let metrics = [
            Metric::Accuracy,
            Metric::BalancedAccuracy,
            Metric::QuadraticKappa,
            Metric::Rps,
        ];
        let errors = |subjects: usize| -> Vec<f64> {
            let rows = c.subject.iter().filter(|s| **s < subjects).count();
            let part = Columns {
                truth: c.truth[..rows].to_vec(),
                predicted: c.predicted[..rows].to_vec(),
                subject: c.subject[..rows].to_vec(),
                probabilities: c.probabilities[..4 * rows].to_vec(),
            };
            let found = intervals(&metrics, &sample_of(&part, 4), &quick()).unwrap();
            found
                .iter()
                .map(|f| f.estimate().unwrap().standard_error)
                .collect()
        };
        let (below, above) = (errors(around - 2), errors(around + 2));
        for ((metric, a), b) in metrics.iter().zip(&below).zip(&above) {
            assert!(
                (a / b - 1.0).abs() < 0.02,
                "{metric:?} at {around}: {a} {b}"
            );
        }
    }
}

#[test]
fn the_jackknife_is_the_plain_one() {
    // By the definition: every subject left out of the rows in turn.
    let draw = &mut Draw::new(42, 0);
    let c = even_classes().sample(draw, 25, Sizes::OneToSix);
    let metrics: Vec<Metric> = Metric::ALL
        .into_iter()
        .filter(|m| *m != Metric::MaeYears)
        .collect();
    let whole = scores(&metrics, &sample_of(&c, 4));
    let mut sums = vec![0.0; metrics.len()];
    for left_out in 0..25 {
        let rows: Vec<usize> = (0..c.truth.len())
            .filter(|&row| c.subject[row] != left_out)
            .collect();
        let pick = |v: &[usize]| rows.iter().map(|&row| v[row]).collect::<Vec<_>>();
        let part = Columns {
            truth: pick(&c.truth),
            predicted: pick(&c.predicted),
            subject: pick(&c.subject),
            probabilities: rows
                .iter()
                .flat_map(|&row| c.probabilities[4 * row..4 * row + 4].to_vec())
                .collect(),
        };
        for ((sum, all), without) in sums
            .iter_mut()
            .zip(&whole)
            .zip(scores(&metrics, &sample_of(&part, 4)))
        {
            *sum += (all.unwrap() - without.unwrap()).powi(2);
        }
    }
    let found = intervals(&metrics, &sample_of(&c, 4), &quick()).unwrap();
    for ((metric, sum), found) in metrics.iter().zip(sums).zip(found) {
        let expected = (sum * 24.0 / 25.0).sqrt();
        let error = found.estimate().unwrap().standard_error;
        assert!(
            (error - expected).abs() < 1e-10,
            "{metric:?}: {error} {expected}"
        );
    }
}

#[test]
fn three_subjects_with_a_tenth_each_keep_the_level_at_any_size() {
    let model = even_classes();
    let large = model.sample(&mut Draw::new(9, 0), 200_000, Sizes::OneToSix);
    let truth = scores(&[Metric::BalancedAccuracy], &sample_of(&large, 4))[0].unwrap();
    for subjects in [510, 5_100] {
        let found: Vec<Interval> = (0..400)
            .into_par_iter()
            .map(|i| {
                let draw = &mut Draw::new(43, i);
                let clips = Holders::Few(3, 0.3).clips(draw, subjects);
                let c = model.sample_of(draw, &clips);
                interval(Metric::BalancedAccuracy, &sample_of(&c, 4), &quick()).unwrap()
            })
            .collect();
        let held = share_held(&found, truth);
        assert!((0.92..=0.995).contains(&held), "{subjects}: {held}");
    }
}

#[test]
fn models_that_differ_on_few_subjects_get_an_honest_difference() {
    let draw = &mut Draw::new(44, 0);
    let c = even_classes().sample(draw, 100, Sizes::OneToSix);
    let same = sample_of(&c, 4);
    // No subject differs: up to about 3.7 of the effective subjects may, whose share is what either model may be better by.
    let none = paired_difference(Metric::Accuracy, &same, &same, &quick()).unwrap();
    let none = none.estimate().unwrap();
    assert_eq!((none.value, none.low), (0.0, -none.high));
    assert!((0.03..0.06).contains(&none.high), "{none:?}");
    let kappa = paired_difference(Metric::QuadraticKappa, &same, &same, &quick()).unwrap();
    assert!(kappa.estimate().is_none() && kappa.value() == Some(0.0));
    // Three subjects with one clip each, of 100 with one clip: the exact Poisson limits of 3, 0.618 672 and 8.767 273, for
    // the gain; of 0, 3.688 879, for the loss.
    let truth = vec![1; 100];
    let subject: Vec<usize> = (0..100).collect();
    let mut worse = truth.clone();
    worse[..3].fill(0);
    let a = Sample::new(2, &truth, &truth, &subject).unwrap();
    let b = Sample::new(2, &truth, &worse, &subject).unwrap();
    let found = paired_difference(Metric::Accuracy, &a, &b, &quick()).unwrap();
    let found = found.estimate().unwrap();
    assert_eq!(found.method, Method::DiscordantSubjects);
    let low = 0.03 - (3.0_f64 - 0.618_672).hypot(3.688_879) / 100.0;
    let high = 0.03 + (8.767_273 - 3.0) / 100.0;
    assert!(
        (found.low - low).abs() < 1e-6 && (found.high - high).abs() < 1e-6,
        "{found:?}"
    );
    assert!(found.caution.is_some());
}

#[test]
fn rare_differences_keep_the_level() {
    let model = even_classes();
    let metrics = [
        Metric::Accuracy,
        Metric::BalancedAccuracy,
        Metric::MaeGroups,
    ];
    for (differ, better) in [(0.03, 0.9), (0.1, 0.5)] {
        let draw = &mut Draw::new(45, 0);
        let large = model.sample(draw, 200_000, Sizes::OneToSix);
        let other = differing(draw, &large, 4, differ, better);
        let truth = |c: &Columns| scores(&metrics, &sample_of(c, 4));
        let (a, b) = (truth(&large), truth(&other));
        let found: Vec<Vec<Interval>> = (0..500)
            .into_par_iter()
            .map(|i| {
                let draw = &mut Draw::new(46, i);
                let c = model.sample(draw, 60, Sizes::OneToSix);
                let other = differing(draw, &c, 4, differ, better);
                paired_differences(&metrics, &sample_of(&c, 4), &sample_of(&other, 4), &quick())
                    .unwrap()
            })
            .collect();
        for (m, metric) in metrics.iter().enumerate() {
            let of: Vec<Interval> = found.iter().map(|f| f[m].clone()).collect();
            let held = share_held(&of, a[m].unwrap() - b[m].unwrap());
            assert!(held >= 0.93, "{differ} {better} {metric:?}: {held}");
        }
    }
}

#[test]
fn the_calibration_error_of_a_calibrated_model_may_be_nothing() {
    for (sharper, subjects) in [(1.0, 300), (2.5, 300)] {
        let large = calibrated(&mut Draw::new(12, 0), 300_000, sharper);
        let truth = scores(&[Metric::Ece], &sample_of(&large, 4))[0].unwrap();
        let found: Vec<Interval> = (0..300)
            .into_par_iter()
            .map(|i| {
                let c = calibrated(&mut Draw::new(47, i), subjects, sharper);
                interval(Metric::Ece, &sample_of(&c, 4), &quick()).unwrap()
            })
            .collect();
        let held = share_held(&found, truth);
        let zero = found
            .iter()
            .filter(|f| f.estimate().unwrap().low == 0.0)
            .count();
        let debiased = found
            .iter()
            .map(|f| f.estimate().unwrap().debiased.unwrap())
            .sum::<f64>()
            / 300.0;
        assert!(held >= 0.93, "{sharper}: {held}");
        if sharper == 1.0 {
            assert!(truth < 0.003 && zero > 280, "{truth} {zero}");
            // The error in bins is some .03 there.
            assert!(debiased < 0.012, "{debiased}");
        } else {
            assert!(truth > 0.1 && zero == 0, "{truth} {zero}");
            assert!((debiased - truth).abs() < 0.01, "{debiased} {truth}");
        }
    }
}

/// Least and largest value of a metric, from its definition, and of a difference.
fn range(metric: Metric, classes: usize) -> ((f64, f64), f64) {
    let steps = classes as f64 - 1.0;
    match metric {
        Metric::Kappa | Metric::QuadraticKappa => ((-1.0, 1.0), 2.0),
        Metric::MaeGroups | Metric::MacroMae => ((0.0, steps), steps),
        // Midpoints 0, 10, 20, ...
        Metric::MaeYears => ((0.0, 10.0 * steps), 10.0 * steps),
        Metric::SignedError => ((-steps, steps), steps),
        Metric::Nll => ((0.0, 36.05), 36.05),
        Metric::Brier => ((0.0, 2.0), 2.0),
        _ => ((0.0, 1.0), 1.0),
    }
}

#[test]
fn no_bound_of_a_degenerate_table_leaves_the_range_of_its_metric() {
    let midpoints: Vec<f64> = (0..8).map(|k| 10.0 * f64::from(k)).collect();
    let settings = IntervalSettings {
        resamples: 100,
        ..Default::default()
    };
    (0..1500_u64).into_par_iter().for_each(|i| {
        let draw = &mut Draw::new(48, i);
        let pick = |draw: &mut Draw, from: &[usize]| from[draw.index(&vec![1.0; from.len()])];
        let classes = pick(draw, &[1, 2, 3, 7]);
        let subjects = pick(draw, &[1, 5, 6, 8, 12, 20, 22, 41]);
        // How often a model is right: never, hardly ever, nearly always, always.
        let right = [0.0, 0.03, 0.5, 0.97, 1.0];
        let (one, two) = (right[draw.index(&[1.0; 5])], right[draw.index(&[1.0; 5])]);
        let sharp = draw.uniform() < 0.5;
        let rare = draw.uniform() < 0.5;
        let mut columns = [Columns::default(), Columns::default()];
        for subject in 0..subjects {
            let clips = if subject == 0 {
                pick(draw, &[1, 3, 100])
            } else {
                pick(draw, &[1, 1, 2, 5])
            };
            let class = if rare && draw.uniform() < 0.9 {
                0
            } else {
                draw.index(&vec![1.0; classes])
            };
            for _ in 0..clips {
                let far = if class == 0 { classes - 1 } else { 0 };
                for (c, right) in columns.iter_mut().zip([one, two]) {
                    let predicted = if draw.uniform() < right { class } else { far };
                    c.truth.push(class);
                    c.predicted.push(predicted);
                    c.subject.push(subject);
                    let rest = if sharp { 0.0 } else { draw.uniform() };
                    let mut p = vec![rest / classes as f64; classes];
                    p[predicted] += 1.0 - rest;
                    c.probabilities.extend(p);
                }
            }
        }
        let of = |c| {
            sample_of(c, classes)
                .with_midpoints(&midpoints[..classes])
                .unwrap()
        };
        let (a, b) = (of(&columns[0]), of(&columns[1]));
        let metrics = Metric::ALL;
        let single = intervals(&metrics, &a, &settings).unwrap();
        let paired = paired_differences(&metrics, &a, &b, &settings).unwrap();
        for ((metric, single), paired) in metrics.iter().zip(&single).zip(&paired) {
            let ((low, high), most) = range(*metric, classes);
            for (found, low, high) in [(single, low, high), (paired, -most, most)] {
                let Some(e) = found.estimate() else { continue };
                let known = [e.value, e.low, e.high, e.standard_error]
                    .iter()
                    .all(|v| v.is_finite());
                let inside = low - 1e-12 <= e.low && e.high <= high + 1e-12;
                let holds = e.low <= e.value + 1e-12 && e.value <= e.high + 1e-12;
                // No error is claimed to be nothing.
                assert!(
                    known && inside && holds && e.low < e.high,
                    "table {i}, {metric:?}: {e:?}"
                );
            }
        }
    });
}
