//! What heads on pairs were trained on, for whoever uses them on new media.

use std::path::Path;

use cohort_tables::EmbeddingTable;
use serde::{Deserialize, Serialize};

use super::documents::document_of;
use super::sealed::{read_sealed, write_sealed};
use crate::error::PipelineError;

/// Name of the document in the run folder.
const FILE: &str = "pairs.json";
/// Version of the document.
const SCHEMA: &str = "cohort.heads/1";

/// The two tables that heads were trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PairsRecord {
    schema: String,
    pub(crate) pictures: TrainedOn,
    pub(crate) captions: TrainedOn,
}

/// What made a table's vectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TrainedOn {
    pub(crate) producer: String,
    pub(crate) weights: String,
    pub(crate) settings: String,
    pub(crate) dim: usize,
}

impl TrainedOn {
    fn new(table: &EmbeddingTable) -> Self {
        Self {
            producer: table.provenance.producer.clone(),
            weights: table.provenance.weights.clone(),
            settings: table.provenance.settings.clone(),
            dim: table.dim,
        }
    }
}

/// Writes the record of heads on these tables.
///
/// # Errors
/// A file that cannot be written.
pub(crate) fn write_pairs_record(
    run: &Path,
    pictures: &EmbeddingTable,
    captions: &EmbeddingTable,
) -> Result<(), PipelineError> {
    let record = PairsRecord {
        schema: SCHEMA.to_string(),
        pictures: TrainedOn::new(pictures),
        captions: TrainedOn::new(captions),
    };
    write_sealed(&run.join(FILE), &record)
}

/// Reads it.
///
/// # Errors
/// A folder without one, a damaged document.
pub(crate) fn read_pairs_record(run: &Path) -> Result<PairsRecord, PipelineError> {
    let path = run.join(FILE);
    let document = read_sealed(&path)?.ok_or_else(|| PipelineError::Unusable {
        path: run.to_path_buf(),
        expected: "the run folder of `cohort train pairs`".to_string(),
        found: format!("no {FILE} in it"),
    })?;
    document_of(document, &path)
}
