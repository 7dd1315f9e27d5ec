//! How good the model is for whom.

use serde_json::Value;

use super::super::figure::{figure, folded, grid};
use super::super::layout::Section;
use super::super::metrics;
use super::super::read::{self, Estimate};
use super::super::table::{Cell, Table};
use crate::ReportError;
use crate::canvas::Style;
use crate::charts::{
    HeatMap, IntervalChart, IntervalRow, LineChart, LineSeries, Reliability, ReliabilityBin,
    heatmap, intervals, lines, reliability,
};
use crate::format;
use crate::markup::Markup;

/// Metrics of the table of groups, where the audit gives them.
const SHOWN: [&str; 7] = [
    "accuracy",
    "balanced_accuracy",
    "quadratic_kappa",
    "mae_groups",
    "mae_years",
    "within_one",
    "signed_error",
];

pub(super) fn section(audit: &Value) -> Result<Option<Section>, ReportError> {
    let rows = read::list(audit, "groups");
    if rows.is_empty() {
        return Ok(None);
    }
    let mut section = Section::new("groups", "Groups", "How good it is for whom");
    section.lead(
        "Every group stays in the table, however small; where too few subjects stand behind a number, it says so instead of \
         giving an interval.",
    );
    let overall = audit
        .get("metrics")
        .and_then(|m| Estimate::at(m, "accuracy"))
        .and_then(|e| e.value);
    for attribute in attributes(rows) {
        let members: Vec<&Value> = rows
            .iter()
            .filter(|r| read::text(r, "attribute") == Some(attribute))
            .collect();
        section.heading(attribute);
        let svg = accuracy_chart(attribute, &members, overall);
        let open = if members.iter().any(|r| pooled(r).is_some()) {
            " Open dots: partially pooled."
        } else {
            ""
        };
        figure(
            &mut section.body,
            &svg,
            "",
            &format!("Accuracy with its interval by subject.{open}"),
        );
        group_table(attribute, &members).write(&mut section.body);
        error_curves(&mut section.body, audit, attribute);
        let mut inside = Markup::new();
        confusions(&mut inside, audit, attribute)?;
        calibrations(&mut inside, audit, attribute);
        if !inside.is_empty() {
            folded(
                &mut section.body,
                &format!("Confusion and calibration by {attribute}"),
                |out| {
                    out.append(&inside);
                },
            );
        }
    }
    let mut all = Markup::new();
    confusions(&mut all, audit, "")?;
    calibrations(&mut all, audit, "");
    if !all.is_empty() {
        section.heading("All clips");
        grid(&mut section.body, |out| {
            out.append(&all);
        });
    }
    section.mentions(SHOWN);
    section.mentions(["pooled", "not_estimable", "ece"]);
    Ok(Some(section))
}

/// The attributes in the order of their first group.
fn attributes(rows: &[Value]) -> Vec<&str> {
    let mut found = Vec::new();
    for name in rows.iter().filter_map(|r| read::text(r, "attribute")) {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

fn name(row: &Value) -> &str {
    read::text(row, "name")
        .or_else(|| read::text(row, "group"))
        .unwrap_or("?")
}

fn pooled(row: &Value) -> Option<Estimate> {
    Estimate::at(row, "pooled_accuracy")
}

/// One decision for all clips of a subject.
fn by_subject(row: &Value) -> Option<Estimate> {
    Estimate::at(row.get("by_subject")?, "accuracy")
}

fn accuracy_chart(attribute: &str, members: &[&Value], overall: Option<f64>) -> String {
    let rows = members.iter().map(|row| {
        let estimate = Estimate::at(row, "accuracy").unwrap_or_default();
        IntervalRow {
            label: name(row).to_owned(),
            note: read::clips_and_subjects(row),
            value: estimate.value,
            interval: estimate.interval,
            second: pooled(row).and_then(|p| p.value),
            colour: Some(0),
            ..IntervalRow::default()
        }
    });
    let chart = IntervalChart {
        title: format!("Accuracy by {attribute}"),
        description: "One row a group: the value as a dot, its interval as a line, the partially pooled value as an open \
                      dot; the accuracy over all clips is dashed."
            .into(),
        rows: rows.collect(),
        reference: overall.map(|v| (v, format!("all clips {}", format::fixed(v, 3)))),
        decimals: 3,
        ..IntervalChart::default()
    };
    intervals(&chart, &Style::page(420.0))
}

fn group_table(attribute: &str, members: &[&Value]) -> Table {
    let shown: Vec<&str> = SHOWN
        .into_iter()
        .filter(|m| members.iter().any(|r| r.get(*m).is_some()))
        .collect();
    // Raw, pooled and by subject side by side, then the other metrics.
    let beside: [(&str, fn(&Value) -> Option<Estimate>); 2] = [
        ("accuracy, pooled", pooled),
        ("accuracy, by subject", by_subject),
    ];
    let beside: Vec<_> = beside
        .into_iter()
        .filter(|(_, of)| members.iter().any(|r| of(r).is_some()))
        .collect();
    let (first, others) = shown.split_at(shown.len().min(1));
    let mut columns: Vec<String> = vec![attribute.to_owned(), "clips".into(), "subjects".into()];
    columns.extend(first.iter().map(|m| metrics::short(m)));
    columns.extend(beside.iter().map(|(name, _)| name.to_string()));
    columns.extend(others.iter().map(|m| metrics::short(m)));
    let mut table = Table::new("", 1, columns);
    for row in members {
        let count =
            |key| read::whole(row, key).map_or_else(|| format::NONE.to_owned(), format::count);
        let mut cells = vec![
            Cell::from(name(row)),
            count("clips").into(),
            count("subjects").into(),
        ];
        let cell = |estimate: Option<Estimate>| match estimate {
            Some(e) if e.value.is_none() => Cell::new(format::NONE).note("not estimable"),
            Some(e) => Cell::new(e.number(3)).note(e.range(3)),
            None => Cell::new(format::NONE),
        };
        cells.extend(first.iter().map(|m| cell(Estimate::at(row, m))));
        cells.extend(beside.iter().map(|(_, of)| cell(of(row))));
        cells.extend(others.iter().map(|m| cell(Estimate::at(row, m))));
        table.row(cells);
    }
    table
}

/// Rows of a list of the audit that belong to an attribute; an empty one stands for all clips.
fn of_attribute<'a>(audit: &'a Value, key: &str, attribute: &str) -> Vec<&'a Value> {
    read::list(audit, key)
        .iter()
        .filter(|r| read::text(r, "attribute").unwrap_or("") == attribute)
        .collect()
}

/// Names of the classes, in order.
fn class_names(audit: &Value) -> Vec<(String, String)> {
    let text = |row: &Value, key| read::text(row, key).map(str::to_owned);
    let pair = |row| {
        (
            text(row, "code").unwrap_or_default(),
            text(row, "name").unwrap_or_default(),
        )
    };
    read::list(audit, "classes").iter().map(pair).collect()
}

/// Error against the true class, a line for each group.
fn error_curves(out: &mut Markup, audit: &Value, attribute: &str) {
    let points = of_attribute(audit, "class_errors", attribute);
    let classes = class_names(audit);
    let ordered = points.iter().any(|p| p.get("mae_groups").is_some());
    let panels = if ordered {
        vec![
            ("mae_groups", "Error by true group", "groups off"),
            ("accuracy", "Share met by true group", "share met"),
        ]
    } else {
        vec![("accuracy", "Share met by true group", "share met")]
    };
    let mut drawn = Vec::new();
    for (metric, title, unit) in panels {
        let mut series: Vec<LineSeries> = Vec::new();
        for point in &points {
            let group = name(point);
            let class = read::text(point, "class");
            let Some(place) = classes.iter().position(|c| Some(c.0.as_str()) == class) else {
                continue;
            };
            if series.last().is_none_or(|s| s.name != group) {
                let colour = series.len();
                let points = (0..classes.len()).map(|i| (i as f64, f64::NAN)).collect();
                series.push(LineSeries {
                    name: group.to_owned(),
                    colour,
                    points,
                    ..LineSeries::default()
                });
            }
            // What too few subjects stand behind is in the data, not in the picture.
            let value = Estimate::at(point, metric)
                .filter(|e| e.interval.is_some())
                .and_then(|e| e.value);
            if let Some(at) = series.last_mut().and_then(|s| s.points.get_mut(place)) {
                at.1 = value.unwrap_or(f64::NAN);
            }
        }
        if series.is_empty() || classes.len() < 2 {
            continue;
        }
        let chart = LineChart {
            title: format!("{title}, by {attribute}"),
            description: "One line a group; a gap means that the group has no such clip.".into(),
            y_label: unit.into(),
            series,
            categories: classes.iter().map(|c| c.1.clone()).collect(),
            ..LineChart::default()
        };
        drawn.push((title, lines(&chart, &Style::page(420.0))));
    }
    if !drawn.is_empty() {
        grid(out, |out| {
            for (title, svg) in &drawn {
                figure(
                    out,
                    svg,
                    title,
                    "Left out where fewer than 5 subjects stand behind a point.",
                );
            }
        });
    }
}

fn confusions(out: &mut Markup, audit: &Value, attribute: &str) -> Result<(), ReportError> {
    let classes: Vec<String> = class_names(audit).into_iter().map(|c| c.1).collect();
    let tables = of_attribute(audit, "confusion", attribute);
    let mut drawn = Vec::with_capacity(tables.len());
    for table in tables {
        let counts: Vec<Vec<f64>> = read::list(table, "counts")
            .iter()
            .map(|row| {
                row.as_array().map_or_else(Vec::new, |r| {
                    r.iter().map(|v| v.as_f64().unwrap_or(0.0)).collect()
                })
            })
            .collect();
        if counts.len() != classes.len() || counts.iter().any(|r| r.len() != classes.len()) {
            continue;
        }
        let title = if attribute.is_empty() {
            "Confusion".to_owned()
        } else {
            format!("Confusion, {}", name(table))
        };
        let chart = HeatMap {
            title: title.clone(),
            description:
                "Rows are true groups, columns predicted ones; shaded by the share of the row."
                    .into(),
            row_label: "true".into(),
            column_label: "predicted".into(),
            rows: classes.clone(),
            columns: classes.clone(),
            counts,
        };
        drawn.push((title, heatmap(&chart, &Style::page(440.0))?));
    }
    place(out, attribute, &drawn, "Clips, and their share of the row.");
    Ok(())
}

fn calibrations(out: &mut Markup, audit: &Value, attribute: &str) {
    let drawn: Vec<(String, String)> = of_attribute(audit, "calibration", attribute)
        .into_iter()
        .map(|row| {
            let bins = read::list(row, "bins").iter().map(|bin| ReliabilityBin {
                confidence: read::number(bin, "confidence").unwrap_or(f64::NAN),
                accuracy: Estimate::at(bin, "accuracy")
                    .and_then(|e| e.value)
                    .unwrap_or(f64::NAN),
                count: read::whole(bin, "clips").unwrap_or(0),
            });
            let bins = bins
                .filter(|b| b.confidence.is_finite() && b.accuracy.is_finite())
                .collect();
            let title = if attribute.is_empty() {
                "Calibration".to_owned()
            } else {
                format!("Calibration, {}", name(row))
            };
            let description =
                "Share met against stated confidence; larger dots stand for more clips.".to_owned();
            let chart = Reliability {
                title: title.clone(),
                description,
                bins,
            };
            (title, reliability(&chart, &Style::page(360.0)))
        })
        .collect();
    place(
        out,
        attribute,
        &drawn,
        "Share met against stated confidence; the larger the dot, the more clips.",
    );
}

/// One picture alone, several in a grid.
fn place(out: &mut Markup, attribute: &str, drawn: &[(String, String)], caption: &str) {
    let write = |out: &mut Markup| {
        for (title, svg) in drawn {
            figure(out, svg, title, caption);
        }
    };
    match (attribute, drawn.len()) {
        (_, 0) => {}
        // All clips: the caller holds the grid.
        ("", _) => write(out),
        _ => grid(out, write),
    }
}
