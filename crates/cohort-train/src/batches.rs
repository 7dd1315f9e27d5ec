//! Batches made ahead of time: samples are read while the network computes.

use std::ops::ControlFlow;
use std::sync::mpsc::sync_channel;
use std::thread;

use crate::TrainError;
use crate::plan::{Draw, Plan};

/// Batches that may wait, besides the one being made and the one in use.
const AHEAD: usize = 2;

/// Calls `work` for every batch of the plan, in order, with its position in it, while a thread makes the next ones with
/// `load`.
///
/// The first batch that cannot be made ends the loop; `work` ends it early with [`ControlFlow::Break`].
pub(crate) fn for_each_batch<B: Send>(
    plan: &Plan,
    load: impl Fn(&[Draw]) -> Result<B, TrainError> + Sync,
    mut work: impl FnMut(usize, B) -> Result<ControlFlow<()>, TrainError>,
) -> Result<(), TrainError> {
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(AHEAD);
        let make = &load;
        let prepare = move || {
            for draws in &plan.0 {
                let batch = make(draws);
                let failed = batch.is_err();
                // A failed send means that the loop has ended and dropped the receiver.
                if sender.send(batch).is_err() || failed {
                    break;
                }
            }
        };
        // Where no thread is to be had, each batch is made when it is its turn.
        let batches: Box<dyn Iterator<Item = Result<B, TrainError>> + '_> =
            match thread::Builder::new().spawn_scoped(scope, prepare) {
                Ok(_) => Box::new(receiver.into_iter()),
                Err(_) => Box::new(plan.0.iter().map(|draws| make(draws))),
            };
        for (step, batch) in batches.enumerate() {
            if work(step, batch?)?.is_break() {
                break;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_come_in_order_and_a_break_ends_the_loop() {
        let plan = Plan::in_order(100, 8);
        let load = |draws: &[Draw]| Ok(draws.iter().map(|d| d.index).collect::<Vec<_>>());
        let mut seen = Vec::new();
        for_each_batch(&plan, load, |step, batch| {
            assert_eq!(batch[0], 8 * step);
            seen.extend(batch);
            Ok(if step == 4 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })
        .unwrap();
        assert_eq!(seen, (0..40).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_batch_that_cannot_be_made_ends_the_loop() {
        let load = |draws: &[Draw]| match draws[0].index {
            at @ 16.. => Err(TrainError::Interrupted { epochs: at }),
            at => Ok(at),
        };
        let mut seen = Vec::new();
        let error = for_each_batch(&Plan::in_order(40, 8), load, |_, at| {
            seen.push(at);
            Ok(ControlFlow::Continue(()))
        })
        .unwrap_err();
        assert!(matches!(error, TrainError::Interrupted { epochs: 16 }));
        assert_eq!(seen, [0, 8]);
    }
}
