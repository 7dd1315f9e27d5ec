//! The whole corpus: plan, media in parallel, tables, truth, and one rename at the end.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::cue::{Modality, cue_ages};
use crate::error::SynthError;
use crate::population::{Subject, populate};
use crate::schema::Split;
use crate::settings::SynthSettings;
use crate::truth::Truth;
use crate::write::{
    Staging, create_dir, remove_lock, write_face, write_file, write_transcript, write_voice,
};
use crate::{face, voice, words};

/// One clip to be made.
struct Clip<'a> {
    /// Place in the corpus, which keys its random streams.
    index: usize,
    /// Place of its subject among the subjects.
    subject_index: usize,
    subject: &'a Subject,
    /// Ordinal in the source video.
    ordinal: usize,
    /// Age that picture, voice and words show, in years.
    cues: [f64; 3],
}

impl Clip<'_> {
    /// File name without extension.
    fn stem(&self) -> String {
        format!("{}.{:03}", self.subject.id, self.ordinal)
    }

    /// Path of a media file below the corpus folder.
    fn media(&self, extension: &str) -> PathBuf {
        PathBuf::from(self.subject.split.name())
            .join((self.subject.group + 1).to_string())
            .join(format!("{}.{extension}", self.stem()))
    }
}

const MEDIA: [&str; 3] = ["jpg", "wav", "pkl"];
const TRUTH_FILE: &str = "truth.json";
const CLIP_TRUTH_FILE: &str = "truth_clips.csv";

/// Makes the corpus of `settings` in the folder `out`.
///
/// Written are, in the layout of First Impressions v3,
/// `{train,valid,test}/{1..7}/<VideoName>.{jpg,wav,pkl}` (face crop of 112 to 160 pixels; mono, 16
/// bit, 8 kHz, 122,416 samples; a pickled Python `str`), `{train,valid,test}_set_age_labels.csv`
/// (`VideoName,UserID,AgeGroup,Gender,Ethnicity`), and beside them `truth.json` (the returned
/// [`Truth`]) and `truth_clips.csv` (for each clip the latent age and the ages that its picture, voice
/// and words show, in years).
///
/// The same settings give the same bytes, whatever the number of threads; work is spread over the
/// current rayon pool. `progress` is called with (clips done, clips in all) from any thread. Files
/// go to a hidden folder beside `out` that is renamed when whole, so a run that is killed leaves no
/// half corpus, and the next run sweeps its remains away; a folder of that name that is not such remains is left alone. A folder that already holds the whole corpus
/// of these settings is left as it is.
///
/// # Errors
///
/// [`SynthError::Setting`] when a setting is out of range; [`SynthError::Occupied`] when `out` holds
/// anything else; [`SynthError::Foreign`] when the hidden folder is somebody else's; [`SynthError::Busy`] when another process is at work on the same folder;
/// [`SynthError::Io`] and [`SynthError::Encode`] when a file cannot be written (disk full, no
/// permission): the unfinished files are removed.
pub fn synthesise(
    out: &Path,
    settings: &SynthSettings,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Truth, SynthError> {
    settings.validate()?;
    let subjects = populate(settings);
    let clips = plan(settings.seed, &subjects);
    let cues: Vec<(&Subject, [f64; 3])> =
        clips.iter().map(|clip| (clip.subject, clip.cues)).collect();
    let truth = Truth::new(settings, &subjects, &cues);
    let mut truth_text =
        serde_json::to_string_pretty(&truth).map_err(|error| SynthError::Encode {
            path: out.join(TRUTH_FILE),
            reason: error.to_string(),
        })?;
    truth_text.push('\n');

    if already_there(out, &truth_text, &clips)? {
        remove_lock(out)?;
        progress(clips.len(), clips.len());
        return Ok(truth);
    }
    let staging = Staging::open(out)?;
    let root = staging.path();
    for split in Split::ALL {
        for group in 1..=crate::schema::GROUPS {
            create_dir(&root.join(split.name()).join(group.to_string()))?;
        }
        write_file(
            &root.join(label_file(split)),
            label_table(&clips, split).as_bytes(),
        )?;
    }
    write_file(&root.join(CLIP_TRUTH_FILE), clip_truth(&clips).as_bytes())?;
    let done = AtomicUsize::new(0);
    clips.par_iter().try_for_each(|clip| {
        write_media(root, settings.seed, clip)?;
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, clips.len());
        Ok(())
    })?;
    write_file(&root.join(TRUTH_FILE), truth_text.as_bytes())?;
    staging.finish()?;
    Ok(truth)
}

/// Clips in the order of their subjects.
fn plan(seed: u64, subjects: &[Subject]) -> Vec<Clip<'_>> {
    let mut clips = Vec::new();
    for (subject_index, subject) in subjects.iter().enumerate() {
        let cues = cue_ages(seed, subject_index, clips.len(), subject);
        for (ordinal, cues) in subject.ordinals.iter().zip(cues) {
            clips.push(Clip {
                index: clips.len(),
                subject_index,
                subject,
                ordinal: *ordinal,
                cues,
            });
        }
    }
    clips
}

/// Draws, speaks and writes one clip.
fn write_media(root: &Path, seed: u64, clip: &Clip) -> Result<(), SynthError> {
    let face = face::Face::draw(
        seed,
        clip.subject_index,
        clip.index,
        clip.subject,
        clip.cues[0],
    );
    write_face(&root.join(clip.media("jpg")), &face.render())?;
    let samples = voice::speak(
        seed,
        clip.subject_index,
        clip.index,
        clip.subject,
        clip.cues[1],
    );
    write_voice(&root.join(clip.media("wav")), &samples)?;
    let words = words::transcript(seed, clip.index, clip.cues[2]);
    write_transcript(&root.join(clip.media("pkl")), &words)
}

fn label_file(split: Split) -> String {
    format!("{}_set_age_labels.csv", split.name())
}

/// Label table of one split, ordered by `VideoName`.
fn label_table(clips: &[Clip], split: Split) -> String {
    let mut rows: Vec<String> = clips
        .iter()
        .filter(|clip| clip.subject.split == split)
        .map(|clip| {
            let subject = clip.subject;
            format!(
                "{}.mp4,{},{},{},{}\n",
                clip.stem(),
                subject.id,
                subject.group + 1,
                subject.gender as u8,
                subject.ethnicity as u8
            )
        })
        .collect();
    rows.sort_unstable();
    format!(
        "VideoName,UserID,AgeGroup,Gender,Ethnicity\n{}",
        rows.concat()
    )
}

/// Latent and shown ages of all clips.
fn clip_truth(clips: &[Clip]) -> String {
    let mut text = String::from("VideoName,Age");
    for modality in Modality::ALL {
        let _ = write!(text, ",{}", modality.name());
    }
    text.push('\n');
    for clip in clips {
        let _ = write!(text, "{}.mp4,{:.2}", clip.stem(), clip.subject.age);
        for cue in clip.cues {
            let _ = write!(text, ",{cue:.2}");
        }
        text.push('\n');
    }
    text
}

/// Whether `out` holds this very corpus. Something else there is an error; nothing or an empty
/// folder is not.
fn already_there(out: &Path, truth_text: &str, clips: &[Clip]) -> Result<bool, SynthError> {
    let occupied = |found: String| SynthError::Occupied {
        path: out.into(),
        found,
    };
    if !out.exists() {
        return Ok(false);
    }
    if !out.is_dir() {
        return Err(occupied("it is a file".into()));
    }
    let mut entries = out.read_dir().map_err(SynthError::io("read", out))?;
    if entries.next().is_none() {
        return Ok(false);
    }
    let truth_path = out.join(TRUTH_FILE);
    if !truth_path.exists() {
        return Err(occupied(format!("it is not empty and has no {TRUTH_FILE}")));
    }
    let found =
        std::fs::read_to_string(&truth_path).map_err(SynthError::io("read", &truth_path))?;
    if found != truth_text {
        return Err(occupied(format!(
            "its {TRUTH_FILE} is that of other settings or another version"
        )));
    }
    let tables = Split::ALL.map(label_file).into_iter().map(PathBuf::from);
    let media = clips
        .iter()
        .flat_map(|clip| MEDIA.map(|extension| clip.media(extension)));
    // an empty file is what a power cut leaves
    let whole = |path: &PathBuf| {
        let found = out.join(path).metadata();
        found.is_ok_and(|file| file.is_file() && file.len() > 0)
    };
    match tables.chain(media).find(|path| !whole(path)) {
        Some(missing) => Err(occupied(format!(
            "the corpus in it lacks {}",
            missing.display()
        ))),
        None => Ok(true),
    }
}
