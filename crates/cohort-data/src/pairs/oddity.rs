//! What is odd about a source of pairs, counted.

use std::fmt;

use cohort_tables::counted;
use serde::{Deserialize, Serialize};

/// What is odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OddityKind {
    /// A row of a table, or a line, that cannot be used; left out.
    UnreadableRow,
    /// A caption of no picture of the source; left out.
    CaptionWithoutPicture,
    /// A caption without a word; left out.
    EmptyCaption,
    /// An id that an earlier caption has with another text or picture; left out.
    CaptionIdAgain,
    /// An id that a caption of another split has: this one is called `SPLIT/ID`; kept.
    CaptionIdOfAnotherSplit,
    /// A caption that was read already: the same id, picture and words; left out.
    CaptionAgain,
    /// A picture without a caption; kept.
    PictureWithoutCaption,
    /// A picture without a file; kept.
    MissingFile,
    /// A picture under a second name or id; the two are one.
    SamePicture,
    /// A caption that its picture has already, word for word; kept.
    SameCaption,
    /// A caption that another picture has too, word for word: nothing tells the two apart; kept.
    SharedCaption,
}

impl OddityKind {
    /// What one is called, and what became of it.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::UnreadableRow => ("row that cannot be used", "left out"),
            Self::CaptionWithoutPicture => ("caption without a picture", "left out"),
            Self::EmptyCaption => ("caption without a word", "left out"),
            Self::CaptionIdAgain => ("caption with an id that another has", "left out"),
            Self::CaptionIdOfAnotherSplit => {
                ("caption with an id of another split", "called by its split")
            }
            Self::CaptionAgain => ("caption that was read already", "left out"),
            Self::PictureWithoutCaption => ("picture without a caption", "kept"),
            Self::MissingFile => ("picture without a file", "kept"),
            Self::SamePicture => ("picture under a second name or id", "taken for one"),
            Self::SameCaption => ("caption twice at its picture", "kept"),
            Self::SharedCaption => ("caption that another picture has too", "kept"),
        }
    }
}

/// Something odd: how often, and the first case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Oddity {
    /// What it is.
    pub kind: OddityKind,
    /// How often.
    pub count: usize,
    /// The first, where it stands and what it says.
    pub first: String,
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, fate) = self.kind.words();
        let what = match (self.count, word.split_once(' ')) {
            (1, _) | (_, None) => counted(self.count, word),
            (n, Some((noun, rest))) => format!("{} {rest}", counted(n, noun)),
        };
        write!(f, "{what}, {fate}; the first: {}", self.first)
    }
}

/// Counts what is odd.
#[derive(Debug, Default)]
pub(super) struct Oddities(Vec<Oddity>);

impl Oddities {
    pub(super) fn add(&mut self, kind: OddityKind, case: impl FnOnce() -> String) {
        match self.0.iter_mut().find(|odd| odd.kind == kind) {
            Some(odd) => odd.count += 1,
            None => self.0.push(Oddity {
                kind,
                count: 1,
                first: case(),
            }),
        }
    }

    /// In the order of their kinds.
    pub(super) fn sorted(mut self) -> Vec<Oddity> {
        self.0.sort_by_key(|odd| odd.kind);
        self.0
    }
}
