//! Sentence vectors equal to those of fastText and gensim (scripts/fasttext_reference.py), and files that are damaged.

use std::path::{Path, PathBuf};

use cohort_text::{FastText, TextError, WordVectors};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fasttext")
}

fn go_on(_: usize, _: usize) -> bool {
    true
}

fn read(path: &Path, texts: &[&str]) -> Result<WordVectors, TextError> {
    FastText::open(path)?.read(texts.iter().copied(), &go_on)
}

/// The message of a file with these bytes, or none when it can be read.
fn message(name: &str, bytes: &[u8], texts: &[&str]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    Some(read(&path, texts).err()?.to_string())
}

#[test]
fn sentence_vectors_are_those_of_the_reference() {
    let golden = std::fs::read_to_string(folder().join("sentences.json")).unwrap();
    let golden: std::collections::BTreeMap<String, Vec<(String, Vec<f32>)>> =
        serde_json::from_str(&golden).unwrap();
    assert_eq!(golden.len(), 3);
    for (file, sentences) in golden {
        let texts: Vec<&str> = sentences.iter().map(|(text, _)| text.as_str()).collect();
        let vectors = read(&folder().join(&file), &texts).unwrap();
        for (text, expected) in &sentences {
            let (found, known) = vectors.sentence(text);
            assert_eq!(known == 0, expected.iter().all(|v| *v == 0.0), "{text:?}");
            for (a, b) in found.iter().zip(expected) {
                assert!((a - b).abs() < 1e-6, "{file} {text:?}: {a} and {b}");
            }
        }
    }
}

#[test]
fn a_word_that_is_not_in_a_text_file_is_left_out() {
    let path = folder().join("words.vec");
    let vectors = read(&path, &["school grandchildrenn school"]).unwrap();
    let (school, one) = vectors.sentence("school");
    let (both, two) = vectors.sentence("school grandchildrenn school");
    assert_eq!((one, two), (1, 2));
    assert_eq!(school, both);
    assert_eq!(vectors.sentence("grandchildrenn"), (vec![0.0; 8], 0));
    // the binary file of the same model has no n-grams either
    let vectors = read(&folder().join("words.bin"), &["grandchildrenn"]).unwrap();
    assert_eq!(vectors.sentence("grandchildrenn"), (vec![0.0; 8], 0));
}

#[test]
fn a_text_file_that_contradicts_itself_is_refused_with_its_line() {
    let cases: [(&str, &str, &str); 15] = [
        ("empty", "", "line 1: expected the number of words"),
        (
            "counts",
            "the 9\na 8\n",
            "line 1: expected the number of words",
        ),
        (
            "no head, short line",
            "a 1 2\nb 1\n",
            "line 2: expected a word and 2 values, found 1",
        ),
        (
            "no head, long line",
            "a 1 2\nb 1 2 3\n",
            "line 2: expected a word and 2 values, found 3",
        ),
        (
            "no head, blank line",
            "a 1 2\n\nb 1 2\n",
            "line 2: expected a word and 2 values, found 0",
        ),
        (
            "huge",
            "1 99999999999\na 1\n",
            "line 1: expected the number",
        ),
        ("no words", "0 2\n", "line 1: expected the number of words"),
        (
            "long",
            &"1".repeat(1000),
            "line 1: expected the number of words",
        ),
        (
            "short line",
            "2 2\na 1 2\nb 1\n",
            "line 3: expected a word and 2 values, found 1",
        ),
        (
            "long line",
            "1 2\na 1 2 3\n",
            "line 2: expected a word and 2 values, found 3",
        ),
        (
            "blank line",
            "2 2\n\na 1 2\n",
            "line 2: expected a word and 2 values, found 0",
        ),
        (
            "cut",
            "3 2\na 1 2\n",
            "expected 3 words as line 1 says, found 1",
        ),
        (
            "lie",
            "18446744073709551615 2\na 1 2\n",
            "expected 18446744073709551615 words",
        ),
        (
            "more",
            "1 2\na 1 2\nb 1 2\n",
            "expected 1 words as line 1 says, found more",
        ),
        (
            "word",
            "1 2\na 1 x\n",
            "line 2: expected a finite number, found \"x\"",
        ),
    ];
    for (name, text, expected) in cases {
        let found = message("a.vec", text.as_bytes(), &["a b"]);
        assert!(
            found.as_ref().is_some_and(|m| m.contains(expected)),
            "{name}: {found:?}"
        );
    }
    let nan = message("a.vec", b"1 2\na 1 nan\n", &["a"]).unwrap();
    assert!(nan.contains("found \"nan\""), "{nan}");
    let far = format!("1 2\n{} 1 2\n", "a".repeat(1 << 20));
    let far = message("a.vec", far.as_bytes(), &["a"]).unwrap();
    assert!(far.contains("line 2: expected at most"), "{far}");
    // what is no contradiction: ends of lines of another system, a word twice (the first counts), no last end of line
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.vec");
    std::fs::write(&path, "2 2\r\na 3 4 \r\na 1 0").unwrap();
    let (vector, _) = read(&path, &["a"]).unwrap().sentence("a");
    assert!((vector[0] - 0.6).abs() < 1e-6 && (vector[1] - 0.8).abs() < 1e-6);
}

#[test]
fn a_binary_file_that_cannot_be_used_is_refused_with_the_reason() {
    let good = std::fs::read(folder().join("skipgram.bin")).unwrap();
    let changed = |at: usize, bytes: &[u8]| {
        let mut file = good.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    let int = |value: i32| value.to_le_bytes();
    // after the number and the version twelve settings, a double, the dictionary's three sizes and two longs
    let settings = |n: usize| 8 + 4 * n;
    let words = i32::from_le_bytes(good[64..][4..8].try_into().unwrap());
    let mut at = 92;
    for _ in 0..words {
        at += good[at..].iter().position(|&b| b == 0).unwrap() + 10;
    }
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        (
            "number",
            changed(0, &int(1)),
            "expected fastText's number 793712314",
        ),
        (
            "version",
            changed(4, &int(11)),
            "version: expected 12, found 11",
        ),
        (
            "dim",
            changed(settings(0), &int(-8)),
            "dim: expected 1 to 65536, found -8",
        ),
        (
            "other dim",
            changed(settings(0), &int(9)),
            "rows of 9 values, found 264 of 8",
        ),
        (
            "labels",
            changed(settings(7), &int(3)),
            "trained without labels",
        ),
        (
            "buckets",
            changed(settings(8), &int(0)),
            "buckets: expected a positive number",
        ),
        (
            "more buckets",
            changed(settings(8), &int(i32::MAX)),
            "matrix: expected",
        ),
        (
            "minn",
            changed(settings(9), &int(-1)),
            "minn: expected 0 to 64",
        ),
        (
            "maxn",
            changed(settings(10), &int(i32::MAX)),
            "maxn: expected 0 to 64",
        ),
        (
            "size",
            changed(64, &int(i32::MAX)),
            "dictionary size: expected words and labels",
        ),
        (
            "pruned",
            changed(84, &3i64.to_le_bytes()),
            "quantised models are not read",
        ),
        ("kind", changed(at - 1, &[1]), "expected kind 0, found 1"),
        ("quantised", changed(at, &[1]), "found a quantised one"),
        (
            "rows",
            changed(at + 1, &i64::MAX.to_le_bytes()),
            "rows of 8 values, found",
        ),
        (
            "no number",
            changed(at + 17, &f32::NAN.to_le_bytes()),
            "row 0 of the matrix",
        ),
        (
            "cut",
            good[..at + 100].to_vec(),
            "cut short: expected at least",
        ),
    ];
    for (name, bytes, expected) in cases {
        let found = message("a.bin", &bytes, &["</s> the school"]);
        assert!(
            found.as_ref().is_some_and(|m| m.contains(expected)),
            "{name}: {found:?}"
        );
    }
    // both sizes lie alike: the file ends before the dictionary does
    let mut lying = changed(64, &int(i32::MAX));
    lying[68..72].copy_from_slice(&int(i32::MAX));
    assert!(message("a.bin", &lying, &["a"]).is_some());
    let missing = read(Path::new("no-such.vec"), &[]).unwrap_err().to_string();
    assert!(missing.contains("no-such.vec"), "{missing}");
    assert!(
        read(&folder(), &[])
            .unwrap_err()
            .to_string()
            .contains("expected a file")
    );
}

#[test]
fn damaged_files_are_errors_or_vectors_but_never_a_panic() {
    let texts = ["my grandchildren ñandú the 日本語文章"];
    let mut state = 7u64;
    let mut random = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for name in ["skipgram.bin", "words.bin", "words.vec"] {
        let good = std::fs::read(folder().join(name)).unwrap();
        // where the output matrix begins, which is not needed, is not known here: cuts within the first half are errors
        for cut in (0..good.len() / 2).step_by(97) {
            assert!(
                message(name, &good[..cut], &texts).is_some(),
                "{name} cut at {cut}"
            );
        }
        for _ in 0..400 {
            let mut bytes = good.clone();
            for _ in 0..1 + random(3) {
                // half of the damage where the sizes are
                let within = if random(2) == 0 { 110 } else { bytes.len() };
                let at = random(within);
                bytes[at] = [0, 0xff, 0x7f, 0x80, b' ', b'\n', random(256) as u8][random(7)];
            }
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            if let Ok(vectors) = read(&path, &texts) {
                let (vector, _) = vectors.sentence(texts[0]);
                assert!(vector.iter().all(|v| v.is_finite()), "{name}");
            }
        }
    }
}

#[test]
fn reading_can_be_stopped() {
    for name in ["skipgram.bin", "words.vec"] {
        let file = FastText::open(&folder().join(name)).unwrap();
        let error = file.read(["the"], &|_, _| false).unwrap_err();
        assert!(matches!(error, TextError::Stopped));
    }
}
