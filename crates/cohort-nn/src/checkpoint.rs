//! Files of weights that others wrote: PyTorch checkpoints and safetensors.
//!
//! A PyTorch file is a pickle. It is read as data: the reader knows dictionaries, lists, numbers
//! and tensors, and runs nothing that the file names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors};
use serde::Deserialize;

use crate::location::is_plain;
use crate::weights::METADATA_KEY;
use crate::{Array, NnError, Weights, torch};

/// How the name of an index ends that says which of several files holds which tensor.
pub(crate) const INDEX: &str = ".index.json";
/// Files of weights of a model's folder, the first that is there counts.
pub(crate) const WEIGHTS: [&str; 4] = [
    "model.safetensors",
    "pytorch_model.bin",
    "model.safetensors.index.json",
    "pytorch_model.bin.index.json",
];
/// Most bytes of an index.
const MOST_INDEX: u64 = 1 << 28;
/// Most files of an index.
const MOST_FILES: usize = 10_000;

/// A file of named tensors, opened but not yet read: tensors are decoded one at a time.
///
/// Read are PyTorch's `.pt`, `.pth`, `.ckpt` and `.bin` (zip since 1.6, the pickle stream before,
/// the tar of the earliest, and pickles of NumPy arrays) and safetensors; which one it is, the
/// first bytes tell. An index (`model.safetensors.index.json`, `pytorch_model.bin.index.json`)
/// stands for all files that it names. Names are the dotted paths through the file's
/// dictionaries, so a Lightning checkpoint has `state_dict.model.0.weight`. What else a file
/// holds is passed over.
pub struct Checkpoint {
    path: PathBuf,
    native: bool,
    tensors: BTreeMap<String, Stored>,
}

struct Stored {
    shape: Vec<usize>,
    kind: Kind,
    bytes: Bytes,
}

enum Bytes {
    Torch(torch::Tensor),
    Slice(Arc<Vec<u8>>, Range<usize>),
    Values(Vec<f32>),
}

/// What the numbers are stored as; only the floating kinds can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    F64,
    F32,
    F16,
    Bf16,
    Other(String),
}

impl Checkpoint {
    /// Opens a file and lists its tensors.
    ///
    /// # Errors
    /// [`NnError::Format`] naming the file when it cannot be read or is neither kind of file.
    pub fn open(path: &Path) -> Result<Self, NnError> {
        if is_index(path) {
            return Self::open_all(path);
        }
        if is_safetensors(path).map_err(|e| format_error(path, &e))? {
            let bytes = std::fs::read(path).map_err(|e| format_error(path, &e))?;
            return Self::from_safetensors(bytes, path);
        }
        let found = torch::open(path).map_err(|e| format_error(path, &e))?;
        let tensors = found.into_iter().map(|(name, tensor)| {
            let stored = Stored {
                shape: tensor.shape.clone(),
                kind: tensor.kind.clone(),
                bytes: Bytes::Torch(tensor),
            };
            (name, stored)
        });
        Ok(Self {
            path: path.to_owned(),
            native: false,
            tensors: tensors.collect(),
        })
    }

    /// Every file that an index names, read as one.
    fn open_all(path: &Path) -> Result<Self, NnError> {
        let index = Index::read(path)?;
        let mut tensors = BTreeMap::new();
        for file in index.files() {
            let own = path.with_file_name(file);
            let mut part = Self::open(&own)?;
            for (name, _) in index.weight_map.iter().filter(|(_, f)| *f == file) {
                let tensor = part.tensors.remove(name).ok_or_else(|| {
                    let index = path.display();
                    format_error(
                        &own,
                        &format!("no tensor {name:?}, which {index} says is here"),
                    )
                })?;
                tensors.insert(name.clone(), tensor);
            }
        }
        Ok(Self {
            path: path.to_owned(),
            native: false,
            tensors,
        })
    }

    /// Lists the tensors of a safetensors file in memory; `path` names it in errors.
    ///
    /// # Errors
    /// [`NnError::Format`] when the bytes are damaged.
    pub fn from_safetensors(bytes: Vec<u8>, path: &Path) -> Result<Self, NnError> {
        let bytes = Arc::new(bytes);
        let (header, metadata) =
            SafeTensors::read_metadata(&bytes).map_err(|e| format_error(path, &e))?;
        // Checks that the offsets tile the file.
        SafeTensors::deserialize(&bytes).map_err(|e| format_error(path, &e))?;
        let begin = header + size_of::<u64>();
        let native = metadata
            .metadata()
            .as_ref()
            .is_some_and(|m| m.contains_key(METADATA_KEY));
        let tensors = metadata.tensors().into_iter().map(|(name, info)| {
            let (from, to) = info.data_offsets;
            let stored = Stored {
                shape: info.shape.clone(),
                kind: safetensors_kind(info.dtype),
                bytes: Bytes::Slice(bytes.clone(), begin + from..begin + to),
            };
            (name, stored)
        });
        let tensors = tensors.collect();
        Ok(Self {
            path: path.to_owned(),
            native,
            tensors,
        })
    }

    /// Arrays made elsewhere, named and laid out as PyTorch does; `path` names them in errors.
    pub fn from_weights(weights: Weights, path: &Path) -> Self {
        let stored = |array: Array| Stored {
            shape: array.shape,
            kind: Kind::F32,
            bytes: Bytes::Values(array.values),
        };
        let tensors = weights.0.into_iter().map(|(name, a)| (name, stored(a)));
        Self {
            path: path.to_owned(),
            native: false,
            tensors: tensors.collect(),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this program wrote the file, so that names and layouts are its own already.
    pub fn is_native(&self) -> bool {
        self.native
    }

    /// Names in order, floating or not.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Shape of a tensor, as stored.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|t| t.shape.as_slice())
    }

    /// Number kind of a tensor in the file's words (`f32`, `f16`, `bf16`, `f64`, `I64`, ...).
    pub fn kind(&self, name: &str) -> Option<String> {
        self.tensors.get(name).map(|t| t.kind.to_string())
    }

    /// Whether a tensor is there and holds floating numbers, so that [`Self::read`] can give them.
    pub fn is_float(&self, name: &str) -> bool {
        let kind = self.tensors.get(name).map(|t| &t.kind);
        kind.is_some_and(|k| !matches!(k, Kind::Other(_)))
    }

    /// Decodes one tensor; half, bfloat and double precision are cast to `f32`.
    ///
    /// # Errors
    /// [`NnError::Format`] for a tensor that is absent, not floating, or damaged in the file.
    pub fn read(&self, name: &str) -> Result<Array, NnError> {
        let stored = self
            .tensors
            .get(name)
            .ok_or_else(|| format_error(&self.path, &format!("no tensor {name:?}")))?;
        let values = match &stored.bytes {
            Bytes::Values(values) => values.clone(),
            Bytes::Slice(bytes, range) => {
                let slice = bytes.get(range.clone()).unwrap_or_default();
                self.decode(name, &stored.kind, slice)?
            }
            Bytes::Torch(tensor) => {
                let bytes = tensor.read();
                let bytes = bytes
                    .map_err(|e| format_error(&self.path, &format!("tensor {name:?}: {e}")))?;
                self.decode(name, &stored.kind, &bytes)?
            }
        };
        let expected: usize = stored.shape.iter().product();
        if values.len() != expected {
            let found = values.len();
            let reason = format!("tensor {name:?}: expected {expected} values, found {found}");
            return Err(format_error(&self.path, &reason));
        }
        let shape = stored.shape.clone();
        Ok(Array { shape, values })
    }

    /// Decodes every floating tensor whose name starts with `prefix`, which is cut off.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn weights(&self, prefix: &str) -> Result<Weights, NnError> {
        let mut arrays = BTreeMap::new();
        for name in self.names().filter(|n| self.is_float(n)) {
            if let Some(short) = name.strip_prefix(prefix) {
                arrays.insert(short.to_owned(), self.read(name)?);
            }
        }
        Ok(Weights(arrays))
    }

    fn decode(&self, name: &str, kind: &Kind, bytes: &[u8]) -> Result<Vec<f32>, NnError> {
        Ok(match kind {
            Kind::F32 => each(bytes, f32::from_le_bytes),
            Kind::F64 => each(bytes, |b| f64::from_le_bytes(b) as f32),
            Kind::F16 => each(bytes, |b| f16::from_le_bytes(b).to_f32()),
            Kind::Bf16 => each(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            Kind::Other(kind) => {
                let reason =
                    format!("tensor {name:?} is {kind}, expected f32, f16, bf16 or f64 numbers");
                return Err(format_error(&self.path, &reason));
            }
        })
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tensors = self.tensors.len();
        write!(f, "Checkpoint({}, {tensors} tensors)", self.path.display())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F64 => "f64",
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Other(name) => name,
        })
    }
}

fn each<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (chunks, _) = bytes.as_chunks::<N>();
    chunks.iter().map(|c| value(*c)).collect()
}

fn safetensors_kind(dtype: Dtype) -> Kind {
    match dtype {
        Dtype::F64 => Kind::F64,
        Dtype::F32 => Kind::F32,
        Dtype::F16 => Kind::F16,
        Dtype::BF16 => Kind::Bf16,
        other => Kind::Other(format!("{other:?}")),
    }
}

/// Which file holds which tensor.
#[derive(Deserialize)]
pub(crate) struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Index {
    /// Reads an index.
    ///
    /// # Errors
    /// [`NnError::Format`] when it is none, or names files elsewhere.
    pub(crate) fn read(path: &Path) -> Result<Self, NnError> {
        let size = path.metadata().map_err(|e| format_error(path, &e))?.len();
        if size > MOST_INDEX {
            let reason = format!("expected an index of at most {MOST_INDEX} bytes, found {size}");
            return Err(format_error(path, &reason));
        }
        let bytes = std::fs::read(path).map_err(|e| format_error(path, &e))?;
        let index: Self = serde_json::from_slice(&bytes).map_err(|e| format_error(path, &e))?;
        let files = index.files();
        if let Some(file) = files.iter().find(|f| !is_plain(f) || f.ends_with(INDEX)) {
            let reason = format!("expected files beside it, found {file:?}");
            return Err(format_error(path, &reason));
        }
        if files.is_empty() || files.len() > MOST_FILES {
            let found = files.len();
            let reason = format!("weight_map: expected 1 to {MOST_FILES} files, found {found}");
            return Err(format_error(path, &reason));
        }
        Ok(index)
    }

    /// The files, each once and in order.
    pub(crate) fn files(&self) -> BTreeSet<&str> {
        self.weight_map.values().map(String::as_str).collect()
    }
}

/// Whether a file's name is that of an index.
pub(crate) fn is_index(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.ends_with(INDEX))
}

/// The file of weights of a model's folder.
///
/// # Errors
/// [`NnError::Format`] when there is none.
pub(crate) fn weights_of(folder: &Path) -> Result<PathBuf, NnError> {
    let mut files = WEIGHTS.iter().map(|name| folder.join(name));
    files.find(|file| file.is_file()).ok_or_else(|| {
        let reason = "expected model.safetensors or pytorch_model.bin (or the index of several, \
                      model.safetensors.index.json), found none";
        format_error(folder, &reason)
    })
}

/// Checks that weights can hold what a configuration announces, a byte a value at least, before any room is made for it.
///
/// # Errors
/// [`NnError::Format`] naming the configuration.
pub(crate) fn check_size(values: u128, config: &Path, weights: &Path) -> Result<(), NnError> {
    let mut bytes = 0u128;
    for file in weight_files(weights)? {
        let about = file.metadata().map_err(|e| format_error(&file, &e))?;
        bytes += u128::from(about.len());
    }
    match values <= bytes {
        true => Ok(()),
        false => Err(format_error(
            config,
            &format!(
                "a network of {values} values: expected one that fits into the weights, found {bytes} bytes of them in {}",
                weights.display()
            ),
        )),
    }
}

/// Every file that weights at `path` consist of: itself, and those that it names as an index.
///
/// # Errors
/// [`NnError::Format`] for an index that is damaged.
pub fn weight_files(path: &Path) -> Result<Vec<PathBuf>, NnError> {
    let mut files = vec![path.to_owned()];
    if is_index(path) {
        let index = Index::read(path)?;
        files.extend(index.files().iter().map(|file| path.with_file_name(file)));
    }
    Ok(files)
}

/// A safetensors file begins with the length of its JSON header and an opening brace.
fn is_safetensors(path: &Path) -> std::io::Result<bool> {
    use std::io::Read;
    let mut file = std::fs::File::open(path)?;
    let size = file.metadata()?.len();
    let mut start = [0; 9];
    if file.read(&mut start)? < start.len() {
        return Ok(false);
    }
    let length = start
        .first_chunk()
        .map_or(u64::MAX, |b| u64::from_le_bytes(*b));
    Ok(length < size && start[8] == b'{')
}

fn format_error(path: &Path, reason: &dyn fmt::Display) -> NnError {
    NnError::Format {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::tensor::TensorView;

    fn file(tensors: &[(&str, Dtype, Vec<usize>, Vec<u8>)]) -> Vec<u8> {
        let views = tensors.iter().map(|(name, kind, shape, bytes)| {
            (*name, TensorView::new(*kind, shape.clone(), bytes).unwrap())
        });
        safetensors::serialize(views, None).unwrap()
    }

    #[test]
    fn every_floating_kind_becomes_f32() {
        // 1.5 and -0.25 are exact in all four: bit patterns by hand from the formats.
        let f16_bytes = [0x00, 0x3e, 0x00, 0xb4].to_vec();
        let bf16_bytes = [0xc0, 0x3f, 0x80, 0xbe].to_vec();
        let f64_bytes = [1.5_f64, -0.25].iter().flat_map(|v| v.to_le_bytes());
        let f32_bytes = [1.5_f32, -0.25].iter().flat_map(|v| v.to_le_bytes());
        let bytes = file(&[
            ("half", Dtype::F16, vec![2], f16_bytes),
            ("brain", Dtype::BF16, vec![2, 1], bf16_bytes),
            ("double", Dtype::F64, vec![2], f64_bytes.collect()),
            ("single", Dtype::F32, vec![1, 2], f32_bytes.collect()),
            ("count", Dtype::I64, vec![], vec![0; 8]),
        ]);
        let checkpoint = Checkpoint::from_safetensors(bytes, Path::new("w")).unwrap();
        for name in ["half", "brain", "double", "single"] {
            assert_eq!(
                checkpoint.read(name).unwrap().values,
                [1.5, -0.25],
                "{name}"
            );
        }
        assert_eq!(checkpoint.read("brain").unwrap().shape, [2, 1]);
        assert_eq!(checkpoint.kind("half").unwrap(), "f16");
        assert!(!checkpoint.is_float("count") && !checkpoint.is_native());
        let error = checkpoint.read("count").unwrap_err().to_string();
        assert!(error.contains("\"count\" is I64"), "{error}");
        let floats = checkpoint.weights("").unwrap();
        assert_eq!(floats.0.len(), 4);
        assert_eq!(checkpoint.weights("dou").unwrap().0["ble"].shape, [2]);
    }

    #[test]
    fn own_files_are_known_and_foreign_ones_told_apart() {
        let array = Array {
            shape: vec![1],
            values: vec![2.0],
        };
        let own = Weights(BTreeMap::from([("a".to_owned(), array)]));
        let bytes = own.to_safetensors("{}").unwrap();
        let read = Checkpoint::from_safetensors(bytes.clone(), Path::new("w")).unwrap();
        assert!(read.is_native());
        assert_eq!(read.weights("").unwrap(), own);
        let damaged =
            Checkpoint::from_safetensors(bytes[..bytes.len() - 1].to_vec(), Path::new("w"));
        assert!(damaged.is_err());
    }

    #[test]
    fn what_is_no_checkpoint_names_the_file() {
        let folder = std::env::temp_dir().join(format!("cohort-nn-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("not-weights.pt");
        for bytes in [
            b"".as_slice(),
            b"PK\x03\x04 cut off",
            b"hello, I am text",
            b"\x80\x02}q\x00",
        ] {
            std::fs::write(&path, bytes).unwrap();
            let error = Checkpoint::open(&path).map(|c| c.names().count());
            match error {
                Err(e) => assert!(e.to_string().contains("not-weights.pt"), "{e}"),
                Ok(count) => assert_eq!(count, 0),
            }
        }
        assert!(Checkpoint::open(&folder.join("absent.pt")).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
