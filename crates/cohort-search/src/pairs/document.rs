//! Measures of pairs as a document: for machines and for people.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::PairsSettings;
use super::median::MedianRank;
use super::standing::Standing;
use crate::retrieval::{Figure, Measure, Paired, Ties, line, wrapped};

/// Who asks whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Every caption ranks all pictures; one of them is right.
    TextToImage,
    /// Every picture ranks all captions; any of its own is right.
    ImageToText,
}

impl Direction {
    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::TextToImage => "text to image",
            Self::ImageToText => "image to text",
        }
    }
}

/// How well captions find their pictures and pictures their captions (`cohort.pairs/1`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairsDocument {
    /// `cohort.pairs/1`.
    pub schema: String,
    /// Name of the table of the pictures.
    pub pictures: String,
    /// Name of the table of the captions.
    pub captions: String,
    /// Name of the file that says which caption is of which picture.
    pub pairs: String,
    /// Split that was measured; absent where all were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// What made the vectors of the pictures.
    pub pictures_producer: String,
    /// What made the vectors of the captions.
    pub captions_producer: String,
    /// Length of a vector.
    pub dim: usize,
    /// Pictures in the gallery.
    pub gallery_pictures: usize,
    /// Captions in the gallery.
    pub gallery_captions: usize,
    /// Pictures of the pairs without a vector, which were left out.
    pub pictures_without_vector: usize,
    /// Captions of the pairs without a vector, which were left out.
    pub captions_without_vector: usize,
    /// Vectors of neither a picture nor a caption of the pairs (or of the split), which were left out.
    pub vectors_without_pair: usize,
    /// How it was measured.
    pub settings: PairsSettings,
    /// Text to image, then image to text.
    pub directions: Vec<DirectionFigures>,
    /// Differences from another model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<PairsDifference>,
    /// What was read otherwise than it was written, and what to bear in mind, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One direction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DirectionFigures {
    /// Who asks whom.
    pub direction: Direction,
    /// Queries that have a partner.
    pub queries: usize,
    /// Pictures that they are or are of: the units of the intervals.
    pub pictures: usize,
    /// Queries without a partner, which were not asked.
    pub alone: usize,
    /// Items that each query ranked.
    pub gallery: usize,
    /// R@k as `hit_at_k` (whether any right item is among the first k, which is the field's recall at k), and mAP; the control is the
    /// same scores with the pairs shuffled.
    pub measures: Vec<Figure>,
    /// Median rank of the first right item.
    pub median_rank: MedianRank,
    /// Equals of which some are right; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ties: Option<Ties>,
    /// How scores of answers stand; absent where every item is right for every query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
}

/// Differences of two models on the same pairs, the first minus the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairsDifference {
    /// Name of the other model's table of pictures.
    pub pictures: String,
    /// Name of its table of captions.
    pub captions: String,
    /// Pictures that only one of the models has a vector of: left out for both.
    pub pictures_left_out: usize,
    /// Captions likewise.
    pub captions_left_out: usize,
    /// Text to image, then image to text.
    pub directions: Vec<DirectionDifference>,
}

/// Differences in one direction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DirectionDifference {
    /// Who asks whom.
    pub direction: Direction,
    /// Queries.
    pub queries: usize,
    /// Each measure: its difference query by query, with an interval by picture.
    pub measures: Vec<Paired>,
    /// Median rank of the other model.
    pub other_median_rank: f64,
}

/// A difference by the order of equals that is worth a warning.
const MATTERS: f64 = 0.0005;

impl PairsDocument {
    /// What a terminal shows, in lines of at most 80 characters where names allow it.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // writing to a String cannot fail
        let _ = writeln!(text, "{}", wrapped(&self.about()));
        for remark in self.remarks() {
            let _ = writeln!(text, "{}", wrapped(&remark));
        }
        let level = self.settings.level * 100.0;
        for direction in &self.directions {
            direction.write(&mut text, level);
        }
        if let Some(against) = &self.against {
            against.write(&mut text, level);
        }
        text
    }

    fn about(&self) -> String {
        let by = match self.settings.csls {
            Some(k) => format!("CSLS of {k} neighbours"),
            None => self.settings.distance.name().to_string(),
        };
        let split = (self.split.as_ref()).map_or(String::new(), |split| format!(", split {split}"));
        format!(
            "{} and {}: {} pictures, {} captions by {by}; pairs of {}{split}",
            self.pictures, self.captions, self.gallery_pictures, self.gallery_captions, self.pairs
        )
    }

    /// What has no partner, if anything.
    pub(crate) fn left_out(&self) -> Option<String> {
        let left = [
            (self.pictures_without_vector, "pictures without a vector"),
            (self.captions_without_vector, "captions without a vector"),
            (self.vectors_without_pair, "vectors that the pairs lack"),
        ];
        let left = left.into_iter().filter(|(count, _)| *count > 0);
        let left: Vec<String> = left
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        (!left.is_empty()).then(|| format!("Left out: {}.", left.join(", ")))
    }

    /// What to bear in mind.
    fn remarks(&self) -> Vec<String> {
        let mut lines = vec![
            "A caption is of one picture; for a picture any of its captions is right.".to_string(),
        ];
        if self.settings.csls.is_some() {
            lines.push(
                "CSLS looks at all queries at once: a search for one query cannot have it.".into(),
            );
        }
        lines.extend(self.left_out());
        lines.extend(self.directions.iter().filter_map(DirectionFigures::warning));
        lines.extend(self.notes.iter().cloned());
        lines
    }
}

impl DirectionFigures {
    /// Who asks whom, and the head of the table of measures; `more` goes behind the first line.
    pub(crate) fn heading(&self, more: &str, level: f64) -> String {
        let head = format!("{level}% interval");
        format!(
            "\n{}: {} queries of {} pictures rank {}{more}\n{:<16} {:>6}  {head:<16} {:>6}  shuffled pairs\n",
            self.direction.title(),
            self.queries,
            self.pictures,
            self.gallery,
            "",
            "value",
            "chance"
        )
    }

    fn write(&self, text: &mut String, level: f64) {
        let alone = match self.alone {
            0 => String::new(),
            n => format!("; {n} without a partner not asked"),
        };
        let _ = write!(text, "{}", self.heading(&alone, level));
        for figure in &self.measures {
            let _ = writeln!(text, "{}", line(&title(figure.measure), figure));
        }
        let MedianRank {
            value,
            chance,
            shuffled,
            ..
        } = self.median_rank;
        let ends = match (self.median_rank.low, self.median_rank.high) {
            (Some(low), Some(high)) => format!("{low} to {high}"),
            _ => "no interval".into(),
        };
        let _ = writeln!(
            text,
            "{:<16} {value:>6}  {ends:<16} {chance:>6}  {shuffled:.1}",
            "median rank"
        );
        if let Some(standing) = &self.standing {
            let value = standing.told_apart.value().unwrap_or(f64::NAN);
            let ends = match standing.told_apart.estimate() {
                Some(e) => format!("{:.4} to {:.4}", e.low, e.high),
                None => "no interval".into(),
            };
            let _ = writeln!(
                text,
                "{:<16} {value:>6.4}  {ends:<16} {:>6.4}  by the best score",
                "answer is here", standing.chance
            );
        }
    }

    fn warning(&self) -> Option<String> {
        let ties = self.ties.as_ref()?;
        let ranges = ties.best.iter().zip(&ties.worst).map(|(b, w)| b - w);
        let (m, _) = (ranges.enumerate())
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .filter(|(_, range)| *range >= MATTERS)?;
        Some(format!(
            "Warning: {}: for {} queries right and wrong items have exactly the same score; here the lower row comes first. {} lies between {:.4} and {:.4} by their order.",
            self.direction.title(),
            ties.queries,
            title(self.measures[m].measure),
            ties.worst[m],
            ties.best[m]
        ))
    }
}

impl PairsDifference {
    fn write(&self, text: &mut String, level: f64) {
        let about = format!(
            "These tables minus {} and {}, on the pictures and captions that both have:",
            self.pictures, self.captions
        );
        let _ = writeln!(text, "\n{}", wrapped(&about));
        let _ = writeln!(text, "{:<32} {:>7}  {level}% interval", "", "value");
        for direction in &self.directions {
            for paired in &direction.measures {
                let name = format!("{} {}", direction.direction.title(), title(paired.measure));
                let value = paired.interval.value().unwrap_or(f64::NAN);
                let told = match paired.interval.estimate() {
                    Some(e) if paired.shown => {
                        format!("{:+.4} to {:+.4}  a difference", e.low, e.high)
                    }
                    Some(e) => format!("{:+.4} to {:+.4}  none shown", e.low, e.high),
                    None => "no interval".into(),
                };
                let _ = writeln!(text, "{name:<32} {value:>+7.4}  {told}");
            }
        }
    }
}

/// As the field calls it.
fn title(measure: Measure) -> String {
    match measure {
        Measure::HitAt(k) => format!("R@{k}"),
        other => other.title(),
    }
}
