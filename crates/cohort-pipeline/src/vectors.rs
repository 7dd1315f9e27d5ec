//! Rows of an embedding table as training samples.

use std::collections::HashMap;

use cohort_data::Clip;
use cohort_tables::EmbeddingTable;
use cohort_train::MemorySource;

use crate::PipelineError;

/// Samples of those clips that have a row, with the clips in the same order.
pub(crate) struct VectorSource<'a> {
    pub(crate) samples: MemorySource,
    pub(crate) clips: Vec<&'a Clip>,
    pub(crate) labels: Vec<usize>,
    /// Hash of what each row was made from.
    pub(crate) hashes: Vec<String>,
}

impl<'a> VectorSource<'a> {
    /// Those of `clips` that have a row in `table`, in their order; `target` is the position of the target attribute.
    ///
    /// # Errors
    /// When the table contradicts itself.
    pub(crate) fn new(
        table: &EmbeddingTable,
        clips: &'a [Clip],
        target: usize,
    ) -> Result<Self, PipelineError> {
        let index: HashMap<&str, usize> = table
            .clips
            .iter()
            .enumerate()
            .map(|(row, clip)| (clip.as_str(), row))
            .collect();
        let mut kept = Vec::new();
        let (mut labels, mut hashes, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for clip in clips {
            let Some(&row) = index.get(clip.id.as_str()) else {
                continue;
            };
            let (Some(&label), Some(vector)) = (clip.levels.get(target), table.row(row)) else {
                continue;
            };
            kept.push(clip);
            labels.push(label);
            hashes.push(table.sources.get(row).cloned().unwrap_or_default());
            values.extend_from_slice(vector);
        }
        let names = kept.iter().map(|clip| clip.id.clone()).collect();
        let samples = MemorySource::new(vec![table.dim], names, labels.clone(), values)?
            .with_columns(table.provenance.columns.clone());
        Ok(Self {
            samples,
            clips: kept,
            labels,
            hashes,
        })
    }
}
