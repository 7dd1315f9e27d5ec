//! Shapley shares of the modalities in skill over the majority baseline, with intervals by subject.

use cohort_eval::{FEWEST_SUBJECTS, Metric};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::shapley::shapley;
use crate::tally::Tally;

/// Metrics whose skill is shared out.
pub const SHARED_METRICS: [Metric; 5] = [
    Metric::BalancedAccuracy,
    Metric::QuadraticKappa,
    Metric::Accuracy,
    Metric::MacroMae,
    Metric::Nll,
];

/// How one family of models' skill is shared among the modalities, in one metric, for everyone or for one group.
///
/// The value of a subset of modalities is its skill: how much better than the majority baseline its model is in the
/// metric (baseline minus model where less is better). The baseline always answers with the most frequent class of the
/// validation split, its probabilities are the class shares there. A modality's part is its exact Shapley value; the parts sum
/// to the skill of all modalities together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// `late`, or the name of a family of joint models.
    pub family: String,
    /// Machine name of the metric.
    pub metric: String,
    /// Label column of the group; absent for everyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// Code of the group; absent for everyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Test clips.
    pub clips: usize,
    /// Their subjects.
    pub subjects: usize,
    /// The metric of the majority baseline; absent where the metric is not defined (kappa of one class).
    pub baseline: Option<f64>,
    /// The metric of all modalities together.
    pub full: Option<f64>,
    /// Skill of all modalities together: what is shared out.
    pub skill: Option<f64>,
    /// Each modality's part; empty where skill is not defined.
    pub parts: Vec<SharePart>,
}

/// One modality's part of the skill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SharePart {
    /// The modality.
    pub modality: String,
    /// Its Shapley value, in units of the metric; positive is better.
    pub value: f64,
    /// Lower end of the interval: jackknife over subjects, Student's t; absent with fewer than 5 subjects.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// `value` as a share of the skill; absent when the skill is not above 0 or a modality's part is below 0: parts that
    /// cancel are no shares of a whole.
    pub share: Option<f64>,
}

/// Whom and what the shares are of.
pub(crate) struct Subject<'a> {
    pub family: &'a str,
    pub attribute: Option<&'a str>,
    pub group: Option<&'a str>,
    pub modalities: &'a [String],
    pub level: f64,
}

/// Shares in one metric. `tallies[mask]` are the counts of the subset `mask`'s model on the same clips, `tallies[0]` those of
/// the majority baseline.
pub(crate) fn shares(of: &Subject, metric: Metric, tallies: &[Tally]) -> Shares {
    let players = of.modalities.len();
    let clips = tallies.first().map_or(0, Tally::clips);
    let subjects = tallies.first().map_or(0, Tally::subjects);
    let value = |at: usize| tallies.get(at).and_then(|tally| tally.value(metric, None));
    let (baseline, full) = (value(0), value(tallies.len() - 1));
    let whole = parts(metric, players, tallies, None);
    let skill = whole.as_ref().map(|parts| parts.iter().sum::<f64>());
    let mut shares = Shares {
        family: of.family.to_string(),
        metric: metric.name().to_string(),
        attribute: of.attribute.map(str::to_string),
        group: of.group.map(str::to_string),
        clips,
        subjects,
        baseline,
        full,
        skill,
        parts: Vec::new(),
    };
    let (Some(whole), Some(skill)) = (whole, skill) else {
        return shares;
    };
    let errors = jackknife(metric, players, tallies, &whole, subjects);
    let t = t_quantile(subjects, of.level);
    let is_whole = skill > 0.0 && whole.iter().all(|&part| part >= 0.0);
    for ((modality, &value), error) in of.modalities.iter().zip(&whole).zip(errors) {
        let half = error.zip(t).map(|(error, t)| t * error);
        shares.parts.push(SharePart {
            modality: modality.clone(),
            value,
            low: half.map(|half| value - half),
            high: half.map(|half| value + half),
            share: is_whole.then(|| value / skill),
        });
    }
    shares
}

/// Shapley values on all clips or without one subject; `None` where the metric is not defined for some subset.
fn parts(
    metric: Metric,
    players: usize,
    tallies: &[Tally],
    without: Option<usize>,
) -> Option<Vec<f64>> {
    let sign = if metric.higher_is_better() == Some(false) {
        -1.0
    } else {
        1.0
    };
    let values: Option<Vec<f64>> = tallies
        .iter()
        .map(|tally| Some(sign * tally.value(metric, without)?))
        .collect();
    Some(shapley(players, &values?))
}

/// Jackknife standard errors: `sqrt((S - 1) / S sum_s (v_(-s) - v)^2)`; `None` with fewer than 5 subjects. A subject without
/// whom the metric is not defined counts as no change.
fn jackknife(
    metric: Metric,
    players: usize,
    tallies: &[Tally],
    whole: &[f64],
    subjects: usize,
) -> Vec<Option<f64>> {
    if subjects < FEWEST_SUBJECTS {
        return vec![None; players];
    }
    let mut sums = vec![0.0; players];
    for s in 0..subjects {
        let Some(without) = parts(metric, players, tallies, Some(s)) else {
            continue;
        };
        for ((sum, a), b) in sums.iter_mut().zip(&without).zip(whole) {
            *sum += (a - b).powi(2);
        }
    }
    let factor = (subjects as f64 - 1.0) / subjects as f64;
    sums.into_iter()
        .map(|sum| Some((factor * sum).sqrt()))
        .collect()
}

fn t_quantile(subjects: usize, level: f64) -> Option<f64> {
    let freedom = subjects.checked_sub(1).filter(|&freedom| freedom > 0)? as f64;
    Some(
        StudentsT::new(0.0, 1.0, freedom)
            .ok()?
            .inverse_cdf(0.5 + level / 2.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const K: usize = 2;

    fn tally(truth: &[usize], predicted: &[usize], subject: &[usize]) -> Tally {
        let p: Vec<f64> = predicted
            .iter()
            .flat_map(|&c| if c == 0 { [0.9, 0.1] } else { [0.2, 0.8] })
            .collect();
        let rows: Vec<usize> = (0..truth.len()).collect();
        Tally::new(K, truth, predicted, &p, subject, &rows)
    }

    fn of(modalities: &[String]) -> Subject<'_> {
        Subject {
            family: "late",
            attribute: None,
            group: None,
            modalities,
            level: 0.95,
        }
    }

    #[test]
    fn parts_sum_to_the_skill_and_duplicates_get_the_same() {
        let truth = [0, 0, 0, 0, 1, 1, 1, 1, 0, 1];
        let subject = [0, 0, 1, 1, 2, 3, 3, 4, 5, 6];
        let majority = tally(&truth, &[0; 10], &subject);
        let single = tally(&truth, &[0, 0, 0, 1, 1, 1, 0, 0, 0, 1], &subject);
        let other = tally(&truth, &[0, 1, 0, 0, 1, 0, 1, 0, 0, 0], &subject);
        let both = tally(&truth, &[0, 0, 0, 0, 1, 1, 1, 0, 0, 1], &subject);
        // Modalities a and a' are copies; b is another.
        let tallies: Vec<Tally> = [
            &majority, &single, &single, &single, &other, &both, &both, &both,
        ]
        .into_iter()
        .cloned()
        .collect();
        let names: Vec<String> = ["a", "a2", "b"].map(String::from).into();
        for metric in SHARED_METRICS {
            let found = shares(&of(&names), metric, &tallies);
            let sum: f64 = found.parts.iter().map(|p| p.value).sum();
            let (full, base) = (found.full.unwrap(), found.baseline.unwrap());
            let gain = if metric.higher_is_better() == Some(true) {
                full - base
            } else {
                base - full
            };
            assert!((sum - gain).abs() < 1e-12, "{metric:?}");
            assert!(
                (found.parts[0].value - found.parts[1].value).abs() < 1e-12,
                "{metric:?}"
            );
            assert!(
                found
                    .parts
                    .iter()
                    .all(|p| p.low.unwrap() <= p.value && p.value <= p.high.unwrap())
            );
            assert!((found.parts.iter().map(|p| p.share.unwrap()).sum::<f64>() - 1.0).abs() < 1e-9);
        }
        // A modality that does harm: the gains stand, but they are no shares of a whole.
        let bad = tally(&truth, &[1, 1, 1, 1, 0, 0, 0, 0, 1, 0], &subject);
        let harmed = [&majority, &both, &bad, &single].map(Clone::clone);
        let names: Vec<String> = ["a", "b"].map(String::from).into();
        let found = shares(&of(&names), Metric::Accuracy, &harmed);
        assert!(found.skill.unwrap() > 0.0 && found.parts[1].value < 0.0);
        assert!(found.parts.iter().all(|part| part.share.is_none()));
    }

    #[test]
    fn interval_of_a_single_modality_is_the_textbook_one() {
        // One modality, one clip a subject, accuracy against a baseline that is never right: the Shapley value is the
        // accuracy 6/8, the jackknife error is the standard error of a mean, sqrt(p (1 - p) / (n - 1)); t(7) at 97.5 % is 2.364624.
        let truth = [1; 8];
        let subject: Vec<usize> = (0..8).collect();
        let tallies = [
            tally(&truth, &[0; 8], &subject),
            tally(&truth, &[1, 1, 1, 1, 1, 1, 0, 0], &subject),
        ];
        let found = shares(&of(&["a".to_string()]), Metric::Accuracy, &tallies);
        let half = 2.364_624 * (0.75f64 * 0.25 / 7.0).sqrt();
        assert!((found.parts[0].value - 0.75).abs() < 1e-12);
        assert!((found.parts[0].high.unwrap() - 0.75 - half).abs() < 1e-6);
    }

    #[test]
    fn undefined_skill_and_few_subjects_are_said() {
        let truth = [0, 0, 0];
        let tallies = [
            tally(&truth, &[0; 3], &[0, 1, 1]),
            tally(&truth, &[0, 1, 0], &[0, 1, 1]),
        ];
        let names = ["a".to_string()];
        let kappa = shares(&of(&names), Metric::QuadraticKappa, &tallies);
        assert_eq!((kappa.skill, kappa.parts.len()), (None, 0), "one class");
        let accuracy = shares(&of(&names), Metric::Accuracy, &tallies);
        assert_eq!(accuracy.parts[0].low, None, "two subjects");
        assert_eq!(accuracy.parts[0].share, None, "worse than the majority");
    }
}
