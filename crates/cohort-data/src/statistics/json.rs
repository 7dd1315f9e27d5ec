//! The JSON document `cohort.stats/1`.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use super::{Section, Statistics, Table, Unit, WithoutLevel};

impl Serialize for Statistics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema", "cohort.stats/1")?;
        map.serialize_entry("dataset", &self.dataset)?;
        map.serialize_entry("target", &self.target)?;
        map.serialize_entry("item", &self.item)?;
        map.serialize_entry("unit", &self.unit)?;
        if let Some(objects) = &self.objects {
            map.serialize_entry("objects", objects)?;
        }
        let splits: Map<String, Value> = self
            .splits
            .iter()
            .map(|(name, split)| (name.clone(), section(split)))
            .collect();
        map.serialize_entry("splits", &splits)?;
        map.serialize_entry("pooled", &section(&self.pooled))?;
        if !self.notes.is_empty() {
            map.serialize_entry("notes", &self.notes)?;
        }
        map.end()
    }
}

fn section(section: &Section) -> Value {
    let counts: Map<String, Value> = section
        .counts
        .iter()
        .map(|counts| {
            let levels = counts.levels.iter().map(|level| {
                json!({
                    "code": level.code,
                    "name": level.name,
                    "clips": level.clips,
                    "subjects": level.subjects,
                })
            });
            (counts.attribute.clone(), levels.collect())
        })
        .collect();
    let contradicting: Map<String, Value> = section
        .counts
        .iter()
        .map(|counts| (counts.attribute.clone(), counts.contradicting.into()))
        .collect();
    json!({
        "clips": section.clips,
        "subjects": section.subjects,
        "contradicting_subjects": contradicting,
        "counts": counts,
        "tables": section.tables.iter().map(table).collect::<Vec<_>>(),
        "without_majority": section.without_majority.iter().map(view).collect::<Vec<_>>(),
    })
}

fn view(view: &WithoutLevel) -> Value {
    json!({
        "attribute": view.attribute,
        "left_out": view.left_out,
        "clips": view.clips,
        "subjects": view.subjects,
        "tables": view.tables.iter().map(table).collect::<Vec<_>>(),
    })
}

fn table(table: &Table) -> Value {
    let mut cells = Vec::with_capacity(table.clips.len());
    for (row, levels) in table.row_levels.iter().enumerate() {
        for (column, level) in table.column_levels.iter().enumerate() {
            let mut cell: Map<String, Value> = table
                .rows
                .iter()
                .zip(levels)
                .map(|(attribute, level)| (attribute.clone(), level.as_str().into()))
                .collect();
            cell.insert(table.column.clone(), level.as_str().into());
            cell.insert("clips".into(), table.count(Unit::Clips, row, column).into());
            cell.insert(
                "subjects".into(),
                table.count(Unit::Subjects, row, column).into(),
            );
            let relative = table.relative_to_max(Unit::Clips, row, column);
            cell.insert("relative_to_max".into(), relative.into());
            if table.rows.len() > 1 {
                let within = table.rows.iter().enumerate().map(|(place, attribute)| {
                    let relative = table.relative_within(place, Unit::Clips, row, column);
                    (attribute.clone(), Value::from(relative))
                });
                let within: Map<String, Value> = within.collect();
                cell.insert("relative_to_max_of_same".into(), within.into());
            }
            cells.push(Value::Object(cell));
        }
    }
    json!({ "rows": table.rows, "column": table.column, "cells": cells })
}
