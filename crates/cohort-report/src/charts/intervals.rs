//! Estimates with their intervals, one a row, beside a reference line (a forest plot).

use super::axes;
use crate::canvas::{Anchor, Area, Canvas, LABEL, SMALL, Style};
use crate::format;
use crate::palette::Colour;
use crate::scale::{Linear, Ticks, round_domain};
use crate::text_width::{shorten, text_width};

/// One estimate.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IntervalRow {
    /// What is estimated, such as a model or a group.
    pub label: String,
    /// Small print behind the label, such as `120 clips, 41 subjects`; may be empty.
    pub note: String,
    /// The estimate; `None` writes "not estimable" in its place.
    pub value: Option<f64>,
    /// Ends of the interval, if there is one.
    pub interval: Option<(f64, f64)>,
    /// A second estimate of the same, drawn as an open dot, such as a partially pooled one.
    pub second: Option<f64>,
    /// A range drawn as a light band behind the row, such as what chance alone would give.
    pub band: Option<(f64, f64)>,
    /// Place in the palette (0 to 5); `None` draws in the colour of text.
    pub colour: Option<usize>,
}

/// A chart of estimates with intervals.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IntervalChart {
    /// What the chart shows, in a few words.
    pub title: String,
    /// The same for someone who cannot see it, in a sentence.
    pub description: String,
    /// Name of the horizontal axis.
    pub x_label: String,
    /// Estimates from top to bottom.
    pub rows: Vec<IntervalRow>,
    /// A value to draw a line at, with its words, such as the majority baseline.
    pub reference: Option<(f64, String)>,
    /// Ends of the horizontal axis; `None` fits the data.
    pub range: Option<(f64, f64)>,
    /// Decimals of the printed values. Default 0, usually 3.
    pub decimals: usize,
}

/// Draws a dot and an interval for each row, with the value printed at the right.
pub fn intervals(chart: &IntervalChart, style: &Style) -> String {
    let header = Canvas::header(style);
    let width = style.safe_width();
    let noted = chart.rows.iter().any(|r| !r.note.is_empty());
    let line = if noted { 36.0 } else { 27.0 };
    let above = if chart.reference.is_some() { 20.0 } else { 6.0 };
    let below = axes::x_axis_height(&chart.x_label);
    let height = header + above + chart.rows.len() as f64 * line + below + 6.0;
    let mut canvas = Canvas::new(style, height, &chart.title, &chart.description);

    let labels = chart
        .rows
        .iter()
        .map(|r| text_width(&r.label, LABEL).max(text_width(&r.note, SMALL)))
        .fold(0.0, f64::max)
        .min(width * 0.38);
    let printed: Vec<String> = chart
        .rows
        .iter()
        .map(|r| {
            r.value
                .map_or(String::new(), |v| format::fixed(v, chart.decimals))
        })
        .collect();
    let values = printed
        .iter()
        .map(|p| text_width(p, LABEL))
        .fold(0.0, f64::max);
    let area = Area {
        left: 6.0 + labels + 14.0,
        top: header + above,
        right: width - values - 18.0,
        bottom: height - below - 4.0,
    };
    let shown = chart.rows.iter().flat_map(|r| {
        let (low, high) = r.interval.unwrap_or((f64::NAN, f64::NAN));
        let band = r.band.unwrap_or((f64::NAN, f64::NAN));
        [
            r.value.unwrap_or(f64::NAN),
            r.second.unwrap_or(f64::NAN),
            low,
            high,
            band.0,
            band.1,
        ]
    });
    let reference = chart.reference.iter().map(|r| r.0);
    let found = axes::extent(shown.chain(reference)).unwrap_or((0.0, 1.0));
    let domain = chart
        .range
        .unwrap_or_else(|| round_domain(found.0, found.1, 5));
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

    if let Some((at, words)) = &chart.reference {
        let x = scale.at(*at);
        canvas.line(
            (x, area.top - 2.0),
            (x, area.bottom),
            Colour::Muted,
            1.5,
            Some("4 3"),
        );
        let half = text_width(words, SMALL) / 2.0;
        let x = x.clamp(
            (6.0 + half).min(width / 2.0),
            (width - 6.0 - half).max(width / 2.0),
        );
        canvas.text(
            (x, area.top - 6.0),
            SMALL,
            Anchor::Middle,
            Colour::Muted,
            words,
        );
    }
    for (i, (row, printed)) in chart.rows.iter().zip(&printed).enumerate() {
        let middle = area.top + (i as f64 + 0.5) * line;
        draw_row(&mut canvas, row, printed, middle, labels, &scale, width);
    }
    canvas.finish()
}

fn draw_row(
    canvas: &mut Canvas,
    row: &IntervalRow,
    printed: &str,
    y: f64,
    labels: f64,
    scale: &Linear,
    width: f64,
) {
    let colour = row.colour.map_or(Colour::Ink, Colour::Series);
    let lift = if row.note.is_empty() { 4.0 } else { -2.0 };
    canvas.text(
        (6.0, y + lift),
        LABEL,
        Anchor::Start,
        Colour::Ink,
        &shorten(&row.label, LABEL, labels + 4.0),
    );
    if !row.note.is_empty() {
        canvas.text(
            (6.0, y + 11.0),
            SMALL,
            Anchor::Start,
            Colour::Muted,
            &shorten(&row.note, SMALL, labels + 4.0),
        );
    }
    if let Some((low, high)) = row.band.filter(|b| b.0.is_finite() && b.1.is_finite()) {
        let (from, to) = (scale.at(low), scale.at(high));
        canvas.rect((from, y - 7.0, to - from, 14.0), Colour::Muted, 0.3, None);
    }
    let Some(value) = row.value.filter(|v| v.is_finite()) else {
        canvas.text(
            (scale.range.0 + 6.0, y + 4.0),
            SMALL,
            Anchor::Start,
            Colour::Muted,
            "not estimable",
        );
        return;
    };
    let mut hint = format!("{}: {printed}", row.label);
    if let Some((low, high)) = row.interval.filter(|i| i.0.is_finite() && i.1.is_finite()) {
        let (from, to) = (scale.at(low), scale.at(high));
        canvas.line((from, y), (to, y), colour, 2.0, None);
        for end in [from, to] {
            canvas.line((end, y - 4.0), (end, y + 4.0), colour, 2.0, None);
        }
        let decimals = printed.split('.').nth(1).map_or(0, str::len);
        hint += &format!(
            " (interval {} to {})",
            format::fixed(low, decimals),
            format::fixed(high, decimals)
        );
    }
    if let Some(second) = row.second.filter(|v| v.is_finite()) {
        canvas.circle((scale.at(second), y), 4.5, colour, true, None);
    }
    canvas.circle((scale.at(value), y), 5.0, colour, false, Some(&hint));
    canvas.bold(
        (width - 6.0, y + 4.0),
        LABEL,
        Anchor::End,
        Colour::Ink,
        printed,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_lie_inside_their_intervals_and_gaps_are_named() {
        let chart = IntervalChart {
            title: "Accuracy".into(),
            rows: vec![
                IntervalRow {
                    label: "image".into(),
                    value: Some(0.5),
                    interval: Some((0.4, 0.6)),
                    ..Default::default()
                },
                IntervalRow {
                    label: "61+".into(),
                    ..Default::default()
                },
            ],
            reference: Some((0.49, "majority".into())),
            decimals: 3,
            ..Default::default()
        };
        let svg = intervals(&chart, &Style::default());
        let document = roxmltree::Document::parse(&svg).unwrap();
        let number = |n: roxmltree::Node, a: &str| n.attribute(a).unwrap().parse::<f64>().unwrap();
        let dot = document
            .descendants()
            .find(|n| n.has_tag_name("circle"))
            .unwrap();
        let bar = document
            .descendants()
            .find(|n| {
                n.has_tag_name("line")
                    && number(*n, "stroke-width") == 2.0
                    && number(*n, "y1") == number(*n, "y2")
            })
            .unwrap();
        assert!(number(bar, "x1") < number(dot, "cx") && number(dot, "cx") < number(bar, "x2"));
        let middle = (number(bar, "x1") + number(bar, "x2")) / 2.0;
        assert!((number(dot, "cx") - middle).abs() < 0.02);
        assert_eq!(svg.matches("not estimable").count(), 1);
        assert!(svg.contains("0.500"));
    }
}
