//! Pictures: a network that learns from the pixels, or a head on what a frozen network sees.

mod damage;
mod follow;
mod network;
mod pictures;
mod transform;
mod view;

use std::path::Path;

use cohort_data::{Clip, Dataset, MediaKind};
use cohort_nn::{Backbone, PictureInput};
use cohort_tables::Provenance;
use cohort_train::{MemorySource, MlpConfig, ModelConfig, Source};
use cohort_video::Frame;
use cohort_vision::{Picture, Transform, brightness, decode_warned, resize, sharpness};
use cohort_weights::Weights;
use rayon::prelude::*;

use super::branch::{Branch, Facts, Part, Purpose, Samples};
use super::clip_media::ClipMedia;
use super::decoded::{Content, DecodedMedia};
use super::table::{Features, Skipped};
use super::vectors::vector_samples;
use super::video::Looked;
use crate::config::{Augmentation, FaceFeatureConfig, ImageMode, ImageSettings, RunConfig};
use crate::dataset::{splits, target_index};
use crate::error::PipelineError;
use crate::hashes::{settings_hash, weights_hash};
use crate::modality::Modality;
use crate::watch::Watch;
use crate::weights::file_of;

pub(crate) use damage::DAMAGES;
use network::{FaceNetwork, face_table, weights_to_tune};
use pictures::{PictureSource, SeenPictures};
use view::View;

/// The pictures of a run.
pub(crate) struct ImageBranch {
    settings: ImageSettings,
    /// What a network on pixels takes.
    input: PictureInput,
    skip_bad: bool,
    eye: Eye,
}

/// What looks at the pictures first.
enum Eye {
    /// The network that is trained, through a view.
    Pixels(Box<View>),
    /// A network that stays as it is.
    Frozen(Box<FaceNetwork>),
}

impl ImageBranch {
    /// Opens the detector, and the frozen network when there is one.
    ///
    /// # Errors
    /// Weights that are not to be had or not to be used; a folder that is not a detector's.
    pub(crate) fn open(config: &RunConfig, watch: &dyn Watch) -> Result<Self, PipelineError> {
        let settings = &config.image;
        let eye = match settings.mode {
            ImageMode::Pixels => {
                let view = View::open(settings.crop, &settings.detector, settings.backbone)?;
                Eye::Pixels(Box::new(view))
            }
            ImageMode::Frozen => return Self::open_frozen(config, &settings.frozen(), watch),
        };
        Ok(Self::with(config, eye))
    }

    /// Opens a frozen network, whatever the configuration says of networks.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn open_frozen(
        config: &RunConfig,
        network: &FaceFeatureConfig,
        watch: &dyn Watch,
    ) -> Result<Self, PipelineError> {
        let network = FaceNetwork::open(network, config.device, watch)?;
        Ok(Self::with(config, Eye::Frozen(Box::new(network))))
    }

    fn with(config: &RunConfig, eye: Eye) -> Self {
        Self {
            settings: config.image.clone(),
            input: picture_input(config),
            skip_bad: config.skip_bad,
            eye,
        }
    }

    /// Pictures as the network takes them, unchanged otherwise.
    fn plain(&self) -> Transform {
        Augmentation::None.transform(self.input)
    }
}

/// Side of the picture whose sharpness is judged.
const JUDGED: usize = 128;
/// Sharpness at that side below which a picture is called blurred: of 300 faces 2 are; of the same blurred by 2 % of their side three
/// quarters, by 4 % all.
const BLURRED: f64 = 5.5;
/// Brightness below which a picture is called dark; the darkest of those faces has .116.
const DARK: f64 = 0.1;

/// What is odd about a picture.
fn flags(picture: &Picture) -> Vec<&'static str> {
    let judged = resize(picture, JUDGED, JUDGED);
    let mut flags = Vec::new();
    if brightness(picture) < DARK {
        flags.push("dark");
    } else if judged.is_ok_and(|judged| sharpness(&judged) < BLURRED) {
        flags.push("blurred");
    }
    flags
}

/// What the network takes: the size of its trained weights, but `features.image_size` for those that are trained from scratch.
fn picture_input(config: &RunConfig) -> PictureInput {
    let input = config.image.backbone.input();
    match config.image.backbone {
        Backbone::Compact | Backbone::ThreePaths => PictureInput {
            size: config.features.image_size,
            ..input
        },
        _ => input,
    }
}

impl Branch for ImageBranch {
    fn modality(&self) -> Modality {
        Modality::Image
    }

    fn table_file(&self) -> &'static str {
        "faces.parquet"
    }

    fn check_start(&self, watch: &dyn Watch) -> Result<(), PipelineError> {
        match self.settings.fine_tunes() {
            true => file_of(&self.settings.weights, watch).map(drop),
            false => Ok(()),
        }
    }

    fn table(
        &self,
        dataset: &Dataset,
        path: &Path,
        watch: &dyn Watch,
    ) -> Result<Option<Features>, PipelineError> {
        match &self.eye {
            Eye::Pixels(_) => Ok(None),
            Eye::Frozen(network) => {
                face_table(dataset, network, path, self.skip_bad, watch).map(Some)
            }
        }
    }

    fn samples<'a>(
        &'a self,
        dataset: &'a Dataset,
        features: &Path,
        purpose: Purpose,
        watch: &dyn Watch,
    ) -> Result<Samples<'a>, PipelineError> {
        let view = match &self.eye {
            Eye::Pixels(view) => view,
            Eye::Frozen(network) => {
                let view = network.view().settings();
                return vector_samples(self, dataset, features, view, watch);
            }
        };
        let target = target_index(dataset)?;
        let mut skipped: Vec<Skipped> = Vec::new();
        let mut load = |clips: &'a [Clip], transform| -> Result<Part<'a>, PipelineError> {
            let (part, bad) =
                PictureSource::part(clips, target, view, transform, self.skip_bad, watch)?;
            skipped.extend(bad);
            Ok(part)
        };
        let [train, valid, test] = splits(dataset)?;
        let changing = match purpose {
            Purpose::Training => self.settings.augmentation.transform(self.input),
            Purpose::Seeing => self.plain(),
        };
        let parts = [
            load(&train.clips, changing)?,
            load(&valid.clips, self.plain())?,
            load(&test.clips, self.plain())?,
        ];
        let weights = match purpose == Purpose::Training && self.settings.fine_tunes() {
            true => Some(weights_hash(&file_of(&self.settings.weights, watch)?)?),
            false => None,
        };
        let facts = Facts {
            weights,
            view: view.settings(),
            ..Facts::default()
        };
        Ok(Samples {
            parts,
            skipped,
            facts,
        })
    }

    fn network(&self, sample: &[usize], classes: usize) -> ModelConfig {
        let ImageSettings {
            dropout, hidden, ..
        } = &self.settings;
        match &self.eye {
            Eye::Pixels(_) => {
                let backbone = self.settings.backbone;
                backbone.config(self.input.size, classes, *dropout)
            }
            Eye::Frozen(_) => ModelConfig::Mlp(MlpConfig {
                dropout: *dropout,
                ..MlpConfig::new(sample[0], hidden.clone(), classes)
            }),
        }
    }

    fn start(
        &self,
        network: &ModelConfig,
        _seed: u64,
        watch: &dyn Watch,
    ) -> Result<Option<Weights>, PipelineError> {
        match self.settings.fine_tunes() {
            true => weights_to_tune(network, &self.settings.frozen(), watch).map(Some),
            false => Ok(None),
        }
    }

    fn decode(
        &self,
        clips: &[ClipMedia],
        warnings: &mut Vec<String>,
    ) -> Result<DecodedMedia, PipelineError> {
        decode_pictures(clips, warnings)
    }

    fn see<'a>(&'a self, media: &'a DecodedMedia) -> Result<Box<dyn Source + 'a>, PipelineError> {
        let (pictures, whole) = match &media.content {
            Content::Pictures(pictures) => (pictures, true),
            Content::Parts(parts) => (parts, false),
            _ => panic!("the image branch decodes pictures"),
        };
        Ok(match &self.eye {
            Eye::Pixels(view) => Box::new(SeenPictures::new(
                &media.clips,
                pictures,
                whole.then_some(&**view),
                self.plain(),
            )),
            Eye::Frozen(network) => {
                let rows = network.embed_all(pictures.iter(), whole)?;
                let labels = vec![0; rows.len()];
                let clips = media.clips.clone();
                Box::new(MemorySource::new(
                    vec![network.width()],
                    clips,
                    labels,
                    rows.concat(),
                )?)
            }
        })
    }

    fn look(&self, frames: &[Frame]) -> Result<Option<Looked>, PipelineError> {
        Ok(Some(match &self.eye {
            Eye::Pixels(view) => view.look(frames, self.plain().size)?,
            Eye::Frozen(network) => network.look(frames)?,
        }))
    }

    fn flags(&self, media: &DecodedMedia) -> Vec<Vec<&'static str>> {
        match &media.content {
            Content::Pictures(pictures) | Content::Parts(pictures) => {
                pictures.par_iter().map(flags).collect()
            }
            _ => Vec::new(),
        }
    }

    fn sees(&self) -> Result<Option<Provenance>, PipelineError> {
        Ok(Some(match &self.eye {
            Eye::Pixels(view) => Provenance {
                producer: concat!("cohort-pipeline ", env!("CARGO_PKG_VERSION"), " pixels")
                    .to_string(),
                settings: settings_hash(&(self.input, view.settings()))?,
                ..Provenance::default()
            },
            Eye::Frozen(network) => network.provenance()?,
        }))
    }

    fn say_seen(&self, watch: &dyn Watch) {
        match &self.eye {
            Eye::Pixels(view) => view.say(watch),
            Eye::Frozen(network) => network.view().say(watch),
        }
    }
}

/// Decodes the pictures of some clips; what is odd about files that are read even so goes to `warnings`.
///
/// # Errors
/// The first picture that cannot be read, named by its clip.
pub(crate) fn decode_pictures(
    clips: &[ClipMedia],
    warnings: &mut Vec<String>,
) -> Result<DecodedMedia, PipelineError> {
    let decode = |file: &Path| Ok(decode_warned(file)?);
    DecodedMedia::decode(
        clips,
        |media| media.file(MediaKind::Picture),
        decode,
        |decoded| {
            let mut pictures = Vec::with_capacity(decoded.len());
            for one in decoded {
                warnings.extend(one.warnings);
                pictures.push(one.picture);
            }
            Content::Pictures(pictures)
        },
    )
}
