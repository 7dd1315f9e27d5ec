//! What the numbers mean, in plain words.

use super::layout::Section;

/// Identifiers that ask for the entry, its name, its meaning.
const ENTRIES: [(&[&str], &str, &str); 24] = [
    (
        &["accuracy"],
        "Accuracy",
        "Share of clips whose group was met. With groups of unequal size, always saying the largest already scores well, so it is never read alone.",
    ),
    (
        &["balanced_accuracy"],
        "Balanced accuracy",
        "The share met within each true group, averaged over the groups, so that rare groups count as much as common ones. With seven groups, guessing gives 0.143.",
    ),
    (
        &["macro_f1"],
        "Macro F1",
        "For each group the harmonic mean of how many of its clips were met and how many of the clips given its name belong to it; averaged over the groups.",
    ),
    (
        &["quadratic_kappa"],
        "Quadratic kappa",
        "Agreement beyond what chance alone would give, where a miss by two groups costs four times as much as a miss by one. 0: no better than chance. 1: perfect.",
    ),
    (
        &["mae_groups"],
        "Mean absolute error (groups)",
        "How many groups a prediction is off, on average. 0 is perfect.",
    ),
    (
        &["mae_years"],
        "Mean absolute error (years)",
        "The same in years, each group standing for its midpoint.",
    ),
    (
        &["macro_mae"],
        "Macro mean absolute error",
        "The mean absolute error within each true group, averaged over the groups.",
    ),
    (
        &["within_one"],
        "Within one group",
        "Share of clips that are met or missed by a neighbouring group only.",
    ),
    (
        &["signed_error"],
        "Signed error",
        "Mean of predicted minus true group. Above 0: people are taken for older than they look to others; below 0: for younger.",
    ),
    (
        &["nll"],
        "Negative log likelihood",
        "How surprised the model was by the truth. Small is good; a confident miss costs much.",
    ),
    (
        &["brier"],
        "Brier score",
        "Squared distance between the predicted probabilities and what happened. 0 is perfect, 2 the worst.",
    ),
    (
        &["rps"],
        "Ranked probability score",
        "The Brier score for ordered groups: probability put far from the truth costs more than next to it.",
    ),
    (
        &["ece"],
        "Expected calibration error",
        "How far stated confidence lies from the share that is right. 0.05: when the model says 80%, it is right for about 75% or 85%.",
    ),
    (
        &["interval"],
        "Interval",
        "A range made so that 95 of 100 such ranges hold the true value. Clips of one subject are alike, so whole subjects are resampled, not clips.",
    ),
    (
        &["not_estimable"],
        "Not estimable",
        "Too few subjects for an honest interval. The row stays, so that nobody disappears from the table.",
    ),
    (
        &["majority"],
        "Majority baseline",
        "A model that always says the most common group. A model may know something (kappa above 0) and still give worse answers than this.",
    ),
    (
        &["disparity"],
        "Gap and its null",
        "How much a metric differs between groups, beside how much it would differ if the group labels meant nothing: they are shuffled between subjects many times.",
    ),
    (
        &["p_value"],
        "p value, corrected",
        "Share of shuffles with a gap at least as large as the one seen. Many gaps are tested at once, so it is corrected (Holm) to keep false alarms at the stated rate.",
    ),
    (
        &["minimum_detectable"],
        "Smallest detectable gap",
        "A gap smaller than this would often go unnoticed in data of this size. Finding nothing does not rule such a gap out.",
    ),
    (
        &["reference_bias"],
        "Reference bias",
        "Mean absolute difference of accuracy over all pairs of groups, as the reference system's evaluation printed it. It has no null and no interval, so it cannot tell bias from noise.",
    ),
    (
        &["pooled"],
        "Partially pooled",
        "An estimate drawn towards that of all groups, the more the fewer subjects it stands on. It errs less on average for small groups.",
    ),
    (
        &["shapley"],
        "Shapley share",
        "What a modality adds to the skill, averaged over all orders in which the modalities can be added. The shares add up to the skill of the full model over the baseline.",
    ),
    (
        &["risk_coverage"],
        "Risk and coverage",
        "What share of answers is wrong when the model keeps silent on the clips that it is least sure of.",
    ),
    (
        &["conformal"],
        "Prediction set",
        "A set of neighbouring groups made to hold the true one for a stated share of clips, whatever the model. Wide sets say that the model does not know.",
    ),
];

/// The entries that the sections of a page speak of.
pub(super) fn section(mentioned: &[String]) -> Section {
    let mut section = Section::new("glossary", "Glossary", "What the words mean");
    section.body.open("dl");
    for (identifiers, name, meaning) in ENTRIES {
        let asked = identifiers
            .iter()
            .any(|i| mentioned.iter().any(|m| m == i) || ALWAYS.contains(i));
        if asked {
            section.body.element("dt", name).element("dd", meaning);
        }
    }
    section.body.close("dl");
    section
}

const ALWAYS: [&str; 2] = ["interval", "majority"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_spoken_of_is_explained() {
        let html = section(&["mae_years".into(), "unheard_of".into()])
            .body
            .into_string();
        assert_eq!(html.matches("<dt>").count(), 1 + ALWAYS.len());
        assert!(html.contains("in years"));
    }
}
