//! The verdict, and how good the model is.

use serde_json::Value;

use super::super::layout::Section;
use super::super::metrics;
use super::super::read::{self, Estimate};
use super::super::table::{Cell, Table};
use crate::ReportError;
use crate::format;

/// The verdict in words, and what was found.
pub(super) fn verdict(audit: &Value) -> Section {
    let mut section = Section::new("verdict", "Audit", "What the audit says");
    let nothing = Value::Null;
    let skill = audit.get("skill").unwrap_or(&nothing);
    let metric = read::text(skill, "metric").unwrap_or("quadratic_kappa");
    let kappa = Estimate::at(skill, "kappa")
        .or_else(|| Estimate::at(audit.get("metrics")?, metric))
        .unwrap_or_default();
    let level = audit
        .get("settings")
        .and_then(|s| read::number(s, "level"))
        .unwrap_or(0.95);
    let measured = match kappa.interval {
        Some((low, high)) => format!(
            "{} is {} ({} interval by subject {} to {}); 0 is chance, 1 is perfect.",
            metrics::name(metric),
            kappa.number(3),
            format::percent(level, 0),
            format::fixed(low, 3),
            format::fixed(high, 3)
        ),
        None => format!(
            "{} is {}; an interval is not estimable{}.",
            metrics::name(metric),
            kappa.number(3),
            read::text(skill, "reason").map_or_else(String::new, |r| format!(": {r}"))
        ),
    };
    let findings = read::list(audit, "findings");
    let informed = super::informed(audit);
    let outcome = super::outcome(audit);
    let skilled = match (read::text(skill, "verdict"), informed) {
        (Some("skill"), _) => "The model has skill",
        (Some(_), true) => {
            "The model knows something, but always naming the most common class would err less"
        }
        (Some("no skill"), false) => "No skill: gaps are not interpretable",
        _ => "Skill is not estimable, so gaps cannot be judged",
    };
    let (class, gaps) = match (outcome, findings.len()) {
        ("shown", 1) => ("verdict mixed", "one disadvantage was found"),
        ("shown", _) => ("verdict mixed", "disadvantages were found"),
        ("suspected", _) => ("verdict mixed", "a disadvantage is suspected, not shown"),
        ("not_testable", _) => ("verdict no", "gaps between groups could not be tested"),
        // Nothing found is no proof: not the colour of good news.
        _ => ("verdict mixed", "no group is shown to be at a disadvantage"),
    };
    let title = if informed || outcome == "shown" {
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
    for note in read::names(audit, "notes") {
        section.body.tag("p").attr("class", "aside").text(&note);
    }
    reference(&mut section, audit);
    section.mentions([metric, "not_estimable"]);
    section
}

fn list_findings(section: &mut Section, audit: &Value, findings: &[Value]) {
    let alpha = audit
        .get("settings")
        .and_then(|s| read::number(s, "alpha"))
        .unwrap_or(0.05);
    let alpha = format!("{:.10}", 100.0 * alpha);
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
fn list_outcomes(section: &mut Section, audit: &Value) {
    let attributes = audit.get("fairness").map(|f| read::list(f, "attributes"));
    let attributes = attributes.unwrap_or_default();
    if attributes.is_empty() {
        return;
    }
    section.body.tag("ul").attr("class", "findings").open();
    for attribute in attributes {
        let outcome = read::text(attribute, "outcome").unwrap_or("?");
        let mut line = format!(
            "{}: {}",
            read::text(attribute, "attribute").unwrap_or("?"),
            read::words(outcome)
        );
        if let Some(p) = read::number(attribute, "p_value") {
            line += &format!(" (p = {} by itself)", format::p_value(p)).replace("= <", "<");
        }
        if let Some(reason) = read::text(attribute, "reason") {
            line += &format!("; {reason}");
        }
        let calm = matches!(outcome, "not_shown" | "not_testable");
        section
            .body
            .tag("li")
            .attr("class", if calm { "calm" } else { "" })
            .text(&line);
    }
    section.body.close("ul");
}

/// A finding as a sentence.
pub(super) fn sentence(finding: &Value) -> String {
    let text = |key| read::text(finding, key).unwrap_or("?");
    let metric = text("metric");
    let group = read::text(finding, "name").unwrap_or(text("group"));
    let number = |key| {
        read::number(finding, key).map_or_else(|| format::NONE.to_owned(), |v| format::fixed(v, 3))
    };
    let difference = read::number(finding, "difference")
        .map_or_else(String::new, |d| format::signed(d, 3) + "; ");
    let p = read::number(finding, "p_holm").map_or_else(String::new, |p| {
        format!("p = {} after correction; ", format::p_value(p))
    });
    let class = read::text(finding, "class_name").unwrap_or("?");
    let what = match metric {
        "true_positive_rate" => format!("is recognised less often as {class}"),
        "false_positive_rate" => format!("is taken for {class} by mistake more often"),
        "signed_error" => format!(
            "is guessed {} than the others (signed error)",
            text("direction")
        ),
        metric => format!("does worse in {}", metrics::name(metric).to_lowercase()),
    };
    format!(
        "{} {group} {what}: {} against {} for the others ({difference}{p}{}).",
        text("attribute"),
        number("value"),
        number("rest"),
        read::clips_and_subjects(finding)
    )
    .replace("p = <", "p < ")
}

/// The reference's figure under its own name.
fn reference(section: &mut Section, audit: &Value) {
    let entries = read::entries(audit, "reference_bias");
    if entries.is_empty() {
        return;
    }
    let mut table = Table::new(
        "Reference bias",
        1,
        ["attribute", "mean absolute difference of accuracy"],
    );
    let (average, attributes): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|e| e.0 == "average");
    for (class, (name, value)) in attributes
        .into_iter()
        .map(|e| ("", e))
        .chain(average.into_iter().map(|e| ("strong", e)))
    {
        let value = value
            .as_f64()
            .map_or_else(|| format::NONE.to_owned(), |v| format::fixed(v, 4));
        table.marked_row(class, [name.to_owned(), value]);
    }
    table.write(&mut section.body);
    section.body.tag("p").attr("class", "aside").text(
        "The figure that the reference system prints, for comparison. It has neither an interval nor a null, so it does not \
         tell a disadvantage from noise.",
    );
    section.mentions(["reference_bias"]);
}

/// All metrics beside what costs nothing.
pub(super) fn section(audit: &Value) -> Result<Option<Section>, ReportError> {
    let rows = read::entries(audit, "metrics");
    if rows.is_empty() {
        return Ok(None);
    }
    let mut section = Section::new("skill", "Skill", "How good the model is");
    let nothing = Value::Null;
    let skill = audit.get("skill").unwrap_or(&nothing);
    let baseline = |key: &str, metric: &str| skill.get(key).and_then(|b| read::number(b, metric));
    let accuracy = audit
        .get("metrics")
        .and_then(|m| Estimate::at(m, "accuracy"))
        .and_then(|e| e.value);
    if let (Some(accuracy), Some(majority)) = (accuracy, baseline("majority", "accuracy")) {
        section.lead(&format!(
            "The model is right for {} of clips. Always naming the most common group would be right for {}; guessing each \
             group as often as it occurs, for {}.",
            format::percent(accuracy, 1),
            format::percent(majority, 1),
            baseline("prior", "accuracy").map_or_else(|| format::NONE.to_owned(), |v| format::percent(v, 1)),
        ));
    }
    if let Some(likelihood) = skill
        .get("information")
        .and_then(|i| Estimate::at(i, "likelihood"))
    {
        section.paragraph(&format!(
            "Negative log likelihood less that of stating how often each class occurs: {} ({}); below 0 the model knows more.",
            likelihood.value.map_or_else(|| format::NONE.to_owned(), |v| format::signed(v, 3)),
            likelihood.range(3)
        ));
    }
    let mut table = Table::new(
        format!("Every metric: {}", read::clips_and_subjects(audit)),
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
    for (metric, value) in &rows {
        let estimate = Estimate::new(value);
        let plain = |key| {
            baseline(key, metric).map_or_else(|| format::NONE.to_owned(), |v| format::fixed(v, 3))
        };
        let over = skill
            .get("over_majority")
            .and_then(|o| Estimate::at(o, metric));
        let over = over.map_or_else(|| Cell::new(format::NONE), |o| difference(metric, &o));
        let by_subject = audit
            .get("subject_metrics")
            .and_then(|m| Estimate::at(m, metric));
        let by_subject = by_subject.map_or_else(
            || Cell::new(format::NONE),
            |e| Cell::new(e.number(3)).note(e.range(3)),
        );
        table.row([
            Cell::new(metrics::name(metric)).note(if metrics::is_loss(metric) {
                "small is good"
            } else {
                ""
            }),
            Cell::new(estimate.number(3)).note(estimate.range(3)),
            by_subject,
            plain("majority").into(),
            plain("prior").into(),
            over,
        ]);
    }
    table.write(&mut section.body);
    section.body.tag("p").attr("class", "aside").text(
        "By subject: one decision for all clips of a subject. Small print: intervals by subject. Majority and guessing: what \
         costs nothing.",
    );
    let cautions: Vec<String> = rows
        .iter()
        .filter_map(|(metric, value)| {
            Some(format!(
                "{}: {}",
                metrics::name(metric),
                Estimate::new(value).caution?
            ))
        })
        .collect();
    for caution in cautions {
        section.body.tag("p").attr("class", "aside").text(&caution);
    }
    section.mentions(rows.iter().map(|r| r.0));
    Ok(Some(section))
}

/// A difference with its interval, coloured when the interval leaves 0 out.
pub(super) fn difference(metric: &str, estimate: &Estimate) -> Cell {
    let value = estimate
        .value
        .map_or_else(|| format::NONE.to_owned(), |v| format::signed(v, 3));
    Cell::new(value)
        .note(estimate.range(3))
        .class(metrics::change_class(metric, estimate.interval))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn findings_become_sentences() {
        let finding = json!({
            "attribute": "Gender", "group": "2", "name": "Female", "metric": "accuracy", "value": 0.61, "rest": 0.82,
            "difference": -0.21, "p_holm": 0.0002, "clips": 140, "subjects": 41
        });
        assert_eq!(
            sentence(&finding),
            "Gender Female does worse in accuracy: 0.610 against 0.820 for the others (\u{2212}0.210; p < 0.001 after \
             correction; 140 clips of 41 subjects)."
        );
    }

    #[test]
    fn without_skill_no_gap_is_claimed() {
        let audit = json!({
            "skill": {"verdict": "no skill"}, "findings": [{"attribute": "Gender", "metric": "accuracy"}]
        });
        let html = verdict(&audit).body.into_string();
        assert!(
            html.contains("No skill: gaps are not interpretable.") && !html.contains("does worse"),
            "{html}"
        );
    }
}
