//! A decoded sound: one channel of samples and their rate.

use crate::AudioError;

/// The lowest sample rate that the features accept, in hertz.
pub const MIN_SAMPLE_RATE: u32 = 4_000;
/// The highest sample rate that the features accept, in hertz.
pub const MAX_SAMPLE_RATE: u32 = 192_000;

/// One channel of sound, which owns its samples or borrows somebody's (`Sound<&[f32]>`).
#[derive(Debug, Clone, PartialEq)]
pub struct Sound<S = Vec<f32>> {
    /// Samples, full scale at -1 and 1 (integer formats are divided by 2^(bits - 1)).
    pub samples: S,
    /// Samples a second.
    pub sample_rate: u32,
}

impl<S: AsRef<[f32]>> Sound<S> {
    /// The same sound with its samples borrowed.
    pub fn borrowed(&self) -> Sound<&[f32]> {
        Sound {
            samples: self.samples.as_ref(),
            sample_rate: self.sample_rate,
        }
    }

    /// Length in seconds.
    pub fn seconds(&self) -> f64 {
        self.samples.as_ref().len() as f64 / f64::from(self.sample_rate.max(1))
    }

    /// Largest distance of a sample from the mean of all; zero for an empty or constant sound.
    ///
    /// A constant offset is inaudible, so it does not count as sound.
    pub fn peak(&self) -> f64 {
        let samples = self.samples.as_ref();
        if samples.is_empty() {
            return 0.0;
        }
        let sum: f64 = samples.iter().map(|&s| f64::from(s)).sum();
        let mean = sum / samples.len() as f64;
        samples
            .iter()
            .fold(0.0, |peak: f64, &s| peak.max((f64::from(s) - mean).abs()))
    }

    /// Checks what every analysis relies on: at least one sample, all of them finite, and a
    /// sample rate from [`MIN_SAMPLE_RATE`] to [`MAX_SAMPLE_RATE`].
    ///
    /// # Errors
    /// [`AudioError::Signal`] naming the operation and the first thing that is not so.
    pub fn check(&self, operation: &'static str) -> Result<(), AudioError> {
        if !(MIN_SAMPLE_RATE..=MAX_SAMPLE_RATE).contains(&self.sample_rate) {
            return Err(AudioError::signal(
                operation,
                format!("a sample rate from {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz"),
                format!("{} Hz", self.sample_rate),
            ));
        }
        let samples = self.samples.as_ref();
        if samples.is_empty() {
            return Err(AudioError::signal(operation, "at least one sample", "none"));
        }
        if !crate::fast::all_finite(samples)
            && let Some(index) = samples.iter().position(|s| !s.is_finite())
        {
            return Err(AudioError::signal(
                operation,
                "finite samples",
                format!("{} at sample {index}", samples[index]),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_names_the_first_fault() {
        let cases: [(&str, Sound, &str); 4] = [
            (
                "rate too low",
                Sound {
                    samples: vec![0.0],
                    sample_rate: 3_999,
                },
                "3999 Hz",
            ),
            (
                "rate too high",
                Sound {
                    samples: vec![0.0],
                    sample_rate: 192_001,
                },
                "192001 Hz",
            ),
            (
                "empty",
                Sound {
                    samples: vec![],
                    sample_rate: 8_000,
                },
                "none",
            ),
            (
                "not a number",
                Sound {
                    samples: vec![0.0, f32::NAN],
                    sample_rate: 8_000,
                },
                "NaN at sample 1",
            ),
        ];
        for (name, sound, found) in cases {
            let error = sound.check("test").expect_err(name).to_string();
            assert!(error.contains(found), "{name}: {error}");
        }
        assert!(
            Sound {
                samples: vec![0.5],
                sample_rate: 8_000
            }
            .check("test")
            .is_ok()
        );
    }

    #[test]
    fn peak_ignores_a_constant_offset() {
        let sound = Sound {
            samples: vec![0.5, 0.75, 0.25],
            sample_rate: 8_000,
        };
        assert!((sound.peak() - 0.25).abs() < 1e-12);
        assert_eq!(
            Sound {
                samples: vec![0.7; 5],
                sample_rate: 8_000
            }
            .peak(),
            0.0
        );
    }
}
