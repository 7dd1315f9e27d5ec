//! Every group's figures: metrics with intervals, error by class, confusion matrix, calibration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::attribute::Attribute;
use crate::frame::Frame;
use crate::interval::tally_intervals;
use crate::metrics::ece::confidence;
use crate::pooling::{Pooled, pool_accuracy, pool_mean};
use crate::random::Stream;
use crate::tally::Tally;
use crate::{Interval, IntervalSettings, Metric, Sample};

/// One group of one attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupRow {
    /// The label column (`A x B` for an intersection).
    pub attribute: String,
    /// Code of the group.
    pub group: String,
    /// Its name for people.
    pub name: String,
    /// Clips.
    pub clips: usize,
    /// Subjects.
    pub subjects: usize,
    /// Accuracy partially pooled over the attribute's groups; absent for the target and single groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pooled_accuracy: Option<Pooled>,
    /// The same for the mean absolute error in classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pooled_mae_groups: Option<Pooled>,
    /// Accuracy and, for ordered classes, absolute and signed error with one decision a subject; a subject counts under
    /// its most frequent group.
    #[serde(default)]
    pub by_subject: BTreeMap<Metric, Interval>,
    /// Metrics by name: for groups of the target only those that are means over clips.
    #[serde(flatten)]
    pub metrics: BTreeMap<Metric, Interval>,
}

/// Error of one group at one true class: a point of its error-by-age curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassError {
    /// The label column; empty for all clips together.
    pub attribute: String,
    /// Code of the group; empty for all clips together.
    pub group: String,
    /// Name of the group.
    pub name: String,
    /// Code of the true class.
    pub class: String,
    /// Clips.
    pub clips: usize,
    /// Subjects.
    pub subjects: usize,
    /// Accuracy (the class's true positive rate) and, for ordered classes, absolute (in years too, given midpoints) and
    /// signed error, with t intervals.
    #[serde(flatten)]
    pub metrics: BTreeMap<Metric, Interval>,
}

/// Confusion matrix of one group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupConfusion {
    /// The label column; empty for all clips together.
    pub attribute: String,
    /// Code of the group; empty for all clips together.
    pub group: String,
    /// Name of the group.
    pub name: String,
    /// Clips by true class (rows) and predicted class (columns), in the order of the classes.
    pub counts: Vec<Vec<usize>>,
}

/// Calibration of one group: stated confidence against what came true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The label column; empty for all clips together.
    pub attribute: String,
    /// Code of the group; empty for all clips together.
    pub group: String,
    /// Name of the group.
    pub name: String,
    /// The bins that hold clips, by rising confidence.
    pub bins: Vec<CalibrationBin>,
}

/// Clips whose predicted class has a probability in one range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// Clips.
    pub clips: usize,
    /// Subjects.
    pub subjects: usize,
    /// Mean probability of the predicted class.
    pub confidence: f64,
    /// Share of clips where it was right, with a t interval.
    pub accuracy: Interval,
}

/// Everything by group.
#[derive(Debug, Clone, Default)]
pub(crate) struct Groups {
    pub(crate) rows: Vec<GroupRow>,
    pub(crate) errors: Vec<ClassError>,
    pub(crate) confusion: Vec<GroupConfusion>,
    pub(crate) calibration: Vec<Calibration>,
}

/// Metrics of a group with one decision a subject.
const DECISIONS: [Metric; 3] = [Metric::Accuracy, Metric::MaeGroups, Metric::SignedError];

/// Bins of the calibration tables: fewer than those of the calibration error, since groups are small.
const BINS: usize = 5;

/// `sample` holds the clips of `frame`, `decisions` one row a subject.
pub(crate) fn groups(
    frame: &Frame,
    sample: &Sample,
    decisions: &Sample,
    settings: &IntervalSettings,
) -> Groups {
    let mut groups = Groups::default();
    let all: Vec<usize> = (0..sample.len()).collect();
    groups.add_curves(frame, sample, settings, ("", "", ""), &all);
    for attribute in &frame.attributes {
        let rows = attribute.rows();
        let tallies: Vec<Tally> = rows
            .iter()
            .map(|rows| Tally::new(sample, Some(rows)))
            .collect();
        let of_subject = frame.by_subject(&attribute.of_row, attribute.codes.len());
        let by_subject: Vec<Tally> = (0..attribute.codes.len())
            .map(|group| {
                let rows: Vec<usize> = (0..frame.subjects)
                    .filter(|&s| of_subject.get(s) == Some(&group))
                    .collect();
                Tally::new(decisions, Some(&rows))
            })
            .collect();
        groups.add_rows(attribute, sample, settings, &tallies, &by_subject);
        if attribute.is_target {
            continue;
        }
        for ((code, name), rows) in attribute.codes.iter().zip(&attribute.names).zip(&rows) {
            groups.add_curves(frame, sample, settings, (&attribute.name, code, name), rows);
        }
    }
    groups
}

impl Groups {
    fn add_rows(
        &mut self,
        attribute: &Attribute,
        sample: &Sample,
        settings: &IntervalSettings,
        tallies: &[Tally],
        by_subject: &[Tally],
    ) {
        let of_decisions: Vec<Metric> = DECISIONS
            .into_iter()
            .filter(|metric| metric.applies_to(sample))
            .collect();
        let metrics: Vec<Metric> = Metric::applicable(sample)
            .into_iter()
            .filter(|metric| !attribute.is_target || metric.is_mean())
            .collect();
        let none = || vec![None; tallies.len()];
        let pooled = |wanted: bool, pool: &dyn Fn() -> Vec<Option<Pooled>>| {
            if wanted && !attribute.is_target {
                pool()
            } else {
                none()
            }
        };
        let accuracy = pooled(true, &|| pool_accuracy(tallies, settings.level));
        let mae = pooled(sample.is_ordered(), &|| {
            pool_mean(Metric::MaeGroups, tallies, settings.level)
        });
        for (((((code, name), tally), decisions), accuracy), mae) in attribute
            .codes
            .iter()
            .zip(&attribute.names)
            .zip(tallies)
            .zip(by_subject)
            .zip(accuracy)
            .zip(mae)
        {
            let stream = Stream::new(settings.seed, &["group", &attribute.name, code]);
            let intervals = tally_intervals(&metrics, tally, settings, stream);
            let stream = Stream::new(settings.seed, &["group by subject", &attribute.name, code]);
            let by_subject = tally_intervals(&of_decisions, decisions, settings, stream);
            self.rows.push(GroupRow {
                attribute: attribute.name.clone(),
                group: code.clone(),
                name: name.clone(),
                clips: tally.rows(),
                subjects: tally.subjects(),
                pooled_accuracy: accuracy,
                pooled_mae_groups: mae,
                by_subject: of_decisions.iter().copied().zip(by_subject).collect(),
                metrics: metrics.iter().copied().zip(intervals).collect(),
            });
        }
    }

    fn add_curves(
        &mut self,
        frame: &Frame,
        sample: &Sample,
        settings: &IntervalSettings,
        (attribute, group, name): (&str, &str, &str),
        rows: &[usize],
    ) {
        let classes = frame.classes.len();
        let metrics: Vec<Metric> = [
            Metric::Accuracy,
            Metric::MaeGroups,
            Metric::MaeYears,
            Metric::SignedError,
        ]
        .into_iter()
        .filter(|metric| metric.applies_to(sample))
        .collect();
        let mut by_class = vec![Vec::new(); classes];
        let mut counts = vec![vec![0; classes]; classes];
        for &row in rows {
            let (truth, predicted) = (sample.truth()[row], sample.predicted()[row]);
            by_class[truth].push(row);
            counts[truth][predicted] += 1;
        }
        for (class, rows) in frame.classes.iter().zip(&by_class) {
            let tally = Tally::new(sample, Some(rows));
            let intervals = t_intervals(&metrics, &tally, settings);
            self.errors.push(ClassError {
                attribute: attribute.into(),
                group: group.into(),
                name: name.into(),
                class: class.clone(),
                clips: rows.len(),
                subjects: tally.subjects(),
                metrics: metrics.iter().copied().zip(intervals).collect(),
            });
        }
        self.confusion.push(GroupConfusion {
            attribute: attribute.into(),
            group: group.into(),
            name: name.into(),
            counts,
        });
        if sample.has_probabilities() {
            self.calibration.push(Calibration {
                attribute: attribute.into(),
                group: group.into(),
                name: name.into(),
                bins: calibration(sample, settings, rows),
            });
        }
    }
}

/// t intervals, without resampling: for tables of many small cells.
pub(crate) fn t_intervals(
    metrics: &[Metric],
    tally: &Tally,
    settings: &IntervalSettings,
) -> Vec<Interval> {
    let settings = IntervalSettings {
        resamples: 0,
        ..*settings
    };
    tally_intervals(metrics, tally, &settings, Stream::new(0, &[]))
}

/// Bins of equal numbers of clips by confidence; clips of equal confidence share a bin.
fn calibration(
    sample: &Sample,
    settings: &IntervalSettings,
    rows: &[usize],
) -> Vec<CalibrationBin> {
    let mut by_confidence: Vec<(f64, usize)> = rows
        .iter()
        .filter_map(|&row| confidence(sample, row).map(|(confidence, _)| (confidence, row)))
        .collect();
    by_confidence.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let each = by_confidence.len().div_ceil(BINS).max(1);
    let mut bins = Vec::new();
    let mut rest = by_confidence.as_slice();
    while !rest.is_empty() {
        let mut end = each.min(rest.len());
        while end < rest.len() && rest.get(end).map(|r| r.0) == rest.get(end - 1).map(|r| r.0) {
            end += 1;
        }
        let (bin, after) = rest.split_at(end);
        rest = after;
        let rows: Vec<usize> = bin.iter().map(|&(_, row)| row).collect();
        let tally = Tally::new(sample, Some(&rows));
        if let Some(accuracy) = t_intervals(&[Metric::Accuracy], &tally, settings).pop() {
            bins.push(CalibrationBin {
                clips: bin.len(),
                subjects: tally.subjects(),
                confidence: bin.iter().map(|&(c, _)| c).sum::<f64>() / bin.len() as f64,
                accuracy,
            });
        }
    }
    bins
}
