//! Selection rates and demographic parity: against Fairlearn's values, and what intervals and chance levels claim.

use cohort_eval::{Audit, AuditSettings, EvalError, FourFifths, Interval, SelectionMeasure, audit};
use cohort_tables::{LabelColumn, LabelTable, Predictions};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/selection.json")).unwrap()
}

/// Clip, subject, values of columns, truth, prediction.
struct Row {
    clip: String,
    subject: String,
    groups: Vec<String>,
    truth: usize,
    predicted: usize,
}

fn audited(rows: &[Row], columns: &[&str], settings: &AuditSettings) -> Result<Audit, EvalError> {
    let names: Vec<String> = rows.iter().map(|row| row.clip.clone()).collect();
    let column = |name: &str, values: Vec<String>| LabelColumn {
        name: name.into(),
        values,
    };
    let mut labels = LabelTable {
        names: names.clone(),
        columns: vec![column(
            "UserID",
            rows.iter().map(|row| row.subject.clone()).collect(),
        )],
    };
    for (i, name) in columns.iter().enumerate() {
        let values = rows.iter().map(|row| row.groups[i].clone());
        labels.columns.push(column(name, values.collect()));
    }
    let predictions = Predictions {
        names,
        classes: vec!["denied".into(), "approved".into()],
        truth: Some(rows.iter().map(|row| row.truth).collect()),
        predicted: rows.iter().map(|row| row.predicted).collect(),
        probabilities: None,
    };
    audit(&predictions, &labels, settings)
}

fn settings() -> AuditSettings {
    AuditSettings {
        favourable: Some("approved".into()),
        ordered: false,
        resamples: 400,
        permutations: 400,
        ..AuditSettings::default()
    }
}

fn golden_rows(golden: &Value) -> Vec<Row> {
    let text = |value: &Value| value.as_str().unwrap().to_string();
    let number = |value: &Value| value.as_u64().unwrap() as usize;
    let rows = golden["rows"].as_array().unwrap().iter();
    rows.map(|row| Row {
        clip: text(&row[0]),
        subject: text(&row[1]),
        groups: vec![text(&row[2]), text(&row[3])],
        truth: number(&row[4]),
        predicted: number(&row[5]),
    })
    .collect()
}

#[test]
fn values_are_fairlearns() {
    let golden = golden();
    let rows = golden_rows(&golden);
    let found = audited(&rows, &["sex", "region"], &settings()).unwrap();
    let selection = found.selection.unwrap();
    let close = |interval: &Interval, expected: &Value| {
        let (found, expected) = (interval.value().unwrap(), expected.as_f64().unwrap());
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    };
    close(&selection.selection_rate, &golden["selection_rate"]);
    let truth = rows.iter().filter(|row| row.truth == 1).count() as f64 / rows.len() as f64;
    assert!((selection.base_rate.value().unwrap() - truth).abs() < 1e-12);
    assert_eq!(selection.attributes.len(), 2);
    for attribute in &selection.attributes {
        let expected = &golden["values"][&attribute.attribute];
        for group in &attribute.groups {
            close(
                &group.selection_rate,
                &expected["selection_rate"][&group.group],
            );
        }
        close(
            &attribute.difference,
            &expected[SelectionMeasure::Difference.name()],
        );
        close(&attribute.ratio, &expected[SelectionMeasure::Ratio.name()]);
        let rate = |code: &Option<String>| {
            let group = attribute
                .groups
                .iter()
                .find(|group| Some(&group.group) == code.as_ref());
            group.unwrap().selection_rate.value().unwrap()
        };
        let ratio = rate(&attribute.lowest) / rate(&attribute.highest);
        assert!((ratio - attribute.ratio.value().unwrap()).abs() < 1e-12);
        for interval in [&attribute.difference, &attribute.ratio] {
            let found = interval.estimate().unwrap();
            assert!(
                0.0 <= found.low
                    && found.low <= found.value
                    && found.value <= found.high
                    && found.high <= 1.0
            );
        }
    }
}

#[test]
fn only_where_a_favourable_class_is_named() {
    let rows = golden_rows(&golden());
    let without = AuditSettings {
        favourable: None,
        ..settings()
    };
    let found = audited(&rows, &["sex", "region"], &without).unwrap();
    assert_eq!(found.selection, None);
    let document = serde_json::to_value(&found).unwrap();
    assert!(
        document.get("selection").is_none() && document["settings"].get("favourable").is_none()
    );
    assert!(!found.to_text().contains("FAVOURABLE"));
    let with = audited(&rows, &["sex", "region"], &settings()).unwrap();
    // nothing else changes by it
    let mut same = with.clone();
    same.selection = None;
    same.settings.favourable = None;
    assert_eq!(same, found);
    assert!(
        with.to_text()
            .contains("WHO IS GIVEN approved, THE FAVOURABLE CLASS")
    );
    let read: Audit = serde_json::from_value(serde_json::to_value(&with).unwrap()).unwrap();
    assert_eq!(read, with);
    let wrong = AuditSettings {
        favourable: Some("aproved".into()),
        ..settings()
    };
    let error = audited(&rows, &["sex", "region"], &wrong)
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "setting favourable: expected one of the classes, found aproved (did you mean approved?); there are denied, approved"
    );
}

/// A linear congruential generator: draws that anybody can repeat.
struct Draw(u64);

impl Draw {
    fn unit(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Subjects in groups of these rates, `clips` alike answers each to the degree `alike`.
fn drawn(draw: &mut Draw, rates: &[f64], subjects: usize, clips: usize, alike: f64) -> Vec<Row> {
    let mut rows = Vec::new();
    for (group, &rate) in rates.iter().enumerate() {
        for subject in 0..subjects {
            let own = draw.unit() < rate;
            for clip in 0..clips {
                let given = match draw.unit() < alike {
                    true => own,
                    false => draw.unit() < rate,
                };
                rows.push(Row {
                    clip: format!("g{group}s{subject}c{clip}"),
                    subject: format!("g{group}s{subject}"),
                    groups: vec![format!("g{group}")],
                    truth: usize::from(draw.unit() < 0.5),
                    predicted: usize::from(given),
                });
            }
        }
    }
    rows
}

#[test]
fn intervals_hold_the_true_difference_and_ratio_as_often_as_they_say() {
    let quick = AuditSettings {
        resamples: 100,
        permutations: 100,
        ..settings()
    };
    let mut draw = Draw(7);
    // two groups that differ, three of which two are alike, two that are alike, a rare class
    let worlds: [(&[f64], usize); 4] = [
        (&[0.6, 0.4], 50),
        (&[0.5, 0.5, 0.3], 40),
        (&[0.4, 0.4], 50),
        (&[0.9, 0.08], 60),
    ];
    for (rates, subjects) in worlds {
        let least = rates.iter().copied().fold(1.0, f64::min);
        let most = rates.iter().copied().fold(0.0, f64::max);
        let (mut difference, mut ratio, runs) = (0, 0, 120);
        for _ in 0..runs {
            let rows = drawn(&mut draw, rates, subjects, 3, 0.7);
            let found = audited(&rows, &["group"], &quick)
                .unwrap()
                .selection
                .unwrap();
            let holds = |interval: &Interval, truth: f64| {
                interval
                    .estimate()
                    .is_none_or(|found| found.low - 1e-12 <= truth && truth <= found.high + 1e-12)
            };
            difference += usize::from(holds(&found.attributes[0].difference, most - least));
            ratio += usize::from(holds(&found.attributes[0].ratio, least / most));
        }
        // of 120 runs at 95 %, fewer than 106 would happen once in a thousand times
        assert!(
            difference >= 106 && ratio >= 106,
            "{rates:?}: {difference} and {ratio} of {runs}"
        );
    }
}

#[test]
fn chance_level_and_four_fifths_say_what_the_data_can_tell() {
    let mut draw = Draw(11);
    let far = drawn(&mut draw, &[0.8, 0.3], 120, 2, 0.5);
    let found = audited(&far, &["group"], &settings())
        .unwrap()
        .selection
        .unwrap();
    let attribute = &found.attributes[0];
    assert_eq!(attribute.four_fifths, FourFifths::Below);
    assert_eq!(
        (attribute.lowest.as_deref(), attribute.highest.as_deref()),
        (Some("g1"), Some("g0"))
    );
    let chance = attribute.by_chance.as_ref().unwrap();
    assert!(chance.p_value < 0.01 && chance.difference_p95 < attribute.difference.value().unwrap());
    let alike = drawn(&mut draw, &[0.5, 0.5], 15, 2, 0.5);
    let found = audited(&alike, &["group"], &settings())
        .unwrap()
        .selection
        .unwrap();
    let attribute = &found.attributes[0];
    let chance = attribute.by_chance.as_ref().unwrap();
    // a gap that chance makes too: the control stands beside it
    assert!(
        chance.difference_mean > 0.03 && chance.ratio_mean.unwrap() < 0.95,
        "{chance:?}"
    );
    assert_eq!(attribute.four_fifths, FourFifths::Open);
    // a group of three subjects is shown and not compared
    let mut few = drawn(&mut draw, &[0.5, 0.5], 20, 2, 0.5);
    few.extend(
        drawn(&mut draw, &[0.0, 0.0, 1.0], 3, 2, 1.0)
            .into_iter()
            .filter(|row| row.groups[0] == "g2"),
    );
    let found = audited(&few, &["group"], &settings())
        .unwrap()
        .selection
        .unwrap();
    let attribute = &found.attributes[0];
    assert_eq!(
        (attribute.groups.len(), attribute.groups[2].to_highest),
        (3, None)
    );
    assert!(attribute.highest.as_deref() != Some("g2"));
    let alone: Vec<Row> = drawn(&mut draw, &[0.5], 20, 2, 0.5);
    let found = audited(&alone, &["group"], &settings())
        .unwrap()
        .selection
        .unwrap();
    assert_eq!(found.attributes[0].four_fifths, FourFifths::NotEstimable);
    assert!(found.attributes[0].by_chance.is_none());
}
