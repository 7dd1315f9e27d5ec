//! An audit as people ask for one, from tables that were read: what codes mean, which order the classes have, what is told
//! of the reading, and a second model.
//!
//! `cohort audit` and the Python package both ask here, so that one question has one answer whoever puts it: [`Ask`] says
//! what is wanted, [`Ask::plan`] settles it against the labels, and [`Plan::audit`] makes the document `cohort.audit/1`.
//! [`cohort_eval::audit`] is what computes; it takes meanings as settings and knows no schema.

mod ask;
mod meaning;

pub use ask::{About, Ask, AskError, Audited, Plan, ReadPredictions};
pub use meaning::{Meanings, Stated, StatedError, notes_of, read_schema};

/// The seed of a run whose configuration names none, and of whatever is asked for without one.
pub const SEED: u64 = 1;
