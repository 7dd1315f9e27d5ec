//! Anchors: boxes of set sizes and shapes at every place of a grid.

use super::boxes::Corners;

/// The anchors of one place, around its centre.
pub type Cell = Vec<Corners>;

/// torchvision's cell: all sizes of the first ratio, then of the next; corners rounded to whole pixels, halves to even
/// (`models/detection/anchor_utils.py`). `ratios` are height over width, `sizes` the roots of areas in pixels.
pub fn cell_by_ratio(sizes: &[f32], ratios: &[f32]) -> Cell {
    let mut cell = Vec::with_capacity(sizes.len() * ratios.len());
    for ratio in ratios {
        let high = ratio.sqrt();
        let wide = 1.0 / high;
        for size in sizes {
            let [width, height] = [wide * size, high * size];
            let corners = [-width, -height, width, height];
            cell.push(corners.map(|v| (v / 2.0).round_ties_even()));
        }
    }
    cell
}

/// detectron2's cell: all ratios of the first size, then of the next; not rounded (`modeling/anchor_generator.py`).
pub fn cell_by_size(sizes: &[f64], ratios: &[f64]) -> Cell {
    let mut cell = Vec::with_capacity(sizes.len() * ratios.len());
    for size in sizes {
        for ratio in ratios {
            let width = (size * size / ratio).sqrt();
            let height = ratio * width;
            let corners = [-width / 2.0, -height / 2.0, width / 2.0, height / 2.0];
            cell.push(corners.map(|v| v as f32));
        }
    }
    cell
}

/// The anchors of one level of a pyramid: row by row, place by place, the cell's order within a place.
#[derive(Debug, Clone, PartialEq)]
pub struct Anchors {
    cell: Cell,
    grid: [usize; 2],
    stride: [f32; 2],
    first: [f32; 2],
}

impl Anchors {
    /// torchvision's: the first centre is the corner of the picture, and places are the **whole** number of pixels apart that
    /// `padded`, the padded picture's `[height, width]`, holds of the grid's `[rows, columns]`: 61 where 800 rows are 13 places.
    ///
    /// # Panics
    /// When the grid is empty.
    pub fn over(cell: Cell, padded: [usize; 2], grid: [usize; 2]) -> Self {
        let stride = [padded[0] / grid[0], padded[1] / grid[1]].map(|v| v as f32);
        Self {
            cell,
            grid,
            stride,
            first: [0.0; 2],
        }
    }

    /// detectron2's: places `stride` pixels apart, the first `offset` of that from the picture's corner, in `[0, 1)`.
    pub fn at_stride(cell: Cell, grid: [usize; 2], stride: usize, offset: f32) -> Self {
        let stride = [stride as f32; 2];
        Self {
            cell,
            grid,
            stride,
            first: stride.map(|v| v * offset),
        }
    }

    /// Distances of places in pixels, `[down, along]`.
    pub fn stride(&self) -> [f32; 2] {
        self.stride
    }

    /// Number of anchors.
    pub fn len(&self) -> usize {
        self.cell.len() * self.grid[0] * self.grid[1]
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The anchor at a place of the list.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn get(&self, place: usize) -> Corners {
        let (spot, kind) = (place / self.cell.len(), place % self.cell.len());
        let (row, column) = (spot / self.grid[1], spot % self.grid[1]);
        assert!(row < self.grid[0], "an anchor of the grid");
        let y = self.first[0] + row as f32 * self.stride[0];
        let x = self.first[1] + column as f32 * self.stride[1];
        let [x1, y1, x2, y2] = self.cell[kind];
        [x + x1, y + y1, x + x2, y + y2]
    }

    /// All in their order.
    pub fn iter(&self) -> impl Iterator<Item = Corners> + '_ {
        (0..self.len()).map(|place| self.get(place))
    }
}
