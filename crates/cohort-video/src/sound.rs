//! The sound of a video.

use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use cohort_audio::{MAX_SAMPLES, Sound};

use crate::program::{Running, input};
use crate::{Ffmpeg, VideoError, VideoInfo};

impl Ffmpeg {
    /// The first stream of sound at its own rate, the mean of its channels, on the clock of the frames: one that begins late has
    /// silence before it, and holes are silence.
    ///
    /// # Errors
    /// [`VideoError::Media`] for a file without sound, of which nothing can be decoded, or with more than
    /// [`cohort_audio::MAX_SAMPLES`]; [`VideoError::Stopped`].
    pub fn sound(
        &self,
        path: &Path,
        info: &VideoInfo,
        stop: &AtomicBool,
    ) -> Result<Sound, VideoError> {
        let Some(stream) = &info.sound else {
            return Err(VideoError::media(path, "sound", "none"));
        };
        let mut command = Command::new(&self.ffmpeg);
        command
            .args([
                "-nostdin",
                "-hide_banner",
                "-loglevel",
                "repeat+level+error",
                "-nostats",
            ])
            .args(input(path))
            .args(["-map", "0:a:0", "-vn", "-sn", "-dn"])
            .args(["-af", "aresample=async=1:first_pts=0"])
            .args(["-ar", &stream.sample_rate.to_string()])
            .args(["-ac", &stream.channels.to_string()])
            .args(["-f", "f32le", "pipe:1"]);
        let (running, output, _) = Running::start(command, path, |_| None::<()>)?;
        let mut output = std::io::BufReader::with_capacity(1 << 16, output);
        let mut samples = Vec::new();
        let mut instant = vec![0; 4 * stream.channels];
        loop {
            if samples.len() % 65_536 == 0 && stop.load(Ordering::Relaxed) {
                return Err(VideoError::Stopped);
            }
            match output.read_exact(&mut instant) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(VideoError::pipe(path, error)),
            }
            if samples.len() as u64 >= MAX_SAMPLES {
                let expected = format!("at most {MAX_SAMPLES} samples");
                return Err(VideoError::media(path, expected, "more"));
            }
            let channels = instant.chunks_exact(4);
            let sum: f32 = channels
                .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
                .sum();
            samples.push(sum / stream.channels as f32);
        }
        let told = running.end(path)?;
        if samples.is_empty() {
            let found = told.unwrap_or_else(|| "none".to_string());
            return Err(VideoError::media(path, "sound that can be decoded", found));
        }
        Ok(Sound {
            samples,
            sample_rate: stream.sample_rate,
        })
    }
}
