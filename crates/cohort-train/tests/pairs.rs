//! Two towers learn through the loop which caption belongs to which picture: on pictures that were not seen, with every loss, while
//! shuffled pairs teach nothing; a run that was stopped goes on to the same bytes; heads have the published numbers of
//! parameters.

mod common;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use cohort_nn::metric::PairLoss;
use cohort_train::{
    AlignFacts, AlignJob, AlignSettings, Aligned, FitSettings, MemorySource, MlpConfig,
    ModelConfig, Observer, Pairs, RunFolder, Source, TrainError, Unobserved, train_pairs,
};
use common::{differences, noise};

/// Of what a pair says, pictures show six columns in twelve and captions in ten, each by a mixing of its own.
struct World {
    pictures: MemorySource,
    captions: MemorySource,
}

impl World {
    /// `count` pictures with 1 to 3 captions each; `shift` moves the captions on by so many pictures.
    fn new(count: usize, seed: u64, shift: usize) -> Self {
        let meaning = |picture: usize, i: usize| noise(seed, (picture * 6 + i) as u64);
        // mixings that every world shares
        let mixed = |picture: usize, of: u64, width: usize, grain: u64| -> Vec<f32> {
            (0..width)
                .map(|j| {
                    let parts = (0..6).map(|i| noise(of, (j * 6 + i) as u64) * meaning(picture, i));
                    parts.sum::<f32>() + 0.05 * noise(seed + of, grain * 64 + j as u64)
                })
                .collect()
        };
        let (mut values, mut labels, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for picture in 0..count {
            for number in 0..1 + picture % 3 {
                let shown = (picture + shift) % count;
                values.extend(mixed(shown, 900, 10, (picture * 3 + number) as u64));
                labels.push(picture);
                names.push(format!("caption {picture} {number}"));
            }
        }
        let all = (0..count).flat_map(|picture| mixed(picture, 800, 12, picture as u64));
        let of_pictures = (0..count).map(|i| format!("picture {i}")).collect();
        Self {
            pictures: MemorySource::new(vec![12], of_pictures, vec![0; count], all.collect())
                .unwrap(),
            captions: MemorySource::new(vec![10], names, labels, values).unwrap(),
        }
    }

    fn pairs(&self) -> Pairs<'_> {
        Pairs {
            pictures: &self.pictures,
            captions: &self.captions,
        }
    }
}

fn settings(loss: PairLoss) -> AlignSettings {
    AlignSettings {
        dimension: 8,
        loss,
        batch_size: 32,
        captions: 2,
        train: FitSettings {
            epochs: 15,
            learning_rate: 2e-2,
            seed: 5,
            ..FitSettings::default()
        },
        ..AlignSettings::default()
    }
}

fn train(
    settings: &AlignSettings,
    worlds: [&World; 2],
    folder: &Path,
    resume: bool,
    stop_at: Option<usize>,
) -> Result<Aligned, TrainError> {
    let job = AlignJob {
        picture: &settings.head(12),
        caption: &settings.head(10),
        train: worlds[0].pairs(),
        valid: worlds[1].pairs(),
        settings,
        run: &RunFolder::open(folder).unwrap(),
        resume,
    };
    let stop = AtomicBool::new(false);
    let mut observer = Stopper {
        stop: &stop,
        left: stop_at,
    };
    train_pairs(&job, &mut observer, &stop)
}

struct Stopper<'a> {
    stop: &'a AtomicBool,
    left: Option<usize>,
}

impl Observer<AlignFacts> for Stopper<'_> {
    fn batch(&mut self, _epoch: usize, _done: usize, _all: usize) {
        match &mut self.left {
            Some(0) => self.stop.store(true, Ordering::Relaxed),
            Some(left) => *left -= 1,
            None => {}
        }
    }
}

/// Share of captions whose nearest picture is theirs, by brute force on what the towers say.
fn right(aligned: &Aligned, world: &World) -> f64 {
    let stop = AtomicBool::new(false);
    let pictures = aligned.pictures(&world.pictures, &stop).unwrap();
    let captions = aligned.captions(&world.captions, &stop).unwrap();
    let width = aligned.width();
    let is_cosine = aligned.settings().distance() == "cosine";
    let nearness = |a: &[f32], b: &[f32]| -> f64 {
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            a.iter()
                .zip(b)
                .map(|(a, b)| f64::from(*a) * f64::from(*b))
                .sum()
        };
        match is_cosine {
            true => dot(a, b) / (dot(a, a) * dot(b, b)).sqrt(),
            false => 2.0 * dot(a, b) - dot(a, a) - dot(b, b),
        }
    };
    let hits = captions.chunks(width).enumerate().filter(|(caption, own)| {
        let nearest = pictures
            .chunks(width)
            .enumerate()
            .max_by(|a, b| nearness(own, a.1).total_cmp(&nearness(own, b.1)));
        nearest.map(|(picture, _)| picture) == Some(world.captions.label(*caption))
    });
    hits.count() as f64 / world.captions.len() as f64
}

#[test]
fn every_loss_learns_pairs_and_shuffled_ones_teach_nothing() {
    let [known, valid, test] = [(400, 1), (60, 2), (60, 3)].map(|(n, seed)| World::new(n, seed, 0));
    let shuffled = World::new(400, 1, 7);
    for name in PairLoss::NAMES {
        let settings = settings(PairLoss::by_name(name).unwrap());
        let folder = tempfile::tempdir().unwrap();
        let trained = train(&settings, [&known, &valid], folder.path(), false, None).unwrap();
        let found = right(&trained, &test);
        // 1/60 by chance
        let least = if name == "shifted-triplet" { 0.3 } else { 0.7 };
        assert!(found > least, "{name}: {found}");
        let best = trained.history().last().unwrap();
        let by_hand = right(&trained, &valid);
        let recorded = best.value("valid_captions_to_pictures_at_1");
        assert!(
            (by_hand - recorded).abs() < 1e-9,
            "{name}: {by_hand} {recorded}"
        );
        let folder = tempfile::tempdir().unwrap();
        let control = train(&settings, [&shuffled, &valid], folder.path(), false, None).unwrap();
        let found = right(&control, &test);
        assert!(found < 0.1, "{name}, shuffled: {found}");
    }
}

#[test]
fn a_run_that_was_stopped_ends_with_the_same_bytes() {
    let (known, valid) = (World::new(100, 1, 0), World::new(20, 2, 0));
    let settings = AlignSettings {
        rectify: true,
        train: FitSettings {
            epochs: 4,
            ..settings(PairLoss::default()).train
        },
        ..settings(PairLoss::default())
    };
    let whole = tempfile::tempdir().unwrap();
    train(&settings, [&known, &valid], whole.path(), false, None).unwrap();
    for stop_at in [0, 5, 9] {
        let folder = tempfile::tempdir().unwrap();
        let stopped = train(
            &settings,
            [&known, &valid],
            folder.path(),
            false,
            Some(stop_at),
        );
        assert!(matches!(stopped, Err(TrainError::Interrupted { .. })));
        train(&settings, [&known, &valid], folder.path(), true, None).unwrap();
        assert_eq!(
            differences(whole.path(), folder.path()),
            Vec::<String>::new()
        );
    }
    let other = AlignSettings {
        captions: 1,
        ..settings.clone()
    };
    let error = train(&other, [&known, &valid], whole.path(), true, None).unwrap_err();
    assert!(
        matches!(error, TrainError::ResumeMismatch { .. }),
        "{error}"
    );
}

/// Remembers the parameters of both towers.
struct Parameters([usize; 2]);

impl Observer<AlignFacts> for Parameters {
    fn start(&mut self, facts: &AlignFacts) {
        self.0 = facts.parameters;
    }
}

#[test]
fn heads_have_the_published_numbers_of_parameters() {
    let flat = |width: usize, count: usize, labels: Vec<usize>| {
        let names = (0..count).map(|i| i.to_string()).collect();
        MemorySource::new(vec![width], names, labels, vec![0.5; width * count]).unwrap()
    };
    for (widths, hidden, outputs, expected) in [
        ([4096, 300], vec![], 1000, [4_097_000, 301_000]),
        ([4096, 300], vec![384], 256, [1_671_808, 214_144]),
        ([4096, 768], vec![], 1000, [4_097_000, 769_000]),
        ([4096, 768], vec![512], 256, [2_228_992, 525_056]),
    ] {
        let (pictures, captions) = (
            flat(widths[0], 2, vec![0; 2]),
            flat(widths[1], 2, vec![0, 1]),
        );
        let pairs = Pairs {
            pictures: &pictures,
            captions: &captions,
        };
        let settings = AlignSettings {
            dimension: outputs,
            rectify: hidden.is_empty(),
            hidden,
            standardise: false,
            train: FitSettings {
                epochs: 1,
                ..FitSettings::default()
            },
            ..AlignSettings::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let job = AlignJob {
            picture: &settings.head(widths[0]),
            caption: &settings.head(widths[1]),
            train: pairs,
            valid: pairs,
            settings: &settings,
            run: &RunFolder::open(folder.path()).unwrap(),
            resume: false,
        };
        let mut seen = Parameters([0; 2]);
        train_pairs(&job, &mut seen, &AtomicBool::new(false)).unwrap();
        assert_eq!(seen.0, expected);
    }
}

#[test]
fn what_does_not_fit_is_told() {
    let (known, valid) = (World::new(30, 1, 0), World::new(20, 2, 0));
    let settings = settings(PairLoss::default());
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::open(folder.path()).unwrap();
    let (picture, caption) = (settings.head(12), settings.head(10));
    let job = AlignJob {
        picture: &picture,
        caption: &caption,
        train: known.pairs(),
        valid: valid.pairs(),
        settings: &settings,
        run: &run,
        resume: false,
    };
    let told = |job: &AlignJob, part: &str| {
        let error = train_pairs(job, &mut Unobserved, &AtomicBool::new(false));
        let error = error.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    let other = ModelConfig::Mlp(MlpConfig::new(10, vec![], 9));
    told(
        &AlignJob {
            caption: &other,
            ..job
        },
        "captions samples: expected a network with 8 outputs, the dimension, found 9",
    );
    let wide = settings.head(11);
    told(
        &AlignJob {
            caption: &wide,
            ..job
        },
        "shape [11]",
    );
    let few = World::new(1, 4, 0);
    told(
        &AlignJob {
            valid: few.pairs(),
            ..job
        },
        "at least 2 pictures with captions, found 1",
    );
    let strays = Pairs {
        pictures: &few.pictures,
        ..known.pairs()
    };
    told(
        &AlignJob {
            train: strays,
            ..job
        },
        "captions of 1 pictures",
    );
}
