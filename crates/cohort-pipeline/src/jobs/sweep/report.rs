//! A sweep as text, as CSV and as curves.

use std::path::Path;

use cohort_eval::{Interval, Repeats};
use cohort_report::Style;
use cohort_report::charts::{BoxChart, BoxRow, LineChart, LineSeries, boxes, lines};
use cohort_tables::{csv_field, write_atomic};
use cohort_train::{EpochMetrics, Selection};

use super::document::{Sweep, SweepCell, SweepSetting, TestScores};
use crate::error::PipelineError;
use crate::run_folder::write_json;

/// Writes `sweep.json`, `sweep.csv`, `sweep.txt`, `curves.svg` and `boxes.svg`.
pub(crate) fn write(sweep: &Sweep, out: &Path) -> Result<(), PipelineError> {
    write_json(&out.join("sweep.json"), sweep)?;
    write_atomic(&out.join("sweep.csv"), sweep.to_csv().as_bytes())?;
    write_atomic(&out.join("sweep.txt"), sweep.to_text().as_bytes())?;
    let svg = curves(sweep, out)?;
    write_atomic(&out.join("curves.svg"), svg.as_bytes())?;
    Ok(write_atomic(
        &out.join("boxes.svg"),
        spread(sweep).as_bytes(),
    )?)
}

/// A selection metric in words.
pub(super) fn name(selection: Selection) -> &'static str {
    match selection {
        Selection::BalancedAccuracy => "balanced accuracy",
        Selection::QuadraticKappa => "quadratic kappa",
        Selection::MacroMae => "macro MAE",
        Selection::Loss => "loss",
    }
}

/// As [`name`], where there is little room.
fn short_name(selection: Selection) -> &'static str {
    match selection {
        Selection::BalancedAccuracy => "balanced",
        Selection::QuadraticKappa => "kappa",
        Selection::MacroMae => "MAE",
        Selection::Loss => "loss",
    }
}

fn scores(test: &TestScores) -> [Option<&Interval>; 4] {
    [
        Some(&test.accuracy),
        Some(&test.balanced_accuracy),
        test.within_one.as_ref(),
        test.mae_groups.as_ref(),
    ]
}

/// `0.512 [0.480, 0.544]`.
pub(super) fn cell(interval: &Interval) -> String {
    match (interval.estimate(), interval.value()) {
        (Some(e), _) => format!("{:.3} [{:.3}, {:.3}]", e.value, e.low, e.high),
        (None, Some(value)) => format!("{value:.3} [  -  ,   -  ]"),
        (None, None) => "not defined".to_string(),
    }
}

/// A mean over seeds with its interval, where there is one.
fn over_seeds(figure: &Repeats) -> String {
    match (figure.low, figure.high) {
        (Some(low), Some(high)) => format!("{:.3} ({low:.3} to {high:.3})", figure.mean),
        _ => format!("{:.3}", figure.mean),
    }
}

impl Sweep {
    /// Width of the names of data sets; 0 where there is one, which is not named.
    fn name_width(&self) -> usize {
        match self.data_sets.as_slice() {
            [_] => 0,
            many => {
                let names = many.iter().map(|set| set.name.chars().count());
                names.max().unwrap_or(0).max("data".len())
            }
        }
    }

    /// What a setting is called where there may be several.
    fn label(&self, setting: &SweepSetting) -> String {
        let data = match self.data_sets.len() {
            1 => String::new(),
            _ => format!("{}, ", setting.data),
        };
        format!(
            "{data}batch {}, rate {}",
            setting.batch_size, setting.learning_rate
        )
    }

    /// The tables for a terminal: every run, then every setting over its seeds.
    pub fn to_text(&self) -> String {
        let ordered = self
            .data_sets
            .iter()
            .any(|d| d.majority.within_one.is_some());
        let wide = self.name_width();
        let data = |name: &str| match wide {
            0 => String::new(),
            _ => format!("{name:<wide$}  "),
        };
        let mut text = format!(
            "{}{:>5}  {:>7}  {:>4}  {:>5}  {:>14}  {:>20}  {:>20}",
            data("data"),
            "batch",
            "rate",
            "seed",
            "epoch",
            format!("valid {}", short_name(self.selection)),
            "test accuracy",
            "test balanced"
        );
        if ordered {
            text += &format!("  {:>20}  {:>20}", "test within one", "test MAE");
        }
        text.push('\n');
        let row = |head: String, test: &TestScores| {
            let cells = scores(test).into_iter().flatten();
            let cells: String = cells.map(|i| format!("  {:>20}", cell(i))).collect();
            format!("{head}{cells}\n")
        };
        for run in &self.cells {
            let head = format!(
                "{}{:>5}  {:>7}  {:>4}  {:>5}  {:>14.3}",
                data(&run.data),
                run.batch_size,
                run.learning_rate,
                run.seed,
                run.best.epoch,
                run.best.value(self.selection.criterion().metric)
            );
            text += &row(head, &run.test);
        }
        for set in &self.data_sets {
            let words = "most frequent class of the test split";
            let head = format!("{}{words:<43}", data(&set.name));
            text += &row(head, &set.majority);
        }
        text += &format!(
            "\n{}{:>5}  {:>7}  {:>5}  {:>22}  {:>22}\n",
            data("data"),
            "batch",
            "rate",
            "seeds",
            "valid balanced",
            "test accuracy"
        );
        for (place, setting) in self.settings.iter().enumerate() {
            text += &format!(
                "{}{:>5}  {:>7}  {:>5}  {:>22}  {:>22}{}\n",
                data(&setting.data),
                setting.batch_size,
                setting.learning_rate,
                setting.seeds,
                over_seeds(&setting.valid_balanced_accuracy),
                over_seeds(&setting.test_accuracy),
                if place == self.chosen { "  <-" } else { "" }
            );
        }
        text += &format!(
            "<- chosen by {} on validation\nin brackets {:.0} % intervals: of a run over {}s, of a setting over seeds (Student's t)\n",
            name(self.selection),
            100.0 * self.level,
            self.unit
        );
        if !self.same_test {
            text += "the data sets have other test items: their figures are not of the same task\n";
        }
        text
    }

    /// A row a run; the last rows are the most frequent class of each data set's test split.
    pub fn to_csv(&self) -> String {
        let metrics = ["accuracy", "balanced_accuracy", "within_one", "mae_groups"];
        let of_valid = [
            "valid_loss",
            "valid_accuracy",
            "valid_balanced_accuracy",
            "valid_quadratic_kappa",
            "valid_macro_mae",
        ];
        let mut text = format!(
            "data,batch_size,learning_rate,seed,best_epoch,{}",
            of_valid.join(",")
        );
        for metric in metrics {
            text += &format!(",test_{metric},test_{metric}_low,test_{metric}_high");
        }
        let tail = |test: &TestScores| -> String {
            let number = |x: Option<f64>| x.map_or_else(String::new, |x| x.to_string());
            let three = |interval: Option<&Interval>| {
                let estimate = interval.and_then(Interval::estimate);
                format!(
                    ",{},{},{}",
                    number(interval.and_then(Interval::value)),
                    number(estimate.map(|e| e.low)),
                    number(estimate.map(|e| e.high))
                )
            };
            scores(test).into_iter().map(three).collect()
        };
        for run in &self.cells {
            let best = &run.best;
            let value = |name: &str| best.get(name).map_or_else(String::new, |x| x.to_string());
            text += &format!(
                "\n{},{},{},{},{},{}{}",
                csv_field(&run.data),
                run.batch_size,
                run.learning_rate,
                run.seed,
                best.epoch,
                of_valid.map(value).join(","),
                tail(&run.test)
            );
        }
        for set in &self.data_sets {
            text += &format!(
                "\n{},majority,,,,,,,,{}",
                csv_field(&set.name),
                tail(&set.majority)
            );
        }
        text + "\n"
    }
}

/// Test accuracy of every run, a box a setting.
fn spread(sweep: &Sweep) -> String {
    let row = |(place, setting): (usize, &SweepSetting)| {
        let value = |cell: &SweepCell| cell.test.accuracy.value().unwrap_or(f64::NAN);
        let runs = sweep.cells.iter().filter(|cell| setting.is_of(cell));
        let sets = &sweep.data_sets;
        let colour = match sets.len() {
            1 => place,
            _ => sets
                .iter()
                .position(|set| set.name == setting.data)
                .unwrap_or(0),
        };
        BoxRow {
            label: sweep.label(setting),
            values: runs.map(value).collect(),
            colour: colour % 6,
        }
    };
    let majority = match sweep.data_sets.as_slice() {
        [first, ..] if sweep.same_test => first.majority.accuracy.value(),
        _ => None,
    };
    let chart = BoxChart {
        title: format!("{} model: test accuracy over seeds", sweep.modality),
        description: format!(
            "A box for each of {} settings, a dot for each of {} runs.",
            sweep.settings.len(),
            sweep.cells.len()
        ),
        x_label: "test accuracy".to_string(),
        rows: sweep.settings.iter().enumerate().map(row).collect(),
        reference: majority.map(|value| (value, "most frequent class".to_string())),
        decimals: 3,
    };
    boxes(&chart, &Style::file(860.0))
}

/// The selection metric of every run by epoch; a colour a setting.
fn curves(sweep: &Sweep, out: &Path) -> Result<String, PipelineError> {
    let mut series = Vec::new();
    for run in &sweep.cells {
        let path = out.join(&run.name).join("metrics.jsonl");
        let text = std::fs::read_to_string(&path)
            .map_err(|source| PipelineError::Media { path, source })?;
        let history: Result<Vec<EpochMetrics>, _> =
            text.lines().map(serde_json::from_str).collect();
        let (colour, setting) = (sweep.settings.iter().enumerate())
            .find(|(_, setting)| setting.is_of(run))
            .expect("every run has a setting");
        series.push(LineSeries {
            name: format!("{}, seed {}", sweep.label(setting), run.seed),
            points: history?
                .iter()
                .map(|m| (m.epoch as f64, m.value(sweep.selection.criterion().metric)))
                .collect(),
            dashed: colour >= 6,
            colour: colour % 6,
            ..LineSeries::default()
        });
    }
    let chart = LineChart {
        title: format!(
            "{} model: {} on validation by epoch",
            sweep.modality,
            name(sweep.selection)
        ),
        description: format!("One curve for each of {} runs.", sweep.cells.len()),
        x_label: "epoch".to_string(),
        y_label: name(sweep.selection).to_string(),
        series,
        ..LineChart::default()
    };
    Ok(lines(&chart, &Style::file(860.0)))
}
