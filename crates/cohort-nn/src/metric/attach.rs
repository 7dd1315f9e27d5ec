//! Gradients that were computed outside of Burn, as a tensor to go backward from.

use burn::tensor::{Tensor, TensorData};

/// A tensor of one value whose gradient by `rows` is `gradient`, row by row: the sum of their products with it. Only what flows
/// back from it means anything.
///
/// # Panics
/// A gradient of another length than the rows.
pub fn attach(rows: Tensor<2>, gradient: &[f64]) -> Tensor<1> {
    let shape = rows.dims();
    let values: Vec<f32> = gradient.iter().map(|&g| g as f32).collect();
    let gradient = Tensor::<2>::from_data(TensorData::new(values, shape), &rows.device());
    (rows * gradient).sum()
}
