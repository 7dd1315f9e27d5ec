//! Multi-head attention whose keys and values may be kept.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};

/// Attention of Whisper: keys have no bias. Fields are named as in the published files.
#[derive(Module, Debug)]
pub(super) struct Attention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    out_proj: Linear,
    heads: usize,
}

/// What is attended to, `[batch, heads, vectors, width / heads]` each.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    key: Tensor<4>,
    value: Tensor<4>,
}

impl Seen {
    /// With more vectors at the end.
    pub(super) fn and(self, more: Self) -> Self {
        Self {
            key: Tensor::cat(vec![self.key, more.key], 2),
            value: Tensor::cat(vec![self.value, more.value], 2),
        }
    }
}

impl Attention {
    pub(super) fn new(width: usize, heads: usize, device: &Device) -> Self {
        let linear = |bias| LinearConfig::new(width, width).with_bias(bias).init(device);
        Self {
            q_proj: linear(true),
            k_proj: linear(false),
            v_proj: linear(true),
            out_proj: linear(true),
            heads,
        }
    }

    /// Keys and values of `x`, `[batch, vectors, width]`.
    pub(super) fn see(&self, x: Tensor<3>) -> Seen {
        Seen {
            key: self.split(self.k_proj.forward(x.clone())),
            value: self.split(self.v_proj.forward(x)),
        }
    }

    /// What `x`, `[batch, n, width]`, finds in `seen`; `mask`, `[1, 1, n, vectors]`, is added to the scores.
    pub(super) fn forward(&self, x: Tensor<3>, seen: &Seen, mask: Option<&Tensor<4>>) -> Tensor<3> {
        let [batch, n, width] = x.dims();
        let scale = ((width / self.heads) as f64).sqrt().recip();
        let query = self.split(self.q_proj.forward(x) * scale);
        let mut scores = query.matmul(seen.key.clone().swap_dims(2, 3));
        if let Some(mask) = mask {
            scores = scores + mask.clone();
        }
        let mixed = softmax(scores, 3).matmul(seen.value.clone());
        self.out_proj
            .forward(mixed.swap_dims(1, 2).reshape([batch, n, width]))
    }

    fn split(&self, x: Tensor<3>) -> Tensor<4> {
        let [batch, n, width] = x.dims();
        x.reshape([batch, n, self.heads, width / self.heads])
            .swap_dims(1, 2)
    }
}
