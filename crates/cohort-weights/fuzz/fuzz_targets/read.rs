//! Any bytes as a file of weights: every tensor as long as its shape says, or an error, never a panic.
#![no_main]

use cohort_weights::{Checkpoint, Onnx};

const NAMES: [&str; 3] = ["w.pth", "w.safetensors", "w.index.json"];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&name, bytes)) = bytes.split_first() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(NAMES[usize::from(name) % NAMES.len()]);
    std::fs::write(&path, bytes).expect("a temporary file");
    if let Ok(file) = Onnx::open(&path) {
        for name in file.names() {
            if let Ok(array) = file.read(name) {
                assert_eq!(array.values.len(), array.shape.iter().product::<usize>());
            }
        }
    }
    if let Ok(file) = Checkpoint::open(&path) {
        let names: Vec<String> = file.names().map(String::from).collect();
        for name in names {
            if let Ok(array) = file.read(&name) {
                assert_eq!(array.values.len(), array.shape.iter().product::<usize>());
            }
        }
    }
});
