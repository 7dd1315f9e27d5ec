//! A label column as groups: its codes in order, and the group of each row.

use std::borrow::Cow;
use std::collections::HashMap;

use cohort_tables::{code, is_missing, sorted_classes};

use crate::settings::AuditSettings;

/// A label column as indices.
#[derive(Debug, Clone)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    /// Codes that occur, as numbers where all are integers, else as text.
    pub(crate) codes: Vec<String>,
    /// Name of each code for people.
    pub(crate) names: Vec<String>,
    /// Index into `codes` a row.
    pub(crate) of_row: Vec<usize>,
    /// Whether this is what the model predicts.
    pub(crate) is_target: bool,
    /// Whether its groups are the intersections of two columns.
    pub(crate) is_cross: bool,
}

impl Attribute {
    /// Puts the codes in the order of `codes`, others after them.
    pub(crate) fn order_as(&mut self, codes: &[String]) {
        let place = |own: &String| {
            let same = |class: &String| code(class) == own.as_str();
            codes.iter().position(same).unwrap_or(codes.len())
        };
        let mut order: Vec<usize> = (0..self.codes.len()).collect();
        order.sort_by_key(|&old| place(&self.codes[old]));
        for group in &mut self.of_row {
            let place = order.iter().position(|old| old == group);
            *group = place.expect("the order holds every group");
        }
        let pick = |from: &[String]| -> Vec<String> {
            order.iter().map(|&old| from[old].clone()).collect()
        };
        (self.codes, self.names) = (pick(&self.codes), pick(&self.names));
    }

    /// Rows of each group.
    pub(crate) fn rows(&self) -> Vec<Vec<usize>> {
        let mut rows = vec![Vec::new(); self.codes.len()];
        for (row, &group) in self.of_row.iter().enumerate() {
            rows[group].push(row);
        }
        rows
    }
}

/// A text column as indices into its codes, which are in the order of their numbers or as text. Words for a missing value
/// are the empty code, unless the settings name them.
pub(crate) fn encode(
    name: &str,
    values: &[String],
    joined: &[(usize, usize)],
    settings: &AuditSettings,
) -> Attribute {
    let named = settings.names.get(name);
    let values: Vec<Cow<'_, str>> = joined
        .iter()
        .map(|&(_, label)| {
            let value = values.get(label).map_or("", String::as_str);
            if is_missing(value) && named.is_none_or(|names| !names.contains_key(value)) {
                Cow::Borrowed("")
            } else {
                code(value)
            }
        })
        .collect();
    let mut distinct: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
    distinct.sort_unstable();
    distinct.dedup();
    let filled: Vec<&str> = distinct
        .iter()
        .copied()
        .filter(|code| !code.is_empty())
        .collect();
    let mut codes = sorted_classes(&filled);
    if filled.len() < distinct.len() {
        codes.insert(0, String::new());
    }
    let place: HashMap<&str, usize> = codes
        .iter()
        .enumerate()
        .map(|(i, code)| (code.as_str(), i))
        .collect();
    let of_row = values
        .iter()
        .map(|value| {
            *place
                .get(value.as_ref())
                .expect("every value is among its codes")
        })
        .collect();
    Attribute {
        name: name.to_string(),
        names: codes.clone(),
        codes,
        of_row,
        is_target: false,
        is_cross: false,
    }
}

/// The groups of every pair of columns that are not the target.
pub(crate) fn intersections(attributes: &[Attribute]) -> Vec<Attribute> {
    let single: Vec<&Attribute> = attributes.iter().filter(|a| !a.is_target).collect();
    let mut crossed = Vec::new();
    for (i, a) in single.iter().enumerate() {
        for b in single.iter().skip(i + 1) {
            let width = b.codes.len();
            let pair: Vec<usize> = a
                .of_row
                .iter()
                .zip(&b.of_row)
                .map(|(a, b)| a * width + b)
                .collect();
            let mut present = pair.clone();
            present.sort_unstable();
            present.dedup();
            let text = |of_a: &[String], of_b: &[String]| -> Vec<String> {
                present
                    .iter()
                    .filter_map(|p| {
                        Some(format!(
                            "{} & {}",
                            of_a.get(p / width)?,
                            of_b.get(p % width)?
                        ))
                    })
                    .collect()
            };
            crossed.push(Attribute {
                name: format!("{} x {}", a.name, b.name),
                codes: text(&a.codes, &b.codes),
                names: text(&a.names, &b.names),
                of_row: pair
                    .iter()
                    .map(|p| present.binary_search(p).expect("present holds every pair"))
                    .collect(),
                is_target: false,
                is_cross: true,
            });
        }
    }
    crossed
}
