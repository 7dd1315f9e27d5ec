//! Average precision of one category at one threshold under weights, and what each detection adds to it.

use crate::evaluate::{ClassMatches, EPSILON, Hit, recall_levels};

/// A right detection on the line of precision by recall.
#[derive(Debug, Clone, Copy)]
struct Point {
    /// Its place among the hits.
    hit: usize,
    /// Weight of what is right, and of all, up to here.
    right: f64,
    all: f64,
    /// The best precision here or at a higher recall.
    envelope: f64,
    /// Recall levels that are read here.
    levels: usize,
}

/// Room for the line, kept between calls.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    points: Vec<Point>,
}

/// Which part of a category is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    /// Number of the area range.
    pub(crate) area: usize,
    /// Number of the IoU threshold.
    pub(crate) threshold: usize,
    /// Weight of the objects that count, above 0.
    pub(crate) objects: f64,
}

/// Average precision; `weight` is what a picture counts. With `influence`, it is told the derivative by the weight of every detection
/// `(picture, value)` and answers nothing; the derivative by the weight of an object (the same for all) is returned beside.
///
/// With an object's weight all recalls fall; with a detection's, precision beyond it changes, and recall where it is right. Segments of
/// constant precision have the lengths in which recall levels are read, their ends move as recall does.
pub(crate) fn average_precision(
    class: &ClassMatches,
    cut: Cut,
    line: &mut Line,
    weight: impl Fn(u32) -> f64,
    mut influence: Option<&mut dyn FnMut(u32, f64)>,
) -> (f64, f64) {
    let bit = 1_u16 << cut.threshold;
    let counts = |hit: &Hit| hit.ignored[cut.area] & bit == 0;
    let is_right = |hit: &Hit| hit.found[cut.area] & bit != 0;
    let levels = recall_levels();
    let points = &mut line.points;
    points.clear();
    let (mut right, mut all, mut level) = (0.0, 0.0, 0);
    for (place, hit) in class.hits.iter().enumerate() {
        let weight = weight(hit.picture);
        if weight == 0.0 || !counts(hit) {
            continue;
        }
        all += weight;
        if !is_right(hit) {
            continue;
        }
        right += weight;
        let (recall, before) = (right / cut.objects, level);
        while level < levels.len() && levels[level] <= recall {
            level += 1;
        }
        points.push(Point {
            hit: place,
            right,
            all,
            envelope: right / (all + EPSILON),
            levels: level - before,
        });
    }
    for i in (1..points.len()).rev() {
        points[i - 1].envelope = points[i - 1].envelope.max(points[i].envelope);
    }
    let n = levels.len() as f64;
    let value = points
        .iter()
        .map(|p| p.envelope * p.levels as f64)
        .sum::<f64>()
        / n;
    let Some(tell) = influence.as_mut() else {
        return (value, 0.0);
    };
    // the area under the steps, which is what the ends of segments move on
    let mut before = 0.0;
    let mut steps = 0.0;
    for point in points.iter() {
        steps += point.envelope * (point.right - before) / cut.objects;
        before = point.right;
    }
    // from the last right detection backwards: segments that end at or after a detection change with it
    let (mut by_right, mut by_all) = (0.0, 0.0);
    let mut end = points.len();
    let mut stop = points.last().map_or(0, |last| last.hit + 1);
    while end > 0 {
        // points of one segment share their envelope; it ends at the last of them, where that precision is reached
        let envelope = points[end - 1].envelope;
        let mut start = end - 1;
        while start > 0 && points[start - 1].envelope == envelope {
            start -= 1;
        }
        let length = points[start..end].iter().map(|p| p.levels).sum::<usize>() as f64 / n;
        let at_end = points[end - 1].all + EPSILON;
        by_right += length / at_end;
        by_all += length * envelope / at_end;
        let from = if start > 0 {
            points[start - 1].hit + 1
        } else {
            0
        };
        for hit in &class.hits[from..stop] {
            if counts(hit) && weight(hit.picture) != 0.0 {
                let own = if is_right(hit) {
                    by_right + envelope / cut.objects
                } else {
                    0.0
                };
                tell(hit.picture, own - by_all);
            }
        }
        (end, stop) = (start, from);
    }
    (value, -steps / cut.objects)
}
