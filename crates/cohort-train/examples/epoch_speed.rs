//! Seconds an epoch of the compact CNN and of the perceptron heads on this machine.
//!
//!     cargo run --release -p cohort-train --example epoch_speed [PICTURES]
//!
//! The samples are made up on the spot, so that the figure is the network's and the loop's alone.
//! The hash printed for each run is that of the weights: equal whatever `RAYON_NUM_THREADS` is.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use cohort_train::{
    CompactCnnConfig, EpochMetrics, Job, MemorySource, MlpConfig, ModelConfig, Observer, RunFacts,
    RunFolder, TrainError, TrainSettings, derive_seed, train,
};

/// Samples of K classes whose values are noise around a class-dependent mean.
fn samples(count: usize, shape: &[usize], classes: usize) -> Result<MemorySource, TrainError> {
    let width: usize = shape.iter().product();
    let values = (0..count * width).map(|at| {
        let label = (at / width) % classes;
        let noise = (derive_seed(1, "noise", &[at as u64]) >> 40) as f32 / (1 << 23) as f32 - 1.0;
        noise + 0.1 * label as f32
    });
    let names = (0..count).map(|i| format!("sample{i}")).collect();
    let labels = (0..count).map(|i| i % classes).collect();
    MemorySource::new(shape.to_vec(), names, labels, values.collect())
}

/// Notes when each epoch ended.
struct Clock(Instant, Vec<f64>);

impl Observer<RunFacts> for Clock {
    fn epoch(&mut self, _metrics: &EpochMetrics, _best: bool) {
        self.1.push(self.0.elapsed().as_secs_f64());
        self.0 = Instant::now();
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pictures = match std::env::args().nth(1) {
        Some(count) => count.parse()?,
        None => 900,
    };
    let classes = 7;
    let cases = [
        (
            "compact CNN, 64 x 64",
            ModelConfig::CompactCnn(CompactCnnConfig::new(classes)),
        ),
        (
            "audio head, 7 values",
            ModelConfig::Mlp(MlpConfig::audio(7, classes)),
        ),
        (
            "text head, 768 values",
            ModelConfig::Mlp(MlpConfig::text(768, classes)),
        ),
        (
            "FastText, 4096 n-grams",
            ModelConfig::Mlp(MlpConfig::fast_text(4096, 32, classes)),
        ),
    ];
    let settings = TrainSettings {
        epochs: 4,
        ..TrainSettings::default()
    };
    for (name, network) in cases {
        let folder = tempfile::tempdir()?;
        let job = Job {
            network: &network,
            train: &samples(pictures, &network.input_shape(), classes)?,
            valid: &samples(100, &network.input_shape(), classes)?,
            settings: &settings,
            start: None,
            run: &RunFolder::open(folder.path())?,
            resume: false,
        };
        let mut clock = Clock(Instant::now(), Vec::new());
        let trained = train(&job, &mut clock, &AtomicBool::new(false))?;
        // The first epoch also warms caches up.
        let best = clock.1.iter().copied().fold(f64::INFINITY, f64::min);
        println!(
            "{name:24} {pictures} samples: {best:.3} s an epoch, weights {:.16}",
            trained.hash()
        );
    }
    Ok(())
}
