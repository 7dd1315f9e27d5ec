//! The limits for nearly identical pictures, on real faces. Skipped, with a word, where the data is absent.

mod corpus;

use std::fs;
use std::path::PathBuf;

use cohort_data::{CheckSettings, Kind, check};
use corpus::{Corpus, HEADER, table};

/// Different people in the two splits, and poorer copies of some of them.
const PEOPLE: usize = 600;
const COPIES: usize = 60;

#[test]
fn copies_of_faces_are_found_and_other_faces_are_not() {
    let shared = std::env::var_os("COHORT_SHARED").map_or_else(
        || concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").into(),
        PathBuf::from,
    );
    let Ok(listing) = fs::read_dir(shared.join("data/faces/train")) else {
        println!("skipped: {} has no data/faces/train", shared.display());
        return;
    };
    let mut faces: Vec<PathBuf> = listing.map(|entry| entry.unwrap().path()).collect();
    faces.sort();
    faces.truncate(PEOPLE);
    assert_eq!(faces.len(), PEOPLE);
    let corpus = Corpus::labels_only();
    corpus.remove(&table("valid"));
    let (mut train, mut test) = (vec![HEADER.to_string()], vec![HEADER.to_string()]);
    for (i, face) in faces.iter().enumerate() {
        let (split, rows) = if i % 2 == 0 {
            ("train", &mut train)
        } else {
            ("test", &mut test)
        };
        rows.push(format!("p{i}.mp4,p{i},4,1,1"));
        corpus.write(&format!("{split}/4/p{i}.jpg"), fs::read(face).unwrap());
    }
    for i in (0..2 * COPIES).step_by(2) {
        test.push(format!("copy{i}.mp4,c{i},4,1,1"));
        let copy = image::open(&faces[i])
            .unwrap()
            .thumbnail(120, 120)
            .to_rgb8();
        let file = fs::File::create(corpus.path(&format!("test/4/copy{i}.jpg"))).unwrap();
        image::codecs::jpeg::JpegEncoder::new_with_quality(file, 35)
            .encode_image(&copy)
            .unwrap();
    }
    corpus.write(&table("train"), train.join("\n"));
    corpus.write(&table("test"), test.join("\n"));
    let report = check(corpus.root(), None, &CheckSettings::default(), &|_, _| {}).unwrap();
    let found: Vec<(&str, &str)> = report
        .findings
        .iter()
        .filter(|finding| finding.kind == Kind::SimilarImageAcrossSplits)
        .map(|finding| {
            (
                finding.clip.as_deref().unwrap(),
                finding.other.as_deref().unwrap(),
            )
        })
        .collect();
    let expected: Vec<(String, String)> = (0..2 * COPIES)
        .step_by(2)
        .map(|i| (format!("copy{i}"), format!("train/p{i}")))
        .collect();
    assert!(
        found
            .iter()
            .copied()
            .eq(expected.iter().map(|(a, b)| (a.as_str(), b.as_str()))),
        "{found:?}"
    );
}
