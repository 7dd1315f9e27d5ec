//! The native half of the Python package `cohort`: plain functions on NumPy arrays and Arrow tables.
//!
//! What people call lies in `python/cohort`, which checks shapes and names and gives results their form. Here nothing is
//! decided that the binary decides: documents come from [`cohort_audit`] and [`cohort_search`], sounds from
//! [`cohort_audio`]. `errors` turns every refusal into `cohort.InputError`, `work` runs without the interpreter's lock.

mod audio;
mod audit;
mod columns;
mod errors;
mod map;
mod tables;
mod work;

use pyo3::prelude::*;

/// The extension module `cohort._native`.
#[pymodule]
#[pyo3(name = "_native")]
mod native {
    use super::*;

    #[pymodule_export]
    use super::audio::{
        acoustic_features, feature_names, load, mel_spectrogram, mfcc, mfcc_of, onset_detect,
        onset_strength, pyin, reduce_noise, resample, tempo, yin,
    };
    #[pymodule_export]
    use super::audit::{AuditDocument, audit, audit_defaults};
    #[pymodule_export]
    use super::map::map;
    #[pymodule_export]
    use super::work::defect;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::work::keep_panics();
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
