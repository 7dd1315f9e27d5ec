//! Media of clips: the files of new ones, and what was decoded of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cohort_audio::Sound;
use cohort_data::folder::{self, Entry, Unused};
use cohort_data::{Clip, Dataset, TranscriptSource};
use cohort_tables::{AUDIO_EXTENSIONS, IMAGE_EXTENSIONS, TRANSCRIPT_EXTENSIONS};
use cohort_vision::Picture;
use rayon::prelude::*;

use crate::error::PipelineError;
use crate::modality::Modality;

/// What there is of one clip; at least one of the three should be.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClipMedia {
    /// Name of the clip.
    pub clip: String,
    /// Picture.
    pub image: Option<PathBuf>,
    /// Sound.
    pub audio: Option<PathBuf>,
    /// Words.
    pub words: Option<TranscriptSource>,
}

/// Decoded media of one kind, with their clips in the same order.
pub(crate) struct Media {
    pub(crate) clips: Vec<String>,
    pub(crate) content: Content,
}

/// What was decoded.
pub(crate) enum Content {
    Pictures(Vec<Picture>),
    Sounds(Vec<Sound>),
    Texts(Vec<String>),
}

impl Media {
    /// Decodes what `find` finds of each clip; clips of which it finds nothing are passed over.
    ///
    /// # Errors
    /// The first medium that cannot be read, named by its clip.
    pub(crate) fn decode<M: Sync, T: Send>(
        clips: &[ClipMedia],
        find: impl Fn(&ClipMedia) -> Option<&M> + Sync,
        decode: impl Fn(&M) -> Result<T, PipelineError> + Sync,
        content: impl FnOnce(Vec<T>) -> Content,
    ) -> Result<Self, PipelineError> {
        let decoded: Result<Vec<(String, T)>, PipelineError> = clips
            .par_iter()
            .filter_map(|clip| Some((clip, find(clip)?)))
            .map(|(clip, medium)| {
                let decoded = decode(medium).map_err(|error| error.of_clip(&clip.clip))?;
                Ok((clip.clip.clone(), decoded))
            })
            .collect();
        let (clips, media) = decoded?.into_iter().unzip();
        Ok(Self {
            clips,
            content: content(media),
        })
    }
}

impl From<&Clip> for ClipMedia {
    fn from(clip: &Clip) -> Self {
        Self {
            clip: clip.id.clone(),
            image: clip.image.clone(),
            audio: clip.audio.clone(),
            words: clip.transcript.clone(),
        }
    }
}

impl ClipMedia {
    /// Groups files by their name without extension: `a.jpg`, `a.wav` and `a.txt` are the clip `a`. A folder stands for
    /// the pictures, sounds and transcripts in it and below it. Where files of one kind in several folders have one name, clips of
    /// that name are called by their paths ([`folder::clip_ids`]). Also gives what the folders hold besides, by kind.
    ///
    /// # Errors
    /// A folder that cannot be read, a file of another kind, two pictures (sounds, transcripts) of one clip.
    pub fn from_files(paths: &[PathBuf]) -> Result<(Vec<Self>, Unused), PipelineError> {
        let wanted = [
            &IMAGE_EXTENSIONS[..],
            &AUDIO_EXTENSIONS,
            &TRANSCRIPT_EXTENSIONS,
        ]
        .concat();
        let mut unused = Unused::default();
        let mut groups: BTreeMap<Modality, Vec<Entry>> = BTreeMap::new();
        for path in paths {
            let entries = if path.is_dir() {
                let listing = folder::search(path, &wanted)?;
                unused.add(listing.unused);
                listing.files
            } else {
                vec![folder::named(path)]
            };
            for entry in entries {
                let Some(modality) = kind(&entry.path) else {
                    return Err(PipelineError::Unusable {
                        path: entry.path,
                        expected: format!(
                            "a picture ({}), a sound ({}) or a transcript ({})",
                            IMAGE_EXTENSIONS.join(", "),
                            AUDIO_EXTENSIONS.join(", "),
                            TRANSCRIPT_EXTENSIONS.join(", ")
                        ),
                        found: "another kind of file".to_string(),
                    });
                };
                groups.entry(modality).or_default().push(entry);
            }
        }
        let entries: Vec<&[Entry]> = groups.values().map(Vec::as_slice).collect();
        let ids = folder::clip_ids(&entries);
        let mut clips: BTreeMap<String, Self> = BTreeMap::new();
        for ((&modality, entries), ids) in groups.iter().zip(ids) {
            for (entry, id) in entries.iter().zip(ids) {
                add(&mut clips, &entry.path, modality, &id)?;
            }
        }
        Ok((clips.into_values().collect(), unused))
    }

    /// Every clip of a data set, or of one split of it.
    ///
    /// # Errors
    /// A split that the data set does not have.
    pub fn from_dataset(
        dataset: &Dataset,
        split: Option<&str>,
    ) -> Result<Vec<Self>, PipelineError> {
        if let Some(name) = split
            && dataset.split(name).is_none()
        {
            let names: Vec<&str> = dataset.splits.iter().map(|s| s.name.as_str()).collect();
            return Err(PipelineError::Unusable {
                path: dataset.root.clone(),
                expected: format!("the split {name}"),
                found: names.join(", "),
            });
        }
        let splits = dataset.splits.iter();
        let wanted = splits.filter(|one| split.is_none_or(|name| one.name == name));
        Ok(wanted
            .flat_map(|split| &split.clips)
            .map(Self::from)
            .collect())
    }
}

fn kind(path: &Path) -> Option<Modality> {
    Some(match cohort_data::Modality::of_file(path)? {
        cohort_data::Modality::Image => Modality::Image,
        cohort_data::Modality::Audio => Modality::Audio,
        cohort_data::Modality::Transcript => Modality::Text,
    })
}

fn add(
    clips: &mut BTreeMap<String, ClipMedia>,
    path: &Path,
    modality: Modality,
    name: &str,
) -> Result<(), PipelineError> {
    let clip = clips.entry(name.to_string()).or_insert_with(|| ClipMedia {
        clip: name.to_string(),
        ..ClipMedia::default()
    });
    let file = path.to_path_buf();
    let twice = match modality {
        Modality::Image => clip.image.replace(file).is_some(),
        Modality::Audio => clip.audio.replace(file).is_some(),
        Modality::Text => clip.words.replace(TranscriptSource::File(file)).is_some(),
    };
    if twice {
        return Err(PipelineError::Unusable {
            path: path.to_path_buf(),
            expected: format!("one {modality} of the clip {name}"),
            found: "two".to_string(),
        });
    }
    Ok(())
}
