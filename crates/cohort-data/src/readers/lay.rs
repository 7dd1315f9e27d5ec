//! How a data set lies: found out by what lies there.

use std::path::{Path, PathBuf};

use super::{class_folders, path_table};
use crate::error::{DataError, shorten};
use crate::folder;
use crate::layout::{Layout, Part};
use crate::schema::Schema;

/// Endings of tables that are looked for below a root.
pub(crate) const TABLES: [&str; 5] = ["csv", "tsv", "parquet", "csv.gz", "tsv.gz"];

/// The layout of a folder or file.
pub(crate) fn find(
    path: &Path,
    is_file: bool,
    root: &Path,
    schema: &Schema,
) -> Result<Layout, DataError> {
    if is_file {
        return Ok(match looks_like_coco(path) {
            true => Layout::Coco,
            false => Layout::Table,
        });
    }
    let has_table = |split: &String| {
        root.join(schema.label_file(split))
            .symlink_metadata()
            .is_ok()
    };
    if schema.splits.iter().any(has_table) {
        return Ok(Layout::LabelTables);
    }
    let mut found: Vec<(Layout, String)> = Vec::new();
    let folders = class_folders::looks_like(root);
    if let Some((folders, _)) = folders.clone().filter(|(_, classes)| *classes > 1) {
        found.push((Layout::ClassFolders, folders));
    }
    let tables = tables_of_paths(root, schema, None);
    if !tables.is_empty() {
        found.push((Layout::Table, shorten(&names(root, &tables), 3)));
    }
    let annotations = coco_files(root).unwrap_or_default();
    if !annotations.is_empty() {
        found.push((Layout::Coco, shorten(&names(root, &annotations), 3)));
    }
    match found.as_slice() {
        // one class is a mistake that its reader explains
        [] if folders.is_some() => Ok(Layout::ClassFolders),
        // the error of that layout lists what was looked for
        [] => Ok(Layout::LabelTables),
        [(layout, _)] => Ok(*layout),
        several => {
            let several: Vec<String> = several
                .iter()
                .map(|(layout, what)| format!("{} ({what})", layout.name()))
                .collect();
            let expected =
                "one layout, or which it is (--layout NAME, or layout = \"NAME\" in cohort.toml)";
            Err(DataError::file(root, expected, several.join(" and ")))
        }
    }
}

fn names(root: &Path, files: &[PathBuf]) -> Vec<String> {
    let below = |file: &PathBuf| {
        file.strip_prefix(root)
            .unwrap_or(file)
            .display()
            .to_string()
    };
    files.iter().map(below).collect()
}

/// Files in a folder whose names end so, sorted.
pub(crate) fn files_in(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let (entries, _) = folder::entries_if_any(folder).unwrap_or_default();
    let wanted = |name: &str| {
        let name = name.to_lowercase();
        endings
            .iter()
            .any(|ending| name.ends_with(&format!(".{ending}")))
    };
    let files = entries
        .into_iter()
        .filter(|(name, is_folder)| !is_folder && wanted(name));
    files.map(|(name, _)| folder.join(name)).collect()
}

/// Tables below a root that have a column of paths: the stated one, or one whose values are files.
fn tables_of_paths(root: &Path, schema: &Schema, stated: Option<&str>) -> Vec<PathBuf> {
    let own = [schema.transcripts.as_str(), class_folders::UNITS];
    let mut tables = files_in(root, &TABLES);
    tables.retain(|table| {
        let name = table.file_name().map(|name| name.to_string_lossy());
        !name.is_some_and(|name| own.contains(&&*name))
            && path_table::has_paths(root, table, stated)
    });
    tables
}

/// The one table of paths below a root: `labels`, `metadata` or `index`, or the only one. `stated` is the column of paths, where
/// a schema says it.
pub(crate) fn table_of(
    root: &Path,
    schema: &Schema,
    stated: Option<&str>,
) -> Result<PathBuf, DataError> {
    let tables = tables_of_paths(root, schema, stated);
    let named = |wanted: &str| {
        let stem = |table: &&PathBuf| {
            let name = table
                .file_name()
                .map(|name| name.to_string_lossy().to_lowercase());
            name.is_some_and(|name| name.split('.').next() == Some(wanted))
        };
        tables.iter().find(stem)
    };
    let known = ["labels", "metadata", "index"].into_iter().find_map(named);
    match (known, tables.as_slice()) {
        (Some(table), _) => Ok(table.clone()),
        (None, [only]) => Ok(only.clone()),
        (None, []) => {
            let all = names(root, &files_in(root, &TABLES));
            let found = match all.is_empty() {
                true => "no table".to_string(),
                false => format!(
                    "{}, without a column of paths of its media files",
                    shorten(&all, 5)
                ),
            };
            Err(DataError::file(
                root,
                "a table with a column of paths (labels.csv)",
                found,
            ))
        }
        (None, several) => {
            let found = format!(
                "{}; give the file itself",
                shorten(&names(root, several), 5)
            );
            Err(DataError::file(
                root,
                "one table of paths, or one called labels",
                found,
            ))
        }
    }
}

/// COCO annotations below a root: in `annotations`, in the root, or in its folders of splits.
pub(crate) fn coco_files(root: &Path) -> Result<Vec<PathBuf>, DataError> {
    let (entries, _) = folder::entries(root)?;
    let mut folders = vec![root.join("annotations"), root.to_path_buf()];
    let splits = entries
        .into_iter()
        .filter(|(name, is_folder)| *is_folder && Part::of(name).is_some());
    folders.extend(splits.map(|(name, _)| root.join(name)));
    let files = folders
        .iter()
        .flat_map(|folder| files_in(folder, &["json"]));
    Ok(files.filter(|file| looks_like_coco(file)).collect())
}

/// Whether a file begins as COCO's JSON does: an object with one of its keys.
fn looks_like_coco(path: &Path) -> bool {
    use std::io::Read;
    let mut beginning = Vec::new();
    let Ok(file) = crate::files::open(path) else {
        return false;
    };
    if file.take(1 << 16).read_to_end(&mut beginning).is_err() {
        return false;
    }
    let text = String::from_utf8_lossy(&beginning);
    let keys = ["images", "annotations", "categories", "info", "licenses"];
    text.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t'])
        .starts_with('{')
        && keys.iter().any(|key| text.contains(&format!("\"{key}\"")))
}
