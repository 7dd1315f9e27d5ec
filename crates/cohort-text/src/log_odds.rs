//! Which words tell groups apart: log-odds with an informative Dirichlet prior.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// One person's words in one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speaker {
    /// Group, from 0.
    pub group: usize,
    /// The words that this person used, each once.
    pub words: BTreeSet<String>,
}

/// How a word is spread over the groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WordOdds {
    /// The word.
    pub word: String,
    /// People of the group who used it.
    pub subjects: usize,
    /// People of all other groups who used it.
    pub others: usize,
    /// Log-odds of the word in the group less those in the others; natural logarithm.
    pub log_odds: f64,
    /// `log_odds` by its standard error.
    pub z: f64,
}

/// The words of a text: lower case, split at everything that is neither letter, digit nor apostrophe.
pub fn words_of(text: &str) -> BTreeSet<String> {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !(c.is_alphanumeric() || c == '\''));
    let words = words.map(|word| word.trim_matches('\''));
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// For each of `groups` groups, every word that at least `least` people used, the most characteristic first.
///
/// Monroe, Colaresi and Quinn (2008), "Fightin' Words": with y people of the group and y' of the others who used a word,
/// of n and n' uses in all, and a prior of `prior` uses spread as the words are over everybody (a for this word),
/// delta = ln((y + a) / (n + prior - y - a)) - ln((y' + a) / (n' + prior - y' - a)), with variance
/// 1 / (y + a) + 1 / (y' + a). People are counted, not uses: one who says a word forty times says nothing of a group.
pub fn log_odds(
    speakers: &[Speaker],
    groups: usize,
    least: usize,
    prior: f64,
) -> Vec<Vec<WordOdds>> {
    let mut counts: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for speaker in speakers.iter().filter(|speaker| speaker.group < groups) {
        for word in &speaker.words {
            counts.entry(word).or_insert_with(|| vec![0; groups])[speaker.group] += 1;
        }
    }
    let mut totals = vec![0usize; groups];
    for count in counts.values() {
        for (total, n) in totals.iter_mut().zip(count) {
            *total += n;
        }
    }
    let all: usize = totals.iter().sum();
    (0..groups)
        .map(|group| {
            let (n, rest) = (totals[group] as f64, (all - totals[group]) as f64);
            let mut words: Vec<WordOdds> = counts
                .iter()
                .filter_map(|(word, count)| {
                    let used: usize = count.iter().sum();
                    if used < least.max(1) {
                        return None;
                    }
                    let (subjects, others) = (count[group], used - count[group]);
                    let a = prior * used as f64 / all as f64;
                    let (y, z) = (subjects as f64 + a, others as f64 + a);
                    let log_odds = (y / (n + prior - y)).ln() - (z / (rest + prior - z)).ln();
                    Some(WordOdds {
                        word: (*word).to_owned(),
                        subjects,
                        others,
                        log_odds,
                        z: log_odds / (1.0 / y + 1.0 / z).sqrt(),
                    })
                })
                .collect();
            words.sort_by(|a, b| b.z.total_cmp(&a.z).then_with(|| a.word.cmp(&b.word)));
            words
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odds_meet_the_formula_and_the_groups_are_mirrored() {
        let speaker = |group, text: &str| Speaker {
            group,
            words: words_of(text),
        };
        let speakers = [
            speaker(0, "Homework, school; HOMEWORK!"),
            speaker(0, "school don't"),
            speaker(1, "grandchildren school"),
            speaker(1, "garden"),
        ];
        let found = log_odds(&speakers, 2, 1, 10.0);
        let school = found[0].iter().find(|odds| odds.word == "school").unwrap();
        // uses: 4 in the first group, 3 in the second; school 2 and 1; prior 10 * 3 / 7
        let a = 30.0f64 / 7.0;
        let (y, z) = (2.0 + a, 1.0 + a);
        let expected = (y / (14.0 - y)).ln() - (z / (13.0 - z)).ln();
        assert!((school.log_odds - expected).abs() < 1e-12);
        assert!((school.z - expected / (1.0 / y + 1.0 / z).sqrt()).abs() < 1e-12);
        assert_eq!((school.subjects, school.others), (2, 1));
        for odds in &found[0] {
            let other = found[1]
                .iter()
                .find(|other| other.word == odds.word)
                .unwrap();
            assert!((odds.z + other.z).abs() < 1e-12);
        }
        assert!(found[0].windows(2).all(|pair| pair[0].z >= pair[1].z));
        assert_eq!(log_odds(&speakers, 2, 2, 10.0)[0].len(), 1);
        assert!(log_odds(&[], 2, 1, 10.0).iter().all(Vec::is_empty));
    }
}
