//! `cohort train embedding`, `cohort search verify` and `cohort data triplets`: from clips to vectors that search takes as they are.

#![cfg_attr(not(feature = "networks"), allow(unused_imports))]

mod common;

use std::path::Path;

use cohort_tables::{EmbeddingTable, Provenance};
use common::{assert_same_files, cohort, copy_folder, finish};
use serde_json::Value;

/// Pictures in folders by class, of stripes that run one way or another under noise.
#[cfg(feature = "networks")]
fn stripes(root: &Path) {
    stripes_of(root, [("train", 60), ("test", 6)]);
}

/// So many of each class by split.
#[cfg(feature = "networks")]
fn stripes_of(root: &Path, splits: [(&str, u32); 2]) {
    let grain = |i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8;
    for (split, count) in splits {
        for (class, name) in ["flat", "steep", "slanted"].into_iter().enumerate() {
            let folder = root.join(split).join(name);
            std::fs::create_dir_all(&folder).unwrap();
            for i in 0..count {
                let picture = image::RgbImage::from_fn(24, 24, |x, y| {
                    let along = [y, x, x + y][class] + i;
                    let seed = (i * 1009 + x * 31 + y) * 3 + split.len() as u32 * 7919;
                    let bright = if along / 3 % 2 == 0 { 170 } else { 60 };
                    image::Rgb([0, 1, 2].map(|c| bright + grain(seed + c) / 4))
                });
                picture
                    .save(folder.join(format!("{split}{name}{i}.png")))
                    .unwrap();
            }
        }
    }
}

#[cfg(feature = "networks")]
fn train(data: &Path, out: &Path, more: &[&str]) -> (i32, String, String) {
    let mut command = cohort();
    command
        .args(["train", "embedding"])
        .arg(data)
        .arg("--out")
        .arg(out);
    command.args(["--image-size", "24", "--epochs", "14", "--batch-size", "24"]);
    if !more.contains(&"--dimension") {
        command.args(["--dimension", "8"]);
    }
    finish(command.args(more))
}

#[cfg(feature = "networks")]
#[test]
fn pictures_become_vectors_that_search_takes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    stripes(&at("data"));
    let (code, stdout, stderr) = train(
        &at("data"),
        &at("run"),
        &[
            "--loss",
            "multi-similarity",
            "--before",
            "--selection",
            "precision-at-1",
        ],
    );
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stdout.contains("vectors of 8 values for 153 training, 27 validation and 18 test"),
        "{stdout}"
    );
    assert!(stdout.contains("to compare by: cosine"), "{stdout}");
    let index = |run: &str| {
        let mut command = cohort();
        command
            .current_dir(at(run))
            .args(["search", "index", "vectors-train.parquet"]);
        let (code, _, stderr) = finish(command.args(["--metric", "cosine", "--out", "all.index"]));
        assert_eq!(code, 0, "{stderr}");
    };
    index("run");
    index("run/before");
    let mut command = cohort();
    command
        .current_dir(at("run"))
        .args(["search", "evaluate", "all.index", "--json"]);
    command
        .args(["--queries", "vectors-test.parquet", "--labels"])
        .arg(at("data"));
    command.args(["--against", "before/all.index"]);
    command.args(["--against-queries", "before/vectors-test.parquet"]);
    let (code, stdout, stderr) = finish(&mut command);
    assert_eq!(code, 0, "{stderr}");
    let document: Value = serde_json::from_str(&stdout).unwrap();
    let value = |part: &Value, measure: &str| {
        let measures = part["measures"].as_array().unwrap();
        let of = measures.iter().find(|m| m["measure"] == measure).unwrap();
        of["value"].as_f64().unwrap()
    };
    assert!(value(&document, "precision_at_1") > 0.9, "{stdout}");
    assert!(value(&document["against"], "map") > 0.1, "{stdout}");
    for file in ["config.toml", "inputs.json", "run.json", "metrics.jsonl"] {
        assert!(at("run").join(file).is_file(), "{file}");
    }
    // going on with a run that is over changes nothing, and other settings are refused
    copy_folder(&at("run"), &at("copy"));
    let same = [
        "--loss",
        "multi-similarity",
        "--before",
        "--selection",
        "precision-at-1",
        "--resume",
    ];
    assert_eq!(train(&at("data"), &at("run"), &same).0, 0);
    assert_same_files(&at("run"), &at("copy"));
    let (code, _, stderr) = train(&at("data"), &at("run"), &["--loss", "triplet", "--resume"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("settings differ"), "{stderr}");
}

#[cfg(feature = "networks")]
#[test]
fn a_head_learns_from_a_table_of_vectors() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    stripes(&at("data"));
    // vectors by the names of the clips, in which the class stands in one of five columns
    let mut clips = Vec::new();
    for (split, count) in [("train", 60), ("test", 6)] {
        for name in ["flat", "steep", "slanted"] {
            clips.extend((0..count).map(|i| format!("{split}/{name}/{split}{name}{i}")));
        }
    }
    let vector = |(at, clip): (usize, &String)| {
        let class = ["flat", "steep", "slanted"]
            .iter()
            .position(|c| clip.contains(c));
        let noise = move |j: usize| ((at * 7919 + j * 104_729) as f32 * 0.618_034).fract() * 4.0;
        (0..5).map(move |j| noise(j) + f32::from(u8::from(Some(j) == class)) * 6.0)
    };
    let table = |clips: &[String]| EmbeddingTable {
        clips: clips.to_vec(),
        sources: vec![String::new(); clips.len()],
        dim: 5,
        values: clips.iter().enumerate().flat_map(vector).collect(),
        provenance: Provenance::default(),
    };
    table(&clips).write(&at("vectors.parquet")).unwrap();
    let vectors = at("vectors.parquet").display().to_string();
    for more in [
        &["--loss", "triplet", "--miner", "semi-hard"][..],
        &["--loss", "contrastive", "--memory", "48", "--hidden", "16"],
        &["--loss", "proxy-anchor", "--per-class", "8"],
    ] {
        let out = at(more[1]);
        let (code, stdout, stderr) = train(
            &at("data"),
            &out,
            &[&["--vectors", &vectors], more].concat(),
        );
        assert_eq!(code, 0, "{stderr}");
        assert!(stdout.contains("vectors of 8 values"), "{stdout}");
        let table = EmbeddingTable::read(&out.join("vectors-test.parquet")).unwrap();
        assert_eq!((table.len(), table.dim), (18, 8));
    }
    // some clips without a vector are said, a split without any is refused
    table(&clips[..188]).write(&at("fewer.parquet")).unwrap();
    let fewer = at("fewer.parquet").display().to_string();
    let (code, _, stderr) = train(&at("data"), &at("fewer"), &["--vectors", &fewer]);
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stderr.contains("split test: 10 of 18 clips have no vector"),
        "{stderr}"
    );
    table(&clips[..180]).write(&at("fewer.parquet")).unwrap();
    let (code, _, stderr) = train(&at("data"), &at("none"), &["--vectors", &fewer]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("expected vectors of clips of the split test"),
        "{stderr}"
    );
}

/// A file of ResNet-18's weights by torchvision's names, each tensor filled from its name.
#[cfg(feature = "networks")]
fn torchvision_resnet18(path: &Path) {
    let mut tensors: Vec<(String, Vec<usize>)> = Vec::new();
    let mut layer = |conv: String, norm: String, shape: [usize; 4]| {
        for part in ["weight", "bias", "running_mean", "running_var"] {
            tensors.push((format!("{norm}.{part}"), vec![shape[0]]));
        }
        tensors.push((format!("{conv}.weight"), shape.to_vec()));
    };
    layer("conv1".into(), "bn1".into(), [64, 3, 7, 7]);
    for i in 0..4 {
        for j in 0..2 {
            let (width, at) = (64 << i, format!("layer{}.{j}", i + 1));
            let before = if i > 0 && j == 0 { width / 2 } else { width };
            layer(
                format!("{at}.conv1"),
                format!("{at}.bn1"),
                [width, before, 3, 3],
            );
            layer(
                format!("{at}.conv2"),
                format!("{at}.bn2"),
                [width, width, 3, 3],
            );
            if before < width {
                let down = format!("{at}.downsample");
                layer(
                    format!("{down}.0"),
                    format!("{down}.1"),
                    [width, before, 1, 1],
                );
            }
        }
    }
    tensors.push(("fc.weight".into(), vec![1000, 512]));
    tensors.push(("fc.bias".into(), vec![1000]));
    let (mut header, mut data) = (serde_json::Map::new(), Vec::<u8>::new());
    for (name, shape) in &tensors {
        let (from, fan) = (data.len(), shape[1..].iter().product::<usize>().max(1));
        let seed = name.bytes().fold(17_u64, |seed, byte| {
            seed.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        for k in 0..shape.iter().product::<usize>() as u64 {
            let mixed = seed.wrapping_add(k).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            let unit = mixed as f32 / (1_u64 << 23) as f32 - 1.0;
            let value = match name.rsplit('.').next() {
                Some("running_var") => 1.0 + 0.3 * unit,
                Some("weight") if shape.len() > 1 => unit * (6.0 / fan as f32).sqrt(),
                Some("weight") => 1.0,
                _ => 0.05 * unit,
            };
            data.extend(value.to_le_bytes());
        }
        let entry = serde_json::json!({
            "dtype": "F32", "shape": shape, "data_offsets": [from, data.len()]
        });
        header.insert(name.clone(), entry);
    }
    let header = serde_json::to_string(&header).unwrap();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.extend(data);
    std::fs::write(path, bytes).unwrap();
}

#[cfg(feature = "networks")]
#[test]
fn a_layer_on_torchvisions_resnet_learns_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    stripes_of(&at("data"), [("train", 14), ("test", 2)]);
    torchvision_resnet18(&at("resnet18.safetensors"));
    let text = format!(
        "data = {:?}\n[image]\nbackbone = \"resnet18\"\nweights = \"resnet18.safetensors\"\ndropout = 0.0\n\
         [embedding]\ndimension = 2096\nbatch_size = 12\ntrainable = \"head\"\n[embedding.train]\nepochs = 1\n",
        at("data")
    );
    std::fs::write(at("run.toml"), text).unwrap();
    let mut command = cohort();
    command.args(["train", "embedding"]).arg(at("run.toml"));
    let (code, _, stderr) = finish(command.arg("--before").arg("--out").arg(at("run")));
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("resnet18: 100 tensors from"), "{stderr}");
    let read = |name: &str| EmbeddingTable::read(&at("run").join(name)).unwrap();
    let (before, after) = (
        read("before/vectors-test.parquet"),
        read("vectors-test.parquet"),
    );
    assert_eq!((after.len(), after.dim), (6, 2096));
    assert_ne!(before.values, after.values);
}

#[cfg(feature = "networks")]
#[test]
fn what_does_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    stripes(&at("data"));
    for (more, expected) in [
        (&["--loss", "hinge"][..], "expected contrastive, triplet"),
        (&["--miner", "hard"], "expected easy-positive, semi-hard"),
        (
            &["--loss", "arc-face", "--miner", "semi-hard"],
            "miner must be none with a loss of proxies",
        ),
        (
            &["--memory", "10"],
            "memory must be 0, or at least batch_size",
        ),
        (
            &["--per-class", "5"],
            "per_class must be at least 2, and a divisor of batch_size",
        ),
        (
            &["--per-class", "2"],
            "per_class must be so many that all classes together",
        ),
        (
            &["--dimension", "0", "--head-only"],
            "dimension must be above 0",
        ),
        (&["--vectors", "no.parquet"], "no.parquet"),
    ] {
        let (code, _, stderr) = train(&at("data"), &at("out"), more);
        assert_eq!(code, 2, "{more:?} {stderr}");
        assert!(stderr.contains(expected), "{more:?} {stderr}");
    }
    let mut command = cohort();
    command
        .args(["train", "image"])
        .arg(at("data"))
        .arg("--out")
        .arg(at("image"));
    let (code, _, stderr) = finish(command.args(["--loss", "triplet"]));
    assert_eq!(code, 2);
    assert!(
        stderr.contains("--loss: expected with train embedding alone"),
        "{stderr}"
    );
}

/// Vectors of so many persons with three each, about a place of its own.
fn persons(path: &Path, count: usize, spread: f32) -> String {
    let noise = |i: usize| ((i * 7919 + 13) as f32 * 0.618_034).fract() - 0.5;
    let mut text = String::from("VideoName,Person\n");
    let (mut clips, mut values) = (Vec::new(), Vec::new());
    for person in 0..count {
        for view in 0..3 {
            clips.push(format!("c{person}-{view}"));
            text += &format!("c{person}-{view},p{person}\n");
            for j in 0..6 {
                let own = noise(person * 6 + j);
                values.push(own + spread * noise(1_000_003 + (person * 3 + view) * 6 + j));
            }
        }
    }
    let table = EmbeddingTable {
        sources: vec![String::new(); clips.len()],
        clips,
        dim: 6,
        values,
        provenance: Provenance::default(),
    };
    table.write(path).unwrap();
    text
}

#[test]
fn pairs_of_one_person_are_told_from_pairs_of_two() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let labels = persons(&at("v.parquet"), 60, 0.6);
    std::fs::write(at("labels.csv"), &labels).unwrap();
    let verify = |more: &[&str]| {
        let mut command = cohort();
        command
            .current_dir(folder.path())
            .args(["search", "verify", "v.parquet"]);
        finish(
            command
                .args(["--labels", "labels.csv", "--unit", "Person"])
                .args(more),
        )
    };
    let (code, stdout, stderr) = verify(&["--json", "--resamples", "200", "--far", "0.1,0.01"]);
    assert_eq!(code, 0, "{stderr}");
    let document: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(document["schema"], "cohort.verification/1");
    assert_eq!(
        (&document["genuine"], &document["impostor"]),
        (&180.into(), &15_930.into())
    );
    let number = |value: &Value| value.as_f64().unwrap();
    let auc = &document["auc"];
    assert!(
        number(&auc["low"]) > 0.9 && number(&auc["high"]) < 1.0,
        "{auc}"
    );
    assert!((number(&document["control"]) - 0.5).abs() < 0.05);
    let at_1 = &document["at"][1];
    assert!(number(&at_1["reached"]) <= 0.01);
    assert!(number(&at_1["true_accept_rate"]["value"]) > 0.2);
    // the same whatever the number of threads, drawn impostors too
    let drawn = [
        "--json",
        "--impostors",
        "5000",
        "--resamples",
        "100",
        "--far",
        "0.1",
    ];
    let one = verify(&[&drawn[..], &["--threads", "1"]].concat());
    assert_eq!(one, verify(&[&drawn[..], &["--threads", "3"]].concat()));
    let few: Value = serde_json::from_str(&one.1).unwrap();
    assert!(
        (4_700..5_300).contains(&few["impostor"].as_u64().unwrap()),
        "{}",
        few["impostor"]
    );
    // labels that name the clips by their files say the same; a word for no value is nobody, not one person more
    let (_, plain, _) = verify(&["--json", "--resamples", "100", "--far", "0.1"]);
    let files: String = labels.replace(",p", ".mp4,p");
    std::fs::write(at("labels.csv"), &files).unwrap();
    assert_eq!(
        verify(&["--json", "--resamples", "100", "--far", "0.1"]).1,
        plain
    );
    let of_people = |word: &str| {
        let nobody = files
            .replace(",p7\n", &format!(",{word}\n"))
            .replace(",p9\n", &format!(",{word}\n"));
        std::fs::write(at("labels.csv"), nobody).unwrap();
        verify(&["--json", "--resamples", "100", "--far", "0.1"]).1
    };
    let empty = of_people("");
    assert_eq!(of_people("NA"), empty);
    assert_eq!(of_people("nan"), empty);
    let empty: Value = serde_json::from_str(&empty).unwrap();
    assert_eq!(
        (&empty["genuine"], &empty["without_unit"]),
        (&174.into(), &6.into())
    );
    let (code, _, stderr) = verify(&["--far", "0.00001"]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("--far") && stderr.contains("at least one impostor pair"),
        "{stderr}"
    );
}

#[test]
fn triplets_share_labels_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut text = String::from("VideoName,labels\n");
    let labels: Vec<Vec<usize>> = (0..80).map(|i| vec![i % 7, 7 + i * i % 5]).collect();
    for (i, own) in labels.iter().enumerate() {
        text += &format!("c{i},k{}+k{}\n", own[0], own[1]);
    }
    std::fs::write(at("labels.csv"), &text).unwrap();
    let mut command = cohort();
    command.current_dir(folder.path()).args([
        "data",
        "triplets",
        "labels.csv",
        "--label",
        "labels",
    ]);
    let (code, stdout, stderr) = finish(command.args(["--out", "t.csv", "--json"]));
    assert_eq!(code, 0, "{stderr}");
    let document: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (&document["triplets"], &document["labels"]),
        (&80.into(), &160.into())
    );
    let written = std::fs::read_to_string(at("t.csv")).unwrap();
    assert_eq!(written.lines().count(), 81);
    for line in written.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let of = |field: &str| &labels[field[1..].parse::<usize>().unwrap()];
        let shared = |a: &[usize], b: &[usize]| a.iter().filter(|l| b.contains(l)).count();
        let (a, p, n) = (of(fields[0]), of(fields[1]), of(fields[2]));
        assert_eq!(shared(a, p).to_string(), fields[3]);
        assert_eq!((shared(a, n) + shared(p, n), fields[4]), (0, "0"));
    }
    let mut command = cohort();
    command
        .current_dir(folder.path())
        .args(["data", "triplets", "labels.csv", "--label", "kinds"]);
    let (code, _, stderr) = finish(command.args(["--out", "t.csv"]));
    assert_eq!(code, 2);
    assert!(
        stderr.contains("expected a column kinds, found columns labels"),
        "{stderr}"
    );
}
