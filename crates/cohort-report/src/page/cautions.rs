//! What must be known before any number: data that leak, a model without skill.

use std::collections::BTreeMap;

use cohort_data::{CheckReport, Kind, Severity};
use cohort_eval::{Audit, Interval, Metric, Verdict};

use super::words::{Words, counted, listed, words};
use crate::format;

/// Something that comes before any number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caution {
    /// It in a few words.
    pub title: String,
    /// What follows from it.
    pub text: String,
}

impl std::fmt::Display for Caution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.title, self.text)
    }
}

/// What comes before any number of a run: what the split guard found of leaks and other errors, and that the model (the
/// fusion) has no skill. Nothing where all is well or not known.
pub fn cautions(check: Option<&CheckReport>, audit: Option<&Audit>) -> Vec<Caution> {
    let of_data = check.and_then(of_data);
    of_data
        .into_iter()
        .chain(audit.and_then(of_model))
        .collect()
}

fn of_data(check: &CheckReport) -> Option<Caution> {
    let (mut leaks, mut others): (BTreeMap<Kind, usize>, usize) = (BTreeMap::new(), 0);
    for finding in &check.findings {
        if finding.kind.is_leak() {
            *leaks.entry(finding.kind).or_default() += 1;
        } else if finding.severity == Severity::Error {
            others += 1;
        }
    }
    let words_of = Words::new(check.nouns());
    if leaks.is_empty() {
        return (others > 0).then(|| Caution {
            title: "Faults in the data.".into(),
            text: format!(
                "The split guard found {}; every number stands on data that have them.",
                counted(others, "error")
            ),
        });
    }
    let kinds: Vec<String> = leaks
        .iter()
        .map(|(kind, count)| {
            let name = words(kind.name()).to_lowercase();
            format!("{name} {}", format::count(*count as u64))
        })
        .collect();
    Some(Caution {
        title: "The splits leak.".into(),
        text: words_of.say(&format!(
            "Test data can be known from training ({}), so every score is too good.",
            listed(&kinds)
        )),
    })
}

fn of_model(audit: &Audit) -> Option<Caution> {
    if audit.skill.verdict == Verdict::Skill {
        return None;
    }
    let title = match audit.skill.information.shown {
        true => "Worse than always naming the most common class.",
        false => "No skill is shown.",
    };
    let right = audit
        .metrics
        .get(&Metric::Accuracy)
        .and_then(Interval::value);
    let majority = audit.skill.majority.get(&Metric::Accuracy).copied();
    let share = |value: Option<f64>| {
        value.map_or_else(|| format::NONE.to_owned(), |v| format::percent(v, 1))
    };
    Some(Caution {
        title: title.into(),
        text: format!(
            "The model is right for {} of the {}; always naming {} is right for {}.",
            share(right),
            audit.settings.nouns.items(),
            audit.majority_name(),
            share(majority)
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::super::audit::made;
    use super::*;
    use cohort_data::Finding;

    fn check(kinds: &[Kind]) -> CheckReport {
        let findings = kinds.iter().map(|&kind| Finding {
            severity: kind.severity(),
            kind,
            split: None,
            clip: None,
            subject: None,
            row: None,
            file: None,
            other: None,
            message: String::new(),
        });
        CheckReport {
            schema: String::new(),
            dataset: String::new(),
            item: "clip".into(),
            unit: "subject".into(),
            splits: Vec::new(),
            settings: Default::default(),
            errors: 0,
            warnings: 0,
            notes: 0,
            findings: findings.collect(),
        }
    }

    #[test]
    fn leaks_come_first_and_warnings_are_none() {
        let mut audit = made::audit();
        assert!(cautions(Some(&check(&[Kind::IdenticalImage])), Some(&audit)).is_empty());
        audit.skill.verdict = Verdict::NoSkill;
        audit.skill.information.shown = false;
        let leaking = check(&[
            Kind::SubjectInTwoSplits,
            Kind::SubjectInTwoSplits,
            Kind::BadRow,
        ]);
        let said: Vec<String> = cautions(Some(&leaking), Some(&audit))
            .iter()
            .map(Caution::to_string)
            .collect();
        assert!(
            said[0].starts_with(
                "The splits leak. Test data can be known from training (subject in two splits 2)"
            ),
            "{said:?}"
        );
        assert!(said[1].starts_with("No skill is shown. The model is right for "));
        let faulty = cautions(Some(&check(&[Kind::BadRow])), None);
        assert_eq!(faulty[0].title, "Faults in the data.");
    }
}
