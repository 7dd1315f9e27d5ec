//! What identifies the samples of a classifier's run.

use serde::{Deserialize, Serialize};

use crate::{Source, TrainError};

/// What identifies the samples of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DataFacts {
    /// Training samples of each class.
    pub(crate) train_counts: Vec<usize>,
    /// Validation samples of each class.
    pub(crate) valid_counts: Vec<usize>,
    /// BLAKE3 of names and labels of both parts, in order.
    pub(crate) digest: String,
}

impl DataFacts {
    /// Counts the labels and checks that each is below `classes`.
    pub(crate) fn new(
        train: &dyn Source,
        valid: &dyn Source,
        classes: usize,
    ) -> Result<Self, TrainError> {
        let mut hasher = blake3::Hasher::new();
        let mut count = |source: &dyn Source, part: &'static str| {
            let mut counts = vec![0; classes];
            for index in 0..source.len() {
                let (name, label) = (source.name(index), source.label(index));
                let count = counts.get_mut(label).ok_or_else(|| TrainError::Data {
                    part,
                    expected: format!("class indices below {classes}"),
                    found: format!("{label} for {name:?}"),
                })?;
                *count += 1;
                hasher.update(name.as_bytes());
                hasher.update(&[0]);
                hasher.update(&(label as u64).to_le_bytes());
            }
            hasher.update(part.as_bytes());
            Ok::<_, TrainError>(counts)
        };
        let train_counts = count(train, "training")?;
        let valid_counts = count(valid, "validation")?;
        Ok(Self {
            train_counts,
            valid_counts,
            digest: hasher.finalize().to_hex().to_string(),
        })
    }
}
