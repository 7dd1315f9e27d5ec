//! The number that the reference calls "mean average precision", to compare with its tables.
//!
//! It hands scikit-learn the relevance of all neighbours as truth and the class index of the query as score; of the former only the
//! first column is used. So what comes out is the average precision of "the first neighbour is right", ranked by the number of
//! the query's class: it says nothing of the ranking, and changes with the order of the classes.

/// The average precision of scikit-learn (`sum of (R_n - R_(n-1)) P_n` over distinct scores, the highest first) of `first_right` by
/// `class`, the number of each query's class in the order of the classes; `None` where no first neighbour is right.
pub fn legacy_ap(first_right: &[bool], class: &[usize]) -> Option<f64> {
    let mut rows: Vec<(usize, bool)> = class
        .iter()
        .copied()
        .zip(first_right.iter().copied())
        .collect();
    rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.0));
    let all = first_right.iter().filter(|right| **right).count();
    if all == 0 {
        return None;
    }
    let (mut seen, mut right, mut sum) = (0, 0, 0.0);
    for equals in rows.chunk_by(|a, b| a.0 == b.0) {
        let own = equals.iter().filter(|row| row.1).count();
        seen += equals.len();
        right += own;
        sum += own as f64 / all as f64 * right as f64 / seen as f64;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_classes_are_one_threshold() {
        // thresholds 1 and 0: precision 1/2 at recall 1/3, then 3/5 at recall 1
        let right = [true, true, false, true, false];
        let found = legacy_ap(&right, &[0, 0, 0, 1, 1]).unwrap();
        assert!((found - (0.5 / 3.0 + 0.6 * 2.0 / 3.0)).abs() < 1e-12);
        assert_eq!(legacy_ap(&[false], &[0]), None);
    }
}
