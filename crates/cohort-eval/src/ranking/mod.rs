//! How well each class is told from all others: the row-normalised confusion matrix, precision, recall and F1 by class, and
//! by the order of its probabilities the ROC and precision-recall curves with their areas.

mod curve;
mod ranked;
mod scores;

pub use curve::{Curve, MOST_CURVE_POINTS, PrecisionRecallPoint, RocPoint};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::groups::t_intervals;
use crate::sample::PROBABILITY_TOLERANCE;
use crate::support::Support;
use crate::tally::Tally;
use crate::{Interval, IntervalSettings, Metric, Sample};
use ranked::Ranked;
use scores::{Quantity, quantities};

/// With more classes the shares of the confusion matrix are left out of the document; the counts stay.
pub const MOST_CLASSES_WITH_SHARES: usize = 40;
/// With more clips times classes, curves and areas are left out.
const MOST_SCORES: usize = 100_000_000;

/// Every class against all others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassCurves {
    /// The confusion matrix divided by its rows: of the clips of a true class (rows) the share that is predicted as each
    /// class (columns), in the order of the classes, with t intervals by subject. Empty with more than
    /// [`MOST_CLASSES_WITH_SHARES`] classes.
    pub shares: Vec<Vec<Interval>>,
    /// Every class, in their order.
    pub classes: Vec<ClassScores>,
    /// Mean precision of the classes, see [`Metric::MacroPrecision`].
    pub macro_precision: Interval,
    /// Mean recall of the classes that occur, which is the balanced accuracy.
    pub macro_recall: Interval,
    /// Mean F1 of the classes, see [`Metric::MacroF1`].
    pub macro_f1: Interval,
    /// Mean over the classes of the area under the ROC curve; chance is 0.5. Absent without probabilities.
    pub macro_auc: Option<Interval>,
    /// Mean over the classes of the average precision. Absent without probabilities.
    pub macro_average_precision: Option<Interval>,
    /// Mean prevalence of those classes, which is the chance level of the mean average precision.
    pub macro_prevalence: f64,
    /// Most points that a curve is written with; each lies exactly on the whole curve.
    pub most_points: usize,
}

/// One class against all others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    /// Code of the class.
    pub class: String,
    /// Its name for people.
    pub name: String,
    /// Clips of this true class.
    pub clips: usize,
    /// Subjects with at least one of them.
    pub subjects: usize,
    /// Share of all clips that are of this class: the average precision of a random order.
    pub prevalence: f64,
    /// Share of what is predicted as the class that belongs to it; not defined where it is never predicted.
    pub precision: Interval,
    /// Share of the class that is predicted as it.
    pub recall: Interval,
    /// Harmonic mean of the two.
    pub f1: Interval,
    /// Area under the ROC curve, by ranks, ties half: the chance that a clip of the class has a higher probability of it
    /// than one of the others; 0.5 is chance. Absent without probabilities.
    pub auc: Option<Interval>,
    /// Average precision; `prevalence` is chance. Absent without probabilities.
    pub average_precision: Option<Interval>,
    /// ROC curve; absent without probabilities, without clips of the class or without others.
    pub roc: Option<Curve<RocPoint>>,
    /// Precision-recall curve; absent without probabilities or clips of the class.
    pub precision_recall: Option<Curve<PrecisionRecallPoint>>,
}

/// `metrics` are those of the whole sample; `note` is told what was left out.
pub(crate) fn class_curves(
    sample: &Sample,
    classes: &[(String, String)],
    metrics: &BTreeMap<Metric, Interval>,
    settings: &IntervalSettings,
    note: &mut Vec<String>,
) -> ClassCurves {
    let k = classes.len();
    let ranks = ranks(sample, note);
    let tally = Tally::new(sample, None);
    let by_class = Support::by_class(&tally);
    let found = quantities(sample, ranks.as_deref(), &by_class, settings);
    let of = |quantity: Quantity| found.get(&quantity).cloned();
    let metric = |metric: Metric| metrics[&metric].clone();
    let mut prevalence = vec![0.0; k];
    for &truth in sample.truth() {
        prevalence[truth] += 1.0 / sample.len() as f64;
    }
    let ranked = prevalence.iter().filter(|p| **p > 0.0 && **p < 1.0);
    let macro_prevalence = ranked.clone().sum::<f64>() / ranked.count().max(1) as f64;
    if k > MOST_CLASSES_WITH_SHARES {
        note.push(format!(
            "{k} classes: the shares of the confusion matrix are left out with more than {MOST_CLASSES_WITH_SHARES}; its counts are there"
        ));
    }
    let rows = |is: &dyn Fn(usize) -> bool| -> Vec<usize> {
        (0..sample.len()).filter(|&row| is(row)).collect()
    };
    let of_class = |class: usize| {
        let (code, name) = &classes[class];
        let own = rows(&|row| sample.truth()[row] == class);
        let named = rows(&|row| sample.predicted()[row] == class);
        let right = |row: usize| sample.truth()[row] == sample.predicted()[row];
        let ranked = ranks.as_ref().map(|ranks| &ranks[class]);
        ClassScores {
            class: code.clone(),
            name: name.clone(),
            clips: own.len(),
            subjects: by_class[class].counted(),
            prevalence: own.len() as f64 / sample.len() as f64,
            precision: share(sample, &named, right, settings),
            recall: share(sample, &own, right, settings),
            f1: of(Quantity::F1(class)).expect("F1 is made of every class"),
            auc: of(Quantity::Auc(class)),
            average_precision: of(Quantity::AveragePrecision(class)),
            roc: ranked.and_then(curve::roc),
            precision_recall: ranked.and_then(curve::precision_recall),
        }
    };
    let shares = |truth: usize| -> Vec<Interval> {
        let own = rows(&|row| sample.truth()[row] == truth);
        let predicted_as = |class: usize| {
            share(
                sample,
                &own,
                |row| sample.predicted()[row] == class,
                settings,
            )
        };
        (0..k).map(predicted_as).collect()
    };
    ClassCurves {
        shares: if k > MOST_CLASSES_WITH_SHARES {
            Vec::new()
        } else {
            (0..k).map(shares).collect()
        },
        classes: (0..k).map(of_class).collect(),
        macro_precision: metric(Metric::MacroPrecision),
        macro_recall: metric(Metric::BalancedAccuracy),
        macro_f1: metric(Metric::MacroF1),
        macro_auc: of(Quantity::MacroAuc),
        macro_average_precision: of(Quantity::MacroAveragePrecision),
        macro_prevalence,
        most_points: MOST_CURVE_POINTS,
    }
}

/// The share of `rows` of which something holds, with a t interval by subject.
fn share(
    sample: &Sample,
    rows: &[usize],
    holds: impl Fn(usize) -> bool,
    settings: &IntervalSettings,
) -> Interval {
    let truth = vec![1; rows.len()];
    let held: Vec<usize> = rows.iter().map(|&row| usize::from(holds(row))).collect();
    let subject: Vec<usize> = rows.iter().map(|&row| sample.subject()[row]).collect();
    let of_rows = Sample::new(2, &truth, &held, &subject);
    let of_rows = of_rows.expect("two classes, and as many values of each kind");
    let tally = Tally::new(&of_rows, None);
    let found = t_intervals(&[Metric::Accuracy], &tally, settings).pop();
    found.expect("one metric has one interval")
}

/// Every class's rows in the order of its probability; `None` without probabilities or with too many.
///
/// A row whose probabilities sum to 1 within [`PROBABILITY_TOLERANCE`] is ranked as it is written, so that values that are
/// equal in the file are ties; others are divided by their sum.
fn ranks(sample: &Sample, note: &mut Vec<String>) -> Option<Vec<Ranked>> {
    if !sample.has_probabilities() {
        return None;
    }
    let k = sample.classes();
    if sample.len().saturating_mul(k) > MOST_SCORES {
        note.push(format!(
            "{} clips times {k} classes: curves by class and their areas are left out with more than {MOST_SCORES} probabilities",
            sample.len()
        ));
        return None;
    }
    let of_class = |class: usize| {
        let row = |row: usize| {
            let p = sample.row_probabilities(row);
            let p = p.expect("the sample has probabilities");
            let sum: f64 = p.iter().sum();
            let score = if (sum - 1.0).abs() > PROBABILITY_TOLERANCE {
                p[class] / sum
            } else {
                p[class]
            };
            (score, sample.subject()[row], sample.truth()[row] == class)
        };
        Ranked::new((0..sample.len()).map(row).collect())
    };
    Some((0..k).map(of_class).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skill::skill;

    fn made(sample: &Sample) -> ClassCurves {
        let classes: Vec<(String, String)> = (0..sample.classes())
            .map(|k| (k.to_string(), format!("class {k}")))
            .collect();
        let codes: Vec<String> = classes.iter().map(|c| c.0.clone()).collect();
        let settings = IntervalSettings {
            resamples: 200,
            ..IntervalSettings::default()
        };
        let metrics = skill(sample, &codes, &settings).unwrap().0;
        class_curves(sample, &classes, &metrics, &settings, &mut Vec::new())
    }

    /// 60 subjects with one or two clips each, three classes, a fourth that never occurs.
    fn table() -> (Vec<usize>, Vec<usize>, Vec<usize>, Vec<f64>) {
        let subject: Vec<usize> = (0..90).map(|i| i % 60).collect();
        let truth: Vec<usize> = (0..90).map(|i| (i * 7 + i / 13) % 3).collect();
        let mut predicted = Vec::new();
        let mut p = Vec::new();
        for (i, &t) in truth.iter().enumerate() {
            let guess = if (i * 5) % 7 < 4 { t } else { (i * 11) % 3 };
            predicted.push(guess);
            let sure = 0.4 + 0.05 * ((i * 3) % 5) as f64;
            p.extend((0..4).map(|k| if k == guess { sure } else { (1.0 - sure) / 3.0 }));
        }
        (truth, predicted, subject, p)
    }

    #[test]
    fn rows_of_the_matrix_sum_to_one_and_its_diagonal_is_recall() {
        let (truth, predicted, subject, p) = table();
        let sample = Sample::new(4, &truth, &predicted, &subject).unwrap();
        let curves = made(&sample.unordered().with_probabilities(&p).unwrap());
        for (k, row) in curves.shares.iter().enumerate().take(3) {
            let sum: f64 = row.iter().filter_map(Interval::value).sum();
            assert!((sum - 1.0).abs() < 1e-12);
            assert_eq!(row[k], curves.classes[k].recall);
        }
        let none = &curves.classes[3];
        assert_eq!(
            (none.clips, none.recall.value(), none.precision.value()),
            (0, None, None)
        );
        assert!(none.roc.is_none() && none.auc.as_ref().unwrap().value().is_none());
        assert!(curves.shares[3].iter().all(|share| share.value().is_none()));
        // The means are those of the classes that occur.
        let mean = |of: fn(&ClassScores) -> Option<&Interval>| {
            let values: Vec<f64> = curves
                .classes
                .iter()
                .filter_map(|c| of(c)?.value())
                .collect();
            (
                values.len(),
                values.iter().sum::<f64>() / values.len() as f64,
            )
        };
        for (found, expected) in [
            (curves.macro_auc.as_ref(), mean(|c| c.auc.as_ref())),
            (
                curves.macro_average_precision.as_ref(),
                mean(|c| c.average_precision.as_ref()),
            ),
            (Some(&curves.macro_recall), mean(|c| Some(&c.recall))),
            (Some(&curves.macro_f1), mean(|c| Some(&c.f1))),
            (Some(&curves.macro_precision), mean(|c| Some(&c.precision))),
        ] {
            let estimate = found.unwrap().estimate().unwrap();
            assert_eq!(expected.0, 3);
            assert!((estimate.value - expected.1).abs() < 1e-12);
            assert!(estimate.low < estimate.value && estimate.value < estimate.high);
        }
        assert!((curves.macro_prevalence - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn the_area_lies_on_the_curve() {
        let (truth, predicted, subject, p) = table();
        let sample = Sample::new(4, &truth, &predicted, &subject).unwrap();
        let curves = made(&sample.with_probabilities(&p).unwrap());
        for class in curves.classes.iter().take(3) {
            let points = &class.roc.as_ref().unwrap().points;
            let trapezium = |pair: &[RocPoint]| {
                (pair[1].false_positive_rate - pair[0].false_positive_rate)
                    * 0.5
                    * (pair[0].true_positive_rate + pair[1].true_positive_rate)
            };
            let area: f64 = points.windows(2).map(trapezium).sum();
            let auc = class.auc.as_ref().and_then(Interval::value).unwrap();
            assert!((area - auc).abs() < 1e-12, "{area} {auc}");
            let mut recall = 0.0;
            let points = &class.precision_recall.as_ref().unwrap().points;
            let steps = points.iter().map(|p| {
                let step = (p.recall - recall) * p.precision;
                recall = p.recall;
                step
            });
            let area: f64 = steps.sum();
            let precision = class.average_precision.as_ref().and_then(Interval::value);
            assert!((area - precision.unwrap()).abs() < 1e-12);
        }
    }

    #[test]
    fn equal_values_are_ties_though_their_rows_sum_to_almost_one() {
        // 0.1 + 0.2 + 0.7 is 0.9999999999999999: divided by it, 0.2 would no longer be the 0.2 of the other row.
        let p = [0.2, 0.3, 0.5, 0.2, 0.1, 0.7];
        let sample = Sample::new(3, &[0, 1], &[2, 2], &[0, 1]).unwrap();
        let sample = sample.with_probabilities(&p).unwrap();
        let ranks = ranks(&sample, &mut Vec::new()).unwrap();
        assert_eq!(ranks[0].auc(&[1.0; 2], None), 0.5);
    }

    #[test]
    fn without_probabilities_there_are_no_curves() {
        let (truth, predicted, subject, _) = table();
        let curves = made(&Sample::new(4, &truth, &predicted, &subject).unwrap());
        assert!(curves.macro_auc.is_none() && curves.macro_average_precision.is_none());
        assert!(
            curves
                .classes
                .iter()
                .all(|c| c.auc.is_none() && c.roc.is_none())
        );
        assert!(curves.classes[0].f1.estimate().is_some());
    }
}
