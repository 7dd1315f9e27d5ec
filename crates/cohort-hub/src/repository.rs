//! Several files of one repository, all of one commit.

use std::path::PathBuf;

use cohort_weights::{Index, WEIGHTS, is_index, is_plain, weights_of};

use crate::cache::{cached, known_absent, snapshot};
use crate::error::Miss;
use crate::{Hub, HubError, Location, OnReceived};

/// A repository `hf:org/name` (`hf:org/name@revision`). The first file that is found settles the commit, so that a
/// repository that changes meanwhile gives no mixture.
pub struct Repository<'a> {
    hub: &'a Hub,
    name: &'a str,
    repository: String,
    revision: String,
    progress: &'a mut OnReceived<'a>,
}

impl<'a> Repository<'a> {
    /// # Errors
    /// [`HubError::Location`] for a name that is none of a repository.
    pub fn new(
        name: &'a str,
        hub: &'a Hub,
        progress: &'a mut OnReceived<'a>,
    ) -> Result<Self, HubError> {
        // any file's name serves to read the rest
        let Ok(Location::Hub {
            repository,
            revision,
            ..
        }) = format!("{name}:config.json").parse()
        else {
            return Err(HubError::Location {
                location: name.to_owned(),
                reason: "expected hf:org/name or hf:org/name@revision".to_owned(),
            });
        };
        Ok(Self {
            hub,
            name,
            repository,
            revision,
            progress,
        })
    }

    /// A file that must be there; gives the snapshot's folder.
    ///
    /// # Errors
    /// As [`Hub::resolve`].
    pub fn required(&mut self, file: &str) -> Result<PathBuf, HubError> {
        self.get(file).map_err(|miss| self.told(file, miss))
    }

    /// A file that need not be there; gives the snapshot's folder, none when the hub has no such file.
    ///
    /// # Errors
    /// As [`Hub::resolve`], but not for a file that the hub does not have.
    pub fn optional(&mut self, file: &str) -> Result<Option<PathBuf>, HubError> {
        match self.get_unless_absent(file) {
            Ok(folder) => Ok(Some(folder)),
            Err(Miss::Absent(_)) => Ok(None),
            // whoever has filled the cache by other means may know that nothing is missing
            Err(Miss::Failed(reason)) => {
                let reason = format!("{reason}; HF_HUB_OFFLINE=1 takes the cache as it is");
                Err(self.told(file, Miss::Failed(reason)))
            }
            Err(Miss::Stopped) => Err(self.told(file, Miss::Stopped)),
        }
    }

    /// One of some files, the first that is there; gives the snapshot's folder.
    ///
    /// # Errors
    /// As [`Hub::resolve`], naming the first when none is there.
    pub fn one_of<S: AsRef<str>>(&mut self, files: &[S]) -> Result<PathBuf, HubError> {
        let mut names = files.iter().map(AsRef::as_ref);
        if let Some(file) = names.clone().find(|file| self.is_cached(file)) {
            return self.required(file);
        }
        let first = names.clone().next().unwrap_or_default();
        let mut reason = None;
        let found = names.find_map(|file| match self.get_unless_absent(file) {
            Err(Miss::Absent(why)) => {
                reason.get_or_insert(why);
                None
            }
            found => Some(found.map_err(|miss| self.told(file, miss))),
        });
        found.unwrap_or_else(|| {
            let others: Vec<&str> = files[1..].iter().map(AsRef::as_ref).collect();
            let reason = reason.unwrap_or_default();
            let reason = format!("{reason}; nor is there {}", others.join(" or "));
            Err(self.told(first, Miss::Absent(reason)))
        })
    }

    /// The weights of a model whose files are in `root` (empty, or with a slash at its end): the first of
    /// [`WEIGHTS`], and of an index the files that it names. Gives the snapshot's folder.
    ///
    /// # Errors
    /// As [`Self::one_of`]; [`HubError::Weights`] for a damaged index.
    pub fn weights(&mut self, root: &str) -> Result<PathBuf, HubError> {
        let folder = self.one_of(&WEIGHTS.map(|name| format!("{root}{name}")))?;
        let file = weights_of(&folder.join(root))?;
        if is_index(&file) {
            for part in Index::read(&file)?.files() {
                self.required(&format!("{root}{part}"))?;
            }
        }
        Ok(folder)
    }

    fn is_cached(&self, file: &str) -> bool {
        cached(&self.folder(), &self.revision, file).is_some()
    }

    fn folder(&self) -> PathBuf {
        self.hub.folder(&self.repository)
    }

    fn told(&self, file: &str, miss: Miss) -> HubError {
        miss.of(&format!("{}:{file}", self.name))
    }

    fn get_unless_absent(&mut self, file: &str) -> Result<PathBuf, Miss> {
        let folder = self.folder();
        match !self.is_cached(file) && known_absent(&folder, &self.revision, file) {
            true => Err(Miss::Absent("the hub had no such file".to_owned())),
            false => self.get(file),
        }
    }

    fn get(&mut self, file: &str) -> Result<PathBuf, Miss> {
        // some of these names are read from a repository's own files
        if !is_plain(file) {
            let reason = "expected a path within the repository".to_owned();
            return Err(Miss::Failed(reason));
        }
        let path = self
            .hub
            .get(&self.repository, &self.revision, file, self.progress)?;
        let folder = snapshot(&path, file).to_owned();
        if let Some(commit) = folder.file_name().and_then(|name| name.to_str()) {
            self.revision = commit.to_owned();
        }
        Ok(folder)
    }
}
