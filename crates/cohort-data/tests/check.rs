//! The split guard: nothing is found in a sound data set, and each fault is found as what it is.

mod corpus;

use cohort_data::{CheckReport, CheckSettings, Kind, check};
use corpus::{Corpus, pickle, picture, table};

fn run(corpus: &Corpus) -> CheckReport {
    check(corpus.root(), None, &CheckSettings::default(), &|_, _| {}).unwrap()
}

/// Kinds that were found, each with its number, in report order.
fn kinds(report: &CheckReport) -> Vec<(Kind, usize)> {
    Kind::ALL
        .iter()
        .map(|&kind| (kind, report.count(kind)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

#[test]
fn a_sound_data_set_gives_no_finding() {
    let report = run(&Corpus::whole());
    assert_eq!(kinds(&report), []);
    assert!(!report.found());
    let train = &report.splits[0];
    assert_eq!(
        (train.clips, train.images, train.sounds, train.transcripts),
        (4, 4, 4, 4)
    );
}

#[test]
fn labels_alone_give_one_note_a_modality() {
    let report = run(&Corpus::labels_only());
    assert_eq!(kinds(&report), [(Kind::NoMedia, 3)]);
    assert!(!report.found());
}

const A: &str = "train/4/-aaaaaaaaaa.000";
const D: &str = "valid/4/ddddddddddd.000";
const F: &str = "test/4/fffffffffff.002";

type Break = fn(&Corpus);

#[test]
fn each_fault_is_found_as_what_it_is() {
    let cases: &[(&str, Break, &[(Kind, usize)], &str)] = &[
        (
            "clip twice in a table",
            |c| c.append(&table("train"), "ccccccccccc.000.mp4,ccccccccccc,7,2,3"),
            &[(Kind::DuplicateClip, 1)],
            "train/ccccccccccc.000 row 6  already in train row 5",
        ),
        (
            "clip and subject in two splits",
            |c| {
                c.append(&table("test"), "ddddddddddd.000.mp4,ddddddddddd,4,2,2");
                for ending in ["jpg", "wav", "pkl"] {
                    c.copy(
                        &format!("{D}.{ending}"),
                        &format!("test/4/ddddddddddd.000.{ending}"),
                    );
                }
            },
            &[
                (Kind::ClipInTwoSplits, 1),
                (Kind::SubjectInTwoSplits, 1),
                (Kind::WrongFolder, 2),
            ],
            "subject ddddddddddd  subject is in valid (1 clip) and test (1 clip)",
        ),
        (
            "subject in two splits, written with another case in one",
            |c| c.replace(&table("test"), "mp4,fffffffffff", "mp4,-AAAAAAAAAA"),
            &[(Kind::IdsByCase, 1)],
            "subjects whose ids differ by case only, or by white space or leading zeros: \"-AAAAAAAAAA\" (test 1 clip) and \"-aaaaaaaaaa\" (train 2 clips)",
        ),
        (
            "subject in two splits, with a mark that nobody sees in one",
            |c| {
                c.replace(&table("test"), "mp4,fffffffffff", "mp4,-aaaaaaaaaa\u{200b}");
            },
            &[(Kind::SubjectInTwoSplits, 1), (Kind::RespeltIds, 1)],
            "1 subject in several spellings, each taken for one subject: \"-aaaaaaaaaa\" and \"-aaaaaaaaaa\\u{200b}\"",
        ),
        (
            "files whose names differ by case",
            |c| {
                for ending in ["jpg", "wav", "pkl"] {
                    let (from, to) = (
                        format!("{D}.{ending}"),
                        format!("valid/4/DDDDDDDDDDD.000.{ending}"),
                    );
                    c.copy(&from, &to);
                    c.remove(&from);
                }
            },
            &[(Kind::MissingMedia, 3), (Kind::UnlabelledMedia, 1)],
            "found none, but files of \"DDDDDDDDDDD.000\", which differs by case only",
        ),
        (
            "subject in two splits",
            |c| c.replace(&table("test"), "mp4,fffffffffff", "mp4,-aaaaaaaaaa"),
            &[(Kind::SubjectInTwoSplits, 1)],
            "subject -aaaaaaaaaa  subject is in train (2 clips) and test (1 clip)",
        ),
        (
            "unknown label",
            |c| {
                c.replace(&table("valid"), "eee,1,1,2", "eee,1,3,2");
                c.replace(&table("train"), "bbb,3,2,1", "bbb,3,2,");
            },
            &[(Kind::UnknownLabel, 2)],
            "valid/eeeeeeeeeee.000 row 3  expected Gender 1, 2, found \"3\"",
        ),
        (
            "contradicting labels",
            |c| {
                c.replace(
                    &table("train"),
                    "001.mp4,-aaaaaaaaaa,4,1",
                    "001.mp4,-aaaaaaaaaa,4,2",
                )
            },
            &[(Kind::ContradictingLabels, 1)],
            "train, subject -aaaaaaaaaa  subject is Gender Male (1 clip) and Female (1 clip)",
        ),
        (
            "missing column",
            |c| c.replace(&table("valid"), "Gender", "Sex"),
            &[(Kind::MissingColumn, 1)],
            "valid_set_age_labels.csv  expected a column Gender, found UserID, AgeGroup, Sex, Ethnicity",
        ),
        (
            "bad rows",
            |c| {
                c.append(&table("test"), "x,y");
                c.append(&table("test"), "x,y,z");
            },
            &[(Kind::BadRow, 2)],
            "test_set_age_labels.csv row 5  expected 5 fields as in the header, found 3",
        ),
        (
            "empty fields",
            |c| c.replace(&table("train"), "mp4,ccccccccccc", "mp4,"),
            &[(Kind::EmptyField, 1)],
            "expected a subject, found an empty field",
        ),
        (
            "no table of a split",
            |c| {
                c.remove(&table("valid"));
                std::fs::remove_dir_all(c.path("valid")).unwrap();
            },
            &[(Kind::MissingTable, 1)],
            "note: missing-table (1)\n  valid  expected valid_set_age_labels.csv, found no such file",
        ),
        (
            "table that is no table",
            |c| {
                c.write(&table("valid"), "");
                std::fs::remove_dir_all(c.path("valid")).unwrap();
            },
            &[(Kind::UnreadableTable, 1)],
            "valid_set_age_labels.csv  expected a header row, found an empty file",
        ),
        (
            "transcript table that is none",
            |c| c.write("transcripts.csv", "Name,Text\na,b\n"),
            &[(Kind::UnreadableTable, 1)],
            "transcripts.csv  expected a column VideoName, found columns Name, Text",
        ),
        (
            "missing files",
            |c| {
                c.remove(&format!("{A}.jpg"));
                c.remove(&format!("{D}.pkl"));
            },
            &[(Kind::MissingMedia, 2)],
            "expected a picture (jpg, jpeg, jpe, jfif, png, webp), found none",
        ),
        (
            "truncated, empty and wrong files",
            |c| {
                let whole = std::fs::read(c.path(&format!("{A}.jpg"))).unwrap();
                c.write(&format!("{A}.jpg"), &whole[..whole.len() / 2]);
                c.write(&format!("{A}.wav"), "");
                c.write(
                    &format!("{A}.pkl"),
                    b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93.",
                );
                let whole = std::fs::read(c.path(&format!("{D}.wav"))).unwrap();
                c.write(&format!("{D}.wav"), &whole[..whole.len() / 2]);
                c.write(&format!("{D}.jpg"), "");
            },
            &[(Kind::UndecodableMedia, 5)],
            "found the instruction STACK_GLOBAL of \"posix.system\" at byte 19, which would run code",
        ),
        (
            "empty transcript",
            |c| c.write(&format!("{A}.pkl"), pickle(" \n")),
            &[(Kind::EmptyTranscript, 1)],
            "train/-aaaaaaaaaa.000 row 2  a transcript without a word",
        ),
        (
            "blank pictures and silence",
            |c| {
                for stem in [A, D] {
                    let blank = image::RgbImage::from_pixel(50, 50, image::Rgb([90, 80, 70]));
                    blank.save(c.path(&format!("{stem}.jpg"))).unwrap();
                    let wav = std::fs::read(c.path(&format!("{stem}.wav"))).unwrap();
                    c.write(
                        &format!("{stem}.wav"),
                        [&wav[..44], &vec![0; wav.len() - 44]].concat(),
                    );
                }
            },
            &[(Kind::BlankImage, 2), (Kind::SilentAudio, 2)],
            "all samples are the same",
        ),
        (
            "media in another folder",
            |c| {
                std::fs::create_dir_all(c.path("valid/5")).unwrap();
                for ending in ["jpg", "wav", "pkl"] {
                    c.copy(
                        &format!("{D}.{ending}"),
                        &format!("valid/5/ddddddddddd.000.{ending}"),
                    );
                    c.remove(&format!("{D}.{ending}"));
                }
            },
            &[(Kind::WrongFolder, 1)],
            "valid/ddddddddddd.000 row 2  expected media in valid/4, found them in valid/5",
        ),
        (
            "files that belong to nobody",
            |c| {
                c.copy(&format!("{A}.jpg"), "train/4/zzz.jpg");
                std::fs::create_dir_all(c.path("test/8")).unwrap();
                c.copy(&format!("{F}.jpg"), "test/8/yyy.jpg");
                c.write("transcripts.csv", "VideoName,Transcript\nxxx.mp4,hello\n");
            },
            &[(Kind::UnlabelledMedia, 3)],
            "test/8           1 in no label table: yyy",
        ),
        (
            "same picture in two splits",
            |c| c.copy(&format!("{A}.jpg"), &format!("{F}.jpg")),
            &[(Kind::IdenticalImageAcrossSplits, 1)],
            "test/fffffffffff.002 row 2  the same pixels as train/-aaaaaaaaaa.000",
        ),
        (
            "same picture in one split",
            |c| c.copy(&format!("{A}.jpg"), "train/7/ccccccccccc.000.jpg"),
            &[(Kind::IdenticalImage, 1)],
            "the same pixels as train/-aaaaaaaaaa.000",
        ),
        (
            "same sound in two splits and in one",
            |c| {
                c.copy(&format!("{A}.wav"), &format!("{F}.wav"));
                c.copy(&format!("{A}.wav"), "train/7/ccccccccccc.000.wav");
            },
            &[
                (Kind::IdenticalAudioAcrossSplits, 1),
                (Kind::IdenticalAudio, 1),
            ],
            "the same samples as train/-aaaaaaaaaa.000",
        ),
        (
            "nearly the same picture in two splits",
            |c| {
                // Half the size, poor quality, in another format.
                let small = image::imageops::thumbnail(&picture(1), 48, 56);
                c.remove(&format!("{F}.jpg"));
                let file = std::fs::File::create(c.path(&format!("{F}.jpeg"))).unwrap();
                image::codecs::jpeg::JpegEncoder::new_with_quality(file, 40)
                    .encode_image(&small)
                    .unwrap();
            },
            &[(Kind::SimilarImageAcrossSplits, 1)],
            "nearly the same picture as train/-aaaaaaaaaa.000",
        ),
    ];
    for (name, break_it, expected, words) in cases {
        let corpus = Corpus::whole();
        break_it(&corpus);
        let report = run(&corpus);
        let text = report.to_text();
        assert_eq!(kinds(&report), *expected, "{name}\n{text}");
        assert!(text.contains(words), "{name}: no {words:?} in\n{text}");
        assert!(
            !text.contains(&corpus.root().display().to_string()),
            "{name}: {text}"
        );
    }
}

#[test]
fn the_report_is_the_same_on_any_number_of_threads() {
    let corpus = Corpus::whole();
    corpus.copy(&format!("{A}.jpg"), &format!("{F}.jpg"));
    corpus.write(&format!("{D}.wav"), "");
    corpus.remove("test/5/ggggggggggg.000.pkl");
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        serde_json::to_string(&pool.install(|| run(&corpus))).unwrap()
    };
    let one = on(1);
    assert_eq!(one, on(4));
    let json: serde_json::Value = serde_json::from_str(&one).unwrap();
    assert_eq!(json["schema"], "cohort.check/1");
    assert_eq!(json["errors"], 3);
    assert_eq!(json["findings"][0]["kind"], "missing-media");
    assert_eq!(json["findings"][0]["severity"], "error");
    let read: CheckReport = serde_json::from_str(&one).unwrap();
    assert_eq!(read.findings.len(), 3);
}

#[test]
fn progress_counts_every_clip_and_ends_at_the_total() {
    let corpus = Corpus::whole();
    let calls = std::sync::Mutex::new(Vec::new());
    let settings = CheckSettings::default();
    check(corpus.root(), None, &settings, &|done, total| {
        calls.lock().unwrap().push((done, total))
    })
    .unwrap();
    let mut calls = calls.into_inner().unwrap();
    calls.sort_unstable();
    assert_eq!(calls, (1..=8).map(|done| (done, 8)).collect::<Vec<_>>());
}

#[test]
fn only_a_wrong_call_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let settings = CheckSettings::default();
    let error = check(folder.path(), None, &settings, &|_, _| {})
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("expected a label table (train_set_age_labels.csv"),
        "{error}"
    );
}

/// The real label tables hold 8 subjects with contradicting labels and 11 empty transcripts, and nothing else.
#[test]
fn the_real_tables_hold_what_is_known_of_them() {
    let shared = std::env::var_os("COHORT_SHARED").map_or_else(
        || concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").into(),
        std::path::PathBuf::from,
    );
    let root = shared.join("data/first-impressions");
    if !root.is_dir() {
        println!("skipped: {} is absent", root.display());
        return;
    }
    let report = check(&root, None, &CheckSettings::default(), &|_, _| {}).unwrap();
    let expected = [
        (Kind::ContradictingLabels, 8),
        (Kind::NoMedia, 2),
        (Kind::EmptyTranscript, 11),
    ];
    assert_eq!(kinds(&report), expected);
    assert!(report.found());
}

#[test]
fn files_with_decomposed_names_belong_to_clips_with_composed_ones() {
    let corpus = Corpus::whole();
    let from = "ddddddddddd.000";
    corpus.replace(&table("valid"), from, "Jos\u{e9}ddddddd.000");
    for ending in ["jpg", "wav", "pkl"] {
        let file = |id: &str| format!("valid/4/{id}.{ending}");
        corpus.copy(&file(from), &file("Jose\u{301}ddddddd.000"));
        corpus.remove(&file(from));
    }
    let report = run(&corpus);
    assert_eq!(kinds(&report), []);
    assert_eq!(report.splits[1].images, 2);
}
