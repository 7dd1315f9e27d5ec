//! What a loss of two towers makes of cosines, learnt.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};

/// The logarithm of the factor of the cosines, and the bias.
#[derive(Module, Debug)]
pub struct ScoreScale {
    /// `[1, 2]`.
    values: Param<Tensor<2>>,
}

impl ScoreScale {
    /// With what a loss begins with.
    pub fn new(values: [f64; 2], device: &Device) -> Self {
        let values = values.map(|v| v as f32).to_vec();
        let data = TensorData::new(values, [1, 2]);
        Self {
            values: Param::from_tensor(Tensor::from_data(data, device)),
        }
    }

    /// `[1, 2]`.
    pub fn values(&self) -> Tensor<2> {
        self.values.val()
    }
}
