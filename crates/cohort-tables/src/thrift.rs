//! A look at a Parquet footer and its page headers before the reader: whether any list in them claims more items than
//! there are bytes.

/// Most items of a list whose items take no byte when they are skipped (truth values).
const BOOLS: u64 = 4096;

/// Deepest nesting.
const DEPTH: u32 = 64;

/// Whether a structure in Thrift's compact protocol claims lengths that it cannot have, over which a reader that skips
/// fields it does not know would loop. Everything else that may be wrong is left to the reader, which tells it.
///
/// Source: Apache Thrift, doc/specs/thrift-compact-protocol.md.
pub(crate) fn claims_too_much(bytes: &[u8]) -> bool {
    matches!(structure(bytes), Err(Stop::TooMuch))
}

/// A page's header.
pub(crate) struct PageHeader {
    /// Its own bytes.
    pub(crate) length: usize,
    /// Bytes of the page behind it, as they lie in the file.
    pub(crate) page: u64,
}

/// Goes over the header of a page that `bytes` begins with.
pub(crate) fn page_header(bytes: &[u8]) -> Result<PageHeader, Stop> {
    let walk = structure(bytes)?;
    // field 3 of PageHeader is compressed_page_size
    let page = walk.third.ok_or(Stop::Malformed)?;
    Ok(PageHeader {
        length: bytes.len() - walk.bytes.len(),
        page: u64::try_from(page).map_err(|_| Stop::Malformed)?,
    })
}

fn structure(bytes: &[u8]) -> Result<Walk<'_>, Stop> {
    let mut walk = Walk { bytes, third: None };
    walk.value(12, 0)?;
    Ok(walk)
}

pub(crate) enum Stop {
    /// The reader stops here as well.
    Malformed,
    TooMuch,
}

struct Walk<'a> {
    bytes: &'a [u8],
    /// Field 3 of the structure, where that is a number.
    third: Option<i64>,
}

impl Walk<'_> {
    fn byte(&mut self) -> Result<u8, Stop> {
        let (&first, rest) = self.bytes.split_first().ok_or(Stop::Malformed)?;
        self.bytes = rest;
        Ok(first)
    }

    fn varint(&mut self) -> Result<u64, Stop> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).wrapping_shl(shift);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Stop::Malformed)
    }

    fn skip(&mut self, count: u64) -> Result<(), Stop> {
        let count = usize::try_from(count).map_err(|_| Stop::Malformed)?;
        self.bytes = self.bytes.get(count..).ok_or(Stop::Malformed)?;
        Ok(())
    }

    fn enough(&self, kinds: &[u8], count: u64) -> Result<(), Stop> {
        let all_bools = kinds.iter().all(|kind| matches!(kind, 1 | 2));
        let most = if all_bools {
            BOOLS
        } else {
            self.bytes.len() as u64
        };
        if count > most {
            return Err(Stop::TooMuch);
        }
        Ok(())
    }

    /// Goes over one value of a kind as the protocol numbers them.
    fn value(&mut self, kind: u8, depth: u32) -> Result<(), Stop> {
        if depth > DEPTH {
            return Err(Stop::Malformed);
        }
        match kind {
            // a truth value is in the field's header
            1 | 2 => Ok(()),
            3 => self.byte().map(drop),
            4..=6 => self.varint().map(drop),
            7 => self.skip(8),
            8 => {
                let length = self.varint()?;
                self.skip(length)
            }
            9 | 10 => {
                let header = self.byte()?;
                let count = match header >> 4 {
                    15 => self.varint()?,
                    count => u64::from(count),
                };
                let kind = header & 0x0f;
                self.enough(&[kind], count)?;
                (0..count).try_for_each(|_| self.value(kind, depth + 1))
            }
            11 => {
                let count = self.varint()?;
                if count == 0 {
                    return Ok(());
                }
                let kinds = self.byte()?;
                let (key, value) = (kinds >> 4, kinds & 0x0f);
                self.enough(&[key, value], count)?;
                (0..count).try_for_each(|_| {
                    self.value(key, depth + 1)?;
                    self.value(value, depth + 1)
                })
            }
            12 => {
                let mut field = 0;
                loop {
                    let header = self.byte()?;
                    if header == 0 {
                        return Ok(());
                    }
                    field = match header >> 4 {
                        0 => zigzag(self.varint()?),
                        step => field + i64::from(step),
                    };
                    if depth == 0 && field == 3 && matches!(header & 0x0f, 4..=6) {
                        self.third = Some(zigzag(self.varint()?));
                    } else {
                        self.value(header & 0x0f, depth + 1)?;
                    }
                }
            }
            _ => Err(Stop::Malformed),
        }
    }
}

fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lists_that_cannot_be_are_too_much() {
        let cases: [(&[u8], bool); 6] = [
            (&[0], false),
            // field 1: list of 3 i32, 1 2 3
            (&[0x19, 0x35, 2, 4, 6, 0], false),
            // field 1: list of 2^31 - 1 truth values
            (&[0x19, 0xf1, 0xff, 0xff, 0xff, 0xff, 0x07, 0], true),
            // the same of lists of truth values, which end with the file
            (&[0x19, 0xf9, 0xff, 0xff, 0x03, 0x11, 0x11], true),
            // field 1: map of 2^31 - 1 pairs of truth values
            (&[0x1b, 0xff, 0xff, 0xff, 0xff, 0x07, 0x11, 0], true),
            // cut off
            (&[0x18, 0x05, b'a'], false),
        ];
        for (bytes, expected) in cases {
            assert_eq!(claims_too_much(bytes), expected, "{bytes:02x?}");
        }
    }

    #[test]
    fn a_page_header_gives_its_own_length_and_that_of_the_page() {
        // type 0, 1 byte unpacked, 10 bytes packed, then the page
        let bytes = [0x15, 0, 0x15, 2, 0x15, 20, 0, 0xaa, 0xbb];
        let header = page_header(&bytes).ok().unwrap();
        assert_eq!((header.length, header.page), (7, 10));
        // a negative length, none, and a list of 2^31 - 1 truth values
        let negative = page_header(&[0x15, 0, 0x15, 2, 0x15, 19, 0]);
        assert!(matches!(negative, Err(Stop::Malformed)));
        assert!(matches!(page_header(&[0]), Err(Stop::Malformed)));
        let long = page_header(&[0x15, 0, 0x19, 0xf1, 0xff, 0xff, 0xff, 0xff, 0x07, 0]);
        assert!(matches!(long, Err(Stop::TooMuch)));
    }
}
