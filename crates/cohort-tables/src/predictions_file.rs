//! The file format of [`Predictions`].

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::arrow_table::ArrowTable;
use crate::class_columns::{Contradicted, Known, Resolved, Votes, positions};
use crate::class_order::{before_the_spreadsheet, sorted};
use crate::columns::WANTED;
use crate::dialect::Number;
use crate::format::{Read, ReadOptions};
use crate::nearest::did_you_mean;
use crate::predictions::{Predictions, first_largest};
use crate::predictions_layout::{Layout, ProbabilityColumns};
use crate::spelling::{code as canonical, is_missing, tidy};
use crate::text_table::Source;
use crate::{ClassColumns, TableError};

/// Room that rounding may take outside `[0, 1]`.
const ROUNDING: f64 = 1e-6;

/// Rows as they stand in the file, before codes become class indices.
#[derive(Default)]
struct Raw {
    names: Vec<String>,
    truth: Option<Vec<u32>>,
    predicted: Option<Vec<u32>>,
    probabilities: Option<Vec<f64>>,
    width: usize,
    codes: Codes,
    /// First row without ground truth, in a table with a column for it.
    no_truth: Option<u64>,
    /// Line of each row.
    lines: Vec<u64>,
}

/// Distinct codes, numbered as they come, so that a million rows do not hold a million strings.
#[derive(Default)]
struct Codes {
    numbers: BTreeMap<String, u32>,
    /// Row in which each number came first.
    rows: Vec<u64>,
}

impl Codes {
    fn number(&mut self, code: &str, row: u64) -> u32 {
        let code = canonical(code);
        if let Some(&number) = self.numbers.get(code.as_ref()) {
            return number;
        }
        let number = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        self.numbers.insert(code.into_owned(), number);
        self.rows.push(row);
        number
    }

    /// The first row with a code for which `bad` holds, and the code.
    fn first(&self, bad: impl Fn(&str, u32) -> bool) -> Option<(u64, &str)> {
        let all = self.numbers.iter();
        all.filter(|&(code, &number)| bad(code, number))
            .filter_map(|(code, &number)| Some((*self.rows.get(number as usize)?, code.as_str())))
            .min()
    }
}

/// Number of an empty ground truth field.
const NO_TRUTH: u32 = u32::MAX;

impl Predictions {
    /// Reads predictions from a table of text or Parquet; see [`crate::TextTable::read`].
    ///
    /// `classes` gives the class codes in order; without it they are those that occur, in the order of their numbers when
    /// all are numbers or ranges ([`crate::evident_order`]), else as text. With `K` probabilities a row and integer codes,
    /// the classes are `1..=K` (or `0..K` when 0 occurs, or when the predictions say so), so that a class that never
    /// occurs keeps its place. Codes are read by [`crate::code`]: `3.0` is `3`.
    /// A row without `prediction` column takes the most probable class (the first of equals). Which column is which
    /// class's is checked against `prediction`: where the expected order makes the most probable class another one in
    /// more than a tenth of the rows, and the columns in text order, or numbered from 0, do not, they are read so.
    ///
    /// # Errors
    /// [`TableError`] naming file, row, expected and found: missing columns, unknown codes, probabilities that are
    /// not numbers in `[0, 1]` or all 0, lists of unequal length, ground truth in some rows only, an empty table, columns
    /// of probabilities that the predictions contradict in most rows, whatever their order.
    pub fn read(path: &Path, classes: Option<&[String]>) -> Result<Self, TableError> {
        Ok(Self::read_with(path, classes, &ReadOptions::default())?
            .0
            .table)
    }

    /// As [`Predictions::read`], with what is said of the file's format and column names, and what was found of the columns
    /// of probabilities: which class each is of, and in how many rows the most probable class is not the prediction.
    ///
    /// # Errors
    /// Those of [`Predictions::read`].
    pub fn read_with(
        path: &Path,
        classes: Option<&[String]>,
        options: &ReadOptions,
    ) -> Result<(Read<Self>, ClassColumns), TableError> {
        read(path, Source::open(path, options, &WANTED)?, classes)
    }

    /// As [`Predictions::read_with`], of a table in memory.
    ///
    /// # Errors
    /// Those of [`Predictions::read`], by the table's name and 1-based row.
    pub fn from_arrow(
        table: &ArrowTable,
        classes: Option<&[String]>,
        options: &ReadOptions,
    ) -> Result<(Read<Self>, ClassColumns), TableError> {
        let source = Source::of_arrow(table, options, &WANTED)?;
        read(table.name(), source, classes)
    }
}

fn read(
    path: &Path,
    source: Source<'_>,
    classes: Option<&[String]>,
) -> Result<(Read<Predictions>, ClassColumns), TableError> {
    let (layout, mut notes) = Layout::of(path, source.header(), classes)?;
    let packed = layout.packed();
    let mut raw = Raw::new(&layout);
    let (said, mapped) = source.rows(&layout.columns(), |row| match row {
        Ok((line, fields)) => raw.push(path, line, &packed, |i| fields[i].as_str()),
        Err(problem) => Err(problem.error(path)),
    })?;
    notes.splice(0..0, said);
    let (table, columns) = finish(path, raw, &layout.labels, classes)?;
    let read = Read {
        table,
        notes,
        mapped,
    };
    Ok((read, columns))
}

impl Raw {
    fn new(layout: &Layout) -> Self {
        let has_probabilities = !matches!(layout.probabilities, ProbabilityColumns::None);
        Self {
            truth: layout.truth.map(|_| Vec::new()),
            predicted: layout.prediction.map(|_| Vec::new()),
            probabilities: has_probabilities.then(Vec::new),
            ..Self::default()
        }
    }

    fn push<'r>(
        &mut self,
        path: &Path,
        line: u64,
        layout: &Layout,
        field: impl Fn(usize) -> &'r str,
    ) -> Result<(), TableError> {
        let name = field(layout.name);
        if tidy(name).is_empty() {
            return Err(TableError::row(path, line, "a clip name", "an empty field"));
        }
        self.names.push(name.to_string());
        self.lines.push(line);
        let none =
            |code: &str| is_missing(code) && !layout.words.iter().any(|word| *word == tidy(code));
        if let (Some(i), Some(truth)) = (layout.truth, self.truth.as_mut()) {
            let code = field(i);
            truth.push(if none(code) {
                self.no_truth.get_or_insert(line);
                NO_TRUTH
            } else {
                self.codes.number(code, line)
            });
        }
        if let (Some(i), Some(predicted)) = (layout.prediction, self.predicted.as_mut()) {
            let code = field(i);
            if none(code) {
                let found = if code.is_empty() {
                    "an empty field".into()
                } else {
                    format!("{code:?}")
                };
                return Err(TableError::row(path, line, "a prediction", found));
            }
            predicted.push(self.codes.number(code, line));
        }
        if let Some(values) = self.probabilities.as_mut() {
            let before = values.len();
            let mut add = |text: &str| {
                let value: f64 = text.parse().unwrap_or(f64::NAN);
                if !(-ROUNDING..=1.0 + ROUNDING).contains(&value) {
                    return Err(TableError::row(
                        path,
                        line,
                        "a probability in [0, 1]",
                        match Number::of(text) {
                            _ if text.is_empty() => "an empty field".to_string(),
                            Number::Comma => {
                                format!("{text} (a decimal comma? --decimal , reads it)")
                            }
                            _ => text.to_string(),
                        },
                    ));
                }
                values.push(value.clamp(0.0, 1.0));
                Ok(())
            };
            match &layout.probabilities {
                ProbabilityColumns::Separate(columns) => {
                    columns.iter().try_for_each(|&i| add(field(i)))?;
                }
                ProbabilityColumns::List(i) => {
                    let list = field(*i).trim();
                    let inner = list
                        .strip_prefix('[')
                        .and_then(|rest| rest.strip_suffix(']'));
                    let inner = inner.ok_or_else(|| {
                        TableError::row(
                            path,
                            line,
                            "a list of probabilities in brackets",
                            format!("{list:?}"),
                        )
                    })?;
                    // numpy prints lists without commas
                    inner
                        .split([',', ' ', '\t', '\n', '\r'])
                        .filter(|part| !part.is_empty())
                        .try_for_each(&mut add)?;
                }
                ProbabilityColumns::None => {}
            }
            if values.len() > before && values[before..].iter().all(|&p| p == 0.0) {
                let expected = "probabilities of which one at least is above 0";
                return Err(TableError::row(path, line, expected, "zeros only"));
            }
            let width = values.len() - before;
            if self.width == 0 {
                self.width = width;
            }
            if width != self.width || width == 0 {
                return Err(TableError::row(
                    path,
                    line,
                    format!("{} probabilities as in the first row", self.width.max(1)),
                    width.to_string(),
                ));
            }
        }
        Ok(())
    }
}

fn finish(
    path: &Path,
    raw: Raw,
    labels: &[String],
    stated: Option<&[String]>,
) -> Result<(Predictions, ClassColumns), TableError> {
    let Raw {
        names,
        truth,
        predicted,
        mut probabilities,
        width,
        codes,
        no_truth,
        lines,
    } = raw;
    if names.is_empty() {
        return Err(TableError::file(
            path,
            "at least one row",
            "a header without rows",
        ));
    }
    let truth = match truth {
        Some(truth) if truth.iter().all(|&code| code == NO_TRUTH) => None,
        Some(truth) => {
            if let Some(row) = no_truth {
                return Err(TableError::row(
                    path,
                    row,
                    "a ground truth in every row or in none",
                    "an empty field",
                ));
            }
            Some(truth)
        }
        None => None,
    };
    let found: Vec<&str> = codes.numbers.keys().map(String::as_str).collect();
    let known = Known {
        stated,
        labels,
        codes: &found,
        width,
    };
    let votes = match (&predicted, &probabilities) {
        (Some(predicted), Some(values)) => {
            Some(Votes::new(predicted, codes.numbers.len(), values, width))
        }
        _ => None,
    };
    let number = |class: &str| codes.numbers.get(class).copied();
    let resolved = match &probabilities {
        Some(_) => known.resolve(votes.as_ref(), number).map_err(|wrong| {
            contradicted(
                path,
                &wrong,
                &codes,
                predicted.as_deref(),
                probabilities.as_deref(),
                &lines,
            )
        })?,
        None => None,
    };
    let (classes, columns) = match (resolved, stated) {
        (Some(Resolved { classes, columns }), _) => (classes, columns),
        (None, Some(stated)) => (stated.to_vec(), ClassColumns::default()),
        (None, None) if width == 0 => (sorted(&found), ClassColumns::default()),
        (None, None) => return Err(unfit(path, &codes, width, labels)),
    };
    if width > 0 && width != classes.len() {
        return Err(TableError::file(
            path,
            format!(
                "{} probabilities a row, one a class ({})",
                classes.len(),
                classes.join(", ")
            ),
            width.to_string(),
        ));
    }
    let mut index = vec![None; codes.numbers.len()];
    for (code, &number) in &codes.numbers {
        index[number as usize] = classes
            .iter()
            .position(|class| canonical(class) == code.as_str());
    }
    if let Some((row, code)) = codes.first(|_, number| index[number as usize].is_none()) {
        let expected = format!("one of the classes {}", classes.join(", "));
        let near = did_you_mean(code, classes.iter().map(String::as_str));
        return Err(TableError::row(path, row, expected, quoted(code) + &near));
    }
    if let Some(values) = probabilities
        .as_mut()
        .filter(|_| !columns.columns.is_empty())
    {
        put_in_order(values, &columns.columns, &classes);
    }
    // every number has an index now
    let resolve = |numbers: Vec<u32>| -> Vec<usize> {
        let indexed = numbers.iter().map(|&number| index[number as usize]);
        indexed.map(Option::unwrap_or_default).collect()
    };
    let truth = truth.map(resolve);
    let predicted = match predicted {
        Some(predicted) => resolve(predicted),
        None => match &probabilities {
            Some(values) => values.chunks_exact(width).map(first_largest).collect(),
            None => Vec::new(),
        },
    };
    let table = Predictions {
        names,
        classes,
        truth,
        predicted,
        probabilities,
    };
    Ok((table, columns))
}

/// Moves the values of each row from the order of the columns into that of the classes.
fn put_in_order(values: &mut [f64], columns: &[String], classes: &[String]) {
    let from: Vec<usize> = classes
        .iter()
        .map(|class| {
            let place = columns
                .iter()
                .position(|column| *column == canonical(class));
            place.expect("the columns are the classes in some order")
        })
        .collect();
    if from.is_sorted() {
        return;
    }
    let mut row_before = vec![0.0; from.len()];
    for row in values.chunks_exact_mut(from.len()) {
        row_before.copy_from_slice(row);
        for (value, &from) in row.iter_mut().zip(&from) {
            *value = row_before[from];
        }
    }
}

/// A code in quotes, with what it was before a spreadsheet took it for a date.
fn quoted(code: &str) -> String {
    match before_the_spreadsheet(code) {
        Some(range) => format!("{code:?} (a spreadsheet's date for {range}?)"),
        None => format!("{code:?}"),
    }
}

/// The error for probabilities whose columns the predictions contradict in every order.
fn contradicted(
    path: &Path,
    wrong: &Contradicted,
    codes: &Codes,
    predicted: Option<&[u32]>,
    probabilities: Option<&[f64]>,
    lines: &[u64],
) -> TableError {
    let width = wrong.columns.len();
    let rows = predicted
        .unwrap_or_default()
        .iter()
        .zip(probabilities.unwrap_or_default().chunks_exact(width));
    let first = rows.enumerate().find_map(|(row, (number, p))| {
        let class = &wrong.columns[first_largest(p)];
        let predicted = codes.numbers.iter().find(|(_, n)| *n == number)?.0;
        (class != predicted).then(|| {
            (
                lines[row],
                format!("class {class} in a row with prediction {predicted}"),
            )
        })
    });
    let (line, found) = first.unwrap_or((1, "another class".into()));
    TableError::row(
        path,
        line,
        format!(
            "the most probable class to be the prediction, with columns in the order {}",
            wrong.columns.join(", ")
        ),
        format!(
            "{found}; {} of {} rows agree, and no other order of the columns fits. Name each column by its class (p_CLASS), or leave out the column prediction to take the most probable class",
            wrong.agreeing, wrong.rows
        ),
    )
}

/// The error for codes that the columns of probabilities cannot be the classes of.
fn unfit(path: &Path, codes: &Codes, width: usize, labels: &[String]) -> TableError {
    let found: Vec<&str> = codes.numbers.keys().map(String::as_str).collect();
    let listed = |codes: &[&str]| -> String {
        let codes: Vec<Cow<'_, str>> = codes
            .iter()
            .map(|code| match before_the_spreadsheet(code) {
                Some(_) => Cow::Owned(quoted(code)),
                None => Cow::Borrowed(*code),
            })
            .collect();
        codes.join(", ")
    };
    if !labels.is_empty() && !positions(labels) {
        let names: BTreeSet<Cow<'_, str>> = labels.iter().map(|label| canonical(label)).collect();
        return match codes.first(|code, _| !names.contains(code)) {
            Some((row, code)) => {
                let expected = format!(
                    "a class that has a column of probabilities ({})",
                    labels.join(", ")
                );
                TableError::row(path, row, expected, quoted(code))
            }
            None => TableError::file(
                path,
                "one column of probabilities a class",
                format!("columns for {}", labels.join(", ")),
            ),
        };
    }
    let whole: BTreeSet<i64> = found.iter().filter_map(|code| code.parse().ok()).collect();
    let outside = |low: i64, high: i64| {
        codes.first(|code, _| !code.parse().is_ok_and(|n: i64| (low..=high).contains(&n)))
    };
    let k = i64::try_from(width).unwrap_or(i64::MAX);
    if whole.len() < found.len() {
        // one code too many: name its row where the others are whole numbers in their range
        if let Some((row, code)) = outside(0, k).filter(|_| !whole.is_empty()) {
            let expected = format!("a class code within 1..{width}, one a probability");
            return TableError::row(path, row, expected, quoted(code));
        }
        return TableError::file(
            path,
            format!("{width} classes, one a probability, or class codes 1..{width}"),
            format!("{} classes: {}", found.len(), listed(&found)),
        );
    }
    match outside(0, k) {
        Some((row, code)) => TableError::row(
            path,
            row,
            format!("a class code within 1..{width}, one a probability"),
            code,
        ),
        None => TableError::file(
            path,
            format!("class codes within 1..{width}, one a probability"),
            format!("codes 0 to {width}"),
        ),
    }
}
