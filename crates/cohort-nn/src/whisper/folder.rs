//! A Whisper's folder in the Hugging Face layout.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::vocabulary::Vocabulary;
use crate::json::read_json;
use crate::{Greedy, NnError, WhisperConfig};
use cohort_hub::Repository;
use cohort_hub::{Hub, OnReceived};
use cohort_weights::Checkpoint;
use cohort_weights::{check_size, weight_files, weights_of};

/// From so many tokens on a model knows more languages than English, where its folder does not say so itself.
const MULTILINGUAL: usize = 51_865;

/// A Whisper on disk: `config.json`, `model.safetensors` or `pytorch_model.bin`, `generation_config.json` if it is there,
/// and `tokenizer.json` or `vocab.json`.
#[derive(Debug, Clone)]
pub struct WhisperFolder {
    /// The folder.
    pub path: PathBuf,
    /// Its size.
    pub config: WhisperConfig,
    /// Its tokens.
    pub vocabulary: Vocabulary,
    /// The file of weights.
    pub weights: PathBuf,
    /// Whether it knows more languages than English; a model that does not has no mark of a language.
    pub multilingual: bool,
    told: Told,
    /// Every file that was read or will be, the weights first.
    pub files: Vec<PathBuf>,
}

/// What `generation_config.json`, or in its place `config.json`, says of decoding.
#[derive(Debug, Clone, Default, Deserialize)]
struct Told {
    #[serde(default)]
    decoder_start_token_id: Option<u32>,
    #[serde(default)]
    eos_token_id: Option<OneOrMore>,
    #[serde(default)]
    no_timestamps_token_id: Option<u32>,
    #[serde(default)]
    suppress_tokens: Option<Vec<i64>>,
    #[serde(default)]
    begin_suppress_tokens: Option<Vec<i64>>,
    #[serde(default)]
    max_length: Option<usize>,
    #[serde(default)]
    is_multilingual: Option<bool>,
    #[serde(default)]
    forced_decoder_ids: Option<Vec<(u32, Option<u32>)>>,
}

/// Settings of decoding that change the text and are not supported: the value that changes nothing.
const GREEDY: [(&str, f64); 8] = [
    ("num_beams", 1.0),
    ("do_sample", 0.0),
    ("repetition_penalty", 1.0),
    ("no_repeat_ngram_size", 0.0),
    ("encoder_no_repeat_ngram_size", 0.0),
    ("min_length", 0.0),
    ("min_new_tokens", 0.0),
    ("num_beam_groups", 1.0),
];

/// Refuses a file that asks for another decoding than the greedy one.
fn check_greedy(fields: &serde_json::Value, path: &Path) -> Result<(), NnError> {
    for (field, plain) in GREEDY {
        let found = match fields.get(field) {
            Some(serde_json::Value::Bool(on)) => Some(f64::from(u8::from(*on))),
            Some(value) => value.as_f64(),
            None => None,
        };
        if let Some(found) = found.filter(|found| *found != plain) {
            return Err(NnError::format(
                path,
                format!("{field}: expected {plain}, found {found}, which is not supported"),
            ));
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(u32),
    More(Vec<u32>),
}

impl WhisperFolder {
    /// Reads what a folder says of its model; weights are read by [`Self::checkpoint`].
    ///
    /// # Errors
    /// [`NnError::Format`] naming the file that is missing or does not hold what it should.
    pub fn open(path: &Path) -> Result<Self, NnError> {
        let file = path.join("config.json");
        let text = std::fs::read_to_string(&file).map_err(|e| NnError::format(&file, e))?;
        let config = WhisperConfig::from_json(&text, &file)?;
        let weights = weights_of(path)?;
        check_size(config.values(), &file, &weights)?;
        let vocabulary = Vocabulary::open(path)?;
        let mut files = weight_files(&weights)?;
        files.push(file.clone());
        files.extend_from_slice(&vocabulary.files);
        let generation = path.join("generation_config.json");
        let told = match read_json::<Told>(&generation)? {
            Some(told) => {
                if let Some(fields) = read_json(&generation)? {
                    check_greedy(&fields, &generation)?;
                }
                files.push(generation);
                told
            }
            // the length that config.json may name is another one
            None => {
                let fields = serde_json::from_str(&text).map_err(|e| NnError::format(&file, e))?;
                check_greedy(&fields, &file)?;
                Told {
                    max_length: None,
                    ..serde_json::from_str(&text).map_err(|e| NnError::format(&file, e))?
                }
            }
        };
        let forced = told.forced_decoder_ids.iter().flatten();
        let forced: Vec<u32> = forced.filter_map(|(_, id)| *id).collect();
        if let Some(id) = vocabulary
            .mark("<|translate|>")
            .filter(|id| forced.contains(id))
        {
            return Err(NnError::format(
                path,
                format!(
                    "forced_decoder_ids: expected none to translate, found {id}, which is not supported"
                ),
            ));
        }
        let multilingual = told
            .is_multilingual
            .unwrap_or(config.vocab_size >= MULTILINGUAL);
        Ok(Self {
            path: path.to_owned(),
            config,
            vocabulary,
            weights,
            multilingual,
            told,
            files,
        })
    }

    /// As [`Self::open`], of a folder's path or of a repository `hf:org/name` (`hf:org/name@revision`) in the local cache.
    ///
    /// A build that downloads asks the hub for `config.json`, `tokenizer.json` or `vocab.json` with `added_tokens.json`,
    /// `generation_config.json`, and `model.safetensors` or `pytorch_model.bin`, as far as the cache does not know of them.
    ///
    /// # Errors
    /// As [`Self::open`] and [`Hub::resolve`].
    pub fn find(name: &str, hub: &Hub, progress: &mut OnReceived) -> Result<Self, NnError> {
        if !name.starts_with("hf:") {
            return Self::open(Path::new(name));
        }
        let mut files = Repository::new(name, hub, progress)?;
        files.required("config.json")?;
        let tokens = files.one_of(&["tokenizer.json", "vocab.json"])?;
        if !tokens.join("tokenizer.json").is_file() {
            files.optional("added_tokens.json")?;
        }
        files.optional("generation_config.json")?;
        Self::open(&files.weights("")?)
    }

    /// The tensors, opened but not yet read.
    ///
    /// # Errors
    /// [`NnError::Format`] when the file is damaged.
    pub fn checkpoint(&self) -> Result<Checkpoint, NnError> {
        Ok(Checkpoint::open(&self.weights)?)
    }

    /// How texts in a language are read out; `language` is the id of its mark, none for a model of English alone.
    ///
    /// # Errors
    /// [`NnError::Format`] for a mark that the folder does not name or the network does not know.
    pub fn greedy(&self, language: Option<u32>) -> Result<Greedy, NnError> {
        let mark = |told: Option<u32>, name: &str| {
            let id = told.or_else(|| self.vocabulary.mark(name));
            let id = id.ok_or_else(|| {
                NnError::format(&self.path, format!("expected the mark {name}, found none"))
            })?;
            self.known(id, name)
        };
        let start = mark(self.told.decoder_start_token_id, "<|startoftranscript|>")?;
        let plain = mark(self.told.no_timestamps_token_id, "<|notimestamps|>")?;
        let end = match &self.told.eos_token_id {
            Some(OneOrMore::One(id)) => Some(*id),
            Some(OneOrMore::More(ids)) => ids.first().copied(),
            None => None,
        };
        let end = mark(end, "<|endoftext|>")?;
        let mut prefix = vec![start];
        if let Some(language) = language {
            prefix.push(self.known(language, "the language's mark")?);
            prefix.push(mark(None, "<|transcribe|>")?);
        }
        prefix.push(plain);
        // older files call it by its other name; it stands before the mark of no timestamps
        let silent = ["<|nospeech|>", "<|nocaptions|>"];
        let silent = silent.iter().find_map(|name| self.vocabulary.mark(name));
        let ids = |list: &Option<Vec<i64>>| -> Vec<u32> {
            let all = list.iter().flatten();
            all.filter_map(|&id| u32::try_from(id).ok()).collect()
        };
        Ok(Greedy {
            prefix,
            end,
            suppress: ids(&self.told.suppress_tokens),
            begin_suppress: ids(&self.told.begin_suppress_tokens),
            no_speech: silent.or(plain.checked_sub(1)),
            limit: self
                .told
                .max_length
                .unwrap_or(self.config.max_target_positions),
        })
    }

    fn known(&self, id: u32, name: &str) -> Result<u32, NnError> {
        if (id as usize) < self.config.vocab_size {
            return Ok(id);
        }
        let expected = format!("an id below {} for {name}", self.config.vocab_size);
        Err(NnError::format(
            &self.path,
            format!("expected {expected}, found {id}"),
        ))
    }
}
