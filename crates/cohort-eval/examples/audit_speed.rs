//! Time and memory of an audit:
//! `cargo run --release -p cohort-eval --example audit_speed -- PREDICTIONS LABELS` for files (First Impressions' columns), or
//! `... --example audit_speed -- CLIPS` for made predictions of that many clips, about 3.3 a subject.
//!
//! Settings are the defaults: 10,000 resamples, 5,000 relabellings. Prints seconds on the clock, seconds of all cores
//! together, and the largest resident memory (Linux; elsewhere 0).

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::Path;
use std::time::Instant;

use cohort_eval::{AuditSettings, audit};
use cohort_tables::{LabelTable, Predictions};
use support::{Draw, Groups, OrderedModel, audited};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let start = Instant::now();
    let (predictions, labels, settings) = match arguments.as_slice() {
        [predictions, labels] => {
            let classes: Vec<String> = (1..=7).map(|class| class.to_string()).collect();
            (
                Predictions::read(Path::new(predictions), Some(&classes))?,
                LabelTable::read(Path::new(labels))?,
                AuditSettings::first_impressions(),
            )
        }
        [clips] => {
            let (predictions, labels) = made(clips.parse()?);
            (predictions, labels, AuditSettings::default())
        }
        _ => return Err("usage: audit_speed PREDICTIONS LABELS | audit_speed CLIPS".into()),
    };
    println!(
        "{} predictions, input ready after {:.2} s, {} MiB resident at most",
        predictions.len(),
        start.elapsed().as_secs_f64(),
        peak_mebibytes()
    );
    let (start, before) = (Instant::now(), cpu_seconds());
    let document = audit(&predictions, &labels, &settings)?;
    println!(
        "audit of {} clips of {} subjects with {} resamples and {} relabellings: {:.2} s on the clock, {:.2} s of all cores, {} MiB resident at most",
        document.clips,
        document.subjects,
        settings.resamples,
        settings.permutations,
        start.elapsed().as_secs_f64(),
        cpu_seconds() - before,
        peak_mebibytes()
    );
    Ok(())
}

fn made(clips: usize) -> (Predictions, LabelTable) {
    let model = OrderedModel {
        prevalence: vec![0.0025, 0.024, 0.208, 0.492, 0.232, 0.032, 0.0095],
        gain: 0.5,
        subject_error: 0.6,
        clip_error: 0.4,
    };
    audited(
        &mut Draw::new(1, 0),
        &model,
        (clips as f64 / 3.3).round() as usize,
        Groups::Worse(0.1),
    )
}

/// Largest resident memory of this process.
fn peak_mebibytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes: Option<u64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kibibytes.unwrap_or(0) / 1024
}

/// Seconds that all threads have computed, from the process's ticks of 1/100 s.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or("");
    // utime and stime are fields 14 and 15 of proc(5); the first after the name is field 3.
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.filter_map(|t| t.parse::<f64>().ok()).sum::<f64>() / 100.0
}
