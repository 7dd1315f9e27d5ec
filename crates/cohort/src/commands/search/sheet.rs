//! The contact sheet of a search: which picture is whose, made small, as a page or a picture.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use anyhow::ensure;
use clap::Args;
use cohort_data::Dataset;
use cohort_report::{Sheet, SheetPicture, SheetQuery, Shown, sheet_page, sheet_png};
use cohort_search::{EncoderRecord, PictureRoot, SearchDocument};
use cohort_tables::{clip_id, counted, id_key, write_atomic};
use rayon::prelude::*;

use crate::commands::known::Known;
use crate::commands::pictures;
use crate::commands::stages::some;
use crate::shell::Shell;

/// JPEG quality of the small pictures.
const QUALITY: u8 = 70;
/// Pictures made small between two looks at whether to stop.
const CHUNK: usize = 64;

/// What a sheet is made of.
#[derive(Debug, Args)]
pub(super) struct SheetArgs {
    /// Contact sheet: every query beside its neighbours' pictures, as a page (.html) or one picture (.png)
    #[arg(long, value_name = "FILE.html|FILE.png")]
    sheet: Option<PathBuf>,
    /// Folder with the clips' pictures, for the sheet [default: where the index's pictures came from]
    #[arg(long, value_name = "FOLDER", requires = "sheet")]
    pictures: Option<PathBuf>,
    /// Column of --labels that tells on the sheet whether a neighbour is of the query's group [default: the target]
    #[arg(long, value_name = "COLUMN", requires = "sheet", requires = "labels")]
    label: Option<String>,
}

/// A query.
pub(super) struct Asked {
    pub(super) clip: String,
    /// Its picture, where it was one.
    pub(super) file: Option<PathBuf>,
    /// Whether it is words.
    pub(super) is_words: bool,
}

impl Asked {
    pub(super) fn named(clip: &str) -> Self {
        Self {
            clip: clip.to_string(),
            file: None,
            is_words: false,
        }
    }

    pub(super) fn words(text: &str) -> Self {
        Self {
            is_words: true,
            ..Self::named(text)
        }
    }
}

impl SheetArgs {
    pub(super) fn is_wanted(&self) -> bool {
        self.sheet.is_some()
    }

    pub(super) fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// Refuses a file of another kind before the search begins.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let Some(file) = &self.sheet else {
            return Ok(());
        };
        ensure!(
            ending(file) == "html" || ending(file) == "png",
            "--sheet {}: expected a file name that ends in .html or .png, found another",
            file.display()
        );
        Ok(())
    }

    /// Writes the sheet.
    pub(super) fn write(
        &self,
        document: &SearchDocument,
        asked: &[Asked],
        index: &Path,
        known: Option<&Known>,
        shell: &Shell,
    ) -> anyhow::Result<()> {
        let Some(file) = &self.sheet else {
            return Ok(());
        };
        let sheet = self.made(document, asked, index, known, shell)?;
        for note in &sheet.notes {
            if !document.notes.contains(note) {
                shell.say(&format!("note: sheet: {note}"));
            }
        }
        match ending(file).as_str() {
            "png" => {
                let drawn = sheet_png(&sheet)?;
                if drawn.replaced > 0 {
                    shell.say(&format!(
                        "note: sheet: letters that are neither Latin nor Greek are shown as ?, in {}",
                        counted(drawn.replaced, "text")
                    ));
                }
                write_atomic(file, &drawn.png)?;
            }
            _ => write_atomic(file, sheet_page(&sheet).as_bytes())?,
        }
        shell.say(&format!("wrote {}", file.display()));
        Ok(())
    }

    fn made(
        &self,
        document: &SearchDocument,
        asked: &[Asked],
        index: &Path,
        known: Option<&Known>,
        shell: &Shell,
    ) -> anyhow::Result<Sheet> {
        let mut notes = document.notes.clone();
        let most = document.queries.iter().map(|answer| answer.found.len());
        let most = most.max().unwrap_or(0);
        let shown = Sheet::most_queries(most).min(asked.len());
        if shown < asked.len() {
            notes.push(format!(
                "Of {} queries the first {shown} are shown: a sheet has at most {} pictures.",
                asked.len(),
                Sheet::MOST_FRAMES
            ));
        }
        if most > Sheet::MOST_NEIGHBOURS {
            notes.push(format!(
                "Of {most} neighbours the nearest {} are shown.",
                Sheet::MOST_NEIGHBOURS
            ));
        }
        let mut finder = Finder::new(self.pictures.as_deref(), index, known, &mut notes)?;
        let mut files: Vec<(Vec<Option<PathBuf>>, usize)> = Vec::new();
        for (asked, answer) in asked[..shown].iter().zip(&document.queries) {
            let found = answer.found.len().min(Sheet::MOST_NEIGHBOURS);
            let own = match asked.is_words {
                true => None,
                false => asked.file.clone().or_else(|| finder.find(&asked.clip)),
            };
            let neighbours = answer.found[..found].iter();
            let neighbours = neighbours.map(|found| finder.find(&found.clip));
            files.push((std::iter::once(own).chain(neighbours).collect(), found));
        }
        let wanted: BTreeSet<&PathBuf> = files
            .iter()
            .flat_map(|(files, _)| files)
            .flatten()
            .collect();
        let small = made_small(&wanted.into_iter().collect::<Vec<_>>(), shell)?;
        notes.extend(finder.missing());
        let broken = small.values().filter(|small| small.is_none()).count();
        if broken > 0 {
            notes.push(format!(
                "{} cannot be read; their frames are empty.",
                counted(broken, "picture")
            ));
        }
        let frame = |clip: &str, file: &Option<PathBuf>| Shown {
            name: clip.to_string(),
            group: known.and_then(|known| {
                let group = known.about(clip)?.group?;
                Some(known.groups.get(group)?.1.clone())
            }),
            picture: file.as_ref().and_then(|file| small.get(file)?.clone()),
            is_words: false,
        };
        let queries = asked.iter().zip(&document.queries).zip(&files);
        let queries = queries.map(|((asked, answer), (files, found))| SheetQuery {
            query: Shown {
                is_words: asked.is_words,
                ..frame(&asked.clip, &files[0])
            },
            found: answer.found[..*found]
                .iter()
                .zip(&files[1..])
                .map(|(found, file)| (frame(&found.clip, file), found.distance))
                .collect(),
        });
        let mut subtitle = format!(
            "{} of {} vectors searched by {} distance",
            document.searched,
            document.vectors,
            document.distance.name()
        );
        if !document.filters.is_empty() {
            subtitle += &format!(", those with {}", document.filters.join(" and "));
        }
        if let Some(nearly) = document.nearly {
            subtitle += &format!(
                "; by graph, {:.3} of the {} nearest found on {} queries",
                nearly.value, nearly.k, nearly.queries
            );
        }
        Ok(Sheet {
            title: format!("Nearest neighbours in {}", document.index),
            subtitle,
            column: known.map(|known| known.column.clone()),
            queries: queries.collect(),
            notes,
        })
    }
}

fn ending(file: &Path) -> String {
    let ending = file.extension().unwrap_or_default();
    ending.to_string_lossy().to_lowercase()
}

/// Finds the picture of a clip, and remembers for which there is none.
struct Finder<'a> {
    folders: Vec<HashMap<String, Option<PathBuf>>>,
    places: Vec<String>,
    known: Option<&'a Known>,
    asked: BTreeSet<String>,
    missing: BTreeSet<String>,
}

impl<'a> Finder<'a> {
    /// Looks into `pictures` or, without it, where the index's pictures came from; a place of theirs that is gone is noted.
    fn new(
        pictures: Option<&Path>,
        index: &Path,
        known: Option<&'a Known>,
        notes: &mut Vec<String>,
    ) -> anyhow::Result<Self> {
        let (mut folders, mut places) = (Vec::new(), Vec::new());
        if let Some(folder) = pictures {
            folders.push(pictures::by_clip(folder)?.0);
            places.push(folder.display().to_string());
        } else if let Some(record) = EncoderRecord::read(index)? {
            for PictureRoot { folder, dataset } in record.roots {
                let folder = index.join(folder);
                if dataset && let Ok(dataset) = Dataset::open(&folder, None) {
                    let clips = dataset.splits.into_iter().flat_map(|split| split.clips);
                    let own = clips.map(|clip| {
                        let file = clip.picture().map(Path::to_path_buf);
                        (clip.id, file)
                    });
                    folders.push(own.collect());
                } else {
                    match pictures::by_clip(&folder) {
                        Ok((own, _)) => folders.push(own),
                        Err(error) => notes.push(format!(
                            "The folder of the index's pictures is not there: {error:#}; --pictures names another."
                        )),
                    }
                }
                places.push(folder.display().to_string());
            }
        }
        Ok(Self {
            folders,
            places,
            known,
            asked: BTreeSet::new(),
            missing: BTreeSet::new(),
        })
    }

    fn find(&mut self, clip: &str) -> Option<PathBuf> {
        let names = [clip.to_string(), clip_id(clip).to_string(), id_key(clip)];
        let in_folders = self.folders.iter().find_map(|folder| {
            let mut found = names.iter().filter_map(|name| folder.get(name));
            found.find_map(Option::clone)
        });
        let known = || self.known?.about(clip)?.image.clone();
        let file = in_folders.or_else(known);
        self.asked.insert(clip.to_string());
        if file.is_none() {
            self.missing.insert(clip.to_string());
        }
        file
    }

    /// A line on the clips without a picture.
    fn missing(&self) -> Option<String> {
        if self.missing.is_empty() {
            return None;
        }
        let names: Vec<&str> = self.missing.iter().map(String::as_str).collect();
        let place = match self.places.as_slice() {
            [] => "as no folder of pictures is known; --pictures names one".to_string(),
            places => format!("in {}", places.join(", ")),
        };
        Some(format!(
            "{} of {} have no picture {place}: {}.",
            names.len(),
            counted(self.asked.len(), "clip"),
            some(&names)
        ))
    }
}

/// Pictures made small, by file; none of one that cannot be read.
fn made_small(
    files: &[&PathBuf],
    shell: &Shell,
) -> anyhow::Result<HashMap<PathBuf, Option<SheetPicture>>> {
    let mut all = HashMap::with_capacity(files.len());
    let bar = shell.bar("pictures", files.len());
    let shrink = |picture: &cohort_vision::Picture| cohort_vision::small(picture, Sheet::SIDE);
    for chunk in files.chunks(CHUNK) {
        ensure!(!shell.stopped(), "stopped");
        let small: Vec<_> = chunk
            .par_iter()
            .map(|file| pictures::small(file, QUALITY, shrink))
            .collect();
        for (file, small) in chunk.iter().zip(small) {
            let picture = small
                .ok()
                .map(|(address, [width, height], _)| SheetPicture {
                    address,
                    width,
                    height,
                });
            all.insert((*file).clone(), picture);
        }
        bar.set_position(all.len() as u64);
    }
    bar.finish_and_clear();
    Ok(all)
}
