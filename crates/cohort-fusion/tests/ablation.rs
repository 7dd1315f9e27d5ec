//! Ablation from the outside: shares that add up, rows that are named, joint models beside late fusion.
#![allow(clippy::unwrap_used)]

mod common;

use cohort_eval::{IntervalSettings, Metric};
use cohort_fusion::{
    Ablation, AblationSettings, Family, Fit, FusionRule, FusionSettings, JointModel, Shares, ablate,
};
use cohort_tables::Nouns;

use common::{NOISE, rows, study};

fn quick(groups: &[&str]) -> AblationSettings {
    AblationSettings {
        intervals: IntervalSettings {
            resamples: 200,
            ..IntervalSettings::default()
        },
        groups: groups.iter().map(|g| g.to_string()).collect(),
    }
}

fn shares<'a>(found: &'a Ablation, metric: &str, group: Option<&str>) -> &'a Shares {
    found
        .shares
        .iter()
        .find(|s| s.family == "late" && s.metric == metric && s.group.as_deref() == group)
        .unwrap()
}

fn value(found: &Ablation, row: &str, metric: &str) -> f64 {
    let row = found.rows.iter().find(|r| r.name == row).unwrap();
    row.figures
        .iter()
        .find(|f| f.metric == metric)
        .unwrap()
        .value
        .value()
        .unwrap()
}

#[test]
fn all_rows_are_there_and_shares_rank_the_planted_modalities() {
    for seed in 0..5 {
        let made = study(250, 250, seed);
        let settings = FusionSettings::default();
        let found = ablate(
            &made.modalities,
            &[],
            Some(&made.labels),
            &settings,
            &quick(&["Gender"]),
        )
        .unwrap();
        let count = |family| found.rows.iter().filter(|r| r.family == family).count();
        assert_eq!(
            [
                Family::Baseline,
                Family::Single,
                Family::Late,
                Family::LateUnchanged,
                Family::Reference
            ]
            .map(count),
            [1, 3, 7, 3, 3]
        );
        assert_eq!(found.full, "audio + image + text");
        for metric in ["balanced_accuracy", "quadratic_kappa", "macro_mae", "nll"] {
            let shares = shares(&found, metric, None);
            let part = |name: &str| {
                shares
                    .parts
                    .iter()
                    .find(|p| p.modality == name)
                    .unwrap()
                    .value
            };
            let [(face, _), (voice, _), (words, _)] = NOISE;
            if metric != "nll" {
                assert!(
                    part(face) > part(voice) && part(voice) > part(words),
                    "{seed} {shares:?}"
                );
            }
            let sum: f64 = shares.parts.iter().map(|p| p.value).sum();
            let gain = value(&found, &found.full, metric) - value(&found, "majority", metric);
            let better = if matches!(metric, "macro_mae" | "nll") {
                -gain
            } else {
                gain
            };
            assert!((sum - better).abs() < 1e-9, "{metric}: {sum} {better}");
        }
        let men = shares(&found, "balanced_accuracy", Some("1"));
        let women = shares(&found, "balanced_accuracy", Some("2"));
        assert_eq!(men.clips + women.clips, found.clips);
        assert_eq!(men.subjects + women.subjects, found.subjects);
    }
}

#[test]
fn copies_of_a_modality_get_equal_shares() {
    let mut modalities = study(120, 120, 11).modalities;
    modalities.truncate(2);
    let mut copy = modalities[0].clone();
    copy.name = "image again".into();
    modalities.push(copy);
    for rule in [
        FusionRule::SumLogits,
        FusionRule::FittedWeights {
            fit: Fit::Metric(Metric::BalancedAccuracy),
        },
    ] {
        let settings = FusionSettings {
            rule,
            ..FusionSettings::default()
        };
        let found = ablate(&modalities, &[], None, &settings, &quick(&[])).unwrap();
        for shares in &found.shares {
            let part = |name: &str| {
                shares
                    .parts
                    .iter()
                    .find(|p| p.modality == name)
                    .unwrap()
                    .value
            };
            assert!(
                (part("image") - part("image again")).abs() < 1e-9,
                "{shares:?}"
            );
        }
        assert!(
            found.rows.iter().all(|r| r.family != Family::Reference),
            "other modalities"
        );
    }
}

#[test]
fn rows_and_modalities_in_any_order_give_the_same_bytes() {
    let plain = study(60, 50, 12);
    let mut mixed: Vec<_> = plain.modalities.iter().rev().cloned().collect();
    for modality in &mut mixed {
        let back: Vec<usize> = (0..modality.test.len()).rev().collect();
        modality.test = rows(&modality.test, &back);
    }
    let settings = FusionSettings::default();
    let json = |modalities: &[_]| {
        let found = ablate(
            modalities,
            &[],
            Some(&plain.labels),
            &settings,
            &quick(&["Gender"]),
        );
        serde_json::to_string(&found.unwrap()).unwrap()
    };
    assert_eq!(json(&plain.modalities), json(&mixed));
}

#[test]
fn joint_models_stand_beside_late_fusion_and_get_shares_when_complete() {
    let made = study(80, 80, 13);
    let names = ["image", "audio", "text"];
    // The joint family answers with the first of its modalities.
    let joint: Vec<JointModel> = (1..8)
        .map(|mask: usize| {
            let members: Vec<usize> = (0..3).filter(|m| mask >> m & 1 == 1).collect();
            JointModel {
                family: "joint".into(),
                modalities: members.iter().map(|&m| names[m].to_string()).collect(),
                test: made.modalities[members[0]].test.clone(),
            }
        })
        .collect();
    let settings = FusionSettings::default();
    let found = ablate(&made.modalities, &joint, None, &settings, &quick(&[])).unwrap();
    assert_eq!(
        value(&found, "joint: audio + image + text", "accuracy"),
        value(&found, "image as it came", "accuracy")
    );
    let row = found
        .rows
        .iter()
        .find(|r| r.name == "joint: audio + image")
        .unwrap();
    let to_late = row.figures[0].to_late.as_ref().unwrap().value().unwrap();
    let expected =
        value(&found, &row.name, "accuracy") - value(&found, "audio + image", "accuracy");
    assert!((to_late - expected).abs() < 1e-12);
    assert!(found.shares.iter().any(|s| s.family == "joint"));
    let text = found.to_text(&Nouns::default());
    for wanted in [
        "Joint models less late fusion",
        "reference 1.2 image + 0.8 audio + 0.8 text",
        "Shapley values",
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    assert_eq!(
        found.to_csv().lines().count(),
        1 + found.rows.len() * found.metrics.len()
    );

    let partial = ablate(&made.modalities, &joint[..3], None, &settings, &quick(&[])).unwrap();
    assert!(
        partial.shares.iter().all(|s| s.family == "late"),
        "no shares without all subsets"
    );
    let refused = |change: fn(&mut JointModel)| {
        let mut one = joint[6].clone();
        change(&mut one);
        ablate(&made.modalities, &[one], None, &settings, &quick(&[]))
            .unwrap_err()
            .to_string()
    };
    for (error, expected) in [
        (
            refused(|j| j.modalities[0] = "smell".into()),
            "found joint of smell",
        ),
        (
            refused(|j| j.test.names[0] = "zz.mp4".into()),
            "and others, found 1: zz",
        ),
        (
            refused(|j| j.test.truth.as_mut().unwrap()[0] = 6),
            "and another, found 1: t0000.000",
        ),
        (
            refused(|j| j.modalities.clear()),
            "joint models of at least one modality",
        ),
    ] {
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn clips_without_a_subsets_modalities_are_answered_with_the_majority() {
    let mut made = study(80, 60, 14);
    let keep: Vec<usize> = (25..made.modalities[1].test.len()).collect();
    made.modalities[1].test = rows(&made.modalities[1].test, &keep);
    let found = ablate(
        &made.modalities,
        &[],
        None,
        &FusionSettings::default(),
        &quick(&[]),
    )
    .unwrap();
    let unanswered = |name: &str| {
        found
            .rows
            .iter()
            .find(|r| r.name == name)
            .unwrap()
            .unanswered
    };
    assert_eq!(unanswered("audio"), 25);
    assert_eq!(unanswered("audio as it came"), 25);
    assert_eq!(unanswered("audio + text"), 0);
    assert_eq!(found.missing["audio"], 25);
    let all: Vec<usize> = found
        .rows
        .iter()
        .map(|r| r.figures[0].value.clips())
        .collect();
    assert!(
        all.iter().all(|&n| n == found.clips),
        "every row answers the same clips"
    );
}
