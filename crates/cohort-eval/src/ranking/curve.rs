//! ROC and precision-recall curves, thinned for a document.

use serde::{Deserialize, Serialize};

use super::ranked::Ranked;

/// Most points that a curve is written with.
pub const MOST_CURVE_POINTS: usize = 200;

/// A point of a ROC curve: what is taken for the class when its probability is at least `threshold`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RocPoint {
    /// Least probability; absent at the origin, where nothing is taken for the class.
    pub threshold: Option<f64>,
    /// Share of the other clips that are taken for the class, 0 to 1.
    pub false_positive_rate: f64,
    /// Share of the class's clips that are taken for it (recall), 0 to 1.
    pub true_positive_rate: f64,
}

/// A point of a precision-recall curve: what is taken for the class when its probability is at least `threshold`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PrecisionRecallPoint {
    /// Least probability.
    pub threshold: f64,
    /// Share of the class's clips that are taken for it, 0 to 1.
    pub recall: f64,
    /// Share of what is taken for the class that belongs to it, 0 to 1.
    pub precision: f64,
}

/// A curve, every point of which lies exactly on the whole one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve<P> {
    /// Points of the whole curve: one a distinct probability (and the origin of a ROC curve).
    pub whole: usize,
    /// The points by falling threshold, at most [`MOST_CURVE_POINTS`], the ends among them.
    pub points: Vec<P>,
}

/// The ROC curve; `None` without rows of the class or without others.
pub(super) fn roc(ranked: &Ranked) -> Option<Curve<RocPoint>> {
    let thresholds = ranked.thresholds();
    let &(_, positives, negatives) = thresholds.last()?;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let origin = RocPoint {
        threshold: None,
        false_positive_rate: 0.0,
        true_positive_rate: 0.0,
    };
    let point = |&(threshold, hits, others): &(f64, usize, usize)| RocPoint {
        threshold: Some(threshold),
        false_positive_rate: others as f64 / negatives as f64,
        true_positive_rate: hits as f64 / positives as f64,
    };
    let points: Vec<RocPoint> = std::iter::once(origin)
        .chain(thresholds.iter().map(point))
        .collect();
    Some(thinned(points, |p| {
        (p.false_positive_rate, p.true_positive_rate)
    }))
}

/// The precision-recall curve; `None` without rows of the class.
pub(super) fn precision_recall(ranked: &Ranked) -> Option<Curve<PrecisionRecallPoint>> {
    let thresholds = ranked.thresholds();
    let &(_, positives, _) = thresholds.last()?;
    if positives == 0 {
        return None;
    }
    let point = |&(threshold, hits, others): &(f64, usize, usize)| PrecisionRecallPoint {
        threshold,
        recall: hits as f64 / positives as f64,
        precision: hits as f64 / (hits + others) as f64,
    };
    let points = thresholds.iter().map(point).collect();
    Some(thinned(points, |p| (p.recall, p.precision)))
}

/// Some of the points, at about equal steps along the curve.
fn thinned<P: Copy>(points: Vec<P>, place: impl Fn(&P) -> (f64, f64)) -> Curve<P> {
    let whole = points.len();
    if whole <= MOST_CURVE_POINTS {
        return Curve { whole, points };
    }
    let mut length = Vec::with_capacity(whole);
    let mut sum = 0.0;
    let mut last = place(&points[0]);
    for point in &points {
        let at = place(point);
        sum += (at.0 - last.0).abs() + (at.1 - last.1).abs();
        length.push(sum);
        last = at;
    }
    let mut kept = Vec::with_capacity(MOST_CURVE_POINTS);
    for step in 0..MOST_CURVE_POINTS {
        let target = sum * step as f64 / (MOST_CURVE_POINTS - 1) as f64;
        let at = length.partition_point(|&length| length < target);
        kept.push(at.min(whole - 1));
    }
    kept[0] = 0;
    kept[MOST_CURVE_POINTS - 1] = whole - 1;
    kept.dedup();
    Curve {
        whole,
        points: kept.into_iter().map(|at| points[at]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinned_curves_keep_their_ends_and_lie_on_the_whole() {
        let rows = (0..1500).map(|i| {
            let score = f64::from((i * 7919) % 1499) / 1499.0;
            (score, 0, (i * 31) % 10 < 3 || score > 0.9)
        });
        let ranked = Ranked::new(rows.collect());
        let all = ranked.thresholds();
        let &(_, positives, negatives) = all.last().unwrap();
        let curve = roc(&ranked).unwrap();
        assert_eq!(curve.whole, all.len() + 1);
        assert!(
            (100..=MOST_CURVE_POINTS).contains(&curve.points.len()),
            "{}",
            curve.points.len()
        );
        assert_eq!(curve.points[0].threshold, None);
        let last = curve.points.last().unwrap();
        assert_eq!(
            (last.false_positive_rate, last.true_positive_rate),
            (1.0, 1.0)
        );
        for point in &curve.points[1..] {
            let of_threshold = all
                .iter()
                .find(|(t, ..)| Some(*t) == point.threshold)
                .unwrap();
            assert_eq!(
                point.true_positive_rate,
                of_threshold.1 as f64 / positives as f64
            );
            assert_eq!(
                point.false_positive_rate,
                of_threshold.2 as f64 / negatives as f64
            );
        }
        let ordered = curve
            .points
            .windows(2)
            .all(|p| p[0].true_positive_rate <= p[1].true_positive_rate);
        assert!(ordered);
        let curve = precision_recall(&ranked).unwrap();
        assert!(curve.points.len() <= MOST_CURVE_POINTS && curve.whole == all.len());
        assert_eq!(curve.points.last().unwrap().recall, 1.0);
    }
}
