//! How the models bear worse media.

use cohort_eval::Metric;
use cohort_fusion::{CurvePoint, Curves};

use super::estimate::Estimate;
use super::figure::{THIRD, figure, folded, grid};
use super::layout::Section;
use super::table::{Cell, Table};
use super::words::{Words, inside};
use crate::canvas::Style;
use crate::charts::{LineChart, LineSeries, lines};
use crate::format;

/// Metric that is drawn; all stand in a folded table.
const DRAWN: Metric = Metric::BalancedAccuracy;

pub(super) fn section(document: &Curves, words: &Words) -> Section {
    let mut section = Section::new("degradation", "What is left when media get worse");
    section.lead(&words.say(&format!(
        "The test clips are made worse on purpose, one modality at a time ({}). Late fusion and the joint model still have \
         the other modalities; the dashed line is the model that has only the damaged one.",
        super::words::counted(document.clips, "clip")
    )));
    let points = &document.points;
    let mut damages: Vec<&str> = points.iter().map(|p| p.degradation.as_str()).collect();
    damages.dedup();
    grid(&mut section.body, |out| {
        for damage in &damages {
            figure(out, &chart(points, damage, words), damage, "");
        }
    });
    let names: Vec<&str> = points.first().map_or_else(Vec::new, |p| {
        p.figures.iter().map(|f| f.metric.as_str()).collect()
    });
    folded(&mut section.body, "Every metric at every severity", |out| {
        let columns = ["damage", "model", "severity"].map(str::to_owned);
        let columns = columns
            .into_iter()
            .chain(names.iter().map(|m| words.short_of(m)));
        let mut table = Table::new("", 3, columns);
        for point in points {
            let mut cells: Vec<Cell> = vec![
                point.degradation.as_str().into(),
                point.model.as_str().into(),
                format::general(point.severity).into(),
            ];
            for name in &names {
                let estimate = value(point, name);
                cells.push(estimate.map_or_else(
                    || Cell::new(format::NONE),
                    |e| Cell::from(e.number(3)).note(e.range(3)),
                ));
            }
            table.marked_row("", cells);
        }
        table.write(out);
    });
    section.mentions(names);
    section
}

fn value(point: &CurvePoint, metric: &str) -> Option<Estimate> {
    let found = point.figures.iter().find(|f| f.metric == metric);
    found.map(|figure| Estimate::from(&figure.interval))
}

fn chart(points: &[CurvePoint], damage: &str, words: &Words) -> String {
    let own: Vec<&CurvePoint> = points.iter().filter(|p| p.degradation == damage).collect();
    let mut models: Vec<&str> = own.iter().map(|p| p.model.as_str()).collect();
    models.dedup();
    let series = models.iter().map(|model| {
        let alone = model.ends_with(" alone");
        let of_model = own.iter().filter(|p| p.model == *model);
        let mut series = LineSeries {
            name: (*model).to_owned(),
            dashed: alone,
            colour: match *model {
                "late" => 3,
                _ if alone => 0,
                _ => 4,
            },
            ..LineSeries::default()
        };
        for point in of_model {
            let estimate = value(point, DRAWN.name()).unwrap_or_default();
            let y = estimate.value.unwrap_or(f64::NAN);
            series.points.push((point.severity, y));
            series.band.push(estimate.interval.unwrap_or((y, y)));
        }
        series
    });
    let unit = own.first().map(|p| p.unit.as_str());
    let chart = LineChart {
        title: format!("{} under {damage}", words.title(DRAWN)),
        description:
            "One line a model against the severity of the damage, with its interval as a band."
                .into(),
        x_label: unit.unwrap_or("severity").to_owned(),
        y_label: inside(&words.title(DRAWN)),
        series: series.collect(),
        ..LineChart::default()
    };
    lines(&chart, &Style::page(THIRD))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::audit::made;
    use cohort_fusion::Figure;

    #[test]
    fn every_damage_gets_a_chart_and_every_point_a_row() {
        let point = |damage: &str, model: &str, severity: f64| CurvePoint {
            degradation: damage.into(),
            model: model.into(),
            severity,
            unit: "dB".into(),
            figures: vec![Figure {
                metric: DRAWN.name().into(),
                interval: made::interval(0.5),
            }],
        };
        let points = vec![
            point("blur", "late", 0.0),
            point("blur", "late", 2.0),
            point("noise", "audio alone", 0.0),
            point("noise", "joint attention", 0.0),
        ];
        let document = Curves {
            nouns: cohort_tables::Nouns::default(),
            schema: cohort_fusion::DEGRADATION_SCHEMA.into(),
            subjects_by: String::new(),
            clips: 9,
            points,
            notes: Vec::new(),
        };
        let page = section(&document, &Words::default()).body.into_string();
        assert_eq!(page.matches("<svg").count(), 2);
        assert_eq!(page.matches("\u{2212}0.500 to 1.500").count(), 4);
        assert!(page.contains("joint attention"));
    }
}
