//! The mask of what is in a box.

use std::sync::Arc;

use cohort_kernels::frozen::{Layer, Plan, Sizes};
use rayon::prelude::*;

use super::box_head::{planes, pool};
use super::pyramid::CHANNELS;
use super::tensors::{Tensors, square};
use crate::parts::Corners;
use crate::{DetectorError, Map};

/// Bins along a side of a region.
const BINS: usize = 14;
/// Values along a side of a mask.
pub(super) const SIDE: usize = 2 * BINS;
/// Boxes that are computed at a time.
const AT_A_TIME: usize = 16;
/// Boxes that go through a layer before the next: what it hands on stays cached.
const TOGETHER: usize = 4;

/// Four convolutions, a transposed one that doubles the size, and a last one of which the wanted class alone is computed.
#[derive(Debug)]
pub(super) struct MaskHead {
    layers: Vec<Arc<Layer>>,
    /// The transposed convolution as one over single pixels to four: `[row and column of the pixel, channel]`.
    doubling: Arc<Layer>,
    /// `[class, channel]`.
    weight: Vec<f32>,
    bias: Vec<f32>,
    plans: Sizes,
}

impl MaskHead {
    pub(super) fn load(tensors: &mut Tensors) -> Result<Self, DetectorError> {
        let torchvision = tensors.is_torchvision();
        let mut layers = Vec::new();
        for i in 0..4 {
            let old = format!("roi_heads.mask_head.mask_fcn{}", i + 1);
            let new = format!("roi_heads.mask_head.{i}.0");
            // detectron2 and torchvision's first files call them the same
            let names = match torchvision {
                true => vec![new.as_str(), &old],
                false => vec![old.as_str()],
            };
            layers.push(tensors.convolution(&names, [CHANNELS; 2], 3)?);
        }
        let [doubling, last] = match torchvision {
            true => ["conv5_mask", "mask_fcn_logits"]
                .map(|name| format!("roi_heads.mask_predictor.{name}")),
            false => ["deconv", "predictor"].map(|name| format!("roi_heads.mask_head.{name}")),
        };
        // [input, output, row, column]
        let shape = [CHANNELS, CHANNELS, 2, 2];
        let [weight, bias] = tensors.affine(&[&doubling], &shape, CHANNELS)?;
        let mut turned = vec![0.0; weight.len()];
        for (output, own) in turned.chunks_exact_mut(CHANNELS).enumerate() {
            let (pixel, output) = (output / CHANNELS, output % CHANNELS);
            for (input, to) in own.iter_mut().enumerate() {
                *to = weight[(input * CHANNELS + output) * 4 + pixel];
            }
        }
        let channels = [CHANNELS, 4 * CHANNELS];
        let doubling = Layer::new(channels, square(1, 1), &turned, Some(&bias.repeat(4)), 1.0);
        let classes = match torchvision {
            true => tensors.layout.classes + 1,
            false => tensors.layout.classes,
        };
        let [weight, bias] = tensors.affine(&[&last], &[classes, CHANNELS, 1, 1], classes)?;
        Ok(Self {
            layers,
            doubling: Arc::new(doubling),
            weight,
            bias,
            plans: Sizes::new(1),
        })
    }

    /// Logits `[box, row, column]` of each box's class, a row of the last layer.
    ///
    /// # Panics
    /// When there are not as many classes as boxes, or a class is none of the network's.
    pub(super) fn run(
        &self,
        levels: &[Map],
        boxes: &[Corners],
        classes: &[usize],
        torchvision: bool,
    ) -> Result<Vec<f32>, DetectorError> {
        assert_eq!(boxes.len(), classes.len(), "a class for each box");
        let size = [BINS; 2];
        let plan = self.plans.get(size, || {
            let (mut plan, mut x) = Plan::new(CHANNELS, size);
            plan.stage(TOGETHER);
            for layer in &self.layers {
                let next = plan.convolve(layer.clone(), x, true)?;
                plan.release(x);
                x = next;
            }
            let doubled = plan.convolve(self.doubling.clone(), x, true)?;
            Some(plan.finish(doubled))
        });
        let plan = plan.ok_or(DetectorError::Size(size))?;
        let mut logits = vec![0.0; boxes.len() * SIDE * SIDE];
        let some = boxes.chunks(AT_A_TIME).zip(classes.chunks(AT_A_TIME));
        let outs = logits.chunks_mut(AT_A_TIME * SIDE * SIDE);
        for ((boxes, classes), out) in some.zip(outs) {
            let pooled = pool(levels, boxes, BINS, torchvision)?;
            let doubled = plan.run(&planes(&pooled, BINS * BINS, CHANNELS));
            let each = out.par_chunks_exact_mut(SIDE * SIDE).enumerate();
            each.for_each(|(i, out)| {
                let own = &doubled[i * BINS * BINS * 4 * CHANNELS..];
                let weight = &self.weight[classes[i] * CHANNELS..][..CHANNELS];
                for (place, out) in out.iter_mut().enumerate() {
                    let (y, x) = (place / SIDE, place % SIDE);
                    let pixel = y % 2 * 2 + x % 2;
                    let at = ((y / 2 * BINS + x / 2) * 4 + pixel) * CHANNELS;
                    let products = own[at..at + CHANNELS].iter().zip(weight);
                    let sum: f32 = products.map(|(a, b)| a * b).sum();
                    *out = sum + self.bias[classes[i]];
                }
            });
        }
        Ok(logits)
    }
}
