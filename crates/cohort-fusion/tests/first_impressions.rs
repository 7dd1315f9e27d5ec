//! The reference's own prediction file, aggregated by user, gives its published figure.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use cohort_eval::IntervalSettings;
use cohort_fusion::{AggregationRule, Subjects, aggregate, aggregation};
use cohort_tables::{LabelTable, Predictions};

fn shared() -> Option<PathBuf> {
    let root = std::env::var_os("COHORT_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = root.join("data/first-impressions");
    if !folder.is_dir() {
        eprintln!(
            "skipped: {} is absent (set COHORT_SHARED)",
            folder.display()
        );
        return None;
    }
    Some(folder)
}

#[test]
fn aggregation_by_user_reproduces_the_published_accuracy() {
    let Some(folder) = shared() else { return };
    let predictions = Predictions::read(
        &folder.join("predictions/image_with_probabilities.csv"),
        None,
    )
    .unwrap();
    let labels = LabelTable::read(&folder.join("test_set_age_labels.csv")).unwrap();
    let by_user = Subjects::from_labels(&labels, "UserID").unwrap();
    let users = aggregate(&predictions, &by_user, AggregationRule::ProbabilitySum).unwrap();
    let truth = users.truth.as_ref().unwrap();
    let right = users
        .predicted
        .iter()
        .zip(truth)
        .filter(|(p, t)| p == t)
        .count();
    assert_eq!((right, users.len()), (317, 612));
    assert_eq!(
        format!("{:.3}", right as f64 / users.len() as f64),
        "0.518",
        "as published"
    );
    // VideoName is UserID, a dot and a number: the names say the same as the labels.
    let by_name = aggregate(
        &predictions,
        &Subjects::ClipPrefix,
        AggregationRule::ProbabilitySum,
    )
    .unwrap();
    assert_eq!(by_name, users);

    let settings = IntervalSettings {
        resamples: 1000,
        ..IntervalSettings::default()
    };
    let found = aggregation(&predictions, &by_user, true, &settings).unwrap();
    assert_eq!((found.clips, found.subjects), (1975, 612));
    assert_eq!(found.agreement.contradicting_truth, 2);
    let clip = found.by_clip[0].interval.value().unwrap();
    assert!(
        (clip - 1038.0 / 1975.0).abs() < 1e-12,
        "0.52 per clip, as published"
    );
    let sum = &found.rules[0];
    assert!((sum.by_subject[0].interval.value().unwrap() - 317.0 / 612.0).abs() < 1e-12);
    let gain = sum.gain[0].interval.estimate().unwrap();
    assert!(
        gain.low < 0.0 && 0.0 < gain.high,
        "no gain that this data could show: {gain:?}"
    );
}
