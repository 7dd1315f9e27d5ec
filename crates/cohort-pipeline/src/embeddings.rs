//! What each trained model sees in every clip: embedding and logits, cached as tables.

use std::collections::HashMap;
use std::path::Path;

use cohort_data::Dataset;
use cohort_tables::{EmbeddingTable, Provenance, content_hash};
use cohort_train::{MemorySource, Scores, Source, Trained};

use crate::config::ImageMode;
use crate::features::{own_table, settings_hash};
use crate::pictures::PictureSource;
use crate::stages::{make_folder, splits};
use crate::training::{feature_table, target_index};
use crate::tuned_text::{TokenPart, TunedBert};
use crate::vectors::VectorSource;
use crate::view::View;
use crate::{Modality, PipelineError, RunConfig, Watch};

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

    /// Row of each clip.
    pub(crate) fn index(&self) -> HashMap<&str, usize> {
        let clips = self.table.clips.iter().enumerate();
        clips.map(|(row, clip)| (clip.as_str(), row)).collect()
    }

    /// Logits of a row.
    pub(crate) fn logits(&self, row: usize) -> &[f32] {
        let row = self.table.row(row).unwrap_or_default();
        row.get(self.embedding..).unwrap_or_default()
    }
}

/// What the model in the run folder `model` sees in every clip that has its modality, kept in
/// `FEATURES/embeddings-MODALITY.parquet` and taken from there when model and media are the same.
///
/// # Errors
/// A folder without a trained model, media that cannot be read, table errors, [`PipelineError::Stopped`].
pub(crate) fn seen_by(
    config: &RunConfig,
    dataset: &Dataset,
    modality: Modality,
    model: &Path,
    features: &Path,
    watch: &dyn Watch,
) -> Result<Seen, PipelineError> {
    let trained = Trained::load(model, config.device)?;
    let target = target_index(dataset)?;
    let all = splits(dataset)?;
    make_folder(features)?;
    let path = features.join(format!("embeddings-{modality}.parquet"));
    let view = match modality {
        Modality::Image => Some(View::of_run(config)?),
        _ => None,
    };
    let settings = match view.as_ref().and_then(View::settings) {
        Some(settings) => settings_hash(&settings)?,
        None => String::new(),
    };
    if let Some(view) = view.filter(|_| config.image.mode == ImageMode::Pixels) {
        let clips = all.iter().flat_map(|split| &split.clips);
        let plain = config.plain_transform();
        let (source, _) = PictureSource::new(clips, target, &view, plain, config.skip_bad, watch)?;
        let names = source.clips.iter().map(|clip| clip.id.clone()).collect();
        let hashes = source.hashes().to_vec();
        let sources: [&dyn Source; 1] = [&source];
        return cached(
            &path, modality, &trained, settings, names, hashes, &sources, watch,
        );
    }
    if modality == Modality::Text
        && let Some(bert) = TunedBert::open(&config.features.text, watch)?
    {
        let parts: Result<Vec<TokenPart>, PipelineError> = all
            .iter()
            .map(|split| TokenPart::new(&bert, &split.clips, target, config.skip_bad, watch))
            .collect();
        let parts = parts?;
        let clips = parts.iter().flat_map(|part| &part.clips);
        let names = clips.map(|clip| clip.id.clone()).collect();
        let hashes = parts.iter().flat_map(|part| part.hashes.clone()).collect();
        let sources: Vec<&dyn Source> = parts.iter().map(|p| &p.source as &dyn Source).collect();
        let settings = settings_hash(&bert.hash()?)?;
        return cached(
            &path, modality, &trained, settings, names, hashes, &sources, watch,
        );
    }
    let made = feature_table(config, dataset, modality, features, watch)?;
    let parts: Result<Vec<VectorSource>, PipelineError> = all
        .iter()
        .map(|split| VectorSource::new(&made.table, &split.clips, target))
        .collect();
    let parts = parts?;
    let (mut names, mut hashes) = (Vec::new(), Vec::new());
    for part in &parts {
        names.extend(part.clips.iter().map(|clip| clip.id.clone()));
        hashes.extend_from_slice(&part.hashes);
    }
    let sources: Vec<&dyn Source> = parts.iter().map(|p| &p.samples as &dyn Source).collect();
    cached(
        &path, modality, &trained, settings, names, hashes, &sources, watch,
    )
}

#[expect(
    clippy::too_many_arguments,
    reason = "one call, of three kinds of samples"
)]
fn cached(
    path: &Path,
    modality: Modality,
    trained: &Trained,
    settings: String,
    names: Vec<String>,
    hashes: Vec<String>,
    sources: &[&dyn Source],
    watch: &dyn Watch,
) -> Result<Seen, PipelineError> {
    let rows = names.iter().zip(&hashes);
    let text = rows.fold(String::new(), |all, (clip, hash)| {
        all + clip + " " + hash + "\n"
    });
    let classes = trained.network().classes();
    let mut provenance = Provenance {
        producer: concat!("cohort-pipeline ", env!("CARGO_PKG_VERSION"), " embeddings").to_string(),
        weights: trained.hash().to_string(),
        settings,
        source: content_hash(text.as_bytes()),
        ..Provenance::default()
    };
    if let Some(old) = own_table(path, watch) {
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
    for source in sources.iter().filter(|source| !source.is_empty()) {
        let scores = trained.predict(*source)?;
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
    seen.table.write(path)?;
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
