//! The rows of an ablation with their predictions: every subset of the modalities, late and joint, and what they stand beside.

use std::collections::{BTreeMap, BTreeSet};

use cohort_tables::{Predictions, clip_id};
use serde::{Deserialize, Serialize};

use crate::FusionError;
use crate::align::align;
use crate::fit;
use crate::fuse::Prepared;
use crate::numeric::argmax;
use crate::settings::FusionRule;

/// Weights of the reference's late fusion, for the modalities image, audio and text.
const REFERENCE_WEIGHTS: [[f64; 3]; 3] = [[1.2, 0.8, 0.8], [1.2, 0.8, 0.0], [1.2, 0.0, 0.8]];

/// Predictions of a model that learned some modalities together, to stand beside late fusion.
#[derive(Debug, Clone, PartialEq)]
pub struct JointModel {
    /// Name of the family, e.g. `joint gated`. A family with a model for every subset gets Shapley shares.
    pub family: String,
    /// Names of the modalities that it was given.
    pub modalities: Vec<String>,
    /// Its test predictions.
    pub test: Predictions,
}

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// The most frequent class of the validation split, always.
    Baseline,
    /// One modality's predictions as they came.
    Single,
    /// Late fusion of a subset of the modalities, fitted for that subset.
    Late,
    /// Late fusion fitted for all modalities and used as it is with one of them missing.
    LateUnchanged,
    /// The reference's weighted sum of uncalibrated logits.
    Reference,
    /// A model that learned the modalities together.
    Joint,
}

/// A row before it is scored.
pub(crate) struct Candidate {
    pub(crate) name: String,
    pub(crate) family: Family,
    pub(crate) joint: Option<String>,
    pub(crate) mask: u32,
    pub(crate) unanswered: usize,
    pub(crate) predictions: Predictions,
}

/// Names of the modalities of a subset.
pub(crate) fn members(names: &[String], mask: u32) -> Vec<String> {
    let chosen = names.iter().enumerate().filter(|(m, _)| mask >> m & 1 == 1);
    chosen.map(|(_, name)| name.clone()).collect()
}

/// All rows with their predictions for the aligned test clips.
pub(crate) fn candidates(
    prepared: &Prepared,
    joint: &[JointModel],
) -> Result<Vec<Candidate>, FusionError> {
    let names = &prepared.names;
    let full = (1u32 << names.len()) - 1;
    let (model, _) = prepared.fit()?;
    let row = |name: String, family: Family, mask: u32, (predictions, unanswered)| Candidate {
        name,
        family,
        joint: None,
        mask,
        unanswered,
        predictions,
    };
    let mut all = vec![row(
        "majority".to_string(),
        Family::Baseline,
        0,
        (model.predict(&prepared.test, 0).0, 0),
    )];
    let as_it_came = fit::fixed(
        names,
        &prepared.classes,
        &FusionRule::SumLogits,
        vec![1.0; names.len()],
        model.prior.clone(),
    );
    for (m, name) in names.iter().enumerate() {
        let found = as_it_came.predict(&prepared.test, 1 << m);
        all.push(row(
            format!("{name} as it came"),
            Family::Single,
            1 << m,
            found,
        ));
    }
    let mut masks: Vec<u32> = (1..=full).collect();
    masks.sort_by_key(|mask| (std::cmp::Reverse(mask.count_ones()), *mask));
    for mask in masks {
        let name = members(names, mask).join(" + ");
        all.push(row(
            name,
            Family::Late,
            mask,
            model.predict(&prepared.test, mask),
        ));
    }
    let unchanged = model.unchanged();
    for missing in (0..names.len()).filter(|_| names.len() > 2) {
        let mask = full & !(1 << missing);
        all.push(row(
            format!(
                "{}, fitted with {}",
                members(names, mask).join(" + "),
                names[missing]
            ),
            Family::LateUnchanged,
            mask,
            unchanged.predict(&prepared.test, mask),
        ));
    }
    all.extend(reference_rows(prepared, &model.prior));
    for model_row in joint {
        all.push(joint_row(prepared, model_row, &model.prior)?);
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = all.iter().find(|row| !seen.insert(row.name.clone())) {
        return Err(FusionError::Modalities {
            expected: "every row once".into(),
            found: format!("{} twice", twice.name),
        });
    }
    Ok(all)
}

/// The reference's weighted sums, when the modalities are image, audio and text.
fn reference_rows(prepared: &Prepared, prior: &[f64]) -> Vec<Candidate> {
    if prepared.names != ["audio", "image", "text"] {
        return Vec::new();
    }
    let rows = REFERENCE_WEIGHTS.iter().map(|&[image, audio, text]| {
        let rule = FusionRule::WeightedSumLogits {
            weights: vec![audio, image, text],
        };
        let temperatures = vec![1.0; 3];
        let model = fit::fixed(
            &prepared.names,
            &prepared.classes,
            &rule,
            temperatures,
            prior.to_vec(),
        );
        let mask = [audio, image, text]
            .iter()
            .enumerate()
            .filter(|(_, weight)| **weight != 0.0)
            .fold(0, |mask, (m, _)| mask | 1 << m);
        let (predictions, unanswered) = model.predict(&prepared.test, mask);
        Candidate {
            name: format!("reference {image} image + {audio} audio + {text} text"),
            family: Family::Reference,
            joint: None,
            mask,
            unanswered,
            predictions,
        }
    });
    rows.collect()
}

fn joint_row(
    prepared: &Prepared,
    model: &JointModel,
    prior: &[f64],
) -> Result<Candidate, FusionError> {
    let mut mask = 0;
    for name in &model.modalities {
        let Some(m) = prepared.names.iter().position(|known| known == name) else {
            return Err(FusionError::Modalities {
                expected: format!("joint models of {}", prepared.names.join(", ")),
                found: format!("{} of {name}", model.family),
            });
        };
        mask |= 1 << m;
    }
    if mask == 0 {
        return Err(FusionError::Modalities {
            expected: "joint models of at least one modality".into(),
            found: format!("{} of none", model.family),
        });
    }
    let name = format!(
        "{}: {}",
        model.family,
        members(&prepared.names, mask).join(" + ")
    );
    let own = align("test", &prepared.classes, &[(&name, &model.test)])?;
    let rows: BTreeMap<&str, usize> = own
        .names
        .iter()
        .enumerate()
        .map(|(i, name)| (clip_id(name), i))
        .collect();
    let k = prepared.classes.len();
    let mut probabilities = Vec::with_capacity(prepared.test.len() * k);
    let (mut unanswered, mut contradicting) = (0, Vec::new());
    for (i, video) in prepared.test.names.iter().enumerate() {
        let clip = clip_id(video);
        let Some(&row) = rows.get(clip) else {
            probabilities.extend_from_slice(prior);
            unanswered += 1;
            continue;
        };
        probabilities.extend(own.row(0, row).iter().map(|z| z.exp()));
        if let (Some(a), Some(b)) = (&own.truth, &prepared.test.truth)
            && a[row] != b[i]
        {
            contradicting.push(clip);
        }
    }
    if !contradicting.is_empty() {
        let expected = format!("the same ground truth in {name} as in the modalities, and another");
        return Err(FusionError::clips("test", expected, &contradicting));
    }
    if own.len() + unanswered > prepared.test.len() {
        let known: BTreeSet<&str> = prepared.test.names.iter().map(|n| clip_id(n)).collect();
        let extra: Vec<&str> = rows
            .keys()
            .copied()
            .filter(|clip| !known.contains(clip))
            .collect();
        let expected = format!("the clips of {name} among those of the modalities, and others");
        return Err(FusionError::clips("test", expected, &extra));
    }
    let predictions = Predictions {
        names: prepared.test.names.clone(),
        classes: prepared.classes.clone(),
        truth: prepared.test.truth.clone(),
        predicted: probabilities.chunks_exact(k.max(1)).map(argmax).collect(),
        probabilities: Some(probabilities),
    };
    let joint = Some(model.family.clone());
    Ok(Candidate {
        name,
        family: Family::Joint,
        joint,
        mask,
        unanswered,
        predictions,
    })
}
