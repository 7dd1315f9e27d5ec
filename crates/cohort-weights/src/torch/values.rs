//! The values of a pickle: places in one list, so that what is referred to twice is there once, and cycles are possible.

/// Place of a value among all values of a pickle.
pub(super) type Id = u32;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// None, a mark of damage, or what no tensor is made of (a large number, an extension's code).
    Nothing,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    Tuple(Vec<Id>),
    /// A list or a set.
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A class or function, as `module.name`.
    Global(String),
    /// What a container keeps outside the pickle.
    Persistent(Id),
    Object(Object),
}

/// What a call would make.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Object {
    /// What would be called.
    pub(super) class: Id,
    /// Its arguments, a tuple.
    pub(super) arguments: Id,
    pub(super) state: Option<Id>,
    /// Items that were appended, as to a subclass of a list.
    pub(super) items: Vec<Id>,
    /// Entries that were set, as in an `OrderedDict`.
    pub(super) entries: Vec<(Id, Id)>,
}

/// All values of a pickle.
#[derive(Debug, Default)]
pub(super) struct Pickle {
    pub(super) nodes: Vec<Node>,
    pub(super) root: Id,
}

impl Pickle {
    pub(super) fn node(&self, id: Id) -> &Node {
        &self.nodes[id as usize]
    }

    /// Items of a tuple or list.
    pub(super) fn items(&self, id: Id) -> Option<&[Id]> {
        match self.node(id) {
            Node::Tuple(items) | Node::List(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.node(id) {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Name of a class, as `torch.FloatStorage`.
    pub(super) fn global(&self, id: Id) -> Option<&str> {
        match self.node(id) {
            Node::Global(name) => Some(name),
            _ => None,
        }
    }

    pub(super) fn size(&self, id: Id) -> Option<usize> {
        match self.node(id) {
            Node::Int(value) => usize::try_from(*value).ok(),
            _ => None,
        }
    }

    /// Sizes of a tuple or list of them.
    pub(super) fn sizes(&self, id: Id) -> Option<Vec<usize>> {
        match self.node(id) {
            // torch.Size is a subclass of a tuple
            Node::Object(object) => {
                let arguments = self.items(object.arguments)?;
                arguments.first().and_then(|&first| {
                    let all = self.items(first)?.iter().map(|&i| self.size(i));
                    all.collect()
                })
            }
            _ => self.items(id)?.iter().map(|&i| self.size(i)).collect(),
        }
    }

    /// What names each value that a container keeps.
    pub(super) fn persistent(&self) -> impl Iterator<Item = Id> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Persistent(id) => Some(*id),
            _ => None,
        })
    }
}
