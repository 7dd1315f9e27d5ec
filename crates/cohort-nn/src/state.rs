//! A module's tensors as plain named arrays, and back.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use cohort_weights::{Array, Weights};

use crate::NnError;

/// What [`Weights`] have to do with modules.
pub trait ModuleWeights: Sized {
    /// Copies every float tensor out of a module, named by its path (`blocks.0.conv.weight`).
    ///
    /// Pass a module in evaluation form ([`Module::valid`]): that settles running statistics.
    fn collect<M: Module>(module: &M) -> Self;

    /// Puts the arrays into a module of the same architecture.
    ///
    /// # Errors
    /// [`NnError::Weights`] for a tensor that is missing, left over or of another shape.
    fn apply<M: Module>(self, module: M) -> Result<M, NnError>;
}

impl ModuleWeights for Weights {
    fn collect<M: Module>(module: &M) -> Self {
        let mut collector = Collector::default();
        module.visit(&mut collector);
        Self(collector.arrays)
    }

    fn apply<M: Module>(self, module: M) -> Result<M, NnError> {
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
    fn what_is_collected_fills_another_module() {
        let weights = Weights::collect(&linear(3));
        assert_eq!(weights.len(), 3 * 2 + 2);
        let filled = weights.clone().apply(linear(3)).unwrap();
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
}
