//! Outputs that cannot be written: nothing that was there is lost, and no half file is left.

use cohort_tables::EmbeddingTable;

use crate::bench::{Bench, predictions};

/// Commands that write, with the place where they do; run once without and once with room.
fn bench() -> (Bench, [(&'static str, &'static str); 6]) {
    let bench = Bench::with_media();
    for split in ["valid", "test"] {
        let table =
            String::from_utf8(bench.read(&format!("data/{split}_set_age_labels.csv"))).unwrap();
        let rows: Vec<(&str, usize, usize)> = table
            .lines()
            .skip(1)
            .enumerate()
            .map(|(i, line)| {
                let mut fields = line.split(',');
                let (name, truth) = (fields.next().unwrap(), fields.nth(1).unwrap());
                (name, truth.parse().unwrap(), 1 + i % 7)
            })
            .collect();
        let name = if split == "test" {
            "predictions.csv"
        } else {
            "predictions-valid.csv"
        };
        bench.write(&format!("model/{name}"), predictions(&rows));
    }
    let commands = [
        ("data stats data --out out", "out"),
        ("features data --out out", "out"),
        ("train text data --epochs 1 --out out", "out"),
        ("fuse a=model --rule mean --out out", "out"),
        (
            "ablate a=model b=model --rule mean --resamples 100 --out out",
            "out",
        ),
        (
            "audit model/predictions.csv --labels data/test_set_age_labels.csv --resamples 100 --permutations 100 --out out",
            "out",
        ),
    ];
    (bench, commands)
}

#[test]
fn a_full_disk_names_the_file_and_leaves_no_half_file() {
    let (bench, commands) = bench();
    // a limit of 512 bytes (one block) a file stands in for the disk; without the trap the signal would end the process
    for (command, out) in commands {
        let full = bench.shell(&format!(
            "trap '' XFSZ; ulimit -f 1; exec $COHORT {command}"
        ));
        assert_eq!(
            (full.code, full.out.as_str()),
            (2, ""),
            "{command}: {}",
            full.err
        );
        assert!(
            full.err.contains("error: cannot write out/"),
            "{command}: {}",
            full.err
        );
        assert!(
            full.err.ends_with(": File too large (os error 27)\n"),
            "{command}: {}",
            full.err
        );
        bench.assert_no_half_files(out);
        bench.remove(out);
    }
    for (command, out) in commands {
        let ended = bench.run(command);
        assert!(
            ended.code == 0 || ended.code == 1,
            "{command}: {}",
            ended.err
        );
        let before = bench.files(out);
        // the same again without room: every file is the old one, whole
        let full = bench.shell(&format!(
            "trap '' XFSZ; ulimit -f 1; exec $COHORT {command}"
        ));
        assert_eq!(full.code, 2, "{command}: {}", full.err);
        let after: Vec<_> = bench
            .files(out)
            .into_iter()
            .filter(|(name, _)| !name.ends_with(".partial"))
            .collect();
        assert!(before == after, "{command} changed what was there");
        bench.remove(out);
    }
}

#[test]
fn synthesis_without_room_can_be_done_again() {
    let bench = Bench::new();
    let full = bench.shell("trap '' XFSZ; ulimit -f 1; exec $COHORT data synth corpus --clips 60");
    assert_eq!((full.code, full.out.as_str()), (2, ""));
    assert!(
        full.err
            .starts_with("error: synthesise: cannot write .corpus.partial/"),
        "{}",
        full.err
    );
    assert!(!bench.exists("corpus"));
    bench.works("data synth corpus --clips 60");
    assert_eq!(bench.list(""), ["corpus"]);
    // a folder of the name that the corpus is gathered under, but another's
    bench.write(".other.partial/mine.txt", "keep");
    bench.refuses(
        "data synth other --clips 60",
        "synthesise: .other.partial is in the way: expected no such folder, or what a killed synthesis left there, found a folder that is not its own; move it away, or choose another name for the corpus",
    );
    assert_eq!(bench.read(".other.partial/mine.txt"), b"keep");
    // what is in the way is left as it is
    bench.write("mine/notes.txt", "keep");
    bench.refuses(
        "data synth mine --clips 60",
        "synthesise: mine is in the way: it is not empty and has no truth.json; expected no such folder, an empty one, or the whole corpus of the same settings",
    );
    assert_eq!(bench.read("mine/notes.txt"), b"keep");
}

#[test]
fn a_file_in_the_place_of_a_folder_stays() {
    let (bench, commands) = bench();
    bench.write("out", "mine");
    for (command, _) in commands {
        let refused = bench.run(command);
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{command}");
        assert!(
            refused.err.starts_with("error: cannot "),
            "{command}: {}",
            refused.err
        );
        assert!(refused.err.contains(" out"), "{command}: {}", refused.err);
        assert_eq!(bench.read("out"), b"mine");
    }
}

#[test]
fn standard_output_that_is_full_is_an_error_and_one_that_is_closed_is_not() {
    let bench = Bench::with_labels();
    for command in ["data stats data", "data stats data --json"] {
        let piped = bench.shell(&format!("($COHORT {command}; echo $? > code) | head -n 1"));
        assert_eq!(piped.err, "", "{command}");
        assert_eq!(piped.out.lines().count(), 1);
        assert_eq!(bench.read("code"), b"0\n");
        // `head` may have read all before it closed: here nobody reads at all
        let closed = bench.shell(&format!("($COHORT {command}; echo $? > code) | true"));
        assert_eq!(
            (closed.err.as_str(), bench.read("code")),
            ("", b"0\n".to_vec())
        );
        if std::path::Path::new("/dev/full").exists() {
            let full = bench.shell(&format!("$COHORT {command} > /dev/full"));
            assert_eq!(full.code, 2);
            assert_eq!(
                full.err,
                "error: cannot write to standard output: No space left on device (os error 28)\n"
            );
        }
        assert_eq!(bench.shell(&format!("$COHORT {command} 2>&- >&-")).code, 0);
    }
    // what a check found is its exit code still
    bench.edit("data/train_set_age_labels.csv", |text| {
        text.replace("a,1,1,1", "a,9,1,1")
    });
    bench.shell("($COHORT data check data; echo $? > code) | true");
    assert_eq!(bench.read("code"), b"1\n");
}

#[test]
fn a_feature_table_with_a_value_that_is_no_number_is_made_anew() {
    let bench = Bench::with_media();
    bench.works("features data --out features");
    let good = bench.files("features");
    let path = bench.path("features/acoustic.parquet");
    let mut table = EmbeddingTable::read(&path).unwrap();
    table.values[9] = f32::NAN;
    table.write(&path).unwrap();
    let told = EmbeddingTable::read(&path).unwrap_err().to_string();
    assert!(
        told.ends_with("acoustic.parquet: row 2: expected finite numbers, found NaN"),
        "{told}"
    );
    for broken in [
        bench.read("features/acoustic.parquet"),
        b"PAR1".to_vec(),
        Vec::new(),
    ] {
        bench.write("features/acoustic.parquet", broken);
        let told = bench.run("features data --out features");
        assert_eq!(told.code, 0, "{}", told.err);
        assert!(
            told.err.starts_with("warning: features/acoustic.parquet: ")
                && told.err.ends_with("; the table is made anew\n"),
            "{}",
            told.err
        );
        assert!(bench.files("features") == good);
    }
    // a journal that is none, or that broke off, is no harm either
    bench.write(
        "features/acoustic.partial",
        b"COHORTJ1 and then something else",
    );
    bench.remove("features/acoustic.parquet");
    bench.works("features data --out features");
    assert!(bench.files("features") == good);
    // a folder in the place of the table stays, and is named
    bench.remove("features/acoustic.parquet");
    bench.write("features/acoustic.parquet/mine", "keep");
    let refused = bench.run("features data --out features");
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert_eq!(
        refused.err,
        "error: cannot write features/acoustic.parquet: Is a directory (os error 21)\n"
    );
    assert_eq!(bench.read("features/acoustic.parquet/mine"), b"keep");
    bench.assert_no_half_files("features");
}

#[test]
fn what_is_read_is_not_written_over() {
    let bench = Bench::new();
    bench.write("p.csv", predictions(&[("a.1", 1, 1), ("b.1", 2, 2)]));
    bench.write("l.csv", "VideoName,Class\na,1;2\n");
    bench.write("v.csv", "id,x,y\na,1,2\nb,3,4\n");
    bench.write("model/predictions.csv", predictions(&[("a.1", 1, 1)]));
    bench.make_folder("other");
    let before = bench.files(".");
    for (call, message) in [
        (
            "map v.csv --out v.csv",
            "--out v.csv: expected another file than those that are read, found v.csv",
        ),
        (
            "map v.csv --out other/../v.csv",
            "--out other/../v.csv: expected another file than those that are read, found v.csv",
        ),
        (
            "map v.csv --labels l.csv --out m.svg --out l.csv",
            "--out l.csv: expected another file than those that are read, found l.csv",
        ),
        (
            "data triplets l.csv --label Class --several ; --out l.csv",
            "--out l.csv: expected another file than those that are read, found l.csv",
        ),
        (
            "search pairs v.csv v.csv --pairs l.csv --out d.json --per-query other/../d.json",
            "--per-query other/../d.json: expected a file of its own, found that of --out",
        ),
        (
            "detect evaluate l.csv v.csv --out v.csv",
            "--out v.csv: expected another file than those that are read, found v.csv",
        ),
        (
            "fuse a=model b=p.csv --rule mean --out model",
            "--out model: expected another folder than those of the models, found the tables of a",
        ),
    ] {
        bench.refuses(call, message);
    }
    assert_eq!(bench.files("."), before);
}
