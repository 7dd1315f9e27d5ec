//! Who is in the data: frequencies of every attribute and the target by the others, counted by clip and by
//! subject, pooled and by split.

mod count;
mod csv;
mod json;
mod text;

pub(crate) use csv::line as csv_line;
pub use json::STATS_SCHEMA;

use crate::dataset::{Clip, Dataset};
use crate::readers::ObjectsCounts;
use crate::schema::Schema;
use cohort_tables::{Nouns, plural};
use serde::{Deserialize, Serialize};

/// Statistics of a data set; written and read as the JSON document `cohort.stats/1`.
///
/// Clips of one subject are not independent, so everything is counted twice: by clip and by subject. A
/// subject is counted once in every cell that it has a clip in. So a subject with two different labels is
/// in two cells, and the subjects of an attribute's levels can add up to more than [`Section::subjects`];
/// [`AttributeCounts::contradicting`] says how many subjects do so.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// Name of the data set.
    pub dataset: String,
    /// Column of the target.
    pub target: String,
    /// What an item is called.
    pub item: String,
    /// What the subjects are called; the same as the items where each is one of its own.
    pub unit: String,
    /// Boxes and captions, where there are some.
    pub objects: Option<ObjectsCounts>,
    /// Each split by name, in the data set's order.
    pub splits: Vec<(String, Section)>,
    /// All splits together.
    pub pooled: Section,
    /// What of the data set's tables was read otherwise than it was written, a line each.
    pub notes: Vec<String>,
}

/// Statistics of one set of clips.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// Number of clips.
    pub clips: usize,
    /// Number of different subjects.
    pub subjects: usize,
    /// Frequencies of the levels of each attribute, in the schema's order.
    pub counts: Vec<AttributeCounts>,
    /// The target by each other attribute, then by each pair of them.
    pub tables: Vec<Table>,
    /// The tables again without the level that outweighs all others, so that the rest can be read.
    pub without_majority: Vec<View>,
}

/// Frequencies of one attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributeCounts {
    /// Column name.
    pub attribute: String,
    /// One entry a level, in order; levels without a clip are there.
    pub levels: Vec<LevelCount>,
    /// Subjects whose clips carry more than one level of this attribute.
    pub contradicting: usize,
}

/// Frequency of one level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LevelCount {
    /// Code in the label tables.
    pub code: String,
    /// Name for people.
    pub name: String,
    /// Number of clips.
    pub clips: usize,
    /// Number of subjects with at least one such clip.
    pub subjects: usize,
}

/// The target by one attribute or by the combinations of two. Cells are stored row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Columns of the attributes that make the rows, e.g. `Gender`, `Ethnicity`.
    pub rows: Vec<String>,
    /// Column of the target.
    pub column: String,
    /// Level names of each row, one for each of [`Table::rows`].
    pub row_levels: Vec<Vec<String>>,
    /// Level names of the target.
    pub column_levels: Vec<String>,
    /// Clips of each cell: `row_levels.len()` x `column_levels.len()`.
    pub clips: Vec<usize>,
    /// Subjects of each cell, in the same order.
    pub subjects: Vec<usize>,
}

/// A section without the clips of one level.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Attribute whose largest level is left out.
    pub attribute: String,
    /// Name of the level that is left out.
    pub left_out: String,
    /// Clips that remain.
    pub clips: usize,
    /// Subjects that remain.
    pub subjects: usize,
    /// The tables that have the attribute in their rows; maxima are those of the rows that remain.
    pub tables: Vec<Table>,
}

/// What is counted in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Clips.
    Clips,
    /// Different subjects.
    Subjects,
}

impl Statistics {
    /// What items are called, in the plural.
    pub fn items(&self) -> String {
        plural(&self.item)
    }

    /// What units are called, in the plural.
    pub fn units(&self) -> String {
        plural(&self.unit)
    }

    /// What items and units are called.
    pub fn nouns(&self) -> Nouns {
        Nouns {
            item: self.item.clone(),
            unit: self.unit.clone(),
        }
    }
}

impl Table {
    /// Count of a cell; 0 outside the table.
    pub fn count(&self, unit: Unit, row: usize, column: usize) -> usize {
        let cells = match unit {
            Unit::Clips => &self.clips,
            Unit::Subjects => &self.subjects,
        };
        let width = self.column_levels.len();
        if column < width {
            cells.get(row * width + column).copied().unwrap_or(0)
        } else {
            0
        }
    }

    /// Largest count of a column.
    pub fn column_max(&self, unit: Unit, column: usize) -> usize {
        (0..self.row_levels.len())
            .map(|row| self.count(unit, row, column))
            .max()
            .unwrap_or(0)
    }

    /// Relative difference of a cell to the largest cell of its column: (value - max) / max, so 0 for the
    /// largest and -1 for a group that is not represented. `None` when the whole column is empty.
    pub fn relative_to_max(&self, unit: Unit, row: usize, column: usize) -> Option<f64> {
        self.relative_to(self.column_max(unit, column), unit, row, column)
    }

    /// As [`Table::relative_to_max`], to the largest cell of its column among the rows that share the row's level of the
    /// attribute at `place` of [`Table::rows`]: with Gender and Ethnicity and place 0 to the largest ethnicity of the
    /// same gender. `None` when those are all empty, or there is no such attribute.
    pub fn relative_within(
        &self,
        place: usize,
        unit: Unit,
        row: usize,
        column: usize,
    ) -> Option<f64> {
        let level = self.row_levels.get(row)?.get(place)?;
        let largest = self
            .row_levels
            .iter()
            .enumerate()
            .filter(|(_, levels)| levels.get(place) == Some(level))
            .map(|(other, _)| self.count(unit, other, column))
            .max()?;
        self.relative_to(largest, unit, row, column)
    }

    fn relative_to(&self, largest: usize, unit: Unit, row: usize, column: usize) -> Option<f64> {
        let largest = largest as f64;
        (largest > 0.0).then(|| (self.count(unit, row, column) as f64 - largest) / largest)
    }
}

/// Counts a data set; see [`Statistics`] for what is counted and how.
pub fn statistics(dataset: &Dataset) -> Statistics {
    let schema = &dataset.schema;
    let section = |clips: &[&Clip]| section(schema, clips);
    let all: Vec<&Clip> = dataset
        .splits
        .iter()
        .flat_map(|split| &split.clips)
        .collect();
    Statistics {
        dataset: schema.name.clone(),
        target: schema.target.clone(),
        item: schema.item.clone(),
        unit: schema.nouns().unit,
        objects: dataset.objects.as_ref().map(|objects| {
            objects.counts(dataset.splits.iter().map(|split| {
                let items = split.clips.iter().map(|clip| clip.id.as_str());
                (split.name.as_str(), items.collect())
            }))
        }),
        splits: dataset
            .splits
            .iter()
            .map(|split| {
                (
                    split.name.clone(),
                    section(&split.clips.iter().collect::<Vec<_>>()),
                )
            })
            .collect(),
        pooled: section(&all),
        notes: dataset.notes_for_documents(),
    }
}

fn section(schema: &Schema, clips: &[&Clip]) -> Section {
    let subjects = count::number_subjects(clips);
    let counts: Vec<AttributeCounts> = (0..schema.attributes.len())
        .map(|attribute| count::attribute_counts(schema, attribute, clips, &subjects))
        .collect();
    let target = schema.target_index().unwrap_or_default();
    let others: Vec<usize> = (0..schema.attributes.len())
        .filter(|&i| i != target)
        .collect();
    let mut tables = Vec::new();
    for &attribute in &others {
        tables.push(count::table(schema, target, &[attribute], clips, &subjects));
    }
    for (i, &first) in others.iter().enumerate() {
        for &second in others.iter().skip(i + 1) {
            tables.push(count::table(
                schema,
                target,
                &[first, second],
                clips,
                &subjects,
            ));
        }
    }
    let without_majority = others
        .iter()
        .filter_map(|&attribute| {
            let level = count::majority(counts.get(attribute)?)?;
            Some(count::view(
                schema, attribute, level, &tables, clips, &subjects,
            ))
        })
        .collect();
    Section {
        clips: clips.len(),
        subjects: count::distinct(subjects.iter().copied()),
        counts,
        tables,
        without_majority,
    }
}
