//! The error of every group of people at every true class, laid out as the tables of NIST's reports on age estimation are:
//! a row a group of people, a column an age class.

use std::collections::BTreeMap;

use cohort_eval::{Audit, ClassError, ClassRow, Interval, Metric};

use super::super::figure::folded;
use super::super::layout::Section;
use super::super::read::{self, Estimate};
use super::super::table::{Cell, Table};
use crate::format;

/// Metrics of the tables; the first that the audit gives stands in front, the others are folded away.
const SHOWN: [Metric; 4] = [
    Metric::MaeYears,
    Metric::MaeGroups,
    Metric::Accuracy,
    Metric::SignedError,
];

pub(super) fn section(audit: &Audit) -> Option<Section> {
    let ages = super::is_about_ages(audit);
    let cells = &audit.class_errors;
    let classes: Vec<&ClassRow> = audit.classes.iter().filter(|c| c.clips > 0).collect();
    let shown: Vec<Metric> = SHOWN
        .into_iter()
        .filter(|metric| cells.iter().any(|cell| cell.metrics.contains_key(metric)))
        .collect();
    let (first, others) = shown.split_first()?;
    if classes.len() < 2 {
        return None;
    }
    let mut section = if ages {
        Section::new(
            "classes",
            "By age",
            "Where on the scale it errs, and for whom",
        )
    } else {
        Section::new(
            "classes",
            "By class",
            "Which classes it errs on, and for whom",
        )
    };
    section.lead(&lead(audit, *first, &classes, ages));
    table(audit, *first, &classes, ages).write(&mut section.body);
    section.body.tag("p").attr("class", "aside").text(if ages {
        "A row a group of people, a column a true group, as in NIST's reports on age estimation. Small print: the interval by \
         subject, then clips and the subjects they come from. n/e: too few subjects for an interval."
    } else {
        "A row a group, a column a true class. Small print: the interval by subject, then clips and the subjects they come \
         from. n/e: too few subjects for an interval."
    });
    for metric in others {
        folded(&mut section.body, meaning(*metric, ages), |out| {
            table(audit, *metric, &classes, ages).write(out);
        });
    }
    section.mentions(shown.iter().map(|metric| metric.name()));
    section.mentions(["not_estimable"]);
    Some(section)
}

/// What a table shows, in words.
fn meaning(metric: Metric, ages: bool) -> &'static str {
    match metric {
        Metric::MaeYears => "How many years off, on average",
        Metric::MaeGroups => "How many groups off, on average",
        Metric::Accuracy => "Share of clips met",
        Metric::SignedError if ages => {
            "Guessed too old (above 0) or too young (below 0), in groups"
        }
        Metric::SignedError => "Guessed too high (above 0) or too low (below 0), in groups",
        other => other.title(),
    }
}

fn lead<'a>(audit: &Audit, metric: Metric, classes: &[&'a ClassRow], ages: bool) -> String {
    let unit = match metric {
        Metric::MaeYears => " years off",
        Metric::MaeGroups => " groups off",
        _ => " of clips met",
    };
    let shown = |value: f64| {
        if metric == Metric::Accuracy {
            format::percent(value, 0)
        } else {
            format::fixed(value, 1)
        }
    };
    let of_class = |class: &&'a ClassRow| {
        let mut rows = audit.class_errors.iter();
        let row = rows.find(|row| row.attribute.is_empty() && row.class == class.code)?;
        let estimate = row.metrics.get(&metric)?.estimate()?;
        Some((super::named(&class.name, &class.code), estimate.value))
    };
    let found: Vec<(&str, f64)> = classes.iter().filter_map(of_class).collect();
    let by = |a: &&(&str, f64), b: &&(&str, f64)| a.1.total_cmp(&b.1);
    let (Some(low), Some(high)) = (found.iter().min_by(by), found.iter().max_by(by)) else {
        return "Too few subjects stand behind each true group to compare them.".into();
    };
    let (best, worst) = if metric == Metric::Accuracy {
        (high, low)
    } else {
        (low, high)
    };
    let read = if ages {
        " Read down a column to compare groups of people of the same apparent age."
    } else {
        " Read down a column to compare groups within one true class."
    };
    format!(
        "Among the true groups with enough subjects, best for {}: {}{unit}; worst for {}: {}{unit}.{read}",
        best.0,
        shown(best.1),
        worst.0,
        shown(worst.1)
    )
}

fn table(audit: &Audit, metric: Metric, classes: &[&ClassRow], ages: bool) -> Table {
    let columns = [if ages { "group of people" } else { "group" }.to_owned()]
        .into_iter()
        .chain(
            classes
                .iter()
                .map(|c| super::named(&c.name, &c.code).to_owned()),
        )
        .chain(["all".to_owned()]);
    let mut table = Table::new(meaning(metric, ages), 1, columns);
    let key = |row: &ClassError| (row.attribute.clone(), row.group.clone());
    for group in audit.class_errors.chunk_by(|a, b| key(a) == key(b)) {
        let first = &group[0];
        let head = if first.attribute.is_empty() {
            Cell::from("All clips")
        } else {
            Cell::from(super::named(&first.name, &first.group)).note(first.attribute.clone())
        };
        let mut row = vec![head];
        row.extend(classes.iter().map(|class| {
            let cell = group.iter().find(|cell| cell.class == class.code);
            cell.map_or_else(
                || Cell::new(format::NONE),
                |cell| figure(&cell.metrics, metric, (cell.clips, cell.subjects)),
            )
        }));
        row.push(if first.attribute.is_empty() {
            figure(&audit.metrics, metric, (audit.clips, audit.subjects))
        } else {
            let mut rows = audit.groups.iter();
            let whole = rows.find(|r| r.attribute == first.attribute && r.group == first.group);
            whole.map_or_else(
                || Cell::new(format::NONE).class("empty"),
                |whole| figure(&whole.metrics, metric, (whole.clips, whole.subjects)),
            )
        });
        let class = if first.attribute.is_empty() {
            "strong"
        } else {
            ""
        };
        table.marked_row(class, row);
    }
    table
}

/// Value and interval of one cell, and the clips and subjects that it rests on.
fn figure(
    metrics: &BTreeMap<Metric, Interval>,
    metric: Metric,
    (clips, subjects): (usize, usize),
) -> Cell {
    let Some(interval) = metrics.get(&metric).filter(|_| clips > 0) else {
        return Cell::new(format::NONE).class("empty");
    };
    let estimate = Estimate::from(interval);
    let range = match estimate.interval {
        Some(_) => estimate.range(2),
        None => "n/e".to_owned(),
    };
    Cell::new(estimate.number(2)).note(format!(
        "{range}\n{} of {}",
        read::count(clips),
        read::count(subjects)
    ))
}

#[cfg(test)]
mod tests {
    use super::super::made;
    use super::*;

    #[test]
    fn rows_are_groups_and_columns_classes() {
        let mut audit = made::audit();
        let values = |value: f64| BTreeMap::from([(Metric::MaeYears, made::interval(value))]);
        let cell = |attribute: &str, group: &str, class: &str, value: f64| ClassError {
            attribute: attribute.into(),
            group: group.into(),
            name: group.into(),
            class: class.into(),
            clips: 9,
            subjects: 6,
            metrics: values(value),
        };
        let class = |code: &str, name: &str, clips: usize| ClassRow {
            code: code.into(),
            name: name.into(),
            clips,
            subjects: clips,
        };
        audit.metrics = values(6.5);
        audit.classes = vec![
            class("1", "young", 18),
            class("2", "old", 18),
            class("3", "nobody", 0),
        ];
        audit.groups.truncate(1);
        audit.groups[0].attribute = "G".into();
        audit.groups[0].group = "a".into();
        audit.groups[0].metrics = values(7.5);
        audit.class_errors = vec![
            cell("", "", "1", 5.0),
            cell("", "", "2", 8.0),
            cell("G", "a", "1", 6.0),
            cell("G", "a", "2", 9.0),
        ];
        let html = section(&audit).unwrap().body.into_string();
        assert!(
            html.contains("best for young: 5.0 years off; worst for old: 8.0 years off."),
            "{html}"
        );
        let order = [
            "young",
            "old",
            "All clips",
            "5.00",
            "4.00 to 6.00",
            "9 of 6",
            "8.00",
            "6.50",
            "6.00",
            "9.00",
            "7.50",
        ];
        let mut rest = &html[html.find("<table").unwrap()..];
        for text in order {
            let at = rest
                .find(text)
                .unwrap_or_else(|| panic!("{text} is not after the others in {html}"));
            rest = &rest[at + text.len()..];
        }
        assert!(!html.contains("nobody"));
    }
}
