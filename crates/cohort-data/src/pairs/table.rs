//! Pairs of a table: a column of pictures and one or more of captions.

use std::path::Path;

use cohort_tables::{ReadOptions, TextTable, did_you_mean, is_missing};

use super::gather::{Files, Gather, Seen};
use super::oddity::OddityKind;
use super::{Pairs, PairsOptions, picture_folder};
use crate::error::{DataError, quoted, shorten};
use crate::readers::table_parts::{SPLITS, column_of};

/// Columns of pictures, the most telling first.
const PICTURES: [&str; 17] = [
    "picture",
    "image",
    "img",
    "image_path",
    "img_path",
    "picture_path",
    "image_name",
    "image_file",
    "filepath",
    "file_path",
    "filename",
    "file_name",
    "path",
    "file",
    "image_id",
    "name",
    "key",
];

/// Columns of captions, the most telling first; each may have a number behind it.
const CAPTIONS: [&str; 11] = [
    "caption",
    "captions",
    "sentence",
    "sentences",
    "text",
    "comment",
    "description",
    "title",
    "prompt",
    "raw",
    "alt_text",
];

/// Columns of a caption's id.
const IDS: [&str; 6] = [
    "caption_id",
    "captionid",
    "sentence_id",
    "sentid",
    "annotation_id",
    "ann_id",
];

/// Columns of a caption's number at its picture.
const NUMBERS: [&str; 4] = [
    "comment_number",
    "caption_number",
    "sentence_number",
    "number",
];

/// Where everything stands in a table.
struct Columns {
    picture: usize,
    captions: Vec<usize>,
    id: Option<usize>,
    number: Option<usize>,
    split: Option<usize>,
    others: Vec<usize>,
}

impl Columns {
    fn new(path: &Path, header: &[String], options: &PairsOptions) -> Result<Self, DataError> {
        let stated = |name: &str| {
            column_of(header, &[name]).ok_or_else(|| {
                let near = did_you_mean(name, header.iter().map(String::as_str));
                let found = format!("columns {}{near}", shorten(header, 12));
                DataError::file(path, format!("a column {name}"), found)
            })
        };
        let missing = |expected: &str| {
            DataError::file(path, expected, format!("columns {}", shorten(header, 12)))
        };
        let captions = match &options.caption {
            Some(name) => vec![stated(name)?],
            None => captions(header),
        };
        if captions.is_empty() {
            return Err(missing(
                "a column of captions (caption, text, sentence, ...)",
            ));
        }
        let picture = match &options.picture {
            Some(name) => stated(name)?,
            None => column_of(header, &PICTURES)
                .filter(|place| !captions.contains(place))
                .ok_or_else(|| missing("a column of pictures (image, path, file, ...)"))?,
        };
        if captions.contains(&picture) {
            let found = format!("{} for both", header[picture]);
            return Err(DataError::file(
                path,
                "a column each of pictures and captions",
                found,
            ));
        }
        let free = |place: &usize| *place != picture && !captions.contains(place);
        let id = column_of(header, &IDS).filter(free);
        let number = column_of(header, &NUMBERS).filter(free);
        let split = column_of(header, &SPLITS).filter(free);
        let used = [id, number, split];
        let others = (0..header.len()).filter(|place| free(place) && !used.contains(&Some(*place)));
        Ok(Self {
            others: others.collect(),
            picture,
            captions,
            id,
            number,
            split,
        })
    }
}

/// The columns of the first of the usual names that is there: that column, or all with a number behind the name.
fn captions(header: &[String]) -> Vec<usize> {
    for name in CAPTIONS {
        if let Some(place) = column_of(header, &[name]) {
            return vec![place];
        }
        let numbered = |column: &String| {
            let lower = column.trim().to_lowercase();
            let rest = lower
                .strip_prefix(name)
                .map(|rest| rest.trim_start_matches(['_', ' ', '-', '.']));
            rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
        };
        let places: Vec<usize> = (0..header.len())
            .filter(|&i| numbered(&header[i]))
            .collect();
        if !places.is_empty() {
            return places;
        }
    }
    Vec::new()
}

/// Whether a table has columns of pictures and of captions.
pub(super) fn has_captions(path: &Path) -> bool {
    let options = PairsOptions::default();
    TextTable::read(path, &ReadOptions::default(), &[])
        .is_ok_and(|table| Columns::new(path, &table.header, &options).is_ok())
}

pub(super) fn read(path: &Path, options: &PairsOptions) -> Result<Pairs, DataError> {
    let read_options = ReadOptions {
        format: options.table,
        ..ReadOptions::default()
    };
    let table = TextTable::read(path, &read_options, &[])?;
    let columns = Columns::new(path, &table.header, options)?;
    let name = |place: usize| table.header[place].clone();
    let files = match options.without_files {
        true => None,
        false => Some(Files::new(&picture_folder(path, options)?)?),
    };
    let attributes = columns.others.iter().map(|&place| name(place));
    let mut gather = Gather::new(path, files, attributes.collect());
    for note in &table.notes {
        gather.note(note.clone());
    }
    gather.note(told(path, &table.header, &columns));
    for problem in &table.problems {
        gather.odd(OddityKind::UnreadableRow, || {
            format!(
                "row {}: expected {}, found {}",
                problem.row, problem.expected, problem.found
            )
        });
    }
    let several = columns.captions.len() > 1;
    for (i, &row) in table.lines.iter().enumerate() {
        let field = |place: usize| table.columns[place][i].as_str();
        let stated = |place: Option<usize>| place.map(field).filter(|value| !is_missing(value));
        let written = field(columns.picture);
        if is_missing(written) {
            let caption = field(columns.captions[0]);
            let case = || format!("row {row}: {}", quoted(caption));
            gather.odd(OddityKind::CaptionWithoutPicture, case);
            continue;
        }
        let picture = gather.picture(Seen {
            written,
            split: stated(columns.split),
            attributes: columns
                .others
                .iter()
                .map(|&place| field(place).to_string())
                .collect(),
            row,
        })?;
        for &place in &columns.captions {
            let at = match several {
                true => format!("row {row}, column {}", table.header[place]),
                false => format!("row {row}"),
            };
            // an id or number is the row's, so it cannot name several
            let id = stated(columns.id).filter(|_| !several).map(String::from);
            let number = stated(columns.number).filter(|_| !several);
            gather.caption(picture, field(place), id, number, &at);
        }
    }
    Ok(gather.finish())
}

/// What the columns were taken for.
fn told(path: &Path, header: &[String], columns: &Columns) -> String {
    let names = |places: &[usize]| {
        let names: Vec<&str> = places.iter().map(|&place| header[place].as_str()).collect();
        names.join(", ")
    };
    let mut text = format!(
        "{}: pictures in column {}, captions in {}",
        path.display(),
        header[columns.picture],
        names(&columns.captions)
    );
    for (what, place) in [
        ("ids of captions", columns.id),
        ("numbers of captions", columns.number),
        ("splits", columns.split),
    ] {
        if let Some(place) = place {
            text += &format!(", {what} in {}", header[place]);
        }
    }
    text
}
