//! Which topics a search between pictures and captions is weak in.
//!
//! `docs/topics.md` says where topics come from and what is counted.

mod document;
mod text;

use cohort_eval::{EvalError, IntervalSettings, Outcome, TopicQueries, topic_recall};

pub use document::{
    DirectionTopics, Topic, TopicFigures, TopicSource, TopicWord, TopicsDocument, TopicsSettings,
};

use crate::{Direction, retrieval::Measure};
use crate::{
    DirectionFigures, DirectionMeasured, PairsQuestion, PairsSettings, SearchError, summarise_pairs,
};

/// What [`by_topic`] may find wrong.
#[derive(Debug, thiserror::Error)]
pub enum TopicsError {
    /// Of the topics or the measures.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// Of the statistics.
    #[error(transparent)]
    Eval(#[from] EvalError),
}

/// The topics of captions.
#[derive(Debug, Clone, Copy)]
pub struct CaptionTopics<'a> {
    /// Names of the topics.
    pub names: &'a [String],
    /// The topics of each caption, by their places in `names`; one of several counts in each, one of none in a group of its own.
    pub of_caption: &'a [Vec<usize>],
}

/// The recall of each topic in each direction that was measured, the weakest first.
///
/// A picture is of all topics that its captions are of. Pictures with as many captions are alike: a topic is not weak because its
/// pictures have fewer. Where it is not shown that the search as a whole is better than chance, no topic's silence says
/// anything: what is not shown becomes not testable. What the topics are and how they were read is the caller's to fill in.
///
/// # Errors
/// [`TopicsError`] for settings out of range, another number of captions than the question has, a topic without a name, or a
/// measure at `k` that was not made.
pub fn by_topic(
    question: &PairsQuestion,
    measured: &[DirectionMeasured],
    topics: CaptionTopics<'_>,
    pairs: &PairsSettings,
    settings: TopicsSettings,
) -> Result<TopicsDocument, TopicsError> {
    let captions = question.picture_of.len();
    if topics.of_caption.len() != captions {
        let found = topics.of_caption.len().to_string();
        return Err(SearchError::input("topics of captions", captions.to_string(), found).into());
    }
    let named = topics.names.len();
    if let Some(stranger) = (topics.of_caption.iter().flatten()).find(|&&topic| topic >= named) {
        let (expected, found) = (format!("topics below {named}"), stranger.to_string());
        return Err(SearchError::input("topics of captions", expected, found).into());
    }
    let whole = summarise_pairs(question, measured, pairs)?;
    let directions = measured.iter().zip(&whole.directions).map(|(one, whole)| {
        let queries = Queries::new(question, one, topics, settings.k)?;
        queries.figures(whole, topics.names, pairs, settings)
    });
    Ok(TopicsDocument {
        schema: "cohort.topics/1".into(),
        source: TopicSource::Words { words: Vec::new() },
        settings,
        topics: Vec::new(),
        captions_of_no_topic: topics.of_caption.iter().filter(|of| of.is_empty()).count(),
        captions_of_several: topics.of_caption.iter().filter(|of| of.len() > 1).count(),
        directions: directions.collect::<Result<_, TopicsError>>()?,
        whole,
        notes: Vec::new(),
    })
}

/// The queries of a direction.
struct Queries {
    direction: Direction,
    answered: Vec<f64>,
    topics: Vec<Vec<usize>>,
    unit: Vec<usize>,
    relevant: Vec<usize>,
}

impl Queries {
    fn new(
        question: &PairsQuestion,
        measured: &DirectionMeasured,
        topics: CaptionTopics<'_>,
        k: usize,
    ) -> Result<Self, SearchError> {
        let measure = measured.measures.iter();
        let Some(column) = measure.clone().position(|m| *m == Measure::HitAt(k)) else {
            let ks: Vec<String> = measure.map(|m| m.name()).collect();
            let expected = format!("one of those measured, {}", ks.join(", "));
            return Err(SearchError::setting("k", expected, k));
        };
        let none = topics.names.len();
        let mut of_picture: Vec<Vec<usize>> =
            vec![Vec::new(); question.pictures.len() / question.dim.max(1)];
        for (picture, of) in question.picture_of.iter().zip(topics.of_caption) {
            if let Some(picture) = picture {
                of_picture[*picture as usize].extend(of);
            }
        }
        let asked = &measured.asked;
        let own = asked.iter().map(|record| {
            let of = match measured.direction {
                Direction::TextToImage => &topics.of_caption[record.query],
                Direction::ImageToText => &of_picture[record.query],
            };
            match of.is_empty() {
                true => vec![none],
                false => of.clone(),
            }
        });
        Ok(Self {
            direction: measured.direction,
            answered: asked.iter().map(|record| record.values[column]).collect(),
            topics: own.collect(),
            unit: asked.iter().map(|record| record.picture).collect(),
            relevant: asked.iter().map(|record| record.relevant).collect(),
        })
    }

    fn figures(
        &self,
        whole: &DirectionFigures,
        names: &[String],
        pairs: &PairsSettings,
        settings: TopicsSettings,
    ) -> Result<DirectionTopics, TopicsError> {
        let queries = TopicQueries {
            answered: &self.answered,
            topics: &self.topics,
            unit: &self.unit,
            stratum: &self.relevant,
        };
        let to = cohort_eval::TopicSettings {
            intervals: IntervalSettings {
                resamples: pairs.resamples,
                level: pairs.level,
                seed: pairs.seed,
            },
            permutations: settings.permutations,
            alpha: settings.alpha,
        };
        let figure = whole.measures.iter();
        let figure = figure
            .clone()
            .find(|f| f.measure == Measure::HitAt(settings.k));
        let above = figure.is_some_and(|figure| {
            let estimate = figure.interval.estimate();
            estimate.is_some_and(|estimate| estimate.low > figure.chance)
        });
        let found = topic_recall(&queries, &to)?
            .into_iter()
            .map(|found| TopicFigures {
                topic: (found.topic < names.len()).then_some(found.topic + 1),
                name: match names.get(found.topic) {
                    Some(name) => name.clone(),
                    None => "no topic".into(),
                },
                queries: found.queries,
                pictures: found.units,
                recall: found.recall,
                elsewhere: found.elsewhere,
                difference: found.difference,
                p_value: found.p_value,
                p_family: found.p_family,
                outcome: match found.outcome {
                    Outcome::NotShown if !above => Outcome::NotTestable,
                    outcome => outcome,
                },
            });
        let topics: Vec<TopicFigures> = found.collect();
        Ok(DirectionTopics {
            direction: self.direction,
            above_chance: above,
            tested: topics.iter().filter(|t| t.p_value.is_some()).count(),
            topics,
        })
    }
}
