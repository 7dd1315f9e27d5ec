//! Sound pressure over time.

use crate::ReportError;
use crate::canvas::{Anchor, Area, Canvas, SMALL, Style};
use crate::charts::axes::{self, Swatch};
use crate::palette::Colour;
use crate::scale::{Linear, Ticks};

const PLOT_HEIGHT: f64 = 170.0;

/// Draws a waveform: `samples` in `[-1, 1]` at `sample_rate` Hz, as the range of each picture column.
///
/// # Errors
/// [`ReportError::Data`] when there is no sample or the rate is 0.
pub fn waveform(
    title: &str,
    samples: &[f32],
    sample_rate: u32,
    style: &Style,
) -> Result<String, ReportError> {
    figure(
        title,
        &[("", samples, Colour::Series(0), 1.0)],
        sample_rate,
        &[],
        style,
    )
}

/// Draws a waveform and, over it, the same after noise reduction; both in `[-1, 1]` at `sample_rate` Hz.
///
/// # Errors
/// [`ReportError::Data`] when there is no sample, the rate is 0, or the lengths differ.
pub fn denoised(
    title: &str,
    raw: &[f32],
    denoised: &[f32],
    sample_rate: u32,
    style: &Style,
) -> Result<String, ReportError> {
    if raw.len() != denoised.len() {
        return Err(ReportError::Data {
            operation: "denoised waveform",
            expected: format!("{} denoised samples, as many as raw ones", raw.len()),
            found: format!("{}", denoised.len()),
        });
    }
    let layers = [
        ("raw", raw, Colour::Muted, 0.5),
        ("denoised", denoised, Colour::Series(0), 1.0),
    ];
    figure(title, &layers, sample_rate, &[], style)
}

/// Draws a waveform with its onsets, given in seconds, as vertical lines.
///
/// # Errors
/// [`ReportError::Data`] when there is no sample or the rate is 0.
pub fn onsets(
    title: &str,
    samples: &[f32],
    sample_rate: u32,
    onset_times_s: &[f64],
    style: &Style,
) -> Result<String, ReportError> {
    figure(
        title,
        &[("waveform", samples, Colour::Series(0), 0.75)],
        sample_rate,
        onset_times_s,
        style,
    )
}

type Layer<'a> = (&'static str, &'a [f32], Colour, f64);

fn figure(
    title: &str,
    layers: &[Layer],
    sample_rate: u32,
    onsets: &[f64],
    style: &Style,
) -> Result<String, ReportError> {
    let length = layers.first().map_or(0, |l| l.1.len());
    if length == 0 || sample_rate == 0 {
        return Err(ReportError::Data {
            operation: "waveform",
            expected: "at least one sample, at a rate above 0 Hz".into(),
            found: format!("{length} samples at {sample_rate} Hz"),
        });
    }
    let seconds = length as f64 / f64::from(sample_rate);
    let header = Canvas::header(style);
    let width = style.safe_width();
    let mut entries: Vec<(&str, Colour, Swatch)> = layers
        .iter()
        .filter(|l| !l.0.is_empty())
        .map(|l| (l.0, l.2, Swatch::Box))
        .collect();
    let counted = format!("{} onsets", onsets.len());
    if !onsets.is_empty() {
        entries.push((&counted, Colour::Series(1), Swatch::Line));
    }
    let names: Vec<&str> = entries.iter().map(|e| e.0).collect();
    let legend = axes::legend_height(&names, width - 12.0);
    let below = axes::x_axis_height("time");
    let height = header + legend + PLOT_HEIGHT + below + 10.0;
    let description = format!("{seconds:.2} seconds of sound at {sample_rate} Hz.");
    let mut canvas = Canvas::new(style, height, title, &description);

    let loudest = layers
        .iter()
        .flat_map(|l| l.1.iter())
        .filter(|v| v.is_finite())
        .fold(0.0f64, |m, v| m.max(f64::from(v.abs())));
    let limit = if loudest > 0.0 { loudest * 1.05 } else { 1.0 };
    let ticks = Ticks::new((-limit, limit), 4);
    let left = 4.0 + axes::y_axis_width(&ticks, "amplitude");
    let area = Area {
        left,
        top: header + legend + 6.0,
        right: width - 12.0,
        bottom: height - below - 4.0,
    };
    let y = Linear::new((-limit, limit), (area.bottom, area.top));
    let x = Linear::new((0.0, seconds), (area.left, area.right));
    axes::legend(
        &mut canvas,
        Area {
            left: 12.0,
            top: header + 2.0,
            right: width,
            bottom: height,
        },
        &entries,
    );
    axes::y_axis(&mut canvas, area, &y, &ticks, "amplitude");
    axes::x_axis(
        &mut canvas,
        area,
        &x,
        &Ticks::new((0.0, seconds), 8),
        "time (s)",
        false,
    );
    for (_, samples, colour, opacity) in layers {
        canvas.polygon(&envelope(samples, area, &y), *colour, *opacity);
    }
    for time in onsets.iter().filter(|t| (0.0..=seconds).contains(*t)) {
        let at = x.at(*time);
        canvas.line(
            (at, area.top),
            (at, area.bottom),
            Colour::Series(1),
            1.2,
            None,
        );
    }
    if layers.iter().all(|l| l.1.iter().all(|v| *v == 0.0)) {
        let middle = ((area.left + area.right) / 2.0, area.top + 16.0);
        canvas.text(middle, SMALL, Anchor::Middle, Colour::Muted, "silence");
    }
    Ok(canvas.finish())
}

/// The outline of the samples: the largest of each column from left to right, then the smallest back.
fn envelope(samples: &[f32], area: Area, y: &Linear) -> Vec<(f64, f64)> {
    let columns = (area.width() * 1.5) as usize;
    let columns = columns.clamp(1, samples.len().max(1));
    let (mut upper, mut lower) = (Vec::with_capacity(columns), Vec::with_capacity(columns));
    for column in 0..columns {
        let from = column * samples.len() / columns;
        let to = ((column + 1) * samples.len() / columns).max(from + 1);
        let part = samples.get(from..to).unwrap_or_default();
        let Some((low, high)) = axes::extent(part.iter().map(|v| f64::from(*v))) else {
            continue;
        };
        let x = area.left + area.width() * (column as f64 + 0.5) / columns as f64;
        // Half a pixel keeps silence visible.
        upper.push((x, y.at(high) - 0.4));
        lower.push((x, y.at(low) + 0.4));
    }
    upper.extend(lower.into_iter().rev());
    upper
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_holds_the_extremes_of_each_column() {
        let mut samples = vec![0.1f32; 10_000];
        samples[5_000] = 0.9;
        samples[5_001] = -0.7;
        let area = Area {
            left: 0.0,
            top: 0.0,
            right: 100.0,
            bottom: 100.0,
        };
        let y = Linear::new((-1.0, 1.0), (100.0, 0.0));
        let shape = envelope(&samples, area, &y);
        let highest = shape.iter().map(|p| p.1).fold(f64::MAX, f64::min);
        let lowest = shape.iter().map(|p| p.1).fold(f64::MIN, f64::max);
        assert!((highest - (5.0 - 0.4)).abs() < 1e-4, "{highest}");
        assert!((lowest - (85.0 + 0.4)).abs() < 1e-4, "{lowest}");
        assert!(shape.len() <= 300);
    }

    #[test]
    fn onsets_are_drawn_where_they_are_heard() {
        let samples = vec![0.5f32; 8_000];
        let svg = onsets("t", &samples, 8_000, &[0.25, 0.5, 7.0], &Style::default()).unwrap();
        let marked = format!(
            "stroke=\"{}\" stroke-width=\"1.2\"",
            Colour::Series(1).light()
        );
        assert_eq!(svg.matches(&marked).count(), 2, "one lies beyond the end");
    }

    #[test]
    fn bad_input_is_an_error_and_silence_is_not() {
        assert!(waveform("t", &[], 8_000, &Style::default()).is_err());
        assert!(waveform("t", &[0.0], 0, &Style::default()).is_err());
        assert!(denoised("t", &[0.0, 0.1], &[0.0], 8_000, &Style::default()).is_err());
        let svg = waveform("t", &[0.0; 100], 8_000, &Style::default()).unwrap();
        assert!(svg.contains("silence"));
        assert!(waveform("t", &[f32::NAN; 100], 8_000, &Style::default()).is_ok());
    }
}
