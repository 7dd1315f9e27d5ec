//! What the models are worth, first of all.

use serde_json::Value;

use super::figure::{figure, grid};
use super::layout::Section;
use super::read::{self, Estimate};
use super::table::{Cell, Table};
use crate::canvas::Style;
use crate::charts::{IntervalChart, IntervalRow, intervals};
use crate::format;

/// Metrics that a headline may have: identifier and name.
const METRICS: [(&str, &str); 4] = [
    ("accuracy", "Accuracy"),
    ("balanced_accuracy", "Balanced accuracy"),
    ("quadratic_kappa", "Quadratic kappa"),
    ("macro_f1", "Macro F1"),
];

/// Those that this one has: classes without an order have no quadratic kappa.
fn metrics_of(rows: &[Value]) -> Vec<(&'static str, &'static str)> {
    let of = |(metric, _): &(&str, &str)| rows.iter().any(|row| row.get(metric).is_some());
    METRICS.into_iter().filter(of).collect()
}

/// Whether a row of the headline is the baseline, not a model.
fn is_baseline(row: &Value) -> bool {
    read::text(row, "model").is_some_and(|m| m.starts_with("majority"))
}

fn is_fused(row: &Value) -> bool {
    read::text(row, "model").is_some_and(|m| m.starts_with("fus"))
}

/// The place of a model in the palette; the fusion and the baseline are drawn in the colour of text.
pub(super) fn model_colour(name: &str, place: usize) -> Option<usize> {
    match name {
        "image" => Some(0),
        "audio" => Some(1),
        "text" => Some(2),
        name if name.starts_with("fus") || name.starts_with("majority") => None,
        _ => Some(place),
    }
}

pub(super) fn section(headline: &Value) -> Section {
    let mut section = Section::new("headline", "Results", "What the models are worth");
    let rows = read::list(headline, "rows");
    let baseline = rows.iter().find(|r| is_baseline(r));
    let fused = rows.iter().find(|r| is_fused(r));
    let metrics = metrics_of(rows);
    section.mentions(metrics.iter().map(|m| m.0));
    if let Some(lead) = lead(fused, baseline, rows) {
        section.lead(&lead);
    }
    cards(&mut section, fused.or(rows.first()), baseline, &metrics);
    grid(&mut section.body, |out| {
        for (metric, name) in metrics {
            let svg = chart(rows, baseline, metric, name);
            figure(out, &svg, name, "");
        }
    });
    table(&mut section, rows);
    let level = read::number(headline, "level").unwrap_or(0.95);
    let split = read::text(headline, "split").unwrap_or("test");
    section.body.tag("p").attr("class", "aside").text(&format!(
        "Scored on the {split} split. Lines and small print are {} intervals by subject: the clips of one subject are \
         alike, so subjects are resampled, not clips.",
        format::percent(level, 0)
    ));
    section
}

fn value(row: &Value, metric: &str) -> Option<f64> {
    Estimate::at(row, metric)?.value
}

fn lead(fused: Option<&Value>, baseline: Option<&Value>, rows: &[Value]) -> Option<String> {
    let fused_balanced = value(fused?, "balanced_accuracy")?;
    let baseline_balanced = value(baseline?, "balanced_accuracy")?;
    let single = rows
        .iter()
        .filter(|r| !is_baseline(r) && !is_fused(r))
        .filter_map(|r| Some((read::text(r, "model")?, value(r, "balanced_accuracy")?)))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    let against = match single {
        Some((name, best)) => format!(
            "; the best single model, {name}, reaches {}",
            format::percent(best, 1)
        ),
        None => String::new(),
    };
    Some(format!(
        "Averaged over the groups, so that rare ones count as much as common ones, the fused model is right for {} of \
         clips{against}. Always saying the most common group would reach {}.",
        format::percent(fused_balanced, 1),
        format::percent(baseline_balanced, 1),
    ))
}

fn cards(
    section: &mut Section,
    row: Option<&Value>,
    baseline: Option<&Value>,
    metrics: &[(&str, &str)],
) {
    let Some(row) = row else { return };
    let model = read::text(row, "model").unwrap_or("model");
    section.body.tag("ul").attr("class", "cards").open();
    for &(metric, name) in metrics {
        let Some(estimate) = Estimate::at(row, metric) else {
            continue;
        };
        section.body.open("li");
        section
            .body
            .tag("span")
            .attr("class", "label")
            .text(&format!("{name}, {model}"));
        section
            .body
            .tag("span")
            .attr("class", "value")
            .text(&estimate.number(3));
        let mut note = estimate.range(3);
        if let Some(base) = baseline.and_then(|b| value(b, metric)) {
            note += &format!(" · majority {}", format::fixed(base, 3));
        }
        section.body.tag("span").attr("class", "note").text(&note);
        section.body.close("li");
    }
    section.body.close("ul");
}

fn chart(rows: &[Value], baseline: Option<&Value>, metric: &str, name: &str) -> String {
    let shown = rows
        .iter()
        .filter(|r| !is_baseline(r))
        .enumerate()
        .map(|(i, row)| {
            let label = read::text(row, "model").unwrap_or("model");
            let estimate = Estimate::at(row, metric).unwrap_or_default();
            IntervalRow {
                label: label.to_owned(),
                value: estimate.value,
                interval: estimate.interval,
                colour: model_colour(label, i),
                ..IntervalRow::default()
            }
        });
    let chart = IntervalChart {
        title: format!("{name} of each model"),
        description: "One row a model: the value as a dot, its interval as a line; the majority baseline is dashed.".into(),
        rows: shown.collect(),
        reference: baseline
            .and_then(|b| value(b, metric))
            .map(|v| (v, format!("majority {}", format::fixed(v, 3)))),
        decimals: 3,
        ..IntervalChart::default()
    };
    intervals(&chart, &Style::page(330.0))
}

fn table(section: &mut Section, rows: &[Value]) {
    let metrics = metrics_of(rows);
    let mut table = Table::new(
        "Every model on the same clips",
        1,
        ["model", "clips", "subjects"]
            .into_iter()
            .chain(metrics.iter().map(|m| m.1)),
    );
    for row in rows {
        let class = if is_fused(row) {
            "strong"
        } else if is_baseline(row) {
            "faint"
        } else {
            ""
        };
        let count =
            |key| read::whole(row, key).map_or_else(|| format::NONE.to_owned(), format::count);
        let mut cells = vec![
            Cell::from(read::text(row, "model").unwrap_or("model")),
            count("clips").into(),
            count("subjects").into(),
        ];
        for (metric, _) in &metrics {
            let estimate = Estimate::at(row, metric).unwrap_or_default();
            cells.push(Cell::new(estimate.number(3)).note(estimate.range(3)));
        }
        table.marked_row(class, cells);
    }
    table.write(&mut section.body);
}
