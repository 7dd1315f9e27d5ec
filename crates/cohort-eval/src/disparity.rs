//! Gaps between groups against what random relabelling of subjects gives, and what may be said of them.

use cohort_tables::{LabelTable, Predictions};
use serde::{Deserialize, Serialize};

use crate::correction::{benjamini_hochberg, holm};
use crate::frame::{Attribute, Frame};
use crate::interval::FEWEST_SUBJECTS;
use crate::measure::Measure;
use crate::permute::{Labelled, Relabelling};
use crate::random::Stream;
use crate::tally::{Tally, row_loss};
use crate::{AuditSettings, EvalError, Metric, Sample};

/// Among whom labels are exchanged at random, to see what gap chance alone gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Among all subjects; values as they are.
    Plain,
    /// Among subjects of the same true class, and means of losses compared as if every group had the same mix of
    /// classes: a group is not blamed for being older or younger.
    WithinTarget,
}

impl Scheme {
    /// Machine name: `plain` or `within_target`.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Plain => "plain",
            Scheme::WithinTarget => "within_target",
        }
    }
}

/// One gap between the groups of an attribute, beside its distribution when subjects are relabelled at random.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Disparity {
    /// The label column (`A x B` for an intersection).
    pub attribute: String,
    /// The metric compared.
    pub metric: Metric,
    /// How the gap is measured.
    pub measure: Measure,
    /// Among whom labels were exchanged.
    pub scheme: Scheme,
    /// Groups compared: those of at least 5 subjects.
    pub groups: usize,
    /// Subjects in them.
    pub subjects: usize,
    /// The gap found.
    pub observed: f64,
    /// Mean gap under random relabelling: what a fair model would show.
    pub null_mean: f64,
    /// 95th percentile of the gap under random relabelling.
    pub null_p95: f64,
    /// Share of relabellings with a gap at least as large (the observed one counted in).
    pub p_value: f64,
    /// The same after Holm's correction over all attributes and metrics of one measure and scheme.
    pub p_holm: f64,
    /// The same after Benjamini and Hochberg's correction.
    pub p_bh: f64,
    /// The gap in this measure that these data would have found in 4 of 5 cases (tested alone), were the group that did
    /// worst worse still; absent for [`Measure::LargestContrast`], where no gap within the metric's range suffices, and where
    /// relabelling changes nothing.
    pub minimum_detectable: Option<f64>,
}

/// A disadvantage that the audit names at its stated error rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The label column.
    pub attribute: String,
    /// Code of the group that does worse.
    pub group: String,
    /// Its name for people.
    pub name: String,
    /// The metric in which it does worse.
    pub metric: Metric,
    /// `"worse"`.
    pub direction: String,
    /// The group's value at the common mix of classes.
    pub value: f64,
    /// The value of the others at the common mix of classes.
    pub rest: f64,
    /// `value - rest`.
    pub difference: f64,
    /// Cluster-robust standard error of the difference.
    pub standard_error: f64,
    /// Clips of the group.
    pub clips: usize,
    /// Subjects of the group.
    pub subjects: usize,
    /// Chance of so large a contrast in any group of the attribute under random relabelling within classes.
    pub p_value: f64,
    /// The same after Holm's correction over all attributes and metrics of the findings.
    pub p_holm: f64,
}

/// Equal opportunity and equalised odds for one class against the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassGap {
    /// The label column.
    pub attribute: String,
    /// Code of the class.
    pub class: String,
    /// Its name.
    pub name: String,
    /// Largest minus smallest true positive rate over groups with at least 5 subjects of the class (Hardt et al. 2016);
    /// absent with fewer than two such groups.
    pub true_positive_gap: Option<f64>,
    /// Its p value by relabelling within classes.
    pub true_positive_p: Option<f64>,
    /// Largest minus smallest false positive rate.
    pub false_positive_gap: Option<f64>,
    /// Its p value.
    pub false_positive_p: Option<f64>,
    /// The larger of the two gaps (Fairlearn's `equalized_odds_difference`), where both are there.
    pub equalised_odds: Option<f64>,
    /// The smaller of the two p values, times two, after Holm's correction over all attributes and classes.
    pub p_holm: Option<f64>,
}

/// Everything about gaps.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gaps {
    pub(crate) disparities: Vec<Disparity>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) classes: Vec<ClassGap>,
    pub(crate) notes: Vec<String>,
}

/// Metrics whose gaps are tested.
const TESTED: [Metric; 10] = [
    Metric::Accuracy,
    Metric::BalancedAccuracy,
    Metric::Kappa,
    Metric::QuadraticKappa,
    Metric::MaeGroups,
    Metric::WithinOne,
    Metric::SignedError,
    Metric::Nll,
    Metric::Brier,
    Metric::Rps,
];

/// Metrics in which a disadvantage is named: few, so that the correction costs little power.
const NAMED: [Metric; 2] = [Metric::Accuracy, Metric::MaeGroups];

/// Relabellings kept to look for the smallest gap that can be detected.
const KEPT: usize = 400;
/// Power at which a gap counts as detectable.
const POWER: f64 = 0.8;

/// The gaps and the findings of an audit by themselves: the same numbers as [`crate::audit`] gives, without the rest.
///
/// # Errors
/// [`crate::EvalError`] as in [`crate::audit`].
pub fn disparities(
    predictions: &Predictions,
    labels: &LabelTable,
    settings: &AuditSettings,
) -> Result<(Vec<Disparity>, Vec<Finding>), EvalError> {
    settings.check()?;
    let frame = Frame::new(predictions, labels, settings)?;
    let found = gaps(&frame, &frame.sample(settings)?, settings);
    Ok((found.disparities, found.findings))
}

/// Tests the gaps of every attribute.
pub(crate) fn gaps(frame: &Frame, sample: &Sample, settings: &AuditSettings) -> Gaps {
    let tally = Tally::new(sample, None);
    let mut gaps = Gaps::default();
    let mut candidates: Vec<(Finding, f64)> = Vec::new();
    for attribute in &frame.attributes {
        for scheme in [Scheme::Plain, Scheme::WithinTarget] {
            if attribute.is_target && scheme == Scheme::WithinTarget {
                continue;
            }
            one(
                frame,
                sample,
                settings,
                &tally,
                attribute,
                scheme,
                &mut gaps,
                &mut candidates,
            );
        }
    }
    correct(frame, &mut gaps);
    for (mut finding, omnibus) in candidates {
        let test = gaps.disparities.iter().find(|d| {
            d.attribute == finding.attribute
                && d.metric == finding.metric
                && d.measure == Measure::LargestContrast
                && d.scheme == Scheme::WithinTarget
        });
        let Some(test) = test else { continue };
        // The group's own p value gets the factor that Holm's correction gave the attribute's.
        finding.p_holm = (finding.p_value * test.p_holm / omnibus)
            .min(1.0)
            .max(test.p_holm);
        if finding.p_holm <= settings.alpha {
            gaps.findings.push(finding);
        }
    }
    gaps
}

#[allow(clippy::too_many_arguments)]
fn one(
    frame: &Frame,
    sample: &Sample,
    settings: &AuditSettings,
    tally: &Tally,
    attribute: &Attribute,
    scheme: Scheme,
    gaps: &mut Gaps,
    candidates: &mut Vec<(Finding, f64)>,
) {
    let of_subject = frame.by_subject(&attribute.of_row, attribute.codes.len());
    let mut subjects = vec![0_usize; attribute.codes.len()];
    for &group in &of_subject {
        if let Some(count) = subjects.get_mut(group) {
            *count += 1;
        }
    }
    // Groups that take part, renumbered.
    let included: Vec<usize> = (0..subjects.len())
        .filter(|&group| subjects.get(group).is_some_and(|&n| n >= FEWEST_SUBJECTS))
        .collect();
    if included.len() < 2 {
        if scheme == Scheme::Plain {
            gaps.notes.push(format!(
                "{}: fewer than two groups have {FEWEST_SUBJECTS} subjects, so no gap is tested",
                attribute.name
            ));
        }
        return;
    }
    let group: Vec<Option<usize>> = of_subject
        .iter()
        .map(|group| included.binary_search(group).ok())
        .collect();
    let true_class = frame.by_subject(&frame.truth, frame.classes.len());
    let stratum = match scheme {
        Scheme::Plain => vec![0; frame.subjects],
        Scheme::WithinTarget => true_class.clone(),
    };
    let metrics: Vec<Metric> = TESTED
        .into_iter()
        .filter(|metric| metric.applies_to(sample))
        // Within one true class these say nothing beyond accuracy, or nothing at all.
        .filter(|metric| !attribute.is_target || metric.is_mean())
        .collect();
    let sums = metrics
        .iter()
        .map(|&metric| match scheme {
            Scheme::Plain => tally.linear(metric).map(<[f64]>::to_vec),
            Scheme::WithinTarget => metric
                .is_mean()
                .then(|| at_common_mix(metric, sample, &group, frame.subjects)),
        })
        .collect();
    let mut by_class = vec![vec![0_usize; included.len()]; frame.classes.len()];
    for (group, &class) in group.iter().zip(&true_class) {
        if let Some(count) =
            group.and_then(|group| by_class.get_mut(class).and_then(|row| row.get_mut(group)))
        {
            *count += 1;
        }
    }
    let relabelling = Relabelling {
        tally,
        metrics: &metrics,
        group: &group,
        groups: included.len(),
        stratum: &stratum,
        sums,
        classes: frame.classes.len(),
        rate_groups: by_class
            .iter()
            .map(|row| row.iter().map(|&n| n >= FEWEST_SUBJECTS).collect())
            .collect(),
    };
    let observed = relabelling.observed();
    let scheme_name = if scheme == Scheme::Plain {
        "plain"
    } else {
        "within"
    };
    let stream = Stream::new(settings.seed, &["relabel", &attribute.name, scheme_name]);
    let null: Vec<Null> = relabelling.relabelled(settings.permutations, stream, |i, labelled| {
        Null::of(&metrics, labelled, i < KEPT)
    });
    let at_observed = Null::of(&metrics, observed.clone(), false);

    for (m, &metric) in metrics.iter().enumerate() {
        let tests = at_observed.tests(m);
        for (k, (measure, value)) in tests.into_iter().enumerate() {
            let shown = match measure {
                Measure::LargestContrast => NAMED.contains(&metric) && !attribute.is_target,
                _ => measure.suits(metric),
            };
            if !shown || !value.is_finite() {
                continue;
            }
            let mut under_null: Vec<f64> = null
                .iter()
                .filter_map(|null| null.test(m, k))
                .filter(|v| v.is_finite())
                .collect();
            under_null.sort_unstable_by(f64::total_cmp);
            if under_null.is_empty() {
                continue;
            }
            let null_p95 = crate::bootstrap::quantile(&under_null, 0.95);
            let critical = crate::bootstrap::quantile(&under_null, 1.0 - settings.alpha);
            gaps.disparities.push(Disparity {
                attribute: attribute.name.clone(),
                metric,
                measure,
                scheme,
                groups: included.len(),
                subjects: group.iter().flatten().count(),
                observed: value,
                null_mean: under_null.iter().sum::<f64>() / under_null.len() as f64,
                null_p95,
                p_value: exceedance(&under_null, value),
                p_holm: f64::NAN,
                p_bh: f64::NAN,
                minimum_detectable: minimum_detectable(
                    metric, measure, m, &observed, &null, critical,
                ),
            });
        }
        if scheme == Scheme::WithinTarget && NAMED.contains(&metric) {
            name_groups(
                frame, attribute, &included, &group, m, metric, &observed, &null, candidates,
            );
        }
    }
    if scheme == Scheme::WithinTarget {
        class_gaps(frame, attribute, &observed, &null, gaps);
    }
}

/// Loss sums of subjects less what their true classes lead one to expect, plus the mean of all: the mean of such losses
/// over a group is its value at the common mix of classes. Subjects outside the groups count for nothing.
fn at_common_mix(
    metric: Metric,
    sample: &Sample,
    group: &[Option<usize>],
    subjects: usize,
) -> Vec<f64> {
    let mut by_class = vec![(0.0, 0.0); sample.classes()];
    let takes_part = |row: usize| {
        let subject = sample.subject().get(row).copied()?;
        group.get(subject).copied().flatten()?;
        Some((
            subject,
            sample.truth().get(row).copied()?,
            row_loss(metric, sample, row)?,
        ))
    };
    for (_, class, loss) in (0..sample.len()).filter_map(takes_part) {
        if let Some((sum, rows)) = by_class.get_mut(class) {
            *sum += loss;
            *rows += 1.0;
        }
    }
    let (sum, rows) = by_class
        .iter()
        .fold((0.0, 0.0), |all, of| (all.0 + of.0, all.1 + of.1));
    let mean = if rows > 0.0 { sum / rows } else { 0.0 };
    let mut sums = vec![0.0; subjects];
    for (subject, class, loss) in (0..sample.len()).filter_map(takes_part) {
        if let (Some(total), Some(&(sum, rows))) = (sums.get_mut(subject), by_class.get(class)) {
            *total += loss - sum / rows + mean;
        }
    }
    sums
}

/// Measures of one relabelling.
struct Null {
    /// `[metric][measure]`, the largest contrast last.
    tests: Vec<[f64; 5]>,
    rate_gaps: Vec<(f64, f64)>,
    /// Values of groups and overall, of the first few relabellings.
    kept: Option<Labelled>,
}

impl Null {
    fn of(metrics: &[Metric], labelled: Labelled, keep: bool) -> Self {
        let tests = metrics
            .iter()
            .zip(&labelled.values)
            .zip(&labelled.overall)
            .zip(&labelled.contrasts)
            .map(|(((&metric, values), &overall), contrasts)| {
                let mut tests = [f64::NAN; 5];
                for (test, measure) in tests.iter_mut().zip(Measure::OF_VALUES) {
                    *test = measure.of(metric, values, overall);
                }
                let largest = contrasts.iter().map(|t| t.abs()).fold(f64::NAN, f64::max);
                let [.., last] = &mut tests;
                *last = largest;
                tests
            })
            .collect();
        Self {
            tests,
            rate_gaps: labelled.rate_gaps.clone(),
            kept: keep.then_some(labelled),
        }
    }

    fn test(&self, metric: usize, measure: usize) -> Option<f64> {
        self.tests.get(metric)?.get(measure).copied()
    }

    fn tests(&self, metric: usize) -> Vec<(Measure, f64)> {
        let measures = Measure::OF_VALUES
            .into_iter()
            .chain([Measure::LargestContrast]);
        measures
            .zip(self.tests.get(metric).copied().unwrap_or([f64::NAN; 5]))
            .collect()
    }
}

/// `(1 + values at least as large) / (1 + values)`, rounding errors forgiven.
fn exceedance(sorted: &[f64], value: f64) -> f64 {
    let bound = value - 1e-10 * value.abs().max(1e-3);
    let below = sorted.partition_point(|&null| null < bound);
    (1 + sorted.len() - below) as f64 / (1 + sorted.len()) as f64
}

/// Smallest gap found in 4 of 5 cases: the group that did worst is made worse by `d` in every kept relabelling; the
/// smallest `d` at which enough of them exceed the critical value, as the measure shows it without noise.
fn minimum_detectable(
    metric: Metric,
    measure: Measure,
    m: usize,
    observed: &Labelled,
    null: &[Null],
    critical: f64,
) -> Option<f64> {
    if measure == Measure::LargestContrast || critical <= 0.0 {
        return None;
    }
    let values = observed.values.get(m)?;
    let overall = *observed.overall.get(m)?;
    let worst = (0..values.len()).max_by(|&a, &b| {
        let bad = |i: usize| {
            values
                .get(i)
                .map_or(f64::NEG_INFINITY, |&v| metric.badness(v))
        };
        bad(a).total_cmp(&bad(b))
    })?;
    let sign = if metric.higher_is_better() == Some(true) {
        -1.0
    } else {
        1.0
    };
    let kept: Vec<(&[f64], f64)> = null
        .iter()
        .filter_map(|null| null.kept.as_ref())
        .filter_map(|labelled| {
            Some((
                labelled.values.get(m)?.as_slice(),
                *labelled.overall.get(m)?,
            ))
        })
        .collect();
    let mut scratch = vec![0.0; values.len()];
    let mut shifted = |values: &[f64], overall: f64, d: f64| {
        scratch.copy_from_slice(values);
        if let Some(value) = scratch.get_mut(worst) {
            *value += sign * d;
        }
        measure.of(metric, &scratch, overall)
    };
    let needed = ((POWER * kept.len() as f64).ceil() as usize).max(1);
    let mut detects = |d: f64| {
        let (mut found, mut left) = (0, kept.len());
        for (values, overall) in &kept {
            found += usize::from(shifted(values, *overall, d) > critical);
            left -= 1;
            if found >= needed || found + left < needed {
                break;
            }
        }
        found >= needed
    };
    let bounded = matches!(
        metric,
        Metric::Accuracy | Metric::WithinOne | Metric::BalancedAccuracy
    );
    let range = if bounded {
        overall
    } else {
        4.0 * overall.abs().max(0.5)
    };
    if !detects(range) {
        return None;
    }
    let (mut low, mut high) = (0.0, range);
    for _ in 0..20 {
        let middle = 0.5 * (low + high);
        if detects(middle) {
            high = middle
        } else {
            low = middle
        }
    }
    let gap = shifted(&vec![overall; values.len()], overall, high);
    gap.is_finite().then_some(gap)
}

/// Puts forward the groups that do worse than the rest, with their single-step p values.
#[allow(clippy::too_many_arguments)]
fn name_groups(
    frame: &Frame,
    attribute: &Attribute,
    included: &[usize],
    group: &[Option<usize>],
    m: usize,
    metric: Metric,
    observed: &Labelled,
    null: &[Null],
    candidates: &mut Vec<(Finding, f64)>,
) {
    let Some(contrasts) = observed.contrasts.get(m) else {
        return;
    };
    let mut largest: Vec<f64> = null.iter().filter_map(|null| null.test(m, 4)).collect();
    largest.sort_unstable_by(f64::total_cmp);
    let most = contrasts.iter().map(|t| t.abs()).fold(0.0, f64::max);
    let omnibus = exceedance(&largest, most);
    let mut clips = vec![(0_usize, 0_usize); included.len()];
    for &subject in &frame.subject {
        if let Some(count) = group
            .get(subject)
            .copied()
            .flatten()
            .and_then(|group| clips.get_mut(group))
        {
            count.0 += 1;
        }
    }
    for group in group.iter().flatten() {
        if let Some(count) = clips.get_mut(*group) {
            count.1 += 1;
        }
    }
    let total: usize = clips.iter().map(|count| count.0).sum();
    let overall = observed.overall.get(m).copied().unwrap_or(f64::NAN);
    for (g, (&t, &code)) in contrasts.iter().zip(included).enumerate() {
        let worse = if metric.higher_is_better() == Some(true) {
            t < 0.0
        } else {
            t > 0.0
        };
        let (Some(&value), Some(&(rows, subjects))) =
            (observed.values.get(m).and_then(|v| v.get(g)), clips.get(g))
        else {
            continue;
        };
        if !worse || total == rows {
            continue;
        }
        let rest = (overall * total as f64 - value * rows as f64) / (total - rows) as f64;
        candidates.push((
            Finding {
                attribute: attribute.name.clone(),
                group: attribute.codes.get(code).cloned().unwrap_or_default(),
                name: attribute.names.get(code).cloned().unwrap_or_default(),
                metric,
                direction: "worse".into(),
                value,
                rest,
                difference: value - rest,
                standard_error: ((value - rest) / t).abs(),
                clips: rows,
                subjects,
                p_value: exceedance(&largest, t.abs()),
                p_holm: f64::NAN,
            },
            omnibus,
        ));
    }
}

fn class_gaps(
    frame: &Frame,
    attribute: &Attribute,
    observed: &Labelled,
    null: &[Null],
    gaps: &mut Gaps,
) {
    for (class, &(hit, wrong)) in observed.rate_gaps.iter().enumerate() {
        let finite = |value: f64| Some(value).filter(|value| value.is_finite());
        let p = |value: f64, of: fn(&(f64, f64)) -> f64| {
            finite(value)?;
            let mut under_null: Vec<f64> = null
                .iter()
                .filter_map(|null| null.rate_gaps.get(class).map(of))
                .filter(|gap| gap.is_finite())
                .collect();
            under_null.sort_unstable_by(f64::total_cmp);
            Some(exceedance(&under_null, value))
        };
        gaps.classes.push(ClassGap {
            attribute: attribute.name.clone(),
            class: frame.classes.get(class).cloned().unwrap_or_default(),
            name: frame.class_names.get(class).cloned().unwrap_or_default(),
            true_positive_gap: finite(hit),
            true_positive_p: p(hit, |gap| gap.0),
            false_positive_gap: finite(wrong),
            false_positive_p: p(wrong, |gap| gap.1),
            equalised_odds: finite(hit).zip(finite(wrong)).map(|(a, b)| a.max(b)),
            p_holm: None,
        });
    }
}

/// Corrects within each family: one measure and scheme over attributes and metrics, the target by itself.
fn correct(frame: &Frame, gaps: &mut Gaps) {
    let is_target = |name: &str| {
        frame
            .attributes
            .iter()
            .any(|a| a.is_target && a.name == name)
    };
    let mut families: Vec<(Scheme, Measure, bool)> = gaps
        .disparities
        .iter()
        .map(|d| (d.scheme, d.measure, is_target(&d.attribute)))
        .collect();
    let of_row = families.clone();
    families.sort_unstable();
    families.dedup();
    for family in families {
        let members: Vec<usize> = (0..of_row.len())
            .filter(|&i| of_row.get(i) == Some(&family))
            .collect();
        let p: Vec<f64> = members
            .iter()
            .filter_map(|&i| gaps.disparities.get(i).map(|d| d.p_value))
            .collect();
        for ((&i, holm), bh) in members.iter().zip(holm(&p)).zip(benjamini_hochberg(&p)) {
            if let Some(disparity) = gaps.disparities.get_mut(i) {
                disparity.p_holm = holm;
                disparity.p_bh = bh;
            }
        }
    }
    let tested: Vec<usize> = (0..gaps.classes.len())
        .filter(|&i| gaps.classes.get(i).is_some_and(|c| smaller_p(c).is_some()))
        .collect();
    let p: Vec<f64> = tested
        .iter()
        .filter_map(|&i| gaps.classes.get(i).and_then(smaller_p))
        .collect();
    for (&i, adjusted) in tested.iter().zip(holm(&p)) {
        if let Some(class) = gaps.classes.get_mut(i) {
            class.p_holm = Some(adjusted);
        }
    }
}

fn smaller_p(class: &ClassGap) -> Option<f64> {
    match (class.true_positive_p, class.false_positive_p) {
        (Some(a), Some(b)) => Some((2.0 * a.min(b)).min(1.0)),
        (one, other) => one.or(other),
    }
}
