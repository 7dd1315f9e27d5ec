//! What happens when the model may decline.

use cohort_eval::{Audit, Conformal, Interval, RiskCoverage, SetCoverage};

use super::super::figure::{figure, grid};
use super::super::layout::Section;
use super::super::read::Estimate;
use super::super::table::{Cell, Table};
use crate::canvas::Style;
use crate::charts::{LineChart, LineSeries, lines};
use crate::format;
use crate::scale::round_domain;

pub(super) fn section(audit: &Audit) -> Option<Section> {
    let curves = audit.risk_coverage.as_deref().unwrap_or_default();
    let sets = audit.conformal.as_ref();
    if curves.is_empty() && sets.is_none() {
        return None;
    }
    let mut section = Section::new(
        "abstention",
        "Abstention",
        "What happens when the model may decline",
    );
    if let Some(lead) = curves
        .iter()
        .find(|c| c.attribute.is_empty())
        .and_then(lead)
    {
        section.lead(&lead);
    }
    risk(&mut section, curves);
    if let Some(sets) = sets {
        conformal(&mut section, sets);
    }
    section.mentions(["risk_coverage", "conformal"]);
    Some(section)
}

fn name(name: &str) -> &str {
    super::named(name, "all clips")
}

/// Share of clips answered and share of the answers that are wrong, where enough subjects stand behind it.
fn points(curve: &RiskCoverage) -> Vec<(f64, f64)> {
    let points = curve.points.iter();
    points
        .filter_map(|p| {
            let accuracy = p.accuracy.as_ref().and_then(Interval::estimate)?;
            Some((p.coverage, 1.0 - accuracy.value))
        })
        .collect()
}

fn lead(curve: &RiskCoverage) -> Option<String> {
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

fn risk(section: &mut Section, curves: &[RiskCoverage]) {
    let mut attributes: Vec<&str> = Vec::new();
    for name in curves.iter().map(|c| c.attribute.as_str()) {
        if !attributes.contains(&name) {
            attributes.push(name);
        }
    }
    grid(&mut section.body, |out| {
        for of in attributes {
            let series: Vec<LineSeries> = curves
                .iter()
                .filter(|c| c.attribute == of)
                .enumerate()
                .map(|(i, curve)| LineSeries {
                    name: name(&curve.name).to_owned(),
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

fn conformal(section: &mut Section, sets: &Conformal) {
    let target = sets.target;
    section.heading("Prediction sets");
    let contiguous = if sets.contiguous { "neighbouring " } else { "" };
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
    for row in &sets.marginal {
        let same = |o: &&SetCoverage| o.attribute == row.attribute && o.group == row.group;
        let mut cells = vec![Cell::from(row.attribute.as_str()), name(&row.name).into()];
        cells.extend(coverage(Some(row), target));
        cells.extend(coverage(sets.by_group.iter().find(same), target));
        table.row(cells);
    }
    table.write(&mut section.body);
    section.body.tag("p").attr("class", "aside").text(
        "Red: the whole interval lies below the target. Says nothing: the set holds every group.",
    );
}

fn coverage(row: Option<&SetCoverage>, target: f64) -> [Cell; 3] {
    let Some(row) = row else {
        return [(); 3].map(|()| Cell::new(format::NONE));
    };
    let covered = Estimate::from(&row.coverage);
    let missed = covered.interval.is_some_and(|(_, high)| high < target);
    [
        Cell::new(covered.number(3))
            .note(covered.range(3))
            .class(if missed { "hit" } else { "" }),
        format::fixed(row.mean_size, 2).into(),
        format::percent(row.whole, 0).into(),
    ]
}
