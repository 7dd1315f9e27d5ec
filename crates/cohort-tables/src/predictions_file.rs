//! The file format of [`Predictions`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use csv::StringRecord;

use crate::csv_input::CsvInput;
use crate::labels::NAME_COLUMNS;
use crate::parquet_io;
use crate::predictions::{Predictions, first_largest};
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
    Separate(Vec<usize>),
}

impl Layout {
    fn of(path: &Path, header: &[String]) -> Result<Self, TableError> {
        let position = |name: &str| header.iter().position(|column| column == name);
        let missing =
            |what: &str| TableError::file(path, what, format!("columns {}", header.join(", ")));
        let name = NAME_COLUMNS
            .iter()
            .find_map(|name| position(name))
            .ok_or_else(|| missing("a column VideoName (or clip, or id)"))?;
        let mut numbered: Vec<(u32, usize)> = header
            .iter()
            .enumerate()
            .filter_map(|(i, column)| Some((column.strip_prefix('p')?.parse().ok()?, i)))
            .collect();
        numbered.sort_unstable();
        if let Some(&(first, _)) = numbered.first() {
            let gap = numbered
                .iter()
                .zip(first..)
                .find(|&(&(number, _), expected)| number != expected);
            if first > 1 || gap.is_some() {
                return Err(missing("probability columns p1..pK without a gap"));
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
        if prediction.is_none() && matches!(probabilities, ProbabilityColumns::None) {
            return Err(missing("a column prediction, or probabilities"));
        }
        Ok(Self {
            name,
            truth: position("ground_truth"),
            prediction,
            probabilities,
        })
    }
}

pub(crate) fn read(path: &Path, classes: Option<&[String]>) -> Result<Predictions, TableError> {
    let raw = if parquet_io::is_parquet(path) {
        read_parquet_rows(path)?
    } else {
        read_csv_rows(path)?
    };
    finish(path, raw, classes)
}

fn read_csv_rows(path: &Path) -> Result<Raw, TableError> {
    let mut input = CsvInput::open(path)?;
    let layout = Layout::of(path, &input.header)?;
    let mut raw = Raw::new(&layout);
    let last = input.header.len() - 1;
    // the reference's files have the list as the last column and do not quote it
    input.open_ended = matches!(layout.probabilities, ProbabilityColumns::List(i) if i == last);
    let mut record = StringRecord::new();
    while let Some(line) = input.next(&mut record)? {
        let tail: String;
        let mut fields: Vec<&str> = record.iter().collect();
        if fields.len() > last + 1 {
            tail = fields[last..].join(" ");
            fields.truncate(last);
            fields.push(&tail);
        }
        raw.push(path, line, &layout, |i| fields[i])?;
    }
    Ok(raw)
}

fn read_parquet_rows(path: &Path) -> Result<Raw, TableError> {
    let (header, columns) = parquet_io::read_text_columns(path)?;
    let layout = Layout::of(path, &header)?;
    let mut raw = Raw::new(&layout);
    let rows = columns.first().map_or(0, Vec::len);
    (0..rows).try_for_each(|row| {
        raw.push(path, row as u64 + 1, &layout, |i| columns[i][row].as_str())
    })?;
    Ok(raw)
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
                        if text.is_empty() {
                            "an empty field".to_string()
                        } else {
                            text.to_string()
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
        read(&path, classes).map_err(|error| {
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
