//! Level over frequency.

use super::spectrogram::frequency_ticks;
use crate::ReportError;
use crate::canvas::{Anchor, Area, Canvas, LABEL, SMALL, Style};
use crate::charts::axes;
use crate::palette::Colour;
use crate::scale::{Linear, Ticks, round_domain};

/// Most points of the drawn line.
const MOST_POINTS: usize = 1500;

/// Draws a spectrum over a logarithmic frequency axis: `decibels[i]` at `frequencies_hz[i]`, ascending.
///
/// Frequencies below 20 Hz are left out; levels more than 100 dB under the loudest are cut.
///
/// # Errors
/// [`ReportError::Data`] when the lengths differ or fewer than two finite points lie at 20 Hz or above.
pub fn spectrum(
    title: &str,
    frequencies_hz: &[f64],
    decibels: &[f64],
    style: &Style,
) -> Result<String, ReportError> {
    let wrong = |expected: &str, found: String| ReportError::Data {
        operation: "spectrum",
        expected: expected.into(),
        found,
    };
    if frequencies_hz.len() != decibels.len() {
        let found = format!(
            "{} frequencies and {} levels",
            frequencies_hz.len(),
            decibels.len()
        );
        return Err(wrong("as many levels as frequencies", found));
    }
    let points: Vec<(f64, f64)> = frequencies_hz
        .iter()
        .zip(decibels)
        .filter(|(f, d)| f.is_finite() && **f >= 20.0 && d.is_finite())
        .map(|(f, d)| (f.log10(), *d))
        .collect();
    if points.len() < 2 {
        return Err(wrong(
            "two points at 20 Hz or above",
            format!("{}", points.len()),
        ));
    }
    let header = Canvas::header(style);
    let width = style.safe_width();
    let below = axes::x_axis_height("frequency");
    let height = header + 210.0 + below;
    let (low, high) = axes::extent(points.iter().map(|p| p.1)).unwrap_or((-100.0, 0.0));
    let description = format!("Highest level {high:.1} dB.");
    let mut canvas = Canvas::new(style, height, title, &description);
    let domain = round_domain(low.max(high - 100.0), high, 5);
    let ticks = Ticks::new(domain, 5);
    let left = 4.0 + axes::y_axis_width(&ticks, "level (dB)");
    let area = Area {
        left,
        top: header + 10.0,
        right: width - 16.0,
        bottom: height - below - 4.0,
    };
    let ends = axes::extent(points.iter().map(|p| p.0)).unwrap_or((1.3, 4.0));
    let x = Linear::new(ends, (area.left, area.right));
    let y = Linear::new(domain, (area.bottom, area.top));
    axes::y_axis(&mut canvas, area, &y, &ticks, "level (dB)");
    for (hz, label) in frequency_ticks(10f64.powf(x.domain.0), 10f64.powf(x.domain.1)) {
        let at = x.at(hz.log10());
        canvas.line((at, area.top), (at, area.bottom), Colour::Grid, 1.0, None);
        canvas.text(
            (at, area.bottom + 16.0),
            SMALL,
            Anchor::Middle,
            Colour::Muted,
            &label,
        );
    }
    let middle = (area.left + area.right) / 2.0;
    canvas.text(
        (middle, area.bottom + 33.0),
        LABEL,
        Anchor::Middle,
        Colour::Muted,
        "frequency (Hz)",
    );
    let line: Vec<_> = thin(&points, &x)
        .into_iter()
        .map(|p| (x.at(p.0), y.at(p.1)))
        .collect();
    canvas.polyline(&line, Colour::Series(0), 1.4, None);
    Ok(canvas.finish())
}

/// Keeps the loudest point of each step of the axis, so that peaks survive.
fn thin(points: &[(f64, f64)], x: &Linear) -> Vec<(f64, f64)> {
    if points.len() <= MOST_POINTS {
        return points.to_vec();
    }
    let unit = Linear::new(x.domain, (0.0, MOST_POINTS as f64));
    let mut kept: Vec<(f64, f64)> = Vec::with_capacity(MOST_POINTS + 1);
    let mut step = None;
    for point in points {
        let here = unit.at(point.0) as usize;
        match kept.last_mut() {
            Some(last) if step == Some(here) => {
                if point.1 > last.1 {
                    *last = *point;
                }
            }
            _ => kept.push(*point),
        }
        step = Some(here);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_peak() {
        let mut points: Vec<(f64, f64)> = (0..50_000)
            .map(|i| (1.3 + i as f64 * 5e-5, -60.0))
            .collect();
        points[30_001].1 = -3.0;
        let kept = thin(&points, &Linear::new((1.3, 3.8), (0.0, 1.0)));
        assert!(kept.len() <= MOST_POINTS + 1);
        assert!(kept.iter().any(|p| p.1 == -3.0));
        assert!(kept.windows(2).all(|w| w[0].0 < w[1].0));
    }

    #[test]
    fn bad_input_is_an_error() {
        let style = Style::default();
        assert!(spectrum("t", &[100.0], &[], &style).is_err());
        assert!(spectrum("t", &[1.0, 2.0], &[0.0, 0.0], &style).is_err());
        assert!(spectrum("t", &[100.0, 200.0], &[0.0, f64::NEG_INFINITY], &style).is_err());
        assert!(spectrum("t", &[100.0, 200.0], &[0.0, -3.0], &style).is_ok());
    }
}
