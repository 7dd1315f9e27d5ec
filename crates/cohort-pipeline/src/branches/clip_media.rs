//! Media of new clips: which files are one clip's.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cohort_data::folder::{self, Entry, Unused};
use cohort_data::{Clip, Dataset, Media, MediaKind, MediaSource};
use cohort_tables::did_you_mean;
use cohort_vision::declared_pixels;

use crate::error::PipelineError;

/// Clips whose media are looked at together.
const CHUNK: usize = 128;
/// Pixels of the pictures that are in memory together, three bytes each, unless one has more by itself.
const CHUNK_PIXELS: u64 = 1 << 27;
/// What a video counts for: its frames are looked at before the next one's are read.
const VIDEO_PIXELS: u64 = 1 << 23;

/// What there is of one clip.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClipMedia {
    /// Name of the clip.
    pub clip: String,
    /// Its files and texts.
    pub media: Media,
}

impl From<&Clip> for ClipMedia {
    fn from(clip: &Clip) -> Self {
        Self {
            clip: clip.id.clone(),
            media: clip.media.clone(),
        }
    }
}

impl ClipMedia {
    /// A clip of which there is a picture alone.
    pub fn picture(clip: impl Into<String>, file: PathBuf) -> Self {
        let mut media = Media::default();
        media.insert(MediaKind::Picture, MediaSource::File(file));
        Self {
            clip: clip.into(),
            media,
        }
    }

    /// Groups files by their name without extension: `a.jpg`, `a.wav` and `a.txt` are the clip `a`, as is `a.mp4`, whose sound counts
    /// where no other file gives one. A folder stands for the pictures, sounds, videos and transcripts in it and below it. Where files of one kind in several folders have one name, clips of
    /// that name are called by their paths ([`folder::clip_ids`]). Also gives what the folders hold besides, by kind.
    ///
    /// # Errors
    /// A folder that cannot be read, a file of another kind, two pictures (sounds, transcripts) of one clip.
    pub fn from_files(paths: &[PathBuf]) -> Result<(Vec<Self>, Unused), PipelineError> {
        const KINDS: [MediaKind; 4] = [
            MediaKind::Picture,
            MediaKind::Video,
            MediaKind::Sound,
            MediaKind::Text,
        ];
        let wanted = KINDS.map(MediaKind::extensions).concat();
        let mut unused = Unused::default();
        let mut groups: BTreeMap<MediaKind, Vec<Entry>> = BTreeMap::new();
        for path in paths {
            let entries = if path.is_dir() {
                let listing = folder::search(path, &wanted)?;
                unused.add(listing.unused);
                listing.files
            } else {
                vec![folder::named(path)]
            };
            for entry in entries {
                let kind = match MediaKind::Video.is_of(&entry.path) {
                    true => Some(MediaKind::Video),
                    false => MediaKind::of_file(&entry.path),
                };
                let Some(kind) = kind else {
                    let [picture, video, sound, text] =
                        KINDS.map(|kind| kind.extensions().join(", "));
                    return Err(PipelineError::Unusable {
                        path: entry.path,
                        expected: format!(
                            "a picture ({picture}), a video ({video}), a sound ({sound}) or a transcript ({text})"
                        ),
                        found: "another kind of file".to_string(),
                    });
                };
                groups.entry(kind).or_default().push(entry);
            }
        }
        let entries: Vec<&[Entry]> = groups.values().map(Vec::as_slice).collect();
        let ids = folder::clip_ids(&entries);
        let mut clips: BTreeMap<String, Self> = BTreeMap::new();
        for ((&kind, entries), ids) in groups.iter().zip(ids) {
            for (entry, id) in entries.iter().zip(ids) {
                let clip = clips.entry(id.clone()).or_insert_with(|| Self {
                    clip: id.clone(),
                    ..Self::default()
                });
                let file = MediaSource::File(entry.path.clone());
                if clip.media.insert(kind, file).is_some() {
                    return Err(PipelineError::Unusable {
                        path: entry.path.clone(),
                        expected: format!("one {} of the clip {id}", kind.name()),
                        found: "two".to_string(),
                    });
                }
            }
        }
        let mut clips: Vec<Self> = clips.into_values().collect();
        clips.iter_mut().for_each(Self::hear_video);
        Ok((clips, unused))
    }

    /// Takes the sound of the clip's video, where there is no other.
    fn hear_video(&mut self) {
        if let Some(video) = self.media.get(MediaKind::Video)
            && !self.media.has(MediaKind::Sound)
        {
            self.media.insert(MediaKind::Sound, video.clone());
        }
    }

    /// Looks for pictures in the video that gives the clip's sound, where there are no others.
    fn see_video(&mut self) {
        let sound = self.media.file(MediaKind::Sound);
        if let Some(file) = sound.filter(|file| MediaKind::Video.is_of(file))
            && !self.media.has(MediaKind::Picture)
            && !self.media.has(MediaKind::Video)
        {
            let video = MediaSource::File(file.to_path_buf());
            self.media.insert(MediaKind::Video, video);
        }
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
                found: names.join(", ") + &did_you_mean(name, names.iter().copied()),
            });
        }
        let splits = dataset.splits.iter();
        let wanted = splits.filter(|one| split.is_none_or(|name| one.name == name));
        Ok(wanted
            .flat_map(|split| &split.clips)
            .map(|clip| {
                let mut clip = Self::from(clip);
                clip.hear_video();
                clip.see_video();
                clip
            })
            .collect())
    }
}

/// The clips in parts whose media fit into memory together.
pub(crate) fn chunks(clips: &[ClipMedia]) -> Vec<&[ClipMedia]> {
    let (mut parts, mut rest) = (Vec::new(), clips);
    while !rest.is_empty() {
        let mut pixels = 0;
        let fits = |clip: &ClipMedia| {
            let picture = clip.media.file(MediaKind::Picture);
            let video = clip.media.has(MediaKind::Video) && picture.is_none();
            pixels += match video {
                true => VIDEO_PIXELS,
                false => picture.map_or(0, declared_pixels),
            };
            pixels <= CHUNK_PIXELS
        };
        let fitting = rest.iter().take(CHUNK).map(fits).take_while(|&fits| fits);
        let (part, others) = rest.split_at(fitting.count().max(1));
        parts.push(part);
        rest = others;
    }
    parts
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn large_pictures_are_looked_at_in_smaller_parts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("large.png");
        // the header of a grey PNG of 8,000 x 8,000
        let mut png =
            b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x1f\x40\0\0\x1f\x40\x08\0\0\0\0".to_vec();
        png.extend([0x23, 0x9a, 0xf2, 0x28]);
        std::fs::write(&file, png).unwrap();
        assert_eq!(declared_pixels(&file), 64_000_000);
        let parts = |files: Vec<PathBuf>| -> Vec<usize> {
            let (clips, _) = ClipMedia::from_files(&files).unwrap();
            chunks(&clips).iter().map(|part| part.len()).collect()
        };
        let copies = (0..5).map(|i| {
            let copy = folder.path().join(format!("{i}.png"));
            std::fs::copy(&file, &copy).unwrap();
            copy
        });
        assert_eq!(parts(copies.collect()), [2, 2, 1]);
        let texts = (0..200).map(|i| {
            let text = folder.path().join(format!("{i}.txt"));
            std::fs::write(&text, "a").unwrap();
            text
        });
        assert_eq!(parts(texts.collect()), [128, 72]);
    }
}
