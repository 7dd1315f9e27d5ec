//! Which columns of a table hold predictions.

use std::path::Path;

use crate::TableError;
use crate::class_columns::named_columns;
use crate::columns;
use crate::labels::name_column;
use crate::spelling::is_missing;

/// Where the fields of a row are.
pub(crate) struct Layout {
    pub(crate) name: usize,
    pub(crate) truth: Option<usize>,
    pub(crate) prediction: Option<usize>,
    pub(crate) probabilities: ProbabilityColumns,
    /// What the names of separate columns say of their classes.
    pub(crate) labels: Vec<String>,
    /// Stated classes that would else be words for a missing value.
    pub(crate) words: Vec<String>,
}

pub(crate) enum ProbabilityColumns {
    None,
    List(usize),
    /// By number, lowest first: `p1..pK`, `proba_0..`.
    Separate(Vec<usize>),
}

impl Layout {
    /// The layout, and what is to be said of it; `stated` are the classes where somebody stated them.
    pub(crate) fn of(
        path: &Path,
        header: &[String],
        stated: Option<&[String]>,
    ) -> Result<(Self, Vec<String>), TableError> {
        let position = |name: &str| columns::find(header, name);
        let missing = |what: &str, ours: &[&str]| columns::missing(path, what, ours, header);
        let name = name_column(path, header)?;
        let numbered = named_columns(header);
        let mut notes = Vec::new();
        let plain = |i: usize| {
            let bytes = header[i].as_bytes();
            matches!(bytes, [b'p' | b'P', digit, ..] if digit.is_ascii_digit())
        };
        if let Some((first, _)) = numbered.first().filter(|&&(_, i)| plain(i)) {
            let first: u64 = first.parse().unwrap_or(u64::MAX);
            let expected = (first..).map(|number| number.to_string());
            if first > 1
                || numbered
                    .iter()
                    .zip(expected)
                    .any(|((label, _), number)| *label != number)
            {
                return Err(missing("probability columns p1..pK without a gap", &[]));
            }
        }
        if let (Some(&(_, from)), Some(&(_, to))) = (numbered.first(), numbered.last())
            && !plain(from)
        {
            notes.push(format!(
                "{}: columns {} to {} are read as the probabilities of {} classes",
                path.display(),
                header[from],
                header[to],
                numbered.len()
            ));
        }
        let probabilities = match position("probabilities") {
            _ if !numbered.is_empty() => {
                ProbabilityColumns::Separate(numbered.iter().map(|&(_, i)| i).collect())
            }
            Some(i) => ProbabilityColumns::List(i),
            None => ProbabilityColumns::None,
        };
        let prediction = position("prediction");
        if matches!(probabilities, ProbabilityColumns::None) {
            if prediction.is_none() {
                let what = "a column prediction, or probabilities";
                return Err(missing(what, &["prediction", "probabilities"]));
            }
            notes.extend(unused(path, header));
        }
        let truth = position("ground_truth");
        if truth.is_none()
            && let Some(theirs) = columns::proposal("ground_truth", header)
        {
            notes.push(format!(
                "{}: no column ground_truth; --column ground_truth={theirs} takes {theirs} for it",
                path.display()
            ));
        }
        let layout = Self {
            name,
            truth,
            prediction,
            labels: match probabilities {
                ProbabilityColumns::Separate(_) => {
                    numbered.into_iter().map(|(label, _)| label).collect()
                }
                _ => Vec::new(),
            },
            probabilities,
            words: stated
                .unwrap_or_default()
                .iter()
                .filter(|class| is_missing(class))
                .cloned()
                .collect(),
        };
        Ok((layout, notes))
    }

    /// The columns that are read.
    pub(crate) fn columns(&self) -> Vec<usize> {
        let mut all = vec![self.name];
        all.extend(self.truth);
        all.extend(self.prediction);
        match &self.probabilities {
            ProbabilityColumns::None => {}
            ProbabilityColumns::List(i) => all.push(*i),
            ProbabilityColumns::Separate(columns) => all.extend(columns),
        }
        all
    }

    /// The same layout of rows that hold [`Self::columns`] alone.
    pub(crate) fn packed(&self) -> Self {
        let mut next = 0;
        let mut take = || {
            next += 1;
            next - 1
        };
        Self {
            labels: self.labels.clone(),
            words: self.words.clone(),
            name: take(),
            truth: self.truth.map(|_| take()),
            prediction: self.prediction.map(|_| take()),
            probabilities: match &self.probabilities {
                ProbabilityColumns::None => ProbabilityColumns::None,
                ProbabilityColumns::List(_) => ProbabilityColumns::List(take()),
                ProbabilityColumns::Separate(columns) => {
                    ProbabilityColumns::Separate(columns.iter().map(|_| take()).collect())
                }
            },
        }
    }
}

/// Says which columns may be probabilities of classes that are not read, so that none is ignored without a word.
fn unused(path: &Path, header: &[String]) -> Option<String> {
    let words = ["prob", "score", "logit", "softmax", "conf"];
    let alike: Vec<&str> = header
        .iter()
        .map(String::as_str)
        .filter(|name| {
            words
                .iter()
                .any(|word| name.to_lowercase().starts_with(word))
        })
        .collect();
    let first = alike.first()?;
    Some(format!(
        "{}: not read, for their names are not p1..pK: {}; --column p1={first} takes {first} for the probability of the first class",
        path.display(),
        alike.join(", ")
    ))
}
