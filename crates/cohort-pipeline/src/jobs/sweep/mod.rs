//! One model under many settings: every combination of a grid, or a search in a declared space.

mod document;
mod grid;
mod report;
mod scorer;
mod search;
mod search_document;
mod search_report;
mod trial;

pub use document::{Sweep, SweepCell, SweepData, SweepSetting, TestScores};
pub use grid::{SweepGrid, sweep};
pub use search::{SearchSettings, Spawn, search};
pub use search_document::{Searched, TrialEnd, TrialRecord};
pub use trial::run_trial;
