//! An embedding table that is made some rows at a time, and goes on where a killed process stopped.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::{EmbeddingTable, Journal, JournalRow, Provenance, TableError, content_hash};

/// A table in the making: rows of the table that is there and of the journal of a killed process are known, new ones are
/// kept in the journal until the table is whole.
///
/// Rows are taken from before only when producer, weights, settings, columns and width are the same, and then by clip and hash
/// of what the row was made from.
#[derive(Debug)]
pub struct TableMaker {
    path: PathBuf,
    provenance: Provenance,
    dim: usize,
    journal: Journal,
    /// Source and vector by clip.
    known: HashMap<String, (String, Vec<f32>)>,
}

impl TableMaker {
    /// Begins or goes on with the table at `path` of vectors of `dim` values; `provenance` is without a source. Also gives a
    /// line to be told, where the table that is there is damaged and will be made anew.
    ///
    /// # Errors
    /// A journal that cannot be read or made.
    pub fn open(
        path: &Path,
        provenance: Provenance,
        dim: usize,
    ) -> Result<(Self, Option<String>), TableError> {
        let key = format!(
            "{}\n{}\n{}",
            provenance.producer, provenance.weights, provenance.settings
        );
        let (journal, finished) = Journal::open(&path.with_extension("partial"), &key)?;
        let (mut known, mut damaged) = (HashMap::new(), None);
        match EmbeddingTable::own_if_any(path) {
            Ok(Some(old)) => {
                let made = Provenance {
                    source: String::new(),
                    ..old.provenance.clone()
                };
                if made == provenance && old.dim == dim {
                    for (row, (clip, source)) in old.clips.iter().zip(&old.sources).enumerate() {
                        let vector = old.row(row).expect("a table has a vector a clip");
                        known.insert(clip.clone(), (source.clone(), vector.to_vec()));
                    }
                }
            }
            Ok(None) => {}
            Err(error) => damaged = Some(format!("warning: {error}; the table is made anew")),
        }
        // a row of another width is of other settings, whatever the key says
        let finished = finished.into_iter().filter(|row| row.vector.len() == dim);
        known.extend(finished.map(|row| (row.clip, (row.source, row.vector))));
        let maker = Self {
            path: path.to_path_buf(),
            provenance,
            dim,
            journal,
            known,
        };
        Ok((maker, damaged))
    }

    /// The row of a clip, if it is known and was made from `source`.
    pub fn row(&self, clip: &str, source: &str) -> Option<&[f32]> {
        let (same, vector) = self.known.get(clip)?;
        (same == source).then_some(vector.as_slice())
    }

    /// Keeps new rows, so that they outlive this process.
    ///
    /// # Errors
    /// [`TableError::Write`]; the rows before stay readable.
    ///
    /// # Panics
    /// A vector of another width than the table's.
    pub fn keep(&mut self, rows: Vec<JournalRow>) -> Result<(), TableError> {
        for row in &rows {
            assert_eq!(row.vector.len(), self.dim, "the row of {}", row.clip);
        }
        self.journal.append(&rows)?;
        let rows = rows.into_iter();
        self.known
            .extend(rows.map(|row| (row.clip, (row.source, row.vector))));
        Ok(())
    }

    /// Writes the table of `rows` (clip and source, in the table's order), and lets the journal go.
    ///
    /// # Errors
    /// A file that cannot be written or removed.
    ///
    /// # Panics
    /// A row that is not known.
    pub fn finish(
        mut self,
        rows: impl IntoIterator<Item = (String, String)>,
    ) -> Result<EmbeddingTable, TableError> {
        let mut table = EmbeddingTable {
            dim: self.dim,
            ..EmbeddingTable::default()
        };
        let mut all = String::new();
        for (clip, source) in rows {
            let (same, vector) = self.known.remove(&clip).expect("every row was kept before");
            assert_eq!(same, source, "the row of {clip}");
            all += &format!("{clip} {source}\n");
            table.clips.push(clip);
            table.sources.push(source);
            table.values.extend(vector);
        }
        table.provenance = Provenance {
            source: content_hash(all.as_bytes()),
            ..self.provenance
        };
        table.write(&self.path)?;
        self.journal.remove()?;
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provenance(settings: &str) -> Provenance {
        Provenance {
            producer: "maker 1".into(),
            settings: settings.into(),
            columns: vec!["x".into(), "y".into()],
            ..Provenance::default()
        }
    }

    fn row(clip: &str, source: &str, vector: [f32; 2]) -> JournalRow {
        JournalRow {
            clip: clip.into(),
            source: source.into(),
            vector: vector.to_vec(),
        }
    }

    fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
        let all = all.iter();
        all.map(|(a, b)| (a.to_string(), b.to_string())).collect()
    }

    #[test]
    fn rows_outlive_a_killed_process_and_the_finished_table() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        let open = |settings| TableMaker::open(&path, provenance(settings), 2).unwrap();
        let (mut maker, told) = open("a");
        assert_eq!(told, None);
        maker.keep(vec![row("p", "1", [1.0, 2.0])]).unwrap();
        drop(maker);
        let (mut maker, _) = open("a");
        assert_eq!(maker.row("p", "1"), Some(&[1.0, 2.0][..]));
        assert_eq!(maker.row("p", "2"), None, "made from something else");
        maker.keep(vec![row("q", "3", [3.0, 4.0])]).unwrap();
        let table = maker.finish(pairs(&[("q", "3"), ("p", "1")])).unwrap();
        assert_eq!(table.values, [3.0, 4.0, 1.0, 2.0]);
        assert!(!path.with_extension("partial").exists());
        let (maker, _) = open("a");
        assert_eq!(maker.row("q", "3"), Some(&[3.0, 4.0][..]));
        let (maker, _) = open("b");
        assert_eq!(maker.row("q", "3"), None, "made otherwise");
    }

    #[test]
    fn a_damaged_table_is_told_and_a_new_row_wins_over_an_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        let (mut maker, _) = TableMaker::open(&path, provenance("a"), 2).unwrap();
        maker.keep(vec![row("p", "1", [1.0, 2.0])]).unwrap();
        maker.finish(pairs(&[("p", "1")])).unwrap();
        let (mut maker, _) = TableMaker::open(&path, provenance("a"), 2).unwrap();
        maker.keep(vec![row("p", "9", [5.0, 6.0])]).unwrap();
        assert_eq!(maker.row("p", "1"), None);
        let table = maker.finish(pairs(&[("p", "9")])).unwrap();
        assert_eq!(table.values, [5.0, 6.0]);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let (maker, told) = TableMaker::open(&path, provenance("a"), 2).unwrap();
        assert!(told.unwrap().contains("made anew"));
        assert_eq!(maker.row("p", "9"), None);
    }
}
