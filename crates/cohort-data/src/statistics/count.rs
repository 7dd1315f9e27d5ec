//! Counting cells by clip and by subject.

use std::collections::HashMap;

use super::table::{AttributeCounts, LevelCount, Table, WithoutLevel};
use crate::dataset::Clip;
use crate::schema::Schema;

/// A number for each clip's subject, the same for the same subject.
pub(super) fn number_subjects(clips: &[&Clip]) -> Vec<usize> {
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    clips
        .iter()
        .map(|clip| {
            let next = numbers.len();
            *numbers.entry(clip.subject.as_str()).or_insert(next)
        })
        .collect()
}

/// How many different numbers there are.
pub(super) fn distinct(numbers: impl Iterator<Item = usize>) -> usize {
    let mut numbers: Vec<usize> = numbers.collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers.len()
}

/// Clips and distinct subjects of each of `cells` cells; `cell_of` says which cell a clip is in.
fn count_cells(
    cells: usize,
    clips: &[&Clip],
    subjects: &[usize],
    cell_of: impl Fn(&Clip) -> usize,
) -> (Vec<usize>, Vec<usize>) {
    let mut by_clip = vec![0; cells];
    let mut pairs: Vec<(usize, usize)> = Vec::with_capacity(clips.len());
    for (clip, &subject) in clips.iter().zip(subjects) {
        let cell = cell_of(clip);
        if let Some(count) = by_clip.get_mut(cell) {
            *count += 1;
        }
        pairs.push((cell, subject));
    }
    pairs.sort_unstable();
    pairs.dedup();
    let mut by_subject = vec![0; cells];
    for (cell, _) in pairs {
        if let Some(count) = by_subject.get_mut(cell) {
            *count += 1;
        }
    }
    (by_clip, by_subject)
}

fn level_of(clip: &Clip, attribute: usize) -> usize {
    clip.levels.get(attribute).copied().unwrap_or_default()
}

pub(super) fn attribute_counts(
    schema: &Schema,
    attribute: usize,
    clips: &[&Clip],
    subjects: &[usize],
) -> AttributeCounts {
    let (column, levels) = schema
        .attributes
        .get(attribute)
        .map_or(("", [].as_slice()), |found| (&found.column, &found.levels));
    let (by_clip, by_subject) = count_cells(levels.len(), clips, subjects, |clip| {
        level_of(clip, attribute)
    });
    let mut pairs: Vec<(usize, usize)> = clips
        .iter()
        .zip(subjects)
        .map(|(clip, &subject)| (subject, level_of(clip, attribute)))
        .collect();
    pairs.sort_unstable();
    pairs.dedup();
    let contradicting = pairs
        .chunk_by(|first, second| first.0 == second.0)
        .filter(|group| group.len() > 1)
        .count();
    AttributeCounts {
        attribute: column.to_string(),
        levels: levels
            .iter()
            .zip(by_clip.into_iter().zip(by_subject))
            .map(|(level, (clips, subjects))| LevelCount {
                code: level.code.clone(),
                name: level.name.clone(),
                clips,
                subjects,
            })
            .collect(),
        contradicting,
    }
}

/// The target by the combinations of the levels of `rows`; the last of `rows` varies fastest.
pub(super) fn table(
    schema: &Schema,
    target: usize,
    rows: &[usize],
    clips: &[&Clip],
    subjects: &[usize],
) -> Table {
    let names = |attribute: usize| {
        schema
            .attributes
            .get(attribute)
            .map(|found| found.names())
            .unwrap_or_default()
    };
    let column = |attribute: usize| {
        schema
            .attributes
            .get(attribute)
            .map(|found| found.column.clone())
            .unwrap_or_default()
    };
    let column_levels = names(target);
    let mut row_levels: Vec<Vec<String>> = vec![vec![]];
    for &attribute in rows {
        let levels = names(attribute);
        row_levels = row_levels
            .iter()
            .flat_map(|row| {
                levels
                    .iter()
                    .map(move |level| [row.as_slice(), std::slice::from_ref(level)].concat())
            })
            .collect();
    }
    let sizes: Vec<(usize, usize)> = rows.iter().map(|&i| (i, names(i).len())).collect();
    let width = column_levels.len();
    let (by_clip, by_subject) = count_cells(row_levels.len() * width, clips, subjects, |clip| {
        let row = sizes
            .iter()
            .fold(0, |row, &(i, size)| row * size + level_of(clip, i));
        row * width + level_of(clip, target)
    });
    Table {
        rows: rows.iter().map(|&attribute| column(attribute)).collect(),
        column: column(target),
        row_levels,
        column_levels,
        clips: by_clip,
        subjects: by_subject,
    }
}

/// The level that has more clips than all others together, of an attribute with at least three levels.
pub(super) fn majority(counts: &AttributeCounts) -> Option<usize> {
    let total: usize = counts.levels.iter().map(|level| level.clips).sum();
    let largest = counts
        .levels
        .iter()
        .position(|level| 2 * level.clips > total);
    largest.filter(|_| counts.levels.len() > 2)
}

/// The tables with `attribute` in their rows, without the rows of one of its levels.
pub(super) fn view(
    schema: &Schema,
    attribute: usize,
    level: usize,
    tables: &[Table],
    clips: &[&Clip],
    subjects: &[usize],
) -> WithoutLevel {
    let (column, left_out) = schema
        .attributes
        .get(attribute)
        .and_then(|found| Some((found.column.clone(), found.levels.get(level)?.name.clone())))
        .unwrap_or_default();
    let remaining: Vec<usize> = clips
        .iter()
        .zip(subjects)
        .filter(|(clip, _)| level_of(clip, attribute) != level)
        .map(|(_, &subject)| subject)
        .collect();
    let tables = tables
        .iter()
        .filter_map(|table| {
            let place = table.rows.iter().position(|row| *row == column)?;
            Some(without_rows(table, |row| row.get(place) == Some(&left_out)))
        })
        .collect();
    WithoutLevel {
        attribute: column,
        left_out,
        clips: remaining.len(),
        subjects: distinct(remaining.into_iter()),
        tables,
    }
}

fn without_rows(table: &Table, leave_out: impl Fn(&[String]) -> bool) -> Table {
    let width = table.column_levels.len().max(1);
    let kept: Vec<bool> = table.row_levels.iter().map(|row| !leave_out(row)).collect();
    let cells = |all: &[usize]| -> Vec<usize> {
        let rows = all.chunks(width).zip(&kept).filter(|(_, kept)| **kept);
        rows.flat_map(|(row, _)| row.iter().copied()).collect()
    };
    Table {
        rows: table.rows.clone(),
        column: table.column.clone(),
        row_levels: table
            .row_levels
            .iter()
            .filter(|row| !leave_out(row))
            .cloned()
            .collect(),
        column_levels: table.column_levels.clone(),
        clips: cells(&table.clips),
        subjects: cells(&table.subjects),
    }
}
