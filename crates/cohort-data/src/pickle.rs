//! One text out of a Python pickle, without ever running what a pickle can hold.
//!
//! A pickle is a program for a small stack machine, and some of its instructions import and call anything.
//! This reader knows the instructions that Python (protocols 0 to 5) writes for a plain `str` and refuses
//! every other one by name. Source: CPython `Lib/pickletools.py`.

/// Why a pickle was refused: what was expected, what was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PickleProblem {
    pub expected: String,
    pub found: String,
}

fn problem<T>(expected: &str, found: impl Into<String>) -> Result<T, PickleProblem> {
    Err(PickleProblem {
        expected: expected.into(),
        found: found.into(),
    })
}

/// Reads the one `str` that `bytes` pickle. Bytes after the end of the pickle are ignored, as Python does.
pub(crate) fn read_str(bytes: &[u8]) -> Result<String, PickleProblem> {
    let mut input = Input { bytes, at: 0 };
    let mut stack: Vec<String> = Vec::new();
    loop {
        let at = input.at;
        let opcode = input.take(1)?[0];
        match opcode {
            // PROTO
            0x80 => {
                let version = input.take(1)?[0];
                if version > 5 {
                    return problem("pickle protocol 0 to 5", format!("protocol {version}"));
                }
            }
            // FRAME
            0x95 => drop(input.take(8)?),
            // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8; SHORT_BINSTRING and BINSTRING of Python 2
            0x8c | b'U' => stack.push(input.text(1)?),
            b'X' | b'T' => stack.push(input.text(4)?),
            0x8d => stack.push(input.text(8)?),
            // UNICODE
            b'V' => {
                let line = input.line()?;
                stack.push(raw_unicode_escape(line)?);
            }
            // MEMOIZE, BINPUT, LONG_BINPUT, PUT: remembered values are never asked for by a plain str
            0x94 => {}
            b'q' => drop(input.take(1)?),
            b'r' => drop(input.take(4)?),
            b'p' => drop(input.line()?),
            // STOP
            b'.' => {
                return match (stack.pop(), stack.len()) {
                    (Some(text), 0) => Ok(text),
                    (None, _) => problem("one str", "an empty pickle"),
                    (Some(_), more) => problem("one str", format!("{} values", more + 1)),
                };
            }
            _ => return refuse(opcode, at, &mut input, &stack),
        }
        // The longest legal stack is one text; two more are kept so that a refusal can say what they name.
        if stack.len() > 3 {
            return problem("one str", "several values");
        }
    }
}

fn refuse<T>(
    opcode: u8,
    at: usize,
    input: &mut Input<'_>,
    stack: &[String],
) -> Result<T, PickleProblem> {
    let callable = match opcode {
        b'c' | b'i' => {
            let module = String::from_utf8_lossy(input.line()?).into_owned();
            let name = String::from_utf8_lossy(input.line()?).into_owned();
            Some(format!("{module}.{name}"))
        }
        0x93 => Some(stack.join(".")),
        _ => None,
    };
    let code = match opcode {
        b'c' => "GLOBAL",
        b'i' => "INST",
        0x93 => "STACK_GLOBAL",
        b'R' => "REDUCE",
        b'b' => "BUILD",
        b'o' => "OBJ",
        0x81 => "NEWOBJ",
        0x92 => "NEWOBJ_EX",
        0x82..=0x84 => "EXT",
        b'P' | b'Q' => "PERSID",
        _ => "",
    };
    if !code.is_empty() {
        let what = callable
            .map(|name| format!(" of {name:?}"))
            .unwrap_or_default();
        let found = format!("the instruction {code}{what} at byte {at}, which would run code");
        return problem(
            "a pickled plain str (a pickle is read as data, never run)",
            found,
        );
    }
    let kind = match opcode {
        b'N' => "None",
        0x88 | 0x89 => "a bool",
        b'I' | b'J' | b'K' | b'L' | b'M' | 0x8a | 0x8b => "a number",
        b'F' | b'G' => "a float",
        b'B' | b'C' | 0x8e | 0x96 => "bytes",
        b'S' => "a Python 2 str of protocol 0",
        b']' | b'l' | b'a' | b'e' => "a list",
        b'}' | b'd' | b's' | b'u' => "a dict",
        b')' | b't' | 0x85..=0x87 => "a tuple",
        0x8f..=0x91 => "a set",
        b'(' | b'0' | b'1' | b'2' | b'g' | b'h' | b'j' => "more than one value",
        _ => {
            let found = format!("byte 0x{opcode:02x} at {at}, which is no pickle instruction");
            return problem("a pickled str", found);
        }
    };
    problem(
        "a pickled str",
        format!("{kind} (instruction at byte {at})"),
    )
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], PickleProblem> {
        let end = self.at.checked_add(count);
        match end.and_then(|end| self.bytes.get(self.at..end)) {
            Some(taken) => {
                self.at += count;
                Ok(taken)
            }
            None => problem(
                "a whole pickle",
                format!("its end at byte {}", self.bytes.len()),
            ),
        }
    }

    /// A UTF-8 text after its length, a little-endian number of `width` bytes.
    fn text(&mut self, width: usize) -> Result<String, PickleProblem> {
        let mut length = [0; 8];
        let (low, _) = length.split_at_mut(width);
        low.copy_from_slice(self.take(width)?);
        let length = usize::try_from(u64::from_le_bytes(length)).unwrap_or(usize::MAX);
        match std::str::from_utf8(self.take(length)?) {
            Ok(text) => Ok(text.to_string()),
            Err(error) => problem(
                "text in UTF-8",
                format!(
                    "a byte at {} of the text that is not UTF-8",
                    error.valid_up_to()
                ),
            ),
        }
    }

    /// The bytes up to the next line feed, which is passed over.
    fn line(&mut self) -> Result<&'a [u8], PickleProblem> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match rest.iter().position(|&byte| byte == b'\n') {
            Some(length) => {
                self.at += length + 1;
                rest.get(..length)
                    .map_or_else(|| problem("a line", "nothing"), Ok)
            }
            None => problem(
                "a whole pickle",
                format!("its end at byte {}", self.bytes.len()),
            ),
        }
    }
}

/// Python's raw-unicode-escape: Latin-1 with `\uXXXX` and `\UXXXXXXXX`.
fn raw_unicode_escape(line: &[u8]) -> Result<String, PickleProblem> {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((&byte, tail)) = rest.split_first() {
        let digits = match (byte, tail.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => {
                text.push(char::from(byte));
                rest = tail;
                continue;
            }
        };
        let value = tail
            .get(1..=digits)
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u32::from_str_radix(hex, 16).ok())
            .and_then(char::from_u32);
        match value {
            Some(value) => text.push(value),
            None => return problem("an escaped character", "a broken escape"),
        }
        rest = tail.get(digits + 1..).unwrap_or_default();
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts pickled by CPython in each protocol, and other objects: see `scripts/make_pickles.py`.
    #[test]
    fn reads_what_python_pickles_and_refuses_the_rest() {
        let cases: serde_json::Value =
            serde_json::from_str(include_str!("../tests/golden/pickles.json")).unwrap();
        let mut texts = 0;
        for case in cases.as_array().unwrap() {
            let name = case["name"].as_str().unwrap();
            let bytes = hex(case["hex"].as_str().unwrap());
            let read = read_str(&bytes);
            match case["text"].as_str() {
                Some(text) => {
                    assert_eq!(read.as_deref(), Ok(text), "{name}");
                    texts += 1;
                }
                None => {
                    let found = read.unwrap_err().found;
                    let expected = case["refused"].as_str().unwrap();
                    assert!(
                        found.contains(expected),
                        "{name}: {found} has no {expected}"
                    );
                }
            }
        }
        assert!(texts >= 30, "{texts}");
    }

    #[test]
    fn every_cut_and_every_flipped_bit_of_a_pickle_is_read_or_refused() {
        let whole = b"\x80\x04\x95\x0f\0\0\0\0\0\0\0\x8c\x0bhello there\x94.";
        assert_eq!(read_str(whole).unwrap(), "hello there");
        for end in 0..whole.len() {
            assert_eq!(
                read_str(&whole[..end]).unwrap_err().expected,
                "a whole pickle"
            );
        }
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            drop(read_str(&bytes));
        }
    }

    #[test]
    fn a_length_beyond_the_file_is_an_error_not_an_allocation() {
        let bytes = [b"\x80\x04\x8d".as_slice(), &u64::MAX.to_le_bytes(), b"x."].concat();
        assert_eq!(read_str(&bytes).unwrap_err().expected, "a whole pickle");
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
            .collect()
    }
}
