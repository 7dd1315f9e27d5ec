//! What can go wrong with a picture.

use std::fmt;
use std::path::PathBuf;

/// A picture format that [`decode`](crate::decode) reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// ITU-T T.81, baseline and progressive, 8 bits a sample.
    Jpeg,
    /// Portable Network Graphics, all colour types and bit depths.
    Png,
    /// WebP, lossy, lossless and animated (the first frame).
    WebP,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
        })
    }
}

/// An error of this crate. Each message names the file (where there is one), what was
/// expected and what was found.
#[derive(Debug, thiserror::Error)]
pub enum VisionError {
    /// The file could not be read.
    #[error("read picture {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something that is no regular file, which may have no end.
    #[error("read picture {path}: expected a regular file, found {found}")]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// The file holds no byte.
    #[error("decode {path}: expected JPEG, PNG or WebP, found an empty file (0 bytes)")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The first bytes are those of no format that is read.
    #[error("decode {path}: expected JPEG, PNG or WebP, found {found}")]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// The format's name if it is a known one, else the first bytes in hexadecimal.
        found: String,
    },
    /// The file ends before its picture does.
    #[error("decode {path}: {format} is truncated: {detail}")]
    Truncated {
        /// The file.
        path: PathBuf,
        /// The format that its first bytes announce.
        format: Format,
        /// Where it ends.
        detail: String,
    },
    /// The bytes break the rules of the format.
    #[error("decode {path}: {format} is corrupt: {reason}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The format that its first bytes announce.
        format: Format,
        /// What the decoder said.
        reason: String,
    },
    /// A valid file that uses a part of its format that is not read.
    #[error("decode {path}: {format} is not supported: {reason}")]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The format that its first bytes announce.
        format: Format,
        /// The part that is not read.
        reason: String,
    },
    /// More pixels than [`MAX_PIXELS`](crate::MAX_PIXELS): a decompression bomb or a mistake.
    #[error("decode {path}: expected at most {limit} pixels, found {width} x {height}")]
    TooManyPixels {
        /// The file.
        path: PathBuf,
        /// Declared width in pixels.
        width: u64,
        /// Declared height in pixels.
        height: u64,
        /// The limit in pixels.
        limit: u64,
    },
    /// More bytes than [`MAX_FILE_BYTES`](crate::MAX_FILE_BYTES).
    #[error("decode {path}: expected at most {limit} bytes, found more")]
    TooManyBytes {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// A model's file that states how pictures are prepared, in a way that is not known.
    #[error("preparation {path}: {reason}")]
    Preparation {
        /// The file.
        path: PathBuf,
        /// The field, what was expected and what was found.
        reason: String,
    },
    /// A buffer, size or setting that does not fit the operation.
    #[error("{operation}: expected {expected}, found {found}")]
    Argument {
        /// The operation that was called.
        operation: &'static str,
        /// What it takes.
        expected: String,
        /// What it was given.
        found: String,
    },
}
