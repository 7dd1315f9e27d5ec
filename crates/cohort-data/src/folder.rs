//! What a folder holds: the files that are wanted, and by kind those that are not. One rule for every command that searches
//! folders.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use cohort_tables::id_key;

use crate::error::DataError;

/// A file below a folder that was searched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The file.
    pub path: PathBuf,
    /// Its folders and name below the folder that was searched, joined by `/`.
    pub below: String,
}

/// The files of a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Those with a wanted ending, by path.
    pub files: Vec<Entry>,
    /// The others, counted.
    pub unused: Unused,
}

/// Files that are not used, counted by kind; as text `306 mp4 files, 1 file without an ending`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unused {
    /// Number of files by kind: `.` before an ending in lower case, or words.
    counts: BTreeMap<String, usize>,
}

impl Unused {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Adds those of another folder.
    pub fn add(&mut self, other: Self) {
        for (kind, count) in other.counts {
            *self.counts.entry(kind).or_default() += count;
        }
    }

    fn count(&mut self, kind: impl Into<String>) {
        *self.counts.entry(kind.into()).or_default() += 1;
    }

    /// A file by its ending.
    pub(crate) fn count_file(&mut self, name: &str) {
        match ending(name) {
            Some(ending) => self.count(format!(".{ending}")),
            None => self.count(WITHOUT),
        }
    }
}

const WITHOUT: &str = "without an ending";
const HIDDEN: &str = "hidden";
const NOT_UTF8: &str = "with a name that is not UTF-8";
const LINKS: &str = "links to folders";
const SPECIAL: &str = "pipes, sockets or devices";

impl fmt::Display for Unused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The most first; of equal numbers by name.
        let mut kinds: Vec<(&str, usize)> = self.counts.iter().map(|(k, &n)| (&**k, n)).collect();
        kinds.sort_by_key(|&(kind, count)| (std::cmp::Reverse(count), kind));
        for (i, (kind, count)) in kinds.into_iter().enumerate() {
            let between = if i > 0 { ", " } else { "" };
            let files = if count == 1 { "file" } else { "files" };
            match kind {
                HIDDEN => write!(f, "{between}{count} hidden {files}")?,
                LINKS | SPECIAL => write!(f, "{between}{kind}: {count}")?,
                _ => match kind.strip_prefix('.') {
                    Some(ending) => write!(f, "{between}{count} {ending} {files}")?,
                    None => write!(f, "{between}{count} {files} {kind}")?,
                },
            }
        }
        Ok(())
    }
}

/// Whether a file or folder is left by a file manager or operating system and holds nothing of the data: a name that
/// begins with a dot (among them `._x`, what macOS keeps beside `x`), `Thumbs.db`, `desktop.ini`, `__MACOSX` and the like.
pub fn is_hidden(name: &str) -> bool {
    const NAMES: [&str; 7] = [
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "icon\r",
        "__macosx",
        "@eadir",
        "$recycle.bin",
    ];
    name.starts_with('.') || NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The files below a folder whose endings are wanted, in any case of letters.
///
/// Hidden files and folders (see [`is_hidden`]) are passed over. A link to a folder is not followed: it may lead back. What has a
/// wanted ending and is no regular file is listed; whoever opens it refuses it.
///
/// # Errors
/// [`DataError::Read`] for a folder that cannot be listed.
pub fn search(folder: &Path, wanted: &[&str]) -> Result<Listing, DataError> {
    let mut listing = Listing::default();
    search_below(folder, "", wanted, &mut listing)?;
    listing.files.sort();
    Ok(listing)
}

fn search_below(
    folder: &Path,
    below: &str,
    wanted: &[&str],
    listing: &mut Listing,
) -> Result<(), DataError> {
    let (entries, unused) = entries(folder)?;
    listing.unused.add(unused);
    for (name, is_folder) in entries {
        let (path, below) = (folder.join(&name), format!("{below}{name}"));
        if is_folder {
            search_below(&path, &format!("{below}/"), wanted, listing)?;
        } else if ending(&name).is_some_and(|ending| wanted.contains(&ending.as_str())) {
            listing.files.push(Entry { path, below });
        } else if std::fs::metadata(&path).is_ok_and(|target| target.is_dir()) {
            listing.unused.count(LINKS);
        } else if std::fs::metadata(&path).is_ok_and(|target| !target.is_file()) {
            listing.unused.count(SPECIAL);
        } else {
            listing.unused.count_file(&name);
        }
    }
    Ok(())
}

/// The ending of a file name, in lower case.
fn ending(name: &str) -> Option<String> {
    let (stem, ending) = name.rsplit_once('.')?;
    let usual = !stem.is_empty() && !ending.is_empty() && ending.len() <= 8;
    let plain = ending.chars().all(|c| c.is_ascii_alphanumeric());
    (usual && plain).then(|| ending.to_ascii_lowercase())
}

/// Entries of a folder, sorted, with whether each is a folder, and what was passed over: hidden entries and those whose names are
/// not UTF-8.
pub(crate) fn entries(folder: &Path) -> Result<(Vec<(String, bool)>, Unused), DataError> {
    let read = |source| DataError::read(folder, source);
    let (mut names, mut unused) = (Vec::new(), Unused::default());
    for entry in std::fs::read_dir(folder).map_err(read)? {
        let entry = entry.map_err(read)?;
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        match entry.file_name().into_string() {
            Err(_) => unused.count(NOT_UTF8),
            Ok(name) if is_hidden(&name) => unused.count(HIDDEN),
            Ok(name) => names.push((name, is_folder)),
        }
    }
    names.sort_unstable();
    Ok((names, unused))
}

/// As [`entries`]; a folder that does not exist holds none.
pub(crate) fn entries_if_any(folder: &Path) -> Result<(Vec<(String, bool)>, Unused), DataError> {
    match entries(folder) {
        Err(DataError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(Default::default())
        }
        other => other,
    }
}

/// The clip id of each file: its name without a media ending where no other file of its group has that name, else its path below
/// the folder that was searched (`id10001/a/00001`), again without. What shares a name in one group is named by path in all, so
/// that the picture and the sound of a clip stay together. Groups are those in which a clip has one file, such as pictures.
pub fn clip_ids(groups: &[&[Entry]]) -> Vec<Vec<String>> {
    let name = |entry: &Entry| {
        let name = entry.below.rsplit('/').next().unwrap_or_default();
        id_key(name)
    };
    let mut shared: HashSet<String> = HashSet::new();
    for group in groups {
        let mut paths: HashMap<String, String> = HashMap::new();
        for entry in *group {
            let path = id_key(&entry.below);
            // Two files of one path (`a/1.wav`, `a/1.flac`) are one clip's, however it is called.
            if paths
                .insert(name(entry), path.clone())
                .is_some_and(|other| other != path)
            {
                shared.insert(name(entry));
            }
        }
    }
    let id = |entry: &Entry| match name(entry) {
        name if shared.contains(&name) => id_key(&entry.below),
        name => name,
    };
    groups
        .iter()
        .map(|group| group.iter().map(id).collect())
        .collect()
}

/// The file itself as an entry: below the folder that stands before it where it was named.
pub fn named(path: &Path) -> Entry {
    let parts = path.components().filter_map(|part| match part {
        std::path::Component::Normal(part) => Some(part.to_string_lossy()),
        _ => None,
    });
    Entry {
        path: path.to_path_buf(),
        below: parts.collect::<Vec<_>>().join("/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_of(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        folder
    }

    fn below(listing: &Listing) -> Vec<&str> {
        listing.files.iter().map(|file| &*file.below).collect()
    }

    #[test]
    fn hidden_entries_are_passed_over_and_the_rest_is_counted_by_kind() {
        let folder = folder_of(&[
            "a.wav",
            "._a.wav",
            ".DS_Store",
            "Thumbs.db",
            "DESKTOP.INI",
            "b/c.WAV",
            "b/._c.WAV",
            "__MACOSX/b/d.wav",
            ".git/e.wav",
            "@eaDir/f.wav",
            "g.mp4",
            "h.MP4",
            "b/i.mp4",
            "readme",
            "j.csv",
        ]);
        let listing = search(folder.path(), &["wav"]).unwrap();
        assert_eq!(below(&listing), ["a.wav", "b/c.WAV"]);
        let expected = "8 hidden files, 3 mp4 files, 1 csv file, 1 file without an ending";
        assert_eq!(listing.unused.to_string(), expected);
        assert!(search(&folder.path().join("none"), &["wav"]).is_err());
        assert_eq!(
            entries_if_any(&folder.path().join("none")).unwrap(),
            Default::default()
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_to_folders_are_not_followed_and_odd_things_are_counted() {
        let folder = folder_of(&["a/1.wav"]);
        std::os::unix::fs::symlink(folder.path(), folder.path().join("a/back")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("a/1.wav"), folder.path().join("2.wav"))
            .unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("s")).unwrap();
        let name: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"\xff.wav");
        std::fs::write(folder.path().join(name), "x").unwrap();
        let listing = search(folder.path(), &["wav"]).unwrap();
        assert_eq!(below(&listing), ["2.wav", "a/1.wav"]);
        let unused = listing.unused.to_string();
        for part in [
            "links to folders: 1",
            "pipes, sockets or devices: 1",
            "1 file with a name that is not UTF-8",
        ] {
            assert!(unused.contains(part), "{unused}");
        }
    }

    #[test]
    fn names_that_are_equal_get_their_paths() {
        let entries = |below: &[&str]| -> Vec<Entry> {
            let entry = |below: &&str| Entry {
                path: PathBuf::from(below),
                below: (*below).to_string(),
            };
            below.iter().map(entry).collect()
        };
        let sounds = entries(&[
            "id10001/a/00001.wav",
            "id10002/b/00001.wav",
            "c/d.000.wav",
            "e.wav",
        ]);
        let pictures = entries(&["id10001/a/00001.jpg", "e.jpg"]);
        let ids = clip_ids(&[&sounds, &pictures]);
        assert_eq!(ids[0], ["id10001/a/00001", "id10002/b/00001", "d.000", "e"]);
        assert_eq!(ids[1], ["id10001/a/00001", "e"]);
        // Two files of one path are one clip's, which the caller refuses or chooses from.
        let twins = entries(&["a/1.wav", "a/1.flac"]);
        assert_eq!(clip_ids(&[&twins]), [["1", "1"]]);
        // Names that differ by case are two.
        let cases = entries(&["a/X.wav", "b/x.wav"]);
        assert_eq!(clip_ids(&[&cases]), [["X", "x"]]);
        assert_eq!(named(Path::new("./x/../y/1.wav")).below, "x/y/1.wav");
    }
}
