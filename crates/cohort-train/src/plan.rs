//! Which samples make up the batches of an epoch.

use cohort_nn::derive_seed;

/// One drawing of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// The sample.
    pub index: usize,
    /// 0, or the number of a minority's copy.
    pub variant: usize,
    /// How often it was drawn before in this epoch.
    pub repeat: usize,
}

impl Draw {
    /// Seed of this drawing's random changes in an epoch (from 0) of a run with `seed`.
    pub fn seed(&self, seed: u64, epoch: usize) -> u64 {
        let place = [epoch, self.index, self.variant, self.repeat].map(|n| n as u64);
        match (self.variant, self.repeat) {
            (0, 0) => derive_seed(seed, "augment", &place[..2]),
            _ => derive_seed(seed, "augment", &place),
        }
    }
}

/// The samples of each batch of an epoch, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan(pub(crate) Vec<Vec<Draw>>);

impl Plan {
    /// All samples in their own order, for evaluation.
    pub fn in_order(samples: usize, batch_size: usize) -> Self {
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
    pub fn of(draws: Vec<Draw>, batch_size: usize) -> Self {
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
    pub fn draws(&self) -> impl Iterator<Item = &Draw> {
        self.0.iter().flatten()
    }

    /// Number of batches.
    pub fn steps(&self) -> usize {
        self.0.len()
    }
}

/// How the samples of an epoch are augmented: each by its own (seed, epoch, index); `None`: not at all.
pub type Augment = Option<(u64, usize)>;

#[cfg(test)]
mod tests {
    use super::*;

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
}
