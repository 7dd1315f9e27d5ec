//! An audit of a made table, for the tests of the sections.

use cohort_eval::{
    Audit, AuditSettings, Compared, Estimate, Finding, Interval, Method, Rule, audit as of_tables,
};
use cohort_tables::{LabelColumn, LabelTable, Predictions};

/// 120 clips of 60 subjects, three classes, two groups.
pub(in crate::page) fn audit() -> Audit {
    let names: Vec<String> = (0..120).map(|row| format!("clip{row:03}")).collect();
    let truth: Vec<usize> = (0..120).map(|row| (row / 2 * 7 + row / 40) % 3).collect();
    let mut predicted = Vec::new();
    let mut probabilities = Vec::new();
    for (row, &class) in truth.iter().enumerate() {
        let guess = if (row * 5) % 7 < 5 {
            class
        } else {
            (row * 11) % 3
        };
        predicted.push(guess);
        let sure = 0.4 + 0.1 * ((row * 3) % 5) as f64;
        let p = (0..3).map(|k| if k == guess { sure } else { (1.0 - sure) / 2.0 });
        probabilities.extend(p);
    }
    let column = |name: &str, value: &dyn Fn(usize) -> String| LabelColumn {
        name: name.into(),
        values: (0..120).map(value).collect(),
    };
    let labels = LabelTable {
        names: names.clone(),
        columns: vec![
            column("UserID", &|row| format!("s{}", row / 2)),
            column("Side", &|row| ["left", "right"][row / 2 % 2].into()),
        ],
    };
    let predictions = Predictions {
        names,
        classes: ["a", "b", "c"].map(String::from).to_vec(),
        truth: Some(truth),
        predicted,
        probabilities: Some(probabilities),
    };
    let settings = AuditSettings {
        target: "Kind".into(),
        resamples: 100,
        permutations: 100,
        ..AuditSettings::default()
    };
    of_tables(&predictions, &labels, &settings).unwrap()
}

/// A disadvantage.
pub(in crate::page) fn finding() -> Finding {
    Finding {
        attribute: "Gender".into(),
        group: "2".into(),
        name: "Female".into(),
        metric: Compared::Accuracy,
        class: None,
        class_name: None,
        direction: "worse".into(),
        value: 0.61,
        rest: 0.82,
        difference: -0.21,
        standard_error: 0.04,
        rule: Rule::Studentised,
        clips: 140,
        subjects: 41,
        p_value: 0.0001,
        p_holm: 0.0002,
    }
}

/// An interval of 1 to either side.
pub(in crate::page) fn interval(value: f64) -> Interval {
    Interval::Estimated(Estimate {
        value,
        low: value - 1.0,
        high: value + 1.0,
        method: Method::ClusterRobustT,
        standard_error: 0.5,
        clips: 9,
        subjects: 6,
        debiased: None,
        caution: None,
    })
}
