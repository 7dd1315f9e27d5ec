//! Gaps between groups, beside what chance alone gives.

use serde_json::Value;

use super::super::figure::{figure, folded, grid};
use super::super::layout::Section;
use super::super::metrics;
use super::super::read::{self, Estimate};
use super::super::table::{Cell, Table};
use super::skill::difference;
use crate::ReportError;
use crate::canvas::Style;
use crate::charts::{IntervalChart, IntervalRow, intervals};
use crate::format;

/// The measure and scheme that stand in front: the largest difference, among subjects of the same true group.
const MEASURE: &str = "max_min";
const SCHEMES: [&str; 2] = ["within_target", "plain"];
/// Metrics that share a scale from 0 to 1, for the picture.
const DRAWN: [&str; 5] = [
    "accuracy",
    "balanced_accuracy",
    "kappa",
    "quadratic_kappa",
    "within_one",
];

pub(super) fn section(audit: &Value) -> Result<Option<Section>, ReportError> {
    let gaps = read::list(audit, "disparities");
    let classes = read::list(audit, "class_gaps");
    let comparison = audit.get("comparison").filter(|c| !c.is_null());
    if gaps.is_empty() && classes.is_empty() && comparison.is_none() {
        return Ok(None);
    }
    let mut section = Section::new(
        "gaps",
        "Fairness",
        "Whether gaps between groups are more than chance",
    );
    if super::is_told(audit) {
        section.lead(
            "A gap between groups means little until it is held against the gaps that appear when the groups are shuffled \
             among subjects at random. Grey: where 95 of 100 such shuffles end. Dot: the gap that was found.",
        );
    } else {
        section
            .body
            .tag("p")
            .attr("class", "lead")
            .text("No skill: gaps are not interpretable.");
    }
    let mut attributes: Vec<&str> = Vec::new();
    for name in gaps.iter().filter_map(|g| read::text(g, "attribute")) {
        if !attributes.contains(&name) {
            attributes.push(name);
        }
    }
    let scheme = SCHEMES
        .into_iter()
        .find(|s| gaps.iter().any(|g| is(g, MEASURE, s)));
    if let Some(scheme) = scheme {
        let mut drawn = Vec::new();
        for attribute in &attributes {
            let rows: Vec<&Value> = gaps
                .iter()
                .filter(|g| is(g, MEASURE, scheme) && read::text(g, "attribute") == Some(attribute))
                .collect();
            if rows.iter().any(|r| is_drawn(r)) {
                drawn.push((*attribute, chart(attribute, &rows)));
            }
        }
        grid(&mut section.body, |out| {
            for (attribute, svg) in &drawn {
                figure(out, svg, attribute, "");
            }
        });
        let rows: Vec<&Value> = gaps.iter().filter(|g| is(g, MEASURE, scheme)).collect();
        table("Largest difference between two groups", &rows, false).write(&mut section.body);
        section.body.tag("p").attr("class", "aside").text(if scheme == "within_target" {
            "Shuffled among subjects of the same true group, so that no group is blamed for being older or younger. Bold: \
             below 0.05 after Holm's correction."
        } else {
            "Shuffled among all subjects. Bold: below 0.05 after Holm's correction."
        });
    }
    let others: Vec<&Value> = gaps
        .iter()
        .filter(|g| scheme.is_none_or(|s| !is(g, MEASURE, s)))
        .collect();
    if !others.is_empty() {
        folded(&mut section.body, "Every other measure of a gap", |out| {
            table("", &others, true).write(out)
        });
    }
    if !classes.is_empty() {
        folded(
            &mut section.body,
            "Equal opportunity and equalised odds, each true group against the rest",
            |out| {
                class_table(classes).write(out);
                out.element(
                "p",
                "True positive gap: how much the share of a true group that is met differs between groups of people. False \
                 positive gap: the same for being named wrongly. Equalised odds: the larger of the two. p: of the largest \
                 studentised difference of a group from the others; Holm: within the family of the findings.",
            );
            },
        );
    }
    if let Some(comparison) = comparison {
        compare(&mut section, comparison);
    }
    section.mentions(["disparity", "p_value", "minimum_detectable"]);
    section.mentions(gaps.iter().filter_map(|g| read::text(g, "metric")));
    Ok(Some(section))
}

fn is(gap: &Value, measure: &str, scheme: &str) -> bool {
    read::text(gap, "measure") == Some(measure)
        && read::text(gap, "scheme").unwrap_or("plain") == scheme
}

fn is_drawn(gap: &Value) -> bool {
    read::text(gap, "metric").is_some_and(|m| DRAWN.contains(&m))
}

fn chart(attribute: &str, rows: &[&Value]) -> String {
    let shown = rows.iter().filter(|r| is_drawn(r));
    let rows = shown.map(|row| {
        let found = read::number(row, "observed");
        let end = read::number(row, "null_p95");
        let beyond = read::number(row, "p_holm").is_some_and(|p| p < 0.05);
        IntervalRow {
            label: metrics::short(read::text(row, "metric").unwrap_or("?")),
            value: found,
            band: end.map(|e| (0.0, e)),
            colour: Some(usize::from(beyond)),
            ..IntervalRow::default()
        }
    });
    let chart = IntervalChart {
        title: format!("Gaps by {attribute} against chance"),
        description: "One row a metric: the gap that was found as a dot, the gaps of random shuffles as a grey band.".into(),
        rows: rows.collect(),
        decimals: 3,
        ..IntervalChart::default()
    };
    intervals(&chart, &Style::page(360.0))
}

fn table(caption: &str, rows: &[&Value], all: bool) -> Table {
    let mut columns = vec!["attribute", "metric"];
    if all {
        columns.extend(["measure", "shuffled"]);
    }
    columns.extend([
        "gap",
        "by chance",
        "95 of 100 below",
        "p",
        "p, Holm",
        "p, BH",
        "smallest detectable",
    ]);
    let mut table = Table::new(caption, if all { 4 } else { 2 }, columns);
    for row in rows {
        let number = |key| {
            read::number(row, key).map_or_else(|| format::NONE.to_owned(), |v| format::fixed(v, 3))
        };
        let p =
            |key| read::number(row, key).map_or_else(|| format::NONE.to_owned(), format::p_value);
        let hit = read::number(row, "p_holm").is_some_and(|p| p < 0.05);
        let metric = metrics::short(read::text(row, "metric").unwrap_or("?"));
        let mut cells = vec![
            Cell::from(read::text(row, "attribute").unwrap_or("?")),
            metric.into(),
        ];
        if all {
            let plain = match read::text(row, "scheme") {
                Some("within_target") => "within true groups",
                _ => "among all",
            };
            cells.extend([
                read::words(read::text(row, "measure").unwrap_or("?")).into(),
                plain.into(),
            ]);
        }
        cells.extend([
            Cell::new(number("observed")),
            number("null_mean").into(),
            number("null_p95").into(),
            p("p_value").into(),
            Cell::new(p("p_holm")).class(if hit { "hit" } else { "" }),
            p("p_bh").into(),
            number("minimum_detectable").into(),
        ]);
        table.row(cells);
    }
    table
}

fn class_table(rows: &[Value]) -> Table {
    let columns = [
        "attribute",
        "true group",
        "true positive gap",
        "p",
        "false positive gap",
        "p",
        "equalised odds",
        "p, Holm",
    ];
    let mut table = Table::new("", 2, columns);
    for row in rows {
        let number = |key| {
            read::number(row, key).map_or_else(|| format::NONE.to_owned(), |v| format::fixed(v, 3))
        };
        let p =
            |key| read::number(row, key).map_or_else(|| format::NONE.to_owned(), format::p_value);
        let hit = read::number(row, "p_holm").is_some_and(|p| p < 0.05);
        let class = read::text(row, "name")
            .or_else(|| read::text(row, "class"))
            .unwrap_or("?");
        table.row([
            Cell::from(read::text(row, "attribute").unwrap_or("?")),
            class.into(),
            number("true_positive_gap").into(),
            p("true_positive_p").into(),
            number("false_positive_gap").into(),
            p("false_positive_p").into(),
            number("equalised_odds").into(),
            Cell::new(p("p_holm")).class(if hit { "hit" } else { "" }),
        ]);
    }
    table
}

/// Differences to a second model.
fn compare(section: &mut Section, comparison: &Value) {
    let against = read::text(comparison, "against").unwrap_or("the other model");
    section.heading(&format!("Against {against}"));
    let count = |key| read::whole(comparison, key).unwrap_or(0);
    section.paragraph(&format!(
        "This model minus the other, on the {} that both predict ({} only here, {} only there), paired and by subject. \
         Coloured where the interval leaves 0 out.",
        read::counted(count("clips"), "clip"),
        format::count(count("only_here")),
        format::count(count("only_there"))
    ));
    let all = read::entries(comparison, "metrics");
    let mut table = Table::new("Over all clips", 1, ["metric", "difference"]);
    for (metric, value) in &all {
        table.row([
            Cell::from(metrics::name(metric)),
            difference(metric, &Estimate::new(value)),
        ]);
    }
    table.write(&mut section.body);
    let groups = read::list(comparison, "groups");
    let shown: Vec<&str> = all
        .iter()
        .map(|m| m.0)
        .filter(|m| groups.iter().any(|g| g.get(*m).is_some()))
        .collect();
    if shown.is_empty() {
        return;
    }
    let columns = ["attribute".to_owned(), "group".to_owned()]
        .into_iter()
        .chain(shown.iter().map(|m| metrics::short(m)));
    let mut table = Table::new("By group", 2, columns);
    for group in groups {
        let name = read::text(group, "name")
            .or_else(|| read::text(group, "group"))
            .unwrap_or("?");
        let mut cells = vec![
            Cell::from(read::text(group, "attribute").unwrap_or("?")),
            name.into(),
        ];
        cells.extend(shown.iter().map(|m| match Estimate::at(group, m) {
            Some(estimate) => difference(m, &estimate),
            None => Cell::new(format::NONE),
        }));
        table.row(cells);
    }
    table.write(&mut section.body);
}
