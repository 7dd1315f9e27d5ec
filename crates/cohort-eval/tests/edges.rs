//! Input that is unusual, and input that is wrong.

mod support;

use cohort_eval::{AuditSettings, EvalError, Metric, Sample, Verdict, audit, compare};
use cohort_tables::{LabelColumn, LabelTable, Predictions};
use support::{Draw, Groups, OrderedModel, audited};

fn model() -> OrderedModel {
    OrderedModel {
        prevalence: vec![0.2, 0.5, 0.3],
        gain: 0.8,
        subject_error: 0.4,
        clip_error: 0.4,
    }
}

fn tables(subjects: usize) -> (Predictions, LabelTable) {
    audited(&mut Draw::new(17, 0), &model(), subjects, Groups::Alike)
}

fn quick() -> AuditSettings {
    AuditSettings {
        resamples: 100,
        permutations: 200,
        ..AuditSettings::default()
    }
}

#[test]
fn classes_without_order_and_without_probabilities() {
    let (mut predictions, labels) = tables(60);
    predictions.probabilities = None;
    predictions.classes = ["cat", "dog", "bird"].map(String::from).to_vec();
    let mut labels = labels;
    let target = labels
        .columns
        .iter_mut()
        .find(|c| c.name == "AgeGroup")
        .unwrap();
    target.name = "Animal".into();
    for code in &mut target.values {
        *code = predictions.classes[code.parse::<usize>().unwrap()].clone();
    }
    let settings = AuditSettings {
        target: "Animal".into(),
        ordered: false,
        ..quick()
    };
    let document = audit(&predictions, &labels, &settings).unwrap();
    let metrics: Vec<Metric> = document.metrics.keys().copied().collect();
    assert_eq!(
        metrics,
        [
            Metric::Accuracy,
            Metric::BalancedAccuracy,
            Metric::MacroPrecision,
            Metric::MacroF1,
            Metric::Kappa
        ]
    );
    assert_eq!(document.skill.metric, Metric::Kappa);
    assert!(document.risk_coverage.is_none() && document.conformal.is_none());
    assert!(document.calibration.is_empty());
    assert!(document.reference_bias.attributes.contains_key("Animal"));
    // In the order of the classes, not of the alphabet.
    let animals: Vec<&str> = document
        .groups
        .iter()
        .map(|g| g.group.as_str())
        .take(3)
        .collect();
    assert_eq!(animals, predictions.classes);
    let text = document.to_text().to_lowercase();
    assert!(
        !text.contains("signed error") && !text.contains("decline"),
        "{text}"
    );
}

#[test]
fn any_number_of_attributes() {
    let (predictions, full) = tables(60);
    let keep = |names: &[&str]| LabelTable {
        names: full.names.clone(),
        columns: full
            .columns
            .iter()
            .filter(|c| names.contains(&c.name.as_str()))
            .cloned()
            .collect(),
    };
    // None at all: truth is in the predictions.
    let none = audit(&predictions, &keep(&["UserID"]), &quick()).unwrap();
    assert!(none.groups.is_empty() && none.disparities.is_empty() && none.findings.is_empty());
    assert_eq!(none.reference_bias.average, 0.0);
    assert!(
        none.to_text()
            .contains("NOT TESTABLE (there is no attribute to compare)")
    );
    // Seven, among them one in which all are alike.
    let mut many = full.clone();
    let of_c = full.column("C").unwrap().to_vec();
    for i in 0..3 {
        many.columns.push(LabelColumn {
            name: format!("D{i}"),
            values: of_c.clone(),
        });
    }
    many.columns.push(LabelColumn {
        name: "Constant".into(),
        values: vec!["x".into(); many.names.len()],
    });
    let settings = AuditSettings {
        intersections: true,
        ..quick()
    };
    let document = audit(&predictions, &many, &settings).unwrap();
    let mut attributes: Vec<&str> = document
        .groups
        .iter()
        .map(|g| g.attribute.as_str())
        .collect();
    attributes.dedup();
    // The target, seven columns, and their 21 pairs.
    assert_eq!(attributes.len(), 1 + 7 + 21, "{attributes:?}");
    assert!(
        document
            .notes
            .iter()
            .any(|n| n.starts_with("Constant: fewer than two groups"))
    );
}

#[test]
fn labels_without_a_value_are_a_group_of_their_own() {
    let (predictions, mut labels) = tables(60);
    let column = labels.columns.iter_mut().find(|c| c.name == "A").unwrap();
    for value in column.values.iter_mut().step_by(2) {
        value.clear();
    }
    let document = audit(&predictions, &labels, &quick()).unwrap();
    let row = document
        .groups
        .iter()
        .find(|g| g.attribute == "A" && g.group.is_empty())
        .unwrap();
    assert_eq!(
        (row.name.as_str(), row.clips),
        ("(no value)", predictions.len().div_ceil(2))
    );
    // A clip without a subject cannot be resampled with its like.
    let subject = labels
        .columns
        .iter_mut()
        .find(|c| c.name == "UserID")
        .unwrap();
    subject.values[4].clear();
    assert_eq!(
        audit(&predictions, &labels, &quick())
            .unwrap_err()
            .to_string(),
        "labels, column UserID: row 5: expected a subject for every clip that has a prediction, found an empty field"
    );
}

#[test]
fn ids_may_begin_with_a_dash_and_are_listed_when_they_do_not_match() {
    let (mut predictions, mut labels) = tables(40);
    for names in [&mut predictions.names, &mut labels.names] {
        names.iter_mut().for_each(|name| *name = format!("-{name}"));
    }
    let subject = labels
        .columns
        .iter_mut()
        .find(|c| c.name == "UserID")
        .unwrap();
    subject
        .values
        .iter_mut()
        .for_each(|id| *id = format!("-{id}"));
    let document = audit(&predictions, &labels, &quick()).unwrap();
    assert_eq!((document.clips, document.subjects), (predictions.len(), 40));
    predictions
        .names
        .iter_mut()
        .take(7)
        .for_each(|name| *name = format!("-x{name}"));
    let message = audit(&predictions, &labels, &quick())
        .unwrap_err()
        .to_string();
    assert!(
        message.starts_with("predictions: expected every clip in the label table, found 7 that break this: -x-s0.0, "),
        "{message}"
    );
    assert!(message.ends_with(", ..."), "{message}");
}

#[test]
fn duplicate_ids_are_listed_whatever_their_extension() {
    let (mut predictions, labels) = tables(40);
    predictions.names[3] = predictions.names[2].replace(".mp4", ".wav");
    let error = audit(&predictions, &labels, &quick()).unwrap_err();
    assert!(
        matches!(&error, EvalError::Ids { count: 1, expected, .. } if expected == "every clip once"),
        "{error}"
    );
}

#[test]
fn probabilities_that_are_no_numbers_are_refused_with_the_row() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.1] {
        let p = [0.5, 0.5, 0.3, bad];
        let error = Sample::new(2, &[0, 1], &[0, 1], &[0, 1])
            .unwrap()
            .with_probabilities(&p)
            .unwrap_err();
        assert!(matches!(&error, EvalError::Row { row: 2, .. }), "{error}");
        let (mut predictions, labels) = tables(40);
        predictions.probabilities.as_mut().unwrap()[5] = bad;
        assert!(audit(&predictions, &labels, &quick()).is_err());
        assert!(compare(&predictions, &predictions, "x", &labels, &quick()).is_err());
    }
}

#[test]
fn few_subjects_have_no_skill_to_show_and_say_why() {
    let (predictions, labels) = tables(3);
    let document = audit(&predictions, &labels, &quick()).unwrap();
    assert_eq!(document.skill.verdict, Verdict::NoSkill);
    assert_eq!(
        document.skill.reason.as_deref(),
        Some("3 subjects, fewer than 5")
    );
    let text = document.to_text();
    assert!(
        text.contains("It cannot be judged here: 3 subjects, fewer than 5."),
        "{text}"
    );
    assert!(
        text.matches("gaps are not interpretable").count() == 2,
        "{text}"
    );
}

#[test]
fn ties_between_groups_are_no_gap() {
    // Every subject alike: right, then wrong. All groups have the accuracy one half.
    let names: Vec<String> = (0..80).map(|i| format!("c{i:02}")).collect();
    let column = |name: &str, value: &dyn Fn(usize) -> String| LabelColumn {
        name: name.into(),
        values: (0..80).map(value).collect(),
    };
    let labels = LabelTable {
        names: names.clone(),
        columns: vec![
            column("UserID", &|i| format!("s{:02}", i / 2)),
            column("Group", &|i| (i / 2 % 4).to_string()),
        ],
    };
    let predictions = Predictions {
        names,
        classes: vec!["0".into(), "1".into()],
        truth: Some((0..80).map(|i| i / 2 % 2).collect()),
        predicted: (0..80).map(|i| (i / 2 + i % 2) % 2).collect(),
        probabilities: None,
    };
    let document = audit(&predictions, &labels, &quick()).unwrap();
    assert!(document.findings.is_empty());
    for disparity in &document.disparities {
        if disparity.metric == Metric::Accuracy {
            assert_eq!(
                (disparity.observed, disparity.p_value),
                (0.0, 1.0),
                "{disparity:?}"
            );
        }
    }
}
