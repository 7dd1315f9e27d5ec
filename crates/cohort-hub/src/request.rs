//! What is asked of a hub, and what its answers mean.

use std::fmt::Write as _;
use std::io::Read;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ureq::http::{HeaderMap, Response};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::typestate::WithoutBody;
use ureq::{Agent, Body, RequestBuilder};

use crate::Hub;
use crate::error::Miss;
use crate::wanted::Wanted;

/// Redirects that are followed: a renamed repository, a cache, a store.
const HOPS: usize = 5;
/// How long a connection may take, and how long it may be silent.
const PATIENCE: Duration = Duration::from_secs(60);

/// A file that the hub has, not yet read.
pub(crate) struct Answer {
    /// The commit that the revision stands for.
    pub(crate) commit: String,
    /// Name of the file's content.
    pub(crate) tag: String,
    /// Bytes of the file, when they are told.
    pub(crate) size: Option<u64>,
    /// Address of the bytes.
    at: String,
    response: Response<Body>,
}

/// What a file's content is checked by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hash {
    /// SHA-256 of the bytes: files in large-file storage, which weights are, have it for a name.
    Sha256(String),
    /// Git's name for the bytes, which small files have: SHA-1 of them under a line with their number.
    Git(String),
}

impl Answer {
    /// The hash that the content's name is; none where it is some other word.
    pub(crate) fn hash(&self) -> Option<Hash> {
        let digits = self.tag.bytes().all(|b| b.is_ascii_hexdigit());
        let tag = self.tag.to_ascii_lowercase();
        match tag.len() {
            64 if digits => Some(Hash::Sha256(tag)),
            40 if digits => Some(Hash::Git(tag)),
            _ => None,
        }
    }

    /// The bytes beginning with number `from`, or all where the server does not skip any; gives the first's number.
    ///
    /// A server may refuse a range for any reason: the whole file is then asked for anew.
    pub(crate) fn bytes(self, hub: &Hub, from: u64) -> Result<(u64, impl Read + use<>), Miss> {
        if from == 0 {
            return Ok((0, self.response.into_body().into_reader()));
        }
        // the answer at hand begins with the first byte
        drop(self.response);
        let ask = |range: Option<String>| {
            let mut request = request(hub, &self.at);
            if let Some(range) = range {
                request = request.header("Range", range);
            }
            request.call().map_err(|e| explain(&self.at, &e))
        };
        if let Ok(response) = ask(Some(format!("bytes={from}-"))) {
            let begins = header(response.headers(), "content-range")
                .is_some_and(|range| range.starts_with(&format!("bytes {from}-")));
            match response.status().as_u16() {
                206 if begins => return Ok((from, response.into_body().into_reader())),
                200 => return Ok((0, response.into_body().into_reader())),
                _ => {}
            }
        }
        let response = ask(None).map_err(Miss::Failed)?;
        match response.status().as_u16() {
            200 => Ok((0, response.into_body().into_reader())),
            status => Err(Miss::Failed(format!(
                "downloading {}: expected status 200, found {status}; try again later",
                self.at
            ))),
        }
    }
}

/// A request that carries the token where it belongs.
fn request(hub: &Hub, at: &str) -> RequestBuilder<WithoutBody> {
    let request = client().agent.get(at);
    match &hub.token {
        Some(token) if origin(at) == origin(&hub.endpoint) => {
            request.header("Authorization", format!("Bearer {token}"))
        }
        _ => request,
    }
}

/// Why there is no answer.
pub(crate) struct Refused {
    pub(crate) miss: Miss,
    /// The commit that has no such file, when the hub said so.
    pub(crate) absent_at: Option<String>,
}

/// Asks for a file and follows redirects to its bytes.
pub(crate) fn ask(hub: &Hub, wanted: &Wanted) -> Result<Answer, Refused> {
    let Wanted {
        repository,
        revision,
        file,
    } = wanted;
    let mut at = format!(
        "{}/{}/resolve/{}/{}",
        hub.endpoint,
        escaped(repository, true),
        escaped(revision, false),
        escaped(file, true)
    );
    let asked = at.clone();
    let failed = |reason: &str| Refused {
        miss: Miss::Failed(format!("downloading {asked}: {reason}")),
        absent_at: None,
    };
    let (mut commit, mut linked, mut etag, mut size) = (None, None, None, None);
    let mut hops = 0;
    let response = loop {
        let at_hub = origin(&at) == origin(&hub.endpoint);
        let response = request(hub, &at).call();
        let response = response.map_err(|e| failed(&explain(&at, &e)))?;
        let headers = response.headers();
        if at_hub {
            // the hub itself holds commit and hash; a store only holds the bytes
            commit = commit.or_else(|| header(headers, "x-repo-commit"));
            linked = linked.or_else(|| header(headers, "x-linked-etag"));
            size = size.or_else(|| header(headers, "x-linked-size"));
            etag = header(headers, "etag").or(etag);
        }
        let next = header(headers, "location");
        let Some(next) = next.filter(|_| response.status().is_redirection()) else {
            break response;
        };
        hops += 1;
        let next = absolute(&at, &next);
        if hops > HOPS {
            return Err(failed("too many redirects"));
        }
        if at.starts_with("https://") && !next.starts_with("https://") {
            return Err(failed(&format!(
                "expected a redirect to https, found {next}"
            )));
        }
        at = next;
    };
    if response.status().is_success() && (response.status() != 200 || commit.is_none()) {
        return Err(failed(&no_hub(&response, commit.is_some(), &at)));
    }
    if !response.status().is_success() {
        let code = header(response.headers(), "x-error-code").unwrap_or_default();
        let reason = refusal(hub, wanted, response.status().as_u16(), &code);
        return Err(match response.status().as_u16() {
            404 if code != "RepoNotFound" && code != "RevisionNotFound" => {
                let absent_at = commit.filter(|commit| is_name(commit));
                let miss = Miss::Absent(format!("downloading {asked}: {reason}"));
                Refused { miss, absent_at }
            }
            _ => failed(&reason),
        });
    }
    let size = size.or_else(|| header(response.headers(), "content-length"));
    let commit = commit.unwrap_or_default();
    let tag = linked
        .or(etag)
        .unwrap_or_else(|| format!("{commit}-{}", file.replace('/', "-")));
    let tag = tag.trim_start_matches("W/").trim_matches('"').to_owned();
    for part in [&commit, &tag] {
        if !is_name(part) {
            return Err(failed(&format!(
                "the server's name {part:?} is no file name"
            )));
        }
    }
    Ok(Answer {
        commit,
        tag,
        size: size.and_then(|s| s.parse().ok()),
        at,
        response,
    })
}

/// Whether a server's word may name a file of the cache.
fn is_name(word: &str) -> bool {
    !(word.is_empty() || word.contains(['/', '\\', ':']) || word.starts_with('.'))
}

/// What is said of an answer that looks like a file and comes from no hub: the page of a captive portal or a proxy.
fn no_hub(response: &Response<Body>, commit: bool, at: &str) -> String {
    let status = response.status().as_u16();
    let kind = header(response.headers(), "content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    let what = match (commit, kind.is_empty()) {
        (true, _) => String::new(),
        (false, true) => " without X-Repo-Commit".to_owned(),
        (false, false) => format!(" without X-Repo-Commit, of the type {kind}"),
    };
    format!(
        "expected status 200 with X-Repo-Commit, as a hub answers, found status {status}{what} at {}; a proxy or a page to \
         sign in to the network may stand between; nothing was kept, the same call tries again",
        origin(at)
    )
}

/// What a status says to a user.
fn refusal(hub: &Hub, wanted: &Wanted, status: u16, code: &str) -> String {
    let Wanted {
        repository,
        revision,
        file,
    } = wanted;
    let page = format!("{}/{repository}", hub.endpoint);
    match (status, code) {
        (401 | 403 | 404, "RepoNotFound") | (401, _) | (403, _) => {
            let token = match hub.token {
                Some(_) => "the token in HF_TOKEN does not open it",
                None => "HF_TOKEN, a token of an account that may read it, is not set",
            };
            format!(
                "status {status}: there is no repository {repository}, or it is private or gated (see {page}) and {token}"
            )
        }
        (404, "RevisionNotFound") => {
            format!("status 404: {repository} has no branch, tag or commit {revision}")
        }
        (404, _) => format!("status 404: {repository} has no file {file} at {revision}"),
        (429, _) => "status 429: too many requests; try again later".to_owned(),
        (500.., _) => format!("status {status}: the hub is out of order; try again later"),
        _ => format!("status {status}"),
    }
}

struct Client {
    agent: Agent,
    /// Certificates that are trusted.
    roots: usize,
}

/// One for the whole process: it keeps connections and the operating system's certificates.
fn client() -> &'static Client {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs().certs;
        let roots: Vec<_> = found
            .iter()
            .map(|der| Certificate::from_der(der).to_owned())
            .collect();
        let count = roots.len();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(provider)
            .root_certs(RootCerts::from(roots))
            .build();
        let agent = Agent::config_builder()
            .user_agent(concat!("cohort/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .timeout_per_read(Some(PATIENCE))
            .build()
            .into();
        Client {
            agent,
            roots: count,
        }
    })
}

/// Why a request to this address had no answer.
fn explain(at: &str, error: &ureq::Error) -> String {
    use ureq::Error;
    let host = origin(at);
    let tls = match error {
        Error::Rustls(error) => Some(error),
        Error::Io(error) => error.get_ref().and_then(|inner| inner.downcast_ref()),
        _ => None,
    };
    match (tls, error) {
        (Some(rustls::Error::InvalidCertificate(_)), _) if client().roots == 0 => format!(
            "no certificates are trusted: the operating system's were not found; SSL_CERT_FILE may name a file of them \
             ({host})"
        ),
        (Some(error @ rustls::Error::InvalidCertificate(_)), _) => format!(
            "the certificate of {host} is not trusted ({error}); trusted are the operating system's certificates or, where \
             they are set, those in SSL_CERT_FILE and SSL_CERT_DIR"
        ),
        (Some(error), _) => format!("no secure connection to {host}: {error}"),
        (None, Error::Io(error)) => format!("cannot reach {host}: {error}"),
        (None, Error::BadUri(_) | Error::Http(_)) => format!("{at} is no address: {error}"),
        (None, Error::HostNotFound | Error::ConnectionFailed | Error::Timeout(_)) => {
            format!("cannot reach {host}: {error}")
        }
        _ => error.to_string(),
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// Scheme, host and port.
fn origin(address: &str) -> &str {
    let host = address.find("://").map_or(0, |i| i + 3);
    let end = address[host..]
        .find(['/', '?', '#'])
        .map_or(address.len(), |i| host + i);
    &address[..end]
}

/// A redirect's target may be a path on the same host.
fn absolute(from: &str, target: &str) -> String {
    match target {
        _ if target.starts_with("//") => {
            let scheme = from.split("//").next().unwrap_or_default();
            format!("{scheme}{target}")
        }
        _ if target.starts_with('/') => format!("{}{target}", origin(from)),
        _ => target.to_owned(),
    }
}

/// As a part of an address; `slash`: whether a slash may stand as it is.
fn escaped(text: &str, slash: bool) -> String {
    let mut all = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                all.push(char::from(byte));
            }
            b'/' if slash => all.push('/'),
            _ => {
                let _ = write!(all, "%{byte:02X}");
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_put_together() {
        assert_eq!(escaped("refs/pr/1", false), "refs%2Fpr%2F1");
        assert_eq!(escaped("a b/ä?.bin", true), "a%20b/%C3%A4%3F.bin");
        let from = "https://host:8443/a/b?c=/d";
        assert_eq!(origin(from), "https://host:8443");
        assert_eq!(origin("http://host"), "http://host");
        for (target, expected) in [
            ("/x", "https://host:8443/x"),
            ("//other/x", "https://other/x"),
            ("https://cdn/x", "https://cdn/x"),
        ] {
            assert_eq!(absolute(from, target), expected);
        }
    }
}
