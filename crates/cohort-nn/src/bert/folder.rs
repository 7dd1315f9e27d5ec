//! A model's folder in the Hugging Face or the sentence-transformers layout.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::pooling::Pooling;
use crate::json::read_json;
use crate::{BertConfig, NnError};
use cohort_hub::Repository;
use cohort_hub::{Hub, OnReceived};
use cohort_weights::{Checkpoint, Weights};
use cohort_weights::{check_size, weights_of};

/// What a user may want otherwise than the folder says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EncoderChanges {
    /// How token vectors become one; none: as the folder says, else masked mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pooling: Option<Pooling>,
    /// Whether vectors are scaled to length 1; none: as the folder says, else not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalise: Option<bool>,
    /// Longest text in tokens, marks at both ends included; none: as the folder says, never beyond the positions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<usize>,
}

/// A BERT on disk: `config.json`, `model.safetensors` or `pytorch_model.bin` or the index of several, and what
/// sentence-transformers adds.
#[derive(Debug, Clone, PartialEq)]
pub struct BertFolder {
    /// The folder.
    pub path: PathBuf,
    /// Its size.
    pub config: BertConfig,
    /// How token vectors become one.
    pub pooling: Pooling,
    /// Whether vectors are scaled to length 1.
    pub normalise: bool,
    /// Longest text in tokens, marks at both ends included.
    pub max_tokens: usize,
    /// The file of weights.
    pub weights: PathBuf,
}

/// What sentence-transformers puts before texts.
const PROMPTS: &str = "config_sentence_transformers.json";

/// The prompt that is used where none is asked for would be a part of every text.
fn check_prompts(path: &Path) -> Result<(), NnError> {
    #[derive(Deserialize)]
    struct Prompts {
        #[serde(default)]
        default_prompt_name: Option<String>,
    }
    match read_json::<Prompts>(path)?.and_then(|prompts| prompts.default_prompt_name) {
        None => Ok(()),
        Some(name) => Err(NnError::format(
            path,
            format!("default_prompt_name: expected none, found {name:?}, which is not supported"),
        )),
    }
}

/// An entry of `modules.json`.
#[derive(Deserialize)]
struct Step {
    #[serde(default)]
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

impl Step {
    /// Older files say sentence_transformers.models.Pooling, newer ones a longer path.
    fn kind(&self) -> &str {
        self.kind.rsplit('.').next().unwrap_or_default()
    }
}

fn read_steps(folder: &Path) -> Result<Option<Vec<Step>>, NnError> {
    read_json(&folder.join("modules.json"))
}

#[derive(Deserialize)]
struct Lengths {
    #[serde(default)]
    max_seq_length: Option<usize>,
    /// Some tokenisers say 1e30 for "no limit", so no integer.
    #[serde(default)]
    model_max_length: Option<f64>,
}

impl BertFolder {
    /// Reads what a folder says of its model; weights are read by [`Self::read_weights`].
    ///
    /// The longest length is the least of `max_seq_length` (`sentence_bert_config.json`), `model_max_length`
    /// (`tokenizer_config.json`) and the positions.
    ///
    /// # Errors
    /// [`NnError::Format`] naming the file that is missing or does not hold what it should: another architecture, a
    /// pooling that is none of mean, CLS, max and mean by the root, a further layer after the pooling, a text that is put
    /// before every other, sizes that the weights are too small for.
    pub fn open(path: &Path, changes: &EncoderChanges) -> Result<Self, NnError> {
        let mut root = path.to_owned();
        let (mut pooling, mut normalise) = (Pooling::default(), false);
        if let Some(steps) = read_steps(path)? {
            for step in steps {
                match step.kind() {
                    "Transformer" => root = path.join(&step.path),
                    "Pooling" => {
                        pooling = read_pooling(&path.join(&step.path).join("config.json"))?
                    }
                    "Normalize" => normalise = true,
                    other => {
                        return Err(NnError::format(
                            &path.join("modules.json"),
                            format!(
                                "expected modules Transformer, Pooling and Normalize, found {other}, which is not supported"
                            ),
                        ));
                    }
                }
            }
        }
        let file = root.join("config.json");
        let text = std::fs::read_to_string(&file).map_err(|e| NnError::format(&file, e))?;
        let config = BertConfig::from_json(&text, &file)?;
        let mut max_tokens = config.max_position_embeddings;
        for name in ["tokenizer_config.json", "sentence_bert_config.json"] {
            if let Some(found) = read_json::<Lengths>(&root.join(name))? {
                let limits = found.max_seq_length.into_iter();
                let limits = limits.chain(found.model_max_length.map(|limit| limit as usize));
                max_tokens = limits.fold(max_tokens, usize::min);
            }
        }
        max_tokens = changes.max_tokens.map_or(max_tokens, |limit| {
            limit.min(config.max_position_embeddings)
        });
        if max_tokens < 3 {
            return Err(NnError::Config {
                field: "max_tokens",
                expected: "at least 3 (a token between two marks)".to_owned(),
                found: max_tokens.to_string(),
            });
        }
        check_prompts(&path.join(PROMPTS))?;
        let weights = weights_of(&root)?;
        check_size(config.values(), &file, &weights)?;
        Ok(Self {
            weights,
            path: root,
            config,
            pooling: changes.pooling.unwrap_or(pooling),
            normalise: changes.normalise.unwrap_or(normalise),
            max_tokens,
        })
    }

    /// The folder of a repository `hf:org/name` (`hf:org/name@revision`) in the local cache; any other name is a path.
    ///
    /// A build that downloads asks the hub for `modules.json`, the `config.json` of a pooling that it names,
    /// `config_sentence_transformers.json` where there are modules, and, in the folder of its `Transformer`, for
    /// `config.json`, `tokenizer_config.json`, `sentence_bert_config.json`, `tokenizer.json` or `vocab.txt` with
    /// `special_tokens_map.json` and `added_tokens.json`, and `model.safetensors` or `pytorch_model.bin` or the index of
    /// several with the files that it names, as far as the cache does not know of them.
    ///
    /// # Errors
    /// As [`Hub::resolve`]; [`NnError::Format`] for a `modules.json` that is damaged.
    pub fn find(name: &str, hub: &Hub, progress: &mut OnReceived) -> Result<PathBuf, NnError> {
        if !name.starts_with("hf:") {
            return Ok(PathBuf::from(name));
        }
        let mut files = Repository::new(name, hub, progress)?;
        let mut root = String::new();
        if let Some(folder) = files.optional("modules.json")? {
            for step in read_steps(&folder)?.unwrap_or_default() {
                match step.kind() {
                    "Transformer" if !step.path.is_empty() => root = format!("{}/", step.path),
                    "Pooling" => {
                        files.required(&format!("{}/config.json", step.path))?;
                    }
                    _ => {}
                }
            }
            files.optional(PROMPTS)?;
        }
        let own = |file: &str| format!("{root}{file}");
        files.required(&own("config.json"))?;
        files.optional(&own("tokenizer_config.json"))?;
        files.optional(&own("sentence_bert_config.json"))?;
        let tokens = files.one_of(&["tokenizer.json", "vocab.txt"].map(own))?;
        if !tokens.join(own("tokenizer.json")).is_file() {
            files.optional(&own("special_tokens_map.json"))?;
            files.optional(&own("added_tokens.json"))?;
        }
        Ok(files.weights(&root)?)
    }

    /// The weights, named as in the file; half precision is cast.
    ///
    /// # Errors
    /// [`NnError::Format`] when the file is damaged.
    pub fn read_weights(&self) -> Result<Weights, NnError> {
        Ok(Checkpoint::open(&self.weights)?.weights("")?)
    }
}

/// `1_Pooling/config.json`: one switch a mode, or the mode by name.
fn read_pooling(path: &Path) -> Result<Pooling, NnError> {
    let found: serde_json::Map<String, serde_json::Value> = read_json(path)?
        .ok_or_else(|| NnError::format(path, "expected the pooling, found no such file"))?;
    let mut modes: Vec<&str> = Vec::new();
    for (name, value) in &found {
        match (name.strip_prefix("pooling_mode"), value) {
            (Some(""), serde_json::Value::String(mode)) => modes.push(mode),
            (Some(mode), serde_json::Value::Bool(true)) => modes.push(mode.trim_start_matches('_')),
            _ => {}
        }
    }
    match modes.as_slice() {
        ["mean_tokens" | "mean"] => Ok(Pooling::Mean),
        ["cls_token" | "cls"] => Ok(Pooling::Cls),
        ["max_tokens" | "max"] => Ok(Pooling::Max),
        ["mean_sqrt_len_tokens" | "mean_sqrt_len"] => Ok(Pooling::MeanSqrtLen),
        other => Err(NnError::format(
            path,
            format!(
                "pooling_mode: expected one of mean, CLS, max and mean_sqrt_len pooling, found {other:?}"
            ),
        )),
    }
}
