//! Maps: many points in a plane, coloured by group.

use crate::canvas::{Anchor, Area, Canvas, SMALL, Style};
use crate::charts::axes::{self, Swatch};
use crate::format;
use crate::palette::Colour;
use crate::text_width::text_width;

/// A plane of points. Its axes have no units, so none are drawn; both have the same scale.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScatterChart {
    /// What the chart shows, in a few words.
    pub title: String,
    /// The same for someone who cannot see it, in a sentence.
    pub description: String,
    /// Names of the groups, in order; empty when points have none.
    pub groups: Vec<String>,
    /// Whether the order of the groups means something: they get steps of one ramp instead of unlike colours.
    pub ordered: bool,
    /// The points.
    pub points: Vec<ScatterPoint>,
    /// Lines under the chart, wrapped to its width.
    pub caption: Vec<String>,
}

/// One point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScatterPoint {
    /// Horizontal coordinate; a point that is not finite is left out.
    pub x: f64,
    /// Vertical coordinate, upwards.
    pub y: f64,
    /// Place in the chart's groups; `None` is drawn grey.
    pub group: Option<usize>,
}

const CAPTION_LINE: f64 = 15.0;

/// Draws points as dots. They lie over each other in an order that has nothing to do with their groups, so that none is
/// hidden by being drawn first.
pub fn scatter(chart: &ScatterChart, style: &Style) -> String {
    let header = Canvas::header(style);
    let width = style.safe_width();
    let colours = Colour::of_groups(chart.groups.len(), chart.ordered);
    let count = |group| chart.points.iter().filter(|p| p.group == group).count() as u64;
    let label = |name: &str, n| format!("{name} ({})", format::count(n));
    let mut names: Vec<(String, Colour)> = chart
        .groups
        .iter()
        .zip(&colours)
        .enumerate()
        .map(|(i, (name, colour))| (label(name, count(Some(i))), *colour))
        .collect();
    if !names.is_empty() && count(None) > 0 {
        names.push((label("unlabelled", count(None)), Colour::Unlabelled));
    }
    let entries: Vec<_> = names
        .iter()
        .map(|(name, colour)| (name.as_str(), *colour, Swatch::Box))
        .collect();
    let shown: Vec<&str> = entries.iter().map(|e| e.0).collect();
    let legend = axes::legend_height(&shown, width - 24.0);
    let caption: Vec<String> = chart
        .caption
        .iter()
        .flat_map(|line| wrap(line, SMALL, width - 24.0))
        .collect();
    let below = 10.0 + caption.len() as f64 * CAPTION_LINE;
    let height = header + legend + width * 0.8 + below;
    let mut canvas = Canvas::new(style, height, &chart.title, &chart.description);
    let top = header + 2.0;
    let whole = Area {
        left: 12.0,
        top,
        right: width - 12.0,
        bottom: height,
    };
    axes::legend(&mut canvas, whole, &entries);
    let area = Area {
        top: top + legend + 8.0,
        bottom: height - below - 8.0,
        ..whole
    };
    let radius = match chart.points.len() {
        0..400 => 3.5,
        400..2500 => 2.5,
        _ => 1.7,
    };
    let place = placement(&chart.points, area);
    for &i in &shuffled(chart.points.len()) {
        let point = chart.points[i];
        if !(point.x.is_finite() && point.y.is_finite()) {
            continue;
        }
        let colour = match point.group {
            Some(group) => colours.get(group).copied().unwrap_or(Colour::Unlabelled),
            None if colours.is_empty() => Colour::Kind(0),
            None => Colour::Unlabelled,
        };
        canvas.dot(place(point), radius, colour, 0.8);
    }
    for (i, line) in caption.iter().enumerate() {
        let y = height - below + 12.0 + i as f64 * CAPTION_LINE;
        canvas.text((12.0, y), SMALL, Anchor::Start, Colour::Muted, line);
    }
    canvas.finish()
}

/// Where a point goes: both axes at the same scale, the middle of the points in the middle of the area.
fn placement(points: &[ScatterPoint], area: Area) -> impl Fn(ScatterPoint) -> (f64, f64) {
    let (left, right) = axes::extent(points.iter().map(|p| p.x)).unwrap_or((0.0, 1.0));
    let (low, high) = axes::extent(points.iter().map(|p| p.y)).unwrap_or((0.0, 1.0));
    let fit = |room: f64, extent: f64| {
        if extent > 0.0 {
            room / extent
        } else {
            f64::INFINITY
        }
    };
    let scale = fit(area.width() - 8.0, right - left).min(fit(area.height() - 8.0, high - low));
    let scale = if scale.is_finite() { scale } else { 0.0 };
    let middle = (
        (area.left + area.right) / 2.0,
        (area.top + area.bottom) / 2.0,
    );
    move |point| {
        (
            middle.0 + (point.x - (left + right) / 2.0) * scale,
            middle.1 - (point.y - (low + high) / 2.0) * scale,
        )
    }
}

/// `0..n` in an order that looks random and never changes.
pub(crate) fn shuffled(n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|&i| ((i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16, i));
    order
}

/// `text` in lines no wider than `width`, broken between words.
fn wrap(text: &str, size: f64, width: f64) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last().cloned().unwrap_or_default();
        let longer = if line.is_empty() {
            word.to_owned()
        } else {
            format!("{line} {word}")
        };
        if line.is_empty() || text_width(&longer, size) <= width {
            lines.pop();
            lines.push(longer);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: &[(f64, f64, Option<usize>)]) -> ScatterChart {
        ScatterChart {
            title: "Map".into(),
            groups: vec!["young".into(), "<old>".into()],
            points: points
                .iter()
                .map(|&(x, y, group)| ScatterPoint { x, y, group })
                .collect(),
            caption: vec!["a word and another ".repeat(20)],
            ..ScatterChart::default()
        }
    }

    #[test]
    fn every_finite_point_is_a_dot_of_its_groups_colour() {
        let points = [
            (0.0, 0.0, Some(0)),
            (1.0, 5.0, Some(1)),
            (2.0, 1.0, None),
            (f64::NAN, 0.0, None),
        ];
        let svg = scatter(&chart(&points), &Style::default());
        assert!(roxmltree::Document::parse(&svg).is_ok());
        assert_eq!(svg.matches("<circle").count(), 3);
        for colour in Colour::of_groups(2, false)
            .into_iter()
            .chain([Colour::Unlabelled])
        {
            // once in the legend, once as a dot
            assert_eq!(svg.matches(colour.light()).count(), 2, "{colour:?}");
        }
        assert!(svg.contains("unlabelled (2)"));
    }

    #[test]
    fn no_point_and_one_point_make_a_chart_still() {
        for points in [&[][..], &[(3.0, 3.0, None)]] {
            let svg = scatter(&chart(points), &Style::default());
            assert!(roxmltree::Document::parse(&svg).is_ok() && !svg.contains("NaN"));
        }
    }

    #[test]
    fn captions_are_broken_between_words() {
        let lines = wrap(
            "one two three four",
            10.0,
            text_width("one two three", 10.0),
        );
        assert_eq!(lines, ["one two three", "four"]);
        assert_eq!(wrap("", 10.0, 50.0), [""]);
    }
}
