//! One tensor's two names, and what changes between them.

use super::family::Part;

/// What a tensor of the file has to go through to be the folder's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    Same,
    /// The file has a convolution of one point, `[out, in, 1, 1]`; the folder a matrix `[out, in]`.
    PointConvolution,
    /// The file has queries, keys and values one below the other; the folder takes this third of the rows: 0, 1 or 2.
    Third(usize),
    /// The file has the matrix transposed.
    Transposed,
}

impl Change {
    /// The shape that a tensor of the file has in the folder; none where the file's shape does not suit the change. Convolutions of one point that
    /// are matrices already stay as they are.
    pub fn shape_in_folder(self, file: &[usize]) -> Option<Vec<usize>> {
        match (self, file) {
            (Self::Same, shape) => Some(shape.to_vec()),
            (Self::PointConvolution, [out, inputs, 1, 1] | [out, inputs]) => {
                Some(vec![*out, *inputs])
            }
            (Self::Third(third), [rows, rest @ ..]) if third < 3 && rows % 3 == 0 => {
                Some([&[rows / 3], rest].concat())
            }
            (Self::Transposed, [rows, columns]) => Some(vec![*columns, *rows]),
            _ => None,
        }
    }
}

/// A tensor of a family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// The network that it belongs to.
    pub part: Part,
    /// Its name in that network's file of a folder.
    pub folder: String,
    /// Its name in a single file.
    pub file: String,
    /// What changes.
    pub change: Change,
}

/// Both kinds of a layer's tensors.
pub(super) const BOTH: [&str; 2] = ["weight", "bias"];
