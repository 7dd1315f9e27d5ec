//! Shares of a whole, such as each modality's Shapley share of the skill.

use super::axes::{self, Swatch};
use crate::ReportError;
use crate::canvas::{Anchor, Area, Canvas, LABEL, SMALL, Style};
use crate::format;
use crate::palette::Colour;
use crate::scale::{Linear, Ticks, round_domain};
use crate::text_width::{shorten, text_width};

/// One bar.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StackedRow {
    /// What the bar stands for, such as a group.
    pub label: String,
    /// A value for each part; negative ones extend to the left of zero.
    pub values: Vec<f64>,
}

/// Horizontal stacked bars.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StackedChart {
    /// What the chart shows, in a few words.
    pub title: String,
    /// The same for someone who cannot see it, in a sentence.
    pub description: String,
    /// Name of the horizontal axis.
    pub x_label: String,
    /// Names of the parts, such as the modalities.
    pub parts: Vec<String>,
    /// Place of each part in the palette (0 to 5); when there are fewer than parts, the rest take their own place.
    pub colours: Vec<usize>,
    /// Bars from top to bottom.
    pub rows: Vec<StackedRow>,
    /// Decimals of the printed values.
    pub decimals: usize,
}

/// Draws horizontal bars of parts; parts below zero go to the left, so that nothing is hidden.
///
/// # Errors
/// [`ReportError::Data`] when a row has not as many values as there are parts.
pub fn stacked(chart: &StackedChart, style: &Style) -> Result<String, ReportError> {
    for row in &chart.rows {
        if row.values.len() != chart.parts.len() {
            return Err(ReportError::Data {
                operation: "stacked bars",
                expected: format!("{} values in row {:?}", chart.parts.len(), row.label),
                found: format!("{} values", row.values.len()),
            });
        }
    }
    let colour = |part: usize| Colour::Series(chart.colours.get(part).copied().unwrap_or(part));
    let header = Canvas::header(style);
    let width = style.safe_width();
    let names: Vec<&str> = chart.parts.iter().map(String::as_str).collect();
    let legend = axes::legend_height(&names, width - 12.0);
    let below = axes::x_axis_height(&chart.x_label);
    let line = 34.0;
    let height = header + legend + chart.rows.len() as f64 * line + below + 8.0;
    let mut canvas = Canvas::new(style, height, &chart.title, &chart.description);
    let entries: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(i, n)| (*n, colour(i), Swatch::Box))
        .collect();
    let whole = Area {
        left: 6.0,
        top: header,
        right: width - 6.0,
        bottom: height,
    };
    axes::legend(&mut canvas, whole, &entries);

    let labels = chart
        .rows
        .iter()
        .map(|r| text_width(&r.label, LABEL))
        .fold(0.0, f64::max)
        .min(width * 0.35);
    let area = Area {
        left: 6.0 + labels + 12.0,
        top: header + legend,
        right: width - 16.0,
        bottom: height - below - 4.0,
    };
    let side = |row: &StackedRow, sign: f64| -> f64 {
        row.values
            .iter()
            .filter(|v| v.is_finite() && **v * sign > 0.0)
            .sum()
    };
    let low = chart.rows.iter().map(|r| side(r, -1.0)).fold(0.0, f64::min);
    let high = chart.rows.iter().map(|r| side(r, 1.0)).fold(0.0, f64::max);
    let domain = round_domain(low, if high > low { high } else { low + 1.0 }, 5);
    let scale = Linear::new(domain, (area.left, area.right));
    let wanted = ((area.width() / 48.0) as usize).clamp(2, 6);
    axes::x_axis(
        &mut canvas,
        area,
        &scale,
        &Ticks::new(domain, wanted),
        &chart.x_label,
        true,
    );
    for (i, row) in chart.rows.iter().enumerate() {
        let top = area.top + i as f64 * line;
        let label = shorten(&row.label, LABEL, labels + 4.0);
        canvas.text(
            (6.0, top + line / 2.0 + 4.0),
            LABEL,
            Anchor::Start,
            Colour::Ink,
            &label,
        );
        let (mut left, mut right) = (0.0, 0.0);
        for (p, (value, part)) in row.values.iter().zip(&chart.parts).enumerate() {
            if !value.is_finite() || *value == 0.0 {
                continue;
            }
            let from = if *value > 0.0 { right } else { left };
            let to = from + value;
            if *value > 0.0 {
                right = to
            } else {
                left = to
            }
            let (x0, x1) = (scale.at(from.min(to)), scale.at(from.max(to)));
            let printed = format::fixed(*value, chart.decimals);
            let hint = format!("{}, {part}: {printed}", row.label);
            canvas.rect(
                (x0 + 0.5, top + 5.0, x1 - x0 - 1.0, line - 10.0),
                colour(p),
                1.0,
                Some(&hint),
            );
            if text_width(&printed, SMALL) + 6.0 < x1 - x0 {
                let at = ((x0 + x1) / 2.0, top + line / 2.0 + 4.0);
                canvas.text(at, SMALL, Anchor::Middle, Colour::Surface, &printed);
            }
        }
    }
    let zero = scale.at(0.0);
    canvas.line(
        (zero, area.top),
        (zero, area.bottom),
        Colour::Muted,
        1.0,
        None,
    );
    Ok(canvas.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_lie_end_to_end_and_losses_go_left() {
        let chart = StackedChart {
            parts: ["image", "audio", "text"].map(String::from).to_vec(),
            rows: vec![StackedRow {
                label: "all".into(),
                values: vec![0.3, 0.2, -0.1],
            }],
            decimals: 2,
            ..StackedChart::default()
        };
        let svg = stacked(&chart, &Style::default()).unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap();
        let boxes: Vec<(f64, f64)> = document
            .descendants()
            .filter(|n| n.has_tag_name("rect") && n.children().any(|c| c.has_tag_name("title")))
            .map(|n| {
                let number = |a: &str| n.attribute(a).unwrap().parse::<f64>().unwrap();
                (number("x") - 0.5, number("x") + number("width") + 0.5)
            })
            .collect();
        assert!((boxes[0].1 - boxes[1].0).abs() < 0.03, "{boxes:?}");
        assert!((boxes[2].1 - boxes[0].0).abs() < 0.03, "{boxes:?}");
        let size = |b: (f64, f64)| b.1 - b.0;
        assert!((size(boxes[0]) / size(boxes[2]) - 3.0).abs() < 0.02);
        assert!(
            stacked(
                &StackedChart {
                    parts: vec![],
                    ..chart
                },
                &Style::default()
            )
            .is_err()
        );
    }
}
