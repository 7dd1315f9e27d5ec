//! The tables that pass between the stages: labels, predictions and embeddings, each keyed by clip.
//!
//! Every stage reads and writes these and nothing else, so any stage can be run alone, resumed, cached,
//! or fed by somebody else's model. Files are CSV or Parquet, chosen by extension, and are always written
//! under a temporary name and renamed into place.

mod arrow_table;
mod atomic;
mod class_columns;
mod class_order;
mod clip;
mod columns;
mod csv_text;
mod delimited;
mod dialect;
mod embeddings;
mod embeddings_file;
mod embeddings_layout;
pub mod entries;
mod error;
mod format;
mod guard;
mod input;
mod journal;
mod labels;
mod lock;
mod matching;
mod media;
mod nearest;
mod nouns;
mod npy;
mod parquet_io;
mod predictions;
mod predictions_file;
mod predictions_layout;
mod predictions_write;
mod relative;
mod sealed;
mod shown;
mod spelling;
mod table_maker;
mod text_columns;
mod text_table;
mod thrift;
mod vector_rows;

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod foreign_tests;
#[cfg(test)]
mod foreign_vectors_tests;
#[cfg(test)]
mod predictions_tests;

pub use arrow_table::ArrowTable;
pub use atomic::{remove_unfinished, write_atomic, write_atomic_with};
pub use class_columns::{ClassColumns, have_evident_order};
pub use class_order::{before_the_spreadsheet, evident_order, range_of, sorted as sorted_classes};
pub use clip::clip_id;
/// The column of a header that holds what `ours` (`VideoName`, `UserID`, `ground_truth`, ...) does, by the names that other tools give it.
pub use columns::proposal as usual_column;
pub use csv_text::{csv_field, csv_line};
pub use delimited::RowProblem;
pub use embeddings::{EmbeddingTable, Provenance};
pub use error::TableError;
pub use format::{Decimal, Delimiter, Read, ReadOptions, TableFormat};
pub use journal::{Journal, JournalRow};
pub use labels::{LabelColumn, LabelTable};
pub use lock::FolderLock;
pub use matching::{IdMatches, id_key, match_ids, unify_ids};
pub use media::{AUDIO_EXTENSIONS, IMAGE_EXTENSIONS, TRANSCRIPT_EXTENSIONS, VIDEO_EXTENSIONS};
pub use nearest::{did_you_mean, did_you_mean_of, nearest};
pub use nouns::{Nouns, WithinUnits, counted, plural};
pub use predictions::Predictions;
pub use relative::relative;
pub use sealed::{seal, unseal};
pub use shown::{shown, shown_lines};
pub use spelling::{Spellings, code, fold, is_missing, spelled_out, tidy};
pub use table_maker::TableMaker;
pub use text_columns::{TERMINAL_WIDTH, text_columns};
pub use text_table::TextTable;

/// Hash of some bytes as used in provenance: the first 128 bits of BLAKE3, in lower-case hexadecimal.
pub fn content_hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..32].to_string()
}

/// [`content_hash`] of a file, which is never in memory as a whole.
///
/// # Errors
/// When the file cannot be read.
pub fn file_hash(path: &std::path::Path) -> std::io::Result<String> {
    // Asked before the file is opened: opening a pipe waits for a writer.
    if !std::fs::metadata(path)?.is_file() {
        let found = "expected a regular file, found a folder, pipe, socket or device";
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, found));
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(path)?)?;
    Ok(hasher.finalize().to_hex()[..32].to_string())
}
