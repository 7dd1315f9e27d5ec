//! Which media files lie in a folder, by clip: one directory listing a folder, never a question a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cohort_tables::{AUDIO_EXTENSIONS, IMAGE_EXTENSIONS, TRANSCRIPT_EXTENSIONS, id_key};

use crate::error::DataError;
use crate::folder::{self, Unused};

/// What a media file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Modality {
    /// A picture of the face.
    Image,
    /// The voice.
    Audio,
    /// The words.
    Transcript,
}

impl Modality {
    /// All modalities, in the order in which reports name them.
    pub const ALL: [Self; 3] = [Self::Image, Self::Audio, Self::Transcript];

    /// `image`, `audio` or `transcript`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Transcript => "transcript",
        }
    }

    /// File name endings, most wanted first: when a clip has several files, the first of these is used.
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Image => &IMAGE_EXTENSIONS,
            Self::Audio => &AUDIO_EXTENSIONS,
            Self::Transcript => &TRANSCRIPT_EXTENSIONS,
        }
    }

    /// The modality of a file by the ending of its name, in any case of letters.
    pub fn of_file(path: &Path) -> Option<Self> {
        parse(path.file_name()?.to_str()?).map(|(_, modality, _)| modality)
    }
}

/// The files of one clip in one folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MediaFiles {
    files: [Option<PathBuf>; 3],
}

impl MediaFiles {
    pub fn get(&self, modality: Modality) -> Option<&Path> {
        self.files[modality as usize].as_deref()
    }

    pub fn take(&mut self, modality: Modality) -> Option<PathBuf> {
        self.files[modality as usize].take()
    }
}

/// Media files of a folder by clip id. A folder that does not exist holds none.
pub(crate) fn list(folder: &Path) -> Result<BTreeMap<String, MediaFiles>, DataError> {
    Ok(list_all(folder)?.0)
}

/// As [`list`], with what is not used: files of other kinds, and those of a clip that has a more wanted one.
///
/// Hidden files (see [`folder::is_hidden`]) are passed over, and so are folders. Links are
/// not followed here, so a loop of links is an unreadable file and nothing worse.
pub(crate) fn list_all(folder: &Path) -> Result<(BTreeMap<String, MediaFiles>, Unused), DataError> {
    let mut found: BTreeMap<String, MediaFiles> = BTreeMap::new();
    let mut ranks: BTreeMap<(String, Modality), usize> = BTreeMap::new();
    let (entries, mut unused) = folder::entries_if_any(folder)?;
    for (name, is_folder) in entries {
        if is_folder {
            continue;
        }
        let Some((id, modality, rank)) = parse(&name) else {
            unused.count_file(&name);
            continue;
        };
        let key = (id.clone(), modality);
        // Names come sorted, so equal ranks ("a.jpg", "a.JPG") are settled the same way each time.
        if ranks.get(&key).is_none_or(|&best| rank < best) {
            let files = found.entry(id).or_default();
            let before = files.files[modality as usize].replace(folder.join(&name));
            if let Some(before) = before.as_deref().and_then(Path::file_name) {
                unused.count_file(&before.to_string_lossy());
            }
            ranks.insert(key, rank);
        } else {
            unused.count_file(&name);
        }
    }
    Ok((found, unused))
}

/// Names of the folders in a folder, sorted. A folder that does not exist holds none.
pub(crate) fn folders(folder: &Path) -> Result<Vec<String>, DataError> {
    let (all, _) = folder::entries_if_any(folder)?;
    Ok(all
        .into_iter()
        .filter_map(|(name, is_folder)| is_folder.then_some(name))
        .collect())
}

/// Clip id, modality and rank among the modality's extensions.
fn parse(name: &str) -> Option<(String, Modality, usize)> {
    let (stem, extension) = name.rsplit_once('.')?;
    let lower = extension.to_ascii_lowercase();
    Modality::ALL.into_iter().find_map(|modality| {
        let rank = modality
            .extensions()
            .iter()
            .position(|known| *known == lower)?;
        Some((id_key(stem), modality, rank))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_give_clip_and_modality() {
        let cases = [
            (
                "-9Uee9Y2UZo.000.jpg",
                Some(("-9Uee9Y2UZo.000", Modality::Image)),
            ),
            ("a.000.JPEG", Some(("a.000", Modality::Image))),
            ("a.000.mp4.wav", Some(("a.000", Modality::Audio))),
            ("a.pkl", Some(("a", Modality::Transcript))),
            ("a.000", None),
            (
                "Jose\u{301}.000.jpg",
                Some(("Jos\u{e9}.000", Modality::Image)),
            ),
            ("readme", None),
        ];
        for (name, expected) in cases {
            assert_eq!(
                parse(name).map(|(id, modality, _)| (id, modality)),
                expected.map(|(id, modality)| (id.to_string(), modality)),
                "{name}"
            );
        }
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
        assert_eq!(found.keys().collect::<Vec<_>>(), ["a", "b"]);
        let expected = "2 hidden files, 1 avi file, 1 jpg file, 1 md file, 1 png file, 1 txt file";
        assert_eq!(unused.to_string(), expected);
        let name = |id: &str, modality| {
            found[id]
                .get(modality)
                .unwrap()
                .file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .to_string()
        };
        assert_eq!(name("a", Modality::Image), "a.JPG");
        assert_eq!(name("b", Modality::Transcript), "b.pkl");
        assert_eq!(found["a"].get(Modality::Audio), None);
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
        assert_eq!(found["loop"].get(Modality::Image), Some(link.as_path()));
    }
}
