//! Hyper-parameter search: which settings to try next, given what became of those that were tried.
//!
//! A [`Space`] declares the parameters, a [`Search`] suggests points of it, at random or by tree-structured Parzen
//! estimators (TPE), and [`is_poor`] says which trials need not be trained to their end. Nothing here trains, reads or
//! writes: a suggestion is a function of the space, the seed, the trial's number and what earlier trials gave, so that a
//! search which was killed goes on with the same suggestions.

mod draw;
mod error;
mod parzen;
mod prune;
mod search;
mod space;
mod space_file;
mod tpe;

pub use error::SpaceError;
pub use prune::{Curve, is_poor};
pub use search::{Method, Search};
pub use space::{Parameter, Point, Range, Scale, Space};
pub use tpe::{Outcome, Trial};
