//! Who is in the data: frequencies of every attribute and the target by the others, counted by clip and by
//! subject, pooled and by split.

mod count;
mod csv;
mod json;
mod table;
mod text;

pub use json::STATS_SCHEMA;
pub use table::{AttributeCounts, LevelCount, Table, Unit, WithoutLevel};

use crate::dataset::{Clip, Dataset};
use crate::readers::ObjectsCounts;
use crate::schema::Schema;
use cohort_tables::{Nouns, plural};

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
    pub without_majority: Vec<WithoutLevel>,
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
