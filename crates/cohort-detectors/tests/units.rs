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

/// Values of `deterministic_weights.py`'s picture on [-1, 1].
fn features() -> ([usize; 2], Vec<f32>) {
    let values = waves(3, 12, 16).into_iter().map(|v| v * 2.0 - 1.0);
    ([12, 16], values.collect())
}

/// Settings and golden numbers of every RoIAlign.
fn roi_cases(units: &Value) -> (Vec<[f32; 4]>, Vec<(RoiAlign, &Value)>) {
    let golden = &units["roi_align"];
    let regions = list(&golden["rois"]).iter().map(|row| {
        let [_, corners @ ..] = <[f32; 5]>::try_from(numbers(row)).unwrap();
        corners
    });
    let case = |case: &Value| RoiAlign {
        bins: index(&case["size"]),
        scale: number(&golden["scale"]) as f32,
        samples: case["sampling_ratio"].as_i64().unwrap().max(0) as usize,
        aligned: case["aligned"].as_bool().unwrap(),
    };
    let cases = list(&golden["cases"]).iter();
    (regions.collect(), cases.map(|c| (case(c), c)).collect())
}

#[test]
fn regions_of_a_feature_map() {
    let Some(units) = units() else { return };
    let (size, map) = features();
    let (regions, cases) = roi_cases(&units);
    assert_eq!(cases.len(), 6);
    for (of, golden) in cases {
        let bins = of.bins * of.bins;
        let found = of.planes(&map, size, &regions).unwrap();
        let part = |region: usize, channel: usize| &found[(region * 3 + channel) * bins..][..bins];
        let what = format!("{of:?}");
        assert_near(part(0, 1), &numbers(&golden["out_roi0_ch1"]), NEAR, &what);
        assert_near(part(2, 0), &numbers(&golden["out_roi2_ch0"]), NEAR, &what);
        let sums = found.chunks(3 * bins);
        let sums: Vec<f32> = sums
            .map(|own| own.iter().map(|v| f64::from(*v)).sum::<f64>() as f32)
            .collect();
        assert_near(&sums, &numbers(&golden["sum_per_roi"]), NEAR, &what);
        if !golden["out"].is_null() {
            assert_near(&found, &numbers(&golden["out"]), NEAR, &what);
        }
        // pixels instead of planes: the same sums
        let turned: Vec<f32> = (0..12 * 16)
            .flat_map(|i| (0..3).map(move |c| (c, i)))
            .map(|(c, i)| map[c * 12 * 16 + i])
            .collect();
        let pixels = of.pixels(&turned, size, &regions).unwrap();
        for (i, value) in pixels.iter().enumerate() {
            let (region, bin, channel) = (i / (3 * bins), i / 3 % bins, i % 3);
            assert_eq!(*value, part(region, channel)[bin], "{what}");
        }
    }
}

#[test]
fn gradients_of_regions() {
    let Some(units) = units() else { return };
    let (size, map) = features();
    let (regions, cases) = roi_cases(&units);
    for (of, golden) in cases {
        let count = regions.len() * 3 * of.bins * of.bins;
        let weights: Vec<f32> = (0..count).map(|i| (i as f32).cos()).collect();
        let found = of.planes_gradient(&weights, 3, size, &regions).unwrap();
        let what = format!("{of:?}");
        let sum: f64 = found.iter().map(|v| f64::from(v.abs())).sum();
        let expected = number(&golden["grad_sum_abs"]);
        assert!(
            (sum / expected - 1.0).abs() < 1e-4,
            "{what}: {sum} {expected}"
        );
        let row = &found[3 * 16..4 * 16];
        assert_near(row, &numbers(&golden["grad_row3_ch0"]), 1e-4, &what);
        // RoIAlign is linear in the map: a difference of two steps is exact but for rounding
        let value = |map: &[f32]| {
            let out = of.planes(map, size, &regions).unwrap();
            let terms = out.iter().zip(&weights);
            terms
                .map(|(a, b)| f64::from(*a) * f64::from(*b))
                .sum::<f64>()
        };
        for place in (0..map.len()).step_by(29) {
            let mut moved = map.clone();
            moved[place] += 1.0;
            let up = value(&moved);
            moved[place] -= 2.0;
            let slope = (up - value(&moved)) / 2.0;
            let off = (slope - f64::from(found[place])).abs();
            assert!(off < 1e-4, "{what}: {place}: {slope} {}", found[place]);
        }
    }
}

#[test]
fn threads_change_no_byte() {
    let (size, map) = features();
    let regions: Vec<[f32; 4]> = (0..50)
        .map(|i| {
            let [x, y] = [(i * 7 % 50) as f32, (i * 11 % 40) as f32];
            [x, y, x + 9.5, y + 12.25]
        })
        .collect();
    let of = RoiAlign {
        bins: 7,
        scale: 0.25,
        samples: 0,
        aligned: true,
    };
    let all = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| {
            let planes = of.planes(&map, size, &regions).unwrap();
            let gradient = of.planes_gradient(&planes, 3, size, &regions).unwrap();
            let pixels = of.pixels(&map, size, &regions).unwrap();
            [
                planes,
                gradient,
                pixels,
                resize_planes(&map, size, [29, 17]),
            ]
        })
    };
    let one = all(1);
    assert!(one.iter().all(|values| values.iter().any(|v| *v != 0.0)));
    assert_eq!(one, all(2));
    assert_eq!(one, all(3));
}

#[test]
fn sizes_and_bilinear_values_of_the_transform() {
    let Some(units) = units() else { return };
    for case in list(&units["transform_sizes"]) {
        let size = resized_by_flooring(pair(&case["in"]), 800, 1333);
        assert_eq!(size, pair(&case["resized"]), "{case}");
        assert_eq!(padded(size, 32), pair(&case["padded"]), "{case}");
    }
    let golden = &units["transform_small"];
    let size = resized_by_flooring([7, 5], 12, 20);
    assert_eq!(size, pair(&golden["resized_hw"]));
    let mut planes = waves(3, 7, 5);
    let (mean, std) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
    for (channel, plane) in planes.chunks_exact_mut(35).enumerate() {
        plane
            .iter_mut()
            .for_each(|v| *v = (*v - mean[channel]) / std[channel]);
    }
    let found = resize_planes(&planes, [7, 5], size);
    let expected = numbers(&golden["values_chw_resized"]);
    assert_near(&found, &expected, NEAR, "resized");
    let golden = &units["mask_resize_nearest"];
    let bytes = |name: &str| {
        let values = numbers(&golden[name]).into_iter().map(|v| v as u8);
        values.collect::<Vec<u8>>()
    };
    assert_eq!(resize_mask(&bytes("in"), [7, 5], size), bytes("out"));
}

#[test]
fn sizes_of_detectron2() {
    // by hand from ResizeShortestEdge: 800 / 480 * 640 = 1066.67; 800 / 375 * 1242 = 2649.6, times 1333 / 2649.6
    assert_eq!(resized_by_rounding([480, 640], 800, 1333), [800, 1067]);
    assert_eq!(resized_by_rounding([375, 1242], 800, 1333), [402, 1333]);
    assert_eq!(resized_by_rounding([640, 480], 800, 1333), [1067, 800]);
    assert_eq!(resized_by_rounding([800, 800], 800, 1333), [800, 800]);
    assert_eq!(resized_by_rounding([1, 8000], 800, 1333), [1, 1333]);
}

#[test]
fn masks_set_into_pictures() {
    let Some(units) = units() else { return };
    let logistic = |v: f32| 1.0 / (1.0 + (-v).exp());
    let mask: Vec<f32> = waves(1, 28, 28)
        .into_iter()
        .map(|v| logistic((v - 0.5) * 8.0))
        .collect();
    let boxes = corners(&units["paste"]["boxes"]);
    let size = pair(&units["paste"]["size_hw"]);
    type Paste = fn(&[f32], usize, [f32; 4], [usize; 2]) -> Pasted;
    let inside: [(&str, &str, Paste, fn(f32) -> bool); 2] = [
        ("paste", "rle_over_half", paste_whole_pixels, |v| v > 0.5),
        (
            "paste_detectron2",
            "rle_at_least_half",
            paste_by_centres,
            |v| v >= 0.5,
        ),
    ];
    for (name, masks, paste, inside) in inside {
        let golden = &units[name];
        let sums = numbers(&golden["prob_sums"]);
        for (i, of) in boxes.iter().enumerate() {
            let pasted = paste(&mask, 28, *of, size);
            let sum: f64 = pasted.values.iter().map(|v| f64::from(*v)).sum();
            assert_near(&[sum as f32], &sums[i..=i], NEAR, name);
            let expected = golden[masks][i]["counts"].as_str().unwrap();
            let found = pasted.mask(inside).unwrap();
            assert_eq!(found.to_compressed(), expected, "{name} {i}");
            if i == 0 {
                let mut row = vec![0.0; 80];
                let [first, left] = pasted.first;
                let width = pasted.size[1];
                row[left..left + width]
                    .copy_from_slice(&pasted.values[(20 - first) * width..][..width]);
                assert_near(&row, &numbers(&golden["row20_of_first"]), NEAR, name);
            }
        }
    }
}

#[test]
fn masks_within_boxes() {
    let Some(units) = units() else { return };
    let golden = &units["project_masks"];
    let picture = waves(1, 60, 80);
    let masks = [0.5, 0.8].map(|least| {
        let set = picture.iter().map(|v| u8::from(*v > least));
        set.collect::<Vec<u8>>()
    });
    let matched = indices(&golden["matched"]);
    for (i, of) in corners(&golden["boxes"]).into_iter().enumerate() {
        let mask = &masks[matched[i]];
        let found = soft_mask_targets(mask, [60, 80], of, 28).unwrap();
        let sum: f64 = found.iter().map(|v| f64::from(*v)).sum();
        let expected = numbers(&golden["sum"]);
        assert_near(&[sum as f32], &expected[i..=i], NEAR, "targets");
        let row = &found[9 * 28..10 * 28];
        assert_near(row, &numbers(&golden["row9"][i]), NEAR, "targets");
    }
    // one pixel a bin at the pixels' centres: the mask itself
    let whole = [0.0, 0.0, 60.0, 60.0];
    let square: Vec<u8> = (0..3600).map(|i| (i * i / 7 % 2) as u8).collect();
    let found = binary_mask_targets(&square, [60, 60], whole, 60).unwrap();
    let expected = square.iter().map(|v| *v == 1);
    assert_eq!(found, expected.collect::<Vec<bool>>());
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
