//! A CLIP's two towers as an encoder: pictures and words in one space.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use cohort_hub::Hub;
use cohort_nn::DeviceChoice;
use cohort_nn::clip::{Clip, ClipFamily, ClipFolder};
use cohort_tables::Provenance;
use cohort_text::ClipTokeniser;
use cohort_vision::{Picture, Preparation};
use rayon::prelude::*;

use crate::error::PipelineError;
use crate::hashes::{hash_of_files, settings_hash};
use crate::watch::Watch;
use crate::weights::watched;

/// Pictures that are prepared and computed together.
const PICTURES: usize = 32;

/// Both towers, with how pictures and words come in.
pub(super) struct ClipEye {
    clip: Clip,
    preparation: Preparation,
    /// None of a SigLIP, whose tokeniser is not read.
    tokeniser: Option<ClipTokeniser>,
    provenance: Provenance,
    read: AtomicUsize,
    cut: AtomicUsize,
}

impl ClipEye {
    /// Opens the folder of a CLIP, OpenCLIP or SigLIP, or `hf:org/name`.
    ///
    /// # Errors
    /// Files that are not to be had or say what is not supported.
    pub(super) fn open(
        name: &str,
        device: DeviceChoice,
        watch: &dyn Watch,
    ) -> Result<Self, PipelineError> {
        let hub = Hub::from_env();
        let folder = watched(watch, |progress| ClipFolder::find(name, &hub, progress))?;
        let folder = ClipFolder::open(&folder)?;
        let preparation = Preparation::open(&folder.path)?;
        let size = folder.config.picture.size;
        if preparation.sides() != [size; 2] {
            let [height, width] = preparation.sides();
            return Err(PipelineError::Unusable {
                path: folder.path,
                expected: format!("pictures of {size} x {size} pixels, as its network takes them"),
                found: format!("a preparation to {width} x {height}"),
            });
        }
        let tokeniser = match folder.config.family {
            ClipFamily::Siglip => None,
            ClipFamily::Clip => {
                let longest = folder.config.text.positions;
                Some(ClipTokeniser::open(&folder.path, Some(longest))?)
            }
        };
        let mut files = cohort_weights::weight_files(&folder.weights)?;
        if let Some(tokeniser) = &tokeniser {
            files.extend_from_slice(&tokeniser.files);
        }
        let files: Vec<_> = files.iter().map(PathBuf::as_path).collect();
        let how = format!("{:?} {preparation:?}", folder.config);
        let provenance = Provenance {
            producer: concat!("cohort-nn ", env!("CARGO_PKG_VERSION"), " CLIP").to_string(),
            weights: hash_of_files(&files)?,
            settings: settings_hash(&how)?,
            ..Provenance::default()
        };
        Ok(Self {
            clip: folder.load(device)?,
            preparation,
            tokeniser,
            provenance,
            read: AtomicUsize::new(0),
            cut: AtomicUsize::new(0),
        })
    }

    pub(super) fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Length of a vector.
    pub(super) fn width(&self) -> usize {
        self.clip.picture.dimension()
    }

    /// Whether words can be read.
    pub(super) fn reads_words(&self) -> bool {
        self.tokeniser.is_some()
    }

    /// The vectors of pictures of any size.
    pub(super) fn pictures(&self, pictures: &[Picture]) -> Result<Vec<Vec<f32>>, PipelineError> {
        let mut rows = Vec::with_capacity(pictures.len());
        for some in pictures.chunks(PICTURES) {
            let prepare = |picture: &Picture| -> Result<Vec<f32>, PipelineError> {
                let mut pixels = vec![0.0; self.preparation.output_len()];
                self.preparation.apply(picture, &mut pixels)?;
                Ok(pixels)
            };
            let prepared: Result<Vec<_>, _> = some.par_iter().map(prepare).collect();
            let prepared = prepared?;
            let pixels: Vec<&[f32]> = prepared.iter().map(Vec::as_slice).collect();
            rows.extend(self.clip.picture.embed(&pixels)?);
        }
        Ok(rows)
    }

    /// The vectors of texts; none where words cannot be read.
    pub(super) fn words(&self, texts: &[&str]) -> Result<Option<Vec<Vec<f32>>>, PipelineError> {
        let Some(tokeniser) = &self.tokeniser else {
            return Ok(None);
        };
        let tokens: Vec<_> = texts
            .par_iter()
            .map(|text| tokeniser.encode(text))
            .collect();
        let cut = tokens.iter().filter(|tokens| tokens.cut > 0).count();
        self.read.fetch_add(texts.len(), Ordering::Relaxed);
        self.cut.fetch_add(cut, Ordering::Relaxed);
        let ids: Vec<&[u32]> = tokens.iter().map(|tokens| tokens.needed()).collect();
        Ok(Some(self.clip.text.embed(&ids)?))
    }

    /// Says how many texts since the last time were longer than the model reads.
    pub(super) fn say_seen(&self, watch: &dyn Watch) {
        let read = self.read.swap(0, Ordering::Relaxed);
        let cut = self.cut.swap(0, Ordering::Relaxed);
        if cut > 0 {
            let most = self.clip.text.positions();
            watch.say(&format!(
                "note: {cut} of {read} texts are longer than the {most} tokens that the model reads: their ends are left out"
            ));
        }
    }
}
