//! A file of word vectors as a stream of bytes, unpacked on the way where it is compressed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::TextError;

/// Longest vector that a file may announce.
pub(super) const MAX_DIM: u64 = 1 << 16;
/// Longest word in bytes.
pub(super) const MAX_WORD: u64 = 1 << 16;
/// Words between two looks at whether to go on.
pub(super) const STEP: u64 = 4096;

/// Bytes read at once.
const BUFFER: usize = 1 << 18;

/// Kinds of files that hold word vectors in a form that is not read: first bytes, what it is, and what to do.
const OTHERS: [(&[u8], &str); 8] = [
    (b"PK\x03\x04", "found a zip archive: unpack it first"),
    (b"BZh", "found one compressed with bzip2: unpack it first"),
    (
        b"\xfd7zXZ\0",
        "found one compressed with xz: unpack it first",
    ),
    (
        b"\x28\xb5\x2f\xfd",
        "found one compressed with zstd: unpack it first",
    ),
    (b"\xff\xfe", "found UTF-16: save it as UTF-8"),
    (b"\xfe\xff", "found UTF-16: save it as UTF-8"),
    (
        b"\x80",
        "found a Python pickle, such as gensim's own format: save_word2vec_format writes one that is read",
    ),
    (
        b"SQLite format 3\0",
        "found a database (Magnitude): its source in text or binary format is read",
    ),
];

/// A file that is read from its start, with its name and length for the messages.
pub(super) struct Source {
    path: PathBuf,
    pub(super) inner: Input,
    /// Bytes of the file as it lies on disk.
    pub(super) len: u64,
    /// Shares its position with the stream.
    file: File,
}

/// The bytes, unpacked.
pub(super) enum Input {
    Plain(BufReader<File>),
    Gzip(Box<BufReader<MultiGzDecoder<BufReader<File>>>>),
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self, TextError> {
        // before it is opened, which would wait for whoever writes into a pipe
        let about = std::fs::metadata(path).map_err(|error| unusable(path, error))?;
        if !about.is_file() {
            return Err(unusable(
                path,
                "expected a file of word vectors (.vec, .txt or .bin)",
            ));
        }
        let failed = |error| unusable(path, error);
        let file = File::open(path).map_err(failed)?;
        let shared = file.try_clone().map_err(failed)?;
        let mut plain = BufReader::with_capacity(BUFFER, file);
        let gzip = plain.fill_buf().map_err(failed)?.starts_with(b"\x1f\x8b");
        let inner = match gzip {
            false => Input::Plain(plain),
            true => {
                let unpacked = MultiGzDecoder::new(plain);
                Input::Gzip(Box::new(BufReader::with_capacity(BUFFER, unpacked)))
            }
        };
        Ok(Self {
            path: path.to_path_buf(),
            inner,
            len: about.len(),
            file: shared,
        })
    }

    /// The first bytes, which stay to be read; of a kind that is not read, the reason. A byte order mark is passed over.
    pub(super) fn start(&mut self) -> Result<Vec<u8>, TextError> {
        self.pass_mark()?;
        let start = match self.inner.fill_buf() {
            Ok(start) => start[..start.len().min(16)].to_vec(),
            Err(error) => return Err(self.unread(&error)),
        };
        match OTHERS.iter().find(|(first, _)| start.starts_with(first)) {
            Some((_, found)) => Err(self.error(format!("expected word vectors, {found}"))),
            None => Ok(start),
        }
    }

    /// Passes over a byte order mark at the start.
    pub(super) fn pass_mark(&mut self) -> Result<(), TextError> {
        match self.inner.fill_buf() {
            Ok(start) if start.starts_with(b"\xef\xbb\xbf") => self.inner.consume(3),
            Ok(_) => {}
            Err(error) => return Err(self.unread(&error)),
        }
        Ok(())
    }

    /// Bytes of the file on disk that were read so far.
    pub(super) fn consumed(&mut self) -> u64 {
        self.file.stream_position().unwrap_or(0)
    }

    /// The file, to move about in.
    pub(super) fn file(&mut self) -> Result<&mut BufReader<File>, TextError> {
        match &mut self.inner {
            Input::Plain(file) => Ok(file),
            Input::Gzip(_) => Err(unusable(
                &self.path,
                "expected fastText's binary format as it is, found it compressed with gzip: unpack it first (gzip -d)",
            )),
        }
    }

    pub(super) fn error(&self, reason: impl ToString) -> TextError {
        unusable(&self.path, reason)
    }

    pub(super) fn unread(&self, error: &io::Error) -> TextError {
        match &self.inner {
            Input::Plain(_) => self.error(error),
            Input::Gzip(_) => self.error(format!("unpacking it with gzip: {error}")),
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(input) => input.read(buffer),
            Self::Gzip(input) => input.read(buffer),
        }
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self {
            Self::Plain(input) => input.fill_buf(),
            Self::Gzip(input) => input.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        match self {
            Self::Plain(input) => input.consume(amount),
            Self::Gzip(input) => input.consume(amount),
        }
    }
}

/// The error for a file that is not read.
pub(super) fn unusable(path: &Path, reason: impl ToString) -> TextError {
    TextError::WordVectors {
        path: path.to_path_buf(),
        reason: reason.to_string(),
    }
}

/// The next line with its end; empty when there is none.
pub(super) fn line(source: &mut Source, limit: u64, number: u64) -> Result<Vec<u8>, TextError> {
    let mut bytes = Vec::new();
    let mut reader = source.inner.by_ref().take(limit);
    let read = reader.read_until(b'\n', &mut bytes);
    read.map_err(|error| source.unread(&error))?;
    if bytes.len() as u64 == limit && bytes.last() != Some(&b'\n') {
        return Err(source.error(format!(
            "line {number}: expected at most {limit} bytes, found more"
        )));
    }
    Ok(bytes)
}
