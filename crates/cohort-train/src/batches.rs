//! Batches made ahead of time: samples are read in parallel while the network computes.

use std::ops::ControlFlow;
use std::sync::mpsc::sync_channel;
use std::thread;

use cohort_nn::derive_seed;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rayon::prelude::*;

use crate::{Source, TrainError};

/// Batches that may wait, besides the one being made and the one in use.
const AHEAD: usize = 2;

/// A batch of samples.
pub(crate) struct Batch {
    /// Position in the epoch, from 0.
    pub(crate) step: usize,
    /// Row-major `[samples, product of the shape]`.
    pub(crate) values: Vec<f32>,
    /// Class index of each sample.
    pub(crate) labels: Vec<usize>,
}

/// The samples of each batch of an epoch, in order.
pub(crate) struct Plan(Vec<Vec<usize>>);

impl Plan {
    /// All samples in their own order, for evaluation.
    pub(crate) fn in_order(samples: usize, batch_size: usize) -> Self {
        let order: Vec<usize> = (0..samples).collect();
        Self(order.chunks(batch_size.max(1)).map(<[_]>::to_vec).collect())
    }

    /// All samples shuffled (Fisher and Yates) by (seed, epoch). A last batch of one sample joins
    /// the one before it, since batch statistics of one sample say nothing.
    pub(crate) fn shuffled(samples: usize, batch_size: usize, seed: u64, epoch: usize) -> Self {
        let mut order: Vec<usize> = (0..samples).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(derive_seed(seed, "order", &[epoch as u64]));
        for i in (1..order.len()).rev() {
            // Multiply-shift maps 64 random bits to 0..=i with a bias below 2^-40 at any real size.
            let j = (u128::from(rng.next_u64()) * (i as u128 + 1)) >> 64;
            order.swap(i, j as usize);
        }
        let mut batches: Vec<Vec<usize>> =
            order.chunks(batch_size.max(1)).map(<[_]>::to_vec).collect();
        if batches.len() > 1
            && let Some(last) = batches.pop_if(|b| b.len() == 1)
            && let Some(previous) = batches.last_mut()
        {
            previous.extend(last);
        }
        Self(batches)
    }

    /// Number of batches.
    pub(crate) fn steps(&self) -> usize {
        self.0.len()
    }
}

/// How the samples of an epoch are augmented: each by its own (seed, epoch, index).
pub(crate) type Augment = Option<(u64, usize)>;

/// Calls `work` for every batch of the plan, in order, while a thread prepares the next ones.
///
/// The first unreadable sample by position ends the loop, whatever thread met it; `work` ends it
/// early with [`ControlFlow::Break`].
pub(crate) fn for_each_batch<S: Source + ?Sized>(
    source: &S,
    plan: &Plan,
    augment: Augment,
    mut work: impl FnMut(Batch) -> Result<ControlFlow<()>, TrainError>,
) -> Result<(), TrainError> {
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(AHEAD);
        scope.spawn(move || {
            for (step, samples) in plan.0.iter().enumerate() {
                let batch = load(source, step, samples, augment);
                let failed = batch.is_err();
                // A failed send means that the loop has ended and dropped the receiver.
                if sender.send(batch).is_err() || failed {
                    break;
                }
            }
        });
        for batch in receiver {
            if work(batch?)?.is_break() {
                break;
            }
        }
        Ok(())
    })
}

fn load<S: Source + ?Sized>(
    source: &S,
    step: usize,
    samples: &[usize],
    augment: Augment,
) -> Result<Batch, TrainError> {
    let width: usize = source.shape().iter().product();
    let mut values = vec![0.0; samples.len() * width];
    let results: Vec<Result<(), TrainError>> = values
        .par_chunks_mut(width.max(1))
        .zip(samples)
        .map(|(out, &index)| {
            let seed = augment
                .map(|(seed, epoch)| derive_seed(seed, "augment", &[epoch as u64, index as u64]));
            source.fill(index, seed, out)?;
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
    Ok(Batch {
        step,
        values,
        labels: samples.iter().map(|&i| source.label(i)).collect(),
    })
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
    fn a_shuffled_plan_is_a_permutation_that_depends_on_seed_and_epoch() {
        let flat = |seed, epoch| Plan::shuffled(100, 7, seed, epoch).0.concat();
        let mut sorted = flat(1, 0);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_eq!(flat(1, 0), flat(1, 0));
        assert_ne!(flat(1, 0), flat(1, 1));
        assert_ne!(flat(1, 0), flat(2, 0));
    }

    #[test]
    fn each_place_of_a_shuffle_is_equally_likely() {
        let mut first = [0_u32; 5];
        for epoch in 0..5000 {
            first[Plan::shuffled(5, 5, 3, epoch).0[0][0]] += 1;
        }
        // 1000 each, standard deviation 28.
        assert!(first.iter().all(|n| n.abs_diff(1000) < 120), "{first:?}");
    }

    #[test]
    fn a_single_left_over_joins_the_batch_before() {
        let sizes = |n| {
            Plan::shuffled(n, 4, 0, 0)
                .0
                .iter()
                .map(Vec::len)
                .collect::<Vec<_>>()
        };
        assert_eq!(sizes(9), [4, 5]);
        assert_eq!(sizes(10), [4, 4, 2]);
        assert_eq!(sizes(1), [1]);
        assert_eq!(Plan::in_order(9, 4).0.concat(), (0..9).collect::<Vec<_>>());
    }

    #[test]
    fn batches_come_in_order_and_a_break_ends_the_loop() {
        let source = source((0..200).map(|x| x as f32).collect());
        let plan = Plan::in_order(100, 8);
        let mut seen = Vec::new();
        for_each_batch(&source, &plan, None, |batch| {
            assert_eq!(batch.values[0], 2.0 * batch.labels[0] as f32);
            seen.extend(batch.labels);
            Ok(if batch.step == 4 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })
        .unwrap();
        assert_eq!(seen, (0..40).collect::<Vec<_>>());
    }

    #[test]
    fn a_value_that_is_not_finite_names_clip_and_column() {
        let mut values = vec![1.0; 40];
        values[13] = f32::NAN;
        values[30] = f32::INFINITY;
        let source = source(values).with_columns(vec!["tempo".into(), "f0".into()]);
        let error = for_each_batch(&source, &Plan::in_order(20, 64), None, |_| {
            Ok(ControlFlow::Continue(()))
        })
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "sample \"clip6\", column f0: expected a finite number, found NaN"
        );
    }
}
