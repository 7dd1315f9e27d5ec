//! Batches made ahead of time: samples are read in parallel while the network computes.

use std::ops::ControlFlow;
use std::sync::mpsc::sync_channel;
use std::thread;

use cohort_nn::derive_seed;
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

/// One drawing of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Draw {
    /// The sample.
    pub(crate) index: usize,
    /// 0, or the number of a minority's copy.
    pub(crate) variant: usize,
    /// How often it was drawn before in this epoch.
    pub(crate) repeat: usize,
}

impl Draw {
    /// Seed of this drawing's random changes in an epoch.
    fn seed(&self, seed: u64, epoch: usize) -> u64 {
        let place = [epoch, self.index, self.variant, self.repeat].map(|n| n as u64);
        match (self.variant, self.repeat) {
            (0, 0) => derive_seed(seed, "augment", &place[..2]),
            _ => derive_seed(seed, "augment", &place),
        }
    }
}

/// The samples of each batch of an epoch, in order.
pub(crate) struct Plan(Vec<Vec<Draw>>);

impl Plan {
    /// All samples in their own order, for evaluation.
    pub(crate) fn in_order(samples: usize, batch_size: usize) -> Self {
        let draw = |index| Draw {
            index,
            variant: 0,
            repeat: 0,
        };
        let order: Vec<Draw> = (0..samples).map(draw).collect();
        Self(order.chunks(batch_size.max(1)).map(<[_]>::to_vec).collect())
    }

    /// Batches for training. A last batch of one sample joins the one before it, since batch
    /// statistics of one sample say nothing.
    pub(crate) fn of(draws: Vec<Draw>, batch_size: usize) -> Self {
        let mut batches: Vec<Vec<Draw>> =
            draws.chunks(batch_size.max(1)).map(<[_]>::to_vec).collect();
        if batches.len() > 1
            && let Some(last) = batches.pop_if(|b| b.len() == 1)
            && let Some(previous) = batches.last_mut()
        {
            previous.extend(last);
        }
        Self(batches)
    }

    /// All drawings, batch by batch.
    #[cfg(test)]
    pub(crate) fn draws(&self) -> impl Iterator<Item = &Draw> {
        self.0.iter().flatten()
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
    let batches = || {
        let steps = plan.0.iter().enumerate();
        steps.map(move |(step, samples)| load(source, step, samples, augment))
    };
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(AHEAD);
        let prepare = move || {
            for batch in batches() {
                let failed = batch.is_err();
                // A failed send means that the loop has ended and dropped the receiver.
                if sender.send(batch).is_err() || failed {
                    break;
                }
            }
        };
        // Where no thread is to be had, each batch is prepared when it is its turn.
        let batches: Box<dyn Iterator<Item = Result<Batch, TrainError>> + '_> =
            match thread::Builder::new().spawn_scoped(scope, prepare) {
                Ok(_) => Box::new(receiver.into_iter()),
                Err(_) => Box::new(batches()),
            };
        for batch in batches {
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
    samples: &[Draw],
    augment: Augment,
) -> Result<Batch, TrainError> {
    let width: usize = source.shape().iter().product();
    let mut values = vec![0.0; samples.len() * width];
    let results: Vec<Result<(), TrainError>> = values
        .par_chunks_mut(width.max(1))
        .zip(samples)
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
    Ok(Batch {
        step,
        values,
        labels: samples
            .iter()
            .map(|draw| source.label(draw.index))
            .collect(),
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
    fn a_single_left_over_joins_the_batch_before() {
        let sizes = |n| {
            let plan = Plan::of(Plan::in_order(n, 4).0.concat(), 4);
            plan.0.iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(sizes(9), [4, 5]);
        assert_eq!(sizes(10), [4, 4, 2]);
        assert_eq!(sizes(1), [1]);
        let order: Vec<usize> = Plan::in_order(9, 4).draws().map(|d| d.index).collect();
        assert_eq!(order, (0..9).collect::<Vec<_>>());
        let draws: Vec<Draw> = [(1, 0, 0), (1, 1, 0), (1, 0, 1), (2, 0, 0)]
            .map(|(index, variant, repeat)| Draw {
                index,
                variant,
                repeat,
            })
            .to_vec();
        let seeds: std::collections::BTreeSet<u64> = draws.iter().map(|d| d.seed(3, 5)).collect();
        assert_eq!(
            seeds.len(),
            4,
            "every drawing has random changes of its own"
        );
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
