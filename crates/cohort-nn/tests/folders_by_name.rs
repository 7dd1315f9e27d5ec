//! Model folders that are named `hf:org/name`, from a hub of the test's own: what is asked for, in which order, of which commit.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use cohort_hub::{Hub, Received};
use cohort_nn::BertFolder;
#[cfg(feature = "whisper")]
use cohort_nn::WhisperFolder;

/// Answers each connection with what `answer` says to its request; gives back the requests. Ends after `count`.
fn serve(
    count: usize,
    answer: impl Fn(&str) -> Vec<u8> + Send + 'static,
) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let one = |_| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut request = String::new();
            while !request.ends_with("\r\n\r\n") {
                assert!(reader.read_line(&mut request).unwrap() > 0);
            }
            // a client that has heard enough goes
            let _ = stream.write_all(&answer(&request));
            request
        };
        (0..count).map(one).collect()
    });
    (address, thread)
}

/// Answers with a folder's files, as the hub does.
fn serve_folder(count: usize, folder: PathBuf) -> (String, JoinHandle<Vec<String>>) {
    serve(count, move |request| {
        let path = request.split(' ').nth(1).unwrap();
        let (_, path) = path.split_once("/resolve/").unwrap();
        let (_, file) = path.split_once('/').unwrap();
        match fs::read(folder.join(file)) {
            Ok(bytes) => {
                let etag = file.replace('/', "-");
                let length = bytes.len();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nX-Repo-Commit: c0\r\nETag: \"{etag}\"\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                );
                [head.into_bytes(), bytes].concat()
            }
            Err(_) => b"HTTP/1.1 404 Not Found\r\nX-Error-Code: EntryNotFound\r\nX-Repo-Commit: c0\r\nContent-Length: 2\r\n\
                Connection: close\r\n\r\nno"
                .to_vec(),
        }
    })
}

fn asked(requests: &[String]) -> Vec<&str> {
    let paths = requests.iter().filter_map(|r| r.split(' ').nth(1));
    paths
        .filter_map(|path| path.split_once("/resolve/"))
        .map(|(_, rest)| rest)
        .collect()
}

/// A hub and its cache, which goes with it.
struct Cached(Hub);

impl Cached {
    fn new(name: &str, endpoint: &str) -> Self {
        let cache =
            std::env::temp_dir().join(format!("cohort-folder-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&cache);
        Self(Hub {
            cache,
            endpoint: endpoint.to_owned(),
            token: None,
            offline: false,
        })
    }

    fn folder(&self) -> PathBuf {
        self.0.cache.join("models--org--name")
    }
}

impl Drop for Cached {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0.cache);
    }
}

fn goes_on(_: &Received) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn a_sentence_transformers_folder_is_fetched_whole() {
    let source = std::env::temp_dir().join(format!("cohort-bert-source-{}", std::process::id()));
    let write = |file: &str, text: &str| {
        let path = source.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "modules.json",
        r#"[{"path": "", "type": "sentence_transformers.models.Transformer"},
            {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]"#,
    );
    for file in [
        "1_Pooling/config.json",
        "config.json",
        "vocab.txt",
        "pytorch_model.bin",
    ] {
        write(file, "{}");
    }
    let (endpoint, server) = serve_folder(12, source.clone());
    let hub = Cached::new("bert", &endpoint);
    let folder = BertFolder::find("hf:org/name", &hub.0, &mut goes_on).unwrap();
    assert_eq!(folder, hub.folder().join("snapshots/c0"));
    let requests = server.join().unwrap();
    // from the second file on all are of one commit
    let expected = [
        "main/modules.json",
        "c0/1_Pooling/config.json",
        "c0/config_sentence_transformers.json",
        "c0/config.json",
        "c0/tokenizer_config.json",
        "c0/sentence_bert_config.json",
        "c0/tokenizer.json",
        "c0/vocab.txt",
        "c0/special_tokens_map.json",
        "c0/added_tokens.json",
        "c0/model.safetensors",
        "c0/pytorch_model.bin",
    ];
    assert_eq!(asked(&requests), expected);
    // What is there and what is not are both known: nobody is asked again.
    let again = BertFolder::find("hf:org/name", &hub.0, &mut goes_on).unwrap();
    assert_eq!(again, folder);
    assert_eq!(
        BertFolder::find("some/folder", &hub.0, &mut goes_on).unwrap(),
        Path::new("some/folder")
    );

    // whether a file is there that the cache does not know of is no guess
    let gone = hub.folder().join(".no_exist/c0/tokenizer_config.json");
    fs::remove_file(gone).unwrap();
    let error = BertFolder::find("hf:org/name", &hub.0, &mut goes_on).unwrap_err();
    assert!(error.to_string().contains("HF_HUB_OFFLINE=1"), "{error}");
    let offline = Hub {
        offline: true,
        ..hub.0.clone()
    };
    let found = BertFolder::find("hf:org/name", &offline, &mut goes_on).unwrap();
    assert_eq!(found, folder);

    // a repository cannot lead out of its folder
    write(
        "modules.json",
        r#"[{"path": "../..", "type": "x.Pooling"}]"#,
    );
    let (endpoint, server) = serve_folder(1, source.clone());
    let hub = Cached::new("bert", &endpoint);
    let error = BertFolder::find("hf:org/name", &hub.0, &mut goes_on).unwrap_err();
    assert!(
        error.to_string().contains("path within the repository"),
        "{error}"
    );
    server.join().unwrap();
    fs::remove_dir_all(source).unwrap();
}

#[cfg(feature = "whisper")]
#[test]
fn a_whisper_is_fetched_with_what_there_is_of_it() {
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/whisper/tiny");
    let local = WhisperFolder::open(&tiny).unwrap();
    let (endpoint, server) = serve_folder(local.files.len(), tiny);
    let hub = Cached::new("whisper", &endpoint);
    let found = WhisperFolder::find("hf:org/name", &hub.0, &mut goes_on).unwrap();
    let requests = server.join().unwrap();
    assert_eq!(found.config, local.config);
    assert_eq!(requests.len(), found.files.len(), "{:?}", asked(&requests));
    assert!(asked(&requests).last().unwrap().starts_with("c0/model."));
    WhisperFolder::find("hf:org/name", &hub.0, &mut goes_on).unwrap();

    let empty = std::env::temp_dir().join("cohort-no-such-source");
    let (endpoint, server) = serve_folder(1, empty);
    let hub = Cached::new("whisper", &endpoint);
    let error = WhisperFolder::find("hf:org/name", &hub.0, &mut goes_on).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("hf:org/name:config.json"), "{error}");
    server.join().unwrap();
}
