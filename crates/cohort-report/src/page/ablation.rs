//! What each modality adds.

use serde_json::Value;

use super::figure::{figure, folded, grid};
use super::headline::model_colour;
use super::layout::Section;
use super::metrics;
use super::read::{self, Estimate};
use super::table::{Cell, Table};
use crate::ReportError;
use crate::canvas::Style;
use crate::charts::{IntervalChart, IntervalRow, StackedChart, StackedRow, intervals, stacked};
use crate::format;

/// Metrics whose Shapley shares are drawn; the others stand in a folded table.
const DRAWN: [&str; 2] = ["balanced_accuracy", "quadratic_kappa"];

pub(super) fn section(
    ablation: &Value,
    name_group: impl Fn(&str, &str) -> String,
) -> Result<Section, ReportError> {
    let mut section = Section::new("ablation", "Ablation", "What each modality adds");
    let shares = read::list(ablation, "shares");
    let everyone = shares
        .iter()
        .find(|s| is_everyone(s) && read::text(s, "metric") == Some(DRAWN[0]));
    match everyone.and_then(lead) {
        Some(lead) => section.lead(&lead),
        None => {
            section.lead("Every subset of the modalities, fused anew and scored on the same clips.")
        }
    }
    let metrics: Vec<String> = read::names(ablation, "metrics");
    let rows = read::list(ablation, "rows");
    rows_table(&mut section, ablation, rows, &metrics);
    shares_charts(&mut section, shares, &name_group)?;
    section.mentions(metrics);
    section.mentions(["shapley"]);
    Ok(section)
}

fn is_everyone(share: &Value) -> bool {
    share.get("attribute").is_none_or(Value::is_null)
        && read::text(share, "family").unwrap_or("late") == "late"
}

/// The modalities by what they add.
fn lead(share: &Value) -> Option<String> {
    let mut parts: Vec<(&str, f64, Option<f64>)> = read::list(share, "parts")
        .iter()
        .filter_map(|p| {
            Some((
                read::text(p, "modality")?,
                read::number(p, "value")?,
                read::number(p, "share"),
            ))
        })
        .collect();
    parts.sort_by(|a, b| b.1.total_cmp(&a.1));
    let metric = metrics::name(read::text(share, "metric")?).to_lowercase();
    let skill = read::number(share, "skill")?;
    let named: Vec<String> = parts
        .iter()
        .map(|(name, value, share)| match share {
            Some(share) => format!("{name} {}", format::percent(*share, 0)),
            None => format!("{name} {}", format::signed(*value, 3)),
        })
        .collect();
    Some(format!(
        "All modalities together gain {} in {metric} over always saying the most common group. Of that gain, shared out \
         fairly: {}.",
        format::fixed(skill, 3),
        named.join(", ")
    ))
}

fn rows_table(section: &mut Section, ablation: &Value, rows: &[Value], names: &[String]) {
    if rows.is_empty() {
        return;
    }
    let caption = format!("Every subset: {}", read::clips_and_subjects(ablation));
    let columns = ["model", "kind"]
        .into_iter()
        .map(str::to_owned)
        .chain(names.iter().map(|m| metrics::short(m)));
    let mut table = Table::new(caption, 2, columns);
    let full = read::text(ablation, "full");
    for row in rows {
        let family = read::text(row, "family").unwrap_or("");
        let is_full = full.is_some() && read::text(row, "name") == full;
        let class = match family {
            _ if is_full => "strong",
            "baseline" => "faint",
            _ => "",
        };
        let kind = read::text(row, "joint").map_or_else(|| kind(family).to_owned(), str::to_owned);
        let unanswered = read::whole(row, "unanswered").filter(|n| *n > 0);
        let note = unanswered.map_or_else(String::new, |n| {
            format!("{} unanswered", read::counted(n, "clip"))
        });
        let mut cells = vec![
            Cell::from(read::text(row, "name").unwrap_or("?")).note(note),
            kind.into(),
        ];
        for metric in names {
            let figure = read::list(row, "figures")
                .iter()
                .find(|f| read::text(f, "metric") == Some(metric));
            cells.push(figure.map_or_else(|| Cell::new(format::NONE), |f| figure_cell(metric, f)));
        }
        table.marked_row(class, cells);
    }
    table.write(&mut section.body);
    section.body.tag("p").attr("class", "aside").text(
        "Below each value its interval by subject; Δ: the paired difference to the full fusion on the same clips, with its interval. Coloured \
         where the interval leaves 0 out.",
    );
}

fn kind(family: &str) -> &str {
    match family {
        "baseline" => "baseline",
        "single" => "one model",
        "late" => "late fusion",
        "late_unchanged" => "late fusion, not fitted anew",
        "reference" => "reference's sum",
        other => other,
    }
}

/// The value with its interval and, under it, the difference to the full fusion.
fn figure_cell(metric: &str, figure: &Value) -> Cell {
    let value = Estimate::at(figure, "value").unwrap_or_default();
    let cell = Cell::new(value.number(3));
    let Some(to_full) = Estimate::at(figure, "to_full") else {
        return cell.note(value.range(3));
    };
    let change = to_full
        .value
        .map_or_else(|| format::NONE.to_owned(), |v| format::signed(v, 3));
    cell.note(format!(
        "{}\nΔ {change}\n{}",
        value.range(3),
        to_full.range(3)
    ))
    .class(metrics::change_class(metric, to_full.interval))
}

fn shares_charts(
    section: &mut Section,
    shares: &[Value],
    name_group: &impl Fn(&str, &str) -> String,
) -> Result<(), ReportError> {
    let late: Vec<&Value> = shares
        .iter()
        .filter(|s| read::text(s, "family").unwrap_or("late") == "late")
        .collect();
    if late.is_empty() {
        return Ok(());
    }
    section.heading("What each modality gains (Shapley values)");
    section.paragraph(
        "What a modality adds, averaged over all orders in which the modalities can be added. The parts add up to the gain \
         over the majority baseline; a part below 0 means that the modality does harm.",
    );
    let label = |share: &Value| match (read::text(share, "attribute"), read::text(share, "group")) {
        (Some(attribute), Some(group)) => name_group(attribute, group),
        _ => "everyone".to_owned(),
    };
    let (mut everyone, mut by_group) = (Vec::new(), Vec::new());
    for metric in DRAWN {
        let of_metric: Vec<&Value> = late
            .iter()
            .copied()
            .filter(|s| read::text(s, "metric") == Some(metric))
            .collect();
        let title = metrics::name(metric);
        let whole = of_metric
            .iter()
            .find(|s| is_everyone(s) && !read::list(s, "parts").is_empty());
        if let Some(whole) = whole {
            everyone.push((format!("{title}, everyone"), parts_chart(&title, whole)));
        }
        if let Some(svg) = groups_chart(&title, &of_metric, &label)? {
            by_group.push((format!("{title}, by group"), svg));
        }
    }
    for drawn in [everyone, by_group] {
        grid(&mut section.body, |out| {
            for (heading, svg) in &drawn {
                figure(out, svg, heading, "");
            }
        });
    }
    folded(&mut section.body, "All gains, with intervals", |out| {
        let mut table = Table::new("", 3, ["who", "metric", "modality", "adds", "of a gain of"]);
        for share in shares {
            let family = read::text(share, "family").unwrap_or("late");
            let who = if family == "late" {
                label(share)
            } else {
                format!("{} ({family})", label(share))
            };
            let metric = metrics::short(read::text(share, "metric").unwrap_or("?"));
            for part in read::list(share, "parts") {
                let value = Estimate::new(part);
                let skill = read::number(share, "skill")
                    .map_or_else(|| format::NONE.to_owned(), |s| format::fixed(s, 3));
                table.row([
                    Cell::new(who.clone()).note(read::clips_and_subjects(share)),
                    metric.clone().into(),
                    read::text(part, "modality").unwrap_or("?").into(),
                    Cell::new(value.number(3)).note(value.range(3)),
                    skill.into(),
                ]);
            }
        }
        table.write(out);
    });
    Ok(())
}

fn parts_chart(title: &str, share: &Value) -> String {
    let rows = read::list(share, "parts")
        .iter()
        .enumerate()
        .map(|(i, part)| {
            let name = read::text(part, "modality").unwrap_or("?");
            let estimate = Estimate::new(part);
            IntervalRow {
                label: name.to_owned(),
                value: estimate.value,
                interval: estimate.interval,
                colour: model_colour(name, i),
                ..IntervalRow::default()
            }
        });
    let chart = IntervalChart {
        title: format!("Shapley values in {}", title.to_lowercase()),
        description:
            "One row a modality: what it adds as a dot, the interval by subject as a line.".into(),
        rows: rows.collect(),
        reference: Some((0.0, "adds nothing".into())),
        decimals: 3,
        ..IntervalChart::default()
    };
    intervals(&chart, &Style::page(340.0))
}

fn groups_chart(
    title: &str,
    shares: &[&Value],
    label: &impl Fn(&Value) -> String,
) -> Result<Option<String>, ReportError> {
    let parts: Vec<String> = shares.first().map_or_else(Vec::new, |s| {
        read::list(s, "parts")
            .iter()
            .filter_map(|p| read::text(p, "modality"))
            .map(str::to_owned)
            .collect()
    });
    let rows: Vec<StackedRow> = shares
        .iter()
        .filter(|s| read::list(s, "parts").len() == parts.len() && !parts.is_empty())
        .map(|s| StackedRow {
            label: label(s),
            values: read::list(s, "parts")
                .iter()
                .map(|p| read::number(p, "value").unwrap_or(f64::NAN))
                .collect(),
        })
        .collect();
    if rows.len() < 2 {
        return Ok(None);
    }
    let chart = StackedChart {
        title: format!("Shapley values in {} by group", title.to_lowercase()),
        description:
            "One bar a group, cut into what each modality adds; what does harm lies left of zero."
                .into(),
        colours: parts
            .iter()
            .enumerate()
            .map(|(i, p)| model_colour(p, i).unwrap_or(i))
            .collect(),
        parts,
        rows,
        decimals: 2,
        ..StackedChart::default()
    };
    stacked(&chart, &Style::page(400.0)).map(Some)
}
