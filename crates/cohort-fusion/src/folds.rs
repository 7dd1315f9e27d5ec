//! Folds by subject, stratified by class.

use crate::numeric::{argmax, stable_hash};

/// Fold of each row, `0..folds`; all rows of a subject are in one fold.
///
/// Subjects are sorted by their most frequent class, in it by a hash of seed and name, and dealt out in turn, so that
/// each class is spread over the folds as evenly as its number of subjects allows. The result depends on
/// names, not on the order of the rows.
pub(crate) fn by_subject(
    names: &[String],
    subject: &[usize],
    truth: &[usize],
    classes: usize,
    folds: usize,
    seed: u64,
) -> Vec<usize> {
    let mut counts = vec![0.0; names.len() * classes];
    for (&s, &class) in subject.iter().zip(truth) {
        counts[s * classes + class] += 1.0;
    }
    let mut order: Vec<(usize, u64, usize)> = names
        .iter()
        .enumerate()
        .map(|(s, name)| {
            let class = argmax(&counts[s * classes..(s + 1) * classes]);
            (class, stable_hash(seed, name), s)
        })
        .collect();
    order.sort_unstable();
    let mut of_subject = vec![0; names.len()];
    for (position, &(_, _, s)) in order.iter().enumerate() {
        of_subject[s] = position % folds;
    }
    subject.iter().map(|&s| of_subject[s]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_stay_together_and_classes_are_spread() {
        // 20 subjects with 1 to 3 clips: 5 of class 0, 15 of class 1.
        let names: Vec<String> = (0..20).map(|s| format!("s{s:02}")).collect();
        let mut subject = Vec::new();
        let mut truth = Vec::new();
        for s in 0..20 {
            for _ in 0..=s % 3 {
                subject.push(s);
                truth.push(usize::from(s >= 5));
            }
        }
        let folds = by_subject(&names, &subject, &truth, 2, 5, 1);
        for a in 0..subject.len() {
            for b in 0..subject.len() {
                assert!(subject[a] != subject[b] || folds[a] == folds[b]);
            }
        }
        for fold in 0..5 {
            let of_class = |class| {
                let mut found: Vec<usize> = (0..subject.len())
                    .filter(|&i| folds[i] == fold && truth[i] == class)
                    .map(|i| subject[i])
                    .collect();
                found.dedup();
                found.len()
            };
            assert_eq!((of_class(0), of_class(1)), (1, 3), "fold {fold}");
        }
        assert_ne!(
            folds,
            by_subject(&names, &subject, &truth, 2, 5, 2),
            "the seed matters"
        );
    }
}
