//! The tables of an audit as Arrow's columns, with the names of its CSV files.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray, UInt64Array};
use cohort_eval::{Audit, Interval, Metric};

/// Named columns of one length.
pub(crate) type Columns = Vec<(&'static str, ArrayRef)>;

fn texts<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn some_texts<S: AsRef<str>>(values: impl IntoIterator<Item = Option<S>>) -> ArrayRef {
    Arc::new(StringArray::from_iter(values))
}

fn counts(values: impl IntoIterator<Item = usize>) -> ArrayRef {
    let values = values.into_iter().map(|value| value as u64);
    Arc::new(UInt64Array::from_iter_values(values))
}

/// What is not finite is not estimable, and null.
fn numbers(values: impl IntoIterator<Item = Option<f64>>) -> ArrayRef {
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
    Arc::new(values.into_iter().map(finite).collect::<Float64Array>())
}

/// A metric of some clips.
struct Row<'a> {
    unit: &'a str,
    attribute: &'a str,
    group: &'a str,
    name: &'a str,
    metric: Metric,
    interval: &'a Interval,
}

fn intervals(rows: &[Row<'_>]) -> Columns {
    let estimate = |row: &Row<'_>| row.interval.estimate().cloned();
    let caution = |row: &Row<'_>| match row.interval {
        Interval::Estimated(estimate) => estimate.caution.clone(),
        Interval::NotEstimable(none) => Some(none.reason.clone()),
    };
    let method = |row: &Row<'_>| row.interval.estimate().map(|e| e.method.name());
    vec![
        ("unit", texts(rows.iter().map(|row| row.unit))),
        ("attribute", texts(rows.iter().map(|row| row.attribute))),
        ("group", texts(rows.iter().map(|row| row.group))),
        ("name", texts(rows.iter().map(|row| row.name))),
        ("metric", texts(rows.iter().map(|row| row.metric.name()))),
        (
            "value",
            numbers(rows.iter().map(|row| row.interval.value())),
        ),
        (
            "low",
            numbers(rows.iter().map(|row| Some(estimate(row)?.low))),
        ),
        (
            "high",
            numbers(rows.iter().map(|row| Some(estimate(row)?.high))),
        ),
        (
            "standard_error",
            numbers(rows.iter().map(|row| Some(estimate(row)?.standard_error))),
        ),
        ("method", some_texts(rows.iter().map(method))),
        ("clips", counts(rows.iter().map(|row| row.interval.clips()))),
        (
            "subjects",
            counts(rows.iter().map(|row| row.interval.subjects())),
        ),
        ("caution", some_texts(rows.iter().map(caution))),
    ]
}

/// Every metric over everything, by clip and by subject.
pub(crate) fn metrics(audit: &Audit) -> Columns {
    let units = [
        ("clip", &audit.metrics),
        ("subject", &audit.subject_metrics),
    ];
    let rows = units.into_iter().flat_map(|(unit, metrics)| {
        metrics.iter().map(move |(&metric, interval)| Row {
            unit,
            attribute: "",
            group: "",
            name: "all",
            metric,
            interval,
        })
    });
    intervals(&rows.collect::<Vec<_>>())
}

/// Every metric of every group, by clip and by subject.
pub(crate) fn groups(audit: &Audit) -> Columns {
    let rows = audit.groups.iter().flat_map(|group| {
        let units = [("clip", &group.metrics), ("subject", &group.by_subject)];
        units.into_iter().flat_map(move |(unit, metrics)| {
            metrics.iter().map(move |(&metric, interval)| Row {
                unit,
                attribute: &group.attribute,
                group: &group.group,
                name: &group.name,
                metric,
                interval,
            })
        })
    });
    intervals(&rows.collect::<Vec<_>>())
}

/// Gaps between groups beside what chance gives.
pub(crate) fn disparities(audit: &Audit) -> Columns {
    let all = || audit.disparities.iter();
    vec![
        ("attribute", texts(all().map(|d| &d.attribute))),
        ("metric", texts(all().map(|d| d.metric.name()))),
        ("measure", texts(all().map(|d| d.measure.name()))),
        ("scheme", texts(all().map(|d| d.scheme.name()))),
        ("groups", counts(all().map(|d| d.groups))),
        ("subjects", counts(all().map(|d| d.subjects))),
        ("observed", numbers(all().map(|d| Some(d.observed)))),
        ("null_mean", numbers(all().map(|d| Some(d.null_mean)))),
        ("null_p95", numbers(all().map(|d| Some(d.null_p95)))),
        ("p_value", numbers(all().map(|d| Some(d.p_value)))),
        ("p_holm", numbers(all().map(|d| Some(d.p_holm)))),
        ("p_bh", numbers(all().map(|d| Some(d.p_bh)))),
        (
            "minimum_detectable",
            numbers(all().map(|d| d.minimum_detectable)),
        ),
    ]
}

/// Equal opportunity and equalised odds by class.
pub(crate) fn class_gaps(audit: &Audit) -> Columns {
    let all = || audit.class_gaps.iter();
    vec![
        ("attribute", texts(all().map(|gap| &gap.attribute))),
        ("class", texts(all().map(|gap| &gap.class))),
        ("name", texts(all().map(|gap| &gap.name))),
        (
            "true_positive_gap",
            numbers(all().map(|gap| gap.true_positive_gap)),
        ),
        (
            "true_positive_p",
            numbers(all().map(|gap| gap.true_positive_p)),
        ),
        (
            "false_positive_gap",
            numbers(all().map(|gap| gap.false_positive_gap)),
        ),
        (
            "false_positive_p",
            numbers(all().map(|gap| gap.false_positive_p)),
        ),
        (
            "equalised_odds",
            numbers(all().map(|gap| gap.equalised_odds)),
        ),
        ("p_holm", numbers(all().map(|gap| gap.p_holm))),
    ]
}

/// Disadvantages that are shown.
pub(crate) fn findings(audit: &Audit) -> Columns {
    let all = || audit.findings.iter();
    vec![
        ("attribute", texts(all().map(|f| &f.attribute))),
        ("group", texts(all().map(|f| &f.group))),
        ("name", texts(all().map(|f| &f.name))),
        ("metric", texts(all().map(|f| f.metric.name()))),
        ("class", some_texts(all().map(|f| f.class.as_ref()))),
        ("direction", texts(all().map(|f| &f.direction))),
        ("value", numbers(all().map(|f| Some(f.value)))),
        ("rest", numbers(all().map(|f| Some(f.rest)))),
        ("difference", numbers(all().map(|f| Some(f.difference)))),
        (
            "standard_error",
            numbers(all().map(|f| Some(f.standard_error))),
        ),
        ("rule", texts(all().map(|f| f.rule.name()))),
        ("clips", counts(all().map(|f| f.clips))),
        ("subjects", counts(all().map(|f| f.subjects))),
        ("p_value", numbers(all().map(|f| Some(f.p_value)))),
        ("p_holm", numbers(all().map(|f| Some(f.p_holm)))),
    ]
}

/// Differences to the second model over everything and by group; no row where there is none.
pub(crate) fn comparison(audit: &Audit) -> Columns {
    let mut rows = Vec::new();
    if let Some(found) = &audit.comparison {
        let all = [("", "", "all", &found.metrics)];
        let groups = found.groups.iter().map(|row| {
            (
                row.attribute.as_str(),
                row.group.as_str(),
                row.name.as_str(),
                &row.metrics,
            )
        });
        for (attribute, group, name, metrics) in all.into_iter().chain(groups) {
            rows.extend(metrics.iter().map(|(&metric, interval)| Row {
                unit: "clip",
                attribute,
                group,
                name,
                metric,
                interval,
            }));
        }
    }
    intervals(&rows)
}
