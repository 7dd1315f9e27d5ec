//! Where weights are: a path, or a file of a Hugging Face repository in the local cache.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use crate::NnError;

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
    type Err = NnError;

    fn from_str(text: &str) -> Result<Self, NnError> {
        let Some(rest) = text.strip_prefix("hf:") else {
            return Ok(Self::File(PathBuf::from(text)));
        };
        let malformed = || NnError::Location {
            location: text.to_owned(),
            reason: "expected hf:org/name:file or hf:org/name@revision:file".to_owned(),
        };
        let (place, file) = rest.split_once(':').ok_or_else(malformed)?;
        let (repository, revision) = place.split_once('@').unwrap_or((place, "main"));
        let plain = |path: &str| {
            !path.is_empty()
                && !path.contains('\\')
                && Path::new(path)
                    .components()
                    .all(|c| matches!(c, Component::Normal(_)))
        };
        if repository.split('/').count() > 2
            || !plain(repository)
            || !plain(revision)
            || !plain(file)
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

/// The local cache of a hub, in the layout that Hugging Face's own tools share
/// (`models--org--name/{refs,blobs,snapshots}`), and the hub behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hub {
    /// Folder of the cache.
    pub cache: PathBuf,
    /// Where to download from. Default `https://huggingface.co`.
    pub endpoint: String,
    /// Sent to the endpoint (only there) for repositories that need it.
    pub token: Option<String>,
    /// Never download.
    pub offline: bool,
}

impl Hub {
    /// As the environment says: the cache is `$HF_HUB_CACHE`, `$HF_HOME/hub`,
    /// `$XDG_CACHE_HOME/huggingface/hub` or `~/.cache/huggingface/hub`, whichever is set first; the
    /// endpoint `$HF_ENDPOINT`; `$HF_TOKEN` and `$HF_HUB_OFFLINE` are heeded.
    pub fn from_env() -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
        let text = |name: &str| set(name).and_then(|v| v.into_string().ok());
        let path = |name: &str| set(name).map(PathBuf::from);
        let home = || {
            path("HOME")
                .or_else(|| path("USERPROFILE"))
                .unwrap_or_default()
        };
        let shared = || path("XDG_CACHE_HOME").unwrap_or_else(|| home().join(".cache"));
        let hf_home = || path("HF_HOME").unwrap_or_else(|| shared().join("huggingface"));
        let endpoint = text("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned());
        let off = |v: &String| matches!(v.to_lowercase().as_str(), "1" | "true" | "yes" | "on");
        Self {
            cache: path("HF_HUB_CACHE").unwrap_or_else(|| hf_home().join("hub")),
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token: text("HF_TOKEN"),
            offline: text("HF_HUB_OFFLINE").as_ref().is_some_and(off),
        }
    }

    /// The file on this machine: a path as it is, a hub's file from the cache. A build with the
    /// feature `hub` downloads into the cache what is not there.
    ///
    /// # Errors
    /// [`NnError::Location`] saying where the file was looked for and how to get it.
    pub fn resolve(&self, location: &Location) -> Result<PathBuf, NnError> {
        let (repository, revision, file) = match location {
            Location::File(path) if path.is_file() => return Ok(path.clone()),
            Location::File(_) => return Err(not_found(location, "no such file".to_owned())),
            Location::Hub {
                repository,
                revision,
                file,
            } => (repository, revision, file),
        };
        let folder = self.folder(repository);
        if let Some(path) = cached(&folder, revision, file) {
            return Ok(path);
        }
        let looked = format!("not in {}", folder.join("snapshots").display());
        if self.offline {
            return Err(not_found(
                location,
                format!("{looked}, and HF_HUB_OFFLINE forbids to download it"),
            ));
        }
        self.fetch(location, &looked)
    }

    /// Folder of a repository in the cache.
    fn folder(&self, repository: &str) -> PathBuf {
        let name = format!("models--{}", repository.replace('/', "--"));
        self.cache.join(name)
    }

    #[cfg(not(feature = "hub"))]
    fn fetch(&self, location: &Location, looked: &str) -> Result<PathBuf, NnError> {
        let Location::Hub {
            repository,
            revision,
            file,
        } = location
        else {
            return Err(not_found(location, looked.to_owned()));
        };
        let address = format!("{}/{repository}/resolve/{revision}/{file}", self.endpoint);
        let reason = format!(
            "{looked}; get it with `hf download {repository} {file} --revision {revision}`, or fetch \
             {address} and give its path"
        );
        Err(not_found(location, reason))
    }

    #[cfg(feature = "hub")]
    fn fetch(&self, location: &Location, looked: &str) -> Result<PathBuf, NnError> {
        let Location::Hub {
            repository,
            revision,
            file,
        } = location
        else {
            return Err(not_found(location, looked.to_owned()));
        };
        let folder = self.folder(repository);
        crate::hub::download(self, &folder, repository, revision, file)
            .map_err(|reason| not_found(location, format!("{looked}; {reason}")))?;
        cached(&folder, revision, file).ok_or_else(|| not_found(location, looked.to_owned()))
    }
}

/// A revision is a commit's folder of `snapshots`, or a name in `refs` that holds one.
fn cached(folder: &Path, revision: &str, file: &str) -> Option<PathBuf> {
    let commit = std::fs::read_to_string(folder.join("refs").join(revision));
    let commit = commit.map_or(revision.to_owned(), |text| text.trim().to_owned());
    let path = folder.join("snapshots").join(commit).join(file);
    path.is_file().then_some(path)
}

fn not_found(location: &Location, reason: String) -> NnError {
    NnError::Location {
        location: location.to_string(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(cache: &Path) -> Hub {
        Hub {
            cache: cache.to_owned(),
            endpoint: "http://127.0.0.1:9".to_owned(),
            token: None,
            offline: true,
        }
    }

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

    #[test]
    fn the_cache_is_read_as_hugging_face_writes_it() {
        let cache = std::env::temp_dir().join(format!("cohort-hub-{}", std::process::id()));
        let folder = cache.join("models--org--name");
        let snapshot = folder.join("snapshots/abc123/sub");
        std::fs::create_dir_all(&snapshot).unwrap();
        std::fs::create_dir_all(folder.join("refs")).unwrap();
        std::fs::write(folder.join("refs/main"), "abc123\n").unwrap();
        std::fs::write(snapshot.join("w.bin"), "x").unwrap();
        let at = |text: &str| hub(&cache).resolve(&text.parse().unwrap());
        let expected = snapshot.join("w.bin");
        assert_eq!(at("hf:org/name:sub/w.bin").unwrap(), expected);
        assert_eq!(at("hf:org/name@abc123:sub/w.bin").unwrap(), expected);
        assert_eq!(at(expected.to_str().unwrap()).unwrap(), expected);
        for (text, part) in [
            ("hf:org/name:other.bin", "models--org--name"),
            ("hf:org/name@dev:sub/w.bin", "snapshots"),
            ("hf:no/such:w.bin", "HF_HUB_OFFLINE"),
            ("no/such.pt", "no such file"),
        ] {
            let error = at(text).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains(text), "{error}");
        }
        std::fs::remove_dir_all(&cache).unwrap();
    }

    #[cfg(not(feature = "hub"))]
    #[test]
    fn without_the_feature_the_error_says_how_to_get_the_file() {
        let hub = Hub {
            offline: false,
            ..hub(Path::new("/no/cache"))
        };
        let error = hub.resolve(&"hf:org/name:w.bin".parse().unwrap());
        let error = error.unwrap_err().to_string();
        let address = "/org/name/resolve/main/w.bin";
        for part in ["/no/cache", "hf download org/name w.bin", address] {
            assert!(error.contains(part), "{error}");
        }
    }
}
