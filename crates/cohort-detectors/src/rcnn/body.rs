//! The ResNet-50 below the heads.

use std::sync::Arc;

use cohort_kernels::frozen::{Layer, Plan, Slot, Windows};

use super::tensors::Tensors;
use crate::DetectorError;

/// Blocks of each stage.
const BLOCKS: [usize; 4] = [3, 4, 6, 3];
/// Channels of the first stage within its blocks; each stage has twice as many, and four times as many come out.
const WIDTH: usize = 64;
/// The stem's pooling.
const POOL: Windows = Windows {
    side: 3,
    padding: 1,
    over: false,
};

/// Channels that a stage gives, from 0.
pub(super) fn channels(stage: usize) -> usize {
    (WIDTH << stage) * 4
}

#[derive(Debug)]
struct Block {
    layers: [Arc<Layer>; 3],
    shortcut: Option<Arc<Layer>>,
}

/// A stage: blocks of which the first may halve the size.
#[derive(Debug)]
pub(super) struct Stage(Vec<Block>);

/// The stem and some stages.
#[derive(Debug)]
pub(super) struct Body {
    stem: Arc<Layer>,
    stages: Vec<Stage>,
}

impl Body {
    /// The first `count` stages below `root`, the stem's and stages' place in the file.
    pub(super) fn load(
        tensors: &mut Tensors,
        root: &str,
        count: usize,
    ) -> Result<Self, DetectorError> {
        let [stem, norm] = match tensors.is_torchvision() {
            true => [format!("{root}.conv1"), format!("{root}.bn1")],
            false => [
                format!("{root}.stem.conv1"),
                format!("{root}.stem.conv1.norm"),
            ],
        };
        let stem = tensors.normed([&stem, &norm], [3, WIDTH], [7, 2])?;
        let stages = (0..count).map(|stage| Stage::load(tensors, root, stage));
        let stages = stages.collect::<Result<_, _>>()?;
        Ok(Self { stem, stages })
    }

    /// Adds the steps to a plan; what the stem and each stage give.
    pub(super) fn steps(&self, plan: &mut Plan, picture: Slot) -> Option<(Slot, Vec<Slot>)> {
        let first = plan.convolve(self.stem.clone(), picture, true)?;
        let stem = plan.halve_by_maximum(first, None, POOL)?;
        plan.release(first);
        let mut given = Vec::with_capacity(self.stages.len());
        for stage in &self.stages {
            let from = given.last().copied().unwrap_or(stem);
            given.push(stage.steps(plan, from)?);
        }
        Some((stem, given))
    }
}

impl Stage {
    pub(super) fn load(
        tensors: &mut Tensors,
        root: &str,
        stage: usize,
    ) -> Result<Self, DetectorError> {
        let torchvision = tensors.is_torchvision();
        let width = WIDTH << stage;
        let blocks = (0..BLOCKS[stage]).map(|block| {
            let name = match torchvision {
                true => format!("{root}.layer{}.{block}", stage + 1),
                false => format!("{root}.res{}.{block}", stage + 2),
            };
            let inputs = match (block, stage) {
                (0, 0) => WIDTH,
                (0, _) => channels(stage - 1),
                _ => channels(stage),
            };
            let stride = if block == 0 && stage > 0 { 2 } else { 1 };
            // detectron2's published weights, of MSRA's origin, have the stride in the first convolution
            let strides = match torchvision {
                true => [1, stride, 1],
                false => [stride, 1, 1],
            };
            let mut layer = |i: usize, channels: [usize; 2], side: usize| {
                let own = format!("{name}.conv{}", i + 1);
                let norm = match torchvision {
                    true => format!("{name}.bn{}", i + 1),
                    false => format!("{own}.norm"),
                };
                tensors.normed([&own, &norm], channels, [side, strides[i]])
            };
            let layers = [
                layer(0, [inputs, width], 1)?,
                layer(1, [width, width], 3)?,
                layer(2, [width, channels(stage)], 1)?,
            ];
            let [own, norm] = match torchvision {
                true => ["downsample.0", "downsample.1"],
                false => ["shortcut", "shortcut.norm"],
            }
            .map(|end| format!("{name}.{end}"));
            let shortcut = match block {
                0 => Some(tensors.normed([&own, &norm], [inputs, channels(stage)], [1, stride])?),
                _ => None,
            };
            Ok(Block { layers, shortcut })
        });
        Ok(Self(blocks.collect::<Result<_, DetectorError>>()?))
    }

    /// Adds the steps to a plan. What comes in stays as it is.
    pub(super) fn steps(&self, plan: &mut Plan, from: Slot) -> Option<Slot> {
        let mut x = from;
        for block in &self.0 {
            let [first, second, third] = &block.layers;
            let narrow = plan.convolve(first.clone(), x, true)?;
            let middle = plan.convolve(second.clone(), narrow, true)?;
            plan.release(narrow);
            // the sum is written over what it adds
            let sum = match &block.shortcut {
                Some(shortcut) => plan.convolve(shortcut.clone(), x, false)?,
                None => x,
            };
            plan.convolve_into(third.clone(), middle, sum, Some(sum), true)?;
            plan.release(middle);
            x = sum;
        }
        Some(x)
    }
}
