//! That runs repeat and resume byte for byte: after an interruption, after SIGKILL at any moment,
//! and with any number of threads.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Instant;

use cohort_train::{
    CompactCnnConfig, EpochMetrics, Head, Job, MlpConfig, ModelConfig, Observer, OptimiserKind,
    RunFacts, RunFolder, Sampling, Schedule, TrainError, TrainSettings, Trainable, Trained, train,
};
use common::{Stripes, bits, blobs, cnn_job, differences, mlp_job, run};

/// Epochs of the jobs that are killed; long enough to be hit in many places.
const EPOCHS: usize = 6;

/// The folder in which a child process of this test binary trains.
const CHILD: &str = "COHORT_TRAIN_TEST_CHILD";

/// Not a test of its own: the body of the child processes, which call this binary again.
#[test]
fn child() {
    if let Some(folder) = std::env::var_os(CHILD).map(PathBuf::from) {
        mlp_job(&folder.join("mlp"), true, EPOCHS).unwrap();
        cnn_job(&folder.join("cnn"), true, EPOCHS).unwrap();
    }
}

/// The same at the real size, where the back end splits its work by thread.
#[test]
fn large_child() {
    if let Some(folder) = std::env::var_os(CHILD).map(PathBuf::from) {
        let settings = TrainSettings {
            epochs: 1,
            ..TrainSettings::default()
        };
        let shape = [3, 64, 64];
        let stripes = |samples, seed| Stripes {
            samples,
            seed,
            shape,
        };
        let cnn = ModelConfig::CompactCnn(CompactCnnConfig::new(2));
        let mlp = ModelConfig::Mlp(MlpConfig::text(768, 3));
        let rows = blobs(200, 768, 2.0, 1);
        run(
            &cnn,
            &stripes(64, 1),
            &stripes(32, 2),
            &settings,
            &folder.join("cnn"),
            true,
        )
        .unwrap();
        run(&mlp, &rows, &rows, &settings, &folder.join("mlp"), true).unwrap();
    }
}

fn start_child(test: &str, folder: &Path, threads: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--test-threads", "1"])
        .env(CHILD, folder)
        .env("RAYON_NUM_THREADS", threads.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn the_number_of_threads_changes_nothing() {
    for test in ["child", "large_child"] {
        let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
        for (folder, threads) in folders.iter().zip([1, 2, 4]) {
            let mut child = start_child(test, folder.path(), threads);
            assert!(child.wait().unwrap().success());
        }
        for job in ["mlp", "cnn"] {
            let at = |i: usize| folders[i].path().join(job);
            for i in [1, 2] {
                assert_eq!(
                    differences(&at(0), &at(i)),
                    [""; 0],
                    "{test}, {job}, folder {i}"
                );
            }
            assert_eq!(common::bytes_of(&at(0)).len(), 4, "{test}, {job}");
        }
    }
}

#[test]
fn a_run_killed_ten_times_ends_as_one_that_was_not() {
    let whole = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    assert!(
        start_child("child", whole.path(), 2)
            .wait()
            .unwrap()
            .success()
    );
    let length = begun.elapsed();
    let mut folder = tempfile::tempdir().unwrap();
    let (mut kills, mut ends) = (0, 0);
    for round in 0..60 {
        let mut child = start_child("child", folder.path(), 2);
        if kills < 10 {
            // A different moment each round, from the start of the process to most of a run.
            sleep(length.mul_f64(0.05 + 0.6 * f64::from(common::noise(3, round).abs())));
        } else {
            child.wait().unwrap();
        }
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
            continue;
        }
        // This one came to its end, after however many kills: it must equal the undisturbed run.
        equal(whole.path(), folder.path());
        ends += 1;
        if kills >= 10 {
            break;
        }
        folder = tempfile::tempdir().unwrap();
    }
    assert!(kills >= 10 && ends >= 1, "{kills} kills, {ends} ends");
}

/// Two folders of child processes hold the same files, and their networks say the same.
fn equal(a: &Path, b: &Path) {
    for job in ["mlp", "cnn"] {
        assert_eq!(differences(&a.join(job), &b.join(job)), [""; 0], "{job}");
        let predict = |folder: &Path| -> Vec<u32> {
            let trained = Trained::load(folder.join(job), Default::default()).unwrap();
            let scores = match job {
                "mlp" => trained.predict(&blobs(50, 7, 2.0, 6)),
                _ => trained.predict(&Stripes {
                    samples: 50,
                    seed: 6,
                    shape: [3, 16, 16],
                }),
            };
            bits(&scores.unwrap().logits)
        };
        assert_eq!(predict(a), predict(b), "{job}");
    }
}

/// Raises the stop flag at one batch of one epoch.
struct StopAt<'a> {
    epoch: usize,
    batch: usize,
    stop: &'a AtomicBool,
}

impl Observer<RunFacts> for StopAt<'_> {
    fn batch(&mut self, epoch: usize, done: usize, _all: usize) {
        if (epoch, done) == (self.epoch, self.batch) {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

/// Settings that keep something from step to step or draw samples in another way.
fn ways_of_training() -> [TrainSettings; 9] {
    let new = || TrainSettings {
        epochs: 5,
        batch_size: 16,
        ..TrainSettings::default()
    };
    [
        new(),
        TrainSettings {
            optimiser: OptimiserKind::Sgd,
            learning_rate: 0.05,
            schedule: Schedule::Step,
            step_epochs: 2,
            accumulate: 3,
            ..new()
        },
        TrainSettings {
            optimiser: OptimiserKind::Sgd,
            momentum: Some(0.5),
            nesterov: true,
            ..new()
        },
        TrainSettings {
            optimiser: OptimiserKind::Adam,
            weight_decay: Some(0.01),
            ..new()
        },
        TrainSettings {
            optimiser: OptimiserKind::RmsProp,
            momentum: Some(0.9),
            centred: true,
            ..new()
        },
        TrainSettings {
            optimiser: OptimiserKind::Adagrad,
            ..new()
        },
        TrainSettings {
            average_decay: 0.9,
            sampling: Sampling::Balanced,
            focal_gamma: 2.0,
            ..new()
        },
        TrainSettings {
            head: Head::CumulativeLink,
            average_decay: 0.5,
            minority_below: 1000,
            mean_loss: 0.2,
            variance_loss: 0.05,
            ..new()
        },
        TrainSettings {
            trainable: Trainable::LastBlock,
            accumulate: 2,
            ..new()
        },
    ]
}

#[test]
fn a_run_stopped_in_any_epoch_resumes_to_the_same_bytes() {
    let network = ModelConfig::Mlp(MlpConfig::audio(7, 3));
    let (training, valid) = (blobs(90, 7, 2.0, 1), blobs(60, 7, 2.0, 2));
    for (way, settings) in ways_of_training().into_iter().enumerate() {
        let whole = tempfile::tempdir().unwrap();
        run(&network, &training, &valid, &settings, whole.path(), false).unwrap();
        for epoch in 1..=5 {
            let folder = tempfile::tempdir().unwrap();
            let stop = AtomicBool::new(false);
            let job = Job {
                network: &network,
                train: &training,
                valid: &valid,
                settings: &settings,
                start: None,
                run: &RunFolder::open(folder.path()).unwrap(),
                resume: false,
            };
            let mut at = StopAt {
                epoch,
                batch: 1 + epoch % 3,
                stop: &stop,
            };
            let error = train(&job, &mut at, &stop).unwrap_err();
            assert!(matches!(error, TrainError::Interrupted { epochs } if epochs == epoch - 1));
            run(&network, &training, &valid, &settings, folder.path(), true).unwrap();
            assert_eq!(
                differences(whole.path(), folder.path()),
                [""; 0],
                "way {way}, stopped in epoch {epoch}"
            );
        }
    }
}

/// The best network is written before the last checkpoint. A run killed between the two has a best
/// network that is one epoch ahead, and perhaps a metrics file that is one line behind.
#[test]
fn files_that_a_kill_left_an_epoch_apart_are_mended() {
    let whole = tempfile::tempdir().unwrap();
    mlp_job(whole.path(), false, EPOCHS).unwrap();
    struct Copies<'a>(&'a Path, &'a Path);
    impl Observer<RunFacts> for Copies<'_> {
        fn epoch(&mut self, metrics: &EpochMetrics, _best: bool) {
            let name = if metrics.epoch == 2 {
                "checkpoints/last.safetensors"
            } else {
                return;
            };
            std::fs::copy(self.0.join(name), self.1.join(name)).unwrap();
        }
    }
    // A folder with epoch 2's last checkpoint, epoch 6's best one, and no metrics at all.
    let source = tempfile::tempdir().unwrap();
    let mixed = tempfile::tempdir().unwrap();
    RunFolder::open(mixed.path()).unwrap();
    let settings = TrainSettings {
        epochs: EPOCHS,
        batch_size: 16,
        patience: 100,
        seed: 5,
        ..TrainSettings::default()
    };
    let job = Job {
        network: &ModelConfig::Mlp(MlpConfig::audio(7, 3)),
        train: &blobs(120, 7, 2.0, 1),
        valid: &blobs(60, 7, 2.0, 2),
        settings: &settings,
        start: None,
        run: &RunFolder::open(source.path()).unwrap(),
        resume: false,
    };
    let mut copies = Copies(source.path(), mixed.path());
    train(&job, &mut copies, &AtomicBool::new(false)).unwrap();
    let best = "checkpoints/best.safetensors";
    std::fs::copy(source.path().join(best), mixed.path().join(best)).unwrap();
    mlp_job(mixed.path(), true, EPOCHS).unwrap();
    assert_eq!(differences(whole.path(), mixed.path()), [""; 0]);
}

#[test]
fn another_run_in_the_folder_is_neither_overwritten_nor_continued() {
    let folder = tempfile::tempdir().unwrap();
    mlp_job(folder.path(), false, 2).unwrap();
    let error = mlp_job(folder.path(), false, 2).unwrap_err().to_string();
    assert!(error.contains("already holds a run of 2 epochs"), "{error}");
    let error = mlp_job(folder.path(), true, 3).unwrap_err().to_string();
    assert!(error.contains("settings differ"), "{error}");
    let error = cnn_job(folder.path(), true, 2).unwrap_err().to_string();
    assert!(error.contains("network differ"), "{error}");
    // A finished run that is resumed is loaded and stays as it is.
    let before = common::bytes_of(folder.path());
    mlp_job(folder.path(), true, 2).unwrap();
    assert_eq!(before, common::bytes_of(folder.path()));
}

#[test]
fn damaged_or_missing_checkpoints_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let error = Trained::load(folder.path(), Default::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("no trained network"), "{error}");
    mlp_job(folder.path(), false, 1).unwrap();
    let last = folder.path().join("checkpoints/last.safetensors");
    let bytes = std::fs::read(&last).unwrap();
    std::fs::write(&last, &bytes[..bytes.len() / 2]).unwrap();
    let error = mlp_job(folder.path(), true, 1).unwrap_err().to_string();
    assert!(error.contains("last.safetensors"), "{error}");
}

/// `run.json` of a resumed run is that of one never stopped, but for its times.
#[test]
fn the_facts_of_a_resumed_run_differ_in_times_alone() {
    let samples = |n: usize, seed: usize| {
        // the second column is the same for all
        let values = (0..n).flat_map(|i| [((i * 7 + seed) % 13) as f32, 3.0, (i % 3) as f32]);
        let names = (0..n).map(|i| format!("c{i}")).collect();
        let labels = (0..n).map(|i| i % 3).collect();
        cohort_train::MemorySource::new(vec![3], names, labels, values.collect()).unwrap()
    };
    let (training, valid) = (samples(60, 1), samples(30, 2));
    let network = ModelConfig::Mlp(MlpConfig::audio(3, 3));
    let settings = TrainSettings {
        epochs: 2,
        ..TrainSettings::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let facts = |resume| {
        run(
            &network,
            &training,
            &valid,
            &settings,
            folder.path(),
            resume,
        )
        .unwrap();
        let text = std::fs::read_to_string(folder.path().join("run.json")).unwrap();
        let mut facts: serde_json::Value = serde_json::from_str(&text).unwrap();
        for time in ["started_unix", "seconds"] {
            facts.as_object_mut().unwrap().remove(time).unwrap();
        }
        facts
    };
    let first = facts(false);
    assert_eq!(first["constant_columns"].as_array().unwrap().len(), 1);
    assert_eq!(facts(true), first);
}
