//! Every class against all others: how often it is met and named, and the curves of its probability.

use cohort_eval::{Audit, ClassCurves, ClassScores, Interval};

use super::super::estimate::Estimate;
use super::super::figure::{BESIDE, THIRD, figure, folded, folded_on_paper, grid, wide_figure};
use super::super::layout::Section;
use super::super::table::{Cell, Table};
use super::super::words::Words;
use crate::ReportError;
use crate::canvas::Style;
use crate::charts::{HeatMap, LineChart, LineSeries, heatmap, lines};
use crate::format;
use crate::markup::Markup;

/// Most curves in one picture, as many as the palette has colours.
const TOGETHER: usize = 6;
/// Most classes whose curves are drawn; the tables hold all.
const MOST_DRAWN: usize = 36;
/// Most classes of a picture of the matrix.
const MOST_IN_MATRIX: usize = 25;
/// Widest picture of the matrix.
const WIDEST_MATRIX: f64 = 920.0;

pub(in crate::page) fn section(
    audit: &Audit,
    words: &Words,
) -> Result<Option<Section>, ReportError> {
    let Some(curves) = &audit.class_curves else {
        return Ok(None);
    };
    let classes: Vec<&ClassScores> = curves.classes.iter().filter(|c| c.clips > 0).collect();
    if classes.len() < 2 {
        return Ok(None);
    }
    let mut section = Section::new("curves", "How well each class is told from all others");
    section.lead(&lead(curves, &classes, words));
    matrix(&mut section, audit, curves, words)?;
    let chance = words.either(
        "Small print: intervals by subject. Chance: 0.5 for the area under the ROC curve; for average precision the share of \
         clips that are of the class. Macro recall is the balanced accuracy; a class that is never named counts with \
         precision 0 in the macro precision.",
        "Small print: intervals. Chance: 0.5 for the area under the ROC curve; for average precision the share of clips that \
         are of the class. Macro recall is the balanced accuracy; a class that is never named counts with precision 0 in the \
         macro precision.",
    );
    folded(
        &mut section.body,
        "Precision, recall and areas of every class",
        |out| {
            table(curves, words).write(out);
            out.tag("p").attr("class", "aside").text(&chance);
        },
    );
    folded(
        &mut section.body,
        "ROC and precision-recall curves",
        |out| {
            drawn(out, curves, &classes, words);
        },
    );
    section.mentions([
        "precision_recall",
        "macro_precision",
        "macro_f1",
        "balanced_accuracy",
    ]);
    if curves.macro_auc.is_some() {
        section.mentions(["auc", "average_precision"]);
    }
    Ok(Some(section))
}

fn lead(curves: &ClassCurves, classes: &[&ClassScores], words: &Words) -> String {
    let estimated = |of: fn(&ClassScores) -> Option<&Interval>| -> Vec<(&str, f64)> {
        let found = classes.iter().filter_map(|class| {
            let estimate = of(class)?.estimate()?;
            Some((super::named(&class.name, &class.class), estimate.value))
        });
        found.collect()
    };
    let (found, what, mean) = match &curves.macro_auc {
        Some(auc) => (
            estimated(|c| c.auc.as_ref()),
            "area under the ROC curve",
            auc,
        ),
        None => (estimated(|c| Some(&c.f1)), "F1", &curves.macro_f1),
    };
    let by = |a: &&(&str, f64), b: &&(&str, f64)| a.1.total_cmp(&b.1);
    let (Some(least), Some(most)) = (found.iter().min_by(by), found.iter().max_by(by)) else {
        return words
            .say("No class has an interval: too few subjects stand behind it, or none is wrong.");
    };
    if found.len() < 2 {
        return words.say("Too few subjects stand behind all classes but one to compare them.");
    }
    if least.1 == most.1 {
        return format!("Every class alike: {what} {}.", format::fixed(most.1, 3));
    }
    format!(
        "Told best from the others: {} ({what} {}); worst: {} ({}). Mean over the classes: {}.",
        most.0,
        format::fixed(most.1, 3),
        least.0,
        format::fixed(least.1, 3),
        Estimate::from(mean).number(3)
    )
}

fn table(curves: &ClassCurves, words: &Words) -> Table {
    let ranked = curves.macro_auc.is_some();
    let mut columns = vec!["class".to_owned()];
    columns.extend(words.count_columns());
    columns.extend(["precision", "recall", "F1"].map(str::to_owned));
    if ranked {
        columns.extend(["ROC area", "average precision", "its chance level"].map(str::to_owned));
    }
    let mut table = Table::new("", 1, columns);
    let cell = |interval: Option<&Interval>| match interval {
        Some(interval) => {
            let estimate = Estimate::from(interval);
            Cell::new(estimate.number(3)).note(estimate.range(3))
        }
        None => Cell::new(format::NONE),
    };
    for class in &curves.classes {
        let mut cells = vec![Cell::from(super::named(&class.name, &class.class))];
        let counts = words.count_cells(class.clips, class.subjects);
        cells.extend(counts.into_iter().map(Cell::from));
        cells.extend([
            cell(Some(&class.precision)),
            cell(Some(&class.recall)),
            cell(Some(&class.f1)),
        ]);
        if ranked {
            cells.extend([
                cell(class.auc.as_ref()),
                cell(class.average_precision.as_ref()),
                format::fixed(class.prevalence, 3).into(),
            ]);
        }
        table.row(cells);
    }
    let mut cells = vec![Cell::from("macro average")];
    cells.extend(
        words
            .count_columns()
            .iter()
            .map(|_| Cell::new(format::NONE)),
    );
    cells.extend([
        cell(Some(&curves.macro_precision)),
        cell(Some(&curves.macro_recall)),
        cell(Some(&curves.macro_f1)),
    ]);
    if ranked {
        cells.extend([
            cell(curves.macro_auc.as_ref()),
            cell(curves.macro_average_precision.as_ref()),
            format::fixed(curves.macro_prevalence, 3).into(),
        ]);
    }
    table.marked_row("strong", cells);
    table
}

/// The confusion matrix divided by its rows, with intervals.
fn matrix(
    section: &mut Section,
    audit: &Audit,
    curves: &ClassCurves,
    words: &Words,
) -> Result<(), ReportError> {
    let names: Vec<String> = curves
        .classes
        .iter()
        .map(|c| super::named(&c.name, &c.class).to_owned())
        .collect();
    let wanted = names.len() <= MOST_IN_MATRIX;
    let whole = audit.confusion.iter().find(|c| c.attribute.is_empty());
    if let Some(whole) = whole.filter(|_| wanted) {
        let row = |row: &Vec<usize>| row.iter().map(|count| *count as f64).collect();
        let chart = HeatMap {
            title: "Confusion matrix".into(),
            description:
                "Rows are true classes, columns predicted ones; shaded by the share of the row."
                    .into(),
            row_label: "true".into(),
            column_label: "predicted".into(),
            rows: names.clone(),
            columns: names.clone(),
            counts: whole.counts.iter().map(row).collect(),
        };
        let caption = words.say("Confusion matrix: clips, and their share of the row.");
        // seven classes fit a phone, more of them scroll there
        let width = (90.0 + 46.0 * names.len() as f64).clamp(BESIDE, WIDEST_MATRIX);
        let svg = heatmap(&chart, &Style::page(width))?;
        wide_figure(&mut section.body, &svg, "Confusion matrix", &caption);
    }
    if curves.shares.is_empty() {
        return Ok(());
    }
    let title = words.either(
        "The confusion matrix divided by its rows, with intervals by subject",
        "The confusion matrix divided by its rows, with intervals",
    );
    let write = |out: &mut Markup| {
        let columns = std::iter::once("true".to_owned()).chain(names.iter().cloned());
        let mut table = Table::new("", 1, columns);
        for (name, row) in names.iter().zip(&curves.shares) {
            let cells = row.iter().map(|share| {
                let share = Estimate::from(share);
                Cell::new(share.number(3)).note(share.range(3))
            });
            table.row(std::iter::once(Cell::from(name.as_str())).chain(cells));
        }
        table.write(out);
    };
    match wanted {
        true => folded(&mut section.body, &title, write),
        false => folded_on_paper(&mut section.body, &title, write),
    }
    Ok(())
}

/// ROC and precision-recall curves, a few classes a picture.
fn drawn(out: &mut Markup, curves: &ClassCurves, classes: &[&ClassScores], words: &Words) {
    let ranked: Vec<&&ClassScores> = classes.iter().filter(|c| c.roc.is_some()).collect();
    if ranked.is_empty() {
        return;
    }
    let mut thinned = false;
    grid(out, |out| {
        for together in ranked[..ranked.len().min(MOST_DRAWN)].chunks(TOGETHER) {
            let of = |points: &dyn Fn(&ClassScores) -> Vec<(f64, f64)>| -> Vec<LineSeries> {
                let series = together
                    .iter()
                    .enumerate()
                    .map(|(colour, class)| LineSeries {
                        name: super::named(&class.name, &class.class).to_owned(),
                        points: points(class),
                        colour,
                        ..LineSeries::default()
                    });
                series.collect()
            };
            let mut roc = of(&|class| {
                let curve = class.roc.as_ref().map(|curve| curve.points.iter());
                let points = curve.into_iter().flatten();
                points
                    .map(|p| (p.false_positive_rate, p.true_positive_rate))
                    .collect()
            });
            roc.push(LineSeries {
                name: "chance".into(),
                points: vec![(0.0, 0.0), (1.0, 1.0)],
                dashed: true,
                colour: 5,
                ..LineSeries::default()
            });
            let precision_recall = of(&|class| {
                let curve = class
                    .precision_recall
                    .as_ref()
                    .map(|curve| curve.points.iter());
                let points = curve.into_iter().flatten();
                points.map(|p| (p.recall, p.precision)).collect()
            });
            for (title, description, labels, series) in [
                (
                    "ROC curves",
                    "Share of the class's clips that are taken for it against the share of other clips that are, at every threshold.",
                    ("false positive rate", "true positive rate"),
                    roc,
                ),
                (
                    "Precision-recall curves",
                    "Share of what is taken for the class that belongs to it against the share of the class's clips that are taken for it.",
                    ("recall", "precision"),
                    precision_recall,
                ),
            ] {
                let chart = LineChart {
                    title: title.into(),
                    description: words.say(description),
                    x_label: labels.0.into(),
                    y_label: labels.1.into(),
                    y_range: Some((0.0, 1.0)),
                    series,
                    ..LineChart::default()
                };
                figure(out, &lines(&chart, &Style::page(THIRD)), title, "");
            }
            thinned |= together.iter().any(|class| {
                let roc = class.roc.as_ref().is_some_and(|c| c.points.len() < c.whole);
                let other = class.precision_recall.as_ref();
                roc || other.is_some_and(|c| c.points.len() < c.whole)
            });
        }
    });
    let mut aside = String::new();
    if thinned {
        aside += &format!(
            "Curves are drawn through at most {} of their points, each exactly on the curve; areas and average precision \
             are those of all points. ",
            curves.most_points
        );
    }
    if ranked.len() > MOST_DRAWN {
        aside += &format!("Curves of the first {MOST_DRAWN} classes; the table holds all. ");
    }
    if !aside.is_empty() {
        out.tag("p").attr("class", "aside").text(aside.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::super::made;
    use super::*;

    #[test]
    fn every_class_and_the_means_are_shown() {
        let audit = made::audit();
        let curves = audit.class_curves.as_ref().unwrap();
        let words = Words::default();
        let html = section(&audit, &words).unwrap().unwrap().body.into_string();
        for class in &curves.classes {
            for interval in [&class.f1, class.auc.as_ref().unwrap(), &class.recall] {
                assert!(html.contains(&Estimate::from(interval).range(3)));
            }
        }
        let mean = Estimate::from(curves.macro_average_precision.as_ref().unwrap());
        assert!(html.contains(&mean.number(3)) && html.contains("macro average"));
        assert_eq!(
            html.matches("<svg").count(),
            3,
            "matrix, ROC, precision-recall"
        );
        for word in [" age", "older", "younger", "people"] {
            assert!(!html.contains(word), "{word}");
        }
    }

    #[test]
    fn an_older_document_has_no_such_section() {
        let mut audit = made::audit();
        audit.class_curves = None;
        assert!(section(&audit, &Words::default()).unwrap().is_none());
    }
}
