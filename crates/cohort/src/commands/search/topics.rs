//! `cohort search topics`: which topics a search between pictures and captions is weak in.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};
use cohort_data::Pairs;
use cohort_search::{
    CaptionTopics, CommunitySettings, Direction, Topic, TopicWord, TopicsSettings, by_topic,
};
use cohort_tables::{csv_line, write_atomic};
use cohort_text::{ClassWord, ClassWordSettings, class_words, english_stop_words, topic_name};

use super::paired::{Measured, PairedArgs, measure, name};
use super::topic_source::{Ask, Sorted};
use crate::commands::deliver::deliver;
use crate::shell::{Outcome, Shell};

/// Words of a topic that a document has.
const WORDS: usize = 10;
/// Words that a community is named by.
const NAMED_BY: usize = 3;

/// Arguments of `cohort search topics`.
///
/// Recall by topic, the weakest first, with intervals by picture and a correction for having looked at many topics. Topics are
/// communities of near captions, the values of a column, or words; captions of no topic are a group of their own.
#[derive(Debug, Args)]
pub(crate) struct Topics {
    #[command(flatten)]
    paired: PairedArgs,
    #[command(flatten)]
    from: From,
    /// Cosine from which two captions are near, with --communities
    #[arg(long, value_name = "COSINE", default_value_t = CommunitySettings::default().threshold, allow_negative_numbers = true, conflicts_with_all = ["by", "words"])]
    threshold: f64,
    /// Least number of captions of a community
    #[arg(long, value_name = "N", default_value_t = CommunitySettings::default().least, conflicts_with_all = ["by", "words"])]
    least: usize,
    /// Text vectors of the captions that communities are found in [default: the table of the captions, as it is compared]
    #[arg(long, value_name = "TABLE", conflicts_with_all = ["by", "words"])]
    topic_vectors: Option<PathBuf>,
    /// Label table of the pictures with the column of --by [default: the table of the pairs]
    #[arg(long, value_name = "L.csv", conflicts_with_all = ["communities", "words"])]
    labels: Option<PathBuf>,
    /// The k of R@k
    #[arg(long, value_name = "K", default_value_t = TopicsSettings::default().k)]
    k: usize,
    /// One direction alone [default: both]
    #[arg(long, value_name = "DIRECTION")]
    direction: Option<Way>,
    /// Exchanges of topics between pictures, for the p values
    #[arg(long, value_name = "N", default_value_t = TopicsSettings::default().permutations)]
    permutations: usize,
    /// Chance that any topic of a direction is called weak where none is
    #[arg(long, value_name = "P", default_value_t = TopicsSettings::default().alpha)]
    alpha: f64,
    /// Where the captions of every topic go as a table
    #[arg(long, value_name = "FILE.csv")]
    per_topic: Option<PathBuf>,
    /// Where the document goes as JSON
    #[arg(long, value_name = "FILE.json")]
    out: Option<PathBuf>,
    /// Print one JSON document (cohort.topics/1)
    #[arg(long)]
    json: bool,
}

/// Where topics come from.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct From {
    /// Topics are communities of captions with near vectors
    #[arg(long)]
    communities: bool,
    /// Topics are the values of this column, one a picture
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    /// Topics are these words in the singular; captions that have them as whole words, or their English plurals, are of them
    #[arg(long, value_name = "WORD,WORD,..", value_delimiter = ',')]
    words: Vec<String>,
}

/// A direction on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Way {
    /// Captions look for their pictures
    TextToImage,
    /// Pictures look for their captions
    ImageToText,
}

impl Topics {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let paired = &self.paired;
        let settings = paired.settings(vec![self.k]);
        let (source, centre, mut notes) = paired.source(shell)?;
        let [pictures, captions] = [&paired.pictures, &paired.captions];
        let mut model = paired.model(pictures, captions, &source, &mut notes, shell)?;
        if let Some(centre) = &centre {
            paired.centre(&mut model, [pictures, captions], centre)?;
            notes.push(paired.told_centre(centre));
        }
        let measured = paired.measured(&source, &[&model])?;
        let vectors = model.vectors(&measured);
        let ask = Ask {
            paired,
            pairs: &source,
            measured: &measured,
            shell,
        };
        let mut sorted = match (&self.from.by, self.from.communities) {
            (_, true) => {
                let own = (vectors.captions.as_slice(), &model.captions);
                let settings = CommunitySettings {
                    threshold: self.threshold,
                    least: self.least,
                };
                ask.communities(own, self.topic_vectors.as_deref(), settings)?
            }
            (Some(column), _) => ask.column(column, self.labels.as_deref())?,
            (None, _) => ask.words(&self.from.words)?,
        };
        paired.reading.all_found()?;
        let topics = describe(&mut sorted, &source, &measured)?;
        let question = measured.question(&vectors, model.pictures.dim);
        let mut directions = measure(&question, &settings, shell)
            .with_context(|| format!("{} and {}", name(pictures), name(captions)))?
            .to_vec();
        directions.retain(|one| match self.direction {
            None => true,
            Some(Way::TextToImage) => one.direction == Direction::TextToImage,
            Some(Way::ImageToText) => one.direction == Direction::ImageToText,
        });
        let labels = CaptionTopics {
            names: &sorted.names,
            of_caption: &sorted.of_caption,
        };
        let judged = TopicsSettings {
            k: self.k,
            permutations: self.permutations,
            alpha: self.alpha,
        };
        let document = shell.apart(|| by_topic(&question, &directions, labels, &settings, judged));
        let mut document = document?;
        paired.name_in(&mut document.whole, &model);
        document.topics = topics;
        document.source = sorted.source.clone();
        document.notes = paired.reading.notes();
        document.notes.extend(notes);
        document.notes.append(&mut sorted.notes);
        if let Some(out) = &self.per_topic {
            write_atomic(out, table(&sorted, &source, &measured).as_bytes())?;
            shell.say(&format!("wrote {}", out.display()));
        }
        let to = (self.out.as_deref(), self.json);
        deliver(&document, || document.to_text(), to, shell)
    }
}

/// The words of each topic, which communities are named by. Captions of no topic are weighed against as one more.
fn describe(
    sorted: &mut Sorted,
    source: &Pairs,
    measured: &Measured,
) -> anyhow::Result<Vec<Topic>> {
    let none = sorted.names.len();
    let texts = sorted.of_caption.iter().zip(&measured.captions);
    let texts = texts.flat_map(|(topics, &caption)| {
        let text = source.captions[caption].text.as_str();
        let alone = topics.is_empty().then_some(none);
        topics
            .iter()
            .copied()
            .chain(alone)
            .map(move |topic| (topic, text))
    });
    let settings = ClassWordSettings {
        stop_words: english_stop_words(),
        ..ClassWordSettings::default()
    };
    let classes = none + usize::from(sorted.of_caption.iter().any(Vec::is_empty));
    let words = class_words(texts, classes, &settings)?;
    let mut counts = vec![0; none];
    for &topic in sorted.of_caption.iter().flatten() {
        counts[topic] += 1;
    }
    let topics = words.iter().take(none).enumerate().map(|(topic, words)| {
        let own = &mut sorted.names[topic];
        if own.is_empty() {
            *own = topic_name(words, NAMED_BY);
        }
        Topic {
            topic: topic + 1,
            name: own.clone(),
            captions: counts[topic],
            words: words.iter().take(WORDS).map(word).collect(),
        }
    });
    Ok(topics.collect())
}

fn word(of: &ClassWord) -> TopicWord {
    TopicWord {
        word: of.word.clone(),
        uses: of.uses,
        weight: of.weight,
    }
}

/// The captions of every topic, those of none last; of communities the centre first, then by falling cosine to it.
fn table(sorted: &Sorted, source: &Pairs, measured: &Measured) -> String {
    let mut text =
        csv_line(["topic", "name", "picture", "caption_id", "caption"].map(String::from));
    let mut add = |number: String, name: &str, row: usize| {
        let caption = &source.captions[measured.captions[row]];
        let picture = source.pictures[caption.picture].id.clone();
        let (id, words) = (caption.id.clone(), caption.text.clone());
        text += &csv_line([number, name.to_string(), picture, id, words]);
    };
    for (topic, members) in sorted.members().into_iter().enumerate() {
        for row in members {
            add((topic + 1).to_string(), &sorted.names[topic], row);
        }
    }
    for (row, topics) in sorted.of_caption.iter().enumerate() {
        if topics.is_empty() {
            add(String::new(), "no topic", row);
        }
    }
    text
}
