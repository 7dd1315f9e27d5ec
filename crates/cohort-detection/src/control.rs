//! What figures are worth: the same detections given to other pictures.
//!
//! Average precision has no chance level of its own: it depends on how many objects there are, where they tend to be, and how many
//! detections are made. A detector that has learnt no more than where objects of each class usually are, how large and how many, would
//! do as well on any picture as on its own. So every picture gets another's detections, with their scores: what is
//! left is what its figures owe to the habits of the data and nothing to what it saw.

use std::collections::BTreeMap;

use cohort_eval::{Stream, shuffle};
use serde::{Deserialize, Serialize};

use crate::evaluate::{figures, match_all};
use crate::results::Results;
use crate::truth::{Shape, Truth};

/// The figures of detections that were given to other pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// How often pictures were exchanged.
    pub shuffles: usize,
    /// Pictures whose detections were exchanged: boxes are scaled to the other picture, masks only go to one of the same size.
    pub pictures: usize,
    /// Mean of AP over the shuffles; absent without objects.
    pub ap: Option<f64>,
    /// The largest AP of a shuffle.
    pub largest_ap: Option<f64>,
    /// Mean of AP50 over the shuffles.
    pub ap50: Option<f64>,
    /// Mean of AR100 over the shuffles.
    pub ar100: Option<f64>,
}

/// Exchanges pictures `shuffles` times. Detections of a picture that has no other to go to are left out.
pub fn control(
    truth: &Truth,
    results: &Results,
    shape: Shape,
    shuffles: usize,
    seed: u64,
) -> Control {
    let stream = Stream::new(seed, &["detection control"]);
    // pictures that can exchange their detections
    let mut rooms: BTreeMap<(u32, u32), Vec<usize>> = BTreeMap::new();
    for (place, picture) in truth.pictures.iter().enumerate() {
        let room = match shape {
            Shape::Box => (0, 0),
            Shape::Mask => (picture.height, picture.width),
        };
        rooms.entry(room).or_default().push(place);
    }
    rooms.retain(|_, members| members.len() > 1);
    let found: Vec<[Option<f64>; 3]> = (0..shuffles)
        .map(|i| {
            let generator = &mut stream.item(i);
            let mut goes_to: Vec<Option<usize>> = vec![None; truth.pictures.len()];
            for members in rooms.values() {
                let mut order = members.clone();
                shuffle(generator, &mut order);
                // each to the next in a circle: none keeps its own
                for (at, &from) in order.iter().enumerate() {
                    goes_to[from] = Some(order[(at + 1) % order.len()]);
                }
            }
            let given = exchanged(truth, results, &goes_to);
            let figures = figures(&match_all(truth, &given, shape)).0;
            [figures[0], figures[1], figures[8]]
        })
        .collect();
    let mean = |of: usize| {
        let values: Option<Vec<f64>> = found.iter().map(|row| row[of]).collect();
        let values = values.filter(|values| !values.is_empty())?;
        Some(values.iter().sum::<f64>() / values.len() as f64)
    };
    let largest = found.iter().filter_map(|row| row[0]);
    Control {
        shuffles,
        pictures: rooms.values().map(Vec::len).sum(),
        ap: mean(0),
        largest_ap: largest.max_by(f64::total_cmp),
        ap50: mean(1),
        ar100: mean(2),
    }
}

/// The detections in the pictures that they go to.
fn exchanged(truth: &Truth, results: &Results, goes_to: &[Option<usize>]) -> Results {
    let detections = results.detections.iter().filter_map(|detection| {
        let from = &truth.pictures[detection.picture as usize];
        let place = goes_to[detection.picture as usize]?;
        let to = &truth.pictures[place];
        let mut given = detection.clone();
        given.picture = place as u32;
        let across = f64::from(to.width) / f64::from(from.width);
        let down = f64::from(to.height) / f64::from(from.height);
        let [x, y, width, height] = detection.place;
        given.place = [x * across, y * down, width * across, height * down];
        given.area = detection.area * across * down;
        Some(given)
    });
    Results::new(detections.collect(), Vec::new())
}
