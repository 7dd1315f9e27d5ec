//! The optimisers, each step by step as PyTorch computes it, with their state named by parameter.
//!
//! Burn's own optimisers key their state by random ids, so that two equal runs give unequal
//! checkpoint bytes, clip gradients tensor by tensor and decay every parameter alike. This one
//! names the state by path, clips by the norm of all gradients together and spares norms and
//! biases.

use std::collections::BTreeMap;

use cohort_nn::NnError;
use cohort_nn::burn::module::{Module, ModuleMapper, Param};
use cohort_nn::burn::tensor::{Device, Tensor, TensorData};
use cohort_weights::{Array, Weights};

use crate::gradients::{NamedGradients, name};
use crate::{FitSettings, OptimiserKind};

/// Decay rates of Adam's two moments and the stabiliser, PyTorch's defaults.
const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-8;
/// The stabiliser of Adagrad, PyTorch's default.
const ADAGRAD_EPSILON: f64 = 1e-10;

/// An optimiser as `torch.optim` has it by the same name.
pub struct Optimiser {
    kind: OptimiserKind,
    momentum: f64,
    nesterov: bool,
    alpha: f64,
    centred: bool,
    weight_decay: f64,
    clip_norm: f64,
    /// Names of the layers that learn at the full rate, and the others' share of it.
    shares: Option<(Vec<String>, f64)>,
    steps: usize,
    /// What is remembered of each parameter, flat, in the order of [`Self::parts`].
    state: BTreeMap<String, Vec<Tensor<1>>>,
}

impl Optimiser {
    /// As the settings say; a clipping norm of 0 switches clipping off.
    pub fn new(settings: &FitSettings) -> Self {
        let kind = settings.optimiser;
        Self {
            kind,
            momentum: settings.momentum.or(kind.momentum()).unwrap_or(0.0),
            nesterov: settings.nesterov,
            alpha: settings.alpha.or(kind.alpha()).unwrap_or(0.0),
            centred: settings.centred,
            weight_decay: settings.weight_decay.unwrap_or(kind.weight_decay()),
            clip_norm: settings.clip_norm,
            shares: None,
            steps: 0,
            state: BTreeMap::new(),
        }
    }

    /// All layers of the model but those named `full` learn at `share` of the rate.
    pub fn with_share(self, full: Vec<String>, share: f64) -> Self {
        Self {
            shares: Some((full, share)),
            ..self
        }
    }

    /// What the rate of the parameter at `path` (prefix, kind of the network, layer, ...) is multiplied by.
    fn share(&self, path: &[String]) -> f64 {
        match (&self.shares, path) {
            (Some((full, share)), [prefix, _, layer, ..])
                if prefix.is_empty() && !full.contains(layer) =>
            {
                *share
            }
            _ => 1.0,
        }
    }

    /// Steps done.
    pub(crate) fn steps(&self) -> usize {
        self.steps
    }

    /// Begins a step: min(1, clip_norm / norm of all gradients), by which [`Self::update`] scales
    /// them, as `torch.nn.utils.clip_grad_norm_` does.
    pub fn begin(&mut self, gradients: &NamedGradients) -> f64 {
        self.steps += 1;
        match self.clip_norm {
            0.0 => 1.0,
            most => (most / (gradients.norm() + 1e-6)).min(1.0),
        }
    }

    /// The module with updated parameters, whose names begin with `prefix`. Parameters without a
    /// gradient stay.
    pub fn update<M: Module>(
        &mut self,
        module: M,
        prefix: &str,
        gradients: &NamedGradients,
        scale: f64,
        rate: f64,
    ) -> M {
        module.map(&mut Update {
            optimiser: self,
            gradients,
            scale,
            rate,
            path: vec![prefix.to_owned()],
        })
    }

    /// Names of what is remembered of a parameter.
    fn parts(&self) -> &'static [&'static str] {
        match (self.kind, self.centred, self.momentum > 0.0) {
            (OptimiserKind::AdamW | OptimiserKind::Adam, ..) => &["first", "second"],
            (OptimiserKind::Sgd, ..) => &["momentum"],
            (OptimiserKind::RmsProp, false, false) => &["square"],
            (OptimiserKind::RmsProp, false, true) => &["square", "momentum"],
            (OptimiserKind::RmsProp, true, false) => &["square", "mean"],
            (OptimiserKind::RmsProp, true, true) => &["square", "mean", "momentum"],
            (OptimiserKind::Adagrad, ..) => &["sum"],
        }
    }

    /// The state as named arrays, `first.<path>` and `second.<path>` of Adam for instance.
    pub(crate) fn state(&self) -> Weights {
        let mut arrays = BTreeMap::new();
        for (path, tensors) in &self.state {
            for (part, tensor) in self.parts().iter().zip(tensors) {
                let data = tensor.clone().into_data().convert::<f32>();
                let array = Array {
                    shape: data.shape().to_vec(),
                    values: data.iter().collect(),
                };
                arrays.insert(format!("{part}.{path}"), array);
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
        let first = format!("{}.", self.parts()[0]);
        let of_first = |name: &String| name.strip_prefix(&first).map(str::to_owned);
        let paths: Vec<String> = arrays.keys().filter_map(of_first).collect();
        for path in paths {
            let mut tensors = Vec::new();
            for part in self.parts() {
                let name = format!("{part}.{path}");
                let array = arrays.remove(&name).ok_or(NnError::Weights {
                    name,
                    expected: "present".to_owned(),
                    found: "absent".to_owned(),
                })?;
                let data = TensorData::new(array.values, array.shape);
                tensors.push(Tensor::<1>::from_data(data, device));
            }
            self.state.insert(path, tensors);
        }
        self.steps = steps;
        Ok(self)
    }

    /// What is taken from a parameter, given its name, value and gradient, all flat.
    fn delta(
        &mut self,
        path: String,
        value: Tensor<1>,
        gradient: Tensor<1>,
        decay: f64,
        rate: f64,
    ) -> Tensor<1> {
        let earlier = self.state.remove(&path);
        let coupled = |gradient: Tensor<1>| match decay {
            0.0 => gradient,
            _ => gradient + value.clone() * decay,
        };
        let (taken, state) = match self.kind {
            OptimiserKind::AdamW => {
                let (step, state) = self.adam(earlier, gradient, rate);
                (step + value * (rate * decay), state)
            }
            OptimiserKind::Adam => self.adam(earlier, coupled(gradient), rate),
            OptimiserKind::Sgd => {
                let gradient = gradient + value * decay;
                let momentum = match earlier.as_deref() {
                    Some([earlier]) => earlier.clone() * self.momentum + gradient.clone(),
                    _ => gradient.clone(),
                };
                let step = match self.nesterov {
                    true => gradient + momentum.clone() * self.momentum,
                    false => momentum.clone(),
                };
                (step * rate, vec![momentum])
            }
            OptimiserKind::RmsProp => self.rmsprop(earlier, coupled(gradient), rate),
            OptimiserKind::Adagrad => {
                let gradient = coupled(gradient);
                let square = gradient.clone().square();
                let sum = match earlier.as_deref() {
                    Some([earlier]) => earlier.clone() + square,
                    _ => square,
                };
                let step = gradient / (sum.clone().sqrt() + ADAGRAD_EPSILON);
                (step * rate, vec![sum])
            }
        };
        self.state.insert(path, state);
        taken
    }

    /// The step of Adam and its two moments, given those before it.
    fn adam(
        &self,
        earlier: Option<Vec<Tensor<1>>>,
        gradient: Tensor<1>,
        rate: f64,
    ) -> (Tensor<1>, Vec<Tensor<1>>) {
        let square = gradient.clone().square() * (1.0 - BETA_2);
        let (first, second) = match earlier.as_deref() {
            Some([first, second]) => (
                first.clone() * BETA_1 + gradient * (1.0 - BETA_1),
                second.clone() * BETA_2 + square,
            ),
            _ => (gradient * (1.0 - BETA_1), square),
        };
        let steps = self.steps as f64;
        let unbias_1 = 1.0 - BETA_1.powf(steps);
        let unbias_2 = 1.0 - BETA_2.powf(steps);
        let denominator = (second.clone() / unbias_2).sqrt() + EPSILON;
        let step = first.clone() / denominator * (rate / unbias_1);
        (step, vec![first, second])
    }

    /// The step of RMSProp and what [`Self::parts`] names, given that before it.
    fn rmsprop(
        &self,
        earlier: Option<Vec<Tensor<1>>>,
        gradient: Tensor<1>,
        rate: f64,
    ) -> (Tensor<1>, Vec<Tensor<1>>) {
        // all begin with zeros
        let before = |part: usize| earlier.as_ref().and_then(|parts| parts.get(part)).cloned();
        let kept = |part: usize, new: Tensor<1>| match before(part) {
            Some(before) => before * self.alpha + new * (1.0 - self.alpha),
            None => new * (1.0 - self.alpha),
        };
        let square = kept(0, gradient.clone().square());
        let mut state = vec![square.clone()];
        let mut variance = square;
        if self.centred {
            let mean = kept(1, gradient.clone());
            // of a gradient that does not change rounding may leave less than nothing
            variance = (variance - mean.clone().square()).clamp_min(0.0);
            state.push(mean);
        }
        let mut step = gradient / (variance.sqrt() + EPSILON);
        if self.momentum > 0.0 {
            if let Some(momentum) = before(state.len()) {
                step = momentum * self.momentum + step;
            }
            state.push(step.clone());
        }
        (step * rate, state)
    }
}

struct Update<'a> {
    optimiser: &'a mut Optimiser,
    gradients: &'a NamedGradients,
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
        let path = name(&self.path);
        let Some(gradient) = self.gradients.get(&path) else {
            return param;
        };
        let gradient = gradient.clone().reshape([-1]) * self.scale;
        // Norms and biases are vectors; only matrices and kernels decay.
        let decay = match D {
            1 => 0.0,
            _ => self.optimiser.weight_decay,
        };
        let rate = self.rate * self.optimiser.share(&self.path);
        let optimiser = &mut *self.optimiser;
        param.map(|value| {
            let value = value.inner();
            let shape: [usize; D] = value.dims();
            let flat = value.reshape([-1]);
            let delta = optimiser.delta(path, flat.clone(), gradient, decay, rate);
            Tensor::from_inner((flat - delta).reshape(shape)).require_grad()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort_nn::ModuleWeights;
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

    fn gradients(model: &Linear, golden: &Golden, device: &Device) -> NamedGradients {
        let tensor = |values: &[f32], shape| {
            Tensor::<2>::from_data(TensorData::new(values.to_vec(), shape), device)
        };
        let inputs = tensor(&golden.inputs, [4, 3]);
        let difference = model.forward(inputs) - tensor(&golden.targets, [4, 2]);
        let mut named = NamedGradients::default();
        named.collect(model, "", &difference.square().sum().backward());
        named
    }

    fn model(golden: &Golden, device: &Device) -> Linear {
        let array = |shape: &[usize], values: &[f32]| Array {
            shape: shape.to_vec(),
            values: values.to_vec(),
        };
        let start = Weights(BTreeMap::from([
            ("bias".to_owned(), array(&[2], &golden.start.bias)),
            ("weight".to_owned(), array(&[3, 2], &golden.start.weight)),
        ]));
        start.apply(LinearConfig::new(3, 2).init(device)).unwrap()
    }

    fn optimiser(kind: OptimiserKind, weight_decay: f64, clip_norm: f64) -> Optimiser {
        Optimiser::new(&FitSettings {
            optimiser: kind,
            weight_decay: Some(weight_decay),
            clip_norm,
            ..FitSettings::default()
        })
    }

    const GOLDEN: [(OptimiserKind, &str, &[&str]); 2] = [
        (
            OptimiserKind::AdamW,
            include_str!("adamw.json"),
            &["first.bias", "first.weight", "second.bias", "second.weight"],
        ),
        (
            OptimiserKind::Sgd,
            include_str!("sgd.json"),
            &["momentum.bias", "momentum.weight"],
        ),
    ];

    /// Steps, clipping, decay of the weight and not of the bias, and a state that is written out
    /// and taken up again before every step.
    #[test]
    fn steps_equal_torch_even_when_the_state_goes_through_arrays() {
        for (kind, golden, names) in GOLDEN {
            let golden: Golden = serde_json::from_str(golden).unwrap();
            let device = Device::flex().autodiff();
            let mut model = model(&golden, &device);
            let mut state = Weights::default();
            let clipped = golden.steps.iter().filter(|s| s.norm > golden.clip_norm);
            assert!((1..golden.steps.len()).contains(&clipped.count()));
            for (i, step) in golden.steps.iter().enumerate() {
                let new = optimiser(kind, golden.weight_decay, golden.clip_norm);
                let mut optimiser = new.restore(state, i, &Device::flex()).unwrap();
                let gradients = gradients(&model, &golden, &device);
                assert!((gradients.norm() - step.norm).abs() < 1e-4 * step.norm);
                let scale = optimiser.begin(&gradients);
                model = optimiser.update(model, "", &gradients, scale, step.rate);
                state = optimiser.state();
                let found = Weights::collect(&model).0;
                for (name, expected) in [("weight", &step.after.weight), ("bias", &step.after.bias)]
                {
                    for (a, b) in found[name].values.iter().zip(expected) {
                        assert!((a - b).abs() < 2e-6, "{kind:?} {i}, {name}: {a} {b}");
                    }
                }
            }
            assert_eq!(state.0.keys().collect::<Vec<_>>(), names);
        }
    }

    #[test]
    fn parameters_without_a_gradient_stay() {
        for (kind, golden, _) in GOLDEN {
            let golden: Golden = serde_json::from_str(golden).unwrap();
            let device = Device::flex().autodiff();
            let mut model = model(&golden, &device);
            model.weight = model.weight.set_require_grad(false);
            let gradients = gradients(&model, &golden, &device);
            let mut optimiser = optimiser(kind, 0.1, 0.0);
            let scale = optimiser.begin(&gradients);
            let after = optimiser.update(model, "", &gradients, scale, 0.1);
            let after = Weights::collect(&after).0;
            assert_eq!(after["weight"].values, golden.start.weight);
            assert_ne!(after["bias"].values, golden.start.bias);
        }
    }

    /// What `scripts/optimisers.py` writes.
    #[derive(Deserialize)]
    struct Many {
        start: Parameters,
        inputs: Vec<Vec<f32>>,
        targets: Vec<Vec<f32>>,
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        settings: FitSettings,
        after: Vec<Vec<f32>>,
    }

    /// Twenty steps of every optimiser with and without weight decay, its state written out and taken up again before each.
    #[test]
    fn every_optimiser_equals_torch_step_by_step() {
        let golden: Many = serde_json::from_str(include_str!("optimisers.json")).unwrap();
        let device = Device::flex().autodiff();
        let mut kinds = Vec::new();
        for Case { settings, after } in golden.cases {
            settings.validate().unwrap();
            kinds.push(settings.optimiser.name());
            let array = |shape: &[usize], values: &[f32]| Array {
                shape: shape.to_vec(),
                values: values.to_vec(),
            };
            let start = Weights(BTreeMap::from([
                ("bias".to_owned(), array(&[2], &golden.start.bias)),
                ("weight".to_owned(), array(&[3, 2], &golden.start.weight)),
            ]));
            let mut model: Linear = start.apply(LinearConfig::new(3, 2).init(&device)).unwrap();
            let mut state = Weights::default();
            assert_eq!(after.len(), 20);
            for (i, after) in after.iter().enumerate() {
                let new = Optimiser::new(&settings);
                let mut optimiser = new.restore(state, i, &Device::flex()).unwrap();
                let tensor = |values: &[f32], shape| {
                    Tensor::<2>::from_data(TensorData::new(values.to_vec(), shape), &device)
                };
                let found = model.forward(tensor(&golden.inputs[i], [4, 3]));
                let loss = (found - tensor(&golden.targets[i], [4, 2])).square().mean();
                let mut gradients = NamedGradients::default();
                gradients.collect(&model, "", &loss.backward());
                optimiser.begin(&gradients);
                let rate = settings.learning_rate * (1.0 - i as f64 / 40.0);
                model = optimiser.update(model, "", &gradients, 1.0, rate);
                state = optimiser.state();
                let found = Weights::collect(&model).0;
                let found = ["weight", "bias"].map(|name| found[name].values.clone());
                for (a, b) in found.concat().iter().zip(after) {
                    let error = (a - b).abs() / b.abs().max(1.0);
                    // twenty roundings of f32 to the nearest
                    assert!(
                        error < 20.0 * f32::EPSILON / 2.0,
                        "{settings:?} {i}: {a} {b}"
                    );
                }
            }
        }
        kinds.dedup();
        assert_eq!(kinds, ["adam_w", "adam", "sgd", "rmsprop", "adagrad"]);
    }

    #[test]
    fn names_of_optimisers_are_those_of_configurations() {
        use OptimiserKind::{Adagrad, Adam, AdamW, RmsProp, Sgd};
        for kind in [AdamW, Sgd, Adam, RmsProp, Adagrad] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        for (name, kind) in [("adamw", AdamW), ("rms_prop", RmsProp)] {
            let found: OptimiserKind = serde_json::from_value(name.into()).unwrap();
            assert_eq!(found, kind);
        }
    }
}
