//! A picture in memory.

use std::borrow::Cow;

use crate::error::VisionError;

/// An 8-bit RGB picture: `height` rows of `width` pixels, three bytes a pixel, no padding.
///
/// Width and height are at least 1 and the buffer has exactly `width * height * 3` bytes:
/// [`Picture::new`] is the only way in, so every operation can rely on it.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Picture {
    /// A picture from its pixels.
    ///
    /// # Errors
    /// [`VisionError::Argument`] when a side is 0 or `rgb` has another length than
    /// `width * height * 3`.
    pub fn new(width: usize, height: usize, rgb: Vec<u8>) -> Result<Self, VisionError> {
        let bytes = width.checked_mul(height).and_then(|n| n.checked_mul(3));
        match bytes {
            Some(n) if n > 0 && n == rgb.len() => Ok(Self { width, height, rgb }),
            _ => Err(VisionError::Argument {
                operation: "make a picture",
                expected: format!("{width} x {height} x 3 bytes, both sides at least 1"),
                found: format!("{} bytes", rgb.len()),
            }),
        }
    }

    /// A picture of one colour; a side of 0 counts as 1.
    #[must_use]
    pub fn solid(width: usize, height: usize, colour: [u8; 3]) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        Self {
            width,
            height,
            rgb: colour.repeat(width * height),
        }
    }

    /// The same size with other pixels: for operations that map a picture onto itself.
    pub(crate) fn with_rgb(&self, rgb: Vec<u8>) -> Self {
        debug_assert_eq!(rgb.len(), self.rgb.len());
        Self {
            width: self.width,
            height: self.height,
            rgb,
        }
    }

    /// A new picture whose pixel values come from `f(x, y)`.
    pub(crate) fn from_fn(
        width: usize,
        height: usize,
        mut f: impl FnMut(usize, usize) -> [u8; 3],
    ) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        let mut rgb = Vec::with_capacity(width * height * 3);
        for y in 0..height {
            for x in 0..width {
                rgb.extend_from_slice(&f(x, y));
            }
        }
        Self { width, height, rgb }
    }

    /// Pixels a row, at least 1.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows, at least 1.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// The pixels, row by row from the top left corner, red, green, blue.
    #[must_use]
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The pixels, to be changed in place.
    pub fn rgb_mut(&mut self) -> &mut [u8] {
        &mut self.rgb
    }

    /// The buffer, given away.
    #[must_use]
    pub fn into_rgb(self) -> Vec<u8> {
        self.rgb
    }

    /// The pixel in column `x` of row `y`, if there is one.
    #[must_use]
    pub fn pixel(&self, x: usize, y: usize) -> Option<[u8; 3]> {
        if x >= self.width || y >= self.height {
            return None;
        }
        let at = (y * self.width + x) * 3;
        self.rgb.get(at..at + 3)?.try_into().ok()
    }

    /// Grey levels, one byte a pixel: ITU-R 601 luma in 16-bit fixed point,
    /// `(19595 R + 38470 G + 7471 B + 32768) >> 16`, as Pillow's `convert("L")`.
    #[must_use]
    pub fn luma(&self) -> Vec<u8> {
        let mut grey = vec![0; self.rgb.len() / 3];
        crate::wide::luma(&self.rgb, &mut grey);
        grey
    }
}

impl From<Picture> for Cow<'_, Picture> {
    fn from(picture: Picture) -> Self {
        Self::Owned(picture)
    }
}

impl<'a> From<&'a Picture> for Cow<'a, Picture> {
    fn from(picture: &'a Picture) -> Self {
        Self::Borrowed(picture)
    }
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({} x {})", self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_of_the_wrong_length_is_refused() {
        let cases = [
            (2, 2, 12, true),
            (2, 2, 11, false),
            (0, 2, 0, false),
            (usize::MAX, 2, 6, false),
        ];
        for (w, h, bytes, fits) in cases {
            assert_eq!(
                Picture::new(w, h, vec![0; bytes]).is_ok(),
                fits,
                "{w} x {h}, {bytes} bytes"
            );
        }
    }

    #[test]
    fn luma_of_the_primaries_is_pillows() {
        // Image.new("RGB", (1, 1), c).convert("L").getpixel((0, 0)), Pillow 12.3
        for (colour, expected) in [
            ([255, 0, 0], 76),
            ([0, 255, 0], 150),
            ([0, 0, 255], 29),
            ([255; 3], 255),
            ([1, 2, 3], 2),
        ] {
            assert_eq!(
                Picture::solid(1, 1, colour).luma(),
                [expected],
                "{colour:?}"
            );
        }
    }

    #[test]
    fn pixel_is_none_outside() {
        let p = Picture::from_fn(3, 2, |x, y| [x as u8, y as u8, 7]);
        assert_eq!(p.pixel(2, 1), Some([2, 1, 7]));
        assert_eq!(p.pixel(3, 1), None);
        assert_eq!(p.pixel(0, 2), None);
    }
}
