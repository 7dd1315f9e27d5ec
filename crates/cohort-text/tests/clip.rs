//! CLIP's ids against those of transformers (scripts/clip_reference.py; `clip_tokens.json` of the shared reference data), with
//! the pairs of OpenCLIP's file, which lies there only.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use cohort_text::ClipTokeniser;
use serde_json::{Value, json};

fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("COHORT_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = folder.join("data/model-reference/generation");
    if folder.join("clip_tokens.json").is_file() {
        return Some(folder);
    }
    println!(
        "skipped: COHORT_SHARED names no folder with data/model-reference/generation/clip_tokens.json"
    );
    None
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("the file")).expect("JSON")
}

fn reference() -> Value {
    serde_json::from_str(include_str!("clip_reference.json")).expect("JSON")
}

fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).expect("ids")
}

/// OpenCLIP's pairs, and the vocabulary that follows from them.
fn pairs(folder: &Path) -> (Vec<String>, HashMap<String, u32>) {
    let file = std::fs::File::open(folder.join("bpe_simple_vocab_16e6.txt.gz")).expect("the file");
    let mut text = String::new();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .expect("text");
    let pairs: Vec<String> = text
        .lines()
        .skip(1)
        .take(48_894)
        .map(str::to_owned)
        .collect();
    let seen = ('!'..='~')
        .chain('\u{a1}'..='\u{ac}')
        .chain('\u{ae}'..='\u{ff}');
    let bytes: Vec<String> = seen
        .chain('\u{100}'..='\u{143}')
        .map(String::from)
        .collect();
    let ends = bytes.iter().map(|byte| format!("{byte}</w>"));
    let made = pairs.iter().map(|pair| pair.replace(' ', ""));
    let marks = ["<|startoftext|>", "<|endoftext|>"].map(str::to_owned);
    let pieces = bytes.iter().cloned().chain(ends).chain(made).chain(marks);
    let vocabulary = pieces.zip(0..).collect();
    (pairs, vocabulary)
}

/// A folder with `vocab.json`, `merges.txt` and the files given.
fn folder(shared: &Path, files: &Value) -> tempfile::TempDir {
    let (pairs, vocabulary) = pairs(shared);
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: String| {
        std::fs::write(folder.path().join(name), text).expect("written");
    };
    write("vocab.json", json!(vocabulary).to_string());
    write(
        "merges.txt",
        format!("#version: 0.2\n{}\n", pairs.join("\n")),
    );
    for (name, content) in files.as_object().expect("files") {
        write(name, content.to_string());
    }
    folder
}

/// A folder with a `tokenizer.json`: the golden's with the pairs and the vocabulary filled in, changed by `change`.
fn json_folder(shared: &Path, lines: bool, change: impl FnOnce(&mut Value)) -> tempfile::TempDir {
    let (pairs, vocabulary) = pairs(shared);
    let mut file = reference()["tokenizer.json"].take();
    let split = |pair: &String| json!(pair.split(' ').collect::<Vec<_>>());
    file["model"]["vocab"] = json!(vocabulary);
    file["model"]["merges"] = match lines {
        true => json!(pairs),
        false => pairs.iter().map(split).collect(),
    };
    change(&mut file);
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("tokenizer.json"), file.to_string()).expect("written");
    folder
}

fn hold(tokeniser: &ClipTokeniser, cases: &Value, key: &str, form: &str) {
    let cases = cases.as_array().expect("cases");
    let wrong = cases.iter().filter(|case| {
        let text = case["text"].as_str().expect("a text");
        let (found, expected) = (tokeniser.encode(text).ids, ids(&case[key]));
        if found != expected {
            eprintln!("{form} {text:?}\n {found:?}\n {expected:?}");
        }
        found != expected
    });
    assert_eq!(wrong.count(), 0, "{form}: of {}", cases.len());
}

#[test]
fn every_form_of_the_files_gives_the_ids_of_transformers() {
    let Some(shared) = shared() else { return };
    let golden = read(&shared.join("clip_tokens.json"));
    assert!(golden["strings"].as_array().expect("strings").len() > 20);
    let folders = reference()["folders"].take();
    let sd1 = folder(&shared, &folders[1]["files"]);
    let made = json_folder(&shared, false, |_| {});
    let lines = json_folder(&shared, true, |_| {});
    let file = shared.join("bpe_simple_vocab_16e6.txt.gz");
    for path in [sd1.path(), made.path(), lines.path(), &shared, &file] {
        let form = path.display().to_string();
        let tokeniser = ClipTokeniser::open(path, None).expect("a tokeniser");
        assert_eq!(tokeniser.max_tokens(), 77);
        hold(&tokeniser, &golden["strings"], "hf", &form);
        let whole = ClipTokeniser::open(path, Some(100_000)).expect("a tokeniser");
        let mut texts = reference()["texts"].take();
        if path == shared || path == file {
            // here marks are looked for as they are written
            let list = texts.as_array_mut().expect("texts");
            let before = list.len();
            list.retain(|case| {
                let text = case["text"].as_str().expect("a text");
                !text.contains("<|START") && !text.contains("<|End")
            });
            assert_eq!(before - list.len(), 2);
        }
        hold(&whole, &texts, "ids", &form);
    }
}

#[test]
fn what_lies_beside_the_vocabulary_decides_marks_padding_and_length() {
    let Some(shared) = shared() else { return };
    let folders = reference()["folders"].take();
    for case in folders.as_array().expect("folders") {
        let folder = folder(&shared, &case["files"]);
        let tokeniser = ClipTokeniser::open(folder.path(), None).expect("a tokeniser");
        let name = case["name"].as_str().expect("a name");
        assert_eq!(json!(tokeniser.pad()), case["pad"], "{name}");
        assert_eq!(json!(tokeniser.max_tokens()), case["length"], "{name}");
        hold(&tokeniser, &case["cases"], "ids", name);
        for case in case["cases"].as_array().expect("cases") {
            let text = case["text"].as_str().expect("a text");
            let padded = tokeniser.encode_padded(text);
            assert_eq!(padded.ids, ids(&case["padded"]), "{name} {text:?}");
            let plain = tokeniser.encode(text);
            assert_eq!((plain.end, plain.cut), (padded.end, padded.cut));
        }
    }
}

#[test]
fn long_texts_keep_the_end_mark_and_say_what_was_cut() {
    let Some(shared) = shared() else { return };
    let reference = reference();
    let words: Vec<String> = serde_json::from_value(reference["words"].clone()).expect("words");
    for case in reference["long"].as_array().expect("cases") {
        let count = case["count"].as_u64().expect("a number") as usize;
        let text: Vec<&str> = (0..count)
            .map(|i| words[(i * i + 3 * i) % words.len()].as_str())
            .collect();
        let text = text.join(" ");
        let open = |length| ClipTokeniser::open(&shared, Some(length)).expect("a tokeniser");
        let all = open(1 << 20).encode(&text);
        assert_eq!(json!(all.ids.len()), case["tokens"]);
        assert_eq!(all.cut, 0);
        let numbers = all.ids.iter().zip(0u64..);
        let sum = numbers.fold(0, |sum, (&id, k)| (sum + u64::from(id) * k) % (1 << 32));
        assert_eq!(json!(sum), case["sum"]);
        let cut = open(76).encode(&text);
        assert_eq!(cut.ids[..75], ids(&case["first"]));
        assert_eq!((cut.ids[75], cut.end), (49_407, 75));
        assert_eq!(cut.cut, all.ids.len() - 76);
    }
    // a word without an end
    let word = "ab".repeat(500_000);
    let tokens = ClipTokeniser::open(&shared, None)
        .expect("a tokeniser")
        .encode(&word);
    assert_eq!((tokens.ids.len(), tokens.end), (77, 76));
    assert!(tokens.cut > 100_000, "{}", tokens.cut);
}

#[test]
fn a_text_is_needed_up_to_the_first_end_mark_only() {
    let Some(shared) = shared() else { return };
    let tokeniser = ClipTokeniser::open(&shared, None).expect("a tokeniser");
    assert_eq!(tokeniser.pad(), 0);
    let tokens = tokeniser.encode("a cat<|endoftext|>a dog");
    assert_eq!(tokens.ids, [49406, 320, 2368, 49407, 320, 1929, 49407]);
    assert_eq!(tokens.needed(), [49406, 320, 2368, 49407]);
    assert_eq!(tokeniser.encode("").needed(), [49406, 49407]);
}

#[test]
fn what_tokenizer_json_states_is_heeded() {
    let Some(shared) = shared() else { return };
    let open = |change: fn(&mut Value)| {
        let folder = json_folder(&shared, false, change);
        ClipTokeniser::open(folder.path(), None).expect("a tokeniser")
    };
    let ids = |tokeniser: &ClipTokeniser, text: &str| {
        let ids = tokeniser.encode(text).ids;
        ids[1..ids.len() - 1].to_vec()
    };
    let plain = open(|_| {});
    let cased = open(|file| file["normalizer"]["normalizers"] = json!([{"type": "NFC"}]));
    assert_eq!(ids(&cased, "cat"), ids(&plain, "CAT"));
    // C, A, T</w> of the alphabet of bytes
    assert_eq!(ids(&cased, "CAT"), [34, 32, 307]);
    // marks that are spelled in capitals are words of their own under the one pattern only
    let marks = |file: &mut Value| {
        for mark in file["added_tokens"].as_array_mut().expect("marks") {
            mark["normalized"] = json!(false);
        }
    };
    let with = json_folder(&shared, false, marks);
    let without = json_folder(&shared, false, |file| {
        marks(file);
        let pattern = &mut file["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"];
        let whole = pattern.as_str().expect("a pattern");
        *pattern = json!(whole.replace(r"<\|startoftext\|>|<\|endoftext\|>|", ""));
    });
    let [with, without] =
        [with, without].map(|f| ClipTokeniser::open(f.path(), None).expect("a tokeniser"));
    let text = "<|EndOfText|>!!";
    assert_ne!(ids(&with, text), ids(&without, text));
    assert_eq!(ids(&with, "it's 12"), [585, 568, 272, 273]);
    assert_eq!(ids(&without, "it's 12"), [585, 568, 272, 273]);
    let template = open(|file| {
        file["post_processor"] = json!({
            "type": "TemplateProcessing",
            "single": [
                {"SpecialToken": {"id": "<|startoftext|>", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}},
            ],
            "special_tokens": {"<|startoftext|>": {"ids": [49406]}, "<|endoftext|>": {"ids": [49407]}},
        });
    });
    assert_eq!(template.encode("a cat").ids, [49406, 320, 2368, 49407]);
}

/// A whole alphabet and the pair of `a` and `b` at the end of a word.
fn small() -> (Value, tempfile::TempDir) {
    let mut file = reference()["tokenizer.json"].take();
    file["model"]["vocab"] =
        json!({"a": 0, "b</w>": 1, "ab</w>": 2, "<|startoftext|>": 3, "<|endoftext|>": 4});
    file["model"]["merges"] = json!(["a b</w>"]);
    let marks = file["added_tokens"].as_array_mut().expect("marks");
    for (mark, id) in marks.iter_mut().zip([3, 4]) {
        mark["id"] = json!(id);
    }
    file["post_processor"]["cls"][1] = json!(3);
    file["post_processor"]["sep"][1] = json!(4);
    (file, tempfile::tempdir().expect("a folder"))
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let (plain, folder) = small();
    let path = folder.path();
    let error = ClipTokeniser::open(path, None).unwrap_err().to_string();
    assert!(error.contains("found none of them"), "{error}");
    let write = |name: &str, text: &str| std::fs::write(path.join(name), text).expect("written");
    write("tokenizer.json", &plain.to_string());
    let made = ClipTokeniser::open(path, None).expect("a tokeniser");
    // what the vocabulary lacks is unknown, here the end mark
    assert_eq!(made.encode("ab axb").ids, [3, 2, 0, 4, 1, 4]);
    let cases: [(&str, Value, &str); 17] = [
        (
            "/model/type",
            json!("WordPiece"),
            "type: expected BPE, found \"WordPiece\"",
        ),
        (
            "/model/end_of_word_suffix",
            json!(""),
            "end_of_word_suffix: expected </w>",
        ),
        (
            "/model/continuing_subword_prefix",
            json!("##"),
            "continuing_subword_prefix: expected nothing, found \"##\"",
        ),
        (
            "/model/dropout",
            json!(0.1),
            "dropout: expected nothing, found 0.1",
        ),
        (
            "/model/byte_fallback",
            json!(true),
            "byte_fallback: expected nothing",
        ),
        (
            "/model/ignore_merges",
            json!(true),
            "ignore_merges: expected nothing",
        ),
        (
            "/model/merges",
            json!(["a b c"]),
            "merge 1: expected two pieces, found \"a b c\"",
        ),
        (
            "/model/merges",
            json!([["a", "c"]]),
            "merge 0 (\"a\" and \"c\"): expected \"c\" in the vocabulary",
        ),
        (
            "/model/unk_token",
            Value::Null,
            "or a token for what is unknown, found neither",
        ),
        (
            "/model/unk_token",
            json!("?"),
            "unk_token: expected a token of the vocabulary, found \"?\"",
        ),
        ("/model/vocab", json!({}), "expected tokens, found none"),
        (
            "/normalizer",
            json!({"type": "NFKC"}),
            "normalizer: expected NFC",
        ),
        (
            "/pre_tokenizer",
            json!({"type": "Whitespace"}),
            "pre_tokenizer: expected CLIP's Split and ByteLevel",
        ),
        (
            "/pre_tokenizer/pretokenizers/1/add_prefix_space",
            json!(true),
            "pre_tokenizer: expected CLIP's",
        ),
        (
            "/post_processor/type",
            json!("BertProcessing"),
            "post_processor: expected RobertaProcessing",
        ),
        (
            "/post_processor/sep/1",
            json!(3),
            "post_processor: expected an id of the vocabulary, found \"<|endoftext|>\" as 3",
        ),
        (
            "/added_tokens/0/single_word",
            json!(true),
            "single_word: expected false",
        ),
    ];
    for (place, value, part) in cases {
        let mut file = plain.clone();
        let (parent, key) = place.rsplit_once('/').expect("a place");
        let parent = file.pointer_mut(parent).expect("a place");
        match key.parse::<usize>() {
            Ok(at) => parent[at] = value,
            Err(_) => parent[key] = value,
        }
        write("tokenizer.json", &file.to_string());
        let error = ClipTokeniser::open(path, None).unwrap_err().to_string();
        assert!(
            error.contains(part) && error.contains("tokenizer.json"),
            "{place}: {error}"
        );
    }
    write("tokenizer.json", &plain.to_string());
    for (text, part) in [
        (
            r#"{"do_lower_case": false}"#,
            "do_lower_case: expected true",
        ),
        (
            r#"{"tokenizer_class": "GPT2Tokenizer"}"#,
            "expected CLIPTokenizer, found \"GPT2Tokenizer\"",
        ),
        (
            r#"{"eos_token": "a"}"#,
            "eos_token: expected \"<|endoftext|>\", as tokenizer.json",
        ),
        (
            r#"{"pad_token": "[PAD]"}"#,
            "pad_token: expected a token of the vocabulary, found \"[PAD]\"",
        ),
        (
            r#"{"model_max_length": 1}"#,
            "model_max_length: expected a whole number of at least 2, found 1",
        ),
        (
            r#"{"added_tokens_decoder": {"9": {"content": "a"}}}"#,
            "added token \"a\": expected the vocabulary's id, found 9",
        ),
    ] {
        write("tokenizer_config.json", text);
        let error = ClipTokeniser::open(path, None).unwrap_err().to_string();
        assert!(
            error.contains(part) && error.contains("tokenizer_config.json"),
            "{error}"
        );
    }
    std::fs::remove_file(path.join("tokenizer_config.json")).expect("removed");
    std::fs::remove_file(path.join("tokenizer.json")).expect("removed");
    write("vocab.json", &plain["model"]["vocab"].to_string());
    for (text, part) in [
        ("a b</w>\n", "line 1: expected #version, found \"a b</w>\""),
        ("#version: 0.2\na b</w>\na\n", "line 3: expected two pieces"),
        (
            "#version: 0.2\n\na b</w>\n",
            "line 2: expected two pieces and no empty line",
        ),
        ("#version: 0.2\nb</w> a\n", "merge 0"),
    ] {
        write("merges.txt", text);
        let error = ClipTokeniser::open(path, None).unwrap_err().to_string();
        assert!(
            error.contains(part) && error.contains("merges.txt"),
            "{error}"
        );
    }
    write("merges.txt", "#version: 0.2\na b</w>\n");
    write("added_tokens.json", r#"{"[NEW]": 5}"#);
    let made = ClipTokeniser::open(path, None).expect("a tokeniser");
    assert_eq!(made.encode("ab[NEW]ab").ids, [3, 2, 5, 2, 4]);
}
