//! Masks against pycocotools (`scripts/masks.py`), by brute force, and on the real masks of KITTI-MOTS.

mod support;

use std::fs;
use std::io::Read;

use cohort_detection::rle::{RleError, mask_iou, merge, polygon, polygons};
use cohort_detection::{Rle, Truth, box_iou, read_kitti};
use serde_json::Value;
use support::{golden, list, number, numbers, shared};

fn size(row: &[Value]) -> (u32, u32) {
    (number(&row[0]) as u32, number(&row[1]) as u32)
}

fn read(text: &Value, (height, width): (u32, u32)) -> Rle {
    Rle::from_compressed(text.as_str().unwrap(), height, width).unwrap()
}

fn four(values: &[f64]) -> [f64; 4] {
    values.try_into().unwrap()
}

#[test]
fn strings_areas_and_boxes_are_those_of_pycocotools() {
    let golden = golden("masks.json");
    assert!(list(&golden["masks"]).len() > 150);
    for row in list(&golden["masks"]) {
        let row = list(row);
        let mask = read(&row[2], size(row));
        assert_eq!(mask.to_compressed(), row[2].as_str().unwrap());
        assert_eq!(mask.area() as f64, number(&row[3]));
        assert_eq!(mask.to_bbox().to_vec(), numbers(&row[4]));
        let pixels = mask.decode();
        assert_eq!(
            pixels.iter().map(|&v| u64::from(v)).sum::<u64>(),
            mask.area()
        );
        assert_eq!(
            Rle::encode(&pixels, mask.height(), mask.width()).unwrap(),
            mask
        );
    }
    for row in list(&golden["plain"]) {
        let row = list(row);
        let (height, width) = size(row);
        let counts = numbers(&row[2]).iter().map(|&v| v as u32).collect();
        let mask = Rle::new(height, width, counts).unwrap();
        assert_eq!(mask.to_compressed(), row[3].as_str().unwrap());
    }
}

#[test]
fn unions_intersections_and_overlaps_are_those_of_pycocotools_and_of_pixels() {
    let golden = golden("masks.json");
    for row in list(&golden["merge"]) {
        let row = list(row);
        let masks: Vec<Rle> = list(&row[2])
            .iter()
            .map(|text| read(text, size(row)))
            .collect();
        for (intersect, expected) in [(false, &row[3]), (true, &row[4])] {
            let merged = merge(&masks, intersect).unwrap();
            assert_eq!(merged.to_compressed(), expected.as_str().unwrap());
            let pixels: Vec<Vec<u8>> = masks.iter().map(Rle::decode).collect();
            let brute: Vec<u8> = (0..pixels[0].len())
                .map(|i| {
                    let mut values = pixels.iter().map(|p| p[i] == 1);
                    u8::from(if intersect {
                        values.all(|v| v)
                    } else {
                        values.any(|v| v)
                    })
                })
                .collect();
            assert_eq!(merged.decode(), brute);
        }
    }
    for row in list(&golden["iou"]) {
        let row = list(row);
        let masks: Vec<Rle> = list(&row[2])
            .iter()
            .map(|text| read(text, size(row)))
            .collect();
        for (d, line) in list(&row[4]).iter().enumerate() {
            for (g, expected) in numbers(line).into_iter().enumerate() {
                let crowd = number(&row[3][g]) == 1.0;
                assert_eq!(mask_iou(&masks[d], &masks[g], crowd), expected);
            }
        }
    }
    for row in list(&golden["box_iou"]) {
        let row = list(row);
        for (d, line) in list(&row[3]).iter().enumerate() {
            for (g, expected) in numbers(line).into_iter().enumerate() {
                let (a, b) = (four(&numbers(&row[0][d])), four(&numbers(&row[1][g])));
                assert_eq!(box_iou(&a, &b, number(&row[2][g]) == 1.0), expected);
            }
        }
    }
}

#[test]
fn masks_of_other_sizes_are_not_joined() {
    let a = Rle::encode(&[1; 6], 2, 3).unwrap();
    let b = Rle::encode(&[1; 6], 3, 2).unwrap();
    assert_eq!(merge(&[a.clone(), b.clone()], false), None);
    assert_eq!(merge(&[], false), None);
    assert_eq!(mask_iou(&a, &b, false), 0.0);
}

#[test]
fn polygons_are_filled_as_pycocotools_fills_them() {
    let golden = golden("masks.json");
    assert!(list(&golden["polygon"]).len() == 400);
    for row in list(&golden["polygon"]) {
        let row = list(row);
        let (height, width) = size(row);
        let mask = polygon(&numbers(&row[2]), height, width).unwrap();
        assert_eq!(mask.to_compressed(), row[3].as_str().unwrap(), "{row:?}");
    }
    for row in list(&golden["polygons"]) {
        let row = list(row);
        let (height, width) = size(row);
        let of: Vec<Vec<f64>> = list(&row[2]).iter().map(numbers).collect();
        let mask = polygons(&of, height, width).unwrap();
        assert_eq!(mask.to_compressed(), row[3].as_str().unwrap());
    }
}

#[test]
fn what_is_no_mask_is_refused_and_said_how() {
    let said = |text: &str| Rle::from_compressed(text, 3, 4).unwrap_err().to_string();
    assert_eq!(
        said("5"),
        "expected run lengths that add up to 12 (4 x 3 pixels), found 5"
    );
    assert_eq!(
        said("5é"),
        "expected characters from '0' to 'o', found 'é' at place 2"
    );
    assert_eq!(
        said("5 "),
        "expected characters from '0' to 'o', found ' ' at place 2"
    );
    assert_eq!(
        said("5P"),
        "expected a whole number at the end of the string, found it cut off"
    );
    assert_eq!(said("O"), "run 1: expected a length from 0 to 12, found -1");
    assert_eq!(
        said("oooooooooo0"),
        "run 1: expected a length from 0 to 12, found 1099511627775"
    );
    assert_eq!(
        Rle::new(0, 4, vec![]).unwrap_err(),
        RleError::Size {
            height: 0,
            width: 4
        }
    );
    assert!(Rle::new(70_000, 70_000, vec![]).is_err());
    let polygon_said = |of: &[Vec<f64>]| polygons(of, 3, 4).unwrap_err().to_string();
    assert_eq!(
        polygon_said(&[vec![0.0, 0.0, 1.0, 0.0, 1.0, 1.0], vec![0.0, 0.0, 1.0, 1.0]]),
        "polygon 2: expected x, y of at least 3 corners, found 4 numbers"
    );
    assert_eq!(
        polygon_said(&[vec![0.0, 0.0, 1.0, f64::NAN, 1.0, 1.0]]),
        "polygon 1: number 4: expected a number from -100000 to 100000, found NaN"
    );
    assert_eq!(
        polygon_said(&[]),
        "expected at least one polygon, found none"
    );
}

/// Any bytes give a mask or an error, never a panic.
#[test]
fn no_string_breaks_the_reader() {
    let mut state = 7_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as u32
    };
    let mut read = 0;
    for _ in 0..20_000 {
        let length = next() % 12;
        let text: String = (0..length)
            .map(|_| (b'0' + (next() % 66) as u8) as char)
            .collect();
        if let Ok(mask) = Rle::from_compressed(&text, 1 + next() % 5, 1 + next() % 5) {
            assert_eq!(mask.decode().len() as u32, mask.height() * mask.width());
            let around = mask.to_bbox();
            assert_eq!(around == [0.0; 4], mask.area() == 0);
            read += 1;
        }
    }
    assert!(read > 20, "{read}");
}

/// The box around a mask and its area, pixel by pixel.
fn brute(mask: &Rle) -> ([f64; 4], u64) {
    let height = mask.height() as usize;
    let (mut left, mut top, mut right, mut bottom, mut area) = (usize::MAX, usize::MAX, 0, 0, 0);
    for (i, _) in mask.decode().iter().enumerate().filter(|(_, v)| **v == 1) {
        let (x, y) = (i / height, i % height);
        (left, top) = (left.min(x), top.min(y));
        (right, bottom) = (right.max(x + 1), bottom.max(y + 1));
        area += 1;
    }
    let place = [left, top, right - left, bottom - top].map(|v| v as f64);
    (place, area)
}

#[test]
fn all_418_real_masks_of_kitti_mots_go_round_and_have_the_right_geometry() {
    let Some(path) = shared("coco-mini/kitti_mots_0000.json.gz") else {
        return;
    };
    let mut text = String::new();
    let file = fs::File::open(path).unwrap();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let annotations = list(&document["annotations"]);
    assert_eq!(annotations.len(), 418);
    let mut lines = String::new();
    let mut counts = [0; 11];
    for (i, annotation) in annotations.iter().enumerate() {
        let counts_text = annotation["segmentation"].as_str().unwrap();
        let (height, width) = (375, 1242);
        let read = Rle::from_compressed(counts_text, height, width).unwrap();
        assert_eq!(read.to_compressed(), counts_text);
        assert_eq!(Rle::encode(&read.decode(), height, width).unwrap(), read);
        let (place, area) = brute(&read);
        assert_eq!((read.to_bbox(), read.area()), (place, area));
        // the corner that the file states is right; its width, height and area are not
        assert_eq!(numbers(&annotation["bbox"])[..2], place[..2]);
        let class = [1, 2, 10][i % 3];
        counts[class] += 1;
        lines.push_str(&format!(
            "{} {}{i:03} {class} {height} {width} {counts_text}\n",
            i / 4,
            class
        ));
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("0002.txt");
    fs::write(&file, &lines).unwrap();
    let rows = read_kitti(&file).unwrap();
    assert_eq!(rows.len(), 418, "the first row is no header");
    let written: String = rows.iter().map(|row| row.to_line() + "\n").collect();
    assert_eq!(written, lines);
    let truth = Truth::read_kitti(folder.path()).unwrap();
    let names: Vec<&str> = truth.categories.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["car", "pedestrian"]);
    let of = |category: u32, crowd: bool| {
        let own = truth
            .objects
            .iter()
            .filter(|o| (o.category, o.crowd) == (category, crowd));
        own.count()
    };
    assert_eq!([of(0, false), of(1, false)], [counts[1], counts[2]]);
    assert_eq!([of(0, true), of(1, true)], [counts[10], counts[10]]);
    assert_eq!(truth.pictures.len(), 105);
    assert_eq!(truth.pictures[3].id.to_string(), "200003");
    for object in &truth.objects {
        let (place, area) = brute(object.mask.as_ref().unwrap());
        assert_eq!((object.place, object.area), (place, area as f64));
    }
}

#[test]
fn rows_of_kitti_that_are_wrong_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("0000.txt");
    for (row, expected) in [
        (
            "1 2001 2 3",
            "line 2: expected six cells: frame object_id class_id height width rle, found 4",
        ),
        (
            "1 2001 3 2 2 4",
            "line 2: expected a class_id 1 (car), 2 (pedestrian) or 10 (not annotated), found 3",
        ),
        (
            "-1 2001 2 2 2 4",
            "line 2: expected a whole number of at least 0 as frame, found \"-1\"",
        ),
        (
            "1 2001 2 2 2 3",
            "line 2: expected a mask that fits, found one that does not: expected run lengths that add up to 4 (2 x 2 pixels), found 3",
        ),
    ] {
        fs::write(&file, format!("0 1001 1 2 2 4\n{row}\n")).unwrap();
        let error = read_kitti(&file).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
    }
    fs::write(&file, "0 1001 1 2 2 4\n0 1002 1 2 3 6\n").unwrap();
    let error = Truth::read_kitti(&file).unwrap_err().to_string();
    assert!(error.contains("masks of frame 0 to be 2 x 2"), "{error}");
}
