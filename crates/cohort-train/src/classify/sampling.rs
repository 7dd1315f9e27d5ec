//! Which samples an epoch is made of.

use cohort_nn::derive_seed;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::classify::settings::{Sampling, TrainSettings};
use crate::classify::source::Source;
use crate::plan::{Draw, Plan};
use crate::random::shuffle;

/// Copies of a sample of a minority class besides itself.
const COPIES: usize = 2;

/// The samples of every epoch of a run.
pub(crate) struct Sampler {
    /// Entries of each class: sample and variant.
    entries: Vec<(usize, usize)>,
    /// Positions in `entries` by class.
    by_class: Vec<Vec<usize>>,
    sampling: Sampling,
    batch_size: usize,
    seed: u64,
}

impl Sampler {
    /// `counts` are the training samples of each class.
    pub(crate) fn new(source: &dyn Source, counts: &[usize], settings: &TrainSettings) -> Self {
        let mut entries: Vec<(usize, usize)> = (0..source.len()).map(|index| (index, 0)).collect();
        for variant in 1..=COPIES {
            let is_rare = |&index: &usize| {
                let count = counts.get(source.label(index));
                count.is_some_and(|&count| count < settings.minority_below)
            };
            entries.extend(
                (0..source.len())
                    .filter(is_rare)
                    .map(|index| (index, variant)),
            );
        }
        let mut by_class = vec![Vec::new(); counts.len()];
        for (position, &(index, _)) in entries.iter().enumerate() {
            if let Some(members) = by_class.get_mut(source.label(index)) {
                members.push(position);
            }
        }
        Self {
            entries,
            by_class,
            sampling: settings.sampling,
            batch_size: settings.batch_size,
            seed: settings.seed,
        }
    }

    /// Samples of each class in an epoch (a balanced one, which may not divide evenly, is counted
    /// without its remainder).
    pub(crate) fn counts(&self) -> Vec<usize> {
        let members = self.by_class.iter().map(Vec::len);
        match self.sampling {
            Sampling::Shuffled => members.collect(),
            Sampling::Balanced => {
                let share = self.entries.len() / self.present().max(1);
                members.map(|n| if n > 0 { share } else { 0 }).collect()
            }
        }
    }

    fn present(&self) -> usize {
        self.by_class
            .iter()
            .filter(|members| !members.is_empty())
            .count()
    }

    /// The batches of an epoch (from 0), a function of the seed and the epoch.
    pub(crate) fn plan(&self, epoch: usize) -> Plan {
        let mut rng = ChaCha8Rng::seed_from_u64(derive_seed(self.seed, "order", &[epoch as u64]));
        let mut draws: Vec<Draw> = match self.sampling {
            Sampling::Shuffled => {
                let draw = |&(index, variant): &(usize, usize)| Draw {
                    index,
                    variant,
                    repeat: 0,
                };
                self.entries.iter().map(draw).collect()
            }
            Sampling::Balanced => self.balanced(epoch, &mut rng),
        };
        shuffle(&mut draws, &mut rng);
        Plan::of(draws, self.batch_size)
    }

    fn balanced(&self, epoch: usize, rng: &mut ChaCha8Rng) -> Vec<Draw> {
        let (all, present) = (self.entries.len(), self.present().max(1));
        let mut draws = Vec::with_capacity(all);
        let classes = self.by_class.iter().filter(|members| !members.is_empty());
        for (place, members) in classes.enumerate() {
            // The remainder goes to other classes every epoch.
            let quota = all / present + usize::from((place + epoch) % present < all % present);
            let mut order = members.clone();
            for drawn in 0..quota {
                let at = drawn % order.len();
                if at == 0 {
                    shuffle(&mut order, rng);
                }
                let (index, variant) = self.entries[order[at]];
                draws.push(Draw {
                    index,
                    variant,
                    repeat: drawn / order.len(),
                });
            }
        }
        draws
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemorySource;

    /// Class 0: 60 samples, class 1: 9, class 2: none, class 3: 31.
    fn source() -> MemorySource {
        let label = |i: usize| match i {
            0..60 => 0,
            60..69 => 1,
            _ => 3,
        };
        let names = (0..100).map(|i| format!("clip{i}")).collect();
        MemorySource::new(
            vec![1],
            names,
            (0..100).map(label).collect(),
            vec![0.0; 100],
        )
        .unwrap()
    }

    fn sampler(sampling: Sampling, minority_below: usize, seed: u64) -> Sampler {
        let settings = TrainSettings {
            sampling,
            minority_below,
            batch_size: 7,
            seed,
            ..TrainSettings::default()
        };
        Sampler::new(&source(), &[60, 9, 0, 31], &settings)
    }

    fn indices(sampler: &Sampler, epoch: usize) -> Vec<usize> {
        sampler.plan(epoch).draws().map(|draw| draw.index).collect()
    }

    #[test]
    fn a_shuffled_epoch_is_a_permutation_that_depends_on_seed_and_epoch() {
        let at = |seed, epoch| indices(&sampler(Sampling::Shuffled, 0, seed), epoch);
        let mut sorted = at(1, 0);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_eq!(at(1, 0), at(1, 0));
        assert_ne!(at(1, 0), at(1, 1));
        assert_ne!(at(1, 0), at(2, 0));
    }

    /// The counts of the reference: 10, 164, 1260, 2932, 1353, 232 and 51 pictures, of which four
    /// classes below 300 come twice more.
    #[test]
    fn minorities_come_three_times_by_their_count() {
        let counts = [10, 164, 1264, 2932, 1353, 232, 51];
        let labels: Vec<usize> = (0..7).flat_map(|c| vec![c; counts[c]]).collect();
        let names = (0..labels.len()).map(|i| format!("clip{i}")).collect();
        let values = vec![0.0; labels.len()];
        let source = MemorySource::new(vec![1], names, labels, values).unwrap();
        let settings = TrainSettings {
            minority_below: 300,
            ..TrainSettings::default()
        };
        let sampler = Sampler::new(&source, &counts, &settings);
        assert_eq!(sampler.counts(), [30, 492, 1264, 2932, 1353, 696, 153]);
        let mut seen = vec![[0; 3]; source.len()];
        for draw in sampler.plan(4).draws() {
            seen[draw.index][draw.variant] += 1;
        }
        for (index, variants) in seen.iter().enumerate() {
            let rare = counts[source.label(index)] < 300;
            assert_eq!(*variants, if rare { [1, 1, 1] } else { [1, 0, 0] });
        }
    }

    #[test]
    fn a_balanced_epoch_has_as_many_of_every_class() {
        let sampler = sampler(Sampling::Balanced, 0, 1);
        assert_eq!(sampler.counts(), [33, 33, 0, 33]);
        let mut common = std::collections::BTreeSet::new();
        let mut extra = [0; 4];
        for epoch in 0..6 {
            let (mut by_class, mut pairs) = ([0; 4], std::collections::BTreeSet::new());
            for draw in sampler.plan(epoch).draws() {
                by_class[source().label(draw.index)] += 1;
                assert!(pairs.insert((draw.index, draw.repeat)), "drawn twice alike");
                if draw.index < 60 {
                    common.insert(draw.index);
                    assert_eq!(draw.repeat, 0);
                }
            }
            assert_eq!(by_class.iter().sum::<usize>(), 100);
            for class in [0, 1, 3] {
                assert!((33..=34).contains(&by_class[class]));
                extra[class] += by_class[class] - 33;
            }
        }
        assert_eq!(extra, [2, 2, 0, 2], "the remainder goes round");
        assert_eq!(common.len(), 60, "the common class takes turns");
    }
}
