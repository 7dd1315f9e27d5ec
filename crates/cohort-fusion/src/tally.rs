//! Counts by subject, so that a metric without one subject costs no pass over the clips.

use cohort_eval::{ConfusionMatrix, Metric, surprise};

/// Confusion counts and losses of one model, by subject and in total.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    /// A clip: subject, (truth, predicted), negative log probability of the truth. Sorted by subject.
    clips: Vec<(usize, (usize, usize), f64)>,
    /// Start of each subject's clips, and the end.
    starts: Vec<usize>,
    total: Counts,
}

#[derive(Debug, Clone)]
struct Counts {
    confusion: ConfusionMatrix,
    loss: f64,
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
        let mut clips: Vec<(usize, (usize, usize), f64)> = rows
            .iter()
            .map(|&i| {
                let loss = surprise(probabilities[i * classes + truth[i]]);
                (subject[i], (truth[i], predicted[i]), loss)
            })
            .collect();
        clips.sort_by_key(|clip| clip.0);
        let mut total = Counts {
            confusion: ConfusionMatrix::new(classes),
            loss: 0.0,
        };
        let mut starts = Vec::new();
        for (i, &(subject, cell, loss)) in clips.iter().enumerate() {
            if i == 0 || clips[i - 1].0 != subject {
                starts.push(i);
            }
            total.confusion.add(cell.0, cell.1, 1.0);
            total.loss += loss;
        }
        starts.push(clips.len());
        Self {
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
            return self.total.value(metric);
        };
        let mut counts = self.total.clone();
        for &(_, cell, loss) in &self.clips[self.starts[left_out]..self.starts[left_out + 1]] {
            counts.confusion.add(cell.0, cell.1, -1.0);
            counts.loss -= loss;
        }
        counts.value(metric)
    }
}

impl Counts {
    /// Value of a metric; `None` where it is not defined or not kept by this tally.
    fn value(&self, metric: Metric) -> Option<f64> {
        let clips = self.confusion.rows();
        if metric == Metric::Nll {
            return (clips > 0.0).then(|| self.loss / clips);
        }
        self.confusion.value(metric)
    }
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
