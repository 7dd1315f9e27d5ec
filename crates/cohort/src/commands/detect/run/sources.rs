//! Which pictures are looked at, and their ids.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use cohort_data::folder::{self, Entry, Unused};
use cohort_detection::{Id, Truth};
use cohort_tables::{IMAGE_EXTENSIONS, clip_id};

/// A picture to look at.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// Its path below the folder that it was found in, with `/`.
    pub(super) below: String,
    pub(super) id: Id,
    /// Width and height that the truth states.
    pub(super) stated: Option<[usize; 2]>,
}

type Found = (Vec<Source>, Vec<String>);

/// The pictures of the truth, or else the files given and those below the folders given.
pub(super) fn pictures(given: &[PathBuf], truth: Option<&(&Path, Truth)>) -> anyhow::Result<Found> {
    match truth {
        Some((path, truth)) => of_truth(given, path, truth),
        None => of_folders(given),
    }
}

fn of_folders(given: &[PathBuf]) -> anyhow::Result<Found> {
    let mut entries = Vec::new();
    let mut unused = Unused::default();
    for path in given {
        let kind = std::fs::metadata(path);
        let kind = kind.with_context(|| format!("cannot read {}", path.display()))?;
        if kind.is_dir() {
            let listing = folder::search(path, &IMAGE_EXTENSIONS)?;
            entries.extend(listing.files);
            unused.add(listing.unused);
        } else {
            let name = path.file_name().unwrap_or(path.as_os_str());
            entries.push(Entry {
                path: path.clone(),
                below: name.to_string_lossy().into_owned(),
            });
        }
    }
    let mut seen = HashSet::new();
    entries.retain(|entry| seen.insert(entry.path.clone()));
    ensure!(
        !entries.is_empty(),
        "expected pictures ({}), found none in {}",
        IMAGE_EXTENSIONS.join(", "),
        given
            .iter()
            .map(|p| p.display().to_string())
            .collect::<Vec<_>>()
            .join(", ")
    );
    let mut notes = Vec::new();
    if !unused.is_empty() {
        notes.push(format!("not used: {unused}"));
    }
    // COCO's pictures are called by their ids
    let number = |below: &str| {
        let name = below.rsplit('/').next().unwrap_or_default();
        let stem = clip_id(name);
        let is_plain = !stem.is_empty() && stem.bytes().all(|b| b.is_ascii_digit());
        is_plain.then(|| stem.parse::<i64>().ok()).flatten()
    };
    let numbers: Option<Vec<i64>> = entries.iter().map(|e| number(&e.below)).collect();
    let distinct =
        |numbers: &Vec<i64>| numbers.iter().collect::<HashSet<_>>().len() == numbers.len();
    let ids: Vec<Id> = match numbers.filter(distinct) {
        Some(numbers) => numbers.into_iter().map(Id::Number).collect(),
        None => entries.iter().map(|e| Id::Text(e.below.clone())).collect(),
    };
    let mut owners: BTreeMap<&Id, &Path> = BTreeMap::new();
    for (id, entry) in ids.iter().zip(&entries) {
        if let Some(other) = owners.insert(id, &entry.path) {
            bail!(
                "expected pictures of different names, found {} and {}: both would be {id}",
                other.display(),
                entry.path.display()
            );
        }
    }
    let sources = entries.into_iter().zip(ids).map(|(entry, id)| Source {
        path: entry.path,
        below: entry.below,
        id,
        stated: None,
    });
    Ok((sources.collect(), notes))
}

fn of_truth(given: &[PathBuf], path: &Path, truth: &Truth) -> anyhow::Result<Found> {
    let own = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let folders = match given {
        [] => vec![own],
        given => given.to_vec(),
    };
    for folder in &folders {
        ensure!(
            folder.is_dir() || folder.as_os_str().is_empty(),
            "{}: expected a folder with the pictures of {}",
            folder.display(),
            path.display()
        );
    }
    ensure!(
        !truth.pictures.is_empty(),
        "{}: expected pictures, found none",
        path.display()
    );
    let mut below: HashMap<&str, usize> = HashMap::new();
    let mut sources = Vec::with_capacity(truth.pictures.len());
    for (place, picture) in truth.pictures.iter().enumerate() {
        let name = picture.file_name.as_str();
        let id = &picture.id;
        let at = || format!("{}: picture {id}", path.display());
        ensure!(
            !name.is_empty(),
            "{}: expected a file name, found none",
            at()
        );
        // what a file says must not lead out of the folders
        let is_inside = Path::new(name).components().all(|part| {
            matches!(
                part,
                std::path::Component::Normal(_) | std::path::Component::CurDir
            )
        });
        ensure!(
            is_inside,
            "{}: expected a file below the folder, found {name:?}",
            at()
        );
        if let Some(before) = below.insert(name, place) {
            bail!(
                "{}: expected a file of its own, found {name} of picture {} again",
                at(),
                truth.pictures[before].id
            );
        }
        let last = name.rsplit('/').next().unwrap_or(name);
        let places = folders.iter().flat_map(|f| [f.join(name), f.join(last)]);
        let found = places.clone().find(|place| place.is_file());
        sources.push(Source {
            // one that is nowhere is told when it is read
            path: found.unwrap_or_else(|| folders[0].join(name)),
            below: name.to_owned(),
            id: picture.id.clone(),
            stated: Some([picture.width as usize, picture.height as usize]),
        });
    }
    Ok((sources, Vec::new()))
}
