//! Who is at a disadvantage: every attribute in every model, as shown, suspected, not shown or not testable.

use cohort_eval::{Audit, Compared, Finding, Outcome};

use super::super::figure::folded;
use super::super::layout::Section;
use super::super::table::{Cell, Table};
use super::super::words::{Words, fixed, inside, listed, sentence_case};
use crate::format;
use crate::markup::Markup;

/// `models` are the audits of the single models, beside which `audit` is that of the whole; none on the page of one audit.
pub(in crate::page) fn section(audit: &Audit, models: &[(&str, &Audit)], words: &Words) -> Section {
    let mut section = Section::new("verdict", "Who is at a disadvantage");
    section.lead(&lead(audit, models));
    if !audit.fairness.attributes.is_empty() {
        outcomes(audit, models).write(&mut section.body);
    }
    if super::is_told(audit) {
        list(&mut section.body, audit, words);
    } else {
        section.paragraph(
            "A model that guesses answers much the same for everyone. It then looks fair, whatever it would do if it worked. \
             The tables of gaps are kept for completeness; nothing follows from them.",
        );
    }
    let told: Vec<&(&str, &Audit)> = (models.iter())
        .filter(|(_, audit)| super::is_told(audit) && !audit.findings.is_empty())
        .collect();
    if !told.is_empty() {
        let names: Vec<String> = told.iter().map(|(name, _)| (*name).to_owned()).collect();
        let summary = format!("Findings in {}", listed(&names));
        folded(&mut section.body, &summary, |out| {
            for (name, audit) in told {
                out.element("h5", name);
                list(out, audit, words);
            }
        });
    }
    section.aside(&format!(
        "Compared at the same mix of true classes. If nobody were at a disadvantage, any finding at all would come up in at \
         most {} of audits. Suspected: an attribute's own p value is below {}, but not small enough for all attributes \
         together. Nothing shown is no proof of fairness.",
        audit.fairness.level_percent().replace(' ', ""),
        audit.fairness.suspected_below
    ));
    let notes = audit.notes.iter().chain(audit.fairness.reason.iter());
    let notes: Vec<String> = notes.map(|note| words.say(note)).collect();
    if !notes.is_empty() {
        folded(
            &mut section.body,
            &format!("Notes ({})", notes.len()),
            |out| {
                for note in &notes {
                    out.tag("p")
                        .attr("class", "aside")
                        .text(&sentence_case(note));
                }
            },
        );
    }
    reference(&mut section, audit);
    section.mentions(["not_estimable", "outcome"]);
    section
}

/// What is said of the whole, and in which models it shows.
fn lead(audit: &Audit, models: &[(&str, &Audit)]) -> String {
    let whole = match audit.fairness.outcome {
        Outcome::Shown => "A disadvantage is shown.",
        Outcome::Suspected => "A disadvantage is suspected, not shown.",
        Outcome::NotShown => "No group is shown to be at a disadvantage.",
        Outcome::NotTestable => "Gaps between groups could not be tested.",
    };
    let shown = |audit: &Audit| audit.fairness.outcome == Outcome::Shown;
    let sources: Vec<String> = (models.iter())
        .filter(|(_, audit)| shown(audit))
        .map(|(name, _)| (*name).to_owned())
        .collect();
    let by_model = match (models.is_empty(), sources.is_empty(), shown(audit)) {
        (true, ..) => String::new(),
        (false, true, true) => " No single model shows it on its own.".to_owned(),
        (false, true, false) => " Nor does any single model show one on its own.".to_owned(),
        (false, false, true) => format!(" It shows in {} as well.", listed(&sources)),
        (false, false, false) => format!(
            " One is shown in {}; the fusion hides it or makes up for it.",
            listed(&sources)
        ),
    };
    let by_model = match audit.fairness.outcome {
        Outcome::NotTestable | Outcome::Suspected if sources.is_empty() => String::new(),
        _ => by_model,
    };
    format!("{whole}{by_model}")
}

/// A row an attribute, a column a model.
fn outcomes(audit: &Audit, models: &[(&str, &Audit)]) -> Table {
    let whole = if models.is_empty() {
        "outcome"
    } else {
        "fused"
    };
    let columns = ["attribute", whole]
        .into_iter()
        .chain(models.iter().map(|(name, _)| *name))
        .chain(["gap that would show"]);
    let mut table = Table::new("", 1, columns);
    for attribute in &audit.fairness.attributes {
        let name = attribute.attribute.as_str();
        let mut cells = vec![Cell::from(name), outcome(audit, name)];
        cells.extend(models.iter().map(|(_, audit)| outcome(audit, name)));
        cells.push(Cell::from(fixed(attribute.minimum_detectable, 3)));
        table.row(cells);
    }
    table
}

fn outcome(audit: &Audit, attribute: &str) -> Cell {
    let mut all = audit.fairness.attributes.iter();
    let Some(found) = all.find(|a| a.attribute == attribute) else {
        return Cell::new(format::NONE);
    };
    let class = match found.outcome {
        Outcome::Shown => "tag-error",
        Outcome::Suspected => "tag-warning",
        Outcome::NotTestable | Outcome::NotShown => "quiet",
    };
    let p = found
        .p_value
        .map(|p| format!("p = {}", format::p_value(p)).replace("= <", "< "));
    Cell::new(found.outcome.title())
        .note(p.unwrap_or_default())
        .class(class)
}

fn list(out: &mut Markup, audit: &Audit, words: &Words) {
    if audit.findings.is_empty() {
        return;
    }
    out.tag("ul").attr("class", "findings").open();
    for finding in &audit.findings {
        out.element("li", &sentence(finding, words));
    }
    out.close("ul");
}

/// A finding as a sentence.
pub(in crate::page) fn sentence(finding: &Finding, words: &Words) -> String {
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
            format!("does worse in {}", inside(finding.metric.title()))
        }
    };
    format!(
        "{} {group} {what}: {} against {} for the others ({}; p = {} after correction; {}).",
        finding.attribute,
        format::fixed(finding.value, 3),
        format::fixed(finding.rest, 3),
        format::signed(finding.difference, 3),
        format::p_value(finding.p_holm),
        words.counts(finding.clips, finding.subjects)
    )
    .replace("p = <", "p < ")
}

/// The figure that the reference system prints, under its own name.
fn reference(section: &mut Section, audit: &Audit) {
    let bias = &audit.reference_bias;
    if bias.attributes.is_empty() {
        return;
    }
    let mut table = Table::new(
        "Mean absolute difference of accuracy between groups",
        1,
        ["attribute", "difference"],
    );
    for (name, value) in &bias.attributes {
        table.row([name.clone(), format::fixed(*value, 4)]);
    }
    table.marked_row(
        "strong",
        ["average".to_owned(), format::fixed(bias.average, 4)],
    );
    folded(
        &mut section.body,
        "As the reference system reports it",
        |out| {
            table.write(out);
            out.element(
            "p",
            "Without a null and an interval it cannot tell a gap from noise: compare with the gaps by chance.",
        );
        },
    );
    section.mentions(["reference_bias"]);
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

    fn text(fused: &Audit, models: &[(&str, &Audit)]) -> String {
        section(fused, models, &Words::default()).body.into_string()
    }

    #[test]
    fn findings_become_sentences() {
        assert_eq!(
            sentence(&made::finding(), &Words::default()),
            "Gender Female does worse in accuracy: 0.610 against 0.820 for the others (\u{2212}0.210; p < 0.001 after \
             correction; 140 clips of 41 subjects)."
        );
    }

    #[test]
    fn the_lead_says_where_a_gap_is_and_whether_it_comes_through() {
        let (calm, found) = (audit(Verdict::Skill, 0), audit(Verdict::Skill, 1));
        assert!(text(&calm, &[("image", &calm)]).contains("Nor does any single model"));
        assert!(text(&calm, &[("image", &found)]).contains("One is shown in image;"));
        assert!(text(&found, &[("image", &found)]).contains("It shows in image as well"));
        assert!(text(&found, &[("image", &calm)]).contains("No single model shows it"));
        let told = text(&calm, &[("image", &found)]);
        assert!(told.contains("Gender Female does worse in accuracy: 0.610 against 0.820"));
        assert!(!text(&calm, &[]).contains("single model"));
    }

    #[test]
    fn without_skill_no_gap_is_claimed() {
        let mut unskilled = audit(Verdict::NoSkill, 1);
        unskilled.fairness.outcome = Outcome::NotTestable;
        let html = text(&unskilled, &[("image", &unskilled)]);
        assert!(
            html.contains("could not be tested") && !html.contains("does worse"),
            "{html}"
        );
    }
}
