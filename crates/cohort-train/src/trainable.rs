//! Which layers are trained.

use cohort_nn::ModelConfig;
use cohort_nn::burn::module::{Flag, Module, ModuleMapper, ModuleVisitor, Param};
use cohort_nn::burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::TrainError;

/// Which layers are trained; the others keep their weights and their norms' statistics, take no
/// weight decay and have no optimiser state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trainable {
    /// All layers (default).
    #[default]
    All,
    /// The output layer.
    Head,
    /// The last block of layers and all that follows it.
    LastBlock,
    /// The layers under these names, such as `blocks.5` or `output`.
    Only(Vec<String>),
}

impl Trainable {
    /// The names of the layers that are trained; none for all.
    fn names(&self, network: &ModelConfig) -> Option<Vec<String>> {
        match self {
            Self::All => None,
            Self::Head => Some(network.head()),
            Self::LastBlock => Some(network.last_block()),
            Self::Only(names) => Some(names.clone()),
        }
    }

    /// Takes all other layers of a network out of the training.
    ///
    /// # Errors
    /// [`TrainError::Settings`] for a name that no layer has.
    pub(crate) fn freeze<M: Module>(
        &self,
        network: &ModelConfig,
        module: M,
    ) -> Result<M, TrainError> {
        let Some(names) = self.names(network) else {
            return Ok(module);
        };
        let mut all = Names::default();
        module.visit(&mut all);
        for name in &names {
            if !all.found.iter().any(|path| is_under(path, name)) {
                return Err(TrainError::Settings {
                    field: "trainable",
                    expected: "names of layers of the network",
                    found: format!("{name:?}; it has {}", all.layers().join(", ")),
                });
            }
        }
        Ok(module.map(&mut Freeze {
            names,
            path: Vec::new(),
        }))
    }
}

/// Takes the norms of all layers but those named `others` out of the training: they keep their statistics and use them;
/// their slopes and intercepts still learn.
pub(crate) fn fix_norms<M: Module>(module: M, others: Vec<String>) -> M {
    module.map(&mut FixNorms(Freeze {
        names: others,
        path: Vec::new(),
    }))
}

/// Whether a parameter lies under a layer's name, segment by segment.
fn is_under(path: &[String], name: &str) -> bool {
    let segments: Vec<&str> = name.split('.').collect();
    path.len() >= segments.len() && path.iter().zip(segments).all(|(a, b)| a == b)
}

/// Paths of all parameters, without the network's kind, which comes first.
#[derive(Default)]
struct Names {
    path: Vec<String>,
    found: Vec<Vec<String>>,
}

impl Names {
    /// First parts of the names, in order.
    fn layers(&self) -> Vec<&str> {
        let mut layers: Vec<&str> = Vec::new();
        for name in self.found.iter().filter_map(|path| path.first()) {
            if !layers.contains(&name.as_str()) {
                layers.push(name);
            }
        }
        layers
    }
}

impl ModuleVisitor for Names {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, _param: &Param<Tensor<D>>) {
        self.found.push(self.path.iter().skip(1).cloned().collect());
    }
}

struct Freeze {
    names: Vec<String>,
    path: Vec<String>,
}

impl Freeze {
    fn is_trained(&self) -> bool {
        let path = self.path.get(1..).unwrap_or_default();
        self.names.iter().any(|name| is_under(path, name))
    }
}

impl ModuleMapper for Freeze {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.is_trained() {
            true => param,
            false => param.set_require_grad(false),
        }
    }

    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        match self.is_trained() {
            true => flag,
            false => flag.with_value(false),
        }
    }
}

struct FixNorms(Freeze);

impl ModuleMapper for FixNorms {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.0.enter_module(name, container);
    }

    fn exit_module(&mut self, name: &str, container: &str) {
        self.0.exit_module(name, container);
    }

    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        self.0.map_flag(flag)
    }
}
