//! Box plots: how the values of a few groups are spread, such as a setting's results over its seeds.

use super::axes;
use crate::canvas::{Anchor, Area, Canvas, LABEL, SMALL, Style};
use crate::format;
use crate::palette::Colour;
use crate::scale::{Linear, Ticks, round_domain};
use crate::text_width::{shorten, text_width};

/// One group of values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BoxRow {
    /// What was measured, such as a setting.
    pub label: String,
    /// The values, in any order; those that are not finite are left out.
    pub values: Vec<f64>,
    /// Place in the palette (0 to 5).
    pub colour: usize,
}

/// A chart of box plots, one a row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BoxChart {
    /// What the chart shows, in a few words.
    pub title: String,
    /// The same for someone who cannot see it, in a sentence.
    pub description: String,
    /// Name of the horizontal axis.
    pub x_label: String,
    /// Groups from top to bottom.
    pub rows: Vec<BoxRow>,
    /// A value to draw a line at, with its words, such as the majority baseline.
    pub reference: Option<(f64, String)>,
    /// Decimals of the printed medians.
    pub decimals: usize,
}

/// What a box plot draws of some values.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Five {
    low: f64,
    first: f64,
    median: f64,
    third: f64,
    high: f64,
}

impl Five {
    /// Quartiles by linear interpolation between order statistics (type 7 of Hyndman and Fan 1996, NumPy's default);
    /// the whiskers end at the last values within 1.5 times the middle half's width of it (Tukey 1977). None without
    /// a finite value.
    fn of(values: &[f64]) -> Option<Self> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let (&least, &most) = (sorted.first()?, sorted.last()?);
        let quantile = |p: f64| {
            let at = p * (sorted.len() - 1) as f64;
            let (below, part) = (at.floor() as usize, at.fract());
            let above = (below + 1).min(sorted.len() - 1);
            sorted[below] + part * (sorted[above] - sorted[below])
        };
        let [first, median, third] = [0.25, 0.5, 0.75].map(quantile);
        let reach = 1.5 * (third - first);
        let inside = |v: &&f64| (first - reach..=third + reach).contains(*v);
        Some(Self {
            low: sorted.iter().find(inside).copied().unwrap_or(least),
            first,
            median,
            third,
            high: sorted.iter().rev().find(inside).copied().unwrap_or(most),
        })
    }
}

const LINE: f64 = 30.0;

/// Draws a box from the first to the third quartile with the median in it, whiskers, and every value as a dot; the
/// median is printed at the right.
pub fn boxes(chart: &BoxChart, style: &Style) -> String {
    let header = Canvas::header(style);
    let width = style.safe_width();
    let above = if chart.reference.is_some() { 20.0 } else { 6.0 };
    let below = axes::x_axis_height(&chart.x_label);
    let height = header + above + chart.rows.len() as f64 * LINE + below + 6.0;
    let mut canvas = Canvas::new(style, height, &chart.title, &chart.description);
    let fives: Vec<Option<Five>> = chart.rows.iter().map(|r| Five::of(&r.values)).collect();
    let printed: Vec<String> = fives
        .iter()
        .map(|five| five.map_or(String::new(), |f| format::fixed(f.median, chart.decimals)))
        .collect();
    let widest = |texts: &mut dyn Iterator<Item = &str>| {
        texts.map(|t| text_width(t, LABEL)).fold(0.0, f64::max)
    };
    let labels = widest(&mut chart.rows.iter().map(|r| r.label.as_str())).min(width * 0.38);
    let numbers = widest(&mut printed.iter().map(String::as_str));
    let area = Area {
        left: 6.0 + labels + 14.0,
        top: header + above,
        right: width - numbers - 18.0,
        bottom: height - below - 4.0,
    };
    let shown = chart.rows.iter().flat_map(|r| r.values.iter().copied());
    let reference = chart.reference.iter().map(|r| r.0);
    let found = axes::extent(shown.chain(reference)).unwrap_or((0.0, 1.0));
    let domain = round_domain(found.0, found.1, 5);
    let scale = Linear::new(domain, (area.left, area.right));
    let wanted = ((area.width() / 48.0) as usize).clamp(2, 6);
    let ticks = Ticks::new(domain, wanted);
    axes::x_axis(&mut canvas, area, &scale, &ticks, &chart.x_label, true);
    if let Some((at, words)) = &chart.reference {
        let x = scale.at(*at);
        let ends = ((x, area.top - 2.0), (x, area.bottom));
        canvas.line(ends.0, ends.1, Colour::Muted, 1.5, Some("4 3"));
        let half = text_width(words, SMALL) / 2.0;
        let x = x.clamp(
            (6.0 + half).min(width / 2.0),
            (width - 6.0 - half).max(width / 2.0),
        );
        let at = (x, area.top - 6.0);
        canvas.text(at, SMALL, Anchor::Middle, Colour::Muted, words);
    }
    for (i, ((row, five), printed)) in chart.rows.iter().zip(fives).zip(&printed).enumerate() {
        let y = area.top + (i as f64 + 0.5) * LINE;
        let label = shorten(&row.label, LABEL, labels + 4.0);
        canvas.text((6.0, y + 4.0), LABEL, Anchor::Start, Colour::Ink, &label);
        let Some(five) = five else {
            let at = (area.left + 6.0, y + 4.0);
            canvas.text(at, SMALL, Anchor::Start, Colour::Muted, "no value");
            continue;
        };
        let colour = Colour::Series(row.colour);
        let [low, first, median, third, high] =
            [five.low, five.first, five.median, five.third, five.high].map(|v| scale.at(v));
        for (from, to) in [(low, first), (third, high)] {
            canvas.line((from, y), (to, y), colour, 1.5, None);
        }
        for end in [low, high] {
            canvas.line((end, y - 5.0), (end, y + 5.0), colour, 1.5, None);
        }
        let of = |v: f64| format::fixed(v, chart.decimals);
        let hint = format!(
            "{}: median {printed}, middle half {} to {}, {} values",
            row.label,
            of(five.first),
            of(five.third),
            row.values.iter().filter(|v| v.is_finite()).count()
        );
        let place = (first, y - 9.0, third - first, 18.0);
        canvas.rect(place, colour, 0.25, Some(&hint));
        canvas.line((median, y - 9.0), (median, y + 9.0), colour, 2.5, None);
        for value in row.values.iter().filter(|v| v.is_finite()) {
            canvas.dot((scale.at(*value), y), 2.5, Colour::Ink, 0.8);
        }
        let at = (width - 6.0, y + 4.0);
        canvas.bold(at, LABEL, Anchor::End, Colour::Ink, printed);
    }
    canvas.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_numpys_and_whiskers_leave_outliers_out() {
        // numpy.percentile([1, 2, 3, 4, 5, 6, 7, 30], [25, 50, 75]) = 2.75, 4.5, 6.25; 6.25 + 1.5 * 3.5 = 11.5
        let five = Five::of(&[30.0, 2.0, 3.0, f64::NAN, 1.0, 5.0, 6.0, 7.0, 4.0]).unwrap();
        let expected = Five {
            low: 1.0,
            first: 2.75,
            median: 4.5,
            third: 6.25,
            high: 7.0,
        };
        assert_eq!(five, expected);
        assert_eq!(Five::of(&[f64::INFINITY]), None);
        let one = Five::of(&[3.0]).unwrap();
        assert_eq!((one.low, one.median, one.high), (3.0, 3.0, 3.0));
    }

    #[test]
    fn every_value_is_a_dot_and_the_median_is_printed() {
        let chart = BoxChart {
            title: "t".into(),
            rows: vec![
                BoxRow {
                    label: "a < b".into(),
                    values: vec![0.7, 0.8, 0.75],
                    colour: 0,
                },
                BoxRow {
                    label: "none".into(),
                    ..BoxRow::default()
                },
            ],
            reference: Some((0.5, "most common".into())),
            decimals: 3,
            ..BoxChart::default()
        };
        let svg = boxes(&chart, &Style::file(640.0));
        assert_eq!(svg.matches("<circle").count(), 3, "{svg}");
        assert!(svg.contains(">0.750<"), "{svg}");
        assert!(
            svg.contains("a &lt; b") && svg.contains("no value"),
            "{svg}"
        );
    }
}
