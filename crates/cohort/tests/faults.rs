//! What an attack on run folders found: damaged and stale files, two processes, moved folders, Ctrl-C, names that act on
//! a terminal.
#![cfg(feature = "networks")]

mod common;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cohort_tables::FolderLock;
use common::{assert_same_files, cohort, copy, copy_folder, corpus, finish, first_media};

/// Arguments of a run that takes seconds.
const SHORT: [&str; 4] = ["--modalities", "audio,text", "--epochs", "2"];

/// A finished run on the corpus, made once. Nobody may change it.
fn finished() -> &'static Path {
    static RUN: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = RUN.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("run");
        let (code, _, err) = resume(corpus(), &out);
        assert_eq!(code, 0, "{err}");
        (folder, out)
    });
    path
}

fn resume(data: &Path, out: &Path) -> (i32, String, String) {
    finish(
        cohort()
            .arg("run")
            .arg(data)
            .args(SHORT)
            .args(["--resume", "--out"])
            .arg(out),
    )
}

/// A copy of [`finished`].
fn copied(folder: &tempfile::TempDir) -> PathBuf {
    let out = folder.path().join("run");
    copy_folder(finished(), &out);
    out
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 4;
    std::fs::write(path, bytes).unwrap();
}

/// Where the little-endian bytes of the first value of a table stand in its file.
fn first_value(path: &Path) -> usize {
    let value = cohort_tables::EmbeddingTable::read(path).unwrap().values;
    let value = value.into_iter().find(|value| *value != 0.0).unwrap();
    let bytes = std::fs::read(path).unwrap();
    let at = bytes
        .windows(4)
        .position(|four| four == value.to_le_bytes());
    at.unwrap_or(bytes.len() / 3)
}

#[test]
fn a_damaged_cache_is_told_and_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let out = copied(&folder);
    for table in ["features/text.parquet", "features/embeddings-audio.parquet"] {
        let path = out.join(table);
        flip(&path, first_value(&path));
        let (code, _, err) = resume(corpus(), &out);
        assert_eq!(code, 0, "{err}");
        let told = format!("{table}: expected the content that was written");
        let told =
            err.contains(&told) || err.contains(&format!("{table}: expected a Parquet file"));
        assert!(told && err.contains("the table is made anew"), "{err}");
        assert_same_files(finished(), &out);
    }
}

#[test]
fn a_damaged_checkpoint_is_refused_by_name_before_anything_changes() {
    for model in ["audio", "joint"] {
        let folder = tempfile::tempdir().unwrap();
        let out = copied(&folder);
        let checkpoint = out.join(model).join("checkpoints/best.safetensors");
        let length = std::fs::metadata(&checkpoint).unwrap().len() as usize;
        flip(&checkpoint, length - 40);
        let before = common::fixed_files(&out);
        let name = format!(
            "{model}/checkpoints/best.safetensors: expected the checkpoint as it was written"
        );
        let (code, _, err) = resume(corpus(), &out);
        assert_eq!(code, 2);
        assert!(err.contains(&name), "{err}");
        assert!(before == common::fixed_files(&out), "{model}");
        let sound = first_media(corpus(), "test", "wav");
        let (code, stdout, err) = finish(cohort().arg("predict").arg(&out).arg(&sound));
        assert_eq!((code, stdout.as_str()), (2, ""));
        assert!(err.contains(&name), "{err}");
        let (code, _, err) = finish(
            cohort()
                .arg("degrade")
                .arg(&out)
                .args(["--resamples", "100"]),
        );
        assert_eq!(code, 2);
        assert!(err.contains(&name), "{err}");
    }
}

#[test]
fn what_predictions_rest_on_besides_weights_is_checked_too() {
    let folder = tempfile::tempdir().unwrap();
    let out = copied(&folder);
    let sound = first_media(corpus(), "test", "wav");
    let predict = || finish(cohort().arg("predict").arg(&out).arg(&sound));
    let (code, before, err) = predict();
    assert_eq!(code, 0, "{err}");
    for document in ["fused/fusion.json", "joint/joint.json"] {
        let path = out.join(document);
        let whole = std::fs::read(&path).unwrap();
        // the last digit of a number, which any reader would take
        let number = whole
            .windows(2)
            .rposition(|two| two[0] == b'.' && two[1].is_ascii_digit());
        let at = number.unwrap() + 1;
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        serde_json::from_slice::<serde_json::Value>(&bytes).unwrap();
        let (code, stdout, err) = predict();
        assert_eq!((code, stdout.as_str()), (2, ""));
        let told = format!("{document}: expected the document as it was written");
        assert!(err.contains(&told), "{err}");
        std::fs::write(&path, whole).unwrap();
    }
    let path = out.join("config.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    let other = config.replacen("preset = \"speech\"", "preset = \"speech-extended\"", 1);
    assert_ne!(other, config);
    std::fs::write(&path, other).unwrap();
    let (code, _, err) = predict();
    assert_eq!(code, 2);
    assert!(
        err.contains("config.toml: expected the settings of features and models"),
        "{err}"
    );
    std::fs::write(&path, config).unwrap();
    assert_eq!(predict().1, before);
    // what is gone is made again by the call that made it
    std::fs::remove_file(out.join("fused/fusion.json")).unwrap();
    let (code, _, err) = resume(corpus(), &out);
    assert_eq!(code, 0, "{err}");
    assert_same_files(finished(), &out);
}

#[test]
fn other_media_and_labels_are_refused_whatever_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let out = copied(&folder);
    copy(&data);
    // the same data set in another place is the same; only where it lies is written anew
    let (code, _, err) = resume(&data, &out);
    assert_eq!(code, 0, "{err}");
    let but_place = |run: &Path| {
        let files = common::fixed_files(run).into_iter();
        files
            .filter(|(name, _)| name != "config.toml")
            .collect::<Vec<_>>()
    };
    assert!(but_place(finished()) == but_place(&out));
    let [first, second] = ["train", "valid"].map(|split| first_media(&data, split, "wav"));
    let bytes = std::fs::read(&first).unwrap();
    std::fs::write(&second, bytes).unwrap();
    let (code, _, err) = resume(&data, &out);
    assert_eq!(code, 2);
    assert!(
        err.contains("audio/inputs.json") && err.contains("(valid changed)"),
        "{err}"
    );
    std::fs::remove_file(out.join("audio/inputs.json")).unwrap();
    let (code, _, err) = resume(&data, &out);
    assert_eq!(code, 2);
    assert!(
        err.contains("audio/inputs.json") && err.contains("found no such file"),
        "{err}"
    );
    std::fs::write(out.join("audio/inputs.json"), "").unwrap();
    let (code, _, err) = resume(&data, &out);
    assert_eq!(code, 2);
    assert!(err.contains("audio/inputs.json"), "{err}");
    // a row less is told before anything is computed
    let table = data.join("test_set_age_labels.csv");
    let text = std::fs::read_to_string(&table).unwrap();
    let shorter: Vec<&str> = text.lines().collect();
    std::fs::write(&table, shorter[..shorter.len() - 1].join("\n")).unwrap();
    let (code, _, err) = resume(&data, &out);
    assert_eq!(code, 2);
    assert!(
        err.contains("run/inputs.json") && err.contains("(labels changed)"),
        "{err}"
    );
}

#[test]
fn what_touches_no_training_may_change_and_is_checked_first() {
    let folder = tempfile::tempdir().unwrap();
    let out = copied(&folder);
    let file = folder.path().join("run.toml");
    let run = |tables: &str| {
        let data = toml_text(corpus());
        std::fs::write(&file, format!("title = \"Again\"\ndata = {data}\n{tables}")).unwrap();
        finish(
            cohort()
                .arg("run")
                .arg(&file)
                .args(SHORT)
                .args(["--resume", "--out"])
                .arg(&out),
        )
    };
    let (code, _, err) = run("[audit]\ngroups = [\"Gendr\"]\n");
    assert_eq!(code, 2);
    assert!(
        err.contains("expected in audit.groups attributes of the data set other than its target (Gender, Ethnicity), found Gendr"),
        "{err}"
    );
    assert_same_files(finished(), &out);
    let (code, _, err) =
        run("[audit]\ngroups = [\"Gender\"]\nresamples = 200\n[fusion]\nresamples = 300\n");
    assert_eq!(code, 0, "{err}");
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("<title>Again"), "{page:.300}");
    let predictions = |run: &Path| std::fs::read(run.join("predictions.csv")).unwrap();
    assert_eq!(predictions(&out), predictions(finished()));
    let (code, _, err) = run("[joint]\ntoken = 16\n");
    assert_eq!(code, 2);
    assert!(
        err.contains("joint.token: expected 32 as the run has, found 16"),
        "{err}"
    );
}

fn toml_text(path: &Path) -> String {
    format!("{:?}", path.display().to_string())
}

#[test]
fn a_run_folder_that_was_moved_or_copied_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sub/x/elsewhere");
    copy_folder(finished(), &out);
    let (code, _, err) = resume(corpus(), &out);
    assert_eq!(code, 0, "{err}");
    let sound = first_media(corpus(), "test", "wav");
    let (code, _, err) = finish(cohort().arg("predict").arg(&out).arg(sound));
    assert_eq!(code, 0, "{err}");
}

#[test]
fn two_processes_do_not_share_a_run_folder() {
    let folder = tempfile::tempdir().unwrap();
    let out = copied(&folder);
    let lock = FolderLock::take(&out).unwrap();
    let told = format!("in use by process {}", std::process::id());
    let (code, _, err) = resume(corpus(), &out);
    assert_eq!(code, 2);
    assert!(err.contains(&told), "{err}");
    let (code, _, err) = finish(cohort().arg("degrade").arg(&out));
    assert_eq!(code, 2);
    assert!(err.contains(&told), "{err}");
    drop(lock);
    let lock = FolderLock::take(&out.join("features")).unwrap();
    let (code, _, err) = finish(
        cohort()
            .arg("features")
            .arg(corpus())
            .arg("--out")
            .arg(out.join("features")),
    );
    assert_eq!(code, 2);
    assert!(err.contains(&told), "{err}");
    drop(lock);
    assert_same_files(finished(), &out);
}

#[test]
fn predict_prints_its_table_and_explains_it_beside() {
    let sound = first_media(corpus(), "test", "wav");
    let predict = |more: &[&str]| {
        finish(
            cohort()
                .arg("predict")
                .arg(finished())
                .arg(&sound)
                .args(more),
        )
    };
    let (code, text, err) = predict(&[]);
    assert_eq!((code, text.lines().count()), (0, 1), "{text}");
    assert!(err.starts_with("After the colon"), "{err}");
    let (code, csv, err) = predict(&["--csv", "-"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(
        csv.starts_with("VideoName,prediction,p1,") && csv.lines().count() == 2,
        "{csv}"
    );
    assert!(!Path::new("-").exists());
    assert_eq!(predict(&["--csv", "-", "--json"]).0, 2);
    let model = finished().join("audio");
    let (code, _, err) = finish(cohort().arg("predict").arg(model).arg(&sound));
    assert_eq!(code, 2);
    assert!(err.contains("found that of one model"), "{err}");
}

#[cfg(unix)]
#[test]
fn names_do_not_act_on_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let name = "a\u{1b}]0;x\u{7}\u{1b}[2J\nerror: b\u{9b}1m\u{202e}";
    let sound = folder.path().join(format!("{name}.wav"));
    std::fs::copy(first_media(corpus(), "test", "wav"), &sound).unwrap();
    let broken = folder.path().join(format!("z{name}.wav"));
    std::fs::write(&broken, "no sound").unwrap();
    let harmless = |text: &str, lines: usize| {
        assert!(
            !text.contains(|c: char| c.is_control() && c != '\n'),
            "{text:?}"
        );
        assert!(!text.contains('\u{202e}'), "{text:?}");
        assert_eq!(text.lines().count(), lines, "{text:?}");
    };
    let (code, out, err) = finish(cohort().arg("predict").arg(finished()).arg(&sound));
    assert_eq!(code, 0, "{err}");
    harmless(&out, 1);
    let (code, out, _) = finish(
        cohort()
            .arg("predict")
            .arg(finished())
            .arg(&sound)
            .arg("--json"),
    );
    assert_eq!(code, 0);
    harmless(&out, out.lines().count());
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    // an id is compared, and kept, without what cannot be seen
    assert_eq!(document["clips"][0]["clip"], "a]0;x[2J error: b1m");
    let (code, _, err) = finish(cohort().arg("predict").arg(finished()).arg(&broken));
    assert_eq!(code, 2);
    harmless(&err, 1);
    let (code, out, err) = finish(
        cohort()
            .args(["audio", "features", "--skip-bad"])
            .args([&sound, &broken]),
    );
    assert_eq!(code, 0, "{err}");
    harmless(&out, 2);
    harmless(&err, 2);
    let (code, _, err) = finish(cohort().args(["audio", "features"]).arg(&broken));
    assert_eq!(code, 2);
    harmless(&err, 1);
    let (code, _, err) = finish(
        cohort()
            .args(["data", "stats"])
            .arg(folder.path().join(name)),
    );
    assert_eq!(code, 2);
    harmless(&err, 1);
}

/// A title is a name too; the page shows it as text.
#[test]
fn a_title_is_no_part_of_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let out = copied(&folder);
    let path = out.join("provenance.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
    document["title"] = "<script>alert(1)</script>\u{1b}[2J\"'&".into();
    std::fs::write(&path, document.to_string()).unwrap();
    let (code, _, err) = finish(cohort().arg("report").arg(&out));
    assert_eq!(code, 0, "{err}");
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(!page.contains("<script") && !page.contains('\u{1b}'));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
}

#[test]
fn what_a_killed_command_left_is_removed_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let [left, mine] = [".cohort-k1.tmp", "notes.tmp"].map(|name| out.join(name));
    for file in [&left, &mine] {
        std::fs::write(file, "half").unwrap();
    }
    let (code, _, err) = finish(
        cohort()
            .args(["data", "stats", "--out"])
            .arg(&out)
            .arg(corpus()),
    );
    assert_eq!(code, 0, "{err}");
    assert!(!left.exists() && mine.exists());
}

#[test]
fn a_demo_does_not_begin_in_a_folder_of_other_things() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("letters.txt"), "mine").unwrap();
    let (code, _, err) = finish(cohort().args(["demo", "--out"]).arg(folder.path()));
    assert_eq!(code, 2);
    assert!(err.contains("found letters.txt in it"), "{err}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn threads_have_a_bound() {
    let (code, _, err) = finish(
        cohort()
            .args(["--threads", "10000", "data", "stats"])
            .arg(corpus()),
    );
    assert_eq!(code, 2);
    assert!(err.contains("10000 is not in 1..=1024"), "{err}");
}

/// Work that takes far longer than a test may is left within a second of Ctrl-C.
#[cfg(unix)]
#[test]
fn ctrl_c_ends_long_computations() {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};
    let folder = tempfile::tempdir().unwrap();
    let (labels, table) = (folder.path().join("l.csv"), folder.path().join("p.csv"));
    let mut rows = "VideoName,UserID,AgeGroup,Gender,Ethnicity\n".to_string();
    let mut predicted = "VideoName,ground_truth,prediction,p1,p2,p3,p4,p5,p6,p7\n".to_string();
    for i in 0..3000 {
        let (class, said) = (1 + i % 7, 1 + (i * i) % 7);
        rows += &format!("c{i},s{},{class},{},{}\n", i / 3, 1 + i % 2, 1 + i % 3);
        predicted += &format!("c{i},{class},{said}");
        for k in 1..=7 {
            predicted += if k == said { ",0.4" } else { ",0.1" };
        }
        predicted += "\n";
    }
    std::fs::write(&labels, rows).unwrap();
    std::fs::write(&table, predicted).unwrap();
    let (labels, table) = (labels.display().to_string(), table.display().to_string());
    let out = folder.path().join("out").display().to_string();
    let (a, b) = (format!("a={table},{table}"), format!("b={table},{table}"));
    let calls: [&[&str]; 3] = [
        &[
            "audit",
            &table,
            "--labels",
            &labels,
            "--resamples",
            "1000000",
            "--out",
            &out,
        ],
        &[
            "ablate",
            &a,
            &b,
            "--labels",
            &labels,
            "--resamples",
            "1000000",
            "--out",
            &out,
        ],
        &["map", "m.parquet", "--iterations", "1000000", "--json"],
    ];
    let vectors = cohort_tables::EmbeddingTable {
        clips: (0..2000).map(|i| format!("c{i}")).collect(),
        sources: vec![String::new(); 2000],
        dim: 8,
        values: (0..16_000).map(|i| ((i * i) as f32 * 0.37).sin()).collect(),
        ..Default::default()
    };
    vectors.write(&folder.path().join("m.parquet")).unwrap();
    for call in calls {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("cohort"))
            .args(call)
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(2500));
        assert!(
            child.try_wait().unwrap().is_none(),
            "{call:?} ended by itself"
        );
        let clock = Instant::now();
        let id = child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &id])
                .status()
                .unwrap()
                .success()
        );
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(130), "{call:?}");
        assert!(
            clock.elapsed() < Duration::from_secs(2),
            "{call:?}: {:?}",
            clock.elapsed()
        );
        let told = String::from_utf8(ended.stderr).unwrap();
        assert!(told.ends_with("stopped\n"), "{call:?}: {told}");
        assert!(!Path::new(&out).exists());
    }
}
