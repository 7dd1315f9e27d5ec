//! `docs/defaults.toml`, from which the page of the configuration is made, is what the types write; `COHORT_BOOK=write` writes
//! it anew.

use std::path::Path;

use cohort_pipeline::{ReadingConfig, RunConfig};

#[test]
fn the_defaults_of_the_book_are_fresh() {
    let mut table = toml::Table::try_from(RunConfig::default()).unwrap();
    // not written where it says nothing
    let reading = toml::Table::try_from(ReadingConfig::default()).unwrap();
    table.insert("reading".into(), reading.into());
    let embedding = toml::Table::try_from(RunConfig::default().embedding).unwrap();
    table.insert("embedding".into(), embedding.into());
    let pairs = toml::Table::try_from(RunConfig::default().pairs).unwrap();
    table.insert("pairs".into(), pairs.into());
    let text = toml::to_string(&table).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/defaults.toml");
    if std::env::var_os("COHORT_BOOK").is_some_and(|what| what == "write") {
        std::fs::write(&path, &text).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == text,
        "docs/defaults.toml is stale; COHORT_BOOK=write writes it"
    );
    // what is written is read back the same
    let read: RunConfig = toml::from_str(&found).unwrap();
    assert_eq!(read, RunConfig::default());
}
