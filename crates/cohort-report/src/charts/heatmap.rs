//! Confusion matrices: counts, shaded by each row's shares.

use crate::ReportError;
use crate::canvas::{Anchor, Area, Canvas, LABEL, SMALL, Style};
use crate::format;
use crate::palette::Colour;
use crate::text_width::{shorten, text_width};

/// A table of counts to be shaded by the share of each cell in its row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeatMap {
    /// What the chart shows, in a few words.
    pub title: String,
    /// The same for someone who cannot see it, in a sentence.
    pub description: String,
    /// What the rows are, such as `true`.
    pub row_label: String,
    /// What the columns are, such as `predicted`.
    pub column_label: String,
    /// Names of the rows.
    pub rows: Vec<String>,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Counts, a row for each of `rows`, a value for each of `columns`.
    pub counts: Vec<Vec<f64>>,
}

/// Draws counts as a grid shaded by each row's shares, with the share in small print; empty rows stay unshaded.
///
/// # Errors
/// [`ReportError::Data`] when the counts are not as many as the names.
pub fn heatmap(chart: &HeatMap, style: &Style) -> Result<String, ReportError> {
    let (n, k) = (chart.rows.len(), chart.columns.len());
    if chart.counts.len() != n || chart.counts.iter().any(|r| r.len() != k) {
        let found: Vec<String> = chart.counts.iter().map(|r| r.len().to_string()).collect();
        return Err(ReportError::Data {
            operation: "heat map",
            expected: format!("{n} rows of {k} counts"),
            found: format!(
                "rows of {}",
                if found.is_empty() {
                    "nothing".into()
                } else {
                    found.join(", ")
                }
            ),
        });
    }
    let header = Canvas::header(style);
    let width = style.safe_width();
    let names = chart
        .rows
        .iter()
        .map(|r| text_width(r, SMALL))
        .fold(0.0, f64::max)
        .min(width * 0.28);
    let left = 24.0 + names + 6.0;
    let cell = ((width - left - 6.0) / k.max(1) as f64).min(88.0);
    let tall = (cell * 0.8).clamp(24.0, 52.0);
    let top = header + 40.0;
    let height = top + n as f64 * tall + 8.0;
    let mut canvas = Canvas::new(style, height, &chart.title, &chart.description);
    let area = Area {
        left,
        top,
        right: left + cell * k as f64,
        bottom: top + tall * n as f64,
    };

    let middle = (area.left + area.right) / 2.0;
    canvas.text(
        (middle, header + 14.0),
        LABEL,
        Anchor::Middle,
        Colour::Muted,
        &chart.column_label,
    );
    let at = (14.0, (area.top + area.bottom) / 2.0);
    canvas.turned(at, Anchor::Middle, Colour::Muted, -90.0, &chart.row_label);
    for (c, name) in chart.columns.iter().enumerate() {
        let x = left + (c as f64 + 0.5) * cell;
        canvas.text(
            (x, top - 8.0),
            SMALL,
            Anchor::Middle,
            Colour::Ink,
            &shorten(name, SMALL, cell - 2.0),
        );
    }
    for (r, (name, counts)) in chart.rows.iter().zip(&chart.counts).enumerate() {
        let y = top + r as f64 * tall;
        let label = shorten(name, SMALL, names + 4.0);
        canvas.text(
            (left - 6.0, y + tall / 2.0 + 4.0),
            SMALL,
            Anchor::End,
            Colour::Ink,
            &label,
        );
        let total: f64 = counts.iter().filter(|v| v.is_finite()).sum();
        for (c, (count, column)) in counts.iter().zip(&chart.columns).enumerate() {
            let x = left + c as f64 * cell;
            let share = if total > 0.0 && count.is_finite() {
                (count / total).clamp(0.0, 1.0)
            } else {
                0.0
            };
            let hint = format!(
                "{name} as {column}: {} ({})",
                format::general(*count),
                format::percent(share, 0)
            );
            let place = (x + 1.0, y + 1.0, cell - 2.0, tall - 2.0);
            canvas.rect(place, Colour::Grid, 0.45, None);
            canvas.rect(place, Colour::Series(0), share, Some(&hint));
            // Where the text turns: contrast is above 3 on either side, on light and on dark ground.
            let (ink, small) = match share {
                s if s > 0.75 => (Colour::Surface, Colour::Surface),
                s if s > 0.25 => (Colour::Ink, Colour::Ink),
                _ => (Colour::Ink, Colour::Muted),
            };
            let number = format::general(*count);
            let x = x + cell / 2.0;
            if tall >= 36.0 && share > 0.0 {
                canvas.text(
                    (x, y + tall / 2.0 - 1.0),
                    LABEL,
                    Anchor::Middle,
                    ink,
                    &number,
                );
                let share = format::percent(share, 0);
                canvas.text(
                    (x, y + tall / 2.0 + 13.0),
                    SMALL,
                    Anchor::Middle,
                    small,
                    &share,
                );
            } else {
                let ink = if *count == 0.0 { Colour::Muted } else { ink };
                canvas.text(
                    (x, y + tall / 2.0 + 4.0),
                    LABEL,
                    Anchor::Middle,
                    ink,
                    &number,
                );
            }
        }
    }
    Ok(canvas.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shading_is_the_share_of_the_row() {
        let chart = HeatMap {
            rows: vec!["a".into(), "b".into()],
            columns: vec!["a".into(), "b".into()],
            counts: vec![vec![3.0, 1.0], vec![0.0, 0.0]],
            ..HeatMap::default()
        };
        let svg = heatmap(&chart, &Style::default()).unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap();
        let shares: Vec<&str> = document
            .descendants()
            .filter(|n| n.has_tag_name("rect") && n.children().any(|c| c.has_tag_name("title")))
            .map(|n| n.attribute("fill-opacity").unwrap())
            .collect();
        assert_eq!(shares, ["0.75", "0.25", "0", "0"]);
    }

    #[test]
    fn counts_that_do_not_fit_the_names_are_an_error() {
        let chart = HeatMap {
            rows: vec!["a".into()],
            columns: vec!["a".into()],
            ..HeatMap::default()
        };
        let error = heatmap(&chart, &Style::default()).unwrap_err().to_string();
        assert_eq!(
            error,
            "heat map: expected 1 rows of 1 counts, found rows of nothing"
        );
    }
}
