//! Thousands of damaged files: none panics, hangs, or passes with another number of rows than it can have.

use std::path::Path;

use crate::foreign_vectors_tests::npy;
use crate::{EmbeddingTable, LabelTable, Predictions};

/// Every byte changed in turn, in two ways.
fn damages(good: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> + '_ {
    (0..good.len()).flat_map(move |at| {
        // each byte twice, by flips that change from byte to byte
        [1 << (at % 8), 0xff - at as u8 % 7].map(|flip| {
            let mut bytes = good.to_vec();
            bytes[at] ^= flip;
            (at, bytes)
        })
    })
}

/// Reads every damaged file; gives how many are refused and how many pass.
fn each(
    path: &Path,
    good: &[u8],
    read: impl Fn(&Path) -> Result<usize, String>,
    rows: usize,
) -> (usize, usize) {
    let (mut refused, mut passed) = (0, 0);
    for (at, bytes) in damages(good) {
        std::fs::write(path, &bytes).unwrap();
        match read(path) {
            Err(message) => {
                assert!(message.contains("expected "), "byte {at}: {message}");
                refused += 1;
            }
            Ok(found) => {
                assert_eq!(found, rows, "byte {at}");
                passed += 1;
            }
        }
    }
    (refused, passed)
}

#[test]
fn damaged_parquet_files_are_told_or_hold_all_their_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    let table = EmbeddingTable {
        clips: (0..20).map(|i| format!("c{i}")).collect(),
        sources: vec![String::new(); 20],
        dim: 2,
        values: (0..40).map(|i| i as f32).collect(),
        ..EmbeddingTable::default()
    };
    table.write(&path).unwrap();
    let good = std::fs::read(&path).unwrap();
    let read = |path: &Path| match EmbeddingTable::read(path) {
        Ok(table) => Ok(table.len()),
        Err(error) => Err(error.to_string()),
    };
    let (refused, passed) = each(&path, &good, read, 20);
    println!("{refused} refused, {passed} passed of {}", good.len() * 2);
    assert!(refused > good.len() / 2, "{refused} of {}", good.len() * 2);
}

#[test]
fn damaged_arrays_are_told_or_hold_all_their_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    let items: Vec<u8> = (0..40).flat_map(|i| (i as f32).to_le_bytes()).collect();
    let good = npy("<f4", false, "(20, 2)", &items);
    let read = |path: &Path| match EmbeddingTable::read(path) {
        // 20 x 2 may become 02 x 20: the header is all that knows
        Ok(table) => Ok(if table.len() * table.dim == 40 {
            20
        } else {
            table.len()
        }),
        Err(error) => Err(error.to_string()),
    };
    let (refused, passed) = each(&path, &good, read, 20);
    println!("{refused} refused, {passed} passed of {}", good.len() * 2);
    assert!(refused > 60 && passed > 60, "{refused} {passed}");
}

#[test]
fn damaged_tables_of_text_are_told_or_hold_all_their_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.csv");
    let mut good = "VideoName,ground_truth,prediction,p1,p2\n".to_string();
    (0..20).for_each(|i| good += &format!("c{i:02}.mp4,1,2,0.25,0.75\n"));
    let predictions = |path: &Path| match Predictions::read(path, None) {
        Ok(table) => Ok(table.len()),
        Err(error) => Err(error.to_string()),
    };
    let (refused, passed) = each(&path, good.as_bytes(), predictions, 20);
    println!("{refused} refused, {passed} passed of {}", good.len() * 2);
    assert!(refused > good.len() && passed > 100, "{refused} {passed}");
    let labels = |path: &Path| match LabelTable::read(path) {
        Ok(table) => Ok(table.len()),
        Err(error) => Err(error.to_string()),
    };
    each(&path, good.as_bytes(), labels, 20);
}
