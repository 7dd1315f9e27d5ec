//! What an item holds and where it is, and which media files lie in a folder: one directory listing a folder, never a question a
//! file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cohort_tables::{
    AUDIO_EXTENSIONS, IMAGE_EXTENSIONS, TRANSCRIPT_EXTENSIONS, VIDEO_EXTENSIONS, id_key,
};

use crate::error::DataError;
use crate::folder::{self, Unused};
use crate::transcript_file;

/// What a media file or a text of a table holds: the inputs that an item may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaKind {
    /// A picture.
    Picture,
    /// A sound, or a video whose sound is taken.
    Sound,
    /// Words.
    Text,
    /// A video, for its pictures.
    Video,
}

impl MediaKind {
    /// All kinds, in the order in which reports name them.
    pub const ALL: [Self; 4] = [Self::Picture, Self::Sound, Self::Text, Self::Video];

    /// `picture`, `sound`, `text` or `video`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Picture => "picture",
            Self::Sound => "sound",
            Self::Text => "text",
            Self::Video => "video",
        }
    }

    /// File name endings, most wanted first: when an item has several files, the first of these is used.
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Picture => &IMAGE_EXTENSIONS,
            Self::Sound => &AUDIO_EXTENSIONS,
            Self::Text => &TRANSCRIPT_EXTENSIONS,
            Self::Video => &VIDEO_EXTENSIONS,
        }
    }

    /// The kind of a file by the ending of its name, in any case of letters. A video that can stand for a sound is a sound.
    pub fn of_file(path: &Path) -> Option<Self> {
        let (_, extension) = path.file_name()?.to_str()?.rsplit_once('.')?;
        Self::ALL
            .into_iter()
            .find(|kind| kind.rank(extension).is_some())
    }

    /// Whether a file is of the kind by its ending, whatever other kind may use it too.
    pub fn is_of(self, path: &Path) -> bool {
        let name = path.file_name().and_then(|name| name.to_str());
        let ending = name.and_then(|name| name.rsplit_once('.'));
        ending.is_some_and(|(_, ending)| self.rank(ending).is_some())
    }

    /// Place of an ending among the kind's own.
    fn rank(self, extension: &str) -> Option<usize> {
        let mut known = self.extensions().iter();
        known.position(|known| known.eq_ignore_ascii_case(extension))
    }
}

/// Where a medium is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaSource {
    /// A file.
    File(PathBuf),
    /// The text itself, from a table.
    Text(String),
}

impl MediaSource {
    /// The file, unless it is a text of a table.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Text(_) => None,
        }
    }

    /// The words, without spaces around them, of a text or of a `.pkl` (a pickled Python `str`) or `.txt` (UTF-8) file.
    ///
    /// # Errors
    /// [`DataError`] when the file cannot be read, is longer than 1 MiB, is not UTF-8, or is a pickle of
    /// anything but a plain `str`: a pickle is read as data, and nothing in it is ever run.
    pub fn read_words(&self) -> Result<String, DataError> {
        match self {
            Self::Text(text) => Ok(text.trim().to_string()),
            Self::File(path) => transcript_file::read_file(path),
        }
    }
}

/// The inputs of one item by kind; most items have a few of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Media(BTreeMap<MediaKind, MediaSource>);

impl Media {
    /// Where the medium of a kind is.
    pub fn get(&self, kind: MediaKind) -> Option<&MediaSource> {
        self.0.get(&kind)
    }

    /// The file of a kind; none for a text of a table.
    pub fn file(&self, kind: MediaKind) -> Option<&Path> {
        self.get(kind)?.file()
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is a medium of a kind.
    pub fn has(&self, kind: MediaKind) -> bool {
        self.0.contains_key(&kind)
    }

    /// Puts a medium; what was there of its kind is returned.
    pub fn insert(&mut self, kind: MediaKind, source: MediaSource) -> Option<MediaSource> {
        self.0.insert(kind, source)
    }

    /// Takes the medium of a kind away.
    pub fn remove(&mut self, kind: MediaKind) -> Option<MediaSource> {
        self.0.remove(&kind)
    }

    /// The media in the order of their kinds.
    pub fn iter(&self) -> impl Iterator<Item = (MediaKind, &MediaSource)> {
        self.0.iter().map(|(kind, source)| (*kind, source))
    }
}

/// Media files of a folder by clip id. A folder that does not exist holds none.
pub(crate) fn list(folder: &Path) -> Result<BTreeMap<String, Media>, DataError> {
    Ok(list_all(folder)?.0)
}

/// As [`list`], with what is not used: files of other kinds, those of a clip that has a more wanted one, and videos that give no
/// sound.
///
/// Hidden files (see [`folder::is_hidden`]) are passed over, and so are folders. Links are
/// not followed here, so a loop of links is an unreadable file and nothing worse.
pub(crate) fn list_all(folder: &Path) -> Result<(BTreeMap<String, Media>, Unused), DataError> {
    let (entries, mut unused) = folder::entries_if_any(folder)?;
    let files = entries.into_iter().filter(|(_, is_folder)| !is_folder);
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut found: BTreeMap<String, BTreeMap<MediaKind, (usize, String)>> = BTreeMap::new();
    for (name, _) in files {
        let kinds = kinds(&name);
        if kinds.is_empty() {
            unused.count_file(&name);
            continue;
        }
        let id = id_key(stem(&name));
        for (kind, rank) in kinds {
            // Names come sorted, so equal ranks ("a.jpg", "a.JPG") are settled the same way each time.
            let of_clip = found.entry(id.clone()).or_default();
            if of_clip.get(&kind).is_none_or(|(best, _)| rank < *best) {
                of_clip.insert(kind, (rank, name.clone()));
            }
        }
        names.insert(name, id);
    }
    for (name, id) in names {
        let mut used = found[&id].iter();
        if !used.any(|(kind, (_, file))| *kind != MediaKind::Video && *file == name) {
            unused.count_file(&name);
        }
    }
    let media = |files: BTreeMap<MediaKind, (usize, String)>| {
        let files = files.into_iter();
        Media(
            files
                .map(|(kind, (_, name))| (kind, MediaSource::File(folder.join(name))))
                .collect(),
        )
    };
    let found = found.into_iter().map(|(id, files)| (id, media(files)));
    Ok((found.collect(), unused))
}

/// Files of one item as its media: of each kind the most wanted.
pub(crate) fn join<'a>(files: impl Iterator<Item = &'a Path>) -> Media {
    let mut chosen: BTreeMap<MediaKind, (usize, &Path)> = BTreeMap::new();
    for path in files {
        let name = path.file_name().and_then(|name| name.to_str());
        for (kind, rank) in name.map(kinds).unwrap_or_default() {
            if chosen.get(&kind).is_none_or(|(best, _)| rank < *best) {
                chosen.insert(kind, (rank, path));
            }
        }
    }
    let files = chosen.into_iter();
    Media(
        files
            .map(|(kind, (_, path))| (kind, MediaSource::File(path.to_path_buf())))
            .collect(),
    )
}

/// Names of the folders in a folder, sorted. A folder that does not exist holds none.
pub(crate) fn folders(folder: &Path) -> Result<Vec<String>, DataError> {
    let (all, _) = folder::entries_if_any(folder)?;
    Ok(all
        .into_iter()
        .filter_map(|(name, is_folder)| is_folder.then_some(name))
        .collect())
}

/// A file's name without what stands behind its last dot.
fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// The endings of all kinds.
pub(crate) fn endings() -> Vec<&'static str> {
    let kinds = MediaKind::ALL.into_iter();
    kinds.flat_map(|kind| kind.extensions()).copied().collect()
}

/// How much a file is wanted among those of its item and kind, the least number most.
pub(crate) fn rank_of(path: &Path) -> Option<usize> {
    let name = path.file_name()?.to_str()?;
    kinds(name).first().map(|(_, rank)| *rank)
}

/// The kinds that a file's ending stands for, with its rank among each one's endings.
fn kinds(name: &str) -> Vec<(MediaKind, usize)> {
    let Some((_, extension)) = name.rsplit_once('.') else {
        return Vec::new();
    };
    let kinds = MediaKind::ALL.into_iter();
    kinds
        .filter_map(|kind| Some((kind, kind.rank(extension)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_give_clip_and_kind() {
        let cases = [
            (
                "-9Uee9Y2UZo.000.jpg",
                Some(("-9Uee9Y2UZo.000", MediaKind::Picture)),
            ),
            ("a.000.JPEG", Some(("a.000", MediaKind::Picture))),
            ("a.000.mp4.wav", Some(("a.000", MediaKind::Sound))),
            ("a.mp4", Some(("a", MediaKind::Sound))),
            ("a.avi", Some(("a", MediaKind::Video))),
            ("a.pkl", Some(("a", MediaKind::Text))),
            ("a.000", None),
            (
                "Jose\u{301}.000.jpg",
                Some(("Jos\u{e9}.000", MediaKind::Picture)),
            ),
            ("readme", None),
        ];
        for (name, expected) in cases {
            let kind = MediaKind::of_file(Path::new(name));
            assert_eq!(kind, expected.map(|(_, kind)| kind), "{name}");
            assert_eq!(kinds(name).first().map(|(kind, _)| *kind), kind, "{name}");
            if let Some((id, _)) = expected {
                assert_eq!(id_key(stem(name)), id, "{name}");
            }
        }
    }

    #[test]
    fn a_video_gives_its_sound_where_no_other_file_does_and_is_a_video_anyway() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "a.mp4", "a.wav", "b.MOV", "c.avi", "d.mkv", "d.mp4", "d.aac",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let (found, unused) = list_all(folder.path()).unwrap();
        let file = |id: &str, kind| found[id].file(kind).map(|path| folder.path().join(path));
        let path = |name: &str| Some(folder.path().join(name));
        for (id, sound, video) in [
            ("a", path("a.wav"), path("a.mp4")),
            ("b", path("b.MOV"), path("b.MOV")),
            ("c", None, path("c.avi")),
            ("d", path("d.mp4"), path("d.mp4")),
        ] {
            assert_eq!(file(id, MediaKind::Sound), sound, "{id}");
            assert_eq!(file(id, MediaKind::Video), video, "{id}");
        }
        let expected = "1 aac file, 1 avi file, 1 mkv file, 1 mp4 file";
        assert_eq!(unused.to_string(), expected);
    }

    #[test]
    fn the_most_wanted_file_wins_and_other_entries_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "a.png",
            "a.jpg",
            "a.JPG",
            "b.txt",
            "b.pkl",
            ".c.jpg",
            "notes.md",
            "Thumbs.db",
            "x.avi",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("d.jpg")).unwrap();
        let (found, unused) = list_all(folder.path()).unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["a", "b", "x"]);
        let expected = "2 hidden files, 1 avi file, 1 jpg file, 1 md file, 1 png file, 1 txt file";
        assert_eq!(unused.to_string(), expected);
        let name = |id: &str, kind| {
            found[id]
                .file(kind)
                .unwrap()
                .file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .to_string()
        };
        assert_eq!(name("a", MediaKind::Picture), "a.JPG");
        assert_eq!(name("b", MediaKind::Text), "b.pkl");
        assert_eq!(found["a"].get(MediaKind::Sound), None);
        assert!(list(&folder.path().join("absent")).unwrap().is_empty());
        assert!(list(&folder.path().join("a.jpg")).is_err());
        assert_eq!(folders(folder.path()).unwrap(), ["d.jpg"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_loop_of_links_is_an_error_for_a_folder_and_no_trouble_for_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("loop.jpg");
        std::os::unix::fs::symlink(&link, &link).unwrap();
        assert!(list(&link).is_err());
        let found = list(folder.path()).unwrap();
        assert_eq!(found["loop"].file(MediaKind::Picture), Some(link.as_path()));
    }
}
