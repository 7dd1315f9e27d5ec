//! Largest values of windows that lie side by side, on slices.

use rayon::prelude::*;

use crate::wide;

/// Planes (pictures times channels), height and width of a source, and the side of its windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Pictures times channels.
    pub planes: usize,
    /// Height and width of a plane.
    pub size: [usize; 2],
    /// Height and width of a window, and the distance to the next, 2 or 3; rows and columns that fill none are left out.
    pub side: usize,
}

impl Windows {
    /// Windows down and along.
    pub fn output(&self) -> [usize; 2] {
        self.size.map(|n| n / self.side)
    }

    fn plane(&self) -> usize {
        self.size[0] * self.size[1]
    }
}

/// Calls `found` with each window of a row of windows, its largest value, the first of equals, and the row and column of that
/// value; a NaN is larger than any number.
#[inline(always)]
fn largest<const SIDE: usize>(
    width: usize,
    x: &[f32],
    mut found: impl FnMut(usize, f32, usize, usize),
) {
    let columns = width / SIDE;
    let rows: [&[[f32; SIDE]]; SIDE] =
        std::array::from_fn(|row| &x[row * width..].as_chunks().0[..columns]);
    for window in 0..columns {
        let (mut most, mut at) = (rows[0][window][0], [0, 0]);
        for row in 0..SIDE {
            for column in 0..SIDE {
                let value = rows[row][window][column];
                // a choice without a branch: which is the largest nobody can foretell
                let larger = (value > most) | (value.is_nan() & !most.is_nan());
                most = if larger { value } else { most };
                at = if larger { [row, column] } else { at };
            }
        }
        found(window, most, at[0], at[1]);
    }
}

/// `[planes, height, width]` to `[planes, windows down, windows along]`.
///
/// # Panics
/// When the source has another length than the windows say, no window fits, or their side is neither 2 nor 3.
pub fn forward(windows: &Windows, x: &[f32]) -> Vec<f32> {
    match windows.side {
        2 => forward_of::<2>(windows, x),
        3 => forward_of::<3>(windows, x),
        side => panic!("windows of side 2 or 3, not {side}"),
    }
}

fn forward_of<const SIDE: usize>(windows: &Windows, x: &[f32]) -> Vec<f32> {
    let [rows, columns] = windows.output();
    let [_, width] = windows.size;
    assert_eq!(
        x.len(),
        windows.planes * windows.plane(),
        "values of planes"
    );
    let mut out = vec![0.0; windows.planes * rows * columns];
    let planes = out.par_chunks_exact_mut(rows * columns);
    let planes = planes.zip(x.par_chunks_exact(windows.plane()));
    planes.for_each(|(out, x)| {
        wide(|| {
            let lines = out.chunks_exact_mut(columns);
            for (out, x) in lines.zip(x.chunks_exact(SIDE * width)) {
                largest::<SIDE>(width, x, |window, most, _, _| out[window] = most);
            }
        });
    });
    out
}

/// The source and the output gradient to the source's gradient: a window's goes to its largest value.
///
/// # Panics
/// As [`forward`].
pub fn backward(windows: &Windows, x: &[f32], dy: &[f32]) -> Vec<f32> {
    match windows.side {
        2 => backward_of::<2>(windows, x, dy),
        3 => backward_of::<3>(windows, x, dy),
        side => panic!("windows of side 2 or 3, not {side}"),
    }
}

fn backward_of<const SIDE: usize>(windows: &Windows, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let [rows, columns] = windows.output();
    let [_, width] = windows.size;
    assert_eq!(
        x.len(),
        windows.planes * windows.plane(),
        "values of planes"
    );
    assert_eq!(
        dy.len(),
        windows.planes * rows * columns,
        "gradients of windows"
    );
    let mut dx = vec![0.0; x.len()];
    let planes = dx.par_chunks_exact_mut(windows.plane());
    let planes = planes.zip(x.par_chunks_exact(windows.plane()));
    let planes = planes.zip(dy.par_chunks_exact(rows * columns));
    planes.for_each(|((dx, x), dy)| {
        wide(|| {
            let lines = dx.chunks_exact_mut(SIDE * width);
            let lines = lines.zip(x.chunks_exact(SIDE * width));
            for ((dx, x), dy) in lines.zip(dy.chunks_exact(columns)) {
                largest::<SIDE>(width, x, |window, _, row, column| {
                    dx[row * width + window * SIDE + column] = dy[window];
                });
            }
        });
    });
    dx
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_go_to_the_first_of_the_largest() {
        let windows = Windows {
            planes: 2,
            size: [5, 4],
            side: 2,
        };
        #[rustfmt::skip]
        let x = [
            1.0, 2.0,  5.0, 5.0,
            3.0, 0.0,  5.0, 1.0,
            f32::NAN, 9.0,  -4.0, -3.0,
            8.0, 9.0,  -2.0, -2.0,
            99.0, 99.0, 99.0, 99.0,
        ];
        let both = [x, x.map(|v| -v)].concat();
        let found = forward(&windows, &both);
        assert_eq!(found[..2], [3.0, 5.0]);
        assert!(found[2].is_nan() && found[3] == -2.0);
        assert_eq!(found[4..6], [0.0, -1.0]);
        let dy: Vec<f32> = (1..=8).map(|i| i as f32).collect();
        let dx = backward(&windows, &both, &dy);
        let placed: Vec<(usize, f32)> = dx
            .iter()
            .copied()
            .enumerate()
            .filter(|(_, v)| *v != 0.0)
            .collect();
        let expected = [
            (2, 2.0),
            (4, 1.0),
            (8, 3.0),
            (14, 4.0),
            (25, 5.0),
            (27, 6.0),
            (28, 7.0),
            (30, 8.0),
        ];
        assert_eq!(placed, expected);
    }
}
