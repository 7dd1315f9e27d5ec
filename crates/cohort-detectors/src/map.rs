//! Values over a picture's places.

/// What a module gives for a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// `[row, column, channel]`.
    pub values: Vec<f32>,
    /// Rows and columns.
    pub size: [usize; 2],
}
