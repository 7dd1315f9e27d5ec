//! A fused model: what was fitted, and how it decides for any subset of its modalities.

use cohort_tables::Predictions;
use serde::{Deserialize, Serialize};

use crate::FusionError;
use crate::align::{Aligned, align};
use crate::design::centre;
use crate::numeric::{argmax, softmax};
use crate::ordinal::ProportionalOdds;
use crate::settings::FusionRule;
use crate::weights::Weighted;

/// A late fusion that was fitted and can be applied to new predictions, of all modalities or some.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FusionModel {
    /// The rule.
    pub rule: FusionRule,
    /// Class codes in order.
    pub classes: Vec<String>,
    /// Names of the modalities, in the order of their names; so are all lists by modality.
    pub modalities: Vec<String>,
    /// Temperature that each modality's logits are divided by; 1 without calibration.
    pub temperatures: Vec<f64>,
    /// Class shares of the validation split, one clip added to each class; equal shares when that split is empty. The
    /// answer for a clip that no modality speaks of.
    pub prior: Vec<f64>,
    /// What the folds chose; absent when nothing was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<CrossValidated>,
    /// One for every non-empty subset of the modalities, fitted on the clips that have them all.
    pub parts: Vec<SubsetFusion>,
}

/// Penalties and tilt that folds by subject chose on the validation split.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CrossValidated {
    /// Penalty on unequal weights and free class biases.
    pub weight_penalty: f64,
    /// Penalty of the stacking regression; absent for fitted weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stacking_penalty: Option<f64>,
    /// Exponent of the class weights, 0 (every clip counts alike) to 1 (every class counts alike).
    pub tilt: f64,
    /// Folds by subject that chose.
    pub folds: usize,
    /// Clips with all modalities that they held.
    pub clips: usize,
}

/// The fusion of one subset of the modalities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubsetFusion {
    /// Names of the modalities of this subset.
    pub modalities: Vec<String>,
    /// Validation clips that it was fitted on; 0 when nothing was fitted.
    pub clips: usize,
    /// What is computed.
    #[serde(flatten)]
    pub form: Form,
}

/// What a part computes from the centred logits `x` (modalities x classes) of a clip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum Form {
    /// `softmax(sum_m weights[m] x[m] + bias)`.
    Weighted {
        /// One a modality.
        weights: Vec<f64>,
        /// One a class.
        bias: Vec<f64>,
    },
    /// `mean_m softmax(x[m])`.
    MeanProbabilities,
    /// `softmax(matrix x + bias)`.
    Multinomial {
        /// Row-major, classes x (modalities * classes).
        matrix: Vec<f64>,
        /// One a class.
        bias: Vec<f64>,
    },
    /// `P(class <= k) = sigmoid(thresholds[k] - coefficients x)`.
    Ordinal {
        /// One a modality and class.
        coefficients: Vec<f64>,
        /// Increasing, one less than classes.
        thresholds: Vec<f64>,
    },
}

impl Form {
    /// Writes the class probabilities for a row of stacked logits.
    pub(crate) fn probabilities(&self, row: &[f64], out: &mut [f64]) {
        let classes = out.len();
        out.fill(0.0);
        match self {
            Form::Weighted { weights, bias } => {
                for (z, b) in out.iter_mut().zip(bias) {
                    *z = *b;
                }
                for (x, w) in row.chunks_exact(classes).zip(weights) {
                    out.iter_mut().zip(x).for_each(|(z, x)| *z += w * x);
                }
                softmax(out);
            }
            Form::MeanProbabilities => {
                let share = classes as f64 / row.len().max(1) as f64;
                for x in row.chunks_exact(classes) {
                    let mut p = x.to_vec();
                    softmax(&mut p);
                    out.iter_mut().zip(&p).for_each(|(z, p)| *z += share * p);
                }
            }
            Form::Multinomial { matrix, bias } => {
                for ((z, c), b) in out.iter_mut().zip(matrix.chunks_exact(row.len())).zip(bias) {
                    *z = b + c.iter().zip(row).map(|(c, x)| c * x).sum::<f64>();
                }
                softmax(out);
            }
            Form::Ordinal {
                coefficients,
                thresholds,
            } => {
                let model = ProportionalOdds {
                    coefficients: coefficients.clone(),
                    thresholds: thresholds.clone(),
                };
                model.log_probabilities(row, out);
                softmax(out);
            }
        }
    }
}

impl Form {
    /// What is left of a form over some modalities when only `members` of them, by position, are there.
    fn of(&self, members: &[usize], classes: usize) -> Self {
        // the values of one modality stand side by side, `each` at a time
        let kept = |values: &[f64], each: usize| -> Vec<f64> {
            let blocks = members.iter().map(|m| &values[m * each..(m + 1) * each]);
            blocks.flatten().copied().collect()
        };
        match self {
            Form::MeanProbabilities => Form::MeanProbabilities,
            Form::Weighted { weights, bias } => Form::Weighted {
                weights: kept(weights, 1),
                bias: bias.clone(),
            },
            Form::Multinomial { matrix, bias } => {
                let rows = matrix.chunks_exact(matrix.len() / classes.max(1));
                Form::Multinomial {
                    matrix: rows.flat_map(|row| kept(row, classes)).collect(),
                    bias: bias.clone(),
                }
            }
            Form::Ordinal {
                coefficients,
                thresholds,
            } => Form::Ordinal {
                coefficients: kept(coefficients, classes),
                thresholds: thresholds.clone(),
            },
        }
    }
}

impl From<Weighted> for Form {
    fn from(rule: Weighted) -> Self {
        Form::Weighted {
            weights: rule.weights,
            bias: rule.bias,
        }
    }
}

impl FusionModel {
    /// The fused predictions for tables of all the modalities or some, a row a clip, sorted by clip id.
    ///
    /// # Errors
    /// [`FusionError`] when a name is not one of the model's modalities, tables have other classes or no
    /// probabilities, clips occur twice or truths contradict each other.
    pub fn apply(&self, tables: &[(&str, &Predictions)]) -> Result<Predictions, FusionError> {
        let none = Predictions::default();
        let mut by_modality: Vec<(&str, &Predictions)> = self
            .modalities
            .iter()
            .map(|name| (name.as_str(), &none))
            .collect();
        for (name, table) in tables {
            match by_modality.iter_mut().find(|(known, _)| known == name) {
                Some(slot) if slot.1.is_empty() => slot.1 = table,
                found => {
                    return Err(FusionError::Modalities {
                        expected: format!("each of {} at most once", self.modalities.join(", ")),
                        found: match found {
                            Some(_) => format!("{name} twice"),
                            None => (*name).to_string(),
                        },
                    });
                }
            }
        }
        let aligned = align("test", &self.classes, &by_modality)?;
        Ok(self.predict(&aligned, u32::MAX).0)
    }

    /// The part of a subset of the modalities, by names in any order.
    pub fn part(&self, modalities: &[&str]) -> Option<&SubsetFusion> {
        self.parts.iter().find(|part| {
            part.modalities.len() == modalities.len()
                && part
                    .modalities
                    .iter()
                    .all(|name| modalities.contains(&name.as_str()))
        })
    }

    /// Weight of each modality in the full fusion; `None` when the rule has no weights.
    pub fn weights(&self) -> Option<&[f64]> {
        match &self.parts.last()?.form {
            Form::Weighted { weights, .. } => Some(weights),
            _ => None,
        }
    }

    /// The full fusion for every subset: nothing is fitted anew, a missing modality says nothing (centred logits of 0).
    pub(crate) fn unchanged(&self) -> Self {
        let Some(full) = self.parts.last() else {
            return self.clone();
        };
        let parts = self.parts.iter().map(|part| {
            let members: Vec<usize> = (0..full.modalities.len())
                .filter(|&m| part.modalities.contains(&full.modalities[m]))
                .collect();
            SubsetFusion {
                modalities: part.modalities.clone(),
                clips: full.clips,
                form: full.form.of(&members, self.classes.len()),
            }
        });
        Self {
            parts: parts.collect(),
            ..self.clone()
        }
    }

    /// Predictions for aligned clips from the modalities in `keep` (a bit each), and how many clips had none of them
    /// and were answered with the prior.
    pub(crate) fn predict(&self, aligned: &Aligned, keep: u32) -> (Predictions, usize) {
        let k = self.classes.len();
        let n = aligned.len();
        let mut probabilities = vec![0.0; n * k];
        let mut unanswered = 0;
        for (i, out) in probabilities.chunks_exact_mut(k.max(1)).enumerate() {
            if !self.row(aligned, i, aligned.present[i] & keep, out) {
                unanswered += 1;
            }
        }
        (self.assemble(aligned, probabilities), unanswered)
    }

    /// Writes one clip's probabilities; `false` when they are the prior.
    pub(crate) fn row(&self, aligned: &Aligned, i: usize, mask: u32, out: &mut [f64]) -> bool {
        // Parts are in the order of their masks, 1 to 2^n - 1.
        let part = (mask as usize)
            .checked_sub(1)
            .and_then(|at| self.parts.get(at));
        let Some(part) = part else {
            out.copy_from_slice(&self.prior);
            return false;
        };
        let mut stacked = Vec::with_capacity(part.modalities.len() * out.len());
        stack_row(aligned, i, mask, &self.temperatures, &mut stacked);
        part.form.probabilities(&stacked, out);
        true
    }

    pub(crate) fn assemble(&self, aligned: &Aligned, probabilities: Vec<f64>) -> Predictions {
        Predictions {
            names: aligned.names.clone(),
            classes: self.classes.clone(),
            truth: aligned.truth.clone(),
            predicted: probabilities
                .chunks_exact(self.classes.len().max(1))
                .map(argmax)
                .collect(),
            probabilities: Some(probabilities),
        }
    }
}

/// Appends a clip's stacked logits: for each modality in `mask`, log probabilities over temperature, centred.
pub(crate) fn stack_row(
    aligned: &Aligned,
    i: usize,
    mask: u32,
    temperatures: &[f64],
    stacked: &mut Vec<f64>,
) {
    for (m, temperature) in temperatures
        .iter()
        .enumerate()
        .filter(|(m, _)| mask >> m & 1 == 1)
    {
        let start = stacked.len();
        stacked.extend(aligned.row(m, i).iter().map(|z| z / temperature));
        centre(&mut stacked[start..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacked_logits_are_centred_and_divided_by_the_temperature() {
        let logits: [[f64; 3]; 2] =
            [[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]].map(|p: [f64; 3]| p.map(f64::ln));
        let aligned = Aligned {
            names: vec!["a".into()],
            classes: 3,
            truth: None,
            logits: logits.map(|row| row.to_vec()).to_vec(),
            present: vec![0b11],
        };
        let mut stacked = Vec::new();
        stack_row(&aligned, 0, 0b11, &[2.0, 0.5], &mut stacked);
        for (part, (row, temperature)) in stacked.chunks(3).zip(logits.iter().zip([2.0, 0.5])) {
            assert!(part.iter().sum::<f64>().abs() < 1e-12, "centred: {part:?}");
            let difference = (row[0] - row[2]) / temperature;
            assert!((part[0] - part[2] - difference).abs() < 1e-12);
        }
        // a modality that is not asked for adds nothing
        let mut one = Vec::new();
        stack_row(&aligned, 0, 0b10, &[2.0, 0.5], &mut one);
        assert_eq!(one, stacked[3..]);
    }

    /// A form without a modality answers as the whole one does when that modality's logits are 0.
    #[test]
    fn what_is_left_of_a_form_answers_as_if_the_missing_modality_said_nothing() {
        let (modalities, classes) = (3, 4);
        let wave = |n: usize| -> Vec<f64> { (0..n).map(|i| (i as f64 * 0.7).sin()).collect() };
        let forms = [
            Form::Weighted {
                weights: wave(modalities),
                bias: wave(classes),
            },
            Form::Multinomial {
                matrix: wave(classes * modalities * classes),
                bias: wave(classes),
            },
            Form::Ordinal {
                coefficients: wave(modalities * classes),
                thresholds: vec![-0.5, 0.1, 0.9],
            },
        ];
        let row: Vec<f64> = (0..modalities * classes)
            .map(|i| (i as f64).cos())
            .collect();
        for form in forms {
            for missing in 0..modalities {
                let members: Vec<usize> = (0..modalities).filter(|m| *m != missing).collect();
                let block = missing * classes..(missing + 1) * classes;
                let mut silent = row.clone();
                silent[block.clone()].fill(0.0);
                let mut left = row.clone();
                left.drain(block);
                let (mut expected, mut found) = (vec![0.0; classes], vec![0.0; classes]);
                form.probabilities(&silent, &mut expected);
                form.of(&members, classes).probabilities(&left, &mut found);
                for (a, b) in found.iter().zip(&expected) {
                    assert!((a - b).abs() < 1e-12, "{form:?} without {missing}");
                }
            }
        }
    }
}
