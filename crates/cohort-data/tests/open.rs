//! Opening a data set for use: what is found, and what is refused with which words.

mod corpus;

use cohort_data::{Dataset, MediaSource, Schema, statistics};
use corpus::{CLIPS, Corpus, HEADER, table};

fn error(corpus: &Corpus) -> String {
    corpus.plain(&Dataset::open(corpus.root(), None).unwrap_err())
}

#[test]
fn clips_come_with_subject_levels_and_media() {
    let corpus = Corpus::whole();
    let dataset = Dataset::open(corpus.root(), None).unwrap();
    assert_eq!(dataset.len(), 8);
    let names: Vec<&str> = dataset
        .splits
        .iter()
        .map(|split| split.name.as_str())
        .collect();
    assert_eq!(names, ["train", "valid", "test"]);
    let clip = &dataset.split("train").unwrap().clips[0];
    assert_eq!(clip.id, "-aaaaaaaaaa.000");
    assert_eq!(clip.name, "-aaaaaaaaaa.000.mp4");
    assert_eq!(clip.subject, "-aaaaaaaaaa");
    assert_eq!(clip.levels, [3, 0, 1]);
    assert_eq!(
        clip.picture(),
        Some(&*corpus.path("train/4/-aaaaaaaaaa.000.jpg"))
    );
    assert_eq!(
        clip.sound(),
        Some(&*corpus.path("train/4/-aaaaaaaaaa.000.wav"))
    );
    assert_eq!(clip.read_transcript().unwrap(), "So this is what I said.");
    assert_eq!(
        dataset.splits[0].labels.column("Gender").unwrap(),
        ["1", "1", "2", "2"]
    );
}

#[test]
fn label_tables_alone_and_single_splits_are_data_sets() {
    let corpus = Corpus::labels_only();
    corpus.remove(&table("train"));
    corpus.remove(&table("valid"));
    let dataset = Dataset::open(corpus.root(), None).unwrap();
    assert_eq!(dataset.splits.len(), 1);
    assert!(
        dataset.splits[0]
            .clips
            .iter()
            .all(|clip| clip.picture().is_none())
    );
    let missing = dataset.splits[0].clips[0]
        .read_transcript()
        .unwrap_err()
        .to_string();
    assert!(
        missing.starts_with("clip fffffffffff.002: expected a transcript"),
        "{missing}"
    );
    assert_eq!(statistics(&dataset).pooled.clips, 2);
}

#[test]
fn a_transcript_file_comes_before_the_table() {
    let corpus = Corpus::whole();
    corpus.write(
        "transcripts.csv",
        "VideoName,Transcript\nddddddddddd.000.mp4,from the table\n",
    );
    let read = || {
        let dataset = Dataset::open(corpus.root(), None).unwrap();
        dataset.split("valid").unwrap().clips[0]
            .read_transcript()
            .unwrap()
    };
    assert_eq!(read(), "So this is what I said.");
    corpus.remove("valid/4/ddddddddddd.000.pkl");
    assert_eq!(read(), "from the table");
    corpus.write(
        "valid/4/ddddddddddd.000.txt",
        "\u{feff}from the text file\r\n",
    );
    assert_eq!(read(), "from the text file");
}

#[test]
fn line_ends_and_byte_order_mark_change_nothing() {
    let corpus = Corpus::whole();
    let plain = Dataset::open(corpus.root(), None).unwrap();
    for (split, _) in CLIPS {
        let text = std::fs::read_to_string(corpus.path(&table(split))).unwrap();
        corpus.write(
            &table(split),
            format!("\u{feff}{}", text.replace('\n', "\r\n")),
        );
    }
    let other = Dataset::open(corpus.root(), None).unwrap();
    for (a, b) in plain.splits.iter().zip(&other.splits) {
        assert_eq!(a.clips, b.clips);
        assert_eq!(a.labels, b.labels);
    }
}

#[test]
fn unusable_data_is_refused_with_file_row_expected_and_found() {
    type Break = fn(&Corpus);
    let long = "x".repeat(5000);
    let cases: [(&str, Break, String); 13] = [
        ("unknown label", |c| c.replace(&table("valid"), "eee,1,1,2", "eee,9,1,2"),
         "ROOT/valid_set_age_labels.csv: row 3: expected AgeGroup 1, 2, 3, 4, 5, 6, 7, found \"9\"".into()),
        ("duplicate clip", |c| c.append(&table("train"), "ccccccccccc.000,ccccccccccc,7,2,3"),
         "ROOT/train_set_age_labels.csv: row 6: expected every clip once, found \"ccccccccccc.000\" again, first in train row 5".into()),
        ("clip in two splits", |c| c.append(&table("test"), "ccccccccccc.000.mp4,ccccccccccc,7,2,3"),
         "ROOT/test_set_age_labels.csv: row 4: expected every clip once, found \"ccccccccccc.000.mp4\" again, first in train row 5".into()),
        ("missing column", |c| c.replace(&table("test"), "Gender", "Sex"),
         "ROOT/test_set_age_labels.csv: expected a column Gender, found columns UserID, AgeGroup, Sex, Ethnicity".into()),
        ("no name column", |c| c.replace(&table("test"), "VideoName", "File"),
         "ROOT/test_set_age_labels.csv: expected a column VideoName, found columns File, UserID, AgeGroup, Gender, Ethnicity".into()),
        ("ragged row", |c| c.append(&table("train"), "hhhhhhhhhhh.000.mp4,hhhhhhhhhhh,4"),
         "ROOT/train_set_age_labels.csv: row 6: expected 5 fields as in the header, found 3".into()),
        ("empty table", |c| c.write(&table("train"), format!("{HEADER}\n")),
         "ROOT/train_set_age_labels.csv: expected at least one row, found a header without rows".into()),
        ("empty file", |c| c.write(&table("train"), ""),
         "ROOT/train_set_age_labels.csv: expected a header row, found an empty file".into()),
        ("not UTF-8", |c| c.write(&table("train"), [HEADER.as_bytes(), b"\n\xff.mp4,a,1,1,1\n"].concat()),
         "ROOT/train_set_age_labels.csv: row 2: expected text in UTF-8, found bytes that are not UTF-8 (0xff is \u{ff} in Windows-1252; save the table as UTF-8)".into()),
        ("UTF-16", |c| c.write(&table("train"), b"\xff\xfeV\0i\0"),
         "ROOT/train_set_age_labels.csv: expected a column VideoName, found columns Vi".into()),
        ("empty subject", |c| c.append(&table("train"), "hhhhhhhhhhh.000.mp4,,4,1,1"),
         "ROOT/train_set_age_labels.csv: row 6: expected a subject, found an empty field".into()),
        ("quote that is never closed", |c| c.append(&table("train"), &format!("\"{},4,1,1", "x".repeat(5000))),
         format!("ROOT/train_set_age_labels.csv: row 6: expected fields of at most 4096 bytes, found {} bytes (a quote that is never closed?)", long.len() + ",4,1,1".len())),
        ("transcript twice", |c| c.write("transcripts.csv", "VideoName,Transcript\na.mp4,x\na,y\n"),
         "ROOT/transcripts.csv: row 3: expected every clip once, found \"a\" again".into()),
    ];
    for (name, break_it, expected) in cases {
        let corpus = Corpus::labels_only();
        break_it(&corpus);
        assert_eq!(error(&corpus), expected, "{name}");
    }
}

#[test]
fn a_folder_that_is_no_data_set_says_what_was_looked_for_and_found() {
    let corpus = Corpus::labels_only();
    for (split, _) in CLIPS {
        corpus.remove(&table(split));
    }
    let looked = "ROOT: expected a label table (train_set_age_labels.csv, valid_set_age_labels.csv, test_set_age_labels.csv), a table of paths (labels.csv), folders of classes (train/CLASS/ or CLASS/) or COCO annotations (annotations/*.json), found";
    assert_eq!(error(&corpus), format!("{looked} an empty folder"));
    corpus.write("labels.csv", "x");
    assert_eq!(error(&corpus), format!("{looked} labels.csv"));
    let absent = Dataset::open(&corpus.path("absent"), None).unwrap_err();
    assert!(
        corpus
            .plain(&absent)
            .starts_with("cannot read ROOT/absent: No such file"),
        "{absent}"
    );
    let file = Dataset::open(&corpus.path("labels.csv"), None).unwrap_err();
    assert!(
        corpus
            .plain(&file)
            .starts_with("ROOT/labels.csv: expected a column of paths (path, file, filename, ...), found columns x"),
        "{file}"
    );
}

#[cfg(unix)]
#[test]
fn tables_that_are_folders_loops_or_pipes_are_refused_not_waited_for() {
    use std::os::unix::fs::symlink;
    let name = table("valid");
    let corpus = Corpus::labels_only();
    corpus.remove(&name);
    std::fs::create_dir(corpus.path(&name)).unwrap();
    let expected = format!("ROOT/{name}: expected a regular file, found a folder");
    assert_eq!(error(&corpus), expected);
    std::fs::remove_dir(corpus.path(&name)).unwrap();
    symlink(corpus.path(&name), corpus.path(&name)).unwrap();
    assert!(
        error(&corpus).starts_with(&format!("cannot read ROOT/{name}: ")),
        "{}",
        error(&corpus)
    );
    corpus.remove(&name);
    symlink(corpus.path("gone.csv"), corpus.path(&name)).unwrap();
    assert!(error(&corpus).starts_with(&format!("cannot read ROOT/{name}: No such file")));
    // A media folder that links to its own parent is listed once, like any other.
    corpus.remove(&name);
    std::fs::create_dir(corpus.path("train")).unwrap();
    symlink(corpus.path("train"), corpus.path("train/4")).unwrap();
    assert_eq!(Dataset::open(corpus.root(), None).unwrap().len(), 6);
}

#[test]
fn another_layout_is_a_matter_of_its_schema() {
    let corpus = Corpus::labels_only();
    for (split, _) in CLIPS {
        corpus.remove(&table(split));
    }
    let schema = "name = 'Pets'\nname_column = 'file'\nsubject_column = 'owner'\ntarget = 'kind'\n\
        splits = ['fit', 'held-out']\nlabels = 'labels-{split}.csv'\nfolder = 'media'\n\
        [[attribute]]\ncolumn = 'kind'\nlevels = [{code='d', name='dog'}, {code='c', name='cat'}]\n\
        [[attribute]]\ncolumn = 'weeks'\nordered = true\n";
    corpus.write("cohort.toml", schema);
    corpus.write(
        "labels-fit.csv",
        "owner,file,kind,weeks,note\no1,x.jpg,d,10,\no2,y,c,9,hm\n",
    );
    corpus.write("labels-held-out.csv", "file,owner,kind,weeks\nz,o3,c,100\n");
    corpus.write("media/x.png", "");
    corpus.write("media/z.txt", "purr");
    let dataset = Dataset::open(corpus.root(), None).unwrap();
    assert_eq!(
        dataset.schema.attribute("weeks").unwrap().codes(),
        ["9", "10", "100"]
    );
    let fit = &dataset.split("fit").unwrap().clips;
    assert_eq!(
        (fit[0].id.as_str(), &*fit[0].levels),
        ("x", [0, 1].as_slice())
    );
    assert_eq!(fit[0].picture(), Some(&*corpus.path("media/x.png")));
    let held = &dataset.splits[1].clips[0];
    assert_eq!(
        held.words(),
        Some(&MediaSource::File(corpus.path("media/z.txt")))
    );
    assert_eq!(dataset.splits[0].labels.column("note").unwrap(), ["", "hm"]);
    // A schema that is given comes before the file.
    assert!(Dataset::open(corpus.root(), Some(Schema::first_impressions())).is_err());
}

#[test]
fn every_clip_may_be_a_subject_of_its_own() {
    let corpus = Corpus::labels_only();
    for (split, _) in CLIPS {
        corpus.remove(&table(split));
    }
    corpus.write(
        "cohort.toml",
        "name='Faces'\nname_column='file'\nsubject_column='file'\ntarget='age'\nsplits=['all']\nlabels='{split}.csv'\n",
    );
    corpus.write("all.csv", "file,age\nx.jpg,1\ny.jpg,2\nz.jpg,2\n");
    let dataset = Dataset::open(corpus.root(), None).unwrap();
    let clips = &dataset.splits[0].clips;
    let pairs: Vec<_> = clips
        .iter()
        .map(|clip| (&clip.name, &clip.subject))
        .collect();
    assert!(pairs.iter().all(|(name, subject)| name == subject));
    let counted = serde_json::to_value(statistics(&dataset)).unwrap();
    assert_eq!(counted["pooled"]["subjects"], 3, "{counted}");
}

#[test]
fn a_code_that_leads_out_of_the_root_is_refused_by_table_and_row() {
    for code in ["../../outside", "/tmp", "a/../../..", "..", "a\\b"] {
        let corpus = Corpus::labels_only();
        corpus.write(
            "cohort.toml",
            "name = \"mine\"\ntarget = \"AgeGroup\"\nfolder = \"{split}/{target}\"\n",
        );
        let path = corpus.path(&table("train"));
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines: Vec<String> = text.lines().map(String::from).collect();
        let mut fields: Vec<&str> = lines[1].split(',').collect();
        fields[2] = code;
        lines[1] = fields.join(",");
        corpus.write(&table("train"), lines.join("\n"));
        // media lie there, and are not to be taken
        std::fs::create_dir_all(corpus.path("train/x")).unwrap();
        let told = error(&corpus);
        let expected = format!(
            "{}: row 2: expected in AgeGroup a code that names a folder inside the data set's root, found {code:?}",
            table("train")
        );
        assert!(told.ends_with(&expected), "{told}");
        let report = cohort_data::check(
            corpus.root(),
            None,
            &cohort_data::CheckSettings::default(),
            &|_, _| {},
        );
        let told = report.unwrap().to_text();
        assert!(told.contains("a code that names a folder inside"), "{told}");
    }
}

#[test]
fn codes_are_read_by_one_rule_and_mean_nothing_where_nobody_said_so() {
    let corpus = Corpus::labels_only();
    // pandas writes whole numbers so as soon as one is missing
    corpus.replace(
        &table("valid"),
        "ddddddddddd,4,2,2",
        "ddddddddddd,4.0, 2.0 ,2\u{a0}",
    );
    let dataset = Dataset::open(corpus.root(), None).unwrap();
    assert_eq!(dataset.schema.name, "First Impressions v3");
    assert_eq!(dataset.split("valid").unwrap().clips[0].levels, [3, 1, 1]);

    // the same columns and files with ids of somebody else's
    for (split, rows) in CLIPS {
        let lines: Vec<String> = rows
            .iter()
            .enumerate()
            .map(|(i, row)| format!("{split}{i}.mp4,{split}{i},{},{},{}", row[2], row[3], row[4]))
            .collect();
        corpus.write(
            &table(split),
            format!("{}\n{}\n", corpus::HEADER, lines.join("\n")),
        );
    }
    let dataset = Dataset::open(corpus.root(), None).unwrap();
    let age = dataset.schema.target_attribute().unwrap();
    assert_eq!((age.codes(), age.names()), (age.names(), age.codes()));
    assert!(age.ordered && age.levels.iter().all(|level| level.midpoint.is_none()));
    assert_eq!(dataset.schema.name, "no schema (codes as they are)");
    let stated = Dataset::open(corpus.root(), Some(Schema::first_impressions())).unwrap();
    assert_eq!(stated.schema.target_attribute().unwrap().names()[6], "61+");
    // names without an order are not ordered, and a schema that says so without listing them is asked
    corpus.replace(&table("train"), ",3,", ",young,");
    let dataset = Dataset::open(corpus.root(), None).unwrap();
    assert!(!dataset.schema.target_attribute().unwrap().ordered);
    corpus.write(
        "cohort.toml",
        "name='x'\ntarget='AgeGroup'\n[[attribute]]\ncolumn='AgeGroup'\nordered=true\n",
    );
    let error = corpus.plain(&Dataset::open(corpus.root(), None).unwrap_err());
    assert!(
        error.starts_with("ROOT/train_set_age_labels.csv: expected levels of AgeGroup that are numbers or ranges, or the order"),
        "{error}"
    );
}

#[test]
fn a_configuration_is_no_data_set() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.toml");
    std::fs::write(&path, "data = \"corpus\"\n").unwrap();
    let error = Dataset::open(&path, None).unwrap_err().to_string();
    assert!(error.contains("run.toml: expected a folder"), "{error}");
    assert!(error.contains("names its data set as data"), "{error}");
}
