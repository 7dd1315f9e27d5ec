//! How good the model is, in every metric, beside what costs nothing.

use cohort_eval::{Audit, Interval, Metric};

use super::super::estimate::Estimate;
use super::super::figure::folded;
use super::super::layout::Section;
use super::super::metrics::change_class;
use super::super::table::{Cell, Table};
use super::super::words::{Words, fixed};
use crate::format;

/// `model` is what the audit is about, such as `the fused model`.
pub(in crate::page) fn section(audit: &Audit, model: &str, words: &Words) -> Section {
    let mut section = Section::new("skill", format!("Every metric of {model}"));
    let skill = &audit.skill;
    let kappa = Estimate::from(&skill.kappa);
    let level = format::percent(audit.settings.level, 0);
    let title = words.title(skill.metric);
    let mut lead = match kappa.interval {
        Some(_) => format!(
            "{title} is {} ({level} interval {}); 0 is chance, 1 is perfect.",
            kappa.number(3),
            kappa.range(3)
        ),
        None => format!(
            "{title} is {}; an interval is not estimable.",
            kappa.number(3)
        ),
    };
    if let Some(likelihood) = &skill.information.likelihood {
        let likelihood = Estimate::from(likelihood);
        lead += &format!(
            " Negative log likelihood less that of stating how often each class occurs: {} ({}); below 0 the model knows more.",
            likelihood.signed(3),
            likelihood.range(3)
        );
    }
    section.lead(&lead);
    let by_unit = words.has_units() && !audit.subject_metrics.is_empty();
    let mut columns = vec!["metric".to_owned(), format!("by {}", words.item())];
    columns.extend(by_unit.then(|| format!("by {}", words.unit())));
    columns.extend(["majority", "guessing", "less the majority"].map(str::to_owned));
    let mut table = Table::new("Every metric", 1, columns);
    let cell = |interval: &Interval| {
        let estimate = Estimate::from(interval);
        Cell::new(estimate.number(3)).note(estimate.range(3))
    };
    for (metric, value) in &audit.metrics {
        let over = skill.over_majority.get(metric);
        let lower = metric.higher_is_better() == Some(false);
        let note = if lower { "lower is better" } else { "" };
        let mut cells = vec![Cell::new(words.title(*metric)).note(note), cell(value)];
        if by_unit {
            let by_subject = audit.subject_metrics.get(metric);
            cells.push(by_subject.map_or_else(|| Cell::new(format::NONE), cell));
        }
        cells.push(fixed(skill.majority.get(metric).copied(), 3).into());
        cells.push(fixed(skill.prior.get(metric).copied(), 3).into());
        cells.push(over.map_or_else(|| Cell::new(format::NONE), |o| difference(*metric, o)));
        table.row(cells);
    }
    folded(
        &mut section.body,
        "Every metric, beside the majority and guessing",
        |out| {
            table.write(out);
        },
    );
    let decided = match by_unit {
        true => words.say("By subject: one decision for all clips of a subject. "),
        false => String::new(),
    };
    section.aside(&format!(
        "{decided}Small print: {}. Majority: always naming {}. Guessing: each class as often as it occurs.",
        words.either("intervals by subject", "intervals"),
        audit.majority_name()
    ));
    let cautions: Vec<String> = (audit.metrics.iter())
        .filter_map(|(metric, value)| {
            let caution = Estimate::from(value).caution?;
            Some(format!("{}: {}", words.title(*metric), words.say(&caution)))
        })
        .collect();
    if !cautions.is_empty() {
        let summary = format!("Where an interval may be off ({})", cautions.len());
        folded(&mut section.body, &summary, |out| {
            for caution in &cautions {
                out.tag("p").attr("class", "aside").text(caution);
            }
        });
    }
    section.mentions(audit.metrics.keys().map(|metric| metric.name()));
    section
}

/// A difference with its interval, coloured when the interval leaves 0 out.
pub(super) fn difference(metric: Metric, interval: &Interval) -> Cell {
    let estimate = Estimate::from(interval);
    Cell::new(estimate.signed(3))
        .note(estimate.range(3))
        .class(change_class(Some(metric), estimate.interval))
}
