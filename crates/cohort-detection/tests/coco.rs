//! COCO's figures against pycocotools: difference 0. Worlds of `scripts/worlds.py`, the planted detections of the evaluation data,
//! and matching by the definition, written out.

mod support;

use std::fs;

use cohort_detection::evaluate::{Curve, curve, figures, figures_of_class, match_all};
use cohort_detection::{Results, Shape, Truth};
use serde_json::Value;
use support::{golden, list, number, numbers, shared};

/// Reads truth and results as files.
fn read(truth: &Value, results: &Value, shape: Shape) -> (Truth, Results) {
    let folder = tempfile::tempdir().unwrap();
    let (t, r) = (
        folder.path().join("truth.json"),
        folder.path().join("results.json"),
    );
    fs::write(&t, truth.to_string()).unwrap();
    fs::write(&r, results.to_string()).unwrap();
    let truth = Truth::read(&t, shape).unwrap();
    let results = Results::read(&r, &truth, shape).unwrap();
    (truth, results)
}

const KINDS: [(&str, Shape); 2] = [("bbox", Shape::Box), ("segm", Shape::Mask)];

#[test]
fn worlds_have_the_figures_of_pycocotools_to_the_last_digit() {
    let worlds = golden("worlds.json");
    let mut compared = 0;
    for (i, world) in list(&worlds).iter().enumerate() {
        for (name, shape) in KINDS {
            let expected = &world[name];
            if expected.is_null() {
                continue;
            }
            let (truth, results) = read(&world["truth"], &world["results"], shape);
            let matched = match_all(&truth, &results, shape);
            let found = figures(&matched).to_stats();
            assert_eq!(
                found.to_vec(),
                numbers(&expected["stats"]),
                "world {i} {name}"
            );
            for (class, expected) in matched.classes.iter().zip(list(&expected["classes"])) {
                let found = figures_of_class(class).to_stats();
                assert_eq!(found.to_vec(), numbers(expected), "world {i} {name}");
                compared += 12;
            }
        }
    }
    assert!(compared > 1000, "{compared}");
}

#[test]
fn planted_detections_on_real_pictures_have_the_figures_of_pycocotools() {
    let Some(annotations) = shared("coco-mini/annotations/instances_val2017.json") else {
        return;
    };
    let Some(folder) = shared("model-reference/detection") else {
        return;
    };
    let expected: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("coco_eval.json")).unwrap()).unwrap();
    let path = folder.join("coco_val_detections.json");
    let given: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    for (name, shape) in KINDS {
        let truth = Truth::read(&annotations, shape).unwrap();
        let results = Results::read(&path, &truth, shape).unwrap();
        assert_eq!(results.detections.len(), list(&given).len());
        let matched = match_all(&truth, &results, shape);
        let expected = &expected["val2017"][name];
        assert_eq!(
            figures(&matched).to_stats().to_vec(),
            numbers(&expected["stats"])
        );
        let classes = expected["per_class_ap"].as_object().unwrap();
        let mut compared = 0;
        for (category, class) in truth.categories.iter().zip(&matched.classes) {
            let found = figures_of_class(class).0[0];
            let expected = classes.get(&category.id.to_string()).map(number);
            assert_eq!(found, expected.filter(|ap| *ap > -1.0), "{}", category.name);
            compared += usize::from(found.is_some());
        }
        assert!(compared > 50, "{compared}");
    }
}

/// Precision and recall by a walk over every detection, as the definition says it.
fn by_definition(class: &cohort_detection::evaluate::ClassMatches, area: usize) -> Option<Curve> {
    let objects = class.objects(area) as f64;
    if objects == 0.0 {
        return None;
    }
    let mut curve = Curve {
        precision: vec![[0.0; 101]; 10],
        recall: [[0.0; 3]; 10],
    };
    for t in 0..10 {
        let bit = 1 << t;
        for (m, limit) in [100, 10, 1].into_iter().enumerate() {
            let (mut right, mut wrong) = (0.0, 0.0);
            let mut points = Vec::new();
            for hit in class.hits.iter().filter(|hit| hit.rank < limit) {
                if hit.ignored[area] & bit == 0 {
                    let found = hit.found[area] & bit != 0;
                    right += f64::from(u8::from(found));
                    wrong += f64::from(u8::from(!found));
                }
                points.push((right / objects, right / (right + wrong + f64::EPSILON)));
            }
            curve.recall[t][m] = right / objects;
            if m > 0 {
                continue;
            }
            for (level, value) in curve.precision[t].iter_mut().enumerate() {
                let level = if level == 100 {
                    1.0
                } else {
                    level as f64 * 0.01
                };
                let reached = points.iter().position(|point| point.0 >= level);
                let beyond = reached.map(|from| points[from..].iter().map(|p| p.1));
                *value = beyond.map_or(0.0, |p| p.fold(0.0, f64::max));
            }
        }
    }
    Some(curve)
}

#[test]
fn curves_are_those_of_the_definition() {
    for world in list(&golden("worlds.json")) {
        let (truth, results) = read(&world["truth"], &world["results"], Shape::Box);
        for class in &match_all(&truth, &results, Shape::Box).classes {
            for area in 0..4 {
                assert_eq!(curve(class, area), by_definition(class, area));
            }
        }
    }
}

#[test]
fn no_number_of_threads_changes_a_byte() {
    let worlds = golden("worlds.json");
    let world = &worlds[11];
    let (truth, results) = read(&world["truth"], &world["results"], Shape::Box);
    let of = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let matched = match_all(&truth, &results, Shape::Box);
            (figures(&matched), matched)
        })
    };
    let one = of(1);
    for threads in [2, 3, 8] {
        assert_eq!(of(threads), one);
    }
}

#[test]
fn nothing_detected_is_a_precision_of_0_where_there_are_objects() {
    let worlds = golden("worlds.json");
    let (truth, results) = read(&worlds[0]["truth"], &Value::Array(vec![]), Shape::Box);
    assert!(
        results.notes[0].ends_with("no detection"),
        "{:?}",
        results.notes
    );
    let matched = match_all(&truth, &results, Shape::Box);
    assert_eq!(figures(&matched).0[0], Some(0.0));
    // the last category has no object
    assert_eq!(figures_of_class(&matched.classes[3]).0, [None; 12]);
}

#[test]
fn ten_thousand_detections_in_one_picture_are_looked_at_up_to_a_hundred_a_category() {
    let worlds = golden("worlds.json");
    let mut results = list(&worlds[0]["results"]).to_vec();
    let first = worlds[0]["truth"]["images"][0].clone();
    for i in 0..10_000 {
        results.push(serde_json::json!({
            "image_id": first["id"], "category_id": worlds[0]["truth"]["categories"][0]["id"],
            "bbox": [1.0, 1.0, 5.0, 5.0], "segmentation": [[1, 1, 6, 1, 6, 6]], "score": f64::from(i) / 10_000.0,
        }));
    }
    let (truth, results) = read(&worlds[0]["truth"], &Value::Array(results), Shape::Mask);
    assert!(results.detections.len() > 10_000);
    let matched = match_all(&truth, &results, Shape::Mask);
    let id = first["id"].to_string();
    let mut pictures = truth.pictures.iter();
    let picture = pictures.position(|p| p.id.to_string() == id);
    let hits = matched.classes[0].hits.iter();
    let of = hits.filter(|hit| Some(hit.picture as usize) == picture);
    assert_eq!(of.count(), 100);
}

/// Two decimals, as Python rounds.
fn rounded(value: f64) -> f64 {
    format!("{value:.2}").parse().unwrap()
}

/// Three decimals.
fn to_thousandths(value: f64) -> f64 {
    format!("{value:.3}").parse().unwrap()
}

/// The rule by which the evaluation data's detections were planted (its `make_golden.py`), for either split.
fn planted_detections(truth: &Truth) -> Value {
    let mut order: Vec<usize> = (0..truth.objects.len()).collect();
    order.sort_by(|&a, &b| truth.objects[a].id.cmp(&truth.objects[b].id));
    let mut found = Vec::new();
    for object in order
        .into_iter()
        .map(|i| &truth.objects[i])
        .filter(|o| !o.crowd)
    {
        let mut crc = flate2::Crc::new();
        crc.update(object.id.to_string().as_bytes());
        let hash = u128::from(crc.sum());
        let r: Vec<f64> = (0..7)
            .map(|k| (((hash * (2_654_435_761 + 97 * k)) >> 7) % 1000) as f64 / 1000.0)
            .collect();
        if r[0] < 0.15 {
            continue;
        }
        let mask = object.mask.as_ref().unwrap();
        let [x, y, w, h] = object.place;
        let shift_x = ((r[1] - 0.5) * 0.25 * w) as i64;
        let shift_y = ((r[2] - 0.5) * 0.25 * h) as i64;
        let (height, width) = (i64::from(mask.height()), i64::from(mask.width()));
        let pixels = mask.decode();
        let mut moved = vec![0; pixels.len()];
        for column in 0..width {
            for row in 0..height {
                let (from_x, from_y) = (column - shift_x, row - shift_y);
                if (0..width).contains(&from_x) && (0..height).contains(&from_y) {
                    moved[(column * height + row) as usize] =
                        pixels[(from_x * height + from_y) as usize];
                }
            }
        }
        let moved = cohort_detection::Rle::encode(&moved, mask.height(), mask.width()).unwrap();
        let place = [
            x + shift_x as f64,
            y + shift_y as f64,
            w * (0.9 + 0.2 * r[3]),
            h * (0.9 + 0.2 * r[4]),
        ];
        let category = match r[5] > 0.1 {
            true => object.category as usize,
            false => (hash % 80) as usize,
        };
        let detection = serde_json::json!({
            "image_id": truth.pictures[object.picture as usize].id,
            "category_id": truth.categories[category].id,
            "bbox": place.map(rounded),
            "score": to_thousandths(0.2 + 0.79 * r[6]),
            "segmentation": {"size": [height, width], "counts": moved.to_compressed()},
        });
        found.push(detection.clone());
        if r[6] < 0.2 {
            let mut twice = detection;
            twice["score"] = serde_json::json!(to_thousandths(0.05 + r[6]));
            found.push(twice);
        }
    }
    Value::Array(found)
}

#[test]
fn planted_detections_of_both_splits_have_the_figures_of_pycocotools() {
    let Some(folder) = shared("model-reference/detection") else {
        return;
    };
    let expected: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("coco_eval.json")).unwrap()).unwrap();
    for split in ["train2017", "val2017"] {
        let Some(annotations) = shared(&format!("coco-mini/annotations/instances_{split}.json"))
        else {
            return;
        };
        let with_masks = Truth::read(&annotations, Shape::Mask).unwrap();
        let given = planted_detections(&with_masks);
        assert_eq!(
            list(&given).len() as f64,
            number(&expected[split]["detections"])
        );
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), given.to_string()).unwrap();
        for (name, shape) in KINDS {
            let truth = Truth::read(&annotations, shape).unwrap();
            let results = Results::read(file.path(), &truth, shape).unwrap();
            let matched = match_all(&truth, &results, shape);
            let expected = &expected[split][name];
            assert_eq!(
                figures(&matched).to_stats().to_vec(),
                numbers(&expected["stats"]),
                "{split} {name}"
            );
            for (category, ap) in expected["per_class_ap"].as_object().unwrap() {
                let at = truth
                    .categories
                    .iter()
                    .position(|c| c.id.to_string() == *category);
                let found = figures_of_class(&matched.classes[at.unwrap()]).to_stats()[0];
                assert_eq!(found, number(ap), "{split} {name} {category}");
            }
        }
    }
}
