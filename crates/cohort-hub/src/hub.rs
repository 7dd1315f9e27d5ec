//! Which hub, and where its cache lies.

use std::path::PathBuf;

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

    /// Folder of a repository in the cache.
    pub(crate) fn folder(&self, repository: &str) -> PathBuf {
        let name = format!("models--{}", repository.replace('/', "--"));
        self.cache.join(name)
    }
}
