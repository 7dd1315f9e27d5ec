//! What regions of maps and masks hold, and how pictures are resized, against torchvision's and detectron2's own values (`model-reference/detection/units.json`).

mod support;

use cohort_detectors::parts::*;
use serde_json::Value;
use support::*;

/// Holds single numbers to five digits after the point, relative above 1.
const NEAR: f32 = 1e-5;

fn units() -> Option<Value> {
    golden("units.json")
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
