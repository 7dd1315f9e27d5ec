//! Which rows are of one class.

/// The classes of anchors and of what they are compared with.
#[derive(Debug, Clone, Copy)]
pub struct Classes<'a> {
    /// Class of each anchor.
    pub anchors: &'a [usize],
    /// Class of each other.
    pub others: &'a [usize],
    /// The place of each anchor among the others: nobody is compared with itself.
    pub itself: &'a [usize],
}

impl Classes<'_> {
    /// Whether other `j` is of the class of anchor `i` and not the same.
    pub fn is_positive(&self, i: usize, j: usize) -> bool {
        self.anchors[i] == self.others[j] && self.itself[i] != j
    }

    /// Whether other `j` is of another class than anchor `i`.
    pub fn is_negative(&self, i: usize, j: usize) -> bool {
        self.anchors[i] != self.others[j]
    }

    /// All others of the class of anchor `i`, ascending.
    pub fn positives(&self, i: usize) -> impl Iterator<Item = usize> + Clone + '_ {
        (0..self.others.len()).filter(move |&j| self.is_positive(i, j))
    }

    /// All others of another class, ascending.
    pub fn negatives(&self, i: usize) -> impl Iterator<Item = usize> + Clone + '_ {
        (0..self.others.len()).filter(move |&j| self.is_negative(i, j))
    }
}
