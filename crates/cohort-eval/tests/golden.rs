//! Point metrics equal scikit-learn's and Fairlearn's (`scripts/compare_sklearn_fairlearn.py` made the golden values).

mod support;

use cohort_eval::{Audit, AuditSettings, Measure, Metric, Sample, Scheme, audit, scores};
use cohort_tables::{LabelColumn, LabelTable, Predictions};
use serde_json::Value;
use support::first_impressions;

fn golden(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn numbers<T>(value: &Value, convert: impl Fn(&Value) -> Option<T>) -> Vec<T> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|value| convert(value).unwrap())
        .collect()
}

fn indices(value: &Value) -> Vec<usize> {
    numbers(value, |value| value.as_u64().map(|value| value as usize))
}

fn close(found: f64, expected: &Value, what: &str) {
    let expected = expected
        .as_f64()
        .unwrap_or_else(|| panic!("{what}: no golden value"));
    assert!(
        (found - expected).abs() < 1e-10,
        "{what}: {found} {expected}"
    );
}

/// Few random numbers: only point values are compared.
fn settings() -> AuditSettings {
    AuditSettings {
        resamples: 100,
        permutations: 100,
        ..AuditSettings::first_impressions()
    }
}

#[test]
fn metrics_of_a_made_sample() {
    let golden = golden(include_str!("golden/made.json"));
    let (truth, predicted) = (indices(&golden["truth"]), indices(&golden["predicted"]));
    let subject = indices(&golden["subject"]);
    let p = numbers(&golden["probabilities"], Value::as_f64);
    let midpoints = numbers(&golden["midpoints"], Value::as_f64);
    let sample = Sample::new(4, &truth, &predicted, &subject).unwrap();
    let sample = sample
        .with_probabilities(&p)
        .unwrap()
        .with_midpoints(&midpoints)
        .unwrap();
    for (metric, found) in Metric::ALL.iter().zip(scores(&Metric::ALL, &sample)) {
        close(
            found.unwrap(),
            &golden["metrics"][metric.name()],
            metric.name(),
        );
    }
}

#[test]
fn groups_and_gaps_of_a_made_sample() {
    let golden = golden(include_str!("golden/made.json"));
    let names: Vec<String> = (0..120).map(|row| format!("clip{row:03}")).collect();
    let group = numbers(&golden["group"], |value| value.as_str().map(String::from));
    let column = |name: &str, values: Vec<String>| LabelColumn {
        name: name.into(),
        values,
    };
    // A subject a clip, so that each clip keeps its own group.
    let labels = LabelTable {
        names: names.clone(),
        columns: vec![column("UserID", names.clone()), column("Group", group)],
    };
    let predictions = Predictions {
        names,
        classes: ["0", "1", "2", "3"].map(String::from).to_vec(),
        truth: Some(indices(&golden["truth"])),
        predicted: indices(&golden["predicted"]),
        probabilities: None,
    };
    let settings = AuditSettings {
        midpoints: None,
        ..settings()
    };
    let audit = audit(&predictions, &labels, &settings).unwrap();
    compare_groups(&audit, &golden["groups"], "Group");
}

/// Values, differences and ratios by group, and rate gaps by class.
fn compare_groups(audit: &Audit, golden: &Value, attribute: &str) {
    let golden = &golden[attribute];
    let metrics = [
        Metric::Accuracy,
        Metric::BalancedAccuracy,
        Metric::MaeGroups,
    ];
    for row in audit.groups.iter().filter(|row| row.attribute == attribute) {
        for metric in metrics {
            let what = format!("{attribute} {} {}", row.group, metric.name());
            let expected = &golden["by_group"][&row.group][metric.name()];
            close(row.metrics[&metric].value().unwrap(), expected, &what);
        }
    }
    for metric in metrics {
        let gap = |measure: Measure| {
            let same = |d: &&cohort_eval::Disparity| {
                (d.attribute.as_str(), d.metric, d.measure, d.scheme)
                    == (attribute, metric, measure, Scheme::Plain)
            };
            audit.disparities.iter().find(same).unwrap().observed
        };
        let what = format!("{attribute} {}", metric.name());
        close(
            gap(Measure::MaxMin),
            &golden["difference"][metric.name()],
            &what,
        );
        close(
            1.0 - gap(Measure::RatioShortfall),
            &golden["ratio"][metric.name()],
            &what,
        );
    }
    let mut compared = 0;
    for (class, gap) in audit
        .class_gaps
        .iter()
        .filter(|g| g.attribute == attribute)
        .enumerate()
    {
        let odds = &golden["odds"][class.to_string()];
        let what = format!("{attribute} class {class}");
        close(
            gap.false_positive_gap.unwrap(),
            &odds["false_positive_gap"],
            &what,
        );
        // Groups with fewer than 5 subjects of the class are left out here, but not by Fairlearn.
        let whole = audit
            .class_errors
            .iter()
            .filter(|row| row.attribute == attribute && row.class == gap.class)
            .all(|row| row.subjects >= 5);
        if whole {
            close(
                gap.true_positive_gap.unwrap(),
                &odds["true_positive_gap"],
                &what,
            );
            close(gap.equalised_odds.unwrap(), &odds["equalized_odds"], &what);
            compared += 1;
        }
    }
    assert!(compared >= 1, "{attribute}: no class is in every group");
}

#[test]
fn real_prediction_files() {
    let Some(folder) = first_impressions() else {
        return;
    };
    let golden = golden(include_str!("golden/real.json"));
    let labels = LabelTable::read(&folder.join("test_set_age_labels.csv")).unwrap();
    let classes: Vec<String> = (1..=7).map(|class| class.to_string()).collect();
    for (file, golden) in golden["files"].as_object().unwrap() {
        let path = folder.join("predictions").join(file);
        let predictions = Predictions::read(&path, Some(&classes)).unwrap();
        let audit = audit(&predictions, &labels, &settings()).unwrap();
        for (metric, expected) in golden["metrics"].as_object().unwrap() {
            let metric = Metric::from_name(metric).unwrap();
            close(
                audit.metrics[&metric].value().unwrap(),
                expected,
                &format!("{file} {metric:?}"),
            );
        }
        compare_groups(&audit, &golden["groups"], "Gender");
        compare_groups(&audit, &golden["groups"], "Ethnicity");
    }
}
