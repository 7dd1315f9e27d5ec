//! Candidates for the period of a sound over time, and the best path through them.

use rustfft::num_complex::Complex64;

use super::sinc;
use super::wave::{Wave, frame_times};
use crate::fft::RealFft;

/// What a correlation may be off by: in digital silence all are equal but for that.
const ROUNDING: f64 = 1e-10;

/// How the periodicity of a frame is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Method {
    /// Auto-correlation of a Hann-weighted frame over that of the window.
    Auto,
    /// Cross-correlation of a frame with the same one later, each normalised by its energy.
    Cross,
}

/// Parameters of the search and the path; names and defaults are Praat's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search {
    pub method: Method,
    /// Seconds between frames.
    pub step: f64,
    /// Lowest frequency; with `periods` the length of the window.
    pub floor: f64,
    pub ceiling: f64,
    pub periods: f64,
    pub silence_threshold: f64,
    pub voicing_threshold: f64,
    pub octave_cost: f64,
    pub octave_jump_cost: f64,
    pub voiced_unvoiced_cost: f64,
}

/// The chosen candidate of a frame: frequency in hertz, 0 for unvoiced, and its strength.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Choice {
    pub frequency: f64,
    pub strength: f64,
}

struct Frame {
    /// Loudest sample near the middle over the loudest of the sound, at most 1.
    intensity: f64,
    /// The first is unvoiced.
    candidates: Vec<Choice>,
}

/// Chosen candidates and the time of the first frame. No frames where the sound is too short.
pub(super) fn search(wave: Wave, parameters: &Search) -> (Vec<Choice>, f64) {
    let mut parameters = *parameters;
    parameters.ceiling = parameters.ceiling.min(wave.rate / 2.0);
    let Some(mut analysis) = Analysis::new(wave, &parameters) else {
        return (Vec::new(), 0.0);
    };
    let window = match parameters.method {
        Method::Auto => parameters.periods / parameters.floor,
        Method::Cross => (parameters.periods + 1.0) / parameters.floor,
    };
    let (count, first) = frame_times(wave.seconds(), window, parameters.step);
    let frames: Vec<Frame> = (0..count)
        .map(|t| analysis.frame(first + t as f64 * parameters.step))
        .collect();
    (best_path(&parameters, &frames), first)
}

/// Buffers and lengths for the frames of one sound.
struct Analysis<'a> {
    wave: Wave<'a>,
    parameters: Search,
    global_peak: f64,
    /// Samples of the longest period, and half of it.
    period: i64,
    half_period: i64,
    /// Samples of the window, even.
    window: usize,
    longest_lag: usize,
    /// Lags with a correlation, 0 to this.
    last_lag: usize,
    weights: Vec<f64>,
    weight_correlation: Vec<f64>,
    fft: RealFft,
    first: Vec<Complex64>,
    second: Vec<Complex64>,
    buffer: Vec<f64>,
}

impl<'a> Analysis<'a> {
    fn new(wave: Wave<'a>, p: &Search) -> Option<Self> {
        let half = ((p.periods / p.floor * wave.rate).floor() as usize / 2).checked_sub(1)?;
        let period = (wave.rate / p.floor).floor() as usize;
        if half < 2 || period < 1 {
            return None;
        }
        let window = half * 2;
        let longest_lag = ((window as f64 / p.periods).floor() as usize + 2).min(window);
        let (last_lag, size) = match p.method {
            Method::Auto => (window / 2, (window + window / 2 + 1).next_power_of_two()),
            Method::Cross => (window, (2 * window + longest_lag).next_power_of_two()),
        };
        let weights: Vec<f64> = match p.method {
            Method::Auto => (1..=window)
                .map(|j| {
                    let angle = j as f64 * 2.0 * std::f64::consts::PI / (window + 1) as f64;
                    0.5 - 0.5 * angle.cos()
                })
                .collect(),
            Method::Cross => vec![1.0; window],
        };
        let sum: f64 = wave.samples.iter().map(|s| f64::from(*s)).sum();
        let mean = sum / wave.samples.len().max(1) as f64;
        let global_peak = wave
            .samples
            .iter()
            .fold(0.0, |peak: f64, s| peak.max((f64::from(*s) - mean).abs()));
        let fft = RealFft::new(size);
        let bins = fft.bins();
        let mut analysis = Self {
            wave,
            parameters: *p,
            global_peak,
            period: period as i64,
            half_period: (period / 2 + 1) as i64,
            window,
            longest_lag,
            last_lag,
            weight_correlation: Vec::new(),
            fft,
            first: vec![Complex64::default(); bins],
            second: vec![Complex64::default(); bins],
            buffer: vec![0.0; size],
            weights,
        };
        let weights = analysis.weights.clone();
        analysis.buffer[..window].copy_from_slice(&weights);
        analysis.weight_correlation = analysis.auto_correlation();
        Some(analysis)
    }

    /// Auto-correlation of what is in the buffer, divided by its value at lag 0.
    fn auto_correlation(&mut self) -> Vec<f64> {
        self.fft.forward(&self.buffer, &mut self.first);
        for value in &mut self.first {
            *value = Complex64::new(value.norm_sqr(), 0.0);
        }
        self.fft.inverse(&mut self.first, &mut self.buffer);
        let energy = self.buffer[0];
        if energy <= 0.0 {
            return vec![0.0; self.last_lag + 1];
        }
        self.buffer[..=self.last_lag]
            .iter()
            .map(|r| r / energy)
            .collect()
    }

    fn frame(&mut self, time: f64) -> Frame {
        let left = self.wave.index(time).floor() as i64;
        let right = left + 1;
        let mean = (right - self.period..=left + self.period)
            .map(|i| self.wave.at(i))
            .sum::<f64>()
            / (2 * self.period) as f64;
        let half = (self.window / 2) as i64;
        let reach = self.half_period.min(half);
        let peak = (half - reach..half + reach)
            .map(|j| {
                let weight = self.weights.get(j as usize).copied().unwrap_or(0.0);
                ((self.wave.at(right - half + j) - mean) * weight).abs()
            })
            .fold(0.0, f64::max);
        let intensity = if self.global_peak > 0.0 {
            (peak / self.global_peak).min(1.0)
        } else {
            0.0
        };
        let correlation = match self.parameters.method {
            Method::Auto => self.by_auto_correlation(right - half, mean),
            Method::Cross => self.by_cross_correlation(time, mean),
        };
        let candidates = if peak > 0.0 {
            self.candidates(&correlation)
        } else {
            Vec::new()
        };
        let candidates = std::iter::once(Choice::default())
            .chain(candidates)
            .collect();
        Frame {
            intensity,
            candidates,
        }
    }

    fn by_auto_correlation(&mut self, start: i64, mean: f64) -> Vec<f64> {
        self.buffer.fill(0.0);
        for (j, (slot, weight)) in self.buffer.iter_mut().zip(&self.weights).enumerate() {
            *slot = (self.wave.at(start + j as i64) - mean) * weight;
        }
        let mut correlation = self.auto_correlation();
        for (r, w) in correlation.iter_mut().zip(&self.weight_correlation) {
            *r /= w;
        }
        correlation
    }

    fn by_cross_correlation(&mut self, time: f64, mean: f64) -> Vec<f64> {
        let p = &self.parameters;
        let start = time - 0.5 * (1.0 / p.floor + p.periods / p.floor);
        let start = (self.wave.index(start).floor() as i64).max(0);
        let there = (self.wave.samples.len() as i64 - start).max(0) as usize;
        let span = (self.longest_lag + self.window).min(there);
        let lags = span.saturating_sub(self.window);
        let value = |i: usize| self.wave.at(start + i as i64) - mean;
        self.buffer.fill(0.0);
        for (i, slot) in self
            .buffer
            .iter_mut()
            .enumerate()
            .take(self.window.min(span))
        {
            *slot = value(i);
        }
        self.fft.forward(&self.buffer, &mut self.first);
        self.buffer.fill(0.0);
        for (i, slot) in self.buffer.iter_mut().enumerate().take(span) {
            *slot = value(i);
        }
        self.fft.forward(&self.buffer, &mut self.second);
        for (a, b) in self.first.iter_mut().zip(&self.second) {
            *a = a.conj() * b;
        }
        self.fft.inverse(&mut self.first, &mut self.buffer);
        let scale = 1.0 / self.buffer.len() as f64;
        let energy: f64 = (0..self.window.min(span)).map(|i| value(i).powi(2)).sum();
        let mut later = energy;
        let mut correlation = vec![0.0; self.last_lag + 1];
        correlation[0] = 1.0;
        for lag in 1..=lags.min(self.last_lag) {
            later += value(lag - 1 + self.window).powi(2) - value(lag - 1).powi(2);
            let norm = (energy * later).sqrt();
            correlation[lag] = if norm > 0.0 {
                self.buffer[lag] * scale / norm
            } else {
                0.0
            };
        }
        correlation
    }

    /// Local maxima of the correlation above half the voicing threshold, the strongest 15 or, where
    /// more harmonics of the floor fit below the ceiling, as many; each refined by interpolation.
    fn candidates(&self, r: &[f64]) -> Vec<Choice> {
        let p = &self.parameters;
        let most = 15.max((p.ceiling / p.floor).floor() as usize) - 1;
        let mut found: Vec<(Choice, usize)> = Vec::new();
        let both = symmetric(r);
        let score = |c: &Choice| c.strength - p.octave_cost * (p.floor / c.frequency).log2();
        for lag in 2..self.longest_lag.min(self.last_lag) {
            let (before, here, after) = (r[lag - 1], r[lag], r[lag + 1]);
            if !(here > 0.5 * p.voicing_threshold && here > before + ROUNDING && here >= after) {
                continue;
            }
            let shift = 0.5 * (after - before) / (2.0 * here - before - after);
            let position = lag as f64 + shift;
            let strength = reflect(sinc::interpolate(
                &both,
                position + self.last_lag as f64,
                30,
            ));
            let choice = Choice {
                frequency: self.wave.rate / position,
                strength,
            };
            if found.len() < most {
                found.push((choice, lag));
                continue;
            }
            let weakest = found
                .iter_mut()
                .min_by(|a, b| score(&a.0).total_cmp(&score(&b.0)));
            if let Some(slot) = weakest
                && score(&slot.0) < score(&choice)
            {
                *slot = (choice, lag);
            }
        }
        // Without costs only the strongest counts, and those that refinement could put above it.
        let strongest = found.iter().map(|c| c.0.strength).fold(0.0, f64::max);
        if p.method == Method::Cross {
            found.retain(|c| c.0.strength > strongest - 0.1);
        }
        found
            .iter()
            .map(|(choice, lag)| self.refine(&both, choice, *lag))
            .collect()
    }

    /// The maximum of the interpolated correlation near a candidate's lag.
    fn refine(&self, both: &[f64], candidate: &Choice, lag: usize) -> Choice {
        let depth = match self.parameters.method {
            Method::Auto if candidate.frequency <= 0.3 * self.wave.rate => 70,
            _ => 700,
        };
        let (position, strength) = sinc::maximum(both, lag + self.last_lag, depth);
        let lag = position - self.last_lag as f64;
        Choice {
            frequency: self.wave.rate / lag,
            strength: reflect(strength),
        }
    }
}

/// The correlation at negative and positive lags; lag 0 is in the middle.
fn symmetric(r: &[f64]) -> Vec<f64> {
    r.iter().skip(1).rev().chain(r).copied().collect()
}

/// A strength above 1, which interpolation can give, counts as its inverse.
fn reflect(strength: f64) -> f64 {
    if strength > 1.0 {
        1.0 / strength
    } else {
        strength
    }
}

fn is_unvoiced(p: &Search, frequency: f64) -> bool {
    !(frequency > 0.0 && frequency < p.ceiling)
}

/// What a candidate is worth in its frame alone.
fn worth(p: &Search, frame: &Frame, choice: &Choice) -> f64 {
    if !is_unvoiced(p, choice.frequency) {
        return choice.strength - p.octave_cost * (p.ceiling / choice.frequency).log2();
    }
    let silence = if p.silence_threshold <= 0.0 {
        0.0
    } else {
        2.0 - frame.intensity / (p.silence_threshold / (1.0 + p.voicing_threshold))
    };
    p.voicing_threshold + silence.max(0.0)
}

fn transition(p: &Search, from: f64, to: f64) -> f64 {
    // Costs are meant for frames a hundredth of a second apart.
    let correction = 0.01 / p.step;
    match (is_unvoiced(p, from), is_unvoiced(p, to)) {
        (true, true) => 0.0,
        (false, false) => correction * p.octave_jump_cost * (from / to).log2().abs(),
        _ => correction * p.voiced_unvoiced_cost,
    }
}

/// The choices of the frames with the largest sum of worths less transitions.
fn best_path(p: &Search, frames: &[Frame]) -> Vec<Choice> {
    let mut values: Vec<f64> = Vec::new();
    let mut pointers: Vec<Vec<u16>> = Vec::with_capacity(frames.len());
    let mut before: &[Choice] = &[];
    for frame in frames {
        let mut from = Vec::with_capacity(frame.candidates.len());
        let mut next = Vec::with_capacity(frame.candidates.len());
        for candidate in &frame.candidates {
            let mut best = (0, f64::NEG_INFINITY);
            for (i, (value, earlier)) in values.iter().zip(before).enumerate() {
                let value = value - transition(p, earlier.frequency, candidate.frequency);
                if value > best.1 {
                    best = (i, value);
                }
            }
            from.push(best.0 as u16);
            next.push(worth(p, frame, candidate) + if before.is_empty() { 0.0 } else { best.1 });
        }
        values = next;
        before = &frame.candidates;
        pointers.push(from);
    }
    let mut best = 0;
    for (i, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = i;
        }
    }
    let mut choices: Vec<Choice> = frames
        .iter()
        .zip(&pointers)
        .rev()
        .map(|(frame, from)| {
            let choice = frame.candidates.get(best).copied().unwrap_or_default();
            best = from.get(best).copied().map_or(0, usize::from);
            if is_unvoiced(p, choice.frequency) {
                Choice::default()
            } else {
                choice
            }
        })
        .collect();
    choices.reverse();
    choices
}

/// Fundamental frequency over time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PitchContour {
    /// Time of the first frame and between frames, seconds.
    pub first: f64,
    pub step: f64,
    /// Hertz; 0 unvoiced.
    pub f0: Vec<f64>,
}

/// Praat's `To Pitch (ac)` with its defaults: 75 to 600 Hz, windows of three longest periods, a frame
/// every quarter window, silence threshold 0.03, voicing threshold 0.45, octave cost 0.01, octave
/// jump cost 0.35, voiced/unvoiced cost 0.14.
pub(crate) fn pitch_contour(wave: Wave) -> PitchContour {
    let search_parameters = Search {
        method: Method::Auto,
        step: 3.0 / 75.0 / 4.0,
        floor: 75.0,
        ceiling: 600.0,
        periods: 3.0,
        silence_threshold: 0.03,
        voicing_threshold: 0.45,
        octave_cost: 0.01,
        octave_jump_cost: 0.35,
        voiced_unvoiced_cost: 0.14,
    };
    let (choices, first) = search(wave, &search_parameters);
    let f0 = choices.iter().map(|choice| choice.frequency).collect();
    PitchContour {
        first,
        step: search_parameters.step,
        f0,
    }
}

impl PitchContour {
    /// Frequency at `time`, linear between voiced frames; None where the nearest is unvoiced.
    pub(crate) fn at(&self, time: f64) -> Option<f64> {
        let position = (time - self.first) / self.step;
        let voiced = |i: f64| -> Option<f64> {
            if i < 0.0 {
                return None;
            }
            self.f0.get(i as usize).copied().filter(|f| *f > 0.0)
        };
        let (low, part) = (position.floor(), position - position.floor());
        let (near, far, weight) = if part < 0.5 {
            (low, low + 1.0, part)
        } else {
            (low + 1.0, low, 1.0 - part)
        };
        let near = voiced(near)?;
        Some(voiced(far).map_or(near, |far| near + weight * (far - near)))
    }

    /// Voiced stretches: from half a frame before the first frame to half a frame after the last.
    pub(crate) fn voiced_intervals(&self) -> Vec<(f64, f64)> {
        let edge = |frame: usize| self.first + (frame as f64 - 0.5) * self.step;
        let mut intervals = Vec::new();
        let mut start = None;
        for (i, f) in self.f0.iter().chain([&0.0]).enumerate() {
            match (start, *f > 0.0) {
                (None, true) => start = Some(i),
                (Some(from), false) => {
                    intervals.push((edge(from).max(0.0), edge(i)));
                    start = None;
                }
                _ => {}
            }
        }
        intervals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_between_pauses_is_found() {
        let rate = 8_000.0;
        let samples: Vec<f32> = (0..16_000)
            .map(|i| {
                let t = f64::from(i) / rate;
                let on = (0.5..1.5).contains(&t);
                if on {
                    (2.0 * std::f64::consts::PI * 143.0 * t).sin() as f32 * 0.4
                } else {
                    0.0
                }
            })
            .collect();
        let contour = pitch_contour(Wave {
            samples: &samples,
            rate,
        });
        let middle = contour.at(1.0).unwrap();
        assert!((middle - 143.0).abs() < 0.05, "{middle}");
        assert_eq!(contour.at(0.2), None);
        let intervals = contour.voiced_intervals();
        assert_eq!(intervals.len(), 1);
        assert!((intervals[0].0 - 0.5).abs() < 0.03 && (intervals[0].1 - 1.5).abs() < 0.03);
    }

    #[test]
    fn too_short_a_sound_has_no_frame() {
        let contour = pitch_contour(Wave {
            samples: &[0.1; 100],
            rate: 8_000.0,
        });
        assert!(contour.f0.is_empty() && contour.at(0.005).is_none());
        assert!(contour.voiced_intervals().is_empty());
    }
}
