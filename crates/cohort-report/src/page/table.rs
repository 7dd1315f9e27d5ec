//! Tables that fit the page: columns that do not are written as a second table below, and on a phone rows become cards.

use crate::markup::Markup;
use crate::text_width::text_width;

/// Widest table of a card of the page, in CSS pixels at its smallest width with a menu at the side.
const WIDEST: f64 = 940.0;
/// Widest table beside a chart.
const WIDEST_BESIDE: f64 = 580.0;
/// Text sizes of values, small print and column names, and what a column takes beside them.
const SIZES: (f64, f64, f64, f64) = (14.0, 12.0, 12.5, 17.0);
/// Widest name of a row; longer ones wrap.
const WIDEST_NAME: f64 = 210.0;

/// One cell: a value, lines of small print under it, and a class for its look.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) note: String,
    pub(super) class: &'static str,
}

impl Cell {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    pub(super) fn class(mut self, class: &'static str) -> Self {
        self.class = class;
        self
    }

    fn width(&self) -> f64 {
        let notes = self.note.lines().map(|line| text_width(line, SIZES.1));
        let width = notes.fold(text_width(&self.text, SIZES.0), f64::max);
        match self.class {
            "words" => 260.0,
            _ => width,
        }
    }

    /// Column names wrap at spaces.
    fn width_as_head(&self) -> f64 {
        let words = self.text.split(' ').map(|word| text_width(word, SIZES.2));
        words.fold(0.0, f64::max)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

/// A table: its first `heads` columns are names, the others numbers.
#[derive(Debug, Clone)]
pub(super) struct Table {
    caption: String,
    heads: usize,
    columns: Vec<Cell>,
    rows: Vec<(&'static str, Vec<Cell>)>,
}

impl Table {
    pub(super) fn new<C: Into<Cell>>(
        caption: impl Into<String>,
        heads: usize,
        columns: impl IntoIterator<Item = C>,
    ) -> Self {
        Self {
            caption: caption.into(),
            heads,
            columns: columns.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; one that is too short is filled up with empty cells, so that every table is a rectangle.
    pub(super) fn row<C: Into<Cell>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.marked_row("", cells);
    }

    /// Adds a row with a class for its look.
    pub(super) fn marked_row<C: Into<Cell>>(
        &mut self,
        class: &'static str,
        cells: impl IntoIterator<Item = C>,
    ) {
        let mut cells: Vec<Cell> = cells.into_iter().map(Into::into).collect();
        cells.resize(self.columns.len(), Cell::default());
        self.rows.push((class, cells));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table over the whole width of a card.
    pub(super) fn write(&self, out: &mut Markup) {
        self.write_within(out, WIDEST);
    }

    /// The table beside a chart.
    pub(super) fn write_beside(&self, out: &mut Markup) {
        self.write_within(out, WIDEST_BESIDE);
    }

    fn write_within(&self, out: &mut Markup, widest: f64) {
        for (part, columns) in self.parts(widest).into_iter().enumerate() {
            self.write_part(out, &columns, part > 0);
        }
    }

    /// The columns of each part that fits, by place; names stand in all of them.
    fn parts(&self, widest: f64) -> Vec<Vec<usize>> {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|(_, cells)| cells[column].width());
            let head = self.columns[column].width_as_head();
            let width = cells.fold(head, f64::max);
            let width = match column < self.heads {
                true => width.min(WIDEST_NAME),
                false => width,
            };
            width + SIZES.3
        };
        let heads: Vec<usize> = (0..self.heads.min(self.columns.len())).collect();
        let names: f64 = heads.iter().map(|&column| width(column)).sum();
        let mut parts = vec![heads.clone()];
        let mut used = names;
        for column in self.heads..self.columns.len() {
            let own = width(column);
            let last = parts.len() - 1;
            if used + own > widest && parts[last].len() > heads.len() {
                parts.push(heads.clone());
                used = names;
            }
            used += own;
            let last = parts.len() - 1;
            parts[last].push(column);
        }
        parts
    }

    fn write_part(&self, out: &mut Markup, columns: &[usize], goes_on: bool) {
        out.open("table");
        if !self.caption.is_empty() {
            let goes_on = if goes_on { " (further columns)" } else { "" };
            out.element("caption", &format!("{}{goes_on}", self.caption));
        }
        out.open("thead").open("tr");
        for &column in columns {
            let tag = out.tag("th").attr("scope", "col");
            if column < self.heads {
                tag.attr("class", "name").open()
            } else {
                tag.open()
            }
            Self::inside(out, &self.columns[column]);
            out.close("th");
        }
        out.close("tr").close("thead").open("tbody");
        for (class, row) in &self.rows {
            let tag = out.tag("tr");
            if class.is_empty() {
                tag.open()
            } else {
                tag.attr("class", class).open()
            }
            for &column in columns {
                let cell = &row[column];
                let (name, tag) = match column {
                    0 if self.heads > 0 => ("th", out.tag("th").attr("scope", "row")),
                    _ => ("td", out.tag("td")),
                };
                // what a card on a phone names the value by
                let tag = match self.columns[column].text.as_str() {
                    "" => tag,
                    _ if name == "th" => tag,
                    label => tag.attr("data-label", label),
                };
                let class = match (column < self.heads, cell.class) {
                    (true, "") => "name".to_owned(),
                    (true, class) => format!("name {class}"),
                    (false, class) => class.to_owned(),
                };
                if class.is_empty() {
                    tag.open()
                } else {
                    tag.attr("class", &class).open()
                }
                Self::inside(out, cell);
                out.close(name);
            }
            out.close("tr");
        }
        out.close("tbody").close("table");
    }

    fn inside(out: &mut Markup, cell: &Cell) {
        out.text(&cell.text);
        for line in cell.note.lines() {
            out.tag("small").text(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(html: &str) -> Vec<Vec<String>> {
        let html = format!("<div>{html}</div>");
        let document = roxmltree::Document::parse(&html).unwrap();
        let cells = |row: roxmltree::Node| {
            let cells = row.children().filter(roxmltree::Node::is_element);
            cells
                .map(|cell| cell.text().unwrap_or("").to_owned())
                .collect()
        };
        let rows = document.descendants().filter(|n| n.has_tag_name("tr"));
        rows.map(cells).collect()
    }

    #[test]
    fn every_row_has_as_many_cells_as_there_are_columns() {
        let mut table = Table::new("Skill", 1, ["model", "accuracy", "kappa"]);
        table.row(["image", "0.5"]);
        table.row([
            Cell::from("<b>"),
            Cell::new("1").note("0 to 1"),
            Cell::new("2"),
            Cell::new("3"),
        ]);
        let mut out = Markup::new();
        table.write(&mut out);
        let html = out.into_string();
        let widths: Vec<usize> = rows(&html).iter().map(Vec::len).collect();
        assert_eq!(widths, [3, 3, 3]);
        assert!(html.contains("&lt;b&gt;") && html.contains("data-label=\"kappa\""));
    }

    #[test]
    fn columns_that_do_not_fit_stand_below_with_the_names_again() {
        let columns: Vec<String> = (0..41).map(|i| format!("c{i}")).collect();
        let mut table = Table::new("Classes", 1, columns.clone());
        table.row(columns.iter().map(|c| format!("{c} is 0.123")));
        let mut out = Markup::new();
        table.write(&mut out);
        let html = out.into_string();
        let rows = rows(&html);
        assert!(html.matches("<table>").count() > 2, "{html}");
        let heads: Vec<&str> = rows
            .iter()
            .step_by(2)
            .flat_map(|row| row.iter().map(String::as_str))
            .filter(|name| *name != "c0")
            .collect();
        assert_eq!(heads, columns[1..]);
        let bodies = rows.iter().skip(1).step_by(2);
        assert!(bodies.clone().all(|row| row[0] == "c0 is 0.123"));
        assert_eq!(
            html.matches("(further columns)").count() + 1,
            bodies.count()
        );
    }
}
