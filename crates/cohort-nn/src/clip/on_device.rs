//! The layers of a tower on a GPU.

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};
use cohort_kernels::dense::Norm;

use super::layer;
use crate::Activation;
use crate::packed::{Attention, Linear};

/// A layer's parameters on a device.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    before_attention: LayerNorm,
    mixed: Affine,
    output: Affine,
    before_wide: LayerNorm,
    up: Affine,
    down: Affine,
}

/// `x W + b`, `W` of shape `[inputs, outputs]`.
#[derive(Debug, Clone)]
struct Affine {
    weight: Tensor<2>,
    bias: Tensor<1>,
}

#[derive(Debug, Clone)]
struct LayerNorm {
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
}

fn row(values: &[f32], device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}

impl Affine {
    fn new(linear: &Linear, device: &Device) -> Self {
        let outputs = linear.bias.len();
        let inputs = linear.weight.len() / outputs;
        let weight = TensorData::new(linear.weight.clone(), [outputs, inputs]);
        Self {
            weight: Tensor::<2>::from_data(weight, device).transpose(),
            bias: row(&linear.bias, device),
        }
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        x.matmul(self.weight.clone().unsqueeze()) + self.bias.clone().unsqueeze()
    }
}

impl LayerNorm {
    fn new(norm: &Norm, device: &Device) -> Self {
        Self {
            weight: row(&norm.weight, device),
            bias: row(&norm.bias, device),
            epsilon: f64::from(norm.epsilon),
        }
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let centred = x.clone() - x.mean_dim(2);
        let variance = centred.clone().square().mean_dim(2);
        let scaled = centred / (variance + self.epsilon).sqrt();
        scaled * self.weight.clone().unsqueeze() + self.bias.clone().unsqueeze()
    }
}

impl Layer {
    /// From the plain parameters.
    pub(super) fn new(plain: &layer::Layer<Linear>, device: &Device) -> Self {
        Self {
            before_attention: LayerNorm::new(&plain.before_attention, device),
            mixed: Affine::new(&plain.mixed, device),
            output: Affine::new(&plain.output, device),
            before_wide: LayerNorm::new(&plain.before_wide, device),
            up: Affine::new(&plain.up, device),
            down: Affine::new(&plain.down, device),
        }
    }

    /// `x` is `[sequences, rows, width]`; `bias` is added to the scores.
    fn forward(
        &self,
        x: Tensor<3>,
        attention: Attention,
        activation: Activation,
        bias: Option<&Tensor<4>>,
    ) -> Tensor<3> {
        let [count, rows, width] = x.dims();
        let own = width / attention.heads;
        let mixed = self.mixed.forward(self.before_attention.forward(x.clone()));
        let [query, key, value] = [0, 1, 2].map(|part| {
            let part = mixed.clone().narrow(2, part * width, width);
            part.reshape([count, rows, attention.heads, own])
                .swap_dims(1, 2)
        });
        let scores = query.matmul(key.swap_dims(2, 3)) / (own as f64).sqrt();
        let scores = match bias {
            Some(bias) => scores + bias.clone(),
            None => scores,
        };
        let seen = softmax(scores, 3).matmul(value);
        let seen = seen.swap_dims(1, 2).reshape([count, rows, width]);
        let x = x + self.output.forward(seen);
        let wide = self.up.forward(self.before_wide.forward(x.clone()));
        x + self.down.forward(activation.of(wide))
    }
}

/// Rows `[sum of lengths, width]` of several sequences through layers. Shorter sequences are padded at their ends, which only
/// sequences that look back alone may be.
pub(super) fn forward(
    layers: &[Layer],
    x: &mut [f32],
    lengths: &[usize],
    attention: Attention,
    activation: Activation,
    device: &Device,
) {
    let (width, count) = (attention.width, lengths.len());
    let longest = lengths.iter().copied().max().unwrap_or(0);
    assert!(attention.causal || lengths.iter().all(|&length| length == longest));
    if longest == 0 {
        return;
    }
    let mut padded = vec![0.0; count * longest * width];
    let mut first = 0;
    for (&length, own) in lengths.iter().zip(padded.chunks_exact_mut(longest * width)) {
        let end = first + length * width;
        own[..length * width].copy_from_slice(&x[first..end]);
        first = end;
    }
    let data = TensorData::new(padded, [count, longest, width]);
    let mut rows = Tensor::<3>::from_data(data, device);
    let bias = attention.causal.then(|| {
        let seen = (0..longest * longest).map(|at| match at % longest <= at / longest {
            true => 0.0,
            false => -1e9,
        });
        let data = TensorData::new(seen.collect::<Vec<f32>>(), [1, 1, longest, longest]);
        Tensor::<4>::from_data(data, device)
    });
    for layer in layers {
        rows = layer.forward(rows, attention, activation, bias.as_ref());
    }
    let found: Vec<f32> = rows.into_data().convert::<f32>().iter().collect();
    let mut first = 0;
    for (&length, own) in lengths.iter().zip(found.chunks_exact(longest * width)) {
        let end = first + length * width;
        x[first..end].copy_from_slice(&own[..length * width]);
        first = end;
    }
}
