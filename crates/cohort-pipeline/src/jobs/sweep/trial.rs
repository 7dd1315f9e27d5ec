//! One trial of a search: a model trained under the settings that were asked for, in a folder of its own.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use cohort_data::Dataset;
use cohort_tables::TableError;
use cohort_train::{Criterion, EpochMetrics, TrainError, best_epoch};
use cohort_tuning::{Point, is_poor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::train::{TrainedModality, model_inputs, train_branch};
use super::search_document::{TrialEnd, TrialRecord};
use crate::branches;
use crate::config::RunConfig;
use crate::error::PipelineError;
use crate::modality::Modality;
use crate::run_folder::{check_inputs, document_of, make_folder, read_sealed, write_sealed};
use crate::watch::Watch;

/// What a trial is to do: `asked.json` in its folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) number: usize,
    pub(super) point: Point,
    pub(super) values: Map<String, Value>,
    /// The finished trials whose curves decide whether this one is poor; none where no trial is given up.
    pub(super) rivals: Vec<usize>,
}

/// Trials of a search.
pub(super) struct Trials<'a> {
    /// The search's configuration, without any trial's settings.
    pub(super) config: &'a RunConfig,
    pub(super) modality: Modality,
    pub(super) dataset: &'a Dataset,
    /// Folder of the search.
    pub(super) out: &'a Path,
}

const RECORD: &str = "trial.json";
const ASKED: &str = "asked.json";

/// Folder of a trial below that of the search.
pub(super) fn trial_name(number: usize) -> String {
    format!("trials/{number:04}")
}

/// Trains trial `number` of the search in `out` and writes its record: what [`super::search`] has other processes do.
///
/// # Errors
/// When `out` holds no search that asked for this trial; as [`crate::train_modality`].
pub fn run_trial(
    modality: Modality,
    out: &Path,
    number: usize,
    watch: &dyn Watch,
) -> Result<(), PipelineError> {
    let config = RunConfig::read(&out.join("config.toml"))?.resolve()?;
    let dataset = config.open_dataset()?;
    let path = out.join(trial_name(number)).join(ASKED);
    let asked = read_sealed(&path)?.ok_or_else(|| PipelineError::Unusable {
        path: path.clone(),
        expected: "what the trial is to do".to_string(),
        found: "no file".to_string(),
    })?;
    let asked: Asked = document_of(asked, &path)?;
    let trials = Trials {
        config: &config,
        modality,
        dataset: &dataset,
        out,
    };
    trials.run(&asked, watch).map(|_| ())
}

impl Trials<'_> {
    /// The record of a trial that has ended, if it was of these settings and these inputs.
    pub(super) fn ended(
        &self,
        asked: &Asked,
        watch: &dyn Watch,
    ) -> Result<Option<TrialRecord>, PipelineError> {
        let folder = self.out.join(trial_name(asked.number));
        let path = folder.join(RECORD);
        let Some(record) = read_sealed(&path)? else {
            return Ok(None);
        };
        let record: TrialRecord = document_of(record, &path)?;
        if (&record.point, &record.values) != (&asked.point, &asked.values) {
            return Err(PipelineError::Unusable {
                path,
                expected: "the trial that this search asks for".to_string(),
                found: "one of another search, or of other results before it; start a new search in another folder"
                    .to_string(),
            });
        }
        if record.epochs > 0 {
            let config = self.config.with_values(&asked.values)?;
            let branch = branches::open(self.modality, &config, watch)?;
            let features = self.features(asked);
            let inputs = patiently(watch, || {
                model_inputs(&*branch, self.dataset, &features, watch)
            })?;
            check_inputs(&folder, true, &inputs)?;
        }
        Ok(Some(record))
    }

    /// Writes down what a trial is to do.
    pub(super) fn ask(&self, asked: &Asked) -> Result<(), PipelineError> {
        let folder = self.out.join(trial_name(asked.number));
        make_folder(&folder)?;
        write_sealed(&folder.join(ASKED), asked)
    }

    /// Trains a trial, or goes on with it, and writes its record.
    pub(super) fn run(
        &self,
        asked: &Asked,
        watch: &dyn Watch,
    ) -> Result<TrialRecord, PipelineError> {
        let folder = self.out.join(trial_name(asked.number));
        let mut record = TrialRecord {
            number: asked.number,
            point: asked.point.clone(),
            values: asked.values.clone(),
            end: TrialEnd::Failed,
            epochs: 0,
            valid: None,
            curve: Vec::new(),
            reason: None,
        };
        let config = match self.config.with_values(&asked.values) {
            Ok(config) => config,
            // settings that are in range each, but do not go together
            Err(error) => {
                record.reason = Some(error.to_string());
                write_sealed(&folder.join(RECORD), &record)?;
                return Ok(record);
            }
        };
        let criterion = config.train_settings(self.modality).selection.criterion();
        let pruner = Pruner {
            metrics: folder.join("metrics.jsonl"),
            criterion,
            rivals: self.curves(&asked.rivals)?,
            warm_up: config
                .train_settings(self.modality)
                .epochs
                .div_ceil(WARM_UP),
            poor: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            watch,
        };
        // a trial that was found poor and killed before that was written down
        let mut trained = match pruner.was_poor()? {
            true => Err(PipelineError::Stopped),
            false => self.train(asked, &config, &folder, &pruner),
        };
        if watch.stopped() {
            return Err(PipelineError::Stopped);
        }
        if pruner.poor.load(Ordering::SeqCst) && trained.is_err() {
            record.end = TrialEnd::Pruned;
        } else {
            match &mut trained {
                Ok(_) => record.end = TrialEnd::Finished,
                Err(PipelineError::Train(error @ TrainError::Diverged { .. })) => {
                    record.reason = Some(error.to_string());
                }
                Err(_) => return trained.map(|_| record),
            }
        }
        let history = pruner.history()?;
        record.epochs = history.len();
        record.curve = history.iter().map(|m| finite(criterion.merit(m))).collect();
        record.valid = best_epoch(&history, criterion).and_then(|m| m.get(criterion.metric));
        write_sealed(&folder.join(RECORD), &record)?;
        Ok(record)
    }

    fn train(
        &self,
        asked: &Asked,
        config: &RunConfig,
        folder: &Path,
        watch: &dyn Watch,
    ) -> Result<TrainedModality, PipelineError> {
        let branch = branches::open(self.modality, config, watch)?;
        let features = self.features(asked);
        patiently(watch, || {
            train_branch(
                config,
                self.dataset,
                &*branch,
                &features,
                folder,
                true,
                watch,
            )
        })
    }

    /// Folder of the feature tables: the search's own, but for a trial that looks at its items otherwise.
    fn features(&self, asked: &Asked) -> PathBuf {
        let own = asked.values.keys().any(|key| changes_what_is_seen(key));
        match own {
            true => self.out.join(trial_name(asked.number)).join("features"),
            false => self.out.join("features"),
        }
    }

    /// The merits by epoch of trials that were finished.
    fn curves(&self, numbers: &[usize]) -> Result<Vec<Vec<f64>>, PipelineError> {
        let mut curves = Vec::new();
        for &number in numbers {
            let path = self.out.join(trial_name(number)).join(RECORD);
            let record = read_sealed(&path)?.ok_or_else(|| PipelineError::Unusable {
                path: path.clone(),
                expected: "a finished trial".to_string(),
                found: "no record".to_string(),
            })?;
            let record: TrialRecord = document_of(record, &path)?;
            curves.push(record.merits());
        }
        Ok(curves)
    }
}

/// Does what looks whether the feature tables are up to date, once no other trial is looking.
fn patiently<T>(
    watch: &dyn Watch,
    work: impl Fn() -> Result<T, PipelineError>,
) -> Result<T, PipelineError> {
    loop {
        match work() {
            Err(PipelineError::Tables(TableError::InUse { .. })) if !watch.stopped() => {
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            other => return other,
        }
    }
}

/// No trial is given up before this share of its epochs: one of so many.
const WARM_UP: usize = 5;

/// Whether a setting changes what the model sees in an item, not only how it learns.
fn changes_what_is_seen(key: &str) -> bool {
    let learns = [".train.", ".hidden", ".dropout", ".augmentation"];
    !learns.iter().any(|part| key.contains(part))
}

fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

/// Passes everything on to another watch, and stops the training of a trial that is poor.
struct Pruner<'a> {
    metrics: PathBuf,
    criterion: Criterion,
    rivals: Vec<Vec<f64>>,
    warm_up: usize,
    poor: AtomicBool,
    stop: AtomicBool,
    watch: &'a dyn Watch,
}

impl Pruner<'_> {
    /// The epochs so far; none before the first.
    fn history(&self) -> Result<Vec<EpochMetrics>, PipelineError> {
        let text = match std::fs::read_to_string(&self.metrics) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => {
                return Err(PipelineError::Media {
                    path: self.metrics.clone(),
                    source,
                });
            }
        };
        let history: Result<Vec<EpochMetrics>, _> =
            text.lines().map(serde_json::from_str).collect();
        Ok(history?)
    }

    /// Whether any epoch so far had been the last.
    fn was_poor(&self) -> Result<bool, PipelineError> {
        let merits: Vec<f64> = (self.history()?.iter())
            .map(|metrics| self.criterion.merit(metrics))
            .collect();
        let rivals: Vec<&[f64]> = self.rivals.iter().map(Vec::as_slice).collect();
        let poor = (1..=merits.len()).any(|n| is_poor(&merits[..n], &rivals, self.warm_up));
        self.poor.fetch_or(poor, Ordering::SeqCst);
        self.stop.fetch_or(poor, Ordering::SeqCst);
        Ok(poor)
    }
}

impl Watch for Pruner<'_> {
    fn say(&self, line: &str) {
        self.watch.say(line);
    }

    fn begin(&self, what: &str, total: usize) {
        self.watch.begin(what, total);
    }

    fn begin_bytes(&self, what: &str, total: u64) {
        self.watch.begin_bytes(what, total);
    }

    fn at(&self, done: usize) {
        if self.watch.stopped() {
            self.stop.store(true, Ordering::SeqCst);
        }
        self.watch.at(done);
    }

    fn epoch(&self, _: &str, _: &EpochMetrics, _: bool) {
        // a file that cannot be read is told when the trial ends
        let _ = self.was_poor();
    }

    fn end(&self) {
        self.watch.end();
    }

    fn stop(&self) -> &AtomicBool {
        &self.stop
    }

    fn may_end(&self, yes: bool) {
        self.watch.may_end(yes);
    }

    fn stopped(&self) -> bool {
        self.watch.stopped() || self.stop.load(Ordering::SeqCst)
    }
}
