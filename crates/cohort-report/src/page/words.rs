//! What things are called on a page: items, units, classes and metrics, from the schema behind the documents.

use cohort_eval::{Audit, AuditSettings, Metric};
use cohort_tables::{Nouns, plural};

use crate::format;

/// The words of one page.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    pub(super) nouns: Nouns,
    /// Whether the classes are age groups.
    pub(super) ages: bool,
    /// What names metrics.
    pub(super) settings: AuditSettings,
}

impl Words {
    /// Those of documents without an audit.
    pub(super) fn new(nouns: Nouns) -> Self {
        Self {
            nouns,
            ..Self::default()
        }
    }

    pub(super) fn of(audit: &Audit) -> Self {
        Self {
            nouns: audit.settings.nouns.clone(),
            ages: audit.settings.is_about_ages(),
            settings: AuditSettings {
                scale: audit.settings.scale.clone(),
                ordered: audit.settings.ordered,
                ..AuditSettings::default()
            },
        }
    }

    /// A sentence of this program's own, written for clips and subjects, in the data set's words.
    pub(super) fn say(&self, sentence: &str) -> String {
        self.nouns.say(sentence)
    }

    /// The first sentence where items have units, the second where every item is one of its own.
    pub(super) fn either(&self, units: &str, items: &str) -> String {
        self.say(if self.has_units() { units } else { items })
    }

    /// Whether items belong to units.
    pub(super) fn has_units(&self) -> bool {
        !self.nouns.items_are_units()
    }

    pub(super) fn item(&self) -> &str {
        &self.nouns.item
    }

    pub(super) fn items(&self) -> String {
        self.nouns.items()
    }

    pub(super) fn unit(&self) -> &str {
        &self.nouns.unit
    }

    pub(super) fn units(&self) -> String {
        self.nouns.units()
    }

    /// `1,234 clips of 321 subjects`.
    pub(super) fn counts(&self, items: usize, units: usize) -> String {
        self.nouns.counts(items, units, count)
    }

    /// `1 clip`, `2 clips`.
    pub(super) fn count_items(&self, items: usize) -> String {
        counted(items, self.item())
    }

    /// Columns for numbers of items and, where there are some, of units.
    pub(super) fn count_columns(&self) -> Vec<String> {
        let units = self.has_units().then(|| self.units());
        std::iter::once(self.items()).chain(units).collect()
    }

    /// Cells for [`Words::count_columns`].
    pub(super) fn count_cells(&self, items: usize, units: usize) -> Vec<String> {
        let units = self.has_units().then(|| count(units));
        std::iter::once(count(items)).chain(units).collect()
    }

    /// Name of a metric.
    pub(super) fn title(&self, metric: Metric) -> String {
        self.settings.title(metric)
    }

    /// Name of a metric for a narrow column.
    pub(super) fn short(&self, metric: Metric) -> String {
        self.settings.short(metric)
    }

    /// [`Words::title`] of a metric that a document names; an unknown name becomes words.
    pub(super) fn title_of(&self, metric: &str) -> String {
        Metric::from_name(metric).map_or_else(|| words(metric), |metric| self.title(metric))
    }

    /// [`Words::short`] of a metric that a document names.
    pub(super) fn short_of(&self, metric: &str) -> String {
        Metric::from_name(metric).map_or_else(|| words(metric), |metric| self.short(metric))
    }
}

/// A count as a table shows it.
pub(super) fn count(count: usize) -> String {
    format::count(count as u64)
}

/// `1 epoch`, `2 epochs`.
pub(super) fn counted(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{} {}", count(number), plural(noun)),
    }
}

/// A number as a table shows it, where there is one.
pub(super) fn fixed(number: Option<f64>, decimals: usize) -> String {
    number.map_or_else(|| format::NONE.to_owned(), |v| format::fixed(v, decimals))
}

/// An identifier such as `balanced_accuracy` as words.
pub(super) fn words(identifier: &str) -> String {
    sentence_case(&identifier.replace(['_', '-'], " "))
}

/// Words with a capital at the front.
pub(super) fn sentence_case(words: &str) -> String {
    let mut chars = words.chars();
    chars
        .next()
        .map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A metric's name where it stands inside a sentence; abbreviations keep their capitals.
pub(super) fn inside(title: &str) -> String {
    let abbreviated = title.chars().nth(1).is_some_and(char::is_uppercase);
    match abbreviated {
        true => title.to_owned(),
        false => {
            let mut chars = title.chars();
            let first = chars.next();
            first.map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_people() {
        assert_eq!(words("balanced_accuracy"), "Balanced accuracy");
        assert_eq!(words(""), "");
        assert_eq!(counted(1, "epoch"), "1 epoch");
        assert_eq!(counted(1200, "story"), "1,200 stories");
        assert_eq!(listed(&["a", "b", "c"].map(String::from)), "a, b and c");
        assert_eq!(inside("Macro F1"), "macro F1");
        assert_eq!(inside("MAE"), "MAE");
    }

    #[test]
    fn units_are_spoken_of_only_where_there_are_some() {
        let pictures = Nouns {
            item: "picture".into(),
            unit: "picture".into(),
        };
        let words = Words::new(pictures);
        assert_eq!(words.counts(1200, 1200), "1,200 pictures");
        assert_eq!(words.count_columns(), ["pictures"]);
        assert_eq!(words.count_cells(3, 3), ["3"]);
        let words = Words::default();
        assert_eq!(words.counts(1200, 1), "1,200 clips of 1 subject");
        assert_eq!(words.count_cells(3, 2), ["3", "2"]);
    }
}
