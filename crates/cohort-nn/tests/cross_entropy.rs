//! The loss against PyTorch's (`scripts/cross_entropy.py` made the values).

use cohort_nn::CrossEntropy;
use cohort_nn::burn::tensor::{Device, Tensor, TensorData};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    classes: usize,
    smoothing: f32,
    weights: Vec<f32>,
    labels: Vec<usize>,
    logits: Vec<f32>,
    loss: f64,
    gradient: Vec<f32>,
}

#[test]
fn loss_and_gradient_equal_torch() {
    let golden: Golden = serde_json::from_str(include_str!("cross_entropy.json")).unwrap();
    let device = Device::flex().autodiff();
    assert_eq!(golden.cases.len(), 4);
    for case in golden.cases {
        let loss = CrossEntropy::new(case.weights, case.smoothing).unwrap();
        let (sum, weight) = loss.sums(&case.logits, &case.labels).unwrap();
        assert!(
            (sum / weight - case.loss).abs() < 1e-6,
            "{} {}",
            sum / weight,
            case.loss
        );
        let data = TensorData::new(case.logits, [case.labels.len(), case.classes]);
        let logits = Tensor::<2>::from_data(data, &device).require_grad();
        let value = loss.loss(logits.clone(), &case.labels).unwrap();
        let gradient = logits.grad(&value.backward()).unwrap().into_data();
        let value: f32 = value.into_scalar();
        assert!(
            (f64::from(value) - case.loss).abs() < 1e-5 * case.loss,
            "{value} {}",
            case.loss
        );
        for (ours, theirs) in gradient.iter::<f32>().zip(case.gradient) {
            assert!((ours - theirs).abs() < 1e-6, "{ours} {theirs}");
        }
    }
}
