//! COCO's compressed strings: from the fourth run on the difference to the run before the last, in groups of five bits.

use super::{Rle, RleError, pixels};

/// A character is this and six bits.
const FIRST: u8 = b'0';
/// The bit that says that another group follows.
const MORE: u8 = 0x20;
/// The sign bit of the last group.
const SIGN: u8 = 0x10;

impl Rle {
    /// The compressed string.
    pub fn to_compressed(&self) -> String {
        let mut text = String::new();
        for (i, &count) in self.counts.iter().enumerate() {
            let before = match i {
                0..=2 => 0,
                _ => i64::from(self.counts[i - 2]),
            };
            let mut rest = i64::from(count) - before;
            loop {
                let group = (rest & 0x1f) as u8;
                rest >>= 5;
                let sign = if group & SIGN != 0 { -1 } else { 0 };
                let more = if rest == sign { 0 } else { MORE };
                text.push((FIRST + (group | more)) as char);
                if more == 0 {
                    break;
                }
            }
        }
        text
    }

    /// A mask from a compressed string.
    ///
    /// # Errors
    /// [`RleError`] that says where the string is none, or how its runs do not fit the picture.
    pub fn from_compressed(text: &str, height: u32, width: u32) -> Result<Self, RleError> {
        let most = pixels(u64::from(height), u64::from(width))?;
        let mut counts: Vec<u32> = Vec::with_capacity(text.len());
        let (mut value, mut shift) = (0_i64, 0_u32);
        for (place, byte) in text.bytes().enumerate() {
            let group = byte.wrapping_sub(FIRST);
            if group > 0x3f {
                // the bytes before are of one character each
                let found = text.get(place..).and_then(|rest| rest.chars().next());
                return Err(RleError::Character {
                    found: found.unwrap_or(byte as char),
                    place: place + 1,
                });
            }
            // a length within the picture needs seven groups at most; what is longer cannot be one
            if shift > 35 {
                return Err(RleError::Length {
                    run: counts.len() + 1,
                    most,
                    found: value,
                });
            }
            value |= i64::from(group & 0x1f) << shift;
            shift += 5;
            if group & MORE != 0 {
                continue;
            }
            if group & SIGN != 0 {
                value |= -1 << shift;
            }
            let run = counts.len();
            if run > 2 {
                value += i64::from(counts[run - 2]);
            }
            let fits = u32::try_from(value).ok().filter(|&v| u64::from(v) <= most);
            counts.push(fits.ok_or(RleError::Length {
                run: run + 1,
                most,
                found: value,
            })?);
            (value, shift) = (0, 0);
        }
        if shift > 0 {
            return Err(RleError::Cut);
        }
        Self::new(height, width, counts)
    }
}
