//! One table in every format that people publish word vectors in.

use std::io::Write;

use cohort_text::{FastText, WordVectors};
use flate2::Compression;
use flate2::write::GzEncoder;

const WORDS: [(&str, [f32; 3]); 4] = [
    ("hello", [0.125, -0.5, 0.75]),
    ("old", [-1.25, 0.0, 2.0]),
    ("niño", [1e-3, 4.0, -0.25]),
    ("4", [0.5, 0.5, 0.5]),
];
const TEXT: &str = "hello old niño 4 absent";

fn read(bytes: &[u8]) -> Result<WordVectors, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words");
    std::fs::write(&path, bytes).unwrap();
    let file = FastText::open(&path).map_err(|e| e.to_string())?;
    assert_eq!(file.dim(), 3);
    file.read([TEXT], &|_, _| true).map_err(|e| e.to_string())
}

/// Each word's vector against its definition: the numbers above, scaled to length 1.
fn check(name: &str, bytes: &[u8]) {
    let vectors = read(bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
    for (word, values) in WORDS {
        let length = values.iter().map(|v| v * v).sum::<f32>().sqrt();
        let (found, known) = vectors.sentence(word);
        assert_eq!(known, 1, "{name}: {word}");
        for (a, b) in found.iter().zip(values) {
            assert!((a - b / length).abs() < 1e-6, "{name} {word}: {found:?}");
        }
    }
    assert_eq!(vectors.sentence("absent").1, 0, "{name}");
}

fn lines(separator: &str, end: &str) -> String {
    let line = |(word, values): &(&str, [f32; 3])| {
        let values = values.map(|v| v.to_string()).join(separator);
        format!("{word}{separator}{values}{end}")
    };
    WORDS.iter().map(line).collect()
}

/// As word2vec.c writes it, with an end of line after each row, or without, as some do.
fn binary(end: &str) -> Vec<u8> {
    let mut bytes = format!("{} 3\n", WORDS.len()).into_bytes();
    for (word, values) in WORDS {
        bytes.extend(word.bytes());
        bytes.push(b' ');
        bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        bytes.extend(end.bytes());
    }
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_format_gives_the_same_vectors() {
    let head = "4 3\n";
    let plain = lines(" ", "\n");
    let spaced = ". . . 1 2 3\nat name@domain.com 1 2 3\n";
    let texts = [
        ("fastText", format!("{head}{plain}")),
        ("GloVe", plain.clone()),
        ("GloVe with blank lines at the end", format!("{plain}\n\n")),
        ("GloVe, no last end of line", plain.trim_end().to_owned()),
        ("GloVe 840B", format!("{spaced}{plain}")),
        (
            "words with spaces under a head",
            format!("6 3\n{plain}{spaced}"),
        ),
        ("spaces at the ends", format!("{head}{}", lines(" ", " \n"))),
        ("CRLF", format!("4 3\r\n{}", lines(" ", "\r\n"))),
        ("GloVe with CRLF", lines(" ", "\r\n")),
        ("tabs", format!("4\t3\n{}", lines("\t", "\n"))),
        ("GloVe with tabs", lines("\t", "\n")),
    ];
    for (name, text) in texts {
        check(name, text.as_bytes());
        check(
            &format!("{name}, BOM"),
            format!("\u{feff}{text}").as_bytes(),
        );
        check(&format!("{name}, gzip"), &gzip(text.as_bytes()));
    }
    for end in ["", "\n"] {
        check("word2vec", &binary(end));
        check("word2vec, gzip", &gzip(&binary(end)));
    }
    // gzip files may be parts one after the other
    let (first, rest) = plain.split_at(20);
    check(
        "two parts",
        &[gzip(first.as_bytes()), gzip(rest.as_bytes())].concat(),
    );
}

#[test]
fn damaged_and_foreign_files_are_told() {
    let whole = binary("\n");
    let error = |bytes: &[u8]| read(bytes).map(drop).unwrap_err();
    for cut in [20, 30, whole.len() - 5] {
        let found = error(&whole[..cut]);
        assert!(
            found.contains("cut short") || found.contains("line 2"),
            "{cut}: {found}"
        );
    }
    let found = error(&[&whole[..], b"more"].concat());
    assert!(
        found.contains("expected 4 words as line 1 says, found more"),
        "{found}"
    );
    let mut lie = whole.clone();
    lie[0] = b'9';
    let found = error(&lie);
    assert!(
        found.contains("expected 9 words of 3 values as line 1 says, found 4"),
        "{found}"
    );
    let mut infinite = whole.clone();
    infinite[10..14].copy_from_slice(&f32::INFINITY.to_le_bytes());
    let found = error(&infinite);
    assert!(
        found.contains("word 1 (\"hello\"): expected finite numbers"),
        "{found}"
    );

    let packed = gzip(&whole);
    for bytes in [&packed[..packed.len() / 2], &packed[..packed.len() - 4]] {
        let found = error(bytes);
        assert!(
            found.contains("gzip") || found.contains("cut short"),
            "{found}"
        );
    }
    for (bytes, part) in [
        (&b"PK\x03\x04rest"[..], "a zip archive: unpack it first"),
        (b"BZh91AY", "bzip2: unpack it first"),
        (b"\xfd7zXZ\0\0", "xz: unpack it first"),
        (b"\xff\xfea\0 \x001\0", "UTF-16"),
        (b"\x80\x04\x95", "save_word2vec_format"),
        (b"hello,1,2,3\n", "line 1: expected the number of words"),
        (b"", "line 1: expected the number of words"),
    ] {
        let found = error(bytes);
        assert!(found.contains(part), "{found}");
    }
    // fastText's own binary format has to be moved about in
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fasttext/words.bin");
    let found = error(&gzip(&std::fs::read(own).unwrap()));
    assert!(found.contains("gzip: unpack it first"), "{found}");
}

#[test]
fn reading_without_a_head_tells_how_far_it_is_and_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words");
    for bytes in [
        lines(" ", "\n").into_bytes(),
        gzip(lines(" ", "\n").as_bytes()),
        binary(""),
    ] {
        std::fs::write(&path, &bytes).unwrap();
        let file = FastText::open(&path).unwrap();
        assert!(file.read([TEXT], &|done, of| done <= of && of > 0).is_ok());
        assert!(file.read([TEXT], &|_, _| false).is_err());
    }
}
