//! What the audits of the single models found, beside that of their fusion.

use cohort_eval::{Audit, Outcome};

use super::skill::sentence;
use crate::page::layout::Section;

/// A list of findings by model; none when no model was audited. `fused` is the audit of the whole.
pub(in crate::page) fn by_model<'a>(
    fused: &Audit,
    models: impl Iterator<Item = (&'a str, Option<&'a Audit>)>,
) -> Option<Section> {
    let audited: Vec<(&str, &Audit)> = models
        .filter_map(|(name, audit)| Some((name, audit?)))
        .collect();
    if audited.is_empty() {
        return None;
    }
    let mut section = Section::new("models", "Gaps by model", "Which model a gap comes from");
    let named = |audit: &Audit| super::is_told(audit) && !audit.findings.is_empty();
    let sources: Vec<&str> = audited
        .iter()
        .filter(|(_, a)| named(a))
        .map(|(n, _)| *n)
        .collect();
    section.lead(&match (sources.as_slice(), named(fused)) {
        ([], false) => "No model on its own puts a group at a disadvantage that these data could show.".to_owned(),
        ([], true) => "The fusion shows a gap that no single model shows on its own.".to_owned(),
        (names, true) => format!("The gap of the fusion shows in {} as well.", names.join(", ")),
        (names, false) => format!(
            "A gap in {} does not come through in the fusion: the other models make up for it, or hide it.",
            names.join(", ")
        ),
    });
    for (name, audit) in audited {
        section.heading(name);
        section.body.tag("ul").attr("class", "findings").open();
        let findings = &audit.findings;
        if !super::is_told(audit) {
            let text = "No skill: its gaps are not interpretable.";
            section.body.tag("li").attr("class", "calm").text(text);
        } else if findings.is_empty() {
            section
                .body
                .tag("li")
                .attr("class", "calm")
                .text(match audit.fairness.outcome {
                    Outcome::Suspected => "A disadvantage is suspected, not shown.",
                    Outcome::NotTestable => "Gaps could not be tested.",
                    Outcome::Shown | Outcome::NotShown => "Nothing is shown.",
                });
        } else {
            for finding in findings {
                section.body.element("li", &sentence(finding));
            }
        }
        section.body.close("ul");
    }
    section.body.tag("p").attr("class", "aside").text(
        "All audits of a run share one family error rate: if no model put anybody at a disadvantage, an entry anywhere \
         would come up at most that often.",
    );
    Some(section)
}

#[cfg(test)]
mod tests {
    use super::super::made;
    use super::*;
    use cohort_eval::Verdict;

    fn audit(verdict: Verdict, findings: usize) -> Audit {
        let mut audit = made::audit();
        audit.skill.verdict = verdict;
        audit.skill.information.shown = verdict == Verdict::Skill;
        audit.fairness.outcome = match (verdict, findings) {
            (Verdict::NoSkill, _) => Outcome::NotTestable,
            (Verdict::Skill, 0) => Outcome::NotShown,
            (Verdict::Skill, _) => Outcome::Shown,
        };
        audit.findings = vec![made::finding(); findings];
        audit
    }

    fn text(fused: &Audit, image: &Audit) -> String {
        let models = [("image", Some(image)), ("audio", None)];
        let section = by_model(fused, models.into_iter()).expect("one model was audited");
        section.body.into_string()
    }

    #[test]
    fn the_lead_says_where_a_gap_is_and_whether_it_comes_through() {
        let (calm, found) = (audit(Verdict::Skill, 0), audit(Verdict::Skill, 1));
        assert!(text(&calm, &calm).contains("No model on its own"));
        assert!(text(&calm, &found).contains("A gap in image does not come through"));
        assert!(text(&found, &found).contains("shows in image as well"));
        assert!(text(&found, &calm).contains("that no single model shows"));
        assert!(
            text(&calm, &found)
                .contains("Gender Female does worse in accuracy: 0.610 against 0.820")
        );
        assert!(by_model(&calm, [("image", None)].into_iter()).is_none());
    }

    #[test]
    fn gaps_of_a_model_without_skill_are_not_told() {
        let (calm, unskilled) = (audit(Verdict::Skill, 0), audit(Verdict::NoSkill, 1));
        let text = text(&calm, &unskilled);
        assert!(
            text.contains("No skill") && !text.contains("does worse"),
            "{text}"
        );
    }
}
