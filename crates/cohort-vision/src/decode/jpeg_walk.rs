//! A walk over the segments of a JPEG (T.81 annex B) that decodes nothing: what it declares, what is missing, and its
//! metadata.

/// The frame header, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The low half of the marker: 0 to 2 for what can be decoded.
    pub process: u8,
    /// Bits a sample.
    pub precision: u8,
    pub width: u16,
    pub height: u16,
}

/// How the file ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// An end-of-image marker after at least one scan.
    Marker,
    /// The bytes end first.
    Early,
    /// An end-of-image marker, but no scan before it.
    NoScan,
}

/// What a walk finds.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    pub frame: Option<Frame>,
    pub end: End,
    /// Where the entropy-coded data of the scan end after which every coefficient is there in full, where another thing
    /// than further segments and an end marker follows.
    pub unmarked_end: Option<usize>,
    /// EXIF of the APP1 segments before the first scan, put together as Pillow does.
    pub exif: Vec<u8>,
    /// The last XMP packet before the first scan.
    pub xmp: Option<&'a [u8]>,
}

/// Which bits of the coefficients have come: for each component its identifier and, by coefficient, the lowest bit.
#[derive(Debug, Default)]
struct Coverage(Vec<(u8, [u8; 64])>);

impl Coverage {
    /// From the body of a frame header.
    fn new(body: &[u8]) -> Self {
        let count = body.get(5).copied().unwrap_or_default();
        let parts = body.get(6..).unwrap_or_default().chunks_exact(3);
        Self(
            parts
                .take(count.into())
                .map(|part| (part[0], [0xff; 64]))
                .collect(),
        )
    }

    /// Adds a scan by the body of its header; a sequential one has all bits of all coefficients.
    fn add(&mut self, body: &[u8], progressive: bool) {
        let count = usize::from(body.first().copied().unwrap_or_default());
        let Some(&[first, last, bits]) = body.get(1 + 2 * count..4 + 2 * count) else {
            return;
        };
        let (first, last, low) = match progressive {
            true => (usize::from(first), usize::from(last), bits & 0x0f),
            false => (0, 63, 0),
        };
        for selector in body[1..1 + 2 * count].chunks_exact(2) {
            let known = self.0.iter_mut().find(|(id, _)| *id == selector[0]);
            if let Some((_, bits)) = known
                && let Some(range) = bits.get_mut(first..=last)
            {
                range.fill(low);
            }
        }
    }

    fn is_complete(&self) -> bool {
        !self.0.is_empty()
            && self
                .0
                .iter()
                .all(|(_, bits)| bits.iter().all(|&low| low == 0))
    }
}

/// Walks the segments. Embedded thumbnails lie inside a segment with a length and are stepped over with it.
pub(super) fn walk(bytes: &[u8]) -> Walk<'_> {
    const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
    let mut found = Walk {
        frame: None,
        end: End::Early,
        unmarked_end: None,
        exif: Vec::new(),
        xmp: None,
    };
    let mut coverage = Coverage::default();
    let mut scanned = false;
    let mut complete = false;
    let mut at = 2;
    loop {
        // The next marker: 0xFF followed by neither a stuffed zero, a fill byte nor a restart.
        let Some(step) = bytes.get(at..).and_then(|rest| memchr::memchr(0xff, rest)) else {
            return found;
        };
        at += step + 1;
        let Some(&marker) = bytes.get(at) else {
            return found;
        };
        match marker {
            0xff => continue,
            0x00 | 0x01 | 0xd0..=0xd8 => {
                at += 1;
                continue;
            }
            0xd9 => {
                found.end = match found.frame {
                    Some(_) if scanned => End::Marker,
                    _ => End::NoScan,
                };
                return found;
            }
            _ => {}
        }
        let Some(&[l1, l0]) = bytes.get(at + 1..at + 3) else {
            return found;
        };
        let length = usize::from(u16::from_be_bytes([l1, l0])).max(2);
        let body = bytes.get(at + 3..).unwrap_or_default();
        let body = &body[..body.len().min(length - 2)];
        let is_frame = matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
        if is_frame && let Some(&[precision, h1, h0, w1, w0]) = bytes.get(at + 3..at + 8) {
            found.frame = Some(Frame {
                process: marker & 0x0f,
                precision,
                width: u16::from_be_bytes([w1, w0]),
                height: u16::from_be_bytes([h1, h0]),
            });
            coverage = Coverage::new(body);
        }
        if marker == 0xe1 && !scanned {
            if let Some(more) = body.strip_prefix(b"Exif\0\0") {
                found.exif.extend_from_slice(more);
            } else if let Some(packet) = body.strip_prefix(XMP) {
                found.xmp = Some(packet);
            }
        }
        at += 1 + length;
        if marker == 0xda {
            scanned = true;
            let progressive = found.frame.is_some_and(|frame| frame.process & 3 == 2);
            coverage.add(body, progressive);
            // The first picture of the file counts, whatever follows it.
            if !complete && coverage.is_complete() && at <= bytes.len() {
                complete = true;
                let end = end_of_scan(bytes, at);
                found.unmarked_end = (!ends_by_marker(bytes, end)).then_some(end);
            }
        }
    }
}

/// Where entropy-coded data from `at` on end: at the first marker that is no restart, or at the end of the bytes.
fn end_of_scan(bytes: &[u8], at: usize) -> usize {
    memchr::memchr_iter(0xff, &bytes[at..])
        .map(|step| at + step)
        .find(|&place| !matches!(bytes.get(place + 1), Some(0x00 | 0xd0..=0xd7)))
        .unwrap_or(bytes.len())
}

/// Whether segment follows on segment from `at` on, up to an end-of-image marker.
fn ends_by_marker(bytes: &[u8], mut at: usize) -> bool {
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let fill = rest.iter().take_while(|&&byte| byte == 0xff).count();
        match (fill, rest.get(fill)) {
            (0, _) | (_, None) => return false,
            (_, Some(0xd9)) => return true,
            (_, Some(0x00 | 0x01 | 0x02..=0xbf | 0xd0..=0xd8)) => return false,
            (_, Some(&marker)) => {
                let Some(&[l1, l0]) = rest.get(fill + 1..fill + 3) else {
                    return false;
                };
                at += fill + 1 + usize::from(u16::from_be_bytes([l1, l0])).max(2);
                if marker == 0xda && at <= bytes.len() {
                    at = end_of_scan(bytes, at);
                }
            }
        }
    }
}
