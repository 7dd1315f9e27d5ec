//! Gradients by name of the parameter, and their sum over several batches.

use std::collections::BTreeMap;

use cohort_nn::burn::module::{Module, ModuleVisitor, Param};
use cohort_nn::burn::tensor::{Gradients, Tensor};

/// Gradients by name, each as `[first axis, all others]`.
#[derive(Default)]
pub struct NamedGradients(BTreeMap<String, Tensor<2>>);

impl NamedGradients {
    /// Adds those of a module's parameters, under `prefix`.
    pub fn collect<M: Module>(&mut self, module: &M, prefix: &str, gradients: &Gradients) {
        module.visit(&mut Collector {
            gradients,
            into: self,
            path: vec![prefix.to_owned()],
        });
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Tensor<2>> {
        self.0.get(name)
    }

    /// Norm of all gradients together.
    pub(crate) fn norm(&self) -> f64 {
        // By columns first: a sum over everything splits very large tensors by thread. All parts
        // stay on the device until they are there.
        let part = |gradient: &Tensor<2>| gradient.clone().square().sum_dim(0).sum();
        let parts: Vec<Tensor<1>> = self.0.values().map(part).collect();
        if parts.is_empty() {
            return 0.0;
        }
        let parts = Tensor::cat(parts, 0).into_data().convert::<f64>();
        parts.iter::<f64>().sum::<f64>().sqrt()
    }
}

/// The weighted mean of gradients over batches, in their order.
#[derive(Default)]
pub(crate) struct Pending {
    sum: NamedGradients,
    weight: f64,
    batches: usize,
}

impl Pending {
    /// Batches taken in.
    pub(crate) fn batches(&self) -> usize {
        self.batches
    }

    /// Takes in the gradients of a batch's mean loss, where the batch weighs `weight`.
    pub(crate) fn add(&mut self, gradients: NamedGradients, weight: f64) {
        self.batches += 1;
        self.weight += weight;
        for (name, gradient) in gradients.0 {
            let gradient = gradient * weight;
            let sum = match self.sum.0.remove(&name) {
                Some(sum) => sum + gradient,
                None => gradient,
            };
            self.sum.0.insert(name, sum);
        }
    }

    /// The gradients of the mean loss over all batches; begins anew.
    pub(crate) fn take(&mut self) -> NamedGradients {
        let taken = std::mem::take(self);
        let scale = if taken.weight > 0.0 {
            1.0 / taken.weight
        } else {
            0.0
        };
        let scaled = taken
            .sum
            .0
            .into_iter()
            .map(|(name, sum)| (name, sum * scale));
        NamedGradients(scaled.collect())
    }
}

struct Collector<'a> {
    gradients: &'a Gradients,
    into: &'a mut NamedGradients,
    path: Vec<String>,
}

impl ModuleVisitor for Collector<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad(self.gradients) {
            let first = gradient.dims().first().copied().unwrap_or(1);
            let others = gradient.shape().num_elements() / first.max(1);
            let name = name(&self.path);
            self.into.0.insert(name, gradient.reshape([first, others]));
        }
    }
}

/// A parameter's name from its path, whose first part is a prefix that may be empty.
pub(crate) fn name(path: &[String]) -> String {
    let parts = path.iter().enumerate();
    let parts: Vec<&str> = parts
        .filter(|(i, part)| *i > 0 || !part.is_empty())
        .map(|(_, part)| part.as_str())
        .collect();
    parts.join(".")
}
