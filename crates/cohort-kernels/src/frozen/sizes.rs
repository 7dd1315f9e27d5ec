//! Plans of one network for pictures of several sizes.

use std::sync::{Arc, Mutex, PoisonError};

use super::plan::Plan;

/// The plans of a network for the sizes that were asked for last. A plan keeps what it works in, so only so many are kept.
#[derive(Debug)]
pub struct Sizes {
    most: usize,
    /// The last asked for last.
    plans: Mutex<Vec<([usize; 2], Arc<Plan>)>>,
}

impl Sizes {
    /// For at most so many sizes at a time, one at least.
    pub fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            plans: Mutex::default(),
        }
    }

    /// The plan for pictures of `size` (height, width): one that is kept, else what `make` gives, in place of the one that was not asked for
    /// the longest. Runs that go on keep theirs until they end.
    pub fn get(&self, size: [usize; 2], make: impl FnOnce() -> Option<Plan>) -> Option<Arc<Plan>> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = match plans.iter().position(|(own, _)| *own == size) {
            Some(place) => plans.remove(place),
            None => (size, Arc::new(make()?)),
        };
        if plans.len() >= self.most {
            plans.remove(0);
        }
        let plan = entry.1.clone();
        plans.push(entry);
        Some(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_plans_are_kept_and_the_one_longest_unasked_goes() {
        let sizes = Sizes::new(2);
        let ask = |side: usize| {
            let mut made = false;
            let plan = sizes.get([side; 2], || {
                made = true;
                let (plan, input) = Plan::new(1, [side; 2]);
                Some(plan.finish(input))
            });
            assert_eq!(plan.unwrap().size(), [side; 2]);
            made
        };
        let made = [4, 5, 4, 6, 4, 5, 6].map(ask);
        assert_eq!(made, [true, true, false, true, false, true, true]);
        assert!(sizes.get([9, 9], || None).is_none());
        assert!(
            !ask(6) && !ask(5),
            "nothing is dropped for a plan that cannot be made"
        );
    }
}
