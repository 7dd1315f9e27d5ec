//! The real label tables and prediction files of First Impressions; skipped where they are absent.

mod support;

use cohort_eval::{AuditSettings, Metric, Verdict, audit, reference_evaluation};
use cohort_tables::{LabelTable, Predictions};
use support::first_impressions;

fn read(folder: &std::path::Path, name: &str) -> (Predictions, LabelTable) {
    let classes: Vec<String> = (1..=7).map(|class| class.to_string()).collect();
    let predictions =
        Predictions::read(&folder.join("predictions").join(name), Some(&classes)).unwrap();
    (
        predictions,
        LabelTable::read(&folder.join("test_set_age_labels.csv")).unwrap(),
    )
}

#[test]
fn the_reference_evaluation_is_reproduced_to_the_printed_digit() {
    let Some(folder) = first_impressions() else {
        return;
    };
    let (predictions, labels) = read(&folder, "multimodal.csv");
    let expected =
        std::fs::read_to_string(folder.join("predictions/multimodal.evaluate.txt")).unwrap();
    let found =
        reference_evaluation(&predictions, &labels, &AuditSettings::first_impressions()).unwrap();
    assert_eq!(found.trim_end(), expected.trim_end());
}

#[test]
fn a_model_without_skill_is_called_so_and_its_gaps_are_noise() {
    let Some(folder) = first_impressions() else {
        return;
    };
    let (predictions, labels) = read(&folder, "multimodal.csv");
    let settings = AuditSettings {
        resamples: 1000,
        permutations: 1000,
        ..AuditSettings::first_impressions()
    };
    let audit = audit(&predictions, &labels, &settings).unwrap();
    assert_eq!((audit.clips, audit.subjects), (1975, 612));
    assert_eq!(audit.skill.verdict, Verdict::NoSkill);
    let rounded = |value: f64| (value * 1e4).round() / 1e4;
    assert_eq!(rounded(audit.reference_bias.attributes["AgeGroup"]), 0.2519);
    assert_eq!(rounded(audit.reference_bias.average), 0.0922);
    assert_eq!(
        rounded(audit.metrics[&Metric::Accuracy].value().unwrap()),
        0.4218
    );
    assert_eq!(rounded(audit.skill.majority[&Metric::Accuracy]), 0.4922);
    assert!(
        audit
            .findings
            .iter()
            .all(|f| f.attribute == "Gender" || f.attribute == "Ethnicity")
    );
    let json = serde_json::to_string(&audit).unwrap();
    let back: cohort_eval::Audit = serde_json::from_str(&json).unwrap();
    assert_eq!(back.groups.len(), audit.groups.len());
}

#[test]
fn shuffled_rows_give_the_same_bytes() {
    let Some(folder) = first_impressions() else {
        return;
    };
    let (predictions, labels) = read(&folder, "image_with_probabilities.csv");
    let settings = AuditSettings {
        resamples: 200,
        permutations: 200,
        ..AuditSettings::first_impressions()
    };
    let n = predictions.len();
    // 977 and 1975 have no common divisor.
    let order: Vec<usize> = (0..n).map(|i| (i * 977 + 5) % n).collect();
    let shuffled = Predictions {
        names: order
            .iter()
            .map(|&i| predictions.names[i].clone())
            .collect(),
        classes: predictions.classes.clone(),
        truth: predictions
            .truth
            .as_ref()
            .map(|t| order.iter().map(|&i| t[i]).collect()),
        predicted: order.iter().map(|&i| predictions.predicted[i]).collect(),
        probabilities: Some(
            order
                .iter()
                .flat_map(|&i| predictions.row(i).unwrap().iter().copied())
                .collect(),
        ),
    };
    let text = |p: &Predictions, threads: usize| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(|| serde_json::to_string(&audit(p, &labels, &settings).unwrap()).unwrap())
    };
    assert_eq!(text(&predictions, 1), text(&shuffled, 2));
}
