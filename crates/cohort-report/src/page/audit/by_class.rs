//! The error of every group of people at every true class, laid out as the tables of NIST's reports on age estimation are:
//! a row a group of people, a column an age class.

use serde_json::Value;

use super::super::figure::folded;
use super::super::layout::Section;
use super::super::metrics;
use super::super::read::{self, Estimate};
use super::super::table::{Cell, Table};
use crate::format;

/// Metrics of the tables; the first that the audit gives stands in front, the others are folded away.
const SHOWN: [&str; 4] = ["mae_years", "mae_groups", "accuracy", "signed_error"];

pub(super) fn section(audit: &Value) -> Option<Section> {
    let cells = read::list(audit, "class_errors");
    let classes: Vec<&Value> = read::list(audit, "classes")
        .iter()
        .filter(|class| read::whole(class, "clips") != Some(0))
        .collect();
    let shown: Vec<&str> = SHOWN
        .into_iter()
        .filter(|metric| cells.iter().any(|cell| cell.get(*metric).is_some()))
        .collect();
    let (first, others) = shown.split_first()?;
    if classes.len() < 2 {
        return None;
    }
    let mut section = Section::new(
        "classes",
        "By age",
        "Where on the scale it errs, and for whom",
    );
    let target = audit.get("settings").and_then(|s| read::text(s, "target"));
    if target != Some("AgeGroup") {
        section.short = "By class";
    }
    section.lead(&lead(audit, first, &classes));
    table(audit, first, &classes, cells).write(&mut section.body);
    section.body.tag("p").attr("class", "aside").text(
        "A row a group of people, a column a true group, as in NIST's reports on age estimation. Small print: the interval by \
         subject, then clips and the subjects they come from. n/e: too few subjects for an interval.",
    );
    for metric in others {
        folded(&mut section.body, &meaning(metric), |out| {
            table(audit, metric, &classes, cells).write(out);
        });
    }
    section.mentions(shown.iter().copied());
    section.mentions(["not_estimable"]);
    Some(section)
}

/// What a table shows, in words.
fn meaning(metric: &str) -> String {
    match metric {
        "mae_years" => "How many years off, on average".into(),
        "mae_groups" => "How many groups off, on average".into(),
        "accuracy" => "Share of clips met".into(),
        "signed_error" => "Guessed too old (above 0) or too young (below 0), in groups".into(),
        other => metrics::name(other),
    }
}

fn lead(audit: &Value, metric: &str, classes: &[&Value]) -> String {
    let unit = match metric {
        "mae_years" => " years off",
        "mae_groups" => " groups off",
        _ => " of clips met",
    };
    let shown = |value: f64| {
        if metric == "accuracy" {
            format::percent(value, 0)
        } else {
            format::fixed(value, 1)
        }
    };
    let of_class = |class: &Value| {
        let row = read::list(audit, "class_errors").iter().find(|row| {
            read::text(row, "attribute").unwrap_or("").is_empty()
                && read::text(row, "class") == read::text(class, "code")
        });
        let estimate = row.and_then(|row| Estimate::at(row, metric));
        estimate
            .filter(|e| e.interval.is_some())
            .and_then(|e| Some((name(class).to_owned(), e.value?)))
    };
    let found: Vec<(String, f64)> = classes.iter().filter_map(|class| of_class(class)).collect();
    let by = |a: &&(String, f64), b: &&(String, f64)| a.1.total_cmp(&b.1);
    let (Some(low), Some(high)) = (found.iter().min_by(by), found.iter().max_by(by)) else {
        return "Too few subjects stand behind each true group to compare them.".into();
    };
    let (best, worst) = if metric == "accuracy" {
        (high, low)
    } else {
        (low, high)
    };
    format!(
        "Among the true groups with enough subjects, best for {}: {}{unit}; worst for {}: {}{unit}. Read down a column to compare groups of people of the \
         same apparent age.",
        best.0,
        shown(best.1),
        worst.0,
        shown(worst.1)
    )
}

fn name(row: &Value) -> &str {
    read::text(row, "name")
        .filter(|name| !name.is_empty())
        .or_else(|| read::text(row, "code"))
        .or_else(|| read::text(row, "group"))
        .unwrap_or("?")
}

fn table(audit: &Value, metric: &str, classes: &[&Value], cells: &[Value]) -> Table {
    let columns = ["group of people".to_owned()]
        .into_iter()
        .chain(classes.iter().map(|class| name(class).to_owned()))
        .chain(["all".to_owned()]);
    let mut table = Table::new(meaning(metric), 1, columns);
    let key = |row: &Value| {
        let text = |key| read::text(row, key).unwrap_or("").to_owned();
        (text("attribute"), text("group"))
    };
    for group in cells.chunk_by(|a, b| key(a) == key(b)) {
        let Some(first) = group.first() else { continue };
        let (attribute, code) = key(first);
        let head = if attribute.is_empty() {
            Cell::from("All clips")
        } else {
            Cell::from(name(first)).note(attribute.clone())
        };
        let mut row = vec![head];
        row.extend(classes.iter().map(|class| {
            let of_class = |cell: &&Value| read::text(cell, "class") == read::text(class, "code");
            group.iter().find(of_class).map_or_else(
                || Cell::new(format::NONE),
                |cell| figure(cell, cell, metric),
            )
        }));
        let nothing = Value::Null;
        row.push(if attribute.is_empty() {
            figure(audit.get("metrics").unwrap_or(&nothing), audit, metric)
        } else {
            let rows = read::list(audit, "groups");
            let whole = rows
                .iter()
                .find(|r| key(r) == (attribute.clone(), code.clone()));
            let whole = whole.unwrap_or(&nothing);
            figure(whole, whole, metric)
        });
        table.marked_row(if attribute.is_empty() { "strong" } else { "" }, row);
    }
    table
}

/// Value and interval of one cell, and the clips and subjects in `counts`.
fn figure(metrics: &Value, counts: &Value, metric: &str) -> Cell {
    let clips = read::whole(counts, "clips").unwrap_or(0);
    let Some(estimate) = Estimate::at(metrics, metric).filter(|_| clips > 0) else {
        return Cell::new(format::NONE).class("empty");
    };
    let range = match estimate.interval {
        Some(_) => estimate.range(2),
        None => "n/e".to_owned(),
    };
    let subjects = read::whole(counts, "subjects").unwrap_or(0);
    Cell::new(estimate.number(2)).note(format!(
        "{range}\n{} of {}",
        format::count(clips),
        format::count(subjects)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_are_groups_and_columns_classes() {
        let estimate =
            |value: f64| json!({"value": value, "low": value - 1.0, "high": value + 1.0});
        let cell = |attribute: &str, group: &str, class: &str, value: f64| {
            json!({
                "attribute": attribute, "group": group, "name": group, "class": class, "clips": 9, "subjects": 6,
                "mae_years": estimate(value)
            })
        };
        let audit = json!({
            "clips": 36, "subjects": 20, "settings": {"target": "AgeGroup"}, "metrics": {"mae_years": estimate(6.5)},
            "classes": [
                {"code": "1", "name": "young", "clips": 18}, {"code": "2", "name": "old", "clips": 18},
                {"code": "3", "name": "nobody", "clips": 0}
            ],
            "groups": [{"attribute": "G", "group": "a", "clips": 18, "subjects": 12, "mae_years": estimate(7.5)}],
            "class_errors": [cell("", "", "1", 5.0), cell("", "", "2", 8.0), cell("G", "a", "1", 6.0), cell("G", "a", "2", 9.0)]
        });
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
