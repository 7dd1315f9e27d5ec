//! `cohort.toml` of a data set, the configuration file of a run, and settings on the command line.

use crate::bench::Bench;

#[test]
fn a_schema_that_cannot_be_used_is_named_by_every_command() {
    let keys = "`name`, `name_column`, `layout`, `item`, `unit`, `subject_column`, `target`, `splits`, `lists`, `labels`, `folder`, `transcripts`, `table`, `attribute`";
    let schema = "name = \"mine\"\ntarget = \"AgeGroup\"\n";
    let cases: [(Vec<u8>, String); 7] = [
        (
            format!("{schema}folders = \"x\"\n").into(),
            format!("row 3: expected a data set schema, found unknown field `folders`, expected one of {keys} (did you mean folder?)"),
        ),
        ("target = \"AgeGroup\"\n".into(), "row 1: expected a data set schema, found missing field `name`".into()),
        ("name = 3\n".into(), "row 1: expected a data set schema, found invalid type: integer `3`, expected a string".into()),
        (
            format!("{schema}splits = []\n").into(),
            "expected at least one split, found splits = []".into(),
        ),
        (
            format!("{schema}folder = \"../other\"\n").into(),
            "expected a path inside the data set's root, found \"../other\"".into(),
        ),
        (b"\xffname".to_vec(), "expected text in UTF-8, found a byte at 0 that is not UTF-8".into()),
        (
            format!("{schema}[[attribute]]\ncolumn = \"Gender\"\nlevels = [{{ code = \"1\" }}, {{ code = \"1\" }}]\n").into(),
            "expected in attribute Gender: a level code once, found \"1\" twice".into(),
        ),
    ];
    let bench = Bench::with_labels();
    for (bytes, message) in cases {
        bench.write("data/cohort.toml", bytes);
        for command in [
            "data check data",
            "data stats data",
            "features data",
            "train text data --out m",
            "run data --out r",
        ] {
            bench.refuses(command, &format!("data/cohort.toml: {message}"));
        }
    }
    // a schema of other columns than the tables'
    bench.write("data/cohort.toml", "name = \"mine\"\ntarget = \"Mood\"\n");
    let columns = "UserID, AgeGroup, Gender, Ethnicity";
    bench.refuses(
        "data stats data",
        &format!("data/train_set_age_labels.csv: expected a column Mood, found columns {columns}"),
    );
    bench.check_finds(
        1,
        &format!("train_set_age_labels.csv  expected a column Mood, found {columns}\n"),
    );
    // a byte order mark is none of the schema's
    bench.write(
        "data/cohort.toml",
        format!("\u{feff}{}", schema.replace('\n', "\r\n")),
    );
    assert!(bench.works("data stats data").starts_with("mine\n"));
    assert_eq!(bench.list(""), ["data"]);
}

#[test]
fn names_that_were_mistyped_are_answered_by_the_nearest() {
    let bench = Bench::with_labels();
    bench.write(
        "run.toml",
        "data = \"data\"\n[image]\nbackbone = \"resnet5\"\n",
    );
    bench.write(
        "key.toml",
        "data = \"data\"\n[audio.train]\nlerning_rate = 1\n",
    );
    bench.write(
        "p.csv",
        "VideoName,ground_truth,prediction\na.000,1,1\nb.000,2,2\nc.000,3,2\n",
    );
    let labels = "--labels data/train_set_age_labels.csv";
    for (call, near) in [
        (
            "run run.toml --out r".to_string(),
            "(did you mean resnet50?)",
        ),
        (
            "run key.toml --out r".to_string(),
            "(did you mean learning_rate?)",
        ),
        (
            "run data --backbone mobilefacent".to_string(),
            "tip: a similar value exists: 'mobilefacenet'",
        ),
        (
            "train imgae data --out m".to_string(),
            "tip: a similar value exists: 'image'",
        ),
        (
            "fuse a=a.csv --fit acuracy --out f".to_string(),
            "tip: a similar value exists: 'accuracy'",
        ),
        (
            "data words data --split trian".to_string(),
            "found trian (did you mean train?)",
        ),
        (
            "data stats data --layout class-folder".to_string(),
            "'class-folders'",
        ),
        (
            format!("audit p.csv {labels} --group Gendr"),
            "(did you mean Gender?)",
        ),
        (
            format!("audit p.csv {labels} --target AgeGruop"),
            "(did you mean AgeGroup?)",
        ),
        (
            "stats data".to_string(),
            "tip: a similar subcommand exists: 'data stats'",
        ),
        (
            "degrade nowhere --only blurr".to_string(),
            "cannot read nowhere/config.toml",
        ),
    ] {
        let refused = bench.run(&call);
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{call}");
        assert!(refused.err.contains(near), "{call}: {}", refused.err);
    }
    assert!(!bench.exists("r") && !bench.exists("m"));
}

#[test]
fn a_configuration_that_cannot_be_used_is_named_before_anything_is_made() {
    // the file, the line and what is accepted are in the message; its drawing is the TOML library's
    let cases: [(&[u8], &[&str]); 12] = [
        (
            b"data = \"data\"\nsede = 1\n",
            &["line 2, column 1", "unknown field `sede`", "`seed`"],
        ),
        (
            b"data = \"data\"\n[audio]\nwidth = 1\n",
            &["line 3, column 1", "unknown field `width`", "`hidden`"],
        ),
        (
            b"data = \"data\"\n[audio.train]\nlerning_rate = 1\n",
            &[
                "line 3, column 1",
                "unknown field `lerning_rate`",
                "`learning_rate`",
            ],
        ),
        (
            b"data = \"data\"\nseed = \"x\"\n",
            &["line 2, column 8", "invalid type: string \"x\""],
        ),
        (
            b"data = \"data\"\nmodalities = [\"smell\"]\n",
            &[
                "line 2",
                "unknown variant `smell`",
                "`image`, `audio`, `text`",
            ],
        ),
        (
            b"data = 3\n",
            &["line 1, column 8", "invalid type: integer `3`"],
        ),
        (b"data = \"data\"\n[\n", &["line 2"]),
        (b"seed = 1\n", &["expected data = \"FOLDER\", found none"]),
        (b"", &["expected data = \"FOLDER\", found none"]),
        (b"data = \"data\"\nname = \"\xff\"\n", &["UTF-8"]),
        (
            b"data = \"data\"\n[features]\nimage_size = 5\n",
            &["image_size", "16 to 512", "found 5"],
        ),
        (
            b"data = \"data\"\n[audio.train]\nlearning_rate = -1\n",
            &["learning_rate", "above 0", "found -1"],
        ),
    ];
    let bench = Bench::with_labels();
    for (bytes, parts) in cases {
        bench.write("run.toml", bytes);
        for command in ["run run.toml --out run", "train text run.toml --out model"] {
            let refused = bench.run(command);
            assert_eq!(
                (refused.code, refused.out.as_str()),
                (2, ""),
                "{}",
                refused.err
            );
            assert!(refused.err.starts_with("error: "), "{}", refused.err);
            for part in parts {
                assert!(refused.err.contains(part), "{part} not in {}", refused.err);
            }
        }
    }
    // values of what comes after the training, and shapes that no memory holds, are told first too
    for (tables, message) in [
        (
            "[audit]\nresamples = 5",
            "setting audit.resamples: expected 100 to 1000000, found 5",
        ),
        (
            "[fusion]\nresamples = 5",
            "setting fusion.resamples: expected 100 to 1000000, found 5",
        ),
        (
            "[joint]\ntoken = 100000000",
            "setting joint.token: expected 1 to 2048, found 100000000",
        ),
        (
            "[audio]\nhidden = [1000000, 1000000]",
            "setting audio.hidden: expected at most 16 layers of 1 to 16384 units, found [1000000, 1000000]",
        ),
    ] {
        bench.write("run.toml", format!("data = \"data\"\n{tables}\n"));
        bench.refuses("run run.toml --out run", message);
        bench.refuses("train text run.toml --out model", message);
    }
    bench.write("run.toml", "data = \"nowhere\"\n");
    bench.refuses(
        "run run.toml --out run",
        "cannot read nowhere: No such file or directory (os error 2)",
    );
    bench.refuses(
        "run none.toml --out run",
        "cannot read none.toml: No such file or directory (os error 2)",
    );
    bench.make_folder("folder.toml");
    bench.refuses(
        "run folder.toml --out run",
        "cannot read folder.toml: Is a directory (os error 21)",
    );
    assert_eq!(bench.list(""), ["data", "folder.toml", "run.toml"]);
}

#[test]
fn settings_out_of_their_range_are_named() {
    let bench = Bench::with_labels();
    bench.refuses(
        "run data --out run --epochs 0",
        "training settings: epochs must be at least 1 and at most 1000000, found 0",
    );
    bench.refuses(
        "data synth new --clips 3",
        "synthesise: clips is 3, expected 60 to 1000000",
    );
    for (call, message) in [
        ("run data --seed x", "invalid value 'x' for '--seed <N>'"),
        (
            "run data --modalities image,smell",
            "invalid value 'smell' for '--modalities <LIST>'\n  [possible values: image, audio, text]",
        ),
        (
            "run data --device tpu",
            "invalid value 'tpu' for '--device <DEVICE>'",
        ),
        (
            "train smell data --out m",
            "invalid value 'smell' for '<WHAT>'\n  [possible values: image, audio, text, joint, embedding, pairs]",
        ),
        (
            "features data --preset song",
            "invalid value 'song' for '--preset <PRESET>'",
        ),
        (
            "--threads 0 data stats data",
            "invalid value '0' for '--threads <N>'",
        ),
        (
            "fuse a=a.csv --fit luck --out f",
            "invalid value 'luck' for '--fit <AIM>'\n  [possible values: likelihood, accuracy, ",
        ),
        (
            "data stats",
            "the following required arguments were not provided",
        ),
        (
            "data stats data --skip-bda",
            "unexpected argument '--skip-bda' found",
        ),
        ("bogus", "unrecognized subcommand 'bogus'"),
    ] {
        let refused = bench.run(call);
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{call}");
        assert!(
            refused.err.starts_with(&format!("error: {message}")),
            "{}",
            refused.err
        );
    }
    assert_eq!(bench.list(""), ["data"]);
}
