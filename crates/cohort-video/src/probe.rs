//! What a video file holds.

use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::program::input;
use crate::{Ffmpeg, VideoError};

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoInfo {
    /// Length in seconds, where the file states one.
    pub seconds: Option<f64>,
    /// The first stream of moving pictures; a cover picture is none.
    pub pictures: Option<PictureStream>,
    /// The first stream of sound.
    pub sound: Option<SoundStream>,
}

/// A stream of moving pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureStream {
    /// Name of the codec, e.g. `h264`.
    pub codec: String,
    /// Width and height in pixels as they are to be shown: upright, with square pixels.
    pub size: [usize; 2],
    /// Mean number of frames a second, where it is stated.
    pub frames_a_second: Option<f64>,
}

/// A stream of sound.
#[derive(Debug, Clone, PartialEq)]
pub struct SoundStream {
    /// Name of the codec, e.g. `aac`.
    pub codec: String,
    /// Samples a second.
    pub sample_rate: u32,
    /// Number of channels.
    pub channels: usize,
}

#[derive(Deserialize)]
struct Probed {
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    format: Format,
}

#[derive(Deserialize, Default)]
struct Format {
    duration: Option<String>,
}

#[derive(Deserialize)]
struct Stream {
    codec_type: Option<String>,
    codec_name: Option<String>,
    width: Option<i64>,
    height: Option<i64>,
    sample_aspect_ratio: Option<String>,
    avg_frame_rate: Option<String>,
    sample_rate: Option<String>,
    channels: Option<i64>,
    #[serde(default)]
    tags: Tags,
    #[serde(default)]
    side_data_list: Vec<SideData>,
    #[serde(default)]
    disposition: Disposition,
}

#[derive(Deserialize, Default)]
struct Tags {
    rotate: Option<String>,
}

#[derive(Deserialize)]
struct SideData {
    rotation: Option<f64>,
}

#[derive(Deserialize, Default)]
struct Disposition {
    #[serde(default)]
    attached_pic: i64,
    #[serde(default)]
    timed_thumbnails: i64,
}

/// Longest side of a picture that is read.
const LONGEST: i64 = 16_384;

impl Ffmpeg {
    /// What a file holds.
    ///
    /// # Errors
    /// [`VideoError::Media`] for a file that is not there or no video that ffmpeg reads, or with pictures of impossible size.
    pub fn probe(&self, path: &Path) -> Result<VideoInfo, VideoError> {
        let expected = "a video (MP4, QuickTime, Matroska, WebM, AVI)";
        match std::fs::metadata(path) {
            Err(error) => return Err(VideoError::media(path, expected, error.to_string())),
            Ok(file) if !file.is_file() => {
                return Err(VideoError::media(path, expected, "no file"));
            }
            Ok(_) => {}
        }
        let output = Command::new(&self.ffprobe)
            .args(["-hide_banner", "-loglevel", "level+error"])
            .args(["-print_format", "json", "-show_streams", "-show_format"])
            .args(input(path))
            .stdin(Stdio::null())
            .output()
            .map_err(|error| VideoError::pipe(path, error))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            let last = text.lines().rev().find(|line| !line.trim().is_empty());
            let name = format!("file:{}: ", path.display());
            let found = last
                .unwrap_or("nothing that ffprobe reads")
                .replace(&name, "");
            let found = found.trim_start_matches("[error] ").to_string();
            return Err(VideoError::media(path, expected, found));
        }
        let probed: Probed = serde_json::from_slice(&output.stdout)
            .map_err(|error| VideoError::media(path, expected, error.to_string()))?;
        let of = |kind: &str| {
            let mut streams = probed.streams.iter();
            let wanted = kind.to_string();
            streams.find(move |stream| {
                let moving = stream.disposition.attached_pic == 0
                    && stream.disposition.timed_thumbnails == 0;
                stream.codec_type.as_ref() == Some(&wanted) && moving
            })
        };
        let pictures = of("video")
            .map(|stream| picture_stream(path, stream))
            .transpose()?;
        let sound = of("audio")
            .map(|stream| sound_stream(path, stream))
            .transpose()?;
        let seconds = probed
            .format
            .duration
            .as_deref()
            .and_then(|text| text.parse().ok());
        Ok(VideoInfo {
            seconds: seconds.filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0),
            pictures,
            sound,
        })
    }
}

fn picture_stream(path: &Path, stream: &Stream) -> Result<PictureStream, VideoError> {
    let sides = [stream.width.unwrap_or(0), stream.height.unwrap_or(0)];
    if sides.iter().any(|side| !(1..=LONGEST).contains(side)) {
        return Err(VideoError::media(
            path,
            format!("pictures with sides of 1 to {LONGEST} pixels"),
            format!("{} x {}", sides[0], sides[1]),
        ));
    }
    let [width, height] = sides.map(|side| side as f64);
    // pixels may be wider than high
    let aspect = stream
        .sample_aspect_ratio
        .as_deref()
        .and_then(|text| ratio(text, ':'));
    let width = match aspect.filter(|aspect| (0.1..=10.0).contains(aspect)) {
        Some(aspect) => (width * aspect).round().clamp(1.0, LONGEST as f64),
        None => width,
    };
    let told = stream.side_data_list.iter().find_map(|data| data.rotation);
    let tag = || stream.tags.rotate.as_ref()?.parse().ok();
    let turned: f64 = told.or_else(tag).unwrap_or(0.0);
    let lies = (turned / 90.0).round().rem_euclid(2.0) == 1.0;
    let size = match lies {
        true => [height, width],
        false => [width, height],
    };
    Ok(PictureStream {
        codec: stream.codec_name.clone().unwrap_or_default(),
        size: size.map(|side| side as usize),
        frames_a_second: stream
            .avg_frame_rate
            .as_deref()
            .and_then(|text| ratio(text, '/')),
    })
}

fn sound_stream(path: &Path, stream: &Stream) -> Result<SoundStream, VideoError> {
    let rate = stream
        .sample_rate
        .as_deref()
        .and_then(|text| text.parse().ok());
    let channels = stream
        .channels
        .and_then(|channels| usize::try_from(channels).ok());
    match (rate, channels) {
        (Some(sample_rate), Some(channels)) if sample_rate > 0 && (1..=64).contains(&channels) => {
            Ok(SoundStream {
                codec: stream.codec_name.clone().unwrap_or_default(),
                sample_rate,
                channels,
            })
        }
        _ => Err(VideoError::media(
            path,
            "sound with a sample rate and 1 to 64 channels",
            format!("{rate:?} samples a second, {channels:?} channels"),
        )),
    }
}

/// A positive ratio of whole numbers.
fn ratio(text: &str, mark: char) -> Option<f64> {
    let (above, below) = text.split_once(mark)?;
    let (above, below): (f64, f64) = (above.parse().ok()?, below.parse().ok()?);
    (above > 0.0 && below > 0.0).then(|| above / below)
}
