//! UMAP (McInnes, Healy and Melville 2018): the layout, by stochastic gradient descent with negative sampling.
//!
//! Steps, schedule and sampling are umap-learn's. The descent is sequential, as theirs is where it is seeded, so that
//! the number of threads cannot show; powers are computed by short polynomials, several at a time.

use crate::curve;
use crate::fuzzy::fuzzy_set;
use crate::graph::Graph;
use crate::neighbours::Neighbours;
use crate::random::Random;
use crate::{Progress, SearchError, go_on};

/// Epochs for up to 10,000 vectors.
pub const EPOCHS: usize = 500;
/// Epochs for more.
pub const EPOCHS_LARGE: usize = 200;
/// Vectors drawn to be pushed away, for each one that is pulled.
const NEGATIVE: f32 = 5.0;
/// Longest component of a step, before the learning rate.
const LONGEST: f32 = 4.0;
/// Half the side of the square that the layout starts in.
const START: f64 = 10.0;

/// Pairs that are pulled together in some epochs.
struct Edges {
    heads: Vec<u32>,
    tails: Vec<u32>,
    /// Epochs between two pulls.
    every: Vec<f32>,
}

impl Edges {
    /// Edges that are due at least once.
    fn new(graph: &Graph, epochs: usize) -> Self {
        let largest = graph.weights.iter().copied().fold(0.0, f32::max);
        let mut edges = Self {
            heads: Vec::new(),
            tails: Vec::new(),
            every: Vec::new(),
        };
        for i in 0..graph.len() {
            let (targets, weights) = graph.row(i);
            for (&j, &weight) in targets.iter().zip(weights) {
                if weight >= largest / epochs as f32 {
                    edges.heads.push(i as u32);
                    edges.tails.push(j);
                    edges.every.push(largest / weight);
                }
            }
        }
        edges
    }
}

/// Moves `start` (any scale) to a UMAP layout, which ends in the square from 0 to 10.
pub(crate) fn umap(
    neighbours: &Neighbours,
    start: &[[f64; 2]],
    min_dist: f64,
    epochs: usize,
    seed: u64,
    progress: &Progress,
) -> Result<Vec<[f64; 2]>, SearchError> {
    let edges = Edges::new(&fuzzy_set(neighbours), epochs);
    let (a, b) = curve::fit(min_dist);
    let force = Force {
        a: a as f32,
        b: b as f32,
    };
    let mut random = Random::new(seed, "umap", 0);
    let mut points = spread_out(start, &mut random);
    let n = points.len();
    let mut next: Vec<f32> = edges.every.clone();
    let mut next_negative: Vec<f32> = edges.every.iter().map(|e| e / NEGATIVE).collect();
    for epoch in 0..epochs {
        if epoch % 10 == 0 {
            go_on(progress, "UMAP", epoch, epochs)?;
        }
        let rate = 1.0 - epoch as f32 / epochs as f32;
        let now = epoch as f32;
        for e in 0..edges.heads.len() {
            if next[e] > now {
                continue;
            }
            let (head, tail) = (edges.heads[e] as usize, edges.tails[e] as usize);
            next[e] += edges.every[e];
            let [dx, dy] = force.pull(points[head], points[tail]);
            let mut point = [points[head][0] + rate * dx, points[head][1] + rate * dy];
            points[tail][0] -= rate * dx;
            points[tail][1] -= rate * dy;
            let step = edges.every[e] / NEGATIVE;
            let due = ((now - next_negative[e]) / step) as usize;
            next_negative[e] += due as f32 * step;
            let mut left = due;
            while left > 0 {
                let count = left.min(LANES);
                let (mut xs, mut ys) = ([point[0]; LANES], [point[1]; LANES]);
                for lane in 0..count {
                    let drawn = random.below(n);
                    if drawn != head {
                        [xs[lane], ys[lane]] = points[drawn];
                    }
                }
                let [dx, dy] = force.push(point, &xs, &ys);
                point[0] += rate * dx;
                point[1] += rate * dy;
                left -= count;
            }
            points[head] = point;
        }
    }
    Ok(fit_square(&points))
}

/// The start scaled to a square of half side 10, with a little noise so that equal points part.
fn spread_out(start: &[[f64; 2]], random: &mut Random) -> Vec<[f32; 2]> {
    let largest = start.iter().flatten().fold(0.0f64, |l, v| l.max(v.abs()));
    let scale = if largest > 0.0 { START / largest } else { 0.0 };
    let mut place = |v: f64| (v * scale + 1e-4 * random.normal()) as f32;
    start.iter().map(|p| [place(p[0]), place(p[1])]).collect()
}

/// Each axis scaled to 0 to 10, as umap-learn ends.
fn fit_square(points: &[[f32; 2]]) -> Vec<[f64; 2]> {
    let axis = |a: usize| {
        let values = || points.iter().map(|p| f64::from(p[a]));
        let low = values().fold(f64::INFINITY, f64::min);
        let high = values().fold(f64::NEG_INFINITY, f64::max);
        (
            low,
            if high > low {
                START / (high - low)
            } else {
                0.0
            },
        )
    };
    let (x, y) = (axis(0), axis(1));
    let place = |v: f32, (low, scale): (f64, f64)| (f64::from(v) - low) * scale;
    points
        .iter()
        .map(|p| [place(p[0], x), place(p[1], y)])
        .collect()
}

/// Points pushed away from at once: they are drawn independently, and a step apart changes little.
const LANES: usize = 8;

#[derive(Debug, Clone, Copy)]
struct Force {
    a: f32,
    b: f32,
}

impl Force {
    /// Step of the head towards the tail, before the learning rate.
    fn pull(self, head: [f32; 2], tail: [f32; 2]) -> [f32; 2] {
        let (dx, dy) = (head[0] - tail[0], head[1] - tail[1]);
        let square = dx * dx + dy * dy;
        if square <= 0.0 {
            return [0.0; 2];
        }
        let scaled = self.a * power(square, self.b);
        let size = -2.0 * self.b * scaled / (square * (scaled + 1.0));
        [clip(size * dx), clip(size * dy)]
    }

    /// Step of the head away from the others; one at its own place does not count.
    // a function of its own is turned into vector instructions; inside the loop above it would not be
    #[inline(never)]
    fn push(self, head: [f32; 2], xs: &[f32; LANES], ys: &[f32; LANES]) -> [f32; 2] {
        let mut steps = [[0.0f32; LANES]; 2];
        for lane in 0..LANES {
            let (dx, dy) = (head[0] - xs[lane], head[1] - ys[lane]);
            let square = dx * dx + dy * dy;
            let scaled = self.a * power(square, self.b);
            let size = 2.0 * self.b / ((0.001 + square) * (scaled + 1.0));
            steps[0][lane] = clip(size * dx);
            steps[1][lane] = clip(size * dy);
        }
        steps.map(|lanes| lanes.iter().sum())
    }
}

#[inline]
fn clip(v: f32) -> f32 {
    v.clamp(-LONGEST, LONGEST)
}

/// Added to a small number, rounds it to a whole one.
const ROUND: f32 = 12_582_912.0;

/// `x^b` for `x >= 0` and `0 < b < 4`, to about 4e-6 of its value.
#[inline]
fn power(x: f32, b: f32) -> f32 {
    // x = 2^e m with m in [1, 2); log2(m) by the series of the inverse hyperbolic tangent around sqrt(2)
    let bits = x.max(1e-30).to_bits();
    let e = ((bits >> 23) as i32).wrapping_sub(127);
    let m = f32::from_bits(bits & 0x007f_ffff | 0x3f80_0000);
    let s = (m - std::f32::consts::SQRT_2) / (m + std::f32::consts::SQRT_2);
    let t = s * s;
    let series = s * (2.885_39 + t * (0.961_796_7 + t * (0.577_078 + t * 0.412_198_6)));
    let y = (b * (e as f32 + 0.5 + series)).clamp(-126.0, 126.0);
    // 2^y = 2^whole 2^r, with r in [-1/2, 1/2]: adding 1.5 x 2^23 leaves the whole number in the low bits
    let shifted = y + ROUND;
    let r = y - (shifted - ROUND);
    let whole = shifted.to_bits().wrapping_sub(ROUND.to_bits());
    let rest = 1.0
        + r * (std::f32::consts::LN_2
            + r * (0.240_226_5 + r * (0.055_504_11 + r * (0.009_618_129 + r * 0.001_333_355_8))));
    f32::from_bits(whole.wrapping_add(127) << 23) * rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_accurate() {
        for b in [0.79f32, 0.8951, 1.0, 1.9] {
            for i in 0..4000 {
                let x = (f64::from(i) / 200.0 - 10.0).exp2() as f32;
                let expected = f64::from(x).powf(f64::from(b));
                let error = (f64::from(power(x, b)) / expected - 1.0).abs();
                assert!(error < 1e-5, "{x}^{b}: {error:.1e}");
            }
        }
        assert!(power(0.0, 0.8) < 1e-20);
    }

    #[test]
    fn forces_are_the_derivatives_of_the_cross_entropy() {
        let force = Force {
            a: 1.577,
            b: 0.8951,
        };
        let similarity = |d2: f64| 1.0 / (1.0 + 1.577 * d2.powf(0.8951));
        let tail = [0.0f32, 0.0];
        for head in [[0.6f32, 0.3], [2.0, -1.0], [5.0, 4.0]] {
            let losses: [&dyn Fn(f64) -> f64; 2] = [&|d2| -similarity(d2).ln(), &|d2| {
                -(1.0 - similarity(d2)).ln()
            }];
            let (mut xs, mut ys) = ([head[0]; LANES], [head[1]; LANES]);
            [xs[0], ys[0]] = tail;
            let steps = [force.pull(head, tail), force.push(head, &xs, &ys)];
            for (loss, found) in losses.iter().zip(steps) {
                for axis in 0..2 {
                    let at = |by: f64| {
                        let mut p = head.map(f64::from);
                        p[axis] += by;
                        loss(p[0] * p[0] + p[1] * p[1])
                    };
                    let expected = -(at(1e-5) - at(-1e-5)) / 2e-5;
                    let error = (f64::from(found[axis]) - expected).abs();
                    assert!(
                        error < 3e-3 * expected.abs().max(0.1),
                        "{found:?} {expected}"
                    );
                }
            }
        }
    }
}
