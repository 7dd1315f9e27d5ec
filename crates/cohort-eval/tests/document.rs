//! The document `cohort.audit/1`: its keys are a contract with everything that reads it.

mod support;

use cohort_eval::{AuditSettings, audit};
use serde_json::Value;
use support::{Draw, Groups, OrderedModel, audited};

fn document() -> Value {
    let model = OrderedModel {
        prevalence: vec![0.1, 0.25, 0.4, 0.25],
        gain: 0.7,
        subject_error: 0.5,
        clip_error: 0.5,
    };
    let (predictions, mut labels) = audited(&mut Draw::new(3, 0), &model, 90, Groups::Worse(0.5));
    for (column, name) in labels
        .columns
        .iter_mut()
        .skip(2)
        .zip(["Gender", "Ethnicity"])
    {
        column.name = name.into();
    }
    labels.columns.truncate(4);
    let settings = AuditSettings {
        resamples: 200,
        permutations: 400,
        midpoints: Some(vec![10.0, 16.0, 30.0, 50.0]),
        ..AuditSettings::default()
    };
    serde_json::to_value(audit(&predictions, &labels, &settings).unwrap()).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

fn holds_all(value: &Value, wanted: &[&str]) {
    for key in wanted {
        assert!(value.get(key).is_some(), "no {key} in {value}");
    }
}

const METRICS: [&str; 15] = [
    "accuracy",
    "balanced_accuracy",
    "brier",
    "ece",
    "kappa",
    "macro_f1",
    "macro_mae",
    "macro_precision",
    "mae_groups",
    "mae_years",
    "nll",
    "quadratic_kappa",
    "rps",
    "signed_error",
    "within_one",
];

#[test]
fn the_keys_are_those_of_the_contract() {
    let audit = document();
    assert_eq!(audit["schema"], "cohort.audit/1");
    assert!(audit["clips"].is_u64() && audit["subjects"] == 90);
    assert_eq!(
        keys(&audit["reference_bias"]),
        ["AgeGroup", "Ethnicity", "Gender", "average"]
    );
    assert_eq!(audit["skill"]["verdict"], "skill");
    holds_all(
        &audit["skill"],
        &["metric", "kappa", "majority", "prior", "over_majority"],
    );
    holds_all(&audit["skill"]["information"], &["shown", "likelihood"]);
    holds_all(
        &audit["skill"]["answers"],
        &["accuracy", "error", "worse_in_both"],
    );
    assert_eq!(
        keys(&audit["fairness"]),
        [
            "attributes",
            "family",
            "level",
            "outcome",
            "reason",
            "suspected_below"
        ]
    );
    assert_eq!(audit["fairness"]["level"], audit["settings"]["alpha"]);
    for attribute in audit["fairness"]["attributes"].as_array().unwrap() {
        assert_eq!(
            keys(attribute),
            [
                "attribute",
                "minimum_detectable",
                "outcome",
                "p_holm",
                "p_value",
                "reason"
            ]
        );
        let outcome = attribute["outcome"].as_str().unwrap();
        assert!(["shown", "suspected", "not_testable", "not_shown"].contains(&outcome));
        let named = audit["findings"].as_array().unwrap().iter();
        let named = named
            .filter(|f| f["attribute"] == attribute["attribute"])
            .count();
        assert_eq!(outcome == "shown", named > 0);
    }
    assert_eq!(keys(&audit["metrics"]), METRICS);
    assert_eq!(keys(&audit["subject_metrics"]), METRICS);
    for metric in METRICS {
        let of = &audit["metrics"][metric];
        holds_all(of, &["value", "low", "high", "method", "clips", "subjects"]);
        assert!(of["low"].as_f64() <= of["value"].as_f64(), "{metric}");
        assert!(of["value"].as_f64() <= of["high"].as_f64(), "{metric}");
    }
    for group in audit["groups"].as_array().unwrap() {
        holds_all(
            group,
            &[
                "attribute",
                "group",
                "clips",
                "subjects",
                "accuracy",
                "mae_groups",
            ],
        );
        let accuracy = &group["accuracy"];
        if group["subjects"].as_u64() < Some(5) {
            assert_eq!(accuracy["not_estimable"], true);
        } else {
            holds_all(accuracy, &["value", "low", "high", "method"]);
            assert!(accuracy.get("not_estimable").is_none());
        }
        holds_all(
            &group["by_subject"],
            &["accuracy", "mae_groups", "signed_error"],
        );
    }
    let disparities = audit["disparities"].as_array().unwrap();
    for disparity in disparities {
        assert_eq!(
            keys(disparity),
            [
                "attribute",
                "groups",
                "measure",
                "metric",
                "minimum_detectable",
                "null_mean",
                "null_p95",
                "observed",
                "p_bh",
                "p_holm",
                "p_value",
                "scheme",
                "subjects",
            ]
        );
        // Only the gap that can be missing is: every other figure is a number.
        for key in [
            "observed",
            "null_mean",
            "null_p95",
            "p_value",
            "p_holm",
            "p_bh",
        ] {
            assert!(disparity[key].is_f64(), "{key} in {disparity}");
        }
    }
    let distinct = |key: &str| {
        let mut found: Vec<&str> = disparities.iter().filter_map(|d| d[key].as_str()).collect();
        found.sort_unstable();
        found.dedup();
        found
    };
    assert_eq!(distinct("attribute"), ["AgeGroup", "Ethnicity", "Gender"]);
    assert_eq!(distinct("scheme"), ["plain", "within_target"]);
    assert_eq!(
        distinct("measure"),
        [
            "largest_contrast",
            "max_min",
            "mean_pairwise",
            "ratio_shortfall",
            "worst_group"
        ]
    );
}

#[test]
fn every_group_and_class_is_in_the_table_by_class() {
    let audit = document();
    let classes = audit["classes"].as_array().unwrap().len();
    let groups = |attribute: &str| {
        let of = audit["groups"].as_array().unwrap().iter();
        of.filter(|row| row["attribute"] == attribute).count()
    };
    let rows = audit["class_errors"].as_array().unwrap();
    assert_eq!(
        rows.len(),
        classes * (1 + groups("Gender") + groups("Ethnicity"))
    );
    let clips: u64 = rows
        .iter()
        .filter(|row| row["attribute"] == "Gender")
        .filter_map(|row| row["clips"].as_u64())
        .sum();
    assert_eq!(Some(clips), audit["clips"].as_u64());
    holds_all(
        &rows[0],
        &["accuracy", "mae_groups", "mae_years", "signed_error"],
    );
}

#[test]
fn every_class_has_curves_and_scores() {
    let audit = document();
    let curves = &audit["class_curves"];
    assert_eq!(curves["most_points"], 200);
    for key in [
        "macro_precision",
        "macro_recall",
        "macro_f1",
        "macro_auc",
        "macro_average_precision",
    ] {
        holds_all(
            &curves[key],
            &["value", "low", "high", "method", "subjects"],
        );
    }
    let classes = curves["classes"].as_array().unwrap();
    assert_eq!(classes.len(), audit["classes"].as_array().unwrap().len());
    let mut prevalence = 0.0;
    for (i, class) in classes.iter().enumerate() {
        assert_eq!(
            keys(class),
            [
                "auc",
                "average_precision",
                "class",
                "clips",
                "f1",
                "name",
                "precision",
                "precision_recall",
                "prevalence",
                "recall",
                "roc",
                "subjects"
            ]
        );
        assert_eq!(class["class"], audit["classes"][i]["code"]);
        assert_eq!(class["clips"], audit["classes"][i]["clips"]);
        holds_all(
            &class["roc"]["points"][0],
            &["threshold", "false_positive_rate", "true_positive_rate"],
        );
        holds_all(
            &class["precision_recall"]["points"][0],
            &["threshold", "recall", "precision"],
        );
        // The share on the diagonal is the recall.
        assert_eq!(curves["shares"][i][i], class["recall"]);
        prevalence += class["prevalence"].as_f64().unwrap();
    }
    assert!((prevalence - 1.0).abs() < 1e-12);
}
