//! The network that is trained: a model whose output is the embedding, and the proxies where the loss has any.

use std::collections::BTreeMap;

use cohort_nn::burn::module::Module;
use cohort_nn::burn::tensor::{Device, Gradients, Tensor};
use cohort_nn::metric::Proxies;
use cohort_nn::{Model, ModelConfig, ModuleWeights, NnError, derive_seed};
use cohort_weights::Weights;

use crate::parts::{gradients_of, weights_of};
use crate::record::Record;
use crate::trainable::fix_norms;
use crate::{EmbeddingSettings, NamedGradients, Network, Optimiser, TrainError, Trainable};

/// First part of the name of the proxies.
const PROXIES: &str = "proxies";

/// A model with its proxies.
#[derive(Debug, Clone)]
pub(crate) struct EmbeddingNetwork {
    pub(crate) model: Model,
    proxies: Option<Proxies>,
    /// Whether the embedding is what the output layer sees, not what it says.
    own: bool,
    proxy_rate: f64,
}

impl EmbeddingNetwork {
    /// With initial weights from `seed`, but for those that `start` holds.
    pub(crate) fn init(
        record: &Record<EmbeddingSettings>,
        seed: u64,
        start: Option<&Weights>,
        device: &Device,
    ) -> Result<Self, NnError> {
        let mut model = record.network.init(seed, device)?;
        if let Some(start) = start {
            let mut all = Weights::collect(&model.valid());
            all.0.extend(start.0.clone());
            model = all.apply(model)?;
        }
        Self::new(record, model, derive_seed(seed, PROXIES, &[]), device)
    }

    fn new(
        record: &Record<EmbeddingSettings>,
        model: Model,
        seed: u64,
        device: &Device,
    ) -> Result<Self, NnError> {
        let settings = &record.settings;
        let mut network = Self {
            model,
            proxies: None,
            own: settings.dimension == 0,
            proxy_rate: settings.proxy_rate,
        };
        if settings.loss.has_proxies() {
            let width = match settings.dimension {
                0 => own_width(&record.network)?,
                dimension => dimension,
            };
            let classes = record.data.train_counts.len();
            network.proxies = Some(Proxies::new(classes, width, seed, device)?);
        }
        Ok(network)
    }

    /// With given weights.
    pub(crate) fn load(
        record: &Record<EmbeddingSettings>,
        weights: Weights,
        device: &Device,
    ) -> Result<Self, NnError> {
        let (mut of_model, mut of_proxies) = (BTreeMap::new(), BTreeMap::new());
        for (name, array) in weights.0 {
            let own = name.strip_prefix(PROXIES).and_then(|n| n.strip_prefix('.'));
            match (record.settings.loss.has_proxies(), own) {
                (true, Some(name)) => of_proxies.insert(name.to_owned(), array),
                _ => of_model.insert(name, array),
            };
        }
        let model = record.network.load(Weights(of_model), device)?;
        let mut network = Self::new(record, model, 0, device)?;
        if let Some(proxies) = network.proxies {
            network.proxies = Some(Weights(of_proxies).apply(proxies)?);
        }
        Ok(network)
    }

    /// Takes the layers that are not trained out of the training.
    pub(crate) fn freeze(
        self,
        trainable: &Trainable,
        config: &ModelConfig,
    ) -> Result<Self, TrainError> {
        Ok(Self {
            model: trainable.freeze(config, self.model)?,
            ..self
        })
    }

    /// The norms of all layers but the last keep their statistics and use them.
    pub(crate) fn fix_norms(self, config: &ModelConfig) -> Self {
        Self {
            model: fix_norms(self.model, config.head()),
            ..self
        }
    }

    /// Flat samples to embeddings `[batch, width]`; `dropout_seed` as in [`Model::forward`].
    pub(crate) fn forward(&self, input: Tensor<2>, dropout_seed: Option<u64>) -> Tensor<2> {
        let output = self.model.forward(input, dropout_seed);
        match self.own {
            true => output.embedding,
            false => output.logits,
        }
    }

    /// The proxies, a row a class, where the loss has any.
    pub(crate) fn proxies(&self) -> Option<Tensor<2>> {
        self.proxies.as_ref().map(Proxies::vectors)
    }
}

/// Length of what the output layer sees, found by looking at a sample of zeros: with a network of its own, for in training
/// norms remember what they see.
fn own_width(config: &ModelConfig) -> Result<usize, NnError> {
    let device = Device::flex();
    let sample: usize = config.input_shape().iter().product();
    let zeros = Tensor::zeros([1, sample], &device);
    let output = config.init(0, &device)?.forward(zeros, None);
    Ok(output.embedding.dims()[1])
}

impl Network for EmbeddingNetwork {
    fn valid(&self) -> Self {
        Self {
            model: self.model.valid(),
            proxies: self.proxies.as_ref().map(Module::valid),
            ..*self
        }
    }

    fn weights(&self) -> Weights {
        weights_of(&self.model, self.proxies.as_ref(), PROXIES)
    }

    fn gradients(&self, gradients: &Gradients) -> NamedGradients {
        gradients_of(&self.model, self.proxies.as_ref(), PROXIES, gradients)
    }

    fn step(&self, optimiser: &mut Optimiser, gradients: &NamedGradients, rate: f64) -> Self {
        let scale = optimiser.begin(gradients);
        let proxies = self.proxies.clone();
        let proxy_rate = rate * self.proxy_rate;
        Self {
            model: optimiser.update(self.model.clone(), "", gradients, scale, rate),
            proxies: proxies.map(|p| optimiser.update(p, PROXIES, gradients, scale, proxy_rate)),
            ..*self
        }
    }
}
