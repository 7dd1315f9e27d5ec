//! The programs, and how they are called.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use crate::VideoError;

/// Variable that names the folder of the programs.
const FOLDER: &str = "COHORT_FFMPEG";
/// Containers that are opened, whatever a file is called: no playlist, which would name other files.
const CONTAINERS: &str = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi";

/// The `ffmpeg` and `ffprobe` programs of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ffmpeg {
    pub(crate) ffmpeg: PathBuf,
    pub(crate) ffprobe: PathBuf,
    version: String,
}

impl Ffmpeg {
    /// The programs in the folder that `COHORT_FFMPEG` names, else on the PATH.
    ///
    /// # Errors
    /// [`VideoError::NoProgram`] where one of them cannot be run.
    pub fn find() -> Result<Self, VideoError> {
        let folder = std::env::var_os(FOLDER).filter(|folder| !folder.is_empty());
        let named = |name: &str| match &folder {
            Some(folder) => Path::new(folder).join(name),
            None => PathBuf::from(name),
        };
        let (ffmpeg, ffprobe) = (named("ffmpeg"), named("ffprobe"));
        let mut version = String::new();
        for program in [&ffprobe, &ffmpeg] {
            let output = Command::new(program)
                .arg("-version")
                .stdin(Stdio::null())
                .output();
            let output = output.map_err(|error| VideoError::NoProgram {
                reason: format!("{}: {error}", program.display()),
            })?;
            if !output.status.success() {
                return Err(VideoError::NoProgram {
                    reason: format!("{} -version: {}", program.display(), output.status),
                });
            }
            let text = String::from_utf8_lossy(&output.stdout);
            let line = text.lines().next().unwrap_or_default();
            version = line
                .split(" Copyright")
                .next()
                .unwrap_or_default()
                .to_string();
        }
        Ok(Self {
            ffmpeg,
            ffprobe,
            version,
        })
    }

    /// What lets every frame through as it is; the option was renamed in 5.1.
    pub(crate) fn passing(&self) -> [&'static str; 2] {
        let number = self.version.trim_start_matches("ffmpeg version ");
        let number = number.trim_start_matches('n');
        match ["2.", "3.", "4.", "5.0"]
            .iter()
            .any(|old| number.starts_with(old))
        {
            true => ["-vsync", "0"],
            false => ["-fps_mode", "passthrough"],
        }
    }

    /// What it calls itself, e.g. `ffmpeg version 5.1.9`.
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// The arguments that name a file, and nothing but a file.
pub(crate) fn input(path: &Path) -> [OsString; 6] {
    let mut named = OsString::from("file:");
    named.push(path);
    [
        "-protocol_whitelist".into(),
        "file,pipe".into(),
        "-format_whitelist".into(),
        CONTAINERS.into(),
        "-i".into(),
        named,
    ]
}

/// A program at work, whose output is read and whose messages are kept.
pub(crate) struct Running {
    child: Child,
    messages: Option<JoinHandle<Vec<String>>>,
}

impl Running {
    /// Starts a program. `note` sees every line that it says and gives what is to be handed on at once.
    pub(crate) fn start<T: Send + 'static>(
        mut command: Command,
        path: &Path,
        note: impl Fn(&str) -> Option<T> + Send + 'static,
    ) -> Result<(Self, ChildStdout, Receiver<T>), VideoError> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|error| VideoError::pipe(path, error))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (to, from) = channel();
        let messages = stderr.map(|stderr| {
            std::thread::spawn(move || {
                listen(stderr, |line| {
                    if let Some(found) = note(line) {
                        // whoever no longer listens has what he wants
                        let _ = to.send(found);
                    }
                })
            })
        });
        let stdout =
            stdout.ok_or_else(|| VideoError::pipe(path, std::io::Error::other("no output")))?;
        Ok((Self { child, messages }, stdout, from))
    }

    /// Waits for the end. Gives the last message of an error, where there is one.
    pub(crate) fn end(mut self, path: &Path) -> Result<Option<String>, VideoError> {
        let status = self
            .child
            .wait()
            .map_err(|error| VideoError::pipe(path, error))?;
        let messages = self
            .messages
            .take()
            .map(|thread| thread.join().unwrap_or_default());
        let last = messages.and_then(|mut all| all.pop());
        Ok(match status.success() {
            true => last,
            false => Some(last.unwrap_or_else(|| status.to_string())),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // one that has ended cannot be killed, and need not
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads messages to the end; keeps the last of those that tell of an error.
fn listen(stderr: ChildStderr, mut note: impl FnMut(&str)) -> Vec<String> {
    const KEPT: usize = 4;
    let mut errors: Vec<String> = Vec::new();
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line), Ok(read) if read > 0) {
        let text = String::from_utf8_lossy(&line).trim().to_string();
        line.clear();
        note(&text);
        let marks = ["[error] ", "[fatal] ", "[panic] "];
        if let Some(mark) = marks.iter().find(|mark| text.contains(**mark)) {
            if errors.len() == KEPT {
                errors.remove(0);
            }
            let told = text.split(mark).last().unwrap_or_default();
            errors.push(told.to_string());
        }
    }
    errors
}
