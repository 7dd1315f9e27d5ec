//! On how many subjects a sample rests, and what that says of an interval.

use crate::bootstrap::quantile;
use crate::distributions::t_quantile;
use crate::estimate::Method;
use crate::sample::Sample;
use crate::tally::{Tally, kish};

/// Fewest subjects for which an interval is given at all.
pub const FEWEST_SUBJECTS: usize = 5;
/// With fewer subjects the level is not claimed: from 20 on intervals err on the wide side, below 20 on either.
pub const FEWEST_CLAIMED: usize = 40;
/// With fewer effective subjects (weighed by their clips) the level is not claimed.
const FEWEST_EFFECTIVE: f64 = 12.0;
/// How many subjects a sample rests on: counted, and weighed by their clips, altogether and in each class.
#[derive(Clone)]
pub(crate) struct Support {
    pub(crate) counted: usize,
    /// Kish's effective number over all clips.
    pub(crate) subjects: f64,
    /// Subjects and their effective number in each true class.
    classes: Vec<(usize, f64)>,
}

impl Support {
    /// Of the rows of a sample that `is` holds for.
    pub(crate) fn of_rows(sample: &Sample, is: impl Fn(usize) -> bool) -> Self {
        let mut size = vec![0.0; sample.subject_bound()];
        for (row, &subject) in sample.subject().iter().enumerate() {
            size[subject] += f64::from(is(row));
        }
        Self {
            counted: size.iter().filter(|size| **size > 0.0).count(),
            subjects: kish(size.into_iter()),
            classes: Vec::new(),
        }
    }

    /// Of the rows of each true class.
    pub(crate) fn by_class(tally: &Tally) -> Vec<Self> {
        let classes = tally.subjects_by_class().into_iter();
        classes
            .zip(tally.effective_by_class())
            .map(|(counted, subjects)| Self {
                counted,
                subjects,
                classes: Vec::new(),
            })
            .collect()
    }

    /// Subjects, counted.
    pub(crate) fn counted(&self) -> usize {
        self.counted
    }

    /// The thinner of two supports.
    pub(crate) fn least(self, other: &Self) -> Self {
        Self {
            counted: self.counted.min(other.counted),
            subjects: self.subjects.min(other.subjects),
            classes: self.classes,
        }
    }

    /// With what each class that occurs rests on.
    pub(crate) fn with_classes(self, classes: &[Self]) -> Self {
        let of = |class: &Self| (class.counted, class.subjects);
        let present = classes.iter().filter(|class| class.counted > 0);
        Self {
            classes: present.map(of).collect(),
            ..self
        }
    }

    /// Of all rows.
    pub(crate) fn new(tally: &Tally) -> Self {
        let by_class = tally.subjects_by_class();
        Self {
            counted: tally.subjects(),
            subjects: tally.effective_subjects(),
            classes: by_class
                .into_iter()
                .zip(tally.effective_by_class())
                .collect(),
        }
    }

    /// Quantile of Student's t with the effective subjects less one as degrees of freedom.
    pub(crate) fn t(&self, level: f64) -> f64 {
        t_quantile(0.5 + level / 2.0, (self.subjects - 1.0).max(1.0))
    }

    /// Method and the upper and lower quantile of the pivot.
    ///
    /// The bootstrap's quantiles are used where they lie beyond those of Student's t: with 20 to 100 subjects neither
    /// alone keeps 93 % in every regime studied.
    pub(crate) fn quantiles(&self, pivots: &[f64], level: f64) -> (Method, f64, f64) {
        let t = self.t(level);
        if pivots.is_empty() {
            return (Method::ClusterRobustT, t, -t);
        }
        // Infinite where too many resamples lie at an end of the range: the pivot says nothing there.
        let finite = |quantile: f64, otherwise: f64| {
            if quantile.is_finite() {
                quantile
            } else {
                otherwise
            }
        };
        let tail = (1.0 - level) / 2.0;
        let upper = finite(quantile(pivots, 1.0 - tail), t).max(t);
        let lower = finite(quantile(pivots, tail), -t).min(-t);
        (Method::ClusterBootstrapT, upper, lower)
    }

    /// Why the level is not claimed (measured coverage: `docs/statistics.md`).
    pub(crate) fn caution(&self, weighs_classes: bool) -> Option<String> {
        let thin = |&&(_, effective): &&(usize, f64)| effective < FEWEST_SUBJECTS as f64;
        let counted = self.counted;
        if counted < FEWEST_CLAIMED {
            return Some(format!(
                "fewer than {FEWEST_CLAIMED} subjects: coverage is not assured"
            ));
        }
        if self.subjects < FEWEST_EFFECTIVE {
            return Some(format!(
                "few of the {counted} subjects hold most clips: they weigh like {:.0} alike, and coverage is not assured",
                self.subjects
            ));
        }
        let thin = self.classes.iter().filter(thin).count();
        if weighs_classes && thin > 0 {
            return Some(format!(
                "{thin} of the classes rest on fewer than {FEWEST_SUBJECTS} subjects each, weighed by their clips: the interval may be too narrow"
            ));
        }
        None
    }
}
