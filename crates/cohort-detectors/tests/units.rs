//! The parts of detectors against torchvision's and detectron2's own values (`model-reference/detection/units.json`).

mod support;

use cohort_detectors::parts::*;
use serde_json::Value;
use support::*;

/// Holds single numbers to five digits after the point, relative above 1.
const NEAR: f32 = 1e-5;

fn units() -> Option<Value> {
    golden("units.json")
}

#[test]
fn overlaps_and_cut_boxes() {
    let Some(units) = units() else { return };
    let [proposals, truth] = ["proposals", "truth"].map(|name| corners(&units["boxes"][name]));
    let expected = numbers(&units["boxes"]["iou_truth_by_proposal"]);
    let pairs = truth
        .iter()
        .flat_map(|t| proposals.iter().map(|p| iou(*t, *p)));
    assert_near(&pairs.collect::<Vec<_>>(), &expected, NEAR, "overlaps");
    let golden = &units["clip"];
    let cut = proposals
        .iter()
        .map(|p| clip(p.map(|v| v * 1.4 - 12.0), pair(&golden["size_hw"])));
    let cut: Vec<[f32; 4]> = cut.collect();
    let expected = numbers(&golden["out"]);
    assert_near(cut.as_flattened(), &expected, NEAR, "cut boxes");
    let kept = (0..cut.len()).filter(|&i| has_sides(cut[i], 1.0));
    assert_eq!(
        kept.collect::<Vec<_>>(),
        indices(&golden["kept_min_size_1"])
    );
    assert!(cut.iter().all(|&of| area(of) >= 1.0));
}

#[test]
fn suppression_keeps_the_same_boxes() {
    let Some(units) = units() else { return };
    let golden = &units["nms"];
    let boxes = corners(&golden["boxes"]);
    let scores = numbers(&golden["scores"]);
    let classes = indices(&golden["labels"]);
    assert_eq!(scores[10], scores[11], "a tie is among them");
    for threshold in [0.3, 0.5, 0.7] {
        let expected = indices(&golden[format!("keep_{threshold}")]);
        assert_eq!(nms(&boxes, &scores, threshold), expected, "at {threshold}");
    }
    let shifted = indices(&golden["batched_0.5_trick"]);
    assert_eq!(nms_batched(&boxes, &scores, &classes, 0.5), shifted);
    let apart = indices(&golden["batched_0.5_vanilla"]);
    assert_eq!(nms_by_class(&boxes, &scores, &classes, 0.5), apart);
}

#[test]
fn anchors_of_every_level() {
    let Some(units) = units() else { return };
    let golden = &units["anchors"];
    let ratios = [0.5, 1.0, 2.0];
    let sizes = [32.0, 64.0, 128.0, 256.0, 512.0];
    let cells = sizes.map(|size| cell_by_ratio(&[size], &ratios));
    for (cell, expected) in cells.iter().zip(list(&golden["cell"])) {
        assert_eq!(cell.as_slice(), corners(expected));
    }
    let several = cell_by_ratio(&sizes, &ratios);
    assert_eq!(several, corners(&golden["five_sizes_cell_ratio_major"]));
    for case in list(&golden["cases"]) {
        let picture = pair(&case["padded_hw"]);
        let mut sum = 0.0;
        for (level, cell) in cells.iter().enumerate() {
            let anchors = Anchors::over(cell.clone(), picture, pair(&case["grid"][level]));
            assert_eq!(anchors.len(), index(&case["count"][level]));
            let strides = pair(&case["strides_hw"][level]);
            assert_eq!(anchors.stride(), strides.map(|v| v as f32));
            let n = anchors.len();
            let found = [0, 1, 2, 3, n - 2, n - 1].map(|i| anchors.get(i));
            let expected = corners(&case["first4_last2_per_level"][level]);
            assert_eq!(found.as_slice(), expected);
            sum += anchors.iter().flatten().map(f64::from).sum::<f64>();
        }
        assert_eq!(sum, number(&case["sum"]));
    }
}

#[test]
fn anchors_of_detectron2() {
    let Some(golden) = golden("detectron2.json") else {
        return;
    };
    let sizes = [32.0, 64.0, 128.0, 256.0, 512.0];
    let ratios = [0.5, 1.0, 2.0];
    let expected = corners(&golden["faster_rcnn_R_50_C4"]["cell_anchors"][0]);
    assert_eq!(cell_by_size(&sizes, &ratios), expected);
    // the second place of the second row
    let one = Anchors::at_stride(cell_by_size(&sizes[..1], &ratios), [2, 3], 16, 0.0);
    let [x1, y1, x2, y2] = expected[0];
    assert_eq!(one.get(12), [x1 + 16.0, y1 + 16.0, x2 + 16.0, y2 + 16.0]);
}

#[test]
fn boxes_are_coded_and_decoded() {
    let Some(units) = units() else { return };
    let [proposals, truth] = ["proposals", "truth"].map(|name| corners(&units["boxes"][name]));
    for (name, weights) in [("rpn", [1.0; 4]), ("roi", [10.0, 10.0, 5.0, 5.0])] {
        let golden = &units[format!("coder_{name}")];
        let coder = BoxCoder::new(weights);
        assert_eq!(coder.most, number(&golden["clip"]) as f32);
        let pairs = proposals.iter().zip(&truth);
        let coded: Vec<[f32; 4]> = pairs.map(|(p, t)| coder.encode(*t, *p)).collect();
        assert_near(
            coded.as_flattened(),
            &numbers(&golden["encode"]),
            NEAR,
            name,
        );
        let deltas = corners(&golden["deltas"]);
        let pairs = proposals.iter().zip(&deltas);
        let decoded: Vec<[f32; 4]> = pairs.map(|(p, d)| coder.decode(*d, *p)).collect();
        assert_near(
            decoded.as_flattened(),
            &numbers(&golden["decode"]),
            NEAR,
            name,
        );
    }
}

#[test]
fn matches_with_and_without_low_quality() {
    let Some(units) = units() else { return };
    let [proposals, truth] = ["proposals", "truth"].map(|name| corners(&units["boxes"][name]));
    for golden in list(&units["matcher"]) {
        let rule = &golden["high_low_allow"];
        let matcher = Matcher {
            high: number(&rule[0]) as f32,
            low: number(&rule[1]) as f32,
            low_quality: rule[2].as_bool().unwrap(),
        };
        let found = matcher.matches(&truth, &proposals).into_iter();
        let codes: Vec<i64> = found
            .map(|m| match m {
                Match::Background => -1,
                Match::Ignored => -2,
                Match::Truth(place) => place as i64,
            })
            .collect();
        let expected = list(&golden["matches"]).iter().map(|v| v.as_i64().unwrap());
        assert_eq!(codes, expected.collect::<Vec<_>>(), "{}", golden["name"]);
    }
}

#[test]
fn levels_at_their_borders() {
    let Some(units) = units() else { return };
    let sides = numbers(&units["levels"]["side"]);
    let map = |guard_within| LevelMap {
        first: 2,
        last: 5,
        guard_within,
    };
    let levels = |guard| {
        let of = |side: &f32| map(guard).level([0.0, 0.0, *side, *side]);
        sides.iter().map(of).collect::<Vec<usize>>()
    };
    assert_eq!(levels(false), indices(&units["levels"]["level_minus_2"]));
    // the other guard is too small to lift any of these
    assert_eq!(levels(true), levels(false));
    assert_eq!(map(true).level([5.0; 4]), 0);
    assert_eq!(map(false).level([f32::NAN; 4]), 0);
}

#[test]
fn losses_of_boxes() {
    let Some(units) = units() else { return };
    let golden = &units["smooth_l1_beta_1_9"];
    let beta = 1.0 / 9.0;
    let x = numbers(&golden["x"]);
    let found: Vec<f32> = x.iter().map(|v| smooth_l1(*v, beta)).collect();
    assert_near(&found, &numbers(&golden["each"]), NEAR, "smooth L1");
    let sum: f32 = found.iter().sum();
    assert_near(&[sum], &[number(&golden["sum"]) as f32], NEAR, "sum");
    for v in x {
        let step = 1e-3;
        // no corner within the step
        let slope = (smooth_l1(v + step, beta) - smooth_l1(v - step, beta)) / (2.0 * step);
        let found = smooth_l1_gradient(v, beta);
        assert!((slope - found).abs() < 2e-2, "{v}: {slope} {found}");
        assert_eq!(smooth_l1(v, 0.0), v.abs());
        assert_eq!(
            smooth_l1_gradient(v, 0.0),
            if v == 0.0 { 0.0 } else { v.signum() }
        );
    }
}
