//! Which words tell groups apart: log-odds with an informative Dirichlet prior.

use std::collections::{BTreeMap, BTreeSet};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
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
    let table = Table::new(speakers, groups, least, prior);
    let own: Vec<usize> = table.speakers.iter().map(|speaker| speaker.0).collect();
    let (counts, totals) = table.count(&own);
    (0..groups)
        .map(|group| {
            let mut words: Vec<WordOdds> = (table.words.iter().enumerate())
                .map(|(i, (word, used))| {
                    let subjects = counts[i * groups + group];
                    let (log_odds, z) = table.odds(i, subjects, totals[group]);
                    WordOdds {
                        word: (*word).to_owned(),
                        subjects,
                        others: used - subjects,
                        log_odds,
                        z,
                    }
                })
                .collect();
            words.sort_by(|a, b| b.z.total_cmp(&a.z).then_with(|| a.word.cmp(&b.word)));
            words
        })
        .collect()
}

/// What the words of a group look like when it is no group: people shuffled over the groups, each with all their words.
#[derive(Debug, Clone, PartialEq)]
pub struct Chance {
    /// Number of words with |z| above the bound, in each shuffle.
    pub beyond: Vec<usize>,
    /// The largest |z| of all words, in each shuffle, rising.
    pub largest: Vec<f64>,
}

/// For each of `groups` groups, [`log_odds`] under `shuffles` random assignments of people to groups; `bound` is that of
/// [`Chance::beyond`]. The prior draws the z of rare words towards 0 and one subject's words come together, so that z is
/// not distributed normally: what chance gives has to be found out.
pub fn chance(
    speakers: &[Speaker],
    groups: usize,
    (least, prior, bound): (usize, f64, f64),
    (shuffles, seed): (usize, u64),
) -> Vec<Chance> {
    let table = Table::new(speakers, groups, least, prior);
    let mut own: Vec<usize> = table.speakers.iter().map(|speaker| speaker.0).collect();
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let none = Chance {
        beyond: Vec::with_capacity(shuffles),
        largest: Vec::with_capacity(shuffles),
    };
    let mut found = vec![none; groups];
    for _ in 0..shuffles {
        for i in (1..own.len()).rev() {
            // 32 bits times a count of people: the product's upper half is uniform to 1 in 10^6
            let at = (u64::from(generator.next_u32()) * (i as u64 + 1)) >> 32;
            own.swap(i, at as usize);
        }
        let (counts, totals) = table.count(&own);
        for (group, chance) in found.iter_mut().enumerate() {
            let sizes = (0..table.words.len()).map(|i| {
                table
                    .odds(i, counts[i * groups + group], totals[group])
                    .1
                    .abs()
            });
            let (beyond, largest) = sizes.fold((0, 0.0f64), |(n, most), z| {
                (n + usize::from(z > bound), most.max(z))
            });
            chance.beyond.push(beyond);
            chance.largest.push(largest);
        }
    }
    for chance in &mut found {
        chance.largest.sort_by(f64::total_cmp);
    }
    found
}

/// Who used which words, as numbers.
struct Table<'a> {
    groups: usize,
    prior: f64,
    /// Uses in all, of rare words too.
    all: usize,
    /// The words that enough people used, and by how many.
    words: Vec<(&'a str, usize)>,
    /// Group, number of words, and places in `words`, of every person of one of the groups.
    speakers: Vec<(usize, usize, Vec<usize>)>,
}

impl<'a> Table<'a> {
    fn new(speakers: &'a [Speaker], groups: usize, least: usize, prior: f64) -> Self {
        let inside = || speakers.iter().filter(|speaker| speaker.group < groups);
        let mut used: BTreeMap<&str, usize> = BTreeMap::new();
        for word in inside().flat_map(|speaker| &speaker.words) {
            *used.entry(word).or_default() += 1;
        }
        let words: Vec<(&str, usize)> = (used.iter())
            .filter(|(_, n)| **n >= least.max(1))
            .map(|(word, n)| (*word, *n))
            .collect();
        let place = |word: &String| {
            words
                .binary_search_by(|(other, _)| (*other).cmp(word.as_str()))
                .ok()
        };
        let speakers = inside()
            .map(|speaker| {
                let places = speaker.words.iter().filter_map(place).collect();
                (speaker.group, speaker.words.len(), places)
            })
            .collect();
        Self {
            groups,
            prior,
            all: used.values().sum(),
            words,
            speakers,
        }
    }

    /// People by word and group, and uses by group, when the people belong to the groups `own`.
    fn count(&self, own: &[usize]) -> (Vec<usize>, Vec<usize>) {
        let mut counts = vec![0; self.words.len() * self.groups];
        let mut totals = vec![0; self.groups];
        for (&group, (_, uses, places)) in own.iter().zip(&self.speakers) {
            totals[group] += uses;
            for place in places {
                counts[place * self.groups + group] += 1;
            }
        }
        (counts, totals)
    }

    /// Log-odds and z of a word that `subjects` people of a group with `total` uses used.
    fn odds(&self, word: usize, subjects: usize, total: usize) -> (f64, f64) {
        let used = self.words[word].1;
        let (n, rest) = (total as f64, (self.all - total) as f64);
        let a = self.prior * used as f64 / self.all as f64;
        let (y, z) = (subjects as f64 + a, (used - subjects) as f64 + a);
        let log_odds = (y / (n + self.prior - y)).ln() - (z / (rest + self.prior - z)).ln();
        (log_odds, log_odds / (1.0 / y + 1.0 / z).sqrt())
    }
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

    #[test]
    fn shuffled_groups_are_chance_and_a_planted_word_is_beyond_it() {
        // fifty words, each used by half of 200 people whatever their group; one more by the first group alone
        let word = |i: usize, w: usize| (i * 7919 + w * 104_729 + i * w * 31) % 97 % 2 == 0;
        let speaker = |i: usize| {
            let mut words: BTreeSet<String> = (0..50)
                .filter(|&w| word(i, w))
                .map(|w| format!("w{w}"))
                .collect();
            if i < 40 {
                words.insert("planted".to_owned());
            }
            Speaker {
                group: usize::from(i >= 100),
                words,
            }
        };
        let speakers: Vec<Speaker> = (0..200).map(speaker).collect();
        let settings = (5, 100.0, 1.96);
        let found = chance(&speakers, 2, settings, (99, 3));
        assert_eq!(found, chance(&speakers, 2, settings, (99, 3)));
        let odds = log_odds(&speakers, 2, 5, 100.0);
        for (chance, odds) in found.iter().zip(&odds) {
            assert_eq!((chance.beyond.len(), chance.largest.len()), (99, 99));
            assert!(chance.largest.windows(2).all(|pair| pair[0] <= pair[1]));
            let planted = odds.iter().find(|odds| odds.word == "planted").unwrap();
            assert!(planted.z.abs() > chance.largest[98], "{planted:?}");
        }
        // two groups mirror each other
        assert_eq!(found[0].beyond, found[1].beyond);
        // without shuffling people, the table is the plain one
        assert!(
            chance(&[], 2, settings, (3, 0))
                .iter()
                .all(|c| c.beyond == [0; 3])
        );
    }
}
