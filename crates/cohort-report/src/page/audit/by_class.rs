//! The error of every group at every true class, laid out as the tables of NIST's reports on age estimation are: a row a
//! group, a column a class.

use std::collections::BTreeMap;

use cohort_eval::{Audit, ClassError, ClassRow, Interval, Metric};

use super::super::estimate::Estimate;
use super::super::figure::{THIRD, figure, folded, grid};
use super::super::layout::Section;
use super::super::table::{Cell, Table};
use super::super::words::Words;
use crate::canvas::Style;
use crate::charts::{LineChart, LineSeries, lines};
use crate::format;

/// Metrics of the tables; the first that the audit gives stands in front, the others are folded away.
const SHOWN: [Metric; 4] = [
    Metric::MaeYears,
    Metric::MaeGroups,
    Metric::Accuracy,
    Metric::SignedError,
];
/// Most classes that are drawn; the tables hold all.
const MOST_DRAWN: usize = 12;

pub(in crate::page) fn section(audit: &Audit, words: &Words) -> Option<Section> {
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
    let ordered = shown.contains(&Metric::MaeGroups);
    let title = match ordered {
        true => "Where on the scale it errs, and for whom",
        false => "Which classes it errs on, and for whom",
    };
    let mut section = Section::new("classes", title);
    section.lead(&lead(audit, *first, &classes, words));
    charts(&mut section, audit, &classes, words);
    let said = words.either(
        "A row a group, a column a true class. Small print: the interval by subject, then clips and the subjects they come \
         from. n/e: too few subjects for an interval.",
        "A row a group, a column a true class. Small print: the interval, then clips. n/e: too few clips for an interval.",
    );
    for metric in std::iter::once(first).chain(others) {
        folded(&mut section.body, &meaning(*metric, words), |out| {
            table(audit, *metric, &classes, words).write(out);
            out.tag("p").attr("class", "aside").text(&said);
        });
    }
    section.mentions(shown.iter().map(|metric| metric.name()));
    section.mentions(["not_estimable"]);
    Some(section)
}

/// What a table shows, in words.
fn meaning(metric: Metric, words: &Words) -> String {
    match metric {
        Metric::MaeYears if words.ages => "How many years off, on average".into(),
        Metric::MaeYears => format!(
            "How far off on the scale, on average: {}",
            words.title(metric)
        ),
        Metric::MaeGroups => "How many classes off, on average".into(),
        Metric::Accuracy => format!("Share of the {} that is right", words.items()),
        Metric::SignedError if words.ages => {
            "Guessed too old (above 0) or too young (below 0), in classes".into()
        }
        Metric::SignedError => "Guessed too high (above 0) or too low (below 0), in classes".into(),
        other => words.title(other),
    }
}

fn lead(audit: &Audit, metric: Metric, classes: &[&ClassRow], words: &Words) -> String {
    let unit = match metric {
        Metric::MaeYears if words.ages => " years off".to_owned(),
        Metric::MaeYears => " off".to_owned(),
        Metric::MaeGroups => " classes off".to_owned(),
        _ => " right".to_owned(),
    };
    let shown = |value: f64| {
        if metric == Metric::Accuracy {
            format::percent(value, 0)
        } else {
            format::fixed(value, 1)
        }
    };
    let of_class = |class: &&ClassRow| {
        let mut rows = audit.class_errors.iter();
        let row = rows.find(|row| row.attribute.is_empty() && row.class == class.code)?;
        let estimate = row.metrics.get(&metric)?.estimate()?;
        Some((
            super::named(&class.name, &class.code).to_owned(),
            estimate.value,
        ))
    };
    let found: Vec<(String, f64)> = classes.iter().filter_map(of_class).collect();
    let by = |a: &&(String, f64), b: &&(String, f64)| a.1.total_cmp(&b.1);
    let (Some(low), Some(high)) = (found.iter().min_by(by), found.iter().max_by(by)) else {
        return words.say("Too few subjects stand behind each true class to compare them.");
    };
    let read = match words.ages {
        true => " Read down a column to compare groups of people of the same apparent age.",
        false => " Read down a column to compare groups within one true class.",
    };
    if found.len() < 2 {
        return words.say("Too few subjects stand behind all classes but one to compare them.");
    }
    if low.1 == high.1 {
        return format!("Alike for every class: {}{unit}.{read}", shown(low.1));
    }
    let (best, worst) = if metric == Metric::Accuracy {
        (high, low)
    } else {
        (low, high)
    };
    format!(
        "Best for {}: {}{unit}; worst for {}: {}{unit}.{read}",
        best.0,
        shown(best.1),
        worst.0,
        shown(worst.1)
    )
}

/// Share that is right by true class, a point a group that has a number.
fn charts(section: &mut Section, audit: &Audit, classes: &[&ClassRow], words: &Words) {
    if classes.len() > MOST_DRAWN {
        return;
    }
    let mut attributes: Vec<&str> = Vec::new();
    for row in &audit.class_errors {
        if !attributes.contains(&row.attribute.as_str()) {
            attributes.push(&row.attribute);
        }
    }
    grid(&mut section.body, |out| {
        for attribute in attributes {
            let rows = || {
                audit
                    .class_errors
                    .iter()
                    .filter(|r| r.attribute == attribute)
            };
            let mut series: Vec<(String, LineSeries)> = Vec::new();
            for row in rows() {
                let estimate = row.metrics.get(&Metric::Accuracy).map(Estimate::from);
                let place = classes.iter().position(|class| class.code == row.class);
                let (Some(estimate), Some(place)) = (estimate, place) else {
                    continue;
                };
                let (Some(value), Some(ends)) = (estimate.value, estimate.interval) else {
                    continue;
                };
                let known = series.iter().position(|(group, _)| *group == row.group);
                let at = known.unwrap_or_else(|| {
                    let name = match row.attribute.as_str() {
                        "" => format!("all {}", words.items()),
                        _ => super::named(&row.name, &row.group).to_owned(),
                    };
                    let colour = series.len();
                    let new = LineSeries {
                        name,
                        colour,
                        ..LineSeries::default()
                    };
                    series.push((row.group.clone(), new));
                    series.len() - 1
                });
                series[at].1.points.push((place as f64, value));
                series[at].1.band.push(ends);
            }
            if series.is_empty() {
                continue;
            }
            let heading = match attribute {
                "" => format!("All {}", words.items()),
                name => name.to_owned(),
            };
            let chart = LineChart {
                title: format!("Share right by true class, {heading}"),
                description: "A point a group and true class with its interval; groups with too few of a class have none.".into(),
                y_label: "share right".into(),
                y_range: Some((0.0, 1.0)),
                categories: classes.iter().map(|c| super::named(&c.name, &c.code).to_owned()).collect(),
                series: series.into_iter().map(|(_, series)| series).collect(),
                whiskers: true,
                ..LineChart::default()
            };
            figure(out, &lines(&chart, &Style::page(THIRD)), &heading, "");
        }
    });
}

fn table(audit: &Audit, metric: Metric, classes: &[&ClassRow], words: &Words) -> Table {
    let columns = ["group".to_owned()]
        .into_iter()
        .chain(
            classes
                .iter()
                .map(|c| super::named(&c.name, &c.code).to_owned()),
        )
        .chain(["all".to_owned()]);
    let mut table = Table::new("", 1, columns);
    let key = |row: &ClassError| (row.attribute.clone(), row.group.clone());
    let figure =
        |metrics: &BTreeMap<Metric, Interval>, counts| cell(metrics, metric, counts, words);
    for group in audit.class_errors.chunk_by(|a, b| key(a) == key(b)) {
        let first = &group[0];
        let head = if first.attribute.is_empty() {
            Cell::from(format!("All {}", words.items()))
        } else {
            Cell::from(super::named(&first.name, &first.group)).note(first.attribute.clone())
        };
        let mut row = vec![head];
        row.extend(classes.iter().map(|class| {
            let cell = group.iter().find(|cell| cell.class == class.code);
            cell.map_or_else(
                || Cell::new(format::NONE),
                |cell| figure(&cell.metrics, (cell.clips, cell.subjects)),
            )
        }));
        row.push(if first.attribute.is_empty() {
            figure(&audit.metrics, (audit.clips, audit.subjects))
        } else {
            let mut rows = audit.groups.iter();
            let whole = rows.find(|r| r.attribute == first.attribute && r.group == first.group);
            whole.map_or_else(
                || Cell::new(format::NONE).class("empty"),
                |whole| figure(&whole.metrics, (whole.clips, whole.subjects)),
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
fn cell(
    metrics: &BTreeMap<Metric, Interval>,
    metric: Metric,
    (clips, subjects): (usize, usize),
    words: &Words,
) -> Cell {
    let Some(interval) = metrics.get(&metric).filter(|_| clips > 0) else {
        return Cell::new(format::NONE).class("empty");
    };
    let estimate = Estimate::from(interval);
    let range = match estimate.interval {
        Some(_) => estimate.range(2),
        None => "n/e".to_owned(),
    };
    let counts = words.count_cells(clips, subjects).join(" of ");
    Cell::new(estimate.number(2)).note(format!("{range}\n{counts}"))
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
        let words = Words {
            ages: true,
            ..Words::default()
        };
        let html = section(&audit, &words).unwrap().body.into_string();
        assert!(
            html.contains("Best for young: 5.0 years off; worst for old: 8.0 years off."),
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
