//! The tables that pass between the stages: labels, predictions and embeddings, each keyed by clip.
//!
//! Every stage reads and writes these and nothing else, so any stage can be run alone, resumed, cached,
//! or fed by somebody else's model. Files are CSV or Parquet, chosen by extension, and are always written
//! under a temporary name and renamed into place.

mod atomic;
mod class_columns;
mod class_order;
mod clip;
mod csv_input;
mod embeddings;
mod error;
mod journal;
mod labels;
mod line_reader;
mod matching;
mod parquet_io;
mod predictions;
mod predictions_file;
mod spelling;

pub use atomic::{remove_unfinished, write_atomic, write_atomic_with};
pub use class_columns::{ClassColumns, have_evident_order};
pub use class_order::{before_the_spreadsheet, evident_order, range_of, sorted as sorted_classes};
pub use clip::clip_id;
pub use embeddings::{EmbeddingTable, Provenance};
pub use error::TableError;
pub use journal::{Journal, JournalRow};
pub use labels::{LabelColumn, LabelTable};
pub use line_reader::LineReader;
pub use matching::{IdMatches, id_key, ids_of_files, match_ids, unify_ids};
pub use predictions::Predictions;
pub use spelling::{Spellings, code, fold, is_missing, shown, tidy};

/// Hash of some bytes as used in provenance: the first 128 bits of BLAKE3, in lower-case hexadecimal.
pub fn content_hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..32].to_string()
}

/// [`content_hash`] of a file, which is never in memory as a whole.
///
/// # Errors
/// When the file cannot be read.
pub fn file_hash(path: &std::path::Path) -> std::io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(path)?)?;
    Ok(hasher.finalize().to_hex()[..32].to_string())
}
