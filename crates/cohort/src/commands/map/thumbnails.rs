//! Small pictures of clips for the HTML map.

use std::path::{Path, PathBuf};

use cohort_search::MapDocument;
use cohort_tables::clip_id;
use cohort_vision::Picture;
use rayon::prelude::*;

use crate::commands::known::About;
use crate::commands::pictures;
use crate::shell::Shell;

/// Longer side in pixels.
const SIDE: usize = 56;
/// JPEG quality: enough to recognise a face at this size.
const QUALITY: u8 = 60;
/// Most bytes of all pictures in one page.
const MOST_BYTES: usize = 12_000_000;
/// Pictures made between two looks at whether to stop.
const CHUNK: usize = 256;
/// Warnings about single pictures, at most; the rest is counted.
const MOST_WARNINGS: usize = 5;

/// A picture for each point that has one, until the page would become too large: then for as many as fit, spread evenly
/// over the table.
pub(super) fn make(
    document: &MapDocument,
    about: &[Option<&About>],
    images: Option<&Path>,
    shell: &Shell,
) -> anyhow::Result<Vec<Option<String>>> {
    let files = match images {
        Some(folder) => {
            let (found, unused) = pictures::by_clip(folder)?;
            if !unused.is_empty() {
                shell.say(&format!("{}: not used: {unused}", folder.display()));
            }
            let of = |point: &cohort_search::PlacedClip| found.get(clip_id(&point.clip)).cloned();
            let mut ambiguous = 0;
            let mut files = Vec::with_capacity(document.points.len());
            for point in &document.points {
                let several = of(point).is_some_and(|found| found.is_none());
                ambiguous += usize::from(several);
                files.push(of(point).flatten());
            }
            if ambiguous > 0 {
                shell.say(&format!(
                    "{ambiguous} clips have no picture in the page: several pictures in folders below {} have their name, and only a path would tell which is theirs",
                    folder.display()
                ));
            }
            files
        }
        None => about
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
    let mut made_small = vec![None; files.len()];
    let (mut bytes, mut made, mut bad) = (0, 0, 0);
    let mut warnings = Vec::new();
    let bar = shell.bar("pictures", wanted.len());
    'all: for chunk in wanted.chunks(CHUNK) {
        bar.set_position(made as u64);
        anyhow::ensure!(!shell.stopped(), "stopped");
        let results: Vec<_> = chunk.par_iter().map(|(_, file)| small(file)).collect();
        for ((i, _), result) in chunk.iter().zip(results) {
            let Ok((address, mut warned)) = result else {
                bad += 1;
                continue;
            };
            warnings.append(&mut warned);
            if bytes + address.len() > MOST_BYTES {
                break 'all;
            }
            bytes += address.len();
            made += 1;
            made_small[*i] = Some(address);
        }
    }
    bar.finish_and_clear();
    for warning in warnings.iter().take(MOST_WARNINGS) {
        shell.say(&format!("warning: {warning}"));
    }
    if warnings.len() > MOST_WARNINGS {
        let more = warnings.len() - MOST_WARNINGS;
        shell.say(&format!("warning: {more} more pictures like these"));
    }
    if bad > 0 {
        shell.say(&format!("{bad} pictures cannot be read and are not shown"));
    }
    if made + bad < document.points.len() {
        shell.say(&format!(
            "{made} of {} clips have a picture in the page",
            document.points.len()
        ));
    }
    Ok(made_small)
}

/// A picture made small, as a `data:` address, and what was odd about its file.
fn small(file: &Path) -> anyhow::Result<(String, Vec<String>)> {
    let shrink = |picture: &Picture| {
        let (width, height) = (picture.width(), picture.height());
        let longer = width.max(height).max(1);
        let side = |length: usize| (length * SIDE / longer).max(1);
        cohort_vision::resize(picture, side(width), side(height))
    };
    let (address, _, warnings) = pictures::small(file, QUALITY, shrink)?;
    Ok((address, warnings))
}
