//! A tree over points of the plane, for sums over all points that treat what is far away as one.
//!
//! Points are put in Morton order; a node is a run of them. Groups of neighbouring points walk the tree together
//! (Barnes 1990), which leaves a short list of nodes and points, and plain loops over it.

/// Points in a leaf, at most.
const LEAF: usize = 8;
/// Points that walk the tree together, at most.
const GROUP: usize = 16;

/// A run of points: its size, middle and extent, and where to go on when it needs no closer look.
#[derive(Debug, Clone, Copy)]
struct Node {
    middle: [f32; 2],
    count: f32,
    /// Largest side of the box around its points.
    side: f32,
    first: u32,
    last: u32,
    /// Next node when this one is not entered; nodes below it follow it directly.
    next: u32,
    leaf: bool,
}

/// The tree.
#[derive(Debug, Default)]
pub(crate) struct Quadtree {
    /// Point at each place of the Morton order.
    pub(crate) order: Vec<u32>,
    /// Coordinates in that order.
    xs: Vec<f32>,
    ys: Vec<f32>,
    codes: Vec<u32>,
    nodes: Vec<Node>,
}

/// What one group sums over.
#[derive(Debug, Default)]
pub(crate) struct List {
    xs: Vec<f32>,
    ys: Vec<f32>,
    counts: Vec<f32>,
}

/// Sums over all other points of one point: of `1 / (1 + d^2)`, and of its square times the difference in each axis.
pub(crate) type Sums = [f64; 3];

impl Quadtree {
    /// Builds the tree over `points`, which must be finite.
    pub(crate) fn build(&mut self, points: &[[f32; 2]]) {
        let (low, side) = square_around(points);
        let cells = 65_535.0 / side.max(f32::MIN_POSITIVE);
        let cell = |v: f32, low: f32| ((v - low) * cells).clamp(0.0, 65_535.0) as u32;
        let mut keyed: Vec<u64> = points
            .iter()
            .enumerate()
            .map(|(i, p)| {
                let code = spread(cell(p[0], low[0])) | spread(cell(p[1], low[1])) << 1;
                u64::from(code) << 32 | i as u64
            })
            .collect();
        keyed.sort_unstable();
        self.order.clear();
        self.order.extend(keyed.iter().map(|key| *key as u32));
        self.codes.clear();
        self.codes
            .extend(keyed.iter().map(|key| (key >> 32) as u32));
        self.xs.clear();
        self.xs
            .extend(self.order.iter().map(|&i| points[i as usize][0]));
        self.ys.clear();
        self.ys
            .extend(self.order.iter().map(|&i| points[i as usize][1]));
        self.nodes.clear();
        if !points.is_empty() {
            self.add(0, points.len());
        }
    }

    /// Adds the node of a run and those below it; gives its sum of coordinates and its box.
    fn add(&mut self, first: usize, last: usize) -> ([f64; 2], [f32; 4]) {
        let at = self.nodes.len();
        let count = last - first;
        self.nodes.push(Node {
            middle: [0.0; 2],
            count: count as f32,
            side: 0.0,
            first: first as u32,
            last: last as u32,
            next: 0,
            leaf: true,
        });
        let mut sum = [0.0f64; 2];
        let mut around = [
            f32::INFINITY,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NEG_INFINITY,
        ];
        let codes = &self.codes[first..last];
        let differ = codes[0] ^ codes[count - 1];
        if count <= LEAF || differ == 0 {
            for i in first..last {
                let (x, y) = (self.xs[i], self.ys[i]);
                sum = [sum[0] + f64::from(x), sum[1] + f64::from(y)];
                widen(&mut around, [x, y, x, y]);
            }
        } else {
            self.nodes[at].leaf = false;
            // the highest pair of bits in which the codes differ; pairs above it would make nodes of one child
            let bits = (31 - differ.leading_zeros()) / 2 * 2 + 2;
            let mut from = first;
            while from < last {
                let quarter = self.codes[from] >> (bits - 2);
                let to =
                    from + self.codes[from..last].partition_point(|c| c >> (bits - 2) == quarter);
                let (part, part_around) = self.add(from, to);
                sum = [sum[0] + part[0], sum[1] + part[1]];
                widen(&mut around, part_around);
                from = to;
            }
        }
        let next = self.nodes.len() as u32;
        let node = &mut self.nodes[at];
        node.middle = sum.map(|s| (s / count as f64) as f32);
        node.side = (around[2] - around[0]).max(around[3] - around[1]);
        node.next = next;
        (sum, around)
    }

    /// Runs of the order that walk the tree together.
    pub(crate) fn groups(&self) -> Vec<(usize, usize)> {
        let mut groups = Vec::new();
        let mut at = 0;
        while let Some(node) = self.nodes.get(at) {
            let (mut first, last) = (node.first as usize, node.last as usize);
            if node.leaf || last - first <= GROUP {
                while first < last {
                    groups.push((first, last.min(first + GROUP)));
                    first += GROUP;
                }
                at = node.next as usize;
            } else {
                at += 1;
            }
        }
        groups
    }

    /// Sums of every point of a group, in order. A node counts as one point when its side is less than `theta` times
    /// its distance from the box around the group.
    pub(crate) fn sums(
        &self,
        group: (usize, usize),
        theta: f32,
        list: &mut List,
        out: &mut Vec<Sums>,
    ) {
        let mut around = [
            f32::INFINITY,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NEG_INFINITY,
        ];
        for i in group.0..group.1 {
            widen(
                &mut around,
                [self.xs[i], self.ys[i], self.xs[i], self.ys[i]],
            );
        }
        list.xs.clear();
        list.ys.clear();
        list.counts.clear();
        let mut at = 0;
        while let Some(node) = self.nodes.get(at) {
            let dx = (around[0] - node.middle[0])
                .max(node.middle[0] - around[2])
                .max(0.0);
            let dy = (around[1] - node.middle[1])
                .max(node.middle[1] - around[3])
                .max(0.0);
            let far = node.side * node.side < theta * theta * (dx * dx + dy * dy);
            if far {
                list.xs.push(node.middle[0]);
                list.ys.push(node.middle[1]);
                list.counts.push(node.count);
            } else if node.leaf {
                let run = node.first as usize..node.last as usize;
                list.xs.extend_from_slice(&self.xs[run.clone()]);
                list.ys.extend_from_slice(&self.ys[run.clone()]);
                list.counts.extend(run.map(|_| 1.0));
            } else {
                at += 1;
                continue;
            }
            at = node.next as usize;
        }
        // whole lanes only: what is added counts 0
        while list.xs.len() % LANES != 0 {
            list.xs.push(0.0);
            list.ys.push(0.0);
            list.counts.push(0.0);
        }
        for i in group.0..group.1 {
            let mut sums = sums_over(list, self.xs[i], self.ys[i]);
            // the point itself is in the list, at distance 0
            sums[0] -= 1.0;
            out.push(sums);
        }
    }
}

const LANES: usize = 8;

fn sums_over(list: &List, x: f32, y: f32) -> Sums {
    let mut sums = [[0.0f32; LANES]; 3];
    let columns = list.xs.chunks_exact(LANES).zip(list.ys.chunks_exact(LANES));
    for ((xs, ys), counts) in columns.zip(list.counts.chunks_exact(LANES)) {
        for lane in 0..LANES {
            let (dx, dy) = (x - xs[lane], y - ys[lane]);
            let q = 1.0 / (1.0 + dx * dx + dy * dy);
            let weight = counts[lane] * q;
            let square = weight * q;
            sums[0][lane] += weight;
            sums[1][lane] += square * dx;
            sums[2][lane] += square * dy;
        }
    }
    sums.map(|lanes| lanes.iter().map(|v| f64::from(*v)).sum())
}

fn widen(around: &mut [f32; 4], other: [f32; 4]) {
    around[0] = around[0].min(other[0]);
    around[1] = around[1].min(other[1]);
    around[2] = around[2].max(other[2]);
    around[3] = around[3].max(other[3]);
}

fn square_around(points: &[[f32; 2]]) -> ([f32; 2], f32) {
    let mut around = [
        f32::INFINITY,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NEG_INFINITY,
    ];
    points
        .iter()
        .for_each(|p| widen(&mut around, [p[0], p[1], p[0], p[1]]));
    let side = (around[2] - around[0]).max(around[3] - around[1]);
    ([around[0], around[1]], side)
}

/// The 16 low bits with a zero between each two.
fn spread(v: u32) -> u32 {
    let v = (v | v << 8) & 0x00ff_00ff;
    let v = (v | v << 4) & 0x0f0f_0f0f;
    let v = (v | v << 2) & 0x3333_3333;
    (v | v << 1) & 0x5555_5555
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn all_sums(points: &[[f32; 2]], theta: f32) -> Vec<Sums> {
        let mut tree = Quadtree::default();
        tree.build(points);
        let mut by_place = Vec::new();
        for group in tree.groups() {
            tree.sums(group, theta, &mut List::default(), &mut by_place);
        }
        let mut out = vec![[0.0; 3]; points.len()];
        for (sums, &i) in by_place.iter().zip(&tree.order) {
            out[i as usize] = *sums;
        }
        assert_eq!(by_place.len(), points.len());
        out
    }

    fn brute(points: &[[f32; 2]], i: usize) -> Sums {
        let mut sums = [0.0; 3];
        for (_, p) in points.iter().enumerate().filter(|(j, _)| *j != i) {
            let d = [0, 1].map(|a| f64::from(points[i][a]) - f64::from(p[a]));
            let q = 1.0 / (1.0 + d[0] * d[0] + d[1] * d[1]);
            sums[0] += q;
            sums[1] += q * q * d[0];
            sums[2] += q * q * d[1];
        }
        sums
    }

    fn clouds(n: usize, size: f64) -> Vec<[f32; 2]> {
        let mut random = Random::new(4, "clouds", n);
        (0..n)
            .map(|i| {
                let centre = [(i % 3) as f64, (i % 5) as f64];
                centre.map(|c| ((c * 4.0 + random.normal()) * size) as f32)
            })
            .collect()
    }

    #[test]
    fn sums_are_those_of_all_pairs() {
        for size in [1e-4, 1.0, 20.0] {
            let points = clouds(2000, size);
            // with theta 0 nothing but rounding differs; a node at twice its side leaves a term of about theta^2 / 12
            for (theta, tolerance) in [(0.0, 3e-6), (0.5, 0.02), (0.1, 1e-3)] {
                let found = all_sums(&points, theta);
                let expected: Vec<Sums> = (0..points.len()).map(|i| brute(&points, i)).collect();
                for part in 0..3 {
                    let norm = |s: &[Sums]| s.iter().map(|s| s[part].powi(2)).sum::<f64>().sqrt();
                    let difference: Vec<Sums> = found
                        .iter()
                        .zip(&expected)
                        .map(|(a, b)| [a[0] - b[0], a[1] - b[1], a[2] - b[2]])
                        .collect();
                    let error = norm(&difference) / norm(&expected);
                    assert!(
                        error < tolerance,
                        "size {size} theta {theta} part {part}: {error:.1e}"
                    );
                }
            }
        }
    }

    #[test]
    fn equal_points_and_few_points_are_no_trouble() {
        for points in [
            vec![[1.0, 2.0]; 100],
            vec![[0.0, 0.0]],
            vec![[0.0, 0.0], [3.0, 4.0]],
            vec![],
        ] {
            let found = all_sums(&points, 0.5);
            for (i, sums) in found.iter().enumerate() {
                let expected = brute(&points, i);
                (0..3).for_each(|p| assert!((sums[p] - expected[p]).abs() < 1e-4));
            }
        }
    }
}
