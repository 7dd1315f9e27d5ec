//! CLIP, OpenCLIP and SigLIP against transformers and open_clip: tiny networks with weights rebuilt from the names of their tensors.
//! `model-reference/generation` of the shared data has the one half of the values, `clip.json` here the other
//! (`scripts/clip_goldens.py`).

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use cohort_nn::DeviceChoice;
use cohort_nn::clip::{Clip, ClipConfig, ClipFolder, TextTower};
use cohort_weights::{Checkpoint, Weights};
use common::made::inputs;
use common::{difference, filled, shared};
use serde_json::{Value, json};

const CPU: DeviceChoice = DeviceChoice::Cpu;

/// Weights filled from their names.
fn weights(names: &Value) -> Weights {
    let names: BTreeMap<String, Vec<usize>> = serde_json::from_value(names.clone()).unwrap();
    let arrays = names.into_iter().map(|(name, shape)| {
        let array = filled(&name, &shape);
        (name, array)
    });
    Weights(arrays.collect())
}

fn unit(vectors: Vec<Vec<f32>>) -> Vec<Vec<f32>> {
    let scaled = vectors.into_iter().map(|vector| {
        let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
        vector.iter().map(|v| v / length).collect()
    });
    scaled.collect()
}

fn pictures(name: &str, count: usize, size: usize) -> Vec<Vec<f32>> {
    let pixels = inputs(name, count * 3 * size * size);
    pixels
        .chunks(3 * size * size)
        .map(<[f32]>::to_vec)
        .collect()
}

fn parts<T>(rows: &[Vec<T>]) -> Vec<&[T]> {
    rows.iter().map(Vec::as_slice).collect()
}

/// Scores of every picture and every text.
fn scores(clip: &Clip, pictures: &[Vec<f32>], texts: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let of = |picture: &Vec<f32>| {
        let dots = texts.iter().map(|text| {
            let dot: f32 = picture.iter().zip(text).map(|(a, b)| a * b).sum();
            clip.scale * dot + clip.bias
        });
        dots.collect()
    };
    pictures.iter().map(of).collect()
}

/// One network against its values.
fn check(
    name: &str,
    clip: &Clip,
    ids: &[Vec<u32>],
    pixels: &[Vec<f32>],
    expected: [Vec<Vec<f32>>; 3],
) {
    let texts = unit(clip.text.embed(&parts(ids)).unwrap());
    let pictures = unit(clip.picture.embed(&parts(pixels)).unwrap());
    let logits = scores(clip, &pictures, &texts);
    for (what, found, expected) in [
        ("texts", &texts, &expected[0]),
        ("pictures", &pictures, &expected[1]),
        ("scores", &logits, &expected[2]),
    ] {
        let off = difference(found, expected);
        assert!(off < 1e-5, "{name}, {what}: {off}");
    }
    // alone as in a batch, to the bit
    let alone = clip.picture.embed(&[&pixels[1]]).unwrap();
    assert_eq!(unit(alone)[0], pictures[1], "{name}");
    let alone = clip.text.embed(&[&ids[1]]).unwrap();
    assert_eq!(unit(alone)[0], texts[1], "{name}");
}

#[test]
fn tiny_networks_equal_transformers() {
    let Some(folder) = shared().map(|data| data.join("model-reference/generation")) else {
        return;
    };
    let about = std::fs::read(folder.join("clip_tiny.json")).unwrap();
    let about: Value = serde_json::from_slice(&about).unwrap();
    let goldens = Checkpoint::open(&folder.join("clip_tiny.safetensors")).unwrap();
    let pixels = pictures("clip.pixels", 3, 32);
    for (name, kind, ids) in [
        ("clip_quick", "clip", "ids"),
        ("clip_gelu", "clip", "ids"),
        ("siglip", "siglip", "siglip_ids"),
    ] {
        let config = json!({
            "model_type": kind,
            "projection_dim": 24,
            "text_config": about["configs"][name]["text"],
            "vision_config": about["configs"][name]["vision"],
        });
        let config = ClipConfig::from_json(&config.to_string(), Path::new("config.json")).unwrap();
        let weights = weights(&about["names"][name]);
        let clip = Clip::load(&config, weights.clone(), CPU).unwrap();
        let ids: Vec<Vec<u32>> = serde_json::from_value(about[ids].clone()).unwrap();
        let golden = |part: &str| -> Vec<Vec<f32>> {
            let array = goldens.read(&format!("{name}.{part}")).unwrap();
            let width = array.shape[1];
            array.values.chunks(width).map(<[f32]>::to_vec).collect()
        };
        let expected = ["text_embeds", "image_embeds", "logits_per_image"].map(golden);
        check(name, &clip, &ids, &pixels, expected);
        if kind == "siglip" {
            continue;
        }
        // what stands after the end token changes nothing
        let vectors = clip.text.embed(&parts(&ids)).unwrap();
        let cut: Vec<Vec<u32>> = ids
            .iter()
            .map(|ids| {
                let end = ids.iter().position(|&id| id == 49407).unwrap();
                ids[..=end].to_vec()
            })
            .collect();
        assert_eq!(clip.text.embed(&parts(&cut)).unwrap(), vectors, "{name}");
        // a tower of words that was written by itself lacks the prefix
        let text = weights.0.into_iter().filter_map(|(name, array)| {
            let short = name.strip_prefix("text_model.");
            let short = short.or((name == "text_projection.weight").then_some(&*name))?;
            Some((short.to_owned(), array))
        });
        let text = TextTower::load(&config, Weights(text.collect()), CPU).unwrap();
        assert_eq!(text.embed(&parts(&ids)).unwrap(), vectors, "{name}");
    }
}

#[test]
fn other_layouts_and_sizes_equal_their_libraries() {
    let goldens: Value = serde_json::from_str(include_str!("clip.json")).unwrap();
    for (name, golden) in goldens["networks"].as_object().unwrap() {
        let folder = tempfile::tempdir().unwrap();
        let is_open_clip = golden["layout"] == "open_clip";
        let (config, file) = match is_open_clip {
            true => ("open_clip_config.json", "open_clip_model.safetensors"),
            false => ("config.json", "model.safetensors"),
        };
        std::fs::write(folder.path().join(config), golden["config"].to_string()).unwrap();
        let weights = weights(&golden["names"]).to_safetensors("").unwrap();
        std::fs::write(folder.path().join(file), weights).unwrap();
        let folder = ClipFolder::open(folder.path()).unwrap();
        let clip = folder.load(CPU).unwrap();
        let of =
            |part: &str| serde_json::from_value::<Vec<Vec<f32>>>(golden[part].clone()).unwrap();
        let ids: Vec<Vec<u32>> = serde_json::from_value(golden["ids"].clone()).unwrap();
        let pixels = pictures("clip.pixels", 3, clip.picture.size());
        let expected = ["texts", "pictures", "scores"].map(of);
        check(name, &clip, &ids, &pixels, expected);
    }
}

#[test]
fn misfits_are_told() {
    let goldens: Value = serde_json::from_str(include_str!("clip.json")).unwrap();
    let golden = &goldens["networks"]["open_clip"];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let told = |part: &str| {
        let error = ClipFolder::open(path).and_then(|f| f.load(CPU).map(drop));
        let error = error.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    told("expected config.json or open_clip_config.json, found neither");
    std::fs::write(
        path.join("open_clip_config.json"),
        golden["config"].to_string(),
    )
    .unwrap();
    told("open_clip_model.safetensors or open_clip_pytorch_model.bin, found none");
    let file = path.join("open_clip_model.safetensors");
    let whole = weights(&golden["names"]);
    let write = |weights: &Weights| {
        std::fs::write(&file, weights.to_safetensors("").unwrap()).unwrap();
    };
    let mut short = whole.clone();
    short.0.remove("visual.transformer.resblocks.1.ln_2.bias");
    write(&short);
    told("encoder.layers.1.layer_norm2.bias");
    let mut odd = whole.clone();
    odd.0
        .insert("visual.attnpool.c_proj.bias".into(), filled("a", &[2]));
    write(&odd);
    told("visual.attnpool.c_proj.bias");
    let mut unscaled = whole.clone();
    unscaled.0.remove("logit_scale");
    write(&unscaled);
    told("logit_scale");
    write(&whole);
    let clip = ClipFolder::open(path).unwrap().load(CPU).unwrap();
    let end = clip.text.positions();
    for (ids, part) in [
        (vec![], "texts of 1 to"),
        (vec![1; end + 1], "texts of 1 to"),
        (vec![1_000_000], "the tokeniser is another model's"),
    ] {
        let error = clip.text.embed(&[&ids]).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    let error = clip.picture.embed(&[&[0.0; 7]]).unwrap_err().to_string();
    assert!(error.contains("found 7"), "{error}");
    let error = ClipFolder::open(&file).unwrap_err().to_string();
    assert!(error.contains("hf:openai/clip-vit-base-patch32"), "{error}");
}
