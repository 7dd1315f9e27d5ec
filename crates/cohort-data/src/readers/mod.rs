//! Readers: data sets of every layout as items with inputs, a target, splits and units.
//!
//! A reader says what lies there as [`Contents`]; what is judged (strictly when a data set is opened, all of it in a check) is
//! judged in one place for all of them.

mod assemble;
mod class_folders;
mod coco;
mod lay;
mod lists;
mod path_index;
mod path_table;
mod splits;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::check::Finding;
use crate::dataset::resolve_schema;
use crate::error::DataError;
use crate::folder::Unused;
use crate::label_file::{self, SplitTable};
use crate::schema::Schema;

pub(crate) use class_folders::UNITS;
pub use coco::{Box2d, Caption, Category, Objects, ObjectsCounts, SplitObjects};
pub use splits::{MadeSplits, Part};

/// How a data set lies on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// One label table a split, and the media in folders by split and target.
    LabelTables,
    /// `ROOT/SPLIT/CLASS/*` or `ROOT/CLASS/*`: the folder is the label.
    ClassFolders,
    /// One table of CSV or Parquet with a column of paths.
    Table,
    /// COCO's JSON: pictures with boxes, categories and captions.
    Coco,
}

impl Layout {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::LabelTables,
        Self::ClassFolders,
        Self::Table,
        Self::Coco,
    ];

    /// `label-tables`, `class-folders`, `table` or `coco`.
    pub fn name(self) -> &'static str {
        match self {
            Self::LabelTables => "label-tables",
            Self::ClassFolders => "class-folders",
            Self::Table => "table",
            Self::Coco => "coco",
        }
    }
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::name).join(", ");
        let known = Self::ALL.into_iter().find(|layout| layout.name() == text);
        known.ok_or_else(|| format!("expected {names}, found {text}"))
    }
}

/// What is said of a data set beside what lies there.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// The schema. Default: `ROOT/cohort.toml`, else what the layout gives.
    pub schema: Option<Schema>,
    /// The layout. Default: the schema's, else found out.
    pub layout: Option<Layout>,
    /// Column of the target in a table of paths. Default: the schema's, else the usual names.
    pub target: Option<String>,
    /// Lists of paths, one a split: its part and the file. Default: the schema's.
    pub lists: Vec<(Part, PathBuf)>,
    /// Seed of splits that have to be made. Default 0.
    pub seed: u64,
    /// Leaves splits that are not there unmade. Default no.
    pub as_it_lies: bool,
}

/// What a reader found.
pub(crate) struct Contents {
    /// Folder that paths are named from.
    pub root: PathBuf,
    pub layout: Layout,
    pub schema: Schema,
    /// The splits that are there, in the schema's order.
    pub tables: Vec<SplitTable>,
    /// Files of no use by folder.
    pub unused: Vec<(String, Unused)>,
    /// What is to be told of how it was read.
    pub notes: Vec<String>,
    /// What a reader alone can find.
    pub findings: Vec<Finding>,
    pub objects: Option<Objects>,
    pub made: Option<MadeSplits>,
}

/// Reads a data set: a folder, or a file of the layouts that are one.
pub(crate) fn read(path: &Path, options: &OpenOptions) -> Result<Contents, DataError> {
    let is_file = std::fs::metadata(path)
        .map_err(|source| DataError::read(path, source))?
        .is_file();
    let root = match path.parent() {
        Some(parent) if is_file && parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) if is_file => parent.to_path_buf(),
        _ => path.to_path_buf(),
    };
    let (schema, stated) = resolve_schema(&root, options.schema.clone())?;
    let schema_layout = schema.layout.filter(|_| stated);
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
                lay::table_of(&root, &schema)?
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
