//! How often the intervals hold the truth: `cargo run --release -p cohort-eval --example coverage [-- REPETITIONS [PART]]`,
//! PART one of `shares`, `metrics`, `differences`, `holders`, `rare`, `calibration`, `losses`, `sets` (all without).
//!
//! Prints the tables of `docs/statistics.md` and every regime behind them. Subjects are drawn with rates of a known mean
//! (beta or logit-normal), 7 to 600 of them, intraclass correlation 0 to 0.9, equal and unequal numbers of clips.

#[path = "../tests/support/mod.rs"]
mod support;

use cohort_eval::{
    AuditSettings, Interval, IntervalSettings, Metric, Sample, audit, intervals,
    paired_differences, scores,
};
use rayon::prelude::*;
use support::regimes::{
    Holders, calibrated, differing, even_classes, more_clips_harder, nearly_right,
};
use support::{Columns, Draw, Family, OrderedModel, Rates, Sizes, right_or_wrong};

const RESAMPLES: usize = 999;
/// In the regimes that are hard, which are many.
const FEWER: usize = 199;

fn main() {
    let repetitions = std::env::args()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(2000);
    let part = std::env::args().nth(2);
    let parts: [(&str, fn(usize)); 8] = [
        ("shares", shares),
        ("metrics", ordered),
        ("differences", differences),
        ("holders", holders),
        ("rare", rare),
        ("calibration", calibration),
        ("losses", losses),
        ("sets", sets),
    ];
    for (name, run) in parts {
        if part.as_deref().is_none_or(|part| part == name) {
            run(repetitions);
        }
    }
}

fn settings(seed: u64) -> IntervalSettings {
    IntervalSettings {
        resamples: RESAMPLES,
        level: 0.95,
        seed,
    }
}

fn quick(seed: u64) -> IntervalSettings {
    IntervalSettings {
        resamples: FEWER,
        ..settings(seed)
    }
}

fn holds(interval: &Interval, truth: f64) -> Option<(bool, bool)> {
    let estimate = interval.estimate()?;
    Some((
        estimate.low <= truth && truth <= estimate.high,
        estimate.caution.is_none(),
    ))
}

/// Percent of repetitions; a dash without any.
fn percent(held: usize, of: usize) -> String {
    if of == 0 {
        "-".into()
    } else {
        format!("{:.1}", 100.0 * held as f64 / of as f64)
    }
}

/// Coverage of one regime, in %.
struct Regime {
    subjects: usize,
    icc: f64,
    held: f64,
    cautioned: f64,
    by_row: f64,
}

/// The regimes together: the extremes of those where the level is claimed, and of the others; rows taken for subjects beside.
fn summary(regimes: &[Regime]) {
    // A regime counts as claimed where hardly any of its intervals carries a caution.
    let claimed = |r: &&&Regime| r.cautioned <= 5.0;
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let span = |v: &[f64]| {
        if v.is_empty() {
            return "-".to_string();
        }
        let low = v.iter().copied().fold(f64::INFINITY, f64::min);
        let high = v.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        format!(
            "{low:.1} to {high:.1} (mean {:.1}, {} regimes)",
            mean(v),
            v.len()
        )
    };
    println!("\n### By subject, over all regimes\n");
    println!("| subjects | where the level is claimed | where there is a caution |\n|---|---|---|");
    for subjects in SUBJECTS {
        let of: Vec<&Regime> = regimes.iter().filter(|r| r.subjects == subjects).collect();
        let yes: Vec<f64> = of.iter().filter(claimed).map(|r| r.held).collect();
        let no: Vec<f64> = of.iter().filter(|r| !claimed(r)).map(|r| r.held).collect();
        println!("| {subjects} | {} | {} |", span(&yes), span(&no));
    }
    println!("\n### The same clips, each taken for a subject of its own (the row bootstrap)\n");
    println!("| icc | by subject | by row |\n|---|---|---|");
    for icc in ICCS {
        let of = || {
            regimes
                .iter()
                .filter(|r| r.icc == icc && r.cautioned <= 5.0)
        };
        let by_subject: Vec<f64> = of().map(|r| r.held).collect();
        let by_row: Vec<f64> = of().map(|r| r.by_row).collect();
        println!("| {icc} | {} | {} |", span(&by_subject), span(&by_row));
    }
}

const SUBJECTS: [usize; 6] = [7, 12, 20, 40, 100, 600];
const ICCS: [f64; 4] = [0.0, 0.3, 0.6, 0.9];

fn shares(repetitions: usize) {
    let mut regimes = Vec::new();
    println!("## Accuracy\n\nCoverage in % of 95 % intervals, {repetitions} repetitions.\n");
    println!("| rates | clips | subjects | icc | mean | by subject | cautioned % | by row |");
    println!("|---|---|---|---|---|---|---|---|");
    for family in [Family::Beta, Family::LogitNormal] {
        for sizes in [Sizes::Equal, Sizes::OneToSix, Sizes::Heavy] {
            for subjects in SUBJECTS {
                // The large samples take most of the time and tell least.
                let repetitions = if subjects == 600 {
                    repetitions / 2
                } else {
                    repetitions
                };
                for icc in ICCS {
                    if family == Family::LogitNormal && icc == 0.0 {
                        continue;
                    }
                    for mean in [0.42, 0.8, 0.95] {
                        let rates = Rates::new(family, mean, icc);
                        let found: Vec<_> = (0..repetitions)
                            .into_par_iter()
                            .map(|i| {
                                let draw = &mut Draw::new(101, i as u64);
                                let c = right_or_wrong(draw, subjects, sizes, &rates);
                                let score = |subject: &[usize]| {
                                    let sample =
                                        Sample::new(2, &c.truth, &c.predicted, subject).unwrap();
                                    let found =
                                        intervals(&[Metric::Accuracy], &sample, &settings(1))
                                            .unwrap();
                                    holds(&found[0], mean)
                                };
                                let rows: Vec<usize> = (0..c.truth.len()).collect();
                                // The row bootstrap is only shown, so a quarter of the repetitions will do.
                                (
                                    score(&c.subject),
                                    (i % 4 == 0).then(|| score(&rows)).flatten(),
                                )
                            })
                            .collect();
                        let held = found.iter().filter(|f| f.0.is_some_and(|h| h.0)).count();
                        let warned = found.iter().filter(|f| f.0.is_some_and(|h| !h.1)).count();
                        let rows = found.iter().filter(|f| f.1.is_some()).count();
                        let by_row = found.iter().filter(|f| f.1.is_some_and(|h| h.0)).count();
                        println!(
                            "| {family:?} | {sizes:?} | {subjects} | {icc} | {mean} | {} | {} | {} |",
                            percent(held, repetitions),
                            percent(warned, repetitions),
                            percent(by_row, rows),
                        );
                        let share =
                            |count: usize, of: usize| 100.0 * count as f64 / of.max(1) as f64;
                        regimes.push(Regime {
                            subjects,
                            icc,
                            held: share(held, repetitions),
                            cautioned: share(warned, repetitions),
                            by_row: share(by_row, rows),
                        });
                    }
                }
            }
        }
    }
    summary(&regimes);
}

fn models() -> [(&'static str, OrderedModel); 3] {
    let model = |prevalence: &[f64], gain, subject_error, clip_error| OrderedModel {
        prevalence: prevalence.to_vec(),
        gain,
        subject_error,
        clip_error,
    };
    [
        ("4 even classes", model(&[0.25; 4], 0.7, 0.6, 0.5)),
        (
            "5 classes, rarest 8 %",
            model(&[0.08, 0.22, 0.4, 0.2, 0.1], 0.6, 0.7, 0.4),
        ),
        (
            "7 classes as in First Impressions",
            model(
                &[0.0025, 0.024, 0.208, 0.492, 0.232, 0.032, 0.009],
                0.5,
                0.6,
                0.4,
            ),
        ),
    ]
}

fn sample_of(c: &Columns, classes: usize) -> Sample<'_> {
    Sample::new(classes, &c.truth, &c.predicted, &c.subject)
        .unwrap()
        .with_probabilities(&c.probabilities)
        .unwrap()
}

fn ordered(repetitions: usize) {
    let metrics: Vec<Metric> = Metric::ALL
        .into_iter()
        .filter(|&metric| metric != Metric::MaeYears)
        .collect();
    println!("\n## Every metric\n\nCoverage in % (in brackets: % of intervals with a caution).\n");
    print!("| model | clips | subjects |");
    metrics
        .iter()
        .for_each(|metric| print!(" {} |", metric.name()));
    println!("\n|---|---|---|{}", "---|".repeat(metrics.len()));
    for (name, model) in models() {
        let classes = model.prevalence.len();
        let large = model.sample(&mut Draw::new(7, 0), 1_000_000, Sizes::OneToSix);
        let truth = scores(&metrics, &sample_of(&large, classes));
        drop(large);
        for sizes in [Sizes::OneToSix] {
            for subjects in [7, 12, 20, 40, 100, 300, 600] {
                let repetitions = if subjects >= 300 {
                    repetitions / 2
                } else {
                    repetitions
                };
                let found: Vec<Vec<Interval>> = (0..repetitions)
                    .into_par_iter()
                    .map(|i| {
                        let c = model.sample(&mut Draw::new(103, i as u64), subjects, sizes);
                        intervals(&metrics, &sample_of(&c, classes), &settings(2)).unwrap()
                    })
                    .collect();
                print!("| {name} | {sizes:?} | {subjects} |");
                for (m, truth) in truth.iter().enumerate() {
                    let held: Vec<(bool, bool)> = found
                        .iter()
                        .filter_map(|f| holds(&f[m], (*truth)?))
                        .collect();
                    let warned = held.iter().filter(|h| !h.1).count();
                    print!(
                        " {}",
                        percent(held.iter().filter(|h| h.0).count(), held.len())
                    );
                    if warned > 0 {
                        print!(" ({:.0})", 100.0 * warned as f64 / held.len() as f64);
                    }
                    print!(" |");
                }
                println!();
            }
        }
    }
}

fn differences(repetitions: usize) {
    let metrics = [
        Metric::Accuracy,
        Metric::BalancedAccuracy,
        Metric::QuadraticKappa,
        Metric::MaeGroups,
        Metric::Rps,
    ];
    println!("\n## Differences of two models on the same clips\n");
    print!("| model | subjects |");
    metrics
        .iter()
        .for_each(|metric| print!(" {} |", metric.name()));
    println!("\n|---|---|{}", "---|".repeat(metrics.len()));
    for (name, model) in models().into_iter().take(2) {
        let classes = model.prevalence.len();
        // The second model sees the same subjects and clips with its own error added.
        let second = |c: &Columns, draw: &mut Draw| {
            let mut b = c.clone();
            for (row, p) in b.probabilities.chunks_exact_mut(classes).enumerate() {
                if draw.uniform() < 0.3 {
                    p.fill(1.0 / classes as f64);
                    b.predicted[row] = draw.index(&model.prevalence);
                }
            }
            b
        };
        let draw = &mut Draw::new(8, 0);
        let large = model.sample(draw, 500_000, Sizes::OneToSix);
        let other = second(&large, draw);
        let a = scores(&metrics, &sample_of(&large, classes));
        let b = scores(&metrics, &sample_of(&other, classes));
        for subjects in [7, 12, 20, 40, 100, 300] {
            let found: Vec<Vec<Interval>> = (0..repetitions)
                .into_par_iter()
                .map(|i| {
                    let draw = &mut Draw::new(107, i as u64);
                    let c = model.sample(draw, subjects, Sizes::OneToSix);
                    let other = second(&c, draw);
                    let (a, b) = (sample_of(&c, classes), sample_of(&other, classes));
                    paired_differences(&metrics, &a, &b, &settings(3)).unwrap()
                })
                .collect();
            print!("| {name} | {subjects} |");
            for (m, (a, b)) in a.iter().zip(&b).enumerate() {
                let held: Vec<(bool, bool)> = found
                    .iter()
                    .filter_map(|f| holds(&f[m], (*a)? - (*b)?))
                    .collect();
                print!(
                    " {} |",
                    percent(held.iter().filter(|h| h.0).count(), held.len())
                );
            }
            println!();
        }
    }
}

/// Coverage in % of what could be estimated, with the share that carried a caution and the share not estimable in brackets.
fn shown(found: &[Vec<Interval>], m: usize, truth: f64) -> String {
    let held: Vec<(bool, bool)> = found.iter().filter_map(|f| holds(&f[m], truth)).collect();
    let none = found.len() - held.len();
    let mut text = percent(held.iter().filter(|h| h.0).count(), held.len());
    let warned = held.iter().filter(|h| !h.1).count();
    if warned > 0 {
        text += &format!(" ({:.0})", 100.0 * warned as f64 / held.len() as f64);
    }
    if none > 0 {
        text += &format!(" [{:.0}]", 100.0 * none as f64 / found.len() as f64);
    }
    text
}

fn header(title: &str, first: &str, metrics: &[Metric]) {
    println!(
        "\n## {title}\n\nCoverage in % (in round brackets: % with a caution, in square ones: % not estimable).\n"
    );
    print!("| {first} |");
    metrics
        .iter()
        .for_each(|metric| print!(" {} |", metric.name()));
    println!("\n|---|---|{}", "---|".repeat(metrics.len()));
}

/// Few subjects hold many clips, just below and above sizes at which a method might change.
fn holders(repetitions: usize) {
    let metrics = [
        Metric::Accuracy,
        Metric::BalancedAccuracy,
        Metric::MacroF1,
        Metric::QuadraticKappa,
        Metric::MaeGroups,
        Metric::MacroMae,
    ];
    header(
        "Few subjects with many clips",
        "holders | subjects",
        &metrics,
    );
    let model = even_classes();
    let large = model.sample(&mut Draw::new(9, 0), 1_000_000, Sizes::OneToSix);
    let truth = scores(&metrics, &sample_of(&large, 4));
    drop(large);
    for kind in [
        Holders::Few(3, 0.3),
        Holders::Few(1, 0.3),
        Holders::Few(3, 0.6),
        Holders::Few(3, 0.1),
        Holders::Pareto(1.2),
    ] {
        for subjects in [490, 510, 6_000] {
            let found: Vec<Vec<Interval>> = (0..repetitions)
                .into_par_iter()
                .map(|i| {
                    let draw = &mut Draw::new(109, i as u64);
                    let clips = kind.clips(draw, subjects);
                    let c = model.sample_of(draw, &clips);
                    intervals(&metrics, &sample_of(&c, 4), &quick(4)).unwrap()
                })
                .collect();
            print!("| {kind:?} | {subjects} |");
            for (m, truth) in truth.iter().enumerate() {
                print!(" {} |", shown(&found, m, truth.unwrap()));
            }
            println!();
        }
    }
}

/// Two models that answer alike but for few subjects.
fn rare(repetitions: usize) {
    let metrics = [
        Metric::Accuracy,
        Metric::BalancedAccuracy,
        Metric::MacroF1,
        Metric::QuadraticKappa,
        Metric::MaeGroups,
        Metric::Nll,
        Metric::Rps,
    ];
    header(
        "Differences of two models that differ on few subjects",
        "differ, right | subjects",
        &metrics,
    );
    let model = even_classes();
    for (differ, better) in [
        (0.01, 0.9),
        (0.03, 0.9),
        (0.05, 0.5),
        (0.05, 0.9),
        (0.1, 0.5),
        (0.1, 0.9),
    ] {
        let draw = &mut Draw::new(10, 0);
        let large = model.sample(draw, 400_000, Sizes::OneToSix);
        let other = differing(draw, &large, 4, differ, better);
        let a = scores(&metrics, &sample_of(&large, 4));
        let b = scores(&metrics, &sample_of(&other, 4));
        for subjects in [40, 100] {
            let found: Vec<Vec<Interval>> = (0..repetitions)
                .into_par_iter()
                .map(|i| {
                    let draw = &mut Draw::new(113, i as u64);
                    let c = model.sample(draw, subjects, Sizes::OneToSix);
                    let other = differing(draw, &c, 4, differ, better);
                    let (a, b) = (sample_of(&c, 4), sample_of(&other, 4));
                    paired_differences(&metrics, &a, &b, &quick(5)).unwrap()
                })
                .collect();
            print!("| {differ}, {better} | {subjects} |");
            for (m, (a, b)) in a.iter().zip(&b).enumerate() {
                print!(" {} |", shown(&found, m, a.unwrap() - b.unwrap()));
            }
            println!();
        }
    }
}

/// The calibration error of models whose probabilities come true, and of some that are too sure.
fn calibration(repetitions: usize) {
    println!("\n## Calibration error\n");
    println!(
        "| sharper | subjects | truth | coverage | reaches 0 | mean in bins | mean debiased | mean width |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for sharper in [1.2, 1.0, 1.5, 2.5] {
        let large = calibrated(&mut Draw::new(12, 0), 1_000_000, sharper);
        let truth = scores(&[Metric::Ece], &sample_of(&large, 4))[0].unwrap();
        drop(large);
        for subjects in [40, 100, 300, 600] {
            let found: Vec<_> = (0..repetitions)
                .into_par_iter()
                .filter_map(|i| {
                    let c = calibrated(&mut Draw::new(127, i as u64), subjects, sharper);
                    let found = intervals(&[Metric::Ece], &sample_of(&c, 4), &quick(6)).unwrap();
                    found[0].estimate().cloned()
                })
                .collect();
            let held = found.iter().filter(|e| e.low <= truth && truth <= e.high);
            let zero = found.iter().filter(|e| e.low == 0.0).count();
            let mean = |f: &dyn Fn(&cohort_eval::Estimate) -> f64| {
                found.iter().map(f).sum::<f64>() / found.len() as f64
            };
            println!(
                "| {sharper} | {subjects} | {truth:.4} | {} | {} | {:.4} | {:.4} | {:.4} |",
                percent(held.count(), found.len()),
                percent(zero, found.len()),
                mean(&|e| e.value),
                mean(&|e| e.debiased.unwrap_or(f64::NAN)),
                mean(&|e| e.high - e.low),
            );
        }
    }
}

/// Scores of probabilities where the model is nearly always right.
fn losses(repetitions: usize) {
    let metrics = [Metric::Accuracy, Metric::Nll, Metric::Brier, Metric::Rps];
    header(
        "Models that are nearly always right",
        "wrong | subjects",
        &metrics,
    );
    for wrong in [0.005, 0.01, 0.03] {
        let large = nearly_right(&mut Draw::new(14, 0), 1_000_000, wrong);
        let truth = scores(&metrics, &sample_of(&large, 3));
        drop(large);
        for subjects in [100, 300, 600] {
            let found: Vec<Vec<Interval>> = (0..repetitions)
                .into_par_iter()
                .map(|i| {
                    let c = nearly_right(&mut Draw::new(131, i as u64), subjects, wrong);
                    intervals(&metrics, &sample_of(&c, 3), &quick(7)).unwrap()
                })
                .collect();
            print!("| {wrong} | {subjects} |");
            for (m, truth) in truth.iter().enumerate() {
                print!(" {} |", shown(&found, m, truth.unwrap()));
            }
            println!();
        }
    }
}

/// Prediction sets where subjects with many clips are the harder ones: a fiftieth of the repetitions, each a whole audit.
fn sets(repetitions: usize) {
    println!("\n## Prediction sets at 90 %, subjects with more clips harder\n");
    println!("| subjects | covered by subject | covered by clip |\n|---|---|---|");
    let repetitions = repetitions.div_ceil(50);
    for subjects in [120, 600] {
        let found: Vec<(f64, f64)> = (0..repetitions)
            .into_par_iter()
            .map(|i| {
                let (predictions, labels) =
                    more_clips_harder(&mut Draw::new(137, i as u64), subjects);
                let settings = AuditSettings {
                    resamples: 100,
                    permutations: 100,
                    seed: i as u64,
                    ..Default::default()
                };
                let audit = audit(&predictions, &labels, &settings).unwrap();
                let all = &audit.conformal.as_ref().unwrap().marginal[0];
                let of = |interval: &Interval| interval.value().unwrap();
                (of(&all.coverage_by_subject), of(&all.coverage))
            })
            .collect();
        let mean =
            |f: fn(&(f64, f64)) -> f64| found.iter().map(f).sum::<f64>() / found.len() as f64;
        println!(
            "| {subjects} | {:.3} | {:.3} |",
            mean(|f| f.0),
            mean(|f| f.1)
        );
    }
}
