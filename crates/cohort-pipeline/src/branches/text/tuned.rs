//! Transcripts as samples of a BERT's last layers, which are trained: what the layers before them make of each text.

use std::path::Path;
use std::sync::OnceLock;

use cohort_data::{Clip, Dataset, Split};
use cohort_nn::{BertFolder, BertTailConfig, PackedBert};
use cohort_text::{Tokeniser, clean_transcript};
use cohort_train::{MlpConfig, ModelConfig, Source, TrainError, derive_seed};
use cohort_weights::Weights;

use super::super::branch::{Facts, Part, Samples};
use super::super::table::Skipped;
use super::sentence_vectors::model_hash;
use super::transcripts::{Item, read_tokens};
use crate::config::{ModelSettings, TextFeatureConfig};
use crate::dataset::{splits, target_index};
use crate::error::PipelineError;
use crate::watch::Watch;

/// Most bytes of token vectors kept in memory by one source; the others are computed anew each time.
const CACHE_BYTES: usize = 512 << 20;

/// A BERT whose last layers are trained: its files, and its first layers, which stay as they are.
#[derive(Debug)]
pub(crate) struct TunedBert {
    folder: BertFolder,
    tokeniser: Tokeniser,
    first: PackedBert,
    layers: usize,
}

impl TunedBert {
    /// Opens the model in the folder `weights`.
    ///
    /// # Errors
    /// Files that are missing or damaged; more layers than the model has.
    pub(crate) fn open(weights: &Path, config: &TextFeatureConfig) -> Result<Self, PipelineError> {
        let layers = config.tuned_layers;
        let folder = BertFolder::open(weights, &config.changes())?;
        let all = folder.config.num_hidden_layers;
        let Some(first) = all.checked_sub(layers) else {
            return Err(PipelineError::Setting {
                name: "features.text.tuned_layers",
                expected: "at most the layers of the BERT",
                found: format!("{layers} for a BERT of {all}"),
            });
        };
        Ok(Self {
            tokeniser: Tokeniser::open(&folder.path, folder.max_tokens)?,
            first: PackedBert::load(&folder.config, folder.read_weights()?)?.first_layers(first),
            folder,
            layers,
        })
    }

    /// The samples of the three splits.
    ///
    /// # Errors
    /// The first transcript that cannot be read, unless `skip_bad`.
    pub(crate) fn samples<'a>(
        &'a self,
        dataset: &'a Dataset,
        skip_bad: bool,
        watch: &dyn Watch,
    ) -> Result<Samples<'a>, PipelineError> {
        let target = target_index(dataset)?;
        let (mut skipped, mut cut) = (Vec::new(), 0);
        let mut read = |split: &'a Split| -> Result<Part<'a>, PipelineError> {
            let (part, bad, longer) = self.part(&split.clips, target, skip_bad, watch)?;
            skipped.extend(bad);
            cut += longer;
            Ok(part)
        };
        let [train, valid, test] = splits(dataset)?;
        let parts = [read(train)?, read(valid)?, read(test)?];
        let facts = Facts {
            cut: Some(cut),
            weights: Some(model_hash(&self.folder, &self.tokeniser)?),
            ..Facts::default()
        };
        Ok(Samples {
            parts,
            skipped,
            facts,
        })
    }

    /// Those of `clips` that have a transcript; also those whose transcript cannot be read, and how many are longer than
    /// the model takes.
    fn part<'a>(
        &'a self,
        clips: &'a [Clip],
        target: usize,
        skip_bad: bool,
        watch: &dyn Watch,
    ) -> Result<(Part<'a>, Vec<Skipped>, usize), PipelineError> {
        let clips = clips.iter().filter(|clip| clip.words().is_some());
        let clips: Vec<&Clip> = clips.collect();
        let (items, skipped, cut) = read_tokens(&clips, &self.tokeniser, skip_bad, watch)?;
        let (mut clips, mut labels) = (Vec::new(), Vec::new());
        let (mut hashes, mut texts) = (Vec::new(), Vec::new());
        for Item {
            clip,
            source,
            words,
        } in items
        {
            let label = clip.levels[target];
            clips.push(clip);
            labels.push(label);
            hashes.push(source);
            texts.push((clip.id.clone(), label, words.ids));
        }
        let part = Part {
            source: Box::new(TokenSource::new(self, texts)),
            clips,
            labels,
            hashes,
        };
        Ok((part, skipped, cut))
    }

    /// The network that is trained.
    pub(crate) fn network(&self, settings: &ModelSettings, classes: usize) -> ModelConfig {
        let own = MlpConfig::text(self.folder.config.hidden_size, classes);
        ModelConfig::BertTail(BertTailConfig {
            bert: self.folder.config.clone(),
            layers: self.layers,
            tokens: self.folder.max_tokens,
            pooling: self.folder.pooling,
            normalise: self.folder.normalise,
            head: MlpConfig {
                hidden: match settings.hidden.as_slice() {
                    [] => own.hidden.clone(),
                    given => given.to_vec(),
                },
                dropout: settings.dropout,
                // the layers before it change while its input would be standardised by what they were
                standardise: false,
                ..own
            },
        })
    }

    /// What `network` begins from: the model's layers, and a head from `seed`.
    pub(crate) fn start(&self, network: &ModelConfig, seed: u64) -> Result<Weights, PipelineError> {
        let seed = derive_seed(seed, "weights", &[]);
        Ok(network.start_of_bert(seed, self.folder.read_weights()?)?)
    }

    /// Transcripts as samples without labels.
    pub(crate) fn texts(&self, clips: &[String], texts: &[String]) -> TokenSource<'_> {
        let texts = clips.iter().zip(texts).map(|(name, text)| {
            let ids = self.tokeniser.encode(&clean_transcript(text)).ids;
            (name.clone(), 0, ids)
        });
        TokenSource::new(self, texts)
    }
}

/// Texts as samples `[tokens, H + 1]`, see [`BertTailConfig`].
pub(crate) struct TokenSource<'a> {
    bert: &'a TunedBert,
    shape: [usize; 2],
    texts: Vec<TokenText>,
}

/// A text with its label and, once it was asked for, its token vectors.
struct TokenText {
    name: String,
    label: usize,
    ids: Vec<u32>,
    /// None beyond what is kept in memory.
    vectors: Option<OnceLock<Vec<f32>>>,
}

impl<'a> TokenSource<'a> {
    /// `texts` are name, label and token ids.
    fn new(
        bert: &'a TunedBert,
        texts: impl IntoIterator<Item = (String, usize, Vec<u32>)>,
    ) -> Self {
        let width = bert.folder.config.hidden_size;
        let mut room = CACHE_BYTES;
        let texts = texts.into_iter().map(|(name, label, ids)| {
            let left = room.checked_sub(ids.len() * width * size_of::<f32>());
            room = left.unwrap_or(room);
            TokenText {
                name,
                label,
                ids,
                vectors: left.map(|_| OnceLock::new()),
            }
        });
        Self {
            bert,
            shape: [bert.folder.max_tokens, width + 1],
            texts: texts.collect(),
        }
    }
}

impl Source for TokenSource<'_> {
    fn len(&self) -> usize {
        self.texts.len()
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn label(&self, i: usize) -> usize {
        self.texts[i].label
    }

    fn name(&self, i: usize) -> String {
        self.texts[i].name.clone()
    }

    fn fill(&self, i: usize, _augment: Option<u64>, out: &mut [f32]) -> Result<(), TrainError> {
        let text = &self.texts[i];
        // a text by itself, so that its vectors do not depend on what else is asked for
        let compute = || -> Result<Vec<f32>, TrainError> {
            let vectors = self.bert.first.forward(&[&text.ids]);
            vectors.map_err(|error| TrainError::Sample {
                name: text.name.clone(),
                reason: error.to_string(),
            })
        };
        let fresh;
        let vectors = match &text.vectors {
            None => {
                fresh = compute()?;
                &fresh
            }
            Some(kept) => match kept.get() {
                Some(vectors) => vectors,
                None => {
                    let made = compute()?;
                    kept.get_or_init(|| made)
                }
            },
        };
        let width = self.shape[1];
        out.fill(0.0);
        let rows = out.chunks_exact_mut(width);
        for (row, vector) in rows.zip(vectors.chunks_exact(width - 1)) {
            let (own, mark) = row.split_at_mut(width - 1);
            own.copy_from_slice(vector);
            mark.fill(1.0);
        }
        Ok(())
    }
}
