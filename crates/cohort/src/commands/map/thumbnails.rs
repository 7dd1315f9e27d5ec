//! Small pictures of clips for the HTML map.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use cohort_report::jpeg_address;
use cohort_search::MapDocument;
use cohort_tables::clip_id;
use rayon::prelude::*;

use super::draw::Extras;
use crate::shell::Shell;

/// Longer side in pixels.
const SIDE: usize = 56;
/// JPEG quality: enough to recognise a face at this size.
const QUALITY: u8 = 60;
/// Most bytes of all pictures in one page.
const MOST_BYTES: usize = 12_000_000;
/// Pictures made between two looks at whether to stop.
const CHUNK: usize = 256;

/// A picture for each point that has one, until the page would become too large: then for as many as fit, spread evenly
/// over the table.
pub(super) fn make(
    document: &MapDocument,
    extras: &Extras,
    shell: &Shell,
) -> anyhow::Result<Vec<Option<String>>> {
    let files = match extras.images {
        Some(folder) => {
            let mut found = HashMap::new();
            list(folder, &mut found)?;
            let of = |point: &cohort_search::PlacedClip| found.get(point.clip.as_str()).cloned();
            document.points.iter().map(of).collect()
        }
        None => extras
            .about
            .iter()
            .map(|about| about.and_then(|about| about.image.clone()))
            .collect::<Vec<_>>(),
    };
    let mut wanted: Vec<(usize, &PathBuf)> = files
        .iter()
        .enumerate()
        .filter_map(|(i, file)| Some((i, file.as_ref()?)))
        .collect();
    // an order that spreads evenly: multiples of the golden ratio
    wanted.sort_by_key(|(i, _)| ((*i as u32).wrapping_mul(0x9e37_79b9), *i));
    let mut pictures = vec![None; files.len()];
    let (mut bytes, mut made, mut bad) = (0, 0, 0);
    let bar = shell.bar("pictures", wanted.len());
    'all: for chunk in wanted.chunks(CHUNK) {
        bar.set_position(made as u64);
        anyhow::ensure!(!shell.stopped(), "stopped");
        let results: Vec<_> = chunk.par_iter().map(|(_, file)| small(file)).collect();
        for ((i, _), result) in chunk.iter().zip(results) {
            let Ok(address) = result else {
                bad += 1;
                continue;
            };
            if bytes + address.len() > MOST_BYTES {
                break 'all;
            }
            bytes += address.len();
            made += 1;
            pictures[*i] = Some(address);
        }
    }
    bar.finish_and_clear();
    if bad > 0 {
        shell.say(&format!("{bad} pictures cannot be read and are not shown"));
    }
    if made + bad < document.points.len() {
        shell.say(&format!(
            "{made} of {} clips have a picture in the page",
            document.points.len()
        ));
    }
    Ok(pictures)
}

/// A picture made small, as a `data:` address.
fn small(file: &Path) -> anyhow::Result<String> {
    let picture = cohort_vision::decode(file)?;
    let (width, height) = (picture.width(), picture.height());
    let longer = width.max(height).max(1);
    let side = |length: usize| (length * SIDE / longer).max(1);
    let picture = cohort_vision::resize(&picture, side(width), side(height))?;
    let mut jpeg = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode(
        picture.rgb(),
        picture.width() as u32,
        picture.height() as u32,
        image::ExtendedColorType::Rgb8,
    )?;
    Ok(jpeg_address(&jpeg))
}

/// Pictures in a folder and below it, by clip id; of several the first by path.
fn list(folder: &Path, found: &mut HashMap<String, PathBuf>) -> anyhow::Result<()> {
    let cannot = || format!("cannot list {}", folder.display());
    let mut entries = std::fs::read_dir(folder)
        .with_context(cannot)?
        .collect::<Result<Vec<_>, _>>()
        .with_context(cannot)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // a link to a folder is not followed: it may lead back
        if entry.file_type().with_context(cannot)?.is_dir() {
            list(&path, found)?;
        } else if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
            let clip = clip_id(name);
            let extension = path
                .extension()
                .and_then(|e| e.to_str())
                .unwrap_or_default();
            if ["jpg", "jpeg", "png", "webp"].contains(&extension.to_lowercase().as_str()) {
                found
                    .entry(clip.to_string())
                    .or_insert_with(|| path.clone());
            }
        }
    }
    Ok(())
}
