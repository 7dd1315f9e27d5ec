//! Class folders: the folder that a file lies in is its label.

use std::collections::BTreeMap;
use std::path::Path;

use cohort_tables::{ReadOptions, TextTable, counted, id_key};

use super::assemble::{Found, Item};
use super::contents::{Contents, OpenOptions};
use super::lists::{self, List};
use super::path_index::{self, PathIndex};
use crate::error::{DataError, quoted, shorten};
use crate::folder::{self, Entry, Unused};
use crate::layout::{Layout, Part};
use crate::media::{self, MediaKind};
use crate::schema::Schema;

/// Table below the root that says which items belong together, by the columns `path` and `unit`.
pub(crate) const UNITS: &str = "units.csv";

/// A folder whose name is a class.
struct ClassFolder {
    split: Option<String>,
    class: String,
    /// Path below the root.
    below: String,
}

/// The folders of a data set.
struct Tree {
    classes: Vec<ClassFolder>,
    /// Folders beside the splits', which are not used.
    beside: Vec<String>,
    /// A folder that is called as a split and holds media instead of folders of classes.
    flat: Option<String>,
}

/// What of class folders lies below a root, in words, and how many classes; none where a folder of a split holds media itself,
/// whose class no folder says.
pub(crate) fn looks_like(root: &Path) -> Option<(String, usize)> {
    let tree = look(root).ok()?;
    if tree.flat.is_some() {
        return None;
    }
    let mut classes: Vec<&ClassFolder> = tree.classes.iter().collect();
    classes.retain(|class| holds_media(&root.join(&class.below)));
    let first = format!("{}/", classes.first()?.below);
    classes.sort_by(|a, b| a.class.cmp(&b.class));
    classes.dedup_by(|a, b| a.class == b.class);
    let count = classes.len();
    Some((
        format!("{first} and so on, {} in all", counted(count, "class")),
        count,
    ))
}

/// Whether a media file lies in a folder, at any depth; the first one ends the search.
fn holds_media(folder: &Path) -> bool {
    let Ok((entries, _)) = folder::entries(folder) else {
        return false;
    };
    let file = |name: &str| MediaKind::of_file(Path::new(name)).is_some();
    entries
        .iter()
        .any(|(name, is_folder)| !is_folder && file(name))
        || (entries.iter()).any(|(name, is_folder)| *is_folder && holds_media(&folder.join(name)))
}

fn subfolders(folder: &Path) -> Result<Vec<String>, DataError> {
    let (entries, _) = folder::entries(folder)?;
    let folders = entries.into_iter().filter(|(_, is_folder)| *is_folder);
    Ok(folders.map(|(name, _)| name).collect())
}

fn look(root: &Path) -> Result<Tree, DataError> {
    let top = subfolders(root)?;
    // A split's folder holds folders; `test` with pictures alone in it is no split of this layout.
    let mut splits: Vec<(String, String)> = Vec::new();
    let mut flat = None;
    for name in top.iter().filter(|name| Part::of(name).is_some()) {
        // `seg_train/seg_train/CLASS`, as archives are often unpacked
        let mut below = name.clone();
        while let [only] = subfolders(&root.join(&below))?.as_slice() {
            if Part::of(only) != Part::of(name) {
                break;
            }
            below = format!("{below}/{only}");
        }
        if !subfolders(&root.join(&below))?.is_empty() {
            splits.push((name.clone(), below));
        } else if holds_media(&root.join(&below)) {
            flat = Some(below);
        }
    }
    let mut classes = Vec::new();
    if splits.is_empty() {
        for class in top {
            classes.push(ClassFolder {
                split: None,
                below: class.clone(),
                class,
            });
        }
        return Ok(Tree {
            classes,
            beside: Vec::new(),
            flat,
        });
    }
    let beside = top
        .into_iter()
        .filter(|name| splits.iter().all(|(split, _)| split != name));
    let beside = beside
        .filter(|name| holds_media(&root.join(name)))
        .collect();
    for (split, below) in splits {
        for class in subfolders(&root.join(&below))? {
            classes.push(ClassFolder {
                split: Some(split.clone()),
                below: format!("{below}/{class}"),
                class,
            });
        }
    }
    Ok(Tree {
        classes,
        beside,
        flat,
    })
}

pub(crate) fn read(
    root: &Path,
    schema: Option<Schema>,
    options: &OpenOptions,
) -> Result<Contents, DataError> {
    let tree = look(root)?;
    let mut notes: Vec<String> = Vec::new();
    let mut note = |text: String| notes.push(format!("{}: {text}", root.display()));
    let (mut files, mut of_file) = (Vec::new(), Vec::new());
    let (mut unused, mut empty) = (Vec::new(), Vec::new());
    for (number, class) in tree.classes.iter().enumerate() {
        let listing = folder::search(&root.join(&class.below), &media::endings())?;
        if listing.files.is_empty() {
            empty.push(class.below.clone());
        }
        if !listing.unused.is_empty() {
            unused.push((class.below.clone(), listing.unused));
        }
        for file in listing.files {
            of_file.push(number);
            files.push(Entry {
                below: format!("{}/{}", class.below, file.below),
                path: file.path,
            });
        }
    }
    refuse_other_trees(root, &tree, &files, &of_file)?;
    if !empty.is_empty() {
        note(format!("no media file in {}", shorten(&empty, 5)));
    }
    if !tree.beside.is_empty() {
        let what = shorten(&tree.beside, 5);
        note(format!(
            "not used, since they lie beside the splits' folders: {what}"
        ));
    }

    let asked = lists::asked_for(root, schema.as_ref(), options);
    let index = PathIndex::new(&files);
    let listed = lists::read(&asked, &index)?;
    let (groups, renamed) = group(&files, &mut unused);
    if let Some((count, first)) = renamed {
        note(format!(
            "{} with the name of another but for the ending, each an item of its own: {first}{}",
            counted(count, "file"),
            if count > 1 { ", ..." } else { "" },
        ));
    }
    let units = units(root, &index)?;
    let stated = schema.is_some();
    let mut schema = schema.unwrap_or_else(|| Schema::found(root, "class"));
    schema.name_column = "path".into();
    schema.subject_column = if units.is_some() { "unit" } else { "path" }.into();
    let mut columns = vec![schema.target.clone()];
    columns.extend(units.is_some().then(|| schema.subject_column.clone()));
    let others = schema
        .attributes
        .iter()
        .filter(|attribute| attribute.column != schema.target);
    if let Some(other) = others.into_iter().next() {
        let found = format!("the attribute {}", other.column);
        return Err(DataError::file(
            root,
            "no attribute but the target, which the folders are",
            found,
        ));
    }
    let (mut items, mut left_out) = (Vec::new(), 0_usize);
    for (name, numbers) in groups {
        let class = &tree.classes[of_file[numbers[0]]];
        let split = match asked.is_empty() {
            true => class.split.clone(),
            false => {
                // an item is where any of its files is listed; a list names one of them mostly
                let Some(split) = numbers.iter().find_map(|file| listed.get(file)) else {
                    left_out += 1;
                    continue;
                };
                Some(split.clone())
            }
        };
        let mut fields = vec![class.class.clone()];
        if let Some(units) = &units {
            let unit = numbers.iter().find_map(|file| units.get(file));
            fields.push(unit.cloned().unwrap_or_else(|| id_key(&name)));
        }
        let of_item = numbers.iter().map(|&file| &files[file]);
        items.push(Item {
            name,
            line: None,
            split,
            fields,
            media: media::join(of_item.map(|file| file.path.as_path())),
        });
    }
    if !asked.is_empty() {
        let names: Vec<String> = asked
            .iter()
            .map(|List { split, path }| format!("{split} by {}", path.display()))
            .collect();
        note(format!(
            "splits as lists state them: {}{}",
            names.join(", "),
            lists::left_out(left_out, "file")
        ));
    }
    if units.is_some() {
        note(format!("what belongs together is read from {UNITS}"));
    }
    let mut found = Found {
        layout: Layout::ClassFolders,
        root: root.to_path_buf(),
        path: root.to_path_buf(),
        shown: ".".into(),
        schema,
        columns,
        items,
        unused,
        notes,
    };
    if !stated {
        found.name_items();
        if units.is_some() {
            found.schema.unit = "original".into();
        }
    }
    found.assemble(options)
}

/// One class is no classification, and folders of splits below the classes are another layout.
fn refuse_other_trees(
    root: &Path,
    tree: &Tree,
    files: &[Entry],
    of_file: &[usize],
) -> Result<(), DataError> {
    let what = "folders of at least two classes, ROOT/CLASS/* or ROOT/train/CLASS/* and so on";
    let mut classes: Vec<&str> = Vec::new();
    for &number in of_file {
        classes.push(&tree.classes[number].class);
    }
    classes.sort_unstable();
    classes.dedup();
    let below_class = |(file, &number): (&Entry, &usize)| {
        let class = &tree.classes[number];
        let rest = file.below.strip_prefix(&format!("{}/", class.below))?;
        let (first, _) = rest.split_once('/')?;
        (class.split.is_none() && Part::of(first).is_some())
            .then(|| format!("{}/{first}/", class.below))
    };
    if let Some(flat) = &tree.flat {
        let found =
            format!("{flat}/, which is called as a split and holds media and no folder of a class");
        return Err(DataError::file(root, what, found));
    }
    if let Some(found) = files.iter().zip(of_file).find_map(below_class) {
        return Err(DataError::file(
            root,
            what,
            format!("the split below the class: {found}"),
        ));
    }
    match classes.as_slice() {
        [] => Err(DataError::file(
            root,
            what,
            "no media file in any folder below it",
        )),
        [only] => {
            let class = tree.classes.iter().find(|class| class.class == **only);
            let below = class.map_or(root.to_path_buf(), |class| root.join(&class.below));
            let inner = subfolders(&below).unwrap_or_default();
            let hint = match inner.len() {
                0 | 1 => String::new(),
                _ => format!(
                    ", which holds folders itself ({}): is {} the data set?",
                    shorten(&inner, 3),
                    below.display()
                ),
            };
            Err(DataError::file(
                root,
                what,
                format!("one class, {only}{hint}"),
            ))
        }
        _ => Ok(()),
    }
}

/// Files by item, in the order of their paths: a picture and a sound of one name are one item; two pictures of one name are two,
/// and the second is named with its ending. Gives also how many were named so, and the first.
type Groups = (BTreeMap<String, Vec<usize>>, Option<(usize, String)>);

fn group(files: &[Entry], unused: &mut [(String, Unused)]) -> Groups {
    let mut by_key: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (i, file) in files.iter().enumerate() {
        by_key.entry(id_key(&file.below)).or_default().push(i);
    }
    let mut groups = BTreeMap::new();
    let (mut renamed, mut first) = (0, None);
    for mut numbers in by_key.into_values() {
        numbers.sort_by_key(|&i| media::rank_of(&files[i].path));
        let kind = |&i: &usize| MediaKind::of_file(&files[i].path);
        let twice = numbers.iter().enumerate().any(|(at, file)| {
            let before = numbers
                .iter()
                .take(at)
                .any(|other| kind(other) == kind(file));
            before && kind(file) == Some(MediaKind::Picture)
        });
        if !twice {
            // of several sounds, say, the most wanted is the item's
            let name = files[numbers[0]].below.clone();
            for &other in numbers.iter().skip(1) {
                if numbers
                    .iter()
                    .take_while(|&&i| i != other)
                    .any(|i| kind(i) == kind(&other))
                {
                    let folder = unused
                        .iter_mut()
                        .find(|(below, _)| files[other].below.starts_with(&format!("{below}/")));
                    if let Some((_, unused)) = folder {
                        unused.count_file(&files[other].below);
                    }
                }
            }
            groups.insert(name, numbers);
            continue;
        }
        for (at, &file) in numbers.iter().enumerate() {
            let below = &files[file].below;
            let name = match (at, below.rsplit_once('.')) {
                (0, _) | (_, None) => below.clone(),
                (_, Some((stem, ending))) => {
                    renamed += 1;
                    first.get_or_insert_with(|| below.clone());
                    format!("{stem}-{ending}")
                }
            };
            groups.insert(name, vec![file]);
        }
    }
    (groups, first.map(|first| (renamed, first)))
}

/// The unit of each file, where a table says which belong together.
fn units(root: &Path, index: &PathIndex) -> Result<Option<BTreeMap<usize, String>>, DataError> {
    let path = root.join(UNITS);
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    let mut table = TextTable::read(&path, &ReadOptions::default(), &["path", "unit"])?;
    table.refuse_bad_rows(&path)?;
    let (paths, names) = (
        table.take_column(&path, "path")?,
        table.take_column(&path, "unit")?,
    );
    let mut units = BTreeMap::new();
    for ((written, unit), &line) in paths.iter().zip(names).zip(&table.lines) {
        match index.find(written) {
            path_index::Found::Files(files) if !unit.is_empty() => {
                units.extend(files.into_iter().map(|file| (file, unit.clone())));
            }
            _ => {
                let found = format!("{}, {}", quoted(written), quoted(&unit));
                return Err(DataError::row(
                    &path,
                    line,
                    "a media file and its unit",
                    found,
                ));
            }
        }
    }
    Ok(Some(units))
}
