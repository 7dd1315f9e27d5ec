//! Curves of loss and skill by epoch.

use cohort_eval::{EpochMetrics, Metric, TRAIN_LOSS, VALID_LOSS, train_name, valid_name};

use super::ModelDocument;
use super::figure::{THIRD, figure, folded, grid};
use super::layout::Section;
use super::words::{Words, inside, words as as_words};
use crate::canvas::Style;
use crate::charts::{LineChart, LineSeries, lines};
use crate::format;

/// A curve: its name, the value of an epoch, whether it is dashed, its colour.
struct Curve {
    name: String,
    key: String,
    dashed: bool,
    colour: usize,
}

impl Curve {
    fn new(name: &str, key: impl Into<String>, dashed: bool, colour: usize) -> Self {
        Self {
            name: name.to_owned(),
            key: key.into(),
            dashed,
            colour,
        }
    }
}

/// The section, or `None` when no model has an epoch.
pub(super) fn section(models: &[ModelDocument], words: &Words) -> Option<Section> {
    let trained = || models.iter().filter(|m| !m.epochs.is_empty());
    trained().next()?;
    let mut section = Section::new("training", "How the models learned");
    section.lead(&words.say(
        "Solid lines are the clips that a model learned from, dashed lines those that it never saw. Where they part, the model \
         begins to learn its clips by heart.",
    ));
    section.body.tag("ul").attr("class", "models").open();
    for model in trained() {
        section
            .body
            .open("li")
            .element("strong", &model.name)
            .text(" ");
        section.body.text(&summary(model, words)).close("li");
    }
    section.body.close("ul");
    let loss = || {
        vec![
            Curve::new("train", TRAIN_LOSS, false, 0),
            Curve::new("validation", VALID_LOSS, true, 0),
        ]
    };
    grid(&mut section.body, |out| {
        for model in trained() {
            if let Some(svg) = chart(model, "Loss", loss()) {
                figure(out, &svg, &format!("{}: loss", model.name), "");
            }
        }
    });
    let measured = |epoch: &EpochMetrics| valid(epoch, Metric::QuadraticKappa).is_some();
    let ordered = words.settings.ordered && trained().any(|m| m.epochs.iter().any(measured));
    folded(&mut section.body, "Accuracy and skill by epoch", |out| {
        grid(out, |out| {
            for model in trained() {
                let accuracy = vec![
                    Curve::new("train", train_name(Metric::Accuracy), false, 0),
                    Curve::new("validation", valid_name(Metric::Accuracy), true, 0),
                ];
                let mut skill = vec![Curve::new(
                    "balanced accuracy",
                    valid_name(Metric::BalancedAccuracy),
                    true,
                    2,
                )];
                if ordered {
                    let key = valid_name(Metric::QuadraticKappa);
                    skill.push(Curve::new("quadratic kappa", key, true, 3));
                }
                for (title, curves) in [("Accuracy", accuracy), ("Skill on validation", skill)] {
                    if let Some(svg) = chart(model, title, curves) {
                        figure(
                            out,
                            &svg,
                            &format!("{}: {}", model.name, title.to_lowercase()),
                            "",
                        );
                    }
                }
            }
        });
    });
    section.mentions(["accuracy", "balanced_accuracy", "nll"]);
    if ordered {
        section.mentions(["quadratic_kappa"]);
    }
    Some(section)
}

fn valid(epoch: &EpochMetrics, metric: Metric) -> Option<f64> {
    epoch.get(&valid_name(metric))
}

/// What was kept and why, and what changed on the way.
fn summary(model: &ModelDocument, words: &Words) -> String {
    let mut text = match model.epochs.len() {
        1 => "1 epoch".to_owned(),
        n => format!("{n} epochs"),
    };
    let kept = model.best_epoch;
    let line = model.epochs.iter().find(|e| Some(e.epoch) == kept);
    if let (Some(kept), Some(line)) = (kept, line) {
        text += &format!("; kept: epoch {kept}");
        if let Some(by) = &model.selected_by {
            let metric = by.strip_prefix("valid_").unwrap_or(by);
            let name = match Metric::from_name(metric) {
                Some(metric) => inside(&words.title(metric)),
                None => as_words(metric).to_lowercase(),
            };
            let value = line.get(by);
            text += &format!(", the best on validation by {name}");
            if let Some(value) = value {
                text += &format!(" ({})", format::fixed(value, 3));
            }
        }
        if let Some(balanced) = valid(line, Metric::BalancedAccuracy)
            && model.selected_by.as_deref() != Some(&valid_name(Metric::BalancedAccuracy))
        {
            text += &format!(
                "; its balanced accuracy there: {}",
                format::fixed(balanced, 3)
            );
        }
    }
    for change in &model.changes {
        if change.epoch <= model.epochs.len() {
            text += &format!("; from epoch {} {}", change.epoch, change.what);
        }
    }
    text + "."
}

fn chart(model: &ModelDocument, name: &str, curves: Vec<Curve>) -> Option<String> {
    let series: Vec<LineSeries> = curves
        .into_iter()
        .filter(|curve| model.epochs.iter().any(|e| e.get(&curve.key).is_some()))
        .map(|curve| LineSeries {
            points: model
                .epochs
                .iter()
                .map(|e| (e.epoch as f64, e.value(&curve.key)))
                .collect(),
            name: curve.name,
            dashed: curve.dashed,
            colour: curve.colour,
            ..LineSeries::default()
        })
        .collect();
    if series.is_empty() {
        return None;
    }
    let kept = model.best_epoch;
    let change = model.changes.iter().find(|c| c.epoch <= model.epochs.len());
    let chart = LineChart {
        title: format!("{name} of the {} model by epoch", model.name),
        description: "Training and validation curves; vertical lines mark the epoch whose weights were kept and what changed."
            .into(),
        x_label: "epoch".into(),
        series,
        mark: kept.map(|kept| (kept as f64, format!("kept {kept}"))),
        turn: change.map(|c| c.epoch as f64),
        ..LineChart::default()
    };
    Some(lines(&chart, &Style::page(THIRD)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort_eval::Change;

    #[test]
    fn what_was_kept_is_said_with_its_reason() {
        let epochs = (1..=3).map(|epoch| EpochMetrics {
            epoch,
            learning_rate: 0.1,
            values: vec![
                (VALID_LOSS.into(), Some(1.0 / epoch as f64)),
                (valid_name(Metric::BalancedAccuracy), Some(0.5)),
            ],
        });
        let mut model = ModelDocument {
            name: "audio".into(),
            epochs: epochs.collect(),
            best_epoch: Some(2),
            selected_by: Some(VALID_LOSS.into()),
            changes: vec![Change {
                epoch: 3,
                what: "rare classes begin to weigh more".into(),
            }],
            audit: None,
        };
        let words = Words::default();
        assert_eq!(
            summary(&model, &words),
            "3 epochs; kept: epoch 2, the best on validation by loss (0.500); its balanced accuracy there: 0.500; from epoch 3 \
             rare classes begin to weigh more."
        );
        model.selected_by = Some(valid_name(Metric::BalancedAccuracy));
        model.changes.clear();
        assert_eq!(
            summary(&model, &words),
            "3 epochs; kept: epoch 2, the best on validation by balanced accuracy (0.500)."
        );
        let html = section(&[model], &words).unwrap().body.into_string();
        assert!(html.contains("kept 2"));
    }
}
