//! Findings in the label tables: rows, columns, codes, clips, subjects.

use std::collections::{BTreeMap, BTreeSet};

use cohort_tables::{WithinUnits, fold, plural, spelled_out};

use super::row::Row;
use crate::error::quoted;
use crate::finding::{Finding, Kind};
use crate::label_file::{LabelFile, unknown_code};
use crate::layout::Part;
use crate::schema::{Schema, leads_outside};

pub(super) fn check(
    schema: &Schema,
    files: &[LabelFile],
    rows: &[Row<'_>],
    findings: &mut Vec<Finding>,
) {
    for file in files {
        check_file(schema, file, findings);
    }
    for row in rows {
        check_row(schema, row, findings);
    }
    repeated_clips(rows, findings);
    subjects(schema, rows, findings);
    spellings(schema, rows, findings);
}

fn check_file(schema: &Schema, file: &LabelFile, findings: &mut Vec<Finding>) {
    let columns = schema.attributes.iter().map(|attribute| &attribute.column);
    for column in [&schema.subject_column].into_iter().chain(columns) {
        if file.table.column(column).is_none() {
            let found: Vec<&str> = file.table.column_names().collect();
            let message = format!("expected a column {column}, found {}", found.join(", "));
            findings.push(Finding {
                split: Some(file.split.clone()),
                file: Some(file.shown.clone()),
                ..Finding::new(Kind::MissingColumn, message)
            });
        }
    }
    for bad in &file.problems {
        findings.push(Finding {
            split: Some(file.split.clone()),
            row: Some(bad.row),
            file: Some(file.shown.clone()),
            ..Finding::new(
                Kind::BadRow,
                format!("expected {}, found {}", bad.expected, bad.found),
            )
        });
    }
}

fn check_row(schema: &Schema, row: &Row<'_>, findings: &mut Vec<Finding>) {
    if row.id.is_empty() {
        findings.push(row.finding(
            Kind::EmptyField,
            format!("expected a {} name, found an empty field", schema.item),
        ));
    }
    let table = &row.file.table;
    if row.subject.is_empty() && table.column(&schema.subject_column).is_some() {
        let message = format!("expected a {}, found an empty field", schema.unit);
        findings.push(row.finding(Kind::EmptyField, message));
    }
    for (attribute, level) in schema.attributes.iter().zip(&row.levels) {
        let Some(codes) = table.column(&attribute.column) else {
            continue;
        };
        let code = codes.get(row.index).map_or("", String::as_str);
        if let Some(expected) = leads_outside(schema, attribute, code) {
            let message = format!("expected {expected}, found {}", quoted(code));
            findings.push(row.finding(Kind::UnknownLabel, message));
        } else if level.is_none() {
            let (expected, found) = unknown_code(attribute, code);
            let message = format!("expected {expected}, found {found}");
            findings.push(row.finding(Kind::UnknownLabel, message));
        }
    }
}

/// Classes that a model is measured on and cannot have learned.
pub(super) fn untrained_classes(
    schema: &Schema,
    files: &[LabelFile],
    rows: &[Row<'_>],
    findings: &mut Vec<Finding>,
) {
    let train = files
        .iter()
        .position(|file| Part::of(&file.split) == Some(Part::Train));
    let (Some(train), Some(target)) = (train, schema.target_index()) else {
        return;
    };
    let mut counts: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for row in rows {
        if let Some(level) = row.levels.get(target).copied().flatten() {
            *counts.entry((level, row.split)).or_default() += 1;
        }
    }
    for (&(level, split), &count) in &counts {
        if !counts.contains_key(&(level, train)) {
            let message = format!(
                "{} {} has {} here and none in {}",
                schema.target,
                schema.attributes[target].levels[level].name,
                schema.items(count),
                files[train].split,
            );
            findings.push(Finding {
                split: Some(files[split].split.clone()),
                file: Some(files[split].shown.clone()),
                ..Finding::new(Kind::ClassWithoutTraining, message)
            });
        }
    }
}

/// Each later row of a clip, held against its first.
fn repeated_clips(rows: &[Row<'_>], findings: &mut Vec<Finding>) {
    let mut first: BTreeMap<&str, &Row<'_>> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.id.is_empty()) {
        let Some(earlier) = first.get(row.id.as_str()) else {
            first.insert(&row.id, row);
            continue;
        };
        let kind = match earlier.split == row.split {
            true => Kind::DuplicateClip,
            false => Kind::ClipInTwoSplits,
        };
        let message = format!("already in {}", earlier.file.place(earlier.index));
        findings.push(Finding {
            other: Some(earlier.place()),
            ..row.finding(kind, message)
        });
    }
}

fn subjects(schema: &Schema, rows: &[Row<'_>], findings: &mut Vec<Finding>) {
    let mut by_subject: BTreeMap<&str, Vec<&Row<'_>>> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.subject.is_empty()) {
        by_subject.entry(&row.subject).or_default().push(row);
    }
    let by_design = of_items(schema, &by_subject);
    for (i, within) in by_design.iter().enumerate() {
        if let Some(within) = within {
            let message = format!(
                "{} differs within {} of {} of several {}: taken for one of every {}, not of the {}",
                schema.attributes[i].column,
                within.mixed,
                schema.units(within.several),
                plural(&schema.item),
                schema.item,
                schema.unit,
            );
            findings.push(Finding::new(Kind::VariesWithinUnits, message));
        }
    }
    for (subject, clips) in by_subject {
        let mut splits: BTreeMap<usize, usize> = BTreeMap::new();
        for row in &clips {
            *splits.entry(row.split).or_default() += 1;
        }
        let only = clips
            .first()
            .filter(|_| splits.len() == 1)
            .map(|row| row.file.split.clone());
        let finding = |kind, message: String| Finding {
            split: only.clone(),
            subject: Some(subject.to_string()),
            ..Finding::new(kind, message)
        };
        if splits.len() > 1 {
            let names: Vec<String> = splits
                .iter()
                .map(|(split, count)| {
                    let row = clips.iter().find(|row| row.split == *split);
                    format!(
                        "{} ({})",
                        row.map_or("", |row| &row.file.split),
                        schema.items(*count)
                    )
                })
                .collect();
            findings.push(finding(
                Kind::SubjectInTwoSplits,
                format!("{} is in {}", schema.unit, names.join(" and ")),
            ));
        }
        for (i, attribute) in schema.attributes.iter().enumerate() {
            if by_design[i].is_some() {
                continue;
            }
            let mut levels: BTreeMap<usize, usize> = BTreeMap::new();
            for level in clips
                .iter()
                .filter_map(|row| row.levels.get(i).copied().flatten())
            {
                *levels.entry(level).or_default() += 1;
            }
            if levels.len() > 1 {
                let names: Vec<String> = levels
                    .iter()
                    .map(|(&level, &count)| {
                        let name = attribute.levels.get(level).map_or("", |level| &level.name);
                        format!("{name} ({})", schema.items(count))
                    })
                    .collect();
                let message = format!(
                    "{} is {} {}",
                    schema.unit,
                    attribute.column,
                    names.join(" and ")
                );
                findings.push(finding(Kind::ContradictingLabels, message));
            }
        }
    }
}

/// The attributes that most subjects of several clips carry more than one level of, with how many do: an emotion or a topic
/// is one of the clip, and no subject contradicts itself by it.
fn of_items(
    schema: &Schema,
    by_subject: &BTreeMap<&str, Vec<&Row<'_>>>,
) -> Vec<Option<WithinUnits>> {
    let of_attribute = |attribute: usize| {
        let (mut unit, mut level) = (Vec::new(), Vec::new());
        for (subject, rows) in by_subject.values().enumerate() {
            for row in rows {
                if let Some(found) = row.levels.get(attribute).copied().flatten() {
                    unit.push(subject);
                    level.push(found);
                }
            }
        }
        let within = WithinUnits::of(&unit, &level);
        within.by_design().then_some(within)
    };
    (0..schema.attributes.len()).map(of_attribute).collect()
}

/// Ids that a person would take for one.
fn spellings(schema: &Schema, rows: &[Row<'_>], findings: &mut Vec<Finding>) {
    let with_subject = || rows.iter().filter(|row| !row.subject.is_empty());
    let mut written: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut alike: BTreeMap<(bool, String), BTreeMap<&str, BTreeMap<usize, usize>>> =
        BTreeMap::new();
    for row in with_subject() {
        written
            .entry(&row.subject)
            .or_default()
            .insert(row.subject_as_written);
        let ids = alike.entry((true, fold(&row.subject))).or_default();
        *ids.entry(&row.subject)
            .or_default()
            .entry(row.split)
            .or_default() += 1;
    }
    let clips_are_subjects = schema.items_are_units();
    for row in rows
        .iter()
        .filter(|row| !row.id.is_empty() && !clips_are_subjects)
    {
        let ids = alike.entry((false, fold(&row.id))).or_default();
        *ids.entry(&row.id)
            .or_default()
            .entry(row.split)
            .or_default() += 1;
    }
    for ((is_subject, _), ids) in alike.iter().filter(|(_, ids)| ids.len() > 1) {
        let what = plural(if *is_subject {
            &schema.unit
        } else {
            &schema.item
        });
        let each: Vec<String> = ids
            .iter()
            .map(|(id, splits)| {
                let splits: Vec<String> = splits
                    .iter()
                    .map(|(split, count)| {
                        let row = rows.iter().find(|row| row.split == *split);
                        format!(
                            "{} {}",
                            row.map_or("", |row| &row.file.split),
                            schema.items(*count)
                        )
                    })
                    .collect();
                format!("{} ({})", spelled_out(id), splits.join(", "))
            })
            .collect();
        let first = ids.keys().next().map(|id| (*id).to_string());
        let (subject, clip) = if *is_subject {
            (first, None)
        } else {
            (None, first)
        };
        findings.push(Finding {
            subject,
            clip,
            ..Finding::new(
                Kind::IdsByCase,
                format!("{what} whose ids differ by case only, or by white space or leading zeros: {}; kept apart, but if they are one the splits share it", each.join(" and ")),
            )
        });
    }
    let several: Vec<&BTreeSet<&str>> = written
        .values()
        .filter(|spellings| spellings.len() > 1)
        .collect();
    if let Some(first) = several.first() {
        let spellings: Vec<String> = first.iter().map(|spelling| spelled_out(spelling)).collect();
        findings.push(Finding::new(
            Kind::RespeltIds,
            format!(
                "{} in several spellings, each taken for one {}: {}",
                schema.units(several.len()),
                schema.unit,
                spellings.join(" and ")
            ),
        ));
    }
}
