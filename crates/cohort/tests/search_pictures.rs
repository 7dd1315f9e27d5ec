//! `cohort search` on pictures: encoders, an index of pictures, queries, contact sheets.
#![cfg(feature = "networks")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use cohort_search::Index;
use cohort_tables::EmbeddingTable;
use common::{cohort, corpus, finish, fixed_files};
use serde_json::Value;

/// Weights of a small picture network that was trained on the corpus, made once.
fn weights() -> &'static Path {
    static WEIGHTS: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = WEIGHTS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let mut command = cohort();
        command.args(["train", "image"]).arg(corpus());
        command
            .args(["--epochs", "1", "--out"])
            .arg(folder.path().join("run"));
        let (code, _, err) = finish(&mut command);
        assert_eq!(code, 0, "{err}");
        let path = folder.path().join("net.safetensors");
        std::fs::copy(
            folder.path().join("run/checkpoints/best.safetensors"),
            &path,
        )
        .unwrap();
        (folder, path)
    });
    path
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        std::fs::copy(weights(), folder.at("net.safetensors")).unwrap();
        folder
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn call(&self, arguments: &[&str]) -> (i32, String, String) {
        finish(cohort().current_dir(self.0.path()).args(arguments))
    }

    fn run(&self, arguments: &[&str]) -> (String, String) {
        let (code, out, err) = self.call(arguments);
        assert_eq!(code, 0, "{arguments:?}: {err}");
        (out, err)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let (out, _) = self.run(&[&["search", "query"], arguments, &["--json"]].concat());
        serde_json::from_str(&out).unwrap()
    }

    fn refused(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.call(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        err
    }

    /// The pictures of the corpus in folders `a` and `a/b` of `name`, and how many.
    fn pictures(&self, name: &str) -> usize {
        let mut files = Vec::new();
        let mut folders = vec![corpus().to_path_buf()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                match path.extension().and_then(|ending| ending.to_str()) {
                    None => folders.push(path),
                    Some("jpg" | "png") => files.push(path),
                    Some(_) => {}
                }
            }
        }
        files.sort();
        std::fs::create_dir_all(self.at(name).join("a/b")).unwrap();
        for (i, file) in files.iter().enumerate() {
            let ending = file.extension().unwrap().to_str().unwrap();
            let below = if i % 3 == 0 { "a" } else { "a/b" };
            let to = self.at(name).join(below).join(format!("p{i:03}.{ending}"));
            std::fs::copy(file, to).unwrap();
        }
        files.len()
    }
}

/// The options of the network.
const NETWORK: [&str; 4] = ["--backbone", "compact", "--weights", "net.safetensors"];

fn index(folder: &Folder, what: &str, more: &[&str]) {
    folder.run(&[&["search", "index", what], &NETWORK[..], more].concat());
}

fn vectors(index: &Path) -> Vec<(String, Vec<u32>)> {
    let index = Index::open(index).unwrap();
    let row = |row| {
        let vector = index.vector(row).iter().map(|value| value.to_bits());
        (index.id(row).to_string(), vector.collect())
    };
    (0..index.rows()).map(row).collect()
}

#[test]
fn an_index_of_pictures_is_that_of_their_feature_table() {
    let folder = Folder::new();
    let data = corpus().to_str().unwrap();
    let faces = ["--faces", "compact", "--weights", "net.safetensors"];
    folder.run(&[&["features", data], &faces[..]].concat());
    let table = [
        "search",
        "index",
        "features/faces.parquet",
        "--metric",
        "cosine",
    ];
    folder.run(&[&table[..], &["--out", "t.index"]].concat());
    index(&folder, data, &["--out", "p.index"]);
    let (table, pictures) = (
        fixed_files(&folder.at("t.index")),
        fixed_files(&folder.at("p.index")),
    );
    let names: Vec<&str> = pictures.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["000001.vectors", "encoder.json", "index.json"]);
    assert!(
        pictures
            .into_iter()
            .filter(|(name, _)| name != "encoder.json")
            .eq(table)
    );
    assert!(!folder.at("p.index.making").exists());
    // and so for any number of threads
    index(&folder, data, &["--out", "one.index", "--threads", "1"]);
    assert_eq!(
        fixed_files(&folder.at("one.index")),
        fixed_files(&folder.at("p.index"))
    );
}

#[test]
fn a_picture_finds_itself_and_a_clip_of_the_index_does_not() {
    let folder = Folder::new();
    let count = folder.pictures("all");
    index(&folder, "all", &[]);
    let opened = Index::open(&folder.at("all.index")).unwrap();
    assert_eq!((opened.rows(), opened.distance().name()), (count, "cosine"));
    std::fs::create_dir(folder.at("new")).unwrap();
    std::fs::copy(folder.at("all/a/p000.jpg"), folder.at("new/copy.jpg")).unwrap();
    let arguments = [
        "search",
        "query",
        "all.index",
        "new/copy.jpg",
        "all/a/b",
        "-k",
        "3",
        "--json",
    ];
    let (out, err) = folder.run(&arguments);
    let asked = count - count.div_ceil(3) + 1;
    let told = format!("{asked} of {asked} query pictures are in the index, or copies of them are");
    assert!(err.contains(&told), "{err}");
    let document: Value = serde_json::from_str(&out).unwrap();
    assert!(
        document["notes"][0].as_str().unwrap().starts_with(&told),
        "{out}"
    );
    let queries = document["queries"].as_array().unwrap();
    assert_eq!(queries.len(), asked);
    for answer in queries {
        let clip = match answer["clip"].as_str().unwrap() {
            "copy" => "p000",
            own => own,
        };
        let first = &answer["found"][0];
        assert_eq!(
            (first["clip"].as_str(), first["distance"].as_f64()),
            (Some(clip), Some(0.0))
        );
    }
    // the same answer without itself
    let own = folder.json(&["all.index", "--clip", "p000", "-k", "2"]);
    assert_eq!(own["queries"][0]["found"], {
        let found = queries[0]["found"].as_array().unwrap();
        Value::from(found[1..].to_vec())
    });
}

#[test]
fn pictures_are_added_as_the_index_was_made_and_other_weights_are_refused() {
    let folder = Folder::new();
    folder.pictures("all");
    index(&folder, "all", &["--out", "whole.index"]);
    std::fs::rename(folder.at("all/a/b"), folder.at("more")).unwrap();
    index(&folder, "all", &["--out", "part.index"]);
    let (out, _) = folder.run(&["search", "add", "part.index", "more"]);
    assert!(out.starts_with("part.index: "), "{out}");
    let (mut whole, mut parts) = (
        vectors(&folder.at("whole.index")),
        vectors(&folder.at("part.index")),
    );
    whole.sort();
    parts.sort();
    assert!(whole == parts);
    let again = folder.refused(&["search", "add", "part.index", "more"]);
    assert!(
        again.contains("expected pictures that it does not hold yet, found \"p001\""),
        "{again}"
    );
    // settings move with the folder, and what they name is held against its hash
    std::fs::create_dir(folder.at("moved")).unwrap();
    for name in ["part.index", "net.safetensors", "more"] {
        std::fs::rename(folder.at(name), folder.at("moved").join(name)).unwrap();
    }
    let picture = "moved/more/p001.jpg";
    let found = folder.json(&["moved/part.index", picture, "-k", "1"]);
    assert_eq!(found["queries"][0]["found"][0]["clip"], "p001");
    let net = folder.at("moved/net.safetensors");
    let mut bytes = std::fs::read(&net).unwrap();
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    std::fs::write(&net, bytes).unwrap();
    let told = folder.refused(&["search", "query", "moved/part.index", picture]);
    assert!(
        told.contains("moved/part.index/encoder.json: expected the encoder that made the index")
            && told.contains("net.safetensors changed since"),
        "{told}"
    );
    std::fs::remove_file(&net).unwrap();
    let told = folder.refused(&["search", "query", "moved/part.index", picture]);
    assert!(told.contains("net.safetensors"), "{told}");
}

#[test]
fn a_broken_picture_is_named_or_left_out_and_what_was_seen_is_kept() {
    let folder = Folder::new();
    let count = folder.pictures("all");
    std::fs::write(folder.at("all/a/b/broken.jpg"), b"\xff\xd8 no picture").unwrap();
    let arguments = [&["search", "index", "all"], &NETWORK[..]].concat();
    let told = folder.refused(&arguments);
    assert!(
        told.contains("all/a/b/broken.jpg") && told.contains("--skip-bad"),
        "{told}"
    );
    assert!(!folder.at("all.index").exists());
    assert!(folder.at("all.index.making/pictures.partial").is_file());
    let (_, err) = folder.run(&[&arguments[..], &["--skip-bad"]].concat());
    assert!(err.contains("warning: left out broken: "), "{err}");
    assert!(err.contains("warning: 1 picture left out"), "{err}");
    assert!(!folder.at("all.index.making").exists());
    assert_eq!(Index::open(&folder.at("all.index")).unwrap().rows(), count);
    let told = folder.refused(&["search", "query", "all.index", "all/a/b/broken.jpg"]);
    assert!(told.contains("all/a/b/broken.jpg"), "{told}");
    let found = folder.json(&[
        "all.index",
        "all/a/b/broken.jpg",
        "all/a/p000.jpg",
        "--skip-bad",
    ]);
    assert_eq!(found["queries"].as_array().unwrap().len(), 1);
}

#[test]
fn an_index_of_pictures_that_was_killed_goes_on_to_the_same_bytes() {
    let folder = Folder::new();
    folder.pictures("all");
    index(&folder, "all", &[]);
    std::fs::rename(folder.at("all.index"), folder.at("whole.index")).unwrap();
    let mut kept = 0;
    for moment in [30, 60, 90, 120, 180, 240, 320, 400, 500, 700] {
        let arguments = [&["search", "index", "all"], &NETWORK[..]].concat();
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("cohort"))
            .current_dir(folder.0.path())
            .args(&arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(moment));
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            break;
        }
        assert!(!folder.at("all.index").exists() || Index::open(&folder.at("all.index")).is_ok());
        let journal = std::fs::metadata(folder.at("all.index.making/pictures.partial"));
        kept += usize::from(journal.is_ok_and(|journal| journal.len() > 0));
        if folder.at("all.index").exists() {
            break;
        }
    }
    if kept == 0 {
        println!("no call was killed in the middle of the pictures");
    }
    if !folder.at("all.index").exists() {
        index(&folder, "all", &[]);
    }
    assert_eq!(
        fixed_files(&folder.at("all.index")),
        fixed_files(&folder.at("whole.index"))
    );
}

#[test]
fn a_trained_embedding_looks_at_pictures_as_in_its_training() {
    let folder = Folder::new();
    let data = corpus().to_str().unwrap();
    let train = [
        "train",
        "embedding",
        data,
        "--out",
        "run",
        "--dimension",
        "6",
        "--epochs",
        "1",
    ];
    let loss = [
        "--loss",
        "multi-similarity",
        "--batch-size",
        "12",
        "--per-class",
        "6",
    ];
    folder.run(&[&train[..], &loss[..]].concat());
    folder.run(&["search", "index", data, "--run", "run", "--out", "p.index"]);
    let index = Index::open(&folder.at("p.index")).unwrap();
    assert_eq!((index.dim(), index.distance().name()), (6, "cosine"));
    let rows = index.rows_by_id();
    let mut compared = 0;
    for split in ["train", "valid", "test"] {
        let table =
            EmbeddingTable::read(&folder.at(&format!("run/vectors-{split}.parquet"))).unwrap();
        for (i, clip) in table.clips.iter().enumerate() {
            assert_eq!(
                index.vector(rows[clip.as_str()]),
                table.row(i).unwrap(),
                "{clip}"
            );
            compared += 1;
        }
    }
    assert_eq!(compared, index.rows());
    // its checkpoint says the same
    let checkpoint = "run/checkpoints/best.safetensors";
    folder.run(&[
        "search", "index", data, "--run", checkpoint, "--out", "c.index",
    ]);
    assert_eq!(
        vectors(&folder.at("c.index")),
        vectors(&folder.at("p.index"))
    );
    // a head on a frozen network
    let text = format!(
        "data = {data:?}\n[image]\nmode = \"frozen\"\nbackbone = \"compact\"\nweights = \"net.safetensors\"\n\
         [embedding]\ndimension = 4\nbatch_size = 12\nper_class = 6\n[embedding.train]\nepochs = 1\n"
    );
    std::fs::write(folder.at("frozen.toml"), text).unwrap();
    folder.run(&["train", "embedding", "frozen.toml", "--out", "head"]);
    folder.run(&["search", "index", data, "--run", "head", "--out", "h.index"]);
    let index = Index::open(&folder.at("h.index")).unwrap();
    let table = EmbeddingTable::read(&folder.at("head/vectors-test.parquet")).unwrap();
    let rows = index.rows_by_id();
    for (i, clip) in table.clips.iter().enumerate() {
        assert_eq!(
            index.vector(rows[clip.as_str()]),
            table.row(i).unwrap(),
            "{clip}"
        );
    }
    for (run, told) in [
        (
            "features",
            "expected the run folder of an embedding of pictures",
        ),
        (
            "nowhere",
            "expected the run folder of an embedding of pictures",
        ),
    ] {
        let told_now = folder.refused(&["search", "index", data, "--run", run, "--out", "x.index"]);
        assert!(told_now.contains(told), "{told_now}");
    }
}

#[test]
fn what_cannot_be_looked_at_is_refused() {
    let folder = Folder::new();
    folder.pictures("all");
    std::fs::create_dir(folder.at("empty")).unwrap();
    let data = corpus().to_str().unwrap();
    folder.run(&[
        "features",
        data,
        "--faces",
        "compact",
        "--weights",
        "net.safetensors",
    ]);
    folder.run(&[
        "search",
        "index",
        "features/faces.parquet",
        "--out",
        "t.index",
    ]);
    for (arguments, told) in [
        (
            &["search", "index", "all"][..],
            "all: expected --model, or --backbone and --weights, or --run",
        ),
        (
            &["search", "index", "empty", "--run", "r"],
            "empty: expected pictures",
        ),
        (
            &["search", "index", "all", "features/faces.parquet"],
            "expected tables alone or folders of pictures alone, found both",
        ),
        (
            &["search", "index", "features/faces.parquet", "--run", "r"],
            "--run: expected folders of pictures to look at, found tables alone",
        ),
        (
            &["search", "add", "t.index", "all"],
            "all: expected an embedding table, found a folder; t.index was made of tables",
        ),
        (
            &["search", "query", "t.index", "all/a/p000.jpg"],
            "all/a/p000.jpg: expected an embedding table, found a picture; t.index was made of tables",
        ),
        (
            &["search", "query", "t.index", "all", "--sheet", "s.pdf"],
            "--sheet s.pdf: expected a file name",
        ),
    ] {
        let err = folder.refused(arguments);
        assert!(err.contains(told), "{err}");
    }
}

/// What stands between two texts, each time.
fn between<'a>(text: &'a str, from: &str, to: &str) -> Vec<&'a str> {
    let parts = text.split(from).skip(1);
    parts.map(|part| part.split(to).next().unwrap()).collect()
}

#[test]
fn a_sheet_shows_what_the_document_says() {
    let folder = Folder::new();
    let data = corpus().to_str().unwrap();
    index(&folder, data, &["--out", "p.index"]);
    let clips: Vec<String> = vectors(&folder.at("p.index"))
        .into_iter()
        .map(|(clip, _)| clip)
        .collect();
    let asked: Vec<&str> = clips
        .iter()
        .take(4)
        .flat_map(|clip| ["--clip", clip.as_str()])
        .collect();
    let sheet = |file: &str, more: &[&str]| {
        let arguments = [&["p.index", "-k", "6", "--sheet", file], &asked[..], more].concat();
        folder.json(&arguments)
    };
    let document = sheet("s.html", &["--labels", data]);
    let page = std::fs::read_to_string(folder.at("s.html")).unwrap();
    let found: Vec<&Value> = document["queries"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|query| query["found"].as_array().unwrap())
        .collect();
    let shown = between(&page, "<data value=\"", "\"");
    assert_eq!((shown.len(), found.len()), (24, 24));
    for (shown, found) in shown.iter().zip(&found) {
        assert_eq!(
            shown.parse::<f64>().unwrap(),
            found["distance"].as_f64().unwrap()
        );
    }
    let names = between(&page, "class=\"name\">", "<");
    let expected = document["queries"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|query| {
            let found = query["found"].as_array().unwrap().iter();
            std::iter::once(query["clip"].as_str().unwrap())
                .chain(found.map(|f| f["clip"].as_str().unwrap()))
        });
    assert!(names.iter().copied().eq(expected));
    // every frame has its picture, embedded
    assert_eq!(page.matches("src=\"data:image/jpeg;base64,").count(), 28);
    assert_eq!(page.matches(">no picture<").count(), 0);
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"));
    // right and wrong by the data set's own labels
    let dataset = cohort_data::Dataset::open(corpus(), None).unwrap();
    let target = dataset.schema.target_index().unwrap();
    let group = |clip: &str| {
        let mut clips = dataset.splits.iter().flat_map(|split| &split.clips);
        clips.find(|own| own.id == clip).unwrap().levels[target]
    };
    let right = document["queries"].as_array().unwrap().iter().map(|query| {
        let of = group(query["clip"].as_str().unwrap());
        let found = query["found"].as_array().unwrap().iter();
        found
            .filter(|found| group(found["clip"].as_str().unwrap()) == of)
            .count()
    });
    let right: usize = right.sum();
    assert_eq!(page.matches("class=\"clip right\"").count(), right);
    assert_eq!(page.matches("class=\"clip wrong\"").count(), 24 - right);
    // the same bytes again, and the same search as one picture
    sheet("again.html", &["--labels", data]);
    assert_eq!(
        std::fs::read(folder.at("again.html")).unwrap(),
        page.as_bytes()
    );
    sheet("s.png", &[]);
    let drawn = image::open(folder.at("s.png")).unwrap().to_rgb8();
    assert!(
        drawn.width() > 7 * 112 && drawn.height() > 4 * 112,
        "{:?}",
        drawn.dimensions()
    );
    // a folder without the pictures: named, empty frames, counted
    std::fs::create_dir(folder.at("none")).unwrap();
    let arguments = [
        &[
            "search",
            "query",
            "p.index",
            "-k",
            "6",
            "--sheet",
            "n.html",
            "--pictures",
            "none",
        ],
        &asked[..],
    ];
    let (_, err) = folder.run(&arguments.concat());
    let page = std::fs::read_to_string(folder.at("n.html")).unwrap();
    assert_eq!(page.matches(">no picture<").count(), 28);
    let all: std::collections::BTreeSet<&str> = names.into_iter().collect();
    let told = format!("{0} of {0} clips have no picture in none", all.len());
    assert!(err.contains(&told) && page.contains(&told), "{err}");
}

#[test]
fn a_sheet_has_a_limit_and_says_what_it_leaves_out() {
    let folder = Folder::new();
    folder.pictures("all");
    index(&folder, "all", &[]);
    let count = vectors(&folder.at("all.index")).len();
    let (_, err) = folder.run(&[
        "search",
        "query",
        "all.index",
        "all",
        "-k",
        "60",
        "--sheet",
        "s.html",
    ]);
    let shown = 1000 / 51;
    let told = format!(
        "Of {count} queries the first {shown} are shown: a sheet has at most 1000 pictures."
    );
    assert!(err.contains(&told), "{err}");
    assert!(
        err.contains("Of 60 neighbours the nearest 50 are shown."),
        "{err}"
    );
    let page = std::fs::read_to_string(folder.at("s.html")).unwrap();
    assert!(page.contains(&told));
    assert_eq!(page.matches("<data value=").count(), shown * 50);
    assert!(page.len() < 10_000_000, "{}", page.len());
}
