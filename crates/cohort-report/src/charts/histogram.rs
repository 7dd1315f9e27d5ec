//! A distribution under the null hypothesis, with what was observed marked on it.

use super::axes;
use crate::ReportError;
use crate::canvas::{Anchor, Area, Canvas, SMALL, Style};
use crate::format;
use crate::palette::Colour;
use crate::scale::{Linear, Ticks};
use crate::text_width::text_width;

/// A histogram with marks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Histogram {
    /// What the chart shows, in a few words.
    pub title: String,
    /// The same for someone who cannot see it, in a sentence.
    pub description: String,
    /// Name of the horizontal axis.
    pub x_label: String,
    /// Edges of the bins, ascending, one more than there are counts.
    pub edges: Vec<f64>,
    /// How many values fell into each bin.
    pub counts: Vec<f64>,
    /// The observed value, drawn as a strong line.
    pub observed: Option<f64>,
    /// Where 95 of 100 values of the null distribution end, drawn dashed.
    pub p95: Option<f64>,
}

impl Histogram {
    /// Sorts `values` into `bins` equal bins (1 to 200) over their range and `observed`; values that are not finite are left out.
    pub fn of(values: &[f64], observed: Option<f64>, bins: usize) -> Self {
        let (low, high) =
            axes::extent(values.iter().copied().chain(observed)).unwrap_or((0.0, 1.0));
        let scale = Linear::new((low, high), (0.0, 1.0));
        let bins = bins.clamp(1, 200);
        let mut counts = vec![0.0; bins];
        for value in values.iter().filter(|v| v.is_finite()) {
            let bin = (scale.at(*value) * bins as f64) as usize;
            if let Some(count) = counts.get_mut(bin.min(bins - 1)) {
                *count += 1.0;
            }
        }
        let (low, high) = scale.domain;
        let edges = (0..=bins)
            .map(|i| low + (high - low) * i as f64 / bins as f64)
            .collect();
        Self {
            edges,
            counts,
            observed,
            ..Self::default()
        }
    }
}

/// Draws the histogram with its marks; the bins beyond the observed value are the p value, and are coloured so.
///
/// # Errors
/// [`ReportError::Data`] when the edges are not one more than the counts.
pub fn histogram(chart: &Histogram, style: &Style) -> Result<String, ReportError> {
    if chart.edges.len() != chart.counts.len() + 1 {
        return Err(ReportError::Data {
            operation: "histogram",
            expected: format!(
                "{} edges for {} counts",
                chart.counts.len() + 1,
                chart.counts.len()
            ),
            found: format!("{} edges", chart.edges.len()),
        });
    }
    let header = Canvas::header(style);
    let width = style.safe_width();
    let below = axes::x_axis_height(&chart.x_label);
    let height = header + 150.0 + below;
    let mut canvas = Canvas::new(style, height, &chart.title, &chart.description);
    let area = Area {
        left: 12.0,
        top: header + 24.0,
        right: width - 12.0,
        bottom: height - below - 4.0,
    };
    let marks = chart.observed.into_iter().chain(chart.p95);
    let domain = axes::extent(chart.edges.iter().copied().chain(marks)).unwrap_or((0.0, 1.0));
    let scale = Linear::new(domain, (area.left, area.right));
    let most = chart
        .counts
        .iter()
        .copied()
        .filter(|v| v.is_finite())
        .fold(0.0, f64::max)
        .max(1.0);
    let tall = Linear::new((0.0, most), (area.bottom, area.top + 4.0));
    for (edges, count) in chart.edges.windows(2).zip(&chart.counts) {
        let (from, to) = (scale.at(edges[0]), scale.at(edges[1]));
        let y = tall.at(*count);
        let beyond = chart.observed.is_some_and(|o| edges[0] >= o);
        let colour = if beyond {
            Colour::Series(1)
        } else {
            Colour::Muted
        };
        let hint = format!(
            "{} to {}: {}",
            format::fixed(edges[0], 3),
            format::fixed(edges[1], 3),
            format::general(*count)
        );
        if *count > 0.0 {
            let place = (from + 0.5, y, (to - from - 1.0).max(0.5), area.bottom - y);
            canvas.rect(place, colour, 0.55, Some(&hint));
        }
    }
    canvas.line(
        (area.left, area.bottom),
        (area.right, area.bottom),
        Colour::Muted,
        1.0,
        None,
    );
    axes::x_axis(
        &mut canvas,
        area,
        &scale,
        &Ticks::new(domain, 5),
        &chart.x_label,
        false,
    );
    if let Some(p95) = chart.p95 {
        let x = scale.at(p95);
        canvas.line(
            (x, area.top),
            (x, area.bottom),
            Colour::Muted,
            1.5,
            Some("4 3"),
        );
    }
    if let Some(observed) = chart.observed {
        let x = scale.at(observed);
        canvas.line(
            (x, area.top - 4.0),
            (x, area.bottom),
            Colour::Series(1),
            2.5,
            None,
        );
        let words = format!("observed {}", format::fixed(observed, 3));
        let half = text_width(&words, SMALL) / 2.0;
        let at = (
            x.clamp(half + 4.0, (width - half - 4.0).max(half + 4.0)),
            area.top - 9.0,
        );
        canvas.bold(at, SMALL, Anchor::Middle, Colour::Series(1), &words);
    }
    Ok(canvas.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_falls_into_one_bin() {
        let chart = Histogram::of(&[0.0, 0.1, 0.25, 0.5, 0.99, 1.0, f64::NAN], Some(0.75), 4);
        assert_eq!(chart.edges, [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(chart.counts, [2.0, 1.0, 1.0, 2.0]);
    }

    #[test]
    fn bins_beyond_the_observed_value_are_marked() {
        let style = Style::default();
        let svg = histogram(
            &Histogram::of(&[0.0, 0.1, 0.25, 0.5, 0.99, 1.0], Some(0.5), 4),
            &style,
        )
        .unwrap();
        let marked = format!("fill=\"{}\" fill-opacity", Colour::Series(1).light());
        assert_eq!(svg.matches(&marked).count(), 2);
        assert!(
            histogram(
                &Histogram {
                    counts: vec![1.0],
                    ..Histogram::default()
                },
                &style
            )
            .is_err()
        );
    }

    #[test]
    fn equal_values_make_a_histogram() {
        let chart = Histogram::of(&[0.3; 5], None, 10);
        assert_eq!(chart.counts.iter().sum::<f64>(), 5.0);
        assert!(histogram(&chart, &Style::default()).is_ok());
    }
}
