//! Statistics as text for a terminal of 80 to 120 columns.

use std::fmt::Write;

use cohort_tables::plural;

use super::{Section, Statistics, Table, Unit};
use crate::readers::ObjectsCounts;

/// Widest line.
const WIDTH: usize = 110;
/// A cell: a count of up to seven digits, a space and its mark.
const CELL: usize = 13;
/// Longest row label.
const LABEL: usize = 30;

impl Statistics {
    /// All tables as text: pooled first, then each split, by clip and by subject.
    ///
    /// In each column the largest count is marked `max`, any other by its difference to it in per cent, and
    /// a group without a clip by `none`.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.dataset);
        // Writing to a String cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let words = Words {
            items: plural(&self.item),
            unit: self.unit.clone(),
            units: (self.unit != self.item).then(|| plural(&self.unit)),
        };
        let splits = self
            .splits
            .iter()
            .map(|(name, section)| (name.as_str(), section));
        for (name, section) in splits.chain([("all", &self.pooled)]) {
            write!(text, "  {name:<10} {:>8} {}", section.clips, words.items)?;
            if let Some(units) = &words.units {
                write!(text, " {:>8} {units}", section.subjects)?;
            }
            writeln!(text)?;
        }
        if !self.pooled.tables.is_empty() {
            writeln!(
                text,
                "\nmax: the largest group of its column; per cent: difference to it;"
            )?;
            write!(text, "none: the group is not represented.")?;
            match &words.units {
                Some(_) => {
                    let unit = &self.unit;
                    writeln!(text, " A {unit} counts once in each cell.")?;
                }
                None => writeln!(text)?,
            }
        }
        if let Some(objects) = &self.objects {
            return write_objects(text, objects);
        }
        write_section(text, "all splits", &self.pooled, &words)?;
        for (name, section) in &self.splits {
            write_section(text, name, section, &words)?;
        }
        Ok(())
    }
}

/// What things are called.
struct Words {
    items: String,
    unit: String,
    /// None where every item is a unit of its own.
    units: Option<String>,
}

fn write_objects(text: &mut String, objects: &ObjectsCounts) -> std::fmt::Result {
    for split in &objects.splits {
        writeln!(text, "\n=== {} ===\n", split.split)?;
        let (boxes, crowds) = (split.boxes, split.crowds);
        writeln!(
            text,
            "  {:>8} pictures, {} without a box",
            split.pictures, split.without_boxes
        )?;
        writeln!(
            text,
            "  {boxes:>8} boxes of {} categories, {crowds} of them around a crowd",
            split.categories.len()
        )?;
        writeln!(text, "  {:>8} captions", split.captions)?;
        let largest = split.categories.first().map_or(1, |(_, _, boxes)| *boxes);
        if !split.categories.is_empty() {
            writeln!(text)?;
        }
        for (name, pictures, boxes) in &split.categories {
            let bar = "#".repeat((24 * boxes).div_ceil(largest.max(1)));
            writeln!(
                text,
                "  {} {boxes:>8} boxes {pictures:>8} pictures  {bar}",
                label(name)
            )?;
        }
    }
    Ok(())
}

fn write_section(
    text: &mut String,
    name: &str,
    section: &Section,
    words: &Words,
) -> std::fmt::Result {
    writeln!(text, "\n=== {name} ===")?;
    let items = &words.items;
    for counts in &section.counts {
        let contradicting = match (counts.contradicting, &words.units) {
            (0, _) | (_, None) => String::new(),
            (1, Some(_)) => format!("; 1 {} carries more than one", words.unit),
            (n, Some(units)) => format!("; {n} {units} carry more than one"),
        };
        writeln!(text, "\n{}{contradicting}", counts.attribute)?;
        let largest = counts
            .levels
            .iter()
            .map(|level| level.clips)
            .max()
            .unwrap_or(0);
        for level in &counts.levels {
            let share = 100.0 * level.clips as f64 / section.clips.max(1) as f64;
            let bar = "#".repeat((24 * level.clips).div_ceil(largest.max(1)));
            write!(
                text,
                "  {} {:>8} {items} {share:>5.1} %",
                label(&level.name),
                level.clips
            )?;
            if let Some(units) = &words.units {
                write!(text, " {:>8} {units}", level.subjects)?;
            }
            writeln!(text, "  {bar}")?;
        }
    }
    for table in &section.tables {
        let title = format!("{} by {}", table.column, table.rows.join(" x "));
        write_table(text, &format!("{title}, {items}"), table, Unit::Clips, None)?;
        if let [first, _, ..] = &table.rows[..] {
            let title = format!("{title}, against the largest of the same {first}, {items}");
            write_table(text, &title, table, Unit::Clips, Some(0))?;
        }
        if let Some(units) = &words.units {
            write_table(
                text,
                &format!("{title}, {units}"),
                table,
                Unit::Subjects,
                None,
            )?;
        }
    }
    for view in &section.without_majority {
        for table in &view.tables {
            let rows = table.rows.join(" x ");
            let title = format!("{} by {rows}, without {}", table.column, view.left_out);
            write_table(text, &format!("{title}, {items}"), table, Unit::Clips, None)?;
            if let Some(units) = &words.units {
                write_table(
                    text,
                    &format!("{title}, {units}"),
                    table,
                    Unit::Subjects,
                    None,
                )?;
            }
        }
    }
    Ok(())
}

/// `within`: place of the attribute whose levels each have a largest group of their own.
fn write_table(
    text: &mut String,
    title: &str,
    table: &Table,
    unit: Unit,
    within: Option<usize>,
) -> std::fmt::Result {
    let labels: Vec<String> = table.row_levels.iter().map(|row| row.join(" ")).collect();
    let longest = labels
        .iter()
        .map(|label| label.chars().count())
        .max()
        .unwrap_or(0);
    let label_width = longest.clamp(4, LABEL);
    let columns: Vec<usize> = (0..table.column_levels.len()).collect();
    writeln!(text, "\n{title}")?;
    // A target with many levels is written in blocks that fit.
    for block in columns.chunks(((WIDTH - 2 - label_width) / CELL).max(1)) {
        write!(text, "  {:label_width$}", "")?;
        for &column in block {
            let name = table.column_levels.get(column).map_or("", String::as_str);
            write!(text, "{:>8}     ", cut(name, 8))?;
        }
        trim_end(text);
        let totals: Vec<usize> = block
            .iter()
            .map(|&column| {
                (0..labels.len())
                    .map(|row| table.count(unit, row, column))
                    .sum()
            })
            .collect();
        // Subjects with two labels are in two rows, so only clips add up to a total.
        if unit == Unit::Clips {
            write!(text, "  {:label_width$}", "all")?;
            for total in totals {
                write!(text, "{total:>8}     ")?;
            }
            trim_end(text);
        }
        for (row, name) in labels.iter().enumerate() {
            write!(text, "  {:label_width$}", cut(name, label_width))?;
            for &column in block {
                let count = table.count(unit, row, column);
                let relative = match within {
                    None => table.relative_to_max(unit, row, column),
                    Some(place) => table.relative_within(place, unit, row, column),
                };
                let mark = match relative {
                    _ if count == 0 => "none".to_string(),
                    Some(relative) if relative < 0.0 => format!("{:.0}%", 100.0 * relative),
                    _ => "max".to_string(),
                };
                write!(text, "{count:>8} {mark:<4}")?;
            }
            trim_end(text);
        }
    }
    Ok(())
}

/// Ends a line, without spaces before its end.
fn trim_end(text: &mut String) {
    text.truncate(text.trim_end_matches(' ').len());
    text.push('\n');
}

fn label(name: &str) -> String {
    format!("{:<18}", cut(name, 18))
}

/// At most `width` characters.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_string();
    }
    text.chars()
        .take(width.saturating_sub(1))
        .chain(['~'])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_the_largest_the_difference_and_the_missing() {
        let table = Table {
            rows: vec!["Gender".into()],
            column: "AgeGroup".into(),
            row_levels: vec![vec!["Male".into()], vec!["Female".into()]],
            column_levels: vec!["young".into(), "old".into()],
            clips: vec![200, 0, 50, 0],
            subjects: vec![2, 0, 2, 0],
        };
        let mut text = String::new();
        write_table(&mut text, "Age, clips", &table, Unit::Clips, None).unwrap();
        let expected = "
Age, clips
           young          old
  all        250            0
  Male       200 max        0 none
  Female      50 -75%       0 none
";
        assert_eq!(text, expected);
    }
}
