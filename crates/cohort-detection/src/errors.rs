//! What is wrong with detections, and what each kind of error costs.
//!
//! The kinds and the costs are those of TIDE (Bolya, Foley, Hays and Hoffman 2020): a detection that found nothing at IoU .5 is, in this
//! order, one of **place** (an object of its class overlaps it from .1 to below .5), **class** (an object of another class overlaps it
//! by .5 or more), **duplicate** (an object of its class does, but a surer detection has it), **background** (nothing overlaps it by more than
//! .1), else **both** (wrong place and class). An object that no detection found, and none of the first two kinds points at, is **missed**.
//!
//! The cost of a kind is what AP50 would gain were all its errors put right and nothing else: place and class errors become the right
//! detection of the object they point at, the surest where several do, and go away where it is found already; duplicates,
//! background and both go away; objects missed are not asked for. Costs do not add up.

use serde::{Deserialize, Serialize};

use cohort_eval::{Interval, IntervalSettings};

use crate::error::DetectionError;
use crate::evaluate::{Around, ClassMatches, Matched, of_picture, overlap};
use crate::intervals::{Units, difference_interval};
use crate::results::{Detection, Results};
use crate::truth::{Object, Shape, Truth};

/// An object overlaps a detection at all from here.
const NEAR: f64 = 0.1;
/// And is found from here: the first IoU threshold.
const FOUND: f64 = 0.5;
/// Number of AP50 among the figures.
const AP50: usize = 1;

/// A kind of error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The right class, not quite the right place.
    Place,
    /// The right place, another class.
    Class,
    /// An object that a surer detection has found.
    Duplicate,
    /// Nothing is there.
    Background,
    /// Neither place nor class is right.
    Both,
    /// An object without a detection.
    Missed,
}

impl ErrorKind {
    /// All of them.
    pub const EVERY: [Self; 6] = [
        Self::Place,
        Self::Class,
        Self::Duplicate,
        Self::Background,
        Self::Both,
        Self::Missed,
    ];

    /// Machine name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Place => "place",
            Self::Class => "class",
            Self::Duplicate => "duplicate",
            Self::Background => "background",
            Self::Both => "both",
            Self::Missed => "missed",
        }
    }
}

/// A detection that found nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WrongDetection {
    /// Its place among the detections.
    pub detection: u32,
    /// What is wrong with it.
    pub kind: ErrorKind,
    /// For place and class errors: the object it points at, by its place among the objects.
    pub object: Option<u32>,
}

/// Every error of a detector.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Errors {
    /// Detections that found nothing, the order is that of categories and of falling scores.
    pub wrong: Vec<WrongDetection>,
    /// Objects missed, by their place among the objects.
    pub missed: Vec<u32>,
}

/// One kind, how often, and what it costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorCost {
    /// The kind.
    pub kind: ErrorKind,
    /// Detections of it, or objects missed.
    pub count: usize,
    /// What AP50 would gain without it, with its interval by unit.
    pub cost: Interval,
}

impl Errors {
    /// Finds the errors of a detector at IoU .5, among the detections that COCO's figures look at.
    pub fn new(truth: &Truth, results: &Results, shape: Shape, matched: &Matched) -> Self {
        let mut errors = Self::default();
        let mut pointed = vec![false; truth.objects.len()];
        for class in &matched.classes {
            for hit in &class.hits {
                if (hit.found[0] | hit.ignored[0]) & 1 != 0 {
                    continue;
                }
                let objects = of_picture(&truth.objects, hit.picture, |o: &Object| o.picture);
                let detection = &results.detections[hit.detection as usize];
                let (kind, object) = judge(detection, objects, shape);
                if let Some(object) = object {
                    pointed[object as usize] = true;
                }
                errors.wrong.push(WrongDetection {
                    detection: hit.detection,
                    kind,
                    object,
                });
            }
        }
        for hit in matched.classes.iter().flat_map(|class| &class.truth) {
            let crowd = truth.objects[hit.object as usize].crowd;
            if !crowd && hit.found & 1 == 0 && !pointed[hit.object as usize] {
                errors.missed.push(hit.object);
            }
        }
        errors
    }

    /// How often a kind occurs.
    pub fn count(&self, kind: ErrorKind) -> usize {
        match kind {
            ErrorKind::Missed => self.missed.len(),
            _ => self.wrong.iter().filter(|wrong| wrong.kind == kind).count(),
        }
    }

    /// The matches as they would be without the errors of a kind, for AP50 alone.
    pub fn without(&self, kind: ErrorKind, truth: &Truth, matched: &Matched) -> Matched {
        let mut fixed = matched.clone();
        if kind == ErrorKind::Missed {
            for &object in &self.missed {
                let object = &truth.objects[object as usize];
                let counted = &mut fixed.classes[object.category as usize].counted;
                if let Some(at) = counted.iter_mut().find(|(p, _)| *p == object.picture) {
                    at.1[0] -= 1;
                }
            }
            return fixed;
        }
        let mut taken: Vec<bool> = vec![false; truth.objects.len()];
        for hit in matched.classes.iter().flat_map(|class| &class.truth) {
            taken[hit.object as usize] = hit.found & 1 != 0;
        }
        let kinds: std::collections::HashMap<u32, WrongDetection> = self
            .wrong
            .iter()
            .filter(|wrong| wrong.kind == kind)
            .map(|wrong| (wrong.detection, *wrong))
            .collect();
        let mut moved: Vec<(u32, crate::evaluate::Hit)> = Vec::new();
        for class in &mut fixed.classes {
            class.hits.retain(|hit| match kinds.get(&hit.detection) {
                None => true,
                Some(wrong) => {
                    moved.extend(wrong.object.map(|object| (object, *hit)));
                    false
                }
            });
        }
        // the surest of those that point at one object gets it
        moved.sort_by(|a, b| {
            b.1.score
                .total_cmp(&a.1.score)
                .then(a.1.detection.cmp(&b.1.detection))
        });
        for (object, mut hit) in moved {
            if std::mem::replace(&mut taken[object as usize], true) {
                continue;
            }
            hit.found[0] |= 1;
            hit.ignored[0] &= !1;
            let class = &mut fixed.classes[truth.objects[object as usize].category as usize];
            class.hits.push(hit);
        }
        for class in &mut fixed.classes {
            sort(class);
        }
        fixed
    }

    /// Counts and costs of every kind, with intervals by unit.
    ///
    /// # Errors
    /// [`DetectionError`] for settings out of range.
    pub fn costs(
        &self,
        truth: &Truth,
        matched: &Matched,
        units: &Units,
        settings: &IntervalSettings,
    ) -> Result<Vec<ErrorCost>, DetectionError> {
        let of = |kind: ErrorKind| {
            let fixed = self.without(kind, truth, matched);
            let pair = (fixed.classes.as_slice(), matched.classes.as_slice());
            Ok(ErrorCost {
                kind,
                count: self.count(kind),
                cost: difference_interval(pair, units, AP50, kind.name(), settings)?,
            })
        };
        ErrorKind::EVERY.into_iter().map(of).collect()
    }
}

fn sort(class: &mut ClassMatches) {
    class.hits.sort_by(|a, b| {
        let by_score = (b.score + 0.0).total_cmp(&(a.score + 0.0));
        by_score.then((a.picture, a.rank).cmp(&(b.picture, b.rank)))
    });
}

/// What is wrong with a detection that found nothing, and which object it points at.
fn judge(
    detection: &Detection,
    (first, objects): (usize, &[Object]),
    shape: Shape,
) -> (ErrorKind, Option<u32>) {
    let with = Around::detection(detection, shape);
    // the first object of those that overlap it most, of its class and of others
    let (mut own, mut other) = ((0.0, None), (0.0, None));
    for (object, place) in objects.iter().zip(first as u32..) {
        if object.crowd {
            continue;
        }
        let iou = overlap(&with, &Around::object(object, shape), shape);
        let best = match object.category == detection.category {
            true => &mut own,
            false => &mut other,
        };
        if iou > best.0 {
            *best = (iou, Some(place));
        }
    }
    match (own.0, other.0) {
        (iou, _) if (NEAR..FOUND).contains(&iou) => (ErrorKind::Place, own.1),
        (_, iou) if iou >= FOUND => (ErrorKind::Class, other.1),
        (iou, _) if iou >= FOUND => (ErrorKind::Duplicate, None),
        (a, b) if a <= NEAR && b <= NEAR => (ErrorKind::Background, None),
        _ => (ErrorKind::Both, None),
    }
}
