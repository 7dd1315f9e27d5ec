//! Downloads into the cache of [`crate::Hub`], one file at a time (feature `hub`).

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body};

use crate::Hub;

/// Fetches `file` at `revision` into `folder` (`blobs/ETAG`, a link to it in `snapshots/COMMIT`,
/// the commit in `refs/REVISION`). The file appears under its name only when it is whole.
pub(crate) fn download(
    hub: &Hub,
    folder: &Path,
    repository: &str,
    revision: &str,
    file: &str,
) -> Result<(), String> {
    let address = format!("{}/{repository}/resolve/{revision}/{file}", hub.endpoint);
    let failed = |reason: &dyn std::fmt::Display| format!("downloading {address}: {reason}");
    let agent: Agent = Agent::config_builder()
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_secs(30)))
        .build()
        .into();
    // The endpoint's own answer holds commit and hash; it may send on to a store for the bytes.
    let mut request = agent.get(&address);
    if let Some(token) = &hub.token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    let mut response = request.call().map_err(|e| failed(&e))?;
    let commit = header(response.headers(), &["x-repo-commit"]);
    let tag = header(response.headers(), &["x-linked-etag", "etag"]);
    let mut size = header(response.headers(), &["x-linked-size"]);
    let mut at = address.clone();
    for _ in 0..5 {
        let Some(next) = header(response.headers(), &["location"]) else {
            break;
        };
        if !response.status().is_redirection() {
            break;
        }
        at = absolute(&at, &next);
        response = agent.get(&at).call().map_err(|e| failed(&e))?;
    }
    if !response.status().is_success() {
        return Err(failed(&format!("status {}", response.status())));
    }
    size = size.or_else(|| header(response.headers(), &["content-length"]));
    let commit = commit.unwrap_or_else(|| revision.to_owned());
    let tag = tag.unwrap_or_else(|| format!("{commit}-{}", file.replace('/', "-")));
    let tag = tag.trim_start_matches("W/").trim_matches('"').to_owned();
    for part in [&commit, &tag] {
        if part.is_empty() || part.contains(['/', '\\']) || part.starts_with('.') {
            return Err(failed(&format!(
                "the server's name {part:?} is no file name"
            )));
        }
    }
    let size = size.and_then(|s| s.parse().ok());
    let blob = folder.join("blobs").join(&tag);
    store(response, size, &blob)
        .and_then(|()| link(folder, &commit, file, &tag))
        .and_then(|()| note(folder, revision, &commit))
        .map_err(|e| failed(&e))
}

fn header(headers: &HeaderMap, names: &[&str]) -> Option<String> {
    let found = names.iter().find_map(|name| headers.get(*name))?;
    found.to_str().ok().map(str::to_owned)
}

/// A redirect's target may be a path on the same host.
fn absolute(from: &str, target: &str) -> String {
    if !target.starts_with('/') {
        return target.to_owned();
    }
    let host_end = from
        .find("://")
        .and_then(|i| from[i + 3..].find('/').map(|j| i + 3 + j))
        .unwrap_or(from.len());
    format!("{}{target}", &from[..host_end])
}

fn store(response: Response<Body>, size: Option<u64>, blob: &Path) -> io::Result<()> {
    let folder = blob.parent().unwrap_or(blob);
    fs::create_dir_all(folder)?;
    let part = blob.with_extension(format!("{}.incomplete", std::process::id()));
    let written = write_all(response, &part);
    let whole = written.and_then(|length| match size {
        Some(size) if size != length => Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("expected {size} bytes, found {length}"),
        )),
        _ => fs::rename(&part, blob),
    });
    if whole.is_err() {
        let _ = fs::remove_file(&part);
    }
    whole
}

fn write_all(response: Response<Body>, path: &Path) -> io::Result<u64> {
    let mut body = response.into_body().into_reader();
    let mut file = File::create(path)?;
    let mut buffer = vec![0; 1 << 16];
    let mut length = 0;
    loop {
        match body.read(&mut buffer)? {
            0 => break,
            n => {
                file.write_all(&buffer[..n])?;
                length += n as u64;
            }
        }
    }
    file.sync_all()?;
    Ok(length)
}

/// `snapshots/COMMIT/FILE` becomes a relative link to the blob, a copy where links are not to be had.
fn link(folder: &Path, commit: &str, file: &str, tag: &str) -> io::Result<()> {
    let path = folder.join("snapshots").join(commit).join(file);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    if path.symlink_metadata().is_ok() {
        fs::remove_file(&path)?;
    }
    #[cfg(unix)]
    {
        let up = "../".repeat(2 + file.matches('/').count());
        std::os::unix::fs::symlink(format!("{up}blobs/{tag}"), &path)
    }
    #[cfg(not(unix))]
    {
        fs::copy(folder.join("blobs").join(tag), &path).map(|_| ())
    }
}

fn note(folder: &Path, revision: &str, commit: &str) -> io::Result<()> {
    if revision == commit {
        return Ok(());
    }
    let path = folder.join("refs").join(revision);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, commit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Location;
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::path::PathBuf;

    /// Answers each connection with the next response; gives back the requests.
    fn serve(responses: Vec<String>) -> (String, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            let answer = |response: String| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut request = String::new();
                while !request.ends_with("\r\n\r\n") {
                    reader.read_line(&mut request).unwrap();
                }
                stream.write_all(response.as_bytes()).unwrap();
                request
            };
            responses.into_iter().map(answer).collect()
        });
        (address, thread)
    }

    fn response(status: &str, headers: &str, body: &str) -> String {
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
    }

    fn hub(name: &str, endpoint: &str) -> (Hub, PathBuf) {
        let cache = std::env::temp_dir().join(format!("cohort-{name}-{}", std::process::id()));
        let hub = Hub {
            cache: cache.clone(),
            endpoint: endpoint.to_owned(),
            token: Some("secret".to_owned()),
            offline: false,
        };
        (hub, cache)
    }

    #[test]
    fn a_file_is_fetched_once_into_the_shared_layout() {
        let meta = "X-Repo-Commit: c0ffee\r\nX-Linked-Etag: \"beef\"\r\nX-Linked-Size: 7\r\nLocation: /store/1\r\n";
        let (endpoint, server) = serve(vec![
            response("302 Found", meta, ""),
            response("200 OK", "ETag: \"other\"\r\n", "weights"),
        ]);
        let (hub, cache) = hub("fetch", &endpoint);
        let location: Location = "hf:org/name:sub/w.bin".parse().unwrap();
        let path = hub.resolve(&location).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "weights");
        let folder = cache.join("models--org--name");
        assert_eq!(path, folder.join("snapshots/c0ffee/sub/w.bin"));
        assert_eq!(
            fs::read_to_string(folder.join("refs/main")).unwrap(),
            "c0ffee"
        );
        assert_eq!(
            fs::read_to_string(folder.join("blobs/beef")).unwrap(),
            "weights"
        );
        let requests = server.join().unwrap();
        assert!(
            requests[0].starts_with("GET /org/name/resolve/main/sub/w.bin "),
            "{requests:?}"
        );
        assert!(
            requests[0]
                .to_lowercase()
                .contains("authorization: bearer secret")
        );
        assert!(requests[1].starts_with("GET /store/1 "));
        assert!(!requests[1].to_lowercase().contains("secret"));
        // The server is gone: the second time it comes from the cache.
        assert_eq!(hub.resolve(&location).unwrap(), path);
        fs::remove_dir_all(cache).unwrap();
    }

    #[test]
    fn refusals_and_short_bodies_leave_nothing_behind() {
        let short = response(
            "200 OK",
            "X-Repo-Commit: c\r\nETag: \"e\"\r\nX-Linked-Size: 99\r\n",
            "weights",
        );
        let evil = response(
            "200 OK",
            "X-Repo-Commit: ../../c\r\nETag: \"e\"\r\n",
            "weights",
        );
        for (answer, part) in [
            (response("404 Not Found", "", "no"), "status 404"),
            (short, "expected 99 bytes, found 7"),
            (evil, "is no file name"),
        ] {
            let (endpoint, server) = serve(vec![answer]);
            let (hub, cache) = hub("refuse", &endpoint);
            let error = hub.resolve(&"hf:org/name:w.bin".parse().unwrap());
            let error = error.unwrap_err().to_string();
            assert!(
                error.contains(part) && error.contains("hf:org/name:w.bin"),
                "{error}"
            );
            server.join().unwrap();
            let blobs = fs::read_dir(cache.join("models--org--name/blobs"));
            assert_eq!(blobs.map_or(0, Iterator::count), 0);
            let _ = fs::remove_dir_all(cache);
        }
    }
}
