//! Prediction sets of a fusion, for every subset of its modalities.

use cohort_eval::SetRule;
use serde::{Deserialize, Serialize};

use crate::FusionError;
use crate::align::ModelPredictions;
use crate::fit::{self, Valid};
use crate::fuse::Prepared;
use crate::settings::FusionSettings;

/// Coverages that sets are made for, in hundredths: 50 to 99.
const COVERAGES: std::ops::RangeInclusive<u8> = 50..=99;

/// Which classes are in the set of a clip, by its modalities and by how often sets are to hold the truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FusionSets {
    /// One for every subset of the modalities that validation clips have.
    pub parts: Vec<SubsetSets>,
}

/// The sets of clips with some modalities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubsetSets {
    /// Names of the modalities.
    pub modalities: Vec<String>,
    /// One a coverage, from .50 to .99.
    pub rules: Vec<SetRule>,
}

impl FusionSets {
    /// The rule for clips with these modalities, in any order, and a coverage of whole hundredths; none where no validation clip has
    /// them all, or for another coverage.
    pub fn rule(&self, modalities: &[&str], coverage: f64) -> Option<&SetRule> {
        let mut wanted = modalities.to_vec();
        wanted.sort_unstable();
        let part = self.parts.iter().find(|part| {
            let mut names: Vec<&str> = part.modalities.iter().map(String::as_str).collect();
            names.sort_unstable();
            names == wanted
        })?;
        let near = |rule: &&SetRule| (rule.coverage - coverage).abs() < 1e-9;
        part.rules.iter().find(near)
    }
}

/// Sets of the fusion that [`crate::fuse`] makes of the same tables, from its validation split: every clip counts in each subset of
/// the modalities that it has, as a fit that has not seen its subject fuses them. Only fixed rules are not fitted at all.
///
/// # Errors
/// As [`crate::fuse`].
pub fn fusion_sets(
    modalities: &[ModelPredictions],
    settings: &FusionSettings,
) -> Result<FusionSets, FusionError> {
    let prepared = Prepared::new(modalities, settings)?;
    let (model, _) = prepared.fit()?;
    let valid = &prepared.valid;
    let truth = valid.truth("valid")?;
    let (names, subject) = prepared.settings.subjects.index("valid", &valid.names)?;
    let classes = prepared.classes.len();
    let fused = match prepared.needs_valid() {
        true => {
            let valid = Valid::new(valid, truth, &names, &subject, &prepared.settings)?;
            fit::cross_fit_subsets(
                &prepared.names,
                &prepared.classes,
                &valid,
                &prepared.settings,
                model.selection,
            )
        }
        false => (1..1u32 << prepared.names.len())
            .map(|mask| {
                let rows = (0..valid.len()).filter(|&i| valid.present[i] & mask == mask);
                let rows: Vec<usize> = rows.collect();
                let mut p = vec![0.0; rows.len() * classes];
                for (row, p) in rows.iter().zip(p.chunks_exact_mut(classes)) {
                    model.row(valid, *row, mask, p);
                }
                (rows, p)
            })
            .collect(),
    };
    let parts = fused
        .into_iter()
        .zip(&model.parts)
        .filter(|((rows, _), _)| !rows.is_empty());
    let parts = parts.map(|((rows, p), part)| {
        let truth: Vec<usize> = rows.iter().map(|&row| truth[row]).collect();
        let subject: Vec<usize> = rows.iter().map(|&row| subject[row]).collect();
        let rule = |percent: u8| {
            let coverage = f64::from(percent) / 100.0;
            SetRule::fit(&p, &truth, &subject, prepared.settings.ordered, coverage)
        };
        SubsetSets {
            modalities: part.modalities.clone(),
            rules: COVERAGES.map(rule).collect(),
        }
    });
    Ok(FusionSets {
        parts: parts.collect(),
    })
}
