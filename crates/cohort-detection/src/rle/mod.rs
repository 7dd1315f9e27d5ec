//! Masks as run lengths, as COCO keeps them: runs of background and foreground in turn, background first, column by column.
//!
//! The arithmetic is that of pycocotools (`common/maskApi.c`), which the tests hold it against value by value.

mod overlap;
mod polygon;

mod text;

pub(crate) use overlap::mask_iou_in_boxes;
pub use overlap::{mask_iou, merge};
pub use polygon::{MOST_COORDINATE, PolygonError, polygon, polygons};

/// A mask of one object in a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rle {
    height: u32,
    width: u32,
    /// Lengths in turn, background first; their sum is the number of pixels.
    counts: Box<[u32]>,
}

/// Why run lengths are no mask of a picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RleError {
    /// A picture without pixels, or with more than 2^31 of them.
    #[error("expected a picture of 1 to 2147483647 pixels, found {width} x {height}")]
    Size {
        /// Height in pixels.
        height: u64,
        /// Width in pixels.
        width: u64,
    },
    /// The lengths do not add up to the picture.
    #[error(
        "expected run lengths that add up to {expected} ({width} x {height} pixels), found {found}"
    )]
    Sum {
        /// Height in pixels.
        height: u32,
        /// Width in pixels.
        width: u32,
        /// Pixels.
        expected: u64,
        /// The sum.
        found: u64,
    },
    /// A character that no compressed string holds.
    #[error("expected characters from '0' to 'o', found {found:?} at place {place}")]
    Character {
        /// The character (of its first byte).
        found: char,
        /// Its place, from 1.
        place: usize,
    },
    /// The string ends within a number.
    #[error("expected a whole number at the end of the string, found it cut off")]
    Cut,
    /// A length below 0 or beyond the picture.
    #[error("run {run}: expected a length from 0 to {most}, found {found}")]
    Length {
        /// Which run, from 1.
        run: usize,
        /// Pixels of the picture.
        most: u64,
        /// The length.
        found: i64,
    },
}

impl Rle {
    /// A mask from run lengths, background first.
    ///
    /// # Errors
    /// [`RleError`] where the lengths do not add up to `height x width`, or the picture is empty or too large.
    pub fn new(height: u32, width: u32, counts: Vec<u32>) -> Result<Self, RleError> {
        let expected = pixels(u64::from(height), u64::from(width))?;
        let found = counts.iter().map(|&c| u64::from(c)).sum();
        if found != expected {
            return Err(RleError::Sum {
                height,
                width,
                expected,
                found,
            });
        }
        Ok(Self {
            height,
            width,
            counts: counts.into(),
        })
    }

    /// The mask of a picture in which column `x`, row `y` lies at `x * height + y`; what is not 0 is foreground.
    ///
    /// # Errors
    /// [`RleError`] where there are not `height x width` values, or the picture is empty or too large.
    pub fn encode(columns: &[u8], height: u32, width: u32) -> Result<Self, RleError> {
        let expected = pixels(u64::from(height), u64::from(width))?;
        if columns.len() as u64 != expected {
            return Err(RleError::Sum {
                height,
                width,
                expected,
                found: columns.len() as u64,
            });
        }
        let (mut counts, mut run, mut inside) = (Vec::new(), 0, false);
        for &value in columns {
            if (value != 0) != inside {
                counts.push(run);
                (run, inside) = (0, !inside);
            }
            run += 1;
        }
        counts.push(run);
        Self::new(height, width, counts)
    }

    /// The picture, column by column; foreground is 1.
    pub fn decode(&self) -> Vec<u8> {
        let mut columns = Vec::with_capacity(self.pixels() as usize);
        for (i, &count) in self.counts.iter().enumerate() {
            columns.resize(columns.len() + count as usize, (i % 2) as u8);
        }
        columns
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Run lengths, background first.
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    fn pixels(&self) -> u64 {
        u64::from(self.height) * u64::from(self.width)
    }

    /// Pixels of the foreground.
    pub fn area(&self) -> u64 {
        let inside = self.counts.iter().skip(1).step_by(2);
        inside.map(|&count| u64::from(count)).sum()
    }

    /// The smallest box `x, y, width, height` around the foreground, in pixels; zeros where there is none.
    pub fn to_bbox(&self) -> [f64; 4] {
        let height = u64::from(self.height);
        let (mut left, mut top) = (u64::from(self.width), height);
        let (mut right, mut bottom) = (0, 0);
        let (mut start, mut any) = (0, false);
        for (i, &count) in self.counts.iter().enumerate() {
            let end = start + u64::from(count);
            if i % 2 == 1 && count > 0 {
                any = true;
                let (first, last) = (start, end - 1);
                left = left.min(first / height);
                right = right.max(last / height);
                if first / height < last / height {
                    // a run over the end of a column touches both borders
                    (top, bottom) = (0, height - 1);
                } else {
                    top = top.min(first % height);
                    bottom = bottom.max(last % height);
                }
            }
            start = end;
        }
        if !any {
            return [0.0; 4];
        }
        [
            left as f64,
            top as f64,
            (right - left + 1) as f64,
            (bottom - top + 1) as f64,
        ]
    }
}

/// Pixels of a picture.
fn pixels(height: u64, width: u64) -> Result<u64, RleError> {
    let pixels = height.checked_mul(width);
    let fits = pixels.filter(|pixels| (1..=i32::MAX as u64).contains(pixels));
    fits.ok_or(RleError::Size { height, width })
}
