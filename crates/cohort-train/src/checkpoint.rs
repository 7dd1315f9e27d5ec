//! The state of a run on disk: weights, optimiser moments, history.
//!
//! Nothing else is needed to go on: the schedule and all random numbers follow from the seed and
//! the number of epochs done, the best epoch and the patience from the history.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cohort_weights::{Array, Weights};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::run_folder::best_checkpoint;
use crate::{EpochMetrics, RunFolder, TrainError};

/// Version of the document inside a checkpoint.
pub(crate) const SCHEMA: &str = "cohort.checkpoint/2";

/// What a checkpoint says besides its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Document<R> {
    pub(crate) schema: String,
    /// BLAKE3 of the whole file with [`NO_CHECKSUM`] in the place of this.
    pub(crate) checksum: String,
    /// What decides the run, part by part.
    #[serde(flatten)]
    pub(crate) record: R,
    pub(crate) history: Vec<EpochMetrics>,
}

/// Stands for the checksum while it is computed.
pub(crate) const NO_CHECKSUM: &str =
    "0000000000000000000000000000000000000000000000000000000000000000";

/// Name of a tensor of the network in a checkpoint that also holds optimiser state.
const NETWORK: &str = "network.";
/// Name of a tensor of the running average.
const AVERAGE: &str = "average.";

/// Name of a tensor that the task keeps besides the network.
const CARRIED: &str = "task.";

/// Everything needed to go on, as tensors.
pub(crate) struct State {
    /// The network.
    pub(crate) network: Weights,
    /// What the optimiser remembers.
    pub(crate) moments: Weights,
    /// The running average of the network, where there is one.
    pub(crate) average: Option<Weights>,
    /// What the task keeps besides.
    pub(crate) carried: Weights,
}

/// Writes the network that predictions use.
pub(crate) fn write_best(
    run: &RunFolder,
    weights: &Weights,
    document: &str,
) -> Result<(), TrainError> {
    write(run, "checkpoints/best.safetensors", weights, document)
}

/// Writes everything needed to go on.
pub(crate) fn write_last(run: &RunFolder, state: State, document: &str) -> Result<(), TrainError> {
    let mut arrays: BTreeMap<String, Array> = state.moments.0;
    let average = state.average.unwrap_or_default();
    for (prefix, weights) in [
        (NETWORK, state.network),
        (AVERAGE, average),
        (CARRIED, state.carried),
    ] {
        for (name, array) in weights.0 {
            arrays.insert(format!("{prefix}{name}"), array);
        }
    }
    write(
        run,
        "checkpoints/last.safetensors",
        &Weights(arrays),
        document,
    )
}

/// Writes weights with a document whose checksum is [`NO_CHECKSUM`], which is replaced.
fn write(run: &RunFolder, name: &str, weights: &Weights, document: &str) -> Result<(), TrainError> {
    let mut bytes = weights.to_safetensors(document)?;
    let place = place_of(&bytes, NO_CHECKSUM).ok_or_else(|| TrainError::Format {
        path: run.path().join(name),
        expected: "a document with a place for its checksum",
        found: "none".to_owned(),
    })?;
    let checksum = blake3::hash(&bytes).to_hex();
    bytes[place].copy_from_slice(checksum.as_bytes());
    run.write(name, &bytes)
}

/// Where a checksum stands in a file: the document lies before all tensors, and it begins with schema and checksum.
fn place_of(bytes: &[u8], checksum: &str) -> Option<std::ops::Range<usize>> {
    let length = checksum.len();
    let at = bytes
        .windows(length)
        .position(|window| window == checksum.as_bytes())?;
    Some(at..at + length)
}

/// [`read`] of the best checkpoint of a run folder.
///
/// # Errors
/// [`TrainError::NoModel`] when the folder holds none.
pub(crate) fn read_best<R: DeserializeOwned>(
    run: &Path,
) -> Result<(Weights, Document<R>, String), TrainError> {
    let path = best_checkpoint(run);
    match path.is_file() {
        true => read(&path),
        false => Err(TrainError::NoModel {
            run: run.to_owned(),
            file: path,
        }),
    }
}

/// Reads a checkpoint, checked against its checksum; also gives the BLAKE3 hash of the file, in hexadecimal.
pub(crate) fn read<R: DeserializeOwned>(
    path: &Path,
) -> Result<(Weights, Document<R>, String), TrainError> {
    let mut bytes = fs::read(path).map_err(TrainError::io("reading", path))?;
    let (weights, text) = Weights::from_safetensors(&bytes, path)?;
    let format = |found: String| TrainError::Format {
        path: path.to_owned(),
        expected: SCHEMA,
        found,
    };
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|e| format(e.to_string()))?;
    match value.get("schema").and_then(|s| s.as_str()) {
        Some(SCHEMA) => {}
        other => return Err(format(other.unwrap_or("no schema").to_owned())),
    }
    let document: Document<R> = serde_json::from_value(value).map_err(|e| format(e.to_string()))?;
    let hash = blake3::hash(&bytes).to_hex().to_string();
    let damaged = || TrainError::Damaged {
        path: path.to_owned(),
    };
    let place = (document.checksum.len() == NO_CHECKSUM.len())
        .then(|| place_of(&bytes, &document.checksum))
        .flatten()
        .ok_or_else(damaged)?;
    bytes[place].copy_from_slice(NO_CHECKSUM.as_bytes());
    if blake3::hash(&bytes).to_hex().as_str() != document.checksum {
        return Err(damaged());
    }
    Ok((weights, document, hash))
}

/// Splits what [`write_last`] wrote, its parts checked against each other.
pub(crate) fn split(all: Weights, path: &Path) -> Result<State, TrainError> {
    let mut network = BTreeMap::new();
    let (mut average, mut moments) = (BTreeMap::new(), BTreeMap::new());
    let mut carried = BTreeMap::new();
    for (name, array) in all.0 {
        if let Some(name) = name.strip_prefix(NETWORK) {
            network.insert(name.to_owned(), array);
        } else if let Some(name) = name.strip_prefix(AVERAGE) {
            average.insert(name.to_owned(), array);
        } else if let Some(name) = name.strip_prefix(CARRIED) {
            carried.insert(name.to_owned(), array);
        } else {
            moments.insert(name, array);
        }
    }
    for (name, array) in &moments {
        let parameter = name.split_once('.').and_then(|(_, path)| network.get(path));
        if parameter.is_none_or(|p| p.values.len() != array.values.len()) {
            return Err(TrainError::Format {
                path: path.to_owned(),
                expected: "optimiser moments of the network's parameters",
                found: format!("{name:?} of length {}", array.values.len()),
            });
        }
    }
    Ok(State {
        network: Weights(network),
        moments: Weights(moments),
        average: (!average.is_empty()).then_some(Weights(average)),
        carried: Weights(carried),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::open(folder.path()).unwrap();
        let document = Document {
            schema: SCHEMA.to_owned(),
            checksum: NO_CHECKSUM.to_owned(),
            record: BTreeMap::from([("network".to_owned(), 2)]),
            history: Vec::new(),
        };
        let array = Array {
            shape: vec![3],
            values: vec![0.25, -1.5, 3.0],
        };
        let weights = Weights(BTreeMap::from([("w".to_owned(), array)]));
        let text = serde_json::to_string(&document).unwrap();
        write_best(&run, &weights, &text).unwrap();
        let path = run.best_checkpoint();
        let whole = fs::read(&path).unwrap();
        let (read, _, hash) = super::read::<BTreeMap<String, usize>>(&path).unwrap();
        assert_eq!(read, weights);
        assert_eq!(hash, blake3::hash(&whole).to_hex().as_str());
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&path, bytes).unwrap();
            let error = super::read::<BTreeMap<String, usize>>(&path)
                .err()
                .map(|error| error.to_string());
            let error = error.unwrap_or_else(|| panic!("byte {at} was taken"));
            assert!(error.contains("best.safetensors"), "{error}");
        }
    }
}
