//! The whole audit on made tables: what is planted is found, what is not is not, and edges do not break it.

mod support;

use cohort_eval::{
    Audit, AuditSettings, Disparity, Finding, Interval, Measure, Metric, Scheme, Verdict, audit,
    compare, disparities,
};
use cohort_tables::{LabelColumn, LabelTable, Predictions};
use rayon::prelude::*;
use support::{Draw, Groups, OrderedModel, audited};

fn model() -> OrderedModel {
    OrderedModel {
        prevalence: vec![0.1, 0.25, 0.4, 0.25],
        gain: 0.7,
        subject_error: 0.5,
        clip_error: 0.5,
    }
}

fn quick(seed: u64) -> AuditSettings {
    AuditSettings {
        resamples: 100,
        permutations: 399,
        seed,
        ..AuditSettings::default()
    }
}

/// Gaps and findings of as many made tables.
fn tested(
    repetitions: u64,
    subjects: usize,
    groups: Groups,
) -> Vec<(Vec<Disparity>, Vec<Finding>)> {
    (0..repetitions)
        .into_par_iter()
        .map(|i| {
            let (predictions, labels) = audited(&mut Draw::new(31, i), &model(), subjects, groups);
            {
                let found = disparities(&predictions, &labels, &quick(i)).unwrap();
                (found.disparities, found.findings)
            }
        })
        .collect()
}

#[test]
fn a_planted_disadvantage_is_named_and_no_other() {
    // About 130 of 400 subjects have six of ten answers replaced by guesses.
    let tests = tested(20, 400, Groups::Worse(0.6));
    let is_planted = |f: &Finding| (f.attribute.as_str(), f.group.as_str()) == ("A", "1");
    let named = tests.iter().filter(|t| t.1.iter().any(is_planted)).count();
    let other = tests.iter().filter(|t| t.1.iter().any(|f| !is_planted(f)));
    assert_eq!(named, 20);
    // 5 % of 20 is 1; three or more have a chance below 8 %.
    assert!(other.count() <= 2);
    let finding = &tests[0].1[0];
    assert!(finding.p_holm <= 0.05 && finding.p_value <= finding.p_holm);
    assert_eq!(finding.direction, "worse");
    assert!((finding.value - finding.rest - finding.difference).abs() < 1e-12);
}

#[test]
fn alike_groups_and_groups_of_other_ages_raise_few_alarms() {
    // A short version of examples/disparities.rs.
    for groups in [Groups::Alike, Groups::OtherClasses] {
        let tests = tested(200, 100, groups);
        let alarms = tests.iter().filter(|t| !t.1.is_empty()).count();
        // 5 % of 200 is 10; 18 or more have a chance of 1 %.
        assert!(alarms <= 17, "{groups:?}: {alarms}");
        let p: Vec<f64> = tests
            .iter()
            .flat_map(|t| &t.0)
            .filter(|d| d.scheme == Scheme::WithinTarget && d.measure == Measure::MeanPairwise)
            .filter(|d| d.metric == Metric::Accuracy)
            .map(|d| d.p_value)
            .collect();
        // About 600 tests, three of each table and so a little dependent: 5 % of them, standard error about 1 %.
        assert!(p.len() > 590, "{}", p.len());
        let low = p.iter().filter(|p| **p <= 0.05).count() as f64 / p.len() as f64;
        assert!((0.02..=0.08).contains(&low), "{groups:?}: {low}");
    }
    // Where the second group holds other classes, the plain comparison blames it for that.
    let blamed = tested(40, 300, Groups::OtherClasses)
        .iter()
        .flat_map(|t| &t.0)
        .filter(|d| d.attribute == "A" && d.metric == Metric::SignedError)
        .filter(|d| d.measure == Measure::MaxMin && d.p_value <= 0.05)
        .fold((0, 0), |(plain, within), d| match d.scheme {
            Scheme::Plain => (plain + 1, within),
            Scheme::WithinTarget => (plain, within + 1),
        });
    assert!(blamed.0 >= 30 && blamed.1 <= 6, "{blamed:?}");
}

#[test]
fn the_gaps_by_themselves_are_those_of_the_audit() {
    let (predictions, labels) = audited(&mut Draw::new(32, 0), &model(), 60, Groups::Alike);
    let whole = audit(&predictions, &labels, &quick(1)).unwrap();
    let alone = disparities(&predictions, &labels, &quick(1)).unwrap();
    assert_eq!(whole.disparities, alone.disparities);
    assert_eq!(whole.findings, alone.findings);
    assert_eq!(whole.class_gaps, alone.class_gaps);
}

#[test]
fn prediction_sets_cover_what_they_promise() {
    let audits: Vec<Audit> = (0..40)
        .into_par_iter()
        .map(|i| {
            let draw = &mut Draw::new(31, i);
            let (predictions, labels) = audited(draw, &model(), 120, Groups::Alike);
            audit(&predictions, &labels, &quick(i)).unwrap()
        })
        .collect();
    let (mut marginal, mut own) = (0.0, 0.0);
    for audit in &audits {
        let conformal = audit.conformal.as_ref().unwrap();
        assert!(conformal.contiguous);
        marginal += conformal.marginal[0].coverage.value().unwrap() / 40.0;
        let group = conformal
            .by_group
            .iter()
            .find(|g| g.attribute == "A" && g.group == "1");
        own += group.unwrap().coverage.value().unwrap() / 40.0;
    }
    // Promised: at least 0.9; the discreteness of four classes and 1 / (S + 1) add a little.
    assert!((0.89..0.94).contains(&marginal), "{marginal}");
    assert!((0.89..0.96).contains(&own), "{own}");
}

#[test]
fn prediction_sets_promise_by_subject_and_show_both() {
    let found: Vec<(f64, f64)> = (0..40)
        .into_par_iter()
        .map(|i| {
            let (predictions, labels) =
                support::regimes::more_clips_harder(&mut Draw::new(32, i), 120);
            let audit = audit(&predictions, &labels, &quick(i)).unwrap();
            let all = &audit.conformal.as_ref().unwrap().marginal[0];
            let of = |interval: &cohort_eval::Interval| interval.value().unwrap();
            // One row a subject, but the clips that stand behind it.
            assert_eq!(all.coverage_by_subject.clips(), all.coverage.clips());
            (of(&all.coverage_by_subject), of(&all.coverage))
        })
        .collect();
    let mean = |f: fn(&(f64, f64)) -> f64| found.iter().map(f).sum::<f64>() / 40.0;
    let (by_subject, by_clip) = (mean(|f| f.0), mean(|f| f.1));
    assert!((0.89..0.94).contains(&by_subject), "{by_subject}");
    assert!(by_clip < by_subject, "{by_clip} {by_subject}");
}

/// Rows: clip, subject, truth, predicted, group.
fn tables(rows: &[(&str, &str, usize, usize, &str)]) -> (Predictions, LabelTable) {
    let names: Vec<String> = rows.iter().map(|row| row.0.to_string()).collect();
    let classes = rows.iter().map(|row| row.2.max(row.3)).max().unwrap_or(0) + 1;
    let column = |name: &str, values: Vec<String>| LabelColumn {
        name: name.into(),
        values,
    };
    let labels = LabelTable {
        names: names.clone(),
        columns: vec![
            column("UserID", rows.iter().map(|row| row.1.to_string()).collect()),
            column("Group", rows.iter().map(|row| row.4.to_string()).collect()),
        ],
    };
    let predictions = Predictions {
        names,
        classes: (0..classes).map(|class| class.to_string()).collect(),
        truth: Some(rows.iter().map(|row| row.2).collect()),
        predicted: rows.iter().map(|row| row.3).collect(),
        probabilities: None,
    };
    (predictions, labels)
}

fn many<'a>(
    names: &'a [String],
    make: impl Fn(usize) -> (&'a str, usize, usize, &'a str),
) -> Vec<(&'a str, &'a str, usize, usize, &'a str)> {
    names
        .iter()
        .enumerate()
        .map(|(i, name)| {
            let (subject, truth, predicted, group) = make(i);
            (name.as_str(), subject, truth, predicted, group)
        })
        .collect()
}

#[test]
fn edges_give_whole_documents() {
    let names: Vec<String> = (0..40).map(|i| format!("c{i:02}")).collect();
    let subjects: Vec<String> = (0..40).map(|i| format!("s{:02}", i / 2)).collect();
    let group = |i: usize| if i % 4 < 2 { "a" } else { "b" };
    let cases = [
        (
            "one class",
            many(&names, |i| (&subjects[i], 0, 0, group(i))),
        ),
        (
            "one subject",
            many(&names, |i| ("s", i % 3, (i + i / 5) % 3, "a")),
        ),
        (
            "constant predictions",
            many(&names, |i| (&subjects[i], i % 3, 1, group(i))),
        ),
        (
            "always right",
            many(&names, |i| (&subjects[i], i % 3, i % 3, group(i))),
        ),
        (
            "a group of one clip",
            many(&names, |i| {
                (&subjects[i], i % 3, i % 2, if i == 0 { "b" } else { "a" })
            }),
        ),
        ("one clip", vec![("c", "s", 0, 1, "a")]),
    ];
    for (name, rows) in cases {
        let (predictions, labels) = tables(&rows);
        for ordered in [true, false] {
            let settings = AuditSettings {
                ordered,
                intersections: true,
                ..quick(1)
            };
            let audit = audit(&predictions, &labels, &settings).unwrap();
            assert_ne!(
                audit.skill.verdict == Verdict::Skill,
                name != "always right",
                "{name}"
            );
            assert!(
                audit.groups.iter().map(|g| g.clips).sum::<usize>() == rows.len(),
                "{name}"
            );
            let json = serde_json::to_string(&audit).unwrap();
            // Not a number has no place in JSON: serde_json would write null where a number must be.
            let back: Audit = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(back, audit, "{name}");
            let text = audit.to_text();
            assert!(
                text.contains("REFERENCE BIAS") && !text.contains("NaN"),
                "{name}"
            );
            assert!(
                audit
                    .to_csv()
                    .iter()
                    .all(|(_, table)| !table.contains("NaN")),
                "{name}"
            );
            for (_, table) in audit.to_csv() {
                let mut reader = csv::Reader::from_reader(table.as_bytes());
                assert!(reader.records().all(|record| record.is_ok()), "{name}");
            }
        }
    }
}

#[test]
fn small_groups_stay_in_the_table() {
    let names: Vec<String> = (0..60).map(|i| format!("c{i:02}")).collect();
    let subjects: Vec<String> = (0..60).map(|i| format!("s{:02}", i / 2)).collect();
    let rows = many(&names, |i| {
        (
            &subjects[i],
            i % 3,
            (i * 7 / 5) % 3,
            if i < 6 { "few" } else { "most" },
        )
    });
    let (predictions, labels) = tables(&rows);
    let audit = audit(&predictions, &labels, &quick(2)).unwrap();
    let few = audit.groups.iter().find(|row| row.group == "few").unwrap();
    assert_eq!((few.clips, few.subjects), (6, 3));
    let Interval::NotEstimable(none) = &few.metrics[&Metric::Accuracy] else {
        panic!("{few:?}")
    };
    assert!(
        none.not_estimable && none.value.is_some() && none.reason == "3 subjects, fewer than 5"
    );
    // Drawn towards the others, with an interval that has the others' strength.
    let pooled = few.pooled_accuracy.as_ref().unwrap();
    assert!(pooled.low < pooled.value && pooled.value < pooled.high && pooled.own_weight < 1.0);
    let told = |note: &String| note.starts_with("Group: fewer than two");
    assert!(audit.disparities.is_empty() && audit.notes.iter().any(told));
    let value = serde_json::to_value(few).unwrap();
    assert_eq!(value["accuracy"]["not_estimable"], true);
}

#[test]
fn probabilities_that_do_not_sum_to_one_are_counted_and_ties_take_the_first() {
    let (mut predictions, labels) = audited(&mut Draw::new(5, 0), &model(), 40, Groups::Alike);
    let rows = predictions.len();
    let p = predictions.probabilities.as_mut().unwrap();
    p[..4].fill(0.5);
    let audit = audit(&predictions, &labels, &quick(3)).unwrap();
    assert_eq!((audit.unnormalised_rows, audit.clips), (1, rows));
    assert!(
        audit
            .to_text()
            .contains("1 rows of probabilities did not sum to 1")
    );
    // All alike: every threshold takes everything.
    let all_alike = Predictions {
        probabilities: Some(vec![0.25; 4 * rows]),
        ..predictions
    };
    let audit = cohort_eval::audit(&all_alike, &labels, &quick(3)).unwrap();
    let curve = &audit.risk_coverage.as_ref().unwrap()[0];
    assert!(curve.points.iter().all(|point| point.coverage == 1.0));
}

#[test]
fn a_second_model_is_compared_on_the_clips_of_both() {
    let (a, labels) = audited(&mut Draw::new(8, 0), &model(), 80, Groups::Alike);
    let mut b = a.clone();
    // The second model is right everywhere and knows one clip less.
    b.predicted.clone_from(b.truth.as_ref().unwrap());
    b.names.pop();
    b.predicted.pop();
    b.truth.as_mut().unwrap().pop();
    b.probabilities
        .as_mut()
        .unwrap()
        .truncate(4 * b.names.len());
    let found = compare(&a, &b, "b.csv", &labels, &quick(4)).unwrap();
    assert_eq!(
        (found.clips, found.only_here, found.only_there),
        (b.len(), 1, 0)
    );
    let accuracy = found.metrics[&Metric::Accuracy].estimate().unwrap();
    assert!(accuracy.high < 0.0 && accuracy.low < accuracy.value);
    // no subject tells how far the likelihoods could differ
    let nll = &found.metrics[&Metric::Nll];
    assert_eq!(nll.value(), Some(0.0));
    assert!(nll.estimate().is_none());
    assert!(
        found
            .groups
            .iter()
            .any(|row| row.attribute == "B" && row.group == "2")
    );
    let other = Predictions {
        classes: vec!["x".into(); 4],
        ..b
    };
    assert!(compare(&a, &other, "b.csv", &labels, &quick(4)).is_err());
}
