//! Whose network a file holds, by the names of its tensors.

use cohort_weights::Checkpoint;

use crate::{COCO, DetectorError};

/// Whose names and rules they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// torchvision's: RGB in [0, 1], the stride in the 3 x 3 convolution, background is class 0.
    Torchvision,
    /// detectron2's: BGR in bytes, the stride in the first 1 x 1 convolution, background comes last.
    Detectron2,
}

/// What the heads look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trunk {
    /// A feature pyramid of five levels.
    Pyramid,
    /// The fourth stage alone (stride 16); the fifth is the head. detectron2's "C4".
    FourthStage,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Whose it is.
    pub dialect: Dialect,
    /// What the heads look at.
    pub trunk: Trunk,
    /// Whether there is a mask head.
    pub masks: bool,
    /// Classes without the background. torchvision's files for COCO have 90: its category numbers, gaps included.
    pub classes: usize,
    /// What stands before every name: nothing, or `model.` and the like.
    pub prefix: String,
}

/// The tensor that every one of these networks has.
const SCORES: &str = "roi_heads.box_predictor.cls_score.weight";

impl Layout {
    /// Reads the names of a file. A prefix of all names is taken, as in `{"model": ...}`; what does not begin with it (an optimiser's
    /// state) is passed over.
    ///
    /// # Errors
    /// [`DetectorError`] that says what was found where the names are of no such network.
    pub fn of(checkpoint: &Checkpoint) -> Result<Self, DetectorError> {
        let refused = |expected: String, found: String| DetectorError::Network {
            path: checkpoint.path().to_owned(),
            expected,
            found,
        };
        let Some(scores) = scores(checkpoint) else {
            return Err(refused(Self::expected(), others(checkpoint)));
        };
        let prefix = scores[..scores.len() - SCORES.len()].to_owned();
        let has = |name: &str| checkpoint.shape(&format!("{prefix}{name}")).is_some();
        let (dialect, trunk) = if has("backbone.body.conv1.weight") {
            (Dialect::Torchvision, Trunk::Pyramid)
        } else if has("backbone.bottom_up.stem.conv1.weight") {
            (Dialect::Detectron2, Trunk::Pyramid)
        } else if has("backbone.stem.conv1.weight") {
            (Dialect::Detectron2, Trunk::FourthStage)
        } else {
            let expected = format!(
                "a ResNet of torchvision ({prefix}backbone.body.conv1.weight) or of detectron2 \
                 ({prefix}backbone.bottom_up.stem.conv1.weight, {prefix}backbone.stem.conv1.weight)"
            );
            return Err(refused(expected, "neither".into()));
        };
        let rows = match checkpoint.shape(scores) {
            Some([rows, _]) if *rows >= 2 => *rows,
            other => {
                let expected = format!("{scores} as a matrix of two classes or more");
                return Err(refused(expected, format!("shape {other:?}")));
            }
        };
        let head = match dialect {
            Dialect::Torchvision => "roi_heads.mask_predictor.mask_fcn_logits.weight",
            Dialect::Detectron2 => "roi_heads.mask_head.predictor.weight",
        };
        let masks = has(head);
        if masks && trunk == Trunk::FourthStage {
            return Err(refused(
                "no mask head beside a fourth stage".into(),
                format!("{prefix}{head}: Mask R-CNN C4 is not known"),
            ));
        }
        Ok(Self {
            dialect,
            trunk,
            masks,
            classes: rows - 1,
            prefix,
        })
    }
}

impl Layout {
    /// Whether a file is told to be of one of these networks.
    pub fn is_in(checkpoint: &Checkpoint) -> bool {
        scores(checkpoint).is_some()
    }

    /// What a file is told by.
    pub(crate) fn expected() -> String {
        format!("an R-CNN of torchvision or detectron2, which has a tensor {SCORES}")
    }

    /// The number of the first class that is no background.
    pub(super) fn first_class(&self) -> usize {
        match self.dialect {
            Dialect::Torchvision => 1,
            Dialect::Detectron2 => 0,
        }
    }

    /// COCO's category (id and name) of a class, as [`Detected::class`](crate::Detected::class) counts, where the file has as many
    /// classes as published ones: 90 of torchvision's, which are the ids, gaps included, or 80 of detectron2's.
    pub fn category(&self, class: usize) -> Option<(u32, &'static str)> {
        match (self.dialect, self.classes) {
            (Dialect::Torchvision, 90) => {
                let mut known = COCO.into_iter();
                known.find(|(id, _)| usize::try_from(*id) == Ok(class + 1))
            }
            (Dialect::Detectron2, 80) => COCO.get(class).copied(),
            _ => None,
        }
    }
}

/// The name of the tensor that every one of these networks has, as a file has it.
fn scores(checkpoint: &Checkpoint) -> Option<&str> {
    checkpoint.names().find(|name| {
        let before = name.strip_suffix(SCORES);
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    })
}

/// What a file is instead.
pub(crate) fn others(checkpoint: &Checkpoint) -> String {
    if checkpoint.names().any(|name| name.starts_with("blobs.")) {
        return "blobs of Caffe2: detectron2 has the same networks under its own names".into();
    }
    let some: Vec<&str> = checkpoint.names().take(4).collect();
    let count = checkpoint.names().count();
    format!("{count} others: {some:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_published_files_are_categories_of_coco() {
        let of = |dialect, classes| Layout {
            dialect,
            trunk: Trunk::Pyramid,
            masks: false,
            classes,
            prefix: String::new(),
        };
        let torchvision = of(Dialect::Torchvision, 90);
        assert_eq!(torchvision.category(0), Some((1, "person")));
        assert_eq!(torchvision.category(89), Some((90, "toothbrush")));
        // an id that COCO left out, and beyond
        for class in [11, 90] {
            assert_eq!(torchvision.category(class), None);
        }
        let detectron2 = of(Dialect::Detectron2, 80);
        assert_eq!(detectron2.category(0), Some((1, "person")));
        assert_eq!(detectron2.category(79), Some((90, "toothbrush")));
        assert_eq!(detectron2.category(80), None);
        assert_eq!(of(Dialect::Torchvision, 3).category(0), None);
    }
}
