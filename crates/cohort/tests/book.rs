//! Every command of the book is run, in the order of its pages, in one folder; and every document that comes of it is as its
//! schema says.
//!
//! A block of ```sh is a script of `sh -eu`. What stands in a comment before it changes how it is taken: `<!-- not run: WHY -->`,
//! `<!-- exits with 1 -->`; a block of ```text after `<!-- prints -->` is what the last script printed, line by line, `...` for what is
//! left out.

#[path = "common/json_schema.rs"]
mod json_schema;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

use serde_json::{Value, json};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A block of a page.
#[derive(Debug, PartialEq)]
enum Block {
    Script {
        line: usize,
        text: String,
        exit: i32,
    },
    /// A script that is not run, and why.
    Left(String),
    Printed(String),
}

/// The blocks of a page that say something of commands.
fn blocks(page: &str) -> Result<Vec<Block>, String> {
    let mut found = Vec::new();
    let mut lines = page.lines().enumerate();
    let mut comment = String::new();
    while let Some((at, line)) = lines.next() {
        let line = line.trim();
        if let Some(text) = line
            .strip_prefix("<!--")
            .and_then(|rest| rest.strip_suffix("-->"))
        {
            comment = text.trim().to_string();
            continue;
        }
        let Some(kind) = line.strip_prefix("```") else {
            if !line.is_empty() {
                comment.clear();
            }
            continue;
        };
        let mut text = String::new();
        loop {
            match lines.next() {
                Some((_, line)) if line.trim() == "```" => break,
                Some((_, line)) => text += &format!("{line}\n"),
                None => return Err(format!("line {}: a block without an end", at + 1)),
            }
        }
        let told = std::mem::take(&mut comment);
        match kind {
            "sh" => found.push(
                match (
                    told.strip_prefix("not run: "),
                    told.strip_prefix("exits with "),
                ) {
                    (Some(why), _) => Block::Left(why.to_string()),
                    (_, Some(code)) => Block::Script {
                        line: at + 1,
                        text,
                        exit: code
                            .parse()
                            .map_err(|_| format!("line {}: {told}", at + 1))?,
                    },
                    _ if told.is_empty() => Block::Script {
                        line: at + 1,
                        text,
                        exit: 0,
                    },
                    _ => return Err(format!("line {}: what does {told:?} mean?", at + 1)),
                },
            ),
            _ if told == "prints" => found.push(Block::Printed(text)),
            _ => {}
        }
    }
    Ok(found)
}

/// The pages in the order of the book.
fn pages() -> Vec<PathBuf> {
    let docs = workspace().join("docs");
    let summary = std::fs::read_to_string(docs.join("SUMMARY.md")).unwrap();
    let links = summary
        .lines()
        .filter_map(|line| Some(line.split_once("](")?.1.split(')').next()?.to_string()));
    let mut pages: Vec<PathBuf> = links.map(|link| docs.join(link)).collect();
    pages.push(workspace().join("README.md"));
    pages
}

struct Reader {
    folder: tempfile::TempDir,
    /// Names of the documents that were held against a schema.
    seen: BTreeSet<String>,
}

impl Reader {
    fn run(&self, script: &str) -> Output {
        let binary = assert_cmd::cargo::cargo_bin!("cohort");
        let path = std::env::var("PATH").unwrap_or_default();
        let folder = binary.parent().unwrap().display();
        Command::new("sh")
            .args(["-euc", script])
            .current_dir(self.folder.path())
            .env("PATH", format!("{folder}:{path}"))
            .env("NO_COLOR", "1")
            .env("HF_HUB_OFFLINE", "1")
            .env("HOME", self.folder.path())
            .env_remove("COHORT_SHARED")
            .output()
            .unwrap()
    }

    /// Holds a text against the schema that it names, if it is a document.
    fn check(&mut self, text: &str, from: &str) {
        let Ok(document) = serde_json::from_str::<Value>(text) else {
            return;
        };
        let Some(name) = document.get("schema").and_then(Value::as_str) else {
            return;
        };
        let file = name.trim_start_matches("cohort.").replace('/', "-");
        let path = workspace().join(format!("docs/schemas/{file}.json"));
        let Ok(schema) = std::fs::read_to_string(path) else {
            return;
        };
        let faults = json_schema::faults(&serde_json::from_str(&schema).unwrap(), &document);
        let shown: Vec<&String> = faults.iter().take(5).collect();
        assert!(
            faults.is_empty(),
            "{from}: {name}: {} faults: {shown:#?}",
            faults.len()
        );
        self.seen.insert(name.to_string());
    }

    /// Checks every document below a folder.
    fn check_files(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.check_files(&path);
            } else if path.extension().is_some_and(|ending| ending == "json") {
                self.check(
                    &std::fs::read_to_string(&path).unwrap(),
                    &path.display().to_string(),
                );
            }
        }
    }
}

/// Tables of two pictures and three captions, and their pairs.
const PAIRS: &str = "printf 'clip,x,y\\na,1,0\\nb,0,1\\n' > pictures.csv && \
    printf 'clip,x,y\\na#0,2,1\\na#1,1,0\\nb#0,1,3\\n' > captions.csv && \
    printf 'image,caption\\na.jpg,one\\na.jpg,two\\nb.jpg,three\\n' > pairs.csv && \
    cohort search pairs pictures.csv captions.csv --pairs pairs.csv --resamples 100 --json";

/// The same tables, by a column of the pictures.
const TOPICS: &str = "printf 'image,caption,kind\\na.jpg,one,x\\na.jpg,two,x\\nb.jpg,three,y\\n' > kinds.csv && \
    cohort search topics pictures.csv captions.csv --pairs kinds.csv --by kind --k 1 --resamples 100 --json";

#[test]
fn every_command_of_the_book_works_and_every_document_is_as_its_schema_says() {
    let mut reader = Reader {
        folder: tempfile::tempdir().unwrap(),
        seen: BTreeSet::new(),
    };
    let mut scripts = 0;
    for page in pages() {
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&page)
            .unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        let mut printed = String::new();
        for block in blocks(&text).unwrap_or_else(|error| panic!("{name}: {error}")) {
            match block {
                Block::Left(why) => println!("{name}: not run: {why}"),
                Block::Printed(expected) => {
                    for line in expected
                        .lines()
                        .map(str::trim)
                        .filter(|line| !line.is_empty())
                    {
                        for part in line.split("...").map(str::trim) {
                            assert!(
                                printed.contains(part),
                                "{name}: {part:?} is not in\n{printed}"
                            );
                        }
                    }
                }
                Block::Script { line, text, exit } => {
                    let started = Instant::now();
                    let output = reader.run(&text);
                    let out = String::from_utf8_lossy(&output.stdout).into_owned();
                    let err = String::from_utf8_lossy(&output.stderr).into_owned();
                    assert_eq!(
                        output.status.code(),
                        Some(exit),
                        "{name}, line {line}:\n{text}\n{out}\n{err}"
                    );
                    println!(
                        "{name}, line {line}: {:.1} s",
                        started.elapsed().as_secs_f64()
                    );
                    reader.check(&out, &format!("{name}, line {line}"));
                    printed = format!("{out}{err}");
                    scripts += 1;
                }
            }
        }
    }
    assert!(scripts > 20, "only {scripts} scripts were found");
    // documents that no page makes
    for more in [
        "cohort data words corpus --least 2 --json",
        "cohort fuse image=my-run/image audio=my-run/audio --labels corpus/test_set_age_labels.csv --labels corpus/valid_set_age_labels.csv --by UserID --out fused-more --json",
        "cohort ablate image=my-run/image audio=my-run/audio --resamples 100 --json",
        "cohort degrade my-run --only blur --clips 20 --resamples 100 --json",
        "cohort audio features corpus/test --preset speech-extended --json",
        "cohort map my-run/features/acoustic.parquet --method pca --labels corpus --json",
        "cohort search index my-run/features/acoustic.parquet --out more.index",
        "cohort search query more.index my-run/features/acoustic.parquet -k 2 --json",
        "cohort search evaluate more.index --within --labels corpus --resamples 100 --shuffles 2 --json",
        PAIRS,
        TOPICS,
    ] {
        let started = Instant::now();
        let output = reader.run(more);
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{more}\n{err}");
        println!("{more}: {:.1} s", started.elapsed().as_secs_f64());
        reader.check(&out, more);
    }
    let folder = reader.folder.path().to_path_buf();
    reader.check_files(&folder);
    println!(
        "documents: {}",
        reader.seen.iter().cloned().collect::<Vec<_>>().join(", ")
    );
    for name in [
        "cohort.audit/1",
        "cohort.stats/1",
        "cohort.check/1",
        "cohort.words/1",
        "cohort.fusion/1",
        "cohort.aggregation/1",
        "cohort.ablation/1",
        "cohort.predict/1",
        "cohort.map/1",
        "cohort.search/1",
        "cohort.retrieval/1",
        "cohort.pairs/1",
        "cohort.topics/1",
        "cohort.acoustic/1",
        "cohort.provenance/1",
        "cohort.headline/1",
        "cohort.degradation/1",
        "cohort.augmented/1",
    ] {
        assert!(reader.seen.contains(name), "no {name} was made");
    }
}

#[test]
fn blocks_are_read_as_they_are_meant() {
    let page = "a\n```sh\ncohort x\n```\n<!-- prints -->\n```text\nyes ... no\n```\n<!-- not run: why -->\n```sh\ny\n```\n<!-- exits with 1 -->\n```sh\nz\n```\n```toml\nk = 1\n```\n";
    let script = |line, text: &str, exit| Block::Script {
        line,
        text: text.into(),
        exit,
    };
    assert_eq!(
        blocks(page).unwrap(),
        [
            script(2, "cohort x\n", 0),
            Block::Printed("yes ... no\n".into()),
            Block::Left("why".into()),
            script(14, "z\n", 1)
        ]
    );
    assert!(blocks("```sh\n").is_err() && blocks("<!-- odd -->\n```sh\n```\n").is_err());
}

#[test]
fn what_is_not_as_its_schema_says_is_found() {
    let schema = json!({
        "type": "object",
        "properties": { "a": { "type": "integer", "minimum": 0 }, "b": { "$ref": "#/$defs/B" }, "schema": { "const": "x/1" } },
        "required": ["a"],
        "additionalProperties": { "type": ["number", "null"] },
        "$defs": { "B": { "anyOf": [{ "enum": ["u", "v"] }, { "type": "array", "items": { "type": "string" }, "maxItems": 1 }] } },
    });
    let good = json!({ "a": 1, "b": ["w"], "c": null, "schema": "x/1" });
    assert_eq!(json_schema::faults(&schema, &good), Vec::<String>::new());
    for bad in [
        json!({}),
        json!({ "a": -1 }),
        json!({ "a": 1.5 }),
        json!({ "a": 1, "b": "w" }),
        json!({ "a": 1, "b": ["u", "v"] }),
        json!({ "a": 1, "c": "text" }),
        json!({ "a": 1, "schema": "x/2" }),
        json!([]),
    ] {
        assert!(!json_schema::faults(&schema, &bad).is_empty(), "{bad}");
    }
    assert!(!json_schema::faults(&json!({ "pattern": "x" }), &json!("y")).is_empty());
}
