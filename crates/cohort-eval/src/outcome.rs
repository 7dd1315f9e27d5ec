//! What the audit says of an attribute, and of the whole: shown, suspected, not shown, or not testable.

use serde::{Deserialize, Serialize};

use crate::skill::Skill;

/// What may be said of gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A disadvantage is named at the family's level.
    Shown,
    /// The attribute's own p value is below [`SUSPECTED_BELOW`], but nothing is named at the family's level.
    Suspected,
    /// No comparison could be made, or its silence would say nothing.
    NotTestable,
    /// Tested, and nothing stands out; no proof of fairness.
    NotShown,
}

impl Outcome {
    /// Name for people.
    pub fn title(self) -> &'static str {
        match self {
            Outcome::Shown => "shown",
            Outcome::Suspected => "suspected",
            Outcome::NotTestable => "not testable",
            Outcome::NotShown => "not shown",
        }
    }
}

/// An attribute whose own p value lies below this is suspected.
pub const SUSPECTED_BELOW: f64 = 0.05;

/// What the audit says of one attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttributeOutcome {
    /// The label column (`A x B` for an intersection).
    pub attribute: String,
    /// What may be said.
    pub outcome: Outcome,
    /// The attribute's own test: the chance of so extreme a contrast in any question and group under random relabelling
    /// within classes; absent where nothing could be tested.
    pub p_value: Option<f64>,
    /// The same after Holm's correction over the attributes.
    pub p_holm: Option<f64>,
    /// The gap in accuracy between two groups, at an equal mix of classes, that these data would have found in 4 of 5 cases.
    pub minimum_detectable: Option<f64>,
    /// Why it is not testable, or what was left out of the test.
    pub reason: Option<String>,
}

/// What the audit says of gaps, with the family of tests and its level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fairness {
    /// Of all attributes together.
    pub outcome: Outcome,
    /// Why it is not testable; or which attributes could not be tested.
    pub reason: Option<String>,
    /// Chance of any finding where there is no disadvantage: `settings.alpha`.
    pub level: f64,
    /// An attribute whose own p value lies below this is suspected.
    pub suspected_below: f64,
    /// The family of tests, in words.
    pub family: String,
    /// Every attribute but the target.
    pub attributes: Vec<AttributeOutcome>,
}

/// The family of tests, in words.
const FAMILY: &str = "accuracy, absolute and signed error (ordered classes), true and false positive rate of every class; every \
    group against the rest within true classes, relabelled by subject; one p value an attribute (single-step minP), Holm over attributes";

impl Fairness {
    /// The whole from its attributes. Where the model is not shown to carry information, silence says nothing: what is not
    /// shown becomes not testable. A gap that is shown stays: a model that guesses errs alike for everyone.
    pub(crate) fn new(mut attributes: Vec<AttributeOutcome>, level: f64, skill: &Skill) -> Self {
        const GUESS: &str = "the model is not shown to carry information: one that guesses errs alike for everyone, so that \
            seeing no gap says nothing";
        if !skill.information.shown {
            for attribute in &mut attributes {
                if attribute.outcome == Outcome::NotShown {
                    attribute.outcome = Outcome::NotTestable;
                    attribute.reason = Some(GUESS.into());
                }
            }
        }
        let has = |outcome| attributes.iter().any(|a| a.outcome == outcome);
        let outcome = if has(Outcome::Shown) {
            Outcome::Shown
        } else if has(Outcome::Suspected) {
            Outcome::Suspected
        } else if has(Outcome::NotShown) {
            Outcome::NotShown
        } else {
            Outcome::NotTestable
        };
        let untested: Vec<&str> = attributes
            .iter()
            .filter(|a| a.outcome == Outcome::NotTestable)
            .map(|a| a.attribute.as_str())
            .collect();
        let reason = if attributes.is_empty() {
            Some("there is no attribute to compare".into())
        } else if !skill.information.shown && outcome == Outcome::NotTestable {
            Some(GUESS.into())
        } else if untested.is_empty() {
            None
        } else {
            Some(format!("not testable: {}", untested.join(", ")))
        };
        Self {
            outcome,
            reason,
            level,
            suspected_below: SUSPECTED_BELOW,
            family: FAMILY.split_whitespace().collect::<Vec<_>>().join(" "),
            attributes,
        }
    }

    /// The level in percent, unrounded (to ten decimals, where a float has more).
    pub fn level_percent(&self) -> String {
        percent(self.level)
    }
}

/// A share in percent, without rounding that a reader could see: 0.0125 is `1.25 %`.
pub(crate) fn percent(share: f64) -> String {
    let digits = format!("{:.10}", 100.0 * share);
    format!("{} %", digits.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn levels_are_printed_as_they_are() {
        for (level, text) in [
            (0.05, "5 %"),
            (0.0125, "1.25 %"),
            (0.1, "10 %"),
            (0.2, "20 %"),
        ] {
            assert_eq!(percent(level), text);
        }
        assert_eq!(percent(0.05 / 3.0), "1.6666666667 %");
    }
}
