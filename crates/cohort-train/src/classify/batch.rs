//! Samples of a [`Source`] as batches, read in parallel.

use std::ops::ControlFlow;

use cohort_nn::burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use crate::batches::for_each_batch;
use crate::plan::{Augment, Draw, Plan};
use crate::{Source, TrainError};

/// A batch of samples.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Row-major `[samples, product of the shape]`.
    pub values: Vec<f32>,
    /// Class index of each sample.
    pub labels: Vec<usize>,
}

impl Batch {
    /// Reads the drawn samples.
    ///
    /// # Errors
    /// The first bad sample by position, whatever thread met it.
    pub(crate) fn load<S: Source + ?Sized>(
        source: &S,
        draws: &[Draw],
        augment: Augment,
    ) -> Result<Self, TrainError> {
        let width: usize = source.shape().iter().product();
        let mut values = vec![0.0; draws.len() * width];
        let results: Vec<Result<(), TrainError>> = values
            .par_chunks_mut(width.max(1))
            .zip(draws)
            .map(|(out, draw)| {
                let index = draw.index;
                match augment {
                    Some((seed, epoch)) => {
                        source.fill_variant(index, draw.variant, draw.seed(seed, epoch), out)?
                    }
                    None => source.fill(index, None, out)?,
                }
                match out.iter().position(|x| !x.is_finite()) {
                    None => Ok(()),
                    Some(position) => Err(TrainError::NotFinite {
                        name: source.name(index),
                        column: source.column(position),
                        found: out[position],
                    }),
                }
            })
            .collect();
        results.into_iter().collect::<Result<(), TrainError>>()?;
        let labels = draws.iter().map(|draw| source.label(draw.index)).collect();
        Ok(Self { values, labels })
    }

    /// The samples as a tensor `[samples, width]`, and their classes.
    pub(crate) fn into_tensor(self, device: &Device) -> (Tensor<2>, Vec<usize>) {
        let samples = self.labels.len();
        let width = self.values.len() / samples.max(1);
        let data = TensorData::new(self.values, [samples, width]);
        (Tensor::from_data(data, device), self.labels)
    }
}

/// Calls `work` for the batches of the samples as they are, in their own order.
pub(crate) fn for_each_in_order<S: Source + ?Sized>(
    source: &S,
    batch_size: usize,
    mut work: impl FnMut(Batch) -> Result<ControlFlow<()>, TrainError>,
) -> Result<(), TrainError> {
    let plan = Plan::in_order(source.len(), batch_size);
    let load = |draws: &[Draw]| Batch::load(source, draws, None);
    for_each_batch(&plan, load, |_, batch| work(batch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemorySource;

    fn source(values: Vec<f32>) -> MemorySource {
        let n = values.len() / 2;
        let names = (0..n).map(|i| format!("clip{i}")).collect();
        MemorySource::new(vec![2], names, (0..n).collect(), values).unwrap()
    }

    #[test]
    fn rows_and_labels_stay_together() {
        let source = source((0..200).map(|x| x as f32).collect());
        let mut seen = Vec::new();
        for_each_in_order(&source, 8, |batch| {
            for (row, label) in batch.values.chunks_exact(2).zip(&batch.labels) {
                assert_eq!(row, [2.0 * *label as f32, 2.0 * *label as f32 + 1.0]);
            }
            seen.extend(batch.labels);
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
        assert_eq!(seen, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_value_that_is_not_finite_names_clip_and_column() {
        let mut values = vec![1.0; 40];
        values[13] = f32::NAN;
        values[30] = f32::INFINITY;
        let source = source(values).with_columns(vec!["tempo".into(), "f0".into()]);
        let error = for_each_in_order(&source, 64, |_| Ok(ControlFlow::Continue(()))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "sample \"clip6\", column f0: expected a finite number, found NaN"
        );
    }
}
