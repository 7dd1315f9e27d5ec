//! A memory of earlier batches' embeddings.

use std::collections::BTreeMap;

use cohort_weights::{Array, Weights};

use crate::NnError;

/// Cross-batch memory (Wang et al. 2020): the last embeddings and their classes in a ring, so that a batch is compared with far more
/// than itself. They move slowly enough to be used as they were.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossBatchMemory {
    size: usize,
    width: usize,
    rows: Vec<f32>,
    labels: Vec<usize>,
    /// Where the next one goes.
    next: usize,
    latest: Vec<usize>,
}

impl CrossBatchMemory {
    /// An empty memory of `size` embeddings of `width` values.
    ///
    /// # Errors
    /// [`NnError::Config`] for a size or a width of 0.
    pub fn new(size: usize, width: usize) -> Result<Self, NnError> {
        crate::checks::at_least("memory", size, 1)?;
        crate::checks::at_least("dimension", width, 1)?;
        Ok(Self {
            size,
            width,
            rows: Vec::new(),
            labels: Vec::new(),
            next: 0,
            latest: Vec::new(),
        })
    }

    /// Takes in a batch, over the oldest.
    ///
    /// # Errors
    /// [`NnError::Loss`] for a batch that is larger than the memory, or of another width.
    pub fn add(&mut self, rows: &[f32], labels: &[usize]) -> Result<(), NnError> {
        if labels.len() > self.size || rows.len() != labels.len() * self.width {
            return Err(NnError::Loss {
                what: "memory",
                expected: format!("up to {} rows of {} values", self.size, self.width),
                found: format!("{} classes and {} values", labels.len(), rows.len()),
            });
        }
        self.latest.clear();
        for (row, &label) in rows.chunks_exact(self.width).zip(labels) {
            if self.next == self.labels.len() {
                self.rows.extend_from_slice(row);
                self.labels.push(label);
            } else {
                let at = self.next * self.width;
                self.rows[at..at + self.width].copy_from_slice(row);
                self.labels[self.next] = label;
            }
            self.latest.push(self.next);
            self.next = (self.next + 1) % self.size;
        }
        Ok(())
    }

    /// What is remembered, row by row, in the order of the ring.
    pub fn rows(&self) -> &[f32] {
        &self.rows
    }

    /// The classes of the rows.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// Places of the batch that was added last.
    pub fn latest(&self) -> &[usize] {
        &self.latest
    }

    /// Everything in it, for a checkpoint.
    pub fn state(&self) -> Weights {
        let count = self.labels.len();
        let array = |shape: Vec<usize>, values: Vec<f32>| Array { shape, values };
        // class indices and places below 2^24 are exact
        let number = |n: &usize| *n as f32;
        Weights(BTreeMap::from([
            (
                "rows".to_owned(),
                array(vec![count, self.width], self.rows.clone()),
            ),
            (
                "labels".to_owned(),
                array(vec![count], self.labels.iter().map(number).collect()),
            ),
            ("next".to_owned(), array(vec![1], vec![number(&self.next)])),
        ]))
    }

    /// Takes up what [`Self::state`] gave.
    ///
    /// # Errors
    /// [`NnError::Weights`] for a state of another memory.
    pub fn restore(&mut self, state: &Weights) -> Result<(), NnError> {
        let part = |name: &str| {
            state.0.get(name).ok_or_else(|| NnError::Weights {
                name: format!("memory.{name}"),
                expected: "present".to_owned(),
                found: "absent".to_owned(),
            })
        };
        let (rows, labels, next) = (part("rows")?, part("labels")?, part("next")?);
        let count = labels.values.len();
        let place = next.values.first().copied().unwrap_or(-1.0);
        let is_place = place >= 0.0 && (place as usize) < self.size && place.fract() == 0.0;
        let is_label = |l: &f32| *l >= 0.0 && l.fract() == 0.0;
        if count > self.size
            || rows.values.len() != count * self.width
            || !is_place
            || !labels.values.iter().all(is_label)
        {
            return Err(NnError::Weights {
                name: "memory.rows".to_owned(),
                expected: format!("up to {} rows of {} values", self.size, self.width),
                found: format!("{count} classes, shape {:?}, place {place}", rows.shape),
            });
        }
        self.rows.clone_from(&rows.values);
        self.labels = labels.values.iter().map(|&l| l as usize).collect();
        self.next = place as usize;
        self.latest.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_and_a_state_is_taken_up() {
        let mut memory = CrossBatchMemory::new(5, 2).unwrap();
        let batch = |from: usize, count: usize| -> (Vec<f32>, Vec<usize>) {
            let rows = (from..from + count).flat_map(|i| [i as f32, 0.5]).collect();
            (rows, (from..from + count).collect())
        };
        for (from, count, expected) in [
            (0, 3, vec![0, 1, 2]),
            (3, 3, vec![5, 1, 2, 3, 4]),
            (6, 4, vec![5, 6, 7, 8, 9]),
        ] {
            let (rows, labels) = batch(from, count);
            memory.add(&rows, &labels).unwrap();
            assert_eq!(memory.labels(), expected);
            for (row, label) in memory.rows().chunks(2).zip(memory.labels()) {
                assert_eq!(row[0], *label as f32);
            }
            for (place, label) in memory.latest().iter().zip(labels) {
                assert_eq!(memory.labels()[*place], label);
            }
            let mut other = CrossBatchMemory::new(5, 2).unwrap();
            other.restore(&memory.state()).unwrap();
            assert_eq!(other.state(), memory.state());
            let (rows, labels) = batch(20, 2);
            let mut both = [memory.clone(), other];
            for one in &mut both {
                one.add(&rows, &labels).unwrap();
            }
            assert_eq!(both[0], both[1]);
        }
        let (rows, labels) = batch(0, 6);
        assert!(memory.add(&rows, &labels).is_err());
        assert!(
            CrossBatchMemory::new(3, 2)
                .unwrap()
                .restore(&memory.state())
                .is_err()
        );
        assert!(CrossBatchMemory::new(0, 2).is_err());
    }
}
