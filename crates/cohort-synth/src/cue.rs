//! How old a clip looks, sounds and reads.
//!
//! Every modality shows its own *cue age*: the latent age times an error of its own. The errors of
//! the three are independent given the age, so fusion has something to gain; part of each belongs to
//! the subject (somebody with a young voice has it in all clips), the rest to the clip.

use crate::draw::{Draw, Purpose};
use crate::population::Subject;
use crate::schema::Gender;

/// The three inputs, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Modality {
    Image = 0,
    Audio = 1,
    Text = 2,
}

impl Modality {
    pub(crate) const ALL: [Modality; 3] = [Modality::Image, Modality::Audio, Modality::Text];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Modality::Image => "image",
            Modality::Audio => "audio",
            Modality::Text => "text",
        }
    }

    /// Relative error (standard deviation of the logarithm) of the cue age, before any disadvantage.
    pub(crate) fn relative_sd(self) -> f64 {
        match self {
            Modality::Image => 0.05,
            Modality::Audio => 0.24,
            Modality::Text => 0.38,
        }
    }
}

/// Part of a cue's variance that belongs to the subject.
pub(crate) const SUBJECT_SHARE: f64 = 0.3;
/// The planted disadvantage: the image error of this gender is `FACTOR` times the others'. Even so the image carries most,
/// to this gender as to the whole corpus, so that the planted order of the modalities is one that every metric should find.
pub(crate) const DISADVANTAGED: Gender = Gender::Female;
/// See [`DISADVANTAGED`].
pub(crate) const FACTOR: f64 = 4.8;

/// Relative error of a modality's cue age for a gender.
pub(crate) fn cue_sd(modality: Modality, gender: Gender) -> f64 {
    let planted = modality == Modality::Image && gender == DISADVANTAGED;
    modality.relative_sd() * if planted { FACTOR } else { 1.0 }
}

/// Cue ages in years (image, audio, text) of every clip of a subject, in the order of its ordinals.
pub(crate) fn cue_ages(
    seed: u64,
    index: usize,
    first_clip: usize,
    subject: &Subject,
) -> Vec<[f64; 3]> {
    let mut draw = Draw::new(seed, Purpose::CueSubject, index);
    let own = [draw.normal(), draw.normal(), draw.normal()];
    (0..subject.ordinals.len())
        .map(|offset| {
            let mut draw = Draw::new(seed, Purpose::CueClip, first_clip + offset);
            Modality::ALL.map(|modality| {
                let error = libm::sqrt(SUBJECT_SHARE) * own[modality as usize]
                    + libm::sqrt(1.0 - SUBJECT_SHARE) * draw.normal();
                // Nobody can be drawn younger than 6 or older than 90.
                (subject.age * libm::exp(cue_sd(modality, subject.gender) * error)).clamp(6.0, 90.0)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::population::populate;
    use crate::settings::SynthSettings;

    #[test]
    fn errors_have_the_stated_size_and_are_independent() {
        let subjects = populate(&SynthSettings {
            clips: 10_000,
            seed: 1,
        });
        for gender in [Gender::Male, Gender::Female] {
            let mut sums = [[0.0; 3]; 3];
            let mut n = 0.0;
            for (index, subject) in subjects.iter().enumerate() {
                // Ages near the clamp would bias the measure.
                if subject.gender != gender || !(15.0..40.0).contains(&subject.age) {
                    continue;
                }
                for cues in cue_ages(1, index, index * 6, subject) {
                    let errors = cues.map(|cue| (cue / subject.age).ln());
                    for a in 0..3 {
                        for b in 0..3 {
                            sums[a][b] += errors[a] * errors[b];
                        }
                    }
                    n += 1.0;
                }
            }
            for modality in Modality::ALL {
                let m = modality as usize;
                let sd = (sums[m][m] / n).sqrt();
                let stated = cue_sd(modality, gender);
                assert!(
                    (sd / stated - 1.0).abs() < 0.05,
                    "{modality:?} {gender:?}: {sd} vs {stated}"
                );
                for other in 0..m {
                    let r = sums[m][other] / (sums[m][m] * sums[other][other]).sqrt();
                    assert!(r.abs() < 0.06, "{modality:?} and {other}: {r}");
                }
            }
        }
    }

    /// The order of the modalities is that of their errors for each gender.
    #[test]
    fn the_planted_order_holds_in_spite_of_the_disadvantage() {
        for gender in [Gender::Male, Gender::Female] {
            let sds = Modality::ALL.map(|modality| cue_sd(modality, gender));
            assert!(sds.is_sorted(), "{gender:?}: {sds:?}");
        }
    }
}
