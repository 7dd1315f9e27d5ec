//! A CLIP on disk.

use std::path::{Path, PathBuf};

use cohort_hub::{Hub, OnReceived, Repository};
use cohort_weights::{Checkpoint, check_size, weights_of};

use super::config::ClipConfig;
use super::{Clip, open_clip};
use crate::{DeviceChoice, NnError};

/// OpenCLIP's names of weights, the first that is there counts.
const OPEN_CLIP_WEIGHTS: [&str; 2] = ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"];
/// OpenCLIP's configuration.
const OPEN_CLIP: &str = "open_clip_config.json";

/// A folder in the layout of Hugging Face (`config.json`, `model.safetensors` or `pytorch_model.bin` or the index of several)
/// or of OpenCLIP (`open_clip_config.json`, `open_clip_model.safetensors` or `open_clip_pytorch_model.bin`). Where both are, the
/// first counts.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipFolder {
    /// The folder.
    pub path: PathBuf,
    /// Its size.
    pub config: ClipConfig,
    /// The file of weights.
    pub weights: PathBuf,
}

impl ClipFolder {
    /// Reads what a folder says of its model; weights are read by [`Self::load`].
    ///
    /// # Errors
    /// [`NnError::Format`] naming the file that is missing or does not hold what it should, and what kind of network is not
    /// supported.
    pub fn open(path: &Path) -> Result<Self, NnError> {
        if path.is_file() {
            return Err(NnError::format(
                path,
                "expected the folder of a CLIP, found a file; OpenAI's .pt files are programs, not weights: \
                 hf:openai/clip-vit-base-patch32 and its like hold the same",
            ));
        }
        let read =
            |file: &Path| std::fs::read_to_string(file).map_err(|e| NnError::format(file, e));
        let (own, theirs) = (path.join("config.json"), path.join(OPEN_CLIP));
        let (file, config, weights) = match (own.is_file(), weights_of(path)) {
            (true, Ok(weights)) => (
                own.clone(),
                ClipConfig::from_json(&read(&own)?, &own)?,
                weights,
            ),
            _ if theirs.is_file() => {
                let config = open_clip::config(&read(&theirs)?, &theirs)?;
                let mut files = OPEN_CLIP_WEIGHTS.iter().map(|name| path.join(name));
                let weights = files.find(|file| file.is_file()).ok_or_else(|| {
                    let names = OPEN_CLIP_WEIGHTS.join(" or ");
                    NnError::format(path, format!("expected {names}, found none"))
                })?;
                (theirs, config, weights)
            }
            (true, Err(error)) => return Err(error.into()),
            (false, _) => {
                return Err(NnError::format(
                    path,
                    format!("expected config.json or {OPEN_CLIP}, found neither"),
                ));
            }
        };
        check_size(config.values(), &file, &weights)?;
        Ok(Self {
            path: path.to_owned(),
            config,
            weights,
        })
    }

    /// The folder of a repository `hf:org/name` (`hf:org/name@revision`) in the local cache; any other name is a path.
    ///
    /// A build that downloads asks the hub for the configuration, the tokeniser's files, `preprocessor_config.json` and the
    /// weights, as far as the cache does not know of them.
    ///
    /// # Errors
    /// As [`Hub::resolve`].
    pub fn find(name: &str, hub: &Hub, progress: &mut OnReceived) -> Result<PathBuf, NnError> {
        if !name.starts_with("hf:") {
            return Ok(PathBuf::from(name));
        }
        let mut files = Repository::new(name, hub, progress)?;
        let folder = files.one_of(&["config.json", OPEN_CLIP])?;
        let tokens = files.one_of(&["tokenizer.json", "vocab.json"])?;
        if !tokens.join("tokenizer.json").is_file() {
            files.required("merges.txt")?;
        }
        for file in ["tokenizer_config.json", "special_tokens_map.json"] {
            files.optional(file)?;
        }
        if folder.join("config.json").is_file() {
            files.required("preprocessor_config.json")?;
            return Ok(files.weights("")?);
        }
        Ok(files.one_of(&OPEN_CLIP_WEIGHTS)?)
    }

    /// Both towers.
    ///
    /// # Errors
    /// Weights that are damaged or of another size, a device that is not there.
    pub fn load(&self, device: DeviceChoice) -> Result<Clip, NnError> {
        let weights = Checkpoint::open(&self.weights)?.weights("")?;
        Clip::load(&self.config, weights, device)
    }
}
