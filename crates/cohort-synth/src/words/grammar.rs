//! From an age to a transcript: topics, fillers and sentence length shift with age; cuts and
//! unintelligible words are as a transcriber of 15-second excerpts marks them.

use super::topics::{FILLERS, NEUTRAL, TOPICS};
use crate::draw::{Draw, Purpose};
use crate::schema::maturity;

/// Width of a topic on the logarithm of age: at 25 % off it is half as common.
const TOPIC_WIDTH: f64 = 0.19;
/// Share of sentences that tell something about age.
const TOPICAL: f64 = 0.75;

/// The words of one clip by somebody who talks like `age` years.
pub(crate) fn transcript(seed: u64, clip: usize, age: f64) -> String {
    let mut draw = Draw::new(seed, Purpose::WordsClip, clip);
    let grown = maturity(age);
    // Older people use longer sentences: more are joined.
    let joined = 0.1 + 0.6 * grown.clamp(0.0, 1.0);
    let wanted = 22 + draw.below(30);
    let mut used: Vec<&str> = Vec::new();
    let mut text = String::new();
    while text.split_whitespace().count() < wanted {
        let template = sentence(age, &mut used, &mut draw);
        let mut words = expand(template, &mut draw);
        if draw.chance(0.45) {
            words = format!("{} {words}", filler(age, &mut draw));
        }
        if text.is_empty() {
            text = capital(&words);
        } else if draw.chance(joined) {
            text.push_str(if draw.chance(0.7) { ", and " } else { ", but " });
            text.push_str(&words);
        } else {
            text.push_str(". ");
            text.push_str(&capital(&words));
        }
    }
    cut(text, wanted, &mut draw)
}

/// A topic's weight for an age; both in years.
fn weight(topic: f64, age: f64) -> f64 {
    let z = libm::log(age / topic) / TOPIC_WIDTH;
    libm::exp(-0.5 * z * z)
}

/// A sentence not used yet in this clip, unless all are used up.
fn sentence(age: f64, used: &mut Vec<&'static str>, draw: &mut Draw) -> &'static str {
    let weights: Vec<f64> = TOPICS.iter().map(|topic| weight(topic.age, age)).collect();
    let mut found = NEUTRAL[0];
    for _ in 0..12 {
        let choices = if draw.chance(TOPICAL) {
            TOPICS[draw.weighted(&weights)].sentences
        } else {
            NEUTRAL
        };
        found = choices[draw.below(choices.len())];
        if !used.contains(&found) {
            break;
        }
    }
    used.push(found);
    found
}

fn filler(age: f64, draw: &mut Draw) -> &'static str {
    let weights: Vec<f64> = FILLERS
        .iter()
        .map(|(typical, _)| weight(*typical, age))
        .collect();
    let (_, fillers) = FILLERS[draw.weighted(&weights)];
    fillers[draw.below(fillers.len())]
}

/// Replaces each `{a|b}` by one of its alternatives.
fn expand(template: &str, draw: &mut Draw) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (choices, tail) = after.split_once('}').unwrap_or((after, ""));
        let choices: Vec<&str> = choices.split('|').collect();
        text.push_str(before);
        text.push_str(choices[draw.below(choices.len())]);
        rest = tail;
    }
    text + rest
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// Cuts the text where the excerpt ends, sometimes where it begins, and marks what was not heard.
fn cut(text: String, wanted: usize, draw: &mut Draw) -> String {
    let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    let whole = words.len() <= wanted + 2 && draw.chance(0.4);
    if !whole {
        words.truncate(wanted.max(20));
    }
    if draw.chance(0.09) {
        let place = draw.below(words.len());
        let second = draw.below(16);
        words[place] = format!("[inaudible 00:00:{second:02}]");
    }
    let mut text = words.join(" ");
    if whole {
        text.push('.');
    } else {
        let end = text.trim_end_matches([',', '.']).len();
        text.truncate(end);
        text.push_str([" ...", "-", ""][draw.weighted(&[0.35, 0.3, 0.35])]);
    }
    if draw.chance(0.3) {
        format!("... {text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn templates_are_well_formed() {
        let fillers = FILLERS.iter().flat_map(|(_, fillers)| fillers.iter());
        let topical = TOPICS.iter().flat_map(|topic| topic.sentences.iter());
        for template in topical.chain(NEUTRAL).chain(fillers) {
            let mut open = false;
            for letter in template.chars() {
                match letter {
                    '{' => assert!(!std::mem::replace(&mut open, true), "nested: {template}"),
                    '}' => assert!(std::mem::replace(&mut open, false), "unopened: {template}"),
                    '|' => assert!(open, "stray bar: {template}"),
                    _ => {}
                }
            }
            assert!(!open, "unclosed: {template}");
        }
    }

    #[test]
    fn expansion_takes_one_alternative() {
        let mut draw = Draw::new(1, Purpose::WordsClip, 0);
        let found: BTreeSet<String> = (0..60)
            .map(|_| expand("a {b|c} d {e|f}", &mut draw))
            .collect();
        let all = ["a b d e", "a b d f", "a c d e", "a c d f"];
        assert_eq!(found, all.map(String::from).into());
    }

    #[test]
    fn length_is_that_of_real_excerpts() {
        for clip in 0..500 {
            let text = transcript(3, clip, 7.0 + clip as f64 / 7.0);
            let words = text.split_whitespace().count();
            assert!((20..=70).contains(&words), "{words}: {text}");
            assert!(!text.contains(['{', '}', '|']), "{text}");
        }
    }

    #[test]
    fn topics_follow_age() {
        let mention = |age: f64, needles: &[&str]| {
            (0..400)
                .filter(|clip| {
                    let text = transcript(5, *clip, age);
                    needles.iter().any(|needle| text.contains(needle))
                })
                .count()
        };
        let garden = [
            "grandchild",
            "garden",
            "church",
            "late husband",
            "late wife",
        ];
        let campus = [
            "midterm",
            "roommate",
            "professor",
            "campus",
            "college student",
        ];
        assert!(mention(72.0, &garden) > 150);
        assert_eq!(mention(20.0, &garden), 0);
        assert!(mention(21.0, &campus) > 150);
        assert!(mention(45.0, &campus) < 20);
    }
}
