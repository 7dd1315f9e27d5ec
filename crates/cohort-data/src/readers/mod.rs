//! Readers: data sets of every layout as items with inputs, a target, splits and units.
//!
//! A reader says what lies there as [`Contents`]; what is judged (strictly when a data set is opened, all of it in a check) is
//! judged in one place for all of them.

mod assemble;
mod class_folders;
mod coco;
mod contents;
mod lay;
mod lists;
mod objects;
mod path_index;
mod path_table;
mod splits;

use std::path::{Path, PathBuf};

use crate::error::DataError;
use crate::label_file;
use crate::layout::Layout;
use crate::schema::Schema;
use crate::schema_file::resolve_schema;

pub(crate) use class_folders::UNITS;
/// What tells tables and their columns apart, for whoever looks at a table before it has a reader.
pub(crate) mod table_parts {
    pub(crate) use super::lay::{TABLES, files_in};
    pub(crate) use super::path_table::{SPLITS, TARGETS, column_of, is_category, unit_word};
}
/// What pairs of pictures and captions are read with.
pub(crate) mod pair_parts {
    pub(crate) use super::coco::read as read_coco;
    pub(crate) use super::contents::Contents;
    pub(crate) use super::lay::coco_files;
    pub(crate) use super::path_index::{Found, PathIndex, plain};
    pub(crate) use super::splits::{Drawn, SHARE, draw};
}
pub use contents::OpenOptions;
pub use objects::{Box2d, Caption, Category, Objects, ObjectsCounts, SplitObjects};
pub use splits::MadeSplits;

use contents::Contents;

/// Reads a data set: a folder, or a file of the layouts that are one.
pub(crate) fn read(path: &Path, options: &OpenOptions) -> Result<Contents, DataError> {
    let is_file = std::fs::metadata(path)
        .map_err(|source| DataError::read(path, source))?
        .is_file();
    if is_file && path.extension().is_some_and(|ending| ending == "toml") {
        return Err(DataError::file(
            path,
            "a folder, a table of paths or COCO annotations",
            "a TOML file: a configuration names its data set as data, a schema is for --schema",
        ));
    }
    let root = match path.parent() {
        Some(parent) if is_file && parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) if is_file => parent.to_path_buf(),
        _ => path.to_path_buf(),
    };
    let (schema, stated) = match options.without_schema_file && options.schema.is_none() {
        true => (Schema::first_impressions(), false),
        false => resolve_schema(&root, options.schema.clone())?,
    };
    let schema_layout = schema.layout.filter(|_| stated);
    let name_column = stated.then_some(schema.name_column.as_str());
    let layout = match options.layout.or(schema_layout) {
        Some(layout) => layout,
        None => lay::find(path, is_file, &root, &schema)?,
    };
    let stated_schema = stated.then_some(schema.clone());
    let mut contents = match layout {
        Layout::LabelTables => label_tables(&root, schema, stated)?,
        Layout::ClassFolders => class_folders::read(&root, stated_schema, options)?,
        Layout::Table => {
            let table = if is_file {
                path.to_path_buf()
            } else {
                lay::table_of(&root, &schema, name_column)?
            };
            path_table::read(&root, &table, stated_schema, options)?
        }
        Layout::Coco => {
            let files = if is_file {
                vec![path.to_path_buf()]
            } else {
                lay::coco_files(&root)?
            };
            coco::read(&root, &files, stated_schema)?
        }
    };
    if layout == Layout::LabelTables || layout == Layout::Coco {
        let lists = !options.lists.is_empty() || !contents.schema.lists.is_empty();
        if lists {
            return Err(DataError::file(
                path,
                "no lists of splits with label tables or COCO annotations, which state them",
                format!("lists with the layout {}", layout.name()),
            ));
        }
    }
    let told = (layout != Layout::LabelTables).then(|| {
        format!(
            "{}: read as {}; --layout, or layout in cohort.toml, says otherwise",
            path.display(),
            layout.name()
        )
    });
    let found_out = options.layout.or(schema_layout).is_none();
    if let Some(told) = told.filter(|_| found_out) {
        contents.notes.insert(0, told);
    }
    Ok(contents)
}

/// One label table a split.
fn label_tables(root: &Path, mut schema: Schema, stated: bool) -> Result<Contents, DataError> {
    let tables = label_file::read_all(root, &schema)?;
    let read = tables.iter().filter_map(|table| table.file.as_ref().ok());
    label_file::infer_levels(&mut schema, stated, read)?;
    Ok(Contents {
        root: root.to_path_buf(),
        layout: Layout::LabelTables,
        schema,
        tables,
        unused: Vec::new(),
        notes: Vec::new(),
        findings: Vec::new(),
        objects: None,
        made: None,
    })
}
