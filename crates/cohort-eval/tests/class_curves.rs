//! Every class against all others equals scikit-learn's (`scripts/class_curves.py` made the golden values).

use cohort_eval::{Audit, AuditSettings, Interval, audit};
use cohort_tables::{LabelColumn, LabelTable, Predictions};
use serde_json::Value;

fn indices(value: &Value) -> Vec<usize> {
    let values = value.as_array().unwrap().iter();
    values.map(|v| v.as_u64().unwrap() as usize).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    let values = value.as_array().unwrap().iter();
    values.map(|v| v.as_f64().unwrap_or(f64::NAN)).collect()
}

/// The golden table with two clips a subject, audited.
fn audited(golden: &Value) -> Audit {
    let truth = indices(&golden["truth"]);
    let names: Vec<String> = (0..truth.len())
        .map(|row| format!("clip{row:03}"))
        .collect();
    let labels = LabelTable {
        names: names.clone(),
        columns: vec![LabelColumn {
            name: "UserID".into(),
            values: (0..truth.len())
                .map(|row| format!("s{}", row / 2))
                .collect(),
        }],
    };
    let predictions = Predictions {
        names,
        classes: ["a", "b", "c", "d"].map(String::from).to_vec(),
        truth: Some(truth),
        predicted: indices(&golden["predicted"]),
        probabilities: Some(numbers(&golden["probabilities"])),
    };
    let settings = AuditSettings {
        resamples: 300,
        permutations: 100,
        ordered: false,
        ..AuditSettings::default()
    };
    audit(&predictions, &labels, &settings).unwrap()
}

fn same(found: Option<f64>, expected: f64, what: &str) {
    let close = match found {
        Some(found) => (found - expected).abs() < 1e-12,
        None => expected.is_nan(),
    };
    assert!(close, "{what}: {found:?} {expected}");
}

#[test]
fn areas_curves_and_scores_equal_scikit_learn() {
    let golden: Value = serde_json::from_str(include_str!("golden/class_curves.json")).unwrap();
    let curves = audited(&golden).class_curves.unwrap();
    let f1 = numbers(&golden["f1"]);
    for (class, scores) in curves.classes.iter().enumerate() {
        let of = &golden["classes"][class];
        let value = |interval: &Option<Interval>| interval.as_ref().and_then(Interval::value);
        for (name, found) in [
            ("auc", value(&scores.auc)),
            ("average_precision", value(&scores.average_precision)),
        ] {
            same(
                found,
                of[name].as_f64().unwrap(),
                &format!("{class} {name}"),
            );
        }
        for (name, found) in [("precision", &scores.precision), ("recall", &scores.recall)] {
            let expected = numbers(&golden[name])[class];
            same(found.value(), expected, &format!("{class} {name}"));
        }
        same(scores.f1.value(), f1[class], &format!("{class} f1"));
        let roc = scores.roc.as_ref().unwrap();
        let column = |of: fn(&cohort_eval::RocPoint) -> f64| -> Vec<f64> {
            roc.points.iter().map(of).collect()
        };
        assert_eq!(column(|p| p.false_positive_rate), numbers(&of["fpr"]));
        assert_eq!(column(|p| p.true_positive_rate), numbers(&of["tpr"]));
        let thresholds: Vec<f64> = roc.points.iter().filter_map(|p| p.threshold).collect();
        assert_eq!(thresholds, numbers(&of["roc_thresholds"]));
        let points = &scores.precision_recall.as_ref().unwrap().points;
        // scikit-learn stops where recall is whole; lower thresholds only lower the precision.
        let whole = numbers(&of["recall"]).len();
        for (i, point) in points.iter().take(whole).enumerate() {
            same(Some(point.recall), numbers(&of["recall"])[i], "recall");
            same(
                Some(point.precision),
                numbers(&of["precision"])[i],
                "precision",
            );
            same(
                Some(point.threshold),
                numbers(&of["thresholds"])[i],
                "threshold",
            );
        }
    }
    for (name, found) in [
        ("macro_precision", Some(&curves.macro_precision)),
        ("macro_recall", Some(&curves.macro_recall)),
        ("macro_f1", Some(&curves.macro_f1)),
        ("macro_auc", curves.macro_auc.as_ref()),
        (
            "macro_average_precision",
            curves.macro_average_precision.as_ref(),
        ),
    ] {
        let found = found.unwrap();
        same(found.value(), golden[name].as_f64().unwrap(), name);
        let estimate = found
            .estimate()
            .unwrap_or_else(|| panic!("{name} has no interval"));
        assert!(
            estimate.low < estimate.value && estimate.value < estimate.high,
            "{name}"
        );
    }
    for (row, expected) in curves
        .shares
        .iter()
        .zip(golden["shares"].as_array().unwrap())
    {
        for (share, expected) in row.iter().zip(numbers(expected)) {
            same(share.value(), expected, "share");
        }
    }
}

#[test]
fn a_class_of_few_subjects_has_values_and_no_intervals() {
    let golden: Value = serde_json::from_str(include_str!("golden/class_curves.json")).unwrap();
    let mut golden = golden;
    // All of the last class's clips but those of three subjects go to another.
    let mut left = 3;
    for truth in golden["truth"].as_array_mut().unwrap() {
        if *truth == 3 {
            if left == 0 {
                *truth = 0.into();
            } else {
                left -= 1;
            }
        }
    }
    let curves = audited(&golden).class_curves.unwrap();
    let rare = &curves.classes[3];
    assert_eq!((rare.clips, rare.subjects), (3, 3));
    let auc = rare.auc.as_ref().unwrap();
    assert!(auc.value().is_some() && auc.estimate().is_none());
    let text = serde_json::to_string(auc).unwrap();
    assert!(text.contains("3 subjects, fewer than 5"), "{text}");
}
