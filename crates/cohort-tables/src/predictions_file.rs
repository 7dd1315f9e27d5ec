//! The file format of [`Predictions`].

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::class_columns::{Contradicted, Known, Resolved, Votes, named_columns, positions};
use crate::class_order::{before_the_spreadsheet, sorted};
use crate::columns::{self, WANTED};
use crate::dialect::Number;
use crate::format::{Read, ReadOptions};
use crate::labels::name_column;
use crate::predictions::{Predictions, first_largest};
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

/// Where the fields of a row are.
struct Layout {
    name: usize,
    truth: Option<usize>,
    prediction: Option<usize>,
    probabilities: ProbabilityColumns,
    /// What the names of separate columns say of their classes.
    labels: Vec<String>,
    /// Stated classes that would else be words for a missing value.
    words: Vec<String>,
}

enum ProbabilityColumns {
    None,
    List(usize),
    /// By number, lowest first: `p1..pK`, `proba_0..`.
    Separate(Vec<usize>),
}

impl Layout {
    /// The layout, and what is to be said of it; `stated` are the classes where somebody stated them.
    fn of(
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
    fn columns(&self) -> Vec<usize> {
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
    fn packed(&self) -> Self {
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
        read(path, classes, options)
    }
}

fn read(
    path: &Path,
    classes: Option<&[String]>,
    options: &ReadOptions,
) -> Result<(Read<Predictions>, ClassColumns), TableError> {
    let source = Source::open(path, options, &WANTED)?;
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
        return Err(TableError::row(path, row, expected, quoted(code)));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(content: &str, classes: Option<&[String]>) -> Result<Predictions, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.csv");
        std::fs::write(&path, content).unwrap();
        let read = read(&path, classes, &ReadOptions::default()).map(|(read, _)| read.table);
        read.map_err(|error| {
            error
                .to_string()
                .replace(&folder.path().display().to_string(), "DIR")
        })
    }

    #[test]
    fn what_rounding_put_beyond_0_and_1_is_put_back() {
        let table = parse(
            "VideoName,prediction,p1,p2\na.mp4,1,1.0000004,-0.0000004\nb.mp4,2,0.25,0.75\n",
            None,
        );
        let p = table.unwrap().probabilities.unwrap();
        assert_eq!(p, [1.0, 0.0, 0.25, 0.75]);
        let beyond = parse("VideoName,prediction,p1,p2\na.mp4,1,1.001,-0.001\n", None);
        assert!(beyond.unwrap_err().contains("a probability in [0, 1]"));
    }

    #[test]
    fn reads_the_list_form_and_the_column_form_alike() {
        let list = parse(
            "VideoName,ground_truth,prediction,probabilities\na.mp4,1,3,\"[0.25, 0.25, 0.5]\"\nb.mp4,3,1,[.5, .25, .25]\nc.mp4,3,1,[.5 .25 .25]\n",
            None,
        )
        .unwrap();
        let columns = parse(
            "VideoName,ground_truth,prediction,p1,p2,p3\na.mp4,1,3,0.25,0.25,0.5\nb.mp4,3,1,.5,.25,.25\nc.mp4,3,1,.5,.25,.25\n",
            None,
        )
        .unwrap();
        assert_eq!(list, columns);
        // class 2 never occurs and keeps its place
        assert_eq!(list.classes, ["1", "2", "3"]);
        assert_eq!(list.truth, Some(vec![0, 2, 2]));
        assert_eq!(list.predicted, [2, 0, 0]);
        assert_eq!(list.row(1).unwrap(), [0.5, 0.25, 0.25]);
    }

    #[test]
    fn classes_are_in_numerical_order_and_pandas_integers_are_codes() {
        let table = parse(
            "VideoName,ground_truth,prediction\na,10,9.0\nb,9,10.00\n",
            None,
        )
        .unwrap();
        assert_eq!(table.classes, ["9", "10"]);
        assert_eq!(table.predicted, [0, 1]);
        let named = parse("VideoName,ground_truth,prediction\na,cat,dog\n", None).unwrap();
        assert_eq!(named.classes, ["cat", "dog"]);
        let zero = parse("VideoName,prediction,p0,p1,p2\na,0,1,0,0\n", None).unwrap();
        assert_eq!(
            (zero.classes.len(), zero.classes[0].as_str(), zero.truth),
            (3, "0", None)
        );
    }

    #[test]
    fn the_most_probable_class_is_the_prediction_where_none_is_given() {
        let table = parse(
            "VideoName,ground_truth,p1,p2,p3\na,1,.2,.4,.4\nb,2,1,0,0\n",
            None,
        )
        .unwrap();
        assert_eq!(table.predicted, [1, 0]);
    }

    #[test]
    fn bad_files_give_errors_that_name_row_expected_and_found() {
        let seven: Vec<String> = (1..=7).map(|i| i.to_string()).collect();
        let cases: [(&str, Option<&[String]>, &str); 14] = [
            (
                "VideoName,ground_truth,prediction\n",
                None,
                "DIR/p.csv: expected at least one row, found a header without rows",
            ),
            (
                "VideoName,ground_truth\na,1\n",
                None,
                "DIR/p.csv: expected a column prediction, or probabilities, found columns VideoName, ground_truth",
            ),
            (
                "VideoName,ground_truth,prediction\na,1,9\n",
                Some(&seven),
                "DIR/p.csv: row 2: expected one of the classes 1, 2, 3, 4, 5, 6, 7, found \"9\"",
            ),
            (
                "VideoName,ground_truth,prediction,p1,p2\na,1,1,nan,1\n",
                None,
                "DIR/p.csv: row 2: expected a probability in [0, 1], found nan",
            ),
            (
                "VideoName,ground_truth,prediction,p1,p2\na,1,1,1.5,0\n",
                None,
                "DIR/p.csv: row 2: expected a probability in [0, 1], found 1.5",
            ),
            (
                "VideoName,ground_truth,prediction,probabilities\na,1,1,\"[1, 0]\"\nb,1,1,[1]\n",
                None,
                "DIR/p.csv: row 3: expected 2 probabilities as in the first row, found 1",
            ),
            (
                "VideoName,ground_truth,prediction,p1,p3\na,1,1,1,0\n",
                None,
                "DIR/p.csv: expected probability columns p1..pK without a gap, found columns VideoName, ground_truth, prediction, p1, p3",
            ),
            (
                "VideoName,ground_truth,prediction\na,1,1\nb,,1\n",
                None,
                "DIR/p.csv: row 3: expected a ground truth in every row or in none, found an empty field",
            ),
            (
                "VideoName,ground_truth,prediction,p1,p2\na,5,1,1,0\nb,9,1,1,0\n",
                None,
                "DIR/p.csv: row 2: expected a class code within 1..2, one a probability, found 5",
            ),
            (
                "VideoName,ground_truth,prediction,p1,p2\na,0,1,1,0\nb,2,1,1,0\n",
                None,
                "DIR/p.csv: expected class codes within 1..2, one a probability, found codes 0 to 2",
            ),
            (
                "VideoName,ground_truth,prediction,p1,p2\n\na,1,2,1,0\n\nb,x,1,1,0\n",
                None,
                "DIR/p.csv: row 5: expected a class code within 1..2, one a probability, found \"x\"",
            ),
            (
                "VideoName,ground_truth,prediction,p1,p2\na,x,y,1,0\nb,z,x,1,0\n",
                None,
                "DIR/p.csv: expected 2 classes, one a probability, or class codes 1..2, found 3 classes: x, y, z",
            ),
            (
                "VideoName,ground_truth,prediction\na,1,1\n\nb,2,8\n",
                Some(&seven),
                "DIR/p.csv: row 4: expected one of the classes 1, 2, 3, 4, 5, 6, 7, found \"8\"",
            ),
            (
                "VideoName,ground_truth,prediction\n\na,1,1\nb,,1\n",
                None,
                "DIR/p.csv: row 4: expected a ground truth in every row or in none, found an empty field",
            ),
        ];
        for (content, classes, expected) in cases {
            assert_eq!(parse(content, classes).unwrap_err(), expected);
        }
    }

    /// A table of `classes` predicted in turn, thrice each, with probability .6 for the prediction and the rest shared
    /// evenly; `columns` is the order of the classes in the file, `header` names its columns.
    fn table_of(classes: &[&str], columns: &[&str], header: &[String]) -> String {
        let mut text = format!("VideoName,ground_truth,prediction,{}\n", header.join(","));
        let rest = 0.4 / (columns.len() - 1) as f64;
        for (i, class) in classes.iter().cycle().take(3 * classes.len()).enumerate() {
            let row: Vec<String> = columns
                .iter()
                .map(|column| {
                    if column == class {
                        "0.6".into()
                    } else {
                        rest.to_string()
                    }
                })
                .collect();
            text += &format!("c{i},{class},{class},{}\n", row.join(","));
        }
        text
    }

    fn numbered(k: usize) -> Vec<String> {
        (1..=k).map(|i| format!("p{i}")).collect()
    }

    /// The probability that each row gives its prediction.
    fn confidences(table: &Predictions) -> Vec<f64> {
        (0..table.len())
            .map(|i| table.row(i).unwrap()[table.predicted[i]])
            .collect()
    }

    fn told(content: &str, classes: Option<&[String]>) -> (Predictions, ClassColumns) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.csv");
        std::fs::write(&path, content).unwrap();
        let (read, columns) = read(&path, classes, &ReadOptions::default()).unwrap();
        (read.table, columns)
    }

    #[test]
    fn columns_in_text_order_or_numbered_from_zero_are_put_right_by_the_predictions() {
        let twelve: Vec<String> = (1..=12).map(|i| i.to_string()).collect();
        let by_number: Vec<&str> = twelve.iter().map(String::as_str).collect();
        let mut by_text = by_number.clone();
        by_text.sort_unstable();
        let ages = ["0-2", "3-9", "10-19", "20-29", "more than 70"];
        let mut ages_by_text = ages;
        ages_by_text.sort_unstable();
        let zero: Vec<String> = (0..7).map(|i| i.to_string()).collect();
        let zero: Vec<&str> = zero.iter().map(String::as_str).collect();
        // predicted classes, order of the columns, classes that are read, whether another order was expected
        let cases: [(&[&str], &[&str], &[&str], bool); 7] = [
            (&by_number, &by_number, &by_number, false),
            (&by_number, &by_text, &by_number, true),
            (&by_number[..9], &by_text, &by_number, true),
            (&ages, &ages, &ages, false),
            (&ages, &ages_by_text, &ages, true),
            // class 0 never occurs
            (&zero[1..], &zero, &zero, true),
            (&zero, &zero, &zero, false),
        ];
        for (predicted, columns, classes, put_right) in cases {
            let content = table_of(predicted, columns, &numbered(columns.len()));
            let (table, found) = told(&content, None);
            assert_eq!(table.classes, classes, "{columns:?}");
            assert_eq!(found.put_right, put_right, "{columns:?}: {found:?}");
            assert!(confidences(&table).iter().all(|&p| p == 0.6), "{columns:?}");
            assert_eq!(found.columns, columns);
            assert_eq!(found.notes().len(), usize::from(put_right));
        }
        // a stated order of the classes is no statement on the columns
        let (table, found) = told(
            &table_of(&by_number, &by_text, &numbered(12)),
            Some(&twelve),
        );
        assert!(found.put_right && confidences(&table).iter().all(|&p| p == 0.6));
        assert_eq!(table.classes, twelve);
    }

    #[test]
    fn columns_that_name_their_class_are_matched_by_it() {
        let ages = ["3-9", "more than 70", "0-2", "10-19"];
        for prefix in ["p_", "proba_", "prob_", "probability_", "P_"] {
            let header: Vec<String> = ages.iter().map(|age| format!("{prefix}{age}")).collect();
            let (table, found) = told(&table_of(&ages, &ages, &header), None);
            assert_eq!(table.classes, ["0-2", "3-9", "10-19", "more than 70"]);
            assert!(confidences(&table).iter().all(|&p| p == 0.6), "{prefix}");
            assert!(!found.put_right);
        }
        // codes in another order than the columns, whose numbers are codes
        let codes = ["3", "5", "9"];
        let header = ["proba_9", "proba_3", "proba_5"].map(String::from);
        let (table, _) = told(&table_of(&codes, &["9", "3", "5"], &header), None);
        assert_eq!(table.classes, codes);
        assert!(confidences(&table).iter().all(|&p| p == 0.6));
        // numbers from 0 that are places
        let header = ["proba_0", "proba_1", "proba_2"].map(String::from);
        let (table, _) = told(&table_of(&codes, &codes, &header), None);
        assert!(confidences(&table).iter().all(|&p| p == 0.6));
        let error = parse("VideoName,prediction,p_a,p_b\nx,c,1,0\n", None).unwrap_err();
        assert_eq!(
            error,
            "DIR/p.csv: row 2: expected a class that has a column of probabilities (a, b), found \"c\""
        );
    }

    #[test]
    fn an_order_that_no_prediction_bears_out_is_refused_and_a_few_other_decisions_are_told() {
        let shifted = table_of(&["1", "2", "3"], &["3", "1", "2"], &numbered(3));
        let error = parse(&shifted, None).unwrap_err();
        assert!(
            error.starts_with("DIR/p.csv: row 2: expected the most probable class to be the prediction, with columns in the order 1, 2, 3, found class 2 in a row with prediction 1; 0 of 9 rows agree"),
            "{error}"
        );
        // a threshold of one's own: decisions that are not the most probable class in a minority of the rows
        let text = "VideoName,prediction,p1,p2\na,2,.6,.4\nb,2,.2,.8\nc,1,.9,.1\n";
        let (_, found) = told(text, None);
        assert_eq!(
            (found.put_right, found.disagreeing_rows, found.compared_rows),
            (false, 1, 3)
        );
        assert_eq!(
            parse("VideoName,prediction,p1,p2\na,2,.6,.4\nb,2,0,0\n", None).unwrap_err(),
            "DIR/p.csv: row 3: expected probabilities of which one at least is above 0, found zeros only"
        );
    }

    #[test]
    fn a_spreadsheets_dates_and_words_for_no_value_are_named() {
        let error = parse(
            "VideoName,ground_truth,prediction,p1,p2\na,09-Mar,3-9,1,0\nb,0-2,0-2,1,0\n",
            None,
        );
        assert_eq!(
            error.unwrap_err(),
            "DIR/p.csv: expected 2 classes, one a probability, or class codes 1..2, found 3 classes: 0-2, \"09-Mar\" (a spreadsheet's date for 3-9?), 3-9"
        );
        let error = parse(
            "VideoName,ground_truth,prediction\na,1,1\nb,2.0,nan\n",
            None,
        );
        assert_eq!(
            error.unwrap_err(),
            "DIR/p.csv: row 3: expected a prediction, found \"nan\""
        );
        let (table, _) = told(
            "VideoName,ground_truth,prediction\na,nan,1\nb,<NA>,2.0\n",
            None,
        );
        assert_eq!(
            (table.truth, table.classes),
            (None, vec!["1".to_string(), "2".into()])
        );
        // a class may be called so by its schema
        let classes = ["None".to_string(), "some".into()];
        let (table, _) = told(
            "VideoName,ground_truth,prediction\na,None,some\n",
            Some(&classes),
        );
        assert_eq!(table.truth, Some(vec![0]));
        let (table, _) = told(
            "VideoName,ground_truth,prediction\na,09-Mar,3-9\nb,0-2,0-2\n",
            None,
        );
        assert_eq!(
            table.one_sided_classes(),
            [vec![("09-Mar".into(), 1)], vec![("3-9".into(), 1)]]
        );
    }

    #[test]
    fn what_is_written_is_read_back_in_both_formats() {
        let folder = tempfile::tempdir().unwrap();
        let classes: Vec<String> = (1..=3).map(|i| i.to_string()).collect();
        let logits = [0.1f32, -2.0, 0.7, 3.0, 1e-8, -1.5];
        let names = vec!["-a.000.mp4".to_string(), "b, \"c\".mp4".into()];
        let table = Predictions::from_logits(names, classes.clone(), Some(vec![2, 0]), &logits);
        for (file, with_classes) in [("p.csv", None), ("p.parquet", Some(classes.as_slice()))] {
            let path = folder.path().join(file);
            table.write(&path).unwrap();
            assert_eq!(
                Predictions::read(&path, with_classes).unwrap(),
                table,
                "{file}"
            );
        }
    }

    #[test]
    fn the_published_prediction_files_are_read() {
        let shared = std::env::var_os("COHORT_SHARED").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
            std::path::PathBuf::from,
        );
        let folder = shared.join("data/first-impressions/predictions");
        if !folder.is_dir() {
            println!("skipped: {} is not there", folder.display());
            return;
        }
        let table = Predictions::read(&folder.join("image_with_probabilities.csv"), None).unwrap();
        assert_eq!((table.len(), table.classes.len()), (1975, 7));
        let correct = |table: &Predictions| {
            let truth = table.truth.as_ref().unwrap();
            table
                .predicted
                .iter()
                .zip(truth)
                .filter(|(p, t)| p == t)
                .count() as f64
                / table.len() as f64
        };
        let fused = Predictions::read(&folder.join("multimodal.csv"), None).unwrap();
        assert_eq!(format!("{:.4}", correct(&fused)), "0.4218");
    }
}
