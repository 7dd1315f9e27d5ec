//! The second stage: what is in a box, and where exactly.

use cohort_kernels::dense::{add_bias, relu};
use cohort_kernels::frozen::{Plan, Rows, Sizes};

use super::body::{self, Stage};
use super::proposals::FOURTH_STRIDE;
use super::pyramid::CHANNELS;
use super::tensors::Tensors;
use crate::parts::{Corners, LevelMap, RegionError, RoiAlign};
use crate::{DetectorError, Map};

/// Bins along a side of a region of a pyramid, and of a fourth stage, which the fifth halves.
const BINS: usize = 7;
const FOURTH_BINS: usize = 14;
/// Values between the linear layers.
const HIDDEN: usize = 1024;
/// Regions of a fourth stage that go through the fifth at a time.
const AT_A_TIME: usize = 16;
/// Regions that go through a layer before the next: what it hands on stays cached.
const TOGETHER: usize = 4;

/// What the second stage says of boxes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Regions {
    /// Values before the last layers `[box, value]`: 1024 of a pyramid, 2048 of a fourth stage.
    pub hidden: Vec<f32>,
    /// Logits `[box, class]`, of the background too: the first in torchvision's networks, the last in detectron2's.
    pub logits: Vec<f32>,
    /// Deltas `[box, class, 4]`, of torchvision's background too.
    pub deltas: Vec<f32>,
}

#[derive(Debug)]
enum Below {
    Linear(Box<[(Rows, Vec<f32>); 2]>),
    Fifth { stage: Stage, plans: Sizes },
}

/// The head of boxes.
#[derive(Debug)]
pub(super) struct BoxHead {
    below: Below,
    logits: (Rows, Vec<f32>),
    deltas: (Rows, Vec<f32>),
}

impl BoxHead {
    /// Of a pyramid with two linear layers, else of a fourth stage.
    pub(super) fn load(tensors: &mut Tensors, pyramid: bool) -> Result<Self, DetectorError> {
        let torchvision = tensors.is_torchvision();
        let classes = tensors.layout.classes;
        let (below, hidden) = match pyramid {
            true => {
                let names = match torchvision {
                    true => ["roi_heads.box_head.fc6", "roi_heads.box_head.fc7"],
                    false => ["roi_heads.box_head.fc1", "roi_heads.box_head.fc2"],
                };
                let places = BINS * BINS;
                let first = tensors.linear(&[names[0]], [CHANNELS * places, HIDDEN], places)?;
                let second = tensors.linear(&[names[1]], [HIDDEN; 2], 1)?;
                (Below::Linear(Box::new([first, second])), HIDDEN)
            }
            false => {
                let stage = Stage::load(tensors, "roi_heads", 3)?;
                let plans = Sizes::new(1);
                (Below::Fifth { stage, plans }, body::channels(3))
            }
        };
        let boxes = if torchvision { classes + 1 } else { classes };
        let mut last = |name: &str, outputs: usize| {
            let name = format!("roi_heads.box_predictor.{name}");
            tensors.linear(&[&name], [hidden, outputs], 1)
        };
        Ok(Self {
            below,
            logits: last("cls_score", classes + 1)?,
            deltas: last("bbox_pred", 4 * boxes)?,
        })
    }

    /// What it says of boxes of the resized picture.
    pub(super) fn run(
        &self,
        levels: &[Map],
        boxes: &[Corners],
        torchvision: bool,
    ) -> Result<Regions, DetectorError> {
        let mut hidden = Vec::new();
        match &self.below {
            Below::Linear(layers) => {
                let [first, second] = layers.as_ref();
                let pooled = pool(levels, boxes, BINS, torchvision)?;
                let mut middle = Vec::new();
                first.0.apply(&pooled, &mut middle);
                relu(&mut middle, &first.1);
                second.0.apply(&middle, &mut hidden);
                relu(&mut hidden, &second.1);
            }
            Below::Fifth { stage, plans } => {
                let Some(map) = levels.first() else {
                    return Ok(Regions::default());
                };
                for some in boxes.chunks(AT_A_TIME) {
                    hidden.extend(fifth(stage, plans, map, some)?);
                }
            }
        }
        let last = |(rows, bias): &(Rows, Vec<f32>)| {
            let mut out = Vec::new();
            rows.apply(&hidden, &mut out);
            add_bias(&mut out, bias);
            out
        };
        let (logits, deltas) = (last(&self.logits), last(&self.deltas));
        Ok(Regions {
            hidden,
            logits,
            deltas,
        })
    }
}

/// The fifth stage over regions of the fourth, and the mean of each channel: `[box, channel]`.
fn fifth(
    stage: &Stage,
    plans: &Sizes,
    map: &Map,
    boxes: &[Corners],
) -> Result<Vec<f32>, DetectorError> {
    let size = [FOURTH_BINS; 2];
    let plan = plans.get(size, || {
        let (mut plan, input) = Plan::new(body::channels(2), size);
        plan.stage(TOGETHER);
        let given = stage.steps(&mut plan, input)?;
        let mean = plan.mean(given);
        Some(plan.finish(mean))
    });
    let plan = plan.ok_or(DetectorError::Size(size))?;
    let align = RoiAlign {
        bins: FOURTH_BINS,
        scale: 1.0 / FOURTH_STRIDE as f32,
        samples: 0,
        aligned: true,
    };
    let pixels = align.pixels(&map.values, map.size, boxes)?;
    let places = FOURTH_BINS * FOURTH_BINS;
    Ok(plan.run(&planes(&pixels, places, body::channels(2))))
}

/// Pictures `[picture, place, channel]` as planes `[picture, channel, place]`.
pub(super) fn planes(pixels: &[f32], places: usize, channels: usize) -> Vec<f32> {
    let mut out = vec![0.0; pixels.len()];
    let pictures = out.chunks_exact_mut(places * channels);
    for (out, pixels) in pictures.zip(pixels.chunks_exact(places * channels)) {
        for (channel, plane) in out.chunks_exact_mut(places).enumerate() {
            let values = pixels.iter().skip(channel).step_by(channels);
            plane
                .iter_mut()
                .zip(values)
                .for_each(|(to, from)| *to = *from);
        }
    }
    out
}

/// Values `[box, bin row, bin column, channel]` of boxes, each from its level of the first four.
pub(super) fn pool(
    levels: &[Map],
    boxes: &[Corners],
    bins: usize,
    torchvision: bool,
) -> Result<Vec<f32>, RegionError> {
    let map = LevelMap {
        first: 2,
        last: 5,
        guard_within: !torchvision,
    };
    let mut rows = [const { Vec::new() }; 4];
    for (row, of) in boxes.iter().enumerate() {
        rows[map.level(*of)].push(row);
    }
    let mut out = vec![0.0; boxes.len() * bins * bins * CHANNELS];
    for (level, (rows, features)) in rows.iter().zip(levels).enumerate() {
        let align = RoiAlign {
            bins,
            scale: 1.0 / (4 << level) as f32,
            samples: if torchvision { 2 } else { 0 },
            aligned: !torchvision,
        };
        align.pixels_into(&features.values, features.size, boxes, rows, &mut out)?;
    }
    Ok(out)
}
