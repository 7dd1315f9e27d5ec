//! Names of metrics for people.

use super::read::words;

/// Identifier, name, short name for a narrow column.
const NAMES: [(&str, &str, &str); 14] = [
    ("accuracy", "Accuracy", "Accuracy"),
    ("balanced_accuracy", "Balanced accuracy", "Balanced acc."),
    ("macro_f1", "Macro F1", "Macro F1"),
    ("kappa", "Kappa", "Kappa"),
    ("quadratic_kappa", "Quadratic kappa", "Quadratic kappa"),
    ("mae_groups", "Mean absolute error (groups)", "MAE (groups)"),
    ("mae_years", "Mean absolute error (years)", "MAE (years)"),
    (
        "macro_mae",
        "Macro mean absolute error (groups)",
        "Macro MAE",
    ),
    ("within_one", "Within one group", "Within one"),
    ("signed_error", "Signed error (groups)", "Signed error"),
    ("nll", "Negative log likelihood", "NLL"),
    ("brier", "Brier score", "Brier"),
    ("rps", "Ranked probability score", "RPS"),
    ("ece", "Expected calibration error", "ECE"),
];

/// Name of a metric; an unknown identifier becomes words.
pub(super) fn name(metric: &str) -> String {
    NAMES
        .iter()
        .find(|n| n.0 == metric)
        .map_or_else(|| words(metric), |n| n.1.to_owned())
}

/// Short name of a metric.
pub(super) fn short(metric: &str) -> String {
    NAMES
        .iter()
        .find(|n| n.0 == metric)
        .map_or_else(|| words(metric), |n| n.2.to_owned())
}

/// Whether larger values are worse.
pub(super) fn is_loss(metric: &str) -> bool {
    matches!(
        metric,
        "mae_groups" | "mae_years" | "macro_mae" | "nll" | "brier" | "rps" | "ece"
    )
}

/// Class of a difference's cell: better, worse, or neither where the interval holds 0 or no direction is better.
pub(super) fn change_class(metric: &str, interval: Option<(f64, f64)>) -> &'static str {
    match interval {
        Some((low, high)) if (low > 0.0 || high < 0.0) && metric != "signed_error" => {
            if (low > 0.0) != is_loss(metric) {
                "rise"
            } else {
                "fall"
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
    fn every_metric_has_a_name() {
        assert_eq!(name("mae_years"), "Mean absolute error (years)");
        assert_eq!(short("mae_years"), "MAE (years)");
        assert_eq!(name("top_two"), "Top two");
    }
}
