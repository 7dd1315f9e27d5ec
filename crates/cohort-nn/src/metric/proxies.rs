//! Proxies: a vector a class that is learnt.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};

use crate::NnError;
use crate::checks::at_least;
use crate::init::{rng, uniform};

/// A learnt vector a class, for losses that compare samples with classes.
#[derive(Module, Debug)]
pub struct Proxies {
    /// `[K, width]`.
    weight: Param<Tensor<2>>,
}

impl Proxies {
    /// `classes` vectors of `width` values, normal with variance 2 / classes as in PyTorch's `kaiming_normal_(mode="fan_out")`; only
    /// their directions count.
    ///
    /// # Errors
    /// [`NnError::Config`] for fewer than 2 classes or no width.
    pub fn new(classes: usize, width: usize, seed: u64, device: &Device) -> Result<Self, NnError> {
        at_least("classes", classes, 2)?;
        at_least("dimension", width, 1)?;
        let mut rng = rng(seed);
        let scale = (2.0 / classes as f32).sqrt();
        // Box and Muller 1958
        let mut normal = || {
            let radius = (-2.0 * (1.0 - uniform(&mut rng)).ln()).sqrt();
            scale * radius * (std::f32::consts::TAU * uniform(&mut rng)).cos()
        };
        let values = (0..classes * width).map(|_| normal()).collect();
        let data = TensorData::new(values, [classes, width]);
        Ok(Self {
            weight: Param::from_tensor(Tensor::from_data(data, device)),
        })
    }

    /// `[K, width]`.
    pub fn vectors(&self) -> Tensor<2> {
        self.weight.val()
    }
}
