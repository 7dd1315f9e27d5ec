//! How a data set lies on disk, and what its parts are for.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

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

/// What a split is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// What models learn from.
    Train,
    /// What they are chosen by.
    Valid,
    /// What they are measured on.
    Test,
}

impl Part {
    /// All of them, in the order of a schema's splits.
    pub const ALL: [Self; 3] = [Self::Train, Self::Valid, Self::Test];

    /// `train`, `valid` or `test`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Valid => "valid",
            Self::Test => "test",
        }
    }

    /// The part that a split, folder or file is named after: `val`, `Training`, `train2017`, `seg_test`, `dev_set`.
    pub fn of(name: &str) -> Option<Self> {
        let lower = name.to_lowercase();
        let mut words: Vec<&str> = lower
            .split(['_', '-', '.', ' '])
            .map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit()))
            .filter(|word| !word.is_empty() && !["set", "data", "split", "images"].contains(word))
            .collect();
        let word = words.pop()?;
        let of = |word: &str| match word {
            "train" | "training" | "trainset" => Some(Self::Train),
            "valid" | "val" | "validation" | "dev" | "validate" => Some(Self::Valid),
            "test" | "testing" | "testset" => Some(Self::Test),
            _ => None,
        };
        // `train_valid` names no single part
        match words.iter().any(|word| of(word).is_some()) {
            true => None,
            false => of(word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_known_by_their_usual_names() {
        let cases = [
            ("train", Some(Part::Train)),
            ("Training", Some(Part::Train)),
            ("train2017", Some(Part::Train)),
            ("seg_train", Some(Part::Train)),
            ("train_set", Some(Part::Train)),
            ("val", Some(Part::Valid)),
            ("VALIDATION", Some(Part::Valid)),
            ("instances_val2017", Some(Part::Valid)),
            ("dev", Some(Part::Valid)),
            ("small_test", Some(Part::Test)),
            ("test-images", Some(Part::Test)),
            ("trainval", None),
            ("train_val", None),
            ("street", None),
            ("2017", None),
            ("", None),
        ];
        for (name, part) in cases {
            assert_eq!(Part::of(name), part, "{name}");
        }
    }
}
