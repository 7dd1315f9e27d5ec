//! How often findings raise a false alarm and how often they find what is there, and how often the gate before them errs:
//! `cargo run --release -p cohort-eval --example disparities [-- REPETITIONS [RELABELLINGS]]`.
//!
//! Prints the tables of `docs/statistics.md`. Three attributes; what differs between the groups of the first is varied.

#[path = "../tests/support/mod.rs"]
mod support;

use cohort_eval::{
    AuditSettings, Gaps, Measure, Metric, Outcome, Scheme, Verdict, audit, disparities, holm,
};
use cohort_tables::{LabelTable, Predictions};
use rayon::prelude::*;
use support::Draw;
use support::group_regimes::{Regime, made};

fn main() {
    let number = |place, otherwise| {
        let argument = std::env::args().nth(place);
        argument.and_then(|n| n.parse().ok()).unwrap_or(otherwise)
    };
    let (repetitions, permutations) = (number(1, 500), number(2, 399));
    findings(repetitions, permutations);
    gate(repetitions);
}

/// Share in percent of those of which `holds`.
fn percent<T>(of: &[T], holds: impl Fn(&T) -> bool) -> String {
    let count = of.iter().filter(|one| holds(one)).count();
    if of.is_empty() {
        "-".into()
    } else {
        format!("{:.1}", 100.0 * count as f64 / of.len() as f64)
    }
}

fn findings(repetitions: usize, permutations: usize) {
    println!(
        "Share in % of tables; {permutations} relabellings, {repetitions} repetitions. p <= 0.05 in attribute A; \"two metrics\": \
         a finding in A were only accuracy and error tested, with Holm's correction over all six.\n\n\
         | regime | subjects | accuracy | error | signed error | recall of a class | false alarms for a class | A itself | \
         two metrics | finding in A | finding anywhere else | A suspected | A not testable |\n|---|{}",
        "---|".repeat(12)
    );
    let cases = [
        (Regime::Alike, 100),
        (Regime::Alike, 400),
        (Regime::OtherClasses, 200),
        (Regime::MoreClips, 200),
        (Regime::OtherSpread, 200),
        (Regime::ClassesChange, 200),
        (Regime::OneHeavy, 200),
        (Regime::ThreeHeavy, 200),
        (Regime::Pareto, 200),
        (Regime::Confounded, 200),
        (Regime::Separable, 40),
        (Regime::Crossing(0.4), 200),
        (Regime::Crossing(0.6), 200),
        (Regime::Older(0.6), 100),
        (Regime::Older(0.6), 200),
        (Regime::Worse(0.4), 200),
        (Regime::Worse(0.4), 600),
    ];
    for (regime, subjects) in cases {
        // What is planted is found or not with little noise; the level needs more repetitions.
        let repetitions = if regime.plants() {
            repetitions / 2
        } else {
            repetitions
        };
        let all: Vec<Gaps> = (0..repetitions)
            .into_par_iter()
            .map(|i| {
                let (predictions, labels) = made(&mut Draw::new(211, i as u64), subjects, regime);
                let settings = AuditSettings {
                    resamples: 100,
                    permutations,
                    seed: i as u64,
                    ..AuditSettings::default()
                };
                disparities(&predictions, &labels, &settings).unwrap()
            })
            .collect();
        let contrast = |metric: Metric| {
            let p: Vec<f64> = all
                .iter()
                .flat_map(|gaps| &gaps.disparities)
                .filter(|d| d.attribute == "A" && d.metric == metric)
                .filter(|d| d.measure == Measure::LargestContrast)
                .map(|d| d.p_value)
                .collect();
            percent(&p, |p| *p <= 0.05)
        };
        let rates = |of: fn(&cohort_eval::ClassGap) -> Option<f64>| {
            let classes = all.iter().flat_map(|gaps| &gaps.class_gaps);
            let p: Vec<f64> = classes
                .filter(|c| c.attribute == "A")
                .filter_map(of)
                .collect();
            percent(&p, |p| *p <= 0.05)
        };
        let of_a = |gaps: &Gaps| gaps.attributes.iter().find(|a| a.attribute == "A").cloned();
        let has = |gaps: &&Gaps, outcome| of_a(gaps).is_some_and(|a| a.outcome == outcome);
        let all: Vec<&Gaps> = all.iter().collect();
        println!(
            "| {regime:?} | {subjects} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            contrast(Metric::Accuracy),
            contrast(Metric::MaeGroups),
            contrast(Metric::SignedError),
            rates(|c| c.true_positive_p),
            rates(|c| c.false_positive_p),
            percent(&all, |g| of_a(g)
                .and_then(|a| a.p_value)
                .is_some_and(|p| p <= 0.05)),
            percent(&all, |g| two_metrics(g)),
            percent(&all, |g| has(g, Outcome::Shown)),
            percent(&all, |g| g.findings.iter().any(|f| f.attribute != "A")),
            percent(&all, |g| has(g, Outcome::Suspected)),
            percent(&all, |g| has(g, Outcome::NotTestable)),
        );
    }
}

/// Whether accuracy and error alone, corrected over all attributes, would name something in A.
fn two_metrics(gaps: &Gaps) -> bool {
    let tests: Vec<_> = gaps
        .disparities
        .iter()
        .filter(|d| d.measure == Measure::LargestContrast && d.scheme == Scheme::WithinTarget)
        .filter(|d| d.metric != Metric::SignedError)
        .collect();
    let p: Vec<f64> = tests.iter().map(|d| d.p_value).collect();
    tests
        .iter()
        .zip(holm(&p))
        .any(|(d, p)| d.attribute == "A" && p <= 0.05)
}

/// Somebody who answers without looking, or looks badly.
#[derive(Debug, Clone, Copy)]
enum Model {
    /// Every clip guessed by prevalence, with probabilities that are noise about the prevalences.
    Guesses,
    /// One guess a subject.
    GuessesBySubject,
    /// Knows something; six of ten clips are of the middle class, which it names too seldom.
    WorseThanMajority,
    /// Half of the answers are right, the others guesses.
    Knows,
}

fn gate(repetitions: usize) {
    println!(
        "\nThe gate before fairness, {repetitions} repetitions: share in % of models.\n\n\
         | model | subjects | information shown | by kappa | by likelihood | worse than the majority in both | verdict \"skill\" |\n|---|---|---|---|---|---|---|"
    );
    for model in [
        Model::Guesses,
        Model::GuessesBySubject,
        Model::WorseThanMajority,
        Model::Knows,
    ] {
        for subjects in [40, 200] {
            let all: Vec<_> = (0..repetitions)
                .into_par_iter()
                .map(|i| {
                    let (predictions, labels) =
                        answers(&mut Draw::new(97, i as u64), subjects, model);
                    let settings = AuditSettings {
                        resamples: 399,
                        permutations: 100,
                        seed: i as u64,
                        ..AuditSettings::default()
                    };
                    audit(&predictions, &labels, &settings).unwrap().skill
                })
                .collect();
            println!(
                "| {model:?} | {subjects} | {} | {} | {} | {} | {} |",
                percent(&all, |s| s.information.shown),
                percent(&all, |s| s.kappa.estimate().is_some_and(|e| e.low > 0.0)),
                percent(&all, |s| {
                    let likelihood = s.information.likelihood.as_ref();
                    likelihood
                        .and_then(|l| l.estimate())
                        .is_some_and(|e| e.high < 0.0)
                }),
                percent(&all, |s| s.answers.worse_in_both),
                percent(&all, |s| s.verdict == Verdict::Skill),
            );
        }
    }
}

fn answers(draw: &mut Draw, subjects: usize, model: Model) -> (Predictions, LabelTable) {
    const PREVALENCE: [f64; 3] = [0.2, 0.6, 0.2];
    let (mut truth, mut predicted, mut probabilities) = (Vec::new(), Vec::new(), Vec::new());
    let (mut names, mut users) = (Vec::new(), Vec::new());
    for s in 0..subjects {
        let class = draw.index(&PREVALENCE);
        let of_subject = draw.index(&PREVALENCE);
        for clip in 0..1 + draw.index(&[1.0; 6]) {
            let guess = draw.index(&PREVALENCE);
            let knows = |draw: &mut Draw, chance: f64, otherwise| {
                if draw.uniform() < chance {
                    class
                } else {
                    otherwise
                }
            };
            let answer = match model {
                Model::Guesses => guess,
                Model::GuessesBySubject => of_subject,
                Model::WorseThanMajority => {
                    let end = 2 * draw.index(&[1.0, 1.0]);
                    knows(draw, 0.3, end)
                }
                Model::Knows => knows(draw, 0.5, guess),
            };
            let stated: Vec<f64> = (0..3)
                .map(|c| match model {
                    Model::Guesses | Model::GuessesBySubject => {
                        PREVALENCE[c] * (0.3 * draw.normal()).exp()
                    }
                    _ => 0.2 + 0.4 * f64::from(c == answer),
                })
                .collect();
            let sum: f64 = stated.iter().sum();
            probabilities.extend(stated.iter().map(|p| p / sum));
            truth.push(class);
            predicted.push(answer);
            names.push(format!("s{s}.{clip}.mp4"));
            users.push(format!("s{s}"));
        }
    }
    let labels = LabelTable {
        names: names.clone(),
        columns: vec![cohort_tables::LabelColumn {
            name: "UserID".into(),
            values: users,
        }],
    };
    let predictions = Predictions {
        names,
        classes: ["0", "1", "2"].map(String::from).to_vec(),
        truth: Some(truth),
        predicted,
        probabilities: Some(probabilities),
    };
    (predictions, labels)
}
