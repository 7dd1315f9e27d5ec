//! From a score to samples: glottal pulses and noise through a cascade of resonators.

use super::params::VoiceParams;
use super::score::Frame;
use super::{FRAME, SAMPLE_RATE};
use crate::draw::Draw;

/// Points of the tabulated glottal pulse.
const TABLE: usize = 1_024;
/// Bandwidths of the four resonators in hertz (Klatt 1980, rounded).
const BANDWIDTHS: [f64; 4] = [70.0, 100.0, 160.0, 250.0];

/// An amplitude nobody hears, which keeps silent filters out of the slow, denormal numbers.
const HUSH: f32 = 1e-9;

/// A two-pole filter with unit gain at 0 Hz (Klatt 1980, equation 2).
#[derive(Clone, Copy, Default)]
struct Resonator {
    a: f32,
    b: f32,
    c: f32,
    y1: f32,
    y2: f32,
}

impl Resonator {
    fn tune(&mut self, frequency: f64, bandwidth: f64) {
        let t = 1.0 / SAMPLE_RATE as f64;
        let radius = libm::exp(-std::f64::consts::PI * bandwidth * t);
        let b = 2.0 * radius * libm::cos(std::f64::consts::TAU * frequency * t);
        let c = -radius * radius;
        self.a = (1.0 - b - c) as f32;
        self.b = b as f32;
        self.c = c as f32;
    }

    fn filter(&mut self, x: f32) -> f32 {
        let y = self.a * x + self.b * self.y1 + self.c * self.y2;
        self.y2 = self.y1;
        self.y1 = y;
        y
    }
}

/// One period of the derivative of Rosenberg's pulse C: open for 40 %, closing for 16 %, closed
/// otherwise; mean 0, largest magnitude 1.
fn pulse() -> Vec<f32> {
    use std::f64::consts::PI;
    let (rise, fall) = (0.40, 0.16);
    let flow = |x: f64| {
        if x < rise {
            0.5 * (1.0 - libm::cos(PI * x / rise))
        } else if x < rise + fall {
            libm::cos(0.5 * PI * (x - rise) / fall)
        } else {
            0.0
        }
    };
    let at = |i: usize| flow(i as f64 / TABLE as f64);
    let slopes: Vec<f64> = (0..TABLE).map(|i| at((i + 1) % TABLE) - at(i)).collect();
    let peak = slopes
        .iter()
        .fold(0.0f64, |peak, slope| peak.max(slope.abs()));
    slopes
        .into_iter()
        .map(|slope| (slope / peak) as f32)
        .collect()
}

/// Uniform noise in `[-1, 1)`, four values a random word in turn.
struct Noise {
    word: u32,
    left: u32,
}

impl Noise {
    fn next(&mut self, draw: &mut Draw) -> f32 {
        if self.left == 0 {
            self.word = draw.bits();
            self.left = 4;
        }
        let byte = self.word as u8;
        self.word >>= 8;
        self.left -= 1;
        (f32::from(byte) - 127.5) / 128.0
    }
}

/// Sounds a score as `samples` 16-bit samples.
pub(crate) fn sound(
    params: &VoiceParams,
    frames: &[Frame],
    samples: usize,
    draw: &mut Draw,
) -> Vec<i16> {
    let table = pulse();
    let mut noise = Noise { word: 0, left: 0 };
    let mut cascade = [Resonator::default(); 4];
    cascade[3].tune(
        (3_500.0 * params.formants).min(3_700.0),
        damped(3_500.0 * params.formants, BANDWIDTHS[3]),
    );
    let mut teeth = Resonator::default();
    teeth.tune((2_700.0 * params.formants).min(3_300.0), 900.0);
    let (mut phase, mut jitter, mut height) = (0.0f64, 1.0f64, 1.0f32);
    let (mut voice, mut hiss, mut last_hiss, mut tilt, mut rumble) =
        (0.0f32, 0.0f32, 0.0f32, 0.0f32, 0.0f32);
    let mut sound = Vec::with_capacity(samples);
    for frame in frames {
        for (resonator, (frequency, bandwidth)) in cascade
            .iter_mut()
            .zip(frame.formants.iter().zip(BANDWIDTHS))
        {
            resonator.tune(*frequency, damped(*frequency, bandwidth));
        }
        let step = frame.f0 / SAMPLE_RATE as f64;
        for _ in 0..FRAME.min(samples - sound.len()) {
            // 3 ms ramps keep amplitude steps from clicking.
            voice += 0.05 * (frame.voice as f32 + HUSH - voice);
            hiss += 0.1 * (frame.hiss as f32 + HUSH - hiss);
            phase += step * jitter;
            if phase >= 1.0 {
                phase -= 1.0;
                jitter = (1.0 + params.jitter * draw.normal()).clamp(0.8, 1.2);
                height = (1.0 + params.shimmer * draw.normal()).clamp(0.5, 1.5) as f32;
            }
            let white = noise.next(draw);
            let glottal = table[((phase * TABLE as f64) as usize).min(TABLE - 1)] * height;
            // Breath is strongest while the glottis is open.
            let open = if phase < 0.56 { 1.0 } else { 0.3 };
            let source = voice * (glottal + 4.0 * params.breath as f32 * white * open);
            tilt += 0.65 * (source - tilt);
            // A first difference makes the hiss bright.
            let bright = 0.5 * hiss * (white - last_hiss);
            last_hiss = white;
            let mut y = tilt;
            for resonator in &mut cascade {
                y = resonator.filter(y);
            }
            rumble += 0.05 * (white - rumble);
            sound.push((y + 1.6 * teeth.filter(bright), 0.35 * white + 2.0 * rumble));
        }
    }
    let power = sound
        .iter()
        .map(|(y, _)| f64::from(*y) * f64::from(*y))
        .sum::<f64>();
    let gain = params.level as f32 / libm::sqrt(power / samples.max(1) as f64).max(1e-9) as f32;
    let room = params.room as f32;
    // A first echo of a furnished room, 23 ms late.
    let delay = 184;
    (0..sound.len())
        .map(|i| {
            let (y, ambient) = sound[i];
            let echo = if i < delay {
                0.0
            } else {
                0.12 * sound[i - delay].0
            };
            let level = gain * (y + echo) + room * ambient;
            // Peaks are rounded off, as a recorder's limiter does, so that none reaches full scale.
            (31_000.0 * level / (1.0 + level * level).sqrt()) as i16
        })
        .collect()
}

/// A wider band for resonances near the 4 kHz limit, where a narrow one would whistle.
fn damped(frequency: f64, bandwidth: f64) -> f64 {
    bandwidth * (1.0 + ((frequency - 3_000.0) / 120.0).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resonator_peaks_at_its_frequency() {
        let gain = |frequency: f64| {
            let mut resonator = Resonator::default();
            resonator.tune(1_000.0, 80.0);
            let mut peak = 0.0f32;
            for n in 0..4_000 {
                let x = (std::f64::consts::TAU * frequency * n as f64 / 8_000.0).sin() as f32;
                let y = resonator.filter(x);
                if n > 2_000 {
                    peak = peak.max(y.abs());
                }
            }
            peak
        };
        // Closed form: |H(f)| = a / |1 - b z^-1 - c z^-2| at z = e^{i 2 pi f / fs}.
        let (radius, angle) = (
            (-std::f64::consts::PI * 80.0 / 8_000.0).exp(),
            std::f64::consts::TAU / 8.0,
        );
        let (b, c) = (2.0 * radius * angle.cos(), -radius * radius);
        for frequency in [200.0, 1_000.0, 2_500.0] {
            let w = std::f64::consts::TAU * frequency / 8_000.0;
            let re = 1.0 - b * w.cos() - c * (2.0 * w).cos();
            let im = b * w.sin() + c * (2.0 * w).sin();
            let exact = (1.0 - b - c) / (re * re + im * im).sqrt();
            let found = f64::from(gain(frequency));
            assert!(
                (found / exact - 1.0).abs() < 0.03,
                "{frequency}: {found} vs {exact}"
            );
        }
    }

    #[test]
    fn pulse_has_no_offset() {
        let table = pulse();
        assert!(table.iter().sum::<f32>().abs() < 1e-3);
        // Closing is the sharpest moment and negative.
        assert_eq!(table.iter().copied().fold(0.0f32, f32::min), -1.0);
    }
}
