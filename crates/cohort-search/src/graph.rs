//! Sparse symmetric weights between vectors.

use rayon::prelude::*;

/// Rows of weights: row `i` holds the columns `targets[starts[i]..starts[i + 1]]`, ascending, with their weights.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Graph {
    pub(crate) starts: Vec<usize>,
    pub(crate) targets: Vec<u32>,
    pub(crate) weights: Vec<f32>,
}

impl Graph {
    /// The symmetric graph of directed weights, `k` a vector: `merge(a, b)` of the weights of both directions, where a
    /// missing one is 0.
    pub(crate) fn symmetric(
        indices: &[u32],
        weights: &[f64],
        k: usize,
        merge: impl Fn(f64, f64) -> f64 + Sync,
    ) -> Self {
        let n = indices.len() / k;
        let mut rows: Vec<Vec<(u32, f64, f64)>> = vec![Vec::with_capacity(2 * k); n];
        for i in 0..n {
            for at in i * k..(i + 1) * k {
                let (j, weight) = (indices[at], weights[at]);
                rows[i].push((j, weight, 0.0));
                rows[j as usize].push((i as u32, 0.0, weight));
            }
        }
        rows.par_iter_mut().for_each(|row| {
            row.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
            row.dedup_by(|later, first| {
                let same = later.0 == first.0;
                if same {
                    first.1 += later.1;
                    first.2 += later.2;
                }
                same
            });
        });
        let mut graph = Self {
            starts: vec![0],
            targets: Vec::new(),
            weights: Vec::new(),
        };
        for row in rows {
            for (j, out, back) in row {
                let weight = merge(out, back);
                if weight > 0.0 {
                    graph.targets.push(j);
                    graph.weights.push(weight as f32);
                }
            }
            graph.starts.push(graph.targets.len());
        }
        graph
    }

    /// Number of vectors.
    pub(crate) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Columns and weights of row `i`.
    pub(crate) fn row(&self, i: usize) -> (&[u32], &[f32]) {
        let range = self.starts[i]..self.starts[i + 1];
        (&self.targets[range.clone()], &self.weights[range])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_are_merged() {
        // 0 -> 1 (0.5), 1 -> 2 (0.25), 2 -> 1 (0.5)
        let graph = Graph::symmetric(&[1, 2, 1], &[0.5, 0.25, 0.5], 1, |a, b| a + b);
        assert_eq!(graph.row(0), (&[1][..], &[0.5][..]));
        assert_eq!(graph.row(1), (&[0, 2][..], &[0.5, 0.75][..]));
        assert_eq!(graph.row(2), (&[1][..], &[0.75][..]));
    }
}
