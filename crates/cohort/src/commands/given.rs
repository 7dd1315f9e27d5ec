//! What every kind of `cohort train` is given.

use std::path::PathBuf;

/// Options of `cohort train` that all kinds share.
pub(super) struct Given {
    pub(super) out: PathBuf,
    pub(super) features: Option<PathBuf>,
    pub(super) resume: bool,
    pub(super) batch_size: Option<usize>,
    pub(super) learning_rate: Option<f64>,
    pub(super) patience: Option<usize>,
    pub(super) hidden: Option<Vec<usize>>,
}
