//! Flickr's token file: `image#0<TAB>caption` a line, without a header and without quotes.

use std::io::Read;
use std::path::Path;

use super::gather::{Files, Gather, Seen};
use super::oddity::OddityKind;
use super::{Pairs, PairsOptions, picture_folder};
use crate::error::{DataError, quoted};
use crate::files;

/// Most bytes of a file.
const LIMIT: u64 = 1 << 30;

/// The picture, the caption's number and the caption of a line.
fn parts(line: &str) -> Option<(&str, &str, &str)> {
    let (name, caption) = line.split_once('\t')?;
    let (picture, number) = name.trim().rsplit_once('#')?;
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    (digits && !picture.is_empty()).then_some((picture, number, caption))
}

/// Whether the first line is one of such a file.
pub(super) fn looks_like(path: &Path) -> Result<bool, DataError> {
    let mut beginning = Vec::new();
    files::open(path)?
        .take(1 << 16)
        .read_to_end(&mut beginning)
        .map_err(|source| DataError::read(path, source))?;
    let text = String::from_utf8_lossy(&beginning);
    let text = text.trim_start_matches('\u{feff}');
    Ok(text.lines().next().and_then(parts).is_some())
}

pub(super) fn read(path: &Path, options: &PairsOptions) -> Result<Pairs, DataError> {
    let text = files::read_text(path, LIMIT)?;
    let files = match options.without_files {
        true => None,
        false => Some(Files::new(&picture_folder(path, options)?)?),
    };
    let mut gather = Gather::new(path, files, Vec::new());
    for (i, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let row = i as u64 + 1;
        let Some((written, number, caption)) = parts(line) else {
            let case = || format!("row {row}: {}", quoted(line));
            gather.odd(OddityKind::UnreadableRow, case);
            continue;
        };
        let picture = gather.picture(Seen {
            written,
            split: None,
            attributes: Vec::new(),
            row,
        })?;
        gather.caption(picture, caption, None, Some(number), &format!("row {row}"));
    }
    gather.note(format!(
        "{}: read as lines of image#number, a tab and a caption",
        path.display()
    ));
    Ok(gather.finish())
}
