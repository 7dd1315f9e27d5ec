//! Any bytes as a run's configuration, or as one of the documents that its page is made of: read and checked, or an error, never a
//! panic.
#![no_main]

use cohort_pipeline::{RunConfig, write_report};

const NAMES: [&str; 6] = [
    "config.toml",
    "stats.json",
    "check.json",
    "ablation.json",
    "audit.json",
    "image/metrics.jsonl",
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&which, bytes)) = bytes.split_first() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a temporary folder");
        std::fs::write(path, bytes).expect("a temporary file");
    };
    let name = NAMES[usize::from(which) % NAMES.len()];
    write("config.toml", b"data = \"d\"\n");
    write("run.json", b"{}");
    write(name, bytes);
    if let Ok(config) = RunConfig::read(&folder.path().join("config.toml")) {
        let _ = config.resolve();
    }
    let _ = write_report(folder.path());
});
