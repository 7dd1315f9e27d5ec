//! Two towers on pairs of pictures and captions, whose vectors find each other.

mod batch;
mod network;
pub(crate) mod settings;
pub(crate) mod trained;
mod within;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use cohort_eval::VALID_LOSS;
use cohort_nn::burn::tensor::{Device, Tensor};
use cohort_nn::metric::{GradedPairs, ScoreScale, Space, attach};
use cohort_nn::{Model, ModelConfig};
use cohort_weights::Weights;
use serde::{Deserialize, Serialize};

use crate::align::batch::{Captions, PairBatch, Rectified};
use crate::align::network::Towers;
use crate::align::settings::VALID_RECALL_AT_1;
use crate::align::within::{chance, recall};
use crate::classify::batch::for_each_in_order;
use crate::classify::moments_of;
use crate::classify::trained::{check_shape, to_host};
use crate::history::Metrics;
use crate::plan::{Augment, Draw, Plan};
use crate::task::{Difference, Loss, Moment, Observer, Task};
use crate::{AlignSettings, Aligned, Criterion, FitSettings, RunFolder, Source, TrainError, fit};

/// Pictures and captions; the label of a caption is the position of its picture, that of a picture is not looked at.
#[derive(Clone, Copy)]
pub struct Pairs<'a> {
    /// Pictures, or vectors that stand for them.
    pub pictures: &'a dyn Source,
    /// Captions, or vectors that stand for them.
    pub captions: &'a dyn Source,
}

/// What is to be trained, on what, and where the run is kept.
#[derive(Clone, Copy)]
pub struct AlignJob<'a> {
    /// The network on pictures; its "classes" are the vector's length.
    pub picture: &'a ModelConfig,
    /// The network on captions, with as many.
    pub caption: &'a ModelConfig,
    /// Training pairs.
    pub train: Pairs<'a>,
    /// Validation pairs of other pictures, by which the best epoch is chosen.
    pub valid: Pairs<'a>,
    /// The settings.
    pub settings: &'a AlignSettings,
    /// Where the run is kept.
    pub run: &'a RunFolder,
    /// Go on where an earlier call with the same networks, settings and samples ended.
    pub resume: bool,
}

/// What is known of a run when it starts; with times added it becomes `run.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlignFacts {
    /// Version of this crate.
    pub version: &'static str,
    /// Seed of everything random.
    pub seed: u64,
    /// The device by name.
    pub device: String,
    /// Threads of the Rayon pool.
    pub threads: usize,
    /// Values of the networks on pictures and on captions that training can change.
    pub parameters: [usize; 2],
    /// What vectors are compared by: `cosine` or `euclidean`.
    pub distance: &'static str,
    /// Training pictures, those of them without captions, and captions.
    pub train: [usize; 3],
    /// Validation pictures, those of them without captions, and captions.
    pub valid: [usize; 3],
    /// Mean of both directions' recall at 1 within the validation pairs if the order were by chance.
    pub chance_recall_at_1: f64,
    /// BLAKE3 of names and pairs of both parts.
    pub data_digest: String,
    /// Epochs that an earlier call had done; not written.
    #[serde(skip)]
    pub resumed_after: usize,
}

/// Trains two towers and returns those of the best validation epoch.
///
/// A checkpoint is written after every epoch; `stop` is looked at before every batch.
///
/// # Errors
/// [`TrainError::Settings`], [`TrainError::Network`] and [`TrainError::Data`] when the job contradicts itself;
/// [`TrainError::RunExists`] and [`TrainError::ResumeMismatch`] when the run folder holds another run;
/// [`TrainError::Sample`] and [`TrainError::NotFinite`] for a bad sample; [`TrainError::Diverged`];
/// [`TrainError::Interrupted`] after `stop` was raised; [`TrainError::Io`].
pub fn train_pairs(
    job: &AlignJob<'_>,
    progress: &mut dyn Observer<AlignFacts>,
    stop: &AtomicBool,
) -> Result<Aligned, TrainError> {
    let (train, valid) = (rectified(job.train), rectified(job.valid));
    let job = match job.settings.rectify {
        false => *job,
        true => AlignJob {
            train: Pairs {
                pictures: &train.0,
                captions: &train.1,
            },
            valid: Pairs {
                pictures: &valid.0,
                captions: &valid.1,
            },
            ..*job
        },
    };
    let task = Align::new(&job)?;
    fit(&task, job.run, job.resume, progress, stop)?;
    Aligned::load(job.run.path(), job.settings.train.device)
}

fn rectified(pairs: Pairs<'_>) -> (Rectified<'_>, Rectified<'_>) {
    (Rectified(pairs.pictures), Rectified(pairs.captions))
}

/// What decides a run, as every checkpoint states it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) picture: ModelConfig,
    pub(crate) caption: ModelConfig,
    pub(crate) settings: AlignSettings,
    pub(crate) data: PairFacts,
}

/// What identifies the pairs of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PairFacts {
    /// Pictures, those of them without captions, captions.
    train: [usize; 3],
    valid: [usize; 3],
    digest: String,
}

/// Training on pairs as a [`Task`].
struct Align<'a> {
    job: &'a AlignJob<'a>,
    record: Record,
    train: Captions,
    valid: Captions,
    valid_pictures: Vec<usize>,
}

impl<'a> Align<'a> {
    /// Checks the job.
    fn new(job: &'a AlignJob<'a>) -> Result<Self, TrainError> {
        let settings = job.settings;
        settings.validate()?;
        job.picture.validate()?;
        job.caption.validate()?;
        for (part, network) in [("pictures", job.picture), ("captions", job.caption)] {
            if network.classes() != settings.dimension {
                return Err(TrainError::Data {
                    part,
                    expected: format!(
                        "a network with {} outputs, the dimension",
                        settings.dimension
                    ),
                    found: network.classes().to_string(),
                });
            }
        }
        let mut hasher = blake3::Hasher::new();
        let mut checked = |part: &'static str, pairs: &Pairs| -> Result<[usize; 3], TrainError> {
            check_shape(part, pairs.pictures, job.picture)?;
            check_shape(part, pairs.captions, job.caption)?;
            let pictures = pairs.pictures.len();
            let mut has = vec![false; pictures];
            for index in 0..pictures {
                hasher.update(pairs.pictures.name(index).as_bytes());
                hasher.update(&[0]);
            }
            for index in 0..pairs.captions.len() {
                let picture = pairs.captions.label(index);
                let has = has.get_mut(picture).ok_or_else(|| TrainError::Data {
                    part,
                    expected: format!("captions of {pictures} pictures"),
                    found: format!("{:?} of picture {picture}", pairs.captions.name(index)),
                })?;
                *has = true;
                hasher.update(pairs.captions.name(index).as_bytes());
                hasher.update(&[0]);
                hasher.update(&(picture as u64).to_le_bytes());
            }
            hasher.update(part.as_bytes());
            let without = has.iter().filter(|has| !**has).count();
            if pictures - without < 2 {
                return Err(TrainError::Data {
                    part,
                    expected: "at least 2 pictures with captions".to_owned(),
                    found: (pictures - without).to_string(),
                });
            }
            Ok([pictures, without, pairs.captions.len()])
        };
        let (train, valid) = (
            checked("training", &job.train)?,
            checked("validation", &job.valid)?,
        );
        let digest = hasher.finalize().to_hex().to_string();
        Ok(Self {
            job,
            record: Record {
                picture: job.picture.clone(),
                caption: job.caption.clone(),
                settings: settings.clone().resolved(),
                data: PairFacts {
                    train,
                    valid,
                    digest,
                },
            },
            train: Captions::new(&job.train),
            valid: Captions::new(&job.valid),
            valid_pictures: labels(job.valid.captions),
        })
    }

    fn graded(
        &self,
        rows: [&[f32]; 2],
        picture_of: &[usize],
        scale: [f64; 2],
    ) -> Result<GradedPairs, TrainError> {
        let [pictures, captions] = rows;
        let width = self.job.picture.classes();
        let loss = &self.record.settings.loss;
        Ok(loss.grade(pictures, captions, width, picture_of, scale)?)
    }

    /// A network that standardises its inputs, by its training samples.
    fn standardised(
        &self,
        model: Model,
        config: &ModelConfig,
        source: &dyn Source,
        device: &Device,
        stop: &AtomicBool,
    ) -> Result<Model, TrainError> {
        Ok(match config.standardises() {
            false => model,
            true => {
                let moments = moments_of(source, self.job.settings.batch_size, stop)?;
                model.with_moments(&moments, device)
            }
        })
    }
}

fn labels(source: &dyn Source) -> Vec<usize> {
    (0..source.len()).map(|index| source.label(index)).collect()
}

/// What a network makes of all samples in order, on the host.
fn embed(
    model: &Model,
    source: &dyn Source,
    batch_size: usize,
    at: Moment<'_>,
    stop: &AtomicBool,
) -> Result<Vec<f32>, TrainError> {
    let mut rows = Vec::new();
    for_each_in_order(source, batch_size, |batch| {
        if stop.load(Ordering::Relaxed) {
            return Err(TrainError::Interrupted { epochs: at.epochs });
        }
        let (input, _): (Tensor<2>, _) = batch.into_tensor(at.device);
        rows.extend(to_host(model.forward(input, None).logits));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(rows)
}

impl Task for Align<'_> {
    type Batch = PairBatch;
    type Network = Towers;
    type Record = Record;
    type Facts = AlignFacts;

    fn settings(&self) -> &FitSettings {
        &self.record.settings.train
    }

    fn record(&self) -> &Record {
        &self.record
    }

    fn difference(&self, earlier: &Record) -> Option<Difference> {
        let own = &self.record;
        Difference::of("network", &earlier.picture, &own.picture)
            .or_else(|| Difference::of("network", &earlier.caption, &own.caption))
            .or_else(|| Difference::of("settings", &earlier.settings, &own.settings))
            .or_else(|| Difference::of("data", &earlier.data, &own.data))
    }

    fn config(&self) -> Result<String, String> {
        #[derive(Serialize)]
        struct Config<'a> {
            picture: &'a ModelConfig,
            caption: &'a ModelConfig,
            pairs: &'a AlignSettings,
        }
        let config = Config {
            picture: self.job.picture,
            caption: self.job.caption,
            pairs: &self.record.settings,
        };
        toml::to_string_pretty(&config).map_err(|error| error.to_string())
    }

    fn criterion(&self) -> Criterion {
        self.job.settings.selection.criterion()
    }

    fn init(&self, seed: u64, device: &Device, stop: &AtomicBool) -> Result<Towers, TrainError> {
        let mut towers = Towers::init(&self.record, seed, device)?;
        let (job, train) = (self.job, self.job.train);
        let (picture, caption) = (towers.picture, towers.caption);
        towers.picture = self.standardised(picture, job.picture, train.pictures, device, stop)?;
        towers.caption = self.standardised(caption, job.caption, train.captions, device, stop)?;
        Ok(towers)
    }

    fn load(&self, weights: Weights, device: &Device) -> Result<Towers, TrainError> {
        Ok(Towers::load(&self.record, &weights, device)?)
    }

    fn facts(
        &self,
        network: &Towers,
        resumed_after: usize,
        _stop: &AtomicBool,
    ) -> Result<AlignFacts, TrainError> {
        let (settings, data) = (&self.record.settings, &self.record.data);
        let by_chance = chance(&self.valid_pictures, self.job.valid.pictures.len());
        Ok(AlignFacts {
            version: env!("CARGO_PKG_VERSION"),
            seed: settings.train.seed,
            device: settings.train.device.to_string(),
            threads: rayon::current_num_threads(),
            parameters: [&network.picture, &network.caption].map(Model::trainable_parameters),
            distance: settings.distance(),
            train: data.train,
            valid: data.valid,
            chance_recall_at_1: (by_chance.to_captions + by_chance.to_pictures) / 2.0,
            data_digest: data.digest.clone(),
            resumed_after,
        })
    }

    fn plan(&self, epoch: usize) -> Plan {
        let settings = &self.record.settings;
        self.train
            .plan(epoch, settings.batch_size, settings.train.seed)
    }

    fn batch(&self, draws: &[Draw], augment: Augment) -> Result<PairBatch, TrainError> {
        let most = self.record.settings.captions;
        self.train.batch(&self.job.train, draws, most, augment)
    }

    fn loss(&self, network: &Towers, batch: PairBatch, at: Moment<'_>) -> Result<Loss, TrainError> {
        let (pictures, _) = batch.pictures.into_tensor(at.device);
        let (captions, _) = batch.captions.into_tensor(at.device);
        let pictures = network.picture.forward(pictures, Some(at.seed)).logits;
        let captions = network.caption.forward(captions, Some(at.seed)).logits;
        let rows = [&pictures, &captions].map(|rows| to_host(rows.clone().inner()));
        let count = pictures.dims()[0] as f64;
        let scale = network.scale_now();
        if !rows.iter().flatten().all(|value| value.is_finite()) {
            // the loop ends with what this is
            return Ok(Loss {
                value: pictures.sum(),
                sum: f64::NAN,
                weight: count,
                measures: Vec::new(),
            });
        }
        let graded = self.graded([&rows[0], &rows[1]], &batch.picture_of, scale)?;
        let mut value = attach(pictures, &graded.pictures) + attach(captions, &graded.captions);
        if let Some(scale) = network.scale().map(ScoreScale::values) {
            value = value + attach(scale, &graded.scale);
        }
        Ok(Loss {
            value,
            sum: graded.value * count,
            weight: count,
            measures: vec![("active", graded.active as f64, graded.tuples as f64)],
        })
    }

    fn validate(
        &self,
        network: &Towers,
        at: Moment<'_>,
        stop: &AtomicBool,
    ) -> Result<Metrics, TrainError> {
        let (settings, valid) = (&self.record.settings, self.job.valid);
        let size = settings.batch_size;
        let pictures = embed(&network.picture, valid.pictures, size, at, stop)?;
        let captions = embed(&network.caption, valid.captions, size, at, stop)?;
        let width = self.job.picture.classes();
        let scale = network.scale_now();
        let (mut sum, mut weight) = (0.0, 0.0);
        for batch in &self.valid.in_order(size).0 {
            let batch = self.valid.places(batch, settings.captions);
            let rows = |all: &[f32], places: &[usize]| -> Vec<f32> {
                let rows = places.iter().map(|&at| &all[at * width..(at + 1) * width]);
                rows.flatten().copied().collect()
            };
            let (some, theirs) = (
                rows(&pictures, &batch.pictures),
                rows(&captions, &batch.captions),
            );
            let is_finite = some.iter().chain(&theirs).all(|value| value.is_finite());
            let count = batch.pictures.len() as f64;
            sum += match is_finite {
                true => {
                    self.graded([&some, &theirs], &batch.picture_of, scale)?
                        .value
                        * count
                }
                false => f64::NAN,
            };
            weight += count;
        }
        let space = match settings.loss.is_cosine() {
            true => Space::Cosine,
            false => Space::Distance,
        };
        let found = recall(space, &pictures, &captions, width, &self.valid_pictures);
        let mean = (found.to_captions + found.to_pictures) / 2.0;
        Ok([
            (VALID_LOSS, sum / weight),
            (VALID_RECALL_AT_1, mean),
            ("valid_pictures_to_captions_at_1", found.to_captions),
            ("valid_captions_to_pictures_at_1", found.to_pictures),
        ]
        .map(|(name, value)| (name.to_owned(), Some(value)))
        .to_vec())
    }
}
