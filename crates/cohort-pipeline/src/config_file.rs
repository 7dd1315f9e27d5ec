//! `config.toml` of a run folder: what the run was started with.

use std::path::{Component, Path, PathBuf};

use cohort_tables::{remove_unfinished, write_atomic};

use crate::{PipelineError, RunConfig};

/// Name of the file.
const FILE: &str = "config.toml";
/// Folders below a run's own that it writes to: `joint/checkpoints`.
const LEVELS: usize = 2;

/// Writes the configuration of a new run, or compares it with that of the run to be resumed; then removes what a killed
/// process left half written.
///
/// # Errors
/// When the folder holds a run and `resume` is not set, or when a value differs from the run's.
pub(crate) fn check_config(
    config: &RunConfig,
    out: &Path,
    resume: bool,
) -> Result<(), PipelineError> {
    let path = out.join(FILE);
    let bad = |message: String| PipelineError::Config {
        path: path.clone(),
        message,
    };
    let written = RunConfig {
        data: relative(out, &config.data),
        ..config.clone()
    };
    let text = toml::to_string(&written).map_err(|error| bad(error.to_string()))?;
    match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            write_atomic(&path, text.as_bytes())?;
        }
        Err(source) => return Err(PipelineError::Media { path, source }),
        Ok(_) if !resume => {
            return Err(bad(
                "this folder holds a run; --resume goes on with it, --out names another".into(),
            ));
        }
        Ok(earlier) => {
            let parse = |text: &str| {
                toml::from_str::<toml::Table>(text).map_err(|error| bad(error.to_string()))
            };
            let (earlier, now) = (parse(&earlier)?, parse(&text)?);
            let difference = difference("", &toml::Value::Table(earlier), &toml::Value::Table(now));
            if let Some(difference) = difference {
                return Err(bad(difference));
            }
        }
    }
    Ok(remove_unfinished(out, LEVELS)?)
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
                    (a, b) => {
                        let show = |value: Option<&toml::Value>| {
                            value.map_or_else(|| "none".to_string(), ToString::to_string)
                        };
                        Some(format!(
                            "{name}: expected {} as the run has, found {}",
                            show(a),
                            show(b)
                        ))
                    }
                }
            });
    }
    (earlier != now).then(|| format!("{name}: expected {earlier} as the run has, found {now}"))
}

/// `target` seen from `folder`, so that a run folder beside its data can be moved with it; as it is when the two have
/// no place in common.
fn relative(folder: &Path, target: &Path) -> PathBuf {
    let (Ok(folder), Ok(full)) = (folder.canonicalize(), target.canonicalize()) else {
        return target.to_path_buf();
    };
    let (from, to): (Vec<Component>, Vec<Component>) =
        (folder.components().collect(), full.components().collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    // the root alone, or the drive, is no common place
    if common < 2 {
        return full;
    }
    let up = from[common..].iter().map(|_| Component::ParentDir);
    up.chain(to[common..].iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_within_a_tree() {
        let root = tempfile::tempdir().unwrap();
        let (run, data) = (root.path().join("out/run"), root.path().join("data"));
        std::fs::create_dir_all(&run).unwrap();
        std::fs::create_dir_all(&data).unwrap();
        assert_eq!(relative(&run, &data), Path::new("../../data"));
        assert_eq!(
            relative(&run, &root.path().join("missing")),
            root.path().join("missing")
        );
    }

    #[test]
    fn a_run_is_resumed_only_with_the_same_values() {
        let folder = tempfile::tempdir().unwrap();
        let config = RunConfig {
            data: "/data".into(),
            ..RunConfig::default()
        }
        .resolve()
        .unwrap();
        check_config(&config, folder.path(), false).unwrap();
        let twice = check_config(&config, folder.path(), false)
            .unwrap_err()
            .to_string();
        assert!(twice.contains("holds a run; --resume"), "{twice}");
        let half = folder.path().join("joint/checkpoints/.cohort-a1.tmp");
        std::fs::create_dir_all(half.parent().unwrap()).unwrap();
        std::fs::write(&half, b"half").unwrap();
        check_config(&config, folder.path(), true).unwrap();
        assert!(!half.exists());
        let other = RunConfig { seed: 7, ..config }.resolve().unwrap();
        let error = check_config(&other, folder.path(), true)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("seed: expected 1 as the run has, found 7"),
            "{error}"
        );
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
        check_config(&config, folder.path(), false).unwrap();
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
