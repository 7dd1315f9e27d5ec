//! Skill on the test split of a sweep's runs.

use cohort_data::Dataset;
use cohort_eval::{Interval, IntervalSettings, Metric, Sample, intervals, paired_differences};
use cohort_tables::{Predictions, content_hash};

use super::document::TestScores;
use crate::dataset::{is_ordered, splits, subject_numbers};
use crate::error::PipelineError;

/// Scores predictions of the test split.
pub(super) struct Scorer<'a> {
    pub(super) dataset: &'a Dataset,
    settings: IntervalSettings,
    /// Hash of whose the test clips are.
    pub(super) units: String,
}

impl<'a> Scorer<'a> {
    pub(super) fn new(dataset: &'a Dataset, resamples: usize) -> Result<Self, PipelineError> {
        let [_, _, test] = splits(dataset)?;
        let rows = test.clips.iter();
        let text = rows.fold(String::new(), |all, clip| {
            all + &format!("{:?} {:?}\n", clip.id, clip.subject)
        });
        Ok(Self {
            dataset,
            settings: IntervalSettings {
                resamples,
                ..IntervalSettings::default()
            },
            units: content_hash(text.as_bytes()),
        })
    }

    pub(super) fn score(&self, predictions: &Predictions) -> Result<TestScores, PipelineError> {
        let ordered = is_ordered(self.dataset);
        let subject = self.subjects(predictions)?;
        let sample = self.sample(predictions, &subject)?;
        let score = |metrics: &[Metric]| intervals(metrics, &sample, &self.settings);
        let mut of_order = match ordered {
            true => score(&[Metric::WithinOne, Metric::MaeGroups])?.into_iter(),
            false => Vec::new().into_iter(),
        };
        let one = |metric| Ok::<_, PipelineError>(score(&[metric])?.remove(0));
        Ok(TestScores {
            accuracy: one(Metric::Accuracy)?,
            balanced_accuracy: one(Metric::BalancedAccuracy)?,
            within_one: of_order.next(),
            mae_groups: of_order.next(),
        })
    }

    /// Whose the test split's predictions are.
    fn subjects(&self, predictions: &Predictions) -> Result<Vec<usize>, PipelineError> {
        let [_, _, test] = splits(self.dataset)?;
        Ok(subject_numbers(&test.clips, predictions))
    }

    fn sample<'p>(
        &self,
        predictions: &'p Predictions,
        subject: &'p [usize],
    ) -> Result<Sample<'p>, PipelineError> {
        let truth = predictions.truth.as_deref().unwrap_or_default();
        let classes = predictions.classes.len();
        let sample = Sample::new(classes, truth, &predictions.predicted, subject)?;
        Ok(match is_ordered(self.dataset) {
            true => sample,
            false => sample.unordered(),
        })
    }

    /// Accuracy and balanced accuracy of the first model minus the second's, paired by unit.
    pub(super) fn gain(
        &self,
        model: &Predictions,
        other: &Predictions,
    ) -> Result<[Interval; 2], PipelineError> {
        let metrics = [Metric::Accuracy, Metric::BalancedAccuracy];
        let subjects = (self.subjects(model)?, self.subjects(other)?);
        let model = self.sample(model, &subjects.0)?;
        let other = self.sample(other, &subjects.1)?;
        let mut found = paired_differences(&metrics, &model, &other, &self.settings)?.into_iter();
        let mut next = || found.next().expect("an interval a metric");
        Ok([next(), next()])
    }

    pub(super) fn majority(&self, predictions: &Predictions) -> Result<TestScores, PipelineError> {
        let mut counts = vec![0_usize; predictions.classes.len()];
        for &class in predictions.truth.iter().flatten() {
            counts[class] += 1;
        }
        let most = counts.iter().max().copied().unwrap_or(0);
        let class = counts.iter().position(|&count| count == most).unwrap_or(0);
        self.score(&Predictions {
            predicted: vec![class; predictions.len()],
            probabilities: None,
            ..predictions.clone()
        })
    }
}
