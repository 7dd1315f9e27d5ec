//! What the image model sees, and what it begins with: the middle of the pictures, and weights that it is given.
#![cfg(feature = "networks")]

mod common;

use std::path::{Path, PathBuf};

use cohort_tables::EmbeddingTable;
use cohort_vision::Picture;
use common::{assert_same_files, cohort, copy, copy_folder, finish};

/// Replaces every picture below `folder` by a PNG of what `change` makes of it.
fn repaint(folder: &Path, change: &dyn Fn(image::RgbImage) -> image::RgbImage) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            repaint(&path, change);
        } else if path.extension().is_some_and(|e| e == "jpg" || e == "png") {
            let picture = change(image::open(&path).unwrap().to_rgb8());
            std::fs::remove_file(&path).unwrap();
            picture.save(path.with_extension("png")).unwrap();
        }
    }
}

/// The half of the width and of the height that lies in the middle.
fn middle(picture: image::RgbImage) -> image::RgbImage {
    let kept = |side: u32| side.div_ceil(2);
    let (w, h) = picture.dimensions();
    let (left, top) = ((w - kept(w)) / 2, (h - kept(h)) / 2);
    image::imageops::crop_imm(&picture, left, top, kept(w), kept(h)).to_image()
}

/// A configuration of a run of two epochs on `data`; the words are there for a joint model, which embeddings are made for.
fn config(file: &Path, data: &Path, image: &str, train: &str) -> PathBuf {
    let text = format!(
        "data = {data:?}\nmodalities = [\"image\", \"text\"]\n\n[image]\n{image}\n\
         [image.train]\nepochs = 2\n{train}\n[text.train]\nepochs = 2\n[joint.train]\nepochs = 2\n"
    );
    std::fs::write(file, text).unwrap();
    file.to_path_buf()
}

fn run(config: &Path, out: &Path) {
    let mut command = cohort();
    let (code, _, stderr) = finish(command.arg("run").arg(config).arg("--out").arg(out));
    assert_eq!(code, 0, "{stderr}");
}

fn embeddings(run: &Path) -> EmbeddingTable {
    EmbeddingTable::read(&run.join("features/embeddings-image.parquet")).unwrap()
}

/// Answers for all pictures of a data set's test split.
fn predicted(run: &Path, data: &Path) -> String {
    let mut command = cohort();
    let command = command.arg("predict").arg(run).arg("--data").arg(data);
    let (code, stdout, stderr) = finish(command.args(["--split", "test", "--json"]));
    assert_eq!(code, 0, "{stderr}");
    stdout
}

#[test]
fn a_crop_is_as_good_as_pictures_cut_before() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    copy(&at("whole"));
    repaint(&at("whole"), &|picture| picture);
    copy_folder(&at("whole"), &at("cut"));
    repaint(&at("cut"), &middle);
    let half = config(&at("half.toml"), &at("whole"), "crop = 0.5", "");
    let cut = config(&at("cut.toml"), &at("cut"), "", "");
    run(&half, &at("run-half"));
    run(&cut, &at("run-cut"));
    for file in ["image/predictions.csv", "image/predictions-valid.csv"] {
        let read = |run: &str| std::fs::read_to_string(at(run).join(file)).unwrap();
        assert_eq!(read("run-half"), read("run-cut"), "{file}");
    }
    let (of_half, of_cut) = (embeddings(&at("run-half")), embeddings(&at("run-cut")));
    assert_eq!(of_half.clips, of_cut.clips);
    assert_eq!(of_half.values, of_cut.values);
    assert_eq!(
        predicted(&at("run-half"), &at("whole")),
        predicted(&at("run-cut"), &at("cut"))
    );

    // A run goes on only with the crop that it began with.
    let train = |config: &Path| {
        let mut command = cohort();
        command.args(["train", "image"]).arg(config).arg("--resume");
        finish(command.arg("--out").arg(at("alone")))
    };
    assert_eq!(train(&half).0, 0);
    copy_folder(&at("alone"), &at("before"));
    assert_eq!(train(&half).0, 0);
    assert_same_files(&at("alone"), &at("before"));
    let other = config(&at("other.toml"), &at("whole"), "crop = 0.6", "");
    let (code, _, stderr) = train(&other);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("inputs.json"), "{stderr}");
    let bad = config(&at("bad.toml"), &at("whole"), "crop = 1.5", "");
    let (code, _, stderr) = train(&bad);
    assert_eq!(code, 2);
    let expected = "setting image.crop: expected a share above 0 and up to 1, found 1.5";
    assert!(stderr.contains(expected), "{stderr}");
}

/// A real face, turned and put somewhere into a larger picture, on three of four clips; the others show none.
fn scene(number: usize, faces: &[PathBuf]) -> image::RgbImage {
    let mut scene = image::RgbImage::from_pixel(300, 260, image::Rgb([90, 100, 110]));
    if number.is_multiple_of(4) {
        return scene;
    }
    let face = cohort_vision::decode(&faces[number % faces.len()]).unwrap();
    let degrees = (number * 13 % 41) as f64 - 20.0;
    let face = cohort_vision::rotate(&face, degrees, cohort_vision::Interpolation::Bilinear);
    let (w, h) = (face.width() as u32, face.height() as u32);
    let face = image::RgbImage::from_raw(w, h, face.rgb().to_vec()).unwrap();
    let (left, top) = (number * 29 % 70, number * 17 % 30);
    image::imageops::replace(&mut scene, &face, left as i64, top as i64);
    scene
}

#[test]
fn a_detector_is_as_good_as_faces_cut_out_before() {
    let Some(data) = common::shared() else {
        return;
    };
    let detector = data.join("weights/mtcnn");
    let entries = std::fs::read_dir(data.join("faces/val")).unwrap();
    let mut faces: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    faces.sort();
    let mtcnn = cohort_nn::Mtcnn::open(
        &detector,
        cohort_nn::MtcnnSettings::default(),
        &cohort_nn::burn::tensor::Device::flex(),
    )
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    copy(&at("whole"));
    let number = std::cell::Cell::new(0);
    repaint(&at("whole"), &|_| {
        number.set(number.get() + 1);
        scene(number.get(), &faces)
    });
    let missed = std::cell::Cell::new(0);
    // what a network of `size` pixels sees, cut out by hand
    type Cut = dyn Fn(&Picture, &cohort_nn::Face) -> Picture;
    let by_hand = |folder: &str, size: u32, cut: &Cut| {
        copy_folder(&at("whole"), &at(folder));
        missed.set(0);
        repaint(&at(folder), &|picture| {
            let (w, h) = picture.dimensions();
            let whole = Picture::new(w as usize, h as usize, picture.into_raw()).unwrap();
            let found = mtcnn.detect(whole.width(), whole.height(), whole.rgb());
            let seen = match found.unwrap().first() {
                Some(face) => cut(&whole, face),
                None => {
                    missed.set(missed.get() + 1);
                    cohort_vision::resize(&whole, size as usize, size as usize).unwrap()
                }
            };
            image::RgbImage::from_raw(size, size, seen.rgb().to_vec()).unwrap()
        });
    };
    by_hand("aligned", 112, &|whole, face| {
        cohort_vision::align_face(whole, &face.landmarks, 112).unwrap()
    });
    by_hand("cut", 64, &|whole, face| {
        cohort_vision::crop_face(whole, face.rectangle, 64, 6).unwrap()
    });
    let (clips, missed) = (number.get(), missed.get());
    assert!(
        missed * 4 >= clips && missed * 3 < clips,
        "{missed} of {clips}"
    );

    let settings = format!("detector = {detector:?}");
    let with = config(&at("with.toml"), &at("whole"), &settings, "");
    let cut = config(&at("cut.toml"), &at("cut"), "", "");
    let mut command = cohort();
    let (code, _, stderr) = finish(
        command
            .arg("run")
            .arg(&with)
            .arg("--out")
            .arg(at("run-with")),
    );
    assert_eq!(code, 0, "{stderr}");
    let told: usize = stderr
        .lines()
        .filter_map(|line| line.split_once(" show no face"))
        .filter_map(|(before, _)| before.split_whitespace().next()?.parse::<usize>().ok())
        .sum();
    // the three splits are read for training, and once more for what the model sees
    assert_eq!(told, 2 * missed, "{stderr}");
    run(&cut, &at("run-cut"));
    for file in ["image/predictions.csv", "image/predictions-valid.csv"] {
        let read = |run: &str| std::fs::read_to_string(at(run).join(file)).unwrap();
        assert_eq!(read("run-with"), read("run-cut"), "{file}");
    }
    assert_eq!(
        embeddings(&at("run-with")).values,
        embeddings(&at("run-cut")).values
    );
    assert_eq!(
        predicted(&at("run-with"), &at("whole")),
        predicted(&at("run-cut"), &at("cut"))
    );

    // MobileFaceNet sees faces upright.
    let weights = data.join("weights/mobilefacenet_pytorch/068.ckpt");
    let frozen = format!("mode = \"frozen\"\nbackbone = \"mobilefacenet\"\nweights = {weights:?}");
    let upright = config(
        &at("upright.toml"),
        &at("whole"),
        &format!("{frozen}\n{settings}"),
        "",
    );
    train(&upright, &at("found-upright"), 0);
    let upright = config(&at("upright.toml"), &at("aligned"), &frozen, "");
    train(&upright, &at("cut-upright"), 0);
    let seen = |run: &str| EmbeddingTable::read(&at(run).join("features/faces.parquet")).unwrap();
    let (found, cut) = (seen("found-upright"), seen("cut-upright"));
    assert_eq!(found.clips, cut.clips);
    assert_eq!(found.values, cut.values);

    let blank = at("blank.png");
    image::RgbImage::from_pixel(90, 80, image::Rgb([7, 9, 11]))
        .save(&blank)
        .unwrap();
    let mut command = cohort();
    let command = command.arg("predict").arg(at("run-with")).arg(&blank);
    let (code, _, stderr) = finish(command);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("1 of 1 pictures show no face"), "{stderr}");

    // A run goes on only with the detector that it began with.
    train(&with, &at("alone"), 0);
    let without = config(&at("without.toml"), &at("whole"), "", "");
    let message = train(&without, &at("alone"), 2);
    assert!(message.contains("inputs.json"), "{message}");
    let absent = config(
        &at("absent.toml"),
        &at("whole"),
        "detector = \"nowhere\"",
        "",
    );
    let message = train(&absent, &at("other"), 2);
    assert!(message.contains("nowhere/pnet.pt"), "{message}");
}

#[test]
fn fine_tuning_begins_with_the_weights_that_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let first = config(&at("first.toml"), common::corpus(), "", "");
    run(&first, &at("first"));
    let weights = at("first/image/checkpoints/best.safetensors");
    let weights = format!("weights = {weights:?}");
    // A rate next to nothing: what the network sees stays as it was, whatever its new output layer says.
    let rate = "learning_rate = 1e-12";
    let tuned = config(&at("tuned.toml"), common::corpus(), &weights, rate);
    run(&tuned, &at("tuned"));
    let (before, after) = (embeddings(&at("first")), embeddings(&at("tuned")));
    assert_eq!(before.clips, after.clips);
    let classes = after.provenance.columns.iter();
    let width = classes.filter(|c| c.starts_with("embedding")).count();
    assert!(width > 8);
    let rows = before
        .values
        .chunks(before.dim)
        .zip(after.values.chunks(after.dim));
    for (before, after) in rows {
        for (a, b) in before[..width].iter().zip(&after[..width]) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
        assert_ne!(before[width..], after[width..], "the output layer is new");
    }
    let resolved = std::fs::read_to_string(at("tuned/config.toml")).unwrap();
    assert!(resolved.contains("[image.train.fine_tuning]"), "{resolved}");
}

#[test]
fn a_run_goes_on_only_with_the_weights_that_it_began_with() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["first", "second"] {
        let rate = format!(
            "learning_rate = {}",
            if name == "first" { 1e-3 } else { 2e-3 }
        );
        let config = config(&at("scratch.toml"), common::corpus(), "", &rate);
        train(&config, &at(name), 0);
    }
    let trained = |name: &str| at(name).join("checkpoints/best.safetensors");
    for mode in ["frozen", "pixels"] {
        let weights = at("weights.safetensors");
        std::fs::copy(trained("first"), &weights).unwrap();
        let image = format!("mode = {mode:?}\nweights = {weights:?}");
        let config = config(&at("other.toml"), common::corpus(), &image, "");
        train(&config, &at(mode), 0);
        train(&config, &at(mode), 0);
        std::fs::copy(trained("second"), &weights).unwrap();
        let message = train(&config, &at(mode), 2);
        assert!(
            message.contains("inputs.json: expected the media, labels and weights that"),
            "{message}"
        );
    }
}

/// What is said on the way, where training with `--resume` ends with `code`.
fn train(config: &Path, out: &Path, code: i32) -> String {
    let mut command = cohort();
    let command = command.args(["train", "image"]).arg(config).arg("--resume");
    let (found, _, stderr) = finish(command.arg("--out").arg(out));
    assert_eq!(found, code, "{stderr}");
    stderr
}
