//! Gaps between groups, beside what chance alone gives.

use cohort_eval::{Audit, ClassGap, Comparison, Disparity, Measure, Metric, Scheme};

use super::super::estimate::Estimate;
use super::super::figure::{THIRD, figure, folded, grid};
use super::super::layout::Section;
use super::super::table::{Cell, Table};
use super::super::words::{Words, count, fixed, inside, words as as_words};
use super::skill::difference;
use crate::canvas::Style;
use crate::charts::{IntervalChart, IntervalRow, intervals};
use crate::format;

/// The measure and scheme that stand in front: the largest difference, among subjects of the same true group.
const MEASURE: Measure = Measure::MaxMin;
const SCHEMES: [Scheme; 2] = [Scheme::WithinTarget, Scheme::Plain];
/// Metrics that share a scale from 0 to 1, for the picture.
const DRAWN: [Metric; 5] = [
    Metric::Accuracy,
    Metric::BalancedAccuracy,
    Metric::Kappa,
    Metric::QuadraticKappa,
    Metric::WithinOne,
];

pub(in crate::page) fn section(audit: &Audit, words: &Words) -> Option<Section> {
    let gaps = &audit.disparities;
    let classes = &audit.class_gaps;
    if gaps.is_empty() && classes.is_empty() {
        return None;
    }
    let mut section = Section::new("gaps", "Whether gaps are more than chance");
    if super::is_told(audit) {
        section.lead(&words.say(
            "A gap between groups means little until it is held against the gaps that appear when the groups are shuffled \
             among subjects at random. Grey: where 95 of 100 such shuffles end. Dot: the gap that was found.",
        ));
    } else {
        section.lead("No skill: gaps are not interpretable.");
    }
    let mut attributes: Vec<&str> = Vec::new();
    for name in gaps.iter().map(|g| g.attribute.as_str()) {
        if !attributes.contains(&name) {
            attributes.push(name);
        }
    }
    let scheme = scheme_in_front(gaps);
    if let Some(scheme) = scheme {
        let drawn = attributes.iter().filter_map(|attribute| {
            let svg = chart(gaps, attribute, words, &Style::page(THIRD))?;
            Some((*attribute, svg))
        });
        let drawn: Vec<(&str, String)> = drawn.collect();
        grid(&mut section.body, |out| {
            for (attribute, svg) in &drawn {
                figure(out, svg, attribute, "");
            }
        });
        let rows: Vec<&Disparity> = gaps.iter().filter(|g| is(g, scheme)).collect();
        let among = words.say(match scheme {
            Scheme::WithinTarget => {
                "Shuffled among subjects of the same true class, so that no group is blamed for its mix of classes. Bold: \
                 below 0.05 after Holm's correction."
            }
            Scheme::Plain => "Shuffled among all subjects. Bold: below 0.05 after Holm's correction.",
        });
        folded(
            &mut section.body,
            "Largest difference between two groups, in every metric",
            |out| {
                table("", &rows, false, words).write(out);
                out.tag("p").attr("class", "aside").text(&among);
            },
        );
    }
    let others: Vec<&Disparity> = gaps
        .iter()
        .filter(|g| scheme.is_none_or(|s| !is(g, s)))
        .collect();
    if !others.is_empty() {
        folded(&mut section.body, "Every other measure of a gap", |out| {
            table("", &others, true, words).write(out)
        });
    }
    if !classes.is_empty() {
        folded(
            &mut section.body,
            "Equal opportunity and equalised odds, each class against the rest",
            |out| {
                class_table(classes).write(out);
                out.element(
                "p",
                "True positive gap: how much the share of a true class that is right differs between groups. False positive \
                 gap: the same for being named wrongly. Equalised odds: the larger of the two. p: of the largest studentised \
                 difference of a group from the others; Holm: within the family of the findings.",
            );
            },
        );
    }
    section.mentions(["disparity", "p_value", "minimum_detectable"]);
    section.mentions(gaps.iter().map(|g| g.metric.name()));
    Some(section)
}

fn is(gap: &Disparity, scheme: Scheme) -> bool {
    gap.measure == MEASURE && gap.scheme == scheme
}

fn is_drawn(gap: &Disparity) -> bool {
    DRAWN.contains(&gap.metric)
}

fn scheme_in_front(gaps: &[Disparity]) -> Option<Scheme> {
    SCHEMES.into_iter().find(|s| gaps.iter().any(|g| is(g, *s)))
}

/// The gaps of an attribute that share a scale, where there are any.
pub(super) fn chart(
    gaps: &[Disparity],
    attribute: &str,
    words: &Words,
    style: &Style,
) -> Option<String> {
    let scheme = scheme_in_front(gaps)?;
    let own = |gap: &&Disparity| is(gap, scheme) && gap.attribute == attribute;
    let rows: Vec<&Disparity> = gaps.iter().filter(own).collect();
    if !rows.iter().any(|row| is_drawn(row)) {
        return None;
    }
    let shown = rows.iter().filter(|r| is_drawn(r));
    let rows = shown.map(|row| IntervalRow {
        label: words.short(row.metric),
        value: Some(row.observed),
        band: Some((0.0, row.null_p95)),
        colour: Some(usize::from(row.p_holm < 0.05)),
        ..IntervalRow::default()
    });
    let chart = IntervalChart {
        title: format!("Gaps by {attribute} against chance"),
        description: "One row a metric: the gap that was found as a dot, the gaps of random shuffles as a grey band.".into(),
        rows: rows.collect(),
        decimals: 3,
        ..IntervalChart::default()
    };
    Some(intervals(&chart, style))
}

fn table(caption: &str, rows: &[&Disparity], all: bool, words: &Words) -> Table {
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
        let hit = row.p_holm < 0.05;
        let mut cells = vec![
            Cell::from(row.attribute.as_str()),
            words.short(row.metric).into(),
        ];
        if all {
            let among = match row.scheme {
                Scheme::WithinTarget => "within classes",
                Scheme::Plain => "among all",
            };
            cells.extend([as_words(row.measure.name()).into(), among.into()]);
        }
        cells.extend([
            Cell::new(format::fixed(row.observed, 3)),
            format::fixed(row.null_mean, 3).into(),
            format::fixed(row.null_p95, 3).into(),
            format::p_value(row.p_value).into(),
            Cell::new(format::p_value(row.p_holm)).class(if hit { "hit" } else { "" }),
            format::p_value(row.p_bh).into(),
            fixed(row.minimum_detectable, 3).into(),
        ]);
        table.row(cells);
    }
    table
}

fn class_table(rows: &[ClassGap]) -> Table {
    let columns = [
        "attribute",
        "class",
        "true positive gap",
        "p",
        "false positive gap",
        "p",
        "equalised odds",
        "p, Holm",
    ];
    let mut table = Table::new("", 2, columns);
    for row in rows {
        let number = |value| fixed(value, 3);
        let p = |p: Option<f64>| p.map_or_else(|| format::NONE.to_owned(), format::p_value);
        let hit = row.p_holm.is_some_and(|p| p < 0.05);
        table.row([
            Cell::from(row.attribute.as_str()),
            super::named(&row.name, &row.class).into(),
            number(row.true_positive_gap).into(),
            p(row.true_positive_p).into(),
            number(row.false_positive_gap).into(),
            p(row.false_positive_p).into(),
            number(row.equalised_odds).into(),
            Cell::new(p(row.p_holm)).class(if hit { "hit" } else { "" }),
        ]);
    }
    table
}

/// Differences to a second model.
pub(in crate::page) fn comparison(audit: &Audit, words: &Words) -> Option<Section> {
    let comparison = audit.comparison.as_ref()?;
    let mut section = Section::new("comparison", format!("Against {}", comparison.against));
    section.lead(&against(comparison, words));
    section.paragraph(&words.either(
        "This model minus the other, paired and by subject. Coloured where the interval leaves 0 out.",
        "This model minus the other, paired. Coloured where the interval leaves 0 out.",
    ));
    let all = format!("Over all {}", words.items());
    let mut table = Table::new(all, 1, ["metric", "difference"]);
    for (metric, value) in &comparison.metrics {
        table.row([Cell::from(words.title(*metric)), difference(*metric, value)]);
    }
    table.write(&mut section.body);
    let groups = &comparison.groups;
    let shown: Vec<Metric> = comparison
        .metrics
        .keys()
        .copied()
        .filter(|m| groups.iter().any(|g| g.metrics.contains_key(m)))
        .collect();
    if shown.is_empty() {
        return Some(section);
    }
    let columns = ["attribute", "group"].map(str::to_owned);
    let columns = columns
        .into_iter()
        .chain(shown.iter().map(|m| words.short(*m)));
    let mut table = Table::new("By group", 2, columns);
    for group in groups {
        let mut cells = vec![
            Cell::from(group.attribute.as_str()),
            super::named(&group.name, &group.group).into(),
        ];
        cells.extend(shown.iter().map(|m| match group.metrics.get(m) {
            Some(interval) => difference(*m, interval),
            None => Cell::new(format::NONE),
        }));
        table.row(cells);
    }
    table.write(&mut section.body);
    section.mentions(comparison.metrics.keys().map(|metric| metric.name()));
    Some(section)
}

/// Which of the two is better, in words.
fn against(comparison: &Comparison, words: &Words) -> String {
    let metric = [Metric::BalancedAccuracy, Metric::Accuracy]
        .into_iter()
        .find(|metric| comparison.metrics.contains_key(metric));
    let clips = format!(
        "On the {} that both predict ({} only here, {} only there)",
        words.count_items(comparison.clips),
        count(comparison.only_here),
        count(comparison.only_there)
    );
    let Some(metric) = metric else {
        return clips + ".";
    };
    let difference = Estimate::from(&comparison.metrics[&metric]);
    let verdict = match difference.interval {
        Some((low, _)) if low > 0.0 => "this model is better",
        Some((_, high)) if high < 0.0 => "this model is worse",
        _ => "no difference is shown",
    };
    format!(
        "{clips} {verdict}: {} differs by {} ({}).",
        inside(&words.title(metric)),
        difference.signed(3),
        difference.range(3)
    )
}
