//! `cohort audio`: acoustic values of sound files, and pictures of them.

mod show;
mod table;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use cohort_audio::{
    AcousticFeatures, AcousticSettings, EXTENSIONS, ExtendedFeatures, Preset, acoustic_features,
    decode,
};
use rayon::prelude::*;

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
    /// first-impressions, speech or speech-extended
    #[arg(long, value_name = "PRESET", default_value = "speech")]
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
    fn new(file: &Path, sample_rate: u32, features: AcousticFeatures, track: bool) -> Self {
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
        let files = sound_files(&self.inputs)?;
        if let Some(out) = &self.out {
            let columns = AcousticFeatures::names(self.analysis.preset);
            let skipped = table::write(out, &files, &settings, &columns, self.skip_bad, shell)?;
            list(&skipped, shell);
            return Ok(Outcome::Done);
        }
        let mut entries = Vec::with_capacity(files.len());
        let mut skipped = Vec::new();
        let analyse = |file: &PathBuf| -> anyhow::Result<Entry> {
            let sound = decode(file)?;
            let features = acoustic_features(&sound, &settings).with_context(|| at(file))?;
            Ok(Entry::new(file, sound.sample_rate, features, self.track))
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
/// of the arguments, and by path inside a folder.
fn sound_files(inputs: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut seen = BTreeSet::new();
    for input in inputs {
        let mut found = Vec::new();
        if input.is_dir() {
            walk(input, &mut found)?;
            found.sort();
            let what = EXTENSIONS.join(", ");
            anyhow::ensure!(
                !found.is_empty(),
                "{}: expected sound files ({what}), found none",
                input.display()
            );
        } else {
            found.push(input.clone());
        }
        files.extend(found.into_iter().filter(|file| seen.insert(file.clone())));
    }
    Ok(files)
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let cannot = || format!("cannot list {}", folder.display());
    for entry in std::fs::read_dir(folder).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        let path = entry.path();
        // A link to a folder is not followed: it may lead back.
        if entry.file_type().with_context(cannot)?.is_dir() {
            walk(&path, found)?;
        } else if path
            .extension()
            .and_then(|extension| extension.to_str())
            .is_some_and(|extension| EXTENSIONS.contains(&extension.to_lowercase().as_str()))
        {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_searched_in_order_and_files_named_twice_count_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("b")).unwrap();
        for name in ["b/2.WAV", "b/1.mp3", "a.flac", "notes.txt"] {
            std::fs::write(path(name), "x").unwrap();
        }
        let files = sound_files(&[path("b/2.WAV"), folder.path().to_owned()]).unwrap();
        assert_eq!(files, [path("b/2.WAV"), path("a.flac"), path("b/1.mp3")]);
        std::fs::create_dir(path("none")).unwrap();
        let error = sound_files(&[path("none")]).unwrap_err().to_string();
        assert!(error.contains("found none"), "{error}");
    }
}
