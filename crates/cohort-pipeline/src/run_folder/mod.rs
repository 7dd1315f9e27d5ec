//! A run folder: its documents, its configuration, and what it began with.

mod config_file;
mod documents;
mod inputs;
mod pairs_record;
mod sealed;

pub(crate) use config_file::{Changeable, check_config, model_settings};
pub(crate) use documents::{
    AUDIT, JOINT, PREDICTIONS, PREDICTIONS_VALID, SETS, document_of, make_folder, read_json,
    write_json,
};
pub(crate) use inputs::check_inputs;
pub(crate) use pairs_record::{PairsRecord, read_pairs_record, write_pairs_record};
pub(crate) use sealed::{read_sealed, write_sealed};
