//! The network, put together.

use std::path::Path;

use cohort_kernels::frozen::{Plan, Sizes};
use cohort_vision::Picture;
use cohort_weights::Checkpoint;

use super::body::{self, Body};
use super::box_head::{BoxHead, Regions};
use super::detect::{paste, restore, select};
use super::features::Features;
use super::layout::{Dialect, Layout, Trunk};
use super::mask_head::{MaskHead, SIDE};
use super::prepare::{BGR_MEAN, Prepared, prepare};
use super::proposals::{Proposals, cells, logistic, propose};
use super::pyramid::{CHANNELS, ProposalHead, Pyramid};
use super::settings::RcnnSettings;
use super::tensors::Tensors;
use crate::parts::Corners;
use crate::{Detected, DetectorError, Map};

/// Plans that are kept at a time; each keeps what it works in.
const PLANS: usize = 2;

/// A Faster or Mask R-CNN for evaluation. Weights are packed once; pictures may have any size.
#[derive(Debug)]
pub struct Rcnn {
    layout: Layout,
    settings: RcnnSettings,
    body: Body,
    pyramid: Option<Pyramid>,
    proposal_head: ProposalHead,
    box_head: BoxHead,
    mask_head: Option<MaskHead>,
    plans: Sizes,
}

impl Rcnn {
    /// Opens a file (`.pth`, `.pkl`, safetensors) with the settings that its library evaluates it with.
    ///
    /// # Errors
    /// As [`Self::load`], and where the file cannot be read.
    pub fn open(path: &Path) -> Result<Self, DetectorError> {
        let checkpoint = Checkpoint::open(path)?;
        let layout = Layout::of(&checkpoint)?;
        let settings = RcnnSettings::published(&layout);
        Self::load(&checkpoint, layout, settings)
    }

    /// Makes the network of a file's tensors. Each is read, packed and given back in turn. What files hold beside them is passed over:
    /// counts of batches, and detectron2's own means and anchors, which must be the ones that are computed with.
    ///
    /// # Errors
    /// [`DetectorError::Tensors`] with the names of all tensors that are missing, of another shape or unexpected;
    /// [`DetectorError::Network`] for numbers that are not finite, variances that are not above 0, and means or anchors of others; [`DetectorError::Setting`] for a setting out of its range.
    pub fn load(
        checkpoint: &Checkpoint,
        layout: Layout,
        settings: RcnnSettings,
    ) -> Result<Self, DetectorError> {
        settings.check()?;
        let mut tensors = Tensors::new(checkpoint, &layout, settings.norm_epsilon);
        let pyramidal = layout.trunk == Trunk::Pyramid;
        let cells = cells(&layout);
        if layout.dialect == Dialect::Detectron2 {
            tensors.expect("pixel_mean", &BGR_MEAN, 1e-3)?;
            tensors.expect("pixel_std", &[1.0; 3], 1e-6)?;
            for (level, cell) in cells.iter().enumerate() {
                let name = format!("proposal_generator.anchor_generator.cell_anchors.{level}");
                tensors.expect(&name, cell.as_flattened(), 1e-3)?;
            }
        }
        let (root, stages) = match (layout.dialect, layout.trunk) {
            (Dialect::Torchvision, _) => ("backbone.body", 4),
            (_, Trunk::Pyramid) => ("backbone.bottom_up", 4),
            (_, Trunk::FourthStage) => ("backbone", 3),
        };
        let body = Body::load(&mut tensors, root, stages)?;
        let pyramid = match pyramidal {
            true => Some(Pyramid::load(&mut tensors)?),
            false => None,
        };
        let channels = match pyramidal {
            true => CHANNELS,
            false => body::channels(2),
        };
        let proposal_head = ProposalHead::load(&mut tensors, channels, cells[0].len())?;
        let box_head = BoxHead::load(&mut tensors, pyramidal)?;
        let mask_head = match layout.masks {
            true => Some(MaskHead::load(&mut tensors)?),
            false => None,
        };
        tensors.settle()?;
        Ok(Self {
            layout,
            settings,
            body,
            pyramid,
            proposal_head,
            box_head,
            mask_head,
            plans: Sizes::new(PLANS),
        })
    }

    /// What the file holds.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What it is run with.
    pub fn settings(&self) -> &RcnnSettings {
        &self.settings
    }

    /// The picture as the network takes it.
    ///
    /// # Errors
    /// [`DetectorError::Vision`] where it cannot be brought to its size.
    pub fn prepare(&self, picture: &Picture) -> Result<Prepared, DetectorError> {
        prepare(picture, &self.layout, &self.settings)
    }

    /// The first stage.
    ///
    /// # Errors
    /// [`DetectorError::Size`] where the network cannot be laid out for the size.
    pub fn features(&self, prepared: &Prepared) -> Result<Features, DetectorError> {
        let size = prepared.padded;
        let plan = self.plans.get(size, || self.plan(size));
        let plan = plan.ok_or(DetectorError::Size(size))?;
        let maps = plan.run_all(&prepared.planes).into_iter();
        let mut maps = maps
            .zip(plan.sizes())
            .map(|(values, size)| Map { values, size });
        let count = plan.sizes().len() / 2;
        Ok(Features {
            levels: maps.by_ref().take(count).collect(),
            proposals: maps.collect(),
        })
    }

    /// The levels, then what the proposing head says of each.
    fn plan(&self, size: [usize; 2]) -> Option<Plan> {
        let (mut plan, picture) = Plan::new(3, size);
        let (_, stages) = self.body.steps(&mut plan, picture)?;
        let mut outputs = match &self.pyramid {
            Some(pyramid) => pyramid.steps(&mut plan, &stages)?,
            None => vec![*stages.last()?],
        };
        for level in outputs.clone() {
            outputs.push(self.proposal_head.steps(&mut plan, level)?);
        }
        Some(plan.finish_all(outputs))
    }

    /// Which boxes may hold an object.
    pub fn proposals(&self, features: &Features, prepared: &Prepared) -> Proposals {
        propose(&features.proposals, prepared, &self.layout, &self.settings)
    }

    /// What the second stage says of boxes, in pixels of the resized picture.
    ///
    /// # Errors
    /// [`DetectorError::Region`] for a box that is not finite or far too large.
    pub fn regions(
        &self,
        features: &Features,
        boxes: &[Corners],
    ) -> Result<Regions, DetectorError> {
        let torchvision = self.layout.dialect == Dialect::Torchvision;
        self.box_head.run(&features.levels, boxes, torchvision)
    }

    /// Logits `[box, 28, 28]` of the masks of boxes, in pixels of the resized picture, each of a class as the file counts (torchvision's
    /// background is 0); none where the network has no masks.
    ///
    /// # Errors
    /// As [`Self::regions`].
    ///
    /// # Panics
    /// When there are not as many classes as boxes, or a class is none of the network's.
    pub fn masks(
        &self,
        features: &Features,
        boxes: &[Corners],
        classes: &[usize],
    ) -> Result<Option<Vec<f32>>, DetectorError> {
        let torchvision = self.layout.dialect == Dialect::Torchvision;
        let head = self.mask_head.as_ref();
        head.map(|head| head.run(&features.levels, boxes, classes, torchvision))
            .transpose()
    }

    /// What is in a picture, by falling score.
    ///
    /// # Errors
    /// As the stages; [`DetectorError::Mask`] for a picture too large for run lengths.
    pub fn detect(&self, picture: &Picture) -> Result<Vec<Detected>, DetectorError> {
        let prepared = self.prepare(picture)?;
        let features = self.features(&prepared)?;
        let boxes = self.proposals(&features, &prepared).boxes;
        let regions = self.regions(&features, &boxes)?;
        let (layout, settings) = (&self.layout, &self.settings);
        let selected = select(&regions, &boxes, prepared.resized, layout, settings);
        let corners: Vec<Corners> = selected.iter().map(|s| s.corners).collect();
        let classes: Vec<usize> = selected.iter().map(|s| s.class).collect();
        let masks = self.masks(&features, &corners, &classes)?;
        let mut found = Vec::with_capacity(selected.len());
        for (i, of) in selected.iter().enumerate() {
            let Some(corners) = restore(of.corners, &prepared, layout.dialect) else {
                continue;
            };
            let mask = masks.as_ref().map(|logits| {
                let own = &logits[i * SIDE * SIDE..][..SIDE * SIDE];
                let probabilities: Vec<f32> = own.iter().map(|v| logistic(*v)).collect();
                paste(&probabilities, corners, prepared.original, layout.dialect)
            });
            found.push(Detected {
                corners,
                class: of.class - layout.first_class(),
                score: of.score,
                mask: mask.transpose()?,
            });
        }
        Ok(found)
    }
}
