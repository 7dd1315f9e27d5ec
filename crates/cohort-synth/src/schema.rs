//! Codes of the First Impressions v3 label tables and the age scale.
//!
//! Ages are compared by their logarithm: the seven groups are then about equally wide (0.3), and
//! an error of so many per cent means the same for a child and for a pensioner.

use serde::{Deserialize, Serialize};

/// Number of apparent age groups.
pub(crate) const GROUPS: usize = 7;

/// Names of the age groups, code 1 first.
pub(crate) const GROUP_NAMES: [&str; GROUPS] =
    ["7-13", "14-18", "19-24", "25-32", "33-45", "46-60", "61+"];

/// Upper bounds of all groups but the last, in years.
pub(crate) const GROUP_EDGES: [f64; GROUPS - 1] = [13.5, 18.5, 24.5, 32.5, 45.5, 60.5];

/// Index (code - 1) of the group that holds `age` years.
pub(crate) fn group_of(age: f64) -> usize {
    GROUP_EDGES.iter().filter(|edge| age >= **edge).count()
}

/// Position of an age between 7 years (0) and 80 years (1) on the logarithmic scale, clamped to
/// `[-0.08, 1.05]`: every age cue is a function of this number.
pub(crate) fn maturity(age: f64) -> f64 {
    const LOW: f64 = 1.945_910_149_055_313_2; // ln 7
    const HIGH: f64 = 4.382_026_634_673_881; // ln 80
    ((libm::log(age.max(1.0)) - LOW) / (HIGH - LOW)).clamp(-0.08, 1.05)
}

/// Gender code of the label tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Gender {
    Male = 1,
    Female = 2,
}

/// Ethnicity code of the label tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ethnicity {
    Asian = 1,
    Caucasian = 2,
    AfricanAmerican = 3,
}

/// Part of the corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Split {
    Train = 0,
    Valid = 1,
    Test = 2,
}

impl Split {
    pub(crate) const ALL: [Split; 3] = [Split::Train, Split::Valid, Split::Test];

    /// Folder name and prefix of the label table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Valid => "valid",
            Split::Test => "test",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_fall_into_their_groups() {
        for (age, group) in [
            (7.0, 0),
            (13.4, 0),
            (14.0, 1),
            (18.4, 1),
            (19.0, 2),
            (25.0, 3),
            (32.4, 3),
            (33.0, 4),
            (46.0, 5),
            (61.0, 6),
            (90.0, 6),
        ] {
            assert_eq!(group_of(age), group, "{age}");
        }
    }

    #[test]
    fn maturity_spans_zero_to_one() {
        assert!(maturity(7.0).abs() < 1e-12);
        assert!((maturity(80.0) - 1.0).abs() < 1e-12);
        // The geometric mean lies half way.
        assert!((maturity((7.0f64 * 80.0).sqrt()) - 0.5).abs() < 1e-12);
        assert_eq!(maturity(-3.0), -0.08);
    }
}
