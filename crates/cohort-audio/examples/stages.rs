//! Every stage of the analysis of given files, for comparison with other programs.
//!
//! `stages dump OUT FILE...` writes one raw little-endian array of 64-bit floats a stage and file,
//! `OUT/STEM.STAGE`; `stages time ROUNDS FILE...` prints the mean seconds of each stage and file
//! as JSON, a line a file. The scripts in `scripts` use both.

use std::path::{Path, PathBuf};
use std::time::Instant;

use cohort_audio::{
    AcousticSettings, AudioError, ExtendedFeatures, Framing, GateSettings, MelScale, MelSettings,
    NonStationary, PitchRange, Preset, Sound, Stationary, TempoSettings, acoustic_features, decode,
    mel_db, mel_spectrogram, mfcc, onset_backtrack, onset_detect, onset_strength, power_to_db,
    pyin, reduce_noise, reduce_noise_stationary, resample, tempo, yin,
};

type Stages = Vec<(&'static str, Vec<f64>)>;

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v)).collect()
}

/// Pitch ranges compared: name, lowest and highest frequency, frame, and whether denoised.
fn ranges(sample_rate: u32) -> Vec<(&'static str, PitchRange, bool)> {
    let range = |fmin, fmax, frame_length: usize| PitchRange {
        fmin,
        fmax,
        frame_length,
        hop: frame_length / 4,
    };
    let mut all = vec![("pyin_raw", range(65.0, 450.0, 1024), false)];
    if sample_rate <= 22_050 {
        all.push(("pyin", range(10.0, 450.0, 4096), true));
    }
    if sample_rate >= 8_000 {
        let c7 = 2_093.004_522_404_789;
        all.push(("pyin_music", range(65.406_391_325_149_66, c7, 2048), false));
    }
    all.retain(|(_, range, _)| range.check(sample_rate).is_ok());
    all
}

fn stages(sound: &Sound) -> Result<Stages, AudioError> {
    let rate = sound.sample_rate;
    let mut all: Stages = vec![("samples", wide(&sound.samples))];
    let clean = reduce_noise(sound, &NonStationary::default())?;
    let gentle = NonStationary {
        gate: GateSettings {
            prop_decrease: 0.7,
            ..Default::default()
        },
        ..Default::default()
    };
    all.push(("denoised", wide(&clean)));
    all.push(("denoised_gentle", wide(&reduce_noise(sound, &gentle)?)));
    // A sound shorter than a frame is no noise to learn from.
    if let Ok(flat) = reduce_noise_stationary(sound, None, &Stationary::default()) {
        all.push(("stationary", wide(&flat)));
    }
    let strength = onset_strength(&clean, rate, 128)?;
    let frames = onset_detect(&strength, rate, 128);
    let frame_list = |frames: &[usize]| frames.iter().map(|f| *f as f64).collect::<Vec<f64>>();
    all.push(("strength", wide(&strength)));
    all.push(("onsets", frame_list(&frames)));
    all.push((
        "backtracked",
        frame_list(&onset_backtrack(&frames, &strength)),
    ));
    let slow = onset_strength(&clean, rate, 512)?;
    all.push(("strength_512", wide(&slow)));
    all.push(("onsets_512", frame_list(&onset_detect(&slow, rate, 512))));
    for (name, start_bpm) in [("tempo_10", 10.0), ("tempo_120", 120.0)] {
        let settings = TempoSettings {
            start_bpm,
            ..Default::default()
        };
        all.push((name, vec![tempo(&slow, rate, 512, &settings)?]));
    }
    let framing = Framing {
        n_fft: 512,
        hop: 128,
    };
    let slaney = mel_spectrogram(&sound.samples, rate, framing, &MelSettings::new(64))?;
    all.push(("mel", wide(&power_to_db(&slaney, 1.0, None))));
    let htk = MelSettings {
        scale: MelScale::Htk,
        slaney_norm: false,
        ..MelSettings::new(40)
    };
    let htk = mel_spectrogram(&sound.samples, rate, framing, &htk)?;
    all.push(("mel_htk", wide(&power_to_db(&htk, 1.0, None))));
    let framing = Framing {
        n_fft: 2048,
        hop: 512,
    };
    let db = mel_db(&sound.samples, rate, framing, &MelSettings::new(128))?;
    all.push(("mfcc", wide(&mfcc(&db, 128, 13))));
    let range = PitchRange {
        fmin: 65.0,
        fmax: 450.0,
        frame_length: 1024,
        hop: 256,
    };
    if range.check(rate).is_ok() {
        all.push(("yin", yin(&sound.samples, rate, &range, 0.1)?));
    }
    for (name, range, denoised) in ranges(rate) {
        let track = pyin(if denoised { &clean } else { &sound.samples }, rate, &range)?;
        all.push((
            name,
            track.f0_hz.iter().map(|f| f.unwrap_or(f64::NAN)).collect(),
        ));
        let name = match name {
            "pyin" => "pyin_probability",
            "pyin_raw" => "pyin_raw_probability",
            _ => "pyin_music_probability",
        };
        all.push((name, track.voiced_probability));
    }
    let target = if rate == 8_000 { 16_000 } else { 8_000 };
    all.push(("resampled", wide(&resample(&sound.samples, rate, target)?)));
    let settings = AcousticSettings::preset(Preset::SpeechExtended);
    if let Some(extended) = acoustic_features(sound, &settings)?.extended {
        let values = extended.vector();
        all.extend(
            ExtendedFeatures::names()
                .iter()
                .copied()
                .zip(values.into_iter().map(|v| vec![v])),
        );
    }
    Ok(all)
}

/// Seconds that this thread has been on a processor: on a machine with other work, time on the clock
/// says little. Linux counts them in steps of some milliseconds; elsewhere it is the clock.
fn busy_seconds(start: Instant) -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|n| n.parse::<f64>().ok());
    nanoseconds.map_or_else(|| start.elapsed().as_secs_f64(), |n| n * 1e-9)
}

/// Mean time of `rounds` calls, in seconds, after one that is not counted.
fn time<T>(rounds: usize, mut call: impl FnMut() -> T) -> f64 {
    std::hint::black_box(call());
    let start = Instant::now();
    let before = busy_seconds(start);
    for _ in 0..rounds.max(1) {
        std::hint::black_box(call());
    }
    (busy_seconds(start) - before) / rounds.max(1) as f64
}

fn times(path: &Path, sound: &Sound, rounds: usize) -> Result<String, AudioError> {
    let rate = sound.sample_rate;
    let clean = reduce_noise(sound, &NonStationary::default())?;
    let settings = AcousticSettings::preset(Preset::FirstImpressions);
    let range = settings.pitch_range(rate)?;
    let tempo_settings = TempoSettings {
        start_bpm: 10.0,
        ..Default::default()
    };
    let onset = time(rounds, || {
        onset_strength(&clean, rate, 128).map(|strength| onset_detect(&strength, rate, 128))
    });
    let beat = time(rounds, || {
        onset_strength(&clean, rate, 512).map(|slow| tempo(&slow, rate, 512, &tempo_settings))
    });
    let extended = AcousticSettings::preset(Preset::SpeechExtended);
    Ok(format!(
        "{{\"file\":{:?},\"decode\":{},\"reduce_noise\":{},\"onset\":{onset},\"tempo\":{beat},\
         \"pyin\":{},\"total\":{},\"speech_extended\":{}}}",
        path.display().to_string(),
        time(rounds, || decode(path)),
        time(rounds, || reduce_noise(sound, &NonStationary::default())),
        time(rounds, || pyin(&clean, rate, &range)),
        time(rounds, || decode(path)
            .and_then(|sound| acoustic_features(&sound, &settings))),
        time(rounds, || acoustic_features(sound, &extended)),
    ))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "stages dump OUT FILE... | stages time ROUNDS FILE...";
    let (mode, value) = (
        arguments.next().ok_or(usage)?,
        arguments.next().ok_or(usage)?,
    );
    let files: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    for path in &files {
        let sound = decode(path)?;
        match mode.as_str() {
            "dump" => {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                for (name, values) in stages(&sound)? {
                    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                    std::fs::write(Path::new(&value).join(format!("{stem}.{name}")), bytes)?;
                }
            }
            "time" => println!("{}", times(path, &sound, value.parse()?)?),
            _ => return Err(usage.into()),
        }
    }
    Ok(())
}
