//! Tables that stay readable on a phone.

use crate::markup::Markup;

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

    pub(super) fn write(&self, out: &mut Markup) {
        // A table wider than a phone scrolls inside its own box, reachable by keyboard.
        out.tag("div")
            .attr("class", "scroll")
            .attr("tabindex", "0")
            .attr("role", "region")
            .attr("aria-label", &self.caption)
            .open();
        out.open("table");
        if !self.caption.is_empty() {
            out.element("caption", &self.caption);
        }
        out.open("thead").open("tr");
        for (i, column) in self.columns.iter().enumerate() {
            let tag = out.tag("th").attr("scope", "col");
            if i < self.heads {
                tag.attr("class", "name").open()
            } else {
                tag.open()
            }
            Self::inside(out, column);
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
            for (i, cell) in row.iter().enumerate() {
                let (name, tag) = match i {
                    0 if self.heads > 0 => ("th", out.tag("th").attr("scope", "row")),
                    _ => ("td", out.tag("td")),
                };
                let class = match (i < self.heads, cell.class) {
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
        out.close("tbody").close("table").close("div");
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
        let document = roxmltree::Document::parse(&html).unwrap();
        let rows: Vec<usize> = document
            .descendants()
            .filter(|n| n.has_tag_name("tr"))
            .map(|n| {
                n.children()
                    .filter(|c| c.has_tag_name("td") || c.has_tag_name("th"))
                    .count()
            })
            .collect();
        assert_eq!(rows, [3, 3, 3]);
        assert!(html.contains("&lt;b&gt;"));
    }
}
