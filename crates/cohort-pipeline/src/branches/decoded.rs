//! Decoded media of clips.

use cohort_audio::Sound;
use cohort_data::Media;
use cohort_vision::Picture;
use rayon::prelude::*;

use super::clip_media::ClipMedia;
use crate::error::PipelineError;

/// Decoded media of one kind, with their clips in the same order.
pub(crate) struct DecodedMedia {
    pub(crate) clips: Vec<String>,
    pub(crate) content: Content,
}

/// What was decoded.
pub(crate) enum Content {
    Pictures(Vec<Picture>),
    /// What a network sees of pictures, cut out already, in its size.
    Parts(Vec<Picture>),
    Sounds(Vec<Sound>),
    Texts(Vec<String>),
}

impl DecodedMedia {
    /// Decodes what `find` finds of each clip; clips of which it finds nothing are passed over.
    ///
    /// # Errors
    /// The first medium that cannot be read, named by its clip.
    pub(crate) fn decode<M: Sync + ?Sized, T: Send>(
        clips: &[ClipMedia],
        find: impl Fn(&Media) -> Option<&M> + Sync,
        decode: impl Fn(&M) -> Result<T, PipelineError> + Sync,
        content: impl FnOnce(Vec<T>) -> Content,
    ) -> Result<Self, PipelineError> {
        let decoded: Result<Vec<(String, T)>, PipelineError> = clips
            .par_iter()
            .filter_map(|clip| Some((clip, find(&clip.media)?)))
            .map(|(clip, medium)| {
                let decoded = decode(medium).map_err(|error| error.of_clip(&clip.clip))?;
                Ok((clip.clip.clone(), decoded))
            })
            .collect();
        let (clips, media) = decoded?.into_iter().unzip();
        Ok(Self {
            clips,
            content: content(media),
        })
    }
}
