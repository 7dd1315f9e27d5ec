//! All matches of a data set, by category: what every figure, interval and error kind is computed from.

use rayon::prelude::*;

use super::matching::match_one;
use crate::results::{Detection, Results};
use crate::truth::{Object, Shape, Truth};

/// A detection after matching.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// How sure it is.
    pub score: f64,
    /// Place of its picture.
    pub picture: u32,
    /// Its rank in its picture and category, from 0; below 100.
    pub rank: u16,
    /// For each area range, a bit for each IoU threshold: whether it found something.
    pub found: [u16; 4],
    /// The same: whether it is neither right nor wrong.
    pub ignored: [u16; 4],
    /// Its place among the detections.
    pub detection: u32,
}

/// An object after matching.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TruthHit {
    /// Place of its picture.
    pub picture: u32,
    /// Its place among the objects.
    pub object: u32,
    /// A bit for each IoU threshold: whether it was found.
    pub found: u16,
}

/// One category.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClassMatches {
    /// Detections by falling score, equals by picture and rank.
    pub hits: Vec<Hit>,
    /// Objects that count, by picture: number of the picture, and how many in each area range.
    pub counted: Vec<(u32, [u32; 4])>,
    /// Every object.
    pub truth: Vec<TruthHit>,
}

impl ClassMatches {
    /// Objects that count in an area range.
    pub fn objects(&self, area: usize) -> usize {
        self.counted.iter().map(|(_, n)| n[area] as usize).sum()
    }
}

/// Every category.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Matched {
    /// Categories in the truth's order.
    pub classes: Vec<ClassMatches>,
    /// Number of pictures.
    pub pictures: usize,
}

/// The part of a list ordered by picture that is of one.
pub(crate) fn of_picture<T>(list: &[T], picture: u32, of: impl Fn(&T) -> u32) -> (usize, &[T]) {
    let start = list.partition_point(|item| of(item) < picture);
    let length = list[start..].partition_point(|item| of(item) == picture);
    (start, &list[start..start + length])
}

/// What one picture adds to a category.
struct Part {
    category: u32,
    hits: Vec<Hit>,
    counted: [u32; 4],
    truth: Vec<TruthHit>,
}

/// Matches all detections with all objects, picture by picture on all threads; the result does not depend on their number.
pub fn match_all(truth: &Truth, results: &Results, shape: Shape) -> Matched {
    let pictures = truth.pictures.len() as u32;
    let parts: Vec<Vec<Part>> = (0..pictures)
        .into_par_iter()
        .map(|picture| {
            let objects = of_picture(&truth.objects, picture, |o: &Object| o.picture);
            let detections = of_picture(&results.detections, picture, |d: &Detection| d.picture);
            parts(picture, objects, detections, shape)
        })
        .collect();
    let mut classes = vec![ClassMatches::default(); truth.categories.len()];
    for (picture, parts) in (0..).zip(parts) {
        for part in parts {
            let class = &mut classes[part.category as usize];
            class.hits.extend(part.hits);
            if part.counted[0] > 0 {
                class.counted.push((picture, part.counted));
            }
            class.truth.extend(part.truth);
        }
    }
    classes.par_iter_mut().for_each(|class| {
        // stable: equals stay by picture, then rank
        let by_score = |a: &Hit, b: &Hit| (b.score + 0.0).total_cmp(&(a.score + 0.0));
        class.hits.sort_by(by_score);
    });
    Matched {
        classes,
        pictures: truth.pictures.len(),
    }
}

fn parts(
    picture: u32,
    (first_object, mut objects): (usize, &[Object]),
    (first_detection, mut detections): (usize, &[Detection]),
    shape: Shape,
) -> Vec<Part> {
    let (mut first_object, mut first_detection) = (first_object as u32, first_detection as u32);
    let mut parts = Vec::new();
    loop {
        let next = [
            objects.first().map(|object| object.category),
            detections.first().map(|detection| detection.category),
        ];
        let Some(category) = next.into_iter().flatten().min() else {
            return parts;
        };
        let own = objects.partition_point(|object| object.category == category);
        let (own_objects, rest) = objects.split_at(own);
        objects = rest;
        let own = detections.partition_point(|detection| detection.category == category);
        let (own_detections, rest) = detections.split_at(own);
        detections = rest;
        let matching = match_one(own_objects, own_detections, shape);
        let hits = matching.detections.iter().zip(own_detections).zip(0..);
        let hits = hits.map(|((match_, detection), rank)| Hit {
            score: detection.score,
            picture,
            rank,
            found: match_.found,
            ignored: match_.ignored,
            detection: first_detection + u32::from(rank),
        });
        let truth = matching.objects.iter().zip(first_object..);
        parts.push(Part {
            category,
            hits: hits.collect(),
            counted: matching.counted,
            truth: truth
                .map(|(&found, object)| TruthHit {
                    picture,
                    object,
                    found,
                })
                .collect(),
        });
        first_object += own_objects.len() as u32;
        first_detection += own_detections.len() as u32;
    }
}
