//! Sounds made worse: white noise, a cut end.

use cohort_audio::Sound;

use super::super::damage::{Change, Damage, uniform};
use crate::modality::Modality;

/// In this order in tables and charts. The severity of noise is its level relative to the sound's (dB), so that 0 is as loud as
/// the voice and -60 is nothing.
pub(crate) const DAMAGES: [Damage; 2] = [
    Damage {
        name: "noise",
        modality: Modality::Audio,
        unit: "noise to signal, dB",
        severities: &[-60.0, -30.0, -20.0, -10.0, 0.0],
        change: Change::Sound(noisy),
    },
    Damage {
        name: "cut sound",
        modality: Modality::Audio,
        unit: "share of the sound removed",
        severities: &[0.0, 0.25, 0.5, 0.75],
        change: Change::Sound(|sound, share, _| cut(sound, share)),
    },
];

/// White Gaussian noise at `level` dB relative to the sound's mean power, drawn from `seed`. A silent sound stays silent.
fn noisy(sound: &Sound, level: f64, seed: u64) -> Sound {
    let power: f64 = sound.samples.iter().map(|&s| f64::from(s).powi(2)).sum();
    let power = power / sound.samples.len().max(1) as f64;
    let sd = (power * 10f64.powf(level / 10.0)).sqrt();
    let samples = sound.samples.iter().enumerate().map(|(i, &sample)| {
        let (u, v) = (uniform(seed, 2 * i as u64), uniform(seed, 2 * i as u64 + 1));
        let normal = (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos();
        (f64::from(sample) + sd * normal) as f32
    });
    Sound {
        samples: samples.collect(),
        sample_rate: sound.sample_rate,
    }
}

/// The sound without the last `share` of it; at least one sample stays.
fn cut(sound: &Sound, share: f64) -> Sound {
    let kept = (sound.samples.len() as f64 * (1.0 - share.clamp(0.0, 1.0))).round() as usize;
    Sound {
        samples: sound.samples.iter().copied().take(kept.max(1)).collect(),
        sample_rate: sound.sample_rate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone() -> Sound {
        Sound {
            samples: (0..16_000)
                .map(|i| (f64::from(i) * 0.3).sin() as f32 * 0.5)
                .collect(),
            sample_rate: 8_000,
        }
    }

    #[test]
    fn noise_has_the_level_that_was_asked_for() {
        let sound = tone();
        let power = |samples: &[f64]| samples.iter().map(|s| s * s).sum::<f64>();
        let voice: Vec<f64> = sound.samples.iter().map(|&s| f64::from(s)).collect();
        for level in [-20.0, -10.0, 0.0] {
            let worse = noisy(&sound, level, 7);
            let noise: Vec<f64> = (worse.samples.iter().zip(&sound.samples))
                .map(|(a, b)| f64::from(*a) - f64::from(*b))
                .collect();
            let found = 10.0 * (power(&noise) / power(&voice)).log10();
            assert!((found - level).abs() < 0.2, "{level}: {found}");
            assert_eq!(worse, noisy(&sound, level, 7));
        }
    }

    #[test]
    fn cut_shares_are_what_they_say() {
        assert_eq!(cut(&tone(), 0.25).samples.len(), 12_000);
        assert_eq!(cut(&tone(), 1.0).samples.len(), 1);
    }
}
