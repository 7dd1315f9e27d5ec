//! Input standardisation that is saved with the network.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};

/// Mean and standard deviation of each input column, gathered sample by sample.
///
/// Welford's update in `f64` (Welford 1962): one pass, no catastrophic cancellation, and the
/// result depends on the order of the samples only.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    count: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Moments {
    /// Empty moments of `columns` columns.
    pub fn new(columns: usize) -> Self {
        Self {
            count: 0.0,
            mean: vec![0.0; columns],
            squares: vec![0.0; columns],
        }
    }

    /// Takes one sample in; values beyond the last column are ignored.
    pub fn add(&mut self, sample: &[f32]) {
        self.count += 1.0;
        for ((x, mean), squares) in sample.iter().zip(&mut self.mean).zip(&mut self.squares) {
            let delta = f64::from(*x) - *mean;
            *mean += delta / self.count;
            *squares += delta * (f64::from(*x) - *mean);
        }
    }

    /// Mean of each column.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Population standard deviation of each column (0 before the first sample).
    pub fn standard_deviation(&self) -> Vec<f64> {
        let n = self.count.max(1.0);
        self.squares.iter().map(|s| (s / n).sqrt()).collect()
    }

    /// The columns whose values are all alike, up to rounding: their scale becomes 1.
    pub fn constant_columns(&self) -> Vec<usize> {
        let sd = self.standard_deviation();
        let alike = |j: &usize| sd[*j] <= 1e-7 * self.mean[*j].abs().max(1e-7);
        (0..sd.len()).filter(alike).collect()
    }
}

/// (x - mean) * scale by column, with mean and scale fixed at construction (no gradients).
#[derive(Module, Debug)]
pub(crate) struct Standardise {
    mean: Param<Tensor<1>>,
    scale: Param<Tensor<1>>,
}

impl Standardise {
    /// Mean 0 and scale 1 for `columns` columns.
    pub(crate) fn identity(columns: usize, device: &Device) -> Self {
        Self::from_values(vec![0.0; columns], vec![1.0; columns], device)
    }

    /// From measured moments; a constant column is centred and keeps scale 1.
    pub(crate) fn from_moments(moments: &Moments, device: &Device) -> Self {
        let mean = moments.mean.iter().map(|&m| m as f32).collect();
        let mut scale: Vec<f32> = moments
            .standard_deviation()
            .iter()
            .map(|&sd| (1.0 / sd) as f32)
            .collect();
        for column in moments.constant_columns() {
            scale[column] = 1.0;
        }
        Self::from_values(mean, scale, device)
    }

    fn from_values(mean: Vec<f32>, scale: Vec<f32>, device: &Device) -> Self {
        let fixed = |values: Vec<f32>| {
            let n = values.len();
            let tensor = Tensor::<1>::from_data(TensorData::new(values, [n]), device);
            Param::from_tensor(tensor).set_require_grad(false)
        };
        Self {
            mean: fixed(mean),
            scale: fixed(scale),
        }
    }

    /// `[batch, columns]` to the same shape.
    pub(crate) fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        (input - self.mean.val().unsqueeze()) * self.scale.val().unsqueeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_equal_the_closed_form_and_constants_do_not_divide_by_zero() {
        // Column 0: 1, 2, 3, 4 -> mean 2.5, population variance 1.25. Column 1 is constant.
        // Column 2 has a large offset, which a sum of squares in f32 would lose.
        let rows = [
            [1.0, 7.5, 1e6],
            [2.0, 7.5, 1e6 + 1.0],
            [3.0, 7.5, 1e6 + 2.0],
            [4.0, 7.5, 1e6 + 3.0],
        ];
        let mut moments = Moments::new(3);
        for row in &rows {
            moments.add(row);
        }
        assert_eq!(moments.mean(), [2.5, 7.5, 1e6 + 1.5]);
        let sd = moments.standard_deviation();
        assert!((sd[0] - 1.25_f64.sqrt()).abs() < 1e-12);
        assert!((sd[2] - 1.25_f64.sqrt()).abs() < 1e-9);
        assert_eq!(moments.constant_columns(), [1]);

        let device = Device::flex();
        let layer = Standardise::from_moments(&moments, &device);
        let out: Vec<f32> = layer
            .forward(Tensor::from_data(TensorData::from(rows), &device))
            .into_data()
            .try_to_vec()
            .unwrap();
        assert!((out[0] - (-1.5 / 1.25_f32.sqrt())).abs() < 1e-6);
        assert_eq!([out[1], out[4], out[7], out[10]], [0.0; 4]);
        assert!((out[2] - out[0]).abs() < 1e-5, "{out:?}");
    }
}
