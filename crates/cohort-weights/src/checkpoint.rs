//! Files of weights that others wrote: PyTorch checkpoints and safetensors.
//!
//! A PyTorch file is a pickle. It is read as data: the reader knows dictionaries, lists, numbers
//! and tensors, and runs nothing that the file names.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use safetensors::tensor::{Dtype, Metadata};

use crate::arrays::METADATA_KEY;
use crate::index::{Index, is_index};
use crate::kind::Kind;
use crate::{Array, Weights, WeightsError, torch};

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
    /// A part of a file that is kept open: where it begins, and its length.
    Part(Arc<Mutex<File>>, u64, usize),
    Values(Vec<f32>),
}

impl Checkpoint {
    /// Opens a file and lists its tensors.
    ///
    /// # Errors
    /// [`WeightsError`] naming the file when it cannot be read or is neither kind of file.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        if is_index(path) {
            return Self::open_all(path);
        }
        if let Some(header) = safetensors_header(path).map_err(|e| WeightsError::new(path, e))? {
            return Self::safetensors(header, path);
        }
        let found = torch::open(path).map_err(|e| WeightsError::new(path, e))?;
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
    fn open_all(path: &Path) -> Result<Self, WeightsError> {
        let index = Index::read(path)?;
        let mut tensors = BTreeMap::new();
        for file in index.files() {
            let own = path.with_file_name(file);
            let mut part = Self::open(&own)?;
            for (name, _) in index.weight_map.iter().filter(|(_, f)| *f == file) {
                let tensor = part.tensors.remove(name).ok_or_else(|| {
                    let index = path.display();
                    WeightsError::new(
                        &own,
                        format!("no tensor {name:?}, which {index} says is here"),
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

    /// The tensors of a safetensors file; what they hold is read when it is asked for.
    fn safetensors(header: Header, path: &Path) -> Result<Self, WeightsError> {
        // checks that the offsets tile what follows the header
        let metadata: Metadata =
            serde_json::from_slice(&header.json).map_err(|e| WeightsError::new(path, e))?;
        let begin = (size_of::<u64>() + header.json.len()) as u64;
        let expected = begin + metadata.data_len() as u64;
        if expected != header.size {
            let found = header.size;
            let reason = format!("expected a file of {expected} bytes, found {found}");
            return Err(WeightsError::new(path, reason));
        }
        let native = metadata.metadata().as_ref();
        let native = native.is_some_and(|m| m.contains_key(METADATA_KEY));
        let file = Arc::new(Mutex::new(header.file));
        let tensors = metadata.tensors().into_iter().map(|(name, info)| {
            let (from, to) = info.data_offsets;
            let stored = Stored {
                shape: info.shape.clone(),
                kind: safetensors_kind(info.dtype),
                bytes: Bytes::Part(file.clone(), begin + from as u64, to - from),
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
    /// [`WeightsError`] for a tensor that is absent, not floating, or damaged in the file.
    pub fn read(&self, name: &str) -> Result<Array, WeightsError> {
        let stored = self
            .tensors
            .get(name)
            .ok_or_else(|| WeightsError::new(&self.path, format!("no tensor {name:?}")))?;
        let values = match &stored.bytes {
            Bytes::Values(values) => values.clone(),
            Bytes::Part(file, begin, length) => {
                let bytes = read_part(file, *begin, *length);
                let bytes = bytes
                    .map_err(|e| WeightsError::new(&self.path, format!("tensor {name:?}: {e}")))?;
                self.decode(name, &stored.kind, &bytes)?
            }
            Bytes::Torch(tensor) => {
                let bytes = tensor.read();
                let bytes = bytes
                    .map_err(|e| WeightsError::new(&self.path, format!("tensor {name:?}: {e}")))?;
                self.decode(name, &stored.kind, &bytes)?
            }
        };
        let expected: usize = stored.shape.iter().product();
        if values.len() != expected {
            let found = values.len();
            let reason = format!("tensor {name:?}: expected {expected} values, found {found}");
            return Err(WeightsError::new(&self.path, reason));
        }
        let shape = stored.shape.clone();
        Ok(Array { shape, values })
    }

    /// Decodes every floating tensor whose name starts with `prefix`, which is cut off.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn weights(&self, prefix: &str) -> Result<Weights, WeightsError> {
        let mut arrays = BTreeMap::new();
        for name in self.names().filter(|n| self.is_float(n)) {
            if let Some(short) = name.strip_prefix(prefix) {
                arrays.insert(short.to_owned(), self.read(name)?);
            }
        }
        Ok(Weights(arrays))
    }

    fn decode(&self, name: &str, kind: &Kind, bytes: &[u8]) -> Result<Vec<f32>, WeightsError> {
        kind.values(bytes).ok_or_else(|| {
            let reason =
                format!("tensor {name:?} is {kind}, expected f32, f16, bf16 or f64 numbers");
            WeightsError::new(&self.path, reason)
        })
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tensors = self.tensors.len();
        write!(f, "Checkpoint({}, {tensors} tensors)", self.path.display())
    }
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

fn read_part(file: &Mutex<File>, begin: u64, length: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
    file.seek(SeekFrom::Start(begin))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A safetensors file and its JSON header.
struct Header {
    file: File,
    json: Vec<u8>,
    /// Bytes of the whole file.
    size: u64,
}

/// Most bytes of a header, as in the format's own reader.
const MOST_HEADER: u64 = 100_000_000;

/// The header of a safetensors file, which begins with its length and an opening brace; none of another kind of file.
fn safetensors_header(path: &Path) -> std::io::Result<Option<Header>> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut start = [0; 9];
    if size < start.len() as u64 {
        return Ok(None);
    }
    file.read_exact(&mut start)?;
    let [length @ .., brace] = start;
    let length = u64::from_le_bytes(length);
    if length >= size || brace != b'{' {
        return Ok(None);
    }
    if length > MOST_HEADER {
        let reason = format!("expected a header of at most {MOST_HEADER} bytes, found {length}");
        return Err(std::io::Error::other(reason));
    }
    let mut json = vec![0; length as usize];
    file.seek(SeekFrom::Start(size_of::<u64>() as u64))?;
    file.read_exact(&mut json)?;
    Ok(Some(Header { file, json, size }))
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

    /// Opened from a file that is gone afterwards: what is open stays readable.
    fn opened(bytes: &[u8]) -> Result<Checkpoint, WeightsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        std::fs::write(&path, bytes).unwrap();
        Checkpoint::open(&path)
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
        let checkpoint = opened(&bytes).unwrap();
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
        let read = opened(&bytes).unwrap();
        assert!(read.is_native());
        assert_eq!(read.weights("").unwrap(), own);
        let damaged = opened(&bytes[..bytes.len() - 1]).unwrap_err().to_string();
        let (whole, cut) = (bytes.len(), bytes.len() - 1);
        let told = format!("expected a file of {whole} bytes, found {cut}");
        assert!(damaged.contains(&told), "{damaged}");
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
