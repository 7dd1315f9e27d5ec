//! Sounds: a network on acoustic features.

mod damage;

use std::path::Path;

use cohort_audio::{AcousticFeatures, AcousticSettings, Preset, SILENCE, Sound, clipped_share};
use cohort_data::{Dataset, MediaKind};
use cohort_tables::Provenance;
use cohort_train::{MemorySource, MlpConfig, ModelConfig, Source};
use cohort_weights::Weights;
use rayon::prelude::*;

use super::branch::{Branch, Purpose, Samples};
use super::clip_media::ClipMedia;
use super::decoded::{Content, DecodedMedia};
use super::table::{Features, Recipe, make_table};
use super::vectors::vector_samples;
use super::video::sound_of;
use crate::config::{ModelSettings, RunConfig};
use crate::dataset::all_clips;
use crate::error::PipelineError;
use crate::hashes::{file_hash, settings_hash};
use crate::modality::Modality;
use crate::watch::{Watch, say_warnings};

pub(crate) use damage::DAMAGES;

/// The sounds of a run.
pub(crate) struct AudioBranch {
    model: ModelSettings,
    preset: Preset,
    settings: AcousticSettings,
    skip_bad: bool,
}

impl AudioBranch {
    pub(crate) fn open(config: &RunConfig) -> Self {
        let features = &config.features.audio;
        Self {
            model: config.audio.clone(),
            preset: features.preset,
            settings: features.settings(),
            skip_bad: config.skip_bad,
        }
    }

    fn columns(&self) -> Vec<String> {
        let names = AcousticFeatures::names(self.preset);
        names.iter().map(ToString::to_string).collect()
    }

    fn vector(&self, sound: &Sound) -> Result<Vec<f32>, PipelineError> {
        Ok(cohort_audio::acoustic_features(sound, &self.settings)?.vector())
    }
}

/// Share of samples cut off at full scale from which a sound is called clipped: a thousandth.
const CLIPPED: f64 = 1e-3;
/// Seconds below which a sound is called short.
const SHORT: f64 = 1.0;

/// What is odd about a sound.
fn flags(sound: &Sound) -> Vec<&'static str> {
    let mut flags = Vec::new();
    if sound.peak() <= SILENCE {
        flags.push("silent");
    }
    if clipped_share(sound) >= CLIPPED {
        flags.push("clipped sound");
    }
    if sound.seconds() < SHORT {
        flags.push("short sound");
    }
    flags
}

impl Branch for AudioBranch {
    fn modality(&self) -> Modality {
        Modality::Audio
    }

    fn table_file(&self) -> &'static str {
        "acoustic.parquet"
    }

    fn check_start(&self, _watch: &dyn Watch) -> Result<(), PipelineError> {
        Ok(())
    }

    fn table(
        &self,
        dataset: &Dataset,
        path: &Path,
        watch: &dyn Watch,
    ) -> Result<Option<Features>, PipelineError> {
        let columns = self.columns();
        let recipe = Recipe {
            modality: Modality::Audio,
            path,
            dim: columns.len(),
            provenance: Provenance {
                producer: concat!("cohort-audio ", env!("CARGO_PKG_VERSION")).to_string(),
                settings: settings_hash(&self.settings)?,
                columns,
                ..Provenance::default()
            },
            skip_bad: self.skip_bad,
        };
        let clips: Vec<(&str, &Path)> = all_clips(dataset)
            .filter_map(|clip| Some((clip.id.as_str(), clip.sound()?)))
            .collect();
        let compute = |file: &&&Path| -> Result<Vec<f32>, PipelineError> {
            let decoded = sound_of(file)?;
            say_warnings(&decoded.warnings, watch);
            self.vector(&decoded.sound)
        };
        let compute = |files: &[&&Path]| files.par_iter().map(compute).collect();
        let hash = |file: &&Path| file_hash(file);
        make_table(&recipe, &clips, hash, compute, watch).map(Some)
    }

    fn samples<'a>(
        &'a self,
        dataset: &'a Dataset,
        features: &Path,
        _purpose: Purpose,
        watch: &dyn Watch,
    ) -> Result<Samples<'a>, PipelineError> {
        vector_samples(self, dataset, features, None, watch)
    }

    fn network(&self, sample: &[usize], classes: usize) -> ModelConfig {
        self.model.perceptron(MlpConfig::audio(sample[0], classes))
    }

    fn start(
        &self,
        _network: &ModelConfig,
        _seed: u64,
        _watch: &dyn Watch,
    ) -> Result<Option<Weights>, PipelineError> {
        Ok(None)
    }

    fn decode(
        &self,
        clips: &[ClipMedia],
        warnings: &mut Vec<String>,
    ) -> Result<DecodedMedia, PipelineError> {
        let decode = |file: &Path| Ok(sound_of(file)?);
        DecodedMedia::decode(
            clips,
            |media| media.file(MediaKind::Sound),
            decode,
            |decoded| {
                let mut sounds = Vec::with_capacity(decoded.len());
                for one in decoded {
                    warnings.extend(one.warnings);
                    sounds.push(one.sound);
                }
                Content::Sounds(sounds)
            },
        )
    }

    fn flags(&self, media: &DecodedMedia) -> Vec<Vec<&'static str>> {
        match &media.content {
            Content::Sounds(sounds) => sounds.par_iter().map(flags).collect(),
            _ => Vec::new(),
        }
    }

    fn see<'a>(&'a self, media: &'a DecodedMedia) -> Result<Box<dyn Source + 'a>, PipelineError> {
        let Content::Sounds(sounds) = &media.content else {
            panic!("the audio branch decodes sounds");
        };
        let sounds = sounds.par_iter().zip(&media.clips);
        let rows: Result<Vec<Vec<f32>>, PipelineError> = sounds
            .map(|(sound, clip)| self.vector(sound).map_err(|error| error.of_clip(clip)))
            .collect();
        let labels = vec![0; media.clips.len()];
        let shape = vec![self.columns().len()];
        let clips = media.clips.clone();
        Ok(Box::new(MemorySource::new(
            shape,
            clips,
            labels,
            rows?.concat(),
        )?))
    }
}
