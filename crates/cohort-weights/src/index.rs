//! Which files a model's weights lie in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use crate::WeightsError;

/// How the name of an index ends that says which of several files holds which tensor.
pub const INDEX: &str = ".index.json";
/// Files of weights of a model's folder, the first that is there counts.
pub const WEIGHTS: [&str; 4] = [
    "model.safetensors",
    "pytorch_model.bin",
    "model.safetensors.index.json",
    "pytorch_model.bin.index.json",
];
/// Most bytes of an index.
const MOST_INDEX: u64 = 1 << 28;
/// Most files of an index.
const MOST_FILES: usize = 10_000;

/// Which file holds which tensor.
#[derive(Deserialize)]
pub struct Index {
    pub(crate) weight_map: BTreeMap<String, String>,
}

impl Index {
    /// Reads an index.
    ///
    /// # Errors
    /// [`WeightsError`] when it is none, or names files elsewhere.
    pub fn read(path: &Path) -> Result<Self, WeightsError> {
        let size = path
            .metadata()
            .map_err(|e| WeightsError::new(path, e))?
            .len();
        if size > MOST_INDEX {
            let reason = format!("expected an index of at most {MOST_INDEX} bytes, found {size}");
            return Err(WeightsError::new(path, reason));
        }
        let bytes = std::fs::read(path).map_err(|e| WeightsError::new(path, e))?;
        let index: Self = serde_json::from_slice(&bytes).map_err(|e| WeightsError::new(path, e))?;
        let files = index.files();
        if let Some(file) = files.iter().find(|f| !is_plain(f) || f.ends_with(INDEX)) {
            let reason = format!("expected files beside it, found {file:?}");
            return Err(WeightsError::new(path, reason));
        }
        if files.is_empty() || files.len() > MOST_FILES {
            let found = files.len();
            let reason = format!("weight_map: expected 1 to {MOST_FILES} files, found {found}");
            return Err(WeightsError::new(path, reason));
        }
        Ok(index)
    }

    /// The files, each once and in order.
    pub fn files(&self) -> BTreeSet<&str> {
        self.weight_map.values().map(String::as_str).collect()
    }
}

/// Whether a file's name is that of an index.
pub fn is_index(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.ends_with(INDEX))
}

/// The file of weights of a model's folder.
///
/// # Errors
/// [`WeightsError`] when there is none.
pub fn weights_of(folder: &Path) -> Result<PathBuf, WeightsError> {
    let mut files = WEIGHTS.iter().map(|name| folder.join(name));
    files.find(|file| file.is_file()).ok_or_else(|| {
        let reason = "expected model.safetensors or pytorch_model.bin (or the index of several, \
                      model.safetensors.index.json), found none";
        WeightsError::new(folder, reason)
    })
}

/// Checks that weights can hold what a configuration announces, a byte a value at least, before any room is made for it.
///
/// # Errors
/// [`WeightsError`] naming the configuration.
pub fn check_size(values: u128, config: &Path, weights: &Path) -> Result<(), WeightsError> {
    let mut bytes = 0u128;
    for file in weight_files(weights)? {
        let about = file.metadata().map_err(|e| WeightsError::new(&file, e))?;
        bytes += u128::from(about.len());
    }
    match values <= bytes {
        true => Ok(()),
        false => Err(WeightsError::new(
            config,
            format!(
                "a network of {values} values: expected one that fits into the weights, found {bytes} bytes of them in {}",
                weights.display()
            ),
        )),
    }
}

/// Every file that weights at `path` consist of: itself, and those that it names as an index.
///
/// # Errors
/// [`WeightsError`] for an index that is damaged.
pub fn weight_files(path: &Path) -> Result<Vec<PathBuf>, WeightsError> {
    let mut files = vec![path.to_owned()];
    if is_index(path) {
        let index = Index::read(path)?;
        files.extend(index.files().iter().map(|file| path.with_file_name(file)));
    }
    Ok(files)
}

/// Whether a path stays below where it begins.
pub fn is_plain(path: &str) -> bool {
    !path.is_empty()
        && !path.contains('\\')
        && Path::new(path)
            .components()
            .all(|c| matches!(c, Component::Normal(_)))
}
