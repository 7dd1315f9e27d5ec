//! How a picture was turned by its camera: the orientation of EXIF or XMP, found as Pillow finds it.

use image::metadata::Orientation;

/// The tag of the orientation in the first directory of EXIF.
const TAG: u16 = 0x0112;

/// What Pillow's `ImageOps.exif_transpose` undoes: the orientation in EXIF (with or without the mark `Exif\0\0`), and only
/// where that has none the one in XMP. A value from outside 1 to 8 turns nothing, but is one: XMP is not asked any more.
pub(super) fn orientation(exif: Option<&[u8]>, xmp: Option<&[u8]>) -> Orientation {
    exif.and_then(in_exif)
        .unwrap_or_else(|| xmp.and_then(in_xmp))
        .and_then(Orientation::from_exif)
        .unwrap_or(Orientation::NoTransforms)
}

/// The orientation of an EXIF block: None without the tag, `Some(None)` where its value is no whole number from 0 to 255.
///
/// Pillow takes every type of number (SHORT and LONG, signed, RATIONAL, FLOAT...) and the first of several values; bytes and
/// text are no number. Entries before the tag are gone through as it does, since one that points outside ends its search.
fn in_exif(exif: &[u8]) -> Option<Option<u8>> {
    const MARK: &[u8] = b"Exif\0\0";
    let tiff = exif.strip_prefix(MARK).unwrap_or(exif);
    let tiff = tiff.strip_prefix(MARK).unwrap_or(tiff);
    let big = match tiff.get(..4)? {
        b"II\x2a\0" | b"II\0\x2a" => false,
        b"MM\0\x2a" | b"MM\x2a\0" => true,
        _ => return None,
    };
    let directory = usize::try_from(unsigned(tiff.get(4..8)?, big)).ok()?;
    let count = unsigned(slice(tiff, directory, 2)?, big);
    let mut outside = 0;
    let mut seen = Vec::new();
    for i in 0..count as usize {
        let entry = slice(tiff, directory + 2 + 12 * i, 12)?;
        let tag = unsigned(&entry[..2], big) as u16;
        let kind = unsigned(&entry[2..4], big);
        let width = match kind {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16 => 8,
            _ => continue,
        };
        let size = unsigned(&entry[4..8], big) * width;
        if size == 0 || seen.contains(&tag) {
            continue;
        }
        let value = if size <= 4 {
            &entry[8..8 + size as usize]
        } else {
            outside += size;
            if outside > tiff.len() as u64 {
                continue;
            }
            slice(tiff, unsigned(&entry[8..], big) as usize, size as usize)?
        };
        if tag == TAG {
            return Some(number(kind, &value[..width as usize], big));
        }
        seen.push(tag);
    }
    None
}

/// A value of a TIFF type as a whole number.
fn number(kind: u64, value: &[u8], big: bool) -> Option<u8> {
    let bits = unsigned(value, big);
    let whole =
        |value: f64| (value.fract() == 0.0 && (0.0..256.0).contains(&value)).then_some(value as u8);
    match kind {
        3 | 4 | 13 | 16 => u8::try_from(bits).ok(),
        6 => u8::try_from(bits as i8).ok(),
        8 => u8::try_from(bits as i16).ok(),
        9 => u8::try_from(bits as i32).ok(),
        5 | 10 => {
            let [over, under] = [&value[..4], &value[4..]].map(|part| unsigned(part, big) as u32);
            let part = |part: u32| match kind {
                5 => f64::from(part),
                _ => f64::from(part as i32),
            };
            // 0/0 and n/0 are not finite and so no number.
            whole(part(over) / part(under))
        }
        11 => whole(f64::from(f32::from_bits(bits as u32))),
        12 => whole(f64::from_bits(bits)),
        _ => None,
    }
}

/// An unsigned number of up to eight bytes.
fn unsigned(bytes: &[u8], big: bool) -> u64 {
    let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    match big {
        true => bytes.iter().fold(0, join),
        false => bytes.iter().rev().fold(0, join),
    }
}

fn slice(bytes: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(length)?)
}

/// The orientation of an XMP packet, as attribute (`tiff:Orientation="6"`) or element (`<tiff:Orientation>6<`): what the
/// regular expression `tiff:Orientation(="|>)([0-9])` finds first, which is how Pillow reads it.
fn in_xmp(xmp: &[u8]) -> Option<u8> {
    const NAME: &[u8] = b"tiff:Orientation";
    memchr::memmem::find_iter(xmp, NAME).find_map(|at| {
        let rest = &xmp[at + NAME.len()..];
        let value = rest.strip_prefix(b"=\"").or(rest.strip_prefix(b">"))?;
        value
            .first()
            .filter(|byte| byte.is_ascii_digit())
            .map(|digit| digit - b'0')
    })
}
