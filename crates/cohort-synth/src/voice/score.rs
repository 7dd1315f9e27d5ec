//! The score: for each 5 ms frame the pitch, the loudness of voice and noise, and the formants.

use super::params::VoiceParams;
use crate::draw::Draw;

/// Seconds of a control frame.
const STEP: f64 = super::FRAME as f64 / super::SAMPLE_RATE as f64;

/// Vowels as formant frequencies of a grown man in hertz (Peterson and Barney 1952), with the
/// frequency of occurrence used here.
const VOWELS: [([f64; 3], f64); 9] = [
    ([730.0, 1090.0, 2440.0], 1.0),
    ([270.0, 2290.0, 3010.0], 1.2),
    ([300.0, 870.0, 2240.0], 0.7),
    ([530.0, 1840.0, 2480.0], 1.2),
    ([570.0, 840.0, 2410.0], 0.8),
    ([660.0, 1720.0, 2410.0], 1.0),
    ([390.0, 1990.0, 2550.0], 1.2),
    ([640.0, 1190.0, 2390.0], 1.0),
    ([500.0, 1500.0, 2500.0], 1.6),
];

/// State of source and tract during one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Frame {
    /// Pitch in hertz.
    pub(crate) f0: f64,
    /// Amplitude of the voice, 0 to 1.
    pub(crate) voice: f64,
    /// Amplitude of hiss (fricatives, bursts, breath), 0 to 1.
    pub(crate) hiss: f64,
    /// First three formants in hertz, already scaled to the speaker.
    pub(crate) formants: [f64; 3],
}

/// How a syllable begins.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Onset {
    /// Closure, then a burst.
    Stop,
    Fricative,
    Nasal,
    Glide,
}

/// Babbles for `length` frames.
pub(crate) fn compose(params: &VoiceParams, length: usize, draw: &mut Draw) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::with_capacity(length + 400);
    let mut formants = scaled(VOWELS[8].0, params);
    // People seldom start at the very beginning of an excerpt's window.
    pause(&mut frames, draw.range(0.0, params.pause), formants, draw);
    // Phrases are spoken above and below the typical pitch in turn.
    let mut register = if draw.chance(0.5) { 1.0 } else { -1.0 };
    while frames.len() < length {
        let start = frames.len();
        let syllables = (params.phrase * draw.range(0.5, 1.5)).round().max(2.0) as usize;
        for index in 0..syllables {
            let stress = if draw.chance(0.4) { 1.0 } else { 0.62 };
            let last = index + 1 == syllables;
            syllable(&mut frames, params, &mut formants, stress, last, draw);
        }
        intone(
            &mut frames[start..],
            params,
            register * draw.range(0.4, 1.0),
            draw,
        );
        register = -register;
        let breath = draw.chance(0.5);
        pause(
            &mut frames,
            params.pause * libm::exp(0.45 * draw.normal()),
            formants,
            draw,
        );
        if breath {
            breathe(&mut frames, params, formants, draw);
        }
    }
    frames.truncate(length);
    frames
}

fn scaled(vowel: [f64; 3], params: &VoiceParams) -> [f64; 3] {
    // Nothing above this can be heard at 8 kHz.
    vowel.map(|f| (f * params.formants).min(3_700.0))
}

/// One consonant and one vowel.
fn syllable(
    frames: &mut Vec<Frame>,
    params: &VoiceParams,
    formants: &mut [f64; 3],
    stress: f64,
    last: bool,
    draw: &mut Draw,
) {
    let weights: Vec<f64> = VOWELS.iter().map(|vowel| vowel.1).collect();
    let vowel = scaled(
        VOWELS[draw.weighted(&weights)]
            .0
            .map(|f| f * draw.range(0.95, 1.05)),
        params,
    );
    let onset = [Onset::Stop, Onset::Fricative, Onset::Nasal, Onset::Glide]
        [draw.weighted(&[0.45, 0.25, 0.18, 0.12])];
    let mut seconds = libm::exp(params.irregularity * draw.normal()) / params.rate;
    if last {
        seconds *= 1.3;
    }
    let consonant = ((0.36 * seconds / STEP).round() as usize).max(6);
    let sung = ((0.64 * seconds / STEP).round() as usize).max(8);
    for i in 0..consonant {
        let x = i as f64 / consonant as f64;
        let (voice, hiss) = match onset {
            Onset::Stop => (0.02, if x > 0.72 { 0.5 } else { 0.0 }),
            Onset::Fricative => (0.03, 0.32 * hump(x)),
            Onset::Nasal => (0.22, 0.0),
            Onset::Glide => (0.3, 0.0),
        };
        let target = match onset {
            Onset::Nasal => [270.0, 1_100.0, 2_300.0],
            _ => vowel,
        };
        approach(formants, target, 0.2);
        frames.push(Frame {
            f0: 0.0,
            voice,
            hiss,
            formants: *formants,
        });
    }
    for i in 0..sung {
        let x = i as f64 / sung as f64;
        // Quick rise, slow fall.
        let shape = (x / 0.12).min(1.0) * (1.0 - 0.75 * x * x);
        approach(formants, vowel, 0.16);
        frames.push(Frame {
            f0: 0.0,
            voice: stress * shape,
            hiss: 0.0,
            formants: *formants,
        });
    }
}

/// Moves formants a part of the way to a target.
fn approach(formants: &mut [f64; 3], target: [f64; 3], part: f64) {
    for (formant, target) in formants.iter_mut().zip(target) {
        *formant += part * (target - *formant);
    }
}

/// 0 at both ends of `[0, 1]`, 1 in the middle.
fn hump(x: f64) -> f64 {
    4.0 * x * (1.0 - x)
}

/// Silence of about `seconds`.
fn pause(frames: &mut Vec<Frame>, seconds: f64, formants: [f64; 3], draw: &mut Draw) {
    let length = (seconds * draw.range(0.8, 1.2) / STEP).round() as usize;
    frames.extend(std::iter::repeat_n(
        Frame {
            f0: 0.0,
            voice: 0.0,
            hiss: 0.0,
            formants,
        },
        length,
    ));
}

/// An audible breath before the next phrase.
fn breathe(frames: &mut Vec<Frame>, params: &VoiceParams, formants: [f64; 3], draw: &mut Draw) {
    let length = (draw.range(0.2, 0.4) / STEP) as usize;
    for i in 0..length {
        let hiss = params.breath * hump(i as f64 / length as f64);
        frames.push(Frame {
            f0: 0.0,
            voice: 0.0,
            hiss,
            formants,
        });
    }
}

/// Lays a melody over a phrase: its register, a slow fall, two wide accents, a final turn; all in
/// units of the speaker's liveliness, and apart from the register without effect on the mean pitch.
fn intone(frames: &mut [Frame], params: &VoiceParams, register: f64, draw: &mut Draw) {
    let fall = draw.range(0.4, 1.1);
    let accents = [
        (draw.range(0.1, 0.5), draw.range(0.2, 1.0)),
        (draw.range(0.5, 0.9), draw.range(-0.6, 0.8)),
    ];
    let turn = if draw.chance(0.25) { 1.0 } else { -0.5 };
    let length = frames.len().max(1) as f64;
    let melody = |i: usize| {
        let x = i as f64 / length;
        let bump = |(place, height): (f64, f64)| {
            let distance = (x - place) / 0.22;
            height * (1.0 - distance * distance).max(0.0)
        };
        fall * (0.5 - x) + bump(accents[0]) + bump(accents[1]) + turn * ((x - 0.85) / 0.15).max(0.0)
    };
    let mean = (0..frames.len()).map(melody).sum::<f64>() / length;
    for (i, frame) in frames.iter_mut().enumerate() {
        let semitones = params.liveliness * (register + melody(i) - mean);
        // Within an octave either way, and between what a chest and a recorder can do.
        frame.f0 = (params.f0 * libm::exp2(semitones.clamp(-9.0, 9.0) / 12.0)).clamp(65.0, 440.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Purpose;
    use crate::schema::Gender;

    fn score(age: f64, clip: usize) -> (VoiceParams, Vec<Frame>) {
        let mut own = Draw::new(1, Purpose::VoiceSubject, 0);
        let mut draw = Draw::new(1, Purpose::VoiceClip, clip);
        let params = VoiceParams::draw(Gender::Female, age, &mut own, &mut draw);
        let frames = compose(&params, 3_061, &mut draw);
        (params, frames)
    }

    #[test]
    fn frames_stay_in_range() {
        for clip in 0..20 {
            let (_, frames) = score(6.0 + 4.0 * clip as f64, clip);
            assert_eq!(frames.len(), 3_061);
            for frame in frames {
                assert!((0.0..=1.0).contains(&frame.voice) && (0.0..=1.0).contains(&frame.hiss));
                assert!(
                    frame.voice == 0.0 || (65.0..=440.0).contains(&frame.f0),
                    "{frame:?}"
                );
                assert!(
                    frame.formants.iter().all(|f| (150.0..=3_700.0).contains(f)),
                    "{frame:?}"
                );
            }
        }
    }

    #[test]
    fn syllables_come_at_the_planted_rate() {
        for (clip, age) in [10.0, 28.0, 70.0].into_iter().enumerate() {
            let (params, frames) = score(age, clip);
            // A vowel begins where the voice rises through a third.
            let vowels = frames
                .windows(2)
                .filter(|w| w[0].voice < 0.33 && w[1].voice >= 0.33)
                .count();
            let speaking = frames.iter().filter(|frame| frame.f0 > 0.0).count() as f64 * STEP;
            let rate = vowels as f64 / speaking;
            assert!(
                (rate / params.rate - 1.0).abs() < 0.15,
                "{age}: {rate} vs {}",
                params.rate
            );
        }
    }
}
