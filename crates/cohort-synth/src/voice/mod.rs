//! Voices by source-filter synthesis: a glottal pulse train (Rosenberg 1971) through formant
//! resonators (Klatt 1980), driven by a score of babbled syllables, phrases and pauses.

mod params;
mod score;
mod tract;

use crate::draw::{Draw, Purpose};
use crate::population::Subject;
use params::VoiceParams;

/// Samples a second.
pub(crate) const SAMPLE_RATE: usize = 8_000;
/// Samples of a clip, 15.302 s, as in First Impressions v3.
pub(crate) const SAMPLES: usize = 122_416;
/// Samples of one control frame, 5 ms.
const FRAME: usize = 40;

/// The voice of one clip by somebody who sounds `age` years old.
pub(crate) fn speak(
    seed: u64,
    subject_index: usize,
    clip: usize,
    subject: &Subject,
    age: f64,
) -> Vec<i16> {
    let mut own = Draw::new(seed, Purpose::VoiceSubject, subject_index);
    let mut draw = Draw::new(seed, Purpose::VoiceClip, clip);
    let params = VoiceParams::draw(subject.gender, age, &mut own, &mut draw);
    let frames = score::compose(&params, SAMPLES.div_ceil(FRAME), &mut draw);
    tract::sound(&params, &frames, SAMPLES, &mut draw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Ethnicity, Gender, Split};

    fn subject(gender: Gender) -> Subject {
        Subject {
            id: "-0123456789".into(),
            split: Split::Train,
            group: 3,
            gender,
            ethnicity: Ethnicity::Caucasian,
            age: 28.0,
            ordinals: vec![0],
        }
    }

    /// Fundamental frequencies of voiced frames by the largest normalised autocorrelation.
    fn pitches(samples: &[i16]) -> Vec<f64> {
        let x: Vec<f64> = samples.iter().map(|s| f64::from(*s)).collect();
        let mut found = Vec::new();
        for frame in x.chunks_exact(640) {
            let energy: f64 = frame.iter().map(|v| v * v).sum();
            let score = |lag: usize| {
                let (a, b) = (&frame[..640 - lag], &frame[lag..]);
                let cross: f64 = a.iter().zip(b).map(|(p, q)| p * q).sum();
                let (ea, eb): (f64, f64) =
                    (a.iter().map(|v| v * v).sum(), b.iter().map(|v| v * v).sum());
                cross / (ea * eb).sqrt().max(1.0)
            };
            let lags: Vec<(usize, f64)> = (18..=120).map(|lag| (lag, score(lag))).collect();
            let best = lags.iter().map(|(_, r)| *r).fold(0.0, f64::max);
            if energy < 640.0 * 1e5 || best < 0.8 {
                continue;
            }
            // The shortest lag near the best: longer ones are multiples of the period.
            if let Some((lag, _)) = lags.iter().find(|(_, r)| *r > 0.93 * best) {
                found.push(8_000.0 / *lag as f64);
            }
        }
        found.sort_by(f64::total_cmp);
        found
    }

    #[test]
    fn pitch_is_the_planted_one() {
        for (gender, age) in [
            (Gender::Male, 9.0),
            (Gender::Male, 28.0),
            (Gender::Male, 60.0),
            (Gender::Female, 12.0),
            (Gender::Female, 28.0),
            (Gender::Female, 70.0),
        ] {
            for clip in 0..4 {
                let subject = subject(gender);
                let mut own = Draw::new(1, Purpose::VoiceSubject, 0);
                let mut draw = Draw::new(1, Purpose::VoiceClip, clip);
                let planted = VoiceParams::draw(gender, age, &mut own, &mut draw).f0;
                let found = pitches(&speak(1, 0, clip, &subject, age));
                assert!(
                    found.len() > 30,
                    "{gender:?} {age}: {} voiced frames",
                    found.len()
                );
                let median = found[found.len() / 2];
                assert!(
                    (median / planted - 1.0).abs() < 0.12,
                    "{gender:?} {age}: median {median}, planted {planted}"
                );
            }
        }
    }

    #[test]
    fn clips_have_their_length_and_do_not_clip() {
        let samples = speak(1, 0, 0, &subject(Gender::Female), 30.0);
        assert_eq!(samples.len(), SAMPLES);
        let peak = samples.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0);
        assert!((6_000..=31_000).contains(&peak), "{peak}");
        assert_eq!(samples, speak(1, 0, 0, &subject(Gender::Female), 30.0));
        assert_ne!(samples, speak(1, 0, 1, &subject(Gender::Female), 30.0));
    }

    #[test]
    fn the_old_pause_more() {
        let loud = |age: f64| -> f64 {
            let mut share = 0.0;
            for clip in 0..6 {
                let samples = speak(2, 0, clip, &subject(Gender::Male), age);
                let rms = |part: &[i16]| {
                    (part.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / part.len() as f64)
                        .sqrt()
                };
                let all = rms(&samples);
                share += samples
                    .chunks(400)
                    .filter(|part| rms(part) > 0.3 * all)
                    .count() as f64;
            }
            share
        };
        assert!(
            loud(15.0) > 1.15 * loud(70.0),
            "{} vs {}",
            loud(15.0),
            loud(70.0)
        );
    }
}
