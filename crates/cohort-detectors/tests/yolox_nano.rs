//! The published YOLOX-nano on real pictures against what onnxruntime computes.

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use cohort_detection::evaluate::{figures, match_all};
use cohort_detection::{Results, Shape, Truth};
use cohort_detectors::yolox::{Letterbox, Settings, Yolox, letterbox};
use cohort_vision::decode;
use serde_json::Value;
use support::{list, number, shared};

fn nano(data: &Path) -> Yolox {
    Yolox::open(&data.join("weights/yolox_nano/yolox_nano.onnx")).unwrap()
}

fn golden() -> Value {
    support::golden("yolox_nano.json").unwrap()
}

/// The folder of the evaluation data, where the weights are in it.
fn data() -> Option<PathBuf> {
    shared("weights/yolox_nano/yolox_nano.onnx")?;
    shared("")
}

/// Numbers in double precision.
fn numbers(value: &Value) -> Vec<f64> {
    list(value).iter().map(number).collect()
}

/// Compares values in the golden order with its figures.
fn compare(values: &[f32], expected: &Value, name: &str) {
    let near = |found: f64, expected: f64, what: &str| {
        let bound = 1e-4 * expected.abs().max(1.0);
        assert!(
            (found - expected).abs() < bound,
            "{name} {what}: {found} against {expected}"
        );
    };
    let shape = numbers(&expected["shape"]);
    assert_eq!(values.len() as f64, shape.iter().product::<f64>(), "{name}");
    let all: Vec<f64> = values.iter().map(|v| f64::from(*v)).collect();
    let count = all.len() as f64;
    let mean = all.iter().sum::<f64>() / count;
    let variance = all.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
    near(mean, number(&expected["mean"]), "mean");
    near(variance.sqrt(), number(&expected["std"]), "std");
    let most = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least = all.iter().copied().fold(f64::INFINITY, f64::min);
    near(most, number(&expected["max"]), "max");
    near(least, number(&expected["min"]), "min");
    let sum = all.iter().map(|v| v.abs()).sum::<f64>();
    near(sum / count, number(&expected["abs_sum"]) / count, "abs_sum");
    let places = numbers(&expected["probe_index"]);
    for (place, value) in places.iter().zip(numbers(&expected["probe"])) {
        near(all[*place as usize], value, &format!("at {place}"));
    }
}

/// `[row, column, channel]` to `[channel, row, column]`.
fn planes(values: &[f32], channels: usize) -> Vec<f32> {
    (0..channels)
        .flat_map(|c| values.iter().skip(c).step_by(channels).copied())
        .collect()
}

#[test]
fn stages_and_predictions_are_those_of_onnxruntime() {
    let Some(data) = data() else {
        return;
    };
    let (yolox, golden) = (nano(&data), golden());
    let of = yolox.architecture();
    assert_eq!((of.name(), of.classes), (Some("yolox_nano"), 80));
    // what the golden tensors are, told from the graph: behind the first depthwise layer, a stage, and before the last layer of the
    // pyramid's blocks
    let stages = [
        ("stem_focus_conv", "backbone.backbone.dark2.0.dconv"),
        ("dark2", "backbone.backbone.dark2.1"),
        ("pan_out2_stride8", "backbone.C3_p3.joined"),
        ("pan_out1_stride16", "backbone.C3_n3.joined"),
        ("pan_out0_stride32", "backbone.C3_n4.joined"),
    ];
    for (file, expected) in golden["pictures"].as_object().unwrap() {
        let picture = decode(&data.join("coco-mini").join(file)).unwrap();
        let given = letterbox(&picture, 416).unwrap();
        let maps = yolox.maps(&given, &stages.map(|(_, name)| name)).unwrap();
        for ((name, _), map) in stages.iter().zip(maps) {
            let channels = map.values.len() / (map.size[0] * map.size[1]);
            compare(
                &planes(&map.values, channels),
                &expected["stages"][name],
                &format!("{file} {name}"),
            );
        }
        let found = raw(&yolox, &given);
        compare(&found, &expected["output"], &format!("{file} output"));
    }
}

/// Predictions as the graph's output has them: centre and size before they are decoded.
fn raw(yolox: &Yolox, given: &Letterbox) -> Vec<f32> {
    let mut all = yolox.predictions(given);
    let mut rows = all.chunks_exact_mut(85);
    for stride in [8, 16, 32_usize] {
        let side = given.side / stride;
        for cell in 0..side * side {
            let row = rows.next().unwrap();
            let stride = stride as f32;
            row[0] = row[0] / stride - (cell % side) as f32;
            row[1] = row[1] / stride - (cell / side) as f32;
            row[2] = (row[2] / stride).ln();
            row[3] = (row[3] / stride).ln();
        }
    }
    all
}

#[test]
fn detections_are_those_of_onnxruntime() {
    let Some(data) = data() else {
        return;
    };
    let (yolox, golden) = (nano(&data), golden());
    let settings = Settings {
        score: 0.05,
        ..Settings::of(yolox.architecture())
    };
    for (file, expected) in golden["pictures"].as_object().unwrap() {
        let picture = decode(&data.join("coco-mini").join(file)).unwrap();
        let found = yolox.detect(&picture, &settings).unwrap();
        assert_eq!(found.len() as f64, number(&expected["count"]), "{file}");
        let listed = list(&expected["detections_over_0.05"]);
        assert!(listed.len() >= 40);
        for (found, expected) in found.iter().zip(listed) {
            assert_eq!(found.class as f64, number(&expected[1]), "{file}");
            let score = number(&expected[0][0]);
            assert!((f64::from(found.score) - score).abs() < 1e-5, "{file}");
            for (found, expected) in found.corners.iter().zip(numbers(&expected[2])) {
                assert!(
                    (f64::from(*found) - expected).abs() < 2e-3,
                    "{file}: {found} against {expected}"
                );
            }
        }
    }
}

#[test]
fn average_precision_on_real_pictures_is_that_of_onnxruntime() {
    let Some(data) = data() else {
        return;
    };
    let (yolox, golden) = (nano(&data), golden());
    let settings = Settings::of(yolox.architecture());
    for split in ["val2017", "train2017"] {
        let folder = data.join("coco-mini");
        let annotations = folder.join(format!("annotations/instances_{split}.json"));
        let truth = Truth::read(&annotations, Shape::Box).unwrap();
        let mut lines = Vec::new();
        for picture in &truth.pictures {
            let file = folder.join(split).join(&picture.file_name);
            for found in yolox.detect(&decode(&file).unwrap(), &settings).unwrap() {
                let [x1, y1, x2, y2] = found.corners;
                let mut line = String::new();
                write!(
                    line,
                    r#"{{"image_id":{},"category_id":{},"bbox":[{x1},{y1},{},{}],"score":{}}}"#,
                    picture.id,
                    truth.categories[found.class].id,
                    x2 - x1,
                    y2 - y1,
                    found.score
                )
                .unwrap();
                lines.push(line);
            }
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), format!("[{}]", lines.join(","))).unwrap();
        let results = Results::read(file.path(), &truth, Shape::Box).unwrap();
        let found = figures(&match_all(&truth, &results, Shape::Box)).to_stats();
        let expected = numbers(&golden["ap"][format!("pil {split}")]);
        println!("{split}: {found:?} against {expected:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found - expected).abs() < 0.002,
                "{split}: {found} {expected}"
            );
        }
    }
}
