//! Embeddings are learnt through the loop: every loss brings the classes together on samples that were not seen, a run that
//! was stopped goes on to the same bytes, and a vector does not depend on the samples beside it.

mod common;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use cohort_nn::metric::{MetricLoss, Miner};
use cohort_train::{
    CompactCnnConfig, Embedder, EmbeddingFacts, EmbeddingJob, EmbeddingSelection,
    EmbeddingSettings, FitSettings, MemorySource, MlpConfig, ModelConfig, Observer, RunFolder,
    Source, TrainError, Trainable, Unobserved, train_embedding,
};
use common::{Stripes, bits, bytes_of, differences, noise};

/// Classes told by three of twelve columns, under noise in all of them: untrained, neighbours are mostly chance.
fn samples(count: usize, classes: usize, seed: u64) -> MemorySource {
    let labels: Vec<usize> = (0..count).map(|i| i % classes).collect();
    let values = (0..count * 12)
        .map(|at| {
            let (i, j) = (at / 12, at % 12);
            let bit = labels[i] >> j & 1;
            let told = if j < 3 { 1.5 * bit as f32 } else { 0.0 };
            told + noise(seed, at as u64) * if j < 3 { 0.6 } else { 2.0 }
        })
        .collect();
    let names = (0..count).map(|i| format!("clip{i}")).collect();
    MemorySource::new(vec![12], names, labels, values).unwrap()
}

fn settings(loss: MetricLoss) -> EmbeddingSettings {
    EmbeddingSettings {
        dimension: 8,
        loss,
        batch_size: 32,
        train: FitSettings {
            epochs: 12,
            learning_rate: 1e-2,
            seed: 5,
            ..FitSettings::default()
        },
        ..EmbeddingSettings::default()
    }
}

fn network(settings: &EmbeddingSettings) -> ModelConfig {
    ModelConfig::Mlp(MlpConfig::new(12, vec![], settings.dimension))
}

/// Trains a linear head, and stops before the batch of that number, if one is given.
fn job(
    settings: &EmbeddingSettings,
    folder: &Path,
    resume: bool,
    stop_at: Option<usize>,
) -> Result<Embedder, TrainError> {
    let (train, valid) = (samples(480, 8, 1), samples(80, 8, 2));
    let job = EmbeddingJob {
        network: &network(settings),
        classes: 8,
        train: &train,
        valid: &valid,
        settings,
        start: None,
        run: &RunFolder::open(folder).unwrap(),
        resume,
    };
    let stop = AtomicBool::new(false);
    let mut observer = Stopper {
        stop: &stop,
        left: stop_at,
    };
    train_embedding(&job, &mut observer, &stop)
}

struct Stopper<'a> {
    stop: &'a AtomicBool,
    left: Option<usize>,
}

impl Observer<EmbeddingFacts> for Stopper<'_> {
    fn batch(&mut self, _epoch: usize, _done: usize, _all: usize) {
        match &mut self.left {
            Some(0) => self.stop.store(true, Ordering::Relaxed),
            Some(left) => *left -= 1,
            None => {}
        }
    }
}

/// Share of samples whose nearest other by cosine is of their class, by brute force.
fn right(embedder: &Embedder, source: &MemorySource) -> f64 {
    let (rows, width) = embedder.embed(source, &AtomicBool::new(false)).unwrap();
    let row = |i: usize| &rows[i * width..(i + 1) * width];
    let cosine = |a: usize, b: usize| -> f64 {
        let dot =
            |x: &[f32], y: &[f32]| -> f64 { x.iter().zip(y).map(|(x, y)| f64::from(x * y)).sum() };
        dot(row(a), row(b)) / (dot(row(a), row(a)) * dot(row(b), row(b))).sqrt()
    };
    let nearest = |a: usize| {
        let others = (0..source.len()).filter(|b| *b != a);
        others
            .max_by(|b, c| cosine(a, *b).total_cmp(&cosine(a, *c)))
            .unwrap()
    };
    let hits = (0..source.len()).filter(|&a| source.label(nearest(a)) == source.label(a));
    hits.count() as f64 / source.len() as f64
}

#[test]
fn every_loss_brings_classes_together() {
    let test = samples(160, 8, 3);
    let (train, valid) = (samples(480, 8, 1), samples(80, 8, 2));
    for name in MetricLoss::NAMES {
        let settings = settings(MetricLoss::by_name(name).unwrap());
        let folder = tempfile::tempdir().unwrap();
        let begun = EmbeddingJob {
            network: &network(&settings),
            classes: 8,
            train: &train,
            valid: &valid,
            settings: &settings,
            start: None,
            run: &RunFolder::open(folder.path()).unwrap(),
            resume: false,
        };
        let before = right(
            &Embedder::begun(&begun, &AtomicBool::new(false)).unwrap(),
            &test,
        );
        let trained = job(&settings, folder.path(), false, None).unwrap();
        let after = right(&trained, &test);
        // 1/8 by chance; a head that begins at random sees some of it, and one that learnt far more
        assert!(
            before < 0.45 && after > before + 0.25,
            "{name}: {before} to {after}"
        );
        let best = trained.history().last().unwrap();
        let valid_p1 = best.value("valid_precision_at_1");
        assert!((valid_p1 - right(&trained, &valid)).abs() < 1e-9, "{name}");
        assert!(best.get("train_active").is_some(), "{name}");
    }
}

#[test]
fn every_miner_and_the_memory_learn_too() {
    let test = samples(160, 8, 3);
    for (loss, miner, memory) in [
        ("triplet", Some("easy-positive"), 0),
        ("triplet", Some("semi-hard"), 0),
        ("triplet", Some("batch-hard"), 0),
        ("triplet", Some("triplet-margin"), 128),
        ("contrastive", Some("pair-margin"), 0),
        ("contrastive", None, 64),
        ("multi-similarity", None, 128),
        ("nt-xent", None, 128),
        ("sup-con", Some("easy-positive"), 128),
    ] {
        let settings = EmbeddingSettings {
            miner: miner.map(|miner| Miner::by_name(miner).unwrap()),
            memory,
            ..settings(MetricLoss::by_name(loss).unwrap())
        };
        let folder = tempfile::tempdir().unwrap();
        let trained = job(&settings, folder.path(), false, None).unwrap();
        let after = right(&trained, &test);
        assert!(after > 0.65, "{loss} {miner:?} {memory}: {after}");
    }
}

#[test]
fn a_run_that_was_stopped_ends_with_the_same_bytes() {
    for (loss, miner, memory, average) in [
        ("triplet", Some("semi-hard"), 96, 0.0),
        ("contrastive", None, 40, 0.9),
        ("arc-face", None, 0, 0.0),
    ] {
        let mut settings = EmbeddingSettings {
            miner: miner.map(|miner| Miner::by_name(miner).unwrap()),
            memory,
            selection: EmbeddingSelection::PrecisionAt1,
            ..settings(MetricLoss::by_name(loss).unwrap())
        };
        settings.train.epochs = 5;
        settings.train.average_decay = average;
        let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        job(&settings, whole.path(), false, None).unwrap();
        for stop_at in [20, 3, 24] {
            let stopped = job(&settings, parts.path(), true, Some(stop_at));
            assert!(
                matches!(stopped, Err(TrainError::Interrupted { .. })),
                "{loss}"
            );
        }
        job(&settings, parts.path(), true, None).unwrap();
        assert_eq!(differences(whole.path(), parts.path()), [""; 0], "{loss}");
        let names: Vec<String> = bytes_of(whole.path()).into_keys().collect();
        assert_eq!(names.len(), 4, "{names:?}");
        // and whatever the number of threads
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(3)
            .build()
            .unwrap();
        let other = tempfile::tempdir().unwrap();
        pool.install(|| job(&settings, other.path(), false, None))
            .unwrap();
        assert_eq!(differences(whole.path(), other.path()), [""; 0], "{loss}");
        let changed = EmbeddingSettings {
            per_class: Some(16),
            ..settings
        };
        let error = job(&changed, whole.path(), true, None)
            .unwrap_err()
            .to_string();
        assert!(error.contains("settings differ"), "{error}");
    }
}

fn pictures(samples: usize, seed: u64) -> Stripes {
    Stripes {
        samples,
        seed,
        shape: [3, 16, 16],
    }
}

fn picture_job(
    settings: &EmbeddingSettings,
    folder: &Path,
    valid: &dyn Source,
) -> (Embedder, Embedder) {
    let network = ModelConfig::CompactCnn(CompactCnnConfig {
        size: 16,
        ..CompactCnnConfig::new(settings.dimension.max(2))
    });
    let job = EmbeddingJob {
        network: &network,
        classes: 2,
        train: &pictures(80, 1),
        valid,
        settings,
        start: None,
        run: &RunFolder::open(folder).unwrap(),
        resume: false,
    };
    let stop = AtomicBool::new(false);
    let begun = Embedder::begun(&job, &stop).unwrap();
    (
        begun,
        train_embedding(&job, &mut Unobserved, &stop).unwrap(),
    )
}

/// The picture at `at` of other pictures, alone or among others.
struct Picked<'a>(&'a Stripes, Vec<usize>);

impl Source for Picked<'_> {
    fn len(&self) -> usize {
        self.1.len()
    }
    fn shape(&self) -> &[usize] {
        self.0.shape()
    }
    fn label(&self, index: usize) -> usize {
        self.0.label(self.1[index])
    }
    fn name(&self, index: usize) -> String {
        self.0.name(self.1[index])
    }
    fn fill(&self, index: usize, augment: Option<u64>, out: &mut [f32]) -> Result<(), TrainError> {
        self.0.fill(self.1[index], augment, out)
    }
}

#[test]
fn a_vector_does_not_depend_on_its_batch() {
    let folder = tempfile::tempdir().unwrap();
    let all = pictures(70, 4);
    let mut settings = settings(MetricLoss::by_name("triplet").unwrap());
    settings.train.epochs = 2;
    for dimension in [6, 0] {
        let settings = EmbeddingSettings {
            dimension,
            ..settings.clone()
        };
        let (_, trained) = picture_job(&settings, &folder.path().join(dimension.to_string()), &all);
        let embed = |places: Vec<usize>| {
            let (rows, width) = trained
                .embed(&Picked(&all, places), &AtomicBool::new(false))
                .unwrap();
            assert_eq!(width, if dimension == 0 { 128 } else { 6 });
            rows
        };
        let whole = embed((0..70).collect());
        let width = whole.len() / 70;
        let backward = embed((0..70).rev().collect());
        for i in 0..70 {
            let own = bits(&whole[i * width..(i + 1) * width]);
            let there = bits(&backward[(69 - i) * width..(70 - i) * width]);
            assert_eq!(own, there, "picture {i} in another order");
            if i % 9 == 0 {
                assert_eq!(own, bits(&embed(vec![i])), "picture {i} alone");
                assert_eq!(
                    own,
                    bits(&embed(vec![0, i, 0])[width..2 * width]),
                    "picture {i} of 3"
                );
            }
        }
    }
}

#[test]
fn a_frozen_network_keeps_its_weights_and_statistics() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = EmbeddingSettings {
        trainable: Trainable::Head,
        ..settings(MetricLoss::by_name("contrastive").unwrap())
    };
    settings.train.epochs = 2;
    let valid = pictures(30, 2);
    let (begun, trained) = picture_job(&settings, folder.path(), &valid);
    let (before, after) = (begun.weights(), trained.weights());
    assert_eq!(
        before.0.keys().collect::<Vec<_>>(),
        after.0.keys().collect::<Vec<_>>()
    );
    for (name, array) in &before.0 {
        let is_head = name.split('.').nth(1) == Some("output");
        assert_eq!(is_head, after.0[name] != *array, "{name}");
    }
}

#[test]
fn what_cannot_be_learnt_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::open(folder.path()).unwrap();
    let settings = settings(MetricLoss::by_name("triplet").unwrap());
    let (alone, good) = (samples(8, 8, 1), samples(32, 8, 1));
    let told = |train: &MemorySource, valid: &MemorySource, settings: &EmbeddingSettings| {
        let job = EmbeddingJob {
            network: &ModelConfig::Mlp(MlpConfig::new(12, vec![], 8)),
            classes: 8,
            train,
            valid,
            settings,
            start: None,
            run: &run,
            resume: false,
        };
        let trained = train_embedding(&job, &mut Unobserved, &AtomicBool::new(false));
        trained.unwrap_err().to_string()
    };
    let error = told(&alone, &good, &settings);
    assert!(
        error.starts_with("training samples: expected two of one class"),
        "{error}"
    );
    let error = told(&good, &alone, &settings);
    assert!(
        error.starts_with("validation samples: expected two of one class"),
        "{error}"
    );
    let other = EmbeddingSettings {
        dimension: 5,
        ..settings.clone()
    };
    let error = told(&good, &good, &other);
    assert!(error.contains("a network with 5 outputs"), "{error}");
    let other = EmbeddingSettings {
        dimension: 0,
        ..settings.clone()
    };
    let error = told(&good, &good, &other);
    assert!(error.contains("dimension must be above 0"), "{error}");
    let other = EmbeddingSettings {
        per_class: Some(2),
        ..settings
    };
    let error = told(&good, &good, &other);
    assert!(
        error.contains("found 2 of 8 classes, batches of 32"),
        "{error}"
    );
}
