//! Data sets that are not label tables: class folders, tables of paths, COCO's JSON; and enlarged ones.

mod corpus;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cohort_data::{
    AugmentSettings, CheckSettings, Dataset, Kind, Layout, OpenOptions, Part, augment, check,
    check_with, read_recipes, statistics,
};
use corpus::{picture, sound};
use tempfile::TempDir;

struct Root(TempDir);

impl Root {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(files: &[&str]) -> Self {
        let root = Self::new();
        for file in files {
            root.write(file, "");
        }
        root
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn picture(&self, name: &str, seed: u64) {
        self.write(name, "");
        picture(seed).save(self.path(name)).unwrap();
    }

    fn open(&self) -> Dataset {
        self.open_with(&OpenOptions::default()).unwrap()
    }

    fn open_with(&self, options: &OpenOptions) -> Result<Dataset, String> {
        let root = self.0.path();
        Dataset::open_with(root, options).map_err(|error| {
            error
                .to_string()
                .replace(&root.display().to_string(), "ROOT")
        })
    }

    fn error(&self) -> String {
        self.open_with(&OpenOptions::default()).unwrap_err()
    }

    fn notes(&self, dataset: &Dataset) -> String {
        let notes = dataset.notes.join("\n");
        notes.replace(&self.0.path().display().to_string(), "ROOT")
    }
}

/// Names of the splits with the number of items of each.
fn sizes(dataset: &Dataset) -> Vec<(&str, usize)> {
    let splits = dataset.splits.iter();
    splits
        .map(|split| (&*split.name, split.clips.len()))
        .collect()
}

fn ids<'a>(dataset: &'a Dataset, split: &str) -> Vec<&'a str> {
    let clips = &dataset.split(split).unwrap().clips;
    clips.iter().map(|clip| clip.id.as_str()).collect()
}

/// As it lies, so that nothing is made.
fn as_it_lies() -> OpenOptions {
    OpenOptions {
        as_it_lies: true,
        ..OpenOptions::default()
    }
}

fn many(split: &str, class: &str, count: usize) -> Vec<String> {
    let name = |i| match split {
        "" => format!("{class}/{i}.jpg"),
        _ => format!("{split}/{class}/{i}.jpg"),
    };
    (0..count).map(name).collect()
}

fn folders(parts: &[(&str, &str, usize)]) -> Root {
    let files: Vec<String> = parts
        .iter()
        .flat_map(|(split, class, count)| many(split, class, *count))
        .collect();
    let root = Root::new();
    for (i, file) in files.iter().enumerate() {
        // of different lengths, so that none is taken for a copy of another
        root.write(file, "x".repeat(i + 1));
    }
    root
}

#[test]
fn class_folders_are_their_own_labels() {
    let root = folders(&[
        ("train", "Opencountry", 3),
        ("train", "coast", 2),
        ("val", "coast", 1),
        ("Test", "Opencountry", 2),
    ]);
    root.write("train/coast/notes.md", "");
    root.write("train/coast/deep/er/x.png", "");
    root.write(".cache/coast/y.jpg", "");
    root.write("pred/z.jpg", "");
    let dataset = root.open();
    assert_eq!(dataset.layout, Layout::ClassFolders);
    assert_eq!(sizes(&dataset), [("train", 6), ("val", 1), ("Test", 2)]);
    let schema = &dataset.schema;
    assert_eq!(schema.splits, ["train", "val", "Test"]);
    assert_eq!(
        schema.target_attribute().unwrap().codes(),
        ["Opencountry", "coast"]
    );
    assert!(!schema.target_attribute().unwrap().ordered && schema.attributes.len() == 1);
    assert_eq!((&*schema.item, &*schema.unit), ("picture", "picture"));
    assert_eq!(
        ids(&dataset, "train")[3..],
        ["train/coast/0", "train/coast/1", "train/coast/deep/er/x"]
    );
    let clip = &dataset.split("Test").unwrap().clips[1];
    assert_eq!(clip.levels, [0]);
    assert_eq!(clip.subject, "Test/Opencountry/1.jpg");
    assert_eq!(clip.picture(), Some(&*root.path("Test/Opencountry/1.jpg")));
    assert_eq!(dataset.made, None);
    let notes = root.notes(&dataset);
    for part in [
        "ROOT: read as class-folders",
        "not used, since they lie beside the splits' folders: pred",
    ] {
        assert!(notes.contains(part), "{notes}");
    }
    let text = statistics(&dataset).to_text();
    assert!(text.contains("  train             6 pictures\n"), "{text}");
    assert!(
        !text.contains("subject") && !text.contains("clip") && !text.contains("age"),
        "{text}"
    );
}

#[test]
fn missing_splits_are_made_by_seed_and_class_and_said() {
    let root = folders(&[("", "a", 40), ("", "b", 20)]);
    let dataset = root.open();
    assert_eq!(sizes(&dataset), [("train", 42), ("valid", 9), ("test", 9)]);
    let made = dataset.made.clone().unwrap();
    assert_eq!(
        (made.seed, made.splits),
        (0, vec!["valid".to_string(), "test".into()])
    );
    let counts = &statistics(&dataset).splits[1].1.counts[0].levels;
    assert_eq!((counts[0].clips, counts[1].clips), (6, 3));
    let notes = root.notes(&dataset);
    assert!(
        notes.contains("no split valid and no split test: made by seed 0 from the 60 pictures of train, 15 % of each class: valid (9 pictures), test (9 pictures)"),
        "{notes}"
    );
    assert_eq!(ids(&root.open(), "test"), ids(&dataset, "test"));
    let other = OpenOptions {
        seed: 1,
        ..OpenOptions::default()
    };
    let other = root.open_with(&other).unwrap();
    assert_ne!(ids(&other, "test"), ids(&dataset, "test"));
    let csv = dataset.splits_csv();
    assert_eq!(csv.lines().count(), 61);
    assert!(
        csv.starts_with("path,split\na/") && csv.contains(",valid\n"),
        "{csv}"
    );
    // what is there is not made, and what is to stay as it lies is left
    let root = folders(&[("train", "a", 20), ("train", "b", 20), ("test", "a", 5)]);
    assert_eq!(
        sizes(&root.open()),
        [("train", 34), ("valid", 6), ("test", 5)]
    );
    let as_it_lies = root.open_with(&as_it_lies()).unwrap();
    assert_eq!(sizes(&as_it_lies), [("train", 40), ("test", 5)]);
}

#[test]
fn the_same_file_twice_is_never_torn_apart_by_a_made_split() {
    let root = folders(&[("", "a", 30), ("", "b", 30)]);
    for i in 0..30 {
        fs::copy(
            root.path(&format!("a/{i}.jpg")),
            root.path(&format!("a/copy{i}.jpg")),
        )
        .unwrap();
    }
    let dataset = root.open();
    let mut splits: BTreeMap<u64, BTreeSet<&str>> = BTreeMap::new();
    for split in &dataset.splits {
        for clip in &split.clips {
            let length = fs::metadata(clip.picture().unwrap()).unwrap().len();
            splits.entry(length).or_default().insert(&split.name);
        }
    }
    assert!(splits.values().all(|splits| splits.len() == 1));
    assert_eq!(splits.len(), 60);
}

#[test]
fn files_of_one_name_are_one_item_of_several_media_or_several_items() {
    let root = Root::with(&[
        "a/1.jpg", "a/1.wav", "a/1.txt", "b/2.jpg", "b/2.png", "b/2.PNG",
    ]);
    let dataset = root.open_with(&as_it_lies()).unwrap();
    assert_eq!(ids(&dataset, "train"), ["a/1", "b/2-PNG", "b/2-png", "b/2"]);
    let first = &dataset.splits[0].clips[0];
    assert!(first.picture().is_some() && first.sound().is_some() && first.words().is_some());
    let notes = root.notes(&dataset);
    assert!(
        notes.contains("2 files with the name of another but for the ending"),
        "{notes}"
    );
    assert_eq!(dataset.schema.item, "clip");
}

#[test]
fn lists_state_the_splits_of_a_tree_and_leave_out_the_rest() {
    let root = folders(&[
        ("train", "a", 4),
        ("train", "b", 4),
        ("test", "a", 2),
        ("test", "b", 2),
    ]);
    root.write(
        "small.txt",
        "train/a/0.jpg\ntrain/a/1.jpg 0\ntrain/b/0.jpg\n",
    );
    root.write(
        "rest.txt",
        "train/a/2.jpg\r\n./test/b/0.jpg\r\n/else/where/test/a/1.jpg\r\n",
    );
    let options = OpenOptions {
        lists: vec![
            (Part::Train, root.path("small.txt")),
            (Part::Test, root.path("rest.txt")),
        ],
        ..as_it_lies()
    };
    let dataset = root.open_with(&options).unwrap();
    assert_eq!(
        ids(&dataset, "train"),
        ["train/a/0", "train/a/1", "train/b/0"]
    );
    assert_eq!(ids(&dataset, "test"), ["test/a/1", "test/b/0", "train/a/2"]);
    let notes = root.notes(&dataset);
    assert!(
        notes.contains("left out, being in none of them: 6 files"),
        "{notes}"
    );
    // the same in the data set's own file
    root.write(
        "cohort.toml",
        "name='s'\ntarget='class'\nlayout='class-folders'\n[splits]\ntest='rest.txt'\ntrain='small.txt'\n",
    );
    let stated = root.open_with(&as_it_lies()).unwrap();
    assert_eq!(sizes(&stated), [("train", 3), ("test", 3)]);
    root.write("rest.txt", "train/a/9.jpg\n");
    assert_eq!(
        root.error(),
        "ROOT/rest.txt: row 1: expected the path of a media file, found \"train/a/9.jpg\", which is no media file of the data set"
    );
}

#[test]
fn what_is_no_tree_of_classes_is_refused_with_what_it_is() {
    let cases: [(&[&str], &str); 6] = [
        (
            &["images/a/1.jpg", "images/b/1.jpg"],
            "found one class, images, which holds folders itself (a, b): is ROOT/images the data set?",
        ),
        (
            &["a/train/1.jpg", "b/train/1.jpg"],
            "found the split below the class: a/train/",
        ),
        (
            &[
                "train/a/1.jpg",
                "val/a/1.jpg",
                "valid/a/2.jpg",
                "train/b/1.jpg",
            ],
            "ROOT: expected one training, one validation and one test split, found the splits val and valid",
        ),
        (
            &["labels.csv", "a/1.jpg", "b/1.jpg", "cohort.toml"],
            "expected one layout, or which it is (--layout NAME, or layout = \"NAME\" in cohort.toml), found class-folders (a/ and so on, 2 classes in all) and table (labels.csv)",
        ),
        (&["a/1.md", "b/1.md"], "found a, b"),
        (&["train/1.jpg", "train/2.jpg"], "found train"),
    ];
    for (files, expected) in cases {
        let root = Root::with(files);
        if files.contains(&"labels.csv") {
            root.write("labels.csv", "path,label\na/1.jpg,x\nb/1.jpg,y\n");
            fs::remove_file(root.path("cohort.toml")).unwrap();
        }
        let error = root.error();
        assert!(error.contains(expected), "{error}\n  not {expected}");
    }
    let options = OpenOptions {
        layout: Some(Layout::ClassFolders),
        ..OpenOptions::default()
    };
    let flat = Root::with(&["cat/1.jpg", "dog/1.jpg", "test/1.jpg"]);
    let error = flat.open_with(&options).unwrap_err();
    assert!(
        error.contains("test/, which is called as a split and holds media"),
        "{error}"
    );
}

#[test]
fn a_table_of_paths_says_what_its_columns_were_taken_for() {
    let root = Root::with(&[
        "images/a.jpg",
        "images/b.jpg",
        "images/c.jpg",
        "images/d.jpg",
    ]);
    root.write(
        "labels.csv",
        "filename,label,split,speaker_id,note\na.jpg,x,train,s1,u\nimages\\b.jpg,y,train,s1,u\nc,x,dev,s2,v\nd.jpg,y,Test,s3,v\n",
    );
    let dataset = root.open();
    assert_eq!(dataset.layout, Layout::Table);
    assert_eq!(sizes(&dataset), [("train", 2), ("dev", 1), ("Test", 1)]);
    let schema = &dataset.schema;
    assert_eq!(
        (&*schema.target, &*schema.subject_column),
        ("label", "speaker_id")
    );
    assert_eq!((&*schema.item, &*schema.unit), ("picture", "speaker"));
    let clip = &dataset.split("dev").unwrap().clips[0];
    assert_eq!(
        (&*clip.id, &*clip.subject, &*clip.levels),
        ("c", "s2", [0].as_slice())
    );
    assert_eq!(clip.picture(), Some(&*root.path("images/c.jpg")));
    let notes = root.notes(&dataset);
    for part in [
        "paths in column filename, the target in label, who must not be torn apart in speaker_id, the split in split",
        "not described: note",
    ] {
        assert!(notes.contains(part), "{notes}");
    }
    // the file itself is the data set too
    let file = Dataset::open(&root.path("labels.csv"), None).unwrap();
    assert_eq!(sizes(&file), sizes(&dataset));
    assert_eq!(file.root, dataset.root);
}

#[test]
fn a_table_without_splits_or_units_has_them_made_and_that_is_said() {
    let root = Root::new();
    let mut table = "path;category\n".to_string();
    for i in 0..60 {
        root.write(&format!("{i}.wav"), "x".repeat(i + 1));
        table += &format!("{i}.wav;{}\n", if i % 3 == 0 { "a" } else { "b" });
    }
    root.write("all.csv", table);
    let dataset = root.open();
    assert_eq!(sizes(&dataset), [("train", 42), ("valid", 9), ("test", 9)]);
    assert_eq!(
        (&*dataset.schema.item, &*dataset.schema.target),
        ("sound", "category")
    );
    let notes = root.notes(&dataset);
    assert!(
        notes.contains("every item a unit of its own, since no column says who it is of"),
        "{notes}"
    );
    // splits by the first folder, and speakers whole
    let root = Root::new();
    let mut table = "file,label,client_id\n".to_string();
    for i in 0..60 {
        let folder = if i < 50 { "train" } else { "test" };
        root.write(&format!("{folder}/{i}.wav"), "x".repeat(i + 1));
        table += &format!("{folder}/{i}.wav,{},s{}\n", i % 2, i / 5);
    }
    root.write("labels.csv", table);
    let dataset = root.open();
    let by_name: BTreeMap<&str, usize> = sizes(&dataset).into_iter().collect();
    assert_eq!(by_name["test"], 10);
    assert_eq!(by_name["valid"] % 5, 0);
    let speakers = |split: &str| -> BTreeSet<&str> {
        let clips = &dataset.split(split).unwrap().clips;
        clips.iter().map(|clip| clip.subject.as_str()).collect()
    };
    assert!(speakers("train").is_disjoint(&speakers("valid")));
    let notes = root.notes(&dataset);
    assert!(
        notes.contains("15 % of each class, each subject whole"),
        "{notes}"
    );
}

#[test]
fn tables_that_cannot_be_read_so_say_file_row_expected_and_found() {
    let cases = [
        (
            "path,age,sex\na.jpg,1,2\n",
            "ROOT/labels.csv: expected a column of the target (label, class, target, ...), or which it is (--target NAME, or target in cohort.toml), found columns path, age, sex",
        ),
        (
            "path,label,split\na.jpg,x,train\na.jpg,x,fold1\n",
            "ROOT/labels.csv: row 3: expected in split train, valid or test, found \"fold1\"",
        ),
        (
            "path,label\na.jpg,x\na,x\n",
            "ROOT/labels.csv: row 3: expected every picture once, found \"a\" again, first in",
        ),
        (
            "path,label\na.jpg,x\n,y\n",
            "ROOT/labels.csv: row 3: expected a path, found an empty field",
        ),
        (
            "path,label\na.jpg,x\nb.jpg\n",
            "ROOT/labels.csv: row 3: expected 2 fields as in the header, found 1",
        ),
        (
            "path,label\nc.jpg,x\nd.jpg,y\n",
            "ROOT/labels.csv: row 2: expected paths of files below ROOT, found none of 2; the first: \"c.jpg\"",
        ),
        (
            "path,label\nx.jpg,x\n",
            "row 2: expected the path of one item, found \"x.jpg\", and several files end so (1/x, 2/x, ...)",
        ),
    ];
    for (table, expected) in cases {
        let root = Root::with(&["a.jpg", "1/x.jpg", "2/x.jpg"]);
        root.write("labels.csv", table);
        let options = OpenOptions {
            layout: Some(Layout::Table),
            ..as_it_lies()
        };
        let error = root.open_with(&options).unwrap_err();
        assert!(error.contains(expected), "{error}\n  not {expected}");
    }
    let root = Root::with(&["a.jpg", "b.jpg"]);
    root.write("labels.csv", "path,label\na.jpg,x\nb.jpg,y\nlost.jpg,y\n");
    let dataset = root.open_with(&as_it_lies()).unwrap();
    assert!(
        root.notes(&dataset)
            .contains("1 row of 3 without its file, the first in row 4: lost.jpg")
    );
}

#[test]
fn the_guard_finds_in_class_folders_what_is_wrong() {
    let root = Root::new();
    for (i, name) in [
        "train/a/1",
        "train/a/2",
        "train/b/1",
        "valid/a/1",
        "valid/b/1",
        "test/a/1",
        "test/c/1",
    ]
    .iter()
    .enumerate()
    {
        root.picture(&format!("{name}.png"), i as u64);
    }
    // nearly the same picture in another split, and the same one in another class
    let near = image::imageops::resize(&picture(0), 48, 56, image::imageops::FilterType::Triangle);
    near.save(root.path("test/a/1.png")).unwrap();
    fs::copy(root.path("train/a/2.png"), root.path("train/b/2.png")).unwrap();
    root.write("train/b/broken.jpg", "no picture");
    root.write("train/b/list.xml", "");
    let report = check(root.0.path(), None, &CheckSettings::default(), &|_, _| {}).unwrap();
    let found: Vec<(Kind, usize)> = Kind::ALL
        .iter()
        .map(|kind| (*kind, report.count(*kind)))
        .filter(|(_, count)| *count > 0)
        .collect();
    let expected = [
        (Kind::Reading, 1),
        (Kind::ClassWithoutTraining, 1),
        (Kind::UnusedFiles, 1),
        (Kind::UndecodableMedia, 1),
        (Kind::SimilarImageAcrossSplits, 1),
        (Kind::IdenticalImage, 1),
    ];
    assert_eq!(found, expected, "{}", report.to_text());
    let text = report.to_text();
    for part in [
        "  train             5 pictures\n",
        "test/a/1  nearly the same picture as train/a/1 (",
        "class c has 1 picture here and none in train",
        "train/b/2  the same pixels as train/a/2",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(
        !text.contains("sounds") && !text.contains("subject"),
        "{text}"
    );
}

const COCO: &str = r#"{
  "info": {}, "images": [
    {"id": 7, "file_name": "a.jpg", "width": 100, "height": 50},
    {"id": 9, "file_name": "b.jpg", "width": 100, "height": 50}],
  "categories": [{"id": 18, "name": "dog"}, {"id": 2, "name": "bicycle"}],
  "annotations": [
    {"id": 1, "image_id": 7, "category_id": 18, "bbox": [10, 10, 30, 20], "iscrowd": 0, "area": 600},
    {"id": 2, "image_id": 7, "category_id": 18, "bbox": [0, 0, 100, 50], "iscrowd": 1, "area": 5000},
    {"id": 3, "image_id": 7, "category_id": 2, "bbox": [90, 10, 30, 20], "area": 600}BAD]}"#;

fn coco(bad: &str) -> Root {
    let root = Root::new();
    for (name, seed) in [
        ("train2017/a.jpg", 1),
        ("train2017/b.jpg", 2),
        ("val2017/c.jpg", 3),
    ] {
        root.picture(name, seed);
    }
    let bad = match bad {
        "" => String::new(),
        bad => format!(",\n    {bad}"),
    };
    root.write(
        "annotations/instances_train2017.json",
        COCO.replace("BAD", &bad),
    );
    root.write(
        "annotations/captions_train2017.json",
        r#"{"images": [{"id": 7, "file_name": "a.jpg"}], "annotations": [
            {"id": 1, "image_id": 7, "caption": "a dog"}, {"id": 2, "image_id": 7, "caption": "two dogs"}]}"#,
    );
    root.write(
        "annotations/instances_val2017.json",
        r#"{"images": [{"id": "c", "file_name": "c.jpg"}], "annotations": [], "categories": []}"#,
    );
    root
}

#[test]
fn coco_annotations_are_pictures_with_boxes_and_captions() {
    let root = coco("");
    let dataset = root.open();
    assert_eq!(dataset.layout, Layout::Coco);
    assert_eq!(sizes(&dataset), [("train2017", 2), ("val2017", 1)]);
    assert!(
        dataset.splits[0]
            .clips
            .iter()
            .all(|clip| clip.picture().is_some())
    );
    let objects = dataset.objects.as_ref().unwrap();
    let names: Vec<&str> = objects.categories.iter().map(|one| &*one.name).collect();
    assert_eq!(names, ["bicycle", "dog"]);
    assert_eq!((objects.boxes.len(), objects.captions.len()), (3, 2));
    assert_eq!(objects.boxes[0].place, [10.0, 10.0, 30.0, 20.0]);
    assert_eq!(
        (objects.boxes[1].crowd, objects.boxes[1].category),
        (true, 1)
    );
    assert_eq!(objects.sizes["a"], [100.0, 50.0]);
    let text = statistics(&dataset).to_text();
    for part in [
        "  train2017         2 pictures\n",
        "         2 pictures, 1 without a box\n",
        "         3 boxes of 2 categories, 1 of them around a crowd\n",
        "         2 captions\n",
        "dog                       2 boxes        1 pictures",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let report = check(root.0.path(), None, &CheckSettings::default(), &|_, _| {}).unwrap();
    // the bicycle reaches out of the picture
    assert_eq!(
        (report.errors, report.warnings),
        (0, 1),
        "{}",
        report.to_text()
    );
    assert_eq!(report.count(Kind::OddAnnotation), 1);
    let text = report.to_text();
    assert!(
        text.contains("train2017/a  box 3 reaches out of the picture: 90, 10, 30 x 20 in 100 x 50"),
        "{text}"
    );
}

#[test]
fn faulty_annotations_are_listed_and_broken_files_refused() {
    for (bad, expected) in [
        (
            r#"{"id": 4, "image_id": 8, "category_id": 18, "bbox": [1, 1, 1, 1]}"#,
            "annotation of the picture 8, which is not among the images",
        ),
        (
            r#"{"id": 4, "image_id": 9, "category_id": 3, "bbox": [1, 1, 1, 1]}"#,
            "train2017/b  box 4: expected a known category, found 3",
        ),
        (
            r#"{"id": 4, "image_id": 9, "category_id": 18, "bbox": [1, 1, 1]}"#,
            "train2017/b  box 4: expected four numbers",
        ),
        (
            r#"{"id": 4, "image_id": 9, "category_id": 18, "bbox": [1, 1, 0, 5]}"#,
            "train2017/b  box 4 without an area: 0 x 5",
        ),
    ] {
        let root = coco(bad);
        let settings = CheckSettings {
            decode: false,
            ..CheckSettings::default()
        };
        let options = OpenOptions::default();
        let report = check_with(root.0.path(), &options, &settings, &|_, _| {}).unwrap();
        assert!(report.to_text().contains(expected), "{}", report.to_text());
        assert!(report.found());
    }
    let root = coco("");
    root.write(
        "annotations/x_val2017.json",
        "{\"images\": [\n{\"id\": 1}]}",
    );
    assert!(
        root.error().starts_with("ROOT/annotations/x_val2017.json: row 2: expected COCO annotations, found missing field `file_name`"),
        "{}",
        root.error()
    );
}

#[test]
fn an_enlarged_set_has_its_copies_where_they_belong_and_can_be_gone_on_with() {
    let root = Root::new();
    for class in ["a", "b"] {
        for i in 0..10_u64 {
            root.picture(
                &format!("src/train/{class}/{i}.jpg"),
                i + 100 * u64::from(class == "b"),
            );
        }
        root.picture(&format!("src/test/{class}/0.png"), 50);
    }
    let source = Dataset::open_with(&root.path("src"), &as_it_lies()).unwrap();
    let out = root.path("out");
    let make = |settings: &AugmentSettings| augment(&source, &out, settings, &|_, _| {});
    let settings = AugmentSettings::default();
    let document = make(&settings).unwrap();
    assert_eq!(document.splits["train"], [20, 60]);
    assert_eq!(document.splits["test"], [2, 0]);
    let bytes = |name: &str| fs::read(out.join(name)).unwrap();
    for same in ["train/a/3.jpg", "test/b/0.png"] {
        assert_eq!(bytes(same), fs::read(root.path("src").join(same)).unwrap());
    }
    assert_eq!(fs::read_dir(out.join("test/a")).unwrap().count(), 1);
    // number 3 of its class in the order of names
    let recipe = &settings.recipes[1];
    let from = cohort_vision::decode(&root.path("src/train/a/3.jpg")).unwrap();
    let expected = cohort_vision::encode_jpeg(&recipe.apply(&from), 95).unwrap();
    assert_eq!(bytes("train/a/mod2_3.jpg"), expected);
    // what is missing is made again, with the same bytes
    fs::remove_file(out.join("train/a/mod2_3.jpg")).unwrap();
    assert_eq!(make(&settings).unwrap(), document);
    assert_eq!(bytes("train/a/mod2_3.jpg"), expected);
    let other = AugmentSettings {
        quality: 80,
        ..settings.clone()
    };
    let error = make(&other).unwrap_err().to_string();
    assert!(
        error.contains("found one that was made otherwise"),
        "{error}"
    );
    // a picture and its copies stay in one split
    let enlarged = Dataset::open(&out, None).unwrap();
    let of = |split: &str| -> BTreeSet<&str> {
        let clips = &enlarged.split(split).unwrap().clips;
        clips.iter().map(|clip| clip.subject.as_str()).collect()
    };
    assert!(of("train").is_disjoint(&of("valid")));
    assert_eq!(enlarged.split("valid").unwrap().clips.len() % 4, 0);
    let inside = augment(&source, &root.path("src/more"), &settings, &|_, _| {});
    assert!(
        inside
            .unwrap_err()
            .to_string()
            .contains("outside of the data set")
    );
}

#[test]
fn recipes_of_a_file_are_read_and_checked() {
    let root = Root::new();
    root.write(
        "r.toml",
        "[recipe.mine]\nrotation = 10\nshift = [0.0, 5]\nflip = true\n",
    );
    let recipes = read_recipes(&root.path("r.toml")).unwrap();
    assert_eq!(
        (recipes[0].name.as_str(), recipes[0].rotation),
        ("mine", 10.0)
    );
    assert_eq!((recipes[0].shift, recipes[0].zoom), ([0.0, 5.0], 1.0));
    for (text, expected) in [
        (
            "[recipe.x]\nzom = 1.0\n",
            "row 2: expected recipes ([recipe.NAME]), found unknown field `zom`",
        ),
        (
            "[recipe.x]\nzoom = 0.0\n",
            "expected in recipe x a zoom from 0.01 to 100, found 0",
        ),
        ("[recipe.'a/b']\n", "expected a recipe's name"),
        ("", "missing field `recipe`"),
    ] {
        root.write("r.toml", text);
        let error = read_recipes(&root.path("r.toml")).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn sounds_by_class_are_sounds() {
    let root = Root::new();
    for (name, seed) in [("yes/1", 1), ("yes/2", 2), ("no/1", 3), ("no/2", 4)] {
        root.write(&format!("{name}.wav"), "");
        sound(seed, &root.path(&format!("{name}.wav")));
    }
    let dataset = root.open_with(&as_it_lies()).unwrap();
    assert_eq!(dataset.schema.item, "sound");
    let text = statistics(&dataset).to_text();
    assert!(
        text.contains("  no                        2 sounds  50.0 %"),
        "{text}"
    );
}

/// The real scenes: 1,881 and 807 pictures of eight classes, and the lists of the small set.
#[test]
fn the_real_scenes_open_as_they_are() {
    let shared = std::env::var_os("COHORT_SHARED").map_or_else(
        || concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").into(),
        PathBuf::from,
    );
    let root: PathBuf = shared.join("data/scenes");
    if !root.is_dir() {
        println!("skipped: no scenes in {}", root.display());
        return;
    }
    let whole = Dataset::open_with(&root, &as_it_lies()).unwrap();
    assert_eq!(sizes(&whole), [("train", 1881), ("test", 807)]);
    let list = |name: &str| -> PathBuf { Path::new(&root).join(name) };
    let options = OpenOptions {
        lists: vec![
            (Part::Train, list("small_train.txt")),
            (Part::Test, list("small_test.txt")),
        ],
        ..as_it_lies()
    };
    let small = Dataset::open_with(&root, &options).unwrap();
    assert_eq!(sizes(&small), [("train", 400), ("test", 2288)]);
    let counts = &statistics(&small).splits[0].1.counts[0].levels;
    assert!(counts.len() == 8 && counts.iter().all(|level| level.clips == 50));
}
