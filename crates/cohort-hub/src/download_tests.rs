//! Downloads from a server of one's own.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use ring::digest::{SHA256, digest};

use crate::{Hub, HubError, Received, Repository};

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

fn serve_all(responses: Vec<Vec<u8>>) -> (String, JoinHandle<Vec<String>>) {
    let next = AtomicUsize::new(0);
    serve(responses.len(), move |_| {
        responses[next.fetch_add(1, Ordering::SeqCst)].clone()
    })
}

fn response(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A hub and its cache, which goes with it.
struct Cached(Hub);

impl Cached {
    fn new(name: &str, endpoint: &str) -> Self {
        let cache = std::env::temp_dir().join(format!("cohort-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&cache);
        Self(Hub {
            cache,
            endpoint: endpoint.to_owned(),
            token: Some("secret".to_owned()),
            offline: false,
        })
    }

    fn folder(&self) -> PathBuf {
        self.0.folder("org/name")
    }

    fn resolve(&self, name: &str) -> Result<PathBuf, HubError> {
        self.0.resolve(&name.parse().unwrap(), &mut goes_on)
    }

    fn blobs(&self) -> Vec<(String, u64)> {
        let files = fs::read_dir(self.folder().join("blobs"));
        let files = files.into_iter().flatten().map(|file| {
            let file = file.unwrap();
            let name = file.file_name().into_string().unwrap();
            (name, file.metadata().unwrap().len())
        });
        files.collect()
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

fn sha256(bytes: &[u8]) -> String {
    let hash = digest(&SHA256, bytes);
    hash.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn a_file_is_fetched_once_into_the_shared_layout() {
    // the store is another host than the hub
    let (store, stored) = serve_all(vec![response("200 OK", "ETag: \"other\"\r\n", "weights")]);
    let meta = format!(
        "X-Repo-Commit: c0ffee\r\nX-Linked-Etag: \"beef\"\r\nX-Linked-Size: 7\r\nLocation: {store}/1\r\n"
    );
    let moved = "Location: /new/name/resolve/main/sub/w%201.bin\r\n";
    let (endpoint, server) = serve_all(vec![
        response("307 Temporary Redirect", moved, "moved"),
        response("302 Found", &meta, ""),
    ]);
    let hub = Cached::new("fetch", &endpoint);
    let name = "hf:org/name@refs/pr/1:sub/w 1.bin";
    let path = hub.resolve(name).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "weights");
    let folder = hub.folder();
    assert_eq!(path, folder.join("snapshots/c0ffee/sub/w 1.bin"));
    for (file, content) in [("refs/refs/pr/1", "c0ffee"), ("blobs/beef", "weights")] {
        assert_eq!(fs::read_to_string(folder.join(file)).unwrap(), content);
    }
    assert_eq!(hub.blobs().len(), 1);
    let lower = |requests: Vec<String>| -> Vec<String> {
        requests.iter().map(|r| r.to_lowercase()).collect()
    };
    let requests = lower(server.join().unwrap());
    let asked = "get /org/name/resolve/refs%2fpr%2f1/sub/w%201.bin ";
    assert!(requests[0].starts_with(asked), "{requests:?}");
    assert!(requests[1].starts_with("get /new/name/resolve/main/sub/w%201.bin "));
    assert!(
        requests
            .iter()
            .all(|r| r.contains("authorization: bearer secret"))
    );
    let stored = lower(stored.join().unwrap());
    assert!(stored[0].starts_with("get /1 ") && !stored[0].contains("secret"));
    // The servers are gone: the second time it comes from the cache.
    assert_eq!(hub.resolve(name).unwrap(), path);
}

#[test]
fn refusals_and_short_bodies_leave_nothing_behind() {
    let body = |headers: &str| response("200 OK", headers, "weights");
    let refused = |status: &str, headers: &str| response(status, headers, "no");
    let short = "X-Repo-Commit: c\r\nETag: \"e\"\r\nX-Linked-Size: 99\r\n";
    let cut =
        b"HTTP/1.1 200 OK\r\nX-Repo-Commit: c\r\nETag: \"e\"\r\nContent-Length: 99\r\n\r\nweights"
            .to_vec();
    for (answer, part) in [
        (
            refused("404 Not Found", ""),
            "org/name has no file w.bin at main",
        ),
        (
            refused("404 Not Found", "X-Error-Code: RevisionNotFound\r\n"),
            "no branch, tag or commit main",
        ),
        (
            refused("401 Unauthorized", "X-Error-Code: RepoNotFound\r\n"),
            "no repository org/name, or it is private or gated",
        ),
        (
            refused("403 Forbidden", "X-Error-Code: GatedRepo\r\n"),
            "the token in HF_TOKEN does not open it",
        ),
        (refused("503 Service Unavailable", ""), "try again later"),
        (body(short), "expected 99 bytes, found 7"),
        (cut, "broken off after 7 of 99 bytes"),
        (
            body("X-Repo-Commit: ../../c\r\nETag: \"e\"\r\n"),
            "is no file name",
        ),
        (
            body(&format!(
                "X-Repo-Commit: c\r\nETag: \"{}\"\r\n",
                sha256(b"x")
            )),
            "the download is damaged",
        ),
    ] {
        let (endpoint, server) = serve_all(vec![answer]);
        let hub = Cached::new("refuse", &endpoint);
        let error = hub.resolve("hf:org/name:w.bin").unwrap_err().to_string();
        assert!(
            error.contains(part) && error.contains("hf:org/name:w.bin"),
            "{error}"
        );
        server.join().unwrap();
        assert_eq!(hub.blobs(), []);
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = Cached::new("refuse", &endpoint).resolve("hf:org/name:w.bin");
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains(&format!("cannot reach {endpoint}")),
        "{error}"
    );
}

#[test]
fn a_download_that_was_broken_off_goes_on_where_it_was() {
    let whole: Vec<u8> = (0..300_000u64).map(|i| (i * i % 251) as u8).collect();
    let tag = sha256(&whole);
    let head = |status: &str, more: &str, length: usize| {
        format!(
            "HTTP/1.1 {status}\r\nX-Repo-Commit: c\r\nETag: \"{tag}\"\r\n{more}Content-Length: {length}\r\nConnection: close\r\n\r\n"
        )
        .into_bytes()
    };
    let with = |mut head: Vec<u8>, body: &[u8]| {
        head.extend_from_slice(body);
        head
    };
    let all = || with(head("200 OK", "", whole.len()), &whole);
    let cut = || with(head("200 OK", "", whole.len()), &whole[..100_000]);
    let name = "hf:org/name:w.bin";
    let part = format!("{tag}.cohort.incomplete");
    let range = "Content-Range: bytes 100000-299999/300000\r\n";
    let rest = with(
        head("206 Partial Content", range, 200_000),
        &whole[100_000..],
    );
    // a server that knows no ranges begins anew
    for second in [rest, all()] {
        let (endpoint, server) = serve_all(vec![cut(), all(), second]);
        let hub = Cached::new("resume", &endpoint);
        let error = hub.resolve(name).unwrap_err().to_string();
        assert!(error.contains("after 100000 of 300000 bytes"), "{error}");
        assert_eq!(hub.blobs(), [(part.clone(), 100_000)]);
        let path = hub.resolve(name).unwrap();
        assert!(fs::read(path).unwrap() == whole);
        assert_eq!(hub.blobs(), [(tag.clone(), 300_000)]);
        let requests = server.join().unwrap();
        assert!(requests[2].to_lowercase().contains("range: bytes=100000-"));
    }
    // what is here is not trusted: its hash is another
    let (endpoint, server) = serve_all(vec![all(), all()]);
    let hub = Cached::new("resume", &endpoint);
    fs::create_dir_all(hub.folder().join("blobs")).unwrap();
    fs::write(hub.folder().join("blobs").join(&part), vec![0; 300_000]).unwrap();
    let error = hub.resolve(name).unwrap_err().to_string();
    assert!(error.contains("expected SHA-256"), "{error}");
    assert!(fs::read(hub.resolve(name).unwrap()).unwrap() == whole);
    server.join().unwrap();
}

#[test]
fn a_refused_range_begins_anew() {
    let whole: Vec<u8> = (0..50_000u64).map(|i| (i * i % 241) as u8).collect();
    let tag = sha256(&whole);
    let answer = |status: &str, more: &str, body: &[u8]| {
        let length = whole.len();
        let length = if more.is_empty() { length } else { body.len() };
        let head = format!(
            "HTTP/1.1 {status}\r\nX-Repo-Commit: c\r\nETag: \"{tag}\"\r\n{more}Content-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        [head.as_bytes(), body].concat()
    };
    let all = || answer("200 OK", "", &whole);
    let cut = || answer("200 OK", "", &whole[..20_000]);
    let name = "hf:org/name:w.bin";
    for (status, more) in [
        ("401 Unauthorized", "X: y\r\n"),
        ("403 Forbidden", "X: y\r\n"),
        (
            "416 Range Not Satisfiable",
            "Content-Range: bytes */50000\r\n",
        ),
        ("500 Internal Server Error", "X: y\r\n"),
        ("204 No Content", "X: y\r\n"),
        // other bytes than those asked for
        ("206 Partial Content", "Content-Range: bytes 0-9/50000\r\n"),
        ("206 Partial Content", "X: y\r\n"),
    ] {
        let refused = answer(status, more, b"");
        let (endpoint, server) = serve_all(vec![cut(), all(), refused, all()]);
        let hub = Cached::new("range", &endpoint);
        let error = hub.resolve(name).unwrap_err().to_string();
        assert!(error.contains("the same call goes on"), "{error}");
        let path = hub.resolve(name).unwrap();
        assert!(fs::read(path).unwrap() == whole, "{status}");
        assert_eq!(hub.blobs(), [(tag.clone(), 50_000)]);
        let requests: Vec<String> = server.join().unwrap();
        let requests: Vec<String> = requests.iter().map(|r| r.to_lowercase()).collect();
        assert!(requests[2].contains("range: bytes=20000-"), "{requests:?}");
        assert!(!requests[3].contains("range:"), "{requests:?}");
        // the hub serves it itself: it wants the token each time
        let token = "authorization: bearer secret";
        assert!(requests.iter().all(|r| r.contains(token)), "{requests:?}");
    }
}

#[test]
fn what_no_hub_answers_is_not_kept() {
    let commit = "X-Repo-Commit: c\r\nETag: \"e\"\r\n";
    let good = || response("200 OK", commit, "weights");
    for (other, part) in [
        (
            response("200 OK", "Content-Type: text/html; charset=x\r\n", "<html>"),
            "status 200 without X-Repo-Commit, of the type text/html",
        ),
        (
            response("200 OK", "ETag: \"e\"\r\n", "page"),
            "status 200 without X-Repo-Commit at http",
        ),
        (
            response("204 No Content", commit, ""),
            "found status 204 at",
        ),
        (
            response("206 Partial Content", commit, "weig"),
            "found status 206 at",
        ),
    ] {
        let (endpoint, server) = serve_all(vec![other, good()]);
        let hub = Cached::new("portal", &endpoint);
        let error = hub.resolve("hf:org/name:w.bin").unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
        assert!(error.contains("the same call tries again"), "{error}");
        assert!(!hub.folder().exists());
        let path = hub.resolve("hf:org/name:w.bin").unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "weights");
        server.join().unwrap();
    }
}

#[test]
fn a_body_longer_than_told_is_cut_off() {
    let chunked = |size: usize, chunks: usize| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nX-Repo-Commit: c\r\nX-Linked-Etag: \"{}\"\r\nX-Linked-Size: {size}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
            sha256(b"weights")
        );
        let chunk = "7\r\nweights\r\n".repeat(chunks);
        [head.as_bytes(), chunk.as_bytes(), b"0\r\n\r\n"].concat()
    };
    let (endpoint, server) = serve_all(vec![chunked(7, 1_000_000), chunked(7, 1)]);
    let hub = Cached::new("long", &endpoint);
    let error = hub.resolve("hf:org/name:w.bin").unwrap_err().to_string();
    assert!(error.contains("expected 7 bytes, found more"), "{error}");
    assert_eq!(hub.blobs(), []);
    let path = hub.resolve("hf:org/name:w.bin").unwrap();
    assert_eq!(fs::read_to_string(path).unwrap(), "weights");
    server.join().unwrap();
}

#[test]
fn small_files_are_checked_by_their_name_in_git() {
    // printf weights | git hash-object --stdin
    let tag = "3ab313fff6f41bb35969cd359e9ddfb8033b3ac2";
    let head = format!("X-Repo-Commit: c\r\nETag: W/\"{tag}\"\r\n");
    let answer = |body| response("200 OK", &head, body);
    let (endpoint, server) = serve_all(vec![answer("weight5"), answer("weights")]);
    let hub = Cached::new("git", &endpoint);
    let error = hub.resolve("hf:org/name:w.bin").unwrap_err().to_string();
    let part = format!("expected Git's hash {tag}, found Git's hash ");
    assert!(error.contains(&part), "{error}");
    assert_eq!(hub.blobs(), []);
    hub.resolve("hf:org/name:w.bin").unwrap();
    assert_eq!(hub.blobs(), [(tag.to_owned(), 7)]);
    server.join().unwrap();
}

#[test]
fn an_index_brings_the_files_that_it_names() {
    let source = std::env::temp_dir().join(format!("cohort-index-source-{}", std::process::id()));
    fs::create_dir_all(source.join("sub")).unwrap();
    let index =
        r#"{"metadata": {}, "weight_map": {"a": "m-1.bin", "b": "m-2.bin", "c": "m-1.bin"}}"#;
    fs::write(source.join("sub/m.bin.index.json"), index).unwrap();
    for file in ["sub/m-1.bin", "sub/m-2.bin"] {
        fs::write(source.join(file), file).unwrap();
    }
    let (endpoint, server) = serve_folder(3, source.clone());
    let hub = Cached::new("index", &endpoint);
    let path = hub.resolve("hf:org/name:sub/m.bin.index.json").unwrap();
    for file in ["m-1.bin", "m-2.bin"] {
        assert!(path.with_file_name(file).is_file());
    }
    let requests = server.join().unwrap();
    let expected = [
        "main/sub/m.bin.index.json",
        "c0/sub/m-1.bin",
        "c0/sub/m-2.bin",
    ];
    assert_eq!(asked(&requests), expected);
    // the second time it comes from the cache
    hub.resolve("hf:org/name:sub/m.bin.index.json").unwrap();

    // an index cannot lead elsewhere
    let index = r#"{"weight_map": {"a": "../../m.bin"}}"#;
    fs::write(source.join("sub/m.bin.index.json"), index).unwrap();
    let (endpoint, server) = serve_folder(1, source.clone());
    let hub = Cached::new("index", &endpoint);
    let error = hub.resolve("hf:org/name:sub/m.bin.index.json").unwrap_err();
    let error = error.to_string();
    assert!(error.contains("expected files beside it"), "{error}");
    server.join().unwrap();
    fs::remove_dir_all(source).unwrap();
}

#[test]
fn a_caller_breaks_off_even_a_silent_download() {
    let head = format!(
        "HTTP/1.1 200 OK\r\nX-Repo-Commit: c\r\nETag: \"{}\"\r\nContent-Length: 99\r\n\r\nweights",
        sha256(b"x")
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let silent = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream
    });
    let hub = Cached::new("stop", &endpoint);
    let mut seen = Vec::new();
    let mut stops = |received: &Received| {
        seen.push((received.bytes, received.of));
        match received.bytes {
            7 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    };
    let location = "hf:org/name:w.bin".parse().unwrap();
    let error = hub.0.resolve(&location, &mut stops).unwrap_err();
    assert!(matches!(error, HubError::Stopped { .. }), "{error}");
    assert!(error.to_string().contains("hf:org/name:w.bin"), "{error}");
    assert_eq!(seen.last(), Some(&(7, Some(99))));
    drop(silent.join().unwrap());
}

#[test]
fn several_at_once_get_one_whole_file() {
    let (endpoint, server) = serve(3, |_| {
        // time for the other to come
        std::thread::sleep(Duration::from_millis(200));
        response("200 OK", "X-Repo-Commit: c\r\nETag: \"e\"\r\n", "weights")
    });
    let hub = Cached::new("two", &endpoint);
    let path = hub.folder().join("snapshots/c/w.bin");
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert_eq!(hub.resolve("hf:org/name:w.bin").unwrap(), path));
        }
    });
    assert_eq!(fs::read_to_string(&path).unwrap(), "weights");
    assert_eq!(hub.blobs(), [("e".to_owned(), 7)]);
    server.join().unwrap();
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
            Err(_) => response(
                "404 Not Found",
                "X-Error-Code: EntryNotFound\r\nX-Repo-Commit: c0\r\n",
                "no",
            ),
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

#[test]
fn several_files_are_of_one_commit_and_what_is_absent_is_remembered() {
    let source = std::env::temp_dir().join(format!("cohort-repo-source-{}", std::process::id()));
    fs::create_dir_all(source.join("sub")).unwrap();
    for file in ["config.json", "vocab.txt", "sub/pytorch_model.bin"] {
        fs::write(source.join(file), "{}").unwrap();
    }
    let bring = |hub: &Hub| -> Result<PathBuf, HubError> {
        let mut progress = goes_on;
        let mut files = Repository::new("hf:org/name", hub, &mut progress)?;
        files.required("config.json")?;
        files.optional("special.json")?;
        files.one_of(&["tokenizer.json", "vocab.txt"])?;
        files.weights("sub/")
    };
    let (endpoint, server) = serve_folder(6, source.clone());
    let hub = Cached::new("repo", &endpoint);
    let folder = bring(&hub.0).unwrap();
    assert_eq!(folder, hub.folder().join("snapshots/c0"));
    let requests = server.join().unwrap();
    // from the second file on all are of one commit
    let expected = [
        "main/config.json",
        "c0/special.json",
        "c0/tokenizer.json",
        "c0/vocab.txt",
        "c0/sub/model.safetensors",
        "c0/sub/pytorch_model.bin",
    ];
    assert_eq!(asked(&requests), expected);
    // what is there and what is not are both known: nobody is asked again
    assert_eq!(bring(&hub.0).unwrap(), folder);

    // whether a file is there that the cache does not know of is no guess
    fs::remove_file(hub.folder().join(".no_exist/c0/special.json")).unwrap();
    let error = bring(&hub.0).unwrap_err().to_string();
    assert!(error.contains("HF_HUB_OFFLINE=1"), "{error}");
    let offline = Hub {
        offline: true,
        ..hub.0.clone()
    };
    assert_eq!(bring(&offline).unwrap(), folder);

    // a repository cannot lead out of its folder
    let mut progress = goes_on;
    let mut files = Repository::new("hf:org/name", &hub.0, &mut progress).unwrap();
    let error = files.required("../config.json").unwrap_err().to_string();
    assert!(error.contains("path within the repository"), "{error}");
    fs::remove_dir_all(source).unwrap();
}
