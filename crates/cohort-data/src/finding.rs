//! What can be wrong with a data set.

use serde::{Deserialize, Serialize};

use crate::folder::Unused;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Results would be wrong or the data cannot be used.
    Error,
    /// Results may be worse than they look; a person should decide.
    Warning,
    /// Worth knowing, nothing to repair.
    Note,
}

impl Severity {
    /// `error`, `warning` or `note`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident => ($name:literal, $severity:ident),)+) => {
        /// What is the matter. The name in JSON is the one of [`Kind::name`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Kind {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $variant,)+
        }

        impl Kind {
            /// All kinds, in the order in which reports list them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Name in reports, e.g. `clip-in-two-splits`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// Severity of such a finding.
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity),+ }
            }
        }
    };
}

kinds! {
    /// A label table, or the transcript table, that cannot be read.
    UnreadableTable => ("unreadable-table", Error),
    /// A split of the schema has no label table.
    MissingTable => ("missing-table", Note),
    /// How the data set was read: its layout, its columns, splits that were made.
    Reading => ("reading", Note),
    /// An annotation of nothing: of a picture or category that is not there, or a box of other than four numbers.
    BadAnnotation => ("bad-annotation", Error),
    /// A box without an area or out of its picture, a caption without a word.
    OddAnnotation => ("odd-annotation", Warning),
    /// A caption's id that another caption of the split has: the first is kept.
    CaptionIdAgain => ("caption-id-again", Error),
    /// A class of a later split that no item to learn from has.
    ClassWithoutTraining => ("class-without-training", Warning),
    /// A table that is written otherwise than with commas in UTF-8, and how it was read.
    TableFormat => ("table-format", Note),
    /// A column that the schema names is not in a label table.
    MissingColumn => ("missing-column", Error),
    /// A row of another width than the header, not in UTF-8, or with an oversized field.
    BadRow => ("bad-row", Error),
    /// A row without a clip name or subject.
    EmptyField => ("empty-field", Error),
    /// A code that the schema does not know.
    UnknownLabel => ("unknown-label", Error),
    /// A clip that occurs twice in a table.
    DuplicateClip => ("duplicate-clip", Error),
    /// A clip that is in two splits.
    ClipInTwoSplits => ("clip-in-two-splits", Error),
    /// A subject that is in two splits.
    SubjectInTwoSplits => ("subject-in-two-splits", Error),
    /// Subjects or clips whose ids differ in letter case, inner white space or leading zeros only: kept apart, though they may be one.
    IdsByCase => ("ids-differ-by-case-only", Warning),
    /// Subjects in several spellings that differ in nothing visible, which were taken for one.
    RespeltIds => ("ids-in-several-spellings", Note),
    /// An attribute that differs within most subjects of several clips, and so is one of clips.
    VariesWithinUnits => ("varies-within-units", Note),
    /// A subject whose clips carry different levels of one attribute.
    ContradictingLabels => ("contradicting-labels", Warning),
    /// No clip at all has this modality.
    NoMedia => ("no-media", Note),
    /// A media folder that cannot be listed.
    UnreadableFolder => ("unreadable-folder", Error),
    /// Media in a folder that disagrees with the clip's label or split.
    WrongFolder => ("wrong-folder", Error),
    /// A clip without a file of a modality that other clips have.
    MissingMedia => ("missing-media", Error),
    /// Media files or transcripts that belong to no clip of the label tables.
    UnlabelledMedia => ("unlabelled-media", Note),
    /// Files in a media folder that are of no use: of other kinds, hidden ones, those of a clip that has a more wanted one.
    UnusedFiles => ("unused-files", Note),
    /// A media file that is not quite as it should be and was read whole.
    OddMedia => ("odd-media", Note),
    /// A media file that cannot be decoded or used: truncated, empty, of another format or sample rate.
    UndecodableMedia => ("undecodable-media", Error),
    /// A picture of one flat colour.
    BlankImage => ("blank-image", Warning),
    /// A sound in which all samples are the same.
    SilentAudio => ("silent-audio", Warning),
    /// A sound that was read otherwise than its header has it, as a wrong length.
    RepairedAudio => ("repaired-audio", Warning),
    /// A transcript without a word.
    EmptyTranscript => ("empty-transcript", Warning),
    /// The same pixels in two splits.
    IdenticalImageAcrossSplits => ("identical-image-across-splits", Error),
    /// Nearly the same picture in two splits, by perceptual hash and correlation.
    SimilarImageAcrossSplits => ("similar-image-across-splits", Warning),
    /// The same pixels for two clips of one split.
    IdenticalImage => ("identical-image", Warning),
    /// The same samples in two splits.
    IdenticalAudioAcrossSplits => ("identical-audio-across-splits", Error),
    /// The same samples for two clips of one split.
    IdenticalAudio => ("identical-audio", Warning),
}

impl Kind {
    /// Whether something of the test split can be known from training, so that results are better than they should be.
    pub fn is_leak(self) -> bool {
        matches!(
            self,
            Self::ClipInTwoSplits
                | Self::SubjectInTwoSplits
                | Self::IdenticalImageAcrossSplits
                | Self::IdenticalAudioAcrossSplits
        )
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is; given by [`Finding::kind`].
    pub severity: Severity,
    /// What it is.
    pub kind: Kind,
    /// Split that it is in, when it is in one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub split: Option<String>,
    /// Clip id.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub clip: Option<String>,
    /// Subject, for findings about subjects.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
    /// 1-based line of the label table (the header is line 1).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub row: Option<u64>,
    /// File or folder, relative to the root.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file: Option<String>,
    /// The other clip of a pair, as `split/clip`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub other: Option<String>,
    /// What was expected and what was found, in words.
    pub message: String,
}

impl Finding {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            severity: kind.severity(),
            kind,
            split: None,
            clip: None,
            subject: None,
            row: None,
            file: None,
            other: None,
            message: message.into(),
        }
    }

    /// One about a file.
    pub(crate) fn of_file(
        kind: Kind,
        split: Option<&str>,
        file: &str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            split: split.map(String::from),
            file: Some(file.to_string()),
            ..Self::new(kind, message)
        }
    }

    /// Files of a folder that are of no use.
    pub(crate) fn unused(folder: &str, unused: &Unused) -> Self {
        let message = format!("not used: {unused}");
        Self::of_file(Kind::UnusedFiles, None, folder, message)
    }
}
