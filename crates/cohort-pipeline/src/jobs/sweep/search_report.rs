//! A search as text, as CSV, as a picture, and the configuration that it found.

use std::path::Path;

use cohort_report::Style;
use cohort_report::charts::{LineChart, LineSeries, lines};
use cohort_tables::{csv_field, write_atomic};

use super::report::{cell, name};
use super::search_document::{Scored, Searched, TrialEnd, TrialRecord};
use crate::config::RunConfig;
use crate::error::PipelineError;
use crate::run_folder::write_json;

/// Writes `search.json`, `search.csv`, `search.txt`, `search.svg` and `best.toml`.
pub(super) fn write(
    searched: &Searched,
    best: &RunConfig,
    out: &Path,
) -> Result<(), PipelineError> {
    write_json(&out.join("search.json"), searched)?;
    write_atomic(&out.join("search.csv"), searched.to_csv().as_bytes())?;
    write_atomic(&out.join("search.txt"), searched.to_text().as_bytes())?;
    write_atomic(&out.join("search.svg"), picture(searched).as_bytes())?;
    // a configuration's paths begin at its own folder
    let toml = toml::to_string(&best.seen_from(out)).map_err(|error| PipelineError::Config {
        path: out.join("best.toml"),
        message: error.to_string(),
    })?;
    Ok(write_atomic(&out.join("best.toml"), toml.as_bytes())?)
}

/// A trial in a line: `trial 7 of 50: 0.512, batch_size 32, learning_rate 0.0021`.
pub(super) fn line(record: &TrialRecord, trials: usize) -> String {
    format!(
        "trial {} of {trials}: {}, {}",
        record.number,
        end(record),
        settings(record)
    )
}

/// What became of a trial.
fn end(record: &TrialRecord) -> String {
    let value = record
        .valid
        .map_or("-".to_string(), |value| format!("{value:.3}"));
    match record.end {
        TrialEnd::Finished => value,
        TrialEnd::Pruned => format!("{value}, given up after {} epochs", record.epochs),
        TrialEnd::Failed => "failed".to_string(),
    }
}

/// Its settings, by the last parts of their keys.
fn settings(record: &TrialRecord) -> String {
    let each = record.values.iter().map(|(key, value)| {
        let short = key.rsplit('.').next().unwrap_or(key);
        match value.as_str() {
            Some(text) => format!("{short} {text}"),
            None => format!("{short} {value}"),
        }
    });
    each.collect::<Vec<_>>().join(", ")
}

/// Trials that the text lists.
const LISTED: usize = 10;

impl Searched {
    /// The finished trials, best first.
    fn ranked(&self) -> Vec<&TrialRecord> {
        let finished = self.trials.iter().filter(|r| r.end == TrialEnd::Finished);
        let mut ranked: Vec<&TrialRecord> = finished.filter(|r| r.merit().is_some()).collect();
        ranked.sort_by(|a, b| {
            let merit = |record: &TrialRecord| record.merit().unwrap_or(f64::NEG_INFINITY);
            merit(b).total_cmp(&merit(a)).then(a.number.cmp(&b.number))
        });
        ranked
    }

    fn count(&self, end: TrialEnd) -> usize {
        self.trials
            .iter()
            .filter(|record| record.end == end)
            .count()
    }

    /// For a terminal: the best trials, and what the best one is worth on the test split.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{} trials: {} finished, {} given up early, {} failed\n\n",
            self.trials.len(),
            self.count(TrialEnd::Finished),
            self.count(TrialEnd::Pruned),
            self.count(TrialEnd::Failed)
        );
        text += &format!(
            "trial  epochs  valid {:<17}  settings\n",
            name(self.selection)
        );
        for record in self.ranked().iter().take(LISTED) {
            let value = record
                .valid
                .map_or("-".to_string(), |value| format!("{value:.3}"));
            let (number, epochs) = (record.number, record.epochs);
            text += &format!(
                "{number:>5}  {epochs:>6}  {value:<23}  {}\n",
                settings(record)
            );
        }
        for record in self.trials.iter().filter(|r| r.reason.is_some()).take(3) {
            let reason = record.reason.as_deref().unwrap_or_default();
            text += &format!("trial {} failed: {reason}\n", record.number);
        }
        text += &format!(
            "\n{:<24}  {:>8}  {:>20}  {:>20}\n",
            "", "valid", "test accuracy", "test balanced"
        );
        let row = |words: &str, one: &Scored| {
            let (accuracy, balanced) = (&one.test.accuracy, &one.test.balanced_accuracy);
            format!(
                "{words:<24}  {:>8.3}  {:>20}  {:>20}\n",
                one.valid,
                cell(accuracy),
                cell(balanced)
            )
        };
        text += &row("the configuration as is", &self.reference);
        if let (Some(number), Some(found)) = (self.chosen, &self.found) {
            text += &row(&format!("trial {number}"), found);
        }
        let majority = &self.majority;
        text += &format!(
            "{:<24}  {:>8}  {:>20}  {:>20}\n",
            "most frequent class",
            "",
            cell(&majority.accuracy),
            cell(&majority.balanced_accuracy)
        );
        text += &format!(
            "in brackets {:.0} % intervals over {}s; the best of many on validation is lucky there,\nso the test figures are what it is worth\n",
            100.0 * self.level,
            self.unit
        );
        text += &self.verdict();
        text
    }

    /// Whether the search helped, in a sentence.
    fn verdict(&self) -> String {
        let Some(gain) = &self.gain else {
            return "no trial was finished: nothing is chosen\n".to_string();
        };
        let Some(e) = gain.balanced_accuracy.estimate() else {
            return "whether the chosen settings are better cannot be said: too few units\n"
                .to_string();
        };
        let change = format!(
            "balanced accuracy {:+.3} ({:+.3} to {:+.3}) on the test split",
            e.value, e.low, e.high
        );
        match (e.low > 0.0, e.high < 0.0) {
            (true, _) => format!("the chosen settings are better: {change}\n"),
            (_, true) => format!("the chosen settings are worse: {change}\n"),
            _ => format!("that the chosen settings are better is not shown: {change}\n"),
        }
    }

    /// A row a trial: number, end, epochs, selection metric, then the settings by key.
    pub fn to_csv(&self) -> String {
        let mut keys: Vec<&String> = Vec::new();
        for key in self.trials.iter().flat_map(|record| record.values.keys()) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let mut text = "trial,end,epochs,valid".to_string();
        for key in &keys {
            text += &format!(",{}", csv_field(key));
        }
        for record in &self.trials {
            let end = match record.end {
                TrialEnd::Finished => "finished",
                TrialEnd::Pruned => "pruned",
                TrialEnd::Failed => "failed",
            };
            let valid = record
                .valid
                .map_or_else(String::new, |value| value.to_string());
            text += &format!("\n{},{end},{},{valid}", record.number, record.epochs);
            for key in &keys {
                let value = record.values.get(*key);
                let shown = value.map_or_else(String::new, |value| match value.as_str() {
                    Some(text) => text.to_string(),
                    None => value.to_string(),
                });
                text += &format!(",{}", csv_field(&shown));
            }
        }
        text + "\n"
    }
}

/// The selection metric of every finished trial, and the best so far.
fn picture(searched: &Searched) -> String {
    let better = |a: f64, b: f64| match searched.selection.criterion().lower_is_better {
        true => a.min(b),
        false => a.max(b),
    };
    let finished = searched
        .trials
        .iter()
        .filter(|r| r.end == TrialEnd::Finished);
    let values: Vec<(f64, f64)> = finished
        .filter_map(|record| Some((record.number as f64, record.valid?)))
        .collect();
    let mut best = Vec::new();
    for &(at, value) in &values {
        let so_far = best
            .last()
            .map_or(value, |&(_, so_far)| better(so_far, value));
        best.push((at, so_far));
    }
    let chart = LineChart {
        title: format!("{} model: trials of the search", searched.modality),
        description: format!("{} finished trials and the best so far.", values.len()),
        x_label: "trial".to_string(),
        y_label: name(searched.selection).to_string(),
        series: vec![
            LineSeries {
                name: "trial".to_string(),
                points: values,
                dashed: true,
                ..LineSeries::default()
            },
            LineSeries {
                name: "best so far".to_string(),
                points: best,
                colour: 1,
                ..LineSeries::default()
            },
        ],
        ..LineChart::default()
    };
    lines(&chart, &Style::file(860.0))
}
