//! Filters and the preparation of pictures for CLIP-like models, against Pillow 12.3 (scripts/golden_filters.py) and the
//! real pictures of the shared reference data.

mod common;

use std::path::{Path, PathBuf};

use cohort_vision::{Filter, Preparation, Sizing, decode, normalise, resize_with};
use common::{crc32, pattern};
use serde_json::{Value, json};

fn filter(name: &str) -> Filter {
    match name {
        "box" => Filter::Box,
        "bilinear" => Filter::Bilinear,
        "hamming" => Filter::Hamming,
        "bicubic" => Filter::Bicubic,
        "lanczos" => Filter::Lanczos,
        other => panic!("no filter {other}"),
    }
}

fn preparation(kind: &str, mode: &str, height: usize, width: usize) -> Preparation {
    let made = match (kind, mode) {
        ("transformers", "shortest") => Preparation::from_transformers(&json!({
            "image_processor_type": "CLIPImageProcessor",
            "size": {"shortest_edge": height}, "crop_size": {"height": height, "width": width},
        })),
        ("transformers", _) => Preparation::from_transformers(&json!({
            "image_processor_type": "SiglipImageProcessor", "size": {"height": height, "width": width},
        })),
        _ => Preparation::from_open_clip(&json!({
            "preprocess_cfg": {"size": [height, width], "resize_mode": mode, "fill_color": 7},
        })),
    };
    made.expect("a preparation")
}

#[test]
fn filters_and_preparations_are_pillows_bit_for_bit() {
    let mut wrong = Vec::new();
    let lines = include_str!("golden/filters.txt").lines();
    let total = lines.clone().count();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let [kind, name, w, h, a, b, how, expected] = words[..] else {
            panic!("not a case: {line}");
        };
        let [w, h, a, b] = [w, h, a, b].map(|number| number.parse().expect("a number"));
        let picture = pattern(name, w, h);
        let found = match kind {
            "resize" => resize_with(&picture, a, b, filter(how)).expect("a valid size"),
            _ => {
                let preparation = preparation(kind, how, a, b);
                assert_eq!(preparation.sides(), [a, b], "{line}");
                let made = preparation.picture(&picture).expect("a valid size");
                made.into_owned()
            }
        };
        if format!("{:08x}", crc32(found.into_rgb())) != expected {
            wrong.push(line);
        }
    }
    assert!(total > 1000, "only {total} cases");
    let first = &wrong[..wrong.len().min(40)];
    assert!(
        wrong.is_empty(),
        "{} of {total} differ: {first:#?}",
        wrong.len()
    );
}

#[test]
fn real_pictures_are_within_one_level() {
    let shared = std::env::var_os("COHORT_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let golden = shared.join("data/model-reference/generation/clip_tiny.json");
    let Ok(bytes) = std::fs::read(&golden) else {
        println!(
            "skipped: {} is absent (set COHORT_SHARED)",
            golden.display()
        );
        return;
    };
    let golden: Value = serde_json::from_slice(&bytes).expect("JSON");
    let golden = &golden["preparation"];
    let preparation = Preparation::from_transformers(&json!({
        "image_processor_type": "CLIPImageProcessor",
        "image_mean": golden["mean"], "image_std": golden["std"],
    }));
    let preparation = preparation.expect("a preparation");
    let mut seen = 0;
    for case in golden["pictures"].as_array().expect("pictures") {
        let file = case["file"].as_str().expect("a name");
        let picture = decode(&shared.join("data/coco-mini/val2017").join(file)).expect("a picture");
        let found = preparation.picture(&picture).expect("a valid size");
        for (row, expected) in case["pil_rows"].as_object().expect("rows") {
            let y = row.parse().expect("a row");
            let expected: Vec<[u8; 3]> = serde_json::from_value(expected.clone()).expect("pixels");
            for (i, expected) in expected.into_iter().enumerate() {
                let pixel = found.pixel(16 * i, y).expect("inside");
                for (a, b) in pixel.into_iter().zip(expected) {
                    assert!(
                        a.abs_diff(b) <= 1,
                        "{file} {y} {i}: {pixel:?}, {expected:?}"
                    );
                    seen += 1;
                }
            }
        }
        // the tensor is that of the cut picture
        let mut out = vec![0.0; preparation.output_len()];
        preparation.apply(&picture, &mut out).expect("room");
        let [mean, std] = [preparation.mean, preparation.std].map(|m| m.map(|v| v as f32));
        let mut plain = vec![0.0; out.len()];
        normalise(&found, mean, std, &mut plain).expect("room");
        assert!(out.iter().zip(&plain).all(|(a, b)| (a - b).abs() < 1e-6));
    }
    assert_eq!(seen, 3 * 3 * 14 * 3);
}

#[test]
fn values_are_rescaled_and_normalised_as_stated() {
    let base =
        json!({"image_processor_type": "SiglipImageProcessor", "size": {"height": 5, "width": 7}});
    let picture = pattern("noise", 7, 5);
    for (fields, factor, mean, std) in [
        (json!({}), 1.0 / 255.0, 0.5, 0.5),
        (json!({"do_normalize": false}), 1.0 / 255.0, 0.0, 1.0),
        (
            json!({"do_rescale": false, "image_mean": 127.5, "image_std": [50, 50, 50]}),
            1.0,
            127.5,
            50.0,
        ),
        (
            json!({"rescale_factor": 1.0 / 127.5, "image_mean": [1, 1, 1], "image_std": [1, 1, 1]}),
            1.0 / 127.5,
            1.0,
            1.0,
        ),
    ] {
        let mut json = base.clone();
        for (key, value) in fields.as_object().expect("fields") {
            json[key] = value.clone();
        }
        let preparation = Preparation::from_transformers(&json).expect("a preparation");
        assert_eq!(preparation.sizing, Sizing::Squash([5, 7]));
        let mut out = vec![0.0; preparation.output_len()];
        preparation.apply(&picture, &mut out).expect("room");
        for (i, found) in out.into_iter().enumerate() {
            let (channel, place) = (i / 35, i % 35);
            let value = f64::from(picture.rgb()[3 * place + channel]);
            let expected = (value * factor - mean) / std;
            assert!(
                (f64::from(found) - expected).abs() < 1e-5,
                "{fields} {i}: {found}, {expected}"
            );
        }
    }
}

#[test]
fn what_changes_pixels_and_is_not_known_is_named() {
    let clip = |key: &str, value: Value| {
        let mut fields = json!({"image_processor_type": "CLIPImageProcessor", "crop_size": 224});
        fields[key] = value;
        Preparation::from_transformers(&fields).unwrap_err()
    };
    for (key, value, part) in [
        (
            "do_pad",
            json!(true),
            "do_pad: expected nothing, found true",
        ),
        ("crop_pct", json!(0.9), "crop_pct: expected nothing"),
        (
            "image_processor_type",
            json!("ViTImageProcessor"),
            "found ViTImageProcessor",
        ),
        ("do_resize", json!(false), "do_resize: expected true"),
        (
            "do_resize",
            json!("yes"),
            "do_resize: expected true or false",
        ),
        ("resample", json!(0), "resample: expected 1 to 5, found 0"),
        (
            "size",
            json!({"shortest_edge": 224, "longest_edge": 400}),
            "size: expected height and width",
        ),
        (
            "size",
            json!(0),
            "size: expected a side of 1 to 16384 pixels, found 0",
        ),
        ("size", json!(200), "crop_size: expected at most the size"),
        ("do_center_crop", json!(false), "a shortest_edge alone"),
        (
            "image_std",
            json!([0.0, 1.0, 1.0]),
            "image_std: expected three positive numbers",
        ),
        (
            "image_mean",
            json!([0.0, 1.0]),
            "image_mean: expected three numbers",
        ),
        (
            "rescale_factor",
            json!(-1),
            "rescale_factor: expected a positive number",
        ),
    ] {
        let found = clip(key, value);
        assert!(found.contains(part), "{key}: {found}");
    }
    let found = Preparation::from_transformers(&json!({})).unwrap_err();
    assert!(found.contains("image_processor_type"), "{found}");
    for (fields, part) in [
        (
            json!({"resize_mode": "letterbox"}),
            "resize_mode: expected shortest, longest or squash",
        ),
        (
            json!({"interpolation": "nearest"}),
            "interpolation: expected bicubic or bilinear",
        ),
        (json!({"mode": "L"}), "mode: expected RGB"),
        (json!({"sharpen": 1}), "sharpen: expected nothing, found 1"),
        (json!({"fill_color": 256}), "fill_color: expected 0 to 255"),
    ] {
        let found = Preparation::from_open_clip(&json!({"preprocess_cfg": fields})).unwrap_err();
        assert!(found.contains(part), "{found}");
    }
}

#[test]
fn a_folder_is_read_by_the_file_that_is_there() {
    let folder = std::env::temp_dir().join(format!("cohort-preparing-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let error = Preparation::open(&folder).unwrap_err().to_string();
    assert!(error.contains("found none of them"), "{error}");
    let write = |name: &str, json: Value| {
        std::fs::write(folder.join(name), json.to_string()).expect("written");
    };
    let side = || Preparation::open(&folder).expect("a preparation").sides();
    write(
        "open_clip_config.json",
        json!({
            "model_cfg": {"vision_cfg": {"image_size": 336}}, "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "size": 224},
        }),
    );
    assert_eq!(side(), [336; 2]);
    write(
        "processor_config.json",
        json!({"image_processor": {"image_processor_type": "CLIPImageProcessorFast"}}),
    );
    assert_eq!(side(), [224; 2]);
    write(
        "preprocessor_config.json",
        json!({"feature_extractor_type": "CLIPFeatureExtractor", "size": 64, "crop_size": 60}),
    );
    assert_eq!(side(), [60; 2]);
    write(
        "preprocessor_config.json",
        json!({"crop_size": 60, "size": []}),
    );
    let error = Preparation::open(&folder).unwrap_err().to_string();
    assert!(error.contains("preprocessor_config.json: size"), "{error}");
    std::fs::remove_dir_all(&folder).expect("removed");
}
