//! Python pickles as data: a stack machine that builds plain values and runs nothing.
//!
//! Every object that is none of Python's plain values becomes an [`Node::Object`]: the name of what would be called, its
//! arguments, its state and its items. What some of them mean, [`super::tensors`] knows; the others are passed over.
//! Values are places in one list, so that what a pickle refers to twice is there once, and cycles are possible.

use std::collections::HashMap;
use std::io::{BufRead, Read};

use super::values::{Id, Node, Object, Pickle};

/// Most values of a pickle; each takes some tens of bytes.
const MOST: usize = 1 << 24;
/// Longest line of the text opcodes in bytes.
const LINE: u64 = 1 << 20;

/// Reads one pickle, up to and with its end.
pub(super) fn read(reader: &mut impl BufRead) -> Result<Pickle, String> {
    let mut machine = Machine {
        reader,
        pickle: Pickle::default(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
    };
    machine.run()?;
    machine.pickle.root = machine.pop()?;
    Ok(machine.pickle)
}

struct Machine<'r, R> {
    reader: &'r mut R,
    pickle: Pickle,
    stack: Vec<Id>,
    /// Heights of the stack at each open mark.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl<R: BufRead> Machine<'_, R> {
    fn run(&mut self) -> Result<(), String> {
        loop {
            let [code] = self.bytes()?;
            match code {
                b'.' => return Ok(()),
                // protocol and frame: no value
                0x80 => {
                    let [protocol] = self.bytes()?;
                    if protocol > 5 {
                        return Err(format!(
                            "pickle: expected protocol 0 to 5, found {protocol}"
                        ));
                    }
                }
                0x95 => {
                    self.bytes::<8>()?;
                }
                // a buffer made read-only is the same buffer
                0x98 => {
                    self.top()?;
                }
                b'N' => self.push(Node::Nothing)?,
                0x88 => self.push(Node::Bool(true))?,
                0x89 => self.push(Node::Bool(false))?,
                b'I' => {
                    let line = self.line()?;
                    self.push(match line.as_str() {
                        "00" => Node::Bool(false),
                        "01" => Node::Bool(true),
                        number => number.parse().map_or(Node::Nothing, Node::Int),
                    })?;
                }
                b'L' => {
                    let line = self.line()?;
                    let number = line.trim_end_matches('L').parse();
                    self.push(number.map_or(Node::Nothing, Node::Int))?;
                }
                b'F' => {
                    let number = self.line()?.parse();
                    self.push(number.map_or(Node::Nothing, Node::Float))?;
                }
                b'J' => {
                    let value = i32::from_le_bytes(self.bytes()?);
                    self.push(Node::Int(value.into()))?;
                }
                b'K' => {
                    let [value] = self.bytes()?;
                    self.push(Node::Int(value.into()))?;
                }
                b'M' => {
                    let value = u16::from_le_bytes(self.bytes()?);
                    self.push(Node::Int(value.into()))?;
                }
                b'G' => {
                    let value = f64::from_be_bytes(self.bytes()?);
                    self.push(Node::Float(value))?;
                }
                0x8a | 0x8b => {
                    let bytes = self.counted(if code == 0x8a { 1 } else { 4 })?;
                    self.push(integer(&bytes))?;
                }
                // texts
                0x8c | b'X' | 0x8d => {
                    let bytes = self.counted(match code {
                        0x8c => 1,
                        b'X' => 4,
                        _ => 8,
                    })?;
                    // a lone surrogate, which is no text: no name of a tensor either
                    let text = String::from_utf8(bytes);
                    let text =
                        text.unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
                    self.push(Node::Text(text))?;
                }
                b'V' => {
                    let line = self.line()?;
                    self.push(Node::Text(unescape(&line)))?;
                }
                b'S' => {
                    let line = self.line()?;
                    self.push(string(unquoted(&line)))?;
                }
                b'U' | b'T' => {
                    let bytes = self.counted(if code == b'U' { 1 } else { 4 })?;
                    self.push(string(bytes))?;
                }
                b'C' | b'B' | 0x8e | 0x96 => {
                    let bytes = self.counted(match code {
                        b'C' => 1,
                        b'B' => 4,
                        _ => 8,
                    })?;
                    self.push(Node::Bytes(bytes))?;
                }
                // containers
                b'(' => self.marks.push(self.stack.len()),
                b')' => self.push(Node::Tuple(Vec::new()))?,
                b']' | 0x8f => self.push(Node::List(Vec::new()))?,
                b'}' => self.push(Node::Dict(Vec::new()))?,
                b't' => {
                    let items = self.pop_to_mark()?;
                    self.push(Node::Tuple(items))?;
                }
                0x85..=0x87 => {
                    let count = usize::from(code - 0x84);
                    let mut items = Vec::with_capacity(count);
                    for _ in 0..count {
                        items.push(self.pop()?);
                    }
                    items.reverse();
                    self.push(Node::Tuple(items))?;
                }
                b'l' | 0x91 => {
                    let items = self.pop_to_mark()?;
                    self.push(Node::List(items))?;
                }
                b'd' => {
                    let items = self.pop_to_mark()?;
                    self.push(Node::Dict(pairs(&items)))?;
                }
                b'a' => {
                    let item = self.pop()?;
                    self.append(vec![item])?;
                }
                b'e' | 0x90 => {
                    let items = self.pop_to_mark()?;
                    self.append(items)?;
                }
                b's' => {
                    let value = self.pop()?;
                    let key = self.pop()?;
                    self.set(vec![(key, value)])?;
                }
                b'u' => {
                    let items = self.pop_to_mark()?;
                    self.set(pairs(&items))?;
                }
                // the stack and the memo
                b'0' => match self.marks.last() == Some(&self.stack.len()) {
                    true => {
                        self.marks.pop();
                    }
                    false => {
                        self.pop()?;
                    }
                },
                b'1' => {
                    self.pop_to_mark()?;
                }
                b'2' => {
                    let top = self.top()?;
                    self.stack.push(top);
                    self.check()?;
                }
                b'p' | b'g' => {
                    let line = self.line()?;
                    let place = line.parse().map_err(|_| damaged())?;
                    self.memo(place, code == b'p')?;
                }
                b'q' | b'h' => {
                    let [place] = self.bytes()?;
                    self.memo(place.into(), code == b'q')?;
                }
                b'r' | b'j' => {
                    let place = u32::from_le_bytes(self.bytes()?);
                    self.memo(place, code == b'r')?;
                }
                0x94 => self.memo(self.memo.len() as u32, true)?,
                // names, and what would be called
                b'c' => {
                    let (module, name) = (self.line()?, self.line()?);
                    self.push(Node::Global(format!("{module}.{name}")))?;
                }
                0x93 => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    let of = |id| self.pickle.text(id).unwrap_or_default().to_owned();
                    let name = format!("{}.{}", of(module), of(name));
                    self.push(Node::Global(name))?;
                }
                b'R' | 0x81 => {
                    let arguments = self.pop()?;
                    let class = self.pop()?;
                    self.object(class, arguments)?;
                }
                0x92 => {
                    self.pop()?;
                    let arguments = self.pop()?;
                    let class = self.pop()?;
                    self.object(class, arguments)?;
                }
                b'i' => {
                    let (module, name) = (self.line()?, self.line()?);
                    let arguments = self.pop_to_mark()?;
                    let class = self.add(Node::Global(format!("{module}.{name}")))?;
                    let arguments = self.add(Node::Tuple(arguments))?;
                    self.object(class, arguments)?;
                }
                b'o' => {
                    let mut all = self.pop_to_mark()?.into_iter();
                    let class = all.next().ok_or_else(damaged)?;
                    let arguments = self.add(Node::Tuple(all.collect()))?;
                    self.object(class, arguments)?;
                }
                b'b' => {
                    let state = self.pop()?;
                    let top = self.top()?;
                    if let Node::Object(object) = &mut self.pickle.nodes[top as usize] {
                        object.state = Some(state);
                    }
                }
                b'P' => {
                    let line = self.line()?;
                    let id = self.add(Node::Text(line))?;
                    self.push(Node::Persistent(id))?;
                }
                b'Q' => {
                    let id = self.pop()?;
                    self.push(Node::Persistent(id))?;
                }
                // extensions' codes, and buffers that are elsewhere
                0x82..=0x84 => {
                    for _ in 0..(1 << (code - 0x82)) {
                        self.bytes::<1>()?;
                    }
                    self.push(Node::Nothing)?;
                }
                0x97 => self.push(Node::Nothing)?,
                other => return Err(format!("pickle: found no opcode but 0x{other:02x}")),
            }
        }
    }

    fn add(&mut self, node: Node) -> Result<Id, String> {
        if self.pickle.nodes.len() >= MOST {
            return Err(format!(
                "pickle: expected at most {MOST} values, found more"
            ));
        }
        self.pickle.nodes.push(node);
        Ok(self.pickle.nodes.len() as Id - 1)
    }

    fn push(&mut self, node: Node) -> Result<(), String> {
        let id = self.add(node)?;
        self.stack.push(id);
        Ok(())
    }

    /// The stack grows without new values too.
    fn check(&self) -> Result<(), String> {
        match self.stack.len() + self.memo.len() > 2 * MOST {
            true => Err(format!(
                "pickle: expected at most {MOST} values, found more"
            )),
            false => Ok(()),
        }
    }

    fn top(&self) -> Result<Id, String> {
        match self.marks.last() == Some(&self.stack.len()) {
            true => Err(damaged()),
            false => self.stack.last().copied().ok_or_else(damaged),
        }
    }

    fn pop(&mut self) -> Result<Id, String> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, String> {
        let mark = self.marks.pop().ok_or_else(damaged)?;
        Ok(self.stack.split_off(mark))
    }

    fn memo(&mut self, place: u32, put: bool) -> Result<(), String> {
        if put {
            let top = self.top()?;
            self.memo.insert(place, top);
        } else {
            let value = self.memo.get(&place).copied().ok_or_else(damaged)?;
            self.stack.push(value);
        }
        self.check()
    }

    fn object(&mut self, class: Id, arguments: Id) -> Result<(), String> {
        self.push(Node::Object(Object {
            class,
            arguments,
            state: None,
            items: Vec::new(),
            entries: Vec::new(),
        }))
    }

    fn append(&mut self, items: Vec<Id>) -> Result<(), String> {
        let top = self.top()?;
        match &mut self.pickle.nodes[top as usize] {
            Node::List(list) => list.extend(items),
            Node::Object(object) => object.items.extend(items),
            _ => return Err(damaged()),
        }
        Ok(())
    }

    fn set(&mut self, entries: Vec<(Id, Id)>) -> Result<(), String> {
        let top = self.top()?;
        match &mut self.pickle.nodes[top as usize] {
            Node::Dict(dict) => dict.extend(entries),
            Node::Object(object) => object.entries.extend(entries),
            _ => return Err(damaged()),
        }
        Ok(())
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        match self.reader.read_exact(&mut bytes) {
            Ok(()) => Ok(bytes),
            Err(error) => Err(cut(&error)),
        }
    }

    /// Bytes whose number is told in `width` bytes before them; memory is taken for those that are there.
    fn counted(&mut self, width: usize) -> Result<Vec<u8>, String> {
        let mut count = [0; 8];
        let read = self.reader.read_exact(&mut count[..width]);
        read.map_err(|e| cut(&e))?;
        let count = u64::from_le_bytes(count);
        let mut bytes = Vec::new();
        let read = self.reader.by_ref().take(count).read_to_end(&mut bytes);
        read.map_err(|e| cut(&e))?;
        match bytes.len() as u64 == count {
            true => Ok(bytes),
            false => Err(format!(
                "pickle: cut short: expected {count} bytes, found {}",
                bytes.len()
            )),
        }
    }

    fn line(&mut self) -> Result<String, String> {
        let mut bytes = Vec::new();
        let mut reader = self.reader.by_ref().take(LINE);
        let read = reader.read_until(b'\n', &mut bytes);
        read.map_err(|e| cut(&e))?;
        if bytes.pop() != Some(b'\n') {
            return Err("pickle: expected the end of a line, found none".to_owned());
        }
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        // Latin-1, as protocol 0 has it
        let text = String::from_utf8(bytes);
        Ok(text.unwrap_or_else(|e| e.as_bytes().iter().map(|&b| char::from(b)).collect()))
    }
}

/// A string of Python 2: a text where it can be.
fn string(bytes: Vec<u8>) -> Node {
    match String::from_utf8(bytes) {
        Ok(text) => Node::Text(text),
        Err(error) => Node::Bytes(error.into_bytes()),
    }
}

/// The bytes that a quoted line with escapes stands for.
fn unquoted(line: &str) -> Vec<u8> {
    let quote = line.chars().next().filter(|c| ['"', '\''].contains(c));
    let inner = quote.and_then(|q| line.strip_prefix(q)?.strip_suffix(q));
    let text = unescape(inner.unwrap_or(line));
    let bytes = text.chars().map(|c| u8::try_from(u32::from(c)));
    // what is no byte was no escape of one
    bytes.collect::<Result<_, _>>().unwrap_or(text.into_bytes())
}

fn pairs(items: &[Id]) -> Vec<(Id, Id)> {
    let (pairs, _) = items.as_chunks::<2>();
    pairs.iter().map(|[key, value]| (*key, *value)).collect()
}

/// Little-endian two's complement; larger than 64 bits is no size of anything.
fn integer(bytes: &[u8]) -> Node {
    let Some(&last) = bytes.last() else {
        return Node::Int(0);
    };
    let fill = if last & 0x80 == 0 { 0 } else { 0xff };
    if bytes.len() > 8 {
        return Node::Nothing;
    }
    let mut all = [fill; 8];
    all[..bytes.len()].copy_from_slice(bytes);
    Node::Int(i64::from_le_bytes(all))
}

/// Python's escapes `\n`, `\t`, `\r`, `\\`, quotes, `\xNN`, `\uNNNN` and `\UNNNNNNNN`.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let digits = match rest.next() {
            Some('n') => {
                out.push('\n');
                continue;
            }
            Some('t') => {
                out.push('\t');
                continue;
            }
            Some('r') => {
                out.push('\r');
                continue;
            }
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            Some(other) => {
                out.push(other);
                continue;
            }
            None => break,
        };
        let code: String = rest.by_ref().take(digits).collect();
        let code = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
        out.push(code.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    out
}

fn damaged() -> String {
    "pickle: damaged: what it refers to is not there".to_owned()
}

fn cut(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "pickle: cut short".to_owned(),
        _ => format!("pickle: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Pickle, String> {
        super::read(&mut &bytes[..])
    }

    #[test]
    fn values_of_every_protocol() {
        // pickle.dumps({'a': [1, -2, 2.5, True, None], 'b': ('x',)}, protocol) of CPython 3.11
        let zero = b"(dp0\nVa\np1\n(lp2\nI1\naI-2\naF2.5\naI01\naNasVb\np3\n(Vx\np4\ntp5\ns.";
        let two = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01J\xfe\xff\xff\xffG@\x04\x00\x00\x00\x00\x00\x00\x88NeX\x01\x00\x00\x00bq\x03X\x01\x00\x00\x00xq\x04\x85q\x05u.";
        let four = b"\x80\x04\x95(\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94]\x94(K\x01J\xfe\xff\xff\xffG@\x04\x00\x00\x00\x00\x00\x00\x88Ne\x8c\x01b\x94\x8c\x01x\x94\x85\x94u.";
        for bytes in [&zero[..], two, four] {
            let found = read(bytes).unwrap();
            let Node::Dict(entries) = found.node(found.root) else {
                panic!("{found:?}");
            };
            let keys: Vec<_> = entries.iter().map(|(key, _)| found.text(*key)).collect();
            assert_eq!(keys, [Some("a"), Some("b")]);
            let items = found.items(entries[0].1).unwrap();
            let items: Vec<&Node> = items.iter().map(|&i| found.node(i)).collect();
            let expected = [
                &Node::Int(1),
                &Node::Int(-2),
                &Node::Float(2.5),
                &Node::Bool(true),
                &Node::Nothing,
            ];
            assert_eq!(items, expected);
            let last = found.items(entries[1].1).unwrap();
            assert_eq!(found.text(last[0]), Some("x"));
        }
    }

    #[test]
    fn what_would_be_called_is_kept_and_not_called() {
        // os.system("false"), and a deque(maxlen=5) that is appended to
        let found = read(b"\x80\x02cos\nsystem\nX\x05\x00\x00\x00false\x85R.").unwrap();
        let Node::Object(object) = found.node(found.root) else {
            panic!("{found:?}");
        };
        assert_eq!(found.global(object.class), Some("os.system"));
        let found = read(b"\x80\x02ccollections\ndeque\n)K\x05\x86R(K\x01K\x02e.").unwrap();
        assert!(matches!(found.node(found.root), Node::Object(o) if o.items.len() == 2));
        // a list that holds itself
        let found = read(b"\x80\x02]q\x00h\x00a.").unwrap();
        assert_eq!(found.items(found.root), Some(&[found.root][..]));
    }

    #[test]
    fn damage_is_an_error_and_takes_no_memory() {
        for bytes in [
            &b""[..],
            b"\x80\x09.",
            b"\x80\x02",
            b".",
            b"\x80\x02\x85.",
            b"\x80\x02h\x05.",
            b"\x80\x02(.",
            b"\x80\x02e.",
            b"\x80\x02NNs.",
            b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fabc.",
            b"\x80\x02\xff.",
            b"Vabc",
        ] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
    }
}
