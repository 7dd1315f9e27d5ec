//! The nearest so far of one query, by keys that are known within bounds.

use crate::nearer;

/// A row whose key lies between two bounds.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    low: f32,
    high: f32,
    row: u32,
}

/// All rows that can be among the `k` nearest. Keys in 32 bits are rounded; so a row is let go only when `k` others are
/// nearer whatever the rounding, and the rows that are left are ordered by keys of 64 bits in the end.
#[derive(Debug, Clone)]
pub(super) struct Best {
    k: usize,
    limit: f32,
    kept: Vec<Candidate>,
}

impl Best {
    /// `limit`: what is known from elsewhere that the key of the `k`-th nearest does not exceed.
    pub(super) fn new(k: usize, limit: f32) -> Self {
        Self {
            k,
            limit,
            kept: Vec::new(),
        }
    }

    /// No row with a key surely above this is among the nearest.
    pub(super) fn limit(&self) -> f32 {
        self.limit
    }

    /// Takes a row in whose key lies between `low` and `high`; `exact` gives the key of any row taken in.
    pub(super) fn offer(&mut self, low: f32, high: f32, row: u32, exact: impl Fn(u32) -> f64) {
        if low > self.limit {
            return;
        }
        self.kept.push(Candidate { low, high, row });
        if self.kept.len() >= 4 * self.k + 64 {
            self.shrink(exact);
        }
    }

    /// Takes in what another has found among other rows.
    pub(super) fn join(&mut self, other: Self, exact: impl Fn(u32) -> f64) {
        for Candidate { low, high, row } in other.kept {
            self.offer(low, high, row, &exact);
        }
    }

    fn shrink(&mut self, exact: impl Fn(u32) -> f64) {
        let by_high = |a: &Candidate, b: &Candidate| a.high.total_cmp(&b.high);
        let (_, kth, _) = self.kept.select_nth_unstable_by(self.k - 1, by_high);
        self.limit = self.limit.min(kth.high);
        let limit = self.limit;
        self.kept.retain(|c| c.low <= limit);
        if self.kept.len() > 2 * self.k + 32 {
            // many that rounding does not tell apart
            let nearest = self.ordered(&exact);
            self.kept.clear();
            for (key, row) in nearest {
                let (low, high) = bounds(key);
                self.kept.push(Candidate { low, high, row });
                self.limit = self.limit.min(if self.kept.len() == self.k {
                    high
                } else {
                    f32::INFINITY
                });
            }
        }
    }

    fn ordered(&self, exact: impl Fn(u32) -> f64) -> Vec<(f64, u32)> {
        let mut all: Vec<(f64, u32)> = self.kept.iter().map(|c| (exact(c.row), c.row)).collect();
        all.sort_unstable_by(nearer);
        all.truncate(self.k);
        all
    }

    /// The nearest by exact keys, at most `k`; of equals the lower row first.
    pub(super) fn finish(mut self, exact: impl Fn(u32) -> f64) -> Vec<(f64, u32)> {
        if self.kept.len() > self.k {
            let by_high = |a: &Candidate, b: &Candidate| a.high.total_cmp(&b.high);
            let (_, kth, _) = self.kept.select_nth_unstable_by(self.k - 1, by_high);
            let limit = kth.high;
            self.kept.retain(|c| c.low <= limit);
        }
        self.ordered(exact)
    }
}

/// The nearest 32-bit floats on both sides of a key.
pub(super) fn bounds(key: f64) -> (f32, f32) {
    let near = key as f32;
    (near.next_down(), near.next_up())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn nothing_that_rounding_hides_is_lost() {
        let mut random = Random::new(3, "test", 0);
        for k in [1, 5, 40] {
            // keys in groups that 32 bits with this doubt cannot tell apart, with exact ties
            let keys: Vec<f64> = (0..3000)
                .map(|_| random.below(40) as f64 * 1e-3 + 1.0)
                .collect();
            let exact = |row: u32| keys[row as usize];
            let mut halves: Vec<Best> = (0..2).map(|_| Best::new(k, f32::INFINITY)).collect();
            for (row, key) in keys.iter().enumerate().rev() {
                let doubt = 0.01 * random.uniform();
                let off = (key + doubt * (2.0 * random.uniform() - 1.0)) as f32;
                let (low, high) = (
                    off - 1.01 * doubt as f32 - 1e-6,
                    off + 1.01 * doubt as f32 + 1e-6,
                );
                halves[row % 2].offer(low, high, row as u32, exact);
            }
            let other = halves.pop().unwrap();
            let mut first = halves.pop().unwrap();
            first.join(other, exact);
            let mut expected: Vec<(f64, u32)> = keys.iter().copied().zip(0..).collect();
            expected.sort_by(nearer);
            expected.truncate(k);
            assert_eq!(first.finish(exact), expected, "{k}");
        }
    }
}
