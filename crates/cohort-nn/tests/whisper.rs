//! Whisper against transformers: a tiny one with seeded weights (scripts/make_whisper_golden.py), and tiny.en with its
//! real weights on real voices (the folder COHORT_WHISPER, which scripts/fetch_whisper.py makes; the shared data).
#![cfg(feature = "whisper")]

use std::f64::consts::TAU;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use cohort_audio::log_mel;
use cohort_hub::Hub;
use cohort_nn::{
    DeviceChoice, Greedy, NnError, Transcriber, Vocabulary, Whisper, WhisperFolder, burn,
};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/whisper")
}

fn golden() -> Value {
    serde_json::from_slice(&std::fs::read(folder().join("golden.json")).unwrap()).unwrap()
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn tiny() -> (WhisperFolder, Whisper) {
    let folder = WhisperFolder::open(&folder().join("tiny")).unwrap();
    let checkpoint = folder.checkpoint().unwrap();
    let (network, report) = Whisper::load(&folder.config, &checkpoint, &Device::flex()).unwrap();
    assert!(report.unused.is_empty() && report.cast == ["f16"]);
    (folder, network)
}

/// The sounds of the script.
fn sound(kind: usize) -> Vec<f32> {
    let value = |t: f64| match kind {
        0 => 0.3 * (TAU * 220.0 * t).sin() + 0.1 * (TAU * 1760.0 * t).sin(),
        1 => 0.4 * (TAU * (100.0 * t + 900.0 * t * t)).sin(),
        2 if t < 0.4 => 0.2 * (TAU * 440.0 * t).sin(),
        2 if t >= 0.6 => 0.2 * (TAU * 3000.0 * t).sin(),
        2 => 0.0,
        3 => 0.25 * (TAU * 150.0 * t).sin() * (TAU * 4.0 * t).sin().powi(2),
        4 => 0.05 * (TAU * 5000.0 * t * t).sin() + 0.5 * (TAU * 60.0 * t).sin(),
        _ => 0.3 * (TAU * 700.0 * t).sin().powi(3),
    };
    let length = if kind == 3 { 9_000 } else { 16_000 };
    (0..length)
        .map(|i| value(f64::from(i) / 16_000.0) as f32)
        .collect()
}

fn windows() -> Vec<Vec<f32>> {
    (0..6)
        .map(|kind| log_mel(&sound(kind), 16_000, 80).unwrap())
        .collect()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().iter().collect()
}

/// The largest difference of what the script kept of a table, every `step`th value of a row.
fn difference(found: &[f32], width: usize, step: usize, expected: &[Vec<f32>]) -> f32 {
    let mut largest = 0.0f32;
    for (row, expected) in found.chunks_exact(width).zip(expected) {
        let kept: Vec<&f32> = row.iter().step_by(step).collect();
        assert_eq!(kept.len(), expected.len());
        for (a, b) in kept.into_iter().zip(expected) {
            largest = largest.max((a - b).abs());
        }
    }
    largest
}

#[test]
fn vectors_and_logits_equal_the_reference() {
    let (golden, (_, network)) = (golden(), tiny());
    let states: Vec<Vec<Vec<f32>>> = read(&golden["states"]);
    let logits: Vec<Vec<Vec<f32>>> = read(&golden["logits"]);
    let prefix: Vec<u32> = read(&golden["prefix"]);
    for (i, mel) in windows().iter().take(2).enumerate() {
        let heard = network.encode(mel).unwrap();
        let found: Vec<f32> = values(heard.clone());
        let rows: Vec<f32> = found.chunks(32).step_by(7).flatten().copied().collect();
        let apart = difference(&rows, 32, 1, &states[i]);
        assert!(apart < 1e-4, "states {apart}");
        let mut memory = network.remember(&heard);
        let found = values(network.forward(&prefix, &mut memory).unwrap());
        let apart = difference(&found, 283, 5, &logits[i]);
        assert!(apart < 1e-4, "logits {apart}");
    }
}

#[test]
fn token_by_token_says_what_all_at_once_says_and_so_does_a_batch() {
    let network = tiny().1;
    let ids: Vec<u32> = (0..24).map(|i| (i * 37 + 11) % 283).collect();
    let heard: Vec<Tensor<3>> = windows()[..3]
        .iter()
        .map(|mel| network.encode(mel).unwrap())
        .collect();
    let mut memory = network.remember(&heard[1]);
    let whole = values(network.forward(&ids, &mut memory).unwrap());
    let mut memory = network.remember(&heard[1]);
    let mut steps = values(network.forward(&ids[..4], &mut memory).unwrap());
    for id in &ids[4..20] {
        steps.extend(values(network.forward(&[*id], &mut memory).unwrap()));
    }
    // several tokens after others
    steps.extend(values(network.forward(&ids[20..], &mut memory).unwrap()));
    assert_eq!(memory.tokens(), 24);
    let mut together = network.remember(&Tensor::cat(heard, 0));
    let batch = values(network.forward(&ids.repeat(3), &mut together).unwrap());
    for (a, (b, c)) in whole.iter().zip(steps.iter().zip(&batch[24 * 283..])) {
        assert!((a - b).abs() < 1e-4 && (a - c).abs() < 1e-4, "{a} {b} {c}");
    }
    let error = network.forward(&[1], &mut memory).unwrap_err().to_string();
    assert!(error.contains("at most 24 tokens"), "{error}");
}

#[test]
fn chosen_tokens_are_those_of_the_reference_batched_or_not() {
    let (golden, (folder, network)) = (golden(), tiny());
    let texts: Vec<Vec<u32>> = read(&golden["texts"]);
    let no_speech: Vec<f32> = read(&golden["no_speech"]);
    let log_probability: Vec<f32> = read(&golden["log_probability"]);
    let english = folder.greedy(folder.vocabulary.mark("<|en|>")).unwrap();
    let heard: Vec<Tensor<3>> = windows()
        .iter()
        .map(|mel| network.encode(mel).unwrap())
        .collect();
    let batch = english
        .run(&network, &Tensor::cat(heard.clone(), 0))
        .unwrap();
    for (i, one) in heard.iter().enumerate() {
        let alone = english.run(&network, one).unwrap().remove(0);
        assert_eq!(alone.ids, texts[i]);
        assert_eq!(batch[i].ids, texts[i]);
        for spoken in [&alone, &batch[i]] {
            assert!((spoken.no_speech - no_speech[i]).abs() < 1e-5);
            assert!((spoken.log_probability - log_probability[i]).abs() < 1e-4);
        }
    }
    let german: Vec<Vec<u32>> = read(&golden["german"]);
    let greedy = folder.greedy(folder.vocabulary.mark("<|de|>")).unwrap();
    for (one, expected) in heard.iter().zip(german) {
        assert_eq!(greedy.run(&network, one).unwrap()[0].ids, expected);
    }
    // the lists matter: without them other tokens are chosen
    for other in [
        Greedy {
            suppress: vec![],
            ..english.clone()
        },
        Greedy {
            begin_suppress: vec![],
            ..english.clone()
        },
    ] {
        let found = other.run(&network, &Tensor::cat(heard.clone(), 0)).unwrap();
        assert!(found.iter().zip(&texts).any(|(one, text)| one.ids != *text));
    }
    let short = Greedy {
        limit: 6,
        ..english
    };
    assert_eq!(
        short.run(&network, &heard[0]).unwrap()[0].ids,
        texts[0][..2]
    );
}

#[test]
fn tokens_become_text_as_the_tokenizers_package_has_it() {
    let vocabulary = Vocabulary::open(&folder().join("tiny")).unwrap();
    for row in golden()["decoded"].as_array().unwrap() {
        let ids: Vec<u32> = read(&row["ids"]);
        assert_eq!(
            vocabulary.text(&ids),
            row["text"].as_str().unwrap(),
            "{ids:?}"
        );
    }
}

#[test]
fn clips_are_joined_languages_found_and_unsure_windows_left_out() {
    let load = |language: &str| {
        let folder = WhisperFolder::open(&folder().join("tiny")).unwrap();
        Transcriber::load(folder, language, DeviceChoice::Cpu)
    };
    let transcriber = load("en").unwrap();
    let windows = windows();
    let whole = transcriber.transcribe(&windows[..3]).unwrap();
    let parts: Vec<String> = (0..3)
        .map(|i| transcriber.transcribe(&windows[i..=i]).unwrap().text)
        .collect();
    assert_eq!((whole.windows, whole.silent), (3, 0));
    assert_eq!(whole.text, parts.join(" "));
    let nothing = transcriber.transcribe(&[]).unwrap();
    assert_eq!((nothing.text.as_str(), nothing.windows), ("", 0));
    // transformers' detect_language says English of all of them
    let languages: Vec<u32> = read(&golden()["languages"]);
    assert!(languages.iter().all(|id| *id == 271));
    assert_eq!(
        load("auto")
            .unwrap()
            .transcribe(&windows[2..3])
            .unwrap()
            .language,
        "en"
    );
    assert_eq!(
        load("de")
            .unwrap()
            .transcribe(&windows[..1])
            .unwrap()
            .language,
        "de"
    );
    let error = load("fr").unwrap_err().to_string();
    assert!(
        error.contains("auto or one of de, en, yue, found fr"),
        "{error}"
    );
}

/// A copy of the tiny model that may be changed.
fn copy(name: &str) -> PathBuf {
    let to = std::env::temp_dir().join(format!("cohort-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&to).unwrap();
    for file in [
        "config.json",
        "generation_config.json",
        "tokenizer.json",
        "model.safetensors",
    ] {
        std::fs::copy(folder().join("tiny").join(file), to.join(file)).unwrap();
    }
    to
}

#[test]
fn what_a_folder_lacks_is_told() {
    let to = copy("whisper-lacks");
    let load = || -> Result<Transcriber, NnError> {
        Transcriber::load(WhisperFolder::open(&to)?, "en", DeviceChoice::Cpu)
    };
    let write = |name: &str, text: &str| std::fs::write(to.join(name), text).unwrap();
    let config = std::fs::read_to_string(to.join("config.json")).unwrap();
    write(
        "config.json",
        &config.replace("\"decoder_ffn_dim\": 64", "\"decoder_ffn_dim\": 65"),
    );
    let error = load().unwrap_err().to_string();
    let part = "decoder.layers.0.fc1.weight: expected shape [65, 32], found shape [64, 32]";
    assert!(error.contains(part), "{error}");
    write("config.json", &config);
    write(
        "generation_config.json",
        "{\"is_multilingual\": true, \"eos_token_id\": 999}",
    );
    let error = load().unwrap_err().to_string();
    assert!(
        error.contains("an id below 283 for <|endoftext|>, found 999"),
        "{error}"
    );
    // without the file the marks are found by their names; so few tokens are taken for English alone
    std::fs::remove_file(to.join("generation_config.json")).unwrap();
    let made = load().unwrap();
    assert!(!made.folder().multilingual);
    assert_eq!(made.folder().greedy(None).unwrap().prefix, [270, 279]);
    std::fs::remove_file(to.join("model.safetensors")).unwrap();
    let error = load().unwrap_err().to_string();
    assert!(
        error.contains("expected model.safetensors or pytorch_model.bin"),
        "{error}"
    );
    std::fs::remove_dir_all(to).unwrap();
}

#[test]
fn a_repository_is_found_in_the_local_cache() {
    let cache = std::env::temp_dir().join(format!("cohort-whisper-hub-{}", std::process::id()));
    let folder = cache.join("models--org--tiny");
    std::fs::create_dir_all(folder.join("refs")).unwrap();
    std::fs::create_dir_all(folder.join("snapshots")).unwrap();
    std::fs::write(folder.join("refs/main"), "abc").unwrap();
    std::fs::rename(copy("whisper-cached"), folder.join("snapshots/abc")).unwrap();
    let hub = Hub {
        cache: cache.clone(),
        endpoint: "http://127.0.0.1:9".to_owned(),
        token: None,
        offline: true,
    };
    let find = |name| WhisperFolder::find(name, &hub, &mut |_| ControlFlow::Continue(()));
    let found = find("hf:org/tiny").unwrap();
    assert_eq!(found.path, folder.join("snapshots/abc"));
    assert_eq!(found.files.len(), 4);
    let error = find("hf:org/other").unwrap_err().to_string();
    assert!(error.contains("models--org--other"), "{error}");
    let error = find("hf:a/b/c").unwrap_err().to_string();
    assert!(error.contains("expected hf:org/name"), "{error}");
    std::fs::remove_dir_all(cache).unwrap();
}

#[test]
fn tiny_en_writes_down_real_voices_as_the_reference_does() {
    let Some(model) = std::env::var_os("COHORT_WHISPER").map(PathBuf::from) else {
        eprintln!("skipped: COHORT_WHISPER names no folder of Whisper tiny.en");
        return;
    };
    let shared = std::env::var_os("COHORT_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let voices = shared.join("data/audio-reference");
    if !voices.is_dir() {
        eprintln!("skipped: no {}", voices.display());
        return;
    }
    let folder = WhisperFolder::open(&model).unwrap();
    let device = Device::flex();
    let checkpoint = folder.checkpoint().unwrap();
    let (network, _) = Whisper::load(&folder.config, &checkpoint, &device).unwrap();
    let greedy = folder.greedy(None).unwrap();
    let expected: Value = serde_json::from_str(include_str!("whisper/voices.json")).unwrap();
    for (name, text) in expected.as_object().unwrap() {
        let sound = cohort_audio::decode(&voices.join(name)).unwrap();
        // a mean between every two, as in the script: both sides hear the very same
        let next = sound.samples[1..].iter().chain([&0.0]);
        let pairs = sound.samples.iter().zip(next);
        let samples: Vec<f32> = pairs.flat_map(|(a, b)| [*a, (a + b) / 2.0]).collect();
        let mel = log_mel(&samples, 480_000, 80).unwrap();
        let heard = network.encode(&mel).unwrap();
        let spoken = greedy.run(&network, &heard).unwrap().remove(0);
        let found = folder.vocabulary.text(&spoken.ids);
        assert_eq!(found, text.as_str().unwrap(), "{name}");
        assert!(spoken.no_speech < 0.6, "{name}: {}", spoken.no_speech);
        // in one of them the reference repeats itself until the limit
        assert!(spoken.without_loop().len() < 60, "{name}");
    }
}
