//! Parameters as plain named arrays, and their safetensors form.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use safetensors::tensor::{Dtype, SafeTensors, View};

use crate::NnError;

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
    /// Copies every float tensor out of a module, named by its path (`blocks.0.conv.weight`).
    ///
    /// Pass a module in evaluation form ([`Module::valid`]): that settles running statistics.
    pub fn collect<M: Module>(module: &M) -> Self {
        let mut collector = Collector::default();
        module.visit(&mut collector);
        Self(collector.arrays)
    }

    /// Puts the arrays into a module of the same architecture.
    ///
    /// # Errors
    /// [`NnError::Weights`] for a tensor that is missing, left over or of another shape.
    pub fn apply<M: Module>(self, module: M) -> Result<M, NnError> {
        let mut applier = Applier {
            path: Vec::new(),
            arrays: self.0,
            error: None,
        };
        let module = module.map(&mut applier);
        if let Some(error) = applier.error {
            return Err(error);
        }
        if let Some((name, array)) = applier.arrays.first_key_value() {
            return Err(NnError::Weights {
                name: name.clone(),
                expected: "no such tensor in the network".to_owned(),
                found: format!("shape {:?}", array.shape),
            });
        }
        Ok(module)
    }

    /// Serialises to safetensors with one metadata document. Equal values give equal bytes.
    ///
    /// # Errors
    /// [`NnError::Format`] if an array's length contradicts its shape.
    pub fn to_safetensors(&self, metadata: &str) -> Result<Vec<u8>, NnError> {
        let views = self.0.iter().map(|(name, array)| (name, ArrayView(array)));
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), metadata.to_owned())]);
        safetensors::serialize(views, Some(metadata))
            .map_err(|e| format_error(Path::new("memory"), &e))
    }

    /// Reads safetensors written by [`Self::to_safetensors`]; returns the metadata document too.
    ///
    /// `path` only names the source in errors.
    ///
    /// # Errors
    /// [`NnError::Format`] when the bytes are damaged, a tensor is not `f32` or the metadata
    /// document is absent.
    pub fn from_safetensors(bytes: &[u8], path: &Path) -> Result<(Self, String), NnError> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| format_error(path, &e))?;
        let document = header
            .metadata()
            .as_ref()
            .and_then(|m| m.get(METADATA_KEY))
            .ok_or_else(|| format_error(path, &"no `cohort` metadata: not a file of this program"))?
            .clone();
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| format_error(path, &e))?;
        let mut arrays = BTreeMap::new();
        for (name, view) in tensors.tensors() {
            if view.dtype() != Dtype::F32 {
                let reason = format!("tensor {name:?} is {:?}, expected F32", view.dtype());
                return Err(format_error(path, &reason));
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

fn format_error(path: &Path, reason: &dyn std::fmt::Display) -> NnError {
    NnError::Format {
        path: path.to_owned(),
        reason: reason.to_string(),
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

#[derive(Default)]
struct Collector {
    path: Vec<String>,
    arrays: BTreeMap<String, Array>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val().without_autodiff();
        let shape = tensor.dims().to_vec();
        let values = tensor.into_data().convert::<f32>().iter().collect();
        self.arrays
            .insert(self.path.join("."), Array { shape, values });
    }
}

struct Applier {
    path: Vec<String>,
    arrays: BTreeMap<String, Array>,
    error: Option<NnError>,
}

impl ModuleMapper for Applier {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.join(".");
        let shape: [usize; D] = param.lazy_shape().dims();
        match self.arrays.remove(&name) {
            Some(array) if array.shape == shape => {
                let data = TensorData::new(array.values, shape);
                let tensor = Tensor::from_data(data, &param.lazy_device());
                let id = param.id;
                param.transform_for_load(tensor, id)
            }
            other => {
                self.error.get_or_insert(NnError::Weights {
                    name,
                    expected: format!("shape {shape:?}"),
                    found: other.map_or("no such tensor".to_owned(), |a| {
                        format!("shape {:?}", a.shape)
                    }),
                });
                param
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::Device;

    fn linear(inputs: usize) -> Linear {
        LinearConfig::new(inputs, 2).init(&Device::flex())
    }

    #[test]
    fn round_trip_gives_the_same_values_and_the_same_bytes() {
        let weights = Weights::collect(&linear(3));
        assert_eq!(weights.len(), 3 * 2 + 2);
        let bytes = weights.to_safetensors("{\"a\":1}").unwrap();
        let (read, document) = Weights::from_safetensors(&bytes, Path::new("x")).unwrap();
        assert_eq!((&read, document.as_str()), (&weights, "{\"a\":1}"));
        assert_eq!(bytes, read.to_safetensors(&document).unwrap());
        let filled = read.apply(linear(3)).unwrap();
        assert_eq!(Weights::collect(&filled), weights);
    }

    #[test]
    fn misfits_name_the_tensor_and_both_shapes() {
        let weights = Weights::collect(&linear(3));
        let mut short = weights.clone();
        short.0.remove("bias");
        let mut long = weights.clone();
        long.0.insert("extra".into(), Array::default());
        let cases = [
            (
                weights.clone().apply(linear(4)),
                "\"weight\": expected shape [4, 2], found shape [3, 2]",
            ),
            (
                short.apply(linear(3)),
                "\"bias\": expected shape [2], found no such tensor",
            ),
            (
                long.apply(linear(3)),
                "\"extra\": expected no such tensor in the network",
            ),
        ];
        for (result, message) in cases {
            let error = result.unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn damaged_bytes_are_an_error() {
        let bytes = Weights::collect(&linear(3)).to_safetensors("{}").unwrap();
        for cut in [0, 7, 20, bytes.len() - 1] {
            let error = Weights::from_safetensors(&bytes[..cut], Path::new("w")).unwrap_err();
            assert!(matches!(error, NnError::Format { .. }), "{error}");
        }
    }
}
