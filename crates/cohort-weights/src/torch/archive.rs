//! The containers of PyTorch's files: the zip archive (since 1.6), the stream of pickles with the storages after them
//! (0.1.10 to 1.5), the tar archive of the earliest, and a plain pickle.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::Path;
use std::sync::{Arc, Mutex};

use zip::ZipArchive;

use super::pickle;
use super::storages::{Storages, Zip, big_endian, check_order, key_of, taken};
use super::tar;
use super::tensors::{Opened, storage_of};
use super::values::{Node, Pickle};

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
        let pickle = pickle::read(&mut BufReader::new(file))?;
        only_arrays(&pickle)?;
        Ok(Opened {
            pickle,
            storages: Arc::new(Storages::None),
            named: HashMap::new(),
        })
    } else {
        Err("expected weights of PyTorch or safetensors, found neither".to_owned())
    }
}

/// What arrays of NumPy 1 and 2 are made of, and plain containers; `builtins` is `__builtin__` in Python 2.
const ARRAYS: [&str; 14] = [
    "numpy.ndarray",
    "numpy.dtype",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.core.numeric._frombuffer",
    "numpy._core.numeric._frombuffer",
    "_codecs.encode",
    "collections.OrderedDict",
    "builtins.bytes",
    "__builtin__.bytes",
    "builtins.bytearray",
    "__builtin__.bytearray",
];

/// Refuses a plain pickle, as detectron2's zoo has them, that names anything else. Nothing would be called either way, but who
/// packs code beside arrays is not to be trusted with the arrays.
fn only_arrays(pickle: &Pickle) -> Result<(), String> {
    let names = pickle.nodes.iter().filter_map(|node| match node {
        Node::Global(name) => Some(name.as_str()),
        _ => None,
    });
    let mut others = names.filter(|name| !ARRAYS.contains(name));
    match others.next() {
        Some(name) => Err(format!(
            "a plain pickle: expected arrays of NumPy, found what {name:?} makes"
        )),
        None => Ok(()),
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
    let pickle = pickle::read(&mut &pickle[..])?;
    Ok(Opened {
        pickle,
        storages: Arc::new(Storages::Zip(Mutex::new(zip))),
        named: HashMap::new(),
    })
}

fn from_stream(file: File) -> Result<Opened, String> {
    let told = |e: std::io::Error| e.to_string();
    let mut reader = BufReader::new(file);
    let magic_protocol_system: [Pickle; 3] = [
        pickle::read(&mut reader)?,
        pickle::read(&mut reader)?,
        pickle::read(&mut reader)?,
    ];
    let [_, protocol, system] = &magic_protocol_system;
    if protocol.node(protocol.root) != &Node::Int(1001) {
        return Err("expected protocol 1001 of PyTorch, found another".to_owned());
    }
    check_order(system)?;
    let pickle = pickle::read(&mut reader)?;
    let keys = pickle::read(&mut reader)?;
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
