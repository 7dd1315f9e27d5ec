//! How the models' answers are put together.

use cohort_eval::Metric;
use cohort_fusion::{FUSION_METRICS, Form, FusionRecord, SplitRecord};

use super::figure::{figure, folded, grid};
use super::layout::Section;
use super::read;
use super::table::{Cell, Table};
use crate::ReportError;
use crate::canvas::Style;
use crate::charts::{BarChart, BarSeries, bars};
use crate::format;

/// `class_name` gives a class code its name for people.
pub(super) fn section(
    fusion: &FusionRecord,
    class_name: impl Fn(&str) -> String,
) -> Result<Section, ReportError> {
    let mut section = Section::new("fusion", "Fusion", "How the models are put together");
    let model = &fusion.model;
    let rule = &fusion.rule;
    let calibrated = if fusion.calibrated {
        " Before, each model's confidence is brought in line with how often it is right (a temperature)."
    } else {
        ""
    };
    section.lead(&format!(
        "Each model gives every group a probability; the fusion combines them by this rule: {rule}.{calibrated} Nothing was \
         fitted on the test split."
    ));
    let modalities = &model.modalities;
    let part = model.parts.iter().max_by_key(|p| p.modalities.len());
    let (weights, bias): (&[f64], &[f64]) = match part.map(|part| &part.form) {
        Some(Form::Weighted { weights, bias }) => (weights, bias),
        Some(Form::Multinomial { bias, .. }) => (&[], bias),
        Some(Form::MeanProbabilities | Form::Ordinal { .. }) | None => (&[], &[]),
    };
    let temperatures = &model.temperatures;
    if !modalities.is_empty() {
        let mut table = Table::new(
            "Models",
            1,
            ["model", "weight", "temperature", "test clips without it"],
        );
        for (i, name) in modalities.iter().enumerate() {
            let number = |of: &[f64]| read::fixed(of.get(i).copied(), 2);
            let lacking = fusion.test.missing.get(name);
            let lacking = lacking.map_or_else(|| format::NONE.to_owned(), |n| read::count(*n));
            table.row([name.clone(), number(weights), number(temperatures), lacking]);
        }
        table.write(&mut section.body);
        section.body.tag("p").attr("class", "aside").text(
            "Weight: how much the model's logits count. Temperature above 1: the model was too sure of itself and is damped.",
        );
    }
    let mut charts = Vec::new();
    if weights.len() == modalities.len() && !weights.is_empty() {
        charts.push((
            "Weights",
            chart("Weight of each model", modalities, weights)?,
        ));
    }
    let classes: Vec<String> = model.classes.iter().map(|c| class_name(c)).collect();
    grid(&mut section.body, |out| {
        for (name, svg) in &charts {
            figure(out, svg, name, "");
        }
    });
    if bias.len() == classes.len() && bias.iter().any(|b| *b != 0.0) {
        folded(&mut section.body, "Bias of each group", |out| {
            out.element(
                "p",
                "Added to each group's logit: above 0 the fusion names the group more often than the models alone would.",
            );
            let mut table = Table::new("", 1, ["group", "bias"]);
            for (class, bias) in classes.iter().zip(bias) {
                table.row([class.clone(), format::signed(*bias, 2)]);
            }
            table.write(out);
        });
    }
    if let Some(table) = scores(&fusion.test, "On the test split") {
        table.write(&mut section.body);
    }
    if let Some(table) = scores(&fusion.valid, "On the validation split") {
        folded(
            &mut section.body,
            "The same on the validation split, where the fusion was fitted",
            |out| {
                if fusion.valid.cross_fitted {
                    out.element(
                        "p",
                        "Each clip is predicted by a fit that has not seen its subject.",
                    );
                }
                table.write(out);
            },
        );
    }
    for split in [&fusion.test, &fusion.valid] {
        section.mentions(measured(split).iter().map(|metric| metric.name()));
    }
    Ok(section)
}

/// Metrics that some model of a split has: classes without an order lack some.
fn measured(record: &SplitRecord) -> Vec<Metric> {
    let has = |metric: &Metric| {
        let mut rows = record.scores.iter();
        rows.any(|row| row.metrics.contains_key(metric.name()))
    };
    FUSION_METRICS.into_iter().filter(has).collect()
}

fn scores(record: &SplitRecord, caption: &str) -> Option<Table> {
    if record.scores.is_empty() {
        return None;
    }
    let caption = format!(
        "{caption}: {}",
        read::of_clips(record.clips, record.subjects)
    );
    let metrics = measured(record);
    let names = metrics.iter().map(|metric| match metric {
        Metric::BalancedAccuracy => metric.title(),
        metric => metric.short(),
    });
    let mut table = Table::new(caption, 1, std::iter::once("model").chain(names));
    for row in &record.scores {
        let class = if row.model.starts_with("fus") {
            "strong"
        } else {
            ""
        };
        let values = metrics.iter();
        let values = values.map(|m| read::fixed(row.metrics.get(m.name()).copied(), 3));
        table.marked_row(
            class,
            std::iter::once(Cell::from(row.model.as_str())).chain(values.map(Cell::from)),
        );
    }
    Some(table)
}

fn chart(title: &str, names: &[String], values: &[f64]) -> Result<String, ReportError> {
    let chart = BarChart {
        title: title.to_owned(),
        description: "One bar a model.".into(),
        categories: names.to_vec(),
        series: vec![BarSeries {
            name: String::new(),
            // Two decimals are what the fit can tell apart.
            values: values.iter().map(|v| (v * 100.0).round() / 100.0).collect(),
        }],
        ..BarChart::default()
    };
    bars(&chart, &Style::page(330.0))
}
