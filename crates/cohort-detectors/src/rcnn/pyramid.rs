//! The feature pyramid (Lin et al. 2017), and the head that proposes.

use std::sync::Arc;

use cohort_kernels::frozen::{Layer, Plan, Slot, Windows};

use super::body;
use super::tensors::{Tensors, square};
use crate::DetectorError;

/// Channels of every level.
pub(super) const CHANNELS: usize = 256;
/// Every second value.
const SECOND: Windows = Windows {
    side: 1,
    padding: 0,
    over: false,
};

/// Levels 2 to 5 made of the stages, and a sixth of every second value of the fifth.
#[derive(Debug)]
pub(super) struct Pyramid {
    inner: Vec<Arc<Layer>>,
    outer: Vec<Arc<Layer>>,
}

impl Pyramid {
    pub(super) fn load(tensors: &mut Tensors) -> Result<Self, DetectorError> {
        let (mut inner, mut outer) = (Vec::new(), Vec::new());
        for stage in 0..4 {
            let names = match tensors.is_torchvision() {
                true => ["inner_blocks", "layer_blocks"].map(|kind| {
                    let old = format!("backbone.fpn.{kind}.{stage}");
                    vec![format!("{old}.0"), old]
                }),
                false => ["lateral", "output"]
                    .map(|kind| vec![format!("backbone.fpn_{kind}{}", stage + 2)]),
            };
            let [first, second] = names
                .each_ref()
                .map(|names| names.iter().map(String::as_str).collect::<Vec<&str>>());
            let channels = [body::channels(stage), CHANNELS];
            inner.push(tensors.convolution(&first, channels, 1)?);
            outer.push(tensors.convolution(&second, [CHANNELS; 2], 3)?);
        }
        Ok(Self { inner, outer })
    }

    /// Adds the steps to a plan; the five levels, finest first. The stages' values are no longer wanted then.
    pub(super) fn steps(&self, plan: &mut Plan, stages: &[Slot]) -> Option<Vec<Slot>> {
        let mut levels = Vec::with_capacity(stages.len() + 1);
        let mut above: Option<Slot> = None;
        for ((stage, inner), outer) in stages.iter().zip(&self.inner).zip(&self.outer).rev() {
            let sum = plan.convolve(inner.clone(), *stage, false)?;
            plan.release(*stage);
            if let Some(above) = above {
                plan.nearest(above, sum, true)?;
                plan.release(above);
            }
            levels.push(plan.convolve(outer.clone(), sum, false)?);
            above = Some(sum);
        }
        above.into_iter().for_each(|sum| plan.release(sum));
        levels.reverse();
        let last = *levels.last()?;
        levels.push(plan.halve_by_maximum(last, None, SECOND)?);
        Some(levels)
    }
}

/// What says of every anchor whether there is an object, and where: one head for all levels.
#[derive(Debug)]
pub(super) struct ProposalHead {
    first: Arc<Layer>,
    /// For each anchor of a place whether there is an object, then four deltas for each.
    second: Arc<Layer>,
}

impl ProposalHead {
    /// Of so many channels, for so many anchors of a place.
    pub(super) fn load(
        tensors: &mut Tensors,
        channels: usize,
        anchors: usize,
    ) -> Result<Self, DetectorError> {
        let [first, scores, deltas]: [&[&str]; 3] = match tensors.is_torchvision() {
            true => [
                &["rpn.head.conv.0.0", "rpn.head.conv"],
                &["rpn.head.cls_logits"],
                &["rpn.head.bbox_pred"],
            ],
            false => [
                &["proposal_generator.rpn_head.conv"],
                &["proposal_generator.rpn_head.objectness_logits"],
                &["proposal_generator.rpn_head.anchor_deltas"],
            ],
        };
        let first = tensors.convolution(first, [channels; 2], 3)?;
        let mut both = [const { Vec::new() }; 2];
        for (names, count) in [(scores, anchors), (deltas, 4 * anchors)] {
            let own = tensors.affine(names, &[count, channels, 1, 1], count)?;
            both.iter_mut()
                .zip(own)
                .for_each(|(all, own)| all.extend(own));
        }
        let [weight, bias] = both;
        let outputs = 5 * anchors;
        let layer = Layer::new([channels, outputs], square(1, 1), &weight, Some(&bias), 1.0);
        Ok(Self {
            first,
            second: Arc::new(layer),
        })
    }

    /// Adds the steps to a plan; scores and deltas of a level.
    pub(super) fn steps(&self, plan: &mut Plan, level: Slot) -> Option<Slot> {
        let hidden = plan.convolve(self.first.clone(), level, true)?;
        let said = plan.convolve(self.second.clone(), hidden, false)?;
        plan.release(hidden);
        Some(said)
    }
}
