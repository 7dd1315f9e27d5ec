//! Where some items stand in a query's ranking, counted instead of sorted.

use super::scores::Scored;

/// Where one item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Items with a higher score.
    pub above: usize,
    /// Items with the same score and a lower row.
    pub before: usize,
    /// Other items with the same score.
    pub tied: usize,
}

impl Place {
    /// Its rank, from 1.
    pub(super) fn rank(self) -> usize {
        self.above + self.before + 1
    }
}

/// Places of `wanted` items of the gallery, which are ascending and distinct; `line` has the query's cosines in 32 bits.
pub(super) fn places(scored: &Scored, query: usize, line: &[f32], wanted: &[u32]) -> Vec<Place> {
    let mut sorted: Vec<(f64, u32, usize)> = (wanted.iter().enumerate())
        .map(|(i, &item)| (scored.exact(query, item as usize), item, i))
        .collect();
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let n = sorted.len();
    // each counts for a range of the sorted: its first is added, what stands behind its last taken off
    let (mut above, mut before, mut tied) =
        (vec![0_i64; n + 1], vec![0_i64; n + 1], vec![0; n + 1]);
    let add = |counts: &mut [i64], from: usize, to: usize| {
        counts[from] += 1;
        counts[to] -= 1;
    };
    for (item, &cosine) in line.iter().enumerate() {
        let (value, doubt) = scored.nearly(query, item, cosine);
        let mut from = sorted.partition_point(|w| w.0 < value - doubt);
        let mut to = from + sorted[from..].partition_point(|w| w.0 <= value + doubt);
        if from < to {
            let value = scored.exact(query, item);
            from = sorted.partition_point(|w| w.0 < value);
            to = from + sorted[from..].partition_point(|w| w.0 <= value);
        }
        if from < to {
            add(&mut tied, from, to);
            let behind = from + sorted[from..to].partition_point(|w| w.1 as usize <= item);
            add(&mut before, behind, to);
        }
        add(&mut above, 0, from);
    }
    let mut out = vec![
        Place {
            above: 0,
            before: 0,
            tied: 0
        };
        n
    ];
    let (mut a, mut b, mut t) = (0, 0, 0);
    for (w, &(_, _, i)) in sorted.iter().enumerate() {
        a += above[w];
        b += before[w];
        t += tied[w];
        out[i] = Place {
            above: a as usize,
            before: b as usize,
            // it is its own equal
            tied: t as usize - 1,
        };
    }
    out
}

/// Ranks of some items, ascending; and where equals stand in the best and in the worst order, where that matters.
pub(super) struct Ranks {
    pub ranks: Vec<usize>,
    pub tied: Option<[Vec<usize>; 2]>,
}

impl Ranks {
    pub(super) fn new(mut places: Vec<Place>) -> Self {
        places.sort_unstable_by_key(|place| place.rank());
        let (mut best, mut worst) = (Vec::new(), Vec::new());
        let mut mixed = false;
        // as many above means the same score
        for equals in places.chunk_by(|a, b| a.above == b.above) {
            let (first, all, own) = (equals[0].above, equals[0].tied + 1, equals.len());
            mixed |= own < all;
            best.extend((1..=own).map(|i| first + i));
            worst.extend((1..=own).map(|i| first + all - own + i));
        }
        Self {
            ranks: places.iter().map(|place| place.rank()).collect(),
            tied: mixed.then_some([best, worst]),
        }
    }
}

/// The item with the highest score that `counts`, the lowest row of equals, and its score.
pub(super) fn best(
    scored: &Scored,
    query: usize,
    line: &[f32],
    counts: impl Fn(usize) -> bool,
) -> Option<(usize, f64)> {
    let items = || (0..line.len()).filter(|&item| counts(item));
    let least = items()
        .map(|item| {
            let (value, doubt) = scored.nearly(query, item, line[item]);
            value - doubt
        })
        .fold(f64::NEG_INFINITY, f64::max);
    let mut found: Option<(usize, f64)> = None;
    for item in items() {
        let (value, doubt) = scored.nearly(query, item, line[item]);
        if value + doubt < least {
            continue;
        }
        let score = scored.exact(query, item);
        if found.is_none_or(|(_, best)| score > best) {
            found = Some((item, score));
        }
    }
    found
}
