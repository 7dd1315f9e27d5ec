//! What a ranking is worth to one query, and what a random one would be.
//!
//! Of `gallery` items `relevant` share a label with the query; `ranks` are their places, from 1, ascending. All measures lie
//! between 0 and 1, the higher the better. [`Measure::chance`] is the expectation when every order of the gallery is
//! equally likely, in closed form; `docs/retrieval.md` derives each.

use serde::{Deserialize, Serialize};

/// A measure of one query's ranking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String")]
#[serde(try_from = "String")]
pub enum Measure {
    /// Share of the first k that is relevant.
    PrecisionAt(usize),
    /// Share of the relevant that is among the first k.
    RecallAt(usize),
    /// Whether any relevant one is among the first k (metric learning's "Recall@k").
    HitAt(usize),
    /// Discounted gain of the first k over the largest possible (Järvelin and Kekäläinen 2002), gains 0 and 1.
    NdcgAt(usize),
    /// Precision at as many places as there are relevant ones.
    RPrecision,
    /// Average precision over as many places as there are relevant ones, divided by their number (Musgrave et al. 2020).
    MapAtR,
    /// Average precision over the whole gallery, divided by the number of relevant ones.
    AveragePrecision,
    /// Discounted gain of the whole ranking over the largest possible.
    Ndcg,
    /// One over the rank of the first relevant one.
    ReciprocalRank,
}

impl Measure {
    /// All measures, those of the first places for each of `ks`.
    pub fn all(ks: &[usize]) -> Vec<Self> {
        let mut all: Vec<Self> = ks.iter().map(|&k| Self::PrecisionAt(k)).collect();
        all.extend(ks.iter().map(|&k| Self::RecallAt(k)));
        // with one place it is the precision
        all.extend(ks.iter().filter(|&&k| k > 1).map(|&k| Self::HitAt(k)));
        all.extend(ks.iter().filter(|&&k| k > 1).map(|&k| Self::NdcgAt(k)));
        all.extend([
            Self::RPrecision,
            Self::MapAtR,
            Self::AveragePrecision,
            Self::Ndcg,
            Self::ReciprocalRank,
        ]);
        all
    }

    /// Machine name, e.g. `precision_at_5`.
    pub fn name(self) -> String {
        match self {
            Self::PrecisionAt(k) => format!("precision_at_{k}"),
            Self::RecallAt(k) => format!("recall_at_{k}"),
            Self::HitAt(k) => format!("hit_at_{k}"),
            Self::NdcgAt(k) => format!("ndcg_at_{k}"),
            Self::RPrecision => "r_precision".into(),
            Self::MapAtR => "map_at_r".into(),
            Self::AveragePrecision => "map".into(),
            Self::Ndcg => "ndcg".into(),
            Self::ReciprocalRank => "reciprocal_rank".into(),
        }
    }

    /// Name for people.
    pub fn title(self) -> String {
        match self {
            Self::PrecisionAt(k) => format!("P@{k}"),
            Self::RecallAt(k) => format!("recall@{k}"),
            Self::HitAt(k) => format!("hit@{k}"),
            Self::NdcgAt(k) => format!("nDCG@{k}"),
            Self::RPrecision => "R-precision".into(),
            Self::MapAtR => "MAP@R".into(),
            Self::AveragePrecision => "mAP".into(),
            Self::Ndcg => "nDCG".into(),
            Self::ReciprocalRank => "reciprocal rank".into(),
        }
    }

    /// The measure of ranks, of which there is at least one.
    pub fn of(self, ranks: &[usize], sums: &Sums) -> f64 {
        let relevant = ranks.len();
        let within = |k: usize| ranks.partition_point(|&rank| rank <= k);
        let precisions = |k: usize| -> f64 {
            let found = ranks[..within(k)].iter().zip(1..);
            found
                .map(|(&rank, hits)| f64::from(hits) / rank as f64)
                .sum()
        };
        let gain = |k: usize| -> f64 {
            let gains = ranks[..within(k)].iter().map(|&rank| sums.discount(rank));
            gains.sum::<f64>() / sums.discounts(k.min(relevant))
        };
        match self {
            Self::PrecisionAt(k) => within(k) as f64 / k as f64,
            Self::RecallAt(k) => within(k) as f64 / relevant as f64,
            Self::HitAt(k) => f64::from(u8::from(within(k) > 0)),
            Self::NdcgAt(k) => gain(k),
            Self::RPrecision => within(relevant) as f64 / relevant as f64,
            Self::MapAtR => precisions(relevant) / relevant as f64,
            Self::AveragePrecision => precisions(usize::MAX) / relevant as f64,
            Self::Ndcg => gain(usize::MAX),
            Self::ReciprocalRank => ranks.first().map_or(0.0, |&rank| 1.0 / rank as f64),
        }
    }

    /// The expectation over all orders of `gallery` items, `relevant` of them relevant, both at least 1.
    pub fn chance(self, relevant: usize, gallery: usize, sums: &Sums) -> f64 {
        let (r, n) = (relevant as f64, gallery as f64);
        let share = r / n;
        // chance that a place holds a relevant one where another does, over `share`
        let again = if gallery > 1 {
            (r - 1.0) / (n - 1.0)
        } else {
            0.0
        };
        // sum over the first k places of the expectation of precision times relevance
        let precisions =
            |k: usize| share * (sums.harmonic(k) + again * (k as f64 - sums.harmonic(k)));
        let gain = |k: usize| share * sums.discounts(k) / sums.discounts(k.min(relevant));
        match self {
            Self::PrecisionAt(k) => share * k.min(gallery) as f64 / k as f64,
            Self::RecallAt(k) => k.min(gallery) as f64 / n,
            Self::HitAt(k) => {
                let missed =
                    (0..k.min(gallery)).map(|i| (n - r - i as f64).max(0.0) / (n - i as f64));
                1.0 - missed.product::<f64>()
            }
            Self::NdcgAt(k) => gain(k.min(gallery)),
            Self::RPrecision => share,
            Self::MapAtR => precisions(relevant) / r,
            Self::AveragePrecision => precisions(gallery) / r,
            Self::Ndcg => gain(gallery),
            Self::ReciprocalRank => {
                let (mut sum, mut missed) = (0.0, 1.0);
                for i in 0..=gallery - relevant {
                    let left = n - i as f64;
                    sum += missed * r / left / (i + 1) as f64;
                    missed *= (left - r) / left;
                }
                sum
            }
        }
    }
}

impl From<Measure> for String {
    fn from(measure: Measure) -> Self {
        measure.name()
    }
}

impl TryFrom<String> for Measure {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let at = |prefix: &str| name.strip_prefix(prefix)?.parse().ok();
        let found = match name.as_str() {
            "r_precision" => Some(Self::RPrecision),
            "map_at_r" => Some(Self::MapAtR),
            "map" => Some(Self::AveragePrecision),
            "ndcg" => Some(Self::Ndcg),
            "reciprocal_rank" => Some(Self::ReciprocalRank),
            _ => (at("precision_at_").map(Self::PrecisionAt))
                .or_else(|| at("recall_at_").map(Self::RecallAt))
                .or_else(|| at("hit_at_").map(Self::HitAt))
                .or_else(|| at("ndcg_at_").map(Self::NdcgAt)),
        };
        found.ok_or_else(|| format!("expected a measure of retrieval, found {name}"))
    }
}

/// Sums over the first places of a ranking: of `1 / log2(i + 1)` and of `1 / i`.
#[derive(Debug, Clone)]
pub struct Sums {
    discounts: Vec<f64>,
    harmonic: Vec<f64>,
}

impl Sums {
    /// For up to `places` places.
    pub fn new(places: usize) -> Self {
        let add =
            |sums: &mut Vec<f64>, next: f64| sums.push(sums.last().copied().unwrap_or(0.0) + next);
        let (mut discounts, mut harmonic) = (vec![0.0], vec![0.0]);
        for i in 1..=places {
            add(&mut discounts, discount(i));
            add(&mut harmonic, 1.0 / i as f64);
        }
        Self {
            discounts,
            harmonic,
        }
    }

    fn discount(&self, rank: usize) -> f64 {
        discount(rank)
    }

    fn discounts(&self, places: usize) -> f64 {
        self.discounts[places.min(self.discounts.len() - 1)]
    }

    fn harmonic(&self, places: usize) -> f64 {
        self.harmonic[places.min(self.harmonic.len() - 1)]
    }
}

fn discount(rank: usize) -> f64 {
    1.0 / (rank as f64 + 1.0).log2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn measures_of_a_ranking_by_hand() {
        // relevant at 1, 3, 6 of 8
        let (ranks, sums) = ([1, 3, 6], Sums::new(8));
        let ideal = 1.0 + 1.0 / 3_f64.log2() + 0.5;
        let cases = [
            (Measure::PrecisionAt(1), 1.0),
            (Measure::PrecisionAt(5), 0.4),
            (Measure::RecallAt(5), 2.0 / 3.0),
            (Measure::HitAt(5), 1.0),
            (Measure::RPrecision, 2.0 / 3.0),
            (Measure::MapAtR, (1.0 + 2.0 / 3.0) / 3.0),
            (Measure::AveragePrecision, (1.0 + 2.0 / 3.0 + 0.5) / 3.0),
            (Measure::NdcgAt(2), 1.0 / (1.0 + 1.0 / 3_f64.log2())),
            (Measure::Ndcg, (1.0 + 0.5 + 1.0 / 7_f64.log2()) / ideal),
            (Measure::ReciprocalRank, 1.0),
        ];
        for (measure, expected) in cases {
            assert!(
                (measure.of(&ranks, &sums) - expected).abs() < 1e-12,
                "{measure:?}"
            );
            assert_eq!(Measure::try_from(measure.name()), Ok(measure));
        }
        assert_eq!(Measure::HitAt(5).of(&[6], &sums), 0.0);
    }

    /// All orders of a small gallery, counted out.
    #[test]
    fn chance_is_the_mean_over_all_orders() {
        let gallery = 9;
        let sums = Sums::new(gallery);
        for relevant in 1..=gallery {
            for measure in Measure::all(&[1, 2, 5, 9]) {
                let (mut sum, mut orders) = (0.0, 0.0);
                for set in 0_u32..1 << gallery {
                    if set.count_ones() as usize == relevant {
                        let ranks: Vec<usize> =
                            (1..=gallery).filter(|i| set >> (i - 1) & 1 == 1).collect();
                        sum += measure.of(&ranks, &sums);
                        orders += 1.0;
                    }
                }
                let chance = measure.chance(relevant, gallery, &sums);
                assert!(
                    (chance - sum / orders).abs() < 1e-12,
                    "{measure:?} {relevant}"
                );
            }
        }
    }

    /// Random orders of a gallery too large to count out.
    #[test]
    fn chance_is_what_random_orders_give() {
        let (gallery, draws) = (500, 20_000);
        let sums = Sums::new(gallery);
        for relevant in [1, 7, 120] {
            let measures = Measure::all(&[1, 10, 100]);
            let mut found = vec![(0.0, 0.0); measures.len()];
            let mut items: Vec<usize> = (1..=gallery).collect();
            for draw in 0..draws {
                Random::new(1, "orders", draw).shuffle(&mut items);
                let mut ranks = items[..relevant].to_vec();
                ranks.sort_unstable();
                for (measure, (sum, squares)) in measures.iter().zip(&mut found) {
                    let value = measure.of(&ranks, &sums);
                    *sum += value;
                    *squares += value * value;
                }
            }
            for (measure, (sum, squares)) in measures.iter().zip(found) {
                let n = f64::from(draws as u32);
                let (mean, variance) = (sum / n, squares / n - (sum / n).powi(2));
                let chance = measure.chance(relevant, gallery, &sums);
                let error = (variance.max(0.0) / n).sqrt() + 1e-12;
                assert!(
                    (mean - chance).abs() < 4.5 * error,
                    "{measure:?} {relevant}: {mean} {chance}"
                );
            }
        }
    }
}
