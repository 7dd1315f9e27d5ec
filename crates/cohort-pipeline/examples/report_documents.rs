//! Writes the documents that the tests of `cohort-report` make pages of: those of a whole run on a small embedded corpus.
//!
//! `cargo run --release -p cohort-pipeline --example report_documents` after a document got another form.

use std::path::Path;

use cohort_pipeline::{RunConfig, Silent, run};
use cohort_synth::{SynthSettings, synthesise};

/// The files of the run folder and what they are called beside the tests.
const DOCUMENTS: [(&str, &str); 9] = [
    ("stats.json", "stats.json"),
    ("check.json", "check.json"),
    ("headline.json", "headline.json"),
    ("planted.json", "planted.json"),
    ("provenance.json", "provenance.json"),
    ("image/metrics.jsonl", "metrics-image.jsonl"),
    ("audio/metrics.jsonl", "metrics-audio.jsonl"),
    ("text/metrics.jsonl", "metrics-text.jsonl"),
    ("joint/metrics.jsonl", "metrics-joint.jsonl"),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let corpus = folder.path().join("corpus");
    let settings = SynthSettings {
        clips: 300,
        seed: 3,
    };
    synthesise(&corpus, &settings, &|_, _| ())?;
    let mut config = RunConfig {
        title: "Apparent age".into(),
        data: corpus,
        composed: true,
        ..RunConfig::default()
    };
    config.features.image_size = 16;
    config.fusion.resamples = 100;
    config.audit.resamples = 200;
    for train in config.every_train_settings() {
        train.epochs = 6;
        train.warmup_epochs = 1;
    }
    let out = folder.path().join("run");
    run(&config.resolve()?, &out, false, &Silent::default())?;
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cohort-report/tests/documents");
    for (from, to) in DOCUMENTS {
        std::fs::copy(out.join(from), target.join(to))?;
    }
    Ok(())
}
