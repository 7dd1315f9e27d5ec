//! Reliability diagrams: how often a model is right when it says it is so sure.

use super::axes;
use crate::canvas::{Anchor, Area, Canvas, SMALL, Style};
use crate::format;
use crate::palette::Colour;
use crate::scale::{Linear, Ticks};

/// One bin of confidence.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ReliabilityBin {
    /// Mean confidence of the bin's rows, in `[0, 1]`.
    pub confidence: f64,
    /// Share of them that are right, in `[0, 1]`.
    pub accuracy: f64,
    /// Number of rows.
    pub count: u64,
}

/// A reliability diagram.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reliability {
    /// What the chart shows, in a few words.
    pub title: String,
    /// The same for someone who cannot see it, in a sentence.
    pub description: String,
    /// The bins; empty ones are not drawn.
    pub bins: Vec<ReliabilityBin>,
}

/// Draws accuracy against confidence, dots sized by count, with the diagonal of perfect calibration.
pub fn reliability(chart: &Reliability, style: &Style) -> String {
    let header = Canvas::header(style);
    let width = style.safe_width().min(420.0);
    let style = Style { width, ..*style };
    let height = header + width * 0.82;
    let mut canvas = Canvas::new(&style, height, &chart.title, &chart.description);
    let ticks = Ticks::new((0.0, 1.0), 5);
    let left = 4.0 + axes::y_axis_width(&ticks, "accuracy");
    let below = axes::x_axis_height("confidence");
    let area = Area {
        left,
        top: header + 12.0,
        right: width - 14.0,
        bottom: height - below - 4.0,
    };
    let x = Linear::new((0.0, 1.0), (area.left, area.right));
    let y = Linear::new((0.0, 1.0), (area.bottom, area.top));
    axes::y_axis(&mut canvas, area, &y, &ticks, "accuracy");
    axes::x_axis(&mut canvas, area, &x, &ticks, "confidence", false);
    canvas.line(
        (area.left, area.bottom),
        (area.right, area.top),
        Colour::Muted,
        1.5,
        Some("4 3"),
    );
    let at = (area.right - 4.0, area.bottom - 8.0);
    canvas.text(
        at,
        SMALL,
        Anchor::End,
        Colour::Muted,
        "below the line: too sure",
    );
    let shown: Vec<&ReliabilityBin> = chart.bins.iter().filter(|b| b.count > 0).collect();
    let path: Vec<_> = shown
        .iter()
        .map(|b| (x.at(b.confidence), y.at(b.accuracy)))
        .collect();
    canvas.polyline(&path, Colour::Series(0), 1.5, None);
    let most = shown.iter().map(|b| b.count).max().unwrap_or(1) as f64;
    for (bin, at) in shown.iter().zip(path) {
        let hint = format!(
            "confidence {}, accuracy {}, {} rows",
            format::fixed(bin.confidence, 2),
            format::fixed(bin.accuracy, 2),
            format::count(bin.count)
        );
        // The area, not the radius, stands for the count.
        let radius = 2.5 + 7.5 * (bin.count as f64 / most).sqrt();
        canvas.circle(at, radius, Colour::Series(0), false, Some(&hint));
    }
    canvas.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perfect_bins_lie_on_the_diagonal_and_empty_ones_are_left_out() {
        let bins = [(0.2, 10), (0.5, 0), (0.8, 40)]
            .map(|(p, count)| ReliabilityBin {
                confidence: p,
                accuracy: p,
                count,
            })
            .to_vec();
        let svg = reliability(
            &Reliability {
                bins,
                ..Reliability::default()
            },
            &Style::default(),
        );
        let document = roxmltree::Document::parse(&svg).unwrap();
        let number = |n: &roxmltree::Node, a: &str| n.attribute(a).unwrap().parse::<f64>().unwrap();
        let dots: Vec<_> = document
            .descendants()
            .filter(|n| n.has_tag_name("circle"))
            .collect();
        assert_eq!(dots.len(), 2);
        let diagonal = document
            .descendants()
            .find(|n| n.attribute("stroke-dasharray").is_some())
            .unwrap();
        let slope = |x1: f64, y1: f64, x2: f64, y2: f64| (y2 - y1) / (x2 - x1);
        let expected = slope(
            number(&diagonal, "x1"),
            number(&diagonal, "y1"),
            number(&diagonal, "x2"),
            number(&diagonal, "y2"),
        );
        let found = slope(
            number(&dots[0], "cx"),
            number(&dots[0], "cy"),
            number(&dots[1], "cx"),
            number(&dots[1], "cy"),
        );
        assert!((expected - found).abs() < 1e-3);
        let radius = |n| number(n, "r") - 2.5;
        assert!((radius(&dots[1]) / radius(&dots[0]) - 2.0).abs() < 0.01);
    }
}
