//! Weights by name, from a hub of one's own over TLS. Its certificate (`hub/server.pem`) is signed by an authority that
//! only `SSL_CERT_FILE` makes a trusted one (`hub/authority.pem`); the key beside them guards nothing.
#![cfg(feature = "hub")]

mod common;

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use assert_cmd::Command;
use common::{cohort, corpus, finish};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

fn key(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/hub")
        .join(name)
}

/// A hub whose repository org/name holds the files of a folder; gives its address. It lives as long as the test.
fn serve(folder: PathBuf) -> String {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = vec![CertificateDer::from_pem_file(key("server.pem")).unwrap()];
    let secret = PrivateKeyDer::from_pem_file(key("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // a client that does not trust the certificate hangs up
            let _ = answer(stream.unwrap(), &config, &folder);
        }
    });
    address
}

/// As the hub does: the file's address says commit, hash and length and sends on to the store of the bytes.
fn answer(stream: TcpStream, config: &Arc<ServerConfig>, folder: &Path) -> io::Result<()> {
    let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if stream.read_line(&mut request)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let (status, headers, body) = match std::fs::read(folder.join(name)) {
        Ok(bytes) if path.starts_with("/store/") => ("200 OK", String::new(), bytes),
        Ok(bytes) if path.starts_with("/org/name/resolve/") => {
            let length = bytes.len();
            let headers = format!(
                "X-Linked-Etag: \"of-{name}\"\r\nX-Linked-Size: {length}\r\nLocation: /store/{name}\r\n"
            );
            ("302 Found", headers, Vec::new())
        }
        _ => ("404 Not Found", String::new(), Vec::new()),
    };
    let length = body.len();
    let stream = stream.get_mut();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nX-Repo-Commit: c0ffee\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(&body)?;
    stream.conn.send_close_notify();
    stream.flush()
}

/// `cohort features` on the corpus, with a hub and a cache of one's own.
fn features(endpoint: &str, cache: &Path, out: &Path, arguments: &[&str]) -> Command {
    let mut command = cohort();
    command
        .env_remove("HF_HUB_OFFLINE")
        .env_remove("HF_TOKEN")
        .env_remove("SSL_CERT_DIR")
        .env("SSL_CERT_FILE", key("authority.pem"))
        .env("HF_ENDPOINT", endpoint)
        .env("HF_HUB_CACHE", cache)
        .arg("features")
        .arg(corpus())
        .args(arguments)
        .arg("--out")
        .arg(out);
    command
}

#[test]
fn weights_come_over_tls_from_whom_the_system_trusts() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("files")).unwrap();
    std::fs::write(at("files").join("w.ckpt"), b"no weights").unwrap();
    let endpoint = serve(at("files"));
    let (cache, out) = (at("cache"), at("out"));
    let run = |name: &str, change: &dyn Fn(&mut Command)| {
        let arguments = ["--faces", "mobilefacenet", "--weights", name];
        let mut command = features(&endpoint, &cache, &out, &arguments);
        change(&mut command);
        let (code, _, stderr) = finish(&mut command);
        assert_eq!(code, 2, "{stderr}");
        stderr
    };
    let name = "hf:org/name:w.ckpt";
    // any certificate will do that has signed nothing here
    let stderr = run(name, &|command| {
        command.env("SSL_CERT_FILE", key("server.pem"));
    });
    assert!(
        stderr.contains("is not trusted") && stderr.contains("SSL_CERT_FILE"),
        "{stderr}"
    );
    assert!(!cache.join("models--org--name/snapshots").exists());
    let stderr = run(name, &|command| {
        command.env("HF_HUB_OFFLINE", "1");
    });
    assert!(stderr.contains("HF_HUB_OFFLINE forbids"), "{stderr}");
    let stderr = run("hf:org/name:other.ckpt", &|_| {});
    assert!(stderr.contains("has no file other.ckpt"), "{stderr}");
    // the file arrives as it is, and it is its content that is no good
    let stderr = run(name, &|_| {});
    let path = cache.join("models--org--name/snapshots/c0ffee/w.ckpt");
    assert!(
        stderr.contains("downloading hf:org/name:w.ckpt"),
        "{stderr}"
    );
    assert!(stderr.contains(path.to_str().unwrap()), "{stderr}");
    assert_eq!(std::fs::read(path).unwrap(), b"no weights");
}

#[cfg(feature = "whisper")]
#[test]
fn a_model_is_fetched_once_and_serves_without_the_hub() {
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cohort-nn/tests/whisper/tiny");
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let closed = "https://127.0.0.1:9".to_owned();
    let served = serve(tiny);
    let run = |endpoint: &str, out: &Path| {
        let arguments = ["--transcribe", "hf:org/name"];
        let mut command = features(endpoint, &at("cache"), out, &arguments);
        finish(&mut command)
    };
    let (code, _, stderr) = run(&closed, &at("none"));
    assert_eq!(code, 2);
    assert!(
        stderr.contains("cannot reach https://127.0.0.1:9"),
        "{stderr}"
    );
    let (code, _, stderr) = run(&served, &at("first"));
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stderr.contains("downloading hf:org/name:model.safetensors"),
        "{stderr}"
    );
    let (code, _, stderr) = run(&closed, &at("second"));
    assert_eq!(code, 0, "{stderr}");
    assert!(!stderr.contains("downloading"), "{stderr}");
    let record = |out: &str| std::fs::read(at(out).join("transcripts.json")).unwrap();
    assert!(record("first") == record("second"));
}
