//! The bytes of a sound file: opened safely, and seen through a window.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use symphonia::core::io::MediaSource;

use crate::AudioError;

/// What the bytes come from.
pub(super) trait Bytes: Read + Seek + Send + Sync {}
impl<T: Read + Seek + Send + Sync> Bytes for T {}

/// Opens a regular file for reading; the one rule for every place where a sound file is opened.
///
/// # Errors
/// [`AudioError::Read`] when it cannot be opened; [`AudioError::Decode`] for a folder, pipe, socket or
/// device, since reading one may never end.
pub fn open(path: &Path) -> Result<File, AudioError> {
    let read = |source| AudioError::Read {
        file: path.to_owned(),
        source,
    };
    // Asked before the file is opened: opening a pipe waits for a writer.
    let kind = std::fs::metadata(path).map_err(read)?;
    if !kind.is_file() {
        let found = if kind.is_dir() {
            "a folder"
        } else {
            "a pipe, socket or device"
        };
        return Err(AudioError::decode(path, "a regular file", found));
    }
    File::open(path).map_err(read)
}

/// A part of a file that looks like a whole one, with some bytes seen otherwise than they are.
pub(super) struct Window {
    bytes: Box<dyn Bytes>,
    start: u64,
    length: u64,
    at: u64,
    /// Place in the window and what is read there.
    patches: Vec<(u64, Vec<u8>)>,
}

impl Window {
    pub(super) fn of_file(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self::new(Box::new(BufReader::new(file)), length))
    }

    pub(super) fn new(bytes: Box<dyn Bytes>, length: u64) -> Self {
        Self {
            bytes,
            start: 0,
            length,
            at: 0,
            patches: Vec::new(),
        }
    }

    /// The part from `start` on, of `length` bytes at most.
    pub(super) fn part(mut self, start: u64, length: u64) -> io::Result<Self> {
        let start = start.min(self.length);
        self.start += start;
        self.length = length.min(self.length - start);
        self.seek(SeekFrom::Start(0))?;
        Ok(self)
    }

    pub(super) fn patched(mut self, patches: Vec<(u64, Vec<u8>)>) -> Self {
        self.patches = patches;
        self
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// As many of `count` bytes from `at` on as there are.
    pub(super) fn peek(&mut self, at: u64, count: usize) -> io::Result<Vec<u8>> {
        self.seek(SeekFrom::Start(at))?;
        let mut found = vec![0; count];
        let filled = read_up_to(self, &mut found)?;
        found.truncate(filled);
        Ok(found)
    }
}

impl Read for Window {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.at);
        let most = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let got = self.bytes.read(&mut buffer[..most])?;
        for (place, with) in &self.patches {
            for (offset, byte) in with.iter().enumerate() {
                let Some(i) = (place + offset as u64).checked_sub(self.at) else {
                    continue;
                };
                if i < got as u64 {
                    buffer[i as usize] = *byte;
                }
            }
        }
        self.at += got as u64;
        Ok(got)
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(to) => Some(to),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        let to = to
            .filter(|to| {
                to.checked_add(self.start)
                    .is_some_and(|p| i64::try_from(p).is_ok())
            })
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        self.bytes.seek(SeekFrom::Start(self.start + to))?;
        self.at = to;
        Ok(to)
    }
}

impl MediaSource for Window {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.length)
    }
}

/// Fills `buffer` as far as the reader goes and says how far that was.
pub(super) fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
