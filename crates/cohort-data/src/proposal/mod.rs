//! A `cohort.toml` proposed for what lies in a folder.

mod tables;
mod text;

use std::path::Path;

use crate::dataset::Dataset;
use crate::error::DataError;
use crate::layout::Layout;
use crate::readers::{self, OpenOptions};
use crate::schema::Schema;
use crate::schema_file;

/// A proposed `cohort.toml`.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// Its text, with comments; [`Schema::from_toml`] reads it.
    pub text: String,
    /// What was found, a line each: the layout, which column was taken for what, what there is no file of.
    pub notes: Vec<String>,
    /// The data set as it is read with that text.
    pub dataset: Dataset,
}

/// What was recognised, before it is written down.
pub(crate) struct Recognised {
    pub schema: Schema,
    pub layout: Layout,
    /// What it is, in words.
    pub what: String,
    /// What is to be told of it.
    pub notes: Vec<String>,
    /// Calls that make sense of it, besides those of any data set.
    pub calls: Vec<String>,
}

/// Looks at a folder, and proposes a schema for what lies there: class folders, a table of paths, the label tables of First
/// Impressions' layout, label tables of other names with or without media, predictions, COCO annotations. A `cohort.toml` that
/// is there already is passed over. `target` names the column of the target where there are several that may be it.
///
/// What is proposed was read back: the text is parsed and the data set opened with it.
///
/// # Errors
/// [`DataError`] where nothing is recognised or what is there cannot be read; it says what was looked for.
pub fn propose(root: &Path, target: Option<&str>) -> Result<Proposal, DataError> {
    let metadata = std::fs::metadata(root).map_err(|source| DataError::read(root, source))?;
    if !metadata.is_dir() {
        let expected = "a folder, in which cohort.toml is written";
        return Err(DataError::file(root, expected, "a file"));
    }
    let found = recognise(root, target)?;
    let options = OpenOptions {
        schema: Some(Schema {
            layout: Some(found.layout),
            ..found.schema.clone()
        }),
        as_it_lies: true,
        ..OpenOptions::default()
    };
    // as it is with the levels left to the data, to count them
    let opened = Dataset::open_with(root, &options)?;
    let text = text::write(&found, &opened);
    let schema = schema_file::from_text(&root.join(schema_file::SCHEMA_FILE), &text)?;
    // as every other command will open it
    let dataset = Dataset::open(root, Some(schema))?;
    Ok(Proposal {
        text,
        notes: found.notes,
        dataset,
    })
}

fn recognise(root: &Path, target: Option<&str>) -> Result<Recognised, DataError> {
    let built_in = Schema::first_impressions();
    let has_table = |split: &String| root.join(built_in.label_file(split)).exists();
    let is_first_impressions = built_in.splits.iter().any(has_table);
    // predictions beside pictures may be of any model; where they are all there is, they are meant
    if !is_first_impressions
        && !tables::has_media(root)?
        && let Some(found) = tables::predictions(root, target)?
    {
        return Ok(found);
    }
    let options = OpenOptions {
        as_it_lies: true,
        without_schema_file: true,
        target: target.map(String::from),
        ..OpenOptions::default()
    };
    let contents = match readers::read(root, &options) {
        Ok(contents) => contents,
        Err(error) if is_first_impressions => return Err(error),
        Err(error) => {
            return match tables::labels(root, target)? {
                Some(found) => Ok(found),
                None => Err(error),
            };
        }
    };
    let (what, mut schema) = (contents.layout, contents.schema);
    let mut notes = contents.notes;
    if what == Layout::Table {
        let labels = contents.tables.iter().filter_map(|t| t.file.as_ref().ok());
        let labels: Vec<_> = labels.map(|file| &file.table).collect();
        schema
            .attributes
            .extend(tables::described(&schema, &labels));
        notes.retain(|note| !note.contains("not described: "));
    }
    if what == Layout::LabelTables {
        // a target that somebody names is one of the tables' columns
        if let Some(target) = target {
            tables::aim(root, &mut schema, target)?;
        }
        if !schema
            .attributes
            .iter()
            .any(|a| a.levels.iter().any(|level| level.name != level.code))
        {
            schema = Schema {
                name: Schema::found(root, &schema.target).name,
                ..schema
            };
        }
    }
    Ok(Recognised {
        layout: what,
        what: match what {
            Layout::LabelTables => {
                "label tables, one a split, as First Impressions has them".into()
            }
            Layout::ClassFolders => "files in folders by class".into(),
            Layout::Table => "a table with a column of paths".into(),
            Layout::Coco => "COCO annotations".into(),
        },
        schema,
        notes,
        calls: Vec::new(),
    })
}
