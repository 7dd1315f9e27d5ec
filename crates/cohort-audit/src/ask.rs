//! What is asked of an audit, settled against the labels, and answered.

use cohort_data::DataError;
use cohort_eval::{Audit, AuditSettings, EvalError, audit, compare};
use cohort_tables::{ClassColumns, LabelTable, Predictions, nearest};

use crate::meaning::{Meanings, Stated, StatedError, notes_of};

/// What is asked for. What is `None` or empty is the schema's, or the default of [`AuditSettings`].
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// What is stated of the meaning of codes.
    pub stated: Stated,
    /// Label column with the subject; the column of clip names takes every clip for a subject of its own.
    pub subject: Option<String>,
    /// Label column that the model predicts.
    pub target: Option<String>,
    /// Label columns whose groups are compared; empty: every other one.
    pub groups: Vec<String>,
    /// Whether the groups of every pair of columns are compared too (default no).
    pub intersections: bool,
    /// Code or name of the class that people want (default none).
    pub favourable: Option<String>,
    /// Bootstrap resamples, 100 to 1,000,000 (default 10,000).
    pub resamples: usize,
    /// Random relabellings a test, 100 to 1,000,000 (default 5,000).
    pub permutations: usize,
    /// Level of the intervals, above 0 and below 1 (default 0.95).
    pub level: f64,
    /// Chance of any false alarm among the findings, above 0 and below 1 (default 0.05).
    pub alpha: f64,
    /// Seed of all random numbers (default [`crate::SEED`]).
    pub seed: u64,
}

impl Default for Ask {
    fn default() -> Self {
        let settings = AuditSettings::default();
        Self {
            stated: Stated::default(),
            subject: None,
            target: None,
            groups: Vec::new(),
            intersections: false,
            favourable: None,
            resamples: settings.resamples,
            permutations: settings.permutations,
            level: settings.level,
            alpha: settings.alpha,
            seed: crate::SEED,
        }
    }
}

/// Which of two models an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// The one that is audited.
    First,
    /// The one that it is compared with.
    Second,
}

/// What is asked for cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The schema.
    #[error(transparent)]
    Schema(#[from] DataError),
    /// What is stated of the classes.
    #[error(transparent)]
    Stated(#[from] StatedError),
    /// The target is no column of the labels, and one of nearly that name is.
    #[error("expected a column of the labels, found none (did you mean {near}?)")]
    Target {
        /// The target asked for.
        target: String,
        /// The column that there is.
        near: String,
    },
    /// The tables, or a setting.
    #[error("{error}")]
    Eval {
        /// Which model.
        about: About,
        /// What is wrong.
        error: EvalError,
    },
}

/// Predictions as they were read.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadPredictions {
    /// The table.
    pub table: Predictions,
    /// What was found of its columns of probabilities.
    pub columns: ClassColumns,
}

/// An audit that is settled but for the predictions.
#[derive(Debug, Clone)]
pub struct Plan {
    stated: Stated,
    meanings: Meanings,
    settings: AuditSettings,
    classes: Option<Vec<String>>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Audited {
    /// The document.
    pub document: Audit,
    /// What a person should be told at once: how classes and probabilities were read, and ids and codes that were read
    /// otherwise than they are written. All of it is among the notes of the document.
    pub told: Vec<String>,
}

impl Ask {
    /// Settles what the labels decide: meanings, columns, nouns, classes.
    ///
    /// # Errors
    /// [`AskError`] for a schema that cannot be read, classes that are stated twice, a target that is nearly the name of a
    /// column.
    pub fn plan(self, labels: &LabelTable) -> Result<Plan, AskError> {
        let meanings = self.stated.meanings(Some(labels))?;
        // predictions with a truth of their own need no such column, so that a slip of the pen would go unnoticed
        if let Some(target) = &self.target
            && labels.column(target).is_none()
            && let Some(near) = nearest(target, labels.column_names())
        {
            return Err(AskError::Target {
                target: target.clone(),
                near: near.to_string(),
            });
        }
        let settings = self.settings(&meanings);
        let classes = self.stated.classes(&meanings, &settings.target)?;
        Ok(Plan {
            stated: self.stated,
            meanings,
            settings,
            classes,
        })
    }

    fn settings(&self, meanings: &Meanings) -> AuditSettings {
        let schema = meanings.schema.as_ref();
        let mut settings = AuditSettings {
            meanings: Some(meanings.whose.clone()),
            ..AuditSettings::default()
        };
        if let Some(schema) = schema {
            settings.subject.clone_from(&schema.subject_column);
            settings.target.clone_from(&schema.target);
            settings.nouns = schema.nouns();
            for attribute in &schema.attributes {
                let names = attribute
                    .levels
                    .iter()
                    .map(|l| (cohort_tables::code(&l.code).into_owned(), l.name.clone()));
                settings
                    .names
                    .insert(attribute.column.clone(), names.collect());
            }
        }
        if let Some(target) = &self.target {
            settings.target.clone_from(target);
        }
        if let Some(subject) = &self.subject {
            settings.subject.clone_from(subject);
        }
        let name_column = schema.map_or("VideoName", |schema| &schema.name_column);
        if settings.subject == name_column {
            settings.nouns.unit.clone_from(&settings.nouns.item);
        }
        AuditSettings {
            groups: self.groups.clone(),
            favourable: self.favourable.clone(),
            intersections: self.intersections,
            resamples: self.resamples,
            permutations: self.permutations,
            level: self.level,
            alpha: self.alpha,
            seed: self.seed,
            ..settings
        }
    }
}

impl Plan {
    /// The settings, as far as the labels decide them.
    pub fn settings(&self) -> &AuditSettings {
        &self.settings
    }

    /// The classes in order, where they are stated: what the predictions are to be read with.
    pub fn classes(&self) -> Option<&[String]> {
        self.classes.as_deref()
    }

    /// Audits `predictions` against `labels`; `against` is a second model with its name, read with the classes of the
    /// first.
    ///
    /// # Errors
    /// [`AskError::Stated`] for classes that are said to be ordered and have no order, [`AskError::Eval`] for tables that do
    /// not fit and settings out of range.
    pub fn audit(
        &self,
        labels: &LabelTable,
        predictions: &ReadPredictions,
        against: Option<(&str, &ReadPredictions)>,
    ) -> Result<Audited, AskError> {
        let ReadPredictions { table, columns } = predictions;
        let mut settings = self.settings.clone();
        let is_stated = self.classes.is_some();
        let mut told = notes_of(table, columns, is_stated);
        settings.ordered =
            self.stated
                .ordered(&self.meanings, &settings.target, &table.classes, &mut told)?;
        let schema = self.meanings.schema.as_ref();
        let target = schema.and_then(|schema| schema.attribute(&settings.target));
        // the value of each class, in the order of the classes
        settings.midpoints = target.and_then(|target| {
            let value = |class: &String| target.levels.get(target.level(class)?)?.midpoint;
            table.classes.iter().map(value).collect()
        });
        settings.scale = target.and_then(|target| target.scale.clone());
        let about = |about| move |error| AskError::Eval { about, error };
        let mut document = audit(table, labels, &settings).map_err(about(About::First))?;
        if columns.put_right || columns.disagreeing_rows > 0 {
            document.class_columns = Some(columns.clone());
        }
        if let Some((
            name,
            ReadPredictions {
                table: other,
                columns,
            },
        )) = against
        {
            let notes = notes_of(other, columns, is_stated);
            told.extend(notes.into_iter().map(|note| format!("{name}: {note}")));
            let comparison = compare(table, other, name, labels, &settings);
            document.comparison = Some(comparison.map_err(about(About::Second))?);
        }
        let own = document.notes.iter().filter(|note| is_about_reading(note));
        let at_once = told.iter().chain(own).cloned().collect();
        document.notes.splice(0..0, told);
        Ok(Audited {
            document,
            told: at_once,
        })
    }
}

/// Whether a note of the document is about ids or codes that were read otherwise than they are written, or look alike.
fn is_about_reading(note: &str) -> bool {
    note.starts_with("warning: ")
        || note.starts_with("ids: ")
        || note.contains("in more than one spelling")
}
