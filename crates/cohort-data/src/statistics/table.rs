//! Frequencies, and tables of the target by the attributes.

use serde::{Deserialize, Serialize};

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
pub struct WithoutLevel {
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
