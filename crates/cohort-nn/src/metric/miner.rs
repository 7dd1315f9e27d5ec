//! Miners: which pairs or triplets of a batch a loss looks at.

use serde::{Deserialize, Serialize};

use super::classes::Classes;
use super::row_miner::{Pick, mine};
use super::space::{Closeness, Space};
use super::tuples::Tuples;
use crate::NnError;
use crate::checks::number;

/// Which triplets, by how much further the negative is than the positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MarginTriplets {
    /// All that violate the margin (default).
    #[default]
    All,
    /// Those of them whose negative is nearer than, or as near as, the positive.
    Hard,
    /// Those of them whose negative is further.
    SemiHard,
    /// Those that do not violate it.
    Easy,
}

/// A miner, by name in a configuration: `kind = "batch-hard"`. It measures as the loss does, by the distance of unit vectors
/// where the loss compares cosines.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Miner {
    /// Of every anchor one positive and one negative (`BatchEasyHardMiner`). Not both semi-hard, and semi-hard not with all.
    Batch {
        /// Which positive.
        positive: Pick,
        /// Which negative.
        negative: Pick,
    },
    /// The nearest positive and the nearest negative that is further (Xuan et al. 2020).
    EasyPositive,
    /// The furthest positive and the nearest negative (Hermans et al. 2017).
    BatchHard,
    /// Triplets whose negative is further than the positive, but by no more than a margin (Schroff et al. 2015).
    SemiHard {
        /// The margin, at least 0. Default 0.2.
        #[serde(default = "default_margin")]
        margin: f64,
    },
    /// Positive pairs further than one margin, negative pairs nearer than another.
    PairMargin {
        /// Positive pairs beyond it. Default 0.2.
        #[serde(default = "default_margin")]
        positive: f64,
        /// Negative pairs within it. Default 0.8.
        #[serde(default = "default_negative")]
        negative: f64,
    },
    /// Triplets by a margin.
    TripletMargin {
        /// The margin, at least 0. Default 0.2.
        #[serde(default = "default_margin")]
        margin: f64,
        /// Which of them. Default all that violate it.
        #[serde(default)]
        triplets: MarginTriplets,
    },
}

fn default_margin() -> f64 {
    0.2
}

fn default_negative() -> f64 {
    0.8
}

impl Miner {
    /// The names of those that have one of their own.
    pub const NAMES: [&str; 5] = [
        "easy-positive",
        "semi-hard",
        "batch-hard",
        "pair-margin",
        "triplet-margin",
    ];

    /// The miner of a name with its default settings.
    ///
    /// # Errors
    /// [`NnError::Loss`] for another name.
    pub fn by_name(name: &str) -> Result<Self, NnError> {
        Ok(match name {
            "easy-positive" => Self::EasyPositive,
            "semi-hard" => Self::SemiHard {
                margin: default_margin(),
            },
            "batch-hard" => Self::BatchHard,
            "pair-margin" => Self::PairMargin {
                positive: default_margin(),
                negative: default_negative(),
            },
            "triplet-margin" => Self::TripletMargin {
                margin: default_margin(),
                triplets: MarginTriplets::All,
            },
            _ => {
                return Err(NnError::Loss {
                    what: "miner",
                    expected: Self::NAMES.join(", "),
                    found: name.to_owned(),
                });
            }
        })
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`NnError::Config`] naming the first setting that does not fit.
    pub fn validate(&self) -> Result<(), NnError> {
        let least = |m: f64| m >= 0.0;
        match self {
            Self::EasyPositive | Self::BatchHard => Ok(()),
            Self::SemiHard { margin } | Self::TripletMargin { margin, .. } => {
                number("miner.margin", *margin, least, "at least 0")
            }
            Self::PairMargin { positive, negative } => {
                number("miner.positive", *positive, least, "at least 0")?;
                number("miner.negative", *negative, least, "at least 0")
            }
            Self::Batch { positive, negative } => {
                let semi = |pick: &Pick| *pick == Pick::SemiHard;
                let other = |pick: &Pick| matches!(pick, Pick::SemiHard | Pick::All);
                let fits =
                    !(semi(positive) && other(negative) || semi(negative) && other(positive));
                match fits {
                    true => Ok(()),
                    false => Err(NnError::Config {
                        field: "miner",
                        expected: "semi-hard with easy or hard only".to_owned(),
                        found: format!("{positive:?} and {negative:?}"),
                    }),
                }
            }
        }
    }

    /// Mines in a matrix of distances.
    pub fn mine(&self, distances: &Closeness, classes: &Classes) -> Tuples {
        match *self {
            Self::Batch { positive, negative } => mine(distances, classes, positive, negative),
            Self::EasyPositive => mine(distances, classes, Pick::Easy, Pick::SemiHard),
            Self::BatchHard => {
                let tuples = mine(distances, classes, Pick::Hard, Pick::Hard);
                let mut triplets = Vec::new();
                tuples.each_triplet(|a, p, n| triplets.push([a, p, n]));
                Tuples::Triplets(triplets)
            }
            Self::SemiHard { margin } => {
                triplets_by_margin(distances, classes, margin, MarginTriplets::SemiHard)
            }
            Self::TripletMargin { margin, triplets } => {
                triplets_by_margin(distances, classes, margin, triplets)
            }
            Self::PairMargin { positive, negative } => {
                let (mut near, mut far) = (Vec::new(), Vec::new());
                for i in 0..classes.anchors.len() {
                    let row = distances.row(i);
                    far.extend(
                        classes
                            .positives(i)
                            .filter(|&j| row[j] > positive)
                            .map(|j| [i, j]),
                    );
                    near.extend(
                        classes
                            .negatives(i)
                            .filter(|&j| row[j] < negative)
                            .map(|j| [i, j]),
                    );
                }
                Tuples::Pairs {
                    positive: far,
                    negative: near,
                }
            }
        }
    }

    /// Mines for a loss that compares by `space`, whose own comparisons are `closeness`.
    pub(super) fn for_loss(
        &self,
        space: Space,
        closeness: &Closeness,
        rows: &[f32],
        others: &[f32],
        width: usize,
        classes: &Classes,
    ) -> Tuples {
        match space {
            Space::Cosine => {
                let distances = Space::UnitDistance.compare(rows, others, width);
                self.mine(&distances, classes)
            }
            _ => self.mine(closeness, classes),
        }
    }
}

fn triplets_by_margin(
    distances: &Closeness,
    classes: &Classes,
    margin: f64,
    kind: MarginTriplets,
) -> Tuples {
    let mut triplets = Vec::new();
    for i in 0..classes.anchors.len() {
        let row = distances.row(i);
        let negatives: Vec<usize> = classes.negatives(i).collect();
        for p in classes.positives(i) {
            let wanted = |n: &usize| {
                let further = row[*n] - row[p];
                match kind {
                    MarginTriplets::All => further <= margin,
                    MarginTriplets::Hard => further <= margin && further <= 0.0,
                    MarginTriplets::SemiHard => further <= margin && further > 0.0,
                    MarginTriplets::Easy => further > margin,
                }
            };
            triplets.extend(negatives.iter().copied().filter(wanted).map(|n| [i, p, n]));
        }
    }
    Tuples::Triplets(triplets)
}
