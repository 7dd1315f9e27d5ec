//! The shapes of COCO's files, read without building a tree.

use std::fmt;
use std::fs;
use std::path::Path;

use serde::de::{self, DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::error::DetectionError;
use crate::id::Id;

/// `{"images": [...], "annotations": [...], "categories": [...]}`.
#[derive(Deserialize)]
pub(crate) struct Document {
    pub(crate) images: Vec<Image>,
    pub(crate) annotations: Vec<Annotation>,
    pub(crate) categories: Vec<CategoryRecord>,
}

#[derive(Deserialize)]
pub(crate) struct Image {
    pub(crate) id: Id,
    #[serde(default)]
    pub(crate) file_name: Option<String>,
    #[serde(default)]
    pub(crate) width: Option<Real>,
    #[serde(default)]
    pub(crate) height: Option<Real>,
}

#[derive(Deserialize)]
pub(crate) struct CategoryRecord {
    pub(crate) id: Id,
    pub(crate) name: String,
}

#[derive(Deserialize)]
pub(crate) struct Annotation {
    #[serde(default)]
    pub(crate) id: Option<Id>,
    #[serde(default)]
    pub(crate) image_id: Option<Id>,
    #[serde(default)]
    pub(crate) category_id: Option<Id>,
    #[serde(default)]
    pub(crate) bbox: Option<Vec<Real>>,
    #[serde(default)]
    pub(crate) area: Option<Real>,
    #[serde(default)]
    pub(crate) iscrowd: Option<Real>,
    #[serde(default)]
    pub(crate) segmentation: Option<Segmentation>,
    #[serde(default)]
    pub(crate) score: Option<Real>,
}

/// A mask as it is written.
pub(crate) enum Segmentation {
    Polygons(Vec<Vec<f64>>),
    Runs { size: Vec<f64>, counts: Counts },
}

/// Run lengths as they are written.
pub(crate) enum Counts {
    Compressed(String),
    Plain(Vec<f64>),
}

/// A number; `NaN` and `Infinity`, which Python writes into JSON, arrive as texts (see [`parse`]).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Real(pub(crate) f64);

impl<'de> Deserialize<'de> for Real {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Real;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_f64<E: de::Error>(self, v: f64) -> Result<Real, E> {
                Ok(Real(v))
            }

            fn visit_i64<E: de::Error>(self, v: i64) -> Result<Real, E> {
                Ok(Real(v as f64))
            }

            fn visit_u64<E: de::Error>(self, v: u64) -> Result<Real, E> {
                Ok(Real(v as f64))
            }

            fn visit_bool<E: de::Error>(self, v: bool) -> Result<Real, E> {
                Ok(Real(f64::from(v)))
            }

            fn visit_str<E: de::Error>(self, v: &str) -> Result<Real, E> {
                match v {
                    "NaN" => Ok(Real(f64::NAN)),
                    "Infinity" => Ok(Real(f64::INFINITY)),
                    "-Infinity" => Ok(Real(f64::NEG_INFINITY)),
                    _ => Err(E::invalid_type(de::Unexpected::Str(v), &self)),
                }
            }
        }
        deserializer.deserialize_any(Number)
    }
}

pub(crate) fn plain(values: Vec<Real>) -> Vec<f64> {
    values.into_iter().map(|value| value.0).collect()
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Lengths;
        impl<'de> Visitor<'de> for Lengths {
            type Value = Counts;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("run lengths: a compressed string or a list of numbers")
            }

            fn visit_str<E: de::Error>(self, v: &str) -> Result<Counts, E> {
                Ok(Counts::Compressed(v.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Counts, A::Error> {
                let mut counts = Vec::new();
                while let Some(Real(count)) = seq.next_element()? {
                    counts.push(count);
                }
                Ok(Counts::Plain(counts))
            }
        }
        deserializer.deserialize_any(Lengths)
    }
}

impl<'de> Deserialize<'de> for Segmentation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Mask;
        impl<'de> Visitor<'de> for Mask {
            type Value = Segmentation;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a mask: a list of polygons or {\"size\": [height, width], \"counts\": run lengths}")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Segmentation, A::Error> {
                let mut polygons = Vec::new();
                while let Some(corners) = seq.next_element::<Vec<Real>>()? {
                    polygons.push(plain(corners));
                }
                Ok(Segmentation::Polygons(polygons))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Segmentation, A::Error> {
                let (mut size, mut counts) = (None, None);
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "size" => size = Some(plain(map.next_value()?)),
                        "counts" => counts = Some(map.next_value()?),
                        _ => {
                            map.next_value::<de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(Segmentation::Runs {
                    size: size.ok_or_else(|| de::Error::missing_field("size"))?,
                    counts: counts.ok_or_else(|| de::Error::missing_field("counts"))?,
                })
            }
        }
        deserializer.deserialize_any(Mask)
    }
}

/// Reads a file; `what` is what it should hold.
pub(crate) fn parse<T: DeserializeOwned>(path: &Path, what: &str) -> Result<T, DetectionError> {
    let bytes = fs::read(path).map_err(|source| DetectionError::io(path, source))?;
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let read = serde_json::from_slice(text).or_else(|error| {
        // Python writes numbers that are none without quotes; read as texts they can be told with the annotation's id
        match quoted(text) {
            Some(text) => serde_json::from_slice(&text),
            None => Err(error),
        }
    });
    read.map_err(|error: serde_json::Error| DetectionError::File {
        path: path.display().to_string(),
        line: Some(error.line().max(1)),
        expected: what.into(),
        found: error.to_string(),
    })
}

/// The text with quotes around `NaN`, `Infinity` and `-Infinity` outside strings; `None` where there are none.
fn quoted(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() + 64);
    let (mut inside, mut any, mut at) = (false, false, 0);
    while at < text.len() {
        let rest = &text[at..];
        let word = [&b"NaN"[..], b"-Infinity", b"Infinity"];
        let word = word
            .into_iter()
            .find(|word| !inside && rest.starts_with(word));
        if let Some(word) = word {
            any = true;
            out.push(b'"');
            out.extend_from_slice(word);
            out.push(b'"');
            at += word.len();
            continue;
        }
        match rest[0] {
            b'\\' if inside => {
                out.push(b'\\');
                out.extend(rest.get(1));
                at += 2;
                continue;
            }
            b'"' => inside = !inside,
            _ => {}
        }
        out.push(rest[0]);
        at += 1;
    }
    any.then_some(out)
}
