//! A table for a terminal.

/// Columns of an ordinary terminal, within which tables are kept.
pub const TERMINAL_WIDTH: usize = 80;

/// Before every line.
const INDENT: usize = 3;
/// Between two columns.
const GAP: usize = 2;

/// Rows as columns as wide as their widest cell, the first left-aligned, the others right-aligned; the first row is the
/// header. A row of one cell is a heading and may run on. A table that is wider than [`TERMINAL_WIDTH`] is given in parts one
/// under the other, each with the first column.
pub fn text_columns(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter(|row| row.len() > 1)
            .filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let first = widths.first().copied().unwrap_or(0);
    let mut text = String::new();
    let mut from = 1;
    loop {
        let (mut to, mut used) = (from, INDENT + first);
        // a single column that is too wide stands alone
        while to < columns && (used + GAP + widths[to] <= TERMINAL_WIDTH || to == from) {
            used += GAP + widths[to];
            to += 1;
        }
        if from > 1 {
            text.push('\n');
        }
        part(rows, &widths, from..to, &mut text);
        if to >= columns {
            return text;
        }
        from = to;
    }
}

/// The first column and those of `range`.
fn part(rows: &[Vec<String>], widths: &[usize], range: std::ops::Range<usize>, text: &mut String) {
    let shown = |columns: std::ops::Range<usize>| -> usize { widths[columns].iter().sum() };
    for (number, row) in rows.iter().enumerate() {
        let mut line = " ".repeat(INDENT);
        if let Some(cell) = row.first() {
            let width = widths[0];
            line += &format!("{cell:<width$}");
        }
        for column in range.clone() {
            let Some(cell) = row.get(column) else {
                continue;
            };
            let width = widths[column];
            line += &format!("{:GAP$}{cell:>width$}", "");
        }
        *text += line.trim_end();
        text.push('\n');
        if number == 0 {
            let columns = range.len() + 1;
            let total = widths[0] + shown(range.clone()) + GAP * (columns - 1);
            *text += &format!("{:INDENT$}{}\n", "", "-".repeat(total));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn columns_line_up() {
        let rows = [
            row(&["", "n", "value"]),
            row(&["a heading that runs on"]),
            row(&["  x", "10", "0.5"]),
        ];
        assert_eq!(
            text_columns(&rows),
            "         n  value\n   --------------\n   a heading that runs on\n     x  10    0.5\n"
        );
        assert_eq!(text_columns(&[]), "");
    }

    #[test]
    fn a_wide_table_is_given_in_parts_with_the_first_column_in_each() {
        let cells: Vec<String> = (0..12).map(|k| format!("column {k:>2}")).collect();
        let rows = [cells.clone(), row(&["heading"]), cells.clone()];
        let text = text_columns(&rows);
        assert!(
            text.lines()
                .all(|line| line.chars().count() <= TERMINAL_WIDTH),
            "{text}"
        );
        let parts: Vec<&str> = text.split("\n\n").collect();
        assert_eq!(parts.len(), 2, "{text}");
        for part in &parts {
            assert!(part.lines().all(|line| line.starts_with("   column  0")
                || line.contains("--")
                || line == "   heading"));
        }
        for cell in &cells[1..] {
            assert_eq!(text.matches(cell.as_str()).count(), 2, "{cell}");
        }
        // one that is too wide by itself is not lost
        let wide = "w".repeat(100);
        let text = text_columns(&[row(&["a", "b", "c"]), row(&["x", &wide, "y"])]);
        assert!(text.contains(&wide) && text.contains('y'), "{text}");
    }
}
