//! Where samples come from.

use crate::TrainError;

/// Samples by index. Implementors decode, resize and augment; the loop only asks.
///
/// Calls come from several threads at once and in any order, so [`Source::fill`] must depend on
/// its arguments only.
pub trait Source: Sync {
    /// Number of samples.
    fn len(&self) -> usize;

    /// Whether there is no sample.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Shape of one sample, as [`crate::ModelConfig::input_shape`]: `[channels, S, S]` or `[D]`.
    fn shape(&self) -> &[usize];

    /// Class index of sample `index`, below K. Sources that are only predicted on may return 0.
    fn label(&self, index: usize) -> usize;

    /// Name of sample `index` in messages: the clip.
    fn name(&self, index: usize) -> String;

    /// Name of a value's column in messages; the position unless the source knows better.
    fn column(&self, position: usize) -> String {
        position.to_string()
    }

    /// Writes sample `index` into `out`, which has as many places as the product of the shape.
    ///
    /// With a seed the sample is augmented, by random numbers from that seed only; without one it
    /// is given as it is.
    ///
    /// # Errors
    /// [`TrainError::Sample`] when the sample cannot be read.
    fn fill(&self, index: usize, augment: Option<u64>, out: &mut [f32]) -> Result<(), TrainError>;

    /// As [`Source::fill`] with a seed, for the copies of a minority class: 1 with stronger random
    /// changes, 2 with milder ones. Sources that know no such difference need not implement it.
    ///
    /// # Errors
    /// As [`Source::fill`].
    fn fill_variant(
        &self,
        index: usize,
        _variant: usize,
        augment: u64,
        out: &mut [f32],
    ) -> Result<(), TrainError> {
        self.fill(index, Some(augment), out)
    }
}

/// Samples held in memory: feature tables, embeddings, small picture sets. Never augments.
#[derive(Debug, Clone, PartialEq)]
pub struct MemorySource {
    shape: Vec<usize>,
    names: Vec<String>,
    columns: Vec<String>,
    labels: Vec<usize>,
    values: Vec<f32>,
}

impl MemorySource {
    /// From the samples' names, class indices and values (row by row), all in the same order.
    ///
    /// # Errors
    /// [`TrainError::Data`] when the numbers of names, labels and values contradict each other.
    pub fn new(
        shape: Vec<usize>,
        names: Vec<String>,
        labels: Vec<usize>,
        values: Vec<f32>,
    ) -> Result<Self, TrainError> {
        let width: usize = shape.iter().product();
        let fits = names.len() == labels.len() && values.len() == names.len() * width;
        if !fits {
            return Err(TrainError::Data {
                part: "in-memory",
                expected: format!("as many labels as names and {width} values each"),
                found: format!(
                    "{} names, {} labels, {} values",
                    names.len(),
                    labels.len(),
                    values.len()
                ),
            });
        }
        Ok(Self {
            shape,
            names,
            columns: Vec::new(),
            labels,
            values,
        })
    }

    /// Gives the columns names for messages.
    pub fn with_columns(mut self, columns: Vec<String>) -> Self {
        self.columns = columns;
        self
    }
}

impl Source for MemorySource {
    fn len(&self) -> usize {
        self.names.len()
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn label(&self, index: usize) -> usize {
        self.labels[index]
    }

    fn name(&self, index: usize) -> String {
        self.names[index].clone()
    }

    fn column(&self, position: usize) -> String {
        match self.columns.get(position) {
            Some(name) => name.clone(),
            None => position.to_string(),
        }
    }

    fn fill(&self, index: usize, _augment: Option<u64>, out: &mut [f32]) -> Result<(), TrainError> {
        let width = out.len();
        out.copy_from_slice(&self.values[index * width..(index + 1) * width]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(names: usize, labels: usize, values: usize) -> Result<MemorySource, TrainError> {
        let names = (0..names).map(|i| format!("clip{i}")).collect();
        let values = (0..values).map(|v| v as f32).collect();
        MemorySource::new(vec![2], names, vec![1; labels], values)
    }

    #[test]
    fn rows_come_out_as_they_went_in() {
        let source = source(3, 3, 6).unwrap().with_columns(vec!["tempo".into()]);
        let mut out = [0.0; 2];
        source.fill(1, Some(9), &mut out).unwrap();
        assert_eq!(out, [2.0, 3.0]);
        assert_eq!(
            (source.name(2), source.column(0), source.column(1)),
            ("clip2".into(), "tempo".into(), "1".into())
        );
    }

    #[test]
    fn contradicting_lengths_are_told() {
        for (names, labels, values) in [(3, 2, 6), (3, 3, 5), (2, 2, 6)] {
            let error = source(names, labels, values).unwrap_err().to_string();
            assert!(
                error.contains(&format!("{names} names, {labels} labels, {values} values")),
                "{error}"
            );
        }
    }
}
