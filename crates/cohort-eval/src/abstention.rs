//! Abstention: how the error falls when the model may decline its least certain clips.

use serde::{Deserialize, Serialize};

use crate::frame::Frame;
use crate::groups::t_intervals;
use crate::metrics::ece::confidence;
use crate::tally::Tally;
use crate::{Interval, IntervalSettings, Metric, Sample};

/// Risk-coverage curve of one group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RiskCoverage {
    /// The label column; empty for all clips together.
    pub attribute: String,
    /// Code of the group; empty for all clips together.
    pub group: String,
    /// Name of the group.
    pub name: String,
    /// Area under the curve of error rate over coverage, 0 to 1 (Geifman and El-Yaniv 2017); groups are ranked by themselves.
    pub area: f64,
    /// Points by falling confidence threshold; a group is cut at the thresholds of all clips, so that its coverage shows
    /// whom the model would decline.
    pub points: Vec<CoveragePoint>,
}

/// The clips whose confidence reaches a threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoveragePoint {
    /// Lowest probability of the predicted class that is accepted.
    pub threshold: f64,
    /// Share of the group's clips accepted.
    pub coverage: f64,
    /// Accuracy of those (1 minus the risk), with a t interval; absent where none is accepted.
    pub accuracy: Option<Interval>,
    /// Mean absolute error in classes of those, for ordered classes.
    pub mae_groups: Option<Interval>,
}

/// Shares of all clips at which the curves are read.
const COVERAGES: [f64; 10] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// Curves over all clips and by group; `None` without probabilities.
pub(crate) fn risk_coverage(
    frame: &Frame,
    sample: &Sample,
    settings: &IntervalSettings,
) -> Option<Vec<RiskCoverage>> {
    let confidence: Vec<f64> = (0..sample.len())
        .map(|row| confidence(sample, row).map(|c| c.0))
        .collect::<Option<_>>()?;
    let mut sorted = confidence.clone();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let thresholds: Vec<f64> = COVERAGES
        .iter()
        .filter_map(|coverage| {
            let accepted = (coverage * sorted.len() as f64).round() as usize;
            sorted.get(accepted.max(1) - 1).copied()
        })
        .collect();
    let curve = |attribute: &str, group: &str, name: &str, rows: &[usize]| {
        let at = |row: usize| confidence[row];
        let metrics: Vec<Metric> = [Metric::Accuracy, Metric::MaeGroups]
            .into_iter()
            .filter(|metric| metric.applies_to(sample))
            .collect();
        let points = thresholds
            .iter()
            .map(|&threshold| {
                let accepted: Vec<usize> = rows
                    .iter()
                    .copied()
                    .filter(|&row| at(row) >= threshold)
                    .collect();
                let tally = Tally::new(sample, Some(&accepted));
                let mut intervals = t_intervals(&metrics, &tally, settings).into_iter();
                let some = |interval: Option<Interval>| interval.filter(|_| !accepted.is_empty());
                CoveragePoint {
                    threshold,
                    coverage: accepted.len() as f64 / rows.len().max(1) as f64,
                    accuracy: some(intervals.next()),
                    mae_groups: some(intervals.next()),
                }
            })
            .collect();
        RiskCoverage {
            attribute: attribute.into(),
            group: group.into(),
            name: name.into(),
            area: area(sample, rows, at),
            points,
        }
    };
    let all: Vec<usize> = (0..sample.len()).collect();
    let mut curves = vec![curve("", "", "", &all)];
    for attribute in frame
        .attributes
        .iter()
        .filter(|attribute| !attribute.is_target)
    {
        for ((code, name), rows) in attribute
            .codes
            .iter()
            .zip(&attribute.names)
            .zip(attribute.rows())
        {
            curves.push(curve(&attribute.name, code, name, &rows));
        }
    }
    Some(curves)
}

/// Mean over ranks of the error rate among the clips up to that rank; clips of equal confidence count as accepted
/// together, so each of them gets the error rate at the end of the tie.
fn area(sample: &Sample, rows: &[usize], confidence: impl Fn(usize) -> f64) -> f64 {
    let mut order: Vec<(f64, bool)> = rows
        .iter()
        .map(|&row| {
            (
                confidence(row),
                sample.truth().get(row) != sample.predicted().get(row),
            )
        })
        .collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut wrong, mut seen, mut sum) = (0.0, 0.0, 0.0);
    for tie in order.chunk_by(|a, b| a.0 == b.0) {
        wrong += tie.iter().filter(|(_, wrong)| *wrong).count() as f64;
        seen += tie.len() as f64;
        sum += tie.len() as f64 * wrong / seen;
    }
    sum / f64::max(seen, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn area_of_hand_made_rankings() {
        let truth = [0, 0, 0, 0];
        let predicted = [0, 0, 1, 1];
        let subject = [0, 1, 2, 3];
        let sample = Sample::new(2, &truth, &predicted, &subject).unwrap();
        let rows = [0, 1, 2, 3];
        // Right ones first: error rates 0, 0, 1/3, 1/2. Ties: 1/2 throughout.
        let ranked = area(&sample, &rows, |row| 1.0 - 0.1 * row as f64);
        assert!((ranked - (1.0 / 3.0 + 0.5) / 4.0).abs() < 1e-12);
        assert!((area(&sample, &rows, |_| 0.5) - 0.5).abs() < 1e-12);
    }
}
