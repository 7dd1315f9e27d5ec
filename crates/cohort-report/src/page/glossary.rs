//! What the numbers mean, in plain words.

use cohort_eval::Metric;

use super::layout::Section;

/// Identifiers that ask for the entry, its name, its meaning; those of metrics come from the metrics.
const ENTRIES: [(&[&str], &str, &str); 14] = [
    (
        &["auc"],
        "Area under the ROC curve",
        "The chance that a clip of the group is given a higher probability of it than a clip of another group. 0.5: no better than chance. 1: perfect order.",
    ),
    (
        &["average_precision"],
        "Average precision",
        "Clips are sorted by the probability of the group; at each clip of the group, what share of those so far belongs to it, averaged. A random order gives the share of the group among all clips.",
    ),
    (
        &["precision_recall"],
        "Precision and recall",
        "Precision: what share of the clips given a group's name belong to it. Recall: what share of the group's clips are given its name. F1 is their harmonic mean.",
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

/// The entries that the sections of a page speak of; `ages` where the classes are age groups.
pub(super) fn section(mentioned: &[String], ages: bool) -> Section {
    let mut section = Section::new("glossary", "Glossary", "What the words mean");
    section.body.open("dl");
    for metric in Metric::ALL {
        if mentioned.iter().any(|m| m == metric.name()) {
            let (term, meaning) = metric.glossary(ages);
            section.body.element("dt", term).element("dd", meaning);
        }
    }
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
        let html = section(&["mae_years".into(), "unheard_of".into()], true)
            .body
            .into_string();
        assert_eq!(html.matches("<dt>").count(), 1 + ALWAYS.len());
        assert!(html.contains("in years"));
    }

    #[test]
    fn ages_are_spoken_of_only_where_there_are_any() {
        let all: Vec<String> = Metric::ALL.iter().map(|m| m.name().to_owned()).collect();
        let html = |ages| section(&all, ages).body.into_string();
        assert!(html(true).contains("taken for older"));
        for word in ["older", "younger", "seven groups"] {
            assert!(!html(false).contains(word), "{word}");
        }
    }
}
