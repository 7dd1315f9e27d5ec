//! What each trained model sees in every clip: embedding and logits, cached as tables.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use cohort_data::Dataset;
use cohort_tables::{EmbeddingTable, Provenance, content_hash};
use cohort_train::{MemorySource, Scores, Trained};

use crate::branches::{Branch, Purpose, pooled};
use crate::error::PipelineError;
use crate::hashes::settings_hash;
use crate::modality::Modality;
use crate::run_folder::make_folder;
use crate::watch::Watch;

/// What one model sees in some clips: a row a clip of its embedding and then its K logits.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) modality: Modality,
    /// Length of the embedding.
    pub(crate) embedding: usize,
    pub(crate) table: EmbeddingTable,
}

impl Seen {
    /// From a network's scores for `clips`, in their order.
    pub(crate) fn new(modality: Modality, clips: Vec<String>, scores: &Scores) -> Self {
        let (k, width) = (scores.classes, scores.width);
        let mut values = Vec::with_capacity(clips.len() * (k + width));
        let rows = scores.embeddings.chunks_exact(width.max(1));
        for (embedding, logits) in rows.zip(scores.logits.chunks_exact(k.max(1))) {
            values.extend_from_slice(embedding);
            values.extend_from_slice(logits);
        }
        let table = EmbeddingTable {
            sources: vec![String::new(); clips.len()],
            clips,
            dim: k + width,
            values,
            provenance: Provenance::default(),
        };
        Self {
            modality,
            embedding: width,
            table,
        }
    }

    /// What is seen of no clip.
    pub(crate) fn empty(modality: Modality, embedding: usize, classes: usize) -> Self {
        let table = EmbeddingTable {
            dim: embedding + classes,
            ..EmbeddingTable::default()
        };
        Self {
            modality,
            embedding,
            table,
        }
    }

    /// With the rows of another table of the same model after its own.
    ///
    /// # Panics
    /// A table of another width.
    pub(crate) fn and(mut self, other: Self) -> Self {
        if self.table.is_empty() {
            return other;
        }
        if !other.table.is_empty() {
            assert_eq!(self.table.dim, other.table.dim, "tables of one model");
            self.table.clips.extend(other.table.clips);
            self.table.sources.extend(other.table.sources);
            self.table.values.extend(other.table.values);
        }
        self
    }

    /// All rows as the one of `clip`: their mean by `weights`.
    pub(crate) fn pooled(mut self, clip: &str, weights: &[f64]) -> Self {
        self.table.values = pooled(&self.table.values, self.table.dim, weights);
        self.table.clips = vec![clip.to_string()];
        self.table.sources = vec![String::new()];
        self
    }

    /// Row of each clip.
    pub(crate) fn index(&self) -> HashMap<&str, usize> {
        let clips = self.table.clips.iter().enumerate();
        clips.map(|(row, clip)| (clip.as_str(), row)).collect()
    }

    /// Logits of a row.
    ///
    /// # Panics
    /// A row that is not there.
    pub(crate) fn logits(&self, row: usize) -> &[f32] {
        let row = self.table.row(row).expect("a row of the table");
        &row[self.embedding..]
    }

    /// The rows of some clips, in the table's order.
    pub(crate) fn of(&self, clips: &HashSet<&str>) -> Self {
        let mut table = EmbeddingTable {
            dim: self.table.dim,
            ..EmbeddingTable::default()
        };
        for (row, clip) in self.table.clips.iter().enumerate() {
            if clips.contains(clip.as_str()) {
                table.clips.push(clip.clone());
                table.sources.push(self.table.sources[row].clone());
                let values = self.table.row(row).expect("a row of the table");
                table.values.extend_from_slice(values);
            }
        }
        Self {
            modality: self.modality,
            embedding: self.embedding,
            table,
        }
    }
}

/// What the model in the run folder `model` sees in every clip that has the branch's modality, kept in
/// `FEATURES/embeddings-MODALITY.parquet` and taken from there when model and media are the same.
///
/// # Errors
/// A folder without a trained model, media that cannot be read, table errors, [`PipelineError::Stopped`].
pub(crate) fn seen_by(
    branch: &dyn Branch,
    trained: &Trained,
    dataset: &Dataset,
    features: &Path,
    watch: &dyn Watch,
) -> Result<Seen, PipelineError> {
    let modality = branch.modality();
    make_folder(features)?;
    let path = features.join(format!("embeddings-{modality}.parquet"));
    let samples = branch.samples(dataset, features, Purpose::Seeing, watch)?;
    let (mut names, mut hashes) = (Vec::new(), Vec::new());
    for part in &samples.parts {
        names.extend(part.clips.iter().map(|clip| clip.id.clone()));
        hashes.extend_from_slice(&part.hashes);
    }
    let rows = names.iter().zip(&hashes);
    let text = rows.fold(String::new(), |all, (clip, hash)| {
        all + clip + " " + hash + "\n"
    });
    let how = (&samples.facts.view, &samples.facts.weights);
    let classes = trained.network().classes();
    let mut provenance = Provenance {
        producer: concat!("cohort-pipeline ", env!("CARGO_PKG_VERSION"), " embeddings").to_string(),
        weights: trained.hash().to_string(),
        settings: match how {
            (None, None) => String::new(),
            how => settings_hash(&how)?,
        },
        source: content_hash(text.as_bytes()),
        ..Provenance::default()
    };
    let old = EmbeddingTable::own_if_any(&path).unwrap_or_else(|error| {
        watch.say(&format!("warning: {error}; the table is made anew"));
        None
    });
    if let Some(old) = old {
        let same = Provenance {
            columns: Vec::new(),
            ..old.provenance.clone()
        } == provenance;
        if same && old.clips == names && old.dim > classes {
            return Ok(Seen {
                modality,
                embedding: old.dim - classes,
                table: old,
            });
        }
    }
    let mut all = Scores {
        classes,
        logits: Vec::new(),
        width: 0,
        embeddings: Vec::new(),
    };
    for part in samples.parts.iter().filter(|part| !part.clips.is_empty()) {
        let scores = trained.predict(&*part.source)?;
        all.width = scores.width;
        all.logits.extend(scores.logits);
        all.embeddings.extend(scores.embeddings);
    }
    let mut seen = Seen::new(modality, names, &all);
    let embedding = (0..all.width).map(|i| format!("embedding {i}"));
    let logits = (1..=classes).map(|k| format!("logit {k}"));
    provenance.columns = embedding.chain(logits).collect();
    seen.table.sources = hashes;
    seen.table.provenance = provenance;
    seen.table.write(&path)?;
    Ok(seen)
}

/// Clips as samples of the joint network: for each modality a presence flag, its embedding and its logits; zeros where
/// the modality is missing or not in `keep`. Clips that have none of `keep` are left out; gives the positions of those
/// that are kept, too.
pub(crate) fn joint_samples(
    seen: &[Seen],
    keep: &[bool],
    clips: &[(&str, usize)],
) -> Result<(MemorySource, Vec<usize>), PipelineError> {
    let width: usize = seen.iter().map(|one| 1 + one.table.dim).sum();
    let indices: Vec<HashMap<&str, usize>> = seen.iter().map(Seen::index).collect();
    let (mut positions, mut names, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    let mut values = Vec::new();
    for (position, &(clip, label)) in clips.iter().enumerate() {
        let rows: Vec<Option<&[f32]>> = (seen.iter().zip(&indices).zip(keep))
            .map(|((one, index), keep)| {
                let row = index.get(clip).filter(|_| *keep)?;
                one.table.row(*row)
            })
            .collect();
        if rows.iter().all(Option::is_none) {
            continue;
        }
        for (row, one) in rows.iter().zip(seen) {
            match row {
                Some(row) => {
                    values.push(1.0);
                    values.extend_from_slice(row);
                }
                None => values.resize(values.len() + 1 + one.table.dim, 0.0),
            }
        }
        positions.push(position);
        names.push(clip.to_string());
        labels.push(label);
    }
    let samples = MemorySource::new(vec![width], names, labels, values)?;
    Ok((samples, positions))
}
