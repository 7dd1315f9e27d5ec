//! How good the model is for whom.

use cohort_eval::{Audit, ClassError, GroupRow, Interval, Metric};

use super::super::figure::{figure, folded, grid};
use super::super::layout::Section;
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
const SHOWN: [Metric; 7] = [
    Metric::Accuracy,
    Metric::BalancedAccuracy,
    Metric::QuadraticKappa,
    Metric::MaeGroups,
    Metric::MaeYears,
    Metric::WithinOne,
    Metric::SignedError,
];

pub(super) fn section(audit: &Audit) -> Result<Option<Section>, ReportError> {
    let rows = &audit.groups;
    if rows.is_empty() {
        return Ok(None);
    }
    let mut section = Section::new("groups", "Groups", "How good it is for whom");
    section.lead(
        "Every group stays in the table, however small; where too few subjects stand behind a number, it says so instead of \
         giving an interval.",
    );
    let overall = audit.metrics.get(&Metric::Accuracy);
    let overall = overall.and_then(Interval::value);
    for attribute in attributes(rows) {
        let members: Vec<&GroupRow> = rows.iter().filter(|r| r.attribute == attribute).collect();
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
        error_curves(&mut section.body, audit, attribute)?;
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
    let shown = SHOWN.iter();
    let shown = shown.filter(|metric| rows.iter().any(|row| row.metrics.contains_key(metric)));
    section.mentions(shown.map(|metric| metric.name()));
    section.mentions(["pooled", "not_estimable", "ece"]);
    Ok(Some(section))
}

/// The attributes in the order of their first group.
fn attributes(rows: &[GroupRow]) -> Vec<&str> {
    let mut found = Vec::new();
    for row in rows {
        if !found.contains(&row.attribute.as_str()) {
            found.push(row.attribute.as_str());
        }
    }
    found
}

fn pooled(row: &GroupRow) -> Option<Estimate> {
    let pooled = row.pooled_accuracy.as_ref()?;
    Some(Estimate {
        value: Some(pooled.value),
        interval: Some((pooled.low, pooled.high)),
        ..Estimate::default()
    })
}

/// One decision for all clips of a subject.
fn by_subject(row: &GroupRow) -> Option<Estimate> {
    row.by_subject.get(&Metric::Accuracy).map(Estimate::from)
}

fn accuracy_chart(attribute: &str, members: &[&GroupRow], overall: Option<f64>) -> String {
    let rows = members.iter().map(|row| {
        let accuracy = row.metrics.get(&Metric::Accuracy);
        let estimate = accuracy.map(Estimate::from).unwrap_or_default();
        IntervalRow {
            label: super::named(&row.name, &row.group).to_owned(),
            note: read::of_clips(row.clips, row.subjects),
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

fn group_table(attribute: &str, members: &[&GroupRow]) -> Table {
    let shown: Vec<Metric> = SHOWN
        .into_iter()
        .filter(|m| members.iter().any(|r| r.metrics.contains_key(m)))
        .collect();
    // Raw, pooled and by subject side by side, then the other metrics.
    let beside: [(&str, fn(&GroupRow) -> Option<Estimate>); 2] = [
        ("accuracy, pooled", pooled),
        ("accuracy, by subject", by_subject),
    ];
    let beside: Vec<_> = beside
        .into_iter()
        .filter(|(_, of)| members.iter().any(|r| of(r).is_some()))
        .collect();
    let (first, others) = shown.split_at(shown.len().min(1));
    let mut columns: Vec<String> = vec![attribute.to_owned(), "clips".into(), "subjects".into()];
    columns.extend(first.iter().map(|m| m.short().to_owned()));
    columns.extend(beside.iter().map(|(name, _)| name.to_string()));
    columns.extend(others.iter().map(|m| m.short().to_owned()));
    let mut table = Table::new("", 1, columns);
    for row in members {
        let mut cells = vec![
            Cell::from(super::named(&row.name, &row.group)),
            read::count(row.clips).into(),
            read::count(row.subjects).into(),
        ];
        let cell = |estimate: Option<Estimate>| match estimate {
            Some(e) if e.value.is_none() => Cell::new(format::NONE).note("not estimable"),
            Some(e) => Cell::new(e.number(3)).note(e.range(3)),
            None => Cell::new(format::NONE),
        };
        cells.extend(
            first
                .iter()
                .map(|m| cell(row.metrics.get(m).map(Estimate::from))),
        );
        cells.extend(beside.iter().map(|(_, of)| cell(of(row))));
        cells.extend(
            others
                .iter()
                .map(|m| cell(row.metrics.get(m).map(Estimate::from))),
        );
        table.row(cells);
    }
    table
}

/// Names of the classes, in order.
fn class_names(audit: &Audit) -> Vec<String> {
    audit
        .classes
        .iter()
        .map(|class| class.name.clone())
        .collect()
}

/// Error against the true class, a line for each group.
fn error_curves(out: &mut Markup, audit: &Audit, attribute: &str) -> Result<(), ReportError> {
    let points: Vec<&ClassError> = audit
        .class_errors
        .iter()
        .filter(|p| p.attribute == attribute)
        .collect();
    let classes = class_names(audit);
    let accuracy = (Metric::Accuracy, "Share met by true group", "share met");
    let error = (Metric::MaeGroups, "Error by true group", "groups off");
    let ordered = |p: &&ClassError| p.metrics.contains_key(&Metric::MaeGroups);
    let panels = if points.iter().any(ordered) {
        vec![error, accuracy]
    } else {
        vec![accuracy]
    };
    let mut drawn = Vec::new();
    for (metric, title, unit) in panels {
        let mut series: Vec<LineSeries> = Vec::new();
        for point in &points {
            let group = super::named(&point.name, &point.group);
            let place = audit.classes.iter().position(|c| c.code == point.class);
            let place = place.ok_or_else(|| ReportError::Data {
                operation: "errors by class",
                expected: "the classes of the audit".into(),
                found: format!("{:?}", point.class),
            })?;
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
            let estimate = point.metrics.get(&metric).and_then(Interval::estimate);
            let last = series.len() - 1;
            series[last].points[place].1 = estimate.map_or(f64::NAN, |e| e.value);
        }
        if series.is_empty() || classes.len() < 2 {
            continue;
        }
        let chart = LineChart {
            title: format!("{title}, by {attribute}"),
            description: "One line a group; a gap means that the group has no such clip.".into(),
            y_label: unit.into(),
            series,
            categories: classes.clone(),
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
    Ok(())
}

fn confusions(out: &mut Markup, audit: &Audit, attribute: &str) -> Result<(), ReportError> {
    let classes = class_names(audit);
    let mut drawn = Vec::new();
    for table in audit.confusion.iter().filter(|t| t.attribute == attribute) {
        let row = |row: &Vec<usize>| row.iter().map(|count| *count as f64).collect();
        let counts: Vec<Vec<f64>> = table.counts.iter().map(row).collect();
        let title = if attribute.is_empty() {
            "Confusion".to_owned()
        } else {
            format!("Confusion, {}", super::named(&table.name, &table.group))
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

fn calibrations(out: &mut Markup, audit: &Audit, attribute: &str) {
    let own = audit
        .calibration
        .iter()
        .filter(|c| c.attribute == attribute);
    let drawn: Vec<(String, String)> = own
        .map(|row| {
            let bins = row.bins.iter().filter_map(|bin| {
                Some(ReliabilityBin {
                    confidence: bin.confidence,
                    accuracy: bin.accuracy.value()?,
                    count: bin.clips as u64,
                })
            });
            let bins = bins.collect();
            let title = if attribute.is_empty() {
                "Calibration".to_owned()
            } else {
                format!("Calibration, {}", super::named(&row.name, &row.group))
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
