//! Cross-modal retrieval: captions that look for their picture among all pictures, pictures that look for their captions among all
//! captions.
//!
//! `docs/pairs.md` gives each figure with its definition, its source and the conventions of the field.

mod ask;
mod csls;
mod document;
mod median;
mod places;
mod scores;
mod standing;
mod summary;

use serde::{Deserialize, Serialize};

pub use ask::PairRecord;
pub use document::{
    Direction, DirectionDifference, DirectionFigures, PairsDifference, PairsDocument,
};
pub use median::MedianRank;
pub use standing::{NullScores, Standing};
pub use summary::{compare_pairs, summarise_pairs};

use ask::{Asking, Shuffled};
use scores::{Scored, Side};

use crate::retrieval::Measure;
use crate::{Distance, Progress, SearchError};

/// How pairs are measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairsSettings {
    /// What "near" means: cosine, euclidean or inner-product. Default cosine.
    pub distance: Distance,
    /// Neighbours in the other table by which cosines are corrected for hubs (cross-domain similarity local scaling, Conneau et al.
    /// 2018), at least 1 and at most the rows of the smaller table; it looks at all queries at once, so a single query of a search
    /// cannot have it. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csls: Option<usize>,
    /// The k of R@k, ascending, at least 1. Default 1, 5, 10.
    pub ks: Vec<usize>,
    /// Shuffles of which caption is of which picture, for the control; 1 to 1000. Default 20.
    pub shuffles: usize,
    /// Bootstrap resamples of pictures. Default 10,000; of the median rank at most 2,000.
    pub resamples: usize,
    /// Level of the intervals. Default 0.95.
    pub level: f64,
    /// Seed of all random numbers. Default 0.
    pub seed: u64,
}

impl Default for PairsSettings {
    fn default() -> Self {
        Self {
            distance: Distance::Cosine,
            csls: None,
            ks: vec![1, 5, 10],
            shuffles: 20,
            resamples: 10_000,
            level: 0.95,
            seed: 0,
        }
    }
}

impl PairsSettings {
    /// The measures: R@k for every k, and mAP.
    pub fn measures(&self) -> Vec<Measure> {
        let hits = self.ks.iter().map(|&k| Measure::HitAt(k));
        hits.chain([Measure::AveragePrecision]).collect()
    }
}

/// Vectors of pictures and of captions, and which caption is of which picture.
#[derive(Debug, Clone, Copy)]
pub struct PairsQuestion<'a> {
    /// Length of a vector.
    pub dim: usize,
    /// Vectors of the pictures, row by row.
    pub pictures: &'a [f32],
    /// Vectors of the captions, row by row.
    pub captions: &'a [f32],
    /// Row of the picture of each caption. A caption without one is not asked, but stands in the gallery of captions; so does a
    /// picture that no caption is of in the gallery of pictures.
    pub picture_of: &'a [Option<u32>],
}

/// What came of all queries of one direction.
#[derive(Debug, Clone)]
pub struct DirectionMeasured {
    /// Who asks whom.
    pub direction: Direction,
    /// The measures, in the order of each query's values.
    pub measures: Vec<Measure>,
    /// Items that each query ranked.
    pub gallery: usize,
    /// The queries that have a partner, in their order.
    pub asked: Vec<PairRecord>,
    /// Queries without one.
    pub alone: usize,
    /// Means of the measures of each shuffle.
    shuffled: Vec<Vec<f64>>,
    /// Median rank of each shuffle.
    shuffled_medians: Vec<f64>,
}

/// Ranks both galleries for all queries, text to image first.
///
/// Ranks are those of scores in 64 bits; of equal scores the lower row comes first. Scores are made in blocks, and no matrix of them is
/// kept: beside the vectors themselves memory grows with queries times shuffles, four bytes each.
///
/// # Errors
/// [`SearchError`] for settings out of range, lengths that do not fit, values that are not finite, no pair at all; or when the
/// caller asks to stop.
pub fn measure_pairs(
    question: &PairsQuestion,
    settings: &PairsSettings,
    progress: &Progress,
) -> Result<[DirectionMeasured; 2], SearchError> {
    let pictures = Side::new(question.pictures, question.dim)?;
    let captions = Side::new(question.captions, question.dim)?;
    check(question, settings, pictures.len(), captions.len())?;
    let hubs = match settings.csls {
        Some(k) => Some(csls::hubs(&pictures, &captions, k, progress)?),
        None => None,
    };
    let scored = |queries, gallery, flipped: bool| Scored {
        distance: settings.distance,
        queries,
        gallery,
        hubs: hubs.as_ref().map(|[pictures, captions]| match flipped {
            false => (captions.as_slice(), pictures.as_slice()),
            true => (pictures.as_slice(), captions.as_slice()),
        }),
    };
    let shuffled = Shuffled::new(question.picture_of, pictures.len(), settings);
    let text_to_image = Asking {
        direction: Direction::TextToImage,
        scored: scored(&captions, &pictures, false),
        pairs: &shuffled,
        settings,
    };
    let image_to_text = Asking {
        direction: Direction::ImageToText,
        scored: scored(&pictures, &captions, true),
        pairs: &shuffled,
        settings,
    };
    Ok([text_to_image.all(progress)?, image_to_text.all(progress)?])
}

fn check(
    question: &PairsQuestion,
    settings: &PairsSettings,
    pictures: usize,
    captions: usize,
) -> Result<(), SearchError> {
    if question.picture_of.len() != captions {
        return Err(SearchError::input(
            "pictures of the captions",
            captions.to_string(),
            question.picture_of.len().to_string(),
        ));
    }
    let named = || question.picture_of.iter().flatten();
    if named().next().is_none() {
        return Err(SearchError::input("pairs", "at least one", "none"));
    }
    if let Some(stranger) = named().find(|&&picture| picture as usize >= pictures) {
        return Err(SearchError::input(
            "pictures of the captions",
            format!("rows below {pictures}"),
            stranger.to_string(),
        ));
    }
    let ks = &settings.ks;
    if ks.is_empty() || ks[0] == 0 || !ks.is_sorted_by(|a, b| a < b) {
        let found: Vec<String> = ks.iter().map(usize::to_string).collect();
        let expected = "ascending numbers from 1 on";
        return Err(SearchError::setting("k", expected, found.join(",")));
    }
    if !(1..=1000).contains(&settings.shuffles) {
        let found = settings.shuffles;
        return Err(SearchError::setting("shuffles", "1 to 1000", found));
    }
    use Distance::{Cosine, Euclidean, InnerProduct};
    if ![Cosine, Euclidean, InnerProduct].contains(&settings.distance) {
        let expected = "cosine, euclidean or inner-product";
        return Err(SearchError::setting(
            "metric",
            expected,
            settings.distance.name(),
        ));
    }
    if let Some(k) = settings.csls {
        if settings.distance != Cosine {
            let found = settings.distance.name();
            return Err(SearchError::setting("metric", "cosine with csls", found));
        }
        let most = pictures.min(captions);
        if !(1..=most).contains(&k) {
            let expected = format!("1 to {most}, the rows of the smaller table");
            return Err(SearchError::setting("csls", expected, k));
        }
    }
    Ok(())
}
