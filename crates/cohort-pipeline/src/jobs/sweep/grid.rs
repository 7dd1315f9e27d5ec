//! One model trained under a grid of settings, and a table of what became of it.
//!
//! A cell is a run folder of its own. One that is finished has a `cell.json` and is not run again, if it was trained and
//! scored on what is there now; one that was stopped goes on where it stopped. What is best is said by the validation split alone; the test split is shown
//! beside it.

use std::path::{Path, PathBuf};

use cohort_data::Dataset;
use cohort_eval::{Interval, IntervalSettings, Repeats};
use cohort_tables::{FolderLock, Predictions};
use cohort_train::{Selection, TrainSettings};
use serde::{Deserialize, Serialize};

use super::super::train::{model_inputs, train_branch};
use super::document::{Sweep, SweepCell, SweepData, SweepSetting};
use super::report;
use super::scorer::Scorer;
use crate::branches::{self, Branch};
use crate::config::RunConfig;
use crate::dataset::{classes, splits};
use crate::error::PipelineError;
use crate::modality::Modality;
use crate::run_folder::{
    Changeable, PREDICTIONS, check_config, check_inputs, document_of, read_sealed, write_sealed,
};
use crate::watch::{Watch, apart, say_notes};

/// The settings of a sweep; every combination is trained. An empty list keeps the configuration's value.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SweepGrid {
    /// Folders of further data sets beside the configuration's own, each read and trained on as that one is.
    pub more_data: Vec<PathBuf>,
    /// Samples a step.
    pub batch_sizes: Vec<usize>,
    /// Peak learning rates.
    pub learning_rates: Vec<f64>,
    /// Seeds, over which a setting's results are averaged.
    pub seeds: Vec<u64>,
}

/// Trains the model of `modality` under every combination of `grid` in folders below `out`, and writes `sweep.json`,
/// `sweep.csv`, `sweep.txt`, `curves.svg` and `boxes.svg` there. A sweep that was stopped goes on; a grid may grow.
///
/// # Errors
/// As [`crate::train_modality`]; when `out` holds a sweep of another configuration, or cells of other media, labels or
/// weights; two data sets of one folder name.
pub fn sweep(
    config: &RunConfig,
    modality: Modality,
    grid: &SweepGrid,
    out: &Path,
    watch: &dyn Watch,
) -> Result<Sweep, PipelineError> {
    let sets = data_sets(config, grid)?;
    let configs = combinations(config, modality, grid)?;
    let _lock = FolderLock::take(out)?;
    check_config(config, out, true, Changeable::Nothing)?.write(out)?;
    // the cells differ in how their networks are trained, not in what they look at
    let branch = branches::open(modality, config, watch)?;
    let runs = sets.len() * configs.len();
    let (mut cells, mut data, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    let mut tests: Vec<TestSplit> = Vec::new();
    for (number, set) in sets.iter().enumerate() {
        let dataset = &set.dataset;
        say_notes(&dataset.notes, watch);
        notes.extend(dataset.notes_for_documents());
        let job = SetJob {
            set,
            scorer: Scorer::new(dataset, config.audit.resamples)?,
            branch: &*branch,
            out,
            watch,
        };
        let before = cells.len();
        job.train_all(&configs, (number * configs.len(), runs), &mut cells)?;
        let first: &SweepCell = cells.get(before).ok_or(PipelineError::Setting {
            name: "grid",
            expected: "at least one combination",
            found: "none".to_string(),
        })?;
        let predictions = Predictions::read(
            &out.join(&first.name).join(PREDICTIONS),
            Some(&classes(dataset)),
        )?;
        let [train, valid, test] = splits(dataset)?.map(|split| split.clips.len());
        data.push(SweepData {
            name: set.name.clone(),
            train,
            valid,
            test,
            majority: job.scorer.majority(&predictions)?,
        });
        tests.push(TestSplit::of(dataset, job.scorer.units.clone()));
    }
    let unit = tests
        .first()
        .map_or(String::new(), |test| test.unit.clone());
    let selection = config.train_settings(modality).selection;
    let level = IntervalSettings::default().level;
    let settings = by_setting(&cells, selection, level);
    let merits = settings.iter().map(|s| s.merit);
    let best = merits.fold(f64::NEG_INFINITY, f64::max);
    let found = Sweep {
        schema: "cohort.sweep/2".to_string(),
        modality,
        selection,
        level,
        unit,
        same_test: tests.windows(2).all(|pair| pair[0] == pair[1]),
        data_sets: data,
        // none where no merit is a number, as after a loss that overflowed
        chosen: settings.iter().position(|s| s.merit == best).unwrap_or(0),
        settings,
        notes,
        cells,
    };
    report::write(&found, out)?;
    Ok(found)
}

/// A data set of the sweep by its folder's name.
struct Set {
    name: String,
    dataset: Dataset,
    /// Whether it is the configuration's own: its cells' folders bear no name, so that a sweep of one data set may grow.
    is_own: bool,
}

/// The configuration's data set and the further ones, opened.
fn data_sets(config: &RunConfig, grid: &SweepGrid) -> Result<Vec<Set>, PipelineError> {
    let mut sets: Vec<Set> = Vec::new();
    for (number, folder) in [&config.data]
        .into_iter()
        .chain(&grid.more_data)
        .enumerate()
    {
        // as the path leads, so that `.` has a name
        let whole = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        let name = whole.file_name().unwrap_or(whole.as_os_str());
        let name = name.to_string_lossy().into_owned();
        if let Some(same) = sets.iter().find(|set| set.name == name) {
            return Err(PipelineError::Setting {
                name: "data sets",
                expected: "folders of different names, which the runs are named after",
                found: format!("{} and {}", same.dataset.root.display(), folder.display()),
            });
        }
        let config = RunConfig {
            data: folder.clone(),
            ..config.clone()
        };
        sets.push(Set {
            name,
            dataset: config.open_dataset()?,
            is_own: number == 0,
        });
    }
    Ok(sets)
}

/// What must be equal for the test figures of two data sets to be of the same task.
#[derive(PartialEq)]
struct TestSplit {
    /// Hash of the items and whose they are.
    units: String,
    unit: String,
    classes: Vec<String>,
}

impl TestSplit {
    fn of(dataset: &Dataset, units: String) -> Self {
        let schema = &dataset.schema;
        let unit = match schema.items_are_units() {
            true => &schema.item,
            false => &schema.unit,
        };
        Self {
            units,
            unit: unit.clone(),
            classes: schema.target_attribute().map_or(Vec::new(), |a| a.names()),
        }
    }
}

/// The cells of one data set.
struct SetJob<'a> {
    set: &'a Set,
    scorer: Scorer<'a>,
    branch: &'a dyn Branch,
    out: &'a Path,
    watch: &'a dyn Watch,
}

impl SetJob<'_> {
    /// Trains and scores what is not there yet, and appends every cell to `cells`. `before` cells of `runs` are of other
    /// data sets.
    fn train_all(
        &self,
        configs: &[RunConfig],
        (before, runs): (usize, usize),
        cells: &mut Vec<SweepCell>,
    ) -> Result<(), PipelineError> {
        let Self {
            set, out, watch, ..
        } = self;
        let dataset = self.scorer.dataset;
        let features = match set.is_own {
            true => out.join("features"),
            false => out.join(format!("features-{}", set.name)),
        };
        // the same for every cell; known once a cell is to be taken as it is
        let mut inputs = None;
        for (number, config) in configs.iter().enumerate() {
            let config = RunConfig {
                data: set.dataset.root.clone(),
                ..config.clone()
            };
            let settings = config.train_settings(self.branch.modality());
            let name = match set.is_own {
                true => cell_name(settings),
                false => format!("{}-{}", set.name, cell_name(settings)),
            };
            let folder = out.join(&name);
            let path = folder.join("cell.json");
            if let Some(done) = read_sealed(&path)? {
                let inputs = match &mut inputs {
                    Some(inputs) => inputs,
                    none => none.insert(model_inputs(self.branch, dataset, &features, *watch)?),
                };
                check_inputs(&folder, true, inputs)?;
                let done: Finished = document_of(done, &path)?;
                if done.subjects != self.scorer.units {
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
            watch.say(&format!("run {} of {runs}: {name}", before + number + 1));
            let model = train_branch(
                &config,
                dataset,
                self.branch,
                &features,
                &folder,
                true,
                *watch,
            )?;
            let Some(best) = model.history.last().cloned() else {
                return Err(PipelineError::Unusable {
                    path: folder,
                    expected: "at least one epoch".to_string(),
                    found: "none".to_string(),
                });
            };
            let cell = SweepCell {
                name,
                data: set.name.clone(),
                batch_size: settings.batch_size,
                learning_rate: settings.learning_rate,
                seed: settings.seed,
                best,
                test: apart(*watch, || self.scorer.score(&model.test))?,
            };
            let subjects = self.scorer.units.clone();
            let done = Finished { cell, subjects };
            write_sealed(&path, &done)?;
            cells.push(done.cell);
        }
        Ok(())
    }
}

/// The configuration of every cell of a data set, checked.
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

/// Every combination over its seeds, in the order of the cells.
fn by_setting(cells: &[SweepCell], selection: Selection, level: f64) -> Vec<SweepSetting> {
    let mut settings: Vec<SweepSetting> = Vec::new();
    for cell in cells {
        if settings.iter().any(|setting| setting.is_of(cell)) {
            continue;
        }
        let mut setting = SweepSetting {
            data: cell.data.clone(),
            batch_size: cell.batch_size,
            learning_rate: cell.learning_rate,
            seeds: 0,
            merit: f64::NAN,
            valid_balanced_accuracy: Repeats::of(&[], level, SHARE),
            test_accuracy: Repeats::of(&[], level, SHARE),
            test_balanced_accuracy: Repeats::of(&[], level, SHARE),
        };
        let runs: Vec<&SweepCell> = cells.iter().filter(|cell| setting.is_of(cell)).collect();
        let over = |value: &dyn Fn(&SweepCell) -> f64| {
            let values: Vec<f64> = runs.iter().map(|cell| value(cell)).collect();
            Repeats::of(&values, level, SHARE)
        };
        let value = |interval: &Interval| interval.value().unwrap_or(f64::NAN);
        setting.seeds = runs.len();
        let merits = runs.iter().map(|c| selection.criterion().merit(&c.best));
        setting.merit = merits.sum::<f64>() / runs.len() as f64;
        setting.valid_balanced_accuracy = over(&|c| c.best.value("valid_balanced_accuracy"));
        setting.test_accuracy = over(&|c| value(&c.test.accuracy));
        setting.test_balanced_accuracy = over(&|c| value(&c.test.balanced_accuracy));
        settings.push(setting);
    }
    settings
}

/// Accuracies lie between these.
const SHARE: (f64, f64) = (0.0, 1.0);

/// `cell.json`.
#[derive(Serialize, Deserialize)]
struct Finished {
    #[serde(flatten)]
    cell: SweepCell,
    /// Hash of whose the test clips are, on which the intervals depend.
    subjects: String,
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
            ..SweepGrid::default()
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
