//! What the numbers mean, in plain words.

use cohort_eval::{Metric, SelectionMeasure};

use super::layout::Section;
use super::words::Words;

/// Identifiers that ask for the entry, its name, its meaning; those of metrics come from the metrics.
const ENTRIES: [(&[&str], &str, &str); 15] = [
    (
        &["auc"],
        "Area under the ROC curve",
        "The chance that a clip of the class is given a higher probability of it than a clip of another class. 0.5: no better than chance. 1: perfect order.",
    ),
    (
        &["average_precision"],
        "Average precision",
        "Clips are sorted by the probability of the class; at each clip of the class, what share of those so far belongs to it, averaged. A random order gives the share of the class among all clips.",
    ),
    (
        &["precision_recall"],
        "Precision and recall",
        "Precision: what share of the clips given a class's name belong to it. Recall: what share of the class's clips are given its name. F1 is their harmonic mean.",
    ),
    (
        &["interval"],
        "Interval",
        "A range made so that 95 of 100 such ranges hold the true value.",
    ),
    (
        &["not_estimable"],
        "Not estimable",
        "Too few subjects for an honest interval. The row stays, so that no group disappears from the table.",
    ),
    (
        &["majority"],
        "Majority",
        "Always naming the most common class of the clips scored. A model may know something (kappa above 0) and still give worse answers than this.",
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
        &["outcome"],
        "Shown, suspected, not shown, not testable",
        "Shown: a finding that would come up in at most 5 of 100 audits if no group were at a disadvantage. Suspected: the attribute's own p value is below 0.05, but not small enough for all attributes together. Not shown: tested, and nothing stands out; no proof of fairness. Not testable: too few subjects, or a model that is not shown to know anything.",
    ),
    (
        &["reference_bias"],
        "Mean difference of accuracies",
        "Mean absolute difference of accuracy over all pairs of groups. It has no null and no interval, so it cannot tell a gap from noise.",
    ),
    (
        &["pooled"],
        "Partially pooled",
        "An estimate drawn towards that of all groups, the more the fewer subjects it stands on. It errs less on average for small groups.",
    ),
    (
        &["shapley"],
        "Shapley share",
        "What a modality adds to the skill, averaged over all orders in which the modalities can be added. The shares add up to the gain of the full model over always naming one class.",
    ),
    (
        &["risk_coverage"],
        "Risk and coverage",
        "What share of answers is wrong when the model keeps silent on the clips that it is least sure of.",
    ),
    (
        &["conformal"],
        "Prediction set",
        "A set of classes made to hold the true one for a stated share of clips, whatever the model. Wide sets say that the model does not know.",
    ),
];

/// The entries that the sections of a page speak of.
pub(super) fn section(mentioned: &[String], words: &Words) -> Section {
    let mut section = Section::new("glossary", "What the words mean");
    section.body.open("dl");
    for metric in Metric::ALL {
        if mentioned.iter().any(|m| m == metric.name()) {
            let (_, meaning) = metric.glossary(words.ages);
            let term = words.title(metric);
            section
                .body
                .element("dt", &term)
                .element("dd", &words.say(meaning));
        }
    }
    for measure in SelectionMeasure::ALL {
        if mentioned.iter().any(|m| m == measure.name()) {
            section
                .body
                .element("dt", measure.title())
                .element("dd", &words.say(measure.meaning()));
        }
    }
    for (identifiers, name, meaning) in ENTRIES {
        let asked = identifiers
            .iter()
            .any(|i| mentioned.iter().any(|m| m == i) || ALWAYS.contains(i));
        if asked {
            let mut meaning = words.say(meaning);
            if identifiers.contains(&"interval") && words.has_units() {
                meaning += &words.say(
                    " Clips of one subject are alike, so whole subjects are resampled, not clips.",
                );
            }
            section.body.element("dt", name).element("dd", &meaning);
        }
    }
    section.body.close("dl");
    section
}

const ALWAYS: [&str; 2] = ["interval", "majority"];

#[cfg(test)]
mod tests {
    use super::*;
    use cohort_tables::Nouns;

    fn ages() -> Words {
        Words {
            ages: true,
            ..Words::default()
        }
    }

    #[test]
    fn only_what_is_spoken_of_is_explained() {
        let html = section(&["mae_years".into(), "unheard_of".into()], &ages());
        let html = html.body.into_string();
        assert_eq!(html.matches("<dt>").count(), 1 + ALWAYS.len());
        assert!(html.contains("on the scale of the classes"));
    }

    #[test]
    fn ages_clips_and_subjects_are_spoken_of_only_where_there_are_any() {
        let metrics = Metric::ALL.iter().map(|m| m.name().to_owned());
        let metrics = metrics.chain(SelectionMeasure::ALL.iter().map(|m| m.name().to_owned()));
        let entries = ENTRIES.iter().map(|entry| entry.0[0].to_owned());
        let all: Vec<String> = metrics.chain(entries).collect();
        let html = |words: &Words| section(&all, words).body.into_string();
        assert!(html(&ages()).contains("taken for older"));
        let pictures = Words::new(Nouns {
            item: "picture".into(),
            unit: "picture".into(),
        });
        let of_pictures = html(&pictures);
        for word in [
            "older", "younger", "people", "seven", " age", "clip", "subject",
        ] {
            assert!(!of_pictures.contains(word), "{word}");
        }
    }
}
