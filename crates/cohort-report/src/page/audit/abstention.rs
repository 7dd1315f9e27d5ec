//! What happens when the model may decline.

use cohort_eval::{Audit, Conformal, Interval, RiskCoverage, SetCoverage};

use super::super::estimate::Estimate;
use super::super::figure::{THIRD, figure, folded, grid};
use super::super::layout::Section;
use super::super::table::{Cell, Table};
use super::super::words::Words;
use crate::canvas::Style;
use crate::charts::{LineChart, LineSeries, lines};
use crate::format;
use crate::scale::round_domain;

pub(in crate::page) fn section(audit: &Audit, words: &Words) -> Option<Section> {
    let curves = audit.risk_coverage.as_deref().unwrap_or_default();
    let sets = audit.conformal.as_ref();
    if curves.is_empty() && sets.is_none() {
        return None;
    }
    let mut section = Section::new("abstention", "When the model may decline");
    if let Some(lead) = curves
        .iter()
        .find(|c| c.attribute.is_empty())
        .and_then(|curve| lead(curve, words))
    {
        section.lead(&lead);
    }
    risk(&mut section, curves, words);
    if let Some(sets) = sets {
        conformal(&mut section, sets, words);
    }
    section.mentions(["risk_coverage", "conformal"]);
    Some(section)
}

fn name(name: &str, words: &Words) -> String {
    match name {
        "" => format!("all {}", words.items()),
        name => name.to_owned(),
    }
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

fn lead(curve: &RiskCoverage, words: &Words) -> Option<String> {
    let points = points(curve);
    let whole = points.last()?.1;
    let half = points
        .iter()
        .min_by(|a, b| (a.0 - 0.5).abs().total_cmp(&(b.0 - 0.5).abs()))?;
    Some(format!(
        "If the model answers every {}, {} of its answers are wrong. If it answers only the {} of which it is surest, {} \
         are.",
        words.item(),
        format::percent(whole, 0),
        format::percent(half.0, 0),
        format::percent(half.1, 0)
    ))
}

fn risk(section: &mut Section, curves: &[RiskCoverage], words: &Words) {
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
                    name: name(&curve.name, words),
                    points: points(curve),
                    colour: i,
                    ..LineSeries::default()
                })
                .collect();
            let all = format!("All {}", words.items());
            let heading = if of.is_empty() { &all } else { of };
            let worst = series
                .iter()
                .flat_map(|s| &s.points)
                .map(|p| p.1)
                .fold(0.0, f64::max);
            let chart = LineChart {
                y_range: Some((0.0, round_domain(0.0, worst.max(0.05), 5).1)),
                title: format!("Risk and coverage, {heading}"),
                description: words.say(
                    "Share of answers that are wrong against the share of clips that are answered.",
                ),
                x_label: words.say("share of clips answered"),
                y_label: "share wrong".into(),
                series,
                ..LineChart::default()
            };
            figure(out, &lines(&chart, &Style::page(THIRD)), heading, "");
        }
    });
    section.aside(&words.say(
        "One confidence threshold holds for all clips, so a group's line that ends early on the left is one that the model \
         declines more often. Points with fewer than 5 subjects are left out.",
    ));
}

fn conformal(section: &mut Section, sets: &Conformal, words: &Words) {
    let target = sets.target;
    let contiguous = if sets.contiguous { "neighbouring " } else { "" };
    let of_units = words.either(
        "of a subject's clips, on average over subjects (the table counts clips)",
        "of the clips",
    );
    let said = format!(
        "Instead of one class the model can name a set of {contiguous}classes, made to hold the true one for {} {of_units}. \
         With one threshold for all, some groups may get less; with one for each, all should reach it.",
        format::percent(target, 0)
    );
    let mut table = Table::new(
        "",
        2,
        [
            "attribute",
            "group",
            "one threshold: held",
            "classes a set",
            "every class",
            "one each: held",
            "classes a set",
            "every class",
        ],
    );
    for row in &sets.marginal {
        let same = |o: &&SetCoverage| o.attribute == row.attribute && o.group == row.group;
        let mut cells = vec![
            Cell::from(row.attribute.as_str()),
            name(&row.name, words).into(),
        ];
        cells.extend(coverage(Some(row), target));
        cells.extend(coverage(sets.by_group.iter().find(same), target));
        table.row(cells);
    }
    folded(&mut section.body, "Prediction sets", |out| {
        out.element("p", &said);
        table.write(out);
        out.tag("p").attr("class", "aside").text(
            "Red: the whole interval lies below the target. Every class: how often the set holds all classes and says nothing.",
        );
    });
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
