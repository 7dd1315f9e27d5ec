//! Counts or shares by group: single and grouped bars, and panels that share one scale.

use super::axes;
use crate::ReportError;
use crate::canvas::{Anchor, Area, Canvas, LABEL, SMALL, Style};
use crate::format;
use crate::palette::Colour;
use crate::scale::{Linear, Ticks, round_domain};
use crate::text_width::{shorten, text_width};

/// One set of bars, a value for each category.
#[derive(Debug, Clone, PartialEq)]
pub struct BarSeries {
    /// Name in the legend, which is drawn for two series or more.
    pub name: String,
    /// A value for each category, in their order; not finite means "no value" and leaves the place empty.
    pub values: Vec<f64>,
}

/// Vertical bars by category.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BarChart {
    /// What the chart shows, in a few words.
    pub title: String,
    /// The same for someone who cannot see it: what stands out, in a sentence.
    pub description: String,
    /// Names along the horizontal axis.
    pub categories: Vec<String>,
    /// One series, or several drawn side by side.
    pub series: Vec<BarSeries>,
    /// What the vertical axis counts, such as `clips`.
    pub y_label: String,
    /// Upper end of the scale; `None` fits the data. Give the same to charts that will be compared.
    pub maximum: Option<f64>,
    /// Colour of the first series, by its place in the palette (0 to 5). Default 0.
    pub colour: usize,
}

impl BarChart {
    fn check(&self, operation: &'static str) -> Result<(), ReportError> {
        for series in &self.series {
            if series.values.len() != self.categories.len() {
                return Err(ReportError::Data {
                    operation,
                    expected: format!(
                        "{} values in series {:?}",
                        self.categories.len(),
                        series.name
                    ),
                    found: format!("{} values", series.values.len()),
                });
            }
        }
        Ok(())
    }

    fn top(&self) -> f64 {
        let found = axes::extent(self.series.iter().flat_map(|s| s.values.iter().copied()));
        found.map_or(1.0, |(_, high)| if high > 0.0 { high } else { 1.0 })
    }
}

/// The largest value in any of the charts: the scale that panels share.
pub fn shared_maximum<'a>(charts: impl IntoIterator<Item = &'a BarChart>) -> f64 {
    charts.into_iter().map(BarChart::top).fold(0.0, f64::max)
}

/// Draws vertical bars. Each bar carries its value; a zero is an open dot on the axis, so that an empty group is seen.
///
/// Negative values are drawn as zero: the chart is for counts and shares.
///
/// # Errors
/// [`ReportError::Data`] when a series has not as many values as there are categories.
pub fn bars(chart: &BarChart, style: &Style) -> Result<String, ReportError> {
    chart.check("bar chart")?;
    let header = Canvas::header(style);
    let width = style.safe_width();
    let height = header + 230.0 + legend_room(chart, width) + category_room(chart, width - 60.0);
    let mut canvas = Canvas::new(style, height, &chart.title, &chart.description);
    let area = Area {
        left: 4.0,
        top: header + 4.0,
        right: width - 6.0,
        bottom: height - 4.0,
    };
    draw(
        &mut canvas,
        area,
        chart,
        chart.maximum.unwrap_or_else(|| chart.top()),
        false,
    );
    Ok(canvas.finish())
}

/// Draws several bar charts as panels of one picture, `columns` side by side, all on one scale.
///
/// # Errors
/// [`ReportError::Data`] as [`bars`], or when there is no panel.
pub fn bar_panels(
    title: &str,
    description: &str,
    panels: &[BarChart],
    columns: usize,
    style: &Style,
) -> Result<String, ReportError> {
    if panels.is_empty() {
        return Err(ReportError::Data {
            operation: "bar panels",
            expected: "at least one panel".into(),
            found: "none".into(),
        });
    }
    for panel in panels {
        panel.check("bar panels")?;
    }
    let columns = columns.clamp(1, panels.len());
    let width = style.safe_width();
    let cell = (width - 8.0) / columns as f64;
    let room = panels
        .iter()
        .map(|p| category_room(p, cell - 70.0) + legend_room(p, cell))
        .fold(0.0, f64::max);
    let (tall, header) = (210.0 + room, Canvas::header(style));
    let rows = panels.len().div_ceil(columns);
    let mut canvas = Canvas::new(style, header + rows as f64 * tall + 4.0, title, description);
    let maximum = panels
        .iter()
        .map(|p| p.maximum.unwrap_or(0.0))
        .fold(shared_maximum(panels), f64::max);
    for (i, panel) in panels.iter().enumerate() {
        let left = 4.0 + (i % columns) as f64 * cell;
        let top = header + (i / columns) as f64 * tall;
        let area = Area {
            left,
            top: top + 4.0,
            right: left + cell - 10.0,
            bottom: top + tall - 10.0,
        };
        draw(&mut canvas, area, panel, maximum, true);
    }
    Ok(canvas.finish())
}

fn legend_room(chart: &BarChart, width: f64) -> f64 {
    if chart.series.len() < 2 {
        return 0.0;
    }
    let names: Vec<&str> = chart.series.iter().map(|s| s.name.as_str()).collect();
    axes::legend_height(&names, width - 10.0)
}

/// Whether category names must be turned to fit, and the room they take below the axis.
fn category_room(chart: &BarChart, plot_width: f64) -> f64 {
    if turned(chart, plot_width) {
        (widest(chart).min(110.0)) * 0.64 + 16.0
    } else {
        20.0
    }
}

fn turned(chart: &BarChart, plot_width: f64) -> bool {
    widest(chart) + 4.0 > plot_width / chart.categories.len().max(1) as f64
}

fn widest(chart: &BarChart) -> f64 {
    chart
        .categories
        .iter()
        .map(|c| text_width(c, SMALL))
        .fold(0.0, f64::max)
}

fn draw(canvas: &mut Canvas, outer: Area, chart: &BarChart, maximum: f64, titled: bool) {
    let mut top = outer.top;
    if titled {
        let fit = shorten(&chart.title, 13.0, outer.width());
        canvas.bold(
            (outer.left + 2.0, top + 12.0),
            13.0,
            Anchor::Start,
            Colour::Ink,
            &fit,
        );
        top += 20.0;
    }
    let colour = |i: usize| Colour::Series(chart.colour + i);
    if chart.series.len() > 1 {
        let entries: Vec<_> = chart
            .series
            .iter()
            .enumerate()
            .map(|(i, s)| (s.name.as_str(), colour(i), axes::Swatch::Box))
            .collect();
        axes::legend(canvas, Area { top, ..outer }, &entries);
        top += legend_room(chart, outer.width());
    }
    let domain = (0.0, round_domain(0.0, maximum, 4).1);
    let ticks = Ticks::new(domain, 4);
    let left = outer.left + axes::y_axis_width(&ticks, &chart.y_label);
    let bottom = outer.bottom - category_room(chart, outer.right - left);
    let area = Area {
        left,
        top: top + 14.0,
        right: outer.right,
        bottom,
    };
    let scale = Linear::new(domain, (area.bottom, area.top));
    axes::y_axis(canvas, area, &scale, &ticks, &chart.y_label);
    let slot = area.width() / chart.categories.len().max(1) as f64;
    let bar = (slot * 0.78 / chart.series.len().max(1) as f64).min(64.0);
    let turn = turned(chart, area.width());
    for (c, name) in chart.categories.iter().enumerate() {
        let middle = area.left + (c as f64 + 0.5) * slot;
        let first = middle - bar * chart.series.len() as f64 / 2.0;
        for (s, series) in chart.series.iter().enumerate() {
            let Some(value) = series.values.get(c).copied().filter(|v| v.is_finite()) else {
                continue;
            };
            let x = first + s as f64 * bar;
            let label = format::general(value);
            let hint = match series.name.as_str() {
                "" => format!("{name}: {label}"),
                series => format!("{series}, {name}: {label}"),
            };
            if value <= 0.0 {
                canvas.circle(
                    (x + bar / 2.0, area.bottom),
                    3.0,
                    colour(s),
                    true,
                    Some(&hint),
                );
            } else {
                let y = scale.at(value);
                // A value that is there but too small for a pixel must still be seen.
                let tall = (area.bottom - y).max(1.0);
                canvas.rect(
                    (x + bar * 0.04, area.bottom - tall, bar * 0.92, tall),
                    colour(s),
                    1.0,
                    Some(&hint),
                );
            }
            if text_width(&label, 10.0) <= bar.max(if chart.series.len() == 1 { slot } else { bar })
            {
                let y = scale.at(value.max(0.0)) - if value <= 0.0 { 7.0 } else { 4.0 };
                canvas.text(
                    (x + bar / 2.0, y),
                    10.0,
                    Anchor::Middle,
                    Colour::Muted,
                    &label,
                );
            }
        }
        if turn {
            let at = (middle + 4.0, area.bottom + 14.0);
            canvas.turned(
                at,
                Anchor::End,
                Colour::Ink,
                -40.0,
                &shorten(name, LABEL, 110.0),
            );
        } else {
            canvas.text(
                (middle, area.bottom + 16.0),
                SMALL,
                Anchor::Middle,
                Colour::Ink,
                name,
            );
        }
    }
    canvas.line(
        (area.left, area.bottom),
        (area.right, area.bottom),
        Colour::Muted,
        1.0,
        None,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(values: &[f64]) -> BarChart {
        BarChart {
            title: "Age".into(),
            categories: ["7-13", "14-18", "19-24"].map(String::from).to_vec(),
            series: vec![BarSeries {
                name: String::new(),
                values: values.to_vec(),
            }],
            ..BarChart::default()
        }
    }

    fn heights(svg: &str) -> Vec<f64> {
        let document = roxmltree::Document::parse(svg).unwrap();
        document
            .descendants()
            .filter(|n| n.has_tag_name("rect") && n.children().any(|c| c.has_tag_name("title")))
            .map(|n| n.attribute("height").unwrap().parse().unwrap())
            .collect()
    }

    #[test]
    fn heights_are_proportional_to_values() {
        let found = heights(&bars(&chart(&[100.0, 200.0, 400.0]), &Style::default()).unwrap());
        assert_eq!(found.len(), 3);
        assert!(
            (found[2] / found[0] - 4.0).abs() < 0.01 && (found[1] / found[0] - 2.0).abs() < 0.01,
            "{found:?}"
        );
    }

    #[test]
    fn a_zero_is_marked_and_a_missing_value_is_not() {
        let svg = bars(&chart(&[0.0, f64::NAN, 5.0]), &Style::default()).unwrap();
        assert_eq!(svg.matches("<circle").count(), 1);
        assert_eq!(heights(&svg).len(), 1);
    }

    #[test]
    fn panels_share_one_scale() {
        let panels = [chart(&[1000.0, 10.0, 10.0]), chart(&[500.0, 10.0, 10.0])];
        let found = heights(&bar_panels("t", "", &panels, 2, &Style::default()).unwrap());
        assert!((found[0] / found[3] - 2.0).abs() < 0.01, "{found:?}");
    }

    #[test]
    fn a_series_of_another_length_is_an_error() {
        let error = bars(&chart(&[1.0]), &Style::default())
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "bar chart: expected 3 values in series \"\", found 1 values"
        );
        assert!(bar_panels("t", "", &[], 2, &Style::default()).is_err());
    }
}
