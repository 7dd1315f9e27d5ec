//! What holds of every metric, whatever it is: its example, its definition, its range and its direction.

use super::Metric;
use super::definition::{Best, Shape};
use crate::Sample;
use crate::random::{Stream, below, unit};
use crate::scores::scores;

/// What a metric's file brings for its test.
pub(super) struct Test {
    /// Its value on [`example`], worked by hand.
    pub example: f64,
    /// Its definition, spelt out over rows, by another way than the arithmetic.
    pub by_definition: fn(&Rows) -> f64,
}

/// A row of a table.
pub(super) struct Row {
    pub truth: usize,
    pub predicted: usize,
    /// They sum to 1.
    pub probabilities: Vec<f64>,
}

/// A table of decisions.
pub(super) struct Rows {
    pub classes: usize,
    pub midpoints: Vec<f64>,
    pub rows: Vec<Row>,
}

pub(super) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    values.iter().sum::<f64>() / values.len() as f64
}

impl Rows {
    pub fn mean(&self, of: impl Fn(&Row) -> f64) -> f64 {
        mean(self.rows.iter().map(of))
    }

    /// The share of the rows among which `is` holds; `None` where there are none.
    pub fn share(&self, among: impl Fn(&Row) -> bool, is: impl Fn(&Row) -> bool) -> Option<f64> {
        let own: Vec<&Row> = self.rows.iter().filter(|r| among(r)).collect();
        let hits = own.iter().filter(|r| is(r)).count();
        (!own.is_empty()).then(|| hits as f64 / own.len() as f64)
    }

    /// 1 less the mean disagreement of truth and prediction over that of every truth with every prediction.
    pub fn agreement(&self, disagreement: impl Fn(usize, usize) -> f64) -> f64 {
        let observed = self.mean(|r| disagreement(r.truth, r.predicted));
        let expected = self.mean(|a| self.mean(|b| disagreement(a.truth, b.predicted)));
        1.0 - observed / expected
    }

    fn scores(&self) -> Vec<Option<f64>> {
        let truth: Vec<usize> = self.rows.iter().map(|r| r.truth).collect();
        let predicted: Vec<usize> = self.rows.iter().map(|r| r.predicted).collect();
        let subject: Vec<usize> = (0..self.rows.len()).collect();
        let p: Vec<f64> = self
            .rows
            .iter()
            .flat_map(|r| r.probabilities.clone())
            .collect();
        let sample = Sample::new(self.classes, &truth, &predicted, &subject).unwrap();
        let sample = sample.with_probabilities(&p).unwrap();
        scores(
            &Metric::ALL,
            &sample.with_midpoints(&self.midpoints).unwrap(),
        )
    }

    fn shape(&self) -> Shape {
        Shape {
            classes: self.classes,
            span: self.midpoints[self.classes - 1] - self.midpoints[0],
        }
    }
}

/// Truths 0 0 0 1 1 2 2, predictions 0 0 1 1 1 1 0: cells (0,0) 2, (0,1) 1, (1,1) 2, (2,1) 1, (2,0) 1. The predicted class
/// has probability 1/2, the two others 1/4; midpoints 10, 20, 40.
fn example() -> Rows {
    let row = |(truth, predicted)| Row {
        truth,
        predicted,
        probabilities: (0..3)
            .map(|k| if k == predicted { 0.5 } else { 0.25 })
            .collect(),
    };
    let pairs = [(0, 0), (0, 0), (0, 1), (1, 1), (1, 1), (2, 1), (2, 0)];
    Rows {
        classes: 3,
        midpoints: vec![10.0, 20.0, 40.0],
        rows: pairs.map(row).into_iter().collect(),
    }
}

/// Tables of 2 to 6 classes and 2 to 60 rows, some of whose classes are missing.
fn random(case: usize) -> Rows {
    let mut draw = Stream::new(7, &["metrics"]).item(case);
    let classes = 2 + below(&mut draw, 5);
    let rows = 2 + below(&mut draw, 59);
    let row = |_| {
        let mut p: Vec<f64> = (0..classes)
            // No confidence on an edge between two bins.
            .map(|k| 1.318 + 0.1 * ((k + 2) as f64).sqrt() + below(&mut draw, 8) as f64)
            .collect();
        let sum: f64 = p.iter().sum();
        p.iter_mut().for_each(|p| *p /= sum);
        // Mostly the likeliest class, at times another.
        let likeliest = (0..classes).fold(0, |best, k| if p[k] > p[best] { k } else { best });
        let predicted = if unit(&mut draw) < 0.8 {
            likeliest
        } else {
            below(&mut draw, classes)
        };
        let truth = if unit(&mut draw) < 0.4 {
            predicted
        } else {
            below(&mut draw, classes)
        };
        Row {
            truth,
            predicted,
            probabilities: p,
        }
    };
    Rows {
        classes,
        midpoints: (0..classes).map(|k| (3 * k + k * k) as f64).collect(),
        rows: (0..rows).map(row).collect(),
    }
}

#[test]
fn values_equal_the_example_worked_by_hand() {
    for (metric, found) in Metric::ALL.into_iter().zip(example().scores()) {
        let (found, expected) = (found.unwrap(), metric.test().example);
        assert!(
            (found - expected).abs() < 1e-12,
            "{metric:?}: {found} {expected}"
        );
    }
}

#[test]
fn values_equal_the_definition_and_keep_the_range_on_random_tables() {
    let mut defined = vec![0; Metric::ALL.len()];
    for case in 0..400 {
        let rows = random(case);
        for (i, (metric, found)) in Metric::ALL.into_iter().zip(rows.scores()).enumerate() {
            let expected = (metric.test().by_definition)(&rows);
            let Some(found) = found else {
                assert!(!expected.is_finite(), "{metric:?} {case}: none, {expected}");
                continue;
            };
            defined[i] += 1;
            assert!(
                (found - expected).abs() < 1e-12,
                "{metric:?} {case}: {found} {expected}"
            );
            let (low, high) = (metric.definition().range)(rows.shape());
            let within = found >= low - 1e-12 && found <= high + 1e-12;
            assert!(within, "{metric:?} {case}: {found} outside {low} to {high}");
        }
    }
    assert!(defined.iter().all(|&n| n > 350), "{defined:?}");
}

/// Right and sure against wrong and sure, at either end of the scale: the best value and one that is worse.
#[test]
fn the_better_of_two_tables_has_the_better_value() {
    let sure = |truth, predicted| Row {
        truth,
        predicted,
        probabilities: (0..3)
            .map(|k| if k == predicted { 0.9 } else { 0.05 })
            .collect(),
    };
    let table = |pairs: [(usize, usize); 4]| Rows {
        rows: pairs.into_iter().map(|(t, p)| sure(t, p)).collect(),
        ..example()
    };
    let good = table([(0, 0), (1, 1), (2, 2), (2, 2)]).scores();
    let bad = table([(0, 2), (1, 2), (2, 2), (2, 2)]).scores();
    for ((metric, good), bad) in Metric::ALL.into_iter().zip(good).zip(bad) {
        let (good, bad) = (good.unwrap(), bad.unwrap());
        let better = match metric.definition().best {
            Best::Highest => good > bad,
            Best::Lowest => good < bad,
            Best::Zero => good.abs() < bad.abs(),
        };
        assert!(better, "{metric:?}: {good} should be better than {bad}");
        assert!(metric.badness(good) < metric.badness(bad), "{metric:?}");
    }
}

#[test]
fn every_metric_has_names_a_meaning_and_a_source() {
    let mut seen: Vec<&str> = Vec::new();
    for metric in Metric::ALL {
        let d = metric.definition();
        for (what, text) in [
            ("name", d.name),
            ("title", d.title),
            ("short", d.short),
            ("term", d.term),
            ("formula", d.formula),
            ("source", d.source),
        ] {
            assert!(!text.trim().is_empty(), "{metric:?} has no {what}");
        }
        assert!(
            d.title.starts_with(d.term),
            "{metric:?}: {} is not {}",
            d.term,
            d.title
        );
        assert!(d.short.len() <= d.title.len(), "{metric:?}");
        for meaning in [Some(d.meaning), d.meaning_of_ages].into_iter().flatten() {
            let sentences = meaning.len() > 30 && meaning.ends_with('.');
            assert!(sentences, "{metric:?}: {meaning:?} explains nothing");
        }
        // What is said of any classes says nothing of ages.
        for word in ["older", "younger", "people", "seven"] {
            assert!(!d.meaning.contains(word), "{metric:?}: {word}");
        }
        // The document's key is the machine name, and nobody else's.
        assert_eq!(serde_json::to_value(metric).unwrap(), d.name);
        assert_eq!(Metric::from_name(d.name), Some(metric));
        assert!(!seen.contains(&d.name));
        seen.push(d.name);
    }
}

/// A scale fits its range: the logit knows 0 and 1, Fisher's z -1 and 1, the logarithm 0; as it is, both signs.
#[test]
fn scales_fit_ranges() {
    use crate::scale::Scale;
    let shape = Shape {
        classes: 5,
        span: 40.0,
    };
    for metric in Metric::ALL {
        let (low, high) = (metric.definition().range)(shape);
        let fits = match metric.definition().scale {
            Scale::Logit => (low, high) == (0.0, 1.0),
            Scale::Fisher => (low, high) == (-1.0, 1.0),
            Scale::Log => low == 0.0 && metric.definition().best == Best::Lowest,
            Scale::Identity => low == -high && high > 0.0,
        };
        assert!(fits, "{metric:?}: {low} to {high}");
    }
}

/// What guessing gives lies in the range, and is what very many guesses by prevalence give.
#[test]
fn chance_is_what_guesses_give() {
    use super::definition::Prevalences;
    let shares = [0.2, 0.5, 0.3];
    let midpoints = vec![10.0, 20.0, 40.0];
    // Every pair of classes as often as independent draws give it, 100 rows; probabilities are the prevalences.
    let mut rows = Vec::new();
    for (truth, p) in shares.into_iter().enumerate() {
        for (predicted, q) in shares.into_iter().enumerate() {
            for _ in 0..(100.0_f64 * p * q).round() as usize {
                rows.push(Row {
                    truth,
                    predicted,
                    probabilities: shares.to_vec(),
                });
            }
        }
    }
    let rows = Rows {
        classes: 3,
        midpoints,
        rows,
    };
    let chance = Prevalences::new(&shares, Some(&rows.midpoints));
    for (metric, found) in Metric::ALL.into_iter().zip(rows.scores()) {
        if let Some(expected) = (metric.definition().chance)(&chance) {
            let found = found.unwrap();
            assert!(
                (found - expected).abs() < 1e-12,
                "{metric:?}: {found} {expected}"
            );
        }
    }
}
