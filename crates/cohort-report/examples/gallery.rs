//! Writes every chart and page of the example documents into a folder, to be looked at.
//!
//! `cargo run -p cohort-report --example gallery -- OUT [DOCUMENTS]`

use std::error::Error;
use std::path::{Path, PathBuf};

#[path = "../tests/common/mod.rs"]
mod common;

use cohort_report::audio_figures::{self, PitchTrack, Spectrogram};
use cohort_report::{ModelDocument, RunDocuments, Style, audit_page, charts, run_page, svg_to_png};
use serde::de::DeserializeOwned;

fn document<T: DeserializeOwned>(folder: &Path, name: &str) -> Option<T> {
    let path = folder.join(name);
    serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
}

fn model(folder: &Path, name: &str) -> Option<ModelDocument> {
    let text = std::fs::read_to_string(folder.join(format!("metrics-{name}.jsonl"))).ok()?;
    let epochs = text.lines().map(serde_json::from_str);
    Some(ModelDocument {
        name: name.to_owned(),
        epochs: epochs.collect::<Result<_, _>>().ok()?,
        ..ModelDocument::default()
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let out = PathBuf::from(arguments.next().ok_or("usage: gallery OUT [DOCUMENTS]")?);
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documents");
    let folder = arguments.next().map_or(examples, PathBuf::from);
    std::fs::create_dir_all(&out)?;
    let (fusion, ablation) = common::fused();
    let documents = RunDocuments {
        title: "Apparent age from face, voice and words".into(),
        headline: document(&folder, "headline.json"),
        stats: document(&folder, "stats.json"),
        check: document(&folder, "check.json"),
        models: ["image", "audio", "text"]
            .into_iter()
            .filter_map(|n| model(&folder, n))
            .collect(),
        fusion: document(&folder, "fused/fusion.json").or(Some(fusion)),
        ablation: document(&folder, "ablation.json").or(Some(ablation)),
        degradation: document(&folder, "degradation.json"),
        audit: document(&folder, "audit.json").or_else(|| Some(common::audited())),
        mistakes: None,
        planted: document(&folder, "planted.json"),
        record: document(&folder, "provenance.json"),
    };
    std::fs::write(out.join("report.html"), run_page(&documents)?)?;
    if let Some(audit) = &documents.audit {
        std::fs::write(out.join("audit.html"), audit_page(audit)?)?;
    }
    for (name, svg) in pictures()? {
        std::fs::write(out.join(format!("{name}.svg")), &svg)?;
        std::fs::write(out.join(format!("{name}.png")), svg_to_png(&svg, 2.0)?)?;
    }
    Ok(())
}

fn pictures() -> Result<Vec<(&'static str, String)>, Box<dyn Error>> {
    let style = Style::file(720.0);
    // A voice-like tone: a gliding pitch with harmonics, in syllables, and noise from a fixed generator.
    let (rate, seconds) = (8_000u32, 3.0);
    let n = (f64::from(rate) * seconds) as usize;
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state) / f64::from(u32::MAX) - 0.5
    };
    let pitch = |t: f64| 140.0 + 40.0 * (t * 2.1).sin();
    let loud = |t: f64| (t * 9.0).sin().max(0.0).powf(0.6);
    let (mut phase, mut clean, mut raw) = (0.0, Vec::with_capacity(n), Vec::with_capacity(n));
    for i in 0..n {
        let t = i as f64 / f64::from(rate);
        phase += std::f64::consts::TAU * pitch(t) / f64::from(rate);
        let tone: f64 = (1..12)
            .map(|h| (phase * f64::from(h)).sin() / f64::from(h))
            .sum();
        let value = 0.3 * loud(t) * tone;
        clean.push(value as f32);
        raw.push((value + 0.12 * noise()) as f32);
    }
    let onsets: Vec<f64> = (0..5)
        .map(|i| f64::from(i) * std::f64::consts::TAU / 9.0)
        .collect();
    // A plain Fourier sum is enough for a picture of 129 bins.
    let (bins, hop) = (129, 160);
    let frames = (n - 256) / hop;
    let mut decibels = Vec::with_capacity(bins * frames);
    for frame in 0..frames {
        for bin in 0..bins {
            let (mut re, mut im) = (0.0, 0.0);
            for (k, sample) in raw[frame * hop..frame * hop + 256].iter().enumerate() {
                let window = 0.5 - 0.5 * (std::f64::consts::TAU * k as f64 / 256.0).cos();
                let angle = std::f64::consts::TAU * (bin * k % 256) as f64 / 256.0;
                re += f64::from(*sample) * window * angle.cos();
                im += f64::from(*sample) * window * angle.sin();
            }
            decibels.push((10.0 * (re * re + im * im).max(1e-10).log10()) as f32);
        }
    }
    let hop_s = hop as f64 / f64::from(rate);
    let f0: Vec<Option<f64>> = (0..frames)
        .map(|f| f as f64 * hop_s)
        .map(|t| (loud(t) > 0.2).then(|| pitch(t)))
        .collect();
    let data = Spectrogram {
        decibels: &decibels,
        bins,
        bin_hz: 31.25,
        hop_s,
        lowest_hz: 60.0,
        range_db: 70.0,
    };
    let mean: Vec<f64> = (0..bins)
        .map(|b| {
            decibels
                .iter()
                .skip(b)
                .step_by(bins)
                .map(|v| f64::from(*v))
                .sum::<f64>()
                / frames as f64
        })
        .collect();
    let hz: Vec<f64> = (0..bins).map(|b| b as f64 * 31.25).collect();
    let track = PitchTrack { f0_hz: &f0, hop_s };
    let null: Vec<f64> = (0..2000)
        .map(|_| (0..6).map(|_| noise()).sum::<f64>().abs() * 0.08)
        .collect();
    let mut histogram = charts::Histogram::of(&null, Some(0.11), 40);
    histogram.title = "Gap in accuracy by gender under relabelling".into();
    histogram.p95 = Some(0.075);
    let bins_of = [
        (0.35, 0.31, 12),
        (0.5, 0.44, 40),
        (0.65, 0.6, 70),
        (0.8, 0.7, 90),
        (0.93, 0.84, 42),
    ];
    let reliability = charts::Reliability {
        title: "Reliability of the fused model".into(),
        bins: bins_of
            .map(|(confidence, accuracy, count)| charts::ReliabilityBin {
                confidence,
                accuracy,
                count,
            })
            .to_vec(),
        ..charts::Reliability::default()
    };
    let bars = charts::BarChart {
        title: "Clips by age and gender".into(),
        categories: ["7-13", "14-18", "19-24", "25-32", "33-45", "46-60", "61+"]
            .map(String::from)
            .to_vec(),
        series: vec![
            charts::BarSeries {
                name: "Female".into(),
                values: vec![10.0, 33.0, 132.0, 342.0, 144.0, 30.0, 9.0],
            },
            charts::BarSeries {
                name: "Male".into(),
                values: vec![7.0, 27.0, 112.0, 250.0, 133.0, 34.0, 0.0],
            },
        ],
        y_label: "clips".into(),
        ..charts::BarChart::default()
    };
    Ok(vec![
        (
            "waveform",
            audio_figures::waveform("Waveform", &raw, rate, &style)?,
        ),
        (
            "denoised",
            audio_figures::denoised("Raw and denoised", &raw, &clean, rate, &style)?,
        ),
        (
            "onsets",
            audio_figures::onsets("Onsets", &raw, rate, &onsets, &style)?,
        ),
        (
            "spectrum",
            audio_figures::spectrum("Spectrum", &hz, &mean, &style)?,
        ),
        (
            "spectrogram",
            audio_figures::spectrogram("Spectrogram and pitch", &data, Some(&track), &style)?,
        ),
        ("histogram", charts::histogram(&histogram, &style)?),
        ("reliability", charts::reliability(&reliability, &style)),
        ("bars", charts::bars(&bars, &style)?),
    ])
}
