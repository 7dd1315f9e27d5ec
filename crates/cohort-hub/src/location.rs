//! Weights as a user names them: a path, or a file of a Hugging Face repository.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use cohort_weights::is_plain;

use crate::HubError;

/// Weights as a user names them: a path, or `hf:org/name:file` (`hf:org/name@revision:file`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A file on this machine.
    File(PathBuf),
    /// A file of a repository on a hub.
    Hub {
        /// Repository, as in `timm/resnet18.a1_in1k`.
        repository: String,
        /// Branch, tag or commit. Default `main`.
        revision: String,
        /// Path of the file within the repository.
        file: String,
    },
}

impl FromStr for Location {
    type Err = HubError;

    fn from_str(text: &str) -> Result<Self, HubError> {
        let Some(rest) = text.strip_prefix("hf:") else {
            return Ok(Self::File(PathBuf::from(text)));
        };
        let malformed = || HubError::Location {
            location: text.to_owned(),
            reason: "expected hf:org/name:file or hf:org/name@revision:file".to_owned(),
        };
        let (place, file) = rest.split_once(':').ok_or_else(malformed)?;
        let (repository, revision) = place.split_once('@').unwrap_or((place, "main"));
        if repository.split('/').count() > 2
            || ![repository, revision, file].into_iter().all(is_plain)
        {
            return Err(malformed());
        }
        Ok(Self::Hub {
            repository: repository.to_owned(),
            revision: revision.to_owned(),
            file: file.to_owned(),
        })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Hub {
                repository,
                revision,
                file,
            } if revision == "main" => write!(f, "hf:{repository}:{file}"),
            Self::Hub {
                repository,
                revision,
                file,
            } => write!(f, "hf:{repository}@{revision}:{file}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_round_trip_and_malformed_ones_are_told() {
        for text in [
            "w/a.pt",
            "hf:org/name:sub/model.safetensors",
            "hf:gpt2@v1:a.bin",
            "C:/w.pt",
        ] {
            assert_eq!(text.parse::<Location>().unwrap().to_string(), text);
        }
        for text in [
            "hf:org/name",
            "hf::f",
            "hf:a/b/c:f",
            "hf:a/b:../f",
            "hf:../b:f",
            "hf:a/b:/f",
        ] {
            let error = text.parse::<Location>().unwrap_err().to_string();
            assert!(error.contains("hf:org/name:file"), "{text}: {error}");
        }
    }
}
