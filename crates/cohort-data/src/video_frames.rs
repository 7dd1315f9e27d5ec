//! Pictures that were taken of videos: one a video, in a folder of the data set.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cohort_tables::id_key;

use crate::error::DataError;
use crate::folder;
use crate::media::{Media, MediaKind, MediaSource};

/// Folder below a data set's root that holds `ITEM.jpg` for items that have a video and no picture.
pub const VIDEO_FRAMES: &str = "video-frames";

/// The pictures that lie there, by item.
pub(crate) struct VideoFrames(BTreeMap<String, PathBuf>);

impl VideoFrames {
    /// Those of a data set; none where it has no such folder.
    pub(crate) fn of(root: &Path) -> Result<Self, DataError> {
        let folder = root.join(VIDEO_FRAMES);
        if !folder.is_dir() {
            return Ok(Self(BTreeMap::new()));
        }
        let listing = folder::search(&folder, &["jpg"])?;
        let files = listing.files.into_iter();
        let files = files.map(|entry| {
            let name = entry.below.strip_suffix(".jpg").unwrap_or(&entry.below);
            (id_key(name), entry.path)
        });
        Ok(Self(files.collect()))
    }

    /// Gives an item the picture of its video, where it has no other.
    pub(crate) fn give(&self, id: &str, media: &mut Media) {
        if !media.has(MediaKind::Video) || media.has(MediaKind::Picture) {
            return;
        }
        if let Some(file) = self.0.get(id) {
            media.insert(MediaKind::Picture, MediaSource::File(file.clone()));
        }
    }
}
