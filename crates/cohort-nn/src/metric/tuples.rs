//! What a loss looks at: pairs or triplets of rows.

use super::classes::Classes;

/// Rows that a loss compares: places of anchors, and places among the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tuples {
    /// Anchors with another of their class, and anchors with one of another class.
    Pairs {
        /// Anchor and one of its class.
        positive: Vec<[usize; 2]>,
        /// Anchor and one of another class.
        negative: Vec<[usize; 2]>,
    },
    /// Anchor, one of its class and one of another class.
    Triplets(Vec<[usize; 3]>),
}

impl Tuples {
    /// Every pair that there is.
    pub fn all_pairs(classes: &Classes) -> Self {
        let (mut positive, mut negative) = (Vec::new(), Vec::new());
        for i in 0..classes.anchors.len() {
            positive.extend(classes.positives(i).map(|j| [i, j]));
            negative.extend(classes.negatives(i).map(|j| [i, j]));
        }
        Self::Pairs { positive, negative }
    }

    /// How many there are: pairs of both kinds, or triplets.
    pub fn len(&self) -> usize {
        match self {
            Self::Pairs { positive, negative } => positive.len() + negative.len(),
            Self::Triplets(triplets) => triplets.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Positive and negative pairs; a triplet is one of each.
    pub fn pairs(&self) -> (Vec<[usize; 2]>, Vec<[usize; 2]>) {
        match self {
            Self::Pairs { positive, negative } => (positive.clone(), negative.clone()),
            Self::Triplets(triplets) => triplets.iter().map(|&[a, p, n]| ([a, p], [a, n])).unzip(),
        }
    }

    /// Calls `visit` for every triplet; pairs of one anchor are combined, each positive one with each negative one.
    pub fn each_triplet(&self, mut visit: impl FnMut(usize, usize, usize)) {
        match self {
            Self::Triplets(triplets) => triplets.iter().for_each(|&[a, p, n]| visit(a, p, n)),
            Self::Pairs { positive, negative } => {
                let anchors = negative.iter().map(|pair| pair[0] + 1).max().unwrap_or(0);
                let mut of_anchor = vec![Vec::new(); anchors];
                for &[anchor, n] in negative {
                    of_anchor[anchor].push(n);
                }
                for &[anchor, p] in positive {
                    for &n in of_anchor.get(anchor).into_iter().flatten() {
                        visit(anchor, p, n);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_and_triplets_are_those_of_brute_force() {
        let labels = [3, 1, 3, 2, 1, 3];
        let itself: Vec<usize> = (0..6).collect();
        let classes = Classes {
            anchors: &labels,
            others: &labels,
            itself: &itself,
        };
        let all = Tuples::all_pairs(&classes);
        let (positive, negative) = all.pairs();
        assert_eq!((positive.len(), negative.len()), (8, 22));
        let (mut found, mut expected) = (Vec::new(), Vec::new());
        all.each_triplet(|a, p, n| found.push([a, p, n]));
        for a in 0..6 {
            for p in 0..6 {
                for n in 0..6 {
                    if a != p && labels[a] == labels[p] && labels[a] != labels[n] {
                        expected.push([a, p, n]);
                    }
                }
            }
        }
        assert_eq!(found, expected);
        let (p, n) = Tuples::Triplets(found.clone()).pairs();
        assert_eq!((p.len(), n.len()), (found.len(), found.len()));
    }
}
