//! Is there skill at all? Metrics beside what needs no model: always the majority class, and guessing by prevalence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::interval::{tally_differences, tally_intervals};
use crate::random::Stream;
use crate::tally::Tally;
use crate::{EvalError, Interval, IntervalSettings, Metric, Sample, scores};

/// Whether the model knows more than chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// The interval of kappa lies above 0 (where every answer is right: that of accuracy above the agreement of guesses).
    #[serde(rename = "skill")]
    Skill,
    /// Skill is not shown: the interval of kappa holds 0, lies below, or cannot be given (then [`Skill::reason`] says
    /// why). Gaps are not interpretable.
    #[serde(rename = "no skill")]
    NoSkill,
}

/// Skill of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Skill {
    /// The verdict.
    pub verdict: Verdict,
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
        if let Some(count) = prevalence.get_mut(class) {
            *count += 1.0;
        }
    }
    for count in &mut prevalence {
        *count /= sample.len() as f64;
    }
    let prior = prior(sample, &prevalence);
    let (verdict, reason) = judge(&kappa, by_metric.get(&Metric::Accuracy), &prior);
    // The first of equals, as scikit-learn's DummyClassifier has it.
    let largest = prevalence.iter().copied().fold(0.0, f64::max);
    let most = prevalence.iter().position(|&p| p == largest).unwrap_or(0);
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
    Ok((
        by_metric,
        Skill {
            verdict,
            reason,
            metric,
            kappa,
            majority_class: classes.get(most).cloned().unwrap_or_default(),
            majority: metrics
                .iter()
                .copied()
                .zip(values)
                .filter_map(|(metric, value)| Some((metric, value?)))
                .collect(),
            prior,
            over_majority: metrics.iter().copied().zip(differences).collect(),
        },
    ))
}

/// The verdict, and why skill cannot be judged where it cannot.
fn judge(
    kappa: &Interval,
    accuracy: Option<&Interval>,
    prior: &BTreeMap<Metric, f64>,
) -> (Verdict, Option<String>) {
    let none = match kappa {
        Interval::Estimated(estimate) if estimate.low > 0.0 => return (Verdict::Skill, None),
        Interval::Estimated(_) => return (Verdict::NoSkill, None),
        Interval::NotEstimable(none) => none,
    };
    let value = none.value.unwrap_or(f64::NAN);
    if value.abs() < 1e-9 {
        // Constant predictions: kappa is 0 for certain.
        return (Verdict::NoSkill, None);
    }
    // Every answer right: kappa has no error to see, but accuracy has an exact interval. Kappa lies above 0 where
    // accuracy lies above the agreement of guesses.
    let low = accuracy.and_then(Interval::estimate).map(|e| e.low);
    let guesses = prior.get(&Metric::Accuracy).copied();
    if value > 1.0 - 1e-9 && low.zip(guesses).is_some_and(|(low, guesses)| low > guesses) {
        return (Verdict::Skill, None);
    }
    (Verdict::NoSkill, Some(none.reason.clone()))
}

/// Metrics of the expected confusion matrix of guessing by prevalence, and scores of the prevalences as probabilities.
fn prior(sample: &Sample, prevalence: &[f64]) -> BTreeMap<Metric, f64> {
    let present: Vec<(usize, f64)> = prevalence
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, p)| *p > 0.0)
        .collect();
    let mut expected = BTreeMap::from([
        (Metric::Accuracy, present.iter().map(|(_, p)| p * p).sum()),
        (Metric::BalancedAccuracy, 1.0 / present.len().max(1) as f64),
        // F1 of class k is 2 p^2 / 2 p.
        (Metric::MacroF1, 1.0 / present.len().max(1) as f64),
        (Metric::Kappa, 0.0),
    ]);
    let mean = |f: &dyn Fn(usize, usize) -> f64| -> f64 {
        present
            .iter()
            .map(|&(a, p)| present.iter().map(|&(b, q)| p * q * f(a, b)).sum::<f64>())
            .sum()
    };
    if sample.is_ordered() {
        expected.insert(Metric::QuadraticKappa, 0.0);
        expected.insert(Metric::MaeGroups, mean(&|a, b| a.abs_diff(b) as f64));
        let by_class: f64 = present
            .iter()
            .map(|&(a, _)| {
                present
                    .iter()
                    .map(|&(b, q)| q * a.abs_diff(b) as f64)
                    .sum::<f64>()
            })
            .sum();
        expected.insert(Metric::MacroMae, by_class / present.len().max(1) as f64);
        expected.insert(
            Metric::WithinOne,
            mean(&|a, b| f64::from(a.abs_diff(b) <= 1)),
        );
        expected.insert(Metric::SignedError, 0.0);
        if let Some(midpoints) = sample.midpoints() {
            let at = |class: usize| midpoints.get(class).copied().unwrap_or(0.0);
            expected.insert(Metric::MaeYears, mean(&|a, b| (at(a) - at(b)).abs()));
        }
    }
    if sample.has_probabilities() {
        let entropy: f64 = present.iter().map(|(_, p)| -p * p.ln()).sum();
        expected.insert(Metric::Nll, entropy);
        let squares: f64 = present.iter().map(|(_, p)| p * p).sum();
        expected.insert(Metric::Brier, 1.0 - squares);
        if sample.is_ordered() {
            let mut cumulative = 0.0;
            let cuts = prevalence.len().saturating_sub(1);
            let sum: f64 = prevalence
                .iter()
                .take(cuts)
                .map(|p| {
                    cumulative += p;
                    cumulative * (1.0 - cumulative)
                })
                .sum();
            expected.insert(Metric::Rps, sum / cuts.max(1) as f64);
        }
    }
    expected
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
}
