//! A sweep as text, as CSV and as curves.

use std::path::Path;

use cohort_eval::Interval;
use cohort_report::Style;
use cohort_report::charts::{LineChart, LineSeries, lines};
use cohort_tables::write_atomic;
use cohort_train::{EpochMetrics, Selection};

use super::super::headline::cell;
use super::document::{Sweep, SweepSetting, TestScores};
use crate::error::PipelineError;
use crate::run_folder::write_json;

/// Writes `sweep.json`, `sweep.csv`, `sweep.txt` and `curves.svg`.
pub(crate) fn write(sweep: &Sweep, out: &Path) -> Result<(), PipelineError> {
    write_json(&out.join("sweep.json"), sweep)?;
    write_atomic(&out.join("sweep.csv"), sweep.to_csv().as_bytes())?;
    write_atomic(&out.join("sweep.txt"), sweep.to_text().as_bytes())?;
    let svg = curves(sweep, out)?;
    Ok(write_atomic(&out.join("curves.svg"), svg.as_bytes())?)
}

fn name(selection: Selection) -> &'static str {
    match selection {
        Selection::BalancedAccuracy => "balanced accuracy",
        Selection::QuadraticKappa => "quadratic kappa",
        Selection::MacroMae => "macro MAE",
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

impl Sweep {
    /// The tables for a terminal: every run, then every setting over its seeds.
    pub fn to_text(&self) -> String {
        let ordered = self.majority.within_one.is_some();
        let mut text = format!(
            "{:>5}  {:>9}  {:>6}  {:>5}  {:>17}  {:>20}  {:>20}",
            "batch",
            "rate",
            "seed",
            "epoch",
            name(self.selection),
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
                "{:>5}  {:>9}  {:>6}  {:>5}  {:>17.3}",
                run.batch_size,
                run.learning_rate,
                run.seed,
                run.best.epoch,
                run.best.value(self.selection.criterion().metric)
            );
            text += &row(head, &run.test);
        }
        text += &row(
            format!("{:<50}", "most frequent class of the test split"),
            &self.majority,
        );
        text += &format!(
            "\n{:>5}  {:>9}  {:>5}  {:>14}  {:>13}  {:>13}\n",
            "batch", "rate", "seeds", "valid balanced", "test accuracy", "test balanced"
        );
        for (place, setting) in self.settings.iter().enumerate() {
            text += &format!(
                "{:>5}  {:>9}  {:>5}  {:>14.3}  {:>13.3}  {:>13.3}{}\n",
                setting.batch_size,
                setting.learning_rate,
                setting.seeds,
                setting.valid_balanced_accuracy,
                setting.test_accuracy,
                setting.test_balanced_accuracy,
                if place == self.chosen {
                    "  <- best on validation"
                } else {
                    ""
                }
            );
        }
        text + &format!(
            "chosen by {} on validation; in brackets {:.0} % intervals clustered by subject\n",
            name(self.selection),
            100.0 * self.level
        )
    }

    /// A row a run; the last row is the most frequent class of the test split.
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
            "batch_size,learning_rate,seed,best_epoch,{}",
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
                "\n{},{},{},{},{}{}",
                run.batch_size,
                run.learning_rate,
                run.seed,
                best.epoch,
                of_valid.map(value).join(","),
                tail(&run.test)
            );
        }
        text + &format!("\nmajority,,,,,,,,{}\n", tail(&self.majority))
    }
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
        let is_of = |s: &SweepSetting| {
            (s.batch_size, s.learning_rate) == (run.batch_size, run.learning_rate)
        };
        let colour = sweep.settings.iter().position(is_of).unwrap_or(0);
        series.push(LineSeries {
            name: format!(
                "batch {}, rate {}, seed {}",
                run.batch_size, run.learning_rate, run.seed
            ),
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
