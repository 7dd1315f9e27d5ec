//! How well a sound was recorded.

use crate::Sound;

/// Level from which a sample may have been cut off, full scale being 1.
const FULL: f32 = 0.985;
/// Neighbouring samples of one extreme value that show that it was: a wave that is not cut hardly stays at its peak.
const RUN: usize = 3;

/// Share of the samples that were cut off at full scale: those in runs of 3 or more equal ones at .985 or above, or at -.985 or below.
/// 0 for an empty sound.
pub fn clipped_share(sound: &Sound) -> f64 {
    let mut cut = 0;
    for run in sound.samples.chunk_by(|a, b| a == b) {
        if run.len() >= RUN && run[0].abs() >= FULL {
            cut += run.len();
        }
    }
    cut as f64 / sound.samples.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_at_full_scale_are_cut_off() {
        let sine = |gain: f32| Sound {
            samples: (0..8000)
                .map(|i| ((i as f32 * 0.05).sin() * gain).clamp(-1.0, 1.0))
                .collect(),
            sample_rate: 8000,
        };
        assert_eq!(clipped_share(&sine(0.9)), 0.0);
        assert_eq!(clipped_share(&sine(1.0)), 0.0);
        // beyond 1 for the share of a period in which |sin| > 1/2: two thirds
        assert!((clipped_share(&sine(2.0)) - 2.0 / 3.0).abs() < 0.01);
        let silent = Sound {
            samples: vec![0.0; 100],
            sample_rate: 8000,
        };
        assert_eq!(clipped_share(&silent), 0.0);
        assert_eq!(
            clipped_share(&Sound {
                samples: Vec::new(),
                sample_rate: 8000
            }),
            0.0
        );
    }
}
