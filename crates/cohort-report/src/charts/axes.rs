//! Axes, grid lines and legends that charts share.

use crate::canvas::{Anchor, Area, Canvas, LABEL, SMALL};
use crate::palette::Colour;
use crate::scale::{Linear, Ticks};
use crate::text_width::{shorten, text_width};

/// What stands before a name in a legend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Swatch {
    Box,
    Line,
    Dashed,
}

/// Height of one line of a legend.
const LEGEND_LINE: f64 = 20.0;
const LEGEND_SIGN: f64 = 20.0;
const LEGEND_GAP: f64 = 16.0;

/// Where each entry of a legend goes, as (x, line), and the number of lines.
fn legend_places(names: &[&str], width: f64) -> (Vec<(f64, usize)>, usize) {
    let (mut x, mut line) = (0.0, 0);
    let mut places = Vec::with_capacity(names.len());
    for name in names {
        let needed = LEGEND_SIGN + text_width(name, LABEL);
        if x > 0.0 && x + needed > width {
            x = 0.0;
            line += 1;
        }
        places.push((x, line));
        x += needed + LEGEND_GAP;
    }
    (places, if names.is_empty() { 0 } else { line + 1 })
}

/// Height that a legend of these names takes within `width`.
pub(crate) fn legend_height(names: &[&str], width: f64) -> f64 {
    legend_places(names, width).1 as f64 * LEGEND_LINE + if names.is_empty() { 0.0 } else { 6.0 }
}

/// Draws a legend from the top left corner of `area`; it takes [`legend_height`].
pub(crate) fn legend(canvas: &mut Canvas, area: Area, entries: &[(&str, Colour, Swatch)]) {
    let names: Vec<&str> = entries.iter().map(|e| e.0).collect();
    let (places, _) = legend_places(&names, area.width());
    for ((name, colour, swatch), (x, line)) in entries.iter().zip(places) {
        let left = area.left + x;
        let middle = area.top + line as f64 * LEGEND_LINE + LEGEND_LINE / 2.0;
        match swatch {
            Swatch::Box => canvas.rect((left, middle - 5.0, 12.0, 10.0), *colour, 1.0, None),
            Swatch::Line => canvas.line((left, middle), (left + 14.0, middle), *colour, 2.5, None),
            Swatch::Dashed => canvas.line(
                (left, middle),
                (left + 14.0, middle),
                *colour,
                2.0,
                Some("3 3"),
            ),
        }
        let fit = shorten(name, LABEL, area.width() - LEGEND_SIGN);
        canvas.text(
            (left + LEGEND_SIGN, middle + 4.0),
            LABEL,
            Anchor::Start,
            Colour::Ink,
            &fit,
        );
    }
}

/// Width that the labels of a vertical axis take, its own label included.
pub(crate) fn y_axis_width(ticks: &Ticks, label: &str) -> f64 {
    let widest = ticks
        .values
        .iter()
        .map(|v| text_width(&ticks.label(*v), SMALL))
        .fold(0.0, f64::max);
    widest + 8.0 + if label.is_empty() { 0.0 } else { 18.0 }
}

/// Horizontal grid lines with their values to the left, and the axis' label turned.
pub(crate) fn y_axis(canvas: &mut Canvas, area: Area, scale: &Linear, ticks: &Ticks, label: &str) {
    for value in &ticks.values {
        let y = scale.at(*value);
        canvas.line((area.left, y), (area.right, y), Colour::Grid, 1.0, None);
        canvas.text(
            (area.left - 6.0, y + 4.0),
            SMALL,
            Anchor::End,
            Colour::Muted,
            &ticks.label(*value),
        );
    }
    if !label.is_empty() {
        let x = area.left - y_axis_width(ticks, label) + 12.0;
        let fit = shorten(label, LABEL, area.height() + 20.0);
        canvas.turned(
            (x, (area.top + area.bottom) / 2.0),
            Anchor::Middle,
            Colour::Muted,
            -90.0,
            &fit,
        );
    }
}

/// Height below the plot that [`x_axis`] takes.
pub(crate) fn x_axis_height(label: &str) -> f64 {
    if label.is_empty() { 20.0 } else { 38.0 }
}

/// A horizontal axis with short tick marks; `grid` draws full vertical lines instead.
pub(crate) fn x_axis(
    canvas: &mut Canvas,
    area: Area,
    scale: &Linear,
    ticks: &Ticks,
    label: &str,
    grid: bool,
) {
    let mut free_from = f64::NEG_INFINITY;
    for value in &ticks.values {
        let x = scale.at(*value);
        if grid {
            canvas.line((x, area.top), (x, area.bottom), Colour::Grid, 1.0, None);
        } else {
            canvas.line(
                (x, area.bottom),
                (x, area.bottom + 4.0),
                Colour::Muted,
                1.0,
                None,
            );
        }
        let text = ticks.label(*value);
        let half = text_width(&text, SMALL) / 2.0;
        if x - half > free_from {
            canvas.text(
                (x, area.bottom + 16.0),
                SMALL,
                Anchor::Middle,
                Colour::Muted,
                &text,
            );
            free_from = x + half + 4.0;
        }
    }
    if !label.is_empty() {
        let fit = shorten(label, LABEL, area.width() + 40.0);
        canvas.text(
            ((area.left + area.right) / 2.0, area.bottom + 33.0),
            LABEL,
            Anchor::Middle,
            Colour::Muted,
            &fit,
        );
    }
}

/// The lowest and highest finite value, if any.
pub(crate) fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values
        .into_iter()
        .filter(|v| v.is_finite())
        .fold(None, |found, v| match found {
            None => Some((v, v)),
            Some((low, high)) => Some((low.min(v), high.max(v))),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legends_wrap() {
        let names = ["train", "validation", "best epoch"];
        assert_eq!(legend_places(&names, 1000.0).1, 1);
        assert_eq!(legend_places(&names, 120.0).1, 3);
        assert_eq!(legend_height(&[], 100.0), 0.0);
    }

    #[test]
    fn extents_skip_what_is_not_finite() {
        assert_eq!(
            extent([f64::NAN, 2.0, -1.0, f64::INFINITY]),
            Some((-1.0, 2.0))
        );
        assert_eq!(extent([f64::NAN]), None);
    }
}
