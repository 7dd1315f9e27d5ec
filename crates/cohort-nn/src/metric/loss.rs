//! The losses behind one type, and what each gives.

use serde::{Deserialize, Serialize};

use super::classes::Classes;
use super::memory::CrossBatchMemory;
use super::miner::Miner;
use super::space::{Closeness, Space};
use super::tuples::Tuples;
use super::{ArcFace, Contrastive, MultiSimilarity, NtXent, ProxyAnchor, SupCon, TripletMargin};
use crate::NnError;

/// A loss of metric learning, by name in a configuration: `kind = "triplet"`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum MetricLoss {
    /// See [`Contrastive`].
    Contrastive(Contrastive),
    /// See [`TripletMargin`].
    Triplet(TripletMargin),
    /// See [`MultiSimilarity`].
    MultiSimilarity(MultiSimilarity),
    /// See [`NtXent`].
    NtXent(NtXent),
    /// See [`SupCon`].
    SupCon(SupCon),
    /// See [`ProxyAnchor`].
    ProxyAnchor(ProxyAnchor),
    /// See [`ArcFace`].
    ArcFace(ArcFace),
}

/// What a loss says of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Graded {
    /// The loss.
    pub value: f64,
    /// Its derivative by every value of the embeddings, row by row.
    pub gradient: Vec<f64>,
    /// Its derivative by every value of the proxies, where there are any.
    pub proxies: Option<Vec<f64>>,
    /// How many pairs, triplets, anchors or samples cost something.
    pub active: usize,
    /// How many there were.
    pub tuples: usize,
}

/// A loss and its derivative by every comparison.
pub(super) struct Part {
    pub(super) value: f64,
    gradient: Vec<f64>,
    columns: usize,
    pub(super) active: usize,
    pub(super) tuples: usize,
}

impl Part {
    pub(super) fn new(closeness: &Closeness, tuples: usize) -> Self {
        Self {
            value: 0.0,
            gradient: vec![0.0; closeness.rows() * closeness.columns()],
            columns: closeness.columns(),
            active: 0,
            tuples,
        }
    }

    pub(super) fn add(&mut self, row: usize, column: usize, gradient: f64) {
        self.gradient[row * self.columns + column] += gradient;
    }

    pub(super) fn scale(&mut self, by: f64) {
        self.value *= by;
        self.gradient.iter_mut().for_each(|g| *g *= by);
    }
}

/// Of every anchor the positive and the negative ones, as often as they are named: triplets name a pair more than once.
pub(super) fn by_anchor(tuples: &Tuples, anchors: usize) -> Vec<[Vec<usize>; 2]> {
    let mut all = vec![[Vec::new(), Vec::new()]; anchors];
    let (positive, negative) = tuples.pairs();
    for (kind, pairs) in [positive, negative].into_iter().enumerate() {
        for [anchor, other] in pairs {
            all[anchor][kind].push(other);
        }
    }
    all
}

/// Each once, ascending.
pub(super) fn distinct(mut places: Vec<usize>) -> Vec<usize> {
    places.sort_unstable();
    places.dedup();
    places
}

impl MetricLoss {
    /// All names.
    pub const NAMES: [&str; 7] = [
        "contrastive",
        "triplet",
        "multi-similarity",
        "nt-xent",
        "sup-con",
        "proxy-anchor",
        "arc-face",
    ];

    /// The loss of a name with its default settings.
    ///
    /// # Errors
    /// [`NnError::Loss`] for another name.
    pub fn by_name(name: &str) -> Result<Self, NnError> {
        Ok(match name {
            "contrastive" => Self::Contrastive(Contrastive::default()),
            "triplet" => Self::Triplet(TripletMargin::default()),
            "multi-similarity" => Self::MultiSimilarity(MultiSimilarity::default()),
            "nt-xent" => Self::NtXent(NtXent::default()),
            "sup-con" => Self::SupCon(SupCon::default()),
            "proxy-anchor" => Self::ProxyAnchor(ProxyAnchor::default()),
            "arc-face" => Self::ArcFace(ArcFace::default()),
            _ => {
                return Err(NnError::Loss {
                    what: "name",
                    expected: Self::NAMES.join(", "),
                    found: name.to_owned(),
                });
            }
        })
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Contrastive(_) => "contrastive",
            Self::Triplet(_) => "triplet",
            Self::MultiSimilarity(_) => "multi-similarity",
            Self::NtXent(_) => "nt-xent",
            Self::SupCon(_) => "sup-con",
            Self::ProxyAnchor(_) => "proxy-anchor",
            Self::ArcFace(_) => "arc-face",
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`NnError::Config`] naming the first setting that is out of its range.
    pub fn validate(&self) -> Result<(), NnError> {
        match self {
            Self::Contrastive(loss) => loss.validate(),
            Self::Triplet(loss) => loss.validate(),
            Self::MultiSimilarity(loss) => loss.validate(),
            Self::NtXent(loss) => loss.validate(),
            Self::SupCon(loss) => loss.validate(),
            Self::ProxyAnchor(loss) => loss.validate(),
            Self::ArcFace(loss) => loss.validate(),
        }
    }

    /// What it compares embeddings by.
    pub fn space(&self) -> Space {
        match self {
            Self::Contrastive(loss) => loss.space(),
            Self::Triplet(loss) => loss.space(),
            _ => Space::Cosine,
        }
    }

    /// Whether every class has a proxy that is learnt; such a loss takes no miner and no memory.
    pub fn has_proxies(&self) -> bool {
        matches!(self, Self::ProxyAnchor(_) | Self::ArcFace(_))
    }

    /// The loss of a batch: embeddings of `width` values a row, and their classes.
    ///
    /// Without a miner every pair or triplet of the batch counts. A batch without any costs nothing. (The library that this is
    /// held against also gives 0 for a single positive with a single negative pair; here they cost what they cost.)
    ///
    /// # Errors
    /// [`NnError::Loss`] when rows and labels contradict each other, or the loss has proxies.
    pub fn grade(
        &self,
        rows: &[f32],
        width: usize,
        labels: &[usize],
        miner: Option<&Miner>,
    ) -> Result<Graded, NnError> {
        fits(rows, width, labels)?;
        let itself: Vec<usize> = (0..labels.len()).collect();
        let classes = Classes {
            anchors: labels,
            others: labels,
            itself: &itself,
        };
        let closeness = self.space().compare(rows, rows, width);
        let mined = miner
            .map(|miner| miner.for_loss(self.space(), &closeness, rows, rows, width, &classes));
        let part = self.of_tuples(&closeness, &classes, mined.as_ref())?;
        Ok(Graded {
            value: part.value,
            gradient: closeness.back_to_both(&part.gradient),
            proxies: None,
            active: part.active,
            tuples: part.tuples,
        })
    }

    /// The loss of a batch against what a memory holds, in which the batch itself stands already
    /// ([`CrossBatchMemory::add`]); what is remembered takes no gradient.
    ///
    /// # Errors
    /// As [`Self::grade`].
    pub fn grade_with_memory(
        &self,
        rows: &[f32],
        width: usize,
        labels: &[usize],
        miner: Option<&Miner>,
        memory: &CrossBatchMemory,
    ) -> Result<Graded, NnError> {
        fits(rows, width, labels)?;
        let classes = Classes {
            anchors: labels,
            others: memory.labels(),
            itself: memory.latest(),
        };
        if classes.itself.len() != labels.len() {
            return Err(NnError::Loss {
                what: "memory",
                expected: format!("a batch of {} as the last that was added", labels.len()),
                found: classes.itself.len().to_string(),
            });
        }
        let closeness = self.space().compare(rows, memory.rows(), width);
        let mined = miner.map(|miner| {
            miner.for_loss(
                self.space(),
                &closeness,
                rows,
                memory.rows(),
                width,
                &classes,
            )
        });
        let part = self.of_tuples(&closeness, &classes, mined.as_ref())?;
        Ok(Graded {
            value: part.value,
            gradient: closeness.back(&part.gradient).0,
            proxies: None,
            active: part.active,
            tuples: part.tuples,
        })
    }

    /// The loss of a batch against proxies, one a class, in the order of the classes.
    ///
    /// # Errors
    /// [`NnError::Loss`] when rows, labels and proxies contradict each other, or the loss has no proxies.
    pub fn grade_with_proxies(
        &self,
        rows: &[f32],
        width: usize,
        labels: &[usize],
        proxies: &[f32],
    ) -> Result<Graded, NnError> {
        fits(rows, width, labels)?;
        let classes = proxies.len() / width.max(1);
        if let Some(label) = labels.iter().find(|&&label| label >= classes) {
            return Err(NnError::Loss {
                what: "class index",
                expected: format!("below {classes}, the number of proxies"),
                found: label.to_string(),
            });
        }
        let closeness = Space::Cosine.compare(rows, proxies, width);
        let part = match self {
            Self::ProxyAnchor(loss) => loss.grade(&closeness, labels),
            Self::ArcFace(loss) => loss.grade(&closeness, labels),
            _ => return Err(self.other_kind("proxies")),
        };
        let (gradient, of_proxies) = closeness.back(&part.gradient);
        Ok(Graded {
            value: part.value,
            gradient,
            proxies: Some(of_proxies),
            active: part.active,
            tuples: part.tuples,
        })
    }

    fn of_tuples(
        &self,
        closeness: &Closeness,
        classes: &Classes,
        mined: Option<&Tuples>,
    ) -> Result<Part, NnError> {
        let all = || match mined {
            Some(tuples) => tuples.clone(),
            None => Tuples::all_pairs(classes),
        };
        Ok(match self {
            Self::Contrastive(loss) => loss.grade(closeness, &all()),
            Self::Triplet(loss) => loss.grade(closeness, classes, mined),
            Self::MultiSimilarity(loss) => loss.grade(closeness, &all()),
            Self::NtXent(loss) => loss.grade(closeness, &all()),
            Self::SupCon(loss) => loss.grade(closeness, &all()),
            Self::ProxyAnchor(_) | Self::ArcFace(_) => return Err(self.other_kind("no proxies")),
        })
    }

    fn other_kind(&self, found: &str) -> NnError {
        NnError::Loss {
            what: self.name(),
            expected: "to be used as it was made: with proxies or without".to_owned(),
            found: found.to_owned(),
        }
    }
}

fn fits(rows: &[f32], width: usize, labels: &[usize]) -> Result<(), NnError> {
    if width > 0 && rows.len() == labels.len() * width {
        return Ok(());
    }
    Err(NnError::Loss {
        what: "batch",
        expected: format!("{} rows of {width} values", labels.len()),
        found: format!("{} values", rows.len()),
    })
}
