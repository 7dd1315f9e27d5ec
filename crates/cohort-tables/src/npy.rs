//! NumPy arrays as embedding tables: `.npy`, and `.npz` archives of them.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use half::f16;
use zip::ZipArchive;

use crate::TableError;
use crate::embeddings::EmbeddingTable;
use crate::format::Read;
use crate::guard::guarded;
use crate::vector_rows::{MAX_VALUES, Rows};

/// How a `.npy` file begins.
pub(crate) const MAGIC: &[u8] = b"\x93NUMPY";

/// Longest header.
const MAX_HEADER: usize = 1 << 16;

/// Longest text of an id, in characters.
const MAX_ID: usize = 4096;

/// Reads an array of two axes, or an archive with one.
pub(crate) fn read(path: &Path, file: File) -> Result<Read<EmbeddingTable>, TableError> {
    let at = path.to_path_buf();
    let mut arrays = Vec::new();
    let parse = move |part: &mut dyn FnMut((String, Array)) -> bool| {
        let mut start = BufReader::new(file);
        let mut magic = [0; 4];
        let begins = start.read_exact(&mut magic);
        begins.map_err(|source| TableError::read(&at, source))?;
        let mut file = start.into_inner();
        let rewound = std::io::Seek::rewind(&mut file);
        rewound.map_err(|source| TableError::read(&at, source))?;
        if magic.starts_with(b"PK") {
            return archive(&at, file, part);
        }
        let bytes = all(&at, &mut BufReader::new(file))?;
        part((String::new(), Array::parse(&at, "", bytes)?));
        Ok(())
    };
    guarded(path, "NumPy", parse, |array| {
        arrays.push(array);
        Ok(())
    })?;
    choose(path, arrays)
}

fn all(path: &Path, from: &mut impl std::io::Read) -> Result<Vec<u8>, TableError> {
    // eight bytes a number, and the header
    let limit = MAX_VALUES as u64 * 8 + MAX_HEADER as u64;
    let mut bytes = Vec::new();
    let taken = from.take(limit + 1).read_to_end(&mut bytes);
    taken.map_err(|error| {
        TableError::file(
            path,
            "a whole NumPy file",
            format!("a damaged one ({error})"),
        )
    })?;
    if bytes.len() as u64 > limit {
        let expected = format!("at most {MAX_VALUES} numbers");
        return Err(TableError::file(path, expected, "more"));
    }
    Ok(bytes)
}

fn archive(
    path: &Path,
    file: File,
    part: &mut dyn FnMut((String, Array)) -> bool,
) -> Result<(), TableError> {
    let damaged = |error: zip::result::ZipError| {
        let expected = "a NumPy archive (.npz)";
        TableError::file(path, expected, format!("one that cannot be read: {error}"))
    };
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(damaged)?;
    for i in 0..archive.len() {
        let mut entry = archive.by_index(i).map_err(damaged)?;
        let name = entry.name().map_err(damaged)?.into_owned();
        let Some(name) = name.strip_suffix(".npy").map(String::from) else {
            let expected = "an embedding table (Parquet, CSV, .npy or .npz)";
            let found =
                format!("a ZIP archive that holds {name:?}; a workbook is to be saved as CSV");
            return Err(TableError::file(path, expected, found));
        };
        let bytes = all(path, &mut entry)?;
        let array = Array::parse(path, &name, bytes)?;
        if !part((name, array)) {
            break;
        }
    }
    Ok(())
}

/// Which arrays of a file are the vectors and the ids.
fn choose(path: &Path, arrays: Vec<(String, Array)>) -> Result<Read<EmbeddingTable>, TableError> {
    const VECTORS: [&str; 8] = [
        "vectors",
        "embeddings",
        "vector",
        "embedding",
        "features",
        "x",
        "data",
        "arr_0",
    ];
    const IDS: [&str; 12] = [
        "ids",
        "id",
        "clips",
        "clip",
        "names",
        "name",
        "files",
        "file",
        "filenames",
        "paths",
        "keys",
        "index",
    ];
    let listed = || {
        let one = |(name, array): &(String, Array)| {
            let name = if name.is_empty() { "an array" } else { name };
            format!(
                "{name} of shape {:?} and type {}",
                array.shape, array.kind.name
            )
        };
        arrays.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    let by_name = |names: &[&str], fits: &dyn Fn(&Array) -> bool| {
        names.iter().find_map(|wanted| {
            let same =
                |(name, array): &&(String, Array)| name.eq_ignore_ascii_case(wanted) && fits(array);
            arrays.iter().find(same)
        })
    };
    let is_matrix = |array: &Array| array.shape.len() == 2 && array.kind.is_number();
    let mut matrices = arrays.iter().filter(|(_, array)| is_matrix(array));
    let vectors = match (
        by_name(&VECTORS, &is_matrix),
        matrices.next(),
        matrices.next(),
    ) {
        (Some(named), _, _) => Some(named),
        (None, Some(only), None) => Some(only),
        _ => None,
    };
    let Some((_, vectors)) = vectors else {
        let expected = "one array of two axes (rows, components) of numbers, or one called vectors";
        let found = if arrays.is_empty() {
            "an empty archive".into()
        } else {
            listed()
        };
        return Err(TableError::file(path, expected, found));
    };
    let (rows, width) = (vectors.shape[0], vectors.shape[1]);
    let is_list = |array: &Array| array.shape.len() == 1 && !matches!(array.kind.code, b'f');
    let named = by_name(&IDS, &is_list);
    let mut lists = arrays
        .iter()
        .filter(|(_, array)| array.shape.len() == 1 && array.kind.is_text());
    let ids = named.or(match (lists.next(), lists.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    });
    let mut notes = Vec::new();
    let names = match ids {
        Some((name, array)) => {
            if array.shape[0] != rows {
                let expected = format!("{rows} ids, one a vector");
                let found = format!("{} in {name}", array.shape[0]);
                return Err(TableError::file(path, expected, found));
            }
            notes.push(format!(
                "{}: clips are named by the array {name}",
                path.display()
            ));
            Some(array)
        }
        None => {
            notes.push(format!(
                "{}: an array names no clips; they are called by their row, from 0",
                path.display()
            ));
            None
        }
    };
    let mut table = Rows::new(path);
    for row in 0..rows {
        let clip = match names {
            Some(array) => array.text(path, row)?,
            None => row.to_string(),
        };
        let values = (0..width).map(|column| vectors.number(vectors.place(row, column)));
        table.push(row as u64 + 1, &clip, values)?;
    }
    Ok(Read {
        table: table.table,
        notes,
        mapped: Vec::new(),
    })
}

/// Type of an array's items, as NumPy writes it: `<f4`.
struct Kind {
    name: String,
    code: u8,
    /// Bytes of an item.
    size: usize,
    big: bool,
}

impl Kind {
    fn parse(name: &str) -> Option<Self> {
        let bytes = name.as_bytes();
        let (&order, &code) = (bytes.first()?, bytes.get(1)?);
        let count: usize = name.get(2..)?.parse().ok()?;
        let fits = match code {
            b'f' => matches!(count, 2 | 4 | 8),
            b'i' | b'u' => matches!(count, 1 | 2 | 4 | 8),
            b'U' | b'S' => (1..=MAX_ID).contains(&count),
            _ => false,
        };
        let size = if code == b'U' { count * 4 } else { count };
        let known = matches!(order, b'<' | b'>' | b'|' | b'=');
        (fits && known).then(|| Self {
            name: name.to_string(),
            code,
            size,
            big: order == b'>',
        })
    }

    fn is_number(&self) -> bool {
        matches!(self.code, b'f' | b'i' | b'u')
    }

    fn is_text(&self) -> bool {
        matches!(self.code, b'U' | b'S')
    }
}

/// An array as it lies in its file.
struct Array {
    kind: Kind,
    shape: Vec<usize>,
    /// Whether the first axis is the one that runs fastest.
    fortran: bool,
    bytes: Vec<u8>,
    /// Where the items begin.
    start: usize,
}

impl Array {
    /// Reads the header and checks that the items are all there.
    ///
    /// Source: NumPy's `numpy.lib.format`, versions 1 to 3.
    fn parse(path: &Path, name: &str, bytes: Vec<u8>) -> Result<Self, TableError> {
        let of = if name.is_empty() {
            String::new()
        } else {
            format!(" in {name}")
        };
        let bad = |found: String| TableError::file(path, format!("a NumPy array{of}"), found);
        let damaged = |what: &str| bad(format!("a damaged one ({what})"));
        if !bytes.starts_with(MAGIC) {
            return Err(damaged("no NumPy header"));
        }
        let at = |i: usize| bytes.get(i).copied().map(usize::from);
        let header = || {
            let (length, start) = match at(6)? {
                1 => (at(8)? | at(9)? << 8, 10),
                2 | 3 => (at(8)? | at(9)? << 8 | at(10)? << 16 | at(11)? << 24, 12),
                _ => return None,
            };
            let end = start + Some(length).filter(|&length| length <= MAX_HEADER)?;
            Some((std::str::from_utf8(bytes.get(start..end)?).ok()?, end))
        };
        let (header, start) = header().ok_or_else(|| damaged("its header"))?;
        let value = |key: &str| {
            let (_, rest) = header.split_once(&format!("'{key}':"))?;
            Some(rest.trim_start())
        };
        let descr = value("descr").ok_or_else(|| damaged("no descr in its header"))?;
        let quoted = descr
            .strip_prefix('\'')
            .and_then(|rest| rest.split_once('\''));
        let Some((descr, _)) = quoted else {
            return Err(bad("one of records (several fields an item)".into()));
        };
        let Some(kind) = Kind::parse(descr) else {
            let found = match descr {
                "|O" => "one of Python objects, which are never loaded".to_string(),
                other => format!("items of type {other:?} (floats and integers are read)"),
            };
            return Err(bad(found));
        };
        let fortran = match value("fortran_order") {
            Some(text) if text.starts_with("True") => true,
            Some(text) if text.starts_with("False") => false,
            _ => return Err(damaged("no fortran_order in its header")),
        };
        let shape = value("shape")
            .and_then(|text| text.strip_prefix('('))
            .and_then(|text| text.split_once(')'))
            .ok_or_else(|| damaged("no shape in its header"))?;
        let axes = shape
            .0
            .split(',')
            .map(str::trim)
            .filter(|axis| !axis.is_empty());
        let shape: Vec<usize> = axes
            .map(|axis| axis.parse().map_err(|_| damaged("its shape")))
            .collect::<Result<_, _>>()?;
        let items = shape
            .iter()
            .try_fold(1usize, |all, &axis| all.checked_mul(axis));
        let size = items.and_then(|items| items.checked_mul(kind.size));
        let there = bytes.len() - start;
        if size != Some(there) {
            let shape: Vec<String> = shape.iter().map(ToString::to_string).collect();
            return Err(damaged(&format!(
                "{there} bytes for a shape of {} of {}",
                shape.join(" x "),
                kind.name
            )));
        }
        if kind.is_number() && items > Some(MAX_VALUES) {
            let expected = format!("at most {MAX_VALUES} numbers");
            return Err(TableError::file(path, expected, "more"));
        }
        Ok(Self {
            kind,
            shape,
            fortran,
            bytes,
            start,
        })
    }

    /// Place of an item of a matrix.
    fn place(&self, row: usize, column: usize) -> usize {
        if self.fortran {
            column * self.shape[0] + row
        } else {
            row * self.shape[1] + column
        }
    }

    /// The bytes of an item, lowest first.
    fn item<const N: usize>(&self, place: usize) -> [u8; N] {
        let from = self.start + place * self.kind.size;
        let mut item = [0; N];
        item.copy_from_slice(&self.bytes[from..from + N]);
        if self.kind.big {
            item.reverse();
        }
        item
    }

    fn number(&self, place: usize) -> f64 {
        match (self.kind.code, self.kind.size) {
            (b'f', 2) => f16::from_le_bytes(self.item(place)).to_f64(),
            (b'f', 4) => f32::from_le_bytes(self.item(place)).into(),
            (b'f', _) => f64::from_le_bytes(self.item(place)),
            (b'i', 1) => i8::from_le_bytes(self.item(place)).into(),
            (b'i', 2) => i16::from_le_bytes(self.item(place)).into(),
            (b'i', 4) => i32::from_le_bytes(self.item(place)).into(),
            (b'i', _) => i64::from_le_bytes(self.item(place)) as f64,
            (_, 1) => u8::from_le_bytes(self.item(place)).into(),
            (_, 2) => u16::from_le_bytes(self.item(place)).into(),
            (_, 4) => u32::from_le_bytes(self.item(place)).into(),
            (_, _) => u64::from_le_bytes(self.item(place)) as f64,
        }
    }

    /// An id: a text, or a whole number as text.
    fn text(&self, path: &Path, row: usize) -> Result<String, TableError> {
        let from = self.start + row * self.kind.size;
        let item = &self.bytes[from..from + self.kind.size];
        let text = match self.kind.code {
            b'U' => {
                let unit = |unit: &[u8]| {
                    let bytes = [unit[0], unit[1], unit[2], unit[3]];
                    let number = match self.kind.big {
                        true => u32::from_be_bytes(bytes),
                        false => u32::from_le_bytes(bytes),
                    };
                    char::from_u32(number)
                };
                item.chunks_exact(4).map(unit).collect::<Option<String>>()
            }
            b'S' => std::str::from_utf8(item).ok().map(String::from),
            b'i' if self.kind.size == 8 => Some(i64::from_le_bytes(self.item(row)).to_string()),
            b'u' if self.kind.size == 8 => Some(u64::from_le_bytes(self.item(row)).to_string()),
            _ => Some(self.number(row).to_string()),
        };
        let text = text.ok_or_else(|| {
            TableError::row(
                path,
                row as u64 + 1,
                "an id in Unicode",
                "bytes that are none",
            )
        })?;
        Ok(text.trim_end_matches('\0').trim().to_string())
    }
}
