//! A linear layer.

use std::sync::Arc;

use cohort_kernels::dense::{Matrix, add_bias, product};
use cohort_kernels::frozen::Rows;

use super::named::Named;

/// Weights `[outputs, inputs]` and a bias `[outputs]`.
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

impl Linear {
    /// `NAME.weight` and `NAME.bias`.
    pub(crate) fn take(named: &mut Named, name: &str) -> Self {
        Self {
            weight: named.take(&format!("{name}.weight")),
            bias: named.take(&format!("{name}.bias")),
        }
    }

    /// Several layers of the same inputs as one, its outputs one layer's after another's.
    pub(crate) fn stack(layers: impl IntoIterator<Item = Self>) -> Self {
        let (mut weight, mut bias) = (Vec::new(), Vec::new());
        for layer in layers {
            weight.extend(layer.weight);
            bias.extend(layer.bias);
        }
        Self { weight, bias }
    }

    /// `out = x W^T`, without the bias.
    pub(crate) fn product(&self, x: &[f32], out: &mut Vec<f32>) {
        let outputs = self.bias.len();
        let inputs = self.weight.len() / outputs;
        let rows = x.len() / inputs;
        out.resize(rows * outputs, 0.0);
        product(
            [rows, inputs, outputs],
            1.0,
            Matrix::rows(x, inputs),
            Matrix::columns(&self.weight, inputs),
            out,
            outputs,
            false,
        );
    }

    /// The same with its weights packed.
    pub(crate) fn frozen(self) -> Frozen {
        let outputs = self.bias.len();
        let inputs = self.weight.len() / outputs.max(1);
        Frozen {
            rows: Arc::new(Rows::new([inputs, outputs], &self.weight)),
            bias: self.bias,
        }
    }
}

/// A linear layer whose weights are packed once; what it makes of a row does not depend on the rows beside it.
#[derive(Debug, Clone)]
pub(crate) struct Frozen {
    rows: Arc<Rows>,
    pub(crate) bias: Vec<f32>,
}

impl Frozen {
    /// `out = x W^T`, without the bias.
    pub(crate) fn product(&self, x: &[f32], out: &mut Vec<f32>) {
        self.rows.apply(x, out);
    }

    /// `x W^T + b`.
    pub(crate) fn apply(&self, x: &[f32]) -> Vec<f32> {
        let mut out = Vec::new();
        self.product(x, &mut out);
        add_bias(&mut out, &self.bias);
        out
    }
}
