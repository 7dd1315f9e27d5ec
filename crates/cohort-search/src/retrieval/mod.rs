//! How good the answers of an index are: measures of retrieval with intervals, chance levels and a control.
//!
//! `docs/retrieval.md` gives each definition with its source, and where other libraries differ.

mod document;
mod legacy;
mod measures;
mod query;
mod summary;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

pub use document::{
    Alone, ClassDifference, ClassFigures, Control, Curve, Difference, Figure, Legacy, Paired,
    Protocol, RetrievalDocument, Ties,
};
pub(crate) use document::{line, wrapped};
pub use legacy::legacy_ap;
pub use measures::{Measure, Sums};
pub use query::{Asked, LEVELS};
pub use summary::{compare, summarise};

use crate::random::Random;
use crate::{Index, IndexError, Progress, Ranked, SearchError};

/// How retrieval is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetrievalSettings {
    /// The k of the measures of the first k places, ascending. Default 1, 5, 10.
    pub ks: Vec<usize>,
    /// Shuffles of the gallery's labels, for the control. Default 20.
    pub shuffles: usize,
    /// Bootstrap resamples of units. Default 10,000.
    pub resamples: usize,
    /// Level of the intervals. Default 0.95.
    pub level: f64,
    /// Seed of all random numbers. Default 0.
    pub seed: u64,
}

impl Default for RetrievalSettings {
    fn default() -> Self {
        Self {
            ks: vec![1, 5, 10],
            shuffles: 20,
            resamples: 10_000,
            level: 0.95,
            seed: 0,
        }
    }
}

/// What is asked of an index, and what would be right.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// Who answers.
    pub index: &'a Index,
    /// Queries, rows as long as the index's.
    pub queries: &'a [f32],
    /// Labels of each query, ascending; none: it is not asked.
    pub query_labels: Vec<Vec<u32>>,
    /// Labels of each row of the index that is not deleted, ascending; none: the row is left out.
    pub gallery_labels: Vec<Vec<u32>>,
    /// Names of the labels.
    pub classes: Vec<String>,
    /// Unit of each query: those of one unit are not independent.
    pub query_units: Vec<usize>,
    /// The place of each query among the rows that are not deleted, where it is one of them: it is never its own neighbour.
    /// Empty where none is.
    pub itself: Vec<Option<usize>>,
    /// Unit of each row that is not deleted, numbered as the queries' are: rows of a query's own unit are then left out.
    pub apart: Option<Vec<usize>>,
}

impl Question<'_> {
    fn is_copy(&self, query: usize, row: usize) -> bool {
        let dim = self.index.dim();
        self.index.vector(row) == &self.queries[query * dim..(query + 1) * dim]
    }
}

/// What came of all queries.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The measures, in the order of each query's values.
    pub measures: Vec<Measure>,
    /// The queries for which something is relevant, in their order.
    pub asked: Vec<Asked>,
    /// Queries with labels for which nothing is.
    pub alone: Vec<usize>,
    /// Queries without labels.
    pub unlabelled: usize,
    /// Rows that take part.
    pub gallery: usize,
    /// Rows without labels.
    pub gallery_unlabelled: usize,
}

/// Ranks the whole gallery for every query and measures each ranking.
///
/// # Errors
/// [`IndexError::Search`] for settings out of range, lengths that do not fit or values that are not finite; or when the
/// caller asks to stop.
pub fn evaluate(
    question: &Question,
    settings: &RetrievalSettings,
    progress: &Progress,
) -> Result<Measured, IndexError> {
    let ranked = Ranked::new(question.index);
    let rows = ranked.rows().len();
    let gallery = question
        .gallery_labels
        .iter()
        .filter(|l| !l.is_empty())
        .count();
    let count = |what, expected: usize, found: usize| match expected == found {
        true => Ok(()),
        false => Err(SearchError::input(
            what,
            expected.to_string(),
            found.to_string(),
        )),
    };
    let queries = question.queries.len() / question.index.dim();
    count(
        "labels of the queries",
        queries,
        question.query_labels.len(),
    )?;
    count("units of the queries", queries, question.query_units.len())?;
    count("labels of the index", rows, question.gallery_labels.len())?;
    check(settings, gallery)?;
    let measures = Measure::all(&settings.ks);
    let sums = Sums::new(rows);
    let shuffles: Vec<Vec<u32>> = (0..settings.shuffles)
        .map(|shuffle| shuffled(&question.gallery_labels, settings.seed, shuffle))
        .collect();
    let asked = ranked.each(question.queries, progress, |query, ranking| match question
        .query_labels[query]
        .is_empty()
    {
        true => None,
        false => {
            let asked = query::ask(question, query, ranking, &measures, &sums, &shuffles);
            asked.map(|(mut asked, nearest)| {
                asked.copy = question.is_copy(query, ranked.rows()[nearest] as usize);
                asked
            })
        }
    })?;
    let labelled = |query: &usize| !question.query_labels[*query].is_empty();
    let alone = (0..queries).filter(|query| labelled(query) && asked[*query].is_none());
    Ok(Measured {
        measures,
        alone: alone.collect(),
        unlabelled: (0..queries).filter(|query| !labelled(query)).count(),
        gallery,
        gallery_unlabelled: rows - gallery,
        asked: asked.into_iter().flatten().collect(),
    })
}

fn check(settings: &RetrievalSettings, gallery: usize) -> Result<(), SearchError> {
    let ks = &settings.ks;
    let ascending = ks.iter().zip(&ks[1.min(ks.len())..]).all(|(a, b)| a < b);
    let fits = ks.iter().all(|k| (1..=gallery).contains(k));
    if ks.is_empty() || !ascending || !fits {
        let expected =
            format!("ascending numbers from 1 to {gallery}, the labelled vectors of the index");
        let found: Vec<String> = ks.iter().map(usize::to_string).collect();
        return Err(SearchError::setting("k", expected, found.join(",")));
    }
    if !(1..=1000).contains(&settings.shuffles) {
        return Err(SearchError::setting(
            "shuffles",
            "1 to 1000",
            settings.shuffles,
        ));
    }
    Ok(())
}

/// A permutation of the labelled rows; the others stay.
fn shuffled(labels: &[Vec<u32>], seed: u64, shuffle: usize) -> Vec<u32> {
    let places: Vec<u32> = (0..)
        .zip(labels)
        .filter(|(_, l)| !l.is_empty())
        .map(|(i, _)| i)
        .collect();
    let mut mixed = places.clone();
    Random::new(seed, "labels", shuffle).shuffle(&mut mixed);
    let mut out: Vec<u32> = (0..labels.len() as u32).collect();
    for (place, from) in places.into_iter().zip(mixed) {
        out[place as usize] = from;
    }
    out
}

/// Chance levels, each kind of query computed once.
#[derive(Debug)]
struct Chances {
    sums: Sums,
    known: HashMap<(usize, usize), Vec<f64>>,
}

impl Chances {
    fn new(measured: &Measured) -> Self {
        let largest = measured.asked.iter().map(|asked| asked.gallery).max();
        Self {
            sums: Sums::new(largest.unwrap_or(0)),
            known: HashMap::new(),
        }
    }

    fn of(&mut self, measures: &[Measure], asked: &Asked) -> &[f64] {
        let kind = (asked.relevant, asked.gallery);
        let of = |m: &Measure| m.chance(kind.0, kind.1, &self.sums);
        self.known
            .entry(kind)
            .or_insert_with(|| measures.iter().map(of).collect())
    }
}
