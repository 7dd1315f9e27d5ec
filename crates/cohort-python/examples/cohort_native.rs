//! The package's library for its tests: see `Cargo.toml`.

#[path = "../src/lib.rs"]
mod package;
