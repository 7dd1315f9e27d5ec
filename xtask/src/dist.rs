//! `cargo xtask dist`: one archive with a static binary, completions, manual pages and licences.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};

use crate::book::root;

/// A target without a system library: the binary starts on any Linux.
const STATIC: &str = "x86_64-unknown-linux-musl";
/// The usual one, whose C library is linked in where the first is not installed.
const USUAL: &str = "x86_64-unknown-linux-gnu";
/// Shells that completions are written for, and the files' names.
const SHELLS: [(&str, &str); 5] = [
    ("bash", "cohort.bash"),
    ("zsh", "_cohort"),
    ("fish", "cohort.fish"),
    ("powershell", "cohort.ps1"),
    ("elvish", "cohort.elv"),
];

/// Builds the binary and writes `target/dist/cohort-VERSION-TARGET.tar.gz` with its SHA-256 beside it. The archive is the same
/// for the same binary: names are sorted, owners and times are none.
pub(crate) fn make() -> anyhow::Result<()> {
    let (target, flags) = match installed(STATIC)? {
        true => (STATIC, "-C target-feature=+crt-static"),
        false => {
            eprintln!(
                "== dist: {STATIC} is not installed (rustup target add {STATIC}); the C library of {USUAL} is linked in"
            );
            (USUAL, "-C target-feature=+crt-static")
        }
    };
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_string());
    let mut build = Command::new(cargo);
    build.current_dir(root());
    build.args([
        "build",
        "--release",
        "--locked",
        "--package",
        "cohort",
        "--target",
        target,
    ]);
    // RUSTFLAGS of a target alone, so that build scripts and macros are made as usual
    let variable = format!(
        "CARGO_TARGET_{}_RUSTFLAGS",
        target.to_uppercase().replace('-', "_")
    );
    build.env(variable, flags);
    run(&mut build)?;
    let targets =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let binary = targets.join(target).join("release/cohort");
    let archive = pack(&binary, target, &targets.join("dist"))?;
    check(&archive)
}

/// Packs a binary; gives the archive.
fn pack(binary: &Path, target: &str, out: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(out)?;
    let name = format!("cohort-{}-{target}", env!("CARGO_PKG_VERSION"));
    let mut files: Vec<(String, u32, Vec<u8>)> = Vec::new();
    files.push(("bin/cohort".into(), 0o755, read(binary)?));
    for (shell, file) in SHELLS {
        let script = output(Command::new(binary).args(["completions", shell]))?;
        files.push((format!("completions/{file}"), 0o644, script));
    }
    let pages = out.join("man");
    let _ = std::fs::remove_dir_all(&pages);
    output(Command::new(binary).arg("man").arg(&pages))?;
    for entry in std::fs::read_dir(&pages)? {
        let path = entry?.path();
        let page = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        files.push((format!("man/man1/{page}"), 0o644, read(&path)?));
    }
    for file in ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "CHANGELOG.md"] {
        files.push((file.into(), 0o644, read(&root().join(file))?));
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    let packed = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::best());
    let mut tar = tar::Builder::new(packed);
    for (path, mode, bytes) in &files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(*mode);
        header.set_mtime(0);
        header.set_cksum();
        tar.append_data(&mut header, format!("{name}/{path}"), bytes.as_slice())?;
    }
    let bytes = tar.into_inner()?.finish()?;
    let archive = out.join(format!("{name}.tar.gz"));
    std::fs::write(&archive, &bytes)?;
    let sum = format!("{}  {name}.tar.gz\n", sum_of(&bytes));
    std::fs::write(out.join(format!("{name}.tar.gz.sha256")), sum)?;
    println!("{}", archive.display());
    Ok(archive)
}

/// Unpacks an archive and starts its binary where there is nothing else: in an empty root where that is allowed, else without
/// any environment, after its headers say that it needs no other file.
pub(crate) fn check(archive: &Path) -> anyhow::Result<()> {
    let bytes = read(archive)?;
    let beside = PathBuf::from(format!("{}.sha256", archive.display()));
    let stated =
        std::fs::read_to_string(&beside).with_context(|| format!("no {}", beside.display()))?;
    let sum = sum_of(&bytes);
    ensure!(
        stated.starts_with(&sum),
        "{}: expected the SHA-256 {sum}, found {stated}",
        beside.display()
    );
    let place = archive.with_extension("unpacked");
    let _ = std::fs::remove_dir_all(&place);
    tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice())).unpack(&place)?;
    let entry = std::fs::read_dir(&place)?
        .next()
        .context("an empty archive")??;
    let folder = entry.path();
    for file in [
        "bin/cohort",
        "completions/_cohort",
        "man/man1/cohort-audit.1",
        "LICENSE-MIT",
        "LICENSE-APACHE",
    ] {
        ensure!(
            folder.join(file).is_file(),
            "{}: no {file}",
            archive.display()
        );
    }
    let binary = folder.join("bin/cohort");
    ensure!(
        is_static(&read(&binary)?)?,
        "{}: its binary asks for a dynamic loader",
        archive.display()
    );
    // an empty root, which a user without rights may make in a namespace of its own
    let inside = folder.join("bin");
    let mut apart = Command::new("unshare");
    apart
        .args(["--user", "--map-root-user", "--mount", "chroot"])
        .arg(&inside)
        .args(["/cohort", "--version"]);
    apart.env_clear();
    let version = match apart.output() {
        Ok(output) if output.status.success() => {
            eprintln!("== dist: started in an empty root");
            output.stdout
        }
        _ => {
            eprintln!("== dist: no empty root is allowed here; started without environment");
            output(Command::new(&binary).arg("--version").env_clear())?
        }
    };
    let expected = format!("cohort {}\n", env!("CARGO_PKG_VERSION"));
    ensure!(
        version == expected.as_bytes(),
        "expected {expected:?}, found {:?}",
        String::from_utf8_lossy(&version)
    );
    std::fs::remove_dir_all(&place)?;
    eprintln!(
        "== dist: {} is whole, {} bytes, SHA-256 {sum}",
        archive.display(),
        bytes.len()
    );
    Ok(())
}

fn sum_of(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Whether an ELF program of 64 bits names no loader (PT_INTERP), so that it needs no other file to start.
fn is_static(elf: &[u8]) -> anyhow::Result<bool> {
    ensure!(
        elf.len() > 64 && elf.starts_with(b"\x7fELF\x02\x01"),
        "no 64-bit little-endian ELF file"
    );
    let word = |at: usize, width: usize| -> anyhow::Result<u64> {
        let bytes = elf.get(at..at + width).context("a cut ELF file")?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    };
    let (table, size, count) = (word(32, 8)?, word(54, 2)?, word(56, 2)?);
    for i in 0..count {
        const INTERP: u64 = 3;
        if word((table + i * size) as usize, 4)? == INTERP {
            return Ok(false);
        }
    }
    Ok(true)
}

fn installed(target: &str) -> anyhow::Result<bool> {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_string());
    let found = output(Command::new(rustc).args(["--print", "target-libdir", "--target", target]))?;
    Ok(Path::new(String::from_utf8_lossy(&found).trim()).is_dir())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}

fn output(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    let output = command
        .output()
        .with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        let _ = std::io::stderr().write_all(&output.stderr);
        bail!("{command:?} failed");
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_test_is_told_from_a_static_program() {
        let own = read(&std::env::current_exe().unwrap()).unwrap();
        // built for the usual target, which has a loader; without its headers it asks for none
        assert_eq!(is_static(&own).unwrap(), !cfg!(target_env = "gnu"));
        assert!(is_static(b"#!/bin/sh").is_err());
    }

    #[test]
    fn archives_are_the_same_for_the_same_files() {
        let folder = std::env::temp_dir().join(format!("cohort-dist-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let binary = folder.join("cohort");
        std::fs::write(&binary, "#!/bin/sh\n[ \"$1\" = man ] && mkdir -p \"$2\" && echo page > \"$2/cohort.1\"\necho script\n").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let of = |out: &str| read(&pack(&binary, "none", &folder.join(out)).unwrap()).unwrap();
        let (a, b) = (of("a"), of("b"));
        assert!(a == b && !a.is_empty());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
