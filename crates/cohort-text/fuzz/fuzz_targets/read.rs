//! Any bytes as word vectors and as the files of a tokeniser: vectors of one length, ids in order, or an error, never a panic.
#![no_main]

use cohort_text::{ClipTokeniser, FastText, Tokeniser};

const NAMES: [&str; 8] = [
    "v.vec",
    "v.bin",
    "tokenizer.json",
    "vocab.txt",
    "tokenizer_config.json",
    "merges.txt",
    "vocab.json",
    "bpe_simple_vocab_16e6.txt.gz",
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&name, bytes)) = bytes.split_first() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let name = NAMES[usize::from(name) % NAMES.len()];
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join(name), bytes).expect("a temporary file")
    };
    write(name, bytes);
    if name.starts_with("v.") {
        let Ok(file) = FastText::open(&folder.path().join(name)) else {
            return;
        };
        if let Ok(vectors) = file.read(["the", "a b"], &|_, _| true) {
            let (mean, _) = vectors.sentence("the a");
            assert_eq!(mean.len(), file.dim());
            assert!(mean.iter().all(|value| value.is_finite()));
        }
        return;
    }
    if name == "tokenizer_config.json" {
        write(
            "vocab.txt",
            b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\n##s\n",
        );
    }
    match name {
        "merges.txt" => write("vocab.json", br#"{"a": 0, "b</w>": 1, "ab</w>": 2}"#),
        "vocab.json" => write("merges.txt", b"#version: 0.2\na b</w>\n"),
        _ => {}
    }
    if let Ok(tokeniser) = ClipTokeniser::open(folder.path(), None) {
        let tokens = tokeniser.encode_padded("The S\u{e9}an\u{301}ce <|endoftext|> ab!");
        assert!(tokens.ids.len() == tokeniser.max_tokens() && tokens.end < tokens.ids.len());
    }
    if let Ok(tokeniser) = Tokeniser::open(folder.path(), 16) {
        let _ = tokeniser.encode("The S\u{e9}an\u{301}ce \u{4e2d}\u{6587} thes");
    }
});
