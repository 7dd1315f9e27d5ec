//! Pairs of pictures and captions, of every source in one form: COCO's captions, a table, Flickr's token file.

mod coco;
mod gather;
mod join;
mod oddity;
mod parts;
mod table;
mod token;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cohort_tables::{TableFormat, did_you_mean};

pub use join::Joined;
pub use oddity::{Oddity, OddityKind};

use crate::error::{DataError, shorten};
use crate::folder;
use crate::layout::Part;
use crate::media::MediaKind;
use crate::readers::MadeSplits;
use crate::readers::pair_parts::{Drawn, SHARE, coco_files, draw};
use crate::readers::table_parts::{TABLES, files_in};

/// What is said of a source of pairs; what is not said is recognised.
#[derive(Debug, Clone, Default)]
pub struct PairsOptions {
    /// Folder that pictures are looked for in. Default: that of the source, else the one above it.
    pub images: Option<PathBuf>,
    /// Leaves files alone, where vectors are there already: no picture is looked for, none is missing. Default no.
    pub without_files: bool,
    /// Column of the pictures in a table. Default: the first of the usual names (path, file, image, ...).
    pub picture: Option<String>,
    /// Column of the captions in a table. Default: the first of the usual names (caption, text, sentence, ...).
    pub caption: Option<String>,
    /// How a table of text is written.
    pub table: TableFormat,
}

/// Pictures and what is said of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pairs {
    /// Each picture once, in the order of the source.
    pub pictures: Vec<PairPicture>,
    /// Captions with words, in the order of the source.
    pub captions: Vec<PairCaption>,
    /// Names of the pictures' attributes.
    pub attributes: Vec<String>,
    /// What is odd about the source: nothing of it is left out without being counted here.
    pub odd: Vec<Oddity>,
    /// How the source was read, a line each.
    pub notes: Vec<String>,
    /// Splits that were made by [`Pairs::make_splits`].
    pub made: Option<MadeSplits>,
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairPicture {
    /// Its id: the path as the source writes it, without a media ending.
    pub id: String,
    /// The number that the source knows it by beside that, as COCO's `image_id`.
    pub number: Option<String>,
    /// Its file, where there is one.
    pub file: Option<PathBuf>,
    /// Its split, where the source has splits.
    pub split: Option<String>,
    /// Values of the attributes.
    pub attributes: Vec<String>,
}

/// A caption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairCaption {
    /// Its id: the source's, else the picture's with `#0`, `#1` and so on.
    pub id: String,
    /// Place of its picture in [`Pairs::pictures`].
    pub picture: usize,
    /// Its words, without white space around them.
    pub text: String,
}

/// Reads pairs: COCO's captions (`captions_*.json`), a table of text or Parquet with a column of pictures and one or more of
/// captions (`image,caption`; `image_name| comment_number| comment`; `caption_1`, `caption_2`), Flickr's token file
/// (`image#0<TAB>caption`), or a folder with one of them.
///
/// # Errors
/// [`DataError`] for what cannot be read or is none of these, for a picture in two splits, for a path that several files end in,
/// and where no caption with words is left.
pub fn read_pairs(path: &Path, options: &PairsOptions) -> Result<Pairs, DataError> {
    let metadata = std::fs::metadata(path).map_err(|source| DataError::read(path, source))?;
    let (files, is_coco) = match metadata.is_dir() {
        true => sources(path)?,
        false => (vec![path.to_path_buf()], coco::looks_like(path)),
    };
    let pairs = match is_coco {
        true => coco::read(path, &files, options)?,
        false if token::looks_like(&files[0])? => token::read(&files[0], options)?,
        false => table::read(&files[0], options)?,
    };
    if pairs.captions.is_empty() {
        let odd: Vec<String> = pairs.odd.iter().map(Oddity::to_string).collect();
        let found = match odd.is_empty() {
            true => "none".to_string(),
            false => format!("none ({})", odd.join("; ")),
        };
        return Err(DataError::file(
            path,
            "at least one caption with words",
            found,
        ));
    }
    Ok(pairs)
}

/// The sources in a folder, and whether they are COCO's: annotations whose names say captions, or the one table that has captions.
fn sources(root: &Path) -> Result<(Vec<PathBuf>, bool), DataError> {
    let mut coco = coco_files(root)?;
    coco.retain(|file| name_of(file).to_lowercase().contains("caption"));
    if !coco.is_empty() {
        return Ok((coco, true));
    }
    let endings: Vec<&str> = TABLES.into_iter().chain(["token", "txt"]).collect();
    let all = files_in(root, &endings);
    let mut tables = all.clone();
    tables.retain(|file| table::has_captions(file) || token::looks_like(file).unwrap_or(false));
    match tables.len() {
        1 => Ok((tables, false)),
        0 => Err(DataError::file(
            root,
            "captions: annotations/captions_*.json, a table with columns of pictures and captions, or Flickr's token file",
            match all.is_empty() {
                true => "none of them".to_string(),
                false => format!("no captions in {}", shorten(&names_of(&all), 5)),
            },
        )),
        _ => Err(DataError::file(
            root,
            "one source of captions",
            format!("{}; give the file itself", shorten(&names_of(&tables), 5)),
        )),
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn names_of(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| name_of(path)).collect()
}

/// The folder that pictures are looked for in: the stated one, else that of the source, else the one above it where that alone
/// holds pictures.
fn picture_folder(source: &Path, options: &PairsOptions) -> Result<PathBuf, DataError> {
    if let Some(folder) = &options.images {
        if !folder.is_dir() {
            return Err(DataError::file(folder, "a folder of pictures", "none"));
        }
        return Ok(folder.clone());
    }
    let own = match source.is_dir() {
        true => source,
        false => source.parent().unwrap_or(source),
    };
    let own = match own.as_os_str().is_empty() {
        true => Path::new("."),
        false => own,
    };
    let holds = |folder: &Path| -> Result<bool, DataError> {
        let listing = folder::search(folder, MediaKind::Picture.extensions())?;
        Ok(!listing.files.is_empty())
    };
    if options.without_files || source.is_dir() || holds(own)? {
        return Ok(own.to_path_buf());
    }
    let above = own.join("..");
    match above.is_dir() && holds(&above)? {
        true => Ok(above),
        false => Ok(own.to_path_buf()),
    }
}

impl Pairs {
    /// Names of the splits, in the order of their parts.
    pub fn splits(&self) -> Vec<&str> {
        let names: BTreeSet<&str> = (self.pictures.iter())
            .filter_map(|picture| picture.split.as_deref())
            .collect();
        let mut names: Vec<&str> = names.into_iter().collect();
        names.sort_by_key(|name| (Part::of(name).is_none(), Part::of(name)));
        names
    }

    /// Gives pictures without splits a made one: 15 % each to `valid` and `test`, the others to `train`, by a hash of seed and id, so
    /// that a picture's captions stay together and neither order nor new pictures move the others. Nothing where there are splits.
    pub fn make_splits(&mut self, seed: u64) {
        if self.pictures.iter().any(|picture| picture.split.is_some()) {
            return;
        }
        let items: Vec<Drawn<'_>> = (self.pictures.iter())
            .map(|picture| Drawn {
                class: "",
                ties: vec![picture.id.clone()],
            })
            .collect();
        let drawn = draw(&items, &[SHARE, SHARE], seed);
        let made = [Part::Valid, Part::Test];
        for (picture, drawn) in self.pictures.iter_mut().zip(drawn) {
            let part = drawn.map_or(Part::Train, |drawn| made[drawn]);
            picture.split = Some(part.name().to_string());
        }
        self.made = Some(MadeSplits {
            seed,
            splits: made.iter().map(|part| part.name().to_string()).collect(),
            from: Part::Train.name().to_string(),
            share: SHARE,
        });
    }

    /// The pictures of one split with their captions; a split is named as it is, or by its part (`val` is `val2017`).
    ///
    /// # Errors
    /// [`DataError::File`] naming `path` where there is no such split, or several of the part.
    pub fn in_split(&self, path: &Path, split: &str) -> Result<Self, DataError> {
        let splits = self.splits();
        let part = Part::of(split);
        let alike = |name: &str| name.trim().eq_ignore_ascii_case(split.trim());
        let is_meant = |name: &&str| match splits.iter().any(|name| alike(name)) {
            true => alike(name),
            false => part.is_some() && Part::of(name) == part,
        };
        let meant: Vec<&str> = splits.iter().copied().filter(is_meant).collect();
        let &[meant] = meant.as_slice() else {
            let found = match (splits.is_empty(), meant.is_empty()) {
                (true, _) => "no splits".to_string(),
                (_, true) => shorten(&splits, 8) + &did_you_mean(split, splits.iter().copied()),
                // of two spellings one alone would be half of what is meant
                _ => format!("{} that may be meant", meant.join(" and ")),
            };
            return Err(DataError::file(path, format!("one split {split}"), found));
        };
        let mut place = vec![None; self.pictures.len()];
        let mut pictures = Vec::new();
        for (i, picture) in self.pictures.iter().enumerate() {
            if picture.split.as_deref() == Some(meant) {
                place[i] = Some(pictures.len());
                pictures.push(picture.clone());
            }
        }
        let captions = self.captions.iter().filter_map(|caption| {
            Some(PairCaption {
                picture: place[caption.picture]?,
                ..caption.clone()
            })
        });
        Ok(Self {
            captions: captions.collect(),
            pictures,
            ..self.clone()
        })
    }

    /// What to tell of the source: how it was read, then what is odd.
    pub fn told(&self) -> Vec<String> {
        let odd = self.odd.iter().map(Oddity::to_string);
        self.notes.iter().cloned().chain(odd).collect()
    }
}
