//! The three-path network against what torch computes with the same weights (`scripts/three_paths.py` made the values).

mod common;

use std::collections::BTreeMap;

use cohort_nn::burn::module::{Module, ModuleVisitor, Param};
use cohort_nn::burn::tensor::{Device, Gradients, Tensor};
use cohort_nn::{CrossEntropy, ModuleWeights, Naming, ThreePathsConfig, load};
use cohort_weights::Weights;
use common::{difference, filled_checkpoint, pictures, rows};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    parameters: usize,
    tensors: BTreeMap<String, Vec<usize>>,
    sizes: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    size: usize,
    logits: Vec<Vec<f32>>,
    loss: f64,
    gradients: BTreeMap<String, Gradient>,
    running: BTreeMap<String, Vec<f32>>,
}

#[derive(Deserialize)]
struct Gradient {
    length: f64,
    places: Vec<usize>,
    values: Vec<f64>,
}

/// Gradients by the names and in the layout of PyTorch.
struct Collector<'a> {
    gradients: &'a Gradients,
    path: Vec<String>,
    found: BTreeMap<String, Vec<f32>>,
}

impl ModuleVisitor for Collector<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        let name = match name {
            "gamma" => "weight",
            "beta" => "bias",
            other => other,
        };
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad(self.gradients) {
            let gradient = if D == 2 {
                gradient.transpose()
            } else {
                gradient
            };
            let values = gradient.into_data().try_to_vec().unwrap();
            self.found.insert(self.path.join("."), values);
        }
    }
}

#[test]
fn outputs_and_gradients_equal_torch() {
    let golden: Golden = serde_json::from_str(include_str!("three_paths.json")).unwrap();
    assert_eq!(golden.parameters, 10_832);
    let checkpoint = filled_checkpoint(&golden.tensors);
    assert_eq!(golden.sizes.len(), 2);
    for case in golden.sizes {
        let config = ThreePathsConfig {
            size: case.size,
            ..ThreePathsConfig::new(8)
        };
        let filled = |device: &Device| {
            let network = config.init(0, device).unwrap();
            let (network, report) = load(network, &checkpoint, Naming::SAME).unwrap();
            assert!(report.is_complete() && report.unused.is_empty(), "{report}");
            network
        };
        let plain = filled(&Device::flex());
        let input = pictures(case.size, 2, &Device::flex());
        let logits = rows(plain.forward(input.clone(), None).logits);
        assert!(difference(&logits, &case.logits) < 1e-5, "{logits:?}");
        let folded = rows(plain.folded().forward(input, None).logits);
        assert!(difference(&folded, &case.logits) < 1e-5, "{folded:?}");

        let device = Device::flex().autodiff();
        let network = filled(&device);
        let logits = network
            .forward(pictures(case.size, 2, &device), None)
            .logits;
        let loss = CrossEntropy::new(vec![1.0; 8], 0.0).unwrap();
        let loss = loss.loss(logits, &[1, 6]).unwrap();
        let value: f32 = loss.clone().into_scalar();
        assert!((f64::from(value) - case.loss).abs() < 1e-5, "{value}");
        let mut collector = Collector {
            gradients: &loss.backward(),
            path: Vec::new(),
            found: BTreeMap::new(),
        };
        network.visit(&mut collector);
        assert_eq!(collector.found.len(), case.gradients.len());
        let count: usize = collector.found.values().map(Vec::len).sum();
        assert_eq!(count, 10_832);
        for (name, expected) in case.gradients {
            let found = &collector.found[&name];
            let length = found
                .iter()
                .map(|v| f64::from(*v).powi(2))
                .sum::<f64>()
                .sqrt();
            // the gradient of a bias before a norm is zero but for rounding
            let tolerance = 1e-4 * expected.length + 2e-6;
            assert!(
                (length - expected.length).abs() < tolerance,
                "{name}: {length}"
            );
            for (&place, value) in expected.places.iter().zip(&expected.values) {
                let found = f64::from(found[place]);
                assert!(
                    (found - value).abs() < tolerance,
                    "{name} {place}: {found} {value}"
                );
            }
        }
        let held = Weights::collect(&network.valid()).0;
        for (name, expected) in &case.running {
            for (a, b) in held[name].values.iter().zip(expected) {
                assert!((a - b).abs() < 1e-5, "{name}: {a} {b}");
            }
        }
    }
}
