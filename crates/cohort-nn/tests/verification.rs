//! MobileFaceNet's real weights on real faces: two views of one face against views of two faces.

mod common;

use std::path::PathBuf;

use cohort_nn::burn::tensor::{Device, Tensor, TensorData};
use cohort_nn::{Backbone, MobileFaceNetConfig, Model, ModelConfig, Mtcnn, MtcnnSettings};
use cohort_vision::{
    Interpolation, Picture, align_face, crop, crop_centre, decode, flip_horizontal, normalise,
    resize, rotate,
};
use cohort_weights::Checkpoint;
use common::rows;

struct Verification {
    model: Model,
    device: Device,
    data: PathBuf,
    files: Vec<PathBuf>,
}

impl Verification {
    /// The first pictures of FairFace's training split, by name.
    fn open(pictures: usize) -> Option<Self> {
        let data = common::shared()?;
        let entries = std::fs::read_dir(data.join("faces/train")).unwrap();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.truncate(pictures);
        let device = Device::flex();
        let weights = data.join("weights/mobilefacenet_pytorch/068.ckpt");
        let checkpoint = Checkpoint::open(&weights).unwrap();
        let config = ModelConfig::MobileFaceNet(MobileFaceNetConfig::new(2));
        let (model, _) = config.load_foreign(1, &checkpoint, &device).unwrap();
        Some(Self {
            model: model.folded(),
            device,
            data,
            files,
        })
    }

    /// Unit embeddings of what `view` makes of each picture, given with its number.
    fn embed(&self, view: &dyn Fn(usize, &Picture) -> Picture) -> Vec<Vec<f32>> {
        let input = Backbone::MobileFaceNet.input();
        let len = 3 * input.size * input.size;
        let mut all = Vec::new();
        for (part, some) in self.files.chunks(50).enumerate() {
            let mut values = vec![0.0; some.len() * len];
            for (i, (file, values)) in some.iter().zip(values.chunks_mut(len)).enumerate() {
                let seen = view(50 * part + i, &decode(file).unwrap());
                let seen = resize(&seen, input.size, input.size).unwrap();
                normalise(&seen, input.mean, input.std, values).unwrap();
            }
            let batch = TensorData::new(values, [some.len(), len]);
            let tensor = Tensor::<2>::from_data(batch, &self.device);
            all.extend(rows(self.model.forward(tensor, None).embedding));
        }
        all
    }
}

/// The share of all pairs of pairs in which two views of one picture are more alike than views of two (area under the curve).
fn auc(first: &[Vec<f32>], second: &[Vec<f32>]) -> f64 {
    let (mut same, mut different) = (Vec::new(), Vec::new());
    for (i, a) in first.iter().enumerate() {
        for (j, b) in second.iter().enumerate() {
            let cosine = a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            if i == j { &mut same } else { &mut different }.push(cosine);
        }
    }
    different.sort_by(f32::total_cmp);
    let below = same
        .iter()
        .map(|s| different.partition_point(|d| d < s))
        .sum::<usize>();
    below as f64 / (same.len() * different.len()) as f64
}

/// A crop, and the mirrored picture cropped elsewhere. 300 faces, their views against all others'.
#[test]
fn mobilefacenet_tells_people_apart() {
    let Some(verification) = Verification::open(300) else {
        return;
    };
    let first = verification.embed(&|_, p| crop(p, [20, 20, 200, 200]).unwrap());
    let second = verification.embed(&|_, p| crop(&flip_horizontal(p), [28, 24, 200, 196]).unwrap());
    let auc = auc(&first, &second);
    println!("mobilefacenet: AUC {auc:.4} of same against different faces");
    assert!(auc > 0.98, "{auc}");
}

/// The picture turned by 10 to 30 degrees to either side and put somewhere into a larger one.
fn turned(number: usize, picture: &Picture) -> Picture {
    let (left, top) = (number * 37 % 140, number * 61 % 100);
    let degrees =
        (10.0 + (number * 7 % 21) as f64) * if number.is_multiple_of(2) { 1.0 } else { -1.0 };
    let picture = rotate(picture, degrees, Interpolation::Bilinear);
    let (width, height) = (picture.width() + 140, picture.height() + 100);
    let mut rgb = [90, 100, 110].repeat(width * height);
    for (y, row) in picture.rgb().chunks(3 * picture.width()).enumerate() {
        let place = 3 * ((top + y) * width + left);
        rgb[place..place + row.len()].copy_from_slice(row);
    }
    Picture::new(width, height, rgb).unwrap()
}

/// What detection and alignment are for: a face that is turned and not in the middle is the same face still.
#[test]
fn turned_and_moved_faces_are_known_once_they_are_aligned() {
    let Some(verification) = Verification::open(60) else {
        return;
    };
    let folder = verification.data.join("weights/mtcnn");
    let mtcnn = Mtcnn::open(&folder, MtcnnSettings::default(), &verification.device).unwrap();
    let aligned = |picture: &Picture| {
        let found = mtcnn.detect(picture.width(), picture.height(), picture.rgb());
        let found = found.unwrap();
        match found.first() {
            Some(face) => align_face(picture, &face.landmarks, 112).unwrap(),
            None => crop_centre(picture, 0.85).unwrap(),
        }
    };
    let middle = |picture: &Picture| crop_centre(picture, 0.85).unwrap();
    let first = verification.embed(&|_, p| aligned(p));
    let second = verification.embed(&|i, p| aligned(&turned(i, p)));
    let with = auc(&first, &second);
    let first = verification.embed(&|_, p| middle(p));
    let second = verification.embed(&|i, p| middle(&turned(i, p)));
    let without = auc(&first, &second);
    println!("turned and moved: AUC {with:.4} aligned, {without:.4} by the middle of the picture");
    assert!(with > 0.97 && with - without > 0.1, "{with} {without}");
}
