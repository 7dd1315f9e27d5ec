//! The state of a run on disk: weights, optimiser moments, history.
//!
//! Nothing else is needed to go on: the schedule and all random numbers follow from the seed and
//! the number of epochs done, the best epoch and the patience from the history.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cohort_nn::{Array, Weights};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{EpochMetrics, RunFolder, TrainError};

/// Version of the document inside a checkpoint.
pub(crate) const SCHEMA: &str = "cohort.checkpoint/1";

/// What a checkpoint says besides its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Document<R> {
    pub(crate) schema: String,
    /// What decides the run, part by part.
    #[serde(flatten)]
    pub(crate) record: R,
    pub(crate) history: Vec<EpochMetrics>,
}

/// Name of a tensor of the network in a checkpoint that also holds optimiser state.
const NETWORK: &str = "network.";
/// Name of a tensor of the running average.
const AVERAGE: &str = "average.";

/// Everything needed to go on, as tensors.
pub(crate) struct State {
    /// The network.
    pub(crate) network: Weights,
    /// What the optimiser remembers.
    pub(crate) moments: Weights,
    /// The running average of the network, where there is one.
    pub(crate) average: Option<Weights>,
}

/// Writes the network that predictions use.
pub(crate) fn write_best(
    run: &RunFolder,
    weights: &Weights,
    document: &str,
) -> Result<(), TrainError> {
    let bytes = weights.to_safetensors(document)?;
    run.write("checkpoints/best.safetensors", &bytes)
}

/// Writes everything needed to go on.
pub(crate) fn write_last(run: &RunFolder, state: State, document: &str) -> Result<(), TrainError> {
    let mut arrays: BTreeMap<String, Array> = state.moments.0;
    let average = state.average.unwrap_or_default();
    for (prefix, weights) in [(NETWORK, state.network), (AVERAGE, average)] {
        for (name, array) in weights.0 {
            arrays.insert(format!("{prefix}{name}"), array);
        }
    }
    let bytes = Weights(arrays).to_safetensors(document)?;
    run.write("checkpoints/last.safetensors", &bytes)
}

/// Reads a checkpoint; also gives the BLAKE3 hash of the file, in hexadecimal.
pub(crate) fn read<R: DeserializeOwned>(
    path: &Path,
) -> Result<(Weights, Document<R>, String), TrainError> {
    let bytes = fs::read(path).map_err(TrainError::io("reading", path))?;
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
    let document = serde_json::from_value(value).map_err(|e| format(e.to_string()))?;
    Ok((weights, document, blake3::hash(&bytes).to_hex().to_string()))
}

/// Splits what [`write_last`] wrote, its parts checked against each other.
pub(crate) fn split(all: Weights, path: &Path) -> Result<State, TrainError> {
    let mut network = BTreeMap::new();
    let (mut average, mut moments) = (BTreeMap::new(), BTreeMap::new());
    for (name, array) in all.0 {
        if let Some(name) = name.strip_prefix(NETWORK) {
            network.insert(name.to_owned(), array);
        } else if let Some(name) = name.strip_prefix(AVERAGE) {
            average.insert(name.to_owned(), array);
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
    })
}
