//! The containers of PyTorch's files: the zip archive (since 1.6), the stream of pickles with the storages after them
//! (0.1.10 to 1.5), the tar archive of the earliest, and a plain pickle.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use zip::read::ZipFile;
use zip::{CompressionMethod, ZipArchive, ZipReadOptions};

use super::pickle::{Node, Pickle};
use super::tar;
use super::tensors::{Tensor, storage_of};

/// So much longer than its file a compressed pickle may be.
const UNPACKED: u64 = 1 << 28;
/// The number that begins a stream of pickles, as protocols from 2 on write it, and in decimal.
const LEGACY: [&[u8]; 2] = [
    b"\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19",
    b"119547037146038801333356",
];
/// Kinds of files that are taken for weights now and then, by their first bytes.
const OTHERS: [(&[u8], &str); 7] = [
    (
        b"version https://git-lfs",
        "a pointer of Git LFS, not the file itself: `git lfs pull` fetches it",
    ),
    (
        b"<",
        "a page of the web (HTML or XML), not the file itself: download it again",
    ),
    (b"\x89HDF", "HDF5 (Keras), which is not read"),
    (b"GGUF", "GGUF, which is not read"),
    (b"\x1f\x8b", "a file compressed with gzip: unpack it first"),
    (b"\x93NUMPY", "a NumPy array, which has no names"),
    (b"{", "JSON, which holds no tensors"),
];

/// A file whose pickle was read.
pub(super) struct Opened {
    pub(super) pickle: Pickle,
    pub(super) storages: Arc<Storages>,
    /// Tensors of the earliest files, which the pickle names by numbers.
    pub(super) named: HashMap<String, Tensor>,
}

/// Where the bytes of the tensors are.
pub(super) enum Storages {
    /// In no other place than the pickle.
    None,
    Zip(Mutex<Zip>),
    /// In a file: where each begins, and its length in bytes.
    File {
        file: Mutex<File>,
        places: HashMap<String, (u64, u64)>,
    },
}

pub(super) struct Zip {
    archive: ZipArchive<BufReader<File>>,
    /// The file with a position of its own.
    file: File,
    /// Folder of the archive with its slash.
    root: String,
}

impl Storages {
    /// `length` bytes of a storage from byte `start` on.
    pub(super) fn read(&self, key: &str, start: u64, length: u64) -> Result<Vec<u8>, String> {
        let bytes = match self {
            Self::None => Err("no storages belong to it".to_owned()),
            Self::Zip(zip) => {
                let mut zip = zip.lock().unwrap_or_else(PoisonError::into_inner);
                zip.storage(key, start, length)
            }
            Self::File { file, places } => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                match places.get(key) {
                    None => Err("there is none of that name".to_owned()),
                    Some((place, _)) => file
                        .seek(SeekFrom::Start(place + start))
                        .and_then(|_| taken(&mut *file, length))
                        .map_err(|e| e.to_string()),
                }
            }
        };
        let bytes = bytes.map_err(|e| format!("storage {key}: {e}"))?;
        match bytes.len() as u64 == length {
            true => Ok(bytes),
            false => Err(format!(
                "storage {key}: cut short: expected {length} bytes from byte {start} on, found {}",
                bytes.len()
            )),
        }
    }
}

pub(super) fn open(path: &Path) -> Result<Opened, String> {
    let told = |e: std::io::Error| e.to_string();
    if !std::fs::metadata(path).map_err(told)?.is_file() {
        return Err("expected a file of weights, found a folder or device".to_owned());
    }
    let mut file = File::open(path).map_err(told)?;
    let start = taken(&mut file, 512).map_err(told)?;
    file.rewind().map_err(told)?;
    let window = &start[..start.len().min(64)];
    let legacy = LEGACY.iter().any(|magic| {
        let mut parts = window.windows(magic.len());
        parts.any(|part| part == *magic)
    });
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        from_zip(file, File::open(path).map_err(told)?)
    } else if start.get(257..262) == Some(b"ustar") {
        tar::open(file)
    } else if legacy {
        from_stream(file)
    } else if let Some((_, kind)) = OTHERS.iter().find(|(first, _)| start.starts_with(first)) {
        Err(format!(
            "expected weights of PyTorch or safetensors, found {kind}"
        ))
    } else if matches!(start.first(), Some(0x80 | b'(' | b'}' | b']' | b'c')) {
        let pickle = Pickle::read(&mut BufReader::new(file))?;
        Ok(Opened {
            pickle,
            storages: Arc::new(Storages::None),
            named: HashMap::new(),
        })
    } else {
        Err("expected weights of PyTorch or safetensors, found neither".to_owned())
    }
}

fn from_zip(file: File, own: File) -> Result<Opened, String> {
    let told = |e: zip::result::ZipError| format!("zip archive: {e}");
    let size = file.metadata().map_err(|e| e.to_string())?.len();
    let archive = ZipArchive::new(BufReader::new(file)).map_err(told)?;
    let names: Vec<String> = archive
        .file_names()
        .collect::<zip::result::ZipResult<Vec<_>>>()
        .map_err(told)?
        .into_iter()
        .map(|name| name.to_string())
        .collect();
    let roots = names
        .iter()
        .filter_map(|name| name.strip_suffix("data.pkl"));
    let roots = roots.filter(|root| root.is_empty() || root.ends_with('/'));
    let root = roots.min_by_key(|root| root.len());
    let root = root.ok_or("zip archive: expected an entry data.pkl, found none")?;
    let mut zip = Zip {
        root: root.to_owned(),
        archive,
        file: own,
    };
    let order = format!("{root}byteorder");
    if names.contains(&order) {
        let order = zip.entry(&order, |entry| taken(entry, 64))?;
        if order.trim_ascii() != b"little" {
            return Err(big_endian());
        }
    }
    let pickle = zip.entry(&format!("{root}data.pkl"), |entry| {
        taken(entry, size + UNPACKED)
    })?;
    let pickle = Pickle::read(&mut &pickle[..])?;
    Ok(Opened {
        pickle,
        storages: Arc::new(Storages::Zip(Mutex::new(zip))),
        named: HashMap::new(),
    })
}

impl Zip {
    /// Reads an entry from its start. Its checksum is checked when it is read to its end; one of 0 was never computed.
    fn entry<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut ZipFile<BufReader<File>>) -> std::io::Result<T>,
    ) -> Result<T, String> {
        let told = |e: &dyn std::fmt::Display| format!("zip archive: {name}: {e}");
        let index = self.archive.index_for_name(name);
        let index = index.ok_or_else(|| told(&"not in the archive"))?;
        let raw = self.archive.by_index_raw(index);
        let unchecked = raw.map_err(|e| told(&e))?.crc32() == 0;
        let options = ZipReadOptions::new().ignore_crc32(unchecked);
        let entry = self.archive.by_index_with_options(index, options);
        let mut entry = entry.map_err(|e| told(&e))?;
        read(&mut entry).map_err(|e| told(&e))
    }

    fn storage(&mut self, key: &str, start: u64, length: u64) -> Result<Vec<u8>, String> {
        let name = format!("{}data/{key}", self.root);
        let mut place = None;
        let bytes = self.entry(&name, |entry| {
            if start == 0 && length >= entry.size() {
                // one byte more reaches the end, and with it the check of the sum
                let mut bytes = taken(entry, length)?;
                bytes.extend(taken(entry, 1)?);
                bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
                return Ok(bytes);
            }
            if entry.compression() == CompressionMethod::Stored
                && entry.compressed_size() == entry.size()
                && start
                    .checked_add(length)
                    .is_some_and(|end| end <= entry.size())
            {
                place = entry.data_start();
                return Ok(Vec::new());
            }
            std::io::copy(&mut entry.take(start), &mut std::io::sink())?;
            taken(entry, length)
        })?;
        let Some(place) = place else {
            return Ok(bytes);
        };
        // a part of a storage that many tensors share: the bytes before it are not read
        let file = &mut self.file;
        file.seek(SeekFrom::Start(place + start))
            .and_then(|_| taken(file, length))
            .map_err(|e| e.to_string())
    }
}

fn from_stream(file: File) -> Result<Opened, String> {
    let told = |e: std::io::Error| e.to_string();
    let mut reader = BufReader::new(file);
    let magic_protocol_system: [Pickle; 3] = [
        Pickle::read(&mut reader)?,
        Pickle::read(&mut reader)?,
        Pickle::read(&mut reader)?,
    ];
    let [_, protocol, system] = &magic_protocol_system;
    if protocol.node(protocol.root) != &Node::Int(1001) {
        return Err("expected protocol 1001 of PyTorch, found another".to_owned());
    }
    check_order(system)?;
    let pickle = Pickle::read(&mut reader)?;
    let keys = Pickle::read(&mut reader)?;
    let mut lengths = HashMap::new();
    for storage in pickle.persistent().filter_map(|id| storage_of(&pickle, id)) {
        let length = storage.elements as u64 * storage.size as u64;
        lengths.insert(storage.key, length);
    }
    let size = reader.get_ref().metadata().map_err(told)?.len();
    let mut at = reader.stream_position().map_err(told)?;
    let mut places = HashMap::new();
    for &key in keys
        .items(keys.root)
        .ok_or("expected a list of storages, found none")?
    {
        let key = key_of(&keys, key).ok_or("expected names of storages, found others")?;
        let length = lengths.get(&key).copied();
        let length = length.ok_or_else(|| format!("storage {key}: its length is not known"))?;
        // the number of elements stands before them
        places.insert(key.clone(), (at + 8, length));
        let end = at.checked_add(8).and_then(|at| at.checked_add(length));
        at = end.filter(|end| *end <= size).ok_or_else(|| {
            format!("storage {key}: cut short: expected {length} bytes from byte {} on, found a file of {size}", at + 8)
        })?;
    }
    let storages = Storages::File {
        file: Mutex::new(reader.into_inner()),
        places,
    };
    Ok(Opened {
        pickle,
        storages: Arc::new(storages),
        named: HashMap::new(),
    })
}

/// The key of a storage, which is a text, in old files a number.
pub(super) fn key_of(pickle: &Pickle, id: super::pickle::Id) -> Option<String> {
    match pickle.node(id) {
        Node::Text(text) => Some(text.clone()),
        Node::Int(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Refuses files of big-endian machines.
pub(super) fn check_order(system: &Pickle) -> Result<(), String> {
    let Node::Dict(entries) = system.node(system.root) else {
        return Err("expected what is said of the system, found none".to_owned());
    };
    let little = entries
        .iter()
        .find(|(key, _)| system.text(*key) == Some("little_endian"));
    match little.map(|(_, value)| system.node(*value)) {
        Some(Node::Bool(true)) => Ok(()),
        _ => Err(big_endian()),
    }
}

fn big_endian() -> String {
    "expected the byte order of a little-endian machine, found another".to_owned()
}

/// At most so many bytes; memory is taken for those that are there.
pub(super) fn taken(reader: &mut impl Read, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.by_ref().take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
