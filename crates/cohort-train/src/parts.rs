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
        add_part(&mut weights, part, name);
    }
    weights
}

/// Adds a part's parameters, with `name` before their own. The module must be in evaluation form.
pub(crate) fn add_part<M: Module>(weights: &mut Weights, part: &M, name: &str) {
    for (own, array) in Weights::collect(part).0 {
        weights.0.insert(format!("{name}.{own}"), array);
    }
}

/// The parameters that have `name` before their own, which is cut off.
pub(crate) fn part_of(weights: &Weights, name: &str) -> Weights {
    let own = weights.0.iter().filter_map(|(whole, array)| {
        let own = whole.strip_prefix(name)?.strip_prefix('.')?;
        Some((own.to_owned(), array.clone()))
    });
    Weights(own.collect())
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
