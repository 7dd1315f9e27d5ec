//! Audits: tables in, the document `cohort.audit/1` in every form out.

use std::path::PathBuf;
use std::sync::Arc;

use cohort_audit::{Ask, ReadPredictions, Stated};
use cohort_eval::Audit;
use cohort_report::{AuditFigure, ReportError, Style, audit_figure, audit_page};
use cohort_tables::{ArrowTable, LabelTable, Predictions, Read, ReadOptions, TableError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyString};

use super::errors::Refused;
use super::work::{apart, here};
use super::{columns, tables};

/// Where a table is.
enum Given {
    Memory(ArrowTable),
    File(PathBuf),
}

impl Given {
    /// A path as text, or anything with `__arrow_c_stream__`; `name` stands for the latter in messages.
    fn of(name: &str, object: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(match object.is_instance_of::<PyString>() {
            true => Self::File(object.extract()?),
            false => Self::Memory(columns::table(name, object)?),
        })
    }

    fn labels(&self, options: &ReadOptions) -> Result<Read<LabelTable>, TableError> {
        match self {
            Self::Memory(table) => LabelTable::from_arrow(table, options),
            Self::File(path) => LabelTable::read_with(path, options),
        }
    }
}

/// Tables as they are read, and what was said of them.
struct Reading {
    options: ReadOptions,
    notes: Vec<String>,
    found: Vec<String>,
}

impl Reading {
    fn keep<T>(&mut self, read: Read<T>) -> T {
        self.notes.extend(read.notes);
        self.found.extend(read.mapped);
        read.table
    }

    fn predictions(
        &mut self,
        given: &Given,
        classes: Option<&[String]>,
    ) -> Result<ReadPredictions, TableError> {
        let (read, columns) = match given {
            Given::Memory(table) => Predictions::from_arrow(table, classes, &self.options)?,
            Given::File(path) => Predictions::read_with(path, classes, &self.options)?,
        };
        let table = self.keep(read);
        Ok(ReadPredictions { table, columns })
    }

    /// Refuses a column that no table has.
    fn all_found(&self) -> Result<(), Refused> {
        let mut columns = self.options.columns.iter();
        match columns.find(|(_, theirs)| !self.found.contains(theirs)) {
            None => Ok(()),
            Some((ours, theirs)) => Err(Refused::new(
                &format!("columns: {ours}={theirs}"),
                format!("a column {theirs} in a table"),
                "none",
            )),
        }
    }
}

/// Everything that is read.
struct Tables {
    predictions: Given,
    labels: Vec<Given>,
    against: Option<(String, Given)>,
}

fn answer(tables: &Tables, ask: Ask, options: ReadOptions) -> Result<Audit, Refused> {
    let mut reading = Reading {
        options,
        notes: Vec::new(),
        found: Vec::new(),
    };
    let mut labels = LabelTable::default();
    for given in &tables.labels {
        let table = reading.keep(given.labels(&reading.options)?);
        let path = match given {
            Given::File(path) => path.clone(),
            Given::Memory(_) => PathBuf::from("labels"),
        };
        labels.append(&table, &path)?;
    }
    let plan = ask.plan(&labels)?;
    let predictions = reading.predictions(&tables.predictions, plan.classes())?;
    // a model that never says a class has it all the same
    let of_all = plan.classes().unwrap_or(&predictions.table.classes);
    let against = match &tables.against {
        Some((name, given)) => Some((name.as_str(), reading.predictions(given, Some(of_all))?)),
        None => None,
    };
    reading.all_found()?;
    let second = against.as_ref().map(|(name, read)| (*name, read));
    let mut document = plan.audit(&labels, &predictions, second)?.document;
    document.notes.splice(0..0, reading.notes);
    Ok(document)
}

/// Audits tables. `predictions`, each of `labels` and `against` are paths as text, or objects with `__arrow_c_stream__`;
/// `asked` holds what the public functions' keywords say, of those that were given.
#[pyfunction]
pub(crate) fn audit(
    py: Python<'_>,
    predictions: &Bound<'_, PyAny>,
    labels: Vec<Bound<'_, PyAny>>,
    against: Option<(String, Bound<'_, PyAny>)>,
    asked: &Bound<'_, PyDict>,
    columns: Vec<(String, String)>,
    threads: usize,
) -> PyResult<AuditDocument> {
    let tables = Tables {
        predictions: Given::of("predictions", predictions)?,
        labels: labels
            .iter()
            .map(|table| Given::of("labels", table))
            .collect::<PyResult<_>>()?,
        against: match against {
            Some((name, table)) => {
                let given = Given::of(&name, &table)?;
                Some((name, given))
            }
            None => None,
        },
    };
    let ask = ask(asked)?;
    let options = ReadOptions {
        columns,
        ..ReadOptions::default()
    };
    let audit = apart(py, threads, None, move |_| answer(&tables, ask, options))?;
    Ok(AuditDocument(Arc::new(audit)))
}

/// What is asked for, from a dictionary whose keys are the names of [`Ask`]'s fields.
fn ask(asked: &Bound<'_, PyDict>) -> PyResult<Ask> {
    let mut ask = Ask::default();
    for (key, value) in asked {
        let key: String = key.extract()?;
        match key.as_str() {
            "schema" => ask.stated.schema = value.extract::<Option<PathBuf>>()?,
            "classes" => ask.stated.classes = value.extract()?,
            "ordered" => ask.stated.ordered = value.extract()?,
            "subject" => ask.subject = value.extract()?,
            "target" => ask.target = value.extract()?,
            "groups" => ask.groups = value.extract()?,
            "intersections" => ask.intersections = value.extract()?,
            "favourable" => ask.favourable = value.extract()?,
            "resamples" => ask.resamples = value.extract()?,
            "permutations" => ask.permutations = value.extract()?,
            "level" => ask.level = value.extract()?,
            "alpha" => ask.alpha = value.extract()?,
            "seed" => ask.seed = value.extract()?,
            other => {
                let known = "a setting of an audit";
                return Err(Refused::new("audit", known, other).raise(asked.py()));
            }
        }
    }
    Ok(ask)
}

/// The defaults of an audit's numbers, which the public functions show.
#[pyfunction]
pub(crate) fn audit_defaults(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let Ask {
        stated: Stated { .. },
        resamples,
        permutations,
        level,
        alpha,
        seed,
        ..
    } = Ask::default();
    let all = PyDict::new(py);
    all.set_item("resamples", resamples)?;
    all.set_item("permutations", permutations)?;
    all.set_item("level", level)?;
    all.set_item("alpha", alpha)?;
    all.set_item("seed", seed)?;
    Ok(all)
}

/// An audit's document.
#[pyclass(frozen, module = "cohort._native")]
pub(crate) struct AuditDocument(Arc<Audit>);

#[pymethods]
impl AuditDocument {
    /// The document as `cohort audit --json` prints it.
    fn json(&self, py: Python<'_>) -> PyResult<String> {
        here(py, || {
            serde_json::to_string_pretty(&*self.0)
                .map_err(|error| Refused::new("audit", "a document", error))
        })
    }

    /// The document as `cohort audit` prints it.
    fn text(&self, py: Python<'_>) -> PyResult<String> {
        here(py, || Ok(self.0.to_text()))
    }

    /// The page that `cohort audit --out` writes.
    fn html(&self, py: Python<'_>) -> PyResult<String> {
        here(py, || Ok(audit_page(&self.0)?))
    }

    /// A table as a stream of Arrow's C interface.
    fn table<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyCapsule>> {
        let columns = match name {
            "metrics" => tables::metrics(&self.0),
            "groups" => tables::groups(&self.0),
            "disparities" => tables::disparities(&self.0),
            "class_gaps" => tables::class_gaps(&self.0),
            "findings" => tables::findings(&self.0),
            "comparison" => tables::comparison(&self.0),
            other => return Err(Refused::new("audit", "the name of a table", other).raise(py)),
        };
        columns::stream(py, columns)
    }

    /// A picture as SVG: `groups`, `gaps`, `confusion` or `calibration`.
    fn figure(
        &self,
        py: Python<'_>,
        kind: &str,
        attribute: &str,
        group: &str,
        width: f64,
    ) -> PyResult<String> {
        let figure = match kind {
            "groups" => AuditFigure::Groups { attribute },
            "gaps" => AuditFigure::Gaps { attribute },
            "confusion" => AuditFigure::Confusion { attribute, group },
            "calibration" => AuditFigure::Calibration { attribute, group },
            other => return Err(Refused::new("figure", "the name of a picture", other).raise(py)),
        };
        here(py, || {
            audit_figure(&self.0, figure, &Style::file(width))
                .map_err(|error: ReportError| error.into())
        })
    }
}
