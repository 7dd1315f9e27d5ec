//! What the settings of a run change in its weights: accumulation, frozen layers, given weights,
//! the running average, the ordinal head.

mod common;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use cohort_train::{
    CompactCnnConfig, FineTuning, Head, Job, MemorySource, MlpConfig, ModelConfig, OptimiserKind,
    RunFolder, Selection, Source, TrainError, TrainSettings, Trainable, Unobserved, train,
};
use cohort_weights::Weights;
use common::{Stripes, blobs, run};

/// All tensors of a checkpoint.
fn tensors(folder: &Path, name: &str) -> Weights {
    let path = folder.join(format!("checkpoints/{name}.safetensors"));
    let bytes = std::fs::read(&path).unwrap();
    Weights::from_safetensors(&bytes, &path).unwrap().0
}

/// A perceptron without anything that looks at a batch as a whole.
fn plain() -> ModelConfig {
    ModelConfig::Mlp(MlpConfig::new(7, vec![8], 3))
}

fn settings() -> TrainSettings {
    TrainSettings {
        epochs: 3,
        batch_size: 24,
        patience: 100,
        seed: 5,
        ..TrainSettings::default()
    }
}

#[test]
fn accumulated_batches_equal_one_large_batch() {
    // 88 samples of unequal classes: batches of 24 and 16, or of 8 in threes and twos.
    let labels: Vec<usize> = (0..88).map(|i| [0, 0, 1, 2, 0][i % 5]).collect();
    let values = (0..88 * 7).map(|i| common::noise(4, i)).collect();
    let names = (0..88).map(|i| format!("clip{i}")).collect();
    let source = MemorySource::new(vec![7], names, labels, values).unwrap();
    let [large, small] = [(24, 1), (8, 3)].map(|(batch_size, accumulate)| {
        let folder = tempfile::tempdir().unwrap();
        let settings = TrainSettings {
            batch_size,
            accumulate,
            ..settings()
        };
        run(&plain(), &source, &source, &settings, folder.path(), false).unwrap();
        tensors(folder.path(), "last")
    });
    assert!(large.0.keys().eq(small.0.keys()));
    for (name, array) in &large.0 {
        for (a, b) in array.values.iter().zip(&small.0[name].values) {
            assert!((a - b).abs() < 2e-5, "{name}: {a} {b}");
        }
    }
}

/// Trains in a way, and says which tensors of the network changed and which have optimiser state.
fn changed(trainable: Trainable, network: &ModelConfig, source: &dyn Source) -> [Vec<String>; 2] {
    // A rate next to nothing leaves what it trains as it began.
    let [before, after] = [(Trainable::Head, 1e-30), (trainable, 1e-2)].map(|(trainable, rate)| {
        let folder = tempfile::tempdir().unwrap();
        let settings = TrainSettings {
            epochs: 1,
            learning_rate: rate,
            trainable,
            ..settings()
        };
        run(network, source, source, &settings, folder.path(), false).unwrap();
        tensors(folder.path(), "last")
    });
    let differs = |name: &&String| before.0.get(*name) != after.0.get(*name);
    let network = after.0.keys().filter(|name| name.starts_with("network."));
    let state = after.0.keys().filter(|name| name.starts_with("first."));
    [
        network.filter(differs).cloned().collect(),
        state.cloned().collect(),
    ]
}

#[test]
fn frozen_layers_keep_weights_and_statistics_and_have_no_state() {
    let cnn = ModelConfig::CompactCnn(CompactCnnConfig {
        size: 16,
        ..CompactCnnConfig::new(2)
    });
    let stripes = Stripes {
        samples: 60,
        seed: 1,
        shape: [3, 16, 16],
    };
    let cases: [(Trainable, &[&str]); 3] = [
        (Trainable::Head, &["output."]),
        (Trainable::LastBlock, &["blocks.5.", "places", "output."]),
        (
            Trainable::Only(vec!["blocks.0.norm".into(), "output".into()]),
            &["blocks.0.norm.", "output."],
        ),
    ];
    for (trainable, layers) in cases {
        for names in changed(trainable.clone(), &cnn, &stripes) {
            for name in &names {
                let inner = name.splitn(3, '.').nth(2).unwrap();
                let is_trained = layers.iter().any(|layer| inner.starts_with(layer));
                assert!(is_trained, "{trainable:?}: {name}");
            }
            for layer in layers {
                let is_there = names.iter().any(|name| name.contains(layer));
                assert!(is_there, "{trainable:?}: {layer} in {names:?}");
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let settings = TrainSettings {
        trainable: Trainable::Only(vec!["block".into()]),
        ..settings()
    };
    let error = run(&cnn, &stripes, &stripes, &settings, folder.path(), false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "training settings: trainable must be names of layers of the network, found \"block\"; \
         it has blocks, places, output"
    );
}

#[test]
fn a_run_begins_from_the_weights_that_it_is_given() {
    let source = blobs(90, 7, 1.0, 1);
    let first = tempfile::tempdir().unwrap();
    run(&plain(), &source, &source, &settings(), first.path(), false).unwrap();
    let mut start = tensors(first.path(), "best");
    // The output layer begins anew.
    start.0.retain(|name, _| !name.contains(".output."));
    let folder = tempfile::tempdir().unwrap();
    let go = |start: Option<&Weights>, resume: bool| {
        let settings = TrainSettings {
            trainable: Trainable::Head,
            ..settings()
        };
        let job = Job {
            network: &plain(),
            train: &source,
            valid: &source,
            settings: &settings,
            start,
            run: &RunFolder::open(folder.path()).unwrap(),
            resume,
        };
        train(&job, &mut Unobserved, &AtomicBool::new(false))
    };
    go(Some(&start), false).unwrap();
    let after = tensors(folder.path(), "best");
    for (name, array) in &start.0 {
        assert_eq!(&after.0[name], array, "{name}");
    }
    go(Some(&start), true).unwrap();
    let error = go(None, true).unwrap_err();
    assert!(
        matches!(
            error,
            TrainError::ResumeMismatch {
                what: "starting weights",
                ..
            }
        ),
        "{error}"
    );
}

/// One step of plain gradient descent from given weights: tensors before and after, and the epoch's loss in training and
/// in validation.
fn one_step(
    network: &ModelConfig,
    source: &dyn Source,
    rate: f64,
    tuning: Option<FineTuning>,
) -> ([Weights; 2], [f64; 2]) {
    let first = tempfile::tempdir().unwrap();
    run(network, source, source, &settings(), first.path(), false).unwrap();
    let start = tensors(first.path(), "best");
    let folder = tempfile::tempdir().unwrap();
    let settings = TrainSettings {
        epochs: 1,
        batch_size: source.len(),
        optimiser: OptimiserKind::Sgd,
        momentum: Some(0.0),
        weight_decay: Some(0.0),
        clip_norm: 0.0,
        learning_rate: rate,
        augment: false,
        fine_tuning: tuning,
        ..settings()
    };
    let job = Job {
        network,
        train: source,
        valid: source,
        settings: &settings,
        start: Some(&start),
        run: &RunFolder::open(folder.path()).unwrap(),
        resume: false,
    };
    let trained = train(&job, &mut Unobserved, &AtomicBool::new(false)).unwrap();
    let [epoch] = trained.history() else {
        panic!("one epoch");
    };
    let losses = [epoch.value("train_loss"), epoch.valid_loss()];
    ([start, tensors(folder.path(), "best")], losses)
}

#[test]
fn given_layers_learn_at_their_share_of_the_rate() {
    let source = blobs(90, 7, 1.0, 1);
    let ([start, whole], _) = one_step(&plain(), &source, 1e-2, None);
    let tuning = FineTuning {
        rate: 0.25,
        fixed_norms: false,
    };
    let ([_, part], _) = one_step(&plain(), &source, 1e-2, Some(tuning));
    let mut moved = 0;
    for (name, start) in &start.0 {
        let share = if name.contains(".output.") { 1.0 } else { 0.25 };
        let steps = whole.0[name].values.iter().zip(&part.0[name].values);
        for (start, (whole, part)) in start.values.iter().zip(steps) {
            let (whole, part) = (whole - start, part - start);
            assert!(
                (part - share * whole).abs() < 1e-6,
                "{name}: {part} {whole}"
            );
            moved += usize::from(whole.abs() > 1e-4);
        }
    }
    assert!(moved > 20, "{moved}");
}

#[test]
fn fixed_norms_keep_their_statistics_and_use_them() {
    let network = ModelConfig::CompactCnn(CompactCnnConfig {
        size: 16,
        dropout: 0.0,
        ..CompactCnnConfig::new(2)
    });
    let stripes = Stripes {
        samples: 60,
        seed: 1,
        shape: [3, 16, 16],
    };
    let step = |fixed_norms: bool, rate: f64| {
        let tuning = FineTuning {
            rate: 1.0,
            fixed_norms,
        };
        one_step(&network, &stripes, rate, Some(tuning))
    };
    let changed = |fixed_norms: bool| {
        let ([start, after], _) = step(fixed_norms, 1e-2);
        let differs = |kind: &str| {
            let names = start.0.keys().filter(|name| name.ends_with(kind));
            names
                .filter(|name| start.0[*name] != after.0[*name])
                .count()
        };
        ["running_mean", "running_var", "gamma", "conv.weight"].map(differs)
    };
    let [mean, variance, slope, weight] = changed(true);
    assert_eq!([mean, variance], [0, 0]);
    assert!(slope > 0 && weight > 0);
    let [mean, variance, ..] = changed(false);
    assert!(mean > 0 && variance > 0);
    // With a rate next to nothing training sees what evaluation sees, but for norms that look at the batch.
    let apart = |fixed_norms: bool| {
        let (_, [train, valid]) = step(fixed_norms, 1e-12);
        (train - valid).abs()
    };
    assert!(apart(true) < 1e-5, "{}", apart(true));
    assert!(apart(false) > 1e-3, "{}", apart(false));
}

#[test]
fn the_average_is_what_predicts() {
    let source = blobs(90, 7, 2.0, 1);
    let folder = tempfile::tempdir().unwrap();
    let settings = TrainSettings {
        average_decay: 0.9,
        selection: Selection::Loss,
        ..settings()
    };
    run(&plain(), &source, &source, &settings, folder.path(), false).unwrap();
    let (best, last) = (
        tensors(folder.path(), "best"),
        tensors(folder.path(), "last"),
    );
    for (name, array) in &best.0 {
        // The loss still falls after three epochs, so that the last one is the best.
        assert_eq!(array, &last.0[&format!("average.{name}")], "{name}");
        if name.ends_with("weight") {
            assert_ne!(array, &last.0[&format!("network.{name}")], "{name}");
        }
    }
}

/// Seven ordered classes along one direction: the score and its thresholds can tell them apart.
#[test]
fn the_ordinal_head_learns_ordered_classes() {
    let labels: Vec<usize> = (0..280).map(|i| i % 7).collect();
    let value = |i: usize| labels[i / 2] as f32 * (i % 2) as f32 + 0.2 * common::noise(8, i as u64);
    let values = (0..560).map(value).collect();
    let names = (0..280).map(|i| format!("clip{i}")).collect();
    let source = MemorySource::new(vec![2], names, labels.clone(), values).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = TrainSettings {
        epochs: 60,
        learning_rate: 0.1,
        weight_decay: Some(0.0),
        head: Head::CumulativeLink,
        ..settings()
    };
    let network = ModelConfig::Mlp(MlpConfig::new(2, vec![], 7));
    let trained = run(&network, &source, &source, &settings, folder.path(), false).unwrap();
    let last = trained.history().last().unwrap();
    assert!(
        last.value("valid_accuracy") > 0.95,
        "{}",
        last.value("valid_accuracy")
    );
    assert!(
        last.value("valid_macro_mae") < 0.05,
        "{}",
        last.value("valid_macro_mae")
    );
    // What was validated is what the loaded network says.
    let scores = trained.predict(&source).unwrap();
    let rows = scores.logits.chunks_exact(7).zip(&labels);
    let right = rows.filter(|(row, label)| {
        let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        row.iter().position(|x| *x == top) == Some(**label)
    });
    assert_eq!(right.count() as f64 / 280.0, last.value("valid_accuracy"));
}
