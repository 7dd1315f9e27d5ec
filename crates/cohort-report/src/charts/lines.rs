//! Curves: training curves, risk against coverage, errors by age, a metric against a degradation.

use super::axes::{self, Swatch};
use crate::canvas::{Anchor, Area, Canvas, SMALL, Style};
use crate::palette::Colour;
use crate::scale::{Linear, Ticks, round_domain};
use crate::text_width::{shorten, text_width};

/// One curve.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LineSeries {
    /// Name in the legend.
    pub name: String,
    /// Points in order of x; a y that is not finite breaks the line.
    pub points: Vec<(f64, f64)>,
    /// Lower and upper end of a band around the curve, a pair for each point; may be empty.
    pub band: Vec<(f64, f64)>,
    /// Whether the line is dashed, for a second line of the same colour.
    pub dashed: bool,
    /// Place in the palette (0 to 5).
    pub colour: usize,
}

/// A chart of curves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LineChart {
    /// What the chart shows, in a few words.
    pub title: String,
    /// The same for someone who cannot see it, in a sentence.
    pub description: String,
    /// What runs along the horizontal axis.
    pub x_label: String,
    /// What runs along the vertical axis.
    pub y_label: String,
    /// The curves.
    pub series: Vec<LineSeries>,
    /// Ends of the vertical axis; `None` fits the data.
    pub y_range: Option<(f64, f64)>,
    /// An x to mark, with its words, such as the best epoch.
    pub mark: Option<(f64, String)>,
    /// An x from which on something is otherwise, drawn as a faint line.
    pub turn: Option<f64>,
    /// Whether bands are drawn as a whisker at each point, the points of several series side by side, and no line joins them:
    /// for categories without an order between points.
    pub whiskers: bool,
    /// A level to draw across, with its words, such as the majority baseline.
    pub level: Option<(f64, String)>,
    /// Names of the places x = 0, 1, ..; when given they take the place of numbers on the axis.
    pub categories: Vec<String>,
}

/// Draws curves over one pair of axes.
pub fn lines(chart: &LineChart, style: &Style) -> String {
    let header = Canvas::header(style);
    let width = style.safe_width();
    let names: Vec<&str> = chart.series.iter().map(|s| s.name.as_str()).collect();
    let legend = axes::legend_height(&names, width - 12.0);
    let below = axes::x_axis_height(&chart.x_label);
    let height = header + legend + 180.0 + below;
    let mut canvas = Canvas::new(style, height, &chart.title, &chart.description);

    let points = || chart.series.iter().flat_map(|s| s.points.iter().copied());
    let bands = chart
        .series
        .iter()
        .flat_map(|s| s.band.iter().flat_map(|b| [b.0, b.1]));
    let levels = chart.level.iter().map(|l| l.0);
    let y_found =
        axes::extent(points().map(|p| p.1).chain(bands).chain(levels)).unwrap_or((0.0, 1.0));
    let y_domain = chart.y_range.unwrap_or_else(|| {
        // A nearly flat curve should look flat, not like a mountain range.
        let least = (y_found.0.abs().max(y_found.1.abs()) * 0.02).max(1e-9);
        let pad = ((least - (y_found.1 - y_found.0)) / 2.0).max(0.0);
        round_domain(y_found.0 - pad, y_found.1 + pad, 5)
    });
    // every category has its place, with a point or without
    let places = (0..chart.categories.len()).map(|place| place as f64);
    let x_domain = axes::extent(points().map(|p| p.0).chain(places)).unwrap_or((0.0, 1.0));
    let y_ticks = Ticks::new(y_domain, 5);
    let left = 4.0 + axes::y_axis_width(&y_ticks, &chart.y_label);
    let area = Area {
        left,
        top: header + legend + if chart.mark.is_some() { 18.0 } else { 10.0 },
        right: width - 14.0,
        bottom: height - below - 4.0,
    };
    let inset = match chart.whiskers {
        // room for the points that stand side by side, and for the names below
        true => (area.width() / (2.0 * chart.categories.len().max(1) as f64)).max(4.0),
        false => 4.0,
    };
    let x_scale = Linear::new(x_domain, (area.left + inset, area.right - inset));
    let y_scale = Linear::new(y_domain, (area.bottom, area.top));

    let entries: Vec<_> = chart
        .series
        .iter()
        .map(|s| {
            let swatch = if s.dashed {
                Swatch::Dashed
            } else {
                Swatch::Line
            };
            (s.name.as_str(), Colour::Series(s.colour), swatch)
        })
        .collect();
    axes::legend(
        &mut canvas,
        Area {
            left: 8.0,
            top: header + 2.0,
            right: width - 4.0,
            bottom: height,
        },
        &entries,
    );
    axes::y_axis(&mut canvas, area, &y_scale, &y_ticks, &chart.y_label);
    draw_x_axis(&mut canvas, area, chart, &x_scale);

    if let Some((level, words)) = &chart.level {
        let y = y_scale.at(*level);
        canvas.line(
            (area.left, y),
            (area.right, y),
            Colour::Muted,
            1.5,
            Some("2 4"),
        );
        canvas.text(
            (area.right - 2.0, y - 5.0),
            SMALL,
            Anchor::End,
            Colour::Muted,
            words,
        );
    }
    if let Some((at, words)) = &chart.mark {
        let x = x_scale.at(*at);
        canvas.line(
            (x, area.top - 12.0),
            (x, area.bottom),
            Colour::Muted,
            1.0,
            Some("4 3"),
        );
        let to_left = x + text_width(words, SMALL) + 6.0 > area.right;
        let (dx, anchor) = if to_left {
            (-4.0, Anchor::End)
        } else {
            (4.0, Anchor::Start)
        };
        canvas.text(
            (x + dx, area.top - 4.0),
            SMALL,
            anchor,
            Colour::Muted,
            words,
        );
    }
    if let Some(at) = chart.turn {
        let x = x_scale.at(at);
        canvas.line(
            (x, area.top),
            (x, area.bottom),
            Colour::Muted,
            1.0,
            Some("1 3"),
        );
    }
    for (place, series) in chart.series.iter().enumerate() {
        if chart.whiskers {
            let shift = (place as f64 - (chart.series.len() as f64 - 1.0) / 2.0) * 6.0;
            draw_whiskers(&mut canvas, series, &x_scale, &y_scale, shift);
        } else {
            draw_series(&mut canvas, series, &x_scale, &y_scale);
        }
    }
    canvas.finish()
}

fn draw_x_axis(canvas: &mut Canvas, area: Area, chart: &LineChart, scale: &Linear) {
    if chart.categories.is_empty() {
        let mut ticks = Ticks::new(scale.domain, 6);
        let whole = chart
            .series
            .iter()
            .flat_map(|s| &s.points)
            .all(|p| p.0.fract() == 0.0);
        if whole {
            ticks.values.retain(|v| v.fract() == 0.0);
        }
        axes::x_axis(canvas, area, scale, &ticks, &chart.x_label, false);
        return;
    }
    let each = area.width() / chart.categories.len().max(1) as f64 - 3.0;
    for (i, name) in chart.categories.iter().enumerate() {
        let name = &shorten(name, SMALL, each);
        canvas.text(
            (scale.at(i as f64), area.bottom + 16.0),
            SMALL,
            Anchor::Middle,
            Colour::Ink,
            name,
        );
    }
    if !chart.x_label.is_empty() {
        let middle = (area.left + area.right) / 2.0;
        canvas.text(
            (middle, area.bottom + 33.0),
            12.0,
            Anchor::Middle,
            Colour::Muted,
            &chart.x_label,
        );
    }
}

fn draw_series(canvas: &mut Canvas, series: &LineSeries, x_scale: &Linear, y_scale: &Linear) {
    let colour = Colour::Series(series.colour);
    if series.band.len() == series.points.len() {
        let ends: Vec<_> = series
            .points
            .iter()
            .zip(&series.band)
            .filter(|(_, b)| b.0.is_finite() && b.1.is_finite())
            .collect();
        let upper = ends.iter().map(|(p, b)| (x_scale.at(p.0), y_scale.at(b.1)));
        let lower = ends
            .iter()
            .rev()
            .map(|(p, b)| (x_scale.at(p.0), y_scale.at(b.0)));
        let shape: Vec<_> = upper.chain(lower).collect();
        canvas.polygon(&shape, colour, 0.15);
    }
    let dash = series.dashed.then_some("5 4");
    for run in series
        .points
        .split(|p| !p.0.is_finite() || !p.1.is_finite())
    {
        let run: Vec<_> = run
            .iter()
            .map(|p| (x_scale.at(p.0), y_scale.at(p.1)))
            .collect();
        match run.as_slice() {
            [] => {}
            [only] => canvas.circle(*only, 3.0, colour, false, None),
            run => canvas.polyline(run, colour, 2.0, dash),
        }
    }
}

fn draw_whiskers(
    canvas: &mut Canvas,
    series: &LineSeries,
    x_scale: &Linear,
    y_scale: &Linear,
    shift: f64,
) {
    let colour = Colour::Series(series.colour);
    for (i, point) in series.points.iter().enumerate() {
        if !point.0.is_finite() || !point.1.is_finite() {
            continue;
        }
        let x = x_scale.at(point.0) + shift;
        let ends = series.band.get(i);
        if let Some((low, high)) = ends.filter(|b| b.0.is_finite() && b.1.is_finite()) {
            let (from, to) = (y_scale.at(*low), y_scale.at(*high));
            canvas.line((x, from), (x, to), colour, 2.0, None);
        }
        canvas.circle(
            (x, y_scale.at(point.1)),
            3.5,
            colour,
            false,
            Some(&series.name),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: &[(f64, f64)]) -> LineChart {
        LineChart {
            title: "Loss".into(),
            series: vec![LineSeries {
                name: "train".into(),
                points: points.to_vec(),
                ..LineSeries::default()
            }],
            ..LineChart::default()
        }
    }

    #[test]
    fn a_gap_breaks_the_line() {
        let whole = lines(
            &curve(&[(0.0, 1.0), (1.0, 0.5), (2.0, 0.2)]),
            &Style::default(),
        );
        assert_eq!(whole.matches("<path").count(), 1);
        let broken = lines(
            &curve(&[
                (0.0, 1.0),
                (1.0, 0.5),
                (2.0, f64::NAN),
                (3.0, 0.4),
                (4.0, 0.3),
            ]),
            &Style::default(),
        );
        assert_eq!(broken.matches("<path").count(), 2);
    }

    #[test]
    fn higher_values_are_drawn_higher() {
        let svg = lines(&curve(&[(0.0, 0.0), (1.0, 1.0)]), &Style::default());
        let data = svg
            .split(" d=\"M")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let (first, second) = data.split_once('L').unwrap();
        let y = |p: &str| p.split(' ').nth(1).unwrap().parse::<f64>().unwrap();
        assert!(y(first) > y(second), "{data}");
    }

    #[test]
    fn no_points_make_a_chart_still() {
        let svg = lines(&curve(&[]), &Style::default());
        assert!(roxmltree::Document::parse(&svg).is_ok());
    }
}
