//! Weights that are named `hf:...`: their downloads shown on a watch.

use std::ops::ControlFlow;
use std::path::PathBuf;

use cohort_hub::{Hub, Location, OnReceived, Received};
use cohort_nn::BertFolder;

use crate::config::{TextEncoder, TextFeatureConfig};
use crate::error::PipelineError;
use crate::watch::Watch;

/// Does what may download, shows the downloads and breaks them off when the work shall stop.
pub(crate) fn watched<T, E>(
    watch: &dyn Watch,
    find: impl FnOnce(&mut OnReceived) -> Result<T, E>,
) -> Result<T, PipelineError>
where
    PipelineError: From<E>,
{
    let mut shown: Option<String> = None;
    let found = find(&mut |received| {
        show(received, &mut shown, watch);
        match watch.stopped() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    if shown.is_some() {
        watch.end();
    }
    Ok(found?)
}

fn show(received: &Received, shown: &mut Option<String>, watch: &dyn Watch) {
    // a length means that there is such a file
    let Some(of) = received.of else { return };
    if shown.as_deref() != Some(received.location) {
        if shown.replace(received.location.to_owned()).is_some() {
            watch.end();
        }
        watch.say(&format!(
            "downloading {} ({:.1} MB)",
            received.location,
            of as f64 / 1e6
        ));
        let name = received.location.rsplit(['/', ':']).next();
        watch.begin_bytes(name.unwrap_or_default(), of);
    }
    watch.at(usize::try_from(received.bytes).unwrap_or(usize::MAX));
}

/// The file of a network's weights.
///
/// # Errors
/// A name that is malformed or of a file that is not to be had; [`HubError::Stopped`](cohort_hub::HubError::Stopped).
pub(crate) fn file_of(weights: &str, watch: &dyn Watch) -> Result<PathBuf, PipelineError> {
    let location: Location = weights.parse()?;
    let hub = Hub::from_env();
    watched(watch, |progress| hub.resolve(&location, progress))
}

/// Folder or file of the text encoder's weights, none for n-grams.
///
/// # Errors
/// As [`file_of`].
pub(crate) fn text_weights(
    config: &TextFeatureConfig,
    watch: &dyn Watch,
) -> Result<Option<PathBuf>, PipelineError> {
    let Some(path) = &config.weights else {
        return Ok(None);
    };
    match (path.to_str(), config.encoder) {
        (Some(name), TextEncoder::Bert) => {
            let hub = Hub::from_env();
            let folder = watched(watch, |progress| BertFolder::find(name, &hub, progress))?;
            Ok(Some(folder))
        }
        (Some(name), TextEncoder::FastText) if name.starts_with("hf:") => {
            Ok(Some(file_of(name, watch)?))
        }
        _ => Ok(Some(path.clone())),
    }
}
