//! `cohort search`: from tables to answers and measures.

mod common;

use std::path::{Path, PathBuf};

use cohort_tables::{EmbeddingTable, Provenance};
use common::{cohort, finish, printed_json, refusal};
use serde_json::Value;

/// Clips `PREFIX0`, .. around a centre a class of four, in a plane of `dim`; the same model has the same `seed`.
fn table(path: &Path, prefix: &str, rows: usize, dim: usize, spread: f32, seed: usize) {
    let value = |i: usize| ((i * 7919 + seed * 104_729) as f32 * 0.618_034).fract() - 0.5;
    let values = (0..rows * dim).map(|i| {
        let centre = if i % dim == (i / dim) % 4 { 2.0 } else { 0.0 };
        centre + spread * value(i)
    });
    let table = EmbeddingTable {
        clips: (0..rows).map(|i| format!("{prefix}{i}")).collect(),
        sources: vec![String::new(); rows],
        dim,
        values: values.collect(),
        provenance: Provenance {
            producer: "test".into(),
            ..Provenance::default()
        },
    };
    table.write(path).unwrap();
}

/// Labels of the tables: class and unit.
fn labels(path: &Path, tables: &[(&str, usize)]) {
    let mut text = String::from("VideoName,Class,Scene,Gender\n");
    for (prefix, rows) in tables {
        for i in 0..*rows {
            text += &format!("{prefix}{i},c{},{prefix}s{},{}\n", i % 4, i / 3, i % 2 + 1);
        }
    }
    std::fs::write(path, text).unwrap();
}

struct Folder(tempfile::TempDir);

impl Folder {
    /// A gallery of 120, queries of 40, their labels and an index.
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        table(&folder.at("gallery.parquet"), "g", 120, 8, 3.0, 1);
        table(&folder.at("queries.parquet"), "q", 40, 8, 3.0, 2);
        labels(&folder.at("labels.csv"), &[("g", 120), ("q", 40)]);
        let (code, out, err) = folder.run(&["index", "gallery.parquet"]);
        assert_eq!(code, 0, "{err}");
        assert_eq!(
            out,
            "gallery.index: 120 vectors of 8, euclidean distance, 0.0 MB\n"
        );
        folder
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        finish(
            cohort()
                .current_dir(self.0.path())
                .arg("search")
                .args(arguments),
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

fn clips(answer: &Value) -> Vec<String> {
    let found = answer["found"].as_array().unwrap().iter();
    found
        .map(|f| f["clip"].as_str().unwrap().to_string())
        .collect()
}

#[test]
fn neighbours_of_tables_and_of_clips_with_filters_additions_and_deletions() {
    let folder = Folder::new();
    let found = folder.json(&["query", "gallery.index", "queries.parquet", "-k", "5"]);
    assert_eq!(found["schema"], "cohort.search/1");
    assert_eq!((&found["vectors"], &found["k"]), (&120.into(), &5.into()));
    let gallery = EmbeddingTable::read(&folder.at("gallery.parquet")).unwrap();
    let queries = EmbeddingTable::read(&folder.at("queries.parquet")).unwrap();
    let distance = |a: &[f32], b: &[f32]| {
        let terms = a
            .iter()
            .zip(b)
            .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
        terms.sum::<f64>().sqrt()
    };
    for (i, answer) in found["queries"].as_array().unwrap().iter().enumerate() {
        let query = queries.row(i).unwrap();
        let mut all: Vec<(f64, usize)> = (0..120)
            .map(|row| (distance(query, gallery.row(row).unwrap()), row))
            .collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let expected: Vec<String> = all[..5].iter().map(|(_, row)| format!("g{row}")).collect();
        assert_eq!(clips(answer), expected);
        let near = answer["found"][0]["distance"].as_f64().unwrap();
        assert!((near - all[0].0).abs() < 1e-12);
    }
    let own = folder.json(&["query", "gallery.index", "--clip", "g7", "-k", "119"]);
    let own = clips(&own["queries"][0]);
    assert!(own.len() == 119 && !own.contains(&"g7".to_string()));
    let filtered = folder.json(&[
        "query",
        "gallery.index",
        "--clip",
        "g7",
        "--labels",
        "labels.csv",
        "--where",
        "Class=c2",
        "--where",
        "Gender=1",
    ]);
    assert_eq!(
        (&filtered["searched"], &filtered["filters"][0]),
        (&30.into(), &"Class=c2".into())
    );
    let expected = own
        .iter()
        .filter(|clip| clip[1..].parse::<usize>().unwrap() % 4 == 2)
        .take(10);
    assert_eq!(
        clips(&filtered["queries"][0]),
        expected.cloned().collect::<Vec<_>>()
    );
    // what is deleted is found no more, what is added is
    let gone = own[0].clone();
    let (code, out, _) = folder.run(&["delete", "gallery.index", &gone]);
    assert_eq!(
        (code, out.as_str()),
        (
            0,
            "gallery.index: 119 vectors of 8, 1 deleted, euclidean distance, 0.0 MB\n"
        )
    );
    let next = folder.json(&["query", "gallery.index", "--clip", "g7", "-k", "118"]);
    assert_eq!(clips(&next["queries"][0]), own[1..]);
    let (code, _, err) = folder.run(&["add", "gallery.index", "queries.parquet"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let next = folder.json(&["query", "gallery.index", "queries.parquet", "-k", "1"]);
    for (i, answer) in next["queries"].as_array().unwrap().iter().enumerate() {
        assert_eq!(
            (clips(answer), answer["found"][0]["distance"].as_f64()),
            (vec![format!("q{i}")], Some(0.0))
        );
    }
}

#[test]
fn a_search_by_graph_says_what_it_finds() {
    let folder = Folder::new();
    table(&folder.at("many.parquet"), "m", 3000, 8, 3.0, 4);
    let (code, out, err) = folder.run(&[
        "index",
        "many.parquet",
        "--graph-from",
        "1000",
        "--metric",
        "cosine",
    ]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("\nby graph: 0.9") || out.contains("\nby graph: 1.0"),
        "{out}"
    );
    let nearly = folder.json(&["query", "many.index", "queries.parquet"]);
    let exact = folder.json(&["query", "many.index", "queries.parquet", "--exact"]);
    assert!(exact.get("nearly").is_none());
    let told = nearly["nearly"]["value"].as_f64().unwrap();
    let pairs = nearly["queries"]
        .as_array()
        .unwrap()
        .iter()
        .zip(exact["queries"].as_array().unwrap());
    let shares = pairs.map(|(near, exact)| {
        let exact = clips(exact);
        clips(near)
            .iter()
            .filter(|clip| exact.contains(clip))
            .count()
    });
    let share = shares.sum::<usize>() as f64 / 400.0;
    assert!((told - share).abs() < 1e-12 && told > 0.9, "{told} {share}");
    // a filter looks at every row that it leaves
    labels(&folder.at("m.csv"), &[("m", 3000)]);
    let filtered = folder.json(&[
        "query",
        "many.index",
        "queries.parquet",
        "--labels",
        "m.csv",
        "--where",
        "Class=c1",
    ]);
    assert!(filtered.get("nearly").is_none());
}

#[test]
fn measures_come_with_intervals_chance_control_and_whoever_is_left_out() {
    let folder = Folder::new();
    let arguments = [
        "evaluate",
        "gallery.index",
        "--queries",
        "queries.parquet",
        "--labels",
        "labels.csv",
        "--label",
        "Class",
        "--unit",
        "Scene",
        "--out",
        "e.json",
    ];
    let (code, out, err) = folder.run(&arguments);
    assert_eq!((code, err.as_str()), (0, "wrote e.json\n"));
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    for expected in [
        "gallery.index: 120 vectors ranked by euclidean distance",
        "40 queries (queries.parquet), 14 units of Scene; relevant: same Class",
        "P@1 by Class",
        "legacy_ap",
    ] {
        assert!(out.contains(expected), "{expected}: {out}");
    }
    let document: Value =
        serde_json::from_slice(&std::fs::read(folder.at("e.json")).unwrap()).unwrap();
    assert_eq!(document["schema"], "cohort.retrieval/1");
    assert_eq!(
        (&document["asked"], &document["units"], &document["gallery"]),
        (&40.into(), &14.into(), &120.into())
    );
    let map = document["measures"]
        .as_array()
        .unwrap()
        .iter()
        .find(|m| m["measure"] == "map")
        .unwrap();
    for field in ["value", "low", "high", "chance"] {
        assert!(map[field].is_f64(), "{map}");
    }
    assert_eq!(map["control"]["at_chance"], true);
    assert_eq!(document["classes"].as_array().unwrap().len(), 4);
    // the same whatever the number of threads
    let threads = |n: &str| {
        folder
            .run(&[&arguments[..9], &["--json", "--threads", n]].concat())
            .1
    };
    assert_eq!(threads("1"), threads("3"));
}

#[test]
fn queries_that_are_rows_are_left_out_of_their_own_ranking() {
    let folder = Folder::new();
    let labels = ["--labels", "labels.csv", "--label", "Class"];
    let told = folder.refused(
        &[
            &["evaluate", "gallery.index", "--queries", "gallery.parquet"],
            &labels[..],
        ]
        .concat(),
    );
    assert!(told.contains("expected queries that are no rows of gallery.index, found 120 that are (g0, g1, g2, g3, g4 and 115 more); --within"), "{told}");
    let within = |more: &[&str]| {
        folder.json(
            &[
                &["evaluate", "gallery.index", "--within"],
                &labels[..],
                more,
            ]
            .concat(),
        )
    };
    let all = within(&[]);
    let named = within(&["--queries", "gallery.parquet"]);
    assert_eq!(all["measures"], named["measures"]);
    // a query is the row of its picture, however that is spelt: labels are joined so, too
    let mut spelt = EmbeddingTable::read(&folder.at("gallery.parquet")).unwrap();
    for clip in &mut spelt.clips {
        *clip = format!("{clip}.jpg");
    }
    spelt.write(&folder.at("spelt.parquet")).unwrap();
    let spelt = within(&["--queries", "spelt.parquet"]);
    assert_eq!(all["measures"], spelt["measures"]);
    assert_eq!(
        (&all["protocol"]["within"], &all["copies"]),
        (&true.into(), &0.into())
    );
    let apart = within(&["--unit", "Scene", "--apart"]);
    assert_eq!(apart["protocol"]["apart"], true);
    assert_ne!(apart["measures"], all["measures"]);
    // an index against itself
    let same = within(&["--against", "gallery.index"]);
    let paired = same["against"]["measures"].as_array().unwrap();
    assert!(
        paired
            .iter()
            .all(|p| p["value"] == 0.0 && p["shown"] == false)
    );
}

#[test]
fn two_models_are_compared_over_what_both_have() {
    let folder = Folder::new();
    table(&folder.at("g2.parquet"), "g", 100, 5, 6.0, 8);
    table(&folder.at("q2.parquet"), "q", 38, 5, 6.0, 9);
    assert_eq!(folder.run(&["index", "g2.parquet"]).0, 0);
    let arguments = [
        "evaluate",
        "gallery.index",
        "--queries",
        "queries.parquet",
        "--labels",
        "labels.csv",
        "--label",
        "Class",
    ];
    let document = folder.json(
        &[
            &arguments[..],
            &["--against", "g2.index", "--against-queries", "q2.parquet"],
        ]
        .concat(),
    );
    let against = &document["against"];
    assert_eq!(
        (
            &against["queries"],
            &against["left_out"],
            &against["rows_left_out"]
        ),
        (&38.into(), &2.into(), &20.into())
    );
    assert_eq!(document["gallery"], 100);
    let told = folder.refused(&[&arguments[..], &["--against", "g2.index"]].concat());
    assert!(told.contains("expected --against-queries"), "{told}");
}

#[test]
fn several_labels_are_told_apart_by_their_mark() {
    let folder = Folder::new();
    let mut text = String::from("VideoName,Things\n");
    for (prefix, rows) in [("g", 120), ("q", 40)] {
        for i in 0..rows {
            text += &format!("{prefix}{i},c{}|c{}\n", i % 4, (i + 1) % 4);
        }
    }
    std::fs::write(folder.at("things.csv"), text).unwrap();
    let arguments = [
        "evaluate",
        "gallery.index",
        "--queries",
        "queries.parquet",
        "--labels",
        "things.csv",
        "--label",
        "Things",
    ];
    let document = folder.json(&[&arguments[..], &["--several", "|"]].concat());
    assert_eq!(document["protocol"]["several_labels"], true);
    let classes = document["classes"].as_array().unwrap();
    assert_eq!(classes.len(), 4);
    assert!(
        classes
            .iter()
            .all(|class| class["queries"] == 20 && class["gallery"] == 60)
    );
    // three in four share one of two neighbouring labels
    let precision = document["measures"]
        .as_array()
        .unwrap()
        .iter()
        .find(|m| m["measure"] == "r_precision")
        .unwrap();
    assert!((precision["chance"].as_f64().unwrap() - 0.75).abs() < 1e-12);
    assert!(document.get("legacy").is_none());
}

#[test]
fn what_cannot_be_searched_is_told_with_what_to_do() {
    let folder = Folder::new();
    std::fs::write(folder.at("a.jpg"), b"x").unwrap();
    std::fs::create_dir(folder.at("pictures")).unwrap();
    table(&folder.at("short.parquet"), "s", 9, 3, 1.0, 1);
    let cases: [(&[&str], &str); 12] = [
        (
            &["index", "gallery.parquet"],
            "gallery.index: expected no index, found one; `cohort search add` adds to it",
        ),
        (
            &["index", "pictures"],
            match cfg!(feature = "networks") {
                true => {
                    "pictures: expected --model, or --backbone and --weights, or --run, to look at its pictures with, found none of them"
                }
                false => {
                    "pictures: expected an embedding table, found a folder; this program was built without networks"
                }
            },
        ),
        (
            &["query", "gallery.index", "a.jpg"],
            match cfg!(feature = "networks") {
                true => {
                    "a.jpg: expected an embedding table, found a picture; gallery.index was made of tables, and `cohort features` makes one"
                }
                false => {
                    "a.jpg: expected an embedding table, found a picture; this program was built without networks"
                }
            },
        ),
        (
            &["query", "gallery.index", "short.parquet"],
            "short.parquet: expected vectors of 8 numbers as in gallery.index, found 3",
        ),
        (
            &["query", "gallery.parquet", "queries.parquet"],
            "gallery.parquet: expected an index (a folder that `cohort search index` made), found a file",
        ),
        (
            &["query", "pictures", "queries.parquet"],
            "pictures: expected an index (a folder that `cohort search index` made), found another folder",
        ),
        (
            &["query", "gallery.index", "--clip", "x"],
            "gallery.index: expected a clip \"x\", found none",
        ),
        (
            &["query", "gallery.index", "queries.parquet", "-k", "0"],
            "setting k: expected at least 1, found 0",
        ),
        (
            &["delete", "gallery.index", "g1", "x"],
            "gallery.index: expected the clips to delete, found none called x",
        ),
        (
            &["add", "gallery.index", "gallery.parquet"],
            "expected every id once (a row that is replaced must be deleted first), found \"g0\", which the index holds",
        ),
        (
            &[
                "query",
                "gallery.index",
                "queries.parquet",
                "--labels",
                "labels.csv",
                "--where",
                "Class=c9",
            ],
            "--where Class=c9: expected one of c0, c1, c2, c3, found \"c9\"",
        ),
        (
            &[
                "evaluate",
                "gallery.index",
                "--queries",
                "queries.parquet",
                "--labels",
                "labels.csv",
            ],
            "expected --label and a label column, found neither",
        ),
    ];
    for (arguments, expected) in cases {
        let told = folder.refused(arguments);
        assert!(told.contains(expected), "{arguments:?}: {told}");
    }
    let vectors = folder.at("gallery.index").join("000001.vectors");
    let mut bytes = std::fs::read(&vectors).unwrap();
    bytes[500] ^= 1;
    std::fs::write(&vectors, bytes).unwrap();
    let told = folder.refused(&["query", "gallery.index", "queries.parquet"]);
    assert!(told.contains("000001.vectors: expected the content that was written, found another: the file is damaged"), "{told}");
}

#[test]
fn vectors_of_zeros_are_told_where_directions_are_compared() {
    let folder = Folder::new();
    let table = "id,a,b\np,1,0\nq,0,0\nr,0,2\n";
    std::fs::write(folder.at("zeros.csv"), table).unwrap();
    let index = |metric: &str| {
        let out = folder.at(metric).display().to_string();
        let table = folder.at("zeros.csv").display().to_string();
        let arguments = ["index", &table, "--metric", metric, "--out", &out];
        let (code, _, stderr) = folder.run(&arguments);
        assert_eq!(code, 0, "{stderr}");
        stderr
    };
    let told = index("cosine");
    assert!(
        told.contains("cosine distance is 1 to everything: 1 of 3"),
        "{told}"
    );
    assert!(!index("euclidean").contains("zeros have"));
}

#[test]
fn a_sheet_of_a_foreign_table_finds_pictures_by_clip() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.at("pictures/deep")).unwrap();
    for i in 0..120 {
        // of one clip there is none, of another two that nobody tells apart
        let place = match i {
            3 => continue,
            _ if i % 2 == 0 => format!("pictures/g{i}.png"),
            _ => format!("pictures/deep/g{i}.png"),
        };
        let colour = image::Rgb([i as u8 * 2, 90, 120]);
        image::RgbImage::from_pixel(30, 20, colour)
            .save(folder.at(&place))
            .unwrap();
    }
    let arguments = ["query", "gallery.index", "queries.parquet", "-k", "119"];
    let sheet = ["--sheet", "s.html", "--pictures", "pictures"];
    let more = ["--labels", "labels.csv", "--label", "Class"];
    let (code, _, err) = folder.run(&[&arguments[..], &sheet, &more].concat());
    assert_eq!(code, 0, "{err}");
    assert!(
        err.contains("Of 40 queries the first 19 are shown"),
        "{err}"
    );
    let page = std::fs::read_to_string(folder.at("s.html")).unwrap();
    let frames = page.matches("class=\"frame-of").count();
    assert_eq!(frames, 19 * 51);
    // queries of a table have no picture here
    assert!(page.matches(">no picture<").count() >= 19);
    assert!(err.contains("have no picture in pictures: "), "{err}");
    assert!(page.contains(": c1<") && page.contains("class=\"clip right\""));
    let (code, out, err) = folder.run(&["compact", "gallery.index"]);
    assert_eq!(
        (code, err.as_str()),
        (
            0,
            "nothing to do: no row was deleted, and all lie in one file\n"
        )
    );
    assert_eq!(
        out,
        "gallery.index: 120 vectors of 8, euclidean distance, 0.0 MB\n"
    );
}

#[test]
fn compaction_gives_the_same_document() {
    let folder = Folder::new();
    assert_eq!(
        folder.run(&["add", "gallery.index", "queries.parquet"]).0,
        0
    );
    assert_eq!(
        folder
            .run(&["delete", "gallery.index", "g7", "q3", "g100"])
            .0,
        0
    );
    let asked = || {
        folder.run(&[
            "query",
            "gallery.index",
            "queries.parquet",
            "-k",
            "200",
            "--json",
        ])
    };
    let before = asked();
    let (code, out, err) = folder.run(&["compact", "gallery.index"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(
        out,
        "gallery.index: 157 vectors of 8, euclidean distance, 0.0 MB\n"
    );
    assert_eq!(asked(), before);
}

#[test]
fn class_scores_meet_the_names_of_their_columns() {
    let folder = Folder::new();
    let write = |name: &str, text: &str| std::fs::write(folder.at(name), text).unwrap();
    write(
        "scores.csv",
        "file,dog,cat,polar_bear\na,1,0,0\nb,0,1,0\nc,0,0,1\n",
    );
    let values = |scores: &str, names: &str| {
        let (code, out, err) =
            folder.run(&["bridge", scores, names, "--top", "1", "--out", "b.parquet"]);
        assert_eq!(code, 0, "{err}");
        assert!(out.contains("3 pictures as vectors of 2 values"), "{out}");
        let table = EmbeddingTable::read(&folder.at("b.parquet")).unwrap();
        assert_eq!(table.clips, ["a", "b", "c"]);
        (table.values, err)
    };
    let expected = [1.0, 0.0, 0.0, 1.0, 0.6, 0.8];
    write(
        "names.csv",
        "name,e0,e1\ndog,1,0\ncat,0,1\npolar bear,.6,.8\n",
    );
    let (found, err) = values("scores.csv", "names.csv");
    assert_eq!(found, expected);
    assert!(
        !err.contains("names are put") && !err.contains("their orders"),
        "{err}"
    );
    write(
        "turned.csv",
        "name,e0,e1\nCat,0,1\nPolar bear,.6,.8\nDog,1,0\n",
    );
    let (found, err) = values("scores.csv", "turned.csv");
    assert_eq!(found, expected);
    assert!(
        err.contains("turned.csv: names are put into the order of the columns of scores.csv"),
        "{err}"
    );
    write("others.csv", "name,e0,e1\nHund,1,0\nKatze,0,1\nBär,.6,.8\n");
    let (found, err) = values("scores.csv", "others.csv");
    assert_eq!(found, expected);
    assert!(
        err.contains("columns (dog, ..) are not called as the names of others.csv (Hund, ..); their orders are taken to be the same"),
        "{err}"
    );
    write(
        "mixed.csv",
        "name,e0,e1\ncat,0,1\nDackel,1,0\npolar bear,.6,.8\n",
    );
    let bridge = |names, out| folder.refused(&["bridge", "scores.csv", names, "--out", out]);
    assert!(bridge("mixed.csv", "b.parquet").contains(
        "mixed.csv: expected the names of the columns of scores.csv, found 2 of 3, none for \"dog\""
    ));
    assert!(bridge("names.csv", "b.csv").contains("expected a file that ends in .parquet"));
}
