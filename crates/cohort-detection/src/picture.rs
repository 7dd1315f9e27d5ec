//! Pictures that objects are in.

use crate::id::Id;

/// A picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Its id.
    pub id: Id,
    /// The name of its file; empty where none is given.
    pub file_name: String,
    /// Height in pixels, 1 or more.
    pub height: u32,
    /// Width in pixels, 1 or more.
    pub width: u32,
}
