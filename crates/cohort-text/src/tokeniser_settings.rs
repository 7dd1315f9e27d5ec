//! What the files beside a tokeniser say of it: `tokenizer_config.json`, and with a `vocab.txt` also
//! `special_tokens_map.json` and `added_tokens.json`. What changes the ids is heeded or refused, never passed over.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::TextError;
use crate::bert_text::Cleaning;

/// Settings that change the ids and are not supported: the value that changes nothing.
const PLAIN: [(&str, &str); 5] = [
    ("do_basic_tokenize", "true"),
    ("split_special_tokens", "false"),
    ("add_special_tokens", "true"),
    ("never_split", "[]"),
    ("truncation_side", "\"right\""),
];
/// Files with settings of a `vocab.txt`.
const FILES: [&str; 3] = [
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
];
/// Classes of tokenisers that cut a `vocab.txt` as BERT's does.
const CLASSES: [&str; 4] = ["Bert", "DistilBert", "Electra", "PreTrained"];

/// The settings of a folder; none where no file says anything.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    file: PathBuf,
    pub(crate) lowercase: Option<bool>,
    pub(crate) chinese: Option<bool>,
    /// What is said of accents; within, none for "as the case of letters".
    pub(crate) accents: Option<Option<bool>>,
    /// Names of the marks `unk_token`, `cls_token`, `sep_token`, `pad_token` and `mask_token`.
    pub(crate) names: [Option<String>; 5],
    /// Words beside the vocabulary, which stand for themselves in a text.
    pub(crate) added: Vec<(String, u32)>,
    class: Option<String>,
    /// Those of the three files with a vocabulary's settings that are there.
    pub(crate) files: Vec<PathBuf>,
}

/// Keys of the marks' names.
pub(crate) const MARKS: [&str; 5] = [
    "unk_token",
    "cls_token",
    "sep_token",
    "pad_token",
    "mask_token",
];

impl Settings {
    /// Reads the settings of a folder.
    pub(crate) fn read(folder: &Path) -> Result<Self, TextError> {
        let mut settings = Self {
            file: folder.join("tokenizer_config.json"),
            files: FILES
                .map(|name| folder.join(name))
                .into_iter()
                .filter(|file| file.is_file())
                .collect(),
            ..Self::default()
        };
        let file = settings.file.clone();
        let fields = object(&file)?;
        for (key, plain) in PLAIN {
            let found = fields.get(key).filter(|found| !found.is_null());
            if let Some(found) = found.map(ToString::to_string)
                && found != plain
            {
                let reason =
                    format!("{key}: expected {plain}, found {found}, which is not supported");
                return Err(TextError::tokeniser(&file, reason));
            }
        }
        settings.lowercase = switch(&fields, "do_lower_case", &file)?;
        settings.chinese = switch(&fields, "tokenize_chinese_chars", &file)?;
        if fields.contains_key("strip_accents") {
            settings.accents = Some(switch(&fields, "strip_accents", &file)?);
        }
        let class = fields.get("tokenizer_class").and_then(Value::as_str);
        settings.class = class.map(str::to_owned);
        let map = folder.join("special_tokens_map.json");
        let more = object(&map)?;
        for (place, key) in MARKS.iter().enumerate() {
            settings.names[place] = match name(&fields, key, &file)? {
                Some(own) => Some(own),
                None => name(&more, key, &map)?,
            };
        }
        if let Some(Value::Object(added)) = fields.get("added_tokens_decoder") {
            for (id, token) in added {
                let id = id.parse().ok().filter(|_| token.is_object());
                let id = id.ok_or_else(|| {
                    TextError::tokeniser(
                        &file,
                        "added_tokens_decoder: expected ids and tokens, found others",
                    )
                })?;
                let word =
                    added_word(token).map_err(|reason| TextError::tokeniser(&file, reason))?;
                settings.added.push((word, id));
            }
        }
        let file = folder.join("added_tokens.json");
        for (word, id) in object(&file)? {
            let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
            let id = id.ok_or_else(|| {
                TextError::tokeniser(&file, format!("{word:?}: expected an id, found none"))
            })?;
            settings.added.push((word, id));
        }
        // sentence-transformers makes small letters before anything else
        let file = folder.join("sentence_bert_config.json");
        if switch(&object(&file)?, "do_lower_case", &file)? == Some(true)
            && settings.lowercase == Some(false)
        {
            let reason = "do_lower_case: expected false, as tokenizer_config.json has it, found true, which is not supported";
            return Err(TextError::tokeniser(&file, reason));
        }
        Ok(settings)
    }

    /// Refuses a class of tokenisers that cuts a `vocab.txt` in another way.
    pub(crate) fn check_class(&self) -> Result<(), TextError> {
        let Some(class) = &self.class else {
            return Ok(());
        };
        let short = class.trim_end_matches("Fast").trim_end_matches("Tokenizer");
        match CLASSES.contains(&short) || class == "TokenizersBackend" {
            true => Ok(()),
            false => Err(TextError::tokeniser(
                &self.file,
                format!(
                    "tokenizer_class: expected BertTokenizer, found {class:?}, which is not supported"
                ),
            )),
        }
    }

    /// BERT's cleaning with these settings.
    pub(crate) fn cleaning(&self) -> Cleaning {
        let plain = Cleaning::BERT;
        Cleaning {
            lowercase: self.lowercase.unwrap_or(plain.lowercase),
            handle_chinese_chars: self.chinese.unwrap_or(plain.handle_chinese_chars),
            strip_accents: self.accents.unwrap_or(plain.strip_accents),
            ..plain
        }
    }

    /// Refuses settings that say otherwise than a `tokenizer.json`, of which Hugging Face's tools heed now the one and now
    /// the other.
    pub(crate) fn check_against(
        &self,
        cleaning: Cleaning,
        names: [&str; 3],
        json: &Path,
    ) -> Result<(), TextError> {
        let accents = |own: Option<bool>, lowercase: bool| own.unwrap_or(lowercase);
        let lowercase = self.lowercase.unwrap_or(cleaning.lowercase);
        let own = self.accents.map(|own| accents(own, lowercase));
        let found = accents(cleaning.strip_accents, cleaning.lowercase);
        for (key, own, found) in [
            ("do_lower_case", self.lowercase, cleaning.lowercase),
            (
                "tokenize_chinese_chars",
                self.chinese,
                cleaning.handle_chinese_chars,
            ),
            ("strip_accents", own, found),
        ] {
            if let Some(own) = own.filter(|own| *own != found) {
                return Err(self.contradiction(key, found, own, json));
            }
        }
        for ((key, own), found) in MARKS.iter().zip(&self.names).zip(names) {
            if let Some(own) = own.as_ref().filter(|own| own.as_str() != found) {
                return Err(self.contradiction(key, found, own, json));
            }
        }
        Ok(())
    }

    fn contradiction(
        &self,
        key: &str,
        expected: impl std::fmt::Debug,
        found: impl std::fmt::Debug,
        json: &Path,
    ) -> TextError {
        let json = json.file_name().unwrap_or_default().display();
        TextError::tokeniser(
            &self.file,
            format!("{key}: expected {expected:?}, as {json} beside it has it, found {found:?}"),
        )
    }
}

/// The word of an added token; the kinds that are matched otherwise than as they are written are refused.
pub(crate) fn added_word(token: &Value) -> Result<String, String> {
    let word = token.get("content").and_then(Value::as_str);
    let word = word.ok_or("added tokens: expected their content, found none")?;
    let on = |key: &str| token.get(key) == Some(&Value::Bool(true));
    for (key, changes) in [
        ("single_word", true),
        // marks have no letters that cleaning would change in texts
        ("normalized", !on("special")),
    ] {
        if on(key) && changes {
            return Err(format!(
                "added token {word:?}: {key}: expected false, found true, which is not supported"
            ));
        }
    }
    Ok(word.to_owned())
}

/// The fields of a JSON file; none when it is not there.
pub(crate) fn object(path: &Path) -> Result<Map<String, Value>, TextError> {
    match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Map::new()),
        Err(error) => Err(TextError::tokeniser(path, error)),
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| TextError::tokeniser(path, e)),
    }
}

fn switch(fields: &Map<String, Value>, key: &str, path: &Path) -> Result<Option<bool>, TextError> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(on)) => Ok(Some(*on)),
        Some(other) => Err(TextError::tokeniser(
            path,
            format!("{key}: expected true or false, found {other}"),
        )),
    }
}

/// The name of a mark: a text, or an object with its content.
fn name(fields: &Map<String, Value>, key: &str, path: &Path) -> Result<Option<String>, TextError> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) => Ok(Some(name.clone())),
        Some(other) => match other.get("content").and_then(Value::as_str) {
            Some(name) => Ok(Some(name.to_owned())),
            None => Err(TextError::tokeniser(
                path,
                format!("{key}: expected a token, found {other}"),
            )),
        },
    }
}
