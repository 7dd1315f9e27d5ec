//! A picture of every video of a data set.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use cohort_data::{Dataset, VIDEO_FRAMES};
use cohort_tables::{Journal, JournalRow, write_atomic};
use cohort_video::{Ffmpeg, Frame, FrameSettings};
use cohort_vision::{Picture, encode_jpeg};
use serde::{Deserialize, Serialize};

use crate::branches;
use crate::config::{ImageSettings, RunConfig};
use crate::dataset::all_clips;
use crate::error::PipelineError;
use crate::hashes::{file_hash, hash_of_files, settings_hash};
use crate::modality::Modality;
use crate::run_folder::{document_of, make_folder, read_json, write_json};
use crate::watch::Watch;

/// Quality of the pictures as JPEG.
const QUALITY: u8 = 95;
/// File that says how the pictures of a folder were chosen.
const HOW: &str = "frames.json";

/// File that says of which videos the pictures are.
const VIDEOS: &str = "frames.journal";

/// How a picture is chosen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FrameChoice {
    /// Folder of a face detector; empty: none.
    pub detector: String,
    /// Frames that are looked at.
    pub frames: FrameSettings,
}

/// What [`choose_frames`] did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FramesChosen {
    /// Folder of the pictures.
    pub folder: PathBuf,
    /// Pictures that were made.
    pub made: usize,
    /// Those of them that took the place of a picture whose video is another now.
    pub anew: usize,
    /// Pictures of the same videos that were there.
    pub kept: usize,
    /// Videos in which the detector finds no face: their sharpest frame was taken.
    pub faceless: usize,
    /// Videos without pictures, by item: there is nothing to take.
    pub sound_alone: usize,
    /// Videos of which no picture could be taken: item and reason.
    pub failed: Vec<(String, String)>,
}

/// What stands in [`HOW`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct How {
    /// Hash of the detector's files; empty: none.
    detector: String,
    every: f64,
    most: usize,
    longest_side: usize,
}

/// Takes a picture of every item of a data set that has a video and no picture, into `ROOT/video-frames/ITEM.jpg`, where every later
/// reading of the data set finds it. With a detector it is the frame that shows the main face best (sharp, large, certain), else the
/// sharpest of all that are looked at. Pictures that are there stay, so that a broken call goes on, unless the video is another than the
/// one that they were taken of.
///
/// # Errors
/// No program that reads videos; a folder whose pictures were chosen otherwise; a detector that cannot be used;
/// [`PipelineError::Stopped`]. Single videos that cannot be read are listed.
pub fn choose_frames(
    dataset: &Dataset,
    choice: &FrameChoice,
    watch: &dyn Watch,
) -> Result<FramesChosen, PipelineError> {
    let mut done = FramesChosen {
        folder: dataset.root.join(VIDEO_FRAMES),
        ..FramesChosen::default()
    };
    let of_frames = |path: &Path| path.starts_with(&done.folder);
    let wanted: Vec<(&str, &Path)> = all_clips(dataset)
        .filter(|clip| clip.picture().is_none_or(of_frames))
        .filter_map(|clip| Some((clip.id.as_str(), clip.video()?)))
        .collect();
    if wanted.is_empty() {
        return Ok(done);
    }
    let reader = Ffmpeg::find().map_err(PipelineError::of_video)?;
    let config = RunConfig {
        image: ImageSettings {
            detector: choice.detector.clone(),
            ..ImageSettings::default()
        },
        ..RunConfig::default()
    };
    let branch = branches::open(Modality::Image, &config, watch)?;
    make_folder(&done.folder)?;
    let how = agree(&done.folder, choice)?;
    let (mut journal, rows) = Journal::open(&done.folder.join(VIDEOS), &settings_hash(&how)?)?;
    let rows = rows.into_iter();
    let taken_of: HashMap<String, String> = rows.map(|row| (row.clip, row.source)).collect();
    watch.say(&format!("videos are read by {}", reader.version()));
    watch.begin("videos", wanted.len());
    for (number, (id, video)) in wanted.into_iter().enumerate() {
        if watch.stopped() {
            watch.end();
            return Err(PipelineError::Stopped);
        }
        let file = done.folder.join(format!("{id}.jpg"));
        let hash = match file_hash(video) {
            Ok(hash) => hash,
            Err(error) => {
                done.failed.push((id.to_string(), error.to_string()));
                watch.at(number + 1);
                continue;
            }
        };
        let was_there = file.is_file();
        if was_there && taken_of.get(id) == Some(&hash) {
            done.kept += 1;
            watch.at(number + 1);
            continue;
        }
        // a picture of another video is worse than none
        if was_there {
            remove(&file)?;
        }
        let frames = || {
            let info = reader.probe(video)?;
            match info.pictures {
                None => Ok(None),
                Some(_) => reader
                    .frames(video, &info, &choice.frames, watch.stop())
                    .map(Some),
            }
        };
        match frames().map_err(PipelineError::of_video) {
            Ok(None) => done.sound_alone += 1,
            Ok(Some(frames)) => {
                let (picture, faceless) = best(&*branch, frames)?;
                done.faceless += usize::from(faceless);
                if let Some(folder) = file.parent() {
                    make_folder(folder)?;
                }
                write_atomic(&file, &encode_jpeg(&picture, QUALITY)?)?;
                journal.append(&[JournalRow {
                    clip: id.to_string(),
                    source: hash,
                    vector: Vec::new(),
                }])?;
                done.made += 1;
                done.anew += usize::from(was_there);
            }
            Err(error) if error.is_bad_clip() => {
                done.failed.push((id.to_string(), error.to_string()))
            }
            Err(error) => {
                watch.end();
                return Err(error);
            }
        }
        watch.at(number + 1);
    }
    watch.end();
    Ok(done)
}

fn remove(file: &Path) -> Result<(), PipelineError> {
    std::fs::remove_file(file).map_err(|source| PipelineError::Write {
        path: file.to_path_buf(),
        source,
    })
}

/// The frame that counts most, and whether a face was looked for in vain.
fn best(
    branch: &dyn branches::Branch,
    frames: Vec<Frame>,
) -> Result<(Picture, bool), PipelineError> {
    let looked = branch.look(&frames)?.expect("pictures look at frames");
    let mut best = 0;
    for (place, weight) in looked.weights.iter().enumerate() {
        if *weight > looked.weights[best] {
            best = place;
        }
    }
    let frame = looked.frames[best];
    let picture = frames
        .into_iter()
        .nth(frame)
        .expect("a frame of the video")
        .picture;
    Ok((picture, looked.what.with_main_face == Some(0)))
}

/// Says how the pictures of a folder are chosen, or refuses when those in it were chosen otherwise.
fn agree(folder: &Path, choice: &FrameChoice) -> Result<How, PipelineError> {
    let detector = match choice.detector.as_str() {
        "" => String::new(),
        detector => {
            let files =
                ["pnet.pt", "rnet.pt", "onet.pt"].map(|name| Path::new(detector).join(name));
            hash_of_files(&files.each_ref().map(PathBuf::as_path))?
        }
    };
    let how = How {
        detector,
        every: choice.frames.every,
        most: choice.frames.most,
        longest_side: choice.frames.longest_side,
    };
    let path = folder.join(HOW);
    match read_json(&path)? {
        None => write_json(&path, &how).map(|()| how),
        Some(found) if document_of::<How>(found.clone(), &path)? == how => Ok(how),
        Some(_) => Err(PipelineError::Unusable {
            path,
            expected: "pictures that were chosen with the same detector and the same frames"
                .to_string(),
            found: "others; remove the folder to choose anew".to_string(),
        }),
    }
}
