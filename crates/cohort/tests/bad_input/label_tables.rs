//! Label tables: `data stats`, `features`, `train` and `run` stop at the first fault, `data check` lists it.

use crate::bench::Bench;

const TRAIN: &str = "data/train_set_age_labels.csv";

/// Every command that opens a data set.
const COMMANDS: [&str; 7] = [
    "data stats data --out stats",
    "data stats data --json",
    "features data --out features",
    "train image data --out model",
    "train audio data --out model",
    "train text data --out model",
    "run data --out run",
];

/// Asserts that every command refuses the data set with this message and writes nothing, and that the check finds it.
#[track_caller]
fn refused(bench: &Bench, message: &str, finding: &str) {
    let before = bench.list("");
    for command in COMMANDS {
        bench.refuses(command, message);
    }
    assert_eq!(bench.list(""), before);
    bench.check_finds(1, finding);
}

#[test]
fn rows_that_cannot_be_used_are_named() {
    let cases: [(&str, &str, &str, &str, &str); 10] = [
        (
            "a clip twice",
            "c.000,c,3,1,3\n",
            "c.000,c,3,1,3\na.000.mp4,a,1,1,1\n",
            "row 5: expected every clip once, found \"a.000.mp4\" again, first in train row 2",
            "error: duplicate-clip (1)\n  train/a.000 row 5  already in train row 2\n",
        ),
        (
            "no clip name",
            "b.000,b",
            ",b",
            "row 3: expected a clip name, found an empty field",
            "error: empty-field (1)\n  train/ row 3  expected a clip name, found an empty field\n",
        ),
        (
            "no subject",
            "b.000,b",
            "b.000,",
            "row 3: expected a subject, found an empty field",
            "error: empty-field (1)\n  train/b.000 row 3  expected a subject, found an empty field\n",
        ),
        (
            "an unknown label",
            "b,2,2,2",
            "b,9,2,2",
            "row 3: expected AgeGroup 1, 2, 3, 4, 5, 6, 7, found \"9\"",
            "error: unknown-label (1)\n  train/b.000 row 3  expected AgeGroup 1, 2, 3, 4, 5, 6, 7, found \"9\"\n",
        ),
        (
            "no label",
            "b,2,2,2",
            "b,2,,2",
            "row 3: expected Gender 1, 2, found \"\"",
            "error: unknown-label (1)\n  train/b.000 row 3  expected Gender 1, 2, found \"\"\n",
        ),
        (
            "too few fields",
            "b,2,2,2",
            "b,2,2",
            "row 3: expected 5 fields as in the header, found 4",
            "error: bad-row (1)\n  train_set_age_labels.csv row 3  expected 5 fields as in the header, found 4\n",
        ),
        (
            "too many fields",
            "b,2,2,2",
            "b,2,2,2,2",
            "row 3: expected 5 fields as in the header, found 6",
            "error: bad-row (1)\n  train_set_age_labels.csv row 3  expected 5 fields as in the header, found 6\n",
        ),
        (
            "an open quote",
            "b.000,b",
            "\"b.000,b",
            "row 3: expected 5 fields as in the header, found 1 (a quote that is never closed?)",
            "error: bad-row (1)\n  train_set_age_labels.csv row 3  expected 5 fields as in the header, found 1 (a quote that is never closed?)\n",
        ),
        (
            "an empty line before",
            "b.000,b,2",
            "\n\nb.000,b,9",
            "row 5: expected AgeGroup 1, 2, 3, 4, 5, 6, 7, found \"9\"",
            "error: unknown-label (1)\n  train/b.000 row 5  expected AgeGroup 1, 2, 3, 4, 5, 6, 7, found \"9\"\n",
        ),
        (
            "a clip of another split",
            "b.000,b,2,2,2",
            "d.000,d,1,1,1",
            // told where the second of them is
            "expected every clip once, found \"d.000\" again, first in train row 3",
            "error: clip-in-two-splits (1)\n  valid/d.000 row 2  already in train row 3\n",
        ),
    ];
    for (name, from, to, message, finding) in cases {
        let bench = Bench::with_labels();
        bench.edit(TRAIN, |text| text.replacen(from, to, 1));
        let message = match name {
            "a clip of another split" => format!("data/valid_set_age_labels.csv: row 2: {message}"),
            _ => format!("{TRAIN}: {message}"),
        };
        refused(&bench, &message, finding);
    }
}

#[test]
fn tables_that_are_none_are_named() {
    let header = "VideoName,UserID,AgeGroup,Gender,Ethnicity\n";
    let latin1 = b"VideoName,UserID,AgeGroup,Gender,Ethnicity\na.000,\xe9,1,1,1\n";
    let cases: [(&[u8], &str, &str); 7] = [
        (
            b"",
            ": expected a header row, found an empty file",
            "error: unreadable-table (1)\n  train_set_age_labels.csv  expected a header row, found an empty file\n",
        ),
        (
            header.as_bytes(),
            ": expected at least one row, found a header without rows",
            "error: unreadable-table (1)\n  train_set_age_labels.csv  expected at least one row, found a header without rows\n",
        ),
        (
            b"VideoName,UserID,AgeGroup,Gender\na.000,a,1,1\n",
            ": expected a column Ethnicity, found columns UserID, AgeGroup, Gender",
            "error: missing-column (1)\n  train_set_age_labels.csv  expected a column Ethnicity, found UserID, AgeGroup, Gender\n",
        ),
        (
            b"VideoName,UserID,AgeGroup,Gender,Gender\na.000,a,1,1,1\n",
            ": expected every column once, found column \"Gender\" twice",
            "error: unreadable-table (1)\n  train_set_age_labels.csv  expected every column once, found column \"Gender\" twice\n",
        ),
        (
            b"\xff\xfeV\0i\0d\0e\0o\0",
            ": expected a column VideoName, found columns Video",
            "error: unreadable-table (1)\n  train_set_age_labels.csv  expected a column VideoName, found columns Video\n",
        ),
        (
            latin1,
            ": row 2: expected text in UTF-8, found bytes that are not UTF-8 (0xe9 is \u{e9} in Windows-1252; save the table as UTF-8)",
            "error: bad-row (1)\n  train_set_age_labels.csv row 2  expected text in UTF-8, found bytes that are not UTF-8 (0xe9 is \u{e9} in Windows-1252; save the table as UTF-8)\n",
        ),
        (
            b"\0\0\x1b[31m\0",
            ": expected a column VideoName, found columns \\u{0}\\u{0}\\u{1b}[31m\\u{0}",
            "error: unreadable-table (1)\n  train_set_age_labels.csv  expected a column VideoName, found columns \\u{0}\\u{0}\\u{1b}[31m\\u{0}\n",
        ),
    ];
    for (bytes, message, finding) in cases {
        let bench = Bench::with_labels();
        bench.write(TRAIN, bytes);
        refused(&bench, &format!("{TRAIN}{message}"), finding);
    }
    let bench = Bench::with_labels();
    bench.remove(TRAIN);
    bench.make_folder(TRAIN);
    refused(
        &bench,
        &format!("{TRAIN}: expected a regular file, found a folder"),
        "error: unreadable-table (1)\n  train_set_age_labels.csv  expected a regular file, found a folder\n",
    );
}

#[test]
fn a_root_that_is_no_data_set_is_no_finding_but_a_wrong_call() {
    let bench = Bench::with_labels();
    bench.make_folder("empty");
    bench.make_folder("other/pictures");
    bench.write("file.csv", "x");
    let tables = "train_set_age_labels.csv, valid_set_age_labels.csv, test_set_age_labels.csv";
    let cases = [
        (
            "nowhere",
            "cannot read nowhere: No such file or directory (os error 2)".to_string(),
        ),
        (
            "file.csv",
            "file.csv: expected a column of paths (path, file, filename, ...), found columns x"
                .to_string(),
        ),
        (
            "empty",
            format!(
                "empty: expected a label table ({tables}), a table of paths (labels.csv), folders of classes (train/CLASS/ or CLASS/) or COCO annotations (annotations/*.json), found an empty folder"
            ),
        ),
        (
            "other",
            format!(
                "other: expected a label table ({tables}), a table of paths (labels.csv), folders of classes (train/CLASS/ or CLASS/) or COCO annotations (annotations/*.json), found pictures"
            ),
        ),
    ];
    for (root, message) in cases {
        bench.refuses(&format!("data check {root}"), &message);
        for command in COMMANDS {
            bench.refuses(
                &command
                    .replace("data --out", &format!("{root} --out"))
                    .replace("data --json", &format!("{root} --json")),
                &message,
            );
        }
    }
    assert_eq!(bench.list(""), ["data", "empty", "file.csv", "other"]);
}

#[test]
fn two_splits_are_enough_for_statistics_and_not_for_a_model() {
    let bench = Bench::with_labels();
    bench.remove("data/test_set_age_labels.csv");
    bench.check_finds(
        0,
        "note: missing-table (1)\n  test  expected test_set_age_labels.csv, found no such file\n",
    );
    assert!(
        bench
            .works("data stats data")
            .contains("all               5 clips")
    );
    let message =
        "data: expected label tables of three splits (train, valid, test), found 2 (train, valid)";
    bench.refuses("run data --out run", message);
    bench.refuses("train text data --out model", message);
    assert!(!bench.exists("run"));
}

#[test]
fn marks_line_ends_spaces_and_names_with_a_dash_change_nothing() {
    let plain = Bench::with_labels();
    plain.edit(TRAIN, |text| text.replace("a.000,a,", "-a.000,-a,"));
    let expected = plain.works("data stats data --json");
    assert!(plain.run("data check data").code == 0);
    let changes: [fn(&str) -> String; 4] = [
        |text| format!("\u{feff}{text}"),
        |text| text.replace('\n', "\r\n"),
        |text| format!("\u{feff}{}", text.replace('\n', "\r\n\r\n")),
        |text| text.replace(',', " , ").replace("-a.000", "\"-a.000.mp4\""),
    ];
    for change in changes {
        let bench = Bench::with_labels();
        bench.write(
            TRAIN,
            change(&String::from_utf8(plain.read(TRAIN)).unwrap()),
        );
        assert_eq!(bench.works("data stats data --json"), expected);
        assert_eq!(bench.run("data check data").code, 0);
    }
}
