//! What is compared between groups within true classes: a few means of losses, so that each has a studentised contrast.

use serde::{Deserialize, Serialize};

use crate::permute::{Column, Contrast, MOST_CLASSES};
use crate::support::FEWEST_SUBJECTS;
use crate::{Metric, Sample};

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compared {
    /// Share of clips that are right.
    Accuracy,
    /// Mean absolute error in classes; ordered classes only.
    MaeGroups,
    /// Mean of predicted minus true class; ordered classes only.
    SignedError,
    /// Share of the clips of one true class that are right (equal opportunity).
    TruePositiveRate,
    /// Share of the clips of other true classes that are taken for the class (equalised odds, with the former).
    FalsePositiveRate,
}

impl Compared {
    /// Machine name, e.g. `true_positive_rate`.
    pub fn name(self) -> &'static str {
        match self {
            Compared::Accuracy => "accuracy",
            Compared::MaeGroups => "mae_groups",
            Compared::SignedError => "signed_error",
            Compared::TruePositiveRate => "true_positive_rate",
            Compared::FalsePositiveRate => "false_positive_rate",
        }
    }

    /// Name for people.
    pub fn title(self) -> &'static str {
        match self {
            Compared::Accuracy => Metric::Accuracy.title(),
            Compared::MaeGroups => Metric::MaeGroups.title(),
            Compared::SignedError => Metric::SignedError.title(),
            Compared::TruePositiveRate => "True positive rate",
            Compared::FalsePositiveRate => "False positive rate",
        }
    }

    /// The metric of the same name; none for the rates of one class.
    pub(crate) fn metric(self) -> Option<Metric> {
        match self {
            Compared::Accuracy => Some(Metric::Accuracy),
            Compared::MaeGroups => Some(Metric::MaeGroups),
            Compared::SignedError => Some(Metric::SignedError),
            Compared::TruePositiveRate | Compared::FalsePositiveRate => None,
        }
    }

    /// Whether the group is the one at a disadvantage: less often right, further off, or further from 0.
    pub(crate) fn is_worse(self, contrast: &Contrast) -> bool {
        match self {
            Compared::Accuracy | Compared::TruePositiveRate => contrast.statistic < 0.0,
            Compared::MaeGroups | Compared::FalsePositiveRate => contrast.statistic > 0.0,
            Compared::SignedError => contrast.value.abs() >= contrast.rest.abs(),
        }
    }

    /// The question that it belongs to: the rates of all classes are one question.
    pub(crate) fn question(self) -> usize {
        match self {
            Compared::Accuracy => 0,
            Compared::MaeGroups => 1,
            Compared::SignedError => 2,
            Compared::TruePositiveRate | Compared::FalsePositiveRate => 3,
        }
    }
}

/// Number of questions.
pub(crate) const QUESTIONS: usize = 4;

/// One mean and the class that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) compared: Compared,
    pub(crate) class: Option<usize>,
}

/// Groups that can be compared within true classes.
#[derive(Debug, Clone)]
pub(crate) struct Comparable {
    /// Groups, ascending.
    pub(crate) groups: Vec<usize>,
    /// Whether each class is held by at least two of them.
    pub(crate) classes: Vec<bool>,
}

impl Comparable {
    /// Of `candidates`: those with at least 5 subjects in classes that another of them holds too.
    pub(crate) fn new(sample: &Sample, of_subject: &[usize], candidates: &[usize]) -> Self {
        let mut groups = candidates.to_vec();
        loop {
            let place = |row: usize| {
                let subject = sample.subject()[row];
                let group = groups.binary_search(&of_subject[subject]).ok()?;
                Some((subject, group, sample.truth()[row]))
            };
            let mut holds = vec![vec![false; groups.len()]; sample.classes()];
            for (_, group, class) in (0..sample.len()).filter_map(place) {
                holds[class][group] = true;
            }
            let classes: Vec<bool> = holds
                .iter()
                .map(|row| row.iter().filter(|held| **held).count() >= 2)
                .collect();
            let mut seen = vec![false; of_subject.len()];
            let mut subjects = vec![0_usize; groups.len()];
            for (subject, group, class) in (0..sample.len()).filter_map(place) {
                if classes[class] && !std::mem::replace(&mut seen[subject], true) {
                    subjects[group] += 1;
                }
            }
            let kept: Vec<usize> = groups
                .iter()
                .zip(&subjects)
                .filter(|(_, n)| **n >= FEWEST_SUBJECTS)
                .map(|(group, _)| *group)
                .collect();
            if kept.len() == groups.len() {
                return Self { groups, classes };
            }
            groups = kept;
        }
    }
}

/// Makes columns at the common mix of classes: a row's loss less the mean loss of its true class, plus the mean of all. The
/// mean over a group is then its value at the common mix of classes (direct standardisation).
pub(crate) struct Columns<'a> {
    pub(crate) sample: &'a Sample<'a>,
    /// Group of each subject, renumbered; `None`: takes no part.
    pub(crate) group: &'a [Option<usize>],
    pub(crate) groups: usize,
    /// Classes that take part.
    pub(crate) classes: &'a [bool],
}

impl Columns<'_> {
    /// The column of a metric that is a mean of row losses.
    pub(crate) fn of_metric(&self, metric: Metric) -> Column {
        self.column(|_| true, |row| metric.row_loss(self.sample, row))
    }

    /// Everything that findings are about, with its column; rates of classes only where two groups have 5 subjects for them.
    pub(crate) fn items(&self) -> Vec<(Item, Column)> {
        let mut items: Vec<(Item, Column)> = [
            Compared::Accuracy,
            Compared::MaeGroups,
            Compared::SignedError,
        ]
        .into_iter()
        .filter_map(|compared| {
            let metric = compared.metric()?;
            let item = Item {
                compared,
                class: None,
            };
            metric
                .applies_to(self.sample)
                .then(|| (item, self.of_metric(metric)))
        })
        .collect();
        let classes = self.sample.classes();
        if classes > MOST_CLASSES {
            return items;
        }
        let predicted = |row: usize, class: usize| {
            let found = self.sample.predicted().get(row).copied()?;
            Some(f64::from(found == class))
        };
        for class in 0..classes {
            let hits = self.column(|truth| truth == class, |row| predicted(row, class));
            let wrongs = self.column(|truth| truth != class, |row| predicted(row, class));
            for (compared, column) in [
                (Compared::TruePositiveRate, hits),
                (Compared::FalsePositiveRate, wrongs),
            ] {
                if column.compared.iter().filter(|c| **c).count() >= 2 {
                    let class = Some(class);
                    items.push((Item { compared, class }, column));
                }
            }
        }
        items
    }

    fn column(
        &self,
        domain: impl Fn(usize) -> bool,
        loss: impl Fn(usize) -> Option<f64>,
    ) -> Column {
        let takes_part = |row: usize| {
            let subject = self.sample.subject()[row];
            self.group[subject]?;
            let class = self.sample.truth()[row];
            if !self.classes[class] || !domain(class) {
                return None;
            }
            Some((subject, class, loss(row)?))
        };
        let mut by_class = vec![(0.0, 0.0); self.sample.classes()];
        for (_, class, loss) in (0..self.sample.len()).filter_map(takes_part) {
            by_class[class].0 += loss;
            by_class[class].1 += 1.0;
        }
        let (sum, rows) = by_class
            .iter()
            .fold((0.0, 0.0), |all, of| (all.0 + of.0, all.1 + of.1));
        let mean = if rows > 0.0 { sum / rows } else { 0.0 };
        let mut of_subject = vec![(0.0, 0.0); self.group.len()];
        for (subject, class, loss) in (0..self.sample.len()).filter_map(takes_part) {
            let (sum, rows) = by_class[class];
            of_subject[subject].0 += loss - sum / rows + mean;
            of_subject[subject].1 += 1.0;
        }
        let mut subjects = vec![0_usize; self.groups];
        let entries: Vec<(usize, f64, f64)> = of_subject
            .into_iter()
            .enumerate()
            .filter(|(_, (_, rows))| *rows > 0.0)
            .map(|(subject, (loss, rows))| (subject, loss, rows))
            .collect();
        for &(subject, ..) in &entries {
            let group = self.group[subject];
            subjects[group.expect("entries are of subjects that take part")] += 1;
        }
        Column {
            entries,
            compared: subjects.iter().map(|&n| n >= FEWEST_SUBJECTS).collect(),
        }
    }
}
