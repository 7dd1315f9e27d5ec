//! A set of rows of an index.

/// Rows that a search looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    words: Vec<u64>,
    len: usize,
}

impl Mask {
    /// All of `len` rows.
    pub fn all(len: usize) -> Self {
        Self {
            words: vec![u64::MAX; len.div_ceil(64)],
            len,
        }
    }

    /// Number of rows that it says something of.
    #[allow(clippy::len_without_is_empty)] // the number of its rows is `count`
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether a row is in the set.
    pub fn has(&self, row: usize) -> bool {
        row < self.len && self.words[row / 64] >> (row % 64) & 1 == 1
    }

    /// Takes a row out.
    pub fn remove(&mut self, row: usize) {
        if row < self.len {
            self.words[row / 64] &= !(1 << (row % 64));
        }
    }

    /// Keeps the rows that `keep` holds for.
    pub fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        for row in 0..self.len {
            if self.has(row) && !keep(row) {
                self.remove(row);
            }
        }
    }

    /// Rows in the set.
    pub fn count(&self) -> usize {
        self.rows().count()
    }

    /// The rows in the set, ascending.
    pub fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.len).filter(|&row| self.has(row))
    }

    /// The rows `from..from + len` by themselves, as bytes, eight rows each.
    pub(super) fn part(&self, from: usize, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len.div_ceil(8)];
        for row in (0..len).filter(|row| self.has(from + row)) {
            bytes[row / 8] |= 1 << (row % 8);
        }
        bytes
    }
}
