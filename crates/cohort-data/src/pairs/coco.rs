//! Pairs of COCO's captions.

use std::path::{Path, PathBuf};

use super::gather::{Gather, Seen};
use super::oddity::OddityKind;
use super::{Pairs, PairsOptions, picture_folder};
use crate::error::DataError;
use crate::files;
use crate::finding::Kind;
use crate::media::MediaKind;
use crate::readers::pair_parts::{Contents, read_coco};

/// Whether a file is JSON.
pub(super) fn looks_like(path: &Path) -> bool {
    use std::io::Read;
    let mut beginning = Vec::new();
    let Ok(file) = files::open(path) else {
        return false;
    };
    let read = file.take(64).read_to_end(&mut beginning);
    let text = String::from_utf8_lossy(&beginning);
    read.is_ok()
        && text
            .trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t'])
            .starts_with('{')
}

pub(super) fn read(
    path: &Path,
    files: &[PathBuf],
    options: &PairsOptions,
) -> Result<Pairs, DataError> {
    let root = picture_folder(path, options)?;
    let contents = read_coco(&root, files, None)?;
    gather(path, contents, options)
}

fn gather(path: &Path, contents: Contents, options: &PairsOptions) -> Result<Pairs, DataError> {
    let objects = contents.objects.unwrap_or_default();
    let mut gather = Gather::new(path, None, Vec::new());
    for finding in &contents.findings {
        let kind = match finding.kind {
            Kind::BadAnnotation => OddityKind::CaptionWithoutPicture,
            Kind::CaptionIdAgain => OddityKind::CaptionIdAgain,
            // captions without a word are counted where they are met below
            _ => continue,
        };
        let case = || match &finding.file {
            Some(file) => format!("{file}: {}", finding.message),
            None => finding.message.clone(),
        };
        gather.odd(kind, case);
    }
    for table in contents.tables {
        let Ok(file) = table.file else { continue };
        let media = file.media.unwrap_or_default();
        for (i, written) in file.table.names.iter().enumerate() {
            let picture = gather.picture(Seen {
                written,
                split: Some(&table.split),
                attributes: Vec::new(),
                row: i as u64 + 1,
            })?;
            if options.without_files {
                continue;
            }
            match media
                .get(i)
                .and_then(|media| media.file(MediaKind::Picture))
            {
                Some(file) => gather.file(picture, file),
                None => gather.odd(OddityKind::MissingFile, || {
                    format!("{} of split {}", written, table.split)
                }),
            }
        }
    }
    for (item, id) in &objects.ids {
        gather.number(item, id);
    }
    for caption in objects.captions {
        let id = caption.id;
        let place = id
            .as_ref()
            .map_or("a caption without an id".to_string(), |id| {
                format!("caption {id}")
            });
        gather.caption_of(&caption.item, &caption.text, id, &place);
    }
    Ok(gather.finish())
}
