//! `cohort detect run`: results as files, going on, and what is refused.

mod common;
#[path = "../../cohort-detectors/tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use cohort_detectors::yolox::Architecture;
use cohort_weights::{Array, Weights};
use common::{cohort, finish, printed_json, refusal, shared};
use serde_json::{Value, json};

/// A small network of COCO's classes with made weights.
const SMALL: Architecture = Architecture {
    base: 2,
    depth: 1,
    depthwise: true,
    classes: 80,
};

fn network(path: &Path, of: Architecture) {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    };
    let arrays = of.tensors().into_iter().map(|(name, shape)| {
        let n = shape.iter().product();
        let fan: usize = shape.iter().skip(1).product();
        let wide = shape.len() == 4;
        let centre = match wide {
            false if name.ends_with("weight") || name.ends_with("var") => 1.0,
            false if name.contains("_preds") && !name.contains("reg") => -1.0,
            _ => 0.0,
        };
        let size = if wide { (3.0 / fan as f32).sqrt() } else { 0.5 };
        let values = (0..n).map(|_| centre + size * next()).collect();
        (format!("model.{name}"), Array { shape, values })
    });
    let weights = Weights(arrays.collect());
    fs::write(path, weights.to_safetensors("{}").unwrap()).unwrap();
}

struct Folder(tempfile::TempDir);

impl Folder {
    /// A network, and pictures of several sizes in a folder and one below it.
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        network(&folder.path("small.safetensors"), SMALL);
        fs::create_dir_all(folder.path("pictures/below")).unwrap();
        for (i, name) in PICTURES.iter().enumerate() {
            let (width, height) = size(i);
            let pixel = |x: u32, y: u32| {
                let wave = |k: u32| {
                    (127.0 + 120.0 * f64::from(x * k + y * (k + 3) + i as u32).sin()) as u8
                };
                image::Rgb([wave(1), wave(2), wave(3)])
            };
            let picture = image::RgbImage::from_fn(width, height, pixel);
            picture.save(folder.path("pictures").join(name)).unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn json(&self, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path(name)).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// A call within the folder.
    fn call(&self, arguments: &str) -> (i32, String, String) {
        let mut command = cohort();
        command.current_dir(self.0.path()).args(["detect", "run"]);
        command.args(["--weights", "small.safetensors"]);
        if !arguments.contains("--size") {
            command.args(["--size", "96"]);
        }
        finish(command.args(arguments.split_whitespace()))
    }

    fn done(&self, arguments: &str) -> (String, String) {
        let (code, out, err) = self.call(arguments);
        assert_eq!(code, 0, "{err}");
        (out, err)
    }
}

const PICTURES: [&str; 4] = ["a.png", "b.png", "below/a.png", "wide.png"];

fn size(i: usize) -> (u32, u32) {
    (60 + 35 * i as u32, 90 - 20 * i as u32)
}

#[test]
fn results_as_json_table_and_pictures() {
    let folder = Folder::new();
    let (out, _) = folder.done("pictures --out found --annotated drawn --score 0.05 --draw 0.06");
    let results = folder.json("found/detections.json");
    assert!(
        out.contains(&format!("4 pictures: {} detections", results.len())),
        "{out}"
    );
    assert!(results.len() > 10, "{}", results.len());
    let known: Vec<Value> = PICTURES.iter().map(|name| json!(name)).collect();
    for one in &results {
        assert!(known.contains(&one["image_id"]), "{one}");
        assert!(one["score"].as_f64().unwrap() > 0.05);
        let id = one["category_id"].as_u64().unwrap();
        assert!((1..=90).contains(&id), "COCO's ids");
        assert!(one["bbox"].as_array().unwrap().iter().all(Value::is_number));
    }
    let table = fs::read_to_string(folder.path("found/detections.csv")).unwrap();
    assert_eq!(table.lines().count(), results.len() + 1);
    let first = table.lines().nth(1).unwrap();
    let score = results[0]["score"].as_f64().unwrap().to_string();
    assert!(
        first.starts_with("a.png,a.png,") && first.contains(&score[..6]),
        "{first}"
    );
    let mut changed = 0;
    for (i, name) in PICTURES.iter().enumerate() {
        let before = image::open(folder.path("pictures").join(name))
            .unwrap()
            .to_rgb8();
        let drawn = format!("drawn/{name}.png");
        let after = image::open(folder.path(&drawn)).unwrap().to_rgb8();
        assert_eq!(after.dimensions(), size(i));
        changed += usize::from(before != after);
    }
    assert!(changed > 0, "boxes are drawn");
    assert!(!folder.path("found/detections.partial").exists());

    // the same bytes by any number of threads, and of the table alone
    folder.done("pictures --out one.json --score 0.05 --threads 1");
    folder.done("pictures --out three.json --score 0.05 --threads 3");
    folder.done("pictures --out three.csv --score 0.05 --threads 3");
    let bytes = |name: &str| fs::read(folder.path(name)).unwrap();
    assert_eq!(bytes("one.json"), bytes("three.json"));
    assert_eq!(bytes("one.json"), bytes("found/detections.json"));
    assert_eq!(bytes("three.csv"), bytes("found/detections.csv"));
}

#[test]
fn pictures_of_annotations_have_their_ids_and_are_evaluated() {
    let folder = Folder::new();
    let (mut images, mut annotations) = (Vec::new(), Vec::new());
    for (i, name) in PICTURES.iter().enumerate() {
        let (width, height) = size(i);
        images.push(json!({"id": 7 + i, "file_name": name, "width": width, "height": height}));
        annotations.push(json!({
            "id": i + 1, "image_id": 7 + i, "category_id": 5, "iscrowd": 0, "area": 400, "bbox": [3, 3, 20, 20],
        }));
    }
    let categories = json!([{"id": 5, "name": "zebra"}, {"id": 3, "name": "person"}]);
    let mut truth = json!({"images": images, "annotations": annotations, "categories": categories});
    folder.write("truth.json", &truth.to_string());
    let (_, err) = folder.done("pictures --truth truth.json --out results.json --most 20000");
    assert!(
        err.contains("78 of 80 classes of the network are no category of it"),
        "{err}"
    );
    let results = folder.json("results.json");
    let of = |id: Value| {
        results
            .iter()
            .filter(|one| one["category_id"] == id)
            .count()
    };
    assert!(
        results
            .iter()
            .all(|one| (7..11).contains(&one["image_id"].as_u64().unwrap()))
    );
    assert!(of(json!(5)) + of(json!(3)) > 0 && of(json!("bus")) > 0);
    let mut command = cohort();
    command.current_dir(folder.0.path());
    command.args("detect evaluate truth.json results.json --json".split(' '));
    let document = printed_json(finish(&mut command));
    assert_eq!(document["schema"], "cohort.detection/1");

    // another size than the annotations say
    truth["images"][0]["width"] = json!(61);
    folder.write("truth.json", &truth.to_string());
    let told = refusal(folder.call("pictures --truth truth.json --out results.json"));
    assert!(
        told.contains("expected 61 x 90 pixels") && told.contains("found 60 x 90"),
        "{told}"
    );
    truth["images"][0]["file_name"] = json!("../small.safetensors");
    folder.write("truth.json", &truth.to_string());
    let told = refusal(folder.call("pictures --truth truth.json --out results.json"));
    assert!(
        told.contains("picture 7: expected a file below the folder"),
        "{told}"
    );
}

#[test]
fn a_broken_picture_is_told_and_the_same_call_goes_on() {
    let folder = Folder::new();
    folder.write("pictures/c.png", "no picture");
    let told = refusal(folder.call("pictures --out results.json --annotated drawn"));
    assert!(told.contains("c.png"), "{told}");
    assert!(!folder.path("results.json").exists());
    assert!(
        folder.path("results.json.partial").exists(),
        "what is finished is kept"
    );
    let (out, err) = folder.done("pictures --out results.json --annotated drawn --skip-bad");
    assert!(
        err.contains("skipped pictures/c.png: ") && err.contains("1 picture skipped"),
        "{err}"
    );
    assert!(
        out.contains("4 pictures (4 of them by an earlier call)"),
        "{out}"
    );
    assert!(!folder.path("results.json.partial").exists());
    folder.done("pictures --out again.json --skip-bad");
    let bytes = |name: &str| fs::read(folder.path(name)).unwrap();
    assert_eq!(bytes("results.json"), bytes("again.json"));

    // what was finished under other settings, or of another file, is looked at again
    refusal(folder.call("pictures --out other.json"));
    let (out, _) = folder.done("pictures --out other.json --score 0.1 --skip-bad");
    assert!(!out.contains("earlier call"), "{out}");
}

#[test]
fn names_numbers_and_what_is_refused() {
    let folder = Folder::new();
    // pictures that are called by numbers have these as ids, as COCO's have
    fs::create_dir(folder.path("coco")).unwrap();
    for (i, name) in ["000000000139.png", "000000000285.png"].iter().enumerate() {
        let from = folder.path("pictures").join(PICTURES[i]);
        fs::copy(from, folder.path("coco").join(name)).unwrap();
    }
    let names: Vec<String> = (0..80).map(|i| format!("thing {i}")).collect();
    folder.write("names.txt", &names.join("\n"));
    folder.done("coco --out results.json --classes names.txt --score 0.01");
    for one in folder.json("results.json") {
        assert!(one["image_id"] == 139 || one["image_id"] == 285);
        assert!((1..=80).contains(&one["category_id"].as_u64().unwrap()));
    }
    folder.write("few.txt", "cat\ndog\n");
    folder.write(
        "twice.txt",
        &names.join("\n").replace("thing 7\n", "thing 6\n"),
    );
    fs::create_dir(folder.path("empty")).unwrap();
    fs::create_dir(folder.path("other")).unwrap();
    fs::copy(folder.path("pictures/b.png"), folder.path("other/a.png")).unwrap();
    for (arguments, expected) in [
        (
            "pictures --out x.json --classes few.txt",
            "few.txt: expected 80 names",
        ),
        (
            "pictures --out x.json --classes twice.txt",
            "line 8: expected each name once",
        ),
        (
            "pictures --out x.txt",
            "--out: expected a file .json or .csv",
        ),
        (
            "pictures --out x.json --size 100",
            "a multiple of 32 from 32 to 4096, found 100",
        ),
        (
            "pictures --out x.json --score 2",
            "score: expected a number from 0 to 1, found 2",
        ),
        ("pictures --out x.json --draw -1", "--draw"),
        (
            "pictures --out x.json --norm-epsilon 1e-5",
            "norm epsilon: expected none for a YOLOX, found 0.00001",
        ),
        (
            "pictures --out x.json --most 0",
            "most detections: expected 1 or more",
        ),
        ("empty --out x.json", "expected pictures"),
        ("absent --out x.json", "cannot read absent"),
        ("pictures other --out x.json", "both would be \"a.png\""),
    ] {
        let (code, out, told) = folder.call(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments}");
        assert!(told.contains(expected), "{arguments}: {told}");
    }
    assert!(!folder.path("x.json").exists());
    let of = |weights: &str| {
        let mut command = cohort();
        command.current_dir(folder.0.path());
        let arguments = format!("detect run pictures --weights {weights} --out x.json");
        refusal(finish(command.args(arguments.split(' '))))
    };
    folder.write("yolov8n.pt", "PK ultralytics.nn.tasks DetectionModel");
    let told = of("yolov8n.pt");
    assert!(
        told.contains("Ultralytics") && told.contains("AGPL-3.0"),
        "{told}"
    );
    folder.write("broken.onnx", "no graph");
    assert!(of("broken.onnx").contains("broken.onnx: expected an ONNX model"));
    network(
        &folder.path("two.safetensors"),
        Architecture {
            classes: 2,
            ..SMALL
        },
    );
    assert!(of("two.safetensors").contains("names of the network's 2 classes"));
}

/// A Mask R-CNN with weights made of names, against what torchvision finds with these.
#[test]
fn masks_of_an_rcnn_are_run_lengths() {
    let (Some(golden), Some(bias)) = (
        support::golden("mask_rcnn_320.json"),
        support::golden("class_bias_320.json"),
    ) else {
        return;
    };
    let Some(data) = shared() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let of = support::weights::golden_weights(&golden["tensors"], &golden["gains"], &bias);
    fs::write(path("mask.safetensors"), of.to_safetensors("{}").unwrap()).unwrap();
    fs::create_dir(path("pictures")).unwrap();
    let images = golden["images"].as_object().unwrap();
    let mut names: Vec<&str> = Vec::new();
    for name in images.keys().take(2) {
        let last = name.rsplit('/').next().unwrap();
        fs::copy(
            data.join("coco-mini").join(name),
            path("pictures").join(last),
        )
        .unwrap();
        names.push(name);
    }
    let run = |more: &str| {
        let mut command = cohort();
        command.current_dir(folder.path()).args(["detect", "run"]);
        command.args("pictures --weights mask.safetensors --size 320".split(' '));
        finish(command.args(more.split(' ')))
    };
    let (code, _, err) = run("--out found --annotated drawn");
    assert_eq!(code, 0, "{err}");
    assert!(
        err.contains("Mask R-CNN R50-FPN as torchvision has it")
            && err.contains("the shorter side 320 pixels and the longer at most 533")
            && err.contains("90 classes, 2 pictures"),
        "{err}"
    );
    let text = fs::read_to_string(path("found/detections.json")).unwrap();
    let results: Vec<Value> = serde_json::from_str(&text).unwrap();
    for name in names {
        let golden = &images[name]["detections"];
        let id: u64 = name[name.len() - 16..name.len() - 4].parse().unwrap();
        let own = results.iter().filter(|one| one["image_id"] == id);
        let found: Vec<cohort_detectors::Detected> = own.map(detected).collect();
        assert_eq!(found.len() as u64, golden["count"].as_u64().unwrap());
        // COCO's ids are torchvision's classes
        let matched = support::stages::matched(&found, golden, ("labels", 1));
        assert!(matched.iter().flatten().count() >= 98, "{name}");
        let fields = ["mask_areas_over_half", "mask_rle_first5"];
        support::stages::assert_masks(&found, &matched, golden, fields);
    }
    // going on from what was kept gives the same bytes
    fs::write(path("pictures/other.png"), "no picture").unwrap();
    let told = refusal(run("--out again.json"));
    assert!(told.contains("other.png"), "{told}");
    fs::remove_file(path("pictures/other.png")).unwrap();
    let (code, out, err) = run("--out again.json");
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("(2 of them by an earlier call)"), "{out}");
    assert_eq!(fs::read(path("again.json")).unwrap(), text.into_bytes());
}

/// A result as it was found.
fn detected(result: &Value) -> cohort_detectors::Detected {
    let [x, y, width, height] = <[f32; 4]>::try_from(support::numbers(&result["bbox"])).unwrap();
    let size = &result["segmentation"]["size"];
    let [rows, columns] = [0, 1].map(|axis| size[axis].as_u64().unwrap() as u32);
    let counts = result["segmentation"]["counts"].as_str().unwrap();
    cohort_detectors::Detected {
        class: result["category_id"].as_u64().unwrap() as usize - 1,
        score: result["score"].as_f64().unwrap() as f32,
        corners: [x, y, x + width, y + height],
        mask: Some(cohort_detection::rle::Rle::from_compressed(counts, rows, columns).unwrap()),
    }
}

/// Ctrl-C after the first pictures leaves what is finished, and the same call goes on to the same bytes.
#[cfg(unix)]
#[test]
fn a_call_that_is_stopped_goes_on() {
    let folder = Folder::new();
    fs::create_dir(folder.path("many")).unwrap();
    for i in 0..400 {
        let from = folder.path("pictures").join(PICTURES[i % 4]);
        fs::copy(from, folder.path(&format!("many/{i}.png"))).unwrap();
    }
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("cohort"));
    command.current_dir(folder.0.path());
    command
        .args("detect run many --weights small.safetensors --size 96 --out some.json".split(' '));
    let mut child = command
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // the journal has a header of 40 bytes, then rows
    let begun = || fs::metadata(folder.path("some.json.partial")).is_ok_and(|m| m.len() > 40);
    while !begun() {
        assert!(child.try_wait().unwrap().is_none(), "not that fast");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let told = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(told.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{err}");
    assert!(err.contains("stopped after "), "{err}");
    assert!(!folder.path("some.json").exists());
    let (out, _) = folder.done("many --out some.json");
    assert!(out.contains("by an earlier call"), "{out}");
    folder.done("many --out whole.json");
    let bytes = |name: &str| fs::read(folder.path(name)).unwrap();
    assert_eq!(bytes("some.json"), bytes("whole.json"));
}

#[test]
fn the_published_nano_on_real_pictures() {
    let Some(data) = shared() else {
        return;
    };
    let weights = data.join("weights/yolox_nano/yolox_nano.onnx");
    let coco = data.join("coco-mini");
    let truth = coco.join("annotations/instances_val2017.json");
    if !weights.exists() || !truth.exists() {
        println!("skipped: no YOLOX or coco-mini in {}", data.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results.json");
    let mut command = cohort();
    command.args(["detect", "run"]).arg(coco.join("val2017"));
    command
        .arg("--weights")
        .arg(&weights)
        .arg("--truth")
        .arg(&truth);
    let (code, _, err) = finish(command.arg("--out").arg(&results));
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("under Apache-2.0"), "{err}");
    let mut command = cohort();
    command
        .args(["detect", "evaluate"])
        .arg(&truth)
        .arg(&results);
    command.args("--json --resamples 100 --permutations 100 --shuffles 10".split(' '));
    let document = printed_json(finish(&mut command));
    let figures = document["figures"].as_array().unwrap();
    let ap = figures[0]["value"].as_f64().unwrap();
    assert!((ap - 0.3222).abs() < 0.002, "{ap}");
}
