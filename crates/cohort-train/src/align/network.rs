//! The networks that are trained: one of pictures, one of captions, and what is learnt of their cosines.

use cohort_nn::burn::module::Module;
use cohort_nn::burn::tensor::{Device, Gradients};
use cohort_nn::metric::ScoreScale;
use cohort_nn::{Model, ModuleWeights, derive_seed};
use cohort_weights::Weights;

use super::Record;
use crate::classify::trained::to_host;
use crate::parts::{add_part, part_of};
use crate::{NamedGradients, Network, NnError, Optimiser};

const PICTURE: &str = "picture";
const CAPTION: &str = "caption";
const SCALE: &str = "scale";

/// Two towers.
#[derive(Debug, Clone)]
pub(crate) struct Towers {
    pub(crate) picture: Model,
    pub(crate) caption: Model,
    scale: Option<ScoreScale>,
}

impl Towers {
    /// With initial weights from `seed`.
    pub(crate) fn init(record: &Record, seed: u64, device: &Device) -> Result<Self, NnError> {
        let own = |name: &str| derive_seed(seed, name, &[]);
        Ok(Self {
            picture: record.picture.init(own(PICTURE), device)?,
            caption: record.caption.init(own(CAPTION), device)?,
            scale: scale_of(record, device),
        })
    }

    /// With given weights.
    pub(crate) fn load(
        record: &Record,
        weights: &Weights,
        device: &Device,
    ) -> Result<Self, NnError> {
        let scale = scale_of(record, device)
            .map(|scale| part_of(weights, SCALE).apply(scale))
            .transpose()?;
        Ok(Self {
            picture: record.picture.load(part_of(weights, PICTURE), device)?,
            caption: record.caption.load(part_of(weights, CAPTION), device)?,
            scale,
        })
    }

    /// What is learnt of the cosines, with gradients.
    pub(crate) fn scale(&self) -> Option<&ScoreScale> {
        self.scale.as_ref()
    }

    /// Its two numbers; zeros where nothing is learnt.
    pub(crate) fn scale_now(&self) -> [f64; 2] {
        let Some(scale) = &self.scale else {
            return [0.0; 2];
        };
        let values = to_host(scale.values().without_autodiff());
        [0, 1].map(|i| f64::from(values[i]))
    }
}

fn scale_of(record: &Record, device: &Device) -> Option<ScoreScale> {
    let begins = record.settings.loss.begins_with()?;
    Some(ScoreScale::new(begins, device))
}

impl Network for Towers {
    fn valid(&self) -> Self {
        Self {
            picture: self.picture.valid(),
            caption: self.caption.valid(),
            scale: self.scale.as_ref().map(Module::valid),
        }
    }

    fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        add_part(&mut weights, &self.picture, PICTURE);
        add_part(&mut weights, &self.caption, CAPTION);
        if let Some(scale) = &self.scale {
            add_part(&mut weights, scale, SCALE);
        }
        weights
    }

    fn gradients(&self, gradients: &Gradients) -> NamedGradients {
        let mut named = NamedGradients::default();
        named.collect(&self.picture, PICTURE, gradients);
        named.collect(&self.caption, CAPTION, gradients);
        if let Some(scale) = &self.scale {
            named.collect(scale, SCALE, gradients);
        }
        named
    }

    fn step(&self, optimiser: &mut Optimiser, gradients: &NamedGradients, rate: f64) -> Self {
        let by = optimiser.begin(gradients);
        let picture = self.picture.clone();
        let caption = self.caption.clone();
        let scale = self.scale.clone();
        Self {
            picture: optimiser.update(picture, PICTURE, gradients, by, rate),
            caption: optimiser.update(caption, CAPTION, gradients, by, rate),
            scale: scale.map(|scale| optimiser.update(scale, SCALE, gradients, by, rate)),
        }
    }
}
