//! Schemas read from TOML, checked once.

use std::collections::BTreeSet;
use std::path::Path;

use cohort_tables::did_you_mean_of;

use crate::error::{DataError, quoted};
use crate::files;
use crate::layout::Part;
use crate::schema::{Attribute, Schema};

/// File below the root of a data set that holds its schema.
pub const SCHEMA_FILE: &str = "cohort.toml";

/// Largest schema file that is read, in bytes.
const SCHEMA_LIMIT: u64 = 1 << 20;

/// Words that the statistics use beside attribute names in one JSON object.
const RESERVED: [&str; 4] = ["clips", "subjects", "relative_to_max", "split"];

impl Schema {
    /// Reads a schema from a TOML file:
    ///
    /// ```toml
    /// name = "My clips"
    /// target = "AgeGroup"                     # the column that models predict
    /// # the rest has defaults:
    /// name_column = "VideoName"
    /// subject_column = "UserID"               # the name column: every clip is a subject of its own
    /// unit = "subject"                        # what messages call it
    /// item = "clip"                           # what messages call one row
    /// layout = "label-tables"                 # or class-folders, table, coco; default: by what lies there
    /// splits = ["train", "valid", "test"]
    /// labels = "{split}_set_age_labels.csv"
    /// folder = "{split}/{target}"             # {target} is the code of the clip's target level
    /// transcripts = "transcripts.csv"
    /// # splits = { train = "train.txt", test = "test.txt" }     # lists of paths instead of names
    /// table = { delimiter = "semicolon", decimal = "comma" }   # default: recognised
    ///
    /// [[attribute]]
    /// column = "AgeGroup"
    /// ordered = true
    /// levels = [{ code = "1", name = "child", midpoint = 8.0 }, { code = "2", name = "adult" }]
    ///
    /// [[attribute]]
    /// column = "Gender"                       # no levels: taken from the tables
    /// ```
    ///
    /// A target without an `[[attribute]]` of its own becomes an unordered attribute with inferred levels.
    ///
    /// # Errors
    /// [`DataError`] when the file cannot be read, is no TOML, has an unknown key, or when columns, codes,
    /// level names or splits repeat or are empty, or a path leaves the root.
    pub fn from_toml(path: &Path) -> Result<Self, DataError> {
        from_text(path, &files::read_text(path, SCHEMA_LIMIT)?)
    }

    /// The rules that every schema meets; the error is what was expected and what was found.
    fn validate(&self) -> Result<(), (String, String)> {
        let subject = (self.subject_column != self.name_column).then_some(&self.subject_column);
        let columns: Vec<&str> = std::iter::once(&self.name_column)
            .chain(subject)
            .chain(self.attributes.iter().map(|attribute| &attribute.column))
            .map(String::as_str)
            .collect();
        distinct("a column name", &columns)?;
        distinct(
            "a split name",
            &self.splits.iter().map(String::as_str).collect::<Vec<_>>(),
        )?;
        if self.splits.is_empty() {
            return Err(("at least one split".into(), "splits = []".into()));
        }
        if let Some(attribute) = self
            .attributes
            .iter()
            .find(|attribute| RESERVED.contains(&attribute.column.as_str()))
        {
            return Err((
                format!("an attribute column other than {}", RESERVED.join(", ")),
                quoted(&attribute.column),
            ));
        }
        for (key, word) in [("item", &self.item), ("unit", &self.unit)] {
            let plain = |c: char| c.is_alphabetic() || c == ' ' || c == '-';
            if word.trim().is_empty() || word.chars().count() > 30 || !word.chars().all(plain) {
                let expected = format!("{key}: a noun of at most 30 letters");
                return Err((expected, quoted(word)));
            }
        }
        if let Some(split) = self.lists.keys().find(|name| !self.splits.contains(name)) {
            let expected = format!("lists of the splits {}", self.splits.join(", "));
            return Err((expected, quoted(split)));
        }
        for attribute in &self.attributes {
            let what = format!("in attribute {}: a level", attribute.column);
            let levels = &attribute.levels;
            let codes: Vec<&str> = levels.iter().map(|level| level.code.as_str()).collect();
            let names: Vec<&str> = levels.iter().map(|level| level.name.as_str()).collect();
            distinct(&format!("{what} code"), &codes)?;
            distinct(&format!("{what} name"), &names)?;
            if let Some(level) = levels
                .iter()
                .find(|level| level.midpoint.is_some_and(|value| !value.is_finite()))
            {
                return Err((
                    format!("{what} midpoint that is a finite number"),
                    level.code.clone(),
                ));
            }
        }
        if self.splits.len() > 1 && !self.labels.contains("{split}") {
            return Err(("labels with {split} in it".into(), quoted(&self.labels)));
        }
        let parts = [&self.labels, &self.folder, &self.transcripts].into_iter();
        for part in parts.chain(&self.splits).chain(self.lists.values()) {
            if files::leaves(part) {
                return Err(("a path inside the data set's root".into(), quoted(part)));
            }
        }
        Ok(())
    }
}

/// A schema from the text of a file.
pub(crate) fn from_text(path: &Path, text: &str) -> Result<Schema, DataError> {
    let mut schema = parse(text).map_err(|error| {
        let near = did_you_mean_of(error.message());
        let message = error.message().trim().replace('\n', " ") + &near;
        let row = error
            .span()
            .map_or(1, |span| 1 + lines_before(text, span.start));
        DataError::row(path, row, "a data set schema", message)
    })?;
    if schema.attribute(&schema.target).is_none() {
        let column = schema.target.clone();
        schema.attributes.insert(
            0,
            Attribute {
                column,
                ordered: false,
                scale: None,
                levels: vec![],
            },
        );
    }
    for level in schema
        .attributes
        .iter_mut()
        .flat_map(|attribute| &mut attribute.levels)
    {
        if level.name.is_empty() {
            level.name.clone_from(&level.code);
        }
    }
    schema
        .validate()
        .map_err(|(expected, found)| DataError::file(path, expected, found))?;
    Ok(schema)
}

/// The given schema, else the one in the root, else First Impressions', and whether somebody stated it.
pub(crate) fn resolve_schema(
    root: &Path,
    schema: Option<Schema>,
) -> Result<(Schema, bool), DataError> {
    let path = root.join(SCHEMA_FILE);
    match schema {
        Some(schema) => Ok((schema, true)),
        None if path.symlink_metadata().is_ok() => Ok((Schema::from_toml(&path)?, true)),
        None => Ok((Schema::first_impressions(), false)),
    }
}

/// A schema from TOML, where `[splits]` may be a table of lists instead of names.
fn parse(text: &str) -> Result<Schema, toml::de::Error> {
    let mut table: toml::Table = text.parse()?;
    let Some(toml::Value::Table(lists)) = table.get("splits").cloned() else {
        return toml::from_str(text);
    };
    let mut names: Vec<String> = lists.keys().cloned().collect();
    // training, validation, test; what is called otherwise behind them
    names.sort_by_key(|name| Part::of(name).map_or(Part::ALL.len(), |part| part as usize));
    let names = names.into_iter().map(toml::Value::String).collect();
    table.insert("splits".into(), toml::Value::Array(names));
    table.insert("lists".into(), toml::Value::Table(lists));
    table.try_into()
}

fn distinct(what: &str, values: &[&str]) -> Result<(), (String, String)> {
    let mut seen = BTreeSet::new();
    for value in values {
        if value.is_empty() {
            return Err((what.to_string(), "an empty text".into()));
        }
        if !seen.insert(value) {
            return Err((format!("{what} once"), format!("{} twice", quoted(value))));
        }
    }
    Ok(())
}

fn lines_before(text: &str, byte: usize) -> u64 {
    text.as_bytes()
        .iter()
        .take(byte)
        .filter(|&&b| b == b'\n')
        .count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Schema, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cohort.toml");
        std::fs::write(&path, text).unwrap();
        Schema::from_toml(&path).map_err(|error| {
            error
                .to_string()
                .replace(&folder.path().display().to_string(), "DIR")
        })
    }

    #[test]
    fn defaults_are_those_of_first_impressions() {
        let schema = parse("name = \"x\"\ntarget = \"AgeGroup\"\n").unwrap();
        let known = Schema::first_impressions();
        assert_eq!(schema.labels, known.labels);
        assert_eq!(schema.folder, known.folder);
        assert_eq!(schema.splits, known.splits);
        assert_eq!(schema.attributes.len(), 1);
        assert!(schema.attributes[0].levels.is_empty());
    }

    #[test]
    fn a_schema_written_as_toml_reads_back_the_same() {
        let known = Schema::first_impressions();
        assert_eq!(parse(&toml::to_string(&known).unwrap()).unwrap(), known);
    }

    #[test]
    fn splits_may_be_lists_and_come_in_the_order_of_their_parts() {
        let text = "name='x'\ntarget='A'\n[splits]\ntest='b.txt'\ntrain='a.txt'\n";
        let schema = parse(text).unwrap();
        assert_eq!(schema.splits, ["train", "test"]);
        assert_eq!(schema.lists["train"], "a.txt");
        assert_eq!(parse(&toml::to_string(&schema).unwrap()).unwrap(), schema);
    }

    #[test]
    fn a_level_without_a_name_is_called_by_its_code() {
        let text = "name='x'\ntarget='A'\n[[attribute]]\ncolumn='A'\nlevels=[{code='k'}]\n";
        assert_eq!(parse(text).unwrap().attributes[0].levels[0].name, "k");
    }

    #[test]
    fn bad_schemas_say_what_is_wrong() {
        let base = "name='x'\ntarget='A'\n";
        let cases = [
            (
                "name = 3",
                "DIR/cohort.toml: row 1: expected a data set schema, found invalid type: integer `3`, expected a string",
            ),
            ("name='x'\ntarget='A'\nfoo=1", "unknown field `foo`"),
            ("name='x'", "missing field `target`"),
            (
                &format!("{base}[[attribute]]\ncolumn='A'\n[[attribute]]\ncolumn='A'"),
                "expected a column name once, found \"A\" twice",
            ),
            (
                &format!("{base}[[attribute]]\ncolumn='A'\nlevels=[{{code='1'}},{{code='1'}}]"),
                "expected in attribute A: a level code once, found \"1\" twice",
            ),
            (
                &format!("{base}[[attribute]]\ncolumn='clips'"),
                "expected an attribute column other than clips",
            ),
            (
                &format!("{base}splits=[]"),
                "expected at least one split, found splits = []",
            ),
            (
                &format!("{base}splits=['a','']"),
                "expected a split name, found an empty text",
            ),
            (
                &format!("{base}labels='all.csv'"),
                "expected labels with {split} in it, found \"all.csv\"",
            ),
            (
                &format!("{base}folder='../x'"),
                "expected a path inside the data set's root, found \"../x\"",
            ),
            (
                &format!("{base}splits=['/etc']\nlabels='{{split}}.csv'"),
                "expected a path inside",
            ),
            (
                &format!("{base}[[attribute]]\ncolumn='A'\nlevels=[{{code='1',midpoint=nan}}]"),
                "midpoint that is a finite number",
            ),
            (
                &format!("{base}item='<b>'"),
                "expected item: a noun of at most 30 letters, found \"<b>\"",
            ),
            (
                &format!("{base}layout='folders'"),
                "unknown variant `folders`",
            ),
            (
                &format!("{base}[splits]\ntrain='../x.txt'"),
                "expected a path inside",
            ),
            (
                &format!("{base}[splits]\ntrain=3"),
                "invalid type: integer `3`",
            ),
            (
                "name='x'\ntarget='UserID'",
                "expected a column name once, found \"UserID\" twice",
            ),
        ];
        for (text, expected) in cases {
            let error = parse(text).unwrap_err();
            assert!(
                error.contains(expected),
                "{text}\n  gave {error}\n  not  {expected}"
            );
        }
    }
}
