//! Which true box a proposed one is held against.

use super::boxes::{Corners, iou};

/// What a proposed box is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// None of the true boxes.
    Background,
    /// Neither: it takes no part in the loss.
    Ignored,
    /// The true box at this place.
    Truth(usize),
}

/// The rule of torchvision's and detectron2's `Matcher`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Matcher {
    /// Least intersection over union of a match.
    pub high: f32,
    /// Least of an ignored box; below it is background. At most `high`.
    pub low: f32,
    /// Whether every true box gets the proposed boxes that overlap it most too, however little, **0 included**; such a box is held
    /// against the true box that **it** overlaps most, which may be another.
    pub low_quality: bool,
}

impl Matcher {
    /// A match for every one of `boxes`. Of true boxes that overlap a box as much the first is taken. Without true boxes all is
    /// background.
    pub fn matches(&self, truth: &[Corners], boxes: &[Corners]) -> Vec<Match> {
        // the largest overlap of each true box
        let mut largest = vec![0.0_f32; truth.len()];
        let mut best = Vec::with_capacity(boxes.len());
        for own in boxes {
            let mut most = (0, -1.0);
            for (place, of) in truth.iter().enumerate() {
                let overlap = iou(*of, *own);
                largest[place] = largest[place].max(overlap);
                if overlap > most.1 {
                    most = (place, overlap);
                }
            }
            best.push(most);
        }
        let settle = |(own, (place, overlap)): (&Corners, (usize, f32))| {
            let raised = || truth.iter().zip(&largest).any(|(t, l)| iou(*t, *own) == *l);
            if truth.is_empty() {
                Match::Background
            } else if overlap >= self.high || (self.low_quality && raised()) {
                Match::Truth(place)
            } else if overlap >= self.low {
                Match::Ignored
            } else {
                Match::Background
            }
        };
        boxes.iter().zip(best).map(settle).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_of_low_quality_is_held_against_what_it_fits_best() {
        let rule = Matcher {
            high: 0.7,
            low: 0.3,
            low_quality: true,
        };
        // the first box overlaps both, the second true box nothing else overlaps
        let truth = [[0.0, 0.0, 10.0, 10.0], [9.0, 0.0, 19.0, 10.0]];
        let boxes = [
            [2.0, 0.0, 12.0, 10.0],
            [0.0, 0.0, 10.0, 10.0],
            [50.0, 50.0, 60.0, 60.0],
        ];
        let expected = [Match::Truth(0), Match::Truth(0), Match::Background];
        assert_eq!(rule.matches(&truth, &boxes), expected);
        let strict = Matcher {
            low_quality: false,
            ..rule
        };
        // 8 of 12
        let expected = [Match::Ignored, Match::Truth(0), Match::Background];
        assert_eq!(strict.matches(&truth, &boxes), expected);
        assert_eq!(rule.matches(&[], &boxes), [Match::Background; 3]);
        // a true box that nothing overlaps is matched by all that overlap it by 0, as in the libraries
        let far = [[100.0, 100.0, 110.0, 110.0]];
        assert_eq!(rule.matches(&far, &boxes), [Match::Truth(0); 3]);
    }
}
