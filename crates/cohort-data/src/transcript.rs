//! The table of transcripts below a data set's root.

use std::collections::BTreeMap;
use std::path::Path;

use cohort_tables::id_key;

use crate::error::{DataError, quoted};
use crate::label_file::read_table;
use crate::schema::Schema;
use crate::transcript_file::TRANSCRIPT_LIMIT;

/// The transcript table below a root.
#[derive(Debug, Default)]
pub(crate) struct TranscriptTable {
    /// Text by clip id.
    pub texts: BTreeMap<String, String>,
    /// Names that occur more than once, with the line of the later row.
    pub repeated: Vec<(u64, String)>,
    /// What was read otherwise than it was written.
    pub notes: Vec<String>,
}

impl TranscriptTable {
    /// Reads the table that the schema names; `None` when there is no such file.
    pub fn read(root: &Path, schema: &Schema) -> Result<Option<Self>, DataError> {
        let path = root.join(&schema.transcripts);
        if path.symlink_metadata().is_err() {
            return Ok(None);
        }
        let mut file = read_table(&path, schema, TRANSCRIPT_LIMIT, &["Transcript"])?;
        file.refuse_bad_rows(&path)?;
        let names = file.take_column(&path, &schema.name_column)?;
        let texts = file.take_column(&path, "Transcript")?;
        let mut table = Self {
            notes: file.notes,
            ..Self::default()
        };
        for ((name, text), &line) in names.iter().zip(texts).zip(&file.lines) {
            if table.texts.insert(id_key(name), text).is_some() {
                table.repeated.push((line, name.clone()));
            }
        }
        Ok(Some(table))
    }

    /// The repeated name as an error, for readers that accept none.
    pub fn refuse_repeated(&self, root: &Path, schema: &Schema) -> Result<(), DataError> {
        match self.repeated.first() {
            Some((row, name)) => Err(DataError::row(
                &root.join(&schema.transcripts),
                *row,
                "every clip once",
                format!("{} again", quoted(name)),
            )),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::MediaSource;

    #[test]
    fn text_files_and_pickles_read_as_text_or_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let long = vec![b'a'; TRANSCRIPT_LIMIT + 1];
        let cases: [(&str, &[u8], Result<&str, &str>); 8] = [
            ("a.txt", b"\xef\xbb\xbf Hello.\r\n", Ok("Hello.")),
            ("b.pkl", b"\x80\x04\x8c\x03hi \x94.", Ok("hi")),
            ("c.txt", b"", Ok("")),
            (
                "d.txt",
                b"caf\xe9",
                Err("d.txt: expected text in UTF-8, found a byte at 3 that is not UTF-8"),
            ),
            (
                "e.txt",
                b"\xff\xfeh\0",
                Err("found UTF-16, by its byte order mark"),
            ),
            (
                "f.pkl",
                b"cos\nsystem\n(S'rm'\ntR.",
                Err(
                    "f.pkl: expected a pickled plain str (a pickle is read as data, never run), found the instruction GLOBAL of \"os.system\" at byte 0, which would run code",
                ),
            ),
            (
                "g.txt",
                &long,
                Err("expected at most 1048576 bytes, found a longer file"),
            ),
            (
                "h.pkl",
                b"",
                Err("h.pkl: expected a whole pickle, found its end at byte 0"),
            ),
        ];
        for (name, bytes, expected) in cases {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            let read = MediaSource::File(path)
                .read_words()
                .map_err(|error| error.to_string());
            match expected {
                Ok(text) => assert_eq!(read.as_deref(), Ok(text), "{name}"),
                Err(part) => assert!(read.clone().unwrap_err().contains(part), "{name}: {read:?}"),
            }
        }
        let error = MediaSource::File(folder.path().to_path_buf())
            .read_words()
            .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("expected a regular file, found a folder")
        );
    }
}
