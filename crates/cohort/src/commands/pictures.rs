//! Pictures in folders, by clip, and made small for pages.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use cohort_data::folder::{self, Unused};
use cohort_report::jpeg_address;
use cohort_tables::{IMAGE_EXTENSIONS, clip_id};
use cohort_vision::{Picture, decode_warned, encode_jpeg};

/// Pictures in a folder and below it, by their paths without ending and, where no other has it, by their name without ending;
/// None for a name of several. Of two pictures of one path (`a.jpg`, `a.png`) the one with the more wanted ending counts. Also
/// gives what else the folder holds.
///
/// # Errors
/// A folder that cannot be listed.
pub(super) fn by_clip(folder: &Path) -> anyhow::Result<(HashMap<String, Option<PathBuf>>, Unused)> {
    let listing = folder::search(folder, &IMAGE_EXTENSIONS)?;
    let rank = |path: &Path| {
        let ending = path
            .extension()
            .and_then(|e| e.to_str())
            .unwrap_or_default();
        let known = IMAGE_EXTENSIONS.iter();
        known
            .clone()
            .position(|e| e.eq_ignore_ascii_case(ending))
            .unwrap_or(known.len())
    };
    let mut files = listing.files;
    files.sort_by_key(|entry| (rank(&entry.path), entry.path.clone()));
    let mut found: HashMap<String, Option<PathBuf>> = HashMap::new();
    for (id, entry) in folder::clip_ids(&[&files])
        .remove(0)
        .into_iter()
        .zip(&files)
    {
        let name = entry.below.rsplit('/').next().unwrap_or_default();
        if id != clip_id(name) {
            found.insert(clip_id(name).to_string(), None);
        }
        for id in [id.as_str(), clip_id(&entry.below)] {
            found
                .entry(id.to_string())
                .or_insert_with(|| Some(entry.path.clone()));
        }
    }
    Ok((found, listing.unused))
}

/// Decodes a picture and makes it small by `shrink`: a `data:` address of a JPEG, its width and height, and what was odd about the
/// file.
///
/// # Errors
/// A file that cannot be decoded.
pub(super) fn small(
    file: &Path,
    quality: u8,
    shrink: impl Fn(&Picture) -> Result<Picture, cohort_vision::VisionError>,
) -> anyhow::Result<(String, [usize; 2], Vec<String>)> {
    let decoded = decode_warned(file)?;
    let picture = shrink(&decoded.picture)?;
    let address = jpeg_address(&encode_jpeg(&picture, quality)?);
    Ok((
        address,
        [picture.width(), picture.height()],
        decoded.warnings,
    ))
}
