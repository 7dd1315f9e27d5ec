//! Groups of pictures and of objects, and whether a detector is weaker on one of them.
//!
//! For each attribute every group is held against the rest, studentised by unit, and the largest contrast is judged by what random
//! relabelling gives (single-step minP), as the audit of [`cohort_eval`] does. The attributes are corrected together (Holm).
//! `docs/detection.md` in this crate says what is exchanged, and how often nothing is taken for something.

mod objects;
mod pictures;
mod relabel;

use cohort_eval::{Interval, IntervalSettings, Outcome, SUSPECTED_BELOW, holm};
use serde::{Deserialize, Serialize};

use crate::error::DetectionError;
use crate::evaluate::Matched;
use crate::intervals::Units;
use crate::truth::Truth;

/// Pictures by one of their attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureGroups {
    /// The attribute.
    pub attribute: String,
    /// Names of its groups.
    pub names: Vec<String>,
    /// Number of each picture's group; `None` where it is not known.
    pub of_picture: Vec<Option<u32>>,
}

/// How groups are compared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GroupSettings {
    /// Random relabellings an attribute, 100 to 100,000 (default 1,000).
    pub permutations: usize,
    /// Chance of any finding where there is no difference, above 0 and below 1 (default 0.05).
    pub alpha: f64,
    /// Seed of the relabellings (default 0).
    pub seed: u64,
}

impl Default for GroupSettings {
    fn default() -> Self {
        Self {
            permutations: 1000,
            alpha: 0.05,
            seed: 0,
        }
    }
}

impl GroupSettings {
    fn check(&self) -> Result<(), DetectionError> {
        if !(100..=100_000).contains(&self.permutations) {
            let found = self.permutations.to_string();
            return Err(DetectionError::input(
                "permutations",
                "100 to 100000",
                found,
            ));
        }
        if !(self.alpha > 0.0 && self.alpha < 1.0) {
            let found = self.alpha.to_string();
            return Err(DetectionError::input("alpha", "above 0 and below 1", found));
        }
        Ok(())
    }
}

/// One group beside the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The group.
    pub group: String,
    /// Pictures of it; for groups of objects, pictures that hold one.
    pub pictures: usize,
    /// Units that hold an object of it.
    pub units: usize,
    /// Objects of it that count.
    pub objects: usize,
    /// AP of its pictures; for groups of objects, the share found, averaged over the ten IoU thresholds.
    pub value: Interval,
    /// The group less the rest, at the classes (or the mix of classes) that both hold; absent where it is not compared.
    pub gap: Option<f64>,
    /// Its p value among the groups of the attribute; absent where it is not compared.
    pub p_value: Option<f64>,
    /// The same after Holm's correction over the attributes.
    pub p_holm: Option<f64>,
    /// Whether it is named: below the rest at the family's level.
    pub weak: bool,
}

/// What may be said of one attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttributeGroups {
    /// The attribute.
    pub attribute: String,
    /// What is compared: `ap` of pictures, or `found` of objects.
    pub measure: String,
    /// What is exchanged under the null hypothesis, in words; empty where nothing is.
    pub exchanged: String,
    /// Shown, suspected, not testable or not shown.
    pub outcome: Outcome,
    /// Chance of so large a contrast in any group under relabelling.
    pub p_value: Option<f64>,
    /// The same after Holm's correction.
    pub p_holm: Option<f64>,
    /// Why it is not testable, or what was left out.
    pub reason: Option<String>,
    /// Its groups.
    pub groups: Vec<Group>,
}

/// All attributes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Groups {
    /// Chance of any finding where there is none.
    pub level: f64,
    /// An attribute whose own p value lies below this is suspected.
    pub suspected_below: f64,
    /// Of all attributes together.
    pub outcome: Outcome,
    /// The size of objects first, then the pictures' attributes.
    pub attributes: Vec<AttributeGroups>,
}

/// One attribute before the correction over all of them.
struct Tested {
    report: AttributeGroups,
}

/// Compares objects by size, and pictures by each of `attributes`.
///
/// # Errors
/// [`DetectionError`] for settings out of range, or attributes and units that do not fit the pictures.
pub fn compare_groups(
    truth: &Truth,
    matched: &Matched,
    units: &Units,
    attributes: &[PictureGroups],
    settings: &GroupSettings,
    intervals: &IntervalSettings,
) -> Result<Groups, DetectionError> {
    settings.check()?;
    units.check(truth.pictures.len())?;
    let mut tested = vec![objects::by_size(
        truth, matched, units, settings, intervals,
    )?];
    for attribute in attributes {
        if attribute.of_picture.len() != truth.pictures.len() {
            return Err(DetectionError::input(
                attribute.attribute.clone(),
                format!("a group for each of {} pictures", truth.pictures.len()),
                attribute.of_picture.len().to_string(),
            ));
        }
        tested.push(pictures::by_attribute(
            matched, units, attribute, settings, intervals,
        )?);
    }
    Ok(corrected(tested, settings.alpha))
}

/// Holm's correction over the attributes that could be tested, and what may be said then.
fn corrected(tested: Vec<Tested>, alpha: f64) -> Groups {
    let own: Vec<f64> = tested.iter().filter_map(|t| t.report.p_value).collect();
    let mut after = holm(&own).into_iter();
    let mut attributes = Vec::with_capacity(tested.len());
    for Tested { mut report } in tested {
        if let Some(p) = report.p_value {
            let p_holm = after.next().unwrap_or(1.0);
            report.p_holm = Some(p_holm);
            for group in &mut report.groups {
                // a group's own p value gets the factor that the attribute's got
                group.p_holm = group
                    .p_value
                    .map(|own| (own * p_holm / p).min(1.0).max(p_holm));
                let below = group.gap.is_some_and(|gap| gap < 0.0);
                group.weak = below && group.p_holm.is_some_and(|p| p <= alpha);
            }
            report.outcome = if p_holm <= alpha {
                Outcome::Shown
            } else if p < SUSPECTED_BELOW {
                Outcome::Suspected
            } else {
                Outcome::NotShown
            };
        }
        attributes.push(report);
    }
    let has = |outcome| {
        attributes
            .iter()
            .any(|a: &AttributeGroups| a.outcome == outcome)
    };
    let order = [Outcome::Shown, Outcome::Suspected, Outcome::NotShown];
    Groups {
        level: alpha,
        suspected_below: SUSPECTED_BELOW,
        outcome: order
            .into_iter()
            .find(|o| has(*o))
            .unwrap_or(Outcome::NotTestable),
        attributes,
    }
}
