//! Other kinds of training than classification go through the same loop: metric learning on triplets, two towers on pairs,
//! boxes of any number a picture, and denoising. Each learns what a closed form says it can, and goes on after a stop to the
//! same bytes.

mod common;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use cohort_nn::ModuleWeights;
use cohort_nn::burn;
use cohort_nn::burn::module::Module;
use cohort_nn::burn::nn::{Linear, LinearConfig};
use cohort_nn::burn::tensor::activation::{log_softmax, relu};
use cohort_nn::burn::tensor::{Device, Int, Tensor, TensorData};
use cohort_train::{
    Augment, Criterion, Difference, Draw, EpochMetrics, FitSettings, Loss, Metrics, Moment,
    Observer, Plan, RunFolder, Single, Task, TrainError, Unobserved, VALID_LOSS, derive_seed, fit,
};
use cohort_weights::Weights;
use common::{differences, noise};
use serde::{Deserialize, Serialize};

/// Two layers, from `inputs` to `outputs` values.
#[derive(Module, Debug)]
struct Tower {
    first: Linear,
    second: Linear,
}

impl Tower {
    fn new(inputs: usize, outputs: usize, seed: u64, device: &Device) -> Self {
        let module = Self {
            first: LinearConfig::new(inputs, 24).init(device),
            second: LinearConfig::new(24, outputs).init(device),
        };
        seeded(module, seed)
    }

    fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        self.second.forward(relu(self.first.forward(input)))
    }
}

/// A tower for pictures and one for texts, into one space.
#[derive(Module, Debug)]
struct TwoTowers {
    picture: Tower,
    text: Tower,
}

/// A module whose weights are functions of the seed.
fn seeded<M: Module>(module: M, seed: u64) -> M {
    let mut weights = Weights::collect(&module.valid());
    for (part, array) in weights.0.values_mut().enumerate() {
        let seed = derive_seed(seed, "part", &[part as u64]);
        let scale = 1.0 / (array.shape[0] as f32).sqrt();
        for (at, value) in array.values.iter_mut().enumerate() {
            *value = scale * noise(seed, at as u64);
        }
    }
    weights.apply(module).unwrap()
}

fn tensor(values: Vec<f32>, width: usize, device: &Device) -> Tensor<2> {
    let rows = values.len() / width;
    Tensor::from_data(TensorData::new(values, [rows, width]), device)
}

fn number(tensor: Tensor<1>) -> f64 {
    f64::from(
        tensor
            .into_data()
            .convert::<f32>()
            .iter::<f32>()
            .next()
            .unwrap(),
    )
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Record {
    settings: FitSettings,
    data: usize,
}

#[derive(Serialize)]
struct Facts {
    samples: usize,
    resumed_after: usize,
}

/// What the four have in common: `samples` samples, a network of one module, and the settings as record.
macro_rules! task {
    ($name:ident, $module:ty, |$seed:ident, $device:ident| $init:expr) => {
        struct $name {
            record: Record,
        }

        impl $name {
            fn new(samples: usize, settings: FitSettings) -> Self {
                Self {
                    record: Record {
                        settings,
                        data: samples,
                    },
                }
            }

            fn fresh($seed: u64, $device: &Device) -> $module {
                $init
            }
        }

        impl Task for $name {
            type Batch = <Self as Kind>::Made;
            type Network = Single<$module>;
            type Record = Record;
            type Facts = Facts;

            fn settings(&self) -> &FitSettings {
                &self.record.settings
            }

            fn record(&self) -> &Record {
                &self.record
            }

            fn difference(&self, earlier: &Record) -> Option<Difference> {
                let own = &self.record;
                Difference::of("settings", &earlier.settings, &own.settings)
                    .or_else(|| Difference::of("data", &earlier.data, &own.data))
            }

            fn config(&self) -> Result<String, String> {
                toml::to_string(&self.record).map_err(|error| error.to_string())
            }

            fn criterion(&self) -> Criterion {
                <Self as Kind>::CRITERION
            }

            fn init(
                &self,
                seed: u64,
                device: &Device,
                _: &AtomicBool,
            ) -> Result<Self::Network, TrainError> {
                Ok(Single(Self::fresh(seed, device)))
            }

            fn load(&self, weights: Weights, device: &Device) -> Result<Self::Network, TrainError> {
                Ok(Single(weights.apply(Self::fresh(0, device))?))
            }

            fn facts(
                &self,
                _: &Self::Network,
                resumed_after: usize,
                _: &AtomicBool,
            ) -> Result<Facts, TrainError> {
                Ok(Facts {
                    samples: self.record.data,
                    resumed_after,
                })
            }

            fn plan(&self, epoch: usize) -> Plan {
                let mut draws: Vec<Draw> = Plan::in_order(self.record.data, 8)
                    .draws()
                    .copied()
                    .collect();
                draws.sort_by_key(|draw| {
                    derive_seed(
                        self.record.settings.seed,
                        "order",
                        &[epoch as u64, draw.index as u64],
                    )
                });
                Plan::of(draws, 8)
            }

            fn batch(&self, draws: &[Draw], augment: Augment) -> Result<Self::Batch, TrainError> {
                Ok(self.made(draws, augment))
            }

            fn loss(
                &self,
                network: &Self::Network,
                batch: Self::Batch,
                at: Moment<'_>,
            ) -> Result<Loss, TrainError> {
                Ok(self.lost(&network.0, batch, at))
            }

            fn validate(
                &self,
                network: &Self::Network,
                at: Moment<'_>,
                stop: &AtomicBool,
            ) -> Result<Metrics, TrainError> {
                if stop.load(Ordering::Relaxed) {
                    return Err(TrainError::Interrupted { epochs: at.epochs });
                }
                let values = self.measured(&network.0, at);
                Ok(values
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), Some(value)))
                    .collect())
            }
        }
    };
}

/// What differs between the four.
trait Kind {
    type Made: Send;
    type Module;
    const CRITERION: Criterion;
    fn made(&self, draws: &[Draw], augment: Augment) -> Self::Made;
    fn lost(&self, network: &Self::Module, batch: Self::Made, at: Moment<'_>) -> Loss;
    fn measured(&self, network: &Self::Module, at: Moment<'_>) -> Vec<(&'static str, f64)>;
}

/// A mean over `count` samples.
fn mean_loss(value: Tensor<1>, count: usize, measures: Vec<(&'static str, f64, f64)>) -> Loss {
    let mean = number(value.clone().inner());
    Loss {
        value,
        sum: mean * count as f64,
        weight: count as f64,
        measures,
    }
}

/// A point of item `index` of class `index % classes`, in 6 columns of which two tell the class.
fn point(index: usize, classes: usize, seed: u64) -> Vec<f32> {
    let angle = (index % classes) as f32 / classes as f32 * std::f32::consts::TAU;
    let grain = |j: usize| noise(seed, (index * 6 + j) as u64);
    (0..6)
        .map(|j| match j {
            0 => angle.cos() + 0.2 * grain(0),
            1 => angle.sin() + 0.2 * grain(1),
            j => 1.5 * grain(j),
        })
        .collect()
}

// Metric learning: a batch is triplets of anchor, positive and negative, made from the plan's draws.

task!(Triplets, Tower, |seed, device| Tower::new(
    6, 3, seed, device
));

struct Triplet {
    anchors: Vec<f32>,
    positives: Vec<f32>,
    negatives: Vec<f32>,
}

impl Kind for Triplets {
    type Made = Triplet;
    type Module = Tower;
    const CRITERION: Criterion = Criterion {
        metric: "valid_precision_at_1",
        lower_is_better: false,
    };

    fn made(&self, draws: &[Draw], augment: Augment) -> Triplet {
        let mut made = Triplet {
            anchors: vec![],
            positives: vec![],
            negatives: vec![],
        };
        for draw in draws {
            // another partner every epoch: a function of seed, epoch and index
            let (seed, epoch) = augment.unwrap_or_default();
            let skip = 1 + draw.seed(seed, epoch) as usize % 5;
            made.anchors.extend(point(draw.index, 4, 1));
            made.positives.extend(point(draw.index + 4 * skip, 4, 1));
            made.negatives
                .extend(point(draw.index + 4 * skip + 1, 4, 1));
        }
        made
    }

    fn lost(&self, network: &Tower, batch: Triplet, at: Moment<'_>) -> Loss {
        let see = |values: Vec<f32>| network.forward(tensor(values, 6, at.device));
        let count = batch.anchors.len() / 6;
        let anchors = see(batch.anchors);
        let to = |other: Tensor<2>| (anchors.clone() - other).square().sum_dim(1);
        let margin = to(see(batch.positives)) - to(see(batch.negatives)) + 1.0;
        let violated = margin.clone().inner().greater_elem(0.0).float().sum();
        let value = relu(margin).mean();
        mean_loss(
            value,
            count,
            vec![("violated", number(violated), count as f64)],
        )
    }

    fn measured(&self, network: &Tower, at: Moment<'_>) -> Vec<(&'static str, f64)> {
        let all: Vec<f32> = (0..60).flat_map(|i| point(i, 4, 2)).collect();
        let seen: Vec<f32> = network
            .forward(tensor(all, 6, at.device))
            .into_data()
            .convert::<f32>()
            .iter()
            .collect();
        let distance = |a: usize, b: usize| -> f32 {
            (0..3)
                .map(|j| (seen[a * 3 + j] - seen[b * 3 + j]).powi(2))
                .sum()
        };
        let nearest = |a: usize| {
            let others = (0..60).filter(|b| *b != a);
            others
                .min_by(|b, c| distance(a, *b).total_cmp(&distance(a, *c)))
                .unwrap()
        };
        let right = (0..60).filter(|&a| nearest(a) % 4 == a % 4).count() as f64 / 60.0;
        vec![(VALID_LOSS, 1.0 - right), ("valid_precision_at_1", right)]
    }
}

// Two-tower alignment: a batch is pairs, and every other pair of the batch is a negative.

task!(Pairs, TwoTowers, |seed, device| TwoTowers {
    picture: Tower::new(6, 4, derive_seed(seed, "picture", &[]), device),
    text: Tower::new(6, 4, derive_seed(seed, "text", &[]), device),
});

impl Pairs {
    /// Cosines of all pictures with all texts, times 5.
    fn similarities(
        network: &TwoTowers,
        (pictures, texts): (Vec<f32>, Vec<f32>),
        device: &Device,
    ) -> Tensor<2> {
        let unit = |x: Tensor<2>| x.clone() / (x.square().sum_dim(1) + 1e-9).sqrt();
        let pictures = unit(network.picture.forward(tensor(pictures, 6, device)));
        let texts = unit(network.text.forward(tensor(texts, 6, device)));
        pictures.matmul(texts.transpose()) * 5.0
    }

    fn loss_of(similarities: Tensor<2>) -> Tensor<1> {
        let [n, _] = similarities.dims();
        let own = Tensor::<2>::eye(n, &similarities.device());
        let along = |x: Tensor<2>| -(log_softmax(x, 1) * own.clone()).sum() / n as f64;
        (along(similarities.clone()) + along(similarities.transpose())) / 2.0
    }

    /// The text of a picture: its two telling columns in another place and with other grain.
    fn pair(index: usize, seed: u64) -> (Vec<f32>, Vec<f32>) {
        let picture = point(index, 8, seed);
        let mut text = point(index, 8, seed + 50);
        text.rotate_left(3);
        (picture, text)
    }
}

impl Kind for Pairs {
    type Made = (Vec<f32>, Vec<f32>);
    type Module = TwoTowers;
    const CRITERION: Criterion = Criterion {
        metric: "valid_recall_at_1",
        lower_is_better: false,
    };

    fn made(&self, draws: &[Draw], _: Augment) -> Self::Made {
        let pairs = draws.iter().map(|draw| Self::pair(draw.index, 3));
        let (pictures, texts): (Vec<_>, Vec<_>) = pairs.unzip();
        (pictures.concat(), texts.concat())
    }

    fn lost(&self, network: &TwoTowers, batch: Self::Made, at: Moment<'_>) -> Loss {
        let count = batch.0.len() / 6;
        let value = Self::loss_of(Self::similarities(network, batch, at.device));
        mean_loss(value, count, vec![])
    }

    fn measured(&self, network: &TwoTowers, at: Moment<'_>) -> Vec<(&'static str, f64)> {
        let (pictures, texts): (Vec<_>, Vec<_>) = (0..8).map(|i| Self::pair(i, 4)).unzip();
        let all = Self::similarities(network, (pictures.concat(), texts.concat()), at.device);
        let best: Tensor<2, Int> = all.clone().argmax(1);
        let best: Vec<i64> = best.into_data().convert::<i64>().iter().collect();
        let right = best
            .iter()
            .enumerate()
            .filter(|(i, b)| *i as i64 == **b)
            .count();
        vec![
            (VALID_LOSS, number(Self::loss_of(all))),
            ("valid_recall_at_1", right as f64 / 8.0),
        ]
    }
}

// Detection: a sample has any number of boxes; the network says for each of four cells whether there is one and how wide.

task!(Boxes, Tower, |seed, device| Tower::new(8, 8, seed, device));

struct Scene {
    pixels: Vec<f32>,
    /// Cell and width of every box, none to four.
    boxes: Vec<(usize, f32)>,
}

impl Boxes {
    fn scene(index: usize, seed: u64) -> Scene {
        let mut scene = Scene {
            pixels: vec![0.0; 8],
            boxes: vec![],
        };
        for cell in 0..4 {
            let place = (index * 4 + cell) as u64;
            let bright = if noise(seed, place) > 0.0 {
                let width = 1.5 + noise(seed + 1, place);
                scene.boxes.push((cell, width));
                width
            } else {
                0.0
            };
            scene.pixels[2 * cell] = bright + 0.1 * noise(seed + 2, place);
            scene.pixels[2 * cell + 1] = bright + 0.1 * noise(seed + 3, place);
        }
        scene
    }

    /// Objectness and width by cell, and the targets with a mask of the cells that hold a box.
    fn losses(network: &Tower, scenes: &[Scene], device: &Device) -> (Tensor<1>, f64) {
        let pixels = scenes
            .iter()
            .flat_map(|scene| scene.pixels.clone())
            .collect();
        let out = network.forward(tensor(pixels, 8, device));
        let (mut is_box, mut width) = (vec![0.0; scenes.len() * 4], vec![0.0; scenes.len() * 4]);
        for (row, scene) in scenes.iter().enumerate() {
            for &(cell, wide) in &scene.boxes {
                is_box[row * 4 + cell] = 1.0;
                width[row * 4 + cell] = wide;
            }
        }
        let boxes = is_box.iter().sum::<f32>().max(1.0);
        let (is_box, width) = (tensor(is_box, 4, device), tensor(width, 4, device));
        let (score, wide) = (out.clone().narrow(1, 0, 4), out.narrow(1, 4, 4));
        // -log sigmoid(z) for boxes, -log sigmoid(-z) for the others
        let sign = is_box.clone() * 2.0 - 1.0;
        let objectness = ((sign * score * -1.0).exp() + 1.0).log().mean();
        let error = ((wide - width).square() * is_box).sum() / f64::from(boxes);
        let mean_error = number(error.clone().detach());
        (objectness + error, mean_error)
    }
}

impl Kind for Boxes {
    type Made = Vec<Scene>;
    type Module = Tower;
    const CRITERION: Criterion = Criterion::LOSS;

    fn made(&self, draws: &[Draw], _: Augment) -> Vec<Scene> {
        draws
            .iter()
            .map(|draw| Self::scene(draw.index, 7))
            .collect()
    }

    fn lost(&self, network: &Tower, batch: Vec<Scene>, at: Moment<'_>) -> Loss {
        let (value, error) = Self::losses(network, &batch, at.device);
        let boxes = batch.iter().map(|scene| scene.boxes.len()).sum::<usize>() as f64;
        mean_loss(
            value,
            batch.len(),
            vec![("squared_width_error", error * boxes, boxes)],
        )
    }

    fn measured(&self, network: &Tower, at: Moment<'_>) -> Vec<(&'static str, f64)> {
        let scenes: Vec<Scene> = (0..40).map(|i| Self::scene(i, 17)).collect();
        let (value, error) = Self::losses(network, &scenes, at.device);
        vec![
            (VALID_LOSS, number(value)),
            ("valid_squared_width_error", error),
        ]
    }
}

// Denoising: the noise is drawn from the step's seed, and the network predicts it.

task!(Denoise, Tower, |seed, device| Tower::new(
    2, 1, seed, device
));

/// How much of the sample is left under the noise.
const SIGNAL: f32 = 0.75;

impl Denoise {
    /// Samples are +1 or -1; the input is the noisy one and its sign is what can be known.
    fn noisy(samples: &[f32], seed: u64) -> (Vec<f32>, Vec<f32>) {
        let grain: Vec<f32> = (0..samples.len())
            .map(|i| 0.5 * noise(seed, i as u64))
            .collect();
        let inputs = samples
            .iter()
            .zip(&grain)
            .flat_map(|(x, e)| [SIGNAL * x + e, 1.0])
            .collect();
        (inputs, grain)
    }

    fn error(network: &Tower, samples: &[f32], seed: u64, device: &Device) -> Tensor<1> {
        let (inputs, grain) = Self::noisy(samples, seed);
        let predicted = network.forward(tensor(inputs, 2, device));
        (predicted - tensor(grain, 1, device)).square().mean()
    }
}

impl Kind for Denoise {
    type Made = Vec<f32>;
    type Module = Tower;
    const CRITERION: Criterion = Criterion::LOSS;

    fn made(&self, draws: &[Draw], _: Augment) -> Vec<f32> {
        draws
            .iter()
            .map(|draw| if draw.index % 2 == 0 { 1.0 } else { -1.0 })
            .collect()
    }

    fn lost(&self, network: &Tower, batch: Vec<f32>, at: Moment<'_>) -> Loss {
        let value = Self::error(network, &batch, at.seed, at.device);
        mean_loss(value, batch.len(), vec![])
    }

    fn measured(&self, network: &Tower, at: Moment<'_>) -> Vec<(&'static str, f64)> {
        let samples: Vec<f32> = (0..400)
            .map(|i| if i % 2 == 0 { 1.0 } else { -1.0 })
            .collect();
        vec![(
            VALID_LOSS,
            number(Self::error(network, &samples, at.seed, at.device)),
        )]
    }
}

fn settings(epochs: usize) -> FitSettings {
    FitSettings {
        epochs,
        patience: epochs,
        learning_rate: 2e-2,
        seed: 3,
        ..FitSettings::default()
    }
}

fn lines(folder: &Path) -> Vec<EpochMetrics> {
    let text = std::fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Raises the flag in an epoch.
struct StopIn<'a>(usize, &'a AtomicBool);

impl Observer<Facts> for StopIn<'_> {
    fn batch(&mut self, epoch: usize, done: usize, _: usize) {
        if epoch == self.0 && done == 2 {
            self.1.store(true, Ordering::Relaxed);
        }
    }
}

/// Trains, once in one go and once stopped in the middle of an epoch; the bytes are the same. Gives the epochs.
fn trained<T: Task<Facts = Facts>>(task: &T) -> Vec<EpochMetrics> {
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let go_on = AtomicBool::new(false);
    let run = RunFolder::open(whole.path()).unwrap();
    fit(task, &run, false, &mut Unobserved, &go_on).unwrap();
    let run = RunFolder::open(parts.path()).unwrap();
    let stop = AtomicBool::new(false);
    let error = fit(task, &run, false, &mut StopIn(3, &stop), &stop).unwrap_err();
    assert!(
        matches!(error, TrainError::Interrupted { epochs: 2 }),
        "{error}"
    );
    let error = fit(task, &run, false, &mut Unobserved, &go_on).unwrap_err();
    assert!(
        matches!(error, TrainError::RunExists { epochs: 2, .. }),
        "{error}"
    );
    fit(task, &run, true, &mut Unobserved, &go_on).unwrap();
    assert_eq!(differences(whole.path(), parts.path()), [""; 0]);
    let facts: serde_json::Value =
        serde_json::from_slice(&std::fs::read(parts.path().join("run.json")).unwrap()).unwrap();
    assert_eq!(facts["resumed_after"], 2);
    lines(whole.path())
}

/// The best epoch's value of the selecting measure, and the first epoch's.
fn gain(history: &[EpochMetrics], criterion: Criterion) -> (f64, f64) {
    let best = cohort_train::best_epoch(history, criterion).unwrap();
    (
        history[0].value(criterion.metric),
        best.value(criterion.metric),
    )
}

#[test]
fn triplets_bring_items_of_a_class_together() {
    let history = trained(&Triplets::new(64, settings(12)));
    let (first, best) = gain(&history, Triplets::CRITERION);
    // four columns of noise drown the two that tell the class: chance is 14 of 59
    assert!(best > 0.9 && best > first, "{first} {best}");
    let violated = |m: &EpochMetrics| m.value("train_violated");
    assert!(violated(&history[11]) < 0.5 * violated(&history[0]));
}

#[test]
fn two_towers_find_their_pairs() {
    let history = trained(&Pairs::new(64, settings(25)));
    let (first, best) = gain(&history, Pairs::CRITERION);
    // 8 pairs: chance is .125
    assert!(best >= 0.75 && best > first, "{first} {best}");
}

#[test]
fn boxes_of_any_number_are_found() {
    let history = trained(&Boxes::new(64, settings(30)));
    let (first, best) = gain(&history, Boxes::CRITERION);
    assert!(best < 0.2 * first, "{first} {best}");
    // widths spread evenly over 1.5 +- 1: their mean leaves an error of 1/3
    let error = history.last().unwrap().value("valid_squared_width_error");
    assert!(error < 0.1, "{error}");
}

#[test]
fn noise_is_told_from_the_signal() {
    let history = trained(&Denoise::new(512, settings(20)));
    let (_, best) = gain(&history, Denoise::CRITERION);
    // Noise is even on (-.5, .5) and the signal +-.75, so the sign is always known and the error can go to 0; predicting 0
    // leaves 1/12.
    assert!(best < 0.02, "{best}");
}

#[test]
fn a_run_goes_on_with_its_own_record_only() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::open(folder.path()).unwrap();
    let go_on = AtomicBool::new(false);
    fit(
        &Denoise::new(16, settings(2)),
        &run,
        false,
        &mut Unobserved,
        &go_on,
    )
    .unwrap();
    for (task, what) in [
        (Denoise::new(16, settings(3)), "settings"),
        (Denoise::new(24, settings(2)), "data"),
    ] {
        let error = fit(&task, &run, true, &mut Unobserved, &go_on).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
}
