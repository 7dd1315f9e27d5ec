//! Prediction tables, and the label tables beside them: `fuse`, `ablate`, `audit`.

use crate::bench::{Bench, predictions};

const TEST: &str = "image.csv";

const FUSE: &str = "fuse image=image.csv text=text.csv --rule mean --out fused";
const ABLATE: &str =
    "ablate image=image.csv text=text.csv --rule mean --resamples 100 --out ablation";
const AUDIT: &str =
    "audit image.csv --labels labels.csv --resamples 100 --permutations 100 --out audit";

/// Eight clips of eight subjects, two models, a label table.
fn bench() -> Bench {
    let bench = Bench::new();
    let rows = |shift: usize| -> Vec<(String, usize, usize)> {
        (0..8)
            .map(|i| (format!("s{i}.000.mp4"), 1 + i % 3, 1 + (i + shift) % 3))
            .collect()
    };
    for (name, shift) in [(TEST, 0), ("text.csv", 1)] {
        let rows = rows(shift);
        let rows: Vec<(&str, usize, usize)> = rows
            .iter()
            .map(|(clip, truth, predicted)| (clip.as_str(), *truth, *predicted))
            .collect();
        bench.write(name, predictions(&rows));
    }
    let mut labels = "VideoName,UserID,AgeGroup,Gender,Ethnicity\n".to_string();
    for (clip, truth, _) in rows(0) {
        let subject = clip.split('.').next().unwrap().to_string();
        labels += &format!("{clip},{subject},{truth},{},{}\n", 1 + truth % 2, truth);
    }
    bench.write("labels.csv", labels);
    bench
}

#[test]
fn the_tables_work_before_they_are_broken() {
    let bench = bench();
    bench.works(FUSE);
    bench.works(ABLATE);
    let audit = bench.run(AUDIT);
    assert!(audit.code == 0 || audit.code == 1, "{}", audit.err);
    // a byte order mark and CRLF change nothing
    let (fused, ablation) = (bench.files("fused"), bench.files("ablation"));
    for name in [TEST, "text.csv", "labels.csv"] {
        bench.edit(name, |text| {
            format!("\u{feff}{}", text.replace('\n', "\r\n"))
        });
    }
    bench.works(FUSE);
    bench.works(ABLATE);
    assert!(fused == bench.files("fused") && ablation == bench.files("ablation"));
    assert_eq!(bench.run(AUDIT), audit);
}

#[test]
fn predictions_that_cannot_be_used_are_named_by_all_three() {
    let cases: [(&str, &str, &str); 14] = [
        (
            "s2.000.mp4,3,3,0.1",
            "s2.000.mp4,3,3,NaN",
            "row 4: expected a probability in [0, 1], found NaN",
        ),
        (
            "s2.000.mp4,3,3,0.1",
            "s2.000.mp4,3,3,inf",
            "row 4: expected a probability in [0, 1], found inf",
        ),
        (
            "s2.000.mp4,3,3,0.1",
            "s2.000.mp4,3,3,-0.5",
            "row 4: expected a probability in [0, 1], found -0.5",
        ),
        (
            "s2.000.mp4,3,3,0.1",
            "s2.000.mp4,3,3,high",
            "row 4: expected a probability in [0, 1], found high",
        ),
        (
            "s2.000.mp4,3,3,0.1",
            "s2.000.mp4,3,3,",
            "row 4: expected a probability in [0, 1], found an empty field",
        ),
        (
            "s2.000.mp4,3,3,0.1,",
            "s2.000.mp4,3,3,",
            "row 4: expected 10 fields as in the header, found 9",
        ),
        (
            "s2.000.mp4,3,3,",
            "s2.000.mp4,3,3,0,",
            "row 4: expected 10 fields as in the header, found 11",
        ),
        (
            "s2.000.mp4,",
            ",",
            "row 4: expected a clip name, found an empty field",
        ),
        (
            "s2.000.mp4,",
            "\"s2.000.mp4,",
            "row 4: expected 10 fields as in the header, found 1 (a quote that is never closed?)",
        ),
        (
            "s2.000.mp4,3,",
            "s2.000.mp4,,",
            "row 4: expected a ground truth in every row or in none, found an empty field",
        ),
        (
            "s2.000.mp4,3,",
            "\n\ns2.000.mp4,,",
            "row 6: expected a ground truth in every row or in none, found an empty field",
        ),
        (
            "VideoName",
            "Name",
            "expected a column VideoName (or clip, or id), found columns Name, ground_truth, prediction, p1, p2, p3, p4, p5, p6, p7; if that is what they hold: --column VideoName=Name",
        ),
        (
            ",p3",
            ",q3",
            "expected probability columns p1..pK without a gap, found columns VideoName, ground_truth, prediction, p1, p2, q3, p4, p5, p6, p7",
        ),
        (
            ",p2",
            ",p1",
            "expected every column once, found column \"p1\" twice",
        ),
    ];
    let bench = bench();
    let good = bench.read(TEST);
    for (from, to, message) in cases {
        bench.edit(TEST, |text| text.replacen(from, to, 1));
        for command in [FUSE, ABLATE, AUDIT] {
            bench.refuses(command, &format!("image.csv: {message}"));
        }
        bench.write(TEST, &good);
    }
    // a class that there is not: with a schema its list is known, without it the number of probabilities is
    for (to, found, bare) in [
        ("s2.000.mp4,9,", "\"9\"", "9"),
        ("s2.000.mp4,x,", "\"x\"", "\"x\""),
    ] {
        bench.edit(TEST, |text| text.replacen("s2.000.mp4,3,", to, 1));
        let range = "expected a class code within 1..7, one a probability";
        bench.refuses(FUSE, &format!("image.csv: row 4: {range}, found {bare}"));
        bench.refuses(ABLATE, &format!("image.csv: row 4: {range}, found {bare}"));
        bench.refuses(AUDIT, &format!("image.csv: row 4: {range}, found {bare}"));
        let list = "expected one of the classes 1, 2, 3, 4, 5, 6, 7";
        for command in [FUSE, ABLATE, AUDIT] {
            let command = format!("{command} --schema first-impressions");
            bench.refuses(
                &command,
                &format!("image.csv: row 4: {list}, found {found}"),
            );
        }
        bench.write(TEST, &good);
    }
    assert_eq!(bench.list(""), ["image.csv", "labels.csv", "text.csv"]);
}

#[test]
fn files_that_are_no_predictions_are_named() {
    let cases: [(Option<&[u8]>, &str); 7] = [
        (
            None,
            "cannot read image.csv: No such file or directory (os error 2)",
        ),
        (
            Some(b""),
            "image.csv: expected a header row, found an empty file",
        ),
        (
            Some(b"VideoName,ground_truth,prediction\n"),
            "image.csv: expected at least one row, found a header without rows",
        ),
        (
            Some(b"VideoName,ground_truth\ns0.000,1\n"),
            "image.csv: expected a column prediction, or probabilities, found columns VideoName, ground_truth",
        ),
        (
            Some(b"VideoName,prediction,p1\n\xe9,1,1\n"),
            "image.csv: row 2: expected text in UTF-8, found bytes that are not UTF-8 (0xe9 is \u{e9} in Windows-1252; save the table as UTF-8)",
        ),
        (
            Some(b"\xff\xfeV\0i\0"),
            "image.csv: expected a column VideoName (or clip, or id), found columns Vi",
        ),
        (
            Some(b"VideoName,probabilities\na,[0.5;0.5]\n"),
            "image.csv: row 2: expected a probability in [0, 1], found 0.5;0.5",
        ),
    ];
    let bench = bench();
    for (bytes, message) in cases {
        match bytes {
            Some(bytes) => bench.write(TEST, bytes),
            None => bench.remove(TEST),
        }
        for command in [FUSE, ABLATE, AUDIT] {
            bench.refuses(command, message);
        }
    }
    bench.remove(TEST);
    bench.make_folder(TEST);
    for command in [FUSE, ABLATE, AUDIT] {
        bench.refuses(
            command,
            "cannot read image.csv: Is a directory (os error 21)",
        );
    }
    bench.write("image.parquet", "PAR1 not really");
    let parquet = bench.run("fuse image=image.parquet --rule mean --out fused");
    assert_eq!(parquet.code, 2);
    assert!(
        parquet.err.starts_with(
            "error: image.parquet: expected a whole Parquet file, found one that is cut off"
        ),
        "{}",
        parquet.err
    );
    assert!(!bench.exists("fused"));
}

#[test]
fn clips_that_do_not_fit_together_are_named() {
    let bench = bench();
    let good = bench.read(TEST);
    bench.edit(TEST, |text| {
        text.clone() + text.lines().nth(1).unwrap() + "\n"
    });
    for command in [FUSE, ABLATE] {
        let refused = bench.run(command);
        assert_eq!((refused.code, refused.out.as_str()), (2, ""));
        assert!(
            refused
                .err
                .contains("every clip once in the table of image"),
            "{}",
            refused.err
        );
        assert!(
            refused.err.ends_with("found 1: s0.000\n"),
            "{}",
            refused.err
        );
    }
    let refused = bench.run(AUDIT);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert!(
        refused.err.contains("expected every clip once") && refused.err.contains("s0.000"),
        "{}",
        refused.err
    );

    bench.write(TEST, &good);
    bench.edit(TEST, |text| {
        text.replacen("s2.000.mp4,3,", "s2.000.mp4,1,", 1)
    });
    for command in [FUSE, ABLATE] {
        let refused = bench.run(command);
        assert_eq!((refused.code, refused.out.as_str()), (2, ""));
        assert!(
            refused
                .err
                .contains("the same ground truth in all modalities"),
            "{}",
            refused.err
        );
        assert!(
            refused.err.ends_with("found 1: s2.000\n"),
            "{}",
            refused.err
        );
    }
    let refused = bench.run(AUDIT);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert!(
        refused.err.contains("s2.000") && refused.err.contains("expected ground truth 3"),
        "{}",
        refused.err
    );

    bench.write(TEST, &good);
    bench.edit(TEST, |text| {
        text.lines()
            .map(|line| line.split(',').take(3).collect::<Vec<_>>().join(",") + "\n")
            .collect()
    });
    let message = "image.csv: expected probabilities of every class (p1..pK or a probabilities list), found decisions only";
    bench.refuses(FUSE, message);
    bench.refuses(ABLATE, message);
    assert_ne!(
        bench.run(AUDIT).code,
        2,
        "decisions are enough for an audit"
    );

    // a clip that only one model knows is no error
    bench.write(TEST, &good);
    bench.edit(TEST, |text| text.replace("s2.000", "-s9.000"));
    bench.works(FUSE);
    let fused = String::from_utf8(bench.read("fused/predictions.csv")).unwrap();
    assert!(fused.contains("\n-s9.000.mp4,") && fused.contains("\ns2.000.mp4,"));
    let refused = bench.run(AUDIT);
    assert_eq!(refused.code, 2);
    assert!(
        refused
            .err
            .contains("expected every clip in the label table")
            && refused.err.contains("-s9.000"),
        "{}",
        refused.err
    );
}

#[test]
fn labels_that_cannot_be_used_are_named() {
    let header = "VideoName, UserID, AgeGroup, Gender, Ethnicity";
    let cases: [(&str, &str, String); 5] = [
        (
            "s2.000.mp4,s2,3,2,3",
            "s2.000.mp4,s2,3,2",
            "row 4: expected 5 fields as in the header, found 4".into(),
        ),
        (
            "s2.000.mp4,",
            ",",
            "row 4: expected a clip name, found an empty field".into(),
        ),
        (
            "s2.000.mp4,",
            "\n,",
            "row 5: expected a clip name, found an empty field".into(),
        ),
        (
            "VideoName",
            "Video",
            format!(
                "expected a column VideoName (or clip, or id), found columns {}; if that is what they hold: --column VideoName=Video",
                header.replace("VideoName", "Video")
            ),
        ),
        (
            ",Gender",
            ",UserID",
            "expected every column once, found column \"UserID\" twice".into(),
        ),
    ];
    let fuse = format!("{FUSE} --labels labels.csv");
    let bench = bench();
    let good = bench.read("labels.csv");
    for (from, to, message) in cases {
        bench.edit("labels.csv", |text| text.replacen(from, to, 1));
        bench.refuses(AUDIT, &format!("labels.csv: {message}"));
        bench.refuses(&fuse, &format!("labels.csv: {message}"));
        bench.write("labels.csv", &good);
    }
    for (bytes, message) in [
        (&b""[..], "expected a header row, found an empty file"),
        (
            b"VideoName,UserID\n",
            "expected at least one row, found a header without rows",
        ),
        (
            b"VideoName,UserID\n\xff,a\n",
            "row 2: expected text in UTF-8, found bytes that are not UTF-8 (0xff is \u{ff} in Windows-1252; save the table as UTF-8)",
        ),
    ] {
        bench.write("labels.csv", bytes);
        bench.refuses(AUDIT, &format!("labels.csv: {message}"));
        bench.refuses(&fuse, &format!("labels.csv: {message}"));
    }
    bench.remove("labels.csv");
    let message = "cannot read labels.csv: No such file or directory (os error 2)";
    bench.refuses(AUDIT, message);
    bench.refuses(&fuse, message);
    // labels of some clips only
    bench.write(
        "labels.csv",
        good.split_inclusive(|&byte| byte == b'\n')
            .take(3)
            .flatten()
            .copied()
            .collect::<Vec<u8>>(),
    );
    for command in [AUDIT, &fuse] {
        let refused = bench.run(command);
        assert_eq!((refused.code, refused.out.as_str()), (2, ""));
        assert!(
            refused
                .err
                .contains("expected every clip in the label table")
                && refused.err.contains("s2.000"),
            "{}",
            refused.err
        );
    }
    assert_eq!(bench.list(""), ["image.csv", "labels.csv", "text.csv"]);
}

#[test]
fn columns_and_settings_that_there_are_not_are_named() {
    let bench = bench();
    let columns = "UserID, AgeGroup, Gender, Ethnicity";
    let audit = bench.run(&format!("{AUDIT} --group Shoe"));
    assert_eq!((audit.code, audit.out.as_str()), (2, ""));
    assert!(
        audit.err.ends_with(&format!(
            "labels.csv: labels: expected a column Shoe, found columns {columns}; --group takes the name of a column\n"
        )),
        "{}",
        audit.err
    );
    let subject = bench.run(&format!("{AUDIT} --subject Shoe"));
    assert_eq!((subject.code, subject.out.as_str()), (2, ""));
    assert!(
        subject.err.ends_with(&format!(
            "expected a column Shoe, found columns {columns}; --subject names another column; \
             --subject VideoName takes every clip for a subject of its own\n"
        )),
        "{}",
        subject.err
    );
    // every clip as a subject of its own: as many subjects as clips
    let each = bench.run("audit image.csv --labels labels.csv --subject VideoName --json --resamples 100 --permutations 100");
    assert!(each.code < 2, "{}", each.err);
    let document: serde_json::Value = serde_json::from_str(&each.out).unwrap();
    assert_eq!(document["subjects"], document["clips"]);
    bench.refuses(
        &format!("{ABLATE} --labels labels.csv --group Shoe"),
        &format!("setting groups: expected {columns}, found Shoe"),
    );
    bench.refuses(
        &format!("{FUSE} --labels labels.csv --by Shoe"),
        &format!("setting subject column: expected one of {columns}, found Shoe"),
    );
    let fuse = "fuse image=image.csv text=text.csv --out fused";
    bench.refuses(fuse, "modality (all), valid predictions: expected validation predictions to fit or calibrate on, found none");
    bench.refuses(
        &format!("{fuse} --rule weighted --weights 1"),
        "setting weights: expected one a modality, 2, found 1",
    );
    bench.refuses(
        &format!("{fuse} --rule weighted"),
        "--weights: expected with the rule weighted and with no other",
    );
    bench.refuses(
        &format!("{fuse} --rule mean --weights 1,2"),
        "--weights: expected with the rule weighted and with no other",
    );
    bench.refuses(
        "fuse image=nowhere --out fused",
        "cannot read nowhere/predictions.csv: No such file or directory (os error 2)",
    );
    bench.refuses(
        "ablate image=image.csv image=text.csv --rule mean",
        "modalities: expected every name once, found image twice",
    );
    let usage = bench.run("fuse image --out fused");
    assert_eq!(usage.code, 2);
    assert!(usage.err.starts_with("error: invalid value 'image' for '<NAME=TABLES>...': expected NAME=DIR, NAME=VALID.csv,TEST.csv or NAME=TEST.csv\n"), "{}", usage.err);
    assert_eq!(bench.list(""), ["image.csv", "labels.csv", "text.csv"]);
}
