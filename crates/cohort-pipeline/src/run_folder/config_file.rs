//! `config.toml` of a run folder: what the run was started with.

use std::path::Path;

use cohort_tables::{content_hash, relative, remove_unfinished, write_atomic};

use crate::config::RunConfig;
use crate::error::PipelineError;

/// Name of the file.
const FILE: &str = "config.toml";
/// Folders below a run's own that it writes to: `joint/checkpoints`.
const LEVELS: usize = 2;

/// What a call that goes on with a run may change of its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changeable {
    /// Nothing.
    Nothing,
    /// What touches no training: the title, `[fusion]` and `[audit]`.
    Evaluation,
}

/// Places of files and folders. A run or its data may be moved: what stands there is compared by content (each model's
/// `inputs.json`), not by name.
const PLACES: [&[&str]; 7] = [
    &["data"],
    &["reading", "train"],
    &["reading", "valid"],
    &["reading", "test"],
    &["image", "weights"],
    &["image", "detector"],
    &["features", "text", "weights"],
];
/// What touches no training.
const EVALUATION: [&[&str]; 4] = [&["title"], &["gallery"], &["fusion"], &["audit"]];

/// A configuration that fits the run folder, to be written once everything else fits too.
#[derive(Debug)]
pub(crate) struct Checked {
    text: String,
    changed: bool,
}

impl Checked {
    /// Writes the configuration, then removes what a killed process left half written.
    ///
    /// # Errors
    /// A file that cannot be written or removed.
    pub(crate) fn write(&self, out: &Path) -> Result<(), PipelineError> {
        if self.changed {
            write_atomic(&out.join(FILE), self.text.as_bytes())?;
        }
        Ok(remove_unfinished(out, LEVELS)?)
    }
}

/// Compares the configuration with that of the run in the folder, if there is one.
///
/// # Errors
/// When the folder holds a run and `resume` is not set, or when a value differs from the run's that may not change.
pub(crate) fn check_config(
    config: &RunConfig,
    out: &Path,
    resume: bool,
    may: Changeable,
) -> Result<Checked, PipelineError> {
    let path = out.join(FILE);
    let bad = |message: String| PipelineError::Config {
        path: path.clone(),
        message,
    };
    let written = config.seen_from(out);
    let text = toml::to_string(&written).map_err(|error| bad(error.to_string()))?;
    match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Checked {
            text,
            changed: true,
        }),
        Err(source) => Err(PipelineError::Media { path, source }),
        Ok(_) if !resume => Err(bad(
            "this folder holds a run; --resume goes on with it, --out names another".into(),
        )),
        Ok(earlier) => {
            let parse = |text: &str| {
                let table = toml::from_str::<toml::Table>(text);
                table
                    .map(toml::Value::Table)
                    .map_err(|error| bad(error.to_string().trim_end().into()))
            };
            let (mut a, mut b) = (parse(&earlier)?, parse(&text)?);
            let evaluation = EVALUATION.iter().filter(|_| may == Changeable::Evaluation);
            for place in PLACES.iter().chain(evaluation) {
                // where only one of them has a file, that is another model
                if given(&a, place) == given(&b, place) || *place == ["title"] {
                    take(&mut a, place);
                    take(&mut b, place);
                }
            }
            match difference("", &a, &b) {
                Some(difference) => Err(bad(difference)),
                None => Ok(Checked {
                    changed: text != earlier,
                    text,
                }),
            }
        }
    }
}

impl RunConfig {
    /// The configuration as a file in `folder` writes it, whose relative paths begin there.
    pub(crate) fn seen_from(&self, folder: &Path) -> Self {
        let mut written = Self {
            data: relative(folder, &self.data),
            ..self.clone()
        };
        for list in written.reading.lists_mut().into_iter().flatten() {
            *list = relative(folder, list);
        }
        // a name of a hub is no path and stays; so does what is not there
        if !written.image.weights.is_empty() {
            let weights = relative(folder, Path::new(&written.image.weights));
            written.image.weights = weights.display().to_string();
        }
        if let Some(weights) = &mut written.features.text.weights {
            *weights = relative(folder, weights);
        }
        written
    }
}

/// Hash of the settings that say what models see and how they are computed: what predictions for new clips rest on besides
/// the weights, whose places do not count.
pub(crate) fn model_settings(config: &RunConfig) -> Result<String, PipelineError> {
    let mut config = config.clone();
    config.image.weights.clear();
    config.image.detector.clear();
    config.features.text.weights = None;
    let RunConfig {
        features,
        image,
        audio,
        text,
        joint,
        ..
    } = &config;
    let text = serde_json::to_string(&(features, image, audio, text, joint))?;
    Ok(content_hash(text.as_bytes()))
}

/// Whether a value is there and not an empty text.
fn given(table: &toml::Value, place: &[&str]) -> bool {
    let value = place.iter().try_fold(table, |table, key| table.get(key));
    value.is_some_and(|value| value.as_str() != Some(""))
}

fn take(table: &mut toml::Value, place: &[&str]) {
    if let [folders @ .., name] = place {
        let inner = (folders.iter()).try_fold(table, |table, key| table.get_mut(key));
        if let Some(inner) = inner.and_then(toml::Value::as_table_mut) {
            inner.remove(*name);
        }
    }
}

/// A value as a message shows it: a whole table or a long list would bury the message.
fn brief(value: Option<&toml::Value>) -> String {
    match value {
        None => "none".to_string(),
        Some(toml::Value::Table(_)) => "a table".to_string(),
        Some(value) => {
            let text = value.to_string();
            match text.char_indices().nth(100) {
                Some((end, _)) => format!("{}...", &text[..end]),
                None => text,
            }
        }
    }
}

/// The first value that differs, by its name.
fn difference(name: &str, earlier: &toml::Value, now: &toml::Value) -> Option<String> {
    if let (toml::Value::Table(a), toml::Value::Table(b)) = (earlier, now) {
        return a
            .keys()
            .chain(b.keys().filter(|key| !a.contains_key(*key)))
            .find_map(|key| {
                let name = if name.is_empty() {
                    key.clone()
                } else {
                    format!("{name}.{key}")
                };
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => difference(&name, a, b),
                    (a, b) => Some(differs(&name, a, b)),
                }
            });
    }
    (earlier != now).then(|| differs(name, Some(earlier), Some(now)))
}

fn differs(name: &str, earlier: Option<&toml::Value>, now: Option<&toml::Value>) -> String {
    let (earlier, now) = (brief(earlier), brief(now));
    format!("{name}: expected {earlier} as the run has, found {now}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_resumed_only_with_the_same_values() {
        let folder = tempfile::tempdir().unwrap();
        let config = RunConfig {
            data: "/data".into(),
            ..RunConfig::default()
        }
        .resolve()
        .unwrap();
        let check = |config: &RunConfig, resume, may| {
            check_config(config, folder.path(), resume, may)?.write(folder.path())
        };
        check(&config, false, Changeable::Evaluation).unwrap();
        let twice = check(&config, false, Changeable::Evaluation)
            .unwrap_err()
            .to_string();
        assert!(twice.contains("holds a run; --resume"), "{twice}");
        let half = folder.path().join("joint/checkpoints/.cohort-a1.tmp");
        std::fs::create_dir_all(half.parent().unwrap()).unwrap();
        std::fs::write(&half, b"half").unwrap();
        check(&config, true, Changeable::Evaluation).unwrap();
        assert!(!half.exists());
        let told = |other: RunConfig, may| {
            let other = other.resolve().unwrap();
            check(&other, true, may).unwrap_err().to_string()
        };
        let other = RunConfig {
            seed: 7,
            ..config.clone()
        };
        let error = told(other, Changeable::Evaluation);
        assert!(
            error.contains("seed: expected 1 as the run has, found 7"),
            "{error}"
        );
        let mut other = config.clone();
        other.image.train.fine_tuning = Some(cohort_train::FineTuning::default());
        let error = told(other, Changeable::Evaluation);
        assert!(
            error.contains("image.train.fine_tuning: expected none as the run has, found a table"),
            "{error}"
        );
        let mut other = config.clone();
        other.image.detector = "faces".into();
        let error = told(other, Changeable::Evaluation);
        assert!(error.contains("image.detector: expected \"\""), "{error}");
        // what touches no training may change, where that is allowed, and is written
        let mut other = config.clone();
        (other.title, other.audit.resamples) = ("new".into(), 500);
        let error = told(other.clone(), Changeable::Nothing);
        assert!(error.contains("audit.resamples: expected 10000"), "{error}");
        check(&other, true, Changeable::Evaluation).unwrap();
        let read = RunConfig::read(&folder.path().join(FILE)).unwrap();
        assert_eq!((read.title.as_str(), read.audit.resamples), ("new", 500));
        // and so may the place of the data, whose content is compared elsewhere
        other.data = "/moved".into();
        check(&other, true, Changeable::Evaluation).unwrap();
        let read = RunConfig::read(&folder.path().join(FILE)).unwrap();
        assert_eq!(read.data, Path::new("/moved"));
    }

    #[test]
    fn what_is_written_is_a_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let config = RunConfig {
            data: data.clone(),
            composed: true,
            ..RunConfig::default()
        }
        .resolve()
        .unwrap();
        let checked = check_config(&config, folder.path(), false, Changeable::Nothing);
        checked.unwrap().write(folder.path()).unwrap();
        let read = RunConfig::read(&folder.path().join(FILE)).unwrap();
        assert_eq!(
            read,
            RunConfig {
                data: folder.path().join("data"),
                ..config
            }
        );
    }
}
