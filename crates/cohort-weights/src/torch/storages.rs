//! Where a file keeps the bytes of its tensors.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::sync::{Mutex, PoisonError};

use zip::read::ZipFile;
use zip::{CompressionMethod, ZipArchive, ZipReadOptions};

use super::values::{Id, Node, Pickle};

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
    pub(super) archive: ZipArchive<BufReader<File>>,
    /// The file with a position of its own.
    pub(super) file: File,
    /// Folder of the archive with its slash.
    pub(super) root: String,
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

impl Zip {
    /// Reads an entry from its start. Its checksum is checked when it is read to its end; one of 0 was never computed.
    pub(super) fn entry<T>(
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

/// The key of a storage, which is a text, in old files a number.
pub(super) fn key_of(pickle: &Pickle, id: Id) -> Option<String> {
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

pub(super) fn big_endian() -> String {
    "expected the byte order of a little-endian machine, found another".to_owned()
}

/// At most so many bytes; memory is taken for those that are there.
pub(super) fn taken(reader: &mut impl Read, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.by_ref().take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
