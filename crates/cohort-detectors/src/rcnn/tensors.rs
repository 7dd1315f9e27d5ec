//! A file's tensors under the names of its library, and the layers that are made of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use cohort_kernels::frozen::{Layer, Rows, Shape};
use cohort_weights::Checkpoint;

use super::layout::{Dialect, Layout};
use crate::DetectorError;

/// What is in files beside the weights of the network.
const PASSED_OVER: [&str; 4] = [
    ".num_batches_tracked",
    "pixel_mean",
    "pixel_std",
    "proposal_generator.anchor_generator.cell_anchors.",
];

/// Reads tensors by name and keeps account of them.
pub(super) struct Tensors<'a> {
    checkpoint: &'a Checkpoint,
    pub(super) layout: &'a Layout,
    epsilon: f32,
    taken: BTreeSet<String>,
    missing: Vec<String>,
    misshapen: Vec<String>,
}

impl<'a> Tensors<'a> {
    pub(super) fn new(checkpoint: &'a Checkpoint, layout: &'a Layout, epsilon: f32) -> Self {
        Self {
            checkpoint,
            layout,
            epsilon,
            taken: BTreeSet::new(),
            missing: Vec::new(),
            misshapen: Vec::new(),
        }
    }

    /// The values of a tensor under the first of its names that is there; of one that is missing or of another shape, which is kept
    /// account of, zeros.
    fn take(&mut self, names: &[String], shape: &[usize]) -> Result<Vec<f32>, DetectorError> {
        let zeros = || vec![0.0; shape.iter().product()];
        let full = |name: &String| format!("{}{name}", self.layout.prefix);
        let there = names.iter().map(full);
        let Some((name, found)) = there
            .filter_map(|name| Some((name.clone(), self.checkpoint.shape(&name)?)))
            .next()
        else {
            self.missing.push(full(&names[0]));
            return Ok(zeros());
        };
        self.taken.insert(name.clone());
        if found != shape {
            self.misshapen
                .push(format!("{name} (expected {shape:?}, found {found:?})"));
            return Ok(zeros());
        }
        let values = self.checkpoint.read(&name)?.values;
        match values.iter().all(|v| v.is_finite()) {
            true => Ok(values),
            false => Err(self.refused(format!("finite numbers in {name}"), "others".into())),
        }
    }

    fn refused(&self, expected: String, found: String) -> DetectorError {
        DetectorError::Network {
            path: self.checkpoint.path().to_owned(),
            expected,
            found,
        }
    }

    /// Says what was missing, of another shape or not asked for.
    pub(super) fn settle(self) -> Result<(), DetectorError> {
        let own = |name: &&str| name.starts_with(&self.layout.prefix);
        let known = |name: &str| PASSED_OVER.iter().any(|part| name.contains(part));
        let unexpected = self.checkpoint.names().filter(own);
        let unexpected: Vec<String> = unexpected
            .filter(|name| !self.taken.contains(*name) && !known(name))
            .map(str::to_owned)
            .collect();
        if self.missing.is_empty() && self.misshapen.is_empty() && unexpected.is_empty() {
            return Ok(());
        }
        Err(DetectorError::Tensors {
            path: self.checkpoint.path().to_owned(),
            missing: self.missing,
            unexpected,
            misshapen: self.misshapen,
        })
    }

    /// Holds a tensor that files may have to what this program computes with.
    pub(super) fn expect(
        &self,
        name: &str,
        expected: &[f32],
        tolerance: f32,
    ) -> Result<(), DetectorError> {
        let name = format!("{}{name}", self.layout.prefix);
        if self.checkpoint.shape(&name).is_none() {
            return Ok(());
        }
        let found = self.checkpoint.read(&name)?.values;
        let near = |(a, b): (&f32, &f32)| (a - b).abs() <= tolerance;
        match found.len() == expected.len() && found.iter().zip(expected).all(near) {
            true => Ok(()),
            false => Err(self.refused(
                format!("{name} to be {expected:?}, which this program computes with"),
                format!("{found:?}"),
            )),
        }
    }

    /// Weights and biases under each of several spellings of a layer's name.
    pub(super) fn affine(
        &mut self,
        names: &[&str],
        shape: &[usize],
        outputs: usize,
    ) -> Result<[Vec<f32>; 2], DetectorError> {
        let spelled = |end: &str| -> Vec<String> {
            let each = names.iter().map(|name| format!("{name}.{end}"));
            each.collect()
        };
        let weight = self.take(&spelled("weight"), shape)?;
        Ok([weight, self.take(&spelled("bias"), &[outputs])?])
    }

    /// A square convolution with a bias that keeps the size.
    pub(super) fn convolution(
        &mut self,
        names: &[&str],
        channels: [usize; 2],
        side: usize,
    ) -> Result<Arc<Layer>, DetectorError> {
        let [inputs, outputs] = channels;
        let [weight, bias] = self.affine(names, &[outputs, inputs, side, side], outputs)?;
        let shape = square(side, 1);
        let layer = Layer::new(channels, shape, &weight, Some(&bias), 1.0);
        Ok(Arc::new(layer))
    }

    /// A square convolution without a bias and the frozen norm after it: `x s + (b - mean s)` with `s = w / sqrt(var + eps)`.
    pub(super) fn normed(
        &mut self,
        [name, norm]: [&str; 2],
        channels: [usize; 2],
        [side, stride]: [usize; 2],
    ) -> Result<Arc<Layer>, DetectorError> {
        let [inputs, outputs] = channels;
        let taps = inputs * side * side;
        let mut weight = self.take(&[format!("{name}.weight")], &[outputs, inputs, side, side])?;
        let mut parts = [const { Vec::new() }; 4];
        for (part, end) in parts
            .iter_mut()
            .zip(["weight", "bias", "running_mean", "running_var"])
        {
            *part = self.take(&[format!("{norm}.{end}")], &[outputs])?;
        }
        let [scale, mut bias, mean, variance] = parts;
        for (output, own) in weight.chunks_exact_mut(taps).enumerate() {
            let spread = (variance[output] + self.epsilon).sqrt();
            // a tensor that is missing is told of in the end
            let found = self.missing.is_empty() && self.misshapen.is_empty();
            if found && (spread.is_nan() || spread == 0.0) {
                let (prefix, epsilon) = (&self.layout.prefix, self.epsilon);
                return Err(self.refused(
                    format!("numbers above 0 with {epsilon} added in {prefix}{norm}.running_var"),
                    format!("{} at {output}", variance[output]),
                ));
            }
            let scale = scale[output] / spread;
            own.iter_mut().for_each(|w| *w *= scale);
            bias[output] -= mean[output] * scale;
        }
        let shape = square(side, stride);
        let layer = Layer::new(channels, shape, &weight, Some(&bias), 1.0);
        Ok(Arc::new(layer))
    }

    /// A linear layer over rows, and its bias. With `places` its inputs are planes of so many values one after another in the file and
    /// pixels here.
    pub(super) fn linear(
        &mut self,
        names: &[&str],
        [inputs, outputs]: [usize; 2],
        places: usize,
    ) -> Result<(Rows, Vec<f32>), DetectorError> {
        let [weight, bias] = self.affine(names, &[outputs, inputs], outputs)?;
        let channels = inputs / places;
        let turned = weight.chunks_exact(inputs).flat_map(|row| {
            let pixel = move |place| (0..channels).map(move |c| row[c * places + place]);
            (0..places).flat_map(pixel)
        });
        let weight: Vec<f32> = turned.collect();
        Ok((Rows::new([inputs, outputs], &weight), bias))
    }

    /// Whether the file is torchvision's.
    pub(super) fn is_torchvision(&self) -> bool {
        self.layout.dialect == Dialect::Torchvision
    }
}

/// A square kernel with as many zeros around that a stride of 1 keeps the size.
pub(super) fn square(side: usize, stride: usize) -> Shape {
    Shape {
        kernel: [side; 2],
        stride: [stride; 2],
        padding: [side / 2; 2],
        after: [side / 2; 2],
    }
}
