//! Files of a hub: from the local cache, and with the feature `hub` from the hub into it.

#[cfg(feature = "hub")]
mod download;
#[cfg(all(test, feature = "hub"))]
mod download_tests;
mod repository;
#[cfg(feature = "hub")]
mod request;
#[cfg(feature = "hub")]
mod store;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::checkpoint::{Index, is_index};
use crate::{Location, NnError};

pub(crate) use repository::Repository;

/// The local cache of a hub, in the layout that Hugging Face's own tools share
/// (`models--org--name/{refs,blobs,snapshots,.no_exist}`), and the hub behind it.
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

/// How far the download of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received<'a> {
    /// The file, as in `hf:org/name:file`.
    pub location: &'a str,
    /// Bytes that are here, those of an earlier call that was broken off included.
    pub bytes: u64,
    /// Bytes of the whole file, once the hub has told.
    pub of: Option<u64>,
}

/// Called some ten times a second while a file is downloaded; [`ControlFlow::Break`] breaks the download off.
pub type OnReceived<'a> = dyn FnMut(&Received) -> ControlFlow<()> + 'a;

/// Why there is no such file.
#[derive(Debug)]
pub(crate) enum Miss {
    /// The hub was asked, and has none; or the cache has none, and nobody may or can ask the hub.
    Absent(String),
    /// The hub did not give it.
    #[cfg_attr(not(feature = "hub"), allow(dead_code))]
    Failed(String),
    /// The caller broke it off.
    #[cfg_attr(not(feature = "hub"), allow(dead_code))]
    Stopped,
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

    /// The file on this machine: a path as it is, a hub's file from the cache; with an index of weights the files that it
    /// names. A build with the feature `hub` downloads into the cache what is not there; `progress` is told of that.
    ///
    /// # Errors
    /// [`NnError::Location`] saying where the file was looked for and how to get it;
    /// [`NnError::Stopped`] when `progress` broke the download off.
    pub fn resolve(
        &self,
        location: &Location,
        progress: &mut OnReceived,
    ) -> Result<PathBuf, NnError> {
        let error = |miss| told(&location.to_string(), miss);
        match location {
            Location::File(path) if path.is_file() => Ok(path.clone()),
            Location::File(_) => Err(error(Miss::Absent("no such file".to_owned()))),
            Location::Hub {
                repository,
                revision,
                file,
            } => {
                let path = self.get(repository, revision, file, progress);
                let path = path.map_err(error)?;
                if is_index(&path) {
                    // of the same commit, whatever the branch is by then
                    let commit = repository::snapshot(&path, file).file_name();
                    let commit = commit.and_then(|name| name.to_str()).unwrap_or(revision);
                    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
                    for part in Index::read(&path)?.files() {
                        let part = format!("{folder}/{part}");
                        let part = part.trim_start_matches('/');
                        self.get(repository, commit, part, progress)
                            .map_err(error)?;
                    }
                }
                Ok(path)
            }
        }
    }

    /// A file from the cache, else from the hub.
    fn get(
        &self,
        repository: &str,
        revision: &str,
        file: &str,
        progress: &mut OnReceived,
    ) -> Result<PathBuf, Miss> {
        let folder = self.folder(repository);
        if let Some(path) = cached(&folder, revision, file) {
            return Ok(path);
        }
        let looked = format!("not in {}", folder.join("snapshots").display());
        if self.offline {
            return Err(Miss::Absent(format!(
                "{looked}, and HF_HUB_OFFLINE forbids to download it"
            )));
        }
        #[cfg(feature = "hub")]
        {
            let wanted = download::Wanted {
                repository: repository.to_owned(),
                revision: revision.to_owned(),
                file: file.to_owned(),
            };
            download::download(self, wanted, progress).map_err(|miss| match miss {
                Miss::Absent(reason) => Miss::Absent(format!("{looked}; {reason}")),
                Miss::Failed(reason) => Miss::Failed(format!("{looked}; {reason}")),
                Miss::Stopped => Miss::Stopped,
            })?;
            cached(&folder, revision, file).ok_or(Miss::Failed(looked))
        }
        #[cfg(not(feature = "hub"))]
        {
            let _ = progress;
            let how = self.by_hand(repository, revision, file);
            Err(Miss::Absent(format!("{looked}, and {how}")))
        }
    }

    /// What a build that does not download says.
    #[cfg(any(test, not(feature = "hub")))]
    fn by_hand(&self, repository: &str, revision: &str, file: &str) -> String {
        format!(
            "this build does not download (one with `--features hub` does); get it with `hf download {repository} {file} \
             --revision {revision}`, or fetch {}/{repository}/resolve/{revision}/{file} and give its path",
            self.endpoint
        )
    }

    /// Folder of a repository in the cache.
    fn folder(&self, repository: &str) -> PathBuf {
        let name = format!("models--{}", repository.replace('/', "--"));
        self.cache.join(name)
    }
}

/// A revision is a commit's folder of `snapshots`, or a name in `refs` that holds one.
fn cached(folder: &Path, revision: &str, file: &str) -> Option<PathBuf> {
    let commit = commit_of(folder, revision);
    let path = folder.join("snapshots").join(commit).join(file);
    path.is_file().then_some(path)
}

/// Whether the hub once said that this commit has no such file.
fn known_absent(folder: &Path, revision: &str, file: &str) -> bool {
    let commit = commit_of(folder, revision);
    folder.join(".no_exist").join(commit).join(file).is_file()
}

fn commit_of(folder: &Path, revision: &str) -> String {
    let commit = std::fs::read_to_string(folder.join("refs").join(revision));
    commit.map_or(revision.to_owned(), |text| text.trim().to_owned())
}

fn told(location: &str, miss: Miss) -> NnError {
    let location = location.to_owned();
    match miss {
        Miss::Absent(reason) | Miss::Failed(reason) => NnError::Location { location, reason },
        Miss::Stopped => NnError::Stopped { location },
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

    fn resolve(hub: &Hub, text: &str) -> Result<PathBuf, NnError> {
        hub.resolve(&text.parse().unwrap(), &mut |_| ControlFlow::Continue(()))
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
        let at = |text: &str| resolve(&hub(&cache), text);
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

    #[test]
    fn a_build_that_does_not_download_says_how_to_get_the_file() {
        let text = hub(Path::new("/no/cache")).by_hand("org/name", "main", "w.bin");
        let address = "/org/name/resolve/main/w.bin";
        for part in ["hf download org/name w.bin", address, "--features hub"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
