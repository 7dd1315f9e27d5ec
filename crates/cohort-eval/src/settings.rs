//! Settings of an audit.

use std::collections::BTreeMap;

use cohort_tables::Nouns;
use serde::{Deserialize, Serialize};

use crate::{EvalError, IntervalSettings, Metric};

/// What is audited and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditSettings {
    /// Label column with the subject (default `UserID`).
    pub subject: String,
    /// Label column that the model predicts, where the labels have it (default `AgeGroup`). It must agree with the
    /// predictions' ground truth, takes its place where there is none, and is audited by class rather than as a group.
    pub target: String,
    /// Label columns whose groups are compared; empty (the default): every column but subject and target.
    pub groups: Vec<String>,
    /// Whether the groups of every pair of columns are compared too (default no).
    pub intersections: bool,
    /// Whether the classes are ordered (default yes).
    pub ordered: bool,
    /// Value that stands for each class, in the order of the classes, for errors in years (default none).
    pub midpoints: Option<Vec<f64>>,
    /// What the midpoints are in, such as `years` (default none: values of an unnamed scale).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<String>,
    /// What a row and its subject are called (default `clip` and `subject`).
    #[serde(skip_serializing_if = "Nouns::are_usual")]
    pub nouns: Nouns,
    /// Names for people: column, code, name (default none: codes are shown).
    pub names: BTreeMap<String, BTreeMap<String, String>>,
    /// Whose names and values [`AuditSettings::names`] and [`AuditSettings::midpoints`] are, in words (default none).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meanings: Option<String>,
    /// Code or name of the class that people want, for selection rates and demographic parity (default none: these are left
    /// out).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub favourable: Option<String>,
    /// Bootstrap resamples of subjects (default 10,000).
    pub resamples: usize,
    /// Random relabellings of subjects a test (default 5,000).
    pub permutations: usize,
    /// Level of intervals (default 0.95).
    pub level: f64,
    /// Error rate of the findings as a family: the chance of any where there is no disadvantage (default 0.05).
    pub alpha: f64,
    /// Share of clips that the conformal sets should cover (default 0.9).
    pub conformal_coverage: f64,
    /// Seed (default 0).
    pub seed: u64,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self {
            subject: "UserID".into(),
            target: "AgeGroup".into(),
            groups: Vec::new(),
            intersections: false,
            ordered: true,
            midpoints: None,
            scale: None,
            nouns: Nouns::default(),
            names: BTreeMap::new(),
            meanings: None,
            favourable: None,
            resamples: 10_000,
            permutations: 5_000,
            level: 0.95,
            alpha: 0.05,
            conformal_coverage: 0.9,
            seed: 0,
        }
    }
}

impl AuditSettings {
    /// Settings with the names and midpoints of First Impressions v3.
    pub fn first_impressions() -> Self {
        let column = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(code, name)| (code.to_string(), name.to_string()))
                .collect()
        };
        let ages = ["7-13", "14-18", "19-24", "25-32", "33-45", "46-60", "61+"];
        let ages: BTreeMap<String, String> = (1..)
            .map(|code: i32| code.to_string())
            .zip(ages.map(String::from))
            .collect();
        Self {
            midpoints: Some(vec![10.0, 16.0, 21.5, 28.5, 39.0, 53.0, 68.0]),
            scale: Some("years".into()),
            names: BTreeMap::from([
                ("AgeGroup".to_string(), ages),
                (
                    "Gender".to_string(),
                    column(&[("1", "Male"), ("2", "Female")]),
                ),
                (
                    "Ethnicity".to_string(),
                    column(&[
                        ("1", "Asian"),
                        ("2", "Caucasian"),
                        ("3", "African-American"),
                    ]),
                ),
            ]),
            ..Self::default()
        }
    }

    /// Whether the classes are groups of age: their midpoints are years.
    pub fn is_about_ages(&self) -> bool {
        self.midpoints.is_some() && self.scale.as_deref() == Some("years")
    }

    /// Name of a metric for people; an error on the scale of the midpoints carries that scale's unit.
    pub fn title(&self, metric: Metric) -> String {
        match (metric, &self.scale) {
            (Metric::MaeYears, Some(scale)) => format!("Mean absolute error ({scale})"),
            _ => metric.title().to_owned(),
        }
    }

    /// [`AuditSettings::title`] for a narrow column.
    pub fn short(&self, metric: Metric) -> String {
        match (metric, &self.scale) {
            (Metric::MaeYears, Some(scale)) => format!("MAE ({scale})"),
            _ => metric.short().to_owned(),
        }
    }

    /// Settings of the intervals.
    pub fn intervals(&self) -> IntervalSettings {
        IntervalSettings {
            resamples: self.resamples,
            level: self.level,
            seed: self.seed,
        }
    }

    /// Name of a code of a column, the code itself without one.
    pub fn name<'a>(&'a self, column: &str, code: &'a str) -> &'a str {
        let Some(names) = self.names.get(column) else {
            return code;
        };
        let same = || {
            let same = names
                .iter()
                .find(|(key, _)| cohort_tables::code(key) == code);
            same.map(|(_, name)| name)
        };
        names.get(code).or_else(same).map_or(code, String::as_str)
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`EvalError::Setting`] for resamples, permutations, level, alpha or coverage out of range.
    pub fn check(&self) -> Result<(), EvalError> {
        self.intervals().check()?;
        if !(100..=1_000_000).contains(&self.permutations) {
            return Err(EvalError::Setting {
                name: "permutations",
                expected: "100 to 1000000",
                found: self.permutations.to_string(),
            });
        }
        for (name, value) in [
            ("alpha", self.alpha),
            ("conformal_coverage", self.conformal_coverage),
        ] {
            if !(value > 0.0 && value < 1.0) {
                return Err(EvalError::Setting {
                    name,
                    expected: "above 0 and below 1",
                    found: value.to_string(),
                });
            }
        }
        Ok(())
    }
}
