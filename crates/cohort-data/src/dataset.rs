//! A data set opened for use: every label known, every clip once.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use cohort_tables::{LabelTable, code, csv_line, id_key, is_missing, tidy};

use crate::error::{DataError, quoted};
use crate::files;
use crate::label_file::{LabelFile, SplitTable, unknown_code};
use crate::layout::Layout;
use crate::media::{self, Media, MediaKind, MediaSource};
use crate::readers::{self, MadeSplits, Objects, OpenOptions};
use crate::schema::{Schema, leads_outside};
use crate::transcript::TranscriptTable;
use crate::video_frames::VideoFrames;

/// A data set: its schema and the splits that have a label table.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// What was opened: a folder, or the one file of a data set.
    pub source: PathBuf,
    /// Folder that holds the label tables and the media.
    pub root: PathBuf,
    /// How it lies there.
    pub layout: Layout,
    /// What the columns mean; levels that were left to the tables are filled in.
    pub schema: Schema,
    /// Splits in the schema's order; a split without a label table is not there.
    pub splits: Vec<Split>,
    /// What was read otherwise than it was written (the separator of a table's fields, say), a line each; to be told.
    pub notes: Vec<String>,
    /// What was made of it where splits were missing.
    pub made: Option<MadeSplits>,
    /// Boxes, categories and captions, where there are some.
    pub objects: Option<Objects>,
}

/// One split of a data set.
#[derive(Debug, Clone)]
pub struct Split {
    /// Name, e.g. `train`.
    pub name: String,
    /// The label table as read.
    pub labels: LabelTable,
    /// One clip a row of the label table, in its order.
    pub clips: Vec<Clip>,
}

/// One clip: who it shows and where its media are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// Clip id: [`Clip::name`] in composed letters and without a media extension ([`cohort_tables::id_key`]). Unique in
    /// the data set.
    pub id: String,
    /// Name as in the label table.
    pub name: String,
    /// The subject.
    pub subject: String,
    /// Index of the clip's level in each of the schema's attributes, in the schema's order.
    pub levels: Vec<usize>,
    /// Its inputs: files in the folder of the clip's target level, and words also from the transcript table.
    pub media: Media,
}

impl Dataset {
    /// As [`Dataset::open_with`] with nothing said but the schema.
    ///
    /// # Errors
    /// Those of [`Dataset::open_with`].
    pub fn open(path: &Path, schema: Option<Schema>) -> Result<Self, DataError> {
        let options = OpenOptions {
            schema,
            ..OpenOptions::default()
        };
        Self::open_with(path, &options)
    }

    /// Opens the data set in a folder, or that one file states. Label tables alone, without any media, are a data set.
    ///
    /// The layout ([`Layout`]) is the one that is stated, else the one that lies there. The schema is the one given, else
    /// `ROOT/cohort.toml`; else, of label tables, [`Schema::first_impressions`] where the clips are named as that data set's are,
    /// or [`Schema::without_meanings`]; of the other layouts, what they say themselves. Validation and test splits that class
    /// folders or a table of paths lack are made: by seed, in each class by 15 %, no unit torn apart and no file twice in two of
    /// them.
    ///
    /// # Errors
    /// [`DataError::NoLabelTable`] when nothing lies there that is a data set; another [`DataError`] for the first thing
    /// that makes the tables unusable: an unreadable file, a bad row, a missing column, an empty name or
    /// subject, a label that the schema does not know, a clip that occurs twice. [`crate::check`] lists all
    /// of them at once.
    pub fn open_with(path: &Path, options: &OpenOptions) -> Result<Self, DataError> {
        let contents = readers::read(path, options)?;
        let (root, schema) = (contents.root, contents.schema);
        let mut files = Vec::new();
        for SplitTable { file, .. } in contents.tables {
            let file = file?;
            if let Some(bad) = file.problems.first() {
                return Err(DataError::row(
                    &file.path,
                    bad.row,
                    &bad.expected,
                    &bad.found,
                ));
            }
            files.push(file);
        }
        refuse_repeated_clips(&schema, &files)?;
        let mut transcripts = TranscriptTable::read(&root, &schema)?.unwrap_or_default();
        transcripts.refuse_repeated(&root, &schema)?;
        let frames = VideoFrames::of(&root)?;
        let mut splits = Vec::with_capacity(files.len());
        let mut notes = contents.notes;
        notes.append(&mut transcripts.notes);
        for mut file in files {
            let mut clips = read_clips(&root, &schema, &mut file, &mut transcripts)?;
            for clip in &mut clips {
                frames.give(&clip.id, &mut clip.media);
            }
            notes.extend(file.notes);
            splits.push(Split {
                name: file.split,
                labels: file.table,
                clips,
            });
        }
        let unseen = (splits.iter().flat_map(|split| &split.clips))
            .filter(|clip: &&Clip| clip.picture().is_none() && clip.video().is_some())
            .count();
        if unseen > 0 {
            notes.push(format!(
                "{}: {unseen} {}s have a video and no picture, so that their sound alone is used; `cohort data frames` takes a picture of each",
                root.display(),
                schema.item
            ));
        }
        let broken = contents.findings.len();
        if let Some(first) = contents.findings.first() {
            let more = match broken {
                1 => String::new(),
                more => format!(" (and {} more)", more - 1),
            };
            let place = first
                .clip
                .as_deref()
                .or(first.file.as_deref())
                .unwrap_or_default();
            let found = format!("{place}: {}{more}", first.message);
            notes.push(format!(
                "{}: annotations with faults, of which `data check` lists all: {found}",
                root.display()
            ));
        }
        Ok(Self {
            source: path.to_path_buf(),
            root,
            layout: contents.layout,
            schema,
            splits,
            notes,
            made: contents.made,
            objects: contents.objects,
        })
    }

    /// Which item is in which split, as CSV: the name column, `split` and, where items are no units of their own, the subject
    /// column. With it splits that were made can be stated.
    pub fn splits_csv(&self) -> String {
        let schema = &self.schema;
        let with_units = !schema.items_are_units();
        let units = |unit| with_units.then_some(unit).into_iter();
        let row = |name, split, unit| csv_line([name, split].into_iter().chain(units(unit)));
        let mut text = row(&*schema.name_column, "split", &*schema.subject_column);
        for split in &self.splits {
            for clip in &split.clips {
                text += &row(&*clip.name, &*split.name, &*clip.subject);
            }
        }
        text
    }

    /// A split by name.
    pub fn split(&self, name: &str) -> Option<&Split> {
        self.splits.iter().find(|split| split.name == name)
    }

    /// [`Self::notes`] for a document that may be kept elsewhere: files are named below the data set's root, which is left out.
    pub fn notes_for_documents(&self) -> Vec<String> {
        let of = |note: &String| files::without_root(&self.root, note);
        self.notes.iter().map(of).collect()
    }

    /// Number of clips in all splits.
    pub fn len(&self) -> usize {
        self.splits.iter().map(|split| split.clips.len()).sum()
    }

    /// Whether there is no clip; never so for an opened data set.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Clip {
    /// Its picture.
    pub fn picture(&self) -> Option<&Path> {
        self.media.file(MediaKind::Picture)
    }

    /// Its sound: a sound file, or a video where there is none.
    pub fn sound(&self) -> Option<&Path> {
        self.media.file(MediaKind::Sound)
    }

    /// Its words: a `.pkl` or `.txt` file, else the row of the transcript table.
    pub fn words(&self) -> Option<&MediaSource> {
        self.media.get(MediaKind::Text)
    }

    /// Its video.
    pub fn video(&self) -> Option<&Path> {
        self.media.file(MediaKind::Video)
    }

    /// The clip's words, without spaces around them; an empty text when nothing was said.
    ///
    /// # Errors
    /// [`DataError::NoTranscript`] when there is none, and those of [`MediaSource::read_words`].
    pub fn read_transcript(&self) -> Result<String, DataError> {
        match self.words() {
            Some(source) => source.read_words(),
            None => Err(DataError::NoTranscript {
                clip: self.id.clone(),
            }),
        }
    }
}

fn refuse_repeated_clips(schema: &Schema, files: &[LabelFile]) -> Result<(), DataError> {
    let mut seen: HashMap<String, (&LabelFile, usize)> = HashMap::new();
    for file in files {
        for (row, name) in file.table.names.iter().enumerate() {
            if let Some((first, at)) = seen.insert(id_key(name), (file, row)) {
                let place = first.place(at);
                return Err(file.row_error(
                    row,
                    format!("every {} once", schema.item),
                    format!("{} again, first in {place}", quoted(name)),
                ));
            }
        }
    }
    Ok(())
}

fn read_clips(
    root: &Path,
    schema: &Schema,
    file: &mut LabelFile,
    transcripts: &mut TranscriptTable,
) -> Result<Vec<Clip>, DataError> {
    let mut known = file.media.take();
    let file = &*file;
    let columns = file.columns(schema)?;
    let target = schema.target_index();
    // One listing a level of the target, made when its first clip is met.
    let mut listings: HashMap<usize, BTreeMap<String, Media>> = HashMap::new();
    let mut clips = Vec::with_capacity(file.table.len());
    for (row, (name, subject)) in file.table.names.iter().zip(columns.subjects).enumerate() {
        if tidy(name).is_empty() || is_missing(subject) {
            let expected = if tidy(name).is_empty() {
                format!("a {} name", schema.item)
            } else {
                format!("a {}", schema.unit)
            };
            let found = match subject.as_str() {
                word if !word.is_empty() && !tidy(name).is_empty() => {
                    format!("{} (no value)", quoted(word))
                }
                _ => "an empty field".into(),
            };
            return Err(file.row_error(row, expected, found));
        }
        let mut levels = Vec::with_capacity(schema.attributes.len());
        for (attribute, codes) in schema.attributes.iter().zip(&columns.codes) {
            let code = codes.get(row).map_or("", String::as_str);
            let level = attribute.level(code).ok_or_else(|| {
                let (expected, found) = unknown_code(attribute, code);
                file.row_error(row, expected, found)
            })?;
            levels.push(level);
        }
        let id = id_key(name);
        let mut media = match &mut known {
            Some(known) => std::mem::take(&mut known[row]),
            None => {
                let level = target.and_then(|target| levels.get(target));
                let level = level.copied().unwrap_or_default();
                media_of(root, schema, file, row, &id, level, &mut listings)?
            }
        };
        let text = transcripts.texts.remove(&id);
        if let Some(text) = text.filter(|_| !media.has(MediaKind::Text)) {
            media.insert(MediaKind::Text, MediaSource::Text(text));
        }
        clips.push(Clip {
            id,
            name: name.clone(),
            subject: code(subject).into_owned(),
            levels,
            media,
        });
    }
    Ok(clips)
}

/// The media of a row in the schema's folder of its target level.
fn media_of(
    root: &Path,
    schema: &Schema,
    file: &LabelFile,
    row: usize,
    id: &str,
    level: usize,
    listings: &mut HashMap<usize, BTreeMap<String, Media>>,
) -> Result<Media, DataError> {
    let listing = match listings.entry(level) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => {
            let code = schema
                .target_attribute()
                .and_then(|target| target.levels.get(level));
            let code = code.map_or("", |level| level.code.as_str());
            let outside =
                (schema.target_attribute()).and_then(|target| leads_outside(schema, target, code));
            if let Some(expected) = outside {
                return Err(file.row_error(row, expected, quoted(code)));
            }
            let folder = root.join(schema.media_folder(&file.split, code));
            entry.insert(media::list(&folder)?)
        }
    };
    Ok(listing.remove(id).unwrap_or_default())
}
