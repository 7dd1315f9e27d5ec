//! Eigenvalues of small symmetric matrices, and the leading ones of large operators.

use crate::random::Random;

/// Largest matrix that is decomposed as a whole.
const WHOLE: usize = 96;
/// Vectors carried in a block beyond those wanted: what lies close together converges together.
const GUARD: usize = 6;
/// Blocks of a Krylov space before it is restarted from its best vectors.
const BLOCKS: usize = 10;
/// Restarts at most.
const RESTARTS: usize = 60;
/// Residual, relative to the largest eigenvalue, below which a pair counts as found.
const TOLERANCE: f64 = 1e-9;

/// Eigenvalues in descending order, each with its eigenvector of length 1.
pub(crate) type Pairs = Vec<(f64, Vec<f64>)>;

/// All eigenpairs of a symmetric matrix (row-major, `n x n`) by Jacobi's rotations.
pub(crate) fn symmetric(mut a: Vec<f64>, n: usize) -> Pairs {
    let mut v = vec![0.0; n * n];
    (0..n).for_each(|i| v[i * n + i] = 1.0);
    let size = a.iter().map(|x| x * x).sum::<f64>();
    for _ in 0..60 {
        let mut off = 0.0;
        for i in 0..n {
            off += (0..i).map(|j| a[i * n + j].powi(2)).sum::<f64>();
        }
        if off <= size * 1e-30 {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut v, n, p, q);
            }
        }
    }
    // rows of `v` are the eigenvectors
    let mut pairs: Pairs = (0..n)
        .map(|i| (a[i * n + i], v[i * n..(i + 1) * n].to_vec()))
        .collect();
    pairs.sort_by(|x, y| y.0.total_cmp(&x.0));
    pairs
}

/// Makes element (p, q) zero.
fn rotate(a: &mut [f64], v: &mut [f64], n: usize, p: usize, q: usize) {
    let apq = a[p * n + q];
    if apq == 0.0 {
        return;
    }
    let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * apq);
    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    for k in 0..n {
        let (x, y) = (a[p * n + k], a[q * n + k]);
        a[p * n + k] = c * x - s * y;
        a[q * n + k] = s * x + c * y;
    }
    for k in 0..n {
        let (x, y) = (a[k * n + p], a[k * n + q]);
        a[k * n + p] = c * x - s * y;
        a[k * n + q] = s * x + c * y;
        let (x, y) = (v[p * n + k], v[q * n + k]);
        v[p * n + k] = c * x - s * y;
        v[q * n + k] = s * x + c * y;
    }
}

/// The `k` largest eigenpairs of a symmetric positive semidefinite operator on vectors of length `n`, by a restarted
/// block Krylov space with Rayleigh and Ritz's projection (Musco and Musco 2015). `apply` maps a block of vectors.
pub(crate) fn leading(
    n: usize,
    k: usize,
    seed: u64,
    apply: impl Fn(&[Vec<f64>]) -> Vec<Vec<f64>>,
) -> Pairs {
    let k = k.min(n);
    if n <= WHOLE {
        let unit = |i: usize| (0..n).map(|j| f64::from(u8::from(i == j))).collect();
        let columns = apply(&(0..n).map(unit).collect::<Vec<_>>());
        let mut pairs = symmetric(columns.concat(), n);
        pairs.truncate(k);
        return pairs;
    }
    let width = k + GUARD;
    let mut random = Random::new(seed, "eigen", 0);
    let mut draw = || -> Vec<f64> { (0..n).map(|_| random.normal()).collect() };
    let mut start: Vec<Vec<f64>> = (0..width).map(|_| draw()).collect();
    let mut pairs = Pairs::new();
    for _ in 0..RESTARTS {
        let mut basis: Vec<Vec<f64>> = Vec::new();
        let mut images: Vec<Vec<f64>> = Vec::new();
        let mut block = orthonormal(&basis, start);
        while !block.is_empty() && images.len() < width * BLOCKS {
            let image = apply(&block);
            basis.extend(block);
            block = orthonormal(&basis, image.clone());
            images.extend(image);
        }
        let m = basis.len();
        let mut projected = vec![0.0; m * m];
        for i in 0..m {
            for j in 0..=i {
                let value = dot(&basis[i], &images[j]);
                projected[i * m + j] = value;
                projected[j * m + i] = value;
            }
        }
        let small = symmetric(projected, m);
        let combine = |rows: &[Vec<f64>], weights: &[f64]| {
            let mut out = vec![0.0; n];
            for (row, weight) in rows.iter().zip(weights) {
                add(&mut out, row, *weight);
            }
            out
        };
        let largest = small.first().map_or(0.0, |pair| pair.0.abs());
        let mut found = true;
        pairs = Pairs::new();
        for (value, weights) in small.iter().take(k) {
            let vector = combine(&basis, weights);
            let mut residual = combine(&images, weights);
            add(&mut residual, &vector, -value);
            found &= dot(&residual, &residual).sqrt() <= TOLERANCE * largest;
            pairs.push((*value, vector));
        }
        // an exhausted space holds everything that the operator does not map to zero
        if found || m < width {
            break;
        }
        start = small
            .iter()
            .take(width)
            .map(|(_, weights)| combine(&basis, weights))
            .collect();
    }
    pairs
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (a4, b4) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest = a4.remainder().iter().zip(b4.remainder());
    let rest: f64 = rest.map(|(x, y)| x * y).sum();
    for (x, y) in a4.zip(b4) {
        for lane in 0..4 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f64>() + rest
}

fn add(to: &mut [f64], vector: &[f64], weight: f64) {
    for (to, v) in to.iter_mut().zip(vector) {
        *to += weight * v;
    }
}

/// `vectors` made orthogonal to `basis` and each other, and of length 1; those that lie in the rest's span are dropped.
fn orthonormal(basis: &[Vec<f64>], vectors: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let mut kept: Vec<Vec<f64>> = Vec::with_capacity(vectors.len());
    for mut vector in vectors {
        let before = dot(&vector, &vector).sqrt();
        // twice is enough (Kahan and Parlett)
        for _ in 0..2 {
            for other in basis.iter().chain(&kept) {
                let share = dot(other, &vector);
                add(&mut vector, other, -share);
            }
        }
        let length = dot(&vector, &vector).sqrt();
        if length > 1e-11 * before && length > 0.0 {
            vector.iter_mut().for_each(|v| *v /= length);
            kept.push(vector);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A symmetric matrix with the given eigenvalues: reflections of a diagonal one.
    fn matrix(values: &[f64]) -> Vec<f64> {
        let n = values.len();
        let mut a = vec![0.0; n * n];
        (0..n).for_each(|i| a[i * n + i] = values[i]);
        let mut random = Random::new(2, "matrix", n);
        for _ in 0..3 {
            let mut u: Vec<f64> = (0..n).map(|_| random.normal()).collect();
            let length = dot(&u, &u).sqrt();
            u.iter_mut().for_each(|v| *v /= length);
            for side in 0..2 {
                for line in 0..n {
                    let at = |k: usize| {
                        if side == 0 {
                            line * n + k
                        } else {
                            k * n + line
                        }
                    };
                    let share = 2.0 * (0..n).map(|k| a[at(k)] * u[k]).sum::<f64>();
                    (0..n).for_each(|k| a[at(k)] -= share * u[k]);
                }
            }
        }
        a
    }

    fn multiply(a: &[f64], block: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let n = block[0].len();
        let row = |v: &Vec<f64>| (0..n).map(|i| dot(&a[i * n..(i + 1) * n], v)).collect();
        block.iter().map(row).collect()
    }

    fn check(pairs: &Pairs, a: &[f64], expected: &[f64]) {
        assert_eq!(pairs.len(), expected.len());
        for ((value, vector), expected) in pairs.iter().zip(expected) {
            assert!(
                (value - expected).abs() < 1e-8 * expected.abs().max(1.0),
                "{value} {expected}"
            );
            let image = &multiply(a, std::slice::from_ref(vector))[0];
            for (x, v) in image.iter().zip(vector) {
                assert!((x - value * v).abs() < 1e-7);
            }
        }
    }

    #[test]
    fn jacobi_finds_all_pairs_of_a_known_matrix() {
        let values: Vec<f64> = (0..20).map(|i| 10.0 - f64::from(i)).collect();
        let a = matrix(&values);
        check(&symmetric(a.clone(), 20), &a, &values);
    }

    #[test]
    fn leading_pairs_of_easy_flat_repeated_and_poor_spectra() {
        let n = 200;
        let spectra: [(&str, Box<dyn Fn(usize) -> f64>); 5] = [
            ("easy", Box::new(|i| 0.8f64.powi(i as i32))),
            ("flat", Box::new(|i| 2.0 - i as f64 / 200.0)),
            ("repeated", Box::new(|i| if i < 4 { 3.0 } else { 1.0 })),
            ("rank one", Box::new(|i| if i == 0 { 5.0 } else { 0.0 })),
            ("small", Box::new(|i| if i < 50 { 1.0 } else { 0.0 })),
        ];
        for (name, spectrum) in spectra {
            let values: Vec<f64> = (0..n).map(spectrum).collect();
            let a = matrix(&values);
            let pairs = leading(n, 3, 1, |block| multiply(&a, block));
            println!("{name}");
            check(&pairs, &a, &values[..3]);
        }
    }
}
