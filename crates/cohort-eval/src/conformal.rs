//! Split-conformal prediction sets: sets of classes that hold the truth as often as asked for.
//!
//! Subjects are split in two halves; each half gives the threshold for the other ([`crate::SetRule`]). The promise is by
//! subject: of all clips fewer are covered where subjects with many clips are the harder ones, so that the achieved coverage stands by
//! subject and by clip.

use serde::{Deserialize, Serialize};

use crate::frame::Frame;
use crate::groups::t_intervals;
use crate::prediction_sets::{nonconformity, threshold};
use crate::random::{Stream, shuffle};
use crate::tally::Tally;
use crate::{AuditSettings, Interval, Metric, Sample};

/// Prediction sets and how they did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conformal {
    /// Share that the sets should cover of the clips of a subject, on average over subjects.
    pub target: f64,
    /// The unit that the promise holds for: `subject`. A clip drawn from a subject drawn is covered with probability
    /// `target`; a clip drawn from all clips is not promised it.
    #[serde(default)]
    pub promised_by: CoverageUnit,
    /// Whether the sets are runs of neighbouring classes (ordered classes).
    pub contiguous: bool,
    /// With one threshold for all: achieved coverage over all clips and by group.
    pub marginal: Vec<SetCoverage>,
    /// With a threshold of its own for each group of an attribute.
    pub by_group: Vec<SetCoverage>,
}

/// The unit that coverage is a mean over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoverageUnit {
    /// Subjects, each with the share of its clips.
    #[default]
    Subject,
}

/// Achieved coverage of one group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetCoverage {
    /// The label column; empty for all clips together.
    pub attribute: String,
    /// Code of the group; empty for all clips together.
    pub group: String,
    /// Name of the group.
    pub name: String,
    /// Share of clips whose set holds the true class, with a t interval by subject.
    pub coverage: Interval,
    /// The same share of each subject's clips, averaged over subjects: what `target` promises.
    pub coverage_by_subject: Interval,
    /// Mean number of classes in the set.
    pub mean_size: f64,
    /// Share of clips whose set holds every class: nothing is said about them.
    pub whole: f64,
}

/// Sets of all rows: size and whether the truth is in.
struct Sets {
    size: Vec<usize>,
    holds: Vec<usize>,
}

/// Sets, coverage and sizes; `None` without probabilities.
pub(crate) fn conformal(
    frame: &Frame,
    sample: &Sample,
    settings: &AuditSettings,
) -> Option<Conformal> {
    let ordered = sample.is_ordered();
    let scores: Vec<Vec<f64>> = (0..sample.len())
        .map(|row| {
            sample
                .row_probabilities(row)
                .map(|p| nonconformity(p, ordered))
        })
        .collect::<Option<_>>()?;
    let mut order: Vec<usize> = (0..frame.subjects).collect();
    shuffle(
        &mut Stream::new(settings.seed, &["conformal"]).item(0),
        &mut order,
    );
    let mut second_half = vec![false; frame.subjects];
    for &subject in order.iter().skip(frame.subjects / 2) {
        second_half[subject] = true;
    }
    let halves = Halves {
        frame,
        scores,
        second_half,
        coverage: settings.conformal_coverage,
    };
    let all: Vec<usize> = (0..sample.len()).collect();
    let marginal_sets = halves.sets(std::slice::from_ref(&all));
    let mut marginal = vec![halves.coverage("", "", "", &all, &marginal_sets, settings)?];
    let mut by_group = Vec::new();
    for attribute in frame
        .attributes
        .iter()
        .filter(|attribute| !attribute.is_target)
    {
        let rows = attribute.rows();
        let own_sets = halves.sets(&rows);
        for ((code, name), rows) in attribute.codes.iter().zip(&attribute.names).zip(&rows) {
            let of =
                |sets: &Sets| halves.coverage(&attribute.name, code, name, rows, sets, settings);
            marginal.push(of(&marginal_sets)?);
            by_group.push(of(&own_sets)?);
        }
    }
    Some(Conformal {
        target: settings.conformal_coverage,
        promised_by: CoverageUnit::Subject,
        contiguous: ordered,
        marginal,
        by_group,
    })
}

struct Halves<'a> {
    frame: &'a Frame,
    scores: Vec<Vec<f64>>,
    second_half: Vec<bool>,
    coverage: f64,
}

impl Halves<'_> {
    fn is_second(&self, row: usize) -> bool {
        self.second_half[self.frame.subject[row]]
    }

    /// Sets of the rows of each part, with a threshold for each part from the other half of its subjects.
    fn sets(&self, parts: &[Vec<usize>]) -> Sets {
        let rows = self.frame.truth.len();
        let mut sets = Sets {
            size: vec![0; rows],
            holds: vec![0; rows],
        };
        for part in parts {
            let mut clips = vec![0.0; self.frame.subjects];
            for &row in part {
                clips[self.frame.subject[row]] += 1.0;
            }
            for half in [false, true] {
                let mut truth_scores = Vec::new();
                let mut subjects = vec![false; self.frame.subjects];
                for &row in part.iter().filter(|&&row| self.is_second(row) != half) {
                    let s = self.frame.subject[row];
                    let score = self.scores[row][self.frame.truth[row]];
                    truth_scores.push((score, 1.0 / clips[s]));
                    subjects[s] = true;
                }
                let subjects = subjects.iter().filter(|seen| **seen).count();
                let limit = threshold(&mut truth_scores, subjects, self.coverage);
                for &row in part.iter().filter(|&&row| self.is_second(row) == half) {
                    let (scores, truth) = (&self.scores[row], self.frame.truth[row]);
                    // The most probable class always belongs to the set, so that none is empty.
                    let top = scores.iter().copied().fold(f64::INFINITY, f64::min);
                    let limit = limit.max(top);
                    sets.size[row] = scores.iter().filter(|score| **score <= limit).count();
                    sets.holds[row] = usize::from(scores[truth] <= limit);
                }
            }
        }
        sets
    }

    fn coverage(
        &self,
        attribute: &str,
        group: &str,
        name: &str,
        rows: &[usize],
        sets: &Sets,
        settings: &AuditSettings,
    ) -> Option<SetCoverage> {
        // Whether the set holds the truth, as a decision that is right or wrong.
        let truth = vec![1; self.frame.truth.len()];
        let sample = Sample::new(2, &truth, &sets.holds, &self.frame.subject).ok()?;
        let tally = Tally::new(&sample, Some(rows));
        let shares = tally.linear(Metric::Accuracy)?.iter().zip(&tally.size);
        let by_subject = Tally::of_shares(shares.map(|(held, size)| held / size).collect());
        let t =
            |tally: &Tally| t_intervals(&[Metric::Accuracy], tally, &settings.intervals()).pop();
        let sizes = rows.iter().map(|&row| sets.size[row]);
        let classes = self.frame.classes.len();
        let n = rows.len().max(1) as f64;
        Some(SetCoverage {
            attribute: attribute.into(),
            group: group.into(),
            name: name.into(),
            coverage: t(&tally)?,
            coverage_by_subject: t(&by_subject)?.with_clips(rows.len()),
            mean_size: sizes.clone().sum::<usize>() as f64 / n,
            whole: sizes.filter(|size| *size == classes).count() as f64 / n,
        })
    }
}
