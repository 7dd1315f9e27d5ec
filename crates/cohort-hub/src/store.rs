//! Files on their way into the cache: `blobs/TAG`, a link to it in `snapshots/COMMIT`, the commit in `refs/REVISION`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

use crate::Hub;
use crate::error::Miss;
use crate::request::{Answer, Hash};
use crate::wanted::{State, Wanted};

/// Most bytes of a file whose length the hub does not tell.
const MOST_UNTOLD: u64 = 1 << 36;
/// Time between two tries at a lock that another process holds.
const RETRY: Duration = Duration::from_millis(100);

/// Reads an answer into the cache. Whoever else wants the same content, Hugging Face's own tools included, waits for it.
///
/// A file whose hash is known is checked, and goes on where an earlier download of it was broken off.
pub(crate) fn keep(hub: &Hub, wanted: &Wanted, answer: Answer, state: &State) -> Result<(), Miss> {
    let folder = hub.folder(&wanted.repository);
    let blobs = folder.join("blobs");
    let (commit, tag) = (answer.commit.clone(), answer.tag.clone());
    let blob = blobs.join(&tag);
    let part = blobs.join(format!("{tag}.cohort.incomplete"));
    if let Some(size) = answer.size {
        let _ = state.of.set(size);
    }
    fs::create_dir_all(&blobs).map_err(|e| unwritten(&blobs, &e))?;
    let locks = hub.cache.join(".locks");
    let locks = locks.join(folder.file_name().unwrap_or_default());
    let lock = lock(&locks, &format!("{tag}.lock"), &part, state)?;
    if !blob.is_file() {
        let resumable = answer.hash().is_some();
        let whole = complete(hub, answer, &part, state);
        match &whole {
            Ok(()) => fs::rename(&part, &blob).map_err(|e| unwritten(&blob, &e))?,
            Err(_) if resumable => {}
            Err(_) => {
                let _ = fs::remove_file(&part);
            }
        }
        whole?;
    }
    link(&folder, &commit, &wanted.file, &tag)
        .and_then(|()| note(&folder, &wanted.revision, &commit))
        .map_err(|e| unwritten(&folder, &e))?;
    drop(lock);
    Ok(())
}

/// Waits for the lock that Hugging Face's tools take too. Where the file system has no locks, nobody waits.
fn lock(folder: &Path, name: &str, part: &Path, state: &State) -> Result<File, Miss> {
    let path = folder.join(name);
    let open = || {
        fs::create_dir_all(folder)?;
        OpenOptions::new().create(true).append(true).open(&path)
    };
    let file = open().map_err(|e| unwritten(&path, &e))?;
    while let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
        state.check()?;
        // the other one's progress
        let length = part.metadata().map_or(0, |data| data.len());
        state.bytes.store(length, Ordering::Relaxed);
        std::thread::sleep(RETRY);
    }
    Ok(file)
}

/// Makes `part` the whole file, checked by size and hash.
fn complete(hub: &Hub, answer: Answer, part: &Path, state: &State) -> Result<(), Miss> {
    let size = answer.size;
    let expected = answer.hash();
    let kept = match (&expected, size) {
        (Some(_), Some(size)) => part
            .metadata()
            .map(|data| data.len())
            .ok()
            .filter(|kept| *kept <= size),
        _ => None,
    }
    .unwrap_or(0);
    if kept == 0 || size != Some(kept) {
        append(hub, answer, kept, part, state)?;
    }
    let Some(expected) = expected else {
        return Ok(());
    };
    let found = hash(part, &expected, state)?;
    if found != expected {
        // what is damaged cannot be gone on with
        let _ = fs::remove_file(part);
        let told = |hash: &Hash| match hash {
            Hash::Sha256(digits) => format!("SHA-256 {digits}"),
            Hash::Git(digits) => format!("Git's hash {digits}"),
        };
        return Err(Miss::Failed(format!(
            "the download is damaged: expected {}, found {}; the same call begins it anew",
            told(&expected),
            told(&found)
        )));
    }
    Ok(())
}

fn append(hub: &Hub, answer: Answer, kept: u64, part: &Path, state: &State) -> Result<(), Miss> {
    let size = answer.size;
    let goes_on = match answer.hash() {
        Some(_) => "; the same call goes on from there",
        None => "; the same call begins it anew",
    };
    let (first, mut body) = answer.bytes(hub, kept)?;
    let opened = match first {
        0 => File::create(part),
        _ => OpenOptions::new().append(true).open(part),
    };
    let mut file = opened.map_err(|e| unwritten(part, &e))?;
    let mut length = first;
    let mut buffer = vec![0; 1 << 16];
    let told = |size: Option<u64>| size.map_or("an unknown number".to_owned(), |n| n.to_string());
    loop {
        state.bytes.store(length, Ordering::Relaxed);
        state.check()?;
        let n = body.read(&mut buffer).map_err(|e| {
            let size = told(size);
            Miss::Failed(format!(
                "broken off after {length} of {size} bytes ({e}){goes_on}"
            ))
        })?;
        if n == 0 {
            break;
        }
        length += n as u64;
        if size.unwrap_or(MOST_UNTOLD) < length {
            // none of it is to be trusted
            drop(file);
            let _ = fs::remove_file(part);
            let size = size.unwrap_or(MOST_UNTOLD);
            return Err(Miss::Failed(format!(
                "expected {size} bytes, found more; nothing was kept, the same call begins it anew"
            )));
        }
        file.write_all(&buffer[..n])
            .map_err(|e| unwritten(part, &e))?;
    }
    file.sync_all().map_err(|e| unwritten(part, &e))?;
    match size {
        Some(size) if size != length => Err(Miss::Failed(format!(
            "expected {size} bytes, found {length}{goes_on}"
        ))),
        _ => Ok(()),
    }
}

/// A file's hash of the same kind as `like`.
fn hash(path: &Path, like: &Hash, state: &State) -> Result<Hash, Miss> {
    let unread = |e: io::Error| Miss::Failed(format!("cannot read {}: {e}", path.display()));
    let mut file = File::open(path).map_err(unread)?;
    let mut context = match like {
        Hash::Sha256(_) => Context::new(&SHA256),
        Hash::Git(_) => {
            let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
            let length = file.metadata().map_err(unread)?.len();
            context.update(format!("blob {length}\0").as_bytes());
            context
        }
    };
    let mut buffer = vec![0; 1 << 16];
    loop {
        state.check()?;
        match file.read(&mut buffer).map_err(unread)? {
            0 => break,
            n => context.update(&buffer[..n]),
        }
    }
    let bytes = context.finish();
    let digits = bytes.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    Ok(match like {
        Hash::Sha256(_) => Hash::Sha256(digits),
        Hash::Git(_) => Hash::Git(digits),
    })
}

fn unwritten(path: &Path, error: &io::Error) -> Miss {
    Miss::Failed(format!("cannot write {}: {error}", path.display()))
}

/// `snapshots/COMMIT/FILE` becomes a relative link to the blob, a copy where links are not to be had.
fn link(folder: &Path, commit: &str, file: &str, tag: &str) -> io::Result<()> {
    let path = folder.join("snapshots").join(commit).join(file);
    replace(&path, |new| {
        #[cfg(unix)]
        {
            let up = "../".repeat(2 + file.matches('/').count());
            std::os::unix::fs::symlink(format!("{up}blobs/{tag}"), new)
        }
        #[cfg(not(unix))]
        {
            fs::copy(folder.join("blobs").join(tag), new).map(|_| ())
        }
    })
}

/// Notes that a commit has no such file. Only a help: an error means that the hub is asked again.
pub(crate) fn mark_absent(hub: &Hub, wanted: &Wanted, commit: &str) {
    let folder = hub.folder(&wanted.repository);
    let path = folder.join(".no_exist").join(commit).join(&wanted.file);
    let _ = replace(&path, |new| File::create(new).map(|_| ())).and_then(|()| {
        // what the cache has of another commit is not to be lost for a file that is not there
        match folder.join("refs").join(&wanted.revision).exists() {
            true => Ok(()),
            false => note(&folder, &wanted.revision, commit),
        }
    });
}

fn note(folder: &Path, revision: &str, commit: &str) -> io::Result<()> {
    if revision == commit {
        return Ok(());
    }
    let path = folder.join("refs").join(revision);
    replace(&path, |new| fs::write(new, commit))
}

/// Makes a file under another name and renames it, so that nobody finds none or half of it.
fn replace(path: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.incomplete", std::process::id()));
    let new = path.with_file_name(name);
    let _ = fs::remove_file(&new);
    make(&new)?;
    fs::rename(&new, path)
}
