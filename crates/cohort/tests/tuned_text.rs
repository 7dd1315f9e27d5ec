//! Fine-tuning a BERT's last layers, from the model's folder to the answer for a clip.

mod common;

use std::path::Path;

use common::{assert_same_files, cohort, corpus, finish, first_media};
use serde_json::{Value, json};

const WIDTH: usize = 16;
const LAYERS: usize = 3;

/// Writes a BERT of three layers that knows every letter, with weights by formula.
fn write_bert(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let letters = ('a'..='z').flat_map(|c| [c.to_string(), format!("##{c}")]);
    let marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].map(str::to_owned);
    let words: Vec<String> = marks.into_iter().chain(letters).collect();
    std::fs::write(folder.join("vocab.txt"), words.join("\n")).unwrap();
    let config = json!({
        "model_type": "bert", "vocab_size": words.len(), "hidden_size": WIDTH, "num_hidden_layers": LAYERS,
        "num_attention_heads": 2, "intermediate_size": 24, "max_position_embeddings": 40,
    });
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let h = WIDTH;
    let mut shapes: Vec<(String, Vec<usize>)> = vec![
        (
            "embeddings.word_embeddings.weight".into(),
            vec![words.len(), h],
        ),
        ("embeddings.position_embeddings.weight".into(), vec![40, h]),
        ("embeddings.token_type_embeddings.weight".into(), vec![2, h]),
    ];
    let mut norms = vec!["embeddings.LayerNorm".to_owned()];
    for layer in 0..LAYERS {
        let at = |part: &str| format!("encoder.layer.{layer}.{part}");
        for (part, outputs, inputs) in [
            ("attention.self.query", h, h),
            ("attention.self.key", h, h),
            ("attention.self.value", h, h),
            ("attention.output.dense", h, h),
            ("intermediate.dense", 24, h),
            ("output.dense", h, 24),
        ] {
            shapes.push((at(&format!("{part}.weight")), vec![outputs, inputs]));
            shapes.push((at(&format!("{part}.bias")), vec![outputs]));
        }
        norms.push(at("attention.output.LayerNorm"));
        norms.push(at("output.LayerNorm"));
    }
    for norm in norms {
        shapes.push((format!("{norm}.weight"), vec![h]));
        shapes.push((format!("{norm}.bias"), vec![h]));
    }
    let (mut header, mut data) = (serde_json::Map::new(), Vec::<u8>::new());
    for (i, (name, shape)) in shapes.iter().enumerate() {
        let begin = data.len();
        for k in 0..shape.iter().product::<usize>() {
            let wave = ((k * 37 + i * 11) as f32).sin() * 0.3;
            let value = match name.ends_with("LayerNorm.weight") {
                true => 1.0 + wave,
                false => wave,
            };
            data.extend(value.to_le_bytes());
        }
        let entry = json!({ "dtype": "F32", "shape": shape, "data_offsets": [begin, data.len()] });
        header.insert(name.clone(), entry);
    }
    let header = Value::Object(header).to_string();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.bytes());
    file.extend(data);
    std::fs::write(folder.join("model.safetensors"), file).unwrap();
}

fn run(bert: &Path, layers: usize, threads: &str, out: &Path) -> (i32, String, String) {
    finish(
        cohort()
            .env("RAYON_NUM_THREADS", threads)
            .arg("run")
            .arg(corpus())
            .args(["--modalities", "text", "--epochs", "2", "--text-weights"])
            .arg(bert)
            .args(["--tune-text", &layers.to_string(), "--out"])
            .arg(out),
    )
}

/// Values of a tensor of a safetensors file of single precision.
fn tensor(file: &Path, name: &str) -> Option<Vec<f32>> {
    let bytes = std::fs::read(file).unwrap();
    let (length, rest) = bytes.split_at(8);
    let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&rest[..length]).unwrap();
    let (found, _) = header.as_object().unwrap().iter().find_map(|(known, v)| {
        (known == name || known.ends_with(&format!(".{name}"))).then_some((v, known))
    })?;
    let at = |i: usize| length + found["data_offsets"][i].as_u64().unwrap() as usize;
    let (quads, _) = rest[at(0)..at(1)].as_chunks::<4>();
    Some(quads.iter().map(|q| f32::from_le_bytes(*q)).collect())
}

#[test]
fn the_last_layers_learn_and_the_run_answers_for_new_words() {
    let folder = tempfile::tempdir().unwrap();
    let bert = folder.path().join("bert");
    write_bert(&bert);
    let out = folder.path().join("one");
    let (code, _, stderr) = run(&bert, 2, "1", &out);
    assert_eq!(code, 0, "{stderr}");
    // transcripts of more letters than the model takes are cut, and counted
    assert!(stderr.contains("longer than 40 tokens"), "{stderr}");

    // Of three layers the last two are in the checkpoint, near what they were and not there.
    let best = out.join("text/checkpoints/best.safetensors");
    let given = bert.join("model.safetensors");
    for (trained, published) in [(0, 1), (1, 2)] {
        let bias = |file: &Path, name: String| tensor(file, &name).unwrap();
        let now = bias(&best, format!("layers.{trained}.up.bias"));
        let then = bias(
            &given,
            format!("encoder.layer.{published}.intermediate.dense.bias"),
        );
        let moved = now.iter().zip(&then).map(|(a, b)| (a - b).abs());
        let largest = moved.fold(0.0, f32::max);
        assert!(
            largest > 0.0 && largest < 0.05,
            "layer {trained}: {largest}"
        );
    }
    assert!(tensor(&best, "layers.2.up.bias").is_none());

    // The same bytes with another number of threads.
    let other = folder.path().join("two");
    let (code, _, stderr) = run(&bert, 2, "2", &other);
    assert_eq!(code, 0, "{stderr}");
    assert_same_files(&out, &other);

    // The answer for a clip is the one that the run wrote.
    let clip = first_media(corpus(), "test", "pkl");
    let (code, stdout, stderr) = finish(cohort().arg("predict").arg(&out).arg(&clip).arg("--json"));
    assert_eq!(code, 0, "{stderr}");
    let document: Value = serde_json::from_str(&stdout).unwrap();
    let found: Vec<f64> =
        serde_json::from_value(document["clips"][0]["probabilities"].clone()).unwrap();
    let table = std::fs::read_to_string(out.join("fused/predictions.csv")).unwrap();
    let name = clip.file_stem().unwrap().to_string_lossy().into_owned();
    let line = table.lines().find(|line| line.starts_with(&name)).unwrap();
    let expected = line.split(',').skip(3).map(|cell| cell.parse::<f64>());
    for (a, b) in found.iter().zip(expected) {
        let b = b.unwrap();
        assert!((a - b).abs() < 1e-5, "{found:?} and {line}");
    }
}

#[test]
fn layers_that_are_not_there_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let bert = folder.path().join("bert");
    write_bert(&bert);
    let (code, _, stderr) = run(&bert, 4, "1", &folder.path().join("run"));
    assert_eq!(code, 2);
    assert!(stderr.contains("found 4 for a BERT of 3"), "{stderr}");
    let (code, _, stderr) = finish(
        cohort()
            .arg("run")
            .arg(corpus())
            .args(["--tune-text", "1", "--out"])
            .arg(folder.path().join("run")),
    );
    assert_eq!(code, 2);
    assert!(stderr.contains("found 1 for ngrams"), "{stderr}");
}
