//! The audit: skill first, intervals by subject, gaps against chance.

use std::collections::BTreeMap;

use cohort_tables::{ClassColumns, LabelTable, Nouns, Predictions, WithinUnits};
use serde::{Deserialize, Serialize};

use crate::abstention::{RiskCoverage, risk_coverage};
use crate::compare::Comparison;
use crate::conformal::{Conformal, conformal};
use crate::disparity::gaps;
use crate::finding::{ClassGap, Finding};
use crate::frame::{Frame, Joins};
use crate::gaps::Disparity;
use crate::groups::{Calibration, ClassError, GroupConfusion, GroupRow, groups};
use crate::interval::tally_intervals;
use crate::outcome::Fairness;
use crate::random::Stream;
use crate::ranking::{ClassCurves, class_curves};
use crate::reference::{ReferenceBias, reference_bias};
use crate::selection::{Selection, selection};
use crate::skill::{Skill, skill};
use crate::tally::Tally;
use crate::units::by_subject;
use crate::{AuditSettings, EvalError, Interval, Metric, Sample};

/// Version of the document.
pub const AUDIT_SCHEMA: &str = "cohort.audit/1";

/// The audit of one model's predictions: the document `cohort.audit/1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// `"cohort.audit/1"`.
    pub schema: String,
    /// Clips audited.
    pub clips: usize,
    /// Their subjects.
    pub subjects: usize,
    /// Label rows that have no prediction.
    pub labels_without_prediction: usize,
    /// Clips whose probabilities do not sum to 1 within 0.001; they were divided by their sum.
    pub unnormalised_rows: usize,
    /// Ids and codes that were read as one although they are written in several ways; absent where there are none.
    #[serde(default, skip_serializing_if = "Joins::is_empty")]
    pub joins: Joins,
    /// Which column of probabilities is which class's, where the reader of the predictions told something of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_columns: Option<ClassColumns>,
    /// What was asked for.
    pub settings: AuditSettings,
    /// The classes in order.
    pub classes: Vec<ClassRow>,
    /// What the reference system's script prints, under its own name.
    pub reference_bias: ReferenceBias,
    /// Whether there is skill: read this first.
    pub skill: Skill,
    /// Whether a group is at a disadvantage: shown, suspected, not shown or not testable, for the whole and by attribute.
    pub fairness: Fairness,
    /// Every metric over all clips.
    pub metrics: BTreeMap<Metric, Interval>,
    /// The same with one decision a subject: summed probabilities, or the most frequent prediction. Empty where the target
    /// differs within most subjects, so that there is nothing to decide by subject.
    pub subject_metrics: BTreeMap<Metric, Interval>,
    /// Every group of every attribute; no group is left out for being small.
    pub groups: Vec<GroupRow>,
    /// Gaps between groups beside what chance gives.
    pub disparities: Vec<Disparity>,
    /// Equal-opportunity and equalised-odds gaps by class.
    pub class_gaps: Vec<ClassGap>,
    /// Disadvantages named at the family-wise error rate `settings.alpha`.
    pub findings: Vec<Finding>,
    /// Who is given the favourable class; absent where the settings name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<Selection>,
    /// Error by true class, over all clips and by group.
    pub class_errors: Vec<ClassError>,
    /// Confusion matrices, over all clips and by group.
    pub confusion: Vec<GroupConfusion>,
    /// Every class against all others: shares of the confusion matrix, precision, recall, F1, ROC and precision-recall.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_curves: Option<ClassCurves>,
    /// Calibration over all clips and by group; empty without probabilities.
    pub calibration: Vec<Calibration>,
    /// Risk-coverage curves; absent without probabilities.
    pub risk_coverage: Option<Vec<RiskCoverage>>,
    /// Prediction sets; absent without probabilities.
    pub conformal: Option<Conformal>,
    /// Differences to a second model, where one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// What a reader should know: contradicting labels, attributes without a test, ...
    pub notes: Vec<String>,
}

/// One class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassRow {
    /// Code in the files.
    pub code: String,
    /// Name for people.
    pub name: String,
    /// Clips of this true class.
    pub clips: usize,
    /// Subjects with at least one of them.
    pub subjects: usize,
}

/// Audits a model's predictions against the labels of the same clips.
///
/// Rows are joined by clip id. `predictions` may be anybody's; `labels` may hold more clips. The same input and seed give
/// the same document, whatever the order of rows and the number of threads.
///
/// # Errors
/// [`EvalError`] when there are no predictions, ids are repeated or missing in the labels (the first few are listed), a
/// column is missing, the labels' target contradicts the ground truth (with the row), or a setting is out of range.
pub fn audit(
    predictions: &Predictions,
    labels: &LabelTable,
    settings: &AuditSettings,
) -> Result<Audit, EvalError> {
    settings.check()?;
    let frame = Frame::new(predictions, labels, settings)?;
    let sample = frame.sample(settings)?;
    // a class that is none is told before anything is computed
    let selection = selection(&frame, settings)?;
    let intervals = settings.intervals();
    let (metrics, skill) = skill(&sample, &frame.classes, &intervals)?;
    let decisions = by_subject(&frame);
    let decisions = decisions.sample(settings)?;
    let mut by_group = groups(&frame, &sample, &decisions, &intervals);
    let gaps = gaps(&frame, &sample, settings);
    let mut notes = frame.notes.clone();
    let within = WithinUnits::of(&frame.subject, &frame.truth);
    let subject_metrics = if within.by_design() {
        for row in &mut by_group.rows {
            row.by_subject.clear();
        }
        notes.push(format!(
            "{} differs within {} of the {} {} with several {}: there is no one decision by {}",
            settings.target,
            within.mixed,
            within.several,
            settings.nouns.units(),
            settings.nouns.items(),
            settings.nouns.unit
        ));
        BTreeMap::new()
    } else {
        subject_metrics(&decisions, settings)
    };
    notes.extend(contradictions(&frame, &settings.nouns));
    notes.extend(gaps.notes);
    let named: Vec<(String, String)> = frame
        .classes
        .iter()
        .cloned()
        .zip(frame.class_names.iter().cloned())
        .collect();
    let curves = class_curves(&sample, &named, &metrics, &intervals, &mut notes);
    let of_class = Tally::new(&sample, None).subjects_by_class();
    let classes = frame
        .classes
        .iter()
        .zip(&frame.class_names)
        .zip(of_class)
        .enumerate()
        .map(|(class, ((code, name), subjects))| ClassRow {
            code: code.clone(),
            name: name.clone(),
            clips: frame.truth.iter().filter(|&&truth| truth == class).count(),
            subjects,
        })
        .collect();
    Ok(Audit {
        schema: AUDIT_SCHEMA.into(),
        clips: frame.truth.len(),
        subjects: frame.subjects,
        labels_without_prediction: frame.labels_without_prediction,
        unnormalised_rows: sample.unnormalised_rows(),
        joins: frame.joins.clone(),
        class_columns: None,
        settings: settings.clone(),
        classes,
        reference_bias: reference_bias(&frame),
        fairness: Fairness::new(gaps.attributes, settings.alpha, &skill),
        skill,
        metrics,
        subject_metrics,
        groups: by_group.rows,
        disparities: gaps.disparities,
        class_gaps: gaps.class_gaps,
        findings: gaps.findings,
        selection,
        class_errors: by_group.errors,
        confusion: by_group.confusion,
        class_curves: Some(curves),
        calibration: by_group.calibration,
        risk_coverage: risk_coverage(&frame, &sample, &intervals),
        conformal: conformal(&frame, &sample, settings),
        comparison: None,
        notes,
    })
}

fn subject_metrics(decisions: &Sample, settings: &AuditSettings) -> BTreeMap<Metric, Interval> {
    let metrics = Metric::applicable(decisions);
    let stream = Stream::new(settings.seed, &["subjects"]);
    let found = tally_intervals(
        &metrics,
        &Tally::new(decisions, None),
        &settings.intervals(),
        stream,
    );
    metrics.into_iter().zip(found).collect()
}

/// Subjects whose clips do not agree on a label: their gaps are tested under the most frequent one.
fn contradictions(frame: &Frame, nouns: &Nouns) -> Vec<String> {
    frame
        .attributes
        .iter()
        .filter(|attribute| {
            let by_design = WithinUnits::of(&frame.subject, &attribute.of_row).by_design();
            !(attribute.is_cross || attribute.is_target && by_design)
        })
        .filter_map(|attribute| {
            let of_subject = frame.by_subject(&attribute.of_row, attribute.codes.len());
            let mut mixed: Vec<usize> = frame
                .subject
                .iter()
                .zip(&attribute.of_row)
                .filter(|(s, value)| of_subject.get(**s) != Some(value))
                .map(|(s, _)| *s)
                .collect();
            mixed.sort_unstable();
            mixed.dedup();
            (!mixed.is_empty()).then(|| {
                format!(
                    "{}: {} {} have {} with different labels; gaps take their most frequent one",
                    attribute.name,
                    mixed.len(),
                    nouns.units(),
                    nouns.items()
                )
            })
        })
        .collect()
}
