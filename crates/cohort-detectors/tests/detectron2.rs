//! Mask R-CNN R50-FPN and Faster R-CNN R50-C4 against detectron2's own values (`model-reference/detection/detectron2.json`).

mod support;

use cohort_detectors::rcnn::{Dialect, Layout, Rcnn, RcnnSettings, Trunk};
use cohort_vision::decode;
use cohort_weights::{Array, Weights};
use serde_json::Value;
use support::stages::*;
use support::weights::*;
use support::*;

/// The weights as detectron2's zoo writes them: under a name, with what the network keeps beside them.
fn zoo(golden: &Value) -> Weights {
    let weights = golden_weights(&golden["tensors"], &golden["gains"], &golden["class_bias"]);
    let mut weights = renamed(&weights, |name| format!("model.{name}"));
    let mean = Array {
        shape: vec![3, 1, 1],
        values: vec![103.53, 116.28, 123.675],
    };
    weights.0.insert("model.pixel_mean".into(), mean);
    weights
}

fn network(golden: &Value) -> Rcnn {
    let checkpoint = checkpoint(zoo(golden));
    let layout = Layout::of(&checkpoint).unwrap();
    let published = RcnnSettings::published(&layout);
    let asked = &golden["settings"]["MODEL__RPN__POST_NMS_TOPK_TEST"];
    let settings = RcnnSettings {
        short: 320,
        long: 533,
        proposals: asked.as_u64().map_or(published.proposals, |n| n as usize),
        ..published
    };
    Rcnn::load(&checkpoint, layout, settings).unwrap()
}

fn compare(golden: &Value, rcnn: &Rcnn, levels: &[&str], least: f64) {
    let Some(pictures) = shared("coco-mini") else {
        return;
    };
    let images = golden["images"].as_object().unwrap();
    assert_eq!(images.len(), 2);
    for (name, golden) in images {
        let picture = decode(&pictures.join(name)).unwrap();
        let prepared = rcnn.prepare(&picture).unwrap();
        assert_eq!(prepared.resized, pair(&golden["resized_hw"]), "{name}");
        assert_eq!(prepared.padded, pair(&golden["padded_hw"]), "{name}");
        assert_stats(&prepared.planes, &golden["input"], name);
        assert_probe(&prepared.planes, &golden["input_probe"], name);
        let features = rcnn.features(&prepared).unwrap();
        for (map, key) in features.levels.iter().zip(levels) {
            let channels = map.values.len() / (map.size[0] * map.size[1]);
            let values = planes(map, 0..channels);
            let what = format!("{name}, {key}");
            assert_stats(&values, &golden["features"][key], &what);
            assert_probe(&values, &golden["features"][key]["probe"], &what);
        }
        let proposals = rcnn.proposals(&features, &prepared);
        let expected = &golden["proposals"];
        assert_eq!(proposals.boxes.len(), index(&expected["count"]));
        let first = numbers(&expected["logits_first20"]);
        for (corners, score) in corners(&expected["boxes_first20"]).iter().zip(first) {
            let near = proposals.boxes.iter().zip(&proposals.scores).take(40);
            let near = near.filter(|(b, s)| {
                let off = b.iter().zip(corners).map(|(a, b)| (a - b).abs());
                off.fold(0.0, f32::max) < 0.01 && (**s - score).abs() < 1e-4
            });
            assert_eq!(near.count(), 1, "{name}: proposal {corners:?} {score}");
        }
        let fixed = &golden["fixed"];
        let boxes = corners(&fixed["boxes"]);
        let regions = rcnn.regions(&features, &boxes).unwrap();
        assert_stats(&regions.hidden, &fixed["head"], name);
        assert_probe(&regions.hidden, &fixed["head_probe"], name);
        let row = numbers(&fixed["logits_row0"]);
        assert_near(&regions.logits[..row.len()], &row, NEAR, name);
        assert_stats(&regions.deltas, &fixed["deltas"], name);
        let found = rcnn.detect(&picture).unwrap();
        assert_eq!(found.len(), index(&golden["detections"]["count"]), "{name}");
        let matched = matched(&found, &golden["detections"], ("classes", 0));
        let hits = matched.iter().flatten().count();
        println!("{name}: {hits} of {}", matched.len());
        assert!(
            hits as f64 >= least * matched.len() as f64,
            "{name}: {hits}"
        );
        assert!(matched.len() >= 20);
        if rcnn.layout().masks {
            let fields = ["mask_areas", "mask_rle_first3"];
            assert_masks(&found, &matched, &golden["detections"], fields);
        }
    }
}

#[test]
fn mask_rcnn_with_a_pyramid() {
    let Some(golden) = golden("detectron2.json") else {
        return;
    };
    let golden = &golden["mask_rcnn_R_50_FPN"];
    let rcnn = network(golden);
    let layout = rcnn.layout();
    assert_eq!(
        (layout.dialect, layout.trunk, layout.masks, layout.classes),
        (Dialect::Detectron2, Trunk::Pyramid, true, 80)
    );
    assert_eq!(layout.prefix, "model.");
    compare(golden, &rcnn, &["p2", "p3", "p4", "p5", "p6"], 0.975);
}

#[test]
fn faster_rcnn_of_a_fourth_stage() {
    let Some(golden) = golden("detectron2.json") else {
        return;
    };
    let golden = &golden["faster_rcnn_R_50_C4"];
    let rcnn = network(golden);
    let layout = rcnn.layout();
    assert_eq!(
        (layout.dialect, layout.trunk, layout.masks, layout.classes),
        (Dialect::Detectron2, Trunk::FourthStage, false, 80)
    );
    compare(golden, &rcnn, &["res4"], 0.975);
}

#[test]
fn means_of_another_network_are_refused() {
    let Some(golden) = golden("detectron2.json") else {
        return;
    };
    let mut weights = zoo(&golden["faster_rcnn_R_50_C4"]);
    weights
        .0
        .get_mut("model.pixel_mean")
        .unwrap()
        .values
        .reverse();
    let checkpoint = checkpoint(weights);
    let layout = Layout::of(&checkpoint).unwrap();
    let settings = RcnnSettings::published(&layout);
    let error = Rcnn::load(&checkpoint, layout, settings)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("expected model.pixel_mean to be [103.53"),
        "{error}"
    );
}
