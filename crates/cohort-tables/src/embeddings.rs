//! Embedding tables: one vector a clip.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{FixedSizeListArray, Float32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::file::metadata::KeyValue;

use crate::TableError;
use crate::parquet_io::{self, BATCH_ROWS};

/// How a table came about; its rows may be reused only when producer, weights and settings agree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Provenance {
    /// What made the vectors, with its version, e.g. `cohort-audio 0.1.0 speech`.
    pub producer: String,
    /// Hash of the weights; empty when there are none.
    pub weights: String,
    /// Hash of the settings.
    pub settings: String,
    /// Hash over the sources of all rows, in order.
    pub source: String,
    /// Names of the vector's components; empty when they have none.
    pub columns: Vec<String>,
}

/// A vector of `dim` 32-bit floats a clip.
///
/// On disk: Parquet with `clip: utf8`, `vector: fixed_size_list<f32>[dim]`, `source: utf8` (hash of the
/// media the row was made from, empty when unknown); provenance in the file's key-value metadata.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EmbeddingTable {
    /// Clip id a row.
    pub clips: Vec<String>,
    /// Hash of each row's source; as long as `clips`.
    pub sources: Vec<String>,
    /// Length of a vector.
    pub dim: usize,
    /// Row-major, `clips.len() * dim`.
    pub values: Vec<f32>,
    /// How the table came about.
    pub provenance: Provenance,
}

pub(crate) const KEYS: [&str; 5] = [
    "cohort.producer",
    "cohort.weights_hash",
    "cohort.settings_hash",
    "cohort.source_hash",
    "cohort.columns",
];
/// Key of [`EmbeddingTable::checksum`].
pub(crate) const CHECKSUM: &str = "cohort.content_hash";

impl EmbeddingTable {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.clips.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.clips.is_empty()
    }

    /// Vector of a row; `None` when out of range.
    pub fn row(&self, row: usize) -> Option<&[f32]> {
        self.values.get(row * self.dim..(row + 1) * self.dim)
    }

    /// Hash of everything in the table, in hexadecimal; written beside it, so that a damaged file is noticed.
    fn checksum(&self) -> String {
        let p = &self.provenance;
        let mut hasher = blake3::Hasher::new();
        let mut text = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        for part in [&p.producer, &p.weights, &p.settings, &p.source] {
            text(part);
        }
        text(&p.columns.join("\n"));
        for (clip, source) in self.clips.iter().zip(&self.sources) {
            text(clip);
            text(source);
        }
        hasher.update(&(self.dim as u64).to_le_bytes());
        let mut bytes = Vec::with_capacity(1 << 16);
        for values in self.values.chunks(1 << 14) {
            bytes.clear();
            bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            hasher.update(&bytes);
        }
        hasher.finalize().to_hex()[..32].to_string()
    }

    pub(crate) fn check(&self, path: &Path, expected: &str) -> Result<(), TableError> {
        let found = self.checksum();
        if found == expected {
            return Ok(());
        }
        Err(TableError::file(
            path,
            format!("the content that was written (checksum {expected})"),
            format!("another ({found}): the file is damaged"),
        ))
    }

    /// Writes a Parquet file under a temporary name renamed into place.
    ///
    /// # Errors
    /// [`TableError::Write`]; and [`TableError::File`] when the lengths of the fields do not fit together.
    pub fn write(&self, path: &Path) -> Result<(), TableError> {
        let dim = i32::try_from(self.dim).unwrap_or(i32::MAX);
        if self.values.len() != self.clips.len() * self.dim
            || self.sources.len() != self.clips.len()
        {
            return Err(TableError::file(
                path,
                format!("{} x {} values and {0} sources", self.clips.len(), self.dim),
                format!(
                    "{} values and {} sources",
                    self.values.len(),
                    self.sources.len()
                ),
            ));
        }
        let item = Arc::new(Field::new("item", DataType::Float32, false));
        let schema = Arc::new(Schema::new(vec![
            Field::new("clip", DataType::Utf8, false),
            Field::new(
                "vector",
                DataType::FixedSizeList(Arc::clone(&item), dim),
                false,
            ),
            Field::new("source", DataType::Utf8, false),
        ]));
        let p = &self.provenance;
        let columns = p.columns.join("\n");
        let checksum = self.checksum();
        let values = [&p.producer, &p.weights, &p.settings, &p.source, &columns];
        let metadata = (KEYS.iter().zip(values))
            .chain([(&CHECKSUM, &checksum)])
            .map(|(key, value)| KeyValue::new((*key).to_string(), value.clone()))
            .collect();
        let batches = (0..self.len().div_ceil(BATCH_ROWS)).map(|batch| {
            let rows = batch * BATCH_ROWS..((batch + 1) * BATCH_ROWS).min(self.len());
            let values = &self.values[rows.start * self.dim..rows.end * self.dim];
            RecordBatch::try_new(
                Arc::clone(&schema),
                vec![
                    Arc::new(StringArray::from_iter_values(&self.clips[rows.clone()])),
                    Arc::new(FixedSizeListArray::try_new(
                        Arc::clone(&item),
                        dim,
                        Arc::new(Float32Array::from_iter_values(values.iter().copied())),
                        None,
                    )?),
                    Arc::new(StringArray::from_iter_values(&self.sources[rows])),
                ],
            )
        });
        parquet_io::write_batches(path, Arc::clone(&schema), metadata, batches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: usize, dim: usize) -> EmbeddingTable {
        EmbeddingTable {
            clips: (0..rows).map(|i| format!("-c{i}")).collect(),
            sources: (0..rows).map(|i| format!("{i:032x}")).collect(),
            dim,
            values: (0..rows * dim).map(|i| (i as f32).sin()).collect(),
            provenance: Provenance {
                producer: "test 1".into(),
                weights: "w".into(),
                settings: "s".into(),
                source: "d".into(),
                columns: (0..dim).map(|i| format!("f{i}")).collect(),
            },
        }
    }

    #[test]
    fn what_is_written_is_read_back_across_batches() {
        let folder = tempfile::tempdir().unwrap();
        for (rows, dim) in [(1, 1), (3, 7), (BATCH_ROWS + 5, 3)] {
            let path = folder.path().join(format!("{rows}.parquet"));
            let written = table(rows, dim);
            written.write(&path).unwrap();
            assert_eq!(EmbeddingTable::read(&path).unwrap(), written);
        }
    }

    #[test]
    fn no_flipped_bit_changes_what_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        let written = table(9, 5);
        written.write(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(EmbeddingTable::read_own(&path).unwrap(), written);
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            std::fs::write(&path, bytes).unwrap();
            // a decoder of the library that panics is as good as an error here
            let read = std::panic::catch_unwind(|| EmbeddingTable::read_own(&path));
            if let Ok(Ok(read)) = read {
                assert_eq!(read, written, "byte {at}");
            }
        }
    }

    #[test]
    fn a_table_without_a_checksum_is_read_but_not_as_our_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        let schema = Arc::new(Schema::new(vec![
            Field::new("clip", DataType::Utf8, false),
            Field::new(
                "vector",
                DataType::FixedSizeList(Arc::new(Field::new("item", DataType::Float32, false)), 1),
                false,
            ),
        ]));
        let vectors = FixedSizeListArray::try_new(
            Arc::new(Field::new("item", DataType::Float32, false)),
            1,
            Arc::new(Float32Array::from(vec![0.5])),
            None,
        );
        let batch = RecordBatch::try_new(
            Arc::clone(&schema),
            vec![
                Arc::new(StringArray::from_iter_values(["a"])),
                Arc::new(vectors.unwrap()),
            ],
        );
        parquet_io::write_batches(&path, schema, Vec::new(), std::iter::once(batch)).unwrap();
        assert_eq!(EmbeddingTable::read(&path).unwrap().clips, ["a"]);
        let error = EmbeddingTable::read_own(&path).unwrap_err().to_string();
        assert!(
            error.ends_with("expected a checksum of its content, found none"),
            "{error}"
        );
    }

    #[test]
    fn same_table_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a.parquet", "b.parquet"].map(|name| folder.path().join(name));
        for path in &paths {
            table(50, 4).write(path).unwrap();
        }
        assert_eq!(
            std::fs::read(&paths[0]).unwrap(),
            std::fs::read(&paths[1]).unwrap()
        );
    }

    #[test]
    fn values_that_are_not_finite_are_refused_by_row() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        let mut bad = table(4, 2);
        bad.values[5] = f32::NAN;
        bad.write(&path).unwrap();
        let error = EmbeddingTable::read(&path).unwrap_err().to_string();
        assert!(
            error.ends_with("row 3: expected finite numbers, found NaN"),
            "{error}"
        );
    }

    #[test]
    fn a_file_that_is_not_parquet_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        let cases = [
            (&b""[..], "expected a Parquet file"),
            (
                b"PAR1",
                "expected a whole Parquet file, found one that is cut off",
            ),
            (b"clip,vector\n", "expected a Parquet file"),
        ];
        for (content, expected) in cases {
            std::fs::write(&path, content).unwrap();
            let error = EmbeddingTable::read(&path).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
