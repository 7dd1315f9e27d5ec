//! Pairs of pictures and captions: what is read of every source, what is counted, what is refused and how it is said.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use cohort_data::{OddityKind, Pairs, PairsOptions, read_pairs};

struct Root(tempfile::TempDir);

impl Root {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Files that are there; nobody decodes them here.
    fn pictures(&self, names: &[&str]) {
        names.iter().for_each(|name| {
            self.write(name, "");
        });
    }

    fn read(&self, name: &str) -> Pairs {
        self.read_with(name, &PairsOptions::default()).unwrap()
    }

    /// The error names the root as ROOT.
    fn read_with(&self, name: &str, options: &PairsOptions) -> Result<Pairs, String> {
        let root = self.0.path().display().to_string();
        read_pairs(&self.path(name), options)
            .map_err(|error| error.to_string().replace(&root, "ROOT"))
    }

    fn refused(&self, name: &str) -> String {
        self.read_with(name, &PairsOptions::default()).unwrap_err()
    }
}

/// `caption id | picture id | text` of each caption.
fn lines(pairs: &Pairs) -> Vec<String> {
    let of = |c: &cohort_data::PairCaption| {
        format!("{} | {} | {}", c.id, pairs.pictures[c.picture].id, c.text)
    };
    pairs.captions.iter().map(of).collect()
}

fn ids(pairs: &Pairs) -> Vec<&str> {
    pairs
        .pictures
        .iter()
        .map(|picture| picture.id.as_str())
        .collect()
}

fn odd(pairs: &Pairs) -> Vec<(OddityKind, usize)> {
    pairs.odd.iter().map(|odd| (odd.kind, odd.count)).collect()
}

const CAPTIONS: &str = r#"{"images": [{"id": 7, "file_name": "a.jpg"}, {"id": 9, "file_name": "b.jpg"}, {"id": 4, "file_name": "c.jpg"}],
    "annotations": [
        {"id": 1, "image_id": 7, "caption": "a dog\n"},
        {"id": 2, "image_id": 9, "caption": "two dogs"},
        {"id": 3, "image_id": 7, "caption": "a brown dog"}]}"#;

#[test]
fn cocos_captions_with_pictures_beside_the_annotations() {
    let root = Root::new();
    root.pictures(&["val2017/a.jpg", "val2017/b.jpg", "val2017/c.jpg"]);
    root.write("annotations/captions_val2017.json", CAPTIONS);
    let pairs = root.read("annotations/captions_val2017.json");
    assert_eq!(ids(&pairs), ["a", "b", "c"]);
    assert_eq!(
        lines(&pairs),
        ["1 | a | a dog", "2 | b | two dogs", "3 | a | a brown dog"]
    );
    assert_eq!(pairs.pictures[0].number.as_deref(), Some("7"));
    assert_eq!(pairs.splits(), ["val2017"]);
    let file = |i: usize| pairs.pictures[i].file.as_deref().unwrap().to_path_buf();
    assert!(file(0).ends_with(Path::new("val2017/a.jpg")) && file(0).is_file());
    assert_eq!(odd(&pairs), [(OddityKind::PictureWithoutCaption, 1)]);
    // a folder of them, with annotations of other kinds beside
    root.pictures(&["train2017/d.jpg"]);
    root.write(
        "annotations/captions_train2017.json",
        r#"{"images": [{"id": 1, "file_name": "d.jpg"}], "annotations": [{"id": 1, "image_id": 1, "caption": "x"}]}"#,
    );
    root.write(
        "annotations/instances_val2017.json",
        r#"{"images": "none of ours"}"#,
    );
    let both = root.read("");
    assert_eq!(ids(&both), ["d", "a", "b", "c"]);
    assert_eq!(both.splits(), ["train2017", "val2017"]);
    // the same id in two splits would be one row of a table of vectors
    assert_eq!(lines(&both)[..2], ["1 | d | x", "val2017/1 | a | a dog"]);
    assert_eq!(odd(&both)[0], (OddityKind::CaptionIdOfAnotherSplit, 1));
    let val = pairs.in_split(Path::new("x"), "val").unwrap();
    assert_eq!(val.captions, pairs.captions);
}

#[test]
fn pictures_are_looked_for_where_they_are_said_to_be_or_not_at_all() {
    let root = Root::new();
    root.write("captions.json", CAPTIONS);
    root.pictures(&["elsewhere/a.jpg", "elsewhere/deep/b.jpg"]);
    root.write("notes/empty.txt", "");
    let folder = |name: &str| PairsOptions {
        images: Some(root.path(name)),
        ..PairsOptions::default()
    };
    let pairs = root
        .read_with("captions.json", &folder("elsewhere"))
        .unwrap();
    let found: Vec<bool> = pairs.pictures.iter().map(|p| p.file.is_some()).collect();
    assert_eq!(found, [true, true, false]);
    assert_eq!(
        odd(&pairs),
        [
            (OddityKind::PictureWithoutCaption, 1),
            (OddityKind::MissingFile, 1)
        ]
    );
    let error = root
        .read_with("captions.json", &folder("nowhere"))
        .unwrap_err();
    assert_eq!(
        error,
        "ROOT/nowhere: expected a folder of pictures, found none"
    );
    let without = PairsOptions {
        without_files: true,
        ..PairsOptions::default()
    };
    let pairs = root.read_with("captions.json", &without).unwrap();
    assert!(pairs.pictures.iter().all(|picture| picture.file.is_none()));
    assert_eq!(odd(&pairs), [(OddityKind::PictureWithoutCaption, 1)]);
}

#[test]
fn what_is_odd_in_cocos_captions_is_counted_and_told() {
    let root = Root::new();
    root.pictures(&["a.jpg"]);
    root.write(
        "captions.json",
        r#"{"images": [{"id": 7, "file_name": "a.jpg"}, {"id": 8, "file_name": "./a.jpg"}, {"id": 9, "file_name": "b.jpg"}],
            "annotations": [
                {"id": 1, "image_id": 7, "caption": "a dog"},
                {"id": 1, "image_id": 7, "caption": "a dog"},
                {"id": 1, "image_id": 7, "caption": "a cat"},
                {"id": 2, "image_id": 7, "caption": " \n"},
                {"id": 3, "image_id": 70, "caption": "nothing"},
                {"id": 4, "image_id": 8, "caption": "a dog"},
                {"id": 5, "image_id": 9, "caption": "a dog"},
                {"image_id": 9, "caption": "another"}]}"#,
    );
    let pairs = root.read("captions.json");
    assert_eq!(
        lines(&pairs),
        [
            "1 | a | a dog",
            "4 | a | a dog",
            "5 | b | a dog",
            "b#1 | b | another"
        ]
    );
    assert_eq!(
        odd(&pairs),
        [
            (OddityKind::CaptionWithoutPicture, 1),
            (OddityKind::EmptyCaption, 1),
            (OddityKind::CaptionIdAgain, 1),
            (OddityKind::MissingFile, 1),
            (OddityKind::SamePicture, 1),
            (OddityKind::SameCaption, 1),
            (OddityKind::SharedCaption, 1),
        ]
    );
    let told = pairs.told().join("\n");
    for part in [
        "1 caption without a picture, left out; the first: captions.json: annotation of the picture 70, which is not among the images",
        "1 caption with an id that another has, left out; the first: captions.json: caption 1 again with another text or picture",
        "1 caption that another picture has too, kept; the first: 5 \"a dog\", as a",
    ] {
        assert!(told.contains(part), "{told}");
    }
    root.write(
        "captions.json",
        r#"{"images": [{"id": 7, "file_name": "a.jpg"}], "annotations": []}"#,
    );
    assert_eq!(
        root.refused("captions.json"),
        "ROOT/captions.json: expected at least one caption with words, found none (1 picture without a caption, kept; the first: a)"
    );
    root.write("captions.json", "{\"images\": [\n{\"id\": 7}]}");
    assert!(root.refused("captions.json").starts_with(
        "ROOT/captions.json: row 2: expected COCO annotations, found missing field `file_name`"
    ));
}

#[test]
fn tables_of_every_usual_form() {
    let root = Root::new();
    root.pictures(&["images/a.jpg", "images/b.jpg"]);
    // Flickr 8k
    root.write(
        "captions.txt",
        "image,caption\na.jpg,A dog .\na.jpg,\"A dog, running .\"\nb.jpg,Two cats .\n",
    );
    let pairs = root.read("captions.txt");
    assert_eq!(
        lines(&pairs),
        [
            "a#0 | a | A dog .",
            "a#1 | a | A dog, running .",
            "b#0 | b | Two cats ."
        ]
    );
    assert!(
        odd(&pairs).is_empty() && pairs.pictures.iter().all(|p| p.file.is_some()),
        "{:?}",
        pairs.odd
    );
    // Flickr 30k, whose published file has a row that lacks a mark
    root.write(
        "results.csv",
        "image_name| comment_number| comment\na.jpg| 0| A dog .\na.jpg| 4   A dog runs .\na.jpg| 1| A \"dog\" .\nb.jpg| 0| Two cats .\n",
    );
    let pairs = root.read("results.csv");
    assert_eq!(
        lines(&pairs),
        [
            "a#0 | a | A dog .",
            "a#1 | a | A \"dog\" .",
            "b#0 | b | Two cats ."
        ]
    );
    assert_eq!(odd(&pairs), [(OddityKind::UnreadableRow, 1)]);
    assert!(
        pairs.odd[0].first.starts_with("row 3: "),
        "{}",
        pairs.odd[0].first
    );
    assert!(pairs.notes.last().unwrap().ends_with(
        "pictures in column image_name, captions in comment, numbers of captions in comment_number"
    ));
    // the token file: no header, no quotes
    root.write("Flickr8k.token.txt", "a.jpg#0\tA dog .\na.jpg#1\t\"A dog\" is \"quoted .\n\nb.jpg#0\tTwo\tcats .\nb.jpg Two cats\n");
    let pairs = root.read("Flickr8k.token.txt");
    assert_eq!(
        lines(&pairs),
        [
            "a#0 | a | A dog .",
            "a#1 | a | \"A dog\" is \"quoted .",
            "b#0 | b | Two\tcats ."
        ]
    );
    assert_eq!(odd(&pairs), [(OddityKind::UnreadableRow, 1)]);
    // several columns of captions, splits, attributes of pictures and of captions
    root.write(
        "wide.tsv",
        "filepath\tsplit\tcaption_1\tcaption_2\tscene\timages/rating\nimages/a.jpg\ttrain\tone\ttwo\tpark\t3\nimages/b.jpg\ttest\tthree\t\troom\t4\n",
    );
    let pairs = root.read("wide.tsv");
    assert_eq!(
        lines(&pairs),
        [
            "images/a#0 | images/a | one",
            "images/a#1 | images/a | two",
            "images/b#0 | images/b | three"
        ]
    );
    assert_eq!(pairs.attributes, ["scene", "images/rating"]);
    assert_eq!(pairs.pictures[1].attributes, ["room", "4"]);
    assert_eq!(odd(&pairs), [(OddityKind::EmptyCaption, 1)]);
    assert_eq!(pairs.odd[0].first, "row 3, column caption_2: images/b#1");
    assert_eq!(pairs.splits(), ["train", "test"]);
    let test = pairs.in_split(Path::new("x"), "test").unwrap();
    assert_eq!(lines(&test), ["images/b#0 | images/b | three"]);
    let error = pairs
        .in_split(Path::new("x"), "tset")
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "x: expected one split tset, found train, test (did you mean test?)"
    );
    // one spelling of two would be half of the split
    root.write(
        "spelt.csv",
        "image,caption,split\na.jpg,x,test\nb.jpg,y,Test\nc.jpg,z,dev\n",
    );
    let pairs = root.read("spelt.csv");
    let error = pairs.in_split(Path::new("x"), "test").unwrap_err();
    assert_eq!(
        error.to_string(),
        "x: expected one split test, found Test and test that may be meant"
    );
    let valid = pairs.in_split(Path::new("x"), "valid").unwrap();
    assert_eq!(ids(&valid), ["c"]);
}

#[test]
fn what_is_odd_in_a_table_is_counted_and_told() {
    let root = Root::new();
    root.pictures(&["x/a.jpg", "x/b.jpg"]);
    root.write(
        "t.csv",
        "caption_id,image,text,mood\n1,a.jpg,one,calm\n1,a.jpg,one,calm\n1,b.jpg,two,wild\n2,./a.jpg,three,wild\n3,,four,\n4,b.jpg,nan,wild\n5,gone.jpg,one,\n6,x/a.jpg,six,calm\n",
    );
    let pairs = root.read("t.csv");
    assert_eq!(
        lines(&pairs),
        [
            "1 | a | one",
            "2 | a | three",
            "5 | gone | one",
            "6 | a | six"
        ]
    );
    assert_eq!(
        odd(&pairs),
        [
            (OddityKind::CaptionWithoutPicture, 1),
            (OddityKind::EmptyCaption, 1),
            (OddityKind::CaptionIdAgain, 1),
            (OddityKind::CaptionAgain, 1),
            (OddityKind::PictureWithoutCaption, 1),
            (OddityKind::MissingFile, 1),
            (OddityKind::SamePicture, 2),
            (OddityKind::SharedCaption, 1),
        ]
    );
    assert!(
        pairs.attributes.is_empty(),
        "a mood that changes is none of the picture"
    );
    assert!(
        pairs
            .told()
            .join("\n")
            .contains("columns that differ between captions of a picture and describe none: mood")
    );
    for (text, expected) in [
        (
            "image,text,split\na.jpg,x,train\na.jpg,y,test\n",
            "ROOT/t.csv: row 3: expected every picture in one split, found \"a.jpg\" in train and in test",
        ),
        (
            "image,words\na.jpg,x\n",
            "ROOT/t.csv: expected a column of captions (caption, text, sentence, ...), found columns image, words",
        ),
        (
            "photo,text\na.jpg,x\n",
            "ROOT/t.csv: expected a column of pictures (image, path, file, ...), found columns photo, text",
        ),
        (
            "image,text\na.jpg,\n",
            "ROOT/t.csv: expected at least one caption with words, found none (1 caption without a word, left out; the first: row 2: a#0; 1 picture",
        ),
    ] {
        root.write("t.csv", text);
        let error = root.refused("t.csv");
        assert!(error.starts_with(expected), "{error}");
    }
    root.write("t.csv", "photo,words\na.jpg,x\n");
    let stated = |picture: &str, caption: &str| PairsOptions {
        picture: Some(picture.into()),
        caption: Some(caption.into()),
        ..PairsOptions::default()
    };
    assert_eq!(
        lines(&root.read_with("t.csv", &stated("photo", "words")).unwrap()),
        ["a#0 | a | x"]
    );
    assert_eq!(
        root.read_with("t.csv", &stated("phto", "words"))
            .unwrap_err(),
        "ROOT/t.csv: expected a column phto, found columns photo, words (did you mean photo?)"
    );
    root.pictures(&["y/a.jpg"]);
    root.write("t.csv", "image,text\na.jpg,x\n");
    assert_eq!(
        root.refused("t.csv"),
        "ROOT/t.csv: row 2: expected the path of one picture, found \"a.jpg\", and several files end so (x/a, y/a, ...)"
    );
}

#[test]
fn a_folder_has_one_source() {
    let root = Root::new();
    root.pictures(&["a.jpg"]);
    root.write("labels.csv", "image,class\na.jpg,cat\n");
    assert!(
        root.refused("")
            .starts_with("ROOT/: expected captions: annotations/captions_*.json, a table"),
        "{}",
        root.refused("")
    );
    root.write("captions.csv", "image,caption\na.jpg,a cat\n");
    assert_eq!(lines(&root.read("")), ["a#0 | a | a cat"]);
    root.write("more.csv", "image,caption\na.jpg,a cat\n");
    let error = root.refused("");
    assert_eq!(
        error,
        "ROOT/: expected one source of captions, found captions.csv, more.csv; give the file itself"
    );
}

#[test]
fn every_script_any_length_and_any_number() {
    let root = Root::new();
    root.pictures(&["a.jpg"]);
    let texts = [
        "猫が二匹います",
        "كلبان",
        "दो कुत्ते",
        "🐕🐕‍🦺",
        "e\u{301}te\u{301}",
        "שני כלבים",
        "สุนัขสองตัว",
    ];
    let long = "word ".repeat(10_000);
    let mut table = String::from("image,caption\n");
    for text in texts {
        table += &format!("a.jpg,{text}\n");
    }
    table += &format!("a.jpg,{long}\n");
    for i in 0..200 {
        table += &format!("b.jpg,caption number {i}\n");
    }
    root.write("t.csv", &table);
    let pairs = root.read("t.csv");
    assert_eq!(pairs.captions.len(), texts.len() + 1 + 200);
    for (caption, text) in pairs.captions.iter().zip(texts) {
        assert_eq!(caption.text, text);
    }
    assert_eq!(pairs.captions[7].text.split(' ').count(), 10_000);
    assert_eq!(pairs.captions.last().unwrap().id, "b#199");
    assert_eq!(odd(&pairs), [(OddityKind::MissingFile, 1)]);
}

#[test]
fn made_splits_keep_a_pictures_captions_together() {
    let root = Root::new();
    let mut table = String::from("image,caption\n");
    for picture in 0..200 {
        for caption in 0..3 {
            table += &format!("p{picture}.jpg,caption {picture} {caption}\n");
        }
    }
    root.write("t.csv", &table);
    let options = PairsOptions {
        without_files: true,
        ..PairsOptions::default()
    };
    let mut pairs = root.read_with("t.csv", &options).unwrap();
    let mut other = pairs.clone();
    pairs.make_splits(3);
    other.make_splits(4);
    assert_eq!(pairs.splits(), ["train", "valid", "test"]);
    assert_ne!(pairs.pictures, other.pictures);
    let parts: Vec<Pairs> = ["train", "valid", "test"]
        .map(|s| pairs.in_split(Path::new("x"), s).unwrap())
        .into();
    let sizes: Vec<usize> = parts.iter().map(|part| part.pictures.len()).collect();
    assert_eq!(sizes, [140, 30, 30]);
    for part in &parts {
        assert_eq!(part.captions.len(), 3 * part.pictures.len());
        for caption in &part.captions {
            assert!(
                caption
                    .id
                    .starts_with(&format!("{}#", part.pictures[caption.picture].id))
            );
        }
    }
    assert_eq!(pairs.made.as_ref().unwrap().seed, 3);
    // splits that are there stay
    let before = pairs.pictures.clone();
    pairs.make_splits(9);
    assert_eq!(pairs.pictures, before);
}

/// The 79 validation pictures of the small COCO; skipped without it.
#[test]
fn the_real_captions_are_read() {
    let shared = std::env::var_os("COHORT_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let root = shared.join("data/coco-mini");
    if !root.is_dir() {
        eprintln!("skipped: no {}", root.display());
        return;
    }
    let file = root.join("annotations/captions_val2017.json");
    let pairs = read_pairs(&file, &PairsOptions::default()).unwrap();
    assert_eq!((pairs.pictures.len(), pairs.captions.len()), (79, 395));
    assert!(pairs.pictures.iter().all(|picture| picture.file.is_some()));
    let both = read_pairs(&root, &PairsOptions::default()).unwrap();
    assert_eq!(both.pictures.len(), 159);
    assert_eq!(
        both.in_split(&root, "val").unwrap().captions,
        pairs.captions
    );
}
