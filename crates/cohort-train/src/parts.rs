//! A network of a model and, where the task has one, a second module: their weights and gradients by name.

use cohort_nn::ModuleWeights;
use cohort_nn::burn::module::Module;
use cohort_nn::burn::tensor::Gradients;
use cohort_weights::Weights;

use crate::gradients::NamedGradients;

/// All parameters; those of the part have `name` before their own. The modules must be in evaluation form.
pub(crate) fn weights_of<M: Module, P: Module>(model: &M, part: Option<&P>, name: &str) -> Weights {
    let mut weights = Weights::collect(model);
    if let Some(part) = part {
        for (own, array) in Weights::collect(part).0 {
            weights.0.insert(format!("{name}.{own}"), array);
        }
    }
    weights
}

/// The gradients of all parameters that have one, named likewise.
pub(crate) fn gradients_of<M: Module, P: Module>(
    model: &M,
    part: Option<&P>,
    name: &str,
    gradients: &Gradients,
) -> NamedGradients {
    let mut named = NamedGradients::default();
    named.collect(model, "", gradients);
    if let Some(part) = part {
        named.collect(part, name, gradients);
    }
    named
}
