//! The contrastive loss of siamese networks.

use serde::{Deserialize, Serialize};

use super::loss::Part;
use super::space::{Closeness, Space};
use super::tuples::Tuples;
use crate::NnError;
use crate::checks::number;

/// What is made of a pair's distance d and a margin m.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContrastiveForm {
    /// max(0, d - m) of a positive pair, max(0, m - d) of a negative one (default).
    #[default]
    Linear,
    /// The same of the squared distance.
    SquaredDistance,
    /// Half the square of the linear form (Hadsell et al. 2006).
    SquaredHinge,
}

/// Contrastive loss: positive pairs nearer than a margin, negative pairs further than another. The mean over the positive pairs
/// that cost something, and that over such negative ones, are added.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Contrastive {
    /// Distance below which a positive pair costs nothing, at least 0. Default 0.
    pub positive_margin: f64,
    /// Distance above which a negative pair costs nothing, above 0. Default 1.
    pub negative_margin: f64,
    /// Whether embeddings are scaled to length 1 first. Default yes.
    pub normalise: bool,
    /// What is made of a distance. Default linear.
    pub form: ContrastiveForm,
}

impl Default for Contrastive {
    fn default() -> Self {
        Self {
            positive_margin: 0.0,
            negative_margin: 1.0,
            normalise: true,
            form: ContrastiveForm::default(),
        }
    }
}

impl Contrastive {
    pub(super) fn validate(&self) -> Result<(), NnError> {
        let least = |m: f64| m >= 0.0;
        number(
            "loss.positive_margin",
            self.positive_margin,
            least,
            "at least 0",
        )?;
        number(
            "loss.negative_margin",
            self.negative_margin,
            |m| m > 0.0,
            "above 0",
        )
    }

    pub(super) fn space(&self) -> Space {
        let squared = self.form == ContrastiveForm::SquaredDistance;
        Space::distance(self.normalise, squared)
    }

    pub(super) fn grade(&self, closeness: &Closeness, tuples: &Tuples) -> Part {
        let (positive, negative) = tuples.pairs();
        let mut part = Part::new(closeness, positive.len() + negative.len());
        for (pairs, margin, sign) in [
            (positive, self.positive_margin, 1.0),
            (negative, self.negative_margin, -1.0),
        ] {
            let excess = |&[i, j]: &[usize; 2]| sign * (closeness.at(i, j) - margin);
            let costly: Vec<&[usize; 2]> = pairs.iter().filter(|pair| excess(pair) > 0.0).collect();
            let share = 1.0 / costly.len().max(1) as f64;
            for &pair in &costly {
                let excess = excess(pair);
                let (loss, slope) = match self.form {
                    ContrastiveForm::SquaredHinge => (0.5 * excess * excess, excess),
                    _ => (excess, 1.0),
                };
                part.value += share * loss;
                part.add(pair[0], pair[1], share * slope * sign);
            }
            part.active += costly.len();
        }
        part
    }
}
