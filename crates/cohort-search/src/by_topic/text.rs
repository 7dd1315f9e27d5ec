//! Recall by topic for people.

use std::fmt::Write as _;

use cohort_eval::{Interval, Outcome};

use super::document::{DirectionTopics, Topic, TopicFigures, TopicSource, TopicsDocument};
use crate::retrieval::{Measure, line, wrapped};

/// Topics that are shown; a document has all.
const SHOWN: usize = 40;
/// Words of a topic that are shown.
const WORDS: usize = 5;

impl TopicsDocument {
    /// What a terminal shows, in lines of at most 80 characters where names allow it.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // writing to a String cannot fail
        let _ = writeln!(text, "{}", wrapped(&self.about()));
        for remark in self.remarks() {
            let _ = writeln!(text, "{}", wrapped(&remark));
        }
        let _ = writeln!(text);
        for topic in self.topics.iter().take(SHOWN) {
            let _ = writeln!(text, "{}", wrapped(&topic.told()));
        }
        self.more(&mut text, self.topics.len());
        for direction in &self.directions {
            self.direction(&mut text, direction);
        }
        text
    }

    fn about(&self) -> String {
        let whole = &self.whole;
        let split = whole.split.as_ref();
        let split = split.map_or(String::new(), |split| format!(", split {split}"));
        format!(
            "{} and {}: {} pictures, {} captions; pairs of {}{split}. {}",
            whole.pictures,
            whole.captions,
            whole.gallery_pictures,
            whole.gallery_captions,
            whole.pairs,
            self.source.told(self.topics.len())
        )
    }

    fn remarks(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let (none, several) = (self.captions_of_no_topic, self.captions_of_several);
        if none > 0 {
            let rest = "captions of no topic are a group of their own.";
            lines.push(format!("{none} {rest}"));
        }
        if several > 0 {
            let rest = "captions of several topics count in each of them.";
            lines.push(format!("{several} {rest}"));
        }
        lines.extend(self.whole.left_out());
        lines.extend(self.notes.iter().cloned());
        lines
    }

    fn more(&self, text: &mut String, all: usize) {
        if all > SHOWN {
            let _ = writeln!(text, "and {} more; --json has all", all - SHOWN);
        }
    }

    fn direction(&self, text: &mut String, direction: &DirectionTopics) {
        let k = self.settings.k;
        let level = self.whole.settings.level * 100.0;
        let whole = self.whole.directions.iter();
        if let Some(whole) = whole.clone().find(|w| w.direction == direction.direction) {
            let _ = write!(text, "{}", whole.heading("", level));
            let figures = whole.measures.iter();
            for figure in figures.filter(|f| f.measure == Measure::HitAt(k)) {
                let _ = writeln!(text, "{}", line(&format!("R@{k}"), figure));
            }
        }
        for remark in direction.remarks(self.settings.alpha) {
            let _ = writeln!(text, "{}", wrapped(&remark));
        }
        let _ = writeln!(
            text,
            "{:<15}{:>6}{:>6} {:>5} {:<9} {:>4} {:<14} {:>5} weak",
            "topic",
            "asked",
            "pict.",
            format!("R@{k}"),
            format!("{level}%"),
            "rest",
            "difference",
            "p"
        );
        for topic in direction.topics.iter().take(SHOWN) {
            let _ = writeln!(text, "{}", topic.told());
        }
        self.more(text, direction.topics.len());
    }
}

impl TopicSource {
    fn told(&self, topics: usize) -> String {
        match self {
            Self::Communities {
                vectors, settings, ..
            } => format!(
                "{topics} topics: communities of at least {} captions with a cosine of at least {} in {vectors}.",
                settings.least, settings.threshold
            ),
            Self::Column { table, column } => {
                format!("{topics} topics: the values of {column} in {table}.")
            }
            Self::Words { .. } => {
                format!("{topics} topics: words that captions say, or their plurals.")
            }
        }
    }
}

impl Topic {
    fn told(&self) -> String {
        let words = self.words.iter().take(WORDS);
        let words: Vec<&str> = words.map(|word| word.word.as_str()).collect();
        let Self {
            topic,
            captions,
            name,
            ..
        } = self;
        format!("{topic} {name}: {captions} captions; {}", words.join(", "))
    }
}

impl DirectionTopics {
    fn remarks(&self, alpha: f64) -> Vec<String> {
        let weak = self.topics.iter().filter(|t| t.outcome == Outcome::Shown);
        let named = |topic: &'_ TopicFigures| match topic.topic {
            Some(_) => topic.name.clone(),
            None => "the captions of no topic".into(),
        };
        let weak: Vec<String> = weak.map(named).collect();
        let mut lines = vec![match (weak.is_empty(), self.tested) {
            (_, 0) => "No topic could be tested: each needs 5 pictures, and 5 others.".into(),
            (true, _) => "No topic is shown to be weak.".into(),
            (false, _) => format!("Shown to be weak: {}.", weak.join(", ")),
        }];
        if self.tested > 0 {
            lines.push(format!(
                "p: chance of so low a recall where topics do not matter, corrected for {} topics; shown up to {alpha}.",
                self.tested
            ));
        }
        if !self.above_chance {
            lines.push("The search as a whole is not shown to be above chance: that no topic stands out then says nothing.".into());
        }
        lines
    }
}

impl TopicFigures {
    /// A line of the table.
    fn told(&self) -> String {
        let name = match self.topic {
            Some(number) => format!("{number} {}", self.name),
            None => self.name.clone(),
        };
        let name = match name.chars().count() > 15 {
            true => name.chars().take(14).chain(['…']).collect(),
            false => name,
        };
        let value = |of: Option<&Interval>, digits: usize| match of.and_then(Interval::value) {
            Some(value) => format!("{value:.digits$}"),
            None => "-".into(),
        };
        let ends = match self.recall.estimate() {
            Some(e) => format!("{:.2}-{:.2}", e.low, e.high),
            None => "-".into(),
        };
        let apart = match self.difference.as_ref().and_then(Interval::estimate) {
            Some(e) => format!("{:+.2} to {:+.2}", e.low, e.high),
            None => "-".into(),
        };
        let told = match (self.outcome, self.p_family) {
            (Outcome::NotTestable, _) | (_, None) => self.outcome.title().to_string(),
            (outcome, Some(p)) if p < 0.001 => format!("<.001 {}", outcome.title()),
            (outcome, Some(p)) => format!("{p:.3} {}", outcome.title()),
        };
        format!(
            "{name:<15}{:>6}{:>6} {:>5} {ends:<9} {:>4} {apart:<14} {told}",
            self.queries,
            self.pictures,
            value(Some(&self.recall), 3),
            value(self.elsewhere.as_ref(), 2),
        )
    }
}
