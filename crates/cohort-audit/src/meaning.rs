//! What codes mean: whose names they are, which order the classes have, and what is said of both.

use std::path::{Path, PathBuf};

use cohort_data::{Attribute, DataError, Schema};
use cohort_tables::{
    ClassColumns, LabelTable, Predictions, before_the_spreadsheet, have_evident_order,
};

/// Classes named in a note.
const LISTED: usize = 5;

/// Name of the built-in schema where a schema file may be given.
const FIRST_IMPRESSIONS: &str = "first-impressions";

/// What somebody states of the meaning of codes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stated {
    /// A schema file, or `first-impressions` (default: First Impressions where ids and codes are its own, else nothing).
    pub schema: Option<PathBuf>,
    /// The classes, by code, in their order and in that of their probabilities (default: the schema's, else those that
    /// occur).
    pub classes: Vec<String>,
    /// Whether the classes are ordered (default: as the schema says, else whether their own numbers give them an order).
    pub ordered: Option<bool>,
}

/// What is stated contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatedError {
    /// A class is stated twice, or is empty.
    #[error("expected every class once, found {found}")]
    Classes {
        /// The class, and what is wrong with it.
        found: String,
    },
    /// The classes are said to be ordered, and nothing says how.
    #[error("expected classes in their order, for none is evident from numbers, found {found}")]
    Order {
        /// The classes.
        found: String,
    },
}

/// Meanings in use.
#[derive(Debug, Clone)]
pub struct Meanings {
    /// The schema, where there is one.
    pub schema: Option<Schema>,
    /// Whose they are, in words.
    pub whose: String,
}

/// A schema file, or the built-in schema by its name, `first-impressions`.
///
/// # Errors
/// [`DataError`] when the file cannot be read or is no schema.
pub fn read_schema(argument: &Path) -> Result<Schema, DataError> {
    if argument.as_os_str() == FIRST_IMPRESSIONS && !argument.exists() {
        return Ok(Schema::first_impressions());
    }
    Schema::from_toml(argument)
}

impl Stated {
    /// The meanings of the labels' codes.
    ///
    /// # Errors
    /// Those of [`read_schema`].
    pub fn meanings(&self, labels: Option<&LabelTable>) -> Result<Meanings, DataError> {
        if let Some(path) = &self.schema {
            let schema = read_schema(path)?;
            let whose = format!(
                "names and values are those of {} (--schema {})",
                schema.name,
                path.display()
            );
            return Ok(Meanings {
                schema: Some(schema),
                whose,
            });
        }
        let built_in = Schema::first_impressions();
        Ok(match labels {
            Some(labels) if built_in.is_layout_of(labels) => Meanings {
                whose: format!(
                    "names and years are those of {}, whose ids and codes the labels have; --schema gives others",
                    built_in.name
                ),
                schema: Some(built_in),
            },
            _ => Meanings {
                schema: None,
                whose: "codes as they are, none stated; --schema gives names and values".into(),
            },
        })
    }

    /// The classes in order, where they are stated, here or by the schema for the column `target`.
    ///
    /// # Errors
    /// [`StatedError::Classes`].
    pub fn classes(
        &self,
        meanings: &Meanings,
        target: &str,
    ) -> Result<Option<Vec<String>>, StatedError> {
        if !self.classes.is_empty() {
            let order: Vec<String> = self
                .classes
                .iter()
                .map(|class| cohort_tables::code(class).into_owned())
                .collect();
            for (i, class) in order.iter().enumerate() {
                if class.is_empty() || order[..i].contains(class) {
                    let wrong = if class.is_empty() { "empty" } else { "twice" };
                    let found = format!("{class:?} {wrong}");
                    return Err(StatedError::Classes { found });
                }
            }
            return Ok(Some(order));
        }
        let codes = meanings.attribute(target).map(Attribute::codes);
        Ok(codes.filter(|codes| !codes.is_empty()))
    }

    /// Whether the classes are ordered: as stated, else by their own numbers; adds a note where they have no order.
    ///
    /// # Errors
    /// [`StatedError::Order`] where they are said to be and no order is stated or evident.
    pub fn ordered(
        &self,
        meanings: &Meanings,
        target: &str,
        classes: &[String],
        notes: &mut Vec<String>,
    ) -> Result<bool, StatedError> {
        let attribute = meanings.attribute(target);
        let of_schema = attribute.filter(|a| !a.levels.is_empty() || !a.ordered);
        let evident = || have_evident_order(classes);
        match self.ordered {
            Some(false) => return Ok(false),
            Some(true) => {
                let has_order = !self.classes.is_empty() || of_schema.is_some() || evident();
                let found = || listed(classes);
                return match has_order {
                    true => Ok(true),
                    false => Err(StatedError::Order { found: found() }),
                };
            }
            None => {}
        }
        if let Some(attribute) = of_schema {
            return Ok(attribute.ordered);
        }
        let evident = evident();
        if !evident {
            notes.push(format!(
                "the classes {} have no order that is stated or evident from numbers: metrics of ordered classes (quadratic kappa, errors in classes, within one, ranked probability score) are left out; --order {} states one",
                listed(classes),
                classes.join(",")
            ));
        }
        Ok(evident)
    }
}

impl Meanings {
    fn attribute(&self, column: &str) -> Option<&Attribute> {
        self.schema.as_ref()?.attribute(column)
    }
}

/// What reading predictions told, a sentence each: columns put right, and classes that one side alone has where nobody
/// `stated` them.
pub fn notes_of(predictions: &Predictions, columns: &ClassColumns, stated: bool) -> Vec<String> {
    let mut notes = columns.notes();
    if stated {
        return notes;
    }
    for (alone, side) in predictions
        .one_sided_classes()
        .iter()
        .zip(["the ground truth", "the predictions"])
    {
        if alone.is_empty() {
            continue;
        }
        let each = alone.iter().take(LISTED).map(|(class, rows)| {
            let date = before_the_spreadsheet(class);
            let date = date.map_or(String::new(), |range| {
                format!(", a spreadsheet's date for {range}?")
            });
            format!("{class} ({rows} rows{date})")
        });
        let each: Vec<String> = each.collect();
        let more = if alone.len() > LISTED { ", ..." } else { "" };
        notes.push(format!(
            "{} of the classes only in {side}: {}{more}",
            alone.len(),
            each.join(", ")
        ));
    }
    notes
}

fn listed(classes: &[String]) -> String {
    let more = if classes.len() > LISTED { ", ..." } else { "" };
    format!("{}{more}", classes[..classes.len().min(LISTED)].join(", "))
}
