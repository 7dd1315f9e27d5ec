//! Same or different: how well scores of pairs tell pairs of one unit (a person) from pairs of two.

use serde::{Deserialize, Serialize};

use crate::EvalError;
use crate::estimate::Interval;
use crate::interval::{IntervalSettings, Quantities, resampled_intervals};
use crate::means::{UnitSums, widened};
use crate::resampled::Resampled;
use crate::scale::Scale;
use crate::support::Support;

/// Most points that a ROC curve is written with.
const MOST_POINTS: usize = 200;

/// Pairs of items of so many units, with a score each; a pair is genuine where both items are of one unit.
#[derive(Debug, Clone, Copy)]
pub struct ScoredPairs<'a> {
    /// Score of each pair; higher says the same.
    pub scores: &'a [f64],
    /// The two units of each pair, below `units`.
    pub pairs: &'a [[u32; 2]],
    /// Number of units.
    pub units: usize,
}

/// How well pairs of one unit are told from pairs of two.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// Pairs of one unit.
    pub genuine: usize,
    /// Pairs of two units.
    pub impostor: usize,
    /// Units.
    pub units: usize,
    /// Area under the ROC curve: how often a genuine pair scores higher than an impostor one, equals counting half. By chance 1/2.
    pub auc: Interval,
    /// The rate at which as many genuine pairs are turned away as impostor ones are let in.
    pub equal_error_rate: f64,
    /// The operating points that were asked for.
    pub at: Vec<Operating>,
    /// The curve: false accept rate and true accept rate by falling threshold, thinned.
    pub roc: Vec<[f64; 2]>,
}

/// A threshold that lets in no more than a share of the impostor pairs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operating {
    /// The largest share of impostor pairs that may be let in: the true accept rate by chance.
    pub false_accept_rate: f64,
    /// The share that is let in.
    pub reached: f64,
    /// Pairs that score at least this are let in; absent where even the highest score lets in too many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// The share of genuine pairs that is let in.
    pub true_accept_rate: Interval,
}

/// Measures scores of pairs at false accept rates, each above 0 and below 1, with intervals by unit: units are resampled, and a pair counts as
/// often as both of its units were drawn.
///
/// # Errors
/// [`EvalError`] for settings out of range, scores that are no numbers, units out of range, or pairs of one kind only. A
/// rate below one impostor pair in all is refused: it cannot be told from 0.
pub fn verification(
    given: &ScoredPairs,
    rates: &[f64],
    settings: &IntervalSettings,
) -> Result<Verification, EvalError> {
    settings.check()?;
    let sorted = Sorted::new(given)?;
    for rate in rates {
        if !(*rate > 0.0 && *rate < 1.0 && rate * sorted.impostor as f64 >= 1.0) {
            return Err(EvalError::Input {
                what: "false accept rate",
                expected: "a share below 1 that is at least one impostor pair",
                found: format!("{rate} of {} impostor pairs", sorted.impostor),
            });
        }
    }
    let whole = Whole::new(&sorted, rates);
    let sizes: Vec<f64> = sorted
        .genuine_by_unit
        .iter()
        .copied()
        .filter(|n| *n > 0.0)
        .collect();
    let support = Support::of_sizes(&sizes);
    let quantities = Quantities {
        scale: Scale::Logit,
        range: (0.0, 1.0),
        rows: sorted.genuine,
        supports: vec![&support; rates.len() + 1],
        resamples: settings.resamples,
        leaves_out: false,
    };
    let make = || Weighted::new(&sorted, &whole);
    let stream = settings.stream(&["verification"]);
    let mut found = resampled_intervals(make, &quantities, settings.level, stream).into_iter();
    let auc = found.next().ok_or_else(|| EvalError::Input {
        what: "verification",
        expected: "an area under the curve",
        found: "none".into(),
    })?;
    let at = rates
        .iter()
        .zip(&whole.cuts)
        .zip(found)
        .map(|((rate, cut), interval)| {
            let accepted = |place: &usize| f64::from(u8::from(*place < cut.end));
            let genuine = (0..sorted.pairs.len()).filter(|&p| sorted.is_genuine(p));
            let unit: Vec<usize> = genuine
                .clone()
                .map(|p| sorted.pairs[p][0] as usize)
                .collect();
            let column: Vec<f64> = genuine.map(|place| accepted(&place)).collect();
            let sums = UnitSums::new(&[column], &unit);
            Operating {
                false_accept_rate: *rate,
                reached: cut.false_accept,
                threshold: cut.end.checked_sub(1).map(|last| sorted.scores[last]),
                true_accept_rate: widened(interval, &sums, 0, &support, settings.level),
            }
        });
    Ok(Verification {
        genuine: sorted.genuine,
        impostor: sorted.impostor,
        units: given.units,
        auc,
        equal_error_rate: whole.equal_error_rate,
        at: at.collect(),
        roc: whole.roc.clone(),
    })
}

/// Pairs by falling score.
struct Sorted {
    scores: Vec<f64>,
    pairs: Vec<[u32; 2]>,
    /// Where each run of equal scores ends.
    ends: Vec<usize>,
    genuine: usize,
    impostor: usize,
    genuine_by_unit: Vec<f64>,
}

impl Sorted {
    fn new(given: &ScoredPairs) -> Result<Self, EvalError> {
        let length = |what, expected, found| EvalError::Length {
            what,
            expected,
            found,
        };
        if given.scores.len() != given.pairs.len() {
            return Err(length("scores", given.pairs.len(), given.scores.len()));
        }
        let row = |row: usize, expected: &str, found: String| EvalError::Row {
            what: "pairs".into(),
            row: row + 1,
            expected: expected.into(),
            found,
        };
        if let Some(at) = given.scores.iter().position(|score| !score.is_finite()) {
            return Err(row(at, "a finite score", given.scores[at].to_string()));
        }
        let out = |pair: &[u32; 2]| pair.iter().any(|unit| *unit as usize >= given.units);
        if let Some(at) = given.pairs.iter().position(out) {
            return Err(row(
                at,
                "units below their number",
                format!("{:?}", given.pairs[at]),
            ));
        }
        let mut order: Vec<u32> = (0..given.pairs.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| {
            let (x, y) = (given.scores[a as usize], given.scores[b as usize]);
            y.total_cmp(&x).then(a.cmp(&b))
        });
        let scores: Vec<f64> = order.iter().map(|&at| given.scores[at as usize]).collect();
        let pairs: Vec<[u32; 2]> = order.iter().map(|&at| given.pairs[at as usize]).collect();
        let mut ends = Vec::new();
        for at in 1..=scores.len() {
            // 0 and -0 are equal
            if at == scores.len() || scores[at] != scores[at - 1] {
                ends.push(at);
            }
        }
        let mut genuine_by_unit = vec![0.0; given.units];
        for pair in pairs.iter().filter(|pair| pair[0] == pair[1]) {
            genuine_by_unit[pair[0] as usize] += 1.0;
        }
        let genuine = pairs.iter().filter(|pair| pair[0] == pair[1]).count();
        if genuine == 0 || genuine == pairs.len() {
            return Err(EvalError::Input {
                what: "pairs",
                expected: "pairs of one unit and pairs of two",
                found: format!("{genuine} and {}", pairs.len() - genuine),
            });
        }
        Ok(Self {
            impostor: pairs.len() - genuine,
            scores,
            pairs,
            ends,
            genuine,
            genuine_by_unit,
        })
    }

    fn is_genuine(&self, place: usize) -> bool {
        self.pairs[place][0] == self.pairs[place][1]
    }
}

/// Where a threshold cuts the pairs.
#[derive(Debug, Clone, Copy)]
struct Cut {
    /// The first pair that is not let in.
    end: usize,
    false_accept: f64,
    /// True accepts gained for a false one about here.
    slope: f64,
}

/// What the whole sample says.
struct Whole {
    cuts: Vec<Cut>,
    rates: Vec<f64>,
    equal_error_rate: f64,
    roc: Vec<[f64; 2]>,
}

impl Whole {
    fn new(sorted: &Sorted, rates: &[f64]) -> Self {
        let mut curve = vec![[0.0, 0.0]];
        let (mut hits, mut false_hits, mut from) = (0.0, 0.0, 0);
        for &end in &sorted.ends {
            for place in from..end {
                match sorted.is_genuine(place) {
                    true => hits += 1.0,
                    false => false_hits += 1.0,
                }
            }
            from = end;
            curve.push([
                false_hits / sorted.impostor as f64,
                hits / sorted.genuine as f64,
            ]);
        }
        // the last point that lets in no more
        let last = |rate: f64| curve.partition_point(|point| point[0] <= rate * (1.0 + 1e-12)) - 1;
        let cut = |&rate: &f64| {
            let at = last(rate);
            let (below, above) = (curve[last(rate / 2.0)], curve[last((2.0 * rate).min(1.0))]);
            let gained = above[0] - below[0];
            Cut {
                end: at.checked_sub(1).map_or(0, |run| sorted.ends[run]),
                false_accept: curve[at][0],
                slope: if gained > 0.0 {
                    (above[1] - below[1]) / gained
                } else {
                    0.0
                },
            }
        };
        let crossing = curve.iter().find(|point| point[0] >= 1.0 - point[1]);
        let equal_error_rate = crossing.map_or(1.0, |point| 0.5 * (point[0] + 1.0 - point[1]));
        let every = curve.len().div_ceil(MOST_POINTS).max(1);
        let roc = (curve.iter().enumerate())
            .filter(|(at, _)| at % every == 0 || at + 1 == curve.len())
            .map(|(_, point)| *point);
        Self {
            cuts: rates.iter().map(cut).collect(),
            rates: rates.to_vec(),
            equal_error_rate,
            roc: roc.collect(),
        }
    }
}

/// Area and true accept rates under weights of the units.
struct Weighted<'a> {
    of: &'a Sorted,
    whole: &'a Whole,
    values: Vec<f64>,
    errors: Vec<f64>,
    /// Unit-major, one influence a quantity.
    influence: Vec<f64>,
}

impl<'a> Weighted<'a> {
    fn new(of: &'a Sorted, whole: &'a Whole) -> Self {
        let quantities = whole.rates.len() + 1;
        Self {
            of,
            whole,
            values: vec![f64::NAN; quantities],
            errors: vec![f64::NAN; quantities],
            influence: vec![0.0; of.genuine_by_unit.len() * quantities],
        }
    }
}

impl Resampled for Weighted<'_> {
    fn units(&self) -> usize {
        self.of.genuine_by_unit.len()
    }

    fn values_and_errors(&mut self, weights: &[f64], with_errors: bool) -> (&[f64], &[f64]) {
        let of = self.of;
        // a genuine pair counts as often as its unit, an impostor one as often as both
        let weight = |pair: &[u32; 2]| match pair[0] == pair[1] {
            true => (weights[pair[0] as usize], 0.0),
            false => (0.0, weights[pair[0] as usize] * weights[pair[1] as usize]),
        };
        let (mut genuine, mut impostor) = (0.0, 0.0);
        for pair in &of.pairs {
            let (g, i) = weight(pair);
            genuine += g;
            impostor += i;
        }
        if genuine == 0.0 || impostor == 0.0 {
            self.values.fill(f64::NAN);
            self.errors.fill(f64::NAN);
            return (&self.values, &self.errors);
        }
        let rates = &self.whole.rates;
        // of each rate: the last run that is let in, as its end, and its share of the impostors
        let mut ends = vec![(0, 0.0); rates.len()];
        self.values.fill(0.0);
        let (mut hits, mut false_hits, mut from) = (0.0, 0.0, 0);
        for &end in &of.ends {
            let (mut g, mut i) = (0.0, 0.0);
            for pair in &of.pairs[from..end] {
                let (own, two) = weight(pair);
                g += own;
                i += two;
            }
            from = end;
            self.values[0] += i * (hits + 0.5 * g);
            hits += g;
            false_hits += i;
            let reached = false_hits / impostor;
            for (at, rate) in rates.iter().enumerate() {
                if reached <= rate * (1.0 + 1e-12) {
                    self.values[at + 1] = hits / genuine;
                    ends[at] = (end, reached);
                }
            }
        }
        self.values[0] /= genuine * impostor;
        if !with_errors {
            return (&self.values, &self.errors);
        }
        let quantities = rates.len() + 1;
        self.influence.fill(0.0);
        let (mut hits, mut false_hits, mut from) = (0.0, 0.0, 0);
        for &end in &of.ends {
            let run = &of.pairs[from..end];
            let (g, i) = run
                .iter()
                .map(weight)
                .fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
            let below = (impostor - false_hits - 0.5 * i) / impostor;
            let above = (hits + 0.5 * g) / genuine;
            for pair in run {
                let (own, two) = weight(pair);
                let is_genuine = pair[0] == pair[1];
                let share = if is_genuine {
                    own / genuine
                } else {
                    two / impostor
                };
                if share == 0.0 {
                    continue;
                }
                for q in 0..quantities {
                    let term = match (q.checked_sub(1), is_genuine) {
                        (None, true) => below - self.values[0],
                        (None, false) => above - self.values[0],
                        (Some(rate), _) => {
                            let (last, reached) = ends[rate];
                            let accepted = f64::from(u8::from(from < last));
                            match is_genuine {
                                true => accepted - self.values[q],
                                false => -self.whole.cuts[rate].slope * (accepted - reached),
                            }
                        }
                    };
                    self.influence[pair[0] as usize * quantities + q] += share * term;
                    if !is_genuine {
                        self.influence[pair[1] as usize * quantities + q] += share * term;
                    }
                }
            }
            hits += g;
            false_hits += i;
            from = end;
        }
        self.errors.fill(0.0);
        let lines = self.influence.chunks_exact(quantities).zip(weights);
        for (line, w) in lines.filter(|(_, w)| **w > 0.0) {
            for (error, own) in self.errors.iter_mut().zip(line) {
                *error += own * own / w;
            }
        }
        let drawn: f64 = weights.iter().sum();
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
    use crate::random::{Stream, unit as uniform};

    fn of(scores: &[f64], pairs: &[[u32; 2]], units: usize, rates: &[f64]) -> Verification {
        let given = ScoredPairs {
            scores,
            pairs,
            units,
        };
        let settings = IntervalSettings {
            resamples: 200,
            ..IntervalSettings::default()
        };
        verification(&given, rates, &settings).unwrap()
    }

    /// Every pair of items of `units` units with two items each, genuine ones higher by `apart`.
    fn sample(units: u32, apart: f64, seed: u64) -> (Vec<f64>, Vec<[u32; 2]>) {
        let mut g = Stream::new(seed, &["verify"]).item(0);
        // what makes a unit's pairs alike
        let own: Vec<f64> = (0..units).map(|_| uniform(&mut g)).collect();
        let items: Vec<u32> = (0..2 * units).map(|i| i / 2).collect();
        let (mut scores, mut pairs) = (Vec::new(), Vec::new());
        for (at, &a) in items.iter().enumerate() {
            for &b in &items[at + 1..] {
                let shared = 0.5 * (own[a as usize] + own[b as usize]);
                let genuine = if a == b { apart } else { 0.0 };
                scores.push(shared + uniform(&mut g) + genuine);
                pairs.push([a, b]);
            }
        }
        (scores, pairs)
    }

    #[test]
    fn rates_and_area_are_those_of_counting() {
        let (mut scores, pairs) = sample(12, 0.5, 1);
        // equals among them
        scores
            .iter_mut()
            .for_each(|s| *s = (*s * 20.0).round() / 20.0);
        let found = of(&scores, &pairs, 12, &[0.01, 0.1, 0.5]);
        let genuine = |pair: &[u32; 2]| pair[0] == pair[1];
        let (mut wins, mut all) = (0.0, 0.0);
        for (s, _) in scores.iter().zip(&pairs).filter(|(_, p)| genuine(p)) {
            for (t, _) in scores.iter().zip(&pairs).filter(|(_, p)| !genuine(p)) {
                wins += if s > t {
                    1.0
                } else if s == t {
                    0.5
                } else {
                    0.0
                };
                all += 1.0;
            }
        }
        assert!((found.auc.value().unwrap() - wins / all).abs() < 1e-12);
        let share = |threshold: f64, kind: bool| {
            let of_kind = scores
                .iter()
                .zip(&pairs)
                .filter(|(_, p)| genuine(p) == kind);
            let all = of_kind.clone().count();
            of_kind.filter(|(s, _)| **s >= threshold).count() as f64 / all as f64
        };
        for point in &found.at {
            // the best over every threshold that keeps the rate
            let fits = scores
                .iter()
                .filter(|t| share(**t, false) <= point.false_accept_rate);
            let best = fits.map(|t| share(*t, true)).fold(0.0, f64::max);
            assert!((point.true_accept_rate.value().unwrap() - best).abs() < 1e-12);
            let threshold = point.threshold.unwrap();
            assert!((share(threshold, false) - point.reached).abs() < 1e-12);
        }
        let eer = found.equal_error_rate;
        let nearest = scores
            .iter()
            .map(|t| (share(*t, false) - 1.0 + share(*t, true)).abs());
        assert!(nearest.fold(1.0, f64::min) < 0.1 && eer > 0.0 && eer < 0.5);
        assert_eq!((found.genuine, found.impostor), (12, 24 * 23 / 2 - 12));
    }

    #[test]
    fn errors_by_influence_are_those_of_leaving_units_out() {
        let (scores, pairs) = sample(60, 0.6, 3);
        let given = ScoredPairs {
            scores: &scores,
            pairs: &pairs,
            units: 60,
        };
        let sorted = Sorted::new(&given).unwrap();
        let whole = Whole::new(&sorted, &[0.1]);
        let mut weighted = Weighted::new(&sorted, &whole);
        let mut weights = vec![1.0; 60];
        let (values, errors) = weighted.values_and_errors(&weights, true);
        let (values, errors) = (values.to_vec(), errors.to_vec());
        let mut sum = 0.0;
        for s in 0..60 {
            weights[s] = 0.0;
            let without = weighted.values_and_errors(&weights, false).0[0];
            sum += (without - values[0]).powi(2);
            weights[s] = 1.0;
        }
        let jackknife = (sum * 59.0 / 60.0).sqrt();
        assert!(
            (errors[0] / jackknife - 1.0).abs() < 0.05,
            "{} {jackknife}",
            errors[0]
        );
    }

    #[test]
    fn intervals_of_the_area_keep_their_level() {
        // the truth from a large sample
        let truth = {
            let (scores, pairs) = sample(400, 0.5, 99);
            let given = ScoredPairs {
                scores: &scores,
                pairs: &pairs,
                units: 400,
            };
            let sorted = Sorted::new(&given).unwrap();
            let whole = Whole::new(&sorted, &[0.1]);
            Weighted::new(&sorted, &whole)
                .values_and_errors(&vec![1.0; 400], false)
                .0
                .to_vec()
        };
        let (mut held, tries) = ([0; 2], 150);
        for attempt in 0..tries {
            let (scores, pairs) = sample(50, 0.5, 100 + attempt);
            let found = of(&scores, &pairs, 50, &[0.1]);
            for (at, interval) in [&found.auc, &found.at[0].true_accept_rate]
                .iter()
                .enumerate()
            {
                let e = interval.estimate().unwrap();
                held[at] += usize::from(e.low <= truth[at] && truth[at] <= e.high);
            }
        }
        let share = held.map(|held| held as f64 / tries as f64);
        // standard deviation .018, and the truth has an error of its own
        assert!(share.iter().all(|s| (0.88..=1.0).contains(s)), "{share:?}");
    }

    #[test]
    fn what_cannot_be_measured_is_told() {
        let settings = IntervalSettings::default();
        let told = |scores: &[f64], pairs: &[[u32; 2]], rate: f64| {
            let given = ScoredPairs {
                scores,
                pairs,
                units: 2,
            };
            verification(&given, &[rate], &settings)
                .unwrap_err()
                .to_string()
        };
        assert!(told(&[1.0], &[[0, 0]], 0.5).contains("pairs of one unit and pairs of two"));
        let pairs = [[0, 0], [0, 1]];
        assert!(told(&[1.0, f64::NAN], &pairs, 0.5).contains("row 2: expected a finite score"));
        assert!(told(&[1.0, 0.0], &[[0, 0], [0, 2]], 0.5).contains("units below their number"));
        assert!(told(&[1.0, 0.0], &pairs, 0.5).contains("at least one impostor pair"));
        assert!(told(&[1.0], &pairs, 0.5).contains("scores"));
    }
}
