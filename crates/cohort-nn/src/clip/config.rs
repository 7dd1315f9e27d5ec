//! The size of a CLIP, as its `config.json` says it.

use std::path::Path;

use serde_json::{Map, Value};

use crate::checks::within;
use crate::{Activation, NnError};

/// Kinds of networks with two towers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClipFamily {
    /// CLIP and OpenCLIP: words are read from front to back, up to an end token; a class token stands for the picture.
    Clip,
    /// SigLIP: words are read both ways and padded to a fixed length; a learnt query stands for the picture.
    Siglip,
}

/// Which token's vector stands for a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndToken {
    /// The first with the largest id: what files say that have `eos_token_id` 2, which are most.
    Largest,
    /// The first of this id.
    Id(u32),
    /// The last of the padded text (SigLIP).
    Last,
}

/// The transformer of a tower.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TowerConfig {
    /// Width of a row; a multiple of the heads.
    pub width: usize,
    /// Layers.
    pub layers: usize,
    /// Attention heads a layer.
    pub heads: usize,
    /// Width of the feed-forward layer.
    pub wide: usize,
    /// Its activation.
    pub activation: Activation,
    /// Added to the variance in every norm.
    pub epsilon: f64,
}

/// The tower of words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TextConfig {
    /// Its transformer.
    pub tower: TowerConfig,
    /// Number of tokens known.
    pub vocabulary: usize,
    /// Longest text, in tokens, marks at both ends included.
    pub positions: usize,
    /// Which token stands for the text.
    pub end: EndToken,
}

/// The tower of pictures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PictureConfig {
    /// Its transformer.
    pub tower: TowerConfig,
    /// Side of a picture, in pixels.
    pub size: usize,
    /// Side of a patch, in pixels. What is left of a side is not seen.
    pub patch: usize,
}

/// Size of a CLIP.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipConfig {
    /// The kind.
    pub family: ClipFamily,
    /// Words.
    pub text: TextConfig,
    /// Pictures.
    pub picture: PictureConfig,
    /// Length of a vector.
    pub dimension: usize,
}

/// One of the tables of a `config.json`, with the table's name for errors.
struct Table<'a> {
    fields: Map<String, Value>,
    name: &'static str,
    path: &'a Path,
}

impl Table<'_> {
    fn bad(&self, field: &str, expected: &str, found: &Value) -> NnError {
        let name = self.name;
        NnError::format(
            self.path,
            format!("{name}.{field}: expected {expected}, found {found}"),
        )
    }

    /// A size; `default` where the file does not say, as the library that wrote it leaves out what is usual.
    fn size(&self, field: &str, default: usize) -> Result<usize, NnError> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(default),
            Some(found) => found
                .as_u64()
                .and_then(|n| usize::try_from(n).ok())
                .ok_or_else(|| self.bad(field, "a whole number", found)),
        }
    }

    fn number(&self, field: &str, default: f64) -> Result<f64, NnError> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(default),
            Some(found) => {
                let number = found.as_f64();
                number.ok_or_else(|| self.bad(field, "a number", found))
            }
        }
    }

    fn activation(&self, default: Activation) -> Result<Activation, NnError> {
        match self.fields.get("hidden_act") {
            None | Some(Value::Null) => Ok(default),
            Some(found) => match found.as_str() {
                Some("quick_gelu") => Ok(Activation::QuickGelu),
                Some("gelu") => Ok(Activation::Gelu),
                Some("gelu_pytorch_tanh" | "gelu_new") => Ok(Activation::GeluNew),
                _ => Err(self.bad("hidden_act", "quick_gelu, gelu or gelu_pytorch_tanh", found)),
            },
        }
    }

    /// Refuses a field with another value than the one that is built.
    fn plain(&self, field: &str, expected: &Value) -> Result<(), NnError> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(()),
            Some(found) if found == expected => Ok(()),
            Some(found) => Err(self.bad(
                field,
                &format!("{expected}, the only form that is supported"),
                found,
            )),
        }
    }

    fn tower(&self, defaults: TowerConfig) -> Result<TowerConfig, NnError> {
        Ok(TowerConfig {
            width: self.size("hidden_size", defaults.width)?,
            layers: self.size("num_hidden_layers", defaults.layers)?,
            heads: self.size("num_attention_heads", defaults.heads)?,
            wide: self.size("intermediate_size", defaults.wide)?,
            activation: self.activation(defaults.activation)?,
            epsilon: self.number("layer_norm_eps", defaults.epsilon)?,
        })
    }
}

/// Model types that people may bring here, and what to do instead.
const OTHERS: [(&str, &str); 4] = [
    (
        "siglip2",
        "SigLIP 2 with pictures of any shape (NaFlex) is not supported; its models of a fixed size are (model_type siglip)",
    ),
    ("align", "ALIGN is not supported"),
    ("chinese_clip", "Chinese-CLIP is not supported"),
    ("blip", "BLIP is not supported"),
];

impl ClipConfig {
    /// Reads the text of a `config.json`; `path` names it in errors.
    ///
    /// Sizes that the file leaves out are those that transformers takes then: CLIP ViT-B/32's, or SigLIP base's.
    ///
    /// # Errors
    /// [`NnError::Format`] when it is no JSON, describes another kind of network or one that is not supported, or when the
    /// sizes contradict each other or are beyond every model's.
    pub fn from_json(text: &str, path: &Path) -> Result<Self, NnError> {
        let fields: Map<String, Value> =
            serde_json::from_str(text).map_err(|e| NnError::format(path, e))?;
        let family = match fields.get("model_type").and_then(Value::as_str) {
            Some("clip") => ClipFamily::Clip,
            Some("siglip") => ClipFamily::Siglip,
            found => {
                let found = found.unwrap_or("none");
                let known = OTHERS.iter().find(|(name, _)| *name == found);
                let why = known.map_or(String::new(), |(_, why)| format!("; {why}"));
                return Err(NnError::format(
                    path,
                    format!("model_type: expected clip or siglip, found {found}{why}"),
                ));
            }
        };
        let table = |name: &'static str, older: &str| {
            let part = |name: &str| match fields.get(name) {
                Some(Value::Object(part)) => part.clone(),
                _ => Map::new(),
            };
            let mut own = part(name);
            // older files repeat what they mean under a second name, which counts
            own.extend(part(older));
            Table {
                fields: own,
                name,
                path,
            }
        };
        let text = table("text_config", "text_config_dict");
        let picture = table("vision_config", "vision_config_dict");
        let config = match family {
            ClipFamily::Clip => clip(&fields, &text, &picture, path)?,
            ClipFamily::Siglip => siglip(&text, &picture)?,
        };
        config.validate().map_err(|e| e.in_file(path))?;
        Ok(config)
    }

    /// Checks the sizes.
    ///
    /// # Errors
    /// [`NnError::Config`] for the first that does not fit.
    pub fn validate(&self) -> Result<(), NnError> {
        self.text.validate()?;
        self.picture.tower.validate()?;
        within("image_size", self.picture.size, 1, 1 << 14)?;
        within("patch_size", self.picture.patch, 1, self.picture.size)?;
        within("projection_dim", self.dimension, 1, 1 << 16)
    }

    /// Numbers of the two towers.
    pub(crate) fn values(&self) -> u128 {
        let [text, picture] = [&self.text.tower, &self.picture.tower].map(TowerConfig::values);
        let [words, positions, width] = [
            self.text.vocabulary,
            self.text.positions,
            self.text.tower.width,
        ]
        .map(|n| n as u128);
        text + picture + (words + positions) * width
    }
}

impl TextConfig {
    /// Checks the sizes.
    ///
    /// # Errors
    /// [`NnError::Config`] for the first that does not fit.
    pub fn validate(&self) -> Result<(), NnError> {
        self.tower.validate()?;
        within("vocab_size", self.vocabulary, 1, 1 << 24)?;
        within("max_position_embeddings", self.positions, 1, 1 << 20)
    }
}

impl TowerConfig {
    fn validate(&self) -> Result<(), NnError> {
        within("hidden_size", self.width, 1, 1 << 16)?;
        within("num_hidden_layers", self.layers, 0, 1000)?;
        within("num_attention_heads", self.heads, 1, 1 << 12)?;
        within("intermediate_size", self.wide, 1, 1 << 18)?;
        if self.width % self.heads != 0 {
            return Err(NnError::Config {
                field: "hidden_size",
                expected: format!("a multiple of the {} heads", self.heads),
                found: self.width.to_string(),
            });
        }
        if !(0.0..1.0).contains(&self.epsilon) {
            return Err(NnError::Config {
                field: "layer_norm_eps",
                expected: "0 <= value < 1".to_owned(),
                found: self.epsilon.to_string(),
            });
        }
        Ok(())
    }

    fn values(&self) -> u128 {
        let [width, wide, layers] = [self.width, self.wide, self.layers].map(|n| n as u128);
        layers * (4 * width * width + 2 * width * wide)
    }
}

fn clip(
    fields: &Map<String, Value>,
    text: &Table,
    picture: &Table,
    path: &Path,
) -> Result<ClipConfig, NnError> {
    let usual = TowerConfig {
        width: 512,
        layers: 12,
        heads: 8,
        wide: 2048,
        activation: Activation::QuickGelu,
        epsilon: 1e-5,
    };
    let words = TextConfig {
        tower: text.tower(usual)?,
        vocabulary: text.size("vocab_size", 49408)?,
        positions: text.size("max_position_embeddings", 77)?,
        end: match text.size("eos_token_id", 49407)? {
            // what transformers wrote before it knew better; the true id is the largest
            2 => EndToken::Largest,
            id => EndToken::Id(u32::try_from(id).unwrap_or(u32::MAX)),
        },
    };
    let pictures = PictureConfig {
        tower: picture.tower(TowerConfig {
            width: 768,
            heads: 12,
            wide: 3072,
            ..usual
        })?,
        size: picture.size("image_size", 224)?,
        patch: picture.size("patch_size", 32)?,
    };
    picture.plain("num_channels", &3.into())?;
    let top = Table {
        fields: fields.clone(),
        name: "config",
        path,
    };
    Ok(ClipConfig {
        family: ClipFamily::Clip,
        text: words,
        picture: pictures,
        dimension: top.size("projection_dim", 512)?,
    })
}

fn siglip(text: &Table, picture: &Table) -> Result<ClipConfig, NnError> {
    let usual = TowerConfig {
        width: 768,
        layers: 12,
        heads: 12,
        wide: 3072,
        activation: Activation::GeluNew,
        epsilon: 1e-6,
    };
    let words = text.tower(usual)?;
    let pictures = picture.tower(usual)?;
    let dimension = text.size("projection_size", words.width)?;
    picture.plain("num_channels", &3.into())?;
    picture.plain("vision_use_head", &true.into())?;
    if dimension != pictures.width {
        return Err(picture.bad(
            "hidden_size",
            &format!("{dimension}, the length of the texts' vectors"),
            &pictures.width.into(),
        ));
    }
    Ok(ClipConfig {
        family: ClipFamily::Siglip,
        text: TextConfig {
            tower: words,
            vocabulary: text.size("vocab_size", 32000)?,
            positions: text.size("max_position_embeddings", 64)?,
            end: EndToken::Last,
        },
        picture: PictureConfig {
            tower: pictures,
            size: picture.size("image_size", 224)?,
            patch: picture.size("patch_size", 16)?,
        },
        dimension,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ClipConfig, NnError> {
        ClipConfig::from_json(text, Path::new("config.json"))
    }

    #[test]
    fn sizes_left_out_are_the_usual_ones() {
        let config = read(r#"{"model_type": "clip"}"#).unwrap();
        assert_eq!(config.picture.tower.width, 768);
        assert_eq!((config.picture.size, config.picture.patch), (224, 32));
        assert_eq!(config.text.tower.activation, Activation::QuickGelu);
        assert_eq!(
            (config.text.end, config.dimension),
            (EndToken::Id(49407), 512)
        );
        let config = read(
            r#"{"model_type": "clip", "projection_dim": 1024,
                "text_config": {"hidden_act": "quick_gelu", "eos_token_id": 2},
                "text_config_dict": {"hidden_act": "gelu"}}"#,
        );
        let config = config.unwrap();
        assert_eq!(config.text.tower.activation, Activation::Gelu);
        assert_eq!(
            (config.text.end, config.dimension),
            (EndToken::Largest, 1024)
        );
        let config =
            read(r#"{"model_type": "siglip", "vision_config": {"image_size": 384}}"#).unwrap();
        assert_eq!((config.picture.size, config.picture.patch), (384, 16));
        assert_eq!((config.text.positions, config.dimension), (64, 768));
    }

    #[test]
    fn what_is_not_built_is_refused_by_name() {
        for (text, told) in [
            (
                r#"{"model_type": "bert"}"#,
                "expected clip or siglip, found bert",
            ),
            (r#"{"model_type": "siglip2"}"#, "NaFlex"),
            ("{}", "found none"),
            ("[", "config.json"),
            (
                r#"{"model_type": "clip", "text_config": {"hidden_act": "silu"}}"#,
                "text_config.hidden_act: expected quick_gelu, gelu or gelu_pytorch_tanh, found \"silu\"",
            ),
            (
                r#"{"model_type": "clip", "vision_config": {"patch_size": 0}}"#,
                "patch_size: expected 1 to 224, found 0",
            ),
            (
                r#"{"model_type": "clip", "vision_config": {"num_attention_heads": 7}}"#,
                "a multiple of the 7 heads",
            ),
            (
                r#"{"model_type": "clip", "vision_config": {"hidden_size": -1}}"#,
                "vision_config.hidden_size: expected a whole number, found -1",
            ),
            (
                r#"{"model_type": "siglip", "vision_config": {"vision_use_head": false}}"#,
                "vision_use_head",
            ),
            (
                r#"{"model_type": "siglip", "text_config": {"projection_size": 512}}"#,
                "vision_config.hidden_size: expected 512",
            ),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
