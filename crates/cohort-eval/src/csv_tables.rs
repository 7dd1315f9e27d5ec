//! The audit's tables as CSV, for those who go on in a spreadsheet or in R.

use cohort_tables::csv_line;

use crate::{Audit, Interval, Metric};

impl Audit {
    /// File names and contents: `metrics.csv` (every metric of every group, one row each), `disparities.csv`,
    /// `class_gaps.csv` and `findings.csv`, and `selection.csv` where a favourable class is named. Numbers are written in full; empty fields are not estimable.
    pub fn to_csv(&self) -> Vec<(&'static str, String)> {
        let mut tables = vec![
            ("metrics.csv", self.metrics_csv()),
            ("disparities.csv", self.disparities_csv()),
            ("class_gaps.csv", self.class_gaps_csv()),
            ("findings.csv", self.findings_csv()),
        ];
        let selection = self.selection.as_ref();
        tables.extend(selection.map(|found| ("selection.csv", found.csv())));
        tables
    }

    fn metrics_csv(&self) -> String {
        let mut rows = vec![text(&[
            "unit",
            "attribute",
            "group",
            "name",
            "metric",
            "value",
            "low",
            "high",
            "method",
            "clips",
            "subjects",
            "caution",
        ])];
        let mut add = |head: [&str; 4], metric: &Metric, interval: &Interval| {
            let mut row = text(&head);
            row.push(metric.name().into());
            row.push(interval.value().map_or_else(String::new, number));
            match interval {
                Interval::Estimated(e) => {
                    row.extend([number(e.low), number(e.high), e.method.name().into()]);
                }
                Interval::NotEstimable(_) => row.extend(text(&["", "", "not_estimable"])),
            }
            row.push(interval.clips().to_string());
            row.push(interval.subjects().to_string());
            row.push(match interval {
                Interval::Estimated(e) => e.caution.clone().unwrap_or_default(),
                Interval::NotEstimable(none) => none.reason.clone(),
            });
            rows.push(row);
        };
        for (metric, interval) in &self.metrics {
            add(["clip", "", "", "all"], metric, interval);
        }
        for (metric, interval) in &self.subject_metrics {
            add(["subject", "", "", "all"], metric, interval);
        }
        for group in &self.groups {
            for (metric, interval) in &group.metrics {
                add(
                    ["clip", &group.attribute, &group.group, &group.name],
                    metric,
                    interval,
                );
            }
        }
        write(&rows)
    }

    fn disparities_csv(&self) -> String {
        let mut rows = vec![text(&[
            "attribute",
            "metric",
            "measure",
            "scheme",
            "groups",
            "subjects",
            "observed",
            "null_mean",
            "null_p95",
            "p_value",
            "p_holm",
            "p_bh",
            "minimum_detectable",
        ])];
        for d in &self.disparities {
            let mut row = vec![
                d.attribute.clone(),
                d.metric.name().into(),
                d.measure.name().into(),
                d.scheme.name().into(),
                d.groups.to_string(),
                d.subjects.to_string(),
            ];
            row.extend(
                [
                    d.observed,
                    d.null_mean,
                    d.null_p95,
                    d.p_value,
                    d.p_holm,
                    d.p_bh,
                ]
                .map(number),
            );
            row.push(d.minimum_detectable.map_or_else(String::new, number));
            rows.push(row);
        }
        write(&rows)
    }

    fn class_gaps_csv(&self) -> String {
        let mut rows = vec![text(&[
            "attribute",
            "class",
            "name",
            "true_positive_gap",
            "true_positive_p",
            "false_positive_gap",
            "false_positive_p",
            "equalised_odds",
            "p_holm",
        ])];
        for gap in &self.class_gaps {
            let mut row = vec![gap.attribute.clone(), gap.class.clone(), gap.name.clone()];
            row.extend(
                [
                    gap.true_positive_gap,
                    gap.true_positive_p,
                    gap.false_positive_gap,
                    gap.false_positive_p,
                    gap.equalised_odds,
                    gap.p_holm,
                ]
                .map(|value| value.map_or_else(String::new, number)),
            );
            rows.push(row);
        }
        write(&rows)
    }

    fn findings_csv(&self) -> String {
        let mut rows = vec![text(&[
            "attribute",
            "group",
            "name",
            "metric",
            "direction",
            "value",
            "rest",
            "difference",
            "standard_error",
            "clips",
            "subjects",
            "p_value",
            "p_holm",
            "class",
            "rule",
        ])];
        for f in &self.findings {
            let mut row = vec![
                f.attribute.clone(),
                f.group.clone(),
                f.name.clone(),
                f.metric.name().into(),
                f.direction.clone(),
            ];
            row.extend([f.value, f.rest, f.difference, f.standard_error].map(number));
            row.extend([f.clips.to_string(), f.subjects.to_string()]);
            row.extend([f.p_value, f.p_holm].map(number));
            row.extend([f.class.clone().unwrap_or_default(), f.rule.name().into()]);
            rows.push(row);
        }
        write(&rows)
    }
}

fn text(cells: &[&str]) -> Vec<String> {
    cells.iter().map(ToString::to_string).collect()
}

fn number(value: f64) -> String {
    if value.is_finite() {
        value.to_string()
    } else {
        String::new()
    }
}

fn write(rows: &[Vec<String>]) -> String {
    rows.iter().map(csv_line).collect()
}
