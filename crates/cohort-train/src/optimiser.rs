//! AdamW with its state named by parameter.
//!
//! Burn's own optimiser keys its state by random ids, so that two equal runs give unequal
//! checkpoint bytes, clips gradients tensor by tensor and decays every parameter alike. This one
//! names the state by path, clips by the norm of all gradients together and spares norms and
//! biases.

use std::collections::BTreeMap;

use cohort_nn::burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use cohort_nn::burn::tensor::{Device, Gradients, Tensor, TensorData};
use cohort_nn::{Array, NnError, Weights};

/// Decay rates of the two moments and the stabiliser, PyTorch's defaults.
const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// First and second moment of one parameter, flat.
type Moments = (Tensor<1>, Tensor<1>);

/// AdamW (Loshchilov and Hutter 2019), as `torch.optim.AdamW` computes it.
pub(crate) struct AdamW {
    weight_decay: f64,
    clip_norm: f64,
    steps: usize,
    moments: BTreeMap<String, Moments>,
}

impl AdamW {
    /// `clip_norm` 0 switches clipping off.
    pub(crate) fn new(weight_decay: f64, clip_norm: f64) -> Self {
        Self {
            weight_decay,
            clip_norm,
            steps: 0,
            moments: BTreeMap::new(),
        }
    }

    /// One step: the module with updated parameters. Parameters without a gradient stay.
    pub(crate) fn step<M: Module>(&mut self, module: M, gradients: &Gradients, rate: f64) -> M {
        self.steps += 1;
        let scale = self.clipping(&module, gradients);
        module.map(&mut Update {
            optimiser: self,
            gradients,
            scale,
            rate,
            path: Vec::new(),
        })
    }

    /// min(1, clip_norm / norm of all gradients), as `torch.nn.utils.clip_grad_norm_`.
    fn clipping<M: Module>(&self, module: &M, gradients: &Gradients) -> f64 {
        if self.clip_norm == 0.0 {
            return 1.0;
        }
        let mut norm = SquaredNorm {
            gradients,
            parts: Vec::new(),
        };
        module.visit(&mut norm);
        if norm.parts.is_empty() {
            return 1.0;
        }
        let parts = Tensor::cat(norm.parts, 0).into_data().convert::<f64>();
        let norm = parts.iter::<f64>().sum::<f64>().sqrt();
        (self.clip_norm / (norm + 1e-6)).min(1.0)
    }

    /// The state as named arrays: `first.<path>` and `second.<path>`.
    pub(crate) fn state(&self) -> Weights {
        let mut arrays = BTreeMap::new();
        for (path, (first, second)) in &self.moments {
            for (kind, tensor) in [("first", first), ("second", second)] {
                let data = tensor.clone().into_data().convert::<f32>();
                let array = Array {
                    shape: data.shape().to_vec(),
                    values: data.iter().collect(),
                };
                arrays.insert(format!("{kind}.{path}"), array);
            }
        }
        Weights(arrays)
    }

    /// Takes up a state given by [`Self::state`] after `steps` steps.
    pub(crate) fn restore(
        mut self,
        state: Weights,
        steps: usize,
        device: &Device,
    ) -> Result<Self, NnError> {
        let mut arrays = state.0;
        let paths: Vec<String> = arrays
            .keys()
            .filter_map(|name| name.strip_prefix("first.").map(str::to_owned))
            .collect();
        for path in paths {
            let mut take = |kind: &str| {
                let name = format!("{kind}.{path}");
                let array = arrays.remove(&name).ok_or(NnError::Weights {
                    name,
                    expected: "present".to_owned(),
                    found: "absent".to_owned(),
                })?;
                let data = TensorData::new(array.values, array.shape);
                Ok::<_, NnError>(Tensor::<1>::from_data(data, device))
            };
            let moments = (take("first")?, take("second")?);
            self.moments.insert(path, moments);
        }
        self.steps = steps;
        Ok(self)
    }
}

/// Squared L2 norm of each gradient, left on the device until all are there.
struct SquaredNorm<'a> {
    gradients: &'a Gradients,
    parts: Vec<Tensor<1>>,
}

impl ModuleVisitor for SquaredNorm<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad(self.gradients) {
            // By columns first: a sum over everything splits very large tensors by thread.
            let columns = gradient.square().sum_dim(0);
            self.parts.push(columns.sum());
        }
    }
}

struct Update<'a> {
    optimiser: &'a mut AdamW,
    gradients: &'a Gradients,
    scale: f64,
    rate: f64,
    path: Vec<String>,
}

impl ModuleMapper for Update<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = param.val().grad(self.gradients) else {
            return param;
        };
        let path = self.path.join(".");
        let shape: [usize; D] = gradient.dims();
        let gradient = gradient.reshape([-1]) * self.scale;
        let square = gradient.clone().square() * (1.0 - BETA_2);
        let (first, second) = match self.optimiser.moments.remove(&path) {
            Some((first, second)) => (
                first * BETA_1 + gradient * (1.0 - BETA_1),
                second * BETA_2 + square,
            ),
            None => (gradient * (1.0 - BETA_1), square),
        };
        let steps = self.optimiser.steps as f64;
        let unbias_1 = 1.0 - BETA_1.powf(steps);
        let unbias_2 = 1.0 - BETA_2.powf(steps);
        let denominator = (second.clone() / unbias_2).sqrt() + EPSILON;
        let delta = first.clone() / denominator * (self.rate / unbias_1);
        self.optimiser.moments.insert(path, (first, second));
        // Norms and biases are vectors; only matrices and kernels decay.
        let decay = match D {
            1 => 0.0,
            _ => self.rate * self.optimiser.weight_decay,
        };
        param.map(|value| {
            let value = value.inner() * (1.0 - decay) - delta.reshape(shape);
            Tensor::from_inner(value).require_grad()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort_nn::burn::nn::{Linear, LinearConfig};
    use serde::Deserialize;

    /// What `scripts/adamw.py` writes.
    #[derive(Deserialize)]
    struct Golden {
        clip_norm: f64,
        weight_decay: f64,
        inputs: Vec<f32>,
        targets: Vec<f32>,
        start: Parameters,
        steps: Vec<Step>,
    }

    #[derive(Deserialize)]
    struct Parameters {
        weight: Vec<f32>,
        bias: Vec<f32>,
    }

    #[derive(Deserialize)]
    struct Step {
        rate: f64,
        norm: f64,
        #[serde(flatten)]
        after: Parameters,
    }

    fn array(shape: &[usize], values: &[f32]) -> Array {
        Array {
            shape: shape.to_vec(),
            values: values.to_vec(),
        }
    }

    fn gradients(model: &Linear, golden: &Golden, device: &Device) -> Gradients {
        let tensor = |values: &[f32], shape| {
            Tensor::<2>::from_data(TensorData::new(values.to_vec(), shape), device)
        };
        let inputs = tensor(&golden.inputs, [4, 3]);
        let difference = model.forward(inputs) - tensor(&golden.targets, [4, 2]);
        difference.square().sum().backward()
    }

    fn model(golden: &Golden, device: &Device) -> Linear {
        let start = Weights(BTreeMap::from([
            ("bias".to_owned(), array(&[2], &golden.start.bias)),
            ("weight".to_owned(), array(&[3, 2], &golden.start.weight)),
        ]));
        start.apply(LinearConfig::new(3, 2).init(device)).unwrap()
    }

    /// Steps, clipping, decay of the weight and not of the bias, and a state that is written out
    /// and taken up again before every step.
    #[test]
    fn steps_equal_torch_even_when_the_state_goes_through_arrays() {
        let golden: Golden = serde_json::from_str(include_str!("adamw.json")).unwrap();
        let device = Device::flex().autodiff();
        let mut model = model(&golden, &device);
        let new = || AdamW::new(golden.weight_decay, golden.clip_norm);
        let mut state = Weights::default();
        let clipped = golden.steps.iter().filter(|s| s.norm > golden.clip_norm);
        assert!((1..golden.steps.len()).contains(&clipped.count()));
        for (i, step) in golden.steps.iter().enumerate() {
            let mut optimiser = new().restore(state, i, &Device::flex()).unwrap();
            let gradients = gradients(&model, &golden, &device);
            model = optimiser.step(model, &gradients, step.rate);
            state = optimiser.state();
            let found = Weights::collect(&model).0;
            for (name, expected) in [("weight", &step.after.weight), ("bias", &step.after.bias)] {
                for (a, b) in found[name].values.iter().zip(expected) {
                    assert!((a - b).abs() < 2e-6, "step {i}, {name}: {a} {b}");
                }
            }
        }
        assert_eq!(
            state.0.keys().collect::<Vec<_>>(),
            ["first.bias", "first.weight", "second.bias", "second.weight",]
        );
    }

    #[test]
    fn parameters_without_a_gradient_stay() {
        let golden: Golden = serde_json::from_str(include_str!("adamw.json")).unwrap();
        let device = Device::flex().autodiff();
        let mut model = model(&golden, &device);
        model.weight = model.weight.set_require_grad(false);
        let gradients = gradients(&model, &golden, &device);
        let mut optimiser = AdamW::new(0.1, 0.0);
        let after = Weights::collect(&optimiser.step(model, &gradients, 0.1)).0;
        assert_eq!(after["weight"].values, golden.start.weight);
        assert_ne!(after["bias"].values, golden.start.bias);
    }
}
