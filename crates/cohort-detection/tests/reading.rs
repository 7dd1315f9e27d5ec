//! What is wrong with a file is said with its name, the annotation, what was expected and what was found.

use std::fs;

use cohort_detection::{Results, Shape, Truth};
use serde_json::{Value, json};

fn good() -> Value {
    json!({
        "images": [
            {"id": 9, "file_name": "b.jpg", "width": 40, "height": 30},
            {"id": 4, "file_name": "a.jpg", "width": 20, "height": 10},
        ],
        "categories": [{"id": 7, "name": "cat"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {"id": 1, "image_id": 9, "category_id": 7, "bbox": [1.0, 2.0, 10.0, 5.0], "area": 50.0, "iscrowd": 0,
             "segmentation": [[1.0, 2.0, 11.0, 2.0, 11.0, 7.0]]},
            {"id": 5, "image_id": 4, "category_id": 2, "bbox": [0.0, 0.0, 4.0, 4.0], "area": 16.0, "iscrowd": 1,
             "segmentation": {"size": [10, 20], "counts": [0, 4, 6, 4, 186]}},
        ],
    })
}

/// Reads a text as annotations.
fn read_text(text: &str, shape: Shape) -> Result<Truth, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("truth.json");
    fs::write(&path, text).unwrap();
    let shown = path.display().to_string();
    Truth::read(&path, shape).map_err(|error| {
        let text = error.to_string();
        text.strip_prefix(&shown)
            .unwrap_or_else(|| panic!("{text}: without the file"))
            .to_string()
    })
}

fn refused(change: impl Fn(&mut Value)) -> String {
    let mut document = good();
    change(&mut document);
    read_text(&document.to_string(), Shape::Mask).unwrap_err()
}

fn told(shape: Shape, change: impl Fn(&mut Value)) -> Vec<String> {
    let mut document = good();
    change(&mut document);
    read_text(&document.to_string(), shape).unwrap().notes
}

#[test]
fn what_is_right_is_read_in_order() {
    let truth = read_text(&good().to_string(), Shape::Mask).unwrap();
    assert!(truth.notes.is_empty(), "{:?}", truth.notes);
    let ids: Vec<String> = truth.pictures.iter().map(|p| p.id.to_string()).collect();
    assert_eq!(ids, ["4", "9"]);
    let names: Vec<&str> = truth.categories.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["dog", "cat"]);
    assert_eq!(truth.objects[0].mask.as_ref().unwrap().area(), 8);
    assert!(truth.objects[0].crowd && !truth.objects[1].crowd);
    assert!(
        read_text(&good().to_string(), Shape::Box).unwrap().objects[0]
            .mask
            .is_none()
    );
}

#[test]
fn annotations_that_are_wrong_are_refused() {
    let of = |key: &'static str, value: Value| {
        refused(move |d| d["annotations"][0][key] = value.clone())
    };
    for (found, expected) in [
        (
            of("bbox", json!([1, 2, -3, 4])),
            ": annotation 1: expected a box with a width and a height of at least 0, found 1, 2, -3, 4 (x, y, width, height)",
        ),
        (
            of("bbox", json!([1, 2, 3])),
            ": annotation 1: expected a box of four numbers x, y, width, height, found 3",
        ),
        (
            of("image_id", json!(3)),
            ": annotation 1: expected a picture of the images, found 3",
        ),
        (
            of("image_id", json!("9")),
            ": annotation 1: expected a picture of the images, found \"9\"",
        ),
        (
            of("category_id", json!(3)),
            ": annotation 1: expected a category of the categories, found 3",
        ),
        (
            of("id", json!(5)),
            ": annotation 5: expected every id once, found it again",
        ),
        (
            of("id", Value::Null),
            ": annotation 1 of the list: expected an id, found none",
        ),
        (
            of("iscrowd", json!(2)),
            ": annotation 1: expected iscrowd to be 0 or 1, found 2",
        ),
        (
            of("area", json!(-1)),
            ": annotation 1: expected an area of at least 0, found -1",
        ),
        (
            of("segmentation", json!([[1, 2, 3, 4]])),
            ": annotation 1: polygon 1: expected x, y of at least 3 corners, found 4 numbers",
        ),
        (
            of("segmentation", json!([])),
            ": annotation 1: expected a mask, found an empty list of polygons",
        ),
        (
            of("segmentation", Value::Null),
            ": annotation 1: expected a segmentation, found none",
        ),
        (
            of("segmentation", json!({"size": [30, 40], "counts": [5, 6]})),
            ": annotation 1: expected run lengths that add up to 1200 (40 x 30 pixels), found 11",
        ),
        (
            of("segmentation", json!({"size": [40, 30], "counts": [1200]})),
            ": annotation 1: expected a mask of the picture's size [30, 40] (height, width), found [40, 30]",
        ),
        (
            of(
                "segmentation",
                json!({"size": [30, 40], "counts": [1200.5]}),
            ),
            ": annotation 1: expected run lengths that are whole numbers of at least 0, found 1200.5",
        ),
        (
            refused(|d| d["images"][0]["id"] = json!(4)),
            ": picture 4: expected every id once, found it again (\"b.jpg\" and \"a.jpg\"); annotation 1: expected a picture of the images, found 9",
        ),
        (
            refused(|d| d["images"][0]["width"] = json!(0)),
            ": picture 9: expected a width and a height in pixels, found 0 x 30; annotation 1: expected a picture of the images, found 9",
        ),
        (
            refused(|d| d["categories"][0]["id"] = json!(2)),
            ": category 2: expected every id once, found it again (\"cat\" and \"dog\"); annotation 1: expected a category of the categories, found 7",
        ),
    ] {
        assert_eq!(found, expected);
    }
    let empty = json!({"images": [], "categories": [], "annotations": []});
    let error = read_text(&empty.to_string(), Shape::Box).unwrap_err();
    assert_eq!(
        error,
        ": expected at least one picture, found none; expected at least one category, found none"
    );
    let error = read_text("[1, 2", Shape::Box).unwrap_err();
    assert!(
        error.starts_with(": line 1: expected COCO annotations"),
        "{error}"
    );
}

#[test]
fn numbers_that_are_none_are_told_with_their_annotation() {
    let text = good()
        .to_string()
        .replacen("[1.0,2.0,10.0,5.0]", "[NaN, -Infinity, 10.0, 5.0]", 1);
    let text = text.replacen("a.jpg", "a \\\" NaN.jpg", 1);
    let error = read_text(&text, Shape::Box).unwrap_err();
    assert_eq!(
        error,
        ": annotation 1: expected a box of finite numbers, found NaN, -inf, 10, 5"
    );
}

#[test]
fn many_faults_are_counted() {
    let error = refused(|d| {
        for i in 0..20 {
            let mut copy = d["annotations"][0].clone();
            (copy["id"], copy["image_id"]) = (json!(100 + i), json!(77));
            d["annotations"].as_array_mut().unwrap().push(copy);
        }
    });
    assert!(error.ends_with("; and 15 more"), "{error}");
}

#[test]
fn what_is_odd_is_told_and_read() {
    let said = |notes: &[String], words: &str| {
        assert!(
            notes.iter().any(|note| note.contains(words)),
            "{words}: {notes:?}"
        );
    };
    said(
        &told(Shape::Box, |d| {
            d["annotations"][0]["bbox"] = json!([38, 2, 10, 5])
        }),
        "boxes that reach out of their picture: annotation 1: 38, 2, 10, 5 in 40 x 30",
    );
    said(
        &told(Shape::Box, |d| {
            d["annotations"][0]["bbox"] = json!([50, 2, 10, 5])
        }),
        "boxes that lie outside their picture",
    );
    said(
        &told(Shape::Box, |d| {
            d["annotations"][0]["bbox"] = json!([5, 2, 0, 5])
        }),
        "boxes without an area",
    );
    said(
        &told(Shape::Box, |d| {
            d["annotations"][0]["segmentation"] = json!([[1, 2, 3, 4]])
        }),
        "masks that are wrong (boxes are evaluated)",
    );
    said(
        &told(Shape::Box, |d| d["categories"][0]["name"] = json!("dog")),
        "2 categories with the name of another",
    );
    said(
        &told(Shape::Box, |d| d["annotations"][0]["id"] = json!(0)),
        "id 0",
    );
    said(
        &told(Shape::Mask, |d| d["annotations"][0]["bbox"] = Value::Null),
        "annotations without a box (taken from the mask)",
    );
    said(
        &told(Shape::Mask, |d| d["annotations"][0]["area"] = Value::Null),
        "annotations without an area",
    );
    said(
        &told(Shape::Mask, |d| {
            d["annotations"][0]["iscrowd"] = Value::Null
        }),
        "annotations without iscrowd (taken as no crowds): annotation 1",
    );
    said(
        &told(Shape::Box, |d| d["annotations"][0]["area"] = json!(0)),
        "annotations with an area of 0, which counts as small, and a box that has one: annotation 1",
    );
}

fn results(list: &Value, shape: Shape) -> Result<Results, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.json");
    fs::write(&path, list.to_string()).unwrap();
    let truth = read_text(&good().to_string(), shape).unwrap();
    Results::read(&path, &truth, shape).map_err(|error| {
        let text = error.to_string();
        text.strip_prefix(&path.display().to_string())
            .unwrap()
            .to_string()
    })
}

#[test]
fn detections_that_are_wrong_are_refused() {
    let first = json!({"image_id": 9, "category_id": 7, "bbox": [1, 2, 3, 4], "score": 0.5});
    let of = |key: &'static str, value: Value| {
        let mut other = first.clone();
        other[key] = value;
        results(&json!([first, other]), Shape::Box).unwrap_err()
    };
    for (found, expected) in [
        (
            of("image_id", json!(1)),
            ": detection 2: expected a picture of the truth, such as 4, found 1",
        ),
        (
            of("score", Value::Null),
            ": detection 2: expected a finite score, found none",
        ),
        (
            of("bbox", Value::Null),
            ": detection 2: expected a box (bbox), as the first detection has, found none",
        ),
        (
            of("bbox", json!([1, 2, 3, -4])),
            ": detection 2: expected a box with a width and a height of at least 0, found 1, 2, 3, -4 (x, y, width, height)",
        ),
        (
            of("category_id", Value::Null),
            ": detection 2: expected a category_id, found none",
        ),
    ] {
        assert_eq!(found, expected);
    }
    let error = results(
        &json!([{"image_id": 9, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]),
        Shape::Box,
    );
    assert_eq!(
        error.unwrap_err(),
        ": expected detections of the truth's categories (2, 7), found none among 1; detection 1: category 1"
    );
    let error = results(
        &json!([{"image_id": 9, "category_id": 7, "score": 0.5, "segmentation": {"size": [30, 40], "counts": "5"}}]),
        Shape::Mask,
    );
    assert_eq!(
        error.unwrap_err(),
        ": detection 1: expected run lengths that add up to 1200 (40 x 30 pixels), found 5"
    );
}

#[test]
fn boxes_that_are_no_pixels_from_a_corner_on_are_refused_or_told() {
    let boxes = |all: &[[f64; 4]]| {
        let list: Vec<Value> = (all.iter())
            .map(|b| json!({"image_id": 9, "category_id": 7, "bbox": b, "score": 0.5}))
            .collect();
        results(&json!(list), Shape::Box)
    };
    let error = boxes(&[[0.1, 0.2, 0.5, 0.5], [0.0, 0.0, 1.0, 1.0]]).unwrap_err();
    assert_eq!(
        error,
        ": expected boxes in pixels, found 2 with numbers from 0 to 1 alone, as shares of a picture are"
    );
    // pixels, of which some are the first
    assert!(boxes(&[[0.0, 0.0, 1.0, 1.0]]).is_ok());
    assert!(boxes(&[[0.1, 0.2, 0.5, 0.5], [0.0, 0.0, 1.5, 1.0]]).is_ok());
    // corners in a picture of 40 x 30
    let corners = [[20.0, 10.0, 30.0, 25.0], [1.0, 2.0, 38.0, 29.0]];
    let notes = boxes(&corners).unwrap().notes;
    assert!(
        notes[1].contains(
            "1 of 2 boxes reach out of their picture, and none would if they were x1, y1, x2, y2"
        ),
        "{notes:?}"
    );
    let unseen = "1 of 2 pictures without a detection: what is there counts as missed";
    assert!(notes[2].contains(unseen) && notes.len() == 3, "{notes:?}");
    // one that is no pair of corners, and boxes that stay inside
    let mixed = [[20.0, 10.0, 30.0, 25.0], [20.0, 10.0, 5.0, 5.0]];
    assert_eq!(boxes(&mixed).unwrap().notes.len(), 2);
    let inside = [[2.0, 1.0, 30.0, 25.0], [1.0, 2.0, 38.0, 27.0]];
    assert_eq!(boxes(&inside).unwrap().notes.len(), 1);
}

#[test]
fn areas_and_missing_masks_are_as_pycocotools_has_them() {
    let mask = json!([[1.0, 2.0, 11.0, 2.0, 11.0, 7.0]]);
    let both = json!([{"image_id": 9, "category_id": 7, "bbox": [1, 2, 3, 4], "score": 0.5, "segmentation": mask}]);
    assert_eq!(
        results(&both, Shape::Mask).unwrap().detections[0].area,
        12.0
    );
    let only_mask = json!([{"image_id": 9, "category_id": 7, "score": 0.5, "segmentation": mask}]);
    let read = results(&only_mask, Shape::Mask).unwrap();
    let detection = &read.detections[0];
    assert_eq!(
        detection.area,
        detection.mask.as_ref().unwrap().area() as f64
    );
    assert_eq!(detection.place, detection.mask.as_ref().unwrap().to_bbox());
    let only_box = json!([{"image_id": 9, "category_id": 7, "bbox": [1, 2, 3, 4], "score": 0.5}]);
    let read = results(&only_box, Shape::Mask).unwrap();
    assert!(
        read.notes[0].contains("their boxes are filled"),
        "{:?}",
        read.notes
    );
    assert_eq!(read.detections[0].mask.as_ref().unwrap().area(), 12);
}
