//! Which column of probabilities belongs to which class: checked against the predictions, never believed.
//!
//! Columns are numbered from 1 or from 0, in the order of the classes' numbers or of their text (`1, 10, 11, 12, 2, ...`, as
//! scikit-learn orders classes that are strings), or named by their class. The most probable class of a row is nearly always
//! its prediction, so a wrong order shows.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::class_order::{evident_order, sorted};
use crate::spelling::code;

/// Share of rows whose most probable class must be the prediction for another order of the columns to be taken.
const SURE: f64 = 0.9;
/// Share of rows below which the order that is expected is not believed.
const LIKELY: f64 = 0.5;

/// What was found of the columns of probabilities.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ClassColumns {
    /// Class of each column, in the order of the file.
    pub columns: Vec<String>,
    /// Why: `numbers`, `names`, `stated`, `text order`, `codes from 0`, `codes from 1`, ...
    pub by: String,
    /// Whether this is another order than the one that is expected, taken because the predictions say so.
    pub put_right: bool,
    /// Rows whose most probable class is not their prediction.
    pub disagreeing_rows: usize,
    /// Rows compared; 0 without predictions.
    pub compared_rows: usize,
}

impl ClassColumns {
    /// What to tell, a sentence each.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.put_right {
            notes.push(format!(
                "probabilities: the columns were read as the classes {} ({}), since in {} of {} rows that makes the most probable class the prediction",
                self.columns.join(", "),
                self.by,
                self.compared_rows - self.disagreeing_rows,
                self.compared_rows
            ));
        } else if self.disagreeing_rows > 0 {
            notes.push(format!(
                "probabilities: in {} of {} rows the most probable class is not the prediction",
                self.disagreeing_rows, self.compared_rows
            ));
        }
        notes
    }
}

/// How often each code was predicted where each column was the largest (all of equals).
pub(crate) struct Votes {
    counts: Vec<usize>,
    width: usize,
    rows: usize,
}

impl Votes {
    /// `predicted` numbers the codes, below `codes`.
    pub(crate) fn new(
        predicted: &[u32],
        codes: usize,
        probabilities: &[f64],
        width: usize,
    ) -> Self {
        let mut counts = vec![0; codes * width];
        for (&number, row) in predicted.iter().zip(probabilities.chunks_exact(width)) {
            let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            for (column, _) in row.iter().enumerate().filter(|&(_, &p)| p >= largest) {
                counts[number as usize * width + column] += 1;
            }
        }
        Self {
            counts,
            width,
            rows: predicted.len(),
        }
    }

    /// Rows whose prediction is the class of a largest column; `number` gives a class's number.
    fn agreeing(&self, columns: &[String], number: &impl Fn(&str) -> Option<u32>) -> usize {
        let of = |(column, class): (usize, &String)| {
            number(class).map_or(0, |number| {
                self.counts[number as usize * self.width + column]
            })
        };
        columns.iter().enumerate().map(of).sum()
    }
}

/// An order that the columns may have.
struct Candidate {
    by: &'static str,
    columns: Vec<String>,
}

/// Classes in their order, and the class of each column.
pub(crate) struct Resolved {
    pub(crate) classes: Vec<String>,
    pub(crate) columns: ClassColumns,
}

/// What is known of the columns before the rows are asked.
pub(crate) struct Known<'a> {
    /// Classes in order, where somebody stated them.
    pub(crate) stated: Option<&'a [String]>,
    /// What stands behind the columns' common prefix: `1` of `p1`, `0-2` of `p_0-2`; empty for a list.
    pub(crate) labels: &'a [String],
    /// Codes that occur as truth or prediction.
    pub(crate) codes: &'a [&'a str],
    /// Columns.
    pub(crate) width: usize,
}

impl Known<'_> {
    /// The order that is expected, then others that are possible. Empty when the columns cannot be the classes.
    fn candidates(&self) -> Vec<Candidate> {
        let mut all: Vec<Candidate> = Vec::new();
        let mut add = |by, columns: Vec<String>| {
            let sound = {
                let distinct: BTreeSet<&str> = columns.iter().map(String::as_str).collect();
                let covers = self.codes.iter().all(|code| distinct.contains(code));
                columns.len() == self.width && distinct.len() == self.width && covers
            };
            if sound && all.iter().all(|have| have.columns != columns) {
                all.push(Candidate { by, columns });
            }
        };
        let labels: Vec<String> = self
            .labels
            .iter()
            .map(|label| code(label).into_owned())
            .collect();
        let counted = |from: i64| -> Vec<String> {
            (from..).take(self.width).map(|n| n.to_string()).collect()
        };
        let as_text = |classes: &[String]| {
            let mut text = classes.to_vec();
            text.sort_unstable();
            text
        };
        if let Some(stated) = self.stated {
            let stated: Vec<String> = stated
                .iter()
                .map(|class| code(class).into_owned())
                .collect();
            if same_set(&labels, &stated) && !positions(&labels) {
                add("names", labels);
            }
            add("stated", stated.clone());
            add("text order", as_text(&stated));
            add("order of the numbers", sorted(&stated));
            return all;
        }
        if !labels.is_empty() && !positions(&labels) {
            add("names", labels);
            return all;
        }
        let from_zero = labels.first().is_some_and(|label| label == "0");
        let (first, second) = if from_zero {
            ((0, "codes from 0"), (1, "codes from 1"))
        } else {
            ((1, "codes from 1"), (0, "codes from 0"))
        };
        for (from, by) in [first, second] {
            add(by, counted(from));
        }
        let codes = sorted(self.codes);
        add("order of the codes", codes.clone());
        for (from, _) in [first, second] {
            add("text order", as_text(&counted(from)));
        }
        add("text order", as_text(&codes));
        all
    }

    /// Finds the classes and the class of each column. `Ok(None)`: the columns cannot be the classes that occur.
    ///
    /// The error is an order that the predictions contradict, where no other fits either: the rows that agree with it.
    pub(crate) fn resolve(
        &self,
        votes: Option<&Votes>,
        number: impl Fn(&str) -> Option<u32>,
    ) -> Result<Option<Resolved>, Contradicted> {
        let candidates = self.candidates();
        let Some(expected) = candidates.first() else {
            return Ok(None);
        };
        let rows = votes.map_or(0, |votes| votes.rows);
        let agreeing = |candidate: &Candidate| {
            votes.map_or(0, |votes| votes.agreeing(&candidate.columns, &number))
        };
        let mut taken = (expected, agreeing(expected));
        let share = |agree: usize| agree as f64 / rows.max(1) as f64;
        let mut put_right = false;
        if rows > 0 && share(taken.1) < SURE && expected.by != "names" {
            let others = candidates
                .iter()
                .skip(1)
                .map(|candidate| (candidate, agreeing(candidate)));
            let best = others.max_by_key(|&(_, agree)| agree);
            match best {
                Some(best) if share(best.1) >= SURE => {
                    taken = best;
                    put_right = true;
                }
                _ if share(taken.1) < LIKELY => {
                    return Err(Contradicted {
                        columns: taken.0.columns.clone(),
                        agreeing: taken.1,
                        rows,
                    });
                }
                _ => {}
            }
        }
        let columns = taken.0.columns.clone();
        let classes = match self.stated {
            Some(stated) => stated.to_vec(),
            None => sorted(&columns),
        };
        Ok(Some(Resolved {
            classes,
            columns: ClassColumns {
                columns,
                by: taken.0.by.into(),
                put_right,
                disagreeing_rows: rows - taken.1,
                compared_rows: rows,
            },
        }))
    }
}

/// An order of columns that the predictions contradict.
pub(crate) struct Contradicted {
    pub(crate) columns: Vec<String>,
    pub(crate) agreeing: usize,
    pub(crate) rows: usize,
}

/// Whether the labels are whole numbers in a row from 0 or 1, which may be places as well as codes.
pub(crate) fn positions(labels: &[String]) -> bool {
    let from = |first: usize| {
        labels
            .iter()
            .enumerate()
            .all(|(i, label)| *label == (first + i).to_string())
    };
    from(0) || from(1)
}

fn same_set(a: &[String], b: &[String]) -> bool {
    let set = |of: &[String]| -> BTreeSet<String> { of.iter().cloned().collect() };
    a.len() == b.len() && set(a) == set(b)
}

/// The columns of probabilities by name: `p1..pK`, or a prefix such as `p_`, `prob_`, `proba_`, `probability_` and the class;
/// each column's place and what stands behind the prefix. Whole numbers come in their order, whatever the file's.
pub(crate) fn named_columns(header: &[String]) -> Vec<(String, usize)> {
    const PREFIXES: [&str; 5] = ["probabilities", "probability", "proba", "prob", "p"];
    let parse = |column: &str| -> Option<(usize, String)> {
        PREFIXES.iter().enumerate().find_map(|(which, prefix)| {
            let head = column
                .get(..prefix.len())
                .filter(|head| head.eq_ignore_ascii_case(prefix))?;
            let rest = &column[head.len()..];
            let label = rest.strip_prefix(['_', '-', '.', ' ', ':']);
            match label {
                Some(label) if !label.is_empty() => Some((2 * which, label.to_string())),
                None if rest.starts_with(|c: char| c.is_ascii_digit())
                    && rest.bytes().all(|b| b.is_ascii_digit()) =>
                {
                    Some((2 * which + 1, rest.to_string()))
                }
                _ => None,
            }
        })
    };
    let parsed: Vec<(usize, (usize, String))> = header
        .iter()
        .enumerate()
        .filter_map(|(i, column)| Some((i, parse(column)?)))
        .collect();
    // one way of naming a file: that of most columns, the plainest of equals
    let ways: BTreeSet<usize> = parsed.iter().map(|(_, (way, _))| *way).collect();
    let count = |way: usize| parsed.iter().filter(|(_, (w, _))| *w == way).count();
    let Some(way) = ways.into_iter().max_by_key(|&way| (count(way), way)) else {
        return Vec::new();
    };
    // p_value alone is no class
    let plain = way == 2 * (PREFIXES.len() - 1) + 1;
    if count(way) < 2 && !plain {
        return Vec::new();
    }
    let mut found: Vec<(String, usize)> = parsed
        .into_iter()
        .filter(|(_, (w, _))| *w == way)
        .map(|(i, (_, label))| (label, i))
        .collect();
    let numbers: Option<Vec<u64>> = found.iter().map(|(label, _)| label.parse().ok()).collect();
    if numbers.is_some() {
        found.sort_by_key(|(label, i)| (label.parse::<u64>().unwrap_or(0), *i));
    }
    found
}

/// Whether classes have an order by themselves (see [`evident_order`]).
pub fn have_evident_order(classes: &[String]) -> bool {
    evident_order(classes).is_some_and(|order| order.is_sorted())
}
