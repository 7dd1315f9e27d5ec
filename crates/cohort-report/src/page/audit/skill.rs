//! The verdict, and how good the model is.

use cohort_eval::{Audit, Compared, Finding, Interval, Metric, Outcome, Verdict};

use super::super::layout::Section;
use super::super::metrics;
use super::super::read::{self, Estimate};
use super::super::table::{Cell, Table};
use crate::format;

/// The verdict in words, and what was found.
pub(super) fn verdict(audit: &Audit) -> Section {
    let mut section = Section::new("verdict", "Audit", "What the audit says");
    let skill = &audit.skill;
    let metric = skill.metric;
    let kappa = Estimate::from(&skill.kappa);
    let measured = match kappa.interval {
        Some((low, high)) => format!(
            "{} is {} ({} interval by subject {} to {}); 0 is chance, 1 is perfect.",
            metric.title(),
            kappa.number(3),
            format::percent(audit.settings.level, 0),
            format::fixed(low, 3),
            format::fixed(high, 3)
        ),
        None => format!(
            "{} is {}; an interval is not estimable{}.",
            metric.title(),
            kappa.number(3),
            skill
                .reason
                .as_ref()
                .map_or_else(String::new, |r| format!(": {r}"))
        ),
    };
    let findings = &audit.findings;
    let informed = skill.information.shown;
    let outcome = audit.fairness.outcome;
    let skilled = match (skill.verdict, informed) {
        (Verdict::Skill, _) => "The model has skill",
        (Verdict::NoSkill, true) => {
            "The model knows something, but always naming the most common class would err less"
        }
        (Verdict::NoSkill, false) => "No skill: gaps are not interpretable",
    };
    let (class, gaps) = match (outcome, findings.len()) {
        (Outcome::Shown, 1) => ("verdict mixed", "one disadvantage was found"),
        (Outcome::Shown, _) => ("verdict mixed", "disadvantages were found"),
        (Outcome::Suspected, _) => ("verdict mixed", "a disadvantage is suspected, not shown"),
        (Outcome::NotTestable, _) => ("verdict no", "gaps between groups could not be tested"),
        // Nothing found is no proof: not the colour of good news.
        (Outcome::NotShown, _) => ("verdict mixed", "no group is shown to be at a disadvantage"),
    };
    let title = if informed || outcome == Outcome::Shown {
        format!("{skilled}; {gaps}.")
    } else {
        format!("{skilled}.")
    };
    section
        .body
        .tag("div")
        .attr("class", class)
        .attr("role", "note")
        .open();
    section
        .body
        .element("strong", &title)
        .text(&measured)
        .close("div");
    if super::is_told(audit) {
        list_findings(&mut section, audit, findings);
    } else {
        list_outcomes(&mut section, audit);
        section.paragraph(
            "A model that guesses answers much the same for everybody. It then looks fair, whatever it would do to people \
             if it worked. The tables of gaps below are kept for completeness; nothing follows from them.",
        );
    }
    for note in &audit.notes {
        section.body.tag("p").attr("class", "aside").text(note);
    }
    reference(&mut section, audit);
    section.mentions([metric.name(), "not_estimable"]);
    section
}

fn list_findings(section: &mut Section, audit: &Audit, findings: &[Finding]) {
    let alpha = format!("{:.10}", 100.0 * audit.settings.alpha);
    let alpha = alpha.trim_end_matches('0').trim_end_matches('.');
    if !findings.is_empty() {
        section.body.tag("ul").attr("class", "findings").open();
        for finding in findings {
            section.body.element("li", &sentence(finding));
        }
        section.body.close("ul");
    }
    list_outcomes(section, audit);
    section.body.tag("p").attr("class", "aside").text(&format!(
        "Compared at the same mix of true classes. If nobody were at a disadvantage, any finding at all would come up in at \
         most {alpha}% of audits. Suspected: an attribute's own p value is below 0.05, but not small enough for all attributes \
         together. Nothing shown is no proof of fairness: the table of gaps says how small a gap these data could have shown."
    ));
}

/// Every attribute with what may be said of it.
fn list_outcomes(section: &mut Section, audit: &Audit) {
    let attributes = &audit.fairness.attributes;
    if attributes.is_empty() {
        return;
    }
    section.body.tag("ul").attr("class", "findings").open();
    for attribute in attributes {
        let mut line = format!(
            "{}: {}",
            attribute.attribute,
            read::sentence_case(attribute.outcome.title())
        );
        if let Some(p) = attribute.p_value {
            line += &format!(" (p = {} by itself)", format::p_value(p)).replace("= <", "<");
        }
        if let Some(reason) = &attribute.reason {
            line += &format!("; {reason}");
        }
        let calm = matches!(attribute.outcome, Outcome::NotShown | Outcome::NotTestable);
        section
            .body
            .tag("li")
            .attr("class", if calm { "calm" } else { "" })
            .text(&line);
    }
    section.body.close("ul");
}

/// A finding as a sentence.
pub(super) fn sentence(finding: &Finding) -> String {
    let group = super::named(&finding.name, &finding.group);
    let class = finding.class_name.as_deref().unwrap_or("?");
    let what = match finding.metric {
        Compared::TruePositiveRate => format!("is recognised less often as {class}"),
        Compared::FalsePositiveRate => format!("is taken for {class} by mistake more often"),
        Compared::SignedError => format!(
            "is guessed {} than the others (signed error)",
            finding.direction
        ),
        Compared::Accuracy | Compared::MaeGroups => {
            format!("does worse in {}", finding.metric.title().to_lowercase())
        }
    };
    format!(
        "{} {group} {what}: {} against {} for the others ({}; p = {} after correction; {}).",
        finding.attribute,
        format::fixed(finding.value, 3),
        format::fixed(finding.rest, 3),
        format::signed(finding.difference, 3),
        format::p_value(finding.p_holm),
        read::of_clips(finding.clips, finding.subjects)
    )
    .replace("p = <", "p < ")
}

/// The reference's figure under its own name.
fn reference(section: &mut Section, audit: &Audit) {
    let bias = &audit.reference_bias;
    let mut table = Table::new(
        "Reference bias",
        1,
        ["attribute", "mean absolute difference of accuracy"],
    );
    for (name, value) in &bias.attributes {
        table.row([name.clone(), format::fixed(*value, 4)]);
    }
    table.marked_row(
        "strong",
        ["average".to_owned(), format::fixed(bias.average, 4)],
    );
    table.write(&mut section.body);
    section.body.tag("p").attr("class", "aside").text(
        "The figure that the reference system prints, for comparison. It has neither an interval nor a null, so it does not \
         tell a disadvantage from noise.",
    );
    section.mentions(["reference_bias"]);
}

/// All metrics beside what costs nothing.
pub(super) fn section(audit: &Audit) -> Option<Section> {
    let rows = &audit.metrics;
    if rows.is_empty() {
        return None;
    }
    let mut section = Section::new("skill", "Skill", "How good the model is");
    let skill = &audit.skill;
    let accuracy = rows.get(&Metric::Accuracy).and_then(Interval::value);
    if let (Some(accuracy), Some(majority)) = (accuracy, skill.majority.get(&Metric::Accuracy)) {
        section.lead(&format!(
            "The model is right for {} of clips. Always naming the most common group would be right for {}; guessing each \
             group as often as it occurs, for {}.",
            format::percent(accuracy, 1),
            format::percent(*majority, 1),
            skill.prior.get(&Metric::Accuracy).map_or_else(|| format::NONE.to_owned(), |v| format::percent(*v, 1)),
        ));
    }
    if let Some(likelihood) = &skill.information.likelihood {
        let likelihood = Estimate::from(likelihood);
        section.paragraph(&format!(
            "Negative log likelihood less that of stating how often each class occurs: {} ({}); below 0 the model knows more.",
            likelihood.value.map_or_else(|| format::NONE.to_owned(), |v| format::signed(v, 3)),
            likelihood.range(3)
        ));
    }
    let mut table = Table::new(
        format!("Every metric: {}", super::subtitle(audit)),
        1,
        [
            "metric",
            "by clip",
            "by subject",
            "majority",
            "guessing",
            "by clip − majority",
        ],
    );
    let cell = |interval: &Interval| {
        let estimate = Estimate::from(interval);
        Cell::new(estimate.number(3)).note(estimate.range(3))
    };
    for (metric, value) in rows {
        let over = skill.over_majority.get(metric);
        let by_subject = audit.subject_metrics.get(metric);
        table.row([
            Cell::new(metric.title()).note(if metric.higher_is_better() == Some(false) {
                "small is good"
            } else {
                ""
            }),
            cell(value),
            by_subject.map_or_else(|| Cell::new(format::NONE), cell),
            read::fixed(skill.majority.get(metric).copied(), 3).into(),
            read::fixed(skill.prior.get(metric).copied(), 3).into(),
            over.map_or_else(|| Cell::new(format::NONE), |o| difference(*metric, o)),
        ]);
    }
    table.write(&mut section.body);
    section.body.tag("p").attr("class", "aside").text(
        "By subject: one decision for all clips of a subject. Small print: intervals by subject. Majority and guessing: what \
         costs nothing.",
    );
    for (metric, value) in rows {
        if let Some(caution) = Estimate::from(value).caution {
            let caution = format!("{}: {caution}", metric.title());
            section.body.tag("p").attr("class", "aside").text(&caution);
        }
    }
    section.mentions(rows.keys().map(|metric| metric.name()));
    Some(section)
}

/// A difference with its interval, coloured when the interval leaves 0 out.
pub(super) fn difference(metric: Metric, interval: &Interval) -> Cell {
    let estimate = Estimate::from(interval);
    let value = estimate
        .value
        .map_or_else(|| format::NONE.to_owned(), |v| format::signed(v, 3));
    Cell::new(value)
        .note(estimate.range(3))
        .class(metrics::change_class(metric.name(), estimate.interval))
}

#[cfg(test)]
mod tests {
    use super::super::made;
    use super::*;

    #[test]
    fn findings_become_sentences() {
        assert_eq!(
            sentence(&made::finding()),
            "Gender Female does worse in accuracy: 0.610 against 0.820 for the others (\u{2212}0.210; p < 0.001 after \
             correction; 140 clips of 41 subjects)."
        );
    }

    #[test]
    fn without_skill_no_gap_is_claimed() {
        let mut audit = made::audit();
        audit.skill.verdict = Verdict::NoSkill;
        audit.skill.information.shown = false;
        audit.fairness.outcome = Outcome::NotTestable;
        audit.findings = vec![made::finding()];
        let html = verdict(&audit).body.into_string();
        assert!(
            html.contains("No skill: gaps are not interpretable.") && !html.contains("does worse"),
            "{html}"
        );
    }
}
