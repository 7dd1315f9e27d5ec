//! What the numbers of a tensor are stored as.

use std::fmt;

use half::{bf16, f16};

/// What the numbers are stored as; only the floating kinds can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    F64,
    F32,
    F16,
    Bf16,
    Other(String),
}

impl Kind {
    /// Numbers that are stored little-endian, in single precision; none of another kind than floating.
    pub(crate) fn values(&self, bytes: &[u8]) -> Option<Vec<f32>> {
        Some(match self {
            Self::F32 => each(bytes, f32::from_le_bytes),
            Self::F64 => each(bytes, |b| f64::from_le_bytes(b) as f32),
            Self::F16 => each(bytes, |b| f16::from_le_bytes(b).to_f32()),
            Self::Bf16 => each(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            Self::Other(_) => return None,
        })
    }
}

fn each<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (chunks, _) = bytes.as_chunks::<N>();
    chunks.iter().map(|c| value(*c)).collect()
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

/// What a storage's class or a type's name says of its numbers: their kind and their size in bytes.
pub(crate) fn kind_of(name: &str) -> Option<(Kind, usize)> {
    let short = name.rsplit('.').next().unwrap_or(name);
    let other = |name: &str| Kind::Other(name.to_owned());
    Some(match short {
        "DoubleStorage" | "float64" | "double" | "f8" => (Kind::F64, 8),
        "FloatStorage" | "float32" | "float" | "f4" => (Kind::F32, 4),
        "HalfStorage" | "float16" | "half" | "f2" => (Kind::F16, 2),
        "BFloat16Storage" | "bfloat16" => (Kind::Bf16, 2),
        "LongStorage" | "int64" | "long" | "i8" => (other("I64"), 8),
        "IntStorage" | "int32" | "int" | "i4" => (other("I32"), 4),
        "ShortStorage" | "int16" | "short" | "i2" => (other("I16"), 2),
        "CharStorage" | "int8" | "i1" => (other("I8"), 1),
        "ByteStorage" | "uint8" | "u1" => (other("U8"), 1),
        "BoolStorage" | "bool" | "b1" => (other("Bool"), 1),
        "uint16" | "u2" => (other("U16"), 2),
        "uint32" | "u4" => (other("U32"), 4),
        "uint64" | "u8" => (other("U64"), 8),
        "ComplexFloatStorage" | "complex64" | "c8" => (other("complex64"), 8),
        "ComplexDoubleStorage" | "complex128" | "c16" => (other("complex128"), 16),
        "QInt8Storage" | "QUInt8Storage" | "QUInt4x2Storage" | "QUInt2x4Storage" => {
            (other("quantised"), 1)
        }
        "QInt32Storage" => (other("quantised"), 4),
        _ if short.starts_with("float8") => (other(short), 1),
        _ => return None,
    })
}
