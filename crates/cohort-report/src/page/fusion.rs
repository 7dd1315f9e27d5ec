//! How the models' answers are put together.

use serde_json::Value;

use super::figure::{figure, folded, grid};
use super::layout::Section;
use super::read;
use super::table::{Cell, Table};
use crate::ReportError;
use crate::canvas::Style;
use crate::charts::{BarChart, BarSeries, bars};
use crate::format;

/// Metrics of a fusion record with their names.
const METRICS: [(&str, &str); 6] = [
    ("accuracy", "Accuracy"),
    ("balanced_accuracy", "Balanced accuracy"),
    ("quadratic_kappa", "Quadratic kappa"),
    ("macro_mae", "Macro MAE"),
    ("nll", "NLL"),
    ("ece", "ECE"),
];

/// `class_name` gives a class code its name for people.
pub(super) fn section(
    fusion: &Value,
    class_name: impl Fn(&str) -> String,
) -> Result<Section, ReportError> {
    let mut section = Section::new("fusion", "Fusion", "How the models are put together");
    let nothing = Value::Null;
    let model = fusion.get("model").unwrap_or(&nothing);
    let rule = read::text(fusion, "rule").unwrap_or("late fusion");
    let calibrated = if read::flag(fusion, "calibrated") {
        " Before, each model's confidence is brought in line with how often it is right (a temperature)."
    } else {
        ""
    };
    section.lead(&format!(
        "Each model gives every group a probability; the fusion combines them by this rule: {rule}.{calibrated} Nothing was \
         fitted on the test split."
    ));
    let modalities = read::names(model, "modalities");
    let part = read::list(model, "parts")
        .iter()
        .max_by_key(|p| read::list(p, "modalities").len());
    let part = part.unwrap_or(&nothing);
    let (weights, bias) = (read::numbers(part, "weights"), read::numbers(part, "bias"));
    let temperatures = read::numbers(model, "temperatures");
    let missing = fusion
        .get("test")
        .and_then(|t| t.get("missing"))
        .unwrap_or(&nothing);
    if !modalities.is_empty() {
        let mut table = Table::new(
            "Models",
            1,
            ["model", "weight", "temperature", "test clips without it"],
        );
        for (i, name) in modalities.iter().enumerate() {
            let number = |of: &[f64]| {
                of.get(i)
                    .map_or_else(|| format::NONE.to_owned(), |v| format::fixed(*v, 2))
            };
            let lacking =
                read::whole(missing, name).map_or_else(|| format::NONE.to_owned(), format::count);
            table.row([
                name.clone(),
                number(&weights),
                number(&temperatures),
                lacking,
            ]);
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
            chart("Weight of each model", &modalities, &weights)?,
        ));
    }
    let classes: Vec<String> = read::names(model, "classes")
        .iter()
        .map(|c| class_name(c))
        .collect();
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
            for (class, bias) in classes.iter().zip(&bias) {
                table.row([class.clone(), format::signed(*bias, 2)]);
            }
            table.write(out);
        });
    }
    for (split, caption) in [
        ("test", "On the test split"),
        ("valid", "On the validation split"),
    ] {
        let Some(record) = fusion.get(split) else {
            continue;
        };
        if let Some(table) = scores(record, caption) {
            if split == "test" {
                table.write(&mut section.body);
            } else {
                folded(
                    &mut section.body,
                    "The same on the validation split, where the fusion was fitted",
                    |out| {
                        if read::flag(record, "cross_fitted") {
                            out.element(
                                "p",
                                "Each clip is predicted by a fit that has not seen its subject.",
                            );
                        }
                        table.write(out);
                    },
                );
            }
        }
    }
    section.mentions(METRICS.map(|m| m.0));
    Ok(section)
}

fn scores(record: &Value, caption: &str) -> Option<Table> {
    let rows = read::list(record, "scores");
    if rows.is_empty() {
        return None;
    }
    let caption = format!("{caption}: {}", read::clips_and_subjects(record));
    let mut table = Table::new(
        caption,
        1,
        std::iter::once("model").chain(METRICS.map(|m| m.1)),
    );
    for row in rows {
        let name = read::text(row, "model").unwrap_or("model");
        let class = if name.starts_with("fus") {
            "strong"
        } else {
            ""
        };
        let metrics = row.get("metrics").unwrap_or(&Value::Null);
        let values = METRICS.map(|(key, _)| {
            read::number(metrics, key).map_or(format::NONE.to_owned(), |v| format::fixed(v, 3))
        });
        table.marked_row(
            class,
            std::iter::once(Cell::from(name)).chain(values.map(Cell::from)),
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
