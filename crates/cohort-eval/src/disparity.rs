//! Gaps between groups against what random relabelling of subjects gives (permutation tests), and what may be said of them.

use cohort_tables::{LabelTable, Predictions};

use crate::attribute::Attribute;
use crate::candidates::Candidates;
use crate::compared::{Columns, Comparable, Item};
use crate::correction::{benjamini_hochberg, holm};
use crate::frame::Frame;
use crate::gaps::{Disparity, Gaps, Scheme};
use crate::measure::Measure;
use crate::outcome::{AttributeOutcome, Outcome, SUSPECTED_BELOW};
use crate::permute::{Column, Labelled, Relabelling};
use crate::random::Stream;
use crate::scale::Scale;
use crate::support::FEWEST_SUBJECTS;
use crate::tally::Tally;
use crate::{AuditSettings, EvalError, Metric, Sample};

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
) -> Result<Gaps, EvalError> {
    settings.check()?;
    let frame = Frame::new(predictions, labels, settings)?;
    Ok(gaps(&frame, &frame.sample(settings)?, settings))
}

/// Tests the gaps of every attribute.
pub(crate) fn gaps(frame: &Frame, sample: &Sample, settings: &AuditSettings) -> Gaps {
    let tally = Tally::new(sample, None);
    let mut gaps = Gaps::default();
    let mut tested: Vec<(usize, Candidates)> = Vec::new();
    for attribute in &frame.attributes {
        let task = Task {
            frame,
            sample,
            settings,
            tally: &tally,
            attribute,
        };
        task.run(&mut gaps, &mut tested);
    }
    correct(frame, &mut gaps);
    // One family over all attributes: each has one p value.
    let p: Vec<f64> = tested.iter().map(|(_, found)| found.p_value()).collect();
    for ((outcome, found), p_holm) in tested.iter().zip(holm(&p)) {
        found.report(p_holm, settings.alpha, &mut gaps);
        let outcome = &mut gaps.attributes[*outcome];
        let named = gaps
            .findings
            .iter()
            .any(|f| f.attribute == outcome.attribute);
        outcome.p_value = Some(found.p_value());
        outcome.p_holm = Some(p_holm);
        outcome.outcome = if named {
            Outcome::Shown
        } else if found.p_value() < SUSPECTED_BELOW {
            Outcome::Suspected
        } else {
            Outcome::NotShown
        };
    }
    let finest = tested.len() as f64 / (1.0 + settings.permutations as f64);
    if finest > settings.alpha {
        gaps.notes.push(format!(
            "{} relabellings are too few for {} attributes at a level of {}: no p value can be as small",
            settings.permutations,
            tested.len(),
            crate::outcome::percent(settings.alpha)
        ));
    }
    gaps
}

/// One attribute.
struct Task<'a> {
    frame: &'a Frame,
    sample: &'a Sample<'a>,
    settings: &'a AuditSettings,
    tally: &'a Tally,
    attribute: &'a Attribute,
}

impl Task<'_> {
    fn run(&self, gaps: &mut Gaps, tested: &mut Vec<(usize, Candidates)>) {
        let (frame, attribute) = (self.frame, self.attribute);
        let of_subject = frame.by_subject(&attribute.of_row, attribute.codes.len());
        let mut subjects = vec![0_usize; attribute.codes.len()];
        for &group in &of_subject {
            subjects[group] += 1;
        }
        let outcome = |reason: Option<String>| AttributeOutcome {
            attribute: attribute.name.clone(),
            outcome: Outcome::NotTestable,
            p_value: None,
            p_holm: None,
            minimum_detectable: None,
            reason,
        };
        // Groups that take part, renumbered.
        let included: Vec<usize> = (0..subjects.len())
            .filter(|&group| subjects.get(group).is_some_and(|&n| n >= FEWEST_SUBJECTS))
            .collect();
        if included.len() < 2 {
            let reason = format!(
                "fewer than two groups have {FEWEST_SUBJECTS} subjects, so no gap is tested"
            );
            gaps.notes.push(format!("{}: {reason}", attribute.name));
            if !attribute.is_target {
                gaps.attributes.push(outcome(Some(reason)));
            }
            return;
        }
        let everyone = vec![0; frame.subjects];
        let all_classes = vec![true; frame.classes.len()];
        if attribute.is_target {
            self.test(
                Scheme::Plain,
                &of_subject,
                &included,
                &everyone,
                &all_classes,
                true,
                gaps,
            );
            return;
        }
        let true_class = frame.by_subject(&frame.truth, frame.classes.len());
        let comparable = Comparable::new(self.sample, &of_subject, &included);
        let problem = not_testable(&of_subject, &true_class, &comparable);
        let testable = problem.is_none();
        self.test(
            Scheme::Plain,
            &of_subject,
            &included,
            &everyone,
            &all_classes,
            testable,
            gaps,
        );
        if let Some(reason) = problem {
            gaps.notes
                .push(format!("{}: not testable: {reason}", attribute.name));
            gaps.attributes.push(outcome(Some(reason)));
            return;
        }
        let alone: Vec<&str> = included
            .iter()
            .filter(|group| !comparable.groups.contains(group))
            .map(|&group| attribute.names[group].as_str())
            .collect();
        let reason = (!alone.is_empty()).then(|| {
            format!(
                "not compared within classes, for want of {FEWEST_SUBJECTS} subjects in true classes that other groups hold too: {}",
                alone.join(", ")
            )
        });
        if let Some(reason) = &reason {
            gaps.notes.push(format!("{}: {reason}", attribute.name));
        }
        let found = self.test(
            Scheme::WithinTarget,
            &of_subject,
            &comparable.groups,
            &true_class,
            &comparable.classes,
            true,
            gaps,
        );
        let detectable = gaps.disparities.iter().find(|d| {
            d.attribute == attribute.name
                && (d.metric, d.measure, d.scheme)
                    == (Metric::Accuracy, Measure::MaxMin, Scheme::WithinTarget)
        });
        let minimum_detectable = detectable.and_then(|d| d.minimum_detectable);
        tested.push((gaps.attributes.len(), found));
        gaps.attributes.push(AttributeOutcome {
            minimum_detectable,
            ..outcome(reason)
        });
    }

    /// Relabels within `stratum` and adds the gaps found; gives what the findings are made of (nothing for
    /// [`Scheme::Plain`]).
    #[allow(clippy::too_many_arguments)]
    fn test(
        &self,
        scheme: Scheme,
        of_subject: &[usize],
        included: &[usize],
        stratum: &[usize],
        classes: &[bool],
        detectable: bool,
        gaps: &mut Gaps,
    ) -> Candidates {
        let (frame, sample, attribute) = (self.frame, self.sample, self.attribute);
        let group: Vec<Option<usize>> = of_subject
            .iter()
            .map(|group| included.binary_search(group).ok())
            .collect();
        let metrics: Vec<Metric> = TESTED
            .into_iter()
            .filter(|metric| metric.applies_to(sample))
            // Within one true class these say nothing beyond accuracy, or nothing at all.
            .filter(|metric| !attribute.is_target || metric.is_mean())
            .collect();
        let columns = Columns {
            sample,
            group: &group,
            groups: included.len(),
            classes,
        };
        let as_it_is = |metric| {
            let losses = self.tally.linear(metric)?.iter().zip(&self.tally.size);
            Some(Column {
                entries: losses
                    .enumerate()
                    .map(|(subject, (&loss, &rows))| (subject, loss, rows))
                    .collect(),
                compared: vec![true; included.len()],
            })
        };
        let (items, contrasts): (Vec<Item>, Vec<Column>) = match scheme {
            Scheme::Plain => (Vec::new(), Vec::new()),
            Scheme::WithinTarget => columns.items().into_iter().unzip(),
        };
        let relabelling = Relabelling {
            tally: self.tally,
            metrics: &metrics,
            group: &group,
            groups: included.len(),
            stratum,
            sums: metrics
                .iter()
                .map(|&metric| match scheme {
                    Scheme::Plain => as_it_is(metric),
                    Scheme::WithinTarget => metric.is_mean().then(|| columns.of_metric(metric)),
                })
                .collect(),
            contrasts,
        };
        let observed = relabelling.observed();
        let scheme_name = if scheme == Scheme::Plain {
            "plain"
        } else {
            "within"
        };
        let stream = Stream::new(
            self.settings.seed,
            &["relabel", &attribute.name, scheme_name],
        );
        let null: Vec<Null> =
            relabelling.relabelled(self.settings.permutations, stream, |i, labelled| {
                Null::of(&metrics, labelled, i < KEPT)
            });
        let at_observed = Null::of(&metrics, observed.clone(), false);
        let found = Candidates::new(
            frame,
            attribute,
            included,
            &items,
            &relabelling,
            &at_observed.largest,
            null.iter().map(|null| null.largest.as_slice()),
        );
        for (m, &metric) in metrics.iter().enumerate() {
            let of_values = at_observed.tests(m).into_iter().map(|(k, measure, value)| {
                let of_null = null.iter().filter_map(|null| null.test(m, k));
                (measure, value, of_null.collect::<Vec<f64>>())
            });
            let contrast = items
                .iter()
                .position(|item| item.compared.metric() == Some(metric))
                .map(|place| {
                    let of_null = null.iter().map(|null| null.largest[place]);
                    let value = at_observed.largest[place];
                    (Measure::LargestContrast, value, of_null.collect())
                });
            for (measure, value, mut under_null) in of_values.chain(contrast) {
                let shown = measure == Measure::LargestContrast || measure.suits(metric);
                under_null.retain(|v| v.is_finite());
                if !shown || !value.is_finite() || under_null.is_empty() {
                    continue;
                }
                under_null.sort_unstable_by(f64::total_cmp);
                let null_p95 = crate::bootstrap::quantile(&under_null, 0.95);
                let critical = crate::bootstrap::quantile(&under_null, 1.0 - self.settings.alpha);
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
                    minimum_detectable: if detectable {
                        minimum_detectable(metric, measure, m, &observed, &null, critical)
                    } else {
                        None
                    },
                });
            }
        }
        found
    }
}

/// Why nothing can be compared within true classes; `None` where something can.
fn not_testable(
    of_subject: &[usize],
    true_class: &[usize],
    comparable: &Comparable,
) -> Option<String> {
    if comparable.groups.len() < 2 {
        return Some(format!(
            "no two groups have {FEWEST_SUBJECTS} subjects in true classes that both hold"
        ));
    }
    // Distinct ways to exchange labels: multinomial coefficients of the strata.
    let strata = true_class.iter().max().map_or(0, |largest| largest + 1);
    let mut counts = vec![vec![0.0; comparable.groups.len()]; strata];
    for (group, &class) in of_subject.iter().zip(true_class) {
        if let Ok(group) = comparable.groups.binary_search(group) {
            counts[class][group] += 1.0;
        }
    }
    let logarithm: f64 = counts
        .iter()
        .map(|row| {
            let whole = crate::distributions::ln_factorial(row.iter().sum());
            whole
                - row
                    .iter()
                    .map(|&n| crate::distributions::ln_factorial(n))
                    .sum::<f64>()
        })
        .sum();
    // The labels as they are count as one, so that no p value lies below one over their number.
    (logarithm < (1.0 / SUSPECTED_BELOW).ln() - 1e-9).then(|| {
        format!(
            "labels can be exchanged within true classes in {:.0} ways only, too few for a p value below {SUSPECTED_BELOW}",
            logarithm.exp()
        )
    })
}

/// Measures of one relabelling.
struct Null {
    /// `[metric][measure]`.
    tests: Vec<[f64; 4]>,
    /// `[item]`: largest contrast.
    largest: Vec<f64>,
    /// Values of groups and overall, of the first few relabellings.
    kept: Option<Labelled>,
}

impl Null {
    fn of(metrics: &[Metric], mut labelled: Labelled, keep: bool) -> Self {
        let tests = metrics
            .iter()
            .zip(&labelled.values)
            .zip(&labelled.overall)
            .map(|((&metric, values), &overall)| {
                Measure::OF_VALUES.map(|measure| measure.of(metric, values, overall))
            })
            .collect();
        Self {
            tests,
            largest: std::mem::take(&mut labelled.largest),
            kept: keep.then_some(labelled),
        }
    }

    fn test(&self, metric: usize, measure: usize) -> Option<f64> {
        self.tests.get(metric)?.get(measure).copied()
    }

    fn tests(&self, metric: usize) -> Vec<(usize, Measure, f64)> {
        let found = self.tests.get(metric).copied().unwrap_or([f64::NAN; 4]);
        let measures = Measure::OF_VALUES.into_iter().zip(found).enumerate();
        measures
            .map(|(k, (measure, value))| (k, measure, value))
            .collect()
    }
}

/// `(1 + values at least as large) / (1 + values)`, rounding errors forgiven.
pub(crate) fn exceedance(sorted: &[f64], value: f64) -> f64 {
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
    // A critical value of rounding errors: relabelling changes nothing.
    if measure == Measure::LargestContrast || critical <= 1e-9 {
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
        scratch[worst] += sign * d;
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
    // A share that is good when large cannot fall by more than itself.
    let bounded = metric.higher_is_better() == Some(true) && metric.scale() == Scale::Logit;
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
            .map(|&i| gaps.disparities[i].p_value)
            .collect();
        for ((&i, holm), bh) in members.iter().zip(holm(&p)).zip(benjamini_hochberg(&p)) {
            gaps.disparities[i].p_holm = holm;
            gaps.disparities[i].p_bh = bh;
        }
    }
}
