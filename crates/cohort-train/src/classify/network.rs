//! The network that is trained: the model, and the cumulative link where the settings ask for it.

use std::collections::BTreeMap;

use cohort_nn::burn::module::Module;
use cohort_nn::burn::tensor::{Device, Gradients, Tensor};
use cohort_nn::{CumulativeLink, Model, ModelConfig, ModuleWeights, NnError, Output};
use cohort_weights::Weights;

use crate::parts::{gradients_of, weights_of};
use crate::trainable::fix_norms;
use crate::{Head, NamedGradients, Network, Optimiser, TrainError, Trainable};

/// First part of the names of the link's parameters.
const LINK: &str = "link";

/// A model with its link.
#[derive(Debug, Clone)]
pub(crate) struct ClassifierNetwork {
    pub(crate) model: Model,
    link: Option<CumulativeLink>,
}

impl ClassifierNetwork {
    /// With initial weights from `seed`, but for those that `start` holds.
    ///
    /// # Errors
    /// [`NnError::Weights`] for a tensor of `start` that the network does not have or has in
    /// another shape.
    pub(crate) fn init(
        config: &ModelConfig,
        head: Head,
        seed: u64,
        start: Option<&Weights>,
        device: &Device,
    ) -> Result<Self, NnError> {
        let mut model = config.init(seed, device)?;
        if let Some(start) = start {
            let mut all = Weights::collect(&model.valid());
            all.0.extend(start.0.clone());
            model = all.apply(model)?;
        }
        let link = match head {
            Head::Softmax => None,
            Head::CumulativeLink => Some(CumulativeLink::new(config.classes(), device)?),
        };
        Ok(Self { model, link })
    }

    /// With given weights.
    pub(crate) fn load(
        config: &ModelConfig,
        head: Head,
        weights: Weights,
        device: &Device,
    ) -> Result<Self, NnError> {
        let (mut of_model, mut of_link) = (BTreeMap::new(), BTreeMap::new());
        for (name, array) in weights.0 {
            match (
                head,
                name.strip_prefix(LINK).and_then(|n| n.strip_prefix('.')),
            ) {
                (Head::CumulativeLink, Some(name)) => of_link.insert(name.to_owned(), array),
                _ => of_model.insert(name, array),
            };
        }
        let model = config.load(Weights(of_model), device)?;
        let link = match head {
            Head::Softmax => None,
            Head::CumulativeLink => {
                let link = CumulativeLink::new(config.classes(), device)?;
                Some(Weights(of_link).apply(link)?)
            }
        };
        Ok(Self { model, link })
    }

    /// Takes the layers that are not trained out of the training.
    pub(crate) fn freeze(
        self,
        trainable: &Trainable,
        config: &ModelConfig,
    ) -> Result<Self, TrainError> {
        Ok(Self {
            model: trainable.freeze(config, self.model)?,
            link: self.link,
        })
    }

    /// The norms of all layers but the output layer keep their statistics and use them.
    pub(crate) fn fix_norms(self, config: &ModelConfig) -> Self {
        Self {
            model: fix_norms(self.model, config.head()),
            link: self.link,
        }
    }

    /// See [`Model::forward`].
    pub(crate) fn forward(&self, input: Tensor<2>, dropout_seed: Option<u64>) -> Output {
        let output = self.model.forward(input, dropout_seed);
        match &self.link {
            None => output,
            Some(link) => Output {
                logits: link.forward(output.logits),
                embedding: output.embedding,
            },
        }
    }
}

impl Network for ClassifierNetwork {
    /// The network in evaluation form.
    fn valid(&self) -> Self {
        Self {
            model: self.model.valid(),
            link: self.link.as_ref().map(Module::valid),
        }
    }

    /// All parameters; the network must be in evaluation form.
    fn weights(&self) -> Weights {
        weights_of(&self.model, self.link.as_ref(), LINK)
    }

    /// The gradients of all parameters that have one.
    fn gradients(&self, gradients: &Gradients) -> NamedGradients {
        gradients_of(&self.model, self.link.as_ref(), LINK, gradients)
    }

    /// The network after a step of the optimiser.
    fn step(&self, optimiser: &mut Optimiser, gradients: &NamedGradients, rate: f64) -> Self {
        let scale = optimiser.begin(gradients);
        let link = self.link.clone();
        Self {
            model: optimiser.update(self.model.clone(), "", gradients, scale, rate),
            link: link.map(|link| optimiser.update(link, LINK, gradients, scale, rate)),
        }
    }
}
