//! What a trained face network sees in every clip's face, cached: pictures in, an embedding table out.

use std::path::{Path, PathBuf};

use cohort_data::Dataset;
use cohort_nn::burn::tensor::activation::softmax;
use cohort_nn::burn::tensor::{Device, Tensor, TensorData};
use cohort_nn::{DeviceChoice, Model, ModelConfig, ModuleWeights, PictureInput};
use cohort_tables::Provenance;
use cohort_video::Frame;
use cohort_vision::{Picture, decode_warned, normalise};
use cohort_weights::{Checkpoint, Weights};
use rayon::prelude::*;

use super::super::table::{CHUNK, Features, Recipe, make_table};
use super::super::video::Looked;
use super::view::View;
use crate::config::FaceFeatureConfig;
use crate::dataset::all_clips;
use crate::error::PipelineError;
use crate::hashes::{file_hash, settings_hash, weights_hash};
use crate::modality::Modality;
use crate::watch::{Watch, say_warnings};
use crate::weights::file_of;

/// The network with the weights that `config` names, and their file; an output layer that the file lacks or has in
/// another width begins from `seed`. Says what was loaded.
fn load_weights(
    network: &ModelConfig,
    config: &FaceFeatureConfig,
    seed: u64,
    device: &Device,
    watch: &dyn Watch,
) -> Result<(Model, PathBuf), PipelineError> {
    let path = file_of(&config.weights, watch)?;
    let checkpoint = Checkpoint::open(&path)?;
    let (model, report) = network.load_foreign(seed, &checkpoint, device)?;
    let report = report.complete()?;
    watch.say(&format!(
        "{}: {} tensors from {}{}",
        config.backbone,
        report.loaded.len(),
        report.source,
        // which part of the file, and what was cast
        match report.origin() {
            origin if origin.is_empty() => origin,
            origin => format!(",{}", origin.trim_start_matches(',')),
        }
    ));
    Ok((model, path))
}

/// How many classes the output layer in a file of weights tells.
///
/// # Errors
/// A file without an output layer.
fn classes_of(config: &FaceFeatureConfig, watch: &dyn Watch) -> Result<usize, PipelineError> {
    let path = file_of(&config.weights, watch)?;
    let checkpoint = Checkpoint::open(&path)?;
    let naming = config
        .backbone
        .config(config.backbone.input().size, 2, 0.0)
        .naming();
    let output = naming
        .head
        .map(|head| (naming.rename)(&format!("{head}.weight")));
    let found = output.as_ref().and_then(|output| {
        // names in a file may have a prefix
        let fits = |name: &&str| {
            name.strip_suffix(output.as_str())
                .is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('.'))
        };
        let name = checkpoint.names().find(fits)?.to_owned();
        let shape = checkpoint.shape(&name)?.to_vec();
        // this program's own files have the inputs first
        match (checkpoint.is_native(), shape.as_slice()) {
            (true, &[_, classes]) | (false, &[classes, _]) => Some(classes),
            _ => None,
        }
    });
    found.ok_or_else(|| PipelineError::Unusable {
        path,
        expected: format!(
            "weights of {} with its output layer, which tells classes",
            config.backbone
        ),
        found: "none".to_string(),
    })
}

/// The weights that fine-tuning begins from: those that `config` names, but for the output layer, which begins anew.
///
/// # Errors
/// As [`FaceNetwork::open`].
pub(crate) fn weights_to_tune(
    network: &ModelConfig,
    config: &FaceFeatureConfig,
    watch: &dyn Watch,
) -> Result<Weights, PipelineError> {
    let (model, _) = load_weights(network, config, 0, &Device::flex(), watch)?;
    let mut weights = Weights::collect(&model);
    let heads = network.head();
    weights.0.retain(|name, _| {
        // the first part is the network's kind
        let layer = name.split('.').nth(1);
        layer.is_none_or(|layer| heads.iter().all(|head| head != layer))
    });
    Ok(weights)
}

/// A network with its weights, ready to embed pictures.
#[derive(Debug)]
pub(crate) struct FaceNetwork {
    model: Model,
    device: Device,
    input: PictureInput,
    config: FaceFeatureConfig,
    view: View,
    hash: String,
}

impl FaceNetwork {
    /// Finds and reads the weights; says what was loaded.
    ///
    /// # Errors
    /// When the weights are not found, or any tensor but the output layer's is missing or misshapen.
    pub(crate) fn open(
        config: &FaceFeatureConfig,
        device: DeviceChoice,
        watch: &dyn Watch,
    ) -> Result<Self, PipelineError> {
        let view = View::open(config.crop, &config.detector, config.backbone)?;
        if config.weights.is_empty() {
            return Err(PipelineError::Setting {
                name: "weights",
                expected: "a file of the network's weights, or hf:org/name:file",
                found: "none".to_string(),
            });
        }
        let input = config.backbone.input();
        let device = device.device()?;
        let classes = match config.scores {
            true => classes_of(config, watch)?,
            // no output layer is asked, so its width does not matter
            false => 2,
        };
        let network = config.backbone.config(input.size, classes, 0.0);
        let (model, path) = load_weights(&network, config, 0, &device, watch)?;
        Ok(Self {
            model: model.folded(),
            device,
            input,
            config: config.clone(),
            view,
            hash: weights_hash(&path)?,
        })
    }

    /// What it sees of a picture.
    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    /// How its embeddings come about.
    ///
    /// # Errors
    /// None: settings can be written.
    pub(crate) fn provenance(&self) -> Result<Provenance, PipelineError> {
        // crops were part of the settings before there were detectors
        let view = match self.config.detector.is_empty() {
            true => Some(self.config.crop.into()),
            false => self.view.settings(),
        };
        let settings = (self.config.backbone, self.input, view);
        // a table of before there were scores stays what it is
        let (settings, what) = match self.config.scores {
            false => (settings_hash(&settings)?, ""),
            true => (settings_hash(&(settings, "scores"))?, " scores"),
        };
        Ok(Provenance {
            producer: format!(
                concat!("cohort-nn ", env!("CARGO_PKG_VERSION"), " {}{}"),
                self.config.backbone, what
            ),
            weights: self.hash.clone(),
            settings,
            ..Provenance::default()
        })
    }

    /// Length of an embedding.
    pub(crate) fn width(&self) -> usize {
        let sample = vec![0.0; 3 * self.input.size * self.input.size];
        self.forward(&[sample]).first().map_or(0, Vec::len)
    }

    /// What is seen of a video's frames.
    ///
    /// # Errors
    /// As [`View::look`].
    pub(crate) fn look(&self, frames: &[Frame]) -> Result<Looked, PipelineError> {
        self.view.look(frames, self.input.size)
    }

    /// Embeddings of pictures of any size, 32 at a time; of their parts where they are not `whole`.
    ///
    /// # Errors
    /// A picture that cannot be resized.
    pub(crate) fn embed_all<'a>(
        &self,
        pictures: impl Iterator<Item = &'a Picture>,
        whole: bool,
    ) -> Result<Vec<Vec<f32>>, PipelineError> {
        let pictures: Vec<&Picture> = pictures.collect();
        let mut rows = Vec::with_capacity(pictures.len());
        for some in pictures.chunks(CHUNK) {
            let samples: Result<Vec<Vec<f32>>, PipelineError> = some
                .par_iter()
                .map(|picture| match whole {
                    true => self.sample(picture),
                    false => self.of_part(picture),
                })
                .collect();
            rows.extend(self.forward(&samples?));
        }
        Ok(rows)
    }

    /// Embeddings of picture files, as one batch; an error stays in its place.
    fn embed_files(
        &self,
        files: &[&&Path],
        watch: &dyn Watch,
    ) -> Vec<Result<Vec<f32>, PipelineError>> {
        let samples: Vec<Result<Vec<f32>, PipelineError>> = files
            .par_iter()
            .map(|file| {
                let decoded = decode_warned(file)?;
                say_warnings(&decoded.warnings, watch);
                self.sample(&decoded.picture)
            })
            .collect();
        let good: Vec<&Vec<f32>> = samples.iter().flatten().collect();
        let mut rows = self.forward(&good).into_iter();
        samples
            .into_iter()
            .map(|sample| sample.map(|_| rows.next().expect("a row a good sample")))
            .collect()
    }

    fn sample(&self, picture: &Picture) -> Result<Vec<f32>, PipelineError> {
        self.of_part(&self.view.of(picture, self.input.size)?)
    }

    /// The sample of what is seen of a picture.
    fn of_part(&self, part: &Picture) -> Result<Vec<f32>, PipelineError> {
        let PictureInput { size, mean, std } = self.input;
        let mut sample = vec![0.0; 3 * size * size];
        normalise(part, mean, std, &mut sample)?;
        Ok(sample)
    }

    fn forward(&self, samples: &[impl AsRef<[f32]>]) -> Vec<Vec<f32>> {
        if samples.is_empty() {
            return Vec::new();
        }
        let mut values = Vec::new();
        for sample in samples {
            values.extend_from_slice(sample.as_ref());
        }
        let shape = [samples.len(), values.len() / samples.len()];
        let input = Tensor::from_data(TensorData::new(values, shape), &self.device);
        let output = self.model.forward(input, None);
        let seen = match self.config.scores {
            true => softmax(output.logits, 1),
            false => output.embedding,
        };
        let width = seen.dims()[1].max(1);
        let values: Vec<f32> = seen.into_data().convert::<f32>().iter().collect();
        values.chunks(width).map(<[f32]>::to_vec).collect()
    }
}

/// Embeddings of every clip that has a face, written to `path` (Parquet); 32 faces are a batch.
///
/// # Errors
/// As [`make_table`]; weights that cannot be used.
pub(crate) fn face_table(
    dataset: &Dataset,
    network: &FaceNetwork,
    path: &Path,
    skip_bad: bool,
    watch: &dyn Watch,
) -> Result<Features, PipelineError> {
    let recipe = Recipe {
        modality: Modality::Image,
        path,
        dim: network.width(),
        provenance: network.provenance()?,
        skip_bad,
    };
    let clips: Vec<(&str, &Path)> = all_clips(dataset)
        .filter_map(|clip| Some((clip.id.as_str(), clip.picture()?)))
        .collect();
    let hash = |file: &&Path| file_hash(file);
    let compute = |files: &[&&Path]| network.embed_files(files, watch);
    let made = make_table(&recipe, &clips, hash, compute, watch)?;
    network.view.say(watch);
    Ok(made)
}
