//! Who is in the data.

use cohort_data::{
    AttributeCounts, LevelCount, Section as Counts, Statistics, Table as Cross, Unit,
};

use super::figure::{folded, wide_figure};
use super::layout::Section;
use super::table::{Cell, Table};
use super::words::{Words, count};
use crate::ReportError;
use crate::canvas::Style;
use crate::charts::{Mosaic, MosaicBlock, mosaic};
use crate::format;
use crate::markup::Markup;

/// Natural width of the picture.
const WIDTH: f64 = 930.0;

pub(super) fn section(stats: &Statistics, words: &Words) -> Result<Section, ReportError> {
    let mut section = Section::new("data", "Who is in the data");
    if let Some(lead) = lead(stats, words) {
        section.lead(&lead);
    }
    let svg = mosaic(&picture(stats, words), &Style::page(WIDTH))?;
    let caption = words.either(
        "A row a group, a column a class; numbers are subjects, the darker the more of the group's are of the class. A subject \
         with several classes counts in each.",
        "A row a group, a column a class; numbers are clips, the darker the more of the group's are of the class.",
    );
    wide_figure(&mut section.body, &svg, "Who is in the data", &caption);
    folded(&mut section.body, "Every count as a table", |out| {
        splits(out, stats, words);
        for table in &stats.pooled.tables {
            cross(out, table, "", words);
        }
    });
    for view in &stats.pooled.without_majority {
        if view.tables.is_empty() {
            continue;
        }
        let without = format!("without {} {}", view.attribute, view.left_out);
        let summary = format!("The same {without}, so that the rest can be read");
        folded(&mut section.body, &summary, |out| {
            for table in &view.tables {
                cross(out, table, &format!(", {without}"), words);
            }
        });
    }
    for (split, part) in &stats.splits {
        if !part.tables.is_empty() {
            folded(
                &mut section.body,
                &format!("Tables of the split {split}"),
                |out| {
                    for table in &part.tables {
                        cross(out, table, &format!(", {split}"), words);
                    }
                },
            );
        }
    }
    Ok(section)
}

fn target<'a>(counts: &'a Counts, target: &str) -> Option<&'a AttributeCounts> {
    counts.counts.iter().find(|c| c.attribute == target)
}

fn lead(stats: &Statistics, words: &Words) -> Option<String> {
    let pooled = &stats.pooled;
    let levels = &target(pooled, &stats.target)?.levels;
    if pooled.clips == 0 {
        return None;
    }
    let holds = format!(
        "The set holds {}.",
        words.counts(pooled.clips, pooled.subjects)
    );
    // The first of equals, in the order of the classes.
    let most = levels.iter().rev().max_by_key(|level| level.clips)?;
    let least = levels.iter().min_by_key(|level| level.clips)?;
    if most.clips == least.clips {
        // a folder's name says the class, which then has no name of its own
        let of = match stats.target.as_str() {
            "class" => String::new(),
            target => format!(" of {target}"),
        };
        return Some(format!(
            "{holds} Its {} classes{of} are equally frequent.",
            levels.len()
        ));
    }
    Some(format!(
        "{holds} The most common class of {} is {} with {} of the {}, the rarest {} with {}.",
        stats.target,
        most.name,
        format::percent(most.clips as f64 / pooled.clips as f64, 0),
        words.items(),
        least.name,
        words.count_items(least.clips),
    ))
}

/// The splits and every attribute by class.
fn picture(stats: &Statistics, words: &Words) -> Mosaic {
    let unit = match words.has_units() {
        true => Unit::Subjects,
        false => Unit::Clips,
    };
    let of_level = |level: &LevelCount| match unit {
        Unit::Subjects => level.subjects,
        Unit::Clips => level.clips,
    };
    let of_target = |part: &Counts| -> Vec<usize> {
        let found = target(part, &stats.target);
        found.map_or_else(Vec::new, |counts| {
            counts.levels.iter().map(of_level).collect()
        })
    };
    let columns: Vec<String> = target(&stats.pooled, &stats.target)
        .map_or_else(Vec::new, |counts| {
            counts.levels.iter().map(|l| l.name.clone()).collect()
        });
    let splits = stats
        .splits
        .iter()
        .map(|(name, part)| (name.clone(), of_target(part)));
    let all = [("all".to_owned(), of_target(&stats.pooled))];
    let (rows, counts) = splits
        .chain(all)
        .filter(|(_, counts)| counts.len() == columns.len())
        .unzip();
    let mut blocks = vec![MosaicBlock {
        heading: format!("{} by split", stats.target),
        rows,
        counts,
    }];
    for table in stats
        .pooled
        .tables
        .iter()
        .filter(|table| table.rows.len() == 1)
    {
        let counts = (0..table.row_levels.len()).map(|row| {
            (0..columns.len())
                .map(|column| table.count(unit, row, column))
                .collect()
        });
        blocks.push(MosaicBlock {
            heading: format!("by {}", table.rows[0]),
            rows: table
                .row_levels
                .iter()
                .map(|names| names.join(" "))
                .collect(),
            counts: counts.collect(),
        });
    }
    Mosaic {
        title: format!("{} by split and group", stats.target),
        description: "A grid of a row a group and a column a class, shaded by the share of each class in its row; an open cell \
                      holds nobody."
            .into(),
        unit: match unit {
            Unit::Subjects => words.units(),
            Unit::Clips => words.items(),
        },
        columns,
        blocks,
    }
}

fn splits(out: &mut Markup, stats: &Statistics, words: &Words) {
    let mut columns = vec!["split".to_owned()];
    columns.extend(words.count_columns());
    if words.has_units() {
        columns.push(format!("{} a {}", words.items(), words.unit()));
    }
    let mut table = Table::new("Splits", 1, columns);
    let parts = stats
        .splits
        .iter()
        .map(|(name, part)| (name.as_str(), part));
    for (name, part) in parts.chain([("all", &stats.pooled)]) {
        let class = if name == "all" { "faint" } else { "" };
        let mut cells = vec![name.to_owned()];
        cells.extend(words.count_cells(part.clips, part.subjects));
        if words.has_units() {
            cells.push(format::fixed(part.clips as f64 / part.subjects as f64, 1));
        }
        table.marked_row(class, cells);
    }
    table.write(out);
}

/// A table of the target by one or more attributes.
fn cross(out: &mut Markup, table: &Cross, suffix: &str, words: &Words) {
    let names = table.rows.join(" · ");
    let title = format!("{} by {}{suffix}", table.column, table.rows.join(" and "));
    let columns = std::iter::once(names).chain(table.column_levels.iter().cloned());
    let mut shown = Table::new(title, 1, columns);
    for (row, levels) in table.row_levels.iter().enumerate() {
        let cells = (0..table.column_levels.len()).map(|column| cell(table, row, column, words));
        shown.row(std::iter::once(Cell::from(levels.join(" · "))).chain(cells));
    }
    if shown.is_empty() {
        return;
    }
    shown.write(out);
    let said = words.either(
        "Clips, and below them the difference to the largest group of the column and the subjects. Bold: the largest. Hatched: nobody.",
        "Clips, and below them the difference to the largest group of the column. Bold: the largest. Hatched: none.",
    );
    out.tag("p").attr("class", "aside").text(&said);
}

fn cell(table: &Cross, row: usize, column: usize, words: &Words) -> Cell {
    let clips = table.count(Unit::Clips, row, column);
    let subjects = words.has_units().then(|| {
        format!(
            "{} {}",
            count(table.count(Unit::Subjects, row, column)),
            words.units()
        )
    });
    let relative = table.relative_to_max(Unit::Clips, row, column);
    let percent = relative.filter(|r| *r < 0.0).map(|r| format::percent(r, 0));
    let note: Vec<String> = percent.into_iter().chain(subjects).collect();
    let class = match (clips, relative) {
        (0, _) => "empty",
        (_, Some(0.0)) => "max",
        _ => "",
    };
    Cell::new(count(clips)).note(note.join("\n")).class(class)
}
