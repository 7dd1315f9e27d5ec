//! Polygons as masks, pixel for pixel as pycocotools fills them (`rleFrPoly`).
//!
//! The rule: corners are rounded to a grid five times finer than the pixels, edges are drawn on it, and where an edge enters another
//! column of the grid at the middle of a pixel's column, the foreground changes there, from the first pixel whose middle lies below.

use super::{Rle, RleError, merge, pixels};

/// Fineness of the grid on which edges are drawn.
const FINE: f64 = 5.0;

/// Corners beyond this many pixels from the origin are refused: edges are drawn point by point.
pub const MOST_COORDINATE: f64 = 100_000.0;

/// Why a polygon cannot be drawn.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PolygonError {
    /// The picture.
    #[error(transparent)]
    Picture(#[from] RleError),
    /// No polygon at all.
    #[error("expected at least one polygon, found none")]
    None,
    /// Not pairs of numbers, or too few of them.
    #[error("polygon {polygon}: expected x, y of at least 3 corners, found {found} numbers")]
    Corners {
        /// Which polygon of the object, from 1.
        polygon: usize,
        /// Numbers found.
        found: usize,
    },
    /// A number that is no place in a picture.
    #[error(
        "polygon {polygon}: number {number}: expected a number from -100000 to 100000, found {found}"
    )]
    Number {
        /// Which polygon of the object, from 1.
        polygon: usize,
        /// Which number of it, from 1.
        number: usize,
        /// The number.
        found: f64,
    },
}

/// The union of the polygons of one object.
///
/// # Errors
/// [`PolygonError`] where there is no polygon, one has fewer than three corners or an odd number of values, or a value is not finite
/// or beyond [`MOST_COORDINATE`].
pub fn polygons(of: &[Vec<f64>], height: u32, width: u32) -> Result<Rle, PolygonError> {
    let masks: Result<Vec<Rle>, PolygonError> = of
        .iter()
        .enumerate()
        .map(|(i, corners)| {
            check(corners, i + 1)?;
            Ok(draw(corners, height, width)?)
        })
        .collect();
    merge(&masks?, false).ok_or(PolygonError::None)
}

/// The mask of a polygon `x0, y0, x1, y1, ...` in pixels.
///
/// # Errors
/// As [`polygons`].
pub fn polygon(corners: &[f64], height: u32, width: u32) -> Result<Rle, PolygonError> {
    check(corners, 1)?;
    Ok(draw(corners, height, width)?)
}

fn check(corners: &[f64], polygon: usize) -> Result<(), PolygonError> {
    if corners.len() < 6 || corners.len() % 2 != 0 {
        let found = corners.len();
        return Err(PolygonError::Corners { polygon, found });
    }
    let bad = corners.iter().position(|v| {
        // not a number is not below anything
        v.is_nan() || v.abs() > MOST_COORDINATE
    });
    match bad {
        None => Ok(()),
        Some(place) => Err(PolygonError::Number {
            polygon,
            number: place + 1,
            found: corners[place],
        }),
    }
}

fn draw(corners: &[f64], height: u32, width: u32) -> Result<Rle, RleError> {
    let size = pixels(u64::from(height), u64::from(width))?;
    // rounded towards zero after a half is added, below zero too
    let fine = |v: f64| (FINE * v + 0.5) as i32;
    let grid: Vec<(i32, i32)> = corners
        .chunks_exact(2)
        .map(|corner| (fine(corner[0]), fine(corner[1])))
        .collect();
    let mut changes: Vec<u32> = Vec::new();
    let mut before: Option<(i32, i32)> = None;
    for (i, &from) in grid.iter().enumerate() {
        let to = grid[(i + 1) % grid.len()];
        edge(from, to, |point| {
            if let Some(place) = before.and_then(|before| change(before, point, height, width)) {
                changes.push(place);
            }
            before = Some(point);
        });
    }
    changes.push(size as u32);
    changes.sort_unstable();
    Ok(Rle {
        height,
        width,
        counts: runs(&changes).into(),
    })
}

/// The points of an edge, both ends with them.
fn edge(from: (i32, i32), to: (i32, i32), mut each: impl FnMut((i32, i32))) {
    let (wide, high) = ((to.0 - from.0).abs(), (to.1 - from.1).abs());
    let flat = wide >= high;
    // drawn from the smaller coordinate of the longer side, so that an edge looks the same from both of its ends
    let turned = if flat { from.0 > to.0 } else { from.1 > to.1 };
    let (start, end) = if turned { (to, from) } else { (from, to) };
    let steps = wide.max(high);
    let slope = match flat {
        true => f64::from(end.1 - start.1) / f64::from(wide),
        false => f64::from(end.0 - start.0) / f64::from(high),
    };
    for step in 0..=steps {
        let step = if turned { steps - step } else { step };
        let across = |at: i32| (f64::from(at) + slope * f64::from(step) + 0.5) as i32;
        each(match flat {
            true => (start.0 + step, across(start.1)),
            false => (across(start.0), start.1 + step),
        });
    }
}

/// Where the foreground changes as an edge goes from one point of the grid to the next.
fn change(before: (i32, i32), point: (i32, i32), height: u32, width: u32) -> Option<u32> {
    if point.0 == before.0 {
        return None;
    }
    let back = |fine: i32| (f64::from(fine) + 0.5) / FINE - 0.5;
    let x = back(if point.0 < before.0 {
        point.0
    } else {
        point.0 - 1
    });
    if x.floor() != x || x < 0.0 || x > f64::from(width) - 1.0 {
        return None;
    }
    let y = back(point.1.min(before.1));
    let y = y.clamp(0.0, f64::from(height)).ceil();
    Some(x as u32 * height + y as u32)
}

/// Run lengths between places in order; two changes at one place are none.
fn runs(changes: &[u32]) -> Vec<u32> {
    let mut counts: Vec<u32> = Vec::with_capacity(changes.len());
    let mut start = 0;
    let mut lengths = changes.iter().map(|&place| {
        let length = place - start;
        start = place;
        length
    });
    counts.extend(lengths.next());
    while let Some(length) = lengths.next() {
        match (length, counts.last_mut()) {
            (0, Some(last)) => *last += lengths.next().unwrap_or(0),
            _ => counts.push(length),
        }
    }
    counts
}
