//! Whose network a file holds, by the names of its tensors.

use cohort_weights::Checkpoint;

use super::error::RcnnError;
use crate::COCO;

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
    /// [`RcnnError`] that says what was found where the names are of no such network.
    pub fn of(checkpoint: &Checkpoint) -> Result<Self, RcnnError> {
        let refused = |reason: String| RcnnError::Layout {
            path: checkpoint.path().to_owned(),
            reason,
        };
        let scores = checkpoint.names().find(|name| {
            let before = name.strip_suffix(SCORES);
            before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        });
        let Some(scores) = scores else {
            return Err(refused(unknown(checkpoint)));
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
            return Err(refused(format!(
                "expected a ResNet of torchvision ({prefix}backbone.body.conv1.weight) or of detectron2 \
                 ({prefix}backbone.bottom_up.stem.conv1.weight, {prefix}backbone.stem.conv1.weight), found neither"
            )));
        };
        let rows = match checkpoint.shape(scores) {
            Some([rows, _]) if *rows >= 2 => *rows,
            other => {
                return Err(refused(format!(
                    "{scores}: expected a matrix of two classes or more, found shape {other:?}"
                )));
            }
        };
        let head = match dialect {
            Dialect::Torchvision => "roi_heads.mask_predictor.mask_fcn_logits.weight",
            Dialect::Detectron2 => "roi_heads.mask_head.predictor.weight",
        };
        let masks = has(head);
        if masks && trunk == Trunk::FourthStage {
            return Err(refused(format!(
                "expected no mask head beside a fourth stage, found {prefix}{head}: Mask R-CNN C4 is not known"
            )));
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
    /// COCO's category (id and name) of a class, as [`Found::class`](super::Found::class) counts, where the file has as many classes as
    /// published ones: 90 of torchvision's, whose classes are the ids, gaps included, or 80 of detectron2's.
    pub fn category(&self, class: usize) -> Option<(u32, &'static str)> {
        match (self.dialect, self.classes) {
            (Dialect::Torchvision, 90) => {
                let mut known = COCO.into_iter();
                known.find(|(id, _)| usize::try_from(*id) == Ok(class))
            }
            (Dialect::Detectron2, 80) => COCO.get(class).copied(),
            _ => None,
        }
    }
}

/// What a file is instead.
fn unknown(checkpoint: &Checkpoint) -> String {
    let expected = "expected an R-CNN of torchvision or detectron2";
    if checkpoint.names().any(|name| name.starts_with("blobs.")) {
        return format!(
            "{expected}, found blobs of Caffe2: detectron2 has the same networks under its own names"
        );
    }
    let some: Vec<&str> = checkpoint.names().take(4).collect();
    let count = checkpoint.names().count();
    format!("{expected}, which has a tensor {SCORES}, found {count} others: {some:?}")
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
        assert_eq!(torchvision.category(1), Some((1, "person")));
        assert_eq!(torchvision.category(90), Some((90, "toothbrush")));
        // the background, an id that COCO left out, and beyond
        for class in [0, 12, 91] {
            assert_eq!(torchvision.category(class), None);
        }
        let detectron2 = of(Dialect::Detectron2, 80);
        assert_eq!(detectron2.category(0), Some((1, "person")));
        assert_eq!(detectron2.category(79), Some((90, "toothbrush")));
        assert_eq!(detectron2.category(80), None);
        assert_eq!(of(Dialect::Torchvision, 3).category(1), None);
    }
}
