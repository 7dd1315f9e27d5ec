//! Which way a metric is good.

use cohort_eval::Metric;

/// Class of a difference's cell: better, worse, or neither where the interval holds 0 or no direction is better.
pub(super) fn change_class(metric: Option<Metric>, interval: Option<(f64, f64)>) -> &'static str {
    match interval {
        Some((low, high)) if low > 0.0 || high < 0.0 => {
            match metric.and_then(Metric::higher_is_better) {
                Some(higher) if (low > 0.0) == higher => "rise",
                Some(_) => "fall",
                None => "",
            }
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_coloured_by_what_is_good() {
        for (metric, low, high, expected) in [
            (Metric::Accuracy, 0.1, 0.2, "rise"),
            (Metric::Accuracy, -0.2, -0.1, "fall"),
            (Metric::Accuracy, -0.1, 0.1, ""),
            (Metric::Nll, -0.2, -0.1, "rise"),
            (Metric::Nll, 0.1, 0.2, "fall"),
            (Metric::SignedError, 0.1, 0.2, ""),
        ] {
            let found = change_class(Some(metric), Some((low, high)));
            assert_eq!(found, expected, "{metric:?} {low}");
        }
        assert_eq!(change_class(Some(Metric::Accuracy), None), "");
        assert_eq!(change_class(None, Some((0.1, 0.2))), "");
    }
}
