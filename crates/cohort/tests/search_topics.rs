//! `cohort search topics`: recall by topic, from communities, a column or words.

mod common;

use std::path::PathBuf;

use cohort_tables::{EmbeddingTable, Provenance};
use common::{cohort, finish, printed_json, refusal};
use serde_json::Value;

const ANIMALS: [&str; 3] = ["horse", "wolf", "sheep"];
const EACH: usize = 20;
const DIM: usize = 12;

struct Folder(tempfile::TempDir);

fn noise(i: usize, salt: usize) -> f32 {
    (0..6)
        .map(|k| ((i * 7919 + (salt + k * 31) * 104_729) as f64 * 0.618_033_988_749).fract() - 0.5)
        .sum::<f64>() as f32
}

impl Folder {
    /// 60 pictures of three animals with two captions each; the captions of wolves lie far from their pictures.
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let mut csv = String::from("image,caption,caption_id,animal\n");
        let (mut pictures, mut captions) = (Vec::new(), Vec::new());
        let (mut p_ids, mut c_ids) = (Vec::new(), Vec::new());
        for picture in 0..ANIMALS.len() * EACH {
            let animal = picture % ANIMALS.len();
            let name = ANIMALS[animal];
            let own: Vec<f32> = (0..DIM)
                .map(|d| f32::from(u8::from(d == animal)) * 2.5 + noise(picture * DIM + d, 0))
                .collect();
            for c in 0..2 {
                let far = if animal == 1 { 2.0 } else { 0.1 };
                let row = (picture * 2 + c) * DIM;
                captions.extend((0..DIM).map(|d| own[d] + far * noise(row + d, 7)));
                let text = match c {
                    0 => format!("a {name} stands in field {picture}"),
                    _ => format!("{} graze", ["horses", "wolves", "sheep"][animal]),
                };
                csv += &format!("p{picture}.jpg,{text},c{picture}-{c},{name}\n");
                c_ids.push(format!("c{picture}-{c}"));
            }
            pictures.extend(own);
            p_ids.push(format!("p{picture}"));
        }
        folder.table("p.parquet", p_ids, pictures);
        folder.table("c.parquet", c_ids, captions);
        std::fs::write(folder.at("pairs.csv"), csv).unwrap();
        folder
    }

    fn table(&self, name: &str, clips: Vec<String>, values: Vec<f32>) {
        let table = EmbeddingTable {
            sources: vec![String::new(); clips.len()],
            clips,
            dim: DIM,
            values,
            provenance: Provenance {
                producer: format!("maker of {name}"),
                ..Provenance::default()
            },
        };
        table.write(&self.at(name)).unwrap();
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        finish(
            cohort()
                .current_dir(self.0.path())
                .args(["search", "topics", "p.parquet", "c.parquet", "--pairs"])
                .args(arguments)
                .args(["--resamples", "200", "--permutations", "499", "--k", "1"]),
        )
    }

    fn json(&self, arguments: &[&str]) -> Value {
        printed_json(self.run(&[arguments, &["--json"]].concat()))
    }

    fn refused(&self, arguments: &[&str]) -> String {
        refusal(self.run(arguments))
    }
}

#[test]
fn words_and_a_column_find_the_weak_topic() {
    let folder = Folder::new();
    let by_words = ["pairs.csv", "--words", "horse,wolf,sheep"];
    let (code, out, err) =
        folder.run(&[&by_words[..], &["--per-topic", "t.csv", "--out", "d.json"]].concat());
    assert_eq!(code, 0, "{err}");
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "3 topics: words",
        "Shown to be weak: wolf.",
        "shuffled pairs",
        "rest",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let document: Value =
        serde_json::from_slice(&std::fs::read(folder.at("d.json")).unwrap()).unwrap();
    assert_eq!(document["schema"], "cohort.topics/1");
    let first = &document["directions"][0]["topics"][0];
    assert_eq!(
        (&first["name"], &first["outcome"]),
        (&"wolf".into(), &"shown".into())
    );
    assert_eq!(
        (&first["queries"], &first["pictures"]),
        (&40.into(), &20.into())
    );
    let by_column = folder.json(&[
        "pairs.csv",
        "--by",
        "animal",
        "--direction",
        "text-to-image",
    ]);
    assert_eq!(by_column["directions"].as_array().unwrap().len(), 1);
    assert_eq!(
        by_column["directions"][0]["topics"][0]["recall"]["value"],
        first["recall"]["value"]
    );
    // the rest is a group of its own, and is not told as if nothing were weak
    let (_, out, _) = folder.run(&["pairs.csv", "--words", "horse,sheep"]);
    assert!(
        out.contains("Shown to be weak: the captions of no topic."),
        "{out}"
    );
    let csv = std::fs::read_to_string(folder.at("t.csv")).unwrap();
    let mut lines = csv.lines();
    assert_eq!(
        lines.next().unwrap(),
        "topic,name,picture,caption_id,caption"
    );
    assert_eq!(
        lines.next().unwrap(),
        "1,horse,p0,c0-0,a horse stands in field 0"
    );
    assert_eq!(lines.count(), 119);
    // labels in a table of their own give the same
    let labels: String = (0..60)
        .map(|p| format!("p{p},{}\n", ANIMALS[p % 3]))
        .collect();
    std::fs::write(folder.at("l.csv"), format!("VideoName,kind\n{labels}")).unwrap();
    let by_labels = folder.json(&["pairs.csv", "--by", "kind", "--labels", "l.csv"]);
    assert_eq!(by_labels["directions"][0], by_column["directions"][0]);
}

#[test]
fn communities_are_the_same_whatever_the_order_of_the_pairs() {
    let folder = Folder::new();
    let csv = std::fs::read_to_string(folder.at("pairs.csv")).unwrap();
    let (head, lines) = csv.split_once('\n').unwrap();
    let mut lines: Vec<&str> = lines.lines().collect();
    lines.reverse();
    std::fs::write(
        folder.at("back.csv"),
        format!("{head}\n{}\n", lines.join("\n")),
    )
    .unwrap();
    let of = |pairs: &str| {
        let found = folder.json(&[
            pairs,
            "--communities",
            "--threshold",
            "0.5",
            "--least",
            "15",
        ]);
        (
            found["topics"].clone(),
            found["captions_of_no_topic"].clone(),
        )
    };
    let (topics, none) = of("pairs.csv");
    assert!(topics.as_array().unwrap().len() >= 2, "{topics}");
    assert_eq!((topics, none), of("back.csv"));
}

#[test]
fn what_gives_no_topics_is_refused() {
    let folder = Folder::new();
    for (arguments, expected) in [
        (
            &["--by", "animl"][..],
            "pairs.csv: expected a column animl with one value a picture, found animal (did you mean animal?)",
        ),
        (
            &["--words", "unicorn"],
            "--words: expected captions that say unicorn or their plurals, found none among 120 of pairs.csv",
        ),
        (
            &["--words", "horse,horse"],
            "--words: expected every word once, found horse again",
        ),
        (
            &["--communities", "--threshold", "0.999", "--least", "100"],
            "c.parquet: expected at least 100 of 120 captions with a cosine of at least 0.999 to one of them, found no more than ",
        ),
        (
            &["--communities", "--threshold", "2"],
            "threshold: expected -1 to 1, found 2",
        ),
        (&["--communities", "--by", "animal"], "cannot be used with"),
        (&[], "--communities"),
        (
            &["--words", "horse", "--least", "3"],
            "cannot be used with '--least <N>'",
        ),
        (
            &["--communities", "--labels", "l.csv"],
            "cannot be used with '--labels <L.csv>'",
        ),
        (&["--words", "horse", "--alpha", "0.5"], "alpha"),
    ] {
        let error = folder.refused(&[&["pairs.csv"], arguments].concat());
        assert!(error.contains(expected), "{expected}: {error}");
    }
}
