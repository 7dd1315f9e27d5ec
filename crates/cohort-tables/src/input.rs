//! The bytes of a table: from a file or standard input, unpacked and decoded.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::TableError;

/// Largest table of text, in bytes once it is unpacked: what is longer is no table of clips, or a bomb.
const TEXT_LIMIT: u64 = 4 << 30;

/// Opens a table. `-` is standard input, which is copied into a file without a name, so that every reader may go back.
/// A named pipe or a device is refused, since opening or reading one may never end.
pub(crate) fn open(path: &Path) -> Result<File, TableError> {
    let read = |source| TableError::read(path, source);
    if path.as_os_str() == "-" {
        return copied(path, std::io::stdin().lock());
    }
    let metadata = std::fs::metadata(path).map_err(read)?;
    if metadata.is_file() || metadata.is_dir() {
        // opening a folder works on some systems; reading it is the error that names the reason
        return File::open(path).map_err(read);
    }
    // a shell's `<(...)`, which somebody writes into already
    if path.starts_with("/dev/fd") || path.starts_with("/proc/self/fd") {
        return copied(path, File::open(path).map_err(read)?);
    }
    let expected = "a regular file (or - for standard input)";
    Err(TableError::file(path, expected, "a pipe, socket or device"))
}

fn copied(path: &Path, from: impl Read) -> Result<File, TableError> {
    let copy = || -> std::io::Result<(File, u64)> {
        let mut file = tempfile::tempfile()?;
        let bytes = std::io::copy(&mut from.take(TEXT_LIMIT + 1), &mut file)?;
        file.flush()?;
        file.seek(SeekFrom::Start(0))?;
        Ok((file, bytes))
    };
    let (file, bytes) = copy().map_err(|source| TableError::read(path, source))?;
    within(path, bytes)?;
    Ok(file)
}

pub(crate) fn within(path: &Path, bytes: u64) -> Result<(), TableError> {
    if bytes > TEXT_LIMIT {
        let expected = format!("a table of at most {TEXT_LIMIT} bytes");
        return Err(TableError::file(path, expected, "a longer one"));
    }
    Ok(())
}

/// The first bytes of a file, which is then at its beginning again.
pub(crate) fn beginning(path: &Path, file: &mut File) -> Result<[u8; 8], TableError> {
    let read = |source| TableError::read(path, source);
    let mut bytes = Vec::new();
    Read::by_ref(file)
        .take(8)
        .read_to_end(&mut bytes)
        .map_err(read)?;
    file.seek(SeekFrom::Start(0)).map_err(read)?;
    let mut first = [0; 8];
    first[..bytes.len()].copy_from_slice(&bytes);
    Ok(first)
}

/// How the characters of a table were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    Utf16Little,
    Utf16Big,
}

/// The bytes of a table of text, in UTF-8 but for bytes that are none.
pub(crate) struct Text {
    pub(crate) bytes: Vec<u8>,
    pub(crate) encoding: Encoding,
    pub(crate) gzip: bool,
}

/// Reads a whole table of text: gzip is unpacked, UTF-16 (by its byte order mark) becomes UTF-8, a mark is dropped, and
/// what is no text is refused by its kind.
pub(crate) fn read_text(path: &Path, mut file: File) -> Result<Text, TableError> {
    let gzip = beginning(path, &mut file)?.starts_with(&[0x1f, 0x8b]);
    let mut bytes = Vec::new();
    let taken = if gzip {
        let unpacked = MultiGzDecoder::new(std::io::BufReader::new(file));
        let taken = unpacked.take(TEXT_LIMIT + 1).read_to_end(&mut bytes);
        taken.map_err(|error| {
            TableError::file(
                path,
                "a whole gzip file",
                format!("a damaged one ({error})"),
            )
        })
    } else {
        let taken = file.take(TEXT_LIMIT + 1).read_to_end(&mut bytes);
        taken.map_err(|source| TableError::read(path, source))
    }?;
    within(path, taken as u64)?;
    refuse_foreign(path, &bytes)?;
    let (bytes, encoding) = decode(path, bytes)?;
    Ok(Text {
        bytes,
        encoding,
        gzip,
    })
}

/// Refuses what is another kind of file, by name and with what to do.
fn refuse_foreign(path: &Path, bytes: &[u8]) -> Result<(), TableError> {
    let kinds: [(&[u8], &str); 13] = [
        (
            b"PK\x03\x04",
            "an Excel workbook (.xlsx) or another ZIP archive; save the sheet as CSV",
        ),
        (
            b"\xd0\xcf\x11\xe0",
            "an Excel workbook (.xls); save the sheet as CSV",
        ),
        (b"ARROW1", "an Arrow (Feather) file; write it as Parquet"),
        (b"\x93NUMPY", "a NumPy array, which has no columns"),
        (
            b"SQLite format 3",
            "an SQLite database; export the table as CSV",
        ),
        (
            b"\x89HDF",
            "an HDF5 file; write the table as CSV or Parquet",
        ),
        (
            b"BZh",
            "a file packed by bzip2; unpack it (gzip is read as it is)",
        ),
        (
            b"\xfd7zXZ",
            "a file packed by xz; unpack it (gzip is read as it is)",
        ),
        (
            b"\x28\xb5\x2f\xfd",
            "a file packed by zstd; unpack it (gzip is read as it is)",
        ),
        (b"<?xml", "XML; write the table as CSV"),
        (b"<!DOCTYPE", "a web page; save the table as CSV"),
        (b"<html", "a web page; save the table as CSV"),
        (b"%PDF", "a PDF; save the table as CSV"),
    ];
    let expected = "a table (CSV, TSV or Parquet)";
    if let Some((_, kind)) = kinds.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(TableError::file(path, expected, *kind));
    }
    let mut seen = bytes.iter().filter(|byte| !byte.is_ascii_whitespace());
    let (first, second) = (seen.next(), seen.next());
    let json = matches!(
        (first, second),
        (Some(b'{'), Some(b'"' | b'}')) | (Some(b'['), Some(b'{' | b'['))
    );
    if json {
        let kind = "JSON; write the table as CSV or Parquet (pandas: read_json, then to_csv)";
        return Err(TableError::file(path, expected, kind));
    }
    Ok(())
}

fn decode(path: &Path, mut bytes: Vec<u8>) -> Result<(Vec<u8>, Encoding), TableError> {
    let text = "text in UTF-8, or in UTF-16 with a byte order mark";
    if bytes.starts_with(&[0xff, 0xfe, 0, 0]) || bytes.starts_with(&[0, 0, 0xfe, 0xff]) {
        return Err(TableError::file(
            path,
            text,
            "UTF-32, by its byte order mark",
        ));
    }
    let (encoding, unit): (_, fn([u8; 2]) -> u16) = match bytes.get(..2) {
        Some([0xff, 0xfe]) => (Encoding::Utf16Little, u16::from_le_bytes),
        Some([0xfe, 0xff]) => (Encoding::Utf16Big, u16::from_be_bytes),
        _ => {
            if bytes.starts_with(&[0xef, 0xbb, 0xbf]) {
                bytes.drain(..3);
            }
            // every second byte of the header is 0
            let start = bytes.get(..64.min(bytes.len() & !1)).unwrap_or_default();
            let zeros = |from: usize| start.iter().skip(from).step_by(2).all(|&byte| byte == 0);
            let none = |from: usize| start.iter().skip(from).step_by(2).all(|&byte| byte != 0);
            if start.len() >= 8 && ((zeros(1) && none(0)) || (zeros(0) && none(1))) {
                let found = "UTF-16 without one; save the table as UTF-8";
                return Err(TableError::file(path, text, found));
            }
            return Ok((bytes, Encoding::Utf8));
        }
    };
    let body = bytes.get(2..).unwrap_or_default();
    let row = |text: &str| 1 + text.matches('\n').count() as u64;
    let mut decoded = String::with_capacity(body.len());
    let units = body.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    for character in char::decode_utf16(units) {
        match character {
            Ok(character) => decoded.push(character),
            Err(error) => {
                let found = format!("half a character ({:#06x})", error.unpaired_surrogate());
                return Err(TableError::row(
                    path,
                    row(&decoded),
                    "text in UTF-16",
                    found,
                ));
            }
        }
    }
    if body.len() % 2 != 0 {
        let found = "an odd number of bytes: the file is cut off";
        return Err(TableError::row(
            path,
            row(&decoded),
            "text in UTF-16",
            found,
        ));
    }
    Ok((decoded.into_bytes(), encoding))
}

/// What a field that is not UTF-8 holds, for a message.
pub(crate) fn not_utf8(field: &[u8]) -> String {
    let bad = match std::str::from_utf8(field) {
        Ok(_) => return "text in UTF-8".into(),
        Err(error) => field.get(error.valid_up_to()).copied().unwrap_or_default(),
    };
    // the upper half of Windows-1252 is that of Latin-1 but for 0x80 to 0x9f
    let high = [
        '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0',
        '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
    ];
    let character = match bad {
        0x80..=0x9f => high[usize::from(bad - 0x80)],
        _ => char::from(bad),
    };
    if character == '\0' {
        return format!("bytes that are not UTF-8 (0x{bad:02x})");
    }
    format!(
        "bytes that are not UTF-8 (0x{bad:02x} is {character} in Windows-1252; save the table as UTF-8)"
    )
}
