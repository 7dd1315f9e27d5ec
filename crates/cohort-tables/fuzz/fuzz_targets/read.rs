//! Any bytes as each kind of table: rows that fit together, or an error, never a panic. The first byte says which name the file has.
#![no_main]

use cohort_tables::{EmbeddingTable, LabelTable, Predictions};

const NAMES: [&str; 4] = ["t.csv", "t.parquet", "t.npy", "t.npz"];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&name, bytes)) = bytes.split_first() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(NAMES[usize::from(name) % NAMES.len()]);
    std::fs::write(&path, bytes).expect("a temporary file");
    if let Ok(labels) = LabelTable::read(&path) {
        assert!(
            labels
                .columns
                .iter()
                .all(|column| column.values.len() == labels.names.len())
        );
    }
    if let Ok(table) = Predictions::read(&path, None) {
        let classes = table.classes.len();
        assert_eq!(table.predicted.len(), table.names.len());
        assert!(table.predicted.iter().all(|&class| class < classes));
        if let Some(p) = &table.probabilities {
            assert_eq!(p.len(), table.names.len() * classes);
        }
    }
    if let Ok(table) = EmbeddingTable::read(&path) {
        assert_eq!(table.values.len(), table.clips.len() * table.dim);
        assert!(table.values.iter().all(|value| value.is_finite()));
    }
});
