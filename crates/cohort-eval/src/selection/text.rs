//! Selection rates in words.

use std::fmt::Write as _;

use cohort_tables::{Nouns, csv_line, text_columns};

use super::{AttributeSelection, Selection};
use crate::Interval;
use crate::text::{cell, p_value};

impl Selection {
    /// The section of the audit's text.
    pub(crate) fn write_text(&self, out: &mut String, nouns: &Nouns) -> std::fmt::Result {
        writeln!(out, "WHO IS GIVEN {}, THE FAVOURABLE CLASS\n", self.name)?;
        let units = !nouns.items_are_units();
        let mut header = vec![String::new(), nouns.items()];
        header.extend(units.then(|| nouns.units()));
        header.extend(["selection rate", "base rate", "to the highest"].map(String::from));
        let mut rows = vec![header];
        let mut all = vec![
            format!("all {}", nouns.items()),
            self.selection_rate.clips().to_string(),
        ];
        all.extend(units.then(|| self.selection_rate.subjects().to_string()));
        all.extend([
            cell(Some(&self.selection_rate)),
            cell(Some(&self.base_rate)),
            "-".into(),
        ]);
        rows.push(all);
        for attribute in &self.attributes {
            rows.push(vec![attribute.attribute.clone()]);
            for group in &attribute.groups {
                let mut cells = vec![format!("  {}", group.name), group.clips.to_string()];
                cells.extend(units.then(|| group.subjects.to_string()));
                cells.push(cell(Some(&group.selection_rate)));
                cells.push(cell(Some(&group.base_rate)));
                cells.push(
                    group
                        .to_highest
                        .map_or("-".into(), |ratio| format!("{ratio:.3}")),
                );
                rows.push(cells);
            }
        }
        out.push_str(&text_columns(&rows));
        writeln!(out)?;
        let header = [
            "demographic parity",
            "difference",
            "by chance",
            "95 % below",
            "p",
            "ratio",
            "by chance",
        ];
        let mut rows = vec![header.map(String::from).to_vec()];
        rows.extend(self.attributes.iter().map(parity));
        out.push_str(&text_columns(&rows));
        for attribute in &self.attributes {
            writeln!(
                out,
                "   {}: four fifths: {}",
                attribute.attribute,
                attribute.four_fifths.title()
            )?;
            if let Some(note) = &attribute.note {
                writeln!(out, "   {}: {}", attribute.attribute, nouns.say(note))?;
            }
        }
        let legend = [
            "Selection rate: share given the class, right or wrong. Base rate: share",
            "whose truth it is. Groups of fewer than 5 subjects are shown and not",
            "compared. By chance: mean when subjects are relabelled at random.",
        ];
        for line in legend {
            writeln!(out, "   {}", nouns.say(line))?;
        }
        writeln!(out)
    }

    /// Selection rates as CSV, a row a group.
    pub(crate) fn csv(&self) -> String {
        let header = [
            "attribute",
            "group",
            "name",
            "clips",
            "subjects",
            "selection_rate",
            "selection_low",
            "selection_high",
            "base_rate",
            "base_low",
            "base_high",
            "to_highest",
        ];
        let mut text = csv_line(header);
        for attribute in &self.attributes {
            for group in &attribute.groups {
                let mut row = vec![
                    attribute.attribute.clone(),
                    group.group.clone(),
                    group.name.clone(),
                    group.clips.to_string(),
                    group.subjects.to_string(),
                ];
                row.extend(ends(&group.selection_rate));
                row.extend(ends(&group.base_rate));
                row.push(
                    group
                        .to_highest
                        .map_or(String::new(), |ratio| ratio.to_string()),
                );
                text += &csv_line(&row);
            }
        }
        text
    }
}

fn parity(attribute: &AttributeSelection) -> Vec<String> {
    let number = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.3}"));
    let chance = attribute.by_chance.as_ref();
    vec![
        attribute.attribute.clone(),
        cell(Some(&attribute.difference)),
        number(chance.map(|chance| chance.difference_mean)),
        number(chance.map(|chance| chance.difference_p95)),
        chance.map_or("-".into(), |chance| p_value(chance.p_value)),
        cell(Some(&attribute.ratio)),
        number(chance.and_then(|chance| chance.ratio_mean)),
    ]
}

/// Value, lower and upper end; empty where there is none.
fn ends(interval: &Interval) -> [String; 3] {
    let found = interval.estimate();
    [
        interval.value(),
        found.map(|found| found.low),
        found.map(|found| found.high),
    ]
    .map(|value| value.map_or(String::new(), |value| value.to_string()))
}
