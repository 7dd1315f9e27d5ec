//! Curves of loss and accuracy by epoch.

use serde_json::Value;

use super::ModelDocument;
use super::figure::{figure, grid};
use super::layout::Section;
use super::read;
use crate::canvas::Style;
use crate::charts::{LineChart, LineSeries, lines};
use crate::format;

/// Name, key in the metrics, whether dashed, colour.
type Curve = (&'static str, &'static str, bool, usize);

/// The section, or `None` when no model has an epoch.
pub(super) fn section(models: &[ModelDocument]) -> Option<Section> {
    if models.iter().all(|m| m.metrics.is_empty()) {
        return None;
    }
    let mut section = Section::new("training", "Training", "How the models learned");
    section.lead(
        "Solid lines are the clips that a model learned from, dashed lines those that it never saw. Where they part, the \
         model begins to learn its clips by heart; the weights of the marked epoch were kept.",
    );
    for model in models.iter().filter(|m| !m.metrics.is_empty()) {
        section.heading(&model.name);
        let best = best_epoch(model);
        section.paragraph(&summary(model, best));
        grid(&mut section.body, |out| {
            let panels: [(&str, &[Curve]); 3] = [
                (
                    "Loss",
                    &[
                        ("train", "train_loss", false, 0),
                        ("validation", "valid_loss", true, 0),
                    ],
                ),
                (
                    "Accuracy",
                    &[
                        ("train", "train_accuracy", false, 0),
                        ("validation", "valid_accuracy", true, 0),
                    ],
                ),
                (
                    "Skill on validation",
                    &[
                        ("balanced accuracy", "valid_balanced_accuracy", false, 2),
                        ("quadratic kappa", "valid_quadratic_kappa", false, 3),
                    ],
                ),
            ];
            for (name, curves) in panels {
                if let Some(svg) = chart(model, name, curves, best) {
                    figure(out, &svg, name, "");
                }
            }
        });
    }
    let lines = || models.iter().flat_map(|model| &model.metrics);
    let measured = |name: &str| lines().any(|line| line.get(name).is_some_and(Value::is_number));
    section.mentions(["accuracy", "balanced_accuracy", "nll"]);
    if measured("valid_quadratic_kappa") {
        section.mentions(["quadratic_kappa"]);
    }
    Some(section)
}

fn epoch(line: &Value, place: usize) -> f64 {
    read::number(line, "epoch").unwrap_or(place as f64 + 1.0)
}

fn best_epoch(model: &ModelDocument) -> Option<f64> {
    if let Some(epoch) = model.best_epoch {
        return Some(epoch as f64);
    }
    let mut best: Option<(f64, f64, f64)> = None;
    for (i, line) in model.metrics.iter().enumerate() {
        let Some(merit) = read::number(line, "valid_balanced_accuracy").filter(|v| v.is_finite())
        else {
            continue;
        };
        let loss = read::number(line, "valid_loss").unwrap_or(f64::INFINITY);
        if best.is_none_or(|b| merit > b.1 || (merit == b.1 && loss < b.2)) {
            best = Some((epoch(line, i), merit, loss));
        }
    }
    best.map(|b| b.0)
}

fn summary(model: &ModelDocument, best: Option<f64>) -> String {
    let epochs = read::counted(model.metrics.len() as u64, "epoch");
    let Some(best) = best else {
        return format!("{epochs}.");
    };
    let line = model
        .metrics
        .iter()
        .enumerate()
        .find(|(i, l)| epoch(l, *i) == best)
        .map(|l| l.1);
    let reached = line.and_then(|l| read::number(l, "valid_balanced_accuracy"));
    let reached = reached.map_or_else(String::new, |v| {
        format!(
            ", where balanced accuracy on validation was {}",
            format::fixed(v, 3)
        )
    });
    format!("{epochs}; kept: epoch {}{reached}.", format::general(best))
}

fn chart(model: &ModelDocument, name: &str, curves: &[Curve], best: Option<f64>) -> Option<String> {
    let series: Vec<LineSeries> = curves
        .iter()
        .filter(|(_, key, ..)| model.metrics.iter().any(|l| read::number(l, key).is_some()))
        .map(|(label, key, dashed, colour)| LineSeries {
            name: (*label).to_owned(),
            points: model
                .metrics
                .iter()
                .enumerate()
                .map(|(i, l)| (epoch(l, i), read::number(l, key).unwrap_or(f64::NAN)))
                .collect(),
            dashed: *dashed,
            colour: *colour,
            band: Vec::new(),
        })
        .collect();
    if series.is_empty() {
        return None;
    }
    let chart = LineChart {
        title: format!("{name} of the {} model by epoch", model.name),
        description: "Training and validation curves; a vertical line marks the epoch whose weights were kept.".into(),
        x_label: "epoch".into(),
        series,
        mark: best.map(|b| (b, format!("best {}", format::general(b)))),
        ..LineChart::default()
    };
    Some(lines(&chart, &Style::page(330.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn model(lines: &[(f64, f64)]) -> ModelDocument {
        ModelDocument {
            name: "image".into(),
            metrics: lines
                .iter()
                .enumerate()
                .map(|(i, (merit, loss))| json!({"epoch": i + 1, "valid_balanced_accuracy": merit, "valid_loss": loss}))
                .collect(),
            best_epoch: None,
            audit: None,
        }
    }

    #[test]
    fn the_best_epoch_is_the_most_balanced_then_the_surest() {
        for (lines, expected) in [
            (&[(0.2, 1.0), (0.5, 0.9), (0.4, 0.5)][..], Some(2.0)),
            (&[(0.5, 1.0), (0.5, 0.9), (0.5, 0.95)][..], Some(2.0)),
            (&[][..], None),
        ] {
            assert_eq!(best_epoch(&model(lines)), expected, "{lines:?}");
        }
        let told = ModelDocument {
            best_epoch: Some(1),
            ..model(&[(0.2, 1.0), (0.5, 0.9)])
        };
        assert_eq!(best_epoch(&told), Some(1.0));
    }
}
