//! How often the gap tests raise a false alarm and how often they find what is there:
//! `cargo run --release -p cohort-eval --example disparities [-- REPETITIONS [RELABELLINGS]]`.
//!
//! Prints the tables of `docs/statistics.md`. Three attributes; what differs between the groups of the first is varied.

#[path = "../tests/support/mod.rs"]
mod support;

use cohort_eval::{AuditSettings, Disparity, Finding, Measure, Metric, Scheme, disparities};
use rayon::prelude::*;
use support::{Draw, Groups, OrderedModel, audited};

fn main() {
    let number = |place, otherwise| {
        let argument = std::env::args().nth(place);
        argument.and_then(|n| n.parse().ok()).unwrap_or(otherwise)
    };
    let (repetitions, permutations) = (number(1, 2000), number(2, 199));
    let settings = AuditSettings {
        resamples: 100,
        permutations,
        ..AuditSettings::default()
    };
    let model = OrderedModel {
        prevalence: vec![0.1, 0.25, 0.4, 0.25],
        gain: 0.6,
        subject_error: 0.6,
        clip_error: 0.5,
    };
    println!(
        "Share in % of audits with p <= 0.05; {permutations} relabellings, {repetitions} repetitions, {} where something is planted.\n",
        repetitions / 4
    );
    print!("| groups of A | subjects | attribute |");
    let columns = [
        (
            "accuracy, mean pairwise, plain",
            Metric::Accuracy,
            Measure::MeanPairwise,
            Scheme::Plain,
        ),
        (
            "accuracy, max-min, plain",
            Metric::Accuracy,
            Measure::MaxMin,
            Scheme::Plain,
        ),
        (
            "kappa, max-min, plain",
            Metric::QuadraticKappa,
            Measure::MaxMin,
            Scheme::Plain,
        ),
        (
            "error, worst group, within",
            Metric::MaeGroups,
            Measure::WorstGroup,
            Scheme::WithinTarget,
        ),
        (
            "accuracy, contrast, within",
            Metric::Accuracy,
            Measure::LargestContrast,
            Scheme::WithinTarget,
        ),
        (
            "error, contrast, within",
            Metric::MaeGroups,
            Measure::LargestContrast,
            Scheme::WithinTarget,
        ),
    ];
    columns.iter().for_each(|column| print!(" {} |", column.0));
    println!(
        " a finding in it |\n|---|---|---|{}",
        "---|".repeat(columns.len() + 1)
    );
    let cases = [
        (Groups::Alike, 60),
        (Groups::Alike, 200),
        (Groups::Alike, 600),
        (Groups::OtherClasses, 200),
        (Groups::MoreClips, 200),
        (Groups::OtherSpread, 200),
        (Groups::Worse(0.2), 200),
        (Groups::Worse(0.4), 200),
        (Groups::Worse(0.2), 600),
        (Groups::Worse(0.4), 600),
    ];
    for (groups, subjects) in cases {
        // What is planted is found or not with little noise; the level needs more repetitions.
        let planted = matches!(groups, Groups::Worse(_));
        let repetitions = if planted {
            repetitions / 4
        } else {
            repetitions
        };
        let audits: Vec<(Vec<Disparity>, Vec<Finding>)> = (0..repetitions)
            .into_par_iter()
            .map(|i| {
                let draw = &mut Draw::new(211, i as u64);
                let (predictions, labels) = audited(draw, &model, subjects, groups);
                let settings = AuditSettings {
                    seed: i as u64,
                    ..settings.clone()
                };
                let found = disparities(&predictions, &labels, &settings).unwrap();
                let (mut tests, findings) = (found.disparities, found.findings);
                tests.retain(|d| {
                    columns
                        .iter()
                        .any(|c| (c.1, c.2, c.3) == (d.metric, d.measure, d.scheme))
                });
                (tests, findings)
            })
            .collect();
        let percent = |count: usize, of: usize| {
            if of == 0 {
                "-".to_string()
            } else {
                format!("{:.1}", 100.0 * count as f64 / of as f64)
            }
        };
        for attribute in ["A", "B", "C"] {
            print!("| {groups:?} | {subjects} | {attribute} |");
            for (_, metric, measure, scheme) in columns {
                let p: Vec<f64> = audits
                    .iter()
                    .flat_map(|audit| &audit.0)
                    .filter(|d| {
                        d.attribute == attribute
                            && (d.metric, d.measure, d.scheme) == (metric, measure, scheme)
                    })
                    .map(|d| d.p_value)
                    .collect();
                print!(
                    " {} |",
                    percent(p.iter().filter(|p| **p <= 0.05).count(), p.len())
                );
            }
            let found = |audit: &&(Vec<Disparity>, Vec<Finding>)| {
                audit.1.iter().any(|f| f.attribute == attribute)
            };
            println!(
                " {} |",
                percent(audits.iter().filter(found).count(), audits.len())
            );
        }
        let any = audits.iter().filter(|audit| !audit.1.is_empty()).count();
        println!(
            "| {groups:?} | {subjects} | any | | | | | | | {} |",
            percent(any, audits.len())
        );
    }
}
