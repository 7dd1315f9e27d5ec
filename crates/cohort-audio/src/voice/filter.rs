//! A band-pass filter in the frequency domain.

use rustfft::num_complex::Complex64;

use super::wave::Wave;
use crate::fft::RealFft;

/// Samples filtered at a time.
const BLOCK: usize = 1 << 16;
/// Seconds of neighbourhood on both sides of a block; the response is gone well before.
const MARGIN: f64 = 0.25;

/// The sound between `low` and `high` hertz, both edges being raised cosines that reach `smoothing`
/// hertz to each side (Praat's `Filter (pass Hann band)`), in blocks, so that a long sound needs no
/// long transform.
pub(super) fn pass_band(wave: Wave, low: f64, high: f64, smoothing: f64) -> Vec<f32> {
    let margin = (MARGIN * wave.rate).ceil() as usize;
    let block = BLOCK.min(wave.samples.len().max(1));
    let size = (block + 2 * margin).next_power_of_two();
    let mut fft = RealFft::new(size);
    let mut buffer = vec![0.0; size];
    let mut spectrum = vec![Complex64::default(); fft.bins()];
    let edge = |hertz: f64, at: f64| {
        let position = ((hertz - at + smoothing) / (2.0 * smoothing)).clamp(0.0, 1.0);
        0.5 - 0.5 * (std::f64::consts::PI * position).cos()
    };
    let gains: Vec<f64> = (0..fft.bins())
        .map(|bin| {
            let hertz = bin as f64 * wave.rate / size as f64;
            edge(hertz, low) * (1.0 - edge(hertz, high)) / size as f64
        })
        .collect();
    let mut out = Vec::with_capacity(wave.samples.len());
    for start in (0..wave.samples.len()).step_by(block) {
        let from = start as i64 - margin as i64;
        for (i, slot) in buffer.iter_mut().enumerate() {
            *slot = if i < block + 2 * margin {
                wave.at(from + i as i64)
            } else {
                0.0
            };
        }
        fft.forward(&buffer, &mut spectrum);
        for (value, gain) in spectrum.iter_mut().zip(&gains) {
            *value *= *gain;
        }
        fft.inverse(&mut spectrum, &mut buffer);
        let keep = block.min(wave.samples.len() - start);
        out.extend(buffer[margin..margin + keep].iter().map(|v| *v as f32));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tones_in_the_band_pass_and_others_do_not() {
        let rate = 16_000.0;
        for (hertz, gain) in [(40.0, 0.146_447), (80.0, 0.5), (200.0, 1.0), (3_000.0, 0.0)] {
            // Two blocks, so that they must fit together.
            let samples: Vec<f32> = (0..100_000)
                .map(|i| (2.0 * std::f64::consts::PI * hertz * f64::from(i) / rate).sin() as f32)
                .collect();
            let out = pass_band(
                Wave {
                    samples: &samples,
                    rate,
                },
                80.0,
                2_000.0,
                80.0,
            );
            assert_eq!(out.len(), samples.len());
            for i in (10_000..90_000).step_by(7) {
                let expected = f64::from(samples[i]) * gain;
                assert!((f64::from(out[i]) - expected).abs() < 1e-3, "{hertz} {i}");
            }
        }
    }
}
