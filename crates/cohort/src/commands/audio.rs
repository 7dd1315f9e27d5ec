//! `cohort audio`: acoustic values of sound files, and pictures of them.

mod show;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use clap::{Args, Subcommand};
use cohort_audio::{
    AcousticFeatures, AcousticSettings, Decoded, ExtendedFeatures, Preset, acoustic_features,
    decode_warned,
};
use cohort_data::folder::{self, Entry as FolderEntry};
use cohort_tables::AUDIO_EXTENSIONS;
use rayon::prelude::*;

use super::named::named;
use crate::shell::{Outcome, Shell};

/// Files between two looks at the stop flag and two writes to the journal.
const CHUNK: usize = 32;

/// Subcommands of `cohort audio`.
#[derive(Debug, Subcommand)]
pub(crate) enum Audio {
    /// Onsets, tempo, fundamental frequency and more of sound files
    Features(Features),
    /// Pictures of a sound: waveform, denoised, onsets, spectrum, spectrogram with pitch
    Show(show::Show),
}

impl Audio {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        match self {
            Self::Features(command) => command.run(shell),
            Self::Show(command) => command.run(shell),
        }
    }
}

/// What is computed, for both subcommands.
#[derive(Debug, Args)]
struct Analysis {
    /// What is computed, and with which settings
    #[arg(long, value_name = "PRESET", default_value = "speech", value_parser = named::<Preset>(Preset::ALL.map(Preset::name)))]
    preset: Preset,
    /// Lowest fundamental frequency in hertz [default: the preset's]
    #[arg(long, value_name = "HZ")]
    fmin: Option<f64>,
    /// Highest fundamental frequency in hertz [default: the preset's]
    #[arg(long, value_name = "HZ")]
    fmax: Option<f64>,
    /// Samples of a pitch frame [default: the preset's]
    #[arg(long, value_name = "N")]
    frame_length: Option<usize>,
    /// Do not reduce noise first
    #[arg(long)]
    no_denoise: bool,
}

impl Analysis {
    fn settings(&self) -> anyhow::Result<AcousticSettings> {
        let preset = AcousticSettings::preset(self.preset);
        let settings = AcousticSettings {
            fmin: self.fmin.unwrap_or(preset.fmin),
            fmax: self.fmax.unwrap_or(preset.fmax),
            frame_length: self.frame_length.unwrap_or(preset.frame_length),
            denoise: preset.denoise && !self.no_denoise,
            ..preset
        };
        settings.validate()?;
        Ok(settings)
    }
}

/// Pitch frames that were longer than the settings say, by sample rate.
#[derive(Debug, Default)]
struct Lengthened(Mutex<BTreeMap<u32, usize>>);

impl Lengthened {
    /// Samples of the pitch frames at a sample rate, noted where they are more than the settings say.
    fn used(&self, settings: &AcousticSettings, sample_rate: u32) -> anyhow::Result<usize> {
        let used = settings.pitch_range(sample_rate)?.frame_length;
        if used != settings.frame_length {
            // A panic elsewhere leaves the map whole.
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(sample_rate, used);
        }
        Ok(used)
    }
}

impl Analysis {
    /// Says which frames were lengthened, where the caller chose `fmin` or the frame; a preset's own are documented.
    fn tell(&self, settings: &AcousticSettings, frames: &Lengthened, shell: &Shell) {
        if self.fmin.is_none() && self.frame_length.is_none() {
            return;
        }
        let known = frames.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (rate, used) in known.iter() {
            shell.say(&format!(
                "warning: pitch frames of {} samples do not hold {} periods of {} Hz at {rate} Hz; frames of {used} samples were used",
                settings.frame_length, settings.min_periods, settings.fmin
            ));
        }
    }
}

/// Arguments of `cohort audio features`.
#[derive(Debug, Args)]
pub(crate) struct Features {
    /// Sound files, or folders that are searched for them
    #[arg(required = true, value_name = "FILE|DIR")]
    inputs: Vec<PathBuf>,
    #[command(flatten)]
    analysis: Analysis,
    /// Add the time of each onset and the pitch of each frame (with --json)
    #[arg(long, requires = "json")]
    track: bool,
    /// Leave out, count and list files that cannot be used
    #[arg(long)]
    skip_bad: bool,
    /// Print one JSON document (cohort.acoustic/1)
    #[arg(long, conflicts_with = "out")]
    json: bool,
    /// Write an embedding table (Parquet) keyed by clip; goes on where a stopped run ended
    #[arg(long, value_name = "X.parquet")]
    out: Option<PathBuf>,
}

#[derive(serde::Serialize)]
struct Document {
    schema: &'static str,
    preset: Preset,
    settings: AcousticSettings,
    files: Vec<Entry>,
    skipped: Vec<Skipped>,
}

#[derive(serde::Serialize)]
struct Entry {
    file: String,
    sample_rate: u32,
    seconds: f64,
    silent: bool,
    onsets_per_second: f64,
    tempo_bpm: f64,
    f0_mean_hz: f64,
    f0_median_hz: f64,
    f0_sd_hz: f64,
    f0_p5_hz: f64,
    f0_p95_hz: f64,
    voiced_fraction: f64,
    /// Samples of the pitch frames: those of the settings, doubled until enough periods of `fmin` fit.
    f0_frame_length: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    extended: Option<ExtendedFeatures>,
    #[serde(flatten)]
    track: Option<Track>,
}

#[derive(serde::Serialize)]
struct Track {
    onset_times_s: Vec<f64>,
    f0_step_s: f64,
    f0_hz: Vec<Option<f64>>,
}

/// A file left out, and why.
#[derive(serde::Serialize)]
struct Skipped {
    file: String,
    reason: String,
}

impl Entry {
    fn new(
        file: &Path,
        sample_rate: u32,
        f0_frame_length: usize,
        features: AcousticFeatures,
        track: bool,
    ) -> Self {
        Self {
            file: file.display().to_string(),
            sample_rate,
            seconds: features.seconds,
            silent: features.silent,
            onsets_per_second: features.onsets_per_second,
            tempo_bpm: features.tempo_bpm,
            f0_mean_hz: features.f0_mean_hz,
            f0_median_hz: features.f0_median_hz,
            f0_sd_hz: features.f0_sd_hz,
            f0_p5_hz: features.f0_p5_hz,
            f0_p95_hz: features.f0_p95_hz,
            voiced_fraction: features.voiced_fraction,
            f0_frame_length,
            extended: features.extended,
            track: track.then_some(Track {
                onset_times_s: features.onset_times_s,
                f0_step_s: features.f0_step_s,
                f0_hz: features.f0_hz,
            }),
        }
    }
}

impl Features {
    fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let settings = self.analysis.settings()?;
        let frames = Lengthened::default();
        let entries = sound_files(&self.inputs, shell)?;
        let files: Vec<PathBuf> = entries.iter().map(|entry| entry.path.clone()).collect();
        if let Some(out) = &self.out {
            let columns = AcousticFeatures::names(self.analysis.preset);
            let skipped = table::write(
                out,
                &entries,
                &settings,
                &columns,
                self.skip_bad,
                &frames,
                shell,
            )?;
            self.analysis.tell(&settings, &frames, shell);
            list(&skipped, shell);
            return Ok(Outcome::Done);
        }
        let mut entries = Vec::with_capacity(files.len());
        let mut skipped = Vec::new();
        let analyse = |file: &PathBuf| -> anyhow::Result<Entry> {
            let Decoded { sound, warnings } = decode_warned(file)?;
            warnings.iter().for_each(|line| shell.say(line));
            let features = acoustic_features(&sound, &settings).with_context(|| at(file))?;
            let frame = frames.used(&settings, sound.sample_rate)?;
            let rate = sound.sample_rate;
            Ok(Entry::new(file, rate, frame, features, self.track))
        };
        let bar = shell.bar("acoustic features", files.len());
        for chunk in files.chunks(CHUNK) {
            anyhow::ensure!(!shell.stopped(), "stopped");
            let results: Vec<_> = chunk.par_iter().map(analyse).collect();
            for (file, result) in chunk.iter().zip(results) {
                match result {
                    Ok(entry) => entries.push(entry),
                    Err(error) => skipped.push(skip(file, error, self.skip_bad)?),
                }
            }
            bar.inc(chunk.len() as u64);
        }
        bar.finish_and_clear();
        self.analysis.tell(&settings, &frames, shell);
        list(&skipped, shell);
        if self.json {
            shell.print_json(&Document {
                schema: "cohort.acoustic/1",
                preset: self.analysis.preset,
                settings,
                files: entries,
                skipped,
            })?;
        } else {
            shell.print(&text(&entries))?;
        }
        Ok(Outcome::Done)
    }
}

/// A bad file as an entry of the list of those left out, where that is allowed.
fn skip(file: &Path, error: anyhow::Error, allowed: bool) -> anyhow::Result<Skipped> {
    if !allowed {
        return Err(error);
    }
    let reason = crate::shell::message(&error);
    Ok(Skipped {
        file: file.display().to_string(),
        reason,
    })
}

fn list(skipped: &[Skipped], shell: &Shell) {
    for one in skipped {
        shell.say(&format!("skipped {}: {}", one.file, one.reason));
    }
    if !skipped.is_empty() {
        shell.say(&format!("{} files skipped", skipped.len()));
    }
}

fn at(file: &Path) -> String {
    format!("cannot analyse {}", file.display())
}

/// One line a file, columns aligned.
fn text(entries: &[Entry]) -> String {
    let header = [
        "seconds", "onsets/s", "tempo", "f0 mean", "median", "sd", "p5", "p95", "voiced", "file",
    ];
    let mut out = header[..9]
        .iter()
        .map(|name| format!("{name:>9}"))
        .collect::<String>();
    out += "  file\n";
    for e in entries {
        for (value, digits) in [
            (e.seconds, 2),
            (e.onsets_per_second, 2),
            (e.tempo_bpm, 2),
            (e.f0_mean_hz, 2),
            (e.f0_median_hz, 2),
            (e.f0_sd_hz, 2),
            (e.f0_p5_hz, 2),
            (e.f0_p95_hz, 2),
            (e.voiced_fraction, 3),
        ] {
            out += &format!("{value:>9.digits$}");
        }
        let silent = if e.silent { " (silent)" } else { "" };
        out += &format!("  {}{silent}\n", cohort_tables::shown(&e.file));
    }
    out
}

/// The files named, and the sound files under the folders named, without repetition: in the order
/// of the arguments, and by path inside a folder. What else a folder holds is told.
fn sound_files(inputs: &[PathBuf], shell: &Shell) -> anyhow::Result<Vec<FolderEntry>> {
    let mut files = Vec::new();
    let mut seen = BTreeSet::new();
    for input in inputs {
        let found = if input.is_dir() {
            let listing = folder::search(input, &AUDIO_EXTENSIONS)?;
            if listing.files.is_empty() {
                let what = AUDIO_EXTENSIONS.join(", ");
                let found = match listing.unused.is_empty() {
                    true => "none".to_string(),
                    false => format!("none (but {})", listing.unused),
                };
                anyhow::bail!(
                    "{}: expected sound files ({what}), found {found}",
                    input.display()
                );
            }
            if !listing.unused.is_empty() {
                shell.say(&format!(
                    "{}: not used: {}",
                    input.display(),
                    listing.unused
                ));
            }
            listing.files
        } else {
            vec![folder::named(input)]
        };
        files.extend(
            found
                .into_iter()
                .filter(|file| seen.insert(file.path.clone())),
        );
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_searched_in_order_and_files_named_twice_count_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("b")).unwrap();
        for name in ["b/2.WAV", "b/1.mp3", "a.flac", "notes.md", "b/._1.mp3"] {
            std::fs::write(path(name), "x").unwrap();
        }
        let shell = Shell::new(&crate::talk::Talk::default());
        let files = sound_files(&[path("b/2.WAV"), folder.path().to_owned()], &shell).unwrap();
        let files: Vec<PathBuf> = files.into_iter().map(|entry| entry.path).collect();
        assert_eq!(files, [path("b/2.WAV"), path("a.flac"), path("b/1.mp3")]);
        std::fs::create_dir(path("none")).unwrap();
        let error = sound_files(&[path("none")], &shell)
            .unwrap_err()
            .to_string();
        assert!(error.contains("found none"), "{error}");
        std::fs::write(path("none/x.avi"), "x").unwrap();
        let error = sound_files(&[path("none")], &shell)
            .unwrap_err()
            .to_string();
        assert!(error.contains("found none (but 1 avi file)"), "{error}");
    }
}
