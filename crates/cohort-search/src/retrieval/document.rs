//! Measures of retrieval as a document: for machines and for people.

use std::fmt::Write as _;

use cohort_eval::Interval;
use serde::{Deserialize, Serialize};

use super::{Measure, RetrievalSettings};
use crate::Distance;

/// How good the answers of an index are (`cohort.retrieval/1`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetrievalDocument {
    /// `cohort.retrieval/1`.
    pub schema: String,
    /// Name of the index.
    pub index: String,
    /// What made its vectors.
    pub producer: String,
    /// Name of the queries' table; absent where the index asks itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queries: Option<String>,
    /// What "near" means.
    pub distance: Distance,
    /// Length of a vector.
    pub dim: usize,
    /// Column of the classes.
    pub label: String,
    /// Column of the units; absent where each query is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Who is asked and who answers.
    pub protocol: Protocol,
    /// How it was measured.
    pub settings: RetrievalSettings,
    /// Queries that were asked and for which something is relevant.
    pub asked: usize,
    /// Units of them.
    pub units: usize,
    /// Queries without a label, which were not asked.
    pub without_label: usize,
    /// Queries for which nothing in the gallery is relevant, by class; they count in no measure.
    pub alone: Vec<Alone>,
    /// Rows of the index that were ranked.
    pub gallery: usize,
    /// Rows left out, as they have no label.
    pub gallery_without_label: usize,
    /// Queries whose nearest has the very same vector.
    pub copies: usize,
    /// Equals that differ in relevance; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ties: Option<Ties>,
    /// Over all queries.
    pub measures: Vec<Figure>,
    /// By class of the queries, in the order of the classes.
    pub classes: Vec<ClassFigures>,
    /// The reference's number; absent where a query may have several labels, or no first neighbour is right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legacy: Option<Legacy>,
    /// Differences from another model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<Difference>,
    /// What was read otherwise than it was written, and what to bear in mind, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Who is asked and who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protocol {
    /// Queries may be rows of the index; none is its own neighbour.
    pub within: bool,
    /// Rows of a query's own unit are left out.
    pub apart: bool,
    /// A query and a row are relevant to each other where they share one of several labels.
    pub several_labels: bool,
}

/// Queries of a class for which nothing is relevant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alone {
    /// The class; several labels of one query are joined by `+`.
    pub class: String,
    /// Queries.
    pub queries: usize,
}

/// Queries whose measures depend on the order of equals: rows at exactly the same distance, of which some are relevant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ties {
    /// Such queries.
    pub queries: usize,
    /// Each measure with the relevant ones of equals last.
    pub worst: Vec<f64>,
    /// Each measure with the relevant ones of equals first.
    pub best: Vec<f64>,
}

/// A measure over some queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The measure.
    pub measure: Measure,
    /// Its mean over the queries, with an interval by unit.
    #[serde(flatten)]
    pub interval: Interval,
    /// The mean of what each query could expect of a random order of its gallery.
    pub chance: f64,
    /// The same rankings with the gallery's labels shuffled.
    pub control: Control,
}

/// A measure of rankings whose labels were shuffled: chance, unless something is wrong with the measurement.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// Mean over the shuffles.
    pub mean: f64,
    /// The smallest.
    pub low: f64,
    /// The largest.
    pub high: f64,
    /// Whether the chance level lies within four standard errors of the mean.
    pub at_chance: bool,
}

/// The queries of one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassFigures {
    /// The class.
    pub class: String,
    /// Queries.
    pub queries: usize,
    /// Rows of the index with the class.
    pub gallery: usize,
    /// The measures; empty without queries.
    pub measures: Vec<Figure>,
    /// Precision and recall; absent without queries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curve: Option<Curve>,
}

/// Precision at equally spaced levels of recall from 0 to 1, of each query the largest at that recall or a higher one,
/// averaged over queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Precision at each level.
    pub precision: Vec<f64>,
    /// Precision of a random order: the share that is relevant.
    pub chance: f64,
}

/// The reference's "mean average precision", which is none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Legacy {
    /// Average precision of "the first neighbour is right" ranked by the number of the query's class.
    pub legacy_ap: f64,
    /// The mean average precision over the whole gallery, beside it.
    pub map: f64,
}

/// Differences of two models, the first minus the other, on the same queries and rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Name of the other index.
    pub against: String,
    /// Queries that both answer.
    pub queries: usize,
    /// Queries that only one of them answers.
    pub left_out: usize,
    /// Rows that only one of them holds: left out for both.
    pub rows_left_out: usize,
    /// Each measure: its difference with an interval by unit.
    pub measures: Vec<Paired>,
    /// By class.
    pub classes: Vec<ClassDifference>,
}

/// The difference of a measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// The measure.
    pub measure: Measure,
    /// The first minus the other.
    #[serde(flatten)]
    pub interval: Interval,
    /// Whether the interval leaves out 0, without a caution against it.
    pub shown: bool,
}

/// Differences over the queries of a class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassDifference {
    /// The class.
    pub class: String,
    /// Each measure.
    pub measures: Vec<Paired>,
}

/// Measures that a terminal shows by class.
const BY_CLASS: [Measure; 3] = [
    Measure::PrecisionAt(1),
    Measure::RPrecision,
    Measure::AveragePrecision,
];
/// A difference by the order of equals that is worth a warning.
const MATTERS: f64 = 0.0005;
/// Classes that a terminal shows.
const CLASSES: usize = 30;

impl RetrievalDocument {
    /// What a terminal shows, in lines of at most 80 characters where names allow it.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // writing to a String cannot fail
        let _ = writeln!(
            text,
            "{}: {} vectors ranked by {} distance",
            self.index,
            self.gallery,
            self.distance.name()
        );
        let by = match &self.unit {
            Some(unit) => format!("{} units of {unit}", self.units),
            None => "each a unit of its own".into(),
        };
        let whose = self.queries.as_deref().unwrap_or("each row of the index");
        let _ = writeln!(
            text,
            "{} queries ({whose}), {by}; relevant: {}",
            self.asked,
            self.relevance()
        );
        for line in self.remarks() {
            let _ = writeln!(text, "{}", wrapped(&line));
        }
        let level = self.settings.level * 100.0;
        let _ = writeln!(
            text,
            "\n{:<16} {:>6}  {:<15} {:>6}  {:<22}",
            "",
            "value",
            format!("{level}% interval"),
            "chance",
            "shuffled labels"
        );
        for figure in &self.measures {
            let _ = writeln!(text, "{}", line(&figure.measure.title(), figure));
        }
        for measure in BY_CLASS {
            let rows: Vec<(&ClassFigures, &Figure)> = (self.classes.iter())
                .filter_map(|class| {
                    Some((class, class.measures.iter().find(|f| f.measure == measure)?))
                })
                .collect();
            if rows.len() < 2 {
                continue;
            }
            let _ = writeln!(text, "\n{} by {}", measure.title(), self.label);
            for (class, figure) in rows.iter().take(CLASSES) {
                let _ = writeln!(text, "{}", line(&format!("  {}", class.class), figure));
            }
            if rows.len() > CLASSES {
                let _ = writeln!(text, "  and {} more classes", rows.len() - CLASSES);
            }
        }
        if let Some(legacy) = self.legacy {
            let about = format!(
                "legacy_ap {:.4} is the reference's \"mAP\": the average precision of \"the first neighbour is right\" ranked by class number, not of any ranking. The mAP is {:.4}.",
                legacy.legacy_ap, legacy.map
            );
            let _ = writeln!(text, "\n{}", wrapped(&about));
        }
        if let Some(against) = &self.against {
            text += &against.to_text(level);
        }
        text
    }

    fn relevance(&self) -> String {
        match self.protocol.several_labels {
            true => format!("share a label of {}", self.label),
            false => format!("same {}", self.label),
        }
    }

    /// What to bear in mind.
    fn remarks(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.protocol.within {
            lines.push("Queries may be rows of the index; none is its own neighbour.".into());
        }
        if self.protocol.apart {
            lines.push("Rows of a query's own unit are left out.".into());
        }
        if self.without_label + self.gallery_without_label > 0 {
            lines.push(format!(
                "Without a label and left out: {} queries, {} rows.",
                self.without_label, self.gallery_without_label
            ));
        }
        if !self.alone.is_empty() {
            let all: usize = self.alone.iter().map(|alone| alone.queries).sum();
            let named: Vec<String> = (self.alone.iter().take(8))
                .map(|alone| format!("{} ({})", alone.class, alone.queries))
                .collect();
            let more = self.alone.len().saturating_sub(8);
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            lines.push(format!(
                "{all} queries have nothing relevant in the gallery and count in no measure: {}{more}.",
                named.join(", ")
            ));
        }
        if self.copies > 0 {
            lines.push(format!(
                "{} queries have their very vector in the gallery: is it the same picture twice?",
                self.copies
            ));
        }
        if let Some(ties) = &self.ties {
            let ranges = ties
                .best
                .iter()
                .zip(&ties.worst)
                .map(|(best, worst)| best - worst);
            let widest = ranges
                .enumerate()
                .max_by(|a, b| a.1.total_cmp(&b.1))
                .filter(|(_, range)| *range >= MATTERS);
            if let Some((m, _)) = widest {
                lines.push(format!(
                    "Warning: for {} queries, rows at exactly the same distance differ in relevance; here the one added first comes first. {} lies between {:.4} and {:.4} by their order.",
                    ties.queries,
                    self.measures[m].measure.title(),
                    ties.worst[m],
                    ties.best[m]
                ));
            }
        }
        lines.extend(self.notes.iter().cloned());
        lines
    }
}

impl Difference {
    fn to_text(&self, level: f64) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "\nthis index minus {}, {} queries",
            self.against, self.queries
        );
        let _ = writeln!(text, "{:<16} {:>7}  {level}% interval", "", "value");
        for paired in &self.measures {
            let name = paired.measure.title();
            let _ = match paired.interval.estimate() {
                Some(e) => {
                    let shown = if paired.shown {
                        "a difference"
                    } else {
                        "none shown"
                    };
                    writeln!(
                        text,
                        "{name:<16} {:>+7.4}  {:+.4} to {:+.4}  {shown}",
                        e.value, e.low, e.high
                    )
                }
                None => {
                    let value = paired.interval.value().unwrap_or(f64::NAN);
                    writeln!(text, "{name:<16} {value:>+7.4}  no interval")
                }
            };
        }
        text
    }
}

/// A measure as a line of a table.
pub(crate) fn line(name: &str, figure: &Figure) -> String {
    let name: String = name.chars().take(16).collect();
    let interval = match figure.interval.estimate() {
        Some(e) => format!("{:.4} to {:.4}", e.low, e.high),
        None => "no interval".into(),
    };
    let value = figure.interval.value().unwrap_or(f64::NAN);
    let Control {
        mean, at_chance, ..
    } = figure.control;
    let warn = if at_chance { "" } else { " NOT AT CHANCE" };
    format!(
        "{name:<16} {value:>6.4}  {interval:<16} {:>6.4}  {mean:.4}{warn}",
        figure.chance
    )
}

/// Breaks a sentence between words after at most 80 characters.
pub(crate) fn wrapped(line: &str) -> String {
    let (mut text, mut width) = (String::new(), 0);
    for word in line.split(' ') {
        let len = word.chars().count();
        if width > 0 && width + 1 + len > 80 {
            text.push('\n');
            width = 0;
        } else if width > 0 {
            text.push(' ');
            width += 1;
        }
        text += word;
        width += len;
    }
    text
}
