//! Ablation: every subset of the modalities, late and joint, and each modality's share of the skill.

use std::borrow::Cow;
use std::collections::BTreeMap;

use cohort_eval::{Interval, IntervalSettings, Metric, Sample, intervals, paired_differences};
use cohort_tables::{IdMatches, LabelTable, clip_id, code, is_missing};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::FusionError;
use crate::align::ModelPredictions;
use crate::candidates::{Candidate, Family, JointModel, candidates, members};
use crate::fuse::{FUSION_METRICS, Prepared};
use crate::settings::FusionSettings;
use crate::shares::{SHARED_METRICS, Shares, Subject, shares};
use crate::tally::Tally;

/// Version of the record.
pub const ABLATION_SCHEMA: &str = "cohort.ablation/1";

/// Settings of an ablation.
#[derive(Debug, Clone, PartialEq)]
pub struct AblationSettings {
    /// Intervals: 2,000 resamples by default.
    pub intervals: IntervalSettings,
    /// Label columns by whose groups the shares are given as well (default none).
    pub groups: Vec<String>,
}

impl Default for AblationSettings {
    fn default() -> Self {
        let intervals = IntervalSettings {
            resamples: 2000,
            ..IntervalSettings::default()
        };
        Self {
            intervals,
            groups: Vec::new(),
        }
    }
}

/// Ablation of a set of modalities on the test split; JSON `cohort.ablation/1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ablation {
    /// `cohort.ablation/1`.
    pub schema: String,
    /// The late fusion's rule in words.
    pub rule: String,
    /// How subjects were found.
    pub subjects_by: String,
    /// Names of the modalities, in order.
    pub modalities: Vec<String>,
    /// Test clips, those that at least one modality speaks of: the same for every row.
    pub clips: usize,
    /// Their subjects.
    pub subjects: usize,
    /// Clips that each modality lacks.
    pub missing: BTreeMap<String, usize>,
    /// Machine names of the metrics, in the order in which rows give them.
    pub metrics: Vec<String>,
    /// Name of the row that the differences are to: late fusion of all modalities.
    pub full: String,
    /// All rows: the majority baseline, single models, late subsets, the reference's sums, joint models.
    pub rows: Vec<AblationRow>,
    /// Shapley shares: for every family and metric, for everyone and by group.
    pub shares: Vec<Shares>,
    /// Clips that were joined although the tables do not write their ids alike; absent where there are none.
    #[serde(default, skip_serializing_if = "IdMatches::is_empty")]
    pub ids: IdMatches,
    /// What a reader should know of how the tables were read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One model of an ablation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AblationRow {
    /// Name, unique.
    pub name: String,
    /// What it is.
    pub family: Family,
    /// Name of the joint family; absent for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joint: Option<String>,
    /// Its modalities.
    pub modalities: Vec<String>,
    /// Clips that none of its modalities speaks of: answered with the majority baseline.
    pub unanswered: usize,
    /// Each metric with its interval by subject.
    pub figures: Vec<AblationFigure>,
}

/// One metric of one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AblationFigure {
    /// Machine name of the metric.
    pub metric: String,
    /// Value with interval, or why there is none.
    pub value: Interval,
    /// The row less the full late fusion, paired on the same clips; absent for the full fusion itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_full: Option<Interval>,
    /// A joint row less the late fusion of the same modalities; absent for other rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_late: Option<Interval>,
    /// A joint row less the late fusion of all modalities, used unchanged with the same one missing; absent for other rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_late_unchanged: Option<Interval>,
}

/// Scores every subset of the modalities on the test split, beside the majority baseline, each model as it came, the
/// reference's weighted sums and joint models, and shares out the skill.
///
/// Every subset's fusion is fitted anew on the validation split under the penalties that the full fusion chose; beside that
/// stands the full fusion with one modality missing and nothing fitted anew. All rows
/// answer the same test clips; where a subset has no modality for a clip, its answer is the baseline's. `labels` is
/// needed for [`AblationSettings::groups`] only.
///
/// # Errors
/// As [`crate::fuse`]; a test split without ground truth; joint models with unknown modalities, clips or a name twice;
/// label columns or clips that are missing; interval settings out of range.
pub fn ablate(
    modalities: &[ModelPredictions],
    joint: &[JointModel],
    labels: Option<&LabelTable>,
    fusion: &FusionSettings,
    settings: &AblationSettings,
) -> Result<Ablation, FusionError> {
    settings.intervals.check()?;
    let prepared = Prepared::new(modalities, fusion)?;
    let test = &prepared.test;
    let truth = test.truth("test")?;
    let (subject_names, subject) = prepared.settings.subjects.index("test", &test.names)?;
    let groups = group_rows(&prepared, labels, &settings.groups)?;
    let candidates = candidates(&prepared, joint)?;

    let metrics: Vec<Metric> = FUSION_METRICS
        .into_iter()
        .filter(|metric| prepared.settings.ordered || !metric.needs_order())
        .collect();
    let full_mask = (1u32 << prepared.names.len()) - 1;
    let of = |family: Family, mask: u32| {
        let mut all = candidates.iter();
        all.find(|c| c.family == family && c.mask == mask)
    };
    let Some(full) = of(Family::Late, full_mask) else {
        return Err(FusionError::Modalities {
            expected: "at least one".into(),
            found: "0".into(),
        });
    };
    let full_sample = sample_of(&prepared, truth, &subject, full)?;
    let rows: Result<Vec<AblationRow>, FusionError> = candidates
        .par_iter()
        .map(|candidate| {
            let own = sample_of(&prepared, truth, &subject, candidate)?;
            let values = intervals(&metrics, &own, &settings.intervals)?;
            let is_full = std::ptr::eq(candidate, full);
            let against = |other: &Sample| -> Result<Vec<Option<Interval>>, FusionError> {
                let found = paired_differences(&metrics, &own, other, &settings.intervals)?;
                Ok(found.into_iter().map(Some).collect())
            };
            let none = || vec![None; metrics.len()];
            let to_full = if is_full {
                none()
            } else {
                against(&full_sample)?
            };
            let to = |family| match of(family, candidate.mask) {
                Some(late) if candidate.family == Family::Joint => {
                    against(&sample_of(&prepared, truth, &subject, late)?)
                }
                _ => Ok(none()),
            };
            let (to_late, to_unchanged) = (to(Family::Late)?, to(Family::LateUnchanged)?);
            let figures = metrics.iter().zip(values).zip(to_full);
            let figures = figures.zip(to_late.into_iter().zip(to_unchanged));
            Ok(AblationRow {
                name: candidate.name.clone(),
                family: candidate.family,
                joint: candidate.joint.clone(),
                modalities: members(&prepared.names, candidate.mask),
                unanswered: candidate.unanswered,
                figures: figures
                    .map(
                        |(((metric, value), to_full), (to_late, to_late_unchanged))| {
                            AblationFigure {
                                metric: metric.name().to_string(),
                                value,
                                to_full,
                                to_late,
                                to_late_unchanged,
                            }
                        },
                    )
                    .collect(),
            })
        })
        .collect();
    let missing = prepared.names.iter().enumerate().map(|(m, name)| {
        (
            name.clone(),
            test.present
                .iter()
                .filter(|mask| *mask >> m & 1 == 0)
                .count(),
        )
    });
    Ok(Ablation {
        schema: ABLATION_SCHEMA.to_string(),
        rule: prepared.settings.rule.describe(),
        subjects_by: prepared.settings.subjects.describe(),
        modalities: prepared.names.clone(),
        clips: test.len(),
        subjects: subject_names.len(),
        missing: missing.collect(),
        metrics: metrics.iter().map(|m| m.name().to_string()).collect(),
        full: full.name.clone(),
        rows: rows?,
        shares: all_shares(&prepared, truth, &subject, &candidates, &groups, settings),
        ids: IdMatches::default(),
        notes: Vec::new(),
    })
}

fn sample_of<'a>(
    prepared: &Prepared,
    truth: &'a [usize],
    subject: &'a [usize],
    candidate: &'a Candidate,
) -> Result<Sample<'a>, FusionError> {
    let predictions = &candidate.predictions;
    let mut sample = Sample::new(
        prepared.classes.len(),
        truth,
        &predictions.predicted,
        subject,
    )?;
    if let Some(probabilities) = &predictions.probabilities {
        sample = sample.with_probabilities(probabilities)?;
    }
    Ok(if prepared.settings.ordered {
        sample
    } else {
        sample.unordered()
    })
}

/// Column, code and rows of every group.
type Group = (String, String, Vec<usize>);

fn group_rows(
    prepared: &Prepared,
    labels: Option<&LabelTable>,
    columns: &[String],
) -> Result<Vec<Group>, FusionError> {
    let mut groups = Vec::new();
    for column in columns {
        let Some(labels) = labels else {
            return Err(FusionError::setting("groups", "a label table", "none"));
        };
        let Some(values) = labels.column(column) else {
            let known: Vec<&str> = labels.column_names().collect();
            return Err(FusionError::setting("groups", known.join(", "), column));
        };
        let codes: BTreeMap<&str, Cow<'_, str>> = labels
            .names
            .iter()
            .zip(values)
            .map(|(name, value)| {
                let code = if is_missing(value) {
                    "(no value)".into()
                } else {
                    code(value)
                };
                (clip_id(name), code)
            })
            .collect();
        let mut by_code: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut unknown = Vec::new();
        for (i, name) in prepared.test.names.iter().enumerate() {
            match codes.get(clip_id(name)) {
                Some(code) => by_code.entry(code.as_ref()).or_default().push(i),
                None => unknown.push(clip_id(name)),
            }
        }
        if !unknown.is_empty() {
            let expected =
                format!("a {column} for every clip in the label tables, and missing for some");
            return Err(FusionError::clips("test", expected, &unknown));
        }
        groups.extend(
            by_code
                .into_iter()
                .map(|(code, rows)| (column.clone(), code.to_string(), rows)),
        );
    }
    Ok(groups)
}

/// Shares of late fusion and of every joint family that has all subsets.
fn all_shares(
    prepared: &Prepared,
    truth: &[usize],
    subject: &[usize],
    candidates: &[Candidate],
    groups: &[Group],
    settings: &AblationSettings,
) -> Vec<Shares> {
    let subsets = 1usize << prepared.names.len();
    let Some(baseline) = candidates.first() else {
        return Vec::new();
    };
    let mut families: Vec<(String, Vec<&Candidate>)> = Vec::new();
    let mut joint_names: Vec<&String> =
        candidates.iter().filter_map(|c| c.joint.as_ref()).collect();
    joint_names.sort();
    joint_names.dedup();
    for joint in std::iter::once(None).chain(joint_names.into_iter().map(Some)) {
        let family = if joint.is_some() {
            Family::Joint
        } else {
            Family::Late
        };
        let of_mask = |mask: usize| {
            candidates.iter().find(|c| {
                c.family == family && c.joint.as_ref() == joint && c.mask as usize == mask
            })
        };
        let models: Option<Vec<&Candidate>> = (0..subsets)
            .map(|mask| {
                if mask == 0 {
                    Some(baseline)
                } else {
                    of_mask(mask)
                }
            })
            .collect();
        if let Some(models) = models {
            families.push((joint.map_or("late", String::as_str).to_string(), models));
        }
    }
    let everyone: Vec<usize> = (0..truth.len()).collect();
    let mut wanted: Vec<(Option<&str>, Option<&str>, &[usize])> = vec![(None, None, &everyone)];
    wanted.extend(
        groups.iter().map(|(column, code, rows)| {
            (Some(column.as_str()), Some(code.as_str()), rows.as_slice())
        }),
    );
    let mut tasks = Vec::new();
    for (family, models) in &families {
        for &(attribute, group, rows) in &wanted {
            tasks.push((family, models, attribute, group, rows));
        }
    }
    let found: Vec<Vec<Shares>> = tasks
        .par_iter()
        .map(|&(family, models, attribute, group, rows)| {
            let tallies: Vec<Tally> = models
                .iter()
                .map(|model| {
                    let p = model.predictions.probabilities.as_deref();
                    let p = p.expect("fused and aligned models have probabilities");
                    let k = prepared.classes.len();
                    Tally::new(k, truth, &model.predictions.predicted, p, subject, rows)
                })
                .collect();
            let of = Subject {
                family,
                attribute,
                group,
                modalities: &prepared.names,
                level: settings.intervals.level,
            };
            SHARED_METRICS
                .iter()
                .filter(|metric| prepared.settings.ordered || !metric.needs_order())
                .map(|&metric| shares(&of, metric, &tallies))
                .collect()
        })
        .collect();
    found.into_iter().flatten().collect()
}
