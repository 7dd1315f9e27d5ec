//! Which proposed boxes take part in a loss.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::matcher::Match;

/// So many boxes of a picture, at most a share of them matches, the rest background, drawn without repetition
/// (torchvision's `BalancedPositiveNegativeSampler`, detectron2's `subsample_labels`). Where matches are few, more background is
/// drawn; where background is few, the sample is smaller.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BalancedSampler {
    /// Boxes of a picture: 256 for proposals, 512 for detections.
    pub count: usize,
    /// Largest share of matches, `[0, 1]`: 0.5 for proposals, 0.25 for detections.
    pub matched: f64,
}

impl BalancedSampler {
    /// Places of the drawn matches and of the drawn background, each rising. A function of the seed and of `matches` alone; where all
    /// are taken nothing is drawn.
    pub fn sample(&self, matches: &[Match], seed: u64) -> [Vec<usize>; 2] {
        let places = |wanted: fn(&Match) -> bool| {
            let all = matches.iter().enumerate();
            let own = all.filter(move |(_, m)| wanted(m)).map(|(place, _)| place);
            own.collect::<Vec<usize>>()
        };
        let matched = places(|m| matches!(m, Match::Truth(_)));
        let background = places(|m| *m == Match::Background);
        let most = (self.count as f64 * self.matched) as usize;
        let first = most.min(matched.len());
        let second = (self.count - first.min(self.count)).min(background.len());
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        [
            draw(matched, first, &mut random),
            draw(background, second, &mut random),
        ]
    }
}

/// `count` of the places, rising.
fn draw(mut places: Vec<usize>, count: usize, random: &mut impl Rng) -> Vec<usize> {
    if count < places.len() {
        for i in 0..count {
            let other = random.random_range(i..places.len());
            places.swap(i, other);
        }
        places.truncate(count);
        places.sort_unstable();
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(kinds: &str) -> Vec<Match> {
        let of = |kind| match kind {
            '+' => Match::Truth(0),
            '-' => Match::Background,
            _ => Match::Ignored,
        };
        kinds.chars().map(of).collect()
    }

    #[test]
    fn the_rule_of_shares_holds() {
        let sampler = BalancedSampler {
            count: 8,
            matched: 0.25,
        };
        let of = |kinds: &str| sampler.sample(&matches(kinds), 7).map(|own| own.len());
        assert_eq!(of("++++++----------"), [2, 6], "a quarter are matches");
        assert_eq!(of("+?------------??"), [1, 7], "few matches");
        assert_eq!(of("+++++---"), [2, 3], "few of background");
        assert_eq!(of("????"), [0, 0]);
        let [first, second] = sampler.sample(&matches("?+-?-"), 1);
        assert_eq!((first, second), (vec![1], vec![2, 4]));
    }

    #[test]
    fn a_seed_draws_the_same_and_all_are_as_likely() {
        let all = matches(&"-".repeat(40));
        let sampler = BalancedSampler {
            count: 10,
            matched: 0.5,
        };
        assert_eq!(sampler.sample(&all, 3), sampler.sample(&all, 3));
        assert_ne!(sampler.sample(&all, 3), sampler.sample(&all, 4));
        let mut drawn = [0_i32; 40];
        for seed in 0..4000 {
            let [_, own] = sampler.sample(&all, seed);
            assert!(own.windows(2).all(|pair| pair[0] < pair[1]) && own.len() == 10);
            own.iter().for_each(|&place| drawn[place] += 1);
        }
        // 1000 each, a standard deviation of 27.4: five of them
        assert!(drawn.iter().all(|n| (n - 1000).abs() < 137), "{drawn:?}");
    }
}
