//! The JSON document `cohort.stats/1`: tables as lists of cells that name their levels.

use cohort_tables::entries;
use serde::de::{self, Deserializer};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::{AttributeCounts, LevelCount, Section, Statistics, Table, Unit, WithoutLevel};
use crate::readers::ObjectsCounts;

/// Version of the document.
pub const STATS_SCHEMA: &str = "cohort.stats/1";

#[derive(Serialize, Deserialize)]
struct DocumentForm {
    schema: String,
    dataset: String,
    target: String,
    item: String,
    unit: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    objects: Option<ObjectsCounts>,
    #[serde(with = "entries")]
    splits: Vec<(String, SectionForm)>,
    pooled: SectionForm,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct SectionForm {
    clips: usize,
    subjects: usize,
    #[serde(with = "entries")]
    contradicting_subjects: Vec<(String, usize)>,
    #[serde(with = "entries")]
    counts: Vec<(String, Vec<LevelCount>)>,
    tables: Vec<TableForm>,
    without_majority: Vec<ViewForm>,
}

#[derive(Serialize, Deserialize)]
struct ViewForm {
    attribute: String,
    left_out: String,
    clips: usize,
    subjects: usize,
    tables: Vec<TableForm>,
}

#[derive(Serialize, Deserialize)]
struct TableForm {
    rows: Vec<String>,
    column: String,
    cells: Vec<CellForm>,
}

/// Its levels under the names of their attributes, then its counts.
#[derive(Serialize, Deserialize)]
struct CellForm {
    #[serde(flatten, with = "entries")]
    levels: Vec<(String, String)>,
    clips: usize,
    subjects: usize,
    relative_to_max: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    relative_to_max_of_same: Option<WithinForm>,
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct WithinForm(#[serde(with = "entries")] Vec<(String, Option<f64>)>);

impl Serialize for Statistics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = DocumentForm {
            schema: STATS_SCHEMA.into(),
            dataset: self.dataset.clone(),
            target: self.target.clone(),
            item: self.item.clone(),
            unit: self.unit.clone(),
            objects: self.objects.clone(),
            splits: (self.splits.iter())
                .map(|(name, split)| (name.clone(), SectionForm::of(split)))
                .collect(),
            pooled: SectionForm::of(&self.pooled),
            notes: self.notes.clone(),
        };
        form.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Statistics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form = DocumentForm::deserialize(deserializer)?;
        if form.schema != STATS_SCHEMA {
            let message = format!("expected schema {STATS_SCHEMA:?}, found {:?}", form.schema);
            return Err(de::Error::custom(message));
        }
        let splits = form.splits.into_iter();
        let splits = splits.map(|(name, split)| Ok((name, split.read()?)));
        Ok(Self {
            dataset: form.dataset,
            target: form.target,
            item: form.item,
            unit: form.unit,
            objects: form.objects,
            splits: splits
                .collect::<Result<_, String>>()
                .map_err(de::Error::custom)?,
            pooled: form.pooled.read().map_err(de::Error::custom)?,
            notes: form.notes,
        })
    }
}

impl SectionForm {
    fn of(section: &Section) -> Self {
        let counts = || section.counts.iter();
        Self {
            clips: section.clips,
            subjects: section.subjects,
            contradicting_subjects: counts()
                .map(|counts| (counts.attribute.clone(), counts.contradicting))
                .collect(),
            counts: counts()
                .map(|counts| (counts.attribute.clone(), counts.levels.clone()))
                .collect(),
            tables: section.tables.iter().map(TableForm::of).collect(),
            without_majority: (section.without_majority.iter())
                .map(|view| ViewForm {
                    attribute: view.attribute.clone(),
                    left_out: view.left_out.clone(),
                    clips: view.clips,
                    subjects: view.subjects,
                    tables: view.tables.iter().map(TableForm::of).collect(),
                })
                .collect(),
        }
    }

    fn read(self) -> Result<Section, String> {
        let contradicting = |attribute: &str| {
            let mut all = self.contradicting_subjects.iter();
            let found = all.find(|(name, _)| name == attribute);
            found
                .map(|(_, count)| *count)
                .ok_or_else(|| format!("expected contradicting_subjects of {attribute:?}"))
        };
        let mut counts = Vec::with_capacity(self.counts.len());
        for (attribute, levels) in &self.counts {
            counts.push(AttributeCounts {
                attribute: attribute.clone(),
                levels: levels.clone(),
                contradicting: contradicting(attribute)?,
            });
        }
        let views = self.without_majority.into_iter().map(|view| {
            Ok(WithoutLevel {
                attribute: view.attribute,
                left_out: view.left_out,
                clips: view.clips,
                subjects: view.subjects,
                tables: tables(view.tables)?,
            })
        });
        Ok(Section {
            clips: self.clips,
            subjects: self.subjects,
            counts,
            tables: tables(self.tables)?,
            without_majority: views.collect::<Result<_, String>>()?,
        })
    }
}

fn tables(forms: Vec<TableForm>) -> Result<Vec<Table>, String> {
    forms.into_iter().map(TableForm::read).collect()
}

impl TableForm {
    fn of(table: &Table) -> Self {
        let mut cells = Vec::with_capacity(table.clips.len());
        for (row, names) in table.row_levels.iter().enumerate() {
            for (column, level) in table.column_levels.iter().enumerate() {
                let rows = table.rows.iter().cloned().zip(names.iter().cloned());
                let own = (table.column.clone(), level.clone());
                let within = table.rows.iter().enumerate().map(|(place, attribute)| {
                    let relative = table.relative_within(place, Unit::Clips, row, column);
                    (attribute.clone(), relative)
                });
                cells.push(CellForm {
                    levels: rows.chain([own]).collect(),
                    clips: table.count(Unit::Clips, row, column),
                    subjects: table.count(Unit::Subjects, row, column),
                    relative_to_max: table.relative_to_max(Unit::Clips, row, column),
                    relative_to_max_of_same: (table.rows.len() > 1)
                        .then(|| WithinForm(within.collect())),
                });
            }
        }
        Self {
            rows: table.rows.clone(),
            column: table.column.clone(),
            cells,
        }
    }

    /// The cells stand row by row: a row ends where the levels of its attributes change.
    fn read(self) -> Result<Table, String> {
        let level = |cell: &CellForm, attribute: &str| {
            let found = cell.levels.iter().find(|(name, _)| name == attribute);
            found
                .map(|(_, level)| level.clone())
                .ok_or_else(|| format!("expected {attribute:?} in every cell of its table"))
        };
        let mut table = Table {
            rows: self.rows,
            column: self.column,
            row_levels: Vec::new(),
            column_levels: Vec::new(),
            clips: self.cells.iter().map(|cell| cell.clips).collect(),
            subjects: self.cells.iter().map(|cell| cell.subjects).collect(),
        };
        for (place, cell) in self.cells.iter().enumerate() {
            let names: Vec<String> = (table.rows.iter())
                .map(|attribute| level(cell, attribute))
                .collect::<Result<_, String>>()?;
            if table.row_levels.last() != Some(&names) {
                table.row_levels.push(names);
            }
            let own = level(cell, &table.column)?;
            if table.row_levels.len() == 1 {
                table.column_levels.push(own);
            } else if table.column_levels.get(place % table.column_levels.len()) != Some(&own) {
                return Err(format!(
                    "expected cells of {:?} row by row, found {own:?} as cell {}",
                    table.column,
                    place + 1
                ));
            }
        }
        match table.row_levels.len() * table.column_levels.len() == table.clips.len() {
            true => Ok(table),
            false => Err(format!(
                "expected {} cells of {:?}, found {}",
                table.row_levels.len() * table.column_levels.len(),
                table.column,
                table.clips.len()
            )),
        }
    }
}
