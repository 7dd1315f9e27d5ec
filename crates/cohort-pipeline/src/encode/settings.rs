//! Which encoder, as data.

use std::path::{Path, PathBuf};

use cohort_tables::relative;
use serde::{Deserialize, Serialize};

use crate::config::{FaceFeatureConfig, TextFeatureConfig};

/// What turns media into vectors; written with its kind as `kind`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum EncoderSettings {
    /// What a trained picture network sees before its output layer: the settings of `[image]` with `mode = "frozen"`.
    Network(FaceFeatureConfig),
    /// The embedding that `cohort train embedding` made of pictures.
    Embedding {
        /// Its run folder.
        run: PathBuf,
    },
    /// Both towers of a CLIP, OpenCLIP or SigLIP: pictures and words.
    Clip {
        /// Its folder, or `hf:org/name`.
        weights: String,
    },
    /// What turns transcripts into vectors: the settings of `[features.text]`.
    Text(TextFeatureConfig),
    /// Heads that `cohort train pairs` trained, on an encoder of pictures and one of words.
    Heads {
        /// Their run folder.
        run: PathBuf,
        /// What sees the pictures.
        pictures: Box<EncoderSettings>,
        /// What reads the words.
        words: Box<EncoderSettings>,
    },
    /// Pictures as the names of the classes that a network sees in them.
    Bridge {
        /// The network, which gives scores of classes.
        scores: Box<EncoderSettings>,
        /// File with the names of the classes, one a line.
        names: PathBuf,
        /// What reads names and words.
        words: Box<EncoderSettings>,
        /// Classes of a picture that count.
        top: usize,
    },
}

impl EncoderSettings {
    /// The settings as a file in `folder` writes them: paths that have a place in common with it begin there, so that both can be
    /// moved together.
    pub fn seen_from(&self, folder: &Path) -> Self {
        self.with_paths(&|path| relative(folder, path))
    }

    /// The settings that a file in `folder` holds, with paths that can be opened from here.
    pub fn found_in(&self, folder: &Path) -> Self {
        self.with_paths(&|path| folder.join(path))
    }

    /// The files that it is made of, for people.
    pub fn place(&self) -> String {
        match self {
            Self::Network(network) if network.detector.is_empty() => network.weights.clone(),
            Self::Network(network) => format!("{} or {}", network.weights, network.detector),
            Self::Embedding { run } => run.display().to_string(),
            Self::Clip { weights } => weights.clone(),
            Self::Text(text) => match &text.weights {
                Some(weights) => weights.display().to_string(),
                None => "the settings".to_string(),
            },
            Self::Heads {
                run,
                pictures,
                words,
            } => format!(
                "{}, {} or {}",
                run.display(),
                pictures.place(),
                words.place()
            ),
            Self::Bridge {
                scores,
                names,
                words,
                ..
            } => format!(
                "{}, {} or {}",
                names.display(),
                scores.place(),
                words.place()
            ),
        }
    }

    /// The kind, as it is written.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Network(_) => "network",
            Self::Embedding { .. } => "embedding",
            Self::Clip { .. } => "clip",
            Self::Text(_) => "text",
            Self::Heads { .. } => "heads",
            Self::Bridge { .. } => "bridge",
        }
    }

    fn with_paths(&self, change: &dyn Fn(&Path) -> PathBuf) -> Self {
        let inner = |settings: &Self| Box::new(settings.with_paths(change));
        // a name of a hub is no path
        let named = |text: &String| match text.is_empty() || text.starts_with("hf:") {
            true => text.clone(),
            false => change(Path::new(text)).display().to_string(),
        };
        match self {
            Self::Network(network) => Self::Network(FaceFeatureConfig {
                weights: named(&network.weights),
                detector: named(&network.detector),
                ..network.clone()
            }),
            Self::Embedding { run } => Self::Embedding { run: change(run) },
            Self::Clip { weights } => Self::Clip {
                weights: named(weights),
            },
            Self::Heads {
                run,
                pictures,
                words,
            } => Self::Heads {
                run: change(run),
                pictures: inner(pictures),
                words: inner(words),
            },
            Self::Bridge {
                scores,
                names,
                words,
                top,
            } => Self::Bridge {
                scores: inner(scores),
                names: change(names),
                words: inner(words),
                top: *top,
            },
            Self::Text(text) => {
                let weights = text.weights.as_ref();
                let weights = weights.map(|path| match path.to_str() {
                    Some(name) if name.starts_with("hf:") => path.clone(),
                    _ => change(path),
                });
                Self::Text(TextFeatureConfig {
                    weights,
                    ..text.clone()
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cohort_nn::Backbone;

    use super::*;

    #[test]
    fn settings_are_told_apart_by_kind_and_move_with_their_folder() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("x.index")).unwrap();
        std::fs::write(at("net.pt"), "w").unwrap();
        let settings = EncoderSettings::Network(FaceFeatureConfig {
            backbone: Backbone::Resnet18,
            weights: at("net.pt").display().to_string(),
            crop: 0.875,
            ..FaceFeatureConfig::default()
        });
        let written = settings.seen_from(&at("x.index"));
        let json = serde_json::to_value(&written).unwrap();
        let expected = serde_json::json!({
            "kind": "network", "backbone": "resnet18", "weights": "../net.pt", "crop": 0.875, "detector": "",
        });
        assert_eq!(json, expected);
        let read: EncoderSettings = serde_json::from_value(json).unwrap();
        let EncoderSettings::Network(network) = read.found_in(&at("x.index")) else {
            panic!("another kind");
        };
        assert!(Path::new(&network.weights).is_file());
        let named = EncoderSettings::Network(FaceFeatureConfig {
            weights: "hf:a/b:c".into(),
            ..FaceFeatureConfig::default()
        });
        assert_eq!(named.found_in(folder.path()), named);
        for (text, told) in [
            (r#"{"kind":"embeding","run":"r"}"#, "embeding"),
            (r#"{"kind":"network","weight":"r"}"#, "weight"),
        ] {
            let error = serde_json::from_str::<EncoderSettings>(text).unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
        }
    }
}
