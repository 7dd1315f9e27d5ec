//! Stages of a network held to golden statistics and probes.

use cohort_detection::rle::{Rle, mask_iou};
use cohort_detectors::{Detected, Map};
use serde_json::Value;

use super::{corners, index, indices, list, number, numbers};

/// How near stages have to be.
pub const NEAR: f32 = 1e-4;

/// Holds values, laid out as torch's, to their mean, spread, ends and sum.
#[track_caller]
pub fn assert_stats(values: &[f32], golden: &Value, what: &str) {
    let shape: usize = indices(&golden["shape"]).iter().product();
    assert_eq!(values.len(), shape, "{what}: number of values");
    let count = values.len() as f64;
    let wide = || values.iter().map(|v| f64::from(*v));
    let mean = wide().sum::<f64>() / count;
    let spread = (wide().map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt();
    let sum = wide().map(f64::abs).sum::<f64>();
    let least = wide().fold(f64::INFINITY, f64::min);
    let most = wide().fold(f64::NEG_INFINITY, f64::max);
    for (name, found) in [
        ("mean", mean),
        ("std", spread),
        ("min", least),
        ("max", most),
    ] {
        let expected = number(&golden[name]);
        let off = (found - expected).abs();
        assert!(
            off < f64::from(NEAR),
            "{what}: {name} {found}, expected {expected}"
        );
    }
    let expected = number(&golden["abs_sum"]);
    assert!(
        (sum / expected - 1.0).abs() < 1e-5,
        "{what}: {sum}, expected {expected}"
    );
}

/// Holds single values by their places.
#[track_caller]
pub fn assert_probe(values: &[f32], golden: &Value, what: &str) {
    let places = indices(&golden["index"]);
    let expected = numbers(&golden["value"]);
    assert!(places.len() >= 8, "{what}: places");
    for (place, expected) in places.into_iter().zip(expected) {
        let off = (values[place] - expected).abs();
        assert!(
            off < NEAR,
            "{what}: {place}: {}, expected {expected}",
            values[place]
        );
    }
}

/// Some channels of a map as planes.
pub fn planes(map: &Map, channels: std::ops::Range<usize>) -> Vec<f32> {
    let all = map.values.len() / (map.size[0] * map.size[1]);
    channels
        .flat_map(|channel| map.values.iter().skip(channel).step_by(all).copied())
        .collect()
}

/// Intersection over union.
fn overlap(a: [f32; 4], b: [f32; 4]) -> f32 {
    cohort_detectors::parts::iou(a, b)
}

/// For each golden detection what was found of it: the same class, IoU above .99, the score within 1e-4, each once.
///
/// The golden classes are a list's, which begins with class `first`.
pub fn matched(
    found: &[Detected],
    golden: &Value,
    (classes, first): (&str, usize),
) -> Vec<Option<usize>> {
    let boxes = corners(&golden["boxes"]);
    let labels = indices(&golden[classes]);
    let scores = numbers(&golden["scores"]);
    let mut used = vec![false; found.len()];
    let golden = boxes.into_iter().zip(labels).zip(scores);
    golden
        .map(|((corners, class), score)| {
            let place = found.iter().enumerate().position(|(i, f)| {
                let same = f.class + first == class && (f.score - score).abs() < 1e-4;
                !used[i] && same && overlap(f.corners, corners) > 0.99
            })?;
            used[place] = true;
            Some(place)
        })
        .collect()
}

/// Holds masks of matched detections to their areas, and the first to their run lengths.
#[track_caller]
pub fn assert_masks(
    found: &[Detected],
    matched: &[Option<usize>],
    golden: &Value,
    [areas, masks]: [&str; 2],
) {
    for (i, area) in list(&golden[areas]).iter().enumerate().take(matched.len()) {
        let Some(place) = matched[i] else { continue };
        let own = found[place].mask.as_ref().unwrap().area() as f64;
        let off = (own - number(area)).abs();
        assert!(off <= 3.0 + 0.005 * number(area), "area {i}: {own} {area}");
    }
    let mut seen = 0;
    for (i, golden) in list(&golden[masks]).iter().enumerate() {
        let Some(place) = matched[i] else { continue };
        let [height, width] = [0, 1].map(|axis| index(&golden["size"][axis]) as u32);
        let text = golden["counts"].as_str().unwrap();
        let expected = Rle::from_compressed(text, height, width).unwrap();
        let shared = mask_iou(found[place].mask.as_ref().unwrap(), &expected, false);
        assert!(shared > 0.99, "mask {i}: {shared}");
        seen += 1;
    }
    assert!(seen >= 2, "masks were compared");
}
