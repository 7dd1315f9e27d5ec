//! Texts that speak of a thing, told by its words.

use crate::TextError;
use crate::letters::each_word;

/// Plurals that follow no rule.
const IRREGULAR: [(&str, &str); 11] = [
    ("man", "men"),
    ("woman", "women"),
    ("child", "children"),
    ("person", "people"),
    ("mouse", "mice"),
    ("goose", "geese"),
    ("foot", "feet"),
    ("tooth", "teeth"),
    ("sheep", "sheep"),
    ("deer", "deer"),
    ("fish", "fish"),
];
/// Words that end like these and follow the rule.
const REGULAR: [&str; 5] = ["german", "human", "mongoose", "roman", "shaman"];
/// Words in -f or -fe whose plural is in -ves.
const VES: [&str; 12] = [
    "calf", "elf", "half", "hoof", "knife", "leaf", "life", "loaf", "scarf", "shelf", "wife",
    "wolf",
];

/// Names of things, each found in a text where it stands as whole words, in the singular or in the plural.
///
/// `cow` is found in "Cows graze", "the cow's bell" and "cow-shed", not in "cowboy" nor "coworkers". The plural is of the last word of a
/// name: without a rule (men, women, children, people, mice, geese, feet, teeth, sheep, deer, fish) or in -ves (calf, elf, half,
/// hoof, knife, leaf, life, loaf, scarf, shelf, wife, wolf), both with their compounds; else -es after s, x, z, ch and sh; -ies for y after a consonant;
/// else -s. Letters count alike in capitals and small; words are runs of letters, digits and low lines.
#[derive(Debug, Clone)]
pub struct WordSubset {
    names: Vec<[Vec<String>; 2]>,
}

impl WordSubset {
    /// From names of one or more words in the singular.
    ///
    /// # Errors
    /// [`TextError::Word`] for a name without a word.
    pub fn new(names: &[&str]) -> Result<Self, TextError> {
        let forms = names.iter().map(|name| {
            let mut words = Vec::new();
            each_word(name, |word| words.push(word.to_owned()));
            let Some(last) = words.last() else {
                return Err(TextError::Word((*name).to_owned()));
            };
            let plural = plural(last);
            let mut many = words.clone();
            many.pop();
            many.push(plural);
            Ok([words, many])
        });
        Ok(Self {
            names: forms.collect::<Result<_, _>>()?,
        })
    }

    /// The names found in a text, by their places in [`new`](Self::new), in that order.
    #[must_use]
    pub fn found(&self, text: &str) -> Vec<usize> {
        let mut words = Vec::new();
        each_word(text, |word| words.push(word.to_owned()));
        let has = |form: &Vec<String>| words.windows(form.len()).any(|run| run == form.as_slice());
        let names = self.names.iter().enumerate();
        let names = names.filter(|(_, forms)| forms.iter().any(has));
        names.map(|(place, _)| place).collect()
    }
}

/// The plural of an English word in small letters, by the rule of [`WordSubset`].
fn plural(word: &str) -> String {
    if !REGULAR.contains(&word) {
        for (one, many) in IRREGULAR {
            if let Some(rest) = word.strip_suffix(one) {
                return format!("{rest}{many}");
            }
        }
    }
    if VES.iter().any(|own| word.ends_with(own)) {
        let stem = word.trim_end_matches('e').trim_end_matches('f');
        return format!("{stem}ves");
    }
    let consonant = |c: char| !matches!(c, 'a' | 'e' | 'i' | 'o' | 'u');
    match word.strip_suffix('y') {
        Some(stem) if stem.chars().last().is_some_and(consonant) => format!("{stem}ies"),
        _ if ["s", "x", "z", "ch", "sh"]
            .iter()
            .any(|end| word.ends_with(end)) =>
        {
            format!("{word}es")
        }
        _ => format!("{word}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_whole_words_in_both_numbers() {
        let subset = WordSubset::new(&["cow", "sheep", "polar bear", "Person"]).unwrap();
        for (text, expected) in [
            ("Cows graze", vec![0]),
            ("the COW'S bell", vec![0]),
            ("a cow-shed", vec![0]),
            ("A cowboy and a cowgirl, coworkers, cowed", vec![]),
            ("sheep and a scow", vec![1]),
            ("two polar bears", vec![2]),
            ("polar, bear!", vec![2]),
            ("a bear at the polar station", vec![]),
            ("people watch cows", vec![0, 3]),
            ("", vec![]),
        ] {
            assert_eq!(subset.found(text), expected, "{text}");
        }
        let error = WordSubset::new(&["cow", " - "]).unwrap_err().to_string();
        assert_eq!(
            error,
            "name \" - \": expected at least one word, found none"
        );
    }

    #[test]
    fn plurals() {
        for (one, many) in [
            ("horse", "horses"),
            ("bus", "buses"),
            ("box", "boxes"),
            ("couch", "couches"),
            ("puppy", "puppies"),
            ("monkey", "monkeys"),
            ("wolf", "wolves"),
            ("knife", "knives"),
            ("giraffe", "giraffes"),
            ("roof", "roofs"),
            ("woman", "women"),
            ("human", "humans"),
            ("policeman", "policemen"),
            ("mongoose", "mongooses"),
            ("reindeer", "reindeer"),
            ("fox", "foxes"),
            ("swordfish", "swordfish"),
            ("y", "ys"),
        ] {
            assert_eq!(plural(one), many);
        }
    }
}
