//! Same or different: every two vectors of a table as a pair, and how well their distance tells pairs of one unit.

use std::fmt::Write as _;

use cohort_eval::{EvalError, Interval, IntervalSettings, ScoredPairs, Verification, verification};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::random::Random;
use crate::{Distance, Progress, SearchError, go_on};

/// Shuffles of the units, for the control.
const SHUFFLES: usize = 5;

/// How pairs are told apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerifySettings {
    /// What "near" means. Default cosine.
    pub distance: Distance,
    /// False accept rates, each above 0 and below 1. Default none: those of .1, .01 and .001 that the pairs of two units suffice
    /// for.
    pub false_accept_rates: Vec<f64>,
    /// Most pairs of two units that are looked at; of more, so many are drawn. Default 1,000,000.
    pub most_impostors: usize,
    /// Bootstrap resamples of units. Default 1,000.
    pub resamples: usize,
    /// Level of the intervals. Default 0.95.
    pub level: f64,
    /// Seed of all random numbers. Default 0.
    pub seed: u64,
}

impl Default for VerifySettings {
    fn default() -> Self {
        Self {
            distance: Distance::Cosine,
            false_accept_rates: Vec::new(),
            most_impostors: 1_000_000,
            resamples: 1_000,
            level: 0.95,
            seed: 0,
        }
    }
}

/// How well the distance of two vectors tells whether they are of one unit (`cohort.verification/1`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerificationDocument {
    /// `cohort.verification/1`.
    pub schema: String,
    /// Names of the tables.
    pub tables: Vec<String>,
    /// Column of the units.
    pub unit: String,
    /// Vectors that were compared.
    pub vectors: usize,
    /// Vectors without a unit.
    pub without_unit: usize,
    /// How it was measured.
    pub settings: VerifySettings,
    /// Pairs of two units that there are, of which [`Verification::impostor`] were looked at.
    pub impostors: usize,
    /// What was found.
    #[serde(flatten)]
    pub found: Verification,
    /// The area under the curve with the units shuffled among the vectors, the mean of five times: it must lie at 1/2.
    pub control: f64,
    /// What to bear in mind, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Why pairs could not be told apart.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Vectors or settings.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// Scores or rates.
    #[error(transparent)]
    Eval(#[from] EvalError),
}

/// Every pair of vectors, `dim` values each, of the units in `unit` (numbers below `units`). Names are the caller's to fill in.
///
/// # Errors
/// Lengths that do not fit, values that are not finite, no pair of one kind, settings out of range, or when the caller asks to
/// stop.
pub fn verify(
    rows: &[f32],
    dim: usize,
    unit: &[usize],
    settings: &VerifySettings,
    progress: &Progress,
) -> Result<VerificationDocument, VerifyError> {
    if dim == 0 || rows.len() != unit.len() * dim {
        return Err(SearchError::Shape {
            dim,
            found: rows.len(),
        }
        .into());
    }
    if let Some(at) = rows.iter().position(|value| !value.is_finite()) {
        return Err(SearchError::NotFinite {
            row: at / dim + 1,
            found: rows[at],
        }
        .into());
    }
    if settings.most_impostors == 0 {
        return Err(SearchError::setting("impostors", "at least 1", 0).into());
    }
    let units = unit.iter().max().map_or(0, |most| most + 1);
    let mut sizes = vec![0_usize; units];
    unit.iter().for_each(|&u| sizes[u] += 1);
    let pairs = |n: usize| n * n.saturating_sub(1) / 2;
    let genuine: usize = sizes.iter().map(|&n| pairs(n)).sum();
    let impostors = pairs(unit.len()) - genuine;
    // each is drawn by its own number, so that how many threads there are does not show
    let share = settings.most_impostors as f64 / impostors.max(1) as f64;
    let row = |i: usize| &rows[i * dim..(i + 1) * dim];
    let mut scored: Vec<(f64, [u32; 2])> = Vec::new();
    for i in 0..unit.len() {
        if i % 64 == 0 {
            go_on(progress, "pairs", i, unit.len())?;
        }
        let own: Vec<(f64, [u32; 2])> = (i + 1..unit.len())
            .into_par_iter()
            .filter(|&j| {
                let is_genuine = unit[i] == unit[j];
                let place = i * unit.len() + j;
                is_genuine
                    || share >= 1.0
                    || Random::new(settings.seed, "impostors", place).uniform() < share
            })
            .map(|j| (-settings.distance.key(row(i), row(j)), [i as u32, j as u32]))
            .collect();
        scored.extend(own);
    }
    let (scores, items): (Vec<f64>, Vec<[u32; 2]>) = scored.into_iter().unzip();
    let measure = |of_item: &[usize], rates: &[f64], resamples: usize| {
        let of = |pair: &[u32; 2]| pair.map(|item| of_item[item as usize] as u32);
        let pairs: Vec<[u32; 2]> = items.iter().map(of).collect();
        let given = ScoredPairs {
            scores: &scores,
            pairs: &pairs,
            units,
        };
        let intervals = IntervalSettings {
            resamples,
            level: settings.level,
            seed: settings.seed,
        };
        verification(&given, rates, &intervals)
    };
    go_on(progress, "intervals", 0, 1)?;
    let looked_at = items.len() - genuine;
    let mut notes = Vec::new();
    let settings = VerifySettings {
        false_accept_rates: match settings.false_accept_rates.as_slice() {
            [] => usual_rates(looked_at, &mut notes),
            given => given.to_vec(),
        },
        ..settings.clone()
    };
    let found = measure(unit, &settings.false_accept_rates, settings.resamples)?;
    let mut control = Vec::new();
    for shuffle in 0..SHUFFLES {
        go_on(progress, "control", shuffle, SHUFFLES)?;
        let mut mixed = unit.to_vec();
        Random::new(settings.seed, "units", shuffle).shuffle(&mut mixed);
        // by chance there may be no genuine pair among those that were drawn
        if let Ok(area) = measure(&mixed, &[], 100) {
            control.extend(area.auc.value());
        }
    }
    Ok(VerificationDocument {
        schema: "cohort.verification/1".into(),
        tables: Vec::new(),
        unit: String::new(),
        vectors: unit.len(),
        without_unit: 0,
        settings,
        impostors,
        found,
        control: control.iter().sum::<f64>() / control.len() as f64,
        notes,
    })
}

/// The usual rates that so many pairs of two units can show; says which they cannot.
fn usual_rates(impostors: usize, notes: &mut Vec<String>) -> Vec<f64> {
    const USUAL: [f64; 3] = [0.1, 0.01, 0.001];
    let (shown, beyond): (Vec<f64>, Vec<f64>) = USUAL
        .iter()
        .partition(|&&rate| rate * impostors as f64 >= 1.0);
    if !beyond.is_empty() {
        let beyond: Vec<String> = beyond.iter().map(f64::to_string).collect();
        notes.push(format!(
            "{impostors} pairs of two units are too few to count true accepts at a false accept rate of {}",
            beyond.join(" or ")
        ));
    }
    shown
}

impl VerificationDocument {
    /// A table for people.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let found = &self.found;
        // writing to a String cannot fail
        let _ = writeln!(
            text,
            "{}: {} vectors of {} {}, {} pairs of one and {} of two (of {}), by {} distance",
            self.tables.join(", "),
            self.vectors,
            found.units,
            self.unit,
            found.genuine,
            found.impostor,
            self.impostors,
            self.settings.distance.name()
        );
        if self.without_unit > 0 {
            let _ = writeln!(
                text,
                "{} vectors without {} left out",
                self.without_unit, self.unit
            );
        }
        for note in &self.notes {
            let _ = writeln!(text, "{note}");
        }
        let level = format!("{}% interval", self.settings.level * 100.0);
        let _ = writeln!(
            text,
            "\n{:<22} {:>6}  {level:<16} {:>6}",
            "", "value", "chance"
        );
        let mut line = |name: &str, interval: &Interval, chance: f64| {
            let ends = match interval.estimate() {
                Some(e) => format!("{:.4} to {:.4}", e.low, e.high),
                None => "no interval".into(),
            };
            let value = interval.value().unwrap_or(f64::NAN);
            let _ = writeln!(text, "{name:<22} {value:>6.4}  {ends:<16} {chance:>6.4}");
        };
        line("area under the curve", &found.auc, 0.5);
        for point in &found.at {
            let name = format!("true accepts at {}", point.false_accept_rate);
            line(&name, &point.true_accept_rate, point.false_accept_rate);
        }
        let _ = writeln!(text, "equal error rate {:.4}", found.equal_error_rate);
        let _ = writeln!(
            text,
            "area with the {} shuffled: {:.4}",
            self.unit, self.control
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_that_few_pairs_cannot_show_are_left_out_and_told() {
        for (impostors, rates) in [(1_000, 3), (999, 2), (99, 1), (9, 0)] {
            let mut notes = Vec::new();
            assert_eq!(usual_rates(impostors, &mut notes).len(), rates);
            assert_eq!(notes.len(), usize::from(rates < 3));
        }
        let rows: Vec<f32> = (0..12).map(|i| (i as f32).sin()).collect();
        let found = verify(
            &rows,
            2,
            &[0, 0, 1, 1, 2, 2],
            &VerifySettings::default(),
            &|_, _, _| true,
        );
        let found = found.unwrap();
        assert_eq!(found.impostors, 12);
        assert_eq!(found.settings.false_accept_rates, [0.1]);
        assert!(
            found.notes[0].contains("12 pairs of two units"),
            "{:?}",
            found.notes
        );
    }
}
