//! Activations by the names of Hugging Face's configurations.

use burn::tensor::Tensor;
use burn::tensor::activation::{gelu, gelu_approximate, relu, sigmoid};
use cohort_kernels::dense;
use serde::{Deserialize, Serialize};

/// What follows the wide linear layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// x times the normal distribution function.
    #[serde(alias = "gelu_python")]
    Gelu,
    /// The same by a hyperbolic tangent.
    #[serde(alias = "gelu_pytorch_tanh")]
    GeluNew,
    /// x times the logistic function of 1.702 x.
    QuickGelu,
    /// max(x, 0).
    Relu,
}

impl Activation {
    /// Of every value.
    pub(crate) fn of<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Gelu => gelu(x),
            Self::GeluNew => gelu_approximate(x),
            Self::QuickGelu => x.clone() * sigmoid(x * 1.702),
            Self::Relu => relu(x),
        }
    }

    /// Adds `bias` to every row of `x`, then of every value.
    pub(crate) fn of_rows(self, x: &mut [f32], bias: &[f32]) {
        match self {
            Self::Gelu => dense::gelu(x, bias),
            Self::GeluNew => dense::gelu_by_tanh(x, bias),
            Self::QuickGelu => dense::quick_gelu(x, bias),
            Self::Relu => dense::relu(x, bias),
        }
    }
}
