//! Faster and Mask R-CNN against torchvision's own values (`model-reference/detection/mask_rcnn_320.json`): weights made from names.

mod support;

use std::sync::OnceLock;

use cohort_detectors::DetectorError;
use cohort_detectors::rcnn::{Dialect, Layout, Rcnn, RcnnSettings, Trunk};
use cohort_vision::{Picture, decode};
use cohort_weights::{Array, Weights};
use serde_json::Value;
use support::stages::*;
use support::weights::*;
use support::*;

fn golden_network() -> Option<&'static (Value, Weights)> {
    static MADE: OnceLock<Option<(Value, Weights)>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let golden = golden("mask_rcnn_320.json")?;
        let bias = support::golden("class_bias_320.json")?;
        let weights = golden_weights(&golden["tensors"], &golden["gains"], &bias);
        Some((golden, weights))
    });
    made.as_ref()
}

fn network(weights: Weights, short: usize, long: usize) -> Result<Rcnn, DetectorError> {
    let checkpoint = checkpoint(weights);
    let layout = Layout::of(&checkpoint)?;
    let settings = RcnnSettings {
        short,
        long,
        ..RcnnSettings::published(&layout)
    };
    Rcnn::load(&checkpoint, layout, settings)
}

/// The same without the mask branch.
fn without_masks(weights: &Weights) -> Weights {
    let own = weights.0.iter().filter(|(name, _)| !name.contains("mask"));
    Weights(own.map(|(n, a)| (n.clone(), a.clone())).collect())
}

#[test]
fn weights_are_those_of_the_golden_network() {
    let Some((golden, weights)) = golden_network() else {
        return;
    };
    for (name, expected) in golden["fill_check"].as_object().unwrap() {
        let found = &weights.0[name].values[..5];
        assert_near(found, &numbers(expected), 1e-7, name);
    }
    let norms = ["running_mean", "running_var", "bn", "downsample.1"];
    let of_norm = |name: &str| norms.iter().any(|part| name.contains(part));
    let parameters = weights.0.iter().filter(|(name, _)| !of_norm(name));
    let parameters: usize = parameters.map(|(_, a)| a.values.len()).sum();
    assert_eq!(parameters, index(&golden["parameters"]));
}

#[test]
fn every_stage_of_four_pictures() {
    let Some((golden, weights)) = golden_network() else {
        return;
    };
    let Some(pictures) = shared("coco-mini") else {
        return;
    };
    let [short, long] = ["min_size", "max_size"].map(|s| index(&golden["settings"][s]));
    let rcnn = network(weights.clone(), short, long).unwrap();
    let layout = rcnn.layout();
    assert_eq!(
        (layout.dialect, layout.trunk, layout.masks, layout.classes),
        (Dialect::Torchvision, Trunk::Pyramid, true, 90)
    );
    let faster = network(without_masks(weights), short, long).unwrap();
    let images = golden["images"].as_object().unwrap();
    assert_eq!(images.len(), 4);
    for (i, (name, golden)) in images.iter().enumerate() {
        let picture = decode(&pictures.join(name)).unwrap();
        stages(&rcnn, &picture, golden, name);
        let found = rcnn.detect(&picture).unwrap();
        let matched = matched(&found, &golden["detections"], ("labels", 1));
        let hits = matched.iter().flatten().count();
        println!("{name}: {hits} of {}", matched.len());
        assert_eq!(found.len(), index(&golden["detections"]["count"]));
        assert!(hits >= 98 && matched.len() == 100, "{name}: {hits}");
        let fields = ["mask_areas_over_half", "mask_rle_first5"];
        assert_masks(&found, &matched, &golden["detections"], fields);
        if i == 0 {
            // the mask branch changes no box
            let boxes = faster.detect(&picture).unwrap();
            assert_eq!(boxes.len(), found.len());
            for (a, b) in boxes.iter().zip(&found) {
                assert_eq!((a.corners, a.class, a.score), (b.corners, b.class, b.score));
                assert!(a.mask.is_none());
            }
        }
    }
}

/// The same at the default size, where a reference for it is there.
#[test]
fn every_stage_at_800_pixels() {
    let Some((own, weights)) = golden_network() else {
        return;
    };
    let (Some(golden), Some(pictures)) = (golden("mask_rcnn_800.json"), shared("coco-mini")) else {
        return;
    };
    let Some(bias) = support::golden("class_bias_800.json") else {
        return;
    };
    let mut weights = weights.clone();
    let scores = "roi_heads.box_predictor.cls_score.bias";
    weights.0.get_mut(scores).unwrap().values = numbers(&bias);
    assert_eq!(golden["gains"], own["gains"]);
    let rcnn = network(weights, 800, 1333).unwrap();
    for (name, golden) in golden["images"].as_object().unwrap() {
        let picture = decode(&pictures.join(name)).unwrap();
        stages(&rcnn, &picture, golden, name);
        let found = rcnn.detect(&picture).unwrap();
        let matched = matched(&found, &golden["detections"], ("labels", 1));
        let hits = matched.iter().flatten().count();
        assert_eq!(found.len(), index(&golden["detections"]["count"]));
        assert!(hits * 50 >= matched.len() * 49, "{name}: {hits}");
        let fields = ["mask_areas_over_half", "mask_rle_first5"];
        assert_masks(&found, &matched, &golden["detections"], fields);
    }
}

fn stages(rcnn: &Rcnn, picture: &Picture, golden: &Value, name: &str) {
    let prepared = rcnn.prepare(picture).unwrap();
    assert_eq!(prepared.original, pair(&golden["original_hw"]), "{name}");
    assert_eq!(prepared.resized, pair(&golden["resized_hw"]), "{name}");
    assert_eq!(prepared.padded, pair(&golden["padded_hw"]), "{name}");
    assert_stats(&prepared.planes, &golden["input"], name);
    // what is not padding
    let [height, width] = prepared.resized;
    let lines = prepared.planes.chunks(prepared.padded[1]).enumerate();
    let inside = lines.filter(|(line, _)| line % prepared.padded[0] < height);
    let inside: Vec<f32> = inside
        .flat_map(|(_, line)| line[..width].to_vec())
        .collect();
    assert_probe(&inside, &golden["input_probe"], name);
    let features = rcnn.features(&prepared).unwrap();
    for (level, key) in ["0", "1", "2", "3", "pool"].into_iter().enumerate() {
        let what = format!("{name}, level {key}");
        let golden_level = &golden["fpn"][key];
        let values = planes(&features.levels[level], 0..256);
        assert_stats(&values, golden_level, &what);
        assert_probe(&values, &golden_level["probe"], &what);
        let said = &features.proposals[level];
        for (key, channels) in [("rpn_objectness", 0..3), ("rpn_deltas", 3..15)] {
            let values = planes(said, channels);
            assert_stats(&values, &golden[key][level], &what);
            assert_probe(&values, &golden[key][level]["probe"], &what);
        }
    }
    let proposals = rcnn.proposals(&features, &prepared);
    let expected = &golden["proposals"];
    assert_eq!(proposals.boxes.len(), index(&expected["count"]));
    let first = numbers(&expected["scores_first20"]);
    for (corners, score) in corners(&expected["boxes_first20"]).iter().zip(first) {
        let near = proposals.boxes.iter().zip(&proposals.scores).take(40);
        let near = near.filter(|(b, s)| {
            let off = b.iter().zip(corners).map(|(a, b)| (a - b).abs());
            off.fold(0.0, f32::max) < 0.01 && (**s - score).abs() < 2e-5
        });
        assert_eq!(near.count(), 1, "{name}: proposal {corners:?} {score}");
    }
    let last = *proposals.scores.last().unwrap();
    assert!((last - number(&expected["score_last"]) as f32).abs() < 1e-3);
    // the second stage on fixed boxes
    let fixed = &golden["fixed"];
    let boxes = corners(&fixed["boxes"]);
    let regions = rcnn.regions(&features, &boxes).unwrap();
    assert_stats(&regions.hidden, &fixed["fc7"], name);
    assert_probe(&regions.hidden, &fixed["fc7_probe"], name);
    assert_stats(&regions.logits, &fixed["logits"], name);
    let rows = numbers(&fixed["logits_rows0_2"]);
    assert_near(&regions.logits[..rows.len()], &rows, NEAR, name);
    assert_stats(&regions.deltas, &fixed["deltas"], name);
    assert_probe(&regions.deltas, &fixed["deltas_probe"], name);
    // [box, class, row, column]
    let places = indices(&fixed["mask_logits_probe"]["index"]);
    let plane = 28 * 28;
    let asked: Vec<[usize; 2]> = places
        .iter()
        .map(|p| [p / plane / 91, p / plane % 91])
        .collect();
    let corners: Vec<[f32; 4]> = asked.iter().map(|[row, _]| boxes[*row]).collect();
    let classes: Vec<usize> = asked.iter().map(|[_, class]| *class).collect();
    let masks = rcnn.masks(&features, &corners, &classes).unwrap().unwrap();
    let values: Vec<f32> = places
        .iter()
        .enumerate()
        .map(|(i, place)| masks[i * plane + place % plane])
        .collect();
    // the last layer's weights were made 20 times as large: differences too
    let expected = numbers(&fixed["mask_logits_probe"]["value"]);
    assert_near(&values, &expected, NEAR, &format!("{name}: masks"));
}

/// A picture of stripes and noise.
fn made() -> Picture {
    let rgb = (0..90 * 70 * 3).map(|i| ((i * i / 31 + i / 7 * 13) % 256) as u8);
    Picture::new(90, 70, rgb.collect()).unwrap()
}

#[test]
fn both_generations_of_names_and_any_container_give_the_same_bytes() {
    let Some((_, weights)) = golden_network() else {
        return;
    };
    let picture = made();
    let new = network(weights.clone(), 96, 160).unwrap();
    let expected = new.detect(&picture).unwrap();
    assert!(!expected.is_empty());
    let old = renamed(weights, |name| {
        let name = name.replace("rpn.head.conv.0.0.", "rpn.head.conv.");
        let mut parts: Vec<String> = name.split('.').map(str::to_owned).collect();
        if name.contains("fpn.") {
            parts.remove(4);
        }
        if name.contains("mask_head.") {
            let layer: usize = parts[2].parse().unwrap();
            parts[2] = format!("mask_fcn{}", layer + 1);
            parts.remove(3);
        }
        parts.join(".")
    });
    assert!(old.0.contains_key("roi_heads.mask_head.mask_fcn4.bias"));
    assert!(old.0.contains_key("backbone.fpn.layer_blocks.3.weight"));
    assert_eq!(
        network(old.clone(), 96, 160)
            .unwrap()
            .detect(&picture)
            .unwrap(),
        expected
    );
    // a training script's file: under a name, an optimiser beside it, counts of batches in it
    let mut nested = renamed(weights, |name| format!("model.{name}"));
    let array = |values: Vec<f32>| Array {
        shape: vec![values.len()],
        values,
    };
    nested
        .0
        .insert("optimizer.state.0.momentum_buffer".into(), array(vec![1.0]));
    let count = "model.backbone.body.bn1.num_batches_tracked";
    nested.0.insert(count.into(), array(vec![7.0]));
    // through a file of safetensors
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    std::fs::write(&path, nested.to_safetensors("{}").unwrap()).unwrap();
    let opened = Rcnn::open(&path).unwrap();
    assert_eq!(opened.settings().short, 800);
    let read = cohort_weights::Checkpoint::open(&path)
        .unwrap()
        .weights("")
        .unwrap();
    assert_eq!(
        network(read, 96, 160).unwrap().detect(&picture).unwrap(),
        expected
    );
    // and whatever the number of threads
    for threads in [1, 2, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let found = pool
            .build()
            .unwrap()
            .install(|| new.detect(&picture).unwrap());
        assert_eq!(found, expected, "{threads} threads");
    }
}

#[test]
fn what_is_missing_unexpected_or_of_another_shape_is_told_by_name() {
    let Some((_, weights)) = golden_network() else {
        return;
    };
    let told = |change: &dyn Fn(&mut Weights)| {
        let mut changed = weights.clone();
        change(&mut changed);
        network(changed, 96, 160).unwrap_err().to_string()
    };
    let error = told(&|w| {
        w.0.remove("backbone.fpn.inner_blocks.2.0.bias");
        let fc7 = w.0.get_mut("roi_heads.box_head.fc7.bias").unwrap();
        fc7.shape = vec![512];
        fc7.values.truncate(512);
        let extra = w.0["rpn.head.cls_logits.bias"].clone();
        w.0.insert("backbone.body.layer3.6.conv1.weight".into(), extra);
    });
    let path = "made-from-names.pth: ";
    assert!(error.starts_with(path), "{error}");
    for part in [
        "1 tensors missing: backbone.fpn.inner_blocks.2.0.bias",
        "1 tensors of another shape: roi_heads.box_head.fc7.bias (expected [1024], found [512])",
        "1 tensors unexpected: backbone.body.layer3.6.conv1.weight",
    ] {
        assert!(error.contains(part), "{error}");
    }
    let error = told(&|w| {
        let values = &mut w.0.get_mut("backbone.body.bn1.weight").unwrap().values;
        values[3] = f32::NAN;
    });
    assert!(
        error.contains("expected finite numbers in ") && error.contains("bn1.weight, found"),
        "{error}"
    );
    let error = told(&|w| {
        let values = &mut w.0.get_mut("backbone.body.bn1.running_var").unwrap().values;
        values[5] = 0.0;
    });
    assert!(
        error.contains("bn1.running_var") && error.contains("at 5"),
        "{error}"
    );
    let error = told(&|w| w.0.clear());
    assert!(
        error.contains("expected an R-CNN of torchvision or detectron2"),
        "{error}"
    );
}

#[test]
fn the_epsilon_of_the_norms_is_a_setting() {
    let Some((_, weights)) = golden_network() else {
        return;
    };
    let checkpoint = checkpoint(without_masks(weights));
    let layout = Layout::of(&checkpoint).unwrap();
    let published = RcnnSettings::published(&layout);
    assert_eq!(published.norm_epsilon, 0.0);
    let small = RcnnSettings {
        short: 64,
        long: 96,
        ..published
    };
    let [none, some] = [0.0, 0.5].map(|norm_epsilon| {
        let settings = RcnnSettings {
            norm_epsilon,
            ..small
        };
        let rcnn = Rcnn::load(&checkpoint, layout.clone(), settings).unwrap();
        rcnn.features(&rcnn.prepare(&made()).unwrap()).unwrap()
    });
    assert_ne!(none, some);
    for settings in [
        RcnnSettings { short: 0, ..small },
        RcnnSettings {
            long: 100_000,
            ..small
        },
        RcnnSettings {
            norm_epsilon: -1e-5,
            ..small
        },
        RcnnSettings {
            score: f32::NAN,
            ..small
        },
        RcnnSettings {
            overlap: 1.5,
            ..small
        },
    ] {
        let error = Rcnn::load(&checkpoint, layout.clone(), settings).unwrap_err();
        assert!(error.to_string().contains("expected"), "{error}");
        assert!(matches!(error, DetectorError::Setting { .. }));
    }
}

#[test]
fn pictures_of_any_size_are_looked_at() {
    let Some((_, weights)) = golden_network() else {
        return;
    };
    let rcnn = network(weights.clone(), 64, 128).unwrap();
    for [width, height] in [[1, 1], [1, 500], [500, 1], [33, 17], [8000, 3]] {
        let picture = Picture::solid(width, height, [90, 120, 30]);
        let found = rcnn.detect(&picture).unwrap();
        for f in &found {
            assert!(f.corners.iter().all(|v| v.is_finite()));
            let mask = f.mask.as_ref().unwrap();
            assert_eq!([mask.width(), mask.height()], [width as u32, height as u32]);
        }
    }
}
