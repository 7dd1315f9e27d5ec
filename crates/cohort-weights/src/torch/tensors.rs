//! The tensors among a pickle's values, and their bytes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::storages::{Storages, key_of};
use super::values::{Id, Node, Object, Pickle};
use crate::kind::{Kind, kind_of};

/// Containers that are looked into, each as often as it is referred to.
const VISITS: usize = 1 << 22;
/// Deepest nesting that is looked into.
const DEPTH: usize = 100;
/// So many values more than its storage has a tensor may have that repeats some.
const REPEATED: usize = 1 << 24;

/// A file whose pickle was read.
pub(super) struct Opened {
    pub(super) pickle: Pickle,
    pub(super) storages: Arc<Storages>,
    /// Tensors of the earliest files, which the pickle names by numbers.
    pub(super) named: HashMap<String, Tensor>,
}

/// A tensor whose bytes were not read yet.
#[derive(Clone)]
pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) kind: Kind,
    stride: Vec<usize>,
    size: usize,
    place: Place,
}

#[derive(Clone)]
enum Place {
    /// In a storage, from this byte on.
    Storage {
        source: Arc<Storages>,
        key: String,
        start: u64,
    },
    /// In the pickle itself (NumPy).
    Bytes {
        bytes: Arc<Vec<u8>>,
        big_endian: bool,
    },
    /// In no way that is read.
    Nowhere,
}

/// A storage that tensors are parts of.
#[derive(Debug, Clone)]
pub(super) struct Storage {
    pub(super) key: String,
    /// None for bytes of no kind.
    pub(super) kind: Option<Kind>,
    /// Bytes of an element.
    pub(super) size: usize,
    pub(super) elements: usize,
    /// The element that offsets are counted from.
    pub(super) first: usize,
    /// The element before which tensors end.
    pub(super) reach: usize,
}

impl Tensor {
    /// A view of a storage; `kind` is told for storages of no kind.
    pub(super) fn strided(
        source: &Arc<Storages>,
        storage: Storage,
        kind: Option<(Kind, usize)>,
        offset: usize,
        shape: Vec<usize>,
        stride: Vec<usize>,
    ) -> Result<Self, String> {
        let key = &storage.key;
        let (kind, size, reach) = match (storage.kind, kind) {
            (Some(own), None) => (own, storage.size, storage.reach),
            (None, Some((kind, size))) => (kind, size, storage.reach / size),
            (Some(_), Some((kind, size))) if size == storage.size => (kind, size, storage.reach),
            _ => return Err(format!("storage {key}: two kinds of numbers, or none")),
        };
        let extent = extent(&shape, &stride);
        let end = extent.and_then(|e| offset.checked_add(storage.first)?.checked_add(e));
        if end.is_none_or(|end| end > reach) {
            return Err(format!(
                "a tensor of shape {shape:?} lies outside its storage {key} of {reach} values"
            ));
        }
        let elements = shape.iter().product::<usize>();
        if elements > reach.saturating_add(REPEATED) {
            return Err(format!(
                "expected tensors of at most {REPEATED} repeated values, found one of shape {shape:?}"
            ));
        }
        Ok(Self {
            shape,
            kind,
            stride,
            size,
            place: Place::Storage {
                source: source.clone(),
                key: storage.key,
                start: (offset + storage.first) as u64 * size as u64,
            },
        })
    }

    fn unread(what: &str) -> Self {
        Self {
            shape: Vec::new(),
            kind: Kind::Other(what.to_owned()),
            stride: Vec::new(),
            size: 0,
            place: Place::Nowhere,
        }
    }

    /// The values row by row in little-endian bytes.
    pub(crate) fn read(&self) -> Result<Vec<u8>, String> {
        let extent = extent(&self.shape, &self.stride).unwrap_or(0) * self.size;
        let (mut bytes, big_endian) = match &self.place {
            Place::Storage { source, key, start } => {
                (source.read(key, *start, extent as u64)?, false)
            }
            Place::Bytes { bytes, big_endian } => (bytes[..extent].to_vec(), *big_endian),
            Place::Nowhere => return Err(format!("a tensor of the kind {}", self.kind)),
        };
        if !is_dense(&self.shape, &self.stride) {
            bytes = self.gather(&bytes);
        }
        if big_endian {
            bytes.chunks_exact_mut(self.size).for_each(<[u8]>::reverse);
        }
        Ok(bytes)
    }

    fn gather(&self, bytes: &[u8]) -> Vec<u8> {
        let elements = self.shape.iter().product::<usize>();
        let mut out = Vec::with_capacity(elements * self.size);
        let mut index = vec![0; self.shape.len()];
        let mut at = 0;
        for _ in 0..elements {
            out.extend_from_slice(&bytes[at * self.size..(at + 1) * self.size]);
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                at += self.stride[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                at -= self.stride[axis] * self.shape[axis];
                index[axis] = 0;
            }
        }
        out
    }
}

/// Elements from the first to the last of a view, both included; none where that is no number.
fn extent(shape: &[usize], stride: &[usize]) -> Option<usize> {
    if shape.len() != stride.len() {
        return None;
    }
    shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d))?;
    if shape.contains(&0) {
        return Some(0);
    }
    shape.iter().zip(stride).try_fold(1usize, |end, (n, step)| {
        end.checked_add((n - 1).checked_mul(*step)?)
    })
}

fn is_dense(shape: &[usize], stride: &[usize]) -> bool {
    let mut expected = 1;
    shape.iter().zip(stride).rev().all(|(n, step)| {
        let fits = *n <= 1 || *step == expected;
        expected *= n;
        fits
    })
}

fn dense(shape: &[usize]) -> Vec<usize> {
    let mut stride = vec![1usize; shape.len()];
    for axis in (1..shape.len()).rev() {
        stride[axis - 1] = stride[axis].saturating_mul(shape[axis]);
    }
    stride
}

/// The storage that a tuple `("storage", class, key, place, elements, part)` names.
pub(super) fn storage_of(pickle: &Pickle, id: Id) -> Option<Storage> {
    let [mark, class, key, _, elements, rest @ ..] = pickle.items(id)? else {
        return None;
    };
    if pickle.text(*mark)? != "storage" {
        return None;
    }
    let class = pickle.global(*class).or_else(|| pickle.text(*class))?;
    let (kind, size) = match class.ends_with("UntypedStorage") {
        true => (None, 1),
        false => {
            let (kind, size) = kind_of(class)?;
            (Some(kind), size)
        }
    };
    let elements = pickle.size(*elements)?;
    let (mut first, mut reach) = (0, elements);
    // early files: (key, offset, elements) of a part
    if let Some([_, offset, length]) = rest.first().and_then(|&part| pickle.items(part)) {
        first = pickle.size(*offset)?;
        reach = first.checked_add(pickle.size(*length)?)?;
        if reach > elements {
            return None;
        }
    }
    Some(Storage {
        key: key_of(pickle, *key)?,
        kind,
        size,
        elements,
        first,
        reach,
    })
}

/// What a file holds, for the message that it holds no tensors.
pub(super) fn describe(pickle: &Pickle) -> String {
    match pickle.node(pickle.root) {
        Node::Dict(entries) => {
            let keys = entries.iter().filter_map(|(key, _)| pickle.text(*key));
            let keys: Vec<&str> = keys.take(5).collect();
            format!("a dictionary of {} entries {keys:?}", entries.len())
        }
        Node::Object(object) => format!(
            "an object of {}",
            pickle.global(object.class).unwrap_or("no class")
        ),
        Node::List(items) | Node::Tuple(items) => format!("a list of {} entries", items.len()),
        _ => "a single value".to_owned(),
    }
}

/// Every tensor by its path through dictionaries, lists and modules.
pub(super) fn list(opened: &Opened) -> Result<BTreeMap<String, Tensor>, String> {
    let mut walk = Walk {
        pickle: &opened.pickle,
        storages: &opened.storages,
        named: &opened.named,
        path: Vec::new(),
        within: Vec::new(),
        visits: 0,
        found: BTreeMap::new(),
    };
    walk.visit(opened.pickle.root)?;
    Ok(walk.found)
}

struct Walk<'a> {
    pickle: &'a Pickle,
    storages: &'a Arc<Storages>,
    named: &'a HashMap<String, Tensor>,
    path: Vec<String>,
    /// The containers around the one that is looked into.
    within: Vec<Id>,
    visits: usize,
    found: BTreeMap<String, Tensor>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, id: Id) -> Result<(), String> {
        let pickle = self.pickle;
        match pickle.node(id) {
            Node::Dict(_) | Node::List(_) | Node::Tuple(_) | Node::Object(_) => {}
            Node::Persistent(name) => {
                let tensor = key_of(pickle, *name).and_then(|name| self.named.get(&name));
                if let Some(tensor) = tensor.cloned() {
                    self.insert(tensor);
                }
                return Ok(());
            }
            _ => return Ok(()),
        }
        self.visits += 1;
        if self.visits > VISITS {
            return Err(format!("expected at most {VISITS} containers, found more"));
        }
        if self.within.len() >= DEPTH || self.within.contains(&id) {
            return Ok(());
        }
        self.within.push(id);
        match pickle.node(id) {
            Node::Dict(entries) => self.entries(entries, &[])?,
            Node::List(items) | Node::Tuple(items) => self.numbered(items)?,
            Node::Object(object) => self.object(object)?,
            _ => {}
        }
        self.within.pop();
        Ok(())
    }

    fn entries(&mut self, entries: &'a [(Id, Id)], but: &[&str]) -> Result<(), String> {
        for (key, value) in entries {
            let Some(name) = key_of(self.pickle, *key) else {
                continue;
            };
            if but.contains(&name.as_str()) {
                continue;
            }
            self.path.push(name);
            self.visit(*value)?;
            self.path.pop();
        }
        Ok(())
    }

    fn numbered(&mut self, items: &'a [Id]) -> Result<(), String> {
        for (number, item) in items.iter().enumerate() {
            self.path.push(number.to_string());
            self.visit(*item)?;
            self.path.pop();
        }
        Ok(())
    }

    fn object(&mut self, object: &'a Object) -> Result<(), String> {
        let pickle = self.pickle;
        if let Some(tensor) = self.tensor(object, 0)? {
            self.insert(tensor);
            return Ok(());
        }
        let state = object.state.and_then(|state| self.table(state));
        let class = pickle.global(object.class).unwrap_or_default();
        if let Some(state) = state {
            let part = |name: &str| {
                let entry = state
                    .iter()
                    .find(|(key, _)| pickle.text(*key) == Some(name));
                entry.map(|(_, value)| *value)
            };
            let tables = ["_parameters", "_buffers", "_modules"].map(part);
            if let [Some(parameters), Some(buffers), Some(modules)] = tables {
                // a module saved whole, under the names of its state_dict()
                let passing = part("_non_persistent_buffers_set");
                let passing = passing.map_or(Vec::new(), |set| self.words(set));
                for (table, but) in [(parameters, &[][..]), (buffers, &passing), (modules, &[])] {
                    if let Some(entries) = self.table(table) {
                        self.entries(entries, but)?;
                    }
                }
                return Ok(());
            }
            if class.starts_with("__torch__.") {
                return self.entries(state, &[]);
            }
        }
        // an OrderedDict and others of its kind; one of Python 2 has its entries as an argument
        self.entries(&object.entries, &[])?;
        if class == "collections.OrderedDict" {
            let arguments = pickle.items(object.arguments).unwrap_or_default();
            let pairs = arguments.first().and_then(|&first| pickle.items(first));
            for &pair in pairs.unwrap_or_default() {
                if let Some([key, value]) = pickle.items(pair)
                    && let Some(name) = key_of(pickle, *key)
                {
                    self.path.push(name);
                    self.visit(*value)?;
                    self.path.pop();
                }
            }
        }
        self.numbered(&object.items)
    }

    /// Entries of a dictionary, plain or ordered.
    fn table(&self, id: Id) -> Option<&'a [(Id, Id)]> {
        match self.pickle.node(id) {
            Node::Dict(entries) => Some(entries),
            Node::Object(object) => Some(&object.entries),
            _ => None,
        }
    }

    /// Texts of a set.
    fn words(&self, set: Id) -> Vec<&'a str> {
        let items = match self.pickle.node(set) {
            Node::Object(object) => {
                let arguments = self.pickle.items(object.arguments).unwrap_or_default();
                arguments
                    .first()
                    .and_then(|&first| self.pickle.items(first))
            }
            _ => self.pickle.items(set),
        };
        let items = items.unwrap_or_default().iter();
        items.filter_map(|&item| self.pickle.text(item)).collect()
    }

    fn insert(&mut self, tensor: Tensor) {
        let name = self.path.join(".");
        let twice = self.found.contains_key(&name);
        let tensor = match twice {
            // {"a.b": ..., "a": {"b": ...}}
            true => Tensor::unread("one of two of this name"),
            false => tensor,
        };
        self.found.insert(name, tensor);
    }

    /// The tensor that a call would make; none where it would make something else.
    fn tensor(&self, object: &Object, depth: usize) -> Result<Option<Tensor>, String> {
        let Some(class) = self.pickle.global(object.class) else {
            return Ok(None);
        };
        let numpy = class.starts_with("numpy.");
        if numpy && class.ends_with(".multiarray._reconstruct") {
            return self
                .array(object.state.unwrap_or(object.arguments))
                .map(Some);
        }
        if numpy && class.ends_with(".numeric._frombuffer") {
            return self.buffer(object.arguments).map(Some);
        }
        self.rebuilt(class, object.arguments, depth)
    }

    fn rebuilt(&self, class: &str, arguments: Id, depth: usize) -> Result<Option<Tensor>, String> {
        let pickle = self.pickle;
        let fields = pickle.items(arguments).unwrap_or_default();
        let damaged = || format!("{class}: expected what it makes a tensor of, found other values");
        let inner = |place: usize| -> Result<Option<Tensor>, String> {
            match fields.get(place).map(|&id| pickle.node(id)) {
                Some(Node::Object(object)) if depth < DEPTH => self.tensor(object, depth + 1),
                Some(Node::Persistent(name)) => {
                    let tensor = key_of(pickle, *name).and_then(|name| self.named.get(&name));
                    Ok(tensor.cloned())
                }
                _ => Err(damaged()),
            }
        };
        match class {
            "torch._utils._rebuild_tensor"
            | "torch._utils._rebuild_tensor_v2"
            | "torch._utils._rebuild_tensor_v3" => {
                let [storage, offset, shape, stride, rest @ ..] = fields else {
                    return Err(damaged());
                };
                let Node::Persistent(storage) = pickle.node(*storage) else {
                    return Ok(Some(Tensor::unread("saved by pickle, not by torch.save")));
                };
                let kind = match class.ends_with("_v3") {
                    false => None,
                    true => {
                        let name = rest.get(2).and_then(|&kind| pickle.global(kind));
                        let name = name.ok_or_else(damaged)?;
                        match kind_of(name) {
                            Some(kind) => Some(kind),
                            None => return Ok(Some(Tensor::unread(name))),
                        }
                    }
                };
                let Some(storage) = storage_of(pickle, *storage) else {
                    return Ok(Some(Tensor::unread("of a storage that is not known")));
                };
                let sizes = (
                    pickle.size(*offset),
                    pickle.sizes(*shape),
                    pickle.sizes(*stride),
                );
                let (Some(offset), Some(shape), Some(stride)) = sizes else {
                    return Err(damaged());
                };
                Tensor::strided(self.storages, storage, kind, offset, shape, stride).map(Some)
            }
            "torch._utils._rebuild_parameter"
            | "torch._utils._rebuild_parameter_with_state"
            | "torch._utils._rebuild_device_tensor_from_numpy" => inner(0),
            // (function, type, arguments, state)
            "torch._tensor._rebuild_from_type_v2" if depth < DEPTH => {
                let function = fields.first().and_then(|&function| pickle.global(function));
                match (function, fields.get(2)) {
                    (Some(function), Some(&arguments)) => {
                        self.rebuilt(function, arguments, depth + 1)
                    }
                    _ => Err(damaged()),
                }
            }
            _ if class.starts_with("torch.") && class.contains("._rebuild_") => {
                Ok(Some(Tensor::unread(class)))
            }
            _ => Ok(None),
        }
    }

    /// A NumPy array by its state `(version, shape, type, is Fortran's, bytes)`.
    fn array(&self, state: Id) -> Result<Tensor, String> {
        let pickle = self.pickle;
        let Some([.., shape, kind, fortran, bytes]) = pickle.items(state) else {
            return Ok(Tensor::unread("NumPy"));
        };
        let fortran = pickle.node(*fortran) == &Node::Bool(true);
        self.of_bytes(*bytes, *kind, *shape, fortran)
    }

    /// A NumPy array by the arguments `(bytes, type, shape, order)` of protocol 5.
    fn buffer(&self, arguments: Id) -> Result<Tensor, String> {
        let pickle = self.pickle;
        let Some([bytes, kind, shape, order]) = pickle.items(arguments) else {
            return Ok(Tensor::unread("NumPy"));
        };
        let fortran = pickle.text(*order) == Some("F");
        self.of_bytes(*bytes, *kind, *shape, fortran)
    }

    fn of_bytes(&self, bytes: Id, kind: Id, shape: Id, fortran: bool) -> Result<Tensor, String> {
        let pickle = self.pickle;
        let unread = |what: &str| Ok(Tensor::unread(&format!("NumPy {what}")));
        // dtype("f4", False, True) with the state (3, "<", ...)
        let Node::Object(object) = pickle.node(kind) else {
            return unread("of a type that is not known");
        };
        let name = pickle.items(object.arguments).and_then(|a| a.first());
        let name = name.and_then(|&name| pickle.text(name)).unwrap_or_default();
        let order = object.state.and_then(|state| pickle.items(state)?.get(1));
        let order = order.and_then(|&order| pickle.text(order)).unwrap_or("|");
        let (Some((kind, size)), Some(shape)) = (kind_of(name), pickle.sizes(shape)) else {
            return unread(name);
        };
        let bytes = match pickle.node(bytes) {
            Node::Bytes(bytes) => bytes.clone(),
            // a string of Python 2 that happens to be a text
            Node::Text(text) => text.as_bytes().to_vec(),
            // protocols before 3 have no bytes: _codecs.encode(text, "latin1"), or bytes() and bytearray() of it
            Node::Object(object) => match self.latin(object, 0) {
                Some(bytes) => bytes,
                None => return unread("of bytes that are elsewhere"),
            },
            _ => return unread("of bytes that are elsewhere"),
        };
        let stride = match fortran {
            false => dense(&shape),
            true => {
                let mut turned: Vec<usize> = shape.iter().rev().copied().collect();
                turned = dense(&turned);
                turned.reverse();
                turned
            }
        };
        let length = extent(&shape, &stride).and_then(|extent| extent.checked_mul(size));
        if length != Some(bytes.len()) {
            return Err(format!(
                "a NumPy array of shape {shape:?} and type {name}: found {} bytes",
                bytes.len()
            ));
        }
        Ok(Tensor {
            shape,
            kind,
            stride,
            size,
            place: Place::Bytes {
                bytes: Arc::new(bytes),
                big_endian: order == ">",
            },
        })
    }

    fn latin(&self, object: &Object, depth: usize) -> Option<Vec<u8>> {
        let pickle = self.pickle;
        let first = *pickle.items(object.arguments)?.first()?;
        match (pickle.global(object.class)?, pickle.node(first)) {
            ("_codecs.encode", Node::Text(text)) => text
                .chars()
                .map(|c| u8::try_from(u32::from(c)).ok())
                .collect(),
            (_, Node::Bytes(bytes)) => Some(bytes.clone()),
            (_, Node::Object(inner)) if depth < 2 => self.latin(inner, depth + 1),
            _ => None,
        }
    }
}
