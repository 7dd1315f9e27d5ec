//! `cohort audio show`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use cohort_audio::{
    Decoded, Frames, Framing, NonStationary, Sound, acoustic_features, decode_warned, power_to_db,
    reduce_noise,
};
use cohort_report::audio_figures as figures;
use cohort_report::{Style, svg_to_png};
use cohort_tables::write_atomic;

use super::Analysis;
use crate::shell::{Outcome, Shell};

/// Most frames of the spectrogram; the picture has no more columns than this.
const MOST_FRAMES: usize = 3_200;
/// PNG pixels for each unit of the drawing: 3 suits print.
const SCALE: f64 = 3.0;

/// Arguments of `cohort audio show`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Sound file
    file: PathBuf,
    #[command(flatten)]
    analysis: Analysis,
    /// Folder for the pictures, each as SVG and PNG
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Show {
    pub(super) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let settings = self.analysis.settings()?;
        let Decoded { sound, warnings } = decode_warned(&self.file)?;
        warnings.iter().for_each(|line| shell.say(line));
        let features =
            acoustic_features(&sound, &settings).with_context(|| super::at(&self.file))?;
        let clean = Sound {
            samples: reduce_noise(&sound, &NonStationary::default())?,
            sample_rate: sound.sample_rate,
        };
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        let style = Style::default();
        let (raw, rate) = (&sound.samples, sound.sample_rate);
        let (spectrum, spectrogram) = spectra(&sound)?;
        let track = figures::PitchTrack {
            f0_hz: &features.f0_hz,
            hop_s: features.f0_step_s,
        };
        let title = |what: &str| format!("{name}: {what}");
        let pictures = [
            (
                "waveform",
                figures::waveform(&title("waveform"), raw, rate, &style)?,
            ),
            (
                "denoised",
                figures::denoised(
                    &title("raw and denoised"),
                    raw,
                    &clean.samples,
                    rate,
                    &style,
                )?,
            ),
            (
                "onsets",
                figures::onsets(&title("onsets"), raw, rate, &features.onset_times_s, &style)?,
            ),
            (
                "spectrum",
                figures::spectrum(
                    &title("mean spectrum"),
                    &spectrum.hertz,
                    &spectrum.db,
                    &style,
                )?,
            ),
            (
                "spectrogram",
                figures::spectrogram(
                    &title("spectrogram and fundamental frequency"),
                    &spectrogram.figure(),
                    Some(&track),
                    &style,
                )?,
            ),
        ];
        std::fs::create_dir_all(&self.out)
            .with_context(|| format!("cannot make {}", self.out.display()))?;
        for (picture, svg) in pictures {
            let path = |extension: &str| self.out.join(format!("{picture}.{extension}"));
            write_atomic(&path("svg"), svg.as_bytes())?;
            write_atomic(&path("png"), &svg_to_png(&svg, SCALE)?)?;
            shell.print(&shown(&path("svg")))?;
            shell.print(&shown(&path("png")))?;
        }
        Ok(Outcome::Done)
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

struct Spectrum {
    hertz: Vec<f64>,
    db: Vec<f64>,
}

struct Spectrogram {
    db: Vec<f32>,
    bins: usize,
    bin_hz: f64,
    hop_s: f64,
}

impl Spectrogram {
    fn figure(&self) -> figures::Spectrogram<'_> {
        figures::Spectrogram {
            decibels: &self.db,
            bins: self.bins,
            bin_hz: self.bin_hz,
            hop_s: self.hop_s,
            lowest_hz: 40.0,
            range_db: 80.0,
        }
    }
}

/// Mean power spectrum and spectrogram, in decibel, of frames of about a sixteenth of a second. The
/// frames lie further apart in a long sound, so that there are never more than [`MOST_FRAMES`].
fn spectra(sound: &Sound) -> anyhow::Result<(Spectrum, Spectrogram)> {
    let rate = f64::from(sound.sample_rate);
    let n_fft = (sound.sample_rate as usize / 16).next_power_of_two();
    let hop = (n_fft / 8).max(sound.samples.len().div_ceil(MOST_FRAMES));
    let framing = Framing { n_fft, hop };
    let bins = framing.bins();
    let mut frames = Frames::new(&sound.samples, framing)?;
    let mut power = vec![0.0; frames.len() * bins];
    let mut mean = vec![0.0; bins];
    for (t, row) in power.chunks_exact_mut(bins).enumerate() {
        frames.power(t, row);
        mean.iter_mut()
            .zip(row)
            .for_each(|(sum, p)| *sum += f64::from(*p));
    }
    let count = frames.len() as f64;
    let spectrum = Spectrum {
        hertz: (0..bins).map(|k| k as f64 * rate / n_fft as f64).collect(),
        db: mean
            .iter()
            .map(|p| 10.0 * (p / count).max(1e-10).log10())
            .collect(),
    };
    let spectrogram = Spectrogram {
        db: power_to_db(&power, 1.0, None),
        bins,
        bin_hz: rate / n_fft as f64,
        hop_s: hop as f64 / rate,
    };
    Ok((spectrum, spectrogram))
}
