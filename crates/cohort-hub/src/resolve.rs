//! From a name to a path on this machine.

use std::path::PathBuf;

use cohort_weights::{Index, is_index};

use crate::cache::{cached, snapshot};
use crate::error::Miss;
use crate::{Hub, HubError, Location, OnReceived};
#[cfg(feature = "download")]
use crate::{download, wanted::Wanted};

impl Hub {
    /// The file on this machine: a path as it is, a hub's file from the cache; with an index of weights the files that it
    /// names. A build with the feature `download` fetches into the cache what is not there; `progress` is told of that.
    ///
    /// # Errors
    /// [`HubError::Location`] saying where the file was looked for and how to get it;
    /// [`HubError::Stopped`] when `progress` broke the download off.
    pub fn resolve(
        &self,
        location: &Location,
        progress: &mut OnReceived,
    ) -> Result<PathBuf, HubError> {
        let error = |miss: Miss| miss.of(&location.to_string());
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
                    let commit = snapshot(&path, file).file_name();
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
    pub(crate) fn get(
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
        #[cfg(feature = "download")]
        {
            let wanted = Wanted {
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
        #[cfg(not(feature = "download"))]
        {
            let _ = progress;
            let how = self.by_hand(repository, revision, file);
            Err(Miss::Absent(format!("{looked}, and {how}")))
        }
    }

    /// What a build that does not download says.
    #[cfg(any(test, not(feature = "download")))]
    fn by_hand(&self, repository: &str, revision: &str, file: &str) -> String {
        format!(
            "this build does not download (one with `--features hub` does); get it with `hf download {repository} {file} \
             --revision {revision}`, or fetch {}/{repository}/resolve/{revision}/{file} and give its path",
            self.endpoint
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::ControlFlow;
    use std::path::Path;

    fn hub(cache: &Path) -> Hub {
        Hub {
            cache: cache.to_owned(),
            endpoint: "http://127.0.0.1:9".to_owned(),
            token: None,
            offline: true,
        }
    }

    fn resolve(hub: &Hub, text: &str) -> Result<PathBuf, HubError> {
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
