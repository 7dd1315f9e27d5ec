//! Decisions by subject: all clips of a subject taken together.

use crate::frame::Frame;
use crate::{AuditSettings, EvalError, Sample};

/// One decision a subject.
pub(crate) struct SubjectDecisions {
    pub(crate) classes: usize,
    pub(crate) truth: Vec<usize>,
    pub(crate) predicted: Vec<usize>,
    pub(crate) probabilities: Option<Vec<f64>>,
    pub(crate) subject: Vec<usize>,
}

impl SubjectDecisions {
    /// The decisions as a sample: row `s` is subject `s`.
    pub(crate) fn sample<'a>(
        &'a self,
        settings: &'a AuditSettings,
    ) -> Result<Sample<'a>, EvalError> {
        let mut sample = Sample::new(self.classes, &self.truth, &self.predicted, &self.subject)?;
        if !settings.ordered {
            sample = sample.unordered();
        }
        if let Some(probabilities) = &self.probabilities {
            sample = sample.with_probabilities(probabilities)?;
        }
        if let Some(midpoints) = &settings.midpoints {
            sample = sample.with_midpoints(midpoints)?;
        }
        Ok(sample)
    }
}

/// The class with the largest sum of probabilities over a subject's clips, or without probabilities the most frequent
/// prediction (the first of equals); truth is the most frequent true class.
pub(crate) fn by_subject(frame: &Frame) -> SubjectDecisions {
    let classes = frame.classes.len();
    let truth = frame.by_subject(&frame.truth, classes);
    let subject: Vec<usize> = (0..frame.subjects).collect();
    let Some(probabilities) = &frame.probabilities else {
        let predicted = frame.by_subject(&frame.predicted, classes);
        return SubjectDecisions {
            classes,
            truth,
            predicted,
            probabilities: None,
            subject,
        };
    };
    let mut sums = vec![0.0; frame.subjects * classes];
    for (&s, row) in frame
        .subject
        .iter()
        .zip(probabilities.chunks_exact(classes))
    {
        let total: f64 = row.iter().sum();
        for (class, p) in row.iter().enumerate() {
            sums[s * classes + class] += p / total;
        }
    }
    let predicted = sums
        .chunks_exact(classes)
        .map(|sums| {
            let largest = sums.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let first = sums.iter().position(|&sum| sum == largest);
            first.expect("the largest is one of them")
        })
        .collect();
    SubjectDecisions {
        classes,
        truth,
        predicted,
        probabilities: Some(sums),
        subject,
    }
}
