//! Words that tell topics apart: class-based TF-IDF (Grootendorst 2022, BERTopic).

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::TextError;
use crate::letters::each_word;

/// How words are counted and weighed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClassWordSettings {
    /// Longest run of words that is counted as one, 1 to 5. Default 1: single words. Runs go over words that were left out and from
    /// one text of a topic to the next, as in BERTopic, which joins them.
    pub longest_run: usize,
    /// Words that are left out before anything is counted, in small letters. Default none; see [`english_stop_words`].
    pub stop_words: BTreeSet<String>,
    /// Weigh a word by BM25's inverse frequency. Default no.
    pub bm25: bool,
    /// Take the root of a word's share in its topic, so that frequent ones count for less. Default no.
    pub reduce_frequent: bool,
}

impl Default for ClassWordSettings {
    fn default() -> Self {
        Self {
            longest_run: 1,
            stop_words: BTreeSet::new(),
            bm25: false,
            reduce_frequent: false,
        }
    }
}

/// A word of a topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassWord {
    /// The word, or a run of words with blanks between.
    pub word: String,
    /// How often the topic's texts have it; at least 1.
    pub uses: u64,
    /// Its weight; higher is more characteristic.
    pub weight: f64,
}

/// 318 English words that name no topic: scikit-learn's `ENGLISH_STOP_WORDS` (BSD; from the Glasgow Information Retrieval Group).
#[must_use]
pub fn english_stop_words() -> BTreeSet<String> {
    let words = include_str!("english_stop_words.txt").lines();
    words.map(str::to_owned).collect()
}

/// The words of each of `classes` topics, the most characteristic first, of equals in the order of the alphabet.
///
/// `texts` are pairs of a topic, from 0, and a text. Words are scikit-learn's: runs of at least two letters, digits or low lines, in
/// small letters. A word that topic c has f(c) times, of n(c) in all, and all topics F times, with A the mean of n, cut to a whole
/// number, weighs `f(c) / n(c) * ln(1 + A / F)`; with `bm25` the logarithm is of `1 + (A - F + 0.5) / (F + 0.5)`.
///
/// # Errors
/// [`TextError::Setting`] for a run of 0 or more than 5 words; [`TextError::Topic`] for a topic beyond `classes`.
pub fn class_words<'a>(
    texts: impl IntoIterator<Item = (usize, &'a str)>,
    classes: usize,
    settings: &ClassWordSettings,
) -> Result<Vec<Vec<ClassWord>>, TextError> {
    let longest = settings.longest_run;
    if !(1..=5).contains(&longest) {
        return Err(TextError::Setting {
            name: "longest_run",
            expected: "1 to 5",
            found: longest,
        });
    }
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut counts: Vec<HashMap<usize, u64>> = vec![HashMap::new(); classes];
    let mut last: Vec<Vec<String>> = vec![Vec::new(); classes];
    for (text, (class, words)) in texts.into_iter().enumerate() {
        if class >= classes {
            return Err(TextError::Topic {
                text,
                expected: classes,
                found: class,
            });
        }
        let (counts, last) = (&mut counts[class], &mut last[class]);
        each_word(words, |word| {
            if word.chars().nth(1).is_none() || settings.stop_words.contains(word) {
                return;
            }
            if last.len() == longest {
                last.remove(0);
            }
            last.push(word.to_owned());
            for first in 0..last.len() {
                let run = last[first..].join(" ");
                let next = numbers.len();
                let number = *numbers.entry(run).or_insert(next);
                *counts.entry(number).or_insert(0) += 1;
            }
        });
    }
    let mut words = vec![String::new(); numbers.len()];
    for (word, number) in numbers {
        words[number] = word;
    }
    let mut uses = vec![0u64; words.len()];
    for (&number, &count) in counts.iter().flatten() {
        uses[number] += count;
    }
    let all: u64 = uses.iter().sum();
    let mean = all.checked_div(classes as u64).unwrap_or_default() as f64;
    let rarity: Vec<f64> = uses
        .iter()
        .map(|&uses| uses as f64)
        .map(|uses| match settings.bm25 {
            true => (1.0 + (mean - uses + 0.5) / (uses + 0.5)).ln(),
            false => (mean / uses + 1.0).ln(),
        })
        .collect();
    let weighed = counts.into_iter().map(|counts| {
        let all: u64 = counts.values().sum();
        let mut found: Vec<ClassWord> = counts
            .into_iter()
            .map(|(number, uses)| {
                let share = uses as f64 / all as f64;
                let share = match settings.reduce_frequent {
                    true => share.sqrt(),
                    false => share,
                };
                ClassWord {
                    word: words[number].clone(),
                    uses,
                    weight: share * rarity[number],
                }
            })
            .collect();
        found.sort_unstable_by(|a, b| {
            let weights = b.weight.total_cmp(&a.weight);
            weights.then_with(|| a.word.cmp(&b.word))
        });
        found
    });
    Ok(weighed.collect())
}

/// A topic's name: its first `count` words with low lines between; empty where it has none.
#[must_use]
pub fn topic_name(words: &[ClassWord], count: usize) -> String {
    let words: Vec<&str> = words.iter().take(count).map(|w| w.word.as_str()).collect();
    words.join("_").replace(' ', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_worked_by_hand() {
        let texts = [
            (0, "Red cat, red CAT"),
            (1, "red dog's bowl"),
            (0, "a b cat"),
        ];
        let found = class_words(texts, 3, &ClassWordSettings::default()).unwrap();
        // cat 3 and red 2 of 5; red, dog, bowl 1 of 3; none of none: a mean of 8 / 3, cut to 2
        let weight = |share: f64, uses: f64| share * (2.0 / uses + 1.0).ln();
        let expected = [("cat", 0.6, 3.0), ("red", 0.4, 3.0)];
        for (word, (name, share, uses)) in found[0].iter().zip(expected) {
            assert_eq!(word.word, name);
            assert!((word.weight - weight(share, uses)).abs() < 1e-15);
        }
        let names: Vec<&str> = found[1].iter().map(|w| w.word.as_str()).collect();
        assert_eq!(names, ["bowl", "dog", "red"]);
        assert_eq!((found[0].len(), found[2].len()), (2, 0));
        assert_eq!(topic_name(&found[1], 2), "bowl_dog");
        assert_eq!(topic_name(&found[2], 2), "");
    }

    #[test]
    fn runs_go_over_what_is_left_out_and_from_text_to_text() {
        let settings = ClassWordSettings {
            longest_run: 2,
            stop_words: ["of".to_owned()].into(),
            ..ClassWordSettings::default()
        };
        let texts = [(0, "herd of cows"), (1, "cows"), (0, "grazing")];
        let found = class_words(texts, 2, &settings).unwrap();
        let mut words: Vec<&str> = found[0].iter().map(|w| w.word.as_str()).collect();
        words.sort_unstable();
        assert_eq!(
            words,
            ["cows", "cows grazing", "grazing", "herd", "herd cows"]
        );
        let bad = class_words([(0, "a"), (2, "b")], 2, &settings).unwrap_err();
        assert_eq!(
            bad.to_string(),
            "text 2: expected a topic of 0 to 1, found 2"
        );
        let bad = ClassWordSettings {
            longest_run: 0,
            ..settings
        };
        let bad = class_words([], 2, &bad).unwrap_err();
        assert!(bad.to_string().contains("longest_run: expected 1 to 5"));
    }
}
