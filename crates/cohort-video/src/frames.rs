//! Frames at times.

use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use cohort_vision::Picture;

use crate::program::{Running, input};
use crate::{Ffmpeg, VideoError, VideoInfo};

/// Which frames of a video are taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameSettings {
    /// Seconds between frames at least; 0 takes every frame. Default 0.5.
    pub every: f64,
    /// Frames at most: of a longer video they lie further apart. Default 24.
    pub most: usize,
    /// Pixels of the longer side at most; larger frames are made smaller. Default 1280.
    pub longest_side: usize,
}

impl Default for FrameSettings {
    fn default() -> Self {
        Self {
            every: 0.5,
            most: 24,
            longest_side: 1280,
        }
    }
}

/// A picture of a video.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// When it is shown, in seconds from the beginning of the file, on the clock of [`Ffmpeg::sound`].
    pub seconds: f64,
    /// What is shown, upright.
    pub picture: Picture,
}

impl Ffmpeg {
    /// The first frame, and then each first one that is shown `every` seconds or more after the last; `every` is raised where the
    /// stated length would give more than `most`. A file that ends too early gives the frames that it has.
    ///
    /// # Errors
    /// [`VideoError::Media`] for a file without moving pictures or of which not one can be decoded; [`VideoError::Stopped`].
    pub fn frames(
        &self,
        path: &Path,
        info: &VideoInfo,
        settings: &FrameSettings,
        stop: &AtomicBool,
    ) -> Result<Vec<Frame>, VideoError> {
        let Some(stream) = &info.pictures else {
            return Err(VideoError::media(path, "moving pictures", "none"));
        };
        let [width, height] = bounded(stream.size, settings.longest_side);
        let every = match info.seconds {
            Some(seconds) => settings.every.max(seconds / settings.most.max(1) as f64),
            None => settings.every,
        };
        // a time stamp is a rounded one
        let apart = (every - 1e-4).max(0.0);
        let filters = format!(
            "select='isnan(prev_selected_t)+gte(t-prev_selected_t,{apart:.6})',scale={width}:{height}:flags=bicubic,format=rgb24,showinfo=checksum=0"
        );
        let mut command = Command::new(&self.ffmpeg);
        command
            .args([
                "-nostdin",
                "-hide_banner",
                "-loglevel",
                "repeat+level+info",
                "-nostats",
            ])
            .args(input(path))
            .args(["-map", "0:V:0", "-an", "-sn", "-dn"])
            .args(self.passing())
            .args(["-vf", &filters])
            .args(["-frames:v", &settings.most.max(1).to_string()])
            .args(["-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]);
        let (running, mut pixels, times) = Running::start(command, path, time_of)?;
        let mut frames = Vec::new();
        let mut bytes = vec![0; width * height * 3];
        loop {
            if stop.load(Ordering::Relaxed) {
                return Err(VideoError::Stopped);
            }
            match pixels.read_exact(&mut bytes) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(VideoError::pipe(path, error)),
            }
            let seconds = times.recv().map_err(|_| {
                VideoError::media(path, "a time for every frame", "a frame without one")
            })?;
            let picture = Picture::new(width, height, bytes.clone()).map_err(|error| {
                VideoError::media(path, "frames of one size", error.to_string())
            })?;
            frames.push(Frame { seconds, picture });
        }
        let told = running.end(path)?;
        if frames.is_empty() {
            let found = told.unwrap_or_else(|| "none".to_string());
            return Err(VideoError::media(path, "frames that can be decoded", found));
        }
        Ok(frames)
    }
}

/// A size with the longer side bounded; sides are 1 or more.
fn bounded(size: [usize; 2], longest: usize) -> [usize; 2] {
    let longer = size[0].max(size[1]).max(1);
    let longest = longest.max(1);
    if longer <= longest {
        return size;
    }
    size.map(|side| {
        (side as f64 * longest as f64 / longer as f64)
            .round()
            .max(1.0) as usize
    })
}

/// The time that a line of the filter `showinfo` tells of a frame.
fn time_of(line: &str) -> Option<f64> {
    let (_, rest) = line.split_once("pts_time:")?;
    let number = rest.split_whitespace().next()?;
    number.parse().ok()
}
