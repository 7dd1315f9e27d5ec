//! Words and pictures: an index of pictures searched by words, tables of captions, and heads on pairs.
#![cfg(feature = "networks")]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cohort_tables::EmbeddingTable;
use common::{assert_same_files, cohort, corpus, finish};
use serde_json::{Value, json};

/// The characters that stand for the 256 bytes in a byte-pair vocabulary.
fn byte_characters() -> Vec<char> {
    let printable = |byte: u32| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let shown = (0..256).filter(|byte| printable(*byte));
    let hidden = (0..256).filter(|byte| !printable(*byte)).count() as u32;
    let all = shown.chain((0..hidden).map(|i| 256 + i));
    all.map(|code| char::from_u32(code).unwrap()).collect()
}

/// A safetensors file of numbers that follow from the names.
fn safetensors(tensors: &BTreeMap<String, Vec<usize>>) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (number, (name, shape)) in tensors.iter().enumerate() {
        let count: usize = shape.iter().product();
        let begin = data.len();
        for i in 0..count {
            let wave = ((i * 37 + number * 101) as f32 * 0.7).sin();
            let value = match shape.len() {
                0 => 1.0,
                1 if name.ends_with("weight") => 1.0 + 0.1 * wave,
                1 => 0.1 * wave,
                _ => wave / (shape[1..].iter().product::<usize>() as f32).sqrt(),
            };
            data.extend(value.to_le_bytes());
        }
        let about = json!({ "dtype": "F32", "shape": shape, "data_offsets": [begin, data.len()] });
        header.insert(name.clone(), about);
    }
    let header = serde_json::to_vec(&header).unwrap();
    [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()
}

/// A small CLIP in the layout of Hugging Face, whose words are spelt letter by letter.
fn clip(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let tower = json!({
        "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "hidden_act": "gelu",
    });
    let mut config = json!({
        "model_type": "clip", "projection_dim": 8, "text_config": tower, "vision_config": tower,
    });
    config["text_config"]["vocab_size"] = 514.into();
    config["text_config"]["max_position_embeddings"] = 40.into();
    config["text_config"]["eos_token_id"] = 513.into();
    config["vision_config"]["image_size"] = 32.into();
    config["vision_config"]["patch_size"] = 8.into();
    let mut tensors: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (tower, rows) in [("text_model", 40), ("vision_model", 17)] {
        let mut one =
            |name: &str, shape: Vec<usize>| tensors.insert(format!("{tower}.{name}"), shape);
        one("embeddings.position_embedding.weight", vec![rows, 16]);
        for layer in 0..2 {
            let mut part = |name: &str, outputs: usize, inputs: usize| {
                let name = format!("{tower}.encoder.layers.{layer}.{name}");
                tensors.insert(format!("{name}.weight"), vec![outputs, inputs]);
                tensors.insert(format!("{name}.bias"), vec![outputs]);
            };
            for name in ["q_proj", "k_proj", "v_proj", "out_proj"] {
                part(&format!("self_attn.{name}"), 16, 16);
            }
            part("mlp.fc1", 24, 16);
            part("mlp.fc2", 16, 24);
            for norm in ["layer_norm1", "layer_norm2"] {
                for kind in ["weight", "bias"] {
                    let name = format!("{tower}.encoder.layers.{layer}.{norm}.{kind}");
                    tensors.insert(name, vec![16]);
                }
            }
        }
    }
    for (name, shape) in [
        (
            "text_model.embeddings.token_embedding.weight",
            vec![514, 16],
        ),
        ("text_model.final_layer_norm.weight", vec![16]),
        ("text_model.final_layer_norm.bias", vec![16]),
        ("vision_model.embeddings.class_embedding", vec![16]),
        (
            "vision_model.embeddings.patch_embedding.weight",
            vec![16, 3, 8, 8],
        ),
        ("vision_model.pre_layrnorm.weight", vec![16]),
        ("vision_model.pre_layrnorm.bias", vec![16]),
        ("vision_model.post_layernorm.weight", vec![16]),
        ("vision_model.post_layernorm.bias", vec![16]),
        ("visual_projection.weight", vec![8, 16]),
        ("text_projection.weight", vec![8, 16]),
        ("logit_scale", vec![]),
    ] {
        tensors.insert(name.to_string(), shape);
    }
    let mut vocabulary = serde_json::Map::new();
    for ending in ["", "</w>"] {
        for character in byte_characters() {
            let id = vocabulary.len();
            vocabulary.insert(format!("{character}{ending}"), id.into());
        }
    }
    for mark in ["<|startoftext|>", "<|endoftext|>"] {
        let id = vocabulary.len();
        vocabulary.insert(mark.into(), id.into());
    }
    let preparation = json!({
        "crop_size": 32, "size": 32, "do_center_crop": true, "do_normalize": true, "do_resize": true, "resample": 3,
        "image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.25, 0.25], "feature_extractor_type": "CLIPFeatureExtractor",
    });
    let tokens = json!({ "tokenizer_class": "CLIPTokenizer", "model_max_length": 40, "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>" });
    for (name, text) in [
        ("config.json", config.to_string()),
        ("vocab.json", Value::Object(vocabulary).to_string()),
        ("merges.txt", "#version: 0.2\n".to_string()),
        ("preprocessor_config.json", preparation.to_string()),
        ("tokenizer_config.json", tokens.to_string()),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    std::fs::write(folder.join("model.safetensors"), safetensors(&tensors)).unwrap();
}

struct Folder(tempfile::TempDir);

impl Folder {
    /// With a CLIP in `clip`, and pictures of the corpus in `photos` with captions in `captions.csv`.
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        clip(&folder.at("clip"));
        let mut files = Vec::new();
        let mut folders = vec![corpus().to_path_buf()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                match path.extension().and_then(|ending| ending.to_str()) {
                    _ if path.is_dir() => folders.push(path),
                    Some("png" | "jpg") => files.push(path),
                    _ => {}
                }
            }
        }
        files.sort();
        std::fs::create_dir(folder.at("photos")).unwrap();
        let mut captions = String::from("image,caption\n");
        for (number, file) in files.iter().take(40).enumerate() {
            let name = format!(
                "p{number:02}.{}",
                file.extension().unwrap().to_string_lossy()
            );
            std::fs::copy(file, folder.at("photos").join(&name)).unwrap();
            for word in ["a face", "somebody"] {
                captions += &format!("{name},{word} of number {number}\n");
            }
        }
        std::fs::write(folder.at("photos/captions.csv"), captions).unwrap();
        folder
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn call(&self, arguments: &str) -> (i32, String, String) {
        // blanks part arguments, underscores stand for blanks within one
        let arguments = arguments.split(' ').map(|part| part.replace('_', " "));
        finish(cohort().current_dir(self.0.path()).args(arguments))
    }

    fn run(&self, arguments: &str) -> (String, String) {
        let (code, out, err) = self.call(arguments);
        assert_eq!(code, 0, "{arguments}: {err}");
        (out, err)
    }

    fn table(&self, name: &str) -> EmbeddingTable {
        EmbeddingTable::read(&self.at(name)).unwrap()
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        let pairs = a.iter().zip(b);
        pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn words_find_pictures_as_their_vectors_do() {
    let folder = Folder::new();
    let (_, err) = folder.run("search index photos --model clip --out photos.index");
    assert!(!err.contains("warning"), "{err}");
    folder.run("search embed photos --model clip --out pictures.parquet");
    folder.run("search embed photos/captions.csv --captions --model clip --out captions.parquet");
    let (pictures, captions) = (
        folder.table("pictures.parquet"),
        folder.table("captions.parquet"),
    );
    assert_eq!((pictures.len(), captions.len(), captions.dim), (40, 80, 8));
    // the caption of the third picture, by brute force over the tables
    let row = captions
        .clips
        .iter()
        .position(|clip| clip == "p02#1")
        .unwrap();
    let query = captions.row(row).unwrap();
    let mut nearest: Vec<(f64, &str)> = (0..40)
        .map(|i| {
            (
                1.0 - cosine(query, pictures.row(i).unwrap()),
                &*pictures.clips[i],
            )
        })
        .collect();
    nearest.sort_by(|a, b| a.0.total_cmp(&b.0));
    for asked in ["--words somebody_of_number_2", "somebody_of_number_2"] {
        let (out, _) = folder.run(&format!("search query photos.index {asked} -k 5 --json"));
        let found: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(found["queries"][0]["clip"], "somebody of number 2");
        let own = found["queries"][0]["found"].as_array().unwrap();
        assert_eq!(own.len(), 5);
        let standing = found["queries"][0]["standing"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&standing));
        for (found, (distance, clip)) in own.iter().zip(&nearest) {
            assert_eq!(found["clip"], *clip, "{asked}");
            assert!((found["distance"].as_f64().unwrap() - distance).abs() < 1e-6);
        }
    }
    let (_, err) =
        folder.run("search query photos.index somebody_of_number_2 -k 5 --sheet sheet.html");
    assert!(!err.contains("no picture"), "{err}");
    let page = std::fs::read_to_string(folder.at("sheet.html")).unwrap();
    assert!(page.contains("somebody of number 2") && !page.contains("no picture"));
    assert_eq!(page.matches("<img").count(), 5);
    let (code, _, err) = folder.call("search query photos.index _");
    assert!(
        code == 2 && err.contains("expected words to look for"),
        "{err}"
    );
    // what looks like a file is one
    let (code, _, err) = folder.call("search query photos.index absent.jpg");
    assert!(code == 2 && err.contains("absent.jpg"), "{err}");
    let (code, _, err) = folder.call("search query photos.index absent/words");
    assert!(code == 2 && err.contains("absent/words"), "{err}");
    let (_, err) = folder.run(&format!(
        "search query photos.index --words {}",
        "a_b_c_d".repeat(30)
    ));
    assert!(
        err.contains("1 of 1 texts are longer than the 40 tokens"),
        "{err}"
    );
    // a table's index has nobody who reads
    folder.run("search index pictures.parquet --out tables.index");
    let (code, _, err) = folder.call("search query tables.index some_words");
    assert!(
        code == 2 && err.contains("expected an index of pictures"),
        "{err}"
    );
    // another model than the index's
    let config = std::fs::read_to_string(folder.at("clip/config.json")).unwrap();
    std::fs::write(
        folder.at("clip/config.json"),
        config.replace("gelu", "quick_gelu"),
    )
    .unwrap();
    let (code, _, err) = folder.call("search query photos.index some_words");
    assert!(
        code == 2 && err.contains("expected the encoder that made the index"),
        "{err}"
    );
}

#[test]
fn tables_of_captions_are_gone_on_with_and_hold_what_a_text_encoder_says() {
    let folder = Folder::new();
    let embed = "search embed photos/captions.csv --captions --text-encoder ngrams --out t.parquet";
    let (out, _) = folder.run(embed);
    assert!(out.contains("80 captions as vectors"), "{out}");
    let before = std::fs::read(folder.at("t.parquet")).unwrap();
    folder.run(embed);
    assert_eq!(std::fs::read(folder.at("t.parquet")).unwrap(), before);
    let table = folder.table("t.parquet");
    let twice = |text: &str| {
        let row = table.clips.iter().position(|clip| clip == text).unwrap();
        table.row(row).unwrap().to_vec()
    };
    assert_ne!(twice("p00#0"), twice("p01#0"));
    for (arguments, told) in [
        (
            "search embed photos --out t.csv --model clip",
            "ends in .parquet",
        ),
        ("search embed photos --out x.parquet", "expected --model"),
        (
            "search index photos --model clip --text-encoder ngrams --out x.index",
            "--text-encoder: expected --heads or --names",
        ),
        ("search embed absent --model clip --out x.parquet", "absent"),
        (
            "search embed photos --model absent --out x.parquet",
            "absent",
        ),
    ] {
        let (code, _, err) = folder.call(arguments);
        assert!(code == 2 && err.contains(told), "{arguments}: {err}");
    }
    assert!(!folder.at("x.parquet").exists());
}

#[test]
fn heads_learn_pairs_are_resumed_and_measured() {
    let folder = Folder::new();
    folder.run("search embed photos --model clip --out pictures.parquet");
    folder.run(
        "search embed photos/captions.csv --captions --text-encoder ngrams --out captions.parquet",
    );
    let train = "train pairs photos/captions.csv --pictures pictures.parquet --captions captions.parquet --dimension 6 --epochs 3";
    let (out, err) = folder.run(&format!("{train} --out heads"));
    assert!(
        out.contains("vectors of 6 values, to compare by cosine"),
        "{out}"
    );
    assert!(
        err.contains("made from train by seed 1: valid with 6 pictures, test with 6 pictures"),
        "{err}"
    );
    assert!(err.contains("by chance validation R@1 is 0.167"), "{err}");
    let log = std::fs::read_to_string(folder.at("heads/metrics.jsonl")).unwrap();
    assert_eq!(log.lines().count(), 3, "{log}");
    let (code, _, err) = folder.call(&format!("{train} --out heads --pair-loss sigmoid --resume"));
    assert!(code == 2 && err.contains("loss"), "{err}");
    folder.run(&format!("{train} --out twice"));
    assert_same_files(&folder.at("heads"), &folder.at("twice"));
    // heads on both encoders are an index that words are looked for in, with the vectors of the tables
    folder.run(
        "search index photos --model clip --text-encoder ngrams --heads heads --out photos.index",
    );
    let (out, _) =
        folder.run("search query photos.index --words somebody_of_number_2 -k 40 --json");
    let found: Value = serde_json::from_str(&out).unwrap();
    let found = found["queries"][0]["found"].as_array().unwrap().clone();
    let tables = ["train", "valid", "test"].map(|name| {
        let of = |what: &str| folder.table(&format!("heads/{what}-{name}.parquet"));
        (of("pictures"), of("captions"))
    });
    let vector = |all: &dyn Fn(usize) -> EmbeddingTable, id: &str| {
        let tables = (0..3).map(all);
        let mut found = tables.filter_map(|table| {
            let row = table.clips.iter().position(|clip| clip == id)?;
            Some(table.row(row).unwrap().to_vec())
        });
        found.next().unwrap()
    };
    let query = vector(&|i| tables[i].1.clone(), "p02#1");
    for found in &found {
        let clip = found["clip"].as_str().unwrap();
        let expected = 1.0 - cosine(&query, &vector(&|i| tables[i].0.clone(), clip));
        assert!(
            (found["distance"].as_f64().unwrap() - expected).abs() < 1e-5,
            "{clip}"
        );
    }
    // another encoder than they were trained on
    let config = std::fs::read_to_string(folder.at("clip/config.json")).unwrap();
    let other = config.replace("gelu", "quick_gelu");
    std::fs::write(folder.at("clip/config.json"), other).unwrap();
    let (code, _, err) = folder.call(
        "search index photos --model clip --text-encoder ngrams --heads heads --out other.index",
    );
    assert!(
        code == 2 && err.contains("expected the encoder of pictures whose vectors"),
        "{err}"
    );
    for (name, pictures, captions) in [("train", 28, 56), ("valid", 6, 12), ("test", 6, 12)] {
        assert_eq!(
            folder
                .table(&format!("heads/pictures-{name}.parquet"))
                .len(),
            pictures
        );
        assert_eq!(
            folder
                .table(&format!("heads/captions-{name}.parquet"))
                .len(),
            captions
        );
    }
    let measure = "search pairs heads/pictures-test.parquet heads/captions-test.parquet --pairs photos/captions.csv --json --resamples 200";
    let (out, _) = folder.run(measure);
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found["gallery_pictures"], 6);
    for (arguments, told) in [
        (
            "train image photos --pictures pictures.parquet --out x",
            "--pictures: expected with train pairs alone",
        ),
        (
            "train pairs photos/captions.csv --captions captions.parquet --out x",
            "--pictures: expected an embedding table",
        ),
        (
            &format!("{train} --miner semi-hard --out x"),
            "--miner: expected with train embedding alone",
        ),
        (
            &format!("{train} --backbone resnet18 --out x"),
            "--backbone: expected with another kind of training, found train pairs",
        ),
        (
            &format!("{train} --features f --out x"),
            "--features: expected with another kind of training, found train pairs",
        ),
    ] {
        let (code, _, err) = folder.call(arguments);
        assert!(code == 2 && err.contains(told), "{arguments}: {err}");
    }
}
