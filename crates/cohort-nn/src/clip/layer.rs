//! One layer's parameters.

use cohort_kernels::dense::Norm;

use crate::packed::{Frozen, Linear, Named};

/// A layer; `L` are its linear ones.
#[derive(Debug, Clone)]
pub(super) struct Layer<L> {
    pub(super) before_attention: Norm,
    /// Query, key and value one below another.
    pub(super) mixed: L,
    pub(super) output: L,
    pub(super) before_wide: Norm,
    pub(super) up: L,
    pub(super) down: L,
}

impl Layer<Linear> {
    pub(super) fn frozen(self) -> Layer<Frozen> {
        Layer {
            before_attention: self.before_attention,
            mixed: self.mixed.frozen(),
            output: self.output.frozen(),
            before_wide: self.before_wide,
            up: self.up.frozen(),
            down: self.down.frozen(),
        }
    }
}

/// Takes a norm.
pub(super) fn norm(named: &mut Named, name: &str, epsilon: f64) -> Norm {
    Norm {
        weight: named.take(&format!("{name}.weight")),
        bias: named.take(&format!("{name}.bias")),
        epsilon: epsilon as f32,
    }
}
