//! Which words tell the target's groups apart.

use std::collections::{BTreeMap, BTreeSet};

use cohort_tables::did_you_mean;
use cohort_text::{Speaker, WordOdds, chance, clean_transcript, log_odds, words_of};
use serde::Serialize;

use crate::{DataError, Dataset};

/// Groups with fewer subjects than this carry a warning.
const FEW: usize = 30;

/// |z| above which words are counted: 5 % of a normal distribution.
const BOUND: f64 = 1.96;

/// How words are counted.
#[derive(Debug, Clone, PartialEq)]
pub struct WordsSettings {
    /// Which split; none (default): all of them.
    pub split: Option<String>,
    /// Words shown for each group. Default 15.
    pub top: usize,
    /// Fewest subjects who must have used a word. Default 10.
    pub least: usize,
    /// Weight of the prior in uses. Default 1,000.
    pub prior: f64,
    /// Random assignments of subjects to groups that say what chance makes. Default 999.
    pub shuffles: usize,
    /// Seed of these. Default 0.
    pub seed: u64,
}

impl Default for WordsSettings {
    fn default() -> Self {
        Self {
            split: None,
            top: 15,
            least: 10,
            prior: 1000.0,
            shuffles: 999,
            seed: 0,
        }
    }
}

/// The words of each group of the target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Words {
    /// `cohort.words/1`.
    pub schema: String,
    /// Column of the target.
    pub target: String,
    /// Which split, or `all`.
    pub split: String,
    /// Fewest subjects who must have used a word.
    pub least: usize,
    /// Weight of the prior in uses.
    pub prior: f64,
    /// Words that enough subjects used, each tried in every group.
    pub words_tried: usize,
    /// Random assignments of subjects to groups that `by_chance`, `p_value` and `threshold` come from.
    pub shuffles: usize,
    /// One a group, in the schema's order.
    pub groups: Vec<GroupWords>,
    /// What of the data set's tables was read otherwise than it was written, a line each; absent where nothing was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The words of one group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupWords {
    /// Code of the group.
    pub code: String,
    /// Name of the group.
    pub name: String,
    /// Subjects with words in the group.
    pub subjects: usize,
    /// Words with |z| above 1.96.
    pub beyond: usize,
    /// As many as chance gives: the mean when subjects are assigned to groups at random.
    pub by_chance: f64,
    /// How often chance gives as many or more.
    pub p_value: f64,
    /// |z| that no word of the group passes in 95 of 100 random assignments.
    pub threshold: f64,
    /// Set when the group has too few subjects for its words to mean much.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// The most characteristic words, by falling z.
    pub more: Vec<WordOdds>,
    /// The words that the group uses least for its share, by rising z.
    pub less: Vec<WordOdds>,
}

/// Compares the words of the target's groups, a subject counting once a group for each word.
///
/// # Errors
/// A transcript that cannot be read; a split that is not there; no transcript at all.
pub fn words(dataset: &Dataset, settings: &WordsSettings) -> Result<Words, DataError> {
    let unusable = |expected: &str, found: String| DataError::File {
        path: dataset.root.clone(),
        expected: expected.to_owned(),
        found,
    };
    let schema = &dataset.schema;
    let (Some(target), Some(at)) = (schema.target_attribute(), schema.target_index()) else {
        return Err(unusable("a schema with a target", "none".to_owned()));
    };
    if let Some(name) = &settings.split
        && dataset.split(name).is_none()
    {
        let near = did_you_mean(name, dataset.splits.iter().map(|split| split.name.as_str()));
        return Err(unusable("a split of the data set", format!("{name}{near}")));
    }
    let splits = dataset.splits.iter();
    let splits = splits.filter(|split| {
        settings
            .split
            .as_ref()
            .is_none_or(|name| *name == split.name)
    });
    let mut spoken: BTreeMap<(usize, &str), BTreeSet<String>> = BTreeMap::new();
    for clip in splits.flat_map(|split| &split.clips) {
        if clip.words().is_none() {
            continue;
        }
        let text = clean_transcript(&clip.read_transcript()?);
        let group = clip.levels.get(at).copied().unwrap_or_default();
        let words = spoken.entry((group, clip.subject.as_str())).or_default();
        words.extend(words_of(&text));
    }
    if spoken.is_empty() {
        return Err(unusable("clips with transcripts", "none".to_owned()));
    }
    let speakers: Vec<Speaker> = spoken
        .into_iter()
        .map(|((group, _), words)| Speaker { group, words })
        .collect();
    let count = target.levels.len();
    let odds = log_odds(&speakers, count, settings.least, settings.prior);
    let chance = chance(
        &speakers,
        count,
        (settings.least, settings.prior, BOUND),
        (settings.shuffles, settings.seed),
    );
    let groups = target.levels.iter().zip(&odds).zip(&chance).enumerate();
    let groups = groups.map(|(group, ((level, odds), chance))| {
        let subjects = speakers
            .iter()
            .filter(|speaker| speaker.group == group)
            .count();
        let sign = |positive: bool| odds.iter().filter(move |word| (word.z > 0.0) == positive);
        let beyond = odds.iter().filter(|word| word.z.abs() > BOUND).count();
        let shuffles = chance.beyond.len() as f64;
        let as_many = chance.beyond.iter().filter(|&&n| n >= beyond).count() as f64;
        let at = (0.95 * (shuffles + 1.0)).ceil() as usize;
        let threshold = chance.largest.get(at.saturating_sub(1));
        GroupWords {
            code: level.code.clone(),
            name: level.name.clone(),
            subjects,
            beyond,
            by_chance: chance.beyond.iter().sum::<usize>() as f64 / shuffles.max(1.0),
            p_value: (as_many + 1.0) / (shuffles + 1.0),
            threshold: threshold.copied().unwrap_or(f64::INFINITY),
            warning: (subjects < FEW).then(|| {
                format!("{subjects} subjects: these words may be theirs and not the group's")
            }),
            more: sign(true).take(settings.top).cloned().collect(),
            less: sign(false).rev().take(settings.top).cloned().collect(),
        }
    });
    Ok(Words {
        schema: "cohort.words/1".to_owned(),
        target: target.column.clone(),
        split: settings.split.clone().unwrap_or_else(|| "all".to_owned()),
        least: settings.least,
        prior: settings.prior,
        words_tried: odds.first().map_or(0, Vec::len),
        shuffles: settings.shuffles,
        groups: groups.collect(),
        notes: dataset.notes_for_documents(),
    })
}

impl Words {
    /// The groups with their words and z values, for a terminal.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{} words used by at least {} subjects, by {}; in brackets z and the subjects who used it.\n\
             * a |z| that no word of the group reaches in 95 of 100 random assignments of the subjects to groups\n",
            self.words_tried, self.least, self.target
        );
        for group in &self.groups {
            text += &format!(
                "\n{} ({} subjects; {} words beyond |z| {BOUND}, {:.0} by chance, p = {:.3}; * from |z| {:.1})\n",
                group.name,
                group.subjects,
                group.beyond,
                group.by_chance,
                group.p_value,
                group.threshold
            );
            if let Some(warning) = &group.warning {
                text += &format!("  warning: {warning}\n");
            }
            for (what, words) in [("more", &group.more), ("less", &group.less)] {
                let words: Vec<String> = words
                    .iter()
                    .map(|word| {
                        let star = if word.z.abs() > group.threshold {
                            "*"
                        } else {
                            ""
                        };
                        format!("{}{star} ({:.1}, {})", word.word, word.z, word.subjects)
                    })
                    .collect();
                if !words.is_empty() {
                    text += &format!("  {what}: {}\n", words.join(", "));
                }
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planted_word_leads_its_group_and_small_groups_are_warned_of() {
        let folder = tempfile::tempdir().unwrap();
        let (mut labels, mut texts) = (
            "VideoName,UserID,AgeGroup,Gender,Ethnicity\n".to_owned(),
            "VideoName,Transcript\n".to_owned(),
        );
        for i in 0..80 {
            let group = if i < 40 {
                3
            } else if i < 75 {
                4
            } else {
                7
            };
            for clip in 0..2 {
                labels += &format!("v{i}.{clip}.mp4,v{i},{group},1,2\n");
                let own = if group == 3 && i % 2 == 0 {
                    "school"
                } else {
                    "work"
                };
                texts += &format!("v{i}.{clip}.mp4,I go to {own}\n");
            }
        }
        std::fs::write(folder.path().join("train_set_age_labels.csv"), labels).unwrap();
        std::fs::write(folder.path().join("transcripts.csv"), texts).unwrap();
        let dataset =
            Dataset::open(folder.path(), Some(crate::Schema::first_impressions())).unwrap();
        let found = words(&dataset, &WordsSettings::default()).unwrap();
        let third = &found.groups[2];
        assert_eq!((third.subjects, third.warning.is_none()), (40, true));
        assert_eq!(
            (third.more[0].word.as_str(), third.more[0].subjects),
            ("school", 20)
        );
        assert_eq!(third.less[0].word, "work");
        assert!(third.more[0].z > third.threshold);
        assert!(
            (found.groups[6].more.iter().chain(&found.groups[6].less))
                .all(|word| word.z.abs() < found.groups[6].threshold)
        );
        assert!(
            found.groups[6]
                .warning
                .as_ref()
                .unwrap()
                .starts_with("5 subjects")
        );
        assert!(found.to_text().contains("school"));
        let settings = WordsSettings {
            split: Some("test".to_owned()),
            ..WordsSettings::default()
        };
        let error = words(&dataset, &settings).unwrap_err().to_string();
        assert!(
            error.contains("expected a split of the data set, found test"),
            "{error}"
        );
    }
}
