//! What a reader is told, and what it finds.

use std::path::PathBuf;

use super::objects::Objects;
use super::splits::MadeSplits;
use crate::finding::Finding;
use crate::folder::Unused;
use crate::label_file::SplitTable;
use crate::layout::{Layout, Part};
use crate::schema::Schema;

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
    /// Passes over `ROOT/cohort.toml`, as where one is to be written. Default no.
    pub without_schema_file: bool,
}

impl OpenOptions {
    /// With the lists of the training, validation and test split, where there are some.
    pub fn with_lists(mut self, lists: [Option<PathBuf>; 3]) -> Self {
        let lists = Part::ALL.into_iter().zip(lists);
        self.lists = lists
            .filter_map(|(part, list)| Some((part, list?)))
            .collect();
        self
    }
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
