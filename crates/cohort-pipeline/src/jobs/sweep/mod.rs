//! One model trained under a grid of settings, and a table of what became of it.
//!
//! A cell is a run folder of its own. One that is finished has a `cell.json` and is not run again, if it was trained and
//! scored on what is there now; one that was stopped goes on where it stopped. What is best is said by the validation split alone; the test split is shown
//! beside it.

mod document;
mod report;

use std::path::Path;

use cohort_data::Dataset;
use cohort_eval::{Interval, IntervalSettings, Metric, Sample, intervals};
use cohort_tables::{FolderLock, Predictions, content_hash};
use cohort_train::{Selection, TrainSettings};
use serde::{Deserialize, Serialize};

use super::train::{model_inputs, train_branch};
use crate::branches;
use crate::config::RunConfig;
use crate::dataset::{is_ordered, splits, subject_numbers};
use crate::error::PipelineError;
use crate::modality::Modality;
use crate::run_folder::{
    Changeable, PREDICTIONS, check_config, check_inputs, document_of, read_sealed, write_sealed,
};
use crate::watch::{Watch, apart, say_notes};

pub use document::{Sweep, SweepCell, SweepSetting, TestScores};

/// The settings of a sweep; every combination is trained. An empty list keeps the configuration's value.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SweepGrid {
    /// Samples a step.
    pub batch_sizes: Vec<usize>,
    /// Peak learning rates.
    pub learning_rates: Vec<f64>,
    /// Seeds, over which a setting's results are averaged.
    pub seeds: Vec<u64>,
}

/// Trains the model of `modality` under every combination of `grid` in folders below `out`, and writes `sweep.json`,
/// `sweep.csv`, `sweep.txt` and `curves.svg` there. A sweep that was stopped goes on; a grid may grow.
///
/// # Errors
/// As [`crate::train_modality`]; when `out` holds a sweep of another configuration, or cells of other media, labels or weights.
pub fn sweep(
    config: &RunConfig,
    modality: Modality,
    grid: &SweepGrid,
    out: &Path,
    watch: &dyn Watch,
) -> Result<Sweep, PipelineError> {
    let configs = combinations(config, modality, grid)?;
    let dataset = config.open_dataset()?;
    say_notes(&dataset.notes, watch);
    let _lock = FolderLock::take(out)?;
    check_config(config, out, true, Changeable::Nothing)?.write(out)?;
    let scorer = Scorer {
        dataset: &dataset,
        settings: IntervalSettings {
            resamples: config.audit.resamples,
            ..IntervalSettings::default()
        },
    };
    let subjects = scorer.subjects()?;
    let features = out.join("features");
    // the cells differ in how their networks are trained, not in what they look at
    let branch = branches::open(modality, config, watch)?;
    // the same for every cell; known once a cell is to be taken as it is
    let mut inputs = None;
    let mut cells: Vec<SweepCell> = Vec::new();
    for (number, config) in configs.iter().enumerate() {
        let settings = config.train_settings(modality);
        let name = cell_name(settings);
        let folder = out.join(&name);
        let path = folder.join("cell.json");
        if let Some(done) = read_sealed(&path)? {
            let inputs = match &mut inputs {
                Some(inputs) => inputs,
                none => none.insert(model_inputs(&*branch, &dataset, &features, watch)?),
            };
            check_inputs(&folder, true, inputs)?;
            let done: Finished = document_of(done, &path)?;
            if done.subjects != subjects {
                return Err(PipelineError::Unusable {
                    path,
                    expected: "the subjects of the test clips that this cell was scored with"
                        .to_string(),
                    found: "others; start a new sweep in another folder".to_string(),
                });
            }
            cells.push(done.cell);
            continue;
        }
        watch.say(&format!("run {} of {}: {name}", number + 1, configs.len()));
        let model = train_branch(config, &dataset, &*branch, &features, &folder, true, watch)?;
        let Some(best) = model.history.last().cloned() else {
            return Err(PipelineError::Unusable {
                path: folder,
                expected: "at least one epoch".to_string(),
                found: "none".to_string(),
            });
        };
        let cell = SweepCell {
            name,
            batch_size: settings.batch_size,
            learning_rate: settings.learning_rate,
            seed: settings.seed,
            best,
            test: apart(watch, || scorer.score(&model.test))?,
        };
        let subjects = subjects.clone();
        let done = Finished { cell, subjects };
        write_sealed(&path, &done)?;
        cells.push(done.cell);
    }
    let Some(first) = cells.first() else {
        return Err(PipelineError::Setting {
            name: "grid",
            expected: "at least one combination",
            found: "none".to_string(),
        });
    };
    let predictions = Predictions::read(&out.join(&first.name).join(PREDICTIONS), None)?;
    let selection = config.train_settings(modality).selection;
    let settings = by_setting(&cells, selection);
    let best = settings
        .iter()
        .map(|s| s.merit)
        .fold(f64::NEG_INFINITY, f64::max);
    let found = Sweep {
        schema: "cohort.sweep/1".to_string(),
        modality,
        selection,
        level: scorer.settings.level,
        chosen: settings.iter().position(|s| s.merit == best).unwrap_or(0),
        settings,
        majority: scorer.majority(&predictions)?,
        notes: dataset.notes_for_documents(),
        cells,
    };
    report::write(&found, out)?;
    Ok(found)
}

/// The configuration of every cell, checked.
fn combinations(
    config: &RunConfig,
    modality: Modality,
    grid: &SweepGrid,
) -> Result<Vec<RunConfig>, PipelineError> {
    let base = config.train_settings(modality).clone();
    let or = |given: &[usize], own| {
        if given.is_empty() {
            vec![own]
        } else {
            given.to_vec()
        }
    };
    let batch_sizes = or(&grid.batch_sizes, base.batch_size);
    let (mut rates, mut seeds) = (grid.learning_rates.clone(), grid.seeds.clone());
    if rates.is_empty() {
        rates.push(base.learning_rate);
    }
    if seeds.is_empty() {
        seeds.push(config.seed);
    }
    let mut configs: Vec<RunConfig> = Vec::new();
    for &batch_size in &batch_sizes {
        for &learning_rate in &rates {
            for &seed in &seeds {
                let mut cell = RunConfig {
                    seed,
                    ..config.clone()
                };
                let train = cell.train_settings_mut(modality);
                (train.batch_size, train.learning_rate) = (batch_size, learning_rate);
                let cell = cell.resolve()?;
                if !configs.contains(&cell) {
                    configs.push(cell);
                }
            }
        }
    }
    Ok(configs)
}

/// Folder of a cell.
fn cell_name(settings: &TrainSettings) -> String {
    format!(
        "batch{}-rate{}-seed{}",
        settings.batch_size, settings.learning_rate, settings.seed
    )
}

/// Means over the seeds of each combination, in the order of the cells.
fn by_setting(cells: &[SweepCell], selection: Selection) -> Vec<SweepSetting> {
    let mut settings: Vec<SweepSetting> = Vec::new();
    for cell in cells {
        let key = (cell.batch_size, cell.learning_rate);
        if settings
            .iter()
            .any(|s| (s.batch_size, s.learning_rate) == key)
        {
            continue;
        }
        let runs = || {
            cells
                .iter()
                .filter(|c| (c.batch_size, c.learning_rate) == key)
        };
        let mean = |value: &dyn Fn(&SweepCell) -> f64| {
            runs().map(value).sum::<f64>() / runs().count() as f64
        };
        let value = |interval: &Interval| interval.value().unwrap_or(f64::NAN);
        settings.push(SweepSetting {
            batch_size: cell.batch_size,
            learning_rate: cell.learning_rate,
            seeds: runs().count(),
            merit: mean(&|c| selection.criterion().merit(&c.best)),
            valid_balanced_accuracy: mean(&|c| c.best.value("valid_balanced_accuracy")),
            test_accuracy: mean(&|c| value(&c.test.accuracy)),
            test_balanced_accuracy: mean(&|c| value(&c.test.balanced_accuracy)),
        });
    }
    settings
}

/// `cell.json`.
#[derive(Serialize, Deserialize)]
struct Finished {
    #[serde(flatten)]
    cell: SweepCell,
    /// Hash of whose the test clips are, on which the intervals depend.
    subjects: String,
}

/// Scores predictions of the test split.
struct Scorer<'a> {
    dataset: &'a Dataset,
    settings: IntervalSettings,
}

impl Scorer<'_> {
    /// Hash of whose the test clips are.
    fn subjects(&self) -> Result<String, PipelineError> {
        let [_, _, test] = splits(self.dataset)?;
        let rows = test.clips.iter();
        let text = rows.fold(String::new(), |all, clip| {
            all + &format!("{:?} {:?}\n", clip.id, clip.subject)
        });
        Ok(content_hash(text.as_bytes()))
    }

    fn score(&self, predictions: &Predictions) -> Result<TestScores, PipelineError> {
        let [_, _, test] = splits(self.dataset)?;
        let ordered = is_ordered(self.dataset);
        let subject = subject_numbers(&test.clips, predictions);
        let truth = predictions.truth.as_deref().unwrap_or_default();
        let sample = Sample::new(
            predictions.classes.len(),
            truth,
            &predictions.predicted,
            &subject,
        )?;
        let sample = if ordered { sample } else { sample.unordered() };
        let score = |metrics: &[Metric]| intervals(metrics, &sample, &self.settings);
        let mut of_order = match ordered {
            true => score(&[Metric::WithinOne, Metric::MaeGroups])?.into_iter(),
            false => Vec::new().into_iter(),
        };
        let one = |metric| Ok::<_, PipelineError>(score(&[metric])?.remove(0));
        Ok(TestScores {
            accuracy: one(Metric::Accuracy)?,
            balanced_accuracy: one(Metric::BalancedAccuracy)?,
            within_one: of_order.next(),
            mae_groups: of_order.next(),
        })
    }

    fn majority(&self, predictions: &Predictions) -> Result<TestScores, PipelineError> {
        let mut counts = vec![0_usize; predictions.classes.len()];
        for &class in predictions.truth.iter().flatten() {
            counts[class] += 1;
        }
        let most = counts.iter().max().copied().unwrap_or(0);
        let class = counts.iter().position(|&count| count == most).unwrap_or(0);
        self.score(&Predictions {
            predicted: vec![class; predictions.len()],
            probabilities: None,
            ..predictions.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_is_every_combination_once_and_its_settings_are_checked() {
        let grid = SweepGrid {
            batch_sizes: vec![16, 32, 16],
            learning_rates: vec![1e-3, 2e-3],
            seeds: vec![1, 2],
        };
        let configs = combinations(&RunConfig::default(), Modality::Text, &grid).unwrap();
        let names: Vec<String> = configs.iter().map(|c| cell_name(&c.text.train)).collect();
        assert_eq!(names.len(), 8);
        assert_eq!(names[0], "batch16-rate0.001-seed1");
        assert_eq!(names[7], "batch32-rate0.002-seed2");
        assert_eq!(
            configs[7].image.train.batch_size,
            RunConfig::default().image.train.batch_size
        );
        let none = combinations(
            &RunConfig::default(),
            Modality::Image,
            &SweepGrid::default(),
        );
        assert_eq!(none.unwrap().len(), 1);
        let grid = SweepGrid {
            batch_sizes: vec![1],
            ..SweepGrid::default()
        };
        let error = combinations(&RunConfig::default(), Modality::Image, &grid).unwrap_err();
        assert!(
            error.to_string().contains("batch_size must be at least 2"),
            "{error}"
        );
    }
}
