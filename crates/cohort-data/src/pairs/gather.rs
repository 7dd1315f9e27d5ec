//! Pictures and captions as they come, each once.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use cohort_tables::{id_key, is_missing};

use super::oddity::{Oddities, OddityKind};
use super::{PairCaption, PairPicture, Pairs};
use crate::error::{DataError, quoted};
use crate::folder::{self, Listing};
use crate::media::MediaKind;
use crate::readers::pair_parts::{Found, PathIndex, plain};

/// Pictures below a folder, to be found by what a source calls them.
pub(super) struct Files {
    listing: Listing,
    index: PathIndex,
}

impl Files {
    pub(super) fn new(folder: &Path) -> Result<Self, DataError> {
        let listing = folder::search(folder, MediaKind::Picture.extensions())?;
        let index = PathIndex::new(&listing.files);
        Ok(Self { listing, index })
    }

    /// The file of a written path, or what is wrong with it.
    fn find(&self, written: &str) -> Result<Option<PathBuf>, String> {
        match self.index.find(written) {
            Found::Files(files) => Ok(files
                .first()
                .map(|&file| self.listing.files[file].path.clone())),
            Found::Nothing => Ok(None),
            Found::Several(a, b) => Err(format!(
                "{}, and several files end so ({a}, {b}, ...)",
                quoted(written)
            )),
        }
    }
}

/// A picture as a source has it.
pub(super) struct Seen<'a> {
    /// Its path as it is written.
    pub written: &'a str,
    pub split: Option<&'a str>,
    pub attributes: Vec<String>,
    /// Its line, for errors.
    pub row: u64,
}

/// Gathers the pairs of one source.
pub(super) struct Gather<'a> {
    path: &'a Path,
    files: Option<Files>,
    pairs: Pairs,
    odd: Oddities,
    /// How each picture was written first.
    written: Vec<String>,
    by_id: HashMap<String, usize>,
    by_file: HashMap<PathBuf, usize>,
    caption_ids: HashMap<String, usize>,
    /// How many captions each picture was given, those without words among them.
    given: Vec<usize>,
    /// Whether an attribute has one value at every picture.
    of_pictures: Vec<bool>,
}

impl<'a> Gather<'a> {
    /// `files`: where pictures are looked for, if at all.
    pub(super) fn new(path: &'a Path, files: Option<Files>, attributes: Vec<String>) -> Self {
        Self {
            path,
            files,
            odd: Oddities::default(),
            of_pictures: vec![true; attributes.len()],
            pairs: Pairs {
                attributes,
                ..Pairs::default()
            },
            written: Vec::new(),
            by_id: HashMap::new(),
            by_file: HashMap::new(),
            caption_ids: HashMap::new(),
            given: Vec::new(),
        }
    }

    pub(super) fn odd(&mut self, kind: OddityKind, case: impl FnOnce() -> String) {
        self.odd.add(kind, case);
    }

    pub(super) fn note(&mut self, note: String) {
        self.pairs.notes.push(note);
    }

    /// The place of a picture, which may be known by this name, another or its file.
    pub(super) fn picture(&mut self, seen: Seen<'_>) -> Result<usize, DataError> {
        let row =
            |expected: &str, found: String| DataError::row(self.path, seen.row, expected, found);
        let id = id_key(&plain(seen.written));
        let known = self.by_id.get(&id).copied();
        let at = match known {
            Some(at) => at,
            None => {
                let find = |files: &Files| files.find(seen.written);
                let file = self.files.as_ref().map(find).transpose();
                let file = file
                    .map_err(|found| row("the path of one picture", found))?
                    .flatten();
                self.place(id, file, &seen)
            }
        };
        if self.written[at] != seen.written.trim() {
            let (first, again) = (&self.written[at], seen.written);
            self.odd.add(OddityKind::SamePicture, || {
                format!("row {}: {} is {}", seen.row, quoted(again), quoted(first))
            });
        }
        let picture = &mut self.pairs.pictures[at];
        match (&picture.split, seen.split) {
            (Some(before), Some(split)) if before != split => {
                let found = format!("{} in {before} and in {split}", quoted(seen.written));
                return Err(row("every picture in one split", found));
            }
            (None, Some(split)) => picture.split = Some(split.to_string()),
            _ => {}
        }
        for (i, value) in seen.attributes.iter().enumerate() {
            self.of_pictures[i] &= picture.attributes[i] == *value;
        }
        Ok(at)
    }

    fn place(&mut self, id: String, file: Option<PathBuf>, seen: &Seen<'_>) -> usize {
        let next = self.pairs.pictures.len();
        let at = match &file {
            Some(file) => *self.by_file.entry(file.clone()).or_insert(next),
            None => next,
        };
        if at == next {
            if self.files.is_some() && file.is_none() {
                self.odd.add(OddityKind::MissingFile, || {
                    format!("row {}: {}", seen.row, quoted(seen.written))
                });
            }
            self.pairs.pictures.push(PairPicture {
                id: id.clone(),
                number: None,
                file,
                split: seen.split.map(String::from),
                attributes: seen.attributes.clone(),
            });
            self.written.push(seen.written.trim().to_string());
            self.given.push(0);
        }
        self.by_id.insert(id, at);
        at
    }

    /// A caption of a picture; without an id of its own it is called by its number, else by its place among the picture's. `place`
    /// says where it stands.
    pub(super) fn caption(
        &mut self,
        picture: usize,
        text: &str,
        id: Option<String>,
        number: Option<&str>,
        place: &str,
    ) {
        let own = &self.pairs.pictures[picture].id;
        let given = &mut self.given[picture];
        let id = id.unwrap_or_else(|| match number {
            Some(number) => format!("{own}#{number}"),
            None => format!("{own}#{given}"),
        });
        *given += 1;
        let text = text.trim();
        if is_missing(text) {
            let case = || format!("{place}: {id}");
            return self.odd.add(OddityKind::EmptyCaption, case);
        }
        let split = |picture: usize| self.pairs.pictures[picture].split.as_deref();
        let of_another_split = self.caption_ids.get(&id).and_then(|&before| {
            let own = split(picture)?;
            let before = &self.pairs.captions[before];
            (split(before.picture) != Some(own)).then(|| format!("{own}/{id}"))
        });
        let id = match of_another_split {
            Some(named) => {
                let case = || format!("{place}: {named}");
                self.odd.add(OddityKind::CaptionIdOfAnotherSplit, case);
                named
            }
            None => id,
        };
        match self.caption_ids.entry(id) {
            Entry::Occupied(before) => {
                let before = &self.pairs.captions[*before.get()];
                let kind = match before.picture == picture && before.text == text {
                    true => OddityKind::CaptionAgain,
                    false => OddityKind::CaptionIdAgain,
                };
                self.odd.add(kind, || format!("{place}: {}", before.id));
            }
            Entry::Vacant(free) => {
                let id = free.key().clone();
                free.insert(self.pairs.captions.len());
                self.pairs.captions.push(PairCaption {
                    id,
                    picture,
                    text: text.to_string(),
                });
            }
        }
    }

    /// As [`Self::caption`], of the picture that is written so.
    pub(super) fn caption_of(
        &mut self,
        written: &str,
        text: &str,
        id: Option<String>,
        place: &str,
    ) {
        match self.by_id.get(&id_key(&plain(written))) {
            Some(&picture) => self.caption(picture, text, id, None, place),
            None => self.odd.add(OddityKind::CaptionWithoutPicture, || {
                format!("{place}: {}", quoted(written))
            }),
        }
    }

    /// The number that the source knows the picture by that is written so.
    pub(super) fn number(&mut self, written: &str, number: &str) {
        if let Some(&picture) = self.by_id.get(&id_key(&plain(written))) {
            let picture = &mut self.pairs.pictures[picture];
            picture.number.get_or_insert_with(|| number.to_string());
        }
    }

    /// The file of a picture.
    pub(super) fn file(&mut self, picture: usize, file: &Path) {
        let picture = &mut self.pairs.pictures[picture];
        picture.file.get_or_insert_with(|| file.to_path_buf());
    }

    /// The pairs, with what only the whole shows.
    pub(super) fn finish(mut self) -> Pairs {
        let mut has = vec![false; self.pairs.pictures.len()];
        for caption in &self.pairs.captions {
            has[caption.picture] = true;
        }
        for (picture, has) in self.pairs.pictures.iter().zip(has) {
            if !has {
                let case = || picture.id.clone();
                self.odd.add(OddityKind::PictureWithoutCaption, case);
            }
        }
        let mut first: HashMap<&str, usize> = HashMap::new();
        let mut of_picture: HashSet<(&str, usize)> = HashSet::new();
        for caption in &self.pairs.captions {
            let text = caption.text.as_str();
            if !of_picture.insert((text, caption.picture)) {
                self.odd.add(OddityKind::SameCaption, || {
                    format!("{} {}", caption.id, quoted(text))
                });
                continue;
            }
            match first.entry(text) {
                Entry::Vacant(free) => {
                    free.insert(caption.picture);
                }
                Entry::Occupied(before) => {
                    let other = &self.pairs.pictures[*before.get()].id;
                    self.odd.add(OddityKind::SharedCaption, || {
                        format!("{} {}, as {other}", caption.id, quoted(text))
                    });
                }
            }
        }
        let varying: Vec<&String> = (self.pairs.attributes.iter().zip(&self.of_pictures))
            .filter(|(_, same)| !**same)
            .map(|(name, _)| name)
            .collect();
        if !varying.is_empty() {
            let names: Vec<&str> = varying.iter().map(|name| name.as_str()).collect();
            let note = format!(
                "{}: columns that differ between captions of a picture and describe none: {}",
                self.path.display(),
                names.join(", ")
            );
            self.pairs.notes.push(note);
        }
        let keep = &self.of_pictures;
        let kept = |values: &mut Vec<String>| {
            let mut keep = keep.iter();
            values.retain(|_| *keep.next().unwrap_or(&true));
        };
        for picture in &mut self.pairs.pictures {
            kept(&mut picture.attributes);
        }
        kept(&mut self.pairs.attributes);
        self.pairs.odd = self.odd.sorted();
        self.pairs
    }
}
