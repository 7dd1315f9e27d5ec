//! A transformer whose norms stand before attention and feed-forward.

use burn::tensor::Device;
use cohort_kernels::dense::{add_bias, add_rows};

use super::config::TowerConfig;
use super::layer::{Layer, norm};
use super::on_device;
use crate::packed::{Attention, Frozen, Linear, Named, attend};
use crate::{Activation, DeviceChoice, NnError};

/// The layers of a tower: packed on the CPU, as tensors on a GPU.
#[derive(Debug, Clone)]
pub(super) struct Tower {
    layers: Layers,
    attention: Attention,
    activation: Activation,
}

#[derive(Debug, Clone)]
enum Layers {
    Packed(Vec<Layer<Frozen>>),
    OnDevice(Vec<on_device::Layer>, Device),
}

impl Tower {
    /// Takes the layers below `encoder.layers.` to where they are computed.
    ///
    /// # Errors
    /// A device that is not there.
    pub(super) fn take(
        config: &TowerConfig,
        causal: bool,
        named: &mut Named,
        choice: DeviceChoice,
    ) -> Result<Self, NnError> {
        let device = match choice {
            DeviceChoice::Cpu => None,
            other => Some(other.device()?),
        };
        Ok(Self::take_to(config, causal, named, device))
    }

    fn take_to(
        config: &TowerConfig,
        causal: bool,
        named: &mut Named,
        device: Option<Device>,
    ) -> Self {
        let layers = (0..config.layers).map(|i| {
            let part = |part: &str| format!("encoder.layers.{i}.{part}");
            let mixed = ["q", "k", "v"].map(|kind| part(&format!("self_attn.{kind}_proj")));
            Layer {
                before_attention: norm(named, &part("layer_norm1"), config.epsilon),
                mixed: Linear::stack(mixed.map(|name| Linear::take(named, &name))),
                output: Linear::take(named, &part("self_attn.out_proj")),
                before_wide: norm(named, &part("layer_norm2"), config.epsilon),
                up: Linear::take(named, &part("mlp.fc1")),
                down: Linear::take(named, &part("mlp.fc2")),
            }
        });
        // one layer at a time, so that weights stand in memory once
        let layers = match device {
            None => Layers::Packed(layers.map(Layer::frozen).collect()),
            Some(device) => {
                let layers = layers.map(|layer| on_device::Layer::new(&layer, &device));
                Layers::OnDevice(layers.collect(), device)
            }
        };
        Self {
            layers,
            attention: Attention {
                width: config.width,
                heads: config.heads,
                causal,
            },
            activation: config.activation,
        }
    }

    /// Whether sequences are best given many at a time, by one thread.
    pub(super) fn is_on_device(&self) -> bool {
        matches!(self.layers, Layers::OnDevice(..))
    }

    /// Names and shapes of the tensors of the layers.
    pub(super) fn expected(config: &TowerConfig) -> Vec<(String, Vec<usize>)> {
        let (width, wide) = (config.width, config.wide);
        let mut all = Vec::new();
        for layer in 0..config.layers {
            let mut linear = |part: &str, inputs: usize, outputs: usize| {
                let name = format!("encoder.layers.{layer}.{part}");
                all.push((format!("{name}.weight"), vec![outputs, inputs]));
                all.push((format!("{name}.bias"), vec![outputs]));
            };
            for part in ["q_proj", "k_proj", "v_proj", "out_proj"] {
                linear(&format!("self_attn.{part}"), width, width);
            }
            linear("mlp.fc1", width, wide);
            linear("mlp.fc2", wide, width);
            for part in ["layer_norm1", "layer_norm2"] {
                for kind in ["weight", "bias"] {
                    all.push((format!("encoder.layers.{layer}.{part}.{kind}"), vec![width]));
                }
            }
        }
        all
    }

    /// Rows `[sum of lengths, width]` of several sequences, through all layers.
    pub(super) fn forward(&self, x: &mut [f32], lengths: &[usize]) {
        let layers = match &self.layers {
            Layers::Packed(layers) => layers,
            Layers::OnDevice(layers, device) => {
                let (attention, activation) = (self.attention, self.activation);
                return on_device::forward(layers, x, lengths, attention, activation, device);
            }
        };
        let width = self.attention.width;
        let (mut mixed, mut wide, mut narrow) = (Vec::new(), Vec::new(), Vec::new());
        let (mut normed, mut context) = (x.to_vec(), vec![0.0; x.len()]);
        let mut scores = Vec::new();
        for layer in layers {
            normed.copy_from_slice(x);
            layer.before_attention.apply(&mut normed);
            layer.mixed.product(&normed, &mut mixed);
            add_bias(&mut mixed, &layer.mixed.bias);
            let mut first = 0;
            for &length in lengths {
                let own = &mixed[first * 3 * width..(first + length) * 3 * width];
                let out = &mut context[first * width..(first + length) * width];
                attend(self.attention, own, length, &mut scores, out);
                first += length;
            }
            layer.output.product(&context, &mut narrow);
            add_rows(x, &narrow, &layer.output.bias);
            normed.copy_from_slice(x);
            layer.before_wide.apply(&mut normed);
            layer.up.product(&normed, &mut wide);
            self.activation.of_rows(&mut wide, &layer.up.bias);
            layer.down.product(&wide, &mut narrow);
            add_rows(x, &narrow, &layer.down.bias);
        }
    }
}

#[cfg(test)]
mod tests {
    use cohort_weights::Array;

    use super::*;

    #[test]
    fn layers_on_a_device_say_the_same() {
        for (causal, lengths, activation) in [
            (true, vec![3, 1, 5], Activation::QuickGelu),
            (false, vec![4, 4], Activation::Gelu),
            (true, vec![], Activation::GeluNew),
        ] {
            let config = TowerConfig {
                width: 12,
                layers: 2,
                heads: 3,
                wide: 20,
                activation,
                epsilon: 1e-5,
            };
            let expected = Tower::expected(&config);
            let arrays = expected.iter().enumerate().map(|(i, (name, shape))| {
                let count: usize = shape.iter().product();
                let values = (0..count).map(|k| ((k * 37 + i * 11) as f32).sin() * 0.4 + 0.1);
                let values = values.collect();
                let shape = shape.clone();
                (name.clone(), Array { shape, values })
            });
            let arrays: std::collections::BTreeMap<String, Array> = arrays.collect();
            let [packed, moved] = [None, Some(Device::flex())].map(|device| {
                let named = Named::new(expected.clone(), arrays.clone(), "tower");
                Tower::take_to(&config, causal, &mut named.unwrap(), device)
            });
            assert!(moved.is_on_device() && !packed.is_on_device());
            let rows: usize = lengths.iter().sum();
            let mut x: Vec<f32> = (0..rows * 12).map(|i| (i as f32 * 0.7).cos()).collect();
            let mut y = x.clone();
            packed.forward(&mut x, &lengths);
            moved.forward(&mut y, &lengths);
            for (a, b) in x.iter().zip(&y) {
                assert!((a - b).abs() < 2e-5 * (1.0 + a.abs()), "{causal} {a} {b}");
            }
        }
    }
}
