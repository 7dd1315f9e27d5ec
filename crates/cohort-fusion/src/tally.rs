//! Counts by subject, so that a metric without one subject costs no pass over the clips.

use cohort_eval::Metric;

/// Confusion counts and losses of one model, by subject and in total.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    classes: usize,
    /// A clip: subject, truth * K + predicted, negative log probability of the truth. Sorted by subject.
    clips: Vec<(usize, usize, f64)>,
    /// Start of each subject's clips, and the end.
    starts: Vec<usize>,
    total: Counts,
}

#[derive(Debug, Clone)]
struct Counts {
    confusion: Vec<f64>,
    loss: f64,
    clips: f64,
}

impl Tally {
    /// Tally of the clips at `rows`; subjects are numbered anew, `0..subjects()`, in the order of their index.
    pub fn new(
        classes: usize,
        truth: &[usize],
        predicted: &[usize],
        probabilities: &[f64],
        subject: &[usize],
        rows: &[usize],
    ) -> Self {
        let mut clips: Vec<(usize, usize, f64)> = rows
            .iter()
            .map(|&i| {
                // Clipped where scikit-learn's log_loss clips.
                let p = probabilities[i * classes + truth[i]].max(f64::EPSILON);
                (subject[i], truth[i] * classes + predicted[i], -p.ln())
            })
            .collect();
        clips.sort_by_key(|clip| clip.0);
        let mut total = Counts {
            confusion: vec![0.0; classes * classes],
            loss: 0.0,
            clips: 0.0,
        };
        let mut starts = Vec::new();
        for (i, &(subject, cell, loss)) in clips.iter().enumerate() {
            if i == 0 || clips[i - 1].0 != subject {
                starts.push(i);
            }
            total.confusion[cell] += 1.0;
            total.loss += loss;
            total.clips += 1.0;
        }
        starts.push(clips.len());
        Self {
            classes,
            clips,
            starts,
            total,
        }
    }

    pub fn subjects(&self) -> usize {
        self.starts.len() - 1
    }

    pub fn clips(&self) -> usize {
        self.clips.len()
    }

    /// Value of a metric on all clips, or on those of all subjects but one; `None` where it is not defined.
    pub fn value(&self, metric: Metric, without: Option<usize>) -> Option<f64> {
        let Some(left_out) = without else {
            return value(metric, &self.total, self.classes);
        };
        let mut counts = self.total.clone();
        for &(_, cell, loss) in &self.clips[self.starts[left_out]..self.starts[left_out + 1]] {
            counts.confusion[cell] -= 1.0;
            counts.loss -= loss;
            counts.clips -= 1.0;
        }
        value(metric, &counts, self.classes)
    }
}

fn value(metric: Metric, counts: &Counts, k: usize) -> Option<f64> {
    if counts.clips < 0.5 {
        return None;
    }
    let cells = || {
        counts
            .confusion
            .iter()
            .enumerate()
            .map(|(at, &n)| (at / k, at % k, n))
    };
    let found = match metric {
        Metric::Accuracy => {
            cells().filter(|(t, p, _)| t == p).map(|c| c.2).sum::<f64>() / counts.clips
        }
        Metric::Nll => counts.loss / counts.clips,
        Metric::BalancedAccuracy | Metric::MacroMae => {
            let (mut sum, mut present) = (0.0, 0.0);
            for (truth, row) in counts.confusion.chunks_exact(k).enumerate() {
                let n: f64 = row.iter().sum();
                if n > 0.5 {
                    present += 1.0;
                    let worth = |p: usize| match metric {
                        Metric::BalancedAccuracy => f64::from(p == truth),
                        _ => p.abs_diff(truth) as f64,
                    };
                    sum += row
                        .iter()
                        .enumerate()
                        .map(|(p, c)| worth(p) * c)
                        .sum::<f64>()
                        / n;
                }
            }
            sum / present
        }
        Metric::QuadraticKappa => {
            let (mut rows, mut columns) = (vec![0.0; k], vec![0.0; k]);
            let mut observed = 0.0;
            for (t, p, n) in cells() {
                rows[t] += n;
                columns[p] += n;
                observed += n * (t as f64 - p as f64).powi(2);
            }
            let mut expected = 0.0;
            for (t, r) in rows.iter().enumerate() {
                for (p, c) in columns.iter().enumerate() {
                    expected += r * c * (t as f64 - p as f64).powi(2);
                }
            }
            // Of one single class: kappa is 0/0.
            if expected < 0.5 {
                return None;
            }
            1.0 - observed * counts.clips / expected
        }
        _ => return None,
    };
    found.is_finite().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_data::Draws;
    use cohort_eval::{Sample, score};

    #[test]
    fn values_equal_the_evaluation_crate_with_and_without_a_subject() {
        let mut draws = Draws::new(41);
        let (k, n) = (4, 60);
        let mut probabilities = Vec::new();
        for _ in 0..n {
            let mut p: Vec<f64> = (0..k).map(|_| draws.normal()).collect();
            crate::numeric::softmax(&mut p);
            probabilities.extend(p);
        }
        let mut any = |classes: usize| (draws.uniform() * classes as f64) as usize;
        let truth: Vec<usize> = (0..n).map(|_| any(k)).collect();
        let predicted: Vec<usize> = (0..n).map(|_| any(k)).collect();
        let subject: Vec<usize> = (0..n).map(|_| any(9)).collect();
        let all: Vec<usize> = (0..n).collect();
        let tally = Tally::new(k, &truth, &predicted, &probabilities, &subject, &all);
        assert_eq!((tally.subjects(), tally.clips()), (9, n));
        for without in std::iter::once(None).chain((0..9).map(Some)) {
            let rows: Vec<usize> = (0..n).filter(|&i| Some(subject[i]) != without).collect();
            let pick = |v: &[usize]| -> Vec<usize> { rows.iter().map(|&i| v[i]).collect() };
            let (t, p, s) = (pick(&truth), pick(&predicted), pick(&subject));
            let q: Vec<f64> = rows
                .iter()
                .flat_map(|&i| probabilities[i * k..(i + 1) * k].to_vec())
                .collect();
            let sample = Sample::new(k, &t, &p, &s)
                .unwrap()
                .with_probabilities(&q)
                .unwrap();
            for metric in [
                Metric::Accuracy,
                Metric::BalancedAccuracy,
                Metric::QuadraticKappa,
                Metric::MacroMae,
                Metric::Nll,
            ] {
                let (a, b) = (
                    tally.value(metric, without).unwrap(),
                    score(metric, &sample).unwrap(),
                );
                assert!((a - b).abs() < 1e-12, "{metric:?} {without:?}: {a} {b}");
            }
        }
    }

    #[test]
    fn undefined_values_are_none() {
        let one = Tally::new(2, &[0], &[0], &[0.5, 0.5], &[3], &[0]);
        assert_eq!(one.value(Metric::QuadraticKappa, None), None, "one class");
        assert_eq!(one.value(Metric::Accuracy, Some(0)), None, "nobody left");
        assert_eq!(one.value(Metric::Ece, None), None, "not kept by this tally");
    }
}
