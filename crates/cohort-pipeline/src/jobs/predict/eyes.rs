//! What a run's models see of clips, whatever of them cannot be read.

use std::collections::BTreeMap;

use cohort_video::FrameSettings;

use super::answers::FailedMedium;
use crate::branches::{Branch, ClipMedia, Content, DecodedMedia, Looked, VideoSeen, Videos};
use crate::error::PipelineError;
use crate::modality::Modality;
use crate::models::{Predictor, Seen};
use crate::watch::Watch;

/// What the models look with, and what was met on the way.
pub(super) struct Eyes<'a> {
    pub(super) predictor: &'a Predictor,
    pub(super) videos: Videos,
    pub(super) frames: FrameSettings,
    pub(super) watch: &'a dyn Watch,
    pub(super) failed: Vec<FailedMedium>,
    pub(super) warnings: Vec<String>,
    pub(super) seen: BTreeMap<String, VideoSeen>,
    pub(super) flags: BTreeMap<String, Vec<&'static str>>,
}

impl Eyes<'_> {
    /// What a model sees of some clips; what cannot be read is listed.
    pub(super) fn see(
        &mut self,
        branch: &dyn Branch,
        clips: &[ClipMedia],
    ) -> Result<Seen, PipelineError> {
        let mut seen = match self.plainly(branch, clips) {
            // one is at fault: which, and what of the others
            Err(PipelineError::Clip { .. }) => {
                let mut seen = self.plainly(branch, &[])?;
                for clip in clips {
                    match self.plainly(branch, std::slice::from_ref(clip)) {
                        Ok(one) => seen = seen.and(one),
                        Err(error) => self.fail(branch, error)?,
                    }
                }
                seen
            }
            seen => seen?,
        };
        for clip in clips {
            match self.through_video(branch, clip) {
                Ok(None) => {}
                Ok(Some(one)) => seen = seen.and(one),
                Err(error) => self.fail(branch, error)?,
            }
        }
        Ok(seen)
    }

    fn plainly(&mut self, branch: &dyn Branch, clips: &[ClipMedia]) -> Result<Seen, PipelineError> {
        let mut warnings = Vec::new();
        let media = branch.decode(clips, &mut warnings)?;
        let seen = self.predictor.see(branch.modality(), &media)?;
        self.warnings.extend(warnings);
        for (clip, flags) in media.clips.iter().zip(branch.flags(&media)) {
            self.flag(clip, flags);
        }
        Ok(seen)
    }

    /// What a model of pictures sees of a clip's video.
    fn through_video(
        &mut self,
        branch: &dyn Branch,
        clip: &ClipMedia,
    ) -> Result<Option<Seen>, PipelineError> {
        if branch.modality() != Modality::Image {
            return Ok(None);
        }
        let frames = self.videos.frames(clip, &self.frames, self.watch.stop())?;
        let looked = match frames {
            Some(frames) => branch.look(&frames)?,
            None => None,
        };
        let Some(Looked {
            parts,
            weights,
            what,
            ..
        }) = looked
        else {
            return Ok(None);
        };
        let media = DecodedMedia {
            clips: vec![clip.clip.clone(); parts.len()],
            content: Content::Parts(parts),
        };
        let seen = self.predictor.see(branch.modality(), &media)?;
        self.flag(&clip.clip, of_most(&branch.flags(&media)));
        if what.with_main_face == Some(0) {
            self.flag(&clip.clip, vec!["no face"]);
        }
        if what.other_faces.is_some_and(|others| others > 0) {
            self.flag(&clip.clip, vec!["several faces"]);
        }
        self.seen.insert(clip.clip.clone(), what);
        Ok(Some(seen.pooled(&clip.clip, &weights)))
    }

    fn flag(&mut self, clip: &str, flags: Vec<&'static str>) {
        if !flags.is_empty() {
            self.flags
                .entry(clip.to_string())
                .or_default()
                .extend(flags);
        }
    }

    /// Lists a clip's medium that cannot be used; other errors are handed on.
    fn fail(&mut self, branch: &dyn Branch, error: PipelineError) -> Result<(), PipelineError> {
        match error {
            PipelineError::Clip { clip, source } => {
                self.failed.push(FailedMedium {
                    clip,
                    modality: branch.modality(),
                    reason: source.to_string(),
                });
                Ok(())
            }
            other => Err(other),
        }
    }
}

/// Flags that more than half of a video's frames have, in the order in which they are first met.
fn of_most(flags: &[Vec<&'static str>]) -> Vec<&'static str> {
    let mut all: Vec<&str> = Vec::new();
    for flag in flags.iter().flatten() {
        if !all.contains(flag) {
            all.push(flag);
        }
    }
    let of_most =
        |flag: &&str| 2 * flags.iter().filter(|own| own.contains(flag)).count() > flags.len();
    all.into_iter().filter(of_most).collect()
}
