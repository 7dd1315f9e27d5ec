//! How good the model is for whom.

use cohort_eval::{Audit, Calibration, GroupConfusion, GroupRow, Interval, Metric};

use super::super::estimate::Estimate;
use super::super::figure::{BESIDE, THIRD, beside, column, figure, folded, grid};
use super::super::layout::Section;
use super::super::table::{Cell, Table};
use super::super::words::Words;
use crate::ReportError;
use crate::canvas::Style;
use crate::charts::{
    HeatMap, IntervalChart, IntervalRow, Reliability, ReliabilityBin, heatmap, intervals,
    reliability,
};
use crate::format;
use crate::markup::Markup;

/// Metrics of the tables of groups, where the audit gives them.
const SHOWN: [Metric; 7] = [
    Metric::Accuracy,
    Metric::BalancedAccuracy,
    Metric::QuadraticKappa,
    Metric::MaeGroups,
    Metric::MaeYears,
    Metric::WithinOne,
    Metric::SignedError,
];
/// Most columns of metrics beside the picture; the folded tables hold all.
const BESIDE_PICTURE: usize = 3;
/// Most classes of a picture of a group's confusion matrix.
const MOST_IN_MATRIX: usize = 12;

pub(in crate::page) fn section(
    audit: &Audit,
    words: &Words,
) -> Result<Option<Section>, ReportError> {
    // the classes of the target have sections of their own
    let others = audit.groups.iter();
    let others = others.filter(|row| row.attribute != audit.settings.target);
    let rows: Vec<GroupRow> = others.cloned().collect();
    let mut section = Section::new("groups", "How good it is for whom");
    section.lead(
        "Every group stays in the table, however small; where too little stands behind a number, it says so instead of giving \
         an interval.",
    );
    for attribute in attributes(&rows) {
        let members: Vec<&GroupRow> = rows.iter().filter(|r| r.attribute == attribute).collect();
        section.heading(attribute);
        let svg = accuracy_chart(audit, attribute, words, &Style::page(BESIDE));
        let (first, all) = (
            group_table(attribute, &members, words, Some(BESIDE_PICTURE)),
            group_table(attribute, &members, words, None),
        );
        beside(&mut section.body, |out| {
            figure(out, &svg, "", "Accuracy with its interval.");
            column(out, |out| first.write_beside(out));
        });
        let mut inside = Markup::new();
        all.write(&mut inside);
        confusions(&mut inside, audit, attribute, words)?;
        calibrations(&mut inside, audit, attribute, words);
        let summary = format!("Every metric, confusion and calibration by {attribute}");
        folded(&mut section.body, &summary, |out| {
            out.append(&inside);
        });
    }
    if rows.is_empty() {
        return Ok(None);
    }
    let shown = SHOWN.iter();
    let shown = shown.filter(|metric| rows.iter().any(|row| row.metrics.contains_key(metric)));
    section.mentions(shown.map(|metric| metric.name()));
    section.mentions(["pooled", "not_estimable", "ece"]);
    Ok(Some(section))
}

/// How far stated confidence can be taken at its word, over everything.
pub(in crate::page) fn calibration(audit: &Audit, words: &Words) -> Option<Section> {
    let mut section = Section::new(
        "calibration",
        "Whether its confidence can be taken at its word",
    );
    let mut body = Markup::new();
    calibrations(&mut body, audit, "", words);
    if body.is_empty() {
        return None;
    }
    section.body.append(&body);
    section.mentions(["ece"]);
    Some(section)
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

/// The accuracy of an attribute's groups.
pub(super) fn accuracy_chart(
    audit: &Audit,
    attribute: &str,
    words: &Words,
    style: &Style,
) -> String {
    let overall = audit.metrics.get(&Metric::Accuracy);
    let overall = overall.and_then(Interval::value);
    let members = audit.groups.iter().filter(|r| r.attribute == attribute);
    let rows = members.map(|row| {
        let accuracy = row.metrics.get(&Metric::Accuracy);
        let estimate = accuracy.map(Estimate::from).unwrap_or_default();
        IntervalRow {
            label: super::named(&row.name, &row.group).to_owned(),
            note: words.counts(row.clips, row.subjects),
            value: estimate.value,
            interval: estimate.interval,
            colour: Some(0),
            ..IntervalRow::default()
        }
    });
    let all = format!("all {}", words.items());
    let chart = IntervalChart {
        title: format!("Accuracy by {attribute}"),
        description: "One row a group: the value as a dot, its interval as a line; the accuracy over all is dashed.".into(),
        rows: rows.collect(),
        reference: overall.map(|v| (v, format!("{all} {}", format::fixed(v, 3)))),
        decimals: 3,
        ..IntervalChart::default()
    };
    intervals(&chart, style)
}

/// At most `most` metrics; all of them, and what stands beside the accuracy, without that.
fn group_table(
    attribute: &str,
    members: &[&GroupRow],
    words: &Words,
    most: Option<usize>,
) -> Table {
    let mut shown: Vec<Metric> = SHOWN
        .into_iter()
        .filter(|m| members.iter().any(|r| r.metrics.contains_key(m)))
        .collect();
    shown.truncate(most.unwrap_or(SHOWN.len()));
    // Raw, pooled and by subject side by side, then the other metrics.
    let decided = format!("accuracy, by {}", words.unit());
    let beside: [(&str, fn(&GroupRow) -> Option<Estimate>); 2] =
        [("accuracy, pooled", pooled), (&decided, by_subject)];
    let beside: Vec<_> = beside
        .into_iter()
        .filter(|(name, _)| words.has_units() || *name != decided)
        .filter(|(_, of)| most.is_none() && members.iter().any(|r| of(r).is_some()))
        .collect();
    let (first, others) = shown.split_at(shown.len().min(1));
    let mut columns: Vec<String> = vec![attribute.to_owned()];
    columns.extend(words.count_columns());
    columns.extend(first.iter().map(|m| words.short(*m)));
    columns.extend(beside.iter().map(|(name, _)| name.to_string()));
    columns.extend(others.iter().map(|m| words.short(*m)));
    let mut table = Table::new("", 1, columns);
    for row in members {
        let mut cells = vec![Cell::from(super::named(&row.name, &row.group))];
        let counts = words.count_cells(row.clips, row.subjects);
        cells.extend(counts.into_iter().map(Cell::from));
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

fn confusions(
    out: &mut Markup,
    audit: &Audit,
    attribute: &str,
    words: &Words,
) -> Result<(), ReportError> {
    if audit.classes.len() > MOST_IN_MATRIX {
        return Ok(());
    }
    let mut drawn = Vec::new();
    for table in audit.confusion.iter().filter(|t| t.attribute == attribute) {
        drawn.push(confusion(audit, table, &Style::page(THIRD))?);
    }
    place(
        out,
        &drawn,
        &words.say("Clips, and their share of the row."),
    );
    Ok(())
}

/// Title and picture of one confusion matrix.
pub(super) fn confusion(
    audit: &Audit,
    table: &GroupConfusion,
    style: &Style,
) -> Result<(String, String), ReportError> {
    let classes = class_names(audit);
    let row = |row: &Vec<usize>| row.iter().map(|count| *count as f64).collect();
    let title = format!("Confusion, {}", super::named(&table.name, &table.group));
    let chart = HeatMap {
        title: title.clone(),
        description:
            "Rows are true classes, columns predicted ones; shaded by the share of the row.".into(),
        row_label: "true".into(),
        column_label: "predicted".into(),
        rows: classes.clone(),
        columns: classes,
        counts: table.counts.iter().map(row).collect(),
    };
    Ok((title, heatmap(&chart, style)?))
}

fn calibrations(out: &mut Markup, audit: &Audit, attribute: &str, words: &Words) {
    let own = audit
        .calibration
        .iter()
        .filter(|c| c.attribute == attribute);
    let drawn: Vec<(String, String)> = own
        .map(|row| calibration_chart(row, words, &Style::page(THIRD)))
        .collect();
    let caption =
        words.say("Share right against stated confidence; the larger the dot, the more clips.");
    place(out, &drawn, &caption);
}

/// Title and picture of one group's calibration, or of everything's.
pub(super) fn calibration_chart(
    row: &Calibration,
    words: &Words,
    style: &Style,
) -> (String, String) {
    let bins = row.bins.iter().filter_map(|bin| {
        Some(ReliabilityBin {
            confidence: bin.confidence,
            accuracy: bin.accuracy.value()?,
            count: bin.clips as u64,
        })
    });
    let title = if row.attribute.is_empty() {
        "Calibration".to_owned()
    } else {
        format!("Calibration, {}", super::named(&row.name, &row.group))
    };
    let chart = Reliability {
        title: title.clone(),
        description: words
            .say("Share right against stated confidence; larger dots stand for more clips."),
        bins: bins.collect(),
    };
    (title, reliability(&chart, style))
}

/// Several pictures in a grid.
fn place(out: &mut Markup, drawn: &[(String, String)], caption: &str) {
    if drawn.is_empty() {
        return;
    }
    grid(out, |out| {
        for (title, svg) in drawn {
            figure(out, svg, title, caption);
        }
    });
}
