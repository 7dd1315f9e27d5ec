//! What a network says of a batch.

use burn::tensor::Tensor;

/// What a network says about a batch.
#[derive(Debug, Clone)]
pub struct Output {
    /// `[batch, K]`, before softmax.
    pub logits: Tensor<2>,
    /// `[batch, width]`, what the output layer sees (before dropout); scaled to length 1 where the
    /// network is one for comparing faces.
    pub embedding: Tensor<2>,
}

/// Rows scaled to Euclidean length 1; a row of zeros stays.
pub(crate) fn unit_length(rows: Tensor<2>) -> Tensor<2> {
    let length = (rows.clone() * rows.clone()).sum_dim(1).sqrt();
    rows / length.clamp_min(1e-12)
}
