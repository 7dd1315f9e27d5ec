//! Communities of near vectors: topics of texts, without a number of topics to choose and without a seed.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicU32, Ordering};

use cohort_kernels::dense::{Matrix, product};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::points::{Metric, Points};
use crate::{Progress, SearchError, go_on};

/// Vectors whose scores are computed together.
const BLOCK: usize = 512;
/// Scores that are passed over together.
const LINE: usize = 32;
/// Vectors that may become centres and are looked at together; between two such rounds is asked whether to stop.
const ROUND: usize = 128;
/// Of these, so many share a pass over all vectors.
const GROUP: usize = 16;

/// What makes a community.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommunitySettings {
    /// Cosine from which two vectors are near, -1 to 1. Default 0.75.
    pub threshold: f64,
    /// Least number of members, the centre included; at least 1. Default 10.
    pub least: usize,
}

impl Default for CommunitySettings {
    fn default() -> Self {
        Self {
            threshold: 0.75,
            least: 10,
        }
    }
}

/// One community.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Community {
    /// 0-based rows: the centre, then the others by falling cosine to it, of equals the lower id first.
    pub members: Vec<u32>,
}

/// Communities by the rule of sentence-transformers 6.2 (`util.community_detection`): every vector with at least `least` vectors near
/// it, itself among them, proposes these; the largest proposal is taken first; a vector that is taken is no centre any more, and a
/// proposal of which fewer than `least` are left is none. The largest community comes first. A vector in none of them is near
/// too few others: see [`topics`].
///
/// Proposals of the same size are taken in the order of `ids`, one a row and all different; without ids in the order of rows,
/// as in sentence-transformers. Ids that travel with their rows make the communities the same for any order of rows.
///
/// Cosines are computed in 32 bits, and once more in 64 bits where rounding could decide. Takes at most twice `n^2` cosines,
/// each kept only while its block lasts: memory grows with `n` and not with the sizes of communities.
///
/// # Errors
/// [`SearchError::Setting`] for a threshold outside -1 to 1, no members, another metric than the cosine;
/// [`SearchError::Input`] for ids that are not one a row or the same twice; [`SearchError::Stopped`].
pub fn communities(
    points: &Points,
    ids: Option<&[u64]>,
    settings: CommunitySettings,
    progress: &Progress,
) -> Result<Vec<Community>, SearchError> {
    let CommunitySettings { threshold, least } = settings;
    if !(-1.0..=1.0).contains(&threshold) {
        return Err(SearchError::setting("threshold", "-1 to 1", threshold));
    }
    if least == 0 {
        return Err(SearchError::setting("least", "at least 1", least));
    }
    if points.metric() != Metric::Cosine {
        let found = points.metric().name();
        return Err(SearchError::setting("metric", Metric::Cosine.name(), found));
    }
    let n = points.len();
    let rank = ranks(ids, n)?;
    if n < least {
        return Ok(Vec::new());
    }
    let scores = Scores { points, threshold };
    let counts = scores.counts(progress)?;
    let mut proposed: Vec<u32> = (0..n as u32)
        .filter(|&i| counts[i as usize] as usize >= least)
        .collect();
    proposed.sort_unstable_by_key(|&i| (Reverse(counts[i as usize]), rank[i as usize]));
    let mut taken = vec![false; n];
    let mut found: Vec<Community> = Vec::new();
    let mut next = 0;
    while next < proposed.len() {
        go_on(progress, "communities", next, proposed.len())?;
        let mut round = Vec::with_capacity(ROUND);
        while next < proposed.len() && round.len() < ROUND {
            if !taken[proposed[next] as usize] {
                round.push(proposed[next]);
            }
            next += 1;
        }
        let groups: Vec<Vec<Vec<u32>>> = round
            .par_chunks(GROUP)
            .map(|group| scores.near(group, &taken))
            .collect();
        for (&centre, mut near) in round.iter().zip(groups.into_iter().flatten()) {
            if taken[centre as usize] {
                continue;
            }
            near.retain(|&j| !taken[j as usize]);
            if near.len() < least {
                continue;
            }
            let mut order: Vec<(f64, u32, u32)> = near
                .into_par_iter()
                .filter(|&j| j != centre)
                .map(|j| {
                    let key = points.exact_key(centre as usize, j as usize);
                    (key, rank[j as usize], j)
                })
                .collect();
            order.par_sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let rest = order.into_iter().map(|(.., j)| j);
            let members: Vec<u32> = std::iter::once(centre).chain(rest).collect();
            for &j in &members {
                taken[j as usize] = true;
            }
            found.push(Community { members });
        }
    }
    found.sort_by_key(|community| Reverse(community.members.len()));
    Ok(found)
}

/// The community of each of `n` rows, counted from 0; none where it is in no community.
#[must_use]
pub fn topics(communities: &[Community], n: usize) -> Vec<Option<u32>> {
    let mut topics = vec![None; n];
    for (community, number) in communities.iter().zip(0..) {
        for &row in &community.members {
            if let Some(topic) = topics.get_mut(row as usize) {
                *topic = Some(number);
            }
        }
    }
    topics
}

/// The place of each row in the order of ids.
fn ranks(ids: Option<&[u64]>, n: usize) -> Result<Vec<u32>, SearchError> {
    let Some(ids) = ids else {
        return Ok((0..n as u32).collect());
    };
    if ids.len() != n {
        let expected = format!("one a row, {n}");
        return Err(SearchError::input("ids", expected, ids.len().to_string()));
    }
    let mut order: Vec<u32> = (0..n as u32).collect();
    order.sort_by_key(|&i| ids[i as usize]);
    let id = |i: u32| ids[i as usize];
    if let Some(pair) = order.windows(2).find(|pair| id(pair[0]) == id(pair[1])) {
        let found = format!(
            "{} in rows {} and {}",
            id(pair[0]),
            pair[0] + 1,
            pair[1] + 1
        );
        return Err(SearchError::input("ids", "a different one a row", found));
    }
    let mut rank = vec![0; n];
    for (place, &i) in (0..).zip(&order) {
        rank[i as usize] = place;
    }
    Ok(rank)
}

/// Cosines by blocks.
struct Scores<'a> {
    points: &'a Points,
    threshold: f64,
}

impl Scores<'_> {
    /// How many are near each vector, itself included.
    fn counts(&self, progress: &Progress) -> Result<Vec<u32>, SearchError> {
        let n = self.points.len();
        let blocks = n.div_ceil(BLOCK);
        let counts: Vec<AtomicU32> = (0..n).map(|_| AtomicU32::new(0)).collect();
        for batch in crate::neighbours::batches(blocks) {
            go_on(progress, "neighbours", batch.start * BLOCK, n)?;
            batch.into_par_iter().for_each_init(
                || (vec![0.0; BLOCK * BLOCK], [[0; BLOCK]; 2]),
                |(scores, own), first| {
                    // whole numbers add up to the same in any order
                    for second in first..blocks {
                        own.as_flattened_mut().fill(0);
                        self.block(first, second, scores, |i, j| {
                            own[0][i] += 1;
                            own[1][j] += 1;
                        });
                        let sides = if first == second { 1 } else { 2 };
                        for (own, block) in own.iter().zip([first, second]).take(sides) {
                            for (count, own) in counts[block * BLOCK..].iter().zip(own) {
                                count.fetch_add(*own, Ordering::Relaxed);
                            }
                        }
                    }
                },
            );
        }
        Ok(counts.into_iter().map(AtomicU32::into_inner).collect())
    }

    /// Calls `hit` with all pairs near each other of two blocks of rows, as places in them.
    fn block(
        &self,
        first: usize,
        second: usize,
        scores: &mut [f32],
        mut hit: impl FnMut(usize, usize),
    ) {
        let n = self.points.len();
        let [a, b] = [first, second].map(|block| block * BLOCK..((block + 1) * BLOCK).min(n));
        self.product(self.rows(a.clone()), self.rows(b.clone()), scores);
        for ((line, i), place) in scores.chunks_exact(b.len()).zip(a).zip(0..) {
            self.hits(i, b.start, line, |j| hit(place, j - b.start));
        }
    }

    /// The vectors near each of `group` that are not taken.
    fn near(&self, group: &[u32], taken: &[bool]) -> Vec<Vec<u32>> {
        let n = self.points.len();
        let rows: Vec<usize> = group.iter().map(|&i| i as usize).collect();
        let own = self.points.gather(&rows);
        let mut scores = vec![0.0; GROUP * BLOCK];
        let mut near = vec![Vec::new(); group.len()];
        for start in (0..n).step_by(BLOCK) {
            let other = start..(start + BLOCK).min(n);
            self.product(&own, self.rows(other.clone()), &mut scores);
            for ((line, &i), near) in scores.chunks_exact(other.len()).zip(&rows).zip(&mut near) {
                self.hits(i, start, line, |j| {
                    if !taken[j] {
                        near.push(j as u32);
                    }
                });
            }
        }
        near
    }

    /// Calls `hit` with those near vector `i`, whose cosines to the vectors from `start` on are `line`.
    fn hits(&self, i: usize, start: usize, line: &[f32], mut hit: impl FnMut(usize)) {
        // no vector is longer than 1, so no pair is in more doubt than a vector with itself
        let doubt = self.points.doubt(i, i) as f32;
        let (least, sure) = (self.threshold as f32 - doubt, self.threshold as f32 + doubt);
        for (line, start) in line.chunks(LINE).zip((start..).step_by(LINE)) {
            // most hold none, which is told without a branch for each
            if !line
                .iter()
                .fold(false, |any, score| any | (*score >= least))
            {
                continue;
            }
            for (&score, j) in line.iter().zip(start..) {
                if score >= least
                    && (score > sure || 1.0 - self.points.exact_key(i, j) >= self.threshold)
                {
                    hit(j);
                }
            }
        }
    }

    fn rows(&self, range: std::ops::Range<usize>) -> &[f32] {
        self.points.rows(range)
    }

    fn product(&self, a: &[f32], b: &[f32], out: &mut [f32]) {
        let dim = self.points.dim();
        let [m, n] = [a, b].map(|rows| rows.len() / dim);
        let (a, b) = (Matrix::rows(a, dim), Matrix::columns(b, dim));
        product([m, dim, n], 1.0, a, b, out, n, false);
    }
}
