//! What the models are worth, beside always naming one class.

use cohort_eval::{Headline, HeadlineRow, Interval, Metric, ModelKind};

use super::estimate::Estimate;
use super::figure::{BESIDE, beside, column, figure};
use super::layout::Section;
use super::table::{Cell, Table};
use super::words::{Words, inside};
use crate::canvas::Style;
use crate::charts::{IntervalChart, IntervalRow, intervals};
use crate::format;

/// Metric that is drawn and that models are compared by in words.
const DRAWN: Metric = Metric::BalancedAccuracy;

/// The place of a model in the palette; the fusion is drawn in the colour of text.
pub(super) fn model_colour(name: &str, place: usize) -> Option<usize> {
    match name {
        "image" => Some(0),
        "audio" => Some(1),
        "text" => Some(2),
        "joint" => Some(4),
        "fused" => None,
        _ => Some(place),
    }
}

pub(super) fn section(headline: &Headline, words: &Words) -> Section {
    let mut section = Section::new("headline", "Every model");
    let metrics = metrics_of(headline);
    section.mentions(metrics.iter().map(|metric| metric.name()));
    if let Some(lead) = lead(headline, words) {
        section.lead(&lead);
    }
    let svg = chart(headline, words);
    beside(&mut section.body, |out| {
        figure(out, &svg, &words.title(DRAWN), "");
        column(out, |out| {
            table(headline, &metrics, words).write_beside(out)
        });
    });
    let level = format::percent(headline.level, 0);
    let intervals = words.either(
        "intervals by subject: the clips of one subject are alike, so subjects are resampled, not clips",
        "intervals",
    );
    section.aside(&format!(
        "Scored on the {} split. Lines and small print are {level} {intervals}. Majority: always naming {}, the most common \
         class there.",
        headline.split, headline.majority.class
    ));
    section
}

fn metrics_of(headline: &Headline) -> Vec<Metric> {
    let ordered = headline.rows.iter().any(|r| r.quadratic_kappa.is_some());
    let last = match ordered {
        true => Metric::QuadraticKappa,
        false => Metric::MacroF1,
    };
    vec![Metric::Accuracy, DRAWN, last]
}

fn of_row(row: &HeadlineRow, metric: Metric) -> Option<&Interval> {
    match metric {
        Metric::Accuracy => Some(&row.accuracy),
        Metric::BalancedAccuracy => Some(&row.balanced_accuracy),
        Metric::QuadraticKappa => row.quadratic_kappa.as_ref(),
        Metric::MacroF1 => row.macro_f1.as_ref(),
        _ => None,
    }
}

fn lead(headline: &Headline, words: &Words) -> Option<String> {
    let value = |row: &HeadlineRow| row.balanced_accuracy.value();
    let of = |kind: ModelKind| {
        let rows = headline.rows.iter().filter(move |row| row.kind == kind);
        let valued = rows.filter_map(|row| Some((row.model.as_str(), value(row)?)));
        valued.max_by(|a, b| a.1.total_cmp(&b.1))
    };
    let number = |value: f64| format::fixed(value, 3);
    let metric = words.title(DRAWN);
    let majority = number(headline.majority.balanced_accuracy);
    let single = of(ModelKind::Single)?;
    if headline.rows.len() <= 2 && of(ModelKind::Joint).is_none() {
        return Some(format!(
            "{metric} of the {} model is {}; always naming one class gives {majority}.",
            single.0,
            number(single.1)
        ));
    }
    let fused = of(ModelKind::Fused)?;
    let joint = of(ModelKind::Joint).map_or_else(String::new, |joint| {
        format!(
            "; the joint model, which learned from all of them together, {}",
            number(joint.1)
        )
    });
    Some(format!(
        "{metric} of the fusion is {}; the best model of one modality, {}, reaches {}{joint}. Always naming one class gives \
         {majority}.",
        number(fused.1),
        single.0,
        number(single.1)
    ))
}

fn chart(headline: &Headline, words: &Words) -> String {
    let rows = headline.rows.iter().enumerate().map(|(i, row)| {
        let estimate = Estimate::from(&row.balanced_accuracy);
        IntervalRow {
            label: row.model.clone(),
            value: estimate.value,
            interval: estimate.interval,
            colour: model_colour(&row.model, i),
            ..IntervalRow::default()
        }
    });
    let majority = headline.majority.balanced_accuracy;
    let chart = IntervalChart {
        title: format!("{} of each model", words.title(DRAWN)),
        description: format!(
            "One row a model: the {} as a dot, its interval as a line; always naming one class is dashed.",
            inside(&words.title(DRAWN))
        ),
        rows: rows.collect(),
        reference: Some((majority, format!("majority {}", format::fixed(majority, 3)))),
        decimals: 3,
        ..IntervalChart::default()
    };
    intervals(&chart, &Style::page(BESIDE))
}

fn table(headline: &Headline, metrics: &[Metric], words: &Words) -> Table {
    let columns = std::iter::once("model".to_owned())
        .chain(words.count_columns())
        .chain(metrics.iter().map(|metric| words.short(*metric)));
    let caption = words.say("Every model, on the clips that it has media of");
    let mut table = Table::new(caption, 1, columns);
    for row in &headline.rows {
        let class = match row.kind {
            ModelKind::Fused => "strong",
            ModelKind::Single | ModelKind::Joint => "",
        };
        let mut cells = vec![Cell::from(row.model.as_str())];
        cells.extend(
            words
                .count_cells(row.clips, row.subjects)
                .into_iter()
                .map(Cell::from),
        );
        cells.extend(metrics.iter().map(|&metric| {
            let estimate = of_row(row, metric).map(Estimate::from);
            let estimate = estimate.unwrap_or_default();
            Cell::new(estimate.number(3)).note(estimate.range(3))
        }));
        table.marked_row(class, cells);
    }
    let majority = &headline.majority;
    let mut cells = vec![Cell::from("majority")];
    cells.extend(words.count_columns().iter().map(|_| Cell::default()));
    cells.extend(metrics.iter().map(|&metric| {
        let value = match metric {
            Metric::Accuracy => Some(majority.accuracy),
            Metric::BalancedAccuracy => Some(majority.balanced_accuracy),
            Metric::QuadraticKappa => majority.quadratic_kappa,
            _ => majority.macro_f1,
        };
        Cell::from(super::words::fixed(value, 3))
    }));
    table.marked_row("faint", cells);
    table
}
