//! Ids of COCO's files.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A number or a text; numbers come before texts in every order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
}

impl Id {
    /// Whether it is the number 0, which pycocotools cannot tell from "nothing".
    pub(crate) fn is_zero(&self) -> bool {
        *self == Self::Number(0)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}
