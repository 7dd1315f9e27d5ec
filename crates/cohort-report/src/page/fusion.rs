//! How the models' answers are put together.

use cohort_eval::Metric;
use cohort_fusion::{FUSION_METRICS, Form, FusionRecord, SplitRecord};

use super::figure::folded;
use super::layout::Section;
use super::table::{Cell, Table};
use super::words::{Words, count, fixed};
use crate::format;

/// `class_name` gives a class code its name for people.
pub(super) fn section(
    fusion: &FusionRecord,
    words: &Words,
    class_name: impl Fn(&str) -> String,
) -> Section {
    let mut section = Section::new("fusion", "How the models are put together");
    let model = &fusion.model;
    let rule = &fusion.rule;
    let calibrated = if fusion.calibrated {
        " Before, each model's confidence is brought in line with how often it is right (a temperature)."
    } else {
        ""
    };
    section.lead(&format!(
        "Each model gives every class a probability; the fusion combines them by this rule: {rule}.{calibrated} Nothing was \
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
        let lacking = format!("test {} without it", words.items());
        let columns = ["model", "weight", "temperature", &lacking];
        let mut table = Table::new("Models", 1, columns);
        for (i, name) in modalities.iter().enumerate() {
            let number = |of: &[f64]| fixed(of.get(i).copied(), 2);
            let lacking = fusion.test.missing.get(name);
            let lacking = lacking.map_or_else(|| format::NONE.to_owned(), |n| count(*n));
            table.row([name.clone(), number(weights), number(temperatures), lacking]);
        }
        table.write(&mut section.body);
        section.aside(
            "Weight: how much the model's logits count. Temperature above 1: the model was too sure of itself and is damped.",
        );
    }
    let classes: Vec<String> = model.classes.iter().map(|c| class_name(c)).collect();
    if bias.len() == classes.len() && bias.iter().any(|b| *b != 0.0) {
        folded(&mut section.body, "Bias of each class", |out| {
            out.element(
                "p",
                "Added to each class's logit: above 0 the fusion names the class more often than the models alone would.",
            );
            let mut table = Table::new("", 1, ["class", "bias"]);
            for (class, bias) in classes.iter().zip(bias) {
                table.row([class.clone(), format::signed(*bias, 2)]);
            }
            table.write(out);
        });
    }
    let splits = [
        (&fusion.test, "On the test split"),
        (
            &fusion.valid,
            "On the validation split, where the fusion was fitted",
        ),
    ];
    let said = words.say("Every model on the clips that all of them have media of");
    folded(&mut section.body, &said, |out| {
        for (split, caption) in splits {
            if let Some(table) = scores(split, caption, words) {
                table.write(out);
            }
        }
        if fusion.valid.cross_fitted {
            let said = words
                .say("Each validation clip is predicted by a fit that has not seen its subject.");
            out.element("p", &said);
        }
    });
    for split in [&fusion.test, &fusion.valid] {
        section.mentions(measured(split).iter().map(|metric| metric.name()));
    }
    section
}

/// Metrics that some model of a split has: classes without an order lack some.
fn measured(record: &SplitRecord) -> Vec<Metric> {
    let has = |metric: &Metric| {
        let mut rows = record.scores.iter();
        rows.any(|row| row.metrics.contains_key(metric.name()))
    };
    FUSION_METRICS.into_iter().filter(has).collect()
}

fn scores(record: &SplitRecord, caption: &str, words: &Words) -> Option<Table> {
    if record.scores.is_empty() {
        return None;
    }
    let caption = format!("{caption}: {}", words.counts(record.clips, record.subjects));
    let metrics = measured(record);
    let names = metrics.iter().map(|metric| words.short(*metric));
    let mut table = Table::new(caption, 1, std::iter::once("model".to_owned()).chain(names));
    for row in &record.scores {
        let class = if row.model == "fused" { "strong" } else { "" };
        let values = metrics.iter();
        let values = values.map(|m| fixed(row.metrics.get(m.name()).copied(), 3));
        table.marked_row(
            class,
            std::iter::once(Cell::from(row.model.as_str())).chain(values.map(Cell::from)),
        );
    }
    Some(table)
}
