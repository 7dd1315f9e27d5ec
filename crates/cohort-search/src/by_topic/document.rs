//! Recall by topic as a document.

use cohort_eval::{Interval, Outcome};
use serde::{Deserialize, Serialize};

use crate::{CommunitySettings, Direction, PairsDocument};

/// Which topics a search between pictures and captions is weak in (`cohort.topics/1`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopicsDocument {
    /// `cohort.topics/1`.
    pub schema: String,
    /// Where the topics come from.
    pub source: TopicSource,
    /// How they were judged.
    pub settings: TopicsSettings,
    /// The topics, by their numbers.
    pub topics: Vec<Topic>,
    /// Captions of no topic: a group of their own.
    pub captions_of_no_topic: usize,
    /// Captions of several topics, which count in each of them.
    pub captions_of_several: usize,
    /// Text to image, then image to text, or one of them.
    pub directions: Vec<DirectionTopics>,
    /// The search as a whole, as `cohort search pairs` gives it: intervals, chance levels, shuffled pairs, how it was measured.
    pub whole: PairsDocument,
    /// What was read otherwise than it was written, and what to bear in mind, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Where topics come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TopicSource {
    /// Communities of near vectors of the captions.
    Communities {
        /// Name of the table of these vectors.
        vectors: String,
        /// What made them.
        producer: String,
        /// What makes a community.
        settings: CommunitySettings,
    },
    /// The values of a column, one a picture.
    Column {
        /// Name of the table.
        table: String,
        /// The column.
        column: String,
    },
    /// Words that captions say, in the singular or in the plural.
    Words {
        /// The words, in the order of the topics.
        words: Vec<String>,
    },
}

/// How topics are judged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TopicsSettings {
    /// The k of R@k. Default 5.
    pub k: usize,
    /// Exchanges of topics between pictures, 99 to 1,000,000. Default 4,999.
    pub permutations: usize,
    /// Chance that any topic of a direction is called weak where none is, above 0 and below 0.5. Default 0.05.
    pub alpha: f64,
}

impl Default for TopicsSettings {
    fn default() -> Self {
        Self {
            k: 5,
            permutations: 4_999,
            alpha: 0.05,
        }
    }
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Topic {
    /// Its number, from 1.
    pub topic: usize,
    /// Its name: the word, the value of the column, or a community's first three words.
    pub name: String,
    /// Captions of it.
    pub captions: usize,
    /// Its most characteristic words by c-TF-IDF, at most 10, the first most.
    pub words: Vec<TopicWord>,
}

/// A word of a topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopicWord {
    /// The word, in small letters.
    pub word: String,
    /// How often the topic's captions have it.
    pub uses: u64,
    /// Its weight by c-TF-IDF; higher is more characteristic.
    pub weight: f64,
}

/// Topics in one direction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DirectionTopics {
    /// Who asks whom.
    pub direction: Direction,
    /// Whether R@k of all queries is shown to be above chance: else no topic's silence says anything.
    pub above_chance: bool,
    /// Topics that could be tested, which the corrected p values answer for.
    pub tested: usize,
    /// The topics that were asked of, lowest recall first.
    pub topics: Vec<TopicFigures>,
}

/// One topic in one direction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopicFigures {
    /// Its number; absent for the captions of no topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<usize>,
    /// Its name.
    pub name: String,
    /// Queries of it.
    pub queries: usize,
    /// Pictures that they are or are of: the units of the intervals.
    pub pictures: usize,
    /// R@k of its queries, with an interval by picture.
    pub recall: Interval,
    /// R@k of all other queries; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<Interval>,
    /// The topic less the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Interval>,
    /// Chance of so low a recall if topics did not matter; absent for topics of fewer than 5 pictures, or of all but 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_value: Option<f64>,
    /// The same corrected for having looked at all topics of the direction (Westfall and Young 1993).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_family: Option<f64>,
    /// Whether it is weak: shown with `p_family` at most alpha; suspected with `p_value` below 0.05 alone.
    pub outcome: Outcome,
}
