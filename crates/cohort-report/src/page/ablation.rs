//! What each modality adds.

use cohort_eval::{Audit, Interval, Metric};
use cohort_fusion::{Ablation, AblationFigure, AblationRow, Family, SharePart, Shares};

use super::ModelDocument;
use super::estimate::Estimate;
use super::figure::{BESIDE, beside, figure, folded};
use super::layout::Section;
use super::metrics::change_class;
use super::result::model_colour;
use super::table::{Cell, Table};
use super::words::{Words, fixed, inside};
use crate::ReportError;
use crate::canvas::Style;
use crate::charts::{IntervalChart, IntervalRow, StackedChart, StackedRow, intervals, stacked};
use crate::format;

/// Metric that is drawn; all stand in a folded table.
const DRAWN: Metric = Metric::BalancedAccuracy;

/// The audits of the models that an ablation's rows are about: a number that they hold is theirs, wherever it is shown.
pub(super) struct Audited<'a> {
    fused: Option<&'a Audit>,
    models: &'a [ModelDocument],
}

impl<'a> Audited<'a> {
    pub(super) fn new(fused: Option<&'a Audit>, models: &'a [ModelDocument]) -> Self {
        Self { fused, models }
    }

    fn of(&self, row: &AblationRow, ablation: &Ablation) -> Option<&'a Audit> {
        let whole = row.modalities.len() == ablation.modalities.len();
        let name = match row.family {
            Family::Late if row.name == ablation.full => return self.fused,
            Family::Single => row.modalities.first()?.as_str(),
            Family::Joint if whole => "joint",
            _ => return None,
        };
        let model = self.models.iter().find(|model| model.name == name)?;
        model.audit.as_ref()
    }

    /// The interval of a row's value: that of its audit where both are about the same clips and give the same value.
    fn value(&self, row: &AblationRow, figure: &AblationFigure, ablation: &Ablation) -> Interval {
        let same = || {
            let audit = self.of(row, ablation)?;
            let metric = Metric::from_name(&figure.metric)?;
            let of_audit = audit.metrics.get(&metric)?;
            let equal = (of_audit.value()? - figure.value.value()?).abs() < 1e-9;
            (equal && audit.clips == ablation.clips).then(|| of_audit.clone())
        };
        same().unwrap_or_else(|| figure.value.clone())
    }
}

pub(super) fn section(
    ablation: &Ablation,
    audited: &Audited,
    words: &Words,
    name_group: impl Fn(&str, &str) -> String,
) -> Result<Section, ReportError> {
    let mut section = Section::new("ablation", "What each modality adds");
    let shares = &ablation.shares;
    let everyone = shares
        .iter()
        .find(|s| is_everyone(s) && s.metric == DRAWN.name());
    match everyone.and_then(|share| lead(share, words)) {
        Some(lead) => section.lead(&lead),
        None => section.lead(
            &words.say("Every subset of the modalities, fused anew and scored on the same clips."),
        ),
    }
    dots(&mut section, ablation, audited, words);
    let counts = words.counts(ablation.clips, ablation.subjects);
    let summary = format!("Every subset in every metric, {counts}");
    folded(&mut section.body, &summary, |out| {
        rows_table(ablation, audited, words).write(out);
        let said = words.either(
            "Below each value its interval by subject; Δ: the paired difference to the full fusion on the same clips, with its \
             interval. Coloured where the interval leaves 0 out.",
            "Below each value its interval; Δ: the paired difference to the full fusion on the same clips, with its interval. \
             Coloured where the interval leaves 0 out.",
        );
        out.tag("p").attr("class", "aside").text(&said);
    });
    shares_charts(&mut section, shares, words, &name_group)?;
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
fn lead(share: &Shares, words: &Words) -> Option<String> {
    let mut parts: Vec<&SharePart> = share.parts.iter().collect();
    parts.sort_by(|a, b| b.value.total_cmp(&a.value));
    let metric = inside(&words.title_of(&share.metric));
    let skill = share.skill?;
    if skill <= 0.0 {
        return Some(format!(
            "All modalities together gain nothing in {metric} over always naming one class ({}): there is nothing to share out.",
            format::signed(skill, 3)
        ));
    }
    let named: Vec<String> = parts
        .iter()
        .map(|part| match part.share {
            Some(share) => format!("{} {}", part.modality, format::percent(share, 0)),
            None => format!("{} {}", part.modality, format::signed(part.value, 3)),
        })
        .collect();
    Some(format!(
        "All modalities together gain {} in {metric} over always naming one class. Of that gain, shared out fairly: {}.",
        format::fixed(skill, 3),
        named.join(", ")
    ))
}

/// One row a subset: its value, and its difference to the full fusion.
fn dots(section: &mut Section, ablation: &Ablation, audited: &Audited, words: &Words) {
    let of = |row: &AblationRow| {
        let mut figures = row.figures.iter();
        figures.find(|f| f.metric == DRAWN.name()).cloned()
    };
    // of a modality alone its own answers, not their refit
    let shown = |row: &&AblationRow| match row.family {
        Family::Single => true,
        Family::Late => row.modalities.len() > 1,
        _ => false,
    };
    let joint = |row: &AblationRow| {
        let mut all = ablation.rows.iter();
        let same = all.find(|r| r.family == Family::Joint && r.modalities == row.modalities);
        same.and_then(of)
    };
    let mut rows: Vec<&AblationRow> = ablation.rows.iter().filter(shown).collect();
    rows.sort_by_key(|row| row.modalities.len());
    let colour = |row: &AblationRow| match row.family {
        Family::Single => model_colour(&row.modalities.join(""), 5),
        _ => None,
    };
    let (mut values, mut changes) = (Vec::new(), Vec::new());
    let mut has_joint = false;
    for row in rows {
        let Some(figure) = of(row) else { continue };
        let estimate = Estimate::from(&audited.value(row, &figure, ablation));
        let second = joint(row).and_then(|figure| figure.value.value());
        has_joint |= second.is_some();
        values.push(IntervalRow {
            label: row.modalities.join(" + "),
            value: estimate.value,
            interval: estimate.interval,
            second,
            colour: colour(row),
            ..IntervalRow::default()
        });
        if let Some(to_full) = &figure.to_full {
            let change = Estimate::from(to_full);
            changes.push(IntervalRow {
                label: row.modalities.join(" + "),
                value: change.value,
                interval: change.interval,
                colour: colour(row),
                ..IntervalRow::default()
            });
        }
    }
    let title = words.title(DRAWN);
    let first = IntervalChart {
        title: format!("{title} of every subset"),
        description: "One row a subset of the modalities: its late fusion as a dot with its interval, its joint model as an \
                      open dot."
            .into(),
        rows: values,
        decimals: 3,
        ..IntervalChart::default()
    };
    let second = IntervalChart {
        title: format!("{title} of every subset less that of the full fusion"),
        description: words.say("One row a subset of the modalities: its difference to the fusion of all, paired on the same clips."),
        rows: changes,
        reference: Some((0.0, "as the full fusion".into())),
        decimals: 3,
        ..IntervalChart::default()
    };
    let open = if has_joint {
        "Dot: late fusion. Open dot: the joint model of the same modalities."
    } else {
        ""
    };
    beside(&mut section.body, |out| {
        figure(out, &intervals(&first, &Style::page(BESIDE)), &title, open);
        if !second.rows.is_empty() {
            let heading = "Difference to the full fusion";
            figure(out, &intervals(&second, &Style::page(BESIDE)), heading, "");
        }
    });
}

fn rows_table(ablation: &Ablation, audited: &Audited, words: &Words) -> Table {
    let columns = ["model", "kind"]
        .into_iter()
        .map(str::to_owned)
        .chain(ablation.metrics.iter().map(|m| words.short_of(m)));
    let mut table = Table::new("Every subset", 2, columns);
    // always naming one class stands beside the models at the top of the page
    let rows = ablation
        .rows
        .iter()
        .filter(|r| r.family != Family::Baseline);
    for row in rows {
        let class = match row.name == ablation.full {
            true => "strong",
            false => "",
        };
        let note = match row.unanswered {
            0 => String::new(),
            n => format!("{} unanswered", words.count_items(n)),
        };
        let mut cells = vec![Cell::from(row.name.as_str()).note(note), kind(row).into()];
        for metric in &ablation.metrics {
            let figure = row.figures.iter().find(|f| f.metric == *metric);
            let cell = figure.map(|figure| {
                let value = Estimate::from(&audited.value(row, figure, ablation));
                figure_cell(figure, &value)
            });
            cells.push(cell.unwrap_or_else(|| Cell::new(format::NONE)));
        }
        table.marked_row(class, cells);
    }
    table
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
        Family::Reference => "plain weighted sum",
        Family::Joint => "joint",
    }
}

/// The value with its interval and, under it, the difference to the full fusion.
fn figure_cell(figure: &AblationFigure, value: &Estimate) -> Cell {
    let cell = Cell::new(value.number(3));
    let Some(to_full) = &figure.to_full else {
        return cell.note(value.range(3));
    };
    let to_full = Estimate::from(to_full);
    let note = format!(
        "{}\nΔ {}\n{}",
        value.range(3),
        to_full.signed(3),
        to_full.range(3)
    );
    let metric = Metric::from_name(&figure.metric);
    cell.note(note)
        .class(change_class(metric, to_full.interval))
}

fn shares_charts(
    section: &mut Section,
    shares: &[Shares],
    words: &Words,
    name_group: &impl Fn(&str, &str) -> String,
) -> Result<(), ReportError> {
    let late: Vec<&Shares> = shares.iter().filter(|s| is_late(s)).collect();
    if late.is_empty() {
        return Ok(());
    }
    let label = |share: &Shares| match (&share.attribute, &share.group) {
        (Some(attribute), Some(group)) => name_group(attribute, group),
        _ => "everyone".to_owned(),
    };
    let drawn: Vec<&Shares> = late
        .iter()
        .copied()
        .filter(|s| s.metric == DRAWN.name())
        .collect();
    let title = words.title(DRAWN);
    let whole = drawn.iter().find(|s| is_everyone(s) && !s.parts.is_empty());
    let by_group = groups_chart(&title, &drawn, &label)?;
    section.heading("Shapley values");
    section.paragraph(
        "What a modality adds, averaged over all orders in which the modalities can be added. The parts add up to the gain \
         over always naming one class; a part below 0 means that the modality does harm.",
    );
    beside(&mut section.body, |out| {
        if let Some(whole) = whole {
            let svg = parts_chart(&title, whole);
            figure(out, &svg, &format!("{title}, everyone"), "");
        }
        if let Some(svg) = &by_group {
            figure(out, svg, &format!("{title}, by group"), "");
        }
    });
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
                    Cell::new(who.clone()).note(words.counts(share.clips, share.subjects)),
                    words.short_of(&share.metric).into(),
                    part.modality.as_str().into(),
                    Cell::new(value.number(3)).note(value.range(3)),
                    fixed(share.skill, 3).into(),
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
        title: format!("Shapley values in {}", inside(title)),
        description: "One row a modality: what it adds as a dot, its interval as a line.".into(),
        rows: rows.collect(),
        reference: Some((0.0, "adds nothing".into())),
        decimals: 3,
        ..IntervalChart::default()
    };
    intervals(&chart, &Style::page(BESIDE))
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
        title: format!("Shapley values in {} by group", inside(title)),
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
    stacked(&chart, &Style::page(BESIDE)).map(Some)
}
