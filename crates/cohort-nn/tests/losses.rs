//! Focal loss, mean-variance loss and the cumulative link against PyTorch's autograd
//! (`scripts/losses.py` made the values).

use std::collections::BTreeMap;

use cohort_nn::burn::module::{Module, ModuleVisitor, Param};
use cohort_nn::burn::tensor::{Device, Gradients, Tensor, TensorData};
use cohort_nn::{CrossEntropy, CumulativeLink, ModuleWeights};
use cohort_weights::{Array, Weights};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
    links: Vec<Link>,
}

#[derive(Deserialize)]
struct Case {
    classes: usize,
    focus: f64,
    mean_variance: [f64; 2],
    weights: Vec<f32>,
    labels: Vec<usize>,
    logits: Vec<f32>,
    loss: f64,
    gradient: Vec<f32>,
}

#[derive(Deserialize)]
struct Link {
    classes: usize,
    raw: Vec<f32>,
    weights: Vec<f32>,
    labels: Vec<usize>,
    logits: Vec<f32>,
    probabilities: Vec<f64>,
    loss: f64,
    gradient: Vec<f32>,
    raw_gradient: Vec<f32>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("losses.json")).unwrap()
}

fn logits(values: Vec<f32>, classes: usize, device: &Device) -> Tensor<2> {
    let shape = [values.len() / classes, classes];
    Tensor::from_data(TensorData::new(values, shape), device).require_grad()
}

fn close(ours: impl Iterator<Item = f32>, theirs: &[f32], tolerance: f32) {
    for (ours, theirs) in ours.zip(theirs) {
        assert!((ours - theirs).abs() < tolerance, "{ours} {theirs}");
    }
}

#[test]
fn focal_and_mean_variance_losses_equal_torch() {
    let device = Device::flex().autodiff();
    let golden = golden();
    assert_eq!(golden.cases.len(), 5);
    for case in golden.cases {
        let [mean, variance] = case.mean_variance;
        let loss = CrossEntropy::new(case.weights, 0.0).unwrap();
        let loss = loss.with_focus(case.focus).unwrap();
        let loss = loss.with_mean_variance(mean, variance).unwrap();
        let (sum, weight) = loss.sums(&case.logits, &case.labels).unwrap();
        assert!((sum / weight - case.loss).abs() < 1e-6);
        let logits = logits(case.logits, case.classes, &device);
        let value = loss.loss(logits.clone(), &case.labels).unwrap();
        let gradient = logits.grad(&value.backward()).unwrap().into_data();
        close(gradient.iter::<f32>(), &case.gradient, 2e-6);
        let value: f32 = value.into_scalar();
        assert!((f64::from(value) - case.loss).abs() < 1e-5 * case.loss);
    }
}

/// Gradient of the only parameter.
struct OfThresholds<'a>(&'a Gradients, Vec<f32>);

impl ModuleVisitor for OfThresholds<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = param.val().grad(self.0).unwrap().into_data();
        self.1.extend(gradient.iter::<f32>());
    }
}

#[test]
fn cumulative_link_equals_torch() {
    let device = Device::flex().autodiff();
    let golden = golden();
    assert_eq!(golden.links.len(), 3);
    for case in golden.links {
        let array = Array {
            shape: vec![case.classes - 1],
            values: case.raw,
        };
        let link = CumulativeLink::new(case.classes, &device).unwrap();
        let link = Weights(BTreeMap::from([("thresholds".to_owned(), array)]))
            .apply(link)
            .unwrap();
        let logits = logits(case.logits, case.classes, &device);
        let log_p = link.forward(logits.clone());
        let found = log_p.clone().into_data();
        for (ours, theirs) in found.iter::<f32>().zip(case.probabilities) {
            assert!((f64::from(ours).exp() - theirs).abs() < 1e-6, "{theirs}");
        }
        let loss = CrossEntropy::new(case.weights, 0.0).unwrap();
        let value = loss.loss(log_p, &case.labels).unwrap();
        let gradients = value.backward();
        let gradient = logits.grad(&gradients).unwrap().into_data();
        close(gradient.iter::<f32>(), &case.gradient, 2e-6);
        let mut thresholds = OfThresholds(&gradients, Vec::new());
        link.visit(&mut thresholds);
        close(thresholds.1.into_iter(), &case.raw_gradient, 2e-6);
        let value: f32 = value.into_scalar();
        assert!((f64::from(value) - case.loss).abs() < 1e-5 * case.loss);
    }
}

#[test]
fn values_out_of_range_are_told() {
    let new = || CrossEntropy::new(vec![1.0, 1.0], 0.0).unwrap();
    assert!(new().with_focus(-1.0).is_err());
    let error = new().with_mean_variance(0.1, f64::NAN).unwrap_err();
    assert_eq!(
        error.to_string(),
        "loss: variance loss: expected a finite number, at least 0, found NaN"
    );
    // Certain and right, certain and wrong: finite, by either way of computing.
    let loss = new().with_focus(0.5).unwrap();
    for label in [0, 1] {
        let (sum, _) = loss.sums(&[90.0, -90.0], &[label]).unwrap();
        let device = Device::flex().autodiff();
        let logits = logits(vec![90.0, -90.0], 2, &device);
        let value = loss.loss(logits.clone(), &[label]).unwrap();
        let gradient = logits.grad(&value.backward()).unwrap().into_data();
        assert!(gradient.iter::<f32>().all(f32::is_finite));
        let value: f32 = value.into_scalar();
        assert!((f64::from(value) - sum).abs() < 1e-3, "{value} {sum}");
    }
}
