//! Data that cannot teach a class or a model, and run folders in the way.

use crate::bench::Bench;

/// The label tables without the rows of a target class.
fn without_class(bench: &Bench, class: &str, splits: &[&str]) {
    for split in splits {
        bench.edit(&format!("data/{split}_set_age_labels.csv"), |text| {
            text.lines()
                .filter(|line| line.split(',').nth(2) != Some(class))
                .map(|line| format!("{line}\n"))
                .collect()
        });
    }
}

/// A quick run of everything.
const CONFIG: &str = "data = \"data\"\n[fusion]\nresamples = 100\n[audit]\nresamples = 100\n";

#[test]
fn a_class_without_a_training_clip_is_told_and_the_run_goes_on() {
    let bench = Bench::with_media();
    without_class(&bench, "7", &["train"]);
    bench.write("run.toml", CONFIG);
    let ended = bench.run("run run.toml --epochs 1 --out run");
    assert_eq!(ended.code, 0, "{}", ended.err);
    for modality in ["image", "audio", "text"] {
        let told = ended.err.lines().any(|line| {
            line.starts_with(&format!("{modality}: class "))
                && line.contains('7')
                && line.contains("no training sample")
        });
        assert!(told, "{modality}: {}", ended.err);
        // every class keeps its place
        let table =
            String::from_utf8(bench.read(&format!("run/{modality}/predictions.csv"))).unwrap();
        assert!(table.starts_with("VideoName,ground_truth,prediction,p1,p2,p3,p4,p5,p6,p7\n"));
    }
    assert!(bench.exists("run/report.html"));

    // and one that is in no split at all
    let bench = Bench::with_media();
    without_class(&bench, "7", &["train", "valid", "test"]);
    let ended = bench.run("train text data --epochs 1 --out model");
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.err.contains("no training sample"), "{}", ended.err);
}

#[test]
fn clips_left_out_by_a_run_are_counted_and_listed() {
    let bench = Bench::with_media();
    let (id, stem) = bench.first_clip();
    bench.write("run.toml", CONFIG);
    for extension in ["jpg", "wav", "pkl"] {
        bench.write(&format!("{stem}.{extension}"), "");
    }
    let refused = bench.run("run run.toml --epochs 1 --out strict");
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    let message = format!(
        "error: clip {id}: decode {stem}.jpg: expected JPEG, PNG or WebP, found an empty file (0 bytes)"
    );
    assert!(refused.err.contains(&message), "{}", refused.err);
    bench.assert_no_half_files("strict");

    let ended = bench.run("run run.toml --epochs 1 --skip-bad --out run");
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(
        ended
            .out
            .contains("3 clips left out; run.json lists them\n"),
        "{}",
        ended.out
    );
    let facts = String::from_utf8(bench.read("run/run.json")).unwrap();
    assert_eq!(
        facts.matches(&format!("\"clip\": \"{id}\"")).count(),
        3,
        "{facts}"
    );
    for part in [
        "found an empty file (0 bytes)",
        "expected a sound file, found an empty file",
        "expected a whole pickle, found its end at byte 0",
    ] {
        assert!(facts.contains(part), "{part} not in {facts}");
    }

    // a run that is there is not overwritten
    let before = bench.files("run");
    bench.refuses(
        "run run.toml --epochs 1 --skip-bad --out run",
        "run/config.toml: this folder holds a run; --resume goes on with it, --out names another",
    );
    let other = bench.run("run run.toml --epochs 2 --skip-bad --resume --out run");
    assert_eq!((other.code, other.out.as_str()), (2, ""));
    assert!(
        other.err.contains("run/config.toml: ") && other.err.contains("epochs"),
        "{}",
        other.err
    );
    assert!(before == bench.files("run"));

    // documents that are none; the page that is there stays
    for (file, bytes, message) in [
        (
            "stats.json",
            &b"{"[..],
            "run/stats.json: EOF while parsing an object at line 1 column 1",
        ),
        (
            "ablation.json",
            b"\xff",
            "run/ablation.json: expected value at line 1 column 1",
        ),
        (
            "audit.json",
            b"{\"schema\": \"cohort.audit/9\"}",
            "expected schema \"cohort.audit/1\", found \"cohort.audit/9\"",
        ),
        (
            "headline.json",
            b"[]",
            "expected schema \"cohort.headline/1\", found none",
        ),
        (
            "image/metrics.jsonl",
            b"{}\nx\n",
            "run/image/metrics.jsonl: line 1: missing field `epoch`",
        ),
    ] {
        let good = bench.read(&format!("run/{file}"));
        bench.write(&format!("run/{file}"), bytes);
        let refused = bench.run("report run");
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{file}");
        assert!(
            refused.err.starts_with("error: ") && refused.err.contains(message),
            "{}",
            refused.err
        );
        bench.write(&format!("run/{file}"), good);
    }
    assert!(before == bench.files("run"));
    assert_eq!(bench.works("report run"), "run/report.html\n");
    assert!(before == bench.files("run"));
}

#[test]
fn data_without_media_are_refused_before_anything_is_made() {
    let bench = Bench::with_labels();
    bench.refuses(
        "features data --out features",
        "data: expected clips with sounds or transcripts, found none",
    );
    let ended = bench.run("run data --out run");
    assert_eq!((ended.code, ended.out.as_str()), (2, ""));
    assert!(
        ended.err.contains(
            "error: data: expected pictures, sounds or transcripts in every split, found "
        ),
        "{}",
        ended.err
    );
    for modality in ["image", "audio", "text"] {
        let ended = bench.run(&format!("train {modality} data --out model"));
        assert_eq!((ended.code, ended.out.as_str()), (2, ""));
        assert!(
            ended.err.starts_with("error: ") && ended.err.contains("expected"),
            "{}",
            ended.err
        );
    }
    bench.check_finds(0, "note: no-media (3)\n");
    assert!(!bench.exists("run") && !bench.exists("features"));
    bench.refuses(
        "report data",
        "data: expected a run folder with stats.json, ablation.json, audit.json and so on, found none of them",
    );
    bench.refuses(
        "report nowhere",
        "nowhere: expected a run folder with stats.json, ablation.json, audit.json and so on, found none of them",
    );
}
