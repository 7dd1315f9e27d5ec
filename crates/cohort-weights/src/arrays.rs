//! Parameters as plain named arrays, and their safetensors form.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, View};

use crate::WeightsError;

/// The metadata entry under which our own document is kept. One entry only: safetensors writes
/// metadata in hash order, so two would make the bytes differ from run to run.
pub(crate) const METADATA_KEY: &str = "cohort";

/// A dense `f32` array, row-major.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Array {
    /// Length of each axis.
    pub shape: Vec<usize>,
    /// Values; as many as the product of `shape`.
    pub values: Vec<f32>,
}

/// Named arrays in name order: a network's parameters, running statistics and fixed inputs, or
/// an optimiser's state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Weights(pub BTreeMap<String, Array>);

impl Weights {
    /// Serialises to safetensors with one metadata document. Equal values give equal bytes.
    ///
    /// # Errors
    /// [`WeightsError`] if an array's length contradicts its shape.
    pub fn to_safetensors(&self, metadata: &str) -> Result<Vec<u8>, WeightsError> {
        let views = self.0.iter().map(|(name, array)| (name, ArrayView(array)));
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), metadata.to_owned())]);
        safetensors::serialize(views, Some(metadata))
            .map_err(|e| WeightsError::new(Path::new("memory"), &e))
    }

    /// Reads safetensors written by [`Self::to_safetensors`]; returns the metadata document too.
    ///
    /// `path` only names the source in errors.
    ///
    /// # Errors
    /// [`WeightsError`] when the bytes are damaged, a tensor is not `f32` or the metadata
    /// document is absent.
    pub fn from_safetensors(bytes: &[u8], path: &Path) -> Result<(Self, String), WeightsError> {
        let (_, header) =
            SafeTensors::read_metadata(bytes).map_err(|e| WeightsError::new(path, e))?;
        let document = header
            .metadata()
            .as_ref()
            .and_then(|m| m.get(METADATA_KEY))
            .ok_or_else(|| {
                WeightsError::new(path, "no `cohort` metadata: not a file of this program")
            })?
            .clone();
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| WeightsError::new(path, e))?;
        let mut arrays = BTreeMap::new();
        for (name, view) in tensors.tensors() {
            if view.dtype() != Dtype::F32 {
                let reason = format!("tensor {name:?} is {:?}, expected F32", view.dtype());
                return Err(WeightsError::new(path, reason));
            }
            let (quads, _) = view.data().as_chunks::<4>();
            let values = quads.iter().map(|q| f32::from_le_bytes(*q)).collect();
            let shape = view.shape().to_vec();
            arrays.insert(name, Array { shape, values });
        }
        Ok((Self(arrays), document))
    }

    /// Number of values in all arrays together.
    pub fn len(&self) -> usize {
        self.0.values().map(|a| a.values.len()).sum()
    }

    /// Whether no array is held.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

struct ArrayView<'a>(&'a Array);

impl View for ArrayView<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let bytes = self.0.values.iter().flat_map(|v| v.to_le_bytes());
        Cow::Owned(bytes.collect())
    }

    fn data_len(&self) -> usize {
        self.0.values.len() * 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linear() -> Weights {
        let array = |shape: &[usize]| Array {
            shape: shape.to_vec(),
            values: (0..shape.iter().product())
                .map(|i: usize| i as f32 / 7.0)
                .collect(),
        };
        let named = [("weight", array(&[3, 2])), ("bias", array(&[2]))];
        Weights(named.map(|(name, array)| (name.to_owned(), array)).into())
    }

    #[test]
    fn round_trip_gives_the_same_values_and_the_same_bytes() {
        let weights = linear();
        assert_eq!(weights.len(), 3 * 2 + 2);
        let bytes = weights.to_safetensors("{\"a\":1}").unwrap();
        let (read, document) = Weights::from_safetensors(&bytes, Path::new("x")).unwrap();
        assert_eq!((&read, document.as_str()), (&weights, "{\"a\":1}"));
        assert_eq!(bytes, read.to_safetensors(&document).unwrap());
    }

    #[test]
    fn damaged_bytes_are_an_error() {
        let bytes = linear().to_safetensors("{}").unwrap();
        for cut in [0, 7, 20, bytes.len() - 1] {
            let error = Weights::from_safetensors(&bytes[..cut], Path::new("w")).unwrap_err();
            assert_eq!(error.path, Path::new("w"));
        }
    }
}
