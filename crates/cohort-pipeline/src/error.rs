//! What can end a stage.

use std::path::PathBuf;

/// A stage that could not be done. Messages of the crates below come through unchanged; they name file, row,
/// what was expected and what was found.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// Data set: label tables, schema, transcripts.
    #[error(transparent)]
    Data(#[from] cohort_data::DataError),
    /// Sound.
    #[error(transparent)]
    Audio(#[from] cohort_audio::AudioError),
    /// Picture.
    #[error(transparent)]
    Vision(#[from] cohort_vision::VisionError),
    /// Video.
    #[error(transparent)]
    Video(cohort_video::VideoError),
    /// Text settings.
    #[error(transparent)]
    Text(cohort_text::TextError),
    /// Tables.
    #[error(transparent)]
    Tables(#[from] cohort_tables::TableError),
    /// Networks and their weights.
    #[error(transparent)]
    Network(#[from] cohort_nn::NnError),
    /// Files of weights.
    #[error(transparent)]
    Weights(#[from] cohort_weights::WeightsError),
    /// Files of a hub.
    #[error(transparent)]
    Hub(#[from] cohort_hub::HubError),
    /// Training.
    #[error(transparent)]
    Train(#[from] cohort_train::TrainError),
    /// Fusion and ablation.
    #[error(transparent)]
    Fusion(#[from] cohort_fusion::FusionError),
    /// Metrics and audit.
    #[error(transparent)]
    Eval(#[from] cohort_eval::EvalError),
    /// Report.
    #[error(transparent)]
    Report(#[from] cohort_report::ReportError),
    /// JSON that a stage wrote or reads.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Configuration.
    #[error("{}: {message}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Place, expected and found.
        message: String,
    },
    /// A setting out of its range.
    #[error("setting {name}: expected {expected}, found {found}")]
    Setting {
        /// Name in the configuration.
        name: &'static str,
        /// Its range.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// A file that could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Media {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A folder or file that could not be made.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A clip's media could not be used.
    #[error("clip {clip}: {source} (--skip-bad leaves such clips out and lists them)")]
    Clip {
        /// Clip id.
        clip: String,
        /// What was wrong.
        source: Box<PipelineError>,
    },
    /// A feature that is no number.
    #[error("clip {clip}: {modality} feature {column}: expected a finite number, found none")]
    NotFinite {
        /// Clip id.
        clip: String,
        /// `audio` or `text`.
        modality: &'static str,
        /// Component of the vector.
        column: String,
    },
    /// The data set cannot be used for this.
    #[error("{}: expected {expected}, found {found}", path.display())]
    Unusable {
        /// The data set or run folder.
        path: PathBuf,
        /// What is needed.
        expected: String,
        /// What there is.
        found: String,
    },
    /// Words for an encoder that has none.
    #[error(
        "words: expected an encoder that reads them (a CLIP, or a text encoder), found {encoder}, which sees pictures alone"
    )]
    Words {
        /// The encoder.
        encoder: String,
    },
    /// Vectors that cannot be computed with.
    #[error(transparent)]
    Search(cohort_search::SearchError),
    /// Pictures for an encoder that reads words alone.
    #[error("pictures: expected an encoder of pictures, found {encoder}, which reads words alone")]
    Pictures {
        /// The encoder.
        encoder: String,
    },
    /// A document that the program wrote and something else changed.
    #[error("{}: expected the document as it was written, found other bytes (its checksum does not fit): the file is damaged; restore it, or remove it and call the command that made it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// Ctrl-C.
    #[error(
        "stopped; what is done is kept, and the same call (with --resume where the command has it) goes on from there"
    )]
    Stopped,
}

impl From<cohort_text::TextError> for PipelineError {
    fn from(error: cohort_text::TextError) -> Self {
        match error {
            cohort_text::TextError::Stopped => Self::Stopped,
            error => Self::Text(error),
        }
    }
}

impl PipelineError {
    /// Whether one clip's media are at fault, so that the clip can be left out.
    pub(crate) fn is_bad_clip(&self) -> bool {
        matches!(
            self,
            Self::Data(_)
                | Self::Audio(_)
                | Self::Vision(_)
                | Self::Video(_)
                | Self::Media { .. }
                | Self::NotFinite { .. }
        )
    }

    /// An error of reading a video.
    pub(crate) fn of_video(error: cohort_video::VideoError) -> Self {
        match error {
            cohort_video::VideoError::Stopped => Self::Stopped,
            error => Self::Video(error),
        }
    }

    /// An error of a training or of a trained network at work.
    pub(crate) fn of_training(error: cohort_train::TrainError) -> Self {
        match error {
            cohort_train::TrainError::Interrupted { .. } => Self::Stopped,
            error => error.into(),
        }
    }

    /// An error of a search's arithmetic.
    pub(crate) fn of_search(error: cohort_search::SearchError) -> Self {
        match error {
            cohort_search::SearchError::Stopped => Self::Stopped,
            error => Self::Search(error),
        }
    }

    /// The error without the name of its clip, for whoever names it.
    pub(crate) fn unnamed(self) -> Self {
        match self {
            Self::Clip { source, .. } => *source,
            other => other,
        }
    }

    /// The error with the clip named, when its media are at fault.
    pub(crate) fn of_clip(self, clip: &str) -> Self {
        if self.is_bad_clip() {
            Self::Clip {
                clip: clip.to_string(),
                source: Box::new(self),
            }
        } else {
            self
        }
    }
}
