//! What each modality adds.

use cohort_fusion::{Ablation, AblationFigure, AblationRow, Family, SharePart, Shares};

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
    ablation: &Ablation,
    name_group: impl Fn(&str, &str) -> String,
) -> Result<Section, ReportError> {
    let mut section = Section::new("ablation", "Ablation", "What each modality adds");
    let shares = &ablation.shares;
    let everyone = shares
        .iter()
        .find(|s| is_everyone(s) && s.metric == DRAWN[0]);
    match everyone.and_then(lead) {
        Some(lead) => section.lead(&lead),
        None => {
            section.lead("Every subset of the modalities, fused anew and scored on the same clips.")
        }
    }
    rows_table(&mut section, ablation);
    shares_charts(&mut section, shares, &name_group)?;
    section.mentions(ablation.metrics.iter().map(String::as_str));
    section.mentions(["shapley"]);
    Ok(section)
}

fn is_late(share: &Shares) -> bool {
    share.family == "late"
}

fn is_everyone(share: &Shares) -> bool {
    share.attribute.is_none() && is_late(share)
}

/// The modalities by what they add.
fn lead(share: &Shares) -> Option<String> {
    let mut parts: Vec<&SharePart> = share.parts.iter().collect();
    parts.sort_by(|a, b| b.value.total_cmp(&a.value));
    let metric = metrics::name(&share.metric).to_lowercase();
    let skill = share.skill?;
    let named: Vec<String> = parts
        .iter()
        .map(|part| match part.share {
            Some(share) => format!("{} {}", part.modality, format::percent(share, 0)),
            None => format!("{} {}", part.modality, format::signed(part.value, 3)),
        })
        .collect();
    Some(format!(
        "All modalities together gain {} in {metric} over always saying the most common group. Of that gain, shared out \
         fairly: {}.",
        format::fixed(skill, 3),
        named.join(", ")
    ))
}

fn rows_table(section: &mut Section, ablation: &Ablation) {
    if ablation.rows.is_empty() {
        return;
    }
    let clips = read::of_clips(ablation.clips, ablation.subjects);
    let columns = ["model", "kind"]
        .into_iter()
        .map(str::to_owned)
        .chain(ablation.metrics.iter().map(|m| metrics::short(m)));
    let mut table = Table::new(format!("Every subset: {clips}"), 2, columns);
    for row in &ablation.rows {
        let class = match row.family {
            _ if row.name == ablation.full => "strong",
            Family::Baseline => "faint",
            _ => "",
        };
        let note = match row.unanswered {
            0 => String::new(),
            n => format!("{} unanswered", read::counted(n as u64, "clip")),
        };
        let mut cells = vec![Cell::from(row.name.as_str()).note(note), kind(row).into()];
        for metric in &ablation.metrics {
            let figure = row.figures.iter().find(|f| f.metric == *metric);
            cells.push(figure.map_or_else(|| Cell::new(format::NONE), figure_cell));
        }
        table.marked_row(class, cells);
    }
    table.write(&mut section.body);
    section.body.tag("p").attr("class", "aside").text(
        "Below each value its interval by subject; Δ: the paired difference to the full fusion on the same clips, with its interval. Coloured \
         where the interval leaves 0 out.",
    );
}

fn kind(row: &AblationRow) -> &str {
    if let Some(joint) = &row.joint {
        return joint;
    }
    match row.family {
        Family::Baseline => "baseline",
        Family::Single => "one model",
        Family::Late => "late fusion",
        Family::LateUnchanged => "late fusion, not fitted anew",
        Family::Reference => "reference's sum",
        Family::Joint => "joint",
    }
}

/// The value with its interval and, under it, the difference to the full fusion.
fn figure_cell(figure: &AblationFigure) -> Cell {
    let value = Estimate::from(&figure.value);
    let cell = Cell::new(value.number(3));
    let Some(to_full) = &figure.to_full else {
        return cell.note(value.range(3));
    };
    let to_full = Estimate::from(to_full);
    let change = to_full
        .value
        .map_or_else(|| format::NONE.to_owned(), |v| format::signed(v, 3));
    cell.note(format!(
        "{}\nΔ {change}\n{}",
        value.range(3),
        to_full.range(3)
    ))
    .class(metrics::change_class(&figure.metric, to_full.interval))
}

fn shares_charts(
    section: &mut Section,
    shares: &[Shares],
    name_group: &impl Fn(&str, &str) -> String,
) -> Result<(), ReportError> {
    let late: Vec<&Shares> = shares.iter().filter(|s| is_late(s)).collect();
    if late.is_empty() {
        return Ok(());
    }
    section.heading("What each modality gains (Shapley values)");
    section.paragraph(
        "What a modality adds, averaged over all orders in which the modalities can be added. The parts add up to the gain \
         over the majority baseline; a part below 0 means that the modality does harm.",
    );
    let label = |share: &Shares| match (&share.attribute, &share.group) {
        (Some(attribute), Some(group)) => name_group(attribute, group),
        _ => "everyone".to_owned(),
    };
    let (mut everyone, mut by_group) = (Vec::new(), Vec::new());
    for metric in DRAWN {
        let of_metric: Vec<&Shares> = late
            .iter()
            .copied()
            .filter(|s| s.metric == metric)
            .collect();
        let title = metrics::name(metric);
        let whole = of_metric
            .iter()
            .find(|s| is_everyone(s) && !s.parts.is_empty());
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
            let who = if is_late(share) {
                label(share)
            } else {
                format!("{} ({})", label(share), share.family)
            };
            for part in &share.parts {
                let value = part_estimate(part);
                table.row([
                    Cell::new(who.clone()).note(read::of_clips(share.clips, share.subjects)),
                    metrics::short(&share.metric).into(),
                    part.modality.as_str().into(),
                    Cell::new(value.number(3)).note(value.range(3)),
                    read::fixed(share.skill, 3).into(),
                ]);
            }
        }
        table.write(out);
    });
    Ok(())
}

fn part_estimate(part: &SharePart) -> Estimate {
    Estimate {
        value: Some(part.value),
        interval: part.low.zip(part.high),
        ..Estimate::default()
    }
}

fn parts_chart(title: &str, share: &Shares) -> String {
    let rows = share.parts.iter().enumerate().map(|(i, part)| {
        let name = part.modality.as_str();
        let estimate = part_estimate(part);
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
    shares: &[&Shares],
    label: &impl Fn(&Shares) -> String,
) -> Result<Option<String>, ReportError> {
    let parts: Vec<String> = shares.first().map_or_else(Vec::new, |s| {
        s.parts.iter().map(|p| p.modality.clone()).collect()
    });
    let rows: Vec<StackedRow> = shares
        .iter()
        .filter(|s| s.parts.len() == parts.len() && !parts.is_empty())
        .map(|s| StackedRow {
            label: label(s),
            values: s.parts.iter().map(|p| p.value).collect(),
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
