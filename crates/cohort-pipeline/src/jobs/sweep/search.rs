//! A search for settings in a declared space: trials one after the other or several at a time, each in a folder of its own.
//!
//! Which point a trial tries is a function of the space, the seed and what the trials before it gave, and a trial that has ended
//! has a sealed record: the records are the journal, from which a search that was stopped goes on to the same bytes.

use std::collections::VecDeque;
use std::path::Path;
use std::process::{Child, ExitStatus};

use cohort_eval::IntervalSettings;
use cohort_tables::{FolderLock, Predictions};
use cohort_train::{Selection, best_epoch};
use cohort_tuning::{Method, Outcome, Range, Search, Space, Trial};
use serde_json::{Map, Value, json};

use super::super::train::train_branch;
use super::scorer::Scorer;
use super::search_document::{Gain, Scored, Searched, TrialEnd, TrialRecord};
use super::search_report;
use super::trial::{Asked, Trials, trial_name};
use crate::branches;
use crate::config::RunConfig;
use crate::dataset::classes;
use crate::error::PipelineError;
use crate::modality::Modality;
use crate::run_folder::{
    Changeable, PREDICTIONS, check_config, make_folder, read_sealed, write_sealed,
};
use crate::watch::{Watch, apart, say_notes};

/// How a search goes.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchSettings {
    /// The settings that are searched, by their keys in a configuration, all in the model's own part of it.
    pub space: Space,
    /// How points are chosen.
    pub method: Method,
    /// Trials; a search may grow.
    pub trials: usize,
    /// Trials at a time, each in a process of its own where it is more than one.
    pub jobs: usize,
    /// Whether trials below the median of the others are given up early.
    pub prune: bool,
}

/// Starts a process that calls [`super::run_trial`] for a trial of the search.
pub type Spawn<'a> = &'a dyn Fn(usize) -> std::io::Result<Child>;

/// Most trials and trials at a time.
const MOST: usize = 100_000;

/// Searches settings for the model of `modality` in folders below `out`, and writes `search.json`, `search.csv`, `search.txt`,
/// `search.svg` and `best.toml`, the configuration that was found, there. The configuration as it is is trained too, and what was
/// found is compared with it on the test split. A search that was stopped goes on.
///
/// # Errors
/// As [`crate::train_modality`]; a key that is not the model's own or values out of range; an `out` that holds another search.
pub fn search(
    config: &RunConfig,
    modality: Modality,
    settings: &SearchSettings,
    out: &Path,
    spawn: Spawn,
    watch: &dyn Watch,
) -> Result<Searched, PipelineError> {
    check(config, modality, settings, watch)?;
    let dataset = config.open_dataset()?;
    say_notes(&dataset.notes, watch);
    let _lock = FolderLock::take(out)?;
    check_config(config, out, true, Changeable::Nothing)?.write(out)?;
    check_settings(settings, out)?;
    let scorer = Scorer::new(&dataset, config.audit.resamples)?;

    // the feature tables are made here, once, before any trial asks for them
    let branch = branches::open(modality, config, watch)?;
    let reference = out.join(REFERENCE);
    watch.say("the configuration as it is");
    let features = out.join("features");
    let as_it_is = train_branch(
        config, &dataset, &*branch, &features, &reference, true, watch,
    )?;
    let criterion = config.train_settings(modality).selection.criterion();
    let valid = best_epoch(&as_it_is.history, criterion).and_then(|m| m.get(criterion.metric));
    let reference = Scored {
        name: REFERENCE.to_string(),
        valid: valid.unwrap_or(f64::NAN),
        test: apart(watch, || scorer.score(&as_it_is.test))?,
    };
    let trials = Trials {
        config,
        modality,
        dataset: &dataset,
        out,
    };
    let records = Job {
        trials: &trials,
        settings,
        search: Search {
            space: settings.space.clone(),
            method: settings.method,
            seed: config.seed,
        },
        spawn,
        watch,
    }
    .run()?;

    // the first of equals
    let finished = records.iter().filter(|r| r.end == TrialEnd::Finished);
    let chosen = finished
        .filter_map(|record| Some((record.merit()?, record)))
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, record)| record);
    let (mut found, mut gain) = (None, None);
    if let Some(chosen) = chosen {
        let path = out.join(trial_name(chosen.number)).join(PREDICTIONS);
        let test = Predictions::read(&path, Some(&classes(&dataset)))?;
        found = Some(Scored {
            name: trial_name(chosen.number),
            valid: chosen.valid.unwrap_or(f64::NAN),
            test: apart(watch, || scorer.score(&test))?,
        });
        let [accuracy, balanced_accuracy] = apart(watch, || scorer.gain(&test, &as_it_is.test))?;
        gain = Some(Gain {
            accuracy,
            balanced_accuracy,
        });
    }
    let searched = Searched {
        schema: "cohort.tuning/1".to_string(),
        modality,
        method: settings.method,
        seed: config.seed,
        jobs: settings.jobs,
        prune: settings.prune,
        selection: config.train_settings(modality).selection,
        level: IntervalSettings::default().level,
        unit: match dataset.schema.items_are_units() {
            true => dataset.schema.item.clone(),
            false => dataset.schema.unit.clone(),
        },
        reference,
        chosen: chosen.map(|record| record.number),
        found,
        gain,
        majority: scorer.majority(&as_it_is.test)?,
        notes: dataset.notes_for_documents(),
        trials: records,
    };
    let values = chosen_values(&searched);
    search_report::write(&searched, &config.with_values(&values)?, out)?;
    Ok(searched)
}

/// Settings that change what the loss measures: trials that differ in them cannot be chosen by it.
const LOSS: [&str; 8] = [
    "train.head",
    "train.class_weights",
    "train.deferred_weights",
    "train.label_smoothing",
    "train.ordinal_width",
    "train.focal_gamma",
    "train.mean_loss",
    "train.variance_loss",
];

/// Folder of the configuration as it is.
const REFERENCE: &str = "reference";

/// The settings of the chosen trial; none where there is none.
fn chosen_values(searched: &Searched) -> Map<String, Value> {
    let chosen = searched
        .chosen
        .and_then(|number| searched.trials.get(number - 1));
    chosen.map_or_else(Map::new, |record| record.values.clone())
}

/// Refuses what would only be found in the middle of the search: keys that are not the model's, ends of ranges that are no
/// settings.
fn check(
    config: &RunConfig,
    modality: Modality,
    settings: &SearchSettings,
    watch: &dyn Watch,
) -> Result<(), PipelineError> {
    let by_loss = config.train_settings(modality).selection == Selection::Loss;
    for (name, value) in [("trials", settings.trials), ("jobs", settings.jobs)] {
        if !(1..=MOST).contains(&value) {
            return Err(PipelineError::Setting {
                name,
                expected: "1 to 100000",
                found: value.to_string(),
            });
        }
    }
    for parameter in settings.space.parameters() {
        let own = parameter.name.strip_prefix(&format!("{modality}."));
        let told = |key: &str| matches!(key, "train.seed" | "train.device");
        if own.is_none_or(told) {
            return Err(PipelineError::Unusable {
                path: "space".into(),
                expected: format!(
                    "keys of the {modality} model, such as {modality}.train.learning_rate (not its seed or device)"
                ),
                found: parameter.name.clone(),
            });
        }
        let changes_measure =
            |key: &str| key == "train.selection" || by_loss && LOSS.contains(&key);
        if own.is_some_and(changes_measure) {
            return Err(PipelineError::Unusable {
                path: "space".into(),
                expected: "trials that are measured alike".to_string(),
                found: format!(
                    "{}, which changes what they are chosen by; leave it out, or name another selection than the loss in the configuration",
                    parameter.name
                ),
            });
        }
        if let Range::Integer {
            low, high, step: 1, ..
        } = parameter.range
            && low < high
        {
            let between = json!(low as f64 + 0.5);
            let alone = Map::from_iter([(parameter.name.clone(), between)]);
            if config.with_values(&alone).is_ok() {
                watch.say(&format!(
                    "note: {}: whole numbers from {low} to {high} are tried, as both ends are whole; {low}.0 and {high}.0 stand for real ones",
                    parameter.name
                ));
            }
        }
        let ends: Vec<Value> = match &parameter.range {
            Range::Float { low, high, .. } => vec![json!(low), json!(high)],
            Range::Integer { low, high, .. } => vec![json!(low), json!(high)],
            Range::Choice(values) => values.clone(),
        };
        for end in ends {
            let alone = Map::from_iter([(parameter.name.clone(), end.clone())]);
            if let Err(error) = config.with_values(&alone) {
                return Err(PipelineError::Unusable {
                    path: "space".into(),
                    expected: format!("values that {} may have", parameter.name),
                    found: format!("{end} ({})", error.to_string().trim_end()),
                });
            }
        }
    }
    Ok(())
}

/// Holds the search's settings against those that it began with; the number of trials may differ.
fn check_settings(settings: &SearchSettings, out: &Path) -> Result<(), PipelineError> {
    let space = settings.space.parameters().iter();
    let space = space.map(|p| (p.name.clone(), Value::from(format!("{:?}", p.range))));
    let own = json!({
        "space": Map::from_iter(space),
        "method": settings.method,
        "jobs": settings.jobs,
        "prune": settings.prune,
    });
    let path = out.join("space.json");
    match read_sealed(&path)? {
        None => {
            make_folder(out)?;
            write_sealed(&path, &own)
        }
        Some(mut earlier) => {
            if let Some(earlier) = earlier.as_object_mut() {
                // the checksum
                earlier.retain(|key, _| own.get(key).is_some());
            }
            let differs = |key: &&str| earlier[*key] != own[*key];
            match ["space", "method", "jobs", "prune"]
                .iter()
                .find(|k| differs(k))
            {
                None => Ok(()),
                Some(key) => Err(PipelineError::Unusable {
                    path,
                    expected: format!("the {key} that this search began with, {}", earlier[*key]),
                    found: format!("{}; start a new search in another folder", own[*key]),
                }),
            }
        }
    }
}

/// The trials of a search.
struct Job<'a> {
    trials: &'a Trials<'a>,
    settings: &'a SearchSettings,
    search: Search,
    spawn: Spawn<'a>,
    watch: &'a dyn Watch,
}

/// A trial at work.
struct Running {
    asked: Asked,
    /// What another process does; none for a trial that has ended already.
    work: Result<Child, TrialRecord>,
}

impl Job<'_> {
    fn run(&self) -> Result<Vec<TrialRecord>, PipelineError> {
        let mut records: Vec<TrialRecord> = Vec::new();
        let mut running: VecDeque<Running> = VecDeque::new();
        let result = self.all(&mut records, &mut running);
        // nobody trains on after the search has ended
        for mut left in running {
            if let Ok(child) = &mut left.work {
                if !self.watch.stopped() {
                    let _ = child.kill();
                }
                let _ = child.wait();
            }
        }
        result.map(|()| records)
    }

    /// Trials are begun and looked at in their order, so that what a suggestion knows does not depend on which trial was quick.
    fn all(
        &self,
        records: &mut Vec<TrialRecord>,
        running: &mut VecDeque<Running>,
    ) -> Result<(), PipelineError> {
        let count = self.settings.trials;
        while records.len() < count {
            let next = records.len() + running.len();
            if next < count && running.len() < self.settings.jobs {
                running.push_back(self.begin(next, records, running)?);
                continue;
            }
            let first = running.pop_front().expect("a trial is at work");
            let record = match first.work {
                Err(record) => record,
                Ok(child) => self.wait(first.asked.number, child)?,
            };
            self.watch.say(&search_report::line(&record, count));
            records.push(record);
        }
        Ok(())
    }

    /// Asks for a trial and begins it, or takes it as it has ended before.
    fn begin(
        &self,
        index: usize,
        records: &[TrialRecord],
        running: &VecDeque<Running>,
    ) -> Result<Running, PipelineError> {
        // a suggestion knows all trials but those that may be at work when it is made
        let number = index + 1;
        let known = number.saturating_sub(self.settings.jobs);
        let ended = records
            .iter()
            .map(|record| (&record.point, record.outcome()));
        let at_work = running
            .iter()
            .map(|one| (&one.asked.point, Outcome::Running));
        let earlier: Vec<Trial> = (ended.chain(at_work).enumerate())
            .map(|(at, (point, outcome))| Trial {
                point: point.clone(),
                outcome: if at < known {
                    outcome
                } else {
                    Outcome::Running
                },
            })
            .collect();
        let point = self.search.suggest(index, &earlier);
        let names = self
            .search
            .space
            .parameters()
            .iter()
            .map(|p| p.name.clone());
        let values = names.zip(self.search.space.values(&point)).collect();
        let rivals = records[..known.min(records.len())].iter();
        let rivals = rivals.filter(|r| self.settings.prune && r.end == TrialEnd::Finished);
        let asked = Asked {
            number,
            point,
            values,
            rivals: rivals.map(|record| record.number).collect(),
        };
        if let Some(record) = self.trials.ended(&asked, self.watch)? {
            let work = Err(record);
            return Ok(Running { asked, work });
        }
        if self.watch.stopped() {
            return Err(PipelineError::Stopped);
        }
        self.trials.ask(&asked)?;
        let work = match self.settings.jobs {
            1 => Err(self.trials.run(&asked, self.watch)?),
            _ => Ok((self.spawn)(number).map_err(|source| PipelineError::Write {
                path: self.trials.out.join(trial_name(number)),
                source,
            })?),
        };
        Ok(Running { asked, work })
    }

    /// The record that another process wrote.
    fn wait(&self, number: usize, mut child: Child) -> Result<TrialRecord, PipelineError> {
        let folder = self.trials.out.join(trial_name(number));
        let failed = |source| PipelineError::Write {
            path: folder.clone(),
            source,
        };
        let status: ExitStatus = child.wait().map_err(failed)?;
        if self.watch.stopped() {
            return Err(PipelineError::Stopped);
        }
        let path = folder.join("trial.json");
        match read_sealed(&path)? {
            Some(record) if status.success() => crate::run_folder::document_of(record, &path),
            _ => Err(PipelineError::Unusable {
                path: folder.join("log.txt"),
                expected: "a trial that ends".to_string(),
                found: format!("{status}; the reason stands in this file"),
            }),
        }
    }
}
