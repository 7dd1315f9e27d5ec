//! The file format of [`Predictions`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::columns::{self, WANTED};
use crate::dialect::Number;
use crate::format::{Read, ReadOptions};
use crate::labels::name_column;
use crate::parquet_io;
use crate::predictions::{Predictions, first_largest};
use crate::text_table::Source;
use crate::{TableError, write_atomic_with};

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
        if let Some(&number) = self.numbers.get(code) {
            return number;
        }
        let number = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        self.numbers.insert(code.to_string(), number);
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

/// `3.0`, as pandas writes integers beside missing values, is code `3`.
fn canonical(code: &str) -> &str {
    match code.split_once('.') {
        Some((whole, zeros))
            if !zeros.is_empty()
                && zeros.bytes().all(|b| b == b'0')
                && whole.parse::<i64>().is_ok() =>
        {
            whole
        }
        _ => code,
    }
}

/// Where the fields of a row are.
struct Layout {
    name: usize,
    truth: Option<usize>,
    prediction: Option<usize>,
    probabilities: ProbabilityColumns,
}

enum ProbabilityColumns {
    None,
    List(usize),
    /// By number, lowest first: `p1..pK`, `proba_0..`.
    Separate(Vec<usize>),
}

/// What stands before the number of a class in the name of a probability column.
const PROBABILITY_PREFIXES: [&str; 8] = [
    "p",
    "p_",
    "prob",
    "prob_",
    "proba",
    "proba_",
    "probability",
    "probability_",
];

/// Columns `PREFIX`, number, by number; of several prefixes the one with the most columns.
fn numbered(header: &[String]) -> (&'static str, Vec<(u32, usize)>) {
    let of = |prefix: &str| {
        let mut columns: Vec<(u32, usize)> = header
            .iter()
            .enumerate()
            .filter_map(|(i, column)| {
                let number = column.to_lowercase();
                let number = number.strip_prefix(prefix)?;
                // `p_1`, not `p+1`
                number
                    .bytes()
                    .all(|byte| byte.is_ascii_digit())
                    .then_some(())?;
                Some((number.parse().ok()?, i))
            })
            .collect();
        columns.sort_unstable();
        columns
    };
    let mut best = ("p", Vec::new());
    for prefix in PROBABILITY_PREFIXES {
        let columns = of(prefix);
        if columns.len() > best.1.len() {
            best = (prefix, columns);
        }
    }
    best
}

impl Layout {
    /// The layout, and what is to be said of it.
    fn of(path: &Path, header: &[String]) -> Result<(Self, Vec<String>), TableError> {
        let position = |name: &str| columns::find(header, name);
        let missing = |what: &str, ours: &[&str]| columns::missing(path, what, ours, header);
        let name = name_column(path, header)?;
        let (prefix, numbered) = numbered(header);
        let mut notes = Vec::new();
        if let (Some(&(first, from)), Some(&(last, to))) = (numbered.first(), numbered.last()) {
            let gap = numbered
                .iter()
                .zip(first..)
                .find(|&(&(number, _), expected)| number != expected);
            if first > 1 || gap.is_some() {
                let what = match prefix {
                    "p" => "probability columns p1..pK without a gap".to_string(),
                    _ => format!("probability columns {prefix}0, {prefix}1.. without a gap"),
                };
                return Err(missing(&what, &[]));
            }
            if prefix != "p" {
                let (from, to) = (&header[from], &header[to]);
                notes.push(format!(
                    "{}: columns {from} to {to} are read as the probabilities of {} classes, in the order of their numbers",
                    path.display(),
                    last - first + 1
                ));
            }
        }
        let probabilities = match position("probabilities") {
            _ if !numbered.is_empty() => {
                ProbabilityColumns::Separate(numbered.into_iter().map(|(_, i)| i).collect())
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
        Ok((
            Self {
                name,
                truth,
                prediction,
                probabilities,
            },
            notes,
        ))
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

pub(crate) fn read(
    path: &Path,
    classes: Option<&[String]>,
    options: &ReadOptions,
) -> Result<Read<Predictions>, TableError> {
    let source = Source::open(path, options, &WANTED)?;
    let (layout, mut notes) = Layout::of(path, source.header())?;
    let packed = layout.packed();
    let mut raw = Raw::new(&layout);
    let (said, mapped) = source.rows(&layout.columns(), |row| match row {
        Ok((line, fields)) => raw.push(path, line, &packed, |i| fields[i].as_str()),
        Err(problem) => Err(problem.error(path)),
    })?;
    notes.splice(0..0, said);
    Ok(Read {
        table: finish(path, raw, classes)?,
        notes,
        mapped,
    })
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
        if name.is_empty() {
            return Err(TableError::row(path, line, "a clip name", "an empty field"));
        }
        self.names.push(name.to_string());
        if let (Some(i), Some(truth)) = (layout.truth, self.truth.as_mut()) {
            let code = field(i);
            truth.push(if code.is_empty() {
                self.no_truth.get_or_insert(line);
                NO_TRUTH
            } else {
                self.codes.number(code, line)
            });
        }
        if let (Some(i), Some(predicted)) = (layout.prediction, self.predicted.as_mut()) {
            let code = field(i);
            if code.is_empty() {
                return Err(TableError::row(
                    path,
                    line,
                    "a prediction",
                    "an empty field",
                ));
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

fn finish(path: &Path, raw: Raw, classes: Option<&[String]>) -> Result<Predictions, TableError> {
    let Raw {
        names,
        truth,
        predicted,
        probabilities,
        width,
        codes,
        no_truth,
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
    let classes = match classes {
        Some(classes) => classes.to_vec(),
        None => infer_classes(path, &codes, width)?,
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
        index[number as usize] = classes.iter().position(|class| canonical(class) == code);
    }
    if let Some((row, code)) = codes.first(|_, number| index[number as usize].is_none()) {
        let expected = format!("one of the classes {}", classes.join(", "));
        return Err(TableError::row(path, row, expected, format!("{code:?}")));
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
    Ok(Predictions {
        names,
        classes,
        truth,
        predicted,
        probabilities,
    })
}

/// Class codes of a file that does not come with a schema.
fn infer_classes(path: &Path, codes: &Codes, width: usize) -> Result<Vec<String>, TableError> {
    let found: Vec<&str> = codes.numbers.keys().map(String::as_str).collect();
    let whole: BTreeSet<i64> = found.iter().filter_map(|code| code.parse().ok()).collect();
    let outside = |low: i64, high: i64| {
        codes.first(|code, _| !code.parse().is_ok_and(|n: i64| (low..=high).contains(&n)))
    };
    let k = i64::try_from(width).unwrap_or(i64::MAX);
    if !found.iter().all(|code| code.parse::<i64>().is_ok()) {
        if width == 0 || width == found.len() {
            return Ok(found.iter().map(ToString::to_string).collect());
        }
        // one code too many: name its row where the others are whole numbers in their range
        if let Some((row, code)) = outside(0, k).filter(|_| !whole.is_empty()) {
            let expected = format!("a class code within 1..{width}, one a probability");
            return Err(TableError::row(path, row, expected, format!("{code:?}")));
        }
        return Err(TableError::file(
            path,
            format!("{width} classes, one a probability, or class codes 1..{width}"),
            format!("{} classes: {}", found.len(), found.join(", ")),
        ));
    }
    if width == 0 {
        return Ok(whole.iter().map(ToString::to_string).collect());
    }
    if outside(1, k).is_none() {
        return Ok((1..=k).map(|n| n.to_string()).collect());
    }
    if outside(0, k - 1).is_none() {
        return Ok((0..k).map(|n| n.to_string()).collect());
    }
    if whole.len() == width {
        return Ok(whole.iter().map(ToString::to_string).collect());
    }
    match outside(0, k) {
        Some((row, code)) => Err(TableError::row(
            path,
            row,
            format!("a class code within 1..{width}, one a probability"),
            code,
        )),
        None => Err(TableError::file(
            path,
            format!("class codes within 1..{width}, one a probability"),
            format!("codes 0 to {width}"),
        )),
    }
}

pub(crate) fn write(table: &Predictions, path: &Path) -> Result<(), TableError> {
    let k = table.classes.len();
    if parquet_io::is_parquet(path) {
        return parquet_io::write_predictions(table, path);
    }
    write_atomic_with(path, |file| {
        let mut writer = csv::Writer::from_writer(file);
        let mut header = vec![
            "VideoName".to_string(),
            "ground_truth".to_string(),
            "prediction".to_string(),
        ];
        if table.probabilities.is_some() {
            header.extend((1..=k).map(|i| format!("p{i}")));
        }
        writer.write_record(&header)?;
        for (i, name) in table.names.iter().enumerate() {
            writer.write_field(name)?;
            writer.write_field(match &table.truth {
                Some(truth) => table.classes[truth[i]].as_str(),
                None => "",
            })?;
            writer.write_field(&table.classes[table.predicted[i]])?;
            for p in table.row(i).unwrap_or_default() {
                writer.write_field(p.to_string())?;
            }
            writer.write_record(None::<&[u8]>)?;
        }
        writer.flush()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(content: &str, classes: Option<&[String]>) -> Result<Predictions, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.csv");
        std::fs::write(&path, content).unwrap();
        let read = read(&path, classes, &ReadOptions::default()).map(|read| read.table);
        read.map_err(|error| {
            error
                .to_string()
                .replace(&folder.path().display().to_string(), "DIR")
        })
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
