//! The initial values and the nodes of an ONNX graph: what a network's weights are, and in which order its layers use them.
//!
//! No operation is run: who knows the network finds its weights by name or, where an exporter has numbered them, by the order of the
//! nodes. Numbers of fields are those of `onnx.proto3` (ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto).

mod wire;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::kind::Kind;
use crate::{Array, WeightsError};
use wire::{Fields, Value, repeated};

/// Most bytes of a file: protocol buffers end there.
const MOST_BYTES: u64 = 1 << 31;
/// Most nodes, names, attributes and initial values together; the largest published graphs have some ten thousand.
const MOST_PARTS: usize = 4_000_000;
/// Most axes of an array.
const MOST_AXES: usize = 32;
/// Most numbers of an attribute.
const MOST_NUMBERS: usize = 64;

/// One operation of a graph.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// Its own name; may be empty.
    pub name: String,
    /// What it does: `Conv`, `Mul`, ...
    pub operation: String,
    /// Names of what it reads, in order; an empty one is left out on purpose.
    pub inputs: Vec<String>,
    /// Names of what it makes.
    pub outputs: Vec<String>,
    /// Attributes that are a whole number or a list of them: `group`, `strides`, `pads`, ...
    pub numbers: BTreeMap<String, Vec<i64>>,
}

/// An ONNX file: initial values by name and the graph's nodes in their order.
///
/// The file is held in memory; initial values are decoded when they are asked for. Values in other files are not read.
#[derive(Debug)]
pub struct Onnx {
    path: PathBuf,
    bytes: Vec<u8>,
    nodes: Vec<Node>,
    initial: BTreeMap<String, Initial>,
}

#[derive(Debug)]
struct Initial {
    shape: Vec<usize>,
    kind: Kind,
    stored: Stored,
}

/// Where values are.
#[derive(Debug)]
enum Stored {
    /// A part of the file, little-endian.
    Raw(Range<usize>),
    /// Single precision, or half as the low bits of whole numbers, collected from the message.
    Typed(Vec<u8>),
    Elsewhere,
}

impl Onnx {
    /// Reads a file.
    ///
    /// # Errors
    /// [`WeightsError`] naming the file when it cannot be read, is larger than 2 GiB or is no ONNX model with a graph.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        let refused = |reason: String| WeightsError::new(path, reason);
        let bytes = read(path).map_err(refused)?;
        let mut reader = Reader {
            bytes: &bytes,
            parts: 0,
            nodes: Vec::new(),
            initial: BTreeMap::new(),
        };
        let read = reader.model();
        read.map_err(|reason| refused(format!("expected an ONNX model: {reason}")))?;
        let (nodes, initial) = (reader.nodes, reader.initial);
        Ok(Self {
            path: path.to_owned(),
            nodes,
            initial,
            bytes,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The graph's nodes, each after those that it reads.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Names of the initial values in order, floating or not.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.initial.keys().map(String::as_str)
    }

    /// Shape of an initial value.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.initial.get(name).map(|own| own.shape.as_slice())
    }

    /// Decodes an initial value; half, bfloat and double precision are cast to `f32`.
    ///
    /// # Errors
    /// [`WeightsError`] for one that is absent, not floating, in another file, or of another length than its shape says.
    pub fn read(&self, name: &str) -> Result<Array, WeightsError> {
        let refused = |reason: String| WeightsError::new(&self.path, reason);
        let initial = self.initial.get(name);
        let initial = initial.ok_or_else(|| refused(format!("no initial value {name:?}")))?;
        let bytes = match &initial.stored {
            Stored::Raw(range) => &self.bytes[range.clone()],
            Stored::Typed(bytes) => bytes,
            Stored::Elsewhere => {
                return Err(refused(format!(
                    "initial value {name:?} lies in another file, expected it here: save the model as one file"
                )));
            }
        };
        let values = initial.kind.values(bytes).ok_or_else(|| {
            refused(format!(
                "initial value {name:?} is {}, expected f32, f16, bf16 or f64 numbers",
                initial.kind
            ))
        })?;
        let size = match initial.kind {
            Kind::F64 => 8,
            Kind::F32 => 4,
            _ => 2,
        };
        let mut sides = initial.shape.iter();
        let wanted = sides.try_fold(1_usize, |n, side| n.checked_mul(*side));
        let wanted_bytes = wanted.and_then(|n| n.checked_mul(size));
        if wanted_bytes != Some(bytes.len()) {
            return Err(refused(format!(
                "initial value {name:?} of {:?} {} numbers: found {} bytes",
                initial.shape,
                initial.kind,
                bytes.len()
            )));
        }
        Ok(Array {
            shape: initial.shape.clone(),
            values,
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    let read = file.take(MOST_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|e| e.to_string())?;
    match bytes.len() as u64 > MOST_BYTES {
        true => Err("expected a file of at most 2 GiB".into()),
        false => Ok(bytes),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    parts: usize,
    nodes: Vec<Node>,
    initial: BTreeMap<String, Initial>,
}

impl<'a> Reader<'a> {
    /// Counts a part that is kept.
    fn part(&mut self) -> Result<(), String> {
        self.parts += 1;
        match self.parts > MOST_PARTS {
            true => Err(format!("expected at most {MOST_PARTS} nodes and values")),
            false => Ok(()),
        }
    }

    fn text(&mut self, value: Value<'a>) -> Result<String, String> {
        self.part()?;
        let text = value.bytes().and_then(|b| std::str::from_utf8(b).ok());
        text.map(str::to_owned)
            .ok_or_else(|| "expected a name in UTF-8".into())
    }

    fn model(&mut self) -> Result<(), String> {
        let mut graphs = 0;
        for field in Fields::new(self.bytes) {
            let (number, value) = field?;
            if number == 7 {
                graphs += 1;
                self.graph(value.bytes().ok_or("expected a graph as a message")?)?;
            }
        }
        match graphs {
            1 => Ok(()),
            _ => Err(format!("expected one graph, found {graphs}")),
        }
    }

    fn graph(&mut self, graph: &'a [u8]) -> Result<(), String> {
        for field in Fields::new(graph) {
            match field? {
                (1, Value::Bytes(node)) => {
                    let node = self
                        .node(node)
                        .map_err(|e| format!("node {}: {e}", self.nodes.len() + 1))?;
                    self.nodes.push(node);
                }
                (5, Value::Bytes(tensor)) => {
                    let (name, initial) = self
                        .tensor(tensor)
                        .map_err(|e| format!("initial value {}: {e}", self.initial.len() + 1))?;
                    if self.initial.insert(name.clone(), initial).is_some() {
                        return Err(format!("two initial values are called {name:?}"));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn node(&mut self, message: &'a [u8]) -> Result<Node, String> {
        self.part()?;
        let mut node = Node::default();
        for field in Fields::new(message) {
            match field? {
                (1, value) => node.inputs.push(self.text(value)?),
                (2, value) => node.outputs.push(self.text(value)?),
                (3, value) => node.name = self.text(value)?,
                (4, value) => node.operation = self.text(value)?,
                (5, Value::Bytes(attribute)) => {
                    let (name, numbers) = self.attribute(attribute)?;
                    if let Some(numbers) = numbers {
                        node.numbers.insert(name, numbers);
                    }
                }
                _ => {}
            }
        }
        Ok(node)
    }

    /// An attribute's name, and its numbers where it is made of whole ones, few enough to mean a shape or a setting.
    fn attribute(&mut self, message: &'a [u8]) -> Result<(String, Option<Vec<i64>>), String> {
        let mut name = String::new();
        let mut numbers = Vec::new();
        let mut is_kept = true;
        for field in Fields::new(message) {
            match field? {
                (1, value) => name = self.text(value)?,
                (3 | 8, value) => {
                    is_kept &= repeated(value, &mut numbers, MOST_NUMBERS).is_ok();
                }
                // what is of another kind has its value here
                (2 | 4..=7 | 9..=11, _) => is_kept = false,
                _ => {}
            }
        }
        let numbers = numbers.into_iter().map(u64::cast_signed).collect();
        Ok((name, is_kept.then_some(numbers)))
    }

    fn tensor(&mut self, message: &'a [u8]) -> Result<(String, Initial), String> {
        self.part()?;
        let mut name = String::new();
        let mut axes = Vec::new();
        let mut kind = 0;
        let mut raw = None;
        let mut typed = Vec::new();
        let mut is_elsewhere = false;
        for field in Fields::new(message) {
            match field? {
                (1, value) => repeated(value, &mut axes, MOST_AXES)?,
                (2, Value::Number(number)) => kind = number,
                (4, Value::Bytes(packed)) => typed.extend_from_slice(packed),
                (4, Value::Fixed(one)) => typed.extend_from_slice(one),
                // half precision, each as the low bits of a number
                (5, value) if matches!(kind_of(kind), Kind::F16 | Kind::Bf16) => {
                    let mut numbers = Vec::new();
                    repeated(value, &mut numbers, message.len())?;
                    let halves = numbers.iter().map(|number| *number as u16);
                    typed.extend(halves.flat_map(u16::to_le_bytes));
                }
                (8, value) => name = self.text(value)?,
                (9, Value::Bytes(bytes)) => raw = Some(self.range(bytes)),
                (10, Value::Bytes(packed)) => typed.extend_from_slice(packed),
                (10, Value::Fixed(one)) => typed.extend_from_slice(one),
                (14, Value::Number(place)) => is_elsewhere = place == 1,
                _ => {}
            }
        }
        let side = |axis: u64| usize::try_from(axis.cast_signed()).ok();
        let shape: Option<Vec<usize>> = axes.into_iter().map(side).collect();
        let shape = shape.ok_or_else(|| format!("{name:?}: expected sides of at least 0"))?;
        let stored = match raw {
            _ if is_elsewhere => Stored::Elsewhere,
            Some(range) => Stored::Raw(range),
            None => Stored::Typed(typed),
        };
        let kind = kind_of(kind);
        Ok((
            name,
            Initial {
                shape,
                kind,
                stored,
            },
        ))
    }

    /// Where a part of the file is.
    fn range(&self, part: &[u8]) -> Range<usize> {
        let begin = part.as_ptr().addr() - self.bytes.as_ptr().addr();
        begin..begin + part.len()
    }
}

/// What a tensor's numbers are, by ONNX's number of their kind.
fn kind_of(number: u64) -> Kind {
    match number {
        1 => Kind::F32,
        10 => Kind::F16,
        11 => Kind::F64,
        16 => Kind::Bf16,
        6 => Kind::Other("I32".into()),
        7 => Kind::Other("I64".into()),
        other => Kind::Other(format!("of ONNX's kind {other}")),
    }
}

#[cfg(test)]
mod tests;
