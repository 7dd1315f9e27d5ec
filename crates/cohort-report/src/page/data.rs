//! Who is in the data.

use serde_json::Value;

use super::figure::{figure, folded, grid};
use super::layout::Section;
use super::read;
use super::table::{Cell, Table};
use crate::ReportError;
use crate::canvas::Style;
use crate::charts::{BarChart, BarSeries, bars, shared_maximum};
use crate::format;
use crate::markup::Markup;

pub(super) fn section(stats: &Value) -> Result<Section, ReportError> {
    let mut section = Section::new("data", "Data", "Who is in the data");
    let empty = Value::Null;
    let pooled = stats.get("pooled").unwrap_or(&empty);
    let counts = read::entries(pooled, "counts");
    if let Some(lead) = lead(pooled, read::text(stats, "target"), &counts) {
        section.lead(&lead);
    }
    splits(&mut section, stats);

    section.heading("Frequencies");
    let mut failed = None;
    grid(&mut section.body, |out| {
        for (attribute, levels) in &counts {
            match frequency_chart(attribute, levels) {
                Ok(svg) => figure(out, &svg, attribute, ""),
                Err(error) => failed = Some(error),
            }
        }
    });
    if let Some(error) = failed {
        return Err(error);
    }
    for table in read::list(pooled, "tables") {
        cross(&mut section.body, table, "", true)?;
    }
    for view in read::list(pooled, "without_majority") {
        let (attribute, left_out) = (
            read::text(view, "attribute").unwrap_or(""),
            read::text(view, "left_out").unwrap_or(""),
        );
        let without = format!(", without {attribute} {left_out}");
        let mut inside = Markup::new();
        for table in read::list(view, "tables") {
            cross(&mut inside, table, &without, true)?;
        }
        if !inside.is_empty() {
            let summary =
                format!("The same without {attribute} {left_out}, so that the rest can be read");
            folded(&mut section.body, &summary, |out| {
                out.append(&inside);
            });
        }
    }
    for (split, part) in read::entries(stats, "splits") {
        let mut inside = Markup::new();
        for table in read::list(part, "tables") {
            cross(&mut inside, table, &format!(", {split}"), false)?;
        }
        if !inside.is_empty() {
            folded(
                &mut section.body,
                &format!("Tables of the split {split}"),
                |out| {
                    out.append(&inside);
                },
            );
        }
    }
    Ok(section)
}

fn lead(pooled: &Value, target: Option<&str>, counts: &[(&str, &Value)]) -> Option<String> {
    let total = read::whole(pooled, "clips").filter(|c| *c > 0)?;
    let levels = |name: &str| {
        counts
            .iter()
            .find(|c| c.0 == name)
            .and_then(|c| c.1.as_array())
    };
    let target = target.or(counts.first().map(|c| c.0))?;
    let sizes: Vec<(&str, u64)> = levels(target)?
        .iter()
        .map(|l| {
            (
                read::text(l, "name").unwrap_or("?"),
                read::whole(l, "clips").unwrap_or(0),
            )
        })
        .collect();
    // The first of equals, in the order of the groups.
    let most = sizes.iter().rev().max_by_key(|s| s.1)?;
    let least = sizes.iter().min_by_key(|s| s.1)?;
    Some(format!(
        "The set holds {}. The largest group of {target} is {} with {} of the clips, the smallest {} with {}.",
        read::clips_and_subjects(pooled),
        most.0,
        format::percent(most.1 as f64 / total as f64, 0),
        least.0,
        read::counted(least.1, "clip"),
    ))
}

fn splits(section: &mut Section, stats: &Value) {
    let splits = read::entries(stats, "splits");
    if splits.is_empty() {
        return;
    }
    let mut table = Table::new(
        "Splits",
        1,
        ["split", "clips", "subjects", "clips a subject"],
    );
    let pooled = stats.get("pooled").map(|p| ("all", p));
    for (name, part) in splits.into_iter().chain(pooled) {
        let (clips, subjects) = (
            read::whole(part, "clips").unwrap_or(0),
            read::whole(part, "subjects").unwrap_or(0),
        );
        let class = if name == "all" { "faint" } else { "" };
        let each = clips as f64 / subjects as f64;
        table.marked_row(
            class,
            [
                name.to_owned(),
                format::count(clips),
                format::count(subjects),
                format::fixed(each, 1),
            ],
        );
    }
    table.write(&mut section.body);
}

fn frequency_chart(attribute: &str, levels: &Value) -> Result<String, ReportError> {
    let levels = levels.as_array().map_or(&[][..], Vec::as_slice);
    let chart = BarChart {
        title: format!("Clips by {attribute}"),
        description: "One bar a group; an open dot marks a group without a clip.".into(),
        categories: levels
            .iter()
            .map(|l| read::text(l, "name").unwrap_or("?").to_owned())
            .collect(),
        series: vec![BarSeries {
            name: String::new(),
            values: levels
                .iter()
                .map(|l| read::number(l, "clips").unwrap_or(f64::NAN))
                .collect(),
        }],
        y_label: "clips".into(),
        ..BarChart::default()
    };
    bars(&chart, &Style::page(350.0))
}

/// A table of the target by one or more attributes, with its bars, one panel a row, on one scale.
fn cross(out: &mut Markup, table: &Value, suffix: &str, charts: bool) -> Result<(), ReportError> {
    let by = read::names(table, "rows");
    let Some(column) = read::text(table, "column") else {
        return Ok(());
    };
    let cells = read::list(table, "cells");
    let row_name = |cell: &Value| {
        by.iter()
            .map(|b| read::text(cell, b).unwrap_or("?"))
            .collect::<Vec<_>>()
            .join(" · ")
    };
    // The cells come row after row; names keep their order.
    let (mut rows, mut columns): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for cell in cells {
        let name = row_name(cell);
        if rows.last() != Some(&name) && !rows.contains(&name) {
            rows.push(name);
        }
        let level = read::text(cell, column).unwrap_or("?").to_owned();
        if !columns.contains(&level) {
            columns.push(level);
        }
    }
    let width = columns.len();
    if width == 0 || cells.len() != rows.len() * width {
        return Ok(());
    }
    let title = format!("{column} by {}{suffix}", by.join(" and "));
    out.element("h3", &title);
    let mut shown = Table::new(
        "",
        1,
        std::iter::once(by.join(" · ")).chain(columns.iter().cloned()),
    );
    for (name, row) in rows.iter().zip(cells.chunks(width)) {
        let numbers = row.iter().map(cell);
        shown.row(std::iter::once(Cell::from(name.as_str())).chain(numbers));
    }
    shown.write(out);
    out.tag("p").attr("class", "aside").text(
        "Clips, and below them the difference to the largest group of the column and the subjects. Shaded: the largest. Hatched: nobody.",
    );
    if !charts {
        return Ok(());
    }
    let panels: Vec<BarChart> = rows
        .iter()
        .zip(cells.chunks(width))
        .map(|(name, row)| BarChart {
            title: format!("{column} of {name}{suffix}"),
            description: "One bar a group; all panels share one scale; an open dot marks a group without a clip.".into(),
            categories: columns.clone(),
            series: vec![BarSeries {
                name: String::new(),
                values: row.iter().map(|c| read::number(c, "clips").unwrap_or(f64::NAN)).collect(),
            }],
            ..BarChart::default()
        })
        .collect();
    let maximum = shared_maximum(&panels);
    let mut drawn = Vec::with_capacity(panels.len());
    for panel in panels {
        drawn.push(bars(
            &BarChart {
                maximum: Some(maximum),
                ..panel
            },
            &Style::page(330.0),
        )?);
    }
    grid(out, |out| {
        for (name, svg) in rows.iter().zip(&drawn) {
            figure(out, svg, name, "");
        }
    });
    Ok(())
}

fn cell(cell: &Value) -> Cell {
    let clips = read::whole(cell, "clips").unwrap_or(0);
    let subjects = read::whole(cell, "subjects").map(|s| format!("{} subj.", format::count(s)));
    let relative = read::number(cell, "relative_to_max");
    let percent = relative.filter(|r| *r < 0.0).map(|r| format::percent(r, 0));
    let note: Vec<String> = percent.into_iter().chain(subjects).collect();
    let class = match (clips, relative) {
        (0, _) => "empty",
        (_, Some(0.0)) => "max",
        _ => "",
    };
    Cell::new(format::count(clips))
        .note(note.join(" · "))
        .class(class)
}
