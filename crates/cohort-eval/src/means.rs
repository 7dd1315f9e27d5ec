//! Means of values that lie in a range, by unit: what a query, a clip or a box scored, with an interval.

use crate::EvalError;
use crate::estimate::{Estimate, Interval, Method};
use crate::interval::{FEWEST_RARE, IntervalSettings, Quantities, resampled_intervals};
use crate::resampled::Resampled;
use crate::scale::{Scale, effective_binomial};
use crate::support::{FEWEST_SUBJECTS, Support};
use crate::tally::kish;

/// Up to so many units, standard errors come from leaving out each in turn.
const LEFT_OUT: usize = 500;

/// The mean of each of `columns` (one value a row, all within `range`) with its interval; rows of one unit are not independent.
///
/// Methods as in [`crate::intervals`]: units resampled and studentised, Student's t with few units, none with fewer than 5. Values
/// between 0 and 1 are treated as shares: on the logit scale, and where fewer than five units (by what they add) keep a mean off an
/// end, widened to Clopper and Pearson's interval at the effective number of rows.
/// `names` separate the random numbers of different samples.
///
/// # Errors
/// [`EvalError`] for settings out of range, columns of other lengths than `unit`, or a value out of range.
pub fn mean_intervals(
    columns: &[Vec<f64>],
    unit: &[usize],
    range: (f64, f64),
    names: &[&str],
    settings: &IntervalSettings,
) -> Result<Vec<Interval>, EvalError> {
    means(columns, unit, range, names, settings, settings.resamples)
}

/// The same with Student's t alone where there are more than 500 units, which then differs from the bootstrap by its Monte Carlo error.
pub(crate) fn quick_mean_intervals(
    columns: &[Vec<f64>],
    unit: &[usize],
    range: (f64, f64),
    names: &[&str],
    settings: &IntervalSettings,
) -> Result<Vec<Interval>, EvalError> {
    let mut units = unit.to_vec();
    units.sort_unstable();
    units.dedup();
    let resamples = match units.len() > LEFT_OUT {
        true => 0,
        false => settings.resamples,
    };
    means(columns, unit, range, names, settings, resamples)
}

fn means(
    columns: &[Vec<f64>],
    unit: &[usize],
    range: (f64, f64),
    names: &[&str],
    settings: &IntervalSettings,
    resamples: usize,
) -> Result<Vec<Interval>, EvalError> {
    settings.check()?;
    for column in columns {
        if column.len() != unit.len() {
            return Err(EvalError::Length {
                what: "values",
                expected: unit.len(),
                found: column.len(),
            });
        }
        if let Some(row) = column.iter().position(|v| !(range.0..=range.1).contains(v)) {
            return Err(EvalError::Row {
                what: "values".into(),
                row: row + 1,
                expected: format!("a number from {} to {}", range.0, range.1),
                found: column[row].to_string(),
            });
        }
    }
    let sums = UnitSums::new(columns, unit);
    let share = range == (0.0, 1.0);
    let support = Support::of_sizes(&sums.size);
    let given = Quantities {
        scale: if share { Scale::Logit } else { Scale::Identity },
        range,
        rows: unit.len(),
        supports: vec![&support; columns.len()],
        resamples,
        leaves_out: sums.size.len() <= LEFT_OUT,
    };
    let make = || Means::new(&sums);
    let found = resampled_intervals(make, &given, settings.level, settings.stream(names));
    if !share {
        return Ok(found);
    }
    let widen = |(column, interval)| widened(interval, &sums, column, &support, settings.level);
    Ok(found.into_iter().enumerate().map(widen).collect())
}

/// A share that few units stand against, with an interval wide enough for it.
pub(crate) fn widened(
    interval: Interval,
    sums: &UnitSums,
    column: usize,
    support: &Support,
    level: f64,
) -> Interval {
    let Some(value) = interval.value() else {
        return interval;
    };
    // what each unit adds to the rarer side
    let own = sums.of(column).zip(&sums.size);
    let against = own.map(|(sum, size)| if value > 0.5 { size - sum } else { sum });
    if interval.subjects() < FEWEST_SUBJECTS || kish(against) >= FEWEST_RARE {
        return interval;
    }
    let (error, ends) = match &interval {
        Interval::Estimated(e) => (e.standard_error, Some((e.low, e.high))),
        Interval::NotEstimable(_) => (0.0, None),
    };
    let binomial = effective_binomial(value, error, interval.clips(), support.effective());
    let binomial = binomial.interval(level);
    let (low, high) = ends.map_or(binomial, |(low, high)| {
        (low.min(binomial.0), high.max(binomial.1))
    });
    Interval::Estimated(Estimate {
        value,
        low,
        high,
        method: Method::EffectiveBinomial,
        standard_error: error,
        clips: interval.clips(),
        subjects: interval.subjects(),
        debiased: None,
        caution: Some("close to 0 or 1 for so few subjects: coverage is not assured".into()),
    })
}

/// Sums of each unit, units in the order of their number.
pub(crate) struct UnitSums {
    /// Rows.
    size: Vec<f64>,
    /// Unit-major, one sum a column.
    sums: Vec<f64>,
    columns: usize,
}

impl UnitSums {
    pub(crate) fn new(columns: &[Vec<f64>], unit: &[usize]) -> Self {
        let mut order: Vec<usize> = (0..unit.len()).collect();
        order.sort_by_key(|&row| (unit[row], row));
        let (mut size, mut sums) = (Vec::new(), Vec::new());
        for rows in order.chunk_by(|&a, &b| unit[a] == unit[b]) {
            size.push(rows.len() as f64);
            sums.extend(
                columns
                    .iter()
                    .map(|c| rows.iter().map(|&row| c[row]).sum::<f64>()),
            );
        }
        Self {
            size,
            sums,
            columns: columns.len(),
        }
    }

    /// Each unit's sum of a column.
    fn of(&self, column: usize) -> impl Iterator<Item = f64> + '_ {
        self.sums.iter().skip(column).step_by(self.columns).copied()
    }
}

/// Means and errors under weights of the units.
struct Means<'a> {
    of: &'a UnitSums,
    values: Vec<f64>,
    errors: Vec<f64>,
}

impl<'a> Means<'a> {
    fn new(of: &'a UnitSums) -> Self {
        Self {
            of,
            values: vec![f64::NAN; of.columns],
            errors: vec![f64::NAN; of.columns],
        }
    }
}

impl Resampled for Means<'_> {
    fn units(&self) -> usize {
        self.of.size.len()
    }

    fn values_and_errors(&mut self, weights: &[f64], with_errors: bool) -> (&[f64], &[f64]) {
        let of = self.of;
        let lines = || {
            of.sums
                .chunks_exact(of.columns.max(1))
                .zip(&of.size)
                .zip(weights)
        };
        let drawn: f64 = weights.iter().sum();
        let rows: f64 = of.size.iter().zip(weights).map(|(size, w)| size * w).sum();
        self.values.fill(0.0);
        for ((sums, _), w) in lines().filter(|(_, w)| **w > 0.0) {
            for (value, sum) in self.values.iter_mut().zip(sums) {
                *value += w * sum;
            }
        }
        self.values.iter_mut().for_each(|value| *value /= rows);
        if !with_errors {
            return (&self.values, &self.errors);
        }
        self.errors.fill(0.0);
        for ((sums, size), w) in lines().filter(|(_, w)| **w > 0.0) {
            for ((error, sum), value) in self.errors.iter_mut().zip(sums).zip(&self.values) {
                *error += w * ((sum - value * size) / rows).powi(2);
            }
        }
        for error in &mut self.errors {
            *error = match drawn > 1.0 {
                true => (*error * drawn / (drawn - 1.0)).sqrt(),
                false => f64::NAN,
            };
        }
        (&self.values, &self.errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, below, unit as uniform};
    use crate::{Metric, Sample, intervals};

    /// Zeros and ones are an accuracy, whose interval is made from another tally.
    #[test]
    fn zeros_and_ones_get_the_interval_of_an_accuracy() {
        let mut g = Stream::new(1, &["means"]).item(0);
        let subject: Vec<usize> = (0..400).map(|_| below(&mut g, 60)).collect();
        let right: Vec<bool> = subject
            .iter()
            .map(|s| uniform(&mut g) < 0.4 + 0.005 * *s as f64)
            .collect();
        let truth = vec![0; 400];
        let predicted: Vec<usize> = right.iter().map(|right| usize::from(!right)).collect();
        let sample = Sample::new(2, &truth, &predicted, &subject).unwrap();
        let settings = IntervalSettings::default();
        let accuracy = intervals(&[Metric::Accuracy], &sample, &settings).unwrap();
        let accuracy = accuracy[0].estimate().unwrap();
        let column = right
            .iter()
            .map(|right| f64::from(u8::from(*right)))
            .collect();
        let mean = mean_intervals(&[column], &subject, (0.0, 1.0), &["x"], &settings).unwrap();
        let mean = mean[0].estimate().unwrap();
        assert_eq!(
            (mean.value, mean.clips, mean.subjects),
            (accuracy.value, 400, accuracy.subjects)
        );
        assert!((mean.standard_error - accuracy.standard_error).abs() < 1e-12);
        // other draws of the same bootstrap
        assert!(
            (mean.low - accuracy.low).abs() < 0.005 && (mean.high - accuracy.high).abs() < 0.005
        );
    }

    #[test]
    fn intervals_of_means_keep_their_level() {
        let settings = IntervalSettings {
            resamples: 400,
            ..IntervalSettings::default()
        };
        let (mut held, tries) = (0, 400);
        for attempt in 0..tries {
            let mut g = Stream::new(2, &["coverage"]).item(attempt);
            let (mut column, mut unit) = (Vec::new(), Vec::new());
            for s in 0..50 {
                let own = uniform(&mut g);
                for _ in 0..1 + below(&mut g, 5) {
                    column.push(0.5 * own + 0.5 * uniform(&mut g));
                    unit.push(s);
                }
            }
            let found = mean_intervals(&[column], &unit, (0.0, 1.0), &["x"], &settings).unwrap();
            let e = found[0].estimate().unwrap().clone();
            held += usize::from(e.low <= 0.5 && 0.5 <= e.high);
        }
        let share = held as f64 / tries as f64;
        // standard deviation .011
        assert!((0.92..=0.985).contains(&share), "{share}");
    }

    #[test]
    fn values_that_do_not_vary_get_the_interval_of_a_share_and_differences_none() {
        let settings = IntervalSettings::default();
        let unit: Vec<usize> = (0..30).collect();
        let of = |value: f64, range| {
            mean_intervals(&[vec![value; 30]], &unit, range, &["x"], &settings)
                .unwrap()
                .remove(0)
        };
        let ones = of(1.0, (0.0, 1.0));
        let e = ones.estimate().unwrap();
        // scipy.stats.binomtest(30, 30).proportion_ci(method="exact")
        assert!((e.low - 0.884_297).abs() < 1e-5 && e.high == 1.0, "{e:?}");
        assert!(of(0.0, (-1.0, 1.0)).estimate().is_none());
        let short = mean_intervals(
            &[vec![0.5; 4]],
            &[0, 1, 2, 3],
            (0.0, 1.0),
            &["x"],
            &settings,
        )
        .unwrap();
        assert!(short[0].estimate().is_none() && short[0].value() == Some(0.5));
        let error = mean_intervals(&[vec![1.5]], &[0], (0.0, 1.0), &["x"], &settings).unwrap_err();
        assert_eq!(
            error.to_string(),
            "values: row 1: expected a number from 0 to 1, found 1.5"
        );
    }
}
