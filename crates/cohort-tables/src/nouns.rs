//! What the rows of a data set are called: its items, and the units that are not torn apart.

use serde::{Deserialize, Serialize};

/// The words for an item (`clip`, `picture`) and for the unit that intervals and splits go by (`subject`, `speaker`). Both
/// are the same where every item is a unit of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nouns {
    /// One item. Default `clip`.
    pub item: String,
    /// One unit. Default `subject`.
    pub unit: String,
}

impl Default for Nouns {
    fn default() -> Self {
        Self {
            item: "clip".into(),
            unit: "subject".into(),
        }
    }
}

impl Nouns {
    /// Whether these are `clip` and `subject`.
    pub fn are_usual(&self) -> bool {
        *self == Self::default()
    }

    /// Whether every item is a unit of its own.
    pub fn items_are_units(&self) -> bool {
        self.item == self.unit
    }

    /// Several items.
    pub fn items(&self) -> String {
        plural(&self.item)
    }

    /// Several units.
    pub fn units(&self) -> String {
        plural(&self.unit)
    }

    /// `12 clips of 3 subjects`, or `12 pictures` where every item is a unit of its own; counts are written by `shown`.
    pub fn counts(&self, items: usize, units: usize, shown: impl Fn(usize) -> String) -> String {
        let one = |count: usize, noun: &str| match count {
            1 => format!("{} {noun}", shown(1)),
            _ => format!("{} {}", shown(count), plural(noun)),
        };
        let of_items = one(items, &self.item);
        if self.items_are_units() {
            return of_items;
        }
        format!("{of_items} of {}", one(units, &self.unit))
    }

    /// A sentence of this program's own, written for clips and subjects, in these words. Not for text that holds anything
    /// of the data.
    pub fn say(&self, sentence: &str) -> String {
        if self.are_usual() {
            return sentence.to_owned();
        }
        let mut said = String::with_capacity(sentence.len());
        let mut rest = sentence;
        while let Some(at) = rest.find(|c: char| c.is_alphabetic()) {
            said.push_str(&rest[..at]);
            rest = &rest[at..];
            let end = rest.find(|c: char| !c.is_alphabetic());
            let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
            match word {
                "clip" => said.push_str(&self.item),
                "clips" => said.push_str(&self.items()),
                "Clip" => said.push_str(&capital(&self.item)),
                "Clips" => said.push_str(&capital(&self.items())),
                "subject" => said.push_str(&self.unit),
                "subjects" => said.push_str(&self.units()),
                "Subject" => said.push_str(&capital(&self.unit)),
                "Subjects" => said.push_str(&capital(&self.units())),
                other => said.push_str(other),
            }
            rest = after;
        }
        said + rest
    }
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    let first = chars.next();
    first.map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

/// `1 clip`, `2 clips`.
pub fn counted(count: usize, word: &str) -> String {
    match count {
        1 => format!("1 {word}"),
        _ => format!("{count} {}", plural(word)),
    }
}

/// The plural of an English noun by its ending.
pub fn plural(word: &str) -> String {
    let before_y = word.strip_suffix('y');
    match before_y {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ if ["s", "x", "z", "ch", "sh"]
            .iter()
            .any(|end| word.ends_with(end)) =>
        {
            format!("{word}es")
        }
        _ => format!("{word}s"),
    }
}

/// How many units carry several levels of one attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WithinUnits {
    /// Units of several items.
    pub several: usize,
    /// Those of them whose items do not agree.
    pub mixed: usize,
}

impl WithinUnits {
    /// Counts; `unit[i]` is the unit of item `i`, `level[i]` its level, both from 0.
    pub fn of(unit: &[usize], level: &[usize]) -> Self {
        let units = unit.iter().max().map_or(0, |last| last + 1);
        let mut seen: Vec<(usize, Option<usize>, bool)> = vec![(0, None, false); units];
        for (&unit, &level) in unit.iter().zip(level) {
            let (items, first, mixed) = &mut seen[unit];
            *items += 1;
            *mixed |= *first.get_or_insert(level) != level;
        }
        Self {
            several: seen.iter().filter(|(items, ..)| *items > 1).count(),
            mixed: seen.iter().filter(|(.., mixed)| *mixed).count(),
        }
    }

    /// Whether the attribute is one of items, not of units (an emotion, a topic): most units of several items, of which there
    /// must be five, carry more than one level. Else it is one of units, and what does not agree is a contradiction.
    pub fn by_design(self) -> bool {
        self.several >= 5 && 2 * self.mixed > self.several
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_and_units_are_counted_by_their_names() {
        for (word, many) in [
            ("clip", "clips"),
            ("story", "stories"),
            ("day", "days"),
            ("class", "classes"),
            ("sketch", "sketches"),
        ] {
            assert_eq!(counted(2, word), format!("2 {many}"));
            assert_eq!(counted(1, word), format!("1 {word}"));
        }
    }

    #[test]
    fn words_follow_the_data_set() {
        let pictures = Nouns {
            item: "picture".into(),
            unit: "picture".into(),
        };
        let stories = Nouns {
            item: "story".into(),
            unit: "speaker".into(),
        };
        for (nouns, counts, said) in [
            (
                Nouns::default(),
                "2 clips of 1 subject",
                "Clips of a subject, by clip; eclipse 3",
            ),
            (
                pictures,
                "2 pictures",
                "Pictures of a picture, by picture; eclipse 3",
            ),
            (
                stories,
                "2 stories of 1 speaker",
                "Stories of a speaker, by story; eclipse 3",
            ),
        ] {
            assert_eq!(nouns.counts(2, 1, |n| n.to_string()), counts);
            assert_eq!(nouns.say("Clips of a subject, by clip; eclipse 3"), said);
        }
    }

    #[test]
    fn an_attribute_is_one_of_items_where_most_units_carry_several_levels() {
        // five units of two items, and one of a single item that has nothing to agree on
        let unit = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5];
        let few = WithinUnits::of(&unit, &[0, 1, 0, 1, 2, 2, 1, 1, 0, 0, 1]);
        assert_eq!((few.several, few.mixed, few.by_design()), (5, 2, false));
        let most = WithinUnits::of(&unit, &[0, 1, 0, 1, 2, 0, 1, 1, 0, 0, 1]);
        assert_eq!((most.several, most.mixed, most.by_design()), (5, 3, true));
        // too few to tell a design from a mistake
        assert!(!WithinUnits::of(&unit[..8], &[0, 1, 0, 1, 2, 0, 1, 0]).by_design());
    }
}
