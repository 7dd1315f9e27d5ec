//! What the columns of a data set mean: names, codes, order, and where its files lie.

use cohort_tables::{
    LabelTable, Nouns, TableFormat, clip_id, code, counted, is_missing, sorted_classes, tidy,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

use crate::files::leaves;
use crate::layout::Layout;

/// Description of a data set. Everything that differs between data sets is here, as data;
/// [`Schema::first_impressions`] is the built-in one and [`Schema::from_toml`] reads any other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// Name of the data set, shown in reports.
    pub name: String,
    /// Column with the clip's name. Default `VideoName`.
    #[serde(default = "default_name_column")]
    pub name_column: String,
    /// How the data set lies on disk. Default: found out by what lies there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// What one row is called in messages and on pages. Default `clip`.
    #[serde(default = "default_item", skip_serializing_if = "is_clip")]
    pub item: String,
    /// What is called the unit that must not be in two splits: `subject`, `scene`, `sequence`, ... Default `subject`.
    #[serde(default = "default_unit", skip_serializing_if = "is_subject")]
    pub unit: String,
    /// Column with the subject, the unit that must not be in two splits. Default `UserID`. The same as
    /// [`Schema::name_column`] where every clip is a subject of its own.
    #[serde(default = "default_subject_column")]
    pub subject_column: String,
    /// Column of the attribute that models predict, e.g. `AgeGroup`.
    pub target: String,
    /// Names of the splits in order. Default `train`, `valid`, `test`.
    #[serde(default = "default_splits")]
    pub splits: Vec<String>,
    /// Files below the root that list the items of a split, a path a line, by the split's name; what no list names is left
    /// out. Default: none. `[splits]` with `train = "train.txt"` and so on says this and the names of the splits at once.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lists: BTreeMap<String, String>,
    /// File name of a split's label table, with `{split}`. Default `{split}_set_age_labels.csv`.
    #[serde(default = "default_labels")]
    pub labels: String,
    /// Folder of a clip's media below the root, with `{split}` and `{target}` (the code of the clip's
    /// target level). Default `{split}/{target}`.
    #[serde(default = "default_folder")]
    pub folder: String,
    /// CSV file below the root with the columns `VideoName` (or [`Schema::name_column`]) and `Transcript`,
    /// read when it exists. Default `transcripts.csv`.
    #[serde(default = "default_transcripts")]
    pub transcripts: String,
    /// How the label tables and the transcript table are written, where it is not to be recognised:
    /// `table = { delimiter = "semicolon", decimal = "comma" }`.
    #[serde(default, skip_serializing_if = "TableFormat::is_default")]
    pub table: TableFormat,
    /// The categorical columns that are described and audited; the target is one of them.
    #[serde(default, rename = "attribute")]
    pub attributes: Vec<Attribute>,
}

/// A categorical label column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// Column name in the label tables.
    pub column: String,
    /// Whether the order of the levels means something (age groups: yes; ethnicity: no). Default no.
    #[serde(default)]
    pub ordered: bool,
    /// What the levels' midpoints are in, such as `years`; without it they are values of an unnamed scale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<String>,
    /// The levels in order. Empty: taken from the label tables when the data set is opened, sorted as
    /// numbers when all codes are whole numbers, else as text.
    #[serde(default)]
    pub levels: Vec<Level>,
}

/// One value of an [`Attribute`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// Text in the label tables and, for the target, name of the media folder.
    pub code: String,
    /// Name for people. Default: the code.
    #[serde(default)]
    pub name: String,
    /// Value that stands for the level on a scale, e.g. years of age at the middle of the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub midpoint: Option<f64>,
}

fn default_name_column() -> String {
    "VideoName".into()
}

fn default_subject_column() -> String {
    "UserID".into()
}

fn default_item() -> String {
    "clip".into()
}

fn is_clip(item: &String) -> bool {
    *item == default_item()
}

fn default_unit() -> String {
    "subject".into()
}

fn is_subject(unit: &String) -> bool {
    *unit == default_unit()
}

pub(crate) fn default_splits() -> Vec<String> {
    ["train", "valid", "test"].map(String::from).to_vec()
}

fn default_labels() -> String {
    "{split}_set_age_labels.csv".into()
}

fn default_folder() -> String {
    "{split}/{target}".into()
}

fn default_transcripts() -> String {
    "transcripts.csv".into()
}

impl Schema {
    /// First Impressions v3, multimodal: seven apparent age groups, two genders, three ethnicities.
    ///
    /// Midpoints are years of age in the middle of each group; the open group 61+ is given 68
    /// (the middle of 61 to 75).
    pub fn first_impressions() -> Self {
        let ages = [
            ("7-13", 10.0),
            ("14-18", 16.0),
            ("19-24", 21.5),
            ("25-32", 28.5),
            ("33-45", 39.0),
            ("46-60", 53.0),
            ("61+", 68.0),
        ];
        let age = ages.map(|(name, years)| (name, Some(years)));
        let plain = |names: &[&'static str]| -> Vec<(&'static str, Option<f64>)> {
            names.iter().map(|name| (*name, None)).collect()
        };
        Self {
            name: "First Impressions v3".into(),
            layout: None,
            item: default_item(),
            unit: default_unit(),
            lists: BTreeMap::new(),
            name_column: default_name_column(),
            subject_column: default_subject_column(),
            target: "AgeGroup".into(),
            splits: default_splits(),
            labels: default_labels(),
            folder: default_folder(),
            transcripts: default_transcripts(),
            table: TableFormat::default(),
            attributes: vec![
                Attribute {
                    scale: Some("years".into()),
                    ..Attribute::numbered("AgeGroup", true, &age)
                },
                Attribute::numbered("Gender", false, &plain(&["Male", "Female"])),
                Attribute::numbered(
                    "Ethnicity",
                    false,
                    &plain(&["Asian", "Caucasian", "African-American"]),
                ),
            ],
        }
    }

    /// A data set in the files and columns of First Impressions of which nobody said what its codes mean: they stand for
    /// themselves, and levels are those that occur. The order of the target's is that of their numbers, if they have one.
    pub fn without_meanings() -> Self {
        let mut schema = Self::first_impressions();
        schema.name = "no schema (codes as they are)".into();
        for attribute in &mut schema.attributes {
            attribute.levels.clear();
        }
        schema
    }

    /// A data set of which nobody said anything, called as its folder: its target, unordered, is all that is described.
    pub(crate) fn found(root: &Path, target: &str) -> Self {
        let absolute = std::path::absolute(root).ok();
        let name = absolute.as_deref().and_then(Path::file_name);
        let name = name.unwrap_or(root.as_os_str());
        Self {
            name: name.to_string_lossy().into_owned(),
            target: target.to_string(),
            attributes: vec![Attribute::inferred(target)],
            ..Self::first_impressions()
        }
    }

    /// Whether a label table is one of First Impressions, so that the built-in names and years are its own: it has this
    /// schema's columns, no code that the schema does not know, and ids of that data set's kind (see
    /// [`Schema::has_ids_of_first_impressions`]).
    pub fn is_layout_of(&self, labels: &LabelTable) -> bool {
        Self::has_ids_of_first_impressions(labels.names.iter().map(String::as_str))
            && labels.column(&self.subject_column).is_some()
            && self.attributes.iter().all(|attribute| {
                labels.column(&attribute.column).is_some_and(|codes| {
                    codes
                        .iter()
                        .all(|code| is_missing(code) || attribute.level(code).is_some())
                })
            })
    }

    /// Whether clips are named as First Impressions names them, three in four at least: the eleven characters of a YouTube
    /// id, a dot and three digits (`-9Uee9Y2UZo.000.mp4`). No names at all are none of its.
    pub fn has_ids_of_first_impressions<'a>(names: impl Iterator<Item = &'a str>) -> bool {
        let own = |name: &str| {
            let name = tidy(name);
            clip_id(&name).split_once('.').is_some_and(|(video, part)| {
                let letter = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
                video.len() == 11
                    && video.bytes().all(letter)
                    && part.len() == 3
                    && part.bytes().all(|b| b.is_ascii_digit())
            })
        };
        let (mut all, mut its) = (0_usize, 0_usize);
        for name in names {
            all += 1;
            its += usize::from(own(name));
        }
        all > 0 && its * 4 >= all * 3
    }

    /// Position of the target in [`Schema::attributes`]; a valid schema always has one.
    pub fn target_index(&self) -> Option<usize> {
        self.attribute_index(&self.target)
    }

    /// The attribute that models predict; `None` only for a schema built by hand without it.
    pub fn target_attribute(&self) -> Option<&Attribute> {
        self.attribute(&self.target)
    }

    /// Attribute by column name.
    pub fn attribute(&self, column: &str) -> Option<&Attribute> {
        self.attributes
            .iter()
            .find(|attribute| attribute.column == column)
    }

    /// Position of an attribute by column name.
    pub fn attribute_index(&self, column: &str) -> Option<usize> {
        self.attributes
            .iter()
            .position(|attribute| attribute.column == column)
    }

    /// A number of items: `1 clip`, `2 clips`.
    pub fn items(&self, count: usize) -> String {
        counted(count, &self.item)
    }

    /// A number of units: `1 subject`, `2 subjects`.
    pub fn units(&self, count: usize) -> String {
        counted(count, &self.nouns().unit)
    }

    /// The words for items and units; the same where every item is a unit of its own.
    pub fn nouns(&self) -> Nouns {
        let unit = match self.items_are_units() {
            true => &self.item,
            false => &self.unit,
        };
        Nouns {
            item: self.item.clone(),
            unit: unit.clone(),
        }
    }

    /// Whether every item is a unit of its own, which no column then names.
    pub fn items_are_units(&self) -> bool {
        self.subject_column == self.name_column
    }

    /// File name of a split's label table.
    pub fn label_file(&self, split: &str) -> String {
        self.labels.replace("{split}", split)
    }

    /// Media folder, relative to the root, of the clips of a split with a target code.
    pub fn media_folder(&self, split: &str, code: &str) -> String {
        self.folder
            .replace("{split}", split)
            .replace("{target}", code)
    }
}

impl Attribute {
    /// An unordered attribute whose levels are those that occur.
    pub(crate) fn inferred(column: &str) -> Self {
        Self {
            column: column.to_string(),
            ordered: false,
            scale: None,
            levels: vec![],
        }
    }

    /// An attribute whose codes are 1, 2, 3, ...
    fn numbered(column: &str, ordered: bool, levels: &[(&str, Option<f64>)]) -> Self {
        let levels = levels
            .iter()
            .enumerate()
            .map(|(i, (name, midpoint))| Level {
                code: (i + 1).to_string(),
                name: (*name).to_string(),
                midpoint: *midpoint,
            })
            .collect();
        Self {
            column: column.to_string(),
            ordered,
            scale: None,
            levels,
        }
    }

    /// Index of the level with this code, by the rule for what is one code ([`cohort_tables::code`]): `1.0` is `1`.
    pub fn level(&self, text: &str) -> Option<usize> {
        let exact = self.levels.iter().position(|level| level.code == text);
        exact.or_else(|| {
            let text = code(text);
            self.levels
                .iter()
                .position(|level| code(&level.code) == text)
        })
    }

    /// Codes in order.
    pub fn codes(&self) -> Vec<String> {
        self.levels.iter().map(|level| level.code.clone()).collect()
    }

    /// Names in order.
    pub fn names(&self) -> Vec<String> {
        self.levels.iter().map(|level| level.name.clone()).collect()
    }

    /// Levels from the codes that occur, words for a missing value left out: in the order of their numbers when all are
    /// numbers or ranges, else as text.
    pub(crate) fn infer_levels<'a>(&mut self, codes: impl Iterator<Item = &'a str>) {
        let codes: std::collections::BTreeSet<_> =
            codes.filter(|text| !is_missing(text)).map(code).collect();
        let codes: Vec<_> = codes.into_iter().collect();
        self.levels = sorted_classes(&codes)
            .into_iter()
            .map(|code| Level {
                name: code.clone(),
                code,
                midpoint: None,
            })
            .collect();
    }
}

/// What is expected of a code of the target that names a media folder, if this one leads out of the data set.
pub(crate) fn leads_outside(schema: &Schema, attribute: &Attribute, code: &str) -> Option<String> {
    let names_folder = attribute.column == schema.target && schema.folder.contains("{target}");
    (names_folder && leaves(code)).then(|| {
        format!(
            "in {} a code that names a folder inside the data set's root",
            attribute.column
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_impressions_codes_names_and_folders() {
        let schema = Schema::first_impressions();
        let age = schema.target_attribute().unwrap();
        assert_eq!(age.codes(), ["1", "2", "3", "4", "5", "6", "7"]);
        assert_eq!(age.names()[6], "61+");
        assert!(age.ordered && !schema.attribute("Gender").unwrap().ordered);
        assert_eq!(age.level("4"), Some(3));
        assert_eq!(age.level("04"), None);
        assert_eq!(
            (age.level("4.0"), age.level("\u{a0}4\u{200b}")),
            (Some(3), Some(3))
        );
        assert_eq!(
            schema.attribute("Gender").unwrap().names(),
            ["Male", "Female"]
        );
        assert_eq!(schema.label_file("valid"), "valid_set_age_labels.csv");
        assert_eq!(schema.media_folder("test", "7"), "test/7");
    }

    #[test]
    fn levels_are_inferred_in_number_order_or_text_order() {
        let cases: [(&[&str], &[&str]); 5] = [
            (&["10", "2", "2", "-1"], &["-1", "2", "10"]),
            (&["2.0", "nan", " 1 ", "1.0", ""], &["1", "2"]),
            (
                &["10-19", "3-9", "more than 70", "0-2"],
                &["0-2", "3-9", "10-19", "more than 70"],
            ),
            (&["b", "10", "2"], &["10", "2", "b"]),
            (&[], &[]),
        ];
        for (codes, expected) in cases {
            let mut attribute = Attribute {
                column: "A".into(),
                ordered: false,
                scale: None,
                levels: vec![],
            };
            attribute.infer_levels(codes.iter().copied());
            assert_eq!(attribute.codes(), expected);
        }
    }

    #[test]
    fn names_and_years_are_first_impressions_own() {
        let schema = Schema::first_impressions();
        let table = |rows: &[[&str; 5]]| LabelTable {
            names: rows.iter().map(|row| row[0].to_string()).collect(),
            columns: ["UserID", "AgeGroup", "Gender", "Ethnicity"]
                .iter()
                .zip(1..)
                .map(|(name, i)| cohort_tables::LabelColumn {
                    name: (*name).into(),
                    values: rows.iter().map(|row| row[i].to_string()).collect(),
                })
                .collect(),
        };
        let own = [
            ["-9Uee9Y2UZo.000.mp4", "-9Uee9Y2UZo", "1", "2", "2"],
            ["kyNPHHIKjlh.004", "kyNPHHIKjlh", "7.0", "1", "nan"],
        ];
        assert!(schema.is_layout_of(&table(&own)));
        let others = [
            // somebody else's ids, codes, and a column less
            table(&[["s00.000.mp4", "s00", "1", "1", "1"]]),
            table(&[["-9Uee9Y2UZo.000.mp4", "-9Uee9Y2UZo", "8", "2", "2"]]),
            LabelTable {
                columns: table(&own).columns[..3].to_vec(),
                ..table(&own)
            },
        ];
        for other in others {
            assert!(!schema.is_layout_of(&other));
        }
        assert!(!Schema::has_ids_of_first_impressions(std::iter::empty()));
        assert!(
            Schema::without_meanings()
                .attributes
                .iter()
                .all(|attribute| attribute.levels.is_empty())
        );
    }
}
