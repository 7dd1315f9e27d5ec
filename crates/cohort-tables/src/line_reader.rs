//! The line that a byte of a text file stands on, known while the file is read once from front to back.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read};

/// A reader that remembers where lines begin, so that a message can name the line of a row.
///
/// The `csv` crate gives a record the position at which the one before it ended: with empty lines between them, or
/// with CRLF line ends, that is another line than the record's own.
#[derive(Debug)]
pub struct LineReader<R> {
    inner: R,
    lines: RefCell<Lines>,
}

#[derive(Debug)]
struct Lines {
    /// Bytes read so far.
    bytes: u64,
    /// 1-based line of the next byte, and where it began.
    line: u64,
    start: u64,
    /// Whether the line has no byte so far but carriage returns.
    empty: bool,
    /// Start and number of the lines that are not empty and have not been asked for yet.
    starts: VecDeque<(u64, u64)>,
}

impl<R> LineReader<R> {
    /// Reads from `inner`, whose first byte is on line 1.
    pub fn new(inner: R) -> Self {
        let lines = Lines {
            bytes: 0,
            line: 1,
            start: 0,
            empty: true,
            starts: VecDeque::new(),
        };
        Self {
            inner,
            lines: RefCell::new(lines),
        }
    }

    /// The first line that is not empty and begins at `byte` (0-based) or after it, as far as has been read; `None` when
    /// there is none. Questions must come in ascending order: what lies before the last one is forgotten.
    pub fn line_from(&self, byte: u64) -> Option<u64> {
        let starts = &mut self.lines.borrow_mut().starts;
        while starts.front().is_some_and(|&(start, _)| start < byte) {
            starts.pop_front();
        }
        starts.front().map(|&(_, line)| line)
    }
}

impl<R: Read> Read for LineReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let lines = self.lines.get_mut();
        for byte in buffer.iter().take(count) {
            lines.bytes += 1;
            match byte {
                b'\n' => {
                    lines.line += 1;
                    lines.start = lines.bytes;
                    lines.empty = true;
                }
                b'\r' => {}
                _ if lines.empty => {
                    lines.empty = false;
                    lines.starts.push_back((lines.start, lines.line));
                }
                _ => {}
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line of every record as `csv` splits them.
    fn lines(text: &str) -> Vec<Option<u64>> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(LineReader::new(text.as_bytes()));
        let mut record = csv::ByteRecord::new();
        let mut found = Vec::new();
        while reader.read_byte_record(&mut record).unwrap() {
            let byte = record.position().unwrap().byte();
            found.push(reader.get_ref().line_from(byte));
        }
        found
    }

    #[test]
    fn records_are_on_the_lines_on_which_they_begin() {
        let cases: [(&str, &[u64]); 6] = [
            ("a,b\n1,2\n3,4", &[1, 2, 3]),
            ("a,b\n\n1,2\n\n\n3,4\n\n", &[1, 3, 6]),
            ("a,b\r\n1,2\r\n\r\n3,4\r\n", &[1, 2, 4]),
            ("\na\n\"x\n\ny\",2\n3\n", &[2, 3, 6]),
            ("\u{feff}a\r\n \r\nb", &[1, 2, 3]),
            ("", &[]),
        ];
        for (text, expected) in cases {
            let expected: Vec<Option<u64>> = expected.iter().copied().map(Some).collect();
            assert_eq!(lines(text), expected, "{text:?}");
        }
        // also when the file is longer than the reader's buffer
        let long: String = (0..20_000).map(|i| format!("{i}\r\n\r\n")).collect();
        let expected: Vec<Option<u64>> = (0..20_000).map(|i| Some(2 * i + 1)).collect();
        assert_eq!(lines(&long), expected);
    }
}
