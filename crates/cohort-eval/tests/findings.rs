//! What may be said of gaps where groups, classes or answers are degenerate, and what the family of findings sees.

mod support;

use cohort_eval::{
    AttributeOutcome, AuditSettings, Compared, Gaps, Metric, Outcome, Rule, Scheme, audit,
    disparities,
};
use cohort_tables::{LabelColumn, LabelTable, Predictions};
use support::Draw;
use support::group_regimes::{Regime, made};

/// One clip a subject: true class, answer, group.
fn tables(rows: &[(usize, usize, &str)]) -> (Predictions, LabelTable) {
    let names: Vec<String> = (0..rows.len()).map(|i| format!("c{i:03}")).collect();
    let column = |name: &str, values: Vec<String>| LabelColumn {
        name: name.into(),
        values,
    };
    let labels = LabelTable {
        names: names.clone(),
        columns: vec![
            column("UserID", names.clone()),
            column("G", rows.iter().map(|row| row.2.to_string()).collect()),
        ],
    };
    let predictions = Predictions {
        names,
        classes: (0..4).map(|class| class.to_string()).collect(),
        truth: Some(rows.iter().map(|row| row.0).collect()),
        predicted: rows.iter().map(|row| row.1).collect(),
        probabilities: None,
    };
    (predictions, labels)
}

fn settings(alpha: f64) -> AuditSettings {
    AuditSettings {
        resamples: 100,
        permutations: 1999,
        alpha,
        ..AuditSettings::default()
    }
}

fn tested(rows: &[(usize, usize, &str)]) -> Gaps {
    let (predictions, labels) = tables(rows);
    disparities(&predictions, &labels, &settings(0.05)).unwrap()
}

fn of_g(gaps: &Gaps) -> &AttributeOutcome {
    gaps.attributes.iter().find(|a| a.attribute == "G").unwrap()
}

fn named(gaps: &Gaps, metric: Compared) -> Vec<(&str, Rule)> {
    let of_metric = gaps.findings.iter().filter(|f| f.metric == metric);
    of_metric.map(|f| (f.group.as_str(), f.rule)).collect()
}

/// `n` clips of every class in `classes` for one group; `answer` from class and place.
fn group<'a>(
    name: &'a str,
    classes: &[usize],
    n: usize,
    answer: impl Fn(usize, usize) -> usize,
) -> Vec<(usize, usize, &'a str)> {
    let all = classes
        .iter()
        .flat_map(|&class| (0..n).map(move |i| (class, i)));
    all.map(|(class, i)| (class, answer(class, i), name))
        .collect()
}

const RIGHT: fn(usize, usize) -> usize = |class, _| class;
const WRONG: fn(usize, usize) -> usize = |class, _| (class + 1) % 4;

#[test]
fn total_separation_is_named_by_the_exact_test() {
    for n in [5, 8, 20] {
        let gaps = tested(&[group("a", &[0, 1], n, WRONG), group("b", &[0, 1], n, RIGHT)].concat());
        assert_eq!(of_g(&gaps).outcome, Outcome::Shown, "{n}");
        assert_eq!(
            named(&gaps, Compared::Accuracy),
            [("a", Rule::Unstudentised)]
        );
        let finding = &gaps.findings[0];
        assert_eq!((finding.value, finding.rest), (0.0, 1.0));
        assert_eq!(finding.standard_error, 0.0);
    }
    // 5 and 5 subjects of one class: 2 of the 252 ways to exchange labels separate them.
    let gaps = tested(&[group("a", &[1], 5, WRONG), group("b", &[1], 5, RIGHT)].concat());
    let p = gaps.findings[0].p_value;
    // Four Monte Carlo standard errors at 1,999 relabellings.
    assert!(
        (p - 2.0 / 252.0).abs() < 4.0 * (2.0 / 252.0 / 1999.0_f64).sqrt(),
        "{p}"
    );
}

#[test]
fn neighbours_of_total_separation_are_named_too() {
    // One answer of ten otherwise than its group's.
    let but_one = |class: usize, i: usize| if i == 0 { class } else { (class + 1) % 4 };
    let gaps = tested(
        &[
            group("a", &[0, 1], 10, but_one),
            group("b", &[0, 1], 10, RIGHT),
        ]
        .concat(),
    );
    assert_eq!(named(&gaps, Compared::Accuracy), [("a", Rule::Studentised)]);
    // One group always right, the other right every second time.
    let half = |class: usize, i: usize| (class + i % 2) % 4;
    let gaps = tested(
        &[
            group("a", &[0, 1], 16, half),
            group("b", &[0, 1], 16, RIGHT),
        ]
        .concat(),
    );
    assert_eq!(named(&gaps, Compared::Accuracy), [("a", Rule::Studentised)]);
    // A model that is right as often as wrong in all carries no information in kappa, but what is shown is told.
    let (predictions, labels) = tables(
        &[
            group("a", &[0, 1], 20, |class, _| 1 - class),
            group("b", &[0, 1], 20, RIGHT),
        ]
        .concat(),
    );
    let document = audit(&predictions, &labels, &settings(0.05)).unwrap();
    assert!(!document.skill.information.shown);
    assert_eq!(document.fairness.outcome, Outcome::Shown);
    assert!(document.to_text().contains("exact permutation test"));
}

#[test]
fn groups_without_a_common_class_are_not_testable() {
    let half = |class: usize, i: usize| (class + i % 2) % 4;
    for (a, b) in [(&[0][..], &[1][..]), (&[0, 1][..], &[2, 3][..])] {
        let gaps = tested(&[group("a", a, 12, half), group("b", b, 12, RIGHT)].concat());
        assert_eq!(of_g(&gaps).outcome, Outcome::NotTestable);
        assert!(of_g(&gaps).reason.is_some() && of_g(&gaps).minimum_detectable.is_none());
        assert!(gaps.findings.is_empty());
        for gap in gaps.disparities.iter().filter(|d| d.attribute == "G") {
            assert_eq!((gap.scheme, gap.minimum_detectable), (Scheme::Plain, None));
        }
    }
    // One subject in common, and six, of whom five are alone in their class: too few ways to exchange labels.
    let mut rows = [group("a", &[0], 12, half), group("b", &[1], 12, half)].concat();
    rows.push((0, 1, "b"));
    assert_eq!(of_g(&tested(&rows)).outcome, Outcome::NotTestable);
    // The whole says it in the text and in the document, and not that nobody is at a disadvantage.
    let (predictions, labels) = tables(&rows);
    let document = audit(&predictions, &labels, &settings(0.05)).unwrap();
    assert_eq!(document.fairness.outcome, Outcome::NotTestable);
    let text = document.to_text();
    assert!(text.contains("NOT TESTABLE") && !text.contains("no group is shown"));
}

#[test]
fn only_groups_that_share_classes_are_compared() {
    // c is alone in its class and always wrong: nobody can say whether the class or the group is the reason.
    let gaps = tested(
        &[
            group("a", &[0, 1], 12, WRONG),
            group("b", &[0, 1], 12, RIGHT),
            group("c", &[2], 12, WRONG),
        ]
        .concat(),
    );
    assert_eq!(of_g(&gaps).outcome, Outcome::Shown);
    assert!(gaps.findings.iter().all(|f| f.group != "c"));
    let finding = gaps
        .findings
        .iter()
        .find(|f| f.metric == Compared::Accuracy)
        .unwrap();
    // The others are b alone.
    assert_eq!(
        (finding.group.as_str(), finding.rest, finding.clips),
        ("a", 1.0, 24)
    );
    assert!(of_g(&gaps).reason.as_ref().unwrap().contains("c"));
    // A group of one class is compared in that class.
    let gaps = tested(&[group("a", &[0], 12, WRONG), group("b", &[0, 1], 12, RIGHT)].concat());
    assert_eq!(
        named(&gaps, Compared::Accuracy),
        [("a", Rule::Unstudentised)]
    );
    assert_eq!(gaps.findings[0].rest, 1.0);
}

#[test]
fn what_is_not_small_enough_for_the_family_is_suspected() {
    let (predictions, labels) = made(&mut Draw::new(5, 3), 150, Regime::Older(0.6));
    let shown = disparities(&predictions, &labels, &settings(0.05)).unwrap();
    let a = &shown.attributes[0];
    assert_eq!((a.attribute.as_str(), a.outcome), ("A", Outcome::Shown));
    let p = a.p_value.unwrap();
    let strict = disparities(&predictions, &labels, &settings(0.5 * p)).unwrap();
    assert_eq!(strict.attributes[0].outcome, Outcome::Suspected);
    assert!(strict.findings.is_empty());
    let document = audit(&predictions, &labels, &settings(0.5 * p)).unwrap();
    assert_eq!(document.fairness.outcome, Outcome::Suspected);
    assert_eq!(document.fairness.level, 0.5 * p);
}

#[test]
fn a_group_guessed_too_old_and_a_crossing_gap_are_named() {
    for seed in 0..8 {
        let (predictions, labels) = made(&mut Draw::new(71, seed), 200, Regime::Older(0.8));
        let gaps = disparities(&predictions, &labels, &settings(0.05)).unwrap();
        let finding = gaps
            .findings
            .iter()
            .find(|f| f.metric == Compared::SignedError);
        let finding = finding.unwrap_or_else(|| panic!("{seed}"));
        assert_eq!(
            (
                finding.attribute.as_str(),
                finding.group.as_str(),
                finding.direction.as_str()
            ),
            ("A", "1", "higher"),
            "{seed}"
        );
    }
    // Group a is never right in class 0 and always in class 1, b the other way round: alike in accuracy and in error.
    let never = |of: usize| {
        move |class: usize, i: usize| {
            if class == of || i % 6 == 0 {
                (class + 1) % 2
            } else {
                class
            }
        }
    };
    let gaps = tested(
        &[
            group("a", &[0, 1], 24, never(0)),
            group("b", &[0, 1], 24, never(1)),
        ]
        .concat(),
    );
    assert!(named(&gaps, Compared::Accuracy).is_empty());
    let recall = named(&gaps, Compared::TruePositiveRate);
    assert!(recall.iter().any(|f| f.0 == "a") && recall.iter().any(|f| f.0 == "b"));
    assert_eq!(of_g(&gaps).outcome, Outcome::Shown);
}

#[test]
fn a_guess_that_shows_nothing_is_not_testable() {
    let guess = |class: usize, i: usize| if i % 2 == 0 { class } else { 1 - class };
    let (predictions, labels) = tables(
        &[
            group("a", &[0, 1], 20, guess),
            group("b", &[0, 1], 20, guess),
        ]
        .concat(),
    );
    let document = audit(&predictions, &labels, &settings(0.05)).unwrap();
    assert!(!document.skill.information.shown && document.metrics.contains_key(&Metric::Kappa));
    assert_eq!(document.fairness.outcome, Outcome::NotTestable);
    assert!(document.fairness.reason.unwrap().contains("information"));
}
