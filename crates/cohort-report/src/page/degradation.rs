//! How the models bear worse media.

use serde_json::Value;

use super::figure::{figure, folded, grid};
use super::layout::Section;
use super::metrics;
use super::read::{self, Estimate};
use super::table::{Cell, Table};
use crate::canvas::Style;
use crate::charts::{LineChart, LineSeries, lines};
use crate::format;

/// Metric that is drawn; all stand in a folded table.
const DRAWN: &str = "balanced_accuracy";

pub(super) fn section(document: &Value) -> Section {
    let mut section = Section::new(
        "degradation",
        "Bad media",
        "What is left when media get worse",
    );
    section.lead(&format!(
        "The test clips are made worse on purpose, one modality at a time: {}. Late fusion and the joint model still have \
         the other modalities; the dashed line is the model that has only the damaged one.",
        read::counted(read::whole(document, "clips").unwrap_or(0), "clip")
    ));
    let points = read::list(document, "points");
    let mut damages: Vec<&str> = points
        .iter()
        .filter_map(|p| read::text(p, "degradation"))
        .collect();
    damages.dedup();
    grid(&mut section.body, |out| {
        for damage in &damages {
            figure(out, &chart(points, damage), damage, "");
        }
    });
    let names: Vec<String> = points.first().map_or_else(Vec::new, |p| {
        let figures = read::list(p, "figures").iter();
        figures
            .filter_map(|f| read::text(f, "metric"))
            .map(str::to_owned)
            .collect()
    });
    folded(&mut section.body, "Every metric at every severity", |out| {
        let columns = ["damage", "model", "severity"].map(str::to_owned);
        let columns = columns
            .into_iter()
            .chain(names.iter().map(|m| metrics::short(m)));
        let mut table = Table::new("", 3, columns);
        for point in points {
            let mut cells: Vec<Cell> = vec![
                read::text(point, "degradation").unwrap_or("?").into(),
                read::text(point, "model").unwrap_or("?").into(),
                format::general(read::number(point, "severity").unwrap_or(f64::NAN)).into(),
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

fn value(point: &Value, metric: &str) -> Option<Estimate> {
    let mut figures = read::list(point, "figures").iter();
    let found = figures.find(|f| read::text(f, "metric") == Some(metric));
    Estimate::at(found?, "interval")
}

fn chart(points: &[Value], damage: &str) -> String {
    let own: Vec<&Value> = points
        .iter()
        .filter(|p| read::text(p, "degradation") == Some(damage))
        .collect();
    let mut models: Vec<&str> = own.iter().filter_map(|p| read::text(p, "model")).collect();
    models.dedup();
    let series = models.iter().map(|model| {
        let alone = model.ends_with(" alone");
        let of_model = own
            .iter()
            .filter(|p| read::text(p, "model") == Some(*model));
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
            let estimate = value(point, DRAWN).unwrap_or_default();
            let y = estimate.value.unwrap_or(f64::NAN);
            let x = read::number(point, "severity").unwrap_or(f64::NAN);
            series.points.push((x, y));
            series.band.push(estimate.interval.unwrap_or((y, y)));
        }
        series
    });
    let unit = own.first().and_then(|p| read::text(p, "unit"));
    let chart = LineChart {
        title: format!("{} under {damage}", metrics::name(DRAWN)),
        description: "One line a model against the severity of the damage, with its interval by subject as a band.".into(),
        x_label: unit.unwrap_or("severity").to_owned(),
        series: series.collect(),
        ..LineChart::default()
    };
    lines(&chart, &Style::page(330.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_damage_gets_a_chart_and_every_point_a_row() {
        let point = |damage: &str, model: &str, severity: f64| {
            json!({"degradation": damage, "model": model, "severity": severity, "unit": "dB", "figures": [
                {"metric": DRAWN, "interval": {"value": 0.5, "low": 0.4, "high": 0.6, "clips": 9, "subjects": 5}}]})
        };
        let points = vec![
            point("blur", "late", 0.0),
            point("blur", "late", 2.0),
            point("noise", "audio alone", 0.0),
            point("noise", "joint attention", 0.0),
        ];
        let page = section(&json!({"clips": 9, "points": points}))
            .body
            .into_string();
        assert_eq!(page.matches("<svg").count(), 2);
        assert_eq!(page.matches("0.400 to 0.600").count(), 4);
        assert!(page.contains("joint attention"));
    }
}
