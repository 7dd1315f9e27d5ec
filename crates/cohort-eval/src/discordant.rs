//! Differences of two models that decide alike on nearly every subject.
//!
//! The difference then rests on a handful of subjects, so that neither a standard error nor resamples of them tell how
//! many there might have been. What each of them changes, `c_s`, is the metric less its value with the other model's
//! answers for that one subject. Gains and losses are two sums over a small number of independent subjects, weighted sums
//! of Poisson counts, each with the gamma interval of Fay and Feuer (1997), which holds its level from no event on; the
//! two are joined by the square-and-add rule (Newcombe 1998, Zou and Donner 2008).

use crate::Metric;
use crate::distributions::gamma_quantile;
use crate::evaluator::Evaluator;
use crate::tally::{Tally, kish};

/// With as many effective subjects that differ, the usual interval is made.
const FEW: f64 = 20.0;
/// Where more than this share of the subjects differ, they are not few, however small the sample.
const LARGEST_SHARE: f64 = 1.0 / 3.0;
/// More than this are never few in effect, unless some weigh far more than the others.
const MOST: usize = 200;

/// The largest change of a subject not seen is taken to be `1 + UNSEEN / n` times the largest of the `n` seen: with one
/// or two of them coverage was 85 % without.
const UNSEEN: f64 = 3.0;

/// What the two models' few different subjects are worth in one metric.
pub(crate) struct Discordant {
    /// `c_s` of the subjects that change the metric.
    changes: Vec<f64>,
}

/// For each metric the subjects that differ, where they are so few that the difference rests on each of them.
pub(crate) fn discordant(a: &Tally, b: &Tally, metrics: &[Metric]) -> Vec<Option<Discordant>> {
    let most = (a.subjects() as f64 * LARGEST_SHARE) as usize;
    let few: Vec<Option<Vec<usize>>> = metrics
        .iter()
        .map(|&metric| {
            let differ = (0..a.subjects()).filter(|&s| a.differs(b, metric, s));
            let found: Vec<usize> = differ.take(most.min(MOST) + 1).collect();
            (found.len() <= most.min(MOST)).then_some(found)
        })
        .collect();
    if few.iter().all(Option::is_none) {
        return metrics.iter().map(|_| None).collect();
    }
    let (a, b) = (a.joined(b), b.joined(a));
    metrics
        .iter()
        .zip(few)
        .map(|(&metric, few)| {
            let metrics = [metric];
            let (mut of_a, mut of_b) = (Evaluator::new(&a, &metrics), Evaluator::new(&b, &metrics));
            let whole = (
                of_a.values(None).first().copied()?,
                of_b.values(None).first().copied()?,
            );
            of_a.whole();
            of_b.whole();
            let mut changes = Vec::new();
            for s in few? {
                // The mean of putting b's answers into a and a's into b: the same but for the sign when models change places.
                let in_a = whole.0 - of_a.with_other(s, &b).first().copied()?;
                let in_b = of_b.with_other(s, &a).first().copied()? - whole.1;
                changes.push(0.5 * (in_a + in_b));
            }
            changes.retain(|change| change.abs() > 1e-12);
            let effective = kish(changes.iter().map(|change| change.abs()));
            (effective < FEW && changes.iter().all(|change| change.is_finite()))
                .then_some(Discordant { changes })
        })
        .collect()
}

impl Discordant {
    /// Subjects that change the metric.
    pub(crate) fn subjects(&self) -> usize {
        self.changes.len()
    }

    /// Interval about the difference `value`; `one` is what a subject that differs altogether would change, where that is
    /// known. `None` where no subject differs and it is not known.
    pub(crate) fn interval(&self, value: f64, one: Option<f64>, level: f64) -> Option<(f64, f64)> {
        let seen = self
            .changes
            .iter()
            .fold(0.0_f64, |most, c| most.max(c.abs()));
        let largest = match (self.changes.len(), one) {
            (0, one) => one?,
            (_, Some(_)) => seen,
            // How much one subject can change is known from those few alone, which are hardly the most extreme.
            (few, None) => seen * (1.0 + UNSEEN / few as f64),
        };
        let tail = (1.0 - level) / 2.0;
        let part = |sign: f64| {
            let of_sign = self.changes.iter().map(|c| (sign * c).max(0.0));
            let (sum, squares) = of_sign.fold((0.0, 0.0), |(y, v), c| (y + c, v + c * c));
            let low = if sum > 0.0 {
                squares / sum * gamma_quantile(tail, sum * sum / squares)
            } else {
                0.0
            };
            let (y, v) = (sum + largest, squares + largest * largest);
            let high = v / y * gamma_quantile(1.0 - tail, y * y / v);
            (sum, low, high)
        };
        let (gain, loss) = (part(1.0), part(-1.0));
        Some((
            value - (gain.0 - gain.1).hypot(loss.2 - loss.0),
            value + (gain.2 - gain.0).hypot(loss.0 - loss.1),
        ))
    }
}
