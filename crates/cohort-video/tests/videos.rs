//! Videos that ffmpeg makes of pictures and sounds that are known: what is read back, and when.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;

use cohort_video::{Ffmpeg, Frame, FrameSettings, VideoError};

static GO: AtomicBool = AtomicBool::new(false);

struct Folder(tempfile::TempDir, Ffmpeg);

impl Folder {
    /// None, with the reason printed, where there is no ffmpeg.
    fn new() -> Option<Self> {
        match Ffmpeg::find() {
            Ok(found) => Some(Self(tempfile::tempdir().unwrap(), found)),
            Err(error) => {
                eprintln!("skipped: {error}");
                None
            }
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A video of `count` grey frames at `rate` a second, frame `i` of the grey `10 + 10 (i mod 24)`, with more arguments.
    fn grey(
        &self,
        name: &str,
        count: usize,
        rate: u32,
        size: [usize; 2],
        before: &[&str],
        after: &[&str],
    ) -> PathBuf {
        let path = self.at(name);
        let mut child = Command::new("ffmpeg")
            .args([
                "-y",
                "-loglevel",
                "error",
                "-f",
                "rawvideo",
                "-pix_fmt",
                "rgb24",
            ])
            .args([
                "-s",
                &format!("{}x{}", size[0], size[1]),
                "-r",
                &rate.to_string(),
                "-i",
                "pipe:0",
            ])
            .args(before)
            .args(["-c:v", "libx264", "-preset", "veryfast", "-crf", "10"])
            .args(after)
            .arg(&path)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut to = child.stdin.take().unwrap();
        for i in 0..count {
            to.write_all(&vec![level(i); 3 * size[0] * size[1]])
                .unwrap();
        }
        drop(to);
        assert!(child.wait().unwrap().success(), "{name}");
        path
    }

    fn ffmpeg(&self, arguments: &[&str]) {
        let done = Command::new("ffmpeg")
            .args(["-y", "-loglevel", "error"])
            .args(arguments)
            .current_dir(self.0.path())
            .status();
        assert!(done.unwrap().success(), "{arguments:?}");
    }

    fn frames(&self, path: &Path, settings: &FrameSettings) -> Result<Vec<Frame>, VideoError> {
        let info = self.1.probe(path)?;
        self.1.frames(path, &info, settings, &GO)
    }
}

fn level(i: usize) -> u8 {
    10 + 10 * (i % 24) as u8
}

/// The number, modulo 24, of the frame that a picture is.
fn number(frame: &Frame) -> usize {
    let rgb = frame.picture.rgb();
    let middle = rgb.len() / 6 * 3;
    ((f64::from(rgb[middle]) - 10.0) / 10.0).round() as usize
}

const ALL: FrameSettings = FrameSettings {
    every: 0.0,
    most: 1000,
    longest_side: 4000,
};

#[test]
fn every_frame_comes_with_its_time() {
    let Some(folder) = Folder::new() else { return };
    for (name, more) in [
        // frames that refer to later ones come with a list of edits
        ("b.mp4", &["-bf", "3"][..]),
        ("ten.mp4", &["-pix_fmt", "yuv420p10le"]),
        ("plain.mov", &[]),
        ("m.mkv", &[]),
        ("a.avi", &["-c:v", "mpeg4", "-q:v", "2"]),
    ] {
        let path = folder.grey(name, 48, 12, [64, 48], &[], more);
        let frames = folder.frames(&path, &ALL).unwrap();
        assert_eq!(frames.len(), 48, "{name}");
        for (i, frame) in frames.iter().enumerate() {
            assert_eq!(number(frame), i % 24, "{name}");
            assert!(
                (frame.seconds - i as f64 / 12.0).abs() < 0.002,
                "{name} {i}: {}",
                frame.seconds
            );
            assert_eq!((frame.picture.width(), frame.picture.height()), (64, 48));
        }
    }
}

#[test]
fn frames_lie_so_many_seconds_apart_and_are_so_many_at_most() {
    let Some(folder) = Folder::new() else { return };
    let path = folder.grey("v.mp4", 240, 24, [64, 48], &[], &[]);
    let taken = |every, most| {
        let settings = FrameSettings { every, most, ..ALL };
        let frames = folder.frames(&path, &settings).unwrap();
        frames
            .iter()
            .map(|frame| (frame.seconds * 24.0).round() as usize)
            .collect::<Vec<_>>()
    };
    assert_eq!(taken(0.5, 100), (0..20).map(|i| 12 * i).collect::<Vec<_>>());
    // ten seconds, five frames: two seconds apart
    assert_eq!(taken(0.5, 5), [0, 48, 96, 144, 192]);
    assert_eq!(taken(100.0, 5), [0]);
    let small = FrameSettings {
        longest_side: 32,
        ..ALL
    };
    let frames = folder.frames(&path, &small).unwrap();
    assert_eq!(
        (frames[0].picture.width(), frames[0].picture.height()),
        (32, 24)
    );
}

#[test]
fn frames_of_changing_rate_keep_their_times() {
    let Some(folder) = Folder::new() else { return };
    // the second second is shown at half the speed
    let path = folder.grey(
        "v.mp4",
        48,
        24,
        [64, 48],
        &[
            "-vf",
            "setpts='if(lt(N,24),N,24+2*(N-24))/24/TB'",
            "-vsync",
            "vfr",
        ],
        &[],
    );
    let frames = folder.frames(&path, &ALL).unwrap();
    assert_eq!(frames.len(), 48);
    for (i, frame) in frames.iter().enumerate() {
        let expected = if i < 24 {
            i as f64
        } else {
            (24 + 2 * (i - 24)) as f64
        } / 24.0;
        assert!(
            (frame.seconds - expected).abs() < 0.003,
            "{i}: {}",
            frame.seconds
        );
        assert_eq!(number(frame), i % 24);
    }
}

#[test]
fn what_lies_on_its_side_stands_up_and_what_is_wide_is_shown_so() {
    let Some(folder) = Folder::new() else { return };
    folder.grey("v.mp4", 4, 4, [64, 48], &[], &[]);
    folder.ffmpeg(&[
        "-i",
        "v.mp4",
        "-c",
        "copy",
        "-metadata:s:v:0",
        "rotate=90",
        "r.mp4",
    ]);
    let info = folder.1.probe(&folder.at("r.mp4")).unwrap();
    assert_eq!(info.pictures.as_ref().unwrap().size, [48, 64]);
    let frames = folder.frames(&folder.at("r.mp4"), &ALL).unwrap();
    assert_eq!(
        (frames[0].picture.width(), frames[0].picture.height()),
        (48, 64)
    );
    assert_eq!(frames.len(), 4);
    folder.ffmpeg(&["-i", "v.mp4", "-vf", "setsar=2", "w.mp4"]);
    let frames = folder.frames(&folder.at("w.mp4"), &ALL).unwrap();
    assert_eq!(
        (frames[0].picture.width(), frames[0].picture.height()),
        (128, 48)
    );
    // sides that most codecs do not take
    folder.grey("odd.mkv", 3, 3, [63, 47], &[], &["-c:v", "ffv1"]);
    let frames = folder.frames(&folder.at("odd.mkv"), &ALL).unwrap();
    assert_eq!(
        (
            frames[0].picture.width(),
            frames[0].picture.height(),
            frames.len()
        ),
        (63, 47, 3)
    );
    // one frame of a large picture
    let path = folder.grey("large.mp4", 1, 25, [3840, 2160], &[], &[]);
    let frames = folder.frames(&path, &FrameSettings::default()).unwrap();
    assert_eq!(
        (
            frames[0].picture.width(),
            frames[0].picture.height(),
            frames.len()
        ),
        (1280, 720, 1)
    );
}

/// A clap: one white frame, and a click at the same time.
#[test]
fn sight_and_sound_are_on_one_clock() {
    let Some(folder) = Folder::new() else { return };
    let flash = "color=black:s=64x48:r=25:d=4,geq=lum='if(eq(N,50),235,16)':cb=128:cr=128";
    let click = "aevalsrc='if(between(t,2,2.005),sin(2000*PI*t),0)':s=16000:d=4";
    folder.ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        flash,
        "-f",
        "lavfi",
        "-i",
        click,
        "-c:v",
        "libx264",
        "-bf",
        "2",
        "-c:a",
        "aac",
        "-shortest",
        "v.mp4",
    ]);
    // the sound of the second half alone, as a camera that was late has it
    folder.ffmpeg(&[
        "-i",
        "v.mp4",
        "-ss",
        "1",
        "-i",
        "v.mp4",
        "-map",
        "0:v",
        "-map",
        "1:a",
        "-af",
        "asetpts=PTS+1/TB",
        "-c:v",
        "copy",
        "-c:a",
        "aac",
        "late.mp4",
    ]);
    folder.ffmpeg(&["-i", "v.mp4", "-c:v", "copy", "-c:a", "libopus", "v.mkv"]);
    for name in ["v.mp4", "late.mp4", "v.mkv"] {
        let path = folder.at(name);
        let info = folder.1.probe(&path).unwrap();
        let frames = folder.1.frames(&path, &info, &ALL, &GO).unwrap();
        let white = frames
            .iter()
            .find(|frame| frame.picture.rgb()[0] > 128)
            .unwrap();
        let sound = folder.1.sound(&path, &info, &GO).unwrap();
        let first = sound
            .samples
            .iter()
            .position(|sample| sample.abs() > 0.2)
            .unwrap();
        let heard = first as f64 / f64::from(sound.sample_rate);
        assert!(
            (white.seconds - 2.0).abs() < 0.01,
            "{name}: {}",
            white.seconds
        );
        assert!(
            (white.seconds - heard).abs() < 0.02,
            "{name}: {} {heard}",
            white.seconds
        );
    }
}

#[test]
fn what_is_not_there_is_said() {
    let Some(folder) = Folder::new() else { return };
    let refused = |path: &Path| {
        let name = path.display().to_string();
        let error = folder.frames(path, &ALL).unwrap_err().to_string();
        error
            .strip_prefix(&format!("{name}: "))
            .unwrap_or_else(|| panic!("{error}"))
            .to_string()
    };
    folder.ffmpeg(&["-f", "lavfi", "-i", "sine=d=1", "sound.mp4"]);
    assert_eq!(
        refused(&folder.at("sound.mp4")),
        "expected moving pictures, found none"
    );
    let path = folder.grey("silent.mp4", 4, 4, [64, 48], &[], &[]);
    let info = folder.1.probe(&path).unwrap();
    assert_eq!(info.sound, None);
    let error = folder.1.sound(&path, &info, &GO).unwrap_err().to_string();
    assert!(error.ends_with("expected sound, found none"), "{error}");
    // the index stands at the end, and is cut off
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(folder.at("cut.mp4"), &bytes[..bytes.len() - 400]).unwrap();
    let error = refused(&folder.at("cut.mp4"));
    assert!(
        error.starts_with("expected a video (MP4, QuickTime, Matroska, WebM, AVI), found "),
        "{error}"
    );
    std::fs::write(folder.at("no.mp4"), "no video").unwrap();
    assert!(refused(&folder.at("no.mp4")).contains("expected a video"));
    assert!(refused(&folder.at("absent.mp4")).contains("No such file"));
    assert!(refused(folder.0.path()).contains("found no file"));
    // a playlist names other files, whatever it is called
    std::fs::write(
        folder.at("list.mp4"),
        format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:{}\n#EXT-X-ENDLIST\n",
            path.display()
        ),
    )
    .unwrap();
    assert!(refused(&folder.at("list.mp4")).contains("expected a video"));
    let stop = AtomicBool::new(true);
    let stopped = folder.1.frames(&path, &info, &ALL, &stop);
    assert!(matches!(stopped, Err(VideoError::Stopped)));
}
