//! What is proposed for folders of every kind: it is read back, and the data set opens with it.

mod corpus;

use std::fs;
use std::path::Path;

use cohort_data::{Dataset, Layout, OpenOptions, Proposal, Schema, propose, statistics};
use corpus::{picture, sound};

struct Root(tempfile::TempDir);

impl Root {
    fn with(files: &[(&str, &str)]) -> Self {
        let root = Self(tempfile::tempdir().unwrap());
        for (seed, (name, text)) in (1..).zip(files) {
            let path = root.0.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if name.ends_with(".jpg") {
                picture(seed).save(path).unwrap();
            } else if name.ends_with(".wav") {
                sound(seed, &path);
            } else {
                fs::write(path, text).unwrap();
            }
        }
        root
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn propose(&self, target: Option<&str>) -> Result<Proposal, String> {
        let shown = format!("{}", self.path().display());
        propose(self.path(), target).map_err(|error| error.to_string().replace(&shown, "ROOT"))
    }

    /// Writes the proposal; the data set as anybody would open it then, with statistics made of it.
    #[track_caller]
    fn accept(&self) -> (Schema, Dataset) {
        let proposal = self.propose(None).unwrap();
        let file = self.path().join("cohort.toml");
        fs::write(&file, &proposal.text).unwrap();
        let schema = Schema::from_toml(&file).unwrap();
        let dataset = Dataset::open_with(self.path(), &OpenOptions::default()).unwrap();
        assert!(!statistics(&dataset).to_text().is_empty());
        assert_eq!(proposal.dataset.len(), dataset.len());
        // a second look gives the same, whatever the first wrote
        assert_eq!(self.propose(None).unwrap().text, proposal.text);
        (schema, dataset)
    }
}

fn levels(schema: &Schema, column: &str) -> Vec<String> {
    schema.attribute(column).unwrap().codes()
}

#[test]
fn class_folders() {
    let files = ["sea", "street"]
        .map(|class| std::array::from_fn::<String, 20, _>(|i| format!("{class}/{i}.jpg")));
    let files: Vec<(&str, &str)> = files
        .iter()
        .flatten()
        .map(|name| (name.as_str(), ""))
        .collect();
    let root = Root::with(&files);
    let (schema, dataset) = root.accept();
    assert_eq!(schema.layout, Some(Layout::ClassFolders));
    assert_eq!(
        (schema.target.as_str(), schema.item.as_str()),
        ("class", "picture")
    );
    assert_eq!(levels(&schema, "class"), ["sea", "street"]);
    assert_eq!(dataset.len(), 40);
}

#[test]
fn a_table_of_paths_is_described_by_its_columns() {
    let mut table = "file,emotion,speaker_id,accent,note,age\n".to_string();
    let mut files = Vec::new();
    for i in 0..48 {
        let name = format!("sounds/{i}.wav");
        let emotion = ["glad", "sad"][i % 2];
        let age = ["20-29", "30-39", "60+"][i % 3];
        table += &format!(
            "{name},{emotion},s{},{},n{i},{age}\n",
            i / 2,
            ["north", "south"][i / 2 % 2]
        );
        files.push(name);
    }
    let mut all: Vec<(&str, &str)> = files.iter().map(|name| (name.as_str(), "")).collect();
    all.push(("labels.csv", &table));
    let root = Root::with(&all);
    let (schema, dataset) = root.accept();
    assert_eq!(schema.layout, Some(Layout::Table));
    let roles = (
        &*schema.name_column,
        &*schema.subject_column,
        &*schema.target,
        &*schema.unit,
    );
    assert_eq!(roles, ("file", "speaker_id", "emotion", "speaker"));
    assert_eq!(levels(&schema, "accent"), ["north", "south"]);
    // ranges have an order, and what is different in every row is no attribute
    assert!(
        schema.attribute("age").unwrap().ordered && !schema.attribute("emotion").unwrap().ordered
    );
    assert_eq!(schema.attribute("note"), None);
    assert_eq!(dataset.len(), 48);
    let other = root.propose(Some("accent")).unwrap();
    assert_eq!(other.dataset.schema.target, "accent");
    let error = root.propose(Some("acent")).unwrap_err();
    assert!(
        error.contains("expected a column acent") && error.ends_with("(did you mean accent?)"),
        "{error}"
    );
}

#[test]
fn first_impressions_keeps_its_meanings_and_others_do_not_get_them() {
    let rows = |id: &str| {
        format!(
            "VideoName,UserID,AgeGroup,Gender,Ethnicity\n{id}.000.mp4,{id},4,2,2\n{id}.001.mp4,{id},4,2,2\n"
        )
    };
    let tables = |ids: [&str; 3]| ids.map(rows);
    let named = |tables: &[String; 3]| {
        Root::with(&[
            ("train_set_age_labels.csv", &tables[0]),
            ("valid_set_age_labels.csv", &tables[1]),
            ("test_set_age_labels.csv", &tables[2]),
        ])
    };
    let root = named(&tables(["-9Uee9Y2UZo", "kyNPHHIKjlh", "AbCdEfGhIjK"]));
    let (schema, dataset) = root.accept();
    let built_in = Schema::first_impressions();
    assert_eq!(schema.attributes, built_in.attributes);
    assert_eq!((schema.name, dataset.len()), (built_in.name, 6));
    let root = named(&tables(["s00", "s01", "s02"]));
    let (schema, _) = root.accept();
    assert_eq!(levels(&schema, "AgeGroup"), ["4"]);
    assert_eq!(schema.attribute("AgeGroup").unwrap().names(), ["4"]);
}

#[test]
fn label_tables_of_other_names_find_their_media() {
    let rows = |from: usize| {
        let mut table = "path\temotion\tspeaker\n".to_string();
        for i in from..from + 4 {
            table += &format!("c{i}.wav\t{}\tsp{}\n", ["glad", "sad"][i % 2], i / 2);
        }
        table
    };
    let tables = [
        ("train.tsv", rows(0)),
        ("dev.tsv", rows(4)),
        ("test.tsv", rows(8)),
    ];
    let sounds: Vec<String> = (0..12).map(|i| format!("clips/c{i}.wav")).collect();
    let mut files: Vec<(&str, &str)> = tables
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    files.extend(sounds.iter().map(|name| (name.as_str(), "")));
    let root = Root::with(&files);
    // one of the tables alone would be a table of paths; three are a data set
    let proposal = root.propose(None).unwrap();
    let (schema, dataset) = root.accept();
    assert_eq!(
        schema.layout,
        Some(Layout::LabelTables),
        "{}",
        proposal.text
    );
    assert_eq!((&*schema.labels, &*schema.folder), ("{split}.tsv", "clips"));
    assert_eq!(schema.splits, ["train", "dev", "test"]);
    assert!(
        dataset
            .splits
            .iter()
            .flat_map(|split| &split.clips)
            .all(|clip| clip.sound().is_some())
    );
}

#[test]
fn loose_files_are_found_by_the_table_that_names_them_without_an_ending() {
    let mut table = "code;who;mood\n".to_string();
    let sounds: Vec<String> = (0..40).map(|i| format!("a/b/rec_{i}.wav")).collect();
    for i in 0..40 {
        table += &format!("rec_{i};p{};{}\n", i / 2, ["calm", "angry"][i % 2]);
    }
    let mut files: Vec<(&str, &str)> = sounds.iter().map(|name| (name.as_str(), "")).collect();
    files.push(("list.csv", &table));
    let root = Root::with(&files);
    let error = root.propose(None).unwrap_err();
    assert!(
        error.contains("--target COLUMN") && error.contains("columns code, who, mood"),
        "{error}"
    );
    let proposal = root.propose(Some("mood")).unwrap();
    fs::write(root.path().join("cohort.toml"), &proposal.text).unwrap();
    let dataset = Dataset::open(root.path(), None).unwrap();
    assert_eq!((dataset.layout, dataset.len()), (Layout::Table, 40));
    assert!(
        dataset
            .splits
            .iter()
            .flat_map(|split| &split.clips)
            .all(|clip| clip.sound().is_some())
    );
}

#[test]
fn a_label_table_alone_gives_statistics() {
    let table = "VideoName,UserID,AgeGroup,Gender\na.mp4,u,20-29,f\nb.mp4,u,30-39,f\nc.mp4,v,20-29,m\nd.mp4,v,30-39,m\n";
    let root = Root::with(&[("people.csv", table)]);
    let (schema, dataset) = root.accept();
    assert_eq!(schema.layout, Some(Layout::LabelTables));
    assert_eq!(
        (&*schema.labels, &*schema.target),
        ("people.csv", "AgeGroup")
    );
    assert!(schema.attribute("AgeGroup").unwrap().ordered);
    assert_eq!(levels(&schema, "Gender"), ["f", "m"]);
    assert_eq!(dataset.splits[0].name, "all");
}

#[test]
fn predictions_alone_and_beside_labels() {
    let predictions = "id,y_true,y_pred,p_no,p_yes\na,yes,yes,0.2,0.8\nb,no,yes,0.4,0.6\nc,no,no,0.9,0.1\nd,yes,no,0.7,0.3\n";
    let root = Root::with(&[("predictions.csv", predictions)]);
    let (schema, dataset) = root.accept();
    assert_eq!(
        (&*schema.target, &*schema.labels, &*schema.subject_column),
        ("y_true", "predictions.csv", "id")
    );
    assert_eq!(levels(&schema, "y_true"), ["no", "yes"]);
    assert_eq!(dataset.len(), 4);
    assert!(root.propose(None).unwrap().text.contains(
        "cohort audit predictions.csv --labels predictions.csv --schema cohort.toml --column ground_truth=y_true --column prediction=y_pred"
    ));
    let labels = "id,person,granted,sex\na,1,yes,f\nb,1,no,f\nc,2,no,m\nd,2,yes,m\n";
    let root = Root::with(&[("predictions.csv", predictions), ("people.csv", labels)]);
    let (schema, _) = root.accept();
    // the column of the same classes, not the first that may be one
    assert_eq!(
        (&*schema.target, &*schema.labels, &*schema.subject_column),
        ("granted", "people.csv", "person")
    );
    assert_eq!(levels(&schema, "sex"), ["f", "m"]);
}

#[test]
fn coco_annotations() {
    let json = r#"{"images":[{"id":1,"file_name":"a.jpg","width":8,"height":8}],"annotations":[],"categories":[{"id":1,"name":"cat"}]}"#;
    let root = Root::with(&[
        ("annotations/instances_train.json", json),
        ("train/a.jpg", ""),
    ]);
    let (schema, dataset) = root.accept();
    assert_eq!((schema.layout, dataset.len()), (Some(Layout::Coco), 1));
}

#[test]
fn what_is_nothing_is_said_so() {
    let empty = Root::with(&[]);
    let error = empty.propose(None).unwrap_err();
    assert!(
        error.starts_with("ROOT: expected a label table")
            && error.ends_with("found an empty folder"),
        "{error}"
    );
    let other = Root::with(&[("notes.md", "x"), ("table.csv", "a,b\n1,2\n")]);
    let error = other.propose(None).unwrap_err();
    assert!(error.contains("found notes.md, table.csv"), "{error}");
    let file = other.path().join("notes.md");
    assert!(
        propose(&file, None)
            .unwrap_err()
            .to_string()
            .contains("expected a folder")
    );
    assert!(propose(&other.path().join("none"), None).is_err());
    // a fault of a table is told, not worked around
    let broken = Root::with(&[(
        "train_set_age_labels.csv",
        "VideoName,UserID,AgeGroup,Gender,Ethnicity\na,b\n",
    )]);
    assert!(
        broken.propose(None).unwrap_err().contains("row 2"),
        "{:?}",
        broken.propose(None).err()
    );
}
