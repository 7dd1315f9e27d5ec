//! The best that any model can do with a set of cues: the accuracy of the Bayes classifier that
//! knows the planted distributions. Models are held against it.

use crate::cue::{Modality, cue_sd};
use crate::population::{ANNOTATOR_SD, MOST_ANNOTATORS, Subject, age_density};
use crate::schema::{GROUP_EDGES, GROUPS, Gender};

const STEPS: usize = 240;
const YOUNGEST: f64 = 7.0;
const OLDEST: f64 = 82.0;

/// Ages on a logarithmic grid with the probability that each gets each label.
pub(crate) struct Ceiling {
    log_ages: Vec<f64>,
    /// `joint[step][group]`: probability of age and label in the corpus.
    joint: Vec<[f64; GROUPS]>,
}

impl Ceiling {
    /// From the share of clips that each age group has in the corpus.
    pub(crate) fn new(shares: &[f64; GROUPS]) -> Self {
        let step = libm::log(OLDEST / YOUNGEST) / STEPS as f64;
        let log_ages: Vec<f64> = (0..=STEPS)
            .map(|i| libm::log(YOUNGEST) + step * i as f64)
            .collect();
        let mut joint: Vec<[f64; GROUPS]> = log_ages
            .iter()
            .map(|log_age| {
                // The grid is even in the logarithm, so the density in years is multiplied by the age.
                let age = libm::exp(*log_age);
                label_probabilities(*log_age).map(|p| p * age_density(age) * age)
            })
            .collect();
        // Quotas reweigh the groups, not the ages within them.
        for group in 0..GROUPS {
            let natural: f64 = joint.iter().map(|row| row[group]).sum();
            for row in &mut joint {
                row[group] *= shares[group] / natural;
            }
        }
        Ceiling { log_ages, joint }
    }

    /// The most probable group given the cue ages of `inputs`.
    pub(crate) fn best(&self, cues: &[f64; 3], gender: Gender, inputs: &[Modality]) -> usize {
        let mut posterior = [0.0; GROUPS];
        for (log_age, row) in self.log_ages.iter().zip(&self.joint) {
            let mut exponent = 0.0;
            for modality in inputs {
                let z = (libm::log(cues[*modality as usize]) - log_age) / cue_sd(*modality, gender);
                exponent -= 0.5 * z * z;
            }
            let likelihood = libm::exp(exponent);
            for (sum, p) in posterior.iter_mut().zip(row) {
                *sum += likelihood * p;
            }
        }
        (0..GROUPS).fold(0, |best, g| {
            if posterior[g] > posterior[best] {
                g
            } else {
                best
            }
        })
    }

    /// Share of clips whose label the Bayes classifier finds, over clips that `wanted` keeps.
    pub(crate) fn accuracy(
        &self,
        clips: &[(&Subject, [f64; 3])],
        inputs: &[Modality],
        wanted: impl Fn(&Subject) -> bool,
    ) -> f64 {
        let (mut right, mut n) = (0usize, 0usize);
        for (subject, cues) in clips.iter().filter(|(subject, _)| wanted(subject)) {
            right += usize::from(self.best(cues, subject.gender, inputs) == subject.group);
            n += 1;
        }
        right as f64 / n.max(1) as f64
    }
}

/// Probability of each label for a latent age, over the number of annotators.
fn label_probabilities(log_age: f64) -> [f64; GROUPS] {
    let mut probabilities = [0.0; GROUPS];
    for annotators in 1..=MOST_ANNOTATORS {
        let sd = ANNOTATOR_SD / libm::sqrt(annotators as f64);
        let mut below = 0.0;
        for (group, probability) in probabilities.iter_mut().enumerate() {
            let upper = GROUP_EDGES.get(group).map_or(1.0, |edge| {
                0.5 * libm::erfc((log_age - libm::log(*edge)) / (sd * std::f64::consts::SQRT_2))
            });
            *probability += (upper - below) / MOST_ANNOTATORS as f64;
            below = upper;
        }
    }
    probabilities
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::population::real_shares;

    #[test]
    fn labels_of_an_age_sum_to_one_and_peak_in_its_group() {
        for (age, group) in [(9.0f64, 0), (16.0, 1), (28.0, 3), (52.0, 5), (75.0, 6)] {
            let p = label_probabilities(age.ln());
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(p[group] > 0.9, "{age}: {p:?}");
        }
        // On a border, either side is equally likely.
        let p = label_probabilities(24.5f64.ln());
        assert!((p[..3].iter().sum::<f64>() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn exact_cues_give_the_group_and_vague_ones_the_majority() {
        let ceiling = Ceiling::new(&real_shares());
        for (age, group) in [
            (16.0, 1),
            (21.0, 2),
            (28.0, 3),
            (39.0, 4),
            (53.0, 5),
            (75.0, 6),
        ] {
            let found = ceiling.best(&[age, 28.0, 28.0], Gender::Male, &[Modality::Image]);
            assert_eq!(found, group, "{age}");
        }
        // A text that reads like 23 years (error 20 %) is still most likely of the largest group.
        assert_eq!(
            ceiling.best(&[0.0, 0.0, 23.5], Gender::Male, &[Modality::Text]),
            3
        );
    }
}
