//! Who is in the data at one glance: a row a group, a column a class, ink by how much of the group is of the class.

use crate::ReportError;
use crate::canvas::{Anchor, Canvas, LABEL, SMALL, Style};
use crate::format;
use crate::palette::Colour;
use crate::text_width::{shorten, text_width};

/// Groups of rows by classes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mosaic {
    /// What the chart shows, in a few words.
    pub title: String,
    /// The same for someone who cannot see it, in a sentence.
    pub description: String,
    /// What the numbers count, such as `subjects`.
    pub unit: String,
    /// The classes.
    pub columns: Vec<String>,
    /// Rows under headings.
    pub blocks: Vec<MosaicBlock>,
}

/// The groups of one attribute.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MosaicBlock {
    /// The attribute.
    pub heading: String,
    /// Names of its groups.
    pub rows: Vec<String>,
    /// Counts, a row for each of `rows`, a value for each class.
    pub counts: Vec<Vec<usize>>,
}

/// Height of a row and of a heading.
const ROW: f64 = 22.0;
const HEADING: f64 = 24.0;

/// Draws the counts, shaded by the share of each cell in its row; what is empty stays open.
///
/// # Errors
/// [`ReportError::Data`] when the counts are not as many as the names.
pub fn mosaic(chart: &Mosaic, style: &Style) -> Result<String, ReportError> {
    let k = chart.columns.len();
    for block in &chart.blocks {
        let fits = block.counts.len() == block.rows.len();
        if !fits || block.counts.iter().any(|row| row.len() != k) {
            return Err(ReportError::Data {
                operation: "mosaic",
                expected: format!(
                    "{} rows of {k} counts of {}",
                    block.rows.len(),
                    block.heading
                ),
                found: format!("{} rows", block.counts.len()),
            });
        }
    }
    let header = Canvas::header(style);
    let names = chart.blocks.iter().flat_map(|block| &block.rows);
    let names = names
        .map(|name| text_width(name, LABEL))
        .fold(60.0, f64::max);
    let left = 18.0 + names.min(style.safe_width() * 0.3);
    let totals = 64.0;
    let cell = ((style.safe_width() - left - totals) / k.max(1) as f64).min(96.0);
    let widest = chart.columns.iter().map(|name| text_width(name, SMALL));
    let widest = widest.fold(0.0, f64::max);
    let turned = widest > cell - 4.0;
    let top = header
        + if turned {
            12.0 + widest.min(130.0) * 0.87
        } else {
            22.0
        };
    let lines: f64 = (chart.blocks.iter())
        .map(|block| HEADING + ROW * block.rows.len() as f64)
        .sum();
    let height = top + lines + 6.0;
    let width = left + cell * k as f64 + totals;
    let sheet = Style { width, ..*style };
    let mut canvas = Canvas::new(&sheet, height, &chart.title, &chart.description);
    for (column, name) in chart.columns.iter().enumerate() {
        let x = left + (column as f64 + 0.5) * cell;
        if turned {
            let fit = shorten(name, SMALL, 130.0);
            canvas.turned(
                (x + 3.0, top - 6.0),
                Anchor::Start,
                Colour::Ink,
                -60.0,
                &fit,
            );
        } else {
            canvas.text((x, top - 8.0), SMALL, Anchor::Middle, Colour::Ink, name);
        }
    }
    let right = left + cell * k as f64;
    let fit = shorten(&chart.unit, SMALL, totals - 4.0);
    canvas.text(
        (right + totals - 6.0, top - 8.0),
        SMALL,
        Anchor::End,
        Colour::Muted,
        &fit,
    );
    let share = |row: &[usize], count: usize| {
        let total: usize = row.iter().sum();
        if total == 0 {
            0.0
        } else {
            count as f64 / total as f64
        }
    };
    let rows = || chart.blocks.iter().flat_map(|block| &block.counts);
    let shares = rows().flat_map(|row| row.iter().map(|&count| share(row, count)));
    let most = shares.fold(0.0, f64::max).max(1e-9);
    let mut y = top;
    for block in &chart.blocks {
        canvas.bold(
            (6.0, y + 16.0),
            SMALL,
            Anchor::Start,
            Colour::Muted,
            &block.heading,
        );
        y += HEADING;
        for (name, counts) in block.rows.iter().zip(&block.counts) {
            let middle = y + ROW / 2.0 + 4.0;
            let fit = shorten(name, LABEL, left - 12.0);
            canvas.text((left - 8.0, middle), LABEL, Anchor::End, Colour::Ink, &fit);
            for (column, &count) in counts.iter().enumerate() {
                let x = left + column as f64 * cell;
                let ink = share(counts, count) / most;
                let place = (x + 1.0, y + 1.0, (cell - 2.0).max(1.0), ROW - 2.0);
                canvas.rect(place, Colour::Grid, 0.4, None);
                let hint = format!(
                    "{name}, {}: {} {} ({})",
                    chart.columns[column],
                    format::count(count as u64),
                    chart.unit,
                    format::percent(share(counts, count), 0)
                );
                canvas.rect(place, Colour::Series(0), ink, Some(&hint));
                let number = format::count(count as u64);
                if text_width(&number, SMALL) <= cell - 4.0 {
                    let colour = match ink {
                        ink if ink > 0.7 => Colour::Surface,
                        _ if count == 0 => Colour::Muted,
                        _ => Colour::Ink,
                    };
                    canvas.text(
                        (x + cell / 2.0, middle),
                        SMALL,
                        Anchor::Middle,
                        colour,
                        &number,
                    );
                }
            }
            let total: usize = counts.iter().sum();
            let at = (right + totals - 6.0, middle);
            canvas.text(
                at,
                SMALL,
                Anchor::End,
                Colour::Muted,
                &format::count(total as u64),
            );
            y += ROW;
        }
    }
    Ok(canvas.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(classes: usize) -> Mosaic {
        Mosaic {
            unit: "subjects".into(),
            columns: (0..classes).map(|c| format!("class {c}")).collect(),
            blocks: vec![MosaicBlock {
                heading: "Side".into(),
                rows: vec!["left".into(), "right".into()],
                counts: vec![(0..classes).collect(), vec![0; classes]],
            }],
            ..Mosaic::default()
        }
    }

    #[test]
    fn ink_is_the_share_of_the_row_and_nobody_is_open() {
        let svg = mosaic(&chart(3), &Style::default()).unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap();
        let inks: Vec<&str> = document
            .descendants()
            .filter(|n| n.has_tag_name("rect") && n.children().any(|c| c.has_tag_name("title")))
            .map(|n| n.attribute("fill-opacity").unwrap_or("1"))
            .collect();
        // 0, 1 and 2 of 3; the largest share is the darkest
        assert_eq!(inks, ["0", "0.5", "1", "0", "0", "0"]);
        assert!(svg.contains("left, class 2: 2 subjects (67%)"));
    }

    #[test]
    fn many_classes_stay_within_the_sheet() {
        let svg = mosaic(&chart(40), &Style::page(940.0)).unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap();
        let width: f64 = document
            .root_element()
            .attribute("width")
            .unwrap()
            .parse()
            .unwrap();
        assert!(width <= 940.5, "{width}");
        assert!(mosaic(&Mosaic::default(), &Style::default()).is_ok());
    }

    #[test]
    fn counts_that_do_not_fit_the_names_are_an_error() {
        let mut chart = chart(3);
        chart.blocks[0].counts[1].pop();
        let error = mosaic(&chart, &Style::default()).unwrap_err().to_string();
        assert_eq!(
            error,
            "mosaic: expected 2 rows of 3 counts of Side, found 2 rows"
        );
    }
}
