//! What a voice of an age and gender is like.

use crate::draw::Draw;
use crate::schema::{Gender, maturity};

/// Fundamental frequency by age, in hertz: it falls with growth, most at a boy's puberty, and less
/// later (after Hollien and Shipp 1972, Stathopoulos et al. 2011; kept falling in old age so that it
/// tells one age from another).
const MALE_F0: [(f64, f64); 9] = [
    (6.0, 275.0),
    (10.0, 250.0),
    (13.0, 205.0),
    (16.0, 152.0),
    (21.0, 134.0),
    (28.0, 120.0),
    (39.0, 108.0),
    (53.0, 98.0),
    (90.0, 86.0),
];
const FEMALE_F0: [(f64, f64); 9] = [
    (6.0, 290.0),
    (10.0, 272.0),
    (13.0, 252.0),
    (16.0, 236.0),
    (21.0, 219.0),
    (28.0, 203.0),
    (39.0, 187.0),
    (53.0, 172.0),
    (90.0, 152.0),
];

/// All that is fixed for one clip.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct VoiceParams {
    /// Typical fundamental frequency in hertz.
    pub(crate) f0: f64,
    /// Width of the intonation, standard deviation of phrase levels in semitones.
    pub(crate) liveliness: f64,
    /// Syllables a second while speaking.
    pub(crate) rate: f64,
    /// Relative spread of syllable durations.
    pub(crate) irregularity: f64,
    /// Mean pause between phrases in seconds.
    pub(crate) pause: f64,
    /// Mean syllables of a phrase.
    pub(crate) phrase: f64,
    /// Formant frequencies relative to those of a grown man; the inverse of the tract's length.
    pub(crate) formants: f64,
    /// Relative standard deviation of periods.
    pub(crate) jitter: f64,
    /// Relative standard deviation of pulse heights.
    pub(crate) shimmer: f64,
    /// Breath noise relative to the voice.
    pub(crate) breath: f64,
    /// Level of the room's noise, 1 is full scale.
    pub(crate) room: f64,
    /// Root mean square of the recording, 1 is full scale.
    pub(crate) level: f64,
}

impl VoiceParams {
    /// `own` is the subject's stream, `draw` the clip's.
    pub(crate) fn draw(gender: Gender, age: f64, own: &mut Draw, draw: &mut Draw) -> Self {
        let grown = maturity(age);
        let (table, adult_formants) = match gender {
            Gender::Male => (&MALE_F0, 1.0),
            Gender::Female => (&FEMALE_F0, 1.15),
        };
        // A child's tract is shorter whatever the gender; growth ends at about 18.
        let growth = ((age - 6.0) / 12.0).clamp(0.0, 1.0);
        let own_f0 = libm::exp(0.025 * own.normal());
        let own_formants = libm::exp(0.03 * own.normal());
        let own_rate = libm::exp(0.03 * own.normal());
        VoiceParams {
            f0: interpolate(table, age) * own_f0 * libm::exp(0.01 * draw.normal()),
            liveliness: (3.4 - 2.5 * grown) * libm::exp(0.06 * draw.normal()),
            rate: 6.2 * libm::exp(-0.75 * grown) * own_rate * libm::exp(0.02 * draw.normal()),
            irregularity: 0.16 + 0.10 * grown,
            pause: 0.18 + 0.75 * grown * grown.max(0.0),
            phrase: 11.0 - 5.0 * grown,
            formants: (1.32 + (adult_formants - 1.32) * growth) * own_formants,
            jitter: 0.004 + 0.012 * grown.max(0.0),
            shimmer: 0.02 + 0.07 * grown.max(0.0),
            breath: 0.012 + 0.03 * grown.max(0.0) + draw.range(0.0, 0.01),
            room: libm::exp(draw.range(-7.6, -6.2)),
            level: draw.range(0.05, 0.11),
        }
    }
}

/// Linear between knots ordered by their first member; constant outside.
fn interpolate(knots: &[(f64, f64)], x: f64) -> f64 {
    let mut y = knots.first().map_or(0.0, |knot| knot.1);
    for pair in knots.windows(2) {
        let [(x0, y0), (x1, y1)] = [pair[0], pair[1]];
        if x > x0 {
            y = y0 + (y1 - y0) * ((x - x0) / (x1 - x0)).min(1.0);
        }
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Purpose;

    #[test]
    fn interpolation_meets_knots_and_ends() {
        for (x, y) in [
            (0.0, 275.0),
            (6.0, 275.0),
            (28.0, 120.0),
            (33.5, 114.0),
            (95.0, 86.0),
        ] {
            assert!((interpolate(&MALE_F0, x) - y).abs() < 1e-9, "{x}");
        }
    }

    #[test]
    fn every_cue_moves_one_way_with_age() {
        let at = |gender, age| {
            let mut own = Draw::new(1, Purpose::VoiceSubject, 0);
            let mut draw = Draw::new(1, Purpose::VoiceClip, 0);
            VoiceParams::draw(gender, age, &mut own, &mut draw)
        };
        for gender in [Gender::Male, Gender::Female] {
            for pair in [8.0, 12.0, 16.0, 21.0, 28.0, 39.0, 53.0, 70.0].windows(2) {
                let (young, old) = (at(gender, pair[0]), at(gender, pair[1]));
                assert!(young.f0 > old.f0 && young.rate > old.rate);
                assert!(young.liveliness > old.liveliness && young.pause < old.pause);
            }
        }
    }
}
