//! Face detection against facenet-pytorch 2.6.0 (`model-reference/mtcnn_reference.json`) on real pictures.

mod common;

use std::path::PathBuf;

use cohort_nn::burn::tensor::Device;
use cohort_nn::{Mtcnn, MtcnnSettings};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    images: Vec<Image>,
}

#[derive(Deserialize)]
struct Image {
    file: String,
    boxes: Vec<[f32; 4]>,
    probabilities: Vec<f32>,
    landmarks: Vec<[[f32; 2]; 5]>,
}

fn open() -> Option<(PathBuf, Mtcnn, Vec<Image>)> {
    let data = common::shared()?;
    let text = std::fs::read_to_string(data.join("model-reference/mtcnn_reference.json")).unwrap();
    let reference: Reference = serde_json::from_str(&text).unwrap();
    let folder = data.join("weights/mtcnn");
    let mtcnn = Mtcnn::open(&folder, MtcnnSettings::default(), &Device::flex()).unwrap();
    Some((data, mtcnn, reference.images))
}

#[test]
fn faces_are_the_references() {
    let Some((data, mtcnn, images)) = open() else {
        return;
    };
    let (mut faces, mut off, mut unsure) = (0, 0.0_f32, 0.0_f32);
    for image in &images {
        let picture = cohort_vision::decode(&data.join(&image.file)).unwrap();
        let found = mtcnn
            .detect(picture.width(), picture.height(), picture.rgb())
            .unwrap();
        assert_eq!(found.len(), image.boxes.len(), "{}", image.file);
        for (i, face) in found.iter().enumerate() {
            let corners = face.rectangle.iter().zip(&image.boxes[i]);
            let points = face.landmarks.as_flattened();
            let points = points.iter().zip(image.landmarks[i].as_flattened());
            let distances = corners.chain(points).map(|(a, b)| (a - b).abs());
            off = distances.fold(off, f32::max);
            unsure = unsure.max((face.probability - image.probabilities[i]).abs());
            assert!(off < 0.01 && unsure < 1e-4, "{}, face {i}", image.file);
            faces += 1;
        }
    }
    assert!(faces > 0);
    println!("{faces} faces: at most {off} pixels and {unsure} off");
}

#[test]
fn a_picture_smaller_than_a_face_has_none_and_a_false_size_is_an_error() {
    let Some((_, mtcnn, _)) = open() else {
        return;
    };
    for (width, height) in [(1, 1), (19, 300), (40, 40)] {
        let grey = vec![128; 3 * width * height];
        assert!(mtcnn.detect(width, height, &grey).unwrap().is_empty());
    }
    assert!(mtcnn.detect(10, 10, &[0; 299]).is_err());
}
