//! Of every anchor the easiest, the hardest or a semi-hard positive and negative.

use serde::{Deserialize, Serialize};

use super::classes::Classes;
use super::space::Closeness;
use super::tuples::Tuples;

/// Which of its class, or of other classes, an anchor is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pick {
    /// The nearest positive, the furthest negative.
    Easy,
    /// The furthest positive, the nearest negative.
    Hard,
    /// The hardest that is still easier than what was picked of the other kind: the furthest positive nearer than the negative, the
    /// nearest negative further than the positive.
    SemiHard,
    /// All.
    All,
}

/// Picks by `positive` and `negative` in a distance; of equals the first. Anchors that lack either are left out, but for a kind of which
/// all are taken.
pub(super) fn mine(
    closeness: &Closeness,
    classes: &Classes,
    positive: Pick,
    negative: Pick,
) -> Tuples {
    let (mut positives, mut negatives) = (Vec::new(), Vec::new());
    for i in 0..classes.anchors.len() {
        let row = closeness.row(i);
        let nearest = |kind: bool, above: Option<f64>| {
            let mine = |j: &usize| {
                if kind {
                    classes.is_positive(i, *j)
                } else {
                    classes.is_negative(i, *j)
                }
            };
            let allowed = (0..row.len()).filter(mine);
            let allowed = allowed.filter(|&j| above.is_none_or(|above| row[j] > above));
            allowed.reduce(|best, j| if row[j] < row[best] { j } else { best })
        };
        let furthest = |kind: bool, below: Option<f64>| {
            let mine = |j: &usize| {
                if kind {
                    classes.is_positive(i, *j)
                } else {
                    classes.is_negative(i, *j)
                }
            };
            let allowed = (0..row.len()).filter(mine);
            let allowed = allowed.filter(|&j| below.is_none_or(|below| row[j] < below));
            allowed.reduce(|best, j| if row[j] > row[best] { j } else { best })
        };
        let pick_positive = |than: Option<usize>| match (positive, than) {
            (Pick::Easy, _) => nearest(true, None),
            (Pick::Hard, _) => furthest(true, None),
            (Pick::SemiHard, Some(n)) => furthest(true, Some(row[n])),
            (Pick::SemiHard, None) | (Pick::All, _) => None,
        };
        let pick_negative = |than: Option<usize>| match (negative, than) {
            (Pick::Easy, _) => furthest(false, None),
            (Pick::Hard, _) => nearest(false, None),
            (Pick::SemiHard, Some(p)) => nearest(false, Some(row[p])),
            (Pick::SemiHard, None) | (Pick::All, _) => None,
        };
        let (p, n) = match positive {
            Pick::SemiHard => {
                let n = pick_negative(None);
                (pick_positive(n), n)
            }
            _ => {
                let p = pick_positive(None);
                (p, pick_negative(p))
            }
        };
        match (positive, negative) {
            (Pick::All, Pick::All) => {
                positives.extend(classes.positives(i).map(|j| [i, j]));
                negatives.extend(classes.negatives(i).map(|j| [i, j]));
            }
            (Pick::All, _) => {
                positives.extend(classes.positives(i).map(|j| [i, j]));
                negatives.extend(n.map(|n| [i, n]));
            }
            (_, Pick::All) => {
                positives.extend(p.map(|p| [i, p]));
                negatives.extend(classes.negatives(i).map(|j| [i, j]));
            }
            _ => {
                if let (Some(p), Some(n)) = (p, n) {
                    positives.push([i, p]);
                    negatives.push([i, n]);
                }
            }
        }
    }
    Tuples::Pairs {
        positive: positives,
        negative: negatives,
    }
}
