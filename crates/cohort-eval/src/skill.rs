//! Is there skill at all? Whether the model carries information, and whether its answers beat what needs no model: always
//! the majority class, and guessing by prevalence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::interval::{tally_differences, tally_intervals};
use crate::metrics::Prevalences;
use crate::random::Stream;
use crate::tally::Tally;
use crate::{EvalError, Interval, IntervalSettings, Metric, Sample, scores};

/// Whether the model is of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// The model carries information ([`Information::shown`]), and its answers are not worse than the majority rule in both
    /// accuracy and error ([`AgainstMajority::worse_in_both`]).
    #[serde(rename = "skill")]
    Skill,
    /// Skill is not shown: no information is, or the answers are worse than always naming the majority class, or kappa cannot
    /// be given (then [`Skill::reason`] says why).
    #[serde(rename = "no skill")]
    NoSkill,
}

/// Whether the model knows anything about the truth: the gate before fairness.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Information {
    /// The interval of kappa lies above 0 (where every answer is right: that of accuracy above the agreement of guesses), or
    /// that of `likelihood` below 0. A model that guesses passes in at most 5 % of cases (at the default level of intervals).
    pub shown: bool,
    /// Negative log likelihood less that of stating the prevalences, by subject; absent without probabilities.
    pub likelihood: Option<Interval>,
}

/// Whether the answers beat always naming the most frequent true class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgainstMajority {
    /// Accuracy against the majority's.
    pub accuracy: Beats,
    /// Absolute error against the majority's; absent for unordered classes.
    pub error: Option<Beats>,
    /// Both values are worse than the majority's (for unordered classes: accuracy is), whatever their intervals.
    pub worse_in_both: bool,
}

/// A difference to the majority rule, by its interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Beats {
    /// The interval lies on the good side of 0.
    Better,
    /// The interval lies on the bad side of 0.
    Worse,
    /// It holds 0, or cannot be given.
    Undecided,
}

/// Skill of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Skill {
    /// The verdict.
    pub verdict: Verdict,
    /// Whether the model carries information.
    pub information: Information,
    /// Whether its answers beat the majority rule.
    pub answers: AgainstMajority,
    /// Why skill cannot be judged; absent where kappa has an interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The metric it rests on: quadratic kappa for ordered classes, kappa for others.
    pub metric: Metric,
    /// That metric with its interval.
    pub kappa: Interval,
    /// Code of the most frequent true class of these clips.
    pub majority_class: String,
    /// Metrics of always predicting that class.
    pub majority: BTreeMap<Metric, f64>,
    /// Expected metrics of guessing each class as often as it occurs; probability scores of stating the prevalences.
    pub prior: BTreeMap<Metric, f64>,
    /// Model minus majority, by subject, for the metrics that majority has.
    pub over_majority: BTreeMap<Metric, Interval>,
}

/// Metrics with intervals and the verdict.
pub(crate) fn skill(
    sample: &Sample,
    classes: &[String],
    settings: &IntervalSettings,
) -> Result<(BTreeMap<Metric, Interval>, Skill), EvalError> {
    let tally = Tally::new(sample, None);
    let metrics = Metric::applicable(sample);
    let intervals = tally_intervals(
        &metrics,
        &tally,
        settings,
        Stream::new(settings.seed, &["overall"]),
    );
    let by_metric: BTreeMap<Metric, Interval> = metrics.into_iter().zip(intervals).collect();
    let metric = if sample.is_ordered() {
        Metric::QuadraticKappa
    } else {
        Metric::Kappa
    };
    let kappa = by_metric.get(&metric).cloned().ok_or(EvalError::Input {
        what: "skill",
        expected: "kappa among the metrics",
        found: "none".into(),
    })?;
    let mut prevalence = vec![0.0; sample.classes()];
    for &class in sample.truth() {
        prevalence[class] += 1.0;
    }
    for count in &mut prevalence {
        *count /= sample.len() as f64;
    }
    let prior = prior(sample, &prevalence);
    let (by_kappa, reason) = informed(&kappa, by_metric.get(&Metric::Accuracy), &prior);
    let likelihood = likelihood(sample, &tally, &prevalence, settings)?;
    let by_likelihood = likelihood.as_ref().and_then(Interval::estimate);
    let information = Information {
        shown: by_kappa || by_likelihood.is_some_and(|e| e.high < 0.0),
        likelihood,
    };
    // The first of equals, as scikit-learn's DummyClassifier has it.
    let largest = prevalence.iter().copied().fold(0.0, f64::max);
    let most = prevalence.iter().position(|&p| p == largest);
    let most = most.expect("the largest of the prevalences is one of them");
    let constant = vec![most; sample.len()];
    let mut majority = Sample::new(
        sample.classes(),
        sample.truth(),
        &constant,
        sample.subject(),
    )?;
    if !sample.is_ordered() {
        majority = majority.unordered();
    }
    if let Some(midpoints) = sample.midpoints() {
        majority = majority.with_midpoints(midpoints)?;
    }
    let metrics = Metric::applicable(&majority);
    let values = scores(&metrics, &majority);
    let differences = tally_differences(
        &metrics,
        &tally,
        &Tally::new(&majority, None),
        settings,
        Stream::new(settings.seed, &["over majority"]),
    );
    let over_majority: BTreeMap<Metric, Interval> =
        metrics.iter().copied().zip(differences).collect();
    let answers = answers(&over_majority);
    let skilled = information.shown && !answers.worse_in_both;
    Ok((
        by_metric,
        Skill {
            verdict: if skilled {
                Verdict::Skill
            } else {
                Verdict::NoSkill
            },
            reason: reason.filter(|_| !information.shown),
            information,
            answers,
            metric,
            kappa,
            majority_class: classes[most].clone(),
            majority: metrics
                .iter()
                .copied()
                .zip(values)
                .filter_map(|(metric, value)| Some((metric, value?)))
                .collect(),
            prior,
            over_majority,
        },
    ))
}

/// Whether kappa shows information, and why it cannot be judged where it cannot.
fn informed(
    kappa: &Interval,
    accuracy: Option<&Interval>,
    prior: &BTreeMap<Metric, f64>,
) -> (bool, Option<String>) {
    let none = match kappa {
        Interval::Estimated(estimate) => return (estimate.low > 0.0, None),
        Interval::NotEstimable(none) => none,
    };
    let value = none.value.unwrap_or(f64::NAN);
    if value.abs() < 1e-9 {
        // Constant predictions: kappa is 0 for certain.
        return (false, None);
    }
    // Every answer right: kappa has no error to see, but accuracy has an exact interval. Kappa lies above 0 where
    // accuracy lies above the agreement of guesses.
    let low = accuracy.and_then(Interval::estimate).map(|e| e.low);
    let guesses = prior.get(&Metric::Accuracy).copied();
    if value > 1.0 - 1e-9 && low.zip(guesses).is_some_and(|(low, guesses)| low > guesses) {
        return (true, None);
    }
    (false, Some(none.reason.clone()))
}

/// Negative log likelihood of the model less that of stating the prevalences of these clips, paired by subject.
fn likelihood(
    sample: &Sample,
    tally: &Tally,
    prevalence: &[f64],
    settings: &IntervalSettings,
) -> Result<Option<Interval>, EvalError> {
    if !sample.has_probabilities() {
        return Ok(None);
    }
    let stated = prevalence.repeat(sample.len());
    let mut prior = Sample::new(
        sample.classes(),
        sample.truth(),
        sample.predicted(),
        sample.subject(),
    )?
    .with_probabilities(&stated)?;
    if !sample.is_ordered() {
        prior = prior.unordered();
    }
    let stream = Stream::new(settings.seed, &["over prior"]);
    let prior = Tally::new(&prior, None);
    Ok(tally_differences(&[Metric::Nll], tally, &prior, settings, stream).pop())
}

/// How the answers compare with the majority's, from the differences to it.
fn answers(over_majority: &BTreeMap<Metric, Interval>) -> AgainstMajority {
    let of = |metric: Metric, sign: f64| {
        let interval = over_majority.get(&metric)?;
        let value = sign * interval.value()?;
        let beats = interval.estimate().map_or(Beats::Undecided, |e| {
            let (low, high) = (sign * e.low, sign * e.high);
            if low.min(high) > 0.0 {
                Beats::Better
            } else if low.max(high) < 0.0 {
                Beats::Worse
            } else {
                Beats::Undecided
            }
        });
        Some((beats, value < 0.0))
    };
    let accuracy = of(Metric::Accuracy, 1.0);
    let error = of(Metric::MaeGroups, -1.0);
    AgainstMajority {
        accuracy: accuracy.map_or(Beats::Undecided, |a| a.0),
        error: error.map(|e| e.0),
        worse_in_both: accuracy.is_some_and(|a| a.1) && error.is_none_or(|e| e.1),
    }
}

/// Metrics of guessing by prevalence, and scores of the prevalences as probabilities.
fn prior(sample: &Sample, prevalence: &[f64]) -> BTreeMap<Metric, f64> {
    let prevalences = Prevalences::new(prevalence, sample.midpoints());
    let chance = |metric: Metric| Some((metric, (metric.definition().chance)(&prevalences)?));
    let metrics = Metric::applicable(sample).into_iter();
    metrics.filter_map(chance).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> IntervalSettings {
        IntervalSettings {
            resamples: 200,
            ..Default::default()
        }
    }

    #[test]
    fn prior_scores_equal_those_of_the_prevalences_as_probabilities() {
        let truth = [0, 1, 1, 2, 2, 2, 1, 1];
        let predicted = [1; 8];
        let p: Vec<f64> = [0.125, 0.5, 0.375].repeat(8);
        let subject = [0, 1, 2, 3, 4, 5, 6, 7];
        let midpoints = [1.0, 2.0, 4.0];
        let sample = Sample::new(3, &truth, &predicted, &subject).unwrap();
        let sample = sample
            .with_probabilities(&p)
            .unwrap()
            .with_midpoints(&midpoints)
            .unwrap();
        let (metrics, skill) =
            skill(&sample, &["a".into(), "b".into(), "c".into()], &settings()).unwrap();
        for metric in [Metric::Nll, Metric::Brier, Metric::Rps] {
            let value = metrics[&metric].value().unwrap();
            assert!((skill.prior[&metric] - value).abs() < 1e-12, "{metric:?}");
        }
        // Sum over pairs by hand: 2 (.125 .5 1 + .125 .375 2 + .5 .375 1).
        assert!((skill.prior[&Metric::MaeGroups] - 0.6875).abs() < 1e-12);
        assert!(
            (skill.prior[&Metric::MaeYears] - 2.0 * (0.0625 + 0.046875 * 3.0 + 0.1875 * 2.0)).abs()
                < 1e-12
        );
        assert_eq!(
            (
                skill.majority_class.as_str(),
                skill.majority[&Metric::Accuracy]
            ),
            ("b", 0.5)
        );
        // The probabilities are the prevalences: no likelihood over them.
        let likelihood = skill.information.likelihood.as_ref().unwrap();
        assert!(likelihood.value().unwrap().abs() < 1e-12 && !skill.information.shown);
        // Constant predictions are the majority: no skill, and no difference to it.
        assert_eq!(skill.verdict, Verdict::NoSkill);
        assert_eq!(skill.over_majority[&Metric::Accuracy].value(), Some(0.0));
    }

    #[test]
    fn a_good_model_has_skill_and_too_few_subjects_have_no_verdict() {
        let truth: Vec<usize> = (0..60).map(|i| i % 3).collect();
        let predicted: Vec<usize> = truth
            .iter()
            .enumerate()
            .map(|(i, t)| if i % 7 == 0 { (t + 1) % 3 } else { *t })
            .collect();
        let subject: Vec<usize> = (0..60).map(|i| i / 2).collect();
        let names = ["a".to_string(), "b".to_string(), "c".to_string()];
        let sample = Sample::new(3, &truth, &predicted, &subject).unwrap();
        assert_eq!(
            skill(&sample, &names, &settings()).unwrap().1.verdict,
            Verdict::Skill
        );
        let unordered = skill(&sample.unordered(), &names, &settings()).unwrap().1;
        assert_eq!(
            (unordered.verdict, unordered.metric),
            (Verdict::Skill, Metric::Kappa)
        );
        let one: Vec<usize> = vec![0; 60];
        let sample = Sample::new(3, &truth, &predicted, &one).unwrap();
        let of_one = skill(&sample, &names, &settings()).unwrap().1;
        assert_eq!(
            (of_one.verdict, of_one.reason.as_deref()),
            (Verdict::NoSkill, Some("1 subjects, fewer than 5"))
        );
    }

    #[test]
    fn information_and_better_answers_are_two_things() {
        // Six of ten clips are of the middle class; the model names the ends far too often, but more often where they are
        // true: it knows something, and always naming the middle would be right more often and nearer.
        let cell = |truth: usize, predicted: usize, n: usize| vec![(truth, predicted); n];
        let rows: Vec<(usize, usize)> = [
            cell(0, 0, 30),
            cell(0, 1, 4),
            cell(0, 2, 6),
            cell(1, 0, 54),
            cell(1, 1, 12),
            cell(1, 2, 54),
            cell(2, 0, 6),
            cell(2, 1, 4),
            cell(2, 2, 30),
        ]
        .concat();
        let (truth, predicted): (Vec<usize>, Vec<usize>) = rows.into_iter().unzip();
        let subject: Vec<usize> = (0..truth.len()).collect();
        let names = ["a".to_string(), "b".to_string(), "c".to_string()];
        let sample = Sample::new(3, &truth, &predicted, &subject).unwrap();
        let found = skill(&sample, &names, &settings()).unwrap().1;
        assert!(found.information.shown && found.information.likelihood.is_none());
        // By hand: 72 and 120 of 200 right; errors (4 + 12 + 54 + 54 + 12 + 4) / 200 against 80 / 200.
        let over = |metric| found.over_majority[&metric].value().unwrap();
        assert!((over(Metric::Accuracy) + 0.24).abs() < 1e-12);
        assert!((over(Metric::MaeGroups) - 0.3).abs() < 1e-12);
        assert_eq!(
            found.answers,
            AgainstMajority {
                accuracy: Beats::Worse,
                error: Some(Beats::Worse),
                worse_in_both: true
            }
        );
        assert_eq!(found.verdict, Verdict::NoSkill);
    }
}
