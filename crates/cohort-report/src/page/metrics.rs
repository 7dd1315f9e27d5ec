//! Names of metrics for people, from the metrics themselves.

use cohort_eval::Metric;

use super::read::words;

/// Name of a metric; an unknown identifier becomes words.
pub(super) fn name(metric: &str) -> String {
    Metric::from_name(metric).map_or_else(|| words(metric), |m| m.title().to_owned())
}

/// Short name of a metric.
pub(super) fn short(metric: &str) -> String {
    Metric::from_name(metric).map_or_else(|| words(metric), |m| m.short().to_owned())
}

/// Class of a difference's cell: better, worse, or neither where the interval holds 0 or no direction is better.
pub(super) fn change_class(metric: &str, interval: Option<(f64, f64)>) -> &'static str {
    match interval {
        Some((low, high)) if low > 0.0 || high < 0.0 => {
            match Metric::from_name(metric).and_then(Metric::higher_is_better) {
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
            ("accuracy", 0.1, 0.2, "rise"),
            ("accuracy", -0.2, -0.1, "fall"),
            ("accuracy", -0.1, 0.1, ""),
            ("nll", -0.2, -0.1, "rise"),
            ("nll", 0.1, 0.2, "fall"),
            ("signed_error", 0.1, 0.2, ""),
        ] {
            assert_eq!(
                change_class(metric, Some((low, high))),
                expected,
                "{metric} {low}"
            );
        }
        assert_eq!(change_class("accuracy", None), "");
    }

    #[test]
    fn what_is_no_metric_becomes_words() {
        assert_eq!(name("mae_years"), Metric::MaeYears.title());
        assert_eq!(short("mae_years"), Metric::MaeYears.short());
        assert_eq!(name("top_two"), "Top two");
    }
}
