//! Videos of clips: what they hold, and what is seen of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use cohort_audio::{AudioError, Decoded, decode_warned};
use cohort_data::MediaKind;
use cohort_video::{Ffmpeg, Frame, FrameSettings, VideoInfo};
use cohort_vision::Picture;
use rayon::prelude::*;
use serde::Serialize;

use super::clip_media::ClipMedia;
use crate::error::PipelineError;
use crate::watch::Watch;

/// What a network is shown of a video's frames.
pub(crate) struct Looked {
    /// What of each frame it sees, in its size.
    pub(crate) parts: Vec<Picture>,
    /// Which of the frames these are of.
    pub(crate) frames: Vec<usize>,
    /// How much each counts: at least 0, one of them above.
    pub(crate) weights: Vec<f64>,
    pub(crate) what: VideoSeen,
}

/// What was seen of a video.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VideoSeen {
    /// Frames that were looked at.
    pub frames: usize,
    /// Those that the main face is in, whose mean the answer rests on; absent where faces are not searched for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with_main_face: Option<usize>,
    /// Other faces that are in two frames or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_faces: Option<usize>,
    /// Seconds of the first and of the last frame that the answer rests on.
    pub seconds: [f64; 2],
}

/// The videos of some clips whose pictures are wanted.
pub(crate) struct Videos {
    /// None where there is no program that reads them, or no video.
    reader: Option<Ffmpeg>,
    infos: HashMap<String, (PathBuf, VideoInfo)>,
}

impl Videos {
    /// Looks into the videos of clips without pictures; gives the clips without what their videos do not hold. Without a program
    /// that reads videos their sound alone is left, which is said. A file that cannot be read stays as it is, for whoever reads it
    /// to tell.
    ///
    /// # Errors
    /// [`PipelineError::Stopped`].
    pub(crate) fn open(
        clips: &[ClipMedia],
        watch: &dyn Watch,
    ) -> Result<(Vec<ClipMedia>, Self), PipelineError> {
        let mut clips = clips.to_vec();
        let mut found = Self {
            reader: None,
            infos: HashMap::new(),
        };
        let wanted = |clip: &ClipMedia| {
            clip.media.has(MediaKind::Video) && !clip.media.has(MediaKind::Picture)
        };
        let count = clips.iter().filter(|clip| wanted(clip)).count();
        if count == 0 {
            return Ok((clips, found));
        }
        let reader = match Ffmpeg::find() {
            Ok(reader) => reader,
            Err(error) => {
                watch.say(&format!(
                    "warning: of {count} videos the sound alone is used: {error}"
                ));
                return Ok((clips, found));
            }
        };
        watch.say(&format!("{count} videos are read by {}", reader.version()));
        let infos: Vec<Option<(PathBuf, VideoInfo)>> = clips
            .par_iter()
            .map(|clip| {
                let file = clip.media.file(MediaKind::Video).filter(|_| wanted(clip))?;
                let info = reader.probe(file).ok().filter(|_| !watch.stopped())?;
                Some((file.to_path_buf(), info))
            })
            .collect();
        if watch.stopped() {
            return Err(PipelineError::Stopped);
        }
        for (clip, info) in clips.iter_mut().zip(infos) {
            let Some((file, info)) = info else {
                continue;
            };
            let heard = clip.media.file(MediaKind::Sound) == Some(&*file);
            if info.sound.is_none() && heard {
                clip.media.remove(MediaKind::Sound);
            }
            if info.pictures.is_none() {
                clip.media.remove(MediaKind::Video);
            } else {
                found.infos.insert(clip.clip.clone(), (file, info));
            }
        }
        found.reader = Some(reader);
        Ok((clips, found))
    }

    /// The frames of a clip's video; none where it has none whose pictures are wanted.
    ///
    /// # Errors
    /// A video of which no frame can be decoded; [`PipelineError::Stopped`].
    pub(crate) fn frames(
        &self,
        clip: &ClipMedia,
        settings: &FrameSettings,
        stop: &AtomicBool,
    ) -> Result<Option<Vec<Frame>>, PipelineError> {
        let (Some(reader), Some((file, info))) = (&self.reader, self.infos.get(&clip.clip)) else {
            return Ok(None);
        };
        let frames = reader.frames(file, info, settings, stop);
        let frames = frames.map_err(PipelineError::of_video);
        frames.map(Some).map_err(|error| error.of_clip(&clip.clip))
    }
}

/// Decodes a sound. The sound of a video that is in no format of ours is read by ffmpeg, where there is one, which is told.
///
/// # Errors
/// Those of [`cohort_audio::decode_warned`].
pub(crate) fn sound_of(file: &Path) -> Result<Decoded, AudioError> {
    decode_warned(file).or_else(|error| {
        let read = || {
            let reader = MediaKind::Video.is_of(file).then(Ffmpeg::find)?.ok()?;
            let info = reader.probe(file).ok()?;
            let sound = reader.sound(file, &info, &AtomicBool::new(false)).ok()?;
            let name = file.display();
            let codec = &info.sound.as_ref()?.codec;
            let told = format!(
                "{name}: its sound ({codec}) is read by {}",
                reader.version()
            );
            Some(Decoded {
                sound,
                warnings: vec![told],
            })
        };
        read().ok_or(error)
    })
}

/// Mean of rows of `width` values, weighted; without any weight all count alike.
pub(crate) fn pooled(rows: &[f32], width: usize, weights: &[f64]) -> Vec<f32> {
    let total: f64 = weights.iter().sum();
    let even = weights.len().max(1) as f64;
    let mut mean = vec![0.0f64; width];
    for (row, weight) in rows.chunks_exact(width).zip(weights) {
        let share = match total > 0.0 {
            true => weight / total,
            false => 1.0 / even,
        };
        for (mean, value) in mean.iter_mut().zip(row) {
            *mean += share * f64::from(*value);
        }
    }
    mean.into_iter().map(|value| value as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_pooled_by_weight() {
        let rows = [1.0, 2.0, 5.0, 10.0];
        assert_eq!(pooled(&rows, 2, &[3.0, 1.0]), [2.0, 4.0]);
        assert_eq!(pooled(&rows, 2, &[0.0, 0.0]), [3.0, 6.0]);
    }
}
