//! Batches of a few classes with as many samples each.

use cohort_nn::derive_seed;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::Source;
use crate::plan::{Draw, Plan};
use crate::random::shuffle;

/// M samples of each of P classes a batch.
pub(crate) struct PerClass {
    /// The samples of each class that has any.
    members: Vec<Vec<usize>>,
    per_class: usize,
    classes_a_batch: usize,
    batches: usize,
    seed: u64,
}

impl PerClass {
    /// `per_class` samples a class in batches of `batch_size`; an epoch draws about as many samples as there are.
    pub(crate) fn new(
        source: &dyn Source,
        classes: usize,
        per_class: usize,
        batch_size: usize,
        seed: u64,
    ) -> Self {
        let mut members = vec![Vec::new(); classes];
        for index in 0..source.len() {
            if let Some(members) = members.get_mut(source.label(index)) {
                members.push(index);
            }
        }
        members.retain(|members| !members.is_empty());
        Self {
            classes_a_batch: (batch_size / per_class.max(1)).clamp(1, members.len().max(1)),
            batches: source.len().div_ceil(batch_size.max(1)),
            members,
            per_class,
            seed,
        }
    }

    /// The batches of an epoch (from 0), a function of the seed and the epoch.
    ///
    /// The classes of every batch are drawn anew. Of a class all samples are drawn before any comes again, and none comes
    /// twice in a batch: a class with fewer than M gives all it has.
    pub(crate) fn plan(&self, epoch: usize) -> Plan {
        let seed = derive_seed(self.seed, "per class", &[epoch as u64]);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut classes: Vec<usize> = (0..self.members.len()).collect();
        // what is left of each class before it begins anew
        let mut left: Vec<Vec<usize>> = vec![Vec::new(); classes.len()];
        let mut drawn: Vec<Vec<usize>> = self.members.iter().map(|m| vec![0; m.len()]).collect();
        let mut batches = Vec::with_capacity(self.batches);
        for _ in 0..self.batches {
            shuffle(&mut classes, &mut rng);
            let mut batch = Vec::with_capacity(self.classes_a_batch * self.per_class);
            for &class in &classes[..self.classes_a_batch] {
                let members = &self.members[class];
                let wanted = self.per_class.min(members.len());
                let left = &mut left[class];
                let mut places: Vec<usize> = left.split_off(left.len().saturating_sub(wanted));
                if places.len() < wanted {
                    let mut fresh: Vec<usize> = (0..members.len()).collect();
                    shuffle(&mut fresh, &mut rng);
                    let missing = wanted - places.len();
                    let mut taken = 0;
                    // those of this batch come later
                    fresh.retain(|place| {
                        let take = taken < missing && !places.contains(place);
                        taken += usize::from(take);
                        if take {
                            places.push(*place);
                        }
                        !take
                    });
                    *left = fresh;
                }
                for place in places {
                    batch.push(Draw {
                        index: members[place],
                        variant: 0,
                        repeat: drawn[class][place],
                    });
                    drawn[class][place] += 1;
                }
            }
            batches.push(batch);
        }
        Plan(batches)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::MemorySource;

    /// Class 0: 40 samples, 1: 3, 2: none, 3: 1, 4: 16.
    fn source() -> MemorySource {
        let label = |i: usize| match i {
            0..40 => 0,
            40..43 => 1,
            43 => 3,
            _ => 4,
        };
        let names = (0..60).map(|i| format!("clip{i}")).collect();
        MemorySource::new(vec![1], names, (0..60).map(label).collect(), vec![0.0; 60]).unwrap()
    }

    #[test]
    fn every_batch_has_m_of_each_of_its_classes() {
        let source = source();
        let sampler = PerClass::new(&source, 5, 4, 12, 3);
        let mut seen = BTreeSet::new();
        for epoch in 0..40 {
            let plan = sampler.plan(epoch);
            assert_eq!(plan, sampler.plan(epoch));
            assert_ne!(plan, sampler.plan(epoch + 1));
            assert_ne!(plan, PerClass::new(&source, 5, 4, 12, 4).plan(epoch));
            assert_eq!(plan.steps(), 5);
            let mut repeats = BTreeSet::new();
            for batch in &plan.0 {
                let mut by_class: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
                for draw in batch {
                    let fresh = by_class.entry(source.label(draw.index)).or_default();
                    assert!(fresh.insert(draw.index), "twice in a batch");
                    assert!(repeats.insert((draw.index, draw.repeat)), "twice alike");
                    seen.insert(draw.index);
                }
                assert_eq!(by_class.len(), 3);
                for (class, members) in by_class {
                    assert_eq!(members.len(), [4, 3, 0, 1, 4][class], "class {class}");
                }
            }
        }
        assert_eq!(seen.len(), 60);
    }

    #[test]
    fn samples_of_a_class_take_turns() {
        // one class of 40 by 3: 13 batches draw 39, and the 14th what is left and two more
        let source = source();
        let sampler = PerClass {
            members: vec![(0..40).collect()],
            per_class: 3,
            classes_a_batch: 1,
            batches: 27,
            seed: 1,
        };
        assert_eq!(source.len(), 60);
        let mut times = [0; 40];
        for (at, batch) in sampler.plan(0).0.iter().enumerate() {
            for draw in batch {
                assert_eq!(draw.repeat, times[draw.index]);
                times[draw.index] += 1;
            }
            let (least, most) = (times.iter().min().unwrap(), times.iter().max().unwrap());
            assert!(most - least <= 1, "batch {at}: {times:?}");
        }
    }
}
