//! How far groups lie apart: one number from the groups' values.

use serde::{Deserialize, Serialize};

use crate::Metric;
use crate::metrics::Shape;

/// A measure of the gap between groups; 0 where all groups are alike, larger where they differ more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Mean absolute difference over all pairs of groups (the reference's "bias").
    MeanPairwise,
    /// Largest minus smallest value (Fairlearn's `difference(method="between_groups")`).
    MaxMin,
    /// How much worse the worst group is than all together; for the signed error, in distance from 0.
    WorstGroup,
    /// 1 minus smallest over largest value (Fairlearn's `ratio` subtracted from 1); not for metrics that can be negative.
    RatioShortfall,
    /// Largest studentised difference of a group from the rest, `max |v_g - v_rest| / se`: the statistic of the findings.
    LargestContrast,
}

impl Measure {
    /// Machine name, e.g. `mean_pairwise`.
    pub fn name(self) -> &'static str {
        match self {
            Measure::MeanPairwise => "mean_pairwise",
            Measure::MaxMin => "max_min",
            Measure::WorstGroup => "worst_group",
            Measure::RatioShortfall => "ratio_shortfall",
            Measure::LargestContrast => "largest_contrast",
        }
    }

    /// Measures of values; [`Measure::LargestContrast`] needs errors as well and is made elsewhere.
    pub(crate) const OF_VALUES: [Measure; 4] = [
        Measure::MeanPairwise,
        Measure::MaxMin,
        Measure::WorstGroup,
        Measure::RatioShortfall,
    ];

    /// Whether the measure suits the metric.
    pub(crate) fn suits(self, metric: Metric) -> bool {
        let two = Shape {
            classes: 2,
            span: 1.0,
        };
        self != Measure::RatioShortfall || (metric.definition().range)(two).0 >= 0.0
    }

    /// The measure of the groups' values; `overall` is the value of all rows together. NaN with fewer than two groups.
    pub(crate) fn of(self, metric: Metric, values: &[f64], overall: f64) -> f64 {
        let n = values.len();
        if n < 2 || values.iter().any(|value| !value.is_finite()) {
            return f64::NAN;
        }
        let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let smallest = values.iter().copied().fold(f64::INFINITY, f64::min);
        match self {
            Measure::MeanPairwise => {
                let mut sum = 0.0;
                for (i, a) in values.iter().enumerate() {
                    sum += values
                        .iter()
                        .skip(i + 1)
                        .map(|b| (a - b).abs())
                        .sum::<f64>();
                }
                sum / (n * (n - 1) / 2) as f64
            }
            Measure::MaxMin => largest - smallest,
            Measure::WorstGroup => {
                let worst = values
                    .iter()
                    .map(|&v| metric.badness(v))
                    .fold(f64::NEG_INFINITY, f64::max);
                worst - metric.badness(overall)
            }
            Measure::RatioShortfall if largest > 0.0 => 1.0 - smallest / largest,
            Measure::RatioShortfall => 0.0,
            Measure::LargestContrast => f64::NAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hand_made_values() {
        let values = [0.5, 0.7, 0.4];
        let cases = [
            (
                Measure::MeanPairwise,
                Metric::Accuracy,
                (0.2 + 0.1 + 0.3) / 3.0,
            ),
            (Measure::MaxMin, Metric::Accuracy, 0.3),
            (Measure::WorstGroup, Metric::Accuracy, 0.2),
            (Measure::WorstGroup, Metric::MaeGroups, 0.1),
            (Measure::RatioShortfall, Metric::Accuracy, 1.0 - 0.4 / 0.7),
        ];
        for (measure, metric, expected) in cases {
            let found = measure.of(metric, &values, 0.6);
            assert!(
                (found - expected).abs() < 1e-12,
                "{measure:?} {metric:?} {found}"
            );
        }
        let signed = Measure::WorstGroup.of(Metric::SignedError, &[-0.4, 0.1], -0.1);
        assert!((signed - 0.3).abs() < 1e-12);
        assert!(Measure::MaxMin.of(Metric::Accuracy, &[0.5], 0.5).is_nan());
        assert!(!Measure::RatioShortfall.suits(Metric::QuadraticKappa));
        // Equal groups: no gap, and no division by 0.
        assert_eq!(
            Measure::RatioShortfall.of(Metric::Accuracy, &[0.0, 0.0], 0.0),
            0.0
        );
    }
}
