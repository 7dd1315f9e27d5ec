//! `cohort search pairs`: captions that look for their pictures and pictures that look for their captions.

mod common;

use std::path::PathBuf;

use cohort_tables::{EmbeddingTable, Provenance};
use common::{cohort, finish, printed_json, refusal};
use serde_json::Value;

const PICTURES: usize = 40;
const EACH: usize = 3;
const DIM: usize = 12;

struct Folder(tempfile::TempDir);

impl Folder {
    /// 40 pictures with 3 captions each near them, in tables, and the pairs as a table and as COCO's captions.
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.tables("p.parquet", "c.parquet", 0.8, 1);
        let mut csv = String::from("image,caption,split\n");
        let (mut images, mut annotations) = (Vec::new(), Vec::new());
        for picture in 0..PICTURES {
            images.push(format!(
                "{{\"id\": {}, \"file_name\": \"p{picture}.jpg\"}}",
                1000 + picture
            ));
            for caption in 0..EACH {
                let split = if picture % 4 == 0 { "test" } else { "train" };
                csv += &format!("p{picture}.jpg,caption {caption} of {picture},{split}\n");
                annotations.push(format!(
                    "{{\"id\": {}, \"image_id\": {}, \"caption\": \"caption {caption} of {picture}\"}}",
                    picture * EACH + caption,
                    1000 + picture
                ));
            }
        }
        folder.write("pairs.csv", &csv);
        let json = format!(
            "{{\"images\": [{}], \"annotations\": [{}]}}",
            images.join(","),
            annotations.join(",")
        );
        folder.write("captions_val.json", &json);
        folder
    }

    /// Tables of a model with noise in its captions.
    fn tables(&self, pictures: &str, captions: &str, noise: f32, seed: usize) {
        let value = |i: usize, salt: usize| {
            let sum: f32 = (0..6)
                .map(|k| {
                    ((i * 7919 + (salt + k * 31 + seed * 101) * 104_729) as f32 * 0.618_034).fract()
                        - 0.5
                })
                .sum();
            sum
        };
        let row = |picture: usize, d: usize| value(picture * DIM + d, 0);
        let ids = (0..PICTURES).map(|p| format!("p{p}")).collect();
        let values = (0..PICTURES * DIM).map(|i| row(i / DIM, i % DIM)).collect();
        self.table(pictures, ids, values, DIM);
        let ids = (0..PICTURES * EACH)
            .map(|c| format!("p{}#{}", c / EACH, c % EACH))
            .collect();
        let caption = |i: usize| row(i / DIM / EACH, i % DIM) + noise * value(i, 7);
        self.table(
            captions,
            ids,
            (0..PICTURES * EACH * DIM).map(caption).collect(),
            DIM,
        );
    }

    fn table(&self, name: &str, clips: Vec<String>, values: Vec<f32>, dim: usize) {
        let table = EmbeddingTable {
            sources: vec![String::new(); clips.len()],
            clips,
            dim,
            values,
            provenance: Provenance {
                producer: format!("maker of {name}"),
                ..Provenance::default()
            },
        };
        table.write(&self.at(name)).unwrap();
    }

    /// A copy of a table with other ids.
    fn renamed(&self, from: &str, to: &str, name: impl Fn(usize, &str) -> Option<String>) {
        let mut table = EmbeddingTable::read(&self.at(from)).unwrap();
        let (mut clips, mut values) = (Vec::new(), Vec::new());
        for (i, clip) in table.clips.iter().enumerate() {
            if let Some(name) = name(i, clip) {
                clips.push(name);
                values.extend_from_slice(table.row(i).unwrap());
            }
        }
        table.clips = clips;
        self.table(to, table.clips, values, table.dim);
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.at(name), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        finish(
            cohort()
                .current_dir(self.0.path())
                .args(["search", "pairs"])
                .args(arguments)
                .args(["--resamples", "200"]),
        )
    }

    fn json(&self, arguments: &[&str]) -> Value {
        printed_json(self.run(&[arguments, &["--json"]].concat()))
    }

    /// Says what the call is refused with.
    fn refused(&self, arguments: &[&str]) -> String {
        refusal(self.run(arguments))
    }
}

const USUAL: [&str; 4] = ["p.parquet", "c.parquet", "--pairs", "pairs.csv"];

fn measure<'a>(direction: &'a Value, name: &str) -> &'a Value {
    let measures = direction["measures"].as_array().unwrap();
    measures.iter().find(|m| m["measure"] == name).unwrap()
}

#[test]
fn both_ways_with_intervals_chance_and_control() {
    let folder = Folder::new();
    let (code, out, err) =
        folder.run(&[&USUAL[..], &["--out", "d.json", "--per-query", "q.csv"]].concat());
    assert_eq!(code, 0, "{err}");
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    for part in [
        "p.parquet and c.parquet: 40 pictures, 120 captions by cosine; pairs of pairs.csv",
        "A caption is of one picture; for a picture any of its captions is right.",
        "text to image: 120 queries of 40 pictures rank 40\n",
        "image to text: 40 queries of 40 pictures rank 120\n",
        "R@1 ",
        "R@10 ",
        "mAP ",
        "median rank ",
        "shuffled pairs",
        "answer is here ",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let document: Value =
        serde_json::from_slice(&std::fs::read(folder.at("d.json")).unwrap()).unwrap();
    assert_eq!(document["schema"], "cohort.pairs/1");
    assert_eq!(document["captions_producer"], "maker of c.parquet");
    let directions = document["directions"].as_array().unwrap();
    assert_eq!(
        (&directions[0]["direction"], &directions[1]["direction"]),
        (&"text_to_image".into(), &"image_to_text".into())
    );
    for direction in directions {
        let first = measure(direction, "hit_at_1");
        for field in ["value", "low", "high", "chance"] {
            assert!(first[field].is_f64(), "{first}");
        }
        assert_eq!(first["control"]["at_chance"], true, "{first}");
        assert!(first["low"].as_f64() > first["chance"].as_f64());
        assert_eq!(
            direction["standing"]["unrelated"].as_array().unwrap().len(),
            101
        );
    }
    // R@1 again, from the table of queries
    let queries = std::fs::read_to_string(folder.at("q.csv")).unwrap();
    let mut lines = queries.lines();
    assert_eq!(
        lines.next().unwrap(),
        "direction,query,picture,relevant,rank,hit_at_1,hit_at_5,hit_at_10,map,answer,score,unrelated,percentile"
    );
    let lines: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!(lines.len(), 160);
    let of: Vec<&Vec<&str>> = lines
        .iter()
        .filter(|line| line[0] == "text_to_image")
        .collect();
    let first = of.iter().filter(|line| line[4] == "1").count() as f64 / 120.0;
    assert!(
        (first
            - measure(&directions[0], "hit_at_1")["value"]
                .as_f64()
                .unwrap())
        .abs()
            < 1e-12
    );
    assert!(
        of.iter()
            .all(|line| (line[4] == "1") == (line[9] == line[2]))
    );
    // the same whatever the number of threads
    let threads = |n: &str| folder.json(&[&USUAL[..], &["--threads", n]].concat());
    assert_eq!(threads("1"), threads("3"));
}

#[test]
fn a_split_csls_and_other_measures() {
    let folder = Folder::new();
    let test = folder.json(&[&USUAL[..], &["--split", "test", "--k", "1,3"]].concat());
    assert_eq!(
        (
            &test["split"],
            &test["gallery_pictures"],
            &test["vectors_without_pair"]
        ),
        (&"test".into(), &10.into(), &120.into())
    );
    let chance = &measure(&test["directions"][0], "hit_at_3")["chance"];
    assert!((chance.as_f64().unwrap() - 0.3).abs() < 1e-12, "{chance}");
    let error = folder.refused(&[&USUAL[..], &["--split", "tets"]].concat());
    assert!(
        error
            .contains("pairs.csv: expected one split tets, found train, test (did you mean test?)"),
        "{error}"
    );
    let csls = folder.json(&[&USUAL[..], &["--csls", "5"]].concat());
    assert_eq!(csls["settings"]["csls"], 5);
    let plain = folder.json(&USUAL);
    let precision = |of: &Value| measure(&of["directions"][0], "map").clone();
    assert_ne!(precision(&csls)["value"], precision(&plain)["value"]);
    let (_, out, _) = folder.run(&[&USUAL[..], &["--csls", "5"]].concat());
    assert!(
        out.contains("by CSLS of 5 neighbours")
            && out.contains("CSLS looks at all queries at once"),
        "{out}"
    );
    for (more, expected) in [
        (
            &["--csls", "41"][..],
            "setting csls: expected 1 to 40, the rows of the smaller table, found 41",
        ),
        (
            &["--csls", "3", "--metric", "euclidean"],
            "setting metric: expected cosine with csls, found euclidean",
        ),
        (
            &["--metric", "manhattan"],
            "setting metric: expected cosine, euclidean or inner-product, found manhattan",
        ),
        (
            &["--k", "5,1"],
            "setting k: expected ascending numbers from 1 on, found 5,1",
        ),
        (
            &["--shuffles", "0"],
            "setting shuffles: expected 1 to 1000, found 0",
        ),
        (&["--level", "2"], "level"),
    ] {
        let error = folder.refused(&[&USUAL[..], more].concat());
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn cocos_captions_by_file_name_or_by_number() {
    let folder = Folder::new();
    // captions by the ids of the annotations, pictures by file or by image id
    folder.renamed("c.parquet", "by_id.parquet", |i, _| Some(i.to_string()));
    folder.renamed("p.parquet", "by_number.parquet", |i, _| {
        Some((1000 + i).to_string())
    });
    folder.renamed("p.parquet", "by_path.parquet", |_, clip| {
        Some(format!("val2017/{clip}.jpg"))
    });
    let usual = folder.json(&USUAL);
    for pictures in ["p.parquet", "by_number.parquet", "by_path.parquet"] {
        let found = folder.json(&[pictures, "by_id.parquet", "--pairs", "captions_val.json"]);
        assert_eq!(found["directions"], usual["directions"], "{pictures}");
    }
}

#[test]
fn what_has_no_vector_is_told_and_what_fits_nothing_refused() {
    let folder = Folder::new();
    folder.renamed("c.parquet", "fewer.parquet", |i, clip| {
        (i != 4).then(|| clip.to_string())
    });
    folder.renamed("p.parquet", "less.parquet", |i, clip| {
        Some(if i == 0 {
            "q0".into()
        } else {
            clip.to_string()
        })
    });
    let (code, out, err) = folder.run(&["less.parquet", "fewer.parquet", "--pairs", "pairs.csv"]);
    assert_eq!(code, 0, "{err}");
    let told = out.replace('\n', " ");
    for part in [
        "39 pictures, 119 captions by cosine",
        "Left out: 1 pictures without a vector, 1 captions without a vector, 1 vectors that the pairs lack.",
        "text to image: 116 queries of 39 pictures rank 39; 3 without a partner not asked",
        "less.parquet: 1 of 40 pictures without a vector; the first: p0",
        "fewer.parquet: 1 of 120 captions without a vector; the first: p1#1",
    ] {
        assert!(told.contains(part), "{part}: {out}");
    }
    folder.renamed("p.parquet", "strangers.parquet", |i, _| {
        Some(format!("x{i}"))
    });
    folder.renamed("p.parquet", "endings.parquet", |i, clip| {
        Some(if i == 1 {
            "p0.png".into()
        } else {
            format!("{clip}.jpg")
        })
    });
    folder.table("wide.parquet", vec!["p0#0".into()], vec![1.0; 7], 7);
    for (pictures, captions, expected) in [
        (
            "strangers.parquet",
            "c.parquet",
            "strangers.parquet: expected vectors of the pictures (p0, p1, p2 and 37 more), found none of them among x0, x1, x2",
        ),
        (
            "p.parquet",
            "p.parquet",
            "p.parquet: expected vectors of the captions (p0#0, p0#1, p0#2 and 117 more), found none of them among p0, p1, p2",
        ),
        (
            "endings.parquet",
            "c.parquet",
            "endings.parquet: row 2: expected every id once, found \"p0.png\", which is one with \"p0.jpg\" of row 1",
        ),
        (
            "p.parquet",
            "wide.parquet",
            "wide.parquet: expected vectors of 12 numbers as in p.parquet, found 7; both tables must be of one model",
        ),
        ("gone.parquet", "c.parquet", "cannot read gone.parquet"),
    ] {
        let error = folder.refused(&[pictures, captions, "--pairs", "pairs.csv"]);
        assert!(error.contains(expected), "{error}");
    }
    folder.write("odd.csv", "image,caption\np0.jpg,one\n,two\np1.jpg,\n");
    let (code, _, err) = folder.run(&["p.parquet", "c.parquet", "--pairs", "odd.csv"]);
    assert_eq!(code, 0, "{err}");
    for part in [
        "1 caption without a picture, left out; the first: row 3",
        "1 caption without a word, left out; the first: row 4",
    ] {
        assert!(err.contains(part), "{part}: {err}");
    }
    folder.write("none.csv", "image,words\np0.jpg,one\n");
    let error = folder.refused(&["p.parquet", "c.parquet", "--pairs", "none.csv"]);
    assert!(error.contains("none.csv: expected a column of captions (caption, text, sentence, ...), found columns image, words"), "{error}");
    let stated = [
        "p.parquet",
        "c.parquet",
        "--pairs",
        "none.csv",
        "--caption-column",
        "words",
    ];
    assert_eq!(folder.run(&stated).0, 0);
}

#[test]
fn two_models_are_compared_over_what_both_have() {
    let folder = Folder::new();
    folder.tables("p2.parquet", "noisy.parquet", 3.0, 1);
    folder.renamed("noisy.parquet", "c2.parquet", |i, clip| {
        (i != 0).then(|| clip.to_string())
    });
    let arguments = [&USUAL[..], &["--against", "p2.parquet", "c2.parquet"]].concat();
    let document = folder.json(&arguments);
    assert_eq!(document["gallery_captions"], 119);
    let against = &document["against"];
    assert_eq!(
        (&against["captions_left_out"], &against["pictures_left_out"]),
        (&1.into(), &0.into())
    );
    for direction in against["directions"].as_array().unwrap() {
        let first = measure(direction, "hit_at_1");
        assert_eq!(first["shown"], true, "{first}");
    }
    let (_, out, _) = folder.run(&arguments);
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    assert!(
        out.contains("These tables minus p2.parquet and c2.parquet"),
        "{out}"
    );
    assert!(
        out.contains("text to image R@1 ") && out.contains("a difference"),
        "{out}"
    );
    let same = folder.json(&[&USUAL[..], &["--against", "p.parquet", "c.parquet"]].concat());
    for direction in same["against"]["directions"].as_array().unwrap() {
        let all = direction["measures"].as_array().unwrap();
        assert!(all.iter().all(|p| p["value"] == 0.0 && p["shown"] == false));
    }
    let error = folder.refused(&[&USUAL[..], &["--against", "p2.parquet"]].concat());
    assert!(error.contains("--against"), "{error}");
}
