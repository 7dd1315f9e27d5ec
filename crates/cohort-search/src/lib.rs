//! Search by example over embedding tables, retrieval metrics with intervals, and maps: PCA, t-SNE and UMAP, with measures
//! of how far a map can be trusted.
//!
//! Everything here reads plain vectors and knows no network, so it serves anybody's embeddings. [`Index`] keeps them on disk and
//! finds the nearest of others, [`evaluate`] says how good its answers are. [`Points`] prepares vectors for
//! maps, [`map()`] makes a map, [`trustworthiness`] and [`agreement`] judge it; [`communities()`] finds topics among them, [`by_topic()`] tells which a
//! search is weak in. A map never sees a label. The same seed
//! gives the same bytes whatever the number of threads: random numbers are a function of seed and purpose, and every
//! sum has a fixed order.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod affinities;
mod agreement;
mod answers;
mod bridge;
mod by_topic;
mod cells;
mod communities;
mod curve;
mod distance;
mod document;
mod eigen;
mod error;
mod fuzzy;
mod graph;
mod index;
mod map;
mod neighbours;
mod overlap;
mod pairs;
mod pca;
mod points;
mod quadtree;
mod random;
mod retrieval;
mod trust;
mod tsne;
mod umap;
mod verify;

pub use agreement::{Agreement, agreement};
pub use answers::{Answer, Found, SearchDocument, standing};
pub use bridge::{LabelScores, label_bridge};
pub use by_topic::{
    CaptionTopics, DirectionTopics, Topic, TopicFigures, TopicSource, TopicWord, TopicsDocument,
    TopicsError, TopicsSettings, by_topic,
};
pub use cells::nearest_approximate;
pub use communities::{Community, CommunitySettings, communities, topics};
pub use distance::Distance;
pub use document::{Giant, Group, Labelling, MapDocument, PlacedClip};
pub use error::SearchError;
pub use index::{
    EncoderRecord, Hit, Index, IndexError, Mask, PictureRoot, Ranked, Ranking, Recall,
};
pub use map::{EXACT, JUDGED_BY, Map, MapRecipe, MapSettings, Method, map};
pub use neighbours::{Neighbours, nearest};
pub use overlap::{OverlapTriplet, overlap_triplets};
pub use pairs::{
    Direction, DirectionDifference, DirectionFigures, DirectionMeasured, MedianRank, NullScores,
    PairRecord, PairsDifference, PairsDocument, PairsQuestion, PairsSettings, Standing,
    compare_pairs, measure_pairs, summarise_pairs,
};
pub use pca::{Pca, pca};
pub use points::{Metric, Points};
pub use retrieval::{
    Alone, Asked, ClassDifference, ClassFigures, Control, Curve, Difference, Figure, LEVELS,
    Legacy, Measure, Measured, Paired, Protocol, Question, RetrievalDocument, RetrievalSettings,
    Sums, Ties, compare, evaluate, legacy_ap, summarise,
};
pub use trust::{Trustworthiness, trustworthiness};
pub use verify::{VerificationDocument, VerifyError, VerifySettings, verify};

/// Told the stage, what is done of it and what there is to do; answers whether to go on.
pub type Progress<'a> = dyn Fn(&str, usize, usize) -> bool + Sync + 'a;

/// Progress for callers who need none: tells nobody and never stops.
pub fn quiet(_stage: &str, _done: usize, _total: usize) -> bool {
    true
}

fn go_on(progress: &Progress, stage: &str, done: usize, total: usize) -> Result<(), SearchError> {
    if progress(stage, done, total) {
        Ok(())
    } else {
        Err(SearchError::Stopped)
    }
}

/// Order of rows by key, of equals the lower row first.
pub(crate) fn nearer(a: &(f64, u32), b: &(f64, u32)) -> std::cmp::Ordering {
    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
}
