//! The containers that a library reads.

use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::core::io::MediaSourceStream;
use symphonia::default::formats as readers;

/// The container, by the content of the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Adts,
    Aiff,
    Caf,
    Flac,
    Matroska,
    Mp4,
    Mpeg,
    Ogg,
    /// With samples that are not stored one by one.
    Wav,
}

impl Kind {
    /// As people name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Adts => "AAC (ADTS)",
            Self::Aiff => "AIFF",
            Self::Caf => "CAF",
            Self::Flac => "FLAC",
            Self::Matroska => "Matroska or WebM",
            Self::Mp4 => "MP4",
            Self::Mpeg => "MPEG audio",
            Self::Ogg => "Ogg",
            Self::Wav => "WAV",
        }
    }

    /// Opens the container by its own reader, so that nothing is taken for another.
    pub(super) fn open(
        self,
        file: MediaSourceStream<'static>,
    ) -> Result<Box<dyn FormatReader>, Error> {
        let options = FormatOptions::default();
        Ok(match self {
            Self::Adts => Box::new(readers::AdtsReader::try_new(file, options)?),
            Self::Aiff => Box::new(readers::AiffReader::try_new(file, options)?),
            Self::Caf => Box::new(readers::CafReader::try_new(file, options)?),
            Self::Flac => Box::new(readers::FlacReader::try_new(file, options)?),
            Self::Matroska => Box::new(readers::MkvReader::try_new(file, options)?),
            Self::Mp4 => Box::new(readers::IsoMp4Reader::try_new(file, options)?),
            Self::Mpeg => Box::new(readers::MpaReader::try_new(file, options)?),
            Self::Ogg => Box::new(readers::OggReader::try_new(file, options)?),
            Self::Wav => Box::new(readers::WavReader::try_new(file, options)?),
        })
    }
}
