//! A picture as YOLOX wants it.

use cohort_vision::{Picture, resize};

use crate::DetectorError;

/// What stands beside and below a picture.
const GREY: f32 = 114.0;

/// A picture fitted into a square.
#[derive(Debug, Clone, PartialEq)]
pub struct Letterbox {
    /// Blue, green, red, each `side * side` values from 0 to 255.
    pub planes: Vec<f32>,
    /// Side of the square in pixels.
    pub side: usize,
    /// Pixels of the square for one of the picture's.
    pub ratio: f64,
}

/// Fits a picture into the top left of a square, as large as it goes and in its own proportions, beside grey of 114: resized by
/// Pillow's bilinear filter to whole pixels, rounded down (at least 1); blue first, not scaled.
///
/// Source: `preproc` of YOLOX's data_augment.py, which resizes with OpenCV.
///
/// # Errors
/// [`DetectorError::Vision`] for a side that is too large.
pub fn letterbox(picture: &Picture, side: usize) -> Result<Letterbox, DetectorError> {
    let (width, height) = (picture.width(), picture.height());
    let along = |length: usize| side as f64 / length as f64;
    let ratio = along(height).min(along(width));
    let fitted = |length: usize| ((length as f64 * ratio) as usize).clamp(1, side);
    let small = resize(picture, fitted(width), fitted(height))?;
    let mut planes = vec![GREY; 3 * side * side];
    for (channel, plane) in planes.chunks_exact_mut(side * side).enumerate() {
        let rows = plane.chunks_exact_mut(side);
        for (row, pixels) in rows.zip(small.rgb().chunks_exact(3 * small.width())) {
            for (value, pixel) in row.iter_mut().zip(pixels.chunks_exact(3)) {
                *value = f32::from(pixel[2 - channel]);
            }
        }
    }
    Ok(Letterbox {
        planes,
        side,
        ratio,
    })
}
