//! Encoders: media in, vectors out, for whoever searches. An encoder looks through a branch as training does, and everything that
//! decides its vectors has a hash.

mod clip;
mod composed;
mod settings;
mod trained;
mod words;

use std::path::Path;

use cohort_data::MediaKind;
use cohort_tables::{Provenance, content_hash};
use cohort_train::{DeviceChoice, Embedder};
use cohort_vision::Picture;

use crate::branches::{
    self, Branch, ClipMedia, Content, DecodedMedia, Features, Recipe, chunks, decode_pictures,
    make_table,
};
use crate::config::{ImageMode, RunConfig};
use crate::error::PipelineError;
use crate::hashes::file_hash;
use crate::modality::Modality;
use crate::watch::{Silent, Watch, say_warnings};

use clip::ClipEye;
use composed::Composed;
pub use settings::EncoderSettings;
pub(crate) use trained::write_branch;

/// Side of the picture that is looked at to learn how long a vector is.
const PROBE: usize = 64;

/// Turns pictures, words or both into vectors. A vector depends on its medium alone: not on the others of its call, on their order or
/// on the number of threads.
pub struct Encoder {
    eye: Eye,
    provenance: Provenance,
    width: usize,
    hash: String,
    about: String,
}

/// What looks at media.
enum Eye {
    /// What a branch sees, and the network of an embedding on it where there is one.
    Branch {
        branch: Box<dyn Branch>,
        embedder: Option<Box<Embedder>>,
    },
    /// Pictures and words in one space.
    Clip(Box<ClipEye>),
    /// What two encoders say, brought into one space.
    Composed(Box<Composed>),
}

impl Encoder {
    /// Opens an encoder: finds its weights and loads them.
    ///
    /// # Errors
    /// Weights, a detector or a run that are not to be had or not to be used.
    pub fn open(
        settings: &EncoderSettings,
        device: DeviceChoice,
        watch: &dyn Watch,
    ) -> Result<Self, PipelineError> {
        let mut config = RunConfig {
            device,
            ..RunConfig::default()
        };
        let (eye, about) = match settings {
            EncoderSettings::Network(network) => {
                let image = &mut config.image;
                image.mode = ImageMode::Frozen;
                image.backbone = network.backbone;
                image.weights = network.weights.clone();
                image.crop = network.crop;
                image.detector = network.detector.clone();
                let config = config.resolve()?;
                let branch = branches::open_network(&config, network, watch)?;
                let embedder = None;
                let about = format!("the network {}", network.backbone);
                (Eye::Branch { branch, embedder }, about)
            }
            EncoderSettings::Embedding { run } => {
                let (branch, embedder) = trained::open(run, config, watch)?;
                let about = format!("the embedding in {}", run.display());
                let embedder = Some(Box::new(embedder));
                (Eye::Branch { branch, embedder }, about)
            }
            EncoderSettings::Clip { weights } => {
                let eye = ClipEye::open(weights, device, watch)?;
                (Eye::Clip(Box::new(eye)), format!("the CLIP {weights}"))
            }
            EncoderSettings::Heads {
                run,
                pictures,
                words,
            } => {
                let pictures = Self::open(pictures, device, watch)?;
                let words = Self::open(words, device, watch)?;
                let composed = Composed::heads(run, pictures, words, device)?;
                let about = format!("the heads in {}", run.display());
                (Eye::Composed(Box::new(composed)), about)
            }
            EncoderSettings::Bridge {
                scores,
                names,
                words,
                top,
            } => {
                let scores = Self::open(scores, device, watch)?;
                let words = Self::open(words, device, watch)?;
                let composed = Composed::bridge(scores, names, words, *top, watch)?;
                let about = format!("the label bridge of {}", names.display());
                (Eye::Composed(Box::new(composed)), about)
            }
            EncoderSettings::Text(text) => {
                config.features.text = text.clone();
                let config = config.resolve()?;
                let branch = branches::open(Modality::Text, &config, watch)?;
                let embedder = None;
                let about = format!("the text encoder {}", text.encoder);
                (Eye::Branch { branch, embedder }, about)
            }
        };
        let provenance = match &eye {
            Eye::Clip(clip) => clip.provenance().clone(),
            Eye::Composed(composed) => composed.provenance().clone(),
            Eye::Branch { branch, embedder } => {
                let sees = branch.sees()?.unwrap_or_default();
                match embedder {
                    None => sees,
                    Some(embedder) => Provenance {
                        producer: concat!(
                            "cohort-pipeline ",
                            env!("CARGO_PKG_VERSION"),
                            " embedding"
                        )
                        .to_string(),
                        weights: embedder.hash().to_string(),
                        settings: content_hash(
                            format!("{}\n{}", sees.weights, sees.settings).as_bytes(),
                        ),
                        ..Provenance::default()
                    },
                }
            }
        };
        // what the vectors are, whichever version of the program makes them
        let kind = settings.kind();
        let decides = format!("{kind}\n{}\n{}", provenance.weights, provenance.settings);
        let mut encoder = Self {
            eye,
            provenance,
            width: 0,
            hash: content_hash(decides.as_bytes()),
            about,
        };
        encoder.width = encoder.probe()?;
        Ok(encoder)
    }

    /// Values of a vector, learnt by looking at something.
    fn probe(&self) -> Result<usize, PipelineError> {
        let branch = match &self.eye {
            Eye::Clip(clip) => return Ok(clip.width()),
            Eye::Composed(composed) => return Ok(composed.width()),
            Eye::Branch { branch, .. } => branch,
        };
        if branch.modality() == Modality::Text {
            let nothing = DecodedMedia {
                clips: Vec::new(),
                content: Content::Texts(Vec::new()),
            };
            return Ok(branch.see(&nothing)?.shape().iter().product());
        }
        let probe = DecodedMedia {
            clips: vec!["probe".to_string()],
            content: Content::Pictures(vec![Picture::solid(PROBE, PROBE, [128; 3])]),
        };
        let silent = Silent::default();
        let width = self.seen(&probe, &silent)?.first().map_or(0, Vec::len);
        // the probe is nobody's picture
        self.say_seen(&silent);
        Ok(width)
    }

    /// Values of a vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Hash of everything that decides a vector besides the picture: weights and settings, wherever they lie.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// What makes the vectors, as their table says it.
    pub fn producer(&self) -> &str {
        &self.provenance.producer
    }

    /// What the vectors are to be compared by: `cosine` or `euclidean`.
    pub fn distance(&self) -> &'static str {
        match &self.eye {
            Eye::Branch {
                embedder: Some(embedder),
                ..
            } => embedder.settings().distance(),
            Eye::Composed(composed) => composed.distance(),
            // what a classifier's last layer weighs are directions
            _ => "cosine",
        }
    }

    /// The vectors of pictures as a table, kept in the file `table` and, until that is whole, in a journal beside it: a killed call
    /// goes on with the pictures that it had not seen. Pictures are decoded some at a time.
    ///
    /// # Errors
    /// The first picture that cannot be used, by clip and file, unless `skip_bad`: then such are listed. A vector that is no
    /// number; [`PipelineError::Stopped`]; files that cannot be written.
    pub fn table(
        &self,
        pictures: &[ClipMedia],
        table: &Path,
        skip_bad: bool,
        watch: &dyn Watch,
    ) -> Result<Features, PipelineError> {
        self.check_pictures(pictures)?;
        let recipe = Recipe {
            modality: Modality::Image,
            path: table,
            provenance: self.provenance.clone(),
            dim: self.width,
            skip_bad,
        };
        let items: Vec<(&str, &ClipMedia)> = (pictures.iter())
            .map(|one| (one.clip.as_str(), one))
            .collect();
        let hash = |one: &&ClipMedia| file_hash(picture_of(one)?);
        let compute = |some: &[&&ClipMedia]| {
            let some: Vec<ClipMedia> = some.iter().map(|one| (**one).clone()).collect();
            self.each(&some, watch)
        };
        let made = make_table(&recipe, &items, hash, compute, watch)?;
        self.say_seen(watch);
        Ok(made)
    }

    /// The vectors of a few pictures, row by row in their order; nothing is written.
    ///
    /// # Errors
    /// The first picture that cannot be used, by clip and file; a vector that is no number; [`PipelineError::Stopped`].
    pub fn pictures(
        &self,
        pictures: &[ClipMedia],
        watch: &dyn Watch,
    ) -> Result<Vec<f32>, PipelineError> {
        self.check_pictures(pictures)?;
        let mut values = Vec::with_capacity(pictures.len() * self.width);
        for some in chunks(pictures) {
            if watch.stopped() {
                return Err(PipelineError::Stopped);
            }
            for (one, row) in some.iter().zip(self.each(some, watch)) {
                let row = row.map_err(|error| error.of_clip(&one.clip))?;
                if let Some(column) = row.iter().position(|value| !value.is_finite()) {
                    return Err(PipelineError::NotFinite {
                        clip: one.clip.clone(),
                        modality: "image",
                        column: column.to_string(),
                    });
                }
                values.extend(row);
            }
        }
        self.say_seen(watch);
        Ok(values)
    }

    /// Whether it sees pictures; else it reads words alone.
    pub fn sees_pictures(&self) -> bool {
        match &self.eye {
            Eye::Clip(_) | Eye::Composed(_) => true,
            Eye::Branch { branch, .. } => branch.modality() == Modality::Image,
        }
    }

    /// Pictures, each of which has a file, for an encoder that sees them.
    fn check_pictures(&self, pictures: &[ClipMedia]) -> Result<(), PipelineError> {
        if !self.sees_pictures() {
            return Err(PipelineError::Pictures {
                encoder: self.about.clone(),
            });
        }
        let mut pictures = pictures.iter();
        pictures.try_for_each(|one| picture_of(one).map(drop))
    }

    fn say_seen(&self, watch: &dyn Watch) {
        match &self.eye {
            Eye::Clip(clip) => clip.say_seen(watch),
            Eye::Composed(composed) => {
                let [pictures, words] = composed.parts();
                pictures.say_seen(watch);
                words.say_seen(watch);
            }
            Eye::Branch { branch, .. } => branch.say_seen(watch),
        }
    }

    /// A vector a picture; an error stays in its place.
    fn each(
        &self,
        pictures: &[ClipMedia],
        watch: &dyn Watch,
    ) -> Vec<Result<Vec<f32>, PipelineError>> {
        let parts = chunks(pictures).into_iter();
        parts.flat_map(|some| self.part(some, watch)).collect()
    }

    fn part(&self, some: &[ClipMedia], watch: &dyn Watch) -> Vec<Result<Vec<f32>, PipelineError>> {
        let mut warnings = Vec::new();
        let media = match &self.eye {
            Eye::Clip(_) | Eye::Composed(_) => decode_pictures(some, &mut warnings),
            Eye::Branch { branch, .. } => branch.decode(some, &mut warnings),
        };
        let seen = media.and_then(|media| self.seen(&media, watch));
        match seen {
            Ok(rows) => {
                say_warnings(&warnings, watch);
                rows.into_iter().map(Ok).collect()
            }
            Err(error) if some.len() == 1 => vec![Err(error.unnamed())],
            // one after the other, to learn which it is
            Err(_) => {
                let each = some.chunks(1);
                each.flat_map(|one| self.part(one, watch)).collect()
            }
        }
    }

    /// A vector a medium.
    fn seen(
        &self,
        media: &DecodedMedia,
        watch: &dyn Watch,
    ) -> Result<Vec<Vec<f32>>, PipelineError> {
        let (branch, embedder) = match &self.eye {
            Eye::Branch { branch, embedder } => (branch, embedder),
            Eye::Clip(clip) => {
                let Content::Pictures(pictures) = &media.content else {
                    panic!("pictures were decoded");
                };
                return clip.pictures(pictures);
            }
            Eye::Composed(composed) => {
                let [pictures, _] = composed.parts();
                return composed.pictures(pictures.seen(media, watch)?, watch);
            }
        };
        let source = branch.see(media)?;
        match embedder {
            Some(embedder) => {
                let (values, width) = embedder
                    .embed(&*source, watch.stop())
                    .map_err(PipelineError::of_training)?;
                Ok(values.chunks(width.max(1)).map(<[f32]>::to_vec).collect())
            }
            None => {
                let width = source.shape().iter().product();
                let row = |i: usize| {
                    let mut row = vec![0.0; width];
                    source.fill(i, None, &mut row).map(|()| row)
                };
                let rows: Result<Vec<_>, _> = (0..source.len()).map(row).collect();
                Ok(rows?)
            }
        }
    }
}

/// The file of a clip's picture.
fn picture_of(clip: &ClipMedia) -> Result<&Path, PipelineError> {
    let file = clip.media.file(MediaKind::Picture);
    file.ok_or_else(|| PipelineError::Unusable {
        path: clip.clip.clone().into(),
        expected: "a picture".to_string(),
        found: "a clip without one".to_string(),
    })
}

#[cfg(test)]
mod tests {
    use cohort_nn::burn::tensor::Device;
    use cohort_nn::{Backbone, ModuleWeights};
    use cohort_weights::Weights;

    use super::*;
    use crate::config::FaceFeatureConfig;

    /// A small network with weights from a seed, opened.
    fn opened(folder: &Path, crop: f64) -> Encoder {
        let backbone = Backbone::Compact;
        let network = backbone.config(backbone.input().size, 2, 0.0);
        let model = network.init(3, &Device::flex()).unwrap();
        let file = folder.join("net.safetensors");
        let bytes = Weights::collect(&model).to_safetensors("").unwrap();
        std::fs::write(&file, bytes).unwrap();
        let settings = EncoderSettings::Network(FaceFeatureConfig {
            backbone,
            weights: file.display().to_string(),
            crop,
            ..FaceFeatureConfig::default()
        });
        Encoder::open(&settings, DeviceChoice::default(), &Silent::default()).unwrap()
    }

    #[test]
    fn a_vector_depends_on_its_picture_alone_and_the_hash_on_all_else() {
        let folder = tempfile::tempdir().unwrap();
        let encoder = opened(folder.path(), 1.0);
        assert_eq!(opened(folder.path(), 1.0).hash(), encoder.hash());
        assert_ne!(opened(folder.path(), 0.5).hash(), encoder.hash());
        let clips: Vec<ClipMedia> = (0..70_usize)
            .map(|i| {
                let rgb = (0..24 * 20 * 3)
                    .map(|j| (i * 37 + j * (i + 3)) as u8)
                    .collect();
                let picture = Picture::new(24, 20, rgb).unwrap();
                let file = folder.path().join(format!("{i}.jpg"));
                std::fs::write(&file, cohort_vision::encode_jpeg(&picture, 90).unwrap()).unwrap();
                ClipMedia::picture(format!("c{i}"), file)
            })
            .collect();
        let silent = Silent::default();
        let together = encoder.pictures(&clips, &silent).unwrap();
        assert_eq!(together.len(), 70 * encoder.width());
        for (clip, row) in clips.iter().zip(together.chunks_exact(encoder.width())) {
            let alone = encoder
                .pictures(std::slice::from_ref(clip), &silent)
                .unwrap();
            assert_eq!(alone, row, "{}", clip.clip);
        }
        let path = folder.path().join("t.parquet");
        let made = encoder.table(&clips, &path, false, &silent).unwrap();
        assert_eq!(made.table.values, together);
        assert_eq!(made.table.provenance.producer, encoder.producer());
    }

    #[test]
    fn words_and_clips_without_a_picture_are_refused_with_what_would_do() {
        let folder = tempfile::tempdir().unwrap();
        let encoder = opened(folder.path(), 1.0);
        let told = encoder
            .words(&["a dog"], &Silent::default())
            .unwrap_err()
            .to_string();
        assert!(
            told.starts_with("words: expected an encoder that reads them (a CLIP, or a text encoder), found the network compact"),
            "{told}"
        );
        let none = [ClipMedia {
            clip: "c".into(),
            ..ClipMedia::default()
        }];
        let told = encoder
            .pictures(&none, &Silent::default())
            .unwrap_err()
            .to_string();
        assert_eq!(told, "c: expected a picture, found a clip without one");
    }
}
