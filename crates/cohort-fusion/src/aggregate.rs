//! Aggregation: the clips of a subject (or of any id) decide together.

use cohort_eval::{Interval, IntervalSettings, Metric, Sample, intervals, paired_differences};
use cohort_tables::Predictions;
use serde::{Deserialize, Serialize};

use crate::numeric::{argmax, log_probabilities, softmax};
use crate::{FusionError, Subjects};

/// Version of the record.
pub const AGGREGATION_SCHEMA: &str = "cohort.aggregation/1";

/// How the clips of a subject decide together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AggregationRule {
    /// The class with the largest sum of probabilities; probabilities are their mean.
    ProbabilitySum,
    /// The softmax of the mean of the logits (log probabilities).
    MeanLogits,
    /// The most frequent decision, the more probable of equals; probabilities are the shares of the votes.
    Vote,
    /// As the sum, each clip weighted by its certainty `1 - entropy / ln K`.
    ConfidenceWeighted,
}

impl AggregationRule {
    /// All rules, in the order in which they are reported.
    pub const ALL: [Self; 4] = [
        Self::ProbabilitySum,
        Self::MeanLogits,
        Self::Vote,
        Self::ConfidenceWeighted,
    ];

    /// The rule in words.
    pub fn title(self) -> &'static str {
        match self {
            Self::ProbabilitySum => "sum of probabilities",
            Self::MeanLogits => "mean of logits",
            Self::Vote => "vote",
            Self::ConfidenceWeighted => "weighted by confidence",
        }
    }
}

/// One row a subject, sorted by name; `truth` is the most frequent of its clips (the lowest of equals).
///
/// Tables without probabilities can be aggregated by vote only.
///
/// # Errors
/// [`FusionError`] when a rule other than the vote finds no probabilities, or clips are not in the label tables.
pub fn aggregate(
    predictions: &Predictions,
    subjects: &Subjects,
    rule: AggregationRule,
) -> Result<Predictions, FusionError> {
    let (names, subject) = subjects.index("test", &predictions.names)?;
    aggregate_rows(predictions, names, &subject, rule)
}

fn aggregate_rows(
    predictions: &Predictions,
    names: Vec<String>,
    subject: &[usize],
    rule: AggregationRule,
) -> Result<Predictions, FusionError> {
    let k = predictions.classes.len();
    if predictions.probabilities.is_none() && rule != AggregationRule::Vote {
        return Err(FusionError::table(
            "(all)",
            "test",
            format!("probabilities for the {}", rule.title()),
            "decisions only, which can be aggregated by vote",
        ));
    }
    let mut sums = vec![0.0; names.len() * k];
    let mut plain = vec![0.0; names.len() * k];
    let mut truths = vec![0.0; names.len() * k];
    let mut log_row = vec![0.0; k];
    for (i, &s) in subject.iter().enumerate() {
        let out = &mut sums[s * k..(s + 1) * k];
        if let Some(truth) = &predictions.truth {
            truths[s * k + truth[i]] += 1.0;
        }
        if rule == AggregationRule::Vote {
            out[predictions.predicted[i]] += 1.0;
        }
        let Some(row) = predictions.row(i) else {
            continue;
        };
        for (sum, p) in plain[s * k..(s + 1) * k].iter_mut().zip(row) {
            *sum += p;
        }
        let weight = match rule {
            AggregationRule::ConfidenceWeighted => certainty(row),
            AggregationRule::ProbabilitySum
            | AggregationRule::MeanLogits
            | AggregationRule::Vote => 1.0,
        };
        match rule {
            AggregationRule::Vote => {}
            AggregationRule::MeanLogits => {
                log_probabilities(row, &mut log_row);
                out.iter_mut().zip(&log_row).for_each(|(sum, z)| *sum += z);
            }
            _ => out
                .iter_mut()
                .zip(row)
                .for_each(|(sum, p)| *sum += weight * p),
        }
    }
    let mut clips = vec![0.0; names.len()];
    subject.iter().for_each(|&s| clips[s] += 1.0);
    let mut predicted = Vec::with_capacity(names.len());
    for (s, out) in sums.chunks_exact_mut(k.max(1)).enumerate() {
        let plain = &plain[s * k..(s + 1) * k];
        if rule == AggregationRule::MeanLogits {
            out.iter_mut().for_each(|z| *z /= clips[s]);
            softmax(out);
        } else {
            let total: f64 = out.iter().sum();
            if total > 0.0 {
                out.iter_mut().for_each(|sum| *sum /= total);
            } else {
                // Every clip is as uncertain as can be.
                let total: f64 = plain.iter().sum();
                out.iter_mut()
                    .zip(plain)
                    .for_each(|(sum, p)| *sum = p / total);
            }
        }
        predicted.push(match rule {
            AggregationRule::Vote => winner(out, plain),
            _ => argmax(out),
        });
    }
    Ok(Predictions {
        names,
        classes: predictions.classes.clone(),
        truth: predictions
            .truth
            .as_ref()
            .map(|_| truths.chunks_exact(k).map(argmax).collect()),
        predicted,
        probabilities: Some(sums),
    })
}

/// `1 - entropy / ln K`: 0 for equal probabilities, 1 for a certain row.
fn certainty(row: &[f64]) -> f64 {
    let total: f64 = row.iter().sum();
    let entropy: f64 = row
        .iter()
        .filter(|p| **p > 0.0)
        .map(|p| -(p / total) * (p / total).ln())
        .sum();
    (1.0 - entropy / (row.len() as f64).ln()).max(0.0)
}

/// The class with most votes, among equals the one with the larger sum of probabilities, then the lower.
fn winner(votes: &[f64], sums: &[f64]) -> usize {
    let mut best = 0;
    for class in 1..votes.len() {
        if (votes[class], sums[class]) > (votes[best], sums[best]) {
            best = class;
        }
    }
    best
}

/// Aggregation by every rule that the table allows, beside the clips' own decisions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Aggregation {
    /// `cohort.aggregation/1`.
    pub schema: String,
    /// How subjects were found.
    pub subjects_by: String,
    /// Clips.
    pub clips: usize,
    /// Subjects.
    pub subjects: usize,
    /// How far the clips of a subject agree.
    pub agreement: Agreement,
    /// The clips' own decisions, a metric each; the unit is the clip.
    pub by_clip: Vec<Figure>,
    /// Each rule.
    pub rules: Vec<RuleResult>,
    /// What a reader should know of how the tables were read; absent where there is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A metric with its interval by subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Machine name of the metric.
    pub metric: String,
    /// Value with interval, or why there is none.
    pub interval: Interval,
}

/// How far the clips of a subject agree, over the subjects with at least two clips.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Subjects with at least two clips.
    pub subjects: usize,
    /// Share of them whose clips all get the same decision; absent when there are none.
    pub unanimous: Option<f64>,
    /// Share of the pairs of clips within a subject that get the same decision, averaged over subjects.
    pub pairs: Option<f64>,
    /// Subjects whose clips carry more than one true class.
    pub contradicting_truth: usize,
}

/// One aggregation rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleResult {
    /// The rule.
    pub rule: AggregationRule,
    /// Metrics with the subject as the unit: one decision and one truth a subject.
    pub by_subject: Vec<Figure>,
    /// Metrics with the clip as the unit, every clip given its subject's decision.
    pub by_clip: Vec<Figure>,
    /// `by_clip` less the clips' own decisions, paired on the same clips.
    pub gain: Vec<Figure>,
}

/// Compares the aggregation rules with the clips' own decisions, in both units.
///
/// # Errors
/// [`FusionError`] when there is no ground truth, clips are not in the label tables, or interval settings are out of range.
pub fn aggregation(
    predictions: &Predictions,
    subjects: &Subjects,
    ordered: bool,
    settings: &IntervalSettings,
) -> Result<Aggregation, FusionError> {
    let Some(truth) = &predictions.truth else {
        return Err(FusionError::table("(all)", "test", "ground truth", "none"));
    };
    let (names, subject) = subjects.index("test", &predictions.names)?;
    let k = predictions.classes.len();
    let metrics: &[Metric] = if ordered {
        &[
            Metric::Accuracy,
            Metric::BalancedAccuracy,
            Metric::QuadraticKappa,
            Metric::MacroMae,
        ]
    } else {
        &[Metric::Accuracy, Metric::BalancedAccuracy]
    };
    let figures = |values: Vec<Interval>| -> Vec<Figure> {
        let named = metrics.iter().zip(values);
        named
            .map(|(m, interval)| Figure {
                metric: m.name().to_string(),
                interval,
            })
            .collect()
    };
    let own = sample(k, ordered, truth, &predictions.predicted, &subject)?;
    let allowed = AggregationRule::ALL
        .into_iter()
        .filter(|rule| predictions.probabilities.is_some() || *rule == AggregationRule::Vote);
    let mut rules = Vec::new();
    for rule in allowed {
        let together = aggregate_rows(predictions, names.clone(), &subject, rule)?;
        let spread: Vec<usize> = subject.iter().map(|&s| together.predicted[s]).collect();
        let each: Vec<usize> = (0..names.len()).collect();
        let of_subject = together
            .truth
            .expect("the clips have a truth, so their subjects do");
        let by_subject = sample(k, ordered, &of_subject, &together.predicted, &each)?;
        let by_clip = sample(k, ordered, truth, &spread, &subject)?;
        rules.push(RuleResult {
            rule,
            by_subject: figures(intervals(metrics, &by_subject, settings)?),
            by_clip: figures(intervals(metrics, &by_clip, settings)?),
            gain: figures(paired_differences(metrics, &by_clip, &own, settings)?),
        });
    }
    Ok(Aggregation {
        schema: AGGREGATION_SCHEMA.to_string(),
        subjects_by: subjects.describe(),
        clips: predictions.len(),
        subjects: names.len(),
        agreement: agreement(k, &predictions.predicted, truth, &subject, names.len()),
        by_clip: figures(intervals(metrics, &own, settings)?),
        rules,
        notes: Vec::new(),
    })
}

fn sample<'a>(
    classes: usize,
    ordered: bool,
    truth: &'a [usize],
    predicted: &'a [usize],
    subject: &'a [usize],
) -> Result<Sample<'a>, FusionError> {
    let sample = Sample::new(classes, truth, predicted, subject)?;
    Ok(if ordered { sample } else { sample.unordered() })
}

fn agreement(
    k: usize,
    predicted: &[usize],
    truth: &[usize],
    subject: &[usize],
    subjects: usize,
) -> Agreement {
    let count = |classes: &[usize]| {
        let mut counts = vec![0usize; subjects * k];
        for (&s, &class) in subject.iter().zip(classes) {
            counts[s * k + class] += 1;
        }
        counts
    };
    let (mut several, mut unanimous, mut pairs) = (0usize, 0usize, 0.0);
    for counts in count(predicted).chunks_exact(k.max(1)) {
        let clips: usize = counts.iter().sum();
        if clips >= 2 {
            several += 1;
            unanimous += usize::from(counts.contains(&clips));
            let same: usize = counts.iter().map(|c| c * c.saturating_sub(1)).sum();
            pairs += same as f64 / (clips * (clips - 1)) as f64;
        }
    }
    let share = |x: f64| (several > 0).then(|| x / several as f64);
    Agreement {
        subjects: several,
        unanimous: share(unanimous as f64),
        pairs: share(pairs),
        contradicting_truth: count(truth)
            .chunks_exact(k.max(1))
            .filter(|counts| counts.iter().filter(|c| **c > 0).count() > 1)
            .count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three subjects, three classes, made by hand.
    fn table() -> Predictions {
        let rows = [
            ("a.0", 0, [0.5, 0.4, 0.1]),
            ("a.1", 0, [0.3, 0.6, 0.1]),
            ("b.0", 1, [0.40, 0.35, 0.25]),
            ("b.1", 1, [0.38, 0.36, 0.26]),
            ("b.2", 1, [0.01, 0.98, 0.01]),
            ("c.0", 2, [0.2, 0.2, 0.6]),
        ];
        Predictions {
            names: rows.iter().map(|r| r.0.to_string()).collect(),
            classes: vec!["1".into(), "2".into(), "3".into()],
            truth: Some(rows.iter().map(|r| r.1).collect()),
            predicted: rows.iter().map(|r| argmax(&r.2)).collect(),
            probabilities: Some(rows.iter().flat_map(|r| r.2).collect()),
        }
    }

    #[test]
    fn every_rule_equals_the_table_made_by_hand() {
        // a: sums (.8, 1.0, .2); products (.15, .24, .01), whose roots are (.3873, .4899, .1), sum .9772; votes one each,
        //    class 2 has the larger sum.
        // b: sums (.79, 1.69, .52); votes 2 : 1 for class 1.
        let cases = [
            (AggregationRule::ProbabilitySum, [0.4, 0.5, 0.1], [1, 1, 2]),
            (
                AggregationRule::MeanLogits,
                [0.396334, 0.501335, 0.102331],
                [1, 1, 2],
            ),
            (AggregationRule::Vote, [0.5, 0.5, 0.0], [1, 0, 2]),
        ];
        for (rule, first, decisions) in cases {
            let found = aggregate(&table(), &Subjects::ClipPrefix, rule).unwrap();
            assert_eq!(found.names, ["a", "b", "c"]);
            assert_eq!(found.truth.as_deref(), Some(&[0, 1, 2][..]));
            assert_eq!(found.predicted, decisions, "{rule:?}");
            for (p, e) in found.row(0).unwrap().iter().zip(first) {
                assert!((p - e).abs() < 1e-5, "{rule:?} {p} {e}");
            }
        }
        // Certainties of a: entropies .943348 and .897946 of ln 3 = 1.098612.
        let found = aggregate(
            &table(),
            &Subjects::ClipPrefix,
            AggregationRule::ConfidenceWeighted,
        );
        let (w0, w1) = (1.0 - 0.943348 / 1.098612, 1.0 - 0.897946 / 1.098612);
        let expected = (0.5 * w0 + 0.3 * w1) / (w0 + w1);
        assert!((found.unwrap().row(0).unwrap()[0] - expected).abs() < 1e-5);
    }

    #[test]
    fn equal_probabilities_stay_equal_and_contradicting_truth_takes_the_most_frequent() {
        let mut flat = table();
        flat.probabilities = Some(vec![1.0 / 3.0; 18]);
        flat.truth = Some(vec![2, 1, 2, 0, 2, 1]);
        let found = aggregate(
            &flat,
            &Subjects::ClipPrefix,
            AggregationRule::ConfidenceWeighted,
        )
        .unwrap();
        assert!(
            found
                .probabilities
                .unwrap()
                .iter()
                .all(|p| (p - 1.0 / 3.0).abs() < 1e-12)
        );
        assert_eq!(
            found.truth,
            Some(vec![1, 2, 1]),
            "the lowest of equals, the most frequent"
        );
    }

    #[test]
    fn both_units_agreement_and_gain() {
        let settings = IntervalSettings {
            resamples: 100,
            ..IntervalSettings::default()
        };
        let found = aggregation(&table(), &Subjects::ClipPrefix, true, &settings).unwrap();
        assert_eq!((found.clips, found.subjects), (6, 3));
        // a disagrees; b: one of three pairs agrees; c has one clip.
        assert_eq!(found.agreement.subjects, 2);
        assert_eq!(found.agreement.unanimous, Some(0.0));
        assert!((found.agreement.pairs.unwrap() - 0.5 * (0.0 + 1.0 / 3.0)).abs() < 1e-12);
        let value = |figures: &[Figure]| figures[0].interval.value().unwrap();
        assert!(
            (value(&found.by_clip) - 3.0 / 6.0).abs() < 1e-12,
            "a.0, b.2 and c.0 are right"
        );
        let sum = &found.rules[0];
        assert!(
            (value(&sum.by_subject) - 2.0 / 3.0).abs() < 1e-12,
            "b and c"
        );
        assert!(
            (value(&sum.by_clip) - 4.0 / 6.0).abs() < 1e-12,
            "the clips of b and c"
        );
        assert!((value(&sum.gain) - 1.0 / 6.0).abs() < 1e-12);
    }

    #[test]
    fn decisions_alone_can_only_vote() {
        let mut bare = table();
        bare.probabilities = None;
        let error = aggregate(
            &bare,
            &Subjects::ClipPrefix,
            AggregationRule::ProbabilitySum,
        );
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("probabilities for the sum")
        );
        let settings = IntervalSettings {
            resamples: 100,
            ..IntervalSettings::default()
        };
        let found = aggregation(&bare, &Subjects::ClipPrefix, true, &settings).unwrap();
        assert_eq!(found.rules.len(), 1);
    }
}
