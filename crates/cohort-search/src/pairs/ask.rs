//! One direction: every query ranks its gallery.

use std::ops::Range;

use rayon::prelude::*;

use super::median::median;
use super::places::{Ranks, best, places};
use super::scores::Scored;
use super::{Direction, DirectionMeasured, NullScores, PairsSettings};
use crate::random::Random;
use crate::retrieval::{Measure, Sums};
use crate::{Progress, SearchError, go_on};

/// What came of one query.
#[derive(Debug, Clone, PartialEq)]
pub struct PairRecord {
    /// Row of the query in its table.
    pub query: usize,
    /// Row of its picture: the unit that intervals are made by.
    pub picture: usize,
    /// Items that are right, at least 1.
    pub relevant: usize,
    /// Rank of the first of them, from 1.
    pub rank: usize,
    /// Each measure.
    pub values: Vec<f64>,
    /// Each measure where equals stand in the best and in the worst order, where that matters.
    pub tied: Option<[Vec<f64>; 2]>,
    /// Row of the answer: the item with the highest score.
    pub answer: usize,
    /// Its score: the cosine (corrected, with CSLS), the inner product, or minus the distance.
    pub score: f64,
    /// The highest score of the items that are not right: what the answer would score if nothing here were right. None where all
    /// items are right.
    pub unrelated: Option<f64>,
    /// Share of the queries of other pictures whose `unrelated` is lower than `score`, equals by half. None where there is no such
    /// query.
    pub percentile: Option<f64>,
}

/// Which caption is of which picture: as it is, and in each shuffle.
pub(super) struct Shuffled {
    pictures: usize,
    /// The true pairing first.
    picture_of: Vec<Vec<Option<u32>>>,
    /// Captions by picture of each pairing: where each picture's begin, and the captions.
    captions_of: Vec<(Vec<u32>, Vec<u32>)>,
}

impl Shuffled {
    /// A shuffle gives the captions that have a picture each other's, so every picture keeps as many.
    pub(super) fn new(
        picture_of: &[Option<u32>],
        pictures: usize,
        settings: &PairsSettings,
    ) -> Self {
        let named: Vec<usize> = (0..picture_of.len())
            .filter(|&caption| picture_of[caption].is_some())
            .collect();
        let shuffle = |number: usize| {
            let mut mixed = named.clone();
            Random::new(settings.seed, "pairs", number).shuffle(&mut mixed);
            let mut out = vec![None; picture_of.len()];
            for (&to, from) in named.iter().zip(mixed) {
                out[to] = picture_of[from];
            }
            out
        };
        let shuffles = (0..settings.shuffles).map(shuffle);
        let picture_of: Vec<_> = std::iter::once(picture_of.to_vec())
            .chain(shuffles)
            .collect();
        let captions_of = picture_of.iter().map(|of| by_picture(of, pictures));
        Self {
            pictures,
            captions_of: captions_of.collect(),
            picture_of,
        }
    }

    fn queries(&self, direction: Direction) -> usize {
        match direction {
            Direction::TextToImage => self.picture_of[0].len(),
            Direction::ImageToText => self.pictures,
        }
    }

    /// What is right for a query in a pairing, ascending.
    fn relevant(&self, direction: Direction, pairing: usize, query: usize) -> &[u32] {
        match direction {
            Direction::TextToImage => self.picture_of[pairing][query].as_slice(),
            Direction::ImageToText => {
                let (starts, captions) = &self.captions_of[pairing];
                &captions[starts[query] as usize..starts[query + 1] as usize]
            }
        }
    }
}

fn by_picture(picture_of: &[Option<u32>], pictures: usize) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0; pictures + 1];
    for picture in picture_of.iter().flatten() {
        starts[*picture as usize + 1] += 1;
    }
    for i in 0..pictures {
        starts[i + 1] += starts[i];
    }
    let mut next = starts.clone();
    let mut captions = vec![0; starts[pictures] as usize];
    for (caption, picture) in (0..).zip(picture_of) {
        if let Some(picture) = picture {
            let at = &mut next[*picture as usize];
            captions[*at as usize] = caption;
            *at += 1;
        }
    }
    (starts, captions)
}

/// Queries of one direction.
pub(super) struct Asking<'a> {
    pub direction: Direction,
    pub scored: Scored<'a>,
    pub pairs: &'a Shuffled,
    pub settings: &'a PairsSettings,
}

/// What came of one query: its record, and of each shuffle the measures and the first rank.
struct Asked {
    record: PairRecord,
    shuffled: Vec<(Vec<f64>, u32)>,
}

impl Asking<'_> {
    pub(super) fn all(&self, progress: &Progress) -> Result<DirectionMeasured, SearchError> {
        let measures = self.settings.measures();
        let sums = Sums::new(0);
        let count = self.pairs.queries(self.direction);
        let together = self.scored.together();
        let wave = together * 4 * rayon::current_num_threads();
        let mut records = Vec::new();
        let mut totals = vec![vec![0.0; measures.len()]; self.settings.shuffles];
        let mut first: Vec<Vec<u32>> = vec![Vec::new(); self.settings.shuffles];
        for from in (0..count).step_by(wave) {
            go_on(progress, self.direction.title(), from, count)?;
            let to = (from + wave).min(count);
            let starts: Vec<usize> = (from..to).step_by(together).collect();
            let parts: Vec<Vec<Asked>> = starts
                .into_par_iter()
                .map(|start| self.some(start..(start + together).min(to), &measures, &sums))
                .collect();
            // sums in the order of the queries, whatever the threads
            for asked in parts.into_iter().flatten() {
                for (shuffle, (values, rank)) in asked.shuffled.into_iter().enumerate() {
                    let sums = totals[shuffle].iter_mut().zip(values);
                    sums.for_each(|(sum, value)| *sum += value);
                    first[shuffle].push(rank);
                }
                records.push(asked.record);
            }
        }
        let n = records.len() as f64;
        for sum in totals.iter_mut().flatten() {
            *sum /= n;
        }
        percentiles(&mut records);
        Ok(DirectionMeasured {
            direction: self.direction,
            measures,
            gallery: self.scored.gallery.len(),
            alone: count - records.len(),
            asked: records,
            shuffled: totals,
            shuffled_medians: first.iter_mut().map(|ranks| median(ranks)).collect(),
        })
    }

    fn some(&self, queries: Range<usize>, measures: &[Measure], sums: &Sums) -> Vec<Asked> {
        let lines = self.scored.cosines(queries.clone());
        let lines = lines.chunks_exact(self.scored.gallery.len());
        let each = queries.zip(lines);
        each.filter_map(|(query, line)| self.one(query, line, measures, sums))
            .collect()
    }

    fn one(&self, query: usize, line: &[f32], measures: &[Measure], sums: &Sums) -> Option<Asked> {
        let relevant = |pairing: usize| self.pairs.relevant(self.direction, pairing, query);
        let own = relevant(0);
        let picture = match self.direction {
            Direction::TextToImage => *own.first()? as usize,
            Direction::ImageToText => query,
        };
        if own.is_empty() {
            return None;
        }
        let pairings = 0..=self.settings.shuffles;
        let mut wanted: Vec<u32> = pairings.clone().flat_map(relevant).copied().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let places = places(&self.scored, query, line, &wanted);
        let place = |item: &u32| {
            let at = wanted.binary_search(item);
            places[at.expect("whatever is relevant is wanted")]
        };
        let of =
            |ranks: &[usize]| -> Vec<f64> { measures.iter().map(|m| m.of(ranks, sums)).collect() };
        let ranks = |pairing: usize| Ranks::new(relevant(pairing).iter().map(place).collect());
        let true_ranks = ranks(0);
        let shuffled = pairings.skip(1).map(|pairing| {
            let ranks = ranks(pairing).ranks;
            (of(&ranks), ranks[0] as u32)
        });
        let shuffled = shuffled.collect();
        let (answer, score) = best(&self.scored, query, line, |_| true)?;
        let other = |item: usize| own.binary_search(&(item as u32)).is_err();
        let unrelated = best(&self.scored, query, line, other).map(|(_, score)| score);
        let record = PairRecord {
            query,
            picture,
            relevant: own.len(),
            rank: true_ranks.ranks[0],
            values: of(&true_ranks.ranks),
            tied: true_ranks.tied.map(|orders| orders.map(|ranks| of(&ranks))),
            answer,
            score: self.scored.shown(score),
            unrelated: unrelated.map(|score| self.scored.shown(score)),
            percentile: None,
        };
        Some(Asked { record, shuffled })
    }
}

/// How each answer's score stands among what queries of other pictures score without a right item.
fn percentiles(records: &mut [PairRecord]) {
    let all = NullScores::new(records.iter().filter_map(|record| record.unrelated));
    let mut order: Vec<usize> = (0..records.len()).collect();
    order.sort_by_key(|&i| records[i].picture);
    let same = |a: &usize, b: &usize| records[*a].picture == records[*b].picture;
    let groups: Vec<Vec<usize>> = order.chunk_by(same).map(<[usize]>::to_vec).collect();
    for group in groups {
        let own = NullScores::new(group.iter().filter_map(|&i| records[i].unrelated));
        for i in group {
            records[i].percentile = all.percentile_without(records[i].score, &own);
        }
    }
}
