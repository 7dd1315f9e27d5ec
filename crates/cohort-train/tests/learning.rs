//! That training learns, chooses and reports what it should.

mod common;

use std::fs;
use std::sync::atomic::AtomicBool;

use cohort_train::{
    ClassWeights, CompactCnnConfig, EpochMetrics, Job, MemorySource, MlpConfig, ModelConfig,
    Observer, RunFacts, RunFolder, Selection, Source, TrainError, TrainSettings, best_epoch, train,
};
use common::{Stripes, blobs, cnn_job, mlp_job, run};

fn accuracy(logits: &[f32], source: &dyn Source, classes: usize) -> f64 {
    let hits = logits.chunks_exact(classes).enumerate().filter(|(i, row)| {
        let best = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        row[source.label(*i)] == best
    });
    hits.count() as f64 / source.len() as f64
}

#[test]
fn sixteen_samples_are_learnt_by_heart() {
    let pictures = Stripes {
        samples: 16,
        seed: 3,
        shape: [3, 16, 16],
    };
    // Labels that only memory can tell: noise carries no class.
    let rows: Vec<f32> = (0..16 * 7).map(|i| common::noise(9, i)).collect();
    let names = (0..16).map(|i| format!("clip{i}")).collect();
    let rows =
        MemorySource::new(vec![7], names, (0..16).map(|i| i * 5 % 3).collect(), rows).unwrap();
    let cnn = CompactCnnConfig {
        size: 16,
        dropout: 0.0,
        ..CompactCnnConfig::new(2)
    };
    let mlp = MlpConfig {
        batch_norm: true,
        ..MlpConfig::new(7, vec![32, 32], 3)
    };
    let cases: [(ModelConfig, &dyn Source); 2] = [
        (ModelConfig::CompactCnn(cnn), &pictures),
        (ModelConfig::Mlp(mlp), &rows),
    ];
    for (network, source) in cases {
        let folder = tempfile::tempdir().unwrap();
        let settings = TrainSettings {
            epochs: 60,
            batch_size: 8,
            learning_rate: 5e-3,
            weight_decay: Some(0.0),
            augment: false,
            patience: 60,
            ..TrainSettings::default()
        };
        let trained = run(&network, source, source, &settings, folder.path(), false).unwrap();
        let scores = trained.predict(source).unwrap();
        assert_eq!(
            accuracy(&scores.logits, source, scores.classes),
            1.0,
            "{network:?}"
        );
    }
}

#[test]
fn both_networks_generalise_to_new_samples() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = blobs(300, 7, 2.0, 77);
    let mlp = mlp_job(folder.path(), false, 25).unwrap();
    let scores = mlp.predict(&fresh).unwrap();
    // The best possible rule (nearest centre) reaches about 0.75 at this spread.
    let reached = accuracy(&scores.logits, &fresh, 3);
    assert!(reached > 0.6, "{reached}");
    assert_eq!((scores.width, scores.embeddings.len()), (16, 300 * 16));

    let folder = tempfile::tempdir().unwrap();
    let fresh = Stripes {
        samples: 100,
        seed: 88,
        shape: [3, 16, 16],
    };
    let cnn = cnn_job(folder.path(), false, 8).unwrap();
    let reached = accuracy(&cnn.predict(&fresh).unwrap().logits, &fresh, 2);
    assert!(reached > 0.9, "{reached}");
}

#[test]
fn predictions_come_from_the_best_epoch_and_equal_its_record() {
    let folder = tempfile::tempdir().unwrap();
    let trained = mlp_job(folder.path(), false, 12).unwrap();
    let lines = fs::read_to_string(folder.path().join("metrics.jsonl")).unwrap();
    let history: Vec<EpochMetrics> = lines
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(history.len(), 12);
    let best = best_epoch(&history, Selection::BalancedAccuracy.criterion()).unwrap();
    assert_eq!(trained.history().last(), Some(best));
    assert_ne!(
        best.epoch, 12,
        "the test needs a best epoch before the last"
    );
    // The validation accuracy of that epoch is what the loaded network reaches.
    let valid = blobs(60, 7, 2.0, 2);
    let scores = trained.predict(&valid).unwrap();
    assert_eq!(
        accuracy(&scores.logits, &valid, 3),
        best.value("valid_accuracy")
    );
    for row in scores.probabilities().chunks_exact(3) {
        assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}

#[test]
fn a_class_without_samples_is_reported_and_does_not_disturb_the_others() {
    struct Facts(Vec<usize>, Vec<String>);
    impl Observer<RunFacts> for Facts {
        fn start(&mut self, facts: &RunFacts) {
            self.0 = facts.classes_without_samples.clone();
            self.1 = facts.constant_columns.clone();
        }
    }
    let names = |n: usize| (0..n).map(|i| format!("clip{i}")).collect::<Vec<_>>();
    let rows = |n: usize| -> Vec<f32> { (0..n).flat_map(|i| [(i % 2) as f32, 4.0]).collect() };
    let source = |n: usize, classes: [usize; 2]| {
        let labels = (0..n).map(|i| classes[i % 2]).collect();
        MemorySource::new(vec![2], names(n), labels, rows(n))
            .unwrap()
            .with_columns(vec!["switch".into(), "constant".into()])
    };
    // Class 1 of 4 has no training sample; class 3 none in validation; class 1 occurs there.
    let (training, valid) = (source(40, [0, 3]), source(10, [0, 1]));
    let folder = tempfile::tempdir().unwrap();
    let settings = TrainSettings {
        epochs: 40,
        batch_size: 8,
        learning_rate: 1e-2,
        patience: 40,
        ..TrainSettings::default()
    };
    let job = Job {
        network: &ModelConfig::Mlp(MlpConfig::new(2, vec![8], 4)),
        train: &training,
        valid: &valid,
        settings: &settings,
        start: None,
        run: &RunFolder::open(folder.path()).unwrap(),
        resume: false,
    };
    let mut facts = Facts(vec![], vec![]);
    let trained = train(&job, &mut facts, &AtomicBool::new(false)).unwrap();
    assert_eq!(
        (facts.0, facts.1),
        (vec![1, 2], vec!["constant".to_owned()])
    );
    let scores = trained.predict(&training).unwrap();
    assert!(scores.logits.iter().all(|x| x.is_finite()));
    assert_eq!(accuracy(&scores.logits, &training, 4), 1.0);
    let run: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path().join("run.json")).unwrap()).unwrap();
    assert_eq!(run["schema"], "cohort.run/1");
    assert_eq!(run["classes_without_samples"], serde_json::json!([1, 2]));
    assert_eq!(run["finished"], true);
}

/// 380 to 20 samples and one clue, right for 80 in 100 of either class. A sample with the clue is of
/// the minority with probability 16 / (16 + 76) only, so an even loss never says so; weighted by
/// inverse frequency the clue decides, and the balanced accuracy is 0.8.
#[test]
fn inverse_frequency_finds_the_minority_that_an_even_loss_ignores() {
    let labels: Vec<usize> = (0..400).map(|i| usize::from(i >= 380)).collect();
    let clue = |(i, &y): (usize, &usize)| f32::from(u8::from((i % 5 == 0) != (y == 1)));
    let values = labels.iter().enumerate().map(clue).collect();
    let names = (0..400).map(|i| format!("clip{i}")).collect();
    let source = MemorySource::new(vec![1], names, labels, values).unwrap();
    let reached = |class_weights| {
        let folder = tempfile::tempdir().unwrap();
        let settings = TrainSettings {
            epochs: 20,
            learning_rate: 1e-2,
            class_weights,
            selection: Selection::Loss,
            ..TrainSettings::default()
        };
        let network = ModelConfig::Mlp(MlpConfig::new(1, vec![8], 2));
        let trained = run(&network, &source, &source, &settings, folder.path(), false).unwrap();
        trained
            .history()
            .last()
            .unwrap()
            .value("valid_balanced_accuracy")
    };
    assert_eq!(reached(ClassWeights::None), 0.5);
    let weighted = reached(ClassWeights::InverseFrequency);
    assert!((weighted - 0.8).abs() < 1e-12, "{weighted}");
}

#[test]
fn early_stopping_ends_a_run_that_cannot_improve() {
    let folder = tempfile::tempdir().unwrap();
    let settings = TrainSettings {
        epochs: 50,
        patience: 3,
        ..TrainSettings::default()
    };
    // One class only: every epoch has balanced accuracy 1 or 0, so the loss breaks ties; a
    // learning rate next to nothing keeps it from falling visibly and patience runs out.
    let settings = TrainSettings {
        learning_rate: 1e-30,
        selection: Selection::MacroMae,
        ..settings
    };
    let network = ModelConfig::Mlp(MlpConfig::new(7, vec![4], 3));
    let source = blobs(60, 7, 1.0, 4);
    run(&network, &source, &source, &settings, folder.path(), false).unwrap();
    let lines = fs::read_to_string(folder.path().join("metrics.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 1 + 3);
}

#[test]
fn jobs_that_contradict_themselves_are_refused() {
    let network = ModelConfig::Mlp(MlpConfig::new(7, vec![4], 3));
    let good = blobs(30, 7, 1.0, 1);
    let labelled = |label: usize| {
        MemorySource::new(
            vec![7],
            vec!["a".into(), "b".into()],
            vec![label; 2],
            vec![0.0; 14],
        )
        .unwrap()
    };
    let mut spoilt = vec![0.5; 14];
    spoilt[9] = f32::NAN;
    let spoilt =
        MemorySource::new(vec![7], vec!["a".into(), "b".into()], vec![0, 1], spoilt).unwrap();
    let cases: [(&dyn Source, &dyn Source, &str); 6] = [
        (
            &blobs(30, 6, 1.0, 1),
            &good,
            "training samples: expected shape [7], the network's input, found shape [6]",
        ),
        (
            &good,
            &blobs(0, 7, 1.0, 1),
            "validation samples: expected at least 1, found 0",
        ),
        (
            &blobs(1, 7, 1.0, 1),
            &good,
            "training samples: expected at least 2, found 1",
        ),
        (
            &labelled(3),
            &good,
            "training samples: expected class indices below 3, found 3 for \"a\"",
        ),
        (
            &labelled(0),
            &labelled(1),
            "validation samples: expected a sample of a class that has training samples",
        ),
        (
            &spoilt,
            &good,
            "sample \"b\", column 2: expected a finite number, found NaN",
        ),
    ];
    for (training, valid, message) in cases {
        let folder = tempfile::tempdir().unwrap();
        let settings = TrainSettings::default();
        let error = run(&network, training, valid, &settings, folder.path(), false).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn divergence_stops_the_run_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let settings = TrainSettings {
        learning_rate: 1e30,
        warmup_epochs: 0,
        clip_norm: 0.0,
        ..TrainSettings::default()
    };
    let network = ModelConfig::Mlp(MlpConfig::new(7, vec![4], 3));
    let source = blobs(60, 7, 1.0, 4);
    let error = run(&network, &source, &source, &settings, folder.path(), false).unwrap_err();
    assert!(
        matches!(error, TrainError::Diverged { epoch: 1, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("learning_rate"), "{error}");
}
