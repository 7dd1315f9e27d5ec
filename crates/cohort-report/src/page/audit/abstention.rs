//! What happens when the model may decline.

use serde_json::Value;

use super::super::figure::{figure, grid};
use super::super::layout::Section;
use super::super::read::{self, Estimate};
use super::super::table::{Cell, Table};
use crate::ReportError;
use crate::canvas::Style;
use crate::charts::{LineChart, LineSeries, lines};
use crate::format;
use crate::scale::round_domain;

pub(super) fn section(audit: &Value) -> Result<Option<Section>, ReportError> {
    let curves = read::list(audit, "risk_coverage");
    let sets = audit.get("conformal").filter(|c| !c.is_null());
    if curves.is_empty() && sets.is_none() {
        return Ok(None);
    }
    let mut section = Section::new(
        "abstention",
        "Abstention",
        "What happens when the model may decline",
    );
    if let Some(lead) = curves
        .iter()
        .find(|c| attribute(c).is_empty())
        .and_then(lead)
    {
        section.lead(&lead);
    }
    risk(&mut section, curves);
    if let Some(sets) = sets {
        conformal(&mut section, sets);
    }
    section.mentions(["risk_coverage", "conformal"]);
    Ok(Some(section))
}

fn attribute(row: &Value) -> &str {
    read::text(row, "attribute").unwrap_or("")
}

fn name(row: &Value) -> &str {
    read::text(row, "name")
        .filter(|n| !n.is_empty())
        .unwrap_or("all clips")
}

/// Share of clips answered and share of the answers that are wrong, where enough subjects stand behind it.
fn points(curve: &Value) -> Vec<(f64, f64)> {
    read::list(curve, "points")
        .iter()
        .filter_map(|p| {
            let accuracy = Estimate::at(p, "accuracy").filter(|e| e.interval.is_some())?;
            Some((read::number(p, "coverage")?, 1.0 - accuracy.value?))
        })
        .collect()
}

fn lead(curve: &Value) -> Option<String> {
    let points = points(curve);
    let whole = points.last()?.1;
    let half = points
        .iter()
        .min_by(|a, b| (a.0 - 0.5).abs().total_cmp(&(b.0 - 0.5).abs()))?;
    Some(format!(
        "If the model answers every clip, {} of its answers are wrong. If it answers only the {} of which it is surest, {} \
         are.",
        format::percent(whole, 0),
        format::percent(half.0, 0),
        format::percent(half.1, 0)
    ))
}

fn risk(section: &mut Section, curves: &[Value]) {
    let mut attributes: Vec<&str> = Vec::new();
    for name in curves.iter().map(attribute) {
        if !attributes.contains(&name) {
            attributes.push(name);
        }
    }
    grid(&mut section.body, |out| {
        for of in attributes {
            let series: Vec<LineSeries> = curves
                .iter()
                .filter(|c| attribute(c) == of)
                .enumerate()
                .map(|(i, curve)| LineSeries {
                    name: name(curve).to_owned(),
                    points: points(curve),
                    colour: i,
                    ..LineSeries::default()
                })
                .collect();
            let heading = if of.is_empty() { "All clips" } else { of };
            let worst = series
                .iter()
                .flat_map(|s| &s.points)
                .map(|p| p.1)
                .fold(0.0, f64::max);
            let chart = LineChart {
                y_range: Some((0.0, round_domain(0.0, worst.max(0.05), 5).1)),
                title: format!("Risk and coverage, {heading}"),
                description:
                    "Share of answers that are wrong against the share of clips that are answered."
                        .into(),
                x_label: "share of clips answered".into(),
                y_label: "share wrong".into(),
                series,
                ..LineChart::default()
            };
            figure(out, &lines(&chart, &Style::page(340.0)), heading, "");
        }
    });
    section.body.tag("p").attr("class", "aside").text(
        "One confidence threshold holds for all clips, so a group's line that ends early on the left is one that the model \
         declines more often. Points with fewer than 5 subjects are left out.",
    );
}

fn conformal(section: &mut Section, sets: &Value) {
    let target = read::number(sets, "target").unwrap_or(0.9);
    section.heading("Prediction sets");
    let contiguous = if read::flag(sets, "contiguous") {
        "neighbouring "
    } else {
        ""
    };
    section.paragraph(&format!(
        "Instead of one group the model can name a set of {contiguous}groups, made to hold the true one for {} of a subject's \
         clips, on average over subjects (the table counts clips). With \
         one threshold for all, some groups of people may get less; with one for each, all should reach it.",
        format::percent(target, 0)
    ));
    let mut table = Table::new(
        "",
        2,
        [
            "attribute",
            "group",
            "one for all: covered",
            "groups in a set",
            "says nothing",
            "one for each: covered",
            "groups in a set",
            "says nothing",
        ],
    );
    let own = read::list(sets, "by_group");
    for row in read::list(sets, "marginal") {
        let same = |o: &&Value| {
            attribute(o) == attribute(row) && read::text(o, "group") == read::text(row, "group")
        };
        let mut cells = vec![Cell::from(attribute(row)), name(row).into()];
        cells.extend(coverage(Some(row), target));
        cells.extend(coverage(own.iter().find(same), target));
        table.row(cells);
    }
    table.write(&mut section.body);
    section.body.tag("p").attr("class", "aside").text(
        "Red: the whole interval lies below the target. Says nothing: the set holds every group.",
    );
}

fn coverage(row: Option<&Value>, target: f64) -> [Cell; 3] {
    let Some(row) = row else {
        return [(); 3].map(|()| Cell::new(format::NONE));
    };
    let covered = Estimate::at(row, "coverage").unwrap_or_default();
    let missed = covered.interval.is_some_and(|(_, high)| high < target);
    let number = |key| read::number(row, key).unwrap_or(f64::NAN);
    [
        Cell::new(covered.number(3))
            .note(covered.range(3))
            .class(if missed { "hit" } else { "" }),
        format::fixed(number("mean_size"), 2).into(),
        format::percent(number("whole"), 0).into(),
    ]
}
