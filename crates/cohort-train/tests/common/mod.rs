//! Small jobs that the integration tests train.
#![allow(dead_code)] // each test file uses its own part

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use cohort_train::{
    CompactCnnConfig, Job, MemorySource, MlpConfig, ModelConfig, RunFolder, Source, TrainError,
    TrainSettings, Trained, Unobserved, derive_seed, train,
};

/// A number in [-1, 1) from (seed, index).
pub fn noise(seed: u64, index: u64) -> f32 {
    (derive_seed(seed, "noise", &[index]) >> 40) as f32 / (1 << 23) as f32 - 1.0
}

/// Samples of three classes around three centres, in `width` columns.
pub fn blobs(samples: usize, width: usize, spread: f32, seed: u64) -> MemorySource {
    let labels: Vec<usize> = (0..samples).map(|i| i % 3).collect();
    let values = (0..samples * width)
        .map(|at| {
            let (i, j) = (at / width, at % width);
            let centre = if j % 3 == labels[i] { 1.0 } else { 0.0 };
            centre + spread * noise(seed, at as u64)
        })
        .collect();
    let names = (0..samples).map(|i| format!("clip{i}")).collect();
    MemorySource::new(vec![width], names, labels, values).unwrap()
}

/// Pictures of two classes: horizontal or vertical stripes under noise, with augmentation.
pub struct Stripes {
    pub samples: usize,
    pub seed: u64,
    pub shape: [usize; 3],
}

impl Source for Stripes {
    fn len(&self) -> usize {
        self.samples
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn label(&self, index: usize) -> usize {
        index % 2
    }

    fn name(&self, index: usize) -> String {
        format!("picture{index}")
    }

    fn fill(&self, index: usize, augment: Option<u64>, out: &mut [f32]) -> Result<(), TrainError> {
        let size = self.shape[1];
        let shift = augment.map_or(0, |seed| (seed % 4) as usize);
        for (at, value) in out.iter_mut().enumerate() {
            let (y, x) = ((at / size) % size, at % size);
            let along = if self.label(index) == 0 { y } else { x };
            let stripe = if (along + shift) / 2 % 2 == 0 {
                1.0
            } else {
                -1.0
            };
            let grain = noise(self.seed, (index * out_len(&self.shape) + at) as u64);
            *value = 0.5 * stripe + grain;
        }
        Ok(())
    }
}

fn out_len(shape: &[usize; 3]) -> usize {
    shape.iter().product()
}

/// The perceptron job: batch norm, dropout, standardisation, schedule.
pub fn mlp_job(folder: &Path, resume: bool, epochs: usize) -> Result<Trained, TrainError> {
    let settings = TrainSettings {
        epochs,
        batch_size: 16,
        patience: 100,
        seed: 5,
        ..TrainSettings::default()
    };
    run(
        &ModelConfig::Mlp(MlpConfig::audio(7, 3)),
        &blobs(120, 7, 2.0, 1),
        &blobs(60, 7, 2.0, 2),
        &settings,
        folder,
        resume,
    )
}

/// The picture job: convolutions, augmentation, dropout.
pub fn cnn_job(folder: &Path, resume: bool, epochs: usize) -> Result<Trained, TrainError> {
    let shape = [3, 16, 16];
    let network = CompactCnnConfig {
        size: 16,
        ..CompactCnnConfig::new(2)
    };
    let settings = TrainSettings {
        epochs,
        batch_size: 16,
        patience: 100,
        seed: 5,
        ..TrainSettings::default()
    };
    run(
        &ModelConfig::CompactCnn(network),
        &Stripes {
            samples: 67,
            seed: 1,
            shape,
        },
        &Stripes {
            samples: 30,
            seed: 2,
            shape,
        },
        &settings,
        folder,
        resume,
    )
}

/// Trains without progress or interruption.
pub fn run(
    network: &ModelConfig,
    training: &dyn Source,
    valid: &dyn Source,
    settings: &TrainSettings,
    folder: &Path,
    resume: bool,
) -> Result<Trained, TrainError> {
    let job = Job {
        network,
        train: training,
        valid,
        settings,
        start: None,
        run: &RunFolder::open(folder)?,
        resume,
    };
    train(&job, &mut Unobserved, &AtomicBool::new(false))
}

/// Every file of a run that must be the same in equal runs, which is all but `run.json`.
pub fn bytes_of(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for at in [folder.to_owned(), folder.join("checkpoints")] {
        for entry in fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            if path.is_file() && name != "run.json" {
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Which files differ; empty when two runs are equal.
pub fn differences(a: &Path, b: &Path) -> Vec<String> {
    let (a, b) = (bytes_of(a), bytes_of(b));
    let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    names
        .into_iter()
        .filter(|name| a.get(*name) != b.get(*name))
        .cloned()
        .collect()
}

/// Logits as bits, so that equality means equality.
pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}
