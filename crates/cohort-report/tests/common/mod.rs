//! Documents of a made set of clips, written by the stages themselves.

use std::collections::BTreeMap;

use cohort_eval::{Audit, AuditSettings, IntervalSettings, audit, compare};
use cohort_fusion::{
    Ablation, AblationSettings, FusionRecord, FusionSettings, ModelPredictions, ablate, fuse,
};
use cohort_tables::{LabelColumn, LabelTable, Predictions};

/// Clips of a split, two a subject.
const CLIPS: usize = 240;
const CLASSES: usize = 5;

fn hash(row: usize, salt: u64) -> f64 {
    let mut x = (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ salt.wrapping_mul(0xd1b5_4a32_d192_ed03);
    x ^= x >> 29;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 32;
    (x >> 11) as f64 / (1_u64 << 53) as f64
}

fn names(split: &str) -> Vec<String> {
    (0..CLIPS)
        .map(|row| format!("{split}{:03}.{}", row / 2, row % 2))
        .collect()
}

fn truth(row: usize) -> usize {
    (hash(row / 2, 1) * CLASSES as f64) as usize
}

fn is_female(row: usize) -> bool {
    row / 2 % 2 == 1
}

/// What a model says of a split: right with this chance, women less often.
fn predictions(split: &str, salt: u64, skill: f64) -> Predictions {
    let mut table = Predictions {
        names: names(split),
        classes: (1..=CLASSES).map(|class| class.to_string()).collect(),
        truth: Some((0..CLIPS).map(truth).collect()),
        predicted: Vec::new(),
        probabilities: None,
    };
    let mut p = Vec::new();
    for row in 0..CLIPS {
        let chance = if is_female(row) { 0.45 * skill } else { skill };
        let right = hash(row, salt) < chance;
        let other = (hash(row, salt + 1) * CLASSES as f64) as usize;
        let guess = if right { truth(row) } else { other };
        let sure = 0.3 + 0.6 * hash(row, salt + 2);
        table.predicted.push(guess);
        let rest = (1.0 - sure) / (CLASSES - 1) as f64;
        p.extend((0..CLASSES).map(|k| if k == guess { sure } else { rest }));
    }
    table.probabilities = Some(p);
    table
}

pub fn labels(split: &str) -> LabelTable {
    let column = |name: &str, value: &dyn Fn(usize) -> String| LabelColumn {
        name: name.into(),
        values: (0..CLIPS).map(value).collect(),
    };
    LabelTable {
        names: names(split),
        columns: vec![
            column("UserID", &|row| format!("{split}{:03}", row / 2)),
            column("AgeGroup", &|row| (truth(row) + 1).to_string()),
            column("Gender", &|row| {
                if is_female(row) { "2" } else { "1" }.into()
            }),
            column("Ethnicity", &|row| (1 + row / 2 % 3).to_string()),
        ],
    }
}

/// The audit of the image model beside the audio model.
pub fn audited() -> Audit {
    let settings = AuditSettings {
        resamples: 200,
        permutations: 400,
        midpoints: Some(vec![10.0, 16.0, 21.5, 28.5, 39.0]),
        scale: Some("years".into()),
        names: BTreeMap::from([(
            "Gender".to_string(),
            BTreeMap::from([("1", "Male"), ("2", "Female")].map(|(k, v)| (k.into(), v.into()))),
        )]),
        ..AuditSettings::default()
    };
    let (image, audio) = (predictions("test", 10, 0.9), predictions("test", 20, 0.4));
    let labels = labels("test");
    let mut document = audit(&image, &labels, &settings).unwrap();
    let comparison = compare(&image, &audio, "audio", &labels, &settings).unwrap();
    document.comparison = Some(comparison);
    document
}

/// The fusion of three models, and what each is worth.
pub fn fused() -> (FusionRecord, Ablation) {
    let modality = |name: &str, salt: u64, skill: f64| ModelPredictions {
        name: name.into(),
        valid: predictions("valid", salt + 100, skill),
        test: predictions("test", salt, skill),
    };
    let models = [
        modality("image", 10, 0.9),
        modality("audio", 20, 0.4),
        modality("text", 30, 0.2),
    ];
    let settings = FusionSettings::default();
    let record = fuse(&models, &settings).unwrap().record;
    let ablation = AblationSettings {
        intervals: IntervalSettings {
            resamples: 100,
            ..IntervalSettings::default()
        },
        groups: vec!["Gender".into()],
    };
    let table = ablate(&models, &[], Some(&labels("test")), &settings, &ablation).unwrap();
    (record, table)
}
